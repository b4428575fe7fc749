/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NIC ports: an interface of somebody else's, which we attached to.
 */
#ifndef _FRAMEIO_NIC_H
#define _FRAMEIO_NIC_H

#include <linux/filter.h>

#include "port.h"

/* What FRAMEIO_SET_OPTIONS sets that means something on a NIC port only. */
#define FRAMEIO_NIC_OPTIONS	(FRAMEIO_O_TAP | FRAMEIO_O_PROMISC | FRAMEIO_O_TSTAMP)

bool frameio_nic_is_port(const struct net_device *dev);
struct frameio_port *frameio_nic_port(const struct net_device *dev);
int frameio_nic_attach(struct net_device *dev, struct frameio_port *port);
void frameio_nic_detach(struct net_device *dev);
bool frameio_nic_check_gso(const struct sk_buff *skb, u32 frame_max);
void frameio_nic_transmit(struct frameio_qp *qp);
void frameio_nic_begin_reading(struct frameio_qp *qp);
int frameio_nic_set_filter(struct frameio_qp *qp, const struct frameio_filter *filter);
int frameio_nic_set_options(struct frameio_qp *qp, u32 options);
u32 frameio_nic_options(const struct frameio_qp *qp);
void frameio_nic_close(struct frameio_qp *qp);
void frameio_nic_free(struct frameio_port *port);
int frameio_nic_alloc(struct frameio_port *port);
int frameio_nic_init(void);
void frameio_nic_exit(void);

/* The port that an interface is, or is attached to, or NULL; under RTNL or RCU. */
struct frameio_port *frameio_port_of(const struct net_device *dev);

#endif /* _FRAMEIO_NIC_H */
