/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Waiting: for frames and for room, and what ends it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

/* So long that a row of records has none of them filled up. */
#define LEN	64
#define RECORD	((ssize_t)(HDRLEN + LEN))
#define SLOTS	8

/* Room for records, as each way to call wants it; each test of a call takes all four ways. */
struct slots {
	unsigned char records[SLOTS][HDRLEN + LEN];
	struct iovec iov[SLOTS];
	union guest_frameio fio;
	uint32_t n;
};

static void slots_init(struct slots *slots, uint32_t n)
{
	uint32_t i;

	slots->n = n;
	guest_frameio_init(&slots->fio, n, 1);
	for (i = 0; i < n; i++) {
		guest_record(slots->records[i], LEN, i, 0);
		slots->iov[i] = (struct iovec) { slots->records[i], RECORD };
		slots->fio.fio.fio_vecs[i].fv_buf = (uintptr_t)slots->records[i];
		slots->fio.fio.fio_vecs[i].fv_buflen = RECORD;
	}
}

static ssize_t call_read(int fd, void *arg)
{
	struct slots *slots = arg;

	return read(fd, slots->records[0], RECORD);
}

static ssize_t call_readv(int fd, void *arg)
{
	struct slots *slots = arg;

	return readv(fd, slots->iov, slots->n);
}

/* Of an ioctl, too, the bytes that were moved. */
static ssize_t moved(const struct slots *slots, int result)
{
	return result < 0 ? -1 : slots->fio.fio.fio_nvecs * RECORD;
}

static ssize_t call_frameio_read(int fd, void *arg)
{
	struct slots *slots = arg;

	return moved(slots, ioctl(fd, FRAMEIO_READ, &slots->fio));
}

static ssize_t call_write(int fd, void *arg)
{
	struct slots *slots = arg;

	return write(fd, slots->records[0], RECORD);
}

static ssize_t call_writev(int fd, void *arg)
{
	struct slots *slots = arg;

	return writev(fd, slots->iov, slots->n);
}

static ssize_t call_frameio_write(int fd, void *arg)
{
	struct slots *slots = arg;

	return moved(slots, ioctl(fd, FRAMEIO_WRITE, &slots->fio));
}

static void set_packed(int fd)
{
	const uint32_t options = FRAMEIO_O_PACKED;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

static ssize_t call_read_row(int fd, void *arg)
{
	struct slots *slots = arg;

	set_packed(fd);
	return read(fd, slots->records, slots->n * RECORD);
}

static ssize_t call_write_row(int fd, void *arg)
{
	struct slots *slots = arg;

	set_packed(fd);
	return write(fd, slots->records, slots->n * RECORD);
}

static ssize_t call_poll(int fd, void *arg)
{
	struct pollfd pollfd = { .fd = fd, .events = *(short *)arg };
	int n = poll(&pollfd, 1, -1);

	return n < 0 ? -1 : pollfd.revents;
}

static ssize_t call_delete(int fd, void *arg)
{
	struct frameio_delete request = { .fd_reserved = { 0 } };

	guest_receive_elsewhere();
	strcpy(request.fd_name, arg);
	return ioctl(fd, FRAMEIO_DELETE, &request);
}

struct way {
	ssize_t (*function)(int fd, void *arg);
	long number;
	ssize_t most;	/* frames that it moves, of SLOTS */
};

#define WAYS	4
#define PACKED	3	/* the last one: all calls of its file are so */

static const struct way reads[WAYS] = {
	{ call_read, SYS_read, 1 },
	{ call_readv, SYS_readv, SLOTS },
	{ call_frameio_read, SYS_ioctl, SLOTS },
	{ call_read_row, SYS_read, SLOTS },
};

static const struct way writes[WAYS] = {
	{ call_write, SYS_write, 1 },
	{ call_writev, SYS_writev, SLOTS },
	{ call_frameio_write, SYS_ioctl, SLOTS },
	{ call_write_row, SYS_write, SLOTS },
};

static struct slots slots;
static struct guest_call call;

/* Start a call that finds nothing to move, and see it sleep. */
static void start_asleep(const struct way *way, int fd)
{
	guest_call_start(&call, way->function, fd, &slots);
	guest_call_wait_asleep(&call, way->number);
}

static void ignore_signal(int number)
{
	(void)number;
}

static void handle_signal(int flags)
{
	struct sigaction action = { .sa_handler = ignore_signal, .sa_flags = flags };

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

START_TEST(a_read_waits_for_a_frame)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	slots_init(&slots, SLOTS);
	start_asleep(&reads[_i], fd);
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
	guest_check_record(slots.records[0], LEN, 7, 0);
}
END_TEST

START_TEST(a_read_takes_what_is_there)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const uint32_t n = reads[_i].most == 1 ? 1 : 3;
	uint32_t i;

	slots_init(&slots, SLOTS);
	for (i = 0; i < n; i++)
		guest_send(packet, LEN, 10 + i, 0);
	ck_assert_int_eq(reads[_i].function(fd, &slots), n * RECORD);
	for (i = 0; i < n; i++)
		guest_check_record(slots.records[i], LEN, 10 + i, 0);
	guest_set_nonblock(fd, true);
	ck_assert_errno(reads[_i].function(fd, &slots), EAGAIN);
}
END_TEST

START_TEST(a_signal_ends_a_read)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	static struct slots before;

	slots_init(&slots, SLOTS);
	before = slots;
	handle_signal(0);
	start_asleep(&reads[_i], fd);
	guest_call_signal(&call, SIGUSR1);
	ck_assert_int_eq(guest_call_join_error(&call), EINTR);
	ck_assert_mem_eq(&slots, &before, sizeof(slots));
}
END_TEST

START_TEST(a_read_goes_on_after_a_signal_that_restarts)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("who reads a ring sleeps in poll(2), which a signal always ends");
	slots_init(&slots, SLOTS);
	handle_signal(SA_RESTART);
	start_asleep(&reads[_i], fd);
	guest_call_signal(&call, SIGUSR1);
	guest_call_wait_asleep(&call, reads[_i].number);
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
	guest_check_record(slots.records[0], LEN, 7, 0);
}
END_TEST

START_TEST(a_nonblocking_read_does_not_wait)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	slots_init(&slots, SLOTS);
	guest_set_nonblock(fd, true);
	ck_assert_errno(reads[_i].function(fd, &slots), EAGAIN);
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(reads[_i].function(fd, &slots), RECORD);
	guest_check_record(slots.records[0], LEN, 7, 0);
	slots_init(&slots, SLOTS);
	ck_assert_errno(reads[_i].function(fd, &slots), EAGAIN);
	ck_assert_uint_eq(slots.fio.fio.fio_nvecs, SLOTS);
}
END_TEST

START_TEST(rwf_nowait_does_not_wait_on_a_blocking_file)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	slots_init(&slots, SLOTS);
	ck_assert_errno(preadv2(fd, slots.iov, SLOTS, -1, RWF_NOWAIT), EAGAIN);
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(preadv2(fd, slots.iov, SLOTS, -1, RWF_NOWAIT), RECORD);
	guest_check_record(slots.records[0], LEN, 7, 0);

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_receive_hold("fio0");
	guest_set_limits(fd, 0, 2);
	slots_init(&slots, SLOTS);
	ck_assert_int_eq(pwritev2(fd, slots.iov, SLOTS, -1, RWF_NOWAIT), 2 * RECORD);
	ck_assert_errno(pwritev2(fd, slots.iov, SLOTS, -1, RWF_NOWAIT), EAGAIN);
	guest_receive_release();
	guest_receive(packet, LEN, 0, 0);
	guest_receive(packet, LEN, 1, 0);
}
END_TEST

/* In all ways but the packed one, or in that. */
START_TEST(many_blocked_readers_each_get_a_frame)
{
	enum { READERS = 12 };
	static struct guest_call calls[READERS];
	static struct slots memory[READERS];
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	uint32_t seen = 0, i;

	for (i = 0; i < READERS; i++) {
		const struct way *way = &reads[_i ? PACKED : i % PACKED];

		slots_init(&memory[i], 1);
		guest_call_start(&calls[i], way->function, fd, &memory[i]);
		guest_call_wait_asleep(&calls[i], way->number);
	}
	for (i = 0; i < READERS; i++) {
		unsigned char frame[LEN];

		guest_fill_numbered(frame, LEN, i);
		ck_assert_int_eq(send(packet, frame, LEN, 0), LEN);
	}
	for (i = 0; i < READERS; i++) {
		ck_assert_int_eq(guest_call_join(&calls[i]), RECORD);
		seen |= 1U << guest_check_numbered(memory[i].records[0] + HDRLEN, LEN);
	}
	ck_assert_uint_eq(seen, (1U << READERS) - 1);
}
END_TEST

/* A port whose write queue holds two frames and is not drained; @fill: holds two already. */
static int create_held(bool fill)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	uint32_t i;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(fd, 0, 2);
	guest_receive_hold("fio0");
	slots_init(&slots, SLOTS);
	for (i = 0; fill && i < 2; i++)
		ck_assert_int_eq(write(fd, slots.records[i], RECORD), RECORD);
	return fd;
}

START_TEST(a_write_waits_for_room)
{
	int fd = create_held(true);
	int packet = guest_packet_socket("fio0");
	const ssize_t n = writes[_i].most;
	struct frameio_stats stats;
	uint32_t i;

	start_asleep(&writes[_i], fd);
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&call), n * RECORD);
	guest_receive(packet, LEN, 0, 0);
	guest_receive(packet, LEN, 1, 0);
	for (i = 0; i < n; i++)
		guest_receive(packet, LEN, i, 0);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, 2 + n);
	ck_assert_uint_ge(stats.fs_write_stalls, 1);
	ck_assert_uint_eq(stats.fs_write_drop_closed, 0);
	ck_assert_uint_eq(stats.fs_write_errors, 0);
}
END_TEST

START_TEST(a_raised_limit_is_room)
{
	int fd = create_held(true);

	start_asleep(&writes[_i], fd);
	guest_set_limits(fd, 0, 2 * SLOTS + 4);
	ck_assert_int_eq(guest_call_join(&call), writes[_i].most * RECORD);
	guest_receive_release();
}
END_TEST

START_TEST(a_signal_ends_a_write_that_moved_nothing)
{
	int fd = create_held(true);
	struct frameio_stats stats;

	handle_signal(0);
	start_asleep(&writes[_i], fd);
	guest_call_signal(&call, SIGUSR1);
	ck_assert_int_eq(guest_call_join_error(&call), EINTR);
	ck_assert_uint_eq(slots.fio.fio.fio_nvecs, SLOTS);
	guest_receive_release();
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_bytes, 2 * LEN);
}
END_TEST

START_TEST(a_write_goes_on_after_a_signal_that_restarts)
{
	int fd = create_held(true);

	handle_signal(SA_RESTART);
	start_asleep(&writes[_i], fd);
	guest_call_signal(&call, SIGUSR1);
	guest_call_wait_asleep(&call, writes[_i].number);
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&call), writes[_i].most * RECORD);
}
END_TEST

/* From here on of those ways that can move a part: all but write of one record. */
START_TEST(a_signal_ends_a_write_with_what_moved)
{
	int fd = create_held(false);
	int packet = guest_packet_socket("fio0");

	handle_signal(_i == 1 ? 0 : SA_RESTART);
	start_asleep(&writes[_i], fd);
	guest_call_signal(&call, SIGUSR1);
	ck_assert_int_eq(guest_call_join(&call), 2 * RECORD);
	guest_receive_release();
	guest_receive(packet, LEN, 0, 0);
	guest_receive(packet, LEN, 1, 0);
	/* the third was not moved: what is written next comes next */
	guest_record(slots.records[0], LEN, 99, 0);
	ck_assert_int_eq(write(fd, slots.records[0], RECORD), RECORD);
	guest_receive(packet, LEN, 99, 0);
}
END_TEST

START_TEST(a_nonblocking_write_moves_what_there_is_room_for)
{
	int fd = create_held(false);
	int packet = guest_packet_socket("fio0");
	ssize_t part = writes[_i].most < 2 ? writes[_i].most : 2;

	guest_set_nonblock(fd, true);
	ck_assert_int_eq(writes[_i].function(fd, &slots), part * RECORD);
	slots_init(&slots, SLOTS);
	if (part == 1)
		ck_assert_int_eq(writes[_i].function(fd, &slots), RECORD);
	ck_assert_errno(writes[_i].function(fd, &slots), EAGAIN);
	ck_assert_uint_eq(slots.fio.fio.fio_nvecs, SLOTS);
	guest_receive_release();
	guest_receive(packet, LEN, 0, 0);
	guest_receive(packet, LEN, part - 1, 0);
}
END_TEST

/* A port whose interface is up already, or is not: deletion takes one down that is up. */
static int create_either(bool up)
{
	return up ? guest_create_up("fio0", 0, 1, 0) : guest_create("fio0", 0, 1);
}

START_TEST(deletion_wakes_a_reader)
{
	const struct way *way = &reads[_i % WAYS];
	int fd = create_either(_i / WAYS);

	slots_init(&slots, SLOTS);
	start_asleep(way, fd);
	guest_sh("ip link del fio0");
	ck_assert_int_eq(guest_call_join_error(&call), ENODEV);
	ck_assert_errno(way->function(fd, &slots), ENODEV);
}
END_TEST

START_TEST(deletion_wakes_a_poller)
{
	int fd = create_either(_i / 2);
	short events = _i % 2 ? POLLIN : 0;

	guest_call_start(&call, call_poll, fd, &events);
	guest_call_wait_asleep(&call, SYS_poll);
	guest_sh("ip link del fio0");
	ck_assert_int_eq(guest_call_join(&call) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
}
END_TEST

START_TEST(deletion_wakes_a_writer)
{
	int fd = create_held(true);
	struct guest_call deletion;
	int error;

	start_asleep(&writes[_i], fd);
	/* which waits, in turn, for the thread that is kept from draining the queue */
	guest_call_start(&deletion, call_delete, guest_control(), "fio0");
	error = guest_call_join_error(&call);
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&deletion), 0);
	ck_assert_msg(error == ENODEV, "the writer got errno %d (%s)", error, strerror(error));
	ck_assert_errno(writes[_i].function(fd, &slots), ENODEV);
}
END_TEST

static ssize_t call_down(int fd, void *arg)
{
	(void)fd;
	guest_receive_elsewhere();
	return system(arg);
}

/* Take the interface down and up again while a writer sleeps. */
static int error_of_writer_when_down(const struct way *way, int fd)
{
	struct guest_call down;
	int error;

	start_asleep(way, fd);
	guest_call_start(&down, call_down, -1, "ip link set fio0 down");
	error = guest_call_join(&call) < 0 ? errno : 0;
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&down), 0);
	return error;
}

START_TEST(interface_down_wakes_a_writer)
{
	int fd = create_held(true);

	ck_assert_int_eq(error_of_writer_when_down(&writes[_i], fd), ENETDOWN);
	ck_assert_errno(writes[_i].function(fd, &slots), ENETDOWN);
	guest_sh("ip link set fio0 up");
	ck_assert_int_eq(writes[_i].function(fd, &slots), writes[_i].most * RECORD);
}
END_TEST

START_TEST(interface_down_ends_a_write_with_what_moved)
{
	int fd = create_held(false);

	ck_assert_int_eq(error_of_writer_when_down(&writes[_i], fd), 0);
	if (writes[_i].number == SYS_ioctl)
		ck_assert_uint_eq(slots.fio.fio.fio_nvecs, 2);
}
END_TEST

START_TEST(a_reader_waits_on_while_the_interface_is_down)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet;

	slots_init(&slots, SLOTS);
	start_asleep(&reads[_i], fd);
	guest_sh("ip link set fio0 down");
	guest_call_wait_asleep(&call, reads[_i].number);
	guest_sh("ip link set fio0 up");
	packet = guest_packet_socket("fio0");
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
	guest_check_record(slots.records[0], LEN, 7, 0);
}
END_TEST

/* A reader that sleeps keeps neither another thread's reading nor a writer from going on. */
START_TEST(a_sleeping_reader_is_in_nobodys_way)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	slots_init(&slots, SLOTS);
	start_asleep(&reads[_i], fd);
	ck_assert_errno(preadv2(fd, slots.iov, _i == PACKED ? 1 : SLOTS, -1, RWF_NOWAIT), EAGAIN);
	ck_assert_int_eq(guest_poll(fd, POLLIN | POLLOUT, 0), POLLOUT);
	guest_record(slots.records[SLOTS - 1], LEN, 5, 0);
	ck_assert_int_eq(write(fd, slots.records[SLOTS - 1], RECORD), RECORD);
	guest_receive(packet, LEN, 5, 0);
	guest_send(packet, LEN, 7, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
}
END_TEST

/* Nor does one keep a writer that must not wait, when it waits for room. */
START_TEST(a_sleeping_writer_is_in_nobodys_way)
{
	int fd = create_held(true);

	start_asleep(&writes[_i], fd);
	ck_assert_errno(pwritev2(fd, slots.iov, _i == PACKED ? 1 : SLOTS, -1, RWF_NOWAIT), EAGAIN);
	ck_assert_int_eq(guest_poll(fd, POLLIN | POLLOUT, 0), 0);
	guest_receive_release();
	ck_assert_int_eq(guest_call_join(&call), writes[_i].most * RECORD);
}
END_TEST

static void add_read_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "read", 120, guest_delete_ports, NULL);

	tcase_add_loop_test(tcase, a_read_waits_for_a_frame, 0, WAYS);
	tcase_add_loop_test(tcase, a_read_takes_what_is_there, 0, WAYS);
	tcase_add_loop_test(tcase, a_signal_ends_a_read, 0, WAYS);
	tcase_add_loop_test(tcase, a_read_goes_on_after_a_signal_that_restarts, 0, WAYS);
	tcase_add_loop_test(tcase, a_nonblocking_read_does_not_wait, 0, WAYS);
	tcase_add_loop_test(tcase, many_blocked_readers_each_get_a_frame, 0, 2);
	tcase_add_loop_test(tcase, deletion_wakes_a_reader, 0, 2 * WAYS);
	tcase_add_loop_test(tcase, deletion_wakes_a_poller, 0, 4);
	tcase_add_loop_test(tcase, a_reader_waits_on_while_the_interface_is_down, 0, WAYS);
	tcase_add_loop_test(tcase, a_sleeping_reader_is_in_nobodys_way, 0, WAYS);
}

static void add_write_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "write", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, rwf_nowait_does_not_wait_on_a_blocking_file);
	tcase_add_loop_test(tcase, a_write_waits_for_room, 0, WAYS);
	tcase_add_loop_test(tcase, a_raised_limit_is_room, 0, WAYS);
	tcase_add_loop_test(tcase, a_signal_ends_a_write_that_moved_nothing, 0, WAYS);
	tcase_add_loop_test(tcase, a_write_goes_on_after_a_signal_that_restarts, 0, WAYS);
	tcase_add_loop_test(tcase, a_signal_ends_a_write_with_what_moved, 1, WAYS);
	tcase_add_loop_test(tcase, a_nonblocking_write_moves_what_there_is_room_for, 0, WAYS);
	tcase_add_loop_test(tcase, deletion_wakes_a_writer, 0, WAYS);
	tcase_add_loop_test(tcase, interface_down_wakes_a_writer, 0, WAYS);
	tcase_add_loop_test(tcase, interface_down_ends_a_write_with_what_moved, 1, WAYS);
	tcase_add_loop_test(tcase, a_sleeping_writer_is_in_nobodys_way, 0, WAYS);
}

int main(void)
{
	Suite *suite = suite_create("block");

	add_read_tests(suite);
	add_write_tests(suite);
	return guest_run(suite);
}
