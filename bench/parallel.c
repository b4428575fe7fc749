/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bench.h"

/* Types of frames to try until there is one whose flow comes out at each queue pair. */
#define NTYPES		256

/* What the movers wait for before the bursts that count, and how many still have some to move. */
struct race {
	pthread_barrier_t ready;
	atomic_uint nmoving;
};

/*
 * A thread that moves bursts: of frames that it sends itself, if @source is not -1. How long
 * those took that count.
 */
struct mover {
	struct endpoint *end;
	int source;
	unsigned short type;
	size_t len;
	unsigned int nbursts;
	struct race *race;
	pthread_t thread;
	uint64_t time;
};

/* The CPU that is the @index-th of those we may use; -1: there are fewer. */
static int nth_cpu(unsigned int index)
{
	cpu_set_t allowed;
	int cpu;

	fail_unless(!sched_getaffinity(0, sizeof(allowed), &allowed), "sched_getaffinity");
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !index--)
			return cpu;
	return -1;
}

const char *parallel_missing(unsigned int n)
{
	return nth_cpu(n - 1) < 0 ? "each queue pair needs a CPU of its own" : NULL;
}

static void move_bursts(const struct mover *mover, unsigned int n)
{
	for (; n; n--) {
		if (mover->source >= 0)
			burst_send(mover->source);
		mover->end->path->move(mover->end);
	}
}

static void *run(void *argument)
{
	struct mover *mover = argument;
	uint64_t began;

	burst_set_length(mover->len);
	burst_set_type(mover->type);
	move_bursts(mover, WARMUP_BURSTS);
	pthread_barrier_wait(&mover->race->ready);
	began = now();
	move_bursts(mover, mover->nbursts);
	mover->time = now() - began;
	/* the slower ones are not to be alone */
	atomic_fetch_sub(&mover->race->nmoving, 1);
	while (atomic_load(&mover->race->nmoving))
		move_bursts(mover, 1);
	burst_free();
	return NULL;
}

/* --- which frames come out where -------------------------------------------------- */

/* The queue pair that a burst has come to. */
static unsigned int find_readable(const struct mover *movers, unsigned int n)
{
	struct pollfd pollfds[NPAIRS_MOST];
	unsigned int i;

	for (i = 0; i < n; i++)
		pollfds[i] = (struct pollfd){ .fd = movers[i].end->in, .events = POLLIN };
	fail_unless(poll(pollfds, n, -1) == 1, "poll");
	for (i = 0; !pollfds[i].revents; i++)
		;
	return i;
}

/* The flow of a frame is its type, and the port chooses the queue pair by the flow. */
static void choose_types(struct mover *movers, unsigned int n)
{
	unsigned int i, found = 0;
	unsigned short type;

	for (type = ETHERTYPE; found < n && type < ETHERTYPE + NTYPES; type++) {
		burst_set_type(type);
		burst_send(movers->source);
		i = find_readable(movers, n);
		movers[i].end->path->move(movers[i].end);
		found += !movers[i].type;
		movers[i].type = type;
	}
	burst_set_type(ETHERTYPE);
	if (found < n)
		die("no frames come to one of the %u queue pairs", n);
}

static void start(struct mover *mover, unsigned int index)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(nth_cpu(index), &cpus);
	pthread_attr_init(&attributes);
	errno = pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	if (!errno)
		errno = pthread_create(&mover->thread, &attributes, run, mover);
	fail_unless(!errno, "pthread_create");
	pthread_attr_destroy(&attributes);
}

/* What each one took for its bursts, on average. */
static double join(const struct mover *movers, unsigned int n)
{
	uint64_t time = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		pthread_join(movers[i].thread, NULL);
		time += movers[i].time;
	}
	return (double)time / n;
}

static void prepare(struct mover *mover, const struct settings *settings, struct endpoint *end,
		    struct race *race)
{
	*mover = (struct mover){
		.end = end, .len = burst.len, .nbursts = round_bursts(settings), .race = race,
		.source = endpoint_reads(end) ? network_open_source(IN_NAME) : -1,
	};
}

double measure_parallel(const struct settings *settings, struct endpoint *ends, unsigned int n)
{
	struct mover movers[NPAIRS_MOST];
	struct race race = { .nmoving = n };
	unsigned int i;
	double time;

	pthread_barrier_init(&race.ready, NULL, n);
	for (i = 0; i < n; i++)
		prepare(&movers[i], settings, &ends[i], &race);
	if (endpoint_reads(ends))
		choose_types(movers, n);
	for (i = 0; i < n; i++)
		start(&movers[i], i);
	time = join(movers, n);
	for (i = 0; i < n; i++)
		if (movers[i].source >= 0)
			close(movers[i].source);
	pthread_barrier_destroy(&race.ready);
	return time / n / round_bursts(settings) / BURST;
}
