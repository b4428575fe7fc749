// SPDX-License-Identifier: GPL-2.0
/*
 * NIC ports: frames to and from an interface of somebody else's, past the stack.
 *
 * RECEIVING
 *
 * The interface's receive handler sees each frame before the protocol stack, in
 * softirq, on several CPUs at once. Nothing is taken for a file before its first read
 * or poll, so that it can say before which frames it wants. A frame is offered to all
 * files that read, beginning with the one that its flow's hash chooses: each tap whose
 * filter takes it gets a copy, and the first other file whose filter takes it the
 * frame. So programs with different filters each get theirs, and the frames of a flow
 * stay with one. A frame that nobody takes goes on to the stack as it came. A full
 * read queue drops, since a wire cannot be stopped.
 *
 * TRANSMITTING
 *
 * Whoever wrote frames hands them to the driver right away, all of a batch under one
 * transmit queue lock, and all but the last with the word that more follow. What the
 * driver has no room for stays in order in the write queue, which in the end stops the
 * writers. A foreign driver tells nobody outside when it has room again, so a timer
 * tries again, less and less often while nothing moves.
 *
 * LIFE
 *
 * The receive handler's pointer is the interface's reference on the port, from
 * frameio_nic_attach() to frameio_nic_detach(), which the interface's own end calls
 * at the latest, or its leaving for another network namespace: who had it there must
 * not hear what it receives elsewhere. Both are under RTNL. Detaching takes three
 * steps, each of which leaves the next one nothing to race with:
 *
 *  1. The handler is taken away, which waits for those that run.
 *  2. Each write queue's consumer is stopped, under its lock; a timer that still
 *     fires finds it stopped, and is waited for.
 *  3. The port is gone, as any other: its queues are closed and its users woken.
 */
#include <linux/etherdevice.h>
#include <linux/hrtimer.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/dsa.h>
#include <net/ipv6.h>

#include "compat.h"
#include "header.h"
#include "netdev.h"
#include "nic.h"
#include "node.h"
#include "ring.h"
#include "trace.h"

/* Frames that are handed to a driver with bottom halves off in one go. */
#define FRAMEIO_NIC_CHUNK	64

/*
 * When a driver that had no room is asked again: after as long as some 70 short frames
 * take at 1 Gbit/s, and twice as long each time that it takes none, up to a limit.
 */
#define FRAMEIO_NIC_RETRY_NS		(50 * NSEC_PER_USEC)
#define FRAMEIO_NIC_RETRY_NS_MAX	(4 * NSEC_PER_MSEC)

/**
 * struct frameio_nic_queue - what a queue pair of a NIC port has besides
 * @qp: the queue pair
 * @filter: which frames are taken; NULL: all; written under the port's bind_lock
 * @options: FRAMEIO_O_* of the file; written under RTNL
 * @lock: the consumer of the write queue; bottom halves off
 * @ready: frames as the driver takes them, in order; the next ones to go
 * @again: frames that were ready before the interface changed; they come after @ready
 * @delay: nanoseconds until the driver is asked again that takes none
 * @stopped: the port is being detached; nothing more is transmitted
 * @retry: asks the driver again
 */
struct frameio_nic_queue {
	struct frameio_qp *qp;
	struct bpf_prog __rcu *filter;
	u32 options;

	spinlock_t lock ____cacheline_aligned_in_smp;	/* the consumer of the write queue */
	struct sk_buff_head ready;
	struct sk_buff_head again;
	u32 delay;
	bool stopped;
	struct hrtimer retry;
};

/**
 * struct frameio_nic - what a NIC port has besides
 * @list: among frameio_nic_ports
 * @readers: a bit for each queue pair whose file has begun to read
 * @queues: for each queue pair
 */
struct frameio_nic {
	struct list_head list;
	unsigned long readers;
	struct frameio_nic_queue queues[];
};

static_assert(FRAMEIO_NQUEUES_MAX <= BITS_PER_LONG);

/* The ports that are attached; RTNL. */
static LIST_HEAD(frameio_nic_ports);

static struct frameio_nic_queue *frameio_nic_queue(const struct frameio_qp *qp)
{
	return &qp->port->nic->queues[qp->index];
}

/* --- receiving ------------------------------------------------------- */

/* Have a frame remember, while it waits, what the driver told of it. */
static void frameio_nic_note_received(struct sk_buff *skb)
{
	const ktime_t hwtstamp = frameio_skb_hwtstamp(skb);
	u64 tstamp = 0;
	u16 flags = 0;

	/* partial: GRO has verified it, or it is made here */
	if (skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL)
		flags |= FRAMEIO_F_CSUM_VALID;
	if (hwtstamp) {
		flags |= FRAMEIO_F_TSTAMP_HW;
		tstamp = ktime_to_ns(hwtstamp);
	} else if (frameio_skb_tstamp(skb)) {
		flags |= FRAMEIO_F_TSTAMP_SW;
		tstamp = ktime_to_ns(frameio_skb_tstamp(skb));
	}
	*frameio_received(skb) = (struct frameio_received){ .tstamp = tstamp, .flags = flags };
}

/* What a frame must not keep while it waits, and what only hardware would have made of it. */
static __always_inline bool frameio_nic_prepare_frame(struct sk_buff *skb)
{
	if (unlikely(!frameio_frame_detach(skb)))
		return false;
	return likely(skb->ip_summed != CHECKSUM_PARTIAL) || !skb_csum_hwoffload_help(skb, 0);
}

/*
 * How many frames a frame was on the wire, or would have been, that begins with its link
 * header: GRO notes it, and who makes one that is to be cut may leave it to the kernel.
 */
static u32 frameio_nic_nframes(const struct sk_buff *skb)
{
	const struct skb_shared_info *shinfo = skb_shinfo(skb);
	u32 headers;

	if (!skb_is_gso(skb))
		return 1;
	if (shinfo->gso_segs)
		return shinfo->gso_segs;
	headers = skb_transport_offset(skb);
	if (skb_is_gso_tcp(skb))
		headers += tcp_hdrlen(skb);
	else if (shinfo->gso_type & SKB_GSO_UDP_L4)
		headers += sizeof(struct udphdr);
	return skb->len > headers ? DIV_ROUND_UP(skb->len - headers, shinfo->gso_size) : 1;
}

/* So many frames are not put; several CPUs count, under the lock. */
static noinline void frameio_nic_count_drop(struct frameio_qp *qp, u32 n,
					    enum frameio_trace_reason reason)
{
	spin_lock(&qp->read.waiting.lock);
	if (reason == FRAMEIO_TRACE_FULL)
		qp->transmit.drop_full += n;
	else if (reason == FRAMEIO_TRACE_CLOSED)
		qp->transmit.drop_closed += n;
	else if (reason == FRAMEIO_TRACE_NOMEM)
		qp->transmit.drop_nomem += n;
	else
		qp->transmit.drop_invalid += n;
	spin_unlock(&qp->read.waiting.lock);
	trace_frameio_drop(qp, FRAMEIO_TRACE_READ, n, reason);
}

/* A frame is not put; what GRO has made of several counts as the several. */
static noinline void frameio_nic_drop(struct frameio_qp *qp, struct sk_buff *skb,
				      enum frameio_trace_reason reason)
{
	frameio_nic_count_drop(qp, frameio_nic_nframes(skb), reason);
	if (reason == FRAMEIO_TRACE_NOMEM)
		frameio_drop_skb(skb, NOMEM);
	else
		frameio_drop_skb(skb, DEV_READY);
}

/* Under the read queue's lock, which it gives back. A wire cannot be stopped. */
static noinline void frameio_nic_put_into_ring(struct frameio_qp *qp, struct frameio_ring *ring,
					       struct sk_buff *skb)
	__releases(&qp->read.waiting.lock)
{
	enum frameio_trace_reason reason = FRAMEIO_TRACE_FULL;
	bool put = false;

	if (likely(frameio_ring_has_much_room(ring, skb->len) ||
		   frameio_ring_look(qp, ring, frameio_ring_record_size(skb->len)))) {
		put = frameio_ring_put(ring, skb, true);
		reason = FRAMEIO_TRACE_INVALID;
	} else if (ring->broken) {
		reason = FRAMEIO_TRACE_CLOSED;
	}
	if (likely(put)) {
		qp->transmit.ringed++;
		qp->transmit.ringed_bytes += skb->len;
	}
	spin_unlock(&qp->read.waiting.lock);
	if (unlikely(!put)) {
		frameio_nic_drop(qp, skb, reason);
		return;
	}
	trace_frameio_enqueue(qp, FRAMEIO_TRACE_READ, 1);
	napi_consume_skb(skb, 1);
	frameio_ring_wake_reader(qp, ring);
}

/* Several CPUs may put frames into one read queue: its lock keeps their counters, too. */
static __always_inline void frameio_nic_put(struct frameio_qp *qp, struct sk_buff *skb)
{
	struct frameio_queue *queue = &qp->read;
	enum frameio_trace_reason reason;
	struct frameio_ring *ring;
	const u32 len = skb->len;
	bool was_empty;

	if (unlikely(!frameio_nic_prepare_frame(skb))) {
		frameio_nic_drop(qp, skb, FRAMEIO_TRACE_NOMEM);
		return;
	}
	spin_lock(&queue->waiting.lock);
	ring = rcu_dereference(qp->port->read_rings[qp->index]);
	if (ring) {
		frameio_nic_put_into_ring(qp, ring, skb);
		return;
	}
	if (unlikely(queue->closed || frameio_queue_full(queue))) {
		reason = queue->closed ? FRAMEIO_TRACE_CLOSED : FRAMEIO_TRACE_FULL;
		spin_unlock(&queue->waiting.lock);
		frameio_nic_drop(qp, skb, reason);
		return;
	}
	was_empty = frameio_queue_append(queue, skb);
	qp->transmit.queued++;
	qp->transmit.queued_bytes += len;
	spin_unlock(&queue->waiting.lock);
	trace_frameio_enqueue(qp, FRAMEIO_TRACE_READ, 1);
	if (was_empty && wq_has_sleeper(&queue->wait))
		wake_up_interruptible_poll(&queue->wait, EPOLLIN | EPOLLRDNORM);
}

/* What GRO has made of several frames becomes the several again. */
static void frameio_nic_put_segments(struct frameio_qp *qp, struct sk_buff *skb)
{
	const struct frameio_received received = *frameio_received(skb);
	struct sk_buff *segments, *next;

	/* it writes into headers that a capture, or the stack, may have as well */
	if (skb_unclone(skb, GFP_ATOMIC))
		segments = ERR_PTR(-ENOMEM);
	else
		segments = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segments)) {
		frameio_nic_drop(qp, skb, segments == ERR_PTR(-ENOMEM) ? FRAMEIO_TRACE_NOMEM :
				 FRAMEIO_TRACE_INVALID);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segments, skb, next) {
		skb_mark_not_on_list(skb);
		*frameio_received(skb) = received;
		frameio_nic_put(qp, skb);
	}
}

/* A frame is a file's, and begins with its link header. */
static void frameio_nic_take(struct frameio_nic_queue *nic, struct sk_buff *skb)
{
	struct frameio_qp *qp = nic->qp;

	/* before anything is done to it that costs */
	if (unlikely(frameio_queue_full(&qp->read))) {
		frameio_nic_drop(qp, skb, FRAMEIO_TRACE_FULL);
		return;
	}
	if ((READ_ONCE(nic->options) & FRAMEIO_O_TSTAMP) && !frameio_skb_tstamp(skb))
		__net_timestamp(skb);
	frameio_nic_note_received(skb);
	if (unlikely(skb_is_gso(skb)))
		frameio_nic_put_segments(qp, skb);
	else
		frameio_nic_put(qp, skb);
}

/* A copy of a frame is a file's. */
static void frameio_nic_take_copy(struct frameio_nic_queue *nic, struct sk_buff *skb)
{
	struct sk_buff *copy = skb_clone(skb, GFP_ATOMIC);

	if (likely(copy))
		frameio_nic_take(nic, copy);
	else
		frameio_nic_count_drop(nic->qp, frameio_nic_nframes(skb), FRAMEIO_TRACE_NOMEM);
}

static bool frameio_nic_wants(const struct frameio_nic_queue *nic, struct sk_buff *skb)
{
	const struct bpf_prog *filter = rcu_dereference(nic->filter);

	return !filter || bpf_prog_run_clear_cb(filter, skb);
}

/* Of the queue pairs that read, which one is a frame offered to first? */
static unsigned int frameio_nic_first(const struct frameio_port *port, struct sk_buff *skb,
				      unsigned long readers)
{
	const unsigned int n = hweight_long(readers);
	unsigned int skip;

	if (port->flags & FRAMEIO_PORT_STEER_CPU)
		skip = smp_processor_id() % n;
	else
		skip = reciprocal_scale(skb_get_hash(skb), n);
	while (skip--)
		readers &= readers - 1;
	return __ffs(readers);
}

/*
 * Offer a frame to the queue pairs that read, and give it to the taps that want it.
 *
 * Return: the one that takes it from the stack, or NULL.
 */
static noinline struct frameio_nic_queue *
frameio_nic_offer(struct frameio_port *port, struct sk_buff *skb, unsigned long readers)
{
	const unsigned int first = frameio_nic_first(port, skb, readers);
	struct frameio_nic_queue *nic, *taker = NULL;
	bool tap;

	/* from the first one on, and around */
	for (readers = ror64(readers, first); readers; readers &= readers - 1) {
		nic = &port->nic->queues[(first + __ffs(readers)) % BITS_PER_LONG];
		tap = READ_ONCE(nic->options) & FRAMEIO_O_TAP;
		if ((!tap && taker) || !frameio_nic_wants(nic, skb))
			continue;
		if (tap)
			frameio_nic_take_copy(nic, skb);
		else
			taker = nic;
	}
	return taker;
}

/* The only one that reads, if it takes the frame; otherwise as frameio_nic_offer(). */
static struct frameio_nic_queue *
frameio_nic_offer_only(struct frameio_port *port, struct sk_buff *skb, unsigned long readers)
{
	struct frameio_nic_queue *nic = &port->nic->queues[__ffs(readers)];

	if (unlikely(READ_ONCE(nic->options) & FRAMEIO_O_TAP))
		return frameio_nic_offer(port, skb, readers);
	return frameio_nic_wants(nic, skb) ? nic : NULL;
}

/* A capture holds the frame, too: get one of our own, or drop it. */
static noinline void frameio_nic_take_shared(struct frameio_nic_queue *nic, struct sk_buff *skb,
					     unsigned int header)
{
	const u32 n = frameio_nic_nframes(skb);

	/* as the capture has it, the frame begins behind its link header */
	__skb_pull(skb, header);
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (likely(skb)) {
		__skb_push(skb, header);
		frameio_nic_take(nic, skb);
	} else {
		frameio_nic_count_drop(nic->qp, n, FRAMEIO_TRACE_NOMEM);
	}
}

/* Softirq, under RCU. */
static rx_handler_result_t frameio_nic_receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct frameio_port *port = rcu_dereference(skb->dev->rx_handler_data);
	const unsigned int header = skb->data - skb_mac_header(skb);
	/* their filters and options were set before: frameio_nic_begin_reading() */
	const unsigned long readers = smp_load_acquire(&port->nic->readers);
	struct frameio_nic_queue *taker;

	/* a reserve of memory is not for who lets frames wait; nor is memory that cannot be read */
	if (skb->pkt_type == PACKET_LOOPBACK || !readers || skb_pfmemalloc(skb) ||
	    !frameio_skb_is_readable(skb))
		return RX_HANDLER_PASS;
	/* for a filter as for a packet socket's: the frame begins with its link header */
	__skb_push(skb, header);
	if (likely(is_power_of_2(readers)))
		taker = frameio_nic_offer_only(port, skb, readers);
	else
		taker = frameio_nic_offer(port, skb, readers);
	if (!taker) {
		__skb_pull(skb, header);
		return RX_HANDLER_PASS;
	}
	*pskb = NULL;
	if (unlikely(skb_shared(skb)))
		frameio_nic_take_shared(taker, skb, header);
	else
		frameio_nic_take(taker, skb);
	return RX_HANDLER_CONSUMED;
}

/* --- transmitting ---------------------------------------------------- */

/*
 * Of a frame among @ready. One written frame may have become several, the last of
 * which gives back the room of all. @captured: packet sockets have seen it.
 */
struct frameio_nic_cb {
	u32 done_bytes;
	bool last;
	bool captured;
};

static struct frameio_nic_cb *frameio_nic_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct frameio_nic_cb) > sizeof(skb->cb));
	return (struct frameio_nic_cb *)skb->cb;
}

/* Frames that have left the write queue, and the memory they took there. */
struct frameio_nic_done {
	u32 sent, dropped, bytes;
};

/* The network header, behind VLAN tags that are in the frame. */
static void frameio_nic_set_headers(struct sk_buff *skb)
{
	int depth;

	skb_reset_mac_header(skb);
	skb->mac_len = ETH_HLEN;
	skb->protocol = eth_hdr(skb)->h_proto;
	skb_set_network_header(skb, ETH_HLEN);
	skb_probe_transport_header(skb);
	if (eth_type_vlan(skb->protocol) &&
	    vlan_get_protocol_and_depth(skb, skb->protocol, &depth))
		skb_set_network_header(skb, depth);
}

/* Give a frame what the driver cannot do itself. Return: one or several, or NULL, all freed. */
static struct sk_buff *frameio_nic_validate(struct sk_buff *skb, struct net_device *dev)
{
	bool again = false;

	return validate_xmit_skb_list(skb, dev, &again);
}

/* Append what a frame has become to @to. */
static void frameio_nic_append(struct sk_buff_head *to, struct sk_buff *skb,
			       struct frameio_nic_cb cb)
{
	const struct frameio_nic_cb part = { .captured = cb.captured };
	struct sk_buff *next;

	for (; skb; skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		/* the last one counts for all */
		*frameio_nic_cb(skb) = next ? part : cb;
		__skb_queue_tail(to, skb);
	}
}

/* The next frame for the driver, with its network header known; or NULL. */
static struct sk_buff *frameio_nic_next(struct frameio_nic_queue *nic, struct net_device *dev)
{
	struct sk_buff *skb = __skb_dequeue(&nic->again);

	if (skb)
		return skb;
	skb = __skb_dequeue(&nic->qp->write.taken);
	if (skb) {
		*frameio_nic_cb(skb) = (struct frameio_nic_cb){
			.done_bytes = skb->truesize, .last = true,
		};
		skb->dev = dev;
		frameio_nic_set_headers(skb);
	}
	return skb;
}

/* Move written frames to @ready, so many at most. */
static void frameio_nic_make_ready(struct frameio_nic_queue *nic, struct net_device *dev,
				   struct frameio_nic_done *done)
{
	struct frameio_qp *qp = nic->qp;
	struct frameio_nic_cb cb;
	struct sk_buff *skb;
	u32 n;

	for (n = 0; n < FRAMEIO_NIC_CHUNK && skb_queue_len(&nic->ready) < FRAMEIO_NIC_CHUNK; n++) {
		skb = frameio_nic_next(nic, dev);
		if (!skb)
			break;
		cb = *frameio_nic_cb(skb);
		skb = frameio_nic_validate(skb, dev);
		if (likely(skb)) {
			frameio_nic_append(&nic->ready, skb, cb);
			continue;
		}
		/* it is freed: it cannot be made what the driver takes */
		qp->receive.drop_invalid += cb.last;
		done->dropped += cb.last;
		done->bytes += cb.done_bytes;
		if (cb.last)
			trace_frameio_drop(qp, FRAMEIO_TRACE_WRITE, 1, FRAMEIO_TRACE_INVALID);
	}
}

/* Packet captures of the interface see what goes out, once. */
static void frameio_nic_capture(struct sk_buff *skb, struct net_device *dev)
{
	if (likely(!frameio_nit_is_active(dev)) || frameio_nic_cb(skb)->captured)
		return;
	dev_queue_xmit_nit(skb, dev);
	frameio_nic_cb(skb)->captured = true;
}

/* Hand @ready to the driver, so many frames at most. Return: false if it has no room. */
static bool frameio_nic_send_ready(struct frameio_nic_queue *nic, struct net_device *dev,
				   u16 index, struct frameio_nic_done *done)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, index);
	struct frameio_qp *qp = nic->qp;
	const int cpu = smp_processor_id();
	struct frameio_nic_cb cb;
	struct sk_buff *skb;
	bool room = true;
	int status;
	u32 n, len;

	HARD_TX_LOCK(dev, txq, cpu);
	for (n = 0; n < FRAMEIO_NIC_CHUNK; n++) {
		skb = skb_peek(&nic->ready);
		if (!skb)
			break;
		room = !netif_xmit_frozen_or_drv_stopped(txq);
		if (!room)
			break;
		__skb_unlink(skb, &nic->ready);
		/* the queue whose lock is held, even if there were others when it was made ready */
		skb_set_queue_mapping(skb, index);
		frameio_nic_capture(skb, dev);
		/* the driver may use this memory, and free the frame */
		cb = *frameio_nic_cb(skb);
		len = skb->len;
		status = netdev_start_xmit(skb, dev, txq, n + 1 < FRAMEIO_NIC_CHUNK &&
					   !skb_queue_empty(&nic->ready));
		if (unlikely(!dev_xmit_complete(status))) {
			*frameio_nic_cb(skb) = cb;
			__skb_queue_head(&nic->ready, skb);
			room = false;
			break;
		}
		nic->delay = FRAMEIO_NIC_RETRY_NS;
		qp->receive.received += cb.last;
		qp->receive.received_bytes += len;
		done->sent += cb.last;
		done->bytes += cb.done_bytes;
	}
	HARD_TX_UNLOCK(dev, txq);
	return room;
}

/*
 * Records of a write ring become frames that were written, a chunk of them at most. Return:
 * false if there is no memory for more.
 */
static bool frameio_nic_take_from_ring(struct frameio_qp *qp, struct frameio_ring *ring)
{
	struct sk_buff_head batch;
	struct sk_buff *skb;
	bool memory_left = true;
	size_t bytes = 0;
	u32 memory = 0;
	u32 n;

	__skb_queue_head_init(&batch);
	frameio_ring_begin_pops(ring);
	for (n = 0; n < FRAMEIO_NIC_CHUNK; n++) {
		skb = frameio_ring_pop(qp, ring);
		memory_left = skb != ERR_PTR(-ENOMEM);
		if (!skb || !memory_left)
			break;
		if (IS_ERR(skb))
			continue;
		bytes += skb->len;
		memory += skb->truesize;
		__skb_queue_tail(&batch, skb);
	}
	n = skb_queue_len(&batch);
	if (unlikely(!frameio_queue_put_list(&qp->write, &batch, memory)))
		__skb_queue_purge(&batch);
	frameio_ring_end_pops(qp, ring, n, bytes);
	return memory_left;
}

/* Is anything left for the driver? Under the queue's lock. */
static bool frameio_nic_has_frames(const struct frameio_nic_queue *nic)
{
	return !skb_queue_empty(&nic->ready) || !skb_queue_empty(&nic->again) ||
	       !skb_queue_empty(&nic->qp->write.taken);
}

/*
 * Under the queue's lock: a chunk of frames, and a timer if some are left. Writers that
 * come meanwhile neither put it off nor make it slower: only the timer itself does,
 * when it finds that the driver has taken nothing since.
 */
static void frameio_nic_transmit_some(struct frameio_nic_queue *nic, struct net_device *dev,
				      bool is_retry)
{
	struct frameio_nic_done done = { .sent = 0 };
	struct frameio_qp *qp = nic->qp;
	struct frameio_ring *ring = rcu_dereference_bh(qp->write_ring);
	bool room, more, memory = true;

	/* what is given back is nothing, so no writer can be waiting for it */
	if (skb_queue_empty(&qp->write.taken)) {
		if (ring && !frameio_queue_len(&qp->write))
			memory = frameio_nic_take_from_ring(qp, ring);
		frameio_queue_take(&qp->write, 0, 0);
	}
	frameio_nic_make_ready(nic, dev, &done);
	room = frameio_nic_send_ready(nic, dev, qp->index % READ_ONCE(dev->real_num_tx_queues),
				      &done);
	/* memory comes back no sooner */
	room = room && memory;
	if (!room && is_retry && !done.sent)
		nic->delay = min_t(u32, 2 * nic->delay, FRAMEIO_NIC_RETRY_NS_MAX);
	frameio_qp_give_back(qp, done.sent, done.dropped, done.bytes);
	more = frameio_nic_has_frames(nic) || (ring && !frameio_ring_rest(qp, ring));
	if (more && (room || !hrtimer_is_queued(&nic->retry)))
		hrtimer_start(&nic->retry, ns_to_ktime(room ? 0 : nic->delay),
			      HRTIMER_MODE_REL_SOFT);
}

/* Is the interface past its ndo_open(), and waits its ndo_stop() for who is under RCU here? */
static bool frameio_nic_is_running(const struct net_device *dev)
{
	return (READ_ONCE(dev->flags) & IFF_UP) && netif_running(dev) && netif_carrier_ok(dev);
}

static void frameio_nic_try(struct frameio_qp *qp, bool is_retry)
{
	struct frameio_nic_queue *nic = frameio_nic_queue(qp);
	struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(qp->port->dev);
	spin_lock(&nic->lock);
	if (likely(dev && !nic->stopped)) {
		if (likely(frameio_nic_is_running(dev)))
			frameio_nic_transmit_some(nic, dev, is_retry);
		/* of a link that comes back at once we may not hear at once */
		else if (frameio_port_state(qp->port) == FRAMEIO_UP &&
			 !hrtimer_is_queued(&nic->retry))
			hrtimer_start(&nic->retry, ns_to_ktime(FRAMEIO_NIC_RETRY_NS_MAX),
				      HRTIMER_MODE_REL_SOFT);
	}
	spin_unlock(&nic->lock);
	rcu_read_unlock();
}

/**
 * frameio_nic_transmit() - hand what was written to the driver
 * @qp: the queue pair; bottom halves are off
 *
 * What the driver does not take now, or what is too much for one go, is tried again
 * by a timer, or when the interface is up again.
 */
void frameio_nic_transmit(struct frameio_qp *qp)
{
	frameio_nic_try(qp, false);
}

static enum hrtimer_restart frameio_nic_retry(struct hrtimer *timer)
{
	frameio_nic_try(container_of(timer, struct frameio_nic_queue, retry)->qp, true);
	return HRTIMER_NORESTART;
}

/**
 * frameio_nic_begin_reading() - let a file take frames from now on
 * @qp: its queue pair
 *
 * What it has asked for before, which frames and how, holds for the first one: this
 * orders its stores before the bit; pairs with frameio_nic_receive().
 */
void frameio_nic_begin_reading(struct frameio_qp *qp)
{
	struct frameio_nic *nic = qp->port->nic;

	if (unlikely(!test_bit(qp->index, &nic->readers)))
		test_and_set_bit(qp->index, &nic->readers);
}

/* What each segment repeats; of IPv6 a fragment has a header more. */
static u32 frameio_nic_gso_headers(const struct sk_buff *skb)
{
	const u32 headers = skb_transport_offset(skb);

	if (skb_shinfo(skb)->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6))
		return headers + max_t(u32, tcp_hdrlen(skb), sizeof(struct tcphdr));
	if (headers >= ETH_HLEN + sizeof(struct ipv6hdr))
		return headers + sizeof(struct frag_hdr);
	return headers;
}

/**
 * frameio_nic_check_gso() - may a frame become segments on the wire?
 * @skb: the frame, to which frameio_header_apply() gave what it is cut by
 * @frame_max: the longest frame that the interface takes
 *
 * Return: true if they are neither too long nor too many.
 */
bool frameio_nic_check_gso(const struct sk_buff *skb, u32 frame_max)
{
	const u16 gso_size = skb_shinfo(skb)->gso_size;

	return frameio_nic_gso_headers(skb) + gso_size <= frame_max &&
	       skb->len / gso_size < FRAMEIO_SEGMENTS_MAX;
}

/* --- what a file asks for -------------------------------------------- */

/**
 * frameio_nic_set_filter() - choose the frames that a file takes
 * @qp: the file's queue pair
 * @filter: a classic BPF program of user space's; one of no instructions: take all
 *
 * Return: 0, -EFAULT, -EINVAL, -ENOMEM, or -EOPNOTSUPP: it is no NIC port.
 */
int frameio_nic_set_filter(struct frameio_qp *qp, const struct frameio_filter *filter)
{
	struct sock_fprog fprog = {
		.len = filter->ff_len,
		.filter = u64_to_user_ptr(filter->ff_insns),
	};
	struct bpf_prog *prog = NULL;
	int err;

	if (!frameio_port_is_nic(qp->port))
		return -EOPNOTSUPP;
	if (memchr_inv(filter->ff_reserved, 0, sizeof(filter->ff_reserved)) ||
	    filter->ff_len > BPF_MAXINSNS)
		return -EINVAL;
	if (filter->ff_len) {
		err = bpf_prog_create_from_user(&prog, &fprog, NULL, false);
		if (err)
			return err;
	}
	mutex_lock(&qp->port->bind_lock);
	prog = rcu_replace_pointer(frameio_nic_queue(qp)->filter, prog,
				   lockdep_is_held(&qp->port->bind_lock));
	mutex_unlock(&qp->port->bind_lock);
	if (prog) {
		synchronize_net();
		bpf_prog_destroy(prog);
	}
	return 0;
}

/**
 * frameio_nic_set_options() - what a file wants of a NIC port
 * @qp: the file's queue pair
 * @options: FRAMEIO_O_*; 0 when the file is closed
 *
 * Return: 0 or -errno.
 */
int frameio_nic_set_options(struct frameio_qp *qp, u32 options)
{
	struct frameio_nic_queue *nic = frameio_nic_queue(qp);
	struct net_device *dev;
	u32 change;
	int err = 0;

	rtnl_lock();
	dev = rtnl_dereference(qp->port->dev);
	change = nic->options ^ options;
	if (dev && (change & FRAMEIO_O_PROMISC))
		err = dev_set_promiscuity(dev, options & FRAMEIO_O_PROMISC ? 1 : -1);
	if (!err)
		WRITE_ONCE(nic->options, options);
	rtnl_unlock();
	return err;
}

/**
 * frameio_nic_options() - what the file of a queue pair wants, as it is in force
 * @qp: the queue pair
 */
u32 frameio_nic_options(const struct frameio_qp *qp)
{
	return READ_ONCE(frameio_nic_queue(qp)->options);
}

/**
 * frameio_nic_close() - forget what a file asked for, which is being closed
 * @qp: its queue pair
 *
 * It stops taking frames first: without its filter it would take them all.
 */
void frameio_nic_close(struct frameio_qp *qp)
{
	struct frameio_nic_queue *nic = frameio_nic_queue(qp);
	struct bpf_prog *filter;

	/* a receive handler may have seen it among the readers */
	if (test_and_clear_bit(qp->index, &qp->port->nic->readers))
		synchronize_net();
	if (nic->options)
		frameio_nic_set_options(qp, 0);
	/* nobody looks at it any more */
	filter = rcu_replace_pointer(nic->filter, NULL, true);
	if (filter)
		bpf_prog_destroy(filter);
}

/* --- attaching ------------------------------------------------------- */

/**
 * frameio_nic_is_port() - are we attached to an interface?
 * @dev: the interface; under RTNL or RCU
 */
bool frameio_nic_is_port(const struct net_device *dev)
{
	return rcu_access_pointer(dev->rx_handler) == frameio_nic_receive;
}

/**
 * frameio_nic_port() - the port of an interface that we are attached to
 * @dev: the interface; under RTNL or RCU
 */
struct frameio_port *frameio_nic_port(const struct net_device *dev)
{
	return rcu_dereference_rtnl(dev->rx_handler_data);
}

/**
 * frameio_port_of() - the port of any interface
 * @dev: the interface; under RTNL or RCU
 *
 * Return: the port that it is, or that is attached to it; or NULL.
 */
struct frameio_port *frameio_port_of(const struct net_device *dev)
{
	if (frameio_netdev_is_port(dev))
		return frameio_netdev_port(dev);
	return frameio_nic_is_port(dev) ? frameio_nic_port(dev) : NULL;
}

/**
 * frameio_nic_alloc() - give a new port what a NIC port has besides
 * @port: the port
 *
 * Return: 0 or -ENOMEM.
 */
int frameio_nic_alloc(struct frameio_port *port)
{
	struct frameio_nic_queue *queue;
	u16 i;

	port->nic = kvzalloc(struct_size(port->nic, queues, port->nqps), GFP_KERNEL_ACCOUNT);
	if (!port->nic)
		return -ENOMEM;
	for (i = 0; i < port->nqps; i++) {
		queue = &port->nic->queues[i];
		queue->qp = &port->qps[i];
		spin_lock_init(&queue->lock);
		queue->delay = FRAMEIO_NIC_RETRY_NS;
		__skb_queue_head_init(&queue->ready);
		__skb_queue_head_init(&queue->again);
		frameio_hrtimer_setup(&queue->retry, frameio_nic_retry, CLOCK_MONOTONIC,
				      HRTIMER_MODE_REL_SOFT);
	}
	return 0;
}

/**
 * frameio_nic_free() - free what frameio_nic_alloc() made
 * @port: the port, which nobody uses any more
 */
void frameio_nic_free(struct frameio_port *port)
{
	struct bpf_prog *filter;
	u16 i;

	for (i = 0; port->nic && i < port->nqps; i++) {
		filter = rcu_dereference_protected(port->nic->queues[i].filter, true);
		if (filter)
			bpf_prog_destroy(filter);
	}
	kvfree(port->nic);
}

/* The port is up while its interface is, and has a link. */
static void frameio_nic_follow(struct net_device *dev, struct frameio_port *port)
{
	enum frameio_state state = FRAMEIO_DOWN;
	u16 i;

	WRITE_ONCE(port->frame_max, dev->mtu + ETH_HLEN);
	if (netif_running(dev) && netif_carrier_ok(dev))
		state = FRAMEIO_UP;
	/* a writer must not hear that it is down, when it will never be up again */
	else if (dev->dismantle)
		state = FRAMEIO_GONE;
	if (state != frameio_port_state(port))
		frameio_port_set_state(port, state);
	for (i = 0; state == FRAMEIO_UP && i < port->nqps; i++) {
		local_bh_disable();
		frameio_nic_transmit(&port->qps[i]);
		local_bh_enable();
	}
}

/* What the driver takes has changed: what waits for it is looked at again. */
static void frameio_nic_note_change(struct frameio_port *port)
{
	u16 i;

	for (i = 0; i < port->nqps; i++) {
		struct frameio_nic_queue *nic = &port->nic->queues[i];

		spin_lock_bh(&nic->lock);
		skb_queue_splice_init(&nic->ready, &nic->again);
		spin_unlock_bh(&nic->lock);
	}
}

/* Have the kernel tell who listens to rtnetlink of the interface, as it is now. */
static void frameio_nic_announce(struct net_device *dev)
{
	call_netdevice_notifiers(NETDEV_CHANGEINFODATA, dev);
}

/**
 * frameio_nic_attach() - join a port and an existing interface
 * @dev: the interface; RTNL is held
 * @port: the port, which has had frameio_nic_alloc(); gets a reference
 *
 * Return: 0; -EBUSY, where the interface has a receive handler; or -EOPNOTSUPP, where it
 * is no Ethernet interface, is a virtual port, or lets nobody handle what it receives.
 */
int frameio_nic_attach(struct net_device *dev, struct frameio_port *port)
{
	int err;

	/* of a switch's conduit the frames are its ports' */
	if (dev->type != ARPHRD_ETHER || (dev->flags & IFF_LOOPBACK) || netdev_uses_dsa(dev))
		return -EOPNOTSUPP;
	frameio_port_get(port);
	frameio_port_attach_dev(port, dev);
	err = netdev_rx_handler_register(dev, frameio_nic_receive, port);
	if (err) {
		frameio_port_gone(port);
		frameio_port_put(port);
		return err == -EINVAL ? -EOPNOTSUPP : err;
	}
	list_add_tail(&port->nic->list, &frameio_nic_ports);
	/* what hardware has joined nobody can take apart again */
	dev_disable_lro(dev);
	frameio_nic_follow(dev, port);
	frameio_node_add(port, dev);
	frameio_nic_announce(dev);
	return 0;
}

/* Nothing more is transmitted; what was on its way to the driver is dropped and counted. */
static void frameio_nic_stop(struct frameio_nic_queue *nic)
{
	u32 frames = 0, bytes = 0;
	struct sk_buff *skb;

	spin_lock_bh(&nic->lock);
	nic->stopped = true;
	skb_queue_splice_tail_init(&nic->again, &nic->ready);
	spin_unlock_bh(&nic->lock);
	/* nobody else looks at these any more */
	hrtimer_cancel(&nic->retry);
	while ((skb = __skb_dequeue(&nic->ready))) {
		frames += frameio_nic_cb(skb)->last;
		bytes += frameio_nic_cb(skb)->done_bytes;
		frameio_drop_skb(skb, DEV_READY);
	}
	frameio_queue_purge(&nic->qp->write, frames, bytes);
	if (frames)
		trace_frameio_drop(nic->qp, FRAMEIO_TRACE_WRITE, frames, FRAMEIO_TRACE_CLOSED);
}

/* Part a port from its interface; RTNL is held. */
static void frameio_nic_let_go(struct net_device *dev)
{
	struct frameio_port *port = frameio_nic_port(dev);
	u16 i;

	frameio_node_remove(port);
	netdev_rx_handler_unregister(dev);
	list_del(&port->nic->list);
	for (i = 0; i < port->nqps; i++) {
		struct frameio_nic_queue *nic = &port->nic->queues[i];

		frameio_nic_stop(nic);
		if (nic->options & FRAMEIO_O_PROMISC)
			dev_set_promiscuity(dev, -1);
		WRITE_ONCE(nic->options, 0);
	}
	frameio_port_gone(port);
	frameio_port_put(port);
}

/**
 * frameio_nic_detach() - part a port from its interface, which stays
 * @dev: the interface; RTNL is held
 */
void frameio_nic_detach(struct net_device *dev)
{
	frameio_nic_let_go(dev);
	frameio_nic_announce(dev);
}

static int frameio_nic_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	if (!frameio_nic_is_port(dev))
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEMTU:
		frameio_nic_follow(dev, frameio_nic_port(dev));
		break;
	case NETDEV_FEAT_CHANGE:
		frameio_nic_note_change(frameio_nic_port(dev));
		break;
	case NETDEV_UNREGISTER:
		/* or it moves to another network namespace */
		frameio_nic_let_go(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block frameio_nic_notifier = {
	.notifier_call = frameio_nic_event,
};

/**
 * frameio_nic_init() - be ready to attach to interfaces
 *
 * Return: 0 or -errno.
 */
int frameio_nic_init(void)
{
	return register_netdevice_notifier(&frameio_nic_notifier);
}

/**
 * frameio_nic_exit() - detach from all interfaces; no file is open
 */
void frameio_nic_exit(void)
{
	struct frameio_nic *nic, *next;

	rtnl_lock();
	list_for_each_entry_safe(nic, next, &frameio_nic_ports, list)
		frameio_nic_detach(rtnl_dereference(nic->queues[0].qp->port->dev));
	rtnl_unlock();
	unregister_netdevice_notifier(&frameio_nic_notifier);
}
