/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Frames that are sent while their reader sleeps, and what of them it finds when it wakes up. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

const unsigned int loss_nframes[NLOSSES] = { 100, 1000, 20000 };

/* What has not come until then was lost. */
#define PATIENCE_MS	200

/* Does a frame wait? One that a queueing discipline holds comes a little later. */
static bool is_readable(const struct endpoint *end, int timeout)
{
	struct pollfd pollfd = { .fd = end->in, .events = POLLIN };
	const int n = poll(&pollfd, 1, timeout);

	fail_unless(n >= 0, "poll");
	return n;
}

/* Is there room for it? Or does the sender have to wait for the reader to make some? */
static bool send_frame(int fd)
{
	const ssize_t n = send(fd, burst.frame, burst.len, MSG_DONTWAIT);

	fail_unless(n == (ssize_t)burst.len || errno == EAGAIN || errno == ENOBUFS, "send");
	return n >= 0 || errno == ENOBUFS;
}

/* The reader sleeps until all are sent, or until the sender has to wait for it. */
void measure_loss(struct endpoint *end, struct result *result)
{
	const int fd = network_open_sender(endpoint_is_nic(end) ? WIRE_NAME : IN_NAME);
	unsigned int sent = 0, received = 0;

	while (sent < result->nframes) {
		if (send_frame(fd))
			sent++;
		else if (is_readable(end, PATIENCE_MS))
			received += end->path->move(end);
	}
	while (received < sent && is_readable(end, PATIENCE_MS))
		received += end->path->move(end);
	close(fd);
	result->cost = 100.0 * (sent - received) / sent;
}
