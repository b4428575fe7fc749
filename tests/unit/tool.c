/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the tools have in common, as far as it needs no port. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../tools/tool.h"

/* A terminal of so many columns that standard error goes to. */
static int be_on_terminal(unsigned short columns)
{
	const struct winsize size = { .ws_row = 24, .ws_col = columns };
	const int terminal = posix_openpt(O_RDWR | O_NOCTTY);

	ck_assert_int_eq(grantpt(terminal), 0);
	ck_assert_int_eq(unlockpt(terminal), 0);
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
	ck_assert_int_eq(dup2(open(ptsname(terminal), O_RDWR | O_NOCTTY), STDERR_FILENO),
			 STDERR_FILENO);
	return terminal;
}

static void expect_shown(int terminal, const char *text)
{
	char shown[256] = "";
	size_t len = 0;
	ssize_t n;

	while (len < strlen(text)) {
		n = read(terminal, shown + len, sizeof(shown) - 1 - len);
		ck_assert_int_gt(n, 0);
		len += n;
	}
	ck_assert_str_eq(shown, text);
}

START_TEST(progress_is_cut_and_gives_way)
{
	const int terminal = be_on_terminal(12);

	tool_name = "tool";
	tool_clear_progress();
	tool_show_progress("%s", "short");
	expect_shown(terminal, "\r\033[Kshort");
	tool_show_progress("a text that is %s long", "too");
	expect_shown(terminal, "\r\033[Ka text that");
	tool_warn("port '%s' is gone", "fio0");
	expect_shown(terminal, "\r\033[Ktool: port 'fio0' is gone\r\n");
	tool_warn("again");
	expect_shown(terminal, "tool: again\r\n");
	tool_show_progress("more");
	tool_clear_progress();
	tool_clear_progress();
	expect_shown(terminal, "\r\033[Kmore\r\033[K");
}
END_TEST

START_TEST(a_terminal_may_not_tell_its_width)
{
	const int terminal = be_on_terminal(0);

	tool_show_progress("%090d", 0);
	expect_shown(terminal, "\r\033[K00000000000000000000000000000000000000000000000000000000000"
		     "00000000000000000000");
}
END_TEST

/* The exit code of a child that takes a port apart. */
static int outcome(const char *text)
{
	struct tool_port port;
	const pid_t pid = fork();
	int status;

	if (!pid) {
		close(STDERR_FILENO);
		tool_parse_port(&port, text);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(a_port_may_be_elsewhere)
{
	static const char *const wrong[] = {
		"", "a/b", "sixteen-letters-", "net:", ":eth0", "a:b/c", "/run/netns/a",
	};
	struct tool_port port;
	size_t i;

	tool_name = "tool";
	tool_parse_port(&port, "fifteen-letters");
	ck_assert_str_eq(port.text, "fifteen-letters");
	ck_assert_str_eq(port.name, "fifteen-letters");
	ck_assert_ptr_null(port.netns);
	tool_parse_port(&port, "/run/netns/a:b:eth0");
	ck_assert_str_eq(port.text, "/run/netns/a:b:eth0");
	ck_assert_str_eq(port.name, "eth0");
	ck_assert_str_eq(port.netns, "/run/netns/a:b");
	free((char *)port.netns);
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		ck_assert_msg(outcome(wrong[i]) == TOOL_MISUSED, "'%s'", wrong[i]);
}
END_TEST

START_TEST(an_address_has_whole_bytes)
{
	static const char *const wrong[] = {
		"", "0", "02:0", "02:", "2:0", ":02", "0x:00", "02:00:00:00:00:00:01",
	};
	unsigned char address[6] = { 0 };
	const char *text = "02:0a:FF-3";
	size_t i;

	ck_assert_uint_eq(tool_parse_address(&text, address, 6), 3);
	ck_assert_mem_eq(address, "\x02\x0a\xff\0\0\0", 6);
	ck_assert_str_eq(text, "-3");
	text = "00:01:02:03:04:05";
	ck_assert_uint_eq(tool_parse_address(&text, address, 6), 6);
	ck_assert_str_eq(text, "");
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		text = wrong[i];
		ck_assert_msg(!tool_parse_address(&text, address, 6), "'%s'", wrong[i]);
	}
}
END_TEST

/* Of an array as others allocate one, too: exactly as long as it has to be. */
START_TEST(an_array_grows)
{
	int *array = tool_allocate(3, sizeof(*array)), i;

	ck_assert_int_eq(array[2], 0);
	for (i = 0; i < 1000; i++) {
		if (i >= 3)
			array = tool_grow(array, i, sizeof(*array));
		array[i] = i;
	}
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(array[i], i);
	free(array);
	array = tool_grow(NULL, 0, sizeof(*array));
	*array = 1;
	free(array);
}
END_TEST

START_TEST(texts_of_others_do_no_harm)
{
	static const struct {
		const char *text, *clean, *utf8;
	} texts[] = {
		{ "", "", "" },
		{ "eth0", "eth0", "eth0" },
		{ "\033[2J\n", "?[2J?", "\033[2J\n" },
		{ "\x7f\xff", "??", "\\x7f\\xff" },
		{ "h\xc3\xa4u", "h\xc3\xa4u", "h\xc3\xa4u" },
		{ "\xc3", "?", "\\xc3" },			/* ends too early */
		{ "\xc0\xaf", "??", "\\xc0\\xaf" },		/* longer than need be */
		{ "\xed\xa0\x80", "???", "\\xed\\xa0\\x80" },	/* half of a pair */
		{ "\xf0\x9f\x90\x8c", "\xf0\x9f\x90\x8c", "\xf0\x9f\x90\x8c" },
		{ "\xf4\x90\x80\x80", "????", "\\xf4\\x90\\x80\\x80" },
	};
	char clean[16], *utf8;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		ck_assert_str_eq(tool_clean(clean, sizeof(clean), texts[i].text), texts[i].clean);
		utf8 = tool_utf8(texts[i].text);
		ck_assert_str_eq(utf8, texts[i].utf8);
		free(utf8);
	}
	/* no character is cut */
	ck_assert_str_eq(tool_clean(clean, 4, "ab\xc3\xa4"), "ab");
	ck_assert_str_eq(tool_clean(clean, 5, "ab\xc3\xa4"), "ab\xc3\xa4");
	ck_assert_str_eq(tool_clean(clean, 1, "ab"), "");
}
END_TEST

static volatile sig_atomic_t asked;

static void on_ask(int sig)
{
	asked = sig;
}

START_TEST(a_signal_is_noted_while_waiting)
{
	signal(SIGHUP, SIG_IGN);
	tool_catch_signals();
	tool_catch_signal(SIGUSR1, on_ask);
	raise(SIGHUP);
	raise(SIGUSR1);
	ck_assert_int_eq(asked, 0);
	ck_assert_int_lt(tool_poll(NULL, 0, 0), 0);
	ck_assert_int_eq(asked, SIGUSR1);
	ck_assert(!tool_interrupted());
	raise(SIGTERM);
	ck_assert(!tool_wait(-1, 0));
	ck_assert(tool_interrupted());
}
END_TEST

/* Who has always something to read, or to write, is to be stopped all the same. */
START_TEST(a_signal_is_noted_where_a_file_is_always_ready)
{
	struct pollfd event = { .fd = tool_make_event(), .events = POLLIN };

	tool_signal_event(event.fd);
	tool_catch_signals();
	ck_assert(tool_wait(event.fd, 0));
	raise(SIGINT);
	ck_assert_int_eq(tool_poll(&event, 1, 0), 1);
	if (_i)
		ck_assert(!tool_wait(event.fd, 0));
	ck_assert(tool_interrupted());
	close(event.fd);
}
END_TEST

static int asked_fd;

static void tell_asked(int sig)
{
	(void)sig;
	if (write(asked_fd, "", 1) != 1)
		_exit(3);
}

/* Print while the pipe is full, and a signal comes that asks for something else. */
static void print_when_asked(int output)
{
	static const char full[4096];

	if (fcntl(output, F_SETPIPE_SZ, sizeof(full)) != sizeof(full) ||
	    write(output, full, sizeof(full)) != sizeof(full) ||
	    dup2(output, STDOUT_FILENO) != STDOUT_FILENO)
		_exit(4);
	tool_start("tool", (char *[]){ "tool", NULL });
	tool_catch_signals();
	tool_catch_signal(SIGUSR1, tell_asked);
	raise(SIGUSR1);
	puts("all of it");
	_exit(tool_finish(0));
}

START_TEST(another_signal_ends_no_output)
{
	int output[2], told[2], status;
	char text[8192], byte;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(output), 0);
	ck_assert_int_eq(pipe(told), 0);
	asked_fd = told[1];
	pid = fork();
	if (!pid)
		print_when_asked(output[1]);
	close(output[1]);
	close(told[1]);
	/* nothing is read before it has come */
	ck_assert_int_eq(read(told[0], &byte, 1), 1);
	while ((n = read(output[0], text + len, sizeof(text) - len)) > 0)
		len += n;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(len, 4096 + 10);
	ck_assert_mem_eq(text + 4096, "all of it\n", 10);
}
END_TEST

/* And not the end of the tool, half way through a file. */
START_TEST(a_limit_of_files_is_an_error)
{
	struct rlimit limit = { 4, RLIM_INFINITY };
	FILE *file = tmpfile();
	int error = 0;
	ssize_t n;

	tool_start("tool", (char *[]){ "tool", NULL });
	setrlimit(RLIMIT_FSIZE, &limit);
	n = write(fileno(file), "too long", 8);
	if (n == 4 && write(fileno(file), "long", 4) < 0)
		error = errno;
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(error, EFBIG);
	fclose(file);
}
END_TEST

START_TEST(a_wait_ends_in_time_or_with_an_event)
{
	struct pollfd event = { .fd = tool_make_event(), .events = POLLIN };
	const double started = tool_now();
	eventfd_t count;

	/* a time that is over does not wait */
	ck_assert_int_eq(tool_poll(&event, 1, started - 1000), 0);
	ck_assert_int_eq(tool_poll(&event, 1, started + 0.05), 0);
	ck_assert_double_ge(tool_now(), started + 0.05);
	tool_signal_event(event.fd);
	tool_signal_event(event.fd);
	ck_assert_int_eq(tool_poll(&event, 1, 0), 1);
	ck_assert(tool_wait(event.fd, 0));
	ck_assert_int_eq(eventfd_read(event.fd, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(eventfd_read(event.fd, &count), -1);
	close(event.fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tool");
	TCase *tcase = tcase_create("tool");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, progress_is_cut_and_gives_way);
	tcase_add_test(tcase, a_terminal_may_not_tell_its_width);
	tcase_add_test(tcase, a_port_may_be_elsewhere);
	tcase_add_test(tcase, an_address_has_whole_bytes);
	tcase_add_test(tcase, an_array_grows);
	tcase_add_test(tcase, texts_of_others_do_no_harm);
	tcase_add_test(tcase, a_signal_is_noted_while_waiting);
	tcase_add_loop_test(tcase, a_signal_is_noted_where_a_file_is_always_ready, 0, 2);
	tcase_add_test(tcase, another_signal_ends_no_output);
	tcase_add_test(tcase, a_limit_of_files_is_an_error);
	tcase_add_test(tcase, a_wait_ends_in_time_or_with_an_event);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
