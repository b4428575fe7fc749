/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: echo-packed NAME
 *
 * Makes the L3 port NAME, and answers the pings that the kernel sends there, in packed
 * mode: read(2) fills a buffer with a row of packets, and write(2) takes one. libframeio
 * walks over the one row and makes the other:
 *
 *	cc -o echo-packed echo-packed.c $(pkg-config --cflags --libs frameio)
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <libframeio/libframeio.h>

#include "answer.h"

/* Room for one packet of any length, or many. */
#define ROW_SIZE	(128 * 1024)

static _Alignas(FRAMEIO_RECORD_ALIGN) unsigned char row[ROW_SIZE], answers[ROW_SIZE];

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

/* Answer what can be, of a row of so many bytes; returns the bytes of the row of answers. */
static size_t answer_all(size_t size)
{
	struct frameio_records records;
	const struct frameio_hdr *hdr;
	size_t answered = 0;

	frameio_records_init(&records, row, size);
	while (frameio_records_next(&records, &hdr) > 0) {
		void *packet = frameio_hdr_frame(hdr);

		/* there is room: they were a row before */
		if (answer(packet, hdr->len))
			frameio_records_append(answers, ROW_SIZE, &answered, packet, hdr->len);
	}
	return answered;
}

/* Returns 0 or a negative errno. */
static int write_row(int fd, size_t size)
{
	size_t done = 0;
	ssize_t n;

	/* a signal may end a call when a part is accepted, which ends where a record starts */
	for (; done < size; done += n) {
		n = write(fd, answers + done, size - done);
		if (n < 0)
			return -errno;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct frameio_port_config config = { .flags = FRAMEIO_PORT_L3 };
	struct frameio_qp *port;
	ssize_t size;
	int error;

	if (argc != 2)
		errx(2, "usage: %s NAME", argv[0]);
	config.name = argv[1];
	error = frameio_create(&port, NULL, &config);
	if (error)
		fail("make the port", argv[1], error);
	error = frameio_set_options(port, FRAMEIO_O_PACKED);
	if (error)
		fail("pack the records of", argv[1], error);
	while ((size = read(frameio_fd(port), row, ROW_SIZE)) > 0) {
		error = write_row(frameio_fd(port), answer_all(size));
		/* an interface that is down takes nothing */
		if (error && error != -ENETDOWN)
			fail("write to", argv[1], error);
	}
	fail("read from", argv[1], -errno);
}
