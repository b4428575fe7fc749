/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rings.h"
#include "tool.h"
#include "transfer.h"

/* A row has room for so many bytes of each further frame than the longest. */
#define ORDINARY_SIZE	1518

/* No frame of a port is shorter: an Ethernet header. */
#define SHORTEST_SIZE	14

struct transfer {
	enum transfer_way way;
	unsigned int nframes;
	struct frameio_batch *batch;	/* but for TRANSFER_PACKED */
	/* TRANSFER_PACKED: */
	unsigned char *row, *gathered;	/* what was read, and what is to be written */
	size_t room;			/* of each */
	struct frameio_records rest;	/* of the row, behind the group */
	struct frameio_hdr *group[FRAMEIO_NFRAMES_MAX];
};

static const char *const names[] = {
	[TRANSFER_FRAMEIO] = "frameio",
	[TRANSFER_PACKED] = "packed",
	[TRANSFER_RING] = "ring",
};

enum transfer_way transfer_parse_way(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return i;
	tool_misused("--io takes frameio, packed or ring, not '%s'", name);
}

int transfer_set_up(enum transfer_way way, struct frameio_qp *qp, uint32_t options,
		    unsigned int read_size, unsigned int write_size, const char **why)
{
	int err;

	if (way == TRANSFER_PACKED)
		options |= FRAMEIO_O_PACKED;
	err = frameio_set_options(qp, options);
	*why = tool_explain(-err);
	/* a NIC port takes frames as soon as there is a ring for them */
	if (!err && way == TRANSFER_RING) {
		err = rings_set_up(qp, read_size, write_size);
		*why = rings_explain(err);
	}
	return err;
}

/* What a frame takes of a row. */
static size_t place_size(size_t len)
{
	const size_t size = sizeof(struct frameio_hdr) + len;

	return (size + FRAMEIO_RECORD_ALIGN - 1) / FRAMEIO_RECORD_ALIGN * FRAMEIO_RECORD_ALIGN;
}

static int make_rows(struct transfer *transfer, size_t frame_size)
{
	transfer->room = place_size(frame_size) +
			 (transfer->nframes - 1) * place_size(ORDINARY_SIZE);
	transfer->row = aligned_alloc(FRAMEIO_RECORD_ALIGN, transfer->room);
	transfer->gathered = aligned_alloc(FRAMEIO_RECORD_ALIGN, transfer->room);
	frameio_records_init(&transfer->rest, NULL, 0);
	return transfer->row && transfer->gathered ? 0 : -ENOMEM;
}

struct transfer *transfer_new(enum transfer_way way, unsigned int nframes, size_t frame_size)
{
	struct transfer *transfer = tool_allocate(1, sizeof(*transfer));
	int err;

	transfer->way = way;
	transfer->nframes = nframes;
	err = way == TRANSFER_PACKED ? make_rows(transfer, frame_size) :
				       frameio_batch_alloc(&transfer->batch, nframes, frame_size);
	if (err)
		tool_die(TOOL_FAILED, "cannot make a batch: %s", strerror(-err));
	return transfer;
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	frameio_batch_free(transfer->batch);
	free(transfer->row);
	free(transfer->gathered);
	free(transfer);
}

unsigned int transfer_most(const struct transfer *transfer)
{
	return transfer->batch ? transfer->nframes : transfer->room / place_size(SHORTEST_SIZE) + 1;
}

int transfer_next(struct transfer *transfer)
{
	const struct frameio_hdr *hdr;
	unsigned int n = 0;
	int ret = 0;

	if (transfer->batch)
		return 0;
	while (n < transfer->nframes && (ret = frameio_records_next(&transfer->rest, &hdr)) > 0)
		transfer->group[n++] = (struct frameio_hdr *)hdr;
	if (ret < 0)
		frameio_records_init(&transfer->rest, NULL, 0);
	return ret < 0 ? ret : (int)n;
}

bool transfer_has_next(const struct transfer *transfer)
{
	return !transfer->batch && transfer->rest.next < transfer->rest.end;
}

int transfer_read(struct transfer *transfer, struct frameio_qp *qp)
{
	ssize_t size;

	if (transfer->batch)
		return frameio_batch_read(transfer->batch, qp);
	size = read(frameio_fd(qp), transfer->row, transfer->room);
	if (size < 0)
		return -errno;
	frameio_records_init(&transfer->rest, transfer->row, size);
	return transfer_next(transfer);
}

struct frameio_hdr *transfer_hdr(const struct transfer *transfer, unsigned int i)
{
	return transfer->batch ? frameio_batch_hdr(transfer->batch, i) : transfer->group[i];
}

/* Do these records follow one another? Then they are a row as they are. */
static bool is_row(const struct transfer *transfer, uint32_t records)
{
	const char *next = (const char *)transfer->group[__builtin_ctz(records)];

	for (; records; records &= records - 1) {
		const struct frameio_hdr *hdr = transfer->group[__builtin_ctz(records)];

		if ((const char *)hdr != next)
			return false;
		next += place_size(hdr->len);
	}
	return true;
}

/*
 * Make a row of records; they came from one, so that there is room for them. Returns where
 * it is.
 */
static const void *gather(struct transfer *transfer, uint32_t records)
{
	unsigned char *to = transfer->gathered;

	if (is_row(transfer, records))
		return transfer->group[__builtin_ctz(records)];
	for (; records; records &= records - 1) {
		const struct frameio_hdr *hdr = transfer->group[__builtin_ctz(records)];

		memcpy(to, hdr, sizeof(*hdr) + hdr->len);
		to += place_size(hdr->len);
	}
	return transfer->gathered;
}

static int write_row(struct transfer *transfer, uint32_t records, struct frameio_qp *qp)
{
	const void *row = gather(transfer, records);
	size_t starts[FRAMEIO_NFRAMES_MAX], next = 0, end = 0;
	unsigned int n = 0, accepted;
	ssize_t written;

	for (; records; records &= records - 1) {
		const uint32_t len = transfer->group[__builtin_ctz(records)]->len;

		starts[n++] = next;
		end = next + sizeof(struct frameio_hdr) + len;
		next += place_size(len);
	}
	written = write(frameio_fd(qp), row, end);
	if (written < 0)
		return -errno;
	for (accepted = 0; accepted < n && starts[accepted] < (size_t)written; accepted++)
		;
	return accepted;
}

int transfer_write(struct transfer *transfer, uint32_t records, struct frameio_qp *qp)
{
	if (transfer->batch)
		return frameio_batch_write_some(transfer->batch, records, qp);
	return records ? write_row(transfer, records, qp) : 0;
}
