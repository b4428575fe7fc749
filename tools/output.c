/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "output.h"
#include "tool.h"

static bool is_row(const struct output *output)
{
	return output->size || output->seconds;
}

/* The file has ended with an error, or none: a reader that has gone wants no more. */
static bool succeed(struct output *output, int err)
{
	if (!err)
		return true;
	output->is_open = false;
	output->failed = output->failed || err != -EPIPE;
	if (err == -ETIMEDOUT)
		tool_warn("the reader of %s takes nothing any more: what it has may end within "
			  "a frame", output->name);
	else if (err != -EPIPE)
		tool_warn("cannot write to %s: %s", output->name, strerror(-err));
	return false;
}

/* The name of the file that is begun now. */
static bool name_file(struct output *output)
{
	const char *slash = strrchr(output->path, '/');
	const char *suffix = strrchr(slash ? slash : output->path, '.');
	const time_t now = time(NULL);
	int stem, len;
	char when[16];

	if (!is_row(output)) {
		len = snprintf(output->name, sizeof(output->name), "%s",
			       strcmp(output->path, "-") ? output->path : "standard output");
	} else {
		/* a name that only begins with a dot has no suffix */
		if (!suffix || suffix == output->path || suffix[-1] == '/')
			suffix = "";
		stem = strlen(output->path) - strlen(suffix);
		strftime(when, sizeof(when), "%Y%m%d%H%M%S", localtime(&now));
		len = snprintf(output->name, sizeof(output->name), "%.*s_%05u_%s%s", stem,
			       output->path, output->number + 1, when, suffix);
	}
	return len < (int)sizeof(output->name);
}

/* In place of the file that is too old now. */
static bool keep_name(struct output *output)
{
	char **kept = &output->kept[output->number % output->keep];

	if (*kept && unlink(*kept) && errno != ENOENT)
		tool_warn("cannot remove '%s': %s", *kept, strerror(errno));
	free(*kept);
	*kept = strdup(output->name);
	return *kept;
}

static int open_file(const struct output *output)
{
	if (!output->path)
		return -1;
	if (!strcmp(output->path, "-"))
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(output->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

static bool begin_file(struct output *output)
{
	int fd, err;

	if (output->path && !name_file(output))
		return succeed(output, -ENAMETOOLONG);
	if (output->keep && !keep_name(output))
		return succeed(output, -ENOMEM);
	fd = open_file(output);
	if (fd < 0 && output->path)
		return succeed(output, -errno);
	err = savefile_begin(&output->savefile, fd);
	output->is_open = !err;
	output->has_frames = false;
	output->number++;
	output->ends = tool_now() + output->seconds;
	return succeed(output, err);
}

bool output_begin(struct output *output)
{
	if (output->keep) {
		output->kept = calloc(output->keep, sizeof(*output->kept));
		if (!output->kept)
			return succeed(output, -ENOMEM);
	}
	/* so that a capture without a frame leaves a file, too */
	return begin_file(output) && output_flush(output);
}

static bool end_file(struct output *output)
{
	output->refresh();
	output->is_open = false;
	return succeed(output, savefile_end(&output->savefile));
}

bool output_append(struct output *output, const struct savefile_frame *frame)
{
	if (output->is_open && output->size && output->has_frames &&
	    savefile_size_with(&output->savefile, frame) > output->size && !end_file(output))
		return false;
	if (!output->is_open && !begin_file(output))
		return false;
	output->has_frames = true;
	return succeed(output, savefile_append(&output->savefile, frame));
}

bool output_flush(struct output *output)
{
	return !output->is_open || succeed(output, savefile_flush(&output->savefile));
}

bool output_end_in_time(struct output *output)
{
	if (!output->seconds || !output->is_open || tool_now() < output->ends)
		return true;
	return end_file(output);
}

bool output_end(struct output *output)
{
	return !output->is_open || end_file(output);
}

void output_free(struct output *output)
{
	unsigned int i;

	for (i = 0; output->kept && i < output->keep; i++)
		free(output->kept[i]);
	free(output->kept);
	savefile_free(&output->savefile);
}
