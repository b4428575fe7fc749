/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The kernel's own generator, which makes each frame anew: the floor of sending. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define DIRECTORY	"/proc/net/pktgen/"

/* One command to a file of pktgen: a write each, as it reads them, with the end of a line. */
static void tell(const char *file, const char *command)
{
	FILE *stream = fopen(file, "we");

	fail_unless(stream && fprintf(stream, "%s\n", command) > 0 && !fclose(stream), command);
}

static const char *pktgen_missing(void)
{
	FILE *thread = fopen(DIRECTORY "kpktgend_0", "re");

	if (!thread)
		return because("the module pktgen is not there: " DIRECTORY "kpktgend_0");
	fclose(thread);
	return NULL;
}

static const char *pktgen_open(struct endpoint *end)
{
	char command[64];

	(void)end;
	tell(DIRECTORY "kpktgend_0", "add_device " OUT_NAME);
	snprintf(command, sizeof(command), "pkt_size %zu", burst.len);
	tell(DIRECTORY OUT_NAME, command);
	tell(DIRECTORY OUT_NAME, "delay 0");
	tell(DIRECTORY OUT_NAME, "dst_mac ff:ff:ff:ff:ff:ff");
	return NULL;
}

static void pktgen_close(struct endpoint *end)
{
	(void)end;
	tell(DIRECTORY "kpktgend_0", "rem_device_all");
}

/* It has a clock of its own, and tells microseconds. */
static uint64_t pktgen_run(struct endpoint *end, unsigned int nframes)
{
	unsigned long long us, found = 0;
	char command[64], line[256];
	FILE *stream;

	(void)end;
	snprintf(command, sizeof(command), "count %u", nframes);
	tell(DIRECTORY OUT_NAME, command);
	tell(DIRECTORY "pgctrl", "start");
	stream = fopen(DIRECTORY OUT_NAME, "re");
	fail_unless(stream != NULL, DIRECTORY OUT_NAME);
	while (fgets(line, sizeof(line), stream))
		if (sscanf(line, "Result: OK: %llu", &us) == 1)
			found = us;
	fclose(stream);
	if (!found)
		die("pktgen tells no result of its run");
	return found * 1000;
}

static const struct path paths[] = {
	{ .name = "kernel", .workloads = WORKLOAD(NIC_SEND), .batch = 1, .run = pktgen_run },
};

const struct peer peer_pktgen = {
	.name = "pktgen",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = pktgen_missing,
	.open = pktgen_open,
	.close = pktgen_close,
};
