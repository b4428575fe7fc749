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
		.name = "copy",
		.title = "a copy of a frame in memory, which all have to make at least",
		.reference_peer = "memory", .reference_path = "memcpy",
	},
	[KERNEL_TO_USER] = {
		.name = "kernel-to-user",
		.title = "kernel to user: sent into the interface by the kernel, and read",
		.reference_peer = "tap", .reference_path = "read",
	},
	[KERNEL_TO_USER_NOQUEUE] = {
		.name = "kernel-to-user-noqueue",
		.title = "kernel to user, past no queueing discipline, as on dummy",
		.qdisc = "noqueue",
		.reference_peer = "tap", .reference_path = "read",
	},
	[USER_TO_KERNEL] = {
		.name = "user-to-kernel",
		.title = "user to kernel: written, until the stack has dropped it",
		.reference_peer = "tap", .reference_path = "write",
	},
	[FORWARD] = {
		.name = "forward",
		.title = "forwarder: from the kernel at one port, to the kernel at another",
		.reference_peer = "tap", .reference_path = "read, write",
	},
	[TCP] = {
		.name = "tcp",
		.title = "TCP from host to host through a forwarder, both stacks and all",
		.reference_peer = "tap", .reference_path = "read, write",
	},
	[NIC_SEND] = {
		.name = "nic-send",
		.title = "NIC send: on dummy, until it has freed it",
		.reference_peer = "pktgen", .reference_path = "kernel",
	},
	[NIC_RECEIVE] = {
		.name = "nic-receive",
		.title = "NIC receive: sent into one end of a veth pair, and read at the other",
		.reference_peer = "packet", .reference_path = "TPACKET_V3",
	},
	[NIC_FORWARD] = {
		.name = "nic-forward",
		.title = "NIC forwarder: from veth to dummy",
		.reference_peer = "packet", .reference_path = "recvmmsg, sendmmsg",
	},
	[LATENCY] = {
		.name = "latency",
		.title = "latency: sent into the interface, written back by a program that slept, "
			 "and received; the median",
		.reference_peer = "tap", .reference_path = "read, write",
	},
	[LOADED_LATENCY] = {
		.name = "loaded-latency",
		.title = "latency under load: the same, while as many other frames are sent as go",
		.reference_peer = "tap", .reference_path = "read, write",
	},
	[LOSS] = {
		.name = "loss",
		.title = "loss: frames sent at a time while the reader sleeps, and not found by it",
		.unit = "% lost",
	},
	[NIC_LOSS] = {
		.name = "nic-loss",
		.title = "NIC loss: the same from veth",
		.unit = "% lost",
	},
	[PAIRS_TO_USER] = {
		.name = "pairs-to-user",
		.title = "kernel to user by queue pairs at once, each on a CPU of its own, with its "
			 "source",
		.reference_peer = "tap", .reference_path = "read, multi-queue",
	},
	[PAIRS_TO_KERNEL] = {
		.name = "pairs-to-kernel",
		.title = "user to kernel by queue pairs at once, each on a CPU of its own",
		.reference_peer = "tap", .reference_path = "write, multi-queue",
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

static const char *set_qdisc(const char *qdisc, const char *name, unsigned int npairs)
{
	return qdisc ? network_set_qdisc(name, qdisc, npairs) : NULL;
}

/* As set_qdisc(), of the interface that is far away. */
static const char *set_far_qdisc(const struct settings *settings)
{
	const char *why;

	network_go_far();
	why = set_qdisc(settings->qdisc, OUT_NAME, 1);
	network_come_back();
	return why;
}

/* A virtual port's interface is there since the peer was opened. Returns NULL, or why not. */
static const char *bring_up(const struct settings *settings, const struct endpoint *end,
			    struct result *round)
{
	const char *qdisc = workloads[end->workload].qdisc;
	const char *why = NULL;

	if (endpoint_is_nic(end))
		return NULL;
	if (end->workload == TCP) {
		stream_set_up();
		why = set_far_qdisc(settings);
	} else if (endpoint_writes(end)) {
		network_bring_up(OUT_NAME);
	}
	if (why || !endpoint_reads(end))
		return why;
	network_bring_up(IN_NAME);
	why = set_qdisc(qdisc ? qdisc : settings->qdisc, IN_NAME, end->npairs);
	if (!why && !*round->qdisc)
		network_get_qdisc(IN_NAME, round->qdisc, sizeof(round->qdisc));
	return why;
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

/* What the source takes is a part of a frame's latency, but not of what a path costs. */
static void measure_endpoints(const struct settings *settings, struct endpoint *ends,
			      struct result *round)
{
	alarm(PATIENCE_S);
	if (endpoint_is_of(ends, WORKLOADS_PAIRS)) {
		round->cost = measure_parallel(settings, ends, round->npairs);
	} else if (endpoint_is_of(ends, WORKLOADS_ECHO)) {
		measure_latency(settings, ends, round);
	} else if (endpoint_is_of(ends, WORKLOADS_LOSS)) {
		measure_loss(ends, round);
	} else if (ends->workload == TCP) {
		measure_stream(settings, ends, round);
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
	if (!why)
		why = bring_up(settings, ends, round);
	if (!why)
		measure_endpoints(settings, ends, round);
	for (i = opened; i--;)
		close_endpoint(round->peer, &ends[i]);
	network_delete_nics(WORKLOAD(round->workload));
	return why;
}

/*
 * The least of several rounds, so that what else the kernel does now and then does not count.
 * Each begins anew, as what a frame's memory costs depends on what else lies around it. What is
 * lost of many frames, or waits for many, is found out once.
 */
static void measure_path(const struct settings *settings, struct result *result)
{
	const bool once = WORKLOAD(result->workload) & (WORKLOADS_LOSS | WORKLOAD(LOADED_LATENCY));
	const unsigned int nrounds = once ? 1 : settings->nrounds;
	const char *why = NULL;
	struct result round = *result;
	unsigned int i;

	if (result->peer->missing)
		why = result->peer->missing();
	for (i = 0; !why && i < nrounds; i++) {
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

/* A path is measured by one, two, ... queue pairs, or with several numbers of frames. */
static unsigned int count_variants(enum workload_id workload)
{
	if (WORKLOAD(workload) & WORKLOADS_PAIRS)
		return NPAIRS_MOST;
	return WORKLOAD(workload) & WORKLOADS_LOSS ? NLOSSES : 1;
}

static void measure_variant(const struct settings *settings, const struct peer *peer,
			    const struct path *path, enum workload_id workload,
			    unsigned int variant, struct results *results)
{
	const bool counts_pairs = WORKLOAD(workload) & WORKLOADS_PAIRS;
	const bool counts_loss = WORKLOAD(workload) & WORKLOADS_LOSS;
	struct result *result = append(results);

	result->peer = peer;
	result->path = path;
	result->workload = workload;
	result->npairs = counts_pairs ? variant + 1 : 1;
	result->nframes = counts_loss ? loss_nframes[variant] : 0;
	result->len = workload == TCP ? stream_frame_len() : burst.len;
	measure_path(settings, result);
}

static void measure_peer(const struct settings *settings, const struct peer *peer,
			 enum workload_id workload, struct results *results)
{
	unsigned int i, variant;

	for (i = 0; i < peer->npaths; i++) {
		if (!(peer->paths[i].workloads & WORKLOAD(workload)))
			continue;
		for (variant = 0; variant < count_variants(workload); variant++)
			measure_variant(settings, peer, &peer->paths[i], workload, variant, results);
	}
}

/* A stream's frames are as long as they can be, and so the same for several lengths. */
static bool was_measured(const struct results *results, enum workload_id workload)
{
	size_t i;

	for (i = 0; workload == TCP && i < results->n; i++)
		if (results->all[i].workload == TCP && results->all[i].len == stream_frame_len())
			return true;
	return false;
}

void measure_workload(const struct settings *settings, enum workload_id workload,
		      struct results *results)
{
	const char *why = NULL;
	unsigned int i;

	if (WORKLOAD(workload) & WORKLOADS_PAIRS)
		why = parallel_missing(NPAIRS_MOST);
	if (was_measured(results, workload))
		return;
	if (why) {
		fprintf(stderr, "framebench: no %s: %s\n", workloads[workload].name, why);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(peers); i++)
		if (!fnmatch(settings->peers, peers[i]->name, FNM_EXTMATCH))
			measure_peer(settings, peers[i], workload, results);
}
