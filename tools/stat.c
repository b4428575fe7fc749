/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio stat: what ports counted, once or again and again.
 *
 * A row of counters holds either what was counted since the port was made, or what
 * was counted in some seconds; then it is shown as so much per second.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "counters.h"
#include "number.h"
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
	char clean[IF_NAMESIZE];
	int i, err;

	samples->counters = tool_allocate(count ? count : 1, sizeof(*samples->counters));
	samples->count = 0;
	for (i = 0; i < count; i++) {
		err = counters_read(&samples->links[i], &samples->counters[samples->count]);
		if (err && (name || err != -ENODEV))
			tool_die(TOOL_FAILED, "cannot read the counters of port '%s': %s",
				 tool_clean(clean, sizeof(clean), samples->links[i].name),
				 err == -ENODEV ? "it is gone" : strerror(-err));
		if (!err)
			samples->links[samples->count++] = samples->links[i];
	}
}

/* --- as a table ------------------------------------------------------ */

enum column {
	COLUMN_IN,
	COLUMN_OUT,
	COLUMN_BYTES,
	COLUMN_CALLS,
	COLUMN_PER_CALL,
	COLUMN_STOPS,
	COLUMN_WAKES,
	COLUMN_DROPS,
	COLUMN_ERRORS,
	NCOLUMNS
};

/* Counts may be long; rates have three digits, so that a line of them fits 80 columns. */
static const struct layout {
	int label_width;
	struct {
		const char *head;
		int width;
	} columns[NCOLUMNS];
} count_layout = {
	.label_width = 22,
	.columns = {
		{ "frames in", 11 }, { "frames out", 11 }, { "bytes", 13 }, { "calls", 11 },
		{ "per call", 8 }, { "stops", 8 }, { "wakes", 8 }, { "drops", 8 }, { "errors", 8 },
	},
}, rate_layout = {
	.label_width = 17,
	.columns = {
		{ "in", 6 }, { "out", 6 }, { "bytes", 6 }, { "calls", 6 }, { "/call", 6 },
		{ "stops", 6 }, { "wakes", 6 }, { "drops", 6 }, { "errors", 6 },
	},
};

/* A line under construction; a cell is empty where it means nothing. */
struct line {
	char label[48];
	char cells[NCOLUMNS][24];
};

/* A number, or so much per second. */
static void put_cell(struct line *line, enum column column, uint64_t value, double seconds)
{
	if (seconds)
		number_amount(line->cells[column], value / seconds);
	else
		snprintf(line->cells[column], sizeof(*line->cells), "%" PRIu64, value);
}

static void put_calls(struct line *line, uint64_t frames, uint64_t calls, double seconds)
{
	put_cell(line, COLUMN_CALLS, calls, seconds);
	if (calls)
		snprintf(line->cells[COLUMN_PER_CALL], sizeof(*line->cells), "%.1f",
			 (double)frames / calls);
}

static void print_line(const struct line *line, double seconds)
{
	const struct layout *layout = seconds ? &rate_layout : &count_layout;
	int last = NCOLUMNS - 1;
	int width = layout->label_width - (int)strlen(line->label);
	int i;

	while (!*line->cells[last])
		last--;
	fputs(line->label, stdout);
	for (i = 0; i <= last; i++) {
		width += 1 + layout->columns[i].width;
		if (!*line->cells[i])
			continue;
		printf("%*s", width, line->cells[i]);
		width = 0;
	}
	putchar('\n');
}

static void print_head(const char *interface, double seconds)
{
	const struct layout *layout = seconds ? &rate_layout : &count_layout;
	char name[IF_NAMESIZE];
	struct line line;
	int i;

	snprintf(line.label, sizeof(line.label), "%s%s", tool_clean(name, sizeof(name), interface),
		 seconds ? "/s" : "");
	for (i = 0; i < NCOLUMNS; i++)
		strcpy(line.cells[i], layout->columns[i].head);
	print_line(&line, seconds);
}

/* How the program moved them, or why they were dropped: a line for each mode or reason. */
static void print_family(const struct counters *counters, const uint64_t *row,
			 enum counter_side side, enum counter_family family, double seconds)
{
	const enum column moved = side == COUNTER_READ ? COLUMN_OUT : COLUMN_IN;
	const struct counter *counter = counters->counters;
	const bool dropped = family == COUNTER_DROPS;
	unsigned int i;

	for (i = 0; i < counters->ncounters; i++, counter++) {
		struct line line = { .label = "" };

		if (counter->side != side || counter->family != family || !row[i])
			continue;
		snprintf(line.label, sizeof(line.label), "    %s %s", dropped ? "dropped:" : "by",
			 counter->name);
		put_cell(&line, dropped ? COLUMN_DROPS : moved, row[i], seconds);
		if (!dropped)
			put_calls(&line, row[i],
				  counters_sum(counters, row, side, COUNTER_CALLS, counter->name),
				  seconds);
		print_line(&line, seconds);
	}
}

/* What went into a queue and out of it: the kernel is at one end, the program at the other. */
static void print_row(const struct counters *counters, const uint64_t *row, const char *label,
		      enum counter_side side, double seconds)
{
	const bool read = side == COUNTER_READ;
	const uint64_t frames = counters_sum(counters, row, side, COUNTER_FRAMES, NULL);
	const struct {
		enum column column;
		enum counter_family family;
		const char *name;
	} cells[] = {
		{ read ? COLUMN_OUT : COLUMN_IN, COUNTER_FRAMES, NULL },
		{ read ? COLUMN_IN : COLUMN_OUT, COUNTER_SINGLE, read ? "queued" : "received" },
		{ COLUMN_BYTES, COUNTER_SINGLE, "bytes" },
		{ COLUMN_STOPS, COUNTER_SINGLE, read ? "stops" : "stalls" },
		{ COLUMN_DROPS, COUNTER_DROPS, NULL },
		{ COLUMN_ERRORS, COUNTER_SINGLE, "errors" },
		{ COLUMN_WAKES, COUNTER_SINGLE, "wakes" },
	};
	struct line line = { .label = "" };
	size_t i;

	snprintf(line.label, sizeof(line.label), "  %s %s", label, counters_side_name(side));
	/* a write queue wakes nobody */
	for (i = 0; i < sizeof(cells) / sizeof(*cells) - !read; i++)
		put_cell(&line, cells[i].column,
			 counters_sum(counters, row, side, cells[i].family, cells[i].name),
			 seconds);
	put_calls(&line, frames, counters_sum(counters, row, side, COUNTER_CALLS, NULL), seconds);
	print_line(&line, seconds);
	print_family(counters, row, side, COUNTER_FRAMES, seconds);
	print_family(counters, row, side, COUNTER_DROPS, seconds);
}

static void print_rows(const struct counters *counters, const uint64_t *row, const char *label,
		       double seconds)
{
	print_row(counters, row, label, COUNTER_READ, seconds);
	print_row(counters, row, label, COUNTER_WRITE, seconds);
}

/* Of rates, the total comes first: a terminal may have no room for the rest. */
static void print_table(const struct counters *counters, double seconds)
{
	uint64_t total[COUNTERS_MAX];
	char label[24];
	uint32_t i;

	print_head(counters->interface, seconds);
	counters_total(counters, total);
	if (seconds)
		print_rows(counters, total, "total", seconds);
	for (i = 0; i < counters->nqueues; i++) {
		if (!counters->shown[i])
			continue;
		snprintf(label, sizeof(label), "queue %" PRIu32, i);
		print_rows(counters, counters->values[i], label, seconds);
	}
	if (!seconds)
		print_rows(counters, total, "total", seconds);
}

/* --- as JSON --------------------------------------------------------- */

static struct json_object *double_json(double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9g", value);
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
		object_add(side, counters_family_name(family), object);
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
		object_add(family_json(sides[counter->side], counter->family), counter->name,
			   value_json(row[i], seconds));
	object_add(object, "read", sides[COUNTER_READ]);
	object_add(object, "write", sides[COUNTER_WRITE]);
}

static struct json_object *port_json(const struct counters *counters, double seconds)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	struct json_object *row;
	uint64_t total[COUNTERS_MAX];
	uint32_t i;

	object_add_text(object, "name", counters->interface);
	object_add_text(object, "kind", show_port_kind(counters->port));
	object_add_number(object, "ifindex", counters->ifindex);
	if (seconds)
		object_add(object, "seconds", double_json(seconds));
	for (i = 0; i < counters->nqueues; i++) {
		if (!counters->shown[i])
			continue;
		row = json_object_new_object();
		object_add_number(row, "queue", i);
		put_row(row, counters, counters->values[i], seconds);
		json_object_array_add(array, row);
	}
	object_add(object, "queue_pairs", array);
	counters_total(counters, total);
	row = json_object_new_object();
	put_row(row, counters, total, seconds);
	object_add(object, "total", row);
	return object;
}

/* --- once ------------------------------------------------------------ */

static void print_samples(const struct samples *samples, bool all)
{
	struct json_object *array;
	int i;

	if (command_options.prometheus) {
		command_get_queues(samples->links, samples->count);
		prometheus_print(samples->links, samples->counters, samples->count, all);
	} else if (command_options.json) {
		array = json_object_new_array();
		for (i = 0; i < samples->count; i++)
			json_object_array_add(array, port_json(&samples->counters[i], 0));
		object_print(stdout, array, false);
	} else {
		for (i = 0; i < samples->count; i++)
			print_table(&samples->counters[i], 0);
	}
}

/* --- again and again ------------------------------------------------- */

/* Sleep until then; false if a signal ends the watch, or nobody reads it any more. */
static bool sleep_until(double when)
{
	bool go_on = true;

	while (go_on && when > tool_now())
		go_on = tool_wait(-1, when);
	return go_on && !tool_interrupted();
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
	struct json_object *array = command_options.json ? json_object_new_array() : NULL;
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
		object_add(object, "ports", array);
		object_print(stdout, object, true);
	}
}

/* From the upper left corner on, over what was there. */
#define CLEAR	"\033[H\033[J"

/* Columns of a line that end before this byte of UTF-8: one for each that begins a character. */
static int count_columns(const char *line, const char *end)
{
	int columns = 0;

	for (; line < end; line++)
		columns += (*line & 0xc0) != 0x80;
	return columns;
}

/* As much of a text as the terminal has room for, and a line for the cursor. */
static void print_window(const char *text)
{
	struct winsize size = { .ws_row = 0 };
	const char *line, *end;
	int row;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	fputs(CLEAR, stdout);
	for (line = text, row = 1; *line && (row < size.ws_row || !size.ws_row); row++) {
		end = strchr(line, '\n');
		while (size.ws_col && count_columns(line, end) > size.ws_col)
			end--;
		printf("%.*s\n", (int)(end - line), line);
		line = strchr(end, '\n') + 1;
	}
}

/* Print what changed into the window, in place of what is there. */
static void redraw(const struct samples *before, const struct samples *samples)
{
	FILE *output = stdout;
	char *text;
	size_t len;

	stdout = open_memstream(&text, &len);
	if (!stdout) {
		stdout = output;
		tool_die(TOOL_FAILED, "out of memory");
	}
	printf("every %g s; Ctrl-C ends it\n\n", command_options.interval);
	print_changes(before, samples);
	fclose(stdout);
	stdout = output;
	print_window(text);
	free(text);
}

static void watch(const char *name)
{
	const bool terminal = !command_options.json && isatty(STDOUT_FILENO);
	struct samples before, samples;
	double next = tool_now();

	tool_catch_signals();
	command_warn_of_no_module();
	take_samples(name, &before);
	while (sleep_until(next += command_options.interval)) {
		take_samples(name, &samples);
		if (terminal)
			redraw(&before, &samples);
		else
			print_changes(&before, &samples);
		if (!terminal && !command_options.json)
			putchar('\n');
		free_samples(&before);
		before = samples;
		if (!tool_flush())
			break;
		/* after a stop, or on a machine that is too slow, no interval is made up for */
		if (next < tool_now())
			next = tool_now();
	}
	free_samples(&before);
}

int command_stat(const char *name)
{
	struct samples samples;

	if (command_options.interval) {
		watch(name);
		return 0;
	}
	take_samples(name, &samples);
	print_samples(&samples, !name);
	free_samples(&samples);
	return 0;
}
