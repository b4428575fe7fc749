/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "worker.h"

#define NS_PER_SECOND	UINT64_C(1000000000)

static void note(_Atomic uint64_t *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static bool is_stopped(const struct run *run)
{
	return atomic_load_explicit(&run->stopped, memory_order_relaxed);
}

void run_stop(struct run *run)
{
	/* before any thread stops for it */
	if (run->io.receive)
		measure_end(&run->measure);
	atomic_store(&run->stopped, true);
	tool_signal_event(run->stop_fd);
}

/*
 * Wait for events on a worker's file, for so many nanoseconds, or until the run is stopped.
 * Return: false if the time is over.
 */
static bool wait_for(const struct worker *worker, short events, double ns)
{
	struct pollfd fds[] = {
		{ .fd = worker->run->stop_fd, .events = POLLIN },
		{ .fd = events ? worker->io.fd : -1, .events = events },
	};
	struct timespec time = { .tv_sec = ns / NS_PER_SECOND };

	time.tv_nsec = ns - (double)time.tv_sec * NS_PER_SECOND;
	return ppoll(fds, 2, ns < 0 ? NULL : &time, NULL);
}

/*
 * When a driver that says nothing is asked again; and how often somebody who waits looks
 * whether the interface is still there and up, of which not every wait hears.
 */
#define RETRY_NS		100000.0
#define RETRY_NS_MAX		1e6
#define LOOK_NS			1e9

/* --- sending --------------------------------------------------------- */

/* When frames leave. */
enum schedule {
	SCHEDULE_NONE,		/* as fast as they are accepted */
	SCHEDULE_RATE,
	SCHEDULE_RECORDED,
};

struct sender {
	struct worker *worker;
	enum schedule schedule;
	struct pace pace;
	struct generator generator;
	struct replay_position position;
	uint64_t left;		/* frames */
	uint64_t start;		/* CLOCK_MONOTONIC; not of SCHEDULE_NONE */
	struct frameio_hdr *made[IO_BATCH_MAX];	/* memory for frames that are generated */
};

static uint64_t sender_count(const struct run *run, unsigned int index)
{
	const uint64_t n = run->count, nthreads = run->io.nthreads;
	uint64_t left = n ? n / nthreads + (index < n % nthreads) : UINT64_MAX;
	uint64_t frames;

	if (run->replay.nframes && run->rounds &&
	    !__builtin_mul_overflow(run->rounds, run->replay.nframes, &frames) && frames < left)
		left = frames;
	return left;
}

static bool sender_init(struct sender *sender, struct worker *worker)
{
	struct run *run = worker->run;
	unsigned int i;

	*sender = (struct sender) {
		.worker = worker,
		.schedule = run->rate.per_second ? SCHEDULE_RATE :
			    run->speed ? SCHEDULE_RECORDED : SCHEDULE_NONE,
		.position = { .replay = &run->replay, .speed = run->speed ? run->speed : 1 },
		.left = sender_count(run, worker->index),
	};
	pace_init(&sender->pace, &run->rate, run->burst, run->overhead, worker->index,
		  run->io.nthreads);
	if (run->replay.nframes)
		return true;
	generator_init(&sender->generator, &run->description, run->stream + worker->index,
		       worker->index);
	for (i = 0; i < run->batch; i++) {
		sender->made[i] = generator_record(&sender->generator);
		if (!sender->made[i])
			return false;
	}
	return true;
}

static void sender_free(struct sender *sender)
{
	unsigned int i;

	for (i = 0; i < IO_BATCH_MAX; i++)
		free(sender->made[i]);
}

static bool sender_ready(const struct sender *sender, double now)
{
	switch (sender->schedule) {
	case SCHEDULE_RATE:
		return pace_ready(&sender->pace, now);
	case SCHEDULE_RECORDED:
		return replay_due(&sender->position) <= now;
	default:
		return true;
	}
}

/* When that will be. */
static double sender_due(const struct sender *sender)
{
	return sender->schedule == SCHEDULE_RATE ? pace_next(&sender->pace) :
						   replay_due(&sender->position);
}

static struct frameio_hdr *sender_frame(struct sender *sender, unsigned int slot, uint64_t time)
{
	struct frameio_hdr *record = sender->made[slot];

	if (!record)
		return replay_next(&sender->position);
	generator_next(&sender->generator, record, time);
	return record;
}

/* Nanoseconds since the start. */
static double sender_now(const struct sender *sender)
{
	return tool_clock(CLOCK_MONOTONIC) - sender->start;
}

/* The frames that are to leave now; 0: the next one is not due yet. */
static unsigned int sender_fill(struct sender *sender, struct frameio_hdr **records)
{
	const unsigned int batch = sender->worker->run->batch;
	const unsigned int most = sender->left < batch ? sender->left : batch;
	const bool scheduled = sender->schedule != SCHEDULE_NONE;
	const double now = scheduled ? sender_now(sender) : 0;
	uint64_t time = 0;
	unsigned int n;

	if (sender->schedule == SCHEDULE_RATE)
		pace_begin(&sender->pace, now);
	for (n = 0; n < most && sender_ready(sender, now); n++) {
		/* the clock is read once for a batch */
		if (!n)
			time = tool_clock(CLOCK_REALTIME);
		records[n] = sender_frame(sender, n, time);
		if (sender->schedule == SCHEDULE_RATE)
			pace_charge(&sender->pace, records[n]->len);
	}
	if (scheduled && !n)
		wait_for(sender->worker, 0, sender_due(sender) - now);
	return n;
}

static void count_sent(struct worker *worker, struct frameio_hdr **records, unsigned int n)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		bytes += records[i]->len;
	tool_count(&worker->frames, n);
	tool_count(&worker->bytes, bytes);
	tool_count(&worker->calls, 1);
}

/* After a write that was not accepted: wait until it may be. Return: false if it never is. */
static bool wait_for_room(struct worker *worker, int error)
{
	switch (error) {
	case EINTR:
		return true;
	case EAGAIN:
		tool_count(&worker->full, 1);
		wait_for(worker, POLLOUT, LOOK_NS);
		return true;
	case ENOBUFS:
	case ENOMEM:
		tool_count(&worker->full, 1);
		wait_for(worker, 0, RETRY_NS);
		return true;
	case ENETDOWN:
		/* a cable may come back, but who has set it down means it */
		if (!io_is_up(worker->io.config))
			return false;
		wait_for(worker, POLLOUT, LOOK_NS);
		return true;
	default:
		return false;
	}
}

/* Until all are accepted. Return: false if it is stopped, or cannot go on. */
static bool send_batch(struct worker *worker, struct frameio_hdr **records, unsigned int n)
{
	struct io *io = &worker->io;
	unsigned int done = 0;
	int ret;

	while (done < n) {
		ret = io->config->way->write(io, records + done, n - done);
		if (ret > 0) {
			count_sent(worker, records + done, ret);
			done += ret;
		} else if (!wait_for_room(worker, -ret)) {
			worker->error = -ret;
			return false;
		} else if (is_stopped(worker->run)) {
			return false;
		}
	}
	return true;
}

/* Pause before the queue is looked at again, longer each time; nobody tells when it is empty. */
static void pause_departure(struct worker *worker, double *ns)
{
	if (is_stopped(worker->run))
		nanosleep(&(struct timespec){ .tv_nsec = *ns }, NULL);
	else
		wait_for(worker, 0, *ns);
	*ns = *ns < RETRY_NS_MAX / 2 ? 2 * *ns : RETRY_NS_MAX;
}

/*
 * What was accepted leaves before the port is closed, which would drop it on a port that
 * goes then. Who is told to stop waits for a second at most, and nobody for an interface
 * that was set down. Return: 0, or an error: nothing leaves any more.
 */
static int wait_for_departure(struct worker *worker)
{
	double pause = RETRY_NS, looked = worker->error ? 0 : tool_now(), end = 0;
	int waiting;

	while ((waiting = io_waiting(&worker->io)) > 0) {
		worker->waiting = waiting;
		if (tool_now() >= looked + 1) {
			looked = tool_now();
			if (!io_is_up(worker->io.config))
				return ENETDOWN;
		}
		if (!end && is_stopped(worker->run))
			end = tool_now() + 1;
		if (end && tool_now() >= end)
			return 0;
		pause_departure(worker, &pause);
	}
	/* with the port what waited there has gone, and stays what was known of it */
	if (waiting < 0)
		return -waiting;
	worker->waiting = 0;
	return 0;
}

static void send_frames(struct worker *worker)
{
	struct frameio_hdr *records[IO_BATCH_MAX];
	struct sender sender;
	bool good = true;
	unsigned int n;
	int error;

	if (!sender_init(&sender, worker)) {
		worker->error = ENOMEM;
		sender_free(&sender);
		return;
	}
	sender.start = tool_clock(CLOCK_MONOTONIC);
	note(&worker->began, sender.start);
	while (good && sender.left && !is_stopped(worker->run)) {
		n = sender_fill(&sender, records);
		sender.left -= n;
		good = !n || send_batch(worker, records, n);
		note(&worker->forgiven, sender.pace.forgiven);
	}
	error = wait_for_departure(worker);
	if (!worker->error)
		worker->error = error;
	note(&worker->ended, tool_clock(CLOCK_MONOTONIC));
	sender_free(&sender);
}

/* --- receiving ------------------------------------------------------- */

struct receiver {
	struct worker *worker;
	size_t payload;		/* where it was in the last frame that had a probe */
	struct probe probes[IO_BATCH_MAX];
	unsigned int nprobes;
	struct frameio_hdr *memory[IO_BATCH_MAX];	/* to read into, */
	struct frameio_hdr *records[IO_BATCH_MAX];	/* and what was read */
};

static bool receiver_init(struct receiver *receiver, struct worker *worker)
{
	struct frameio_hdr **records = receiver->memory;
	unsigned int i;

	*receiver = (struct receiver) { .worker = worker };
	for (i = 0; i < worker->run->batch; i++) {
		records[i] = calloc(1, sizeof(**records) + worker->io.frame_max);
		if (!records[i])
			return false;
	}
	return true;
}

static void receiver_free(struct receiver *receiver)
{
	unsigned int i;

	for (i = 0; i < IO_BATCH_MAX; i++)
		free(receiver->memory[i]);
}

static bool find_probe(struct receiver *receiver, const struct frameio_hdr *record,
		       struct probe *probe)
{
	const unsigned char *frame = (const unsigned char *)(record + 1);
	const struct io *io = &receiver->worker->io;
	const uint32_t len = record->len;

	if (len >= receiver->payload &&
	    probe_read(probe, frame + receiver->payload, len - receiver->payload))
		return true;
	if (io->payload_only)
		return false;
	receiver->payload = probe_payload(frame, len, io->config->interface.ethernet);
	return receiver->payload && len >= receiver->payload &&
	       probe_read(probe, frame + receiver->payload, len - receiver->payload);
}

static void note_latency(struct worker *worker, uint64_t sent, uint64_t now)
{
	if (now >= sent)
		histogram_add(&worker->latency, now - sent);
	else
		tool_count(&worker->skewed, 1);
}

/* Count a batch. Return: the frames of it that count. */
static unsigned int receiver_take(struct receiver *receiver, unsigned int n, uint64_t now)
{
	struct worker *worker = receiver->worker;
	unsigned int taken = 0, i;
	uint64_t bytes = 0;

	receiver->nprobes = 0;
	for (i = 0; i < n; i++) {
		const struct frameio_hdr *record = receiver->records[i];
		struct probe *probe = &receiver->probes[receiver->nprobes];
		const bool ours = find_probe(receiver, record, probe);

		if (ours) {
			note_latency(worker, probe->time, now);
			receiver->nprobes++;
		} else {
			tool_count(&worker->others, 1);
		}
		if (ours || worker->run->all) {
			bytes += record->wirelen;
			taken++;
		}
	}
	if (receiver->nprobes)
		measure_add(&worker->run->measure, worker->index, receiver->probes,
			    receiver->nprobes);
	tool_count(&worker->frames, taken);
	tool_count(&worker->bytes, bytes);
	tool_count(&worker->calls, !worker->io.same_call);
	return taken;
}

/*
 * How many frames to ask for, so that there are no more than were asked for of us. But of
 * several threads each takes what waits for it in the end, too: what one of them has left
 * would be missing among what the others have received.
 */
static unsigned int receiver_most(const struct run *run)
{
	const uint64_t received = atomic_load(&run->received);

	if (!run->count || (run->io.nthreads > 1 && is_stopped(run)))
		return run->batch;
	if (received >= run->count)
		return 0;
	return run->count - received < run->batch ? run->count - received : run->batch;
}

/* When it is stopped: the frames that are read, of those that wait, to have them all counted. */
#define LAST_FRAMES	(2 * FRAMEIO_LIMIT_MAX)

/* Read a batch, or wait for one. Return: how many frames were read, or an error. */
static int receive_batch(struct receiver *receiver, unsigned int most)
{
	struct worker *worker = receiver->worker;
	unsigned int taken;
	uint64_t now;
	int n;

	memcpy(receiver->records, receiver->memory, sizeof(receiver->memory));
	n = worker->io.config->way->read(&worker->io, receiver->records, most);
	if (n <= 0)
		return n;
	now = tool_clock(CLOCK_REALTIME);
	taken = receiver_take(receiver, n, now);
	if (worker->run->count)
		atomic_fetch_add(&worker->run->received, taken);
	now = tool_clock(CLOCK_MONOTONIC);
	if (taken && !worker->began)
		note(&worker->began, now);
	if (taken)
		note(&worker->ended, now);
	return n;
}

/*
 * Nothing waits. A port's file hears of its end; a socket does not, or hears that the
 * interface is down, which may come up again. Return: 0, or an error: it is gone.
 */
static int wait_for_frames(struct worker *worker, bool is_down)
{
	const double ns = worker->io.qp ? -1 : LOOK_NS;

	if ((!is_down && wait_for(worker, POLLIN, ns)) || !io_is_gone(worker->io.config))
		return 0;
	return ENODEV;
}

static void receive_frames(struct worker *worker)
{
	struct receiver receiver;
	unsigned int most, last = 0;
	bool stopped;
	int n;

	if (!receiver_init(&receiver, worker))
		worker->error = ENOMEM;
	while (!worker->error && last < LAST_FRAMES) {
		stopped = is_stopped(worker->run);
		most = receiver_most(worker->run);
		if (!most) {
			run_stop(worker->run);
			if (worker->run->io.nthreads == 1)
				break;
			continue;
		}
		n = receive_batch(&receiver, most);
		if (n > 0)
			last += stopped ? most : 0;
		else if ((n == -EAGAIN || n == -ENETDOWN) && stopped)
			break;
		else if (n == -EAGAIN || n == -ENETDOWN)
			worker->error = wait_for_frames(worker, n == -ENETDOWN);
		else if (n != -EINTR)
			worker->error = -n;
	}
	receiver_free(&receiver);
}

/* --- life ------------------------------------------------------------ */

static void *worker_run(void *argument)
{
	struct worker *worker = argument;

	/* so that a wait ends when it should: the default is 50 us later */
	prctl(PR_SET_TIMERSLACK, 1);
	if (worker->run->io.receive)
		receive_frames(worker);
	else
		send_frames(worker);
	/* what one has received counts for all; what one cannot do the others need not */
	if (worker->error || worker->run->io.receive)
		run_stop(worker->run);
	tool_signal_event(worker->run->end_fd);
	return NULL;
}

void worker_start(struct worker *worker)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int err;

	pthread_attr_init(&attributes);
	CPU_ZERO(&cpus);
	if (worker->cpu >= 0) {
		CPU_SET(worker->cpu, &cpus);
		pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	err = pthread_create(&worker->thread, &attributes, worker_run, worker);
	pthread_attr_destroy(&attributes);
	if (err && worker->cpu < 0)
		tool_die(TOOL_FAILED, "cannot start thread %u: %s", worker->index, strerror(err));
	if (err)
		tool_die(TOOL_FAILED, "cannot start thread %u on CPU %d: %s", worker->index,
			 worker->cpu, err == EINVAL ? "there is none, or this process may not "
			 "use it: 'taskset -p $$' tells which" : strerror(err));
}
