// SPDX-License-Identifier: GPL-2.0
/*
 * Rings: a second sink of the read queue, and a second source beside the write queue.
 *
 * WHO MOVES FRAMES
 *
 * A read ring is filled by whoever would have put the frame into the read queue: the
 * transmit path, or a NIC's receive handler. The frame is copied once, from its sk_buff,
 * which is freed at once. What waited in the queue when the ring was made goes first:
 * until it has, port->read_rings has none, frames go on queueing up, and whoever comes along
 * with read_lock (setup, a kick, poll) moves them. Where the ring is full the transmit
 * queue is stopped, as by a full read queue; a NIC's frames are dropped.
 *
 * A write ring is emptied by NAPI (a NIC's: by whoever hands frames to the driver), a
 * record being copied into memory of the kernel before it is looked at. NAPI is
 * scheduled by a kick, or by a thread that looks at the ring all the time.
 *
 * WHAT IS BELIEVED
 *
 * Nothing. The kernel's own counter is struct frameio_ring's, only a copy of which is
 * stored for the program. The other side's is read once per look and used only if what
 * it leaves between both fits into the area; so every address made of a counter is in
 * the area, and twice mapped as it is, every record of the area's length is in memory.
 * A record's length is read once, and compared with what is left.
 *
 * NO WAKE-UP IS LOST
 *
 * Each sleep has the same form on both sides, with X the counter that the sleeper waits
 * for and F the flag, or the kernel's own word, that says that it does:
 *
 *	sleeper				waker
 *	store F				store X (release)
 *	full barrier			full barrier
 *	load X (acquire)		load F
 *	sleep if X is as it was		wake if F is set
 *
 * One of the two loads comes after the other side's store, whatever the processors
 * reorder, as each has a full barrier between its store and its load. So either the
 * sleeper sees the new X and does not sleep, or the waker sees F, and what it does then
 * finds the sleeper: it comes after F, and a sleeper is on its wait queue, or has set its
 * state, before it stores F. The pairs:
 *
 *	sleeper					waker
 *	poll, reader:  frameio_rings_readable()	frameio_ring_wake_reader()
 *	program's own NEED_WAKEUP, read ring	frameio_ring_wake_reader()
 *	poll, writer:  frameio_rings_writable()	frameio_ring_end_pops()
 *	program's own NEED_WAKEUP, write ring	frameio_ring_end_pops()
 *	NAPI:          frameio_ring_rest()	the program, frameio_rings_kick()
 *	thread:        frameio_rings_thread()	the program, frameio_rings_kick()
 *	full read ring: frameio_ring_stall(),	the program, frameio_rings_kick()
 *	               frameio_ring_fill()
 *
 * tests/unit/wakeup.c tries every order of these steps.
 *
 * LIFE
 *
 * Rings are made once and live until their file is released. A mapping holds the file,
 * and the pages themselves. A port that goes away leaves them as they are, with
 * FRAMEIO_RING_GONE, to its program. Who uses them without holding the file does so with
 * bottom halves off (port->read_rings, qp->write_ring), or under RCU or the port's
 * bind_lock (qp->rings): the release takes these away first and waits for a grace period.
 */
#include <linux/capability.h>
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/cred.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "batch.h"
#include "netdev.h"
#include "nic.h"
#include "record.h"
#include "ring.h"
#include "stats.h"
#include "trace.h"

/**
 * frameio_ring_longest() - the size of a record of the longest frame that is moved now
 * @qp: the queue pair
 */
size_t frameio_ring_longest(const struct frameio_qp *qp)
{
	return frameio_ring_record_size(frameio_port_frame_longest(qp->port) + VLAN_HLEN);
}

/* --- what user space has written ------------------------------------- */

/* A ring made no sense: it is left alone for good, and its program told. */
static void frameio_ring_break(struct frameio_qp *qp, struct frameio_ring *ring,
			       struct frameio_call_stats *stats)
{
	if (xchg(&ring->broken, true))
		return;
	/* nobody else counts: calls that would do are refused */
	stats->errors++;
	atomic_or(FRAMEIO_RING_BROKEN, (atomic_t *)&ring->page->rg_flags);
	wake_up_interruptible_all(&qp->read.wait);
	wake_up_interruptible_all(&qp->write.wait);
}

/**
 * frameio_ring_look() - as its producer, see how far the reader of a ring has come
 * @qp: the queue pair
 * @ring: its read ring
 * @size: of a record
 *
 * Return: true if there is room for it.
 */
bool frameio_ring_look(struct frameio_qp *qp, struct frameio_ring *ring, size_t size)
{
	u64 consumer;

	if (ring->broken)
		return false;
	/* the program's reads before its counter: what is behind it may be overwritten */
	consumer = smp_load_acquire(&ring->page->rg_consumer);
	if (ring->own - consumer > ring->size) {
		frameio_ring_break(qp, ring, &qp->reads);
		ring->limit = ring->own;
		return false;
	}
	ring->limit = consumer + ring->size - min_t(size_t, frameio_ring_longest(qp), ring->size);
	return ring->own + size - consumer <= ring->size;
}

/* As its consumer: has the writer of a ring come further? */
static bool frameio_ring_look_for_records(struct frameio_qp *qp, struct frameio_ring *ring)
{
	u64 producer;

	if (ring->broken)
		return false;
	/* the counter before the records */
	producer = smp_load_acquire(&ring->page->rg_producer);
	if (producer - ring->own > ring->size) {
		frameio_ring_break(qp, ring, &qp->writes);
		return false;
	}
	ring->other = producer;
	return producer != ring->own;
}

/* --- the read ring --------------------------------------------------- */

/* Is nothing left in the read queue, and the ring used in its place? */
static bool frameio_qp_uses_read_ring(const struct frameio_qp *qp)
{
	return rcu_access_pointer(qp->port->read_rings[qp->index]);
}

/* Have the program kick when there is room again. Return: false if there is room now. */
static bool frameio_ring_ask_for_room(struct frameio_qp *qp, struct frameio_ring *ring,
				      size_t size)
{
	WRITE_ONCE(ring->page->rg_producer_flags, FRAMEIO_RING_NEED_WAKEUP);
	/* the flag before the counter; pairs with the program's barrier */
	smp_mb();
	if (!frameio_ring_look(qp, ring, size))
		return true;
	WRITE_ONCE(ring->page->rg_producer_flags, 0);
	return false;
}

/**
 * frameio_ring_stall() - note that the transmit path waits for room in a read ring
 * @qp: the queue pair, whose transmit queue was stopped
 * @ring: the ring
 * @size: of the record that it has no room for
 *
 * Return: true if a kick will start the transmit queue; false if there is room, or the
 * ring is broken.
 */
bool frameio_ring_stall(struct frameio_qp *qp, struct frameio_ring *ring, size_t size)
{
	struct frameio_queue *queue = &qp->read;
	bool full;

	spin_lock_bh(&queue->waiting.lock);
	full = frameio_ring_ask_for_room(qp, ring, size) && !ring->broken;
	if (full && !queue->stalled) {
		queue->stalled = true;
		queue->stalls++;
	}
	spin_unlock_bh(&queue->waiting.lock);
	return full;
}

/* Let the transmit path go on, if it waits and half of the ring is free. */
static void frameio_ring_resume(struct frameio_qp *qp, struct frameio_ring *ring)
{
	struct frameio_queue *queue = &qp->read;
	bool resume = false;
	u64 used;

	/* until then the flag is frameio_ring_fill()'s */
	if (!frameio_qp_uses_read_ring(qp))
		return;
	/* who was told by the flag comes for what frameio_ring_stall() is about to store */
	if (likely(!READ_ONCE(queue->stalled) &&
		   !(READ_ONCE(ring->page->rg_producer_flags) & FRAMEIO_RING_NEED_WAKEUP)))
		return;
	spin_lock_bh(&queue->waiting.lock);
	/* the producer looks for itself before it overwrites anything */
	used = READ_ONCE(ring->own) - READ_ONCE(ring->page->rg_consumer);
	/*
	 * What cannot be is for the producer to judge, which knows its own counter: it
	 * runs again if the interface was set down and up. Of a broken ring it drops
	 * what it has.
	 */
	if (!queue->stalled) {
		WRITE_ONCE(ring->page->rg_producer_flags, 0);
	} else if (ring->broken || used <= ring->size / 2 || used > ring->size) {
		queue->stalled = false;
		queue->resumes++;
		WRITE_ONCE(ring->page->rg_producer_flags, 0);
		resume = true;
	}
	spin_unlock_bh(&queue->waiting.lock);
	if (resume) {
		trace_frameio_wake(qp, FRAMEIO_TRACE_READ);
		frameio_qp_wake_transmit(qp);
	}
}

/**
 * frameio_ring_put_offload() - put the header of a frame of which something may be left to make
 * @ring: the ring, of a virtual port
 * @skb: the frame
 * @record: where it goes
 *
 * Return: false if no record can tell of it.
 */
bool frameio_ring_put_offload(const struct frameio_ring *ring, struct sk_buff *skb, u8 *record)
{
	struct frameio_hdr hdr;

	if (!frameio_header_can_tell(skb, frameio_port_is_l3(ring->qp->port)))
		return false;
	frameio_header_fill(&hdr, skb, ring->index);
	if (frameio_frame_has_offload(skb))
		frameio_header_fill_offload(&hdr, skb);
	memcpy(record, &hdr, sizeof(hdr));
	return true;
}

/* Have frames go to the ring itself from now on, if the queue is empty; nothing is put into it. */
static void frameio_ring_switch_if_empty(struct frameio_qp *qp, struct frameio_ring *ring)
{
	if (frameio_queue_len(&qp->read))
		return;
	WRITE_ONCE(ring->page->rg_producer_flags, 0);
	rcu_assign_pointer(qp->port->read_rings[qp->index], ring);
}

/*
 * The queue is empty, it seems. Who puts frames into it holds the lock here, and so looks
 * where to before or after.
 */
static void frameio_ring_switch(struct frameio_qp *qp, struct frameio_ring *ring)
{
	struct netdev_queue *txq;

	rcu_read_lock_bh();
	txq = rcu_dereference_bh(qp->txq);
	if (txq) {
		__netif_tx_lock(txq, smp_processor_id());
		frameio_ring_switch_if_empty(qp, ring);
		__netif_tx_unlock(txq);
	} else {
		/* a NIC's; or of a port that is gone, where nobody is */
		spin_lock(&qp->read.waiting.lock);
		frameio_ring_switch_if_empty(qp, ring);
		spin_unlock(&qp->read.waiting.lock);
	}
	rcu_read_unlock_bh();
}

/* Move a frame that waited in the queue. Return: false if there is no room. */
static bool frameio_ring_fill_one(struct frameio_qp *qp, struct frameio_ring *ring,
				  struct sk_buff *skb)
{
	const size_t size = frameio_ring_record_size(skb->len);
	const u32 truesize = skb->truesize, len = skb->len;
	bool put;

	/* where the ring is stopped nobody waits for room any more */
	if (size <= ring->size && !frameio_ring_look(qp, ring, size) &&
	    frameio_ring_ask_for_room(qp, ring, size) && !ring->broken)
		return false;
	put = size <= ring->size && !ring->broken &&
	      frameio_ring_put(ring, skb, frameio_port_is_nic(qp->port));
	__skb_unlink(skb, &qp->read.taken);
	if (put) {
		frameio_batch_take(qp, 1, truesize);
		qp->reads.frames[FRAMEIO_MODE_RING]++;
		qp->reads.bytes += len;
		consume_skb(skb);
	} else {
		/* nobody will read it; or it waited from a time when the MTU was larger */
		frameio_queue_purge(&qp->read, 1, truesize);
		trace_frameio_drop(qp, FRAMEIO_TRACE_READ, 1,
				   ring->broken ? FRAMEIO_TRACE_CLOSED : FRAMEIO_TRACE_INVALID);
		frameio_drop_skb(skb, PKT_TOO_BIG);
	}
	return true;
}

/*
 * Move what waits in the read queue to the ring, under read_lock, until there is no room
 * (then the program kicks when there is), or nothing is left: then the queue is not used
 * any more.
 */
static void frameio_ring_fill(struct frameio_qp *qp, struct frameio_ring *ring)
{
	struct sk_buff *skb;

	while (!frameio_qp_uses_read_ring(qp) && !fatal_signal_pending(current)) {
		skb = skb_peek(&qp->read.taken);
		if (!skb) {
			frameio_batch_take(qp, 0, 0);
			skb = skb_peek(&qp->read.taken);
		}
		if (!skb)
			frameio_ring_switch(qp, ring);
		else if (!frameio_ring_fill_one(qp, ring, skb))
			break;
		cond_resched();
	}
}

/* The program has made room, or wants to read: do what waited for that. */
static void frameio_rings_make_progress(struct frameio_rings *rings)
{
	struct frameio_qp *qp = rings->qp;

	if (unlikely(!frameio_qp_uses_read_ring(qp)) &&
	    frameio_port_state(qp->port) != FRAMEIO_GONE) {
		mutex_lock(&qp->read_lock);
		frameio_ring_fill(qp, &rings->read);
		mutex_unlock(&qp->read_lock);
	}
	frameio_ring_resume(qp, &rings->read);
}

/**
 * frameio_rings_readable() - as poll(2), see whether there are records to read
 * @rings: of the file; the caller is on the read queue's wait queue
 *
 * Return: true if there are; false: there will be a wake-up when there are.
 */
bool frameio_rings_readable(struct frameio_rings *rings)
{
	struct frameio_ring *ring = &rings->read;
	const struct frameio_ring_page *page = ring->page;

	frameio_rings_make_progress(rings);
	/* as the program sees it: the kernel's own counter is ahead of what it has stored */
	if (READ_ONCE(page->rg_producer) != READ_ONCE(page->rg_consumer))
		return true;
	WRITE_ONCE(ring->waiting, true);
	/* pairs with frameio_ring_wake_reader() */
	smp_mb();
	return READ_ONCE(page->rg_producer) != READ_ONCE(page->rg_consumer);
}

/* --- the write ring -------------------------------------------------- */

/**
 * frameio_ring_begin_pops() - as its consumer, begin to look at a write ring
 * @ring: the ring
 */
void frameio_ring_begin_pops(struct frameio_ring *ring)
{
	if (!ring->armed)
		return;
	ring->armed = false;
	WRITE_ONCE(ring->page->rg_consumer_flags, 0);
}

/* Copy a record in, and make a frame of it. Return: it, or an ERR_PTR. */
static struct sk_buff *frameio_ring_copy_in(struct frameio_qp *qp, const u8 *from, size_t len)
{
	struct frameio_record record;
	struct sk_buff *skb;
	int err;

	record.len = len;
	err = frameio_record_alloc(qp, &record, GFP_ATOMIC | __GFP_NOWARN);
	if (err)
		return ERR_PTR(err);
	if (likely(!record.skb))
		frameio_ring_copy(frameio_record_start(&record), from, len);
	else
		err = skb_store_bits(record.skb, 0, from, len);
	if (!err)
		err = frameio_record_judge(qp->port, &record);
	skb = err ? ERR_PTR(err) : frameio_record_build(&record);
	if (!skb)
		skb = ERR_PTR(-ENOMEM);
	if (IS_ERR(skb))
		frameio_record_free(&record);
	return skb;
}

/**
 * frameio_ring_pop() - as its consumer, take a record off a write ring; bottom halves off
 * @qp: the queue pair
 * @ring: the ring
 *
 * Return: the frame; NULL: there is none; or an ERR_PTR: of -ENOMEM, and the record is still
 * the next; or else of -EINVAL: it was no frame that the port takes, and is left out.
 */
struct sk_buff *frameio_ring_pop(struct frameio_qp *qp, struct frameio_ring *ring)
{
	const u8 *from = ring->area + (ring->own & ring->mask);
	struct sk_buff *skb;
	u64 left, len;

	if (ring->own == ring->other && !frameio_ring_look_for_records(qp, ring))
		return NULL;
	left = ring->other - ring->own;
	len = sizeof(struct frameio_hdr) +
	      (u64)READ_ONCE(((const struct frameio_hdr *)from)->len);
	if (unlikely(left < sizeof(struct frameio_hdr) ||
		     ALIGN(len, FRAMEIO_RECORD_ALIGN) > left)) {
		frameio_ring_break(qp, ring, &qp->writes);
		ring->other = ring->own;
		return NULL;
	}
	skb = ERR_PTR(-EINVAL);
	if (likely(frameio_record_len_is_valid(qp->port, len)))
		skb = frameio_ring_copy_in(qp, from, len);
	if (IS_ERR(skb)) {
		if (skb == ERR_PTR(-ENOMEM))
			return skb;
		qp->writes.errors++;
	}
	WRITE_ONCE(ring->own, ring->own + ALIGN(len, FRAMEIO_RECORD_ALIGN));
	return skb;
}

/**
 * frameio_ring_end_pops() - tell the program, and the counters, what was taken
 * @qp: the queue pair
 * @ring: its write ring
 * @n: how many frames
 * @bytes: of these
 */
void frameio_ring_end_pops(struct frameio_qp *qp, struct frameio_ring *ring, u32 n, size_t bytes)
{
	/* no write(2) is on its way that would count, too: frameio_rings_enable() */
	qp->writes.frames[FRAMEIO_MODE_RING] += n;
	qp->writes.bytes += bytes;
	if (n)
		trace_frameio_dequeue(qp, FRAMEIO_TRACE_WRITE, n);
	/* the copies before the counter; pairs with the program's acquire */
	smp_store_release(&ring->page->rg_consumer, ring->own);
	if (ring->other - ring->own > ring->size / 2)
		return;
	/* the counter before the flags; pairs with the program's barrier, and with poll's */
	smp_mb();
	if (likely(!READ_ONCE(ring->waiting) &&
		   !(READ_ONCE(ring->page->rg_producer_flags) & FRAMEIO_RING_NEED_WAKEUP)))
		return;
	WRITE_ONCE(ring->waiting, false);
	if (wq_has_sleeper(&qp->write.wait))
		wake_up_interruptible_poll(&qp->write.wait, EPOLLOUT | EPOLLWRNORM);
}

/**
 * frameio_ring_rest() - as its consumer, look at a write ring no more until there is a kick
 * @qp: the queue pair
 * @ring: its write ring
 *
 * Return: false if there are records now, at which the caller has to look.
 */
bool frameio_ring_rest(struct frameio_qp *qp, struct frameio_ring *ring)
{
	const struct frameio_rings *rings = container_of(ring, struct frameio_rings, write);

	/* the thread looks; or it has asked for a kick, but not for what is there already */
	if (rings->thread)
		return !READ_ONCE(rings->asleep) || !frameio_ring_look_for_records(qp, ring);
	ring->armed = true;
	WRITE_ONCE(ring->page->rg_consumer_flags, FRAMEIO_RING_NEED_WAKEUP);
	/* the flag before the counter; pairs with the program's barrier */
	smp_mb();
	if (likely(!frameio_ring_look_for_records(qp, ring)))
		return true;
	frameio_ring_begin_pops(ring);
	return false;
}

/* Does the write ring hold records that somebody should look at? */
static bool frameio_rings_have_records(const struct frameio_rings *rings)
{
	const struct frameio_ring *ring = &rings->write;

	/* a hint: who takes records looks again */
	return ring->size && !READ_ONCE(ring->broken) &&
	       READ_ONCE(ring->page->rg_producer) != READ_ONCE(ring->own);
}

/* Have the write ring emptied, on this CPU, as far as it goes now. */
static void frameio_rings_run(struct frameio_rings *rings)
{
	struct frameio_qp *qp = rings->qp;

	if (frameio_port_state(qp->port) != FRAMEIO_UP)
		return;
	local_bh_disable();
	if (frameio_port_is_nic(qp->port))
		frameio_nic_transmit(qp);
	else
		frameio_netdev_run(qp);
	local_bh_enable();
}

/* See to it that somebody looks at the records of the write ring. Return: false: there are none. */
static bool frameio_rings_look(struct frameio_rings *rings)
{
	if (!frameio_rings_have_records(rings))
		return false;
	if (rings->thread)
		wake_up_process(rings->thread);
	else
		frameio_rings_run(rings);
	return true;
}

/**
 * frameio_rings_poll() - as poll(2), do what a kick does for the write ring
 * @rings: of the file
 */
void frameio_rings_poll(struct frameio_rings *rings)
{
	if (frameio_rings_look(rings))
		atomic64_inc(&rings->qp->write_kicks);
}

/*
 * Room that a program waits for: a record of the longest frame; but half of a ring, at which
 * it is woken, where the MTU was raised to more than that, or where the program's flag tells
 * that it found too little already: a GSO record may be longer.
 */
static u32 frameio_ring_enough(const struct frameio_qp *qp, const struct frameio_ring *ring)
{
	if (READ_ONCE(ring->page->rg_producer_flags) & FRAMEIO_RING_NEED_WAKEUP)
		return ring->size / 2;
	return min_t(size_t, frameio_ring_longest(qp), ring->size / 2);
}

/**
 * frameio_rings_writable() - as poll(2), see whether there is room for a record
 * @rings: of the file; the caller is on the write queue's wait queue
 *
 * Return: true if there is; false: there will be a wake-up when half of the ring is free.
 */
bool frameio_rings_writable(struct frameio_rings *rings)
{
	struct frameio_ring *ring = &rings->write;
	const u32 enough = frameio_ring_enough(rings->qp, ring);
	const u64 producer = READ_ONCE(ring->page->rg_producer);

	/* likewise: the program has no room yet for what is being taken */
	if (producer + enough - READ_ONCE(ring->page->rg_consumer) <= ring->size)
		return true;
	WRITE_ONCE(ring->waiting, true);
	/* pairs with frameio_ring_end_pops() */
	smp_mb();
	return producer + enough - READ_ONCE(ring->page->rg_consumer) <= ring->size;
}

/**
 * frameio_rings_kick() - do what the program needs the kernel for
 * @rings: of the file
 *
 * Return: 0, -EIO, -ENETDOWN or -ENODEV.
 */
int frameio_rings_kick(struct frameio_rings *rings)
{
	struct frameio_qp *qp = rings->qp;

	atomic64_inc(rings->write.size ? &qp->write_kicks : &qp->read_kicks);
	if (frameio_port_state(qp->port) == FRAMEIO_GONE)
		return -ENODEV;
	if (rings->read.size)
		frameio_rings_make_progress(rings);
	frameio_rings_look(rings);
	if (frameio_rings_are_broken(rings))
		return -EIO;
	if (frameio_port_state(qp->port) == FRAMEIO_DOWN && frameio_rings_have_records(rings))
		return -ENETDOWN;
	return 0;
}

/* --- the thread ------------------------------------------------------ */

/* Ask for a kick and sleep, unless there is something to do. */
static void frameio_rings_thread_sleep(struct frameio_rings *rings)
{
	struct frameio_ring *ring = &rings->write;

	set_current_state(TASK_INTERRUPTIBLE);
	WRITE_ONCE(rings->asleep, true);
	WRITE_ONCE(ring->page->rg_consumer_flags, FRAMEIO_RING_NEED_WAKEUP);
	/* the flag before the counter; pairs with the program's barrier */
	smp_mb();
	if (!kthread_should_stop()) {
		/*
		 * These are looked at until none are left, without the thread: as it is
		 * asleep NAPI, or a NIC's timer, stays with them, which frameio_ring_rest()
		 * sees to. If the port is down its next start does.
		 */
		if (frameio_rings_have_records(rings))
			frameio_rings_run(rings);
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(rings->asleep, false);
	WRITE_ONCE(ring->page->rg_consumer_flags, 0);
}

static int frameio_rings_thread(void *argument)
{
	struct frameio_rings *rings = argument;
	u64 until, seen, own;

	/* not before: it has been put into a cpuset, and the kernel has placed a new thread */
	set_cpus_allowed_ptr(current, rings->cpus);
	until = ktime_get_ns() + rings->idle;
	seen = READ_ONCE(rings->write.own);
	while (!kthread_should_stop()) {
		if (frameio_rings_have_records(rings))
			frameio_rings_run(rings);
		if (rings->read.size)
			frameio_ring_resume(rings->qp, &rings->read);
		own = READ_ONCE(rings->write.own);
		if (own != seen) {
			seen = own;
			until = ktime_get_ns() + rings->idle;
		} else if (ktime_get_ns() >= until) {
			frameio_rings_thread_sleep(rings);
			until = ktime_get_ns() + rings->idle;
		}
		cpu_relax();
		/* tracing and the like wait for all tasks to have been at such a place */
		cond_resched_tasks_rcu_qs();
	}
	return 0;
}

/* The thread works for the caller: in its cgroups, as nice as it is, where it may run. */
static int frameio_rings_make_thread(struct frameio_rings *rings,
				     const struct frameio_ring_setup *setup)
{
	struct task_struct *thread;
	int err;

	if (!alloc_cpumask_var(&rings->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	if (setup->frr_flags & FRAMEIO_SETUP_CPU)
		cpumask_copy(rings->cpus, cpumask_of(setup->frr_cpu));
	else
		cpumask_copy(rings->cpus, current->cpus_ptr);
	thread = kthread_create(frameio_rings_thread, rings, "frameio-ring");
	if (IS_ERR(thread))
		return PTR_ERR(thread) == -EINTR ? -ERESTARTSYS : PTR_ERR(thread);
	set_user_nice(thread, task_nice(current));
	err = cgroup_attach_task_all(current, thread);
	if (err) {
		kthread_stop(thread);
		return err;
	}
	rings->thread = thread;
	return 0;
}

/* --- making and freeing ---------------------------------------------- */

static void frameio_ring_free(struct frameio_ring *ring)
{
	u32 i, n = ring->npages;

	if (ring->page)
		vunmap(ring->page);
	/* the second half of the area is the first one again */
	if (n)
		n = 1 + (n - 1) / 2;
	for (i = 0; i < n && ring->pages[i]; i++)
		__free_page(ring->pages[i]);
	kvfree(ring->pages);
}

static int frameio_ring_alloc(struct frameio_qp *qp, struct frameio_ring *ring, u32 size)
{
	const u32 n = size >> PAGE_SHIFT;
	u32 i;

	if (!size)
		return 0;
	ring->pages = kvcalloc(1 + 2 * n, sizeof(*ring->pages), GFP_KERNEL_ACCOUNT);
	if (!ring->pages)
		return -ENOMEM;
	ring->npages = 1 + 2 * n;
	for (i = 0; i <= n; i++) {
		ring->pages[i] = alloc_page(FRAMEIO_GFP_MAPPED | __GFP_ZERO | __GFP_NOWARN |
					    __GFP_RETRY_MAYFAIL);
		if (!ring->pages[i])
			return -ENOMEM;
		if (i)
			ring->pages[n + i] = ring->pages[i];
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	ring->page = vmap(ring->pages, ring->npages, VM_MAP, PAGE_KERNEL);
	if (!ring->page)
		return -ENOMEM;
	ring->area = (u8 *)ring->page + PAGE_SIZE;
	ring->size = size;
	ring->mask = size - 1;
	ring->index = qp->index;
	ring->offload = frameio_port_has_offload(qp->port);
	ring->qp = qp;
	return 0;
}

/* Pages that stay in memory count against RLIMIT_MEMLOCK. */
static int frameio_rings_lock_memory(struct frameio_rings *rings,
				     const struct frameio_ring_setup *setup)
{
	const unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	atomic_long_t *locked = &current_user()->locked_vm;
	unsigned long pages = 0;

	if (setup->frr_read_size)
		pages += 1 + (setup->frr_read_size >> PAGE_SHIFT);
	if (setup->frr_write_size)
		pages += 1 + (setup->frr_write_size >> PAGE_SHIFT);
	if (atomic_long_add_return(pages, locked) > limit && !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(pages, locked);
		return -ENOMEM;
	}
	rings->payer = get_current_cred();
	rings->locked = pages;
	return 0;
}

/* The file may be closed by another user than the one who made the rings. */
static void frameio_rings_unlock_memory(struct frameio_rings *rings)
{
	if (!rings->payer)
		return;
	atomic_long_sub(rings->locked, &rings->payer->user->locked_vm);
	put_cred(rings->payer);
}

static void frameio_rings_free(struct frameio_rings *rings)
{
	if (rings->thread)
		kthread_stop(rings->thread);
	frameio_ring_free(&rings->read);
	frameio_ring_free(&rings->write);
	frameio_rings_unlock_memory(rings);
	free_cpumask_var(rings->cpus);
	kfree(rings);
}

static bool frameio_ring_size_is_valid(const struct frameio_qp *qp, u32 size)
{
	const size_t longest = frameio_ring_longest(qp);

	return !size || (is_power_of_2(size) && size >= PAGE_SIZE &&
			 size >= FRAMEIO_RING_SIZE_MIN && size <= FRAMEIO_RING_SIZE_MAX &&
			 size >= 2 * longest);
}

static int frameio_rings_check(const struct frameio_qp *qp, const struct frameio_ring_setup *setup)
{
	const u32 flags = setup->frr_flags;

	if ((flags & ~(FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU)) || setup->frr_reserved0 ||
	    memchr_inv(setup->frr_reserved, 0, sizeof(setup->frr_reserved)))
		return -EINVAL;
	if ((!setup->frr_read_size && !setup->frr_write_size) ||
	    !frameio_ring_size_is_valid(qp, setup->frr_read_size) ||
	    !frameio_ring_size_is_valid(qp, setup->frr_write_size))
		return -EINVAL;
	if (!(flags & FRAMEIO_SETUP_POLL))
		return setup->frr_idle || setup->frr_cpu || flags ? -EINVAL : 0;
	if (!setup->frr_write_size || setup->frr_idle > FRAMEIO_RING_IDLE_MAX)
		return -EINVAL;
	if (!(flags & FRAMEIO_SETUP_CPU))
		return setup->frr_cpu ? -EINVAL : 0;
	if (setup->frr_cpu >= nr_cpu_ids || !cpu_online(setup->frr_cpu) ||
	    !cpumask_test_cpu(setup->frr_cpu, current->cpus_ptr))
		return -EINVAL;
	return 0;
}

/* Let the queue pair use the rings; its calls that are on their way are waited for. */
static int frameio_rings_enable(struct frameio_qp *qp, struct frameio_rings *rings)
{
	int err = 0;

	if (mutex_lock_interruptible(&qp->read_lock))
		return -ERESTARTSYS;
	if (mutex_lock_interruptible(&qp->write_lock)) {
		mutex_unlock(&qp->read_lock);
		return -ERESTARTSYS;
	}
	mutex_lock(&qp->port->bind_lock);
	if (frameio_port_state(qp->port) == FRAMEIO_GONE) {
		err = -ENODEV;
	} else {
		/* what the rings are before they are there; pairs with frameio_qp_has_*_ring() */
		smp_store_release(&qp->rings, rings);
		if (rings->write.size)
			rcu_assign_pointer(qp->write_ring, &rings->write);
	}
	mutex_unlock(&qp->port->bind_lock);
	if (!err && rings->read.size)
		frameio_ring_fill(qp, &rings->read);
	mutex_unlock(&qp->write_lock);
	mutex_unlock(&qp->read_lock);
	if (err)
		return err;
	frameio_qp_set_mode(qp, FRAMEIO_MODE_RING);
	/* a program that looks at its ring makes no call that would say so */
	if (rings->read.size && frameio_port_is_nic(qp->port))
		frameio_nic_begin_reading(qp);
	return 0;
}

/**
 * frameio_rings_wake_users() - have who sleeps in a call, or in poll(2), look at the rings
 * @rings: of the file, which has them now
 */
void frameio_rings_wake_users(struct frameio_rings *rings)
{
	wake_up_interruptible_all(&rings->qp->read.wait);
	wake_up_interruptible_all(&rings->qp->write.wait);
}

/**
 * frameio_rings_setup() - FRAMEIO_RING_SETUP: make a file's rings
 * @qp: its queue pair, which has none
 * @setup: what is asked for; its out fields are set
 *
 * Return: the rings, to be given to frameio_rings_release() before the file is unbound;
 * or an ERR_PTR.
 */
struct frameio_rings *frameio_rings_setup(struct frameio_qp *qp, struct frameio_ring_setup *setup)
{
	struct frameio_rings *rings;
	int err;

	err = frameio_rings_check(qp, setup);
	if (!err)
		err = frameio_qp_may_hold(qp, setup->frr_read_size, setup->frr_write_size);
	if (err)
		return ERR_PTR(err);
	rings = kzalloc(sizeof(*rings), GFP_KERNEL_ACCOUNT);
	if (!rings)
		return ERR_PTR(-ENOMEM);
	rings->qp = qp;
	rings->idle = (u64)(setup->frr_idle ?: FRAMEIO_RING_IDLE_DEFAULT) * NSEC_PER_USEC;
	err = frameio_rings_lock_memory(rings, setup);
	if (!err)
		err = frameio_ring_alloc(qp, &rings->read, setup->frr_read_size);
	if (!err)
		err = frameio_ring_alloc(qp, &rings->write, setup->frr_write_size);
	if (!err && (setup->frr_flags & FRAMEIO_SETUP_POLL))
		err = frameio_rings_make_thread(rings, setup);
	if (!err && rings->write.size && !rings->thread)
		frameio_ring_rest(qp, &rings->write);
	if (!err)
		err = frameio_rings_enable(qp, rings);
	if (err) {
		frameio_rings_free(rings);
		return ERR_PTR(err);
	}
	if (rings->thread)
		wake_up_process(rings->thread);
	setup->frr_read_map = (u64)rings->read.npages << PAGE_SHIFT;
	setup->frr_write_map = (u64)rings->write.npages << PAGE_SHIFT;
	return rings;
}

/* How long the last close waits for what was written to be taken. */
#define FRAMEIO_RING_LINGER	HZ

/* Is something on its way that was written, and may it still arrive? */
static bool frameio_rings_are_draining(const struct frameio_rings *rings)
{
	return frameio_port_state(rings->qp->port) == FRAMEIO_UP && rings->write.size &&
	       (frameio_rings_have_records(rings) || frameio_queue_len(&rings->qp->write));
}

/* What was written before the last close is still on its way, as it is with write(2). */
static void frameio_rings_drain(struct frameio_rings *rings)
{
	unsigned long until = jiffies + FRAMEIO_RING_LINGER;
	u64 own;

	/* a thread of the kernel that releases the files of others lets none of them wait */
	if (current->flags & PF_KTHREAD)
		until = jiffies + 1;
	while (frameio_rings_are_draining(rings) && !fatal_signal_pending(current) &&
	       time_before(jiffies, until)) {
		own = READ_ONCE(rings->write.own);
		frameio_rings_run(rings);
		if (READ_ONCE(rings->write.own) != own)
			cond_resched();
		else
			schedule_timeout_uninterruptible(1);
	}
}

/**
 * frameio_rings_release() - unmake a file's rings
 * @rings: the rings; the file is being released: nothing is mapped, no call on its way
 */
void frameio_rings_release(struct frameio_rings *rings)
{
	struct frameio_qp *qp = rings->qp;

	if (rings->thread) {
		kthread_stop(rings->thread);
		rings->thread = NULL;
	}
	frameio_rings_drain(rings);
	mutex_lock(&qp->port->bind_lock);
	WRITE_ONCE(qp->rings, NULL);
	RCU_INIT_POINTER(qp->port->read_rings[qp->index], NULL);
	RCU_INIT_POINTER(qp->write_ring, NULL);
	mutex_unlock(&qp->port->bind_lock);
	/* the transmit path and NAPI may have seen them */
	synchronize_net();
	frameio_rings_free(rings);
}

/**
 * frameio_rings_gone() - tell the program that its port is gone; under bind_lock
 * @rings: of a file that is bound to it; or NULL
 */
void frameio_rings_gone(struct frameio_rings *rings)
{
	if (!rings)
		return;
	if (rings->read.size)
		atomic_or(FRAMEIO_RING_GONE, (atomic_t *)&rings->read.page->rg_flags);
	if (rings->write.size)
		atomic_or(FRAMEIO_RING_GONE, (atomic_t *)&rings->write.page->rg_flags);
}

/* The program's counter may be anything; no more is told than there is. */
static u32 frameio_ring_used(const struct frameio_ring *ring, u64 producer, u64 consumer)
{
	return min_t(u64, producer - consumer, ring->size);
}

/**
 * frameio_qp_get_fill() - how full a queue pair is now, for those who ask
 * @qp: the queue pair; nothing of it is held
 * @read: of what the program reads
 * @write: of what it writes
 */
void frameio_qp_get_fill(const struct frameio_qp *qp, struct frameio_fill *read,
			 struct frameio_fill *write)
{
	const struct frameio_rings *rings;
	const struct frameio_ring *ring;

	*read = (struct frameio_fill) {
		.used = READ_ONCE(qp->read.bytes),
		.bytes = READ_ONCE(qp->read.limit.bytes),
		.flags = READ_ONCE(qp->read.stalled) ? FRAMEIO_QP_READ_STOPPED : 0,
	};
	*write = (struct frameio_fill) {
		.used = READ_ONCE(qp->write.bytes),
		.bytes = READ_ONCE(qp->write.limit.bytes),
		.flags = READ_ONCE(qp->write.stalled) ? FRAMEIO_QP_WRITE_STALLED : 0,
	};
	rcu_read_lock();
	/* pairs with frameio_rings_enable() */
	rings = smp_load_acquire(&qp->rings);
	if (rings && rings->read.size) {
		ring = &rings->read;
		read->used = frameio_ring_used(ring, READ_ONCE(ring->own),
					       READ_ONCE(ring->page->rg_consumer));
		read->bytes = ring->size;
		read->flags |= FRAMEIO_QP_READ_RING;
	}
	if (rings && rings->write.size) {
		ring = &rings->write;
		write->used = frameio_ring_used(ring, READ_ONCE(ring->page->rg_producer),
						READ_ONCE(ring->own));
		write->bytes = ring->size;
		write->flags |= FRAMEIO_QP_WRITE_RING;
	}
	rcu_read_unlock();
}

/**
 * frameio_rings_mmap() - map a ring
 * @rings: of the file
 * @vma: where to; its offset says which
 *
 * Return: 0 or -errno.
 */
int frameio_rings_mmap(struct frameio_rings *rings, struct vm_area_struct *vma)
{
	const u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct frameio_ring *ring;

	if (offset == FRAMEIO_RING_READ_OFFSET)
		ring = &rings->read;
	else if (offset == FRAMEIO_RING_WRITE_OFFSET)
		ring = &rings->write;
	else
		return -EINVAL;
	/* all of it, or what is mapped is not what is described */
	if (!ring->size || vma_pages(vma) != ring->npages || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	frameio_vma_set_flags(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return vm_map_pages_zero(vma, ring->pages, ring->npages);
}
