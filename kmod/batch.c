// SPDX-License-Identifier: GPL-2.0
/*
 * Batches of records between a queue pair and user memory.
 *
 * A batch takes the queue pair's read_lock or write_lock once, the queue's own
 * lock once or twice, and wakes the other side at most once. Nobody sleeps for
 * frames or for room with read_lock or write_lock held: a thread that blocks
 * does not keep one that must not block from its turn.
 */
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "batch.h"
#include "header.h"
#include "netdev.h"
#include "stats.h"

/* Frames that are freed with bottom halves off in one go. */
#define FRAMEIO_FREE_CHUNK	64

/* Frames that a writer builds before it hands them on. */
#define FRAMEIO_WRITE_CHUNK	64

/* One slot's memory; iov serves the ioctls, whose vectors are not iovecs. */
struct frameio_slot {
	struct iov_iter iter;
	struct iovec iov[FRAMEIO_NVPF_MAX];
};

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
	iov_iter_init(&slot->iter, direction, slot->iov, nvpf, total);
}

/* Set @slot to the next slot of the call; false if there is none. */
static bool frameio_slots_next(struct frameio_slots *slots, struct frameio_slot *slot,
			       unsigned int direction)
{
	const struct iovec *iov;

	if (slots->next == slots->n)
		return false;
	if (!slots->iter) {
		frameio_slot_from_vecs(slot, &slots->vecs[slots->next * slots->nvpf],
				       slots->nvpf, direction);
	} else if (iter_is_iovec(slots->iter)) {
		iov = &frameio_iter_iov(slots->iter)[slots->next];
		iov_iter_init(&slot->iter, direction, iov, 1, iov->iov_len);
	} else {
		slot->iter = *slots->iter;
	}
	return true;
}

/* The slot that frameio_slots_next() gave was used, for so many bytes. */
static void frameio_slots_use(struct frameio_slots *slots, u32 bytes)
{
	if (!slots->iter)
		slots->used[slots->next] = bytes;
	slots->next++;
}

/*
 * Header and frame in one copy, by way of the free room in front of a frame
 * that is in one piece and nobody else's.
 */
static bool frameio_record_read_at_once(struct frameio_qp *qp, struct sk_buff *skb,
					struct iov_iter *to)
{
	const u32 hdrlen = sizeof(struct frameio_hdr);
	void *record = skb->data - hdrlen;

	frameio_header_fill(record, skb, qp->index);
	return copy_to_iter(record, hdrlen + skb->len, to) == hdrlen + skb->len;
}

static bool frameio_record_read_in_parts(struct frameio_qp *qp, struct sk_buff *skb, u32 len,
					 struct iov_iter *to)
{
	struct frameio_hdr hdr;

	frameio_header_fill(&hdr, skb, qp->index);
	if (len < skb->len) {
		hdr.len = len;
		hdr.flags |= FRAMEIO_F_TRUNC;
	}
	return copy_to_iter(&hdr, sizeof(hdr), to) == sizeof(hdr) &&
	       !skb_copy_datagram_iter(skb, 0, to, len);
}

static bool frameio_skb_has_private_headroom(const struct sk_buff *skb)
{
	return !skb_is_nonlinear(skb) && !skb_cloned(skb) &&
	       skb_headroom(skb) >= sizeof(struct frameio_hdr) &&
	       (IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
		IS_ALIGNED((unsigned long)skb->data, __alignof__(struct frameio_hdr)));
}

/*
 * Copy a record out; the frame stays the caller's.
 *
 * Return: the bytes of the record, -EMSGSIZE or -EFAULT.
 */
static ssize_t frameio_record_read(struct frameio_qp *qp, struct sk_buff *skb,
				   struct iov_iter *to, bool trunc)
{
	const u32 hdrlen = sizeof(struct frameio_hdr);
	const size_t room = iov_iter_count(to);
	u32 len = skb->len;
	bool copied;

	if (unlikely(room < hdrlen + (size_t)len)) {
		if (!trunc || room < hdrlen)
			return -EMSGSIZE;
		len = room - hdrlen;
	}
	if (likely(len == skb->len && frameio_skb_has_private_headroom(skb)))
		copied = frameio_record_read_at_once(qp, skb, to);
	else
		copied = frameio_record_read_in_parts(qp, skb, len, to);
	return copied ? hdrlen + len : -EFAULT;
}

/* Give back @done frames, take what has come, and let a stopped transmit queue go on. */
static void frameio_read_take(struct frameio_qp *qp, u32 done)
{
	if (frameio_queue_take(&qp->read, done))
		frameio_qp_wake_transmit(qp);
}

/*
 * Wait until there is something to read, and take read_lock.
 *
 * Return: 0 with read_lock held; or -ENODEV, -EAGAIN or -ERESTARTSYS without.
 */
static int frameio_read_begin(struct frameio_qp *qp, bool nonblock)
{
	struct frameio_queue *queue = &qp->read;
	int err;

	for (;;) {
		if (frameio_port_state(qp->port) == FRAMEIO_GONE)
			return -ENODEV;
		if (mutex_lock_interruptible(&qp->read_lock))
			return -ERESTARTSYS;
		if (skb_queue_empty(&queue->taken))
			frameio_read_take(qp, 0);
		if (!skb_queue_empty(&queue->taken))
			return 0;
		mutex_unlock(&qp->read_lock);
		if (frameio_port_state(qp->port) == FRAMEIO_GONE)
			return -ENODEV;
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(queue->wait, frameio_queue_len(queue) ||
					       frameio_port_state(qp->port) == FRAMEIO_GONE);
		if (err)
			return err;
	}
}

/* Free frames that were read, through the per-CPU caches that bulk them. */
static void frameio_free_frames(struct sk_buff_head *frames)
{
	struct sk_buff *skb;
	u32 n;

	while (!skb_queue_empty(frames)) {
		local_bh_disable();
		for (n = 0; n < FRAMEIO_FREE_CHUNK && (skb = __skb_dequeue(frames)); n++)
			napi_consume_skb(skb, 1);
		local_bh_enable();
	}
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
 * Return: bytes moved, at least one record; or -EAGAIN, -EFAULT, -EMSGSIZE,
 * -ENODEV or -ERESTARTSYS.
 */
ssize_t frameio_batch_read(struct frameio_qp *qp, struct frameio_slots *slots,
			   const struct frameio_call *call)
{
	struct sk_buff_head *taken = &qp->read.taken;
	struct frameio_slot slot;
	struct sk_buff_head done;
	ssize_t moved = 0, len;
	struct sk_buff *skb;
	u32 given_back = 0;
	int err;

	err = frameio_read_begin(qp, call->nonblock);
	if (err)
		return err;

	__skb_queue_head_init(&done);
	while (frameio_slots_next(slots, &slot, READ)) {
		skb = skb_peek(taken);
		if (!skb) {
			frameio_read_take(qp, skb_queue_len(&done) - given_back);
			given_back = skb_queue_len(&done);
			skb = skb_peek(taken);
			if (!skb)
				break;
		}
		len = frameio_record_read(qp, skb, &slot.iter, call->trunc);
		if (unlikely(len < 0)) {
			err = len;
			break;
		}
		__skb_unlink(skb, taken);
		__skb_queue_tail(&done, skb);
		frameio_slots_use(slots, len);
		moved += len;
	}
	if (skb_queue_len(&done) > given_back)
		frameio_read_take(qp, skb_queue_len(&done) - given_back);
	frameio_stats_count(&qp->reads, call->mode, skb_queue_len(&done), moved, err);
	frameio_stats_count_call(&qp->reads, call->mode, skb_queue_len(&done));
	mutex_unlock(&qp->read_lock);

	frameio_free_frames(&done);
	return moved ? moved : err;
}

/*
 * An sk_buff for a record of so many bytes: in one piece up to a page, then
 * the rest in page fragments, so that no large piece of memory is asked for.
 */
static struct sk_buff *frameio_record_alloc(u32 len)
{
	const u32 reserve = NET_SKB_PAD + NET_IP_ALIGN;
	const u32 linear = min_t(u32, len, SKB_MAX_HEAD(reserve));
	struct sk_buff *skb;
	int err;

	if (likely(linear == len))
		skb = alloc_skb(reserve + len, GFP_KERNEL);
	else
		skb = alloc_skb_with_frags(reserve + linear, len - linear,
					   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_KERNEL);
	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, reserve);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	return skb;
}

static bool frameio_record_copy_in(struct sk_buff *skb, struct iov_iter *from)
{
	if (likely(!skb_is_nonlinear(skb)))
		return copy_from_iter_full(skb->data, skb->len, from);
	return !skb_copy_datagram_from_iter(skb, 0, from, skb->len);
}

/* Is this a packet that an L3 port may receive? Sets the protocol. */
static bool frameio_packet_check(struct sk_buff *skb)
{
	switch (skb->data[0] >> 4) {
	case 4:
		skb->protocol = htons(ETH_P_IP);
		return skb->len >= sizeof(struct iphdr);
	case 6:
		skb->protocol = htons(ETH_P_IPV6);
		return skb->len >= sizeof(struct ipv6hdr);
	default:
		return false;
	}
}

/* The longest frame the port takes; a VLAN tag inside it does not count. */
static u32 frameio_record_max(const struct frameio_port *port, const struct sk_buff *skb)
{
	const struct ethhdr *eth = (const struct ethhdr *)skb->data;
	u32 max = READ_ONCE(port->frame_max);

	if (!frameio_port_is_l3(port) && eth_type_vlan(eth->h_proto))
		max += VLAN_HLEN;
	return max;
}

/* Does the port take this frame, and what its header says of it? */
static bool frameio_record_check(const struct frameio_port *port, struct sk_buff *skb,
				 const struct frameio_hdr *hdr)
{
	if (!frameio_header_check(hdr, skb->len))
		return false;
	if (!hdr->gso_type && skb->len > frameio_record_max(port, skb))
		return false;
	if (frameio_port_is_l3(port) &&
	    (!frameio_packet_check(skb) || (hdr->flags & FRAMEIO_F_VLAN)))
		return false;
	return frameio_header_is_plain(hdr) || !frameio_header_apply(hdr, skb);
}

/*
 * Make a frame of a written record. The record is copied once, header and all,
 * and judged in the kernel's memory, where nobody can change it any more.
 *
 * Return: the frame, or ERR_PTR of -EINVAL, -EFAULT or -ENOMEM.
 */
static struct sk_buff *frameio_record_write(struct frameio_qp *qp, struct iov_iter *from)
{
	const size_t len = iov_iter_count(from);
	struct frameio_hdr hdr;
	struct sk_buff *skb;

	if (len < sizeof(hdr) + frameio_port_frame_min(qp->port) ||
	    len > sizeof(hdr) + FRAMEIO_FRAME_MAX)
		return ERR_PTR(-EINVAL);
	skb = frameio_record_alloc(len);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	if (!frameio_record_copy_in(skb, from)) {
		kfree_skb(skb);
		return ERR_PTR(-EFAULT);
	}
	memcpy(&hdr, skb->data, sizeof(hdr));
	__skb_pull(skb, sizeof(hdr));
	if (!frameio_record_check(qp->port, skb, &hdr)) {
		kfree_skb(skb);
		return ERR_PTR(-EINVAL);
	}
	return skb;
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
 * Return: the room in frames with write_lock held; or -ENODEV, -ENETDOWN,
 * -EAGAIN or -ERESTARTSYS without.
 */
static int frameio_write_begin(struct frameio_qp *qp, bool nonblock)
{
	struct frameio_queue *queue = &qp->write;
	u32 len, limit;
	int err;

	for (;;) {
		err = frameio_write_state(qp);
		if (err)
			return err;
		if (mutex_lock_interruptible(&qp->write_lock))
			return -ERESTARTSYS;
		len = frameio_queue_len(queue);
		limit = READ_ONCE(queue->limit);
		if (len < limit)
			return limit - len;
		mutex_unlock(&qp->write_lock);
		/* stall() before EAGAIN as well: epoll hears when there is room again */
		if (!frameio_queue_stall(queue))
			continue;
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(queue->wait, !frameio_queue_stall(queue) ||
					       frameio_write_state(qp));
		if (err)
			return err;
	}
}

/*
 * Build and queue frames until the slots are used up, @room is, or an error.
 * Under write_lock.
 *
 * Return: 0, or the error; what was moved before it is in @frames and @bytes.
 */
static int frameio_write_some(struct frameio_qp *qp, struct frameio_slots *slots, u32 room,
			      u32 *frames, size_t *bytes)
{
	struct frameio_slot slot;
	struct sk_buff_head batch;
	struct sk_buff *skb;
	size_t len = 0;
	int err = 0;
	u32 n;

	__skb_queue_head_init(&batch);
	room = min_t(u32, room, FRAMEIO_WRITE_CHUNK);
	while (skb_queue_len(&batch) < room && frameio_slots_next(slots, &slot, WRITE)) {
		u32 record = iov_iter_count(&slot.iter);

		skb = frameio_record_write(qp, &slot.iter);
		if (IS_ERR(skb)) {
			err = PTR_ERR(skb);
			break;
		}
		__skb_queue_tail(&batch, skb);
		frameio_slots_use(slots, record);
		len += record;
	}
	n = skb_queue_len(&batch);
	if (!n)
		return err;
	if (!frameio_queue_put_list(&qp->write, &batch)) {
		__skb_queue_purge(&batch);
		slots->next -= n;
		return -ENODEV;
	}
	frameio_netdev_schedule(qp);
	*frames += n;
	*bytes += len;
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
 * Return: bytes moved, at least one record; or -EAGAIN, -EFAULT, -EINVAL,
 * -ENETDOWN, -ENODEV, -ENOMEM or -ERESTARTSYS.
 */
ssize_t frameio_batch_write(struct frameio_qp *qp, struct frameio_slots *slots,
			    const struct frameio_call *call)
{
	size_t bytes, moved = 0;
	u32 frames;
	int ret;

	do {
		ret = frameio_write_begin(qp, call->nonblock);
		if (ret < 0)
			break;
		frames = 0;
		bytes = 0;
		ret = frameio_write_some(qp, slots, ret, &frames, &bytes);
		frameio_stats_count(&qp->writes, call->mode, frames, bytes, ret);
		if (!moved)
			frameio_stats_count_call(&qp->writes, call->mode, frames);
		mutex_unlock(&qp->write_lock);
		moved += bytes;
	} while (!ret && slots->next < slots->n);

	return moved ? moved : ret;
}
