/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <fcntl.h>
#include <glob.h>
#include <json.h>
#include <limits.h>
#include <net/if.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

static const char *tool;

/* --- starting it ----------------------------------------------------- */

/* A file without a name, which is read while it is appended to. */
static int create_file(void)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

/* What it writes to @theirs is read from @ours. */
static struct process start_on(int ours, int theirs, char *const *arguments)
{
	struct process process = {
		.output = fdopen(ours, "r"),
		.errors = fdopen(create_file(), "r"),
	};

	snprintf(process.words, sizeof(process.words), "%s", arguments[0]);
	process.pid = fork();
	ck_assert_int_ge(process.pid, 0);
	if (!process.pid) {
		dup2(theirs, STDOUT_FILENO);
		dup2(fileno(process.errors), STDERR_FILENO);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	close(theirs);
	return process;
}

struct process start_on_pipe(char *const *arguments)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	return start_on(fds[0], fds[1], arguments);
}

struct process start_on_socket(char *const *arguments)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	return start_on(fds[0], fds[1], arguments);
}

struct process start_on_terminal(unsigned int columns, char *const *arguments)
{
	const struct winsize size = { .ws_row = 12, .ws_col = columns };
	int ours, theirs;

	ck_assert_int_eq(openpty(&ours, &theirs, NULL, NULL, &size), 0);
	ck_assert_int_eq(fcntl(ours, F_SETFD, FD_CLOEXEC), 0);
	return start_on(ours, theirs, arguments);
}

static struct process start_shell(const char *prefix, const char *format, va_list args)
{
	struct process process;
	char *words, *line;
	int fd = create_file();

	ck_assert_int_ge(vasprintf(&words, format, args), 0);
	ck_assert_int_ge(asprintf(&line, "%s%s", prefix, words), 0);
	process = start_on(fd, fcntl(fd, F_DUPFD_CLOEXEC, 0),
			   (char *[]){ "sh", "-c", line, NULL });
	snprintf(process.words, sizeof(process.words), "%s", words);
	free(words);
	free(line);
	return process;
}

struct process start_command(const char *format, ...)
{
	struct process process;
	va_list args;

	va_start(args, format);
	process = start_shell("exec ", format, args);
	va_end(args);
	return process;
}

/* --- waiting for its end --------------------------------------------- */

char printed[1 << 20], complaint[1 << 16];

/* All that is in a file; there is nothing of a pipe. */
static void read_text(FILE *file, char *to, size_t size)
{
	const ssize_t len = pread(fileno(file), to, size, 0);

	ck_assert_int_lt(len, (ssize_t)size);
	to[len < 0 ? 0 : len] = '\0';
}

bool has_ended(const struct process *process)
{
	siginfo_t end = { .si_pid = 0 };

	ck_assert_int_eq(waitid(P_PID, process->pid, &end, WEXITED | WNOHANG | WNOWAIT), 0);
	return end.si_pid;
}

int wait_for_end(struct process *process)
{
	int status;

	ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
	read_text(process->output, printed, sizeof(printed));
	read_text(process->errors, complaint, sizeof(complaint));
	fclose(process->output);
	fclose(process->errors);
	ck_assert_msg(WIFEXITED(status), "'%s' ended with status %#x: %s", process->words, status,
		      complaint);
	return WEXITSTATUS(status);
}

const char *end_well(struct process *process)
{
	const int status = wait_for_end(process);

	ck_assert_msg(status == 0 && !*complaint, "'%s': %d, %s", process->words, status,
		      complaint);
	return printed;
}

/* Of misuse, a hint follows the sentence. */
void end_badly(struct process *process, int status, const char *text)
{
	const int found = wait_for_end(process);
	const size_t len = strlen(tool);

	ck_assert_msg(found == status, "'%s': %d, %s", process->words, found, complaint);
	ck_assert_msg(!strncmp(complaint, tool, len) && !strncmp(complaint + len, ": ", 2),
		      "'%s': %s", process->words, complaint);
	ck_assert_msg(strstr(complaint, text), "'%s': %s", process->words, complaint);
	if (status == 2)
		has(complaint, "--help'.\n");
	else
		ck_assert_msg(strchr(complaint, '\n')[1] == '\0', "'%s': %s", process->words,
			      complaint);
}

void stop_reading(struct process *process)
{
	fclose(process->output);
	process->output = fopen("/dev/null", "r");
}

int end_of_reader(struct process *process)
{
	stop_reading(process);
	return wait_for_end(process);
}

void interrupt(struct process *process)
{
	kill(process->pid, SIGINT);
	ck_assert_int_eq(wait_for_end(process), 0);
}

/* --- those that end by themselves ------------------------------------ */

int run(const char *format, ...)
{
	struct process process;
	va_list args;

	va_start(args, format);
	process = start_shell("", format, args);
	va_end(args);
	return wait_for_end(&process);
}

const char *good(const char *format, ...)
{
	struct process process;
	va_list args;

	va_start(args, format);
	process = start_shell("", format, args);
	va_end(args);
	return end_well(&process);
}

void bad(int status, const char *text, const char *format, ...)
{
	struct process process;
	va_list args;

	va_start(args, format);
	process = start_shell("", format, args);
	va_end(args);
	end_badly(&process, status, text);
}

/* --- what it printed ------------------------------------------------- */

void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part), "no '%s' in: %s", part, text);
}

void has_line_in(const char *text, const char *pattern)
{
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB), 0);
	ck_assert_msg(!regexec(&regex, text, 0, NULL, 0), "no line '%s' in:\n%s", pattern, text);
	regfree(&regex);
}

const char *next_line(struct process *process)
{
	static char line[65536];

	ck_assert_msg(fgets(line, sizeof(line), process->output), "it said no more");
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void expect_line(struct process *process, const char *line)
{
	ck_assert_str_eq(next_line(process), line);
}

/* --- JSON ------------------------------------------------------------ */

struct json_object *parse(const char *text)
{
	enum json_tokener_error error;
	struct json_object *object = json_tokener_parse_verbose(text, &error);

	ck_assert_msg(error == json_tokener_success, "%s in: %s", json_tokener_error_desc(error),
		      text);
	return object;
}

struct json_object *json(const char *format, ...)
{
	char arguments[512];
	va_list args;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	return parse(good("frameio -j %s", arguments));
}

struct json_object *at(struct json_object *object, const char *path)
{
	struct json_object *member;

	ck_assert_msg(!json_pointer_get(object, path, &member), "no %s in %s", path,
		      json_object_to_json_string(object));
	return member;
}

int64_t number(struct json_object *object, const char *path)
{
	ck_assert_msg(json_object_is_type(at(object, path), json_type_int), "%s: no number", path);
	return json_object_get_int64(at(object, path));
}

void is_number(struct json_object *object, const char *path, int64_t expected)
{
	ck_assert_msg(number(object, path) == expected, "%s is not %jd in %.2000s", path,
		      (intmax_t)expected, json_object_to_json_string(object));
}

void is_text(struct json_object *object, const char *path, const char *text)
{
	ck_assert_msg(json_object_is_type(at(object, path), json_type_string), "%s: no text", path);
	ck_assert_str_eq(json_object_get_string(at(object, path)), text);
}

void is_bool(struct json_object *object, const char *path, bool value)
{
	ck_assert_msg(json_object_is_type(at(object, path), json_type_boolean), "%s: no boolean",
		      path);
	ck_assert_msg(json_object_get_boolean(at(object, path)) == value, "%s in %.2000s", path,
		      json_object_to_json_string(object));
}

void is_null(struct json_object *object, const char *path)
{
	ck_assert_msg(!at(object, path), "%s in %.2000s", path, json_object_to_json_string(object));
}

void has_length(struct json_object *object, const char *path, size_t length)
{
	ck_assert_uint_eq(json_object_array_length(*path ? at(object, path) : object), length);
}

void has_defaults(struct json_object *ports, const char *name)
{
	has_length(ports, "", 1);
	is_text(ports, "/0/name", name);
	is_number(ports, "/0/ifindex", if_nametoindex(name));
	is_text(ports, "/0/layer", "l2");
	is_number(ports, "/0/mtu", 1500);
	guest_sh("grep -qx %s /sys/class/net/%s/address",
		 json_object_get_string(at(ports, "/0/address")), name);
	is_number(ports, "/0/queues", 1);
	is_number(ports, "/0/num_queues", 1);
	is_number(ports, "/0/num_open", 0);
	is_number(ports, "/0/read_limit", FRAMEIO_LIMIT_DEFAULT);
	is_number(ports, "/0/read_bytes_limit", FRAMEIO_BYTES_DEFAULT);
	is_number(ports, "/0/write_limit", FRAMEIO_LIMIT_DEFAULT);
	is_number(ports, "/0/write_bytes_limit", FRAMEIO_BYTES_DEFAULT);
	is_null(ports, "/0/owner");
	is_null(ports, "/0/owner_uid");
	is_null(ports, "/0/group");
	is_null(ports, "/0/group_gid");
	is_bool(ports, "/0/persist", true);
	has_length(ports, "/0/queue_pairs", 1);
	has_length(ports, "/0/queue_pairs/0/holders", 0);
}

/* --- waiting for what it does ---------------------------------------- */

/* What is waited for comes before its end. */
static void wait_a_moment(const struct process *process)
{
	guest_pause();
	read_text(process->errors, complaint, sizeof(complaint));
	ck_assert_msg(!has_ended(process), "'%s' has ended: %s", process->words, complaint);
}

/* Does a thread, by its file of /proc, sleep in poll(2)? */
static bool is_polling(const char *path, unsigned int nfiles)
{
	FILE *file = fopen(path, "r");
	unsigned int found;
	long call = -1;

	if (!file)
		return false;
	if (fscanf(file, "%ld %*x %x", &call, &found) != 2)
		call = -1;
	fclose(file);
	return (call == SYS_poll || call == SYS_ppoll) && (!nfiles || found == nfiles);
}

void wait_polling(const struct process *process, unsigned int nfiles)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", process->pid);
	while (!is_polling(path, nfiles))
		wait_a_moment(process);
}

void wait_asleep(const struct process *process)
{
	wait_polling(process, 2);
}

static unsigned int count_polling(const struct process *process, unsigned int nfiles)
{
	unsigned int n = 0;
	glob_t threads;
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), "/proc/%d/task/*/syscall", process->pid);
	ck_assert_int_eq(glob(path, 0, NULL, &threads), 0);
	for (i = 0; i < threads.gl_pathc; i++)
		n += is_polling(threads.gl_pathv[i], nfiles);
	globfree(&threads);
	return n;
}

void wait_threads(const struct process *process, unsigned int nthreads, unsigned int nfiles)
{
	while (count_polling(process, nfiles) != nthreads)
		wait_a_moment(process);
}

void wait_told(const struct process *process, const char *text)
{
	do
		wait_a_moment(process);
	while (!strstr(complaint, text));
}

void forget_told(const struct process *process)
{
	ck_assert_int_eq(ftruncate(fileno(process->errors), 0), 0);
}

/* --- the tools ------------------------------------------------------- */

/* libtool's own script would start them, too, if slowly. */
void find_tools(const char *name)
{
	char tools[PATH_MAX], libraries[PATH_MAX], path[3 * PATH_MAX];
	const bool direct = !access("../tools/.libs/frameio", X_OK);

	tool = name;
	if (!realpath(direct ? "../tools/.libs" : "../tools", tools)) {
		fprintf(stderr, "there is no ../tools\n");
		exit(EXIT_FAILURE);
	}
	if (direct && realpath("../libframeio/.libs", libraries))
		setenv("LD_LIBRARY_PATH", libraries, 1);
	snprintf(path, sizeof(path), "%s:%s", tools, getenv("PATH"));
	setenv("PATH", path, 1);
}

void make_ended(const char *tools, const char *signal)
{
	const int seconds = guest_is_slow() ? 30 : 4;

	guest_sh("mkdir -p " ENDED " && for tool in %s; do "
		 "printf '#!/bin/sh\nexec timeout -s %s --preserve-status %d %%s \"$@\"\n' "
		 "\"$(command -v $tool)\" >" ENDED "/$tool && chmod 755 " ENDED "/$tool || exit; "
		 "done", tools, signal, seconds);
}

FILE *open_examples(const char *page)
{
	char path[PATH_MAX], line[256];
	FILE *file;

	snprintf(path, sizeof(path), GUEST_SRCDIR "/man/%s", page);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	do
		ck_assert_msg(fgets(line, sizeof(line), file), "%s has no examples", path);
	while (strcmp(line, ".Sh EXAMPLES\n"));
	return file;
}

const char *next_example(FILE *page)
{
	static char example[2048];
	bool literal = false;
	char line[256];

	while (fgets(line, sizeof(line), page) && strncmp(line, ".Sh ", 4)) {
		if (!strncmp(line, ".Bd ", 4)) {
			literal = true;
			*example = '\0';
		} else if (!strncmp(line, ".Ed", 3)) {
			return example;
		} else if (literal) {
			strncat(example, line, sizeof(example) - strlen(example) - 1);
		}
	}
	fclose(page);
	return NULL;
}
