/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framecap - write what arrives at ports to files of captures.
 *
 * The threads of capture.c read; this one writes, by way of output.c, and knows when
 * to end.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "number.h"
#include "object.h"
#include "output.h"
#include "tool.h"

#define FILES_MAX	100000

static struct {
	const char *ports[SAVEFILE_INTERFACES_MAX];
	unsigned int nports;
	bool has_format;
	uint64_t count;		/* 0: no limit */
	double seconds;		/* 0: no limit */
	bool quiet, json;
} options;

static struct capture_config config = {
	.snaplen = SAVEFILE_SNAPLEN_MAX,
	.promiscuous = true,
};
static struct output output;
static struct capture capture;

static void usage(void)
{
	puts("usage: framecap -i PORT [OPTION...] [EXPRESSION]\n"
	     "\n"
	     "Capture the frames that arrive at a frameio port, or at an Ethernet interface,\n"
	     "which is a port for as long. A PORT is an interface's name, or NETNS:NAME for one\n"
	     "in another network namespace. EXPRESSION is a filter, see pcap-filter(7). Ends\n"
	     "with a table of what was captured and dropped on Ctrl-C, or when the ports go.\n"
	     "\n"
	     "  -i, --interface PORT          capture there; may be given several times\n"
	     "  -w, --write FILE              write to FILE; '-' is standard output, for a pipe\n"
	     "  -F, --format pcap|pcapng      (default: pcapng, or pcap if FILE ends so)\n"
	     "  -s, --snapshot-length BYTES   keep so many of each frame (default: 262144)\n"
	     "  -c, --count FRAMES            end after so many\n"
	     "      --time SECONDS            end after so long\n"
	     "  -C, --file-size SIZE          write a row of files, of so many millions of bytes\n"
	     "                                each, or with K, M or G\n"
	     "  -G, --file-time SECONDS       write a row of files, for so long each\n"
	     "  -W, --files FILES             of a row, keep the last so many\n"
	     "      --take                    of an Ethernet interface: take the frames from\n"
	     "                                the protocol stack, instead of copying them\n"
	     "      --io WAY                  how frames are read: frameio, by its ioctl (default),\n"
	     "                                packed, in rows by read, or ring, from memory\n"
	     "                                shared with the kernel\n"
	     "  -p, --no-promiscuous          not what an Ethernet interface would not receive\n"
	     "      --threads N               use at most so many queue pairs of each port, with\n"
	     "                                a thread for each (default: those that are free)\n"
	     "  -B, --buffer-size SIZE        memory of each read queue, in KiB or with K, M, G\n"
	     "  -j, --json                    print the table as JSON\n"
	     "  -q, --quiet                   show no progress\n"
	     "  -h, --help                    print this\n"
	     "  -V, --version                 print the version\n"
	     "\n"
	     "framecap(1) tells the rest, with examples. To see frames at once, decoded:\n"
	     "framecap -i PORT -w - | tcpdump -r -");
}

/* --- options ------------------------------------------------------ */

static uint64_t parse_size(const char *option, const char *text, uint64_t unit, uint64_t most)
{
	const char *end = text;
	uint64_t bytes;

	if (!number_parse_size(&end, unit, most, &bytes) || *end || !bytes)
		tool_misused("%s takes a size such as 10 or 10M, of up to %" PRIu64
			     " bytes, not '%s'", option, most, text);
	return bytes;
}

static void add_port(const char *text)
{
	unsigned int i;

	for (i = 0; i < options.nports; i++) {
		if (!strcmp(options.ports[i], text))
			tool_misused("port '%s' is given twice", text);
	}
	if (options.nports == SAVEFILE_INTERFACES_MAX)
		tool_misused("takes up to %d ports", SAVEFILE_INTERFACES_MAX);
	options.ports[options.nports++] = text;
}

static void parse_format(const char *text)
{
	options.has_format = true;
	if (!strcmp(text, "pcap"))
		output.savefile.format = SAVEFILE_PCAP;
	else if (!strcmp(text, "pcapng"))
		output.savefile.format = SAVEFILE_PCAPNG;
	else
		tool_misused("--format takes pcap or pcapng, not '%s'", text);
}

enum {
	OPTION_IO = 256,
	OPTION_TAKE,
	OPTION_THREADS,
	OPTION_TIME,
};

static const struct option long_options[] = {
	{ "buffer-size", required_argument, NULL, 'B' },
	{ "count", required_argument, NULL, 'c' },
	{ "file-size", required_argument, NULL, 'C' },
	{ "file-time", required_argument, NULL, 'G' },
	{ "files", required_argument, NULL, 'W' },
	{ "format", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ "interface", required_argument, NULL, 'i' },
	{ "io", required_argument, NULL, OPTION_IO },
	{ "json", no_argument, NULL, 'j' },
	{ "no-promiscuous", no_argument, NULL, 'p' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "snapshot-length", required_argument, NULL, 's' },
	{ "take", no_argument, NULL, OPTION_TAKE },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "time", required_argument, NULL, OPTION_TIME },
	{ "version", no_argument, NULL, 'V' },
	{ "write", required_argument, NULL, 'w' },
	{ 0 }
};

static void parse_option(int option)
{
	switch (option) {
	case 'B':
		config.read_bytes = parse_size("--buffer-size", optarg, 1024, FRAMEIO_BYTES_MAX);
		break;
	case 'c':
		options.count = number_option("--count", optarg, 1, UINT64_MAX);
		break;
	case 'C':
		output.size = parse_size("--file-size", optarg, 1000000, INT64_MAX);
		break;
	case 'F':
		parse_format(optarg);
		break;
	case 'G':
		output.seconds = number_option_seconds("--file-time", optarg, 1e9);
		break;
	case 'i':
		add_port(optarg);
		break;
	case 'j':
		options.json = true;
		break;
	case 'p':
		config.promiscuous = false;
		break;
	case 'q':
		options.quiet = true;
		break;
	case 's':
		config.snaplen = number_option("--snapshot-length", optarg, 0, SAVEFILE_SNAPLEN_MAX);
		if (!config.snaplen)
			config.snaplen = SAVEFILE_SNAPLEN_MAX;
		break;
	case 'w':
		output.path = optarg;
		break;
	case 'W':
		output.keep = number_option("--files", optarg, 1, FILES_MAX);
		break;
	case OPTION_IO:
		config.way = transfer_parse_way(optarg);
		break;
	case OPTION_TAKE:
		config.take = true;
		break;
	case OPTION_THREADS:
		config.nthreads = number_option("--threads", optarg, 1, FRAMEIO_NQUEUES_MAX);
		break;
	case OPTION_TIME:
		options.seconds = number_option_seconds("--time", optarg, 1e9);
		break;
	default:
		tool_take_option(option, usage);
	}
}

/* The words of the expression, as one. */
static char *join(char *const *words)
{
	size_t len = 0;
	char *text;
	int i;

	for (i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	text = tool_allocate(len + 1, 1);
	for (i = 0, len = 0; words[i]; i++)
		len += sprintf(text + len, "%s%s", i ? " " : "", words[i]);
	return text;
}

static bool ends_with(const char *text, const char *end)
{
	const size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

static bool writes_to_pipe(void)
{
	return output.path && !strcmp(output.path, "-");
}

/* Options that exclude or need each other. */
static void check_options(void)
{
	const bool row = output.size || output.seconds;

	if (!options.nports)
		tool_misused("takes a port to capture from: -i PORT");
	if (output.path && !*output.path)
		tool_misused("--write takes the name of a file, or '-'");
	if (row && (!output.path || writes_to_pipe()))
		tool_misused("--file-size and --file-time need --write with the name of a file");
	if (output.keep && !row)
		tool_misused("--files needs --file-size or --file-time, which end a file");
	if (options.has_format && !output.path)
		tool_misused("--format needs --write");
	if (!options.has_format && output.path && ends_with(output.path, ".pcap"))
		output.savefile.format = SAVEFILE_PCAP;
	if (output.savefile.format == SAVEFILE_PCAP && options.nports > 1)
		tool_misused("a pcap file has one port: for several, use pcapng");
	if (writes_to_pipe() && isatty(STDOUT_FILENO))
		tool_misused("standard output is a terminal: '| tcpdump -r -' shows frames there");
	if (config.take && config.expression && filter_names_vlan(config.expression))
		tool_misused("--take with an expression takes no frames with VLAN tags: use one "
			     "without 'vlan', or do without --take");
}

static void parse_options(int argc, char **argv)
{
	int option;

	/* an expression has words that begin with a minus sign, too */
	while ((option = getopt_long(argc, argv, "+B:c:C:F:G:hi:jpqs:Vw:W:", long_options,
				     NULL)) != -1)
		parse_option(option);
	if (optind < argc)
		config.expression = join(argv + optind);
	/* no words at all are no expression */
	if (config.expression && !config.expression[strspn(config.expression, " \t\n")])
		config.expression = NULL;
	check_options();
}

/* --- telling what was captured ------------------------------------ */

static FILE *report_stream(void)
{
	return writes_to_pipe() ? stderr : stdout;
}

static void print_table(FILE *to)
{
	const struct capture_port *port;
	unsigned int i;
	char bytes[NUMBER_TEXT_SIZE];

	fprintf(to, "%-32s %12s %10s %17s %14s\n", "", "captured", "bytes", "dropped: no room",
		"no memory");
	for (i = 0; i < capture.nports; i++) {
		port = &capture.ports[i];
		fprintf(to, "%-32s %12ju %9sB %17ju %14ju\n", port->interface->name,
			(uintmax_t)port->interface->frames,
			number_amount(bytes, port->interface->bytes),
			(uintmax_t)port->dropped_full, (uintmax_t)port->dropped_nomem);
	}
}

static struct json_object *port_json(const struct capture_port *port)
{
	struct json_object *object = json_object_new_object();

	object_add_text(object, "port", port->interface->name);
	object_add_number(object, "threads", port->nreaders);
	object_add_number(object, "frames", port->interface->frames);
	object_add_number(object, "bytes", port->interface->bytes);
	object_add_number(object, "received", port->interface->received);
	object_add_number(object, "drop_full", port->dropped_full);
	object_add_number(object, "drop_nomem", port->dropped_nomem);
	return object;
}

static void print_json(FILE *to)
{
	struct json_object *object = json_object_new_object();
	struct json_object *ports = json_object_new_array();
	unsigned int i;

	for (i = 0; i < capture.nports; i++)
		json_object_array_add(ports, port_json(&capture.ports[i]));
	object_add(object, "ports", ports);
	object_add_number(object, "files", output.path ? output.number : 0);
	object_add_text(object, "last_file",
			output.path && !writes_to_pipe() ? output.name : NULL);
	object_print(to, object, false);
}

struct progress {
	bool shown;
	double time;		/* when it was shown last */
	uint64_t frames, bytes;
};

/* Once a second. */
static void show_progress(struct progress *progress)
{
	const double now = tool_now(), elapsed = now - progress->time;
	uint64_t frames = 0, bytes = 0, dropped = 0;
	char rate[NUMBER_TEXT_SIZE], bits[NUMBER_TEXT_SIZE];
	unsigned int i;

	if (!progress->shown || elapsed < 1)
		return;
	capture_count(&capture);
	for (i = 0; i < capture.nports; i++) {
		frames += capture.interfaces[i].frames;
		bytes += capture.interfaces[i].bytes;
		dropped += capture.interfaces[i].dropped;
	}
	tool_show_progress("%ju frames captured, %ju dropped  %s frames/s %sbit/s",
			   (uintmax_t)frames, (uintmax_t)dropped,
			   number_amount(rate, (frames - progress->frames) / elapsed),
			   number_amount(bits, 8.0 * (bytes - progress->bytes) / elapsed));
	progress->time = now;
	progress->frames = frames;
	progress->bytes = bytes;
}

/* --- capturing ---------------------------------------------------- */

/* What is left to do. */
struct run {
	double deadline;	/* by tool_now(); 0: none */
	uint64_t captured;
	bool writing;		/* more frames */
	bool good;		/* all that was asked for could be done */
	struct progress progress;
};

/* Nothing more is written, nor read. */
static void end_writing(struct run *run, bool good)
{
	run->writing = false;
	run->good = run->good && good;
	capture_stop(&capture, CAPTURE_ABANDONED);
}

static void check_output(struct run *run, bool ok)
{
	if (!ok)
		end_writing(run, !output.failed);
}

static void write_batch(struct run *run, const struct capture_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count && run->writing; i++) {
		check_output(run, output_append(&output, &batch->frames[i]));
		if (++run->captured == options.count && run->writing)
			end_writing(run, true);
	}
}

/* What does not come from ports: signals, and time. */
static void check_end(struct run *run)
{
	if (tool_interrupted() || (run->deadline && tool_now() >= run->deadline))
		capture_stop(&capture, CAPTURE_DRAINING);
	check_output(run, output_end_in_time(&output));
	show_progress(&run->progress);
}

static void write_batches(struct run *run)
{
	struct capture_batch *batch;

	while ((batch = capture_next(&capture))) {
		write_batch(run, batch);
		capture_release(&capture, batch);
		check_end(run);
	}
	if (run->writing)
		check_output(run, output_flush(&output));
}

static double sooner(double a, double b)
{
	return a && (!b || a < b) ? a : b;
}

/* Until there are frames, a signal, or it is time for something. */
static void wait_for_something(struct run *run)
{
	double until = capture.state == CAPTURE_RUNNING ? run->deadline : 0;
	struct pollfd fds[] = {
		{ .fd = capture_fd(&capture), .events = POLLIN },
		{ .fd = writes_to_pipe() ? STDOUT_FILENO : -1 },
	};

	if (output.seconds && output.is_open)
		until = sooner(output.ends, until);
	if (run->progress.shown)
		until = sooner(run->progress.time + 1, until);
	tool_poll(fds, 2, until);
	/* nobody reads any more */
	if (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		end_writing(run, true);
}

/* What a file says of its interfaces at its end. */
static void refresh(void)
{
	capture_count(&capture);
}

static bool run_capture(void)
{
	struct run run = { .writing = true, .good = true };

	if (!output_begin(&output)) {
		if (output.failed)
			exit(tool_finish(TOOL_FAILED));
		end_writing(&run, true);
	}
	/* not before: a signal ends the wait for a FIFO's reader */
	tool_catch_signals();
	run.progress.shown = !options.quiet && !options.json && isatty(STDERR_FILENO);
	run.progress.time = tool_now();
	run.deadline = options.seconds ? tool_now() + options.seconds : 0;
	output.savefile.deadline = run.deadline;
	capture_start(&capture);
	while (capture_is_running(&capture)) {
		wait_for_something(&run);
		check_end(&run);
		write_batches(&run);
	}
	check_output(&run, output_end(&output));
	tool_clear_progress();
	return run.good && !capture.failed;
}

int main(int argc, char **argv)
{
	bool good;

	tool_start("framecap", argv);
	parse_options(argc, argv);
	capture_open(&capture, &config, options.ports, options.nports);
	output.refresh = refresh;
	output.savefile.snaplen = config.snaplen;
	output.savefile.interfaces = capture.interfaces;
	output.savefile.ninterfaces = capture.nports;
	good = run_capture();
	capture_count(&capture);
	if (options.json)
		print_json(report_stream());
	else
		print_table(report_stream());
	output_free(&output);
	capture_close(&capture);
	return tool_finish(good ? 0 : TOOL_FAILED);
}
