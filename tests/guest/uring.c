/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * io_uring's READ and WRITE, with fixed buffers or without, of rows of records: what
 * cannot be done at once is done when a poll says so, and no thread of the kernel waits
 * for it.
 */
#include <dirent.h>
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

#define LEN	61
#define RECORD	(HDRLEN + LEN)
#define STRIDE	((RECORD + 7) / 8 * 8)
#define ROOM	(200 * STRIDE)

/* One buffer to read into, one to write from. */
enum { READ_ROW, WRITE_ROW, ROWS };
static _Alignas(4096) unsigned char rows[ROWS][ROOM];
static const char *const tags[ROWS] = { "read", "write" };

static struct io_uring ring;
static unsigned int nworkers;

/* Threads with such a name, of all below a directory of processes. */
static unsigned int count_threads(const char *directory, const char *name)
{
	struct dirent *entry;
	DIR *dir = opendir(directory);
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char path[300], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s/comm", directory, entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		n += fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name));
		fclose(file);
	}
	closedir(dir);
	return n;
}

/* Those that io_uring has wait for what cannot be polled; before Linux 5.12 they were the kernel's. */
static unsigned int count_workers(void)
{
	return count_threads("/proc/self/task", "iou-wrk") + count_threads("/proc", "io_wqe_worker");
}

static void check_no_worker(void)
{
	ck_assert_uint_eq(count_workers(), nworkers);
}

/* The port fio0, with packed calls, and a ring that knows the buffers. */
static int open_ring(void)
{
	const struct iovec buffers[ROWS] = {
		{ rows[READ_ROW], ROOM }, { rows[WRITE_ROW], ROOM },
	};
	const uint32_t options = FRAMEIO_O_PACKED;
	int fd = guest_create_up("fio0", 0, 1, 0);

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
	ck_assert_int_eq(io_uring_queue_init(8, &ring, 0), 0);
	ck_assert_int_eq(io_uring_register_buffers(&ring, buffers, ROWS), 0);
	nworkers = count_workers();
	return fd;
}

static void submit_read(int fd, bool fixed)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	memset(rows[READ_ROW], 0xee, ROOM);
	if (fixed)
		io_uring_prep_read_fixed(sqe, fd, rows[READ_ROW], ROOM, -1, READ_ROW);
	else
		io_uring_prep_read(sqe, fd, rows[READ_ROW], ROOM, -1);
	io_uring_sqe_set_data(sqe, (void *)tags[READ_ROW]);
	ck_assert_int_eq(io_uring_submit(&ring), 1);
}

static void submit_write(int fd, bool fixed, size_t from, size_t size)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (fixed)
		io_uring_prep_write_fixed(sqe, fd, rows[WRITE_ROW] + from, size, -1, WRITE_ROW);
	else
		io_uring_prep_write(sqe, fd, rows[WRITE_ROW] + from, size, -1);
	io_uring_sqe_set_data(sqe, (void *)tags[WRITE_ROW]);
	ck_assert_int_eq(io_uring_submit(&ring), 1);
}

/* Wait for what was submitted to end; its result. */
static int result_of(int which)
{
	struct io_uring_cqe *cqe;
	int result;

	ck_assert_int_eq(io_uring_wait_cqe(&ring, &cqe), 0);
	ck_assert_str_eq(io_uring_cqe_get_data(cqe), tags[which]);
	result = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

/* It has not ended, and nobody but a poll waits for it. */
static void check_pending(void)
{
	struct io_uring_cqe *cqe;

	ck_assert_int_eq(io_uring_peek_cqe(&ring, &cqe), -EAGAIN);
	check_no_worker();
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

/* A read ended with a row of frames, from @first on; returns how many. */
static uint32_t check_row(int result, uint32_t first)
{
	uint32_t n;

	ck_assert_int_ge(result, RECORD);
	ck_assert_uint_eq((result - RECORD) % STRIDE, 0);
	n = 1 + (result - RECORD) / STRIDE;
	for (uint32_t i = 0; i < n; i++)
		guest_check_record(rows[READ_ROW] + i * STRIDE, LEN, first + i, 0);
	for (size_t i = result; i < ROOM; i++)
		if (rows[READ_ROW][i] != 0xee)
			ck_abort_msg("byte %zu behind a row of %d was changed", i, result);
	return n;
}

START_TEST(what_waits_is_read_at_once)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");
	struct io_uring_cqe *cqe;

	send_frames(packet, 1, 100);
	submit_read(fd, _i);
	ck_assert_int_eq(io_uring_peek_cqe(&ring, &cqe), 0);
	ck_assert_uint_eq(check_row(result_of(READ_ROW), 1), 100);
	check_no_worker();
}
END_TEST

START_TEST(a_read_waits_by_a_poll)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");
	uint32_t next = 1;

	while (next < 200) {
		submit_read(fd, _i);
		check_pending();
		send_frames(packet, next, 1 + next % 3);
		for (uint32_t end = next + 1 + next % 3; next < end;) {
			next += check_row(result_of(READ_ROW), next);
			if (next < end)
				submit_read(fd, _i);
		}
	}
	check_no_worker();
}
END_TEST

START_TEST(a_write_waits_by_a_poll)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");
	const size_t size = 49 * STRIDE + RECORD;
	size_t done;
	int result;

	for (uint32_t i = 0; i < 50; i++)
		guest_record(rows[WRITE_ROW] + i * STRIDE, LEN, i, 0);
	guest_set_limits(fd, 0, 20);
	guest_receive_hold("fio0");
	submit_write(fd, _i, 0, size);
	done = result_of(WRITE_ROW);
	submit_write(fd, _i, done, size - done);
	check_pending();
	guest_receive_release();
	ck_assert_uint_eq(done, 20 * STRIDE);
	while (done < size) {
		result = result_of(WRITE_ROW);
		ck_assert_int_gt(result, 0);
		done += result;
		if (done < size)
			submit_write(fd, _i, done, size - done);
	}
	ck_assert_uint_eq(done, size);
	receive_frames(packet, 0, 50);
	check_no_worker();
}
END_TEST

/* Rows that are read are written, as an echo does it. */
START_TEST(both_ways_without_a_worker)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;
	uint32_t next = 0;
	int result;

	for (int round = 0; round < 30; round++) {
		send_frames(packet, next, 40);
		for (uint32_t end = next + 40; next < end;) {
			submit_read(fd, _i);
			result = result_of(READ_ROW);
			next += check_row(result, next);
			memcpy(rows[WRITE_ROW], rows[READ_ROW], result);
			submit_write(fd, _i, 0, result);
			ck_assert_int_eq(result_of(WRITE_ROW), result);
		}
		receive_frames(packet, next - 40, 40);
	}
	check_no_worker();
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_PACKED], 30 * 40);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_PACKED], 30 * 40);
}
END_TEST

START_TEST(a_read_ends_when_the_port_goes)
{
	int fd = open_ring();

	submit_read(fd, _i);
	check_pending();
	guest_sh("ip link del fio0");
	ck_assert_int_eq(result_of(READ_ROW), -ENODEV);
	check_no_worker();
}
END_TEST

START_TEST(a_read_that_is_cancelled_takes_nothing)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;

	submit_read(fd, _i);
	check_pending();
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_cancel(sqe, (void *)tags[READ_ROW], 0);
	io_uring_sqe_set_data(sqe, NULL);
	ck_assert_int_eq(io_uring_submit(&ring), 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(io_uring_wait_cqe(&ring, &cqe), 0);
		ck_assert_int_eq(cqe->res, io_uring_cqe_get_data(cqe) ? -ECANCELED : 0);
		io_uring_cqe_seen(&ring, cqe);
	}
	send_frames(packet, 1, 2);
	submit_read(fd, _i);
	ck_assert_uint_eq(check_row(result_of(READ_ROW), 1), 2);
}
END_TEST

START_TEST(a_bad_record_ends_a_write)
{
	int fd = open_ring();
	int packet = guest_packet_socket("fio0");

	for (uint32_t i = 0; i < 5; i++)
		guest_record(rows[WRITE_ROW] + i * STRIDE, LEN, i, 0);
	rows[WRITE_ROW][3 * STRIDE] = 0;
	submit_write(fd, _i, 0, 5 * STRIDE);
	ck_assert_int_eq(result_of(WRITE_ROW), 3 * STRIDE);
	submit_write(fd, _i, 3 * STRIDE, 2 * STRIDE);
	ck_assert_int_eq(result_of(WRITE_ROW), -EINVAL);
	submit_write(fd, _i, 4 * STRIDE, RECORD);
	ck_assert_int_eq(result_of(WRITE_ROW), RECORD);
	receive_frames(packet, 0, 3);
	receive_frames(packet, 4, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uring");
	TCase *tcase = guest_tcase(suite, "uring", 60, NULL, NULL);

	/* 0: the buffer is an address; 1: a buffer that the ring knows */
	tcase_add_loop_test(tcase, what_waits_is_read_at_once, 0, 2);
	tcase_add_loop_test(tcase, a_read_waits_by_a_poll, 0, 2);
	tcase_add_loop_test(tcase, a_write_waits_by_a_poll, 0, 2);
	tcase_add_loop_test(tcase, both_ways_without_a_worker, 0, 2);
	tcase_add_loop_test(tcase, a_read_ends_when_the_port_goes, 0, 2);
	tcase_add_loop_test(tcase, a_read_that_is_cancelled_takes_nothing, 0, 2);
	tcase_add_loop_test(tcase, a_bad_record_ends_a_write, 0, 2);
	return guest_run(suite);
}
