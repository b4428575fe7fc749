/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framehub(1): a pipe and a learning switch, as the stations at their ports see them.
 *
 *	   packet sockets               packet socket
 *	 |       |       |                    |
 *	fioa    fiob    fioc    fionic ==== fiopeer	(a veth pair)
 *	 |       |       |        |
 *	 +-------+-- framehub ----+
 *
 * That a frame does not arrive somewhere is seen by what arrives next: one that was sent
 * after it, to all.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

#define LEN	100

enum { A, B, C, NIC, NPORTS };

static const char *const ports[NPORTS] = { "fioa", "fiob", "fioc", "fionic" };

/* --- stations -------------------------------------------------------- */

static int sockets[NPORTS];

static void add_port(int port)
{
	close(guest_create_up(ports[port], FRAMEIO_PORT_PERSIST, 1, 0));
	sockets[port] = guest_packet_socket(ports[port]);
}

static void add_nic(void)
{
	guest_add_nic();
	sockets[NIC] = guest_packet_socket("fiopeer");
}

static void setup(void)
{
	int i;

	guest_delete_ports();
	for (i = 0; i < NIC; i++)
		add_port(i);
	add_nic();
}

/* Station n of a lab; the two below are for all, and for bridges. */
#define EVERYBODY	(-1)
#define BRIDGES(n)	(-0x100 - (n))

static void put_address(unsigned char *to, int station)
{
	const unsigned char address[] = { 2, 0, 0, 0, station >> 8, station };
	const unsigned char bridges[] = { 0x01, 0x80, 0xc2, 0, 0, -0x100 - station };

	if (station == EVERYBODY)
		memset(to, 0xff, 6);
	else
		memcpy(to, station < 0 ? bridges : address, 6);
}

static void make_frame(unsigned char *frame, size_t len, int to, int from, uint32_t seed)
{
	guest_fill(frame, len, seed, 0);
	put_address(frame, to);
	put_address(frame + 6, from);
}

static void send_long(int port, size_t len, int to, int from, uint32_t seed)
{
	unsigned char frame[len];

	make_frame(frame, len, to, from, seed);
	if (send(sockets[port], frame, len, 0) != (ssize_t)len)
		ck_abort_msg("sending on %s: %s", ports[port], strerror(errno));
}

static void send_frame(int port, int to, int from, uint32_t seed)
{
	send_long(port, LEN, to, from, seed);
}

/* The next frame that comes out of a port is this. */
static void expect_long(int port, size_t len, int to, int from, uint32_t seed)
{
	unsigned char expected[len], received[2048];
	ssize_t n;

	make_frame(expected, len, to, from, seed);
	n = recv(sockets[port], received, sizeof(received), 0);
	if (n != (ssize_t)len || memcmp(received, expected, len))
		ck_abort_msg("%s: another frame than number %u, of %zd bytes", ports[port], seed,
			     n);
}

static void expect_frame(int port, int to, int from, uint32_t seed)
{
	expect_long(port, LEN, to, from, seed);
}

/* All but the sender's get it. */
static void expect_at_others(int port, int to, int from, uint32_t seed)
{
	int i;

	for (i = 0; i < NPORTS; i++)
		if (i != port)
			expect_frame(i, to, from, seed);
}

/* --- framehub -------------------------------------------------------- */

/* How it moves frames; tests are told apart by their fixtures. */
static const char *way = "frameio";

static void setup_packed(void)
{
	way = "packed";
	setup();
}

static void setup_ring(void)
{
	way = "ring";
	setup();
}

/* Until all threads of it, the one that supervises and so many others, have nothing to do. */
static void wait_idle(const struct process *hub, int nthreads)
{
	wait_threads(hub, 1 + nthreads, 0);
}

static struct process start_hub(const char *arguments)
{
	struct process hub = start_command("framehub -j --io %s %s", way, arguments);
	int i;

	wait_idle(&hub, 1);
	for (i = 0; i < NIC; i++)
		if (strstr(arguments, ports[i]))
			guest_wait_running(ports[i]);
	return hub;
}

/* What it prints at its end, which it comes to by itself. */
static struct json_object *end_of_hub(struct process *hub, int status)
{
	ck_assert_int_eq(wait_for_end(hub), status);
	return parse(printed);
}

static struct json_object *stop_hub(struct process *hub)
{
	kill(hub->pid, SIGINT);
	return end_of_hub(hub, 0);
}

/* What it prints when it is asked. */
static struct json_object *ask(const struct process *hub)
{
	forget_told(hub);
	kill(hub->pid, SIGUSR1);
	/* its last line is a brace */
	wait_told(hub, "\n}\n");
	return parse(strchr(complaint, '{'));
}

/* A counter of a port. */
static int64_t counter(struct json_object *object, int port, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/ports/%d/%s", port, name);
	return number(object, path);
}

#define counts(object, port, name, n)							\
	ck_assert_msg(counter(object, port, name) == (int64_t)(n), "%s of %s: %s",	\
		      name, ports[port], json_object_to_json_string(object))

static int64_t total(struct json_object *object, const char *name)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(at(object, "/ports")); i++)
		n += counter(object, i, name);
	return n;
}

/* Every frame that came in has gone somewhere. */
static void adds_up(struct json_object *object)
{
	const int64_t nports = json_object_array_length(at(object, "/ports"));
	const int64_t in = total(object, "in_frames"), flooded = total(object, "flooded");
	const int64_t kept = total(object, "filtered") + total(object, "drop_reserved");
	const int64_t lost = total(object, "drop_refused") + total(object, "drop_down") +
			     total(object, "drop_full") + total(object, "drop_gone");

	ck_assert_int_eq(in - flooded - kept + flooded * (nports - 1),
			 total(object, "out_frames") + lost);
	ck_assert_int_eq(total(object, "drops"), lost + total(object, "drop_reserved"));
}

/* --- learning -------------------------------------------------------- */

START_TEST(a_station_that_was_heard_gets_its_frames_alone)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;
	int i, j;

	/* 1, 2 and so on are behind A, B and so on; nobody is known yet */
	send_frame(A, 2, 1, 10);
	expect_at_others(A, 2, 1, 10);
	for (i = B; i < NPORTS; i++) {
		send_frame(i, 1, 1 + i, 20 + i);
		expect_frame(A, 1, 1 + i, 20 + i);
	}
	for (i = 0; i < NPORTS; i++)
		for (j = 0; j < NPORTS; j++)
			if (i != j) {
				send_frame(i, 1 + j, 1 + i, 30 + i);
				expect_frame(j, 1 + j, 1 + i, 30 + i);
			}
	/* and nobody else has got any of these: the next that comes is for all */
	send_frame(A, EVERYBODY, 1, 40);
	expect_at_others(A, EVERYBODY, 1, 40);
	send_frame(NIC, EVERYBODY, 4, 41);
	expect_at_others(NIC, EVERYBODY, 4, 41);

	object = stop_hub(&hub);
	adds_up(object);
	has_length(object, "/stations", 4);
	is_number(object, "/moves", 0);
	is_number(object, "/displaced", 0);
	is_text(object, "/ports/0/port", "fioa");
	is_bool(object, "/ports/3/there", true);
	counts(object, A, "flooded", 2);
	counts(object, B, "flooded", 0);
	counts(object, NIC, "flooded", 1);
	ck_assert_int_eq(total(object, "drops"), 0);
	for (i = 0; i < NIC; i++) {
		counts(object, i, "in_frames", guest_link_counter(ports[i], "tx_packets"));
		counts(object, i, "in_bytes", guest_link_counter(ports[i], "tx_bytes"));
		counts(object, i, "out_frames", guest_link_counter(ports[i], "rx_packets"));
		ck_assert_int_eq(counter(object, i, "in_bytes"),
				 counter(object, i, "in_frames") * LEN);
		ck_assert_int_eq(counter(object, i, "out_bytes"),
				 counter(object, i, "out_frames") * LEN);
	}
	counts(object, NIC, "in_frames", guest_link_counter("fiopeer", "tx_packets"));
	counts(object, NIC, "out_frames", guest_link_counter("fiopeer", "rx_packets"));
	guest_sh("! ls /dev/frameio/fionic 2>/dev/null");
}
END_TEST

START_TEST(groups_are_flooded_and_never_learned)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;
	unsigned char frame[LEN];

	send_frame(A, EVERYBODY, EVERYBODY, 1);
	expect_at_others(A, EVERYBODY, EVERYBODY, 1);
	make_frame(frame, LEN, 2, 1, 2);
	memset(frame + 6, 0, 6);
	ck_assert_int_eq(send(sockets[B], frame, LEN, 0), LEN);
	ck_assert_int_eq(recv(sockets[A], frame, LEN, 0), LEN);
	object = stop_hub(&hub);
	has_length(object, "/stations", 0);
	adds_up(object);
}
END_TEST

/* IEEE 802.1D: 01:80:c2:00:00:01 to 0f; those of the spanning tree pass. */
START_TEST(what_is_for_bridges_is_dropped)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;
	int i;

	for (i = 0; i <= 0x10; i++)
		send_frame(A, BRIDGES(i), 1, i);
	expect_at_others(A, BRIDGES(0), 1, 0);
	expect_at_others(A, BRIDGES(0x10), 1, 0x10);
	object = stop_hub(&hub);
	adds_up(object);
	counts(object, A, "drop_reserved", 15);
	counts(object, A, "drops", 15);

	hub = start_hub("--reserved fioa fiob fioc fionic");
	for (i = 0; i <= 0x10; i++)
		send_frame(A, BRIDGES(i), 1, i);
	for (i = 0; i <= 0x10; i++)
		expect_at_others(A, BRIDGES(i), 1, i);
	ck_assert_int_eq(total(stop_hub(&hub), "drops"), 0);
}
END_TEST

START_TEST(a_frame_stays_on_its_own_side)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;

	send_frame(A, EVERYBODY, 5, 1);
	expect_at_others(A, EVERYBODY, 5, 1);
	send_frame(A, 5, 1, 2);
	send_frame(A, EVERYBODY, 1, 3);
	expect_at_others(A, EVERYBODY, 1, 3);
	object = stop_hub(&hub);
	counts(object, A, "filtered", 1);
	adds_up(object);
}
END_TEST

START_TEST(a_station_may_move)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;

	send_frame(B, EVERYBODY, 2, 1);
	expect_at_others(B, EVERYBODY, 2, 1);
	send_frame(A, 2, 1, 2);
	expect_frame(B, 2, 1, 2);
	send_frame(NIC, EVERYBODY, 2, 3);
	expect_at_others(NIC, EVERYBODY, 2, 3);
	send_frame(A, 2, 1, 4);
	expect_frame(NIC, 2, 1, 4);
	send_frame(A, EVERYBODY, 1, 5);
	expect_at_others(A, EVERYBODY, 1, 5);
	object = stop_hub(&hub);
	is_number(object, "/moves", 1);
	has_length(object, "/stations", 2);
}
END_TEST

START_TEST(a_station_that_is_silent_is_forgotten)
{
	struct process hub = start_hub("--age 2 fioa fiob fioc");
	double heard = guest_now();
	uint32_t seed = 10;

	send_frame(B, EVERYBODY, 2, 1);
	expect_frame(A, EVERYBODY, 2, 1);
	expect_frame(C, EVERYBODY, 2, 1);
	/* until what is for it goes to all: then C gets it, too */
	do {
		send_frame(A, 2, 1, ++seed);
		expect_frame(B, 2, 1, seed);
	} while (!(guest_poll(sockets[C], POLLIN, 20) & POLLIN));
	ck_assert_double_ge(guest_now() - heard, 2);
	expect_frame(C, 2, 1, seed);
	ck_assert_uint_gt(seed, 11);
	stop_hub(&hub);
}
END_TEST

START_TEST(without_an_age_nothing_is_learned)
{
	struct process hub = start_hub("--age 0 fioa fiob fioc fionic");
	struct json_object *object;
	int i;

	for (i = 0; i < 20; i++) {
		send_frame(A, 2, 1, i);
		expect_at_others(A, 2, 1, i);
		send_frame(B, 1, 2, i);
		expect_at_others(B, 1, 2, i);
	}
	object = stop_hub(&hub);
	ck_assert_int_eq(total(object, "flooded"), 40);
	has_length(object, "/stations", 0);
}
END_TEST

START_TEST(more_stations_than_there_is_room_for)
{
	struct process hub = start_hub("--stations 60 fioa fiob fioc");
	struct json_object *object;
	size_t known;
	int i;

	for (i = 0; i < 2000; i++)
		send_frame(A, EVERYBODY, 10 + i, i);
	for (i = 0; i < 2000; i++) {
		expect_frame(B, EVERYBODY, 10 + i, i);
		expect_frame(C, EVERYBODY, 10 + i, i);
	}
	/* who comes now is known as ever */
	send_frame(B, EVERYBODY, 2, 1);
	expect_frame(C, EVERYBODY, 2, 1);
	send_frame(A, 2, 1, 2);
	expect_frame(B, 2, 1, 2);
	send_frame(A, EVERYBODY, 1, 3);
	expect_frame(C, EVERYBODY, 1, 3);
	object = stop_hub(&hub);
	known = json_object_array_length(at(object, "/stations"));
	ck_assert_uint_le(known, 64);
	ck_assert_uint_ge(known, 32);
	is_number(object, "/displaced", 2002 - known);
	adds_up(object);
}
END_TEST

/* --- frames that do not get through ---------------------------------- */

START_TEST(what_a_port_does_not_take_is_counted)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;

	guest_sh("ip link set fioc mtu 1000 && ip link set fiopeer mtu 1000 && "
		 "ip link set fionic mtu 1000");
	send_long(A, 1400, EVERYBODY, 1, 1);
	expect_long(B, 1400, EVERYBODY, 1, 1);
	send_frame(A, EVERYBODY, 1, 2);
	expect_at_others(A, EVERYBODY, 1, 2);
	object = stop_hub(&hub);
	counts(object, B, "drops", 0);
	counts(object, C, "drop_refused", 1);
	counts(object, NIC, "drop_refused", 1);
	adds_up(object);
}
END_TEST

START_TEST(a_port_that_is_down_stops_no_other)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;
	int i;

	send_frame(C, EVERYBODY, 3, 1);
	expect_at_others(C, EVERYBODY, 3, 1);
	guest_sh("ip link set fioc down && ip link set fiopeer down");
	for (i = 0; i < 50; i++) {
		send_frame(A, EVERYBODY, 1, i);
		expect_frame(B, EVERYBODY, 1, i);
	}
	/* 3 is not known there any more */
	send_frame(A, 3, 1, 100);
	expect_frame(B, 3, 1, 100);
	guest_sh("ip link set fioc up && ip link set fiopeer up");
	guest_wait_running("fioc");
	guest_wait_running("fionic");
	close(sockets[C]);
	close(sockets[NIC]);
	sockets[C] = guest_packet_socket("fioc");
	sockets[NIC] = guest_packet_socket("fiopeer");
	send_frame(A, EVERYBODY, 1, 200);
	expect_at_others(A, EVERYBODY, 1, 200);
	object = stop_hub(&hub);
	counts(object, C, "drop_down", 51);
	counts(object, NIC, "drop_down", 51);
	ck_assert_int_eq(total(object, "drops"), 102);
	adds_up(object);
}
END_TEST

/* Frames that the write queue of fioc has room for, below. */
#define HELD	8

/* Have all threads of a process run where this one does, and as urgently. */
static void run_beside(const struct process *process)
{
	const int policy = sched_getscheduler(0);
	struct sched_param param;
	struct dirent *entry;
	char path[64];
	cpu_set_t cpus;
	DIR *dir;

	ck_assert_int_eq(sched_getparam(0, &param), 0);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	snprintf(path, sizeof(path), "/proc/%d/task", process->pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		const pid_t tid = atoi(entry->d_name);

		if (!tid)
			continue;
		ck_assert_int_eq(sched_setscheduler(tid, policy, &param), 0);
		ck_assert_int_eq(sched_setaffinity(tid, sizeof(cpus), &cpus), 0);
	}
	closedir(dir);
}

/* A hub that writes to fioc, which nothing drains until guest_receive_release(). */
static struct process start_held(const char *arguments)
{
	struct process hub;

	good("frameio set fioc writelimit %d", HELD);
	hub = start_hub(arguments);
	guest_receive_hold("fioc");
	run_beside(&hub);
	return hub;
}

START_TEST(a_full_port_does_not_stop_the_others)
{
	struct process hub = start_held("--wait 50 fioa fiob fioc");
	struct json_object *object;
	const int n = 200;
	int i;

	for (i = 0; i < n; i++)
		send_frame(A, EVERYBODY, 1, i);
	do
		object = ask(&hub);
	while (counter(object, B, "out_frames") < n ||
	       counter(object, C, "drop_full") < n - HELD);
	counts(object, C, "out_frames", HELD);
	guest_receive_release();
	for (i = 0; i < n; i++)
		expect_frame(B, EVERYBODY, 1, i);
	for (i = 0; i < HELD; i++)
		expect_frame(C, EVERYBODY, 1, i);
	/* until it has told that it has room again */
	do {
		send_frame(A, EVERYBODY, 1, ++i);
		expect_frame(B, EVERYBODY, 1, i);
		wait_idle(&hub, 1);
		object = ask(&hub);
	} while (counter(object, C, "out_frames") == HELD);
	expect_frame(C, EVERYBODY, 1, i);
	object = stop_hub(&hub);
	counts(object, B, "drops", 0);
	ck_assert_int_ge(counter(object, C, "drop_full"), n - HELD);
	adds_up(object);
}
END_TEST

START_TEST(a_full_port_holds_a_pipe_and_loses_nothing)
{
	struct process hub = start_held("fioa fioc");
	struct json_object *object;
	const int n = 500;
	int i;

	for (i = 0; i < n; i++)
		send_frame(A, 3, 1, i);
	do
		object = ask(&hub);
	while (counter(object, 1, "out_frames") < HELD);
	/* the other way is free */
	send_frame(C, 1, 3, 1000);
	do
		object = ask(&hub);
	while (counter(object, 0, "out_frames") < 1);
	wait_idle(&hub, 1);
	object = ask(&hub);
	is_number(object, "/ports/1/out_frames", HELD);
	is_number(object, "/ports/1/drops", 0);
	ck_assert_int_lt(counter(object, 0, "in_frames"), n);
	guest_receive_release();
	expect_frame(A, 1, 3, 1000);
	for (i = 0; i < n; i++)
		expect_frame(C, 3, 1, i);
	object = stop_hub(&hub);
	ck_assert_int_eq(total(object, "drops"), 0);
	has_length(object, "/stations", 0);
	adds_up(object);
}
END_TEST

/* What waits at the end for a port that takes nothing is told, not forgotten. */
START_TEST(what_is_held_at_the_end_is_counted)
{
	struct process hub = start_held("fioa fioc");
	struct json_object *object;
	int i;

	for (i = 0; i < 100; i++)
		send_frame(A, 3, 1, i);
	do
		object = ask(&hub);
	while (counter(object, 1, "out_frames") < HELD || counter(object, 0, "in_frames") <= HELD);
	object = stop_hub(&hub);
	guest_receive_release();
	is_number(object, "/ports/1/out_frames", HELD);
	is_number(object, "/ports/1/drop_full", counter(object, 0, "in_frames") - HELD);
	adds_up(object);
}
END_TEST

/* --- ports that go and come ------------------------------------------ */

static ssize_t send_until_told(int unused, void *arg)
{
	atomic_int *stop = arg;
	uint32_t i;

	(void)unused;
	for (i = 0; !*stop; i++) {
		send_frame(B, 1, 2, i);
		usleep(100);
	}
	return i;
}

START_TEST(a_port_may_go_and_come_back_during_traffic)
{
	struct process hub = start_hub("fioa fiob fioc fionic");
	struct json_object *object;
	struct guest_call sender;
	atomic_int stop = 0;
	ssize_t sent, i;

	send_frame(A, EVERYBODY, 1, 1);
	expect_at_others(A, EVERYBODY, 1, 1);
	guest_call_start(&sender, send_until_told, 0, &stop);
	for (i = 0; i < 3; i++) {
		forget_told(&hub);
		guest_sh("ip link del fioc && ip link del fionic");
		wait_told(&hub, "framehub: port 'fioc' is gone");
		wait_told(&hub, "framehub: port 'fionic' is gone");
		close(sockets[C]);
		close(sockets[NIC]);
		add_port(C);
		add_nic();
		wait_told(&hub, "framehub: port 'fioc' is there again");
		wait_told(&hub, "framehub: port 'fionic' is there again");
		guest_wait_running("fioc");
		/* a NIC port takes frames from the first time that it is waited for */
		wait_idle(&hub, 1);
		send_frame(A, EVERYBODY, 1, 100 + i);
		expect_frame(C, EVERYBODY, 1, 100 + i);
		expect_frame(NIC, EVERYBODY, 1, 100 + i);
		send_frame(NIC, EVERYBODY, 4, 200 + i);
		expect_frame(C, EVERYBODY, 4, 200 + i);
	}
	stop = 1;
	sent = guest_call_join(&sender);
	/* the two that stayed did not notice, but for what came from the others */
	for (i = 0; i < sent;) {
		unsigned char expected[LEN], received[LEN];

		ck_assert_int_eq(recv(sockets[A], received, LEN, 0), LEN);
		if (received[11] == 4)
			continue;
		make_frame(expected, LEN, 1, 2, i++);
		ck_assert_mem_eq(received, expected, LEN);
	}
	object = stop_hub(&hub);
	is_bool(object, "/ports/2/there", true);
	counts(object, A, "drops", 0);
	counts(object, B, "drops", 0);
	adds_up(object);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
}
END_TEST

START_TEST(what_is_for_a_port_that_is_gone_is_counted)
{
	struct process hub = start_hub("fioa fiob fioc");
	struct json_object *object;
	int i;

	send_frame(C, EVERYBODY, 3, 1);
	expect_frame(A, EVERYBODY, 3, 1);
	expect_frame(B, EVERYBODY, 3, 1);
	guest_sh("ip link del fioc");
	wait_told(&hub, "framehub: port 'fioc' is gone");
	for (i = 0; i < 10; i++) {
		/* 3 may be anywhere */
		send_frame(A, 3, 1, i);
		expect_frame(B, 3, 1, i);
	}
	object = stop_hub(&hub);
	is_bool(object, "/ports/2/there", false);
	counts(object, C, "drop_gone", 10);
	adds_up(object);
}
END_TEST

/* A namespace may go with the port in it, and another come by its name. */
START_TEST(a_namespace_may_go_and_come_back)
{
	struct process hub;
	int i;

	guest_add_netns("framehub1");
	guest_sh("ip -n framehub1 link add fio0 type frameio");
	hub = start_hub("fioa framehub1:fio0");
	for (i = 0; i < 2; i++) {
		forget_told(&hub);
		guest_sh("ip netns del framehub1");
		wait_told(&hub, "framehub: port 'framehub1:fio0' is gone");
		guest_sh("ip netns add framehub1 && ip -n framehub1 link add fio0 type frameio && "
			 "ip -n framehub1 address add 192.0.2.1/24 dev fio0 && "
			 "ip -n framehub1 link set fio0 up");
		wait_told(&hub, "framehub: port 'framehub1:fio0' is there again");
		guest_sh("ip neigh flush dev fioa; ip address replace 192.0.2.2/24 dev fioa && "
			 "ping -q -c 2 -i 0.2 -W 20 192.0.2.1 >/dev/null");
	}
	stop_hub(&hub);
	guest_sh("ip netns del framehub1");
}
END_TEST

START_TEST(it_may_end_with_its_port)
{
	struct process hub = start_hub("-x fioa fiob fioc");
	struct json_object *object;

	guest_sh("ip link del fiob");
	object = end_of_hub(&hub, 1);
	is_bool(object, "/ports/1/there", false);
	has(complaint, "framehub: port 'fiob' is gone");
}
END_TEST

/* Who takes a NIC away from it may have it. */
START_TEST(a_nic_that_was_detached_is_left_alone)
{
	struct frameio_delete request = { .fd_name = "fionic" };
	struct process hub = start_hub("fioa fionic");
	int fd = guest_control();

	guest_sh("ip -d link show fionic | grep -q 'promiscuity 1'");
	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	wait_told(&hub, "framehub: port 'fionic' is gone");
	wait_told(&hub, "framehub: port 'fionic' was detached: it is left alone");
	guest_sh("ip link add fiobridge type bridge && ip link set fionic master fiobridge && "
		 "ip link del fiobridge");
	forget_told(&hub);
	guest_sh("ip link del fionic");
	close(sockets[NIC]);
	wait_told(&hub, "'fionic' is gone");
	add_nic();
	wait_told(&hub, "framehub: port 'fionic' is there again");
	wait_idle(&hub, 1);
	send_frame(NIC, EVERYBODY, 4, 1);
	expect_frame(A, EVERYBODY, 4, 1);
	stop_hub(&hub);
	close(fd);
}
END_TEST

START_TEST(what_comes_back_as_another_kind_is_told)
{
	struct process hub = start_hub("fioa fiob fioc");

	guest_sh("ip link del fioc && ip link add fioc type frameio l3 2>/dev/null || "
		 "frameio add fioc l3");
	wait_told(&hub, "framehub: port 'fioc' is there again, but cannot be used: it is an L3 "
		  "port now");
	send_frame(A, EVERYBODY, 1, 1);
	expect_frame(B, EVERYBODY, 1, 1);
	forget_told(&hub);
	guest_sh("ip link del fioc");
	add_port(C);
	wait_told(&hub, "framehub: port 'fioc' is there again");
	guest_wait_running("fioc");
	send_frame(A, EVERYBODY, 1, 2);
	expect_frame(C, EVERYBODY, 1, 2);
	stop_hub(&hub);
}
END_TEST

/* --- hosts ----------------------------------------------------------- */

/* Three hosts, one leaves us its offloads, the last is at a NIC; each has a VLAN, too. */
static void add_hosts(unsigned int nqueues)
{
	int i;

	for (i = 1; i <= 3; i++) {
		guest_sh("ip netns del framehub%d 2>/dev/null; ip netns add framehub%d", i, i);
		if (i == 1)
			guest_sh("ip -n framehub1 link add fio0 numtxqueues %u numrxqueues %u "
				 "type frameio", nqueues, nqueues);
		else if (i == 2)
			guest_sh("ip netns exec framehub2 frameio add fio0 queues %u offload",
				 nqueues);
		else
			guest_sh("ip -n framehub3 link add fio0 type veth peer name fiohost && "
				 "ip -n framehub3 link set fiohost netns 1 && "
				 "ip link set fiohost up");
		guest_sh("ip -n framehub%d link set fio0 up && "
			 "ip -n framehub%d address add 192.0.2.%d/24 dev fio0 && "
			 "ip -n framehub%d link add link fio0 fio0.7 type vlan id 7 && "
			 "ip -n framehub%d link set fio0.7 up && "
			 "ip -n framehub%d address add 198.51.100.%d/24 dev fio0.7",
			 i, i, i, i, i, i, i);
	}
}

static void delete_hosts(void)
{
	guest_sh("ip link del fiohost; for i in 1 2 3; do ip netns del framehub$i; done");
}

#define HOSTS	"framehub1:fio0 framehub2:fio0 fiohost"

/* A tag that a NIC's driver takes off travels beside the frame, and another in it. */
START_TEST(hosts_reach_each_other)
{
	struct json_object *object;
	struct process hub;
	int i, j;

	add_hosts(1);
	hub = start_hub(HOSTS);
	for (i = 1; i <= 3; i++)
		for (j = 1; j <= 3; j++)
			if (i != j) {
				guest_sh("ip netns exec framehub%d ping -q -c 2 -i 0.1 -W 20 "
					 "192.0.2.%d >/dev/null", i, j);
				guest_sh("ip netns exec framehub%d ping -q -c 2 -i 0.1 -W 20 "
					 "-M do -s 1472 198.51.100.%d >/dev/null", i, j);
			}
	object = stop_hub(&hub);
	ck_assert_int_eq(total(object, "drops"), 0);
	has_length(object, "/stations", 3);
	adds_up(object);
	delete_hosts();
}
END_TEST

/* Send @n files of @kb KB to host @to over TCP, from @from, all at once. */
static void transfer(int from, int to, int n, int kb)
{
	guest_sh("cd /run; rm -f sent.* received.*; i=0; while [ $i -lt %d ]; do "
		 "head -c %d000 /dev/urandom >sent.$i; "
		 "ip netns exec framehub%d socat -u TCP-LISTEN:500$i,reuseaddr "
		 "OPEN:received.$i,creat,trunc & "
		 "ip netns exec framehub%d socat -u OPEN:sent.$i "
		 "TCP:192.0.2.%d:500$i,retry=200,interval=0.1 & "
		 "i=$((i + 1)); done; wait; i=0; "
		 "while [ $i -lt %d ]; do cmp sent.$i received.$i || exit 1; i=$((i + 1)); done",
		 n, kb, to, from, to, n);
}

START_TEST(files_pass_byte_for_byte)
{
	struct json_object *object;
	struct process hub;

	add_hosts(1);
	hub = start_hub(HOSTS);
	transfer(1, 2, 1, 5000);
	transfer(3, 1, 1, 5000);
	transfer(2, 3, 1, 5000);
	object = stop_hub(&hub);
	ck_assert_int_eq(total(object, "drops"), 0);
	ck_assert_int_gt(total(object, "in_bytes"), 15000000);
	adds_up(object);
	delete_hosts();
}
END_TEST

START_TEST(threads_share_the_work)
{
	struct process hub;
	struct json_object *object;

	add_hosts(3);
	hub = start_command("framehub -j --threads 3 " HOSTS);
	wait_idle(&hub, 3);
	good("frameio -j -n framehub1 show fio0");
	is_number(parse(printed), "/0/num_open", 3);
	transfer(1, 2, 9, 300);
	transfer(3, 1, 9, 300);
	/* one of the threads has its queue pair, and the others say so */
	guest_sh("ip -n framehub2 link del fio0 && ip -n framehub2 link add fio0 type frameio");
	wait_told(&hub, "framehub: port 'framehub2:fio0' is there again, but cannot be used: all "
		  "its queue pairs are in use, and --threads takes one for each thread");
	ck_assert_ptr_null(strstr(strstr(complaint, "is gone") + 1, "is gone"));
	guest_sh("ip -n framehub2 link del fio0 && "
		 "ip -n framehub2 link add fio0 numtxqueues 3 numrxqueues 3 type frameio && "
		 "ip -n framehub2 link set fio0 up && "
		 "ip -n framehub2 address add 192.0.2.2/24 dev fio0 && "
		 "for i in 1 3; do ip -n framehub$i neigh flush dev fio0; done");
	guest_sh("until frameio -n framehub2 show fio0 | grep -q ', 3 open'; do sleep 0.05; done");
	transfer(3, 2, 9, 300);
	object = stop_hub(&hub);
	adds_up(object);
	/* several queue pairs were in use */
	bad(1, "cannot open port 'framehub1:fio0': all its queue pairs are in use, and --threads "
	    "takes one for each thread", "framehub -j --threads 4 " HOSTS);
	delete_hosts();
}
END_TEST

START_TEST(packets_pass_a_pipe)
{
	struct process hub;
	int i;

	for (i = 1; i <= 2; i++) {
		guest_sh("ip netns del framehub%d 2>/dev/null; ip netns add framehub%d", i, i);
		good("frameio -n framehub%d add fio0 l3 up", i);
		guest_sh("ip -n framehub%d address add 192.0.2.%d/24 dev fio0", i, i);
	}
	hub = start_hub("framehub1:fio0 framehub2:fio0");
	guest_sh("ip netns exec framehub1 ping -q -c 2 -i 0.1 -W 20 192.0.2.2 >/dev/null");
	adds_up(stop_hub(&hub));
	for (i = 1; i <= 2; i++)
		guest_sh("ip netns del framehub%d", i);
}
END_TEST

/* A cable has no opinion on addresses. */
START_TEST(everything_passes_a_pipe)
{
	struct process hub = start_hub("fioa fionic");
	struct json_object *object;
	int i;

	for (i = 0; i < 300; i++) {
		send_frame(A, i % 3 ? 7 : BRIDGES(i % 16), 1, i);
		send_frame(NIC, i % 2 ? 1 : EVERYBODY, 1, i);
	}
	for (i = 0; i < 300; i++) {
		expect_frame(NIC, i % 3 ? 7 : BRIDGES(i % 16), 1, i);
		expect_frame(A, i % 2 ? 1 : EVERYBODY, 1, i);
	}
	object = stop_hub(&hub);
	ck_assert_int_eq(total(object, "in_frames"), 600);
	ck_assert_int_eq(total(object, "out_frames"), 600);
	ck_assert_int_eq(total(object, "drops"), 0);
	ck_assert_int_le(counter(object, 0, "in_calls"), 300);
}
END_TEST

/* --- what its user sees ---------------------------------------------- */

/* And nothing is printed. */
#define refused(...) do {		\
	bad(__VA_ARGS__);		\
	ck_assert_str_eq(printed, "");	\
} while (0)

START_TEST(refusals_are_sentences)
{
	refused(2, "takes 2 to 256 ports, not 0", "framehub");
	refused(2, "takes 2 to 256 ports, not 1", "framehub fioa");
	refused(2, "takes 2 to 256 ports, not 257", "framehub $(seq 257)");
	refused(2, "'fioa' is given twice", "framehub fioa fiob fioa");
	refused(2, "'a/b' is no interface name", "framehub fioa a/b");
	refused(2, "--age takes a number from 0 to 1000000, not '-1'", "framehub -a -1 fioa fiob");
	refused(2, "--age takes a number from 0 to 1000000, not '5s'", "framehub -a 5s fioa fiob");
	refused(2, "--batch takes a number from 1 to 32, not '33'", "framehub -b 33 fioa fiob");
	refused(2, "--batch takes a number from 1 to 32, not '0'", "framehub -b 0 fioa fiob");
	refused(2, "--io takes frameio, packed or ring, not 'wire'", "framehub --io wire fioa fiob");
	refused(2, "--stations takes a number from 8 to 16777216, not '7'",
		"framehub -s 7 fioa fiob");
	refused(2, "--threads takes a number from 1 to 64, not '65'", "framehub -t 65 fioa fiob");
	refused(2, "--wait takes a number of milliseconds, or 'forever', not 'ever'",
		"framehub -w ever fioa fiob");
	refused(2, "--wait takes a number from 0 to 60000, not '60001'",
		"framehub -w 60001 fioa fiob");
	refused(2, "unrecognized option '--nonsense'", "framehub --nonsense fioa fiob");

	refused(1, "cannot open port 'nowhere': there is no such interface",
		"framehub fioa nowhere");
	refused(1, "cannot open port 'nowhere:fio0': the frameio module is not loaded ('modprobe "
		"frameio' loads it), or there is no network namespace of that name",
		"framehub fioa nowhere:fio0");
	refused(1, "cannot open port 'lo': it is neither a frameio port nor an Ethernet interface",
		"framehub fioa lo");
	refused(1, "cannot open port 'fionic': not permitted: it is no port yet, and making it one "
		"takes root", AS_NOBODY "framehub fionic fioa");
	refused(1, "cannot open port 'fioa': not permitted: only root, the port's owner",
		AS_NOBODY "framehub fioa fiob");
	guest_sh("ip link add fiobridge type bridge && ip link set fionic master fiobridge");
	refused(1, "cannot open port 'fionic': a bridge, a bond, a macvlan or the like takes what",
		"framehub fioa fionic");
	guest_sh("ip link del fiobridge");
	good("frameio add fio3 l3 && frameio add fio4 l3 && frameio add fio5 l3");
	refused(1, "cannot join 'fioa', an L2 port, and 'fio3', an L3 port", "framehub fioa fio3");
	refused(1, "cannot join 'fio3', an L3 port, and 'fionic', an L2 port",
		"framehub fio3 fionic");
	refused(1, "cannot join 3 L3 ports, only two", "framehub fio3 fio4 fio5");
	/* nothing of that is left */
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	good("frameio -j show fioa");
	is_number(parse(printed), "/0/num_open", 0);
}
END_TEST

START_TEST(it_prints_a_table)
{
	struct process hub = start("framehub", "fioa", "fiob", "fioc");
	const char *line;
	int i;

	wait_idle(&hub, 1);
	for (i = 0; i < NIC; i++)
		guest_wait_running(ports[i]);
	send_frame(A, EVERYBODY, 1, 1);
	expect_frame(B, EVERYBODY, 1, 1);
	expect_frame(C, EVERYBODY, 1, 1);
	kill(hub.pid, SIGUSR1);
	wait_told(&hub, "02:00:00:00:00:01  fioa ");
	wait_told(&hub, "1 stations, 0 moves");
	/* and goes on, showing nothing meanwhile, as that is no terminal */
	send_frame(A, EVERYBODY, 1, 2);
	expect_frame(B, EVERYBODY, 1, 2);
	kill(hub.pid, SIGTERM);
	line = next_line(&hub);
	ck_assert_int_eq(strncmp(line, "port ", 5), 0);
	ck_assert_uint_lt(strlen(line), 80);
	line = next_line(&hub);
	ck_assert_msg(!strncmp(line, "fioa ", 5) && strstr(line, "  2     200B    1.0 "), "%s",
		      line);
	line = next_line(&hub);
	ck_assert_msg(!strncmp(line, "fiob ", 5) && strstr(line, "  2     200B    1.0"), "%s",
		      line);
	do
		line = next_line(&hub);
	while (!strstr(line, "flooded"));
	line = next_line(&hub);
	ck_assert_msg(!strncmp(line, "fioa ", 5) && strstr(line, " 2        0 "), "%s", line);
	do
		line = next_line(&hub);
	while (!strstr(line, "stations"));
	ck_assert_str_eq(line, "1 stations, 0 moves to another port, 0 displaced");
	ck_assert_int_eq(wait_for_end(&hub), 0);
	ck_assert_ptr_null(strstr(complaint, "frames/s"));
}
END_TEST

START_TEST(it_shows_its_progress_on_a_terminal)
{
	char *const words[] = { "sh", "-c", "exec framehub fioa fiob fioc 2>&1", NULL };
	struct process hub = start_on_terminal(40, words);
	char text[4096] = "", *line;
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fileno(hub.output), text + len, sizeof(text) - 1 - len);
		ck_assert_int_gt(n, 0);
		len += n;
		text[len] = '\0';
		line = strstr(text, "\r\033[K0 dropped, 0 stations  fioa > 0 ");
	} while (!line || !strstr(line + 1, "\r\033[K"));
	/* it fits a line, as it is written over */
	ck_assert_uint_lt(strcspn(line + 4, "\r"), 40);
	interrupt(&hub);
}
END_TEST

START_TEST(what_cannot_be_printed_is_a_failure)
{
	struct process hub = start_command("framehub fioa fiob >/dev/full");

	wait_idle(&hub, 1);
	kill(hub.pid, SIGINT);
	end_badly(&hub, 1, "cannot write to standard output: No space left on device");
	/* nobody reads it, nor what it says meanwhile: no failure */
	hub = start("sh", "-c", "exec framehub fioa fiob fioc 2>&1");
	wait_idle(&hub, 1);
	stop_reading(&hub);
	guest_sh("ip link del fioc");
	/* a frame for it is counted once it knows; the others go on */
	guest_wait_running("fioa");
	send_frame(A, EVERYBODY, 1, 1);
	expect_frame(B, EVERYBODY, 1, 1);
	interrupt(&hub);
}
END_TEST

/* As a user would type them, but that those which go on are ended. */
START_TEST(the_examples_of_the_manual_page_work)
{
	FILE *page = open_examples("framehub.1");
	unsigned int n = 0;
	const char *text;

	guest_free_name("eth1");
	guest_sh("ip link add eth1 type veth peer name eth1peer && "
		 "ip link set eth1 up && ip link set eth1peer up");
	for (; (text = next_example(page)); n++)
		ck_assert_msg(run("set -e\n%s\nwait", text) == 0, "%s: %s", text, complaint);
	ck_assert_uint_ge(n, 3);
	guest_sh("ip link del eth1; for i in 1 2 3; do ip netns del host$i 2>/dev/null; done; :");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("framehub");
	TCase *tcase;

	find_tools("framehub");
	tcase = guest_tcase(suite, "switch", 240, setup, NULL);
	tcase_add_test(tcase, a_station_that_was_heard_gets_its_frames_alone);
	tcase_add_test(tcase, groups_are_flooded_and_never_learned);
	tcase_add_test(tcase, what_is_for_bridges_is_dropped);
	tcase_add_test(tcase, a_frame_stays_on_its_own_side);
	tcase_add_test(tcase, a_station_may_move);
	tcase_add_test(tcase, a_station_that_is_silent_is_forgotten);
	tcase_add_test(tcase, without_an_age_nothing_is_learned);
	tcase_add_test(tcase, more_stations_than_there_is_room_for);
	tcase = guest_tcase(suite, "drops", 240, setup, NULL);
	tcase_add_test(tcase, what_a_port_does_not_take_is_counted);
	tcase_add_test(tcase, a_port_that_is_down_stops_no_other);
	tcase_add_test(tcase, a_full_port_does_not_stop_the_others);
	tcase_add_test(tcase, a_full_port_holds_a_pipe_and_loses_nothing);
	tcase_add_test(tcase, what_is_held_at_the_end_is_counted);
	tcase = guest_tcase(suite, "ports", 240, setup, NULL);
	tcase_add_test(tcase, a_port_may_go_and_come_back_during_traffic);
	tcase_add_test(tcase, what_is_for_a_port_that_is_gone_is_counted);
	tcase_add_test(tcase, a_namespace_may_go_and_come_back);
	tcase_add_test(tcase, it_may_end_with_its_port);
	tcase_add_test(tcase, a_nic_that_was_detached_is_left_alone);
	tcase_add_test(tcase, what_comes_back_as_another_kind_is_told);
	tcase = guest_tcase(suite, "hosts", 240, setup, NULL);
	tcase_add_test(tcase, hosts_reach_each_other);
	tcase_add_test(tcase, files_pass_byte_for_byte);
	tcase_add_test(tcase, threads_share_the_work);
	tcase_add_test(tcase, packets_pass_a_pipe);
	tcase_add_test(tcase, everything_passes_a_pipe);
	tcase = guest_tcase(suite, "packed", 240, setup_packed, NULL);
	tcase_add_test(tcase, a_station_that_was_heard_gets_its_frames_alone);
	tcase_add_test(tcase, what_is_for_bridges_is_dropped);
	tcase_add_test(tcase, what_a_port_does_not_take_is_counted);
	tcase_add_test(tcase, a_full_port_does_not_stop_the_others);
	tcase_add_test(tcase, a_full_port_holds_a_pipe_and_loses_nothing);
	tcase_add_test(tcase, what_is_held_at_the_end_is_counted);
	tcase_add_test(tcase, a_port_may_go_and_come_back_during_traffic);
	tcase_add_test(tcase, files_pass_byte_for_byte);
	tcase_add_test(tcase, everything_passes_a_pipe);
	tcase = guest_tcase(suite, "ring", 240, setup_ring, NULL);
	tcase_add_test(tcase, a_station_that_was_heard_gets_its_frames_alone);
	tcase_add_test(tcase, what_is_for_bridges_is_dropped);
	tcase_add_test(tcase, a_port_may_go_and_come_back_during_traffic);
	tcase_add_test(tcase, files_pass_byte_for_byte);
	tcase_add_test(tcase, everything_passes_a_pipe);
	tcase = guest_tcase(suite, "user", 240, setup, NULL);
	tcase_add_test(tcase, refusals_are_sentences);
	tcase_add_test(tcase, it_prints_a_table);
	tcase_add_test(tcase, it_shows_its_progress_on_a_terminal);
	tcase_add_test(tcase, what_cannot_be_printed_is_a_failure);
	tcase_add_test(tcase, the_examples_of_the_manual_page_work);
	return guest_run(suite);
}
