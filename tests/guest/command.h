/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The tools, run as a user runs them, and what they print.
 */
#ifndef FRAMEIO_GUEST_COMMAND_H
#define FRAMEIO_GUEST_COMMAND_H

#include <json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Have the tools that were built be found, of which this one is tested: the first thing. */
void find_tools(const char *name);

/* Run what follows as a user without any privilege. */
#define AS_NOBODY	"setpriv --reuid 65534 --regid 65534 --clear-groups "

/* --- one that ends --------------------------------------------------- */

/* What it printed, on standard output and on standard error. */
extern char printed[1 << 20], complaint[1 << 16];

/* Run a shell command; its exit code. */
int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* It succeeds, without complaint. Returns what it printed. */
const char *good(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The tool fails with that exit code and one sentence, in which there is @text. */
void bad(int status, const char *text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* That exit code and a part of the sentence, of a command that is the tool with these words. */
struct refusal {
	int status;
	const char *text;
	const char *words;
};

/* A text has this part. */
void has(const char *text, const char *part);

/* There is a line like this in what was printed, or in a text. */
#define has_line(pattern)	has_line_in(printed, pattern)
void has_line_in(const char *text, const char *pattern);

/* --- JSON ------------------------------------------------------------ */

struct json_object *parse(const char *text);

/* What "frameio -j ..." prints. */
struct json_object *json(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The member at a path such as "/0/name", which is there; and what it is. */
struct json_object *at(struct json_object *object, const char *path);
int64_t number(struct json_object *object, const char *path);
void is_number(struct json_object *object, const char *path, int64_t expected);
void is_text(struct json_object *object, const char *path, const char *text);
void is_bool(struct json_object *object, const char *path, bool value);
void is_null(struct json_object *object, const char *path);
void has_length(struct json_object *object, const char *path, size_t length);

/* Of "frameio -j show": the one port is as it was made, with nothing but its name given. */
void has_defaults(struct json_object *ports, const char *name);

/* --- one that goes on ------------------------------------------------ */

struct process {
	char words[200];	/* the command, or how it begins */
	pid_t pid;
	FILE *output, *errors;
};

/* Start a program by a line of shell; at its end it is known what it printed. */
struct process start_command(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Start it on a pipe, from which what it prints is read. */
#define start(...) start_on_pipe((char *[]){ __VA_ARGS__, NULL })
struct process start_on_pipe(char *const *arguments);

/* The same on a socket, as a service's journal is. */
#define start_service(...) start_on_socket((char *[]){ __VA_ARGS__, NULL })
struct process start_on_socket(char *const *arguments);

/* The same on a terminal of 12 lines. */
struct process start_on_terminal(unsigned int columns, char *const *arguments);

/* Wait, for what comes before its end: until it sleeps in poll(2) with that many files. */
void wait_polling(const struct process *process, unsigned int nfiles);

/* Until it waits for what it watches: then it has begun. */
void wait_asleep(const struct process *process);

/* Until so many of its threads sleep in poll(2), with that many files each; 0: any number. */
void wait_threads(const struct process *process, unsigned int nthreads, unsigned int nfiles);

/* Until it has said this on standard error; complaint is what it has said so far. */
void wait_told(const struct process *process, const char *text);

/* What it has said there so far does not count. */
void forget_told(const struct process *process);

const char *next_line(struct process *process);
void expect_line(struct process *process, const char *line);

bool has_ended(const struct process *process);

/* Its exit code, once it has ended. */
int wait_for_end(struct process *process);

/* It ends as good() and bad() have it. */
const char *end_well(struct process *process);
void end_badly(struct process *process, int status, const char *text);

/* Nobody reads any more what it writes; and its exit code then. */
void stop_reading(struct process *process);
int end_of_reader(struct process *process);

/* Ctrl-C ends it as it should. */
void interrupt(struct process *process);

/* --- the manual pages ------------------------------------------------ */

/* A page, such as "framecap.1", read up to its examples. */
FILE *open_examples(const char *page);

/*
 * Make commands of these names, apart by spaces, in ENDED, which run the tools of theirs
 * and send a signal to what goes on after a while, as its user would; they then have the
 * tool's own exit status. A guest that is slow is given longer.
 */
#define ENDED		"/run/ended"
void make_ended(const char *tools, const char *signal);

/* The next example, which closes the page at its last: NULL then. */
const char *next_example(FILE *page);

#endif
