/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#ifndef LIBFRAMEIO_INTERNAL_H
#define LIBFRAMEIO_INTERNAL_H

/* What the public header declares is what the library shows. */
#pragma GCC visibility push(default)
#include "libframeio.h"
#pragma GCC visibility pop

#define FRAMEIO_CONTROL_NODE	"/dev/frameio/control"

struct frameio_ring;

/*
 * Without rings the file alone knows how it is set. Where frames do not come by way of the
 * kernel's calls, the library does what the settings say, and so knows them too.
 */
struct frameio_qp {
	int fd;
	bool nonblock;
	uint32_t options;	/* FRAMEIO_O_* */
	struct frameio_ring *read_ring;	/* NULL: frames are read by calls */
	struct frameio_ring *write_ring; /* NULL: they are written by calls */
};

/*
 * frameio_in_netns() - do something as a thread of a network namespace
 * @netns: which, as for frameio_create(); NULL: in this thread
 * @function: what; returns >= 0 or a negative errno
 * @argument: for it
 *
 * A thread of its own enters the namespace, so that the caller's never leaves
 * its own, not even for a moment or after an error.
 *
 * Return: what the function returned, or why it was not called.
 */
int frameio_in_netns(const char *netns, int (*function)(void *argument), void *argument);

/* ioctl(2) that returns -errno. */
int frameio_ioctl(int fd, unsigned long request, void *argument);

/* --- ring.c: what the calls of one frame and of a batch do over rings --------- */

/*
 * frameio_ring_begin_reads() - wait for a record, as its reader
 * @qp: the queue pair, which has a read ring
 *
 * Return: 0, and the caller is the only reader until frameio_ring_end_reads(); or a
 * negative errno.
 */
int frameio_ring_begin_reads(struct frameio_qp *qp);

/*
 * frameio_ring_read_one() - copy the next record out
 * @qp: the queue pair
 * @hdr: out: its header, of sizeof(struct frameio_hdr) bytes
 * @frame: out: its frame
 * @size: room there
 *
 * Return: bytes of frame; -EAGAIN, there is no record; -EMSGSIZE, and it is still the next;
 * -EBADMSG.
 */
ssize_t frameio_ring_read_one(struct frameio_qp *qp, struct frameio_hdr *hdr, void *frame,
			      size_t size);

/* Let the kernel have what was read, and other readers their turn. */
void frameio_ring_end_reads(struct frameio_qp *qp);

/* The same for writers. Return: 0, or why the ring takes nothing. */
int frameio_ring_begin_writes(struct frameio_qp *qp);

/*
 * frameio_ring_write_one() - copy a record in; waits for room, unless it is not to
 * @qp: the queue pair
 * @hdr: its header
 * @frame: its frame, of hdr->len bytes
 *
 * Return: 0, and the kernel shall see it after frameio_ring_end_writes() at the latest;
 * -EINVAL, it is no record; -EAGAIN, -EINTR, -EIO, -ENETDOWN, -ENODEV, -EBADMSG.
 */
int frameio_ring_write_one(struct frameio_qp *qp, const struct frameio_hdr *hdr,
			   const void *frame);

void frameio_ring_end_writes(struct frameio_qp *qp);

/*
 * frameio_rings_begin_wait() - look at the rings, and have the kernel tell of changes
 * @qp: the queue pair, with or without rings
 * @events: POLLIN, POLLOUT
 *
 * Return: those that are there, as far as the rings tell. frameio_rings_end_wait() follows.
 */
int frameio_rings_begin_wait(struct frameio_qp *qp, int events);
void frameio_rings_end_wait(struct frameio_qp *qp, int events);

/* Unmap and forget the rings. */
void frameio_rings_unmap(struct frameio_qp *qp);

#endif
