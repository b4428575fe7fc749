/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* readv(2) and writev(2): a record in each iovec. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest.h"

#define SLOT	2048		/* room of an iovec */
#define NSLOTS	1024		/* UIO_MAXIOV */

static unsigned char slots[NSLOTS][SLOT];
static struct iovec iov[NSLOTS];

/* The frame of each number has a length of its own: 60 to 156. */
static size_t frame_len(uint32_t number)
{
	return 60 + number % 97;
}

static void offer_slots(int n)
{
	memset(slots, 0xee, sizeof(slots));
	for (int i = 0; i < n; i++)
		iov[i] = (struct iovec){ slots[i], SLOT };
}

/* Records of the frames from number @first on, one in each iovec; returns their bytes. */
static ssize_t fill_slots(uint32_t first, int n)
{
	ssize_t bytes = 0;

	for (int i = 0; i < n; i++) {
		iov[i].iov_base = slots[i];
		iov[i].iov_len = guest_record(slots[i], frame_len(first + i), first + i, 0);
		bytes += iov[i].iov_len;
	}
	return bytes;
}

static void send_frames(int packet, uint32_t first, int n)
{
	for (int i = 0; i < n; i++)
		guest_send(packet, frame_len(first + i), first + i, 0);
}

static void receive_frames(int packet, uint32_t first, int n)
{
	for (int i = 0; i < n; i++)
		guest_receive(packet, frame_len(first + i), first + i, 0);
}

/* The bytes of the records of frames @first and on. */
static ssize_t record_bytes(uint32_t first, int n)
{
	ssize_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += HDRLEN + frame_len(first + i);
	return bytes;
}

/* Of a slot, what is behind its first @from bytes is as it was; an assertion for each takes long. */
static void check_rest(int slot, size_t from)
{
	for (size_t j = from; j < SLOT; j++)
		if (slots[slot][j] != 0xee)
			ck_abort_msg("byte %zu of slot %d was changed", j, slot);
}

/* The slots hold these records, and the rest of each slot is as it was. */
static void check_slots(uint32_t first, int n)
{
	for (int i = 0; i < n; i++) {
		guest_check_record(slots[i], frame_len(first + i), first + i, 0);
		check_rest(i, HDRLEN + frame_len(first + i));
	}
}

static void check_untouched(int slot)
{
	check_rest(slot, 0);
}

/* Exactly the frames from @first on wait to be read. */
static void read_the_rest(int port, uint32_t first, int n)
{
	offer_slots(NSLOTS);
	guest_set_nonblock(port, true);
	if (n)
		ck_assert_int_eq(readv(port, iov, NSLOTS), record_bytes(first, n));
	check_slots(first, n);
	ck_assert_errno(readv(port, iov, NSLOTS), EAGAIN);
}

/* Nothing but a frame written now reaches the kernel. */
static void nothing_else_arrives(int port, int packet)
{
	unsigned char record[HDRLEN + 400];

	guest_record(record, 400, 12345, 0);
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	guest_receive(packet, 400, 12345, 0);
}

START_TEST(readv_puts_a_record_in_each_iovec)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 5);
	offer_slots(5);
	ck_assert_int_eq(readv(port, iov, 5), record_bytes(1, 5));
	check_slots(1, 5);
}
END_TEST

START_TEST(readv_returns_what_waits)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 2);
	offer_slots(5);
	ck_assert_int_eq(readv(port, iov, 5), record_bytes(1, 2));
	check_slots(1, 2);
	for (int i = 2; i < 5; i++)
		check_untouched(i);
}
END_TEST

START_TEST(readv_leaves_what_has_no_iovec)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 7);
	offer_slots(5);
	ck_assert_int_eq(readv(port, iov, 2), record_bytes(1, 2));
	check_slots(1, 2);
	check_untouched(2);
	ck_assert_int_eq(readv(port, iov, 1), record_bytes(3, 1));
	read_the_rest(port, 4, 4);
}
END_TEST

START_TEST(readv_of_an_empty_queue_is_eagain_without_blocking)
{
	int port = guest_create_up("fio0", 0, 1, 0);

	guest_set_nonblock(port, true);
	offer_slots(3);
	ck_assert_errno(readv(port, iov, 3), EAGAIN);
	check_untouched(0);
}
END_TEST

START_TEST(readv_fills_1024_iovecs)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, NSLOTS);
	offer_slots(NSLOTS);
	ck_assert_int_eq(readv(port, iov, NSLOTS), record_bytes(1, NSLOTS));
	check_slots(1, NSLOTS);
}
END_TEST

/* Where in a row of 4 something is wrong: first, between, last. */
static const int wrong_places[] = { 0, 1, 3 };
#define NWRONG	3

START_TEST(readv_with_an_empty_iovec_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 4);
	offer_slots(4);
	iov[wrong_places[_i]].iov_len = 0;
	ck_assert_errno(readv(port, iov, 4), EINVAL);
	for (int i = 0; i < 4; i++)
		check_untouched(i);
	read_the_rest(port, 1, 4);
}
END_TEST

START_TEST(readv_with_a_null_iovec_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 4);
	offer_slots(4);
	iov[wrong_places[_i]].iov_base = NULL;
	ck_assert_errno(readv(port, iov, 4), EINVAL);
	for (int i = 0; i < 4; i++)
		check_untouched(i);
	read_the_rest(port, 1, 4);
}
END_TEST

START_TEST(a_frame_too_big_for_its_iovec_ends_a_readv)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 5);
	offer_slots(5);
	iov[2].iov_len = HDRLEN + frame_len(3) - 1;
	ck_assert_int_eq(readv(port, iov, 5), record_bytes(1, 2));
	check_slots(1, 2);
	check_untouched(3);
	ck_assert_errno(readv(port, &iov[2], 3), EMSGSIZE);
	check_untouched(3);
	iov[2].iov_len++;
	ck_assert_int_eq(readv(port, &iov[2], 1), record_bytes(3, 1));
	guest_check_record(slots[2], frame_len(3), 3, 0);
	read_the_rest(port, 4, 2);
}
END_TEST

START_TEST(truncating_readv_cuts_that_frame_and_goes_on)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const struct frameio_hdr *hdr = (void *)slots[1];
	uint32_t options = FRAMEIO_O_TRUNC;
	unsigned char expected[SLOT];

	ck_assert_int_eq(ioctl(port, FRAMEIO_SET_OPTIONS, &options), 0);
	send_frames(packet, 1, 3);
	offer_slots(3);
	iov[1].iov_len = HDRLEN + 20;
	ck_assert_int_eq(readv(port, iov, 3),
			 record_bytes(1, 1) + HDRLEN + 20 + record_bytes(3, 1));
	guest_check_record(slots[0], frame_len(1), 1, 0);
	guest_check_record(slots[2], frame_len(3), 3, 0);
	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_TRUNC, FRAMEIO_F_TRUNC);
	ck_assert_uint_eq(hdr->len, 20);
	ck_assert_uint_eq(hdr->wirelen, frame_len(2));
	guest_fill(expected, frame_len(2), 2, 0);
	ck_assert_mem_eq(slots[1] + HDRLEN, expected, 20);
	ck_assert_uint_eq(slots[1][HDRLEN + 20], 0xee);
}
END_TEST

/* How many bytes at a bad address are good before it becomes bad. */
static const size_t good_bytes[] = { 0, 20, HDRLEN, HDRLEN + 30 };
#define NGOOD	4

START_TEST(readv_to_a_bad_address_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("the program copies its memory itself");
	send_frames(packet, 1, 5);
	offer_slots(5);
	iov[2].iov_base = guest_guarded(good_bytes[_i]);
	ck_assert_int_eq(readv(port, iov, 5), record_bytes(1, 2));
	check_slots(1, 2);
	check_untouched(3);
	ck_assert_errno(readv(port, &iov[2], 3), EFAULT);
	check_untouched(3);
	read_the_rest(port, 3, 3);
}
END_TEST

START_TEST(writev_takes_a_record_from_each_iovec)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	ssize_t bytes = fill_slots(1, 5);

	ck_assert_int_eq(writev(port, iov, 5), bytes);
	receive_frames(packet, 1, 5);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_takes_1024_iovecs)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	ssize_t bytes = fill_slots(1, NSLOTS);

	ck_assert_int_eq(writev(port, iov, NSLOTS), bytes);
	receive_frames(packet, 1, NSLOTS);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_does_not_gather_a_record_from_two_iovecs)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	fill_slots(1, 1);
	iov[1] = (struct iovec){ slots[0] + HDRLEN, iov[0].iov_len - HDRLEN };
	iov[0].iov_len = HDRLEN;
	ck_assert_errno(writev(port, iov, 2), EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_with_an_empty_iovec_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	fill_slots(1, 4);
	iov[wrong_places[_i]].iov_len = 0;
	ck_assert_errno(writev(port, iov, 4), EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_with_a_null_iovec_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	fill_slots(1, 4);
	iov[wrong_places[_i]].iov_base = NULL;
	ck_assert_errno(writev(port, iov, 4), EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_bad_record_ends_a_writev)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	fill_slots(1, 5);
	slots[2][0] = FRAMEIO_HDR_VERSION + 1;
	ck_assert_int_eq(writev(port, iov, 5), record_bytes(1, 2));
	receive_frames(packet, 1, 2);
	ck_assert_errno(writev(port, &iov[2], 3), EINVAL);
	ck_assert_errno(writev(port, &iov[2], 3), EINVAL);
	ck_assert_int_eq(writev(port, &iov[3], 2), record_bytes(4, 2));
	receive_frames(packet, 4, 2);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_bad_record_late_in_a_long_writev_ends_it)
{
	static const int places[] = { 63, 64, 65, 127, 128, 500, 1023 };
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	int bad = places[_i];

	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	fill_slots(1, NSLOTS);
	slots[bad][0] = FRAMEIO_HDR_VERSION + 1;
	ck_assert_int_eq(writev(port, iov, NSLOTS), record_bytes(1, bad));
	receive_frames(packet, 1, bad);
	ck_assert_errno(writev(port, &iov[bad], NSLOTS - bad), EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_from_a_bad_address_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("the program copies its memory itself");
	fill_slots(1, 5);
	iov[2].iov_base = guest_guarded(good_bytes[_i]);
	memcpy(iov[2].iov_base, slots[2], good_bytes[_i]);
	ck_assert_int_eq(writev(port, iov, 5), record_bytes(1, 2));
	receive_frames(packet, 1, 2);
	ck_assert_errno(writev(port, &iov[2], 3), EFAULT);
	iov[2].iov_base = slots[2];
	ck_assert_int_eq(writev(port, &iov[2], 3), record_bytes(3, 3));
	receive_frames(packet, 3, 3);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(writev_to_an_interface_that_is_down_is_enetdown)
{
	int port = guest_create("fio0", 0, 1);

	fill_slots(1, 3);
	ck_assert_errno(writev(port, iov, 3), ENETDOWN);
}
END_TEST

START_TEST(what_readv_read_writev_can_write)
{
	int from = guest_create_up("fio0", 0, 1, 0), to = guest_create_up("fio1", 0, 1, 0);
	int packets[2] = { guest_packet_socket("fio0"), guest_packet_socket("fio1") };

	send_frames(packets[0], 1, 64);
	offer_slots(64);
	ck_assert_int_eq(readv(from, iov, 64), record_bytes(1, 64));
	for (int i = 0; i < 64; i++)
		iov[i].iov_len = HDRLEN + frame_len(1 + i);
	ck_assert_int_eq(writev(to, iov, 64), record_bytes(1, 64));
	receive_frames(packets[1], 1, 64);
	nothing_else_arrives(to, packets[1]);
}
END_TEST

START_TEST(calls_are_counted_as_vector)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;

	guest_not_over_rings("ring.c has the counters of rings");
	send_frames(packet, 1, 5);
	offer_slots(5);
	ck_assert_int_eq(readv(port, iov, 3), record_bytes(1, 3));
	ck_assert_int_eq(readv(port, iov, 3), record_bytes(4, 2));
	fill_slots(1, 300);
	ck_assert_int_eq(writev(port, iov, 300), record_bytes(1, 300));
	receive_frames(packet, 1, 300);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_calls[FRAMEIO_MODE_VECTOR], 2);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_VECTOR], 5);
	ck_assert_uint_eq(stats.fs_read_bytes, record_bytes(1, 5) - 5 * HDRLEN);
	ck_assert_uint_eq(stats.fs_read_errors, 0);
	ck_assert_uint_eq(stats.fs_write_calls[FRAMEIO_MODE_VECTOR], 1);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_VECTOR], 300);
	ck_assert_uint_eq(stats.fs_write_bytes, record_bytes(1, 300) - 300 * HDRLEN);
	ck_assert_uint_eq(stats.fs_write_errors, 0);
}
END_TEST

static void add_readv_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "readv", 60, NULL, NULL);

	tcase_add_test(tcase, readv_puts_a_record_in_each_iovec);
	tcase_add_test(tcase, readv_returns_what_waits);
	tcase_add_test(tcase, readv_leaves_what_has_no_iovec);
	tcase_add_test(tcase, readv_of_an_empty_queue_is_eagain_without_blocking);
	tcase_add_test(tcase, readv_fills_1024_iovecs);
	tcase_add_loop_test(tcase, readv_with_an_empty_iovec_moves_nothing, 0, NWRONG);
	tcase_add_loop_test(tcase, readv_with_a_null_iovec_moves_nothing, 0, NWRONG);
	tcase_add_test(tcase, a_frame_too_big_for_its_iovec_ends_a_readv);
	tcase_add_test(tcase, truncating_readv_cuts_that_frame_and_goes_on);
	tcase_add_loop_test(tcase, readv_to_a_bad_address_loses_nothing, 0, NGOOD);
}

static void add_writev_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "writev", 60, NULL, NULL);

	tcase_add_test(tcase, writev_takes_a_record_from_each_iovec);
	tcase_add_test(tcase, writev_takes_1024_iovecs);
	tcase_add_test(tcase, writev_does_not_gather_a_record_from_two_iovecs);
	tcase_add_loop_test(tcase, writev_with_an_empty_iovec_moves_nothing, 0, NWRONG);
	tcase_add_loop_test(tcase, writev_with_a_null_iovec_moves_nothing, 0, NWRONG);
	tcase_add_test(tcase, a_bad_record_ends_a_writev);
	tcase_add_loop_test(tcase, a_bad_record_late_in_a_long_writev_ends_it, 0, 7);
	tcase_add_loop_test(tcase, writev_from_a_bad_address_loses_nothing, 0, NGOOD);
	tcase_add_test(tcase, writev_to_an_interface_that_is_down_is_enetdown);
	tcase_add_test(tcase, what_readv_read_writev_can_write);
	tcase_add_test(tcase, calls_are_counted_as_vector);
}

int main(void)
{
	Suite *suite = suite_create("vector");

	add_readv_tests(suite);
	add_writev_tests(suite);
	return guest_run(suite);
}
