// SPDX-License-Identifier: GPL-2.0
/*
 * What a written record's header asks for beyond the frame's bytes.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "header.h"

/* The flags of a frame of TCP segments that virtio_net's terms have words for. */
#define FRAMEIO_GSO_KNOWN	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_TCP_ECN | SKB_GSO_DODGY)

/* Can a record tell of the segments of such a frame, and would any port take it? */
static bool frameio_header_can_tell_gso(const struct sk_buff *skb, u32 start)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	const struct tcphdr *tcp = (void *)skb->data + start;

	if ((shinfo->gso_type & ~FRAMEIO_GSO_KNOWN) ||
	    !(shinfo->gso_type & SKB_GSO_TCPV4) == !(shinfo->gso_type & SKB_GSO_TCPV6))
		return false;
	if (shinfo->gso_size < FRAMEIO_GSO_SIZE_MIN ||
	    skb->len / shinfo->gso_size >= FRAMEIO_SEGMENTS_MAX)
		return false;
	return start + sizeof(*tcp) <= skb_headlen(skb) &&
	       skb->csum_offset == offsetof(struct tcphdr, check) && tcp->doff * 4 >= sizeof(*tcp);
}

/**
 * frameio_header_can_tell() - can a record tell what is left to make of a frame?
 * @skb: the frame, its data starting at the first byte, which may come from anywhere
 * @l3: it is a packet
 *
 * Return: true if it can, or nothing is; and the frame is no longer than a reader expects.
 */
bool frameio_header_can_tell(struct sk_buff *skb, bool l3)
{
	const bool v6 = skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6;
	const int least = (l3 ? 0 : ETH_HLEN) + (v6 ? sizeof(struct ipv6hdr) :
							sizeof(struct iphdr));
	const int start = skb_checksum_start_offset(skb);

	if (skb->len > FRAMEIO_OFFLOAD_MAX)
		return false;
	if (!frameio_frame_has_offload(skb))
		return !skb_is_gso(skb);
	if (skb_csum_is_sctp(skb) || start < least ||
	    start + skb->csum_offset + sizeof(__sum16) > skb_headlen(skb))
		return false;
	return !skb_is_gso(skb) || frameio_header_can_tell_gso(skb, start);
}

/**
 * frameio_header_fill_offload() - what is left to make of a frame, besides
 * @hdr: its header, which has the rest
 * @skb: the frame, of which something is, and frameio_header_can_tell() was true
 */
void frameio_header_fill_offload(struct frameio_hdr *hdr, const struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	const u32 start = skb_checksum_start_offset(skb);
	const struct tcphdr *tcp = (void *)skb->data + start;

	hdr->flags |= FRAMEIO_F_CSUM_PARTIAL;
	hdr->csum_start = start;
	hdr->csum_offset = skb->csum_offset;
	if (!skb_is_gso(skb))
		return;
	hdr->gso_size = shinfo->gso_size;
	hdr->gso_hdrlen = start + tcp->doff * 4;
	hdr->gso_type = shinfo->gso_type & SKB_GSO_TCPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
							   VIRTIO_NET_HDR_GSO_TCPV4;
	if (shinfo->gso_type & SKB_GSO_TCP_ECN)
		hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

/* Checksums left to make and segments left to cut, in virtio_net's terms. */
static int frameio_header_apply_offload(const struct frameio_hdr *hdr, struct sk_buff *skb)
{
	const bool le = virtio_legacy_is_little_endian();
	const struct virtio_net_hdr vnet = {
		.flags = hdr->flags & FRAMEIO_F_CSUM_PARTIAL ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
		.gso_type = hdr->gso_type,
		.hdr_len = __cpu_to_virtio16(le, hdr->gso_hdrlen),
		.gso_size = __cpu_to_virtio16(le, hdr->gso_size),
		.csum_start = __cpu_to_virtio16(le, hdr->csum_start),
		.csum_offset = __cpu_to_virtio16(le, hdr->csum_offset),
	};

	return virtio_net_hdr_to_skb(skb, &vnet, le);
}

/**
 * frameio_header_apply() - give a written frame what its header says of it
 * @hdr: the header, checked by frameio_header_check()
 * @skb: the frame, its data starting at the first byte
 *
 * Return: 0, or -EINVAL where the header and the frame do not fit.
 */
int frameio_header_apply(const struct frameio_hdr *hdr, struct sk_buff *skb)
{
	if (hdr->flags & FRAMEIO_F_VLAN) {
		__be16 proto = htons(hdr->vlan_proto);

		if (!eth_type_vlan(proto))
			return -EINVAL;
		__vlan_hwaccel_put_tag(skb, proto, hdr->vlan_tci);
	}
	if (hdr->flags & FRAMEIO_F_CSUM_VALID)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (hdr->gso_type || (hdr->flags & FRAMEIO_F_CSUM_PARTIAL))
		return frameio_header_apply_offload(hdr, skb);
	return 0;
}
