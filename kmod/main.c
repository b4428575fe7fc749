// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "chardev.h"
#include "netdev.h"
#include "node.h"

static int __init frameio_init(void)
{
	int err;

	err = frameio_node_init(&frameio_chardev_fops);
	if (err)
		return err;
	err = frameio_netdev_init();
	if (err)
		frameio_node_exit();
	return err;
}

/* No file is open: an open file holds the module. Ports may still be there. */
static void __exit frameio_exit(void)
{
	frameio_netdev_exit();
	frameio_node_exit();
}

module_init(frameio_init);
module_exit(frameio_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The frameio authors");
MODULE_DESCRIPTION("Batched frame I/O between user space and the kernel");
MODULE_VERSION(FRAMEIO_PACKAGE_VERSION);
MODULE_ALIAS_RTNL_LINK(KBUILD_MODNAME);
