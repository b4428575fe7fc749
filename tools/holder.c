/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holder.h"
#include "tool.h"

struct list {
	struct holder *holders;
	int count;
	uintmax_t netns;	/* whose ports are looked for */
};

/* The start of a file under a directory, as a string; false if there is none. */
static bool read_file(int dir, const char *name, char *to, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, to, size - 1);
	close(fd);
	if (len < 0)
		return false;
	to[len] = '\0';
	return true;
}

/* A number of fdinfo that follows its name. */
static bool find_number(const char *text, const char *name, uintmax_t *number)
{
	const char *at = strstr(text, name);

	return at && sscanf(at + strlen(name), "%ju", number) == 1;
}

static void add_holder(struct list *list, int process, pid_t pid, int ifindex, uint32_t queue)
{
	struct holder *holder;
	struct stat owner;
	char command[64];
	int i;

	/* one more descriptor of the same process */
	for (i = list->count; i && list->holders[i - 1].pid == pid; i--)
		if (list->holders[i - 1].ifindex == ifindex && list->holders[i - 1].queue == queue)
			return;
	list->holders = tool_grow(list->holders, list->count, sizeof(*holder));
	holder = &list->holders[list->count++];
	*holder = (struct holder){ .ifindex = ifindex, .queue = queue, .pid = pid };
	if (!fstat(process, &owner))
		holder->user = owner.st_uid;
	if (!read_file(process, "comm", command, sizeof(command)))
		command[0] = '\0';
	command[strcspn(command, "\n")] = '\0';
	tool_clean(holder->command, sizeof(holder->command), command);
}

/* The files of a process. What is bound says so after what every file has, locks among it. */
static void look_at_process(struct list *list, int process, pid_t pid)
{
	int fd = openat(process, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	uintmax_t netns, ifindex, queue;
	const struct dirent *entry;
	char text[16384];

	if (!files) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(files)))
		if (isdigit((unsigned char)*entry->d_name) &&
		    read_file(fd, entry->d_name, text, sizeof(text)) &&
		    find_number(text, "\nframeio-netns:\t", &netns) && netns == list->netns &&
		    find_number(text, "\nframeio-ifindex:\t", &ifindex) &&
		    find_number(text, "\nframeio-queue:\t", &queue))
			add_holder(list, process, pid, ifindex, queue);
	closedir(files);
}

static int compare_holders(const void *left, const void *right)
{
	const struct holder *a = left, *b = right;

	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

int holder_list(struct holder **holders)
{
	struct list list = { .count = 0 };
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	struct stat self;
	int process;

	*holders = NULL;
	if (!processes)
		return 0;
	if (stat("/proc/self/ns/net", &self)) {
		closedir(processes);
		return 0;
	}
	list.netns = self.st_ino;
	while ((entry = readdir(processes))) {
		/* a file that a shell left open to us is the shell's */
		if (!isdigit((unsigned char)*entry->d_name) || atoi(entry->d_name) == getpid())
			continue;
		process = openat(dirfd(processes), entry->d_name,
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		look_at_process(&list, process, atoi(entry->d_name));
		close(process);
	}
	closedir(processes);
	if (list.count)
		qsort(list.holders, list.count, sizeof(*list.holders), compare_holders);
	*holders = list.holders;
	return list.count;
}
