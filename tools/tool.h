/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the tools have in common: how they name ports, complain, and stop.
 */
#ifndef FRAMEIO_TOOL_H
#define FRAMEIO_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libframeio/libframeio.h>

/* Exit codes, besides 0. */
enum {
	TOOL_FAILED = 1,	/* what was asked for could not be done */
	TOOL_MISUSED = 2,	/* it was asked for in the wrong way */
};

/* The tool's name, for messages. */
extern const char *tool_name;

/* The first thing: the tool's name, and a standard output whose errors are noted. */
void tool_start(const char *name);

/* A port as given on a command line: [NETNS:]NAME. */
struct tool_port {
	const char *text;	/* as it was given */
	const char *netns;	/* NULL: this one */
	const char *name;
};

/* Print a message on standard error, and exit. */
void tool_die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* The same for an option or argument that is wrong; points to --help. */
void tool_misused(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Print a message on standard error, and go on. */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Take a port apart; exits if it cannot be one. */
void tool_parse_port(struct tool_port *port, const char *text);

/* Open a queue pair of it; exits with a sentence if that fails. */
struct frameio_qp *tool_open_port(const struct tool_port *port);

/* A sentence for why @error (positive) came of opening or using a port. */
const char *tool_explain(int error);

/*
 * From here on SIGINT, SIGTERM and SIGHUP are noted and not delivered, except
 * in ppoll() with the mask that is returned. One that was ignored is ignored still.
 */
const void *tool_catch_signals(void);

/* Has one of them come? */
bool tool_interrupted(void);

/*
 * With signals caught, sleep until @fd can be read, or if it is below 0 for so many
 * seconds. False if a signal has come, or nobody reads standard output any more.
 */
bool tool_wait(int fd, double seconds);

/* Seconds, of a clock that goes on evenly. */
double tool_now(void);

/*
 * Write out what was printed. Exits if that fails, but for a reader that has gone:
 * then it returns false, and nothing more needs to be printed.
 */
bool tool_flush(void);

/*
 * The last thing before the end: write out and close standard output. Returns the exit
 * code: @status, or TOOL_FAILED with a message where not all was written. A reader
 * that has gone is no failure.
 */
int tool_finish(int status);

/*
 * Copy a text that others chose, such as the name of an interface or a process, so
 * that it does no harm to a terminal and is UTF-8: '?' replaces what is not.
 * Cuts it to @size, which is not 0. Returns @to.
 */
char *tool_clean(char *to, size_t size, const char *from);

/*
 * Copy such a text for a program to read: controls below 0x20 stay, and what is not
 * printable UTF-8 becomes "\xNN". Cuts it to @size.
 */
char *tool_utf8(char *to, size_t size, const char *from);

/* Write an amount with three digits and a unit's prefix: "1.23 G". @to has room for 16. */
const char *tool_amount(char *to, double amount);

/* Print the version line, for --version. */
void tool_print_version(void);

#endif
