/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the tools have in common: how they begin, complain, name ports, wait and stop.
 * Where a function cannot do its part, but for a return value that says so, the tool ends
 * with a sentence.
 */
#ifndef FRAMEIO_TOOL_H
#define FRAMEIO_TOOL_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <libframeio/libframeio.h>

/* Exit codes, besides 0. */
enum {
	TOOL_FAILED = 1,	/* what was asked for could not be done */
	TOOL_MISUSED = 2,	/* it was asked for in the wrong way */
};

/* --- the start and the end ------------------------------------------- */

/* The tool's name, for messages. */
extern const char *tool_name;

/*
 * The first thing: the tool's name, by which getopt(3) complains, too; and a standard
 * output whose errors are noted.
 */
void tool_start(const char *name, char **argv);

/* The options that every tool has, -h and -V, and what is none. Exits. */
void tool_take_option(int option, void (*usage)(void)) __attribute__((noreturn));

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

/* --- what is told ---------------------------------------------------- */

/* Print a message on standard error, and exit. */
void tool_die(int status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* The same for an option or argument that is wrong; points to --help. */
void tool_misused(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Print a message on standard error, and go on. */
void tool_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Show a line of progress on standard error, which is a terminal; the next one and any
 * message take its place. It is cut where it could not be written over.
 */
void tool_show_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tool_clear_progress(void);

/* --- memory ---------------------------------------------------------- */

/* An array, zeroed. */
void *tool_allocate(size_t n, size_t size);

/* The same array with room for one more than the @count that it has. */
void *tool_grow(void *array, size_t count, size_t size);

/* --- ports ----------------------------------------------------------- */

/* A port as given on a command line: [NETNS:]NAME. */
struct tool_port {
	const char *text;	/* as it was given */
	const char *netns;	/* NULL: this one */
	const char *name;
};

/* Take a port apart. */
void tool_parse_port(struct tool_port *port, const char *text);

/*
 * Read the bytes, up to @most, of the link-layer address that @text begins with, such as
 * 02:00:00:00:00:01, and move @text behind it. Return: how many; 0: it is none.
 */
unsigned int tool_parse_address(const char **text, unsigned char *address, unsigned int most);

/* Open a network namespace, by its name or a path with a slash; -1 and errno. */
int tool_open_netns(const char *netns);

/*
 * Open a queue pair of a port. An interface that is none becomes one for as long as it is
 * open, as @attach says; NULL: it does not.
 *
 * Return: 0; 1, it has become one; or a negative errno, and in @why a sentence.
 */
int tool_open_port(const struct tool_port *port, const struct frameio_port_config *attach,
		   struct frameio_qp **qp, const char **why);

/* A sentence for why @error (positive) came of opening or using a port. */
const char *tool_explain(int error);

/* Bytes of an L3 port's packet or an L2 port's frame with a VLAN tag, at the largest MTU. */
#define TOOL_FRAME_SIZE	(65535 + 18)

/* --- signals, events and time ---------------------------------------- */

/*
 * From here on SIGINT, SIGTERM and SIGHUP are noted, in tool_poll(), tool_wait() and
 * tool_interrupted() only. One that was ignored is ignored still.
 */
void tool_catch_signals(void);

/* The same for one more signal, which is noted by @handler. */
void tool_catch_signal(int sig, void (*handler)(int sig));

/* Has one of the three come? Where files are always ready, nothing else hears of it. */
bool tool_interrupted(void);

/* An eventfd whose reads do not wait; and have it readable. */
int tool_make_event(void);
void tool_signal_event(int fd);

/* Nanoseconds, of a clock of clock_gettime(2). */
uint64_t tool_clock(clockid_t clock);

/* Seconds, of a clock that goes on evenly. */
double tool_now(void);

/*
 * Wait for files as poll(2) does, until it is that time by tool_now(); 0: as long as it
 * takes. Return: how many are ready; below 0: a signal has come.
 */
int tool_poll(struct pollfd *fds, unsigned int n, double until);

/*
 * Wait until @fd can be read, unless it is below 0, or it is that time; likewise. False
 * if a signal has come, or nobody reads standard output any more.
 */
bool tool_wait(int fd, double until);

/* Add to a counter that only this thread writes, and others may read meanwhile. */
static inline void tool_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* --- texts that others chose ----------------------------------------- */

/*
 * Copy a text that others chose, such as the name of an interface or a process, so
 * that it does no harm to a terminal and is UTF-8: '?' replaces what is not.
 * Cuts it to @size, which is not 0. Returns @to.
 */
char *tool_clean(char *to, size_t size, const char *from);

/*
 * Copy such a text, to be freed, for a program to read: controls below 0x20 stay, and
 * what is not printable UTF-8 becomes "\xNN".
 */
char *tool_utf8(const char *from);

#endif
