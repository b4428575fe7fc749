/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ports and their queue pairs: what they are, who may use them, how long they live.
 */
#ifndef _FRAMEIO_PORT_H
#define _FRAMEIO_PORT_H

#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/uidgid.h>

#include <frameio/frameio.h>

#include "compat.h"
#include "queue.h"

/* The longest frame there can be, on an L2 port. */
#define FRAMEIO_FRAME_MAX	(ETH_MAX_MTU + VLAN_ETH_HLEN)

/* Only ever forward to GONE; DOWN and UP follow the interface. */
enum frameio_state {
	FRAMEIO_DOWN,
	FRAMEIO_UP,
	FRAMEIO_GONE,
};

/* Counters of the transmit path, under the transmit queue's lock. */
struct frameio_transmit_stats {
	u64 queued, queued_bytes;	/* to the read queue */
	u64 ringed, ringed_bytes;	/* to a read ring, past it */
	u64 drop_closed, drop_invalid, drop_nomem;
	u64 drop_full;		/* on a NIC port, all under the read queue's lock */
};

/* Counters of the calls of one direction, under read_lock or write_lock. */
struct frameio_call_stats {
	u64 frames[FRAMEIO_NMODES];
	u64 calls[FRAMEIO_NMODES];
	u64 bytes;
	u64 errors;
};

/* Counters of the receive path, NAPI's; or on a NIC port of the driver's transmit path. */
struct frameio_receive_stats {
	u64 received, received_bytes;
	u64 drop_invalid;
};

/**
 * struct frameio_record - a record on its way from user memory to the write queue
 * @data: plain memory that an sk_buff will be built around, if @skb is NULL
 * @skb: the sk_buff, where it had to be one from the start
 * @len: bytes of the record
 */
struct frameio_record {
	void *data;
	struct sk_buff *skb;
	u32 len;
};

struct frameio_ring;
struct frameio_rings;

/**
 * struct frameio_qp - a queue pair
 * @port: the port it belongs to, which it lives in
 * @index: its number there, which is its transmit queue's too
 * @bound: a file is bound to it; written under the port's bind_lock
 * @mode: how its frames were last moved, FRAMEIO_MODE_*; FRAMEIO_NMODES: not yet
 * @read: frames waiting for user space to read
 * @transmit: counters
 * @idle: the reader may be asleep and was not woken yet; the transmit queue's lock
 * @txq: the transmit queue that feeds @read; NULL once the port is gone, and of a NIC
 * @read_lock: one reader at a time; held across copies to user space
 * @reads: counters
 * @write: frames user space wrote, on their way into the kernel
 * @rings: of the file that it is bound to, or NULL; written under bind_lock, and from NULL
 *         under read_lock and write_lock, too
 * @read_kicks: calls of the file for its read ring alone
 * @write_kicks: calls of the file for its write ring
 * @write_lock: one writer at a time; held across copies from user space
 * @writes: counters
 * @write_pages: what records are copied into, a page's fragment each; @write_lock
 * @write_batch: records taken and not yet queued; empty unless @write_lock is held
 * @napi: drains @write into the receive path; unused of a NIC port
 * @write_ring: NAPI looks at it when @write is empty; or NULL
 * @polled: the jiffy in which @napi was last left to the softirq; whoever got to schedule it
 * @receive: counters
 *
 * read_lock and write_lock are held while user memory is touched, which may
 * take as long as the user likes. So they are the outermost locks: nothing
 * that others wait for (RTNL, bind_lock) is held when one is taken.
 */
struct frameio_qp {
	struct frameio_port *port;
	u16 index;
	bool bound;
	u8 mode;

	struct frameio_queue read;
	struct frameio_transmit_stats transmit ____cacheline_aligned_in_smp;
	bool idle;
	struct netdev_queue __rcu *txq;

	struct mutex read_lock ____cacheline_aligned_in_smp;
	struct frameio_call_stats reads;

	struct frameio_rings *rings;
	atomic64_t read_kicks;
	atomic64_t write_kicks;

	struct mutex write_lock ____cacheline_aligned_in_smp;
	struct frameio_call_stats writes;
	struct page_frag_cache write_pages;
	struct frameio_record write_batch[FRAMEIO_NFRAMES_MAX];

	struct frameio_queue write;
	struct napi_struct napi ____cacheline_aligned_in_smp;
	struct frameio_ring __rcu *write_ring;
	unsigned long polled;
	struct frameio_receive_stats receive;
};

/**
 * struct frameio_port - a port, beside its interface
 * @ref: held by the interface, by every bound file, and by whoever looks it up
 * @bind_lock: protects @nopen, @nqueues, the qps' bound, @steer, @carrier, and @dev's
 *             becoming NULL
 * @dev: the interface; NULL once it is being unregistered. Under RCU, RTNL or @bind_lock
 * @state: written under RTNL; what calls in flight look at
 * @flags: FRAMEIO_PORT_*; PERSIST is written under RTNL, the others are constant
 * @owner: may open it, where FRAMEIO_PORT_OWNER is set; constant
 * @group: may open it, where FRAMEIO_PORT_GROUP is set; constant
 * @frame_max: longest frame that may be written, as the MTU has it now
 * @read_limit: what the administrator lets a read queue hold; written under RTNL and
 *              @bind_lock
 * @write_limit: likewise a write queue
 * @carrier: the administrator lets the carrier be on while there is a reader
 * @creator: a file is open with which the port goes, unless it is persistent; RTNL
 * @node: its minor number among the device nodes, 0: none; under node.c's lock
 * @nodedev: its device node; likewise
 * @nic: what a NIC port has besides; NULL: it is a virtual port; constant
 * @nopen: queue pairs that a file is bound to
 * @nsteer: entries of @steer
 * @steer: the bound queue pairs, among which a virtual port's flows are spread
 * @flows: which queue pair a flow was written to, by its hash; see frameio_flow_learn()
 * @read_rings: for each queue pair where frames go instead of to its read queue; or NULL
 * @nqueues: queue pairs in use, the first of @qps; written under RTNL and @bind_lock
 * @nqps: entries of @qps, constant
 * @qps: the queue pairs
 *
 * The port outlives its interface until its last file is closed, so that a
 * call in flight never touches freed memory; @dev and the qps' txq are what
 * may not be touched outside the locks named.
 */
struct frameio_port {
	struct kref ref;
	struct mutex bind_lock;	/* who is bound, and @dev's end */
	struct net_device __rcu *dev;
	enum frameio_state state;
	u32 flags;
	kuid_t owner;
	kgid_t group;
	u32 frame_max;
	struct frameio_limit read_limit;
	struct frameio_limit write_limit;
	bool carrier;
	bool creator;

	u32 node;
	struct device *nodedev;

	struct frameio_nic *nic;

	u16 nopen;
	u16 nsteer;
	u16 steer[FRAMEIO_NQUEUES_MAX];
	u32 *flows;

	struct frameio_ring __rcu *read_rings[FRAMEIO_NQUEUES_MAX];

	u16 nqueues;
	u16 nqps;
	struct frameio_qp qps[];
};

/* What a port is made from, checked already. */
struct frameio_port_config {
	u32 flags;
	u32 nqueues;
	u32 nqueues_max;
	struct frameio_limit read_limit;
	struct frameio_limit write_limit;
	kuid_t owner;
	kgid_t group;
};

struct frameio_port *frameio_port_alloc(const struct frameio_port_config *config);
void frameio_port_get(struct frameio_port *port);
void frameio_port_put(struct frameio_port *port);
struct frameio_qp *frameio_port_bind(struct frameio_port *port, u32 queue);
void frameio_port_unbind(struct frameio_qp *qp);
void frameio_qp_give_back(struct frameio_qp *qp, u32 done, u32 dropped, u32 bytes);
bool frameio_port_may_open(const struct frameio_port *port, struct net *net);
bool frameio_port_may_open_node(const struct frameio_port *port);
void frameio_port_attach_dev(struct frameio_port *port, struct net_device *dev);
void frameio_port_set_state(struct frameio_port *port, enum frameio_state state);
void frameio_port_set_carrier(struct frameio_port *port, bool on);
int frameio_port_set_nqueues(struct frameio_port *port, u32 nqueues);
void frameio_port_gone(struct frameio_port *port);
void frameio_qp_purge_taken(struct frameio_qp *qp);
const char *frameio_qp_mode_name(const struct frameio_qp *qp);
void frameio_qp_wake_transmit(struct frameio_qp *qp);
int frameio_qp_may_hold(struct frameio_qp *qp, u32 read_bytes, u32 write_bytes);
bool frameio_limit_is_valid(const struct frameio_limit *limit);
void frameio_port_set_limits(struct frameio_port *port, const struct frameio_limit *read_limit,
			     const struct frameio_limit *write_limit);
int frameio_qp_change_limits(struct frameio_qp *qp, const struct frameio_limit *read_limit,
			     const struct frameio_limit *write_limit);

/* A limit from user space, where 0 leaves it to us. */
static inline struct frameio_limit frameio_limit_or_default(struct frameio_limit limit)
{
	return (struct frameio_limit) {
		.frames = limit.frames ?: FRAMEIO_LIMIT_DEFAULT,
		.bytes = limit.bytes ?: FRAMEIO_BYTES_DEFAULT,
	};
}

/* Long enough for each frameio_qp_mode_name() and its NUL. */
#define FRAMEIO_MODE_NAMESIZE	16

/* Note how frames are moved; it rarely changes, so others may keep the line. */
static inline void frameio_qp_set_mode(struct frameio_qp *qp, enum frameio_mode mode)
{
	if (unlikely(READ_ONCE(qp->mode) != mode))
		WRITE_ONCE(qp->mode, mode);
}

static inline enum frameio_state frameio_port_state(const struct frameio_port *port)
{
	return READ_ONCE(port->state);
}

static inline bool frameio_port_is_l3(const struct frameio_port *port)
{
	return port->flags & FRAMEIO_PORT_L3;
}

static_assert(FRAMEIO_OFFLOAD_MAX == FRAMEIO_FRAME_MAX);

/* Are checksums and TCP segments left to who reads? */
static inline bool frameio_port_has_offload(const struct frameio_port *port)
{
	return port->flags & FRAMEIO_PORT_OFFLOAD;
}

static inline bool frameio_port_is_nic(const struct frameio_port *port)
{
	return port->nic;
}

static inline u32 frameio_port_frame_min(const struct frameio_port *port)
{
	return frameio_port_is_l3(port) ? sizeof(struct iphdr) : ETH_HLEN;
}

/* The longest frame that may be read or written now, whose tag does not count. */
static inline u32 frameio_port_frame_longest(const struct frameio_port *port)
{
	return frameio_port_has_offload(port) ? ETH_MAX_MTU + ETH_HLEN : READ_ONCE(port->frame_max);
}

/* The longest frame a record may hold that becomes segments, whatever the MTU. */
static inline u32 frameio_port_frame_limit(const struct frameio_port *port)
{
	return frameio_port_is_l3(port) ? ETH_MAX_MTU : FRAMEIO_FRAME_MAX;
}

/*
 * Flows that a port remembers: in sets, of a power of two above FRAMEIO_NQUEUES_MAX,
 * of so many each.
 */
#define FRAMEIO_FLOW_SETS	1024
#define FRAMEIO_FLOW_WAYS	4

/*
 * An entry is one word, so that nobody needs a lock: the hash, in the place of whose
 * lowest bits, which are the set's number, stands the number of the queue pair,
 * counted from 1. 0 is no flow's.
 */
static inline u32 frameio_flow_word(u32 hash, u16 index)
{
	return hash - hash % FRAMEIO_FLOW_SETS + index + 1;
}

static inline bool frameio_flow_matches(u32 word, u32 hash)
{
	return (word ^ hash) < FRAMEIO_FLOW_SETS;
}

/**
 * frameio_flow_learn() - note that a flow's frames are written to a queue pair
 * @qp: the queue pair
 * @hash: of the flow, the same in both directions
 *
 * The flow that was learnt first leaves a full set when another one comes; if it still
 * has frames it is learnt again. A known flow's word is written only when it changes.
 * Writers that race may both be noted, or one of them, or leave out another: all that is
 * lost is the memory of a flow.
 */
static inline void frameio_flow_learn(const struct frameio_qp *qp, u32 hash)
{
	u32 *set = &qp->port->flows[hash % FRAMEIO_FLOW_SETS * FRAMEIO_FLOW_WAYS];
	const u32 word = frameio_flow_word(hash, qp->index);
	u32 found;
	int i;

	for (i = 0; i < FRAMEIO_FLOW_WAYS; i++) {
		found = READ_ONCE(set[i]);
		if (found == word)
			return;
		/* no entry is left free in front of others */
		if (!found)
			break;
		if (frameio_flow_matches(found, hash)) {
			WRITE_ONCE(set[i], word);
			return;
		}
	}
	for (i = min(i, FRAMEIO_FLOW_WAYS - 1); i; i--)
		WRITE_ONCE(set[i], READ_ONCE(set[i - 1]));
	WRITE_ONCE(set[0], word);
}

/**
 * frameio_flow_find() - where a flow's frames were written
 * @port: the port
 * @hash: of the flow
 *
 * Return: the index of a queue pair that has a reader, or -1.
 */
static inline int frameio_flow_find(const struct frameio_port *port, u32 hash)
{
	const u32 *set = &port->flows[hash % FRAMEIO_FLOW_SETS * FRAMEIO_FLOW_WAYS];
	u32 word, index;
	int i;

	for (i = 0; i < FRAMEIO_FLOW_WAYS; i++) {
		word = READ_ONCE(set[i]);
		/* of an entry that is nobody's this is no queue pair's */
		index = word % FRAMEIO_FLOW_SETS - 1;
		if (frameio_flow_matches(word, hash) && index < port->nqps &&
		    READ_ONCE(port->qps[index].bound))
			return index;
	}
	return -1;
}

#endif /* _FRAMEIO_PORT_H */
