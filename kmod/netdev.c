// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual ports: a network interface whose wire is user space.
 *
 * What the kernel transmits fills the read queue of the transmit queue's own
 * queue pair; a full one stops that transmit queue. What user space wrote is
 * received by the queue pair's NAPI, on the CPU that wrote it, and mostly by the writer.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/busy_poll.h>
#include <net/ip_tunnels.h>
#include <net/rtnetlink.h>
#include <trace/events/napi.h>

#include "ethtool.h"
#include "flow.h"
#include "netdev.h"
#include "ring.h"
#include "stats.h"
#include "sysfs.h"
#include "trace.h"

/* Wake the reader if it may be asleep and no further frame comes at once. */
static void frameio_netdev_wake_reader(struct frameio_qp *qp, bool more)
{
	if (!qp->idle || more)
		return;
	qp->idle = false;
	if (wq_has_sleeper(&qp->read.wait))
		wake_up_interruptible_poll(&qp->read.wait, EPOLLIN | EPOLLRDNORM);
}

/*
 * The read queue is full: stop first, then see whether it still is. If a
 * reader made room in between, nobody would start the transmit queue again.
 */
static noinline bool frameio_netdev_stop_transmit(struct frameio_qp *qp,
						  struct frameio_ring *ring, size_t size)
{
	/* it is there until no frame can be transmitted any more */
	struct netdev_queue *txq = rcu_dereference_bh(qp->txq);

	netif_tx_stop_queue(txq);
	if (ring ? frameio_ring_stall(qp, ring, size) : frameio_queue_stall(&qp->read)) {
		trace_frameio_stop(qp, FRAMEIO_TRACE_READ);
		return true;
	}
	/* a sender on another CPU may have left a frame to the queueing discipline meanwhile */
	netif_tx_wake_queue(txq);
	return false;
}

static noinline void frameio_netdev_drop_invalid(struct frameio_qp *qp, struct sk_buff *skb)
{
	qp->transmit.drop_invalid++;
	trace_frameio_drop(qp, FRAMEIO_TRACE_READ, 1, FRAMEIO_TRACE_INVALID);
	frameio_drop_skb(skb, UNHANDLED_PROTO);
}

static bool frameio_netdev_is_ip(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) || skb->protocol == htons(ETH_P_IPV6);
}

/* May the reader get it, of a port that is not a usual L2 port? */
static noinline bool frameio_netdev_may_take(const struct frameio_qp *qp, struct sk_buff *skb)
{
	const bool l3 = frameio_port_is_l3(qp->port);

	return (!l3 || frameio_netdev_is_ip(skb)) &&
	       (!frameio_port_has_offload(qp->port) || frameio_header_can_tell(skb, l3));
}

/* A frame is copied into the ring, and freed at once. */
static __always_inline void frameio_netdev_put_into_ring(struct frameio_ring *ring,
							 struct sk_buff *skb)
{
	struct frameio_qp *qp = ring->qp;
	const u32 len = skb->len;

	if (unlikely(!frameio_ring_put(ring, skb, false))) {
		frameio_netdev_drop_invalid(qp, skb);
		return;
	}
	qp->transmit.ringed++;
	qp->transmit.ringed_bytes += len;
	trace_frameio_enqueue(qp, FRAMEIO_TRACE_READ, 1);
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP))
		skb_tx_timestamp(skb);
	napi_consume_skb(skb, 1);
}

/*
 * The ring may have no room for a frame, or for a longest one behind it. Return:
 * NETDEV_TX_BUSY: it is the caller's, and the transmit queue is stopped; or NETDEV_TX_OK.
 */
static noinline netdev_tx_t frameio_netdev_xmit_to_full_ring(struct frameio_ring *ring,
							     struct sk_buff *skb)
{
	const size_t size = frameio_ring_record_size(skb->len);
	struct frameio_qp *qp = ring->qp;
	const size_t longest = min_t(size_t, frameio_ring_longest(qp), ring->size);

	if (size > ring->size) {
		frameio_netdev_drop_invalid(qp, skb);
		return NETDEV_TX_OK;
	}
	if (!frameio_ring_look(qp, ring, size) && !ring->broken &&
	    frameio_netdev_stop_transmit(qp, ring, size)) {
		frameio_ring_wake_reader(qp, ring);
		return NETDEV_TX_BUSY;
	}
	if (ring->broken) {
		qp->transmit.drop_closed++;
		trace_frameio_drop(qp, FRAMEIO_TRACE_READ, 1, FRAMEIO_TRACE_CLOSED);
		frameio_drop_skb(skb, DEV_READY);
		return NETDEV_TX_OK;
	}
	frameio_netdev_put_into_ring(ring, skb);
	/* the next one is not even to be tried */
	if (!frameio_ring_look(qp, ring, longest) && !ring->broken &&
	    frameio_netdev_stop_transmit(qp, ring, longest))
		frameio_ring_wake_reader(qp, ring);
	return NETDEV_TX_OK;
}

static __always_inline netdev_tx_t frameio_netdev_xmit_to_ring(struct frameio_ring *ring,
							       struct sk_buff *skb, bool l3)
{
	netdev_tx_t status = NETDEV_TX_OK;

	if (l3 && unlikely(!frameio_netdev_is_ip(skb)))
		frameio_netdev_drop_invalid(ring->qp, skb);
	else if (unlikely(!frameio_ring_has_much_room(ring, skb->len)))
		status = frameio_netdev_xmit_to_full_ring(ring, skb);
	else
		frameio_netdev_put_into_ring(ring, skb);
	if (!netdev_xmit_more())
		frameio_ring_wake_reader(ring->qp, ring);
	return status;
}

static noinline netdev_tx_t frameio_netdev_xmit_to_queue(struct frameio_qp *qp,
							 struct sk_buff *skb)
{
	const u32 len = skb->len;

	if (unlikely(frameio_queue_full(&qp->read)) && frameio_netdev_stop_transmit(qp, NULL, 0)) {
		frameio_netdev_wake_reader(qp, false);
		return NETDEV_TX_BUSY;
	}
	if (unlikely(qp->port->flags & (FRAMEIO_PORT_L3 | FRAMEIO_PORT_OFFLOAD)) &&
	    !frameio_netdev_may_take(qp, skb)) {
		frameio_netdev_drop_invalid(qp, skb);
		goto dropped;
	}
	if (unlikely(skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP))
		skb_tx_timestamp(skb);
	if (unlikely(!frameio_frame_detach(skb))) {
		qp->transmit.drop_nomem++;
		trace_frameio_drop(qp, FRAMEIO_TRACE_READ, 1, FRAMEIO_TRACE_NOMEM);
		frameio_drop_skb(skb, NOMEM);
		goto dropped;
	}
	if (unlikely(!frameio_queue_put(&qp->read, skb, &qp->idle))) {
		qp->transmit.drop_closed++;
		trace_frameio_drop(qp, FRAMEIO_TRACE_READ, 1, FRAMEIO_TRACE_CLOSED);
		frameio_drop_skb(skb, DEV_READY);
		goto dropped;
	}
	qp->transmit.queued++;
	qp->transmit.queued_bytes += len;
	trace_frameio_enqueue(qp, FRAMEIO_TRACE_READ, 1);
	if (unlikely(frameio_queue_full(&qp->read)) && frameio_netdev_stop_transmit(qp, NULL, 0))
		frameio_netdev_wake_reader(qp, false);
	else
		frameio_netdev_wake_reader(qp, netdev_xmit_more());
	return NETDEV_TX_OK;

dropped:
	frameio_netdev_wake_reader(qp, netdev_xmit_more());
	return NETDEV_TX_OK;
}

static noinline netdev_tx_t frameio_netdev_xmit_to_l2_ring(struct frameio_ring *ring,
							   struct sk_buff *skb)
{
	return frameio_netdev_xmit_to_ring(ring, skb, false);
}

static noinline netdev_tx_t frameio_netdev_xmit_to_l3_ring(struct frameio_ring *ring,
							   struct sk_buff *skb)
{
	return frameio_netdev_xmit_to_ring(ring, skb, true);
}

/*
 * Softirq or bottom halves off, under the transmit queue's lock. Each way has a function of
 * its own, and none saves registers for another.
 */
static netdev_tx_t frameio_netdev_xmit_l2(struct sk_buff *skb, struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	const u16 index = skb_get_queue_mapping(skb);
	struct frameio_ring *ring = rcu_dereference_bh(port->read_rings[index]);

	if (ring)
		return frameio_netdev_xmit_to_l2_ring(ring, skb);
	return frameio_netdev_xmit_to_queue(&port->qps[index], skb);
}

static netdev_tx_t frameio_netdev_xmit_l3(struct sk_buff *skb, struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	const u16 index = skb_get_queue_mapping(skb);
	struct frameio_ring *ring = rcu_dereference_bh(port->read_rings[index]);

	if (ring)
		return frameio_netdev_xmit_to_l3_ring(ring, skb);
	return frameio_netdev_xmit_to_queue(&port->qps[index], skb);
}

/*
 * A flow goes to the queue pair that its own written frames came through, or else
 * to one of those with a reader, by its hash, which is made only where there is a
 * choice.
 */
static u16 frameio_netdev_select_queue(struct net_device *dev, struct sk_buff *skb,
				       struct net_device *sb_dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	/* the entries were stored before their number: frameio_port_update_steer() */
	u16 n = smp_load_acquire(&port->nsteer);
	u32 hash;
	int learnt;

	if (n <= 1)
		return n ? READ_ONCE(port->steer[0]) : 0;
	hash = frameio_flow_hash(skb, 0, frameio_port_is_l3(port));
	learnt = frameio_flow_find(port, hash);
	if (learnt >= 0)
		return learnt;
	return READ_ONCE(port->steer[reciprocal_scale(hash, n)]);
}

/* Does some kernel's GRO know what is in it? */
static bool frameio_netdev_is_for_gro(const struct sk_buff *skb)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
	case htons(ETH_P_IPV6):
	case htons(ETH_P_8021Q):
	case htons(ETH_P_8021AD):
	case htons(ETH_P_PPP_SES):
	case htons(ETH_P_TEB):
		return true;
	default:
		return false;
	}
}

/* What a poll knows of the frames that it has handed to the stack. */
struct frameio_netdev_polled {
	bool gro;	/* some have gone through it, so all others do */
	struct frameio_flow_last last;
};

/* A written frame belongs to its queue pair, and so do the answers to it. */
static noinline void frameio_netdev_note_queue(struct frameio_qp *qp, struct sk_buff *skb,
					       struct frameio_flow_last *last)
{
	const bool l3 = frameio_port_is_l3(qp->port);

	/* it is lowered before the number that the stack compares with */
	if (qp->index < READ_ONCE(qp->port->nqueues) && qp->index < qp->napi.dev->num_rx_queues)
		skb_record_rx_queue(skb, qp->index);
	if (READ_ONCE(qp->port->nsteer) > 1) {
		skb_reset_network_header(skb);
		if (frameio_flow_changes(skb, l3 ? 0 : -ETH_HLEN, l3, last))
			frameio_flow_learn(qp, last->hash);
	}
}

/*
 * Hand a written frame to the stack. NAPI keeps a list of what GRO has let pass until the
 * poll's end: what comes behind it takes the same way, so that the order stays. Before that
 * GRO is left out where it finds nothing to do.
 */
static void frameio_netdev_receive(struct frameio_qp *qp, struct sk_buff *skb,
				   struct frameio_netdev_polled *polled)
{
	struct net_device *dev = qp->napi.dev;

	qp->receive.received++;
	qp->receive.received_bytes += skb->len;
	if (frameio_port_is_l3(qp->port)) {
		skb->protocol = skb->data[0] >> 4 == 4 ? htons(ETH_P_IP) : htons(ETH_P_IPV6);
		skb->dev = dev;
		skb_reset_mac_header(skb);
	} else {
		skb->protocol = eth_type_trans(skb, dev);
	}
	/* of the only one there is nothing to tell */
	if (READ_ONCE(qp->port->nqueues) > 1)
		frameio_netdev_note_queue(qp, skb, &polled->last);
	polled->gro |= frameio_netdev_is_for_gro(skb);
	if (polled->gro) {
		napi_gro_receive(&qp->napi, skb);
		return;
	}
	skb_mark_napi_id(skb, &qp->napi);
	netif_receive_skb(skb);
}

/*
 * The records of a write ring, up to so many. Return: how many; @budget also if it is to
 * be looked at again.
 */
static int frameio_netdev_poll_ring(struct frameio_qp *qp, struct frameio_ring *ring, int budget,
				    struct frameio_netdev_polled *polled)
{
	struct sk_buff *skb;
	size_t bytes = 0;
	u32 frames = 0;
	int work;

	frameio_ring_begin_pops(ring);
	for (work = 0; work < budget; work++) {
		skb = frameio_ring_pop(qp, ring);
		if (!skb)
			break;
		if (skb == ERR_PTR(-ENOMEM)) {
			/* there may be memory when softirqs come to us again */
			work = budget;
			break;
		}
		if (IS_ERR(skb))
			continue;
		frames++;
		bytes += skb->len;
		frameio_netdev_receive(qp, skb, polled);
	}
	frameio_ring_end_pops(qp, ring, frames, bytes);
	if (work < budget && !frameio_ring_rest(qp, ring))
		work = budget;
	return work;
}

static int frameio_netdev_poll(struct napi_struct *napi, int budget)
{
	struct frameio_qp *qp = container_of(napi, struct frameio_qp, napi);
	struct frameio_ring *ring = rcu_dereference_bh(qp->write_ring);
	struct sk_buff *skb;
	int given_back = 0;
	struct frameio_netdev_polled polled;
	u32 bytes = 0;
	int work = 0;

	polled.gro = false;
	polled.last.flow.words[0] = 0;
	while (work < budget) {
		skb = __skb_dequeue(&qp->write.taken);
		if (!skb) {
			frameio_qp_give_back(qp, work - given_back, 0, bytes);
			given_back = work;
			bytes = 0;
			skb = __skb_dequeue(&qp->write.taken);
			if (!skb)
				break;
		}
		bytes += skb->truesize;
		frameio_netdev_receive(qp, skb, &polled);
		work++;
	}
	if (work > given_back)
		frameio_qp_give_back(qp, work - given_back, 0, bytes);
	if (ring && work < budget)
		work += frameio_netdev_poll_ring(qp, ring, budget - work, &polled);
	if (work < budget)
		napi_complete_done(napi, work);
	return work;
}

/**
 * frameio_netdev_run() - have what was written received; bottom halves off
 * @qp: the queue pair
 *
 * The softirq would run as soon as bottom halves are allowed, in this very task. Its way
 * there costs as much as half of a frame's way through the stack, so whoever gets
 * NAPI_STATE_SCHED polls right here, as busy polling does. It is left to the softirq where
 * softirqs are behind, and once in each jiffy, since it also frees what other CPUs have
 * sent back to this one; and to a thread, if NAPI has one.
 */
void frameio_netdev_run(struct frameio_qp *qp)
{
	struct napi_struct *napi = &qp->napi;
	int work;

	if (!napi_schedule_prep(napi))
		return;
	if (frameio_napi_has_thread(napi) || local_softirq_pending() ||
	    time_after(jiffies, qp->polled)) {
		qp->polled = jiffies;
		__napi_schedule(napi);
		return;
	}
	work = frameio_netdev_poll(napi, NAPI_POLL_WEIGHT);
	trace_napi_poll(napi, work, NAPI_POLL_WEIGHT);
	if (work == NAPI_POLL_WEIGHT) {
		/* what GRO has collected is delivered before the next poll, which begins anew */
		napi_complete_done(napi, work);
		napi_schedule(napi);
	}
}

static int frameio_netdev_open(struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	u16 i;

	for (i = 0; i < port->nqps; i++)
		napi_enable(&port->qps[i].napi);
	frameio_port_set_state(port, FRAMEIO_UP);
	netif_tx_start_all_queues(dev);
	/* what was written while NAPI was off */
	local_bh_disable();
	for (i = 0; i < port->nqps; i++)
		napi_schedule(&port->qps[i].napi);
	local_bh_enable();
	return 0;
}

static int frameio_netdev_stop(struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	u16 i;

	netif_tx_stop_all_queues(dev);
	/* a writer must not hear that it is down, when it will never be up again */
	frameio_port_set_state(port, dev->dismantle ? FRAMEIO_GONE : FRAMEIO_DOWN);
	for (i = 0; i < port->nqps; i++)
		napi_disable(&port->qps[i].napi);
	return 0;
}

static void frameio_netdev_update_frame_max(struct frameio_port *port, unsigned int mtu)
{
	WRITE_ONCE(port->frame_max, mtu + (frameio_port_is_l3(port) ? 0 : ETH_HLEN));
}

static int frameio_netdev_change_mtu(struct net_device *dev, int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
	frameio_netdev_update_frame_max(frameio_netdev_port(dev), mtu);
	return 0;
}

/* "ip link set carrier": it stays off where there is no reader, and comes with one. */
static int frameio_netdev_change_carrier(struct net_device *dev, bool on)
{
	frameio_port_set_carrier(frameio_netdev_port(dev), on);
	return 0;
}

static void frameio_netdev_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	frameio_stats_get_link(frameio_netdev_port(dev), stats);
}

/* From here on the interface holds a reference on its port; free() drops it. */
static int frameio_netdev_dev_init(struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	u16 i;

	for (i = 0; i < port->nqps; i++)
		frameio_napi_add(dev, &port->qps[i].napi, frameio_netdev_poll);
	frameio_netdev_update_frame_max(port, dev->mtu);
	frameio_port_get(port);
	frameio_port_attach_dev(port, dev);
	return 0;
}

static void frameio_netdev_dev_uninit(struct net_device *dev)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	u16 i;

	for (i = 0; i < port->nqps; i++)
		__netif_napi_del(&port->qps[i].napi);
	/* once for all of them */
	synchronize_net();
	frameio_port_gone(port);
}

static void frameio_netdev_free(struct net_device *dev)
{
	frameio_port_put(frameio_netdev_port(dev));
}

/*
 * What a record cannot tell the stack does itself, now; not all that comes to transmit was
 * asked about here. Where there are headers missing yet, it is left to the stack as well.
 */
static netdev_features_t frameio_netdev_features_check(struct sk_buff *skb,
						       struct net_device *dev,
						       netdev_features_t features)
{
	const struct frameio_port *port = frameio_netdev_port(dev);

	if (!frameio_header_can_tell(skb, frameio_port_is_l3(port)))
		features &= ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	return vlan_features_check(skb, features);
}

/* What all ports do alike. */
#define FRAMEIO_NETDEV_OPS					\
	.ndo_init = frameio_netdev_dev_init,			\
	.ndo_uninit = frameio_netdev_dev_uninit,		\
	.ndo_open = frameio_netdev_open,			\
	.ndo_stop = frameio_netdev_stop,			\
	.ndo_select_queue = frameio_netdev_select_queue,	\
	.ndo_change_mtu = frameio_netdev_change_mtu,		\
	.ndo_change_carrier = frameio_netdev_change_carrier,	\
	.ndo_get_stats64 = frameio_netdev_get_stats64

#define FRAMEIO_NETDEV_OPS_L2					\
	FRAMEIO_NETDEV_OPS,					\
	.ndo_start_xmit = frameio_netdev_xmit_l2,		\
	.ndo_set_mac_address = eth_mac_addr,			\
	.ndo_validate_addr = eth_validate_addr

#define FRAMEIO_NETDEV_OPS_L3					\
	FRAMEIO_NETDEV_OPS,					\
	.ndo_start_xmit = frameio_netdev_xmit_l3

/* By whether they are L3 ports; the check would cost the frames of others a call. */
static const struct net_device_ops frameio_netdev_ops[] = {
	{ FRAMEIO_NETDEV_OPS_L2 },
	{ FRAMEIO_NETDEV_OPS_L3 },
};

static const struct net_device_ops frameio_netdev_offload_ops[] = {
	{ FRAMEIO_NETDEV_OPS_L2, .ndo_features_check = frameio_netdev_features_check },
	{ FRAMEIO_NETDEV_OPS_L3, .ndo_features_check = frameio_netdev_features_check },
};

static const struct device_type frameio_device_type = { .name = KBUILD_MODNAME };

/* What every port has; called before it is known whether it is L2 or L3. */
static void frameio_netdev_setup(struct net_device *dev)
{
	ether_setup(dev);
	/* netpoll would transmit from interrupts, which the queue's lock is not for */
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_DISABLE_NETPOLL;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
	dev->hw_features = NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HIGHDMA;
	dev->features = dev->hw_features;
	dev->vlan_features = dev->features;
	dev->ethtool_ops = &frameio_ethtool_ops;
	dev->netdev_ops = &frameio_netdev_ops[false];
	dev->rtnl_link_ops = &frameio_link_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = frameio_netdev_free;
	SET_NETDEV_DEVTYPE(dev, &frameio_device_type);
}

static void frameio_netdev_setup_l3(struct net_device *dev)
{
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
	dev->hard_header_len = 0;
	dev->min_header_len = 0;
	dev->addr_len = 0;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->netdev_ops = &frameio_netdev_ops[true];
}

static void frameio_netdev_setup_l2(struct net_device *dev)
{
	dev->max_mtu = ETH_MAX_MTU - ETH_HLEN;
	if (is_zero_ether_addr(dev->dev_addr))
		eth_hw_addr_random(dev);
}

static int frameio_netdev_set_real_queues(struct net_device *dev, u32 nqueues)
{
	int err;

	err = netif_set_real_num_tx_queues(dev, nqueues);
	if (!err)
		err = netif_set_real_num_rx_queues(dev, min(nqueues, dev->num_rx_queues));
	return err;
}

/**
 * frameio_netdev_set_nqueues() - use more or fewer of a port's queue pairs
 * @dev: its interface; RTNL is held
 * @nqueues: how many, 1 to as many as the port was made for
 *
 * Return: 0; -EBUSY if a file is bound to one that would go; or -ENOMEM.
 */
int frameio_netdev_set_nqueues(struct net_device *dev, u32 nqueues)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	const u32 before = port->nqueues;
	int err;

	/* a file finds no queue pair whose transmit queue is not in use */
	if (nqueues < before) {
		err = frameio_port_set_nqueues(port, nqueues);
		if (err)
			return err;
	}
	err = frameio_netdev_set_real_queues(dev, nqueues);
	if (err)
		frameio_netdev_set_real_queues(dev, before);
	frameio_port_set_nqueues(port, dev->real_num_tx_queues);
	return err;
}

/* What a record can tell is left to the reader, of frames without a VLAN tag. */
static void frameio_netdev_setup_offload(struct net_device *dev, bool l3)
{
	dev->netdev_ops = &frameio_netdev_offload_ops[l3];
	dev->hw_features |= NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6;
	dev->features |= dev->hw_features;
}

/* Join @dev, made by frameio_netdev_setup(), and @port, and let the world see it. */
static int frameio_netdev_register(struct net_device *dev, struct frameio_port *port,
				   struct netlink_ext_ack *extack)
{
	struct frameio_netdev *priv = netdev_priv(dev);
	int err;

	priv->port = port;
	priv->speed = SPEED_10000;
	priv->duplex = DUPLEX_FULL;
	dev->sysfs_groups[0] = &frameio_sysfs_group;
	if (frameio_port_is_l3(port))
		frameio_netdev_setup_l3(dev);
	else
		frameio_netdev_setup_l2(dev);
	if (frameio_port_has_offload(port))
		frameio_netdev_setup_offload(dev, frameio_port_is_l3(port));
	if (dev->mtu > dev->max_mtu) {
		NL_SET_ERR_MSG(extack, "mtu greater than device maximum");
		return -EINVAL;
	}
	frameio_netdev_set_real_queues(dev, port->nqueues);
	err = register_netdevice(dev);
	/* past ndo_init: sysfs had no memory for the name, or the stack none for its sysctls */
	if ((err == -EINVAL || err == -ENOBUFS) && frameio_port_state(port) == FRAMEIO_GONE)
		return -ENOMEM;
	return err;
}

/**
 * frameio_netdev_create() - make the interface of a port
 * @net: where
 * @name: its name, or a template such as "fio%d"
 * @port: the port, of which the interface gets a reference of its own
 *
 * RTNL is held.
 *
 * Return: the interface, or an ERR_PTR.
 */
struct net_device *frameio_netdev_create(struct net *net, const char *name,
					 struct frameio_port *port)
{
	struct net_device *dev;
	int err;

	dev = alloc_netdev_mqs(sizeof(struct frameio_netdev), name,
			       strchr(name, '%') ? NET_NAME_ENUM : NET_NAME_USER,
			       frameio_netdev_setup, port->nqps, port->nqps);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev_net_set(dev, net);
	err = frameio_netdev_register(dev, port, NULL);
	if (err) {
		free_netdev(dev);
		return ERR_PTR(err);
	}
	return dev;
}

static u32 frameio_link_u32(struct nlattr *data[], int type, u32 absent)
{
	return data && data[type] ? nla_get_u32(data[type]) : absent;
}

static const struct nla_policy frameio_link_policy[IFLA_FRAMEIO_MAX + 1] = {
	[IFLA_FRAMEIO_FLAGS] = { .type = NLA_U32 },
	[IFLA_FRAMEIO_NQUEUES] = NLA_POLICY_RANGE(NLA_U32, 1, FRAMEIO_NQUEUES_MAX),
	[IFLA_FRAMEIO_READ_LIMIT] = NLA_POLICY_MIN(NLA_U32, FRAMEIO_LIMIT_MIN),
	[IFLA_FRAMEIO_WRITE_LIMIT] = NLA_POLICY_MIN(NLA_U32, FRAMEIO_LIMIT_MIN),
	[IFLA_FRAMEIO_OWNER] = { .type = NLA_U32 },
	[IFLA_FRAMEIO_GROUP] = { .type = NLA_U32 },
	[IFLA_FRAMEIO_READ_BYTES] = NLA_POLICY_MIN(NLA_U32, 1),
	[IFLA_FRAMEIO_WRITE_BYTES] = NLA_POLICY_MIN(NLA_U32, 1),
	[IFLA_FRAMEIO_NOPEN] = { .type = NLA_REJECT },
};

/* What a request says about limits; 0 where it says nothing. */
static struct frameio_limit frameio_link_read_limit(struct nlattr *data[])
{
	return (struct frameio_limit) {
		.frames = frameio_link_u32(data, IFLA_FRAMEIO_READ_LIMIT, 0),
		.bytes = frameio_link_u32(data, IFLA_FRAMEIO_READ_BYTES, 0),
	};
}

static struct frameio_limit frameio_link_write_limit(struct nlattr *data[])
{
	return (struct frameio_limit) {
		.frames = frameio_link_u32(data, IFLA_FRAMEIO_WRITE_LIMIT, 0),
		.bytes = frameio_link_u32(data, IFLA_FRAMEIO_WRITE_BYTES, 0),
	};
}

static int frameio_link_validate(struct nlattr *tb[], struct nlattr *data[],
				 struct netlink_ext_ack *extack)
{
	const struct frameio_limit read_limit = frameio_link_read_limit(data);
	const struct frameio_limit write_limit = frameio_link_write_limit(data);

	if (frameio_link_u32(data, IFLA_FRAMEIO_FLAGS, 0) &
	    ~(FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OFFLOAD)) {
		NL_SET_ERR_MSG_ATTR(extack, data[IFLA_FRAMEIO_FLAGS], "unknown port flag");
		return -EINVAL;
	}
	if (!frameio_limit_is_valid(&read_limit) || !frameio_limit_is_valid(&write_limit)) {
		NL_SET_ERR_MSG(extack, "queue limit is above 65536 frames or 1 GiB");
		return -EINVAL;
	}
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) != ETH_ALEN) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS], "address is not 6 bytes long");
		return -EINVAL;
	}
	if (tb[IFLA_ADDRESS] && !is_valid_ether_addr(nla_data(tb[IFLA_ADDRESS]))) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IFLA_ADDRESS],
				    "address is not a unicast Ethernet address");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

/* Fill in @config from a request that frameio_link_validate() and the policy let through. */
static int frameio_link_config(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
			       struct frameio_port_config *config, struct netlink_ext_ack *extack)
{
	struct user_namespace *user_ns = current_user_ns();

	*config = (struct frameio_port_config) {
		.flags = frameio_link_u32(data, IFLA_FRAMEIO_FLAGS, 0) | FRAMEIO_PORT_PERSIST,
		.nqueues = frameio_link_u32(data, IFLA_FRAMEIO_NQUEUES, dev->num_tx_queues),
		.nqueues_max = dev->num_tx_queues,
		.read_limit = frameio_limit_or_default(frameio_link_read_limit(data)),
		.write_limit = frameio_limit_or_default(frameio_link_write_limit(data)),
	};
	if (config->nqueues_max > FRAMEIO_NQUEUES_MAX) {
		NL_SET_ERR_MSG(extack, "a port has at most 64 queue pairs");
		return -EINVAL;
	}
	if (config->nqueues > dev->num_tx_queues) {
		NL_SET_ERR_MSG(extack, "more queue pairs than numtxqueues");
		return -EINVAL;
	}
	if (data && data[IFLA_FRAMEIO_OWNER]) {
		config->flags |= FRAMEIO_PORT_OWNER;
		config->owner = make_kuid(user_ns, nla_get_u32(data[IFLA_FRAMEIO_OWNER]));
		if (!uid_valid(config->owner)) {
			NL_SET_ERR_MSG_ATTR(extack, data[IFLA_FRAMEIO_OWNER], "no such uid");
			return -EINVAL;
		}
	}
	if (data && data[IFLA_FRAMEIO_GROUP]) {
		config->flags |= FRAMEIO_PORT_GROUP;
		config->group = make_kgid(user_ns, nla_get_u32(data[IFLA_FRAMEIO_GROUP]));
		if (!gid_valid(config->group)) {
			NL_SET_ERR_MSG_ATTR(extack, data[IFLA_FRAMEIO_GROUP], "no such gid");
			return -EINVAL;
		}
	}
	return 0;
}

static int frameio_link_new(struct net_device *dev, struct rtnl_newlink_params *params,
			    struct netlink_ext_ack *extack)
{
	struct frameio_port_config config;
	struct frameio_port *port;
	int err;

	err = frameio_link_config(dev, params->tb, params->data, &config, extack);
	if (err)
		return err;
	port = frameio_port_alloc(&config);
	if (IS_ERR(port))
		return PTR_ERR(port);
	err = frameio_netdev_register(dev, port, extack);
	frameio_port_put(port);
	return err;
}

FRAMEIO_NEWLINK(frameio_link_newlink, frameio_link_new)

/*
 * PERSIST may change: the port stays when the file that created it is closed, or
 * not. Without such a file only who administers the interface can delete it.
 */
static int frameio_link_check_flags(const struct frameio_port *port, u32 flags,
				    struct netlink_ext_ack *extack)
{
	if ((flags ^ port->flags) & FRAMEIO_PORT_L3) {
		NL_SET_ERR_MSG(extack, "a port cannot change between L2 and L3");
		return -EOPNOTSUPP;
	}
	/* who does not know of it keeps it */
	if (flags & ~port->flags & FRAMEIO_PORT_OFFLOAD) {
		NL_SET_ERR_MSG(extack, "a port gets offload when it is made, or never");
		return -EOPNOTSUPP;
	}
	if (!(flags & FRAMEIO_PORT_PERSIST) && !port->creator) {
		NL_SET_ERR_MSG(extack, "no file is open with which the port could go");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int frameio_link_change_nqueues(struct net_device *dev, const struct nlattr *attr,
				       struct netlink_ext_ack *extack)
{
	const u32 nqueues = nla_get_u32(attr);
	int err;

	if (nqueues > dev->num_tx_queues) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "more queue pairs than numtxqueues");
		return -EINVAL;
	}
	err = frameio_netdev_set_nqueues(dev, nqueues);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(extack, attr, "a file is bound to a queue pair that would go");
	return err;
}

static int frameio_link_change(struct net_device *dev, struct nlattr *tb[], struct nlattr *data[],
			       struct netlink_ext_ack *extack)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	const struct frameio_limit read_limit = frameio_link_read_limit(data);
	const struct frameio_limit write_limit = frameio_link_write_limit(data);
	u32 flags;
	int err;

	if (!data)
		return 0;
	if (data[IFLA_FRAMEIO_OWNER] || data[IFLA_FRAMEIO_GROUP]) {
		NL_SET_ERR_MSG(extack, "owner and group of a port cannot be changed");
		return -EOPNOTSUPP;
	}
	flags = frameio_link_u32(data, IFLA_FRAMEIO_FLAGS, port->flags);
	err = frameio_link_check_flags(port, flags, extack);
	if (!err && data[IFLA_FRAMEIO_NQUEUES])
		err = frameio_link_change_nqueues(dev, data[IFLA_FRAMEIO_NQUEUES], extack);
	if (err)
		return err;
	WRITE_ONCE(port->flags, (port->flags & ~FRAMEIO_PORT_PERSIST) |
				(flags & FRAMEIO_PORT_PERSIST));
	frameio_port_set_limits(port, &read_limit, &write_limit);
	return 0;
}

static size_t frameio_link_get_size(const struct net_device *dev)
{
	return IFLA_FRAMEIO_MAX * nla_total_size(sizeof(u32));
}

static int frameio_link_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct frameio_port *port = frameio_netdev_port(dev);
	const u32 flags = port->flags & (FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST |
					 FRAMEIO_PORT_OFFLOAD);
	struct user_namespace *user_ns = current_user_ns();

	if (nla_put_u32(skb, IFLA_FRAMEIO_FLAGS, flags) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_NQUEUES, port->nqueues) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_READ_LIMIT, port->read_limit.frames) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_WRITE_LIMIT, port->write_limit.frames) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_READ_BYTES, port->read_limit.bytes) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_WRITE_BYTES, port->write_limit.bytes) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_NOPEN, READ_ONCE(port->nopen)))
		return -EMSGSIZE;
	if ((port->flags & FRAMEIO_PORT_OWNER) &&
	    nla_put_u32(skb, IFLA_FRAMEIO_OWNER, from_kuid_munged(user_ns, port->owner)))
		return -EMSGSIZE;
	if ((port->flags & FRAMEIO_PORT_GROUP) &&
	    nla_put_u32(skb, IFLA_FRAMEIO_GROUP, from_kgid_munged(user_ns, port->group)))
		return -EMSGSIZE;
	return 0;
}

/* Each attribute of a queue pair but the string is a u32. */
#define FRAMEIO_QUEUE_NU32	(IFLA_FRAMEIO_QUEUE_MAX - 1)

static size_t frameio_link_get_xstats_size(const struct net_device *dev, int attribute)
{
	const size_t queue = nla_total_size(0) + nla_total_size(FRAMEIO_MODE_NAMESIZE) +
			     FRAMEIO_QUEUE_NU32 * nla_total_size(sizeof(u32));

	return frameio_netdev_port(dev)->nqps * queue;
}

static int frameio_link_fill_queue(struct sk_buff *skb, const struct frameio_qp *qp)
{
	struct frameio_fill read, write;
	struct nlattr *nest;

	nest = nla_nest_start(skb, IFLA_FRAMEIO_QUEUE);
	if (!nest)
		return -EMSGSIZE;
	frameio_qp_get_fill(qp, &read, &write);
	if (nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_INDEX, qp->index) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_OPEN, READ_ONCE(qp->bound)) ||
	    nla_put_string(skb, IFLA_FRAMEIO_QUEUE_MODE, frameio_qp_mode_name(qp)) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_READ_LEN, READ_ONCE(qp->read.len)) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_READ_LIMIT, READ_ONCE(qp->read.limit.frames)) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_READ_BYTES, read.bytes) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_WRITE_LEN, READ_ONCE(qp->write.len)) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_WRITE_LIMIT, READ_ONCE(qp->write.limit.frames)) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_WRITE_BYTES, write.bytes) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_FLAGS, read.flags | write.flags) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_READ_USED, read.used) ||
	    nla_put_u32(skb, IFLA_FRAMEIO_QUEUE_WRITE_USED, write.used)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* A dump goes on at queue pair @next where the last message was full. */
static int frameio_link_fill_xstats(struct sk_buff *skb, const struct net_device *dev, int *next,
				    int attribute)
{
	const struct frameio_port *port = frameio_netdev_port(dev);

	for (; *next < port->nqueues; ++*next)
		if (frameio_link_fill_queue(skb, &port->qps[*next]))
			return -EMSGSIZE;
	*next = 0;
	return 0;
}

struct rtnl_link_ops frameio_link_ops = {
	.kind = KBUILD_MODNAME,
	.priv_size = sizeof(struct frameio_netdev),
	.setup = frameio_netdev_setup,
	.policy = frameio_link_policy,
	.maxtype = IFLA_FRAMEIO_MAX,
	.validate = frameio_link_validate,
	.newlink = frameio_link_newlink,
	.changelink = frameio_link_change,
	.get_size = frameio_link_get_size,
	.fill_info = frameio_link_fill_info,
	.get_linkxstats_size = frameio_link_get_xstats_size,
	.fill_linkxstats = frameio_link_fill_xstats,
};

/**
 * frameio_netdev_init() - make "ip link add type frameio" known
 *
 * Return: 0 or -errno.
 */
int frameio_netdev_init(void)
{
	return rtnl_link_register(&frameio_link_ops);
}

/**
 * frameio_netdev_exit() - delete every port, and forget the kind
 */
void frameio_netdev_exit(void)
{
	rtnl_link_unregister(&frameio_link_ops);
}
