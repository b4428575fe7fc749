// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: where frames wait between the kernel and user space.
 *
 * No wake-up is lost, because both sides decide under the queue's lock:
 *
 *  - a producer that makes @len go from 0 to 1 wakes the consumer. A consumer
 *    sleeps, or reports "empty", only after a take in which it gave back what
 *    it was done with and found nothing waiting: @len was 0 under the lock, so
 *    the next frame makes that step.
 *  - a producer that finds the queue full stops first and then asks
 *    frameio_queue_stall(), which tells it, under the lock, whether that still
 *    holds. From then on the consumer's take or close that frees half of the
 *    queue says so to its caller, which starts the producer again.
 */
#include <linux/sizes.h>

#include "charge.h"
#include "compat.h"
#include "queue.h"

/**
 * frameio_queue_init() - make an empty, closed queue
 * @queue: the queue
 * @limit: what it may hold
 */
void frameio_queue_init(struct frameio_queue *queue, const struct frameio_limit *limit)
{
	skb_queue_head_init(&queue->waiting);
	__skb_queue_head_init(&queue->taken);
	init_waitqueue_head(&queue->wait);
	queue->limit = *limit;
	queue->closed = true;
}

/**
 * frameio_queue_open() - let a closed queue accept frames
 * @queue: the queue
 * @account: whom to charge for them; NULL: nobody
 */
void frameio_queue_open(struct frameio_queue *queue, struct sock *account)
{
	spin_lock_bh(&queue->waiting.lock);
	queue->closed = false;
	queue->account = account;
	spin_unlock_bh(&queue->waiting.lock);
}

/* As much as the frames of a usual burst take; an account is not asked for each. */
#define FRAMEIO_CHARGE_STEP	((u32)SZ_64K)

/**
 * frameio_queue_charge() - charge for frames that were put; under the queue's lock
 * @queue: the queue
 *
 * Where it cannot be charged the frames stay: the queue's limit bounds them, too.
 */
void frameio_queue_charge(struct frameio_queue *queue)
{
	const u32 step = roundup(queue->bytes - queue->charged, FRAMEIO_CHARGE_STEP);

	if (queue->account && frameio_charge_add(queue->account, step))
		queue->charged += step;
}

/* Under the lock: give back what is charged beyond what is held, but for a step. */
static void frameio_queue_uncharge(struct frameio_queue *queue)
{
	u32 spare;

	if (likely(queue->charged < queue->bytes + 2 * FRAMEIO_CHARGE_STEP))
		return;
	spare = rounddown(queue->charged - queue->bytes, FRAMEIO_CHARGE_STEP) - FRAMEIO_CHARGE_STEP;
	queue->charged -= spare;
	frameio_charge_sub(queue->account, spare);
}

/**
 * frameio_queue_settle() - part a queue that is closed and empty from its account
 * @queue: the queue
 *
 * Return: the account, now the caller's, on which nothing is charged any more.
 */
struct sock *frameio_queue_settle(struct frameio_queue *queue)
{
	struct sock *account;

	spin_lock_bh(&queue->waiting.lock);
	account = queue->account;
	if (queue->charged)
		frameio_charge_sub(account, queue->charged);
	queue->charged = 0;
	queue->account = NULL;
	spin_unlock_bh(&queue->waiting.lock);
	return account;
}

/* A queue may hold more frames than should be freed without a pause. */
static void frameio_queue_free(struct sk_buff_head *frames)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(frames))) {
		frameio_drop_skb(skb, DEV_READY);
		cond_resched();
	}
}

/**
 * frameio_queue_close() - accept nothing more, and free what waits
 * @queue: the queue
 * @resumed: set to whether a producer was stalled, who is forgotten: the caller
 *           starts it if it still matters
 *
 * Frames that the consumer has taken stay its own. Process context.
 *
 * Return: how many frames were freed.
 */
u32 frameio_queue_close(struct frameio_queue *queue, bool *resumed)
{
	struct sk_buff_head frames;
	u32 n;

	__skb_queue_head_init(&frames);
	spin_lock_bh(&queue->waiting.lock);
	queue->closed = true;
	*resumed = queue->stalled;
	queue->resumes += queue->stalled;
	queue->stalled = false;
	n = skb_queue_len(&queue->waiting);
	queue->purged += n;
	WRITE_ONCE(queue->len, queue->len - n);
	WRITE_ONCE(queue->bytes, queue->taken_bytes);
	frameio_queue_uncharge(queue);
	skb_queue_splice_init(&queue->waiting, &frames);
	spin_unlock_bh(&queue->waiting.lock);
	frameio_queue_free(&frames);
	return n;
}

/**
 * frameio_queue_purge() - as the consumer, note frames that it took and freed unused
 * @queue: the queue
 * @n: how many
 * @bytes: the memory that these took
 */
void frameio_queue_purge(struct frameio_queue *queue, u32 n, u32 bytes)
{
	spin_lock_bh(&queue->waiting.lock);
	queue->purged += n;
	WRITE_ONCE(queue->len, queue->len - n);
	WRITE_ONCE(queue->bytes, queue->bytes - bytes);
	queue->taken_bytes -= bytes;
	frameio_queue_uncharge(queue);
	spin_unlock_bh(&queue->waiting.lock);
}

/**
 * frameio_queue_purge_taken() - free what the consumer took; as the consumer
 * @queue: the queue
 *
 * Return: how many frames were freed.
 */
u32 frameio_queue_purge_taken(struct frameio_queue *queue)
{
	const u32 n = skb_queue_len(&queue->taken);

	frameio_queue_free(&queue->taken);
	frameio_queue_purge(queue, n, queue->taken_bytes);
	return n;
}

/* Under the lock, when what is held or may be has changed: may a stalled producer go on? */
static bool frameio_queue_resume(struct frameio_queue *queue)
{
	if (likely(!queue->stalled) || queue->len > queue->limit.frames / 2 ||
	    queue->bytes > queue->limit.bytes / 2)
		return false;
	queue->stalled = false;
	queue->resumes++;
	return true;
}

/**
 * frameio_queue_set_limit() - set what the queue may hold
 * @queue: the queue
 * @limit: how much; what is 0 there stays as it is
 *
 * Return: true if a stalled producer must be started by the caller.
 */
bool frameio_queue_set_limit(struct frameio_queue *queue, const struct frameio_limit *limit)
{
	bool resume;

	spin_lock_bh(&queue->waiting.lock);
	if (limit->frames)
		WRITE_ONCE(queue->limit.frames, limit->frames);
	if (limit->bytes)
		WRITE_ONCE(queue->limit.bytes, limit->bytes);
	resume = frameio_queue_resume(queue);
	spin_unlock_bh(&queue->waiting.lock);
	return resume;
}

/**
 * frameio_queue_stall() - note that the producer waits for room
 * @queue: the queue
 *
 * The producer has stopped, or is about to sleep on @wait with its state set.
 *
 * Return: true if the queue is full, and the consumer will report when half of
 * it is free; false if there is room.
 */
bool frameio_queue_stall(struct frameio_queue *queue)
{
	bool full;

	spin_lock_bh(&queue->waiting.lock);
	full = frameio_queue_full(queue) && !queue->closed;
	if (full && !queue->stalled) {
		queue->stalled = true;
		queue->stalls++;
	}
	spin_unlock_bh(&queue->waiting.lock);
	return full;
}

/**
 * frameio_queue_take() - as the consumer, give back frames and take what waits
 * @queue: the queue
 * @done: frames taken before that the consumer has since freed or passed on
 * @done_bytes: the memory that these took
 *
 * Everything that waits moves to the end of @taken. If @taken is empty then,
 * the queue was empty, and the next frame put wakes the consumer.
 *
 * Return: true if a stalled producer must be started by the caller.
 */
bool frameio_queue_take(struct frameio_queue *queue, u32 done, u32 done_bytes)
{
	bool resume;

	spin_lock_bh(&queue->waiting.lock);
	WRITE_ONCE(queue->len, queue->len - done);
	WRITE_ONCE(queue->bytes, queue->bytes - done_bytes);
	queue->taken_bytes = queue->bytes;
	frameio_queue_uncharge(queue);
	skb_queue_splice_tail_init(&queue->waiting, &queue->taken);
	resume = frameio_queue_resume(queue);
	spin_unlock_bh(&queue->waiting.lock);
	return resume;
}
