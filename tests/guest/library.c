/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The library's calls on the real kernel: the same program by system calls, over rings, and
 * over rings at whose writing side a thread looks.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <libframeio/libframeio.h>

#include "call.h"
#include "guest.h"

#define RING_SIZE	65536

enum way { BY_CALLS, BY_RINGS, BY_POLLED_RINGS, NWAYS };

static struct frameio_qp *qp;
static int packet;

/* Each frame has a length of its own. */
static size_t frame_len(unsigned int number)
{
	return 60 + number * 37 % 1400;
}

static void set_rings(enum way way)
{
	const struct frameio_ring_options options = {
		.read_size = RING_SIZE,
		.write_size = RING_SIZE,
		.flags = way == BY_POLLED_RINGS ? FRAMEIO_SETUP_POLL : 0,
	};

	if (way != BY_CALLS)
		ck_assert_int_eq(frameio_ring_setup(qp, &options), 0);
}

static void open_port(enum way way)
{
	const struct frameio_port_config config = { .name = "fio0" };

	ck_assert_int_eq(frameio_create(&qp, NULL, &config), 0);
	guest_write_file("1", "/proc/sys/net/ipv6/conf/fio0/disable_ipv6");
	guest_set_up("fio0", 1500);
	set_rings(way);
	packet = guest_packet_socket("fio0");
}

static void close_port(void)
{
	close(packet);
	frameio_close(qp);
}

static void check_hdr(const struct frameio_hdr *hdr, unsigned int number)
{
	guest_check_record(hdr, frame_len(number), number, 0);
}

START_TEST(one_at_a_time)
{
	unsigned char record[40 + 2048] __attribute__((aligned(8)));
	unsigned int i;

	open_port(_i);
	/* more than a ring holds, several at a time */
	for (i = 0; i < 200; i++) {
		guest_send(packet, frame_len(i), i, 0);
		if (i % 8 != 7)
			continue;
		for (unsigned int j = i - 7; j <= i; j++) {
			ck_assert_int_eq(frameio_recv(qp, (void *)record, record + 40, 2048),
					 frame_len(j));
			check_hdr((void *)record, j);
		}
	}
	ck_assert_int_eq(frameio_set_nonblock(qp, true), 0);
	ck_assert_int_eq(frameio_recv(qp, (void *)record, record + 40, 2048), -EAGAIN);
	ck_assert_int_eq(frameio_set_nonblock(qp, false), 0);
	for (i = 0; i < 200; i++) {
		guest_record(record, frame_len(i), i, 0);
		ck_assert_int_eq(frameio_send(qp, record + 40, frame_len(i)), 0);
		guest_receive(packet, frame_len(i), i, 0);
	}
	close_port();
}
END_TEST

START_TEST(batches)
{
	struct frameio_batch *batch;
	unsigned int seen, i;
	int n;

	open_port(_i);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 16, 2048), 0);
	for (unsigned int first = 0; first < 160; first += 20) {
		for (i = first; i < first + 20; i++)
			guest_send(packet, frame_len(i), i, 0);
		for (seen = 0; seen < 20; seen += n) {
			n = frameio_batch_read(batch, qp);
			ck_assert_int_gt(n, 0);
			for (i = 0; i < (unsigned int)n; i++)
				check_hdr(frameio_batch_hdr(batch, i), first + seen + i);
			/* and back, as they are */
			while (frameio_batch_count(batch))
				ck_assert_int_gt(frameio_batch_write(batch, qp), 0);
			for (i = 0; i < (unsigned int)n; i++)
				guest_receive(packet, frame_len(first + seen + i), first + seen + i,
					      0);
		}
	}
	frameio_batch_free(batch);
	close_port();
}
END_TEST

static int take(struct frameio_hdr *hdr, void *argument)
{
	unsigned int *number = argument;

	check_hdr(hdr, (*number)++);
	return 0;
}

START_TEST(in_place)
{
	struct frameio_hdr *hdrs[4], *hdr;
	unsigned char record[40 + 2048];
	unsigned int number = 0, i;

	open_port(_i);
	for (unsigned int first = 0; first < 200; first += 10) {
		for (i = first; i < first + 10; i++)
			guest_send(packet, frame_len(i), i, 0);
		ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 4), 4);
		check_hdr(hdrs[0], number++);
		check_hdr(hdrs[1], number++);
		/* the last two are kept */
		ck_assert_int_eq(frameio_ring_release(qp, hdrs[2]), 0);
		ck_assert_int_eq(frameio_ring_drain(qp, take, &number, 0), 8);
		ck_assert_uint_eq(number, first + 10);
		ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 0);
	}
	for (i = 0; i < 200; i++) {
		guest_record(record, frame_len(i), i, 0);
		ck_assert_int_eq(frameio_ring_reserve(qp, 1500, &hdr), 0);
		memcpy(frameio_hdr_frame(hdr), record + 40, frame_len(i));
		ck_assert_int_eq(frameio_ring_commit(qp, frame_len(i)), 0);
		if (i % 10 != 9)
			continue;
		ck_assert_int_eq(frameio_ring_flush(qp), 0);
		for (unsigned int j = i - 9; j <= i; j++)
			guest_receive(packet, frame_len(j), j, 0);
	}
	close_port();
}
END_TEST

/* As a system call, which is what guest_call_start() makes. */
static ssize_t receive_one(int fd, void *record)
{
	ssize_t ret = frameio_recv(qp, record, (char *)record + 40, 2048);

	(void)fd;
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

START_TEST(a_reader_sleeps_until_there_is_a_frame)
{
	unsigned char record[40 + 2048] __attribute__((aligned(8)));
	struct guest_call call;
	ssize_t len;

	open_port(_i);
	for (unsigned int i = 0; i < 3; i++) {
		guest_call_start(&call, receive_one, -1, record);
		guest_call_wait_asleep(&call, _i == BY_CALLS ? SYS_ioctl : SYS_poll);
		guest_send(packet, frame_len(i), i, 0);
		len = guest_call_join(&call);
		ck_assert_int_eq(len, frame_len(i));
		check_hdr((void *)record, i);
	}
	close_port();
}
END_TEST

START_TEST(a_port_that_goes_away_is_enodev)
{
	unsigned char record[40 + 2048] __attribute__((aligned(8)));
	struct guest_call call;

	open_port(_i);
	guest_call_start(&call, receive_one, -1, record);
	guest_call_wait_asleep(&call, _i == BY_CALLS ? SYS_ioctl : SYS_poll);
	guest_sh("ip link del fio0");
	ck_assert_int_eq(guest_call_join_error(&call), ENODEV);
	ck_assert_int_eq(frameio_send(qp, record, 60), -ENODEV);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 1000), -ENODEV);
	close_port();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library");
	TCase *tcase = guest_tcase(suite, "library", 60, NULL, NULL);

	tcase_add_loop_test(tcase, one_at_a_time, 0, NWAYS);
	tcase_add_loop_test(tcase, batches, 0, NWAYS);
	tcase_add_loop_test(tcase, in_place, BY_RINGS, NWAYS);
	tcase_add_loop_test(tcase, a_reader_sleeps_until_there_is_a_frame, 0, NWAYS);
	tcase_add_loop_test(tcase, a_port_that_goes_away_is_enodev, 0, NWAYS);
	return guest_run(suite);
}
