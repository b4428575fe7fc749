/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: echo-vector NAME
 *
 * Makes the L3 port NAME, and answers the pings that the kernel sends there: readv(2)
 * has a packet in each vector, as many as wait, and so has writev(2). It takes nothing
 * but <frameio/frameio.h>.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "answer.h"

#define PACKET_MAX	65535
#define NPACKETS	32

static union record {
	struct frameio_hdr hdr;
	unsigned char bytes[sizeof(struct frameio_hdr) + PACKET_MAX];
} records[NPACKETS];

static int create_port(const char *name)
{
	struct frameio_create create = { .fc_flags = FRAMEIO_PORT_L3 };
	int fd = open("/dev/frameio/control", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "/dev/frameio/control");
	snprintf(create.fc_name, sizeof(create.fc_name), "%s", name);
	if (ioctl(fd, FRAMEIO_CREATE, &create))
		err(1, "cannot make the port %s", name);
	return fd;
}

/* Answer what can be, of the records with so many bytes; returns how many answers there are. */
static int answer_all(struct iovec answers[NPACKETS], ssize_t bytes)
{
	union record *record;
	int n = 0;

	/* the sum of their lengths tells how many vectors were used */
	for (record = records; bytes > 0; record++) {
		const size_t size = record->hdr.hdrlen + record->hdr.len;

		if (answer(record->bytes + record->hdr.hdrlen, record->hdr.len))
			answers[n++] = (struct iovec){ record, size };
		bytes -= size;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct iovec slots[NPACKETS], answers[NPACKETS];
	ssize_t bytes;
	int port, i, n;

	if (argc != 2)
		errx(2, "usage: %s NAME", argv[0]);
	for (i = 0; i < NPACKETS; i++)
		slots[i] = (struct iovec){ &records[i], sizeof(records[i]) };
	port = create_port(argv[1]);
	while ((bytes = readv(port, slots, NPACKETS)) > 0) {
		n = answer_all(answers, bytes);
		/* it waits until all are accepted; an interface that is down takes nothing */
		if (n && writev(port, answers, n) < 0 && errno != ENETDOWN)
			err(1, "cannot write to %s", argv[1]);
	}
	err(1, "cannot read from %s", argv[1]);
}
