/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual ports: the network interface.
 */
#ifndef _FRAMEIO_NETDEV_H
#define _FRAMEIO_NETDEV_H

#include <linux/if_ether.h>
#include <linux/if_vlan.h>

#include "port.h"

/* The longest frame there can be, on any port. */
#define FRAMEIO_FRAME_MAX	(ETH_MAX_MTU + VLAN_ETH_HLEN)

extern struct rtnl_link_ops frameio_link_ops;

/* What an interface of ours keeps in its private memory. */
struct frameio_netdev {
	struct frameio_port *port;
};

static inline bool frameio_netdev_is_port(const struct net_device *dev)
{
	return dev->rtnl_link_ops == &frameio_link_ops;
}

static inline struct frameio_port *frameio_netdev_port(const struct net_device *dev)
{
	return ((struct frameio_netdev *)netdev_priv(dev))->port;
}

struct net_device *frameio_netdev_create(struct net *net, const char *name,
					 struct frameio_port *port);
void frameio_netdev_delete(struct frameio_port *port);
void frameio_netdev_schedule(struct frameio_qp *qp);
int frameio_netdev_init(void);
void frameio_netdev_exit(void);

#endif /* _FRAMEIO_NETDEV_H */
