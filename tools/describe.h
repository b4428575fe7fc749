/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the frames to generate look like, as the command line describes them.
 */
#ifndef FRAMEIO_DESCRIBE_H
#define FRAMEIO_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The fields that may have a range. Those that are stepped through are the wheels of an
 * odometer: the first moves with each frame, the next one when it has gone round.
 */
enum field {
	FIELD_SPORT,
	FIELD_SRC,
	FIELD_DPORT,
	FIELD_DST,
	FIELD_INNER_VLAN,
	FIELD_VLAN,
	FIELD_SRC_MAC,
	FIELD_DST_MAC,
	NFIELDS
};

/* An address as on the wire; of an IPv6 range the last 8 bytes differ at most. */
struct range {
	unsigned char first[16];
	uint64_t span;		/* how many more values there are */
	bool given;
	bool random;
};

#define LENGTH_MAX	(65535 + 22)	/* the largest MTU, and an Ethernet header with two tags */

struct description {
	int family;		/* AF_INET, AF_INET6, or 0: what the addresses are */
	int protocol;		/* IPPROTO_UDP or IPPROTO_TCP */
	bool ethernet;		/* frames, not packets */
	unsigned int ntags;	/* VLAN tags, 0 to 2 */
	unsigned int ttl, dscp, pcp;
	struct range fields[NFIELDS];
	/* the lengths that frames have one after the other, again and again; NULL: the least */
	uint32_t *lengths;
	uint32_t nlengths;
	bool random_length;
	uint64_t seed;
};

/* Before the first option: what is not described. */
void describe_defaults(struct description *description);

/* Take an option's text; these exit with a sentence if it cannot be. */
void describe_mac(struct description *description, enum field field, const char *text);
/* @field: FIELD_SRC or FIELD_DST; the text has a port, too, or that alone. */
void describe_address(struct description *description, enum field field, const char *text);
void describe_ipv6(struct description *description);
void describe_vlan(struct description *description, const char *text);
void describe_lengths(struct description *description, const char *text);
void describe_random(struct description *description, const char *text);

/*
 * After the last option: choose what was not given, and refuse what does not go together.
 * Of the MAC addresses, which are the port's matter, these are the defaults.
 */
void describe_complete(struct description *description, const unsigned char src_mac[6],
		       const unsigned char dst_mac[6]);

/* Bytes before the payload. */
unsigned int describe_headers(const struct description *description);

/* The longest and the shortest frame that is described. */
uint32_t describe_longest(const struct description *description);
uint32_t describe_shortest(const struct description *description);

#endif
