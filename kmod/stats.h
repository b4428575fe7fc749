/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters: counted where things happen, put together where they are asked for.
 *
 * Each group has one writer at a time and 64-bit words, so that reading needs
 * no lock: what is read is at most a moment old.
 */
#ifndef _FRAMEIO_STATS_H
#define _FRAMEIO_STATS_H

#include "port.h"

/* Count records moved by a call, and one refused; under the direction's lock. */
static inline void frameio_stats_count(struct frameio_call_stats *stats, enum frameio_mode mode,
				       u32 frames, size_t bytes, int err)
{
	stats->frames[mode] += frames;
	stats->bytes += bytes - frames * sizeof(struct frameio_hdr);
	stats->errors += err != 0;
}

/* Count a call, if it moved anything. */
static inline void frameio_stats_count_call(struct frameio_call_stats *stats,
					    enum frameio_mode mode, u32 frames)
{
	stats->calls[mode] += frames != 0;
}

void frameio_stats_get(const struct frameio_qp *qp, struct frameio_stats *stats);
void frameio_stats_get_link(const struct frameio_port *port, struct rtnl_link_stats64 *link);

#endif /* _FRAMEIO_STATS_H */
