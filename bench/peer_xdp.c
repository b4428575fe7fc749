/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * AF_XDP in copy mode: frames in chunks of memory that are given to the kernel and come back,
 * through rings. The interface's driver runs the program that redirects them, as veth can, or
 * the kernel does before the stack ("generic"). One socket, queue 0.
 */
#include "bench.h"

#ifdef HAVE_LIBXDP
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#define CHUNK_SIZE	4096U	/* the most there is */
#define NCHUNKS		256U
#define AREA_SIZE	((size_t)NCHUNKS * CHUNK_SIZE)

/* What the kernel keeps free in front of a frame that it receives. */
#define HEADROOM	256U

/* @done: chunks of which all is sent. A sender beside a receiver has rings of its own. */
struct xdp {
	void *area;
	struct xsk_umem *umem;
	struct xsk_socket *receiver, *sender;
	struct xsk_ring_prod fill, sender_fill, send;
	struct xsk_ring_cons completion, sender_completion, receive;
	struct xsk_ring_cons *done;
};

static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int say_nothing_either(enum libxdp_print_level level, const char *format,
			      va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* What is told is told by our reasons; and no program between the driver and that of the socket. */
static const char *xdp_missing(void)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	libbpf_set_print(say_nothing);
	libxdp_set_print(say_nothing_either);
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 1);
	/* up to Linux 5.10 the memory of maps counts */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	return NULL;
}

static int create_umem(struct xdp *xdp)
{
	const struct xsk_umem_config config = {
		.fill_size = NCHUNKS, .comp_size = NCHUNKS, .frame_size = CHUNK_SIZE,
	};

	return xsk_umem__create(&xdp->umem, xdp->area, AREA_SIZE, &xdp->fill, &xdp->completion,
				&config);
}

static int create_receiver(struct xdp *xdp, unsigned int mode)
{
	const struct xsk_socket_config config = {
		.rx_size = NCHUNKS, .xdp_flags = mode,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};

	return xsk_socket__create(&xdp->receiver, IN_NAME, 0, xdp->umem, &xdp->receive, NULL,
				  &config);
}

static int create_sender(struct xdp *xdp)
{
	const struct xsk_socket_config config = {
		.tx_size = NCHUNKS, .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};

	if (!xdp->receiver) {
		xdp->done = &xdp->completion;
		return xsk_socket__create(&xdp->sender, OUT_NAME, 0, xdp->umem, NULL, &xdp->send,
					  &config);
	}
	xdp->done = &xdp->sender_completion;
	return xsk_socket__create_shared(&xdp->sender, OUT_NAME, 0, xdp->umem, NULL, &xdp->send,
					 &xdp->sender_fill, &xdp->sender_completion, &config);
}

/* All chunks are the kernel's at first, and each goes back to it when it was looked at. */
static void fill_all(struct xdp *xdp)
{
	unsigned int i, index;

	if (xsk_ring_prod__reserve(&xdp->fill, NCHUNKS, &index) != NCHUNKS)
		die("AF_XDP's fill ring has no room");
	for (i = 0; i < NCHUNKS; i++)
		*xsk_ring_prod__fill_addr(&xdp->fill, index + i) = (uint64_t)i * CHUNK_SIZE;
	xsk_ring_prod__submit(&xdp->fill, NCHUNKS);
}

static int open_receiver(struct endpoint *end, struct xdp *xdp)
{
	int err;

	fill_all(xdp);
	err = create_receiver(xdp, end->path->flags);
	if (!err)
		end->in = dup(xsk_socket__fd(xdp->receiver));
	return err;
}

static const char *xdp_open(struct endpoint *end)
{
	struct xdp *xdp;
	int err;

	if (burst.len > CHUNK_SIZE - HEADROOM)
		return "the frame is longer than a chunk of a page, less what is kept free in it";
	xdp = calloc(1, sizeof(*xdp));
	fail_unless(xdp != NULL, "AF_XDP");
	end->state = xdp;
	xdp->area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fail_unless(xdp->area != MAP_FAILED, "AF_XDP's memory");
	err = create_umem(xdp);
	if (!err && endpoint_reads(end))
		err = open_receiver(end, xdp);
	if (!err && endpoint_writes(end))
		err = create_sender(xdp);
	errno = -err;
	return err ? because("an AF_XDP socket") : NULL;
}

static void xdp_close(struct endpoint *end)
{
	struct xdp *xdp = end->state;

	if (!xdp)
		return;
	if (xdp->sender)
		xsk_socket__delete(xdp->sender);
	/* libxdp takes its program off the interface with the socket */
	if (xdp->receiver)
		xsk_socket__delete(xdp->receiver);
	if (xdp->umem)
		xsk_umem__delete(xdp->umem);
	munmap(xdp->area, AREA_SIZE);
	free(xdp);
}

/* Wait for frames, up to @n. Returns how many there are, from @index on. */
static unsigned int await_frames(struct endpoint *end, unsigned int n, unsigned int *index)
{
	struct pollfd pollfd = { .fd = end->in, .events = POLLIN };
	struct xdp *xdp = end->state;
	unsigned int found;

	while (!(found = xsk_ring_cons__peek(&xdp->receive, n, index)))
		fail_unless(poll(&pollfd, 1, -1) == 1, "poll");
	return found;
}

static void offer_chunks(struct xdp *xdp, unsigned int n)
{
	xsk_ring_prod__submit(&xdp->fill, n);
	if (xsk_ring_prod__needs_wakeup(&xdp->fill))
		recvfrom(xsk_socket__fd(xdp->receiver), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* Look at as many frames as there are, up to @n, and give their chunks back. Returns how many. */
static unsigned int receive_some(struct endpoint *end, unsigned int n)
{
	struct xdp *xdp = end->state;
	unsigned int i, from, to;

	n = await_frames(end, n, &from);
	fail_unless(xsk_ring_prod__reserve(&xdp->fill, n, &to) == n, "AF_XDP's fill ring");
	for (i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&xdp->receive, from + i);

		fail_unless(desc->len == burst.len, "AF_XDP");
		*xsk_ring_prod__fill_addr(&xdp->fill, to + i) = desc->addr;
	}
	xsk_ring_cons__release(&xdp->receive, n);
	offer_chunks(xdp, n);
	return n;
}

static unsigned int xdp_take(struct endpoint *end)
{
	return receive_some(end, end->path->batch);
}

static unsigned int xdp_receive(struct endpoint *end)
{
	unsigned int n = 0;

	while (n < BURST)
		n += receive_some(end, BURST - n);
	return n;
}

/* Wake the kernel until it has sent @n, each call of which sends some; @done is told of them. */
static void send_all(struct xdp *xdp, unsigned int n,
		     void (*done)(struct xdp *xdp, unsigned int index, unsigned int n))
{
	unsigned int ndone, index;

	while (n) {
		if (xsk_ring_prod__needs_wakeup(&xdp->send) &&
		    sendto(xsk_socket__fd(xdp->sender), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0)
			fail_unless(errno == EAGAIN || errno == EBUSY, "AF_XDP's sendto");
		ndone = xsk_ring_cons__peek(xdp->done, n, &index);
		if (done && ndone)
			done(xdp, index, ndone);
		xsk_ring_cons__release(xdp->done, ndone);
		n -= ndone;
	}
}

/* Each frame is copied into its chunk, as into frameio's ring. */
static unsigned int xdp_send(struct endpoint *end)
{
	const unsigned int batch = end->path->batch;
	struct xdp *xdp = end->state;
	unsigned int i, j, index;

	for (i = 0; i < BURST; i += batch) {
		fail_unless(xsk_ring_prod__reserve(&xdp->send, batch, &index) == batch, "AF_XDP");
		for (j = 0; j < batch; j++) {
			struct xdp_desc *desc = xsk_ring_prod__tx_desc(&xdp->send, index + j);

			*desc = (struct xdp_desc){ (i + j) * CHUNK_SIZE, burst.len, 0 };
			memcpy((char *)xdp->area + desc->addr, burst.frame, burst.len);
		}
		xsk_ring_prod__submit(&xdp->send, batch);
		send_all(xdp, batch, NULL);
	}
	return i;
}

/* Chunks of which all is sent can receive again. */
static void return_chunks(struct xdp *xdp, unsigned int from, unsigned int n)
{
	unsigned int i, to;

	fail_unless(xsk_ring_prod__reserve(&xdp->fill, n, &to) == n, "AF_XDP's fill ring");
	for (i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&xdp->fill, to + i) =
			*xsk_ring_cons__comp_addr(xdp->done, from + i);
	offer_chunks(xdp, n);
}

/* Frames are sent from where they were received. */
static unsigned int forward_some(struct endpoint *end, unsigned int n)
{
	struct xdp *xdp = end->state;
	unsigned int i, from, to;

	n = await_frames(end, n, &from);
	fail_unless(xsk_ring_prod__reserve(&xdp->send, n, &to) == n, "AF_XDP");
	for (i = 0; i < n; i++)
		*xsk_ring_prod__tx_desc(&xdp->send, to + i) =
			*xsk_ring_cons__rx_desc(&xdp->receive, from + i);
	xsk_ring_cons__release(&xdp->receive, n);
	xsk_ring_prod__submit(&xdp->send, n);
	send_all(xdp, n, return_chunks);
	return n;
}

static unsigned int xdp_forward(struct endpoint *end)
{
	unsigned int n = 0;

	while (n < BURST)
		n += forward_some(end, BURST - n);
	return n;
}

static const struct path paths[] = {
	{ "send", WORKLOAD(NIC_SEND), 1, 0, xdp_send, NULL },
	{ "send", WORKLOAD(NIC_SEND), 32, 0, xdp_send, NULL },
	{ "receive", WORKLOAD(NIC_RECEIVE), 32, XDP_FLAGS_DRV_MODE, xdp_receive, NULL },
	{ "receive, generic", WORKLOAD(NIC_RECEIVE), 32, XDP_FLAGS_SKB_MODE, xdp_receive, NULL },
	{ "receive, send", WORKLOAD(NIC_FORWARD), 32, XDP_FLAGS_DRV_MODE, xdp_forward, NULL },
	{ "receive, send, generic", WORKLOAD(NIC_FORWARD), 32, XDP_FLAGS_SKB_MODE, xdp_forward,
	  NULL },
	{ "receive", WORKLOAD(NIC_LOSS), 32, XDP_FLAGS_DRV_MODE, xdp_take, NULL },
};

const struct peer peer_xdp = {
	.name = "AF_XDP",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = xdp_missing,
	.open = xdp_open,
	.close = xdp_close,
};

#else /* !HAVE_LIBXDP */

static const char *xdp_missing(void)
{
	return "there was no libxdp when this was built: install libxdp-dev, and ./configure again";
}

static const struct path paths[] = {
	{ .name = "send", .workloads = WORKLOAD(NIC_SEND), .batch = 32 },
	{ .name = "receive", .workloads = WORKLOAD(NIC_RECEIVE), .batch = 32 },
};

const struct peer peer_xdp = {
	.name = "AF_XDP",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = xdp_missing,
};

#endif
