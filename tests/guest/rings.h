/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A program's side of rings, over the ABI itself: every step is the test's own, so that
 * it can leave one out.
 */
#ifndef FRAMEIO_GUEST_RINGS_H
#define FRAMEIO_GUEST_RINGS_H

#include "guest.h"

/*
 * A ring that is mapped. @own is this side's counter, which is stored for the kernel only
 * by rings_release() and rings_commit(); @size is of the area, @map of the whole mapping.
 */
struct rings_ring {
	struct frameio_ring_page *page;
	unsigned char *area;
	uint32_t size;
	size_t map;
	uint64_t own;
};

struct rings {
	int fd;
	struct rings_ring read, write;	/* @size 0: there is none */
	unsigned long calls;		/* made by the functions here */
};

#define RINGS_SIZE	65536

/* FRAMEIO_RING_SETUP; 0, or -1 and errno. @setup may be NULL. */
int rings_try(int fd, uint32_t flags, uint32_t read_size, uint32_t write_size,
	      struct frameio_ring_setup *setup);

/* Make rings of these sizes and map them; an idle time, with a thread, of so many us. */
void rings_make(struct rings *rings, int fd, uint32_t flags, uint32_t read_size,
		uint32_t write_size, uint32_t idle);

/* Map those of a file that has them. */
void rings_map(struct rings *rings, int fd, uint32_t read_size, uint32_t write_size);

/* Unmap what is mapped; the file stays open. */
void rings_unmap(struct rings *rings);

/* FRAMEIO_KICK; 0, or -1 and errno. */
int rings_kick(struct rings *rings);

/* --- the read ring --------------------------------------------------- */

/* The next record, or NULL: the ring is empty. It stays where it is. */
const unsigned char *rings_next(const struct rings *rings);

/* Done with the next record; the kernel does not know yet. */
void rings_skip(struct rings *rings);

/* Give back what was skipped, and kick if the kernel waits for it. Returns true if it did. */
bool rings_release(struct rings *rings);

/* Bytes that lie in the ring, as this side knows it. */
uint64_t rings_used(const struct rings_ring *ring, uint64_t producer, uint64_t consumer);

/* Wait for a record, by poll(2) as the protocol has it; false after that time. */
bool rings_wait_record(struct rings *rings, int timeout_ms);

/* Take the record of the frame that guest_fill() makes; it must come within a time. */
void rings_expect(struct rings *rings, size_t len, uint32_t seed, uint32_t flags);

/* --- the write ring -------------------------------------------------- */

/* Room for a record of that length, @len its whole length; or NULL. */
unsigned char *rings_room(const struct rings *rings, size_t len);

/* What was put at rings_room() is complete; the kernel does not know yet. */
void rings_put(struct rings *rings, size_t len);

/* Tell the kernel, and kick if it waits for it. Returns true if it did. */
bool rings_commit(struct rings *rings);

/* Wait for room for a record of that length; false after that time. */
bool rings_wait_room(struct rings *rings, size_t len, int timeout_ms);

/* Put the record of the frame that guest_fill() makes, waiting for room, and commit it. */
void rings_write(struct rings *rings, size_t len, uint32_t seed, uint32_t flags);

/* Wait until the kernel has taken all that was committed. */
void rings_drain(struct rings *rings);

/* --- flags ----------------------------------------------------------- */

static inline uint64_t rings_load(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static inline void rings_store(__u64 *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

static inline uint32_t rings_flags(const __u32 *flags)
{
	return __atomic_load_n(flags, __ATOMIC_RELAXED);
}

static inline void rings_set_flags(__u32 *flags, uint32_t value)
{
	__atomic_store_n(flags, value, __ATOMIC_RELAXED);
}

/* A store before it and a load after it keep their order. */
static inline void rings_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* How a record that long, header and all, lies in a ring. */
static inline uint64_t rings_align(uint64_t len)
{
	return (len + FRAMEIO_RECORD_ALIGN - 1) & ~(uint64_t)(FRAMEIO_RECORD_ALIGN - 1);
}

#endif
