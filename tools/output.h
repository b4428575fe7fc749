/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Where a capture is written: a file, standard output, or a row of files that each end
 * at a size or after a time, and of which the oldest are removed.
 *
 * The files of a row are named PATH_NNNNN_YYYYMMDDhhmmss.SUFFIX. A row's file is begun
 * by its first frame, but for the very first, so that none is empty.
 */
#ifndef FRAMEIO_OUTPUT_H
#define FRAMEIO_OUTPUT_H

#include <limits.h>
#include <stdbool.h>

#include "savefile.h"

/**
 * struct output - where frames are written
 * @path: a file's; "-": standard output; NULL: nowhere
 * @size: bytes that no file of the row exceeds, unless by its first frame; 0: any
 * @seconds: how long each of them is written to; 0: without end
 * @keep: how many of them are kept; 0: all
 * @refresh: brings the interfaces' counters up to date, before a file ends with them
 * @savefile: the file that is being written; its first part is set, too
 *
 * The caller sets what is above, and the functions the rest.
 */
struct output {
	const char *path;
	uint64_t size;
	double seconds;
	unsigned int keep;
	void (*refresh)(void);
	struct savefile savefile;

	char name[PATH_MAX];	/* the file's */
	char **kept;		/* names of the last files, at their numbers modulo @keep */
	unsigned int number;	/* files begun */
	bool is_open;
	bool failed;		/* something could not be written */
	bool has_frames;	/* the file */
	double ends;		/* when it does, by tool_now() */
};

/*
 * Begin. These return false where nothing more can be written: that has been told, but
 * for a reader of standard output that has gone.
 */
bool output_begin(struct output *output);
bool output_append(struct output *output, const struct savefile_frame *frame);
bool output_flush(struct output *output);

/* End the file whose time is over. */
bool output_end_in_time(struct output *output);

/* End the last file. */
bool output_end(struct output *output);

void output_free(struct output *output);

#endif
