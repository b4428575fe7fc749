/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What a run tells: a line now and then, a summary or JSON, and a plot.
 */
#ifndef FRAMEIO_REPORT_H
#define FRAMEIO_REPORT_H

#include <stdbool.h>

#include "worker.h"

/* Over an interval. */
struct sample {
	double at;		/* its end, in seconds since the start */
	double seconds;
	uint64_t frames, bytes;
	uint64_t full;
	uint64_t lost;		/* can be less than in the interval before: then they came late */
	uint64_t latency_p50, latency_p99, latency_p999, latency_most;
};

struct report {
	struct run *run;
	struct worker *workers;
	double started;		/* of tool_now() */
	struct sample *samples;
	size_t nsamples;
	/* as the last sample found them */
	double sampled;
	uint64_t frames, bytes, full;
	struct histogram latency;
};

void report_start(struct report *report, struct run *run, struct worker *workers);
void report_free(struct report *report);

/*
 * End an interval, and with @on_terminal print a line in place of the one before. The last
 * is none if nothing was in it.
 */
void report_sample(struct report *report, bool on_terminal, bool last);

/* When all is over. */
void report_print(const struct report *report);
void report_print_json(const struct report *report);

/* Can it be made later? Exits with a sentence if not. */
void report_require_plot(const char *path);

/* Return: false if it cannot; that has been told. */
bool report_plot(const struct report *report, const char *path);

#endif
