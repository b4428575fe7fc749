/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Which places of the module a program's threads went through: KCOV. A module
 * that was built without KCOV_INSTRUMENT=y, and a kernel without KCOV, show none.
 * Where the rest of the kernel is instrumented, too, it is left out.
 */
#ifndef FRAMEIO_FUZZ_COVER_H
#define FRAMEIO_FUZZ_COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For so many threads; false: there is no KCOV here. */
bool cover_init(unsigned int nthreads);

/* By the parent before a program, and after it. */
void cover_reset(void);
void cover_finish(void);

/* A set of places, and of steps from one to the next. */
struct cover_set {
	uint64_t *values;
	size_t size, n, nplaces;
};

void cover_set_init(struct cover_set *set);
void cover_set_clear(struct cover_set *set);

/* Add what the program covered; how many places and steps are new. */
void cover_collect(struct cover_set *set, size_t *places, size_t *steps);

/* The places among those of the last program that are not in @set, to be sought again. */
size_t cover_new_places(const struct cover_set *set, uint64_t *places, size_t max);
bool cover_has_places(const uint64_t *places, size_t n);

/* By thread number @thread of the program, around its calls. */
void cover_start(unsigned int thread);
void cover_stop(unsigned int thread);

#endif
