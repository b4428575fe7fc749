/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char *tool_name;

static volatile sig_atomic_t interrupted;

/* Why the first write to standard output failed that did; 0: none. */
static int output_error;

/* stdio knows that a write failed, but not why when it is asked at the end. */
static ssize_t write_output(void *cookie, const char *bytes, size_t len)
{
	ssize_t written = output_error ? -1 : write(STDOUT_FILENO, bytes, len);

	(void)cookie;
	if (written >= 0)
		return written;
	if (!output_error)
		output_error = errno;
	return 0;
}

void tool_start(const char *name)
{
	FILE *output = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_output });

	tool_name = name;
	if (!output)
		tool_die(TOOL_FAILED, "out of memory");
	setvbuf(output, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
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
	struct sigaction action = { .sa_handler = on_signal };
	static sigset_t unblocked;
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigdelset(&unblocked, signals[i]);
	return &unblocked;
}

bool tool_interrupted(void)
{
	return interrupted;
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

const char *tool_amount(char *to, double amount)
{
	static const char prefixes[] = " kMGTPE";
	int i = 0;

	while (amount >= 999.5 && prefixes[i + 1]) {
		amount /= 1000;
		i++;
	}
	if (!i)
		snprintf(to, 16, "%.0f", amount);
	else
		snprintf(to, 16, "%.*f %c", amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0, amount,
			 prefixes[i]);
	return to;
}

void tool_print_version(void)
{
	printf("%s (frameio) %s\n", tool_name, frameio_version());
}
