/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the header of a written record can ask for: a VLAN tag, a checksum to be
 * made or not to be looked at, segments to be cut.
 *
 * 10.9.0.2 -- user space -- fio0 10.9.0.1, the kernel, fio1 10.9.1.1 -- user space -- 10.9.1.2
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest.h"
#include "rings.h"

#define ETHER	sizeof(struct ether_header)
#define IP	sizeof(struct iphdr)
#define UDP	sizeof(struct udphdr)
#define TCP	sizeof(struct tcphdr)

#define PEER	0x0a090002	/* 10.9.0.2 */
#define KERNEL	0x0a090001
#define REMOTE	0x0a090102

static union {
	struct frameio_hdr hdr;
	unsigned char bytes[HDRLEN + 70000];
} record;

static unsigned char *const frame = record.bytes + HDRLEN;

static ssize_t write_record(int port)
{
	return write(port, &record, HDRLEN + record.hdr.len);
}

static void accept_record(int port)
{
	ck_assert_int_eq(write_record(port), HDRLEN + record.hdr.len);
}

static void plain_record(size_t len, uint32_t seed)
{
	guest_record(&record, len, seed, 0);
}

static void make_ip(unsigned char *packet, size_t len, uint8_t protocol, uint32_t to)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(len),
		.ttl = 64,
		.protocol = protocol,
		.saddr = htonl(PEER),
		.daddr = htonl(to),
	};

	ip.check = htons(~guest_sum16(0, (void *)&ip, sizeof(ip)));
	memcpy(packet, &ip, sizeof(ip));
}

static void make_ether(void)
{
	struct ether_header ether = { .ether_type = htons(ETHERTYPE_IP) };
	struct ifreq request = { .ifr_name = "fio0" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	close(fd);
	memcpy(ether.ether_dhost, request.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(ether.ether_shost, "\x02\x00\x00\x00\x00\x01", ETH_ALEN);
	memcpy(frame, &ether, sizeof(ether));
}

/*
 * A UDP packet with @len bytes of payload to port 2000 @at bytes into the frame,
 * whose checksum is that of the pseudo-header only.
 */
static void udp_record(size_t at, size_t len, uint32_t seed, uint32_t to)
{
	unsigned char *ip = frame + at;
	struct udphdr udp = {
		.source = htons(1000),
		.dest = htons(2000),
		.len = htons(UDP + len),
	};

	plain_record(at + IP + UDP + len, seed);
	if (at)
		make_ether();
	make_ip(ip, IP + UDP + len, IPPROTO_UDP, to);
	udp.check = htons(guest_pseudo_sum(ip, UDP + len));
	memcpy(ip + IP, &udp, sizeof(udp));
}

/* Leave that checksum to the kernel. */
static void ask_for_checksum(size_t at, size_t offset)
{
	record.hdr.flags |= FRAMEIO_F_CSUM_PARTIAL;
	record.hdr.csum_start = at + IP;
	record.hdr.csum_offset = offset;
}

/* A TCP packet that is to be cut into segments of @size bytes. */
static void tcp_record(size_t len, uint16_t size)
{
	unsigned char *ip = frame + ETHER;
	struct tcphdr tcp = {
		.source = htons(1000),
		.dest = htons(2000),
		.seq = htonl(5000),
		.ack_seq = htonl(7000),
		.doff = TCP / 4,
		.ack = 1,
		.psh = 1,
		.window = htons(1000),
	};

	plain_record(ETHER + IP + TCP + len, 1);
	make_ether();
	make_ip(ip, IP + TCP + len, IPPROTO_TCP, REMOTE);
	tcp.check = htons(guest_pseudo_sum(ip, TCP + len));
	memcpy(ip + IP, &tcp, sizeof(tcp));
	ask_for_checksum(ETHER, offsetof(struct tcphdr, check));
	record.hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	record.hdr.gso_size = size;
	record.hdr.gso_hdrlen = ETHER + IP + TCP;
}

static int create_fio0(uint32_t flags)
{
	int port = guest_create_up("fio0", flags, 1, 0);

	guest_sh("ip address add 10.9.0.1/24 dev fio0");
	return port;
}

static int create_far(uint32_t flags)
{
	int port = guest_create_up("fio1", flags, 1, 0);

	guest_sh("ip address add 10.9.1.1/24 dev fio1 && sysctl -q -w net.ipv4.ip_forward=1");
	if (!(flags & FRAMEIO_PORT_L3))
		guest_sh("ip neighbour add 10.9.1.2 lladdr 02:00:00:00:00:02 dev fio1");
	return port;
}

static int create_fio1(void)
{
	return create_far(0);
}

static int udp_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(2000) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(bind(fd, (void *)&address, sizeof(address)), 0);
	return fd;
}

/* The payload of the packet in the record, which came @at bytes into its frame, arrives. */
static void receive_payload(int fd, size_t at)
{
	size_t len = record.hdr.len - at - IP - UDP;
	unsigned char payload[2048];

	ck_assert_int_eq(recv(fd, payload, sizeof(payload), 0), len);
	ck_assert_mem_eq(payload, frame + at + IP + UDP, len);
}

/* Receive a frame; returns its tag as the kernel tells it, or false if it has none. */
static bool receive_tag(int packet, struct tpacket_auxdata *aux, size_t len, uint32_t seed)
{
	unsigned char expected[len], received[2048], control[256];
	struct iovec iov = { received, sizeof(received) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ck_assert_int_eq(recvmsg(packet, &message, 0), len);
	guest_fill(expected, len, seed, 0);
	ck_assert_mem_eq(received, expected, len);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(aux, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*aux));
	return aux->tp_status & TP_STATUS_VLAN_VALID;
}

static int auxdata_socket(const char *name)
{
	int fd = guest_packet_socket(name), one = 1;

	ck_assert_int_eq(setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	return fd;
}

START_TEST(a_vlan_tag_in_the_header_is_the_frames_tag)
{
	static const uint16_t tags[] = { 0, 1, 100, 4095, 0xe000, 0x1000, 0xb064, 0xffff };
	const uint16_t proto = _i ? 0x88a8 : 0x8100;
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = auxdata_socket("fio0");
	struct tpacket_auxdata aux;

	for (uint32_t i = 0; i < 8; i++) {
		plain_record(60 + i, i);
		record.hdr.flags = FRAMEIO_F_VLAN;
		record.hdr.vlan_proto = proto;
		record.hdr.vlan_tci = tags[i];
		accept_record(port);
		ck_assert(receive_tag(packet, &aux, 60 + i, i));
		ck_assert_uint_eq(aux.tp_vlan_tci, tags[i]);
		ck_assert_uint_eq(aux.tp_vlan_tpid, proto);
	}
}
END_TEST

START_TEST(without_the_vlan_flag_there_is_no_tag)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = auxdata_socket("fio0");
	struct tpacket_auxdata aux;

	plain_record(60, 1);
	record.hdr.vlan_proto = ETHERTYPE_VLAN;
	record.hdr.vlan_tci = 100;
	accept_record(port);
	ck_assert(!receive_tag(packet, &aux, 60, 1));
}
END_TEST

START_TEST(a_tagged_frame_of_the_longest_length_is_accepted)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = auxdata_socket("fio0");
	struct tpacket_auxdata aux;

	plain_record(1514, 1);
	record.hdr.flags = FRAMEIO_F_VLAN;
	record.hdr.vlan_proto = ETHERTYPE_VLAN;
	record.hdr.vlan_tci = 100;
	accept_record(port);
	ck_assert(receive_tag(packet, &aux, 1514, 1));
}
END_TEST

START_TEST(a_vlan_device_receives_the_frames_of_its_tag)
{
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet;

	guest_sh("ip link add link fio0 name fio0.100 type vlan id 100 && "
		 "sysctl -q -w net.ipv6.conf.fio0/100.disable_ipv6=1 && ip link set fio0.100 up");
	packet = guest_packet_socket("fio0.100");
	for (uint32_t tag = 99; tag <= 101; tag++) {
		plain_record(60, tag);
		record.hdr.flags = FRAMEIO_F_VLAN;
		record.hdr.vlan_proto = ETHERTYPE_VLAN;
		record.hdr.vlan_tci = tag;
		accept_record(port);
	}
	record.hdr.vlan_tci = 100;
	accept_record(port);
	guest_receive(packet, 60, 100, 0);
	guest_receive(packet, 60, 101, 0);
}
END_TEST

START_TEST(a_tag_of_no_vlan_protocol_is_refused)
{
	static const uint16_t protocols[] = { 0, 0x0800, 0x0081, 0xa888, 0x8101, 0x9100, 0xffff };
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	for (int i = 0; i < 7; i++) {
		plain_record(60, 1);
		record.hdr.flags = FRAMEIO_F_VLAN;
		record.hdr.vlan_proto = protocols[i];
		ck_assert_errno(write_record(port), EINVAL);
	}
	plain_record(60, 2);
	accept_record(port);
	guest_receive(packet, 60, 2, 0);
}
END_TEST

START_TEST(a_checksum_to_be_made_is_not_looked_at)
{
	const size_t at = _i ? 0 : ETHER;
	int port = create_fio0(_i ? FRAMEIO_PORT_L3 : 0);
	int udp = udp_socket();

	for (size_t len = 1; len <= 1472; len += 107) {
		udp_record(at, len, len, KERNEL);
		accept_record(port);	/* wrong, and dropped by the kernel's UDP */
		udp_record(at, len, len + 1, KERNEL);
		ask_for_checksum(at, offsetof(struct udphdr, check));
		accept_record(port);
		receive_payload(udp, at);
	}
}
END_TEST

START_TEST(a_checksum_to_be_made_is_made_before_the_wire)
{
	int port = create_fio0(0), far = create_fio1();
	unsigned char received[2048], *ip = received + HDRLEN + ETHER;
	size_t len;

	for (len = 20; len <= 1472; len += 107) {
		udp_record(ETHER, len, len, REMOTE);
		ask_for_checksum(ETHER, offsetof(struct udphdr, check));
		accept_record(port);
		ck_assert_int_eq(read(far, received, sizeof(received)), HDRLEN + record.hdr.len);
		ck_assert_mem_eq(ip + IP + UDP, frame + ETHER + IP + UDP, len);
		ck_assert_uint_eq(guest_sum16(0, ip, IP), 0xffff);
		ck_assert_uint_eq(guest_sum16(guest_pseudo_sum(ip, UDP + len), ip + IP, UDP + len), 0xffff);
	}
}
END_TEST

START_TEST(a_checksum_outside_the_frame_is_refused)
{
	static const uint16_t places[][2] = {
		{ 59, 0 }, { 60, 0 }, { 61, 0 }, { 65535, 0 }, { 34, 25 }, { 34, 26 },
		{ 34, 65535 }, { 0, 59 }, { 0, 60 }, { 0, 65535 }, { 65535, 65535 },
		{ 32768, 32768 }, { 65535, 1 }, { 0, 16 }, { 14, 6 }, { 33, 6 },
	};
	int port = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");

	for (int i = 0; i < 16; i++) {
		plain_record(60, 1);
		record.hdr.csum_start = places[i][0];
		record.hdr.csum_offset = places[i][1];
		accept_record(port);
		guest_receive(packet, 60, 1, 0);
		record.hdr.flags = FRAMEIO_F_CSUM_PARTIAL;
		ck_assert_errno(write_record(port), EINVAL);
	}
	record.hdr.csum_start = 34;
	record.hdr.csum_offset = 24;
	accept_record(port);
	guest_receive(packet, 60, 1, 0);
}
END_TEST

START_TEST(a_checksum_that_was_verified_is_not_verified_again)
{
	const size_t at = _i ? 0 : ETHER;
	int port = create_fio0(_i ? FRAMEIO_PORT_L3 : 0);
	int udp = udp_socket();

	udp_record(at, 100, 1, KERNEL);
	accept_record(port);	/* wrong, and dropped by the kernel's UDP */
	udp_record(at, 100, 2, KERNEL);
	record.hdr.flags = FRAMEIO_F_CSUM_VALID;
	accept_record(port);
	receive_payload(udp, at);
}
END_TEST

/*
 * GRO collects packets before it passes them on. What is not for GRO does not overtake them,
 * though they may overtake it: the stack gives a packet socket what nobody else wants last.
 */
START_TEST(frames_do_not_overtake_packets)
{
	enum { N = 9 };
	static unsigned char records[N][HDRLEN + 100];
	int port = create_fio0(0), packet = guest_packet_socket("fio0");
	unsigned char received[2048];
	struct iovec iov[N];
	int i, nframes = 0, npackets = 0;

	for (i = 0; i < N; i++) {
		/* two packets behind each frame that is none */
		if (i % 3)
			udp_record(ETHER, 20, i, REMOTE);
		else
			plain_record(60, i);
		memcpy(records[i], &record, HDRLEN + record.hdr.len);
		iov[i] = (struct iovec) { records[i], HDRLEN + record.hdr.len };
	}
	ck_assert_int_gt(writev(port, iov, N), 0);
	while (nframes + npackets < N) {
		if (recv(packet, received, sizeof(received), 0) == 60) {
			i = nframes * 3;
			nframes++;
		} else {
			i = npackets / 2 * 3 + 1 + npackets % 2;
			npackets++;
		}
		ck_assert_mem_eq(received, records[i] + HDRLEN, iov[i].iov_len - HDRLEN);
		ck_assert_int_ge(npackets, (nframes - 1) * 2);
	}
}
END_TEST

/* The segment of payload from @from on, which ends up as @len bytes in a frame of its own. */
static void check_segment(const unsigned char *received, size_t from, size_t len, bool last)
{
	const unsigned char *ip = received + HDRLEN + ETHER;
	struct tcphdr tcp;

	memcpy(&tcp, ip + IP, sizeof(tcp));
	ck_assert_uint_eq(ip[2] << 8 | ip[3], IP + TCP + len);
	ck_assert_uint_eq(guest_sum16(0, ip, IP), 0xffff);
	ck_assert_uint_eq(guest_sum16(guest_pseudo_sum(ip, TCP + len), ip + IP, TCP + len), 0xffff);
	ck_assert_uint_eq(ntohl(tcp.seq), 5000 + from);
	ck_assert_uint_eq(tcp.psh, last);
	ck_assert_mem_eq(ip + IP + TCP, frame + ETHER + IP + TCP + from, len);
}

START_TEST(a_long_tcp_packet_is_cut_into_segments)
{
	static const size_t lens[] = { 1001, 4500, 20000, 65535 - IP - TCP };
	int port = create_fio0(0), far = create_fio1();
	unsigned char received[2048];
	size_t len = lens[_i], from, part;

	tcp_record(len, 1000);
	accept_record(port);
	for (from = 0; from < len; from += part) {
		part = len - from < 1000 ? len - from : 1000;
		ck_assert_int_eq(read(far, received, sizeof(received)),
				 HDRLEN + ETHER + IP + TCP + part);
		check_segment(received, from, part, from + part == len);
	}
}
END_TEST

/* What cannot be cut, or not with what the header tells; a frame of @len bytes. */
static const struct wrong_gso {
	uint8_t type;
	uint16_t flags, size, csum_start, csum_offset;
	size_t len;
} wrong_gso[] = {
	{ 2, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },	/* no such type */
	{ 6, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },
	{ 0x41, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },
	{ 0x7f, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },
	{ 0x80, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },	/* ECN of nothing */
	{ 0xff, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 3000 },
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 0, 34, 16, 3000 },		/* segments of no bytes */
	{ 3, FRAMEIO_F_CSUM_PARTIAL, 0, 34, 6, 3000 },
	{ 4, FRAMEIO_F_CSUM_PARTIAL, 0, 54, 16, 3000 },
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 0xffff, 34, 16, 3000 },	/* GSO_BY_FRAGS in the kernel */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 53 },	/* a TCP header cut short */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1000, 2990, 16, 3000 },	/* outside the frame */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 6, 3000 },	/* UDP's place for a checksum */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 3000, 34, 16, 3000 },	/* one segment above the MTU */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 16, 65554 },	/* longer than IP can tell */
	{ 1, 0, 1000, 34, 16, 3000 },				/* a checksum nobody makes */
	{ 1, FRAMEIO_F_CSUM_VALID, 1000, 34, 16, 3000 },
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 7, 34, 16, 3000 },		/* too many segments */
	{ 3, FRAMEIO_F_CSUM_PARTIAL, 1001, 34, 6, 3000 },	/* no IP fragment */
	{ 0x83, FRAMEIO_F_CSUM_PARTIAL, 1000, 34, 6, 3000 },	/* ECN of UDP */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1000, 33, 16, 3000 },	/* inside the IP header */
	{ 4, FRAMEIO_F_CSUM_PARTIAL, 1000, 53, 16, 3000 },
	/* one segment above the MTU, and the frame's memory moves while that is found out */
	{ 1, FRAMEIO_F_CSUM_PARTIAL, 1400, 5000, 16, 6000 },
};
#define NWRONG	((int)(sizeof(wrong_gso) / sizeof(wrong_gso[0])))

START_TEST(segments_that_cannot_be_cut_are_refused)
{
	const struct wrong_gso *wrong = &wrong_gso[_i];
	int port = create_fio0(0);
	int packet = guest_packet_socket("fio0");

	tcp_record(60000, 1000);
	record.hdr.len = wrong->len;
	record.hdr.flags = wrong->flags;
	record.hdr.csum_start = wrong->csum_start;
	record.hdr.csum_offset = wrong->csum_offset;
	record.hdr.gso_type = wrong->type;
	record.hdr.gso_size = wrong->size;
	ck_assert_errno(write_record(port), EINVAL);
	plain_record(60, 2);
	accept_record(port);
	guest_receive(packet, 60, 2, 0);
}
END_TEST

START_TEST(without_a_gso_type_a_long_frame_stays_too_long)
{
	int port = create_fio0(0);

	tcp_record(4500, 1000);
	record.hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE;
	ck_assert_errno(write_record(port), EINVAL);
}
END_TEST

/* --- what is left to the readers of a port ----------------------------------- */

static union {
	struct frameio_hdr hdr;
	unsigned char bytes[HDRLEN + FRAMEIO_OFFLOAD_MAX];
} got;

/* A record that was read has all of a packet, which began @at bytes into the one written. */
static void check_whole(size_t at, size_t headers, size_t csum_offset)
{
	const size_t len = record.hdr.len - (ETHER - at);
	const unsigned char *ip = got.bytes + HDRLEN + at;

	ck_assert_uint_eq(got.hdr.len, len);
	ck_assert_uint_eq(got.hdr.wirelen, len);
	ck_assert_uint_eq(got.hdr.flags & ~FRAMEIO_F_HASH, FRAMEIO_F_CSUM_PARTIAL);
	ck_assert_uint_eq(got.hdr.csum_start, at + IP);
	ck_assert_uint_eq(got.hdr.csum_offset, csum_offset);
	ck_assert_uint_eq(got.hdr.gso_type, record.hdr.gso_type);
	ck_assert_uint_eq(got.hdr.gso_size, record.hdr.gso_size);
	ck_assert_uint_eq(got.hdr.gso_hdrlen, record.hdr.gso_type ? at + IP + headers : 0);
	ck_assert_uint_eq(guest_sum16(0, ip, IP), 0xffff);
	/* the sum of the pseudo-header, and all the rest */
	ck_assert_mem_eq(ip + IP, frame + ETHER + IP, record.hdr.len - ETHER - IP);
}

/* How records are read. */
enum way { CALL, ROW, RING, WAYS };

static void read_received(enum way way, struct rings *rings, int port)
{
	const struct frameio_hdr *hdr;

	if (way == RING) {
		ck_assert(rings_wait_record(rings, -1));
		hdr = (const void *)rings_next(rings);
		ck_assert_uint_le(HDRLEN + hdr->len, sizeof(got));
		memcpy(&got, hdr, HDRLEN + hdr->len);
		rings_skip(rings);
		rings_release(rings);
	} else {
		ck_assert_int_gt(read(port, &got, sizeof(got)), (int)HDRLEN);
	}
}

static const uint32_t far_flags[] = { 0, FRAMEIO_PORT_L3 };

/* It may be written as it was read: then it comes again. */
START_TEST(segments_and_sums_are_left_to_the_reader)
{
	static const size_t lens[] = { 1001, 4500, 20000, 65535 - ETHER - IP - TCP };
	const enum way way = _i % WAYS;
	const uint32_t flags = far_flags[_i / WAYS];
	const size_t at = flags ? 0 : ETHER;
	const uint32_t packed = FRAMEIO_O_PACKED;
	struct rings rings;
	int port, far, times;
	size_t i;

	guest_not_over_rings("it asks for its own rings, of another size");
	port = create_fio0(0);
	far = create_far(flags | FRAMEIO_PORT_OFFLOAD);
	if (way == ROW)
		ck_assert_int_eq(ioctl(far, FRAMEIO_SET_OPTIONS, &packed), 0);
	if (way == RING)
		rings_make(&rings, far, 0, 1 << 18, 0, 0);
	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		tcp_record(lens[i], 1000);
		if (i == 1)
			record.hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
		accept_record(port);
		for (times = 0; times < 2; times++) {
			read_received(way, &rings, far);
			check_whole(at, TCP, offsetof(struct tcphdr, check));
			if (flags || times)
				break;
			make_ether();
			memcpy(got.bytes + HDRLEN, frame, ETHER);
			ck_assert_int_eq(write(port, &got, HDRLEN + got.hdr.len),
					 HDRLEN + got.hdr.len);
		}
	}
	udp_record(ETHER, 100, 1, REMOTE);
	ask_for_checksum(ETHER, offsetof(struct udphdr, check));
	accept_record(port);
	read_received(way, &rings, far);
	check_whole(at, UDP, offsetof(struct udphdr, check));
}
END_TEST

/* What the administrator turns off the kernel does itself. */
START_TEST(offloads_may_be_turned_off)
{
	int port, far;
	size_t from;

	guest_not_over_rings("such a port needs larger rings");
	port = create_fio0(0);
	far = create_far(FRAMEIO_PORT_OFFLOAD);
	tcp_record(3000, 1000);
	guest_sh("ethtool -K fio1 tso off");
	accept_record(port);
	for (from = 0; from < 3000; from += 1000) {
		read_received(CALL, NULL, far);
		ck_assert_uint_eq(got.hdr.len, ETHER + IP + TCP + 1000);
		ck_assert_uint_eq(got.hdr.flags & FRAMEIO_F_CSUM_PARTIAL,
				  FRAMEIO_F_CSUM_PARTIAL);
		ck_assert_uint_eq(got.hdr.gso_type, 0);
	}
	guest_sh("ethtool -K fio1 tx off");
	accept_record(port);
	for (from = 0; from < 3000; from += 1000) {
		read_received(CALL, NULL, far);
		ck_assert_uint_eq(got.hdr.flags & FRAMEIO_F_CSUM_PARTIAL, 0);
		check_segment(got.bytes, from, 1000, from == 2000);
	}
}
END_TEST

/* With the tag inside the frame a record could not tell where what begins. */
START_TEST(tagged_frames_are_complete)
{
	int port, far;
	size_t from;

	guest_not_over_rings("such a port needs larger rings");
	port = create_fio0(0);
	far = guest_create_up("fio1", FRAMEIO_PORT_OFFLOAD, 1, 0);
	guest_sh("ip link add link fio1 name fio1.100 type vlan id 100 && "
		 "sysctl -q -w net.ipv6.conf.fio1/100.disable_ipv6=1 net.ipv4.ip_forward=1 && "
		 "ip address add 10.9.1.1/24 dev fio1.100 && ip link set fio1.100 up && "
		 "ip neighbour add 10.9.1.2 lladdr 02:00:00:00:00:02 dev fio1.100");
	tcp_record(3000, 1000);
	accept_record(port);
	for (from = 0; from < 3000; from += 1000) {
		read_received(CALL, NULL, far);
		ck_assert_uint_eq(got.hdr.flags & FRAMEIO_F_CSUM_PARTIAL, 0);
		ck_assert_uint_eq(got.hdr.gso_type, 0);
		ck_assert_uint_eq(got.hdr.len, ETHER + 4 + IP + TCP + 1000);
		memmove(got.bytes + 4, got.bytes, HDRLEN + ETHER - 2);
		check_segment(got.bytes + 4, from, 1000, from == 2000);
	}
}
END_TEST

/* Too many segments, none of TCP: a record could not tell, or no port would take it. */
START_TEST(what_a_record_cannot_tell_is_complete)
{
	int port, far;

	guest_not_over_rings("such a port needs larger rings");
	port = create_fio0(0);
	far = create_far(FRAMEIO_PORT_OFFLOAD);
	if (_i) {
		udp_record(ETHER, 3000, 1, REMOTE);
		ask_for_checksum(ETHER, offsetof(struct udphdr, check));
		record.hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP;
		record.hdr.gso_size = 1000;
	} else {
		tcp_record(9000, 8);
	}
	accept_record(port);
	read_received(CALL, NULL, far);
	ck_assert_uint_eq(got.hdr.gso_type, 0);
	ck_assert_uint_eq(got.hdr.flags & FRAMEIO_F_CSUM_PARTIAL, 0);
	ck_assert_uint_eq(got.hdr.len, ETHER + IP + (_i ? 1000 : TCP + 8));
}
END_TEST

/* No sender makes a frame that a reader has no room for: packet(7) looks at no MTU here. */
START_TEST(a_longer_frame_than_there_can_be_is_dropped)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP) };
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 65534, .hdr_len = ETHER + IP + TCP, .csum_start = ETHER + IP,
		.csum_offset = offsetof(struct tcphdr, check),
	};
	struct iovec iov[2] = { { &vnet, sizeof(vnet) }, { frame, 65588 } };
	struct msghdr message = { .msg_name = &address, .msg_namelen = sizeof(address),
				  .msg_iov = iov, .msg_iovlen = 2 };
	struct frameio_stats stats;
	int port, packet, one = 1;

	guest_not_over_rings("such a port needs larger rings");
	port = guest_create_up("fio0", FRAMEIO_PORT_OFFLOAD, 1, 0);
	packet = guest_packet_socket("fio0");
	address.sll_ifindex = if_nametoindex("fio0");
	ck_assert_int_eq(setsockopt(packet, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	tcp_record(60000, 1000);
	/* a kernel may refuse it first */
	if (sendmsg(packet, &message, 0) > 0) {
		guest_stats(port, &stats);
		ck_assert_uint_eq(stats.fs_read_drop_invalid, 1);
	}
	iov[1].iov_len = ETHER + IP + TCP + 60000;
	vnet.gso_size = 1000;
	ck_assert_int_gt(sendmsg(packet, &message, 0), 0);
	read_received(CALL, NULL, port);
	ck_assert_uint_eq(got.hdr.len, iov[1].iov_len);
	ck_assert_uint_eq(got.hdr.gso_size, 1000);
}
END_TEST

START_TEST(such_a_port_is_a_virtual_one_with_room)
{
	struct frameio_create create = { .fc_name = "fio1", .fc_flags = FRAMEIO_PORT_OFFLOAD };
	struct frameio_ring_setup setup = { .frr_read_size = 1 << 17 };
	int port, control;

	guest_not_over_rings("it asks for its own rings, of another size");
	port = guest_create_up("fio0", FRAMEIO_PORT_OFFLOAD, 1, 0);
	control = guest_control();
	ck_assert_uint_eq(guest_info(port).fi_flags, FRAMEIO_PORT_OFFLOAD);
	ck_assert_errno(ioctl(port, FRAMEIO_RING_SETUP, &setup), EINVAL);
	setup = (struct frameio_ring_setup){ .frr_write_size = 1 << 17 };
	ck_assert_errno(ioctl(port, FRAMEIO_RING_SETUP, &setup), EINVAL);
	setup.frr_write_size = 1 << 18;
	ck_assert_int_eq(ioctl(port, FRAMEIO_RING_SETUP, &setup), 0);
	guest_sh("ip link add fio1 type dummy");
	ck_assert_errno(ioctl(control, FRAMEIO_ATTACH, &create), EINVAL);
	guest_sh("ip link del fio1");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("offload");
	TCase *tcase = guest_tcase(suite, "offload", 60, NULL, NULL);

	tcase_add_loop_test(tcase, a_vlan_tag_in_the_header_is_the_frames_tag, 0, 2);
	tcase_add_test(tcase, without_the_vlan_flag_there_is_no_tag);
	tcase_add_test(tcase, a_tagged_frame_of_the_longest_length_is_accepted);
	tcase_add_test(tcase, a_vlan_device_receives_the_frames_of_its_tag);
	tcase_add_test(tcase, a_tag_of_no_vlan_protocol_is_refused);
	tcase_add_loop_test(tcase, a_checksum_to_be_made_is_not_looked_at, 0, 2);
	tcase_add_test(tcase, a_checksum_to_be_made_is_made_before_the_wire);
	tcase_add_test(tcase, a_checksum_outside_the_frame_is_refused);
	tcase_add_loop_test(tcase, a_checksum_that_was_verified_is_not_verified_again, 0, 2);
	tcase_add_test(tcase, frames_do_not_overtake_packets);
	tcase_add_loop_test(tcase, a_long_tcp_packet_is_cut_into_segments, 0, 4);
	tcase_add_loop_test(tcase, segments_that_cannot_be_cut_are_refused, 0, NWRONG);
	tcase_add_test(tcase, without_a_gso_type_a_long_frame_stays_too_long);
	tcase_add_loop_test(tcase, segments_and_sums_are_left_to_the_reader, 0, 2 * WAYS);
	tcase_add_test(tcase, offloads_may_be_turned_off);
	tcase_add_test(tcase, tagged_frames_are_complete);
	tcase_add_loop_test(tcase, what_a_record_cannot_tell_is_complete, 0, 2);
	tcase_add_test(tcase, a_longer_frame_than_there_can_be_is_dropped);
	tcase_add_test(tcase, such_a_port_is_a_virtual_one_with_room);
	return guest_run(suite);
}
