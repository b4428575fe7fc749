/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* Where the next record starts behind @size bytes of a row. */
static uint64_t align_up(uint64_t size)
{
	return (size + FRAMEIO_RECORD_ALIGN - 1) / FRAMEIO_RECORD_ALIGN * FRAMEIO_RECORD_ALIGN;
}

void frameio_records_init(struct frameio_records *records, const void *row, size_t size)
{
	records->next = row;
	records->end = size ? records->next + size : records->next; /* an empty row may be NULL */
}

/*
 * A record starts at a multiple of FRAMEIO_RECORD_ALIGN; the last one of a row
 * need not be filled up to the next.
 */
int frameio_records_next(struct frameio_records *records, const struct frameio_hdr **out)
{
	const size_t left = records->end - records->next;
	const struct frameio_hdr *hdr = (const void *)records->next;
	uint64_t size;

	if (!left)
		return 0;
	if ((uintptr_t)hdr % FRAMEIO_RECORD_ALIGN || left < sizeof(*hdr))
		return -EBADMSG;
	if (hdr->version != FRAMEIO_HDR_VERSION || hdr->hdrlen < sizeof(*hdr))
		return -EBADMSG;
	size = (uint64_t)hdr->hdrlen + hdr->len;
	if (size > left)
		return -EBADMSG;
	*out = hdr;
	size = align_up(size);
	records->next += size < left ? size : left;
	return 1;
}

int frameio_records_append(void *row, size_t room, size_t *size, const void *frame, size_t len)
{
	struct frameio_hdr *hdr;
	uint64_t start;

	if (!len || (uintptr_t)row % FRAMEIO_RECORD_ALIGN || *size > room)
		return -EINVAL;
	if (len > UINT32_MAX || room < sizeof(*hdr) || len > room - sizeof(*hdr))
		return -EMSGSIZE;
	start = align_up(*size);
	if (start > room - sizeof(*hdr) - len)
		return -ENOBUFS;
	hdr = (void *)((unsigned char *)row + start);
	memset((unsigned char *)row + *size, 0, start - *size);
	*hdr = (struct frameio_hdr) {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(*hdr),
		.len = len,
	};
	memcpy(hdr + 1, frame, len);
	*size = start + sizeof(*hdr) + len;
	return 0;
}
