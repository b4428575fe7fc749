/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the echo programs do with a packet; how they move packets is what they differ in. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IP_HEADER_MIN	20
#define ICMP_HEADER	8
#define ICMP		1
#define ECHO_REQUEST	8
#define ECHO_REPLY	0

/* Is it an IPv4 packet with a whole echo request in it? */
static inline bool is_echo_request(const unsigned char *packet, size_t len)
{
	const size_t header = (packet[0] & 0xf) * 4;
	const bool fragment = (packet[6] & 0x3f) || packet[7];

	return len >= IP_HEADER_MIN && packet[0] >> 4 == 4 && header >= IP_HEADER_MIN &&
	       len >= header + ICMP_HEADER && packet[9] == ICMP && !fragment &&
	       packet[header] == ECHO_REQUEST;
}

/* Make an echo request the reply to it. Returns false, with nothing done, if it is none. */
static inline bool answer(void *bytes, size_t len)
{
	unsigned char *packet = bytes, *icmp, address[4];
	uint32_t sum;

	if (!is_echo_request(packet, len))
		return false;
	memcpy(address, packet + 12, sizeof(address));
	memcpy(packet + 12, packet + 16, sizeof(address));
	memcpy(packet + 16, address, sizeof(address));
	/* the checksum is a complement: what the type has less it has more (RFC 1624) */
	icmp = packet + (packet[0] & 0xf) * 4;
	sum = (icmp[2] << 8 | icmp[3]) + ((ECHO_REQUEST - ECHO_REPLY) << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	icmp[0] = ECHO_REPLY;
	icmp[2] = sum >> 8;
	icmp[3] = sum;
	return true;
}

#endif
