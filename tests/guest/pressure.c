/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Back-pressure: senders that are faster than the reader, of one and of many
 * threads, through several queueing disciplines, on queues down to one frame.
 *
 *	senders -> packet sockets -> qdisc -> read queue -> reader
 *
 * The port itself loses nothing: what was sent was read, or the queueing
 * discipline counts it as dropped. The in-tree tun is tried in the same way, to
 * compare; what it does is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

#define LEN		60
#define QUEUE		25
#define SENDERS_MAX	8

/* Nothing may take so long. */
#define STALL_MS	30000

/* Frames carry the sender in the highest bits of their number. */
#define SENDER_SHIFT	28

static unsigned int seconds(void)
{
	return guest_setting("FRAMEIO_STALL_SECONDS", 10);
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec) { .tv_nsec = ns }, NULL);
}

static unsigned long qdisc_drops(const char *name)
{
	char command[256], text[64] = "";
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "tc -s qdisc show dev %s root | sed -n 's/.*(dropped \\([0-9]*\\),.*/\\1/p'", name);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), pipe));
	ck_assert_int_eq(pclose(pipe), 0);
	return strtoul(text, NULL, 10);
}

/* --- senders ----------------------------------------------------------------------- */

/* A packet socket that pushes back on its sender as any socket does by default. */
static int usual_socket(const char *name)
{
	const int room = 106496, packet = guest_packet_socket(name);

	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	return packet;
}

struct sender {
	struct guest_call call;
	unsigned int number;
	uint32_t frames;
	bool bypass;	/* the queueing discipline, so that some frames are refused */
};

static ssize_t call_send(int packet, void *arg)
{
	const struct sender *sender = arg;
	unsigned char frame[LEN];
	uint32_t i;

	for (i = 0; i < sender->frames; i++) {
		guest_fill_numbered(frame, LEN, sender->number << SENDER_SHIFT | i);
		/* some errors are the qdisc's word that it dropped the frame, which it counts */
		while (send(packet, frame, LEN, 0) < 0)
			if (errno == ENOBUFS)
				break;
			else
				ck_assert_int_eq(errno, EINTR);
	}
	return sender->frames;
}

static void senders_start(struct sender *senders, unsigned int n, const char *name, uint32_t frames)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		senders[i].number = i;
		senders[i].frames = frames / n;
		guest_call_start(&senders[i].call, call_send, usual_socket(name), &senders[i]);
	}
}

/* --- a wire: a port, or a tap ------------------------------------------------------ */

struct wire {
	const char *name;
	int fd;
	size_t skip;	/* bytes in front of a frame */
};

static struct wire port_open(const char *name, uint32_t limit)
{
	struct wire wire = { name, guest_create(name, 0, 1), HDRLEN };

	guest_set_limits(wire.fd, limit, 0);
	guest_write_file("1", "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	guest_set_nonblock(wire.fd, true);
	return wire;
}

static struct wire tap_open(const char *name, uint32_t limit)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct wire wire = { .name = name };

	guest_sh("test -e /dev/net/tun || modprobe tun");
	wire.fd = open("/dev/net/tun", O_RDWR);
	ck_assert_int_ge(wire.fd, 0);
	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(wire.fd, TUNSETIFF, &request), 0);
	guest_sh("ip link set %s txqueuelen %u", name, limit);
	guest_write_file("1", "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	guest_set_nonblock(wire.fd, true);
	return wire;
}

/* Reads a frame, whose number must be its sender's next or, after a loss, a later one. */
static bool wire_read(const struct wire *wire, uint32_t *next)
{
	unsigned char record[HDRLEN + 2048];
	ssize_t len = read(wire->fd, record, sizeof(record));
	uint32_t number;

	/* each assertion is a system call */
	if (len < 0 && errno == EAGAIN)
		return false;
	if (len != (ssize_t)(wire->skip + LEN))
		ck_abort_msg("read: %zd, errno is %d", len, errno);
	number = guest_check_numbered(record + wire->skip, LEN);
	if (number < next[number >> SENDER_SHIFT])
		ck_abort_msg("frame %#x comes after frame %#x", number,
			     next[number >> SENDER_SHIFT] - 1);
	next[number >> SENDER_SHIFT] = number + 1;
	return true;
}

static bool wire_wait(const struct wire *wire, int timeout_ms)
{
	return guest_poll(wire->fd, POLLIN, timeout_ms) & POLLIN;
}

/* --- bursts ------------------------------------------------------------------------ */

static const struct burst {
	const char *qdisc;
	unsigned int nsenders;
	uint32_t limit;
	bool tenth;	/* of the frames of the others */
	bool tap;
} bursts[] = {
	{ "pfifo limit 10000", 1, QUEUE, false, false },
	{ "pfifo limit 10000", 8, QUEUE, false, false },
	{ "fq_codel", 1, QUEUE, false, false },
	{ "fq_codel", 8, QUEUE, false, false },
	{ "pfifo limit 10000", 1, QUEUE, false, true },
	{ "fq_codel", 8, QUEUE, false, true },
	{ "pfifo limit 10000", 8, 1, true, false },
	{ "fq", 8, 1, true, false },
	{ "sfq", 8, 2, true, false },
	{ "prio", 1, 3, true, false },
};

START_TEST(a_slow_reader_gets_all_that_the_qdisc_lets_through)
{
	const struct burst *burst = &bursts[_i];
	const struct wire wire = burst->tap ? tap_open("tap0", burst->limit) :
					      port_open("fio0", burst->limit);
	const uint32_t frames = guest_setting("FRAMEIO_BURST_FRAMES", 100000) / (burst->tenth ? 10 : 1);
	const uint64_t sent = frames / burst->nsenders * burst->nsenders;
	struct sender senders[SENDERS_MAX];
	uint64_t received = 0, dropped = 0;
	uint32_t next[1U << (32 - SENDER_SHIFT)];
	struct frameio_stats stats = { 0 };
	unsigned int idle_ms = 0, i;

	for (i = 0; i < 1U << (32 - SENDER_SHIFT); i++)
		next[i] = i << SENDER_SHIFT;
	guest_sh("tc qdisc replace dev %s root %s", wire.name, burst->qdisc);
	guest_set_up(wire.name, 1500);
	guest_wait_running(wire.name);
	senders_start(senders, burst->nsenders, wire.name, frames);
	while (received + dropped < sent) {
		while (wire_read(&wire, next))
			if (++received % 16 == 0)
				pause_ns(20000);
		if (wire_wait(&wire, 200)) {
			idle_ms = 0;
			continue;
		}
		dropped = qdisc_drops(wire.name);
		if (burst->tap)
			dropped += guest_link_counter(wire.name, "tx_dropped");
		idle_ms += 200;
		ck_assert_msg(idle_ms < STALL_MS, "stalled after %llu frames",
			      (unsigned long long)received);
	}
	for (i = 0; i < burst->nsenders; i++)
		ck_assert_int_eq(guest_call_join(&senders[i].call), senders[i].frames);
	dropped = qdisc_drops(wire.name);
	if (burst->tap) {
		printf("pressure: tap, %s, %u senders: %llu sent, %llu read, %llu dropped by the qdisc, %lu by tun\n",
		       burst->qdisc, burst->nsenders, (unsigned long long)sent,
		       (unsigned long long)received, (unsigned long long)dropped,
		       guest_link_counter(wire.name, "tx_dropped"));
		return;
	}
	guest_stats(wire.fd, &stats);
	printf("pressure: frameio, %s, %u senders, %u frames: %llu sent, %llu read, %llu dropped by the qdisc, 0 by frameio, %llu stops\n",
	       burst->qdisc, burst->nsenders, burst->limit, (unsigned long long)sent,
	       (unsigned long long)received, (unsigned long long)dropped,
	       (unsigned long long)stats.fs_read_stops);
	ck_assert_uint_eq(stats.fs_read_drop_closed + stats.fs_read_drop_invalid +
			  stats.fs_read_drop_nomem, 0);
	ck_assert_uint_eq(stats.fs_read_queued, received);
	ck_assert_uint_eq(sent, received + dropped);
	/* it has room for all that the senders' buffers let them have on the way */
	if (!strncmp(burst->qdisc, "pfifo", 5))
		ck_assert_uint_eq(dropped, 0);
	ck_assert_uint_gt(stats.fs_read_stops, 0);
}
END_TEST

/* --- stalls ------------------------------------------------------------------------ */

static _Atomic bool hunting;
static _Atomic unsigned int nhunting;

static ssize_t call_send_at_random(int packet, void *arg)
{
	const struct sender *sender = arg;
	unsigned int seed = sender->number, n;
	unsigned char frame[LEN];
	uint32_t i = 0;

	while (hunting) {
		for (n = rand_r(&seed) % 20; n; n--) {
			guest_fill_numbered(frame, LEN, sender->number << SENDER_SHIFT | i);
			if (send(packet, frame, LEN, 0) == LEN)
				i++;
			else if (!sender->bypass || errno != ENOBUFS)
				ck_abort_msg("send: errno is %d", errno);
		}
		guest_pause_at_random(&seed);
	}
	nhunting--;
	return i;
}

/*
 * The queue's size changes all the time, between one frame and eight, in frames
 * and in bytes. Each frame must come, in its sender's order.
 */
START_TEST(no_stall)
{
	/* and one that does not use the queueing discipline */
	const unsigned int nsenders = (_i ? SENDERS_MAX : 1) + 1;
	const struct wire wire = port_open("fio0", 1);
	const double end = guest_now() + seconds();
	uint32_t next[1U << (32 - SENDER_SHIFT)];
	struct sender senders[SENDERS_MAX + 1];
	uint64_t sent = 0, received = 0;
	struct frameio_stats stats;
	unsigned int seed = 1, i;

	for (i = 0; i < 1U << (32 - SENDER_SHIFT); i++)
		next[i] = i << SENDER_SHIFT;
	guest_sh("tc qdisc replace dev fio0 root pfifo limit 10000");
	guest_set_up("fio0", 1500);
	guest_wait_running("fio0");
	hunting = true;
	nhunting = nsenders;
	for (i = 0; i < nsenders; i++) {
		const int packet = usual_socket("fio0"), bypass = i == nsenders - 1;

		senders[i].number = i;
		senders[i].bypass = bypass;
		ck_assert_int_eq(setsockopt(packet, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass,
					    sizeof(bypass)), 0);
		guest_call_start(&senders[i].call, call_send_at_random, packet, &senders[i]);
	}
	while (guest_now() < end) {
		struct frameio_limits limits = {
			.fq_read = 1 + rand_r(&seed) % 8,
			.fq_read_bytes = 1 + rand_r(&seed) % 8192,
		};

		ck_assert_int_eq(ioctl(wire.fd, FRAMEIO_SET_LIMITS, &limits), 0);
		for (i = rand_r(&seed) % 100; i; i--) {
			ck_assert_msg(wire_wait(&wire, STALL_MS), "stalled after %llu frames",
				      (unsigned long long)received);
			received += wire_read(&wire, next);
			guest_pause_at_random(&seed);
		}
	}
	hunting = false;
	/* senders that wait for room go on, and end */
	while (nhunting)
		if (wire_wait(&wire, 1))
			received += wire_read(&wire, next);
	for (i = 0; i < nsenders; i++)
		sent += guest_call_join(&senders[i].call);
	while (received < sent) {
		ck_assert_msg(wire_wait(&wire, STALL_MS), "stalled after %llu of %llu frames",
			      (unsigned long long)received, (unsigned long long)sent);
		received += wire_read(&wire, next);
	}
	guest_stats(wire.fd, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, sent);
	ck_assert_uint_gt(stats.fs_read_stops, 0);
	printf("pressure: %u senders: %llu frames, %llu stops, no stall in %u s\n", nsenders,
	       (unsigned long long)sent, (unsigned long long)stats.fs_read_stops, seconds());
}
END_TEST

/* --- bytes ------------------------------------------------------------------------- */

static uint64_t queued(int fd)
{
	struct frameio_stats stats;

	guest_stats(fd, &stats);
	return stats.fs_read_queued;
}

START_TEST(a_queue_holds_so_many_bytes_of_memory)
{
	struct frameio_limits limits = { .fq_read_bytes = 1 };
	int fd = guest_create_up("fio0", 0, 1, 9000), packet;
	unsigned char record[HDRLEN + 9014];
	unsigned int i;

	guest_sh("tc qdisc replace dev fio0 root pfifo limit 10000");
	packet = guest_packet_socket("fio0");
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	for (i = 0; i < 3; i++)
		guest_send(packet, 9014, i, 0);
	/* an empty queue takes a frame of any size, and is full */
	ck_assert_uint_eq(queued(fd), 1);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(read(fd, record, sizeof(record)), sizeof(record));
		guest_check_record(record, 9014, i, 0);
	}
	ck_assert_uint_eq(queued(fd), 3);
	/* it is the memory that counts, not the length */
	limits.fq_read_bytes = 16384;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	for (i = 0; i < 100; i++)
		guest_send(packet, LEN, i, 0);
	ck_assert_uint_ge(queued(fd), 3 + 16384 / 1024);
	ck_assert_uint_le(queued(fd), 3 + 16384 / LEN);
	/* a larger limit lets the rest in at once */
	limits.fq_read_bytes = FRAMEIO_BYTES_DEFAULT;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	ck_assert_uint_eq(queued(fd), 103);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN);
		guest_check_record(record, LEN, i, 0);
	}
}
END_TEST

static struct frameio_queue_pair queue_pair(void)
{
	struct frameio_queue_pair pair = { .fp_name = "fio0" };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_QUEUE_PAIR, &pair), 0);
	close(fd);
	return pair;
}

START_TEST(a_write_queue_holds_so_many_bytes_of_memory)
{
	struct frameio_queue_pair pair;
	struct frameio_limits limits = { .fq_write_bytes = 4096 };
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	unsigned char record[HDRLEN + LEN];
	unsigned int i, n;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	guest_set_nonblock(fd, true);
	guest_receive_hold("fio0");
	for (i = 0; i < 100; i++)
		if (write(fd, record, guest_record(record, LEN, i, 0)) < 0)
			break;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_ge(i, 4096 / 1024);
	ck_assert_uint_le(i, 4096 / 256);
	ck_assert_int_eq(guest_poll(fd, POLLOUT, 0) & POLLOUT, 0);
	pair = queue_pair();
	ck_assert_uint_eq(pair.fp_flags, FRAMEIO_QP_WRITE_STALLED);
	ck_assert_uint_ge(pair.fp_write_used, 4096);
	ck_assert_uint_eq(pair.fp_write_bytes, 4096);
	ck_assert_uint_eq(pair.fp_write_len, i);
	guest_receive_release();
	ck_assert_int_ne(guest_poll(fd, POLLOUT, STALL_MS) & POLLOUT, 0);
	for (n = 0; n < i; n++)
		guest_receive(packet, LEN, n, 0);
	pair = queue_pair();
	ck_assert_uint_eq(pair.fp_flags, 0);
	ck_assert_uint_eq(pair.fp_write_used, 0);
}
END_TEST

/* --- a shaper ---------------------------------------------------------------------- */

#define MSS		1448
#define SKIP_S		2
#define MEASURE_S	5

/*
 *	client in "left" -> tbf -> wires[0] -> forwarder -> wires[1] -> server in "right"
 */
struct tunnel {
	struct wire wires[2];
	_Atomic bool done;
	double rate;	/* bits a second, as tbf counts them: with the Ethernet header */
};

static void enter_netns(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setns(fd, CLONE_NEWNET), 0);
	close(fd);
}

/* A record of one port is one that can be written to the other; so is a frame of a tap. */
static ssize_t call_forward(int unused, void *arg)
{
	struct tunnel *tunnel = arg;
	unsigned char record[HDRLEN + 2048];
	struct pollfd fds[2];
	ssize_t len;
	int i;

	(void)unused;
	for (i = 0; i < 2; i++)
		fds[i] = (struct pollfd) { .fd = tunnel->wires[i].fd, .events = POLLIN };
	while (!tunnel->done) {
		ck_assert_int_ge(poll(fds, 2, 100), 0);
		for (i = 0; i < 2; i++) {
			while ((len = read(fds[i].fd, record, sizeof(record))) > 0)
				/* what the other side has no room for is lost, as on a wire */
				if (write(fds[!i].fd, record, len) < 0)
					ck_assert_int_eq(errno, EAGAIN);
		}
	}
	return 0;
}

static const struct sockaddr_in server_address = {
	.sin_family = AF_INET,
	.sin_port = 0x0700,
};

static ssize_t call_serve(int listener, void *arg)
{
	struct tunnel *tunnel = arg;
	const int fd = accept(listener, NULL, NULL);
	static char bytes[65536];
	double begin, start, now;
	uint64_t total = 0;
	ssize_t len;

	ck_assert_int_ge(fd, 0);
	begin = start = now = guest_now();
	while (now < begin + SKIP_S + MEASURE_S) {
		len = read(fd, bytes, sizeof(bytes));
		ck_assert_int_gt(len, 0);
		now = guest_now();
		if (now < begin + SKIP_S) {
			start = now;
			continue;
		}
		total += len;
	}
	tunnel->rate = total * 8.0 * (MSS + 52 + 14) / MSS / (now - start);
	close(fd);
	return 0;
}

static ssize_t call_transfer(int fd, void *arg)
{
	static const char bytes[16384];

	(void)arg;
	/* until the server has had enough */
	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return 0;
}

/* A socket of the namespace, made by a thread of its own, which alone enters it. */
static ssize_t call_socket(int unused, void *arg)
{
	(void)unused;
	enter_netns(arg);
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int socket_in(char *netns)
{
	struct guest_call call;

	guest_call_start(&call, call_socket, -1, netns);
	return guest_call_join(&call);
}

static void tunnel_run(struct tunnel *tunnel, unsigned int shaper)
{
	struct guest_call forward, serve, transfer;
	struct sockaddr_in address = server_address;
	int listener, client;

	guest_sh("ip link set %s netns left && ip link set %s netns right", tunnel->wires[0].name,
		 tunnel->wires[1].name);
	guest_sh("ip -n left addr add 10.9.0.1/24 dev %s && ip -n left link set %s up",
		 tunnel->wires[0].name, tunnel->wires[0].name);
	guest_sh("ip -n right addr add 10.9.0.2/24 dev %s && ip -n right link set %s up",
		 tunnel->wires[1].name, tunnel->wires[1].name);
	guest_sh("tc -n left qdisc replace dev %s root tbf rate %ubit burst 20kb latency 100ms",
		 tunnel->wires[0].name, shaper);
	tunnel->done = false;
	guest_call_start(&forward, call_forward, -1, tunnel);
	listener = socket_in("right");
	client = socket_in("left");
	ck_assert_int_eq(bind(listener, (void *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	guest_call_start(&serve, call_serve, listener, tunnel);
	address.sin_addr.s_addr = htonl(0x0a090002);
	ck_assert_msg(connect(client, (void *)&address, sizeof(address)) == 0, "connect: %s",
		      strerror(errno));
	guest_call_start(&transfer, call_transfer, client, NULL);
	guest_call_join(&serve);
	close(listener);
	guest_call_join(&transfer);
	tunnel->done = true;
	guest_call_join(&forward);
	close(client);
	/* with the files go the interfaces */
	close(tunnel->wires[0].fd);
	close(tunnel->wires[1].fd);
}

static double port_rate(unsigned int shaper)
{
	struct tunnel port = { .wires = { port_open("fio0", 256), port_open("fio1", 256) } };

	tunnel_run(&port, shaper);
	return port.rate;
}

static double tap_rate(unsigned int shaper)
{
	struct tunnel tap = { .wires = { tap_open("tap0", 500), tap_open("tap1", 500) } };

	tunnel_run(&tap, shaper);
	return tap.rate;
}

/*
 * A CPU that pauses for longer than a burst lasts costs a bit of the rate, and that may
 * happen to a port or to a tap. So a rate is missed when a tap reaches it and a port does
 * not in several tries; what a tap does not reach either the machine is too busy for.
 */
START_TEST(tcp_holds_the_rate_of_a_shaper)
{
	unsigned int shaper = guest_setting("FRAMEIO_SHAPER_KBIT", 16000) * 1000;
	int tries = 4;
	double port, tap;

	guest_add_netns("left");
	guest_add_netns("right");
	while ((port = port_rate(shaper)) < 0.95 * shaper) {
		tap = tap_rate(shaper);
		printf("pressure: a shaper of %.2f Mbit/s gives frameio %.2f, tap %.2f Mbit/s\n",
		       shaper / 1e6, port / 1e6, tap / 1e6);
		if (tap < 0.95 * shaper && shaper > 1000000)
			shaper /= 4;
		else
			ck_assert_int_gt(--tries, 0);
	}
	ck_assert_double_le(port, 1.05 * shaper);
	guest_sh("ip netns del left && ip netns del right");
}
END_TEST

static void add_burst_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "bursts", 300, guest_delete_ports, NULL);

	tcase_add_loop_test(tcase, a_slow_reader_gets_all_that_the_qdisc_lets_through, 0,
			    sizeof(bursts) / sizeof(bursts[0]));
}

static void add_stall_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "stalls", 120 + seconds(), guest_delete_ports, NULL);

	tcase_add_loop_test(tcase, no_stall, 0, 2);
}

static void add_byte_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "bytes", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, a_queue_holds_so_many_bytes_of_memory);
	tcase_add_test(tcase, a_write_queue_holds_so_many_bytes_of_memory);
}

static void add_shaper_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "shaper", 300, guest_delete_ports, NULL);

	tcase_add_test(tcase, tcp_holds_the_rate_of_a_shaper);
}

int main(void)
{
	Suite *suite = suite_create("pressure");

	add_burst_tests(suite);
	add_stall_tests(suite);
	add_byte_tests(suite);
	add_shaper_tests(suite);
	return guest_run(suite);
}
