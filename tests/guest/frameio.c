/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* FRAMEIO_READ and FRAMEIO_WRITE: up to 32 records, each over 1 to 8 vectors. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"

#define MAXVECS	(FRAMEIO_NFRAMES_MAX * FRAMEIO_NVPF_MAX)
#define ROOM	2048		/* of each vector */
#define UNUSED	0x5a5a5a5a5a5a5a5aULL	/* what fv_actlen was before the call */
#define PAGE	4096UL

static unsigned char room[MAXVECS][ROOM];
static union guest_frameio call;
static struct framevec *const vecs = call.fio.fio_vecs;

/* The frame of each number has a length of its own: 60 to 156. */
static size_t frame_len(uint32_t number)
{
	return 60 + number % 97;
}

static void set_vec(uint32_t i, void *address, uint64_t len)
{
	vecs[i] = (struct framevec){ (uintptr_t)address, len, UNUSED };
}

/* Offer @nframes of @nvpf vectors, each in the rooms from its own on. */
static void offer(uint32_t nframes, uint32_t nvpf)
{
	memset(room, 0xee, sizeof(room));
	guest_frameio_init(&call, nframes * nvpf, nvpf);
	for (uint32_t i = 0; i < nframes * nvpf; i++)
		set_vec(i, room[i], ROOM);
}

/* The records of the frames from @first on, each in one vector. */
static void fill(uint32_t first, uint32_t nframes)
{
	guest_frameio_init(&call, nframes, 1);
	for (uint32_t i = 0; i < nframes; i++) {
		size_t len = guest_record(room[i], frame_len(first + i), first + i, 0);

		set_vec(i, room[i], len);
	}
}

/* Cut a record into @n vectors from @first on, of random lengths, many of them short. */
static void split(unsigned char *from, size_t len, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		size_t most = len - (n - i - 1), part = len;

		if (i < n - 1)
			part = 1 + rand() % (rand() % 2 ? most : (most + 19) / 20);
		memcpy(room[first + i], from, part);
		set_vec(first + i, room[first + i], part);
		from += part;
		len -= part;
	}
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

/* Each assertion of Check's is a system call, too dear for each byte. */
static void check_untouched(const unsigned char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && bytes[i] == 0xee)
		i++;
	ck_assert_uint_eq(i, len);
}

/*
 * The vectors of record @record hold frame @number: each is full before the
 * next is used, fv_actlen tells how far, and nothing else was written.
 */
static void check_record(uint32_t record, uint32_t nvpf, uint32_t number)
{
	unsigned char joined[MAXVECS * ROOM / FRAMEIO_NFRAMES_MAX];
	size_t left = HDRLEN + frame_len(number), joined_len = 0;

	for (uint32_t i = record * nvpf; i < (record + 1) * nvpf; i++) {
		size_t used = left < vecs[i].fv_buflen ? left : vecs[i].fv_buflen;

		ck_assert_uint_eq(vecs[i].fv_actlen, used);
		memcpy(joined + joined_len, (void *)(uintptr_t)vecs[i].fv_buf, used);
		check_untouched(room[i] + used, ROOM - used);
		joined_len += used;
		left -= used;
	}
	ck_assert_uint_eq(left, 0);
	guest_check_record(joined, frame_len(number), number, 0);
}

/* From vector @first on, nothing has been touched. */
static void check_unused(uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < n; i++) {
		ck_assert_uint_eq(vecs[i].fv_actlen, UNUSED);
		check_untouched(room[i], ROOM);
	}
}

/* The call fails, and neither the struct nor the vectors' memory has changed. */
static void check_refused(int port, unsigned long command, int error)
{
	static unsigned char room_before[MAXVECS][ROOM];
	const union guest_frameio before = call;

	memcpy(room_before, room, sizeof(room));
	errno = 0;
	ck_assert_int_eq(ioctl(port, command, &call), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_mem_eq(&call, &before, sizeof(call));
	ck_assert_mem_eq(room, room_before, sizeof(room));
}

/* Exactly the frames from @first on, at most 32, wait to be read. */
static void read_the_rest(int port, uint32_t first, uint32_t n)
{
	guest_set_nonblock(port, true);
	offer(FRAMEIO_NFRAMES_MAX, 1);
	if (n) {
		ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
		ck_assert_uint_eq(call.fio.fio_nvecs, n);
	}
	for (uint32_t i = 0; i < n; i++)
		check_record(i, 1, first + i);
	offer(FRAMEIO_NFRAMES_MAX, 1);
	check_refused(port, FRAMEIO_READ, EAGAIN);
}

/* Nothing but a frame written now reaches the kernel. */
static void nothing_else_arrives(int port, int packet)
{
	unsigned char record[HDRLEN + 400];

	guest_record(record, 400, 12345, 0);
	ck_assert_int_eq(write(port, record, sizeof(record)), sizeof(record));
	guest_receive(packet, 400, 12345, 0);
}

START_TEST(read_scatters_each_record_over_its_vectors)
{
	const uint32_t nvpf = _i;
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, FRAMEIO_NFRAMES_MAX);
	offer(FRAMEIO_NFRAMES_MAX, nvpf);
	for (uint32_t i = 0; i < FRAMEIO_NFRAMES_MAX * nvpf; i++)
		vecs[i].fv_buflen = (i + 1) % nvpf ? 1 + rand() % 80 : ROOM;
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, FRAMEIO_NFRAMES_MAX * nvpf);
	for (uint32_t i = 0; i < FRAMEIO_NFRAMES_MAX; i++)
		check_record(i, nvpf, 1 + i);
}
END_TEST

START_TEST(write_gathers_each_record_from_its_vectors)
{
	const uint32_t nvpf = _i;
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[ROOM];

	guest_frameio_init(&call, FRAMEIO_NFRAMES_MAX * nvpf, nvpf);
	for (uint32_t i = 0; i < FRAMEIO_NFRAMES_MAX; i++)
		split(record, guest_record(record, frame_len(i), i, 0), i * nvpf, nvpf);
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, FRAMEIO_NFRAMES_MAX * nvpf);
	for (uint32_t i = 0; i < FRAMEIO_NFRAMES_MAX * nvpf; i++)
		ck_assert_uint_eq(vecs[i].fv_actlen, vecs[i].fv_buflen);
	receive_frames(packet, 0, FRAMEIO_NFRAMES_MAX);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_first_vector_of_40_bytes_keeps_header_and_frame_apart)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 3);
	offer(3, 2);
	for (int i = 0; i < 6; i += 2)
		vecs[i].fv_buflen = HDRLEN;
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 6);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(vecs[2 * i].fv_actlen, HDRLEN);
		ck_assert_uint_eq(vecs[2 * i + 1].fv_actlen, frame_len(1 + i));
		check_record(i, 2, 1 + i);
		vecs[2 * i + 1].fv_buflen = vecs[2 * i + 1].fv_actlen;
	}
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 6);
	receive_frames(packet, 1, 3);
}
END_TEST

START_TEST(long_frames_are_scattered_and_gathered)
{
	const uint32_t nvpf = _i;
	int port = guest_create_up("fio0", 0, 1, 9000);
	int packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + 9014];
	size_t part = sizeof(record) / nvpf, done = 0;

	guest_frameio_init(&call, nvpf, nvpf);
	for (uint32_t i = 0; i < nvpf; i++)
		set_vec(i, record + i * part, i == nvpf - 1 ? sizeof(record) - i * part : part);
	guest_send(packet, 9014, 1, 0);
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	guest_check_record(record, 9014, 1, 0);
	guest_record(record, 9014, 2, 0);
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	guest_receive(packet, 9014, 2, 0);
	for (uint32_t i = 0; i < nvpf; i++)
		done += vecs[i].fv_actlen;
	ck_assert_uint_eq(done, sizeof(record));
}
END_TEST

START_TEST(read_returns_what_waits_and_leaves_the_rest_untouched)
{
	const uint32_t nvpf = _i;
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 3);
	offer(FRAMEIO_NFRAMES_MAX, nvpf);
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 3 * nvpf);
	ck_assert_uint_eq(call.fio.fio_nvpf, nvpf);
	ck_assert_uint_eq(call.fio.fio_version, FRAMEIO_VERSION);
	ck_assert_uint_eq(call.fio.fio_flags, 0);
	for (uint32_t i = 0; i < 3; i++)
		check_record(i, nvpf, 1 + i);
	check_unused(3 * nvpf, FRAMEIO_NFRAMES_MAX * nvpf);
}
END_TEST

START_TEST(read_leaves_what_has_no_vector)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 10);
	offer(4, 2);
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 8);
	read_the_rest(port, 5, 6);
}
END_TEST

START_TEST(read_of_an_empty_queue_is_eagain_without_blocking)
{
	int port = guest_create_up("fio0", 0, 1, 0);

	guest_set_nonblock(port, true);
	offer(4, 2);
	check_refused(port, FRAMEIO_READ, EAGAIN);
}
END_TEST

/* Version, vectors per frame, vectors, flags. */
static const struct frameio wrong_arguments[] = {
	{ 0, 1, 4, 0 },
	{ 2, 1, 4, 0 },
	{ ~0U, 1, 4, 0 },
	{ 1, 1, 4, 1 },
	{ 1, 1, 4, 1U << 31 },
	{ 1, 0, 4, 0 },
	{ 1, 9, 9, 0 },
	{ 1, ~0U, ~0U, 0 },
	{ 1, 1, 0, 0 },
	{ 1, 2, 3, 0 },
	{ 1, 8, 7, 0 },
	{ 1, 8, 9, 0 },
	{ 1, 1, 33, 0 },
	{ 1, 7, 231, 0 },
	{ 1, 1, 1U << 31, 0 },
	{ 1, 8, 1U << 31, 0 },
	{ 1, 1, ~0U, 0 },
	{ 1, 5, ~0U, 0 },
};
#define NWRONG	((int)(sizeof(wrong_arguments) / sizeof(wrong_arguments[0])))

START_TEST(wrong_arguments_move_nothing)
{
	const struct frameio *wrong = &wrong_arguments[_i];
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 2);
	offer(FRAMEIO_NFRAMES_MAX, FRAMEIO_NVPF_MAX);
	memcpy(&call, wrong, sizeof(*wrong));
	check_refused(port, FRAMEIO_READ, EINVAL);
	read_the_rest(port, 1, 2);

	fill(1, FRAMEIO_NFRAMES_MAX);
	for (uint32_t i = FRAMEIO_NFRAMES_MAX; i < MAXVECS; i++)
		set_vec(i, room[i % FRAMEIO_NFRAMES_MAX], vecs[i % FRAMEIO_NFRAMES_MAX].fv_buflen);
	memcpy(&call, wrong, sizeof(*wrong));
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

/* Which of 4 vectors is made wrong: first, between, last. */
static const int wrong_places[] = { 0, 1, 3 };

START_TEST(a_null_vector_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 4);
	offer(4, 1);
	vecs[wrong_places[_i]].fv_buf = 0;
	check_refused(port, FRAMEIO_READ, EINVAL);
	read_the_rest(port, 1, 4);
	fill(1, 4);
	vecs[wrong_places[_i]].fv_buf = 0;
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(an_empty_vector_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 4);
	offer(4, 1);
	vecs[wrong_places[_i]].fv_buflen = 0;
	check_refused(port, FRAMEIO_READ, EINVAL);
	offer(2, 2);
	vecs[wrong_places[_i]].fv_buflen = 0;
	check_refused(port, FRAMEIO_READ, EINVAL);
	read_the_rest(port, 1, 4);
	fill(1, 4);
	vecs[wrong_places[_i]].fv_buflen = 0;
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

/* Lengths that no memory has; two of them may add up to nothing. */
static const uint64_t huge_lengths[] = { 1ULL << 31, 1ULL << 32, 1ULL << 63, UINT64_MAX };

START_TEST(read_into_a_vector_of_huge_length_takes_one_frame)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 3);
	offer(2, 2);
	for (int i = 0; i < 4; i++)
		vecs[i].fv_buflen = huge_lengths[_i];
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 4);
	check_record(0, 2, 1);
	check_record(1, 2, 2);
	read_the_rest(port, 3, 1);
}
END_TEST

START_TEST(write_from_a_vector_of_huge_length_is_refused)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	fill(1, 1);
	vecs[0].fv_buflen = huge_lengths[_i];
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	fill(1, 2);
	call.fio.fio_nvpf = 2;
	vecs[0].fv_buflen = huge_lengths[_i];
	vecs[1].fv_buflen += -huge_lengths[_i];
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	nothing_else_arrives(port, packet);
}
END_TEST

/* A copy of the call whose last @bad bytes are in a page of that protection. */
static struct frameio *place_call(size_t bad, int protection)
{
	size_t size = sizeof(struct frameio) + call.fio.fio_nvecs * sizeof(struct framevec);
	unsigned char *map = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *place = map + 2 * PAGE + bad - size;

	ck_assert_ptr_ne(map, MAP_FAILED);
	memcpy(place, &call, size);
	ck_assert_int_eq(mprotect(map + 2 * PAGE, 2 * PAGE, protection), 0);
	return (void *)place;
}

/* How much of a struct with four vectors is in the bad page. */
static const size_t bad_bytes[] = { 1, 8, 24, 95, 96, 97, 104, 112 };

START_TEST(a_struct_that_cannot_be_written_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio *placed;

	send_frames(packet, 1, 4);
	offer(4, 1);
	placed = place_call(bad_bytes[_i], PROT_READ);
	ck_assert_errno(ioctl(port, FRAMEIO_READ, placed), EFAULT);
	ck_assert_mem_eq(placed, &call, sizeof(*placed) + 4 * sizeof(*vecs));
	read_the_rest(port, 1, 4);
	fill(1, 4);
	placed = place_call(bad_bytes[_i], PROT_READ);
	ck_assert_errno(ioctl(port, FRAMEIO_WRITE, placed), EFAULT);
	ck_assert_mem_eq(placed, &call, sizeof(*placed) + 4 * sizeof(*vecs));
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_struct_that_cannot_be_read_moves_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 4);
	offer(4, 1);
	ck_assert_errno(ioctl(port, FRAMEIO_READ, place_call(bad_bytes[_i], PROT_NONE)), EFAULT);
	ck_assert_errno(ioctl(port, FRAMEIO_READ, NULL), EFAULT);
	ck_assert_errno(ioctl(port, FRAMEIO_READ, -PAGE), EFAULT);
	read_the_rest(port, 1, 4);
	fill(1, 4);
	ck_assert_errno(ioctl(port, FRAMEIO_WRITE, place_call(bad_bytes[_i], PROT_NONE)), EFAULT);
	ck_assert_errno(ioctl(port, FRAMEIO_WRITE, NULL), EFAULT);
	ck_assert_errno(ioctl(port, FRAMEIO_WRITE, -PAGE), EFAULT);
	nothing_else_arrives(port, packet);
}
END_TEST

/* How many bytes at a bad address are good before it becomes bad. */
static const size_t good_bytes[] = { 0, 20, HDRLEN, HDRLEN + 30 };

START_TEST(read_to_a_bad_address_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("the program copies its memory itself");
	send_frames(packet, 1, 5);
	offer(5, 1);
	vecs[2].fv_buf = (uintptr_t)guest_guarded(good_bytes[_i]);
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 2);
	check_record(0, 1, 1);
	check_record(1, 1, 2);
	check_unused(2, 5);
	offer(3, 1);
	vecs[0].fv_buf = (uintptr_t)guest_guarded(good_bytes[_i]);
	check_refused(port, FRAMEIO_READ, EFAULT);
	read_the_rest(port, 3, 3);
}
END_TEST

START_TEST(read_with_the_frame_vector_bad_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("the program copies its memory itself");
	send_frames(packet, 1, 2);
	offer(2, 2);
	for (int i = 0; i < 4; i += 2)
		vecs[i].fv_buflen = HDRLEN;
	vecs[1].fv_buf = (uintptr_t)guest_guarded(10);
	ck_assert_errno(ioctl(port, FRAMEIO_READ, &call), EFAULT);
	ck_assert_uint_eq(call.fio.fio_nvecs, 4);
	ck_assert_uint_eq(vecs[0].fv_actlen, UNUSED);
	read_the_rest(port, 1, 2);
}
END_TEST

START_TEST(write_from_a_bad_address_loses_nothing)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char *bad = guest_guarded(good_bytes[_i]);

	guest_not_over_rings("the program copies its memory itself");
	fill(1, 5);
	memcpy(bad, room[2], good_bytes[_i]);
	vecs[2].fv_buf = (uintptr_t)bad;
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 2);
	ck_assert_uint_eq(vecs[1].fv_actlen, vecs[1].fv_buflen);
	ck_assert_uint_eq(vecs[2].fv_actlen, UNUSED);
	receive_frames(packet, 1, 2);
	fill(3, 3);
	memcpy(bad, room[0], good_bytes[_i]);
	vecs[0].fv_buf = (uintptr_t)bad;
	check_refused(port, FRAMEIO_WRITE, EFAULT);
	vecs[0].fv_buf = (uintptr_t)room[0];
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 3);
	receive_frames(packet, 3, 3);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_bad_record_ends_a_write)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	guest_not_over_rings("a record that is refused is left out, and does not end a row");
	fill(1, 8);
	room[5][0] = FRAMEIO_HDR_VERSION + 1;
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 5);
	for (int i = 0; i < 8; i++)
		ck_assert_uint_eq(vecs[i].fv_actlen, i < 5 ? vecs[i].fv_buflen : UNUSED);
	receive_frames(packet, 1, 5);
	fill(6, 3);
	room[0][0] = FRAMEIO_HDR_VERSION + 1;
	check_refused(port, FRAMEIO_WRITE, EINVAL);
	fill(7, 2);
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	receive_frames(packet, 7, 2);
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(write_of_a_length_that_is_not_in_the_vectors_is_refused)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	for (int nvpf = 1; nvpf <= FRAMEIO_NVPF_MAX; nvpf++) {
		unsigned char record[ROOM];
		size_t len = guest_record(record, 100, 1, 0);

		for (int lie = -1; lie <= 1; lie += 2) {
			guest_frameio_init(&call, nvpf, nvpf);
			split(record, len, 0, nvpf);
			vecs[nvpf - 1].fv_buflen += lie;
			if (vecs[nvpf - 1].fv_buflen)
				check_refused(port, FRAMEIO_WRITE, EINVAL);
		}
	}
	nothing_else_arrives(port, packet);
}
END_TEST

START_TEST(a_frame_too_big_for_its_vectors_ends_a_read)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	send_frames(packet, 1, 5);
	offer(5, 2);
	for (int i = 0; i < 10; i += 2)
		vecs[i].fv_buflen = HDRLEN;
	vecs[5].fv_buflen = frame_len(3) - 1;
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 4);
	check_record(0, 2, 1);
	check_record(1, 2, 2);
	check_unused(4, 10);
	offer(3, 2);
	vecs[0].fv_buflen = HDRLEN;
	vecs[1].fv_buflen = frame_len(3) - 1;
	check_refused(port, FRAMEIO_READ, EMSGSIZE);
	read_the_rest(port, 3, 3);
}
END_TEST

START_TEST(truncating_read_cuts_that_frame_and_goes_on)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	const struct frameio_hdr *hdr = (void *)room[2];
	uint32_t options = FRAMEIO_O_TRUNC;
	unsigned char expected[ROOM];

	ck_assert_int_eq(ioctl(port, FRAMEIO_SET_OPTIONS, &options), 0);
	send_frames(packet, 1, 3);
	offer(3, 2);
	for (int i = 0; i < 6; i += 2)
		vecs[i].fv_buflen = HDRLEN;
	vecs[3].fv_buflen = 20;
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	ck_assert_uint_eq(call.fio.fio_nvecs, 6);
	check_record(0, 2, 1);
	check_record(2, 2, 3);
	ck_assert_uint_eq(vecs[2].fv_actlen, HDRLEN);
	ck_assert_uint_eq(vecs[3].fv_actlen, 20);
	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_TRUNC, FRAMEIO_F_TRUNC);
	ck_assert_uint_eq(hdr->len, 20);
	ck_assert_uint_eq(hdr->wirelen, frame_len(2));
	guest_fill(expected, frame_len(2), 2, 0);
	ck_assert_mem_eq(room[3], expected, 20);
	ck_assert_uint_eq(room[3][20], 0xee);
}
END_TEST

START_TEST(write_to_an_interface_that_is_down_is_enetdown)
{
	int port = guest_create("fio0", 0, 1);

	fill(1, 3);
	check_refused(port, FRAMEIO_WRITE, ENETDOWN);
}
END_TEST

START_TEST(calls_are_counted_as_frameio)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;

	guest_not_over_rings("ring.c has the counters of rings");
	send_frames(packet, 1, 5);
	offer(3, 1);
	ck_assert_int_eq(ioctl(port, FRAMEIO_READ, &call), 0);
	read_the_rest(port, 4, 2);
	fill(1, 32);
	ck_assert_int_eq(ioctl(port, FRAMEIO_WRITE, &call), 0);
	receive_frames(packet, 1, 32);
	guest_stats(port, &stats);
	ck_assert_uint_eq(stats.fs_read_calls[FRAMEIO_MODE_FRAMEIO], 2);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_FRAMEIO], 5);
	ck_assert_uint_eq(stats.fs_write_calls[FRAMEIO_MODE_FRAMEIO], 1);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_FRAMEIO], 32);
}
END_TEST

START_TEST(a_file_does_only_what_it_was_opened_for)
{
	int port = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 2, 0);
	int only;

	guest_not_over_rings("rings are of a file for reading and writing");
	only = open("/dev/frameio/fio0", O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(only, 0);
	fill(0, 1);
	ck_assert_errno(ioctl(only, FRAMEIO_WRITE, &call), EBADF);
	offer(1, 1);
	ck_assert_errno(ioctl(only, FRAMEIO_READ, &call), EAGAIN);
	close(only);
	only = open("/dev/frameio/fio0", O_WRONLY | O_NONBLOCK);
	ck_assert_int_ge(only, 0);
	ck_assert_errno(ioctl(only, FRAMEIO_READ, &call), EBADF);
	fill(0, 1);
	ck_assert_int_eq(ioctl(only, FRAMEIO_WRITE, &call), 0);
	close(only);
	close(port);
	guest_sh("ip link del fio0");
}
END_TEST

static void add_transfer_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "transfer", 60, NULL, NULL);

	tcase_add_loop_test(tcase, read_scatters_each_record_over_its_vectors, 1, 9);
	tcase_add_loop_test(tcase, write_gathers_each_record_from_its_vectors, 1, 9);
	tcase_add_test(tcase, a_first_vector_of_40_bytes_keeps_header_and_frame_apart);
	tcase_add_loop_test(tcase, long_frames_are_scattered_and_gathered, 1, 9);
	tcase_add_loop_test(tcase, read_returns_what_waits_and_leaves_the_rest_untouched, 1, 9);
	tcase_add_test(tcase, read_leaves_what_has_no_vector);
	tcase_add_test(tcase, read_of_an_empty_queue_is_eagain_without_blocking);
	tcase_add_test(tcase, a_frame_too_big_for_its_vectors_ends_a_read);
	tcase_add_test(tcase, truncating_read_cuts_that_frame_and_goes_on);
	tcase_add_test(tcase, a_bad_record_ends_a_write);
	tcase_add_test(tcase, write_of_a_length_that_is_not_in_the_vectors_is_refused);
	tcase_add_test(tcase, write_to_an_interface_that_is_down_is_enetdown);
	tcase_add_test(tcase, calls_are_counted_as_frameio);
	tcase_add_test(tcase, a_file_does_only_what_it_was_opened_for);
}

static void add_argument_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "arguments", 60, NULL, NULL);

	tcase_add_loop_test(tcase, wrong_arguments_move_nothing, 0, NWRONG);
	tcase_add_loop_test(tcase, a_null_vector_moves_nothing, 0, 3);
	tcase_add_loop_test(tcase, an_empty_vector_moves_nothing, 0, 3);
	tcase_add_loop_test(tcase, read_into_a_vector_of_huge_length_takes_one_frame, 0, 4);
	tcase_add_loop_test(tcase, write_from_a_vector_of_huge_length_is_refused, 0, 4);
	tcase_add_loop_test(tcase, a_struct_that_cannot_be_written_moves_nothing, 0, 8);
	tcase_add_loop_test(tcase, a_struct_that_cannot_be_read_moves_nothing, 0, 8);
	tcase_add_loop_test(tcase, read_to_a_bad_address_loses_nothing, 0, 4);
	tcase_add_test(tcase, read_with_the_frame_vector_bad_loses_nothing);
	tcase_add_loop_test(tcase, write_from_a_bad_address_loses_nothing, 0, 4);
}

int main(void)
{
	Suite *suite = suite_create("frameio");

	add_transfer_tests(suite);
	add_argument_tests(suite);
	return guest_run(suite);
}
