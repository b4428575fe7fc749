/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* read(2) and write(2): one record a call. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest.h"

static void set_options(int port, uint32_t options)
{
	ck_assert_int_eq(ioctl(port, FRAMEIO_SET_OPTIONS, &options), 0);
}

/* Read the next frame, which must be the one that guest_fill() makes. */
static void read_frame(int port, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char record[HDRLEN + len];

	ck_assert_int_eq(read(port, record, sizeof(record)), sizeof(record));
	guest_check_record(record, len, seed, flags);
}

/* Write the frame that guest_fill() makes. */
static void write_frame(int port, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char record[HDRLEN + len];

	guest_record(record, len, seed, flags);
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
}

static void refuse_frame(int port, size_t len, uint32_t flags)
{
	unsigned char record[HDRLEN + len];

	memset(record, 0, sizeof(record));
	guest_header(record, len);
	if (flags & FRAMEIO_PORT_L3)
		record[HDRLEN] = 0x45;
	ck_assert_errno(write(port, record, sizeof(record)), EINVAL);
}

START_TEST(read_returns_the_frame_that_was_sent)
{
	unsigned char sent[60], record[2048];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const struct frameio_hdr *hdr = (void *)record;

	guest_fill(sent, sizeof(sent), 1, 0);
	ck_assert_int_eq(send(packet, sent, sizeof(sent), 0), sizeof(sent));
	ck_assert_int_eq(read(port, record, sizeof(record)), HDRLEN + sizeof(sent));
	ck_assert_uint_eq(hdr->version, FRAMEIO_HDR_VERSION);
	ck_assert_uint_eq(hdr->hdrlen, HDRLEN);
	ck_assert_uint_eq(hdr->len, sizeof(sent));
	ck_assert_uint_eq(hdr->wirelen, sizeof(sent));
	ck_assert_mem_eq(record + HDRLEN, sent, sizeof(sent));
}
END_TEST

START_TEST(read_sets_every_field_of_the_header)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];
	struct frameio_hdr hdr;

	guest_send(packet, 60, 1, 0);
	memset(record, 0xff, sizeof(record));
	ck_assert_int_eq(read(port, record, sizeof(record)), sizeof(record));
	memcpy(&hdr, record, sizeof(hdr));
	ck_assert_uint_eq(hdr.flags & ~FRAMEIO_F_HASH, 0);
	if (!(hdr.flags & FRAMEIO_F_HASH))
		ck_assert_uint_eq(hdr.hash, 0);
	ck_assert_uint_eq(hdr.tstamp, 0);
	ck_assert_uint_eq(hdr.vlan_tci, 0);
	ck_assert_uint_eq(hdr.vlan_proto, 0);
	ck_assert_uint_eq(hdr.gso_size, 0);
	ck_assert_uint_eq(hdr.gso_hdrlen, 0);
	ck_assert_uint_eq(hdr.csum_start, 0);
	ck_assert_uint_eq(hdr.csum_offset, 0);
	ck_assert_uint_eq(hdr.gso_type, 0);
	ck_assert_uint_eq(hdr.reserved, 0);
	ck_assert_uint_eq(hdr.queue, 0);
}
END_TEST

START_TEST(read_takes_one_frame_however_large_the_buffer)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[4096];
	size_t i;

	guest_send(packet, 100, 1, 0);
	guest_send(packet, 200, 2, 0);
	memset(record, 0xee, sizeof(record));
	ck_assert_int_eq(read(port, record, sizeof(record)), HDRLEN + 100);
	guest_check_record(record, 100, 1, 0);
	for (i = HDRLEN + 100; i < sizeof(record); i++)
		ck_assert_uint_eq(record[i], 0xee);
	ck_assert_int_eq(read(port, record, sizeof(record)), HDRLEN + 200);
	guest_check_record(record, 200, 2, 0);
}
END_TEST

START_TEST(read_of_an_l3_port_returns_the_packet_alone)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_send(packet, 20, 1, FRAMEIO_PORT_L3);
	guest_send(packet, 1500, 2, FRAMEIO_PORT_L3);
	read_frame(port, 20, 1, FRAMEIO_PORT_L3);
	read_frame(port, 1500, 2, FRAMEIO_PORT_L3);
}
END_TEST

START_TEST(read_into_too_small_a_buffer_fails_and_the_frame_stays_first)
{
	const size_t rooms[] = { 1, HDRLEN - 1, HDRLEN, HDRLEN + 1, HDRLEN + 98, HDRLEN + 99 };
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 100];
	size_t i;

	guest_send(packet, 100, 1, 0);
	guest_send(packet, 60, 2, 0);
	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		ck_assert_errno(read(port, record, rooms[i]), EMSGSIZE);
	read_frame(port, 100, 1, 0);
	read_frame(port, 60, 2, 0);
}
END_TEST

START_TEST(truncating_read_cuts_the_frame_and_tells_its_length)
{
	unsigned char sent[100], record[HDRLEN + 100];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const struct frameio_hdr *hdr = (void *)record;
	size_t room, i;

	set_options(port, FRAMEIO_O_TRUNC);
	guest_fill(sent, sizeof(sent), 1, 0);
	for (room = 0; room < sizeof(sent); room += 33) {
		ck_assert_int_eq(send(packet, sent, sizeof(sent), 0), sizeof(sent));
		memset(record, 0xee, sizeof(record));
		ck_assert_int_eq(read(port, record, HDRLEN + room), HDRLEN + room);
		ck_assert_uint_eq(hdr->flags & FRAMEIO_F_TRUNC, FRAMEIO_F_TRUNC);
		ck_assert_uint_eq(hdr->len, room);
		ck_assert_uint_eq(hdr->wirelen, sizeof(sent));
		if (room)
			ck_assert_mem_eq(record + HDRLEN, sent, room);
		for (i = HDRLEN + room; i < sizeof(record); i++)
			ck_assert_uint_eq(record[i], 0xee);
	}
	guest_set_nonblock(port, true);
	ck_assert_errno(read(port, record, sizeof(record)), EAGAIN);
}
END_TEST

START_TEST(truncating_read_leaves_alone_a_frame_that_fits)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	set_options(port, FRAMEIO_O_TRUNC);
	guest_send(packet, 100, 1, 0);
	read_frame(port, 100, 1, 0);
}
END_TEST

START_TEST(truncating_read_into_less_than_a_header_is_emsgsize)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN];

	set_options(port, FRAMEIO_O_TRUNC);
	guest_send(packet, 60, 1, 0);
	ck_assert_errno(read(port, record, 1), EMSGSIZE);
	ck_assert_errno(read(port, record, HDRLEN - 1), EMSGSIZE);
	read_frame(port, 60, 1, 0);
}
END_TEST

START_TEST(truncation_can_be_turned_off_again)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 59];

	set_options(port, FRAMEIO_O_TRUNC);
	set_options(port, 0);
	guest_send(packet, 60, 1, 0);
	ck_assert_errno(read(port, record, sizeof(record)), EMSGSIZE);
	read_frame(port, 60, 1, 0);
}
END_TEST

START_TEST(options_are_remembered_and_unknown_ones_refused)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	uint32_t options = ~0U;

	ck_assert_int_eq(ioctl(port, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, 0);
	set_options(port, FRAMEIO_O_TRUNC);
	options = 0x80000000;
	ck_assert_errno(ioctl(port, FRAMEIO_SET_OPTIONS, &options), EINVAL);
	options = 0x80000000 | FRAMEIO_O_TRUNC;
	ck_assert_errno(ioctl(port, FRAMEIO_SET_OPTIONS, &options), EINVAL);
	ck_assert_errno(ioctl(port, FRAMEIO_SET_OPTIONS, NULL), EFAULT);
	ck_assert_int_eq(ioctl(port, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, FRAMEIO_O_TRUNC);
}
END_TEST

/* Reads with a frame of @len bytes waiting, to addresses of which a part is bad. */
static void read_to_bad_addresses(int port, size_t len)
{
	const size_t good[] = { 0, 1, HDRLEN - 1, HDRLEN, HDRLEN + 1, HDRLEN + len - 1 };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_errno(read(port, guest_guarded(good[i]), HDRLEN + len), EFAULT);
}

START_TEST(read_to_a_bad_address_loses_nothing)
{
	static const size_t lens[] = { 60, 1514, 9014 };
	int port = guest_create_up("fio0", 0, 1, 9000);
	int packet = guest_packet_socket("fio0");
	size_t i;

	guest_not_over_rings("the program copies its memory itself");
	for (i = 0; i < 3; i++) {
		guest_send(packet, lens[i], 1, 0);
		guest_send(packet, lens[i], 2, 0);
		read_to_bad_addresses(port, lens[i]);
		read_frame(port, lens[i], 1, 0);
		read_frame(port, lens[i], 2, 0);
	}
}
END_TEST

START_TEST(truncating_read_to_a_bad_address_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("the program copies its memory itself");
	set_options(port, FRAMEIO_O_TRUNC);
	guest_send(packet, 1514, 1, 0);
	ck_assert_errno(read(port, guest_guarded(HDRLEN - 1), 500), EFAULT);
	ck_assert_errno(read(port, guest_guarded(HDRLEN), 500), EFAULT);
	ck_assert_errno(read(port, guest_guarded(499), 500), EFAULT);
	read_frame(port, 1514, 1, 0);
}
END_TEST

START_TEST(read_to_read_only_memory_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	void *buffer = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	guest_not_over_rings("the program copies its memory itself");
	ck_assert_ptr_ne(buffer, MAP_FAILED);
	guest_send(packet, 60, 1, 0);
	ck_assert_errno(read(port, buffer, 4096), EFAULT);
	read_frame(port, 60, 1, 0);
}
END_TEST

START_TEST(read_of_an_empty_queue_is_eagain_without_blocking)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[2048];

	guest_set_nonblock(port, true);
	ck_assert_errno(read(port, record, sizeof(record)), EAGAIN);
	ck_assert_int_eq(guest_poll(port, POLLIN, 0), 0);
	guest_send(packet, 60, 1, 0);
	ck_assert_int_eq(guest_poll(port, POLLIN, -1), POLLIN);
	read_frame(port, 60, 1, 0);
	ck_assert_errno(read(port, record, sizeof(record)), EAGAIN);
	ck_assert_int_eq(guest_poll(port, POLLIN, 0), 0);
}
END_TEST

START_TEST(frames_that_wait_are_read_after_the_interface_went_down)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[2048];

	guest_send(packet, 60, 1, 0);
	guest_send(packet, 70, 2, 0);
	guest_sh("ip link set fio0 down");
	read_frame(port, 60, 1, 0);
	read_frame(port, 70, 2, 0);
	guest_set_nonblock(port, true);
	ck_assert_errno(read(port, record, sizeof(record)), EAGAIN);
}
END_TEST

/* Read one of three: the others count as dropped once the port is gone, the file still open. */
START_TEST(frames_left_when_the_port_goes_are_counted_as_dropped)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;
	unsigned char record[2048];

	guest_not_over_rings("frames in a ring are the program's, and counted as read");
	guest_send(packet, 60, 1, 0);
	guest_send(packet, 70, 2, 0);
	guest_send(packet, 80, 3, 0);
	read_frame(port, 60, 1, 0);
	guest_sh("ip link del fio0");
	/* whether the reader comes again or not */
	if (_i)
		ck_assert_errno(read(port, record, sizeof(record)), ENODEV);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, 3);
	ck_assert_uint_eq(stats.fs_read_drop_closed, 2);
}
END_TEST

START_TEST(nothing_moves_in_a_call_of_no_bytes)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char byte;

	ck_assert_int_eq(read(port, &byte, 0), 0);
	guest_send(packet, 60, 1, 0);
	ck_assert_int_eq(read(port, &byte, 0), 0);
	ck_assert_int_eq(write(port, &byte, 0), 0);
	read_frame(port, 60, 1, 0);
	write_frame(port, 60, 2, 0);
	guest_receive(packet, 60, 2, 0);
}
END_TEST

START_TEST(calls_on_an_unbound_file_are_enotconn)
{
	unsigned char record[HDRLEN + 60];
	struct iovec iov[2] = { { record, sizeof(record) }, { record, sizeof(record) } };
	struct frameio_limits limits = { .fq_read = 1 };
	struct frameio_stats stats;
	struct frameio_info info;
	union guest_frameio fio;
	uint32_t options = 0;
	int control = guest_control();

	guest_record(record, 60, 1, 0);
	ck_assert_errno(read(control, record, sizeof(record)), ENOTCONN);
	ck_assert_errno(write(control, record, sizeof(record)), ENOTCONN);
	ck_assert_errno(readv(control, iov, 2), ENOTCONN);
	ck_assert_errno(writev(control, iov, 2), ENOTCONN);
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0] = (struct framevec){ (uintptr_t)record, sizeof(record), 0 };
	ck_assert_errno(ioctl(control, FRAMEIO_READ, &fio), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_WRITE, &fio), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_SET_LIMITS, &limits), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_SET_OPTIONS, &options), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_GET_OPTIONS, &options), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_INFO, &info), ENOTCONN);
	ck_assert_errno(ioctl(control, FRAMEIO_STATS, &stats), ENOTCONN);
}
END_TEST

START_TEST(write_is_received_by_the_kernel)
{
	unsigned char record[HDRLEN + 60], received[2048];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_record(record, 60, 2, 0);
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), 60);
	ck_assert_mem_eq(received, record + HDRLEN, 60);
}
END_TEST

#define FIELD(name, number) {							\
	#name " is " #number, offsetof(struct frameio_hdr, name),		\
	sizeof(((struct frameio_hdr *)0)->name), number				\
}

/* A header for 60 bytes is refused with each of these in it. */
static const struct wrong_field {
	const char *what;
	size_t offset, size;
	uint64_t value;
} wrong_fields[] = {
	FIELD(version, 0), FIELD(version, 2), FIELD(version, 255),
	FIELD(hdrlen, 0), FIELD(hdrlen, 39), FIELD(hdrlen, 41), FIELD(hdrlen, 48),
	FIELD(hdrlen, 255),
	FIELD(flags, FRAMEIO_F_TRUNC), FIELD(flags, FRAMEIO_F_TRUNC | FRAMEIO_F_HASH),
	FIELD(flags, 0x0080), FIELD(flags, 0x0100), FIELD(flags, 0x0200), FIELD(flags, 0x0400),
	FIELD(flags, 0x0800), FIELD(flags, 0x1000), FIELD(flags, 0x2000), FIELD(flags, 0x4000),
	FIELD(flags, 0x8000), FIELD(flags, 0xffff),
	FIELD(reserved, 1), FIELD(reserved, 0x80), FIELD(reserved, 255),
	FIELD(len, 0), FIELD(len, 20), FIELD(len, 59), FIELD(len, 61), FIELD(len, 100),
	FIELD(len, 0x80000000), FIELD(len, 0xffffffff), FIELD(len, 0xffffffff - 39),
};

START_TEST(write_with_a_wrong_header_field_is_refused)
{
	const struct wrong_field *field = &wrong_fields[_i];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];

	guest_record(record, 60, 1, 0);
	memcpy(record + field->offset, &field->value, field->size);
	errno = 0;
	ck_assert_msg(write(port, record, sizeof(record)) == -1 && errno == EINVAL, "%s: errno %d",
		      field->what, errno);
	write_frame(port, 60, 2, 0);
	guest_receive(packet, 60, 2, 0);
}
END_TEST

START_TEST(write_ignores_what_only_a_reader_is_told)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];
	struct frameio_hdr *hdr = (void *)record;

	guest_record(record, 60, 1, 0);
	hdr->flags = FRAMEIO_F_TSTAMP_SW | FRAMEIO_F_TSTAMP_HW | FRAMEIO_F_HASH;
	hdr->wirelen = 0xffffffff;
	hdr->hash = 0xffffffff;
	hdr->tstamp = UINT64_MAX;
	hdr->queue = 0xffff;
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	guest_receive(packet, 60, 1, 0);
}
END_TEST

START_TEST(write_of_less_than_a_header_and_a_frame_is_refused)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];
	size_t len;

	guest_record(record, 60, 1, 0);
	for (len = 1; len <= HDRLEN; len++)
		ck_assert_errno(write(port, record, len), EINVAL);
	for (len = 0; len < 14; len++)
		refuse_frame(port, len, 0);
	write_frame(port, 14, 2, 0);
	guest_receive(packet, 14, 2, 0);
}
END_TEST

START_TEST(write_of_a_frame_longer_than_the_mtu_is_refused)
{
	int port = guest_create_up("fio0", 0, 1, 1000);
	int packet = guest_packet_socket("fio0");

	refuse_frame(port, 1015, 0);
	refuse_frame(port, 1018, 0);
	refuse_frame(port, 65535 + 18, 0);
	refuse_frame(port, 1 << 20, 0);
	write_frame(port, 1014, 1, 0);
	guest_receive(packet, 1014, 1, 0);
}
END_TEST

START_TEST(the_longest_frame_follows_the_mtu)
{
	int port = guest_create_up("fio0", 0, 1, 1000);
	int packet = guest_packet_socket("fio0");
	struct frameio_info info;

	guest_sh("ip link set fio0 mtu 2000");
	write_frame(port, 2014, 1, 0);
	refuse_frame(port, 2015, 0);
	ck_assert_int_eq(ioctl(port, FRAMEIO_INFO, &info), 0);
	ck_assert_uint_eq(info.fi_frame_min, 14);
	ck_assert_uint_eq(info.fi_frame_max, 2014);
	guest_sh("ip link set fio0 mtu 500");
	refuse_frame(port, 515, 0);
	write_frame(port, 514, 2, 0);
	guest_receive(packet, 2014, 1, 0);
	guest_receive(packet, 514, 2, 0);
}
END_TEST

/* A frame of @len bytes with a VLAN tag inside, as the kernel shows it: without the tag. */
static size_t tagged_record(unsigned char *record, size_t len, uint16_t proto,
			    unsigned char *untagged)
{
	unsigned char *frame = record + HDRLEN;

	guest_record(record, len, 1, 0);
	memcpy(frame + 16, frame + 12, 2);
	frame[12] = proto >> 8;
	frame[13] = proto;
	memcpy(untagged, frame, 12);
	memcpy(untagged + 12, frame + 16, len - 16);
	return HDRLEN + len;
}

START_TEST(a_vlan_tag_in_the_frame_does_not_count_to_its_length)
{
	const uint16_t proto = _i ? ETHERTYPE_VLAN : 0x88a8;
	unsigned char record[HDRLEN + 1019], untagged[1019], received[2048];
	int port = guest_create_up("fio0", 0, 1, 1000);
	int packet = guest_packet_socket("fio0");
	size_t size;

	size = tagged_record(record, 1019, proto, untagged);
	ck_assert_errno(write(port, record, size), EINVAL);
	size = tagged_record(record, 1018, proto, untagged);
	ck_assert_int_eq(write(port, record, size), size);
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), 1014);
	ck_assert_mem_eq(received, untagged, 1014);
}
END_TEST

START_TEST(l3_write_takes_ipv4_and_ipv6)
{
	unsigned char record[HDRLEN + 40], received[2048];
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	int packet = guest_packet_socket("fio0");

	write_frame(port, 20, 1, FRAMEIO_PORT_L3);
	guest_receive(packet, 20, 1, FRAMEIO_PORT_L3);
	guest_record(record, 40, 2, FRAMEIO_PORT_L3);
	record[HDRLEN] = 0x60;
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), 40);
	ck_assert_mem_eq(received, record + HDRLEN, 40);
}
END_TEST

START_TEST(l3_write_of_anything_else_is_refused)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 100];
	unsigned int version;

	for (version = 0; version < 16; version++) {
		if (version == 4 || version == 6)
			continue;
		guest_record(record, 100, 1, FRAMEIO_PORT_L3);
		record[HDRLEN] = version << 4 | 5;
		ck_assert_errno(write(port, record, sizeof(record)), EINVAL);
	}
	write_frame(port, 100, 2, FRAMEIO_PORT_L3);
	guest_receive(packet, 100, 2, FRAMEIO_PORT_L3);
}
END_TEST

START_TEST(l3_write_of_a_truncated_ip_header_is_refused)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 40];
	size_t len;

	for (len = 0; len < 40; len++) {
		guest_record(record, 40, 1, FRAMEIO_PORT_L3);
		guest_header(record, len);
		record[HDRLEN] = 0x60;
		ck_assert_errno(write(port, record, HDRLEN + len), EINVAL);
		record[HDRLEN] = 0x45;
		if (len < 20)
			ck_assert_errno(write(port, record, HDRLEN + len), EINVAL);
	}
	write_frame(port, 20, 2, FRAMEIO_PORT_L3);
	guest_receive(packet, 20, 2, FRAMEIO_PORT_L3);
}
END_TEST

START_TEST(l3_write_of_a_packet_longer_than_the_mtu_is_refused)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 1000);
	int packet = guest_packet_socket("fio0");

	refuse_frame(port, 1001, FRAMEIO_PORT_L3);
	refuse_frame(port, 1004, FRAMEIO_PORT_L3);
	refuse_frame(port, 65536, FRAMEIO_PORT_L3);
	write_frame(port, 1000, 1, FRAMEIO_PORT_L3);
	guest_receive(packet, 1000, 1, FRAMEIO_PORT_L3);
}
END_TEST

START_TEST(l3_write_with_a_vlan_tag_is_refused)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];
	struct frameio_hdr *hdr = (void *)record;

	guest_record(record, 60, 1, FRAMEIO_PORT_L3);
	hdr->flags = FRAMEIO_F_VLAN;
	hdr->vlan_proto = ETHERTYPE_VLAN;
	ck_assert_errno(write(port, record, sizeof(record)), EINVAL);
	write_frame(port, 60, 2, FRAMEIO_PORT_L3);
	guest_receive(packet, 60, 2, FRAMEIO_PORT_L3);
}
END_TEST

/* A record of @len bytes of frame whose last bytes cannot be read. */
static void write_from_bad_addresses(int port, size_t len)
{
	const size_t good[] = { 0, 1, HDRLEN - 1, HDRLEN, HDRLEN + 1, HDRLEN + len - 1 };
	unsigned char record[HDRLEN + len];
	void *address;
	size_t i;

	guest_record(record, len, 1, 0);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		address = guest_guarded(good[i]);
		memcpy(address, record, good[i]);
		ck_assert_errno(write(port, address, sizeof(record)), EFAULT);
	}
}

START_TEST(write_from_a_bad_address_moves_nothing)
{
	static const size_t lens[] = { 60, 1514, 9014 };
	int port = guest_create_up("fio0", 0, 1, 9000);
	int packet = guest_packet_socket("fio0");
	size_t i;

	guest_not_over_rings("the program copies its memory itself");
	for (i = 0; i < 3; i++) {
		write_from_bad_addresses(port, lens[i]);
		write_frame(port, lens[i], 2, 0);
		guest_receive(packet, lens[i], 2, 0);
	}
}
END_TEST

START_TEST(write_reads_no_further_than_the_record)
{
	unsigned char *record = guest_guarded(HDRLEN + 60);
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_record(record, 60, 1, 0);
	ck_assert_int_eq(write(port, record, HDRLEN + 60), HDRLEN + 60);
	guest_receive(packet, 60, 1, 0);
}
END_TEST

START_TEST(a_record_can_be_written_as_it_was_read)
{
	int from = guest_create_up("fio0", 0, 2, 0), to = guest_create_up("fio1", 0, 1, 0);
	int packets[2] = { guest_packet_socket("fio0"), guest_packet_socket("fio1") };
	unsigned char record[HDRLEN + 1514];
	size_t len;

	for (len = 14; len <= 1514; len += 100) {
		guest_send(packets[0], len, len, 0);
		ck_assert_int_eq(read(from, record, sizeof(record)), HDRLEN + len);
		ck_assert_int_eq(write(to, record, HDRLEN + len), HDRLEN + len);
		guest_receive(packets[1], len, len, 0);
	}
}
END_TEST

START_TEST(write_to_an_interface_that_is_down_is_enetdown)
{
	int port = guest_create("fio0", 0, 1);
	unsigned char record[HDRLEN + 60];
	int packet;

	guest_record(record, 60, 1, 0);
	ck_assert_errno(write(port, record, sizeof(record)), ENETDOWN);
	ck_assert_int_eq(guest_poll(port, POLLOUT, 0), 0);
	guest_sh("ip link set fio0 up");
	packet = guest_packet_socket("fio0");
	ck_assert_int_eq(guest_poll(port, POLLOUT, 0), POLLOUT);
	write_frame(port, 60, 2, 0);
	guest_receive(packet, 60, 2, 0);
	guest_sh("ip link set fio0 down");
	ck_assert_errno(write(port, record, sizeof(record)), ENETDOWN);
}
END_TEST

START_TEST(calls_are_counted_as_single)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 60];
	struct frameio_stats stats;

	guest_not_over_rings("ring.c has the counters of rings");
	guest_send(packet, 60, 1, 0);
	ck_assert_errno(read(port, record, 50), EMSGSIZE);
	read_frame(port, 60, 1, 0);
	write_frame(port, 60, 2, 0);
	write_frame(port, 80, 3, 0);
	refuse_frame(port, 13, 0);
	guest_receive(packet, 60, 2, 0);
	guest_receive(packet, 80, 3, 0);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_SINGLE], 1);
	ck_assert_uint_eq(stats.fs_read_calls[FRAMEIO_MODE_SINGLE], 1);
	ck_assert_uint_eq(stats.fs_read_bytes, 60);
	ck_assert_uint_eq(stats.fs_read_errors, 1);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_SINGLE], 2);
	ck_assert_uint_eq(stats.fs_write_calls[FRAMEIO_MODE_SINGLE], 2);
	ck_assert_uint_eq(stats.fs_write_bytes, 140);
	ck_assert_uint_eq(stats.fs_write_errors, 1);
	ck_assert_uint_eq(stats.fs_write_received, 2);
}
END_TEST

static void add_read_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "read", 60, NULL, NULL);

	tcase_add_test(tcase, read_returns_the_frame_that_was_sent);
	tcase_add_test(tcase, read_sets_every_field_of_the_header);
	tcase_add_test(tcase, read_takes_one_frame_however_large_the_buffer);
	tcase_add_test(tcase, read_of_an_l3_port_returns_the_packet_alone);
	tcase_add_test(tcase, read_into_too_small_a_buffer_fails_and_the_frame_stays_first);
	tcase_add_test(tcase, truncating_read_cuts_the_frame_and_tells_its_length);
	tcase_add_test(tcase, truncating_read_leaves_alone_a_frame_that_fits);
	tcase_add_test(tcase, truncating_read_into_less_than_a_header_is_emsgsize);
	tcase_add_test(tcase, truncation_can_be_turned_off_again);
	tcase_add_test(tcase, options_are_remembered_and_unknown_ones_refused);
	tcase_add_test(tcase, read_to_a_bad_address_loses_nothing);
	tcase_add_test(tcase, truncating_read_to_a_bad_address_loses_nothing);
	tcase_add_test(tcase, read_to_read_only_memory_loses_nothing);
	tcase_add_test(tcase, read_of_an_empty_queue_is_eagain_without_blocking);
	tcase_add_test(tcase, frames_that_wait_are_read_after_the_interface_went_down);
	tcase_add_loop_test(tcase, frames_left_when_the_port_goes_are_counted_as_dropped, 0, 2);
}

static void add_write_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "write", 60, NULL, NULL);

	tcase_add_test(tcase, write_is_received_by_the_kernel);
	tcase_add_loop_test(tcase, write_with_a_wrong_header_field_is_refused, 0,
			    sizeof(wrong_fields) / sizeof(wrong_fields[0]));
	tcase_add_test(tcase, write_ignores_what_only_a_reader_is_told);
	tcase_add_test(tcase, write_of_less_than_a_header_and_a_frame_is_refused);
	tcase_add_test(tcase, write_of_a_frame_longer_than_the_mtu_is_refused);
	tcase_add_test(tcase, the_longest_frame_follows_the_mtu);
	tcase_add_loop_test(tcase, a_vlan_tag_in_the_frame_does_not_count_to_its_length, 0, 2);
	tcase_add_test(tcase, l3_write_takes_ipv4_and_ipv6);
	tcase_add_test(tcase, l3_write_of_anything_else_is_refused);
	tcase_add_test(tcase, l3_write_of_a_truncated_ip_header_is_refused);
	tcase_add_test(tcase, l3_write_of_a_packet_longer_than_the_mtu_is_refused);
	tcase_add_test(tcase, l3_write_with_a_vlan_tag_is_refused);
	tcase_add_test(tcase, write_from_a_bad_address_moves_nothing);
	tcase_add_test(tcase, write_reads_no_further_than_the_record);
	tcase_add_test(tcase, write_to_an_interface_that_is_down_is_enetdown);
}

static void add_common_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "read and write", 60, NULL, NULL);

	tcase_add_test(tcase, nothing_moves_in_a_call_of_no_bytes);
	tcase_add_test(tcase, calls_on_an_unbound_file_are_enotconn);
	tcase_add_test(tcase, a_record_can_be_written_as_it_was_read);
	tcase_add_test(tcase, calls_are_counted_as_single);
}

int main(void)
{
	Suite *suite = suite_create("single");

	add_read_tests(suite);
	add_write_tests(suite);
	add_common_tests(suite);
	return guest_run(suite);
}
