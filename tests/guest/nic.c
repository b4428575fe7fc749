/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * NIC ports: frames from and to an interface that is not ours, here one end of a
 * veth pair, fionic, whose other end, fiopeer, is the wire.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

#define LEN	100

static int peer;	/* a packet socket on the other end */

static void setup(void)
{
	guest_add_nic();
	peer = guest_packet_socket("fiopeer");
}

static void teardown(void)
{
	close(peer);
	guest_delete_nic();
}

/* FRAMEIO_ATTACH: the result, on a file that is blocking. */
static int try_attach(int fd, const char *name, uint32_t flags, uint32_t nqueues)
{
	struct frameio_create request = { .fc_flags = flags, .fc_nqueues = nqueues };

	strcpy(request.fc_name, name);
	return ioctl(fd, FRAMEIO_ATTACH, &request);
}

static int attach(uint32_t flags, uint32_t nqueues)
{
	int fd = guest_control();

	ck_assert_int_eq(try_attach(fd, "fionic", flags, nqueues), 0);
	return fd;
}

/* A file takes nothing before it reads or polls. */
static int begin(int fd)
{
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	return fd;
}

static void set_options(int fd, uint32_t options)
{
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

/* Take frames of that EtherType only. */
static void take_only(int fd, uint16_t ethertype)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ethertype, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct frameio_filter filter = { .ff_insns = (uintptr_t)insns, .ff_len = 4 };

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_FILTER, &filter), 0);
}

static void read_frame(int fd, uint32_t seed)
{
	unsigned char record[2048];

	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN);
	guest_check_record(record, LEN, seed, 0);
}

static void write_frame(int fd, uint32_t seed)
{
	unsigned char record[HDRLEN + LEN];

	guest_record(record, LEN, seed, 0);
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
}

/* --- receiving ------------------------------------------------------- */

START_TEST(what_the_wire_brings_is_read)
{
	int fd = begin(attach(0, 1));
	struct frameio_info info = guest_info(fd);
	struct frameio_stats stats;
	int i;

	ck_assert_str_eq(info.fi_name, "fionic");
	ck_assert_uint_eq(info.fi_flags, FRAMEIO_PORT_NIC);
	ck_assert_uint_eq(info.fi_frame_max, 1514);
	for (i = 0; i < 100; i++)
		guest_send(peer, LEN, i, 0);
	for (i = 0; i < 100; i++)
		read_frame(fd, i);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, 100);
	ck_assert_uint_eq(stats.fs_read_queued_bytes, 100 * LEN);
	ck_assert_uint_eq(stats.fs_read_drop_full, 0);
}
END_TEST

/* UDP datagrams from the wire, to a socket of the stack. */
static int stack_socket(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(9) };
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	guest_sh("ip addr add 192.0.2.1/24 dev fionic");
	ck_assert_int_eq(bind(fd, (const void *)&address, sizeof(address)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* A datagram of 4 bytes for stack_socket(), as the wire brings it. */
static void send_datagram(uint32_t number)
{
	static const unsigned char headers[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 0,
		/* IPv4, without options, to 192.0.2.1; the kernel does not want the checksum of UDP */
		0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0xf6, 0xc9, 192, 0, 2, 2, 192, 0, 2, 1,
		0, 9, 0, 9, 0, 12, 0, 0,
	};
	unsigned char frame[sizeof(headers) + sizeof(number)];

	memcpy(frame, headers, sizeof(headers));
	memcpy(frame + sizeof(headers), &number, sizeof(number));
	ck_assert_int_eq(send(peer, frame, sizeof(frame), 0), (ssize_t)sizeof(frame));
}

static void receive_datagram(int stack, uint32_t expected)
{
	uint32_t number;

	ck_assert_int_eq(recv(stack, &number, sizeof(number), 0), (ssize_t)sizeof(number));
	ck_assert_uint_eq(number, expected);
}

START_TEST(what_nobody_reads_goes_to_the_stack)
{
	int stack = stack_socket(), fd, writer;

	guest_not_over_rings("rings are of a file for reading and writing");
	send_datagram(1);
	receive_datagram(stack, 1);
	fd = begin(attach(FRAMEIO_PORT_PERSIST, 1));
	send_datagram(2);
	close(fd);
	/* the port is there, and nobody has it open */
	send_datagram(3);
	receive_datagram(stack, 3);
	/* or somebody who does not read, whatever it asked for */
	fd = open("/dev/frameio/fionic", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	send_datagram(5);
	receive_datagram(stack, 5);
	close(fd);
	/* or only writes */
	writer = open("/dev/frameio/fionic", O_WRONLY);
	ck_assert_int_ge(writer, 0);
	send_datagram(4);
	receive_datagram(stack, 4);
	write_frame(writer, 7);
	guest_receive(peer, LEN, 7, 0);
	close(writer);
	close(stack);
}
END_TEST

START_TEST(what_the_filter_leaves_goes_to_the_stack)
{
	int stack = stack_socket(), fd = attach(0, 1), i;

	guest_set_nonblock(fd, true);
	take_only(fd, GUEST_ETHERTYPE);
	begin(fd);
	for (i = 0; i < 50; i++) {
		send_datagram(i);
		guest_send(peer, LEN, i, 0);
		receive_datagram(stack, i);
		guest_poll(fd, POLLIN, -1);
		read_frame(fd, i);
	}
	ck_assert_errno(read(fd, &i, sizeof(i)), EAGAIN);
	/* without one, all is taken again */
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_FILTER, &(struct frameio_filter){ 0 }), 0);
	send_datagram(99);
	guest_poll(fd, POLLIN, -1);
	ck_assert_errno(recv(stack, &i, sizeof(i), MSG_DONTWAIT), EAGAIN);
	close(stack);
}
END_TEST

/* Each takes what it asked for, whichever queue pair a flow's hash would choose. */
START_TEST(two_files_have_two_filters)
{
	int fd = attach(0, 2), other = guest_open("fionic", 1), i;

	ck_assert_int_ge(other, 0);
	take_only(fd, GUEST_ETHERTYPE);
	take_only(other, 0x0800);
	begin(fd);
	begin(other);
	for (i = 0; i < 20; i++) {
		guest_send(peer, LEN, i, 0);
		send_datagram(i);
	}
	for (i = 0; i < 20; i++)
		read_frame(fd, i);
	for (i = 0; i < 20; i++) {
		unsigned char record[256];

		ck_assert_int_eq(read(other, record, sizeof(record)), HDRLEN + 46);
		ck_assert_mem_eq(record + HDRLEN + 42, &i, sizeof(i));
	}
}
END_TEST

/* Of two taps each has a copy, and who takes has the frame besides. */
START_TEST(a_tap_leaves_others_theirs)
{
	int fd = attach(FRAMEIO_PORT_PERSIST, 3), tap = guest_open("fionic", 1);
	int other = guest_open("fionic", 2), i;

	set_options(tap, FRAMEIO_O_TAP);
	set_options(other, FRAMEIO_O_TAP);
	begin(fd);
	begin(tap);
	begin(other);
	for (i = 0; i < 20; i++)
		guest_send(peer, LEN, i, 0);
	for (i = 0; i < 20; i++) {
		read_frame(fd, i);
		read_frame(tap, i);
		read_frame(other, i);
	}
}
END_TEST

/* Who opens the queue pair next finds none of it. */
START_TEST(what_a_file_asked_for_ends_with_it)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct frameio_filter filter = { .ff_insns = (uintptr_t)&none, .ff_len = 1 };
	int stack = stack_socket(), fd = attach(FRAMEIO_PORT_PERSIST, 1);
	uint32_t options, i;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_FILTER, &filter), 0);
	set_options(fd, FRAMEIO_O_TAP | FRAMEIO_O_PROMISC | FRAMEIO_O_TSTAMP);
	begin(fd);
	close(fd);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	fd = guest_open("fionic", 0);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, 0);
	begin(fd);
	guest_set_nonblock(fd, true);
	send_datagram(1);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 20000), POLLIN);
	ck_assert_errno(recv(stack, &i, sizeof(i), MSG_DONTWAIT), EAGAIN);
	close(fd);
	close(stack);
}
END_TEST

static ssize_t open_and_close(int fd, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 100; i++) {
		fd = open("/dev/frameio/fionic", O_RDWR);
		if (fd < 0)
			return -1;
		if (i % 2)
			take_only(fd, GUEST_ETHERTYPE);
		else
			set_options(fd, FRAMEIO_O_TAP);
		guest_poll(fd, POLLIN, 0);
		close(fd);
	}
	return 0;
}

/* Not even while it is opened or closed does a file take what its filter leaves. */
START_TEST(closing_steals_nothing)
{
	int stack = stack_socket();
	struct guest_call call;
	uint32_t i = 0;

	close(attach(FRAMEIO_PORT_PERSIST, 1));
	guest_call_start(&call, open_and_close, -1, NULL);
	while (pthread_tryjoin_np(call.thread, NULL)) {
		send_datagram(i);
		receive_datagram(stack, i);
		i++;
	}
	ck_assert_uint_gt(i, 0);
	close(stack);
}
END_TEST

/* Take IPv4 datagrams to UDP port 9000. */
static void take_port_9000(int fd)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 6),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 9000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct frameio_filter filter = {
		.ff_insns = (uintptr_t)insns, .ff_len = sizeof(insns) / sizeof(*insns),
	};

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_FILTER, &filter), 0);
}

static _Atomic bool enough;

/* Send to UDP port 9000 from the peer's network namespace, as fast as it goes. */
static ssize_t flood_port_9000(int fd, void *arg)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(9000),
		.sin_addr = { htonl(0xc0000201) },
	};
	ssize_t sent = 0;
	char bytes[LEN];

	memset(bytes, 9, sizeof(bytes));
	fd = open("/run/netns/nic", O_RDONLY);
	if (setns(fd, CLONE_NEWNET))
		return -1;
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	while (!enough)
		sent += sendto(fd, bytes, sizeof(bytes), 0, (const void *)&to, sizeof(to)) > 0;
	close(fd);
	*(ssize_t *)arg = sent;
	return 0;
}

/* Read until the port goes; how many frames there were, all of which must be of port 9000. */
static ssize_t read_port_9000(int fd, void *arg)
{
	static unsigned char records[32][HDRLEN + 2048];
	struct iovec iov[32];
	ssize_t len, done = 0;
	int i;

	(void)arg;
	for (i = 0; i < 32; i++)
		iov[i] = (struct iovec){ records[i], sizeof(records[i]) };
	while ((len = readv(fd, iov, 32)) > 0)
		for (i = 0; len > 0; i++, done++) {
			if (memcmp(records[i] + HDRLEN + 36, "\x23\x28", 2))
				return -1;
			len -= HDRLEN + ((struct frameio_hdr *)records[i])->len;
		}
	return errno == ENODEV ? done : -1;
}

/* The same NIC serves a session of the stack, and a flood that the stack never sees. */
START_TEST(a_session_goes_on_beside_a_flood)
{
	struct frameio_delete request = { .fd_name = "fionic" };
	int stack = socket(AF_INET, SOCK_DGRAM, 0), fd = attach(FRAMEIO_PORT_PERSIST, 1);
	const struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(9000) };
	struct guest_call flood, reader;
	struct frameio_stats stats;
	ssize_t sent, taken;

	guest_add_netns("nic");
	guest_sh("ip addr add 192.0.2.1/24 dev fionic && ip link set fiopeer netns nic && "
		 "ip -n nic addr add 192.0.2.2/24 dev fiopeer && ip -n nic link set fiopeer up && "
		 "ip -n nic link set lo up");
	guest_wait_running("fionic");
	ck_assert_int_eq(bind(stack, (const void *)&here, sizeof(here)), 0);
	take_port_9000(fd);
	guest_call_start(&reader, read_port_9000, fd, NULL);
	enough = false;
	guest_call_start(&flood, flood_port_9000, -1, &sent);
	guest_sh("iperf3 -s -1 -D -B 192.0.2.1 && "
		 "until ss -Hltn src 192.0.2.1 | grep -q 5201; do sleep 0.01; done; "
		 "ip netns exec nic iperf3 -c 192.0.2.1 -n 10M >/dev/null && "
		 "ip netns exec nic ping -q -c 3 -i 0.2 192.0.2.1 >/dev/null");
	enough = true;
	ck_assert_int_eq(guest_call_join(&flood), 0);
	guest_stats(fd, &stats);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	taken = guest_call_join(&reader);
	ck_assert_int_gt(taken, 0);
	guest_stats(fd, &stats);
	/* veth itself drops what its receiver is too slow for */
	ck_assert_uint_le(stats.fs_read_queued + stats.fs_read_drop_full, sent);
	/* what is in a ring when the port goes is the program's */
	if (guest_over_rings())
		ck_assert_uint_ge(stats.fs_read_queued, taken + stats.fs_read_drop_closed);
	else
		ck_assert_uint_eq(stats.fs_read_queued, taken + stats.fs_read_drop_closed);
	ck_assert_errno(recv(stack, &sent, sizeof(sent), MSG_DONTWAIT), EAGAIN);
	close(stack);
	guest_sh("ip netns del nic");
}
END_TEST

START_TEST(a_tap_copies)
{
	int stack = stack_socket(), fd = attach(0, 1);
	unsigned char record[256];
	int i;

	set_options(fd, FRAMEIO_O_TAP);
	begin(fd);
	for (i = 0; i < 20; i++)
		send_datagram(i);
	for (i = 0; i < 20; i++) {
		receive_datagram(stack, i);
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 46);
		ck_assert_mem_eq(record + HDRLEN + 42, &i, sizeof(i));
	}
	close(stack);
}
END_TEST

START_TEST(a_full_read_queue_drops_and_counts)
{
	int fd = begin(attach(0, 1)), i;
	struct frameio_stats stats;

	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	guest_set_limits(fd, 10, 0);
	for (i = 0; i < 100; i++)
		guest_send(peer, LEN, i, 0);
	do
		guest_stats(fd, &stats);
	while (stats.fs_read_queued + stats.fs_read_drop_full < 100);
	ck_assert_uint_eq(stats.fs_read_queued, 10);
	ck_assert_uint_eq(stats.fs_read_drop_full, 90);
	for (i = 0; i < 10; i++)
		read_frame(fd, i);
	guest_send(peer, LEN, 200, 0);
	read_frame(fd, 200);
}
END_TEST

/* Send a frame that is to be cut, as GRO joins what a NIC receives. */
static void send_large(void)
{
	unsigned char record[HDRLEN + GUEST_LARGE_LEN];
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = GUEST_LARGE_HEADERS, .gso_size = GUEST_LARGE_MSS,
		.csum_start = 34, .csum_offset = 16,
	};
	struct iovec iov[] = {
		{ &header, sizeof(header) }, { record + HDRLEN, GUEST_LARGE_LEN },
	};
	const int on = 1, off = 0;

	guest_record_large(record);
	ck_assert_int_eq(setsockopt(peer, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(writev(peer, iov, 2), sizeof(header) + GUEST_LARGE_LEN);
	ck_assert_int_eq(setsockopt(peer, SOL_PACKET, PACKET_VNET_HDR, &off, sizeof(off)), 0);
}

START_TEST(joined_frames_come_apart)
{
	int fd = begin(attach(0, 1)), tap = 0, i;
	unsigned char record[HDRLEN + 2048];
	const struct frameio_hdr *hdr = (void *)record;
	struct frameio_stats stats;

	for (tap = 0; tap < 2; tap++) {
		set_options(fd, tap ? FRAMEIO_O_TAP : 0);
		send_large();
		for (i = 0; i < GUEST_LARGE_SEGMENTS; i++) {
			ck_assert_int_eq(read(fd, record, sizeof(record)),
					 HDRLEN + GUEST_SEGMENT_LEN);
			ck_assert_uint_eq(hdr->flags & FRAMEIO_F_CSUM_VALID, FRAMEIO_F_CSUM_VALID);
			ck_assert_uint_eq(hdr->gso_type, 0);
			guest_check_segment(record + HDRLEN, i);
		}
	}
	guest_not_over_rings("limits in frames are not a ring's: ring.c fills one");
	/* or are dropped, which counts each that was on the wire */
	guest_set_limits(fd, 2, 0);
	for (i = 0; i < 2; i++)
		guest_send(peer, LEN, i, 0);
	send_large();
	do
		guest_stats(fd, &stats);
	while (!stats.fs_read_drop_full && !stats.fs_read_drop_nomem);
	ck_assert_uint_eq(stats.fs_read_drop_full, GUEST_LARGE_SEGMENTS);
	ck_assert_uint_eq(stats.fs_read_drop_nomem, 0);
	for (i = 0; i < 2; i++)
		read_frame(fd, i);
}
END_TEST

/* The longest segments that are sent are as long as the longest frame. */
START_TEST(segments_are_no_longer_than_frames)
{
	unsigned char record[HDRLEN + GUEST_LARGE_LEN];
	int fd = attach(0, 1);

	guest_record_large(record);
	guest_sh("ip link set fionic mtu %d", GUEST_SEGMENT_LEN - 14);
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
	guest_sh("ip link set fionic mtu %d", GUEST_SEGMENT_LEN - 15);
	ck_assert_errno(write(fd, record, sizeof(record)), EINVAL);
}
END_TEST

START_TEST(the_record_tells_what_the_driver_told)
{
	int fd = attach(0, 1);
	unsigned char record[256];
	const struct frameio_hdr *hdr = (const void *)record;

	set_options(fd, FRAMEIO_O_TSTAMP);
	begin(fd);
	guest_sh("ip link add link fiopeer fiovlan type vlan id 7 && "
		 "sysctl -qw net.ipv6.conf.fiovlan.disable_ipv6=1 && ip link set fiovlan up && "
		 "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:01 dev fiovlan && "
		 "ip addr add 192.0.2.8/24 dev fiovlan && "
		 "bash -c 'echo >/dev/udp/192.0.2.9/9'");
	ck_assert_int_gt(read(fd, record, sizeof(record)), HDRLEN);
	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_VLAN, FRAMEIO_F_VLAN);
	ck_assert_uint_eq(hdr->vlan_tci, 7);
	ck_assert_uint_eq(hdr->vlan_proto, 0x8100);
	ck_assert_uint_eq(hdr->flags & FRAMEIO_F_TSTAMP_SW, FRAMEIO_F_TSTAMP_SW);
	ck_assert_uint_lt(time(NULL) - hdr->tstamp / 1000000000, 600);
	guest_sh("ip link del fiovlan");
}
END_TEST

/* A frame is first offered to the file whose turn is the CPU that received it. */
START_TEST(a_port_may_be_steered_by_cpu)
{
	int fds[2], i;
	cpu_set_t cpus;

	fds[0] = begin(attach(FRAMEIO_PORT_STEER_CPU, 2));
	fds[1] = begin(guest_open("fionic", 1));
	ck_assert_uint_eq(guest_info(fds[0]).fi_flags, FRAMEIO_PORT_NIC | FRAMEIO_PORT_STEER_CPU);
	for (i = 0; i < 20; i++) {
		CPU_ZERO(&cpus);
		CPU_SET(i % 2, &cpus);
		ck_assert_int_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
		/* veth receives on the CPU that sent */
		guest_send(peer, LEN, i, 0);
		read_frame(fds[i % 2], i);
	}
	close(fds[1]);
	close(fds[0]);
}
END_TEST

static struct frameio_queue_pair queue_pair(uint32_t queue)
{
	struct frameio_queue_pair pair = { .fp_name = "fionic", .fp_queue = queue };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_QUEUE_PAIR, &pair), 0);
	close(fd);
	return pair;
}

START_TEST(anybody_sees_what_queue_pairs_are_doing)
{
	struct frameio_queue_pair pair = { .fp_name = "fionic", .fp_queue = 2 };
	int fd = begin(attach(0, 2)), control = guest_control(), i;

	guest_not_over_rings("what is in a ring is counted as read");
	ck_assert_errno(ioctl(control, FRAMEIO_QUEUE_PAIR, &pair), EINVAL);
	strcpy(pair.fp_name, "fiopeer");
	ck_assert_errno(ioctl(control, FRAMEIO_QUEUE_PAIR, &pair), EOPNOTSUPP);
	strcpy(pair.fp_name, "nowhere");
	ck_assert_errno(ioctl(control, FRAMEIO_QUEUE_PAIR, &pair), ENODEV);
	guest_set_limits(fd, 100, 50);
	pair = queue_pair(1);
	ck_assert_uint_eq(pair.fp_open, 0);
	ck_assert_uint_eq(pair.fp_mode, FRAMEIO_NMODES);
	ck_assert_uint_eq(pair.fp_read_limit, FRAMEIO_LIMIT_DEFAULT);
	for (i = 0; i < 5; i++)
		guest_send(peer, LEN, i, 0);
	read_frame(fd, 0);
	do
		pair = queue_pair(0);
	while (pair.fp_stats.fs_read_queued < 5);
	ck_assert_uint_eq(pair.fp_open, 1);
	ck_assert_uint_eq(pair.fp_mode, FRAMEIO_MODE_SINGLE);
	ck_assert_uint_eq(pair.fp_read_len, 4);
	ck_assert_uint_eq(pair.fp_read_limit, 100);
	ck_assert_uint_eq(pair.fp_write_limit, 50);
	ck_assert_uint_eq(pair.fp_stats.fs_read_frames[FRAMEIO_MODE_SINGLE], 1);
	close(control);
}
END_TEST

/* --- transmitting ---------------------------------------------------- */

START_TEST(what_is_written_is_on_the_wire)
{
	static unsigned char records[32][HDRLEN + LEN];
	int fd = attach(0, 1);
	struct frameio_stats stats;
	struct iovec iov[32];
	int i;

	for (i = 0; i < 32; i++) {
		iov[i] = (struct iovec){ records[i], guest_record(records[i], LEN, i, 0) };
		ck_assert_uint_eq(iov[i].iov_len, sizeof(records[i]));
	}
	ck_assert_int_eq(writev(fd, iov, 32), (ssize_t)sizeof(records));
	for (i = 0; i < 32; i++)
		guest_receive(peer, LEN, i, 0);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, 32);
	ck_assert_uint_eq(stats.fs_write_received_bytes, 32 * LEN);
}
END_TEST

START_TEST(captures_see_what_is_written)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("fionic"),
	};
	int fd = attach(0, 1), capture = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned char frame[256];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);

	ck_assert_int_eq(bind(capture, (const void *)&address, sizeof(address)), 0);
	write_frame(fd, 5);
	ck_assert_int_eq(recvfrom(capture, frame, sizeof(frame), 0, (void *)&from, &len), LEN);
	ck_assert_uint_eq(from.sll_pkttype, PACKET_OUTGOING);
	close(capture);
}
END_TEST

START_TEST(a_link_that_is_down_refuses)
{
	unsigned char record[HDRLEN + LEN];
	int fd = attach(0, 1);

	guest_record(record, LEN, 1, 0);
	guest_sh("ip link set fiopeer down");
	while (guest_poll(fd, POLLOUT, 0) & POLLOUT)
		;
	ck_assert_errno(write(fd, record, sizeof(record)), ENETDOWN);
	guest_sh("ip link set fiopeer up");
	guest_poll(fd, POLLOUT, -1);
	/* the old socket still has to tell that its interface was down */
	close(peer);
	peer = guest_packet_socket("fiopeer");
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
	guest_receive(peer, LEN, 1, 0);
}
END_TEST

/* --- life ------------------------------------------------------------ */

static ssize_t read_some(int fd, void *arg)
{
	(void)arg;
	return read(fd, (char[256]){ 0 }, 256);
}

START_TEST(the_interface_may_go)
{
	struct guest_call call;
	int fd = attach(FRAMEIO_PORT_PERSIST, 2), other = guest_open("fionic", 1);

	guest_call_start(&call, read_some, other, NULL);
	guest_call_wait_asleep(&call, SYS_read);
	guest_sh("ip link del fionic");
	ck_assert_int_eq(guest_call_join_error(&call), ENODEV);
	ck_assert(guest_poll(fd, POLLIN, -1) & POLLHUP);
	ck_assert_errno(access("/dev/frameio/fionic", F_OK), ENOENT);
}
END_TEST

START_TEST(detaching_leaves_the_interface)
{
	struct frameio_delete request = { .fd_name = "fionic" };
	int stack = stack_socket(), fd = attach(FRAMEIO_PORT_PERSIST, 1);

	set_options(fd, FRAMEIO_O_PROMISC);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 1'");
	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	ck_assert_int_eq(guest_poll(fd, POLLIN, -1) & POLLHUP, POLLHUP);
	send_datagram(1);
	receive_datagram(stack, 1);
	/* and with the file that attached it */
	fd = attach(0, 1);
	ck_assert_int_eq(access("/dev/frameio/fionic", F_OK), 0);
	set_options(fd, FRAMEIO_O_PROMISC);
	close(fd);
	ck_assert_errno(access("/dev/frameio/fionic", F_OK), ENOENT);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	send_datagram(2);
	receive_datagram(stack, 2);
	close(stack);
}
END_TEST

START_TEST(a_port_follows_its_interface)
{
	int fd = begin(attach(0, 1));

	guest_sh("ip link set fionic down && ip link set fionic name fioother && "
		 "ip link set fioother up");
	ck_assert_str_eq(guest_info(fd).fi_name, "fioother");
	ck_assert_int_eq(access("/dev/frameio/fioother", F_OK), 0);
	guest_wait_running("fioother");
	guest_send(peer, LEN, 1, 0);
	read_frame(fd, 1);
	/* elsewhere it is others' */
	guest_add_netns("nic");
	guest_sh("ip link set fioother netns nic");
	ck_assert(guest_poll(fd, POLLIN, -1) & POLLHUP);
	ck_assert_errno(access("/dev/frameio/fioother", F_OK), ENOENT);
	guest_sh("ip netns del nic");
}
END_TEST

START_TEST(the_module_goes_while_it_is_attached)
{
	close(attach(FRAMEIO_PORT_PERSIST, 4));
	guest_sh("rmmod frameio && ip link show fionic >/dev/null");
	guest_sh(". /run/vm/call && insmod \"$ko\"");
}
END_TEST

START_TEST(attaching_is_refused)
{
	int fd = guest_control(), held;

	ck_assert_errno(try_attach(fd, "nowhere", 0, 1), ENODEV);
	ck_assert_errno(try_attach(fd, "lo", 0, 1), EOPNOTSUPP);
	ck_assert_errno(try_attach(fd, "fionic", FRAMEIO_PORT_L3, 1), EINVAL);
	ck_assert_errno(try_attach(fd, "fionic", FRAMEIO_PORT_NIC, 1), EINVAL);
	ck_assert_errno(try_attach(fd, "fionic", 0, 65), EINVAL);
	held = guest_create("fio0", 0, 1);
	ck_assert_errno(try_attach(fd, "fio0", 0, 1), EOPNOTSUPP);
	ck_assert_errno(ioctl(held, FRAMEIO_SET_FILTER, &(struct frameio_filter){ 0 }), EOPNOTSUPP);
	ck_assert_errno(ioctl(held, FRAMEIO_SET_OPTIONS, &(uint32_t){ FRAMEIO_O_TAP }), EINVAL);
	close(held);
	guest_sh("ip link add fiobridge type bridge && ip link set fionic master fiobridge");
	ck_assert_errno(try_attach(fd, "fionic", 0, 1), EBUSY);
	guest_sh("ip link del fiobridge");
	ck_assert_int_eq(try_attach(fd, "fionic", 0, 1), 0);
	held = guest_control();
	ck_assert_errno(try_attach(held, "fionic", 0, 1), EBUSY);
	guest_sh("ip link add fiobridge type bridge");
	guest_refuse_sh("ip link set fionic master fiobridge 2>/dev/null");
	guest_sh("ip link del fiobridge");
	close(held);
}
END_TEST

START_TEST(a_filter_is_checked)
{
	struct sock_filter wrong[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
	struct frameio_filter filter = { .ff_insns = (uintptr_t)wrong, .ff_len = 1 };
	int fd = begin(attach(0, 1));

	ck_assert_errno(ioctl(fd, FRAMEIO_SET_FILTER, &filter), EINVAL);
	filter.ff_insns = 1;
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_FILTER, &filter), EFAULT);
	filter.ff_len = 4097;
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_FILTER, &filter), EINVAL);
	filter = (struct frameio_filter){ .ff_reserved = { 0, 0, 1 } };
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_FILTER, &filter), EINVAL);
	guest_send(peer, LEN, 1, 0);
	read_frame(fd, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nic");
	TCase *tcase = guest_tcase(suite, "nic", 60, setup, teardown);

	tcase_add_test(tcase, what_the_wire_brings_is_read);
	tcase_add_test(tcase, what_nobody_reads_goes_to_the_stack);
	tcase_add_test(tcase, what_the_filter_leaves_goes_to_the_stack);
	tcase_add_test(tcase, two_files_have_two_filters);
	tcase_add_test(tcase, a_session_goes_on_beside_a_flood);
	tcase_add_test(tcase, a_tap_copies);
	tcase_add_test(tcase, a_tap_leaves_others_theirs);
	tcase_add_test(tcase, what_a_file_asked_for_ends_with_it);
	tcase_add_test(tcase, closing_steals_nothing);
	tcase_add_test(tcase, a_full_read_queue_drops_and_counts);
	tcase_add_test(tcase, joined_frames_come_apart);
	tcase_add_test(tcase, segments_are_no_longer_than_frames);
	tcase_add_test(tcase, the_record_tells_what_the_driver_told);
	tcase_add_test(tcase, a_port_may_be_steered_by_cpu);
	tcase_add_test(tcase, anybody_sees_what_queue_pairs_are_doing);
	tcase_add_test(tcase, what_is_written_is_on_the_wire);
	tcase_add_test(tcase, captures_see_what_is_written);
	tcase_add_test(tcase, a_link_that_is_down_refuses);
	tcase_add_test(tcase, the_interface_may_go);
	tcase_add_test(tcase, detaching_leaves_the_interface);
	tcase_add_test(tcase, a_port_follows_its_interface);
	tcase_add_test(tcase, the_module_goes_while_it_is_attached);
	tcase_add_test(tcase, attaching_is_refused);
	tcase_add_test(tcase, a_filter_is_checked);
	return guest_run(suite);
}
