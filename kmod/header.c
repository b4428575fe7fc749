// SPDX-License-Identifier: GPL-2.0
/*
 * What a written record's header asks for beyond the frame's bytes.
 */
#include <linux/if_vlan.h>

#include "header.h"

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
