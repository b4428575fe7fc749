/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* framebench: what its user gives and sees. README tells how the figures come about. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define FAILED		1
#define MISUSED		2

#define LENGTH_LEAST	60
#define LENGTH_MOST	9014	/* with an MTU of 9000; a block of TPACKET_V3 has room for it */
#define NLENGTHS	16
#define COUNT_MOST	1000000

static struct settings settings = {
	.nrounds = 6, .peers = "*", .workloads = "*",
};
static size_t lengths[NLENGTHS];
static unsigned int nlengths;
static const char *output, *baseline;
static bool json, print_baseline;

static void usage(void)
{
	puts("usage: framebench [OPTION...]\n"
	     "\n"
	     "What a frame costs on its way between the kernel and user space, by frameio, tun,\n"
	     "AF_PACKET, AF_XDP and the kernel's pktgen: in instructions where the clock counts\n"
	     "them, as in \"tests/vm/run --icount\", or else in nanoseconds. Needs root; leaves\n"
	     "nothing behind. bench/README tells what is measured, and how.\n"
	     "\n"
	     "  -l, --length BYTES      of a frame, 60 to 9014 (default: 60); may be repeated\n"
	     "  -p, --peer PATTERN      only these: frameio, tap, packet, AF_XDP, pktgen, memory;\n"
	     "                          PATTERN is that of a shell, such as '@(tap|frameio)'\n"
	     "  -w, --workload PATTERN  only these: copy, kernel-to-user, kernel-to-user-noqueue,\n"
	     "                          user-to-kernel, forward, tcp, nic-send, nic-receive,\n"
	     "                          nic-forward, latency, loaded-latency, loss, nic-loss,\n"
	     "                          pairs-to-user, pairs-to-kernel\n"
	     "  -q, --qdisc NAME        queueing discipline of the interfaces of tap and frameio,\n"
	     "                          such as pfifo_fast (default: the system's)\n"
	     "  -r, --rounds N          of each path, of which the least counts (default: 6)\n"
	     "  -n, --bursts N          of 32 frames in a round (default: 100, and fewer\n"
	     "                          of frames of more than 512 bytes)\n"
	     "  -i, --instructions      the clock counts instructions, not nanoseconds\n"
	     "  -j, --json              print JSON instead of tables\n"
	     "  -o, --output FILE       write the same JSON to a file\n"
	     "  -b, --baseline FILE     hold frameio's figures against those of FILE, and fail\n"
	     "                          where one is more than 3% dearer\n"
	     "      --print-baseline    print such a file instead of tables\n"
	     "  -h, --help              print this\n"
	     "  -V, --version           print the version");
}

void die(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs("framebench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(FAILED);
}

void die_of_errno(const char *call)
{
	die("%s failed, or did not move what it should: %s", call, strerror(errno));
}

static void misused(const char *what)
{
	fprintf(stderr, "framebench: %s; see framebench --help\n", what);
	exit(MISUSED);
}

static unsigned long parse_number(const char *text, unsigned long least, unsigned long most,
				  const char *otherwise)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || number < least || number > most)
		misused(otherwise);
	return number;
}

static void add_length(const char *text)
{
	if (nlengths == NLENGTHS)
		misused("there are no more than 16 lengths");
	lengths[nlengths++] = parse_number(text, LENGTH_LEAST, LENGTH_MOST,
					   "a frame has 60 to 9014 bytes");
}

enum { PRINT_BASELINE = 256 };

static const struct option options[] = {
	{ "length", required_argument, NULL, 'l' },
	{ "peer", required_argument, NULL, 'p' },
	{ "workload", required_argument, NULL, 'w' },
	{ "qdisc", required_argument, NULL, 'q' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "bursts", required_argument, NULL, 'n' },
	{ "instructions", no_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "output", required_argument, NULL, 'o' },
	{ "baseline", required_argument, NULL, 'b' },
	{ "print-baseline", no_argument, NULL, PRINT_BASELINE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

static void take_option(int option)
{
	switch (option) {
	case 'l':
		add_length(optarg);
		break;
	case 'p':
		settings.peers = optarg;
		break;
	case 'w':
		settings.workloads = optarg;
		break;
	case 'q':
		settings.qdisc = optarg;
		break;
	case 'r':
		settings.nrounds = parse_number(optarg, 1, COUNT_MOST,
						"there are 1 to 1000000 rounds");
		break;
	case 'n':
		settings.nbursts = parse_number(optarg, 1, COUNT_MOST,
						"a round has 1 to 1000000 bursts");
		break;
	case 'i':
		settings.counts_instructions = true;
		break;
	case 'j':
		json = true;
		break;
	case 'o':
		output = optarg;
		break;
	case 'b':
		baseline = optarg;
		break;
	case PRINT_BASELINE:
		print_baseline = true;
		break;
	case 'h':
		usage();
		exit(0);
	case 'V':
		puts("framebench of frameio " PACKAGE_VERSION);
		exit(0);
	default:
		exit(MISUSED);
	}
}

static void parse_arguments(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "l:p:w:q:r:n:ijo:b:hV", options, NULL)) != -1)
		take_option(option);
	if (optind < argc)
		misused("it takes options only");
	if (json + print_baseline + !!baseline > 1)
		misused("of --json, --baseline and --print-baseline only one goes at a time");
	if (!nlengths)
		lengths[nlengths++] = LENGTH_LEAST;
}

/* A frame that was lost is waited for until then. Called as a signal's handler. */
static void give_up(int sig)
{
	static const char sentence[] = "framebench: no end: frames must have been lost\n";

	(void)sig;
	if (write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0)
		_exit(FAILED);
	_exit(FAILED);
}

/* The names of interfaces, files and modules are needed before we are in our own namespace. */
static void prepare(void)
{
	if (geteuid())
		die("needs root, to make interfaces in a network namespace of its own");
	/* what is not there is told of the peers that need it */
	if (system("modprobe -qa tun dummy veth pktgen 2>/dev/null") < 0)
		die("cannot run modprobe: %s", strerror(errno));
	signal(SIGALRM, give_up);
	network_enter();
}

static void measure_length(size_t len, struct results *results)
{
	enum workload_id workload;
	size_t first;

	burst_set_length(len);
	for (workload = 0; workload < NWORKLOADS; workload++) {
		if (fnmatch(settings.workloads, workloads[workload].name, FNM_EXTMATCH))
			continue;
		first = results->n;
		measure_workload(&settings, workload, results);
		report_skipped(results->all + first, results->n - first);
		if (!json && !print_baseline)
			report_table(&settings, results->all + first, results->n - first);
	}
}

static void write_json(const char *file, const struct results *results)
{
	FILE *stream = fopen(file, "we");

	if (!stream)
		die("cannot write '%s': %s", file, strerror(errno));
	report_json(stream, &settings, results);
	if (ferror(stream) | fclose(stream))
		die("cannot write '%s': %s", file, strerror(errno));
}

int main(int argc, char **argv)
{
	struct results results = { 0 };
	bool good = true;
	unsigned int i;

	parse_arguments(argc, argv);
	prepare();
	for (i = 0; i < nlengths; i++)
		measure_length(lengths[i], &results);
	if (!results.n)
		misused("no path is of such a peer and workload");
	if (output)
		write_json(output, &results);
	if (json)
		report_json(stdout, &settings, &results);
	if (print_baseline)
		baseline_print(&results);
	if (baseline)
		good = baseline_check(baseline, &settings, &results);
	if (fflush(stdout))
		die("cannot write what was measured: %s", strerror(errno));
	for (i = 0; i < results.n; i++)
		free(results.all[i].skipped);
	free(results.all);
	return good ? 0 : FAILED;
}
