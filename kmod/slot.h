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
	struct iov_iter rest;
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

void frameio_slots_next_any(const struct frameio_slots *slots, struct frameio_slot *slot,
			    unsigned int direction);
int frameio_slots_next_in_row(struct frameio_slots *slots, struct frameio_slot *slot);
struct iov_iter *frameio_slot_iter(struct frameio_slot *slot, unsigned int direction);
bool frameio_slot_put_long(struct frameio_slot *slot, const struct frameio_hdr *hdr,
			   const void *frame, size_t len);
bool frameio_slot_get(struct frameio_slot *slot, void *to, size_t len);

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
static __always_inline bool frameio_slots_next(const struct frameio_slots *slots,
					       struct frameio_slot *slot, unsigned int direction)
{
	const struct framevec *vec;

	if (slots->next == slots->n)
		return false;
	if (unlikely(slots->iter || slots->nvpf > 1)) {
		frameio_slots_next_any(slots, slot, direction);
		return true;
	}
	vec = &slots->vecs[slots->next];
	slot->base = u64_to_user_ptr(vec->fv_buf);
	slot->len = min_t(u64, vec->fv_buflen, MAX_RW_COUNT);
	return true;
}

/* Up to this many bytes a copy word by word is the faster one. */
#define FRAMEIO_SHORT	256

/* May a record of this length be copied word by word, whatever its alignment? */
static inline bool frameio_slot_is_short(const struct frameio_slot *slot, size_t len)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && slot->base &&
	       len <= FRAMEIO_SHORT;
}

/* Words that are copied without a look at how many are left. */
#define FRAMEIO_WORDS	4

/* Between user_write_access_begin() and its end. */
static __always_inline bool frameio_put_words(char __user *to, const char *from, size_t len)
{
	for (; len >= FRAMEIO_WORDS * sizeof(u64); len -= FRAMEIO_WORDS * sizeof(u64)) {
		unsafe_put_user(((const u64 *)from)[0], (u64 __user *)to, fault);
		unsafe_put_user(((const u64 *)from)[1], (u64 __user *)to + 1, fault);
		unsafe_put_user(((const u64 *)from)[2], (u64 __user *)to + 2, fault);
		unsafe_put_user(((const u64 *)from)[3], (u64 __user *)to + 3, fault);
		from += FRAMEIO_WORDS * sizeof(u64);
		to += FRAMEIO_WORDS * sizeof(u64);
	}
	if (len & 2 * sizeof(u64)) {
		unsafe_put_user(((const u64 *)from)[0], (u64 __user *)to, fault);
		unsafe_put_user(((const u64 *)from)[1], (u64 __user *)to + 1, fault);
		from += 2 * sizeof(u64);
		to += 2 * sizeof(u64);
	}
	if (len & sizeof(u64)) {
		unsafe_put_user(*(const u64 *)from, (u64 __user *)to, fault);
		from += sizeof(u64);
		to += sizeof(u64);
	}
	if (len & sizeof(u32)) {
		unsafe_put_user(*(const u32 *)from, (u32 __user *)to, fault);
		from += sizeof(u32);
		to += sizeof(u32);
	}
	if (len & sizeof(u16)) {
		unsafe_put_user(*(const u16 *)from, (u16 __user *)to, fault);
		from += sizeof(u16);
		to += sizeof(u16);
	}
	if (len & sizeof(u8))
		unsafe_put_user(*(const u8 *)from, (u8 __user *)to, fault);
	return true;

fault:
	return false;
}

/*
 * Between user_write_access_begin() and its end; field by field, from registers. The
 * fields for what is left to make of a frame are all 0 in a plain header.
 */
static __always_inline bool frameio_put_header(struct frameio_hdr __user *to,
					       const struct frameio_hdr *hdr, bool plain)
{
	unsafe_put_user(hdr->version, &to->version, fault);
	unsafe_put_user(hdr->hdrlen, &to->hdrlen, fault);
	unsafe_put_user(hdr->flags, &to->flags, fault);
	unsafe_put_user(hdr->len, &to->len, fault);
	unsafe_put_user(hdr->wirelen, &to->wirelen, fault);
	unsafe_put_user(hdr->hash, &to->hash, fault);
	unsafe_put_user(hdr->tstamp, &to->tstamp, fault);
	unsafe_put_user(hdr->vlan_tci, &to->vlan_tci, fault);
	unsafe_put_user(hdr->vlan_proto, &to->vlan_proto, fault);
	if (plain) {
		unsafe_put_user(0, (u32 __user *)&to->gso_size, fault);
		unsafe_put_user(0, (u32 __user *)&to->csum_start, fault);
		unsafe_put_user(0, (u16 __user *)&to->gso_type, fault);
	} else {
		unsafe_put_user(hdr->gso_size, &to->gso_size, fault);
		unsafe_put_user(hdr->gso_hdrlen, &to->gso_hdrlen, fault);
		unsafe_put_user(hdr->csum_start, &to->csum_start, fault);
		unsafe_put_user(hdr->csum_offset, &to->csum_offset, fault);
		unsafe_put_user(hdr->gso_type, &to->gso_type, fault);
		unsafe_put_user(hdr->reserved, &to->reserved, fault);
	}
	unsafe_put_user(hdr->queue, &to->queue, fault);
	return true;

fault:
	return false;
}

/**
 * frameio_slot_put_short() - copy a header and a short frame to a slot in one piece
 * @slot: the slot, which is short for the record, and has room for it
 * @hdr: the header, a plain one
 * @frame: the frame, memory of the kernel
 * @len: bytes of it
 *
 * Short records are what batching is for: a call to the kernel's copying functions, with
 * the checks they do for callers who know less of their buffers, costs more than the copy.
 *
 * Return: false if the slot's memory cannot be written.
 */
static __always_inline bool frameio_slot_put_short(struct frameio_slot *slot,
						   const struct frameio_hdr *hdr,
						   const void *frame, size_t len)
{
	char __user *base = slot->base;
	bool copied;

	if (!user_write_access_begin(base, sizeof(*hdr) + len))
		return false;
	copied = frameio_put_header((struct frameio_hdr __user *)base, hdr, true) &&
		 frameio_put_words(base + sizeof(*hdr), frame, len);
	user_write_access_end();
	return copied;
}

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
 * frameio_slots_use_one() - the slot that frameio_slots_next() gave was used
 * @slots: the slots, which are no row
 * @bytes: how much of it
 */
static inline void frameio_slots_use_one(struct frameio_slots *slots, u32 bytes)
{
	if (!slots->iter)
		slots->used[slots->next] = bytes;
	slots->next++;
}

/**
 * frameio_slots_use() - the slot, or the record of a row, was used
 * @slots: the slots
 * @bytes: how much of it
 */
static inline void frameio_slots_use(struct frameio_slots *slots, u32 bytes)
{
	if (slots->row)
		slots->offset = min(slots->offset + frameio_row_size(bytes),
				    iov_iter_count(slots->iter));
	else
		frameio_slots_use_one(slots, bytes);
}

#endif /* _FRAMEIO_SLOT_H */
