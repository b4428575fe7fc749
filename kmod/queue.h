/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue of frames between two contexts: the read queue, from the transmit
 * path (or a NIC's receive handler) to a reader, and the write queue, from a writer
 * to NAPI (or to whoever hands frames to a NIC's driver).
 */
#ifndef _FRAMEIO_QUEUE_H
#define _FRAMEIO_QUEUE_H

#include <linux/skbuff.h>
#include <linux/wait.h>
#include <net/dst.h>

/**
 * struct frameio_limit - how much a queue holds
 * @frames: so many frames
 * @bytes: so much memory, as the kernel accounts it (truesize)
 *
 * A queue is full when either is reached, so the last frame may pass @bytes, and
 * an empty queue takes a frame of any size.
 */
struct frameio_limit {
	u32 frames;
	u32 bytes;
};

/**
 * struct frameio_queue - frames on their way, first in, first out
 * @waiting: frames put and not yet taken; its lock protects every field up to @taken
 * @len: frames put and not yet done, taken ones included
 * @bytes: the memory they take
 * @taken_bytes: what of it those take that were taken
 * @charged: what of it is charged to @account, in steps of FRAMEIO_CHARGE_STEP
 * @account: who pays, while the queue is open; NULL: whoever allocated the frames
 * @limit: how large these may get; lowering it drops nothing
 * @closed: nothing is accepted any more
 * @stalled: the producer met a full queue; it is told when half is free
 * @stalls: times it did
 * @resumes: times it was told
 * @purged: frames freed without having reached the consumer, or its user
 * @wait: sleepers of the user's side: readers, or writers
 * @taken: frames that the consumer took and is not done with; the consumer's own
 *
 * One producer and one consumer work at a time; each side sees to that with a
 * lock of its own (the transmit queue's and read_lock, write_lock and NAPI, or the
 * NIC's). Only a NIC's receive handler runs on several CPUs at once: it does all that
 * a producer does under the lock here.
 * The lock here is taken once per frame or batch by the producer and once per
 * batch by the consumer, never across a copy, so that teardown and resizing
 * wait for nobody.
 */
struct frameio_queue {
	struct sk_buff_head waiting;
	u32 len;
	u32 bytes;
	u32 taken_bytes;
	u32 charged;
	struct frameio_limit limit;
	bool closed;
	bool stalled;
	wait_queue_head_t wait;
	u64 stalls;
	u64 resumes;
	u64 purged;
	struct sock *account;

	struct sk_buff_head taken ____cacheline_aligned_in_smp;
};

void frameio_queue_init(struct frameio_queue *queue, const struct frameio_limit *limit);
void frameio_queue_open(struct frameio_queue *queue, struct sock *account);
struct sock *frameio_queue_settle(struct frameio_queue *queue);
void frameio_queue_charge(struct frameio_queue *queue);
u32 frameio_queue_close(struct frameio_queue *queue, bool *resumed);
void frameio_queue_purge(struct frameio_queue *queue, u32 n, u32 bytes);
u32 frameio_queue_purge_taken(struct frameio_queue *queue);
bool frameio_queue_set_limit(struct frameio_queue *queue, const struct frameio_limit *limit);
bool frameio_queue_stall(struct frameio_queue *queue);
bool frameio_queue_take(struct frameio_queue *queue, u32 done, u32 done_bytes);

/**
 * frameio_queue_len() - frames put and not yet done
 * @queue: the queue
 *
 * Exact only for whoever holds the queue's lock; to others a hint that is
 * right by the time they have been woken.
 *
 * Return: the number of frames.
 */
static inline u32 frameio_queue_len(const struct frameio_queue *queue)
{
	return READ_ONCE(queue->len);
}

/**
 * frameio_queue_full() - is there no room for another frame?
 * @queue: the queue
 *
 * A hint, as frameio_queue_len() is; frameio_queue_stall() knows.
 */
static inline bool frameio_queue_full(const struct frameio_queue *queue)
{
	return READ_ONCE(queue->len) >= READ_ONCE(queue->limit.frames) ||
	       READ_ONCE(queue->bytes) >= READ_ONCE(queue->limit.bytes);
}

/**
 * frameio_frame_detach() - let go of what a frame must not keep while it waits
 * @skb: the frame
 *
 * It waits for as long as a reader likes: without its sender's socket, memory shared
 * with user space, its connection and route. A socket would keep its network
 * namespace, and the port in it, from ever going away; and a frame that a reader has
 * taken may outlive the interface.
 *
 * Return: false if there is no memory for it.
 */
static inline bool frameio_frame_detach(struct sk_buff *skb)
{
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC)))
		return false;
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	skb->dev = NULL;
	return true;
}

/**
 * frameio_queue_append() - append one frame to an open queue, under its lock
 * @queue: the queue
 * @skb: the frame, now the queue's
 *
 * Return: true if it was empty, and the consumer may be asleep.
 */
static inline bool frameio_queue_append(struct frameio_queue *queue, struct sk_buff *skb)
{
	const bool was_empty = !queue->len;

	WRITE_ONCE(queue->len, queue->len + 1);
	WRITE_ONCE(queue->bytes, queue->bytes + skb->truesize);
	if (unlikely(queue->bytes > queue->charged))
		frameio_queue_charge(queue);
	__skb_queue_tail(&queue->waiting, skb);
	return was_empty;
}

/**
 * frameio_queue_put() - append one frame; transmit path, bottom halves off
 * @queue: the queue; the caller saw that it is not full, and is its only producer
 * @skb: the frame; the queue's if this returns true, the caller's otherwise
 * @was_empty: set if the consumer may be asleep, left alone otherwise
 *
 * Return: false if the queue is closed.
 */
static inline bool frameio_queue_put(struct frameio_queue *queue, struct sk_buff *skb,
				     bool *was_empty)
{
	bool open;

	spin_lock(&queue->waiting.lock);
	open = !queue->closed;
	if (likely(open))
		*was_empty |= frameio_queue_append(queue, skb);
	spin_unlock(&queue->waiting.lock);
	return open;
}

/**
 * frameio_queue_put_list() - append a batch; bottom halves off
 * @queue: the queue; the caller saw room for the batch, and is its only producer
 * @frames: the batch; emptied if this returns true, the caller's otherwise
 * @bytes: the memory it takes
 *
 * Return: false if the queue is closed.
 */
static inline bool frameio_queue_put_list(struct frameio_queue *queue,
					  struct sk_buff_head *frames, u32 bytes)
{
	bool open;

	spin_lock(&queue->waiting.lock);
	open = !queue->closed;
	if (likely(open)) {
		WRITE_ONCE(queue->len, queue->len + skb_queue_len(frames));
		WRITE_ONCE(queue->bytes, queue->bytes + bytes);
		skb_queue_splice_tail_init(frames, &queue->waiting);
	}
	spin_unlock(&queue->waiting.lock);
	return open;
}

#endif /* _FRAMEIO_QUEUE_H */
