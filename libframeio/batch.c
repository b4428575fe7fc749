/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * A batch is a struct frameio that is always ready for an ioctl, and memory
 * for a record behind each of its vectors. The records are in the first
 * @count vectors, a record of hdrlen + len bytes in each.
 */
struct frameio_batch {
	unsigned int nframes;
	unsigned int count;
	size_t slot_size;
	struct frameio *fio;
	unsigned char *slots;
};

static size_t align_record(size_t size)
{
	return (size + FRAMEIO_RECORD_ALIGN - 1) & ~(size_t)(FRAMEIO_RECORD_ALIGN - 1);
}

static struct frameio_hdr *vec_hdr(const struct framevec *vec)
{
	return (struct frameio_hdr *)(uintptr_t)vec->fv_buf;
}

int frameio_batch_alloc(struct frameio_batch **out, unsigned int nframes, size_t frame_size)
{
	struct frameio_batch *batch;
	size_t stride;
	unsigned int i;

	if (!nframes || nframes > FRAMEIO_NFRAMES_MAX || !frame_size || frame_size > INT_MAX)
		return -EINVAL;
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	batch->nframes = nframes;
	batch->slot_size = sizeof(struct frameio_hdr) + frame_size;
	stride = align_record(batch->slot_size);
	batch->fio = calloc(1, sizeof(*batch->fio) + nframes * sizeof(struct framevec));
	batch->slots = aligned_alloc(FRAMEIO_RECORD_ALIGN, nframes * stride);
	if (!batch->fio || !batch->slots) {
		frameio_batch_free(batch);
		return -ENOMEM;
	}
	batch->fio->fio_version = FRAMEIO_VERSION;
	batch->fio->fio_nvpf = 1;
	for (i = 0; i < nframes; i++)
		batch->fio->fio_vecs[i].fv_buf = (uintptr_t)(batch->slots + i * stride);
	*out = batch;
	return 0;
}

void frameio_batch_free(struct frameio_batch *batch)
{
	if (!batch)
		return;
	free(batch->slots);
	free(batch->fio);
	free(batch);
}

unsigned int frameio_batch_count(const struct frameio_batch *batch)
{
	return batch->count;
}

unsigned int frameio_batch_room(const struct frameio_batch *batch)
{
	return batch->nframes - batch->count;
}

struct frameio_hdr *frameio_batch_hdr(const struct frameio_batch *batch, unsigned int i)
{
	return i < batch->count ? vec_hdr(&batch->fio->fio_vecs[i]) : NULL;
}

void frameio_batch_clear(struct frameio_batch *batch)
{
	batch->count = 0;
}

void *frameio_batch_reserve(struct frameio_batch *batch, size_t len)
{
	struct frameio_hdr *hdr;

	if (batch->count == batch->nframes || !len || len > batch->slot_size - sizeof(*hdr))
		return NULL;
	hdr = vec_hdr(&batch->fio->fio_vecs[batch->count++]);
	*hdr = (struct frameio_hdr) {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(*hdr),
		.len = len,
	};
	return frameio_hdr_frame(hdr);
}

int frameio_batch_append(struct frameio_batch *batch, const void *frame, size_t len)
{
	void *to;

	if (!len)
		return -EINVAL;
	if (batch->count == batch->nframes)
		return -ENOBUFS;
	to = frameio_batch_reserve(batch, len);
	if (!to)
		return -EMSGSIZE;
	memcpy(to, frame, len);
	return 0;
}

/* Do the records that were read lie where there is room for them? */
static bool check_records(const struct frameio_batch *batch, unsigned int n)
{
	const struct frameio_hdr *hdr;
	unsigned int i;

	for (i = 0; i < n; i++) {
		hdr = vec_hdr(&batch->fio->fio_vecs[i]);
		if (hdr->hdrlen < sizeof(*hdr) ||
		    (uint64_t)hdr->hdrlen + hdr->len > batch->slot_size)
			return false;
	}
	return true;
}

static int read_from_ring(struct frameio_batch *batch, struct frameio_qp *qp)
{
	const size_t room = batch->slot_size - sizeof(struct frameio_hdr);
	struct frameio_hdr *hdr;
	ssize_t ret;

	ret = frameio_ring_begin_reads(qp);
	if (ret)
		return ret;
	while (batch->count < batch->nframes) {
		hdr = vec_hdr(&batch->fio->fio_vecs[batch->count]);
		ret = frameio_ring_read_one(qp, hdr, hdr + 1, room);
		if (ret < 0)
			break;
		batch->count++;
	}
	frameio_ring_end_reads(qp);
	return batch->count ? (int)batch->count : (int)ret;
}

int frameio_batch_read(struct frameio_batch *batch, struct frameio_qp *qp)
{
	unsigned int i;
	int err;

	batch->count = 0;
	if (qp->read_ring)
		return read_from_ring(batch, qp);
	batch->fio->fio_nvecs = batch->nframes;
	for (i = 0; i < batch->nframes; i++)
		batch->fio->fio_vecs[i].fv_buflen = batch->slot_size;
	err = frameio_ioctl(qp->fd, FRAMEIO_READ, batch->fio);
	if (err)
		return err;
	i = batch->fio->fio_nvecs;
	if (!i || i > batch->nframes || !check_records(batch, i))
		return -EBADMSG;
	batch->count = i;
	return i;
}

_Static_assert(FRAMEIO_NFRAMES_MAX <= 32, "a uint32_t has a bit for each record");

/* Write the records that @records has, in order. Return: how many, or why none. */
static int write_to_ring(const struct frameio_batch *batch, uint32_t records,
			 struct frameio_qp *qp)
{
	const struct frameio_hdr *hdr;
	unsigned int i;
	int err, n = 0;

	records &= (UINT64_C(1) << batch->count) - 1;
	if (!records)
		return 0;
	err = frameio_ring_begin_writes(qp);
	if (err)
		return err;
	for (i = 0; i < batch->count; i++) {
		if (!(records & (1U << i)))
			continue;
		hdr = vec_hdr(&batch->fio->fio_vecs[i]);
		err = frameio_ring_write_one(qp, hdr, frameio_hdr_frame(hdr));
		if (err)
			break;
		n++;
	}
	frameio_ring_end_writes(qp);
	return n ? n : err;
}

int frameio_batch_write(struct frameio_batch *batch, struct frameio_qp *qp)
{
	const struct frameio_hdr *hdr;
	unsigned int i;
	int err;

	if (!batch->count)
		return 0;
	if (qp->write_ring) {
		err = write_to_ring(batch, UINT32_MAX, qp);
		if (err > 0)
			frameio_batch_drop(batch, err);
		return err;
	}
	batch->fio->fio_nvecs = batch->count;
	for (i = 0; i < batch->count; i++) {
		hdr = vec_hdr(&batch->fio->fio_vecs[i]);
		batch->fio->fio_vecs[i].fv_buflen = (uint64_t)hdr->hdrlen + hdr->len;
	}
	err = frameio_ioctl(qp->fd, FRAMEIO_WRITE, batch->fio);
	if (err)
		return err;
	i = batch->fio->fio_nvecs;
	if (!i || i > batch->count)
		return -EBADMSG;
	frameio_batch_drop(batch, i);
	return i;
}

/* A struct frameio for records that are a batch's. */
union some_records {
	struct frameio fio;
	unsigned char space[sizeof(struct frameio) +
			    FRAMEIO_NFRAMES_MAX * sizeof(struct framevec)];
};

int frameio_batch_write_some(const struct frameio_batch *batch, uint32_t records,
			     struct frameio_qp *qp)
{
	const struct frameio_hdr *hdr;
	union some_records some;
	struct frameio *fio = &some.fio;
	unsigned int i, n = 0;
	int err;

	if (qp->write_ring)
		return write_to_ring(batch, records, qp);
	for (i = 0; i < batch->count; i++) {
		if (!(records & (1U << i)))
			continue;
		hdr = vec_hdr(&batch->fio->fio_vecs[i]);
		fio->fio_vecs[n++] = (struct framevec) {
			.fv_buf = batch->fio->fio_vecs[i].fv_buf,
			.fv_buflen = (uint64_t)hdr->hdrlen + hdr->len,
		};
	}
	if (!n)
		return 0;
	fio->fio_version = FRAMEIO_VERSION;
	fio->fio_nvpf = 1;
	fio->fio_nvecs = n;
	fio->fio_flags = 0;
	err = frameio_ioctl(qp->fd, FRAMEIO_WRITE, fio);
	if (err)
		return err;
	return fio->fio_nvecs && fio->fio_nvecs <= n ? (int)fio->fio_nvecs : -EBADMSG;
}

/* The vectors change places; what they point to stays where it is. */
void frameio_batch_drop(struct frameio_batch *batch, unsigned int n)
{
	struct framevec dropped[FRAMEIO_NFRAMES_MAX];
	struct framevec *vecs = batch->fio->fio_vecs;

	if (n > batch->count)
		n = batch->count;
	batch->count -= n;
	if (!n || !batch->count)
		return;
	memcpy(dropped, vecs, n * sizeof(*vecs));
	memmove(vecs, vecs + n, batch->count * sizeof(*vecs));
	memcpy(vecs + batch->count, dropped, n * sizeof(*vecs));
}
