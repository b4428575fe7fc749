/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio stat --prometheus: the text format that node_exporter's textfile collector
 * takes. All samples of a metric follow one another, under its HELP and TYPE.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "prometheus.h"
#include "tool.h"

/* What the counters mean that this version knows; others get a line as well. */
static const struct {
	const char *metric;
	const char *help;
} helps[] = {
	{ "read_queued", "Frames that the kernel put into the read queue." },
	{ "read_queued_bytes", "Bytes of the frames that the kernel put into the read queue." },
	{ "read_stops", "Times that a full read queue stopped the transmit queue." },
	{ "read_wakes", "Times that the transmit queue was started again." },
	{ "read_drops", "Frames to be read that were dropped, by reason." },
	{ "read_frames", "Frames that were read, by the mode of the call." },
	{ "read_calls", "Calls that read at least one frame, by their mode." },
	{ "read_bytes", "Bytes of the frames that were read." },
	{ "read_errors", "Frames that could not be copied out." },
	{ "write_frames", "Frames that were written, by the mode of the call." },
	{ "write_calls", "Calls that wrote at least one frame, by their mode." },
	{ "write_bytes", "Bytes of the frames that were written." },
	{ "write_errors", "Records that were refused." },
	{ "write_stalls", "Times that a writer met a full write queue." },
	{ "write_received", "Frames that the kernel received from the write queue." },
	{ "write_received_bytes", "Bytes of the frames that the kernel received." },
	{ "write_drops", "Written frames that were dropped, by reason." },
};

/* A label's value, in quotes, where an interface's name may have characters that end them. */
static void print_label(const char *name, const char *value)
{
	char *text = tool_utf8(value);
	const char *c;

	printf("%s=\"", name);
	for (c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			printf("\\\\x%02x", *c);
		else
			printf("%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
	putchar('"');
	free(text);
}

static void print_head(const char *metric, const char *suffix, const char *help, const char *type)
{
	printf("# HELP frameio_%s%s %s\n# TYPE frameio_%s%s %s\n", metric, suffix, help, metric,
	       suffix, type);
}

static void print_sample(const char *metric, const char *suffix, const char *interface)
{
	printf("frameio_%s%s{", metric, suffix);
	if (command_options.netns) {
		print_label("netns", command_options.netns);
		putchar(',');
	}
	print_label("interface", interface);
}

/* --- counters -------------------------------------------------------- */

static const char *help_of(const char *metric)
{
	size_t i;

	for (i = 0; i < sizeof(helps) / sizeof(*helps); i++)
		if (!strcmp(helps[i].metric, metric))
			return helps[i].help;
	return "See frameio(8).";
}

/* "read_frames": the counters of a family are one metric. */
static void metric_name(char *to, size_t size, const struct counter *counter)
{
	snprintf(to, size, "%s_%s", counters_side_name(counter->side),
		 counter->family == COUNTER_SINGLE ? counter->name :
						     counters_family_name(counter->family));
}

static bool is_metric(const struct counter *counter, const char *metric)
{
	char name[COUNTERS_NAME_SIZE + 8];

	metric_name(name, sizeof(name), counter);
	return !strcmp(name, metric);
}

static void print_counter(const struct counters *counters, unsigned int which, const char *metric)
{
	const struct counter *counter = &counters->counters[which];
	uint32_t queue;

	for (queue = 0; queue < counters->nqueues; queue++) {
		if (!counters->shown[queue])
			continue;
		print_sample(metric, "_total", counters->interface);
		printf(",queue=\"%" PRIu32 "\"", queue);
		if (counter->family != COUNTER_SINGLE) {
			putchar(',');
			print_label(counter->family == COUNTER_DROPS ? "reason" : "mode",
				    counter->name);
		}
		printf("} %" PRIu64 "\n", counters->values[queue][which]);
	}
}

static void print_metric(const struct counters *counters, int count, const char *metric)
{
	unsigned int i;
	int port;

	print_head(metric, "_total", help_of(metric), "counter");
	for (port = 0; port < count; port++)
		for (i = 0; i < counters[port].ncounters; i++)
			if (is_metric(&counters[port].counters[i], metric))
				print_counter(&counters[port], i, metric);
}

/*
 * Every port has the same metrics, as one module makes them, if not the same reasons to
 * drop frames.
 */
static void print_counters(const struct counters *counters, int count)
{
	char metric[COUNTERS_NAME_SIZE + 8];
	unsigned int i, j;

	for (i = 0; i < counters->ncounters; i++) {
		metric_name(metric, sizeof(metric), &counters->counters[i]);
		for (j = 0; j < i && !is_metric(&counters->counters[j], metric); j++)
			;
		if (j == i)
			print_metric(counters, count, metric);
	}
}

/* --- what ports are -------------------------------------------------- */

#define MEMBER(type, member)	offsetof(struct type, member), sizeof(((struct type *)NULL)->member)

static const struct gauge {
	const char *metric;
	const char *help;
	size_t offset, size;	/* of a bool or a uint32_t, in struct link or link_queue */
} port_gauges[] = {
	{ "up", "Whether the interface is up.", MEMBER(link, up) },
	{ "carrier", "Whether the interface has a carrier.", MEMBER(link, carrier) },
	{ NULL, NULL, 0, 0 }
}, queue_gauges[] = {
	{ "queue_open", "Whether a file is bound to the queue pair.", MEMBER(link_queue, open) },
	{ "read_queue_frames", "Frames in the read queue.", MEMBER(link_queue, read_len) },
	{ "read_queue_limit_frames", "Frames that the read queue holds.",
	  MEMBER(link_queue, read_limit) },
	{ "read_queue_bytes", "Bytes of memory in use in the read queue, or ring.",
	  MEMBER(link_queue, read_used) },
	{ "read_queue_limit_bytes", "Bytes of memory that the read queue, or ring, holds.",
	  MEMBER(link_queue, read_bytes) },
	{ "write_queue_frames", "Frames in the write queue.", MEMBER(link_queue, write_len) },
	{ "write_queue_limit_frames", "Frames that the write queue holds.",
	  MEMBER(link_queue, write_limit) },
	{ "write_queue_bytes", "Bytes of memory in use in the write queue, or ring.",
	  MEMBER(link_queue, write_used) },
	{ "write_queue_limit_bytes", "Bytes of memory that the write queue, or ring, holds.",
	  MEMBER(link_queue, write_bytes) },
	{ NULL, NULL, 0, 0 }
};

static uint32_t value_of(const struct gauge *gauge, const void *of)
{
	const char *at = (const char *)of + gauge->offset;

	return gauge->size == sizeof(bool) ? *(const bool *)at : *(const uint32_t *)at;
}

static void print_port_gauge(const struct gauge *gauge, const struct link *links, int count)
{
	int port;

	print_head(gauge->metric, "", gauge->help, "gauge");
	for (port = 0; port < count; port++) {
		print_sample(gauge->metric, "", links[port].name);
		printf("} %" PRIu32 "\n", value_of(gauge, &links[port]));
	}
}

static void print_queue_gauge(const struct gauge *gauge, const struct link *links, int count)
{
	const struct link_queue *queue;
	unsigned int i;
	int port;

	print_head(gauge->metric, "", gauge->help, "gauge");
	for (port = 0; port < count; port++)
		for (i = 0; i < links[port].nrows; i++) {
			queue = &links[port].queues[i];
			print_sample(gauge->metric, "", links[port].name);
			printf(",queue=\"%" PRIu32 "\"} %" PRIu32 "\n", queue->index,
			       value_of(gauge, queue));
		}
}

/* Of all ports together: where there is none, too, which somebody may want to hear of. */
static void print_gauge_of_all(const char *metric, const char *help, unsigned int value)
{
	print_head(metric, "", help, "gauge");
	printf("frameio_%s", metric);
	if (command_options.netns) {
		putchar('{');
		print_label("netns", command_options.netns);
		putchar('}');
	}
	printf(" %u\n", value);
}

void prometheus_print(const struct link *links, const struct counters *counters, int count,
		      bool all)
{
	const struct gauge *gauge;

	/* in a file for each port they would be there twice */
	if (all) {
		print_gauge_of_all("module_loaded", "Whether the module frameio is loaded.",
				   command_module_is_loaded());
		print_gauge_of_all("ports", "Ports of the network namespace.", count);
	}
	if (!count)
		return;
	print_counters(counters, count);
	for (gauge = port_gauges; gauge->metric; gauge++)
		print_port_gauge(gauge, links, count);
	for (gauge = queue_gauges; gauge->metric; gauge++)
		print_queue_gauge(gauge, links, count);
}
