/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Rings: records in place and by the ordinary calls, against a kernel that stands in. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

#define SIZE		4096U	/* of the area of each ring */
#define HDRLEN		sizeof(struct frameio_hdr)
#define LONGEST		(SIZE / 2 - HDRLEN)

static struct kernel_ring *const in = &kernel.read_ring;
static struct kernel_ring *const out = &kernel.write_ring;

static struct frameio_ring_setup setup;	/* as it was handed over */
static uint32_t options;		/* of the file */
static unsigned int nkicks;
static int kick_error;
static uint64_t map_off_by;		/* what the kernel gets wrong about the mappings */
static int setup_error;

static int answer(unsigned long request, void *argument)
{
	struct frameio_ring_setup *asked = argument;
	const uint64_t page_size = sysconf(_SC_PAGESIZE);

	switch (request) {
	case FRAMEIO_RING_SETUP:
		setup = *asked;
		if (setup_error)
			return setup_error;
		asked->frr_read_map = asked->frr_read_size ?
			page_size + 2ULL * asked->frr_read_size + map_off_by : 0;
		asked->frr_write_map = asked->frr_write_size ?
			page_size + 2ULL * asked->frr_write_size + map_off_by : 0;
		return 0;
	case FRAMEIO_GET_OPTIONS:
		*(uint32_t *)argument = options;
		return 0;
	case FRAMEIO_SET_OPTIONS:
		options = *(uint32_t *)argument;
		return 0;
	case FRAMEIO_KICK:
		ck_assert_ptr_null(argument);
		nkicks++;
		return kick_error;
	default:
		/* whatever moves frames past the rings */
		return EBUSY;
	}
}

static struct frameio_qp *qp_open(void)
{
	struct frameio_qp *qp;

	ck_assert_int_eq(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY), 0);
	kernel.answer = answer;
	return qp;
}

static struct frameio_qp *qp_with(unsigned int read_size, unsigned int write_size)
{
	const struct frameio_ring_options wanted = {
		.read_size = read_size,
		.write_size = write_size,
	};
	struct frameio_qp *qp = qp_open();

	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), 0);
	return qp;
}

/* A queue pair with both rings, neither of which waits for anything. */
static struct frameio_qp *qp_with_rings(void)
{
	return qp_with(SIZE, SIZE);
}

static size_t record_size(size_t len)
{
	return (HDRLEN + len + 7) & ~(size_t)7;
}

static void fill(unsigned char *frame, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		frame[i] = seed * 31 + i * 7 + len;
}

/* The kernel puts a record into the read ring, without a look at how full it is. */
static void produce(size_t len, unsigned int seed)
{
	unsigned char *record = in->area + in->page->rg_producer % in->size;
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.len = len,
		.wirelen = len,
		.hash = seed,
	};

	memcpy(record, &hdr, HDRLEN);
	fill(record + HDRLEN, len, seed);
	in->page->rg_producer += record_size(len);
}

/* The kernel takes the next record of the write ring, which must be this one. */
static void consume(size_t len, unsigned int seed)
{
	const struct frameio_hdr expected = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.len = len,
	};
	const unsigned char *record = out->area + out->page->rg_consumer % out->size;
	unsigned char frame[SIZE];

	ck_assert_uint_ge(out->page->rg_producer - out->page->rg_consumer, record_size(len));
	fill(frame, len, seed);
	ck_assert_mem_eq(record, &expected, HDRLEN);
	ck_assert_mem_eq(record + HDRLEN, frame, len);
	out->page->rg_consumer += record_size(len);
}

static void assert_frame(const struct frameio_hdr *hdr, size_t len, unsigned int seed)
{
	unsigned char frame[SIZE];

	fill(frame, len, seed);
	ck_assert_uint_eq(hdr->len, len);
	ck_assert_uint_eq(hdr->hash, seed);
	ck_assert_mem_eq(frameio_hdr_frame(hdr), frame, len);
}

static int append(struct frameio_qp *qp, size_t len, unsigned int seed)
{
	unsigned char frame[SIZE];

	fill(frame, len, seed);
	return frameio_ring_append(qp, frame, len);
}

static bool is_set(const uint32_t *flags)
{
	return *flags & FRAMEIO_RING_NEED_WAKEUP;
}

/* --- making and unmaking ------------------------------------------------------ */

START_TEST(setup_hands_over_the_options)
{
	const struct frameio_ring_options wanted = {
		.read_size = 8192,
		.write_size = 16384,
		.flags = FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU,
		.idle_us = 77,
		.cpu = 3,
	};
	struct frameio_qp *qp = qp_open();

	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), 0);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	ck_assert_uint_eq(setup.frr_read_size, 8192);
	ck_assert_uint_eq(setup.frr_write_size, 16384);
	ck_assert_uint_eq(setup.frr_flags, wanted.flags);
	ck_assert_uint_eq(setup.frr_idle, 77);
	ck_assert_uint_eq(setup.frr_cpu, 3);
	ck_assert_uint_eq(setup.frr_reserved0, 0);
	ck_assert_uint_eq(setup.frr_read_map | setup.frr_write_map, 0);
	ck_assert_uint_eq(setup.frr_reserved[0] | setup.frr_reserved[1] | setup.frr_reserved[2], 0);
	ck_assert_int_eq(kernel.nmaps, 2);
	ck_assert_uint_eq(in->size, 8192);
	ck_assert_uint_eq(out->size, 16384);
	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), -EBUSY);
	frameio_close(qp);
	ck_assert_int_eq(kernel.nmaps, 0);
	ck_assert_int_eq(kernel.nfiles, 0);
}
END_TEST

static int try_setup(struct frameio_qp *qp)
{
	static const struct frameio_ring_options wanted = { .read_size = SIZE, .write_size = SIZE };
	int err;

	kernel_watch_memory();
	err = frameio_ring_setup(qp, &wanted);
	kernel_unwatch_memory();
	return err;
}

/* Whatever fails, nothing stays behind, and the queue pair goes on without rings. */
START_TEST(setup_that_fails_undoes_all)
{
	struct frameio_qp *qp = qp_open();
	unsigned char frame[60];
	int i;

	ck_assert_int_eq(frameio_ring_setup(qp, NULL), -EINVAL);
	for (i = 1; i <= 2; i++) {
		kernel.alloc_countdown = i;
		ck_assert_int_eq(try_setup(qp), -ENOMEM);
	}
	setup_error = EPERM;
	ck_assert_int_eq(try_setup(qp), -EPERM);
	setup_error = 0;
	kernel.ioctl_error = ENODEV;
	ck_assert_int_eq(try_setup(qp), -ENODEV);
	kernel.ioctl_error = 0;
	for (i = 1; i <= 2; i++) {
		kernel.mmap_error = EAGAIN;
		kernel.mmap_countdown = i;
		ck_assert_int_eq(try_setup(qp), -EAGAIN);
		ck_assert_int_eq(kernel.nmaps, 0);
	}
	kernel.mmap_error = 0;
	ck_assert_int_eq(kernel.nblocks, 0);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -EBUSY);
	ck_assert_uint_eq(kernel.request, FRAMEIO_WRITE);
	ck_assert_int_eq(try_setup(qp), 0);
	kernel_watch_memory();
	frameio_close(qp);
	kernel_unwatch_memory();
	/* the handle itself was not counted */
	ck_assert_int_eq(kernel.nblocks, -1);
	ck_assert_int_eq(kernel.nmaps, 0);
}
END_TEST

/* Mappings that cannot be what the sizes say. */
START_TEST(setup_does_not_believe_everything)
{
	const struct frameio_ring_options wanted = { .read_size = SIZE, .write_size = SIZE };
	static const uint64_t wrong[] = { 1U << 20, 1ULL << 40, -4096ULL, -8192ULL, -12288ULL };
	struct frameio_qp *qp = qp_open();

	map_off_by = wrong[_i];
	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), -EBADMSG);
	ck_assert_int_eq(kernel.nmaps, 0);
	frameio_close(qp);
}
END_TEST

START_TEST(without_a_ring_its_calls_are_refused)
{
	struct frameio_qp *qp = qp_open();
	struct frameio_hdr *hdr;

	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), -EINVAL);
	ck_assert_int_eq(frameio_ring_peek_batch(qp, &hdr, 1), -EINVAL);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), -EINVAL);
	ck_assert_int_eq(frameio_ring_drain(qp, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(frameio_ring_reserve(qp, 60, &hdr), -EINVAL);
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	ck_assert_int_eq(append(qp, 60, 1), -EINVAL);
	ck_assert_int_eq(frameio_ring_flush(qp), -EINVAL);
	ck_assert_uint_eq(frameio_ring_pending(qp), 0);
	frameio_ring_cancel(qp);
	frameio_close(qp);
}
END_TEST

START_TEST(other_direction_keeps_its_system_calls)
{
	struct frameio_qp *qp = qp_with(_i ? SIZE : 0, _i ? 0 : SIZE);
	unsigned char frame[60] = { 0 };

	ck_assert_int_eq(kernel.nmaps, 1);
	if (_i) {
		ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -EBUSY);
		ck_assert_uint_eq(kernel.request, FRAMEIO_WRITE);
	} else {
		ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EBUSY);
		ck_assert_uint_eq(kernel.request, FRAMEIO_READ);
	}
	frameio_close(qp);
}
END_TEST

START_TEST(kick_is_one)
{
	struct frameio_qp *qp = qp_with_rings();

	ck_assert_int_eq(frameio_kick(qp), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_KICK);
	kick_error = EIO;
	ck_assert_int_eq(frameio_kick(qp), -EIO);
	frameio_close(qp);
}
END_TEST

/* --- reading in place --------------------------------------------------------- */

START_TEST(peek_goes_on_and_release_gives_back)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *first, *second, *third;
	const unsigned int calls = kernel.nioctls;

	ck_assert_int_eq(frameio_ring_peek(qp, &first), 0);
	ck_assert(is_set(&in->page->rg_consumer_flags));
	produce(61, 1);
	produce(1, 2);
	produce(LONGEST, 3);
	ck_assert_int_eq(frameio_ring_peek(qp, &first), 1);
	ck_assert(!is_set(&in->page->rg_consumer_flags));
	ck_assert_int_eq(frameio_ring_peek(qp, &second), 1);
	ck_assert_int_eq(frameio_ring_peek(qp, &third), 1);
	assert_frame(first, 61, 1);
	assert_frame(second, 1, 2);
	assert_frame(third, LONGEST, 3);
	ck_assert_int_eq(frameio_ring_peek(qp, &third), 0);
	ck_assert_uint_eq(in->page->rg_consumer, 0);
	/* what is kept is the next again */
	ck_assert_int_eq(frameio_ring_release(qp, second), 0);
	ck_assert_uint_eq(in->page->rg_consumer, record_size(61));
	ck_assert_int_eq(frameio_ring_peek(qp, &first), 1);
	ck_assert_ptr_eq(first, second);
	/* even if it was changed where it is */
	first->len = 12345;
	ck_assert_int_eq(frameio_ring_peek(qp, &third), 1);
	assert_frame(third, LONGEST, 3);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	ck_assert_uint_eq(in->page->rg_consumer, in->page->rg_producer);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	ck_assert_uint_eq(kernel.nioctls, calls);
	ck_assert_uint_eq(kernel.npolls, 0);
	frameio_close(qp);
}
END_TEST

START_TEST(release_of_what_is_not_held_is_refused)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdrs[3];
	unsigned char elsewhere[64];

	produce(60, 1);
	produce(60, 2);
	produce(60, 3);
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 2), 2);
	ck_assert_int_eq(frameio_ring_release(qp, (void *)elsewhere), -EINVAL);
	ck_assert_int_eq(frameio_ring_release(qp, (void *)((char *)hdrs[1] + 1)), -EINVAL);
	/* the third was not peeked at */
	ck_assert_int_eq(frameio_ring_release(qp, (void *)(in->area + 2 * record_size(60))),
			 -EINVAL);
	ck_assert_uint_eq(in->page->rg_consumer, 0);
	ck_assert_int_eq(frameio_ring_release(qp, hdrs[0]), 0);
	ck_assert_uint_eq(in->page->rg_consumer, 0);
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 3), 3);
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 0), -EINVAL);
	frameio_close(qp);
}
END_TEST

/* All lengths, at all places of the area, and over its end. */
START_TEST(records_wrap)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdrs[64];
	unsigned int i, j, n, round;
	size_t len = 1;

	for (round = 0; round < 500; round++) {
		const size_t from = len;

		for (n = 0; n < 64 && in->page->rg_producer + record_size(len) -
		     in->page->rg_consumer <= SIZE; n++) {
			produce(len, len);
			len = len % LONGEST + 1 + round % 3 * 31;
			if (len > LONGEST)
				len = 1;
		}
		ck_assert_uint_eq(frameio_ring_peek_batch(qp, hdrs, 64), n);
		for (i = 0, j = from; i < n; i++) {
			assert_frame(hdrs[i], j, j);
			j = j % LONGEST + 1 + round % 3 * 31;
			if (j > LONGEST)
				j = 1;
		}
		ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
		ck_assert_uint_eq(in->page->rg_consumer, in->page->rg_producer);
	}
	ck_assert_uint_gt(in->page->rg_producer, 100 * SIZE);
	frameio_close(qp);
}
END_TEST

/* The last 8 bytes of the area begin a record, the rest of which is in its second mapping. */
START_TEST(record_at_the_very_end)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;
	unsigned char frame[61];

	produce(SIZE - 2 * HDRLEN - 8 - 8, 1);
	produce(8, 2);
	ck_assert_uint_eq(in->page->rg_producer, SIZE - 8);
	ck_assert_int_eq(frameio_ring_drain(qp, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	produce(61, 3);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	ck_assert_ptr_eq(hdr, in->area + SIZE - 8);
	assert_frame(hdr, 61, 3);
	/* the same of the write ring */
	ck_assert_int_eq(append(qp, LONGEST, 1), 0);
	ck_assert_int_eq(append(qp, LONGEST - 8 - HDRLEN - 8, 2), 0);
	ck_assert_int_eq(append(qp, 8, 3), 0);
	ck_assert_int_eq(append(qp, 61, 4), -EAGAIN);
	consume(LONGEST, 1);
	consume(LONGEST - 8 - HDRLEN - 8, 2);
	ck_assert_int_eq(append(qp, 61, 4), 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	consume(8, 3);
	ck_assert_uint_eq(out->page->rg_consumer, SIZE - 8);
	consume(61, 4);
	fill(frame, 61, 4);
	ck_assert_mem_eq(out->area + 32, frame, 61);
	frameio_close(qp);
}
END_TEST

static int count_down(struct frameio_hdr *hdr, void *argument)
{
	int *left = argument;

	ck_assert_uint_eq(hdr->len, 100);
	if (!*left)
		return 1;
	--*left;
	return 0;
}

START_TEST(drain_stops_when_it_is_told_to)
{
	struct frameio_qp *qp = qp_with_rings();
	int i, left = 3;

	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 0), 0);
	ck_assert(is_set(&in->page->rg_consumer_flags));
	for (i = 0; i < 10; i++)
		produce(100, i);
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 0), 3);
	ck_assert_uint_eq(in->page->rg_consumer, 3 * record_size(100));
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 0), 0);
	left = 100;
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 2), 2);
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, UINT_MAX), 5);
	ck_assert_int_eq(left, 93);
	ck_assert_uint_eq(in->page->rg_consumer, in->page->rg_producer);
	in->page->rg_flags = FRAMEIO_RING_GONE;
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 0), -ENODEV);
	frameio_close(qp);
}
END_TEST

/* The kernel waits for half of the ring: no sooner, and only if it does, there is a kick. */
START_TEST(release_kicks_at_half)
{
	struct frameio_qp *qp = qp_with_rings();
	const size_t len = SIZE / 8 - HDRLEN;
	struct frameio_hdr *hdrs[8];
	int i;

	for (i = 0; i < 8; i++)
		produce(len, i);
	in->page->rg_producer_flags = FRAMEIO_RING_NEED_WAKEUP;
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 8), 8);
	ck_assert_int_eq(frameio_ring_release(qp, hdrs[3]), 0);
	ck_assert_uint_eq(nkicks, 0);
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 8), 5);
	ck_assert_int_eq(frameio_ring_release(qp, hdrs[1]), 0);
	ck_assert_uint_eq(nkicks, 1);
	in->page->rg_producer_flags = 0;
	ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 8), 4);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	ck_assert_uint_eq(nkicks, 1);
	frameio_close(qp);
}
END_TEST

/* Records and counters of a kernel that is not in its right mind. */
START_TEST(nonsense_is_not_read)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr = (void *)in->area, *next;
	unsigned char frame[SIZE];
	int left = 9;

	produce(100, 1);
	switch (_i) {
	case 0:
		hdr->len = 105;
		break;
	case 1:
		hdr->len = UINT32_MAX;
		break;
	case 2:
		hdr->hdrlen = 39;
		break;
	case 3:
		hdr->version = 2;
		break;
	case 4:
		in->page->rg_producer = 32;
		break;
	case 5:
		in->page->rg_producer = SIZE + 8;
		break;
	case 6:
		in->page->rg_producer = -8ULL;
		break;
	}
	ck_assert_int_eq(frameio_ring_peek(qp, &next), -EBADMSG);
	ck_assert_int_eq(frameio_ring_drain(qp, count_down, &left, 0), -EBADMSG);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EBADMSG);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	ck_assert_uint_eq(in->page->rg_consumer, 0);
	/* a consumer of the write ring that is ahead of its producer, or goes back */
	out->page->rg_consumer = 8;
	while (!append(qp, 100, 1))
		;
	ck_assert_int_eq(append(qp, 100, 1), -EBADMSG);
	ck_assert_uint_le(frameio_ring_pending(qp), SIZE);
	frameio_close(qp);
}
END_TEST

START_TEST(larger_header_is_skipped_over)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr = (void *)in->area, read;
	unsigned char frame[60], expected[60];

	/* as of a later kernel: 48 bytes of header */
	produce(68, 1);
	hdr->hdrlen = 48;
	hdr->len = 60;
	fill(expected, 60, 5);
	memcpy(in->area + 48, expected, 60);
	ck_assert_int_eq(frameio_recv(qp, &read, frame, sizeof(frame)), 60);
	ck_assert_uint_eq(read.hdrlen, HDRLEN);
	ck_assert_mem_eq(frame, expected, 60);
	frameio_close(qp);
}
END_TEST

/* --- writing in place --------------------------------------------------------- */

START_TEST(reserved_records_are_committed_in_order)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *first, *second;

	/* what was there before must not show */
	memset(out->area, 0xff, SIZE);
	ck_assert_int_eq(frameio_ring_reserve(qp, 61, &first), 0);
	ck_assert_int_eq(frameio_ring_reserve(qp, 1500, &second), 0);
	ck_assert_ptr_eq(first, out->area);
	ck_assert_ptr_eq(second, out->area + record_size(61));
	ck_assert_uint_eq(frameio_ring_pending(qp), 0);
	fill(frameio_hdr_frame(first), 58, 1);
	fill(frameio_hdr_frame(second), 60, 2);
	/* no longer than it was, and no gap before the second */
	ck_assert_int_eq(frameio_ring_commit(qp, 62), -EINVAL);
	ck_assert_int_eq(frameio_ring_commit(qp, 0), -EINVAL);
	ck_assert_int_eq(frameio_ring_commit(qp, 56), -EINVAL);
	ck_assert_int_eq(append(qp, 60, 9), -EINVAL);
	ck_assert_int_eq(frameio_ring_commit(qp, 58), 0);
	ck_assert_uint_eq(frameio_ring_pending(qp), record_size(58));
	ck_assert_int_eq(frameio_ring_commit(qp, 60), 0);
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	ck_assert_int_eq(append(qp, 1, 3), 0);
	ck_assert_uint_eq(out->page->rg_producer, 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	ck_assert_uint_eq(out->page->rg_producer, record_size(58) + record_size(60) +
			  record_size(1));
	ck_assert_uint_eq(frameio_ring_pending(qp), out->page->rg_producer);
	consume(58, 1);
	consume(60, 2);
	ck_assert_uint_eq(frameio_ring_pending(qp), record_size(1));
	consume(1, 3);
	ck_assert_uint_eq(frameio_ring_pending(qp), 0);
	frameio_close(qp);
}
END_TEST

START_TEST(cancelled_records_are_not_written)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;

	ck_assert_int_eq(append(qp, 60, 1), 0);
	ck_assert_int_eq(frameio_ring_reserve(qp, 1500, &hdr), 0);
	ck_assert_int_eq(frameio_ring_reserve(qp, 60, &hdr), 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	ck_assert_uint_eq(out->page->rg_producer, record_size(60));
	frameio_ring_cancel(qp);
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	ck_assert_int_eq(append(qp, 60, 2), 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	consume(60, 1);
	consume(60, 2);
	ck_assert_uint_eq(out->page->rg_consumer, out->page->rg_producer);
	frameio_close(qp);
}
END_TEST

START_TEST(header_that_was_broken_is_not_committed)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;

	ck_assert_int_eq(frameio_ring_reserve(qp, 60, &hdr), 0);
	hdr->len = UINT32_MAX;
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	hdr->len = 1000;
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	hdr->len = 60;
	hdr->hdrlen = 48;
	ck_assert_int_eq(frameio_ring_commit(qp, 60), -EINVAL);
	hdr->hdrlen = HDRLEN;
	ck_assert_int_eq(frameio_ring_commit(qp, 60), 0);
	frameio_close(qp);
}
END_TEST

START_TEST(reserve_refuses_what_never_fits)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;

	ck_assert_int_eq(frameio_ring_reserve(qp, 0, &hdr), -EINVAL);
	ck_assert_int_eq(frameio_ring_reserve(qp, LONGEST + 1, &hdr), -EMSGSIZE);
	ck_assert_int_eq(frameio_ring_reserve(qp, SIZE_MAX, &hdr), -EMSGSIZE);
	ck_assert_int_eq(frameio_ring_reserve(qp, LONGEST, &hdr), 0);
	ck_assert_int_eq(frameio_ring_reserve(qp, LONGEST, &hdr), 0);
	ck_assert_int_eq(frameio_ring_reserve(qp, 1, &hdr), -EAGAIN);
	frameio_close(qp);
}
END_TEST

START_TEST(full_ring_is_flushed_and_armed)
{
	struct frameio_qp *qp = qp_with_rings();
	unsigned int n = 0;

	while (!append(qp, 60, n))
		n++;
	ck_assert_uint_eq(n, SIZE / record_size(60));
	ck_assert_uint_eq(out->page->rg_producer, n * record_size(60));
	ck_assert(is_set(&out->page->rg_producer_flags));
	consume(60, 0);
	ck_assert_int_eq(append(qp, 60, n), 0);
	ck_assert(!is_set(&out->page->rg_producer_flags));
	frameio_close(qp);
}
END_TEST

START_TEST(flush_kicks_who_sleeps)
{
	struct frameio_qp *qp = qp_with_rings();

	out->page->rg_consumer_flags = FRAMEIO_RING_NEED_WAKEUP;
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	ck_assert_uint_eq(nkicks, 0);
	ck_assert_int_eq(append(qp, 60, 1), 0);
	ck_assert_uint_eq(nkicks, 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	ck_assert_uint_eq(nkicks, 1);
	/* again, as long as it has not taken it */
	kick_error = ENETDOWN;
	ck_assert_int_eq(frameio_ring_flush(qp), -ENETDOWN);
	out->page->rg_consumer_flags = 0;
	ck_assert_int_eq(append(qp, 60, 2), 0);
	ck_assert_int_eq(frameio_ring_flush(qp), 0);
	ck_assert_uint_eq(nkicks, 2);
	out->page->rg_flags = FRAMEIO_RING_BROKEN;
	ck_assert_int_eq(frameio_ring_flush(qp), -EIO);
	out->page->rg_flags = FRAMEIO_RING_BROKEN | FRAMEIO_RING_GONE;
	ck_assert_int_eq(frameio_ring_flush(qp), -ENODEV);
	frameio_close(qp);
}
END_TEST

/* --- the calls of one frame and of a batch ------------------------------------- */

START_TEST(recv_and_send_use_the_rings)
{
	struct frameio_qp *qp = qp_with_rings();
	unsigned char frame[SIZE], expected[100];
	const unsigned int calls = kernel.nioctls;
	struct frameio_hdr hdr;

	produce(100, 7);
	produce(99, 8);
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, 100), 100);
	fill(expected, 100, 7);
	ck_assert_mem_eq(frame, expected, 100);
	ck_assert_uint_eq(hdr.hash, 7);
	ck_assert_uint_eq(hdr.wirelen, 100);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 99);
	ck_assert_uint_eq(in->page->rg_consumer, in->page->rg_producer);
	fill(frame, 61, 1);
	ck_assert_int_eq(frameio_send(qp, frame, 61), 0);
	consume(61, 1);
	ck_assert_uint_eq(out->page->rg_consumer, out->page->rg_producer);
	ck_assert_int_eq(frameio_send(qp, frame, 0), -EINVAL);
	ck_assert_int_eq(frameio_send(qp, NULL, 60), -EINVAL);
	ck_assert_int_eq(frameio_send(qp, frame, LONGEST + 1), -EINVAL);
	ck_assert_int_eq(frameio_recv(qp, NULL, NULL, 60), -EINVAL);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, 0), -EINVAL);
	ck_assert_uint_eq(kernel.nioctls, calls);
	frameio_close(qp);
}
END_TEST

START_TEST(frame_too_long_stays_first_or_is_cut)
{
	struct frameio_qp *qp = qp_with_rings();
	unsigned char frame[100], expected[100];
	struct frameio_batch *batch;
	struct frameio_hdr hdr;

	produce(100, 1);
	produce(100, 2);
	produce(100, 3);
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, 99), -EMSGSIZE);
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, 100), 100);
	ck_assert_uint_eq(hdr.hash, 1);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 4, 99), 0);
	ck_assert_int_eq(frameio_batch_read(batch, qp), -EMSGSIZE);
	ck_assert_int_eq(frameio_set_options(qp, FRAMEIO_O_TRUNC), 0);
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, 7), 7);
	ck_assert_uint_eq(hdr.len, 7);
	ck_assert_uint_eq(hdr.wirelen, 100);
	ck_assert_uint_eq(hdr.flags, FRAMEIO_F_TRUNC);
	fill(expected, 100, 2);
	ck_assert_mem_eq(frame, expected, 7);
	ck_assert_int_eq(frameio_batch_read(batch, qp), 1);
	ck_assert_uint_eq(frameio_batch_hdr(batch, 0)->len, 99);
	ck_assert_uint_eq(frameio_batch_hdr(batch, 0)->flags, FRAMEIO_F_TRUNC);
	/* what was cut is not whole, and not to be written */
	ck_assert_int_eq(frameio_batch_write(batch, qp), -EINVAL);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* Options and O_NONBLOCK that were set before the rings were hold with them. */
START_TEST(settings_from_before_hold)
{
	const struct frameio_ring_options wanted = { .read_size = SIZE };
	struct frameio_qp *qp = qp_open();
	unsigned char frame[10];

	options = FRAMEIO_O_TRUNC;
	ck_assert_int_eq(fcntl(frameio_fd(qp), F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), 0);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EAGAIN);
	ck_assert(is_set(&in->page->rg_consumer_flags));
	produce(60, 1);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 10);
	ck_assert_uint_eq(kernel.npolls, 0);
	frameio_close(qp);
}
END_TEST

START_TEST(batches_use_the_rings)
{
	struct frameio_qp *qp = qp_with_rings();
	const unsigned int calls = kernel.nioctls;
	struct frameio_batch *batch;
	int i;

	ck_assert_int_eq(frameio_batch_alloc(&batch, 8, 200), 0);
	for (i = 0; i < 10; i++)
		produce(60 + i, i);
	produce(201, 10);
	ck_assert_int_eq(frameio_batch_read(batch, qp), 8);
	for (i = 0; i < 8; i++)
		assert_frame(frameio_batch_hdr(batch, i), 60 + i, i);
	/* what was read was a reader's header; the writer's is compared */
	for (i = 0; i < 8; i++) {
		frameio_batch_hdr(batch, i)->wirelen = 0;
		frameio_batch_hdr(batch, i)->hash = 0;
	}
	ck_assert_int_eq(frameio_batch_write_some(batch, 0xa0U | 1U << 31, qp), 2);
	ck_assert_int_eq(frameio_batch_write_some(batch, 1U << 9, qp), 0);
	ck_assert_int_eq(frameio_batch_write(batch, qp), 8);
	ck_assert_uint_eq(frameio_batch_count(batch), 0);
	consume(65, 5);
	consume(67, 7);
	for (i = 0; i < 8; i++)
		consume(60 + i, i);
	/* two more, and then one that does not fit */
	ck_assert_int_eq(frameio_batch_read(batch, qp), 2);
	assert_frame(frameio_batch_hdr(batch, 1), 69, 9);
	ck_assert_int_eq(frameio_batch_read(batch, qp), -EMSGSIZE);
	ck_assert_uint_eq(kernel.nioctls, calls);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* Headers that no port takes: refused one by one, as by the kernel's calls. */
START_TEST(records_that_are_none_are_refused)
{
	static const struct frameio_hdr wrong[] = {
		{ .version = 2, .hdrlen = HDRLEN, .len = 60 },
		{ .version = 1, .hdrlen = 48, .len = 60 },
		{ .version = 1, .hdrlen = HDRLEN, .len = 0 },
		{ .version = 1, .hdrlen = HDRLEN, .len = 60, .flags = FRAMEIO_F_TRUNC },
		{ .version = 1, .hdrlen = HDRLEN, .len = 60, .flags = 0x8000 },
		{ .version = 1, .hdrlen = HDRLEN, .len = 60, .reserved = 1 },
	};
	struct frameio_qp *qp = qp_with_rings();
	unsigned char frame[60] = { 0 };
	struct frameio_batch *batch;

	ck_assert_int_eq(frameio_batch_alloc(&batch, 3, 100), 0);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 60), 0);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 60), 0);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 60), 0);
	*frameio_batch_hdr(batch, 1) = wrong[_i];
	ck_assert_int_eq(frameio_batch_write(batch, qp), 1);
	ck_assert_uint_eq(out->page->rg_producer, record_size(60));
	ck_assert_int_eq(frameio_batch_write(batch, qp), -EINVAL);
	ck_assert_uint_eq(frameio_batch_count(batch), 2);
	frameio_batch_drop(batch, 1);
	ck_assert_int_eq(frameio_batch_write(batch, qp), 1);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

START_TEST(full_ring_is_eagain_without_blocking)
{
	struct frameio_qp *qp = qp_with_rings();
	const unsigned int fit = SIZE / record_size(200);
	unsigned char frame[200] = { 0 };
	struct frameio_batch *batch;
	unsigned int i;

	ck_assert_int_eq(frameio_set_nonblock(qp, true), 0);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, 200), 0);
	for (i = 0; i < 32; i++)
		ck_assert_int_eq(frameio_batch_append(batch, frame, 200), 0);
	ck_assert_int_eq(frameio_batch_write(batch, qp), fit);
	ck_assert_uint_eq(frameio_batch_count(batch), 32 - fit);
	ck_assert_int_eq(frameio_batch_write(batch, qp), -EAGAIN);
	ck_assert_int_eq(frameio_batch_write_some(batch, 1, qp), -EAGAIN);
	ck_assert_int_eq(frameio_send(qp, frame, 200), -EAGAIN);
	ck_assert(is_set(&out->page->rg_producer_flags));
	ck_assert_uint_eq(kernel.npolls, 0);
	/* that it is down is said where it waits for that */
	kick_error = ENETDOWN;
	out->page->rg_consumer_flags = FRAMEIO_RING_NEED_WAKEUP;
	ck_assert_int_eq(frameio_send(qp, frame, 200), -ENETDOWN);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* --- sleeping ------------------------------------------------------------------ */

static short produce_one(short events, int timeout_ms)
{
	ck_assert_int_eq(events, POLLIN);
	ck_assert_int_eq(timeout_ms, -1);
	ck_assert(is_set(&in->page->rg_consumer_flags));
	/* the first time in vain */
	if (kernel.npolls % 2)
		return POLLIN;
	produce(60, 1);
	return POLLIN;
}

START_TEST(reader_sleeps_until_there_is_a_record)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_batch *batch;
	unsigned char frame[60];

	kernel.poll = produce_one;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 60);
	ck_assert_uint_eq(kernel.npolls, 2);
	ck_assert_int_eq(kernel.poll_fd, frameio_fd(qp));
	ck_assert_int_eq(frameio_batch_alloc(&batch, 3, 60), 0);
	ck_assert_int_eq(frameio_batch_read(batch, qp), 1);
	ck_assert_uint_eq(kernel.npolls, 4);
	produce(60, 2);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 60);
	ck_assert(!is_set(&in->page->rg_consumer_flags));
	ck_assert_uint_eq(kernel.npolls, 4);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* Before it sleeps everything is given back, and the kernel, which waits for room, kicked. */
START_TEST(reader_gives_back_before_it_sleeps)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;
	unsigned char frame[60];

	kernel.poll = produce_one;
	produce(60, 1);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	in->page->rg_producer_flags = FRAMEIO_RING_NEED_WAKEUP;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 60);
	ck_assert_uint_eq(nkicks, 2);
	ck_assert_uint_eq(in->page->rg_consumer, in->page->rg_producer);
	frameio_close(qp);
}
END_TEST

static unsigned int consumed;

/* Half of it is free at the end of a sleep, as the kernel has it where the flag is set. */
static short consume_half(short events, int timeout_ms)
{
	unsigned int i;

	ck_assert_int_eq(events, POLLOUT);
	ck_assert_int_eq(timeout_ms, -1);
	ck_assert(is_set(&out->page->rg_producer_flags));
	for (i = 0; i < 9; i++)
		consume(200, consumed++);
	return POLLOUT;
}

START_TEST(writer_sleeps_until_there_is_room)
{
	struct frameio_qp *qp = qp_with_rings();
	unsigned char frame[200];
	struct frameio_batch *batch;
	unsigned int i, n = 0;

	kernel.poll = consume_half;
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, 200), 0);
	for (i = 0; i < 32; i++, n++) {
		fill(frame, 200, n);
		ck_assert_int_eq(frameio_batch_append(batch, frame, 200), 0);
	}
	ck_assert_int_eq(frameio_batch_write(batch, qp), 32);
	ck_assert_uint_eq(kernel.npolls, 2);
	for (; n < 60; n++) {
		fill(frame, 200, n);
		ck_assert_int_eq(frameio_send(qp, frame, 200), 0);
	}
	while (consumed < n)
		consume(200, consumed++);
	ck_assert_uint_eq(out->page->rg_consumer, out->page->rg_producer);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

START_TEST(sleep_ends_with_errors)
{
	struct frameio_qp *qp = qp_with_rings();
	unsigned char frame[60] = { 0 };

	while (!append(qp, 60, 1))
		;
	kernel.poll_error = EINTR;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EINTR);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -EINTR);
	kernel.poll_error = 0;
	kernel.poll_revents = POLLERR | POLLHUP;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -ENODEV);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -ENODEV);
	kernel.poll_revents = POLLERR;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EIO);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -EIO);
	frameio_close(qp);
}
END_TEST

START_TEST(ring_that_stopped_is_an_error)
{
	const uint32_t flags = _i ? FRAMEIO_RING_GONE : FRAMEIO_RING_BROKEN;
	const int expected = _i ? -ENODEV : -EIO;
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_batch *batch;
	unsigned char frame[60] = { 0 };
	struct frameio_hdr *hdr;

	ck_assert_int_eq(frameio_batch_alloc(&batch, 1, 60), 0);
	/* an empty look before, so that the flag is set already */
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 0);
	produce(60, 1);
	in->page->rg_flags = flags;
	out->page->rg_flags = flags;
	/* what is there can still be read */
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), 60);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), expected);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), expected);
	ck_assert_int_eq(frameio_batch_read(batch, qp), expected);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), expected);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 60), 0);
	ck_assert_int_eq(frameio_batch_write(batch, qp), expected);
	ck_assert_uint_eq(frameio_batch_count(batch), 1);
	while (!append(qp, 60, 1))
		;
	ck_assert_int_eq(append(qp, 60, 1), expected);
	ck_assert_uint_eq(kernel.npolls, 0);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

START_TEST(wait_looks_at_the_rings_first)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;

	ck_assert_int_eq(frameio_wait(qp, POLLOUT, -1), POLLOUT);
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, -1), POLLOUT);
	ck_assert_uint_eq(kernel.npolls, 0);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 1234), 0);
	ck_assert_int_eq(kernel.poll_timeout, 1234);
	ck_assert_uint_eq(kernel.npolls, 1);
	ck_assert(is_set(&in->page->rg_consumer_flags));
	produce(60, 1);
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, -1), POLLIN | POLLOUT);
	/* read but not given back is there for poll(2) as well */
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, -1), POLLIN);
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	ck_assert_uint_eq(kernel.npolls, 1);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 0), 0);
	while (!append(qp, 60, 1))
		;
	ck_assert_int_eq(frameio_wait(qp, POLLOUT, 0), 0);
	ck_assert(is_set(&out->page->rg_producer_flags));
	kernel.poll_revents = POLLERR;
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, 0), -EIO);
	kernel.poll_revents = POLLERR | POLLHUP;
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, 0), -ENODEV);
	kernel.poll_error = EINTR;
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 0), -EINTR);
	frameio_close(qp);
}
END_TEST

/* Of the direction without a ring poll(2) tells, and does not wait for it if it need not. */
START_TEST(wait_asks_for_what_is_no_ring_s)
{
	struct frameio_qp *qp = qp_with(SIZE, 0);

	kernel.poll_revents = POLLOUT;
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, -1), POLLOUT);
	ck_assert_int_eq(kernel.poll_timeout, -1);
	produce(60, 1);
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, -1), POLLIN | POLLOUT);
	ck_assert_int_eq(kernel.poll_timeout, 0);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, -1), POLLIN);
	ck_assert_uint_eq(kernel.npolls, 2);
	frameio_close(qp);
}
END_TEST

/* Committed records are the kernel's to take before anybody waits for room. */
START_TEST(wait_for_room_flushes)
{
	struct frameio_qp *qp = qp_with_rings();

	out->page->rg_consumer_flags = FRAMEIO_RING_NEED_WAKEUP;
	ck_assert_int_eq(append(qp, 60, 1), 0);
	ck_assert_int_eq(frameio_wait(qp, POLLOUT, -1), POLLOUT);
	ck_assert_uint_eq(out->page->rg_producer, record_size(60));
	ck_assert_uint_eq(nkicks, 1);
	frameio_close(qp);
}
END_TEST

/* The page that must not be written to now, and what happens when it is. */
static void *guarded;
static void (*on_store)(void);

static void unguard(int signal)
{
	(void)signal;
	if (!guarded || mprotect(guarded, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE))
		abort();
	guarded = NULL;
	on_store();
}

static void guard(void *page, void (*then)(void))
{
	const struct sigaction action = { .sa_handler = unguard };

	ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
	ck_assert_int_eq(mprotect(page, sysconf(_SC_PAGESIZE), PROT_READ), 0);
	guarded = page;
	on_store = then;
}

static void produce_now(void)
{
	produce(60, 1);
}

static void consume_now(void)
{
	out->page->rg_consumer = out->page->rg_producer;
}

/* After the library has looked, and before it has said that it is going to sleep. */
START_TEST(what_comes_late_is_seen)
{
	struct frameio_qp *qp = qp_with_rings();
	struct frameio_hdr *hdr;

	guard(in->page, produce_now);
	ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
	ck_assert_ptr_null(guarded);
	ck_assert(!is_set(&in->page->rg_consumer_flags));
	ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	guard(in->page, produce_now);
	ck_assert_int_eq(frameio_wait(qp, POLLIN, -1), POLLIN);
	ck_assert_ptr_null(guarded);
	while (!append(qp, LONGEST, 1))
		;
	/* now the flag is set; and so that it is not: */
	out->page->rg_consumer += record_size(LONGEST);
	ck_assert_int_eq(append(qp, LONGEST, 1), 0);
	guard(out->page, consume_now);
	ck_assert_int_eq(append(qp, LONGEST, 1), 0);
	ck_assert_ptr_null(guarded);
	ck_assert_uint_eq(kernel.npolls, 0);
	frameio_close(qp);
}
END_TEST

static TCase *setup_tests(void)
{
	TCase *tcase = tcase_create("setup");

	tcase_add_test(tcase, setup_hands_over_the_options);
	tcase_add_test(tcase, setup_that_fails_undoes_all);
	tcase_add_loop_test(tcase, setup_does_not_believe_everything, 0, 5);
	tcase_add_test(tcase, without_a_ring_its_calls_are_refused);
	tcase_add_loop_test(tcase, other_direction_keeps_its_system_calls, 0, 2);
	tcase_add_test(tcase, kick_is_one);
	return tcase;
}

static TCase *in_place_tests(void)
{
	TCase *tcase = tcase_create("in place");

	tcase_add_test(tcase, peek_goes_on_and_release_gives_back);
	tcase_add_test(tcase, release_of_what_is_not_held_is_refused);
	tcase_add_test(tcase, records_wrap);
	tcase_add_test(tcase, record_at_the_very_end);
	tcase_add_test(tcase, drain_stops_when_it_is_told_to);
	tcase_add_test(tcase, release_kicks_at_half);
	tcase_add_loop_test(tcase, nonsense_is_not_read, 0, 7);
	tcase_add_test(tcase, larger_header_is_skipped_over);
	tcase_add_test(tcase, reserved_records_are_committed_in_order);
	tcase_add_test(tcase, cancelled_records_are_not_written);
	tcase_add_test(tcase, header_that_was_broken_is_not_committed);
	tcase_add_test(tcase, reserve_refuses_what_never_fits);
	tcase_add_test(tcase, full_ring_is_flushed_and_armed);
	tcase_add_test(tcase, flush_kicks_who_sleeps);
	return tcase;
}

static TCase *call_tests(void)
{
	TCase *tcase = tcase_create("calls");

	tcase_add_test(tcase, recv_and_send_use_the_rings);
	tcase_add_test(tcase, frame_too_long_stays_first_or_is_cut);
	tcase_add_test(tcase, settings_from_before_hold);
	tcase_add_test(tcase, batches_use_the_rings);
	tcase_add_loop_test(tcase, records_that_are_none_are_refused, 0, 6);
	tcase_add_test(tcase, full_ring_is_eagain_without_blocking);
	tcase_add_test(tcase, reader_sleeps_until_there_is_a_record);
	tcase_add_test(tcase, reader_gives_back_before_it_sleeps);
	tcase_add_test(tcase, writer_sleeps_until_there_is_room);
	tcase_add_test(tcase, sleep_ends_with_errors);
	tcase_add_loop_test(tcase, ring_that_stopped_is_an_error, 0, 2);
	tcase_add_test(tcase, what_comes_late_is_seen);
	tcase_add_test(tcase, wait_looks_at_the_rings_first);
	tcase_add_test(tcase, wait_asks_for_what_is_no_ring_s);
	tcase_add_test(tcase, wait_for_room_flushes);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("ring");

	suite_add_tcase(suite, setup_tests());
	suite_add_tcase(suite, in_place_tests());
	suite_add_tcase(suite, call_tests());
	return kernel_run(suite);
}
