/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The threads that send and receive, each through a queue pair or socket of its own.
 */
#ifndef FRAMEIO_WORKER_H
#define FRAMEIO_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "generate.h"
#include "io.h"
#include "measure.h"
#include "pace.h"
#include "replay.h"

#define NTHREADS_MAX	FRAMEIO_NQUEUES_MAX

/* What is to be done, which does not change while it is; then what all threads share. */
struct run {
	struct io_config io;
	struct description description;
	struct replay replay;		/* no frames: they are generated */
	double speed;			/* of a replay, as a factor; 0: there is a rate, or none */
	uint64_t rounds;		/* of a replay; 0: no end */
	struct rate rate;
	uint32_t burst;
	uint32_t overhead;		/* of a frame in bits a second, besides its bytes */
	unsigned int batch;
	uint64_t count;			/* frames of all threads; 0: no end */
	bool all;			/* count what is not framegen's own, too */

	uint16_t stream;		/* of the first thread's frames; each thread has its own */
	_Atomic bool stopped;
	int stop_fd;			/* can be read when it is stopped */
	int end_fd;			/* an eventfd, which threads that have ended add 1 to */
	_Atomic uint64_t received;	/* frames of all threads, when there is a count */
	struct measure measure;
};

/* Counters are the thread's own, and may be read meanwhile. */
struct worker {
	struct run *run;
	struct io io;
	unsigned int index;
	int cpu;			/* to keep to; -1: any */
	pthread_t thread;
	_Atomic uint64_t frames, bytes, calls;
	_Atomic uint64_t full;		/* times that nothing was accepted, for want of room */
	_Atomic uint64_t others;	/* frames received that have no probe */
	_Atomic uint64_t skewed;	/* frames that arrived before they were sent */
	_Atomic uint64_t forgiven;	/* nanoseconds that the schedule was given up for */
	/* nanoseconds of CLOCK_MONOTONIC: the first and the last frame; 0: there was none */
	_Atomic uint64_t began, ended;
	struct histogram latency;
	_Atomic unsigned int waiting;	/* in the end: frames accepted that have not left */
	int error;			/* once it has ended */
};

/* Start the thread; exits with a sentence if that cannot be. */
void worker_start(struct worker *worker);

/* Have all end soon; they are still to be waited for with pthread_join(). */
void run_stop(struct run *run);

#endif
