/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framehub - join ports: two are a pipe, more a learning switch. hub.c moves the
 * frames; here is what its user gives and sees.
 */
#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub.h"
#include "number.h"
#include "object.h"
#include "stations.h"
#include "tool.h"

/* What there is where nothing else was asked for. */
#define LIFETIME_S	300
#define NSTATIONS	16384
#define SWITCH_WAIT_MS	100

#define LIFETIME_S_MAX	1000000
#define WAIT_MS_MAX	60000

static bool json, quiet;
static struct hub_settings settings = {
	.batch_size = FRAMEIO_NFRAMES_MAX,
	.nthreads = 1,
	.nstations = NSTATIONS,
	.lifetime_ms = LIFETIME_S * 1000,
};
static bool wait_given;

static struct tool_port *ports;
static unsigned int nports;

static void usage(void)
{
	puts("usage: framehub [OPTION...] PORT PORT...\n"
	     "\n"
	     "Join ports: two as a cable would, more as a switch would, which learns behind\n"
	     "which port each station is. A PORT is an interface's name, or NETNS:NAME for one\n"
	     "in another network namespace; an Ethernet interface that is no frameio port\n"
	     "becomes one for as long. Ends with a table of what was moved on Ctrl-C.\n"
	     "\n"
	     "  -a, --age SECONDS      forget a station not heard for so long (default: 300);\n"
	     "                         0: learn nothing, send every frame to all other ports\n"
	     "  -b, --batch N          frames moved per call, 1 to 32 (default: 32)\n"
	     "      --io WAY           how frames are moved: frameio, by its ioctls (default),\n"
	     "                         packed, in rows by read and write, or ring, through\n"
	     "                         memory shared with the kernel\n"
	     "  -j, --json             print the table as JSON\n"
	     "  -q, --quiet            show no progress\n"
	     "  -r, --reserved         switch frames to 01:80:c2:00:00:01 to 0f, too\n"
	     "  -s, --stations N       stations there is room for (default: 16384)\n"
	     "  -t, --threads N        so many threads, each with a queue pair of each port\n"
	     "  -w, --wait MS|forever  how long a full port may hold up the others before what\n"
	     "                         is for it is dropped (default: 100; two ports: forever)\n"
	     "  -x, --exit-when-gone   end when a port goes; otherwise it is awaited\n"
	     "  -h, --help             print this\n"
	     "  -V, --version          print the version\n"
	     "\n"
	     "SIGUSR1 has it print the table and the stations on standard error, and go on.");
}

/* --- what it shows at its end ---------------------------------------- */

/* From so many columns on, names are cut. */
#define NAME_WIDTH	23

/* Where what goes in, or should have gone out, was dropped. */
static const enum hub_counter drops[] = {
	HUB_RESERVED, HUB_REFUSED, HUB_DOWN, HUB_FULL, HUB_GONE,
};

#define NDROPS	(sizeof(drops) / sizeof(*drops))

static uint64_t dropped(const struct hub *hub, unsigned int port)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < NDROPS; i++)
		n += hub_count(hub, port, drops[i]);
	return n;
}

static uint64_t sum(const struct hub *hub, enum hub_counter counter)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < hub_nports(hub); i++)
		n += hub_count(hub, i, counter);
	return n;
}

static void print_way(FILE *file, const struct hub *hub, unsigned int port,
		      enum hub_counter frames, enum hub_counter bytes, enum hub_counter calls)
{
	const uint64_t n = hub_count(hub, port, frames), ncalls = hub_count(hub, port, calls);
	char text[NUMBER_TEXT_SIZE];

	fprintf(file, " %11ju %7sB %6.1f", (uintmax_t)n,
		number_amount(text, hub_count(hub, port, bytes)), ncalls ? (double)n / ncalls : 0.0);
}

static void print_traffic(FILE *file, const struct hub *hub)
{
	char name[256];
	unsigned int i;

	fprintf(file, "%-*s %11s %8s %6s %11s %8s %6s\n", NAME_WIDTH, "port", "frames in", "bytes",
		"/call", "frames out", "bytes", "/call");
	for (i = 0; i < hub_nports(hub); i++) {
		tool_clean(name, sizeof(name), hub_port_name(hub, i));
		fprintf(file, "%-*s", NAME_WIDTH, name);
		print_way(file, hub, i, HUB_IN_FRAMES, HUB_IN_BYTES, HUB_IN_CALLS);
		print_way(file, hub, i, HUB_OUT_FRAMES, HUB_OUT_BYTES, HUB_OUT_CALLS);
		fprintf(file, "%s\n", hub_port_is_there(hub, i) ? "" : "  gone");
	}
}

/* What did not go straight to one port; nothing where there is none of it. */
static void print_exceptions(FILE *file, const struct hub *hub)
{
	static const struct {
		enum hub_counter counter;
		const char *title;
	} columns[] = {
		{ HUB_FLOODED, "flooded" }, { HUB_FILTERED, "filtered" },
		{ HUB_RESERVED, "reserved" }, { HUB_REFUSED, "refused" }, { HUB_DOWN, "down" },
		{ HUB_FULL, "full" }, { HUB_GONE, "gone" },
	};
	const size_t ncolumns = sizeof(columns) / sizeof(*columns);
	char name[256];
	uint64_t any = 0;
	unsigned int i;
	size_t j;

	for (j = 0; j < ncolumns; j++)
		any |= sum(hub, columns[j].counter);
	if (!any)
		return;
	fprintf(file, "\n%-*s %17s   %s\n%-*s", NAME_WIDTH, "", "of the frames in:",
		"dropped, as it was or is:", NAME_WIDTH, "port");
	for (j = 0; j < ncolumns; j++)
		fprintf(file, " %8s", columns[j].title);
	fputc('\n', file);
	for (i = 0; i < hub_nports(hub); i++) {
		tool_clean(name, sizeof(name), hub_port_name(hub, i));
		fprintf(file, "%-*s", NAME_WIDTH, name);
		for (j = 0; j < ncolumns; j++)
			fprintf(file, " %8ju", (uintmax_t)hub_count(hub, i, columns[j].counter));
		fputc('\n', file);
	}
}

/* The stations that are known now, in an array to be freed. */
static unsigned int list_stations(const struct hub *hub, struct station **list)
{
	const struct stations *stations = hub_stations(hub);
	unsigned int n, room;

	*list = NULL;
	if (!stations)
		return 0;
	room = stations_list(stations, hub_now_ms(), NULL, 0);
	*list = tool_allocate(room + 1, sizeof(**list));
	n = stations_list(stations, hub_now_ms(), *list, room);
	return n < room ? n : room;
}

static const char *address_text(char *to, size_t size, uint64_t address)
{
	snprintf(to, size, "%02x:%02x:%02x:%02x:%02x:%02x", (int)(address >> 40 & 0xff),
		 (int)(address >> 32 & 0xff), (int)(address >> 24 & 0xff),
		 (int)(address >> 16 & 0xff), (int)(address >> 8 & 0xff), (int)(address & 0xff));
	return to;
}

static void print_stations(FILE *file, const struct hub *hub, bool each)
{
	const struct stations *stations = hub_stations(hub);
	struct station *list;
	char name[256], address[32];
	unsigned int n, i;

	if (!stations)
		return;
	n = list_stations(hub, &list);
	fprintf(file, "\n%u stations, %ju moves to another port, %ju displaced\n", n,
		(uintmax_t)stations_moves(stations), (uintmax_t)stations_displaced(stations));
	for (i = 0; each && i < n; i++)
		fprintf(file, "%s  %-*s  heard %.1f s ago\n",
			address_text(address, sizeof(address), list[i].address), NAME_WIDTH,
			tool_clean(name, sizeof(name), hub_port_name(hub, list[i].port)),
			list[i].age_ms / 1000.0);
	free(list);
}

static void print_text(FILE *file, const struct hub *hub, bool stations)
{
	print_traffic(file, hub);
	print_exceptions(file, hub);
	print_stations(file, hub, stations);
}

/* --- the same as JSON ------------------------------------------------ */

static struct json_object *port_object(const struct hub *hub, unsigned int port)
{
	static const struct {
		enum hub_counter counter;
		const char *name;
	} members[] = {
		{ HUB_IN_FRAMES, "in_frames" }, { HUB_IN_BYTES, "in_bytes" },
		{ HUB_IN_CALLS, "in_calls" }, { HUB_FLOODED, "flooded" },
		{ HUB_FILTERED, "filtered" }, { HUB_OUT_FRAMES, "out_frames" },
		{ HUB_OUT_BYTES, "out_bytes" }, { HUB_OUT_CALLS, "out_calls" },
		{ HUB_RESERVED, "drop_reserved" }, { HUB_REFUSED, "drop_refused" },
		{ HUB_DOWN, "drop_down" }, { HUB_FULL, "drop_full" }, { HUB_GONE, "drop_gone" },
	};
	struct json_object *object = json_object_new_object();
	size_t i;

	object_add_text(object, "port", hub_port_name(hub, port));
	object_add_bool(object, "there", hub_port_is_there(hub, port));
	for (i = 0; i < sizeof(members) / sizeof(*members); i++)
		object_add_number(object, members[i].name, hub_count(hub, port, members[i].counter));
	object_add_number(object, "drops", dropped(hub, port));
	return object;
}

static struct json_object *station_objects(const struct hub *hub)
{
	struct json_object *array = json_object_new_array();
	struct station *list;
	unsigned int n = list_stations(hub, &list), i;
	char address[32];

	for (i = 0; i < n; i++) {
		struct json_object *object = json_object_new_object();

		object_add_text(object, "address",
				address_text(address, sizeof(address), list[i].address));
		object_add_text(object, "port", hub_port_name(hub, list[i].port));
		object_add_fraction(object, "age", list[i].age_ms / 1000.0);
		json_object_array_add(array, object);
	}
	free(list);
	return array;
}

static void print_json(FILE *file, const struct hub *hub)
{
	const struct stations *stations = hub_stations(hub);
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < hub_nports(hub); i++)
		json_object_array_add(array, port_object(hub, i));
	object_add(object, "ports", array);
	object_add(object, "stations", station_objects(hub));
	object_add_number(object, "moves", stations ? stations_moves(stations) : 0);
	object_add_number(object, "displaced", stations ? stations_displaced(stations) : 0);
	object_print(file, object, false);
}

/* --- while it runs --------------------------------------------------- */

/* What was shown last of a port. */
struct shown {
	uint64_t frames, bytes;
};

/* What comes in at a port, or that it is gone. */
static void print_port_progress(FILE *line, const struct hub *hub, unsigned int port,
				struct shown *shown, double seconds)
{
	const struct shown now = {
		hub_count(hub, port, HUB_IN_FRAMES), hub_count(hub, port, HUB_IN_BYTES),
	};
	char name[256], frames[NUMBER_TEXT_SIZE], bits[NUMBER_TEXT_SIZE];

	tool_clean(name, sizeof(name), hub_port_name(hub, port));
	if (hub_port_is_there(hub, port))
		fprintf(line, "  %s > %s frames/s %sbit/s", name,
			number_amount(frames, (now.frames - shown->frames) / seconds),
			number_amount(bits, 8.0 * (now.bytes - shown->bytes) / seconds));
	else
		fprintf(line, "  %s gone", name);
	*shown = now;
}

static void show_progress(const struct hub *hub, struct shown *shown, double seconds)
{
	const struct stations *stations = hub_stations(hub);
	uint64_t ndropped = 0;
	unsigned int i;
	char text[1024];
	FILE *line = fmemopen(text, sizeof(text), "w");

	if (!line)
		tool_die(TOOL_FAILED, "out of memory");
	for (i = 0; i < hub_nports(hub); i++)
		ndropped += dropped(hub, i);
	fprintf(line, "%ju dropped", (uintmax_t)ndropped);
	if (stations)
		fprintf(line, ", %u stations", stations_list(stations, hub_now_ms(), NULL, 0));
	for (i = 0; i < hub_nports(hub); i++)
		print_port_progress(line, hub, i, &shown[i], seconds);
	fclose(line);
	text[sizeof(text) - 1] = '\0';
	tool_show_progress("%s", text);
}

static volatile sig_atomic_t asked;

static void on_ask(int sig)
{
	(void)sig;
	asked = 1;
}

static void answer(const struct hub *hub)
{
	asked = 0;
	flockfile(stderr);
	tool_clear_progress();
	if (json)
		print_json(stderr, hub);
	else
		print_text(stderr, hub, true);
	funlockfile(stderr);
}

/* Until a signal comes, or the hub has ended. */
static void supervise(const struct hub *hub)
{
	const bool progress = !quiet && !json && isatty(STDERR_FILENO);
	struct pollfd ended = { .fd = hub_ended_fd(hub), .events = POLLIN };
	struct shown *shown = tool_allocate(nports, sizeof(*shown));
	double since = tool_now(), elapsed;

	while (!tool_interrupted()) {
		if (asked)
			answer(hub);
		if (tool_poll(&ended, 1, progress ? since + 1 : 0) > 0)
			break;
		elapsed = tool_now() - since;
		if (progress && elapsed >= 1) {
			show_progress(hub, shown, elapsed);
			since += elapsed;
		}
	}
	tool_clear_progress();
	free(shown);
}

/* --- what it is given ------------------------------------------------ */

/* Rounded up to what the table can have. */
static unsigned int parse_stations(const char *text)
{
	const uint64_t number = number_option("--stations", text, 8, STATIONS_MAX);
	unsigned int n = 8;

	while (n < number)
		n *= 2;
	return n;
}

static void parse_wait(const char *text)
{
	wait_given = true;
	if (!strcmp(text, "forever")) {
		settings.wait_ms = HUB_FOREVER;
		return;
	}
	if (!isdigit((unsigned char)*text))
		tool_misused("--wait takes a number of milliseconds, or 'forever', not '%s'", text);
	settings.wait_ms = number_option("--wait", text, 0, WAIT_MS_MAX);
}

enum {
	OPTION_IO = 256,
};

static void parse_option(int option)
{
	switch (option) {
	case 'a':
		settings.lifetime_ms = 1000ULL * number_option("--age", optarg, 0, LIFETIME_S_MAX);
		break;
	case 'b':
		settings.batch_size = number_option("--batch", optarg, 1, FRAMEIO_NFRAMES_MAX);
		break;
	case 'j':
		json = true;
		break;
	case 'q':
		quiet = true;
		break;
	case 'r':
		settings.reserved = true;
		break;
	case 's':
		settings.nstations = parse_stations(optarg);
		break;
	case 't':
		settings.nthreads = number_option("--threads", optarg, 1, FRAMEIO_NQUEUES_MAX);
		break;
	case 'w':
		parse_wait(optarg);
		break;
	case 'x':
		settings.exit_when_gone = true;
		break;
	case OPTION_IO:
		settings.way = transfer_parse_way(optarg);
		break;
	default:
		tool_take_option(option, usage);
	}
}

static void parse_ports(char **names, unsigned int n)
{
	unsigned int i, j;

	if (n < 2 || n > HUB_PORTS_MAX)
		tool_misused("takes 2 to %d ports, not %u", HUB_PORTS_MAX, n);
	ports = tool_allocate(n, sizeof(*ports));
	nports = n;
	for (i = 0; i < n; i++) {
		tool_parse_port(&ports[i], names[i]);
		for (j = 0; j < i; j++)
			if (!strcmp(names[i], names[j]))
				tool_misused("port '%s' is given twice, and its frames would go in "
					     "circles", names[i]);
	}
}

static void parse_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "age", required_argument, NULL, 'a' },
		{ "batch", required_argument, NULL, 'b' },
		{ "exit-when-gone", no_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{ "io", required_argument, NULL, OPTION_IO },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "reserved", no_argument, NULL, 'r' },
		{ "stations", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "wait", required_argument, NULL, 'w' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "a:b:hjqrs:t:Vw:x", options, NULL)) != -1)
		parse_option(option);
	parse_ports(argv + optind, argc - optind);
	if (!wait_given)
		settings.wait_ms = nports == 2 ? HUB_FOREVER : SWITCH_WAIT_MS;
}

int main(int argc, char **argv)
{
	struct hub *hub;
	bool good;

	tool_start("framehub", argv);
	parse_arguments(argc, argv);
	tool_catch_signals();
	tool_catch_signal(SIGUSR1, on_ask);
	hub = hub_open(ports, nports, &settings);
	hub_start(hub);
	supervise(hub);
	good = hub_stop(hub);
	if (json)
		print_json(stdout, hub);
	else
		print_text(stdout, hub, false);
	hub_close(hub);
	return tool_finish(good ? 0 : TOOL_FAILED);
}
