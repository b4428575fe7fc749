/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The stations that a switch has heard of, and behind which port each was heard last.
 *
 * Any thread may call these at any time, but for making and freeing a table. Times are
 * milliseconds of one clock, which need not be the same in all threads.
 */
#ifndef FRAMEIO_STATIONS_H
#define FRAMEIO_STATIONS_H

#include <stdint.h>

#define STATIONS_MAX	(1U << 24)

struct stations;

/* One of them. */
struct station {
	uint64_t address;
	unsigned int port;
	uint64_t age_ms;	/* since it was heard last */
};

/*
 * A table for up to @room stations, a power of two from 8 to STATIONS_MAX, each of which
 * is forgotten when it has not been heard for @lifetime_ms. NULL: no memory.
 */
struct stations *stations_new(unsigned int room, uint64_t lifetime_ms);
void stations_free(struct stations *stations);

/* The address of 6 bytes. */
static inline uint64_t stations_address(const unsigned char *bytes)
{
	return (uint64_t)bytes[0] << 40 | (uint64_t)bytes[1] << 32 | (uint64_t)bytes[2] << 24 |
	       (uint64_t)bytes[3] << 16 | (uint64_t)bytes[4] << 8 | bytes[5];
}

/* Heard a station: it is behind that port, below 65535, from now on. */
void stations_learn(struct stations *stations, uint64_t address, unsigned int port, uint64_t now);

/* The port that a station is behind; -1: not known. */
int stations_find(const struct stations *stations, uint64_t address, uint64_t now);

/* Forget all that are behind a port. */
void stations_forget(struct stations *stations, unsigned int port);

/*
 * Those that are known, in no particular order: stores at most @room of them at @list,
 * and returns how many there are.
 */
unsigned int stations_list(const struct stations *stations, uint64_t now, struct station *list,
			   unsigned int room);

/* How often a station was heard behind another port than before. */
uint64_t stations_moves(const struct stations *stations);

/* How often one had to give way to another. */
uint64_t stations_displaced(const struct stations *stations);

#endif
