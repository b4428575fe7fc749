/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "traffic.h"

#define WORKERS		24
#define FLOWS		16
#define SENDER_FLOWS	4
#define FLOW_FRAMES	(1U << 23)
#define BATCH		FRAMEIO_NFRAMES_MAX
#define FRAME_MAX	(TRAFFIC_MTU_MAX + ETH_HLEN)
#define SLOT		((HDRLEN + FRAME_MAX + 63) / 64 * 64)

/* Writers wait a little while so many frames are on their way to the receivers. */
#define IN_FLIGHT	1024

static uint64_t seed;
static atomic_uint nrandoms;

void traffic_seed(void)
{
	const char *text = getenv("FRAMEIO_STRESS_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_nsec * 1000003 + now.tv_sec;
	printf("stress: FRAMEIO_STRESS_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
}

double traffic_stall_s(void)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");

	return text ? 60 * strtod(text, NULL) : 60;
}

/* Xorshift (Marsaglia), whose state is never 0. */
static uint64_t next_random(struct traffic_random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return random->state;
}

void traffic_random_init(struct traffic_random *random)
{
	int i;

	random->state = (seed * 31 + ++nrandoms) * 0x9e3779b97f4a7c15ULL | 1;
	for (i = 0; i < 8; i++)
		next_random(random);
}

uint32_t traffic_below(struct traffic_random *random, uint32_t n)
{
	return (next_random(random) >> 32) * n >> 32;
}

bool traffic_one_in(struct traffic_random *random, uint32_t n)
{
	return !traffic_below(random, n);
}

/* Frames of one sender or writer, in its order. */
struct flow {
	_Atomic uint32_t accepted;	/* and so the next one's number */
	_Atomic uint32_t arrived;
	_Atomic uint64_t seen[FLOW_FRAMES / 64];
};

enum direction { TO_USER, TO_KERNEL };

static const char *const direction_names[] = { "kernel to user", "user to kernel" };

static struct flow flows[2][FLOWS];
static _Atomic uint32_t nflows[2];
static _Atomic uint64_t arrivals[2];

static uint32_t port_id;
static uint32_t nqueues;
static atomic_int fds[TRAFFIC_QUEUES];
static _Atomic uint64_t location;

/* What PACKET_STATISTICS told of frames that found a receiver's buffer full. */
static _Atomic uint64_t socket_drops;

/* In front of the bytes that fill a frame up. */
struct tag {
	uint32_t port;
	uint32_t flow;
	uint32_t number;
	uint32_t len;
};

/* A flow of the kernel's is one of UDP, so that flows are spread over the queue pairs. */
struct headers {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	struct tag tag;
} __attribute__((packed));

#define FRAME_MIN	sizeof(struct headers)

static unsigned char filling[65536 + FRAME_MAX];

static void fill_filling(void)
{
	struct traffic_random random;
	size_t i;

	traffic_random_init(&random);
	for (i = 0; i < sizeof(filling); i++)
		filling[i] = next_random(&random) >> 56;
}

static void fill_frame(void *frame, enum direction direction, const struct tag *tag)
{
	const struct headers headers = {
		.ether = {
			.ether_dhost = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
			.ether_shost = { 2, 0, 0, 0, 0, 1 },
			.ether_type = htons(direction == TO_USER ? ETHERTYPE_IP : GUEST_ETHERTYPE),
		},
		.ip = {
			.version = 4, .ihl = 5, .tot_len = htons(tag->len - ETH_HLEN), .ttl = 64,
			.protocol = IPPROTO_UDP, .saddr = htonl(0x0a090001),
			.daddr = htonl(0x0a090002),
		},
		.udp = { .source = htons(1000 + tag->flow * 7), .dest = htons(7) },
		.tag = *tag,
	};
	const uint32_t from = (tag->number * 2654435761U ^ tag->flow * 40503U ^ tag->port) & 0xffff;

	memcpy(frame, filling + from, tag->len);
	memcpy(frame, &headers, sizeof(headers));
}

static uint32_t random_len(struct traffic_random *random, bool is_short)
{
	const uint32_t room = TRAFFIC_MTU_MIN - FRAME_MIN;

	if (is_short || !traffic_one_in(random, 4))
		return FRAME_MIN + traffic_below(random, room);
	return FRAME_MIN + traffic_below(random, FRAME_MAX - FRAME_MIN + 1);
}

/* The last numbers that somebody saw of each flow, plus 1. */
struct order {
	uint32_t next[FLOWS];
};

static void check_arrival(enum direction direction, const void *frame, size_t len,
			  struct order *order)
{
	const char *way = direction_names[direction];
	unsigned char expected[FRAME_MAX];
	struct flow *flow;
	struct tag tag;
	uint64_t bit;

	require(len >= FRAME_MIN && len <= FRAME_MAX, "%s: a frame of %zu bytes", way, len);
	memcpy(&tag, (const char *)frame + offsetof(struct headers, tag), sizeof(tag));
	require(tag.port == port_id && tag.flow < nflows[direction] &&
		tag.number < FLOW_FRAMES && tag.len == len,
		"%s: %zu bytes are no frame of port %#x: port %#x, flow %u, number %u, length %u",
		way, len, port_id, tag.port, tag.flow, tag.number, tag.len);
	fill_frame(expected, direction, &tag);
	require(!memcmp(frame, expected, len), "%s: frame %u of flow %u has other bytes", way,
		tag.number, tag.flow);

	flow = &flows[direction][tag.flow];
	bit = 1ULL << tag.number % 64;
	require(!(atomic_fetch_or(&flow->seen[tag.number / 64], bit) & bit),
		"%s: frame %u of flow %u arrived twice", way, tag.number, tag.flow);
	require(tag.number >= order->next[tag.flow],
		"%s: frame %u of flow %u arrived after frame %u", way, tag.number, tag.flow,
		order->next[tag.flow] - 1);
	order->next[tag.flow] = tag.number + 1;
	flow->arrived++;
	arrivals[direction]++;
}

static uint64_t count_accepted(enum direction direction)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < nflows[direction]; i++)
		sum += flows[direction][i].accepted;
	return sum;
}

/* How a call moves records; the last three are those of a file in packed mode. */
enum way { SINGLE, VECTOR, NOWAIT, FRAMEIO, PACKED, PACKED_NOWAIT, WAYS };
#define UNPACKED_WAYS	4
#define PACKED_WAYS	3

/* Records that one call may move: short ones, where a row has room for BATCH of the longest. */
#define ROW_RECORDS	1024

struct worker {
	pthread_t thread;
	enum traffic_kind kind;
	bool running;
	atomic_bool calm;	/* of a switcher: it only reads from now on */
	uint32_t queue;
	struct traffic_random random;
	/* sockets */
	int sockets[TRAFFIC_PLACES];
	uint32_t flow;		/* of a sender the first one */
	/* of a receiver one for each socket: the order is known of neither's frames to the other's */
	struct order order[TRAFFIC_PLACES];
	/* files */
	int epoll;
	bool is_short;		/* after a frame was too long for the MTU of that moment */
	unsigned char *slots;
	unsigned char *row_end;	/* of a row's memory, behind which there is none */
	unsigned char *records[ROW_RECORDS];	/* that are moved */
	struct iovec iov[BATCH];
	struct iovec row;
	uint32_t n;		/* records offered */
	uint32_t bad;		/* the first of them that cannot be moved; n: none */
	union guest_frameio fio;
};

static struct worker workers[WORKERS];
static uint32_t nworkers;
static atomic_bool stopped[TRAFFIC_KINDS];
static atomic_bool settled;
static void *forbidden;

static const char *const kind_names[] = {
	"sender", "direct sender", "reader", "writer", "switcher", "receiver"
};

static unsigned char *slot(const struct worker *worker, uint32_t i)
{
	return worker->slots + i * SLOT;
}

static uint32_t record_len(const unsigned char *record)
{
	struct frameio_hdr hdr;

	memcpy(&hdr, record, sizeof(hdr));
	return HDRLEN + hdr.len;
}

/* What a record takes of a row. */
static size_t place_size(size_t len)
{
	return (len + FRAMEIO_RECORD_ALIGN - 1) / FRAMEIO_RECORD_ALIGN * FRAMEIO_RECORD_ALIGN;
}

/* The files of every other queue pair are in packed mode. */
static bool is_packed(uint32_t queue)
{
	return (queue ^ port_id) & 1;
}

static void set_packed(int fd, uint32_t queue)
{
	const uint32_t options = is_packed(queue) ? FRAMEIO_O_PACKED : 0;

	require(!ioctl(fd, FRAMEIO_SET_OPTIONS, &options), "FRAMEIO_SET_OPTIONS: %s",
		strerror(errno));
}

/* The frames that so many bytes are, which must be whole ones. */
static int count_bytes(const struct worker *worker, size_t bytes)
{
	uint32_t n = 0;
	size_t sum = 0;

	for (; sum < bytes; n++) {
		require(n < worker->bad, "%zu bytes are more than the %u records that can be moved",
			bytes, worker->bad);
		sum += record_len(worker->records[n]);
	}
	require(sum == bytes, "%zu bytes were moved, %u records are %zu", bytes, n, sum);
	return n;
}

/* The records of a row of so many bytes that was read. */
static int find_records(struct worker *worker, size_t bytes)
{
	size_t at = 0, end = 0;
	uint32_t n;

	for (n = 0; at < bytes; n++) {
		require(n < ROW_RECORDS && bytes - at >= HDRLEN, "a row of %zu bytes", bytes);
		worker->records[n] = (unsigned char *)worker->row.iov_base + at;
		end = at + record_len(worker->records[n]);
		at = place_size(end);
	}
	require(end == bytes, "%zu bytes were read, %u records are %zu", bytes, n, end);
	return n;
}

/* Of the row that is to be written, how many records there are in front of so many bytes. */
static int count_row(const struct worker *worker, size_t bytes)
{
	size_t at = 0;
	uint32_t n;

	for (n = 0; n < worker->n && at < bytes; n++) {
		require(n < worker->bad, "more than the %u records that can be moved", worker->bad);
		at += place_size(worker->iov[n].iov_len);
	}
	require(bytes == at || (n == worker->n && bytes == worker->row.iov_len),
		"%zu bytes of a row were accepted, where no record starts", bytes);
	return n;
}

/*
 * Room for a row to be read. Where there is a bad place in it, it is short, or its end
 * cannot be written; the first frame may then be what does not fit.
 */
static void offer_room(struct worker *worker)
{
	size_t room = worker->n * SLOT;
	bool unwritable = false;

	if (worker->bad < worker->n) {
		room = 1 + traffic_below(&worker->random, room);
		unwritable = traffic_one_in(&worker->random, 2);
		worker->bad = room < HDRLEN + FRAME_MAX ? 0 : worker->n;
	}
	worker->row = (struct iovec){ worker->row_end - room, room + (unwritable ? SLOT : 0) };
}

/* A row of the records; of the bad one the version is wrong, or the end cannot be read. */
static void offer_row(struct worker *worker, bool unreadable)
{
	size_t starts[BATCH], size = 0, room;
	uint32_t i;

	for (i = 0; i < worker->n; i++) {
		starts[i] = size;
		size += place_size(worker->iov[i].iov_len);
	}
	room = size;
	size = starts[i - 1] + worker->iov[i - 1].iov_len;
	if (worker->bad < worker->n && unreadable)
		room = starts[worker->bad] + traffic_below(&worker->random, HDRLEN + FRAME_MIN);
	worker->row = (struct iovec){ worker->row_end - room, size };
	for (i = 0; i < worker->n && starts[i] < room; i++) {
		const size_t len = worker->iov[i].iov_len, left = room - starts[i];

		memcpy((char *)worker->row.iov_base + starts[i], slot(worker, i),
		       len < left ? len : left);
	}
	if (worker->bad < worker->n && !unreadable)
		*((unsigned char *)worker->row.iov_base + starts[worker->bad]) = 0;
}

/* Offer the records to an ioctl, each in pieces. */
static void offer_vecs(struct worker *worker)
{
	struct traffic_random *random = &worker->random;
	const uint32_t nvpf = traffic_one_in(random, 2) ? 1 : 1 + traffic_below(random, 8);
	struct framevec *vec = worker->fio.fio.fio_vecs;
	uint32_t i, j;

	worker->fio.fio = (struct frameio) { FRAMEIO_VERSION, nvpf, worker->n * nvpf, 0 };
	for (i = 0; i < worker->n; i++) {
		uint64_t next = (uintptr_t)worker->iov[i].iov_base;
		uint64_t left = worker->iov[i].iov_len;

		for (j = 1; j < nvpf; j++, vec++) {
			/* so that each of the others gets a byte */
			uint32_t most = left - (nvpf - j);
			uint32_t len = 1 + traffic_below(random, most < 200 ? most : 200);

			*vec = (struct framevec) { next, len, 0 };
			next += len;
			left -= len;
		}
		*vec++ = (struct framevec) { next, left, 0 };
	}
}

static int count_vecs(const struct worker *worker)
{
	const struct framevec *vec = worker->fio.fio.fio_vecs;
	const uint32_t nvpf = worker->fio.fio.fio_nvpf, nvecs = worker->fio.fio.fio_nvecs;
	uint32_t n, j;

	require(nvecs && nvecs % nvpf == 0, "%u vectors of %u a frame", nvecs, nvpf);
	for (n = 0; n < nvecs / nvpf; n++) {
		uint64_t sum = 0;

		require(n < worker->bad, "more than the %u records that can be moved",
			worker->bad);
		for (j = 0; j < nvpf; j++, vec++)
			sum += vec->fv_actlen;
		require(sum == record_len(worker->records[n]), "fv_actlen adds up to %llu of %u",
			(unsigned long long)sum, record_len(worker->records[n]));
	}
	return n;
}

/* Make a call; the frames it moved, or -errno. */
static int move_records(struct worker *worker, int fd, enum direction direction, enum way way)
{
	const struct iovec *iov = worker->iov;
	const bool reads = direction == TO_USER;
	ssize_t ret;

	if (way == FRAMEIO) {
		offer_vecs(worker);
		if (ioctl(fd, reads ? FRAMEIO_READ : FRAMEIO_WRITE, &worker->fio))
			return -errno;
		return count_vecs(worker);
	}
	if (way == PACKED || way == PACKED_NOWAIT) {
		const int flags = way == PACKED ? 0 : RWF_NOWAIT;

		ret = reads ? preadv2(fd, &worker->row, 1, -1, flags) :
			      pwritev2(fd, &worker->row, 1, -1, flags);
		if (ret < 0)
			return -errno;
		return reads ? find_records(worker, ret) : count_row(worker, ret);
	}
	if (way == SINGLE)
		ret = reads ? read(fd, iov->iov_base, iov->iov_len) :
			      write(fd, iov->iov_base, iov->iov_len);
	else if (way == VECTOR)
		ret = reads ? readv(fd, iov, worker->n) : writev(fd, iov, worker->n);
	else
		ret = reads ? preadv2(fd, iov, worker->n, -1, RWF_NOWAIT) :
			      pwritev2(fd, iov, worker->n, -1, RWF_NOWAIT);
	return ret < 0 ? -errno : count_bytes(worker, ret);
}

/* Sleep until something may have changed, by either way of waiting. */
static void wait_for_event(struct worker *worker, int fd, short events, bool edge)
{
	struct pollfd pollfd = { .fd = fd, .events = events };
	struct epoll_event event;
	int ret;

	if (edge && worker->epoll >= 0 && traffic_one_in(&worker->random, 2))
		ret = epoll_wait(worker->epoll, &event, 1, -1);
	else
		ret = poll(&pollfd, 1, -1);
	require(ret >= 0 || errno == EINTR, "waiting for an event: %s", strerror(errno));
}

static enum way choose_way(struct worker *worker, int fd)
{
	const enum way way = is_packed(worker->queue) ?
		WAYS - 1 - traffic_below(&worker->random, PACKED_WAYS) :
		traffic_below(&worker->random, UNPACKED_WAYS);

	worker->n = way == SINGLE ? 1 : 1 + traffic_below(&worker->random, BATCH);
	worker->bad = traffic_one_in(&worker->random, 8) ?
		      traffic_below(&worker->random, worker->n) : worker->n;
	/* for every thread that uses the file */
	if (traffic_one_in(&worker->random, 16))
		fcntl(fd, F_SETFL, O_RDWR | (traffic_one_in(&worker->random, 2) ? O_NONBLOCK : 0));
	return way;
}

/* The port is gone, or another file has taken the place of its file. */
static bool is_end(int error)
{
	return error == ENODEV || error == EBADF;
}

static void check_record(struct worker *worker, uint32_t i)
{
	struct frameio_hdr hdr;

	memcpy(&hdr, worker->records[i], sizeof(hdr));
	require(hdr.version == FRAMEIO_HDR_VERSION && hdr.hdrlen == HDRLEN &&
		hdr.len == hdr.wirelen && !(hdr.flags & FRAMEIO_F_TRUNC) && !hdr.reserved,
		"record: version %u, hdrlen %u, flags %#x, len %u, wirelen %u", hdr.version,
		hdr.hdrlen, hdr.flags, hdr.len, hdr.wirelen);
	require(hdr.queue == worker->queue, "a frame of queue pair %u was read at %u", hdr.queue,
		worker->queue);
	check_arrival(TO_USER, worker->records[i] + HDRLEN, hdr.len, worker->order);
}

/* One call; false when the port is gone. */
static bool read_some(struct worker *worker, int fd)
{
	const enum way way = choose_way(worker, fd);
	uint32_t i;
	int ret;

	for (i = 0; i < worker->n; i++) {
		worker->records[i] = slot(worker, i);
		worker->iov[i] = (struct iovec) { slot(worker, i), SLOT };
	}
	if (way >= PACKED) {
		offer_room(worker);
	} else if (worker->bad < worker->n) {
		if (traffic_one_in(&worker->random, 2))
			worker->iov[worker->bad].iov_base = forbidden;
		else
			worker->iov[worker->bad].iov_len = HDRLEN + FRAME_MIN - 1;
	}
	ret = move_records(worker, fd, TO_USER, way);
	for (i = 0; ret > 0 && i < (uint32_t)ret; i++)
		check_record(worker, i);
	if (ret == -EAGAIN)
		wait_for_event(worker, fd, POLLIN, way != NOWAIT && way != PACKED_NOWAIT);
	else if (ret == -EFAULT || ret == -EMSGSIZE)
		require(!worker->bad, "reading: %s, and the first vector is good", strerror(-ret));
	else
		require(ret > 0 || ret == -EINTR || is_end(-ret), "reading: %s", strerror(-ret));
	return ret > 0 || !is_end(-ret);
}

static void make_records(struct worker *worker)
{
	const uint32_t first = flows[TO_KERNEL][worker->flow].accepted;
	struct tag tag = { .port = port_id, .flow = worker->flow };
	uint32_t i;

	for (i = 0; i < worker->n; i++) {
		tag.number = first + i;
		tag.len = random_len(&worker->random, worker->is_short);
		guest_header(slot(worker, i), tag.len);
		fill_frame(slot(worker, i) + HDRLEN, TO_KERNEL, &tag);
		worker->records[i] = slot(worker, i);
		worker->iov[i] = (struct iovec) { slot(worker, i), HDRLEN + tag.len };
	}
}

/* The same. */
static bool write_some(struct worker *worker, int fd)
{
	struct flow *flow = &flows[TO_KERNEL][worker->flow];
	const enum way way = choose_way(worker, fd);
	bool unreadable = traffic_one_in(&worker->random, 2), too_long;
	int ret;

	/* leave the others some time */
	if (flow->accepted > FLOW_FRAMES - BATCH || traffic_one_in(&worker->random, 4) ||
	    count_accepted(TO_KERNEL) > arrivals[TO_KERNEL] + IN_FLIGHT)
		usleep(2000);
	if (flow->accepted > FLOW_FRAMES - BATCH)
		return true;
	make_records(worker);
	too_long = worker->iov[0].iov_len > HDRLEN + ETH_HLEN + TRAFFIC_MTU_MIN;
	if (way >= PACKED)
		offer_row(worker, unreadable);
	else if (worker->bad < worker->n && unreadable)
		worker->iov[worker->bad].iov_base = forbidden;
	else if (worker->bad < worker->n)
		worker->iov[worker->bad].iov_len--;
	ret = move_records(worker, fd, TO_KERNEL, way);
	worker->is_short = ret == -EINVAL;
	if (ret > 0)
		flow->accepted += ret;
	else if (ret == -EAGAIN || ret == -ENETDOWN)
		wait_for_event(worker, fd, POLLOUT, ret == -EAGAIN && way != NOWAIT &&
			       way != PACKED_NOWAIT);
	else if (ret == -EFAULT)
		require(!worker->bad && unreadable,
			"writing: EFAULT, and the first record is good");
	else if (ret == -EINVAL)
		require((!worker->bad && !unreadable) || too_long,
			"writing: EINVAL, and the first record is good");
	else
		require(ret == -EINTR || is_end(-ret), "writing: %s", strerror(-ret));
	return ret > 0 || !is_end(-ret);
}

static void run_reader(struct worker *worker)
{
	while (read_some(worker, fds[worker->queue]))
		;
}

static void run_writer(struct worker *worker)
{
	while (!stopped[TRAFFIC_WRITER] && write_some(worker, fds[worker->queue]))
		;
}

/* Close the queue pair's file with whatever waits there, and open another. */
static void switch_file(struct worker *worker)
{
	struct frameio_info info;
	int fd = fds[worker->queue];

	close(fd);
	fds[worker->queue] = -1;
	usleep(traffic_below(&worker->random, 5000));
	do {
		ck_assert_int_eq(ioctl(fds[0], FRAMEIO_INFO, &info), 0);
		fd = guest_open(info.fi_name, worker->queue);
		require(fd >= 0 || errno == ENODEV, "FRAMEIO_OPEN: %s", strerror(errno));
	} while (fd < 0);
	set_packed(fd, worker->queue);
	fds[worker->queue] = fd;
	worker->order[0] = (struct order) { 0 };
}

static void random_limits(struct worker *worker, int fd)
{
	static const uint32_t limits[] = { 0, 1, 2, 3, 16, 64, FRAMEIO_LIMIT_DEFAULT, 8192 };

	guest_set_limits(fd, limits[traffic_below(&worker->random, 8)],
			 limits[traffic_below(&worker->random, 8)]);
}

static void run_switcher(struct worker *worker)
{
	struct traffic_random *random = &worker->random;
	bool alive = true;

	while (alive && !settled) {
		if (traffic_one_in(random, 64))
			switch_file(worker);
		if (traffic_one_in(random, 32))
			random_limits(worker, fds[worker->queue]);
		if (traffic_one_in(random, 2))
			alive = write_some(worker, fds[worker->queue]);
		else
			alive = read_some(worker, fds[worker->queue]);
	}
	worker->calm = true;
	while (alive)
		alive = read_some(worker, fds[worker->queue]);
}

/* Taken for writing to keep senders from sending. */
static pthread_rwlock_t gate;

static bool send_one(struct worker *worker)
{
	const uint64_t where = location;
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = where & 0xffffffff,
	};
	struct tag tag = { .port = port_id,
			   .flow = worker->flow + traffic_below(&worker->random, SENDER_FLOWS) };
	struct flow *flow = &flows[TO_USER][tag.flow];
	unsigned char frame[FRAME_MAX];

	tag.number = flow->accepted;
	tag.len = random_len(&worker->random, false);
	if (tag.number == FLOW_FRAMES)
		return false;
	fill_frame(frame, TO_USER, &tag);
	if (sendto(worker->sockets[where >> 32], frame, tag.len, 0, (void *)&address,
		   sizeof(address)) < 0) {
		require(errno == ENOBUFS || errno == ENETDOWN || errno == ENXIO ||
			errno == ENODEV || errno == EMSGSIZE, "sending: %s", strerror(errno));
		return false;
	}
	flow->accepted++;
	return true;
}

static void run_sender(struct worker *worker)
{
	bool sent;

	while (!stopped[worker->kind]) {
		if (worker->kind == TRAFFIC_SENDER)
			pthread_rwlock_rdlock(&gate);
		sent = send_one(worker);
		if (worker->kind == TRAFFIC_SENDER)
			pthread_rwlock_unlock(&gate);
		if (!sent)
			usleep(200);
	}
}

static void count_socket_drops(int fd)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	ck_assert_int_eq(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len), 0);
	socket_drops += stats.tp_drops;
}

/* Not more than a few at once: writers may be faster, and then it would never end. */
static void receive_some(int fd, struct order *order)
{
	unsigned char frame[FRAME_MAX + 1];
	ssize_t len;
	int n;

	for (n = 0; n < 256; n++) {
		len = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);
		require(len > 0 || errno == EAGAIN, "receiving: %s", strerror(errno));
		if (len < 0)
			return;
		check_arrival(TO_KERNEL, frame, len, order);
	}
}

static void run_receiver(struct worker *worker)
{
	struct pollfd pollfds[TRAFFIC_PLACES];
	uint32_t i;
	bool last;

	/* poll() leaves out those that are negative */
	for (i = 0; i < TRAFFIC_PLACES; i++)
		pollfds[i] = (struct pollfd) { worker->sockets[i], POLLIN, 0 };
	do {
		last = stopped[TRAFFIC_RECEIVER];
		ck_assert_int_ge(poll(pollfds, TRAFFIC_PLACES, last ? 0 : 20), 0);
		for (i = 0; i < TRAFFIC_PLACES; i++) {
			if (pollfds[i].fd < 0)
				continue;
			receive_some(pollfds[i].fd, &worker->order[i]);
			count_socket_drops(pollfds[i].fd);
		}
	} while (!last);
}

static void (*const run_kind[])(struct worker *) = {
	run_sender, run_sender, run_reader, run_writer, run_switcher, run_receiver
};

static void *run_worker(void *argument)
{
	struct worker *worker = argument;

	/* whoever changes the port, and the kernel's threads, come before traffic */
	setpriority(PRIO_PROCESS, gettid(), 10);
	run_kind[worker->kind](worker);
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

static void init_once(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	pthread_rwlockattr_t attr;

	if (forbidden)
		return;
	forbidden = mmap(NULL, SLOT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(forbidden, MAP_FAILED);
	fill_filling();
	/* without SA_RESTART */
	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	ck_assert_int_eq(pthread_rwlock_init(&gate, &attr), 0);
}

static void clear_flows(enum direction direction)
{
	uint32_t i, j;

	for (i = 0; i < nflows[direction]; i++) {
		struct flow *flow = &flows[direction][i];

		for (j = 0; j <= flow->accepted / 64 && j < FLOW_FRAMES / 64; j++)
			flow->seen[j] = 0;
		flow->accepted = 0;
		flow->arrived = 0;
	}
	nflows[direction] = 0;
	arrivals[direction] = 0;
}

void traffic_begin(const int *files, uint32_t n)
{
	struct traffic_random random;
	uint32_t i;

	init_once();
	for (i = 0; i < nworkers; i++)
		ck_assert(!workers[i].running);
	nworkers = 0;
	clear_flows(TO_USER);
	clear_flows(TO_KERNEL);
	socket_drops = 0;
	settled = false;
	for (i = 0; i < TRAFFIC_KINDS; i++)
		stopped[i] = false;
	traffic_random_init(&random);
	port_id = next_random(&random);
	nqueues = n;
	for (i = 0; i < n; i++) {
		set_packed(files[i], i);
		fds[i] = files[i];
	}
}

void traffic_move(enum traffic_place place, unsigned int ifindex)
{
	location = (uint64_t)place << 32 | ifindex;
}

static struct worker *new_worker(enum traffic_kind kind)
{
	struct worker *worker = &workers[nworkers++];
	unsigned char *slots = worker->slots, *row_end = worker->row_end;

	ck_assert_uint_le(nworkers, WORKERS);
	*worker = (struct worker) { .kind = kind, .epoll = -1, .slots = slots,
				    .row_end = row_end };
	if (!slots) {
		worker->slots = malloc(BATCH * SLOT);
		worker->row_end = (unsigned char *)guest_guarded(BATCH * SLOT) + BATCH * SLOT;
	}
	ck_assert_ptr_nonnull(worker->slots);
	traffic_random_init(&worker->random);
	return worker;
}

static void start_worker(struct worker *worker)
{
	stopped[worker->kind] = false;
	worker->running = true;
	ck_assert_int_eq(pthread_create(&worker->thread, NULL, run_worker, worker), 0);
}

/* Flows are known before frames of theirs can arrive. */
static uint32_t add_flows(enum direction direction, uint32_t n)
{
	ck_assert_uint_le(nflows[direction] + n, FLOWS);
	nflows[direction] += n;
	return nflows[direction] - n;
}

void traffic_start(enum traffic_kind kind, uint32_t queue)
{
	struct epoll_event event = { .events = kind == TRAFFIC_READER ? EPOLLIN : EPOLLOUT };
	struct worker *worker = new_worker(kind);

	worker->queue = queue;
	if (kind != TRAFFIC_READER)
		worker->flow = add_flows(TO_KERNEL, 1);
	if (kind != TRAFFIC_SWITCHER) {
		event.events |= EPOLLET;
		worker->epoll = epoll_create1(EPOLL_CLOEXEC);
		ck_assert_int_eq(epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fds[queue], &event), 0);
	}
	start_worker(worker);
}

static void set_option(int fd, int level, int option, int value)
{
	ck_assert_int_eq(setsockopt(fd, level, option, &value, sizeof(value)), 0);
}

static int open_socket(enum traffic_kind kind)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			kind == TRAFFIC_RECEIVER ? htons(GUEST_ETHERTYPE) : 0);

	ck_assert_int_ge(fd, 0);
	if (kind == TRAFFIC_RECEIVER)
		set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20);
	else
		set_option(fd, SOL_SOCKET, SO_SNDBUF, 65536);
	if (kind == TRAFFIC_DIRECT_SENDER)
		set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	return fd;
}

void traffic_start_sockets(enum traffic_kind kind, const int netns[TRAFFIC_PLACES])
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), i;
	struct worker *worker = new_worker(kind);

	for (i = 0; i < TRAFFIC_PLACES; i++) {
		worker->sockets[i] = -1;
		if (netns[i] < 0)
			continue;
		ck_assert_int_eq(setns(netns[i], CLONE_NEWNET), 0);
		worker->sockets[i] = open_socket(kind);
	}
	ck_assert_int_eq(setns(home, CLONE_NEWNET), 0);
	close(home);
	if (kind != TRAFFIC_RECEIVER)
		worker->flow = add_flows(TO_USER, SENDER_FLOWS);
	start_worker(worker);
}

/* Who uses the file of queue pair 0: any of them may be what keeps it open. */
static void interrupt_users(void)
{
	uint32_t i;

	for (i = 0; i < nworkers; i++)
		if (workers[i].running && !workers[i].queue &&
		    (workers[i].kind == TRAFFIC_READER || workers[i].kind == TRAFFIC_WRITER))
			pthread_kill(workers[i].thread, SIGUSR1);
}

static void join_worker(struct worker *worker, bool interrupt)
{
	const double deadline = guest_now() + traffic_stall_s();
	uint32_t i;

	while (pthread_tryjoin_np(worker->thread, NULL)) {
		require(guest_now() < deadline, "a %s of queue pair %u does not end",
			kind_names[worker->kind], worker->queue);
		if (interrupt)
			interrupt_users();
		usleep(1000);
	}
	worker->running = false;
	if (worker->kind == TRAFFIC_READER || worker->kind == TRAFFIC_WRITER) {
		close(worker->epoll);
	} else if (worker->kind != TRAFFIC_SWITCHER) {
		for (i = 0; i < TRAFFIC_PLACES; i++)
			if (worker->sockets[i] >= 0)
				close(worker->sockets[i]);
	}
}

static void join_workers(enum traffic_kind kind, bool interrupt)
{
	uint32_t i;

	for (i = 0; i < nworkers; i++)
		if (workers[i].kind == kind && workers[i].running)
			join_worker(&workers[i], interrupt);
}

void traffic_join(enum traffic_kind kind)
{
	join_workers(kind, false);
}

void traffic_join_interrupted(enum traffic_kind kind)
{
	join_workers(kind, true);
}

void traffic_stop(enum traffic_kind kind)
{
	stopped[kind] = true;
	join_workers(kind, false);
}

/* Returns whether there was one. */
bool traffic_interrupt_switchers(void)
{
	bool found = false;
	uint32_t i;

	for (i = 0; i < nworkers; i++) {
		if (workers[i].kind != TRAFFIC_SWITCHER || workers[i].calm)
			continue;
		pthread_kill(workers[i].thread, SIGUSR1);
		found = true;
	}
	return found;
}

void traffic_settle_switchers(void)
{
	const double deadline = guest_now() + traffic_stall_s();

	settled = true;
	while (traffic_interrupt_switchers()) {
		require(guest_now() < deadline, "a switcher does not come back from a call");
		usleep(1000);
	}
}

/* What frameio counted as dropped. */
struct drops {
	uint64_t closed, nomem, invalid;	/* kernel to user */
	uint64_t gone;				/* user to kernel */
	uint64_t received;			/* not dropped */
};

static void add_drops(int fd, struct drops *drops)
{
	struct frameio_stats stats;

	if (ioctl(fd, FRAMEIO_STATS, &stats))
		return;
	drops->closed += stats.fs_read_drop_closed;
	drops->nomem += stats.fs_read_drop_nomem;
	drops->invalid += stats.fs_read_drop_invalid;
	drops->gone += stats.fs_write_drop_closed;
	drops->received += stats.fs_write_received;
}

static struct drops get_drops(void)
{
	struct drops drops = { 0 };
	uint32_t i;

	for (i = 0; i < nqueues; i++)
		add_drops(fds[i], &drops);
	return drops;
}

static uint64_t missing(enum direction direction)
{
	const struct drops drops = get_drops();
	uint64_t known = arrivals[direction];

	if (direction == TO_USER)
		known += drops.closed + drops.nomem + drops.invalid;
	else
		known += drops.gone + socket_drops;
	return count_accepted(direction) - known;
}

/* Wait a moment, up to a time. */
static void wait_until(double deadline)
{
	require(guest_now() < deadline,
		"no end of waiting for frames; accepted, not arrived and not counted as dropped: "
		"%lld of %llu from kernel to user, %lld of %llu from user to kernel",
		(long long)missing(TO_USER), (unsigned long long)count_accepted(TO_USER),
		(long long)missing(TO_KERNEL), (unsigned long long)count_accepted(TO_KERNEL));
	usleep(1000);
}

/* Keep waiting as long as frames arrive; nothing is accepted any more. */
struct progress {
	uint64_t arrivals;
	double since;
};

static void check_progress(struct progress *progress)
{
	const uint64_t sum = arrivals[TO_USER] + arrivals[TO_KERNEL];

	if (sum != progress->arrivals || !progress->since)
		*progress = (struct progress) { sum, guest_now() };
	wait_until(progress->since + traffic_stall_s());
}

void traffic_drain(void)
{
	struct progress progress = { 0 };

	while (missing(TO_USER) || missing(TO_KERNEL))
		check_progress(&progress);
}

void traffic_squeeze(void)
{
	const uint64_t to_user = arrivals[TO_USER] + 100, to_kernel = arrivals[TO_KERNEL] + 100;
	const double deadline = guest_now() + traffic_stall_s();
	uint32_t i;

	for (i = 0; i < nqueues; i++)
		guest_set_limits(fds[i], 1, 1);
	while (arrivals[TO_USER] < to_user || arrivals[TO_KERNEL] < to_kernel)
		wait_until(deadline);
}

static bool sender_has_frames_queued(const struct worker *worker)
{
	uint32_t i;

	for (i = worker->flow; i < worker->flow + SENDER_FLOWS; i++)
		if (flows[TO_USER][i].accepted != flows[TO_USER][i].arrived)
			return true;
	return false;
}

void traffic_hold_senders(void)
{
	double deadline;
	uint32_t i;

	pthread_rwlock_wrlock(&gate);
	deadline = guest_now() + traffic_stall_s();
	for (i = 0; i < nworkers; i++)
		while (workers[i].kind == TRAFFIC_SENDER && sender_has_frames_queued(&workers[i]))
			wait_until(deadline);
}

void traffic_release_senders(void)
{
	pthread_rwlock_unlock(&gate);
}

/* Whatever has arrived was accepted. */
static void check_flow(enum direction direction, uint32_t number)
{
	const struct flow *flow = &flows[direction][number];
	uint32_t accepted = flow->accepted, arrived = 0, i;

	for (i = 0; i < accepted; i++)
		arrived += flow->seen[i / 64] >> i % 64 & 1;
	require(arrived == flow->arrived, "%s: %u frames of flow %u arrived that were refused",
		direction_names[direction], flow->arrived - arrived, number);
}

static struct {
	unsigned long long accepted[2], arrived[2], unknown[2];
	unsigned long long closed, nomem, gone, socket, received;
} total;

/* What has been accepted and is nowhere to be found yet. */
static int64_t unaccounted(enum direction direction, bool received)
{
	const struct drops drops = get_drops();

	if (direction == TO_KERNEL && received)
		return count_accepted(TO_KERNEL) - drops.received - drops.gone;
	return missing(direction);
}

void traffic_account(bool exactly, bool received)
{
	struct progress progress = { 0 };
	struct drops drops;
	int64_t left[2];
	uint32_t i, j;

	while (exactly && (unaccounted(TO_USER, received) || unaccounted(TO_KERNEL, received)))
		check_progress(&progress);
	drops = get_drops();

	for (i = TO_USER; i <= TO_KERNEL; i++) {
		for (j = 0; j < nflows[i]; j++)
			check_flow(i, j);
		left[i] = unaccounted(i, received);
		total.accepted[i] += count_accepted(i);
		total.arrived[i] += arrivals[i];
	}
	if (received) {
		require(arrivals[TO_KERNEL] + socket_drops <= drops.received,
			"more frames arrived than were received");
		total.received += drops.received - arrivals[TO_KERNEL] - socket_drops;
	}
	for (i = TO_USER; i <= TO_KERNEL; i++) {
		require(exactly ? !left[i] : left[i] >= 0,
			"%s: of %llu frames accepted %lld did not arrive and were not counted",
			direction_names[i], (unsigned long long)count_accepted(i),
			(long long)left[i]);
		total.unknown[i] += left[i];
	}
	require(!drops.invalid, "%llu frames were found invalid",
		(unsigned long long)drops.invalid);
	total.closed += drops.closed;
	total.nomem += drops.nomem;
	total.gone += drops.gone;
	total.socket += socket_drops;
}

void traffic_account_link(const char *name)
{
	const struct drops drops = get_drops();
	struct frameio_stats stats;
	uint64_t queued = 0;
	uint32_t i;

	for (i = 0; i < nqueues; i++) {
		guest_stats(fds[i], &stats);
		queued += stats.fs_read_queued;
	}
	ck_assert_uint_eq(guest_link_counter(name, "rx_packets"), count_accepted(TO_KERNEL));
	ck_assert_uint_eq(guest_link_counter(name, "tx_packets"), queued);
	ck_assert_uint_ge(queued, arrivals[TO_USER]);
	ck_assert_uint_eq(guest_link_counter(name, "tx_dropped"), drops.closed + drops.nomem);
}

void traffic_check_ways(void)
{
	uint64_t read[FRAMEIO_NMODES] = { 0 }, written[FRAMEIO_NMODES] = { 0 };
	uint64_t read_errors = 0, write_errors = 0;
	struct frameio_stats stats;
	uint32_t i, mode;

	for (i = 0; i < nqueues; i++) {
		guest_stats(fds[i], &stats);
		for (mode = 0; mode < FRAMEIO_NMODES; mode++) {
			read[mode] += stats.fs_read_frames[mode];
			written[mode] += stats.fs_write_frames[mode];
		}
		read_errors += stats.fs_read_errors;
		write_errors += stats.fs_write_errors;
	}
	for (mode = FRAMEIO_MODE_SINGLE; mode <= FRAMEIO_MODE_PACKED; mode++) {
		ck_assert_uint_gt(read[mode], 0);
		ck_assert_uint_gt(written[mode], 0);
	}
	ck_assert_uint_gt(read_errors, 0);
	ck_assert_uint_gt(write_errors, 0);
}

void traffic_print(const char *title)
{
	printf("stress: %s: kernel to user: %llu frames sent, %llu arrived, %llu dropped "
	       "(%llu at a close or deletion, %llu for want of memory), %llu not known\n",
	       title, total.accepted[TO_USER], total.arrived[TO_USER], total.closed + total.nomem,
	       total.closed, total.nomem, total.unknown[TO_USER]);
	printf("stress: %s: user to kernel: %llu frames written, %llu arrived, "
	       "%llu received with no socket left, %llu dropped "
	       "(%llu at a deletion, %llu by full sockets), %llu not known\n",
	       title, total.accepted[TO_KERNEL], total.arrived[TO_KERNEL], total.received,
	       total.gone + total.socket, total.gone, total.socket, total.unknown[TO_KERNEL]);
	fflush(stdout);
}
