/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <limits.h>

#include "internal.h"

/* A struct frameio for one record: the header in a vector of its own. */
union one_record {
	struct frameio fio;
	unsigned char space[sizeof(struct frameio) + 2 * sizeof(struct framevec)];
};

static int one_record_call(struct frameio_qp *qp, unsigned long request, struct frameio_hdr *hdr,
			   const void *frame, size_t size)
{
	union one_record record;
	struct frameio *fio = &record.fio;
	int err;

	fio->fio_version = FRAMEIO_VERSION;
	fio->fio_nvpf = 2;
	fio->fio_nvecs = 2;
	fio->fio_flags = 0;
	fio->fio_vecs[0] = (struct framevec) {
		.fv_buf = (uintptr_t)hdr,
		.fv_buflen = sizeof(*hdr),
	};
	fio->fio_vecs[1] = (struct framevec) {
		.fv_buf = (uintptr_t)frame,
		.fv_buflen = size,
	};
	err = frameio_ioctl(qp->fd, request, fio);
	if (!err && fio->fio_nvecs != 2)
		return -EBADMSG;
	return err;
}

static ssize_t recv_from_ring(struct frameio_qp *qp, struct frameio_hdr *hdr, void *frame,
			      size_t size)
{
	ssize_t ret;

	if (!frame || !size)
		return -EINVAL;
	ret = frameio_ring_begin_reads(qp);
	if (ret)
		return ret;
	ret = frameio_ring_read_one(qp, hdr, frame, size);
	frameio_ring_end_reads(qp);
	return ret;
}

static int send_to_ring(struct frameio_qp *qp, const struct frameio_hdr *hdr, const void *frame)
{
	int err;

	if (!frame || !hdr->len)
		return -EINVAL;
	err = frameio_ring_begin_writes(qp);
	if (err)
		return err;
	err = frameio_ring_write_one(qp, hdr, frame);
	frameio_ring_end_writes(qp);
	return err;
}

ssize_t frameio_recv(struct frameio_qp *qp, struct frameio_hdr *hdr, void *frame, size_t size)
{
	struct frameio_hdr unwanted;
	int err;

	if (!hdr)
		hdr = &unwanted;
	if (qp->read_ring)
		return recv_from_ring(qp, hdr, frame, size);
	err = one_record_call(qp, FRAMEIO_READ, hdr, frame, size);
	if (err)
		return err;
	/* the rest of a longer header would be where the frame should */
	if (hdr->hdrlen != sizeof(*hdr) || hdr->len > size)
		return -EBADMSG;
	return hdr->len;
}

int frameio_send(struct frameio_qp *qp, const void *frame, size_t len)
{
	struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(hdr),
		.len = len,
	};

	if (len > INT_MAX)
		return -EINVAL;
	if (qp->write_ring)
		return send_to_ring(qp, &hdr, frame);
	return one_record_call(qp, FRAMEIO_WRITE, &hdr, frame, len);
}
