/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Rings: the program's side of the protocol that <frameio/frameio.h> tells.
 *
 * Each side owns one counter and one word of flags, and reads the other's. Here "own" is
 * the program's counter, the consumer's of the read ring and the producer's of the write
 * ring, and "other" the kernel's.
 *
 * NO WAKE-UP IS LOST
 *
 *	who sleeps				who wakes
 *	store NEED_WAKEUP			store its counter (release)
 *	full barrier				full barrier
 *	load the other's counter (acquire)	load NEED_WAKEUP
 *
 * One of the two loads sees the other side's store. The program is the sleeper in arm(),
 * and the waker in publish(); tests/unit/wakeup.c tries every order of the steps.
 *
 * The library sets NEED_WAKEUP whenever it says that there is no record, or no room, and
 * lets it be until it finds one: so a program may sleep by whatever means it likes, on
 * edge-triggered events too, once it was told so.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#define CACHE_LINE	64

/* The kernel's pages are no larger than this. */
#define MAX_PAGE_SIZE	65536

/*
 * A ring. From @lock on the fields are of the thread that holds it, or of the one thread
 * that uses the ring in place.
 *
 * Of a read ring, in the order of the counters: own, next, other, own + size.
 * Of a write ring: other, own, next, reserved, other + size.
 */
struct frameio_ring {
	/* in the shared page */
	__u64 *own_counter;
	__u64 *other_counter;
	__u32 *own_flags;
	__u32 *other_flags;
	const __u32 *ring_flags;

	unsigned char *area;
	uint32_t size;		/* of it, once */
	uint32_t ahead;		/* how far the kernel's counter may be ahead of own */
	void *map;
	size_t map_size;

	_Alignas(CACHE_LINE) int lock;
	unsigned int sleepers;	/* calls in poll(2) for which NEED_WAKEUP has to stay */
	bool armed;		/* NEED_WAKEUP is set */
	uint64_t own;		/* as it is published */
	uint64_t next;		/* the record to read next; or where committed ones end */
	uint64_t reserved;	/* where reserved ones end */
	uint64_t other;		/* as it was when it was looked at last */
};

/* --- a lock that costs little while no other thread wants it ----------------- */

enum { FREE, HELD, WANTED };

static void futex(int *word, int operation, int value)
{
	syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void lock_ring(struct frameio_ring *ring)
{
	int was = FREE;

	if (__atomic_compare_exchange_n(&ring->lock, &was, HELD, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(&ring->lock, WANTED, __ATOMIC_ACQUIRE) != FREE)
		futex(&ring->lock, FUTEX_WAIT, WANTED);
}

static void unlock_ring(struct frameio_ring *ring)
{
	if (__atomic_exchange_n(&ring->lock, FREE, __ATOMIC_RELEASE) == WANTED)
		futex(&ring->lock, FUTEX_WAKE, 1);
}

/* --- the protocol ------------------------------------------------------------ */

static size_t record_size(size_t hdrlen, size_t len)
{
	return (hdrlen + len + FRAMEIO_RECORD_ALIGN - 1) & ~(size_t)(FRAMEIO_RECORD_ALIGN - 1);
}

/* The record at a counter: whole, as the area is mapped twice. */
static struct frameio_hdr *record_at(const struct frameio_ring *ring, uint64_t counter)
{
	return (struct frameio_hdr *)(ring->area + (counter & (ring->size - 1)));
}

/* Why nothing more will come of the ring, or 0. */
static int ring_state(const struct frameio_ring *ring)
{
	/* before a last look */
	const uint32_t flags = __atomic_load_n(ring->ring_flags, __ATOMIC_ACQUIRE);

	if (!flags)
		return 0;
	if (flags & FRAMEIO_RING_GONE)
		return -ENODEV;
	return flags & FRAMEIO_RING_BROKEN ? -EIO : 0;
}

/* See how far the kernel has come: not back, and not farther than it can. */
static int look(struct frameio_ring *ring)
{
	/* its records, or its copies of ours, before its counter */
	const uint64_t other = __atomic_load_n(ring->other_counter, __ATOMIC_ACQUIRE);

	if (other - ring->other > ring->own + ring->ahead - ring->other)
		return -EBADMSG;
	ring->other = other;
	return 0;
}

/* Have the kernel tell of changes. Return: true if it knew that already. */
static bool arm(struct frameio_ring *ring)
{
	if (ring->armed)
		return true;
	ring->armed = true;
	__atomic_store_n(ring->own_flags, FRAMEIO_RING_NEED_WAKEUP, __ATOMIC_RELAXED);
	/* the flag before the look that follows */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return false;
}

static void disarm(struct frameio_ring *ring)
{
	if (!ring->armed || ring->sleepers)
		return;
	ring->armed = false;
	__atomic_store_n(ring->own_flags, 0, __ATOMIC_RELAXED);
}

/* Publish what is before @next. Return: true if the kernel asks to be told. */
static bool publish(struct frameio_ring *ring)
{
	ring->own = ring->next;
	/* what was read, or written, before the counter */
	__atomic_store_n(ring->own_counter, ring->own, __ATOMIC_RELEASE);
	/* the counter before the flags */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(ring->other_flags, __ATOMIC_RELAXED) & FRAMEIO_RING_NEED_WAKEUP;
}

int frameio_kick(struct frameio_qp *qp)
{
	return frameio_ioctl(qp->fd, FRAMEIO_KICK, NULL);
}

/*
 * Sleep until the kernel tells of @events, without the lock meanwhile.
 * Return: 0, or why not, or why in vain.
 */
static int sleep_until(struct frameio_qp *qp, struct frameio_ring *ring, int events,
		       int timeout_ms)
{
	struct pollfd pollfd = { .fd = qp->fd, .events = events };
	int ret;

	if (__atomic_load_n(&qp->nonblock, __ATOMIC_RELAXED))
		return -EAGAIN;
	ring->sleepers++;
	unlock_ring(ring);
	ret = poll(&pollfd, 1, timeout_ms) < 0 ? -errno : 0;
	lock_ring(ring);
	ring->sleepers--;
	if (ret)
		return ret;
	if (pollfd.revents & (POLLHUP | POLLNVAL))
		return -ENODEV;
	return pollfd.revents & POLLERR ? -EIO : 0;
}

/* --- reading ----------------------------------------------------------------- */

/* Is there a record? Return: 1, 0 or -EBADMSG. */
static int look_for_record(struct frameio_ring *ring)
{
	if (ring->next == ring->other) {
		int err = look(ring);

		if (err)
			return err;
		if (ring->next == ring->other)
			return 0;
	}
	disarm(ring);
	return 1;
}

/* The same; if there is none, the kernel tells when there is one, unless that cannot be. */
static int look_or_arm(struct frameio_ring *ring)
{
	int state, ret = look_for_record(ring);

	if (ret)
		return ret;
	state = ring_state(ring);
	if (arm(ring) && !state)
		return 0;
	ret = look_for_record(ring);
	return ret ? ret : state;
}

/* The bytes that the next record takes, of those that are there; or -EBADMSG. */
static int64_t next_size(const struct frameio_ring *ring, const struct frameio_hdr *hdr)
{
	const uint64_t left = ring->other - ring->next;
	uint64_t size;

	if (left < sizeof(*hdr) || hdr->version != FRAMEIO_HDR_VERSION ||
	    hdr->hdrlen < sizeof(*hdr))
		return -EBADMSG;
	size = ((uint64_t)hdr->hdrlen + hdr->len + FRAMEIO_RECORD_ALIGN - 1) /
	       FRAMEIO_RECORD_ALIGN * FRAMEIO_RECORD_ALIGN;
	return size <= left ? (int64_t)size : -EBADMSG;
}

/* Let the kernel have the room of all records before the next one. */
static void give_back(struct frameio_qp *qp, struct frameio_ring *ring)
{
	if (ring->own == ring->next)
		return;
	/* it waits for half of the ring; errors are met by the next look */
	if (publish(ring) &&
	    __atomic_load_n(ring->other_counter, __ATOMIC_RELAXED) - ring->own <= ring->size / 2)
		frameio_kick(qp);
}

/*
 * The same once in a while: when all that was seen is read, so that a program that sleeps
 * has given back everything, and when it is much.
 */
static void give_back_some(struct frameio_qp *qp, struct frameio_ring *ring)
{
	if (ring->next == ring->other || ring->next - ring->own >= ring->size / 4)
		give_back(qp, ring);
}

int frameio_ring_peek(struct frameio_qp *qp, struct frameio_hdr **hdr)
{
	return frameio_ring_peek_batch(qp, hdr, 1);
}

int frameio_ring_peek_batch(struct frameio_qp *qp, struct frameio_hdr **hdrs, unsigned int n)
{
	struct frameio_ring *ring = qp->read_ring;
	unsigned int i = 0;
	int64_t size;
	int ret;

	if (!ring || !n || n > INT_MAX)
		return -EINVAL;
	for (ret = look_or_arm(ring); ret > 0; ret = look_for_record(ring)) {
		hdrs[i] = record_at(ring, ring->next);
		size = next_size(ring, hdrs[i]);
		if (size < 0) {
			ret = size;
			break;
		}
		ring->next += size;
		if (++i == n)
			break;
	}
	return i ? (int)i : ret;
}

int frameio_ring_release(struct frameio_qp *qp, const struct frameio_hdr *until)
{
	struct frameio_ring *ring = qp->read_ring;
	uint64_t offset;

	if (!ring)
		return -EINVAL;
	if (until) {
		offset = (const unsigned char *)until - ring->area;
		if (offset >= ring->size || offset % FRAMEIO_RECORD_ALIGN)
			return -EINVAL;
		offset = (offset - ring->own) & (ring->size - 1);
		if (offset >= ring->next - ring->own)
			return -EINVAL;
		ring->next = ring->own + offset;
	}
	give_back(qp, ring);
	return 0;
}

int frameio_ring_drain(struct frameio_qp *qp, int (*take)(struct frameio_hdr *hdr, void *argument),
		       void *argument, unsigned int max)
{
	struct frameio_ring *ring = qp->read_ring;
	struct frameio_hdr *hdr;
	unsigned int n = 0;
	int64_t size;
	int ret;

	if (!ring || !take)
		return -EINVAL;
	if (!max || max > INT_MAX)
		max = INT_MAX;
	for (ret = look_or_arm(ring); ret > 0; ret = look_for_record(ring)) {
		hdr = record_at(ring, ring->next);
		size = next_size(ring, hdr);
		if (size < 0) {
			ret = size;
			break;
		}
		if (take(hdr, argument)) {
			ret = 0;
			break;
		}
		ring->next += size;
		give_back_some(qp, ring);
		if (++n == max)
			break;
	}
	give_back(qp, ring);
	return n ? (int)n : ret;
}

int frameio_ring_begin_reads(struct frameio_qp *qp)
{
	struct frameio_ring *ring = qp->read_ring;
	int ret;

	lock_ring(ring);
	for (;;) {
		ret = look_or_arm(ring);
		if (ret > 0)
			return 0;
		if (ret)
			break;
		give_back(qp, ring);
		ret = sleep_until(qp, ring, POLLIN, -1);
		if (ret)
			break;
	}
	unlock_ring(ring);
	return ret;
}

ssize_t frameio_ring_read_one(struct frameio_qp *qp, struct frameio_hdr *hdr, void *frame,
			      size_t size)
{
	struct frameio_ring *ring = qp->read_ring;
	const struct frameio_hdr *from;
	int64_t step;
	int ret;

	ret = look_for_record(ring);
	if (ret <= 0)
		return ret ? ret : -EAGAIN;
	from = record_at(ring, ring->next);
	step = next_size(ring, from);
	if (step < 0)
		return step;
	if (from->len > size &&
	    !(__atomic_load_n(&qp->options, __ATOMIC_RELAXED) & FRAMEIO_O_TRUNC))
		return -EMSGSIZE;
	*hdr = *from;
	hdr->hdrlen = sizeof(*hdr);
	if (hdr->len > size) {
		hdr->len = size;
		hdr->flags |= FRAMEIO_F_TRUNC;
	}
	memcpy(frame, frameio_hdr_frame(from), hdr->len);
	ring->next += step;
	return hdr->len;
}

void frameio_ring_end_reads(struct frameio_qp *qp)
{
	give_back_some(qp, qp->read_ring);
	unlock_ring(qp->read_ring);
}

/* --- writing ----------------------------------------------------------------- */

/* Let the kernel have all records that are committed. */
static int flush(struct frameio_qp *qp, struct frameio_ring *ring)
{
	if (ring->next == ring->own &&
	    __atomic_load_n(ring->other_counter, __ATOMIC_RELAXED) == ring->own)
		return ring_state(ring);
	if (publish(ring))
		return frameio_kick(qp);
	return ring_state(ring);
}

/* Is there room for @size more? Looks at the kernel's counter only where there seems none. */
static int look_for_room(struct frameio_ring *ring, size_t size)
{
	if (ring->reserved + size - ring->other > ring->size) {
		int err = look(ring);

		if (err)
			return err;
		if (ring->reserved + size - ring->other > ring->size)
			return 0;
	}
	disarm(ring);
	return 1;
}

/* The same; if there is none, the kernel is given all there is and tells when there is. */
static int look_or_flush(struct frameio_qp *qp, struct frameio_ring *ring, size_t size)
{
	int err, ret = look_for_room(ring, size);

	if (ret)
		return ret;
	err = flush(qp, ring);
	arm(ring);
	ret = look_for_room(ring, size);
	return ret ? ret : err;
}

/* Reserve a record of @size bytes, for which there is room. */
static struct frameio_hdr *reserve(struct frameio_ring *ring, size_t size, size_t len)
{
	struct frameio_hdr *hdr = record_at(ring, ring->reserved);

	*hdr = (struct frameio_hdr) {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(*hdr),
		.len = len,
	};
	ring->reserved += size;
	return hdr;
}

/* The kernel wakes a writer when half of the ring is free: no more is promised to be. */
static bool fits_ever(const struct frameio_ring *ring, size_t len)
{
	return len <= ring->size / 2 - sizeof(struct frameio_hdr);
}

int frameio_ring_reserve(struct frameio_qp *qp, size_t len, struct frameio_hdr **hdr)
{
	struct frameio_ring *ring = qp->write_ring;
	const size_t size = record_size(sizeof(**hdr), len);
	int ret;

	if (!ring || !len)
		return -EINVAL;
	if (!fits_ever(ring, len))
		return -EMSGSIZE;
	ret = look_or_flush(qp, ring, size);
	if (ret <= 0)
		return ret ? ret : -EAGAIN;
	*hdr = reserve(ring, size, len);
	return 0;
}

int frameio_ring_commit(struct frameio_qp *qp, size_t len)
{
	struct frameio_ring *ring = qp->write_ring;
	struct frameio_hdr *hdr;
	uint64_t end, shorter;

	if (!ring || ring->next == ring->reserved || !len)
		return -EINVAL;
	hdr = record_at(ring, ring->next);
	if (len > hdr->len || hdr->hdrlen != sizeof(*hdr))
		return -EINVAL;
	end = ring->next + record_size(sizeof(*hdr), hdr->len);
	if (end - ring->next > ring->reserved - ring->next)
		return -EINVAL;
	shorter = ring->next + record_size(sizeof(*hdr), len);
	if (shorter != end) {
		/* no gap is left before another record */
		if (end != ring->reserved)
			return -EINVAL;
		ring->reserved = shorter;
	}
	hdr->len = len;
	ring->next = shorter;
	return 0;
}

void frameio_ring_cancel(struct frameio_qp *qp)
{
	if (qp->write_ring)
		qp->write_ring->reserved = qp->write_ring->next;
}

int frameio_ring_append(struct frameio_qp *qp, const void *frame, size_t len)
{
	struct frameio_hdr *hdr;
	int err;

	if (!qp->write_ring || qp->write_ring->next != qp->write_ring->reserved)
		return -EINVAL;
	err = frameio_ring_reserve(qp, len, &hdr);
	if (err)
		return err;
	memcpy(hdr + 1, frame, len);
	qp->write_ring->next = qp->write_ring->reserved;
	return 0;
}

int frameio_ring_flush(struct frameio_qp *qp)
{
	return qp->write_ring ? flush(qp, qp->write_ring) : -EINVAL;
}

size_t frameio_ring_pending(const struct frameio_qp *qp)
{
	const struct frameio_ring *ring = qp->write_ring;
	uint64_t pending;

	if (!ring)
		return 0;
	pending = ring->next - __atomic_load_n(ring->other_counter, __ATOMIC_ACQUIRE);
	return pending <= ring->size ? pending : ring->size;
}

int frameio_ring_begin_writes(struct frameio_qp *qp)
{
	int err;

	lock_ring(qp->write_ring);
	err = ring_state(qp->write_ring);
	if (err)
		unlock_ring(qp->write_ring);
	return err;
}

/* Wait until there is room for @size more. */
static int wait_for_room(struct frameio_qp *qp, struct frameio_ring *ring, size_t size)
{
	int ret;

	for (;;) {
		ret = look_or_flush(qp, ring, size);
		if (ret)
			return ret < 0 ? ret : 0;
		/* its flag is set: POLLOUT is half of the ring, and no record is longer */
		ret = sleep_until(qp, ring, POLLOUT, -1);
		if (ret)
			return ret;
	}
}

/* What only the kernel says of a frame. */
#define F_KNOWN	(FRAMEIO_F_TSTAMP_SW | FRAMEIO_F_TSTAMP_HW | FRAMEIO_F_HASH | FRAMEIO_F_VLAN | \
		 FRAMEIO_F_CSUM_PARTIAL | FRAMEIO_F_CSUM_VALID)

int frameio_ring_write_one(struct frameio_qp *qp, const struct frameio_hdr *hdr,
			   const void *frame)
{
	struct frameio_ring *ring = qp->write_ring;
	const size_t size = record_size(sizeof(*hdr), hdr->len);
	struct frameio_hdr *to;
	int err;

	if (hdr->version != FRAMEIO_HDR_VERSION || hdr->hdrlen != sizeof(*hdr) || hdr->reserved ||
	    (hdr->flags & ~F_KNOWN) || !hdr->len || !fits_ever(ring, hdr->len))
		return -EINVAL;
	/* what is reserved in place comes first, and nobody knows its length yet */
	if (ring->next != ring->reserved)
		return -EINVAL;
	err = wait_for_room(qp, ring, size);
	if (err)
		return err;
	to = record_at(ring, ring->next);
	*to = *hdr;
	memcpy(to + 1, frame, hdr->len);
	ring->next += size;
	ring->reserved = ring->next;
	return 0;
}

void frameio_ring_end_writes(struct frameio_qp *qp)
{
	/* what was accepted stays so; errors are met by the next call */
	flush(qp, qp->write_ring);
	unlock_ring(qp->write_ring);
}

/* --- waiting for either ------------------------------------------------------ */

static int begin_wait_for_records(struct frameio_ring *ring)
{
	bool there;

	lock_ring(ring);
	ring->sleepers++;
	arm(ring);
	/* as poll(2) has it: what was not given back can be read */
	there = !look(ring) && ring->other != ring->own;
	unlock_ring(ring);
	return there ? POLLIN : 0;
}

static int begin_wait_for_room(struct frameio_qp *qp, struct frameio_ring *ring)
{
	bool there;

	lock_ring(ring);
	ring->sleepers++;
	flush(qp, ring);
	/*
	 * Half of it is room for any record; whether less is, the kernel tells, if the flag
	 * is not set, which says that it was too little.
	 */
	there = !ring_state(ring) && !look(ring) && ring->reserved - ring->other <= ring->size / 2;
	unlock_ring(ring);
	return there ? POLLOUT : 0;
}

int frameio_rings_begin_wait(struct frameio_qp *qp, int events)
{
	int there = 0;

	if (events & POLLIN)
		there |= begin_wait_for_records(qp->read_ring);
	if (events & POLLOUT)
		there |= begin_wait_for_room(qp, qp->write_ring);
	return there;
}

/* The flag stays until the next record is read, or written. */
static void end_wait(struct frameio_ring *ring)
{
	lock_ring(ring);
	ring->sleepers--;
	unlock_ring(ring);
}

void frameio_rings_end_wait(struct frameio_qp *qp, int events)
{
	if (events & POLLIN)
		end_wait(qp->read_ring);
	if (events & POLLOUT)
		end_wait(qp->write_ring);
}

/* --- making and unmaking ----------------------------------------------------- */

static void ring_unmap(struct frameio_ring **ring)
{
	if (*ring && (*ring)->map)
		munmap((*ring)->map, (*ring)->map_size);
	free(*ring);
	*ring = NULL;
}

void frameio_rings_unmap(struct frameio_qp *qp)
{
	ring_unmap(&qp->read_ring);
	ring_unmap(&qp->write_ring);
}

static int ring_alloc(struct frameio_ring **out, uint32_t size)
{
	struct frameio_ring *ring;

	if (!size)
		return 0;
	ring = aligned_alloc(CACHE_LINE, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));
	ring->size = size;
	*out = ring;
	return 0;
}

/* Map a ring, which is a page of indexes and, twice, the area: @map_size bytes. */
static int ring_map(struct frameio_ring *ring, int fd, uint64_t map_size, uint64_t offset)
{
	const uint64_t page_size = map_size - 2 * (uint64_t)ring->size;
	void *map;

	if (page_size < sizeof(struct frameio_ring_page) || page_size > MAX_PAGE_SIZE)
		return -EBADMSG;
	map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if (map == MAP_FAILED)
		return -errno;
	ring->map = map;
	ring->map_size = map_size;
	ring->area = (unsigned char *)map + page_size;
	return 0;
}

/* The program consumes what is in the read ring. */
static void be_reader(struct frameio_ring *ring)
{
	struct frameio_ring_page *page = ring->map;

	ring->own_counter = &page->rg_consumer;
	ring->own_flags = &page->rg_consumer_flags;
	ring->other_counter = &page->rg_producer;
	ring->other_flags = &page->rg_producer_flags;
	ring->ring_flags = &page->rg_flags;
	ring->ahead = ring->size;
}

/* And it produces what is in the write ring. */
static void be_writer(struct frameio_ring *ring)
{
	struct frameio_ring_page *page = ring->map;

	ring->own_counter = &page->rg_producer;
	ring->own_flags = &page->rg_producer_flags;
	ring->other_counter = &page->rg_consumer;
	ring->other_flags = &page->rg_consumer_flags;
	ring->ring_flags = &page->rg_flags;
	ring->ahead = 0;
}

static int map_rings(struct frameio_qp *qp, const struct frameio_ring_setup *setup)
{
	int err;

	if (qp->read_ring) {
		err = ring_map(qp->read_ring, qp->fd, setup->frr_read_map,
			       FRAMEIO_RING_READ_OFFSET);
		if (err)
			return err;
		be_reader(qp->read_ring);
	}
	if (qp->write_ring) {
		err = ring_map(qp->write_ring, qp->fd, setup->frr_write_map,
			       FRAMEIO_RING_WRITE_OFFSET);
		if (err)
			return err;
		be_writer(qp->write_ring);
	}
	return 0;
}

/* How the file is set, which it may have been past the library. */
static int learn_settings(struct frameio_qp *qp)
{
	const int flags = fcntl(qp->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	qp->nonblock = flags & O_NONBLOCK;
	return frameio_ioctl(qp->fd, FRAMEIO_GET_OPTIONS, &qp->options);
}

int frameio_ring_setup(struct frameio_qp *qp, const struct frameio_ring_options *options)
{
	struct frameio_ring_setup setup = { 0 };
	int err;

	if (!options)
		return -EINVAL;
	if (qp->read_ring || qp->write_ring)
		return -EBUSY;
	setup.frr_flags = options->flags;
	setup.frr_read_size = options->read_size;
	setup.frr_write_size = options->write_size;
	setup.frr_idle = options->idle_us;
	setup.frr_cpu = options->cpu;
	err = ring_alloc(&qp->read_ring, options->read_size);
	if (!err)
		err = ring_alloc(&qp->write_ring, options->write_size);
	if (!err)
		err = learn_settings(qp);
	if (!err)
		err = frameio_ioctl(qp->fd, FRAMEIO_RING_SETUP, &setup);
	if (!err)
		err = map_rings(qp, &setup);
	if (err)
		frameio_rings_unmap(qp);
	return err;
}
