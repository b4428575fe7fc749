/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#ifndef LIBFRAMEIO_INTERNAL_H
#define LIBFRAMEIO_INTERNAL_H

/* What the public header declares is what the library shows. */
#pragma GCC visibility push(default)
#include "libframeio.h"
#pragma GCC visibility pop

#define FRAMEIO_CONTROL_NODE	"/dev/frameio/control"

struct frameio_qp {
	int fd;
};

/*
 * frameio_in_netns() - do something as a thread of a network namespace
 * @netns: which, as for frameio_create(); NULL: in this thread
 * @function: what; returns >= 0 or a negative errno
 * @argument: for it
 *
 * A thread of its own enters the namespace, so that the caller's never leaves
 * its own, not even for a moment or after an error.
 *
 * Return: what the function returned, or why it was not called.
 */
int frameio_in_netns(const char *netns, int (*function)(void *argument), void *argument);

/* ioctl(2) that returns -errno. */
int frameio_ioctl(int fd, unsigned long request, void *argument);

#endif
