/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <unistd.h>

#include "rings.h"
#include "tool.h"

unsigned int rings_size(size_t bytes)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	unsigned int size = FRAMEIO_RING_SIZE_MIN;

	while (size < FRAMEIO_RING_SIZE_MAX && (size < bytes || size < page))
		size *= 2;
	return size;
}

int rings_set_up(struct frameio_qp *qp, unsigned int read_size, unsigned int write_size)
{
	const struct frameio_ring_options options = {
		.read_size = read_size,
		.write_size = write_size,
	};

	return frameio_ring_setup(qp, &options);
}

const char *rings_explain(int err)
{
	switch (err) {
	case -ENOMEM:
		return "no memory for its rings, or more than may be locked: see 'ulimit -l'";
	case -EPERM:
		return "its rings would be larger than its queues, and more takes root";
	case -EINVAL:
		return "its rings cannot hold its longest frame: give it a smaller MTU, or no offload";
	default:
		return tool_explain(-err);
	}
}
