/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What must be true of the kernel between programs. Each function returns false,
 * and says by execute_found() what is wrong.
 */
#ifndef FRAMEIO_FUZZ_WATCH_H
#define FRAMEIO_FUZZ_WATCH_H

#include <stdbool.h>

#include "execute.h"

/* Namespaces, and two ports of our own: the canary, and one that packets are routed to. */
void watch_init(int netns[EXECUTE_NETNS]);

/* The kernel's log has no report since the last look. */
bool watch_log(void);

/* The canary moves a frame both ways, byte for byte. */
bool watch_canary(void);

/* Delete the ports that a program left; those that should have gone by themselves did. */
bool watch_leftovers(void);

/* At the end: the module can be removed, and has left no memory behind. */
bool watch_end(void);

#endif
