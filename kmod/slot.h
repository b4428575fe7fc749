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
 * @used: for each slot of the ioctls that was used, the bytes moved
 */
struct frameio_slots {
	struct iov_iter *iter;
	const struct framevec *vecs;
	u32 nvpf;
	u32 n;
	u32 next;
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
struct iov_iter *frameio_slot_iter(struct frameio_slot *slot, unsigned int direction);
bool frameio_slot_put(struct frameio_slot *slot, const void *from, size_t len);
bool frameio_slot_put_record(struct frameio_slot *slot, const struct frameio_hdr *hdr,
			     const void *frame, size_t len);
bool frameio_slot_get(struct frameio_slot *slot, void *to, size_t len);

/**
 * frameio_slots_use() - the slot that frameio_slots_next() gave was used
 * @slots: the slots
 * @bytes: how much of it
 */
static inline void frameio_slots_use(struct frameio_slots *slots, u32 bytes)
{
	if (!slots->iter)
		slots->used[slots->next] = bytes;
	slots->next++;
}

#endif /* _FRAMEIO_SLOT_H */
