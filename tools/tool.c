/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

const char *tool_name;

/* How often. */
static volatile sig_atomic_t interrupted;

/* Signals are caught, and delivered with this mask where tool.h says so. */
static bool catching;
static sigset_t unblocked;

/* Why the first write to standard output failed that did; 0: none. */
static int output_error;

/* --- standard output ------------------------------------------------- */

/* Whoever ends us does not wait for a reader that takes nothing. */
static ssize_t write_some(const char *bytes, size_t len)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
	const sig_atomic_t before = interrupted;

	if (!catching)
		return write(STDOUT_FILENO, bytes, len);
	while (tool_poll(&output, 1, 0) < 0) {
		if (interrupted == before)
			continue;
		errno = EPIPE;
		return -1;
	}
	return write(STDOUT_FILENO, bytes, len < PIPE_BUF ? len : PIPE_BUF);
}

/* stdio knows that a write failed, but not why when it is asked at the end. */
static ssize_t write_output(void *cookie, const char *bytes, size_t len)
{
	size_t done = 0;
	ssize_t written;

	(void)cookie;
	while (!output_error && done < len) {
		written = write_some(bytes + done, len - done);
		if (written < 0)
			output_error = errno;
		else
			done += written;
	}
	return done;
}

bool tool_flush(void)
{
	fflush(stdout);
	if (!output_error)
		return true;
	if (output_error != EPIPE)
		tool_die(TOOL_FAILED, "cannot write to standard output: %s",
			 strerror(output_error));
	return false;
}

int tool_finish(int status)
{
	/* what has no descriptor was not asked for; a server may tell of its full disk only now */
	if (tool_flush() && close(STDOUT_FILENO) && errno != EBADF)
		tool_die(TOOL_FAILED, "cannot write to standard output: %s", strerror(errno));
	return status;
}

/* --- the start ------------------------------------------------------- */

/* So that no file that is opened later is taken for standard input, output or error. */
static void fill_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void tool_start(const char *name, char **argv)
{
	FILE *output = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_output });

	tool_name = name;
	argv[0] = (char *)name;
	/* a reader that has gone is seen where its output is written, and so is a file's limit */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (!output)
		tool_die(TOOL_FAILED, "out of memory");
	fill_descriptors();
	setvbuf(output, NULL, _IOFBF, BUFSIZ);
	stdout = output;
}

/* --- what is told ---------------------------------------------------- */

/* There is a line of it; under the lock of stderr. */
static bool has_progress;

void tool_show_progress(const char *format, ...)
{
	struct winsize size = { .ws_col = 0 };
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	flockfile(stderr);
	fprintf(stderr, "\r\033[K%.*s", (size.ws_col ? size.ws_col : 80) - 1, line);
	has_progress = true;
	funlockfile(stderr);
}

void tool_clear_progress(void)
{
	flockfile(stderr);
	if (has_progress)
		fputs("\r\033[K", stderr);
	has_progress = false;
	funlockfile(stderr);
}

static void print_message(const char *format, va_list args)
{
	fflush(stdout);
	flockfile(stderr);
	tool_clear_progress();
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void tool_die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	exit(status);
}

static void __attribute__((noreturn)) point_to_help(void)
{
	fprintf(stderr, "Try '%s --help'.\n", tool_name);
	exit(TOOL_MISUSED);
}

void tool_misused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	point_to_help();
}

void tool_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
}

void tool_take_option(int option, void (*usage)(void))
{
	switch (option) {
	case 'h':
		usage();
		break;
	case 'V':
		printf("%s (frameio) %s\n", tool_name, frameio_version());
		break;
	default:
		point_to_help();
	}
	exit(tool_finish(0));
}

/* --- memory ---------------------------------------------------------- */

static void *require_memory(void *memory)
{
	if (!memory)
		tool_die(TOOL_FAILED, "out of memory");
	return memory;
}

void *tool_allocate(size_t n, size_t size)
{
	return require_memory(calloc(n, size));
}

void *tool_grow(void *array, size_t count, size_t size)
{
	size_t room = 1;

	/* powers of two, so that it is seldom copied */
	while (room <= count)
		room *= 2;
	return require_memory(reallocarray(array, room, size));
}

/* --- ports ----------------------------------------------------------- */

/* An interface's name has no colon, so the last one ends the namespace's. */
void tool_parse_port(struct tool_port *port, const char *text)
{
	const char *colon = strrchr(text, ':');

	port->text = text;
	port->netns = NULL;
	port->name = text;
	if (colon) {
		port->netns = require_memory(strndup(text, colon - text));
		port->name = colon + 1;
		if (!*port->netns)
			tool_misused("'%s' names no network namespace before its colon", text);
	}
	if (!*port->name || strlen(port->name) >= FRAMEIO_NAMESIZE || strchr(port->name, '/'))
		tool_misused("'%s' is no interface name: one has 1 to %d characters and no slash",
			     port->name, FRAMEIO_NAMESIZE - 1);
}

unsigned int tool_parse_address(const char **text, unsigned char *address, unsigned int most)
{
	const char *at = *text;
	unsigned int n = 0;

	do {
		if (n == most || !isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]))
			return 0;
		sscanf(at, "%2hhx", &address[n++]);
		at += 2;
	} while (*at++ == ':');
	*text = at - 1;
	return n;
}

int tool_open_netns(const char *netns)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_CLOEXEC);
}

const char *tool_explain(int error)
{
	switch (error) {
	case ENOENT:
		return "the frameio module is not loaded ('modprobe frameio' loads it), or there "
		       "is no network namespace of that name, if one was given ('ip netns')";
	case ENODEV:
		return "there is no such interface: 'ip link' lists them";
	case EOPNOTSUPP:
		return "the interface is no frameio port: "
		       "'ip link add NAME type frameio' makes one";
	case EACCES:
	case EPERM:
		return "not permitted: only root, the port's owner and its group may";
	case EBUSY:
		return "all its queue pairs are in use: 'frameio show' tells by whom";
	case ENETDOWN:
		return "the interface is down: try 'ip link set NAME up'";
	default:
		return strerror(error);
	}
}

/* Why an interface that is no port cannot be made one. */
static const char *explain_attaching(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "not permitted: it is no port yet, and making it one takes root, or "
		       "CAP_NET_ADMIN in its network namespace";
	case EBUSY:
		return "a bridge, a bond, a macvlan or the like takes what it receives already: "
		       "'ip -d link' tells which";
	case EOPNOTSUPP:
		return "it is neither a frameio port nor an Ethernet interface that can become one";
	default:
		return tool_explain(error);
	}
}

int tool_open_port(const struct tool_port *port, const struct frameio_port_config *attach,
		   struct frameio_qp **qp, const char **why)
{
	int err = frameio_open(qp, port->netns, port->name, FRAMEIO_QUEUE_ANY);

	*why = tool_explain(-err);
	if (err != -EOPNOTSUPP || !attach)
		return err;
	err = frameio_attach(qp, port->netns, attach);
	*why = explain_attaching(-err);
	return err ? err : 1;
}

/* --- signals, events and time ---------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
	interrupted++;
}

void tool_catch_signal(int sig, void (*handler)(int sig))
{
	const struct sigaction action = { .sa_handler = handler };
	sigset_t caught;

	if (!catching)
		sigprocmask(SIG_BLOCK, NULL, &unblocked);
	catching = true;
	sigemptyset(&caught);
	sigaddset(&caught, sig);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	sigdelset(&unblocked, sig);
	sigaction(sig, &action, NULL);
}

void tool_catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction before;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaction(signals[i], NULL, &before);
		/* ignored by nohup(1), say */
		if (before.sa_handler != SIG_IGN)
			tool_catch_signal(signals[i], on_signal);
	}
}

bool tool_interrupted(void)
{
	static const struct timespec now;

	/* where a file is ready at once, ppoll(2) delivers no signal */
	if (catching)
		ppoll(NULL, 0, &now, &unblocked);
	return interrupted;
}

int tool_make_event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		tool_die(TOOL_FAILED, "cannot make an eventfd: %s", strerror(errno));
	return fd;
}

void tool_signal_event(int fd)
{
	/* EAGAIN: the other side has been told often enough */
	if (eventfd_write(fd, 1) && errno != EAGAIN)
		tool_die(TOOL_FAILED, "cannot write to an eventfd: %s", strerror(errno));
}

uint64_t tool_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

double tool_now(void)
{
	return tool_clock(CLOCK_MONOTONIC) / 1e9;
}

int tool_poll(struct pollfd *fds, unsigned int n, double until)
{
	double left = until - tool_now();
	struct timespec time;
	int ready;

	if (left < 0)
		left = 0;
	time.tv_sec = left;
	time.tv_nsec = (left - time.tv_sec) * 1e9;
	ready = ppoll(fds, n, until ? &time : NULL, catching ? &unblocked : NULL);
	if (ready < 0 && errno != EINTR)
		tool_die(TOOL_FAILED, "cannot wait: %s", strerror(errno));
	return ready;
}

bool tool_wait(int fd, double until)
{
	struct pollfd fds[] = { { .fd = STDOUT_FILENO }, { .fd = fd, .events = POLLIN } };

	tool_poll(fds, 2, until);
	return !tool_interrupted() && !(fds[0].revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* --- texts that others chose ----------------------------------------- */

/* Bytes of the well-formed, printable UTF-8 sequence that a text starts with; 0: none. */
static size_t printable(const unsigned char *text)
{
	static const unsigned int least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	unsigned int code;
	size_t len, i;

	if (text[0] < 0x80)
		return text[0] >= ' ' && text[0] != 0x7f;
	len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	code = text[0] & (0xff >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return len;
}

char *tool_clean(char *to, size_t size, const char *from)
{
	char *out = to;
	size_t len;

	for (; *from && size > 1; out += len, from += len, size -= len) {
		len = printable((const unsigned char *)from);
		if (!len) {
			*out = '?';
			len = 1;
			continue;
		}
		if (len >= size)
			break;
		memcpy(out, from, len);
	}
	*out = '\0';
	return to;
}

char *tool_utf8(const char *from)
{
	char *to = tool_allocate(4 * strlen(from) + 1, 1), *out = to;
	size_t len;

	for (; *from; out += len) {
		len = (unsigned char)*from < ' ' ? 1 : printable((const unsigned char *)from);
		if (len) {
			memcpy(out, from, len);
			from += len;
		} else {
			len = sprintf(out, "\\x%02x", (unsigned char)*from++);
		}
	}
	return to;
}
