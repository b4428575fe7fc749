/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The in-tree tun, as a tap: a system call for each frame, or io_uring's for several. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <liburing.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

/* Flags of our paths: those of TUNSETIFF, and above them */
#define TAP_URING	0x10000
#define TAP_SEGMENTS	0x20000	/* it cuts segments, and fills in checksums: we get it whole */

/* What is whole then, with its header. */
#define LARGEST_LEN	(sizeof(struct virtio_net_hdr) + 14 + 65535)

static int open_tap(const char *name, unsigned int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | (flags & 0xffff) };
	/* or else io_uring has threads wait for frames, before Linux 6.4 */
	const int nonblock = flags & TAP_URING ? O_NONBLOCK : 0;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | nonblock);

	strcpy(ifr.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static const char *tap_missing(void)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return because("/dev/net/tun");
	close(fd);
	return NULL;
}

static const char *open_uring(struct endpoint *end)
{
	struct io_uring *uring = calloc(1, sizeof(*uring));
	int err;

	fail_unless(uring != NULL, "io_uring");
	err = io_uring_queue_init(BURST, uring, 0);
	if (err) {
		free(uring);
		errno = -err;
		return because("io_uring");
	}
	end->state = uring;
	return NULL;
}

/* A buffer for each way. */
static const char *take_segments(struct endpoint *end)
{
	const unsigned int offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	end->state = malloc(LARGEST_LEN);
	end->back = malloc(LARGEST_LEN);
	fail_unless(end->state && end->back, "buffers");
	if (ioctl(end->in, TUNSETOFFLOAD, offload) || ioctl(end->out, TUNSETOFFLOAD, offload))
		return because("TUNSETOFFLOAD");
	return NULL;
}

static const char *tap_open(struct endpoint *end)
{
	if (endpoint_reads(end))
		end->in = open_tap(IN_NAME, end->path->flags);
	if (endpoint_writes(end))
		end->out = open_tap(OUT_NAME, end->path->flags);
	if ((endpoint_reads(end) && end->in < 0) || (endpoint_writes(end) && end->out < 0))
		return because("TUNSETIFF");
	if (end->path->flags & TAP_SEGMENTS)
		return take_segments(end);
	return end->path->flags & TAP_URING ? open_uring(end) : NULL;
}

static void tap_close(struct endpoint *end)
{
	if (end->state && end->path->flags & TAP_URING)
		io_uring_queue_exit(end->state);
	free(end->state);
	free(end->back);
}

static unsigned int tap_read(struct endpoint *end)
{
	return burst_read(end->in, burst.len);
}

static unsigned int tap_write(struct endpoint *end)
{
	return burst_write(end->out, burst.frame, burst.len);
}

static unsigned int tap_forward(struct endpoint *end)
{
	return carry_burst(end->in, end->out);
}

static unsigned int tap_carry(struct endpoint *end)
{
	return carry_frame(end->in, end->out);
}

static unsigned int tap_take(struct endpoint *end)
{
	fail_unless(read(end->in, burst.records[0], burst.room) == (ssize_t)burst.len, "read");
	return 1;
}

static unsigned int tap_echo(struct endpoint *end)
{
	const ssize_t len = burst.len;

	tap_take(end);
	if (frame_is_ping(burst.records[0]))
		fail_unless(write(end->in, burst.records[0], len) == len, "write");
	return 1;
}

/* With IFF_VNET_HDR each frame has a header: of zeros, the frame is as it looks. */
#define VNET_HDRLEN	sizeof(struct virtio_net_hdr)

static unsigned int vnet_read(struct endpoint *end)
{
	return burst_read(end->in, VNET_HDRLEN + burst.len);
}

static unsigned int vnet_write(struct endpoint *end)
{
	return burst_write(end->out, burst.frame - VNET_HDRLEN, VNET_HDRLEN + burst.len);
}

/* A frame may be many segments, of which the header tells. */
static unsigned int vnet_carry(struct endpoint *end)
{
	const ssize_t n = read(end->in, end->state, LARGEST_LEN);

	fail_unless(n > 0 && write(end->out, end->state, n) == n, "read, write");
	return 1;
}

/* Submit what is prepared, in one system call, and wait until all of it is done. */
static void complete(struct io_uring *uring, unsigned int n)
{
	struct io_uring_cqe *cqe;
	unsigned int head, i = 0;
	int submitted = io_uring_submit_and_wait(uring, n);

	if (submitted != (int)n)
		die("io_uring took %d of %u", submitted, n);
	io_uring_for_each_cqe(uring, head, cqe) {
		if (cqe->res != (int)burst.len)
			die("a frame's result in io_uring is %d", cqe->res);
		i++;
	}
	io_uring_cq_advance(uring, i);
	if (i != n)
		die("io_uring completed %u of %u", i, n);
}

static unsigned int uring_read(struct endpoint *end)
{
	unsigned int i, j;

	for (i = 0; i < BURST; i += end->path->batch) {
		for (j = i; j < i + end->path->batch; j++)
			io_uring_prep_read(io_uring_get_sqe(end->state), end->in,
					   burst.records[j], burst.room, -1);
		complete(end->state, end->path->batch);
	}
	return i;
}

/* Write @frames, or one frame each time, if there are none. */
static unsigned int uring_write_frames(struct endpoint *end, unsigned char *const *frames)
{
	unsigned int i, j;

	for (i = 0; i < BURST; i += end->path->batch) {
		for (j = i; j < i + end->path->batch; j++)
			io_uring_prep_write(io_uring_get_sqe(end->state), end->out,
					    frames ? frames[j] : burst.frame, burst.len, -1);
		complete(end->state, end->path->batch);
	}
	return i;
}

static unsigned int uring_write(struct endpoint *end)
{
	return uring_write_frames(end, NULL);
}

static unsigned int uring_forward(struct endpoint *end)
{
	uring_read(end);
	return uring_write_frames(end, burst.records);
}

#define TO_USER		WORKLOADS_TO_USER
#define TO_KERNEL	WORKLOAD(USER_TO_KERNEL)
#define TO_USER_PAIRS	(TO_USER | WORKLOAD(PAIRS_TO_USER))
#define TO_KERNEL_PAIRS	(TO_KERNEL | WORKLOAD(PAIRS_TO_KERNEL))

static const struct path paths[] = {
	{ "read", TO_USER, 1, 0, tap_read, NULL },
	{ "read, multi-queue", TO_USER_PAIRS, 1, IFF_MULTI_QUEUE, tap_read, NULL },
	{ "read, IFF_VNET_HDR", TO_USER, 1, IFF_VNET_HDR, vnet_read, NULL },
	{ "read, io_uring", TO_USER, 1, TAP_URING, uring_read, NULL },
	{ "read, io_uring", TO_USER, 32, TAP_URING, uring_read, NULL },
	{ "write", TO_KERNEL, 1, 0, tap_write, NULL },
	{ "write, IFF_NAPI", TO_KERNEL, 1, IFF_NAPI, tap_write, NULL },
	{ "write, multi-queue", TO_KERNEL_PAIRS, 1, IFF_MULTI_QUEUE, tap_write, NULL },
	{ "write, IFF_VNET_HDR", TO_KERNEL, 1, IFF_VNET_HDR, vnet_write, NULL },
	{ "write, io_uring", TO_KERNEL, 1, TAP_URING, uring_write, NULL },
	{ "write, io_uring", TO_KERNEL, 32, TAP_URING, uring_write, NULL },
	{ "read, write", WORKLOAD(FORWARD), 1, 0, tap_forward, NULL },
	{ "read, write, io_uring", WORKLOAD(FORWARD), 32, TAP_URING, uring_forward, NULL },
	{ "read, write", WORKLOAD(TCP), 1, 0, tap_carry, NULL },
	{ "read, write, IFF_NAPI", WORKLOAD(TCP), 1, IFF_NAPI, tap_carry, NULL },
	{ "read, write, TSO", WORKLOAD(TCP), 1, IFF_VNET_HDR | TAP_SEGMENTS, vnet_carry, NULL },
	{ "read, write", WORKLOADS_ECHO, 1, 0, tap_echo, NULL },
	{ "read", WORKLOAD(LOSS), 1, 0, tap_take, NULL },
};

const struct peer peer_tun = {
	.name = "tap",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = tap_missing,
	.open = tap_open,
	.close = tap_close,
};
