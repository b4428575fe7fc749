/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user memory of one call: a row of slots, each for one record.
 */
#ifndef _FRAMEIO_SLOT_H
#define _FRAMEIO_SLOT_H

#include <linux/uaccess.h>
#include <linux/uio.h>

#include <frameio/frameio.h>

/**
 * struct frameio_slots - the slots of a call
 * @iter: of the read and write calls: each of its iovecs is a slot; or NULL
 * @vecs: of the ioctls: each @nvpf of them are a slot
 * @nvpf: vectors per slot
 * @n: number of slots
 * @next: the next slot to use
 * @row: the one slot is for a row of records: FRAMEIO_O_PACKED
 * @offset: bytes of the row that are done with
 * @used: for each slot of the ioctls that was used, the bytes moved
 */
struct frameio_slots {
	struct iov_iter *iter;
	const struct framevec *vecs;
	u32 nvpf;
	u32 n;
	u32 next;
	bool row;
	size_t offset;
	u32 used[FRAMEIO_NFRAMES_MAX];
};

/**
 * struct frameio_slot - one slot
 * @len: its size in bytes
 * @base: where it is, if it is in one piece; NULL: it is in @iter
 * @iter: otherwise, the pieces
 * @iov: what @iter walks over, where that is not the caller's own
 */
struct frameio_slot {
	size_t len;
	void __user *base;
	struct iov_iter iter;
	struct iovec iov[FRAMEIO_NVPF_MAX];
};

bool frameio_slots_next(const struct frameio_slots *slots, struct frameio_slot *slot,
			unsigned int direction);
int frameio_slots_next_in_row(const struct frameio_slots *slots, struct frameio_slot *slot);
struct iov_iter *frameio_slot_iter(struct frameio_slot *slot, unsigned int direction);
bool frameio_slot_put(struct frameio_slot *slot, const void *from, size_t len);
bool frameio_slot_put_record(struct frameio_slot *slot, const struct frameio_hdr *hdr,
			     const void *frame, size_t len);
bool frameio_slot_get(struct frameio_slot *slot, void *to, size_t len);

/* What a record takes of a row. */
static inline size_t frameio_row_size(size_t len)
{
	return ALIGN(len, FRAMEIO_RECORD_ALIGN);
}

/**
 * frameio_slot_skip() - go on behind a record of a row
 * @slot: of which the first record is done with
 * @len: its length
 */
static inline void frameio_slot_skip(struct frameio_slot *slot, size_t len)
{
	const size_t size = min(frameio_row_size(len), slot->len);

	slot->len -= size;
	if (slot->base)
		slot->base += size;
	else
		/* copying it has moved the iterator behind the record itself */
		iov_iter_advance(&slot->iter, size - len);
}

/* Is nothing left of the slots? */
static inline bool frameio_slots_are_used(const struct frameio_slots *slots)
{
	if (slots->row)
		return slots->offset == iov_iter_count(slots->iter);
	return slots->next == slots->n;
}

/**
 * frameio_slots_use() - the slot that frameio_slots_next() gave was used
 * @slots: the slots
 * @bytes: how much of it
 */
static inline void frameio_slots_use(struct frameio_slots *slots, u32 bytes)
{
	if (slots->row) {
		slots->offset = min(slots->offset + frameio_row_size(bytes),
				    iov_iter_count(slots->iter));
		return;
	}
	if (!slots->iter)
		slots->used[slots->next] = bytes;
	slots->next++;
}

#endif /* _FRAMEIO_SLOT_H */
