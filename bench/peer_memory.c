/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* A bare copy of each frame: the floor of all paths. */
#include <string.h>

#include "bench.h"

static unsigned int memory_copy(struct endpoint *end)
{
	unsigned int i;

	(void)end;
	for (i = 0; i < BURST; i++) {
		memcpy(burst.records[i], burst.frame, burst.len);
		/* nobody looks at it: the compiler is not to know */
		__asm__ volatile ("" : : "r"(burst.records[i]) : "memory");
	}
	return i;
}

static const struct path paths[] = {
	{ .name = "memcpy", .workloads = WORKLOAD(COPY), .batch = 1, .move = memory_copy },
};

const struct peer peer_memory = {
	.name = "memory",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
};
