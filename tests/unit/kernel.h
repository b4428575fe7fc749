/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A stand-in for the kernel, and for the memory allocator: the unit tests are
 * linked so that the library's calls of open(2), close(2), ioctl(2), poll(2),
 * mmap(2), setns(2), pthread_create(3) and malloc(3) come here. What is not about
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

/* A ring that is mapped, as the kernel sees it; its own counter is the test's to keep. */
struct kernel_ring {
	struct frameio_ring_page *page;	/* NULL: not mapped */
	unsigned char *area;
	uint32_t size;
};

/* What was called, and what to answer; all zero: all goes well. */
struct kernel {
	/* what shall fail, with which errno */
	int open_error;		/* of the control node */
	int setns_error;
	int thread_error;	/* of pthread_create() */
	int ioctl_error;
	int poll_error;
	int mmap_error;
	int mmap_countdown;	/* the so many-th mapping that fails with it; 0: all */
	int alloc_countdown;	/* the so many-th allocation from now on; 0: none */

	/* what an ioctl does to its argument; returns 0 or an errno */
	int (*answer)(unsigned long request, void *argument);
	short poll_revents;
	/* if set: what poll(2) does, and returns in revents; timeout_ms as for poll(2) */
	short (*poll)(short events, int timeout_ms);

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

	unsigned int npolls;

	/* what is held: files opened, memory allocated and mapped, and not given back */
	int nfiles;
	int nblocks;
	int nmaps;
	struct kernel_ring read_ring;
	struct kernel_ring write_ring;
};
extern struct kernel kernel;

/* Between these memory is counted, and may fail: calls of the library only, no assertions. */
void kernel_watch_memory(void);
void kernel_unwatch_memory(void);

/* Run the suite, each test in a process of its own; the exit status for main(). */
int kernel_run(Suite *suite);

#endif
