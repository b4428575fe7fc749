/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WARMUP_PINGS	32
#define PINGS_PER_BURST	4

/*
 * Flows that keep the port busy: together they are faster than its reader. How many pings are
 * sent meanwhile; from one to the next it takes once to twice the pause, and the last one is
 * waited for, in nanoseconds.
 */
#define NLOADS		4
#define LOADED_PINGS	300
#define PAUSE		500000U
#define PATIENCE	100000000U

/* Behind the Ethernet header. */
#define NUMBER_OFFSET	14

/* What the program behind the port does: answers what comes, and sleeps before. */
struct echo {
	struct endpoint *end;
	size_t len;
	bool over;
	pthread_t thread;
};

/* A part of what keeps the port busy: a socket that sends a flow as fast as it can. */
struct load {
	unsigned short type;
	size_t len;
	bool over;
	pthread_t thread;
};

/**
 * struct pings - frames that are sent, and come back
 * @fd: the socket of both
 * @nsent: how many were sent, which is what the next one says
 * @sent: when
 * @n: how many came back
 * @times: how long each of those took, in the order in which they came
 */
struct pings {
	int fd;
	uint32_t nsent;
	uint64_t *sent;
	unsigned int n;
	uint64_t *times;
};

static bool is_set(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void set(bool *flag)
{
	__atomic_store_n(flag, true, __ATOMIC_RELAXED);
}

static void *answer(void *argument)
{
	struct echo *echo = argument;

	burst_set_length(echo->len);
	while (!is_set(&echo->over))
		echo->end->path->move(echo->end);
	burst_free();
	return NULL;
}

/* A frame that the interface's queues have no room for is none of ours. */
static void *send_load(void *argument)
{
	const int fd = network_open_sender(IN_NAME);
	struct load *load = argument;

	burst_set_length(load->len);
	burst_set_type(load->type);
	while (!is_set(&load->over))
		fail_unless(send(fd, burst.frame, burst.len, 0) > 0 || errno == ENOBUFS, "send");
	burst_free();
	close(fd);
	return NULL;
}

static void allocate(struct pings *pings, unsigned int n)
{
	pings->sent = calloc(n, sizeof(*pings->sent));
	pings->times = calloc(n, sizeof(*pings->times));
	fail_unless(pings->sent && pings->times, "times");
}

static void send_ping(struct pings *pings)
{
	const ssize_t len = burst.len;

	memcpy(burst.frame + NUMBER_OFFSET, &pings->nsent, sizeof(pings->nsent));
	pings->sent[pings->nsent++] = now();
	fail_unless(send(pings->fd, burst.frame, len, 0) == len || errno == ENOBUFS, "send");
}

/* Wait for one. */
static void receive_ping(struct pings *pings)
{
	unsigned char frame[NUMBER_OFFSET + sizeof(pings->nsent)];
	uint32_t number;

	fail_unless(recv(pings->fd, frame, sizeof(frame), MSG_TRUNC) == (ssize_t)burst.len, "recv");
	memcpy(&number, frame + NUMBER_OFFSET, sizeof(number));
	if (number >= pings->nsent)
		die("a ping came back that was not sent");
	pings->times[pings->n++] = now() - pings->sent[number];
}

/* Receive those that come in so many nanoseconds. */
static void receive_pings(struct pings *pings, uint64_t duration)
{
	struct pollfd pollfd = { .fd = pings->fd, .events = POLLIN };
	const uint64_t until = now() + duration;
	struct timespec ts = { 0 };
	uint64_t time;

	while ((time = now()) < until) {
		ts.tv_nsec = until - time;
		if (ppoll(&pollfd, 1, &ts, NULL) > 0)
			receive_ping(pings);
	}
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void summarise(const struct pings *pings, struct result *result)
{
	if (!pings->n)
		die("no ping came back");
	qsort(pings->times, pings->n, sizeof(*pings->times), compare);
	result->cost = pings->times[pings->n / 2];
	result->p99 = pings->times[pings->n - 1 - pings->n / 100];
	result->lost = 100.0 * (pings->nsent - pings->n) / pings->nsent;
}

static void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	errno = pthread_create(thread, NULL, run, argument);
	fail_unless(!errno, "pthread_create");
}

static void ping_one_after_another(struct pings *pings, unsigned int n)
{
	for (; n; n--) {
		send_ping(pings);
		receive_ping(pings);
	}
}

static void ping_idle(const struct settings *settings, struct pings *pings)
{
	const unsigned int n = round_bursts(settings) * PINGS_PER_BURST;

	allocate(pings, WARMUP_PINGS + n + 1);
	ping_one_after_another(pings, WARMUP_PINGS);
	pings->n = 0;
	pings->nsent = 0;
	ping_one_after_another(pings, n);
}

/* Not in step with what keeps the port busy. */
static void ping_now_and_then(struct pings *pings)
{
	unsigned int i, seed = 1;

	allocate(pings, LOADED_PINGS + 1);
	for (i = 0; i < LOADED_PINGS; i++) {
		receive_pings(pings, PAUSE + rand_r(&seed) % PAUSE);
		send_ping(pings);
	}
	receive_pings(pings, PATIENCE);
}

static void ping_loaded(struct pings *pings)
{
	struct load loads[NLOADS];
	unsigned int i;

	for (i = 0; i < NLOADS; i++) {
		loads[i] = (struct load){ .type = ETHERTYPE_LOAD + i, .len = burst.len };
		start(&loads[i].thread, send_load, &loads[i]);
	}
	ping_now_and_then(pings);
	for (i = 0; i < NLOADS; i++)
		set(&loads[i].over);
	for (i = 0; i < NLOADS; i++)
		pthread_join(loads[i].thread, NULL);
}

void measure_latency(const struct settings *settings, struct endpoint *end, struct result *result)
{
	struct pings pings = { .fd = network_open_pinger(IN_NAME) };
	struct echo echo = { .end = end, .len = burst.len };

	start(&echo.thread, answer, &echo);
	if (end->workload == LOADED_LATENCY)
		ping_loaded(&pings);
	else
		ping_idle(settings, &pings);
	summarise(&pings, result);
	set(&echo.over);
	/* it may wait for one */
	send_ping(&pings);
	pthread_join(echo.thread, NULL);
	close(pings.fd);
	free(pings.sent);
	free(pings.times);
}
