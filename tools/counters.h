/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A port's counters. Of a virtual port, as ethtool has them: the kernel names them, and
 * one that it knows and we do not is shown like the others. Those of a NIC port have
 * the same names.
 */
#ifndef FRAMEIO_COUNTERS_H
#define FRAMEIO_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "link.h"

#define COUNTERS_MAX		64	/* of a queue pair */
#define COUNTERS_NAME_SIZE	32

/* Which of the two queues a counter is about. */
enum counter_side {
	COUNTER_READ,
	COUNTER_WRITE,
};

enum counter_family {
	COUNTER_SINGLE,		/* one of its own: "stops" */
	COUNTER_FRAMES,		/* one for each mode: "frames" of "vector" */
	COUNTER_CALLS,
	COUNTER_DROPS,		/* one for each reason */
};

struct counter {
	enum counter_side side;
	enum counter_family family;
	char name[COUNTERS_NAME_SIZE];	/* its name, its mode, or its reason */
};

/* A port's name and number, and its counters at one time. */
struct counters {
	char interface[IF_NAMESIZE];
	int ifindex;
	enum link_port port;
	double when;			/* seconds, of a clock that goes on evenly */
	unsigned int ncounters;
	struct counter counters[COUNTERS_MAX];
	uint32_t nqueues;		/* queue pairs that there can be */
	bool shown[FRAMEIO_NQUEUES_MAX]; /* in use, or was */
	uint64_t values[FRAMEIO_NQUEUES_MAX][COUNTERS_MAX];
};

/* Read a port's; 0, or -ENODEV where it has gone, or another negative errno. */
int counters_read(const struct link *link, struct counters *counters);

/*
 * What was counted since @before, of the same port: @since->when is for how long.
 * False if that cannot be told.
 */
bool counters_since(const struct counters *before, const struct counters *now,
		    struct counters *since);

/* Sum up the queue pairs. */
void counters_total(const struct counters *counters, uint64_t total[COUNTERS_MAX]);

/* Sum up a row's counters of one side and family; @name: that one only, or NULL. */
uint64_t counters_sum(const struct counters *counters, const uint64_t row[COUNTERS_MAX],
		      enum counter_side side, enum counter_family family, const char *name);

const char *counters_side_name(enum counter_side side);

/* What a family's counters are together: "frames", "calls", "drops". */
const char *counters_family_name(enum counter_family family);

#endif
