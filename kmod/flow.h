/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FRAMEIO_FLOW_H
#define _FRAMEIO_FLOW_H

#include <linux/init.h>
#include <linux/skbuff.h>

/**
 * struct frameio_flow - what the frames of a flow have alike, in both directions
 * @words: the EtherType with, for TCP and UDP, protocol and ports; then the addresses, the
 *	lower end first. An EtherType is not 0, so neither is the first word of a flow.
 */
struct frameio_flow {
	u64 words[5];
};

/**
 * struct frameio_flow_last - the flow that frames in a row are of
 * @flow: of the last frame; its first word is 0 before there is one
 * @hash: its hash
 */
struct frameio_flow_last {
	struct frameio_flow flow;
	u32 hash;
};

u32 frameio_flow_hash(struct sk_buff *skb, int offset, bool l3);
bool frameio_flow_changes(struct sk_buff *skb, int offset, bool l3,
			  struct frameio_flow_last *last);
void __init frameio_flow_init(void);

#endif /* _FRAMEIO_FLOW_H */
