/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings: memory that a file's program and the kernel share, in the place of a queue.
 */
#ifndef _FRAMEIO_RING_H
#define _FRAMEIO_RING_H

#include <linux/mm.h>
#include <linux/wait.h>

#include "header.h"
#include "port.h"

struct task_struct;

/**
 * struct frameio_ring - a ring, as the kernel's side of it knows it
 * @page: its page of indexes; user space writes to all of it at any time
 * @area: its records, mapped twice, one behind the other; likewise
 * @size: of the area, once; 0: there is no such ring
 * @mask: @size - 1
 * @own: the kernel's own counter: producer of a read ring, consumer of a write ring
 * @limit: of a read ring: while @own is not above it there is room for a record of the
 *         longest frame
 * @other: of a write ring: the producer when it was looked at last, and was possible
 * @waiting: the program sleeps in poll(2), whatever its flag says
 * @armed: of a write ring, NEED_WAKEUP is set: nobody looks at it
 * @broken: what was found in it made no sense; it is not used any more
 * @index: the queue pair's
 * @offload: something may be left to make of its frames
 * @qp: the queue pair
 * @pages: its memory, the pages of the area twice
 * @npages: how many these are
 *
 * Only the fields here are believed. @own and @other are written by the one that
 * produces (transmit queue's lock; a NIC's receive handler: the read queue's lock) or
 * consumes (NAPI; the NIC's lock).
 */
struct frameio_ring {
	struct frameio_ring_page *page;
	u8 *area;
	u32 size;
	u32 mask;
	u64 own;
	u64 limit;
	u64 other;
	bool waiting;
	bool armed;
	u32 broken;
	u16 index;
	bool offload;
	struct frameio_qp *qp;
	struct page **pages;
	u32 npages;
};

/**
 * struct frameio_rings - the rings of a file
 * @read: from the kernel to the program
 * @write: from the program to the kernel
 * @qp: the queue pair
 * @thread: looks at the write ring; NULL: nobody does without being asked to
 * @asleep: it does not look, or is about not to
 * @cpus: where it runs
 * @idle: nanoseconds until it sleeps
 * @mm: whose locked memory the rings are counted as; NULL: nobody's
 * @locked: how much, in pages
 */
struct frameio_rings {
	struct frameio_ring read ____cacheline_aligned_in_smp;
	struct frameio_ring write ____cacheline_aligned_in_smp;
	struct frameio_qp *qp ____cacheline_aligned_in_smp;
	struct task_struct *thread;
	bool asleep;
	cpumask_var_t cpus;
	u64 idle;
	const struct cred *payer;
	unsigned long locked;
};

/* How full one side of a queue pair is: its queue, or its ring. */
struct frameio_fill {
	u32 used;	/* bytes */
	u32 bytes;	/* that it holds */
	u32 flags;	/* FRAMEIO_QP_* */
};

struct frameio_rings *frameio_rings_setup(struct frameio_qp *qp, struct frameio_ring_setup *setup);
void frameio_rings_release(struct frameio_rings *rings);
void frameio_rings_wake_users(struct frameio_rings *rings);
int frameio_rings_mmap(struct frameio_rings *rings, struct vm_area_struct *vma);
int frameio_rings_kick(struct frameio_rings *rings);
void frameio_rings_poll(struct frameio_rings *rings);
bool frameio_rings_readable(struct frameio_rings *rings);
bool frameio_rings_writable(struct frameio_rings *rings);
void frameio_rings_gone(struct frameio_rings *rings);
void frameio_qp_get_fill(const struct frameio_qp *qp, struct frameio_fill *read,
			 struct frameio_fill *write);
size_t frameio_ring_longest(const struct frameio_qp *qp);
bool frameio_ring_look(struct frameio_qp *qp, struct frameio_ring *ring, size_t size);
bool frameio_ring_stall(struct frameio_qp *qp, struct frameio_ring *ring, size_t size);
bool frameio_ring_put_offload(const struct frameio_ring *ring, struct sk_buff *skb, u8 *record);
void frameio_ring_begin_pops(struct frameio_ring *ring);
struct sk_buff *frameio_ring_pop(struct frameio_qp *qp, struct frameio_ring *ring);
void frameio_ring_end_pops(struct frameio_qp *qp, struct frameio_ring *ring, u32 n, size_t bytes);
bool frameio_ring_rest(struct frameio_qp *qp, struct frameio_ring *ring);

static inline bool frameio_rings_are_broken(const struct frameio_rings *rings)
{
	return READ_ONCE(rings->read.broken) || READ_ONCE(rings->write.broken);
}

/* Does a file's program read by a ring? Its read(2) does not, then. */
static inline bool frameio_qp_has_read_ring(const struct frameio_qp *qp)
{
	/* pairs with frameio_rings_enable() */
	const struct frameio_rings *rings = smp_load_acquire(&qp->rings);

	return unlikely(rings) && rings->read.size;
}

static inline bool frameio_qp_has_write_ring(const struct frameio_qp *qp)
{
	/* likewise */
	const struct frameio_rings *rings = smp_load_acquire(&qp->rings);

	return unlikely(rings) && rings->write.size;
}

/* What a frame takes of a ring. */
static inline size_t frameio_ring_record_size(size_t len)
{
	return ALIGN(sizeof(struct frameio_hdr) + len, FRAMEIO_RECORD_ALIGN);
}

/*
 * Is there certainly room for a frame, and for a longest one behind it? Otherwise
 * frameio_ring_look() knows.
 */
static __always_inline bool frameio_ring_has_much_room(const struct frameio_ring *ring, u32 len)
{
	/* a difference: both may be below zero, where the program has set its counter so */
	return likely((s64)(ring->limit - ring->own - frameio_ring_record_size(len)) >= 0);
}

/* Up to this many bytes the copy here is the faster one. */
#define FRAMEIO_RING_SHORT	256

/* Four words, wherever they are. */
static __always_inline void frameio_ring_copy_words(void *to, const void *from)
{
	((u64 *)to)[0] = ((const u64 *)from)[0];
	((u64 *)to)[1] = ((const u64 *)from)[1];
	((u64 *)to)[2] = ((const u64 *)from)[2];
	((u64 *)to)[3] = ((const u64 *)from)[3];
}

#define FRAMEIO_RING_WORDS	(4 * sizeof(u64))

/*
 * Short frames, as most that are batched are, are copied right here: the last words of them
 * once more, as far as that is needed, instead of what is left byte by byte.
 */
static __always_inline void frameio_ring_copy(void *to, const void *from, size_t len)
{
	const void *last = from + len - FRAMEIO_RING_WORDS;
	const ptrdiff_t there = to - from;

	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	    unlikely(len - FRAMEIO_RING_WORDS > FRAMEIO_RING_SHORT - FRAMEIO_RING_WORDS)) {
		memcpy(to, from, len);
		return;
	}
	for (; from < last; from += FRAMEIO_RING_WORDS)
		frameio_ring_copy_words((void *)from + there, from);
	frameio_ring_copy_words((void *)last + there, last);
}

/**
 * frameio_ring_put() - copy a frame into a read ring; the frame stays the caller's
 * @ring: the ring, which has room for it
 * @skb: the frame
 * @nic: a NIC received it
 *
 * What is in the ring is written, never read back: it may be anything by then.
 *
 * Return: false if the frame's own memory cannot be read, or no record can tell of it.
 */
static __always_inline bool frameio_ring_put(struct frameio_ring *ring, struct sk_buff *skb,
					     bool nic)
{
	const u64 own = ring->own;
	const u32 len = skb->len;
	u8 *record = ring->area + (own & ring->mask);

	if (nic) {
		struct frameio_hdr hdr;

		frameio_header_fill(&hdr, skb, ring->index);
		frameio_header_fill_received(&hdr, skb);
		memcpy(record, &hdr, sizeof(hdr));
	} else if (unlikely(ring->offload)) {
		if (!frameio_ring_put_offload(ring, skb, record))
			return false;
	} else {
		frameio_header_fill((struct frameio_hdr *)record, skb, ring->index);
	}
	record += sizeof(struct frameio_hdr);
	if (likely(!skb_is_nonlinear(skb)))
		frameio_ring_copy(record, skb->data, len);
	else if (skb_copy_bits(skb, 0, record, len))
		return false;
	WRITE_ONCE(ring->own, own + frameio_ring_record_size(len));
	/* the record before the counter; pairs with the program's acquire */
	smp_store_release(&ring->page->rg_producer, own + frameio_ring_record_size(len));
	return true;
}

/* Wake the program, if it sleeps until there are records. */
static __always_inline void frameio_ring_wake_reader(struct frameio_qp *qp,
						     struct frameio_ring *ring)
{
	/* the counter before the flags; pairs with the program's barrier, and with poll's */
	smp_mb();
	if (likely(!((READ_ONCE(ring->page->rg_consumer_flags) & FRAMEIO_RING_NEED_WAKEUP) |
		     READ_ONCE(ring->waiting))))
		return;
	WRITE_ONCE(ring->waiting, false);
	if (wq_has_sleeper(&qp->read.wait))
		wake_up_interruptible_poll(&qp->read.wait, EPOLLIN | EPOLLRDNORM);
}

#endif /* _FRAMEIO_RING_H */
