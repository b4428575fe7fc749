/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Records and frames, sound ones and others.
 */
#ifndef FRAMEIO_FUZZ_RECORD_H
#define FRAMEIO_FUZZ_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_FRAME_MAX	(70 << 10)

/* Where packets go to: host 2 of these, from a frame to this Ethernet address. */
#define RECORD_NETWORK4		"10.99.0."
#define RECORD_NETWORK6		"fd99::"
#define RECORD_ETHERNET		"\x02\x00\x00\x00\x00\x02"


/* Bytes of the frame, at most RECORD_FRAME_MAX. */
size_t record_frame_len(const uint64_t *args);

/* Fill in the frame alone, or header and frame. */
void record_make_frame(const uint64_t *args, unsigned char *frame);
void record_make(const uint64_t *args, unsigned char *record);

#endif
