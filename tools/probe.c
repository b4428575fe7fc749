/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <endian.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "probe.h"

static unsigned int load16(const unsigned char *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static uint32_t load32(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

bool probe_read(struct probe *probe, const unsigned char *payload, size_t len)
{
	if (len < PROBE_LENGTH || load32(payload) != PROBE_MAGIC)
		return false;
	probe->stream = load16(payload + PROBE_STREAM);
	probe->sequence = load32(payload + PROBE_SEQUENCE);
	probe->time = (uint64_t)load32(payload + PROBE_TIME) << 32 |
		      load32(payload + PROBE_TIME + 4);
	return true;
}

static bool is_tag(unsigned int ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD;
}

static size_t skip_transport(unsigned int protocol, size_t offset)
{
	switch (protocol) {
	case IPPROTO_UDP:
		return offset + 8;
	case IPPROTO_TCP:
		return offset + 20;
	default:
		return 0;
	}
}

size_t probe_payload(const unsigned char *frame, size_t len, bool ethernet)
{
	unsigned int ethertype, tags = 0;
	size_t offset = 0;

	/* nothing that has a probe is shorter, and what is read below lies in it */
	if (len < (ethernet ? 14U : 0U) + 20 + 8 + PROBE_LENGTH)
		return 0;
	if (ethernet) {
		for (offset = 12; tags < 2 && is_tag(load16(frame + offset)); tags++)
			offset += 4;
		ethertype = load16(frame + offset);
		offset += 2;
	} else {
		ethertype = frame[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	}
	switch (ethertype) {
	case ETH_P_IP:
		if (frame[offset] != 0x45)
			return 0;
		return skip_transport(frame[offset + 9], offset + 20);
	case ETH_P_IPV6:
		return skip_transport(frame[offset + 6], offset + 40);
	default:
		return 0;
	}
}

/* X: bytes of VLAN tags; a load beyond the frame's end lets it go. */
static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LDX | BPF_IMM, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 0, 6),
	BPF_STMT(BPF_LDX | BPF_IMM, 4),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 16),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 0, 2),
	BPF_STMT(BPF_LDX | BPF_IMM, 8),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
/* 10: the EtherType is known */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 9, 17),
/* 12: IPv4 */
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 14),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 15),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 23),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 2, 12),
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, 42),
	BPF_JUMP(BPF_JMP | BPF_JA, 8, 0, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, 54),
	BPF_JUMP(BPF_JMP | BPF_JA, 6, 0, 0),
/* 21: IPv6 */
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 20),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 2, 5),
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, 62),
	BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, 74),
/* 27: A has what should be the magic */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROBE_MAGIC, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, ~0U),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

const struct sock_filter *probe_filter(unsigned int *n)
{
	*n = sizeof(filter) / sizeof(*filter);
	return filter;
}
