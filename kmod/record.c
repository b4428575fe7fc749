// SPDX-License-Identifier: GPL-2.0
/*
 * Written records that are large, or ask for more than to be received as they are.
 */
#include "nic.h"
#include "record.h"

/**
 * frameio_record_alloc_large() - an sk_buff for a record that has no place in a page
 * @record: its @len is set, @skb will be
 * @gfp: how
 *
 * The first page of it is in one piece, the rest in fragments.
 *
 * Return: 0 or -ENOMEM.
 */
int frameio_record_alloc_large(struct frameio_record *record, gfp_t gfp)
{
	const u32 linear = min_t(u32, record->len, SKB_MAX_HEAD(FRAMEIO_HEADROOM));
	const u32 rest = record->len - linear;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(FRAMEIO_HEADROOM + linear, rest, PAGE_ALLOC_COSTLY_ORDER,
				   &err, gfp);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, FRAMEIO_HEADROOM);
	skb_put(skb, linear);
	skb->data_len = rest;
	skb->len += rest;
	record->skb = skb;
	return 0;
}

/**
 * frameio_record_free() - free a record that no sk_buff was built of
 * @record: the record
 */
void frameio_record_free(struct frameio_record *record)
{
	if (record->skb)
		kfree_skb(record->skb);
	else
		page_frag_free(record->data);
}

/**
 * frameio_record_apply() - make an sk_buff of a record now, for what its header asks of it
 * @port: the port it was written to
 * @record: the record
 * @hdr: its header
 *
 * A frame longer than the port's longest must have become segments that are not.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int frameio_record_apply(const struct frameio_port *port, struct frameio_record *record,
			 const struct frameio_hdr *hdr)
{
	/* it lies in the frame's own memory, which may be another one afterwards */
	const struct frameio_hdr asked = *hdr;
	int err;

	if (!record->skb) {
		record->skb = build_skb(record->data, frameio_record_size(record->len));
		if (!record->skb)
			return -ENOMEM;
		skb_reserve(record->skb, FRAMEIO_HEADROOM);
		skb_put(record->skb, record->len);
	}
	__skb_pull(record->skb, sizeof(asked));
	err = frameio_header_apply(&asked, record->skb);
	if (!err && asked.gso_type && !skb_is_gso(record->skb) &&
	    record->skb->len > frameio_record_max(port, record->skb->data))
		err = -EINVAL;
	if (!err && skb_is_gso(record->skb) && frameio_port_is_nic(port) &&
	    !frameio_nic_check_gso(record->skb, frameio_record_max(port, record->skb->data)))
		err = -EINVAL;
	return err;
}
