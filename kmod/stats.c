// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, as FRAMEIO_STATS, "ip -s link" and "ethtool -S" tell them.
 */
#include <linux/ethtool.h>

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
	u32 mode;

	*stats = (struct frameio_stats) {
		.fs_read_queued = frameio_count(qp->transmit.queued),
		.fs_read_queued_bytes = frameio_count(qp->transmit.queued_bytes),
		.fs_read_stops = frameio_count(qp->read.stalls),
		.fs_read_wakes = frameio_count(qp->read.resumes),
		.fs_read_drop_closed = frameio_count(qp->transmit.drop_closed) +
				       frameio_count(qp->read.purged),
		.fs_read_drop_invalid = frameio_count(qp->transmit.drop_invalid),
		.fs_read_drop_nomem = frameio_count(qp->transmit.drop_nomem),
		.fs_read_bytes = frameio_count(qp->reads.bytes),
		.fs_read_errors = frameio_count(qp->reads.errors),
		.fs_write_bytes = frameio_count(qp->writes.bytes),
		.fs_write_errors = frameio_count(qp->writes.errors),
		.fs_write_stalls = frameio_count(qp->write.stalls),
		.fs_write_received = frameio_count(qp->receive.received),
		.fs_write_received_bytes = frameio_count(qp->receive.received_bytes),
		.fs_write_drop_closed = frameio_count(qp->write.purged),
	};
	for (mode = 0; mode < FRAMEIO_NMODES; mode++) {
		stats->fs_read_frames[mode] = frameio_count(qp->reads.frames[mode]);
		stats->fs_read_calls[mode] = frameio_count(qp->reads.calls[mode]);
		stats->fs_write_frames[mode] = frameio_count(qp->writes.frames[mode]);
		stats->fs_write_calls[mode] = frameio_count(qp->writes.calls[mode]);
	}
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

	for (i = 0; i < port->nqueues; i++) {
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

#define FRAMEIO_STAT(name) { #name, offsetof(struct frameio_stats, fs_##name) }
#define FRAMEIO_STAT_MODE(name, mode, MODE) \
	{ #name "_" #mode, offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_##MODE]) }

static const struct {
	const char *name;
	size_t offset;
} frameio_stat_names[] = {
	FRAMEIO_STAT(read_queued),
	FRAMEIO_STAT(read_queued_bytes),
	FRAMEIO_STAT(read_stops),
	FRAMEIO_STAT(read_wakes),
	FRAMEIO_STAT(read_drop_closed),
	FRAMEIO_STAT(read_drop_invalid),
	FRAMEIO_STAT(read_drop_nomem),
	FRAMEIO_STAT_MODE(read_frames, single, SINGLE),
	FRAMEIO_STAT_MODE(read_frames, vector, VECTOR),
	FRAMEIO_STAT_MODE(read_frames, frameio, FRAMEIO),
	FRAMEIO_STAT_MODE(read_calls, single, SINGLE),
	FRAMEIO_STAT_MODE(read_calls, vector, VECTOR),
	FRAMEIO_STAT_MODE(read_calls, frameio, FRAMEIO),
	FRAMEIO_STAT(read_bytes),
	FRAMEIO_STAT(read_errors),
	FRAMEIO_STAT_MODE(write_frames, single, SINGLE),
	FRAMEIO_STAT_MODE(write_frames, vector, VECTOR),
	FRAMEIO_STAT_MODE(write_frames, frameio, FRAMEIO),
	FRAMEIO_STAT_MODE(write_calls, single, SINGLE),
	FRAMEIO_STAT_MODE(write_calls, vector, VECTOR),
	FRAMEIO_STAT_MODE(write_calls, frameio, FRAMEIO),
	FRAMEIO_STAT(write_bytes),
	FRAMEIO_STAT(write_errors),
	FRAMEIO_STAT(write_stalls),
	FRAMEIO_STAT(write_received),
	FRAMEIO_STAT(write_received_bytes),
	FRAMEIO_STAT(write_drop_closed),
};

static int frameio_ethtool_get_sset_count(struct net_device *dev, int sset)
{
	if (sset != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return frameio_netdev_port(dev)->nqueues * ARRAY_SIZE(frameio_stat_names);
}

static void frameio_ethtool_get_strings(struct net_device *dev, u32 sset, u8 *strings)
{
	u16 i, j;

	if (sset != ETH_SS_STATS)
		return;
	for (i = 0; i < frameio_netdev_port(dev)->nqueues; i++) {
		for (j = 0; j < ARRAY_SIZE(frameio_stat_names); j++) {
			snprintf(strings, ETH_GSTRING_LEN, "q%u_%s", i,
				 frameio_stat_names[j].name);
			strings += ETH_GSTRING_LEN;
		}
	}
}

static void frameio_ethtool_get_stats(struct net_device *dev, struct ethtool_stats *request,
				      u64 *values)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	struct frameio_stats stats;
	u16 i, j;

	for (i = 0; i < port->nqueues; i++) {
		frameio_stats_get(&port->qps[i], &stats);
		for (j = 0; j < ARRAY_SIZE(frameio_stat_names); j++)
			*values++ = *(u64 *)((char *)&stats + frameio_stat_names[j].offset);
	}
}

static void frameio_ethtool_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *drvinfo)
{
	strscpy(drvinfo->driver, KBUILD_MODNAME, sizeof(drvinfo->driver));
	strscpy(drvinfo->version, FRAMEIO_PACKAGE_VERSION, sizeof(drvinfo->version));
}

const struct ethtool_ops frameio_ethtool_ops = {
	.get_drvinfo = frameio_ethtool_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = frameio_ethtool_get_sset_count,
	.get_strings = frameio_ethtool_get_strings,
	.get_ethtool_stats = frameio_ethtool_get_stats,
};
