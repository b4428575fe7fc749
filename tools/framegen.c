/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framegen - generate, replay and measure traffic: see framegen(1).
 *
 * This file has the command line and the life of a run. The threads of worker.c do the
 * work, each alone with what is its own:
 *
 *	describe -> generate \
 *	                      > worker (pace) -> io (a way) ... io -> worker -> measure
 *	            replay   /
 *
 * and report reads their counters meanwhile.
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "number.h"
#include "report.h"
#include "tool.h"

static struct run run = {
	.io = { .nthreads = 1, .filter = true },
	.speed = 1,
	.rounds = 1,
	.burst = 1,
	.batch = FRAMEIO_NFRAMES_MAX,
};

static bool json, quiet, speed_given;
static double time_limit;		/* seconds; 0: none */
static double interval = 1;		/* seconds between two reports */
static const char *plot_path, *replay_path, *cpu_list;

/* One of the options that were given of each kind, for a refusal to name it. */
static const char *sending_option, *frame_option, *dst_option, *replay_option;

static void usage(void)
{
	puts("usage: framegen -i PORT [-f tx|rx] [OPTION...]\n"
	     "\n"
	     "Generate frames, or receive and measure them. A PORT is an interface's name, or\n"
	     "NETNS:NAME for one in another network namespace. An interface that is no frameio\n"
	     "port is made one for as long as it takes.\n"
	     "\n"
	     "  -i, --port PORT         what to send or receive through\n"
	     "  -f, --function tx|rx    send or receive (default: rx)\n"
	     "      --io WAY            frameio, readv, packed, ring, packet or udp\n"
	     "                          (default: frameio)\n"
	     "  -b, --batch N           frames per call, 1 to 32 (default: 32)\n"
	     "  -p, --threads N         threads, each with a queue pair, 1 to 64 (default: 1)\n"
	     "  -a, --affinity CPUS     keep them to these CPUs: 2, or a list such as 0,4-6\n"
	     "      --queue N           frames that a queue holds (default: as the port has it)\n"
	     "  -n, --count N           frames of all threads (default: no end)\n"
	     "  -t, --time SECONDS      end after that time\n"
	     "\n"
	     "Rate (default: as fast as it goes), where N may have k, M or G:\n"
	     "  -R, --rate N[bit]       frames a second, or bits a second, of all threads\n"
	     "      --burst N           frames that leave one after the other (default: 1)\n"
	     "  -B, --wire              count 24 bytes more per frame: preamble, FCS and gap\n"
	     "\n"
	     "Frames, where a range FIRST-LAST is gone through from frame to frame:\n"
	     "  -l, --length N          bytes without FCS; N, FIRST-LAST, imix or N:WEIGHT,...\n"
	     "  -d, --dst ADDR[:PORT][-ADDR[:PORT]]     destination, IPv4 or IPv6\n"
	     "  -s, --src ADDR[:PORT][-ADDR[:PORT]]     source\n"
	     "  -D, --dst-mac MAC[-MAC]\n"
	     "  -S, --src-mac MAC[-MAC]\n"
	     "      --vlan ID[-ID][,ID[-ID]]            a VLAN tag, or two\n"
	     "      --pcp N, --dscp N, --ttl N          priorities, and the time to live\n"
	     "      --tcp               TCP segments instead of UDP\n"
	     "  -6                      IPv6, where no address says so\n"
	     "      --random FIELD,...  choose src, sport, dst, dport, vlan, inner-vlan, src-mac,\n"
	     "                          dst-mac or length at random\n"
	     "  -z, -Z                  the same as --random src,sport and --random dst,dport\n"
	     "      --seed N            choose differently\n"
	     "\n"
	     "  -P, --replay FILE       send the frames of a pcap or pcapng file\n"
	     "      --speed X           so many times as fast as it was recorded, or 'max'\n"
	     "      --loop N            so many times; 0: for ever (default: 1)\n"
	     "\n"
	     "      --all               rx: receive what framegen has not made, too\n"
	     "      --promisc           rx: receive what is sent to others\n"
	     "\n"
	     "  -T, --report MS         how often to show progress (default: 1000)\n"
	     "  -j, --json              print the summary as JSON\n"
	     "      --plot FILE.svg     plot rate and latency with gnuplot\n"
	     "  -q, --quiet             show no progress\n"
	     "  -h, --help              print this\n"
	     "  -V, --version           print the version\n"
	     "\n"
	     "framegen(1) tells the rest, with examples.");
}

/* --- what options take ----------------------------------------------- */

static void parse_rate(const char *text)
{
	static const char *const units[] = {
		"", "fps", "pps", "frames/s", "bit", "bps", "bit/s",
	};
	const char *unit = text;
	size_t i;

	/* below that the next frame would leave after all clocks have wrapped */
	if (!number_parse_amount(&unit, &run.rate.per_second) || run.rate.per_second < 1e-6)
		unit = "?";
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(units[i], unit))
			break;
	if (i == sizeof(units) / sizeof(*units))
		tool_misused("--rate takes frames a second, such as 250k, or bits a second, such "
			     "as 1.5Gbit, not '%s'", text);
	run.rate.bits = i >= 4;
}

static void parse_speed(const char *text)
{
	const char *end = text;

	if (!strcmp(text, "max"))
		run.speed = 0;
	else if (!number_parse_decimal(&end, &run.speed) || *end || run.speed < 1e-6 ||
		 run.speed > 1e6)
		tool_misused("--speed takes a factor, such as 0.5, or 'max', not '%s'", text);
}

static void parse_function(const char *text)
{
	run.io.receive = !strcmp(text, "rx");
	if (!run.io.receive && strcmp(text, "tx"))
		tool_misused("--function takes tx or rx, not '%s'", text);
}

static void parse_way(const char *text)
{
	run.io.way = io_find(text);
	if (!run.io.way)
		tool_misused("--io takes one of %s, not '%s'", io_names(), text);
}

/* Return: how many CPUs the list has, at most CPU_SETSIZE of them in @cpus; 0: it is none. */
static unsigned int list_cpus(const char *text, int cpus[CPU_SETSIZE])
{
	unsigned int n = 0;
	uint64_t cpu, last;

	do {
		if (!number_parse_range(&text, 0, CPU_SETSIZE - 1, &cpu, &last))
			return 0;
		for (; cpu <= last && n < CPU_SETSIZE; cpu++)
			cpus[n++] = cpu;
	} while (*text++ == ',');
	return text[-1] ? 0 : n;
}

/* Of the CPUs that a list has, those of the threads; one CPU is the first of a row. */
static void parse_cpus(struct worker *workers)
{
	int cpus[CPU_SETSIZE];
	const unsigned int n = list_cpus(cpu_list, cpus);
	unsigned int i;

	if (!n)
		tool_misused("--affinity takes the numbers of CPUs, such as 2 or 0,4-6, not '%s'",
			     cpu_list);
	for (i = 0; i < run.io.nthreads; i++)
		workers[i].cpu = n == 1 ? cpus[0] + (int)i : cpus[i % n];
}

/* --- the command line ------------------------------------------------ */

enum {
	OPTION_IO = 256,
	OPTION_QUEUE,
	OPTION_BURST,
	OPTION_VLAN,
	OPTION_PCP,
	OPTION_DSCP,
	OPTION_TTL,
	OPTION_TCP,
	OPTION_RANDOM,
	OPTION_SEED,
	OPTION_SPEED,
	OPTION_LOOP,
	OPTION_ALL,
	OPTION_PROMISC,
	OPTION_PLOT,
};

static const struct option long_options[] = {
	{ "affinity", required_argument, NULL, 'a' },
	{ "all", no_argument, NULL, OPTION_ALL },
	{ "batch", required_argument, NULL, 'b' },
	{ "burst", required_argument, NULL, OPTION_BURST },
	{ "count", required_argument, NULL, 'n' },
	{ "dscp", required_argument, NULL, OPTION_DSCP },
	{ "dst", required_argument, NULL, 'd' },
	{ "dst-mac", required_argument, NULL, 'D' },
	{ "function", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "io", required_argument, NULL, OPTION_IO },
	{ "json", no_argument, NULL, 'j' },
	{ "length", required_argument, NULL, 'l' },
	{ "loop", required_argument, NULL, OPTION_LOOP },
	{ "pcp", required_argument, NULL, OPTION_PCP },
	{ "plot", required_argument, NULL, OPTION_PLOT },
	{ "port", required_argument, NULL, 'i' },
	{ "promisc", no_argument, NULL, OPTION_PROMISC },
	{ "queue", required_argument, NULL, OPTION_QUEUE },
	{ "quiet", no_argument, NULL, 'q' },
	{ "random", required_argument, NULL, OPTION_RANDOM },
	{ "rate", required_argument, NULL, 'R' },
	{ "replay", required_argument, NULL, 'P' },
	{ "report", required_argument, NULL, 'T' },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "speed", required_argument, NULL, OPTION_SPEED },
	{ "src", required_argument, NULL, 's' },
	{ "src-mac", required_argument, NULL, 'S' },
	{ "tcp", no_argument, NULL, OPTION_TCP },
	{ "threads", required_argument, NULL, 'p' },
	{ "time", required_argument, NULL, 't' },
	{ "ttl", required_argument, NULL, OPTION_TTL },
	{ "version", no_argument, NULL, 'V' },
	{ "vlan", required_argument, NULL, OPTION_VLAN },
	{ "wire", no_argument, NULL, 'B' },
	{ 0 }
};

/* What frames look like; false if the option is another. */
static bool parse_frame_option(int option)
{
	struct description *description = &run.description;

	switch (option) {
	case 'l':
		describe_lengths(description, optarg);
		break;
	case 'd':
		describe_address(description, FIELD_DST, optarg);
		break;
	case 's':
		describe_address(description, FIELD_SRC, optarg);
		break;
	case 'D':
		describe_mac(description, FIELD_DST_MAC, optarg);
		break;
	case 'S':
		describe_mac(description, FIELD_SRC_MAC, optarg);
		break;
	case OPTION_VLAN:
		describe_vlan(description, optarg);
		break;
	case OPTION_PCP:
		description->pcp = number_option_amount("--pcp", optarg, 0, 7);
		break;
	case OPTION_DSCP:
		description->dscp = number_option_amount("--dscp", optarg, 0, 63);
		break;
	case OPTION_TTL:
		description->ttl = number_option_amount("--ttl", optarg, 1, 255);
		break;
	case OPTION_TCP:
		description->protocol = IPPROTO_TCP;
		break;
	case '6':
		describe_ipv6(description);
		break;
	case OPTION_RANDOM:
		describe_random(description, optarg);
		break;
	case 'z':
		describe_random(description, "src,sport");
		break;
	case 'Z':
		describe_random(description, "dst,dport");
		break;
	case OPTION_SEED:
		description->seed = number_option_amount("--seed", optarg, 0, 1e15);
		break;
	default:
		return false;
	}
	return true;
}

/* When and how often they are sent; likewise. */
static bool parse_sending_option(int option)
{
	switch (option) {
	case 'R':
		parse_rate(optarg);
		break;
	case OPTION_BURST:
		run.burst = number_option_amount("--burst", optarg, 1, 1e9);
		break;
	case 'P':
		replay_path = optarg;
		break;
	case OPTION_SPEED:
		parse_speed(optarg);
		speed_given = true;
		replay_option = "--speed";
		break;
	case OPTION_LOOP:
		run.rounds = number_option_amount("--loop", optarg, 0, 1e15);
		replay_option = "--loop";
		break;
	default:
		return false;
	}
	return true;
}

static void parse_option(int option)
{
	switch (option) {
	case 'i':
		tool_parse_port(&run.io.port, optarg);
		break;
	case 'f':
		parse_function(optarg);
		break;
	case OPTION_IO:
		parse_way(optarg);
		break;
	case OPTION_QUEUE:
		run.io.limit = number_option_amount("--queue", optarg, 1, FRAMEIO_LIMIT_MAX);
		break;
	case 'b':
		run.batch = number_option_amount("--batch", optarg, 1, IO_BATCH_MAX);
		break;
	case 'p':
		run.io.nthreads = number_option_amount("--threads", optarg, 1, NTHREADS_MAX);
		break;
	case 'a':
		cpu_list = optarg;
		break;
	case 'n':
		run.count = number_option_amount("--count", optarg, 0, 1e15);
		break;
	case 't':
		time_limit = number_option_seconds("--time", optarg, 1e9);
		break;
	case 'T':
		interval = number_option_amount("--report", optarg, 10, 86400e3) / 1e3;
		break;
	case 'B':
		run.overhead = PACE_WIRE_BYTES;
		break;
	case OPTION_ALL:
		run.all = true;
		run.io.filter = false;
		break;
	case OPTION_PROMISC:
		run.io.promiscuous = true;
		break;
	case 'j':
		json = true;
		break;
	case OPTION_PLOT:
		plot_path = optarg;
		break;
	case 'q':
		quiet = true;
		break;
	default:
		tool_take_option(option, usage);
	}
}

/* An option's name as it may be complained of. */
static const char *option_name(int option)
{
	static char name[32];
	const struct option *entry;

	for (entry = long_options; entry->name; entry++)
		if (entry->val == option)
			break;
	if (entry->name)
		snprintf(name, sizeof(name), "--%s", entry->name);
	else
		snprintf(name, sizeof(name), "-%c", option);
	return name;
}

static void parse_options(int argc, char **argv)
{
	static char sending[32], frame[32], dst[32];
	int option;

	while ((option = getopt_long(argc, argv, "6a:b:BD:d:f:hi:jl:n:P:p:qR:S:s:T:t:VzZ",
				     long_options, NULL)) != -1) {
		const bool is_frame = parse_frame_option(option);

		if (is_frame && (option == 'd' || option == '6'))
			dst_option = strcpy(dst, option_name(option));
		else if (is_frame)
			frame_option = strcpy(frame, option_name(option));
		else if (parse_sending_option(option))
			sending_option = strcpy(sending, option_name(option));
		else
			parse_option(option);
	}
	if (optind < argc)
		tool_misused("takes options only, not '%s': the port is given with -i",
			     argv[optind]);
}

/* --- what goes together ---------------------------------------------- */

static void require_sending(void)
{
	if (!replay_path && replay_option)
		tool_misused("%s is of a capture, and takes --replay", replay_option);
	if (replay_path && (frame_option || dst_option))
		tool_misused("--replay sends frames as they were captured: leave out %s",
			     frame_option ? frame_option : dst_option);
	if (run.rate.per_second && speed_given)
		tool_misused("--rate and --speed exclude each other");
	if (replay_path && run.io.nthreads > 1)
		tool_misused("--replay keeps the frames' order, and takes one thread");
	if (run.burst > 1 && !run.rate.per_second)
		tool_misused("--burst takes a --rate");
	if (run.io.promiscuous || run.all)
		tool_misused("%s is of -f rx", run.all ? "--all" : "--promisc");
}

static void require_receiving(void)
{
	const bool udp = !strcmp(run.io.way->name, "udp");

	if (sending_option)
		tool_misused("%s is of -f tx", sending_option);
	if (frame_option)
		tool_misused("%s is of -f tx: what is received is what comes", frame_option);
	if (dst_option && !udp)
		tool_misused("%s is of -f tx, or of --io udp", dst_option);
	if (udp && (run.all || run.io.promiscuous))
		tool_misused("--io udp receives what the kernel gives it: leave out %s",
			     run.all ? "--all" : "--promisc");
}

static bool has_range(void)
{
	int i;

	for (i = 0; i < NFIELDS; i++)
		if (run.description.fields[i].span || run.description.fields[i].random)
			return true;
	return false;
}

/* The kernel makes the headers of --io udp. */
static void require_udp(void)
{
	const struct description *description = &run.description;

	if (replay_path)
		tool_misused("--io udp sends datagrams of its own, and no --replay");
	if (description->protocol != IPPROTO_UDP || description->ntags || description->dscp ||
	    description->fields[FIELD_SRC_MAC].given || description->fields[FIELD_DST_MAC].given ||
	    description->ttl != 64)
		tool_misused("--io udp leaves the headers to the kernel: leave out --tcp, --vlan, "
			     "--dscp, --ttl, --src-mac and --dst-mac");
	if (has_range())
		tool_misused("--io udp has one socket per thread, from one address and port to "
			     "one: leave out ranges and --random");
}

static void require_options(void)
{
	if (!run.io.port.name)
		tool_misused("takes a port: -i NAME");
	if (!run.io.way)
		run.io.way = io_find("frameio");
	if (run.io.receive)
		require_receiving();
	else
		require_sending();
	if (!strcmp(run.io.way->name, "udp"))
		require_udp();
	if (plot_path)
		report_require_plot(plot_path);
}

/* --- what is sent ---------------------------------------------------- */

static void set_address(union io_address *address, const struct range *host,
			const struct range *port)
{
	in_port_t be_port;

	memcpy(&be_port, port->first, sizeof(be_port));
	if (run.description.family == AF_INET6) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = be_port;
		if (host)
			memcpy(&address->v6.sin6_addr, host->first, 16);
	} else {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = be_port;
		if (host)
			memcpy(&address->v4.sin_addr, host->first, 4);
	}
}

/* A receiver is bound to the destination, whose address need not be told. */
static void set_addresses(void)
{
	static const struct range any_port;
	const struct range *fields = run.description.fields;
	const struct range *src = &fields[FIELD_SRC], *dst = &fields[FIELD_DST];
	const bool src_given = src->given, sport_given = fields[FIELD_SPORT].given;

	run.io.headers = describe_headers(&run.description);
	if (run.io.receive) {
		set_address(&run.io.local, dst->given ? dst : NULL, &fields[FIELD_DPORT]);
		return;
	}
	if (src_given || sport_given)
		set_address(&run.io.local, src_given ? src : NULL,
			    sport_given ? &fields[FIELD_SPORT] : &any_port);
	set_address(&run.io.remote, dst, &fields[FIELD_DPORT]);
}

static void complete_description(void)
{
	static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const unsigned char somebody[6] = { 0x02, 0, 0, 0, 0, 0x01 };
	const struct io_interface *interface = &run.io.interface;
	const uint32_t most = io_most(&run.io) + (run.description.ntags ? 4 : 0);

	run.description.ethernet = interface->ethernet;
	/* what is written to a virtual port the kernel receives, as from somebody else */
	if (interface->is_virtual && strcmp(run.io.way->name, "packet"))
		describe_complete(&run.description, somebody, interface->address);
	else
		describe_complete(&run.description, interface->address, everybody);
	if (describe_longest(&run.description) > most && !run.io.receive)
		tool_die(TOOL_FAILED, "frames of %u bytes are longer than the %u that port '%s' "
			 "takes: choose another --length, or 'ip link set %s mtu N'",
			 describe_longest(&run.description), most, run.io.port.text,
			 run.io.port.name);
}

/* Nothing of the capture is left out without a word. */
static void load_replay(void)
{
	struct replay *replay = &run.replay;
	const char *port = run.io.port.text;

	replay_load(replay, replay_path, run.io.interface.ethernet, io_most(&run.io));
	if (replay->too_long)
		tool_warn("%zu frames of '%s' are longer than the %u bytes that port '%s' takes, "
			  "and are not sent", replay->too_long, replay_path, io_most(&run.io),
			  port);
	if (replay->unfit)
		tool_warn("%zu frames of '%s' are none that port '%s' takes, and are not sent",
			  replay->unfit, replay_path, port);
	if (replay->filled_up)
		tool_warn("%zu frames of '%s' were cut when they were captured, and are sent with "
			  "zeros for what is missing", replay->filled_up, replay_path);
	if (*replay->damage)
		tool_warn("'%s' cannot be read to its end, and only the %zu frames before are "
			  "sent: %s", replay_path, replay->nframes, replay->damage);
	/* a rate takes the place of recorded times */
	if (run.rate.per_second)
		run.speed = 0;
}

static void prepare(void)
{
	io_look_up(&run.io);
	if (replay_path) {
		load_replay();
	} else {
		complete_description();
		run.speed = 0;
	}
	if (!strcmp(run.io.way->name, "udp"))
		set_addresses();
	if (!run.io.receive && !run.io.interface.up)
		tool_die(TOOL_FAILED, "cannot send: interface '%s' is down: 'ip link set %s up'",
			 run.io.port.text, run.io.port.name);
	/* a virtual port has one once it is open */
	if (!run.io.receive && !run.io.interface.running && !run.io.interface.is_virtual)
		tool_warn("interface '%s' has no carrier: frames wait until it has",
			  run.io.port.text);
}

/* --- the run --------------------------------------------------------- */

static struct worker *make_workers(void)
{
	struct worker *workers = tool_allocate(run.io.nthreads, sizeof(*workers));
	struct io ios[NTHREADS_MAX];
	unsigned int i;

	for (i = 0; i < run.io.nthreads; i++)
		workers[i].cpu = -1;
	if (cpu_list)
		parse_cpus(workers);
	io_open_all(ios, &run.io);
	for (i = 0; i < run.io.nthreads; i++) {
		workers[i].run = &run;
		workers[i].index = i;
		workers[i].io = ios[i];
		histogram_init(&workers[i].latency);
	}
	return workers;
}

static void start_workers(struct worker *workers)
{
	unsigned int i;

	run.stop_fd = tool_make_event();
	run.end_fd = tool_make_event();
	if (getrandom(&run.stream, sizeof(run.stream), 0) < 0)
		run.stream = getpid();
	measure_init(&run.measure, run.io.nthreads);
	for (i = 0; i < run.io.nthreads; i++)
		worker_start(&workers[i]);
}

/* Wait until a thread has ended, a signal has come, or it is that time. Return: threads ended. */
static unsigned int wait_until(double time)
{
	struct pollfd fd = { .fd = run.end_fd, .events = POLLIN };
	eventfd_t ended = 0;

	tool_poll(&fd, 1, time);
	eventfd_read(run.end_fd, &ended);
	return ended;
}

/* Report until all threads have ended, and have them stop when that is asked for. */
static void attend(struct report *report)
{
	const bool progress = !quiet && !json && isatty(STDERR_FILENO);
	const double end = report->started + (time_limit ? time_limit : 1e12);
	double next = report->started + interval;
	unsigned int running = run.io.nthreads;
	bool stopped = false;

	while (running) {
		running -= wait_until(stopped || next < end ? next : end);
		if (!stopped && (tool_interrupted() || tool_now() >= end)) {
			run_stop(&run);
			stopped = true;
		}
		if (running && tool_now() >= next) {
			report_sample(report, progress, false);
			/* intervals that nobody saw are part of this one */
			while (next <= tool_now())
				next += interval;
		}
	}
	report_sample(report, false, true);
	tool_clear_progress();
}

/* Tell what went wrong. Return: the exit code. */
static int complain(const struct worker *workers)
{
	uint64_t waiting = 0;
	unsigned int i;

	for (i = 0; i < run.io.nthreads; i++)
		waiting += workers[i].waiting;
	if (waiting)
		tool_warn("%ju frames still waited to leave '%s' when it ended", (uintmax_t)waiting,
			  run.io.port.text);
	for (i = 0; i < run.io.nthreads; i++) {
		if (!workers[i].error)
			continue;
		tool_warn("cannot %s '%s' any more: %s",
			  run.io.receive ? "receive from" : "send to", run.io.port.text,
			  io_explain(&run.io, workers[i].error));
		return TOOL_FAILED;
	}
	return 0;
}

static void free_all(struct worker *workers, struct report *report)
{
	struct io ios[NTHREADS_MAX];
	unsigned int i;

	for (i = 0; i < run.io.nthreads; i++)
		ios[i] = workers[i].io;
	io_close_all(ios, run.io.nthreads);
	free(workers);
	report_free(report);
	measure_free(&run.measure);
	replay_free(&run.replay);
	free(run.description.lengths);
}

int main(int argc, char **argv)
{
	struct worker *workers;
	struct report report;
	unsigned int i;
	int status;

	tool_start("framegen", argv);
	describe_defaults(&run.description);
	run.io.receive = true;
	parse_options(argc, argv);
	require_options();
	prepare();
	workers = make_workers();
	tool_catch_signals();
	report_start(&report, &run, workers);
	start_workers(workers);
	attend(&report);
	for (i = 0; i < run.io.nthreads; i++)
		pthread_join(workers[i].thread, NULL);
	status = complain(workers);
	if (json)
		report_print_json(&report);
	else
		report_print(&report);
	if (plot_path && !report_plot(&report, plot_path))
		status = TOOL_FAILED;
	free_all(workers, &report);
	return tool_finish(status);
}
