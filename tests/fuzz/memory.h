/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Memory that calls are given, good and bad. Each area is mapped twice: the view
 * is what the kernel gets to see, protections and all, and through the alias
 * the fuzzer itself fills it and looks at it, always.
 */
#ifndef FRAMEIO_FUZZ_MEMORY_H
#define FRAMEIO_FUZZ_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

struct memory {
	unsigned char *view;
	ptrdiff_t to_alias;	/* from the view */
	size_t used;		/* of the good part */
	bool end_used;
	bool overlaps;		/* something was given out twice */
};

void memory_init(struct memory *memory);

/* Forget what memory_place() gave out. */
void memory_reset(struct memory *memory);

/* The address of a place for @size bytes. @self is that of PLACE_SELF. */
uint64_t memory_place(struct memory *memory, enum place place, uint64_t size, uint64_t self);

/* Is it memory of the caller's own, that can be read and written? */
bool memory_is_own(enum place place, uint64_t size);

/* Where the fuzzer sees an address, and how many bytes there; NULL: nowhere. */
unsigned char *memory_alias(const struct memory *memory, uint64_t address, size_t *size);

/* Copy to an address as much as can be. */
void memory_put(const struct memory *memory, uint64_t address, const void *from, size_t size);
void memory_set(const struct memory *memory, uint64_t address, int byte, uint64_t size);

/* PLACE_SHARED, one for all. */
void memory_shared_init(void);
void memory_shared_scribble(uint64_t round);
void memory_shared_protect(bool protect);

#endif
