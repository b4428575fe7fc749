/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link.h"
#include "record.h"

/* The arguments of the call "newlink", in their order. */
enum {
	ARG_NAME, ARG_FLAGS, ARG_NTX, ARG_NRX, ARG_MTU, ARG_ADDRESS, ARG_NETNS,
	ARG_ATTR1, ARG_LEN1, ARG_VALUE1, ARG_ATTR2, ARG_LEN2, ARG_VALUE2, ARG_TWEAK,
};

#define MESSAGE_SIZE	4096

static struct nlmsghdr *message_start(void *buffer, uint16_t type, uint16_t flags,
				      const char *name)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put(message, IFLA_IFNAME, strnlen(name, IFNAMSIZ) + 1, name);
	return message;
}

/* Send it; the answer is waited for, as the kernel works before it returns, and dropped. */
static void message_send(struct nlmsghdr *message)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!socket)
		return;
	mnl_socket_sendto(socket, message, message->nlmsg_len);
	mnl_socket_close(socket);
}

static void put_attribute(struct nlmsghdr *message, uint64_t type, uint64_t len, uint64_t value)
{
	unsigned char payload[256] = { 0 };
	const uint32_t word = value;

	if (!type)
		return;
	memcpy(payload, &word, sizeof(word));
	mnl_attr_put(message, type, len ? len % sizeof(payload) : sizeof(word), payload);
}

static uint16_t newlink_flags(uint64_t arg)
{
	static const uint16_t flags[] = {
		NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE, 0, NLM_F_CREATE | NLM_F_REPLACE,
		NLM_F_REPLACE,
	};

	return flags[arg % (sizeof(flags) / sizeof(flags[0]))];
}

void link_new(const char *name, const uint64_t *args, int netns)
{
	static const unsigned char address[32] = RECORD_ETHERNET;
	static const unsigned char multicast[6] = { 3 };
	char buffer[MESSAGE_SIZE] = { 0 };
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK,
						 newlink_flags(args[ARG_FLAGS]), name);
	struct nlattr *info, *data;

	if (args[ARG_NTX])
		mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, args[ARG_NTX]);
	if (args[ARG_NRX])
		mnl_attr_put_u32(message, IFLA_NUM_RX_QUEUES, args[ARG_NRX]);
	if (args[ARG_MTU])
		mnl_attr_put_u32(message, IFLA_MTU, args[ARG_MTU]);
	if (!args[ARG_ADDRESS])
		mnl_attr_put(message, IFLA_ADDRESS, sizeof(multicast), address);
	else if (args[ARG_ADDRESS] & 0xff)
		mnl_attr_put(message, IFLA_ADDRESS, args[ARG_ADDRESS] % sizeof(address),
			     args[ARG_ADDRESS] & 0x100 ? multicast : address);
	if (netns >= 0)
		mnl_attr_put_u32(message, IFLA_NET_NS_FD, netns);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_str(message, IFLA_INFO_KIND, "frameio");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	put_attribute(message, args[ARG_ATTR1], args[ARG_LEN1], args[ARG_VALUE1]);
	put_attribute(message, args[ARG_ATTR2], args[ARG_LEN2], args[ARG_VALUE2]);
	mnl_attr_nest_end(message, data);
	if (mnl_attr_get_payload_len(data))
		((unsigned char *)mnl_attr_get_payload(data))[(args[ARG_TWEAK] >> 8) %
			mnl_attr_get_payload_len(data)] ^= args[ARG_TWEAK];
	mnl_attr_nest_end(message, info);
	message_send(message);
}

static void put_peer(struct nlmsghdr *message, const char *peer, int netns)
{
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	struct nlattr *nest = mnl_attr_nest_start(message, VETH_INFO_PEER);

	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put(message, IFLA_IFNAME, strnlen(peer, IFNAMSIZ) + 1, peer);
	mnl_attr_put(message, IFLA_ADDRESS, 6, RECORD_ETHERNET);
	if (netns >= 0)
		mnl_attr_put_u32(message, IFLA_NET_NS_FD, netns);
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, data);
}

void link_foreign(enum foreign kind, const char *name, const char *peer, uint32_t nqueues,
		  int netns)
{
	static const char *const kinds[FOREIGN_COUNT] = { "veth", "dummy", "bridge" };
	char buffer[MESSAGE_SIZE] = { 0 };
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
						 name);
	struct nlattr *info;

	if (nqueues)
		mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, nqueues);
	mnl_attr_put(message, IFLA_ADDRESS, 6, RECORD_ETHERNET);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_str(message, IFLA_INFO_KIND, kinds[kind]);
	if (kind == FOREIGN_VETH)
		put_peer(message, peer, netns);
	mnl_attr_nest_end(message, info);
	message_send(message);
}

void link_delete(const char *name)
{
	char buffer[MESSAGE_SIZE];

	message_send(message_start(buffer, RTM_DELLINK, 0, name));
}

void link_up(const char *name, int on)
{
	char buffer[MESSAGE_SIZE];
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK, 0, name);
	struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	link->ifi_change = IFF_UP;
	link->ifi_flags = on ? IFF_UP : 0;
	message_send(message);
}

void link_set_address(const char *name)
{
	char buffer[MESSAGE_SIZE];
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK, 0, name);

	mnl_attr_put(message, IFLA_ADDRESS, 6, RECORD_ETHERNET);
	message_send(message);
}

void link_set_mtu(const char *name, uint32_t mtu)
{
	char buffer[MESSAGE_SIZE];
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK, 0, name);

	mnl_attr_put_u32(message, IFLA_MTU, mtu);
	message_send(message);
}

void link_rename(const char *name, const char *to)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ));
	memcpy(request.ifr_newname, to, strnlen(to, IFNAMSIZ));
	ioctl(fd, SIOCSIFNAME, &request);
	close(fd);
}

void link_move(const char *name, int netns)
{
	char buffer[MESSAGE_SIZE];
	struct nlmsghdr *message = message_start(buffer, RTM_NEWLINK, 0, name);

	mnl_attr_put_u32(message, IFLA_NET_NS_FD, netns);
	message_send(message);
}

void link_sysfs(const char *name, unsigned int file, uint64_t value)
{
	/* in the order of the words in program.c */
	static const char *const files[] = {
		"threaded", "mtu", "tx_queue_len", "gro_flush_timeout", "napi_defer_hard_irqs",
		"flags", "carrier", "group", "ifalias", "proto_down", "queues/rx-0/rps_cpus",
		"queues/tx-0/xps_cpus", "queues/tx-0/byte_queue_limits/limit_min",
		"queues/tx-1/xps_rxqs",
	};
	char path[256], text[32];
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%.16s/%s", name,
		 files[file % (sizeof(files) / sizeof(files[0]))]);
	/* masks of CPUs are hexadecimal, the rest decimal */
	snprintf(text, sizeof(text), strchr(path, 'q') && strstr(path, "ps_") ? "%llx" : "%llu",
		 (unsigned long long)value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		text[0] = 0;	/* refused, which is as good */
	close(fd);
}

void link_ethtool(const char *name, unsigned int command, uint32_t value)
{
	/* in the order of the words in program.c */
	static const uint32_t commands[] = {
		ETHTOOL_GDRVINFO, ETHTOOL_GLINK, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS,
		ETHTOOL_GSSET_INFO, ETHTOOL_SFEATURES, ETHTOOL_GET_TS_INFO, ETHTOOL_GRINGPARAM,
		ETHTOOL_SRINGPARAM, ETHTOOL_GCHANNELS, ETHTOOL_SCHANNELS, ETHTOOL_SCOALESCE,
		ETHTOOL_GET_DUMP_FLAG,
	};
	const size_t size = 1 << 18;	/* the names of the counters of 64 queue pairs, and more */
	uint32_t *words = calloc(1, size);
	struct ifreq request = { .ifr_data = (void *)words };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned int i;

	if (words) {
		memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ));
		for (i = 1; i < 16; i++)
			words[i] = value;
		words[0] = commands[command % (sizeof(commands) / sizeof(commands[0]))];
		if (words[0] == ETHTOOL_GSTRINGS)
			words[1] = ETH_SS_STATS;
		else if (words[0] == ETHTOOL_SFEATURES)
			words[1] = 2;
		ioctl(fd, SIOCETHTOOL, &request);
	}
	free(words);
	close(fd);
}
