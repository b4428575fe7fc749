/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framehub - join two ports: what comes out of one goes into the other.
 *
 * One thread, which never blocks but in ppoll(). A direction holds at most one
 * batch that its destination has not accepted yet; until it has, nothing more
 * is read from the source, whose read queue then holds the sender back.
 */
#include <errno.h>
#include <getopt.h>
#include <json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

/* Of an L3 port's packet or an L2 port's frame with a VLAN tag, at the largest MTU. */
#define FRAME_SIZE	(65535 + 18)

struct port {
	struct tool_port name;
	struct frameio_qp *qp;
};

/* From one port to the other. */
struct direction {
	struct port *from, *to;
	struct frameio_batch *batch;
	uint64_t frames, bytes;
	uint64_t reads, writes;
	uint64_t refused;	/* frames that the destination does not take */
	uint64_t shown_frames, shown_bytes;
};

static bool json, quiet;
static unsigned int batch_size = FRAMEIO_NFRAMES_MAX;

static void usage(void)
{
	puts("usage: framehub [OPTION...] PORT PORT\n"
	     "\n"
	     "Join two frameio ports: what the kernel transmits on one is received on the\n"
	     "other. A PORT is an interface's name, or NETNS:NAME for one in another network\n"
	     "namespace. Ends with a table of what was moved on Ctrl-C, or when a port goes.\n"
	     "\n"
	     "  -b, --batch N   frames moved per call, 1 to 32 (default: 32)\n"
	     "  -j, --json      print the table as JSON\n"
	     "  -q, --quiet     show no progress\n"
	     "  -h, --help      print this\n"
	     "  -V, --version   print the version");
}

/* Tell why a port can be used no longer. */
static void complain(const struct port *port, const char *what, int err)
{
	fprintf(stderr, "%s: ", tool_name);
	if (err == -ENODEV)
		fprintf(stderr, "port '%s' is gone\n", port->name.text);
	else
		fprintf(stderr, "cannot %s port '%s': %s\n", what, port->name.text,
			tool_explain(-err));
}

static uint64_t batch_bytes(const struct frameio_batch *batch)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < frameio_batch_count(batch); i++)
		bytes += frameio_batch_hdr(batch, i)->len;
	return bytes;
}

/*
 * Write what the batch holds. Frames the destination does not take, because
 * its MTU is smaller or it is down, are dropped as on a wire, and counted.
 *
 * Return: 0; -EAGAIN or -ENOMEM, some are left; another error of the port.
 */
static int direction_write(struct direction *direction)
{
	struct frameio_batch *batch = direction->batch;
	uint64_t before;
	int n;

	while (frameio_batch_count(batch)) {
		before = batch_bytes(batch);
		n = frameio_batch_write(batch, direction->to->qp);
		if (n > 0) {
			direction->writes++;
			direction->frames += n;
			direction->bytes += before - batch_bytes(batch);
		} else if (n == -EINVAL) {
			direction->refused++;
			frameio_batch_drop(batch, 1);
		} else if (n == -ENETDOWN) {
			direction->refused += frameio_batch_count(batch);
			frameio_batch_clear(batch);
		} else if (n != -EINTR) {
			return n;
		}
	}
	return 0;
}

/* Batches that one direction moves before the other has its turn. */
#define TURN	16

/*
 * Move frames until the source has none, the destination takes none, or the
 * turn is over.
 *
 * Return: false if a port can be used no longer; that has been told.
 */
static bool direction_move(struct direction *direction)
{
	int i, ret;

	for (i = 0; i < TURN; i++) {
		ret = direction_write(direction);
		if (ret == -EAGAIN || ret == -ENOMEM)
			return true;
		if (ret) {
			complain(direction->to, "write to", ret);
			return false;
		}
		ret = frameio_batch_read(direction->batch, direction->from->qp);
		if (ret == -EAGAIN || ret == -EINTR)
			return true;
		if (ret < 0) {
			complain(direction->from, "read from", ret);
			return false;
		}
		direction->reads++;
	}
	return true;
}

static void print_table(const struct direction *directions)
{
	char bytes[16];
	int i;

	printf("%-40s %12s %10s %10s %11s %6s\n", "", "frames", "bytes", "calls", "frames/call",
	       "drops");
	for (i = 0; i < 2; i++) {
		const struct direction *d = &directions[i];
		char way[80];

		snprintf(way, sizeof(way), "%s > %s", d->from->name.text, d->to->name.text);
		printf("%-40s %12ju %9sB %10ju %11.1f %6ju\n", way, (uintmax_t)d->frames,
		       tool_amount(bytes, d->bytes), (uintmax_t)(d->reads + d->writes),
		       d->reads ? (double)(d->frames + d->refused) / d->reads : 0.0,
		       (uintmax_t)d->refused);
	}
}

static void print_json(const struct direction *directions)
{
	struct json_object *array = json_object_new_array();
	int i;

	for (i = 0; i < 2; i++) {
		const struct direction *d = &directions[i];
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "from", json_object_new_string(d->from->name.text));
		json_object_object_add(object, "to", json_object_new_string(d->to->name.text));
		json_object_object_add(object, "frames", json_object_new_int64(d->frames));
		json_object_object_add(object, "bytes", json_object_new_int64(d->bytes));
		json_object_object_add(object, "read_calls", json_object_new_int64(d->reads));
		json_object_object_add(object, "write_calls", json_object_new_int64(d->writes));
		json_object_object_add(object, "drops", json_object_new_int64(d->refused));
		json_object_array_add(array, object);
	}
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY));
	json_object_put(array);
}

/* One line, written over once a second. */
static void show_progress(struct direction *directions, double seconds)
{
	char frames[16], bits[16];
	int i;

	for (i = 0; i < 2; i++) {
		struct direction *d = &directions[i];

		fprintf(stderr, "%s%s > %s %s frames/s %sbit/s", i ? "  " : "\r\033[K",
			d->from->name.text, d->to->name.text,
			tool_amount(frames, (d->frames - d->shown_frames) / seconds),
			tool_amount(bits, 8.0 * (d->bytes - d->shown_bytes) / seconds));
		d->shown_frames = d->frames;
		d->shown_bytes = d->bytes;
	}
}

/* What to wait for on the port that is @reading's source and @writing's destination. */
static short wanted_events(const struct direction *reading, const struct direction *writing)
{
	return (frameio_batch_count(reading->batch) ? 0 : POLLIN) |
	       (frameio_batch_count(writing->batch) ? POLLOUT : 0);
}

/* Move frames until a signal comes (true) or a port can be used no longer (false). */
static bool run(struct direction *directions)
{
	const bool progress = !quiet && !json && isatty(STDERR_FILENO);
	const sigset_t *unblocked = tool_catch_signals();
	const struct timespec second = { .tv_sec = 1 };
	double shown = tool_now(), elapsed;
	struct pollfd fds[2];
	bool good = true;
	int i;

	for (i = 0; i < 2; i++)
		fds[i].fd = frameio_fd(directions[i].from->qp);
	while (good && !tool_interrupted()) {
		fds[0].events = wanted_events(&directions[0], &directions[1]);
		fds[1].events = wanted_events(&directions[1], &directions[0]);
		if (ppoll(fds, 2, progress ? &second : NULL, unblocked) < 0 && errno != EINTR)
			tool_die(TOOL_FAILED, "cannot wait for frames: %s", strerror(errno));
		for (i = 0; good && i < 2; i++)
			good = direction_move(&directions[i]);
		elapsed = tool_now() - shown;
		if (progress && elapsed >= 1) {
			show_progress(directions, elapsed);
			shown += elapsed;
		}
	}
	if (progress)
		fputs("\r\033[K", stderr);
	return good;
}

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "batch", required_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	char *end;
	int option;

	while ((option = getopt_long(argc, argv, "b:hjqV", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			batch_size = strtoul(optarg, &end, 10);
			if (*end || !batch_size || batch_size > FRAMEIO_NFRAMES_MAX)
				tool_misused("--batch takes a number from 1 to %d, not '%s'",
					     FRAMEIO_NFRAMES_MAX, optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'h':
			usage();
			exit(tool_finish(0));
		case 'V':
			tool_print_version();
			exit(tool_finish(0));
		default:
			fprintf(stderr, "Try 'framehub --help'.\n");
			exit(TOOL_MISUSED);
		}
	}
	if (argc - optind != 2)
		tool_misused("takes two ports, not %d", argc - optind);
}

/* Frames of an L2 port and packets of an L3 port do not mix. */
static void require_same_kind(const struct port *ports)
{
	struct frameio_info info[2];
	bool l3[2];
	int i, err;

	for (i = 0; i < 2; i++) {
		err = frameio_get_info(ports[i].qp, &info[i]);
		if (err)
			tool_die(TOOL_FAILED, "cannot use port '%s': %s", ports[i].name.text,
				 tool_explain(-err));
		l3[i] = info[i].fi_flags & FRAMEIO_PORT_L3;
	}
	if (l3[0] != l3[1])
		tool_die(TOOL_FAILED, "cannot join '%s', an %s port, and '%s', an %s port",
			 ports[0].name.text, l3[0] ? "L3" : "L2", ports[1].name.text,
			 l3[1] ? "L3" : "L2");
}

int main(int argc, char **argv)
{
	struct port ports[2];
	struct direction directions[2] = { 0 };
	bool good;
	int i, err;

	tool_start("framehub");
	parse_options(argc, argv);
	for (i = 0; i < 2; i++)
		tool_parse_port(&ports[i].name, argv[optind + i]);
	for (i = 0; i < 2; i++) {
		ports[i].qp = tool_open_port(&ports[i].name);
		err = frameio_set_nonblock(ports[i].qp, true);
		if (err)
			tool_die(TOOL_FAILED, "cannot use port '%s': %s", ports[i].name.text,
				 strerror(-err));
		directions[i].from = &ports[i];
		directions[i].to = &ports[!i];
		err = frameio_batch_alloc(&directions[i].batch, batch_size, FRAME_SIZE);
		if (err)
			tool_die(TOOL_FAILED, "cannot make a batch: %s", strerror(-err));
	}

	require_same_kind(ports);
	good = run(directions);

	if (json)
		print_json(directions);
	else
		print_table(directions);
	for (i = 0; i < 2; i++) {
		frameio_batch_free(directions[i].batch);
		frameio_close(ports[i].qp);
	}
	return tool_finish(good ? 0 : TOOL_FAILED);
}
