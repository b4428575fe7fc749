/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define WARMUP_PINGS	32
#define PINGS_PER_BURST	4

/* What the program behind the port does: answers so many frames, and sleeps before each. */
struct echo {
	struct endpoint *end;
	unsigned int n;
};

static void *answer(void *argument)
{
	struct echo *echo = argument;

	for (; echo->n; echo->n--)
		echo->end->path->move(echo->end);
	return NULL;
}

static uint64_t ping(int fd)
{
	const uint64_t start = now();
	const ssize_t len = burst.len;

	fail_unless(send(fd, burst.frame, len, 0) == len, "send");
	/* its length tells enough of what came back */
	fail_unless(recv(fd, NULL, 0, MSG_TRUNC) == len, "recv");
	return now() - start;
}

static int compare(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

void measure_latency(const struct settings *settings, struct endpoint *end, double *median,
		     double *p99)
{
	const unsigned int n = round_bursts(settings) * PINGS_PER_BURST;
	struct echo echo = { end, WARMUP_PINGS + n };
	uint64_t *times = calloc(n, sizeof(*times));
	const int fd = network_open_pinger(IN_NAME);
	pthread_t thread;
	unsigned int i;

	fail_unless(times != NULL, "times");
	errno = pthread_create(&thread, NULL, answer, &echo);
	fail_unless(!errno, "pthread_create");
	for (i = 0; i < WARMUP_PINGS; i++)
		ping(fd);
	for (i = 0; i < n; i++)
		times[i] = ping(fd);
	pthread_join(thread, NULL);
	close(fd);
	qsort(times, n, sizeof(*times), compare);
	*median = times[n / 2];
	*p99 = times[n - 1 - n / 100];
	free(times);
}
