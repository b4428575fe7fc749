/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * usage: epoll-ports NAME...
 *
 * Makes the L3 ports NAME..., and answers the pings that the kernel sends there, all in
 * one loop around epoll(7), where a program has its sockets and timers, too. Ctrl-C or
 * SIGTERM comes as an event and ends it; a port that is deleted is closed, and the others
 * go on.
 *
 * No port keeps the others waiting: calls do not wait, a turn is one batch of one port,
 * and who has no room for answers is not read from until there is some again.
 *
 *	cc -o epoll-ports epoll-ports.c $(pkg-config --cflags --libs frameio)
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <libframeio/libframeio.h>

#include "answer.h"

#define PACKET_MAX	1500
#define NEVENTS		16

struct port {
	const char *name;
	struct frameio_qp *qp;
	struct frameio_batch *batch;	/* what was read, and is not answered yet: */
	uint32_t answers;		/* these of its records */
};

static int events_fd;

static void fail(const char *what, const char *name, int error)
{
	errno = -error;
	err(1, "cannot %s %s", what, name);
}

static void make_port(struct port *port, const char *name)
{
	const struct frameio_port_config config = { .name = name, .flags = FRAMEIO_PORT_L3 };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = port };
	int error = frameio_create(&port->qp, NULL, &config);

	if (error)
		fail("make the port", name, error);
	error = frameio_set_nonblock(port->qp, true);
	if (!error)
		/* what is too long for a batch is cut, as nothing that long is answered */
		error = frameio_set_options(port->qp, FRAMEIO_O_TRUNC);
	if (!error)
		error = frameio_batch_alloc(&port->batch, FRAMEIO_NFRAMES_MAX, PACKET_MAX);
	if (error)
		fail("set up", name, error);
	if (epoll_ctl(events_fd, EPOLL_CTL_ADD, frameio_fd(port->qp), &event))
		err(1, "cannot watch %s", name);
	port->name = name;
}

/* Closing takes it out of the epoll set, and deletes it if it is not gone. */
static void close_port(struct port *port)
{
	frameio_close(port->qp);
	frameio_batch_free(port->batch);
	port->qp = NULL;
}

/* Be told when there is a packet; or when there is room, and then there is an answer left. */
static void wait_for(struct port *port, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = port };

	if (epoll_ctl(events_fd, EPOLL_CTL_MOD, frameio_fd(port->qp), &event))
		err(1, "cannot watch %s", port->name);
}

static uint32_t answer_all(const struct frameio_batch *batch, int n)
{
	uint32_t answers = 0;
	int i;

	for (i = 0; i < n; i++) {
		const struct frameio_hdr *hdr = frameio_batch_hdr(batch, i);

		if (!(hdr->flags & FRAMEIO_F_TRUNC) && answer(frameio_hdr_frame(hdr), hdr->len))
			answers |= UINT32_C(1) << i;
	}
	return answers;
}

/* Write what was not written yet. Returns 0, -EAGAIN or -ENODEV. */
static int write_answers(struct port *port)
{
	int n;

	while (port->answers) {
		n = frameio_batch_write_some(port->batch, port->answers, port->qp);
		if (n == -EAGAIN || n == -ENODEV)
			return n;
		/* those accepted; or one that is not: an interface that is down takes nothing */
		for (n = n < 0 ? 1 : n; n > 0; n--)
			port->answers &= port->answers - 1;
	}
	return 0;
}

/* A batch. Returns 0, or why the port cannot go on. */
static int take_turn(struct port *port)
{
	const bool had_no_room = port->answers;
	int n;

	if (!had_no_room) {
		n = frameio_batch_read(port->batch, port->qp);
		if (n < 0)
			return n == -EAGAIN ? 0 : n;
		port->answers = answer_all(port->batch, n);
	}
	n = write_answers(port);
	if (n == -EAGAIN && !had_no_room)
		wait_for(port, EPOLLOUT);
	else if (!n && had_no_room)
		wait_for(port, EPOLLIN);
	return n == -EAGAIN ? 0 : n;
}

/* SIGINT and SIGTERM become events, for which there is no port. */
static void watch_signals(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fd < 0 || epoll_ctl(events_fd, EPOLL_CTL_ADD, fd, &event))
		err(1, "cannot watch signals");
}

/* Until a signal comes, or all ports are gone. */
static void serve(int nports)
{
	struct epoll_event events[NEVENTS];
	int i, n, error;

	while (nports) {
		n = epoll_wait(events_fd, events, NEVENTS, -1);
		if (n < 0)
			err(1, "cannot wait");
		for (i = 0; i < n; i++) {
			struct port *port = events[i].data.ptr;

			if (!port)
				return;
			error = take_turn(port);
			if (error) {
				warnx("%s: %s", port->name, strerror(-error));
				close_port(port);
				nports--;
			}
		}
	}
}

int main(int argc, char **argv)
{
	const int nports = argc - 1;
	struct port *ports = calloc(argc, sizeof(*ports));
	int i;

	if (!nports)
		errx(2, "usage: %s NAME...", argv[0]);
	events_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!ports || events_fd < 0)
		err(1, "cannot start");
	watch_signals();
	for (i = 0; i < nports; i++)
		make_port(&ports[i], argv[i + 1]);
	serve(nports);
	for (i = 0; i < nports; i++) {
		if (ports[i].qp)
			close_port(&ports[i]);
	}
}
