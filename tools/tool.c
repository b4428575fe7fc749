/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

const char *tool_name;

static volatile sig_atomic_t interrupted;

/* Signals are caught, and delivered in ppoll() with this mask. */
static bool catching;
static sigset_t unblocked;

/* Why the first write to standard output failed that did; 0: none. */
static int output_error;

/* Whoever ends us does not wait for a reader that takes nothing. */
static ssize_t write_some(const char *bytes, size_t len)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (!catching)
		return write(STDOUT_FILENO, bytes, len);
	if (ppoll(&output, 1, NULL, &unblocked) < 0) {
		if (errno == EINTR)
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

void tool_start(const char *name)
{
	FILE *output = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_output });

	tool_name = name;
	if (!output)
		tool_die(TOOL_FAILED, "out of memory");
	fill_descriptors();
	setvbuf(output, NULL, _IOFBF, BUFSIZ);
	stdout = output;
}

static void print_message(const char *format, va_list args)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", tool_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void tool_die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	exit(status);
}

void tool_misused(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	fprintf(stderr, "Try '%s --help'.\n", tool_name);
	exit(TOOL_MISUSED);
}

void tool_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
}

/* An interface's name has no colon, so the last one ends the namespace's. */
void tool_parse_port(struct tool_port *port, const char *text)
{
	const char *colon = strrchr(text, ':');

	port->text = text;
	port->netns = NULL;
	port->name = text;
	if (colon) {
		port->netns = strndup(text, colon - text);
		port->name = colon + 1;
		if (!port->netns)
			tool_die(TOOL_FAILED, "out of memory");
		if (!*port->netns)
			tool_misused("'%s' names no network namespace before its colon", text);
	}
	if (!*port->name || strlen(port->name) >= FRAMEIO_NAMESIZE || strchr(port->name, '/'))
		tool_misused("'%s' is no interface name: one has 1 to %d characters and no slash",
			     port->name, FRAMEIO_NAMESIZE - 1);
}

const char *tool_explain(int error)
{
	switch (error) {
	case ENOENT:
		return "the frameio module is not loaded, or there is no such network namespace: "
		       "try 'modprobe frameio', 'ip netns'";
	case ENODEV:
		return "there is no such interface: 'ip link' lists them";
	case EOPNOTSUPP:
		return "the interface is no frameio port: "
		       "'ip link add NAME type frameio' makes one";
	case EACCES:
	case EPERM:
		return "not permitted: only root, the port's owner and its group may";
	case EBUSY:
		return "all its queue pairs are in use";
	case ENETDOWN:
		return "the interface is down: try 'ip link set NAME up'";
	default:
		return strerror(error);
	}
}

struct frameio_qp *tool_open_port(const struct tool_port *port)
{
	struct frameio_qp *qp;
	int err;

	err = frameio_open(&qp, port->netns, port->name, FRAMEIO_QUEUE_ANY);
	if (err)
		tool_die(TOOL_FAILED, "cannot open port '%s': %s", port->text, tool_explain(-err));
	return qp;
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

const void *tool_catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigaction before;
	sigset_t caught;
	size_t i;

	sigemptyset(&caught);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaction(signals[i], NULL, &before);
		/* by nohup(1), say */
		if (before.sa_handler == SIG_IGN)
			continue;
		sigaddset(&caught, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &caught, &unblocked);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigdelset(&unblocked, signals[i]);
	catching = true;
	return &unblocked;
}

bool tool_interrupted(void)
{
	return interrupted;
}

bool tool_wait(int fd, double seconds)
{
	struct pollfd fds[] = { { .fd = STDOUT_FILENO }, { .fd = fd, .events = POLLIN } };
	struct timespec time = { .tv_sec = seconds };

	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	if (ppoll(fds, 2, fd < 0 ? &time : NULL, &unblocked) < 0 && errno != EINTR)
		tool_die(TOOL_FAILED, "cannot wait: %s", strerror(errno));
	return !interrupted && !(fds[0].revents & (POLLERR | POLLHUP | POLLNVAL));
}

double tool_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
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

char *tool_utf8(char *to, size_t size, const char *from)
{
	char *out = to;
	size_t len;

	for (; *from && size > 4; out += len, size -= len) {
		len = (unsigned char)*from < ' ' ? 1 : printable((const unsigned char *)from);
		if (len) {
			memcpy(out, from, len);
			from += len;
		} else {
			len = sprintf(out, "\\x%02x", (unsigned char)*from++);
		}
	}
	*out = '\0';
	return to;
}

const char *tool_amount(char *to, double amount)
{
	static const char prefixes[] = " kMGTPE";
	int decimals, i = 0;

	while (amount >= 999.5 && prefixes[i + 1]) {
		amount /= 1000;
		i++;
	}
	decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
	if (i)
		snprintf(to, 16, "%.*f %c", decimals, amount, prefixes[i]);
	else if (amount && amount < 0.01)
		strcpy(to, "<0.01");
	else
		snprintf(to, 16, "%.*f", amount == (int)amount ? 0 : decimals, amount);
	return to;
}

void tool_print_version(void)
{
	printf("%s (frameio) %s\n", tool_name, frameio_version());
}
