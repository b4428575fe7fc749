/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What a generated frame carries at the beginning of its payload, so that the receiver
 * knows it. All in network order, without padding:
 *
 *	magic 4, stream 2, sequence 4, time 8
 *
 * A stream is what one thread of one sender sends; its sequence starts at 0 and wraps.
 * The time is CLOCK_REALTIME's when the frame was made, in nanoseconds.
 */
#ifndef FRAMEIO_PROBE_H
#define FRAMEIO_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_MAGIC	0xf7a3e10dU
#define PROBE_LENGTH	18

/* Where its parts are. */
enum {
	PROBE_STREAM = 4,
	PROBE_SEQUENCE = 6,
	PROBE_TIME = 10,
};

struct probe {
	uint16_t stream;
	uint32_t sequence;
	uint64_t time;
};

struct sock_filter;

/* Read the probe that these bytes begin with; false if they do not. */
bool probe_read(struct probe *probe, const unsigned char *payload, size_t len);

/*
 * Find the payload of an Ethernet frame or, not @ethernet, of an IP packet: behind up to
 * two VLAN tags, IPv4 without options or IPv6 without extensions, and UDP or TCP without
 * options. Return: its offset, or 0.
 */
size_t probe_payload(const unsigned char *frame, size_t len, bool ethernet);

/* A classic BPF program that takes the Ethernet frames which have a probe. */
const struct sock_filter *probe_filter(unsigned int *n);

#endif
