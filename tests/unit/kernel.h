/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A stand-in for the kernel, and for the memory allocator: the unit tests are
 * linked so that the library's calls of open(2), close(2), ioctl(2), poll(2),
 * setns(2), pthread_create(3) and malloc(3) come here. What is not about
 * frameio is passed on.
 */
#ifndef FRAMEIO_UNIT_KERNEL_H
#define FRAMEIO_UNIT_KERNEL_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <libframeio/libframeio.h>

/* The one network namespace there is, and its other name. */
#define KERNEL_NETNS		"blue"
#define KERNEL_NETNS_PATH	"/run/netns/blue"

/* What was called, and what to answer; all zero: all goes well. */
struct kernel {
	/* what shall fail, with which errno */
	int open_error;		/* of the control node */
	int setns_error;
	int thread_error;	/* of pthread_create() */
	int ioctl_error;
	int poll_error;
	int alloc_countdown;	/* the so many-th allocation from now on; 0: none */

	/* what an ioctl does to its argument; returns 0 or an errno */
	int (*answer)(unsigned long request, void *argument);
	short poll_revents;

	/* what was called */
	unsigned int ncontrols;	/* opens of the control node */
	int control_flags;
	int control_fd;
	unsigned int nsetns;
	pid_t setns_thread;
	unsigned int nioctls;
	unsigned long request;	/* of the last ioctl */
	int ioctl_fd;
	pid_t ioctl_thread;
	int poll_fd;
	short poll_events;
	int poll_timeout;

	/* what is held: files opened and memory allocated, and not given back */
	int nfiles;
	int nblocks;
};
extern struct kernel kernel;

/* Between these memory is counted, and may fail: calls of the library only, no assertions. */
void kernel_watch_memory(void);
void kernel_unwatch_memory(void);

/* Run the suite, each test in a process of its own; the exit status for main(). */
int kernel_run(Suite *suite);

#endif
