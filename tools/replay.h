/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Frames from a capture file, pcap or pcapng, in memory before the first one is sent.
 */
#ifndef FRAMEIO_REPLAY_H
#define FRAMEIO_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frameio_hdr;

struct replay_frame {
	struct frameio_hdr *record;
	uint64_t time;		/* nanoseconds after the first frame */
};

struct replay {
	struct replay_frame *frames;
	size_t nframes;
	/* frames that the port does not take, which are not among these */
	size_t too_long;
	size_t unfit;		/* shorter than their headers, or no IP packets for an L3 port */
	size_t filled_up;	/* frames that the capture cut, with zeros for what is missing */
	char damage[256];	/* why nothing could be read behind the last frame; "": it ended */
};

/*
 * Read the file at @path, "-" for standard input.
 * @ethernet: what the port takes; a file of something else is refused
 * @most: the longest frame that it takes, not counting a VLAN tag
 *
 * Exits with a sentence if the file has nothing that can be sent.
 */
void replay_load(struct replay *replay, const char *path, bool ethernet, uint32_t most);

void replay_free(struct replay *replay);

/* Where somebody is who sends the frames. */
struct replay_position {
	const struct replay *replay;
	double speed;		/* how much faster than it was recorded */
	size_t next;
	uint64_t round;		/* how many times all have been sent */
	double round_began;	/* nanoseconds since the start */
};

/* When the next frame leaves, in nanoseconds since the start. */
double replay_due(const struct replay_position *position);

/* The next frame, which stays the file's. */
struct frameio_hdr *replay_next(struct replay_position *position);

#endif
