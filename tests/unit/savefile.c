/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The files that framecap writes: byte by byte as the drafts have them, as libpcap reads
 * them, and whole wherever writing fails.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../tools/savefile.h"
#include "../../tools/tool.h"

#define SECOND	UINT64_C(1000000000)
#define TIME	(UINT64_C(1700000000) * SECOND + 123456789)

static struct savefile_interface interfaces[2];
static struct savefile file;
static char path[] = "/tmp/savefile-XXXXXX";
static unsigned char contents[8 << 20];
static size_t len;	/* of these */

static void setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	tool_name = "savefile";
	interfaces[0] = (struct savefile_interface){
		.name = "lab:eth0",
		.description = "the first",
		.filter = "tcp port 80",
		.linktype = SAVEFILE_ETHERNET,
		.received = 1000,
		.dropped = 7,
	};
	interfaces[1] = (struct savefile_interface){
		.name = "fio0",
		.description = "the second",
		.linktype = SAVEFILE_RAW,
	};
	file = (struct savefile){
		.format = SAVEFILE_PCAPNG,
		.snaplen = 65536,
		.interfaces = interfaces,
		.ninterfaces = 1,
	};
}

static void teardown(void)
{
	savefile_free(&file);
	unlink(path);
}

static void begin(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(savefile_begin(&file, fd), 0);
}

static void read_contents(void)
{
	FILE *stream = fopen(path, "r");

	ck_assert_ptr_nonnull(stream);
	len = fread(contents, 1, sizeof(contents), stream);
	ck_assert_uint_lt(len, sizeof(contents));
	fclose(stream);
}

/* A frame whose bytes, lengths and time follow from a number. */
static struct savefile_frame numbered(uint32_t number, uint32_t frame_len)
{
	static unsigned char bytes[65536];
	uint32_t i;

	for (i = 0; i < frame_len; i++)
		bytes[i] = number * 7 + i;
	return (struct savefile_frame){
		.bytes = bytes,
		.len = frame_len,
		.wirelen = frame_len + number % 3,
		.time = TIME + number * UINT64_C(1000000007),
		.queue = number % 64,
		.direction = SAVEFILE_INBOUND,
	};
}

static int append(uint32_t number, uint32_t frame_len)
{
	const struct savefile_frame frame = numbered(number, frame_len);

	return savefile_append(&file, &frame);
}

/* --- the formats, by hand ----------------------------------------- */

static uint32_t word(size_t at)
{
	uint32_t value;

	ck_assert_uint_le(at + sizeof(value), len);
	memcpy(&value, contents + at, sizeof(value));
	return value;
}

static uint16_t half(size_t at)
{
	return word(at & ~(size_t)3) >> (at & 2 ? 16 : 0);
}

/* The block at @at is of that type, and well-formed; where the next one is. */
static size_t block(size_t at, uint32_t type)
{
	uint32_t block_len = word(at + 4);

	ck_assert_uint_eq(word(at), type);
	ck_assert_uint_eq(block_len % 4, 0);
	ck_assert_uint_eq(word(at + block_len - 4), block_len);
	return at + block_len;
}

/* The value of an option among those that start at @at, of that length; 0: there is none. */
static size_t option(size_t at, uint16_t code, uint16_t value_len)
{
	for (; half(at); at += 4 + ((half(at + 2) + 3) & ~3)) {
		if (half(at) == code) {
			ck_assert_uint_eq(half(at + 2), value_len);
			return at + 4;
		}
	}
	ck_assert_uint_eq(half(at + 2), 0);
	return 0;
}

static void option_is(size_t at, uint16_t code, const char *text)
{
	size_t value = option(at, code, strlen(text));

	ck_assert_uint_ne(value, 0);
	ck_assert_mem_eq(contents + value, text, strlen(text));
}

static uint64_t number(size_t at)
{
	uint64_t value;

	memcpy(&value, contents + at, sizeof(value));
	return value;
}

START_TEST(pcapng_is_as_the_draft_has_it)
{
	size_t at, next;

	file.ninterfaces = 2;
	begin();
	ck_assert_int_eq(append(5, 61), 0);
	ck_assert_int_eq(savefile_end(&file), 0);
	read_contents();
	/* the section */
	next = block(0, 0x0a0d0d0a);
	ck_assert_uint_eq(word(8), 0x1a2b3c4d);
	ck_assert_uint_eq(half(12), 1);
	ck_assert_uint_eq(half(14), 0);
	ck_assert_uint_eq(number(16), UINT64_MAX);
	option_is(24, 4, "savefile (frameio) " VERSION);
	/* the interfaces */
	at = next;
	next = block(at, 1);
	ck_assert_uint_eq(half(at + 8), 1);
	ck_assert_uint_eq(half(at + 10), 0);
	ck_assert_uint_eq(word(at + 12), 65536);
	option_is(at + 16, 2, "lab:eth0");
	option_is(at + 16, 3, "the first");
	ck_assert_uint_eq(contents[option(at + 16, 9, 1)], 9);
	ck_assert_uint_eq(contents[option(at + 16, 11, 12)], 0);
	ck_assert_mem_eq(contents + option(at + 16, 11, 12) + 1, "tcp port 80", 11);
	at = next;
	next = block(at, 1);
	ck_assert_uint_eq(half(at + 8), 101);
	option_is(at + 16, 2, "fio0");
	ck_assert_uint_eq(option(at + 16, 11, 0), 0);
	/* the frame */
	at = next;
	next = block(at, 6);
	ck_assert_uint_eq(word(at + 8), 0);
	ck_assert_uint_eq((uint64_t)word(at + 12) << 32 | word(at + 16),
			  TIME + 5 * UINT64_C(1000000007));
	ck_assert_uint_eq(word(at + 20), 61);
	ck_assert_uint_eq(word(at + 24), 63);
	ck_assert_mem_eq(contents + at + 28, numbered(5, 61).bytes, 61);
	ck_assert_mem_eq(contents + at + 28 + 61, "\0\0\0", 3);
	ck_assert_uint_eq(word(option(at + 28 + 64, 2, 4)), 1);
	ck_assert_uint_eq(word(option(at + 28 + 64, 6, 4)), 5);
	/* the statistics, of both */
	at = next;
	next = block(at, 5);
	ck_assert_uint_eq(word(at + 8), 0);
	ck_assert_uint_ne(option(at + 20, 2, 8), 0);
	ck_assert_uint_ne(option(at + 20, 3, 8), 0);
	ck_assert_uint_eq(number(option(at + 20, 4, 8)), 1000);
	ck_assert_uint_eq(number(option(at + 20, 5, 8)), 7);
	ck_assert_uint_eq(number(option(at + 20, 8, 8)), 1);
	at = next;
	next = block(at, 5);
	ck_assert_uint_eq(word(at + 8), 1);
	ck_assert_uint_eq(number(option(at + 20, 8, 8)), 0);
	ck_assert_uint_eq(next, len);
}
END_TEST

START_TEST(pcap_is_as_the_draft_has_it)
{
	file.format = SAVEFILE_PCAP;
	begin();
	ck_assert_int_eq(append(5, 61), 0);
	ck_assert_int_eq(savefile_end(&file), 0);
	read_contents();
	ck_assert_uint_eq(len, 24 + 16 + 61);
	ck_assert_uint_eq(word(0), 0xa1b23c4d);
	ck_assert_uint_eq(half(4), 2);
	ck_assert_uint_eq(half(6), 4);
	ck_assert_uint_eq(word(8), 0);
	ck_assert_uint_eq(word(12), 0);
	ck_assert_uint_eq(word(16), 65536);
	ck_assert_uint_eq(word(20), 1);
	ck_assert_uint_eq(word(24), 1700000005);
	ck_assert_uint_eq(word(28), 123456789 + 5 * 7);
	ck_assert_uint_eq(word(32), 61);
	ck_assert_uint_eq(word(36), 63);
	ck_assert_mem_eq(contents + 40, numbered(5, 61).bytes, 61);
}
END_TEST

START_TEST(a_filter_that_is_too_long_is_left_out)
{
	char filter[SAVEFILE_FILTER_MAX + 2];
	size_t at;

	memset(filter, ' ', sizeof(filter));
	filter[SAVEFILE_FILTER_MAX + 1] = '\0';
	interfaces[0].filter = filter;
	interfaces[1].filter = filter + 1;
	file.ninterfaces = 2;
	begin();
	ck_assert_int_eq(savefile_end(&file), 0);
	read_contents();
	at = block(0, 0x0a0d0d0a);
	ck_assert_uint_eq(option(at + 16, 11, 0), 0);
	at = block(at, 1);
	ck_assert_uint_ne(option(at + 16, 11, 1 + SAVEFILE_FILTER_MAX), 0);
}
END_TEST

/* As long as a path may be that names a namespace, in bytes that are no UTF-8. */
START_TEST(names_may_be_long)
{
	static struct savefile_interface many[SAVEFILE_INTERFACES_MAX];
	char name[4 * (PATH_MAX + 16)], filter[SAVEFILE_FILTER_MAX + 1];
	size_t at;
	int i;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memset(filter, ' ', sizeof(filter));
	filter[SAVEFILE_FILTER_MAX] = '\0';
	for (i = 0; i < SAVEFILE_INTERFACES_MAX; i++) {
		many[i] = interfaces[0];
		many[i].name = name;
		many[i].filter = filter;
	}
	file.interfaces = many;
	file.ninterfaces = SAVEFILE_INTERFACES_MAX;
	begin();
	ck_assert_int_eq(savefile_end(&file), 0);
	read_contents();
	at = block(0, 0x0a0d0d0a);
	for (i = 0; i < SAVEFILE_INTERFACES_MAX; i++) {
		option_is(at + 16, 2, name);
		at = block(at, 1);
	}
}
END_TEST

/* --- the formats, by libpcap -------------------------------------- */

/* The frames of the file, which are those from 0 on, in order; how many. */
static uint32_t read_back(uint32_t (*frame_len)(uint32_t number))
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO,
							       error);
	struct pcap_pkthdr *header;
	struct savefile_frame frame;
	const unsigned char *bytes;
	bool same = true;
	uint32_t n = 0;
	int ret;

	ck_assert_msg(pcap, "%s", error);
	ck_assert_int_eq(pcap_datalink(pcap), DLT_EN10MB);
	ck_assert_int_eq(pcap_snapshot(pcap), 65536);
	for (; (ret = pcap_next_ex(pcap, &header, &bytes)) == 1; n++) {
		frame = numbered(n, frame_len(n));
		same = same && header->caplen == frame.len && header->len == frame.wirelen &&
		       header->ts.tv_sec * SECOND + header->ts.tv_usec == frame.time &&
		       !memcmp(bytes, frame.bytes, frame.len);
	}
	ck_assert_msg(ret == PCAP_ERROR_BREAK, "after %u frames: %s", n, pcap_geterr(pcap));
	ck_assert_msg(same, "the frames are not those that were written");
	pcap_close(pcap);
	return n;
}

static uint32_t any_len(uint32_t n)
{
	return n % 97 ? 1 + n % 1600 : 65536 - n % 5;
}

/* More than the buffer holds, and of every length modulo 4. */
START_TEST(libpcap_reads_what_was_written)
{
	const uint32_t count = 5000;
	uint64_t bytes = 0;
	uint32_t i;

	file.format = _i;
	begin();
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(append(i, any_len(i)), 0);
		bytes += any_len(i);
	}
	ck_assert_int_eq(savefile_end(&file), 0);
	ck_assert_uint_eq(read_back(any_len), count);
	ck_assert_uint_eq(interfaces[0].frames, count);
	ck_assert_uint_eq(interfaces[0].bytes, bytes);
}
END_TEST

START_TEST(what_is_flushed_can_be_read)
{
	uint32_t i;

	file.format = _i;
	begin();
	ck_assert_int_eq(savefile_flush(&file), 0);
	ck_assert_uint_eq(read_back(any_len), 0);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(append(i, any_len(i)), 0);
		ck_assert_int_eq(savefile_flush(&file), 0);
		ck_assert_uint_eq(read_back(any_len), i + 1);
	}
	ck_assert_int_eq(savefile_end(&file), 0);
}
END_TEST

START_TEST(the_size_is_known_before)
{
	struct savefile_frame frame;
	struct stat status;
	uint32_t i;
	uint64_t size;

	file.format = _i;
	for (i = 1; i < 9; i++) {
		begin();
		ck_assert_int_eq(append(0, i + 1), 0);
		frame = numbered(i, i);
		size = savefile_size_with(&file, &frame);
		ck_assert_int_eq(savefile_append(&file, &frame), 0);
		ck_assert_int_eq(savefile_end(&file), 0);
		ck_assert_int_eq(stat(path, &status), 0);
		ck_assert_uint_eq(size, status.st_size);
	}
	ck_assert_uint_eq(interfaces[0].frames, 16);
}
END_TEST

START_TEST(without_a_file_frames_are_counted)
{
	ck_assert_int_eq(savefile_begin(&file, -1), 0);
	ck_assert_int_eq(append(1, 100), 0);
	ck_assert_int_eq(savefile_flush(&file), 0);
	ck_assert_int_eq(savefile_end(&file), 0);
	ck_assert_uint_eq(interfaces[0].frames, 1);
	ck_assert_uint_eq(interfaces[0].bytes, 100);
}
END_TEST

/* --- where writing fails ------------------------------------------ */

static uint32_t short_len(uint32_t n)
{
	return 1 + n % 7;
}

/* While no file can be larger than that; those that Check writes neither. */
static int limited(rlim_t size, int (*function)(struct savefile *file))
{
	struct rlimit limit = { size, RLIM_INFINITY };
	int ret, errors;

	errors = setrlimit(RLIMIT_FSIZE, &limit);
	ret = function(&file);
	limit.rlim_cur = RLIM_INFINITY;
	errors |= setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(errors, 0);
	return ret;
}

/* Wherever there is no more room, the file ends with a whole frame, and they are counted. */
START_TEST(a_full_disk_leaves_whole_frames)
{
	struct stat status;
	uint32_t room, i, found, before = 0, header;

	file.format = _i;
	begin();
	header = savefile_size(&file);
	ck_assert_int_eq(savefile_end(&file), 0);
	for (room = header; room < header + 400; room++) {
		interfaces[0].frames = interfaces[0].bytes = 0;
		begin();
		for (i = 0; i < 30; i++)
			ck_assert_int_eq(append(i, short_len(i)), 0);
		ck_assert_int_eq(limited(room, savefile_flush), -EFBIG);
		ck_assert_int_eq(stat(path, &status), 0);
		ck_assert_int_le(status.st_size, room);
		found = read_back(short_len);
		ck_assert_uint_eq(interfaces[0].frames, found);
		ck_assert_uint_ge(found, before);
		before = found;
		/* it has ended */
		ck_assert_int_eq(savefile_end(&file), 0);
	}
	ck_assert_uint_gt(before, 4);
}
END_TEST

START_TEST(a_file_without_room_for_its_header_is_empty)
{
	struct stat status;

	file.format = _i;
	begin();
	ck_assert_int_eq(append(0, 1), 0);
	ck_assert_int_eq(limited(20, savefile_end), -EFBIG);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_size, 0);
	ck_assert_uint_eq(interfaces[0].frames, 0);
	ck_assert_uint_eq(interfaces[0].bytes, 0);
}
END_TEST

/* Frames that were written before stay counted; and what the file began with stays. */
START_TEST(what_was_there_before_stays)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct stat status;

	file.format = _i;
	ck_assert_int_eq(write(fd, "before", 6), 6);
	ck_assert_int_eq(savefile_begin(&file, fd), 0);
	ck_assert_int_eq(append(0, 3), 0);
	ck_assert_int_eq(savefile_flush(&file), 0);
	ck_assert_int_eq(append(1, 3), 0);
	ck_assert_int_eq(limited(6 + file.written + 5, savefile_flush), -EFBIG);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_int_eq(status.st_size, 6 + file.written);
	ck_assert_uint_eq(interfaces[0].frames, 1);
}
END_TEST

static int append_until_full(struct savefile *to)
{
	struct savefile_frame frame;
	uint32_t i;
	int err = 0;

	for (i = 0; !err; i++) {
		frame = numbered(i, 1000);
		err = savefile_append(to, &frame);
	}
	return err;
}

START_TEST(a_full_buffer_tells_of_a_full_disk)
{
	begin();
	ck_assert_int_eq(limited(100000, append_until_full), -EFBIG);
	ck_assert_uint_lt(interfaces[0].frames, 100);
	ck_assert_uint_gt(interfaces[0].frames, 80);
	ck_assert_uint_eq(interfaces[0].bytes, 1000 * interfaces[0].frames);
}
END_TEST

START_TEST(a_device_may_be_full)
{
	ck_assert_int_eq(savefile_begin(&file, open("/dev/full", O_WRONLY | O_CLOEXEC)), 0);
	ck_assert_int_eq(append(0, 10), 0);
	ck_assert_int_eq(savefile_flush(&file), -ENOSPC);
	ck_assert_uint_eq(interfaces[0].frames, 0);
}
END_TEST

/* --- pipes -------------------------------------------------------- */

static int begin_pipe(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(savefile_begin(&file, fds[1]), 0);
	return fds[0];
}

START_TEST(a_reader_may_go)
{
	int fd = begin_pipe();

	ck_assert_int_eq(append(0, 10), 0);
	ck_assert_int_eq(savefile_flush(&file), 0);
	close(fd);
	ck_assert_int_eq(append(1, 10), 0);
	ck_assert_int_eq(savefile_flush(&file), -EPIPE);
	ck_assert_uint_eq(interfaces[0].frames, 1);
}
END_TEST

START_TEST(a_reader_that_stops_is_not_waited_for)
{
	int fd = begin_pipe();
	uint32_t i;

	file.deadline = tool_now();
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(append(i, 1000), 0);
	ck_assert_int_eq(savefile_flush(&file), -ETIMEDOUT);
	close(fd);
}
END_TEST

static void *read_slowly(void *argument)
{
	const int fd = *(int *)argument;
	ssize_t n;

	while ((n = read(fd, contents + len, 1000)) > 0)
		len += n;
	return NULL;
}

START_TEST(a_slow_reader_gets_it_all)
{
	int fd = begin_pipe();
	pthread_t reader;
	FILE *stream;
	uint32_t i;

	ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &fd), 0);
	for (i = 0; i < 2000; i++)
		ck_assert_int_eq(append(i, any_len(i)), 0);
	ck_assert_int_eq(savefile_end(&file), 0);
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
	stream = fopen(path, "w");
	ck_assert_uint_eq(fwrite(contents, 1, len, stream), len);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_uint_eq(read_back(any_len), 2000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("savefile");
	TCase *tcase = tcase_create("savefile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, pcapng_is_as_the_draft_has_it);
	tcase_add_test(tcase, pcap_is_as_the_draft_has_it);
	tcase_add_test(tcase, a_filter_that_is_too_long_is_left_out);
	tcase_add_test(tcase, names_may_be_long);
	tcase_add_loop_test(tcase, libpcap_reads_what_was_written, 0, 2);
	tcase_add_loop_test(tcase, what_is_flushed_can_be_read, 0, 2);
	tcase_add_loop_test(tcase, the_size_is_known_before, 0, 2);
	tcase_add_test(tcase, without_a_file_frames_are_counted);
	tcase_add_loop_test(tcase, a_full_disk_leaves_whole_frames, 0, 2);
	tcase_add_loop_test(tcase, a_file_without_room_for_its_header_is_empty, 0, 2);
	tcase_add_loop_test(tcase, what_was_there_before_stays, 0, 2);
	tcase_add_test(tcase, a_full_buffer_tells_of_a_full_disk);
	tcase_add_test(tcase, a_device_may_be_full);
	tcase_add_test(tcase, a_reader_may_go);
	tcase_add_test(tcase, a_reader_that_stops_is_not_waited_for);
	tcase_add_test(tcase, a_slow_reader_gets_it_all);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
