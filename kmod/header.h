/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The record header, to and from an sk_buff.
 */
#ifndef _FRAMEIO_HEADER_H
#define _FRAMEIO_HEADER_H

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/virtio_net.h>

#include <frameio/frameio.h>

static_assert(sizeof(struct frameio_hdr) == 40);
static_assert(offsetof(struct frameio_hdr, tstamp) == 16);
static_assert(offsetof(struct frameio_hdr, csum_start) == 32);
static_assert(offsetof(struct frameio_hdr, queue) == 38);
static_assert(sizeof(struct frameio_hdr) % FRAMEIO_RECORD_ALIGN == 0);
static_assert(sizeof(struct framevec) == 24);
static_assert(sizeof(struct frameio) == 16);

/**
 * frameio_header_fill() - the header of a frame that is going to be read
 * @hdr: the header, every byte of which is set
 * @skb: the frame
 * @queue: the queue pair it is read from
 */
static inline void frameio_header_fill(struct frameio_hdr *hdr, const struct sk_buff *skb,
				       u16 queue)
{
	*hdr = (struct frameio_hdr) {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(*hdr),
		.flags = skb->hash ? FRAMEIO_F_HASH : 0,
		.len = skb->len,
		.wirelen = skb->len,
		.hash = skb->hash,
		.queue = queue,
	};
}

/* What a NIC's driver told of a frame that waits to be read. */
struct frameio_received {
	u64 tstamp;
	u16 flags;		/* FRAMEIO_F_TSTAMP_*, FRAMEIO_F_CSUM_VALID */
};

static inline struct frameio_received *frameio_received(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct frameio_received) > sizeof(skb->cb));
	return (struct frameio_received *)skb->cb;
}

/**
 * frameio_header_fill_received() - what a NIC's driver told of a frame, besides
 * @hdr: its header, which has the rest
 * @skb: the frame
 */
static inline void frameio_header_fill_received(struct frameio_hdr *hdr, struct sk_buff *skb)
{
	if (unlikely(skb_vlan_tag_present(skb))) {
		hdr->flags |= FRAMEIO_F_VLAN;
		hdr->vlan_tci = skb_vlan_tag_get(skb);
		hdr->vlan_proto = ntohs(skb->vlan_proto);
	}
	hdr->flags |= frameio_received(skb)->flags;
	hdr->tstamp = frameio_received(skb)->tstamp;
}

/* Is something left to make of a frame: its checksum, and segments perhaps? */
static inline bool frameio_frame_has_offload(const struct sk_buff *skb)
{
	return skb->ip_summed == CHECKSUM_PARTIAL;
}

/* Smaller segments would let one frame become tens of thousands in a softirq. */
#define FRAMEIO_GSO_SIZE_MIN	8

/* Frames that one written record may become on a wire. */
#define FRAMEIO_SEGMENTS_MAX	1024

/*
 * Are the fields for segmentation what a frame can be cut by? The checksum must
 * be left to make, as each segment has another, and be the transport's own.
 */
static inline bool frameio_header_check_gso(const struct frameio_hdr *hdr)
{
	if (!hdr->gso_type)
		return true;
	if (!(hdr->flags & FRAMEIO_F_CSUM_PARTIAL) || hdr->gso_size < FRAMEIO_GSO_SIZE_MIN)
		return false;
	switch (hdr->gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
	case VIRTIO_NET_HDR_GSO_TCPV6:
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		return hdr->csum_offset == offsetof(struct tcphdr, check);
	case VIRTIO_NET_HDR_GSO_UDP:
		/* IP fragments, which are multiples of 8 bytes */
		return hdr->csum_offset == offsetof(struct udphdr, check) &&
		       hdr->gso_size % 8 == 0;
	default:
		return false;
	}
}

/**
 * frameio_header_check() - is this a header a writer may send?
 * @hdr: the header, in memory that user space cannot change any more
 * @len: bytes that follow it
 *
 * Return: true if it is.
 */
static inline bool frameio_header_check(const struct frameio_hdr *hdr, size_t len)
{
	const u16 known = FRAMEIO_F_TSTAMP_SW | FRAMEIO_F_TSTAMP_HW | FRAMEIO_F_HASH |
			  FRAMEIO_F_VLAN | FRAMEIO_F_CSUM_PARTIAL | FRAMEIO_F_CSUM_VALID;

	return hdr->version == FRAMEIO_HDR_VERSION && hdr->hdrlen == sizeof(*hdr) &&
	       !(hdr->flags & ~known) && !hdr->reserved && hdr->len == len &&
	       frameio_header_check_gso(hdr);
}

/* Does the header ask for more than to receive the frame as it is? */
static inline bool frameio_header_is_plain(const struct frameio_hdr *hdr)
{
	return !hdr->gso_type && !(hdr->flags & (FRAMEIO_F_VLAN | FRAMEIO_F_CSUM_PARTIAL |
						 FRAMEIO_F_CSUM_VALID));
}

bool frameio_header_can_tell(struct sk_buff *skb, bool l3);
void frameio_header_fill_offload(struct frameio_hdr *hdr, const struct sk_buff *skb);
int frameio_header_apply(const struct frameio_hdr *hdr, struct sk_buff *skb);

#endif /* _FRAMEIO_HEADER_H */
