/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Numbers that follow from a seed, the same everywhere.
 */
#ifndef FRAMEIO_FUZZ_RANDOM_H
#define FRAMEIO_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* A permutation of the 64-bit numbers in which neighbours have nothing in common. */
static inline uint64_t random_mix(uint64_t value)
{
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
	value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
	return value ^ value >> 32;
}

static inline uint64_t random_next(struct random *random)
{
	random->state += 0x9e3779b97f4a7c15;
	return random_mix(random->state);
}

static inline uint64_t random_below(struct random *random, uint64_t n)
{
	return random_next(random) % n;
}

static inline bool random_percent(struct random *random, unsigned int percent)
{
	return random_below(random, 100) < percent;
}

#endif
