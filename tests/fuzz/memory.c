/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

#define PAGE		4096
#define GOOD_SIZE	(512 << 10)
#define END_SIZE	(256 << 10)
#define READONLY_SIZE	(128 << 10)
#define END_START	(GOOD_SIZE + PAGE)
#define END_END		(END_START + END_SIZE)
#define READONLY_START	(END_END + PAGE)
#define READONLY_END	(READONLY_START + READONLY_SIZE)
#define MEMORY_SIZE	(READONLY_END + PAGE)
#define SHARED_SIZE	(64 << 10)

static struct memory shared;

static void memory_map(struct memory *memory, size_t size)
{
	unsigned char *alias;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size))
		err(2, "memfd_create");
	memory->view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory->view == MAP_FAILED || alias == MAP_FAILED)
		err(2, "mmap");
	memory->to_alias = alias - memory->view;
	close(fd);
}

void memory_init(struct memory *memory)
{
	memory_map(memory, MEMORY_SIZE);
	if (mprotect(memory->view + GOOD_SIZE, PAGE, PROT_NONE) ||
	    mprotect(memory->view + END_END, PAGE, PROT_NONE) ||
	    mprotect(memory->view + READONLY_START, READONLY_SIZE, PROT_READ) ||
	    mprotect(memory->view + READONLY_END, PAGE, PROT_NONE))
		err(2, "mprotect");
	memory_reset(memory);
}

void memory_reset(struct memory *memory)
{
	memory->used = 0;
	memory->end_used = false;
	memory->overlaps = false;
}

static uint64_t memory_place_good(struct memory *memory, uint64_t size)
{
	unsigned char *start;

	if (size > GOOD_SIZE - memory->used) {
		memory->overlaps = true;
		memory->used = 0;
	}
	start = memory->view + memory->used;
	if (size <= GOOD_SIZE)
		memory->used += (size + 7) & ~7ull;
	if (memory->used > GOOD_SIZE)
		memory->used = GOOD_SIZE;
	return (uintptr_t)start;
}

static void memory_use_end(struct memory *memory)
{
	memory->overlaps |= memory->end_used;
	memory->end_used = true;
}

uint64_t memory_place(struct memory *memory, enum place place, uint64_t size, uint64_t self)
{
	const uint64_t end = (uintptr_t)memory->view + END_END;

	switch (place) {
	case PLACE_GOOD:
		return memory_place_good(memory, size);
	case PLACE_UNALIGNED:
		return memory_place_good(memory, size + 1) + 1;
	case PLACE_END:
		memory_use_end(memory);
		return size <= END_SIZE ? end - size : end - END_SIZE;
	case PLACE_SHORT:
		memory_use_end(memory);
		return size <= END_SIZE ? end - size + 4 : end - 8;
	case PLACE_READONLY:
		return (uintptr_t)memory->view + READONLY_START;
	case PLACE_SHARED:
		return (uintptr_t)shared.view;
	case PLACE_SELF:
		return self;
	case PLACE_NULL:
		return 0;
	case PLACE_UNMAPPED:
		return 0x1000;
	case PLACE_TOP:
		return 0x7ffffffff000 - 8;
	case PLACE_NONCANONICAL:
		return 0x800000000000;
	case PLACE_KERNEL:
		return 0xffff888000001000;
	case PLACE_WRAP:
	default:
		return -8ull;
	}
}

bool memory_is_own(enum place place, uint64_t size)
{
	switch (place) {
	case PLACE_GOOD:
	case PLACE_UNALIGNED:
		return size < GOOD_SIZE;
	case PLACE_END:
		return size <= END_SIZE;
	default:
		return false;
	}
}

unsigned char *memory_alias(const struct memory *memory, uint64_t address, size_t *size)
{
	const uint64_t view = (uintptr_t)memory->view, other = (uintptr_t)shared.view;

	if (address >= view && address < view + MEMORY_SIZE) {
		*size = view + MEMORY_SIZE - address;
		return (unsigned char *)(uintptr_t)address + memory->to_alias;
	}
	if (address >= other && address < other + SHARED_SIZE) {
		*size = other + SHARED_SIZE - address;
		return (unsigned char *)(uintptr_t)address + shared.to_alias;
	}
	return NULL;
}

void memory_put(const struct memory *memory, uint64_t address, const void *from, size_t size)
{
	size_t room;
	unsigned char *to = memory_alias(memory, address, &room);

	if (to)
		memcpy(to, from, size < room ? size : room);
}

void memory_set(const struct memory *memory, uint64_t address, int byte, uint64_t size)
{
	size_t room;
	unsigned char *to = memory_alias(memory, address, &room);

	if (to)
		memset(to, byte, size < room ? size : room);
}

void memory_shared_init(void)
{
	memory_map(&shared, SHARED_SIZE);
}

void memory_shared_scribble(uint64_t round)
{
	volatile unsigned char *bytes = shared.view + shared.to_alias;

	/* headers and vectors are where a change in between does harm */
	bytes[random_mix(round) % 256] = random_mix(round) >> 56;
	bytes[random_mix(round) % 64] ^= 1;
}

void memory_shared_protect(bool protect)
{
	mprotect(shared.view, PAGE, protect ? PROT_NONE : PROT_READ | PROT_WRITE);
}
