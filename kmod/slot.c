// SPDX-License-Identifier: GPL-2.0
/*
 * The user memory of one call.
 *
 * Short records, which are what batching is for, are copied word by word right
 * here: a call to the kernel's copying functions, with the checks they do for
 * callers who know less of their buffers, costs more than the copy.
 */
#include "compat.h"
#include "slot.h"

/* Up to this many bytes the copy here is the faster one. */
#define FRAMEIO_SHORT	256

static void frameio_slot_from_vecs(struct frameio_slot *slot, const struct framevec *vecs,
				   u32 nvpf, unsigned int direction)
{
	size_t total = 0;
	u32 i;

	for (i = 0; i < nvpf; i++) {
		slot->iov[i].iov_base = u64_to_user_ptr(vecs[i].fv_buf);
		slot->iov[i].iov_len = min_t(u64, vecs[i].fv_buflen, MAX_RW_COUNT);
		total += slot->iov[i].iov_len;
	}
	slot->base = NULL;
	slot->len = total;
	iov_iter_init(&slot->iter, direction, slot->iov, nvpf, total);
}

/**
 * frameio_slots_next() - look at the next slot
 * @slots: the slots
 * @slot: set to it
 * @direction: READ or WRITE, as the program sees it
 *
 * It stays the next one until frameio_slots_use() is called.
 *
 * Return: false if there is none.
 */
bool frameio_slots_next(const struct frameio_slots *slots, struct frameio_slot *slot,
			unsigned int direction)
{
	const struct framevec *vec;
	const struct iovec *iov;

	if (slots->next == slots->n)
		return false;
	if (!slots->iter) {
		vec = &slots->vecs[slots->next * slots->nvpf];
		if (slots->nvpf > 1) {
			frameio_slot_from_vecs(slot, vec, slots->nvpf, direction);
			return true;
		}
		slot->base = u64_to_user_ptr(vec->fv_buf);
		slot->len = min_t(u64, vec->fv_buflen, MAX_RW_COUNT);
	} else if (iter_is_iovec(slots->iter)) {
		iov = &frameio_iter_iov(slots->iter)[slots->next];
		slot->base = iov->iov_base;
		slot->len = iov->iov_len;
	} else if (frameio_iter_is_ubuf(slots->iter)) {
		slot->base = frameio_iter_ubuf(slots->iter);
		slot->len = iov_iter_count(slots->iter);
	} else {
		slot->base = NULL;
		slot->len = iov_iter_count(slots->iter);
		slot->iter = *slots->iter;
	}
	return true;
}

/**
 * frameio_slot_iter() - a slot as an iterator, from its start
 * @slot: the slot, from which nothing was copied yet
 * @direction: READ or WRITE
 */
struct iov_iter *frameio_slot_iter(struct frameio_slot *slot, unsigned int direction)
{
	if (slot->base) {
		slot->iov[0].iov_base = slot->base;
		slot->iov[0].iov_len = slot->len;
		iov_iter_init(&slot->iter, direction, slot->iov, 1, slot->len);
	}
	return &slot->iter;
}

static bool frameio_put_short(void __user *base, const void *from, size_t len)
{
	const char *next = from;
	char __user *to = base;

	if (!user_write_access_begin(to, len))
		return false;
	for (; len >= sizeof(u64); len -= sizeof(u64), next += sizeof(u64), to += sizeof(u64))
		unsafe_put_user(*(const u64 *)next, (u64 __user *)to, fault);
	if (len & sizeof(u32)) {
		unsafe_put_user(*(const u32 *)next, (u32 __user *)to, fault);
		next += sizeof(u32);
		to += sizeof(u32);
	}
	if (len & sizeof(u16)) {
		unsafe_put_user(*(const u16 *)next, (u16 __user *)to, fault);
		next += sizeof(u16);
		to += sizeof(u16);
	}
	if (len & sizeof(u8))
		unsafe_put_user(*(const u8 *)next, (u8 __user *)to, fault);
	user_write_access_end();
	return true;

fault:
	user_write_access_end();
	return false;
}

static bool frameio_get_short(const void __user *base, void *to, size_t len)
{
	const char __user *from = base;
	char *next = to;

	if (!user_read_access_begin(from, len))
		return false;
	for (; len >= sizeof(u64); len -= sizeof(u64), next += sizeof(u64), from += sizeof(u64))
		unsafe_get_user(*(u64 *)next, (const u64 __user *)from, fault);
	if (len & sizeof(u32)) {
		unsafe_get_user(*(u32 *)next, (const u32 __user *)from, fault);
		next += sizeof(u32);
		from += sizeof(u32);
	}
	if (len & sizeof(u16)) {
		unsafe_get_user(*(u16 *)next, (const u16 __user *)from, fault);
		next += sizeof(u16);
		from += sizeof(u16);
	}
	if (len & sizeof(u8))
		unsafe_get_user(*(u8 *)next, (const u8 __user *)from, fault);
	user_read_access_end();
	return true;

fault:
	user_read_access_end();
	return false;
}

/* May a copy go word by word, whatever the alignment? */
static bool frameio_is_short(const struct frameio_slot *slot, size_t len)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && slot->base &&
	       len <= FRAMEIO_SHORT;
}

/**
 * frameio_slot_put() - copy to a slot, from its start
 * @slot: the slot, with room for it
 * @from: memory of the kernel
 * @len: bytes
 *
 * Return: false if the slot's memory cannot be written.
 */
bool frameio_slot_put(struct frameio_slot *slot, const void *from, size_t len)
{
	if (frameio_is_short(slot, len))
		return frameio_put_short(slot->base, from, len);
	if (slot->base)
		return !copy_to_user(slot->base, from, len);
	return copy_to_iter(from, len, &slot->iter) == len;
}

/**
 * frameio_slot_get() - copy from a slot, from its start
 * @slot: the slot
 * @to: memory of the kernel
 * @len: bytes, not more than the slot has
 *
 * Return: false if the slot's memory cannot be read.
 */
bool frameio_slot_get(struct frameio_slot *slot, void *to, size_t len)
{
	if (frameio_is_short(slot, len))
		return frameio_get_short(slot->base, to, len);
	if (slot->base)
		return !copy_from_user(to, slot->base, len);
	return copy_from_iter_full(to, len, &slot->iter);
}
