/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Frames from a description, one after the other.
 *
 * All of a frame but its length, the fields that move, the probe and the checksums is
 * made once, and stays in the memory that is used for one frame after the other. A
 * checksum is the sum of parts: what is constant was summed up before.
 */
#ifndef FRAMEIO_GENERATE_H
#define FRAMEIO_GENERATE_H

#include "describe.h"
#include "probe.h"

struct frameio_hdr;

/* A field with a range, in the odometer's order. */
struct moving_field {
	unsigned int offset;	/* in the frame */
	unsigned int width;	/* 2, 4, 6 or 8 bytes */
	bool random;
	bool in_ip;		/* IPv4's own checksum covers it */
	bool in_transport;	/* UDP's or TCP's does */
	uint64_t first, span;
	uint64_t step;		/* of a wheel: where it stands */
};

#define GENERATE_HEADERS_MAX	(14 + 2 * 4 + 40 + 20)

struct generator {
	const struct description *description;
	/* the headers without what differs from frame to frame, that is 0 */
	unsigned char headers[GENERATE_HEADERS_MAX];
	unsigned int nheaders;
	unsigned int ip, transport;	/* where these headers begin */
	unsigned int ip_checksum, ip_length;	/* and where these are; 0: there is none */
	unsigned int checksum, udp_length;
	struct moving_field fields[NFIELDS];
	unsigned int nfields;
	uint64_t ip_sum, transport_sum;	/* of what is constant, the probe included */
	uint32_t next_length;
	uint16_t stream;
	uint32_t sequence;
	uint64_t random;
};

/*
 * @stream: what the frames' probes are to have
 * @thread: of several generators of one description, which
 */
void generator_init(struct generator *generator, const struct description *description,
		    uint16_t stream, unsigned int thread);

/* Memory for a record of any frame of it; free() it. NULL: there is none. */
struct frameio_hdr *generator_record(const struct generator *generator);

/*
 * Make the next frame, with that time in its probe, in memory that generator_record()
 * has made, whatever frame was there. One that is too short for a probe has none.
 */
void generator_next(struct generator *generator, struct frameio_hdr *record, uint64_t time);

#endif
