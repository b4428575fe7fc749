/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* frameio show: what ports are, and who holds them. */
#include <grp.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"
#include "holder.h"
#include "nic.h"
#include "number.h"
#include "tool.h"

char *show_address(char *to, const struct link *link)
{
	unsigned int i;

	*to = '\0';
	for (i = 0; i < link->address_len; i++)
		sprintf(to + 3 * i - !!i, "%s%02x", i ? ":" : "", link->address[i]);
	return to;
}

/* Whose an id is: its name or, where it has none, the number. */
static const char *user_name(uint32_t id, char number[16])
{
	const struct passwd *user = getpwuid(id);

	snprintf(number, 16, "%" PRIu32, id);
	return user ? user->pw_name : number;
}

/* The same of a port; NULL: nobody's. */
static const char *owner_name(const struct link *link, char number[16])
{
	return link->flags & FRAMEIO_PORT_OWNER ? user_name(link->owner, number) : NULL;
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

static const char *layer_name(const struct link *link)
{
	return link->flags & FRAMEIO_PORT_L3 ? "l3" : "l2";
}

const char *show_port_kind(enum link_port port)
{
	return port == LINK_NIC_PORT ? "nic" : "virtual";
}

const char *show_steer(const struct link *link)
{
	return link->flags & FRAMEIO_PORT_STEER_CPU ? "cpu" : "hash";
}

bool show_driver(const struct link *link, char to[SHOW_DRIVER_SIZE])
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&driver };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	strcpy(request.ifr_name, link->name);
	good = fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) && nic_has_name(link);
	if (fd >= 0)
		close(fd);
	_Static_assert(sizeof(driver.driver) == SHOW_DRIVER_SIZE, "a driver's name fits");
	snprintf(to, SHOW_DRIVER_SIZE, "%.*s", SHOW_DRIVER_SIZE - 1, driver.driver);
	return good && *to;
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

/* How full one side of a queue pair is. */
struct fill {
	uint32_t frames, limit;
	uint32_t bytes, bytes_limit;
	bool ring;	/* whose bytes these are */
	bool full;	/* and somebody waits until half is free */
};

static struct fill read_fill(const struct link_queue *queue)
{
	return (struct fill) {
		queue->read_len, queue->read_limit, queue->read_used, queue->read_bytes,
		queue->flags & FRAMEIO_QP_READ_RING, queue->flags & FRAMEIO_QP_READ_STOPPED,
	};
}

static struct fill write_fill(const struct link_queue *queue)
{
	return (struct fill) {
		queue->write_len, queue->write_limit, queue->write_used, queue->write_bytes,
		queue->flags & FRAMEIO_QP_WRITE_RING, queue->flags & FRAMEIO_QP_WRITE_STALLED,
	};
}

/* --- as text --------------------------------------------------------- */

#define FILL_TEXT_SIZE	32

/* A ring has no number of frames. */
static const char *fill_text(char to[FILL_TEXT_SIZE], struct fill fill, const char *when_full)
{
	const char *after = fill.full ? when_full : "";

	if (fill.ring)
		snprintf(to, FILL_TEXT_SIZE, "ring %" PRIu64 "%%%s",
			 100 * (uint64_t)fill.bytes / (fill.bytes_limit ? fill.bytes_limit : 1),
			 after);
	else
		snprintf(to, FILL_TEXT_SIZE, "%" PRIu32 "/%" PRIu32 "%s", fill.frames, fill.limit,
			 after);
	return to;
}

static void print_holders(const struct link *link, const struct link_queue *queue,
			  const struct holder *holders, int nholders)
{
	const char *separator = "";
	char number[16], user[256];
	int i;

	for (i = 0; i < nholders; i++) {
		if (!holds(&holders[i], link, queue))
			continue;
		tool_clean(user, sizeof(user), user_name(holders[i].user, number));
		printf("%s%d (%s, %s)", separator, (int)holders[i].pid, holders[i].command, user);
		separator = ", ";
	}
	if (!*separator)
		fputs(queue->open ? "a process that cannot be seen from here" : "-", stdout);
	putchar('\n');
}

static void print_queue(const struct link *link, const struct link_queue *queue,
			const struct holder *holders, int nholders)
{
	char read[FILL_TEXT_SIZE], write[FILL_TEXT_SIZE], mode[LINK_MODE_SIZE];
	const bool nic = link->port == LINK_NIC_PORT;
	struct fill in = read_fill(queue);

	/* nobody waits for room on a wire: what comes is dropped */
	if (nic)
		in.full = in.frames >= in.limit || in.bytes >= in.bytes_limit;
	printf("    %5" PRIu32 "  %-10s %-6s %17s %17s  ", queue->index,
	       tool_clean(mode, sizeof(mode), queue->mode), queue->open ? "open" : "closed",
	       fill_text(read, in, nic ? " full" : " stopped"),
	       fill_text(write, write_fill(queue), " stalled"));
	print_holders(link, queue, holders, nholders);
}

static void print_port(const struct link *link, const struct holder *holders, int nholders)
{
	char address[ADDRESS_TEXT_SIZE], name[IF_NAMESIZE], text[256];
	char owner_number[16], group_number[16], driver[SHOW_DRIVER_SIZE];
	const char *owner = owner_name(link, owner_number);
	const char *group = group_name(link, group_number);
	unsigned int i;

	printf("%s: %s %s, carrier %s, ifindex %d, mtu %" PRIu32,
	       tool_clean(name, sizeof(name), link->name),
	       link->port == LINK_NIC_PORT ? "nic" : layer_name(link), link->up ? "up" : "down",
	       link->carrier ? "on" : "off", link->ifindex, link->mtu);
	if (link->address_len)
		printf(", address %s", show_address(address, link));
	if (link->port == LINK_NIC_PORT && show_driver(link, driver))
		printf(", driver %s", tool_clean(text, sizeof(text), driver));
	printf("\n    queues %" PRIu32 " of numqueues %" PRIu32 ", %" PRIu32 " open",
	       link->nqueues, link->nqueues_max, link->nopen);
	if (link->port == LINK_NIC_PORT)
		printf(", steer %s", show_steer(link));
	putchar('\n');
	printf("    readlimit %" PRIu32, link->read_limit);
	printf(" readbytes %s", number_size(text, link->read_bytes));
	printf(", writelimit %" PRIu32, link->write_limit);
	printf(" writebytes %s\n", number_size(text, link->write_bytes));
	printf("    owner %s", owner ? tool_clean(text, sizeof(text), owner) : "-");
	printf(", group %s, persist %s%s\n", group ? tool_clean(text, sizeof(text), group) : "-",
	       link->flags & FRAMEIO_PORT_PERSIST ? "on" : "off",
	       link->flags & FRAMEIO_PORT_OFFLOAD ? ", offload" : "");
	if (!link->nrows)
		return;
	printf("    %5s  %-10s %-6s %17s %17s  %s\n", "queue", "mode", "file", "read queue",
	       "write queue", "held by");
	for (i = 0; i < link->nrows; i++)
		print_queue(link, &link->queues[i], holders, nholders);
}

/* --- as JSON --------------------------------------------------------- */

static struct json_object *queue_json(struct fill fill, const char *when_full)
{
	struct json_object *object = json_object_new_object();

	object_add_number(object, "waiting", fill.frames);
	object_add_number(object, "limit", fill.limit);
	object_add_number(object, "bytes", fill.bytes);
	object_add_number(object, "bytes_limit", fill.bytes_limit);
	object_add_bool(object, "ring", fill.ring);
	object_add_bool(object, when_full, fill.full);
	return object;
}

static struct json_object *queue_pair_json(const struct link *link, const struct link_queue *queue,
					   const struct holder *holders, int nholders)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	char number[16];
	int i;

	object_add_number(object, "queue", queue->index);
	object_add_text(object, "mode", queue->mode);
	object_add_bool(object, "open", queue->open);
	object_add(object, "read", queue_json(read_fill(queue), "stopped"));
	object_add(object, "write", queue_json(write_fill(queue), "stalled"));
	for (i = 0; i < nholders; i++) {
		struct json_object *holder;

		if (!holds(&holders[i], link, queue))
			continue;
		holder = json_object_new_object();
		object_add_number(holder, "pid", holders[i].pid);
		object_add_text(holder, "command", holders[i].command);
		object_add_text(holder, "user", user_name(holders[i].user, number));
		object_add_number(holder, "uid", holders[i].user);
		json_object_array_add(array, holder);
	}
	object_add(object, "holders", array);
	return object;
}

static struct json_object *port_json(const struct link *link, const struct holder *holders,
				     int nholders)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	char address[ADDRESS_TEXT_SIZE], number[16], driver[SHOW_DRIVER_SIZE];
	const char *owner = owner_name(link, number);
	const bool nic = link->port == LINK_NIC_PORT;
	unsigned int i;

	object_add_text(object, "name", link->name);
	object_add_text(object, "kind", show_port_kind(link->port));
	object_add_number(object, "ifindex", link->ifindex);
	object_add_text(object, "layer", layer_name(link));
	object_add_text(object, "driver", nic && show_driver(link, driver) ? driver : NULL);
	object_add_text(object, "steer", nic ? show_steer(link) : NULL);
	object_add_bool(object, "up", link->up);
	object_add_bool(object, "carrier", link->carrier);
	object_add_number(object, "mtu", link->mtu);
	object_add_text(object, "address", link->address_len ? show_address(address, link) : NULL);
	object_add_number(object, "queues", link->nqueues);
	object_add_number(object, "num_queues", link->nqueues_max);
	object_add_number(object, "num_open", link->nopen);
	object_add_number(object, "read_limit", link->read_limit);
	object_add_number(object, "read_bytes_limit", link->read_bytes);
	object_add_number(object, "write_limit", link->write_limit);
	object_add_number(object, "write_bytes_limit", link->write_bytes);
	object_add_text(object, "owner", owner);
	object_add(object, "owner_uid", owner ? json_object_new_int64(link->owner) : NULL);
	object_add_text(object, "group", group_name(link, number));
	object_add(object, "group_gid", link->flags & FRAMEIO_PORT_GROUP ?
		   json_object_new_int64(link->group) : NULL);
	object_add_bool(object, "persist", link->flags & FRAMEIO_PORT_PERSIST);
	object_add_bool(object, "offload", link->flags & FRAMEIO_PORT_OFFLOAD);
	for (i = 0; i < link->nrows; i++)
		json_object_array_add(array, queue_pair_json(link, &link->queues[i], holders,
							     nholders));
	object_add(object, "queue_pairs", array);
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
	object_print(stdout, array, false);
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
