// SPDX-License-Identifier: GPL-2.0
/*
 * Creating, opening, deleting and listing ports by ioctl.
 *
 * Names are resolved, and privileges looked for, in the network namespace of
 * whoever makes the call, not of whoever opened the file: a file descriptor
 * handed to another namespace gives no access to this one.
 */
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

#include "control.h"
#include "netdev.h"
#include "nic.h"
#include "ring.h"
#include "stats.h"

static struct net *frameio_control_net(void)
{
	return current->nsproxy->net_ns;
}

static int frameio_control_may_admin(void)
{
	return ns_capable(frameio_control_net()->user_ns, CAP_NET_ADMIN) ? 0 : -EPERM;
}

/* A name from user space: made to end within its field, and one that could exist. */
static int frameio_control_check_name(char *name)
{
	if (strnlen(name, IFNAMSIZ) == IFNAMSIZ || !dev_valid_name(name))
		return -EINVAL;
	return 0;
}

static bool frameio_control_all_zero(const u32 *words, size_t n)
{
	while (n--)
		if (words[n])
			return false;
	return true;
}

static int frameio_control_create_config(const struct frameio_create *create, bool nic,
					 struct frameio_port_config *config)
{
	const u32 known = (nic ? FRAMEIO_PORT_STEER_CPU : FRAMEIO_PORT_L3 | FRAMEIO_PORT_OFFLOAD) |
			  FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP;
	const struct frameio_limit read_limit = { create->fc_read_limit, create->fc_read_bytes };
	const struct frameio_limit write_limit = { create->fc_write_limit, create->fc_write_bytes };

	*config = (struct frameio_port_config) {
		.flags = create->fc_flags,
		.nqueues = create->fc_nqueues ?: 1,
		.nqueues_max = create->fc_nqueues ?: 1,
		.read_limit = frameio_limit_or_default(read_limit),
		.write_limit = frameio_limit_or_default(write_limit),
		.owner = make_kuid(current_user_ns(), create->fc_owner),
		.group = make_kgid(current_user_ns(), create->fc_group),
	};
	if ((config->flags & ~known) || config->nqueues > FRAMEIO_NQUEUES_MAX ||
	    !frameio_limit_is_valid(&read_limit) || !frameio_limit_is_valid(&write_limit) ||
	    !frameio_control_all_zero(create->fc_reserved, ARRAY_SIZE(create->fc_reserved)))
		return -EINVAL;
	if ((config->flags & FRAMEIO_PORT_OWNER) && !uid_valid(config->owner))
		return -EINVAL;
	if ((config->flags & FRAMEIO_PORT_GROUP) && !gid_valid(config->group))
		return -EINVAL;
	if (nic)
		config->flags |= FRAMEIO_PORT_NIC;
	return 0;
}

/* The interface that a NIC port is attached to from now on; or an ERR_PTR. Under RTNL. */
static struct net_device *frameio_control_attach(const char *name, struct frameio_port *port)
{
	struct net_device *dev = __dev_get_by_name(frameio_control_net(), name);
	int err;

	if (!dev)
		return ERR_PTR(-ENODEV);
	if (frameio_netdev_is_port(dev))
		return ERR_PTR(-EOPNOTSUPP);
	err = frameio_nic_attach(dev, port);
	return err ? ERR_PTR(err) : dev;
}

/* Give @port its interface, and note the name and the number. */
static int frameio_control_register(struct frameio_create *create, struct frameio_port *port)
{
	struct net_device *dev;

	rtnl_lock();
	if (frameio_port_is_nic(port))
		dev = frameio_control_attach(create->fc_name, port);
	else
		dev = frameio_netdev_create(frameio_control_net(), create->fc_name, port);
	if (!IS_ERR(dev)) {
		strscpy(create->fc_name, dev->name, sizeof(create->fc_name));
		create->fc_ifindex = dev->ifindex;
	}
	rtnl_unlock();
	return PTR_ERR_OR_ZERO(dev);
}

/* The end of a port: of its interface, or of our attachment to it. Under RTNL. */
static void frameio_control_remove(struct net_device *dev)
{
	if (frameio_nic_is_port(dev))
		frameio_nic_detach(dev);
	else if (dev->reg_state == NETREG_REGISTERED)
		unregister_netdevice(dev);
}

/**
 * frameio_control_creator_gone() - the file that created a port is closed
 * @port: the port, which goes with it unless it is persistent by now
 */
void frameio_control_creator_gone(struct frameio_port *port)
{
	struct net_device *dev;

	rtnl_lock();
	port->creator = false;
	dev = rtnl_dereference(port->dev);
	if (dev && !(port->flags & FRAMEIO_PORT_PERSIST))
		frameio_control_remove(dev);
	rtnl_unlock();
}

/* Nobody was told of a new port: it goes, persistent or not. */
static void frameio_control_forget(struct frameio_port *port)
{
	rtnl_lock();
	port->flags &= ~FRAMEIO_PORT_PERSIST;
	rtnl_unlock();
	frameio_control_creator_gone(port);
}

/**
 * frameio_control_create() - FRAMEIO_CREATE and FRAMEIO_ATTACH
 * @arg: struct frameio_create of user space
 * @nic: attach to an existing interface
 *
 * Queue pair 0 is bound before anybody else can see the port.
 *
 * Return: queue pair 0 of the new port, bound; or an ERR_PTR.
 */
struct frameio_qp *frameio_control_create(void __user *arg, bool nic)
{
	struct frameio_port_config config;
	struct frameio_create create;
	struct frameio_port *port;
	struct frameio_qp *qp;
	int err;

	if (copy_from_user(&create, arg, sizeof(create)))
		return ERR_PTR(-EFAULT);
	err = frameio_control_may_admin();
	if (!err)
		err = frameio_control_check_name(create.fc_name);
	if (!err)
		err = frameio_control_create_config(&create, nic, &config);
	if (err)
		return ERR_PTR(err);

	port = frameio_port_alloc(&config);
	if (IS_ERR(port))
		return ERR_CAST(port);
	port->creator = true;
	qp = frameio_port_bind(port, 0);
	if (IS_ERR(qp)) {
		frameio_port_put(port);
		return qp;
	}
	err = frameio_control_register(&create, port);
	if (!err && copy_to_user(arg, &create, sizeof(create))) {
		frameio_control_forget(port);
		err = -EFAULT;
	}
	if (err)
		frameio_port_unbind(qp);
	frameio_port_put(port);
	return err ? ERR_PTR(err) : qp;
}

/*
 * Find the port of an interface in the caller's namespace.
 *
 * Return: the port with a reference; or ERR_PTR of -ENODEV or -EOPNOTSUPP.
 */
static struct frameio_port *frameio_control_find(const char *name)
{
	struct frameio_port *port;
	struct net_device *dev;

	rcu_read_lock();
	dev = dev_get_by_name_rcu(frameio_control_net(), name);
	port = dev ? frameio_port_of(dev) : ERR_PTR(-ENODEV);
	if (!port)
		port = ERR_PTR(-EOPNOTSUPP);
	/* the interface's reference lasts until RCU readers are done */
	if (!IS_ERR(port))
		frameio_port_get(port);
	rcu_read_unlock();
	return port;
}

/**
 * frameio_control_open() - FRAMEIO_OPEN
 * @arg: struct frameio_open of user space
 *
 * Return: the queue pair, bound; or an ERR_PTR.
 */
struct frameio_qp *frameio_control_open(void __user *arg)
{
	struct frameio_open open;
	struct frameio_port *port;
	struct frameio_qp *qp;

	if (copy_from_user(&open, arg, sizeof(open)))
		return ERR_PTR(-EFAULT);
	if (frameio_control_check_name(open.fo_name) ||
	    !frameio_control_all_zero(open.fo_reserved, ARRAY_SIZE(open.fo_reserved)))
		return ERR_PTR(-EINVAL);
	port = frameio_control_find(open.fo_name);
	if (IS_ERR(port))
		return ERR_CAST(port);
	if (frameio_port_may_open(port, frameio_control_net()))
		qp = frameio_port_bind(port, open.fo_queue);
	else
		qp = ERR_PTR(-EACCES);
	frameio_port_put(port);
	if (IS_ERR(qp))
		return qp;
	open.fo_queue = qp->index;
	if (copy_to_user(arg, &open, sizeof(open))) {
		frameio_port_unbind(qp);
		return ERR_PTR(-EFAULT);
	}
	return qp;
}

/**
 * frameio_control_delete() - FRAMEIO_DELETE
 * @arg: struct frameio_delete of user space
 *
 * Return: 0 or -errno.
 */
int frameio_control_delete(void __user *arg)
{
	struct frameio_delete delete;
	struct net_device *dev;
	int err;

	if (copy_from_user(&delete, arg, sizeof(delete)))
		return -EFAULT;
	err = frameio_control_may_admin();
	if (err)
		return err;
	if (frameio_control_check_name(delete.fd_name) ||
	    !frameio_control_all_zero(delete.fd_reserved, ARRAY_SIZE(delete.fd_reserved)))
		return -EINVAL;

	rtnl_lock();
	dev = __dev_get_by_name(frameio_control_net(), delete.fd_name);
	if (!dev)
		err = -ENODEV;
	else if (!frameio_port_of(dev))
		err = -EOPNOTSUPP;
	else
		frameio_control_remove(dev);
	rtnl_unlock();
	return err;
}

/* What a port is; @dev is its interface, whose name RTNL keeps as it is. */
static void frameio_control_fill_info(const struct frameio_port *port,
				      const struct net_device *dev, u32 queue,
				      struct frameio_info *info)
{
	const struct frameio_qp *qp = &port->qps[queue == FRAMEIO_QUEUE_ANY ? 0 : queue];
	struct user_namespace *user_ns = current_user_ns();

	*info = (struct frameio_info) {
		.fi_ifindex = dev->ifindex,
		.fi_flags = READ_ONCE(port->flags),
		.fi_nqueues = READ_ONCE(port->nqueues),
		.fi_nopen = READ_ONCE(port->nopen),
		.fi_queue = queue,
		.fi_read_limit = READ_ONCE(qp->read.limit.frames),
		.fi_write_limit = READ_ONCE(qp->write.limit.frames),
		.fi_read_bytes = READ_ONCE(qp->read.limit.bytes),
		.fi_write_bytes = READ_ONCE(qp->write.limit.bytes),
		.fi_nqueues_max = port->nqps,
		.fi_frame_min = frameio_port_frame_min(port),
		.fi_frame_max = READ_ONCE(port->frame_max),
		.fi_owner = ~0U,
		.fi_group = ~0U,
	};
	if (port->flags & FRAMEIO_PORT_OWNER)
		info->fi_owner = from_kuid_munged(user_ns, port->owner);
	if (port->flags & FRAMEIO_PORT_GROUP)
		info->fi_group = from_kgid_munged(user_ns, port->group);
	strscpy(info->fi_name, dev->name, sizeof(info->fi_name));
}

/**
 * frameio_control_info() - FRAMEIO_INFO
 * @qp: the file's queue pair
 * @info: where to put it
 *
 * Return: 0 or -ENODEV.
 */
int frameio_control_info(const struct frameio_qp *qp, struct frameio_info *info)
{
	struct net_device *dev;

	rtnl_lock();
	dev = rtnl_dereference(qp->port->dev);
	if (dev)
		frameio_control_fill_info(qp->port, dev, qp->index, info);
	rtnl_unlock();
	return dev ? 0 : -ENODEV;
}

/* Fill in up to @room ports of the caller's namespace; return how many there are. */
static u32 frameio_control_collect(struct frameio_info *infos, u32 room)
{
	struct net_device *dev;
	u32 n = 0;

	rtnl_lock();
	for_each_netdev(frameio_control_net(), dev) {
		if (!frameio_port_of(dev))
			continue;
		if (n < room)
			frameio_control_fill_info(frameio_port_of(dev), dev, FRAMEIO_QUEUE_ANY,
						  &infos[n]);
		n++;
	}
	rtnl_unlock();
	return n;
}

/**
 * frameio_put_struct() - copy out a struct that grows at its end from version to version
 * @arg: where to
 * @user_size: its size as the caller knows it: who knows less gets less, and who
 *             knows more gets zeroes
 * @from: the struct
 * @size: its size
 *
 * Return: 0 or -EFAULT.
 */
int frameio_put_struct(void __user *arg, size_t user_size, const void *from, size_t size)
{
	const size_t common = min(user_size, size);

	if (copy_to_user(arg, from, common) || clear_user(arg + common, user_size - common))
		return -EFAULT;
	return 0;
}

/* Copy out ports, each in as many bytes as the caller knows of. */
static int frameio_control_put_infos(void __user *to, size_t size,
				     const struct frameio_info *infos, u32 n)
{
	int err = 0;
	u32 i;

	for (i = 0; i < n && !err; i++)
		err = frameio_put_struct(to + i * size, size, &infos[i], sizeof(infos[i]));
	return err;
}

/**
 * frameio_control_list() - FRAMEIO_LIST
 * @arg: struct frameio_list of user space
 *
 * Return: 0 or -errno.
 */
int frameio_control_list(void __user *arg)
{
	struct frameio_info *infos = NULL;
	struct frameio_list list;
	u32 room, n;
	int err;

	if (copy_from_user(&list, arg, sizeof(list)))
		return -EFAULT;
	/* a struct that is larger than a page is none that there will ever be */
	if (list.fl_size < FRAMEIO_INFO_SIZE_MIN || list.fl_size > FRAMEIO_INFO_SIZE_MAX)
		return -EINVAL;
	/* no more memory than there are ports, whatever the caller has room for */
	room = min(list.fl_count, frameio_control_collect(NULL, 0));
	if (room) {
		infos = kvmalloc_array(room, sizeof(*infos), GFP_KERNEL_ACCOUNT);
		if (!infos)
			return -ENOMEM;
	}
	n = frameio_control_collect(infos, room);
	list.fl_count = n;
	err = frameio_control_put_infos(u64_to_user_ptr(list.fl_ports), list.fl_size, infos,
					min(n, room));
	if (!err && copy_to_user(arg, &list, sizeof(list)))
		err = -EFAULT;
	kvfree(infos);
	return err;
}

static void frameio_control_fill_queue_pair(const struct frameio_qp *qp,
					    struct frameio_queue_pair *pair)
{
	struct frameio_fill read, write;

	frameio_qp_get_fill(qp, &read, &write);
	pair->fp_open = READ_ONCE(qp->bound);
	pair->fp_mode = READ_ONCE(qp->mode);
	pair->fp_read_len = READ_ONCE(qp->read.len);
	pair->fp_read_limit = READ_ONCE(qp->read.limit.frames);
	pair->fp_read_bytes = read.bytes;
	pair->fp_write_len = READ_ONCE(qp->write.len);
	pair->fp_write_limit = READ_ONCE(qp->write.limit.frames);
	pair->fp_write_bytes = write.bytes;
	pair->fp_flags = read.flags | write.flags;
	pair->fp_read_used = read.used;
	pair->fp_write_used = write.used;
	frameio_stats_get(qp, &pair->fp_stats);
}

/**
 * frameio_control_queue_pair() - FRAMEIO_QUEUE_PAIR
 * @arg: struct frameio_queue_pair of user space
 * @user_size: its size as the caller knows it
 *
 * Return: 0 or -errno.
 */
int frameio_control_queue_pair(void __user *arg, size_t user_size)
{
	struct frameio_queue_pair pair = { .fp_open = 0 };
	struct frameio_port *port;
	int err = 0;

	if (user_size < offsetofend(struct frameio_queue_pair, fp_queue))
		return -EINVAL;
	if (copy_from_user(&pair, arg, offsetofend(struct frameio_queue_pair, fp_queue)))
		return -EFAULT;
	if (frameio_control_check_name(pair.fp_name))
		return -EINVAL;
	port = frameio_control_find(pair.fp_name);
	if (IS_ERR(port))
		return PTR_ERR(port);
	if (pair.fp_queue < port->nqps)
		frameio_control_fill_queue_pair(&port->qps[pair.fp_queue], &pair);
	else
		err = -EINVAL;
	frameio_port_put(port);
	return err ? err : frameio_put_struct(arg, user_size, &pair, sizeof(pair));
}
