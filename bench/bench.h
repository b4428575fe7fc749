/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framebench - what a frame costs on its way between the kernel and user space, by
 * frameio and by what there is besides it.
 *
 * A *peer* is a kind of interface or socket, one source file each. It has *paths*: ways to
 * move frames, such as its system call at one size of batch. A *workload* says where the
 * frames come from and where they go. measure.c puts each path into each of its workloads,
 * so that all peers meet the same interfaces, the same source and the same clock.
 */
#ifndef FRAMEIO_BENCH_H
#define FRAMEIO_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof(*(array)))

/* Frames that are sent, or written, before it is the other side's turn. */
#define BURST		32

/* The stack drops them, and no socket but ours receives them. 0x88b5 is for local experiments. */
#define ETHERTYPE	0x88b5
#define ETHERTYPE_LOAD	0x88c0	/* and on: of flows that are there to keep a port busy */

/* --- framebench.c: the end of a run that cannot go on ------------------------ */

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The same of a call, with the text of errno. */
void die_of_errno(const char *call) __attribute__((noreturn));

static inline void fail_unless(bool ok, const char *call)
{
	if (!ok)
		die_of_errno(call);
}

/* --- burst.c: the frames, and memory for them -------------------------------- */

/**
 * struct burst - what is moved, and where it is moved to; each thread has its own
 * @len: bytes of a frame
 * @frame: one, with BURST_HEADROOM bytes of zeros in front of it
 * @room: bytes of each of @records
 * @records: each a header and the frame, as frameio writes it; readers overwrite them
 * @record_len: bytes of header and frame
 * @stride: bytes from one record of @row to the next
 * @row: the records in a row, as packed mode has them
 */
struct burst {
	size_t len;
	unsigned char *frame;
	size_t room;
	unsigned char *records[BURST];
	size_t record_len;
	size_t stride;
	unsigned char *row;
};

#define BURST_HEADROOM	64

extern __thread struct burst burst;

/* Make it one of frames of @len bytes; again what it was, after readers; free its memory. */
void burst_set_length(size_t len);
void burst_refill(void);
void burst_free(void);

/* Have what is sent from now on be of this Ethertype. */
void burst_set_type(unsigned short type);

/* Send them by a packet socket, a system call each. */
void burst_send(int fd);

/*
 * Read them, or write a copy of one each, with a system call for each; @len is what that
 * moves. Return how many.
 */
unsigned int burst_read(int fd, size_t len);
unsigned int burst_write(int fd, const void *record, size_t len);

/* Wait for one frame, and write it, of any length; and do so with a burst. Return how many. */
unsigned int carry_frame(int from, int to);
unsigned int carry_burst(int from, int to);

/* Is it to be answered, in a latency's workload? */
bool frame_is_ping(const unsigned char *frame);

/* --- workloads ----------------------------------------------------------------- */

enum workload_id {
	COPY,
	KERNEL_TO_USER,
	KERNEL_TO_USER_NOQUEUE,
	USER_TO_KERNEL,
	FORWARD,
	TCP,
	NIC_SEND,
	NIC_RECEIVE,
	NIC_FORWARD,
	LATENCY,
	LOADED_LATENCY,
	LOSS,
	NIC_LOSS,
	PAIRS_TO_USER,
	PAIRS_TO_KERNEL,
	NWORKLOADS
};

#define WORKLOAD(id)		(1U << (id))
#define WORKLOADS_TO_USER	(WORKLOAD(KERNEL_TO_USER) | WORKLOAD(KERNEL_TO_USER_NOQUEUE))
#define WORKLOADS_READ		(WORKLOADS_TO_USER | WORKLOAD(NIC_RECEIVE))
#define WORKLOADS_WRITE		(WORKLOAD(USER_TO_KERNEL) | WORKLOAD(NIC_SEND))
#define WORKLOADS_FORWARD	(WORKLOAD(FORWARD) | WORKLOAD(NIC_FORWARD))
#define WORKLOADS_ECHO		(WORKLOAD(LATENCY) | WORKLOAD(LOADED_LATENCY))
#define WORKLOADS_LOSS		(WORKLOAD(LOSS) | WORKLOAD(NIC_LOSS))
#define WORKLOADS_PAIRS		(WORKLOAD(PAIRS_TO_USER) | WORKLOAD(PAIRS_TO_KERNEL))
#define WORKLOADS_NIC		(WORKLOAD(NIC_SEND) | WORKLOAD(NIC_RECEIVE) | \
				 WORKLOAD(NIC_FORWARD) | WORKLOAD(NIC_LOSS))

/* Those that have something to read from, and to write to that is not the same. */
#define WORKLOADS_IN		(WORKLOADS_READ | WORKLOADS_FORWARD | WORKLOADS_ECHO | \
				 WORKLOADS_LOSS | WORKLOAD(TCP) | WORKLOAD(PAIRS_TO_USER))
#define WORKLOADS_OUT		(WORKLOADS_WRITE | WORKLOADS_FORWARD | WORKLOAD(TCP) | \
				 WORKLOAD(PAIRS_TO_KERNEL))

/**
 * struct workload - where frames come from, and where they go
 * @name: as --workload and the baseline have it
 * @title: what the table says of it
 * @unit: what its figures are of; NULL: of the clock, per frame
 * @qdisc: the queueing discipline of the virtual port that is read; NULL: the settings'
 * @reference_peer: whose @reference_path is 100% in the table; or NULL
 */
struct workload {
	const char *name;
	const char *title;
	const char *unit;
	const char *qdisc;
	const char *reference_peer;
	const char *reference_path;
};

extern const struct workload workloads[NWORKLOADS];

/* --- network.c: interfaces, in a network namespace of our own ------------------- */

/* Where a path reads, and where it writes: virtual ports, or a veth and a dummy as NICs. */
#define IN_NAME		"bench-in"
#define OUT_NAME	"bench-out"
/* The other end of the veth pair that IN_NAME is, and a dummy that the source is measured on. */
#define WIRE_NAME	"bench-wire"
#define SINK_NAME	"bench-sink"

/* Go to a namespace of our own, where nothing else sends or listens. */
void network_enter(void);

/*
 * There is a second one, of a host far away: what the calling thread makes between these
 * calls is there. The interface that is moved to it is named as before.
 */
void network_go_far(void);
void network_come_back(void);
void network_move_far(const char *name);

/* Make the interfaces of a NIC's workload that there are without the peer; delete them. */
void network_make_nics(unsigned int workload);
void network_delete_nics(unsigned int workload);

/* Make the interface on which the source is measured alone. */
void network_make_sink(void);

/* Bring an interface up, with room for frames of the burst's length, and wait until it is. */
void network_bring_up(const char *name);

/* Give it an address, such as "10.0.0.1/24". */
void network_set_address(const char *name, const char *address);

/*
 * Have each of an interface's @nqueues queues be under a queueing discipline, as tc(8) names it.
 * Returns NULL, or why that cannot be.
 */
const char *network_set_qdisc(const char *name, const char *qdisc, unsigned int nqueues);

/* Which one its last queue is under. */
void network_get_qdisc(const char *name, char *qdisc, size_t size);

/*
 * A packet socket that sends on an interface: with as much memory as any has, or with room for
 * whole bursts; and one that receives what comes back there as well.
 */
int network_open_sender(const char *name);
int network_open_source(const char *name);
int network_open_pinger(const char *name);

/* --- peers ------------------------------------------------------------------------ */

struct path;
struct peer;

/**
 * struct endpoint - a path while it is measured
 * @path: it
 * @workload: in which one
 * @pair: which queue pair of the port it has; that of 0 is opened first, and makes the port
 * @npairs: how many the port has
 * @in: where frames are read from, if they are
 * @out: where they are written to, if they are
 * @state: the peer's own
 * @back: and of the way from @out to @in, where that is moved as well
 */
struct endpoint {
	const struct path *path;
	enum workload_id workload;
	unsigned int pair, npairs;
	int in, out;
	void *state, *back;
};

static inline bool endpoint_is_of(const struct endpoint *end, unsigned int set)
{
	return WORKLOAD(end->workload) & set;
}

static inline bool endpoint_reads(const struct endpoint *end)
{
	return endpoint_is_of(end, WORKLOADS_IN);
}

static inline bool endpoint_writes(const struct endpoint *end)
{
	return endpoint_is_of(end, WORKLOADS_OUT);
}

/* Are frames that are read from @in written back to it? */
static inline bool endpoint_echoes(const struct endpoint *end)
{
	return endpoint_is_of(end, WORKLOADS_ECHO);
}

/* Are frames moved from @out to @in as well? */
static inline bool endpoint_goes_back(const struct endpoint *end)
{
	return end->workload == TCP;
}

static inline bool endpoint_is_nic(const struct endpoint *end)
{
	return endpoint_is_of(end, WORKLOADS_NIC);
}

/**
 * struct path - a way to move frames
 * @name: the call, or what else it is known by
 * @workloads: those that it can be in, WORKLOAD()s
 * @batch: frames per call
 * @flags: the peer's own, for its open()
 * @move: move a burst, all of it. Where it is not known what comes: wait until something
 *	has, and move what there is of it, up to a batch; of an echo: write back what is a ping.
 *	Returns how many
 * @run: instead of @move: have so many frames moved; returns nanoseconds
 */
struct path {
	const char *name;
	unsigned int workloads;
	unsigned int batch;
	unsigned int flags;
	unsigned int (*move)(struct endpoint *end);
	uint64_t (*run)(struct endpoint *end, unsigned int nframes);
};

/**
 * struct peer - a kind of interface or socket
 * @name: what it is called
 * @paths: its ways to move frames
 * @missing: why it cannot be measured on this machine at all; NULL: it can
 * @open: open what @path of the endpoint needs, in or out or both. Interfaces of NICs are
 *	there and up; others it makes, by the names IN_NAME and OUT_NAME, for as long as it is
 *	open. Returns NULL, or why this cannot be done here; then close() is called as well
 * @close: close what open() has opened; @in and @out that are not -1 are closed behind it
 */
struct peer {
	const char *name;
	const struct path *paths;
	unsigned int npaths;
	const char *(*missing)(void);
	const char *(*open)(struct endpoint *end);
	void (*close)(struct endpoint *end);
};

extern const struct peer peer_frameio, peer_memory, peer_packet, peer_pktgen, peer_tun, peer_xdp;

/* A sentence of errno, for those; good until the next one. */
const char *because(const char *what);

/* --- measure.c -------------------------------------------------------------------- */

#define QDISC_SIZE	16

/**
 * struct result - what a path costs in a workload, per frame
 * @peer: whose
 * @path: which
 * @workload: in which
 * @npairs: by how many queue pairs at once; 1 where that does not matter
 * @nframes: of a loss: how many were sent at a time; or 0
 * @len: bytes of a frame
 * @qdisc: the queueing discipline of the virtual port's interface; empty: there is none
 * @cost: nanoseconds, without those of the source; of an echo, the median; of a stream, per
 *	segment; of a loss, per cent of the frames
 * @p99: of an echo: what 99% do not exceed; or 0
 * @lost: of an echo: how many per cent of the pings were not answered
 * @segment: of a stream: its bytes that a frame has; or 0
 * @source: nanoseconds that the source takes, and that were subtracted
 * @skipped: why there is no @cost; NULL: there is. Ours
 */
struct result {
	const struct peer *peer;
	const struct path *path;
	enum workload_id workload;
	unsigned int npairs;
	unsigned int nframes;
	size_t len;
	char qdisc[QDISC_SIZE];
	double cost;
	double p99;
	double lost;
	unsigned int segment;
	double source;
	char *skipped;
};

/**
 * struct settings - how is measured
 * @nrounds: rounds of each, of which the least counts
 * @nbursts: bursts of a round; 0: as suits their length
 * @peers: pattern of their names
 * @workloads: pattern of their names
 * @qdisc: queueing discipline of virtual ports; NULL: what they have
 * @counts_instructions: the clock counts instructions, not nanoseconds
 */
struct settings {
	unsigned int nrounds;
	unsigned int nbursts;
	const char *peers;
	const char *workloads;
	const char *qdisc;
	bool counts_instructions;
};

/* All results there are, in the order in which they were measured. */
struct results {
	struct result *all;
	size_t n;
};

/* Measure all paths in a workload, with frames of the burst's length, and append the results. */
void measure_workload(const struct settings *settings, enum workload_id workload,
		      struct results *results);

/* Bursts of a round that do not count, and those behind them that do. */
#define WARMUP_BURSTS	8
unsigned int round_bursts(const struct settings *settings);

/* Measure a path once more, as often, and keep the lesser cost. */
void measure_again(const struct settings *settings, struct result *result);

/* Nanoseconds, of the clock that everything is measured by. */
uint64_t now(void);

/* --- latency.c ----------------------------------------------------------------------- */

/* A round of frames that are sent one at a time into an endpoint that echoes. */
void measure_latency(const struct settings *settings, struct endpoint *end,
		     struct result *result);

/* --- stream.c ------------------------------------------------------------------------ */

/* The frames of a stream: those of the burst, or as long as the interface takes them. */
size_t stream_frame_len(void);

/* Put the interfaces of an endpoint that goes both ways between two hosts. */
void stream_set_up(void);

/* A round of a stream of TCP from one of them to the other. */
void measure_stream(const struct settings *settings, struct endpoint *end,
		    struct result *result);

/* --- loss.c -------------------------------------------------------------------------- */

/* How many frames are sent at a time. */
#define NLOSSES		3
extern const unsigned int loss_nframes[NLOSSES];

/* Per cent of the result's frames that are sent at a time, and do not arrive. */
void measure_loss(struct endpoint *end, struct result *result);

/* --- parallel.c ---------------------------------------------------------------------- */

#define NPAIRS_MOST	2

/* Why so many threads cannot have a CPU each; NULL: they can. */
const char *parallel_missing(unsigned int n);

/* Nanoseconds per frame of a round, in which each endpoint moves bursts on a CPU of its own. */
double measure_parallel(const struct settings *settings, struct endpoint *ends, unsigned int n);

/* --- report.c, baseline.c ----------------------------------------------------------- */

/* Tell on standard error which of them were skipped, and why. */
void report_skipped(const struct result *results, size_t n);

/* Print a table of the others, all of one workload and length. */
void report_table(const struct settings *settings, const struct result *results, size_t n);

/* Write them all. */
void report_json(FILE *stream, const struct settings *settings, const struct results *results);

/* Print what of them belongs into a baseline. */
void baseline_print(const struct results *results);

/*
 * Hold them against a baseline. Those that seem too dear are measured again. Returns whether
 * all is well, and has said what is not.
 */
bool baseline_check(const char *file, const struct settings *settings, struct results *results);

#endif
