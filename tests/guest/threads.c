/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Many threads on one file, one file in many places, many queue pairs. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

/* So long that a row of records has none of them filled up. */
#define LEN	64
#define RECORD	((ssize_t)(HDRLEN + LEN))
#define BATCH	8
#define STALL_MS	10000

/* Memory for a batch, and the ways to call with it. */
struct batch {
	unsigned char records[BATCH][HDRLEN + LEN];
	struct iovec iov[BATCH];
	union guest_frameio fio;
};

enum way { SINGLE, VECTOR, FRAMEIO, PACKED };
#define MIXED	3	/* those that one file can have at the same time */

/* The way of one of several threads: any, or as the others, packed. */
static enum way way_of(int thread, bool packed)
{
	return packed ? PACKED : (enum way)(thread % MIXED);
}

static void set_packed(int fd, bool packed)
{
	const uint32_t options = packed ? FRAMEIO_O_PACKED : 0;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

static void batch_init(struct batch *batch, int n)
{
	int i;

	guest_frameio_init(&batch->fio, n, 1);
	for (i = 0; i < n; i++) {
		batch->iov[i] = (struct iovec) { batch->records[i], RECORD };
		batch->fio.fio.fio_vecs[i].fv_buf = (uintptr_t)batch->records[i];
		batch->fio.fio.fio_vecs[i].fv_buflen = RECORD;
	}
}

static int fio_moved(const struct batch *batch, int result)
{
	return result < 0 ? -1 : (int)batch->fio.fio.fio_nvecs;
}

/* The frames that a call moved, or -1. */
static int batch_read(struct batch *batch, int fd, enum way way)
{
	ssize_t ret;

	batch_init(batch, BATCH);
	if (way == FRAMEIO)
		return fio_moved(batch, ioctl(fd, FRAMEIO_READ, &batch->fio));
	if (way == PACKED)
		ret = read(fd, batch->records, sizeof(batch->records));
	else
		ret = way == SINGLE ? read(fd, batch->records[0], RECORD) :
				      readv(fd, batch->iov, BATCH);
	ck_assert_int_eq(ret < 0 ? 0 : ret % RECORD, 0);
	return ret < 0 ? -1 : ret / RECORD;
}

static int batch_write(struct batch *batch, int fd, enum way way)
{
	ssize_t ret;

	batch_init(batch, BATCH);
	if (way == FRAMEIO)
		return fio_moved(batch, ioctl(fd, FRAMEIO_WRITE, &batch->fio));
	if (way == PACKED)
		ret = write(fd, batch->records, sizeof(batch->records));
	else
		ret = way == SINGLE ? write(fd, batch->records[0], RECORD) :
				      writev(fd, batch->iov, BATCH);
	ck_assert_int_eq(ret < 0 ? 0 : ret % RECORD, 0);
	return ret < 0 ? -1 : ret / RECORD;
}

#define READERS		6
#define FRAMES		12000

static _Atomic unsigned char seen[FRAMES];
static atomic_uint n_seen;

static void note_seen(const void *frame)
{
	uint32_t number = guest_check_numbered(frame, LEN);

	ck_assert_uint_lt(number, FRAMES);
	ck_assert_uint_eq(seen[number]++, 0);
	n_seen++;
}

/* Reads, each thread in its way, until the port is gone. */
static ssize_t call_read_all(int fd, void *arg)
{
	struct batch batch;
	ssize_t total = 0;
	int i, n;

	while ((n = batch_read(&batch, fd, *(enum way *)arg)) > 0) {
		for (i = 0; i < n; i++) {
			const struct frameio_hdr *hdr = (void *)batch.records[i];

			ck_assert_uint_eq(hdr->len, LEN);
			note_seen(batch.records[i] + HDRLEN);
		}
		total += n;
	}
	ck_assert_int_eq(errno, ENODEV);
	return total;
}

START_TEST(many_threads_read_each_frame_once)
{
	static struct guest_call calls[READERS];
	static enum way ways[READERS];
	int fd = guest_create_up("fio0", 0, 1, 0), room = 65536, i;
	int packet = guest_packet_socket("fio0");
	unsigned char frame[LEN];
	uint32_t n, total = 0;

	set_packed(fd, _i);
	guest_set_limits(fd, 32, 0);
	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	for (i = 0; i < READERS; i++) {
		ways[i] = way_of(i, _i);
		guest_call_start(&calls[i], call_read_all, fd, &ways[i]);
	}
	for (n = 0; n < FRAMES; n++) {
		guest_fill_numbered(frame, LEN, n);
		ck_assert_int_eq(send(packet, frame, LEN, 0), LEN);
	}
	/* a frame that nobody reads makes this time out */
	while (n_seen < FRAMES)
		usleep(1000);
	guest_sh("ip link del fio0");
	for (i = 0; i < READERS; i++)
		total += guest_call_join(&calls[i]);
	ck_assert_uint_eq(total, FRAMES);
}
END_TEST

#define WRITERS		6

struct writer {
	uint32_t number;
	enum way way;
};

/* Writes its share of the frames, numbered on from where its share starts. */
static ssize_t call_write_share(int fd, void *arg)
{
	const struct writer *writer = arg;
	uint32_t next = writer->number * (FRAMES / WRITERS);
	const uint32_t end = next + FRAMES / WRITERS;
	struct batch batch;
	int i, n;

	while (next < end) {
		for (i = 0; i < BATCH; i++)
			guest_record_numbered(batch.records[i], LEN, next + i);
		n = batch_write(&batch, fd, writer->way);
		ck_assert_int_eq(n, writer->way == SINGLE ? 1 : BATCH);
		next += n;
	}
	return 0;
}

/* The limits of the write queue with which threads meet a full one often, or hardly ever. */
static const uint32_t write_limits[] = { 1, 16, FRAMEIO_LIMIT_DEFAULT, 3 };
#define NLIMITS	4

/* How many frames the threads write in that mode. */
static uint32_t frames_of(unsigned int mode, bool packed)
{
	if (guest_over_rings())
		return mode == FRAMEIO_MODE_RING ? FRAMES : 0;
	if (mode == FRAMEIO_MODE_RING || packed != (mode == FRAMEIO_MODE_PACKED))
		return 0;
	return packed ? FRAMES : FRAMES / MIXED;
}

START_TEST(many_threads_write_each_frame_once)
{
	static struct guest_call calls[WRITERS];
	static struct writer writers[WRITERS];
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	uint32_t last[WRITERS] = { 0 }, number, i;
	unsigned char frame[LEN];
	const bool packed = _i == NLIMITS - 1;
	struct frameio_stats stats;

	set_packed(fd, packed);
	guest_set_limits(fd, 0, write_limits[_i]);
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer) { i, way_of(i, packed) };
		guest_call_start(&calls[i], call_write_share, fd, &writers[i]);
	}
	for (i = 0; i < FRAMES; i++) {
		ck_assert_int_eq(recv(packet, frame, LEN, 0), LEN);
		note_seen(frame);
		/* those of one thread come in its order */
		memcpy(&number, frame + 14, sizeof(number));
		ck_assert_uint_ge(number, last[number / (FRAMES / WRITERS)]);
		last[number / (FRAMES / WRITERS)] = number;
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(guest_call_join(&calls[i]), 0);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, FRAMES);
	for (i = FRAMEIO_MODE_SINGLE; i < FRAMEIO_NMODES; i++)
		ck_assert_uint_eq(stats.fs_write_frames[i], frames_of(i, packed));
}
END_TEST

static void check_reads_frame(int fd, int packet, uint32_t seed)
{
	unsigned char record[RECORD];

	guest_send(packet, LEN, seed, 0);
	ck_assert_int_eq(guest_poll(fd, POLLIN, STALL_MS), POLLIN);
	ck_assert_int_eq(read(fd, record, RECORD), RECORD);
	guest_check_record(record, LEN, seed, 0);
}

START_TEST(duplicates_are_one_file)
{
	int fd = guest_create_up("fio0", 0, 1, 0), copy = dup(fd);
	int packet = guest_packet_socket("fio0");

	check_reads_frame(fd, packet, 1);
	check_reads_frame(copy, packet, 2);
	ck_assert_errno(guest_open("fio0", FRAMEIO_QUEUE_ANY), EBUSY);
	close(fd);
	check_reads_frame(copy, packet, 3);
	close(copy);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(a_child_shares_its_parents_file)
{
	int fd = guest_create_up("fio0", 0, 1, 0), gate[2], packet;
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(gate), 0);
	packet = guest_packet_socket("fio0");
	child = fork();
	if (!child) {
		close(gate[1]);
		/* until the parent has closed its own */
		if (read(gate[0], &byte, 1) != 1)
			_exit(1);
		check_reads_frame(fd, packet, 5);
		_exit(if_nametoindex("fio0") ? 0 : 2);
	}
	close(gate[0]);
	check_reads_frame(fd, packet, 4);
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	ck_assert_int_eq(write(gate[1], "", 1), 1);
	ck_assert_int_eq(guest_wait(child), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

/* Room for a control message with one file descriptor. */
union fd_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int socket, int fd)
{
	struct iovec iov = { "", 1 };
	union fd_message control = { .space = { 0 } };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	control.header = (struct cmsghdr) { .cmsg_len = CMSG_LEN(sizeof(int)),
					    .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
}

static int receive_fd(int socket)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union fd_message control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int fd;

	ck_assert_int_eq(recvmsg(socket, &message, 0), 1);
	ck_assert_int_eq(control.header.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

START_TEST(a_file_is_handed_to_another_process)
{
	int sockets[2], fd, packet;
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		close(sockets[0]);
		fd = receive_fd(sockets[1]);
		packet = guest_packet_socket("fio0");
		check_reads_frame(fd, packet, 6);
		_exit(0);
	}
	close(sockets[1]);
	fd = guest_create_up("fio0", 0, 1, 0);
	send_fd(sockets[0], fd);
	close(fd);
	/* in flight or with the child, the port is there until that ends */
	ck_assert_int_eq(guest_wait(child), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(a_file_in_flight_keeps_its_port)
{
	int sockets[2], fd;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	fd = guest_create("fio0", 0, 1);
	send_fd(sockets[0], fd);
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	fd = receive_fd(sockets[1]);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	close(fd);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

static ssize_t call_read(int fd, void *record)
{
	return read(fd, record, RECORD);
}

/* A thread that sleeps in a call holds its file, as every system call does. */
START_TEST(a_call_outlives_the_close_of_its_file)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[RECORD];
	struct guest_call call;

	guest_not_over_rings("a program that unmaps its ring reads it no more");
	guest_call_start(&call, call_read, fd, record);
	guest_call_wait_asleep(&call, SYS_read);
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	guest_send(packet, LEN, 3, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
	guest_check_record(record, LEN, 3, 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

#define QUEUES	4
#define FLOWS	64

/* A UDP frame of flow number @flow. */
static void send_flow(int packet, uint16_t flow)
{
	struct {
		struct ether_header ether;
		struct iphdr ip;
		struct udphdr udp;
		unsigned char text[22];
	} __attribute__((packed)) frame = {
		.ether = { .ether_dhost = { 2, 0, 0, 0, 0, 2 }, .ether_shost = { 2, 0, 0, 0, 0, 1 },
			   .ether_type = htons(ETHERTYPE_IP) },
		.ip = { .version = 4, .ihl = 5, .tot_len = htons(50), .ttl = 64,
			.protocol = IPPROTO_UDP, .saddr = htonl(0x0a090001),
			.daddr = htonl(0x0a090002) },
		.udp = { .source = htons(1000 + flow), .dest = htons(7), .len = htons(30) },
	};

	ck_assert_int_eq(sizeof(frame), LEN);
	ck_assert_int_eq(send(packet, &frame, LEN, 0), LEN);
}

static void send_flows(int packet)
{
	uint16_t flow;

	for (flow = 0; flow < FLOWS; flow++)
		send_flow(packet, flow);
}

/* Where a flow's frames were read, and how many. */
struct flow {
	int queue;
	uint32_t hash;
	unsigned int frames;
};

/* Read what waits on the queue pair; returns how many frames that was. */
static unsigned int read_flows(int fd, int queue, struct flow flows[FLOWS])
{
	unsigned char record[RECORD];
	const struct frameio_hdr *hdr = (void *)record;
	unsigned int n;

	for (n = 0; read(fd, record, RECORD) == RECORD; n++) {
		struct udphdr udp;
		struct flow *flow;

		memcpy(&udp, record + HDRLEN + 34, sizeof(udp));
		ck_assert_uint_lt(ntohs(udp.source) - 1000, FLOWS);
		flow = &flows[ntohs(udp.source) - 1000];
		ck_assert_uint_eq(hdr->queue, queue);
		ck_assert_uint_eq(hdr->flags & FRAMEIO_F_HASH, FRAMEIO_F_HASH);
		if (flow->frames++) {
			ck_assert_int_eq(flow->queue, queue);
			ck_assert_uint_eq(flow->hash, hdr->hash);
		}
		flow->queue = queue;
		flow->hash = hdr->hash;
	}
	ck_assert_int_eq(errno, EAGAIN);
	return n;
}

/* A port fio0 with QUEUES queue pairs, of which those of @mask are open. */
static int create_queues(int fds[QUEUES], unsigned int mask)
{
	int i;

	fds[0] = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, QUEUES, 0);
	if (!(mask & 1))
		close(fds[0]);
	for (i = 0; i < QUEUES; i++) {
		if (mask & 1 << i && i)
			fds[i] = guest_open("fio0", i);
		if (!(mask & 1 << i))
			fds[i] = -1;
		else
			guest_set_nonblock(fds[i], true);
	}
	guest_wait_running("fio0");
	return guest_packet_socket("fio0");
}

/* Each flow is read at one queue pair, from those of @mask, and each of these gets some. */
static void check_flows(int fds[QUEUES], unsigned int mask, unsigned int frames)
{
	struct flow flows[FLOWS] = { { 0 } };
	int i;

	for (i = 0; i < QUEUES; i++)
		if (mask & 1 << i)
			ck_assert_uint_gt(read_flows(fds[i], i, flows), 0);
	for (i = 0; i < FLOWS; i++)
		ck_assert_uint_eq(flows[i].frames, frames);
}

START_TEST(flows_are_spread_and_each_stays_together)
{
	int fds[QUEUES], packet = create_queues(fds, 0xf), i;

	for (i = 0; i < 8; i++)
		send_flows(packet);
	check_flows(fds, 0xf, 8);
	guest_delete_ports();
}
END_TEST

START_TEST(only_open_queue_pairs_get_frames)
{
	int fds[QUEUES], packet = create_queues(fds, 0xa);

	send_flows(packet);
	check_flows(fds, 0xa, 1);
	fds[2] = guest_open("fio0", 2);
	guest_set_nonblock(fds[2], true);
	send_flows(packet);
	check_flows(fds, 0xe, 1);
	guest_delete_ports();
}
END_TEST

START_TEST(a_closed_queue_pair_leaves_its_flows_to_the_others)
{
	int fds[QUEUES], packet = create_queues(fds, 0xf), i;

	/* full queues stop, and what is sent then waits for them */
	for (i = 0; i < QUEUES; i++)
		guest_set_limits(fds[i], i == 1 ? 2 : FRAMEIO_LIMIT_MAX, 0);
	for (i = 0; i < 4; i++)
		send_flows(packet);
	close(fds[1]);
	for (i = 0; i < QUEUES; i++)
		if (i != 1)
			read_flows(fds[i], i, (struct flow[FLOWS]) { { 0 } });
	send_flows(packet);
	check_flows(fds, 0xd, 1);
	/* and opened again it gets its share, stopped no longer */
	fds[1] = guest_open("fio0", 1);
	guest_set_nonblock(fds[1], true);
	send_flows(packet);
	check_flows(fds, 0xf, 1);
	guest_delete_ports();
}
END_TEST

START_TEST(a_full_queue_pair_does_not_stop_the_others)
{
	int fds[QUEUES], packet = create_queues(fds, 0xf), i;
	struct flow flows[FLOWS] = { { 0 } };
	unsigned int n = 0;

	guest_set_limits(fds[1], 1, 0);
	send_flows(packet);
	for (i = 0; i < QUEUES; i++)
		if (i != 1)
			n += read_flows(fds[i], i, flows);
	/* nothing is dropped: the rest comes as it is read */
	while (n < FLOWS) {
		ck_assert_int_eq(guest_poll(fds[1], POLLIN, STALL_MS), POLLIN);
		n += read_flows(fds[1], 1, flows);
	}
	for (i = 0; i < FLOWS; i++)
		ck_assert_uint_eq(flows[i].frames, 1);
	guest_delete_ports();
}
END_TEST

/* A thread for each queue pair, which reads until the port is gone. */
static ssize_t call_read_flows(int fd, void *arg)
{
	unsigned char record[RECORD];
	const struct frameio_hdr *hdr = (void *)record;
	ssize_t n = 0;

	while (read(fd, record, RECORD) == RECORD) {
		ck_assert_uint_eq(hdr->queue, *(int *)arg);
		n++;
		n_seen++;
	}
	ck_assert_int_eq(errno, ENODEV);
	return n;
}

START_TEST(each_queue_pair_has_a_reader_of_its_own)
{
	static int queues[QUEUES] = { 0, 1, 2, 3 };
	struct guest_call calls[QUEUES];
	int fds[QUEUES], packet = create_queues(fds, 0xf), room = 65536, i;
	ssize_t total = 0;

	ck_assert_int_eq(setsockopt(packet, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	for (i = 0; i < QUEUES; i++) {
		guest_set_nonblock(fds[i], false);
		guest_set_limits(fds[i], 8, 0);
		guest_call_start(&calls[i], call_read_flows, fds[i], &queues[i]);
	}
	for (i = 0; i < FRAMES / FLOWS; i++)
		send_flows(packet);
	while (n_seen < FRAMES / FLOWS * FLOWS)
		usleep(1000);
	guest_sh("ip link del fio0");
	for (i = 0; i < QUEUES; i++)
		total += guest_call_join(&calls[i]);
	ck_assert_int_eq(total, FRAMES / FLOWS * FLOWS);
}
END_TEST

static void add_thread_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "threads", 300, guest_delete_ports, NULL);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_loop_test(tcase, many_threads_read_each_frame_once, 0, 2);
	tcase_add_loop_test(tcase, many_threads_write_each_frame_once, 0, NLIMITS);
	tcase_add_test(tcase, duplicates_are_one_file);
	tcase_add_test(tcase, a_child_shares_its_parents_file);
	tcase_add_test(tcase, a_file_is_handed_to_another_process);
	tcase_add_test(tcase, a_file_in_flight_keeps_its_port);
	tcase_add_test(tcase, a_call_outlives_the_close_of_its_file);
}

static void add_queue_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "queues", 300, guest_delete_ports, NULL);

	tcase_add_checked_fixture(tcase, guest_use_fifo, NULL);
	tcase_add_test(tcase, flows_are_spread_and_each_stays_together);
	tcase_add_test(tcase, only_open_queue_pairs_get_frames);
	tcase_add_test(tcase, a_closed_queue_pair_leaves_its_flows_to_the_others);
	tcase_add_test(tcase, a_full_queue_pair_does_not_stop_the_others);
	tcase_add_test(tcase, each_queue_pair_has_a_reader_of_its_own);
}

int main(void)
{
	Suite *suite = suite_create("threads");

	add_thread_tests(suite);
	add_queue_tests(suite);
	return guest_run(suite);
}
