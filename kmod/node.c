// SPDX-License-Identifier: GPL-2.0
/*
 * Device nodes: /dev/frameio/control, and one for each port of the initial
 * network namespace, which follows its interface's name.
 *
 * The interface's notifications make, rename and remove a port's node; they
 * come under RTNL, which is taken before node_lock.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "nic.h"
#include "node.h"

#define FRAMEIO_NODE_CONTROL	0
#define FRAMEIO_NODES		(MINORMASK + 1)

static dev_t frameio_node_base;
static struct cdev frameio_node_cdev;
static struct class *frameio_node_class;
static struct device *frameio_node_control;

/* Protects frameio_node_ports, and the ports' node and nodedev. */
static DEFINE_MUTEX(frameio_node_lock);
static DEFINE_XARRAY_ALLOC1(frameio_node_ports);

/*
 * Numbers are not used again soon: who was let in by a node that is being
 * removed must not arrive at the port that came after it.
 */
static u32 frameio_node_next;

static void frameio_node_ownership(const struct frameio_port *port, umode_t *mode, kuid_t *uid,
				   kgid_t *gid)
{
	if (!port) {
		*mode = 0666;
		return;
	}
	*mode = 0600;
	if ((port->flags & FRAMEIO_PORT_OWNER) && uid)
		*uid = port->owner;
	if ((port->flags & FRAMEIO_PORT_GROUP) && gid) {
		*gid = port->group;
		*mode = 0660;
	}
}

static char *frameio_node_devnode(FRAMEIO_DEVNODE_CONST struct device *device, umode_t *mode,
				  kuid_t *uid, kgid_t *gid)
{
	const struct frameio_port *port = dev_get_drvdata(device);

	/* only the name is asked for when the node is removed */
	if (mode)
		frameio_node_ownership(port, mode, uid, gid);
	/* without an answer the bare name would be taken: a node made, or sought, in /dev itself */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, KBUILD_MODNAME "/%s", dev_name(device));
}

static const struct device_type frameio_node_type = {
	.name = KBUILD_MODNAME,
	.devnode = frameio_node_devnode,
};

static void frameio_node_release(struct device *device)
{
	kfree(device);
}

/* @port is NULL for the control node. It outlives the node: see frameio_node_remove(). */
static struct device *frameio_node_device(u32 node, const char *name, struct frameio_port *port)
{
	struct device *device;
	int err;

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return ERR_PTR(-ENOMEM);
	device_initialize(device);
	device->class = frameio_node_class;
	device->type = &frameio_node_type;
	device->devt = frameio_node_base + node;
	device->release = frameio_node_release;
	dev_set_drvdata(device, port);
	err = dev_set_name(device, "%s", name);
	if (!err)
		err = device_add(device);
	if (err) {
		put_device(device);
		return ERR_PTR(err);
	}
	return device;
}

/* Names that would hide the nodes of frameio itself. */
static bool frameio_node_name_is_ours(const char *name)
{
	return !strcmp(name, "control") || !strcmp(name, "tun");
}

/**
 * frameio_node_add() - give a port its node
 * @port: the port
 * @dev: its interface; RTNL is held
 *
 * A port that cannot have one is still reached through the control node, so a
 * failure is only reported.
 */
void frameio_node_add(struct frameio_port *port, const struct net_device *dev)
{
	struct device *device;
	u32 node;
	int err;

	if (!net_eq(dev_net(dev), &init_net) || frameio_node_name_is_ours(dev->name))
		return;
	mutex_lock(&frameio_node_lock);
	err = -EEXIST;
	if (port->node)
		goto out;
	err = xa_alloc_cyclic(&frameio_node_ports, &node, port, XA_LIMIT(1, FRAMEIO_NODES - 1),
			      &frameio_node_next, GFP_KERNEL);
	if (err < 0)
		goto out;
	err = 0;
	device = frameio_node_device(node, dev->name, port);
	if (IS_ERR(device)) {
		err = PTR_ERR(device);
		xa_erase(&frameio_node_ports, node);
		goto out;
	}
	port->node = node;
	port->nodedev = device;
out:
	mutex_unlock(&frameio_node_lock);
	if (err && err != -EEXIST)
		netdev_warn(dev, "no device node (error %d): open it through the control node\n",
			    err);
}

/**
 * frameio_node_remove() - take a port's node away
 * @port: the port; RTNL is held, and a reference on the port
 *
 * device_unregister() waits for a devnode() that is looking at the port.
 */
void frameio_node_remove(struct frameio_port *port)
{
	mutex_lock(&frameio_node_lock);
	if (port->node) {
		xa_erase(&frameio_node_ports, port->node);
		device_unregister(port->nodedev);
		port->node = 0;
		port->nodedev = NULL;
	}
	mutex_unlock(&frameio_node_lock);
}

static int frameio_node_event(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct frameio_port *port = frameio_port_of(dev);

	if (!port)
		return NOTIFY_DONE;
	switch (event) {
	case NETDEV_REGISTER:
		frameio_node_add(port, dev);
		break;
	case NETDEV_CHANGENAME:
		frameio_node_remove(port);
		frameio_node_add(port, dev);
		break;
	case NETDEV_UNREGISTER:
		frameio_node_remove(port);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block frameio_node_notifier = {
	.notifier_call = frameio_node_event,
};

/**
 * frameio_node_is_control() - is this the control node, not a port's?
 * @inode: the node
 */
bool frameio_node_is_control(const struct inode *inode)
{
	return inode->i_rdev == frameio_node_base + FRAMEIO_NODE_CONTROL;
}

/**
 * frameio_node_port() - the port of a node
 * @inode: the node
 *
 * Return: the port with a reference, or NULL if the node is stale.
 */
struct frameio_port *frameio_node_port(const struct inode *inode)
{
	struct frameio_port *port;

	mutex_lock(&frameio_node_lock);
	port = xa_load(&frameio_node_ports, inode->i_rdev - frameio_node_base);
	if (port)
		frameio_port_get(port);
	mutex_unlock(&frameio_node_lock);
	return port;
}

/**
 * frameio_node_init() - be ready for ports to come, which get nodes from now on
 *
 * Opening one fails until frameio_node_enable().
 *
 * Return: 0 or -errno.
 */
int frameio_node_init(void)
{
	int err;

	err = alloc_chrdev_region(&frameio_node_base, 0, FRAMEIO_NODES, KBUILD_MODNAME);
	if (err)
		return err;
	frameio_node_class = frameio_class_create(KBUILD_MODNAME);
	if (IS_ERR(frameio_node_class)) {
		err = PTR_ERR(frameio_node_class);
		goto err_region;
	}
	err = register_netdevice_notifier(&frameio_node_notifier);
	if (err)
		goto err_class;
	return 0;

err_class:
	class_destroy(frameio_node_class);
err_region:
	unregister_chrdev_region(frameio_node_base, FRAMEIO_NODES);
	return err;
}

/**
 * frameio_node_enable() - make the control node, and let nodes be opened
 * @fops: what opening one leads to
 *
 * The last step of loading the module: once a file is open nothing may fail.
 *
 * Return: 0 or -errno.
 */
int frameio_node_enable(const struct file_operations *fops)
{
	int err;

	frameio_node_control = frameio_node_device(FRAMEIO_NODE_CONTROL, "control", NULL);
	if (IS_ERR(frameio_node_control))
		return PTR_ERR(frameio_node_control);
	cdev_init(&frameio_node_cdev, fops);
	frameio_node_cdev.owner = fops->owner;
	err = cdev_add(&frameio_node_cdev, frameio_node_base, FRAMEIO_NODES);
	if (err)
		device_unregister(frameio_node_control);
	return err;
}

/**
 * frameio_node_disable() - remove the control node; no file is open
 */
void frameio_node_disable(void)
{
	cdev_del(&frameio_node_cdev);
	device_unregister(frameio_node_control);
}

/**
 * frameio_node_exit() - forget about nodes; no port is left
 */
void frameio_node_exit(void)
{
	unregister_netdevice_notifier(&frameio_node_notifier);
	class_destroy(frameio_node_class);
	unregister_chrdev_region(frameio_node_base, FRAMEIO_NODES);
}
