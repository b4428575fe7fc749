/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framegen(1), as its users meet it, on a veth pair whose ends are in two network
 * namespaces:
 *
 *	fiogen 198.18.0.1/15 ---------- fiopeer 198.19.0.1/15
 *	here                            netns gen
 */
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

#define OURS	"fiogen"
#define THEIRS	"gen:fiopeer"

/* What frames have before their payload, without tags, of UDP over IPv4. */
#define HEADERS	42

static void teardown(void)
{
	if (!access("/sys/class/net/" OURS, F_OK))
		/* it may just be going with the other's namespace */
		guest_sh("ip link del " OURS " 2>/dev/null || :");
}

/* The other's namespace is made once. */
static void setup(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int gen;

	guest_delete_ports();
	teardown();
	/* what a slow machine is behind with waits there */
	guest_write_file("200000", "/proc/sys/net/core/netdev_max_backlog");
	if (access("/run/netns/gen", F_OK))
		guest_add_netns("gen");
	gen = open("/run/netns/gen", O_RDONLY | O_CLOEXEC);
	guest_sh("printf '%%s\n' 'link add fiogen type veth peer name fiopeer netns gen' "
		 "'address add 198.18.0.1/15 dev fiogen' | ip -batch -");
	ck_assert_int_eq(setns(gen, CLONE_NEWNET), 0);
	guest_sh("ip address add 198.19.0.1/15 dev fiopeer");
	guest_disable_ipv6("fiopeer");
	guest_set_up("fiopeer", 1500);
	ck_assert_int_eq(setns(home, CLONE_NEWNET), 0);
	guest_disable_ipv6(OURS);
	guest_set_up(OURS, 1500);
	guest_wait_running(OURS);
	close(gen);
	close(home);
}

/* --- running it ------------------------------------------------------ */

#define RX		"framegen -i " THEIRS
#define TX		"framegen -i " OURS " -f tx"

/* Until that many threads wait for frames, or for room for them. */
static void wait_waiting(const struct process *process, unsigned int threads)
{
	wait_threads(process, threads, 2);
}

/* --- what it tells --------------------------------------------------- */

static double fraction(struct json_object *object, const char *path)
{
	ck_assert_msg(json_object_is_type(at(object, path), json_type_double), "%s: no fraction",
		      path);
	return json_object_get_double(at(object, path));
}

/* What happened to frames on their way. */
static void expect_loss(struct json_object *object, int64_t frames, int64_t lost,
			int64_t duplicates, int64_t reordered)
{
	is_number(object, "/frames", frames);
	is_number(object, "/lost", lost);
	is_number(object, "/duplicates", duplicates);
	is_number(object, "/reordered", reordered);
	is_number(object, "/late", 0);
	is_number(object, "/untracked", 0);
	is_number(object, "/latency_ns/count", frames - number(object, "/skewed"));
}

static uint64_t count_sent(void)
{
	return guest_link_counter(OURS, "tx_packets");
}

static void wait_sent(uint64_t frames)
{
	while (count_sent() < frames)
		guest_pause();
}

/* Until the other interface has received so many. */
static void wait_received(int64_t frames)
{
	while (atoll(good("ip netns exec gen cat /sys/class/net/fiopeer/statistics/rx_packets")) <
	       frames)
		guest_pause();
}

/* --- from one to another --------------------------------------------- */

/* A long queue loses nothing, and one CPU keeps the order. */
START_TEST(what_one_sends_another_receives)
{
	const uint64_t sent = count_sent(), bytes = guest_link_counter(OURS, "tx_bytes");
	struct process receiver = start_command(RX " -j -n 100k --queue 65536");
	static const char *const order[] = {
		"/min", "/p50", "/p90", "/p99", "/p99.9", "/p99.99", "/max",
	};
	struct json_object *tx, *rx, *latency;
	size_t i;

	wait_waiting(&receiver, 1);
	tx = parse(good(TX " -j -n 100k -a 0"));
	rx = parse(end_well(&receiver));
	is_text(tx, "/port", OURS);
	is_text(tx, "/function", "tx");
	is_text(tx, "/io", "frameio");
	is_number(tx, "/frames", 100000);
	is_number(tx, "/bytes", 6000000);
	is_number(tx, "/waiting", 0);
	is_number(tx, "/threads/0/cpu", 0);
	is_number(tx, "/threads/0/frames", 100000);
	ck_assert_int_ge(number(tx, "/calls"), 100000 / 32);
	ck_assert_int_lt(number(tx, "/calls"), 100000 / 16);
	ck_assert_double_eq_tol(fraction(tx, "/bits_per_second"),
				480 * fraction(tx, "/frames_per_second"), 1);
	ck_assert_uint_eq(count_sent() - sent, 100000);
	ck_assert_uint_eq(guest_link_counter(OURS, "tx_bytes") - bytes, 6000000);

	is_text(rx, "/port", THEIRS);
	is_text(rx, "/function", "rx");
	is_number(rx, "/bytes", 6000000);
	is_number(rx, "/streams", 1);
	is_number(rx, "/others", 0);
	expect_loss(rx, 100000, 0, 0, 0);
	latency = at(rx, "/latency_ns");
	ck_assert_int_gt(number(latency, "/min"), 0);
	for (i = 1; i < sizeof(order) / sizeof(*order); i++)
		ck_assert_int_ge(number(latency, order[i]), number(latency, order[i - 1]));
	ck_assert_int_ge(number(latency, "/mean"), number(latency, "/min"));
	ck_assert_int_le(number(latency, "/mean"), number(latency, "/max"));
	json_object_put(tx);
	json_object_put(rx);
	/* it is let go */
	guest_sh("test ! -e /dev/frameio/fiogen");
}
END_TEST

static const char *const ways[] = { "frameio", "readv", "packed", "ring", "packet", "udp" };

#define NWAYS	(int)(sizeof(ways) / sizeof(*ways))

/*
 * The same frames by every way to the same way, and to another; UDP's sockets have them
 * verified by the stack.
 */
START_TEST(every_way_sends_to_every_way)
{
	const char *from = ways[_i / 2], *to = ways[(_i / 2 + _i % 2) % NWAYS];
	struct process receiver = start_command(RX " --io %s -j -n 3000 --queue 8192", to);
	struct json_object *tx, *rx;

	wait_waiting(&receiver, 1);
	tx = parse(good(TX " --io %s -j -n 3000 -R 20k -l 200 -b 16 -a 1", from));
	rx = parse(end_well(&receiver));
	is_text(tx, "/io", from);
	is_number(tx, "/frames", 3000);
	is_number(tx, "/bytes", 600000);
	is_text(rx, "/io", to);
	is_number(rx, "/bytes", 600000);
	is_number(rx, "/streams", 1);
	expect_loss(rx, 3000, 0, 0, 0);
	json_object_put(tx);
	json_object_put(rx);
}
END_TEST

/* Each 256th frame, by its sequence number, whose lowest byte is 51 bytes into the frame. */
START_TEST(what_is_dropped_is_lost)
{
	struct process receiver;
	struct json_object *rx;

	guest_sh("tc -n gen qdisc add dev fiopeer clsact && "
		 "tc -n gen filter add dev fiopeer ingress protocol ip "
		 "u32 match u8 7 0xff at 37 action drop");
	receiver = start_command(RX " -j -n 2550 --queue 8192");
	wait_waiting(&receiver, 1);
	good(TX " -n 2560 -R 20k -a 0");
	rx = parse(end_well(&receiver));
	expect_loss(rx, 2550, 10, 0, 0);
	json_object_put(rx);
}
END_TEST

/* A frame of framegen's, with a checksum of 0: there is none. */
static void make_frame(unsigned char frame[60], uint16_t stream, uint32_t sequence)
{
	static const unsigned char headers[HEADERS + 4] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 0,
		0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0xae, 0x98, 198, 18, 0, 1, 198, 19, 0, 1,
		4, 0xd2, 4, 0xd2, 0, 26, 0, 0, 0xf7, 0xa3, 0xe1, 0x0d,
	};

	memset(frame, 0, 60);
	memcpy(frame, headers, sizeof(headers));
	stream = htons(stream);
	sequence = htonl(sequence);
	memcpy(frame + HEADERS + 4, &stream, sizeof(stream));
	memcpy(frame + HEADERS + 6, &sequence, sizeof(sequence));
}

#define CAPTURE	"/run/framegen.pcap"

struct capture {
	pcap_t *dead;
	pcap_dumper_t *dumper;
};

static struct capture open_capture(void)
{
	struct capture capture = { .dead = pcap_open_dead(DLT_EN10MB, 65536) };

	capture.dumper = pcap_dump_open(capture.dead, CAPTURE);
	ck_assert_ptr_nonnull(capture.dumper);
	return capture;
}

static void close_capture(struct capture *capture)
{
	pcap_dump_close(capture->dumper);
	pcap_close(capture->dead);
}

/* A frame that came so many milliseconds after the first. */
static void capture_frame(struct capture *capture, unsigned int ms, const void *frame,
			  unsigned int len, unsigned int caplen)
{
	const struct pcap_pkthdr header = {
		.ts = { .tv_sec = 1600000000 + ms / 1000, .tv_usec = ms % 1000 * 1000 },
		.caplen = caplen,
		.len = len,
	};

	pcap_dump((unsigned char *)capture->dumper, &header, frame);
}

/* Of two streams: 1000 frames, of which 3 are missing, 2 come twice and one later. */
START_TEST(loss_duplicates_and_reordering_are_told_apart)
{
	struct capture capture = open_capture();
	struct process receiver;
	struct json_object *rx;
	unsigned char frame[60];
	uint32_t i, n;

	for (i = 0; i < 1000; i++) {
		if (i == 10 || i == 11 || i == 500)
			continue;
		n = i == 30 ? 31 : i == 31 ? 30 : i;
		make_frame(frame, 1, n);
		capture_frame(&capture, i, frame, 60, 60);
		if (i == 20 || i == 900)
			capture_frame(&capture, i, frame, 60, 60);
		make_frame(frame, 2, i);
		capture_frame(&capture, i, frame, 60, 60);
	}
	close_capture(&capture);
	receiver = start_command(RX " -j -n 1996 --queue 8192");
	wait_waiting(&receiver, 1);
	good(TX " -a 0 -R 20k -P " CAPTURE);
	rx = parse(end_well(&receiver));
	is_number(rx, "/streams", 2);
	/* of the other stream, the same three are missing */
	expect_loss(rx, 1996, 6, 2, 1);
	json_object_put(rx);

	receiver = start_command(RX " -n 1996 --queue 8192");
	wait_waiting(&receiver, 1);
	good(TX " -a 0 -R 20k -P " CAPTURE);
	end_well(&receiver);
	has_line("^streams    2: 6 lost \\(0\\.3%\\), 2 duplicates, 1 reordered$");
}
END_TEST

START_TEST(threads_have_a_queue_pair_each)
{
	struct process receiver = start_command(RX " -p 2 -j -n 8000 --queue 8192");
	struct json_object *tx, *rx;
	int i;

	wait_waiting(&receiver, 2);
	tx = parse(good(TX " -p 4 -a 0,1 -j -n 8k -R 20k -d 198.19.0.1:1-:64"));
	rx = parse(end_well(&receiver));
	ck_assert_uint_eq(json_object_array_length(at(tx, "/threads")), 4);
	for (i = 0; i < 4; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/threads/%d/frames", i);
		is_number(tx, path, 2000);
		snprintf(path, sizeof(path), "/threads/%d/cpu", i);
		is_number(tx, path, i % 2);
	}
	is_number(rx, "/frames", 8000);
	is_number(rx, "/streams", 4);
	is_number(rx, "/lost", 0);
	is_number(rx, "/duplicates", 0);
	/* flows are shared out */
	ck_assert_int_gt(number(rx, "/threads/0/frames"), 0);
	ck_assert_int_gt(number(rx, "/threads/1/frames"), 0);
	json_object_put(tx);
	json_object_put(rx);
	receiver = start_command(RX " --io packet -p 2 -j -n 2000 --queue 8192");
	wait_waiting(&receiver, 2);
	good(TX " -n 2000 -R 20k -d 198.19.0.1:1-:64");
	rx = parse(end_well(&receiver));
	is_number(rx, "/frames", 2000);
	is_number(rx, "/lost", 0);
	json_object_put(rx);
}
END_TEST

/*
 * Where packet sockets share frames, they do so among themselves: each of these is the
 * first process of its container. And with more on its way when there are enough, what is
 * lost is not what another thread has not read yet.
 */
START_TEST(containers_on_one_interface_have_all_frames_each)
{
	struct process receivers[2], sender;
	struct json_object *rx;
	int i;

	for (i = 0; i < 2; i++) {
		receivers[i] = start_command("unshare -pf framegen -i " THEIRS
					     " --io packet -p 2 -j -n 2000 --queue 8192");
		/* which is not our child: it and its threads sleep in poll(2) */
		while (run("test $(cat /proc/$(pgrep -P %d)/task/*/syscall | grep -c '^%d ') = 3",
			   receivers[i].pid, SYS_ppoll))
			guest_pause();
	}
	sender = start_command(TX " -a 0 -R 20k -d 198.19.0.1:1-:64");
	for (i = 0; i < 2; i++) {
		rx = parse(end_well(&receivers[i]));
		ck_assert_int_ge(number(rx, "/frames"), 2000);
		ck_assert_int_gt(number(rx, "/threads/0/frames"), 0);
		ck_assert_int_gt(number(rx, "/threads/1/frames"), 0);
		is_number(rx, "/lost", 0);
		is_number(rx, "/duplicates", 0);
		json_object_put(rx);
	}
	kill(sender.pid, SIGINT);
	end_well(&sender);
}
END_TEST

/* Others than framegen's go on to the stack, unless all are taken. */
START_TEST(a_receiver_leaves_what_is_not_its_own)
{
	struct process receiver = start_command(RX " -j");
	struct json_object *rx;

	wait_waiting(&receiver, 1);
	guest_sh("ping -q -c 3 -W 20 198.19.0.1 >/dev/null");
	kill(receiver.pid, SIGINT);
	rx = parse(end_well(&receiver));
	is_number(rx, "/frames", 0);
	is_number(rx, "/others", 0);
	json_object_put(rx);

	receiver = start_command(RX " -j --all --promisc");
	wait_waiting(&receiver, 1);
	guest_refuse_sh("ping -q -c 1 -W 1 198.19.0.1 >/dev/null");
	kill(receiver.pid, SIGINT);
	rx = parse(end_well(&receiver));
	ck_assert_int_ge(number(rx, "/frames"), 1);
	is_number(rx, "/others", number(rx, "/frames"));
	ck_assert_int_ge(number(rx, "/bytes"), 42);
	json_object_put(rx);
}
END_TEST

START_TEST(virtual_ports_of_both_layers_are_used)
{
	static const char *const layers[] = { "l2", "l3" };
	struct capture capture;
	struct process receiver;
	struct json_object *rx;

	guest_sh("frameio add fiov %s up && sysctl -qw net.ipv6.conf.fiov.disable_ipv6=1 && "
		 "ip address add 192.0.2.1/24 dev fiov", layers[_i]);
	if (!_i)
		guest_sh("ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:02 dev fiov");
	/* what is written, a socket receives, at the interface's own address */
	receiver = start_command("framegen -i fiov --io udp -j -n 500 -d 192.0.2.1:5000");
	wait_waiting(&receiver, 1);
	good("framegen -i fiov -f tx -n 500 -R 20k -s 192.0.2.2 -d 192.0.2.1:5000 -l 100");
	rx = parse(end_well(&receiver));
	expect_loss(rx, 500, 0, 0, 0);
	json_object_put(rx);
	/* what a socket sends is read; of an L3 port frames have no Ethernet header */
	receiver = start_command("framegen -i fiov -j -n 500");
	wait_waiting(&receiver, 1);
	good("framegen -i fiov -f tx --io udp -n 500 -R 20k -s 192.0.2.1 -d 192.0.2.2");
	has_line("^sent       500 frames, ");
	rx = parse(end_well(&receiver));
	is_number(rx, "/bytes", 500 * (_i ? 46 : 60));
	expect_loss(rx, 500, 0, 0, 0);
	json_object_put(rx);
	if (_i) {
		bad(2, "an L3 port has packets without MAC addresses",
		    "framegen -i fiov -f tx --vlan 5");
		capture = open_capture();
		close_capture(&capture);
		bad(1, "its frames are of link type EN10MB", "framegen -i fiov -f tx -P " CAPTURE);
	}
	bad(1, "has 1 queue pair, of which 1 was free", "framegen -i fiov -f tx -p 2");
	guest_sh("ip link del fiov");
}
END_TEST

/* --- frames ---------------------------------------------------------- */

static const struct {
	const char *options;
	const char *line;	/* of tcpdump, once for each frame */
} shapes[] = {
	{ "", "198.18.0.1.1234 > 198.19.0.1.1234: \\[udp sum ok\\] UDP, length 18" },
	{ "-l imix -s 10.9.0.1:5-10.9.0.3:6 -Z", "\\[udp sum ok\\] UDP, length (18|548|1472)" },
	{ "--tcp --random sport", "Flags \\[\\.\\], cksum 0x[0-9a-f]{4} \\(correct\\)" },
	{ "-6 -z -l 80-1514", "\\[udp sum ok\\] UDP, length [0-9]+" },
	{ "-d [2001:db8::1]:80 --tcp --dscp 46 --ttl 3",
	  "class 0xb8.*hlim 3.*> 2001:db8::1.80: Flags .*\\(correct\\)" },
	{ "--vlan 100-103 --pcp 5 -l 60-70", "vlan 10[0-3], p 5.*\\[udp sum ok\\]" },
	{ "--vlan 7,4000-4001 --tcp -6 -D 02:00:00:00:00:01-02:00:00:00:00:09",
	  "> 02:00:00:00:00:0[1-9], .*vlan 7, p 0, .*vlan 400[01], p 0, .*\\(correct\\)" },
	{ "-S 02:00:00:00:00:aa --ttl 9 --dscp 8",
	  "^[^ ]* 02:00:00:00:00:aa > .*tos 0x20, ttl 9,.*ok" },
};

#define NSHAPES	(int)(sizeof(shapes) / sizeof(*shapes))

/* tcpdump has its own idea of what a right checksum is, and writes a frame in two lines. */
START_TEST(another_program_finds_the_frames_right)
{
	struct process tcpdump = start_command("ip netns exec gen tcpdump -Z root -U -c 50 -w "
					       CAPTURE " -i fiopeer 'ip or ip6 or vlan'");

	wait_told(&tcpdump, "listening");
	good(TX " -n 50 %s", shapes[_i].options);
	ck_assert_int_eq(wait_for_end(&tcpdump), 0);
	guest_sh("tcpdump -vvennr " CAPTURE " 2>/dev/null | tr '\\n' '#' | sed 's/#    / /g' | "
		 "tr '#' '\\n' >/run/framegen.lines");
	guest_sh("test $(grep -cE '%s' /run/framegen.lines) = 50 || "
		 "{ head -n 5 /run/framegen.lines; exit 1; }", shapes[_i].line);
	/* not any "bad": a checksum may be 0xbad1 */
	guest_refuse_sh("grep -E 'bad ([a-z]+ )?cksum|incorrect' /run/framegen.lines");
}
END_TEST

/* A mix of the long and the short, with no others, and what is too long is refused. */
START_TEST(a_mix_is_received_in_its_proportions)
{
	struct process receiver = start_command(RX " -j -n 1200 --queue 8192");
	struct json_object *rx;

	wait_waiting(&receiver, 1);
	good(TX " -l imix -n 1200 -R 10k -a 0");
	rx = parse(end_well(&receiver));
	is_number(rx, "/bytes", 100 * (7 * 60 + 4 * 590 + 1514));
	expect_loss(rx, 1200, 0, 0, 0);
	json_object_put(rx);
	bad(1, "longer than the 1514 that port 'fiogen' takes", TX " -l 1515");
	good(TX " -l 1518 --vlan 5 -n 10");
	bad(1, "longer than the 1518", TX " -l 1519 --vlan 5");
}
END_TEST

/* --- when ------------------------------------------------------------ */

static const struct {
	const char *options;
	double frames;
	const char *slow_options;	/* for a tenth of them */
} rates[] = {
	{ "-R 2k", 2000, "-R 0.2k" },
	{ "-R 2000pps -p 2", 2000, "-R 200pps -p 2" },
	{ "-R 1Mbit -l 125", 1000, "-R 0.1Mbit -l 125" },
	{ "-R 1Mbit -l 101 -B", 1000, "-R 0.1Mbit -l 101 -B" },
	{ "-R 2k --burst 100", 2000, "-R 200 --burst 10" },
	{ "-R 1.5kfps --io packet", 1500, "-R 0.15kfps --io packet" },
};

#define NRATES	(int)(sizeof(rates) / sizeof(*rates))

/* The machine has other things to do, but not always: it catches up. */
START_TEST(rates_are_kept)
{
	const bool slow = guest_is_slow();
	struct json_object *tx = parse(good(TX " -j -t 3 %s", slow ? rates[_i].slow_options :
								     rates[_i].options));
	const double frames = number(tx, "/frames") * (slow ? 10 : 1);

	/* of a machine that is busy at the end the last frame is an early one */
	ck_assert_double_ge(fraction(tx, "/seconds"), 2);
	ck_assert_msg(frames > 0.7 * 3 * rates[_i].frames && frames < 1.1 * 3 * rates[_i].frames,
		      "%s", json_object_to_json_string(tx));
	json_object_put(tx);
}
END_TEST

/* A second of a capture: at its speed, at twice its speed, twice, at a rate. */
START_TEST(a_capture_is_sent_when_it_was_recorded)
{
	static const struct {
		const char *options;
		int frames;
		double seconds;
	} replays[] = {
		{ "", 11, 2 },
		{ "--speed 2", 11, 1 },
		{ "--loop 2 --speed 4", 22, 1 },
		{ "--loop 0 -n 15 --speed 10", 15, 0.26 },
		{ "--loop 3 --speed max", 33, 0 },
		{ "-R 10", 11, 1 },
	};
	struct capture capture = open_capture();
	struct json_object *tx;
	unsigned char frame[60];
	size_t i;

	for (i = 0; i <= 10; i++) {
		make_frame(frame, 1, i);
		capture_frame(&capture, 200 * i, frame, 60, 60);
	}
	close_capture(&capture);
	for (i = 0; i < sizeof(replays) / sizeof(*replays); i++) {
		tx = parse(good(TX " -j -P " CAPTURE " %s", replays[i].options));
		is_number(tx, "/frames", replays[i].frames);
		ck_assert_double_ge(fraction(tx, "/seconds"), replays[i].seconds * 0.999);
		ck_assert_double_le(fraction(tx, "/seconds"), replays[i].seconds + 3);
		json_object_put(tx);
	}
	tx = parse(good(TX " -j --speed max -P - <" CAPTURE));
	is_number(tx, "/frames", 11);
	json_object_put(tx);
}
END_TEST

/* --- captures -------------------------------------------------------- */

/* What arrives is what was captured, byte for byte; what was cut has zeros. */
START_TEST(a_capture_arrives_as_it_was)
{
	const unsigned int lengths[] = { 14, 60, 61, 1000, 1514, 700 };
	struct capture capture = open_capture();
	struct process sender;
	unsigned char frame[6][1600], received[2048];
	int socket;
	ssize_t len;
	size_t i;

	for (i = 0; i < 6; i++) {
		guest_fill(frame[i], sizeof(frame[i]), i, 0);
		capture_frame(&capture, 0, frame[i], lengths[i], i == 5 ? 100 : lengths[i]);
	}
	capture_frame(&capture, 0, frame[0], 1515, 1515);
	capture_frame(&capture, 0, frame[0], 13, 13);
	close_capture(&capture);
	memset(frame[5] + 100, 0, 600);

	guest_sh("ip -n gen link set fiopeer netns 1 name fioseen && ip link set fioseen up");
	guest_wait_running("fioseen");
	socket = guest_packet_socket("fioseen");
	sender = start_command(TX " -P " CAPTURE " --speed max -a 0");
	ck_assert_int_eq(wait_for_end(&sender), 0);
	has(complaint, "1 frames of '" CAPTURE "' are longer than the");
	has_line_in(complaint, "1 frames .* are none that port 'fiogen' takes");
	has_line_in(complaint, "1 frames .* were cut when they were captured");
	for (i = 0; i < 6; i++) {
		len = recv(socket, received, sizeof(received), 0);
		ck_assert_int_eq(len, lengths[i]);
		ck_assert_mem_eq(received, frame[i], len);
	}
	close(socket);
}
END_TEST

START_TEST(what_is_no_capture_is_refused)
{
	struct capture capture = open_capture();
	unsigned char frame[60];
	struct process sender;

	make_frame(frame, 1, 1);
	capture_frame(&capture, 0, frame, 60, 60);
	capture_frame(&capture, 0, frame, 60, 60);
	close_capture(&capture);
	bad(1, "cannot read the capture '/run/none.pcap': ", TX " -P /run/none.pcap");
	bad(1, "cannot read the capture '/dev/null': ", TX " -P /dev/null");
	guest_sh("head -c 20 " CAPTURE " >/run/framegen.cut");
	bad(1, "cannot read the capture '/run/framegen.cut': ", TX " -P /run/framegen.cut");
	guest_sh("head -c 170 " CAPTURE " >/run/framegen.cut");
	sender = start_command(TX " -P /run/framegen.cut");
	ck_assert_int_eq(wait_for_end(&sender), 0);
	has(complaint, "cannot be read to its end, and only the 1 frames");
	has_line("^sent       1 frames, ");
	/* none that fits */
	capture = open_capture();
	capture_frame(&capture, 0, frame, 3000, 60);
	close_capture(&capture);
	bad(1, "has no frame that the port takes", TX " -P " CAPTURE);
}
END_TEST

/* --- its end --------------------------------------------------------- */

START_TEST(a_signal_ends_it_with_a_summary)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct process receiver = start_command(RX " -j --queue 65536"), sender;
	struct json_object *tx, *rx;
	int64_t frames;

	wait_waiting(&receiver, 1);
	sender = start_command(TX " -j -R 5k -a 0");
	wait_received(1000);
	kill(sender.pid, signals[_i]);
	tx = parse(end_well(&sender));
	frames = number(tx, "/frames");
	ck_assert_int_ge(frames, 1000);
	is_number(tx, "/waiting", 0);
	ck_assert_int_eq(count_sent(), frames);
	/* so that it has them all */
	wait_received(frames);
	kill(receiver.pid, signals[_i]);
	rx = parse(end_well(&receiver));
	is_number(rx, "/lost", 0);
	ck_assert_int_le(number(rx, "/frames"), frames);
	ck_assert_int_ge(number(rx, "/frames"), frames - 64);
	json_object_put(tx);
	json_object_put(rx);
}
END_TEST

/* Whichever way: the interface is deleted meanwhile. */
START_TEST(a_port_that_vanishes_is_told)
{
	const char *way = ways[_i % NWAYS];
	const bool receive = _i >= NWAYS;
	struct process process;

	if (receive) {
		process = start_command(RX " --io %s", way);
		wait_waiting(&process, 1);
	} else {
		process = start_command(TX " -R 2k --io %s", way);
		wait_sent(100);
	}
	guest_sh("ip link del fiogen");
	ck_assert_int_eq(wait_for_end(&process), 1);
	/* a socket may hear of a way or a link that is no more, just before */
	has_line_in(complaint, receive ?
		 "^framegen: cannot receive from 'gen:fiopeer' any more: it is gone" :
		 strcmp(way, "packet") && strcmp(way, "udp") ?
		 "^framegen: cannot send to 'fiogen' any more: it is gone" :
		 "^framegen: cannot send to 'fiogen' any more: ");
	has_line(receive ? "^received +0 frames" : "^sent +[0-9]+ frames");
}
END_TEST

START_TEST(what_goes_wrong_meanwhile_is_told)
{
	struct process sender = start_command(TX " -R 1k");
	uint64_t sent;

	wait_sent(100);
	guest_sh("ip link set fiogen down");
	/* frames that it did not take any more may be told as well */
	ck_assert_int_eq(wait_for_end(&sender), 1);
	has(complaint, "cannot send to 'fiogen' any more: the interface is down");
	bad(1, "interface 'fiogen' is down: 'ip link set fiogen up'", TX);
	guest_sh("ip link set fiogen up");
	guest_wait_running(OURS);

	sent = count_sent();
	sender = start_command(TX " -R 1k -l 1500");
	wait_sent(sent + 100);
	guest_sh("ip link set fiogen mtu 1000");
	end_badly(&sender, 1, "its MTU has changed");
	guest_sh("ip link set fiogen mtu 1500");

	/* a receiver goes on, whatever it hears of that */
	sender = start_command(RX " --io packet -n 10");
	wait_waiting(&sender, 1);
	guest_sh("ip -n gen link set fiopeer down && ip -n gen link set fiopeer up");
	guest_wait_running(OURS);
	good(TX " -n 10");
	end_well(&sender);

	/* a namespace that goes takes its interfaces, and those they are paired with, along */
	sender = start_command(RX);
	wait_waiting(&sender, 1);
	guest_sh("ip netns del gen");
	end_badly(&sender, 1, "cannot receive from 'gen:fiopeer' any more: ");
}
END_TEST

/* Without a carrier it waits, and goes on when there is one. */
START_TEST(a_sender_waits_for_a_carrier)
{
	struct process sender;
	struct json_object *tx;

	guest_sh("ip -n gen link set fiopeer down");
	sender = start_command(TX " -j -n 5000");
	wait_waiting(&sender, 1);
	ck_assert_int_eq(count_sent(), 0);
	guest_sh("ip -n gen link set fiopeer up");
	ck_assert_int_eq(wait_for_end(&sender), 0);
	has(complaint, "interface 'fiogen' has no carrier");
	tx = parse(printed);
	is_number(tx, "/frames", 5000);
	is_number(tx, "/waiting", 0);
	ck_assert_int_eq(count_sent(), 5000);
	json_object_put(tx);

	/* and in the middle, as where a cable is pulled */
	sender = start_command(TX " -j -R 2k");
	wait_sent(5100);
	guest_sh("ip -n gen link set fiopeer down");
	wait_waiting(&sender, 1);
	guest_sh("ip -n gen link set fiopeer up");
	wait_sent(6000);
	kill(sender.pid, SIGINT);
	json_object_put(parse(end_well(&sender)));
}
END_TEST

/* What is accepted and does not leave in time is told. */
START_TEST(frames_that_do_not_leave_are_told)
{
	struct process sender;
	struct json_object *tx;

	guest_sh("frameio add fiov up");
	guest_receive_hold("fiov");
	sender = start_command("framegen -i fiov -f tx -j -n 10 -t 1");
	ck_assert_int_eq(wait_for_end(&sender), 0);
	has(complaint, "10 frames still waited to leave 'fiov'");
	tx = parse(printed);
	is_number(tx, "/frames", 10);
	is_number(tx, "/waiting", 10);
	json_object_put(tx);

	guest_receive_release();
	guest_sh("ip link del fiov");
}
END_TEST

static uint32_t count_waiting(int control, const char *port)
{
	struct frameio_queue_pair pair = { .fp_queue = 0 };

	strcpy(pair.fp_name, port);
	ck_assert_int_eq(ioctl(control, FRAMEIO_QUEUE_PAIR, &pair), 0);
	return pair.fp_write_len;
}

/* Who waits for room, or for its last frames to leave, hears that they never will. */
START_TEST(a_full_port_that_is_set_down_is_told)
{
	struct process sender, ip;
	int control, other;

	guest_sh("frameio add fiov queues 2 up");
	guest_receive_hold("fiov");
	control = guest_control();
	sender = start_command("framegen -i fiov -f tx -j -b 10 %s", _i ? "-n 1000" : "");
	while (count_waiting(control, "fiov") < 1000)
		guest_pause();
	wait_waiting(&sender, 1);
	other = guest_open("fiov", 1);
	ck_assert_int_eq(guest_poll(other, POLLOUT, -1), POLLOUT);
	guest_receive_elsewhere();
	/* which waits for frames that are on their way, but not for all */
	ip = start_command("ip link set fiov down");
	while (guest_poll(other, POLLOUT, 0))
		guest_pause();
	guest_receive_release();
	ck_assert_int_eq(wait_for_end(&ip), 0);
	ck_assert_int_eq(wait_for_end(&sender), 1);
	has(complaint, "cannot send to 'fiov' any more: the interface is down");
	has_line_in(complaint, "[0-9]+ frames still waited to leave 'fiov' when it ended");
	json_object_put(parse(printed));
	close(other);
	close(control);
	guest_sh("ip link del fiov");
}
END_TEST

/* --- what is shown --------------------------------------------------- */

START_TEST(a_plot_is_drawn)
{
	struct process receiver;

	guest_sh("rm -f /run/tx.svg /run/rx.svg /run/full.svg");
	receiver = start_command(RX " -q -n 2000 --queue 8192 -T 200 --plot /run/rx.svg");
	wait_waiting(&receiver, 1);
	good(TX " -n 2000 -R 2k -T 100 --plot /run/tx.svg");
	end_well(&receiver);
	good("cat /run/tx.svg");
	has(printed, "<svg");
	has(printed, "</svg>");
	has(printed, "framegen tx fiogen, frameio");
	has(printed, "rate (kframes/s)");
	ck_assert_ptr_null(strstr(printed, "latency"));
	good("cat /run/rx.svg");
	has(printed, "</svg>");
	has(printed, "latency (us)");
	has(printed, ">p99.9<");

	bad(2, "--plot writes SVG", TX " -n 1 --plot /run/x.png");
	bad(1, "cannot write the plot '/nowhere/x.svg': No such file",
	    TX " -n 1 --plot /nowhere/x.svg");
	guest_sh("ln -s /dev/full /run/full.svg");
	bad(1, "cannot write the plot '/run/full.svg': No space left on device",
	    TX " -n 1 --plot /run/full.svg");
	guest_sh("mkdir -p /run/nothing");
	bad(1, "there is no gnuplot", "PATH=/run/nothing $(command -v framegen) -i " OURS
	    " -f tx -n 1 --plot /run/y.svg");
}
END_TEST

START_TEST(a_terminal_has_a_line_and_a_pipe_has_none)
{
	struct json_object *tx;

	guest_sh("script -qefc 'framegen -i fiogen -f tx -R 1k -t 2.5' /run/framegen.shown "
		 ">/dev/null </dev/null");
	good("cat /run/framegen.shown");
	has(printed, "tx fiogen: ");
	has(printed, "frames/s");
	has(printed, "sent  ");
	guest_sh("script -qefc 'framegen -i fiogen -f tx -q -R 1k -t 2' /run/framegen.shown "
		 ">/dev/null </dev/null");
	ck_assert_ptr_null(strstr(good("cat /run/framegen.shown"), "tx fiogen: "));
	good(TX " -R 1k -t 2");
	has_line("^sent       [0-9]+ frames, .*B, in [12]\\.");
	tx = parse(good(TX " -R 1k -t 2 -T 500 -j"));
	ck_assert_uint_ge(json_object_array_length(at(tx, "/intervals")), 3);
	json_object_put(tx);
}
END_TEST

START_TEST(what_cannot_be_printed_is_a_failure)
{
	bad(1, "cannot write to standard output: No space left on device",
	    "framegen -i fiogen -f tx -n 1 >/dev/full");
	bad(1, "cannot write to standard output: No space left on device",
	    "framegen -i fiogen -f tx -n 1 -j >/dev/full");
	bad(1, "cannot write to standard output", "framegen --help >/dev/full");
	guest_sh("framegen -i fiogen -f tx -n 1 -j | head -n1 >/dev/null");
}
END_TEST

/* --- misuse ---------------------------------------------------------- */

static const struct refusal refusals[] = {
	{ 2, "takes a port: -i NAME", "" },
	{ 2, "takes a port: -i NAME", "-f tx" },
	{ 2, "takes options only, not 'fiogen'", "fiogen" },
	{ 2, "--function takes tx or rx, not 'ping'", "-i fiogen -f ping" },
	{ 2, "--io takes one of frameio, readv, packed, ring, packet, udp, not 'wire'", "-i fiogen --io wire" },
	{ 2, "--batch takes a number from 1 to 32, not '33'", "-i fiogen -b 33" },
	{ 2, "--batch takes a number from 1 to 32, not '0'", "-i fiogen -b 0" },
	{ 2, "--threads takes a number from 1 to 64, not 'x'", "-i fiogen -p x" },
	{ 2, "--queue takes a number from 1 to 65536, not '1M'", "-i fiogen --queue 1M" },
	{ 2, "--count takes a number from 0 ", "-i fiogen -n -5" },
	{ 2, "--count takes a number from 0 ", "-i fiogen -n 1.0001k5" },
	{ 2, "--time takes 0.01 to 1000000000 seconds, not 'soon'", "-i fiogen -t soon" },
	{ 2, "--time takes 0.01 to 1000000000 seconds, not '0'", "-i fiogen -t 0" },
	{ 2, "--report takes a number from 10 ", "-i fiogen -T 1" },
	{ 2, "--rate takes frames a second", "-i fiogen -f tx -R fast" },
	{ 2, "--rate takes frames a second", "-i fiogen -f tx -R 0" },
	{ 2, "--rate takes frames a second", "-i fiogen -f tx -R 0.0000001" },
	{ 2, "--rate takes frames a second", "-i fiogen -f tx -R 5mph" },
	{ 2, "--rate is of -f tx", "-i fiogen -R 5" },
	{ 2, "--burst takes a --rate", "-i fiogen -f tx --burst 5" },
	{ 2, "--length is of -f tx", "-i fiogen -l 100" },
	{ 2, "-z is of -f tx", "-i fiogen -z" },
	{ 2, "--length is of -f tx", "-i fiogen --io udp -d :5000 -l 100" },
	{ 2, "--dst is of -f tx, or of --io udp", "-i fiogen -d 10.0.0.1" },
	{ 2, "--all is of -f rx", "-i fiogen -f tx --all" },
	{ 2, "--promisc is of -f rx", "-i fiogen -f tx --promisc" },
	{ 2, "--affinity takes the numbers of CPUs", "-i fiogen -f tx -a one" },
	{ 2, "--affinity takes the numbers of CPUs", "-i fiogen -f tx -a 3-1" },
	{ 2, "--affinity takes the numbers of CPUs", "-i fiogen -f tx -a 1," },
	{ 1, "cannot start thread 0 on CPU 500", "-i fiogen -f tx -a 500" },
	{ 2, "a frame of 41 bytes has no room for its headers", "-i fiogen -f tx -l 41" },
	{ 2, "--pcp is a VLAN tag's priority", "-i fiogen -f tx --pcp 3" },
	{ 2, "is of another IP version", "-i fiogen -f tx -d 10.0.0.1 -s ::1" },
	{ 2, "-6 is for IPv6", "-i fiogen -f tx -d 10.0.0.1 -6" },
	{ 2, "--replay sends frames as they were captured: leave out --dst",
	  "-i fiogen -f tx -P x -d 10.0.0.1" },
	{ 2, "--speed is of a capture", "-i fiogen -f tx --speed 2" },
	{ 2, "--speed takes a factor", "-i fiogen -f tx -P x --speed 0" },
	{ 2, "--rate and --speed exclude each other",
	  "-i fiogen -f tx -P x --speed 2 --loop 2 -R 5" },
	{ 2, "--replay keeps the frames' order", "-i fiogen -f tx -P x -p 2" },
	{ 2, "--io udp sends datagrams of its own", "-i fiogen -f tx -P x --io udp" },
	{ 2, "--io udp leaves the headers to the kernel", "-i fiogen -f tx --tcp --io udp" },
	{ 2, "--io udp has one socket per thread", "-i fiogen -f tx -z --io udp" },
	{ 1, "cannot bind a UDP socket to address 192.0.2.77, port 0",
	  "-i fiogen -f tx --io udp -s 192.0.2.77" },
	{ 1, "there is no such interface", "-i nothing -f tx" },
	{ 1, "there is no such network namespace", "-i nowhere:fiogen -f tx" },
	{ 2, "is no interface name", "-i 'much too long a name'" },
	{ 1, "an Ethernet interface that can become one; '--io packet' does", "-i lo -f tx" },
	{ 2, "unrecognized option", "--nonsense" },
	{ 2, "requires an argument", "-i" },
};

START_TEST(refusals_are_sentences)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		bad(refusals[i].status, refusals[i].text, "framegen %s", refusals[i].words);
	bad(1, "making it one takes root", AS_NOBODY TX);
	bad(1, "takes root or CAP_NET_RAW", AS_NOBODY TX " --io packet");
	bad(1, "not permitted", AS_NOBODY "framegen -i " THEIRS " -f tx");
	/* somebody else has what it receives */
	guest_sh("ip link add fiobr type bridge && ip link set fiogen master fiobr");
	bad(1, "a bridge, a bond, a macvlan or the like", TX);
	guest_sh("ip link del fiobr");
	good("framegen --version");
	has_line("^framegen \\(frameio\\) [0-9]");
	good("framegen --help");
	has_line("^usage: framegen ");
}
END_TEST

START_TEST(nobody_needs_a_privilege_for_udp)
{
	struct process receiver = start_command(AS_NOBODY "framegen -i " OURS
						" --io udp -d 198.18.0.1:5000 -j -n 100");
	struct json_object *rx;

	wait_waiting(&receiver, 1);
	good("framegen -i " THEIRS " -f tx --io udp -d 198.18.0.1:5000 -n 100 -R 5k");
	rx = parse(end_well(&receiver));
	expect_loss(rx, 100, 0, 0, 0);
	json_object_put(rx);
}
END_TEST

/* --- the manual page ------------------------------------------------- */

/* What goes on for long is ended by a signal. */
START_TEST(the_examples_of_the_manual_page_work)
{
	FILE *page = open_examples("framegen.1");
	unsigned int n = 0;
	const char *text;

	guest_free_name("eth0");
	guest_free_name("eth1");
	guest_sh("ip netns del gen; "
		 "ip link add eth0 type veth peer name eth1 && ip link set eth0 up && "
		 "ip link set eth1 up");
	guest_wait_running("eth0");
	make_ended("framegen", "TERM");
	for (; (text = next_example(page)); n++)
		guest_sh("set -e; cd /run; PATH=" ENDED ":$PATH\n%s", text);
	ck_assert_uint_ge(n, 8);
	has(good("cat /run/latency.svg"), "</svg>");
	guest_sh("ip link del eth0");
}
END_TEST

/* --- */

static void add_traffic(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "traffic", 240, setup, teardown);

	tcase_add_test(tcase, what_one_sends_another_receives);
	tcase_add_loop_test(tcase, every_way_sends_to_every_way, 0, 2 * NWAYS);
	tcase_add_test(tcase, what_is_dropped_is_lost);
	tcase_add_test(tcase, loss_duplicates_and_reordering_are_told_apart);
	tcase_add_test(tcase, threads_have_a_queue_pair_each);
	tcase_add_test(tcase, containers_on_one_interface_have_all_frames_each);
	tcase_add_test(tcase, a_receiver_leaves_what_is_not_its_own);
	tcase_add_loop_test(tcase, virtual_ports_of_both_layers_are_used, 0, 2);
	tcase_add_test(tcase, nobody_needs_a_privilege_for_udp);
}

static void add_frames(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "frames", 240, setup, teardown);

	tcase_add_loop_test(tcase, another_program_finds_the_frames_right, 0, NSHAPES);
	tcase_add_test(tcase, a_mix_is_received_in_its_proportions);
	tcase_add_loop_test(tcase, rates_are_kept, 0, NRATES);
	tcase_add_test(tcase, a_capture_is_sent_when_it_was_recorded);
	tcase_add_test(tcase, a_capture_arrives_as_it_was);
	tcase_add_test(tcase, what_is_no_capture_is_refused);
}

static void add_ends(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "ends", 240, setup, teardown);

	tcase_add_loop_test(tcase, a_signal_ends_it_with_a_summary, 0, 3);
	tcase_add_loop_test(tcase, a_port_that_vanishes_is_told, 0, 2 * NWAYS);
	tcase_add_test(tcase, what_goes_wrong_meanwhile_is_told);
	tcase_add_test(tcase, a_sender_waits_for_a_carrier);
	tcase_add_test(tcase, frames_that_do_not_leave_are_told);
	tcase_add_loop_test(tcase, a_full_port_that_is_set_down_is_told, 0, 2);
}

static void add_shown(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "shown", 240, setup, teardown);

	tcase_add_test(tcase, a_plot_is_drawn);
	tcase_add_test(tcase, a_terminal_has_a_line_and_a_pipe_has_none);
	tcase_add_test(tcase, what_cannot_be_printed_is_a_failure);
	tcase_add_test(tcase, refusals_are_sentences);
	tcase_add_test(tcase, the_examples_of_the_manual_page_work);
}

int main(void)
{
	Suite *suite = suite_create("framegen");

	find_tools("framegen");
	add_traffic(suite);
	add_frames(suite);
	add_ends(suite);
	add_shown(suite);
	return guest_run(suite);
}
