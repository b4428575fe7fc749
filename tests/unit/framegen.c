/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What framegen does without a kernel: frames, schedules, captures and what is measured. */
#include <arpa/inet.h>
#include <check.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libframeio/libframeio.h>

#include "tools/describe.h"
#include "tools/generate.h"
#include "tools/measure.h"
#include "tools/pace.h"
#include "tools/replay.h"
#include "tools/tool.h"

static const unsigned char mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static unsigned int get16(const unsigned char *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static uint32_t get32(const unsigned char *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static const unsigned char *frame_of(const struct frameio_hdr *record)
{
	return (const unsigned char *)(record + 1);
}

/* Under valgrind a child takes long, and each has been tried under the sanitizers. */
static bool slow(void)
{
	return getenv("FRAMEIO_UNIT_SLOW");
}

/* --- frames ---------------------------------------------------------- */

/* The sum of RFC 1071, word by word; what has a right checksum in it gives 0xffff. */
static uint32_t add(uint32_t sum, const unsigned char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* An IP packet of UDP or TCP: its lengths and checksums are right. Returns the payload. */
static const unsigned char *check_packet(const unsigned char *packet, size_t len)
{
	const bool v4 = packet[0] >> 4 == 4;
	const unsigned int protocol = packet[v4 ? 9 : 6];
	const size_t header = v4 ? 20 : 40;
	const unsigned char *transport = packet + header;
	uint32_t sum;

	if (v4) {
		ck_assert_uint_eq(get16(packet + 2), len);
		ck_assert_uint_eq(add(0, packet, 20), 0xffff);
	} else {
		ck_assert_uint_eq(get16(packet + 4), len - 40);
	}
	sum = add(protocol + (len - header), packet + (v4 ? 12 : 8), v4 ? 8 : 32);
	ck_assert_uint_eq(add(sum, transport, len - header), 0xffff);
	if (protocol == IPPROTO_TCP)
		return transport + 20;
	ck_assert_uint_eq(get16(transport + 4), len - header);
	ck_assert_uint_ne(get16(transport + 6), 0);
	return transport + 8;
}

/* The longest frames, and what is before the first. */
static struct description describe(void)
{
	struct description description;

	describe_defaults(&description);
	return description;
}

static struct generator generator_of(struct description *description)
{
	struct generator generator;

	describe_complete(description, mac_a, mac_b);
	generator_init(&generator, description, 7, 0);
	return generator;
}

struct shape {
	const char *vlan, *lengths;
	bool v6, tcp, l3;
};

static const struct shape shapes[] = {
	{ NULL, NULL, false, false, false },
	{ NULL, "42-120", false, false, false },
	{ NULL, "imix", false, false, false },
	{ NULL, NULL, true, false, false },
	{ NULL, "62:1,1514:1,63:2", true, false, false },
	{ NULL, NULL, false, true, false },
	{ NULL, "74-120", true, true, false },
	{ "7", NULL, false, false, false },
	{ "1-4095", NULL, true, true, false },
	{ "5,6-9", "60-90", false, false, false },
	{ "5-6,0", NULL, true, false, false },
	{ NULL, NULL, false, false, true },
	{ NULL, "28-65535", false, false, true },
	{ NULL, "60-65555", true, true, true },
};

#define NSHAPES	(int)(sizeof(shapes) / sizeof(*shapes))

static struct description describe_shape(const struct shape *shape)
{
	struct description description = describe();

	description.ethernet = !shape->l3;
	description.protocol = shape->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	if (shape->v6)
		describe_ipv6(&description);
	if (shape->vlan)
		describe_vlan(&description, shape->vlan);
	if (shape->lengths)
		describe_lengths(&description, shape->lengths);
	return description;
}

/* Of each shape, with all fields moving, in memory that is used again and again. */
START_TEST(checksums_and_lengths_are_right)
{
	struct description description = describe_shape(&shapes[_i]);
	const char *src = shapes[_i].v6 ? "[2001:db8::fffe]:65530-[2001:db8::1:3]:65535" :
					  "10.0.255.254:65530-10.1.0.3:65535";
	struct frameio_hdr *records[3];
	struct generator generator;
	const unsigned char *payload;
	struct probe probe;
	unsigned int sequence = 0, link, i;

	describe_address(&description, FIELD_SRC, src);
	describe_random(&description, "dst,dport");
	if (!shapes[_i].l3)
		describe_mac(&description, FIELD_DST_MAC, "02:ff:ff:ff:ff:fe-03:00:00:00:00:03");
	generator = generator_of(&description);
	link = shapes[_i].l3 ? 0 : 14 + 4 * description.ntags;
	for (i = 0; i < 3; i++)
		records[i] = generator_record(&generator);
	for (i = 0; i < (slow() ? 500 : 3000); i++) {
		const struct frameio_hdr *record = records[i % 3];
		const unsigned char *frame = frame_of(record);

		generator_next(&generator, records[i % 3], 1234567890123456789 + i);
		payload = check_packet(frame + link, record->len - link);
		if (record->len < payload - frame + PROBE_LENGTH)
			continue;
		ck_assert_uint_eq(probe_payload(frame, record->len, !shapes[_i].l3),
				  (size_t)(payload - frame));
		ck_assert(probe_read(&probe, payload, PROBE_LENGTH));
		ck_assert_uint_eq(probe.stream, 7);
		ck_assert_uint_eq(probe.sequence, sequence++);
		ck_assert_uint_eq(probe.time, 1234567890123456789 + i);
	}
	ck_assert_uint_gt(sequence, 100);
	for (i = 0; i < 3; i++)
		free(records[i]);
	free(description.lengths);
}
END_TEST

static const unsigned char plain[] = {
	2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa, 0x81, 0, 0x60, 5, 8, 0,
	0x45, 0xb8, 0, 46, 0, 0, 0x40, 0, 9, 17, 0xa0, 0xeb, 198, 18, 0, 1, 10, 0, 0, 9,
	4, 0xd2, 0, 80, 0, 26,
};

START_TEST(what_is_given_is_in_the_frame)
{
	struct description description = describe();
	struct frameio_hdr *record;
	struct generator generator;

	describe_vlan(&description, "5");
	describe_address(&description, FIELD_DST, "10.0.0.9:80");
	description.pcp = 3;
	description.dscp = 46;
	description.ttl = 9;
	generator = generator_of(&description);
	record = generator_record(&generator);
	generator_next(&generator, record, 0);
	ck_assert_uint_eq(record->version, FRAMEIO_HDR_VERSION);
	ck_assert_uint_eq(record->hdrlen, sizeof(*record));
	ck_assert_uint_eq(record->flags, 0);
	ck_assert_uint_eq(record->len, 64);
	ck_assert_mem_eq(frame_of(record), plain, sizeof(plain));
	free(record);
	free(description.lengths);
}
END_TEST

/* Of UDP, 0 says that there is none; the numbers of so many frames give every sum there is. */
START_TEST(a_checksum_is_never_0)
{
	struct description description = describe();
	struct generator generator = generator_of(&description);
	struct frameio_hdr *record = generator_record(&generator);
	unsigned int i, zeros = 0, ones = 0;

	for (i = 0; i < 66000; i++) {
		generator_next(&generator, record, 0);
		zeros += get16(frame_of(record) + 40) == 0;
		ones += get16(frame_of(record) + 40) == 0xffff;
	}
	ck_assert_uint_eq(zeros, 0);
	ck_assert_uint_gt(ones, 0);
	free(record);
	free(description.lengths);
}
END_TEST

START_TEST(a_tag_that_moves_keeps_its_priority)
{
	struct description description = describe();
	struct frameio_hdr *record;
	struct generator generator;
	unsigned int i;

	describe_vlan(&description, "4095,5-6");
	description.pcp = 6;
	generator = generator_of(&description);
	record = generator_record(&generator);
	for (i = 0; i < 10; i++) {
		generator_next(&generator, record, 0);
		ck_assert_uint_eq(get16(frame_of(record) + 14), 0xcfff);
		ck_assert_uint_eq(get16(frame_of(record) + 18), 0xc005 + i % 2);
	}
	free(record);
	free(description.lengths);
}
END_TEST

/* The source's port fastest, then its address, then the destination's. */
START_TEST(ranges_move_as_an_odometer_does)
{
	struct description description = describe();
	struct frameio_hdr *record;
	struct generator generator;
	unsigned int i;

	describe_address(&description, FIELD_SRC, "10.0.0.1:10-10.0.0.2:12");
	describe_address(&description, FIELD_DST, "10.9.0.255:5-10.9.1.1:5");
	generator = generator_of(&description);
	record = generator_record(&generator);
	for (i = 0; i < 40; i++) {
		generator_next(&generator, record, 0);
		ck_assert_uint_eq(get16(frame_of(record) + 34), 10 + i % 3);
		ck_assert_uint_eq(get32(frame_of(record) + 26), 0x0a000001 + i / 3 % 2);
		ck_assert_uint_eq(get32(frame_of(record) + 30), 0x0a0900ff + i / 6 % 3);
		ck_assert_uint_eq(get16(frame_of(record) + 36), 5);
	}
	free(record);
	free(description.lengths);
}
END_TEST

/* Source ports of frames that are chosen at random. */
static void draw(uint64_t seed, unsigned int thread, unsigned int *ports, unsigned int n)
{
	struct description description = describe();
	struct frameio_hdr *record;
	struct generator generator;
	unsigned int i;

	description.seed = seed;
	describe_address(&description, FIELD_SRC, ":1000-:1009");
	describe_random(&description, "sport");
	describe_complete(&description, mac_a, mac_b);
	generator_init(&generator, &description, 0, thread);
	record = generator_record(&generator);
	for (i = 0; i < n; i++) {
		generator_next(&generator, record, 0);
		ports[i] = get16(frame_of(record) + 34);
	}
	free(record);
	free(description.lengths);
}

START_TEST(random_fields_are_all_over_their_range)
{
	unsigned int ports[1000], again[1000], other[1000], found[10] = { 0 }, i;

	draw(1, 0, ports, 1000);
	for (i = 0; i < 1000; i++) {
		ck_assert_uint_ge(ports[i], 1000);
		ck_assert_uint_le(ports[i], 1009);
		found[ports[i] - 1000]++;
	}
	for (i = 0; i < 10; i++) {
		ck_assert_uint_gt(found[i], 50);
		ck_assert_uint_lt(found[i], 200);
	}
	draw(1, 0, again, 1000);
	ck_assert_mem_eq(again, ports, sizeof(ports));
	draw(2, 0, other, 1000);
	ck_assert_mem_ne(other, ports, sizeof(ports));
	draw(1, 1, other, 1000);
	ck_assert_mem_ne(other, ports, sizeof(ports));
}
END_TEST

START_TEST(a_mix_has_its_proportions)
{
	struct description description = describe();
	unsigned int found[2000] = { 0 }, i;

	describe_lengths(&description, "imix");
	ck_assert_uint_eq(description.nlengths, 12);
	for (i = 0; i < 12; i++)
		found[description.lengths[i]]++;
	ck_assert_uint_eq(found[60], 7);
	ck_assert_uint_eq(found[590], 4);
	ck_assert_uint_eq(found[1514], 1);
	/* and no two of the long ones follow each other */
	for (i = 0; i < 11; i++)
		ck_assert(description.lengths[i] == 60 || description.lengths[i + 1] == 60);
	free(description.lengths);
	describe_defaults(&description);
	describe_lengths(&description, "100-102");
	ck_assert_uint_eq(description.nlengths, 3);
	ck_assert_uint_eq(description.lengths[2], 102);
	ck_assert_uint_eq(describe_shortest(&description), 100);
	ck_assert_uint_eq(describe_longest(&description), 102);
	free(description.lengths);
}
END_TEST

static void parse_field(const char *option, const char *text)
{
	struct description description = describe();

	if (!strcmp(option, "length"))
		describe_lengths(&description, text);
	else if (!strcmp(option, "vlan"))
		describe_vlan(&description, text);
	else if (!strcmp(option, "mac"))
		describe_mac(&description, FIELD_SRC_MAC, text);
	else if (!strcmp(option, "random"))
		describe_random(&description, text);
	else
		describe_address(&description, FIELD_DST, text);
	describe_complete(&description, mac_a, mac_b);
	free(description.lengths);
}

static const struct {
	const char *option, *text;
	bool good;
} texts[] = {
	{ "length", "60", true }, { "length", "", false }, { "length", "41", false },
	{ "length", "60x", false }, { "length", "60-59", false }, { "length", "-60", false },
	{ "length", "60:1", true }, { "length", "60:0", false }, { "length", "60:1,", false },
	{ "length", "60:1,61", false }, { "length", "60:65537", false },
	{ "length", "60:65535,70:2", false }, { "length", "99999999999999999999", false },
	{ "length", "65549", true }, { "length", "65550", false }, { "length", "60-", false },
	{ "length", "60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,60:1,"
	  "60:1,60:1", false },
	{ "vlan", "0", true }, { "vlan", "4095,4095", true }, { "vlan", "4096", false },
	{ "vlan", "1,2,3", false }, { "vlan", "1,", false }, { "vlan", "", false },
	{ "vlan", "5-4", false }, { "vlan", "x", false },
	{ "mac", "02:00:00:00:00:01", true }, { "mac", "02:00:00:00:00", false },
	{ "mac", "02:00:00:00:00:01-02:00:00:00:00:09", true }, { "mac", "", false },
	{ "mac", "02:00:00:00:00:09-02:00:00:00:00:01", false },
	{ "mac", "02:00:00:00:00:01-", false }, { "mac", "02:00:00:00:00:01:02", false },
	{ "mac", "02-00-00-00-00-01", false }, { "mac", "2:0:0:0:0:1", false },
	{ "dst", "10.0.0.1", true }, { "dst", "10.0.0.1:80", true }, { "dst", ":80", true },
	{ "dst", "10.0.0.1:80-10.0.0.9:90", true }, { "dst", ":80-:90", true },
	{ "dst", "10.0.0.1:80-:90", true }, { "dst", "10.0.0.1-10.0.0.9", true },
	{ "dst", "10.0.0.1-10.0.0.9:90", false }, { "dst", ":80-10.0.0.9", false },
	{ "dst", "10.0.0.9-10.0.0.1", false }, { "dst", ":9-:8", false },
	{ "dst", "10.0.0.1:65536", false }, { "dst", "10.0.0.1:", false },
	{ "dst", "10.0.0", false }, { "dst", "", false }, { "dst", "-", false },
	{ "dst", "::1", true }, { "dst", "[::1]:80-[::9]:90", true }, { "dst", "[::1]", true },
	{ "dst", "[::1", false }, { "dst", "[::1]80", false }, { "dst", "[]:80", true },
	{ "dst", "::1-1::1", false }, { "dst", "::1-10.0.0.1", false }, { "dst", "::g", false },
	{ "dst", "::-::ffff:ffff:ffff:ffff", true },
	{ "random", "dport,src,sport,dst", true }, { "random", "", false },
	{ "random", "dport,", false }, { "random", "nothing", false }, { "random", "vlan", false },
	{ "random", "length", false }, { "random", "src-mac", false },
};

#define NTEXTS	(int)(sizeof(texts) / sizeof(*texts))

/* Who exits in the middle of something has not freed it. */
static void leave(int status, void *argument)
{
	(void)argument;
	_exit(status);
}

/* The exit code of what a child does; what it complains of is of no interest. */
static int outcome(void (*function)(const char *, const char *), const char *a, const char *b)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(50);
		on_exit(leave, NULL);
		function(a, b);
		exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "%s '%s' ended with status %#x", a, b, status);
	return WEXITSTATUS(status);
}

START_TEST(what_cannot_be_is_refused)
{
	const int step = slow() ? 5 : 1;
	int i;

	for (i = 0; i < NTEXTS; i += step)
		ck_assert_msg(outcome(parse_field, texts[i].option, texts[i].text) ==
			      (texts[i].good ? 0 : TOOL_MISUSED), "%s '%s'", texts[i].option,
			      texts[i].text);
}
END_TEST

/* --- probes ---------------------------------------------------------- */

static bool has_probe(const unsigned char *frame, size_t len)
{
	const size_t payload = probe_payload(frame, len, true);
	struct probe probe;

	return payload && payload <= len && probe_read(&probe, frame + payload, len - payload);
}

/* As the kernel would run it; that one sees all but the probe's magic. */
static bool is_taken(const unsigned char *frame, size_t len)
{
	unsigned int n;
	const struct sock_filter *filter = probe_filter(&n);

	ck_assert(bpf_validate((const struct bpf_insn *)filter, n));
	return bpf_filter((const struct bpf_insn *)filter, frame, len, len);
}

START_TEST(the_filter_takes_what_has_a_probe)
{
	struct shape shape = shapes[_i];
	struct description description;
	struct frameio_hdr *record;
	struct generator generator;
	unsigned int i, payload, bit;
	unsigned char *frame;

	shape.l3 = false;
	shape.lengths = NULL;
	description = describe_shape(&shape);
	generator = generator_of(&description);
	record = generator_record(&generator);
	payload = describe_headers(&description);
	frame = (unsigned char *)(record + 1);
	generator_next(&generator, record, 1);
	ck_assert(is_taken(frame, record->len));
	ck_assert(has_probe(frame, record->len));
	/* whichever bit is another, the two agree; only an address's and the like do not matter */
	for (i = 0; i < 8 * (payload + 4U); i++) {
		frame[i / 8] ^= 1 << i % 8;
		ck_assert_int_eq(is_taken(frame, record->len), has_probe(frame, record->len));
		frame[i / 8] ^= 1 << i % 8;
	}
	for (bit = 8 * payload; bit < 8 * (payload + 4U); bit++) {
		frame[bit / 8] ^= 1 << bit % 8;
		ck_assert(!is_taken(frame, record->len));
		frame[bit / 8] ^= 1 << bit % 8;
	}
	for (i = 0; i < payload + 4U; i++)
		ck_assert(!is_taken(frame, i));
	free(record);
	free(description.lengths);
}
END_TEST

/* Random bytes, in memory that ends with them, lead nowhere else. */
START_TEST(a_search_stays_in_the_frame)
{
	static const unsigned char types[][2] = {
		{ 8, 0 }, { 0x86, 0xdd }, { 0x81, 0 }, { 0x88, 0xa8 },
	};
	unsigned char *frame;
	size_t len, j;
	int i;

	srand(1);
	for (i = 0; i < 5000; i++) {
		len = rand() % 100;
		frame = malloc(len ? len : 1);
		for (j = 0; j < len; j++)
			frame[j] = rand();
		for (j = 12; j + 2 <= len && j < 24; j += 4)
			memcpy(frame + j, types[rand() % 4], 2);
		if (len > 40) {
			frame[14] = 0x45;
			frame[20] = frame[23] = rand() % 2 ? 17 : 6;
		}
		ck_assert(!has_probe(frame, len));
		probe_payload(frame, len, false);
		free(frame);
	}
}
END_TEST

/* --- schedules ------------------------------------------------------- */

/* Frames that leave in a second to somebody who looks every @step ns, with nothing to do else. */
static unsigned int run_second(struct pace *pace, double *now, double step, uint32_t len)
{
	const double end = *now + 1e9;
	unsigned int n = 0;

	for (; *now < end; *now += step)
		for (pace_begin(pace, *now); pace_ready(pace, *now); n++)
			pace_charge(pace, len);
	return n;
}

START_TEST(a_rate_is_kept)
{
	static const double steps[] = { 100, 1000, 33333, 1e6, 2.5e7 };
	const struct rate frames = { 12345, false }, bits = { 8e6, true };
	struct pace pace;
	double now = 0;

	pace_init(&pace, &frames, 1, 0, 0, 1);
	ck_assert_uint_ge(run_second(&pace, &now, steps[_i], 60), 12345 * 0.97);
	ck_assert_uint_le(run_second(&pace, &now, steps[_i], 60), 12345 * 1.03);
	pace_init(&pace, &bits, 1, 0, 0, 1);
	now = 0;
	ck_assert_uint_ge(run_second(&pace, &now, steps[_i], 1000), 970);
	ck_assert_uint_le(run_second(&pace, &now, steps[_i], 1000), 1030);
	pace_init(&pace, &bits, 1, PACE_WIRE_BYTES, 0, 1);
	now = 0;
	ck_assert_uint_ge(run_second(&pace, &now, steps[_i], 101), 8000 * 0.97);
	ck_assert_uint_le(run_second(&pace, &now, steps[_i], 101), 8000 * 1.03);
}
END_TEST

START_TEST(a_schedule_is_even)
{
	const struct rate rate = { 1000, false };
	struct pace pace;
	int i;

	pace_init(&pace, &rate, 1, 0, 0, 1);
	for (i = 0; i < 100; i++) {
		const double now = pace_next(&pace);

		ck_assert_double_eq_tol(now, i * 1e6, 1);
		pace_begin(&pace, now - 10);
		ck_assert(!pace_ready(&pace, now - 10));
		pace_begin(&pace, now);
		ck_assert(pace_ready(&pace, now));
		pace_charge(&pace, 60);
		ck_assert(!pace_ready(&pace, now));
	}
	/* of three threads, each sends in its turn */
	for (i = 0; i < 3; i++) {
		pace_init(&pace, &rate, 1, 0, i, 3);
		ck_assert_double_eq_tol(pace_next(&pace), i * 1e6, 1);
		pace_begin(&pace, 2e6);
		pace_charge(&pace, 60);
		ck_assert_double_eq_tol(pace_next(&pace), (i + 3) * 1e6, 1);
	}
}
END_TEST

START_TEST(a_burst_leaves_at_once)
{
	const struct rate rate = { 1000, false };
	unsigned int n, i;
	struct pace pace;

	pace_init(&pace, &rate, 50, 0, 0, 1);
	for (i = 0; i < 10; i++) {
		const double now = pace_next(&pace);

		ck_assert_double_eq_tol(now, i * 50e6, 1);
		pace_begin(&pace, now);
		for (n = 0; pace_ready(&pace, now); n++)
			pace_charge(&pace, 60);
		ck_assert_uint_eq(n, 50);
	}
}
END_TEST

/* Half a second passes without: that is made up for, at twice the rate. */
START_TEST(who_is_late_catches_up_without_a_burst)
{
	const struct rate rate = { 1e5, false };
	unsigned int n, before;
	struct pace pace;
	double now = 0;

	pace_init(&pace, &rate, 1, 0, 0, 1);
	before = run_second(&pace, &now, 1e4, 60);
	now += 5e8;
	/* what left in the moment after is no more than what the gap at twice the rate allows */
	pace_begin(&pace, now);
	now += 1e5;
	pace_begin(&pace, now);
	for (n = 0; pace_ready(&pace, now); n++)
		pace_charge(&pace, 60);
	ck_assert_uint_le(n, 22);
	before += n + run_second(&pace, &now, 1e4, 60);
	ck_assert_uint_ge(before, 248000);
	ck_assert_uint_le(before, 252000);
	ck_assert_double_eq_tol(pace.forgiven, 0, 1);
	/* but of ten seconds only one */
	now += 1e10;
	n = run_second(&pace, &now, 1e4, 60);
	n += run_second(&pace, &now, 1e4, 60);
	ck_assert_uint_le(n, 302000);
	ck_assert_double_eq_tol(pace.forgiven, 9e9, 1e7);
}
END_TEST

/* --- captures -------------------------------------------------------- */

static char path[] = "/tmp/framegen-unit-XXXXXX";

static void make_file(void)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	close(mkstemp(path));
}

static void remove_file(void)
{
	unlink(path);
}

/* A frame that is captured after so many microseconds, of as many bytes as it had. */
struct captured {
	uint64_t us;
	uint32_t len, caplen;
	unsigned char first;
};

static void write_capture(int link_type, const struct captured *frames, unsigned int n)
{
	pcap_t *dead = pcap_open_dead(link_type, 262144);
	pcap_dumper_t *dumper = pcap_dump_open(dead, path);
	unsigned char *bytes = calloc(1, 100000);
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct pcap_pkthdr header = {
			.ts = { 1700000000 + frames[i].us / 1000000, frames[i].us % 1000000 },
			.caplen = frames[i].caplen,
			.len = frames[i].len,
		};

		memset(bytes, frames[i].first, 100000);
		pcap_dump((unsigned char *)dumper, &header, bytes);
	}
	free(bytes);
	pcap_dump_close(dumper);
	pcap_close(dead);
}

START_TEST(a_capture_is_replayed_as_recorded)
{
	static const struct captured frames[] = {
		{ 100, 60, 60, 1 }, { 350, 1514, 1514, 2 }, { 300, 61, 61, 3 },
		{ 2000100, 62, 62, 4 },
	};
	static const uint64_t times[] = { 0, 250000, 250000, 2000000000 };
	struct replay_position position = { .speed = 4 };
	struct replay replay;
	unsigned int i;

	write_capture(DLT_EN10MB, frames, 4);
	replay_load(&replay, path, true, 1514);
	ck_assert_uint_eq(replay.nframes, 4);
	ck_assert_str_eq(replay.damage, "");
	position.replay = &replay;
	for (i = 0; i < 12; i++) {
		const double due = replay_due(&position);
		const struct frameio_hdr *record = replay_next(&position);

		ck_assert_uint_eq(replay.frames[i % 4].time, times[i % 4]);
		ck_assert_double_eq_tol(due, (times[i % 4] + i / 4 * 2e9) / 4, 1);
		ck_assert_uint_eq(record->version, FRAMEIO_HDR_VERSION);
		ck_assert_uint_eq(record->hdrlen, sizeof(*record));
		ck_assert_uint_eq(record->len, frames[i % 4].len);
		ck_assert_uint_eq(frame_of(record)[0], frames[i % 4].first);
		ck_assert_uint_eq(frame_of(record)[record->len - 1], frames[i % 4].first);
		ck_assert_uint_eq(position.round, (i + 1) / 4);
	}
	replay_free(&replay);
}
END_TEST

START_TEST(what_the_port_does_not_take_is_counted)
{
	static const struct captured frames[] = {
		{ 0, 13, 13, 1 }, { 1, 14, 14, 2 }, { 2, 1515, 1515, 3 }, { 3, 1514, 64, 4 },
		{ 4, 1518, 1518, 0x81 }, { 5, 3000000, 96, 6 }, { 6, 60, 0, 7 },
	};
	struct replay replay;

	write_capture(DLT_EN10MB, frames, 7);
	replay_load(&replay, path, true, 1514);
	/* 0x8181 is no tag */
	ck_assert_uint_eq(replay.too_long, 3);
	ck_assert_uint_eq(replay.unfit, 2);
	ck_assert_uint_eq(replay.filled_up, 1);
	ck_assert_uint_eq(replay.nframes, 2);
	ck_assert_uint_eq(replay.frames[1].record->len, 1514);
	ck_assert_uint_eq(frame_of(replay.frames[1].record)[63], 4);
	ck_assert_uint_eq(frame_of(replay.frames[1].record)[64], 0);
	replay_free(&replay);
}
END_TEST

/* A VLAN tag does not count for the longest frame. */
START_TEST(a_tagged_frame_may_be_longer)
{
	static const struct captured frames[] = { { 0, 1518, 1518, 0 }, { 1, 1518, 1518, 0 } };
	FILE *file;
	struct replay replay;

	write_capture(DLT_EN10MB, frames, 2);
	file = fopen(path, "r+");
	/* behind the file's header, the frame's and two addresses */
	fseek(file, 24 + 16 + 12, SEEK_SET);
	fputs("\x81", file);
	fclose(file);
	replay_load(&replay, path, true, 1514);
	ck_assert_uint_eq(replay.nframes, 1);
	ck_assert_uint_eq(replay.too_long, 1);
	replay_free(&replay);
}
END_TEST

START_TEST(packets_are_for_an_l3_port)
{
	static const struct captured frames[] = {
		{ 0, 100, 100, 0x45 }, { 1, 39, 39, 0x60 }, { 2, 40, 40, 0x60 },
		{ 3, 60, 60, 0x20 },
	};
	struct replay replay;

	write_capture(DLT_RAW, frames, 4);
	replay_load(&replay, path, false, 1500);
	ck_assert_uint_eq(replay.nframes, 2);
	ck_assert_uint_eq(replay.unfit, 2);
	replay_free(&replay);
}
END_TEST

/* Bytes of a pcapng file: a section, an interface with nanoseconds, two packets. */
static const uint32_t pcapng[] = {
	0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00000001, ~0U, ~0U, 28,
	1, 32, 1, 0, 0x00010009, 9, 0, 32,
	6, 48, 0, 0, 1000, 16, 16, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 48,
	6, 48, 0, 0, 1777, 16, 16, 0x13020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 48,
};

static void write_file(const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	fwrite(bytes, 1, len, file);
	fclose(file);
}

START_TEST(pcapng_is_read)
{
	struct replay replay;

	write_file(pcapng, sizeof(pcapng));
	replay_load(&replay, path, true, 1514);
	ck_assert_str_eq(replay.damage, "");
	ck_assert_uint_eq(replay.nframes, 2);
	ck_assert_uint_eq(replay.frames[1].time, 777);
	ck_assert_uint_eq(frame_of(replay.frames[1].record)[3], 0x13);
	replay_free(&replay);
}
END_TEST

static void load(const char *file, const char *what)
{
	struct replay replay;

	replay_load(&replay, file, *what == 'e', 1514);
	exit(*replay.damage ? 40 : 30);
}

/* What is whole of a file that is not is sent, and the rest told. */
START_TEST(a_file_that_is_cut_is_told)
{
	static const struct captured frames[] = { { 0, 60, 60, 1 }, { 1, 60, 60, 2 } };
	const size_t step = slow() ? 6 : 1;
	size_t len;

	write_capture(DLT_EN10MB, frames, 2);
	for (len = 0; len < 24 + 2 * 76; len += len < 30 ? step : 13) {
		write_capture(DLT_EN10MB, frames, 2);
		ck_assert_int_eq(truncate(path, len), 0);
		ck_assert_int_eq(outcome(load, path, "ethernet"),
				 len < 24 + 76 ? TOOL_FAILED : len == 24 + 76 ? 30 : 40);
	}
	write_capture(DLT_EN10MB, frames, 2);
	ck_assert_int_eq(outcome(load, path, "ethernet"), 30);
	ck_assert_int_eq(outcome(load, path, "packets"), TOOL_FAILED);
	write_capture(DLT_IEEE802_11, frames, 2);
	ck_assert_int_eq(outcome(load, path, "ethernet"), TOOL_FAILED);
	ck_assert_int_eq(outcome(load, "/nonexistent", "ethernet"), TOOL_FAILED);
	ck_assert_int_eq(outcome(load, "/tmp", "ethernet"), TOOL_FAILED);
}
END_TEST

/* Whatever a file has, it is read, or refused. */
START_TEST(damaged_files_do_no_harm)
{
	unsigned char bytes[sizeof(pcapng)];
	int i, n, result;

	srand(_i);
	for (i = 0; i < (slow() ? 5 : 15); i++) {
		memcpy(bytes, pcapng, sizeof(bytes));
		for (n = rand() % 4; n >= 0; n--)
			bytes[rand() % sizeof(bytes)] = rand();
		write_file(bytes, rand() % 2 ? sizeof(bytes) : rand() % sizeof(bytes));
		result = outcome(load, path, "ethernet");
		ck_assert_msg(result == TOOL_FAILED || result == 30 || result == 40, "%d", result);
	}
}
END_TEST

/* --- latency --------------------------------------------------------- */

START_TEST(percentiles_are_within_a_bucket)
{
	struct histogram *histogram = malloc(sizeof(*histogram));
	uint64_t value, found;
	double percent;

	histogram_init(histogram);
	ck_assert_uint_eq(histogram_percentile(histogram, 50), 0);
	for (value = 1; value <= 100000; value++)
		histogram_add(histogram, value * 10);
	for (percent = 0; percent <= 100; percent += 0.37) {
		found = histogram_percentile(histogram, percent);
		value = percent * 10000;
		ck_assert_uint_ge(found + 10, value);
		ck_assert_uint_le(found, value + value / 64 + 10);
	}
	ck_assert_uint_eq(histogram->least, 10);
	ck_assert_uint_eq(histogram->most, 1000000);
	ck_assert_uint_eq(histogram_percentile(histogram, 100), 1000000);
	ck_assert_uint_eq(histogram->count, 100000);
	ck_assert_uint_eq(histogram->sum, UINT64_C(50000500000));
	free(histogram);
}
END_TEST

/* One of 10,000 is what p99.99 does not tell, and two are. */
START_TEST(the_rare_are_found)
{
	struct histogram *histogram = malloc(sizeof(*histogram));
	int i;

	histogram_init(histogram);
	for (i = 0; i < 9999; i++)
		histogram_add(histogram, 50);
	histogram_add(histogram, 1 << 20);
	ck_assert_uint_eq(histogram_percentile(histogram, 99.99), 50);
	histogram_add(histogram, 1 << 20);
	ck_assert_uint_ge(histogram_percentile(histogram, 99.99), 1 << 20);
	histogram_add(histogram, UINT64_MAX);
	ck_assert_uint_eq(histogram->most, HISTOGRAM_VALUE_MAX);
	ck_assert_uint_eq(histogram_percentile(histogram, 100), HISTOGRAM_VALUE_MAX);
	/* a bucket's highest value stands for those in it: here of 128 and 129 */
	histogram_init(histogram);
	histogram_add(histogram, 128);
	histogram_add(histogram, 130);
	ck_assert_uint_eq(histogram_percentile(histogram, 50), 129);
	free(histogram);
}
END_TEST

/* Such as where two clocks differ by an hour, for a day. */
START_TEST(a_mean_has_no_limit)
{
	struct histogram *all = malloc(sizeof(*all)), *one = malloc(sizeof(*one));
	int i;

	histogram_init(all);
	histogram_add(all, HISTOGRAM_VALUE_MAX);
	for (i = 0; i < 30; i++) {
		*one = *all;
		histogram_merge(all, one);
	}
	ck_assert_uint_eq(all->count, 1 << 30);
	ck_assert_double_eq_tol(all->sum / all->count, HISTOGRAM_VALUE_MAX, 1);
	free(all);
	free(one);
}
END_TEST

START_TEST(histograms_add_up)
{
	struct histogram *all = malloc(sizeof(*all)), *one = malloc(sizeof(*one));
	struct histogram *before = malloc(sizeof(*before));
	uint64_t value;

	histogram_init(all);
	histogram_init(one);
	for (value = 0; value < 64; value++)
		histogram_add(one, value);
	histogram_merge(all, one);
	histogram_merge(all, one);
	ck_assert_uint_eq(all->count, 128);
	ck_assert_uint_eq(all->least, 0);
	ck_assert_uint_eq(all->most, 63);
	ck_assert_uint_eq(histogram_percentile(all, 50), 31);
	*before = *all;
	histogram_add(all, 1000);
	histogram_subtract(all, before);
	ck_assert_uint_eq(all->count, 1);
	ck_assert_uint_eq(all->sum, 1000);
	value = histogram_percentile(all, 50);
	ck_assert_uint_ge(value, 1000);
	ck_assert_uint_le(value, 1016);
	free(all);
	free(one);
	free(before);
}
END_TEST

/* --- loss ------------------------------------------------------------ */

static void expect(struct stream *stream, uint64_t lost, uint64_t duplicates, uint64_t reordered,
		   uint64_t late)
{
	ck_assert_uint_eq(stream_lost(stream), lost);
	ck_assert_uint_eq(stream->duplicates, duplicates);
	ck_assert_uint_eq(stream->reordered, reordered);
	ck_assert_uint_eq(stream->late, late);
}

static struct stream *stream_of(uint32_t sequence)
{
	struct stream *stream = stream_new(sequence, 1);

	stream_add(stream, 0, sequence);
	return stream;
}

START_TEST(what_is_missing_is_lost)
{
	/* from anywhere, over the end of the numbers as well */
	static const uint32_t firsts[] = { 0, 77, UINT32_MAX - 500, UINT32_MAX, 1U << 31 };
	struct stream *stream = stream_of(firsts[_i]);
	uint32_t i, lost = 0;

	for (i = 1; i < 200000; i++) {
		if (i % 1000 < 7 || (i > 5000 && i < 5100)) {
			lost++;
			continue;
		}
		stream_add(stream, 0, firsts[_i] + i);
	}
	expect(stream, lost, 0, 0, 0);
	ck_assert_uint_eq(stream->distinct, 200000 - lost);
	free(stream);
}
END_TEST

START_TEST(what_comes_again_is_a_duplicate)
{
	struct stream *stream = stream_of(0);
	uint32_t i;

	stream_add(stream, 0, 0);
	for (i = 1; i < 1000; i++) {
		stream_add(stream, 0, i);
		if (i % 10 == 0)
			stream_add(stream, 0, i / 2);
	}
	expect(stream, 0, 1 + 99, 0, 0);
	free(stream);
}
END_TEST

START_TEST(what_comes_late_is_reordered)
{
	struct stream *stream = stream_of(10);

	stream_add(stream, 0, 13);
	expect(stream, 2, 0, 0, 0);
	stream_add(stream, 0, 12);
	expect(stream, 1, 0, 1, 0);
	stream_add(stream, 0, 11);
	stream_add(stream, 0, 11);
	expect(stream, 0, 1, 2, 0);
	/* before the first one that came */
	stream_add(stream, 0, 8);
	expect(stream, 1, 1, 3, 0);
	/* further than anybody remembers */
	stream_add(stream, 0, 8 + STREAM_WINDOW);
	expect(stream, STREAM_WINDOW + 1 - 6, 1, 3, 0);
	stream_add(stream, 0, 9);
	expect(stream, STREAM_WINDOW + 1 - 7, 1, 4, 0);
	stream_add(stream, 0, 8);
	expect(stream, STREAM_WINDOW + 1 - 7, 1, 4, 1);
	free(stream);
}
END_TEST

START_TEST(a_leap_forgets_what_was)
{
	struct stream *stream = stream_of(0);
	uint32_t i;

	for (i = 1; i < STREAM_WINDOW; i++)
		stream_add(stream, 0, i);
	expect(stream, 0, 0, 0, 0);
	stream_add(stream, 0, 5 * STREAM_WINDOW);
	expect(stream, 4 * STREAM_WINDOW, 0, 0, 0);
	for (i = 1; i < STREAM_WINDOW; i++)
		stream_add(stream, 0, 5 * STREAM_WINDOW - i);
	expect(stream, 3 * STREAM_WINDOW + 1, 0, STREAM_WINDOW - 1, 0);
	free(stream);
}
END_TEST

START_TEST(streams_are_told_apart)
{
	struct measure *measure = malloc(sizeof(*measure));
	struct probe probes[2] = { { .stream = 5 }, { .stream = 65535 } };
	struct measure_loss loss;
	unsigned int i;

	measure_init(measure, 1);
	for (i = 0; i < 100; i++) {
		probes[0].sequence = 2 * i;
		probes[1].sequence = i / 2;
		measure_add(measure, 0, probes, 2);
	}
	loss = measure_loss(measure);
	ck_assert_uint_eq(loss.nstreams, 2);
	ck_assert_uint_eq(loss.distinct, 150);
	ck_assert_uint_eq(loss.lost, 99);
	ck_assert_uint_eq(loss.duplicates, 50);
	for (i = 0; i < 2000; i++) {
		probes[0].stream = i;
		measure_add(measure, 0, probes, 1);
	}
	loss = measure_loss(measure);
	ck_assert_uint_eq(loss.nstreams, MEASURE_STREAMS_MAX);
	ck_assert_uint_eq(loss.untracked, 2000 - (MEASURE_STREAMS_MAX - 2) - 1);
	measure_free(measure);
	free(measure);
}
END_TEST

/* However far one thread is behind another, and where a duplicate comes to the other one. */
START_TEST(threads_share_a_stream)
{
	struct stream *stream = stream_new(0, 3);
	uint32_t i;

	for (i = 0; i < 6 * STREAM_WINDOW; i += 2)
		stream_add(stream, 0, i);
	expect(stream, 3 * STREAM_WINDOW - 1, 0, 0, 0);
	for (i = 1; i < 6 * STREAM_WINDOW; i += 2)
		if (i != 77)
			stream_add(stream, 1, i);
	expect(stream, 1, 0, 0, 0);
	stream_add(stream, 2, 6 * STREAM_WINDOW - 1);
	stream_add(stream, 1, 6 * STREAM_WINDOW - 2);
	expect(stream, 1, 2, 0, 0);
	stream_add(stream, 1, 77);
	expect(stream, 1, 2, 0, 1);
	stream_add(stream, 2, 77);
	expect(stream, 0, 2, 0, 1);
	/* nobody remembers that it came: what cannot be is not told */
	stream_add(stream, 2, 78);
	expect(stream, 0, 2, 0, 1);
	free(stream);
}
END_TEST

static void measure_one(struct measure *measure, unsigned int thread, uint16_t number,
			uint32_t sequence)
{
	const struct probe probe = { .stream = number, .sequence = sequence };

	measure_add(measure, thread, &probe, 1);
}

/* What came after the end of one thread is not missed among what others receive then. */
START_TEST(threads_end_one_after_the_other)
{
	struct measure *measure = malloc(sizeof(*measure));
	uint32_t i;

	measure_init(measure, 2);
	for (i = 0; i < 100; i++)
		if (i != 10 && i != 50)
			measure_one(measure, 0, 1, i);
	measure_end(measure);
	measure_one(measure, 0, 1, 110);
	measure_end(measure);
	ck_assert_uint_eq(measure_loss(measure).lost, 2);
	/* but what was sent before is */
	measure_one(measure, 1, 1, 50);
	ck_assert_uint_eq(measure_loss(measure).lost, 1);
	measure_one(measure, 1, 1, 120);
	measure_one(measure, 1, 2, 5);
	measure_one(measure, 0, 2, 9);
	measure_one(measure, 1, 2, 2);
	ck_assert_uint_eq(measure_loss(measure).lost, 1);
	ck_assert_uint_eq(measure_loss(measure).distinct, 104);
	measure_free(measure);
	/* of one alone all is known */
	measure_init(measure, 1);
	measure_one(measure, 0, 1, 0);
	measure_end(measure);
	measure_one(measure, 0, 1, 4);
	ck_assert_uint_eq(measure_loss(measure).lost, 3);
	measure_free(measure);
	free(measure);
}
END_TEST

/* --- */

static TCase *frames(void)
{
	TCase *tcase = tcase_create("frames");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, checksums_and_lengths_are_right, 0, NSHAPES);
	tcase_add_test(tcase, what_is_given_is_in_the_frame);
	tcase_add_test(tcase, a_checksum_is_never_0);
	tcase_add_test(tcase, a_tag_that_moves_keeps_its_priority);
	tcase_add_test(tcase, ranges_move_as_an_odometer_does);
	tcase_add_test(tcase, random_fields_are_all_over_their_range);
	tcase_add_test(tcase, a_mix_has_its_proportions);
	tcase_add_test(tcase, what_cannot_be_is_refused);
	tcase_add_loop_test(tcase, the_filter_takes_what_has_a_probe, 0, NSHAPES);
	tcase_add_test(tcase, a_search_stays_in_the_frame);
	return tcase;
}

static TCase *schedules(void)
{
	TCase *tcase = tcase_create("schedules");

	/* millions of steps */
	tcase_set_timeout(tcase, 60);
	/* the shortest step takes the longest */
	tcase_add_loop_test(tcase, a_rate_is_kept, slow() ? 1 : 0, 5);
	tcase_add_test(tcase, a_schedule_is_even);
	tcase_add_test(tcase, a_burst_leaves_at_once);
	tcase_add_test(tcase, who_is_late_catches_up_without_a_burst);
	return tcase;
}

static TCase *captures(void)
{
	TCase *tcase = tcase_create("captures");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, make_file, remove_file);
	tcase_add_test(tcase, a_capture_is_replayed_as_recorded);
	tcase_add_test(tcase, what_the_port_does_not_take_is_counted);
	tcase_add_test(tcase, a_tagged_frame_may_be_longer);
	tcase_add_test(tcase, packets_are_for_an_l3_port);
	tcase_add_test(tcase, pcapng_is_read);
	tcase_add_test(tcase, a_file_that_is_cut_is_told);
	tcase_add_loop_test(tcase, damaged_files_do_no_harm, 0, 5);
	return tcase;
}

static TCase *measurements(void)
{
	TCase *tcase = tcase_create("measurements");

	tcase_add_test(tcase, percentiles_are_within_a_bucket);
	tcase_add_test(tcase, the_rare_are_found);
	tcase_add_test(tcase, a_mean_has_no_limit);
	tcase_add_test(tcase, histograms_add_up);
	tcase_add_loop_test(tcase, what_is_missing_is_lost, 0, 5);
	tcase_add_test(tcase, what_comes_again_is_a_duplicate);
	tcase_add_test(tcase, what_comes_late_is_reordered);
	tcase_add_test(tcase, a_leap_forgets_what_was);
	tcase_add_test(tcase, streams_are_told_apart);
	tcase_add_test(tcase, threads_share_a_stream);
	tcase_add_test(tcase, threads_end_one_after_the_other);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("framegen");
	SRunner *runner;
	int failed;

	tool_name = "framegen";
	suite_add_tcase(suite, frames());
	suite_add_tcase(suite, schedules());
	suite_add_tcase(suite, captures());
	suite_add_tcase(suite, measurements());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
