/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The plot of a run: gnuplot draws it, and what it draws is written here, so that a disk
 * that is full is noticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

/* Is there a program of that name? */
static bool is_installed(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *rest = copy, *directory;
	bool found = false;
	char file[4096];

	if (!copy)
		tool_die(TOOL_FAILED, "out of memory");
	while (!found && (directory = strsep(&rest, ":"))) {
		snprintf(file, sizeof(file), "%s/%s", *directory ? directory : ".", name);
		found = !access(file, X_OK);
	}
	free(copy);
	return found;
}

void report_require_plot(const char *path)
{
	const size_t len = strlen(path);
	int fd;

	if (len < 5 || strcmp(path + len - 4, ".svg"))
		tool_misused("--plot writes SVG: give it a name that ends in .svg, not '%s'", path);
	if (!is_installed("gnuplot"))
		tool_die(TOOL_FAILED, "cannot plot: there is no gnuplot; the Debian package "
			 "gnuplot-nox has it");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		tool_die(TOOL_FAILED, "cannot write the plot '%s': %s", path, strerror(errno));
	close(fd);
}

/* The text of a title, which gnuplot is not to take apart: without quotes and controls. */
static void put_title(FILE *script, const char *text)
{
	for (; *text; text++)
		fputc(strchr("'\\\n\r", *text) ? '?' : *text, script);
}

static void put_latency(FILE *script, const struct report *report)
{
	size_t i;

	fputs("$latency << END\n", script);
	for (i = 0; i < report->nsamples; i++) {
		const struct sample *sample = &report->samples[i];

		if (sample->frames && sample->latency_p50)
			fprintf(script, "%f %f %f %f %f\n", sample->at, sample->latency_p50 / 1e3,
				sample->latency_p99 / 1e3, sample->latency_p999 / 1e3,
				sample->latency_most / 1e3);
		else
			fputs("\n", script);
	}
	fputs("END\n"
	      "set ylabel 'latency (us)'\n"
	      "set logscale y\n"
	      "set yrange [*:*]\n"
	      "plot $latency using 1:2 with linespoints title 'p50', "
	      "'' using 1:3 with linespoints title 'p99', "
	      "'' using 1:4 with linespoints title 'p99.9', "
	      "'' using 1:5 with linespoints title 'max'\n", script);
}

static void put_script(FILE *script, const struct report *report, bool latency)
{
	const struct run *run = report->run;
	size_t i;

	fputs("$rate << END\n", script);
	for (i = 0; i < report->nsamples; i++) {
		const struct sample *sample = &report->samples[i];
		const double bytes = sample->bytes + (double)sample->frames * run->overhead;
		const double seconds = sample->seconds > 0 ? sample->seconds : 1;

		fprintf(script, "%f %f %f\n", sample->at, sample->frames / seconds / 1e3,
			8 * bytes / seconds / 1e6);
	}
	fprintf(script, "END\n"
		"set terminal svg size 900,%d dynamic noenhanced background rgb 'white'\n"
		"set multiplot layout %d,1 title '", latency ? 800 : 450, latency ? 2 : 1);
	put_title(script, run->io.receive ? "framegen rx " : "framegen tx ");
	put_title(script, run->io.port.text);
	fprintf(script, ", %s'\n"
		"set grid\n"
		"set key outside right top\n"
		"set xlabel 'time (s)'\n"
		"set lmargin 12\n"
		"set rmargin 24\n"
		"set xrange [0:%f]\n"
		"set ylabel 'rate (kframes/s)'\n"
		"set y2label 'rate (Mbit/s)'\n"
		"set ytics nomirror\n"
		"set y2tics\n"
		"set yrange [0:*]\n"
		"set y2range [0:*]\n"
		"plot $rate using 1:2 with linespoints title 'frames', "
		"'' using 1:3 axes x1y2 with linespoints title 'bits'\n"
		"unset y2label\n"
		"unset y2tics\n", run->io.way->name, report->samples[report->nsamples - 1].at);
	if (latency)
		put_latency(script, report);
	fputs("unset multiplot\n", script);
}

/* The script in a file that has no name, at its beginning; or -1. */
static int write_script(const struct report *report, bool latency)
{
	const int fd = memfd_create("framegen plot", MFD_CLOEXEC);
	FILE *script = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
	bool good;

	if (!script)
		return -1;
	put_script(script, report, latency);
	good = !ferror(script);
	if (fclose(script) || !good || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Start gnuplot. Return: a pipe that its drawing comes out of, or -1. */
static int start_gnuplot(int script, pid_t *pid)
{
	char *const arguments[] = { "gnuplot", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, script, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (!err)
		return ends[0];
	close(ends[0]);
	errno = err;
	return -1;
}

/* Return: bytes copied, or -1 and errno. */
static ssize_t copy(int from, FILE *to)
{
	ssize_t total = 0, n;
	char bytes[4096];

	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		total += n;
		if (fwrite(bytes, 1, n, to) < (size_t)n)
			return -1;
	}
	return n < 0 ? n : total;
}

bool report_plot(const struct report *report, const char *path)
{
	const bool latency = report->run->io.receive && report->latency.count;
	const int script = write_script(report, latency);
	FILE *file = fopen(path, "we");
	ssize_t bytes = -1;
	int drawing = -1, status = 0, error;
	pid_t pid;

	if (script >= 0 && file)
		drawing = start_gnuplot(script, &pid);
	if (drawing >= 0)
		bytes = copy(drawing, file);
	error = errno;
	if (drawing >= 0) {
		close(drawing);
		waitpid(pid, &status, 0);
	}
	if (script >= 0)
		close(script);
	if (file && fclose(file) && bytes >= 0) {
		error = errno;
		bytes = -1;
	}
	if (bytes > 0 && !status)
		return true;
	tool_warn("cannot write the plot '%s': %s", path,
		  bytes < 0 ? strerror(error) : "gnuplot failed");
	return false;
}
