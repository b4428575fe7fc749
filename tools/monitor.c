/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio monitor: what happens to ports, a line for each event.
 *
 * The kernel tells what a port is now, again and again; what has changed is found by
 * comparing it with what it was last.
 */
#include <errno.h>
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "number.h"
#include "tool.h"

/* The ports that are known. */
struct ports {
	struct link *links;
	int count;
};

/* --- telling --------------------------------------------------------- */

/* An event under construction: what is told of it in words, and its members. */
struct event {
	char text[256];
	struct json_object *object;
};

static struct event event_of(const char *name, const struct link *link)
{
	struct event event = { .object = json_object_new_object() };

	object_add_text(event.object, "event", name);
	if (link) {
		object_add_text(event.object, "name", link->name);
		object_add_number(event.object, "ifindex", link->ifindex);
	}
	return event;
}

/* Print it; its line is "NAME: TEXT". */
static void event_tell(struct event *event, const char *name)
{
	char clean[IF_NAMESIZE];

	if (command_options.json) {
		object_print(stdout, event->object, true);
		return;
	}
	json_object_put(event->object);
	if (name)
		printf("%s: ", tool_clean(clean, sizeof(clean), name));
	puts(event->text);
}

/* One that needs no more than its name. */
static void tell(const char *name, const struct link *link)
{
	struct event event = event_of(name, link);

	snprintf(event.text, sizeof(event.text), "%s", name);
	event_tell(&event, link->name);
}

static void tell_number(const char *name, const struct link *link, uint32_t number)
{
	struct event event = event_of(name, link);

	object_add_number(event.object, name, number);
	snprintf(event.text, sizeof(event.text), "%s %" PRIu32, name, number);
	event_tell(&event, link->name);
}

static void tell_switch(const char *name, const struct link *link, bool on)
{
	struct event event = event_of(name, link);

	object_add_bool(event.object, name, on);
	snprintf(event.text, sizeof(event.text), "%s %s", name, on ? "on" : "off");
	event_tell(&event, link->name);
}

static void tell_created(const struct link *link)
{
	const char *layer = link->flags & FRAMEIO_PORT_L3 ? "l3" : "l2";
	struct event event = event_of("created", link);

	object_add_text(event.object, "layer", layer);
	object_add_number(event.object, "queues", link->nqueues);
	object_add_number(event.object, "num_queues", link->nqueues_max);
	snprintf(event.text, sizeof(event.text),
		 "created %s queues %" PRIu32 " numqueues %" PRIu32 " ifindex %d", layer,
		 link->nqueues, link->nqueues_max, link->ifindex);
	event_tell(&event, link->name);
}

static void tell_attached(const struct link *link)
{
	struct event event = event_of("attached", link);
	const char *steer = show_steer(link);

	object_add_number(event.object, "queues", link->nqueues);
	object_add_text(event.object, "steer", steer);
	snprintf(event.text, sizeof(event.text), "attached queues %" PRIu32 " steer %s ifindex %d",
		 link->nqueues, steer, link->ifindex);
	event_tell(&event, link->name);
}

static void tell_renamed(const struct link *before, const struct link *link)
{
	struct event event = event_of("renamed", link);
	char name[IF_NAMESIZE];

	object_add_text(event.object, "old_name", before->name);
	snprintf(event.text, sizeof(event.text), "renamed %s",
		 tool_clean(name, sizeof(name), link->name));
	event_tell(&event, before->name);
}

static void tell_limits(const struct link *link)
{
	struct event event = event_of("limits", link);
	char read[NUMBER_TEXT_SIZE], write[NUMBER_TEXT_SIZE];

	object_add_number(event.object, "read_limit", link->read_limit);
	object_add_number(event.object, "read_bytes_limit", link->read_bytes);
	object_add_number(event.object, "write_limit", link->write_limit);
	object_add_number(event.object, "write_bytes_limit", link->write_bytes);
	snprintf(event.text, sizeof(event.text),
		 "readlimit %" PRIu32 " readbytes %s writelimit %" PRIu32 " writebytes %s",
		 link->read_limit, number_size(read, link->read_bytes), link->write_limit,
		 number_size(write, link->write_bytes));
	event_tell(&event, link->name);
}

static void tell_address(const struct link *link)
{
	struct event event = event_of("address", link);
	char address[ADDRESS_TEXT_SIZE];

	object_add_text(event.object, "address", show_address(address, link));
	snprintf(event.text, sizeof(event.text), "address %s", address);
	event_tell(&event, link->name);
}

static void tell_moved(const struct link *link)
{
	struct event event = event_of("moved", link);

	object_add(event.object, "netnsid", link->new_netnsid < 0 ? NULL :
		   json_object_new_int(link->new_netnsid));
	snprintf(event.text, sizeof(event.text), "moved to another network namespace");
	event_tell(&event, link->name);
}

static void tell_lost(void)
{
	struct event event = event_of("lost", NULL);

	snprintf(event.text, sizeof(event.text),
		 "events were lost; what follows is how ports have changed meanwhile");
	event_tell(&event, NULL);
}

static bool has_other_limits(const struct link *a, const struct link *b)
{
	return a->read_limit != b->read_limit || a->write_limit != b->write_limit ||
	       a->read_bytes != b->read_bytes || a->write_bytes != b->write_bytes;
}

/* In an order that makes sense where several things changed at once. */
static void tell_changes(const struct link *before, const struct link *link)
{
	if (strcmp(before->name, link->name))
		tell_renamed(before, link);
	if (before->nqueues != link->nqueues)
		tell_number("queues", link, link->nqueues);
	if (has_other_limits(before, link))
		tell_limits(link);
	if ((before->flags ^ link->flags) & FRAMEIO_PORT_PERSIST)
		tell_switch("persist", link, link->flags & FRAMEIO_PORT_PERSIST);
	if (before->mtu != link->mtu)
		tell_number("mtu", link, link->mtu);
	if (before->address_len != link->address_len ||
	    memcmp(before->address, link->address, link->address_len))
		tell_address(link);
	if (before->up != link->up)
		tell(link->up ? "up" : "down", link);
	if (before->carrier != link->carrier)
		tell_switch("carrier", link, link->carrier);
}

/* --- knowing --------------------------------------------------------- */

static struct link *find_port(const struct ports *ports, int ifindex)
{
	int i;

	for (i = 0; i < ports->count; i++)
		if (ports->links[i].ifindex == ifindex)
			return &ports->links[i];
	return NULL;
}

static void remove_port(struct ports *ports, struct link *known)
{
	*known = ports->links[--ports->count];
}

static void learn(struct ports *ports, const struct link *link)
{
	struct link *known = find_port(ports, link->ifindex);

	if (known) {
		tell_changes(known, link);
		*known = *link;
		return;
	}
	ports->links = tool_grow(ports->links, ports->count, sizeof(*link));
	ports->links[ports->count++] = *link;
	/* as it is when it is made, so that the rest is told */
	if (link->port == LINK_NIC_PORT)
		tell_attached(link);
	else
		tell_created(link);
	if (link->up)
		tell("up", link);
	if (link->carrier)
		tell_switch("carrier", link, true);
}

static void forget(struct ports *ports, const struct link *link)
{
	struct link *known = find_port(ports, link->ifindex);

	if (!known)
		return;
	if (link->moved)
		tell_moved(link);
	else
		tell("deleted", link);
	remove_port(ports, known);
}

/* Has a port gone because its interface has? Then that is told, or will be. */
static bool has_gone_whole(const struct link *link)
{
	struct link now;

	return link->port == LINK_VIRTUAL_PORT || link_get_by_index(link->ifindex, &now) == -ENODEV;
}

/* An interface is no port: it may have been one until now. */
static void forget_port(struct ports *ports, const struct link *link)
{
	struct link *known = find_port(ports, link->ifindex);

	if (!known || has_gone_whole(known))
		return;
	tell("detached", link);
	remove_port(ports, known);
}

/*
 * Of NIC ports, an event tells only that something has changed, and the module is asked
 * what. What it says is as old as the event or newer; then another event follows.
 */
static int take_event(const struct nlmsghdr *message, void *argument)
{
	struct ports *ports = argument;
	struct link link;
	int err;

	/* what cannot be understood is not about a port of this module */
	if (link_parse(message, &link) <= 0)
		return MNL_CB_OK;
	if (message->nlmsg_type == RTM_DELLINK) {
		forget(ports, &link);
		return MNL_CB_OK;
	}
	err = command_complete_port(&link);
	if (!err)
		learn(ports, &link);
	else if (err == -EOPNOTSUPP)
		forget_port(ports, &link);
	return MNL_CB_OK;
}

/* See what has changed while nobody listened. */
static void catch_up(struct ports *ports, const struct ports *now)
{
	int i;

	for (i = ports->count - 1; i >= 0; i--)
		if (!find_port(now, ports->links[i].ifindex)) {
			tell(has_gone_whole(&ports->links[i]) ? "deleted" : "detached",
			     &ports->links[i]);
			remove_port(ports, &ports->links[i]);
		}
	for (i = 0; i < now->count; i++)
		learn(ports, &now->links[i]);
}

/* --- listening ------------------------------------------------------- */

/* Events that wait while we print: more than the default, as far as we may. */
#define WAITING_BYTES	(1 << 20)

static struct mnl_socket *listen_to_links(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int bytes = WAITING_BYTES;

	if (!socket || mnl_socket_bind(socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0)
		tool_die(TOOL_FAILED, "cannot listen to the kernel: %s", strerror(errno));
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return socket;
}

/* Take what waits. Return: false if events were lost. */
static bool take_events(struct mnl_socket *socket, void *buffer, struct ports *ports)
{
	ssize_t len;

	while ((len = mnl_socket_recvfrom(socket, buffer, LINK_BUFFER_SIZE)) >= 0)
		mnl_cb_run(buffer, len, 0, 0, take_event, ports);
	if (errno == EAGAIN || errno == EINTR)
		return true;
	/* ENOSPC: one was longer than the buffer */
	if (errno != ENOBUFS && errno != ENOSPC)
		tool_die(TOOL_FAILED, "cannot listen to the kernel: %s", strerror(errno));
	return false;
}

/* Take what waits, untold. Return: whether there was something. */
static bool drop_events(struct mnl_socket *socket, void *buffer)
{
	bool dropped = false;

	while (mnl_socket_recvfrom(socket, buffer, LINK_BUFFER_SIZE) >= 0 || errno == ENOBUFS ||
	       errno == ENOSPC)
		dropped = true;
	return dropped;
}

/* How often the ports are listed again because something happened meanwhile. */
#define LIST_TRIES	100

/* The ports, and no event of before: to be told one that they have in them would be wrong. */
static void list_ports(struct mnl_socket *socket, void *buffer, struct ports *ports)
{
	int i;

	for (i = 0;; i++) {
		ports->count = command_list_ports(&ports->links);
		if (i == LIST_TRIES || !drop_events(socket, buffer))
			return;
		free(ports->links);
	}
}

static void listen_for_events(struct mnl_socket *socket, void *buffer, struct ports *ports)
{
	struct ports now;

	while (tool_flush() && tool_wait(mnl_socket_get_fd(socket), 0)) {
		if (take_events(socket, buffer, ports))
			continue;
		tell_lost();
		list_ports(socket, buffer, &now);
		catch_up(ports, &now);
		free(now.links);
	}
}

int command_monitor(void)
{
	void *buffer = tool_allocate(1, LINK_BUFFER_SIZE);
	struct mnl_socket *socket;
	struct ports ports;

	tool_catch_signals();
	command_warn_of_no_module();
	socket = listen_to_links();
	list_ports(socket, buffer, &ports);
	listen_for_events(socket, buffer, &ports);
	free(ports.links);
	free(buffer);
	mnl_socket_close(socket);
	return 0;
}
