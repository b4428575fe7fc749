// SPDX-License-Identifier: GPL-2.0
/*
 * The life of ports and queue pairs; main.c tells the whole story.
 */
#include <linux/cred.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/mm.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "charge.h"
#include "nic.h"
#include "port.h"
#include "ring.h"
#include "trace.h"

static void frameio_qp_init(struct frameio_qp *qp, struct frameio_port *port, u16 index,
			    const struct frameio_port_config *config)
{
	qp->port = port;
	qp->index = index;
	mutex_init(&qp->read_lock);
	mutex_init(&qp->write_lock);
	qp->mode = FRAMEIO_NMODES;
	frameio_queue_init(&qp->read, &config->read_limit);
	frameio_queue_init(&qp->write, &config->write_limit);
}

/**
 * frameio_port_alloc() - make a port that has no interface yet
 * @config: what it shall be
 *
 * Return: the port, with one reference that is the caller's; or an ERR_PTR.
 */
struct frameio_port *frameio_port_alloc(const struct frameio_port_config *config)
{
	struct frameio_port *port;
	u16 i;

	port = kvzalloc(struct_size(port, qps, config->nqueues_max), GFP_KERNEL_ACCOUNT);
	if (!port)
		return ERR_PTR(-ENOMEM);
	/* one queue pair leaves nothing to steer, and a NIC knows nothing of what was written */
	if (config->nqueues_max > 1 && !(config->flags & FRAMEIO_PORT_NIC)) {
		port->flows = kvcalloc(FRAMEIO_FLOW_SETS * FRAMEIO_FLOW_WAYS,
				       sizeof(*port->flows), GFP_KERNEL_ACCOUNT);
		if (!port->flows) {
			kvfree(port);
			return ERR_PTR(-ENOMEM);
		}
	}
	kref_init(&port->ref);
	mutex_init(&port->bind_lock);
	port->state = FRAMEIO_DOWN;
	port->flags = config->flags;
	port->owner = config->owner;
	port->group = config->group;
	port->read_limit = config->read_limit;
	port->write_limit = config->write_limit;
	port->carrier = true;
	port->nqueues = config->nqueues;
	port->nqps = config->nqueues_max;
	for (i = 0; i < port->nqps; i++)
		frameio_qp_init(&port->qps[i], port, i, config);
	if ((port->flags & FRAMEIO_PORT_NIC) && frameio_nic_alloc(port)) {
		frameio_port_put(port);
		return ERR_PTR(-ENOMEM);
	}
	return port;
}

void frameio_port_get(struct frameio_port *port)
{
	kref_get(&port->ref);
}

static void frameio_port_free(struct kref *ref)
{
	struct frameio_port *port = container_of(ref, struct frameio_port, ref);
	u16 i;

	for (i = 0; i < port->nqps; i++)
		frameio_page_frag_drain(&port->qps[i].write_pages);

	mutex_destroy(&port->bind_lock);
	frameio_nic_free(port);
	kvfree(port->flows);
	kvfree(port);
}

/**
 * frameio_port_put() - drop a reference; process context, may sleep
 * @port: the port
 *
 * With the last one every queue is empty already: the read queues since their
 * files were closed, the write queues since the interface went away.
 */
void frameio_port_put(struct frameio_port *port)
{
	kref_put(&port->ref, frameio_port_free);
}

/* The interface, for a holder of bind_lock. */
static struct net_device *frameio_port_dev(struct frameio_port *port)
{
	return rcu_dereference_protected(port->dev, lockdep_is_held(&port->bind_lock));
}

/*
 * Tell the transmit path which queue pairs have readers. It looks without a
 * lock: in the moment of a change it may pick a queue pair that has just lost
 * its reader, whose closed queue then drops the frame and counts it.
 */
static void frameio_port_update_steer(struct frameio_port *port)
{
	u16 i, n = 0;

	for (i = 0; i < port->nqps; i++)
		if (port->qps[i].bound)
			WRITE_ONCE(port->steer[n++], i);
	/* after the entries; pairs with frameio_netdev_select_queue() */
	smp_store_release(&port->nsteer, n);
}

/* The carrier is on while there is a reader and the administrator does not mind. */
static void frameio_port_update_carrier(struct frameio_port *port)
{
	struct net_device *dev = frameio_port_dev(port);

	if (!dev || frameio_port_is_nic(port))
		return;
	if (port->nopen && port->carrier)
		netif_carrier_on(dev);
	else
		netif_carrier_off(dev);
}

static struct frameio_qp *frameio_port_find_free(struct frameio_port *port, u32 queue)
{
	u16 i;

	if (queue != FRAMEIO_QUEUE_ANY) {
		if (queue >= port->nqueues)
			return ERR_PTR(-EINVAL);
		return port->qps[queue].bound ? ERR_PTR(-EBUSY) : &port->qps[queue];
	}
	for (i = 0; i < port->nqueues; i++)
		if (!port->qps[i].bound)
			return &port->qps[i];
	return ERR_PTR(-EBUSY);
}

/* Set what the queues hold; what is 0 stays as it is. */
static void frameio_qp_set_limits(struct frameio_qp *qp, const struct frameio_limit *read_limit,
				  const struct frameio_limit *write_limit)
{
	if (frameio_queue_set_limit(&qp->read, read_limit)) {
		trace_frameio_wake(qp, FRAMEIO_TRACE_READ);
		frameio_qp_wake_transmit(qp);
	}
	if (frameio_queue_set_limit(&qp->write, write_limit)) {
		trace_frameio_wake(qp, FRAMEIO_TRACE_WRITE);
		wake_up_interruptible(&qp->write.wait);
	}
}

/**
 * frameio_port_bind() - give a queue pair to a file
 * @port: the port
 * @queue: which one, or FRAMEIO_QUEUE_ANY
 *
 * The first one turns a virtual port's carrier on.
 *
 * Return: the queue pair, with a reference on the port that
 * frameio_port_unbind() drops; or ERR_PTR of -EBUSY, -EINVAL, -ENODEV or -ENOMEM.
 */
struct frameio_qp *frameio_port_bind(struct frameio_port *port, u32 queue)
{
	struct sock *account;
	struct frameio_qp *qp;

	account = frameio_charge_open();
	if (!account)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&port->bind_lock);
	if (frameio_port_state(port) == FRAMEIO_GONE) {
		qp = ERR_PTR(-ENODEV);
		goto out;
	}
	qp = frameio_port_find_free(port, queue);
	if (IS_ERR(qp))
		goto out;
	frameio_port_get(port);
	frameio_queue_open(&qp->read, account);
	account = NULL;
	/* flows that were learnt may come from now on */
	WRITE_ONCE(qp->bound, true);
	frameio_port_update_steer(port);
	WRITE_ONCE(port->nopen, port->nopen + 1);
	frameio_port_update_carrier(port);
out:
	mutex_unlock(&port->bind_lock);
	frameio_charge_close(account);
	return qp;
}

/* Nobody will take what waits in a queue. */
static void frameio_qp_close_queue(struct frameio_qp *qp, struct frameio_queue *queue,
				   enum frameio_trace_queue which)
{
	bool resumed;
	u32 dropped = frameio_queue_close(queue, &resumed);

	if (resumed)
		trace_frameio_wake(qp, which);
	if (dropped)
		trace_frameio_drop(qp, which, dropped, FRAMEIO_TRACE_CLOSED);
}

/**
 * frameio_qp_purge_taken() - drop what the reader took and has not read; as the reader
 * @qp: the queue pair
 */
void frameio_qp_purge_taken(struct frameio_qp *qp)
{
	u32 dropped = frameio_queue_purge_taken(&qp->read);

	if (dropped)
		trace_frameio_drop(qp, FRAMEIO_TRACE_READ, dropped, FRAMEIO_TRACE_CLOSED);
}

/**
 * frameio_qp_give_back() - as the consumer of the write queue, give back frames and take new ones
 * @qp: the queue pair
 * @done: frames taken before that are the kernel's now
 * @dropped: frames taken before that were dropped
 * @bytes: the memory that both took
 */
void frameio_qp_give_back(struct frameio_qp *qp, u32 done, u32 dropped, u32 bytes)
{
	const bool resumed = frameio_queue_take(&qp->write, done + dropped, bytes);

	if (done)
		trace_frameio_dequeue(qp, FRAMEIO_TRACE_WRITE, done);
	if (resumed) {
		trace_frameio_wake(qp, FRAMEIO_TRACE_WRITE);
		wake_up_interruptible_poll(&qp->write.wait, EPOLLOUT | EPOLLWRNORM);
	}
}

/**
 * frameio_port_unbind() - take a queue pair back from its file
 * @qp: the queue pair; no call on the file is in flight, and none follows
 *
 * Frames that wait to be read are dropped, as on an unplugged cable, and those
 * that the queueing discipline still holds for this queue pair follow them.
 * Frames that were written stay on their way. Drops a reference on the port.
 */
void frameio_port_unbind(struct frameio_qp *qp)
{
	struct frameio_port *port = qp->port;

	mutex_lock(&port->bind_lock);
	WRITE_ONCE(qp->bound, false);
	WRITE_ONCE(qp->mode, FRAMEIO_NMODES);
	frameio_port_update_steer(port);
	WRITE_ONCE(port->nopen, port->nopen - 1);
	frameio_port_update_carrier(port);
	frameio_qp_close_queue(qp, &qp->read, FRAMEIO_TRACE_READ);
	frameio_qp_purge_taken(qp);
	frameio_charge_close(frameio_queue_settle(&qp->read));
	/* the limits that a file sets are its own */
	frameio_qp_set_limits(qp, &port->read_limit, &port->write_limit);
	frameio_qp_wake_transmit(qp);
	mutex_unlock(&port->bind_lock);
	frameio_port_put(port);
}

/**
 * frameio_port_may_open() - is the caller allowed to use the port?
 * @port: the port
 * @net: the network namespace it is in
 *
 * Return: true for its owner, a member of its group, and a holder of
 * CAP_NET_ADMIN in the user namespace that owns @net.
 */
bool frameio_port_may_open(const struct frameio_port *port, struct net *net)
{
	if ((port->flags & FRAMEIO_PORT_OWNER) && uid_eq(current_euid(), port->owner))
		return true;
	if ((port->flags & FRAMEIO_PORT_GROUP) && in_egroup_p(port->group))
		return true;
	return ns_capable(net->user_ns, CAP_NET_ADMIN);
}

/**
 * frameio_port_may_open_node() - may a caller whom the node's mode let in use the port?
 * @port: the port, which has a node and so is of the initial network namespace
 *
 * The mode is the word of whoever administers the node. Nobody gets round it by
 * being root of another user namespace, as whose root the node's owner may be
 * mapped: from there the port itself must name the caller.
 *
 * Return: true if it may.
 */
bool frameio_port_may_open_node(const struct frameio_port *port)
{
	return current_user_ns() == init_net.user_ns || frameio_port_may_open(port, &init_net);
}

static bool frameio_limit_is_within(const struct frameio_limit *limit,
				    const struct frameio_limit *given)
{
	return limit->frames <= given->frames && limit->bytes <= given->bytes;
}

/*
 * May the caller let queues hold so much? They may have what the port was given by
 * its administrator, and more if they hold CAP_NET_ADMIN in the user namespace that
 * owns the port's network namespace. Under bind_lock.
 *
 * Return: 0, -EPERM, or -ENODEV if the port is in none any more.
 */
static int frameio_port_may_set_limits(struct frameio_port *port,
				       const struct frameio_limit *read_limit,
				       const struct frameio_limit *write_limit)
{
	struct net_device *dev = frameio_port_dev(port);
	struct net *net;
	int err;

	if (frameio_limit_is_within(read_limit, &port->read_limit) &&
	    frameio_limit_is_within(write_limit, &port->write_limit))
		return 0;
	/* the interface may be on its way to another namespace */
	rcu_read_lock();
	net = dev ? maybe_get_net(dev_net(dev)) : NULL;
	rcu_read_unlock();
	if (!net)
		return -ENODEV;
	err = ns_capable(net->user_ns, CAP_NET_ADMIN) ? 0 : -EPERM;
	put_net(net);
	return err;
}

/**
 * frameio_port_attach_dev() - join a port and its interface
 * @port: the port
 * @dev: the interface, on its way to being registered, or a NIC; RTNL is held
 */
void frameio_port_attach_dev(struct frameio_port *port, struct net_device *dev)
{
	u16 i;

	mutex_lock(&port->bind_lock);
	rcu_assign_pointer(port->dev, dev);
	for (i = 0; i < port->nqps; i++) {
		/* a NIC's transmit queues are not ours to start */
		if (!frameio_port_is_nic(port))
			rcu_assign_pointer(port->qps[i].txq, netdev_get_tx_queue(dev, i));
		frameio_queue_open(&port->qps[i].write, NULL);
	}
	frameio_port_update_carrier(port);
	mutex_unlock(&port->bind_lock);
}

/**
 * frameio_port_set_carrier() - let the carrier be on, or keep it off
 * @port: the port
 * @on: the administrator's will; a port without a reader has no carrier anyway
 */
void frameio_port_set_carrier(struct frameio_port *port, bool on)
{
	mutex_lock(&port->bind_lock);
	port->carrier = on;
	frameio_port_update_carrier(port);
	mutex_unlock(&port->bind_lock);
}

/**
 * frameio_port_set_nqueues() - use more or fewer of the queue pairs
 * @port: the port
 * @nqueues: how many, 1 to its nqps; RTNL is held
 *
 * Return: 0, or -EBUSY if a file is bound to one that would go.
 */
int frameio_port_set_nqueues(struct frameio_port *port, u32 nqueues)
{
	int err = 0;
	u16 i;

	mutex_lock(&port->bind_lock);
	for (i = nqueues; i < port->nqueues; i++)
		if (port->qps[i].bound)
			err = -EBUSY;
	if (!err)
		WRITE_ONCE(port->nqueues, nqueues);
	mutex_unlock(&port->bind_lock);
	return err;
}

/* Whoever sleeps on the port looks again at its state. */
static void frameio_port_wake_users(struct frameio_port *port)
{
	u16 i;

	for (i = 0; i < port->nqps; i++) {
		wake_up_interruptible_all(&port->qps[i].read.wait);
		wake_up_interruptible_all(&port->qps[i].write.wait);
	}
}

/**
 * frameio_port_set_state() - follow the interface up and down
 * @port: the port
 * @state: the new state; RTNL is held
 */
void frameio_port_set_state(struct frameio_port *port, enum frameio_state state)
{
	WRITE_ONCE(port->state, state);
	frameio_port_wake_users(port);
}

/**
 * frameio_port_gone() - part a port from its interface for good
 * @port: the port
 *
 * The interface is being unregistered (it is down, NAPI is off), or a NIC was let go,
 * and its memory stays until RCU readers are done. RTNL is held, so this must not wait
 * for read_lock or write_lock; calls in flight see the state, or the closed queue.
 */
void frameio_port_gone(struct frameio_port *port)
{
	u16 i;

	mutex_lock(&port->bind_lock);
	WRITE_ONCE(port->state, FRAMEIO_GONE);
	for (i = 0; i < port->nqps; i++) {
		struct frameio_qp *qp = &port->qps[i];
		u32 dropped;

		RCU_INIT_POINTER(qp->txq, NULL);
		frameio_qp_close_queue(qp, &qp->read, FRAMEIO_TRACE_READ);
		frameio_qp_close_queue(qp, &qp->write, FRAMEIO_TRACE_WRITE);
		dropped = frameio_queue_purge_taken(&qp->write);
		if (dropped)
			trace_frameio_drop(qp, FRAMEIO_TRACE_WRITE, dropped, FRAMEIO_TRACE_CLOSED);
		frameio_rings_gone(qp->rings);
	}
	/* last, as tracepoints tell its name */
	RCU_INIT_POINTER(port->dev, NULL);
	mutex_unlock(&port->bind_lock);
	frameio_port_wake_users(port);
}

/**
 * frameio_qp_wake_transmit() - start the transmit queue that feeds a queue pair
 * @qp: the queue pair
 */
void frameio_qp_wake_transmit(struct frameio_qp *qp)
{
	struct netdev_queue *txq;

	/* what was held back is transmitted right here, not by a thread later */
	local_bh_disable();
	rcu_read_lock();
	txq = rcu_dereference(qp->txq);
	if (txq)
		netif_tx_wake_queue(txq);
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * frameio_qp_mode_name() - how a queue pair is used
 * @qp: the queue pair
 *
 * Return: a word, "none" where no call of its file has moved a frame yet.
 */
const char *frameio_qp_mode_name(const struct frameio_qp *qp)
{
	switch (READ_ONCE(qp->mode)) {
	case FRAMEIO_MODE_SINGLE:
	case FRAMEIO_MODE_VECTOR:
		return "readwrite";
	case FRAMEIO_MODE_FRAMEIO:
		return "frameio";
	case FRAMEIO_MODE_PACKED:
		return "packed";
	case FRAMEIO_MODE_RING:
		return "ring";
	default:
		return "none";
	}
}

/**
 * frameio_limit_is_valid() - can a queue be told to hold so much?
 * @limit: what is 0 there is not asked for
 */
bool frameio_limit_is_valid(const struct frameio_limit *limit)
{
	return limit->frames <= FRAMEIO_LIMIT_MAX && limit->bytes <= FRAMEIO_BYTES_MAX;
}

/**
 * frameio_qp_change_limits() - set what the queues hold, as far as the caller may
 * @qp: the queue pair
 * @read_limit: what is 0 there stays as it is
 * @write_limit: likewise
 *
 * Return: 0, -EINVAL, -ENODEV or -EPERM.
 */
int frameio_qp_change_limits(struct frameio_qp *qp, const struct frameio_limit *read_limit,
			     const struct frameio_limit *write_limit)
{
	int err;

	/* no more than was given, even if that is taken back at this moment */
	mutex_lock(&qp->port->bind_lock);
	err = frameio_port_may_set_limits(qp->port, read_limit, write_limit);
	if (!err && (!frameio_limit_is_valid(read_limit) || !frameio_limit_is_valid(write_limit)))
		err = -EINVAL;
	if (!err)
		frameio_qp_set_limits(qp, read_limit, write_limit);
	mutex_unlock(&qp->port->bind_lock);
	return err;
}

/**
 * frameio_qp_may_hold() - may the caller have queues hold so much memory?
 * @qp: the queue pair
 * @read_bytes: on the way to user space
 * @write_bytes: from there
 *
 * Return: 0, -ENODEV or -EPERM.
 */
int frameio_qp_may_hold(struct frameio_qp *qp, u32 read_bytes, u32 write_bytes)
{
	const struct frameio_limit read_limit = { .bytes = read_bytes };
	const struct frameio_limit write_limit = { .bytes = write_bytes };
	int err;

	mutex_lock(&qp->port->bind_lock);
	err = frameio_port_may_set_limits(qp->port, &read_limit, &write_limit);
	mutex_unlock(&qp->port->bind_lock);
	return err;
}

static void frameio_limit_set(struct frameio_limit *given, const struct frameio_limit *limit)
{
	if (limit->frames)
		given->frames = limit->frames;
	if (limit->bytes)
		given->bytes = limit->bytes;
}

/**
 * frameio_port_set_limits() - set what all queues hold, and may be set to by users
 * @port: the port; RTNL is held
 * @read_limit: valid; what is 0 there stays as it is
 * @write_limit: likewise
 */
void frameio_port_set_limits(struct frameio_port *port, const struct frameio_limit *read_limit,
			     const struct frameio_limit *write_limit)
{
	u16 i;

	mutex_lock(&port->bind_lock);
	frameio_limit_set(&port->read_limit, read_limit);
	frameio_limit_set(&port->write_limit, write_limit);
	for (i = 0; i < port->nqps; i++)
		frameio_qp_set_limits(&port->qps[i], read_limit, write_limit);
	mutex_unlock(&port->bind_lock);
}
