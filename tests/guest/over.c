/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * With FRAMEIO_OVER=ring in the environment, what a test program moves by calls moves over
 * rings: the linker gives it __wrap_read() where it calls read(2), and so on (over_ldflags
 * in Makefile.am). A file gets its rings when it is bound; or at its first call, where
 * open(2) has bound it, its port is a NIC's, or FRAMEIO_OVER=ring-late says so: what waits
 * in the read queue then moves to the ring.
 *
 * The results are those of the calls. Each is made first: the kernel judges its arguments,
 * and the state of the port, before it answers EBUSY, as it must of a file with rings.
 *
 * A record's verdict comes later with rings than with a write(2), which waits for it here:
 * until the kernel has taken all that was put, and its counter tells of what it refused.
 * What else is not as with calls: see who calls guest_not_over_rings().
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rings.h"

ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
ssize_t __real_readv(int fd, const struct iovec *iov, int n);
ssize_t __wrap_readv(int fd, const struct iovec *iov, int n);
ssize_t __real_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_close(int fd);
int __wrap_close(int fd);

/* Of each ring: a few of the longest frames, or more short ones than a test leaves there. */
#define SIZE		(1U << 18)
#define PATIENCE_MS	30000
#define FILES		1024

/*
 * The rings of a file descriptor. Another one of the same file, in another process even, maps
 * the same rings: the counters are looked up anew by each call.
 */
struct over {
	struct rings rings;
	atomic_bool mapped;
	pthread_mutex_t reading, writing;	/* to be the consumer, or the producer */
};

static struct over overs[FILES];
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* What a call moves: a record in each @nvpf of the vectors, or a row of them in one. */
struct call {
	const struct iovec *iov;
	unsigned int slots, nvpf;
	bool row, nonblock, trunc;
	unsigned int done;	/* slots */
	size_t at;		/* where the next record of a row starts */
	size_t *used;		/* bytes of each slot; or NULL */
};

static bool is_frameio(int fd)
{
	struct stat status, control;

	return !fstat(fd, &status) && S_ISCHR(status.st_mode) &&
	       !stat("/dev/frameio/control", &control) &&
	       major(status.st_rdev) == major(control.st_rdev);
}

static void make(struct over *over, int fd)
{
	if (rings_try(fd, 0, SIZE, SIZE, NULL) && errno != EBUSY) {
		/* an unbound file, a port that is gone, a file for one direction only */
		if (errno != ENOTCONN && errno != ENODEV && errno != EBADF)
			ck_abort_msg("FRAMEIO_RING_SETUP: %s", strerror(errno));
		return;
	}
	rings_map(&over->rings, fd, SIZE, SIZE);
	pthread_mutex_init(&over->reading, NULL);
	pthread_mutex_init(&over->writing, NULL);
	over->mapped = true;
}

/* The rings of a file, which are made, if it can have some; or NULL. */
static struct over *over_of(int fd)
{
	struct over *over = &overs[fd >= 0 && fd < FILES ? fd : 0];

	if (!guest_over_rings() || fd < 0)
		return NULL;
	if (over->mapped && fd < FILES)
		return over;
	if (!is_frameio(fd))
		return NULL;
	ck_assert_int_lt(fd, FILES);
	pthread_mutex_lock(&making);
	if (!over->mapped)
		make(over, fd);
	pthread_mutex_unlock(&making);
	return over->mapped ? over : NULL;
}

static uint32_t options_of(int fd)
{
	uint32_t options;

	ck_assert_int_eq(__real_ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	return options;
}

static bool is_nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

/* Is the port gone? Nothing is moved then, though records may lie in the ring. */
static bool is_gone(const struct rings *rings)
{
	return rings_flags(&rings->read.page->rg_flags) & FRAMEIO_RING_GONE;
}

/* --- memory ---------------------------------------------------------- */

static size_t room_of(const struct iovec *iov, unsigned int n)
{
	size_t room = 0;

	while (n--)
		room += (iov++)->iov_len;
	return room;
}

/* Copy a record to the vectors of a slot, each of which is filled before the next is used. */
static void scatter(const struct iovec *iov, const unsigned char *from, size_t len)
{
	size_t part;

	for (; len; len -= part, from += part, iov++) {
		part = len < iov->iov_len ? len : iov->iov_len;
		memcpy(iov->iov_base, from, part);
	}
}

static void gather(unsigned char *to, const struct iovec *iov, size_t len)
{
	size_t part;

	for (; len; len -= part, to += part, iov++) {
		part = len < iov->iov_len ? len : iov->iov_len;
		memcpy(to, iov->iov_base, part);
	}
}

/* The vectors of the next slot; those of a row are made in @rest. */
static const struct iovec *slot_of(const struct call *call, struct iovec *rest)
{
	if (!call->row)
		return call->iov + call->done * call->nvpf;
	rest->iov_base = (char *)call->iov->iov_base + call->at;
	rest->iov_len = call->at < call->iov->iov_len ? call->iov->iov_len - call->at : 0;
	return rest;
}

static bool has_slot(const struct call *call)
{
	return call->row ? call->at < call->iov->iov_len : call->done < call->slots;
}

/* The next slot holds a record of that length now. */
static void use_slot(struct call *call, size_t len)
{
	if (call->used)
		call->used[call->done] = len;
	call->at += rings_align(len);
	call->done++;
}

/* --- reading --------------------------------------------------------- */

static void scatter_cut(const struct iovec *iov, const unsigned char *record, size_t room)
{
	unsigned char cut[room];
	struct frameio_hdr hdr;

	memcpy(cut, record, room);
	memcpy(&hdr, record, sizeof(hdr));
	hdr.len = room - HDRLEN;
	hdr.flags |= FRAMEIO_F_TRUNC;
	memcpy(cut, &hdr, sizeof(hdr));
	scatter(iov, cut, room);
}

/* Take the next record, which there is. Returns its length, or -1: it is too long. */
static ssize_t take_record(struct rings *rings, const struct iovec *iov, unsigned int n, bool trunc)
{
	const unsigned char *record = rings_next(rings);
	const size_t room = room_of(iov, n);
	struct frameio_hdr hdr;
	size_t len;

	memcpy(&hdr, record, sizeof(hdr));
	len = HDRLEN + hdr.len;
	if (len <= room) {
		scatter(iov, record, len);
	} else if (trunc && room >= HDRLEN) {
		scatter_cut(iov, record, room);
		len = room;
	} else {
		errno = EMSGSIZE;
		return -1;
	}
	rings_skip(rings);
	return len;
}

/* Have the kernel tell of the next record, unless there is one now. */
static bool is_empty(struct rings *rings)
{
	__u32 *const flags = &rings->read.page->rg_consumer_flags;

	if (rings_next(rings))
		return false;
	rings_set_flags(flags, FRAMEIO_RING_NEED_WAKEUP);
	rings_barrier();
	if (!rings_next(rings))
		return true;
	rings_set_flags(flags, 0);
	return false;
}

/*
 * A record into each slot, as far as there are any. Who waits for an edge then will be told
 * of the first record to the empty ring. Returns the bytes, of a row its length; 0,
 * there are none; or -1 and errno.
 */
static ssize_t take_records(struct rings *rings, struct call *call)
{
	ssize_t moved = 0, len = 0;
	struct iovec rest;

	rings_set_flags(&rings->read.page->rg_consumer_flags, 0);
	while (!is_empty(rings) && has_slot(call)) {
		len = take_record(rings, slot_of(call, &rest), call->nvpf,
				  call->trunc && !(call->row && call->done));
		if (len < 0)
			break;
		moved = call->row ? (ssize_t)call->at + len : moved + len;
		use_slot(call, len);
	}
	return len < 0 && !call->done ? -1 : moved;
}

/* Give back what was taken, and kick if the kernel waits for it. */
static void release(struct rings *rings)
{
	struct rings_ring *ring = &rings->read;

	rings_store(&ring->page->rg_consumer, ring->own);
	rings_barrier();
	if (!(rings_flags(&ring->page->rg_producer_flags) & FRAMEIO_RING_NEED_WAKEUP) ||
	    rings_load(&ring->page->rg_producer) - ring->own > ring->size / 2)
		return;
	if (rings_kick(rings) && errno != ENODEV && errno != ENETDOWN)
		ck_abort_msg("FRAMEIO_KICK: %s", strerror(errno));
}

/* Sleep until there may be records. Returns 0, or -1 and errno: a signal came. */
static int wait_for_records(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (poll(&pollfd, 1, -1) < 0)
		return -1;
	if ((pollfd.revents & (POLLERR | POLLHUP)) == POLLERR)
		ck_abort_msg("a ring is broken");
	return 0;
}

/* One look at the read ring. Returns the bytes taken; 0, there are none; or -1 and errno. */
static ssize_t read_now(struct over *over, struct call *call)
{
	struct rings *rings = &over->rings;
	ssize_t moved = -1;

	pthread_mutex_lock(&over->reading);
	rings->read.own = rings_load(&rings->read.page->rg_consumer);
	errno = ENODEV;
	if (!is_gone(rings))
		moved = take_records(rings, call);
	if (moved > 0)
		release(rings);
	pthread_mutex_unlock(&over->reading);
	return moved;
}

static ssize_t over_read(struct over *over, int fd, struct call *call)
{
	ssize_t moved;

	call->trunc = options_of(fd) & FRAMEIO_O_TRUNC;
	for (;;) {
		moved = read_now(over, call);
		if (moved)
			return moved;
		if (call->nonblock) {
			errno = EAGAIN;
			return -1;
		}
		if (wait_for_records(fd))
			return -1;
	}
}

/* --- writing --------------------------------------------------------- */

static uint64_t count_refused(int fd)
{
	struct frameio_stats stats;

	ck_assert_int_eq(__real_ioctl(fd, FRAMEIO_STATS, &stats), 0);
	return stats.fs_write_errors;
}

/*
 * The length of the record in a slot; 0 if the slot holds no record that could lie in a row
 * of them: what is in a ring has no other length than its own.
 */
static size_t record_len(const struct call *call, const struct iovec *iov)
{
	const size_t room = room_of(iov, call->nvpf);
	struct frameio_hdr hdr;
	size_t len;

	if (room < HDRLEN)
		return 0;
	gather((unsigned char *)&hdr, iov, HDRLEN);
	len = HDRLEN + hdr.len;
	if (len > SIZE || (call->row ? len > room : len != room))
		return 0;
	return len;
}

/* Tell the kernel of what was put, and kick if it waits for it. Returns 0, or -1 and errno. */
static int commit(struct rings *rings)
{
	struct rings_ring *ring = &rings->write;

	rings_store(&ring->page->rg_producer, ring->own);
	rings_barrier();
	if (!(rings_flags(&ring->page->rg_consumer_flags) & FRAMEIO_RING_NEED_WAKEUP))
		return 0;
	return rings_kick(rings);
}

/* Wait until the kernel has taken all; no more kicks, which would hide that one was lost. */
static int drain(const struct rings *rings)
{
	const struct rings_ring *ring = &rings->write;
	const double until = guest_now() + PATIENCE_MS / 1000;

	while (rings_load(&ring->page->rg_consumer) != ring->own) {
		if (is_gone(rings)) {
			errno = ENODEV;
			return -1;
		}
		if (guest_now() > until)
			ck_abort_msg("records stay in the write ring");
		usleep(100);
	}
	return 0;
}

/* Put the record of each slot. Returns how many bytes, or -1 and errno. */
static ssize_t put_records(struct rings *rings, struct call *call)
{
	const struct iovec *iov;
	struct iovec rest;
	ssize_t moved = 0;
	size_t len;

	while (has_slot(call)) {
		iov = slot_of(call, &rest);
		len = record_len(call, iov);
		errno = EINVAL;
		if (!len)
			break;
		if (!rings_room(rings, len)) {
			if (commit(rings))
				return -1;
			errno = EAGAIN;
			if (call->nonblock && !rings_room(rings, len))
				break;
			if (!rings_wait_room(rings, len, PATIENCE_MS))
				ck_abort_msg("no room in the write ring");
		}
		gather(rings_room(rings, len), iov, len);
		rings_put(rings, len);
		use_slot(call, len);
		moved += len;
	}
	return call->done ? moved : -1;
}

/* How much of a row was moved: to where the next record starts, or all. */
static ssize_t row_moved(const struct call *call)
{
	return call->at < call->iov->iov_len ? call->at : call->iov->iov_len;
}

static ssize_t write_now(struct rings *rings, int fd, struct call *call)
{
	const uint64_t before = count_refused(fd);
	uint64_t refused;
	ssize_t moved;

	rings->write.own = rings_load(&rings->write.page->rg_producer);
	moved = put_records(rings, call);
	if (moved < 0 || commit(rings) || drain(rings))
		return -1;
	refused = count_refused(fd) - before;
	if (!refused)
		return call->row ? row_moved(call) : moved;
	if (call->done > 1)
		ck_abort_msg("of %u records %llu were refused, and who knows which", call->done,
			     (unsigned long long)refused);
	errno = EINVAL;
	return -1;
}

static ssize_t over_write(struct over *over, int fd, struct call *call)
{
	ssize_t moved;

	pthread_mutex_lock(&over->writing);
	moved = write_now(&over->rings, fd, call);
	pthread_mutex_unlock(&over->writing);
	return moved;
}

/* --- the calls ------------------------------------------------------- */

typedef ssize_t (*mover)(struct over *over, int fd, struct call *call);

/*
 * What a call returned is its result, unless it was refused because there are rings. It must
 * not have moved frames itself: where it succeeded it was a call for @nothing.
 */
static bool is_refused(const struct over *over, int fd, ssize_t result, bool nothing)
{
	if (result >= 0 && !nothing && guest_over_rings() && is_frameio(fd))
		ck_abort_msg("frames moved without rings");
	return over && result < 0 && errno == EBUSY;
}

static ssize_t move_vectors(struct over *over, int fd, const struct iovec *iov, int n,
			    bool nonblock, mover move)
{
	struct call call = {
		.iov = iov,
		.slots = n,
		.nvpf = 1,
		.row = options_of(fd) & FRAMEIO_O_PACKED,
		.nonblock = nonblock || is_nonblock(fd),
	};

	return move(over, fd, &call);
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
	const struct iovec iov = { buffer, size };
	struct over *over = over_of(fd);
	ssize_t result = __real_read(fd, buffer, size);

	if (!is_refused(over, fd, result, !size))
		return result;
	return move_vectors(over, fd, &iov, 1, false, over_read);
}

ssize_t __wrap_readv(int fd, const struct iovec *iov, int n)
{
	struct over *over = over_of(fd);
	ssize_t result = __real_readv(fd, iov, n);

	if (!is_refused(over, fd, result, false))
		return result;
	return move_vectors(over, fd, iov, n, false, over_read);
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	struct over *over = over_of(fd);
	ssize_t result = __real_preadv2(fd, iov, n, offset, flags);

	if (!is_refused(over, fd, result, false))
		return result;
	return move_vectors(over, fd, iov, n, flags & RWF_NOWAIT, over_read);
}

ssize_t __wrap_write(int fd, const void *buffer, size_t size)
{
	const struct iovec iov = { (void *)buffer, size };
	struct over *over = over_of(fd);
	ssize_t result = __real_write(fd, buffer, size);

	if (!is_refused(over, fd, result, !size))
		return result;
	return move_vectors(over, fd, &iov, 1, false, over_write);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	struct over *over = over_of(fd);
	ssize_t result = __real_writev(fd, iov, n);

	if (!is_refused(over, fd, result, false))
		return result;
	return move_vectors(over, fd, iov, n, false, over_write);
}

/* Lengths that no memory has would not add up. */
#define LONGEST		(1UL << 30)

/* FRAMEIO_READ and FRAMEIO_WRITE, whose arguments have been judged. */
static int move_frameio(struct over *over, int fd, struct frameio *fio, mover move)
{
	struct iovec iov[FRAMEIO_NFRAMES_MAX * FRAMEIO_NVPF_MAX];
	size_t used[FRAMEIO_NFRAMES_MAX];
	struct call call = {
		.iov = iov,
		.slots = fio->fio_nvecs / fio->fio_nvpf,
		.nvpf = fio->fio_nvpf,
		.nonblock = is_nonblock(fd),
		.used = used,
	};
	struct framevec *vec = fio->fio_vecs;
	unsigned int slot, i;

	for (i = 0; i < fio->fio_nvecs; i++) {
		iov[i].iov_base = (void *)(uintptr_t)vec[i].fv_buf;
		iov[i].iov_len = vec[i].fv_buflen < LONGEST ? vec[i].fv_buflen : LONGEST;
	}
	if (move(over, fd, &call) < 0)
		return -1;
	for (slot = 0; slot < call.done; slot++)
		for (i = 0; i < call.nvpf; i++, vec++) {
			vec->fv_actlen = used[slot] < vec->fv_buflen ? used[slot] : vec->fv_buflen;
			used[slot] -= vec->fv_actlen;
		}
	fio->fio_nvecs = call.done * call.nvpf;
	return 0;
}

/* Is a bound file to have its rings later? Of a NIC port they begin to read, as a call does. */
static bool is_late(int fd)
{
	struct frameio_info info;

	ck_assert_int_eq(__real_ioctl(fd, FRAMEIO_INFO, &info), 0);
	return (info.fi_flags & FRAMEIO_PORT_NIC) || !strcmp(getenv("FRAMEIO_OVER"), "ring-late");
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const bool moves = request == FRAMEIO_READ || request == FRAMEIO_WRITE;
	const bool binds = request == FRAMEIO_CREATE || request == FRAMEIO_OPEN ||
			   request == FRAMEIO_ATTACH;
	struct over *over = moves ? over_of(fd) : NULL;
	va_list args;
	void *arg;
	int result;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	result = __real_ioctl(fd, request, arg);
	if (binds && !result && guest_over_rings() && !is_late(fd))
		over_of(fd);
	if (!is_refused(over, fd, result, !moves))
		return result;
	return move_frameio(over, fd, arg, request == FRAMEIO_READ ? over_read : over_write);
}

/* A mapping would hold the file. */
int __wrap_close(int fd)
{
	struct over *over = fd >= 0 && fd < FILES ? &overs[fd] : NULL;

	if (over && over->mapped) {
		over->mapped = false;
		rings_unmap(&over->rings);
	}
	return __real_close(fd);
}
