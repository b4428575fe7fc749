/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

int frameio_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

/* A control file, on which one ioctl was done: what to do, and the file. */
struct control_call {
	unsigned long request;
	void *argument;
	int fd;
};

/* Open a control file, here, and do the ioctl; the file stays open if it went well. */
static int control_call(void *argument)
{
	struct control_call *call = argument;
	int err;

	call->fd = open(FRAMEIO_CONTROL_NODE, O_RDWR | O_CLOEXEC);
	if (call->fd < 0)
		return -errno;
	err = frameio_ioctl(call->fd, call->request, call->argument);
	if (err)
		close(call->fd);
	return err;
}

/* The same for a call after which the file is not needed. */
static int control_call_once(void *argument)
{
	struct control_call *call = argument;
	int err = control_call(call);

	if (!err)
		close(call->fd);
	return err;
}

/* A name into a field of the ABI; longer than any interface's is refused here. */
static int set_name(char field[FRAMEIO_NAMESIZE], const char *name)
{
	size_t len = strlen(name);

	if (len >= FRAMEIO_NAMESIZE)
		return -EINVAL;
	memcpy(field, name, len + 1);
	return 0;
}

/* Do FRAMEIO_CREATE, FRAMEIO_ATTACH or FRAMEIO_OPEN in @netns, and make a handle of the file. */
static int open_qp(struct frameio_qp **out, const char *netns, unsigned long request,
		   void *argument)
{
	struct control_call call = { .request = request, .argument = argument };
	struct frameio_qp *qp;
	int err;

	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return -ENOMEM;
	err = frameio_in_netns(netns, control_call, &call);
	if (err) {
		free(qp);
		return err;
	}
	qp->fd = call.fd;
	*out = qp;
	return 0;
}

/* FRAMEIO_CREATE or FRAMEIO_ATTACH. */
static int create_port(struct frameio_qp **qp, const char *netns, unsigned long request,
		       const char *name, const struct frameio_port_config *config)
{
	struct frameio_create create = { 0 };
	int err;

	err = set_name(create.fc_name, name);
	if (err)
		return err;
	create.fc_flags = config->flags;
	create.fc_nqueues = config->nqueues;
	create.fc_read_limit = config->read_limit;
	create.fc_write_limit = config->write_limit;
	create.fc_read_bytes = config->read_bytes;
	create.fc_write_bytes = config->write_bytes;
	create.fc_owner = config->owner;
	create.fc_group = config->group;
	return open_qp(qp, netns, request, &create);
}

int frameio_create(struct frameio_qp **qp, const char *netns,
		   const struct frameio_port_config *config)
{
	static const struct frameio_port_config defaults;

	if (!config)
		config = &defaults;
	return create_port(qp, netns, FRAMEIO_CREATE, config->name ? config->name : "fio%d",
			   config);
}

int frameio_attach(struct frameio_qp **qp, const char *netns,
		   const struct frameio_port_config *config)
{
	if (!config || !config->name)
		return -EINVAL;
	return create_port(qp, netns, FRAMEIO_ATTACH, config->name, config);
}

int frameio_open(struct frameio_qp **qp, const char *netns, const char *name, unsigned int queue)
{
	struct frameio_open request = { .fo_queue = queue };
	int err;

	err = set_name(request.fo_name, name);
	return err ? err : open_qp(qp, netns, FRAMEIO_OPEN, &request);
}

void frameio_close(struct frameio_qp *qp)
{
	if (!qp)
		return;
	frameio_rings_unmap(qp);
	close(qp->fd);
	free(qp);
}

int frameio_delete(const char *netns, const char *name)
{
	struct frameio_delete request = { 0 };
	struct control_call call = { .request = FRAMEIO_DELETE, .argument = &request };
	int err;

	err = set_name(request.fd_name, name);
	return err ? err : frameio_in_netns(netns, control_call_once, &call);
}

int frameio_get_queue_pair(const char *netns, const char *name, unsigned int queue,
			   struct frameio_queue_pair *pair)
{
	struct control_call call = { .request = FRAMEIO_QUEUE_PAIR, .argument = pair };
	int err;

	memset(pair, 0, sizeof(*pair));
	pair->fp_queue = queue;
	err = set_name(pair->fp_name, name);
	return err ? err : frameio_in_netns(netns, control_call_once, &call);
}

/* More than there can be; their memory has a size, and their number is an int. */
#define MAX_PORTS	(INT_MAX / sizeof(struct frameio_info) - 8)

int frameio_list(const char *netns, struct frameio_info **ports)
{
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };
	struct control_call call = { .request = FRAMEIO_LIST, .argument = &list };
	struct frameio_info *infos = NULL, *larger;
	uint32_t room = 0;
	int err;

	*ports = NULL;
	for (;;) {
		list.fl_ports = (uintptr_t)infos;
		list.fl_count = room;
		err = frameio_in_netns(netns, control_call_once, &call);
		if (err)
			goto fail;
		if (list.fl_count <= room)
			break;
		err = -EBADMSG;
		if (list.fl_count > MAX_PORTS)
			goto fail;
		/* some to spare: ports may come while we are asking */
		room = list.fl_count + 8;
		larger = realloc(infos, room * sizeof(*infos));
		err = -ENOMEM;
		if (!larger)
			goto fail;
		infos = larger;
	}
	if (list.fl_count)
		*ports = infos;
	else
		free(infos);
	return list.fl_count;

fail:
	free(infos);
	return err;
}
