/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "internal.h"

int frameio_fd(const struct frameio_qp *qp)
{
	return qp->fd;
}

int frameio_wait(struct frameio_qp *qp, int events, int timeout_ms)
{
	struct pollfd pollfd = { .fd = qp->fd, .events = events };
	const int of_rings = (qp->read_ring ? POLLIN : 0) | (qp->write_ring ? POLLOUT : 0);
	int ready = 0, ret = 0;

	if (events & of_rings)
		ready = frameio_rings_begin_wait(qp, events & of_rings);
	/* of what is not a ring's the kernel tells */
	if (!ready || (events & ~of_rings))
		ret = poll(&pollfd, 1, ready ? 0 : timeout_ms) < 0 ? -errno : pollfd.revents;
	if (events & of_rings)
		frameio_rings_end_wait(qp, events & of_rings);
	if (ready)
		return ready | (ret > 0 ? ret & events : 0);
	if (ret < 0)
		return ret;
	/* a port that is gone hangs up; of rings there are errors besides */
	if (of_rings && (ret & (POLLHUP | POLLERR)) == POLLERR)
		return -EIO;
	return ret & (POLLHUP | POLLERR | POLLNVAL) ? -ENODEV : ret;
}

int frameio_set_nonblock(struct frameio_qp *qp, bool nonblock)
{
	int flags = fcntl(qp->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(qp->fd, F_SETFL, flags) < 0)
		return -errno;
	__atomic_store_n(&qp->nonblock, nonblock, __ATOMIC_RELAXED);
	return 0;
}

int frameio_set_options(struct frameio_qp *qp, uint32_t options)
{
	int err = frameio_ioctl(qp->fd, FRAMEIO_SET_OPTIONS, &options);

	if (!err)
		__atomic_store_n(&qp->options, options, __ATOMIC_RELAXED);
	return err;
}

int frameio_set_limits(struct frameio_qp *qp, unsigned int read_limit, unsigned int write_limit)
{
	struct frameio_limits limits = { .fq_read = read_limit, .fq_write = write_limit };

	return frameio_ioctl(qp->fd, FRAMEIO_SET_LIMITS, &limits);
}

int frameio_set_byte_limits(struct frameio_qp *qp, unsigned int read_bytes,
			    unsigned int write_bytes)
{
	struct frameio_limits limits = {
		.fq_read_bytes = read_bytes,
		.fq_write_bytes = write_bytes,
	};

	return frameio_ioctl(qp->fd, FRAMEIO_SET_LIMITS, &limits);
}

int frameio_set_filter(struct frameio_qp *qp, const struct sock_filter *insns, unsigned int n)
{
	struct frameio_filter filter = { .ff_insns = (uintptr_t)insns, .ff_len = n };

	if (n > UINT16_MAX)
		return -EINVAL;
	return frameio_ioctl(qp->fd, FRAMEIO_SET_FILTER, &filter);
}

int frameio_get_info(struct frameio_qp *qp, struct frameio_info *info)
{
	return frameio_ioctl(qp->fd, FRAMEIO_INFO, info);
}

int frameio_get_stats(struct frameio_qp *qp, struct frameio_stats *stats)
{
	return frameio_ioctl(qp->fd, FRAMEIO_STATS, stats);
}

const char *frameio_version(void)
{
	return PACKAGE_VERSION;
}
