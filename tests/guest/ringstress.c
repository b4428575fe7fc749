/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Rings under stress: a hunt for wake-ups that are lost, and a program that scribbles
 * over its rings while frames move.
 *
 * FRAMEIO_STRESS_SECONDS bounds how long the tests take together (default 20);
 * FRAMEIO_STRESS_SEED repeats the choices of a run, as far as threads allow.
 *
 * THE HUNT
 *
 *	sender --- packet socket --> the kernel --- read ring --> consumer
 *	receiver <-- packet socket --- the kernel <-- write ring --- producer
 *
 * Consumer and producer follow the protocol to the letter and sleep in epoll_wait(2),
 * edge-triggered. All four pause at random, between the steps of the protocol, too.
 * A wake-up that is lost is healed by the next frame, so the sender and the producer
 * often wait until all has arrived before they go on: then there is none. Whoever waits
 * longer than STALL_S fails the test.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "rings.h"
#include "traffic.h"

#define LEN	60
#define RECORD	(HDRLEN + LEN)
#define SMALL	4096
#define LARGE	(1 << 20)

/* Number of the frame that is the last. */
#define END	0xffffffff

#define TESTS	8

static double stall_s(void)
{
	return traffic_stall_s() / 3;
}

static double seconds(void)
{
	return guest_setting("FRAMEIO_STRESS_SECONDS", 20) * 1.0 / TESTS;
}

/* --- the hunt -------------------------------------------------------- */

struct hunt {
	const char *name;	/* for messages */
	struct rings rings;
	int to_kernel, from_kernel;	/* packet sockets */
	int in, out;			/* epoll files */
	atomic_bool stopped;
	atomic_ulong sent, consumed, produced, received;
	unsigned long sleeps_in, sleeps_out;
	unsigned int seeds[4];
	pthread_t threads[4];
};

/* Now and then, and now and then another thread's turn. */
static void pause_sometimes(unsigned int *seed)
{
	switch (rand_r(seed) % 16) {
	case 0:
		sched_yield();
		break;
	case 1: case 2: case 3: case 4:
		guest_pause_at_random(seed);
		break;
	}
}

/* Say where both rings stand, of which nothing comes. */
static void fail_hunt(struct hunt *hunt, const char *what)
{
	const struct frameio_ring_page *in = hunt->rings.read.page, *out = hunt->rings.write.page;

	ck_abort_msg("%s: %s: sent %lu, consumed %lu; produced %lu, received %lu; "
		     "read ring %llu to %llu flags %x %x %x; write ring %llu to %llu flags %x %x %x; "
		     "poll says %#x", hunt->name, what, hunt->sent, hunt->consumed, hunt->produced,
		     hunt->received, in->rg_consumer, in->rg_producer, in->rg_producer_flags,
		     in->rg_consumer_flags, in->rg_flags, out->rg_consumer, out->rg_producer,
		     out->rg_producer_flags, out->rg_consumer_flags, out->rg_flags,
		     guest_poll(hunt->rings.fd, POLLIN | POLLOUT, 0));
}

static void wait_arrived(struct hunt *hunt, const atomic_ulong *arrived, unsigned long n,
			 const char *what)
{
	const double until = guest_now() + stall_s();

	while (*arrived < n) {
		if (guest_now() > until)
			fail_hunt(hunt, what);
		sched_yield();
	}
}

static void send_numbered(struct hunt *hunt, uint32_t number)
{
	unsigned char frame[LEN];

	guest_fill_numbered(frame, LEN, number);
	if (send(hunt->to_kernel, frame, LEN, 0) != LEN)
		ck_abort_msg("%s: send: %s", hunt->name, strerror(errno));
}

static void *run_sender(void *argument)
{
	struct hunt *hunt = argument;
	unsigned int *seed = &hunt->seeds[0], n;

	while (!hunt->stopped) {
		for (n = 1 + rand_r(seed) % 64; n; n--) {
			/* before: it may be consumed at once */
			send_numbered(hunt, hunt->sent++);
			if (rand_r(seed) % 4 == 0)
				pause_sometimes(seed);
		}
		if (rand_r(seed) % 2)
			wait_arrived(hunt, &hunt->consumed, hunt->sent, "frames are not read");
	}
	wait_arrived(hunt, &hunt->consumed, hunt->sent, "frames are not read");
	send_numbered(hunt, END);
	return NULL;
}

static void sleep_until(struct hunt *hunt, int epoll, const char *what)
{
	struct epoll_event event;
	int n = epoll_wait(epoll, &event, 1, stall_s() * 1000 * 1.5);

	if (n < 1)
		fail_hunt(hunt, what);
	if (event.events & (EPOLLERR | EPOLLHUP))
		fail_hunt(hunt, "an error");
}

/* The records there are. Returns false after the last one. */
static bool consume(struct hunt *hunt, unsigned int *seed)
{
	const unsigned char *record;
	uint32_t number;

	while ((record = rings_next(&hunt->rings))) {
		number = guest_check_numbered(record + HDRLEN, LEN);
		rings_skip(&hunt->rings);
		if (number == END) {
			rings_release(&hunt->rings);
			return false;
		}
		if (number != (uint32_t)hunt->consumed)
			ck_abort_msg("%s: frame %u instead of %lu", hunt->name, number,
				     hunt->consumed);
		/* several are released together, as often as not */
		if (rand_r(seed) % 2)
			rings_release(&hunt->rings);
		hunt->consumed++;
		pause_sometimes(seed);
	}
	rings_release(&hunt->rings);
	return true;
}

static void *run_consumer(void *argument)
{
	struct hunt *hunt = argument;
	struct frameio_ring_page *page = hunt->rings.read.page;
	unsigned int *seed = &hunt->seeds[1];

	while (consume(hunt, seed)) {
		pause_sometimes(seed);
		rings_set_flags(&page->rg_consumer_flags, FRAMEIO_RING_NEED_WAKEUP);
		rings_barrier();
		if (!rings_next(&hunt->rings)) {
			pause_sometimes(seed);
			sleep_until(hunt, hunt->in, "no event of a record");
			hunt->sleeps_in++;
		}
		rings_set_flags(&page->rg_consumer_flags, 0);
	}
	return NULL;
}

static void wait_room(struct hunt *hunt, unsigned int *seed)
{
	struct frameio_ring_page *page = hunt->rings.write.page;

	while (!rings_room(&hunt->rings, RECORD)) {
		rings_set_flags(&page->rg_producer_flags, FRAMEIO_RING_NEED_WAKEUP);
		rings_barrier();
		if (!rings_room(&hunt->rings, RECORD)) {
			pause_sometimes(seed);
			sleep_until(hunt, hunt->out, "no event of room");
			hunt->sleeps_out++;
		}
		rings_set_flags(&page->rg_producer_flags, 0);
	}
}

static void produce(struct hunt *hunt, uint32_t number, unsigned int *seed)
{
	if (!rings_room(&hunt->rings, RECORD)) {
		/* what is not committed never makes room */
		rings_commit(&hunt->rings);
		wait_room(hunt, seed);
	}
	guest_record_numbered(rings_room(&hunt->rings, RECORD), LEN, number);
	rings_put(&hunt->rings, RECORD);
}

static void *run_producer(void *argument)
{
	struct hunt *hunt = argument;
	unsigned int *seed = &hunt->seeds[2], n;

	while (!hunt->stopped) {
		for (n = 1 + rand_r(seed) % (rand_r(seed) % 8 ? 8 : 200); n; n--) {
			produce(hunt, hunt->produced++, seed);
			if (rand_r(seed) % 2) {
				rings_commit(&hunt->rings);
				pause_sometimes(seed);
			}
		}
		rings_commit(&hunt->rings);
		if (rand_r(seed) % 2)
			wait_arrived(hunt, &hunt->received, hunt->produced,
				     "records are not taken");
		pause_sometimes(seed);
	}
	wait_arrived(hunt, &hunt->received, hunt->produced, "records are not taken");
	produce(hunt, END, seed);
	rings_commit(&hunt->rings);
	return NULL;
}

static void *run_receiver(void *argument)
{
	struct hunt *hunt = argument;
	unsigned char frame[LEN];
	uint32_t number;

	for (;;) {
		if (recv(hunt->from_kernel, frame, LEN, 0) != LEN)
			ck_abort_msg("%s: recv: %s", hunt->name, strerror(errno));
		number = guest_check_numbered(frame, LEN);
		if (number == END)
			return NULL;
		if (number != (uint32_t)hunt->received)
			ck_abort_msg("%s: frame %u instead of %lu", hunt->name, number,
				     hunt->received);
		hunt->received++;
	}
}

static int watch_edges(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

/* Begin to hunt on the rings of a file, whose other side is the packet sockets of @wire. */
static void start_hunt(struct hunt *hunt, const char *name, const char *wire)
{
	static void *(*const functions[])(void *) = {
		run_sender, run_consumer, run_producer, run_receiver
	};
	struct traffic_random random;
	const int room = 16384;
	int i;

	traffic_random_init(&random);
	hunt->name = name;
	hunt->to_kernel = guest_packet_socket(wire);
	hunt->from_kernel = guest_packet_socket(wire);
	/* a sender that waits for room, and does not only fill the queueing discipline */
	ck_assert_int_eq(setsockopt(hunt->to_kernel, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
			 0);
	hunt->in = watch_edges(hunt->rings.fd, EPOLLIN);
	hunt->out = watch_edges(hunt->rings.fd, EPOLLOUT);
	for (i = 0; i < 4; i++) {
		hunt->seeds[i] = traffic_below(&random, 1U << 31);
		ck_assert_int_eq(pthread_create(&hunt->threads[i], NULL, functions[i], hunt), 0);
	}
}

static void end_hunt(struct hunt *hunt)
{
	struct frameio_stats stats;
	int i;

	hunt->stopped = true;
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(hunt->threads[i], NULL), 0);
	rings_drain(&hunt->rings);
	guest_stats(hunt->rings.fd, &stats);
	printf("ringstress: %s: %lu in, %lu out, %lu and %lu sleeps, %lu calls\n", hunt->name,
	       hunt->consumed, hunt->received, hunt->sleeps_in, hunt->sleeps_out,
	       hunt->rings.calls);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_RING], hunt->sent + 1);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_RING], hunt->produced + 1);
	ck_assert_uint_eq(stats.fs_write_received, hunt->produced + 1);
	ck_assert_uint_eq(stats.fs_read_errors + stats.fs_write_errors, 0);
	ck_assert_uint_eq(stats.fs_read_drop_closed + stats.fs_read_drop_full, 0);
	ck_assert_uint_eq(stats.fs_read_stops, stats.fs_read_wakes);
	ck_assert_uint_eq(rings_flags(&hunt->rings.read.page->rg_flags), 0);
	ck_assert_uint_eq(rings_flags(&hunt->rings.write.page->rg_flags), 0);
	ck_assert_uint_gt(hunt->consumed, 0);
	ck_assert_uint_gt(hunt->received, 0);
	close(hunt->to_kernel);
	close(hunt->from_kernel);
	close(hunt->in);
	close(hunt->out);
}

static int attach(uint32_t flags)
{
	struct frameio_create request = { .fc_name = "fionic", .fc_flags = flags };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	return fd;
}

static const struct {
	const char *name;
	bool nic, threaded;
	uint32_t flags, idle, read_size, write_size;
} hunts[] = {
	{ "small rings", false, false, 0, 0, SMALL, SMALL },
	/* NAPI has a thread of its own: records are not taken in the kick itself */
	{ "small rings, and NAPI elsewhere", false, true, 0, 0, SMALL, SMALL },
	{ "small rings with a thread", false, false, FRAMEIO_SETUP_POLL, 1, SMALL, SMALL },
	{ "a thread that is patient", false, true, FRAMEIO_SETUP_POLL, 200, LARGE, SMALL },
	/* whose read ring must not be full */
	{ "a NIC", true, false, 0, 0, LARGE, SMALL },
	{ "a NIC with a thread", true, false, FRAMEIO_SETUP_POLL, 1, LARGE, LARGE },
};

START_TEST(no_wakeup_is_lost)
{
	static struct hunt hunt;
	int fd;

	fd = hunts[_i].nic ? attach(0) : guest_create_up("fio0", 0, 1, 0);
	if (hunts[_i].threaded)
		guest_receive_threaded("fio0");
	rings_make(&hunt.rings, fd, hunts[_i].flags, hunts[_i].read_size, hunts[_i].write_size,
		   hunts[_i].idle);
	start_hunt(&hunt, hunts[_i].name, hunts[_i].nic ? "fiopeer" : "fio0");
	usleep(seconds() * 1e6);
	end_hunt(&hunt);
	rings_unmap(&hunt.rings);
	close(fd);
}
END_TEST

/* --- scribbling ------------------------------------------------------ */

struct victim {
	struct rings rings;
	atomic_bool stopped;
	unsigned int seed;
	int how;
	int packet;
};

/* Any word of a ring, or one that its counters, flags or lengths have. */
static void scribble_word(const struct rings_ring *ring, unsigned int *seed)
{
	volatile uint32_t *words = (void *)ring->page;

	words[rand_r(seed) % (ring->map / 4)] = (uint32_t)rand_r(seed) << rand_r(seed) % 8;
}

static void scribble_page(const struct rings_ring *ring, unsigned int *seed)
{
	volatile uint32_t *words = (void *)ring->page;

	words[rand_r(seed) % (sizeof(*ring->page) / 4)] = rand_r(seed) % 8;
}

/* Records that could be lie at multiples of this. */
#define SLOT	64

/* A counter that could be: a little further, or not so far. */
static void move_counter(__u64 *counter, const struct rings_ring *ring, unsigned int *seed)
{
	rings_store(counter, rings_load(counter) + rand_r(seed) % (ring->size / SLOT / 4) * SLOT);
}

/* A header that could be, or nearly, where one may be looked for. */
static void put_header(const struct rings_ring *ring, unsigned int *seed)
{
	struct frameio_hdr hdr = { .version = 1, .hdrlen = HDRLEN };

	hdr.len = SLOT * (1 + rand_r(seed) % 8) - HDRLEN;
	switch (rand_r(seed) % 64) {
	case 0:
		hdr.len = rand_r(seed) % (2 * ring->size);
		break;
	case 1:
		hdr.flags = rand_r(seed);
		break;
	case 2:
		hdr.flags = FRAMEIO_F_CSUM_PARTIAL;
		hdr.gso_type = rand_r(seed) % 8;
		hdr.gso_size = rand_r(seed) % 2000;
		break;
	}
	hdr.csum_start = rand_r(seed) % 100;
	hdr.csum_offset = rand_r(seed) % 100;
	memcpy(ring->area + (size_t)rand_r(seed) % (ring->size / SLOT) * SLOT, &hdr, sizeof(hdr));
}

/* Every record is one, to begin with. */
static void put_headers(const struct rings_ring *ring)
{
	uint32_t i;

	for (i = 0; i < ring->size; i += SLOT)
		guest_record(ring->area + i, SLOT - HDRLEN, i, 0);
}

static void scribble(struct victim *victim, const struct rings_ring *ring)
{
	unsigned int *seed = &victim->seed;

	switch (victim->how) {
	case 0:
		scribble_word(ring, seed);
		break;
	case 1:
		put_header(ring, seed);
		if (rand_r(seed) % 64 == 0)
			scribble_page(ring, seed);
		break;
	default:
		/* this keeps the ring alive for longer */
		put_header(ring, seed);
		if (ring == &victim->rings.read)
			rings_store(&ring->page->rg_consumer, rings_load(&ring->page->rg_producer) -
				    rand_r(seed) % ring->size / 16 * 16);
		else if (rings_load(&ring->page->rg_producer) -
			 rings_load(&ring->page->rg_consumer) < ring->size / 2)
			move_counter(&ring->page->rg_producer, ring, seed);
		ring->page->rg_producer_flags = rand_r(seed);
		ring->page->rg_consumer_flags = rand_r(seed);
		break;
	}
}

static void *run_scribbler(void *argument)
{
	struct victim *victim = argument;

	while (!victim->stopped) {
		scribble(victim, &victim->rings.read);
		scribble(victim, &victim->rings.write);
	}
	return NULL;
}

static void *run_kicker(void *argument)
{
	struct victim *victim = argument;
	unsigned char frame[1500];
	unsigned int seed = victim->seed + 1;

	guest_fill(frame, sizeof(frame), 1, 0);
	while (!victim->stopped) {
		switch (rand_r(&seed) % 4) {
		case 0:
			ioctl(victim->rings.fd, FRAMEIO_KICK);
			break;
		case 1:
			guest_poll(victim->rings.fd, POLLIN | POLLOUT, 0);
			break;
		default:
			/* a full queue is no reason to wait */
			send(victim->packet, frame, 14 + rand_r(&seed) % 1400, MSG_DONTWAIT);
			break;
		}
	}
	return NULL;
}

/*
 * A frame each way, as between sane programs. A carrier that has just come on is noticed by
 * the stack up to a second later, too late for most rounds.
 */
static void move_one(struct victim *victim, const char *name)
{
	struct rings_ring *read = &victim->rings.read, *write = &victim->rings.write;
	unsigned char frame[LEN];

	guest_fill(frame, sizeof(frame), 1, 0);
	guest_wait_running(name);
	while (!rings_load(&read->page->rg_producer)) {
		send(victim->packet, frame, sizeof(frame), MSG_DONTWAIT);
		guest_pause();
	}
	rings_store(&read->page->rg_consumer, rings_load(&read->page->rg_producer));
	rings_store(&write->page->rg_producer, SLOT);
	while (rings_load(&write->page->rg_consumer) != SLOT) {
		ck_assert_int_eq(ioctl(victim->rings.fd, FRAMEIO_KICK), 0);
		guest_pause();
	}
}

/* Make rings, scribble over them for a moment, and close them. */
static void scribble_once(struct victim *victim, const char *name, bool first, unsigned int *seed)
{
	static const uint32_t sizes[] = { SMALL, 16384, 65536 };
	const uint32_t flags = rand_r(seed) % 2 ? FRAMEIO_SETUP_POLL : 0;
	pthread_t scribbler, kicker;
	int fd = guest_open(name, 0);

	ck_assert_msg(fd >= 0, "opening %s: %s", name, strerror(errno));
	rings_make(&victim->rings, fd, flags, sizes[rand_r(seed) % 3], sizes[rand_r(seed) % 3],
		   flags ? 1 + rand_r(seed) % 1000 : 0);
	victim->stopped = false;
	victim->seed = rand_r(seed);
	victim->how = rand_r(seed) % 3;
	put_headers(&victim->rings.write);
	if (first)
		move_one(victim, name);
	ck_assert_int_eq(pthread_create(&scribbler, NULL, run_scribbler, victim), 0);
	ck_assert_int_eq(pthread_create(&kicker, NULL, run_kicker, victim), 0);
	usleep(1000 + rand_r(seed) % 30000);
	/* closing is one more thing to do meanwhile: what is mapped is closed last */
	close(fd);
	victim->rings.fd = -1;
	usleep(rand_r(seed) % 1000);
	victim->stopped = true;
	ck_assert_int_eq(pthread_join(scribbler, NULL), 0);
	ck_assert_int_eq(pthread_join(kicker, NULL), 0);
	rings_unmap(&victim->rings);
}

static struct frameio_stats stats_of(const char *name)
{
	struct frameio_queue_pair pair = { .fp_queue = 0 };
	int fd = guest_control();

	strcpy(pair.fp_name, name);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_QUEUE_PAIR, &pair), 0);
	close(fd);
	return pair.fp_stats;
}

/* What may or may not have happened to a victim by chance: each of its rings breaks. */
static void break_both(struct victim *victim, const char *name)
{
	unsigned char frame[LEN];

	guest_fill(frame, sizeof(frame), 1, 0);
	rings_make(&victim->rings, guest_open(name, 0), 0, SMALL, SMALL, 0);
	guest_wait_running(name);
	rings_store(&victim->rings.read.page->rg_consumer, 1UL << 40);
	while (!victim->rings.read.page->rg_flags) {
		send(victim->packet, frame, sizeof(frame), MSG_DONTWAIT);
		guest_pause();
	}
	rings_store(&victim->rings.write.page->rg_producer, 1UL << 40);
	ck_assert_int_eq(ioctl(victim->rings.fd, FRAMEIO_KICK), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_uint_eq(victim->rings.write.page->rg_flags, FRAMEIO_RING_BROKEN);
	close(victim->rings.fd);
	rings_unmap(&victim->rings);
}

/* On a port of its own, while another one's frames are looked at one by one. */
START_TEST(scribbling_hurts_nobody_else)
{
	const char *name = _i ? "fionic" : "fiobad";
	static struct victim victim;
	static struct hunt hunt;
	struct frameio_stats stats;
	unsigned int rounds = 0, seed;
	struct traffic_random random;
	double until;
	int fd;

	traffic_random_init(&random);
	seed = traffic_below(&random, 1U << 31);
	fd = guest_create_up("fio0", 0, 1, 0);
	rings_make(&hunt.rings, fd, 0, SMALL, SMALL, 0);
	start_hunt(&hunt, "bystander", "fio0");
	close(_i ? attach(FRAMEIO_PORT_PERSIST) :
	      guest_create_up("fiobad", FRAMEIO_PORT_PERSIST, 1, 0));
	victim.packet = guest_packet_socket(_i ? "fiopeer" : "fiobad");
	for (until = guest_now() + seconds(); guest_now() < until; rounds++)
		scribble_once(&victim, name, !rounds, &seed);
	break_both(&victim, name);
	close(victim.packet);
	end_hunt(&hunt);
	stats = stats_of(name);
	printf("ringstress: %s: %u rounds, %llu frames in, %llu out, %llu and %llu errors\n", name,
	       rounds, stats.fs_read_frames[FRAMEIO_MODE_RING],
	       stats.fs_write_frames[FRAMEIO_MODE_RING], stats.fs_read_errors,
	       stats.fs_write_errors);
	ck_assert_uint_gt(stats.fs_read_frames[FRAMEIO_MODE_RING], 0);
	ck_assert_uint_gt(stats.fs_write_frames[FRAMEIO_MODE_RING], 0);
	ck_assert_uint_gt(stats.fs_read_errors, 0);
	ck_assert_uint_gt(stats.fs_write_errors, 0);
	/* some waited in the queue when the rings went */
	ck_assert_uint_le(stats.fs_read_frames[FRAMEIO_MODE_RING], stats.fs_read_queued);
	if (!_i)
		ck_assert_uint_eq(stats.fs_write_received,
				  stats.fs_write_frames[FRAMEIO_MODE_RING]);
	/* it is a port like any other afterwards */
	close(guest_open(name, 0));
	rings_unmap(&hunt.rings);
	close(fd);
}
END_TEST

static void set_up_nic(void)
{
	guest_delete_ports();
	guest_use_fifo();
	traffic_seed();
	guest_add_nic();
	guest_keep_nic_order();
}

static void tear_down_nic(void)
{
	guest_delete_ports();
	guest_delete_nic();
}

int main(void)
{
	const unsigned int limit = 60 + guest_setting("FRAMEIO_STRESS_SECONDS", 20);
	Suite *suite = suite_create("ringstress");
	TCase *tcase = guest_tcase(suite, "ringstress", limit + 60, set_up_nic, tear_down_nic);

	tcase_add_loop_test(tcase, no_wakeup_is_lost, 0, sizeof(hunts) / sizeof(hunts[0]));
	tcase_add_loop_test(tcase, scribbling_hurts_nobody_else, 0, 2);
	return guest_run(suite);
}
