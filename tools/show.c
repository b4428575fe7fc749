/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* frameio show: what ports are, and who holds them. */
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "holder.h"
#include "tool.h"

char *show_address(char *to, const struct link *link)
{
	unsigned int i;

	*to = '\0';
	for (i = 0; i < link->address_len; i++)
		sprintf(to + 3 * i - !!i, "%s%02x", i ? ":" : "", link->address[i]);
	return to;
}

char *show_size(char *to, uint32_t bytes)
{
	static const char suffixes[] = "KMG";
	int i = -1;

	while (bytes && bytes % 1024 == 0 && i < 2) {
		bytes /= 1024;
		i++;
	}
	if (i < 0)
		snprintf(to, 16, "%" PRIu32, bytes);
	else
		snprintf(to, 16, "%" PRIu32 "%c", bytes, suffixes[i]);
	return to;
}

/* Whose an id is: its name or, where it has none, the number; NULL: nobody's. */
static const char *owner_name(const struct link *link, char number[16])
{
	const struct passwd *user;

	if (!(link->flags & FRAMEIO_PORT_OWNER))
		return NULL;
	user = getpwuid(link->owner);
	snprintf(number, 16, "%" PRIu32, link->owner);
	return user ? user->pw_name : number;
}

static const char *group_name(const struct link *link, char number[16])
{
	const struct group *group;

	if (!(link->flags & FRAMEIO_PORT_GROUP))
		return NULL;
	group = getgrgid(link->group);
	snprintf(number, 16, "%" PRIu32, link->group);
	return group ? group->gr_name : number;
}

/* There are none to be looked for in all of /proc where nothing is open. */
static int find_holders(const struct link *links, int count, struct holder **holders)
{
	int i;

	for (i = 0; i < count; i++)
		if (links[i].nopen)
			return holder_list(holders);
	*holders = NULL;
	return 0;
}

/* Is it this queue pair that the holder has? */
static bool holds(const struct holder *holder, const struct link *link,
		  const struct link_queue *queue)
{
	return holder->ifindex == link->ifindex && holder->queue == queue->index;
}

/* --- as text --------------------------------------------------------- */

static void print_holders(const struct link *link, const struct link_queue *queue,
			  const struct holder *holders, int nholders)
{
	const char *separator = "";
	int i;

	for (i = 0; i < nholders; i++) {
		if (!holds(&holders[i], link, queue))
			continue;
		printf("%s%d (%s)", separator, (int)holders[i].pid, holders[i].command);
		separator = ", ";
	}
	if (!*separator)
		fputs(queue->open ? "a process that cannot be seen from here" : "-", stdout);
	putchar('\n');
}

static void print_queue(const struct link *link, const struct link_queue *queue,
			const struct holder *holders, int nholders)
{
	char read[24], write[24], mode[LINK_MODE_SIZE];

	snprintf(read, sizeof(read), "%" PRIu32 "/%" PRIu32, queue->read_len, queue->read_limit);
	snprintf(write, sizeof(write), "%" PRIu32 "/%" PRIu32, queue->write_len,
		 queue->write_limit);
	printf("    %5" PRIu32 "  %-10s %-6s %13s %13s  ", queue->index,
	       tool_clean(mode, sizeof(mode), queue->mode), queue->open ? "open" : "closed", read,
	       write);
	print_holders(link, queue, holders, nholders);
}

static void print_port(const struct link *link, const struct holder *holders, int nholders)
{
	char address[ADDRESS_TEXT_SIZE], name[IF_NAMESIZE], text[256];
	char owner_number[16], group_number[16];
	const char *owner = owner_name(link, owner_number);
	const char *group = group_name(link, group_number);
	unsigned int i;

	printf("%s: %s %s, carrier %s, ifindex %d, mtu %" PRIu32,
	       tool_clean(name, sizeof(name), link->name),
	       link->flags & FRAMEIO_PORT_L3 ? "l3" : "l2", link->up ? "up" : "down",
	       link->carrier ? "on" : "off", link->ifindex, link->mtu);
	if (link->address_len)
		printf(", address %s", show_address(address, link));
	printf("\n    queues %" PRIu32 " of numqueues %" PRIu32 ", %" PRIu32 " open\n",
	       link->nqueues, link->nqueues_max, link->nopen);
	printf("    readlimit %" PRIu32, link->read_limit);
	printf(" readbytes %s", show_size(text, link->read_bytes));
	printf(", writelimit %" PRIu32, link->write_limit);
	printf(" writebytes %s\n", show_size(text, link->write_bytes));
	printf("    owner %s", owner ? tool_clean(text, sizeof(text), owner) : "-");
	printf(", group %s, persist %s\n", group ? tool_clean(text, sizeof(text), group) : "-",
	       link->flags & FRAMEIO_PORT_PERSIST ? "on" : "off");
	if (!link->nrows)
		return;
	printf("    %5s  %-10s %-6s %13s %13s  %s\n", "queue", "mode", "file", "read queue",
	       "write queue", "held by");
	for (i = 0; i < link->nrows; i++)
		print_queue(link, &link->queues[i], holders, nholders);
}

/* --- as JSON --------------------------------------------------------- */

static struct json_object *queue_json(uint32_t len, uint32_t limit, uint32_t bytes)
{
	struct json_object *object = json_object_new_object();

	report_number(object, "waiting", len);
	report_number(object, "limit", limit);
	report_number(object, "bytes_limit", bytes);
	return object;
}

static struct json_object *queue_pair_json(const struct link *link, const struct link_queue *queue,
					   const struct holder *holders, int nholders)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	int i;

	report_number(object, "queue", queue->index);
	report_text(object, "mode", queue->mode);
	report_bool(object, "open", queue->open);
	report_member(object, "read",
		      queue_json(queue->read_len, queue->read_limit, queue->read_bytes));
	report_member(object, "write",
		      queue_json(queue->write_len, queue->write_limit, queue->write_bytes));
	for (i = 0; i < nholders; i++) {
		struct json_object *holder;

		if (!holds(&holders[i], link, queue))
			continue;
		holder = json_object_new_object();
		report_number(holder, "pid", holders[i].pid);
		report_text(holder, "command", holders[i].command);
		json_object_array_add(array, holder);
	}
	report_member(object, "holders", array);
	return object;
}

static struct json_object *port_json(const struct link *link, const struct holder *holders,
				     int nholders)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	char address[ADDRESS_TEXT_SIZE], number[16];
	const char *owner = owner_name(link, number);
	unsigned int i;

	report_text(object, "name", link->name);
	report_number(object, "ifindex", link->ifindex);
	report_text(object, "layer", link->flags & FRAMEIO_PORT_L3 ? "l3" : "l2");
	report_bool(object, "up", link->up);
	report_bool(object, "carrier", link->carrier);
	report_number(object, "mtu", link->mtu);
	report_text(object, "address", link->address_len ? show_address(address, link) : NULL);
	report_number(object, "queues", link->nqueues);
	report_number(object, "num_queues", link->nqueues_max);
	report_number(object, "num_open", link->nopen);
	report_number(object, "read_limit", link->read_limit);
	report_number(object, "read_bytes_limit", link->read_bytes);
	report_number(object, "write_limit", link->write_limit);
	report_number(object, "write_bytes_limit", link->write_bytes);
	report_text(object, "owner", owner);
	report_member(object, "owner_uid", owner ? json_object_new_int64(link->owner) : NULL);
	report_text(object, "group", group_name(link, number));
	report_member(object, "group_gid", link->flags & FRAMEIO_PORT_GROUP ?
		      json_object_new_int64(link->group) : NULL);
	report_bool(object, "persist", link->flags & FRAMEIO_PORT_PERSIST);
	for (i = 0; i < link->nrows; i++)
		json_object_array_add(array, queue_pair_json(link, &link->queues[i], holders,
							     nholders));
	report_member(object, "queue_pairs", array);
	return object;
}

void show_json(const struct link *links, int count)
{
	struct json_object *array = json_object_new_array();
	struct holder *holders;
	int nholders = find_holders(links, count, &holders);
	int i;

	for (i = 0; i < count; i++)
		json_object_array_add(array, port_json(&links[i], holders, nholders));
	report_print(array, false);
	free(holders);
}

static void show_text(const struct link *links, int count)
{
	struct holder *holders;
	int nholders = find_holders(links, count, &holders);
	int i;

	for (i = 0; i < count; i++)
		print_port(&links[i], holders, nholders);
	free(holders);
}

int command_show(const char *name)
{
	struct link *links;
	int count = command_choose_ports("show", name, &links);

	command_get_queues(links, count);
	if (command_options.json)
		show_json(links, count);
	else
		show_text(links, count);
	free(links);
	return 0;
}
