/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio stat: what ports counted, once or again and again.
 *
 * A row of counters holds either what was counted since the port was made, or what
 * was counted in some seconds; then it is shown as so much per second.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "counters.h"
#include "prometheus.h"
#include "tool.h"

/* The ports, and their counters at about one time. */
struct samples {
	struct link *links;
	struct counters *counters;
	int count;
};

static void free_samples(struct samples *samples)
{
	free(samples->links);
	free(samples->counters);
}

/* A port that goes away meanwhile is left out, unless it is the one that was asked for. */
static void take_samples(const char *name, struct samples *samples)
{
	int count = command_choose_ports("read the counters of", name, &samples->links);
	int i, err;

	samples->counters = calloc(count ? count : 1, sizeof(*samples->counters));
	if (!samples->counters)
		tool_die(TOOL_FAILED, "out of memory");
	samples->count = 0;
	for (i = 0; i < count; i++) {
		err = counters_read(&samples->links[i], &samples->counters[samples->count]);
		if (err && (name || err != -ENODEV))
			tool_die(TOOL_FAILED, "cannot read the counters of port '%s': %s",
				 samples->links[i].name,
				 err == -ENODEV ? "it is gone" : strerror(-err));
		if (!err)
			samples->links[samples->count++] = samples->links[i];
	}
}

/* --- as a table ------------------------------------------------------ */

#define LABEL_WIDTH	22

/* A cell: a number, or so much per second; empty where it means nothing. */
static void print_cell(int width, uint64_t value, double seconds)
{
	char text[24];

	if (seconds)
		tool_amount(text, value / seconds);
	else
		snprintf(text, sizeof(text), "%" PRIu64, value);
	printf(" %*s", width, text);
}

static void print_no_cell(int width)
{
	printf(" %*s", width, "");
}

static void print_per_call(uint64_t frames, uint64_t calls)
{
	if (calls)
		printf(" %8.1f", (double)frames / calls);
	else
		print_no_cell(8);
}

static void print_head(const char *interface, double seconds)
{
	char name[IF_NAMESIZE], label[IF_NAMESIZE + 8];

	snprintf(label, sizeof(label), "%s%s", tool_clean(name, sizeof(name), interface),
		 seconds ? " per s" : "");
	printf("%-*s %11s %11s %13s %11s %8s %8s %8s %8s %8s\n", LABEL_WIDTH, label, "frames in",
	       "frames out", "bytes", "calls", "per call", "stops", "wakes", "drops", "errors");
}

/* How the program moved them: a line for each mode that it used. */
static void print_modes(const struct counters *counters, const uint64_t *row,
			enum counter_side side, double seconds)
{
	const struct counter *counter = counters->counters;
	uint64_t calls;
	unsigned int i;

	for (i = 0; i < counters->ncounters; i++, counter++) {
		if (counter->side != side || counter->family != COUNTER_FRAMES || !row[i])
			continue;
		calls = counters_sum(counters, row, side, COUNTER_CALLS, counter->name);
		printf("    by %-*s", LABEL_WIDTH - 7, counter->name);
		if (side == COUNTER_READ)
			print_no_cell(11);
		print_cell(11, row[i], seconds);
		if (side == COUNTER_WRITE)
			print_no_cell(11);
		print_no_cell(13);
		print_cell(11, calls, seconds);
		print_per_call(row[i], calls);
		putchar('\n');
	}
}

static void print_drops(const struct counters *counters, const uint64_t *row,
			enum counter_side side, double seconds)
{
	const struct counter *counter = counters->counters;
	unsigned int i;

	for (i = 0; i < counters->ncounters; i++, counter++) {
		if (counter->side != side || counter->family != COUNTER_DROPS || !row[i])
			continue;
		printf("    dropped: %-*s%*s", LABEL_WIDTH - 13, counter->name, 77, "");
		print_cell(8, row[i], seconds);
		putchar('\n');
	}
}

/* What went into a queue and out of it: the kernel is at one end, the program at the other. */
static void print_row(const struct counters *counters, const uint64_t *row, const char *label,
		      enum counter_side side, double seconds)
{
	const bool read = side == COUNTER_READ;
	const uint64_t frames = counters_sum(counters, row, side, COUNTER_FRAMES, NULL);
	const uint64_t kernel = counters_sum(counters, row, side, COUNTER_SINGLE,
					     read ? "queued" : "received");
	const uint64_t calls = counters_sum(counters, row, side, COUNTER_CALLS, NULL);

	printf("  %-*s", LABEL_WIDTH - 2, label);
	print_cell(11, read ? kernel : frames, seconds);
	print_cell(11, read ? frames : kernel, seconds);
	print_cell(13, counters_sum(counters, row, side, COUNTER_SINGLE, "bytes"), seconds);
	print_cell(11, calls, seconds);
	print_per_call(frames, calls);
	print_cell(8, counters_sum(counters, row, side, COUNTER_SINGLE, read ? "stops" : "stalls"),
		   seconds);
	if (read)
		print_cell(8, counters_sum(counters, row, side, COUNTER_SINGLE, "wakes"), seconds);
	else
		print_no_cell(8);
	print_cell(8, counters_sum(counters, row, side, COUNTER_DROPS, NULL), seconds);
	print_cell(8, counters_sum(counters, row, side, COUNTER_SINGLE, "errors"), seconds);
	putchar('\n');
	print_modes(counters, row, side, seconds);
	print_drops(counters, row, side, seconds);
}

static void print_rows(const struct counters *counters, const uint64_t *row, const char *name,
		       double seconds)
{
	char label[32];

	snprintf(label, sizeof(label), "%s read", name);
	print_row(counters, row, label, COUNTER_READ, seconds);
	snprintf(label, sizeof(label), "%s write", name);
	print_row(counters, row, label, COUNTER_WRITE, seconds);
}

static void print_table(const struct counters *counters, double seconds)
{
	uint64_t total[COUNTERS_MAX];
	char name[24];
	uint32_t i;

	print_head(counters->interface, seconds);
	for (i = 0; i < counters->nqueues; i++) {
		if (!counters->shown[i])
			continue;
		snprintf(name, sizeof(name), "queue %" PRIu32, i);
		print_rows(counters, counters->values[i], name, seconds);
	}
	counters_total(counters, total);
	print_rows(counters, total, "total", seconds);
}

/* --- as JSON --------------------------------------------------------- */

static struct json_object *double_json(double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3f", value);
	return json_object_new_double_s(value, text);
}

static struct json_object *value_json(uint64_t value, double seconds)
{
	return seconds ? double_json(value / seconds) : json_object_new_uint64(value);
}

/* The object that the counters of a family are in. */
static struct json_object *family_json(struct json_object *side, enum counter_family family)
{
	struct json_object *object;

	if (family == COUNTER_SINGLE)
		return side;
	if (!json_object_object_get_ex(side, counters_family_name(family), &object)) {
		object = json_object_new_object();
		json_put(side, counters_family_name(family), object);
	}
	return object;
}

/* Add the counters of a row, for each of its two queues. */
static void put_row(struct json_object *object, const struct counters *counters,
		    const uint64_t *row, double seconds)
{
	const struct counter *counter = counters->counters;
	struct json_object *sides[] = {
		[COUNTER_READ] = json_object_new_object(),
		[COUNTER_WRITE] = json_object_new_object(),
	};
	unsigned int i;

	for (i = 0; i < counters->ncounters; i++, counter++)
		json_put(family_json(sides[counter->side], counter->family), counter->name,
			 value_json(row[i], seconds));
	json_put(object, "read", sides[COUNTER_READ]);
	json_put(object, "write", sides[COUNTER_WRITE]);
}

static struct json_object *port_json(const struct counters *counters, double seconds)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	struct json_object *row;
	uint64_t total[COUNTERS_MAX];
	uint32_t i;

	json_put_text(object, "name", counters->interface);
	json_put_number(object, "ifindex", counters->ifindex);
	if (seconds)
		json_put(object, "seconds", double_json(seconds));
	for (i = 0; i < counters->nqueues; i++) {
		if (!counters->shown[i])
			continue;
		row = json_object_new_object();
		json_put_number(row, "queue", i);
		put_row(row, counters, counters->values[i], seconds);
		json_object_array_add(array, row);
	}
	json_put(object, "queue_pairs", array);
	counters_total(counters, total);
	row = json_object_new_object();
	put_row(row, counters, total, seconds);
	json_put(object, "total", row);
	return object;
}

/* --- once ------------------------------------------------------------ */

static void print_samples(const struct samples *samples)
{
	struct json_object *array;
	int i;

	if (options.prometheus) {
		prometheus_print(samples->links, samples->counters, samples->count);
	} else if (options.json) {
		array = json_object_new_array();
		for (i = 0; i < samples->count; i++)
			json_object_array_add(array, port_json(&samples->counters[i], 0));
		json_print(array, false);
	} else {
		for (i = 0; i < samples->count; i++)
			print_table(&samples->counters[i], 0);
	}
}

/* --- again and again ------------------------------------------------- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Sleep until then; false if a signal ends the watch, or nobody reads it any more. */
static bool sleep_until(double when, const sigset_t *unblocked)
{
	struct pollfd output = { .fd = STDOUT_FILENO };
	struct timespec rest;
	double left;

	while ((left = when - now()) > 0) {
		rest.tv_sec = left;
		rest.tv_nsec = (left - rest.tv_sec) * 1e9;
		if (ppoll(&output, 1, &rest, unblocked) < 0 && errno != EINTR)
			tool_die(TOOL_FAILED, "cannot wait: %s", strerror(errno));
		if (tool_interrupted() || output.revents & POLLERR)
			return false;
	}
	return !tool_interrupted();
}

static const struct counters *find_port(const struct samples *samples, int ifindex)
{
	int i;

	for (i = 0; i < samples->count; i++)
		if (samples->counters[i].ifindex == ifindex)
			return &samples->counters[i];
	return NULL;
}

/* Print how the counters changed; a port that is new waits for the next time. */
static void print_changes(const struct samples *before, const struct samples *samples)
{
	struct json_object *array = options.json ? json_object_new_array() : NULL;
	const struct counters *last;
	struct json_object *object;
	struct counters since;
	int i;

	for (i = 0; i < samples->count; i++) {
		last = find_port(before, samples->counters[i].ifindex);
		if (!last || !counters_since(last, &samples->counters[i], &since))
			continue;
		if (array)
			json_object_array_add(array, port_json(&since, since.when));
		else
			print_table(&since, since.when);
	}
	if (array) {
		object = json_object_new_object();
		json_put(object, "ports", array);
		json_print(object, true);
	}
}

/* From the upper left corner on, over what was there. */
#define CLEAR	"\033[H\033[J"

static void watch(const char *name)
{
	const sigset_t *unblocked = tool_catch_signals();
	const bool redraw = !options.json && isatty(STDOUT_FILENO);
	struct samples before, samples;
	double next = now();

	take_samples(name, &before);
	while (sleep_until(next += options.interval, unblocked)) {
		take_samples(name, &samples);
		if (redraw)
			printf(CLEAR "every %g s; Ctrl-C ends it\n\n",
			       options.interval);
		print_changes(&before, &samples);
		if (!redraw && !options.json)
			putchar('\n');
		free_samples(&before);
		before = samples;
		if (!tool_flush())
			break;
		/* after a stop, or on a machine that is too slow, no interval is made up for */
		if (next < now())
			next = now();
	}
	free_samples(&before);
}

int command_stat(const char *name)
{
	struct samples samples;

	if (options.interval) {
		watch(name);
		return 0;
	}
	take_samples(name, &samples);
	print_samples(&samples);
	free_samples(&samples);
	return 0;
}
