/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * How framehub moves frames, where ports do not take them: each port is one end of a
 * pair of sockets, which keep frames apart and poll(2) as a port's queues do, and the
 * test has the other end.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../tools/hub.h"

#define LEN	60

enum { A, B, C, NPORTS };

static struct port {
	const char *name;
	int hub, test;			/* the ends */
	_Atomic int error;		/* of writing; 0: none */
	_Atomic unsigned int room;	/* frames that are taken before that */
	_Atomic unsigned int ncalls;	/* that took nothing */
} ports[NPORTS] = { { .name = "a" }, { .name = "b" }, { .name = "c" } };

static struct hub *hub;

/* --- what the hub has of the library ------------------------------ */

struct frameio_qp {
	struct port *port;
};

struct record {
	struct frameio_hdr hdr;
	unsigned char frame[LEN];
};

struct frameio_batch {
	unsigned int nframes;
	struct record records[FRAMEIO_NFRAMES_MAX];
};

const char *frameio_version(void)
{
	return "";
}

int frameio_open(struct frameio_qp **qp, const char *netns, const char *name, uint32_t queue)
{
	unsigned int i;

	(void)netns;
	(void)queue;
	for (i = 0; i < NPORTS; i++) {
		if (strcmp(ports[i].name, name) || ports[i].error == ENODEV)
			continue;
		*qp = calloc(1, sizeof(**qp));
		(*qp)->port = &ports[i];
		return 0;
	}
	return -ENODEV;
}

int frameio_attach(struct frameio_qp **qp, const char *netns,
		   const struct frameio_port_config *config)
{
	(void)qp;
	(void)netns;
	(void)config;
	return -EOPNOTSUPP;
}

void frameio_close(struct frameio_qp *qp)
{
	free(qp);
}

int frameio_fd(const struct frameio_qp *qp)
{
	return qp->port->hub;
}

int frameio_get_info(struct frameio_qp *qp, struct frameio_info *info)
{
	*info = (struct frameio_info){ .fi_ifindex = 1 + (qp->port - ports) };
	return 0;
}

int frameio_set_nonblock(struct frameio_qp *qp, bool nonblock)
{
	(void)qp;
	(void)nonblock;
	return 0;
}

int frameio_set_options(struct frameio_qp *qp, uint32_t options)
{
	(void)qp;
	(void)options;
	return 0;
}

int frameio_ring_setup(struct frameio_qp *qp, const struct frameio_ring_options *options)
{
	(void)qp;
	(void)options;
	return 0;
}

int frameio_batch_alloc(struct frameio_batch **batch, unsigned int nframes, size_t frame_size)
{
	(void)frame_size;
	*batch = calloc(1, sizeof(**batch));
	(*batch)->nframes = nframes;
	return 0;
}

void frameio_batch_free(struct frameio_batch *batch)
{
	free(batch);
}

struct frameio_hdr *frameio_batch_hdr(const struct frameio_batch *batch, unsigned int i)
{
	return (struct frameio_hdr *)&batch->records[i].hdr;
}

int frameio_batch_read(struct frameio_batch *batch, struct frameio_qp *qp)
{
	struct record *record;
	unsigned int n;

	for (n = 0; n < batch->nframes; n++) {
		record = &batch->records[n];
		if (recv(qp->port->hub, record->frame, LEN, MSG_DONTWAIT) != LEN)
			break;
		record->hdr = (struct frameio_hdr){ .hdrlen = sizeof(record->hdr), .len = LEN };
	}
	return n ? (int)n : -EAGAIN;
}

static int write_record(struct port *port, const struct record *record)
{
	if (port->error && !port->room)
		return -port->error;
	if (send(port->hub, record->frame, LEN, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	port->room -= port->room > 0;
	return 0;
}

int frameio_batch_write_some(const struct frameio_batch *batch, uint32_t records,
			     struct frameio_qp *qp)
{
	int n = 0, err = 0;

	for (; records && !err; records &= records - 1) {
		err = write_record(qp->port, &batch->records[__builtin_ctz(records)]);
		n += !err;
	}
	qp->port->ncalls += !n;
	return n ? n : err;
}

/* --- stations ----------------------------------------------------- */

static void setup(void)
{
	/* what fails is waited for no longer */
	const struct timeval patience = { .tv_sec = 30 };
	int ends[2], i;

	tool_name = "hub";
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	for (i = 0; i < NPORTS; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
		ck_assert_int_eq(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
					    sizeof(patience)), 0);
		ports[i].hub = ends[0];
		ports[i].test = ends[1];
	}
}

static void start_hub(unsigned int nports, int64_t wait_ms)
{
	static const struct tool_port names[NPORTS] = {
		{ "a", NULL, "a" }, { "b", NULL, "b" }, { "c", NULL, "c" },
	};
	const struct hub_settings settings = {
		.batch_size = FRAMEIO_NFRAMES_MAX,
		.nthreads = 1,
		.nstations = 64,
		.lifetime_ms = 300000,
		.wait_ms = wait_ms,
	};

	hub = hub_open(names, nports, &settings);
	hub_start(hub);
}

static void stop_hub(void)
{
	ck_assert(hub_stop(hub));
}

static void close_hub(void)
{
	int i;

	hub_close(hub);
	for (i = 0; i < NPORTS; i++) {
		close(ports[i].hub);
		close(ports[i].test);
	}
}

#define EVERYBODY	0xff

static void send_frame(int port, unsigned char to, unsigned char from, unsigned char number)
{
	unsigned char frame[LEN] = { 2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5, number };

	if (to == EVERYBODY)
		memset(frame, 0xff, 6);
	ck_assert_int_eq(send(ports[port].test, frame, LEN, 0), LEN);
}

/* The next frame that comes out of a port has this number. */
static void expect_frame(int port, unsigned char number)
{
	unsigned char frame[LEN];

	ck_assert_int_eq(recv(ports[port].test, frame, LEN, 0), LEN);
	ck_assert_uint_eq(frame[14], number);
}

static bool has_frame(int port)
{
	struct pollfd fd = { .fd = ports[port].test, .events = POLLIN };

	return poll(&fd, 1, 10) > 0;
}

/* --- no memory ---------------------------------------------------- */

/* Nothing is lost, and nobody runs in circles meanwhile. */
START_TEST(without_memory_a_pipe_waits)
{
	const double started = tool_now();

	ports[B].error = ENOMEM;
	start_hub(2, HUB_FOREVER);
	send_frame(A, 2, 1, 7);
	while (ports[B].ncalls < 10)
		usleep(1000);
	ck_assert_double_ge(tool_now() - started, 0.08);
	ports[B].error = 0;
	expect_frame(B, 7);
	stop_hub();
	ck_assert_uint_eq(hub_count(hub, B, HUB_OUT_FRAMES), 1);
	ck_assert_uint_eq(hub_count(hub, B, HUB_FULL), 0);
	close_hub();
}
END_TEST

START_TEST(without_memory_for_one_the_others_go_on)
{
	int i;

	ports[C].error = ENOMEM;
	start_hub(3, 50);
	for (i = 0; i < 100; i++)
		send_frame(A, EVERYBODY, 1, i);
	for (i = 0; i < 100; i++)
		expect_frame(B, i);
	while (hub_count(hub, C, HUB_FULL) < 100)
		usleep(1000);
	/* and it is tried again */
	ports[C].error = 0;
	do
		send_frame(A, EVERYBODY, 1, 200);
	while (!has_frame(C));
	stop_hub();
	ck_assert_uint_eq(hub_count(hub, C, HUB_OUT_FRAMES) + hub_count(hub, C, HUB_FULL),
			  hub_count(hub, A, HUB_IN_FRAMES));
	close_hub();
}
END_TEST

/* --- ports that take nothing -------------------------------------- */

/* Its stations may be found elsewhere then. */
START_TEST(a_congested_port_may_go_down)
{
	start_hub(3, 20);
	send_frame(C, EVERYBODY, 3, 1);
	expect_frame(A, 1);
	expect_frame(B, 1);
	while (!hub_count(hub, C, HUB_FULL))
		send_frame(A, 3, 1, 2);
	ck_assert_uint_gt(hub_count(hub, C, HUB_OUT_FRAMES), 0);
	ck_assert(!has_frame(B));
	ports[C].error = ENETDOWN;
	do
		send_frame(A, 3, 1, 3);
	while (!has_frame(B));
	ck_assert_uint_gt(hub_count(hub, C, HUB_DOWN), 0);
	stop_hub();
	close_hub();
}
END_TEST

/* Frames that waited in its read queue may still come from a port that is down. */
START_TEST(who_is_heard_at_a_port_that_is_down_is_forgotten)
{
	int i;

	start_hub(3, 20);
	ports[C].error = ENETDOWN;
	for (i = 0; i < 2; i++) {
		send_frame(C, EVERYBODY, 3, 1);
		expect_frame(A, 1);
		expect_frame(B, 1);
		/* dropped, and then not known any more */
		send_frame(A, 3, 1, 2);
		while (hub_count(hub, C, HUB_DOWN) < 2U * i + 1)
			usleep(1000);
		send_frame(A, 3, 1, 3);
		expect_frame(B, 3);
		while (hub_count(hub, C, HUB_DOWN) < 2U * i + 2)
			usleep(1000);
	}
	stop_hub();
	close_hub();
}
END_TEST

START_TEST(a_port_may_go_within_a_batch)
{
	int i;

	start_hub(3, 20);
	ports[C].room = 5;
	ports[C].error = ENODEV;
	for (i = 0; i < 20; i++)
		send_frame(A, EVERYBODY, 1, i);
	for (i = 0; i < 20; i++)
		expect_frame(B, i);
	for (i = 0; i < 5; i++)
		expect_frame(C, i);
	while (hub_count(hub, C, HUB_GONE) < 15)
		usleep(1000);
	ck_assert(!hub_port_is_there(hub, C));
	stop_hub();
	ck_assert_uint_eq(hub_count(hub, C, HUB_OUT_FRAMES), 5);
	ck_assert_uint_eq(hub_count(hub, C, HUB_GONE), 15);
	close_hub();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub");
	TCase *tcase = tcase_create("hub");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, without_memory_a_pipe_waits);
	tcase_add_test(tcase, without_memory_for_one_the_others_go_on);
	tcase_add_test(tcase, a_congested_port_may_go_down);
	tcase_add_test(tcase, who_is_heard_at_a_port_that_is_down_is_forgotten);
	tcase_add_test(tcase, a_port_may_go_within_a_batch);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
