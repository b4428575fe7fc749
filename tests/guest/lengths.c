/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Frames of every length there is, compared byte by byte.
 *
 * A frame is a header that the stack understands and a piece of one large row
 * of random bytes, which starts elsewhere for each length.
 *
 * On a slow kernel FRAMEIO_LENGTHS_EVERY=N leaves out N - 1 of N batches of the
 * longer lengths.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

#define LONGEST	65535
#define BATCH	FRAMEIO_NFRAMES_MAX
#define SECONDS	600	/* far more than it takes: others may use the CPUs */

static unsigned char bytes[2 * LONGEST];
/* For a record each; or for a row of them. */
static _Alignas(8) unsigned char records[BATCH][(HDRLEN + LONGEST + 7) / 8 * 8];

/*
 * The lengths of a kind of port: all that it can carry. To save time, long frames
 * are sent to one kind in one piece of memory, and to the other in several.
 */
static const struct kind {
	uint32_t flags;
	unsigned int mtu;
	size_t shortest;
	bool in_pieces;
} kinds[] = {
	{ 0, LONGEST - 14, 14, false },
	{ FRAMEIO_PORT_L3, LONGEST, 20, true },
};
#define NKINDS	2

static unsigned char headers[BATCH][20];

/* Make the header of a frame of @len bytes; returns its length, the shortest frame's. */
static size_t make_header(const struct kind *kind, unsigned char *header, size_t len)
{
	const uint16_t total = htons(len);

	guest_fill(header, kind->shortest, 1, kind->flags);
	if (kind->flags & FRAMEIO_PORT_L3)
		memcpy(header + 2, &total, sizeof(total));
	return kind->shortest;
}

/* What follows the header in a frame of @len bytes. */
static unsigned char *body(size_t len)
{
	return bytes + len * 7919 % LONGEST;
}

static void check_frame(const struct kind *kind, const unsigned char *frame, size_t len)
{
	unsigned char header[20];
	size_t hdrlen = make_header(kind, header, len);

	ck_assert_mem_eq(frame, header, hdrlen);
	ck_assert_msg(!memcmp(frame + hdrlen, body(len), len - hdrlen), "frame of %zu bytes", len);
}

/* As many lengths from @len on as are left, up to a batch. */
static unsigned int batch_size(size_t len)
{
	return LONGEST - len + 1 < BATCH ? LONGEST - len + 1 : BATCH;
}

/* Short lengths are where copies differ: none of them is left out. */
#define SHORT	4096

/* The length to go on with, after the batch from @len on. The last one is the longest. */
static size_t next_batch(size_t len)
{
	const size_t every = len >= SHORT ? guest_setting("FRAMEIO_LENGTHS_EVERY", 1) : 1;
	const size_t next = len + BATCH * every;

	return next > LONGEST && len + BATCH <= LONGEST ? LONGEST : next;
}

static int open_port(const struct kind *kind)
{
	uint64_t state = 1;

	for (size_t i = 0; i < sizeof(bytes); i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		bytes[i] = state >> 56;
	}
	return guest_create_up("fio0", kind->flags, 1, kind->mtu);
}

/* A packet socket keeps no more in one piece than the header of virtio_net tells. */
static int open_sender(const struct kind *kind)
{
	int packet = guest_packet_socket("fio0");
	int vnet = kind->in_pieces;

	ck_assert_int_eq(setsockopt(packet, SOL_PACKET, PACKET_VNET_HDR, &vnet, sizeof(vnet)), 0);
	return packet;
}

/* Send frames of @n lengths from @first on. */
static void send_batch(const struct kind *kind, int packet, size_t first, unsigned int n)
{
	struct virtio_net_hdr vnet = { .hdr_len = kind->shortest };
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec iov[BATCH][3];

	for (unsigned int i = 0; i < n; i++) {
		size_t len = first + i, hdrlen = make_header(kind, headers[i], len);

		iov[i][0] = (struct iovec){ &vnet, kind->in_pieces ? sizeof(vnet) : 0 };
		iov[i][1] = (struct iovec){ headers[i], hdrlen };
		iov[i][2] = (struct iovec){ body(len), len - hdrlen };
		messages[i].msg_hdr.msg_iov = iov[i];
		messages[i].msg_hdr.msg_iovlen = 3;
	}
	ck_assert_int_eq(sendmmsg(packet, messages, n, 0), n);
}

/*
 * Every other batch is moved as a row of records by one call, and of the other kind of
 * port those between.
 */
static bool is_packed(const struct kind *kind, size_t first)
{
	return (first / BATCH + (kind - kinds)) % 2;
}

static void check_record(const struct kind *kind, const unsigned char *record, size_t len)
{
	struct frameio_hdr hdr;

	memcpy(&hdr, record, sizeof(hdr));
	ck_assert_uint_eq(hdr.len, len);
	check_frame(kind, record + HDRLEN, len);
}

static void set_packed(int port, bool packed)
{
	const uint32_t options = packed ? FRAMEIO_O_PACKED : 0;

	ck_assert_int_eq(ioctl(port, FRAMEIO_SET_OPTIONS, &options), 0);
}

static size_t align_up(size_t size)
{
	return (size + 7) / 8 * 8;
}

static void read_row(const struct kind *kind, int port, size_t first, unsigned int n)
{
	size_t next = first, at, end;
	ssize_t size;

	set_packed(port, true);
	while (next < first + n) {
		size = read(port, records, sizeof(records));
		for (at = 0, end = 0; (ssize_t)at < size; at = align_up(end), next++) {
			ck_assert_uint_lt(next, first + n);
			check_record(kind, records[0] + at, next);
			end = at + HDRLEN + next;
		}
		ck_assert_int_eq(size, end);
	}
}

static void read_batch(const struct kind *kind, int port, size_t first, unsigned int n)
{
	union guest_frameio call;

	if (is_packed(kind, first)) {
		read_row(kind, port, first, n);
		return;
	}

	for (unsigned int done = 0; done < n; done += call.fio.fio_nvecs) {
		guest_frameio_init(&call, n - done, 1);
		for (unsigned int i = 0; i < n - done; i++) {
			call.fio.fio_vecs[i].fv_buf = (uintptr_t)records[i];
			call.fio.fio_vecs[i].fv_buflen = sizeof(records[i]);
		}
		ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
		for (unsigned int i = 0; i < call.fio.fio_nvecs; i++) {
			size_t len = first + done + i;

			ck_assert_uint_eq(call.fio.fio_vecs[i].fv_actlen, HDRLEN + len);
			check_record(kind, records[i], len);
		}
	}
}

static void make_record(const struct kind *kind, unsigned char *record, size_t len)
{
	size_t hdrlen = make_header(kind, record + HDRLEN, len);

	guest_header(record, len);
	memcpy(record + HDRLEN + hdrlen, body(len), len - hdrlen);
}

static void write_row(const struct kind *kind, int port, size_t first, unsigned int n)
{
	size_t size = 0;

	for (size_t len = first; len < first + n; len++) {
		size = align_up(size);
		make_record(kind, records[0] + size, len);
		size += HDRLEN + len;
	}
	set_packed(port, true);
	ck_assert_int_eq(write(port, records, size), size);
}

static void write_batch(const struct kind *kind, int port, size_t first, unsigned int n)
{
	union guest_frameio call;

	if (is_packed(kind, first)) {
		write_row(kind, port, first, n);
		return;
	}
	guest_frameio_init(&call, n, 1);
	for (unsigned int i = 0; i < n; i++) {
		size_t len = first + i;

		make_record(kind, records[i], len);
		call.fio.fio_vecs[i].fv_buf = (uintptr_t)records[i];
		call.fio.fio_vecs[i].fv_buflen = HDRLEN + len;
	}
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, n);
}

static void receive_batch(const struct kind *kind, int packet, size_t first, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ck_assert_int_eq(recv(packet, records[0], sizeof(records[0]), 0), first + i);
		check_frame(kind, records[0], first + i);
	}
}

START_TEST(every_length_is_read_as_it_was_sent)
{
	const struct kind *kind = &kinds[_i];
	int port = open_port(kind);
	int packet = open_sender(kind);
	size_t len;

	for (len = kind->shortest; len <= LONGEST; len = next_batch(len)) {
		send_batch(kind, packet, len, batch_size(len));
		read_batch(kind, port, len, batch_size(len));
	}
}
END_TEST

START_TEST(every_length_is_received_as_it_was_written)
{
	const struct kind *kind = &kinds[_i];
	int port = open_port(kind);
	int packet = guest_packet_socket("fio0");
	size_t len;

	for (len = kind->shortest; len <= LONGEST; len = next_batch(len)) {
		write_batch(kind, port, len, batch_size(len));
		receive_batch(kind, packet, len, batch_size(len));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lengths");
	/* a ring holds fewer frames than a batch has, which the others wait for */
	TCase *tcase = guest_tcase(suite, "lengths", SECONDS, guest_use_fifo, NULL);

	tcase_add_loop_test(tcase, every_length_is_read_as_it_was_sent, 0, NKINDS);
	tcase_add_loop_test(tcase, every_length_is_received_as_it_was_written, 0, NKINDS);
	return guest_run(suite);
}
