/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Which queue pair the frames of a flow come out of.
 *
 * A flow is UDP between a port of ours, 10.9.0.1, and port 7000 of 10.9.0.2, which is
 * whoever reads and writes the queue pairs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

#define PAIRS	4
#define FLOWS	256
#define PEER	7000

struct wire {
	int fds[PAIRS];
	int sockets[FLOWS];
	uint16_t numbers[FLOWS];	/* the UDP ports of the sockets */
	uint32_t flags;
	unsigned char mac[ETH_ALEN];
	unsigned int tag;		/* bytes of VLAN tag in each frame */
};

static struct wire wire;

static const char *const setups[] = { "l2", "l3", "vlan" };

/* Bytes in front of the IP header. */
static size_t link_len(void)
{
	return wire.flags & FRAMEIO_PORT_L3 ? 0 : ETH_HLEN + wire.tag;
}

static void read_mac(void)
{
	FILE *file = fopen("/sys/class/net/fio0/address", "r");
	unsigned int i, byte;

	ck_assert_ptr_nonnull(file);
	for (i = 0; i < ETH_ALEN; i++) {
		ck_assert_int_eq(fscanf(file, "%x%*[:\n]", &byte), 1);
		wire.mac[i] = byte;
	}
	fclose(file);
}

static void set_up_wire(const char *setup)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	unsigned int i;

	memset(&wire, 0, sizeof(wire));
	if (!strcmp(setup, "l3"))
		wire.flags = FRAMEIO_PORT_L3;
	wire.fds[0] = guest_create_up("fio0", wire.flags, PAIRS, 0);
	for (i = 1; i < PAIRS; i++)
		wire.fds[i] = guest_open("fio0", i);
	for (i = 0; i < PAIRS; i++)
		guest_set_nonblock(wire.fds[i], true);
	guest_wait_running("fio0");
	if (!strcmp(setup, "vlan")) {
		wire.tag = 4;
		guest_sh("modprobe -q 8021q; ip link add link fio0 name fio0.5 type vlan id 5");
		guest_write_file("1", "/proc/sys/net/ipv6/conf/fio0.5/disable_ipv6");
		guest_sh("ip link set fio0.5 up && ip addr add 10.9.0.1/24 dev fio0.5");
	} else {
		guest_sh("ip addr add 10.9.0.1/24 dev fio0");
	}
	if (!(wire.flags & FRAMEIO_PORT_L3)) {
		read_mac();
		guest_sh("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev %s",
			 wire.tag ? "fio0.5" : "fio0");
	}
	address.sin_addr.s_addr = htonl(0x0a090001);
	for (i = 0; i < FLOWS; i++) {
		wire.sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
		address.sin_port = 0;
		ck_assert_int_eq(bind(wire.sockets[i], (void *)&address, sizeof(address)), 0);
		ck_assert_int_eq(getsockname(wire.sockets[i], (void *)&address, &len), 0);
		wire.numbers[i] = ntohs(address.sin_port);
	}
}

/* Send a datagram of a flow. */
static void send_flow(unsigned int flow)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PEER),
		.sin_addr.s_addr = htonl(0x0a090002),
	};

	ck_assert_int_eq(sendto(wire.sockets[flow], "frame", 5, 0, (void *)&to, sizeof(to)), 5);
}

static uint16_t sum(const void *bytes, size_t len)
{
	const uint16_t *words = bytes;
	uint32_t total = 0;

	for (; len; len -= 2)
		total += *words++;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total;
}

/* Write a datagram from a port to a flow's socket through a queue pair; it must arrive. */
static void write_from(unsigned int pair, unsigned int flow, uint16_t port)
{
	unsigned char record[256] = { 0 }, *frame = record + HDRLEN;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + sizeof(struct udphdr) + 4),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(0x0a090002),
		.daddr = htonl(0x0a090001),
	};
	const struct udphdr udp = {
		.source = htons(port),
		.dest = htons(wire.numbers[flow]),
		.len = htons(sizeof(udp) + 4),
	};
	const size_t len = link_len() + sizeof(ip) + sizeof(udp) + 4;
	char received[8];

	ip.check = sum(&ip, sizeof(ip));
	guest_header(record, len);
	if (link_len()) {
		memcpy(frame, wire.mac, ETH_ALEN);
		memcpy(frame + ETH_ALEN, "\x02\0\0\0\0\x02", ETH_ALEN);
		if (wire.tag)
			memcpy(frame + 2 * ETH_ALEN, "\x81\0\0\x05", 4);
		memcpy(frame + 2 * ETH_ALEN + wire.tag, "\x08\0", 2);
	}
	memcpy(frame + link_len(), &ip, sizeof(ip));
	memcpy(frame + link_len() + sizeof(ip), &udp, sizeof(udp));
	ck_assert_int_eq(write(wire.fds[pair], record, HDRLEN + len), HDRLEN + len);
	ck_assert_int_eq(guest_poll(wire.sockets[flow], POLLIN, 10000), POLLIN);
	ck_assert_int_eq(recv(wire.sockets[flow], received, sizeof(received), 0), 4);
}

static void write_flow(unsigned int pair, unsigned int flow)
{
	write_from(pair, flow, PEER);
}

/* Which queue pair the next frame comes out of, which must be of the flow. */
static unsigned int read_flow(unsigned int flow)
{
	struct pollfd fds[PAIRS];
	unsigned char record[2048];
	struct udphdr udp;
	unsigned int i;

	for (i = 0; i < PAIRS; i++)
		fds[i] = (struct pollfd) { .fd = wire.fds[i], .events = POLLIN };
	ck_assert_int_eq(poll(fds, PAIRS, 10000), 1);
	for (i = 0; !(fds[i].revents & POLLIN); i++)
		;
	ck_assert_int_eq(read(wire.fds[i], record, sizeof(record)),
			 HDRLEN + link_len() + sizeof(struct iphdr) + sizeof(udp) + 5);
	ck_assert_uint_eq(((struct frameio_hdr *)record)->queue, i);
	memcpy(&udp, record + HDRLEN + link_len() + sizeof(struct iphdr), sizeof(udp));
	ck_assert_uint_eq(ntohs(udp.source), wire.numbers[flow]);
	return i;
}

static unsigned int pair_of(unsigned int flow)
{
	send_flow(flow);
	return read_flow(flow);
}

START_TEST(a_flow_comes_out_where_it_was_written)
{
	unsigned int flow, round;

	set_up_wire(setups[_i]);
	for (flow = 0; flow < 64; flow++)
		write_flow(flow % PAIRS, flow);
	for (round = 0; round < 3; round++)
		for (flow = 0; flow < 64; flow++)
			ck_assert_uint_eq(pair_of(flow), flow % PAIRS);
	/* and follows when it is written elsewhere */
	for (flow = 0; flow < 64; flow++)
		write_flow((flow + 1) % PAIRS, flow);
	for (flow = 0; flow < 64; flow++)
		ck_assert_uint_eq(pair_of(flow), (flow + 1) % PAIRS);
}
END_TEST

START_TEST(other_flows_are_spread_and_stay)
{
	unsigned int pairs[FLOWS], counts[PAIRS] = { 0 };
	unsigned int flow, round;

	set_up_wire(setups[_i]);
	for (flow = 0; flow < FLOWS; flow++) {
		pairs[flow] = pair_of(flow);
		counts[pairs[flow]]++;
	}
	for (round = 0; round < 2; round++)
		for (flow = 0; flow < FLOWS; flow++)
			ck_assert_uint_eq(pair_of(flow), pairs[flow]);
	/* 64 for each would be even: less than half of that is no accident (p < 1e-5) */
	for (flow = 0; flow < PAIRS; flow++)
		ck_assert_uint_ge(counts[flow], 32);
}
END_TEST

START_TEST(a_flow_whose_queue_pair_is_closed_goes_elsewhere)
{
	unsigned int flow;

	set_up_wire("l2");
	for (flow = 0; flow < 64; flow++)
		write_flow(2, flow);
	close(wire.fds[2]);
	wire.fds[2] = -1;
	for (flow = 0; flow < 64; flow++)
		ck_assert_uint_ne(pair_of(flow), 2);
	/* it is back when the queue pair is */
	wire.fds[2] = guest_open("fio0", 2);
	guest_set_nonblock(wire.fds[2], true);
	for (flow = 0; flow < 64; flow++)
		ck_assert_uint_eq(pair_of(flow), 2);
}
END_TEST

START_TEST(a_queue_pair_that_is_left_alone_gets_all)
{
	unsigned int flow, i;

	set_up_wire("l2");
	/* the first is its creator's, with which the port would go */
	for (i = 1; i < PAIRS; i++) {
		close(wire.fds[i]);
		wire.fds[i] = -1;
	}
	for (flow = 0; flow < 16; flow++)
		ck_assert_uint_eq(pair_of(flow), 0);
}
END_TEST

/* A port remembers 4096 flows, and which are still alive it cannot know. */
START_TEST(flows_of_the_past_are_forgotten_first)
{
	unsigned int flow, i;

	set_up_wire("l2");
	for (i = 0; i < 3 * 4096; i++)
		write_from(0, 0, PEER + 1 + i);
	for (flow = 0; flow < 128; flow++)
		write_flow(flow % PAIRS, flow);
	for (flow = 0; flow < 128; flow++)
		ck_assert_uint_eq(pair_of(flow), flow % PAIRS);
}
END_TEST

/* --- of all kinds of frames --------------------------------------------- */

/* Two fields of a frame that are swapped in the other direction. */
struct ends {
	unsigned int at, len;
};

static const struct {
	const char *hex;	/* what stands behind the MAC addresses */
	struct ends address, port;
} kinds[] = {
#define IPV4(protocol)	"450000280000000040" protocol "0000" "0a090002" "0a090003"
#define IPV6(next)	"600000000020" next "40" "20010db8000000000000000000000002" \
			"20010db8000000000000000000000001"
#define PORTS		"1b581b5900080000"
	{ "0800" IPV4("11") PORTS, { 26, 4 }, { 34, 2 } },
	/* other addresses, and with an option */
	{ "0800" "4600002c0000000040110000" "0a090001" "0a090003" "01010101" PORTS,
	  { 26, 4 }, { 38, 2 } },
	{ "0800" IPV4("06") PORTS "00000000500000000000", { 26, 4 }, { 34, 2 } },
	/* from one socket to another of one address */
	{ "0800" "450000280000000040110000" "0a090002" "0a090002" PORTS, { 26, 4 }, { 34, 2 } },
	/* a fragment */
	{ "0800" "450000280001200040110000" "0a090004" "0a090003" PORTS, { 26, 4 }, { 34, 2 } },
	{ "0800" IPV4("01") "0800000000010001", { 26, 4 }, { 0, 0 } },
	{ "86dd" IPV6("11") PORTS, { 22, 16 }, { 54, 2 } },
	{ "86dd" IPV6("06") PORTS "00000000500000000000", { 22, 16 }, { 54, 2 } },
	/* with a destination options header */
	{ "86dd" IPV6("3c") "1100010400000000" PORTS, { 22, 16 }, { 62, 2 } },
	{ "8100" "0005" "0800" IPV4("11") "1b581b6900080000", { 30, 4 }, { 38, 2 } },
	{ "88a8" "0006" "8100" "0005" "86dd" IPV6("11") "1b581b7900080000", { 30, 16 }, { 62, 2 } },
	{ "88b5" "00112233445566778899", { 0, 0 }, { 0, 0 } },
	{ "0806" "00010800060400010000000000000a0900020000000000000a090003", { 0, 0 }, { 0, 0 } },
	/* a length: IEEE 802.3 */
	{ "0010" "42420300112233445566778899aabbcc", { 0, 0 }, { 0, 0 } },
	/* cut off in its IP header */
	{ "0800" "4500002800000000401100000a09", { 0, 0 }, { 0, 0 } },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

static void swap_ends(unsigned char *frame, struct ends ends)
{
	unsigned char first[16];

	memcpy(first, frame + ends.at, ends.len);
	memcpy(frame + ends.at, frame + ends.at + ends.len, ends.len);
	memcpy(frame + ends.at + ends.len, first, ends.len);
}

static size_t make_kind(unsigned char *frame, unsigned int kind, bool back)
{
	const char *hex = kinds[kind].hex;
	size_t len = 2 * ETH_ALEN;

	memcpy(frame, back ? "\x02\0\0\0\0\x02\x02\0\0\0\0\x03" :
			     "\x02\0\0\0\0\x03\x02\0\0\0\0\x02", len);
	for (; *hex; hex += 2)
		ck_assert_int_eq(sscanf(hex, "%2hhx", &frame[len++]), 1);
	if (back) {
		swap_ends(frame, kinds[kind].address);
		swap_ends(frame, kinds[kind].port);
	}
	return len;
}

/* All of them through a queue pair by one call, each twice in a row, and the first once more. */
static void write_kinds(unsigned int pair)
{
	static unsigned char records[2 * KINDS + 1][256];
	const uint32_t n = 2 * KINDS + 1;
	union guest_frameio fio;
	uint32_t i;
	size_t len;

	_Static_assert(2 * KINDS + 1 <= FRAMEIO_NFRAMES_MAX, "all kinds go by one call");
	guest_frameio_init(&fio, n, 1);
	for (i = 0; i < n; i++) {
		len = make_kind(records[i] + HDRLEN, i / 2 % KINDS, true);
		guest_header(records[i], len);
		fio.fio.fio_vecs[i].fv_buf = (uintptr_t)records[i];
		fio.fio.fio_vecs[i].fv_buflen = HDRLEN + len;
	}
	ck_assert_int_eq(ioctl(wire.fds[pair], FRAMEIO_WRITE, &fio), 0);
	ck_assert_uint_eq(fio.fio.fio_nvecs, n);
}

/* Which queue pair a frame of the kernel's comes out of. */
static unsigned int send_kind(int packet, unsigned int kind)
{
	struct pollfd fds[PAIRS];
	unsigned char frame[256], record[2048];
	size_t len = make_kind(frame, kind, false);
	unsigned int i;

	ck_assert_int_eq(send(packet, frame, len, 0), len);
	for (i = 0; i < PAIRS; i++)
		fds[i] = (struct pollfd) { .fd = wire.fds[i], .events = POLLIN };
	ck_assert_int_eq(poll(fds, PAIRS, 10000), 1);
	for (i = 0; !(fds[i].revents & POLLIN); i++)
		;
	ck_assert_int_eq(read(wire.fds[i], record, sizeof(record)), HDRLEN + len);
	ck_assert_mem_eq(record + HDRLEN, frame, len);
	return i;
}

START_TEST(both_directions_of_each_kind_of_frame_are_a_flow)
{
	unsigned int pair, kind;
	int packet;

	set_up_wire("l2");
	packet = guest_packet_socket("fio0");
	for (pair = 0; pair < PAIRS; pair++) {
		write_kinds(pair);
		for (kind = 0; kind < KINDS; kind++)
			ck_assert_msg(send_kind(packet, kind) == pair, "kind %u, pair %u", kind,
				      pair);
	}
	close(packet);
}
END_TEST

static void add_steer_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "steer", 120, guest_delete_ports, NULL);

	tcase_add_loop_test(tcase, a_flow_comes_out_where_it_was_written, 0, 3);
	tcase_add_loop_test(tcase, other_flows_are_spread_and_stay, 0, 3);
	tcase_add_test(tcase, a_flow_whose_queue_pair_is_closed_goes_elsewhere);
	tcase_add_test(tcase, a_queue_pair_that_is_left_alone_gets_all);
	tcase_add_test(tcase, flows_of_the_past_are_forgotten_first);
	tcase_add_test(tcase, both_directions_of_each_kind_of_frame_are_a_flow);
}

int main(void)
{
	Suite *suite = suite_create("steer");

	add_steer_tests(suite);
	return guest_run(suite);
}
