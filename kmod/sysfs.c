// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/net/IFNAME/frameio/mode: how each queue pair is used, a word for each
 * one in use, in their order.
 *
 * It is one file, not one for each queue pair, as the kernel wants every file of a
 * group to be there when an interface changes its namespace.
 */
#include <linux/device.h>
#include <linux/netdevice.h>

#include "netdev.h"
#include "sysfs.h"

/* Files of sysfs are removed, and their readers waited for, before the port may go. */
static ssize_t mode_show(struct device *device, struct device_attribute *attribute, char *text)
{
	const struct frameio_port *port = frameio_netdev_port(to_net_dev(device));
	const u16 nqueues = READ_ONCE(port->nqueues);
	int len = 0;
	u16 i;

	for (i = 0; i < nqueues; i++)
		len += sysfs_emit_at(text, len, "%s%c", frameio_qp_mode_name(&port->qps[i]),
				     i + 1 < nqueues ? ' ' : '\n');
	return len;
}

static DEVICE_ATTR_RO(mode);

static struct attribute *frameio_sysfs_attributes[] = {
	&dev_attr_mode.attr,
	NULL
};

const struct attribute_group frameio_sysfs_group = {
	.name = KBUILD_MODNAME,
	.attrs = frameio_sysfs_attributes,
};
