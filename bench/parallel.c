/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "bench.h"

/* A thread that moves bursts, what it waits for before those that count, and when these were. */
struct mover {
	struct endpoint *end;
	unsigned int nbursts;
	pthread_barrier_t *ready;
	pthread_t thread;
	uint64_t began, ended;
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

static void move_bursts(struct endpoint *end, unsigned int n)
{
	for (; n; n--)
		end->path->move(end);
}

static void *run(void *argument)
{
	struct mover *mover = argument;

	move_bursts(mover->end, WARMUP_BURSTS);
	pthread_barrier_wait(mover->ready);
	mover->began = now();
	move_bursts(mover->end, mover->nbursts);
	mover->ended = now();
	return NULL;
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

/* From when the first one began until the last one was done. */
static uint64_t join(const struct mover *movers, unsigned int n)
{
	uint64_t began = UINT64_MAX, ended = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		pthread_join(movers[i].thread, NULL);
		if (movers[i].began < began)
			began = movers[i].began;
		if (movers[i].ended > ended)
			ended = movers[i].ended;
	}
	return ended - began;
}

double measure_parallel(const struct settings *settings, struct endpoint *ends, unsigned int n)
{
	const unsigned int nbursts = round_bursts(settings);
	struct mover movers[NPAIRS_MOST];
	pthread_barrier_t ready;
	unsigned int i;
	uint64_t time;

	pthread_barrier_init(&ready, NULL, n);
	for (i = 0; i < n; i++) {
		movers[i] = (struct mover){
			.end = &ends[i], .nbursts = nbursts, .ready = &ready,
		};
		start(&movers[i], i);
	}
	time = join(movers, n);
	pthread_barrier_destroy(&ready);
	return (double)time / n / nbursts / BURST;
}
