/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device nodes: /dev/frameio/control, and one for each port of the initial
 * network namespace.
 */
#ifndef _FRAMEIO_NODE_H
#define _FRAMEIO_NODE_H

#include <linux/fs.h>

#include "port.h"

void frameio_node_add(struct frameio_port *port, const struct net_device *dev);
void frameio_node_remove(struct frameio_port *port);
int frameio_node_init(void);
int frameio_node_enable(const struct file_operations *fops);
void frameio_node_disable(void);
void frameio_node_exit(void);
bool frameio_node_is_control(const struct inode *inode);
struct frameio_port *frameio_node_port(const struct inode *inode);

#endif /* _FRAMEIO_NODE_H */
