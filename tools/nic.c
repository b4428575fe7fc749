/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <libframeio/libframeio.h>

#include "nic.h"

/* Put what the module tells of a port beside what rtnetlink told of its interface. */
static void complete(struct link *link, const struct frameio_info *info)
{
	link->port = LINK_NIC_PORT;
	link->flags = info->fi_flags;
	link->nqueues = info->fi_nqueues;
	link->nqueues_max = info->fi_nqueues_max;
	link->nopen = info->fi_nopen;
	link->read_limit = info->fi_read_limit;
	link->write_limit = info->fi_write_limit;
	link->read_bytes = info->fi_read_bytes;
	link->write_bytes = info->fi_write_bytes;
	link->owner = info->fi_owner;
	link->group = info->fi_group;
}

int nic_complete(struct link *link)
{
	struct frameio_info *infos;
	int i, count = frameio_list(NULL, &infos);

	for (i = 0; i < count; i++)
		if (infos[i].fi_ifindex == (uint32_t)link->ifindex &&
		    (infos[i].fi_flags & FRAMEIO_PORT_NIC))
			complete(link, &infos[i]);
	if (count < 0)
		return count;
	free(infos);
	return 0;
}

/* Add a port; one whose interface has gone meanwhile is none. */
static int add(struct link **links, int count, const struct frameio_info *info)
{
	struct link link, *more;
	int err = link_get_by_index(info->fi_ifindex, &link);

	if (err)
		return err == -ENODEV ? count : err;
	more = reallocarray(*links, count + 1, sizeof(link));
	if (!more)
		return -ENOMEM;
	complete(&link, info);
	more[count] = link;
	*links = more;
	return count + 1;
}

int nic_list(struct link **links, int count)
{
	struct frameio_info *infos;
	int i, ninfos = frameio_list(NULL, &infos);

	if (ninfos < 0)
		return ninfos;
	for (i = 0; i < ninfos && count >= 0; i++)
		if (infos[i].fi_flags & FRAMEIO_PORT_NIC)
			count = add(links, count, &infos[i]);
	free(infos);
	if (count > 0)
		qsort(*links, count, sizeof(**links), link_compare);
	return count;
}

/* How a queue pair was last used, in the words that rtnetlink has for it. */
static const char *mode_name(uint32_t mode)
{
	switch (mode) {
	case FRAMEIO_MODE_SINGLE:
	case FRAMEIO_MODE_VECTOR:
		return "readwrite";
	case FRAMEIO_MODE_FRAMEIO:
		return "frameio";
	case FRAMEIO_MODE_PACKED:
		return "packed";
	case FRAMEIO_MODE_RING:
		return "ring";
	case FRAMEIO_NMODES:
		return "none";
	default:
		return "other";
	}
}

bool nic_has_name(const struct link *link)
{
	return if_nametoindex(link->name) == (unsigned int)link->ifindex;
}

/* What is no port any more has gone, as a port. */
static int get_queue_pair(const struct link *link, uint32_t queue, struct frameio_queue_pair *pair)
{
	int err = frameio_get_queue_pair(NULL, link->name, queue, pair);

	return err == -EOPNOTSUPP || err == -EINVAL ? -ENODEV : err;
}

int nic_get_queues(struct link *link)
{
	struct frameio_queue_pair pair;
	struct link_queue *queue;
	uint32_t i;
	int err = 0;

	link->nrows = 0;
	for (i = 0; i < link->nqueues && i < FRAMEIO_NQUEUES_MAX && !err; i++) {
		err = get_queue_pair(link, i, &pair);
		queue = &link->queues[i];
		*queue = (struct link_queue) {
			.index = i,
			.open = pair.fp_open,
			.read_len = pair.fp_read_len,
			.read_limit = pair.fp_read_limit,
			.read_bytes = pair.fp_read_bytes,
			.write_len = pair.fp_write_len,
			.write_limit = pair.fp_write_limit,
			.write_bytes = pair.fp_write_bytes,
			.flags = pair.fp_flags,
			.read_used = pair.fp_read_used,
			.write_used = pair.fp_write_used,
		};
		strcpy(queue->mode, mode_name(pair.fp_mode));
	}
	if (!err && !nic_has_name(link))
		err = -ENODEV;
	if (!err)
		link->nrows = i;
	return err;
}

int nic_get_stats(const struct link *link, uint32_t queue, struct frameio_stats *stats)
{
	struct frameio_queue_pair pair;
	int err = get_queue_pair(link, queue, &pair);

	*stats = pair.fp_stats;
	return err;
}
