/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: echo-single NAME
 *
 * Makes the L3 port NAME, and answers the pings that the kernel sends there: one packet
 * for each read(2), and one for each write(2). It takes nothing but <frameio/frameio.h>.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "answer.h"

#define PACKET_MAX	65535

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

int main(int argc, char **argv)
{
	static union {
		struct frameio_hdr hdr;
		unsigned char bytes[sizeof(struct frameio_hdr) + PACKET_MAX];
	} record;
	ssize_t len;
	int port;

	if (argc != 2)
		errx(2, "usage: %s NAME", argv[0]);
	port = create_port(argv[1]);
	while ((len = read(port, &record, sizeof(record))) > 0) {
		if (!answer(record.bytes + record.hdr.hdrlen, record.hdr.len))
			continue;
		/* the header is good as it was read; an interface that is down takes nothing */
		if (write(port, &record, len) < 0 && errno != ENETDOWN)
			err(1, "cannot write to %s", argv[1]);
	}
	err(1, "cannot read from %s", argv[1]);
}
