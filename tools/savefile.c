/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "savefile.h"
#include "tool.h"

/*
 * Blocks are written out together: it holds those that begin a file, with names as long
 * as a path may be and four bytes for each of its own, or any frame's.
 */
#define BUFFER_SIZE	(2 << 20)

/* pcap: the file's header, and a frame's. */
#define PCAP_MAGIC_NANOSECONDS	0xa1b23c4d

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t reserved[2];
	uint32_t snaplen;
	uint32_t linktype;
};

struct pcap_record {
	uint32_t seconds, nanoseconds;
	uint32_t len;
	uint32_t wirelen;
};

/* pcapng: blocks, each of which has its length again at its end. */
#define BLOCK_SECTION		0x0a0d0d0a
#define BLOCK_INTERFACE		1
#define BLOCK_STATISTICS	5
#define BLOCK_FRAME		6

#define BYTE_ORDER_MAGIC	0x1a2b3c4d

struct block_header {
	uint32_t type;
	uint32_t len;		/* of the whole block */
};

struct section_fields {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t len[2];	/* all ones: not said */
};

struct interface_fields {
	uint16_t linktype;
	uint16_t reserved;
	uint32_t snaplen;
};

struct frame_fields {
	uint32_t interface;
	uint32_t time[2];	/* the high half first */
	uint32_t len;
	uint32_t wirelen;
};

struct statistics_fields {
	uint32_t interface;
	uint32_t time[2];
};

/* Options: a code, a length, and a value that fills whole words. */
enum {
	OPTION_END = 0,
	SECTION_OS = 3,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	INTERFACE_FILTER = 11,
	FRAME_FLAGS = 2,
	FRAME_QUEUE = 6,
	STATISTICS_START = 2,
	STATISTICS_END = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
	STATISTICS_DELIVERED = 8,
};

struct option_header {
	uint16_t code;
	uint16_t len;
};

/* A filter's value begins with what it is. */
#define FILTER_IS_EXPRESSION	0

#define TIME_IN_NANOSECONDS	9	/* 10 to the power of -9 s */

#define OPTION_SIZE(len)	(sizeof(struct option_header) + ALIGN(len))
#define ALIGN(len)		(((len) + 3) & ~(size_t)3)

/* What a block of a frame has besides the frame: two options and their end. */
#define FRAME_OVERHEAD		(sizeof(struct block_header) + sizeof(struct frame_fields) + \
				 2 * OPTION_SIZE(4) + OPTION_SIZE(0) + sizeof(uint32_t))

/* And a whole block of statistics, with five options. */
#define STATISTICS_SIZE		(sizeof(struct block_header) + sizeof(struct statistics_fields) + \
				 5 * OPTION_SIZE(8) + OPTION_SIZE(0) + sizeof(uint32_t))

/* --- what goes into the buffer ------------------------------------ */

static void put(struct savefile *file, const void *bytes, size_t len)
{
	memcpy(file->buffer + file->used, bytes, len);
	file->used += len;
}

static void put_padded(struct savefile *file, const void *bytes, size_t len)
{
	static const unsigned char zeroes[4];

	put(file, bytes, len);
	put(file, zeroes, ALIGN(len) - len);
}

static void put_option(struct savefile *file, uint16_t code, const void *value, uint16_t len)
{
	const struct option_header header = { .code = code, .len = len };

	put(file, &header, sizeof(header));
	put_padded(file, value, len);
}

static void put_text(struct savefile *file, uint16_t code, const char *text)
{
	put_option(file, code, text, strlen(text));
}

/* Where a block starts, whose length put_end() fills in. */
static size_t put_begin(struct savefile *file, uint32_t type)
{
	const struct block_header header = { .type = type };
	const size_t start = file->used;

	put(file, &header, sizeof(header));
	return start;
}

static void put_end(struct savefile *file, size_t start)
{
	const uint32_t len = file->used - start + sizeof(len);

	memcpy(file->buffer + start + offsetof(struct block_header, len), &len, sizeof(len));
	put(file, &len, sizeof(len));
}

static void put_section(struct savefile *file)
{
	const struct section_fields fields = {
		.magic = BYTE_ORDER_MAGIC,
		.major = 1,
		.len = { ~0U, ~0U },
	};
	const size_t start = put_begin(file, BLOCK_SECTION);
	char text[sizeof(struct utsname)];
	struct utsname system;

	put(file, &fields, sizeof(fields));
	if (!uname(&system)) {
		snprintf(text, sizeof(text), "%s %s", system.sysname, system.release);
		put_text(file, SECTION_OS, text);
	}
	snprintf(text, sizeof(text), "%s (frameio) %s", tool_name, frameio_version());
	put_text(file, SECTION_APPLICATION, text);
	put_text(file, OPTION_END, "");
	put_end(file, start);
}

static void put_filter(struct savefile *file, const char *filter)
{
	char value[1 + SAVEFILE_FILTER_MAX];
	const size_t len = strlen(filter);

	if (len > SAVEFILE_FILTER_MAX)
		return;
	value[0] = FILTER_IS_EXPRESSION;
	memcpy(value + 1, filter, len);
	put_option(file, INTERFACE_FILTER, value, 1 + len);
}

static void put_interface(struct savefile *file, const struct savefile_interface *interface)
{
	const struct interface_fields fields = {
		.linktype = interface->linktype,
		.snaplen = file->snaplen,
	};
	const uint8_t resolution = TIME_IN_NANOSECONDS;
	const size_t start = put_begin(file, BLOCK_INTERFACE);

	put(file, &fields, sizeof(fields));
	put_text(file, INTERFACE_NAME, interface->name);
	put_text(file, INTERFACE_DESCRIPTION, interface->description);
	put_option(file, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	if (interface->filter)
		put_filter(file, interface->filter);
	put_text(file, OPTION_END, "");
	put_end(file, start);
}

static void put_pcap_header(struct savefile *file)
{
	const struct pcap_header header = {
		.magic = PCAP_MAGIC_NANOSECONDS,
		.major = 2,
		.minor = 4,
		.snaplen = file->snaplen,
		.linktype = file->interfaces[0].linktype,
	};

	put(file, &header, sizeof(header));
}

static void put_pcap_frame(struct savefile *file, const struct savefile_frame *frame)
{
	const struct pcap_record record = {
		.seconds = frame->time / 1000000000,
		.nanoseconds = frame->time % 1000000000,
		.len = frame->len,
		.wirelen = frame->wirelen,
	};

	put(file, &record, sizeof(record));
	put(file, frame->bytes, frame->len);
}

static void put_frame(struct savefile *file, const struct savefile_frame *frame)
{
	const struct frame_fields fields = {
		.interface = frame->interface,
		.time = { frame->time >> 32, frame->time },
		.len = frame->len,
		.wirelen = frame->wirelen,
	};
	const uint32_t flags = frame->direction;
	const size_t start = put_begin(file, BLOCK_FRAME);

	put(file, &fields, sizeof(fields));
	put_padded(file, frame->bytes, frame->len);
	put_option(file, FRAME_FLAGS, &flags, sizeof(flags));
	put_option(file, FRAME_QUEUE, &frame->queue, sizeof(frame->queue));
	put_text(file, OPTION_END, "");
	put_end(file, start);
}

static void put_time(struct savefile *file, uint16_t code, uint64_t time)
{
	const uint32_t halves[] = { time >> 32, time };

	put_option(file, code, halves, sizeof(halves));
}

static void put_statistics(struct savefile *file, unsigned int i, uint64_t now)
{
	const struct savefile_interface *interface = &file->interfaces[i];
	const struct statistics_fields fields = { .interface = i, .time = { now >> 32, now } };
	const size_t start = put_begin(file, BLOCK_STATISTICS);

	put(file, &fields, sizeof(fields));
	put_time(file, STATISTICS_START, file->start);
	put_time(file, STATISTICS_END, now);
	put_option(file, STATISTICS_RECEIVED, &interface->received, 8);
	put_option(file, STATISTICS_DROPPED, &interface->dropped, 8);
	put_option(file, STATISTICS_DELIVERED, &interface->frames, 8);
	put_text(file, OPTION_END, "");
	put_end(file, start);
}

/* --- out of the buffer -------------------------------------------- */

/*
 * A pipe is written to only when it takes something, so that a signal ends the wait
 * for a reader that has stopped.
 */
static ssize_t write_some(const struct savefile *file, const void *bytes, size_t len)
{
	struct pollfd output = { .fd = file->fd, .events = POLLOUT };
	int n;

	if (file->regular)
		return write(file->fd, bytes, len);
	for (;;) {
		n = tool_poll(&output, 1, tool_now() + 1);
		if (n > 0)
			return write(file->fd, bytes, len < PIPE_BUF ? len : PIPE_BUF);
		if (!n && (tool_interrupted() ||
			   (file->deadline && tool_now() > file->deadline))) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* Bytes of the block, or record, that is at @at in the buffer. */
static size_t block_len(const struct savefile *file, size_t at)
{
	struct block_header block;
	struct pcap_record record;

	if (file->format == SAVEFILE_PCAPNG) {
		memcpy(&block, file->buffer + at, sizeof(block));
		return block.len;
	}
	if (!file->written && !at)
		return sizeof(struct pcap_header);
	memcpy(&record, file->buffer + at, sizeof(record));
	return sizeof(record) + record.len;
}

/* A frame that is in the buffer will not be in the file. */
static void forget_frame(struct savefile *file, size_t at)
{
	struct savefile_interface *interface = file->interfaces;
	struct block_header block;
	struct pcap_record record;
	struct frame_fields frame;

	if (file->format == SAVEFILE_PCAPNG) {
		memcpy(&block, file->buffer + at, sizeof(block));
		if (block.type != BLOCK_FRAME)
			return;
		memcpy(&frame, file->buffer + at + sizeof(block), sizeof(frame));
		interface += frame.interface;
		interface->bytes -= frame.len;
	} else {
		if (!file->written && !at)
			return;
		memcpy(&record, file->buffer + at, sizeof(record));
		interface->bytes -= record.len;
	}
	interface->frames--;
}

static void close_file(struct savefile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
	file->used = 0;
}

/* The first @done bytes of the buffer were written, and no more can be: cut it there. */
static void end_at_whole_block(struct savefile *file, size_t done)
{
	size_t at, len, whole = 0;
	off_t position;

	for (at = 0; at < file->used; at += len) {
		len = block_len(file, at);
		if (at + len <= done)
			whole = at + len;
		else
			forget_frame(file, at);
	}
	position = lseek(file->fd, 0, SEEK_CUR);
	if (file->regular && ftruncate(file->fd, position - (off_t)(done - whole)))
		tool_warn("the file ends within a frame: %s", strerror(errno));
}

int savefile_flush(struct savefile *file)
{
	size_t done = 0;
	ssize_t n;
	int err;

	while (done < file->used) {
		n = write_some(file, file->buffer + done, file->used - done);
		if (n >= 0) {
			done += n;
		} else if (errno != EINTR && errno != EAGAIN) {
			err = -errno;
			end_at_whole_block(file, done);
			close_file(file);
			return err;
		}
	}
	file->written += done;
	file->used = 0;
	return 0;
}

/* --- files -------------------------------------------------------- */

int savefile_begin(struct savefile *file, int fd)
{
	struct stat status;
	unsigned int i;

	if (!file->buffer) {
		file->buffer = malloc(BUFFER_SIZE);
		if (!file->buffer)
			return -ENOMEM;
		file->start = tool_clock(CLOCK_REALTIME);
	}
	file->fd = fd;
	file->regular = fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode);
	file->written = 0;
	file->used = 0;
	if (fd < 0)
		return 0;
	if (file->format == SAVEFILE_PCAP) {
		put_pcap_header(file);
		return 0;
	}
	put_section(file);
	for (i = 0; i < file->ninterfaces; i++)
		put_interface(file, &file->interfaces[i]);
	return 0;
}

static size_t frame_size(const struct savefile *file, const struct savefile_frame *frame)
{
	return file->format == SAVEFILE_PCAP ? sizeof(struct pcap_record) + frame->len :
					       FRAME_OVERHEAD + ALIGN(frame->len);
}

uint64_t savefile_size(const struct savefile *file)
{
	return file->written + file->used;
}

uint64_t savefile_size_with(const struct savefile *file, const struct savefile_frame *frame)
{
	uint64_t size = savefile_size(file) + frame_size(file, frame);

	if (file->format == SAVEFILE_PCAPNG)
		size += file->ninterfaces * STATISTICS_SIZE;
	return size;
}

int savefile_append(struct savefile *file, const struct savefile_frame *frame)
{
	struct savefile_interface *interface = &file->interfaces[frame->interface];
	int err;

	if (file->fd >= 0) {
		if (file->used + frame_size(file, frame) > BUFFER_SIZE) {
			err = savefile_flush(file);
			if (err)
				return err;
		}
		if (file->format == SAVEFILE_PCAP)
			put_pcap_frame(file, frame);
		else
			put_frame(file, frame);
	}
	interface->frames++;
	interface->bytes += frame->len;
	return 0;
}

int savefile_end(struct savefile *file)
{
	const uint64_t now = tool_clock(CLOCK_REALTIME);
	unsigned int i;
	int fd, err;

	if (file->fd < 0)
		return 0;
	err = savefile_flush(file);
	if (err)
		return err;
	for (i = 0; file->format == SAVEFILE_PCAPNG && i < file->ninterfaces; i++)
		put_statistics(file, i, now);
	err = savefile_flush(file);
	if (err)
		return err;
	fd = file->fd;
	file->fd = -1;
	/* a server may tell of its full disk only now */
	return close(fd) ? -errno : 0;
}

void savefile_free(struct savefile *file)
{
	close_file(file);
	free(file->buffer);
	file->buffer = NULL;
}
