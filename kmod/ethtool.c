// SPDX-License-Identifier: GPL-2.0
/*
 * What "ethtool" shows and sets of a port. Its tx is the read queue, its rx the
 * write queue.
 *
 * There is nothing to coalesce (-c): how many frames go by one call is the
 * program's choice, and a sleeping reader is woken once for a burst.
 */
#include <linux/ethtool.h>

#include "ethtool.h"
#include "netdev.h"
#include "stats.h"

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
	FRAMEIO_STAT_MODE(read_frames, packed, PACKED),
	FRAMEIO_STAT_MODE(read_frames, ring, RING),
	FRAMEIO_STAT_MODE(read_calls, single, SINGLE),
	FRAMEIO_STAT_MODE(read_calls, vector, VECTOR),
	FRAMEIO_STAT_MODE(read_calls, frameio, FRAMEIO),
	FRAMEIO_STAT_MODE(read_calls, packed, PACKED),
	FRAMEIO_STAT_MODE(read_calls, ring, RING),
	FRAMEIO_STAT(read_bytes),
	FRAMEIO_STAT(read_errors),
	FRAMEIO_STAT_MODE(write_frames, single, SINGLE),
	FRAMEIO_STAT_MODE(write_frames, vector, VECTOR),
	FRAMEIO_STAT_MODE(write_frames, frameio, FRAMEIO),
	FRAMEIO_STAT_MODE(write_frames, packed, PACKED),
	FRAMEIO_STAT_MODE(write_frames, ring, RING),
	FRAMEIO_STAT_MODE(write_calls, single, SINGLE),
	FRAMEIO_STAT_MODE(write_calls, vector, VECTOR),
	FRAMEIO_STAT_MODE(write_calls, frameio, FRAMEIO),
	FRAMEIO_STAT_MODE(write_calls, packed, PACKED),
	FRAMEIO_STAT_MODE(write_calls, ring, RING),
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
	return frameio_netdev_port(dev)->nqps * ARRAY_SIZE(frameio_stat_names);
}

static void frameio_ethtool_get_strings(struct net_device *dev, u32 sset, u8 *strings)
{
	u16 i, j;

	if (sset != ETH_SS_STATS)
		return;
	for (i = 0; i < frameio_netdev_port(dev)->nqps; i++) {
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

	for (i = 0; i < port->nqps; i++) {
		frameio_stats_get(&port->qps[i], &stats);
		for (j = 0; j < ARRAY_SIZE(frameio_stat_names); j++)
			*values++ = *(u64 *)((char *)&stats + frameio_stat_names[j].offset);
	}
}

static void frameio_ethtool_get_ringparam(struct net_device *dev, struct ethtool_ringparam *ring)
{
	const struct frameio_port *port = frameio_netdev_port(dev);

	ring->rx_max_pending = FRAMEIO_LIMIT_MAX;
	ring->tx_max_pending = FRAMEIO_LIMIT_MAX;
	ring->rx_pending = port->write_limit.frames;
	ring->tx_pending = port->read_limit.frames;
}

/*
 * The core has compared with the maxima, and that nothing is asked for that we lack. It
 * fills in what is not to be changed; what files have set of that stays theirs.
 */
static int frameio_ethtool_set_ringparam(struct net_device *dev,
					 const struct ethtool_ringparam *ring)
{
	struct frameio_port *port = frameio_netdev_port(dev);
	struct frameio_limit read_limit = { .frames = ring->tx_pending };
	struct frameio_limit write_limit = { .frames = ring->rx_pending };

	if (ring->tx_pending < FRAMEIO_LIMIT_MIN || ring->rx_pending < FRAMEIO_LIMIT_MIN)
		return -EINVAL;
	if (read_limit.frames == port->read_limit.frames)
		read_limit.frames = 0;
	if (write_limit.frames == port->write_limit.frames)
		write_limit.frames = 0;
	frameio_port_set_limits(port, &read_limit, &write_limit);
	/* netlink tells of it, as where netlink asked for it */
	netdev_state_change(dev);
	return 0;
}

FRAMEIO_RINGPARAM(frameio_ethtool_get_rings, frameio_ethtool_get_ringparam,
		  frameio_ethtool_set_rings, frameio_ethtool_set_ringparam)

static void frameio_ethtool_get_channels(struct net_device *dev, struct ethtool_channels *channels)
{
	const struct frameio_port *port = frameio_netdev_port(dev);

	channels->max_combined = port->nqps;
	channels->combined_count = port->nqueues;
}

/* The core has compared with the maximum, and that there is at least one. */
static int frameio_ethtool_set_channels(struct net_device *dev, struct ethtool_channels *channels)
{
	int err = frameio_netdev_set_nqueues(dev, channels->combined_count);

	if (!err)
		netdev_state_change(dev);
	return err;
}

/*
 * A wire of no speed of its own: what others should take it for, such as a bond
 * or a bridge that computes costs, is set by the administrator.
 */
static int frameio_ethtool_get_link_ksettings(struct net_device *dev,
					      struct ethtool_link_ksettings *settings)
{
	const struct frameio_netdev *priv = netdev_priv(dev);

	ethtool_link_ksettings_zero_link_mode(settings, supported);
	ethtool_link_ksettings_zero_link_mode(settings, advertising);
	settings->base.speed = priv->speed;
	settings->base.duplex = priv->duplex;
	settings->base.port = PORT_OTHER;
	settings->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static int frameio_ethtool_set_link_ksettings(struct net_device *dev,
					      const struct ethtool_link_ksettings *settings)
{
	struct frameio_netdev *priv = netdev_priv(dev);

	return ethtool_virtdev_set_link_ksettings(dev, settings, &priv->speed, &priv->duplex);
}

static void frameio_ethtool_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *drvinfo)
{
	strscpy(drvinfo->driver, KBUILD_MODNAME, sizeof(drvinfo->driver));
	strscpy(drvinfo->version, FRAMEIO_PACKAGE_VERSION, sizeof(drvinfo->version));
	strscpy(drvinfo->bus_info, frameio_port_is_l3(frameio_netdev_port(dev)) ? "l3" : "l2",
		sizeof(drvinfo->bus_info));
}

const struct ethtool_ops frameio_ethtool_ops = {
	.get_drvinfo = frameio_ethtool_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_link_ksettings = frameio_ethtool_get_link_ksettings,
	.set_link_ksettings = frameio_ethtool_set_link_ksettings,
	.get_ringparam = frameio_ethtool_get_rings,
	.set_ringparam = frameio_ethtool_set_rings,
	.get_channels = frameio_ethtool_get_channels,
	.set_channels = frameio_ethtool_set_channels,
	.get_sset_count = frameio_ethtool_get_sset_count,
	.get_strings = frameio_ethtool_get_strings,
	.get_ethtool_stats = frameio_ethtool_get_stats,
};
