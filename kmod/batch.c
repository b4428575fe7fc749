// SPDX-License-Identifier: GPL-2.0
/*
 * Batches of records between a queue pair and user memory.
 *
 * A batch takes the queue pair's read_lock or write_lock once, the queue's own
 * lock once or twice, and wakes the other side at most once. Nobody sleeps for
 * frames or for room with read_lock or write_lock held: a thread that blocks
 * does not keep one that must not block from its turn.
 */
#include "batch.h"
#include "header.h"
#include "netdev.h"
#include "nic.h"
#include "record.h"
#include "ring.h"
#include "stats.h"
#include "trace.h"

/* Frames that are freed with bottom halves off in one go. */
#define FRAMEIO_FREE_CHUNK	64

static __always_inline void frameio_record_header(const struct frameio_qp *qp,
						  struct sk_buff *skb, struct frameio_hdr *hdr)
{
	frameio_header_fill(hdr, skb, qp->index);
	if (frameio_port_is_nic(qp->port))
		frameio_header_fill_received(hdr, skb);
}

/* A short frame in one piece, which is what batching is for: its header needs no memory. */
static __always_inline bool frameio_record_read_short(const struct frameio_qp *qp,
						      struct sk_buff *skb,
						      struct frameio_slot *to)
{
	struct frameio_hdr hdr;

	frameio_record_header(qp, skb, &hdr);
	return frameio_slot_put_short(to, &hdr, skb->data, skb->len);
}

/* Any frame, or its first @len bytes. */
static noinline bool frameio_record_read_any(const struct frameio_qp *qp, struct sk_buff *skb,
					     u32 len, struct frameio_slot *to)
{
	struct frameio_hdr hdr;
	struct iov_iter *iter;

	frameio_record_header(qp, skb, &hdr);
	/* other ports' frames are complete, or come from where nobody asks for that */
	if (frameio_frame_has_offload(skb) && frameio_port_has_offload(qp->port))
		frameio_header_fill_offload(&hdr, skb);
	if (len < skb->len) {
		hdr.len = len;
		hdr.flags |= FRAMEIO_F_TRUNC;
	}
	if (to->base && !skb_is_nonlinear(skb))
		return frameio_slot_put_long(to, &hdr, skb->data, len);
	iter = frameio_slot_iter(to, READ);
	return copy_to_iter(&hdr, sizeof(hdr), iter) == sizeof(hdr) &&
	       !skb_copy_datagram_iter(skb, 0, iter, len);
}

/*
 * Copy a record out; the frame stays the caller's.
 *
 * Return: the bytes of the record, -EMSGSIZE or -EFAULT.
 */
static __always_inline ssize_t frameio_record_read(const struct frameio_qp *qp,
						   struct sk_buff *skb,
						   struct frameio_slot *to, bool trunc)
{
	const u32 hdrlen = sizeof(struct frameio_hdr);
	u32 len = skb->len;
	bool copied;

	if (unlikely(to->len < hdrlen + (size_t)len)) {
		if (!trunc || to->len < hdrlen)
			return -EMSGSIZE;
		len = to->len - hdrlen;
	}
	if (likely(len == skb->len && !skb_is_nonlinear(skb) && !frameio_frame_has_offload(skb) &&
		   frameio_slot_is_short(to, hdrlen + len)))
		copied = frameio_record_read_short(qp, skb, to);
	else
		copied = frameio_record_read_any(qp, skb, len, to);
	return copied ? (ssize_t)hdrlen + len : -EFAULT;
}

/**
 * frameio_batch_take() - as the reader, give back frames, and take what has come
 * @qp: the queue pair
 * @done: frames that were taken and read
 * @done_bytes: the memory that these took
 *
 * A stopped transmit queue goes on.
 */
void frameio_batch_take(struct frameio_qp *qp, u32 done, u32 done_bytes)
{
	if (frameio_queue_take(&qp->read, done, done_bytes)) {
		trace_frameio_wake(qp, FRAMEIO_TRACE_READ);
		frameio_qp_wake_transmit(qp);
	}
}

/*
 * Take read_lock or write_lock. Another thread may hold it for as long as its
 * memory takes to copy: a call that must not sleep at all comes again.
 */
static int frameio_call_lock(const struct frameio_call *call, struct mutex *lock)
{
	if (call->nowait)
		return mutex_trylock(lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(lock) ? -ERESTARTSYS : 0;
}

/*
 * The port is gone: what a reader had taken and not read yet is dropped here,
 * while the file is still there to tell its counters. A reader in another thread
 * leaves it to its next call, or to the file's release.
 */
static int frameio_read_gone(struct frameio_qp *qp)
{
	if (!skb_queue_empty_lockless(&qp->read.taken) && mutex_trylock(&qp->read_lock)) {
		frameio_qp_purge_taken(qp);
		mutex_unlock(&qp->read_lock);
	}
	return -ENODEV;
}

/**
 * frameio_batch_settle() - have the counters tell of every frame, if the port is gone
 * @qp: the queue pair
 *
 * A reader in another thread, if there is one, does it itself.
 */
void frameio_batch_settle(struct frameio_qp *qp)
{
	if (frameio_port_state(qp->port) == FRAMEIO_GONE)
		frameio_read_gone(qp);
}

/*
 * Wait until there is something to read, and take read_lock.
 *
 * Return: 0 with read_lock held; or -ENODEV, -EAGAIN, -EBUSY or -ERESTARTSYS without.
 */
static int frameio_read_begin(struct frameio_qp *qp, const struct frameio_call *call)
{
	struct frameio_queue *queue = &qp->read;
	int err;

	for (;;) {
		if (frameio_port_state(qp->port) == FRAMEIO_GONE)
			return frameio_read_gone(qp);
		err = frameio_call_lock(call, &qp->read_lock);
		if (err)
			return err;
		if (frameio_qp_has_read_ring(qp)) {
			mutex_unlock(&qp->read_lock);
			return -EBUSY;
		}
		if (skb_queue_empty(&queue->taken))
			frameio_batch_take(qp, 0, 0);
		if (!skb_queue_empty(&queue->taken))
			return 0;
		mutex_unlock(&qp->read_lock);
		if (frameio_port_state(qp->port) == FRAMEIO_GONE)
			return -ENODEV;
		if (call->nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(queue->wait, frameio_queue_len(queue) ||
					       frameio_port_state(qp->port) == FRAMEIO_GONE ||
					       frameio_qp_has_read_ring(qp));
		if (err)
			return err;
	}
}

/* Free frames that were read, through the per-CPU caches that bulk them. */
static void frameio_free_frames(struct sk_buff *skb)
{
	struct sk_buff *next;
	u32 n;

	while (skb) {
		local_bh_disable();
		for (n = 0; n < FRAMEIO_FREE_CHUNK && skb; n++, skb = next) {
			next = skb->next;
			skb_mark_not_on_list(skb);
			napi_consume_skb(skb, 1);
		}
		local_bh_enable();
	}
}

/* Take the first frames off a queue, in one go. Return: these, by their next pointers. */
static struct sk_buff *frameio_cut_frames(struct sk_buff_head *from, struct sk_buff *last, u32 n)
{
	struct sk_buff *first = from->next;

	WRITE_ONCE(from->next, last->next);
	WRITE_ONCE(last->next->prev, (struct sk_buff *)from);
	WRITE_ONCE(from->qlen, from->qlen - n);
	last->next = NULL;
	return first;
}

/**
 * struct frameio_reading - how far a call is with reading
 * @last: the frame that was read last, which stays among those taken; or NULL
 * @kept: frames read that do
 * @done: frames read
 * @given_back: of these, how many the queue knows of
 * @bytes: the memory of those that it does not
 * @moved: the bytes of their records
 */
struct frameio_reading {
	struct sk_buff *last;
	u32 kept, done, given_back, bytes;
	size_t moved;
};

/* Tell the queue what was read, and take what has come. */
static void frameio_reading_take(struct frameio_qp *qp, struct frameio_reading *reading)
{
	frameio_batch_take(qp, reading->done - reading->given_back, reading->bytes);
	reading->given_back = reading->done;
	reading->bytes = 0;
}

/*
 * Take what has come, where all that was taken has been read. A row may be longer than
 * any queue: what was read is freed now, not at its end, and it can be killed.
 *
 * Return: the first of these frames, or NULL.
 */
static struct sk_buff *frameio_reading_more(struct frameio_qp *qp,
					    struct frameio_reading *reading)
{
	struct sk_buff_head *taken = &qp->read.taken;
	struct sk_buff *skb;

	frameio_reading_take(qp, reading);
	skb = skb_peek_next(reading->last, taken);
	if (!skb || fatal_signal_pending(current))
		return NULL;
	frameio_free_frames(frameio_cut_frames(taken, reading->last, reading->kept));
	reading->last = NULL;
	reading->kept = 0;
	cond_resched();
	return skb;
}

/* The frame behind those that were read, or NULL. */
static __always_inline struct sk_buff *frameio_reading_next(struct frameio_qp *qp,
							    struct frameio_reading *reading)
{
	struct sk_buff_head *taken = &qp->read.taken;
	struct sk_buff *skb;

	/* frameio_read_begin() has seen to it that there is a first one */
	if (!reading->last)
		return skb_peek(taken);
	skb = skb_peek_next(reading->last, taken);
	return likely(skb) ? skb : frameio_reading_more(qp, reading);
}

static __always_inline void frameio_reading_done(struct frameio_reading *reading,
						 struct sk_buff *skb, size_t len)
{
	reading->bytes += skb->truesize;
	reading->last = skb;
	reading->kept++;
	reading->done++;
	reading->moved += len;
}

/* A record into each slot. Return: 0, or the error of the frame that is next. */
static int frameio_read_slots(struct frameio_qp *qp, struct frameio_slots *slots, bool trunc,
			      struct frameio_reading *reading)
{
	struct frameio_slot slot;
	struct sk_buff *skb;
	ssize_t len;

	while (frameio_slots_next(slots, &slot, READ)) {
		skb = frameio_reading_next(qp, reading);
		if (!skb)
			break;
		len = frameio_record_read(qp, skb, &slot, trunc);
		if (unlikely(len < 0))
			return len;
		frameio_slots_use_one(slots, len);
		frameio_reading_done(reading, skb, len);
	}
	return 0;
}

/* A row of records into the one slot. A frame is cut only where it is the first. */
static int frameio_read_row(struct frameio_qp *qp, struct frameio_slots *slots, bool trunc,
			    struct frameio_reading *reading)
{
	struct frameio_slot slot;
	struct sk_buff *skb;
	size_t size;
	ssize_t len;

	frameio_slots_next(slots, &slot, READ);
	size = slot.len;
	while ((skb = frameio_reading_next(qp, reading))) {
		len = frameio_record_read(qp, skb, &slot, trunc);
		if (unlikely(len < 0))
			/* it is the next call's first */
			return len == -EMSGSIZE && reading->done ? 0 : len;
		trunc = false;
		slots->offset = size - slot.len + len;
		frameio_slot_skip(&slot, len);
		frameio_reading_done(reading, skb, len);
	}
	return 0;
}

/**
 * frameio_batch_read() - move records from the read queue to user memory
 * @qp: the queue pair
 * @slots: where to; its @next tells how many were filled
 * @call: how
 *
 * A frame leaves the queue once it has been copied out whole. An error ends
 * the batch, and is reported if no frame was moved before it; the frame it
 * concerns stays first in the queue.
 *
 * Return: bytes moved, at least one record; or -EAGAIN, -EBUSY, -EFAULT, -EMSGSIZE,
 * -ENODEV or -ERESTARTSYS.
 */
ssize_t frameio_batch_read(struct frameio_qp *qp, struct frameio_slots *slots,
			   const struct frameio_call *call)
{
	struct frameio_reading reading = { .last = NULL };
	struct sk_buff *frames = NULL;
	int err;

	if (frameio_port_is_nic(qp->port))
		frameio_nic_begin_reading(qp);
	err = frameio_read_begin(qp, call);
	if (err)
		return err;

	if (slots->row)
		err = frameio_read_row(qp, slots, call->trunc, &reading);
	else
		err = frameio_read_slots(qp, slots, call->trunc, &reading);
	if (reading.done > reading.given_back)
		frameio_reading_take(qp, &reading);
	frameio_stats_count(&qp->reads, call->mode, reading.done, reading.moved, err);
	frameio_stats_count_call(&qp->reads, call->mode, reading.done);
	if (reading.kept)
		frames = frameio_cut_frames(&qp->read.taken, reading.last, reading.kept);
	if (reading.done) {
		frameio_qp_set_mode(qp, call->mode);
		trace_frameio_dequeue(qp, FRAMEIO_TRACE_READ, reading.done);
	}
	mutex_unlock(&qp->read_lock);

	frameio_free_frames(frames);
	if (!reading.done)
		return err;
	return slots->row ? slots->offset : reading.moved;
}

static int frameio_record_copy_in_small(struct frameio_record *record, struct frameio_slot *from)
{
	return frameio_slot_get(from, frameio_record_start(record), record->len) ? 0 : -EFAULT;
}

static int frameio_record_copy_in_large(struct frameio_record *record, struct frameio_slot *from)
{
	struct iov_iter *iter = frameio_slot_iter(from, WRITE);

	return skb_copy_datagram_from_iter(record->skb, 0, iter, record->len) ? -EFAULT : 0;
}

/*
 * Take a record from a slot.
 *
 * Return: 0, -EINVAL, -EFAULT or -ENOMEM; @record holds nothing after an error.
 */
static int frameio_record_write(struct frameio_qp *qp, struct frameio_slot *from,
				struct frameio_record *record)
{
	int err;

	if (!frameio_record_len_is_valid(qp->port, from->len))
		return -EINVAL;
	record->len = from->len;
	err = frameio_record_alloc(qp, record, GFP_KERNEL_ACCOUNT);
	if (err)
		return err;
	if (likely(!record->skb))
		err = frameio_record_copy_in_small(record, from);
	else
		err = frameio_record_copy_in_large(record, from);
	if (!err)
		err = frameio_record_judge(qp->port, record);
	if (err)
		frameio_record_free(record);
	return err;
}

static int frameio_write_state(const struct frameio_qp *qp)
{
	switch (frameio_port_state(qp->port)) {
	case FRAMEIO_UP:
		return 0;
	case FRAMEIO_DOWN:
		return -ENETDOWN;
	default:
		return -ENODEV;
	}
}

/*
 * Wait until the write queue has room, and take write_lock.
 *
 * Return: 0 with write_lock held; or -ENODEV, -ENETDOWN, -EAGAIN, -EBUSY or
 * -ERESTARTSYS without.
 */
static int frameio_write_begin(struct frameio_qp *qp, const struct frameio_call *call)
{
	struct frameio_queue *queue = &qp->write;
	int err;

	for (;;) {
		err = frameio_write_state(qp);
		if (err)
			return err;
		err = frameio_call_lock(call, &qp->write_lock);
		if (err)
			return err;
		if (!frameio_qp_has_write_ring(qp) && !frameio_queue_full(queue))
			return 0;
		mutex_unlock(&qp->write_lock);
		if (frameio_qp_has_write_ring(qp))
			return -EBUSY;
		/* stall() before EAGAIN as well: epoll hears when there is room again */
		if (!frameio_queue_stall(queue))
			continue;
		trace_frameio_stop(qp, FRAMEIO_TRACE_WRITE);
		if (call->nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(queue->wait, !frameio_queue_stall(queue) ||
					       frameio_write_state(qp) ||
					       frameio_qp_has_write_ring(qp));
		if (err)
			return err;
	}
}

/*
 * Queue records and have them received. All sk_buffs of a batch are built at
 * once, so that they come from this CPU's cache, and NAPI runs while they are
 * in its data cache.
 *
 * Return: how many were queued, the others are freed; or -ENODEV or -ENOMEM,
 * and none was.
 */
static int frameio_write_queue(struct frameio_qp *qp, struct frameio_record *records, u32 n)
{
	struct sk_buff_head batch;
	struct sk_buff *skb;
	u32 queued, i;
	u32 bytes = 0;

	__skb_queue_head_init(&batch);
	local_bh_disable();
	for (queued = 0; queued < n; queued++) {
		skb = frameio_record_build(&records[queued]);
		if (unlikely(!skb))
			break;
		bytes += skb->truesize;
		__skb_queue_tail(&batch, skb);
	}
	if (likely(queued && frameio_queue_put_list(&qp->write, &batch, bytes))) {
		trace_frameio_enqueue(qp, FRAMEIO_TRACE_WRITE, queued);
		if (frameio_port_is_nic(qp->port))
			frameio_nic_transmit(qp);
		else
			frameio_netdev_run(qp);
	}
	local_bh_enable();

	for (i = queued; i < n; i++)
		frameio_record_free(&records[i]);
	if (unlikely(!skb_queue_empty(&batch))) {
		__skb_queue_purge(&batch);
		return -ENODEV;
	}
	return queued ? queued : -ENOMEM;
}

/* What is left of a limit, which may have been lowered below what is held. */
static u32 frameio_room(u32 held, u32 limit)
{
	return limit > held ? limit - held : 0;
}

/* The next record to write. Return: 1, 0 where there is none, or the error of what is no record. */
static __always_inline int frameio_write_next(struct frameio_slots *slots,
					      struct frameio_slot *slot)
{
	int err;

	if (frameio_slots_are_used(slots))
		return 0;
	if (likely(!slots->row))
		return frameio_slots_next(slots, slot, WRITE);
	err = frameio_slots_next_in_row(slots, slot);
	return err ? err : 1;
}

/*
 * Take and queue records until the slots are used up, the queue is full, or an
 * error. Under write_lock.
 *
 * Return: 0, or the error; what was moved before it is in @frames and @bytes.
 */
static int frameio_write_some(struct frameio_qp *qp, struct frameio_slots *slots,
			      u32 *frames, size_t *bytes)
{
	struct frameio_record *records = qp->write_batch;
	const struct frameio_queue *queue = &qp->write;
	const size_t first_offset = slots->offset;
	const u32 first = slots->next;
	struct frameio_slot slot;
	u32 room, room_bytes;
	int err = 0, queued;
	u32 taken = 0;
	u32 n = 0, i;

	room = frameio_room(READ_ONCE(queue->len), READ_ONCE(queue->limit.frames));
	room = min_t(u32, room, ARRAY_SIZE(qp->write_batch));
	room_bytes = frameio_room(READ_ONCE(queue->bytes), READ_ONCE(queue->limit.bytes));
	while (n < room && taken < room_bytes) {
		err = frameio_write_next(slots, &slot);
		if (err <= 0)
			break;
		err = frameio_record_write(qp, &slot, &records[n]);
		if (err)
			break;
		frameio_slots_use(slots, records[n].len);
		taken += frameio_record_size(records[n].len) +
			 SKB_DATA_ALIGN(sizeof(struct sk_buff));
		n++;
	}
	if (!n)
		return err;
	queued = frameio_write_queue(qp, records, n);
	if (unlikely(queued != n)) {
		err = queued < 0 ? queued : -ENOMEM;
		n = max(queued, 0);
		slots->next = first;
		slots->offset = first_offset;
		for (i = 0; i < n; i++)
			frameio_slots_use(slots, records[i].len);
	}
	for (i = 0; i < n; i++)
		*bytes += records[i].len;
	*frames = n;
	return err;
}

/**
 * frameio_batch_write() - move records from user memory to the write queue
 * @qp: the queue pair
 * @slots: where from; its @next tells how many were accepted
 * @call: how
 *
 * An error ends the batch, and is reported if no frame was accepted before it.
 * Frames not accepted are still the caller's.
 *
 * Return: bytes moved, at least one record; or -EAGAIN, -EBUSY, -EFAULT, -EINVAL,
 * -ENETDOWN, -ENODEV, -ENOMEM or -ERESTARTSYS.
 */
ssize_t frameio_batch_write(struct frameio_qp *qp, struct frameio_slots *slots,
			    const struct frameio_call *call)
{
	size_t bytes, moved = 0;
	u32 frames;
	int ret;

	do {
		ret = frameio_write_begin(qp, call);
		if (ret)
			break;
		frames = 0;
		bytes = 0;
		ret = frameio_write_some(qp, slots, &frames, &bytes);
		frameio_stats_count(&qp->writes, call->mode, frames, bytes, ret);
		if (!moved)
			frameio_stats_count_call(&qp->writes, call->mode, frames);
		if (frames)
			frameio_qp_set_mode(qp, call->mode);
		mutex_unlock(&qp->write_lock);
		moved += bytes;
		if (ret || frameio_slots_are_used(slots) || fatal_signal_pending(current))
			break;
		cond_resched();
	} while (true);

	if (!moved)
		return ret;
	return slots->row ? slots->offset : moved;
}
