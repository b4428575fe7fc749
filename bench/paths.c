/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * paths - what a frame costs on its way between the kernel and user space
 *
 * Next to each other in one run: frameio in each of its calls and sizes of
 * batch, and a tap device with one system call per frame. Meant for a guest
 * whose clock counts instructions (tests/vm/run --icount); see README.
 *
 * kernel to user: frames are sent into the interface by a packet socket and
 * read; the same sends into a "dummy" interface are subtracted.
 * user to kernel: frames of an Ethertype that nobody receives are written;
 * the call returns when the stack has dropped them.
 * NIC send: frames are sent on a "dummy" interface, past the stack, next to packet
 * sockets and to the kernel's own generator, which makes each frame anew.
 * NIC receive: frames are sent into one end of a veth pair by a packet socket and
 * read at the other, next to packet sockets that ask for that Ethertype only; the
 * same sends into "dummy" are subtracted.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <frameio/frameio.h>

#define BURST		32	/* frames sent or written before the other side's turn */
#define RECORD_SIZE	(sizeof(struct frameio_hdr) + 65536)
#define HDRLEN		sizeof(struct frameio_hdr)
#define ROUNDS		5
#define ETHERTYPE	0x88b5	/* for local experiments (IEEE 802); nobody receives it */
#define BLOCK_SIZE	16384U	/* of TPACKET_V3 */
#define NBLOCKS		64U

static size_t frame_size = 60;
static unsigned int bursts = 100;
static unsigned char frame[65536];
static unsigned char *records[BURST];

/* A path to measure: moves BURST frames, @batch a call. */
struct path {
	const char *name;
	void (*move)(int fd, unsigned int batch);
	unsigned int batch;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static void run(const char *command)
{
	if (system(command))
		errx(1, "'%s' failed", command);
}

static void fail_unless(int ok, const char *what)
{
	if (!ok)
		err(1, "%s", what);
}

/* A packet socket that only sends. */
static int open_source(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	fail_unless(fd >= 0 && !bind(fd, (void *)&address, sizeof(address)), name);
	return fd;
}

static int open_attached(const char *name)
{
	struct frameio_create create = { .fc_read_limit = 4 * BURST };
	int fd = open("/dev/frameio/control", O_RDWR);

	strcpy(create.fc_name, name);
	fail_unless(fd >= 0 && !ioctl(fd, FRAMEIO_ATTACH, &create), "attach");
	return fd;
}

/* Packet sockets that send past the queueing discipline, as AF_XDP and we do. */
static int open_bypass(const char *name)
{
	const int on = 1;
	int fd = open_source(name);

	fail_unless(!setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)), "bypass");
	return fd;
}

/* A packet socket that receives our frames only; @fd is one that is not bound yet. */
static int bind_receiver(int fd, const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE),
		.sll_ifindex = if_nametoindex(name),
	};

	fail_unless(fd >= 0 && !bind(fd, (void *)&address, sizeof(address)), name);
	return fd;
}

static int open_receiver(const char *name)
{
	return bind_receiver(socket(AF_PACKET, SOCK_RAW, 0), name);
}

static int open_tap(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	strcpy(ifr.ifr_name, name);
	fail_unless(fd >= 0 && !ioctl(fd, TUNSETIFF, &ifr), "tap");
	return fd;
}

static int open_frameio(const char *name)
{
	struct frameio_create create = { 0 };
	int fd = open("/dev/frameio/control", O_RDWR);

	strcpy(create.fc_name, name);
	fail_unless(fd >= 0 && !ioctl(fd, FRAMEIO_CREATE, &create), "frameio");
	return fd;
}

static void tap_read(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(read(fd, records[i], RECORD_SIZE) == (ssize_t)frame_size, "tap read");
}

static void tap_write(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(write(fd, frame, frame_size) == (ssize_t)frame_size, "tap write");
}

static void single_read(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(read(fd, records[i], RECORD_SIZE) > 0, "read");
}

static void single_write(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(write(fd, records[i], HDRLEN + frame_size) > 0, "write");
}

static void fill_iovecs(struct iovec *iov, unsigned int first, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		iov[i].iov_base = records[first + i];
		iov[i].iov_len = len;
	}
}

static void vector_read(int fd, unsigned int batch)
{
	struct iovec iov[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i += batch) {
		fill_iovecs(iov, i, batch, RECORD_SIZE);
		fail_unless(readv(fd, iov, batch) == (ssize_t)(batch * (HDRLEN + frame_size)),
			    "readv");
	}
}

static void vector_write(int fd, unsigned int batch)
{
	struct iovec iov[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i += batch) {
		fill_iovecs(iov, i, batch, HDRLEN + frame_size);
		fail_unless(writev(fd, iov, batch) == (ssize_t)(batch * (HDRLEN + frame_size)),
			    "writev");
	}
}

static void ioctl_call(int fd, unsigned long request, unsigned int first, unsigned int n,
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
		u.fio.fio_vecs[i].fv_buf = (uintptr_t)records[first + i];
		u.fio.fio_vecs[i].fv_buflen = len;
	}
	fail_unless(!ioctl(fd, request, &u.fio) && u.fio.fio_nvecs == n, "ioctl");
}

static void frameio_read(int fd, unsigned int batch)
{
	unsigned int i;

	for (i = 0; i < BURST; i += batch)
		ioctl_call(fd, FRAMEIO_READ, i, batch, RECORD_SIZE);
}

static void frameio_write(int fd, unsigned int batch)
{
	unsigned int i;

	for (i = 0; i < BURST; i += batch)
		ioctl_call(fd, FRAMEIO_WRITE, i, batch, HDRLEN + frame_size);
}

/* Rows of records, as packed mode has them. */
static unsigned char row[BURST * RECORD_SIZE];

static size_t row_size(unsigned int n)
{
	const size_t stride = (HDRLEN + frame_size + FRAMEIO_RECORD_ALIGN - 1) &
			      ~(size_t)(FRAMEIO_RECORD_ALIGN - 1);

	return (n - 1) * stride + HDRLEN + frame_size;
}

static void set_packed(int fd, uint32_t options)
{
	fail_unless(!ioctl(fd, FRAMEIO_SET_OPTIONS, &options), "FRAMEIO_SET_OPTIONS");
}

static void packed_read(int fd, unsigned int batch)
{
	unsigned int i;

	for (i = 0; i < BURST; i += batch)
		fail_unless(read(fd, row, row_size(batch)) == (ssize_t)row_size(batch), "packed read");
}

static void packed_write(int fd, unsigned int batch)
{
	unsigned int i;

	for (i = 0; i < BURST; i += batch)
		fail_unless(write(fd, row, row_size(batch)) == (ssize_t)row_size(batch),
			    "packed write");
}

/* Rings, as a program uses them that looks at each header and takes nothing out. */
static struct {
	struct frameio_ring_page *read, *write;
	uint64_t consumer, producer;
} rings;

#define RING_SIZE	(1U << 20)

static size_t page_size;

static unsigned char *ring_area(struct frameio_ring_page *page)
{
	return (unsigned char *)page + page_size;
}

static void setup_rings(int fd, int reading, int writing)
{
	struct frameio_ring_setup setup = {
		.frr_read_size = reading ? RING_SIZE : 0,
		.frr_write_size = writing ? RING_SIZE : 0,
	};
	void *map;

	page_size = sysconf(_SC_PAGESIZE);
	fail_unless(!ioctl(fd, FRAMEIO_RING_SETUP, &setup), "FRAMEIO_RING_SETUP");
	rings.consumer = 0;
	rings.producer = 0;
	if (reading) {
		map = mmap(NULL, setup.frr_read_map, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   FRAMEIO_RING_READ_OFFSET);
		fail_unless(map != MAP_FAILED, "mmap");
		rings.read = map;
	}
	if (writing) {
		map = mmap(NULL, setup.frr_write_map, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   FRAMEIO_RING_WRITE_OFFSET);
		fail_unless(map != MAP_FAILED, "mmap");
		rings.write = map;
	}
}

static size_t align_record(size_t size)
{
	return (size + FRAMEIO_RECORD_ALIGN - 1) & ~(size_t)(FRAMEIO_RECORD_ALIGN - 1);
}

static void shared_read(int fd, unsigned int batch)
{
	const uint64_t producer = __atomic_load_n(&rings.read->rg_producer, __ATOMIC_ACQUIRE);
	const struct frameio_hdr *hdr;
	unsigned int n = 0;

	(void)batch;
	for (; rings.consumer != producer; n++) {
		hdr = (void *)(ring_area(rings.read) + rings.consumer % RING_SIZE);
		rings.consumer += align_record(HDRLEN + hdr->len);
	}
	fail_unless(n == BURST, "read ring");
	__atomic_store_n(&rings.read->rg_consumer, rings.consumer, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (rings.read->rg_producer_flags & FRAMEIO_RING_NEED_WAKEUP)
		fail_unless(!ioctl(fd, FRAMEIO_KICK), "FRAMEIO_KICK");
}

static void shared_write(int fd, unsigned int batch)
{
	unsigned char *record;
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		record = ring_area(rings.write) + rings.producer % RING_SIZE;
		memcpy(record, records[i], HDRLEN + frame_size);
		rings.producer += align_record(HDRLEN + frame_size);
		if ((i + 1) % batch)
			continue;
		__atomic_store_n(&rings.write->rg_producer, rings.producer, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (rings.write->rg_consumer_flags & FRAMEIO_RING_NEED_WAKEUP)
			fail_unless(!ioctl(fd, FRAMEIO_KICK), "FRAMEIO_KICK");
	}
}

static void packet_send(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(send(fd, frame, frame_size, 0) == (ssize_t)frame_size, "send");
}

/* As @n messages: each a frame to send, or room for one. */
static void fill_messages(struct mmsghdr *messages, struct iovec *iov, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		iov[i] = (struct iovec){ len == frame_size ? frame : records[i], len };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
}

static void packet_sendmmsg(int fd, unsigned int batch)
{
	struct mmsghdr messages[BURST];
	struct iovec iov[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i += batch) {
		fill_messages(messages, iov, batch, frame_size);
		fail_unless(sendmmsg(fd, messages, batch, 0) == (int)batch, "sendmmsg");
	}
}

static void packet_recv(int fd, unsigned int batch)
{
	unsigned int i;

	(void)batch;
	for (i = 0; i < BURST; i++)
		fail_unless(recv(fd, records[i], RECORD_SIZE, 0) == (ssize_t)frame_size, "recv");
}

static void packet_recvmmsg(int fd, unsigned int batch)
{
	struct mmsghdr messages[BURST];
	struct iovec iov[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i += batch) {
		fill_messages(messages, iov, batch, RECORD_SIZE);
		fail_unless(recvmmsg(fd, messages, batch, MSG_WAITFORONE, NULL) == (int)batch,
			    "recvmmsg");
	}
}

/* TPACKET_V3: the blocks, the next one, and the frames of those that were given back. */
static struct {
	unsigned char *blocks;
	unsigned int next;
	uint64_t frames;
} ring;

static int open_ring(const char *name)
{
	const int version = TPACKET_V3;
	/* a block that is not full is not given to us for a long time: bursts fill them */
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_SIZE,
		.tp_block_nr = NBLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = NBLOCKS * BLOCK_SIZE / 2048,
		.tp_retire_blk_tov = 60000,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	fail_unless(fd >= 0 &&
		    !setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) &&
		    !setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)),
		    "TPACKET_V3");
	ring.blocks = mmap(NULL, NBLOCKS * BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fail_unless(ring.blocks != MAP_FAILED, "mmap");
	return bind_receiver(fd, name);
}

/* Go through the frames of the blocks that are full, as a program does that looks at each. */
static void ring_read(int fd, unsigned int batch)
{
	const struct tpacket3_hdr *header;
	struct tpacket_block_desc *block;
	unsigned int i;

	(void)fd;
	(void)batch;
	for (;;) {
		block = (void *)(ring.blocks + ring.next * BLOCK_SIZE);
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		      TP_STATUS_USER))
			return;
		header = (void *)((unsigned char *)block + block->hdr.bh1.offset_to_first_pkt);
		for (i = 0; i < block->hdr.bh1.num_pkts; i++) {
			fail_unless(header->tp_len == frame_size, "ring");
			header = (void *)((unsigned char *)header + header->tp_next_offset);
		}
		ring.frames += i;
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		ring.next = (ring.next + 1) % NBLOCKS;
	}
}

static void send_burst(int source)
{
	unsigned int i;

	for (i = 0; i < BURST; i++)
		fail_unless(send(source, frame, frame_size, 0) == (ssize_t)frame_size, "send");
}

/* Nanoseconds of @n bursts: sends, if there is a source, and moves, if there is a path. */
static uint64_t time_bursts(int source, int fd, const struct path *path, unsigned int n)
{
	uint64_t start = now();
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (source >= 0)
			send_burst(source);
		if (path)
			path->move(fd, path->batch);
	}
	return now() - start;
}

/*
 * Nanoseconds per frame: the least of several rounds, after one to warm up, so
 * that what else the kernel does now and then does not count.
 */
static double measure(int source, int fd, const struct path *path)
{
	uint64_t least = UINT64_MAX, round;
	int i;

	time_bursts(source, fd, path, 8);
	for (i = 0; i < ROUNDS; i++) {
		round = time_bursts(source, fd, path, bursts);
		if (round < least)
			least = round;
	}
	return (double)least / (bursts * BURST);
}

static void write_records(void)
{
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(hdr),
		.len = frame_size,
	};
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		memcpy(records[i], &hdr, sizeof(hdr));
		memcpy(records[i] + sizeof(hdr), frame, frame_size);
		memcpy(row + i * align_record(HDRLEN + frame_size), records[i],
		       HDRLEN + frame_size);
	}
}

static void prepare(void)
{
	struct ether_header ether = { .ether_type = htons(ETHERTYPE) };
	unsigned int i;

	memset(ether.ether_dhost, 0xff, sizeof(ether.ether_dhost));
	memcpy(frame, &ether, sizeof(ether));
	for (i = 0; i < BURST; i++) {
		records[i] = malloc(RECORD_SIZE);
		fail_unless(records[i] != NULL, "malloc");
		memset(records[i], 0, RECORD_SIZE);
	}
}

static void print_row(const char *name, unsigned int batch, double cost, double tap)
{
	printf("  %-24s %5u %10.0f %8.0f%%\n", name, batch, cost, 100 * cost / tap);
}

static void measure_reading(int tap, int fio)
{
	static const struct path tap_path = { "tap read", tap_read, 1 };
	static const struct path paths[] = {
		{ "frameio read", single_read, 1 },
		{ "frameio readv", vector_read, 32 },
		{ "frameio FRAMEIO_READ", frameio_read, 1 },
		{ "frameio FRAMEIO_READ", frameio_read, 2 },
		{ "frameio FRAMEIO_READ", frameio_read, 4 },
		{ "frameio FRAMEIO_READ", frameio_read, 8 },
		{ "frameio FRAMEIO_READ", frameio_read, 16 },
		{ "frameio FRAMEIO_READ", frameio_read, 32 },
	};
	static const struct path packed_path = { "frameio packed read", packed_read, 32 };
	static const struct path ring_path = { "frameio read ring", shared_read, 32 };
	int tap_source = open_source("btap0"), source = open_source("bfio0");
	double dummy, cost;
	size_t i;

	dummy = measure(open_source("bdummy0"), -1, NULL);
	printf("kernel to user, %zu-byte frames (send into dummy: %.0f)\n", frame_size, dummy);
	cost = measure(tap_source, tap, &tap_path) - dummy;
	print_row(tap_path.name, 1, cost, cost);
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		print_row(paths[i].name, paths[i].batch,
			  measure(source, fio, &paths[i]) - dummy, cost);
	set_packed(fio, FRAMEIO_O_PACKED);
	print_row(packed_path.name, packed_path.batch, measure(source, fio, &packed_path) - dummy,
		  cost);
	set_packed(fio, 0);
	fio = open_frameio("bfio1");
	run("sysctl -q -w net.ipv6.conf.bfio1.disable_ipv6=1 && ip link set bfio1 mtu 65000 up");
	source = open_source("bfio1");
	setup_rings(fio, 1, 0);
	print_row(ring_path.name, ring_path.batch, measure(source, fio, &ring_path) - dummy, cost);
	close(fio);
}

static void measure_writing(int tap, int fio)
{
	static const struct path tap_path = { "tap write", tap_write, 1 };
	static const struct path paths[] = {
		{ "frameio write", single_write, 1 },
		{ "frameio writev", vector_write, 32 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 1 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 2 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 4 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 8 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 16 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 32 },
	};
	static const struct path packed_path = { "frameio packed write", packed_write, 32 };
	static const struct path ring_path = { "frameio write ring", shared_write, 32 };
	double tap_cost;
	size_t i;

	printf("user to kernel, %zu-byte frames, until the stack has dropped them\n", frame_size);
	tap_cost = measure(-1, tap, &tap_path);
	print_row(tap_path.name, 1, tap_cost, tap_cost);
	write_records();
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		print_row(paths[i].name, paths[i].batch, measure(-1, fio, &paths[i]), tap_cost);
	set_packed(fio, FRAMEIO_O_PACKED);
	print_row(packed_path.name, packed_path.batch, measure(-1, fio, &packed_path), tap_cost);
	set_packed(fio, 0);
	setup_rings(fio, 0, 1);
	print_row(ring_path.name, ring_path.batch, measure(-1, fio, &ring_path), tap_cost);
}

/* Frames of the kernel's own generator, each made anew: nanoseconds of one. */
static double measure_pktgen(const char *name)
{
	const unsigned int count = bursts * BURST;
	unsigned long long time, least = ~0ULL;
	char command[512], line[256];
	FILE *file;
	int i;

	snprintf(command, sizeof(command),
		 "modprobe pktgen && echo add_device %s >/proc/net/pktgen/kpktgend_0 && "
		 "for i in 'count %u' 'pkt_size %zu' 'delay 0' 'dst_mac ff:ff:ff:ff:ff:ff'; do "
		 "echo $i >/proc/net/pktgen/%s || exit; done", name, count, frame_size, name);
	run(command);
	for (i = 0; i < ROUNDS; i++) {
		run("echo start >/proc/net/pktgen/pgctrl");
		snprintf(command, sizeof(command), "/proc/net/pktgen/%s", name);
		file = fopen(command, "r");
		fail_unless(file != NULL, command);
		time = 0;
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "Result: OK: %llu", &time) == 1 && time < least)
				least = time;
		fclose(file);
		fail_unless(time != 0, "pktgen");
	}
	run("modprobe -r pktgen");
	return least * 1000.0 / count;
}

static void measure_sending(void)
{
	static const struct path packet_paths[] = {
		{ "packet send", packet_send, 1 },
		{ "packet sendmmsg", packet_sendmmsg, 32 },
	};
	static const struct path paths[] = {
		{ "frameio write", single_write, 1 },
		{ "frameio writev", vector_write, 32 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 1 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 8 },
		{ "frameio FRAMEIO_WRITE", frameio_write, 32 },
	};
	int packet = open_bypass("bdummy1"), fio;
	double peer[2], pktgen;
	size_t i;

	pktgen = measure_pktgen("bdummy1");
	for (i = 0; i < 2; i++)
		peer[i] = measure(-1, packet, &packet_paths[i]);
	printf("NIC send, %zu-byte frames, on dummy, past the queueing discipline\n"
	       "  %-24s %5s %10s %9s\n", frame_size, "", "", "", "of packet");
	print_row("pktgen", 1, pktgen, peer[1]);
	for (i = 0; i < 2; i++)
		print_row(packet_paths[i].name, packet_paths[i].batch, peer[i], peer[1]);
	fio = open_attached("bdummy1");
	write_records();
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		print_row(paths[i].name, paths[i].batch, measure(-1, fio, &paths[i]), peer[1]);
	close(fio);
	close(packet);
}

static void measure_receiving(void)
{
	static const struct path packet_paths[] = {
		{ "packet recv", packet_recv, 1 },
		{ "packet recvmmsg", packet_recvmmsg, 32 },
	};
	static const struct path ring_path = { "packet TPACKET_V3", ring_read, 1 };
	static const struct path paths[] = {
		{ "frameio read", single_read, 1 },
		{ "frameio readv", vector_read, 32 },
		{ "frameio FRAMEIO_READ", frameio_read, 1 },
		{ "frameio FRAMEIO_READ", frameio_read, 8 },
		{ "frameio FRAMEIO_READ", frameio_read, 32 },
	};
	double dummy = measure(open_source("bdummy0"), -1, NULL), peer[3];
	int source = open_source("bpeer0"), fd;
	struct pollfd pollfd;
	size_t i;

	for (i = 0; i < 2; i++) {
		fd = open_receiver("bveth0");
		peer[i] = measure(source, fd, &packet_paths[i]) - dummy;
		close(fd);
	}
	fd = open_ring("bveth0");
	peer[2] = measure(source, fd, &ring_path) - dummy;
	fail_unless(ring.frames != 0, "ring");
	close(fd);
	printf("NIC receive, %zu-byte frames, from veth (send into dummy: %.0f)\n"
	       "  %-24s %5s %10s %9s\n", frame_size, dummy, "", "", "", "of V3");
	for (i = 0; i < 2; i++)
		print_row(packet_paths[i].name, packet_paths[i].batch, peer[i], peer[2]);
	print_row(ring_path.name, 32, peer[2], peer[2]);
	fd = open_attached("bveth0");
	/* a file takes nothing before it reads or polls */
	pollfd = (struct pollfd){ .fd = fd, .events = POLLIN };
	poll(&pollfd, 1, 0);
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		print_row(paths[i].name, paths[i].batch, measure(source, fd, &paths[i]) - dummy,
			  peer[2]);
	close(fd);
}

int main(int argc, char **argv)
{
	int tap, fio;

	if (argc > 1)
		frame_size = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		bursts = strtoul(argv[2], NULL, 10);
	if (argc > 3 || frame_size < 60 || frame_size > 65000 || !bursts)
		errx(2, "usage: paths [FRAME_SIZE [BURSTS]]");
	prepare();
	run("modprobe -a tun dummy veth && ip link add bdummy0 type dummy && "
	    "ip link add bdummy1 type dummy && ip link add bveth0 type veth peer name bpeer0");
	tap = open_tap("btap0");
	fio = open_frameio("bfio0");
	run("for i in bdummy0 bdummy1 btap0 bfio0 bveth0 bpeer0; do\n"
	    "sysctl -q -w net.ipv6.conf.$i.disable_ipv6=1 && ip link set $i mtu 65000 up || exit\n"
	    "done");
	printf("  %-24s %5s %10s %9s\n", "", "batch", "per frame", "of tap");
	measure_reading(tap, fio);
	measure_writing(tap, fio);
	measure_sending();
	measure_receiving();
	return 0;
}
