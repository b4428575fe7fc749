/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A written record on its way from user space's memory to an sk_buff.
 *
 * It is copied once, header and all, and judged in the kernel's memory, where nobody
 * can change it any more. Most become an sk_buff only then, around that memory.
 */
#ifndef _FRAMEIO_RECORD_H
#define _FRAMEIO_RECORD_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "header.h"
#include "port.h"

/* Bytes in front of a record, so that a forwarded frame has room for headers. */
#define FRAMEIO_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN)

int frameio_record_alloc_large(struct frameio_record *record, gfp_t gfp);
void frameio_record_free(struct frameio_record *record);
int frameio_record_apply(const struct frameio_port *port, struct frameio_record *record,
			 const struct frameio_hdr *hdr);

/* What the memory of a record takes, sk_buff's part at its end included. */
static inline u32 frameio_record_size(u32 len)
{
	return SKB_DATA_ALIGN(FRAMEIO_HEADROOM + len) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
}

/* Can the frame of a record of this length be one that the port takes? */
static inline bool frameio_record_len_is_valid(const struct frameio_port *port, size_t len)
{
	return len >= sizeof(struct frameio_hdr) + frameio_port_frame_min(port) &&
	       len <= sizeof(struct frameio_hdr) + frameio_port_frame_limit(port);
}

/**
 * frameio_record_alloc() - find memory for a record
 * @qp: the queue pair whose pages it may come from
 * @record: its @len is set
 * @gfp: how
 *
 * Return: 0 or -ENOMEM.
 */
static inline int frameio_record_alloc(struct frameio_qp *qp, struct frameio_record *record,
				       gfp_t gfp)
{
	const u32 size = frameio_record_size(record->len);

	record->skb = NULL;
	record->data = NULL;
	if (likely(size <= PAGE_SIZE))
		record->data = page_frag_alloc(&qp->write_pages, size, gfp);
	if (unlikely(!record->data))
		return frameio_record_alloc_large(record, gfp);
	return 0;
}

/* Where the record itself is, as far as it is in one piece: its first page at least. */
static inline u8 *frameio_record_start(const struct frameio_record *record)
{
	return record->skb ? record->skb->data : record->data + FRAMEIO_HEADROOM;
}

/* Is this a packet that an L3 port may receive? */
static inline bool frameio_packet_check(const u8 *packet, u32 len)
{
	switch (packet[0] >> 4) {
	case 4:
		return len >= sizeof(struct iphdr);
	case 6:
		return len >= sizeof(struct ipv6hdr);
	default:
		return false;
	}
}

/* The longest frame the port takes; a VLAN tag inside it does not count. */
static inline u32 frameio_record_max(const struct frameio_port *port, const u8 *frame)
{
	const struct ethhdr *eth = (const struct ethhdr *)frame;
	u32 max = READ_ONCE(port->frame_max);

	if (!frameio_port_is_l3(port) && eth_type_vlan(eth->h_proto))
		max += VLAN_HLEN;
	return max;
}

/* A checksum starts behind the link and network headers; devices rely on that. */
static inline u32 frameio_csum_min(const struct frameio_port *port, const struct frameio_hdr *hdr)
{
	const bool v6 = (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6;

	return (frameio_port_is_l3(port) ? 0 : ETH_HLEN) +
	       (v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

/*
 * Does the port take this frame? @frame is at least as long as its shortest,
 * and what is looked at of it is in one piece.
 */
static inline bool frameio_record_check(const struct frameio_port *port,
					const struct frameio_hdr *hdr, const u8 *frame, u32 len)
{
	if (!frameio_header_check(hdr, len))
		return false;
	if ((hdr->flags & FRAMEIO_F_CSUM_PARTIAL) && hdr->csum_start < frameio_csum_min(port, hdr))
		return false;
	if ((hdr->gso_type ? hdr->gso_size : len) > frameio_record_max(port, frame))
		return false;
	if (frameio_port_is_l3(port))
		return frameio_packet_check(frame, len) && !(hdr->flags & FRAMEIO_F_VLAN);
	return true;
}

/**
 * frameio_record_judge() - see whether the port takes a record that was copied in
 * @port: the port
 * @record: the record, whose length is valid
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
static inline int frameio_record_judge(const struct frameio_port *port,
				       struct frameio_record *record)
{
	const u8 *start = frameio_record_start(record);
	const struct frameio_hdr *hdr = (const struct frameio_hdr *)start;
	struct frameio_hdr aligned;

	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)) {
		memcpy(&aligned, start, sizeof(aligned));
		hdr = &aligned;
	}
	if (!frameio_record_check(port, hdr, start + sizeof(*hdr), record->len - sizeof(*hdr)))
		return -EINVAL;
	if (unlikely(record->skb || !frameio_header_is_plain(hdr)))
		return frameio_record_apply(port, record, hdr);
	return 0;
}

/* Make an sk_buff of a record that was taken, with bottom halves off; NULL: no memory. */
static inline struct sk_buff *frameio_record_build(struct frameio_record *record)
{
	struct sk_buff *skb;

	if (unlikely(record->skb))
		return record->skb;
	skb = frameio_napi_build_skb(record->data, frameio_record_size(record->len));
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, FRAMEIO_HEADROOM + sizeof(struct frameio_hdr));
	__skb_put(skb, record->len - sizeof(struct frameio_hdr));
	return skb;
}

#endif /* _FRAMEIO_RECORD_H */
