/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* Bursts of a round where none were asked for; and up to what length of a frame so many. */
#define BURSTS		100
#define BURSTS_LEAST	10
#define SHORT_LEN	512

/* Longer than any path takes: a frame that got lost is waited for in vain. */
#define PATIENCE_S	300

const struct workload workloads[NWORKLOADS] = {
	[COPY] = {
		"copy", "a copy of a frame in memory, which all have to make at least",
		"memory", "memcpy",
	},
	[KERNEL_TO_USER] = {
		"kernel-to-user", "kernel to user: sent into the interface by the kernel, and read",
		"tap", "read",
	},
	[USER_TO_KERNEL] = {
		"user-to-kernel", "user to kernel: written, until the stack has dropped it",
		"tap", "write",
	},
	[FORWARD] = {
		"forward", "forwarder: from the kernel at one port, to the kernel at another",
		"tap", "read, write",
	},
	[NIC_SEND] = {
		"nic-send", "NIC send: on dummy, until it has freed it",
		"pktgen", "kernel",
	},
	[NIC_RECEIVE] = {
		"nic-receive", "NIC receive: sent into one end of a veth pair, and read at the other",
		"packet", "TPACKET_V3",
	},
	[NIC_FORWARD] = {
		"nic-forward", "NIC forwarder: from veth to dummy",
		"packet", "recvmmsg, sendmmsg",
	},
	[LATENCY] = {
		"latency", "latency: sent into the interface, written back by a program that slept, "
		"and received; the median",
		"tap", "read, write",
	},
	[QUEUE_PAIRS] = {
		"queue-pairs", "user to kernel by queue pairs at once, each on a CPU of its own",
		"tap", "write, multi-queue",
	},
};

/* In the order of the table. */
static const struct peer *const peers[] = {
	&peer_memory, &peer_tun, &peer_pktgen, &peer_packet, &peer_xdp, &peer_frameio,
};

static char reason[256];

const char *because(const char *what)
{
	snprintf(reason, sizeof(reason), "%s: %s", what, strerror(errno));
	return reason;
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Nanoseconds of @n bursts: sent, if there is a source, and moved, if there is an endpoint. */
static uint64_t time_bursts(int source, struct endpoint *end, unsigned int n)
{
	uint64_t start;
	unsigned int i;

	if (end && end->path->run)
		return end->path->run(end, n * BURST);
	start = now();
	for (i = 0; i < n; i++) {
		if (source >= 0)
			burst_send(source);
		if (end)
			end->path->move(end);
	}
	return now() - start;
}

/* Caches that the memory of short frames comes from; which there are depends on the version. */
static const char *const caches[] = {
	"skbuff_head_cache", "skbuff_small_head", "kmalloc-512", "kmalloc-1k", "kmalloc-2k",
};

/*
 * Have the kernel give back what of these caches nobody uses. What is left over of earlier
 * frames, and where, makes up to 5% of what a frame costs that waits for its reader. With and
 * without this it is likely that one round has met the good case.
 */
static void tidy_caches(void)
{
	char file[128];
	unsigned int i;
	FILE *stream;

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		snprintf(file, sizeof(file), "/sys/kernel/slab/%s/shrink", caches[i]);
		stream = fopen(file, "we");
		if (!stream)
			continue;
		fputs("1\n", stream);
		fclose(stream);
	}
}

/* Long frames need fewer: what interrupts a round is little next to them. */
unsigned int round_bursts(const struct settings *settings)
{
	const unsigned int n = BURSTS * SHORT_LEN / burst.len;

	if (settings->nbursts)
		return settings->nbursts;
	if (burst.len <= SHORT_LEN)
		return BURSTS;
	return n > BURSTS_LEAST ? n : BURSTS_LEAST;
}

/* Nanoseconds per frame of one round, after some bursts to warm up. */
static double measure_round(const struct settings *settings, int source, struct endpoint *end)
{
	const unsigned int n = round_bursts(settings);

	time_bursts(source, end, WARMUP_BURSTS);
	return (double)time_bursts(source, end, n) / n / BURST;
}

/* What the source takes until a "dummy" has freed the frame; known once for each length. */
static double measure_source(const struct settings *settings)
{
	static size_t len;
	static double least;
	unsigned int i;
	double cost;
	int source;

	if (len == burst.len)
		return least;
	if (!len)
		network_make_sink();
	network_bring_up(SINK_NAME);
	for (i = 0; i < settings->nrounds; i++) {
		source = network_open_source(SINK_NAME);
		cost = measure_round(settings, source, NULL);
		least = i && least < cost ? least : cost;
		close(source);
	}
	len = burst.len;
	return least;
}

static int open_source(const struct endpoint *end)
{
	return network_open_source(endpoint_is_nic(end) ? WIRE_NAME : IN_NAME);
}

/* A virtual port's interface is there since the peer was opened. */
static void bring_up(const struct endpoint *end)
{
	if (endpoint_is_nic(end))
		return;
	if (endpoint_reads(end))
		network_bring_up(IN_NAME);
	if (endpoint_writes(end))
		network_bring_up(OUT_NAME);
}

static void close_endpoint(const struct peer *peer, struct endpoint *end)
{
	if (peer->close)
		peer->close(end);
	if (end->in >= 0)
		close(end->in);
	if (end->out >= 0)
		close(end->out);
}

/* With the source's part. */
static double measure_with_source(const struct settings *settings, struct endpoint *end)
{
	const int source = endpoint_reads(end) ? open_source(end) : -1;
	double cost = measure_round(settings, source, end);

	if (source >= 0)
		close(source);
	return cost;
}

/* What the source takes is no part of a path, but of a frame's latency. */
static void measure_endpoints(const struct settings *settings, struct endpoint *ends,
			      struct result *round)
{
	alarm(PATIENCE_S);
	if (round->workload == QUEUE_PAIRS) {
		round->cost = measure_parallel(settings, ends, round->npairs);
	} else if (endpoint_echoes(ends)) {
		measure_latency(settings, ends, &round->cost, &round->p99);
	} else {
		if (endpoint_reads(ends))
			round->source = measure_source(settings);
		round->cost = measure_with_source(settings, ends) - round->source;
	}
	alarm(0);
}

/* A round of a path, opened for it. Returns NULL, or why there is none. */
static const char *measure_opened(const struct settings *settings, struct result *round)
{
	struct endpoint ends[NPAIRS_MOST];
	const char *why = NULL;
	unsigned int i, opened = 0;

	network_make_nics(WORKLOAD(round->workload));
	burst_refill();
	while (!why && opened < round->npairs) {
		ends[opened] = (struct endpoint){
			.path = round->path, .workload = round->workload,
			.pair = opened, .npairs = round->npairs, .in = -1, .out = -1,
		};
		why = round->peer->open ? round->peer->open(&ends[opened]) : NULL;
		opened++;
	}
	if (!why) {
		bring_up(ends);
		measure_endpoints(settings, ends, round);
	}
	for (i = opened; i--;)
		close_endpoint(round->peer, &ends[i]);
	network_delete_nics(WORKLOAD(round->workload));
	return why;
}

/*
 * The least of several rounds, so that what else the kernel does now and then does not count.
 * Each begins anew, as what a frame's memory costs depends on what else lies around it.
 */
static void measure_path(const struct settings *settings, struct result *result)
{
	const char *why = parallel_missing(result->npairs);
	struct result round = *result;
	unsigned int i;

	if (!why && result->peer->missing)
		why = result->peer->missing();
	for (i = 0; !why && i < settings->nrounds; i++) {
		if (i % 2)
			tidy_caches();
		why = measure_opened(settings, &round);
		if (!why && (!i || round.cost < result->cost))
			*result = round;
	}
	if (why)
		result->skipped = strdup(why);
}

void measure_again(const struct settings *settings, struct result *result)
{
	struct result again = *result;

	if (burst.len != result->len)
		burst_set_length(result->len);
	measure_path(settings, &again);
	if (!again.skipped && again.cost < result->cost)
		*result = again;
	free(again.skipped);
}

static struct result *append(struct results *results)
{
	results->all = realloc(results->all, (results->n + 1) * sizeof(*results->all));
	if (!results->all)
		die("there is no memory for the results");
	memset(&results->all[results->n], 0, sizeof(*results->all));
	return &results->all[results->n++];
}

static void measure_peer(const struct settings *settings, const struct peer *peer,
			 enum workload_id workload, unsigned int npairs, struct results *results)
{
	struct result *result;
	unsigned int i;

	for (i = 0; i < peer->npaths; i++) {
		if (!(peer->paths[i].workloads & WORKLOAD(workload)))
			continue;
		result = append(results);
		result->peer = peer;
		result->path = &peer->paths[i];
		result->workload = workload;
		result->npairs = npairs;
		result->len = burst.len;
		measure_path(settings, result);
	}
}

void measure_workload(const struct settings *settings, enum workload_id workload,
		      struct results *results)
{
	const unsigned int most = workload == QUEUE_PAIRS ? NPAIRS_MOST : 1;
	unsigned int i, npairs;

	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		if (fnmatch(settings->peers, peers[i]->name, FNM_EXTMATCH))
			continue;
		for (npairs = 1; npairs <= most; npairs++)
			measure_peer(settings, peers[i], workload, npairs, results);
	}
}
