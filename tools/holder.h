/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Who holds a queue pair: the processes with a file that is bound to it.
 */
#ifndef FRAMEIO_HOLDER_H
#define FRAMEIO_HOLDER_H

#include <stdint.h>
#include <sys/types.h>

struct holder {
	int ifindex;
	uint32_t queue;
	pid_t pid;
	uid_t user;
	char command[64];	/* cleaned */
};

/*
 * Those that hold a port of this network namespace and that /proc lets the caller
 * see, by their process numbers, in an array to be freed. Returns how many.
 */
int holder_list(struct holder **holders);

#endif
