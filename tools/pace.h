/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * When frames are to leave. Times are nanoseconds since the sender's start.
 *
 * A schedule has an even gap after each frame, or after each burst. Who is late makes up
 * for it, so that the rate is kept, but at twice the rate at most, and for a second at
 * most: what a receiver sees is never a burst of all that was missed.
 */
#ifndef FRAMEIO_PACE_H
#define FRAMEIO_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	double per_second;	/* 0: as fast as it goes */
	bool bits;		/* not frames */
};

/* Beside a frame on the wire: preamble, FCS and gap. */
#define PACE_WIRE_BYTES	24

struct pace {
	double ns_per_frame, ns_per_byte;
	uint32_t overhead;	/* bytes that count for each frame besides its own */
	uint32_t burst, in_burst;	/* frames of one, and how many of it have left */
	double due;		/* when the next frame leaves */
	double earliest;	/* or, if that is over, when it may at twice the rate */
	double before;		/* when frames left last */
	double forgiven;	/* what nobody makes up for any more */
};

/* One of @nthreads, which share the rate, and whose frames leave by turns. */
void pace_init(struct pace *pace, const struct rate *rate, uint32_t burst, uint32_t overhead,
	       unsigned int thread, unsigned int nthreads);

/* It is now: those frames leave for which pace_ready(), each told by pace_charge(). */
void pace_begin(struct pace *pace, double now);
bool pace_ready(const struct pace *pace, double now);
void pace_charge(struct pace *pace, uint32_t len);

/* When the next frame may leave. */
double pace_next(const struct pace *pace);

#endif
