/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rings.h"

/* Longer than anything takes, on a slow machine, too. */
#define PATIENCE_MS	30000

int rings_try(int fd, uint32_t flags, uint32_t read_size, uint32_t write_size,
	      struct frameio_ring_setup *setup)
{
	struct frameio_ring_setup own = { 0 };

	setup = setup ? setup : &own;
	setup->frr_flags = flags;
	setup->frr_read_size = read_size;
	setup->frr_write_size = write_size;
	return ioctl(fd, FRAMEIO_RING_SETUP, setup);
}

static void map_ring(struct rings_ring *ring, int fd, uint32_t size, off_t offset)
{
	memset(ring, 0, sizeof(*ring));
	if (!size)
		return;
	ring->size = size;
	ring->map = sysconf(_SC_PAGESIZE) + 2 * (size_t)size;
	ring->page = mmap(NULL, ring->map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	ck_assert_msg(ring->page != MAP_FAILED, "mapping a ring: %s", strerror(errno));
	ring->area = (unsigned char *)ring->page + sysconf(_SC_PAGESIZE);
}

void rings_map(struct rings *rings, int fd, uint32_t read_size, uint32_t write_size)
{
	rings->fd = fd;
	rings->calls = 0;
	map_ring(&rings->read, fd, read_size, FRAMEIO_RING_READ_OFFSET);
	map_ring(&rings->write, fd, write_size, FRAMEIO_RING_WRITE_OFFSET);
	if (read_size)
		rings->read.own = rings_load(&rings->read.page->rg_consumer);
	if (write_size)
		rings->write.own = rings_load(&rings->write.page->rg_producer);
}

void rings_make(struct rings *rings, int fd, uint32_t flags, uint32_t read_size,
		uint32_t write_size, uint32_t idle)
{
	struct frameio_ring_setup setup = { .frr_idle = idle };

	ck_assert_msg(!rings_try(fd, flags, read_size, write_size, &setup),
		      "FRAMEIO_RING_SETUP: %s", strerror(errno));
	rings_map(rings, fd, read_size, write_size);
	ck_assert_uint_eq(setup.frr_read_map, rings->read.map);
	ck_assert_uint_eq(setup.frr_write_map, rings->write.map);
}

static void unmap_ring(struct rings_ring *ring)
{
	if (ring->size)
		ck_assert_int_eq(munmap(ring->page, ring->map), 0);
	ring->size = 0;
}

void rings_unmap(struct rings *rings)
{
	unmap_ring(&rings->read);
	unmap_ring(&rings->write);
}

int rings_kick(struct rings *rings)
{
	rings->calls++;
	return ioctl(rings->fd, FRAMEIO_KICK);
}

static int wait_for(struct rings *rings, short events, int timeout_ms)
{
	rings->calls++;
	return guest_poll(rings->fd, events, timeout_ms);
}

uint64_t rings_used(const struct rings_ring *ring, uint64_t producer, uint64_t consumer)
{
	/* an assertion of Check's is a system call, even one that holds */
	if (producer - consumer > ring->size)
		ck_abort_msg("%llu bytes produced, %llu consumed", (unsigned long long)producer,
			     (unsigned long long)consumer);
	return producer - consumer;
}

/* --- the read ring --------------------------------------------------- */

static const unsigned char *record_at(const struct rings_ring *ring, uint64_t counter)
{
	return ring->area + counter % ring->size;
}

const unsigned char *rings_next(const struct rings *rings)
{
	const struct rings_ring *ring = &rings->read;

	if (!rings_used(ring, rings_load(&ring->page->rg_producer), ring->own))
		return NULL;
	return record_at(ring, ring->own);
}

void rings_skip(struct rings *rings)
{
	struct rings_ring *ring = &rings->read;
	const uint64_t left = rings_load(&ring->page->rg_producer) - ring->own;
	struct frameio_hdr hdr;

	memcpy(&hdr, record_at(ring, ring->own), sizeof(hdr));
	if (hdr.version != FRAMEIO_HDR_VERSION || hdr.hdrlen != HDRLEN ||
	    rings_align(HDRLEN + hdr.len) > left)
		ck_abort_msg("a record of version %u, a header of %u and a frame of %u bytes, "
			     "where %llu bytes are left", hdr.version, hdr.hdrlen, hdr.len,
			     (unsigned long long)left);
	ring->own += rings_align(HDRLEN + hdr.len);
}

bool rings_release(struct rings *rings)
{
	struct rings_ring *ring = &rings->read;

	rings_store(&ring->page->rg_consumer, ring->own);
	rings_barrier();
	if (!(rings_flags(&ring->page->rg_producer_flags) & FRAMEIO_RING_NEED_WAKEUP) ||
	    rings_load(&ring->page->rg_producer) - ring->own > ring->size / 2)
		return false;
	if (rings_kick(rings))
		ck_abort_msg("FRAMEIO_KICK: %s", strerror(errno));
	return true;
}

bool rings_wait_record(struct rings *rings, int timeout_ms)
{
	struct rings_ring *ring = &rings->read;

	if (rings_next(rings))
		return true;
	rings_set_flags(&ring->page->rg_consumer_flags, FRAMEIO_RING_NEED_WAKEUP);
	rings_barrier();
	if (!rings_next(rings))
		wait_for(rings, POLLIN, timeout_ms);
	rings_set_flags(&ring->page->rg_consumer_flags, 0);
	return rings_next(rings);
}

void rings_expect(struct rings *rings, size_t len, uint32_t seed, uint32_t flags)
{
	ck_assert_msg(rings_wait_record(rings, PATIENCE_MS), "no record of frame %u", seed);
	guest_check_record(rings_next(rings), len, seed, flags);
	rings_skip(rings);
	rings_release(rings);
}

/* --- the write ring -------------------------------------------------- */

static bool has_room(const struct rings_ring *ring, size_t len)
{
	const uint64_t used = rings_used(ring, ring->own, rings_load(&ring->page->rg_consumer));

	return rings_align(len) <= ring->size - used;
}

unsigned char *rings_room(const struct rings *rings, size_t len)
{
	const struct rings_ring *ring = &rings->write;

	return has_room(ring, len) ? ring->area + ring->own % ring->size : NULL;
}

void rings_put(struct rings *rings, size_t len)
{
	rings->write.own += rings_align(len);
}

bool rings_commit(struct rings *rings)
{
	struct rings_ring *ring = &rings->write;

	rings_store(&ring->page->rg_producer, ring->own);
	rings_barrier();
	if (!(rings_flags(&ring->page->rg_consumer_flags) & FRAMEIO_RING_NEED_WAKEUP))
		return false;
	if (rings_kick(rings))
		ck_abort_msg("FRAMEIO_KICK: %s", strerror(errno));
	return true;
}

bool rings_wait_room(struct rings *rings, size_t len, int timeout_ms)
{
	struct rings_ring *ring = &rings->write;

	if (has_room(ring, len))
		return true;
	rings_set_flags(&ring->page->rg_producer_flags, FRAMEIO_RING_NEED_WAKEUP);
	rings_barrier();
	if (!has_room(ring, len))
		wait_for(rings, POLLOUT, timeout_ms);
	rings_set_flags(&ring->page->rg_producer_flags, 0);
	return has_room(ring, len);
}

void rings_write(struct rings *rings, size_t len, uint32_t seed, uint32_t flags)
{
	ck_assert_msg(rings_wait_room(rings, HDRLEN + len, PATIENCE_MS), "no room for frame %u",
		      seed);
	guest_record(rings_room(rings, HDRLEN + len), len, seed, flags);
	rings_put(rings, HDRLEN + len);
	rings_commit(rings);
}

void rings_drain(struct rings *rings)
{
	const struct rings_ring *ring = &rings->write;
	const double until = guest_now() + PATIENCE_MS / 1000;

	while (rings_load(&ring->page->rg_consumer) != ring->own) {
		ck_assert_msg(guest_now() < until, "records stay in the write ring");
		usleep(1000);
	}
}
