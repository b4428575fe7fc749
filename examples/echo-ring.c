/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: echo-ring NAME
 *
 * Makes the L3 port NAME, and answers the pings that the kernel sends there, in memory
 * shared with the kernel: a packet is looked at where it arrived, its answer is made where
 * it leaves, and there is a system call only to sleep or to wake the kernel.
 *
 *	cc -o echo-ring echo-ring.c $(pkg-config --cflags --libs frameio)
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <libframeio/libframeio.h>

#include "answer.h"

#define RING_SIZE	(1u << 20)

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

/* Answer a packet, if it can be. Returns an error if it is to come again, later. */
static int answer_one(struct frameio_hdr *hdr, void *port)
{
	struct frameio_hdr *reply;
	int error = frameio_ring_reserve(port, hdr->len, &reply);

	if (error)
		/* an interface that is down takes nothing */
		return error == -ENETDOWN ? 0 : error;
	memcpy(frameio_hdr_frame(reply), frameio_hdr_frame(hdr), hdr->len);
	if (answer(frameio_hdr_frame(reply), hdr->len))
		return frameio_ring_commit(port, hdr->len);
	frameio_ring_cancel(port);
	return 0;
}

/* Returns why it cannot go on. */
static int answer_all(struct frameio_qp *port)
{
	int n, events;

	while ((n = frameio_ring_drain(port, answer_one, port, 0)) >= 0) {
		/* all answers at once; those to an interface that is down wait there */
		frameio_ring_flush(port);
		if (n)
			continue;
		/* there is no packet, or else no room for its answer */
		events = frameio_wait(port, POLLIN, -1);
		if (events >= 0)
			events = frameio_wait(port, POLLOUT, -1);
		if (events < 0)
			return events;
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct frameio_ring_options rings = {
		.read_size = RING_SIZE,
		.write_size = RING_SIZE,
	};
	struct frameio_port_config config = { .flags = FRAMEIO_PORT_L3 };
	struct frameio_qp *port;
	int error;

	if (argc != 2)
		errx(2, "usage: %s NAME", argv[0]);
	config.name = argv[1];
	error = frameio_create(&port, NULL, &config);
	if (error)
		fail("make the port", argv[1], error);
	error = frameio_ring_setup(port, &rings);
	if (error)
		fail("make rings for", argv[1], error);
	fail("use", argv[1], answer_all(port));
}
