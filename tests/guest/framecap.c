/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * framecap(1), as a user meets it. Frames come from the other end of a veth pair,
 * fiopeer, to fionic, or through fio0, a virtual port. What is in the files is read with
 * libpcap, and tcpdump and capinfos agree.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

#define DIR_	"/run/framecap/"
#define FILE_	DIR_ "file.pcapng"

#define LEN	100
#define SECOND	UINT64_C(1000000000)

static int peer;	/* a packet socket on fiopeer */

static void setup(void)
{
	guest_delete_ports();
	guest_sh("rm -rf " DIR_ " && mkdir " DIR_);
	guest_write_file("10000", "/proc/sys/net/core/netdev_max_backlog");
	guest_add_nic();
	peer = guest_packet_socket("fiopeer");
}

static void teardown(void)
{
	close(peer);
	guest_delete_nic();
}

/* --- running it --------------------------------------------------- */

/* Until it captures. */
static struct process wait_started(struct process process)
{
	wait_asleep(&process);
	return process;
}

#define start_capture(...)	wait_started(start_command("framecap " __VA_ARGS__))

/* A number in the JSON that it printed. */
static int64_t json_number(const char *path)
{
	struct json_object *object = parse(printed);
	const int64_t found = number(object, path);

	json_object_put(object);
	return found;
}

/* --- what is in files --------------------------------------------- */

#define KEPT	512	/* bytes of a frame */

static struct captured {
	uint32_t len, wirelen;
	uint64_t time;
	unsigned char bytes[KEPT];
} captured[1000];

static unsigned int ncaptured;

static void read_capture_as(const char *path, int linktype)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
							       error);
	struct pcap_pkthdr *header;
	const unsigned char *bytes;
	struct captured *frame;
	int ret;

	ck_assert_msg(pcap, "%s: %s", path, error);
	ck_assert_int_eq(pcap_datalink(pcap), linktype);
	for (ncaptured = 0; (ret = pcap_next_ex(pcap, &header, &bytes)) == 1; ncaptured++) {
		ck_assert_uint_lt(ncaptured, 1000);
		frame = &captured[ncaptured];
		frame->len = header->caplen;
		frame->wirelen = header->len;
		frame->time = header->ts.tv_sec * SECOND + header->ts.tv_usec;
		memcpy(frame->bytes, bytes, header->caplen < KEPT ? header->caplen : KEPT);
	}
	ck_assert_msg(ret == PCAP_ERROR_BREAK, "%s: %s", path, pcap_geterr(pcap));
	pcap_close(pcap);
}

static void read_capture(const char *path)
{
	read_capture_as(path, DLT_EN10MB);
}

static void is_frame(unsigned int i, const void *frame, uint32_t len, uint32_t wirelen)
{
	ck_assert_uint_lt(i, ncaptured);
	ck_assert_uint_eq(captured[i].len, len);
	ck_assert_uint_eq(captured[i].wirelen, wirelen);
	ck_assert_mem_eq(captured[i].bytes, frame, len);
}

/* It is the one that guest_send() sent. */
static void is_sent(unsigned int i, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char frame[len];

	guest_fill(frame, len, seed, flags);
	is_frame(i, frame, len, len);
}

/* The file has those that were sent with seeds from 0 on. */
static void has_frames(const char *path, unsigned int n)
{
	unsigned int i;

	read_capture(path);
	ck_assert_uint_eq(ncaptured, n);
	for (i = 0; i < n; i++)
		is_sent(i, LEN, i, 0);
}

static void send_frames(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		guest_send(peer, LEN, i, 0);
}

static uint64_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

/* Until so many frames have come to queue pairs of fionic, or been dropped there. */
static void wait_arrived(uint64_t frames, unsigned int nqueues)
{
	struct frameio_queue_pair pair = { .fp_name = "fionic" };
	int fd = guest_control();
	uint64_t found;

	do {
		found = 0;
		for (pair.fp_queue = 0; pair.fp_queue < nqueues; pair.fp_queue++) {
			if (ioctl(fd, FRAMEIO_QUEUE_PAIR, &pair))
				ck_abort_msg("FRAMEIO_QUEUE_PAIR: %s", strerror(errno));
			found += pair.fp_stats.fs_read_queued + pair.fp_stats.fs_read_drop_full;
		}
		guest_pause();
	} while (found < frames);
	close(fd);
}

/* A port for as long as the file is open. */
static int attach(uint32_t flags, uint32_t nqueues, uint32_t read_limit)
{
	struct frameio_create request = {
		.fc_name = "fionic",
		.fc_flags = flags | FRAMEIO_PORT_PERSIST,
		.fc_nqueues = nqueues,
		.fc_read_limit = read_limit,
	};
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	return fd;
}

/* --- files -------------------------------------------------------- */

static const char *const files[] = { FILE_, DIR_ "file.pcap", FILE_ };

static const char *const ways[] = { "", "--io packed", "--io ring" };

#define NWAYS	(int)(sizeof(ways) / sizeof(*ways))

START_TEST(each_frame_is_in_the_file)
{
	const uint64_t before = wall_clock();
	unsigned int i, sub_microsecond = 0;
	struct process capture = start_capture("-i fionic -c 200 -w %s %s", files[_i],
						ways[_i]);

	for (i = 0; i < 200; i++)
		guest_send(peer, 60 + i, i, 0);
	end_well(&capture);
	has(printed, "fionic                                    200");
	read_capture(files[_i]);
	ck_assert_uint_eq(ncaptured, 200);
	for (i = 0; i < 200; i++) {
		is_sent(i, 60 + i, i, 0);
		ck_assert_uint_ge(captured[i].time, i ? captured[i - 1].time : before);
		sub_microsecond += captured[i].time % 1000 != 0;
	}
	ck_assert_uint_le(captured[199].time, wall_clock());
	ck_assert_uint_gt(sub_microsecond, 100);
	ck_assert_int_eq(run("tcpdump -nr %s | grep -c 88b5", files[_i]), 0);
	ck_assert_str_eq(printed, "200\n");
	ck_assert_int_eq(run("capinfos -M %s", files[_i]), 0);
	has(printed, _i == 1 ? "nsecpcap" : "pcapng");
	has(printed, "File timestamp precision:  nanoseconds (9)");
	has(printed, "Number of packets:   200\n");
	has(printed, "Strict time order:   True");
	if (_i != 1) {
		has(printed, "Capture application: framecap (frameio) " VERSION);
		has(printed, "Name = fionic\n");
		has(printed, "Description = frameio NIC port, frames copied");
		has(printed, "Number of stat entries = 1");
	}
}
END_TEST

START_TEST(what_is_cut_tells_its_length)
{
	unsigned char tagged[LEN] = "\2\0\0\0\0\1\2\0\0\0\0\2\x81\0\0\5\x88\xb5", frame[LEN];
	struct process capture = start_capture("-i fionic -s 20 -c 3 -w " FILE_);

	guest_fill(frame, LEN, 1, 0);
	guest_send(peer, LEN, 1, 0);
	ck_assert_int_eq(send(peer, tagged, LEN, 0), LEN);
	ck_assert_int_eq(send(peer, tagged, 20, 0), 20);
	end_well(&capture);
	read_capture(FILE_);
	is_frame(0, frame, 20, LEN);
	is_frame(1, tagged, 20, LEN);
	is_frame(2, tagged, 20, 20);
	ck_assert_int_eq(run("tcpdump -nner %s vlan 5 | grep -c 'length 100'", FILE_), 0);
	ck_assert_str_eq(printed, "1\n");
	/* too little for a tag, which the frame had all the same */
	capture = start_capture("-i fionic -s 7 -c 1 -w " FILE_);
	ck_assert_int_eq(send(peer, tagged, LEN, 0), LEN);
	end_well(&capture);
	read_capture(FILE_);
	is_frame(0, tagged, 7, LEN);
}
END_TEST

/* A virtual port's are those that the kernel transmits; and an L3 port's have no Ethernet. */
START_TEST(a_virtual_port_is_read)
{
	const bool l3 = _i % 2;
	const uint32_t flags = l3 ? FRAMEIO_PORT_L3 : 0;
	int port = guest_create_up("fio0", flags | FRAMEIO_PORT_PERSIST, 1, 0), packet;
	struct process capture;
	unsigned int i;

	/* the first queue pair that is free */
	close(port);
	packet = guest_packet_socket("fio0");
	capture = start_capture("-i fio0 -s 50 -c 40 -w " FILE_ " %s", ways[_i / 2]);
	for (i = 0; i < 40; i++)
		guest_send(packet, 30 + i, i, flags);
	end_well(&capture);
	read_capture_as(FILE_, l3 ? DLT_RAW : DLT_EN10MB);
	ck_assert_uint_eq(ncaptured, 40);
	for (i = 0; i < 40; i++) {
		unsigned char frame[30 + i];

		guest_fill(frame, 30 + i, i, flags);
		is_frame(i, frame, i < 20 ? 30 + i : 50, 30 + i);
	}
	ck_assert_int_eq(run("capinfos %s", FILE_), 0);
	has(printed, l3 ? "Raw IP" : "Ethernet");
	if (l3) {
		ck_assert_int_eq(run("tcpdump -nr %s | grep -c '10.0.0.1 > 10.0.0.2'", FILE_), 0);
		ck_assert_str_eq(printed, "40\n");
	}
	close(packet);
}
END_TEST

/* Which interface of a pcapng file each frame is of, in order. */
static void read_interfaces(const char *path, char *to, size_t size)
{
	uint32_t words[3];
	long at = 0;
	FILE *stream = fopen(path, "r");

	ck_assert_ptr_nonnull(stream);
	while (size > 1 && !fseek(stream, at, SEEK_SET) && fread(words, 12, 1, stream)) {
		if (words[0] == 6) {
			*to++ = '0' + words[2];
			size--;
		}
		at += words[1];
	}
	*to = '\0';
	fclose(stream);
}

START_TEST(several_ports_are_told_apart)
{
	struct process capture;
	char found[16];
	int packet;

	guest_add_netns("framecap");
	guest_sh("ip -n framecap link add fio7 type frameio && ip -n framecap link set fio7 up");
	close(guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 1, 0));
	packet = guest_packet_socket("fio0");
	capture = start_capture("-i fionic -i framecap:fio7 -i fio0 -j -c 4 -w " FILE_
				" ether proto 0x88b5");
	guest_send(peer, LEN, 0, 0);
	wait_arrived(1, 1);
	guest_send(packet, LEN, 1, 0);
	guest_send(packet, LEN, 2, 0);
	guest_sh("test -n \"$(ip -n framecap link show fio7)\"");
	guest_send(packet, LEN, 3, 0);
	end_well(&capture);
	ck_assert_int_eq(json_number("/ports/0/frames"), 1);
	ck_assert_int_eq(json_number("/ports/1/frames"), 0);
	ck_assert_int_eq(json_number("/ports/2/frames"), 3);
	read_capture(FILE_);
	ck_assert_uint_eq(ncaptured, 4);
	read_interfaces(FILE_, found, sizeof(found));
	/* the order of different threads is not promised */
	ck_assert_uint_eq(strlen(found), 4);
	ck_assert_uint_eq(strspn(found, "02"), 4);
	ck_assert_ptr_eq(strchr(found, '0'), strrchr(found, '0'));
	ck_assert_int_eq(run("capinfos %s", FILE_), 0);
	has(printed, "Name = fionic\n");
	has(printed, "Name = framecap:fio7\n");
	has(printed, "Name = fio0\n");
	has(printed, "Description = frameio L2 virtual port\n");
	has(printed, "Filter string = ether proto 0x88b5\n");
	close(packet);
	guest_sh("ip netns del framecap");
}
END_TEST

/* --- which frames ------------------------------------------------- */

/* Frames of each kind, which end with their number. */
#define TIMES	5

static const struct kind {
	uint16_t tags[4];	/* protocol and VLAN id, of up to two */
	uint16_t type;
	uint8_t protocol;
	uint16_t port;
	uint16_t len;
} kinds[] = {
	{ .type = 0x0800, .protocol = 17, .port = 53, .len = 64 },
	{ .type = 0x0800, .protocol = 17, .port = 9, .len = 70 },
	{ .type = 0x0800, .protocol = 6, .port = 80, .len = 80 },
	{ .type = 0x86dd, .protocol = 17, .port = 53, .len = 90 },
	{ .type = 0x0806, .len = 64 },
	{ .tags = { 0x8100, 5 }, .type = 0x0800, .protocol = 17, .port = 53, .len = 68 },
	{ .tags = { 0x8100, 6 }, .type = 0x0800, .protocol = 6, .port = 80, .len = 68 },
	{ .tags = { 0x88a8, 7, 0x8100, 8 }, .type = 0x0800, .protocol = 17, .port = 53, .len = 72 },
	{ .type = GUEST_ETHERTYPE, .len = 64 },
};

#define NKINDS	(sizeof(kinds) / sizeof(*kinds))
#define NFRAMES	(NKINDS * TIMES)

static struct {
	unsigned char bytes[LEN];
	size_t len;
} sent[NFRAMES];

static unsigned char *put_half(unsigned char *to, uint16_t value)
{
	*to++ = value >> 8;
	*to++ = value;
	return to;
}

static void make_frame(unsigned int number)
{
	const struct kind *kind = &kinds[number / TIMES];
	unsigned char *frame = sent[number].bytes, *at = frame + 12;
	int i;

	sent[number].len = kind->len;
	memcpy(frame, "\2\0\0\0\0\x22\2\0\0\0\0\x11", 12);
	for (i = 0; i < 4 && kind->tags[i]; i++)
		at = put_half(at, kind->tags[i]);
	at = put_half(at, kind->type);
	if (kind->type == 0x0800) {
		at[0] = 0x45;
		at[3] = kind->len - (at - frame);
		at[8] = 64;
		at[9] = kind->protocol;
		memcpy(at + 12, "\xc0\0\2\1\xc0\0\2\2", 8);
		at += 20;
	} else if (kind->type == 0x86dd) {
		at[0] = 0x60;
		at[5] = 16;
		at[6] = kind->protocol;
		at[7] = 64;
		at[8] = at[24] = 0xfd;
		at += 40;
	}
	if (kind->protocol)
		put_half(put_half(at, 1000 + number * 37), kind->port);
	if (kind->protocol == 6)
		at[12] = 0x50;
	frame[kind->len - 1] = number;
}

static const char *const expressions[] = {
	"udp port 53", "ip6", "not ip", "host 192.0.2.1 and not port 9", "less 68", "vlan",
	"vlan 5 and udp", "vlan 7 and vlan 8 and udp port 53", "tcp or (vlan and tcp)", "not vlan",
	"ether[14:2] & 0xfff = 6",
};

#define NEXPRESSIONS	(sizeof(expressions) / sizeof(*expressions))

/* Which frames match, as libpcap has it of a file; how many. */
static unsigned int match(const char *expression, bool *matches)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	struct bpf_program program;
	struct pcap_pkthdr header;
	unsigned int i, n = 0;

	ck_assert_int_eq(pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN), 0);
	for (i = 0; i < NFRAMES; i++) {
		header.caplen = header.len = sent[i].len;
		matches[i] = pcap_offline_filter(&program, &header, sent[i].bytes);
		n += matches[i];
	}
	pcap_freecode(&program);
	pcap_close(pcap);
	return n;
}

/* The file has those frames, each once. */
static void has_matches(const char *expression, const bool *matches, unsigned int n)
{
	bool seen[NFRAMES] = { false };
	unsigned int i, number;

	read_capture(FILE_);
	ck_assert_msg(ncaptured == n, "'%s': %u frames, not %u", expression, ncaptured, n);
	for (i = 0; i < n; i++) {
		number = captured[i].bytes[captured[i].wirelen - 1];
		ck_assert_uint_lt(number, NFRAMES);
		ck_assert_msg(matches[number] && !seen[number], "'%s': frame %u", expression,
			      number);
		seen[number] = true;
		if (captured[i].len != sent[number].len ||
		    memcmp(captured[i].bytes, sent[number].bytes, sent[number].len))
			ck_abort_msg("frame %u is another one", number);
	}
}

/* The last kind always matches, so that all that match before were captured by then. */
static void try_expression(int packet, const char *port, int threads, const char *words)
{
	char expression[256];
	bool matches[NFRAMES];
	struct process capture;
	unsigned int i, n;

	snprintf(expression, sizeof(expression), "ether proto 0x88b5 or (%s)", words);
	n = match(expression, matches);
	ck_assert_uint_ge(n, TIMES);
	capture = start_capture("-i %s --threads %d -c %u -w " FILE_ " '%s'", port, threads, n,
				expression);
	for (i = 0; i < NFRAMES; i++)
		ck_assert_int_eq(send(packet, sent[i].bytes, sent[i].len, 0), sent[i].len);
	end_well(&capture);
	has_matches(expression, matches, n);
}

static void make_frames(void)
{
	unsigned int i;

	for (i = 0; i < NFRAMES; i++)
		make_frame(i);
}

START_TEST(an_expression_means_what_it_means_to_a_file)
{
	unsigned int i;

	make_frames();
	for (i = 0; i < NEXPRESSIONS; i++)
		try_expression(peer, "fionic", _i ? 3 : 1, expressions[i]);
}
END_TEST

START_TEST(a_virtual_port_is_filtered_alike)
{
	unsigned int i;
	int packet;

	make_frames();
	close(guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 1, 0));
	packet = guest_packet_socket("fio0");
	for (i = 0; i < NEXPRESSIONS; i++)
		try_expression(packet, "fio0", 1, expressions[i]);
	close(packet);
}
END_TEST

START_TEST(what_is_cut_was_filtered_whole)
{
	struct process capture;
	unsigned int i;

	make_frames();
	capture = start_capture("-i fionic -s 16 -c 10 -w " FILE_
				" 'udp port 9 or (vlan and tcp port 80)'");
	for (i = 0; i < NFRAMES; i++)
		ck_assert_int_eq(send(peer, sent[i].bytes, sent[i].len, 0), sent[i].len);
	end_well(&capture);
	read_capture(FILE_);
	is_frame(0, sent[1 * TIMES].bytes, 16, 70);
	is_frame(5, sent[6 * TIMES].bytes, 16, 68);
}
END_TEST

/* The kernel takes 4096 instructions. */
START_TEST(a_filter_too_long_for_the_kernel_is_run_here)
{
	static char expression[1 << 16];
	size_t len = sprintf(expression, "udp port 53 or ether[0]");
	struct process capture;
	unsigned int i;

	make_frames();
	for (i = 1; i < 1500; i++)
		len += sprintf(expression + len, " + ether[%u]", i % 50);
	sprintf(expression + len, " = 1");
	capture = start_capture("-i fionic -c 10 -w " FILE_ " '%s'", expression);
	for (i = 0; i < NFRAMES; i++)
		ck_assert_int_eq(send(peer, sent[i].bytes, sent[i].len, 0), sent[i].len);
	end_well(&capture);
	read_capture(FILE_);
	is_frame(0, sent[0].bytes, 64, 64);
	is_frame(5, sent[3 * TIMES].bytes, 90, 90);
	bad(1, "the filter expression is too long for the kernel", "framecap -i fionic --take '%s'",
	    expression);
}
END_TEST

/* A socket of the protocol stack's, past what takes frames from it. */
static int stack_socket(uint16_t type)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(type),
		.sll_ifindex = if_nametoindex("fionic"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const void *)&address, sizeof(address)), 0);
	return fd;
}

START_TEST(the_stack_gets_what_is_copied)
{
	int stack = stack_socket(GUEST_ETHERTYPE);
	struct process capture = start_capture("-i fionic -c 2 -w " FILE_);

	send_frames(2);
	end_well(&capture);
	has_frames(FILE_, 2);
	guest_receive(stack, LEN, 0, 0);
	guest_receive(stack, LEN, 1, 0);
	close(stack);
}
END_TEST

START_TEST(the_stack_does_not_get_what_is_taken)
{
	int stack = stack_socket(GUEST_ETHERTYPE), untagged = stack_socket(0x0806);
	unsigned char frame[LEN + 1];
	struct process capture;
	unsigned int i;

	make_frames();
	capture = start_capture("-i fionic --take --threads 2 -c 20 -w " FILE_
				" ether proto 0x88b5 or udp");
	for (i = 0; i < NFRAMES; i++)
		ck_assert_int_eq(send(peer, sent[i].bytes, sent[i].len, 0), sent[i].len);
	/* all of these, and none with a tag */
	end_well(&capture);
	read_capture(FILE_);
	ck_assert_uint_eq(ncaptured, 20);
	for (i = 0; i < TIMES; i++)
		ck_assert_int_eq(recv(untagged, frame, sizeof(frame), 0), 64);
	/* and when it has ended, again all */
	guest_send(peer, LEN, 7, 0);
	guest_receive(stack, LEN, 7, 0);
	close(stack);
	close(untagged);
}
END_TEST

/* On a port that exists, with all its queue pairs, by flow and by CPU. */
START_TEST(threads_share_the_frames)
{
	uint32_t ports[] = { 0, 0, 0 };
	int fd = attach(_i ? FRAMEIO_PORT_STEER_CPU : 0, 3, 0);
	bool seen[300] = { false };
	unsigned int i, number;
	struct process capture;

	close(fd);
	make_frames();
	capture = start_capture("-i fionic -j -c 300 -w " FILE_);
	for (i = 0; i < 300; i++) {
		put_half(sent[0].bytes + 34, 1000 + i);
		memcpy(sent[0].bytes + 50, &i, sizeof(i));
		ck_assert_int_eq(send(peer, sent[0].bytes, sent[0].len, 0), sent[0].len);
	}
	end_well(&capture);
	ck_assert_int_eq(json_number("/ports/0/threads"), 3);
	ck_assert_int_eq(json_number("/ports/0/received"), 300);
	read_capture(FILE_);
	ck_assert_uint_eq(ncaptured, 300);
	for (i = 0; i < 300; i++) {
		memcpy(&number, captured[i].bytes + 50, sizeof(number));
		if (number >= 300 || seen[number])
			ck_abort_msg("frame %u again", number);
		seen[number] = true;
	}
	/* each had some, of so many flows */
	fd = guest_control();
	for (i = 0; !_i && i < 3; i++) {
		struct frameio_queue_pair pair = { .fp_name = "fionic", .fp_queue = i };

		ck_assert_int_eq(ioctl(fd, FRAMEIO_QUEUE_PAIR, &pair), 0);
		ports[i] = pair.fp_stats.fs_read_queued;
		ck_assert_uint_gt(ports[i], 0);
	}
	close(fd);
}
END_TEST

/* Of what an interface would not receive, too, unless it is told not to. */
START_TEST(promiscuous_mode_is_chosen)
{
	struct process capture = start_capture("-i fionic -c 1");

	guest_sh("ip -d link show fionic | grep -q 'promiscuity 1'");
	guest_send(peer, LEN, 0, 0);
	end_well(&capture);
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	capture = start_capture("-pi fionic");
	guest_sh("ip -d link show fionic | grep -q 'promiscuity 0'");
	kill(capture.pid, SIGINT);
	end_well(&capture);
	/* and it is a port no longer */
	ck_assert_errno(guest_open("fionic", 0), EOPNOTSUPP);
}
END_TEST

/* --- rows of files ------------------------------------------------ */

START_TEST(a_row_of_files_ends_by_size)
{
	unsigned int i, total = 0, first;
	struct stat status;
	glob_t found;
	struct process capture;

	capture = start_capture("-i fionic -j -C 4K -W 3 -c 200 -w %s", files[_i]);
	send_frames(200);
	end_well(&capture);
	ck_assert_int_eq(glob(_i ? DIR_ "file_*_20*.pcap" : DIR_ "file_*_20*.pcapng", 0, NULL,
			      &found), 0);
	ck_assert_uint_eq(found.gl_pathc, 3);
	ck_assert_int_gt(json_number("/files"), 3);
	has(printed, strrchr(found.gl_pathv[2], '/') + 1);
	for (i = 3; i--; total += ncaptured) {
		ck_assert_int_eq(stat(found.gl_pathv[i], &status), 0);
		ck_assert_int_le(status.st_size, 4096);
		/* a further frame would not have found room */
		ck_assert(i == 2 || status.st_size > 4096 - 2 * LEN);
		read_capture(found.gl_pathv[i]);
		first = 200 - total - ncaptured;
		is_sent(0, LEN, first, 0);
		is_sent(ncaptured - 1, LEN, first + ncaptured - 1, 0);
	}
	ck_assert_int_eq(json_number("/ports/0/frames"), 200);
	globfree(&found);
}
END_TEST

/* The next thing that happened to a file; its name. */
static const char *next_event(int fd, uint32_t event)
{
	static char room[4096] __attribute__((aligned(8)));
	static ssize_t len, at;
	const struct inotify_event *found;

	for (;;) {
		if (at >= len) {
			len = read(fd, room, sizeof(room));
			ck_assert_int_gt(len, 0);
			at = 0;
		}
		found = (const void *)(room + at);
		at += sizeof(*found) + found->len;
		if (strncmp(found->name, "file_", 5))
			continue;
		ck_assert_msg(found->mask == event, "%#x of %s", found->mask, found->name);
		return found->name;
	}
}

START_TEST(a_row_of_files_ends_by_time)
{
	char path[PATH_MAX], first[64];
	int fd = inotify_init1(IN_CLOEXEC), i;
	struct process capture;

	ck_assert_int_ge(inotify_add_watch(fd, DIR_, IN_CREATE | IN_CLOSE_WRITE | IN_DELETE), 0);
	capture = start_capture("-i fionic -G 0.1 -W 2 -w " FILE_);
	/* the first is there at once, and ends without a frame */
	strcpy(first, next_event(fd, IN_CREATE));
	ck_assert_str_eq(next_event(fd, IN_CLOSE_WRITE), first);
	snprintf(path, sizeof(path), DIR_ "%s", first);
	read_capture(path);
	ck_assert_uint_eq(ncaptured, 0);
	for (i = 0; i < 3; i++) {
		guest_send(peer, LEN, i, 0);
		if (i == 1)
			ck_assert_str_eq(next_event(fd, IN_DELETE), first);
		else if (i == 2)
			next_event(fd, IN_DELETE);
		next_event(fd, IN_CREATE);
		snprintf(path, sizeof(path), DIR_ "%s", next_event(fd, IN_CLOSE_WRITE));
		read_capture(path);
		ck_assert_uint_eq(ncaptured, 1);
		is_sent(0, LEN, i, 0);
	}
	kill(capture.pid, SIGINT);
	end_well(&capture);
	ck_assert_int_eq(run("ls " DIR_ "file_* | wc -l"), 0);
	ck_assert_str_eq(printed, "2\n");
	close(fd);
}
END_TEST

/* --- pipes -------------------------------------------------------- */

START_TEST(tcpdump_reads_the_pipe)
{
	struct process capture = start_command("framecap -i fionic %s -w - | tcpdump -c 2 -nr -",
					       _i ? "-F pcap" : "");

	/* it has begun when tcpdump has something, and ends with tcpdump */
	while (!has_ended(&capture)) {
		guest_send(peer, LEN, 1, 0);
		guest_pause();
	}
	wait_for_end(&capture);
	has(printed, "ethertype Unknown (0x88b5), length 100");
	has(complaint, "captured");
}
END_TEST

static void read_whole(int fd, void *to, size_t len)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < len; done += n) {
		n = read(fd, (char *)to + done, len - done);
		ck_assert_int_gt(n, 0);
	}
}

START_TEST(a_frame_is_in_the_pipe_at_once)
{
	unsigned char header[24], record[16 + LEN], frame[LEN];
	struct process capture = start("framecap", "-i", "fionic", "-F", "pcap", "-w", "-");
	const int fd = fileno(capture.output);
	int i;

	wait_asleep(&capture);
	read_whole(fd, header, sizeof(header));
	for (i = 0; i < 5; i++) {
		guest_send(peer, LEN, i, 0);
		read_whole(fd, record, sizeof(record));
		guest_fill(frame, LEN, i, 0);
		ck_assert_mem_eq(record + 16, frame, LEN);
	}
	/* nobody reads, and no frame comes */
	ck_assert_int_eq(end_of_reader(&capture), 0);
	has(complaint, "fionic                                      5");
}
END_TEST

START_TEST(a_reader_that_stops_does_not_hold_it)
{
	struct process capture = start("framecap", "-i", "fionic", "-w", "-");
	int i;

	wait_asleep(&capture);
	/* more than the pipe holds */
	for (i = 0; i < 300; i++)
		guest_send(peer, 1000, i, 0);
	wait_arrived(300, 1);
	kill(capture.pid, SIGTERM);
	ck_assert_int_eq(wait_for_end(&capture), 1);
	has(complaint, "framecap: the reader of standard output takes nothing any more");
}
END_TEST

/* Not even what the file begins with; the table is printed all the same. */
START_TEST(a_reader_may_have_gone_before)
{
	struct json_object *object;

	run("(trap '' PIPE; while printf x 2>/dev/null; do :; done; "
	    "framecap -i fionic -j -w -; echo $? >" DIR_ "status) | true");
	object = parse(complaint);
	is_text(object, "/ports/0/port", "fionic");
	is_number(object, "/ports/0/frames", 0);
	json_object_put(object);
	guest_sh("grep -qx 0 " DIR_ "status");
}
END_TEST

/* Opening a FIFO waits for its reader. */
START_TEST(a_signal_ends_the_wait_for_a_reader)
{
	struct process capture;
	char path[64], call[64];
	FILE *file;
	int status;

	guest_sh("mkfifo " DIR_ "fifo");
	capture = start_command("framecap -i fionic -w " DIR_ "fifo");
	snprintf(path, sizeof(path), "/proc/%d/syscall", capture.pid);
	do {
		guest_pause();
		file = fopen(path, "r");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(call, sizeof(call), file));
		fclose(file);
	} while (access("/dev/frameio/fionic", F_OK) || atoi(call) != SYS_openat);
	kill(capture.pid, SIGINT);
	ck_assert_int_eq(waitpid(capture.pid, &status, 0), capture.pid);
	fclose(capture.output);
	fclose(capture.errors);
	ck_assert_errno(guest_open("fionic", 0), EOPNOTSUPP);
}
END_TEST

/* --- the end, and the counts -------------------------------------- */

START_TEST(a_count_is_exact)
{
	struct process capture = start_capture("-i fionic -c 40 -w " FILE_);

	send_frames(100);
	end_well(&capture);
	has_frames(FILE_, 40);
}
END_TEST

/* What waits when the signal comes is written still. */
START_TEST(a_signal_ends_it)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct process capture = start_capture("-i fionic -w " FILE_);

	kill(capture.pid, SIGSTOP);
	send_frames(50);
	wait_arrived(50, 1);
	kill(capture.pid, signals[_i]);
	kill(capture.pid, SIGCONT);
	end_well(&capture);
	has_frames(FILE_, 50);
	has(printed, "captured      bytes");
	has(printed, "fionic                                     50");
}
END_TEST

START_TEST(time_ends_it)
{
	const double before = guest_now();
	struct process capture = start_capture("-i fionic --time 1.5 -w " FILE_);

	send_frames(1);
	end_well(&capture);
	ck_assert_double_ge(guest_now() - before, 1.5);
	read_capture(FILE_);
	ck_assert_uint_le(ncaptured, 1);
}
END_TEST

/* The statistics at the end of a pcapng file: arrived, dropped, captured. */
static void has_statistics(const char *path, uint64_t received, uint64_t dropped, uint64_t frames)
{
	unsigned char block[88];
	uint64_t number;
	FILE *stream = fopen(path, "r");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fseek(stream, -(long)sizeof(block), SEEK_END), 0);
	ck_assert_uint_eq(fread(block, sizeof(block), 1, stream), 1);
	ck_assert_uint_eq(block[0], 5);
	memcpy(&number, block + 48, sizeof(number));
	ck_assert_uint_eq(number, received);
	memcpy(&number, block + 60, sizeof(number));
	ck_assert_uint_eq(number, dropped);
	memcpy(&number, block + 72, sizeof(number));
	ck_assert_uint_eq(number, frames);
	fclose(stream);
}

/* And what other readers were not given before is not counted. */
START_TEST(drops_are_counted)
{
	struct frameio_stats stats;
	int fd = attach(0, 1, 1), i;
	int64_t frames, dropped;
	struct process capture;

	guest_poll(fd, POLLIN, 0);
	send_frames(10);
	wait_arrived(10, 1);
	guest_stats(fd, &stats);
	ck_assert_uint_ge(stats.fs_read_drop_full, 9);
	close(fd);
	capture = start_capture("-i fionic -j -w " FILE_);
	kill(capture.pid, SIGSTOP);
	for (i = 0; i < 100; i++)
		guest_send(peer, LEN, i, 0);
	wait_arrived(110, 1);
	kill(capture.pid, SIGINT);
	kill(capture.pid, SIGCONT);
	end_well(&capture);
	frames = json_number("/ports/0/frames");
	dropped = json_number("/ports/0/drop_full");
	ck_assert_int_gt(dropped, 90);
	ck_assert_int_eq(frames + dropped, 100);
	ck_assert_int_eq(json_number("/ports/0/received"), 100);
	read_capture(FILE_);
	ck_assert_int_eq(ncaptured, frames);
	has_statistics(FILE_, 100, dropped, frames);
	/* with room for them they wait */
	capture = start_capture("-i fionic -B 1M -j -w " FILE_);
	kill(capture.pid, SIGSTOP);
	for (i = 0; i < 100; i++)
		guest_send(peer, LEN, i, 0);
	wait_arrived(210, 1);
	kill(capture.pid, SIGINT);
	kill(capture.pid, SIGCONT);
	end_well(&capture);
	has_frames(FILE_, 100);
	has_statistics(FILE_, 100, 0, 100);
}
END_TEST

START_TEST(without_a_file_it_counts)
{
	struct process capture = start_capture("-i fionic -j -c 30");

	send_frames(30);
	end_well(&capture);
	ck_assert_int_eq(json_number("/ports/0/frames"), 30);
	ck_assert_int_eq(json_number("/ports/0/bytes"), 30 * LEN);
	ck_assert_int_eq(json_number("/files"), 0);
}
END_TEST

/* A line on a terminal, again and again. */
START_TEST(progress_is_shown_on_a_terminal)
{
	char *const words[] = {
		"sh", "-c", "exec framecap -i fionic -w " FILE_ " 2>&1 >/dev/null", NULL
	};
	struct process capture = start_on_terminal(80, words);
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;

	wait_asleep(&capture);
	send_frames(5);
	while (!strstr(text, "\r\033[K5 frames captured, 0 dropped  ") ||
	       !strstr(strstr(text, "5 frames captured") + 1, "5 frames captured")) {
		n = read(fileno(capture.output), text + len, sizeof(text) - 1 - len);
		ck_assert_int_gt(n, 0);
		len += n;
		text[len] = '\0';
	}
	kill(capture.pid, SIGINT);
	end_well(&capture);
	has_frames(FILE_, 5);
}
END_TEST

/* --- many frames -------------------------------------------------- */

#define CHUNK	500

static void send_chunk(uint32_t first, unsigned int n)
{
	static unsigned char frames[CHUNK][60];
	struct mmsghdr messages[CHUNK];
	struct iovec vectors[CHUNK];
	unsigned int i;

	for (i = 0; i < n; i++) {
		guest_fill_numbered(frames[i], 60, first + i);
		vectors[i] = (struct iovec){ frames[i], 60 };
		messages[i] = (struct mmsghdr){ { .msg_iov = &vectors[i], .msg_iovlen = 1 }, 0 };
	}
	for (i = 0; i < n;)
		i += sendmmsg(peer, messages + i, n - i, 0);
}

static pcap_t *open_pcap(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);

	ck_assert_msg(pcap, "%s: %s", path, error);
	return pcap;
}

static void check_numbered(const char *path, uint32_t frames)
{
	pcap_t *pcap = open_pcap(path);
	struct pcap_pkthdr *header;
	const unsigned char *bytes;
	uint32_t n = 0;
	int ret;

	while ((ret = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		if (guest_check_numbered(bytes, header->caplen) != n)
			ck_abort_msg("%s: not the frame %u", path, n);
		n++;
	}
	ck_assert_int_eq(ret, PCAP_ERROR_BREAK);
	ck_assert_uint_eq(n, frames);
	pcap_close(pcap);
}

/* Every frame is there, in order, as often as for tcpdump. */
START_TEST(none_of_many_is_missing)
{
	const uint32_t frames = guest_setting("FRAMEIO_BURST_FRAMES", 100000);
	struct process capture, dump;
	char count[16];
	uint32_t i, n;

	snprintf(count, sizeof(count), "%u", frames);
	dump = start_command("tcpdump -i fionic -Q in -s 100 -B 131072 -c %s -w " DIR_ "dump.pcap",
			     count);
	wait_told(&dump, "listening on");
	capture = start_capture("-i fionic -B 256M -j -c %s -w " FILE_, count);
	for (i = 0; i < frames; i += n) {
		n = frames - i < CHUNK ? frames - i : CHUNK;
		send_chunk(i, n);
		/* the port goes with framecap, which has got all by then */
		if (i + n < frames)
			wait_arrived(i + n, 1);
	}
	end_well(&capture);
	ck_assert_int_eq(json_number("/ports/0/drop_full"), 0);
	check_numbered(FILE_, frames);
	wait_for_end(&dump);
	check_numbered(DIR_ "dump.pcap", frames);
	ck_assert_int_eq(run("capinfos -Tcr -M %s", FILE_), 0);
	has(printed, count);
}
END_TEST

/* Two files have the same frames, so many. */
static void check_same(const char *path, const char *other_path, uint32_t frames)
{
	pcap_t *pcap = open_pcap(path), *other = open_pcap(other_path);
	const unsigned char *bytes, *other_bytes;
	struct pcap_pkthdr *header, *other_header;
	uint32_t n = 0;

	while (pcap_next_ex(pcap, &header, &bytes) == 1) {
		if (pcap_next_ex(other, &other_header, &other_bytes) != 1 ||
		    header->len != other_header->len || header->caplen != header->len ||
		    other_header->caplen != header->caplen ||
		    memcmp(bytes, other_bytes, header->caplen))
			ck_abort_msg("frame %u is another one in %s", n, other_path);
		n++;
	}
	ck_assert_int_eq(pcap_next_ex(other, &other_header, &other_bytes), PCAP_ERROR_BREAK);
	ck_assert_uint_eq(n, frames);
	pcap_close(pcap);
	pcap_close(other);
}

/*
 * On one interface at the same time: tcpdump, framecap, and framegen, which takes the
 * frames and knows by their numbers whether one is missing.
 */
START_TEST(all_who_look_agree)
{
	const unsigned long frames = guest_setting("FRAMEIO_BURST_FRAMES", 100000);
	const unsigned long long out = guest_link_counter("fiopeer", "tx_packets");
	const unsigned long long in = guest_link_counter("fionic", "rx_packets");
	struct process dump, receiver, capture;
	struct json_object *result;

	/* a machine that is slower than the rate lets them wait, all of them perhaps */
	guest_write_file("200000", "/proc/sys/net/core/netdev_max_backlog");
	good("frameio attach fionic queues 2");
	dump = start_command("tcpdump -i fionic -Q in -B 131072 -c %lu -w " DIR_ "dump.pcap",
			     frames);
	wait_told(&dump, "listening on");
	receiver = start_command("framegen -i fionic -f rx -j --queue 65536 -n %lu", frames);
	wait_threads(&receiver, 1, 2);
	capture = start_capture("-i fionic -B 256M -j -c %lu --io packed -w " FILE_, frames);
	/* each CPU hands on what was sent there: from one of them the order is kept */
	result = parse(good("framegen -i fiopeer -f tx -j -a 0 -n %lu -R 20k", frames));
	is_number(result, "/frames", frames);
	json_object_put(result);
	ck_assert_uint_eq(guest_link_counter("fiopeer", "tx_packets") - out, frames);
	ck_assert_uint_eq(guest_link_counter("fionic", "rx_packets") - in, frames);
	end_well(&capture);
	ck_assert_int_eq(json_number("/ports/0/frames"), frames);
	ck_assert_int_eq(json_number("/ports/0/drop_full"), 0);
	result = parse(end_well(&receiver));
	is_number(result, "/frames", frames);
	is_number(result, "/lost", 0);
	is_number(result, "/duplicates", 0);
	is_number(result, "/reordered", 0);
	json_object_put(result);
	wait_for_end(&dump);
	check_same(DIR_ "dump.pcap", FILE_, frames);
}
END_TEST

/* --- what goes wrong ---------------------------------------------- */

START_TEST(a_port_may_go)
{
	struct process capture = start_capture("-i fionic -w " FILE_);

	send_frames(3);
	wait_arrived(3, 1);
	do {
		guest_pause();
		read_capture(FILE_);
	} while (ncaptured < 3);
	guest_sh("ip link del fionic");
	ck_assert_int_eq(wait_for_end(&capture), 1);
	has_frames(FILE_, 3);
	has_statistics(FILE_, 3, 0, 3);
}
END_TEST

START_TEST(the_other_ports_go_on)
{
	struct process capture;
	int packet;

	close(guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 1, 0));
	packet = guest_packet_socket("fio0");
	capture = start_capture("-i fionic -i fio0 -w " FILE_ " -c 2");
	guest_sh("ip link del fionic");
	wait_told(&capture, "framecap: port 'fionic' is gone\n");
	guest_send(packet, LEN, 0, 0);
	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(wait_for_end(&capture), 1);
	has_frames(FILE_, 2);
	close(packet);
}
END_TEST

START_TEST(a_full_disk_leaves_a_whole_file)
{
	static const char *const paths[] = { DIR_ "small/file.pcapng", DIR_ "small/file.pcap" };
	struct process capture;
	char expected[256];

	guest_sh("mkdir " DIR_ "small && mount -t tmpfs -o size=16k none " DIR_ "small");
	capture = start_capture("-i fionic -j -w %s", paths[_i]);
	kill(capture.pid, SIGSTOP);
	send_frames(200);
	wait_arrived(200, 1);
	kill(capture.pid, SIGCONT);
	ck_assert_int_eq(wait_for_end(&capture), 1);
	snprintf(expected, sizeof(expected),
		 "framecap: cannot write to %s: No space left on device\n", paths[_i]);
	ck_assert_str_eq(complaint, expected);
	read_capture(paths[_i]);
	ck_assert_int_eq(ncaptured, json_number("/ports/0/frames"));
	ck_assert_uint_gt(ncaptured, 60);
	is_sent(ncaptured - 1, LEN, ncaptured - 1, 0);
	guest_sh("umount " DIR_ "small");
}
END_TEST

static const struct refusal refusals[] = {
	{ 2, "takes a port to capture from: -i PORT", "" },
	{ 2, "--snapshot-length takes a number from 0 to 262144, not 'x'", "-i fionic -s x" },
	{ 2, "--snapshot-length takes a number", "-i fionic -s 262145" },
	{ 2, "--count takes a number from 1 to 18446744073709551615, not '0'", "-i fionic -c 0" },
	{ 2, "--count takes a number", "-i fionic -c -1" },
	{ 2, "--io takes frameio, packed or ring, not 'wire'", "-i fionic --io wire" },
	{ 2, "--threads takes a number from 1 to 64, not '65'", "-i fionic --threads 65" },
	{ 2, "--time takes 0.01 to 1000000000 seconds, not '0'", "-i fionic --time 0" },
	{ 2, "not '1s'", "-i fionic --time 1s" },
	{ 2, "--file-size takes a size such as 10 or 10M", "-i fionic -w x -C 0" },
	{ 2, "not '5T'", "-i fionic -w x -C 5T" },
	{ 2, "not '99999999999999G'", "-i fionic -w x -C 99999999999999G" },
	{ 2, "takes a size such as 10 or 10M, of up to 1073741824 bytes", "-i fionic -B 2G" },
	{ 2, "--file-size and --file-time need --write with the name of a file", "-i fionic -G 3" },
	{ 2, "--file-size and --file-time need --write", "-i fionic -C 3 -w -" },
	{ 2, "--files needs --file-size or --file-time", "-i fionic -W 3 -w x" },
	{ 2, "--format needs --write", "-i fionic -F pcap" },
	{ 2, "--format takes pcap or pcapng, not 'erf'", "-i fionic -F erf -w x" },
	{ 2, "--write takes the name of a file, or '-'", "-i fionic -w ''" },
	{ 2, "port 'fionic' is given twice", "-i fionic -i fionic" },
	{ 2, "a pcap file has one port: for several, use pcapng", "-i fionic -i fio0 -w x.pcap" },
	{ 2, "--take with an expression takes no frames with VLAN", "-i fionic --take vlan 5" },
	{ 2, "'a/b' is no interface name", "-i a/b" },
	{ 2, "unrecognized option '--nothing'", "-i fionic --nothing" },
	{ 2, "option requires an argument -- 'w'", "-i fionic -w" },
	{ 2, "cannot take the filter expression 'ip and': ", "-i fionic ip and" },
	{ 2, "cannot take the filter expression 'inbound': it asks for more", "-i fionic inbound" },
	{ 2, "cannot take the filter expression 'ifname eth0': ", "-i fionic ifname eth0" },
	{ 1, "cannot open port 'nowhere': there is no such interface", "-i nowhere" },
	{ 1, "cannot open port 'nowhere:fionic': ", "-i nowhere:fionic" },
	{ 1, "cannot open port 'lo': it is neither a frameio port nor an Ethernet", "-i lo" },
	{ 1, "cannot open port 'fiobridged': a bridge, a bond, a macvlan", "-i fiobridged" },
	{ 1, "cannot open port 'fioheld': all its queue pairs are in use", "-i fioheld" },
	{ 1, "cannot write to no/file: No such file or directory", "-i fionic -w no/file" },
	{ 1, "cannot write to /dev/full: No space left on device", "-i fionic -w /dev/full" },
};

#define NREFUSALS	(sizeof(refusals) / sizeof(*refusals))

START_TEST(refusals_are_sentences)
{
	int held = guest_create("fioheld", 0, 1);
	struct process capture;
	unsigned int i;

	guest_sh("ip link add fiobridge type bridge && ip link add fiobridged type dummy && "
		 "ip link set fiobridged master fiobridge");
	for (i = 0; i < NREFUSALS; i++)
		bad(refusals[i].status, refusals[i].text,
		    "cd " DIR_ "; timeout 60 framecap %s", refusals[i].words);
	bad(1, "cannot open port 'fionic': not permitted: it is no port yet, and making "
	    "it one takes root", AS_NOBODY "framecap -i fionic");
	capture = start_on_terminal(80, (char *[]){ "framecap", "-i", "fionic", "-w", "-", NULL });
	end_badly(&capture, 2,
		  "standard output is a terminal: '| tcpdump -r -' shows frames there");
	guest_sh("ip link del fiobridge && ip link del fiobridged");
	close(held);
}
END_TEST

/* What its owner may do, without root; but not more. */
START_TEST(an_owner_needs_no_root)
{
	struct frameio_create request = {
		.fc_name = "fionic",
		.fc_flags = FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OWNER,
		.fc_owner = 65534,
		.fc_nqueues = 1,
	};
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	close(fd);
	ck_assert_int_eq(run(AS_NOBODY "framecap -i fionic --time 0.1"), 0);
	bad(1, "cannot give port 'fionic' read queues of 1073741824 bytes: that is more",
	    AS_NOBODY "framecap -i fionic -B 1G");
}
END_TEST

START_TEST(help_and_version_are_told)
{
	ck_assert_int_eq(run("framecap --help"), 0);
	has(printed, "usage: framecap -i PORT [OPTION...] [EXPRESSION]");
	ck_assert_int_eq(run("framecap --version"), 0);
	ck_assert_str_eq(printed, "framecap (frameio) " VERSION "\n");
	bad(1, "cannot write to standard output: No space left on device",
	    "framecap --help >/dev/full");
}
END_TEST

/* --- the manual page ---------------------------------------------- */

/* Frames come all the time; what goes on for ever is ended by Ctrl-C. */
START_TEST(the_examples_of_the_manual_page_work)
{
	FILE *page = open_examples("framecap.1");
	unsigned int n = 0;
	const char *text;
	int status;

	guest_add_netns("lab");
	make_ended("framecap", "INT");
	guest_free_name("eth0");
	guest_sh("ip link add eth0 type veth peer name eth1 netns lab && ip link set eth0 up && "
		 "ip address add 198.51.100.1/24 dev eth0 && ip -n lab link set eth1 up && "
		 "ip -n lab address add 198.51.100.2/24 dev eth1");
	guest_wait_running("eth0");
	guest_sh("ping -q -i 0.2 198.51.100.2 >/dev/null & echo $! >" DIR_ "ping");
	for (; (text = next_example(page)); n++) {
		status = run("set -e\nPATH=" ENDED ":$PATH\ncd " DIR_ "\n(\n%s)", text);
		ck_assert_msg(!status, "'%s': %d, %s", text, status, complaint);
		if (strstr(text, "tcpdump"))
			has(printed, "ICMP echo");
	}
	ck_assert_uint_eq(n, 6);
	guest_sh("kill $(cat " DIR_ "ping); ip netns del lab");
}
END_TEST

/* --- */

static void add_frame_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "frames", 240, setup, teardown);

	tcase_add_loop_test(tcase, each_frame_is_in_the_file, 0, NWAYS);
	tcase_add_test(tcase, what_is_cut_tells_its_length);
	tcase_add_loop_test(tcase, a_virtual_port_is_read, 0, 2 * NWAYS);
	tcase_add_test(tcase, several_ports_are_told_apart);
	tcase_add_loop_test(tcase, an_expression_means_what_it_means_to_a_file, 0, 2);
	tcase_add_test(tcase, a_virtual_port_is_filtered_alike);
	tcase_add_test(tcase, what_is_cut_was_filtered_whole);
	tcase_add_test(tcase, a_filter_too_long_for_the_kernel_is_run_here);
	tcase_add_test(tcase, the_stack_gets_what_is_copied);
	tcase_add_test(tcase, the_stack_does_not_get_what_is_taken);
	tcase_add_loop_test(tcase, threads_share_the_frames, 0, 2);
	tcase_add_test(tcase, promiscuous_mode_is_chosen);
	tcase_add_test(tcase, none_of_many_is_missing);
	tcase_add_test(tcase, all_who_look_agree);
}

static void add_end_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "ends", 240, setup, teardown);

	tcase_add_loop_test(tcase, a_row_of_files_ends_by_size, 0, 2);
	tcase_add_test(tcase, a_row_of_files_ends_by_time);
	tcase_add_loop_test(tcase, tcpdump_reads_the_pipe, 0, 2);
	tcase_add_test(tcase, a_frame_is_in_the_pipe_at_once);
	tcase_add_test(tcase, a_reader_that_stops_does_not_hold_it);
	tcase_add_test(tcase, a_reader_may_have_gone_before);
	tcase_add_test(tcase, a_signal_ends_the_wait_for_a_reader);
	tcase_add_test(tcase, a_count_is_exact);
	tcase_add_loop_test(tcase, a_signal_ends_it, 0, 3);
	tcase_add_test(tcase, time_ends_it);
	tcase_add_test(tcase, drops_are_counted);
	tcase_add_test(tcase, without_a_file_it_counts);
	tcase_add_test(tcase, progress_is_shown_on_a_terminal);
	tcase_add_test(tcase, a_port_may_go);
	tcase_add_test(tcase, the_other_ports_go_on);
	tcase_add_loop_test(tcase, a_full_disk_leaves_a_whole_file, 0, 2);
	tcase_add_test(tcase, refusals_are_sentences);
	tcase_add_test(tcase, an_owner_needs_no_root);
	tcase_add_test(tcase, help_and_version_are_told);
	tcase_add_test(tcase, the_examples_of_the_manual_page_work);
}

int main(void)
{
	Suite *suite = suite_create("framecap");

	find_tools("framecap");
	add_frame_tests(suite);
	add_end_tests(suite);
	return guest_run(suite);
}
