/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: echo-batch NAME
 *
 * Makes the L3 port NAME, and answers the pings that the kernel sends there, by batches
 * of libframeio, which are FRAMEIO_READ and FRAMEIO_WRITE:
 *
 *	cc -o echo-batch echo-batch.c $(pkg-config --cflags --libs frameio)
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include <libframeio/libframeio.h>

#include "answer.h"

#define PACKET_MAX	65535

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

/* Answer what can be; returns which of the records are answers now. */
static uint32_t answer_all(const struct frameio_batch *batch, int n)
{
	uint32_t answers = 0;
	int i;

	for (i = 0; i < n; i++) {
		const struct frameio_hdr *hdr = frameio_batch_hdr(batch, i);

		if (answer(frameio_hdr_frame(hdr), hdr->len))
			answers |= UINT32_C(1) << i;
	}
	return answers;
}

int main(int argc, char **argv)
{
	struct frameio_port_config config = { .flags = FRAMEIO_PORT_L3 };
	struct frameio_batch *batch;
	struct frameio_qp *port;
	uint32_t answers;
	int n;

	if (argc != 2)
		errx(2, "usage: %s NAME", argv[0]);
	config.name = argv[1];
	n = frameio_create(&port, NULL, &config);
	if (n)
		fail("make the port", argv[1], n);
	n = frameio_batch_alloc(&batch, FRAMEIO_NFRAMES_MAX, PACKET_MAX);
	if (n)
		fail("make a batch for", argv[1], n);
	while ((n = frameio_batch_read(batch, port)) > 0) {
		answers = answer_all(batch, n);
		/* it waits until all are accepted; an interface that is down takes nothing */
		n = frameio_batch_write_some(batch, answers, port);
		if (n < 0 && n != -ENETDOWN)
			fail("write to", argv[1], n);
	}
	fail("read from", argv[1], n);
}
