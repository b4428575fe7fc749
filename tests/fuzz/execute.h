/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Running a program, and judging what each call returns.
 */
#ifndef FRAMEIO_FUZZ_EXECUTE_H
#define FRAMEIO_FUZZ_EXECUTE_H

#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* The thread that runs the program, and those that make its asynchronous calls. */
#define EXECUTE_THREADS		5
#define EXECUTE_NETNS		3

/* What the process that runs a program tells the one that started it. */
struct report {
	_Atomic unsigned int ncalls;
	_Atomic unsigned int found;
	_Atomic bool packed;	/* a file of the program's may be in packed mode */
	char text[512];
};

/* Once, in the parent. @netns: the initial one, and two more. */
void execute_init(const int netns[EXECUTE_NETNS], struct report *report);

/* In a process of its own. */
void execute_run(const struct program *program);

/* Note that something is not as it must be; the first such counts. */
void execute_found(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
