/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What a full read queue and a full write queue do, and limits that change. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

#define MANY	3000		/* frames: more than any limit here */
#define LEN	64		/* of each */

static const uint32_t limits[] = { 1, 2, 25, FRAMEIO_LIMIT_DEFAULT };
#define NLIMITS	4

static unsigned char records[FRAMEIO_NFRAMES_MAX][HDRLEN + LEN];

/* A port whose queueing discipline holds what a full read queue does not take. */
static int create_with_qdisc(void)
{
	int port = guest_create_up("fio0", 0, 1, 0);

	guest_sh("tc qdisc replace dev fio0 root pfifo limit 10000");
	return port;
}

static void send_frames(int packet, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		guest_send(packet, LEN, first + i, 0);
}

static void receive_frames(int packet, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		guest_receive(packet, LEN, first + i, 0);
}

static void offer_records(union guest_frameio *call, uint32_t n)
{
	guest_frameio_init(call, n, 1);
	for (uint32_t i = 0; i < n; i++) {
		call->fio.fio_vecs[i].fv_buf = (uintptr_t)records[i];
		call->fio.fio_vecs[i].fv_buflen = sizeof(records[i]);
	}
}

static void fill_records(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		guest_record(records[i], LEN, first + i, 0);
}

/* Read @n frames from @first on, up to 32 a call, waiting for each batch. */
static void read_frames(int port, uint32_t first, uint32_t n)
{
	union guest_frameio call;
	uint32_t done, i, most;

	for (done = 0; done < n; done += call.fio.fio_nvecs) {
		most = n - done < FRAMEIO_NFRAMES_MAX ? n - done : FRAMEIO_NFRAMES_MAX;
		offer_records(&call, most);
		ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
		for (i = 0; i < call.fio.fio_nvecs; i++)
			guest_check_record(records[i], LEN, first + done + i, 0);
	}
}

/* Nothing waits to be read, and nothing is on its way. */
static void nothing_is_left(int port, int packet)
{
	send_frames(packet, 12345, 1);
	read_frames(port, 12345, 1);
	guest_set_nonblock(port, true);
	ck_assert_errno(read(port, records, sizeof(records)), EAGAIN);
	guest_set_nonblock(port, false);
}

/* Nothing but a frame written now reaches the kernel. */
static void nothing_else_arrives(int port, int packet)
{
	fill_records(54321, 1);
	ck_assert_int_eq(write(port, records[0], sizeof(records[0])), sizeof(records[0]));
	receive_frames(packet, 54321, 1);
}

static uint64_t frames_queued(int port)
{
	struct frameio_stats stats;

	guest_stats(port, &stats);
	return stats.fs_read_queued;
}

static struct frameio_info port_info(int port)
{
	struct frameio_info info;

	ck_assert_int_eq(ioctl(port, FRAMEIO_INFO, &info), 0);
	return info;
}

START_TEST(a_full_read_queue_stops_the_interface_and_drops_nothing)
{
	const uint32_t limit = limits[_i];
	int port = create_with_qdisc();
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	if (limit != FRAMEIO_LIMIT_DEFAULT)
		guest_set_limits(port, limit, 0);
	send_frames(packet, 0, MANY);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, limit);
	ck_assert_uint_eq(stats.fs_read_stops, 1);
	ck_assert_uint_eq(stats.fs_read_wakes, 0);
	read_frames(port, 0, MANY);
	nothing_is_left(port, packet);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, MANY + 1);
	ck_assert_uint_ge(stats.fs_read_stops, 2);
	ck_assert_uint_eq(stats.fs_read_drop_closed, 0);
	ck_assert_uint_eq(stats.fs_read_drop_nomem, 0);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_dropped"), 0);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_packets"), MANY + 1);
	guest_sh("tc -s qdisc show dev fio0 | grep -q 'dropped 0,'");
}
END_TEST

START_TEST(a_stopped_interface_goes_on_at_half_empty)
{
	int port = create_with_qdisc();
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(port, 20, 0);
	send_frames(packet, 0, 40);
	read_frames(port, 0, 9);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, 20);
	ck_assert_uint_eq(stats.fs_read_wakes, 0);
	read_frames(port, 9, 1);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_wakes, 1);
	while (frames_queued(port) < 30)
		sched_yield();
	read_frames(port, 10, 30);
	nothing_is_left(port, packet);
}
END_TEST

START_TEST(lowering_the_read_limit_drops_nothing)
{
	int port = create_with_qdisc();
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	send_frames(packet, 0, 500);
	guest_set_limits(port, 10, 0);
	send_frames(packet, 500, 200);
	ck_assert_uint_eq(frames_queued(port), 500);
	read_frames(port, 0, 300);
	guest_set_limits(port, 1, 0);
	read_frames(port, 300, 400);
	nothing_is_left(port, packet);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_dropped"), 0);
}
END_TEST

START_TEST(raising_the_read_limit_starts_the_interface)
{
	int port = create_with_qdisc();
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(port, 2, 0);
	send_frames(packet, 0, 300);
	ck_assert_uint_eq(frames_queued(port), 2);
	guest_set_limits(port, 1000, 0);
	while (frames_queued(port) < 300)
		sched_yield();
	read_frames(port, 0, 300);
	nothing_is_left(port, packet);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_dropped"), 0);
}
END_TEST

/* Frames go through one port while its limits change with each batch. */
START_TEST(limits_that_change_all_the_time_drop_nothing)
{
	int port = create_with_qdisc();
	int packet = guest_packet_socket("fio0");
	uint32_t first;

	for (first = 0; first < MANY; first += 30) {
		guest_set_limits(port, 1 + rand() % 40, 1 + rand() % 40);
		send_frames(packet, first, 30);
		guest_set_limits(port, 1 + rand() % 40, 1 + rand() % 40);
		read_frames(port, first, 30);
	}
	nothing_is_left(port, packet);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_dropped"), 0);
}
END_TEST

START_TEST(a_limit_out_of_range_is_refused)
{
	static const uint32_t wrong[] = { FRAMEIO_LIMIT_MAX + 1, 1U << 31, ~0U };
	int port = guest_create_up("fio0", 0, 1, 0);
	struct frameio_limits request;
	struct frameio_info info;

	guest_set_limits(port, 5, 6);
	for (int i = 0; i < 3; i++) {
		request = (struct frameio_limits){ .fq_read = 7, .fq_write = wrong[i] };
		ck_assert_errno(ioctl(port, FRAMEIO_SET_LIMITS, &request), EINVAL);
		request = (struct frameio_limits){ .fq_read = wrong[i], .fq_write = 7 };
		ck_assert_errno(ioctl(port, FRAMEIO_SET_LIMITS, &request), EINVAL);
	}
	ck_assert_errno(ioctl(port, FRAMEIO_SET_LIMITS, NULL), EFAULT);
	info = port_info(port);
	ck_assert_uint_eq(info.fi_read_limit, 5);
	ck_assert_uint_eq(info.fi_write_limit, 6);
}
END_TEST

START_TEST(a_limit_of_0_is_left_as_it_is)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	struct frameio_info info = port_info(port);

	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	guest_set_limits(port, 0, FRAMEIO_LIMIT_MIN);
	guest_set_limits(port, FRAMEIO_LIMIT_MAX, 0);
	guest_set_limits(port, 0, 0);
	info = port_info(port);
	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_MIN);
}
END_TEST

START_TEST(a_blocking_write_delivers_more_than_the_limit)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	union guest_frameio call;

	if (_i)
		guest_receive_threaded("fio0");
	guest_set_limits(port, 0, 1);
	for (uint32_t first = 0; first < 320; first += 32) {
		fill_records(first, 32);
		offer_records(&call, 32);
		ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
		ck_assert_uint_eq(call.fio.fio_nvecs, 32);
	}
	receive_frames(packet, 0, 320);
	nothing_else_arrives(port, packet);
}
END_TEST

/* writev(2) of the 32 records. */
static ssize_t write_records(int fd, void *unused)
{
	struct iovec iov[FRAMEIO_NFRAMES_MAX];

	for (int i = 0; i < FRAMEIO_NFRAMES_MAX; i++)
		iov[i] = (struct iovec){ records[i], sizeof(records[i]) };
	return unused ? -1 : writev(fd, iov, FRAMEIO_NFRAMES_MAX);
}

START_TEST(a_full_write_queue_lets_a_writer_wait)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;
	struct guest_call call;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(port, 0, limits[_i]);
	guest_receive_hold("fio0");
	fill_records(0, 32);
	guest_call_start(&call, write_records, port, NULL);
	guest_call_wait_asleep(&call, SYS_writev);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_write_stalls, 1);
	ck_assert_uint_eq(stats.fs_write_received, 0);
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&call), sizeof(records));
	receive_frames(packet, 0, 32);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_full_write_queue_takes_no_more_without_blocking)
{
	const uint32_t limit = limits[_i];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(port, 0, limit);
	guest_receive_hold("fio0");
	guest_set_nonblock(port, true);
	fill_records(0, 32);
	ck_assert_int_eq(guest_poll(port, POLLOUT, 0), POLLOUT);
	ck_assert_int_eq(write_records(port, NULL), limit * sizeof(records[0]));
	ck_assert_int_eq(guest_poll(port, POLLOUT, 0), 0);
	ck_assert_errno(write_records(port, NULL), EAGAIN);
	ck_assert_errno(write(port, records[limit], sizeof(records[0])), EAGAIN);
	guest_receive_release();
	receive_frames(packet, 0, limit);
	ck_assert_int_eq(guest_poll(port, POLLOUT, -1), POLLOUT);
	ck_assert_int_eq(write(port, records[limit], sizeof(records[0])), sizeof(records[0]));
	receive_frames(packet, limit, 1);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(lowering_the_write_limit_drops_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_receive_hold("fio0");
	guest_set_nonblock(port, true);
	fill_records(0, 32);
	ck_assert_int_eq(write_records(port, NULL), sizeof(records));
	guest_set_limits(port, 0, 10);
	ck_assert_int_eq(guest_poll(port, POLLOUT, 0), 0);
	ck_assert_errno(write_records(port, NULL), EAGAIN);
	guest_receive_release();
	receive_frames(packet, 0, 32);
	ck_assert_int_eq(guest_poll(port, POLLOUT, -1), POLLOUT);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(raising_the_write_limit_wakes_a_writer)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct guest_call call;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(port, 0, 4);
	guest_receive_hold("fio0");
	fill_records(0, 32);
	guest_call_start(&call, write_records, port, NULL);
	guest_call_wait_asleep(&call, SYS_writev);
	guest_set_limits(port, 0, 100);
	ck_assert_int_eq(guest_call_join(&call), sizeof(records));
	guest_receive_release();
	receive_frames(packet, 0, 32);
	nothing_else_arrives(port, packet);
}
END_TEST

static void add_read_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "read limit", 120, NULL, NULL);

	tcase_add_loop_test(tcase, a_full_read_queue_stops_the_interface_and_drops_nothing, 0,
			    NLIMITS);
	tcase_add_test(tcase, a_stopped_interface_goes_on_at_half_empty);
	tcase_add_test(tcase, lowering_the_read_limit_drops_nothing);
	tcase_add_test(tcase, raising_the_read_limit_starts_the_interface);
	tcase_add_test(tcase, limits_that_change_all_the_time_drop_nothing);
	tcase_add_test(tcase, a_limit_out_of_range_is_refused);
	tcase_add_test(tcase, a_limit_of_0_is_left_as_it_is);
}

static void add_write_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "write limit", 120, NULL, NULL);

	tcase_add_loop_test(tcase, a_blocking_write_delivers_more_than_the_limit, 0, 2);
	tcase_add_loop_test(tcase, a_full_write_queue_lets_a_writer_wait, 0, 3);
	tcase_add_loop_test(tcase, a_full_write_queue_takes_no_more_without_blocking, 0, 3);
	tcase_add_test(tcase, lowering_the_write_limit_drops_nothing);
	tcase_add_test(tcase, raising_the_write_limit_wakes_a_writer);
}

int main(void)
{
	Suite *suite = suite_create("limits");

	add_read_tests(suite);
	add_write_tests(suite);
	return guest_run(suite);
}
