// SPDX-License-Identifier: GPL-2.0
/*
 * Files: open, the calls, poll, and close.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "batch.h"
#include "chardev.h"
#include "control.h"
#include "header.h"
#include "nic.h"
#include "node.h"
#include "ring.h"
#include "stats.h"

/**
 * struct frameio_file - an open file
 * @bind_lock: taken before anything else, RTNL too
 * @qp: the queue pair the file is bound to; set once, with release order
 * @creator: this file created its port, which goes with it unless it is persistent
 * @options: FRAMEIO_O_*, but for those that are a NIC port's
 * @rings: set once, under @bind_lock, with release order; or NULL
 */
struct frameio_file {
	struct mutex bind_lock;	/* to go from unbound to bound */
	struct frameio_qp *qp;
	bool creator;
	u32 options;
	struct frameio_rings *rings;
};

/* Options of any file. */
#define FRAMEIO_FILE_OPTIONS	(FRAMEIO_O_TRUNC | FRAMEIO_O_PACKED)

static struct frameio_qp *frameio_file_qp(const struct frameio_file *file)
{
	/* pairs with the release in frameio_chardev_bind() */
	return smp_load_acquire(&file->qp);
}

static struct frameio_rings *frameio_file_rings(const struct frameio_file *file)
{
	/* pairs with the release in frameio_chardev_ring_setup() */
	return smp_load_acquire(&file->rings);
}

/* The next free queue pair of a node's port, bound; or an ERR_PTR. */
static struct frameio_qp *frameio_chardev_bind_node(const struct inode *inode)
{
	struct frameio_port *port = frameio_node_port(inode);
	struct frameio_qp *qp;

	if (!port)
		return ERR_PTR(-ENODEV);
	if (frameio_port_may_open_node(port))
		qp = frameio_port_bind(port, FRAMEIO_QUEUE_ANY);
	else
		qp = ERR_PTR(-EACCES);
	frameio_port_put(port);
	return qp;
}

static int frameio_chardev_open(struct inode *inode, struct file *filp)
{
	struct frameio_file *file;
	struct frameio_qp *qp;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->bind_lock);
	if (!frameio_node_is_control(inode)) {
		qp = frameio_chardev_bind_node(inode);
		if (IS_ERR(qp)) {
			kfree(file);
			return PTR_ERR(qp);
		}
		file->qp = qp;
	}
	filp->private_data = file;
	/* io_uring may try without blocking, and poll */
	filp->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, filp);
}

static int frameio_chardev_release(struct inode *inode, struct file *filp)
{
	struct frameio_file *file = filp->private_data;

	if (file->qp) {
		/* what was written goes before the port does */
		if (file->rings)
			frameio_rings_release(file->rings);
		if (file->creator)
			frameio_control_creator_gone(file->qp->port);
		if (frameio_port_is_nic(file->qp->port))
			frameio_nic_close(file->qp);
		frameio_port_unbind(file->qp);
	}
	mutex_destroy(&file->bind_lock);
	kfree(file);
	return 0;
}

static bool frameio_is_nonblock(const struct file *filp)
{
	return filp->f_flags & O_NONBLOCK;
}

/*
 * The slots of a read or write call: an iovec each, or the whole of what is no
 * row of iovecs. One that is null or empty is refused here, and more than one where
 * it is to hold a row of records.
 */
static int frameio_slots_from_iter(struct frameio_slots *slots, struct iov_iter *iter, bool packed)
{
	unsigned long i;

	slots->iter = iter;
	slots->next = 0;
	slots->n = 1;
	slots->row = packed;
	slots->offset = 0;
	if (packed)
		slots->rest = *iter;
	if (frameio_iter_is_ubuf(iter))
		return frameio_iter_ubuf(iter) ? 0 : -EINVAL;
	if (!iter_is_iovec(iter))
		return 0;
	slots->n = iter->nr_segs;
	if (packed && slots->n > 1)
		return -EINVAL;
	for (i = 0; i < iter->nr_segs; i++)
		if (!frameio_iter_iov(iter)[i].iov_base || !frameio_iter_iov(iter)[i].iov_len)
			return -EINVAL;
	return 0;
}

static enum frameio_mode frameio_slots_mode(const struct frameio_slots *slots)
{
	if (slots->row)
		return FRAMEIO_MODE_PACKED;
	return slots->n > 1 ? FRAMEIO_MODE_VECTOR : FRAMEIO_MODE_SINGLE;
}

typedef ssize_t (*frameio_batch_fn)(struct frameio_qp *qp, struct frameio_slots *slots,
				    const struct frameio_call *call);

static ssize_t frameio_chardev_iter(struct kiocb *iocb, struct iov_iter *iter,
				    frameio_batch_fn batch)
{
	struct frameio_file *file = iocb->ki_filp->private_data;
	struct frameio_qp *qp = frameio_file_qp(file);
	const u32 options = READ_ONCE(file->options);
	struct frameio_slots slots;
	struct frameio_call call;
	int err;

	if (!qp)
		return -ENOTCONN;
	if (!iov_iter_count(iter))
		return 0;
	err = frameio_slots_from_iter(&slots, iter, options & FRAMEIO_O_PACKED);
	if (err)
		return err;
	call = (struct frameio_call) {
		.mode = frameio_slots_mode(&slots),
		.nonblock = frameio_is_nonblock(iocb->ki_filp) || (iocb->ki_flags & IOCB_NOWAIT),
		.nowait = iocb->ki_flags & IOCB_NOWAIT,
		.trunc = options & FRAMEIO_O_TRUNC,
	};
	return batch(qp, &slots, &call);
}

static ssize_t frameio_chardev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return frameio_chardev_iter(iocb, to, frameio_batch_read);
}

/* FRAMEIO_KICK, and a write of nothing. */
static int frameio_chardev_kick(struct frameio_file *file)
{
	struct frameio_rings *rings = frameio_file_rings(file);

	if (!rings)
		return -EINVAL;
	return frameio_rings_kick(rings);
}

static ssize_t frameio_chardev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct frameio_file *file = iocb->ki_filp->private_data;

	/* a kick may sleep */
	if (!iov_iter_count(from) && frameio_file_rings(file))
		return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : frameio_chardev_kick(file);
	return frameio_chardev_iter(iocb, from, frameio_batch_write);
}

static bool frameio_chardev_is_readable(struct frameio_qp *qp, struct frameio_rings *rings)
{
	if (rings && rings->read.size)
		return frameio_rings_readable(rings);
	return frameio_queue_len(&qp->read);
}

static bool frameio_chardev_is_writable(struct frameio_qp *qp, struct frameio_rings *rings)
{
	if (rings && rings->write.size)
		return frameio_rings_writable(rings);
	/* a full queue is noted as waited for, so that room is reported */
	return !frameio_queue_full(&qp->write) || !frameio_queue_stall(&qp->write);
}

static __poll_t frameio_chardev_poll(struct file *filp, poll_table *wait)
{
	struct frameio_file *file = filp->private_data;
	struct frameio_qp *qp = frameio_file_qp(file);
	struct frameio_rings *rings;
	__poll_t events = 0;

	if (!qp)
		return EPOLLERR;
	if (frameio_port_is_nic(qp->port) && (filp->f_mode & FMODE_READ) &&
	    (poll_requested_events(wait) & (EPOLLIN | EPOLLRDNORM)))
		frameio_nic_begin_reading(qp);
	poll_wait(filp, &qp->read.wait, wait);
	poll_wait(filp, &qp->write.wait, wait);
	/* on the wait queues before looking: pairs with the barrier in wq_has_sleeper() */
	smp_mb();
	rings = frameio_file_rings(file);
	switch (frameio_port_state(qp->port)) {
	case FRAMEIO_GONE:
		return EPOLLHUP | EPOLLERR | EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	case FRAMEIO_UP:
		if (rings)
			frameio_rings_poll(rings);
		if (frameio_chardev_is_writable(qp, rings))
			events |= EPOLLOUT | EPOLLWRNORM;
		break;
	case FRAMEIO_DOWN:
		break;
	}
	if (frameio_chardev_is_readable(qp, rings))
		events |= EPOLLIN | EPOLLRDNORM;
	if (rings && frameio_rings_are_broken(rings))
		events |= EPOLLERR;
	return events;
}

/* Vectors that are kept on the stack; more are allocated. */
#define FRAMEIO_FAST_VECS	FRAMEIO_NFRAMES_MAX

/*
 * Copy in the vectors of a struct frameio, and refuse empty ones. What will be stored at the
 * end is stored unchanged: where that cannot be written the program gets EFAULT before
 * anything moves, and no frame does without its hearing of it.
 */
static int frameio_vecs_get(struct framevec *vecs, struct frameio __user *arg, u32 n)
{
	struct framevec __user *from = arg->fio_vecs;
	struct framevec *vec = vecs;
	bool empty = false;
	u64 actlen;

	if (!user_access_begin(arg, struct_size(arg, fio_vecs, n)))
		return -EFAULT;
	for (; vec < vecs + n; vec++, from++) {
		unsafe_get_user(vec->fv_buf, &from->fv_buf, fault);
		unsafe_get_user(vec->fv_buflen, &from->fv_buflen, fault);
		unsafe_get_user(actlen, &from->fv_actlen, fault);
		unsafe_put_user(actlen, &from->fv_actlen, fault);
		empty |= !vec->fv_buf || !vec->fv_buflen;
	}
	unsafe_put_user(n, &arg->fio_nvecs, fault);
	user_access_end();
	return empty ? -EINVAL : 0;

fault:
	user_access_end();
	return -EFAULT;
}

/*
 * Store how much of each vector was used, and how many were: records fill their slots from
 * the front.
 */
static int frameio_vecs_put_used(const struct frameio_slots *slots, struct frameio __user *arg)
{
	const u32 n = slots->next * slots->nvpf;
	struct framevec __user *to = arg->fio_vecs;
	const struct framevec *vec = slots->vecs;
	const u32 *slot = slots->used, *end = slot + slots->next;
	u64 left, used;
	u32 i;

	if (!user_write_access_begin(arg, struct_size(arg, fio_vecs, n)))
		return -EFAULT;
	for (; slot < end; slot++) {
		left = *slot;
		for (i = 0; i < slots->nvpf; i++, vec++, to++) {
			used = min(left, vec->fv_buflen);
			unsafe_put_user(used, &to->fv_actlen, fault);
			left -= used;
		}
	}
	unsafe_put_user(n, &arg->fio_nvecs, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* FRAMEIO_READ and FRAMEIO_WRITE. */
static int frameio_chardev_ioctl_batch(struct frameio_file *file, struct frameio __user *arg,
				       bool nonblock, frameio_batch_fn batch)
{
	const struct frameio_call call = {
		.mode = FRAMEIO_MODE_FRAMEIO,
		.nonblock = nonblock,
		.trunc = READ_ONCE(file->options) & FRAMEIO_O_TRUNC,
	};
	struct framevec fast_vecs[FRAMEIO_FAST_VECS];
	struct framevec *vecs = fast_vecs;
	struct frameio_slots slots;
	struct frameio fio;
	ssize_t ret;

	if (copy_from_user(&fio, arg, sizeof(fio)))
		return -EFAULT;
	if (fio.fio_version != FRAMEIO_VERSION || fio.fio_flags || !fio.fio_nvecs ||
	    !fio.fio_nvpf || fio.fio_nvpf > FRAMEIO_NVPF_MAX || fio.fio_nvecs % fio.fio_nvpf ||
	    fio.fio_nvecs / fio.fio_nvpf > FRAMEIO_NFRAMES_MAX)
		return -EINVAL;
	if (fio.fio_nvecs > FRAMEIO_FAST_VECS) {
		vecs = kmalloc_array(fio.fio_nvecs, sizeof(*vecs), GFP_KERNEL_ACCOUNT);
		if (!vecs)
			return -ENOMEM;
	}
	ret = frameio_vecs_get(vecs, arg, fio.fio_nvecs);
	if (ret)
		goto out;
	slots.iter = NULL;
	slots.vecs = vecs;
	slots.nvpf = fio.fio_nvpf;
	slots.n = fio.fio_nvecs / fio.fio_nvpf;
	slots.next = 0;
	slots.row = false;
	slots.offset = 0;
	ret = batch(file->qp, &slots, &call);
	if (ret > 0)
		ret = frameio_vecs_put_used(&slots, arg);
out:
	if (vecs != fast_vecs)
		kfree(vecs);
	return ret;
}

/* FRAMEIO_CREATE, FRAMEIO_ATTACH and FRAMEIO_OPEN: bind an unbound file. */
static int frameio_chardev_bind(struct frameio_file *file, unsigned int cmd, void __user *arg)
{
	struct frameio_qp *qp;
	int err = 0;

	if (mutex_lock_interruptible(&file->bind_lock))
		return -ERESTARTSYS;
	if (file->qp) {
		err = -EBUSY;
		goto out;
	}
	if (cmd == FRAMEIO_OPEN)
		qp = frameio_control_open(arg);
	else
		qp = frameio_control_create(arg, cmd == FRAMEIO_ATTACH);
	if (IS_ERR(qp)) {
		err = PTR_ERR(qp);
		goto out;
	}
	file->creator = cmd != FRAMEIO_OPEN;
	/* @creator is set before anybody can see @qp; pairs with frameio_file_qp() */
	smp_store_release(&file->qp, qp);
out:
	mutex_unlock(&file->bind_lock);
	return err;
}

static int frameio_chardev_set_limits(struct frameio_qp *qp, void __user *arg, size_t user_size)
{
	struct frameio_limit read_limit, write_limit;
	struct frameio_limits limits;
	int err;

	err = copy_struct_from_user(&limits, sizeof(limits), arg, user_size);
	if (err)
		return err == -E2BIG ? -EINVAL : err;
	read_limit = (struct frameio_limit) { limits.fq_read, limits.fq_read_bytes };
	write_limit = (struct frameio_limit) { limits.fq_write, limits.fq_write_bytes };
	return frameio_qp_change_limits(qp, &read_limit, &write_limit);
}

static int frameio_chardev_set_options(struct frameio_file *file, struct frameio_qp *qp,
				       u32 __user *arg)
{
	const bool nic = frameio_port_is_nic(qp->port);
	u32 options;
	int err = 0;

	if (get_user(options, arg))
		return -EFAULT;
	if (options & ~(FRAMEIO_FILE_OPTIONS | (nic ? FRAMEIO_NIC_OPTIONS : 0)))
		return -EINVAL;
	if (nic)
		err = frameio_nic_set_options(qp, options & FRAMEIO_NIC_OPTIONS);
	if (!err)
		WRITE_ONCE(file->options, options & ~FRAMEIO_NIC_OPTIONS);
	return err;
}

static int frameio_chardev_get_options(const struct frameio_file *file,
				       const struct frameio_qp *qp, u32 __user *arg)
{
	u32 options = READ_ONCE(file->options);

	if (frameio_port_is_nic(qp->port))
		options |= frameio_nic_options(qp);
	return put_user(options, arg);
}

static int frameio_chardev_set_filter(struct frameio_qp *qp, void __user *arg)
{
	struct frameio_filter filter;

	if (copy_from_user(&filter, arg, sizeof(filter)))
		return -EFAULT;
	return frameio_nic_set_filter(qp, &filter);
}

static int frameio_chardev_ring_setup(struct file *filp, struct frameio_qp *qp, void __user *arg)
{
	struct frameio_file *file = filp->private_data;
	struct frameio_ring_setup setup;
	struct frameio_rings *rings;
	int err = 0;

	if (copy_from_user(&setup, arg, sizeof(setup)))
		return -EFAULT;
	/* either ring is read and written: whatever moves, both sides store how far they are */
	if (!(filp->f_mode & FMODE_READ) || !(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	/* what cannot be answered is not done */
	if (copy_to_user(arg, &setup, sizeof(setup)))
		return -EFAULT;
	if (mutex_lock_interruptible(&file->bind_lock))
		return -ERESTARTSYS;
	rings = file->rings ? ERR_PTR(-EBUSY) : frameio_rings_setup(qp, &setup);
	if (IS_ERR(rings))
		err = PTR_ERR(rings);
	else
		/* what it is before it is there; pairs with frameio_file_rings() */
		smp_store_release(&file->rings, rings);
	mutex_unlock(&file->bind_lock);
	if (!err)
		frameio_rings_wake_users(rings);
	/* they stay even so; the sizes of their mappings can be computed, too */
	if (!err && copy_to_user(arg, &setup, sizeof(setup)))
		err = -EFAULT;
	return err;
}

static int frameio_chardev_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct frameio_rings *rings = frameio_file_rings(filp->private_data);

	return rings ? frameio_rings_mmap(rings, vma) : -EINVAL;
}

static int frameio_chardev_info(struct frameio_qp *qp, void __user *arg, size_t user_size)
{
	struct frameio_info info;
	int err;

	err = frameio_control_info(qp, &info);
	return err ? err : frameio_put_struct(arg, user_size, &info, sizeof(info));
}

static int frameio_chardev_stats(struct frameio_qp *qp, void __user *arg, size_t user_size)
{
	struct frameio_stats stats;

	frameio_batch_settle(qp);
	frameio_stats_get(qp, &stats);
	return frameio_put_struct(arg, user_size, &stats, sizeof(stats));
}

static unsigned int frameio_ioctl_unsized(unsigned int cmd)
{
	return cmd & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT);
}

/* A command whose struct grows from version to version, with this version's size. */
static unsigned int frameio_ioctl_base(unsigned int cmd)
{
	if (frameio_ioctl_unsized(cmd) == frameio_ioctl_unsized(FRAMEIO_INFO))
		return FRAMEIO_INFO;
	if (frameio_ioctl_unsized(cmd) == frameio_ioctl_unsized(FRAMEIO_STATS))
		return FRAMEIO_STATS;
	if (frameio_ioctl_unsized(cmd) == frameio_ioctl_unsized(FRAMEIO_SET_LIMITS))
		return FRAMEIO_SET_LIMITS;
	if (frameio_ioctl_unsized(cmd) == frameio_ioctl_unsized(FRAMEIO_QUEUE_PAIR))
		return FRAMEIO_QUEUE_PAIR;
	return cmd;
}

static bool frameio_ioctl_is_for_bound(unsigned int cmd)
{
	switch (cmd) {
	case FRAMEIO_READ:
	case FRAMEIO_WRITE:
	case FRAMEIO_INFO:
	case FRAMEIO_STATS:
	case FRAMEIO_SET_LIMITS:
	case FRAMEIO_SET_FILTER:
	case FRAMEIO_SET_OPTIONS:
	case FRAMEIO_GET_OPTIONS:
	case FRAMEIO_RING_SETUP:
	case FRAMEIO_KICK:
		return true;
	default:
		return false;
	}
}

/* Commands for any file; -ENOTTY: it is none of them. */
static long frameio_chardev_ioctl_any(struct frameio_file *file, unsigned int cmd,
				      void __user *arg, size_t size)
{
	switch (cmd) {
	case FRAMEIO_ATTACH:
	case FRAMEIO_CREATE:
	case FRAMEIO_OPEN:
		return frameio_chardev_bind(file, cmd, arg);
	case FRAMEIO_DELETE:
		return frameio_control_delete(arg);
	case FRAMEIO_LIST:
		return frameio_control_list(arg);
	case FRAMEIO_QUEUE_PAIR:
		return frameio_control_queue_pair(arg, size);
	default:
		return -ENOTTY;
	}
}

static long frameio_chardev_ioctl(struct file *filp, unsigned int cmd, unsigned long argument)
{
	struct frameio_file *file = filp->private_data;
	struct frameio_qp *qp = frameio_file_qp(file);
	void __user *arg = (void __user *)argument;
	const size_t size = _IOC_SIZE(cmd);
	long ret;

	cmd = frameio_ioctl_base(cmd);
	ret = frameio_chardev_ioctl_any(file, cmd, arg, size);
	if (ret != -ENOTTY)
		return ret;
	if (!frameio_ioctl_is_for_bound(cmd))
		return -ENOTTY;
	if (!qp)
		return -ENOTCONN;
	switch (cmd) {
	case FRAMEIO_READ:
		if (!(filp->f_mode & FMODE_READ))
			return -EBADF;
		return frameio_chardev_ioctl_batch(file, arg, frameio_is_nonblock(filp),
						   frameio_batch_read);
	case FRAMEIO_WRITE:
		if (!(filp->f_mode & FMODE_WRITE))
			return -EBADF;
		return frameio_chardev_ioctl_batch(file, arg, frameio_is_nonblock(filp),
						   frameio_batch_write);
	case FRAMEIO_INFO:
		return frameio_chardev_info(qp, arg, size);
	case FRAMEIO_STATS:
		return frameio_chardev_stats(qp, arg, size);
	case FRAMEIO_SET_LIMITS:
		return frameio_chardev_set_limits(qp, arg, size);
	case FRAMEIO_SET_FILTER:
		return frameio_chardev_set_filter(qp, arg);
	case FRAMEIO_SET_OPTIONS:
		return frameio_chardev_set_options(file, qp, arg);
	case FRAMEIO_RING_SETUP:
		return frameio_chardev_ring_setup(filp, qp, arg);
	case FRAMEIO_KICK:
		return frameio_chardev_kick(file);
	default:
		return frameio_chardev_get_options(file, qp, arg);
	}
}

/* /proc/PID/fdinfo/FD: which queue pair a program holds, and how it uses it. */
static void frameio_chardev_show_fdinfo(struct seq_file *seq, struct file *filp)
{
	const struct frameio_qp *qp = frameio_file_qp(filp->private_data);
	const struct net_device *dev;

	if (!qp)
		return;
	rcu_read_lock();
	dev = rcu_dereference(qp->port->dev);
	if (dev)
		seq_printf(seq, "frameio-netns:\t%u\nframeio-ifindex:\t%d\n",
			   dev_net(dev)->ns.inum, dev->ifindex);
	rcu_read_unlock();
	seq_printf(seq, "frameio-queue:\t%u\nframeio-mode:\t%s\n", qp->index,
		   frameio_qp_mode_name(qp));
}

const struct file_operations frameio_chardev_fops = {
	.owner = THIS_MODULE,
	.open = frameio_chardev_open,
	.release = frameio_chardev_release,
	.llseek = noop_llseek,
	.read_iter = frameio_chardev_read_iter,
	.write_iter = frameio_chardev_write_iter,
	.poll = frameio_chardev_poll,
	.mmap = frameio_chardev_mmap,
	.unlocked_ioctl = frameio_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = frameio_chardev_show_fdinfo,
};
