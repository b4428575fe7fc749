/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link.h"

/* --- understanding a message ----------------------------------------- */

/* Attributes by their type, those of them that are as they should be. */
struct table {
	const struct nlattr **attrs;
	const enum mnl_attr_data_type *types;	/* MNL_TYPE_UNSPEC: not looked at */
	unsigned int max;
};

static int table_take(const struct nlattr *attr, void *argument)
{
	struct table *table = argument;
	const unsigned int type = mnl_attr_get_type(attr);

	if (type > table->max || table->types[type] == MNL_TYPE_UNSPEC)
		return MNL_CB_OK;
	if (mnl_attr_validate(attr, table->types[type]) < 0)
		return MNL_CB_ERROR;
	table->attrs[type] = attr;
	return MNL_CB_OK;
}

/*
 * Libmnl rounds up where a message ends. The kernel's have a length that needs no
 * rounding; another one could have an attribute that goes on behind its end.
 */
static bool ends_evenly(const struct nlmsghdr *message)
{
	return MNL_ALIGN(message->nlmsg_len) == message->nlmsg_len;
}

static uint32_t get_u32(const struct nlattr *attr, uint32_t absent)
{
	return attr ? mnl_attr_get_u32(attr) : absent;
}

/* A string that fits, whole. */
static bool get_string(char *to, size_t size, const struct nlattr *attr)
{
	const char *text = attr ? mnl_attr_get_str(attr) : "";

	if (strlen(text) >= size)
		return false;
	strcpy(to, text);
	return true;
}

static const enum mnl_attr_data_type queue_types[IFLA_FRAMEIO_QUEUE_MAX + 1] = {
	[IFLA_FRAMEIO_QUEUE_INDEX] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_OPEN] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_MODE] = MNL_TYPE_NUL_STRING,
	[IFLA_FRAMEIO_QUEUE_READ_LEN] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_READ_LIMIT] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_READ_BYTES] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_WRITE_LEN] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_WRITE_LIMIT] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_WRITE_BYTES] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_FLAGS] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_READ_USED] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_QUEUE_WRITE_USED] = MNL_TYPE_U32,
};

static int parse_queue(const struct nlattr *nest, void *argument)
{
	const struct nlattr *attrs[IFLA_FRAMEIO_QUEUE_MAX + 1] = { NULL };
	struct table table = { attrs, queue_types, IFLA_FRAMEIO_QUEUE_MAX };
	struct link *link = argument;
	struct link_queue *queue;

	if (mnl_attr_get_type(nest) != IFLA_FRAMEIO_QUEUE)
		return MNL_CB_OK;
	if (mnl_attr_validate(nest, MNL_TYPE_NESTED) < 0 || link->nrows == FRAMEIO_NQUEUES_MAX ||
	    mnl_attr_parse_nested(nest, table_take, &table) < 0)
		return MNL_CB_ERROR;
	queue = &link->queues[link->nrows++];
	queue->index = get_u32(attrs[IFLA_FRAMEIO_QUEUE_INDEX], 0);
	queue->open = get_u32(attrs[IFLA_FRAMEIO_QUEUE_OPEN], 0);
	queue->read_len = get_u32(attrs[IFLA_FRAMEIO_QUEUE_READ_LEN], 0);
	queue->read_limit = get_u32(attrs[IFLA_FRAMEIO_QUEUE_READ_LIMIT], 0);
	queue->read_bytes = get_u32(attrs[IFLA_FRAMEIO_QUEUE_READ_BYTES], 0);
	queue->write_len = get_u32(attrs[IFLA_FRAMEIO_QUEUE_WRITE_LEN], 0);
	queue->write_limit = get_u32(attrs[IFLA_FRAMEIO_QUEUE_WRITE_LIMIT], 0);
	queue->write_bytes = get_u32(attrs[IFLA_FRAMEIO_QUEUE_WRITE_BYTES], 0);
	queue->flags = get_u32(attrs[IFLA_FRAMEIO_QUEUE_FLAGS], 0);
	queue->read_used = get_u32(attrs[IFLA_FRAMEIO_QUEUE_READ_USED], 0);
	queue->write_used = get_u32(attrs[IFLA_FRAMEIO_QUEUE_WRITE_USED], 0);
	if (!get_string(queue->mode, sizeof(queue->mode), attrs[IFLA_FRAMEIO_QUEUE_MODE]))
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

static const enum mnl_attr_data_type port_types[IFLA_FRAMEIO_MAX + 1] = {
	[IFLA_FRAMEIO_FLAGS] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_NQUEUES] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_READ_LIMIT] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_WRITE_LIMIT] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_OWNER] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_GROUP] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_READ_BYTES] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_WRITE_BYTES] = MNL_TYPE_U32,
	[IFLA_FRAMEIO_NOPEN] = MNL_TYPE_U32,
};

static int parse_port(const struct nlattr *nest, struct link *link)
{
	const struct nlattr *attrs[IFLA_FRAMEIO_MAX + 1] = { NULL };
	struct table table = { attrs, port_types, IFLA_FRAMEIO_MAX };

	if (mnl_attr_parse_nested(nest, table_take, &table) < 0)
		return -EBADMSG;
	link->flags = get_u32(attrs[IFLA_FRAMEIO_FLAGS], 0) &
		      (FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OFFLOAD);
	if (attrs[IFLA_FRAMEIO_OWNER])
		link->flags |= FRAMEIO_PORT_OWNER;
	if (attrs[IFLA_FRAMEIO_GROUP])
		link->flags |= FRAMEIO_PORT_GROUP;
	link->owner = get_u32(attrs[IFLA_FRAMEIO_OWNER], 0);
	link->group = get_u32(attrs[IFLA_FRAMEIO_GROUP], 0);
	link->nqueues = get_u32(attrs[IFLA_FRAMEIO_NQUEUES], 0);
	link->nopen = get_u32(attrs[IFLA_FRAMEIO_NOPEN], 0);
	link->read_limit = get_u32(attrs[IFLA_FRAMEIO_READ_LIMIT], 0);
	link->write_limit = get_u32(attrs[IFLA_FRAMEIO_WRITE_LIMIT], 0);
	link->read_bytes = get_u32(attrs[IFLA_FRAMEIO_READ_BYTES], 0);
	link->write_bytes = get_u32(attrs[IFLA_FRAMEIO_WRITE_BYTES], 0);
	return 1;
}

/* As they are told of every kind of interface; the data of another kind is not looked at. */
static const enum mnl_attr_data_type info_types[IFLA_INFO_DATA + 1] = {
	[IFLA_INFO_KIND] = MNL_TYPE_NUL_STRING,
	[IFLA_INFO_DATA] = MNL_TYPE_NESTED,
};

static const enum mnl_attr_data_type link_types[IFLA_NEW_NETNSID + 1] = {
	[IFLA_ADDRESS] = MNL_TYPE_BINARY,
	[IFLA_IFNAME] = MNL_TYPE_NUL_STRING,
	[IFLA_MTU] = MNL_TYPE_U32,
	[IFLA_LINK] = MNL_TYPE_U32,
	[IFLA_MASTER] = MNL_TYPE_U32,
	[IFLA_LINKINFO] = MNL_TYPE_NESTED,
	[IFLA_NUM_TX_QUEUES] = MNL_TYPE_U32,
	[IFLA_CARRIER] = MNL_TYPE_U8,
	[IFLA_LINK_NETNSID] = MNL_TYPE_U32,
	[IFLA_NEW_NETNSID] = MNL_TYPE_U32,
};

/* Its kind, and of our kind what the port is. */
static int parse_kind(const struct nlattr *nest, struct link *link)
{
	const struct nlattr *infos[IFLA_INFO_DATA + 1] = { NULL };
	struct table table = { infos, info_types, IFLA_INFO_DATA };

	if (mnl_attr_parse_nested(nest, table_take, &table) < 0 ||
	    !get_string(link->kind, sizeof(link->kind), infos[IFLA_INFO_KIND]))
		return -EBADMSG;
	if (strcmp(link->kind, LINK_KIND))
		return 1;
	link->port = LINK_VIRTUAL_PORT;
	return infos[IFLA_INFO_DATA] ? parse_port(infos[IFLA_INFO_DATA], link) : 1;
}

int link_parse(const struct nlmsghdr *message, struct link *link)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFLA_NEW_NETNSID + 1] = { NULL };
	struct table table = { attrs, link_types, IFLA_NEW_NETNSID };

	if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK)
		return 0;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) || !ends_evenly(message))
		return -EBADMSG;
	/* a bridge tells of its ports by the same messages */
	if (header->ifi_family != AF_UNSPEC)
		return 0;
	if (mnl_attr_parse(message, sizeof(*header), table_take, &table) < 0)
		return -EBADMSG;

	memset(link, 0, sizeof(*link));
	link->ifindex = header->ifi_index;
	link->loopback = header->ifi_flags & IFF_LOOPBACK;
	link->ethernet = header->ifi_type == ARPHRD_ETHER;
	link->up = header->ifi_flags & IFF_UP;
	link->carrier = attrs[IFLA_CARRIER] && mnl_attr_get_u8(attrs[IFLA_CARRIER]);
	link->mtu = get_u32(attrs[IFLA_MTU], 0);
	link->master = get_u32(attrs[IFLA_MASTER], 0);
	if (!attrs[IFLA_LINK_NETNSID])
		link->lower = get_u32(attrs[IFLA_LINK], 0);
	link->nqueues_max = get_u32(attrs[IFLA_NUM_TX_QUEUES], 0);
	link->moved = attrs[IFLA_NEW_NETNSID];
	link->new_netnsid = get_u32(attrs[IFLA_NEW_NETNSID], -1);
	if (attrs[IFLA_ADDRESS]) {
		link->address_len = mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]);
		if (link->address_len > sizeof(link->address))
			return -EBADMSG;
		memcpy(link->address, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), link->address_len);
	}
	if (!get_string(link->name, sizeof(link->name), attrs[IFLA_IFNAME]) || !*link->name)
		return -EBADMSG;
	return attrs[IFLA_LINKINFO] ? parse_kind(attrs[IFLA_LINKINFO], link) : 1;
}

static const enum mnl_attr_data_type stats_types[IFLA_STATS_LINK_XSTATS + 1] = {
	[IFLA_STATS_LINK_XSTATS] = MNL_TYPE_NESTED,
};

int link_parse_queues(const struct nlmsghdr *message, struct link *link)
{
	const struct if_stats_msg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[IFLA_STATS_LINK_XSTATS + 1] = { NULL };
	struct table table = { attrs, stats_types, IFLA_STATS_LINK_XSTATS };

	link->nrows = 0;
	if (message->nlmsg_type != RTM_NEWSTATS)
		return 0;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) || !ends_evenly(message) ||
	    mnl_attr_parse(message, sizeof(*header), table_take, &table) < 0)
		return -EBADMSG;
	if (attrs[IFLA_STATS_LINK_XSTATS] &&
	    mnl_attr_parse_nested(attrs[IFLA_STATS_LINK_XSTATS], parse_queue, link) < 0)
		return -EBADMSG;
	return 1;
}

/* --- asking the kernel ----------------------------------------------- */

/* A request, and what to do with the answer. */
struct request {
	struct nlmsghdr *message;
	mnl_cb_t take;			/* of each message of the answer; NULL: there are none */
	void *argument;
	unsigned int *offsets;		/* of each setting's attribute in the message; or NULL */
	struct link_refusal *refusal;	/* or NULL */
};

static const enum mnl_attr_data_type ack_types[NLMSGERR_ATTR_OFFS + 1] = {
	[NLMSGERR_ATTR_MSG] = MNL_TYPE_NUL_STRING,
	[NLMSGERR_ATTR_OFFS] = MNL_TYPE_U32,
};

/* What an acknowledgment says besides its number. */
static void read_ack(const struct nlmsghdr *message, const struct request *request)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	const struct nlattr *attrs[NLMSGERR_ATTR_OFFS + 1] = { NULL };
	struct table table = { attrs, ack_types, NLMSGERR_ATTR_OFFS };
	size_t start = sizeof(*error);
	unsigned int offset, i;

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || !ends_evenly(message))
		return;
	if (!(message->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < sizeof(error->msg) ||
		    error->msg.nlmsg_len > mnl_nlmsg_get_payload_len(message))
			return;
		start += error->msg.nlmsg_len - sizeof(error->msg);
	}
	if (mnl_attr_parse(message, start, table_take, &table) < 0)
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		strncat(request->refusal->message, mnl_attr_get_str(attrs[NLMSGERR_ATTR_MSG]),
			sizeof(request->refusal->message) - 1);
	offset = get_u32(attrs[NLMSGERR_ATTR_OFFS], 0);
	for (i = 0; offset && request->offsets && i < LINK_NSETTINGS; i++)
		if (request->offsets[i] == offset)
			request->refusal->setting = i;
}

/* The errno that the kernel sent, for whoever called libmnl. */
static int fail(int error)
{
	/* as the kernel has it */
	const int errno_max = 4095;

	errno = error < 0 && error >= -errno_max ? -error : EBADMSG;
	return MNL_CB_ERROR;
}

static int take_ack(const struct nlmsghdr *message, void *argument)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	const struct request *request = argument;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return fail(-EBADMSG);
	if (request->refusal)
		read_ack(message, request);
	return error->error ? fail(error->error) : MNL_CB_STOP;
}

/* The end of a dump tells, too, whether it went well. */
static int take_end(const struct nlmsghdr *message, void *argument)
{
	const int *error = mnl_nlmsg_get_payload(message);

	(void)argument;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error) || *error >= 0)
		return MNL_CB_STOP;
	return fail(*error);
}

static int take_message(const struct nlmsghdr *message, void *argument)
{
	const struct request *request = argument;

	return request->take ? request->take(message, request->argument) : MNL_CB_OK;
}

/* Does a datagram hold whole messages only? After one that does not we might wait for ever. */
static bool is_whole(const struct nlmsghdr *message, int len)
{
	bool whole = false;

	while (mnl_nlmsg_ok(message, len)) {
		message = mnl_nlmsg_next(message, &len);
		whole = true;
	}
	return whole && len <= 0;
}

static int talk_by(struct mnl_socket *socket, struct request *request, void *buffer)
{
	static mnl_cb_t control[NLMSG_MIN_TYPE] = {
		[NLMSG_ERROR] = take_ack,
		[NLMSG_DONE] = take_end,
	};
	const int on = 1;
	ssize_t len;
	int ret;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* where the kernel is too old for these, it explains less */
	mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, (void *)&on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, (void *)&on, sizeof(on));
	request->message->nlmsg_seq = time(NULL);
	if (mnl_socket_sendto(socket, request->message, request->message->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(socket, buffer, LINK_BUFFER_SIZE);
		if (len < 0)
			return -errno;
		if (!is_whole(buffer, len))
			return -EBADMSG;
		ret = mnl_cb_run2(buffer, len, request->message->nlmsg_seq,
				  mnl_socket_get_portid(socket), take_message, request, control,
				  NLMSG_MIN_TYPE);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

/* Send a request and take the answer, whole. Return: 0; -EINTR, a dump was interrupted. */
static int talk(struct request *request)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	void *buffer = malloc(LINK_BUFFER_SIZE);
	int ret = -ENOMEM;

	if (request->refusal)
		*request->refusal = (struct link_refusal){ .setting = -1 };
	if (!socket)
		ret = -errno;
	else if (buffer)
		ret = talk_by(socket, request, buffer);
	free(buffer);
	if (socket)
		mnl_socket_close(socket);
	return ret;
}

/* Requests are short: a row of numbers and two names. */
#define REQUEST_SIZE	1024

static struct nlmsghdr *start_request(void *space, int type, int flags, int ifindex)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(space);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	header->ifi_family = AF_UNSPEC;
	header->ifi_index = ifindex;
	return message;
}

/* --- reading --------------------------------------------------------- */

/* The counters of every interface are not wanted. */
static void put_filter(struct nlmsghdr *message)
{
	mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

struct found {
	struct link *link;
	int ret;
};

static int take_link(const struct nlmsghdr *message, void *argument)
{
	struct found *found = argument;

	found->ret = link_parse(message, found->link);
	return MNL_CB_OK;
}

static int get(struct nlmsghdr *message, struct link *link)
{
	struct found found = { .link = link, .ret = -EBADMSG };
	struct request request = { .message = message, .take = take_link, .argument = &found };
	int ret = talk(&request);

	if (ret || found.ret < 0)
		return ret ? ret : found.ret;
	return found.ret ? 0 : -EBADMSG;
}

int link_get(const char *name, struct link *link)
{
	char space[REQUEST_SIZE] = { 0 };
	struct nlmsghdr *message = start_request(space, RTM_GETLINK, NLM_F_ACK, 0);

	if (strlen(name) >= LINK_NAME_MAX)
		return -ENODEV;
	put_filter(message);
	mnl_attr_put_strz(message, strlen(name) < IF_NAMESIZE ? IFLA_IFNAME : IFLA_ALT_IFNAME,
			  name);
	return get(message, link);
}

int link_get_by_index(int ifindex, struct link *link)
{
	char space[REQUEST_SIZE] = { 0 };
	struct nlmsghdr *message = start_request(space, RTM_GETLINK, NLM_F_ACK, ifindex);

	put_filter(message);
	return get(message, link);
}

static int take_queues(const struct nlmsghdr *message, void *argument)
{
	struct found *found = argument;

	found->ret = link_parse_queues(message, found->link);
	return MNL_CB_OK;
}

int link_get_queues(struct link *link)
{
	char space[REQUEST_SIZE] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(space);
	struct if_stats_msg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct found found = { .link = link, .ret = -EBADMSG };
	struct request request = { .message = message, .take = take_queues, .argument = &found };
	int ret;

	message->nlmsg_type = RTM_GETSTATS;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header->ifindex = link->ifindex;
	header->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS);
	link->nrows = 0;
	ret = talk(&request);
	if (ret || found.ret < 0)
		return ret ? ret : found.ret;
	return found.ret ? 0 : -EBADMSG;
}

struct list {
	const char *kind;
	struct link *links;
	int count;
};

static int take_links(const struct nlmsghdr *message, void *argument)
{
	struct list *list = argument;
	struct link link;
	int ret = link_parse(message, &link);
	struct link *more;

	if (ret < 0)
		errno = -ret;
	if (ret <= 0)
		return ret ? MNL_CB_ERROR : MNL_CB_OK;
	if (strcmp(link.kind, list->kind))
		return MNL_CB_OK;
	more = reallocarray(list->links, list->count + 1, sizeof(link));
	if (!more)
		return MNL_CB_ERROR;
	more[list->count] = link;
	list->links = more;
	list->count++;
	return MNL_CB_OK;
}

int link_compare(const void *left, const void *right)
{
	const struct link *a = left, *b = right;

	return a->ifindex < b->ifindex ? -1 : a->ifindex > b->ifindex;
}

/* How often a dump is begun again that changes interrupted. */
#define DUMP_TRIES	100

int link_list(const char *kind, struct link **links)
{
	char space[REQUEST_SIZE] = { 0 };
	struct nlmsghdr *message = start_request(space, RTM_GETLINK, NLM_F_DUMP, 0);
	struct nlattr *info;
	int ret = -EINTR;
	int i;

	put_filter(message);
	/* a kernel that knows the kind leaves out the other interfaces */
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(message, info);
	*links = NULL;
	for (i = 0; i < DUMP_TRIES && ret == -EINTR; i++) {
		struct list list = { .kind = kind };
		struct request request = {
			.message = message, .take = take_links, .argument = &list,
		};

		ret = talk(&request);
		if (ret) {
			free(list.links);
			continue;
		}
		if (list.count)
			qsort(list.links, list.count, sizeof(*list.links), link_compare);
		*links = list.links;
		ret = list.count;
	}
	return ret;
}

/* --- changing -------------------------------------------------------- */

/* A request that changes a port, and where in it each setting is. */
struct change {
	char space[REQUEST_SIZE];
	struct nlmsghdr *message;
	const struct link_settings *settings;
	unsigned int offsets[LINK_NSETTINGS];
};

static void put_u32(struct change *change, enum link_setting setting, int type, uint32_t value)
{
	change->offsets[setting] = change->message->nlmsg_len;
	mnl_attr_put_u32(change->message, type, value);
}

static void put_if_given(struct change *change, enum link_setting setting, int type)
{
	if (change->settings->given[setting])
		put_u32(change, setting, type, change->settings->value[setting]);
}

/* What every kind of interface has. */
static void put_link_settings(struct change *change)
{
	const struct link_settings *settings = change->settings;
	struct ifinfomsg *header = mnl_nlmsg_get_payload(change->message);

	if (settings->given[LINK_UP]) {
		header->ifi_change = IFF_UP;
		header->ifi_flags = settings->value[LINK_UP] ? IFF_UP : 0;
	}
	put_if_given(change, LINK_MTU, IFLA_MTU);
	if (settings->given[LINK_ADDRESS]) {
		change->offsets[LINK_ADDRESS] = change->message->nlmsg_len;
		mnl_attr_put(change->message, IFLA_ADDRESS, settings->address_len,
			     settings->address);
	}
	if (settings->given[LINK_CARRIER])
		mnl_attr_put_u8(change->message, IFLA_CARRIER, settings->value[LINK_CARRIER]);
	if (settings->given[LINK_NAME]) {
		change->offsets[LINK_NAME] = change->message->nlmsg_len;
		mnl_attr_put_strz(change->message, IFLA_IFNAME, settings->name);
	}
}

/* What a port has, to be between start_port() and end_port(). */
static void put_port_settings(struct change *change)
{
	put_if_given(change, LINK_READ_LIMIT, IFLA_FRAMEIO_READ_LIMIT);
	put_if_given(change, LINK_WRITE_LIMIT, IFLA_FRAMEIO_WRITE_LIMIT);
	put_if_given(change, LINK_READ_BYTES, IFLA_FRAMEIO_READ_BYTES);
	put_if_given(change, LINK_WRITE_BYTES, IFLA_FRAMEIO_WRITE_BYTES);
	put_if_given(change, LINK_OWNER, IFLA_FRAMEIO_OWNER);
	put_if_given(change, LINK_GROUP, IFLA_FRAMEIO_GROUP);
}

/* The two nests that a port's own attributes are in. */
struct nests {
	struct nlattr *info, *port;
};

static struct nests start_port(struct nlmsghdr *message)
{
	struct nests nests;

	nests.info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, LINK_KIND);
	nests.port = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	return nests;
}

static void end_port(struct nlmsghdr *message, const struct nests *nests)
{
	mnl_attr_nest_end(message, nests->port);
	mnl_attr_nest_end(message, nests->info);
}

static int talk_of_change(struct change *change, struct link_refusal *refusal)
{
	struct request request = {
		.message = change->message, .offsets = change->offsets, .refusal = refusal,
	};

	return talk(&request);
}

int link_add(const char *name, const struct link_settings *settings, struct link_refusal *refusal)
{
	const int flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	struct change change = { .settings = settings };
	enum link_setting number = LINK_QUEUES;
	struct nests nests;

	change.message = start_request(change.space, RTM_NEWLINK, flags, 0);
	mnl_attr_put_strz(change.message, IFLA_IFNAME, name);
	put_link_settings(&change);
	/* without a maximum of its own, as many as are used are the maximum, and the default */
	if (settings->given[LINK_NUMQUEUES])
		number = LINK_NUMQUEUES;
	if (settings->given[number]) {
		put_u32(&change, number, IFLA_NUM_TX_QUEUES, settings->value[number]);
		mnl_attr_put_u32(change.message, IFLA_NUM_RX_QUEUES, settings->value[number]);
	}
	nests = start_port(change.message);
	if (number == LINK_NUMQUEUES)
		put_if_given(&change, LINK_QUEUES, IFLA_FRAMEIO_NQUEUES);
	if (settings->given[LINK_LAYER] || settings->given[LINK_OFFLOAD])
		put_u32(&change, LINK_LAYER, IFLA_FRAMEIO_FLAGS,
			(settings->value[LINK_LAYER] == 3 ? FRAMEIO_PORT_L3 : 0) |
			(settings->given[LINK_OFFLOAD] ? FRAMEIO_PORT_OFFLOAD : 0));
	put_port_settings(&change);
	end_port(change.message, &nests);
	return talk_of_change(&change, refusal);
}

int link_set(const struct link *link, const struct link_settings *settings,
	     struct link_refusal *refusal)
{
	struct change change = { .settings = settings };
	struct nests nests;

	change.message = start_request(change.space, RTM_NEWLINK, NLM_F_ACK, link->ifindex);
	put_link_settings(&change);
	nests = start_port(change.message);
	put_if_given(&change, LINK_QUEUES, IFLA_FRAMEIO_NQUEUES);
	if (settings->given[LINK_PERSIST])
		put_u32(&change, LINK_PERSIST, IFLA_FRAMEIO_FLAGS,
			(link->flags & (FRAMEIO_PORT_L3 | FRAMEIO_PORT_OFFLOAD)) |
			(settings->value[LINK_PERSIST] ? FRAMEIO_PORT_PERSIST : 0));
	put_port_settings(&change);
	end_port(change.message, &nests);
	return talk_of_change(&change, refusal);
}

int link_delete(const struct link *link, struct link_refusal *refusal)
{
	struct change change = { .message = NULL };

	change.message = start_request(change.space, RTM_DELLINK, NLM_F_ACK, link->ifindex);
	return talk_of_change(&change, refusal);
}
