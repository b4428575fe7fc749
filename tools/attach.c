/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* frameio attach and detach: make an interface a NIC port, and let it go. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "nic.h"
#include "settings.h"
#include "tool.h"

/* --- what is asked for ----------------------------------------------- */

/* To the ioctl 0 means the default, and an error says no more than its number. */
static void require_range(const struct link_settings *settings, enum link_setting setting,
			  uint32_t most, const char *takes)
{
	const uint32_t value = settings->value[setting];

	if (settings->given[setting] && (!value || value > most))
		tool_misused("%s, not '%" PRIu32 "'", takes, value);
}

static void require_ranges(const struct link_settings *settings)
{
	static const enum link_setting limits[] = { LINK_READ_LIMIT, LINK_WRITE_LIMIT };
	static const enum link_setting bytes[] = { LINK_READ_BYTES, LINK_WRITE_BYTES };
	size_t i;

	require_range(settings, LINK_QUEUES, FRAMEIO_NQUEUES_MAX, "'queues' takes 1 to 64");
	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		require_range(settings, limits[i], FRAMEIO_LIMIT_MAX, settings_hints[limits[i]]);
	for (i = 0; i < sizeof(bytes) / sizeof(*bytes); i++)
		require_range(settings, bytes[i], FRAMEIO_BYTES_MAX, settings_hints[bytes[i]]);
}

/* A name that is too long for the ioctl is another one of the interface. */
static int attach(const char *name, const struct link *link, const struct link_settings *settings)
{
	const uint32_t *value = settings->value;
	const struct frameio_port_config config = {
		.name = strlen(name) < FRAMEIO_NAMESIZE ? name : link->name,
		.flags = FRAMEIO_PORT_PERSIST |
			 (settings->given[LINK_OWNER] ? FRAMEIO_PORT_OWNER : 0) |
			 (settings->given[LINK_GROUP] ? FRAMEIO_PORT_GROUP : 0) |
			 (value[LINK_STEER_CPU] ? FRAMEIO_PORT_STEER_CPU : 0),
		.nqueues = value[LINK_QUEUES],
		.read_limit = value[LINK_READ_LIMIT],
		.write_limit = value[LINK_WRITE_LIMIT],
		.read_bytes = value[LINK_READ_BYTES],
		.write_bytes = value[LINK_WRITE_BYTES],
		.owner = value[LINK_OWNER],
		.group = value[LINK_GROUP],
	};
	struct frameio_qp *qp;
	int err = frameio_attach(&qp, NULL, &config);

	if (!err)
		frameio_close(qp);
	return err;
}

/* --- why it was refused ---------------------------------------------- */

/* An interface on top of this one that takes what it receives. */
static bool find_taker(const struct link *link, struct link *taker)
{
	static const char *const kinds[] = { "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec" };
	struct link *links;
	bool found = false;
	int count, j;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds) && !found; i++) {
		count = link_list(kinds[i], &links);
		for (j = 0; j < count && !found; j++) {
			found = links[j].lower == link->ifindex;
			if (found)
				*taker = links[j];
		}
		if (count > 0)
			free(links);
	}
	return found;
}

/* A virtual routing device leaves what its parts receive to the stack, and to us. */
static bool find_master(const struct link *link, struct link *master)
{
	return link->master && !link_get_by_index(link->master, master) &&
	       strcmp(master->kind, "vrf");
}

/* Somebody takes what the interface receives: who? */
static const char *explain_busy(struct link *link)
{
	static char text[256];
	char name[IF_NAMESIZE], other_name[IF_NAMESIZE], kind[LINK_KIND_SIZE];
	struct link other;
	bool is_master;

	tool_clean(name, sizeof(name), link->name);
	if (!nic_complete(link) && link->port == LINK_NIC_PORT)
		return "it is a NIC port already; 'frameio show' tells who uses it, and "
		       "'frameio detach' lets it go";
	is_master = find_master(link, &other);
	if (!is_master && !find_taker(link, &other))
		return "something takes what it receives already, such as a bridge, a bond or "
		       "macvlan; 'ip -d link' tells, in the network namespace that it is in";
	tool_clean(other_name, sizeof(other_name), other.name);
	tool_clean(kind, sizeof(kind), other.kind);
	if (is_master)
		snprintf(text, sizeof(text), "the %s '%s' takes what it receives; "
			 "'ip link set dev %s nomaster' frees it", kind, other_name, name);
	else
		snprintf(text, sizeof(text), "the %s '%s' on it takes what it receives; "
			 "'ip link del dev %s' frees it", kind, other_name, other_name);
	return text;
}

/* The kernel lets nobody take what the interface receives, or not us: why? */
static const char *explain_kind(const struct link *link)
{
	if (link->port == LINK_VIRTUAL_PORT)
		return "it is a virtual port, which programs can open as it is; "
		       "'frameio show' tells of it";
	if (link->loopback)
		return "it is the loopback interface, which has no wire; attach another";
	if (!link->ethernet)
		return "it is no Ethernet interface; attach one, such as the one below a tunnel";
	return "its kind lets nobody take what it receives, as the conduit of a switch does; "
	       "attach the switch's ports, or another";
}

static const char *explain_no_node(void)
{
	return command_module_is_loaded() ? "there is no " CONTROL_NODE " here; make it visible" :
					    "there is no " CONTROL_NODE "; " HINT_LOAD;
}

static const char *explain(int error, struct link *link, const struct link_settings *settings)
{
	switch (error) {
	case ENODEV:
		return "there is no such interface; 'ip link' lists them";
	case EPERM:
		return "not permitted; it takes root, or CAP_NET_ADMIN in this network namespace";
	case EACCES:
		return "not permitted to open " CONTROL_NODE "; it takes root";
	case EBUSY:
		return explain_busy(link);
	case EOPNOTSUPP:
		return explain_kind(link);
	case ENOENT:
	case ENXIO:
		return explain_no_node();
	case ENOMEM:
		return settings->value[LINK_QUEUES] > 1 ?
		       "out of memory; fewer 'queues' take less" : "out of memory";
	case EINVAL:
		if (settings->given[LINK_OWNER])
			return settings_hints[LINK_OWNER];
		if (settings->given[LINK_GROUP])
			return settings_hints[LINK_GROUP];
		return strerror(error);
	default:
		return command_explain(error);
	}
}

/* --- the commands ---------------------------------------------------- */

int command_attach(char **words)
{
	struct link_settings settings;
	struct link link;
	int err;

	if (!*words || !**words)
		tool_misused("'attach' takes the name of an interface");
	settings_parse(words + 1, SETTINGS_ATTACH, &settings);
	require_ranges(&settings);
	err = link_get(*words, &link);
	if (!err)
		err = attach(*words, &link, &settings);
	if (err)
		tool_die(TOOL_FAILED, "cannot attach to interface '%s': %s", *words,
			 explain(-err, &link, &settings));
	if (command_options.json)
		command_print_result(*words, link_get_by_index(link.ifindex, &link), &link);
	return 0;
}

/*
 * FRAMEIO_DELETE goes by the name. That it is no virtual port's has been seen before;
 * to rename one meanwhile takes who may delete it himself.
 */
int command_detach(char **words)
{
	struct link link;
	int err;

	if (!*words || words[1])
		tool_misused("'detach' takes the name of one NIC port");
	command_get_port("detach", *words, &link);
	if (link.port == LINK_VIRTUAL_PORT)
		tool_die(TOOL_FAILED, "cannot detach port '%s': it is a virtual port; "
			 "'frameio del' deletes it, with its interface", *words);
	err = frameio_delete(NULL, link.name);
	if (err)
		tool_die(TOOL_FAILED, "cannot detach port '%s': %s", *words,
			 err == -EPERM ? explain(EPERM, &link, NULL) :
			 err == -EOPNOTSUPP || err == -ENODEV ? "it was detached meanwhile" :
			 command_explain(-err));
	if (command_options.json)
		show_json(NULL, 0);
	return 0;
}
