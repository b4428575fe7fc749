/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct netns_call {
	int netns;
	int (*function)(void *argument);
	void *argument;
	int ret;
};

static void *netns_thread(void *argument)
{
	struct netns_call *call = argument;

	call->ret = setns(call->netns, CLONE_NEWNET) ? -errno : call->function(call->argument);
	return NULL;
}

static int netns_open(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	if (!*netns)
		return -EINVAL;
	if (strchr(netns, '/'))
		fd = open(netns, O_RDONLY | O_CLOEXEC);
	else if (snprintf(path, sizeof(path), "/run/netns/%s", netns) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	else
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The thread takes no signal: they are for the program's own. */
static int netns_run(struct netns_call *call)
{
	sigset_t all, old;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, NULL, netns_thread, call);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return call->ret;
}

int frameio_in_netns(const char *netns, int (*function)(void *argument), void *argument)
{
	struct netns_call call = { .function = function, .argument = argument };
	int ret;

	if (!netns)
		return function(argument);
	call.netns = netns_open(netns);
	if (call.netns < 0)
		return call.netns;
	ret = netns_run(&call);
	close(call.netns);
	return ret;
}
