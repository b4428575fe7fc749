/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "counters.h"
#include "nic.h"
#include "tool.h"

/*
 * Some kernels write as many counters as the interface has at that time, whatever
 * memory they were given, and the name may have come to be another interface's since
 * it was asked how many that is. So there is room for far more than any has.
 */
#define ROOM	65536

static int call(int fd, const char *interface, void *argument)
{
	struct ifreq request = { .ifr_data = argument };

	strcpy(request.ifr_name, interface);
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* How many counters there are, or a negative errno. */
static int read_count(int fd, const char *interface)
{
	union {
		struct ethtool_sset_info info;
		char space[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
	} request = {
		.info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_STATS },
	};
	int err = call(fd, interface, &request);

	if (err)
		return err;
	/* another interface has the name now, and it counts nothing */
	if (!request.info.sset_mask || !request.info.data[0] || request.info.data[0] > ROOM)
		return -ENODEV;
	return request.info.data[0];
}

static int read_names(int fd, const char *interface, int count, struct ethtool_gstrings *names)
{
	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count,
	};
	return call(fd, interface, names);
}

static int read_values(int fd, const char *interface, int count, struct ethtool_stats *values)
{
	*values = (struct ethtool_stats){ .cmd = ETHTOOL_GSTATS, .n_stats = count };
	return call(fd, interface, values);
}

/* Take "read_frames_vector" apart. */
static bool understand(const char *text, struct counter *counter)
{
	static const struct {
		const char *prefix;
		enum counter_family family;
	} families[] = {
		{ "frames_", COUNTER_FRAMES },
		{ "calls_", COUNTER_CALLS },
		{ "drop_", COUNTER_DROPS },
		{ "", COUNTER_SINGLE },
	};
	int i = 0;

	if (!strncmp(text, "read_", 5))
		counter->side = COUNTER_READ;
	else if (!strncmp(text, "write_", 6))
		counter->side = COUNTER_WRITE;
	else
		return false;
	text = strchr(text, '_') + 1;
	while (strncmp(text, families[i].prefix, strlen(families[i].prefix)))
		i++;
	counter->family = families[i].family;
	snprintf(counter->name, sizeof(counter->name), "%s", text + strlen(families[i].prefix));
	return true;
}

static bool is_same(const struct counter *a, const struct counter *b)
{
	return a->side == b->side && a->family == b->family && !strcmp(a->name, b->name);
}

/* Put a counter in its place; one that no port has is left out. */
static void put(struct counters *counters, uint32_t queue, const char *name, uint64_t value)
{
	struct counter counter;
	unsigned int i = 0;

	if (!understand(name, &counter))
		return;
	while (i < counters->ncounters && !is_same(&counters->counters[i], &counter))
		i++;
	if (i == COUNTERS_MAX)
		return;
	if (i == counters->ncounters)
		counters->counters[counters->ncounters++] = counter;
	counters->values[queue][i] = value;
	if (queue >= counters->nqueues)
		counters->nqueues = queue + 1;
	if (value)
		counters->shown[queue] = true;
}

/* "q0_read_frames_vector", as ethtool has it. */
static void take(struct counters *counters, const char *text, uint64_t value)
{
	unsigned int queue;
	int end = 0;

	if (sscanf(text, "q%u_%n", &queue, &end) == 1 && end && queue < FRAMEIO_NQUEUES_MAX)
		put(counters, queue, text + end, value);
}

static int read_all(int fd, struct counters *counters, struct ethtool_gstrings *names,
		    struct ethtool_stats *values)
{
	const int count = read_count(fd, counters->interface);
	char text[ETH_GSTRING_LEN + 1] = "";
	uint32_t i;
	int err;

	if (count < 0)
		return count;
	err = read_names(fd, counters->interface, count, names);
	if (!err)
		err = read_values(fd, counters->interface, count, values);
	if (err)
		return err;
	counters->when = tool_now();
	for (i = 0; i < names->len && i < values->n_stats && i < (uint32_t)count; i++) {
		memcpy(text, names->data + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		take(counters, text, values->data[i]);
	}
	/* what was read is another interface's */
	return counters->ncounters ? 0 : -ENODEV;
}

/* Ethtool goes by the name. Is that still the port's, or was another interface read? */
static bool has_name(int fd, const struct counters *counters)
{
	struct ifreq request = { .ifr_ifindex = 0 };

	strcpy(request.ifr_name, counters->interface);
	return !ioctl(fd, SIOCGIFINDEX, &request) && request.ifr_ifindex == counters->ifindex;
}

static int read_by_ethtool(struct counters *counters)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* memory that is not touched costs nothing, and the kernel says how much it filled */
	struct ethtool_gstrings *names = malloc(sizeof(*names) + ROOM * ETH_GSTRING_LEN);
	struct ethtool_stats *values = malloc(sizeof(*values) + ROOM * sizeof(uint64_t));
	int ret = -ENOMEM;

	if (fd < 0)
		ret = -errno;
	else if (names && values)
		ret = read_all(fd, counters, names, values);
	if (fd >= 0 && !has_name(fd, counters))
		ret = -ENODEV;
	free(names);
	free(values);
	if (fd >= 0)
		close(fd);
	return ret;
}

#define STAT(name) { #name, offsetof(struct frameio_stats, fs_##name) }
#define STATS_OF_MODES(name)								\
	{ #name "_single", offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_SINGLE]) },	\
	{ #name "_vector", offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_VECTOR]) },	\
	{ #name "_frameio", offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_FRAMEIO]) },	\
	{ #name "_packed", offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_PACKED]) },	\
	{ #name "_ring", offsetof(struct frameio_stats, fs_##name[FRAMEIO_MODE_RING]) }

static const struct {
	const char *name;
	size_t offset;
} stats_names[] = {
	STAT(read_queued), STAT(read_queued_bytes), STAT(read_stops), STAT(read_wakes),
	STAT(read_drop_closed), STAT(read_drop_invalid), STAT(read_drop_nomem),
	STAT(read_drop_full), STATS_OF_MODES(read_frames), STATS_OF_MODES(read_calls),
	STAT(read_bytes), STAT(read_errors), STATS_OF_MODES(write_frames),
	STATS_OF_MODES(write_calls), STAT(write_bytes), STAT(write_errors), STAT(write_stalls),
	STAT(write_received), STAT(write_received_bytes), STAT(write_drop_closed),
	STAT(write_drop_invalid),
};

static int read_by_queue_pair(const struct link *link, struct counters *counters)
{
	struct frameio_stats stats;
	uint32_t queue;
	size_t i;
	int err;

	for (queue = 0; queue < link->nqueues && queue < FRAMEIO_NQUEUES_MAX; queue++) {
		err = nic_get_stats(link, queue, &stats);
		if (err)
			return err;
		for (i = 0; i < sizeof(stats_names) / sizeof(*stats_names); i++)
			put(counters, queue, stats_names[i].name,
			    *(const uint64_t *)((const char *)&stats + stats_names[i].offset));
	}
	counters->when = tool_now();
	return nic_has_name(link) ? 0 : -ENODEV;
}

int counters_read(const struct link *link, struct counters *counters)
{
	uint32_t i;

	memset(counters, 0, sizeof(*counters));
	strcpy(counters->interface, link->name);
	counters->ifindex = link->ifindex;
	counters->port = link->port;
	for (i = 0; i < link->nqueues && i < FRAMEIO_NQUEUES_MAX; i++)
		counters->shown[i] = true;
	return link->port == LINK_NIC_PORT ? read_by_queue_pair(link, counters) :
					     read_by_ethtool(counters);
}

bool counters_since(const struct counters *before, const struct counters *now,
		    struct counters *since)
{
	uint32_t queue;
	unsigned int i;

	if (before->ncounters != now->ncounters || now->when <= before->when)
		return false;
	*since = *now;
	since->when = now->when - before->when;
	for (queue = 0; queue < now->nqueues; queue++)
		for (i = 0; i < now->ncounters; i++) {
			/* another port by the same number */
			if (!is_same(&before->counters[i], &now->counters[i]) ||
			    before->values[queue][i] > now->values[queue][i])
				return false;
			since->values[queue][i] -= before->values[queue][i];
		}
	return true;
}

void counters_total(const struct counters *counters, uint64_t total[COUNTERS_MAX])
{
	uint32_t queue;
	unsigned int i;

	memset(total, 0, COUNTERS_MAX * sizeof(*total));
	for (queue = 0; queue < counters->nqueues; queue++)
		for (i = 0; i < counters->ncounters; i++)
			total[i] += counters->values[queue][i];
}

uint64_t counters_sum(const struct counters *counters, const uint64_t row[COUNTERS_MAX],
		      enum counter_side side, enum counter_family family, const char *name)
{
	const struct counter *counter = counters->counters;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < counters->ncounters; i++, counter++)
		if (counter->side == side && counter->family == family &&
		    (!name || !strcmp(counter->name, name)))
			sum += row[i];
	return sum;
}

const char *counters_side_name(enum counter_side side)
{
	return side == COUNTER_READ ? "read" : "write";
}

const char *counters_family_name(enum counter_family family)
{
	static const char *const names[] = {
		[COUNTER_FRAMES] = "frames",
		[COUNTER_CALLS] = "calls",
		[COUNTER_DROPS] = "drops",
	};

	return names[family];
}
