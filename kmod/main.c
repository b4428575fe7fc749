// SPDX-License-Identifier: GPL-2.0
/*
 * frameio - batched frame I/O between user space and the kernel
 *
 * WHY
 *
 * A program that moves network frames by tun or a packet socket pays a system
 * call for each of them. frameio moves up to 32 per call, each behind a header
 * of its own, by plain readv(2) and writev(2) and by two ioctls, and loses none
 * on the way: what cannot be taken now is left where it was. The ABI is
 * include/frameio/frameio.h, its manual frameio(4).
 *
 * WHERE IT SITS
 *
 *	      program                             program
 *	         | read, readv, FRAMEIO_READ         ^ poll
 *	         | write, writev, FRAMEIO_WRITE      |
 *	 ========|===================================|======== user / kernel
 *	     chardev.c    files: open, calls, poll, close
 *	         |
 *	     batch.c      records in and out of user memory
 *	         |        (slot.c: that memory; record.c, header.c: a record, its header)
 *	     queue.c      read queue ^          | write queue      one of each in
 *	                             |          v                  a queue pair
 *	     netdev.c     transmit path       NAPI              of a virtual port, or
 *	                             ^          |
 *	                             |          v
 *	                  qdisc, routing, sockets: the network stack
 *
 *	     ring.c       in the place of the queues, for a file that has rings: memory
 *	                  that the program and the kernel share
 *
 *	     nic.c        receive handler     transmit queue    of a NIC port
 *	                             ^          |
 *	                             |          v
 *	                  the driver of an interface of somebody else's
 *
 * Beside this, port.c holds the objects and their lives, control.c creates,
 * opens, deletes and lists ports, node.c makes /dev/frameio, flow.c tells which
 * flow a frame is of, stats.c counts, ethtool.c, sysfs.c and trace.h show it,
 * charge.c knows who pays for the memory of frames that wait, and compat.h knows
 * the kernels.
 *
 * OBJECTS, AND WHO KEEPS THEM
 *
 * A port has 1 to 64 queue pairs, which are part of its memory. A file is bound
 * to one queue pair, and a queue pair to at most one file. References on a port
 * are held by
 *
 *  - its interface, from ndo_init to the destructor that runs when the last
 *    user of the interface is gone; or, of a NIC port, the interface's receive
 *    handler, from attaching to detaching;
 *  - each bound file, from frameio_port_bind() to its release, so that a call
 *    in flight, which holds the file, never sees the port freed;
 *  - whoever has just looked it up.
 *
 * The port's pointers to the interface and its transmit queues are not
 * references. They are NULL from ndo_uninit (or detaching) on, and the interface
 * stays for an RCU grace period after that: they are used under rcu_read_lock(), or
 * under a lock that ndo_uninit takes (RTNL, bind_lock). A NIC port has none to
 * transmit queues, as these are not ours to start and stop.
 *
 * STATES
 *
 * A port is DOWN, then follows its interface UP and DOWN as often as it likes,
 * and in the end is GONE:
 *
 *	DOWN <--ndo_open, ndo_stop--> UP	both --unregistering--> GONE
 *
 * A NIC port is UP while its interface is up and has a link. It learns that from
 * notifiers, and is GONE when it is detached.
 *
 * Reading works in DOWN and UP, writing in UP only. Who makes a change wakes
 * whoever sleeps on the port, and they look again.
 *
 * A file is unbound (the control node) until FRAMEIO_CREATE, _ATTACH or _OPEN, or
 * bound from its opening on (a port's node). It stays bound until release. A
 * queue pair without a file has a closed read queue: frames that still come are
 * dropped and counted, and the steering sends new ones elsewhere. A NIC's frames are
 * somebody's who has begun to read, or else the stack's.
 *
 * LOCKS
 *
 * Outermost first; one at the right may be taken while one at its left is held
 * (and any may be left out):
 *
 *	file's bind_lock > RTNL > port's bind_lock > queue's lock
 *	                   RTNL > node_lock
 *	port's bind_lock, read_lock, write_lock > transmit queue's lock > queue's lock
 *	write_lock, RTNL > nic's lock > transmit queue's lock of the NIC, queue's lock
 *	file's bind_lock > read_lock > write_lock > port's bind_lock
 *
 * read_lock and write_lock serialise the calls of one direction and are held
 * while user memory is copied, which a hostile program can make last for ever.
 * Therefore nothing but calls on the same queue pair ever waits for them: not
 * teardown, not resizing, not the network stack. These only take the queue's
 * spinlock, which is held for a few instructions. write_lock is held while the stack
 * receives what was written, too (frameio_netdev_run()), with bottom halves off.
 *
 * Blocking calls sleep on a queue's wait queue, with none of the locks held.
 *
 * BACK-PRESSURE
 *
 * A queue is full when it has reached its limit in frames or in bytes of memory.
 * A full read queue stops the transmit queue that feeds it, and the queueing
 * discipline holds the frames; it is started again at half empty. A full write
 * queue makes writers wait, or get EAGAIN. queue.c argues why no wake-up is lost.
 * A wire cannot be stopped: what a NIC receives for a full read queue is dropped.
 * A ring is full when it has no room for a record; ring.c argues the same for it.
 *
 * THE END OF A PORT
 *
 * The interface may be deleted at any moment: by "ip link del", with its
 * network namespace, with the file that created it, when the module is removed.
 *
 *  1. The interface is closed: the state becomes GONE, and sleepers wake and
 *     return ENODEV; NAPI is disabled and finishes its poll, which a writer may be
 *     doing (frameio_netdev_run()); a late writer does not get it any more.
 *  2. ndo_uninit: the pointers become NULL, the queues are closed, and what
 *     waits in them is freed and counted. Frames that a reader has taken off the
 *     queue stay its own, until its next call drops and counts them. If the
 *     interface was down, the sleepers wake now.
 *  3. After a grace period the interface is freed and its reference dropped.
 *  4. Each file's release unmakes its rings, which stay its program's until then,
 *     empties what its reader still has and drops its reference. The last one frees the port.
 *
 * A NIC port ends when it is detached, when its interface is deleted or moves to
 * another network namespace: nic.c tells how.
 *
 * Files hold the module, so it is removed only when all are closed; interfaces
 * that are left are deleted then, and NICs let go.
 */
#include <linux/module.h>

#include "charge.h"
#include "chardev.h"
#include "flow.h"
#include "netdev.h"
#include "nic.h"
#include "node.h"

static int __init frameio_init(void)
{
	int err;

	frameio_flow_init();
	err = frameio_charge_init();
	if (err)
		return err;
	err = frameio_node_init();
	if (err)
		goto err_charge;
	err = frameio_netdev_init();
	if (err)
		goto err_node;
	err = frameio_nic_init();
	if (err)
		goto err_netdev;
	err = frameio_node_enable(&frameio_chardev_fops);
	if (err)
		goto err_nic;
	return 0;

err_nic:
	frameio_nic_exit();
err_netdev:
	frameio_netdev_exit();
err_node:
	frameio_node_exit();
err_charge:
	frameio_charge_exit();
	return err;
}

/* No file is open: an open file holds the module. Ports may still be there. */
static void __exit frameio_exit(void)
{
	frameio_node_disable();
	frameio_nic_exit();
	frameio_netdev_exit();
	frameio_node_exit();
	frameio_charge_exit();
}

module_init(frameio_init);
module_exit(frameio_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The frameio authors");
MODULE_DESCRIPTION("Batched frame I/O between user space and the kernel");
MODULE_VERSION(FRAMEIO_PACKAGE_VERSION);
MODULE_ALIAS_RTNL_LINK(KBUILD_MODNAME);
