// SPDX-License-Identifier: GPL-2.0
/*
 * The user memory of one call.
 */
#include "compat.h"
#include "slot.h"

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
 * frameio_slots_next_any() - look at the next slot, of any kind
 * @slots: the slots, one of which is left
 * @slot: set to it
 * @direction: READ or WRITE, as the program sees it
 */
void frameio_slots_next_any(const struct frameio_slots *slots, struct frameio_slot *slot,
			    unsigned int direction)
{
	const struct iovec *iov;

	if (!slots->iter) {
		frameio_slot_from_vecs(slot, &slots->vecs[slots->next * slots->nvpf], slots->nvpf,
				       direction);
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
}

/* Step over what is done with since the last record: not from the start again for each. */
static void frameio_slots_go_on(struct frameio_slots *slots)
{
	size_t gone = iov_iter_count(slots->iter) - iov_iter_count(&slots->rest);

	if (unlikely(gone > slots->offset)) {
		/* of what was taken some was not accepted */
		slots->rest = *slots->iter;
		gone = 0;
	}
	iov_iter_advance(&slots->rest, slots->offset - gone);
}

/**
 * frameio_slots_next_in_row() - look at the next record of a row that was written
 * @slots: the row
 * @slot: set to the record, which is as long as its header says
 *
 * Its header may be another one by the time it is copied: what was copied is judged again.
 *
 * Return: 0, -EFAULT, or -EINVAL where there is no record.
 */
int frameio_slots_next_in_row(struct frameio_slots *slots, struct frameio_slot *slot)
{
	const size_t left = iov_iter_count(slots->iter) - slots->offset;
	struct frameio_hdr hdr;

	if (left < sizeof(hdr))
		return -EINVAL;
	frameio_slots_next(slots, slot, WRITE);
	if (slot->base) {
		slot->base += slots->offset;
		if (get_user(hdr.len, &((struct frameio_hdr __user *)slot->base)->len))
			return -EFAULT;
	} else {
		struct iov_iter iter;

		frameio_slots_go_on(slots);
		slot->iter = slots->rest;
		iter = slots->rest;
		if (!copy_from_iter_full(&hdr, sizeof(hdr), &iter))
			return -EFAULT;
	}
	if (hdr.len > left - sizeof(hdr))
		return -EINVAL;
	slot->len = sizeof(hdr) + hdr.len;
	return 0;
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

/* Between user_read_access_begin() and its end. */
static __always_inline bool frameio_get_words(char *to, const char __user *from, size_t len)
{
	for (; len >= FRAMEIO_WORDS * sizeof(u64); len -= FRAMEIO_WORDS * sizeof(u64)) {
		unsafe_get_user(((u64 *)to)[0], (const u64 __user *)from, fault);
		unsafe_get_user(((u64 *)to)[1], (const u64 __user *)from + 1, fault);
		unsafe_get_user(((u64 *)to)[2], (const u64 __user *)from + 2, fault);
		unsafe_get_user(((u64 *)to)[3], (const u64 __user *)from + 3, fault);
		from += FRAMEIO_WORDS * sizeof(u64);
		to += FRAMEIO_WORDS * sizeof(u64);
	}
	if (len & 2 * sizeof(u64)) {
		unsafe_get_user(((u64 *)to)[0], (const u64 __user *)from, fault);
		unsafe_get_user(((u64 *)to)[1], (const u64 __user *)from + 1, fault);
		from += 2 * sizeof(u64);
		to += 2 * sizeof(u64);
	}
	if (len & sizeof(u64)) {
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
		from += sizeof(u64);
		to += sizeof(u64);
	}
	if (len & sizeof(u32)) {
		unsafe_get_user(*(u32 *)to, (const u32 __user *)from, fault);
		from += sizeof(u32);
		to += sizeof(u32);
	}
	if (len & sizeof(u16)) {
		unsafe_get_user(*(u16 *)to, (const u16 __user *)from, fault);
		from += sizeof(u16);
		to += sizeof(u16);
	}
	if (len & sizeof(u8))
		unsafe_get_user(*(u8 *)to, (const u8 __user *)from, fault);
	return true;

fault:
	return false;
}

static bool frameio_get_short(const char __user *from, void *to, size_t len)
{
	bool copied;

	if (!user_read_access_begin(from, len))
		return false;
	copied = frameio_get_words(to, from, len);
	user_read_access_end();
	return copied;
}

/**
 * frameio_slot_put_long() - copy a header and a frame to a slot in one piece
 * @slot: the slot, which has a base, and room for both
 * @hdr: the header
 * @frame: the frame, memory of the kernel
 * @len: bytes of it
 *
 * Return: false if the slot's memory cannot be written.
 */
bool frameio_slot_put_long(struct frameio_slot *slot, const struct frameio_hdr *hdr,
			   const void *frame, size_t len)
{
	bool copied;

	if (!user_write_access_begin(slot->base, sizeof(*hdr)))
		return false;
	copied = frameio_put_header(slot->base, hdr, false);
	user_write_access_end();
	return copied && !copy_to_user(slot->base + sizeof(*hdr), frame, len);
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
	if (frameio_slot_is_short(slot, len))
		return frameio_get_short(slot->base, to, len);
	if (slot->base)
		return !copy_from_user(to, slot->base, len);
	return copy_from_iter_full(to, len, &slot->iter);
}
