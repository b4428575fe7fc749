/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Rings: FRAMEIO_RING_SETUP, the memory that is mapped, and the frames that move through
 * it. What the library makes of them is tested elsewhere.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "rings.h"

#define LEN	60

/* How long something may take that happens. */
#define STALL_MS	20000

/* A ring of the smallest size, which three records of this length fill, and half of it two. */
#define SMALL		4096
#define LONG		1000

#define BOTH	(POLLIN | POLLOUT)

static struct rings rings;

/* A port, fio0, that is up, with rings. */
static int begin(uint32_t port_flags, uint32_t read_size, uint32_t write_size)
{
	int fd = guest_create_up("fio0", port_flags, 1, 0);

	rings_make(&rings, fd, 0, read_size, write_size, 0);
	return fd;
}

/* Until something is so, without an event that would tell. */
#define wait_until(condition, what) do {						\
	const double until_ = guest_now() + STALL_MS / 1000.0;				\
	while (!(condition)) {								\
		ck_assert_msg(guest_now() < until_, "not within %d ms: %s", STALL_MS, what);	\
		guest_pause();								\
	}										\
} while (0)

static struct frameio_stats stats_of(int fd)
{
	struct frameio_stats stats;

	guest_stats(fd, &stats);
	return stats;
}

static ssize_t call_poll(int fd, void *arg)
{
	return guest_poll(fd, *(short *)arg, -1);
}

static int watch_edges(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ck_assert_int_ge(epoll, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	return epoll;
}

static uint32_t next_edge(int epoll, int timeout_ms)
{
	struct epoll_event event = { .events = 0 };

	ck_assert_int_ge(epoll_wait(epoll, &event, 1, timeout_ms), 0);
	return event.events;
}

/* A packet socket was told that its interface went down. */
static void clear_error(int packet)
{
	socklen_t len = sizeof(int);
	int error;

	ck_assert_int_eq(getsockopt(packet, SOL_SOCKET, SO_ERROR, &error, &len), 0);
}

static void drop_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~(1U << capability);
	ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

/* --- the read ring --------------------------------------------------- */

static const uint32_t port_kinds[] = { 0, FRAMEIO_PORT_L3 };

/* Every length, one by one, and so every way to lie across the end of the area. */
START_TEST(frames_come_out_as_they_went_in)
{
	const uint32_t flags = port_kinds[_i];
	const size_t min = flags ? 20 : 14, max = flags ? 1500 : 1514;
	int fd = begin(flags, SMALL, 0);
	int packet = guest_packet_socket("fio0");
	uint64_t bytes = 0;
	uint32_t n = 0;
	size_t len;

	for (len = min; len <= max; len += 3) {
		const size_t other = max - (len - min);
		const unsigned char *record;

		guest_send(packet, len, n, flags);
		guest_send(packet, other, n + 1, flags);
		record = rings_next(&rings);
		ck_assert_ptr_eq(record, rings.read.area + rings.read.own % SMALL);
		ck_assert_uint_eq((uintptr_t)record % FRAMEIO_RECORD_ALIGN, 0);
		rings_expect(&rings, len, n, flags);
		rings_expect(&rings, other, n + 1, flags);
		bytes += len + other;
		n += 2;
	}
	ck_assert_ptr_null(rings_next(&rings));
	ck_assert_uint_gt(rings.read.own, 100 * SMALL);
	ck_assert_uint_eq(stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], n);
	ck_assert_uint_eq(stats_of(fd).fs_read_queued, n);
	ck_assert_uint_eq(stats_of(fd).fs_read_bytes, bytes);
	ck_assert_uint_eq(stats_of(fd).fs_read_queued_bytes, bytes);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_packets"), n);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_bytes"), bytes);
	ck_assert_uint_eq(rings_flags(&rings.read.page->rg_flags), 0);
}
END_TEST

/* The header is the kernel's, whole: what was in the memory before is not left in it. */
START_TEST(every_byte_of_a_header_is_set)
{
	struct frameio_hdr hdr;
	int packet;

	begin(0, SMALL, 0);
	packet = guest_packet_socket("fio0");
	memset(rings.read.area, 0xff, SMALL);
	guest_send(packet, LEN, 1, 0);
	memcpy(&hdr, rings_next(&rings), sizeof(hdr));
	hdr.flags &= ~FRAMEIO_F_HASH;
	hdr.hash = 0;
	ck_assert_mem_eq(&hdr, &((struct frameio_hdr) {
		.version = FRAMEIO_HDR_VERSION, .hdrlen = HDRLEN, .len = LEN, .wirelen = LEN,
	}), sizeof(hdr));
}
END_TEST

/* With a thread, too, which must not forget that there is something to ask for. */
static const struct {
	uint32_t flags, waiting;
} waiters[] = {
	{ 0, 2 }, { 0, 100 }, { FRAMEIO_SETUP_POLL, 100 },
};

START_TEST(frames_that_waited_come_first)
{
	const uint32_t flags = waiters[_i].flags, waiting = waiters[_i].waiting;
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	uint32_t i;

	for (i = 0; i < waiting; i++)
		guest_send(packet, LONG, i, 0);
	rings_make(&rings, fd, flags, SMALL, flags ? SMALL : 0, 0);
	for (; i < waiting + 50; i++)
		guest_send(packet, LONG, i, 0);
	for (i = 0; i < waiting + 50; i++)
		rings_expect(&rings, LONG, i, 0);
	ck_assert_ptr_null(rings_next(&rings));
	ck_assert_uint_eq(stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], waiting + 50);
	ck_assert_uint_eq(stats_of(fd).fs_read_queued, waiting + 50);
	ck_assert_uint_eq(stats_of(fd).fs_read_bytes, (waiting + 50) * LONG);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_closed, 0);
	/* nothing waits, and nobody asks */
	guest_send(packet, LONG, 7, 0);
	ck_assert_uint_eq(rings_flags(&rings.read.page->rg_producer_flags), 0);
	rings_expect(&rings, LONG, 7, 0);
}
END_TEST

START_TEST(a_full_ring_stops_the_interface_and_drops_nothing)
{
	int fd = begin(0, SMALL, 0), packet = guest_packet_socket("fio0");
	struct frameio_ring_page *page = rings.read.page;
	uint64_t produced;
	uint32_t i;

	/* there is room for a longest frame */
	for (i = 0; i < 2; i++)
		guest_send(packet, LONG, i, 0);
	ck_assert_uint_eq(rings_flags(&page->rg_producer_flags), 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_stops, 0);
	for (; i < 50; i++)
		guest_send(packet, LONG, i, 0);
	ck_assert_uint_eq(rings_flags(&page->rg_producer_flags), FRAMEIO_RING_NEED_WAKEUP);
	ck_assert_uint_eq(stats_of(fd).fs_read_stops, 1);
	produced = rings_load(&page->rg_producer);
	ck_assert_uint_eq(produced, 3 * rings_align(HDRLEN + LONG));
	/* room for one more is not enough; half of the ring is */
	guest_check_record(rings_next(&rings), LONG, 0, 0);
	rings_skip(&rings);
	ck_assert(!rings_release(&rings));
	ck_assert_int_eq(rings_kick(&rings), 0);
	ck_assert_uint_eq(rings_load(&page->rg_producer), produced);
	guest_check_record(rings_next(&rings), LONG, 1, 0);
	rings_skip(&rings);
	ck_assert(rings_release(&rings));
	for (i = 2; i < 50; i++)
		rings_expect(&rings, LONG, i, 0);
	ck_assert_ptr_null(rings_next(&rings));
	ck_assert_uint_eq(rings_flags(&page->rg_producer_flags), 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_wakes, stats_of(fd).fs_read_stops);
	ck_assert_uint_eq(guest_link_counter("fio0", "tx_dropped"), 0);
	guest_sh("tc -s qdisc show dev fio0 | grep -q 'dropped 0,'");
}
END_TEST

static void send_a_frame(int packet)
{
	guest_send(packet, LEN, 1, 0);
}

/* Wait for events in a thread, have something happen, and tell what was seen. */
static int poll_while(int fd, short events, void (*happen)(int), int arg)
{
	struct guest_call call;

	guest_call_start(&call, call_poll, fd, &events);
	guest_call_wait_asleep(&call, SYS_poll);
	happen(arg);
	return guest_call_join(&call);
}

START_TEST(a_record_is_an_event)
{
	int fd = begin(0, SMALL, 0), packet = guest_packet_socket("fio0");
	int epoll = watch_edges(fd, EPOLLIN), i;

	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	/* poll(2) itself sees to it that it is woken */
	ck_assert_int_eq(poll_while(fd, POLLIN, send_a_frame, packet), POLLIN);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0), POLLIN);
	rings_expect(&rings, LEN, 1, 0);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0), 0);
	ck_assert_uint_eq(next_edge(epoll, STALL_MS) & ~EPOLLIN, 0);
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	/* who sets the flag has an edge for each */
	for (i = 0; i < 100; i++) {
		rings_set_flags(&rings.read.page->rg_consumer_flags, FRAMEIO_RING_NEED_WAKEUP);
		rings_barrier();
		ck_assert_ptr_null(rings_next(&rings));
		ck_assert_uint_eq(next_edge(epoll, 0), 0);
		send_a_frame(packet);
		ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLIN);
		rings_expect(&rings, LEN, 1, 0);
	}
}
END_TEST

/* --- the write ring -------------------------------------------------- */

START_TEST(records_are_received_as_they_were_written)
{
	const uint32_t flags = port_kinds[_i];
	const size_t min = flags ? 20 : 14, max = flags ? 1500 : 1514;
	int fd = begin(flags, 0, SMALL);
	int packet = guest_packet_socket("fio0");
	uint64_t bytes = 0;
	uint32_t n = 0;
	size_t len;

	for (len = min; len <= max; len += 3) {
		const size_t other = max - (len - min);

		/* two at a time */
		guest_record(rings_room(&rings, HDRLEN + len), len, n, flags);
		rings_put(&rings, HDRLEN + len);
		rings_write(&rings, other, n + 1, flags);
		guest_receive(packet, len, n, flags);
		guest_receive(packet, other, n + 1, flags);
		bytes += len + other;
		n += 2;
	}
	rings_drain(&rings);
	ck_assert_uint_gt(rings.write.own, 100 * SMALL);
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], n);
	ck_assert_uint_eq(stats_of(fd).fs_write_bytes, bytes);
	ck_assert_uint_eq(stats_of(fd).fs_write_received, n);
	ck_assert_uint_eq(stats_of(fd).fs_write_received_bytes, bytes);
	ck_assert_uint_eq(stats_of(fd).fs_write_errors, 0);
	ck_assert_uint_eq(guest_link_counter("fio0", "rx_packets"), n);
	ck_assert_uint_eq(guest_link_counter("fio0", "rx_bytes"), bytes);
}
END_TEST

/* The next frame's VLAN tag beside it; -1: none. */
static int receive_tag(int packet, unsigned char *frame, size_t size, ssize_t *len)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec iov = { frame, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct tpacket_auxdata aux;

	*len = recvmsg(packet, &message, 0);
	ck_assert_int_gt(*len, 0);
	ck_assert_ptr_nonnull(CMSG_FIRSTHDR(&message));
	memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(aux));
	return aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci : -1;
}

START_TEST(what_a_header_asks_for_is_done)
{
	int fd = begin(0, 0, 2 * SMALL), packet = guest_packet_socket("fio0"), one = 1;
	unsigned char frame[4096], large[GUEST_LARGE_LEN], *record;
	ssize_t len;

	ck_assert_int_eq(setsockopt(packet, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	record = rings_room(&rings, HDRLEN + LEN);
	guest_record(record, LEN, 1, 0);
	((struct frameio_hdr *)record)->flags = FRAMEIO_F_VLAN;
	((struct frameio_hdr *)record)->vlan_tci = 5;
	((struct frameio_hdr *)record)->vlan_proto = ETHERTYPE_VLAN;
	rings_put(&rings, HDRLEN + LEN);
	rings_commit(&rings);
	ck_assert_int_eq(receive_tag(packet, frame, sizeof(frame), &len), 5);
	ck_assert_int_eq(len, LEN);
	/* longer than the port's longest, and with a checksum to be made */
	record = rings_room(&rings, HDRLEN + GUEST_LARGE_LEN);
	guest_record_large(record);
	memcpy(large, record + HDRLEN, GUEST_LARGE_LEN);
	rings_put(&rings, HDRLEN + GUEST_LARGE_LEN);
	rings_commit(&rings);
	ck_assert_int_eq(receive_tag(packet, frame, sizeof(frame), &len), -1);
	ck_assert_int_eq(len, GUEST_LARGE_LEN);
	ck_assert_mem_eq(frame, large, GUEST_LARGE_LEN);
	ck_assert_uint_eq(stats_of(fd).fs_write_received, 2);
}
END_TEST

/* What is wrong with a record, as its length is what lies in the ring. */
static const struct {
	size_t len;
	struct frameio_hdr hdr;
} wrong[] = {
	{ LEN, { .version = 2, .hdrlen = HDRLEN } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN + 1 } },
	{ LEN, { .version = 1, .hdrlen = 0 } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN, .reserved = 1 } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN, .flags = 0x80 } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN, .flags = FRAMEIO_F_TRUNC } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN, .gso_type = 1, .gso_size = 10 } },
	{ LEN, { .version = 1, .hdrlen = HDRLEN, .flags = FRAMEIO_F_CSUM_PARTIAL,
		 .csum_start = LEN, .csum_offset = 16 } },
	{ 0, { .version = 1, .hdrlen = HDRLEN } },
	{ 13, { .version = 1, .hdrlen = HDRLEN } },
	{ 1515, { .version = 1, .hdrlen = HDRLEN } },
	{ 3000, { .version = 1, .hdrlen = HDRLEN } },
};

#define NWRONG	(sizeof(wrong) / sizeof(wrong[0]))

START_TEST(a_record_that_is_no_frame_is_left_out)
{
	int fd = begin(0, 0, SMALL), packet = guest_packet_socket("fio0");
	unsigned char *record;
	unsigned int i;

	for (i = 0; i < NWRONG; i++) {
		record = rings_room(&rings, HDRLEN + wrong[i].len);
		ck_assert_ptr_nonnull(record);
		guest_fill(record + HDRLEN, 64, i, 0);
		memcpy(record, &wrong[i].hdr, HDRLEN);
		((struct frameio_hdr *)record)->len = wrong[i].len;
		rings_put(&rings, HDRLEN + wrong[i].len);
		/* the next one is none the worse for it */
		rings_write(&rings, LEN, i, 0);
		guest_receive(packet, LEN, i, 0);
		rings_drain(&rings);
		ck_assert_uint_eq(stats_of(fd).fs_write_errors, i + 1);
	}
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], NWRONG);
	ck_assert_uint_eq(rings_flags(&rings.write.page->rg_flags), 0);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	ck_assert_int_eq(rings_kick(&rings), 0);
}
END_TEST

START_TEST(what_is_not_ip_is_left_out_of_an_l3_port)
{
	int fd = begin(FRAMEIO_PORT_L3, 0, SMALL), packet = guest_packet_socket("fio0");
	unsigned char *record = rings_room(&rings, HDRLEN + LEN);

	guest_record(record, LEN, 1, FRAMEIO_PORT_L3);
	record[HDRLEN] = 0x55;
	rings_put(&rings, HDRLEN + LEN);
	rings_write(&rings, LEN, 2, FRAMEIO_PORT_L3);
	guest_receive(packet, LEN, 2, FRAMEIO_PORT_L3);
	ck_assert_uint_eq(stats_of(fd).fs_write_errors, 1);
}
END_TEST

/* Each of them is a kick. */
static int kick_by_ioctl(int fd)
{
	return ioctl(fd, FRAMEIO_KICK);
}

static int kick_by_poll(int fd)
{
	return guest_poll(fd, POLLIN, 0);
}

static int kick_by_write(int fd)
{
	return write(fd, "", 0);
}

static int (*const kicks[])(int) = { kick_by_ioctl, kick_by_poll, kick_by_write };

#define NKICKS	(sizeof(kicks) / sizeof(kicks[0]))

START_TEST(what_is_written_goes_with_a_kick)
{
	int fd = begin(0, SMALL, SMALL), packet = guest_packet_socket("fio0"), i;
	struct rings_ring *ring = &rings.write;

	for (i = 0; i < 10; i++) {
		/* nobody looks at the ring, and it says so */
		wait_until(rings_flags(&ring->page->rg_consumer_flags) ==
			   FRAMEIO_RING_NEED_WAKEUP, "a kick is asked for");
		guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
		rings_put(&rings, HDRLEN + LEN);
		rings_store(&ring->page->rg_producer, ring->own);
		ck_assert_uint_ne(rings_load(&ring->page->rg_consumer), ring->own);
		ck_assert_int_eq(kicks[_i](fd), 0);
		guest_receive(packet, LEN, i, 0);
		rings_drain(&rings);
	}
	ck_assert_uint_eq(stats_of(fd).fs_write_calls[FRAMEIO_MODE_RING], 10);
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], 10);
}
END_TEST

/*
 * More than NAPI polls at once: what GRO had of the first poll comes before what the next one
 * takes past it. Who kicks polls, but for the first time in a jiffy, so there are two kicks.
 */
START_TEST(the_order_is_kept_from_one_poll_to_the_next)
{
	enum { N = 80, FIRST_IP = 3, FIRST_BEHIND = 59, ROUNDS = 10 };
	static const unsigned char ip_type[] = { 8, 0 };
	unsigned char sent[N][HDRLEN + LEN], frame[2048];
	int packet, i, n, next;

	begin(0, 0, 4 * SMALL);
	packet = guest_packet_socket("fio0");
	for (n = 0; n < ROUNDS; n++) {
		for (i = 0; i < N; i++) {
			guest_record(sent[i], LEN, i, 0);
			if (i >= FIRST_IP && i < FIRST_BEHIND)
				memcpy(sent[i] + HDRLEN + 12, ip_type, sizeof(ip_type));
			memcpy(rings_room(&rings, sizeof(sent[i])), sent[i], sizeof(sent[i]));
			rings_put(&rings, sizeof(sent[i]));
			if (!i)
				rings_commit(&rings);
		}
		rings_commit(&rings);
		for (i = next = 0; i < N; i++) {
			ck_assert_int_eq(recv(packet, frame, sizeof(frame), 0), LEN);
			if (!memcmp(frame + 12, ip_type, sizeof(ip_type)))
				continue;
			ck_assert_mem_eq(frame, sent[next] + HDRLEN, LEN);
			next = next == FIRST_IP - 1 ? FIRST_BEHIND : next + 1;
		}
		ck_assert_int_eq(next, N);
		rings_drain(&rings);
	}
}
END_TEST

static void let_receive(int unused)
{
	(void)unused;
	guest_receive_release();
}

/* Records until there is no room for the longest, while nobody takes them; returns how many. */
static uint32_t fill_ring(void)
{
	uint32_t n = 0;

	guest_receive_hold("fio0");
	while (rings_room(&rings, HDRLEN + 1518)) {
		guest_record(rings_room(&rings, HDRLEN + LONG), LONG, n++, 0);
		rings_put(&rings, HDRLEN + LONG);
		rings_commit(&rings);
	}
	return n;
}

START_TEST(room_in_a_full_ring_is_an_event)
{
	int fd = begin(0, 0, SMALL), packet = guest_packet_socket("fio0");
	int epoll = watch_edges(fd, EPOLLOUT);
	uint32_t n, i;

	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	ck_assert_uint_eq(next_edge(epoll, 0), EPOLLOUT);
	n = fill_ring();
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
	ck_assert_int_eq(poll_while(fd, POLLOUT, let_receive, 0), POLLOUT);
	ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLOUT);
	for (i = 0; i < n; i++)
		guest_receive(packet, LONG, i, 0);
	/* by the flag alone */
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	n = fill_ring();
	rings_set_flags(&rings.write.page->rg_producer_flags, FRAMEIO_RING_NEED_WAKEUP);
	rings_barrier();
	ck_assert_uint_eq(next_edge(epoll, 0), 0);
	guest_receive_release();
	ck_assert_uint_eq(next_edge(epoll, STALL_MS), EPOLLOUT);
	for (i = 0; i < n; i++)
		guest_receive(packet, LONG, i, 0);
}
END_TEST

/* A ring that can never hold a record of the longest frame has room all the same. */
START_TEST(an_empty_ring_has_room_whatever_the_mtu)
{
	int fd = begin(0, 0, SMALL), packet = guest_packet_socket("fio0");

	guest_set_up("fio0", 9000);
	ck_assert_int_eq(guest_poll(fd, POLLOUT, 0), POLLOUT);
	rings_write(&rings, 2000, 1, 0);
	guest_receive(packet, 2000, 1, 0);
}
END_TEST

/* --- with and without rings ------------------------------------------ */

static ssize_t read_by_ioctl(int fd)
{
	static unsigned char record[2048];
	union guest_frameio fio;

	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)record;
	fio.fio.fio_vecs[0].fv_buflen = sizeof(record);
	return ioctl(fd, FRAMEIO_READ, &fio);
}

static ssize_t write_by_ioctl(int fd, unsigned char *record, size_t len)
{
	union guest_frameio fio;

	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)record;
	fio.fio.fio_vecs[0].fv_buflen = len;
	return ioctl(fd, FRAMEIO_WRITE, &fio);
}

static void expect_reads_refused(int fd)
{
	unsigned char record[2][2048];
	struct iovec iov[2] = { { record[0], 2048 }, { record[1], 2048 } };

	ck_assert_errno(read(fd, record[0], 2048), EBUSY);
	ck_assert_errno(readv(fd, iov, 2), EBUSY);
	ck_assert_errno(read_by_ioctl(fd), EBUSY);
}

static void expect_writes_refused(int fd)
{
	unsigned char record[2][HDRLEN + LEN];
	struct iovec iov[2] = { { record[0], HDRLEN + LEN }, { record[1], HDRLEN + LEN } };

	guest_record(record[0], LEN, 1, 0);
	guest_record(record[1], LEN, 1, 0);
	ck_assert_errno(write(fd, record[0], HDRLEN + LEN), EBUSY);
	ck_assert_errno(writev(fd, iov, 2), EBUSY);
	ck_assert_errno(write_by_ioctl(fd, record[0], HDRLEN + LEN), EBUSY);
}

START_TEST(a_direction_without_a_ring_is_as_it_was)
{
	const bool reads = _i == 0;
	int fd = begin(0, reads ? SMALL : 0, reads ? 0 : SMALL), packet, i;
	unsigned char record[HDRLEN + LEN];

	packet = guest_packet_socket("fio0");
	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), BOTH);
	if (reads) {
		expect_reads_refused(fd);
		rings_expect(&rings, LEN, 1, 0);
	} else {
		expect_writes_refused(fd);
		ck_assert_int_eq(read(fd, record, sizeof(record)), (ssize_t)sizeof(record));
		guest_check_record(record, LEN, 1, 0);
	}
	for (i = 0; i < 10; i++) {
		if (reads) {
			guest_record(record, LEN, i, 0);
			ck_assert_int_eq(write(fd, record, sizeof(record)),
					 (ssize_t)sizeof(record));
		} else {
			rings_write(&rings, LEN, i, 0);
		}
		guest_receive(packet, LEN, i, 0);
	}
	if (!reads)
		rings_drain(&rings);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), POLLOUT);
	ck_assert_int_eq(write(fd, record, 0), 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], reads);
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], reads ? 0 : 10);
}
END_TEST

static ssize_t call_read(int fd, void *arg)
{
	return read(fd, arg, 2048);
}

static ssize_t call_write(int fd, void *arg)
{
	return write(fd, arg, HDRLEN + LEN);
}

START_TEST(who_sleeps_in_a_call_hears_of_rings)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	unsigned char space[2048], record[HDRLEN + LEN];
	struct guest_call reader, writer;

	guest_record(record, LEN, 1, 0);
	guest_set_limits(fd, 0, 1);
	guest_receive_hold("fio0");
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
	guest_call_start(&reader, call_read, fd, space);
	guest_call_start(&writer, call_write, fd, record);
	guest_call_wait_asleep(&reader, SYS_read);
	guest_call_wait_asleep(&writer, SYS_write);
	rings_make(&rings, fd, 0, SMALL, SMALL, 0);
	ck_assert_int_eq(guest_call_join_error(&reader), EBUSY);
	ck_assert_int_eq(guest_call_join_error(&writer), EBUSY);
	guest_receive_release();
}
END_TEST

static const struct {
	int error;
	struct frameio_ring_setup setup;
} bad_setups[] = {
	{ EINVAL, { 0 } },
	{ EINVAL, { .frr_read_size = 2048 } },
	{ EINVAL, { .frr_read_size = 4095 } },
	{ EINVAL, { .frr_read_size = 12288 } },
	{ EINVAL, { .frr_write_size = 65537 } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_write_size = 1 } },
	{ EINVAL, { .frr_read_size = 2U * FRAMEIO_RING_SIZE_MAX } },
	{ EINVAL, { .frr_write_size = 0x80000000 } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_flags = 4 } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_flags = 0x80000000 } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_reserved0 = 1 } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_reserved = { 1 } } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_reserved = { 0, 0, 1ULL << 63 } } },
	{ EINVAL, { .frr_read_size = SMALL, .frr_flags = FRAMEIO_SETUP_POLL } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_flags = FRAMEIO_SETUP_CPU } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_idle = 1 } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_cpu = 1 } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_flags = FRAMEIO_SETUP_POLL, .frr_cpu = 1 } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_flags = FRAMEIO_SETUP_POLL,
		    .frr_idle = FRAMEIO_RING_IDLE_MAX + 1 } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_cpu = 2,
		    .frr_flags = FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU } },
	{ EINVAL, { .frr_write_size = SMALL, .frr_cpu = ~0U,
		    .frr_flags = FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU } },
};

#define NBAD_SETUPS	(sizeof(bad_setups) / sizeof(bad_setups[0]))

static int try_setup(int fd, struct frameio_ring_setup setup)
{
	return ioctl(fd, FRAMEIO_RING_SETUP, &setup);
}

static void keep_to_cpu0(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

START_TEST(a_bad_setup_is_refused)
{
	int fd = guest_create_up("fio0", 0, 2, 0), control = guest_control(), other;
	unsigned int i;

	for (i = 0; i < NBAD_SETUPS; i++)
		ck_assert_msg(try_setup(fd, bad_setups[i].setup) == -1 &&
			      errno == bad_setups[i].error, "setup %u: %s", i, strerror(errno));
	ck_assert_errno(ioctl(fd, FRAMEIO_RING_SETUP, NULL), EFAULT);
	ck_assert_errno(ioctl(fd, FRAMEIO_KICK), EINVAL);
	ck_assert_errno(ioctl(control, FRAMEIO_KICK), ENOTCONN);
	ck_assert_errno(rings_try(control, 0, SMALL, SMALL, NULL), ENOTCONN);
	ck_assert_ptr_eq(mmap(NULL, 3 * SMALL, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	/* two records of the longest frame, which may carry a tag besides */
	guest_set_up("fio0", SMALL / 2 - HDRLEN - 14 - 4 + 1);
	ck_assert_errno(rings_try(fd, 0, SMALL, 0, NULL), EINVAL);
	ck_assert_errno(rings_try(fd, 0, 0, SMALL, NULL), EINVAL);
	guest_set_up("fio0", SMALL / 2 - HDRLEN - 14 - 4);
	ck_assert_int_eq(rings_try(fd, 0, SMALL, 0, NULL), 0);
	/* once in the file's life, whatever it had */
	ck_assert_errno(rings_try(fd, 0, SMALL, 0, NULL), EBUSY);
	ck_assert_errno(rings_try(fd, 0, 0, SMALL, NULL), EBUSY);
	/* a CPU that the caller itself may not use */
	other = guest_open("fio0", 1);
	keep_to_cpu0();
	ck_assert_errno(try_setup(other, (struct frameio_ring_setup) { .frr_write_size = SMALL,
				  .frr_flags = FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU,
				  .frr_cpu = 1 }), EINVAL);
	/* none of that was the beginning of a ring */
	ck_assert_int_eq(rings_try(other, 0, SMALL, SMALL, NULL), 0);
}
END_TEST

/* Each side stores how far it is, whichever way the frames go. */
START_TEST(rings_need_a_file_for_reading_and_writing)
{
	static const int flags[] = { O_RDONLY, O_WRONLY };
	int fd;

	guest_sh("ip link add fio0 type frameio && ip link set fio0 up");
	fd = open("/dev/frameio/fio0", flags[_i] | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_errno(rings_try(fd, 0, 0, SMALL, NULL), EBADF);
	ck_assert_errno(rings_try(fd, 0, SMALL, SMALL, NULL), EBADF);
	ck_assert_errno(rings_try(fd, 0, SMALL, 0, NULL), EBADF);
	close(fd);
	guest_sh("ip link del fio0");
}
END_TEST

#define CGROUP	"/sys/fs/cgroup/frameio"

static bool is_linux_5_10(void)
{
	struct utsname system;

	ck_assert_int_eq(uname(&system), 0);
	return !strncmp(system.release, "5.10.", 5);
}

/* May somebody who has no capability for it have @pages of rings more? */
static bool may_lock(uint32_t pages)
{
	int fd = guest_open("fio0", 1), err;

	err = rings_try(fd, 0, 0, (pages - 1) * SMALL, NULL);
	ck_assert_msg(err == 0 || errno == ENOMEM, "FRAMEIO_RING_SETUP: %s", strerror(errno));
	close(fd);
	return err == 0;
}

static void limit_locked_memory(uint32_t pages)
{
	const struct rlimit limit = { pages * SMALL, pages * SMALL };

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	drop_capability(CAP_IPC_LOCK);
}

START_TEST(rings_count_as_locked_memory)
{
	int fd = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 2, 0);

	limit_locked_memory(7);
	ck_assert_errno(rings_try(fd, 0, 4 * SMALL, 2 * SMALL, NULL), ENOMEM);
	ck_assert(may_lock(5));
	/* three pages and two */
	rings_make(&rings, fd, 0, 2 * SMALL, SMALL, 0);
	ck_assert(!may_lock(3));
	ck_assert(may_lock(2));
	close(fd);
	ck_assert(!may_lock(3));
	rings_unmap(&rings);
	wait_until(may_lock(5), "locked memory is given back");
}
END_TEST

/* Whoever asked for them may be gone: they are still there. */
START_TEST(rings_count_for_their_user)
{
	int fd = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 2, 0), status;
	pid_t pid;

	limit_locked_memory(5);
	pid = fork();
	if (!pid)
		_exit(rings_try(fd, 0, SMALL, SMALL, NULL) ? errno : 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(!may_lock(2));
	close(fd);
	wait_until(may_lock(5), "locked memory is given back");
}
END_TEST

/* Linux 5.10 does not charge what is mapped. */
START_TEST(rings_count_in_their_cgroup)
{
	int fd = guest_create_up("fio0", 0, 1, 0), err;
	const bool charged = !is_linux_5_10();

	guest_sh("echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir -p " CGROUP
		 " && echo 4M >" CGROUP "/memory.max && echo %d >" CGROUP "/cgroup.procs", getpid());
	err = rings_try(fd, 0, 1 << 24, 0, NULL) ? errno : 0;
	guest_sh("echo %d >/sys/fs/cgroup/cgroup.procs", getpid());
	ck_assert_int_eq(err, charged ? ENOMEM : 0);
	close(fd);
	guest_sh("rmdir " CGROUP);
}
END_TEST

START_TEST(what_the_port_was_not_given_takes_a_capability)
{
	int fd = guest_create_up("fio0", 0, 2, 0), other = guest_open("fio0", 1);

	drop_capability(CAP_NET_ADMIN);
	ck_assert_errno(rings_try(fd, 0, 2 * FRAMEIO_BYTES_DEFAULT, 0, NULL), EPERM);
	ck_assert_errno(rings_try(fd, 0, 0, 2 * FRAMEIO_BYTES_DEFAULT, NULL), EPERM);
	ck_assert_int_eq(rings_try(fd, 0, FRAMEIO_BYTES_DEFAULT, 0, NULL), 0);
	ck_assert_int_eq(rings_try(other, 0, 0, SMALL, NULL), 0);
	/* nobody here may delete the port */
	close(fd);
	close(other);
}
END_TEST

START_TEST(rings_are_told_of)
{
	int fd = begin(0, SMALL, SMALL), packet = guest_packet_socket("fio0"), i;

	guest_sh("grep -qx ring /sys/class/net/fio0/frameio/mode");
	for (i = 0; i < 3; i++) {
		guest_send(packet, LEN, i, 0);
		rings_expect(&rings, LEN, i, 0);
		rings_write(&rings, LEN, i, 0);
	}
	rings_drain(&rings);
	guest_sh("ethtool -S fio0 | grep -qx ' *q0_read_frames_ring: 3'");
	guest_sh("ethtool -S fio0 | grep -qx ' *q0_write_frames_ring: 3'");
	guest_sh("ethtool -S fio0 | grep -qx ' *q0_write_calls_ring: %lu'", rings.calls);
	rings_unmap(&rings);
	close(fd);
}
END_TEST

/* --- the mapping ----------------------------------------------------- */

static void *map(int fd, size_t len, int prot, int flags, off_t offset)
{
	return mmap(NULL, len, prot, flags, fd, offset);
}

#define WHOLE	(SMALL + 2 * (size_t)SMALL)

START_TEST(only_a_whole_ring_is_mapped)
{
	const int prot = PROT_READ | PROT_WRITE;
	int fd = guest_create_up("fio0", 0, 1, 0);
	static const struct {
		size_t len;
		off_t offset;
	} wrong_ones[] = {
		{ SMALL, 0 }, { 2 * SMALL, 0 }, { WHOLE + SMALL, 0 }, { WHOLE, SMALL },
		{ SMALL, 2 * SMALL }, { WHOLE, FRAMEIO_RING_WRITE_OFFSET },
		{ WHOLE, 0x100000000 }, { WHOLE, 1L << 40 },
	};
	unsigned int i;

	ck_assert_int_eq(rings_try(fd, 0, SMALL, 0, NULL), 0);
	for (i = 0; i < sizeof(wrong_ones) / sizeof(wrong_ones[0]); i++) {
		ck_assert_ptr_eq(map(fd, wrong_ones[i].len, prot, MAP_SHARED,
				     wrong_ones[i].offset), MAP_FAILED);
		ck_assert_int_eq(errno, EINVAL);
	}
	ck_assert_ptr_eq(map(fd, WHOLE, prot, MAP_PRIVATE, 0), MAP_FAILED);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_ne(map(fd, WHOLE, prot, MAP_SHARED, 0), MAP_FAILED);
	ck_assert_ptr_ne(map(fd, WHOLE, PROT_READ, MAP_SHARED, 0), MAP_FAILED);
}
END_TEST

/* Both halves are one memory, and so are all mappings, whatever is done to one of them. */
START_TEST(a_mapping_may_be_treated_as_any_other)
{
	int fd = begin(0, SMALL, 2 * SMALL), packet = guest_packet_socket("fio0"), i;
	struct rings second;
	void *moved;
	pid_t child;

	memset(rings.write.area, 0, 4 * SMALL);
	rings.write.area[5] = 77;
	ck_assert_uint_eq(rings.write.area[2 * SMALL + 5], 77);
	rings_map(&second, fd, SMALL, 2 * SMALL);
	ck_assert_uint_eq(second.write.area[5], 77);
	for (i = 0; i < 10; i++) {
		guest_send(packet, LONG, i, 0);
		rings_expect(i % 2 ? &second : &rings, LONG, i, 0);
		rings.read.own = second.read.own = rings_load(&rings.read.page->rg_consumer);
	}
	rings_unmap(&second);
	/* another process has it, too */
	child = fork();
	if (!child) {
		guest_send(packet, LONG, 1, 0);
		rings_expect(&rings, LONG, 1, 0);
		rings_write(&rings, LONG, 2, 0);
		_exit(0);
	}
	ck_assert_int_eq(guest_wait(child), 0);
	guest_receive(packet, LONG, 2, 0);
	rings.read.own = rings_load(&rings.read.page->rg_consumer);
	rings.write.own = rings_load(&rings.write.page->rg_producer);
	/* it cannot be used for a while, but by the kernel */
	ck_assert_int_eq(mprotect(rings.read.page, rings.read.map, PROT_NONE), 0);
	guest_send(packet, LONG, 3, 0);
	ck_assert_int_eq(mprotect(rings.read.page, rings.read.map, PROT_READ | PROT_WRITE), 0);
	rings_expect(&rings, LONG, 3, 0);
	/* elsewhere, but not larger */
	ck_assert_ptr_eq(mremap(rings.read.page, rings.read.map, 2 * rings.read.map,
				MREMAP_MAYMOVE), MAP_FAILED);
	moved = mmap(NULL, rings.read.map, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(moved, MAP_FAILED);
	ck_assert_ptr_eq(mremap(rings.read.page, rings.read.map, rings.read.map,
				MREMAP_MAYMOVE | MREMAP_FIXED, moved), moved);
	rings.read.page = moved;
	rings.read.area = (unsigned char *)moved + SMALL;
	guest_send(packet, LONG, 4, 0);
	rings_expect(&rings, LONG, 4, 0);
	/* a hole in it is the program's own loss */
	ck_assert_int_eq(munmap(rings.read.area + SMALL, SMALL), 0);
	for (i = 0; i < 3; i++)
		guest_send(packet, LONG, i, 0);
	ck_assert_int_eq(munmap(rings.read.page, 2 * SMALL), 0);
	ck_assert_int_eq(munmap(rings.write.page, rings.write.map), 0);
	/* and all is there when it is mapped again */
	rings_map(&rings, fd, SMALL, 2 * SMALL);
	for (i = 0; i < 3; i++)
		rings_expect(&rings, LONG, i, 0);
	rings_write(&rings, LEN, 9, 0);
	guest_receive(packet, LEN, 9, 0);
}
END_TEST

/* A mapping is a file that is open: its queue pair is in use until the last one goes. */
START_TEST(a_mapping_outlives_its_file)
{
	int fd = begin(FRAMEIO_PORT_PERSIST, SMALL, SMALL), packet = guest_packet_socket("fio0");
	int i;

	close(fd);
	for (i = 0; i < 3; i++)
		guest_send(packet, LONG, i, 0);
	for (i = 0; i < 2; i++) {
		guest_check_record(rings_next(&rings), LONG, i, 0);
		rings_skip(&rings);
		rings_store(&rings.read.page->rg_consumer, rings.read.own);
	}
	ck_assert_errno(guest_open("fio0", 0), EBUSY);
	rings_unmap(&rings);
	wait_until((fd = guest_open("fio0", 0)) >= 0, "the queue pair is free");
	/* who has it now has no rings, and none of their frames */
	guest_set_nonblock(fd, true);
	ck_assert_errno(read(fd, &i, sizeof(i)), EAGAIN);
	ck_assert_errno(ioctl(fd, FRAMEIO_KICK), EINVAL);
	/* there was no reader for a moment, which the stack may only hear of now */
	guest_wait_running("fio0");
	guest_send(packet, LONG, 8, 0);
	ck_assert_int_eq(guest_poll(fd, POLLIN, STALL_MS), POLLIN);
	rings_make(&rings, fd, 0, SMALL, SMALL, 0);
	rings_expect(&rings, LONG, 8, 0);
	rings_unmap(&rings);
	close(fd);
	guest_delete_ports();
}
END_TEST

/* --- the port's life ------------------------------------------------- */

/* Also of a port that goes with its file. */
START_TEST(what_was_not_kicked_is_sent_at_the_last_close)
{
	int fd = begin(_i ? FRAMEIO_PORT_PERSIST : 0, 0, SMALL);
	int packet = guest_packet_socket("fio0"), i;

	for (i = 0; i < 3; i++) {
		guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
		rings_put(&rings, HDRLEN + LEN);
	}
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	close(fd);
	rings_unmap(&rings);
	if (!_i)
		guest_sh("while [ -e /sys/class/net/fio0 ]; do sleep 0.01; done");
	clear_error(packet);
	for (i = 0; i < 3; i++)
		guest_receive(packet, LEN, i, 0);
	guest_delete_ports();
}
END_TEST

static void delete_port(int unused)
{
	(void)unused;
	guest_sh("ip link del fio0");
}

static const uint32_t thread_kinds[] = { 0, FRAMEIO_SETUP_POLL };

START_TEST(a_port_may_go_while_its_rings_are_mapped)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet, i;

	rings_make(&rings, fd, thread_kinds[_i], SMALL, SMALL, 0);
	packet = guest_packet_socket("fio0");
	ck_assert_int_eq(poll_while(fd, POLLIN, delete_port, 0) & (POLLHUP | POLLERR),
			 POLLHUP | POLLERR);
	ck_assert_uint_eq(rings_flags(&rings.read.page->rg_flags), FRAMEIO_RING_GONE);
	ck_assert_uint_eq(rings_flags(&rings.write.page->rg_flags), FRAMEIO_RING_GONE);
	ck_assert_errno(rings_kick(&rings), ENODEV);
	ck_assert_errno(write(fd, "", 0), ENODEV);
	close(packet);
	rings_unmap(&rings);
	close(fd);
	/* the same with a full read ring, and with records nobody was told of */
	fd = guest_create_up("fio0", 0, 1, 0);
	rings_make(&rings, fd, thread_kinds[_i], SMALL, SMALL, 0);
	packet = guest_packet_socket("fio0");
	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	delete_port(0);
	guest_record(rings_room(&rings, HDRLEN + LEN), LEN, 1, 0);
	rings_put(&rings, HDRLEN + LEN);
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	ck_assert_errno(rings_kick(&rings), ENODEV);
	/* what was read stays readable */
	for (i = 0; i < 3; i++) {
		guest_check_record(rings_next(&rings), LONG, i, 0);
		rings_skip(&rings);
	}
	ck_assert_ptr_null(rings_next(&rings));
	ck_assert_errno(try_setup(fd, (struct frameio_ring_setup) { .frr_read_size = SMALL }),
			EBUSY);
}
END_TEST

START_TEST(records_wait_while_the_interface_is_down)
{
	/* of all interfaces: it hears this one as soon as it is up, or sooner */
	int everywhere = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(GUEST_ETHERTYPE));
	int fd = guest_create_up("fio0", 0, 1, 0), packet, i;
	struct frameio_stats stats;

	ck_assert_int_ge(everywhere, 0);
	rings_make(&rings, fd, thread_kinds[_i], SMALL, SMALL, 0);
	packet = guest_packet_socket("fio0");
	guest_sh("ip link set fio0 down");
	ck_assert_int_eq(rings_kick(&rings), 0);
	ck_assert_int_eq(guest_poll(fd, BOTH, 0), 0);
	for (i = 0; i < 3; i++) {
		guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
		rings_put(&rings, HDRLEN + LEN);
	}
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	ck_assert_errno(rings_kick(&rings), ENETDOWN);
	ck_assert_errno(write(fd, "", 0), ENETDOWN);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, 0);
	/* nobody has to kick again */
	guest_sh("ip link set fio0 up");
	for (i = 0; i < 3; i++)
		guest_receive(everywhere, LEN, i, 0);
	clear_error(packet);
	ck_assert_int_eq(rings_kick(&rings), 0);
	/* and the other way */
	guest_send(packet, LEN, 7, 0);
	rings_expect(&rings, LEN, 7, 0);
}
END_TEST

/* A transmit queue that was stopped when the interface went down starts with it. */
START_TEST(a_full_ring_survives_down_and_up)
{
	int fd = begin(0, SMALL, 0), packet = guest_packet_socket("fio0");
	uint32_t i;

	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	/* this empties the queueing discipline */
	guest_sh("ip link set fio0 down && ip link set fio0 up");
	clear_error(packet);
	for (i = 0; i < 3; i++)
		rings_expect(&rings, LONG, i, 0);
	for (i = 100; i < 150; i++)
		guest_send(packet, LONG, i, 0);
	for (i = 100; i < 150; i++)
		rings_expect(&rings, LONG, i, 0);
	ck_assert_uint_eq(rings_flags(&rings.read.page->rg_flags), 0);
	close(fd);
}
END_TEST

/* --- hostile memory -------------------------------------------------- */

static void expect_broken(int fd, const struct rings_ring *ring)
{
	wait_until(rings_flags(&ring->page->rg_flags) == FRAMEIO_RING_BROKEN, "a ring is broken");
	ck_assert_errno(rings_kick(&rings), EIO);
	ck_assert_errno(write(fd, "", 0), EIO);
	ck_assert_int_eq(guest_poll(fd, 0, 0), POLLERR);
}

/* What the consumer claims, from what the kernel has produced, which goes on for three records. */
static const int64_t bad_consumers[] = { SMALL - 8, SMALL, INT64_MAX, -SMALL - 8, -SMALL - 1 };

START_TEST(a_read_ring_is_stopped_by_a_counter_that_cannot_be)
{
	int fd = begin(0, SMALL, SMALL), packet = guest_packet_socket("fio0"), i;
	struct frameio_ring_page *page = rings.read.page;
	uint64_t producer;

	/* far enough that a counter may be too small */
	for (i = 0; i < 10; i++) {
		guest_send(packet, LONG, i, 0);
		rings_expect(&rings, LONG, i, 0);
	}
	rings_store(&page->rg_consumer, rings_load(&page->rg_producer) + bad_consumers[_i]);
	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	/* of what the kernel knew before it may still have used the room */
	expect_broken(fd, &rings.read);
	ck_assert_uint_eq(stats_of(fd).fs_read_errors, 1);
	/* the queue is not held up, nor the other direction */
	ck_assert_uint_gt(stats_of(fd).fs_read_drop_closed, 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_closed + stats_of(fd).fs_read_queued, 20);
	guest_record(rings_room(&rings, HDRLEN + LEN), LEN, 5, 0);
	rings_put(&rings, HDRLEN + LEN);
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	ck_assert_errno(rings_kick(&rings), EIO);
	guest_receive(packet, LEN, 5, 0);
	/* not even a shorter one is put there */
	producer = rings_load(&page->rg_producer);
	guest_send(packet, LEN, 6, 0);
	ck_assert_uint_eq(rings_load(&page->rg_producer), producer);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_closed + stats_of(fd).fs_read_queued, 21);
}
END_TEST

/* What waits because there is no room is dropped, as what comes after it. */
START_TEST(a_stopped_ring_holds_no_frame)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0"), i;

	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	rings_make(&rings, fd, 0, SMALL, 0, 0);
	ck_assert_uint_lt(stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], 10);
	rings_store(&rings.read.page->rg_consumer, SMALL + 8);
	ck_assert_errno(rings_kick(&rings), EIO);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_closed +
			  stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], 10);
	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_closed +
			  stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], 20);
}
END_TEST

/* A consumer that is behind by what could be, before there was anything: that is no room. */
START_TEST(a_counter_below_zero_is_no_room)
{
	int fd = begin(0, SMALL, 0), packet = guest_packet_socket("fio0"), i;
	struct frameio_ring_page *page = rings.read.page;

	rings_store(&page->rg_consumer, (uint64_t)-4000);
	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	ck_assert_uint_eq(rings_load(&page->rg_producer), 0);
	rings_store(&page->rg_consumer, 0);
	ck_assert_int_eq(rings_kick(&rings), 0);
	for (i = 0; i < 10; i++)
		rings_expect(&rings, LONG, i, 0);
	close(fd);
	rings_unmap(&rings);
	/* least of all for a record that is longer than the ring */
	fd = begin(0, SMALL, 0);
	packet = guest_packet_socket("fio0");
	rings_store(&rings.read.page->rg_consumer, (uint64_t)-4000);
	guest_set_up("fio0", 9000);
	for (i = 0; i < 10; i++)
		guest_send(packet, 9000, i, 0);
	ck_assert_uint_eq(rings_load(&rings.read.page->rg_producer), 0);
	ck_assert_uint_eq(stats_of(fd).fs_read_drop_invalid, 10);
}
END_TEST

/* While the transmit queue waits for room, the kick sees to it. */
START_TEST(a_full_read_ring_is_stopped_by_a_counter_that_cannot_be)
{
	int fd = begin(0, SMALL, 0), packet = guest_packet_socket("fio0"), i;

	for (i = 0; i < 10; i++)
		guest_send(packet, LONG, i, 0);
	rings_store(&rings.read.page->rg_consumer, 1ULL << 40);
	/* what it says while the transmit queue starts is not certain */
	rings_kick(&rings);
	expect_broken(fd, &rings.read);
	ck_assert_uint_eq(stats_of(fd).fs_read_errors, 1);
	/* what the queueing discipline has is dropped, not kept for ever */
	wait_until(stats_of(fd).fs_read_drop_closed == 7, "all others are dropped");
}
END_TEST

/* What lies behind the kernel's counter, and how much of it the program claims to have put. */
static const struct {
	uint64_t produced;
	uint32_t len;
} bad_rings[] = {
	{ SMALL + 8, LEN }, { 1ULL << 63, LEN }, { ~0ULL, LEN }, { ~7ULL, LEN },
	/* less than a header */
	{ 8, LEN }, { 39, LEN }, { 1, LEN },
	/* a record that is longer than what there is */
	{ 40, 1 }, { 96, LEN }, { 103, LEN }, { SMALL, SMALL }, { SMALL, SMALL - 39 },
	{ SMALL, 0xffffffff }, { SMALL, 0xffffffd8 }, { SMALL, 0x80000000 },
};

#define NBAD_RINGS	(sizeof(bad_rings) / sizeof(bad_rings[0]))

START_TEST(a_write_ring_is_stopped_by_what_cannot_be)
{
	int fd = begin(0, SMALL, SMALL), packet = guest_packet_socket("fio0");
	int other = guest_create_up("fio1", 0, 1, 0), to_other = guest_packet_socket("fio1");
	unsigned char *record, good[HDRLEN + LEN];

	/* not at the start of the area */
	rings_write(&rings, LONG, 1, 0);
	guest_receive(packet, LONG, 1, 0);
	rings_drain(&rings);
	record = rings_room(&rings, HDRLEN + LEN);
	guest_record(record, LEN, 2, 0);
	((struct frameio_hdr *)record)->len = bad_rings[_i].len;
	rings_store(&rings.write.page->rg_producer, rings.write.own + bad_rings[_i].produced);
	rings_kick(&rings);
	expect_broken(fd, &rings.write);
	ck_assert_uint_eq(stats_of(fd).fs_write_errors, 1);
	ck_assert_uint_eq(stats_of(fd).fs_write_received, 1);
	/* for good, even if it makes sense again */
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	rings_set_flags(&rings.write.page->rg_flags, 0);
	ck_assert_errno(rings_kick(&rings), EIO);
	ck_assert_uint_eq(stats_of(fd).fs_write_errors, 1);
	/* what does not pass through it goes on: the read ring, and another port */
	guest_send(packet, LEN, 3, 0);
	rings_expect(&rings, LEN, 3, 0);
	guest_record(good, LEN, 4, 0);
	ck_assert_int_eq(write(other, good, sizeof(good)), (ssize_t)sizeof(good));
	guest_receive(to_other, LEN, 4, 0);
	close(other);
}
END_TEST

/* Flags and what is not used may be anything: nothing breaks, and frames move. */
START_TEST(flags_are_not_believed)
{
	int fd = begin(0, SMALL, SMALL), packet = guest_packet_socket("fio0"), i;
	struct frameio_ring_page *pages[] = { rings.read.page, rings.write.page };

	for (i = 0; i < 200; i++) {
		struct frameio_ring_page *page = pages[i % 2];
		const uint32_t word = i % 4 < 2 ? ~0U : 0;

		rings_set_flags(&page->rg_producer_flags, word);
		rings_set_flags(&page->rg_consumer_flags, word);
		rings_set_flags(&page->rg_flags, word);
		memset((void *)page->rg_pad2, word, SMALL - offsetof(struct frameio_ring_page,
								      rg_pad2));
		guest_send(packet, LONG, i, 0);
		guest_check_record(rings_next(&rings), LONG, i, 0);
		rings_skip(&rings);
		rings_store(&rings.read.page->rg_consumer, rings.read.own);
		guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
		rings_put(&rings, HDRLEN + LEN);
		rings_store(&rings.write.page->rg_producer, rings.write.own);
		ck_assert_int_eq(rings_kick(&rings), 0);
		guest_receive(packet, LEN, i, 0);
	}
	ck_assert_uint_eq(stats_of(fd).fs_read_errors + stats_of(fd).fs_write_errors, 0);
}
END_TEST

/* --- the thread ------------------------------------------------------ */

/* The one thread of the kernel that looks at rings; 0: there is none. */
static pid_t ring_thread(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	pid_t found = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char path[300], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = atoi(entry->d_name) ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strcmp(comm, "frameio-ring\n")) {
			ck_assert_int_eq(found, 0);
			found = atoi(entry->d_name);
		}
		fclose(file);
	}
	closedir(dir);
	return found;
}

struct thread_stat {
	char state;
	unsigned long ticks, voluntary;
	int cpu;
};

/* What /proc tells of a thread of the kernel. */
static struct thread_stat thread_stat(pid_t pid)
{
	struct thread_stat stat = { 0 };
	unsigned long user, system;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
				"%lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %*d %*u %*u %*u %*u %*u "
				"%*u %*u %*u %*u %*u %*u %*u %*u %*d %d", &stat.state, &user,
				&system, &stat.cpu), 4);
	fclose(file);
	stat.ticks = user + system;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "voluntary_ctxt_switches: %lu", &stat.voluntary);
	fclose(file);
	return stat;
}

static void wait_thread_asleep(pid_t thread)
{
	wait_until(thread_stat(thread).state == 'S' &&
		   rings_flags(&rings.write.page->rg_consumer_flags) == FRAMEIO_RING_NEED_WAKEUP,
		   "the thread sleeps");
}

START_TEST(a_thread_takes_records_without_a_call)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet, i;
	struct frameio_ring_setup setup = { .frr_idle = FRAMEIO_RING_IDLE_MAX, .frr_cpu = 1 };
	struct thread_stat before, after;
	pid_t thread;

	ck_assert_int_eq(ring_thread(), 0);
	/* the longest idle time */
	ck_assert_int_eq(rings_try(fd, FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU, SMALL, SMALL,
				   &setup), 0);
	rings_map(&rings, fd, SMALL, SMALL);
	packet = guest_packet_socket("fio0");
	thread = ring_thread();
	ck_assert_int_gt(thread, 0);
	ck_assert_uint_eq(rings_flags(&rings.write.page->rg_consumer_flags), 0);
	for (i = 0; i < 200; i++) {
		rings_write(&rings, LONG, i, 0);
		guest_receive(packet, LONG, i, 0);
		guest_send(packet, LONG, i, 0);
		rings_expect(&rings, LONG, i, 0);
	}
	ck_assert_uint_eq(rings.calls, 0);
	rings_drain(&rings);
	ck_assert_uint_eq(stats_of(fd).fs_write_calls[FRAMEIO_MODE_RING], 0);
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], 200);
	ck_assert_int_eq(thread_stat(thread).cpu, 1);
	guest_sh("taskset -cp %d | grep -q ': 1$'", thread);
	close(fd);
	ck_assert_int_eq(ring_thread(), thread);
	rings_unmap(&rings);
	wait_until(ring_thread() == 0, "the thread ends with the last close");
	/* one that is idle after a moment uses no time, until it is woken */
	fd = guest_create_up("fio0", 0, 1, 0);
	rings_make(&rings, fd, FRAMEIO_SETUP_POLL, SMALL, SMALL, 1000);
	packet = guest_packet_socket("fio0");
	thread = ring_thread();
	for (i = 0; i < 3; i++) {
		wait_thread_asleep(thread);
		before = thread_stat(thread);
		usleep(300000);
		after = thread_stat(thread);
		ck_assert_uint_eq(after.ticks, before.ticks);
		ck_assert_uint_eq(after.voluntary, before.voluntary);
		rings_write(&rings, LEN, i, 0);
		guest_receive(packet, LEN, i, 0);
		ck_assert_uint_eq(rings.calls, i + 1);
	}
	/* a port that is gone leaves it nothing to do */
	guest_sh("ip link del fio0");
	wait_thread_asleep(thread);
	rings_unmap(&rings);
	close(fd);
	wait_until(ring_thread() == 0, "the thread ends with the last close");
}
END_TEST

/* All who kick, not only the ioctl. */
START_TEST(whatever_kicks_wakes_the_thread)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet;
	pid_t thread;

	rings_make(&rings, fd, FRAMEIO_SETUP_POLL, SMALL, SMALL, 1);
	packet = guest_packet_socket("fio0");
	thread = ring_thread();
	wait_thread_asleep(thread);
	guest_record(rings_room(&rings, HDRLEN + LEN), LEN, 1, 0);
	rings_put(&rings, HDRLEN + LEN);
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	ck_assert_int_eq(kicks[_i](fd), 0);
	guest_receive(packet, LEN, 1, 0);
	rings_drain(&rings);
}
END_TEST

/* A kernel may have been built without cpusets. */
#define CPUSET(sign)	"if grep -qw cpuset /sys/fs/cgroup/cgroup.controllers; then " \
			"echo " sign "cpuset >/sys/fs/cgroup/cgroup.subtree_control; fi"

/* Linux 5.10 attaches a kernel thread to hierarchies of version 1 only. */
static const char *cgroup_of_thread(void)
{
	return is_linux_5_10() ? "/" : "/frameio";
}

/* One of a cpuset does not keep the thread from its CPU. */
START_TEST(the_thread_is_in_its_callers_cgroup)
{
	struct frameio_ring_setup setup = { .frr_cpu = 1 };
	int fd = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 2, 0), other = guest_open("fio0", 1);
	pid_t thread;

	guest_sh("mkdir -p " CGROUP " && echo %d >" CGROUP "/cgroup.procs", getpid());
	rings_make(&rings, fd, FRAMEIO_SETUP_POLL, 0, SMALL, 0);
	thread = ring_thread();
	guest_sh("grep -qx 0::%s /proc/%d/cgroup", cgroup_of_thread(), thread);
	guest_sh("grep -qx %d /sys/fs/cgroup%s/cgroup.procs", thread, cgroup_of_thread());
	rings_unmap(&rings);
	close(fd);
	wait_until(ring_thread() == 0, "the thread ends");
	guest_sh(CPUSET("+"));
	ck_assert_msg(!rings_try(other, FRAMEIO_SETUP_POLL | FRAMEIO_SETUP_CPU, 0, SMALL, &setup),
		      "FRAMEIO_RING_SETUP in a cpuset: %s", strerror(errno));
	thread = ring_thread();
	guest_sh("grep -qx 0::%s /proc/%d/cgroup", cgroup_of_thread(), thread);
	guest_sh("until taskset -cp %d | grep -q ': 1$'; do sleep 0.01; done", thread);
	close(other);
	guest_sh("echo %d >/sys/fs/cgroup/cgroup.procs", getpid());
	wait_until(ring_thread() == 0, "the thread ends");
	guest_sh(CPUSET("-") " && rmdir " CGROUP);
}
END_TEST

/* --- many ------------------------------------------------------------ */

static unsigned long many;

static ssize_t call_send_many(int packet, void *unused)
{
	unsigned char frames[32][LEN];
	struct mmsghdr messages[32] = { 0 };
	struct iovec iov[32];
	unsigned long sent = 0;
	uint32_t i, n;
	int ret;

	(void)unused;
	for (i = 0; i < 32; i++) {
		iov[i] = (struct iovec) { frames[i], LEN };
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		guest_fill(frames[i], LEN, 0, 0);
	}
	while (sent < many) {
		n = many - sent < 32 ? many - sent : 32;
		for (i = 0; i < n; i++)
			memcpy(frames[i] + 14, &(uint32_t) { sent + i }, 4);
		ret = sendmmsg(packet, messages, n, 0);
		if (ret < 0)
			return -1;
		sent += ret;
	}
	return 0;
}

/* Take what is there; they are in order. */
static void take_many(unsigned long *taken)
{
	const unsigned char *record;
	uint32_t number;

	for (; (record = rings_next(&rings)); (*taken)++) {
		memcpy(&number, record + HDRLEN + 14, sizeof(number));
		if (number != (uint32_t)*taken)
			ck_abort_msg("frame %u instead of %lu", number, *taken);
		rings_skip(&rings);
	}
	rings_release(&rings);
}

static void put_many(unsigned long *put, const unsigned char *record)
{
	unsigned int i;
	unsigned char *to;

	for (i = 0; i < 32 && *put < many; i++, (*put)++) {
		to = rings_room(&rings, HDRLEN + LEN);
		if (!to)
			break;
		memcpy(to, record, HDRLEN + LEN);
		rings_put(&rings, HDRLEN + LEN);
	}
	if (i)
		rings_commit(&rings);
}

/* With a thread, fewer than one call for a thousand frames, both ways at once. */
START_TEST(many_frames_move_without_calls)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	unsigned long taken = 0, put = 0, received = 0;
	const int room = 1 << 16;
	unsigned char record[HDRLEN + LEN];
	struct frameio_stats stats;
	struct guest_call sender;
	unsigned int idle = 0;
	double since = 0;
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = { .len = 1, .filter = &none };

	/* it is there to send */
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
				    sizeof(filter)), 0);
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	rings_make(&rings, fd, FRAMEIO_SETUP_POLL, 1 << 20, 1 << 20, FRAMEIO_RING_IDLE_MAX);
	guest_record(record, LEN, 1, 0);
	guest_call_start(&sender, call_send_many, packet, NULL);
	while (taken < many || put < many || received < many) {
		const unsigned long before = taken + put + received;

		take_many(&taken);
		put_many(&put, record);
		received = rings_load(&rings.write.page->rg_consumer) / rings_align(HDRLEN + LEN);
		if (taken + put + received != before) {
			idle = 0;
		} else if (++idle % (1 << 20) == 0) {
			/* to look at the clock may be a call, too */
			since = idle == 1 << 20 ? guest_now() : since;
			if (guest_now() > since + 60)
				ck_abort_msg("%lu taken, %lu put, %lu received, and no more",
					     taken, put, received);
		}
	}
	ck_assert_int_eq(guest_call_join(&sender), 0);
	rings_drain(&rings);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_RING], many);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_RING], many);
	ck_assert_uint_eq(stats.fs_write_received, many);
	ck_assert_uint_eq(stats.fs_read_calls[FRAMEIO_MODE_RING] +
			  stats.fs_write_calls[FRAMEIO_MODE_RING], rings.calls);
	printf("ring: %lu frames each way, %lu calls\n", many, rings.calls);
	ck_assert_uint_lt(rings.calls, many / 1000);
}
END_TEST

/* --- NIC ports ------------------------------------------------------- */

static int peer;

static void set_up_nic(void)
{
	guest_add_nic();
	guest_keep_nic_order();
	peer = guest_packet_socket("fiopeer");
}

static void tear_down_nic(void)
{
	close(peer);
	guest_delete_nic();
}

static int attach(void)
{
	struct frameio_create request = { .fc_name = "fionic" };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	return fd;
}

START_TEST(a_nic_port_has_rings)
{
	int fd = attach(), i;

	rings_make(&rings, fd, thread_kinds[_i], SMALL, SMALL, 0);
	/* a ring reads from the beginning, without any call */
	for (i = 0; i < 200; i++) {
		const size_t len = 14 + (i * 37) % 1500;

		guest_send(peer, len, i, 0);
		rings_expect(&rings, len, i, 0);
		rings_write(&rings, len, i, 0);
		guest_receive(peer, len, i, 0);
	}
	rings_drain(&rings);
	ck_assert_uint_eq(stats_of(fd).fs_read_frames[FRAMEIO_MODE_RING], 200);
	ck_assert_uint_eq(stats_of(fd).fs_read_queued, 200);
	ck_assert_uint_eq(stats_of(fd).fs_write_frames[FRAMEIO_MODE_RING], 200);
	ck_assert_uint_eq(stats_of(fd).fs_write_received, 200);
	rings_unmap(&rings);
	close(fd);
	wait_until(ring_thread() == 0, "the thread ends");
}
END_TEST

START_TEST(a_nics_full_ring_drops_and_counts)
{
	int fd = attach(), i;

	rings_make(&rings, fd, 0, SMALL, 0, 0);
	for (i = 0; i < 10; i++)
		guest_send(peer, LONG, i, 0);
	wait_until(stats_of(fd).fs_read_drop_full == 7, "seven find it full");
	for (i = 0; i < 3; i++)
		rings_expect(&rings, LONG, i, 0);
	ck_assert_ptr_null(rings_next(&rings));
	ck_assert_uint_eq(rings_flags(&rings.read.page->rg_producer_flags), 0);
	guest_send(peer, LONG, 20, 0);
	rings_expect(&rings, LONG, 20, 0);
	/* what cannot be stops it, and is counted, too */
	rings_store(&rings.read.page->rg_consumer, 1ULL << 40);
	for (i = 0; i < 10; i++)
		guest_send(peer, LONG, i, 0);
	expect_broken(fd, &rings.read);
	ck_assert_uint_eq(stats_of(fd).fs_read_errors, 1);
	ck_assert_uint_gt(stats_of(fd).fs_read_drop_closed, 0);
}
END_TEST

START_TEST(a_nics_ring_takes_what_its_file_asked_for)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct frameio_filter filter = { .ff_insns = (uintptr_t)insns, .ff_len = 4 };
	uint32_t options = FRAMEIO_O_TAP | FRAMEIO_O_TSTAMP;
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(GUEST_ETHERTYPE),
		.sll_ifindex = if_nametoindex("fionic"),
	};
	/* of that EtherType: as the stack itself, it has what no port has taken */
	int stack = socket(AF_PACKET, SOCK_RAW, htons(GUEST_ETHERTYPE)), fd = attach(), i;
	unsigned char frame[LEN], received[LEN];
	struct frameio_hdr hdr;

	ck_assert_int_eq(bind(stack, (const void *)&address, sizeof(address)), 0);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_FILTER, &filter), 0);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
	rings_make(&rings, fd, 0, SMALL, 0, 0);
	for (i = 0; i < 10; i++) {
		guest_fill(frame, LEN, i, 0);
		frame[20] = i % 2;
		ck_assert_int_eq(send(peer, frame, LEN, 0), LEN);
		/* a tap is a copy: others have it besides */
		ck_assert_int_eq(recv(stack, received, LEN, 0), LEN);
		ck_assert_mem_eq(received, frame, LEN);
		if (i % 2 == 0)
			continue;
		ck_assert(rings_wait_record(&rings, STALL_MS));
		memcpy(&hdr, rings_next(&rings), sizeof(hdr));
		ck_assert_uint_eq(hdr.flags & FRAMEIO_F_TSTAMP_SW, FRAMEIO_F_TSTAMP_SW);
		ck_assert_uint_ne(hdr.tstamp, 0);
		ck_assert_mem_eq(rings_next(&rings) + HDRLEN, frame, LEN);
		rings_skip(&rings);
		rings_release(&rings);
	}
	ck_assert_ptr_null(rings_next(&rings));
}
END_TEST

/* More at once than one go hands to the driver; then also on a link that comes back. */
START_TEST(a_nics_records_are_sent_to_the_last)
{
	enum { N = 500 };
	int fd = attach(), i, round;

	/* which sleeps at the first occasion */
	rings_make(&rings, fd, thread_kinds[_i], 0, RINGS_SIZE, _i);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < N; i++) {
			guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
			rings_put(&rings, HDRLEN + LEN);
		}
		rings_commit(&rings);
		for (i = 0; i < N; i++)
			guest_receive(peer, LEN, i, 0);
		rings_drain(&rings);
	}
	guest_sh("ip link set fionic down");
	for (i = 0; i < N; i++) {
		guest_record(rings_room(&rings, HDRLEN + LEN), LEN, i, 0);
		rings_put(&rings, HDRLEN + LEN);
	}
	rings_store(&rings.write.page->rg_producer, rings.write.own);
	ck_assert_errno(rings_kick(&rings), ENETDOWN);
	guest_sh("ip link set fionic up");
	for (i = 0; i < N; i++)
		guest_receive(peer, LEN, i, 0);
	rings_drain(&rings);
	/* the interface goes with rings on it */
	guest_delete_nic();
	wait_until(rings_flags(&rings.write.page->rg_flags) == FRAMEIO_RING_GONE, "it is gone");
	ck_assert_errno(rings_kick(&rings), ENODEV);
	rings_unmap(&rings);
	close(fd);
	wait_until(ring_thread() == 0, "the thread ends");
}
END_TEST

/* --------------------------------------------------------------------- */

static void add_moving_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "moving", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_loop_test(tcase, frames_come_out_as_they_went_in, 0, 2);
	tcase_add_test(tcase, every_byte_of_a_header_is_set);
	tcase_add_loop_test(tcase, frames_that_waited_come_first, 0, 3);
	tcase_add_test(tcase, a_full_ring_stops_the_interface_and_drops_nothing);
	tcase_add_test(tcase, a_record_is_an_event);
	tcase_add_loop_test(tcase, records_are_received_as_they_were_written, 0, 2);
	tcase_add_test(tcase, what_a_header_asks_for_is_done);
	tcase_add_test(tcase, a_record_that_is_no_frame_is_left_out);
	tcase_add_test(tcase, what_is_not_ip_is_left_out_of_an_l3_port);
	tcase_add_loop_test(tcase, what_is_written_goes_with_a_kick, 0, NKICKS);
	tcase_add_test(tcase, the_order_is_kept_from_one_poll_to_the_next);
	tcase_add_test(tcase, room_in_a_full_ring_is_an_event);
	tcase_add_test(tcase, an_empty_ring_has_room_whatever_the_mtu);
}

static void add_state_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "state", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_loop_test(tcase, a_direction_without_a_ring_is_as_it_was, 0, 2);
	tcase_add_test(tcase, who_sleeps_in_a_call_hears_of_rings);
	tcase_add_test(tcase, a_bad_setup_is_refused);
	tcase_add_loop_test(tcase, rings_need_a_file_for_reading_and_writing, 0, 2);
	tcase_add_test(tcase, rings_count_as_locked_memory);
	tcase_add_test(tcase, rings_count_for_their_user);
	tcase_add_test(tcase, rings_count_in_their_cgroup);
	tcase_add_test(tcase, what_the_port_was_not_given_takes_a_capability);
	tcase_add_test(tcase, rings_are_told_of);
	tcase_add_test(tcase, only_a_whole_ring_is_mapped);
	tcase_add_test(tcase, a_mapping_may_be_treated_as_any_other);
	tcase_add_test(tcase, a_mapping_outlives_its_file);
	tcase_add_loop_test(tcase, what_was_not_kicked_is_sent_at_the_last_close, 0, 2);
	tcase_add_loop_test(tcase, a_port_may_go_while_its_rings_are_mapped, 0, 2);
	tcase_add_loop_test(tcase, records_wait_while_the_interface_is_down, 0, 2);
	tcase_add_test(tcase, a_full_ring_survives_down_and_up);
}

static void add_hostile_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "hostile", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_loop_test(tcase, a_read_ring_is_stopped_by_a_counter_that_cannot_be, 0,
			    sizeof(bad_consumers) / sizeof(bad_consumers[0]));
	tcase_add_test(tcase, a_stopped_ring_holds_no_frame);
	tcase_add_test(tcase, a_counter_below_zero_is_no_room);
	tcase_add_test(tcase, a_full_read_ring_is_stopped_by_a_counter_that_cannot_be);
	tcase_add_loop_test(tcase, a_write_ring_is_stopped_by_what_cannot_be, 0, NBAD_RINGS);
	tcase_add_test(tcase, flags_are_not_believed);
}

static void add_thread_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "thread", 600, guest_delete_ports, guest_delete_ports);

	tcase_add_test(tcase, a_thread_takes_records_without_a_call);
	tcase_add_loop_test(tcase, whatever_kicks_wakes_the_thread, 0, NKICKS);
	tcase_add_test(tcase, the_thread_is_in_its_callers_cgroup);
	tcase_add_test(tcase, many_frames_move_without_calls);
}

static void add_nic_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "nic", 120, set_up_nic, tear_down_nic);

	tcase_add_loop_test(tcase, a_nic_port_has_rings, 0, 2);
	tcase_add_test(tcase, a_nics_full_ring_drops_and_counts);
	tcase_add_test(tcase, a_nics_ring_takes_what_its_file_asked_for);
	tcase_add_loop_test(tcase, a_nics_records_are_sent_to_the_last, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("ring");

	many = guest_setting("FRAMEIO_RING_FRAMES", 100000);
	add_moving_tests(suite);
	add_state_tests(suite);
	add_hostile_tests(suite);
	add_thread_tests(suite);
	add_nic_tests(suite);
	return guest_run(suite);
}
