/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Interfaces as rtnetlink has them, ports among them: reading what they are, and
 * changing those that are of our kind. What a NIC port is, nic.c adds.
 *
 * Functions that can fail return a negative errno value.
 */
#ifndef FRAMEIO_LINK_H
#define FRAMEIO_LINK_H

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <frameio/frameio.h>

#define LINK_KIND		"frameio"
#define LINK_ADDRESS_MAX	32	/* bytes of a link-layer address, as the kernel has it */
#define LINK_NAME_MAX		128	/* of another name of an interface, with its NUL */
#define LINK_MODE_SIZE		16
#define LINK_KIND_SIZE		56	/* the kernel's, which it sends no longer ones of */

enum link_port {
	LINK_NO_PORT,
	LINK_VIRTUAL_PORT,
	LINK_NIC_PORT,
};

/* A queue pair in use. */
struct link_queue {
	uint32_t index;
	bool open;
	char mode[LINK_MODE_SIZE];
	uint32_t read_len, read_limit, read_bytes;
	uint32_t write_len, write_limit, write_bytes;
	uint32_t flags;			/* FRAMEIO_QP_* */
	uint32_t read_used, write_used;	/* of the bytes */
};

/* An interface, and the port that it is. */
struct link {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[LINK_KIND_SIZE];	/* as "ip link" has it; empty of hardware */
	bool loopback, ethernet;
	int master;			/* of which it is a part, such as a bridge; 0: none */
	int lower;			/* on which it is made, here; 0: none */
	bool up, carrier;
	uint32_t mtu;
	unsigned char address[LINK_ADDRESS_MAX];
	unsigned int address_len;
	bool moved;			/* it left for another network namespace, ... */
	int32_t new_netnsid;		/* ... which has this number here; below 0: none */
	enum link_port port;		/* what follows is of ports only */
	uint32_t flags;			/* FRAMEIO_PORT_* */
	uint32_t nqueues, nqueues_max, nopen;
	uint32_t read_limit, write_limit, read_bytes, write_bytes;
	uint32_t owner, group;		/* with FRAMEIO_PORT_OWNER, _GROUP */
	unsigned int nrows;		/* of queues[] */
	struct link_queue queues[FRAMEIO_NQUEUES_MAX];
};

/*
 * Understand an RTM_NEWLINK or RTM_DELLINK. Nothing in it is trusted.
 *
 * Return: 1; 0, it is about something else than an interface; -EBADMSG.
 */
int link_parse(const struct nlmsghdr *message, struct link *link);

/*
 * Understand an RTM_NEWSTATS about a port, and put its queue pairs into @link->queues.
 * Returns as link_parse() does.
 */
int link_parse_queues(const struct nlmsghdr *message, struct link *link);

/* Ask for a virtual port's queue pairs; they do not come with the port itself. */
int link_get_queues(struct link *link);

/* The interface of that name or other name; -ENODEV. */
int link_get(const char *name, struct link *link);

/* The interface of that number. */
int link_get_by_index(int ifindex, struct link *link);

/* All interfaces of a kind, by their numbers, in an array to be freed; returns how many. */
int link_list(const char *kind, struct link **links);

/* For qsort(3): by their numbers. */
int link_compare(const void *left, const void *right);

/* What add, set and attach can be asked for. */
enum link_setting {
	LINK_LAYER,		/* 2 or 3 */
	LINK_OFFLOAD,
	LINK_QUEUES,
	LINK_NUMQUEUES,
	LINK_OWNER,
	LINK_GROUP,
	LINK_READ_LIMIT,
	LINK_WRITE_LIMIT,
	LINK_READ_BYTES,
	LINK_WRITE_BYTES,
	LINK_MTU,
	LINK_ADDRESS,
	LINK_UP,		/* 0 or 1, as the next two */
	LINK_PERSIST,
	LINK_CARRIER,
	LINK_NAME,
	LINK_STEER_CPU,		/* of NIC ports only */
	LINK_NSETTINGS
};

struct link_settings {
	bool given[LINK_NSETTINGS];
	uint32_t value[LINK_NSETTINGS];	/* but for the address and the name */
	unsigned char address[LINK_ADDRESS_MAX];
	unsigned int address_len;
	const char *name;
};

/* Why the kernel refused; it may also warn where it did not. */
struct link_refusal {
	char message[256];	/* the kernel's words, or none */
	int setting;		/* the one it is about; -1: not told */
};

int link_add(const char *name, const struct link_settings *settings, struct link_refusal *refusal);
int link_set(const struct link *link, const struct link_settings *settings,
	     struct link_refusal *refusal);
int link_delete(const struct link *link, struct link_refusal *refusal);

/* What the dump socket and the monitor's read into: no message is longer. */
#define LINK_BUFFER_SIZE	(256 * 1024)

#endif
