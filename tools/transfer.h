/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The ways in which frames are moved between queue pairs and memory, to choose from with
 * --io: a batch of them by FRAMEIO_READ and FRAMEIO_WRITE, a row by read(2) and write(2),
 * or a batch through rings.
 *
 * What one call has read is given out in groups of no more than a batch: there may be
 * more in a row. One thread at a time uses a transfer.
 */
#ifndef FRAMEIO_TRANSFER_H
#define FRAMEIO_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libframeio/libframeio.h>

enum transfer_way {
	TRANSFER_FRAMEIO,
	TRANSFER_PACKED,
	TRANSFER_RING,
};

struct transfer;

/* What --io takes; exits with a sentence where there is no such way. */
enum transfer_way transfer_parse_way(const char *name);

/*
 * Have a queue pair move frames in that way, with these options besides. The sizes are of
 * its rings, if that is the way; 0: none in this direction. Returns 0, or a negative errno
 * and a sentence.
 */
int transfer_set_up(enum transfer_way way, struct frameio_qp *qp, uint32_t options,
		    unsigned int read_size, unsigned int write_size, const char **why);

/*
 * @nframes: of a group, 1 to FRAMEIO_NFRAMES_MAX; @frame_size: bytes that are read of the
 * longest frame at least. Exits with a sentence if there is no memory.
 */
struct transfer *transfer_new(enum transfer_way way, unsigned int nframes, size_t frame_size);
void transfer_free(struct transfer *transfer);

/* How many frames one call may read. */
unsigned int transfer_most(const struct transfer *transfer);

/*
 * Read; what was read before is forgotten. Returns the frames of the first group, at least
 * 1, or a negative errno as frameio_batch_read().
 */
int transfer_read(struct transfer *transfer, struct frameio_qp *qp);

/* Go on to the next group. Returns its frames, 0 if there is none, or -EBADMSG. */
int transfer_next(struct transfer *transfer);
bool transfer_has_next(const struct transfer *transfer);

/* The frames of the group, less than what was returned last. */
struct frameio_hdr *transfer_hdr(const struct transfer *transfer, unsigned int i);

/* Write those of the group whose bits are set, as frameio_batch_write_some() does. */
int transfer_write(struct transfer *transfer, uint32_t records, struct frameio_qp *qp);

#endif
