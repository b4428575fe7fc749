/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Rings with a kernel that runs beside the program, as a thread. Both pause where they
 * like and sleep when there is nothing to do: all frames come through, whole and in order,
 * and nobody sleeps for ever.
 *
 * This kernel believes the flags alone: poll(2) does not look at the rings, and ends only
 * by an event, which is made only for who has set NEED_WAKEUP. The real one looks.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

#define SIZE		4096U
#define HDRLEN		sizeof(struct frameio_hdr)
#define LEN_MAX		700
#define LOST_MS		10000	/* who sleeps so long sleeps for ever */
#define RUN_MS		300
#define FRAMES_MIN	500	/* even if the machine is busy */

/* Events for the program that reads, the one that writes, and the kernel. */
static int readable, writable, kicked;

static struct frameio_qp *qp;
static bool stopping;
static unsigned int nsleeps, nwakes;

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void make_event(int event)
{
	const uint64_t one = 1;

	__atomic_add_fetch(&nwakes, 1, __ATOMIC_RELAXED);
	if (write(event, &one, sizeof(one)) != sizeof(one))
		abort();
}

/* ppoll(2): poll(2) is what this stands in for. */
static void await_event(int event)
{
	const struct timespec lost = { .tv_sec = LOST_MS / 1000 };
	struct pollfd pollfd = { .fd = event, .events = POLLIN };
	uint64_t n;

	__atomic_add_fetch(&nsleeps, 1, __ATOMIC_RELAXED);
	ck_assert_msg(ppoll(&pollfd, 1, &lost, NULL) == 1, "a wake-up was lost");
	if (read(event, &n, sizeof(n)) != sizeof(n))
		abort();
}

static int answer(unsigned long request, void *argument)
{
	struct frameio_ring_setup *setup = argument;

	switch (request) {
	case FRAMEIO_RING_SETUP:
		if (setup->frr_read_size)
			setup->frr_read_map = sysconf(_SC_PAGESIZE) + 2 * setup->frr_read_size;
		if (setup->frr_write_size)
			setup->frr_write_map = sysconf(_SC_PAGESIZE) + 2 * setup->frr_write_size;
		return 0;
	case FRAMEIO_GET_OPTIONS:
		*(uint32_t *)argument = 0;
		return 0;
	case FRAMEIO_KICK:
		make_event(kicked);
		return 0;
	default:
		return EBUSY;
	}
}

static short sleep_in_poll(short events, int timeout_ms)
{
	(void)timeout_ms;
	await_event(events & POLLIN ? readable : writable);
	return events;
}

/* --- what both do ------------------------------------------------------------- */

static __thread unsigned int seed;

static unsigned int dice(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % n;
}

/* Nothing, mostly; or a little time; or another thread's turn; or so long that others sleep. */
static void pause_sometimes(void)
{
	const struct timespec a_while = { .tv_nsec = 1000 * (1 + dice(200)) };
	volatile unsigned int i;

	switch (dice(32)) {
	case 0:
		nanosleep(&a_while, NULL);
		break;
	case 1:
		sched_yield();
		break;
	case 2 ... 9:
		for (i = dice(300); i; i--)
			;
		break;
	}
}

static size_t len_of(uint32_t i)
{
	return 1 + (i * 2654435761U >> 16) % LEN_MAX;
}

static void fill(unsigned char *frame, uint32_t i)
{
	size_t len = len_of(i), at;

	for (at = 0; at < len; at++)
		frame[at] = i + at * 7;
}

static void assert_frame(const unsigned char *frame, size_t len, uint32_t i)
{
	size_t at;

	ck_assert_uint_eq(len, len_of(i));
	for (at = 0; at < len; at++)
		if (frame[at] != (unsigned char)(i + at * 7))
			ck_abort_msg("frame %u, byte %zu", i, at);
}

static size_t record_size(size_t len)
{
	return (HDRLEN + len + 7) & ~(size_t)7;
}

/* --- the kernel's side --------------------------------------------------------- */

static bool wakes(const uint32_t *flags)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(flags, __ATOMIC_RELAXED) & FRAMEIO_RING_NEED_WAKEUP;
}

/* Set a flag, and sleep if @counter is still as it was. */
static void sleep_while(uint32_t *flags, const __u64 *counter, uint64_t was)
{
	__atomic_store_n(flags, FRAMEIO_RING_NEED_WAKEUP, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) == was)
		await_event(kicked);
	__atomic_store_n(flags, 0, __ATOMIC_RELAXED);
}

/* The kernel's producer: frames until it is told to stop. Returns how many. */
static void *produce_frames(void *argument)
{
	const struct kernel_ring *ring = &kernel.read_ring;
	struct frameio_ring_page *page = ring->page;
	uint64_t own = 0, consumer;
	uint32_t i = 0;

	(void)argument;
	seed = 1;
	while (i < FRAMES_MIN || !__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
		const size_t size = record_size(len_of(i));
		struct frameio_hdr *hdr = (void *)(ring->area + own % SIZE);

		consumer = __atomic_load_n(&page->rg_consumer, __ATOMIC_ACQUIRE);
		if (own + size - consumer > SIZE) {
			sleep_while(&page->rg_producer_flags, &page->rg_consumer, consumer);
			continue;
		}
		*hdr = (struct frameio_hdr) { .version = 1, .hdrlen = HDRLEN, .len = len_of(i) };
		fill((unsigned char *)(hdr + 1), i++);
		own += size;
		__atomic_store_n(&page->rg_producer, own, __ATOMIC_RELEASE);
		if (wakes(&page->rg_consumer_flags))
			make_event(readable);
		pause_sometimes();
	}
	/* the end is a frame of a length that there is not */
	for (;;) {
		struct frameio_hdr *hdr = (void *)(ring->area + own % SIZE);

		consumer = __atomic_load_n(&page->rg_consumer, __ATOMIC_ACQUIRE);
		if (own + 2 * LEN_MAX - consumer <= SIZE) {
			*hdr = (struct frameio_hdr) {
				.version = 1, .hdrlen = HDRLEN, .len = LEN_MAX + 1,
			};
			break;
		}
		sleep_while(&page->rg_producer_flags, &page->rg_consumer, consumer);
	}
	__atomic_store_n(&page->rg_producer, own + record_size(LEN_MAX + 1), __ATOMIC_RELEASE);
	if (wakes(&page->rg_consumer_flags))
		make_event(readable);
	return (void *)(uintptr_t)i;
}

/* The kernel's consumer: checks frames until one is of a length that there is not. */
static void *consume_frames(void *argument)
{
	const struct kernel_ring *ring = &kernel.write_ring;
	struct frameio_ring_page *page = ring->page;
	uint64_t own = 0, producer;
	uint32_t i = 0;

	(void)argument;
	seed = 2;
	for (;;) {
		const struct frameio_hdr *hdr = (void *)(ring->area + own % SIZE);

		producer = __atomic_load_n(&page->rg_producer, __ATOMIC_ACQUIRE);
		if (producer == own) {
			sleep_while(&page->rg_consumer_flags, &page->rg_producer, producer);
			continue;
		}
		if (hdr->len > LEN_MAX)
			return (void *)(uintptr_t)i;
		assert_frame((const unsigned char *)(hdr + 1), hdr->len, i++);
		own += record_size(hdr->len);
		__atomic_store_n(&page->rg_consumer, own, __ATOMIC_RELEASE);
		if (producer - own <= SIZE / 2 && wakes(&page->rg_producer_flags))
			make_event(writable);
		pause_sometimes();
	}
}

/* --- the program's side --------------------------------------------------------- */

static int check_frame(struct frameio_hdr *hdr, void *argument)
{
	uint32_t *i = argument;

	if (hdr->len > LEN_MAX)
		return 1;
	assert_frame(frameio_hdr_frame(hdr), hdr->len, (*i)++);
	return 0;
}

/* As a program with edge-triggered events: until there is none, then sleep. */
static uint32_t read_in_place(bool draining)
{
	struct frameio_hdr *hdrs[3];
	uint32_t i = 0;
	int j, n;

	for (;;) {
		if (draining) {
			const uint32_t before = i;

			n = frameio_ring_drain(qp, check_frame, &i, 1 + dice(4));
			ck_assert_int_eq(n, i - before);
			if (!n && frameio_ring_peek(qp, hdrs) > 0)
				return i;
		} else {
			n = frameio_ring_peek_batch(qp, hdrs, 1 + dice(3));
			for (j = 0; j < n; j++)
				if (check_frame(hdrs[j], &i))
					return i;
			ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
		}
		ck_assert_int_ge(n, 0);
		if (!n)
			await_event(readable);
		pause_sometimes();
	}
}

static uint32_t read_by_calls(void)
{
	unsigned char frame[LEN_MAX + 1];
	uint32_t i = 0;
	ssize_t len;

	for (;; i++) {
		len = frameio_recv(qp, NULL, frame, sizeof(frame));
		if (len > LEN_MAX)
			return i;
		ck_assert_int_gt(len, 0);
		assert_frame(frame, len, i);
		pause_sometimes();
	}
}

/* The next frame, flushed now or later; the last one is of a length that there is not. */
static void append_frame(uint32_t i, size_t len)
{
	struct frameio_hdr *hdr;
	int err;

	while ((err = frameio_ring_reserve(qp, LEN_MAX + 1, &hdr))) {
		ck_assert_int_eq(err, -EAGAIN);
		await_event(writable);
	}
	if (len <= LEN_MAX)
		fill(frameio_hdr_frame(hdr), i);
	ck_assert_int_eq(frameio_ring_commit(qp, len), 0);
	if (len > LEN_MAX || !dice(4))
		ck_assert_int_eq(frameio_ring_flush(qp), 0);
}

static uint32_t write_frames(bool in_place, long long until)
{
	unsigned char frame[LEN_MAX + 1] = { 0 };
	uint32_t i;

	for (i = 0; i < FRAMES_MIN || now_ms() < until; i++) {
		if (in_place) {
			append_frame(i, len_of(i));
		} else {
			fill(frame, i);
			ck_assert_int_eq(frameio_send(qp, frame, len_of(i)), 0);
		}
		pause_sometimes();
	}
	append_frame(i, LEN_MAX + 1);
	return i;
}

/* --- both --------------------------------------------------------------------- */

static void open_rings(bool writing, bool several)
{
	const struct frameio_ring_options wanted = {
		.read_size = writing ? 0 : SIZE,
		.write_size = writing ? SIZE : 0,
	};

	readable = eventfd(0, EFD_CLOEXEC);
	/* it wakes each who sleeps: of several writers, all */
	writable = eventfd(0, EFD_CLOEXEC | (several ? EFD_SEMAPHORE : 0));
	kicked = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(kicked, 0);
	ck_assert_int_eq(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY), 0);
	kernel.answer = answer;
	kernel.poll = sleep_in_poll;
	ck_assert_int_eq(frameio_ring_setup(qp, &wanted), 0);
	seed = 3;
}

static void finish(pthread_t thread, uint32_t nframes)
{
	void *n;

	ck_assert_int_eq(pthread_join(thread, &n), 0);
	ck_assert_uint_eq((uintptr_t)n, nframes);
	ck_assert_uint_ge(nframes, FRAMES_MIN);
	/* both did sleep, and were woken */
	ck_assert_uint_gt(nsleeps, 10);
	ck_assert_uint_gt(nwakes, 10);
	frameio_close(qp);
}

static void *stop_after_a_while(void *argument)
{
	const struct timespec a_while = { .tv_nsec = RUN_MS * 1000000L };

	(void)argument;
	nanosleep(&a_while, NULL);
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	return NULL;
}

START_TEST(reader_misses_nothing)
{
	pthread_t thread, timer;
	uint32_t nframes;

	open_rings(false, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce_frames, NULL), 0);
	ck_assert_int_eq(pthread_create(&timer, NULL, stop_after_a_while, NULL), 0);
	nframes = _i == 2 ? read_by_calls() : read_in_place(_i);
	pthread_join(timer, NULL);
	finish(thread, nframes);
}
END_TEST

START_TEST(writer_misses_nothing)
{
	pthread_t thread;
	uint32_t nframes;

	open_rings(true, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, consume_frames, NULL), 0);
	nframes = write_frames(_i, now_ms() + RUN_MS);
	finish(thread, nframes);
}
END_TEST

/* --- several threads, by the calls that any thread may make ---------------------- */

#define WRITERS	3
#define EACH	5000

static void *send_numbers(void *argument)
{
	uint32_t number[2] = { (uintptr_t)argument, 0 };

	for (; number[1] < EACH; number[1]++)
		ck_assert_int_eq(frameio_send(qp, number, sizeof(number)), 0);
	return NULL;
}

/* The frames of each come in order, and none is torn. */
START_TEST(writers_share_a_ring)
{
	const struct kernel_ring *ring = &kernel.write_ring;
	uint32_t next[WRITERS] = { 0 };
	pthread_t threads[WRITERS];
	uint64_t own = 0, producer;
	unsigned int i, j;

	open_rings(true, true);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, send_numbers,
						(void *)(uintptr_t)i), 0);
	for (i = 0; i < WRITERS * EACH; i++) {
		const struct frameio_hdr *hdr = (void *)(ring->area + own % SIZE);
		const uint32_t *number = (const void *)(hdr + 1);

		while ((producer = __atomic_load_n(&ring->page->rg_producer,
						   __ATOMIC_ACQUIRE)) == own)
			sleep_while(&ring->page->rg_consumer_flags, &ring->page->rg_producer,
				    producer);
		ck_assert_uint_eq(hdr->len, 8);
		ck_assert_uint_lt(number[0], WRITERS);
		ck_assert_uint_eq(number[1], next[number[0]]++);
		own += record_size(8);
		__atomic_store_n(&ring->page->rg_consumer, own, __ATOMIC_RELEASE);
		if (producer - own <= SIZE / 2 && wakes(&ring->page->rg_producer_flags))
			for (j = 0; j < WRITERS; j++)
				make_event(writable);
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(ring->page->rg_producer, own);
	frameio_close(qp);
}
END_TEST

/* --- who goes to sleep and who wakes, at the same moment ------------------------- */

/* Rounds are counted from 1; the one after the last is not begun. */
static unsigned int round_begun, round_done;
static bool woken;

/* Return: false if there are no more rounds. */
static bool await_round(const unsigned int *at, unsigned int round)
{
	unsigned int spins = 0;

	while (__atomic_load_n(at, __ATOMIC_ACQUIRE) != round) {
		if (__atomic_load_n(&stopping, __ATOMIC_RELAXED))
			return false;
		if (++spins % 1000 == 0)
			sched_yield();
	}
	return true;
}

/* The kernel publishes a record in each round, and looks whether its reader sleeps. */
static void *publish_rounds(void *argument)
{
	const struct kernel_ring *ring = &kernel.read_ring;
	struct frameio_hdr *hdr;
	unsigned int round;
	uint64_t own = 0;

	for (round = 1;; round++) {
		hdr = (void *)(ring->area + own % SIZE);
		*hdr = (struct frameio_hdr) { .version = 1, .hdrlen = HDRLEN, .len = 8 };
		own += record_size(8);
		if (!await_round(&round_begun, round))
			return argument;
		__atomic_store_n(&ring->page->rg_producer, own, __ATOMIC_RELEASE);
		woken = wakes(&ring->page->rg_consumer_flags);
		__atomic_store_n(&round_done, round, __ATOMIC_RELEASE);
	}
}

START_TEST(reader_sees_or_is_seen)
{
	const long long until = now_ms() + RUN_MS;
	struct frameio_hdr *hdr;
	unsigned int round;
	pthread_t thread;
	int n;

	open_rings(false, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, publish_rounds, NULL), 0);
	for (round = 1; now_ms() < until; round++) {
		__atomic_store_n(&round_begun, round, __ATOMIC_RELEASE);
		n = frameio_ring_peek(qp, &hdr);
		await_round(&round_done, round);
		ck_assert_msg(n == 1 || (!n && woken), "round %u: a wake-up was lost", round);
		if (!n)
			ck_assert_int_eq(frameio_ring_peek(qp, &hdr), 1);
		ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	frameio_close(qp);
}
END_TEST

/* The kernel has no room in each round, and looks again; or it is kicked. */
static void *stall_rounds(void *argument)
{
	const struct kernel_ring *ring = &kernel.read_ring;
	struct frameio_ring_page *page = ring->page;
	unsigned int round;

	for (round = 1; await_round(&round_begun, round); round++) {
		const uint64_t consumer = page->rg_producer - 2 * record_size(LEN_MAX);

		__atomic_store_n(&page->rg_producer_flags, FRAMEIO_RING_NEED_WAKEUP,
				 __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		woken = __atomic_load_n(&page->rg_consumer, __ATOMIC_ACQUIRE) != consumer;
		__atomic_store_n(&round_done, round, __ATOMIC_RELEASE);
	}
	return argument;
}

START_TEST(kernel_sees_or_is_kicked)
{
	const long long until = now_ms() + RUN_MS;
	const struct kernel_ring *ring;
	struct frameio_hdr *hdrs[2];
	unsigned int i, kicks, round;
	pthread_t thread;

	open_rings(false, false);
	ring = &kernel.read_ring;
	ck_assert_int_eq(pthread_create(&thread, NULL, stall_rounds, NULL), 0);
	for (round = 1; now_ms() < until; round++) {
		for (i = 0; i < 2; i++) {
			struct frameio_hdr *hdr;

			hdr = (void *)(ring->area + ring->page->rg_producer % SIZE);
			*hdr = (struct frameio_hdr) {
				.version = 1, .hdrlen = HDRLEN, .len = LEN_MAX,
			};
			ring->page->rg_producer += record_size(LEN_MAX);
		}
		ring->page->rg_producer_flags = 0;
		ck_assert_int_eq(frameio_ring_peek_batch(qp, hdrs, 2), 2);
		kicks = nwakes;
		__atomic_store_n(&round_begun, round, __ATOMIC_RELEASE);
		ck_assert_int_eq(frameio_ring_release(qp, NULL), 0);
		await_round(&round_done, round);
		ck_assert_msg(woken || nwakes > kicks, "round %u: a wake-up was lost", round);
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	frameio_close(qp);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ringthreads");
	TCase *tcase = tcase_create("ringthreads");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, reader_misses_nothing, 0, 3);
	tcase_add_loop_test(tcase, writer_misses_nothing, 0, 2);
	tcase_add_test(tcase, writers_share_a_ring);
	tcase_add_test(tcase, reader_sees_or_is_seen);
	tcase_add_test(tcase, kernel_sees_or_is_kicked);
	suite_add_tcase(suite, tcase);
	return kernel_run(suite);
}
