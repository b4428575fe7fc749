/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The port as a network interface: ip link, netlink attributes, ethtool, sysfs. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"

/* A number from /sys/class/net/fio0. */
static uint64_t sysfs(const char *attribute)
{
	return guest_number("/sys/class/net/fio0/%s", attribute);
}

/* The one port of the namespace. */
static struct frameio_info get_only_port(void)
{
	struct frameio_info info;
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)&info,
		.fl_count = 1,
	};
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	ck_assert_uint_eq(list.fl_count, 1);
	close(fd);
	return info;
}

/* Those attributes with a bit in @set are there. */
struct queue {
	uint32_t set;
	uint32_t value[IFLA_FRAMEIO_QUEUE_MAX + 1];
	char mode[16];
};

/* Attributes of IFLA_INFO_DATA, each a u32; likewise. */
struct attributes {
	uint32_t set;
	uint32_t value[IFLA_FRAMEIO_MAX + 2];
};

struct queues {
	unsigned int n;
	struct queue queue[FRAMEIO_NQUEUES_MAX];
};

static void put_attribute(struct attributes *attributes, int type, uint32_t value)
{
	attributes->set |= 1U << type;
	attributes->value[type] = value;
}

/* Send a request and have each message of the answer looked at; 0 or the errno. */
static int talk(struct nlmsghdr *request, mnl_cb_t look, void *arg)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	char buffer[16384];
	/* what libmnl proposes; the answer about one interface comes in one piece */
	size_t size = request->nlmsg_flags & NLM_F_DUMP ? 4096 : sizeof(buffer);
	int ret = 1;

	ck_assert_ptr_nonnull(socket);
	ck_assert_int_eq(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), 0);
	request->nlmsg_seq = 1;
	ck_assert_int_gt(mnl_socket_sendto(socket, request, request->nlmsg_len), 0);
	while (ret > MNL_CB_STOP) {
		ret = mnl_socket_recvfrom(socket, buffer, size);
		ck_assert_int_gt(ret, 0);
		ret = mnl_cb_run(buffer, ret, 1, mnl_socket_get_portid(socket), look, arg);
	}
	ret = ret < 0 ? errno : 0;
	mnl_socket_close(socket);
	return ret;
}

/* RTM_NEWLINK of fio0; 0 or the errno. @flags: NLM_F_CREATE, or 0 to change it. */
static int set_link(int flags, uint32_t queues, const struct attributes *attributes)
{
	char buffer[4096] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *nest;
	int type;

	request->nlmsg_type = RTM_NEWLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, "fio0");
	if (queues) {
		mnl_attr_put_u32(request, IFLA_NUM_TX_QUEUES, queues);
		mnl_attr_put_u32(request, IFLA_NUM_RX_QUEUES, queues);
	}
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "frameio");
	nest = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	for (type = 1; type <= IFLA_FRAMEIO_MAX + 1; type++)
		if (attributes->set & 1U << type)
			mnl_attr_put_u32(request, type, attributes->value[type]);
	mnl_attr_nest_end(request, nest);
	mnl_attr_nest_end(request, info);
	return talk(request, NULL, NULL);
}

static int look_at_queue_attribute(const struct nlattr *attr, void *arg)
{
	struct queue *queue = arg;
	const unsigned int type = mnl_attr_get_type(attr);

	ck_assert_uint_le(type, IFLA_FRAMEIO_QUEUE_MAX);
	if (type == IFLA_FRAMEIO_QUEUE_MODE) {
		snprintf(queue->mode, sizeof(queue->mode), "%s", mnl_attr_get_str(attr));
	} else {
		ck_assert_uint_eq(mnl_attr_get_payload_len(attr), sizeof(uint32_t));
		queue->value[type] = mnl_attr_get_u32(attr);
	}
	queue->set |= 1U << type;
	return MNL_CB_OK;
}

static int look_at_queue(const struct nlattr *attr, void *arg)
{
	struct queues *queues = arg;

	ck_assert_uint_eq(mnl_attr_get_type(attr), IFLA_FRAMEIO_QUEUE);
	ck_assert_uint_lt(queues->n, FRAMEIO_NQUEUES_MAX);
	mnl_attr_parse_nested(attr, look_at_queue_attribute, &queues->queue[queues->n++]);
	return MNL_CB_OK;
}

static int look_at_stats_attribute(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_STATS_LINK_XSTATS)
		mnl_attr_parse_nested(attr, look_at_queue, arg);
	return MNL_CB_OK;
}

static int look_at_stats(const struct nlmsghdr *message, void *arg)
{
	const struct if_stats_msg *header = mnl_nlmsg_get_payload(message);

	/* other kinds of interfaces have such attributes of their own */
	if (header->ifindex == if_nametoindex("fio0"))
		mnl_attr_parse(message, sizeof(*header), look_at_stats_attribute, arg);
	return message->nlmsg_flags & NLM_F_MULTI ? MNL_CB_OK : MNL_CB_STOP;
}

/* RTM_GETSTATS: of fio0, or with @flags of NLM_F_DUMP of all interfaces. */
static void get_queues(int flags, struct queues *queues)
{
	char buffer[4096] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct if_stats_msg *header;

	memset(queues, 0, sizeof(*queues));
	request->nlmsg_type = RTM_GETSTATS;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	if (!flags)
		header->ifindex = if_nametoindex("fio0");
	header->filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_XSTATS);
	ck_assert_int_eq(talk(request, look_at_stats, queues), 0);
}

static int look_at_data(const struct nlattr *attr, void *arg)
{
	ck_assert_uint_le(mnl_attr_get_type(attr), IFLA_FRAMEIO_MAX);
	ck_assert_uint_eq(mnl_attr_get_payload_len(attr), sizeof(uint32_t));
	put_attribute(arg, mnl_attr_get_type(attr), mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

static int look_at_info(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		ck_assert_str_eq(mnl_attr_get_str(attr), "frameio");
	if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
		mnl_attr_parse_nested(attr, look_at_data, arg);
	return MNL_CB_OK;
}

static int look_at_attribute(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
		mnl_attr_parse_nested(attr, look_at_info, arg);
	return MNL_CB_OK;
}

static int look_at_link(const struct nlmsghdr *message, void *arg)
{
	mnl_attr_parse(message, sizeof(struct ifinfomsg), look_at_attribute, arg);
	return MNL_CB_STOP;
}

/* RTM_GETLINK of fio0. */
static struct attributes get_link(void)
{
	struct attributes attributes = { .set = 0 };
	char buffer[4096] = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *header;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(request, sizeof(*header));
	header->ifi_index = if_nametoindex("fio0");
	ck_assert_int_eq(talk(request, look_at_link, &attributes), 0);
	return attributes;
}

START_TEST(ip_link_makes_and_deletes_a_port)
{
	struct frameio_info info;

	guest_sh("ip link add fio0 type frameio");
	info = get_only_port();
	ck_assert_str_eq(info.fi_name, "fio0");
	ck_assert_uint_eq(info.fi_flags, FRAMEIO_PORT_PERSIST);
	ck_assert_uint_eq(info.fi_nqueues, 1);
	ck_assert_uint_eq(info.fi_nopen, 0);
	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	close(guest_open("fio0", FRAMEIO_QUEUE_ANY));
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	guest_sh("ip -d -j link show fio0 | grep -q '\"info_kind\":\"frameio\"'");
	guest_sh("ip -j link show type frameio | grep -q '\"ifname\":\"fio0\"'");
	guest_sh("ip link del fio0 type frameio");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	guest_refuse_sh("ip link del fio0 2>/dev/null");
}
END_TEST

START_TEST(ip_link_deletes_a_port_that_is_open)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	char byte[64];

	guest_sh("ip link del fio0");
	ck_assert_errno(read(fd, byte, sizeof(byte)), ENODEV);
	guest_create("fio0", 0, 1);
}
END_TEST

START_TEST(numtxqueues_are_the_queue_pairs)
{
	guest_sh("ip link add fio0 numtxqueues 64 numrxqueues 64 type frameio");
	ck_assert_uint_eq(get_only_port().fi_nqueues, 64);
	ck_assert_int_ge(guest_open("fio0", 63), 0);
	guest_sh("test -d /sys/class/net/fio0/queues/tx-63");
	guest_sh("test -d /sys/class/net/fio0/queues/rx-63");
	guest_sh("ip link del fio0");
	guest_sh("ip link add fio0 numtxqueues 3 type frameio");
	ck_assert_uint_eq(get_only_port().fi_nqueues, 3);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(more_than_64_queue_pairs_are_refused_and_told_why)
{
	guest_refuse_sh("ip link add fio0 numtxqueues 65 type frameio 2>/dev/null");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	guest_sh("ip link add fio0 numtxqueues 65 type frameio 2>&1 | "
		 "grep -q 'a port has at most 64 queue pairs'");
}
END_TEST

/* The bounds of the MTU, and the longest frame that follows from it. */
static void check_mtu_bounds(uint32_t flags, uint32_t max, uint32_t header)
{
	int fd = guest_create("fio0", flags, 1);

	guest_refuse_sh("ip link set fio0 mtu 67 2>/dev/null");
	guest_refuse_sh("ip link set fio0 mtu %u 2>/dev/null", max + 1);
	ck_assert_uint_eq(sysfs("mtu"), 1500);
	guest_sh("ip link set fio0 mtu 68");
	ck_assert_uint_eq(guest_info(fd).fi_frame_max, 68 + header);
	guest_sh("ip link set fio0 mtu %u", max);
	ck_assert_uint_eq(sysfs("mtu"), max);
	ck_assert_uint_eq(guest_info(fd).fi_frame_max, max + header);
}

START_TEST(the_mtu_of_an_l2_port_has_bounds)
{
	check_mtu_bounds(0, 65521, 14);
}
END_TEST

START_TEST(the_mtu_of_an_l3_port_has_bounds)
{
	check_mtu_bounds(FRAMEIO_PORT_L3, 65535, 0);
}
END_TEST

START_TEST(the_mtu_is_set_at_creation)
{
	guest_sh("ip link add fio0 mtu 65521 type frameio");
	ck_assert_uint_eq(get_only_port().fi_frame_max, 65535);
	guest_sh("ip link del fio0");
	guest_refuse_sh("ip link add fio0 mtu 65522 type frameio 2>/dev/null");
	guest_refuse_sh("ip link add fio0 mtu 67 type frameio 2>/dev/null");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(the_address_is_a_unicast_one)
{
	guest_sh("ip link add fio0 address 02:00:00:00:00:07 type frameio");
	guest_sh("grep -qx 02:00:00:00:00:07 /sys/class/net/fio0/address");
	guest_sh("ip link set fio0 up && ip link set fio0 address 02:00:00:00:00:08");
	guest_sh("grep -qx 02:00:00:00:00:08 /sys/class/net/fio0/address");
	guest_refuse_sh("ip link set fio0 address 01:00:00:00:00:07 2>/dev/null");
	guest_sh("ip link del fio0");
	guest_refuse_sh("ip link add fio0 address 01:00:00:00:00:07 type frameio 2>/dev/null");
	guest_refuse_sh("ip link add fio0 address 02:00 type frameio 2>/dev/null");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	/* one of its own where none is given */
	guest_sh("ip link add fio0 type frameio");
	guest_refuse_sh("grep -qx 00:00:00:00:00:00 /sys/class/net/fio0/address");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(the_carrier_is_on_while_a_file_is_open)
{
	int zero, one;

	guest_sh("ip link add fio0 numtxqueues 2 type frameio && ip link set fio0 up");
	ck_assert_uint_eq(sysfs("carrier"), 0);
	guest_sh("ip link show fio0 | grep -q NO-CARRIER");
	zero = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	ck_assert_uint_eq(sysfs("carrier"), 1);
	one = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	close(zero);
	ck_assert_uint_eq(sysfs("carrier"), 1);
	close(one);
	ck_assert_uint_eq(sysfs("carrier"), 0);
	guest_sh("ip link del fio0");
	/* FRAMEIO_CREATE opens, too */
	guest_create_up("fio0", 0, 1, 0);
	ck_assert_uint_eq(sysfs("carrier"), 1);
}
END_TEST

/* Three frames of 100 bytes into the port, two of 60 out of it, by each way to call. */
static void move_frames(int fd, int packet)
{
	unsigned char records[3][HDRLEN + 100];
	struct iovec iov[2] = { { records[0], HDRLEN + 100 }, { records[1], HDRLEN + 100 } };
	union guest_frameio fio;
	uint32_t i;

	for (i = 0; i < 3; i++)
		guest_send(packet, 100, i, 0);
	ck_assert_int_eq(read(fd, records[2], HDRLEN + 100), HDRLEN + 100);
	ck_assert_int_eq(readv(fd, iov, 2), 2 * (HDRLEN + 100));
	guest_record(records[0], 60, 1, 0);
	ck_assert_int_eq(write(fd, records[0], HDRLEN + 60), HDRLEN + 60);
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)records[0];
	fio.fio.fio_vecs[0].fv_buflen = HDRLEN + 60;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_WRITE, &fio), 0);
	guest_receive(packet, 60, 1, 0);
	guest_receive(packet, 60, 1, 0);
}

START_TEST(ip_counts_what_was_moved)
{
	int fd = guest_create_up("fio0", 0, 1, 0);

	move_frames(fd, guest_packet_socket("fio0"));
	ck_assert_uint_eq(sysfs("statistics/tx_packets"), 3);
	ck_assert_uint_eq(sysfs("statistics/tx_bytes"), 300);
	ck_assert_uint_eq(sysfs("statistics/tx_dropped"), 0);
	ck_assert_uint_eq(sysfs("statistics/rx_packets"), 2);
	ck_assert_uint_eq(sysfs("statistics/rx_bytes"), 120);
	ck_assert_uint_eq(sysfs("statistics/rx_dropped"), 0);
	guest_sh("ip -s -j link show fio0 | grep -q '\"rx\":{\"bytes\":120,\"packets\":2,'");
	guest_sh("ip -s -j link show fio0 | grep -q '\"tx\":{\"bytes\":300,\"packets\":3,'");
}
END_TEST

START_TEST(ip_counts_what_lost_its_reader)
{
	int packet, fd;
	uint32_t i;

	close(guest_create("fio0", FRAMEIO_PORT_PERSIST, 1));
	guest_sh("sysctl -q -w net.ipv6.conf.fio0.disable_ipv6=1 && ip link set fio0 up");
	fd = guest_open("fio0", 0);
	guest_wait_running("fio0");
	packet = guest_packet_socket("fio0");
	for (i = 0; i < 4; i++)
		guest_send(packet, 60, i, 0);
	ck_assert_uint_eq(sysfs("statistics/tx_dropped"), 0);
	close(fd);
	ck_assert_uint_eq(sysfs("statistics/tx_dropped"), 4);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(ethtool_tells_the_driver)
{
	guest_create_up("fio0", 0, 1, 0);
	guest_sh("ethtool -i fio0 | grep -qx 'driver: frameio'");
	guest_sh("ethtool -i fio0 | grep -qx \"version: $(cat /sys/module/frameio/version)\"");
	guest_sh("ethtool fio0 | grep -q 'Link detected: yes'");
}
END_TEST

static void check_ethtool(const char *counter, uint64_t value)
{
	guest_sh("ethtool -S fio0 | grep -qx ' *%s: %llu' || { ethtool -S fio0; false; }", counter,
		 (unsigned long long)value);
}

START_TEST(ethtool_counts_as_the_file_does)
{
	int fd = guest_create_up("fio0", 0, 2, 0);
	struct frameio_stats stats;

	move_frames(fd, guest_packet_socket("fio0"));
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, 3);
	ck_assert_uint_eq(stats.fs_read_queued_bytes, 300);
	ck_assert_uint_eq(stats.fs_write_received, 2);
	ck_assert_uint_eq(stats.fs_write_received_bytes, 120);
	check_ethtool("q0_read_queued", 3);
	check_ethtool("q0_read_queued_bytes", 300);
	check_ethtool("q0_read_frames_single", 1);
	check_ethtool("q0_read_frames_vector", 2);
	check_ethtool("q0_read_frames_frameio", 0);
	check_ethtool("q0_read_calls_single", 1);
	check_ethtool("q0_read_calls_vector", 1);
	check_ethtool("q0_read_bytes", 300);
	check_ethtool("q0_write_frames_single", 1);
	check_ethtool("q0_write_frames_vector", 0);
	check_ethtool("q0_write_frames_frameio", 1);
	check_ethtool("q0_write_calls_frameio", 1);
	check_ethtool("q0_write_bytes", 120);
	check_ethtool("q0_write_received", 2);
	check_ethtool("q0_write_received_bytes", 120);
	check_ethtool("q0_write_errors", 0);
	check_ethtool("q1_read_queued", 0);
	check_ethtool("q1_write_received", 0);
	guest_refuse_sh("ethtool -S fio0 | grep -q q2_");
}
END_TEST

START_TEST(netlink_sets_every_attribute_at_creation)
{
	struct attributes wanted = { .set = 0 }, found;
	struct frameio_info info;

	put_attribute(&wanted, IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_L3);
	put_attribute(&wanted, IFLA_FRAMEIO_NQUEUES, 2);
	put_attribute(&wanted, IFLA_FRAMEIO_READ_LIMIT, FRAMEIO_LIMIT_MAX);
	put_attribute(&wanted, IFLA_FRAMEIO_WRITE_LIMIT, FRAMEIO_LIMIT_MIN);
	put_attribute(&wanted, IFLA_FRAMEIO_OWNER, 1000);
	put_attribute(&wanted, IFLA_FRAMEIO_GROUP, 2000);
	put_attribute(&wanted, IFLA_FRAMEIO_READ_BYTES, 1);
	put_attribute(&wanted, IFLA_FRAMEIO_WRITE_BYTES, FRAMEIO_BYTES_MAX);
	ck_assert_int_eq(set_link(NLM_F_CREATE | NLM_F_EXCL, 4, &wanted), 0);
	/* what is made by netlink stays; and what is told besides */
	put_attribute(&wanted, IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST);
	put_attribute(&wanted, IFLA_FRAMEIO_NOPEN, 0);
	found = get_link();
	ck_assert_uint_eq(found.set, wanted.set);
	ck_assert_mem_eq(found.value, wanted.value, sizeof(wanted.value));

	info = get_only_port();
	ck_assert_uint_eq(info.fi_flags, FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST |
			  FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP);
	ck_assert_uint_eq(info.fi_nqueues, 2);
	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_MIN);
	ck_assert_uint_eq(info.fi_frame_max, 1500);
	ck_assert_uint_eq(info.fi_owner, 1000);
	ck_assert_uint_eq(info.fi_group, 2000);
	guest_sh("test $(stat -c %%a:%%u:%%g /dev/frameio/fio0) = 660:1000:2000");
	ck_assert_errno(guest_open("fio0", 2), EINVAL);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(netlink_tells_the_defaults)
{
	struct attributes found;

	guest_sh("ip link add fio0 type frameio");
	found = get_link();
	ck_assert_uint_eq(found.set, 1 << IFLA_FRAMEIO_FLAGS | 1 << IFLA_FRAMEIO_NQUEUES |
			  1 << IFLA_FRAMEIO_READ_LIMIT | 1 << IFLA_FRAMEIO_WRITE_LIMIT |
			  1 << IFLA_FRAMEIO_READ_BYTES | 1 << IFLA_FRAMEIO_WRITE_BYTES |
			  1 << IFLA_FRAMEIO_NOPEN);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_FLAGS], FRAMEIO_PORT_PERSIST);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_READ_BYTES], FRAMEIO_BYTES_DEFAULT);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_WRITE_BYTES], FRAMEIO_BYTES_DEFAULT);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_NOPEN], 0);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_NQUEUES], 1);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_READ_LIMIT], FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(found.value[IFLA_FRAMEIO_WRITE_LIMIT], FRAMEIO_LIMIT_DEFAULT);
	guest_sh("ip link del fio0");
}
END_TEST

/* What is refused, and with which errno. */
static const struct {
	int type;
	uint32_t value;
	int error;
} refused[] = {
	{ IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_OWNER, EINVAL },
	{ IFLA_FRAMEIO_FLAGS, 0x80000000, EINVAL },
	{ IFLA_FRAMEIO_NQUEUES, 0, ERANGE },
	{ IFLA_FRAMEIO_NQUEUES, 65, ERANGE },
	{ IFLA_FRAMEIO_NQUEUES, 5, EINVAL },	/* more than numtxqueues */
	{ IFLA_FRAMEIO_READ_LIMIT, 0, ERANGE },
	{ IFLA_FRAMEIO_READ_LIMIT, FRAMEIO_LIMIT_MAX + 1, EINVAL },
	{ IFLA_FRAMEIO_WRITE_LIMIT, 0, ERANGE },
	{ IFLA_FRAMEIO_WRITE_LIMIT, ~0U, EINVAL },
	{ IFLA_FRAMEIO_READ_BYTES, 0, ERANGE },
	{ IFLA_FRAMEIO_READ_BYTES, FRAMEIO_BYTES_MAX + 1, EINVAL },
	{ IFLA_FRAMEIO_WRITE_BYTES, 0, ERANGE },
	{ IFLA_FRAMEIO_WRITE_BYTES, ~0U, EINVAL },
	{ IFLA_FRAMEIO_NOPEN, 1, EINVAL },
	{ IFLA_FRAMEIO_OWNER, ~0U, EINVAL },
	{ IFLA_FRAMEIO_GROUP, ~0U, EINVAL },
};

START_TEST(netlink_refuses_values_out_of_range)
{
	struct attributes attributes = { .set = 0 };

	put_attribute(&attributes, refused[_i].type, refused[_i].value);
	ck_assert_int_eq(set_link(NLM_F_CREATE | NLM_F_EXCL, 4, &attributes), refused[_i].error);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(netlink_changes_the_limits_of_every_queue_pair)
{
	int zero = guest_create("fio0", 0, 2), one = guest_open("fio0", 1);
	struct attributes attributes = { .set = 0 };

	put_attribute(&attributes, IFLA_FRAMEIO_READ_LIMIT, 7);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(zero).fi_read_limit, 7);
	ck_assert_uint_eq(guest_info(one).fi_read_limit, 7);
	ck_assert_uint_eq(guest_info(one).fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	put_attribute(&attributes, IFLA_FRAMEIO_READ_LIMIT, 8);
	put_attribute(&attributes, IFLA_FRAMEIO_WRITE_LIMIT, FRAMEIO_LIMIT_MAX + 1);
	ck_assert_int_eq(set_link(0, 0, &attributes), EINVAL);
	ck_assert_uint_eq(guest_info(zero).fi_read_limit, 7);
	put_attribute(&attributes, IFLA_FRAMEIO_WRITE_LIMIT, FRAMEIO_LIMIT_MAX);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(zero).fi_read_limit, 8);
	ck_assert_uint_eq(guest_info(one).fi_write_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(get_link().value[IFLA_FRAMEIO_WRITE_LIMIT], FRAMEIO_LIMIT_MAX);
}
END_TEST

START_TEST(netlink_changes_the_number_of_queue_pairs)
{
	int zero = guest_create("fio0", 0, 4), three = guest_open("fio0", 3);
	struct attributes attributes = { .set = 0 };
	struct queues queues;

	/* one that is held does not go, and nothing else changes then */
	put_attribute(&attributes, IFLA_FRAMEIO_NQUEUES, 2);
	put_attribute(&attributes, IFLA_FRAMEIO_READ_LIMIT, 7);
	ck_assert_int_eq(set_link(0, 0, &attributes), EBUSY);
	ck_assert_uint_eq(guest_info(zero).fi_nqueues, 4);
	ck_assert_uint_eq(guest_info(zero).fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	close(three);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(zero).fi_nqueues, 2);
	ck_assert_uint_eq(guest_info(zero).fi_nqueues_max, 4);
	ck_assert_uint_eq(guest_info(zero).fi_read_limit, 7);
	get_queues(0, &queues);
	ck_assert_uint_eq(queues.n, 2);
	ck_assert_errno(guest_open("fio0", 3), EINVAL);
	put_attribute(&attributes, IFLA_FRAMEIO_NQUEUES, 4);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	close(guest_open("fio0", 3));
	put_attribute(&attributes, IFLA_FRAMEIO_NQUEUES, 5);
	ck_assert_int_eq(set_link(0, 0, &attributes), EINVAL);
}
END_TEST

START_TEST(netlink_lets_a_port_stay_and_go)
{
	struct attributes attributes = { .set = 0 };
	const uint32_t flags = FRAMEIO_PORT_L3 | FRAMEIO_PORT_OFFLOAD;
	int fd = guest_create("fio0", flags, 1);

	ck_assert_uint_eq(get_link().value[IFLA_FRAMEIO_FLAGS], flags);
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, flags | FRAMEIO_PORT_PERSIST);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(fd).fi_flags, flags | FRAMEIO_PORT_PERSIST);
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, flags);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(fd).fi_flags, flags);
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, flags | FRAMEIO_PORT_PERSIST);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	/* who does not know of offload does not take it back */
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST);
	ck_assert_int_eq(set_link(0, 0, &attributes), 0);
	ck_assert_uint_eq(guest_info(fd).fi_flags, flags | FRAMEIO_PORT_PERSIST);
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	/* nobody's close could delete it any more */
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, flags);
	ck_assert_int_eq(set_link(0, 0, &attributes), EOPNOTSUPP);
	guest_sh("ip link del fio0");
	/* nor does a port get it later */
	fd = guest_create("fio0", 0, 1);
	put_attribute(&attributes, IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_OFFLOAD);
	ck_assert_int_eq(set_link(0, 0, &attributes), EOPNOTSUPP);
	close(fd);
}
END_TEST

START_TEST(netlink_tells_of_every_queue_pair)
{
	int one;
	struct queues found;
	unsigned char record[256];
	const struct queue *queue;

	guest_sh("ip link add fio0 numtxqueues 3 type frameio");
	one = guest_open("fio0", 1);
	guest_set_limits(one, 9, 8);
	guest_set_up("fio0", 1500);
	ck_assert_int_eq(write(one, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	ck_assert_uint_eq(get_link().value[IFLA_FRAMEIO_NOPEN], 1);
	get_queues(0, &found);
	ck_assert_uint_eq(found.n, 3);
	queue = &found.queue[1];
	ck_assert_uint_eq(queue->set, (2U << IFLA_FRAMEIO_QUEUE_MAX) - 2);
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_INDEX], 1);
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_OPEN], 1);
	ck_assert_str_eq(queue->mode, "readwrite");
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_READ_LIMIT], 9);
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_WRITE_LIMIT], 8);
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_READ_BYTES], FRAMEIO_BYTES_DEFAULT);
	queue = &found.queue[2];
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_INDEX], 2);
	ck_assert_uint_eq(queue->value[IFLA_FRAMEIO_QUEUE_OPEN], 0);
	ck_assert_str_eq(queue->mode, "none");
	guest_sh("ip link del fio0");
}
END_TEST

/* However little room a program has for each interface, such as 4096 bytes. */
START_TEST(many_queue_pairs_do_not_hide_other_interfaces)
{
	struct queues found;
	struct if_nameindex *names;
	unsigned int i, nports = 0;

	guest_sh("ip link add fio0 numtxqueues 64 numrxqueues 64 alias %0255d type frameio", 0);
	guest_sh("ip link add fio1 type dummy && ip addr add 192.0.2.1/32 dev fio1");
	names = if_nameindex();
	ck_assert_ptr_nonnull(names);
	for (i = 0; names[i].if_name; i++)
		nports += !strcmp(names[i].if_name, "fio0") || !strcmp(names[i].if_name, "fio1");
	if_freenameindex(names);
	ck_assert_uint_eq(nports, 2);
	get_queues(0, &found);
	ck_assert_uint_eq(found.n, 64);
	/* in a dump they come in several messages */
	get_queues(NLM_F_DUMP, &found);
	ck_assert_uint_eq(found.n, 64);
	for (i = 0; i < found.n; i++)
		ck_assert_uint_eq(found.queue[i].value[IFLA_FRAMEIO_QUEUE_INDEX], i);
	guest_sh("ip link del fio0 && ip link del fio1");
}
END_TEST

START_TEST(netlink_changes_nothing_else)
{
	static const int fixed[] = {
		IFLA_FRAMEIO_FLAGS, IFLA_FRAMEIO_OWNER, IFLA_FRAMEIO_GROUP,
	};
	struct attributes attributes = { .set = 0 }, before;
	int fd = guest_create("fio0", 0, 2);

	before = get_link();
	put_attribute(&attributes, fixed[_i], 1);
	put_attribute(&attributes, IFLA_FRAMEIO_READ_LIMIT, 7);
	ck_assert_int_eq(set_link(0, 0, &attributes), EOPNOTSUPP);
	attributes = get_link();
	ck_assert_mem_eq(&attributes, &before, sizeof(before));
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
}
END_TEST

START_TEST(an_l3_port_has_no_link_layer)
{
	guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	ck_assert_uint_eq(sysfs("type"), 0xfffe);	/* ARPHRD_NONE */
	ck_assert_uint_eq(sysfs("addr_len"), 0);
	guest_sh("ip link show fio0 | grep -q NOARP");
	guest_sh("ip -j link show fio0 | grep -q '\"link_type\":\"none\"'");
	guest_refuse_sh("ip link set fio0 address 02:00:00:00:00:07 2>/dev/null");
}
END_TEST

/* Send a UDP datagram to 10.9.0.2, port 7. */
static void send_datagram(const char *text)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(7),
		.sin_addr.s_addr = htonl(0x0a090002),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	ck_assert_int_eq(sendto(fd, text, strlen(text), 0, (void *)&to, sizeof(to)), strlen(text));
	close(fd);
}

START_TEST(an_l3_port_gets_packets_without_arp)
{
	int fd = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	unsigned char record[2048];
	const struct iphdr *ip = (void *)(record + HDRLEN);

	guest_sh("ip addr add 10.9.0.1/24 dev fio0");
	send_datagram("frameio");
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 20 + 8 + 7);
	ck_assert_uint_eq(ip->version, 4);
	ck_assert_uint_eq(ip->protocol, IPPROTO_UDP);
	ck_assert_uint_eq(ip->daddr, htonl(0x0a090002));
	ck_assert_mem_eq(record + HDRLEN + 28, "frameio", 7);
}
END_TEST

START_TEST(an_l2_port_asks_by_arp)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	unsigned char record[2048];

	guest_sh("ip addr add 10.9.0.1/24 dev fio0");
	send_datagram("frameio");
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 14 + 28);
	ck_assert_mem_eq(record + HDRLEN, "\xff\xff\xff\xff\xff\xff", 6);
	ck_assert_mem_eq(record + HDRLEN + 12, "\x08\x06", 2);
	ck_assert_mem_eq(record + HDRLEN + 14 + 24, "\x0a\x09\x00\x02", 4);
}
END_TEST

static void add_link_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "link", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, ip_link_makes_and_deletes_a_port);
	tcase_add_test(tcase, ip_link_deletes_a_port_that_is_open);
	tcase_add_test(tcase, numtxqueues_are_the_queue_pairs);
	tcase_add_test(tcase, more_than_64_queue_pairs_are_refused_and_told_why);
	tcase_add_test(tcase, the_mtu_of_an_l2_port_has_bounds);
	tcase_add_test(tcase, the_mtu_of_an_l3_port_has_bounds);
	tcase_add_test(tcase, the_mtu_is_set_at_creation);
	tcase_add_test(tcase, the_address_is_a_unicast_one);
	tcase_add_test(tcase, the_carrier_is_on_while_a_file_is_open);
	tcase_add_test(tcase, ip_counts_what_was_moved);
	tcase_add_test(tcase, ip_counts_what_lost_its_reader);
	tcase_add_test(tcase, ethtool_tells_the_driver);
	tcase_add_test(tcase, ethtool_counts_as_the_file_does);
	tcase_add_test(tcase, an_l3_port_has_no_link_layer);
	tcase_add_test(tcase, an_l3_port_gets_packets_without_arp);
	tcase_add_test(tcase, an_l2_port_asks_by_arp);
}

static void add_netlink_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "netlink", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, netlink_sets_every_attribute_at_creation);
	tcase_add_test(tcase, netlink_tells_the_defaults);
	tcase_add_loop_test(tcase, netlink_refuses_values_out_of_range, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tcase, netlink_changes_the_limits_of_every_queue_pair);
	tcase_add_test(tcase, netlink_changes_the_number_of_queue_pairs);
	tcase_add_test(tcase, netlink_lets_a_port_stay_and_go);
	tcase_add_test(tcase, netlink_tells_of_every_queue_pair);
	tcase_add_test(tcase, many_queue_pairs_do_not_hide_other_interfaces);
	tcase_add_loop_test(tcase, netlink_changes_nothing_else, 0, 3);
}

int main(void)
{
	Suite *suite = suite_create("link");

	add_link_tests(suite);
	add_netlink_tests(suite);
	return guest_run(suite);
}
