/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* poll(2) and epoll(7), level- and edge-triggered. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

#define LEN	60
#define RECORD	((ssize_t)(HDRLEN + LEN))
#define BATCH	8

/* How long nothing may happen. */
#define STALL_MS	10000

#define BOTH	(POLLIN | POLLOUT)

/* Frames of a hunt for a lost event. */
static uint32_t hunt_frames;

static ssize_t call_poll(int fd, void *arg)
{
	return guest_poll(fd, *(short *)arg, -1);
}

/* Wait for one of @events in a thread, have it happen, and tell what was seen. */
static int poll_while(int fd, short events, void (*happen)(int), int arg)
{
	struct guest_call call;

	guest_call_start(&call, call_poll, fd, &events);
	guest_call_wait_asleep(&call, SYS_poll);
	happen(arg);
	return guest_call_join(&call);
}

static void send_a_frame(int packet)
{
	guest_send(packet, LEN, 1, 0);
}

static void write_a_frame(int fd, int seed)
{
	unsigned char record[RECORD];

	guest_record(record, LEN, seed, 0);
	ck_assert_int_eq(write(fd, record, RECORD), RECORD);
}

static void read_a_frame(int fd)
{
	unsigned char record[RECORD];

	ck_assert_int_eq(read(fd, record, RECORD), RECORD);
}

static void set_down(int unused)
{
	(void)unused;
	guest_sh("ip link set fio0 down");
}

static void set_up(int unused)
{
	(void)unused;
	guest_sh("ip link set fio0 up");
}

static void let_receive(int unused)
{
	(void)unused;
	guest_receive_release();
}

/* An epoll file that watches @fd, edge-triggered. */
static int watch_edges(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

/* The next events, or 0 if there are none in that time. */
static uint32_t next_edge(int epoll, int timeout_ms)
{
	struct epoll_event event = { .events = 0 };

	ck_assert_int_ge(epoll_wait(epoll, &event, 1, timeout_ms), 0);
	return event.events;
}

START_TEST(an_unbound_file_is_an_error)
{
	int fd = guest_control();

	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLERR);
	guest_create("fio0", 0, 2);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_OPEN, &(struct frameio_open) { .fo_name = "fio0",
			       .fo_queue = 1 }), 0);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
}
END_TEST

START_TEST(readable_while_a_frame_waits)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0), 0);
	send_a_frame(packet);
	send_a_frame(packet);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLIN | POLLOUT);
	read_a_frame(fd);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLIN | POLLOUT);
	read_a_frame(fd);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	ck_assert_int_eq(guest_poll(fd, POLLRDNORM | POLLWRNORM, 0), POLLWRNORM);
}
END_TEST

START_TEST(readable_while_a_frame_that_did_not_fit_waits)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	unsigned char record[RECORD];

	send_a_frame(guest_packet_socket("fio0"));
	ck_assert_errno(read(fd, record, RECORD - 1), EMSGSIZE);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0), POLLIN);
	read_a_frame(fd);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0), 0);
}
END_TEST

START_TEST(a_frame_wakes_a_poller)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	ck_assert_int_eq(poll_while(fd, POLLIN, send_a_frame, packet), POLLIN);
}
END_TEST

/* A port whose write queue of four frames is full, and not drained until it is let. */
static int create_full(void)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int i;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_nonblock(fd, true);
	guest_set_limits(fd, 0, 4);
	guest_receive_hold("fio0");
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
		write_a_frame(fd, i);
	}
	return fd;
}

START_TEST(writable_while_a_frame_would_be_accepted)
{
	int fd = create_full();
	unsigned char record[RECORD];

	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
	guest_record(record, LEN, 9, 0);
	ck_assert_errno(write(fd, record, RECORD), EAGAIN);
	/* one more than is queued */
	guest_set_limits(fd, 0, 5);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	write_a_frame(fd, 9);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
	guest_receive_release();
	ck_assert_int_eq(guest_poll(fd, BOTH, STALL_MS), POLLOUT);
}
END_TEST

START_TEST(room_wakes_a_poller)
{
	int fd = create_full();

	/* that nobody met the full queue in a write before makes no difference */
	ck_assert_int_eq(poll_while(fd, POLLOUT, let_receive, 0), POLLOUT);
}
END_TEST

START_TEST(room_is_an_edge_after_a_full_queue)
{
	int fd = create_full();
	int epoll = watch_edges(fd, EPOLLOUT);
	unsigned char record[RECORD];

	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	guest_record(record, LEN, 9, 0);
	ck_assert_errno(write(fd, record, RECORD), EAGAIN);
	guest_receive_release();
	ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLOUT);
	write_a_frame(fd, 9);
}
END_TEST

START_TEST(room_is_an_edge_after_a_short_write)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int epoll = watch_edges(fd, EPOLLOUT);
	unsigned char records[BATCH][RECORD];
	struct iovec iov[BATCH];
	int i;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_nonblock(fd, true);
	guest_set_limits(fd, 0, 4);
	guest_receive_hold("fio0");
	ck_assert_uint_eq(next_edge(epoll, 0), EPOLLOUT);
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	for (i = 0; i < BATCH; i++) {
		guest_record(records[i], LEN, i, 0);
		iov[i] = (struct iovec) { records[i], RECORD };
	}
	ck_assert_int_eq(writev(fd, iov, BATCH), 4 * RECORD);
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	guest_receive_release();
	ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLOUT);
}
END_TEST

START_TEST(down_is_not_writable_and_up_is)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_a_frame(packet);
	set_down(0);
	/* what came before is still there */
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLIN);
	read_a_frame(fd);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
	ck_assert_int_eq(poll_while(fd, POLLOUT, set_up, 0), POLLOUT);
}
END_TEST

START_TEST(up_is_an_edge)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int epoll = watch_edges(fd, EPOLLIN | EPOLLOUT);

	ck_assert_uint_eq(next_edge(epoll, 0), EPOLLOUT);
	set_down(0);
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	set_up(0);
	ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLOUT);
}
END_TEST

START_TEST(gone_is_a_hangup_and_an_error)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int epoll = watch_edges(fd, EPOLLIN | EPOLLOUT);

	ck_assert_uint_eq(next_edge(epoll, 0), EPOLLOUT);
	guest_sh("ip link del fio0");
	ck_assert_uint_eq(next_edge(epoll, STALL_MS) & (EPOLLHUP | EPOLLERR), EPOLLHUP | EPOLLERR);
	ck_assert_int_eq(guest_poll(fd, 0, 0), POLLHUP | POLLERR);
	ck_assert_int_eq(guest_poll(fd, BOTH, -1) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
}
END_TEST

START_TEST(every_frame_to_an_empty_queue_is_an_edge)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int epoll = watch_edges(fd, EPOLLIN);
	int packet = guest_packet_socket("fio0");
	int i;

	for (i = 0; i < 100; i++) {
		ck_assert_uint_eq(next_edge(epoll, 0), 0);
		send_a_frame(packet);
		ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLIN);
		read_a_frame(fd);
	}
}
END_TEST

/* Sends numbered frames; waits where more are on their way than a small buffer holds. */
static ssize_t call_send_frames(int packet, void *arg)
{
	unsigned int seed = *(int *)arg;
	unsigned char frame[LEN];
	uint32_t i;

	for (i = 0; i < hunt_frames; i++) {
		guest_fill_numbered(frame, LEN, i);
		ck_assert_int_eq(send(packet, frame, LEN, 0), LEN);
		guest_pause_at_random(&seed);
	}
	return 0;
}

/* Reads up to a batch; returns the frames, which must be those after the first *@next. */
static int read_frames(int fd, int batch, uint32_t *next)
{
	static unsigned char records[BATCH][RECORD];
	struct iovec iov[BATCH];
	ssize_t ret;
	int i, n;

	for (i = 0; i < batch; i++)
		iov[i] = (struct iovec) { records[i], RECORD };
	ret = readv(fd, iov, batch);
	if (ret < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		return 0;
	}
	n = ret / RECORD;
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(guest_check_numbered(records[i] + HDRLEN, LEN), (*next)++);
	return n;
}

/* How a reader knows that it has drained the queue. */
static const struct {
	uint32_t read_limit;
	int batch;
	bool until_eagain;
} readers[] = {
	{ FRAMEIO_LIMIT_DEFAULT, 1, true },
	{ FRAMEIO_LIMIT_DEFAULT, BATCH, true },
	{ FRAMEIO_LIMIT_DEFAULT, BATCH, false },
	{ 4, 1, true },
	{ 4, BATCH, false },
	{ 1, 2, false },
};

/*
 * A sender against a reader that sleeps until an edge, then drains the queue:
 * until EAGAIN, or until a read moved less than it could.
 */
START_TEST(no_edge_of_a_frame_is_lost)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	int epoll = watch_edges(fd, EPOLLIN), least, n, room = 16384;
	struct guest_call sender;
	unsigned int seed = 1000;
	uint32_t next = 0;

	guest_set_nonblock(fd, true);
	guest_set_limits(fd, readers[_i].read_limit, 0);
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	least = readers[_i].until_eagain ? 1 : readers[_i].batch;
	guest_call_start(&sender, call_send_frames, packet, &_i);
	while (next < hunt_frames) {
		ck_assert_msg(next_edge(epoll, STALL_MS) == EPOLLIN,
			      "no event after %u of %u frames, POLLIN is %d", next, hunt_frames,
			      guest_poll(fd, POLLIN, 0));
		guest_pause_at_random(&seed);
		do
			n = read_frames(fd, readers[_i].batch, &next);
		while (n >= least);
	}
	ck_assert_int_eq(guest_call_join(&sender), 0);
	ck_assert_int_eq(read_frames(fd, 1, &next), 0);
}
END_TEST

/* The same with level-triggered poll(2). */
START_TEST(no_wakeup_of_a_poller_is_lost)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct guest_call sender;
	uint32_t next = 0;
	int room = 16384;

	guest_set_nonblock(fd, true);
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	guest_call_start(&sender, call_send_frames, packet, &_i);
	while (next < hunt_frames) {
		ck_assert_msg(guest_poll(fd, POLLIN, STALL_MS) == POLLIN,
			      "no event after %u of %u frames", next, hunt_frames);
		/* poll tells of a frame only when there is one */
		ck_assert_int_gt(read_frames(fd, BATCH, &next), 0);
	}
	ck_assert_int_eq(guest_call_join(&sender), 0);
}
END_TEST

/* And of blocking readv(2). */
START_TEST(no_wakeup_of_a_reader_is_lost)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct guest_call sender;
	uint32_t next = 0;
	int room = 16384;

	guest_set_limits(fd, 4, 0);
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	guest_call_start(&sender, call_send_frames, packet, &_i);
	alarm(STALL_MS / 1000);
	while (next < hunt_frames) {
		ck_assert_int_gt(read_frames(fd, BATCH, &next), 0);
		if (next % 256 < BATCH)
			alarm(STALL_MS / 1000);
	}
	alarm(0);
	ck_assert_int_eq(guest_call_join(&sender), 0);
}
END_TEST

/* Writes up to a batch of numbered frames; returns how many were accepted. */
static int write_frames(int fd, uint32_t first, int batch)
{
	static unsigned char records[BATCH][RECORD];
	struct iovec iov[BATCH];
	ssize_t ret;
	int i;

	for (i = 0; i < batch; i++) {
		guest_record_numbered(records[i], LEN, first + i);
		iov[i] = (struct iovec) { records[i], RECORD };
	}
	ret = writev(fd, iov, batch);
	if (ret < 0)
		ck_assert_int_eq(errno, EAGAIN);
	return ret < 0 ? 0 : ret / RECORD;
}

static ssize_t call_receive_frames(int packet, void *unused)
{
	unsigned char frame[LEN];
	uint32_t i;

	(void)unused;
	for (i = 0; i < hunt_frames; i++) {
		ck_assert_int_eq(recv(packet, frame, LEN, 0), LEN);
		ck_assert_uint_eq(guest_check_numbered(frame, LEN), i);
	}
	return hunt_frames;
}

static const struct {
	uint32_t write_limit;
	int batch;
	bool until_eagain;
} writers[] = {
	{ 1, 1, true },
	{ 4, BATCH, true },
	{ 4, BATCH, false },
	{ 16, BATCH, false },
};

/*
 * A writer that sleeps until an edge, then fills the queue, against a thread of
 * the kernel that drains it.
 */
START_TEST(no_edge_of_room_is_lost)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	int epoll = watch_edges(fd, EPOLLOUT), least, batch, n;
	struct guest_call receiver;
	unsigned int seed = 1000;
	uint32_t next = 0;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_nonblock(fd, true);
	guest_set_limits(fd, 0, writers[_i].write_limit);
	guest_receive_threaded("fio0");
	guest_call_start(&receiver, call_receive_frames, packet, NULL);
	while (next < hunt_frames) {
		ck_assert_msg(next_edge(epoll, STALL_MS) == EPOLLOUT,
			      "no event after %u of %u frames, POLLOUT is %d", next, hunt_frames,
			      guest_poll(fd, POLLOUT, 0));
		guest_pause_at_random(&seed);
		do {
			batch = hunt_frames - next < BATCH ? (int)(hunt_frames - next) : writers[_i].batch;
			least = writers[_i].until_eagain ? 1 : batch;
			n = write_frames(fd, next, batch);
			next += n;
		} while (next < hunt_frames && n >= least);
	}
	ck_assert_int_eq(guest_call_join(&receiver), hunt_frames);
}
END_TEST

static void add_state_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "state", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, an_unbound_file_is_an_error);
	tcase_add_test(tcase, readable_while_a_frame_waits);
	tcase_add_test(tcase, readable_while_a_frame_that_did_not_fit_waits);
	tcase_add_test(tcase, a_frame_wakes_a_poller);
	tcase_add_test(tcase, writable_while_a_frame_would_be_accepted);
	tcase_add_test(tcase, room_wakes_a_poller);
	tcase_add_test(tcase, room_is_an_edge_after_a_full_queue);
	tcase_add_test(tcase, room_is_an_edge_after_a_short_write);
	tcase_add_test(tcase, down_is_not_writable_and_up_is);
	tcase_add_test(tcase, up_is_an_edge);
	tcase_add_test(tcase, gone_is_a_hangup_and_an_error);
	tcase_add_test(tcase, every_frame_to_an_empty_queue_is_an_edge);
}

static void add_hunt_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "hunt", 600, guest_delete_ports, NULL);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_loop_test(tcase, no_edge_of_a_frame_is_lost, 0,
			    sizeof(readers) / sizeof(readers[0]));
	tcase_add_test(tcase, no_wakeup_of_a_poller_is_lost);
	tcase_add_test(tcase, no_wakeup_of_a_reader_is_lost);
	tcase_add_loop_test(tcase, no_edge_of_room_is_lost, 0,
			    sizeof(writers) / sizeof(writers[0]));
}

int main(void)
{
	Suite *suite = suite_create("poll");

	hunt_frames = guest_setting("FRAMEIO_HUNT_FRAMES", 20000);
	add_state_tests(suite);
	add_hunt_tests(suite);
	return guest_run(suite);
}
