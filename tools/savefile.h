/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A file of captured frames, in one of two formats, both in the host's byte order:
 *
 *   pcapng	draft-ietf-opsawg-pcapng: a section header, a description of each
 *		interface, an enhanced packet block for each frame, and at the end the
 *		statistics of each interface; times in nanoseconds
 *   pcap	draft-ietf-opsawg-pcap, with the magic number of nanoseconds; it has room
 *		for one interface, and not for its name
 *
 * Link types are those of draft-ietf-opsawg-pcaplinktype.
 */
#ifndef FRAMEIO_SAVEFILE_H
#define FRAMEIO_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum savefile_format {
	SAVEFILE_PCAPNG,
	SAVEFILE_PCAP,
};

enum savefile_linktype {
	SAVEFILE_ETHERNET = 1,
	SAVEFILE_RAW = 101,	/* IPv4 or IPv6, as the first four bits say */
};

/* The most bytes of a frame that are kept where nothing else is said. */
#define SAVEFILE_SNAPLEN_MAX	262144

/* The longest filter that a description has room for here; a longer one is left out. */
#define SAVEFILE_FILTER_MAX	4096

/* Interfaces of a file. */
#define SAVEFILE_INTERFACES_MAX	64

/**
 * struct savefile_interface - where frames came from, over all files of a capture
 * @name: its name
 * @description: a few words on it
 * @filter: which frames were wanted; NULL: all
 * @linktype: what its frames begin with
 * @received: frames that arrived for the capture
 * @dropped: of these, those that the kernel had no room for
 * @frames: those that were appended, and are not lost to an error
 * @bytes: bytes of these that were kept
 */
struct savefile_interface {
	char *name;
	const char *description;
	const char *filter;
	enum savefile_linktype linktype;
	uint64_t received;
	uint64_t dropped;
	uint64_t frames;
	uint64_t bytes;
};

enum savefile_direction {
	SAVEFILE_INBOUND = 1,	/* what the interface received */
	SAVEFILE_OUTBOUND = 2,	/* what it was given to transmit */
};

/**
 * struct savefile_frame - a frame for a file
 * @interface: which of the file's
 * @bytes: the frame, as far as it is there
 * @len: bytes there
 * @wirelen: bytes that the frame had
 * @time: nanoseconds since 1970
 * @queue: the queue pair it came through
 * @direction: its way through the interface
 */
struct savefile_frame {
	unsigned int interface;
	const void *bytes;
	uint32_t len;
	uint32_t wirelen;
	uint64_t time;
	uint32_t queue;
	enum savefile_direction direction;
};

/**
 * struct savefile - a file that is being written
 * @format: its format
 * @snaplen: the most bytes of a frame that it holds
 * @interfaces: where frames come from; the caller's, as their counters are
 * @ninterfaces: how many
 * @deadline: by tool_now(), when a reader of a pipe should be done; 0: no limit
 *
 * The caller sets what is above, and the functions the rest.
 */
struct savefile {
	enum savefile_format format;
	uint32_t snaplen;
	struct savefile_interface *interfaces;
	unsigned int ninterfaces;
	double deadline;

	int fd;			/* -1: frames are counted only */
	bool regular;		/* and not a pipe, a socket or a device */
	uint64_t start;		/* when the first file was begun */
	uint64_t written;	/* bytes in the file; the buffer's come after them */
	unsigned char *buffer;
	size_t used;
};

/* Begin a file, which gets @fd. The first one makes the buffer. Return: 0 or -ENOMEM. */
int savefile_begin(struct savefile *file, int fd);

/* Bytes that the file would have if it ended with this frame. */
uint64_t savefile_size_with(const struct savefile *file, const struct savefile_frame *frame);

/* Bytes of the file so far. */
uint64_t savefile_size(const struct savefile *file);

/*
 * Append a frame, no longer than the snap length, or write out what was appended.
 *
 * Return: 0 or a negative errno, after which the file has been closed. It ends with
 * the last block that is there whole, and the interfaces' counters no longer tell of
 * the frames that are not. But what a pipe has taken cannot be had back. -ETIMEDOUT:
 * its reader took nothing for a second, after a signal or the deadline.
 */
int savefile_append(struct savefile *file, const struct savefile_frame *frame);
int savefile_flush(struct savefile *file);

/* End the file with what it says of its interfaces. Return: as above. */
int savefile_end(struct savefile *file);

/* Free the buffer. */
void savefile_free(struct savefile *file);

#endif
