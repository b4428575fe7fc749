/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, in /sys/kernel/tracing/events/frameio: what happens to a queue of a
 * queue pair. Where they are off they cost a jump that is not taken.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM frameio

#if !defined(_FRAMEIO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FRAMEIO_TRACE_H

#include <linux/tracepoint.h>

#include "port.h"

#ifndef _FRAMEIO_TRACE_ONCE
#define _FRAMEIO_TRACE_ONCE

/* Which of a queue pair's queues. */
enum frameio_trace_queue {
	FRAMEIO_TRACE_READ,
	FRAMEIO_TRACE_WRITE,
};

enum frameio_trace_reason {
	FRAMEIO_TRACE_CLOSED,	/* there is no reader, or the port is gone */
	FRAMEIO_TRACE_INVALID,	/* not IP, on an L3 port; or nothing that a NIC takes */
	FRAMEIO_TRACE_NOMEM,
	FRAMEIO_TRACE_FULL,	/* the read queue of a NIC port */
};

static inline void frameio_trace_name(char *name, const struct frameio_qp *qp)
{
	const struct net_device *dev;

	rcu_read_lock();
	dev = rcu_dereference(qp->port->dev);
	strscpy(name, dev ? dev->name : "(gone)", IFNAMSIZ);
	rcu_read_unlock();
}

static inline const struct frameio_queue *frameio_trace_queue(const struct frameio_qp *qp,
							      enum frameio_trace_queue queue)
{
	return queue == FRAMEIO_TRACE_READ ? &qp->read : &qp->write;
}

#endif /* _FRAMEIO_TRACE_ONCE */

TRACE_DEFINE_ENUM(FRAMEIO_TRACE_READ);
TRACE_DEFINE_ENUM(FRAMEIO_TRACE_WRITE);
TRACE_DEFINE_ENUM(FRAMEIO_TRACE_CLOSED);
TRACE_DEFINE_ENUM(FRAMEIO_TRACE_INVALID);
TRACE_DEFINE_ENUM(FRAMEIO_TRACE_NOMEM);
TRACE_DEFINE_ENUM(FRAMEIO_TRACE_FULL);

#define frameio_show_queue(queue) __print_symbolic(queue,	\
	{ FRAMEIO_TRACE_READ, "read" },				\
	{ FRAMEIO_TRACE_WRITE, "write" })

#define frameio_show_reason(reason) __print_symbolic(reason,	\
	{ FRAMEIO_TRACE_CLOSED, "closed" },			\
	{ FRAMEIO_TRACE_INVALID, "invalid" },			\
	{ FRAMEIO_TRACE_NOMEM, "nomem" },			\
	{ FRAMEIO_TRACE_FULL, "full" })

DECLARE_EVENT_CLASS(frameio_frames,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue, u32 frames),
	TP_ARGS(qp, queue, frames),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u16, index)
		__field(u32, queue)
		__field(u32, frames)
		__field(u32, held)
		__field(u32, limit)
	),
	TP_fast_assign(
		frameio_trace_name(__entry->name, qp);
		__entry->index = qp->index;
		__entry->queue = queue;
		__entry->frames = frames;
		__entry->held = READ_ONCE(frameio_trace_queue(qp, queue)->len);
		__entry->limit = READ_ONCE(frameio_trace_queue(qp, queue)->limit.frames);
	),
	TP_printk("dev=%s pair=%u queue=%s frames=%u held=%u limit=%u", __entry->name,
		  __entry->index, frameio_show_queue(__entry->queue), __entry->frames,
		  __entry->held, __entry->limit)
);

/* Frames were put into the queue. */
DEFINE_EVENT(frameio_frames, frameio_enqueue,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue, u32 frames),
	TP_ARGS(qp, queue, frames)
);

/* Frames reached the program, or the stack. */
DEFINE_EVENT(frameio_frames, frameio_dequeue,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue, u32 frames),
	TP_ARGS(qp, queue, frames)
);

DECLARE_EVENT_CLASS(frameio_pressure,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue),
	TP_ARGS(qp, queue),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u16, index)
		__field(u32, queue)
		__field(u32, held)
		__field(u32, limit)
	),
	TP_fast_assign(
		frameio_trace_name(__entry->name, qp);
		__entry->index = qp->index;
		__entry->queue = queue;
		__entry->held = READ_ONCE(frameio_trace_queue(qp, queue)->len);
		__entry->limit = READ_ONCE(frameio_trace_queue(qp, queue)->limit.frames);
	),
	TP_printk("dev=%s pair=%u queue=%s held=%u limit=%u", __entry->name, __entry->index,
		  frameio_show_queue(__entry->queue), __entry->held, __entry->limit)
);

/* The queue is full: the transmit queue was stopped, or a writer waits or is sent away. */
DEFINE_EVENT(frameio_pressure, frameio_stop,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue),
	TP_ARGS(qp, queue)
);

/* Half of it is free: whoever was stopped goes on. */
DEFINE_EVENT(frameio_pressure, frameio_wake,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue),
	TP_ARGS(qp, queue)
);

TRACE_EVENT(frameio_drop,
	TP_PROTO(const struct frameio_qp *qp, enum frameio_trace_queue queue, u32 frames,
		 enum frameio_trace_reason reason),
	TP_ARGS(qp, queue, frames, reason),
	TP_STRUCT__entry(
		__array(char, name, IFNAMSIZ)
		__field(u16, index)
		__field(u32, queue)
		__field(u32, frames)
		__field(u32, reason)
	),
	TP_fast_assign(
		frameio_trace_name(__entry->name, qp);
		__entry->index = qp->index;
		__entry->queue = queue;
		__entry->frames = frames;
		__entry->reason = reason;
	),
	TP_printk("dev=%s pair=%u queue=%s frames=%u reason=%s", __entry->name, __entry->index,
		  frameio_show_queue(__entry->queue), __entry->frames,
		  frameio_show_reason(__entry->reason))
);

#endif /* _FRAMEIO_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
