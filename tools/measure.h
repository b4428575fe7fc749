/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What a receiver finds out from the frames' probes: what was lost, doubled and
 * reordered of each stream, and how long the frames took.
 */
#ifndef FRAMEIO_MEASURE_H
#define FRAMEIO_MEASURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

/* --- latency --------------------------------------------------------- */

/*
 * A histogram of nanoseconds, with 64 buckets for each power of two: a bucket is at most
 * 1/64 of its value wide. One thread adds, others may read meanwhile.
 */
#define HISTOGRAM_PRECISION	6
#define HISTOGRAM_VALUE_MAX	((UINT64_C(1) << 42) - 1)	/* more than an hour */
#define HISTOGRAM_BUCKETS	((42 - HISTOGRAM_PRECISION + 1) << HISTOGRAM_PRECISION)

struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
	_Atomic uint64_t count, least, most;
	_Atomic double sum;	/* of days it would be more than 64 bits hold */
};

void histogram_init(struct histogram *histogram);

/* Add a value; a larger one than HISTOGRAM_VALUE_MAX counts as that. */
void histogram_add(struct histogram *histogram, uint64_t value);

/* Add all values of another, of which other threads may add some meanwhile. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* Take away what @before had, of the same histogram; least and most are not known then. */
void histogram_subtract(struct histogram *histogram, const struct histogram *before);

/* The least value that so many percent of all are not above, within a bucket; 0: it is empty. */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

/* --- loss ------------------------------------------------------------ */

/* How far a frame may come behind later ones of its thread and still be known. */
#define STREAM_WINDOW	65536

/* The numbers of a stream that a thread has received lately. */
struct stream_window {
	uint64_t next;		/* the highest, and 1; 0: none yet */
	uint64_t seen[STREAM_WINDOW / 64];	/* of the numbers before next */
};

/*
 * What is lost is known of all threads together, of which one may be behind another by
 * any number of frames; what is late or reordered, of each alone.
 */
struct stream {
	uint64_t first;		/* the lowest sequence number seen */
	uint64_t next;		/* the highest, and 1 */
	uint64_t end;		/* what is lost was before it; UINT64_MAX: no end yet */
	uint64_t distinct;	/* numbers seen, each once */
	uint64_t beyond;	/* of these, not before end */
	uint64_t duplicates, reordered;
	uint64_t late;		/* too far behind to know whether they were duplicates */
	unsigned int nthreads;
	struct stream_window windows[];	/* of each thread */
};

/* Memory for a stream that begins with that number, which is added next; free() it. */
struct stream *stream_new(uint32_t sequence, unsigned int nthreads);

void stream_add(struct stream *stream, unsigned int thread, uint32_t sequence);
uint64_t stream_lost(const struct stream *stream);

#define MEASURE_STREAMS_MAX	1024

/* All streams of a receiver, whichever thread they come to. */
struct measure {
	pthread_mutex_t lock;		/* of all that follows */
	struct stream *streams[65536];	/* by their number; NULL: not seen yet */
	uint16_t numbers[MEASURE_STREAMS_MAX];
	unsigned int nstreams;
	uint64_t untracked;		/* frames of further streams */
	unsigned int nthreads;
	bool is_ending;
};

struct measure_loss {
	unsigned int nstreams;
	uint64_t distinct, lost, duplicates, reordered, late, untracked;
};

/* For so many threads that receive. */
void measure_init(struct measure *measure, unsigned int nthreads);
void measure_free(struct measure *measure);

/* Note some frames that a thread has received. */
void measure_add(struct measure *measure, unsigned int thread, const struct probe *probes,
		 unsigned int n);

/*
 * From here on threads stop, one after the other, when they have received what waits for
 * them. So what is after the last frame yet may be a thread's that has stopped: of several
 * threads it does not tell any more what is lost.
 */
void measure_end(struct measure *measure);

/* The sums over all streams. */
struct measure_loss measure_loss(struct measure *measure);

#endif
