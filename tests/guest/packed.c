/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * FRAMEIO_O_PACKED: read(2) and write(2) of rows of records. Waiting is in block.c, with
 * the other kinds of calls.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

#define MANY	1000

static _Alignas(8) unsigned char row[1 << 18];
static size_t size;

/* The frame of each number has a length of its own, odd ones as well: 60 to 156. */
static size_t frame_len(uint32_t number)
{
	return 60 + number % 97;
}

static size_t align_up(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

static void set_options(int fd, uint32_t options)
{
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

static int open_packed(uint32_t flags, unsigned int mtu)
{
	int fd = guest_create_up("fio0", flags, 1, mtu);

	set_options(fd, FRAMEIO_O_PACKED);
	return fd;
}

static int attach_packed(void)
{
	struct frameio_create request = { .fc_name = "fionic" };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	set_options(fd, FRAMEIO_O_PACKED);
	/* a file takes nothing before it reads or polls */
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	return fd;
}

/* --- rows ------------------------------------------------------------ */

static void row_start(void)
{
	memset(row, 0xee, sizeof(row));
	size = 0;
}

/* Append a record; returns where it is. */
static unsigned char *row_add_frame(size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char *record = row + align_up(size);

	size = align_up(size) + guest_record(record, len, seed, flags);
	return record;
}

static void row_add(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		row_add_frame(frame_len(first + i), first + i, 0);
}

/* A row of these frames, alone. */
static void row_of(uint32_t first, uint32_t n)
{
	row_start();
	row_add(first, n);
}

/* Where the record of frame @number is in a row from @first on. */
static size_t place(uint32_t first, uint32_t number)
{
	size_t bytes = 0;

	for (; first < number; first++)
		bytes += align_up(HDRLEN + frame_len(first));
	return bytes;
}

/* The bytes up to the end of the last of them. */
static ssize_t row_size(uint32_t first, uint32_t n)
{
	return place(first, first + n - 1) + HDRLEN + frame_len(first + n - 1);
}

static void check_untouched(size_t from, size_t to)
{
	for (; from < to; from++)
		if (row[from] != 0xee)
			ck_abort_msg("byte %zu was changed", from);
}

/* What was read are these frames, and all between and behind them is as it was. */
static void check_row(uint32_t first, uint32_t n)
{
	size_t at, end = 0;

	for (uint32_t number = first; number < first + n; number++) {
		at = place(first, number);
		check_untouched(end, at);
		guest_check_record(row + at, frame_len(number), number, 0);
		end = at + HDRLEN + frame_len(number);
	}
	check_untouched(end, end + 4096);
}

static void send_frames(int packet, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		guest_send(packet, frame_len(first + i), first + i, 0);
}

static void receive_frames(int packet, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		guest_receive(packet, frame_len(first + i), first + i, 0);
}

static void read_row(int fd, size_t room, uint32_t first, uint32_t n)
{
	row_start();
	ck_assert_int_eq(read(fd, row, room), row_size(first, n));
	check_row(first, n);
}

/* Exactly these frames wait to be read. */
static void read_the_rest(int fd, uint32_t first, uint32_t n)
{
	read_row(fd, sizeof(row), first, n);
	guest_set_nonblock(fd, true);
	ck_assert_errno(read(fd, row, sizeof(row)), EAGAIN);
}

/* Nothing but a frame written now reaches the kernel. */
static void nothing_else_arrives(int fd, int packet)
{
	row_of(96, 1);
	ck_assert_int_eq(write(fd, row, size), size);
	receive_frames(packet, 96, 1);
}

/* --- reading --------------------------------------------------------- */

START_TEST(read_returns_all_that_waits_as_a_row)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 0, 9);
	read_row(fd, sizeof(row), 0, 9);
	send_frames(packet, 9, 1);
	read_the_rest(fd, 9, 1);
}
END_TEST

START_TEST(read_returns_a_thousand_frames)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 0, MANY);
	read_the_rest(fd, 0, MANY);
}
END_TEST

/* The last record needs no room to be filled up in; a byte less, and it waits. */
START_TEST(what_does_not_fit_stays)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	uint32_t first = 1, n;

	for (n = 1; n <= 9; first += n + 1, n++) {
		send_frames(packet, first, n + 1);
		read_row(fd, row_size(first, n + 1) - 1, first, n);
		check_untouched(row_size(first, n), sizeof(row));
		send_frames(packet, first + n + 1, 1);
		read_row(fd, row_size(first + n, 1), first + n, 1);
		read_row(fd, sizeof(row), first + n + 1, 1);
		first++;
	}
	/* with all sizes of what is left of the buffer */
	for (n = 0; n < 48; n++) {
		send_frames(packet, 1, 3);
		read_row(fd, place(1, 3) + n, 1, 2);
		read_row(fd, sizeof(row), 3, 1);
	}
	guest_set_nonblock(fd, true);
	ck_assert_errno(read(fd, row, sizeof(row)), EAGAIN);
}
END_TEST

START_TEST(a_first_frame_that_does_not_fit_is_emsgsize)
{
	const size_t rooms[] = { 1, HDRLEN - 1, HDRLEN, HDRLEN + 1, HDRLEN + 60 };
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 2);
	row_start();
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		ck_assert_errno(read(fd, row, rooms[i]), EMSGSIZE);
	check_untouched(0, sizeof(row));
	read_the_rest(fd, 1, 2);
}
END_TEST

static void check_cut(const unsigned char *record, uint32_t number, size_t len)
{
	const struct frameio_hdr *hdr = (const void *)record;
	unsigned char expected[256];

	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_TRUNC, FRAMEIO_F_TRUNC);
	ck_assert_uint_eq(hdr->len, len);
	ck_assert_uint_eq(hdr->wirelen, frame_len(number));
	guest_fill(expected, frame_len(number), number, 0);
	ck_assert_mem_eq(record + HDRLEN, expected, len);
}

/* A frame is cut where there is nothing in front of it, and not for what is. */
START_TEST(truncation_cuts_only_the_first)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	set_options(fd, FRAMEIO_O_PACKED | FRAMEIO_O_TRUNC);
	send_frames(packet, 1, 5);
	read_row(fd, place(1, 3) + HDRLEN + 20, 1, 2);
	check_untouched(row_size(1, 2), sizeof(row));
	row_start();
	ck_assert_int_eq(read(fd, row, HDRLEN + 21), HDRLEN + 21);
	check_cut(row, 3, 21);
	check_untouched(HDRLEN + 21, sizeof(row));
	row_start();
	ck_assert_int_eq(read(fd, row, HDRLEN), HDRLEN);
	check_cut(row, 4, 0);
	ck_assert_errno(read(fd, row, HDRLEN - 1), EMSGSIZE);
	read_the_rest(fd, 5, 1);
}
END_TEST

/* How many bytes of the third record's memory are good. */
static const size_t good_bytes[] = { 0, 3, HDRLEN, HDRLEN + 30 };
#define NGOOD	4

START_TEST(a_read_up_to_a_bad_address_loses_nothing)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char *map = guest_guarded(place(1, 3) + good_bytes[_i]);

	guest_not_over_rings("the program copies its memory itself");
	send_frames(packet, 1, 5);
	ck_assert_int_eq(read(fd, map, sizeof(row)), row_size(1, 2));
	guest_check_record(map, frame_len(1), 1, 0);
	guest_check_record(map + place(1, 2), frame_len(2), 2, 0);
	ck_assert_errno(read(fd, map + place(1, 3), 4096), EFAULT);
	read_the_rest(fd, 3, 3);
}
END_TEST

START_TEST(the_longest_frames_are_read_and_written)
{
	const size_t len = 65521 + 14, third = 2 * align_up(HDRLEN + len);
	int fd = open_packed(0, 65521);
	int packet = guest_packet_socket("fio0");

	row_start();
	for (uint32_t i = 1; i <= 3; i++)
		row_add_frame(len, i, 0);
	ck_assert_int_eq(write(fd, row, size), size);
	for (uint32_t i = 1; i <= 3; i++)
		guest_receive(packet, len, i, 0);
	for (uint32_t i = 1; i <= 3; i++)
		guest_send(packet, len, i, 0);
	row_start();
	ck_assert_int_eq(read(fd, row, third + HDRLEN + len - 1), third - 1);
	guest_check_record(row, len, 1, 0);
	guest_check_record(row + third / 2, len, 2, 0);
	check_untouched(third - 1, third + 4096);
	ck_assert_int_eq(read(fd, row, HDRLEN + len), HDRLEN + len);
	guest_check_record(row, len, 3, 0);
}
END_TEST

/* --- writing --------------------------------------------------------- */

/* With the last record filled up in part, or in full. */
START_TEST(write_takes_a_row)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	for (uint32_t first = 1; first < 20; first += 5) {
		for (size_t more = 0; more < 8; more++) {
			row_of(first, 5);
			if (size + more > align_up(size))
				break;
			ck_assert_int_eq(write(fd, row, size + more), size + more);
			receive_frames(packet, first, 5);
		}
	}
	nothing_else_arrives(fd, packet);
}
END_TEST

START_TEST(write_takes_a_thousand_records)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	row_of(1, MANY);
	ck_assert_int_eq(write(fd, row, size), size);
	receive_frames(packet, 1, MANY);
	nothing_else_arrives(fd, packet);
}
END_TEST

/* A field that makes no record, or none that the port takes. */
static const struct wrong {
	size_t offset, size;
	uint64_t value;
} wrongs[] = {
	{ 0, 1, FRAMEIO_HDR_VERSION + 1 },
	{ 1, 1, 48 },
	{ 2, 2, FRAMEIO_F_TRUNC },
	{ 37, 1, 1 },
	{ 4, 4, 0 },
	{ 4, 4, 13 },
	{ 4, 4, 1515 },
	{ 4, 4, 0x7fffffff },
	{ 4, 4, 0x80000000 },
	{ 4, 4, 0xffffffff - HDRLEN },		/* wraps when the header is added */
	{ 4, 4, 0xffffffff - HDRLEN + 1 },
	{ 4, 4, 0xfffffffc },			/* or when it is rounded */
	{ 4, 4, 0xffffffff },
};
#define NWRONG	((int)(sizeof(wrongs) / sizeof(*wrongs)))

START_TEST(a_bad_record_ends_a_write)
{
	static const uint32_t places[] = { 1, 2, 5, 32, 33, 64, 65, 200 };
	const struct wrong *wrong = &wrongs[_i];
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const uint32_t bad = places[i];
		const size_t at = place(1, bad), next = place(1, bad + 1);

		row_of(1, bad + 2);
		memcpy(row + at + wrong->offset, &wrong->value, wrong->size);
		if (bad > 1)
			ck_assert_int_eq(write(fd, row, size), at);
		receive_frames(packet, 1, bad - 1);
		ck_assert_errno(write(fd, row + at, size - at), EINVAL);
		ck_assert_errno(write(fd, row + at, size - at), EINVAL);
		ck_assert_int_eq(write(fd, row + next, size - next), size - next);
		receive_frames(packet, bad + 1, 2);
	}
	nothing_else_arrives(fd, packet);
}
END_TEST

START_TEST(what_follows_the_last_record_is_one)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	size_t junk;

	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	for (junk = 1; junk < 2 * HDRLEN; junk++) {
		row_of(1, 2);
		memset(row + size, 0, junk + 8);
		size = align_up(size);
		ck_assert_int_eq(write(fd, row, size + junk), size);
		receive_frames(packet, 1, 2);
		ck_assert_errno(write(fd, row + size, junk), EINVAL);
	}
	/* the last frame cut short */
	for (junk = 1; junk < HDRLEN + frame_len(3); junk++) {
		row_of(1, 3);
		ck_assert_int_eq(write(fd, row, size - junk), place(1, 3));
		receive_frames(packet, 1, 2);
		ck_assert_errno(write(fd, row + place(1, 3), HDRLEN + frame_len(3) - junk), EINVAL);
	}
	nothing_else_arrives(fd, packet);
}
END_TEST

START_TEST(a_write_up_to_a_bad_address_loses_nothing)
{
	const size_t good = place(1, 3) + good_bytes[_i];
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char *map = guest_guarded(good);

	guest_not_over_rings("the program copies its memory itself");
	row_of(1, 5);
	memcpy(map, row, good);
	ck_assert_int_eq(write(fd, map, size), place(1, 3));
	receive_frames(packet, 1, 2);
	ck_assert_errno(write(fd, map + place(1, 3), size - place(1, 3)), EFAULT);
	ck_assert_int_eq(write(fd, row + place(1, 3), size - place(1, 3)), size - place(1, 3));
	receive_frames(packet, 3, 3);
	nothing_else_arrives(fd, packet);
}
END_TEST

START_TEST(write_reads_no_further_than_the_row)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char *map;

	row_of(1, 3);
	map = guest_guarded(size);
	memcpy(map, row, size);
	ck_assert_int_eq(write(fd, map, size), size);
	receive_frames(packet, 1, 3);
}
END_TEST

/* A queue of 1, 3 or 40 frames that is not drained takes so many; the rest is written later. */
START_TEST(a_full_queue_takes_a_part)
{
	static const uint32_t limits[] = { 1, 3, 40 };
	const uint32_t limit = limits[_i];
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	ssize_t part, ret;
	size_t done = 0;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_nonblock(fd, true);
	guest_set_limits(fd, 0, limit);
	guest_receive_hold("fio0");
	row_of(1, 200);
	part = write(fd, row, size);
	ck_assert_errno(write(fd, row + part, size - part), EAGAIN);
	guest_receive_release();
	ck_assert_int_eq(part, place(1, 1 + limit));
	done = part;
	while (done < size) {
		ret = write(fd, row + done, size - done);
		ck_assert(ret > 0 || errno == EAGAIN);
		if (ret > 0)
			done += ret;
		else
			ck_assert_int_eq(guest_poll(fd, POLLOUT, -1), POLLOUT);
	}
	ck_assert_uint_eq(done, size);
	receive_frames(packet, 1, 200);
	nothing_else_arrives(fd, packet);
}
END_TEST

/* The frames with what headers can ask for, in one row: a tag beside it, and segments to be cut. */
static void row_of_offloads(void)
{
	unsigned char *record;
	struct frameio_hdr *hdr;

	row_of(1, 1);
	hdr = (void *)row_add_frame(500, 2, 0);
	hdr->flags = FRAMEIO_F_VLAN;
	hdr->vlan_proto = 0x8100;
	hdr->vlan_tci = 7;
	record = row + align_up(size);
	guest_record_large(record);
	size = align_up(size) + HDRLEN + GUEST_LARGE_LEN;
	row_add(3, 1);
}

START_TEST(tags_and_segments_are_made_of_records_of_a_row)
{
	unsigned char frame[4096], record[HDRLEN + GUEST_LARGE_LEN];
	const ssize_t lens[] = { frame_len(1), GUEST_LARGE_LEN, frame_len(3) };
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0"), tagged;

	guest_sh("ip link add link fio0 name fio0.7 type vlan id 7 && "
		 "sysctl -q -w net.ipv6.conf.fio0/7.disable_ipv6=1 && ip link set fio0.7 up");
	tagged = guest_packet_socket("fio0.7");
	row_of_offloads();
	ck_assert_int_eq(write(fd, row, size), size);
	guest_receive(tagged, 500, 2, 0);
	guest_record_large(record);
	for (int i = 0; i < 3; i++) {
		/* the tagged one may overtake others on its way to this socket */
		ssize_t len = recv(packet, frame, sizeof(frame), 0);

		if (len == 500)
			len = recv(packet, frame, sizeof(frame), 0);
		ck_assert_int_eq(len, lens[i]);
		/* the kernel's own see the large one in one piece */
		if (i == 1)
			ck_assert_mem_eq(frame + GUEST_LARGE_HEADERS,
					 record + HDRLEN + GUEST_LARGE_HEADERS,
					 GUEST_LARGE_LEN - GUEST_LARGE_HEADERS);
	}
}
END_TEST

/* --- L3 and NIC ports ------------------------------------------------ */

START_TEST(packets_of_an_l3_port)
{
	static const size_t lens[] = { 20, 21, 1500, 47, 100 };
	int fd = open_packed(FRAMEIO_PORT_L3, 0);
	int packet = guest_packet_socket("fio0");
	size_t at = 0;

	row_start();
	for (uint32_t i = 0; i < 5; i++)
		row_add_frame(lens[i], i, FRAMEIO_PORT_L3);
	ck_assert_int_eq(write(fd, row, size), size);
	for (uint32_t i = 0; i < 5; i++)
		guest_receive(packet, lens[i], i, FRAMEIO_PORT_L3);
	for (uint32_t i = 0; i < 5; i++)
		guest_send(packet, lens[i], i, FRAMEIO_PORT_L3);
	ck_assert_int_eq(read(fd, row, sizeof(row)), size);
	for (uint32_t i = 0; i < 5; i++) {
		guest_check_record(row + at, lens[i], i, FRAMEIO_PORT_L3);
		at += align_up(HDRLEN + lens[i]);
	}
	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	/* one that is no IP */
	row_start();
	row_add_frame(20, 1, FRAMEIO_PORT_L3);
	row_add_frame(40, 2, FRAMEIO_PORT_L3)[HDRLEN] = 0x55;
	ck_assert_int_eq(write(fd, row, size), align_up(HDRLEN + 20));
	ck_assert_errno(write(fd, row + align_up(HDRLEN + 20), HDRLEN + 40), EINVAL);
}
END_TEST

START_TEST(frames_of_a_nic_port)
{
	int peer = guest_packet_socket("fiopeer");
	int fd = attach_packed();

	send_frames(peer, 1, 100);
	/* they arrive as the softirq has it */
	for (uint32_t next = 1; next <= 100;) {
		ssize_t bytes = read(fd, row, sizeof(row)), at = 0;

		ck_assert_int_gt(bytes, 0);
		for (; at < bytes; at = align_up(at + HDRLEN + frame_len(next)), next++)
			guest_check_record(row + at, frame_len(next), next, 0);
	}
	row_of(1, 200);
	ck_assert_int_eq(write(fd, row, size), size);
	receive_frames(peer, 1, 200);
	row_of_offloads();
	ck_assert_int_eq(write(fd, row, size), size);
	receive_frames(peer, 1, 1);
	guest_receive(peer, 500, 2, 0);
	/* veth takes it in one piece, or in segments */
	do
		ck_assert_int_gt(recv(peer, row, sizeof(row), 0), 0);
	while (row[12] == 8);
}
END_TEST

/* --- around it ------------------------------------------------------- */

START_TEST(the_buffer_is_in_one_piece)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	struct iovec iov[] = { { row, 4096 }, { row + 4096, 4096 } };

	send_frames(packet, 1, 3);
	row_start();
	ck_assert_errno(readv(fd, iov, 2), EINVAL);
	iov[1].iov_len = 0;
	ck_assert_errno(readv(fd, iov, 2), EINVAL);
	check_untouched(0, 8192);
	ck_assert_errno(readv(fd, &(struct iovec){ NULL, 4096 }, 1), EINVAL);
	ck_assert_int_eq(read(fd, row, 0), 0);
	/* one vector is a buffer */
	ck_assert_int_eq(readv(fd, iov, 1), row_size(1, 3));
	check_row(1, 3);
	row_of(1, 3);
	iov[0].iov_len = place(1, 3);
	iov[1] = (struct iovec){ row + place(1, 3), size - place(1, 3) };
	ck_assert_errno(writev(fd, iov, 2), EINVAL);
	ck_assert_errno(writev(fd, &(struct iovec){ NULL, size }, 1), EINVAL);
	ck_assert_int_eq(write(fd, row, 0), 0);
	iov[0].iov_len = size;
	ck_assert_int_eq(writev(fd, iov, 1), size);
	receive_frames(packet, 1, 3);
	nothing_else_arrives(fd, packet);
}
END_TEST

START_TEST(the_ioctls_are_as_ever)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	union guest_frameio call;

	send_frames(packet, 1, 3);
	guest_frameio_init(&call, 2, 1);
	for (int i = 0; i < 2; i++)
		call.fio.fio_vecs[i] = (struct framevec){ (uintptr_t)(row + i * 2048), 2048, 0 };
	ck_assert_int_eq(ioctl(fd, FRAMEIO_READ, &call), 0);
	guest_check_record(row, frame_len(1), 1, 0);
	guest_check_record(row + 2048, frame_len(2), 2, 0);
	for (int i = 0; i < 2; i++)
		call.fio.fio_vecs[i].fv_buflen = HDRLEN + frame_len(1 + i);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_WRITE, &call), 0);
	receive_frames(packet, 1, 2);
	read_the_rest(fd, 3, 1);
}
END_TEST

START_TEST(the_option_can_be_turned_off_again)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	uint32_t options;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, FRAMEIO_O_PACKED);
	set_options(fd, 0);
	send_frames(packet, 1, 3);
	read_row(fd, sizeof(row), 1, 1);
	set_options(fd, FRAMEIO_O_PACKED);
	read_the_rest(fd, 2, 2);
	set_options(fd, 0);
	row_of(1, 2);
	ck_assert_errno(write(fd, row, size), EINVAL);
	set_options(fd, FRAMEIO_O_PACKED);
	ck_assert_int_eq(write(fd, row, size), size);
	receive_frames(packet, 1, 2);
}
END_TEST

START_TEST(rwf_nowait_takes_a_row)
{
	struct iovec iov = { row, sizeof(row) };
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");

	ck_assert_errno(preadv2(fd, &iov, 1, -1, RWF_NOWAIT), EAGAIN);
	send_frames(packet, 1, 3);
	row_start();
	ck_assert_int_eq(preadv2(fd, &iov, 1, -1, RWF_NOWAIT), row_size(1, 3));
	check_row(1, 3);
	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(fd, 0, 2);
	guest_receive_hold("fio0");
	row_of(1, 5);
	iov.iov_len = size;
	ck_assert_int_eq(pwritev2(fd, &iov, 1, -1, RWF_NOWAIT), place(1, 3));
	ck_assert_errno(pwritev2(fd, &iov, 1, -1, RWF_NOWAIT), EAGAIN);
	guest_receive_release();
	receive_frames(packet, 1, 2);
}
END_TEST

START_TEST(calls_are_counted_as_packed)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;

	guest_not_over_rings("ring.c has the counters of rings");
	send_frames(packet, 1, 5);
	read_row(fd, place(1, 4), 1, 3);
	ck_assert_errno(read(fd, row, HDRLEN), EMSGSIZE);
	read_row(fd, sizeof(row), 4, 2);
	row_of(1, 300);
	row[place(1, 200)] = 0;
	ck_assert_int_eq(write(fd, row, size), place(1, 200));
	ck_assert_errno(write(fd, row + place(1, 200), size - place(1, 200)), EINVAL);
	receive_frames(packet, 1, 199);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_calls[FRAMEIO_MODE_PACKED], 2);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_PACKED], 5);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_SINGLE], 0);
	ck_assert_uint_eq(stats.fs_read_bytes, 61 + 62 + 63 + 64 + 65);
	/* what waits for the next call is no error */
	ck_assert_uint_eq(stats.fs_read_errors, 1);
	ck_assert_uint_eq(stats.fs_write_calls[FRAMEIO_MODE_PACKED], 1);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_PACKED], 199);
	ck_assert_uint_eq(stats.fs_write_received, 199);
	guest_sh("grep -qx packed /sys/class/net/fio0/frameio/mode && "
		 "grep -qx 'frameio-mode:\tpacked' /proc/%d/fdinfo/%d && "
		 "ethtool -S fio0 >/run/counters && grep -q 'q0_read_frames_packed: 5$' /run/counters && "
		 "grep -q 'q0_write_calls_packed: 1$' /run/counters", getpid(), fd);
}
END_TEST

/* --- threads --------------------------------------------------------- */

#define SHARE	4000

static void *write_share(void *arg)
{
	const uint32_t first = (uintptr_t)arg >> 8;
	const int fd = (uintptr_t)arg & 0xff;
	_Alignas(8) static _Thread_local unsigned char mine[16384];
	uint32_t next = first;

	while (next < first + SHARE) {
		size_t bytes = 0;

		for (; next < first + SHARE && bytes + 512 < sizeof(mine); next++) {
			bytes = align_up(bytes);
			bytes += guest_record_numbered(mine + bytes, frame_len(next), next);
		}
		if (write(fd, mine, bytes) != (ssize_t)bytes)
			ck_abort_msg("write: %s", strerror(errno));
	}
	return NULL;
}

static _Atomic unsigned char seen[2 * SHARE];
static atomic_uint nseen;

static void *read_share(void *arg)
{
	const int fd = (uintptr_t)arg;
	static _Thread_local unsigned char mine[8192];
	ssize_t bytes, at;

	while ((bytes = read(fd, mine, sizeof(mine))) > 0) {
		for (at = 0; at < bytes;) {
			struct frameio_hdr hdr;
			uint32_t number;

			memcpy(&hdr, mine + at, sizeof(hdr));
			number = guest_check_numbered(mine + at + HDRLEN, hdr.len);
			if (number >= 2 * SHARE || seen[number]++)
				ck_abort_msg("frame %u came twice, or was not sent", number);
			nseen++;
			at = align_up(at + HDRLEN + hdr.len);
		}
	}
	ck_assert_int_eq(errno, ENODEV);
	return NULL;
}

/* Two threads write rows into fio0, which goes to fio1, where two read. */
START_TEST(two_threads_each_way)
{
	int from, to = guest_create_up("fio1", 0, 1, 0);
	pthread_t writers[2], readers[2];

	from = open_packed(0, 0);
	set_options(to, FRAMEIO_O_PACKED);
	guest_set_limits(from, 0, 50);
	/* nothing is dropped on the way between them */
	guest_set_limits(to, 64, 0);
	guest_sh("tc qdisc add dev fio1 root pfifo limit %d && "
		 "tc qdisc add dev fio0 clsact && tc filter add dev fio0 ingress matchall "
		 "action mirred egress redirect dev fio1", 2 * SHARE);
	for (uintptr_t i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&readers[i], NULL, read_share,
						(void *)(uintptr_t)to), 0);
		ck_assert_int_eq(pthread_create(&writers[i], NULL, write_share,
						(void *)(i * SHARE << 8 | from)), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
	/* one that is lost makes this time out */
	while (nseen < 2 * SHARE)
		guest_pause();
	guest_sh("ip link del fio1");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
}
END_TEST

static atomic_bool stopped;

/* Change a record's length all the time, beyond its row and back. */
static void *change_length(void *arg)
{
	static const uint32_t lens[] = { 61, 60, 0, 62, 100000, 0xffffffff, 0xfffffff0, 61 };
	_Atomic uint32_t *len = arg;

	for (unsigned int i = 0; !stopped; i++)
		*len = lens[i % 8];
	return NULL;
}

/* What is decided by one look at a header is not undone by another. */
START_TEST(a_header_that_changes_is_one_record_or_none)
{
	int fd = open_packed(0, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;
	pthread_t changer;
	unsigned int moved = 0, refused = 0;

	guest_not_over_rings("ring.c has a program that changes what is in its ring");
	row_start();
	row_add_frame(60, 1, 0);
	row_add_frame(61, 2, 0);
	ck_assert_int_eq(pthread_create(&changer, NULL, change_length,
					row + align_up(HDRLEN + 60) + 4), 0);
	while (moved < 200 || refused < 200) {
		ssize_t ret = write(fd, row, size);

		if (ret == (ssize_t)size)
			moved++;
		else if (ret == (ssize_t)align_up(HDRLEN + 60))
			refused++;
		else
			ck_abort_msg("write returned %zd", ret);
		while (recv(packet, row + 8192, 2048, MSG_DONTWAIT) > 0)
			;
	}
	stopped = true;
	ck_assert_int_eq(pthread_join(changer, NULL), 0);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_PACKED], 2 * moved + refused);
}
END_TEST

static void add_read_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "read", 60, NULL, NULL);

	tcase_add_test(tcase, read_returns_all_that_waits_as_a_row);
	tcase_add_test(tcase, read_returns_a_thousand_frames);
	tcase_add_test(tcase, what_does_not_fit_stays);
	tcase_add_test(tcase, a_first_frame_that_does_not_fit_is_emsgsize);
	tcase_add_test(tcase, truncation_cuts_only_the_first);
	tcase_add_loop_test(tcase, a_read_up_to_a_bad_address_loses_nothing, 0, NGOOD);
	tcase_add_test(tcase, the_longest_frames_are_read_and_written);
}

static void add_write_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "write", 60, NULL, NULL);

	tcase_add_test(tcase, write_takes_a_row);
	tcase_add_test(tcase, write_takes_a_thousand_records);
	tcase_add_loop_test(tcase, a_bad_record_ends_a_write, 0, NWRONG);
	tcase_add_test(tcase, what_follows_the_last_record_is_one);
	tcase_add_loop_test(tcase, a_write_up_to_a_bad_address_loses_nothing, 0, NGOOD);
	tcase_add_test(tcase, write_reads_no_further_than_the_row);
	tcase_add_loop_test(tcase, a_full_queue_takes_a_part, 0, 3);
	tcase_add_test(tcase, tags_and_segments_are_made_of_records_of_a_row);
}

static void add_other_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "other", 120, NULL, NULL);

	tcase_add_test(tcase, packets_of_an_l3_port);
	tcase_add_test(tcase, the_buffer_is_in_one_piece);
	tcase_add_test(tcase, the_ioctls_are_as_ever);
	tcase_add_test(tcase, the_option_can_be_turned_off_again);
	tcase_add_test(tcase, rwf_nowait_takes_a_row);
	tcase_add_test(tcase, calls_are_counted_as_packed);
	tcase_add_test(tcase, two_threads_each_way);
	tcase_add_test(tcase, a_header_that_changes_is_one_record_or_none);
}

int main(void)
{
	Suite *suite = suite_create("packed");
	TCase *tcase = guest_tcase(suite, "nic", 60, guest_add_nic, guest_delete_nic);

	tcase_add_test(tcase, frames_of_a_nic_port);
	add_read_tests(suite);
	add_write_tests(suite);
	add_other_tests(suite);
	return guest_run(suite);
}
