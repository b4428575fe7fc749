// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, as FRAMEIO_STATS, "ip -s link" and "ethtool -S" tell them.
 */
#include "netdev.h"
#include "stats.h"

/* A counter that its writer may be adding to, plainly, at this moment. */
#define frameio_count(counter)	data_race(READ_ONCE(counter))

/**
 * frameio_stats_get() - the counters of a queue pair
 * @qp: the queue pair
 * @stats: where to put them
 */
void frameio_stats_get(const struct frameio_qp *qp, struct frameio_stats *stats)
{
	const u64 ringed = frameio_count(qp->transmit.ringed);
	const u64 ringed_bytes = frameio_count(qp->transmit.ringed_bytes);
	u32 mode;

	*stats = (struct frameio_stats) {
		.fs_read_queued = frameio_count(qp->transmit.queued) + ringed,
		.fs_read_queued_bytes = frameio_count(qp->transmit.queued_bytes) + ringed_bytes,
		.fs_read_stops = frameio_count(qp->read.stalls),
		.fs_read_wakes = frameio_count(qp->read.resumes),
		.fs_read_drop_closed = frameio_count(qp->transmit.drop_closed) +
				       frameio_count(qp->read.purged),
		.fs_read_drop_invalid = frameio_count(qp->transmit.drop_invalid),
		.fs_read_drop_nomem = frameio_count(qp->transmit.drop_nomem),
		.fs_read_bytes = frameio_count(qp->reads.bytes) + ringed_bytes,
		.fs_read_errors = frameio_count(qp->reads.errors),
		.fs_write_bytes = frameio_count(qp->writes.bytes),
		.fs_write_errors = frameio_count(qp->writes.errors),
		.fs_write_stalls = frameio_count(qp->write.stalls),
		.fs_write_received = frameio_count(qp->receive.received),
		.fs_write_received_bytes = frameio_count(qp->receive.received_bytes),
		.fs_write_drop_closed = frameio_count(qp->write.purged),
		.fs_read_drop_full = frameio_count(qp->transmit.drop_full),
		.fs_write_drop_invalid = frameio_count(qp->receive.drop_invalid),
	};
	for (mode = 0; mode < FRAMEIO_NMODES; mode++) {
		stats->fs_read_frames[mode] = frameio_count(qp->reads.frames[mode]);
		stats->fs_read_calls[mode] = frameio_count(qp->reads.calls[mode]);
		stats->fs_write_frames[mode] = frameio_count(qp->writes.frames[mode]);
		stats->fs_write_calls[mode] = frameio_count(qp->writes.calls[mode]);
	}
	stats->fs_read_frames[FRAMEIO_MODE_RING] += ringed;
	stats->fs_read_calls[FRAMEIO_MODE_RING] += atomic64_read(&qp->read_kicks);
	stats->fs_write_calls[FRAMEIO_MODE_RING] += atomic64_read(&qp->write_kicks);
}

/**
 * frameio_stats_get_link() - the counters of an interface, from the kernel's side
 * @port: its port
 * @link: where to put them: what user space reads, the interface transmitted
 */
void frameio_stats_get_link(const struct frameio_port *port, struct rtnl_link_stats64 *link)
{
	struct frameio_stats stats;
	u16 i;

	for (i = 0; i < port->nqps; i++) {
		frameio_stats_get(&port->qps[i], &stats);
		link->tx_packets += stats.fs_read_queued;
		link->tx_bytes += stats.fs_read_queued_bytes;
		link->tx_dropped += stats.fs_read_drop_closed + stats.fs_read_drop_invalid +
				    stats.fs_read_drop_nomem;
		link->rx_packets += stats.fs_write_received;
		link->rx_bytes += stats.fs_write_received_bytes;
		link->rx_dropped += stats.fs_write_drop_closed;
	}
}
