/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <string.h>

#include <frameio/frameio.h>

#include "program.h"
#include "record.h"

/* The arguments of the call "record", in their order. */
enum {
	ARG_RECORD, ARG_FRAME, ARG_L3, ARG_LEN, ARG_FLAGS, ARG_GSO_TYPE, ARG_GSO_SIZE,
	ARG_GSO_HDRLEN, ARG_CSUM_START, ARG_CSUM_OFFSET, ARG_VLAN_TCI, ARG_VLAN_PROTO, ARG_TWEAK,
};

/* The longest row of headers below. */
#define HEADERS_MAX	256

/* Headers are put together from the outermost on, whatever the frame's length. */
struct headers {
	unsigned char bytes[HEADERS_MAX];
	size_t len;
};

static void *headers_add(struct headers *headers, size_t len)
{
	void *start = headers->bytes + headers->len;

	memset(start, 0, len);
	headers->len += len;
	return start;
}

static uint16_t sum(const void *from, size_t len)
{
	const unsigned char *bytes = from;
	uint32_t total = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		total += bytes[i] << 8 | bytes[i + 1];
	total = (total & 0xffff) + (total >> 16);
	return htons(~((total & 0xffff) + (total >> 16)));
}

static void add_ethernet(struct headers *headers, uint16_t type)
{
	struct ethhdr *eth = headers_add(headers, sizeof(*eth));

	if (type == ETH_P_IP || type == ETH_P_IPV6)
		memcpy(eth->h_dest, RECORD_ETHERNET, sizeof(eth->h_dest));
	else
		memset(eth->h_dest, 0xff, sizeof(eth->h_dest));
	memcpy(eth->h_source, "\x02\x00\x00\x00\x00\x01", sizeof(eth->h_source));
	eth->h_proto = htons(type);
}

static void add_tag(struct headers *headers, uint16_t tci, uint16_t type)
{
	uint16_t *tag = headers_add(headers, 4);

	tag[0] = htons(tci);
	tag[1] = htons(type);
}

static void add_ipv4(struct headers *headers, size_t len, uint8_t protocol, uint16_t fragment,
		     size_t options)
{
	struct iphdr *ip = headers_add(headers, sizeof(*ip) + options);

	ip->version = 4;
	ip->ihl = (sizeof(*ip) + options) / 4;
	ip->tot_len = htons(len);
	ip->frag_off = htons(fragment);
	ip->ttl = 64;
	ip->protocol = protocol;
	inet_pton(AF_INET, "10.0.0.1", &ip->saddr);
	inet_pton(AF_INET, RECORD_NETWORK4 "2", &ip->daddr);
	memset(ip + 1, 1, options);
	ip->check = sum(ip, sizeof(*ip) + options);
}

static void add_ipv6(struct headers *headers, size_t len, uint8_t next)
{
	struct ipv6hdr *ip = headers_add(headers, sizeof(*ip));

	ip->version = 6;
	ip->payload_len = htons(len > sizeof(*ip) ? len - sizeof(*ip) : 0);
	ip->nexthdr = next;
	ip->hop_limit = 255;
	inet_pton(AF_INET6, "fd00::1", &ip->saddr);
	inet_pton(AF_INET6, RECORD_NETWORK6 "2", &ip->daddr);
}

static void add_tcp(struct headers *headers)
{
	struct tcphdr *tcp = headers_add(headers, sizeof(*tcp));

	tcp->source = htons(1000);
	tcp->dest = htons(2000);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->ack = 1;
	tcp->window = htons(1000);
}

static void add_udp(struct headers *headers, size_t len)
{
	struct udphdr *udp = headers_add(headers, sizeof(*udp));

	udp->source = htons(1000);
	udp->dest = htons(2000);
	udp->len = htons(len);
}

static void add_arp(struct headers *headers)
{
	struct arphdr *arp = headers_add(headers, sizeof(*arp) + 20);

	arp->ar_hrd = htons(ARPHRD_ETHER);
	arp->ar_pro = htons(ETH_P_IP);
	arp->ar_hln = ETH_ALEN;
	arp->ar_pln = 4;
	arp->ar_op = htons(ARPOP_REQUEST);
}

static uint16_t frame_ethertype(enum frame frame)
{
	switch (frame) {
	case FRAME_TEST:
		return 0x88b5;
	case FRAME_TCP6:
	case FRAME_UDP6:
	case FRAME_ICMP6:
	case FRAME_EXTENDED6:
		return ETH_P_IPV6;
	case FRAME_ARP:
		return ETH_P_ARP;
	case FRAME_VLAN:
		return ETH_P_8021Q;
	case FRAME_QINQ:
		return ETH_P_8021AD;
	default:
		return ETH_P_IP;
	}
}

/* @len is what is left of the frame for the headers and all that follows them. */
static void add_packet(struct headers *headers, enum frame frame, size_t len)
{
	switch (frame) {
	case FRAME_TEST:
	case FRAME_UDP4:
		add_ipv4(headers, len, IPPROTO_UDP, 0, 0);
		add_udp(headers, len - 20);
		break;
	case FRAME_VLAN:
	case FRAME_QINQ:
	case FRAME_TCP4:
		add_ipv4(headers, len, IPPROTO_TCP, 0, 0);
		add_tcp(headers);
		break;
	case FRAME_TCP6:
		add_ipv6(headers, len, IPPROTO_TCP);
		add_tcp(headers);
		break;
	case FRAME_UDP6:
		add_ipv6(headers, len, IPPROTO_UDP);
		add_udp(headers, len - 40);
		break;
	case FRAME_ICMP4:
		add_ipv4(headers, len, IPPROTO_ICMP, 0, 0);
		*(uint8_t *)headers_add(headers, sizeof(struct icmphdr)) = ICMP_ECHO;
		break;
	case FRAME_ICMP6:
		add_ipv6(headers, len, IPPROTO_ICMPV6);
		*(uint8_t *)headers_add(headers, 24) = 135;	/* neighbour solicitation */
		break;
	case FRAME_ARP:
		add_arp(headers);
		break;
	case FRAME_FRAGMENT4:
		add_ipv4(headers, len, IPPROTO_UDP, 0x2001, 0);
		break;
	case FRAME_OPTIONS4:
		add_ipv4(headers, len, IPPROTO_TCP, 0, 40);
		add_tcp(headers);
		break;
	case FRAME_EXTENDED6:
		add_ipv6(headers, len, IPPROTO_HOPOPTS);
		*(uint8_t *)headers_add(headers, 8) = IPPROTO_DSTOPTS;
		*(uint8_t *)headers_add(headers, 8) = IPPROTO_TCP;
		add_tcp(headers);
		break;
	case FRAME_IPIP:
		add_ipv4(headers, len, IPPROTO_IPIP, 0, 0);
		add_ipv4(headers, len - 20, IPPROTO_TCP, 0, 0);
		add_tcp(headers);
		break;
	case FRAME_GRE:
		add_ipv4(headers, len, IPPROTO_GRE, 0, 0);
		*(uint16_t *)((uint8_t *)headers_add(headers, 4) + 2) = htons(ETH_P_IP);
		add_ipv4(headers, len - 24, IPPROTO_TCP, 0, 0);
		add_tcp(headers);
		break;
	default:
		break;
	}
}

size_t record_frame_len(const uint64_t *args)
{
	return args[ARG_LEN] % (RECORD_FRAME_MAX + 1);
}

void record_make_frame(const uint64_t *args, unsigned char *frame)
{
	const enum frame kind = args[ARG_FRAME] % FRAME_COUNT;
	const size_t len = record_frame_len(args);
	struct headers headers = { .len = 0 };
	uint32_t state = len + kind;
	size_t i;

	for (i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		frame[i] = kind == FRAME_ZERO ? 0 : state >> 24;
	}
	if (kind == FRAME_ZERO || kind == FRAME_RANDOM)
		return;
	if (!(args[ARG_L3] & 1)) {
		add_ethernet(&headers, frame_ethertype(kind));
		if (kind == FRAME_QINQ)
			add_tag(&headers, 200, ETH_P_8021Q);
		if (kind == FRAME_VLAN || kind == FRAME_QINQ)
			add_tag(&headers, 100, ETH_P_IP);
	}
	add_packet(&headers, kind, len - headers.len);
	memcpy(frame, headers.bytes, len < headers.len ? len : headers.len);
}

void record_make(const uint64_t *args, unsigned char *record)
{
	struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(hdr),
		.flags = args[ARG_FLAGS],
		.len = record_frame_len(args),
		.vlan_tci = args[ARG_VLAN_TCI],
		.vlan_proto = args[ARG_VLAN_PROTO],
		.gso_size = args[ARG_GSO_SIZE],
		.gso_hdrlen = args[ARG_GSO_HDRLEN],
		.csum_start = args[ARG_CSUM_START],
		.csum_offset = args[ARG_CSUM_OFFSET],
		.gso_type = args[ARG_GSO_TYPE],
	};

	((unsigned char *)&hdr)[(args[ARG_TWEAK] >> 8) % sizeof(hdr)] ^= args[ARG_TWEAK];
	memcpy(record, &hdr, sizeof(hdr));
	record_make_frame(args, record + sizeof(hdr));
}
