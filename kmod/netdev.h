/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual ports: the network interface.
 */
#ifndef _FRAMEIO_NETDEV_H
#define _FRAMEIO_NETDEV_H

#include "port.h"

extern struct rtnl_link_ops frameio_link_ops;

/* What an interface of ours keeps in its private memory: its port, and what ethtool tells. */
struct frameio_netdev {
	struct frameio_port *port;
	u32 speed;
	u8 duplex;
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
void frameio_netdev_run(struct frameio_qp *qp);
int frameio_netdev_set_nqueues(struct net_device *dev, u32 nqueues);
int frameio_netdev_init(void);
void frameio_netdev_exit(void);

#endif /* _FRAMEIO_NETDEV_H */
