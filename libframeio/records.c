/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>

#include "internal.h"

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
	size = (size + FRAMEIO_RECORD_ALIGN - 1) / FRAMEIO_RECORD_ALIGN * FRAMEIO_RECORD_ALIGN;
	records->next += size < left ? size : left;
	return 1;
}
