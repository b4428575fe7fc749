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
#define OFFLOAD		0x8	/* frames come with segments and sums left to make */

#define RING_SIZE	(1U << 20)
#define ROW_SIZE	(1U << 19)	/* of frames of any length */
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
		.fc_nqueues = end->npairs,
		.fc_flags = end->path->flags & OFFLOAD ? FRAMEIO_PORT_OFFLOAD : 0,
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

/* Those of the way from in to out, and of the way back, if there is one. */
static const char *set_up_rings(struct endpoint *end)
{
	const bool polled = end->path->flags & RING_POLL;
	struct rings *there = calloc(2, sizeof(*there)), *back = there + 1;
	struct ring *answers = NULL;

	fail_unless(there != NULL, "rings");
	end->state = there;
	end->back = back;
	if (polled && sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "the thread that polls needs a second CPU";
	if (endpoint_goes_back(end))
		answers = &back->write;
	else if (endpoint_echoes(end))
		answers = &there->write;
	if (endpoint_reads(end) && !set_up(end->in, &there->read, answers, polled))
		return because("a read ring");
	answers = endpoint_goes_back(end) ? &back->read : NULL;
	if (endpoint_writes(end) && !set_up(end->out, answers, &there->write, polled))
		return because("a write ring");
	return NULL;
}

static bool set_packed(int fd)
{
	const uint32_t options = FRAMEIO_O_PACKED;

	return fd < 0 || !ioctl(fd, FRAMEIO_SET_OPTIONS, &options);
}

/* Likewise, rows that each have room for the longest frames. */
static void make_rows(struct endpoint *end)
{
	end->state = malloc(ROW_SIZE);
	end->back = malloc(ROW_SIZE);
	fail_unless(end->state && end->back, "rows");
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
	else if (end->path->flags & OFFLOAD)
		make_rows(end);
	if (!why && end->in >= 0)
		begin_to_take(end->in);
	return why;
}

static void unmap_ring(struct ring *ring)
{
	if (ring->page)
		munmap(ring->page, ring->map_size);
}

static void unmap_rings(struct rings *rings)
{
	unmap_ring(&rings->read);
	unmap_ring(&rings->write);
}

static void frameio_close(struct endpoint *end)
{
	if (!end->state)
		return;
	if (end->path->flags & RING) {
		unmap_rings(end->state);
		unmap_rings(end->back);
	} else {
		free(end->back);
	}
	free(end->state);
}

static unsigned int lesser(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* --- one frame a call ----------------------------------------------------------- */

static unsigned int single_read(struct endpoint *end)
{
	return burst_read(end->in, burst.record_len);
}

static unsigned int single_write(struct endpoint *end)
{
	return burst_write(end->out, burst.records[0], burst.record_len);
}

static unsigned int single_forward(struct endpoint *end)
{
	return carry_burst(end->in, end->out);
}

static bool record_is_ping(const void *record)
{
	return frame_is_ping((const unsigned char *)record + sizeof(struct frameio_hdr));
}

static unsigned int single_echo(struct endpoint *end)
{
	const ssize_t n = read(end->in, burst.records[0], burst.room);

	fail_unless(n == (ssize_t)burst.record_len, "read");
	if (record_is_ping(burst.records[0]))
		fail_unless(write(end->in, burst.records[0], n) == n, "write");
	return 1;
}

/* --- vectors ---------------------------------------------------------------------- */

/* As many records as a batch has, from @first on. */
static void fill_iovecs(struct iovec *iov, unsigned int first, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		iov[i].iov_base = burst.records[first + i];
		iov[i].iov_len = len;
	}
}

/* Up to @n; returns how many there were. */
static unsigned int readv_batch(int fd, unsigned int first, unsigned int n)
{
	struct iovec iov[BURST];
	ssize_t size;

	fill_iovecs(iov, first, n, burst.room);
	size = readv(fd, iov, n);
	fail_unless(size > 0 && !(size % burst.record_len), "readv");
	return size / burst.record_len;
}

static void writev_batch(int fd, unsigned int first, unsigned int n)
{
	struct iovec iov[BURST];

	fill_iovecs(iov, first, n, burst.record_len);
	fail_unless(writev(fd, iov, n) == (ssize_t)(n * burst.record_len), "writev");
}

static unsigned int vector_read(struct endpoint *end)
{
	unsigned int i = 0;

	while (i < BURST)
		i += readv_batch(end->in, i, lesser(end->path->batch, BURST - i));
	return i;
}

static unsigned int vector_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		writev_batch(end->out, i, end->path->batch);
	return i;
}

static unsigned int vector_forward(struct endpoint *end)
{
	unsigned int i, n;

	for (i = 0; i < BURST; i += n) {
		n = readv_batch(end->in, i, lesser(end->path->batch, BURST - i));
		writev_batch(end->out, i, n);
	}
	return i;
}

/* --- the ioctls ----------------------------------------------------------------------- */

union request {
	struct frameio fio;
	unsigned char space[sizeof(struct frameio) + BURST * sizeof(struct framevec)];
};

static void fill_request(union request *request, unsigned int first, unsigned int n, size_t len)
{
	unsigned int i;

	request->fio.fio_version = FRAMEIO_VERSION;
	request->fio.fio_nvpf = 1;
	request->fio.fio_nvecs = n;
	request->fio.fio_flags = 0;
	for (i = 0; i < n; i++) {
		request->fio.fio_vecs[i].fv_buf = (uintptr_t)burst.records[first + i];
		request->fio.fio_vecs[i].fv_buflen = len;
	}
}

/* Up to @n; returns how many there were. */
static unsigned int ioctl_read_batch(int fd, union request *request, unsigned int first,
				     unsigned int n)
{
	fill_request(request, first, n, burst.room);
	fail_unless(!ioctl(fd, FRAMEIO_READ, &request->fio), "FRAMEIO_READ");
	return request->fio.fio_nvecs;
}

static void submit_writes(int fd, union request *request, unsigned int n)
{
	fail_unless(!ioctl(fd, FRAMEIO_WRITE, &request->fio) && request->fio.fio_nvecs == n,
		    "FRAMEIO_WRITE");
}

static void ioctl_write_batch(int fd, unsigned int first, unsigned int n)
{
	union request request;

	fill_request(&request, first, n, burst.record_len);
	submit_writes(fd, &request, n);
}

/* What was read is written from where it is, and as long as it is. */
static unsigned int ioctl_carry_batch(struct endpoint *end, unsigned int first, unsigned int n)
{
	union request request;
	unsigned int i;

	n = ioctl_read_batch(end->in, &request, first, n);
	for (i = 0; i < n; i++)
		request.fio.fio_vecs[i].fv_buflen = request.fio.fio_vecs[i].fv_actlen;
	submit_writes(end->out, &request, n);
	return n;
}

static unsigned int ioctl_read(struct endpoint *end)
{
	union request request;
	unsigned int i = 0;

	while (i < BURST)
		i += ioctl_read_batch(end->in, &request, i, lesser(end->path->batch, BURST - i));
	return i;
}

static unsigned int ioctl_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		ioctl_write_batch(end->out, i, end->path->batch);
	return i;
}

static unsigned int ioctl_forward(struct endpoint *end)
{
	unsigned int i = 0;

	while (i < BURST)
		i += ioctl_carry_batch(end, i, lesser(end->path->batch, BURST - i));
	return i;
}

static unsigned int ioctl_carry(struct endpoint *end)
{
	return ioctl_carry_batch(end, 0, end->path->batch);
}

static unsigned int ioctl_take(struct endpoint *end)
{
	union request request;

	return ioctl_read_batch(end->in, &request, 0, end->path->batch);
}

static unsigned int ioctl_echo(struct endpoint *end)
{
	const unsigned int n = ioctl_take(end);
	unsigned int i;

	for (i = 0; i < n; i++)
		if (record_is_ping(burst.records[i]))
			ioctl_write_batch(end->in, i, 1);
	return n;
}

/* --- packed mode -------------------------------------------------------------------- */

static ssize_t row_size(unsigned int n)
{
	return (n - 1) * burst.stride + burst.record_len;
}

/* How many of the burst's records a row of so many bytes has. */
static unsigned int count_records(ssize_t size)
{
	return (size - burst.record_len) / burst.stride + 1;
}

/* Up to @size bytes; returns how many there were. */
static ssize_t read_row(int fd, size_t size)
{
	const ssize_t n = read(fd, burst.row, size);

	fail_unless(n >= (ssize_t)sizeof(struct frameio_hdr), "packed read");
	return n;
}

static void write_row(int fd, ssize_t size)
{
	fail_unless(write(fd, burst.row, size) == size, "packed write");
}

static unsigned int packed_read(struct endpoint *end)
{
	unsigned int i = 0, n;

	while (i < BURST) {
		n = lesser(end->path->batch, BURST - i);
		i += count_records(read_row(end->in, row_size(n)));
	}
	return i;
}

static unsigned int packed_write(struct endpoint *end)
{
	unsigned int i;

	for (i = 0; i < BURST; i += end->path->batch)
		write_row(end->out, row_size(end->path->batch));
	return i;
}

static ssize_t packed_carry_row(struct endpoint *end, size_t size)
{
	const ssize_t n = read_row(end->in, size);

	write_row(end->out, n);
	return n;
}

static unsigned int packed_forward(struct endpoint *end)
{
	unsigned int i = 0, n;

	while (i < BURST) {
		n = lesser(end->path->batch, BURST - i);
		i += count_records(packed_carry_row(end, row_size(n)));
	}
	return i;
}

/* Nobody asks how many. */
static unsigned int packed_carry(struct endpoint *end)
{
	packed_carry_row(end, row_size(end->path->batch));
	return 1;
}

/* What comes is as long as a row has room for. */
static unsigned int packed_carry_long(struct endpoint *end)
{
	const ssize_t n = read(end->in, end->state, ROW_SIZE);

	fail_unless(n >= (ssize_t)sizeof(struct frameio_hdr) &&
		    write(end->out, end->state, n) == n, "packed read, write");
	return 1;
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

static uint64_t consumed(const struct ring *ring)
{
	return __atomic_load_n(&ring->page->rg_consumer, __ATOMIC_ACQUIRE);
}

static void await(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	fail_unless(poll(&pollfd, 1, -1) == 1, "poll");
}

/* Sleep until there are records. Returns where they end. */
static uint64_t await_records(const struct ring *ring, int fd)
{
	uint64_t producer;

	while ((producer = produced(ring)) == ring->counter)
		await(fd, POLLIN);
	return producer;
}

static void append_record(struct ring *ring, const void *record, size_t size)
{
	memcpy(ring_record(ring), record, size);
	ring->counter += align_record(size);
}

/* Sleep until there is room for a record. */
static void await_room(struct ring *ring, int fd, size_t size)
{
	while (ring->counter + align_record(size) - consumed(ring) > RING_SIZE) {
		publish_records(ring, fd);
		await(fd, POLLOUT);
	}
}

/* As a program does that looks at each header and takes nothing out: all there are. */
static unsigned int ring_take(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->read;
	const uint64_t producer = await_records(ring, end->in);
	unsigned int n;

	for (n = 0; ring->counter != producer; n++) {
		const struct frameio_hdr *hdr = ring_record(ring);

		ring->counter += align_record(sizeof(*hdr) + hdr->len);
	}
	release_records(ring, end->in);
	return n;
}

static unsigned int ring_read(struct endpoint *end)
{
	unsigned int n = 0;

	while (n < BURST)
		n += ring_take(end);
	return n;
}

static unsigned int ring_write(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->write;
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		append_record(ring, burst.records[i], burst.record_len);
		if (!((i + 1) % end->path->batch))
			publish_records(ring, end->out);
	}
	return i;
}

/* The same, until the thread that polls has taken all of them. */
static unsigned int ring_write_polled(struct endpoint *end)
{
	struct ring *ring = &((struct rings *)end->state)->write;
	const unsigned int n = ring_write(end);

	while (consumed(ring) != ring->counter)
		;
	return n;
}

/* All there are. */
static unsigned int ring_carry(struct endpoint *end)
{
	struct rings *rings = end->state;
	const uint64_t producer = await_records(&rings->read, end->in);
	unsigned int n;

	for (n = 0; rings->read.counter != producer; n++) {
		const struct frameio_hdr *hdr = ring_record(&rings->read);
		const size_t size = sizeof(*hdr) + hdr->len;

		await_room(&rings->write, end->out, size);
		append_record(&rings->write, hdr, size);
		rings->read.counter += align_record(size);
	}
	release_records(&rings->read, end->in);
	publish_records(&rings->write, end->out);
	return n;
}

static unsigned int ring_forward(struct endpoint *end)
{
	unsigned int n = 0;

	while (n < BURST)
		n += ring_carry(end);
	return n;
}

static unsigned int ring_echo(struct endpoint *end)
{
	struct rings *rings = end->state;
	const uint64_t producer = await_records(&rings->read, end->in);
	bool answered = false;
	unsigned int n;

	for (n = 0; rings->read.counter != producer; n++) {
		const void *record = ring_record(&rings->read);

		if (record_is_ping(record)) {
			append_record(&rings->write, record, burst.record_len);
			answered = true;
		}
		rings->read.counter += burst.stride;
	}
	release_records(&rings->read, end->in);
	if (answered)
		publish_records(&rings->write, end->in);
	return n;
}

/* --- all of them ------------------------------------------------------------------------ */

#define READ		WORKLOADS_READ
#define WRITE		WORKLOADS_WRITE
#define FORWARDS	WORKLOADS_FORWARD
#define READ_PAIRS	(WORKLOADS_READ | WORKLOAD(PAIRS_TO_USER))
#define WRITE_PAIRS	(WORKLOADS_WRITE | WORKLOAD(PAIRS_TO_KERNEL))

static const struct path paths[] = {
	{ "read", READ, 1, 0, single_read, NULL },
	{ "readv", READ, 32, 0, vector_read, NULL },
	{ "FRAMEIO_READ", READ, 1, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", READ, 2, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", READ, 4, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", READ, 8, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", READ, 16, 0, ioctl_read, NULL },
	{ "FRAMEIO_READ", READ_PAIRS, 32, 0, ioctl_read, NULL },
	{ "packed read", READ_PAIRS, 32, PACKED, packed_read, NULL },
	{ "read ring", READ_PAIRS, 32, RING, ring_read, NULL },
	{ "write", WRITE, 1, 0, single_write, NULL },
	{ "writev", WRITE, 32, 0, vector_write, NULL },
	{ "FRAMEIO_WRITE", WRITE, 1, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WRITE, 2, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WRITE, 4, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WRITE, 8, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WRITE, 16, 0, ioctl_write, NULL },
	{ "FRAMEIO_WRITE", WRITE_PAIRS, 32, 0, ioctl_write, NULL },
	{ "packed write", WRITE_PAIRS, 32, PACKED, packed_write, NULL },
	{ "write ring", WRITE_PAIRS, 32, RING, ring_write, NULL },
	{ "write ring, polled", WRITE, 32, RING | RING_POLL, ring_write_polled, NULL },
	{ "read, write", FORWARDS, 1, 0, single_forward, NULL },
	{ "readv, writev", FORWARDS, 32, 0, vector_forward, NULL },
	{ "FRAMEIO_READ, _WRITE", FORWARDS, 32, 0, ioctl_forward, NULL },
	{ "packed read, write", FORWARDS, 32, PACKED, packed_forward, NULL },
	{ "rings", FORWARDS, 32, RING, ring_forward, NULL },
	{ "FRAMEIO_READ, _WRITE", WORKLOAD(TCP), 32, 0, ioctl_carry, NULL },
	{ "packed read, write", WORKLOAD(TCP), 32, PACKED, packed_carry, NULL },
	{ "rings", WORKLOAD(TCP), 32, RING, ring_carry, NULL },
	{ "packed read, write, TSO", WORKLOAD(TCP), 32, PACKED | OFFLOAD, packed_carry_long, NULL },
	{ "rings, TSO", WORKLOAD(TCP), 32, RING | OFFLOAD, ring_carry, NULL },
	{ "read, write", WORKLOADS_ECHO, 1, 0, single_echo, NULL },
	{ "FRAMEIO_READ, _WRITE", WORKLOAD(LATENCY), 1, 0, ioctl_echo, NULL },
	{ "FRAMEIO_READ, _WRITE", WORKLOAD(LOADED_LATENCY), 32, 0, ioctl_echo, NULL },
	{ "rings, poll", WORKLOADS_ECHO, 32, RING, ring_echo, NULL },
	{ "FRAMEIO_READ", WORKLOADS_LOSS, 32, 0, ioctl_take, NULL },
	{ "read ring", WORKLOADS_LOSS, 32, RING, ring_take, NULL },
};

const struct peer peer_frameio = {
	.name = "frameio",
	.paths = paths,
	.npaths = ARRAY_SIZE(paths),
	.missing = frameio_missing,
	.open = frameio_open,
	.close = frameio_close,
};
