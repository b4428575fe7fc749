/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "number.h"
#include "object.h"
#include "report.h"

/* --- what the threads counted ---------------------------------------- */

struct totals {
	uint64_t frames, bytes, calls, full, others, skewed, waiting, forgiven;
	double seconds;		/* from the first frame to the last */
	struct measure_loss loss;
};

static struct totals add_up(const struct report *report)
{
	const struct run *run = report->run;
	uint64_t began = UINT64_MAX, ended = 0;
	struct totals totals = { 0 };
	unsigned int i;

	for (i = 0; i < run->io.nthreads; i++) {
		const struct worker *worker = &report->workers[i];

		totals.frames += worker->frames;
		totals.bytes += worker->bytes;
		totals.calls += worker->calls;
		totals.full += worker->full;
		totals.others += worker->others;
		totals.skewed += worker->skewed;
		totals.waiting += worker->waiting;
		if (worker->forgiven > totals.forgiven)
			totals.forgiven = worker->forgiven;
		if (worker->began && worker->began < began)
			began = worker->began;
		if (worker->ended > ended)
			ended = worker->ended;
	}
	/* a clock may have been set back meanwhile */
	if (ended > began)
		totals.seconds = (ended - began) / 1e9;
	if (run->io.receive)
		totals.loss = measure_loss(&report->run->measure);
	return totals;
}

static void add_up_latency(const struct report *report, struct histogram *latency)
{
	unsigned int i;

	histogram_init(latency);
	for (i = 0; i < report->run->io.nthreads; i++)
		histogram_merge(latency, &report->workers[i].latency);
}

static double per_second(double amount, double seconds)
{
	return seconds > 0 ? amount / seconds : 0;
}

static double bits(const struct report *report, uint64_t frames, uint64_t bytes)
{
	return 8.0 * (bytes + (double)frames * report->run->overhead);
}

/* --- intervals ------------------------------------------------------- */

void report_start(struct report *report, struct run *run, struct worker *workers)
{
	*report = (struct report) { .run = run, .workers = workers, .started = tool_now() };
	report->sampled = report->started;
	histogram_init(&report->latency);
}

void report_free(struct report *report)
{
	free(report->samples);
}

static void sample_latency(struct report *report, struct sample *sample)
{
	struct histogram *now = tool_allocate(1, sizeof(*now));
	struct histogram *interval = tool_allocate(1, sizeof(*interval));

	add_up_latency(report, now);
	*interval = *now;
	histogram_subtract(interval, &report->latency);
	report->latency = *now;
	sample->latency_p50 = histogram_percentile(interval, 50);
	sample->latency_p99 = histogram_percentile(interval, 99);
	sample->latency_p999 = histogram_percentile(interval, 99.9);
	sample->latency_most = histogram_percentile(interval, 100);
	free(interval);
	free(now);
}

static void show(const struct report *report, const struct sample *sample)
{
	char frames[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE], total[NUMBER_TEXT_SIZE];
	char p50[NUMBER_TEXT_SIZE], p99[NUMBER_TEXT_SIZE];
	const struct run *run = report->run;
	char more[80] = "";

	if (run->io.receive)
		snprintf(more, sizeof(more), "  lost %s  p50 %s  p99 %s",
			 number_amount(total, sample->lost),
			 number_duration(p50, sample->latency_p50),
			 number_duration(p99, sample->latency_p99));
	else if (sample->full)
		snprintf(more, sizeof(more), "  full %s", number_amount(total, sample->full));
	tool_show_progress("%s %s: %s frames/s  %sbit/s  %s frames%s",
			   run->io.receive ? "rx" : "tx", run->io.port.text,
			   number_amount(frames, per_second(sample->frames, sample->seconds)),
			   number_amount(rate, per_second(bits(report, sample->frames,
							       sample->bytes), sample->seconds)),
			   number_amount(total, report->frames), more);
}

void report_sample(struct report *report, bool on_terminal, bool last)
{
	const struct totals totals = add_up(report);
	const double now = tool_now();
	struct sample *sample;

	if (last && report->nsamples && totals.frames == report->frames)
		return;
	report->samples = tool_grow(report->samples, report->nsamples, sizeof(*sample));
	sample = &report->samples[report->nsamples++];
	*sample = (struct sample) {
		.at = now - report->started,
		.seconds = now - report->sampled,
		.frames = totals.frames - report->frames,
		.bytes = totals.bytes - report->bytes,
		.full = totals.full - report->full,
		.lost = totals.loss.lost,
	};
	report->sampled = now;
	report->frames = totals.frames;
	report->bytes = totals.bytes;
	report->full = totals.full;
	if (report->run->io.receive)
		sample_latency(report, sample);
	if (on_terminal)
		show(report, sample);
}

/* --- the summary ----------------------------------------------------- */

static const double percents[] = { 50, 90, 99, 99.9, 99.99 };

#define NPERCENTS	(sizeof(percents) / sizeof(*percents))

static void print_latency(const struct histogram *latency)
{
	char text[NUMBER_TEXT_SIZE];
	size_t i;

	if (!latency->count)
		return;
	printf("latency    min %s", number_duration(text, latency->least));
	for (i = 0; i < NPERCENTS; i++)
		printf("  p%g %s", percents[i],
		       number_duration(text, histogram_percentile(latency, percents[i])));
	printf("  max %s\n", number_duration(text, latency->most));
}

static void print_loss(const struct totals *totals)
{
	const struct measure_loss *loss = &totals->loss;
	const double expected = (double)loss->distinct + loss->lost;

	printf("streams    %u: %ju lost", loss->nstreams, (uintmax_t)loss->lost);
	if (expected > 0)
		printf(" (%.4g%%)", 100 * loss->lost / expected);
	printf(", %ju duplicates, %ju reordered\n", (uintmax_t)loss->duplicates,
	       (uintmax_t)loss->reordered);
	if (loss->late)
		printf("           %ju came more than %d frames late, and count as lost\n",
		       (uintmax_t)loss->late, STREAM_WINDOW);
	if (loss->untracked)
		printf("           %ju frames of more than %d streams are not followed\n",
		       (uintmax_t)loss->untracked, MEASURE_STREAMS_MAX);
	if (totals->others)
		printf("others     %ju frames that framegen has not made\n",
		       (uintmax_t)totals->others);
	if (totals->skewed)
		printf("clocks     %ju frames came before they were sent: the two hosts' clocks "
		       "differ\n", (uintmax_t)totals->skewed);
}

static void print_threads(const struct report *report)
{
	unsigned int i;

	if (report->run->io.nthreads == 1)
		return;
	for (i = 0; i < report->run->io.nthreads; i++)
		printf("thread %-3u %ju frames in %ju calls\n", i,
		       (uintmax_t)report->workers[i].frames, (uintmax_t)report->workers[i].calls);
}

void report_print(const struct report *report)
{
	const struct totals totals = add_up(report);
	const struct run *run = report->run;
	struct histogram latency;
	char frames[NUMBER_TEXT_SIZE], rate[NUMBER_TEXT_SIZE], bytes[NUMBER_TEXT_SIZE];

	printf("%-10s %ju frames, %sB, in %.3f s\n", run->io.receive ? "received" : "sent",
	       (uintmax_t)totals.frames, number_amount(bytes, totals.bytes), totals.seconds);
	printf("rate       %s frames/s, %sbit/s\n",
	       number_amount(frames, per_second(totals.frames, totals.seconds)),
	       number_amount(rate, per_second(bits(report, totals.frames, totals.bytes),
					      totals.seconds)));
	printf("calls      %ju, %.1f frames each\n", (uintmax_t)totals.calls,
	       totals.calls ? (double)(totals.frames + (run->all ? 0 : totals.others)) /
			      totals.calls : 0.0);
	if (!run->io.receive) {
		if (totals.full)
			printf("full       %ju times that the port had no room\n",
			       (uintmax_t)totals.full);
		if (totals.forgiven)
			printf("schedule   %.3f s behind, which were not made up for\n",
			       totals.forgiven / 1e9);
	} else {
		print_loss(&totals);
		add_up_latency(report, &latency);
		print_latency(&latency);
	}
	print_threads(report);
}

/* --- JSON ------------------------------------------------------------ */

static void add_rates(const struct report *report, struct json_object *object, uint64_t frames,
		      uint64_t bytes, double seconds)
{
	object_add_number(object, "frames", frames);
	object_add_number(object, "bytes", bytes);
	object_add_fraction(object, "seconds", seconds);
	object_add_fraction(object, "frames_per_second", per_second(frames, seconds));
	object_add_fraction(object, "bits_per_second",
			    per_second(bits(report, frames, bytes), seconds));
}

static struct json_object *latency_object(const struct report *report)
{
	struct json_object *object = json_object_new_object();
	struct histogram latency;
	char key[16];
	size_t i;

	add_up_latency(report, &latency);
	object_add_number(object, "count", latency.count);
	object_add_number(object, "min", latency.count ? latency.least : 0);
	object_add_number(object, "mean", latency.count ? latency.sum / latency.count : 0);
	for (i = 0; i < NPERCENTS; i++) {
		snprintf(key, sizeof(key), "p%g", percents[i]);
		object_add_number(object, key, histogram_percentile(&latency, percents[i]));
	}
	object_add_number(object, "max", latency.most);
	return object;
}

static void add_received(const struct report *report, struct json_object *object,
			 const struct totals *totals)
{
	object_add_number(object, "others", totals->others);
	object_add_number(object, "streams", totals->loss.nstreams);
	object_add_number(object, "lost", totals->loss.lost);
	object_add_number(object, "duplicates", totals->loss.duplicates);
	object_add_number(object, "reordered", totals->loss.reordered);
	object_add_number(object, "late", totals->loss.late);
	object_add_number(object, "untracked", totals->loss.untracked);
	object_add_number(object, "skewed", totals->skewed);
	object_add(object, "latency_ns", latency_object(report));
}

static struct json_object *threads_array(const struct report *report)
{
	struct json_object *array = json_object_new_array(), *object;
	unsigned int i;

	for (i = 0; i < report->run->io.nthreads; i++) {
		const struct worker *worker = &report->workers[i];

		object = json_object_new_object();
		if (worker->cpu >= 0)
			object_add_number(object, "cpu", worker->cpu);
		object_add_number(object, "frames", worker->frames);
		object_add_number(object, "bytes", worker->bytes);
		object_add_number(object, "calls", worker->calls);
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *intervals_array(const struct report *report)
{
	struct json_object *array = json_object_new_array(), *object;
	const bool receive = report->run->io.receive;
	const struct sample *sample;

	for (sample = report->samples; sample < report->samples + report->nsamples; sample++) {
		object = json_object_new_object();
		object_add_fraction(object, "at", sample->at);
		add_rates(report, object, sample->frames, sample->bytes, sample->seconds);
		if (receive) {
			object_add_number(object, "lost", sample->lost);
			object_add_number(object, "latency_p50", sample->latency_p50);
			object_add_number(object, "latency_p99", sample->latency_p99);
			object_add_number(object, "latency_p99.9", sample->latency_p999);
		}
		json_object_array_add(array, object);
	}
	return array;
}

void report_print_json(const struct report *report)
{
	struct json_object *object = json_object_new_object();
	const struct totals totals = add_up(report);
	const struct run *run = report->run;

	object_add_text(object, "port", run->io.port.text);
	object_add_text(object, "function", run->io.receive ? "rx" : "tx");
	object_add_text(object, "io", run->io.way->name);
	object_add_number(object, "batch", run->batch);
	add_rates(report, object, totals.frames, totals.bytes, totals.seconds);
	object_add_number(object, "calls", totals.calls);
	if (run->io.receive) {
		add_received(report, object, &totals);
	} else {
		object_add_number(object, "full", totals.full);
		object_add_number(object, "waiting", totals.waiting);
		object_add_fraction(object, "seconds_behind", totals.forgiven / 1e9);
	}
	object_add(object, "threads", threads_array(report));
	object_add(object, "intervals", intervals_array(report));
	object_print(stdout, object, false);
}
