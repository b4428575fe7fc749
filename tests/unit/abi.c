/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What others build on: the headers, the library's symbols, the numbers that
 * frameio(4) prints, the programs in the manual and the guides, and the examples.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libframeio/libframeio.h>

#define HEADERS	"-I" UNIT_SRCDIR " -I" UNIT_SRCDIR "/include "
#define PEDANTIC "-fsyntax-only -Wall -Wextra -Werror -pedantic " HEADERS

/* The standard output of a shell command, which must succeed; the caller frees it. */
static char *output_of(const char *command)
{
	FILE *pipe = popen(command, "r");
	size_t size = 1 << 16;
	char *output = calloc(1, size);
	size_t len;

	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_nonnull(output);
	len = fread(output, 1, size - 1, pipe);
	ck_assert_uint_lt(len, size - 1);
	ck_assert_msg(pclose(pipe) == 0, "failed: %s", command);
	return output;
}

static void run(const char *command)
{
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

START_TEST(every_function_of_the_header_is_exported_and_nothing_else)
{
	char *declared = output_of(UNIT_CC " -E -P " HEADERS UNIT_SRCDIR
				   "/libframeio/libframeio.h | grep -v '^static' | "
				   "grep -oE '\\bframeio_[a-z0-9_]+ *\\(' | tr -d ' (' | "
				   "LC_ALL=C sort");
	char *exported = output_of("nm -D --defined-only " UNIT_LIBRARY " | "
				   "sed -n 's/.* [^A] \\([^@]*\\).*/\\1/p' | LC_ALL=C sort");

	ck_assert_ptr_nonnull(strstr(declared, "frameio_create\n"));
	ck_assert_str_eq(declared, exported);
	free(declared);
	free(exported);
}
END_TEST

START_TEST(headers_are_c11)
{
	run("echo '#include <libframeio/libframeio.h>' | " UNIT_CC " -x c -std=c11 "
	    "-Wshadow -Wstrict-prototypes " PEDANTIC " -");
}
END_TEST

START_TEST(abi_header_stands_alone)
{
	/* a flexible array member is C99, and kernel headers are in all modes */
	run("echo '#include <frameio/frameio.h>' | " UNIT_CC " -x c -std=c99 " PEDANTIC " -");
}
END_TEST

START_TEST(headers_are_cplusplus)
{
	if (system("command -v g++ >/dev/null")) {
		puts("no g++: the headers are not tried as C++");
		return;
	}
	run("echo '#include <libframeio/libframeio.h>' | g++ -x c++ -fsyntax-only "
	    "-Wall -Wextra -Werror " HEADERS " -");
}
END_TEST

START_TEST(version_is_the_package_s)
{
	ck_assert_str_eq(frameio_version(), PACKAGE_VERSION);
}
END_TEST

#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__)
START_TEST(numbers_are_those_of_the_manual)
{
	ck_assert_uint_eq(FRAMEIO_READ, 0xc010fb01);
	ck_assert_uint_eq(FRAMEIO_WRITE, 0xc010fb02);
	ck_assert_uint_eq(FRAMEIO_CREATE, 0xc040fb10);
	ck_assert_uint_eq(FRAMEIO_OPEN, 0xc020fb11);
	ck_assert_uint_eq(FRAMEIO_DELETE, 0x4020fb12);
	ck_assert_uint_eq(FRAMEIO_LIST, 0xc010fb13);
	ck_assert_uint_eq(FRAMEIO_INFO, 0x8048fb14);
	ck_assert_uint_eq(FRAMEIO_SET_LIMITS, 0x4010fb15);
	ck_assert_uint_eq(FRAMEIO_SET_OPTIONS, 0x4004fb16);
	ck_assert_uint_eq(FRAMEIO_GET_OPTIONS, 0x8004fb17);
	ck_assert_uint_eq(FRAMEIO_STATS, 0x8128fb18);
	ck_assert_uint_eq(FRAMEIO_ATTACH, 0xc040fb19);
	ck_assert_uint_eq(FRAMEIO_SET_FILTER, 0x4010fb1a);
	ck_assert_uint_eq(FRAMEIO_QUEUE_PAIR, 0xc168fb1b);
	ck_assert_uint_eq(FRAMEIO_RING_SETUP, 0xc040fb1c);
	ck_assert_uint_eq(FRAMEIO_KICK, 0xfb1d);
}
END_TEST
#else
START_TEST(numbers_are_those_of_the_manual)
{
}
END_TEST
#endif

START_TEST(layout_is_that_of_the_manual)
{
	ck_assert_uint_eq(sizeof(struct frameio_hdr), 40);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, flags), 2);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, len), 4);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, wirelen), 8);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, hash), 12);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, tstamp), 16);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, vlan_tci), 24);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, gso_size), 28);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, csum_start), 32);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, gso_type), 36);
	ck_assert_uint_eq(offsetof(struct frameio_hdr, queue), 38);
	ck_assert_uint_eq(sizeof(struct framevec), 24);
	ck_assert_uint_eq(offsetof(struct frameio, fio_vecs), 16);
	ck_assert_uint_eq(offsetof(struct frameio_create, fc_flags), 16);
	ck_assert_uint_eq(offsetof(struct frameio_create, fc_ifindex), 40);
	ck_assert_uint_eq(offsetof(struct frameio_create, fc_read_bytes), 44);
	ck_assert_uint_eq(offsetof(struct frameio_open, fo_queue), 16);
	ck_assert_uint_eq(offsetof(struct frameio_info, fi_queue), 32);
	ck_assert_uint_eq(offsetof(struct frameio_info, fi_frame_max), 48);
	ck_assert_uint_eq(offsetof(struct frameio_info, fi_read_bytes), 64);
	ck_assert_uint_eq(offsetof(struct frameio_limits, fq_read_bytes), 8);
	ck_assert_uint_eq(offsetof(struct frameio_list, fl_count), 8);
	ck_assert_uint_eq(sizeof(struct frameio_ring_page), 192);
	ck_assert_uint_eq(offsetof(struct frameio_ring_page, rg_producer_flags), 8);
	ck_assert_uint_eq(offsetof(struct frameio_ring_page, rg_consumer), 64);
	ck_assert_uint_eq(offsetof(struct frameio_ring_page, rg_flags), 128);
	ck_assert_uint_eq(offsetof(struct frameio_ring_setup, frr_read_map), 24);
	ck_assert_uint_eq(offsetof(struct frameio_stats, fs_read_frames), 56);
	ck_assert_uint_eq(offsetof(struct frameio_stats, fs_write_frames), 152);
	ck_assert_uint_eq(offsetof(struct frameio_stats, fs_write_drop_closed), 272);
}
END_TEST

START_TEST(programs_of_the_manual_compile)
{
	static const char *const pages[] = {
		"libframeio.3", "frameio_batch.3", "frameio_fd.3", "frameio_open.3",
		"frameio_records.3", "frameio_recv.3", "frameio_ring.3",
	};
	char command[1024];

	/* from the section EXAMPLES, what is between .Bd and .Ed */
	snprintf(command, sizeof(command),
		 "sed -n '/^.Sh EXAMPLES/,/^.Sh ERR/{/^.Bd/,/^.Ed/{/^[.]/d;s/[\\]e/\\\\/g;p}}' "
		 UNIT_SRCDIR "/man/%s | { echo '#include <frameio/frameio.h>'; cat; } | "
		 UNIT_CC " -x c -D_GNU_SOURCE=1 " PEDANTIC " -", pages[_i]);
	run(command);
	snprintf(command, sizeof(command), "grep -q '^#include <libframeio' " UNIT_SRCDIR
		 "/man/%s", pages[_i]);
	run(command);
}
END_TEST

START_TEST(programs_of_the_guides_compile)
{
	/* what is a program in a guide goes on from block to block */
	run("sed -n '/^```c$/,/^```$/{/^```/d;p}' " UNIT_SRCDIR "/docs/vpn.md | "
	    "{ cat; echo '_Static_assert(PACKET_MAX, \"nothing was found\");'; } | "
	    UNIT_CC " -x c " PEDANTIC " -");
}
END_TEST

/* As who has installed the library makes them: with nothing of configure's. */
START_TEST(examples_stand_alone)
{
	run("for program in " UNIT_SRCDIR "/examples/*.c; do "
	    UNIT_CC " -fsyntax-only -Wall -Wextra -Werror " HEADERS "$program || exit; "
	    "[ $(wc -l <$program) -lt 200 ] || { echo \"$program: too long\"; exit 1; }; done");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abi");
	TCase *tcase = tcase_create("abi");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_function_of_the_header_is_exported_and_nothing_else);
	tcase_add_test(tcase, headers_are_c11);
	tcase_add_test(tcase, abi_header_stands_alone);
	tcase_add_test(tcase, headers_are_cplusplus);
	tcase_add_test(tcase, version_is_the_package_s);
	tcase_add_test(tcase, numbers_are_those_of_the_manual);
	tcase_add_test(tcase, layout_is_that_of_the_manual);
	tcase_add_loop_test(tcase, programs_of_the_manual_compile, 0, 7);
	tcase_add_test(tcase, programs_of_the_guides_compile);
	tcase_add_test(tcase, examples_stand_alone);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
