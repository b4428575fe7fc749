// SPDX-License-Identifier: GPL-2.0
/*
 * Which flow a frame is of.
 *
 * The kernel's flow dissector can tell, of any tunnel in a tunnel, but takes as long as a
 * third of a frame's whole way into the kernel. What most frames are, TCP and UDP in IP or
 * nothing that is IP, is found here by a look at each header, and only the rest is left to
 * it. A frame's own bytes decide by whom it is read, so that both directions agree.
 *
 * The hash is keyed: nobody outside can choose flows that fall into one set, or one queue
 * pair, and a hash that gets out, as the source port of a tunnel does, tells no addresses.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/ip.h>

#include "flow.h"

/* VLAN tags that are looked past. */
#define FRAMEIO_FLOW_TAGS	3

static hsiphash_key_t frameio_flow_key __ro_after_init;

/* How many words a flow has is told by its first. */
static unsigned int frameio_flow_length(const struct frameio_flow *flow)
{
	switch ((__force __be16)(u16)flow->words[0]) {
	case htons(ETH_P_IP):
		return 2;
	case htons(ETH_P_IPV6):
		return 5;
	default:
		return 1;
	}
}

static bool frameio_flow_has_ports(u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* The first word. @order: of the two addresses, as memcmp() tells it */
static bool frameio_flow_set_ports(struct frameio_flow *flow, const struct sk_buff *skb,
				   int offset, __be16 ethertype, u8 protocol, int order)
{
	__be16 buffer[2];
	const __be16 *ports = skb_header_pointer(skb, offset, sizeof(buffer), buffer);
	u16 first, second;

	if (!ports)
		return false;
	first = (__force u16)ports[0];
	second = (__force u16)ports[1];
	/* between two sockets of one address the ports tell the ends apart */
	if (order > 0 || (!order && first > second))
		swap(first, second);
	flow->words[0] = (u64)first << 48 | (u64)second << 32 | (u32)protocol << 16 |
			 (__force u16)ethertype;
	return true;
}

static bool frameio_flow_read_ipv4(struct frameio_flow *flow, const struct sk_buff *skb, int offset)
{
	struct iphdr buffer;
	const struct iphdr *ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	u32 from, to;

	if (!ip || ip->ihl < 5 || ip_is_fragment(ip) || !frameio_flow_has_ports(ip->protocol))
		return false;
	from = (__force u32)ip->saddr;
	to = (__force u32)ip->daddr;
	flow->words[1] = (u64)max(from, to) << 32 | min(from, to);
	return frameio_flow_set_ports(flow, skb, offset + ip->ihl * 4, htons(ETH_P_IP),
				      ip->protocol, from < to ? -1 : from > to);
}

static bool frameio_flow_read_ipv6(struct frameio_flow *flow, const struct sk_buff *skb, int offset)
{
	struct ipv6hdr buffer;
	const struct ipv6hdr *ip = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	int order;

	if (!ip || !frameio_flow_has_ports(ip->nexthdr))
		return false;
	order = memcmp(&ip->saddr, &ip->daddr, sizeof(ip->saddr));
	memcpy(&flow->words[1], order > 0 ? &ip->daddr : &ip->saddr, sizeof(ip->saddr));
	memcpy(&flow->words[3], order > 0 ? &ip->saddr : &ip->daddr, sizeof(ip->saddr));
	return frameio_flow_set_ports(flow, skb, offset + sizeof(*ip), htons(ETH_P_IPV6),
				      ip->nexthdr, order);
}

/* Return: false if the flow dissector is to look at it. */
static bool frameio_flow_read(struct frameio_flow *flow, const struct sk_buff *skb, int offset,
			      bool l3)
{
	__be16 ethertype = skb->protocol;
	unsigned int tags;

	if (!l3) {
		struct ethhdr buffer;
		const struct ethhdr *eth = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);

		if (!eth)
			return false;
		ethertype = eth->h_proto;
		offset += sizeof(*eth);
	}
	for (tags = 0; tags < FRAMEIO_FLOW_TAGS && eth_type_vlan(ethertype); tags++) {
		struct vlan_hdr buffer;
		const struct vlan_hdr *tag = skb_header_pointer(skb, offset, sizeof(buffer),
								&buffer);

		if (!tag)
			return false;
		ethertype = tag->h_vlan_encapsulated_proto;
		offset += sizeof(*tag);
	}
	switch (ethertype) {
	case htons(ETH_P_IP):
		return frameio_flow_read_ipv4(flow, skb, offset);
	case htons(ETH_P_IPV6):
		return frameio_flow_read_ipv6(flow, skb, offset);
	/* in which the dissector finds flows */
	case htons(ETH_P_8021Q):
	case htons(ETH_P_8021AD):
	case htons(ETH_P_PPP_SES):
	case htons(ETH_P_MPLS_UC):
	case htons(ETH_P_MPLS_MC):
	case htons(ETH_P_BATMAN):
	case htons(ETH_P_TIPC):
		return false;
	default:
		if (!eth_proto_is_802_3(ethertype))
			ethertype = htons(ETH_P_802_2);
		flow->words[0] = (__force u16)ethertype;
		return true;
	}
}

static u32 frameio_flow_make_hash(const struct frameio_flow *flow)
{
	return hsiphash(flow->words, frameio_flow_length(flow) * sizeof(*flow->words),
			&frameio_flow_key);
}

/* Whoever wants a frame's hash later finds this one. */
static u32 frameio_flow_keep(struct sk_buff *skb, u32 hash)
{
	if (!skb->hash)
		__skb_set_sw_hash(skb, hash, false);
	return hash;
}

/**
 * frameio_flow_hash() - the hash of a frame's flow
 * @skb: the frame
 * @offset: where its first header is, from the data on
 * @l3: that is the IP header, and the protocol tells its version
 *
 * Return: the hash, the same for both directions of the flow.
 */
u32 frameio_flow_hash(struct sk_buff *skb, int offset, bool l3)
{
	struct frameio_flow flow;

	if (!frameio_flow_read(&flow, skb, offset, l3))
		return frameio_flow_keep(skb, __skb_get_hash_symmetric(skb));
	return frameio_flow_keep(skb, frameio_flow_make_hash(&flow));
}

/**
 * frameio_flow_changes() - the same of frames in a row
 * @skb: the frame
 * @offset: where its first header is, from the data on
 * @l3: that is the IP header, and the protocol tells its version
 * @last: what the frame before it was of, and then what this one is of
 *
 * Most frames that come together are of one flow.
 *
 * Return: false if that is known of this one, too.
 */
bool frameio_flow_changes(struct sk_buff *skb, int offset, bool l3,
			  struct frameio_flow_last *last)
{
	struct frameio_flow flow;
	size_t size;

	if (!frameio_flow_read(&flow, skb, offset, l3)) {
		last->flow.words[0] = 0;
		last->hash = frameio_flow_keep(skb, __skb_get_hash_symmetric(skb));
		return true;
	}
	size = frameio_flow_length(&flow) * sizeof(*flow.words);
	/* of the same length, then */
	if (flow.words[0] == last->flow.words[0] && !memcmp(&flow, &last->flow, size)) {
		frameio_flow_keep(skb, last->hash);
		return false;
	}
	memcpy(&last->flow, &flow, size);
	last->hash = frameio_flow_keep(skb, frameio_flow_make_hash(&flow));
	return true;
}

void __init frameio_flow_init(void)
{
	get_random_bytes(&frameio_flow_key, sizeof(frameio_flow_key));
}
