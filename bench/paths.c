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
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <frameio/frameio.h>

#define BURST		32	/* frames sent or written before the other side's turn */
#define RECORD_SIZE	(sizeof(struct frameio_hdr) + 65536)
#define HDRLEN		sizeof(struct frameio_hdr)
#define ROUNDS		5

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
	}
}

static void prepare(void)
{
	struct ether_header ether = { .ether_type = htons(0x88b5) };
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
	double tap_cost;
	size_t i;

	printf("user to kernel, %zu-byte frames, until the stack has dropped them\n", frame_size);
	tap_cost = measure(-1, tap, &tap_path);
	print_row(tap_path.name, 1, tap_cost, tap_cost);
	write_records();
	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		print_row(paths[i].name, paths[i].batch, measure(-1, fio, &paths[i]), tap_cost);
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
	run("modprobe -a tun dummy && ip link add bdummy0 type dummy");
	tap = open_tap("btap0");
	fio = open_frameio("bfio0");
	run("for i in bdummy0 btap0 bfio0; do\n"
	    "sysctl -q -w net.ipv6.conf.$i.disable_ipv6=1 && ip link set $i mtu 65000 up || exit\n"
	    "done");
	printf("  %-24s %5s %10s %9s\n", "", "batch", "per frame", "of tap");
	measure_reading(tap, fio);
	measure_writing(tap, fio);
	return 0;
}
