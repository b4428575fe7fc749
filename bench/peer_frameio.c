/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* frameio, by the calls of the ABI themselves: virtual ports and NIC ports alike. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "bench.h"

/* Flags of our paths */
#define PACKED		0x1
#define RING		0x2
#define RING_POLL	0x4	/* and a kernel thread that looks at it by itself */

#define RING_SIZE	(1U << 20)
#define CONTROL		"/dev/frameio/control"

/* A ring of a file, and our own counter of it, which the page has as well. */
struct ring {
	struct frameio_ring_page *page;
	unsigned char *area;
	size_t map_size;
	uint64_t counter;
};

struct rings {
	struct ring read, write;
};

/* --- opening ------------------------------------------------------------------ */

static const char *frameio_missing(void)
{
	const int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return because("the module frameio is not loaded: " CONTROL);
	close(fd);
	return NULL;
}

/* Have the file bound to a queue pair: the first of a new port, or another one of that. */
static int bind_pair(int fd, const struct endpoint *end, const char *name)
{
	struct frameio_create create = {
		.fc_nqueues = end->npairs, .fc_read_limit = 4 * BURST,
	};
	struct frameio_open another = { .fo_queue = end->pair };

	strcpy(create.fc_name, name);
	strcpy(another.fo_name, name);
	if (end->pair)
		return ioctl(fd, FRAMEIO_OPEN, &another);
	return ioctl(fd, endpoint_is_nic(end) ? FRAMEIO_ATTACH : FRAMEIO_CREATE, &create);
}

static int open_port(const struct endpoint *end, const char *name)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && bind_pair(fd, end, name)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool map_ring(struct ring *ring, int fd, uint64_t size, off_t offset)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return false;
	ring->page = map;
	ring->area = (unsigned char *)map + sysconf(_SC_PAGESIZE);
	ring->map_size = size;
	return true;
}

/* Rings of a file, of which either may be NULL. */
static bool set_up(int fd, struct ring *read_ring, struct ring *write_ring, bool polled)
{
	struct frameio_ring_setup setup = {
		.frr_flags = polled ? FRAMEIO_SETUP_POLL : 0,
		.frr_read_size = read_ring ? RING_SIZE : 0,
		.frr_write_size = write_ring ? RING_SIZE : 0,
		.frr_idle = polled ? FRAMEIO_RING_IDLE_MAX : 0,
	};

	return !ioctl(fd, FRAMEIO_RING_SETUP, &setup) &&
	       (!read_ring ||
		map_ring(read_ring, fd, setup.frr_read_map, FRAMEIO_RING_READ_OFFSET)) &&
	       (!write_ring ||
		map_ring(write_ring, fd, setup.frr_write_map, FRAMEIO_RING_WRITE_OFFSET));
}

static const char *set_up_rings(struct endpoint *end)
{
	const bool polled = end->path->flags & RING_POLL;
	struct rings *rings = calloc(1, sizeof(*rings));
	struct ring *answers;

	fail_unless(rings != NULL, "rings");
	end->state = rings;
	if (polled && sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "the thread that polls needs a second CPU";
	answers = endpoint_echoes(end) ? &rings->write : NULL;
	if (endpoint_reads(end) && !set_up(end->in, &rings->read, answers, polled))
		return because("a read ring");
	if (endpoint_writes(end) && !set_up(end->out, NULL, &rings->write, polled))
		return because("a write ring");
	return NULL;
}

static bool set_packed(int fd)
{
	const uint32_t options = FRAMEIO_O_PACKED;

	return fd < 0 || !ioctl(fd, FRAMEIO_SET_OPTIONS, &options);
}

/* A file of a NIC port takes nothing before it reads or polls. */
static void begin_to_take(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	fail_unless(poll(&pollfd, 1, 0) >= 0, "poll");
}

static const char *frameio_open(struct endpoint *end)
{
	const char *why = NULL;

	if (endpoint_reads(end))
		end->in = open_port(end, IN_NAME);
	if (endpoint_writes(end))
		end->out = open_port(end, OUT_NAME);
	if ((endpoint_reads(end) && end->in < 0) || (endpoint_writes(end) && end->out < 0))
		return because(endpoint_is_nic(end) ? "attaching" : "making a port");
	if (end->path->flags & PACKED && (!set_packed(end->in) || !set_packed(end->out)))
		return because("FRAMEIO_O_PACKED");
	if (end->path->flags & RING)
		why = set_up_rings(end);
	if (!why && end->in >= 0)
		begin_to_take(end->in);
	return why;
}

static void unmap_ring(struct ring *ring)
{
	if (ring->page)
		munmap(ring->page, ring->map_size);
}

static void frameio_close(struct endpoint *end)
{
	struct rings *rings = end->state;

	if (!rings)
		return;
	unmap_ring(&rings->read);
	unmap_ring(&rings->write);
	free(rings);
}

/* --- one frame a call ----------------------------------------------------------- */

static void single_read(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(read(end->in, burst.records[i], burst.room) ==
			    (ssize_t)burst.record_len, "read");
}

static void single_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(write(end->out, burst.records[i], burst.record_len) ==
			    (ssize_t)burst.record_len, "write");
}

static void single_forward(struct endpoint *end)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < BURST; i++) {
		n = read(end->in, burst.records[0], burst.room);
		fail_unless(n > 0 && write(end->out, burst.records[0], n) == n, "read, write");
	}
}

static void single_echo(struct endpoint *end)
{
	const ssize_t n = read(end->in, burst.records[0], burst.room);

	fail_unless(n > 0 && write(end->in, burst.records[0], n) == n, "read, write");
}

/* --- vectors and the ioctls ------------------------------------------------------- */

/* As many records as a batch has, from @first on. */
static void fill_iovecs(struct iovec *iov, unsigned int first, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		iov[i].iov_base = burst.records[first + i];
		iov[i].iov_len = len;
	}
}

static void readv_batch(int fd, unsigned int first, unsigned int n)
{
	struct iovec iov[BURST];

	fill_iovecs(iov, first, n, burst.room);
	fail_unless(readv(fd, iov, n) == (ssize_t)(n * burst.record_len), "readv");
}

static void writev_batch(int fd, unsigned int first, unsigned int n)
{
	struct iovec iov[BURST];

	fill_iovecs(iov, first, n, burst.record_len);
	fail_unless(writev(fd, iov, n) == (ssize_t)(n * burst.record_len), "writev");
}

static void ioctl_batch(int fd, unsigned long request, unsigned int first, unsigned int n,
			size_t len)
{
	union {
		struct frameio fio;
		unsigned char space[sizeof(struct frameio) + BURST * sizeof(struct framevec)];
	} u;
	unsigned int i;

	u.fio.fio_version = FRAMEIO_VERSION;
	u.fio.fio_nvpf = 1;
	u.fio.fio_nvecs = n;
	u.fio.fio_flags = 0;
	for (i = 0; i < n; i++) {
		u.fio.fio_vecs[i].fv_buf = (uintptr_t)burst.records[first + i];
		u.fio.fio_vecs[i].fv_buflen = len;
	}
	fail_unless(!ioctl(fd, request, &u.fio) && u.fio.fio_nvecs == n, "ioctl");
}

static void vector_read(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		readv_batch(end->in, i, end->path->batch);
}

static void vector_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		writev_batch(end->out, i, end->path->batch);
}

static void vector_forward(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch) {
		readv_batch(end->in, i, end->path->batch);
		writev_batch(end->out, i, end->path->batch);
	}
}

static void ioctl_read(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		ioctl_batch(end->in, FRAMEIO_READ, i, end->path->batch, burst.room);
}

static void ioctl_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		ioctl_batch(end->out, FRAMEIO_WRITE, i, end->path->batch, burst.record_len);
}

static void ioctl_forward(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch) {
		ioctl_batch(end->in, FRAMEIO_READ, i, end->path->batch, burst.room);
		ioctl_batch(end->out, FRAMEIO_WRITE, i, end->path->batch, burst.record_len);
	}
}

static void ioctl_echo(struct endpoint *end)
{
	ioctl_batch(end->in, FRAMEIO_READ, 0, 1, burst.room);
	ioctl_batch(end->in, FRAMEIO_WRITE, 0, 1, burst.record_len);
}

/* --- packed mode -------------------------------------------------------------------- */

static ssize_t row_size(unsigned int n)
{
	return (n - 1) * burst.stride + burst.record_len;
}

static void packed_read(struct endpoint *end)
{
	const ssize_t size = row_size(end->path->batch);
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		fail_unless(read(end->in, burst.row, size) == size, "packed read");
}

static void packed_write(struct endpoint *end)
{
	const ssize_t size = row_size(end->path->batch);
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		fail_unless(write(end->out, burst.row, size) == size, "packed write");
}

static void packed_forward(struct endpoint *end)
{
	const ssize_t size = row_size(end->path->batch);
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		fail_unless(read(end->in, burst.row, size) == size &&
			    write(end->out, burst.row, size) == size, "packed read, write");
}

/* --- rings ---------------------------------------------------------------------------- */

static size_t align_record(size_t size)
{
	return (size + FRAMEIO_RECORD_ALIGN - 1) & ~(size_t)(FRAMEIO_RECORD_ALIGN - 1);
}

static void *ring_record(const struct ring *ring)
{
	return ring->area + ring->counter % RING_SIZE;
}

/* Our counter is stored; the kernel's flags, which may ask to be woken, are looked at behind it. */
static void wake_kernel(int fd, const uint32_t *flags)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(flags, __ATOMIC_RELAXED) & FRAMEIO_RING_NEED_WAKEUP)
		fail_unless(!ioctl(fd, FRAMEIO_KICK), "FRAMEIO_KICK");
}

static void release_records(struct ring *ring, int fd)
{
	__atomic_store_n(&ring->page->rg_consumer, ring->counter, __ATOMIC_RELEASE);
	wake_kernel(fd, &ring->page->rg_producer_flags);
}

static void publish_records(struct ring *ring, int fd)
{
	__atomic_store_n(&ring->page->rg_producer, ring->counter, __ATOMIC_RELEASE);
	wake_kernel(fd, &ring->page->rg_consumer_flags);
}

static uint64_t produced(const struct ring *ring)
{
	return __atomic_load_n(&ring->page->rg_producer, __ATOMIC_ACQUIRE);
}

static void append_record(struct ring *ring, const void *record)
{
	memcpy(ring_record(ring), record, burst.record_len);
	ring->counter += burst.stride;
}

/* As a program does that looks at each header and takes nothing out. */
static void ring_read(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->read;
	const uint64_t producer = produced(ring);
	unsigned int n;

	for (n = 0; ring->counter != producer; n++) {
		const struct frameio_hdr *hdr = ring_record(ring);

		ring->counter += align_record(sizeof(*hdr) + hdr->len);
	}
	fail_unless(n == BURST, "read ring");
	release_records(ring, end->in);
}

static void ring_write(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->write;
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		append_record(ring, burst.records[i]);
		if (!((i + 1) % end->path->batch))
			publish_records(ring, end->out);
	}
}

/* The same, until the thread that polls has taken all of them. */
static void ring_write_polled(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->write;

	ring_write(end);
	while (__atomic_load_n(&ring->page->rg_consumer, __ATOMIC_ACQUIRE) != ring->counter)
		;
}

static void ring_forward(struct endpoint *end)
{
	struct rings *rings = end->state;
	const uint64_t producer = produced(&rings->read);

	for (; rings->read.counter != producer;
	     rings->read.counter += burst.stride)
		append_record(&rings->write, ring_record(&rings->read));
	release_records(&rings->read, end->in);
	publish_records(&rings->write, end->out);
}

static void ring_echo(struct endpoint *end)
{
	struct pollfd pollfd = { .fd = end->in, .events = POLLIN };
	struct rings *rings = end->state;

	while (produced(&rings->read) == rings->read.counter)
		fail_unless(poll(&pollfd, 1, -1) == 1, "poll");
	append_record(&rings->write, ring_record(&rings->read));
	rings->read.counter += burst.stride;
	release_records(&rings->read, end->in);
	publish_records(&rings->write, end->in);
}

/* --- all of them ------------------------------------------------------------------------ */

static const struct path paths[] = {
	{ "read", WORKLOADS_READ, 1, 0, single_read, NULL },
	{ "readv", WORKLOADS_READ, 32, 0, vector_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 1, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 2, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 4, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 8, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 16, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", WORKLOADS_READ, 32, 0, ioctl_read, NULL },
	{ "packed read", WORKLOADS_READ, 32, PACKED, packed_read, NULL },
	{ "read ring", WORKLOADS_READ, 32, RING, ring_read, NULL },
	{ "write", WORKLOADS_WRITE, 1, 0, single_write, NULL },
	{ "writev", WORKLOADS_WRITE, 32, 0, vector_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE, 1, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE, 2, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE, 4, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE, 8, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE, 16, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WORKLOADS_WRITE | WORKLOAD(QUEUE_PAIRS), 32, 0, ioctl_write, NULL },
	{ "packed write", WORKLOADS_WRITE | WORKLOAD(QUEUE_PAIRS), 32, PACKED, packed_write, NULL },
	{ "write ring", WORKLOADS_WRITE | WORKLOAD(QUEUE_PAIRS), 32, RING, ring_write, NULL },
	{ "write ring, polled", WORKLOADS_WRITE, 32, RING | RING_POLL, ring_write_polled, NULL },
	{ "read, write", WORKLOADS_FORWARD, 1, 0, single_forward, NULL },
	{ "readv, writev", WORKLOADS_FORWARD, 32, 0, vector_forward, NULL },
	{ "FRAMEIO_READ, _WRITE", WORKLOADS_FORWARD, 32, 0, ioctl_forward, NULL },
	{ "packed read, write", WORKLOADS_FORWARD, 32, PACKED, packed_forward, NULL },
	{ "rings", WORKLOADS_FORWARD, 32, RING, ring_forward, NULL },
	{ "read, write", WORKLOAD(LATENCY), 1, 0, single_echo, NULL },
	{ "FRAMEIO_READ, _WRITE", WORKLOAD(LATENCY), 1, 0, ioctl_echo, NULL },
	{ "rings, poll", WORKLOAD(LATENCY), 1, RING, ring_echo, NULL },
};

const struct peer peer_frameio = {
	.name = "frameio",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = frameio_missing,
	.open = frameio_open,
	.close = frameio_close,
};
