/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Who may do what: each cell of the table in frameio(4), PERMISSIONS, is a test
 * of its own, and each rule P1 to P14 has a test whose name starts with it. Where a NIC
 * port is meant, it is fio0, too: one end of a veth pair, whose other end is fio1.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libmnl/libmnl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rings.h"

#define OWNER	1000
#define GROUP	2000
#define MEMBER	2001	/* of GROUP */
#define OTHER	3000
#define NOBODY	65534

#define NODE	"/dev/frameio/fio0"
#define LIMIT	64
#define LEN	60
#define RECORD	((ssize_t)(HDRLEN + LEN))

#define HANDED	(FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP)

#define UNUSED	__attribute__((unused))

/* --- users --------------------------------------------------------------------- */

struct user {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t group;		/* a supplementary one */
	bool net_admin;		/* keeps CAP_NET_ADMIN, and no other capability */
};

enum { ROOT, ADMIN, IS_OWNER, IN_GROUP, OTHERS, NUSERS };

static const struct user users[NUSERS] = {
	[ROOT] = { "root", 0, 0, 0, false },
	[ADMIN] = { "admin", OTHER, OTHER, OTHER, true },
	[IS_OWNER] = { "owner", OWNER, OTHER, OTHER, false },
	[IN_GROUP] = { "group", MEMBER, MEMBER, GROUP, false },
	[OTHERS] = { "others", OTHER, OTHER, OTHER, false },
};

static const struct user *const other = &users[OTHERS];

static void keep_only_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { {
		.effective = 1 << CAP_NET_ADMIN,
		.permitted = 1 << CAP_NET_ADMIN,
	} };

	ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
}

/* For good, unless it is root, who stays root. */
static void become(const struct user *user)
{
	if (!user->uid)
		return;
	ck_assert_int_eq(prctl(PR_SET_KEEPCAPS, user->net_admin), 0);
	ck_assert_int_eq(setgroups(1, &user->group), 0);
	ck_assert_int_eq(setresgid(user->gid, user->gid, user->gid), 0);
	ck_assert_int_eq(setresuid(user->uid, user->uid, user->uid), 0);
	if (user->net_admin)
		keep_only_net_admin();
	/* who changed his uid may not write to his own /proc files otherwise */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

/* Become root of a new user namespace, where nobody but oneself has an id; @more: CLONE_*. */
static void enter_user_namespace(int more)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	ck_assert_int_eq(unshare(CLONE_NEWUSER | more), 0);
	guest_write_file("deny", "/proc/self/setgroups");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	guest_write_file(map, "/proc/self/uid_map");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	guest_write_file(map, "/proc/self/gid_map");
	ck_assert_uint_eq(geteuid(), 0);
}

/* --- other processes --------------------------------------------------------------- */

/* Above what an assertion that fails there exits with, which is an errno, too. */
#define FINISHED	100

/* End a child process with a result, 0 or an errno. */
static _Noreturn void finish(int result)
{
	_exit(FINISHED + result);
}

static int result_of(pid_t child)
{
	const int status = guest_wait(child);

	ck_assert_msg(status >= FINISHED, "an assertion failed in a child process");
	return status - FINISHED;
}

/* --- files passed to another process ------------------------------------------- */

union passed_file {
	struct cmsghdr header;
	unsigned char space[CMSG_SPACE(sizeof(int))];
};

static void send_file(int socket, int fd)
{
	union passed_file control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(fd)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(socket, &message, 0), 1);
}

static int receive_file(int socket)
{
	union passed_file control;
	char byte;
	struct iovec room = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &room,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	ck_assert_int_eq(recvmsg(socket, &message, 0), 1);
	ck_assert_int_eq(control.header.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

/*
 * What @act returns, 0 or an errno, in a process of @user that gets @fd (or -1)
 * passed over a socket.
 */
static int result_as(const struct user *user, int (*act)(int fd), int fd)
{
	int sockets[2];
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		close(fd);
		become(user);
		finish(act(fd < 0 ? -1 : receive_file(sockets[1])));
	}
	if (fd >= 0)
		send_file(sockets[0], fd);
	close(sockets[0]);
	close(sockets[1]);
	return result_of(child);
}

/* --- ports ----------------------------------------------------------------------- */

/* A persistent port fio0 of three queue pairs, and a control file bound to the first. */
static int make_port(unsigned long number, uint32_t flags)
{
	struct frameio_create request = {
		.fc_name = "fio0",
		.fc_flags = flags | FRAMEIO_PORT_PERSIST,
		.fc_nqueues = 3,
		.fc_read_limit = LIMIT,
		.fc_write_limit = LIMIT,
		.fc_owner = OWNER,
		.fc_group = GROUP,
	};
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, number, &request), 0);
	return fd;
}

static int create_port(uint32_t flags)
{
	return make_port(FRAMEIO_CREATE, flags);
}

static void add_veth(void)
{
	guest_sh("ip link add fio0 type veth peer name fio1");
}

static int attach_port(uint32_t flags)
{
	return make_port(FRAMEIO_ATTACH, flags);
}

static void set_up(void)
{
	guest_sh("sysctl -q -w net.ipv6.conf.fio0.disable_ipv6=1 && ip link set fio0 up");
}

/* Both ends of the pair; what comes is taken for the file from now on. */
static void set_up_nic(int fd)
{
	set_up();
	guest_sh("sysctl -q -w net.ipv6.conf.fio1.disable_ipv6=1 && ip link set fio1 up");
	guest_wait_running("fio0");
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
}

static int create_port_up(uint32_t flags)
{
	int fd = create_port(flags);

	set_up();
	return fd;
}

/* The namespace that guest_add_netns() has made, and the one we are in. */
static int netns_away(void)
{
	int fd = open("/run/netns/away", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int netns_here(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void enter(int netns)
{
	ck_assert_int_eq(setns(netns, CLONE_NEWNET), 0);
}

/* --- what users try, with a file or, given -1, a control file of their own; 0 or an errno -- */

static int control_or(int fd)
{
	return fd < 0 ? guest_control() : fd;
}

static int try_create(int fd)
{
	struct frameio_create request = { .fc_name = "fio1" };

	return ioctl(control_or(fd), FRAMEIO_CREATE, &request) ? errno : 0;
}

static int try_attach(int fd)
{
	struct frameio_create request = { .fc_name = "fio1" };

	return ioctl(control_or(fd), FRAMEIO_ATTACH, &request) ? errno : 0;
}

static int try_open(int fd)
{
	struct frameio_open request = { .fo_name = "fio0", .fo_queue = FRAMEIO_QUEUE_ANY };

	return ioctl(control_or(fd), FRAMEIO_OPEN, &request) ? errno : 0;
}

static int try_delete(int fd)
{
	struct frameio_delete request = { .fd_name = "fio0" };

	return ioctl(control_or(fd), FRAMEIO_DELETE, &request) ? errno : 0;
}

static int try_open_node(int fd UNUSED)
{
	return open(NODE, O_RDWR) < 0 ? errno : 0;
}

/* A request about an interface, to which attributes may be added. */
static struct nlmsghdr *netlink_start(char *buffer, uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request->nlmsg_seq = 1;
	memset(mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg)), 0,
	       sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	return request;
}

/* Send it; 0 or the errno of the answer. */
static int netlink_end(struct nlmsghdr *request)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	char answer[4096];
	ssize_t len;
	int ret;

	ck_assert_ptr_nonnull(socket);
	ck_assert_int_eq(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), 0);
	ck_assert_int_gt(mnl_socket_sendto(socket, request, request->nlmsg_len), 0);
	len = mnl_socket_recvfrom(socket, answer, sizeof(answer));
	ck_assert_int_gt(len, 0);
	ret = mnl_cb_run(answer, len, 1, mnl_socket_get_portid(socket), NULL, NULL);
	ret = ret < 0 ? errno : 0;
	mnl_socket_close(socket);
	return ret;
}

/* About a port; @attribute, if it is not 0, is a u32 of IFLA_FRAMEIO_*. */
static int try_netlink(uint16_t type, uint16_t flags, const char *name, uint16_t attribute,
		       uint32_t value)
{
	char buffer[512];
	struct nlmsghdr *request = netlink_start(buffer, type, flags, name);
	struct nlattr *info, *data;

	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "frameio");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	if (attribute)
		mnl_attr_put_u32(request, attribute, value);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return netlink_end(request);
}

static int try_netlink_create(int fd UNUSED)
{
	return try_netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "fio1", 0, 0);
}

static int try_netlink_delete(int fd UNUSED)
{
	return try_netlink(RTM_DELLINK, 0, "fio0", 0, 0);
}

static int try_netlink_limits(int fd UNUSED)
{
	return try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_READ_LIMIT, 2 * LIMIT);
}

static int try_netlink_queues(int fd UNUSED)
{
	return try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_NQUEUES, 1);
}

static int try_netlink_persist(int fd UNUSED)
{
	return try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_FLAGS, FRAMEIO_PORT_PERSIST);
}

/* An ioctl of netdevice(7) on fio0. */
static int try_device(unsigned long number, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	ck_assert_int_ge(fd, 0);
	strcpy(request->ifr_name, "fio0");
	ret = ioctl(fd, number, request) ? errno : 0;
	close(fd);
	return ret;
}

static int try_up(int fd UNUSED)
{
	struct ifreq request = { .ifr_flags = IFF_UP };

	return try_device(SIOCSIFFLAGS, &request);
}

static int try_down(int fd UNUSED)
{
	struct ifreq request = { .ifr_flags = 0 };

	return try_device(SIOCSIFFLAGS, &request);
}

static int try_mtu(int fd UNUSED)
{
	struct ifreq request = { .ifr_mtu = 1400 };

	return try_device(SIOCSIFMTU, &request);
}

static int try_rename(int fd UNUSED)
{
	struct ifreq request = { .ifr_newname = "fio9" };

	return try_device(SIOCSIFNAME, &request);
}

static int try_ring(int fd UNUSED)
{
	struct ethtool_ringparam ring = {
		.cmd = ETHTOOL_SRINGPARAM, .rx_pending = LIMIT, .tx_pending = 2 * LIMIT,
	};
	struct ifreq request = { .ifr_data = (void *)&ring };

	return try_device(SIOCETHTOOL, &request);
}

static int try_channels(int fd UNUSED)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_SCHANNELS, .combined_count = 1 };
	struct ifreq request = { .ifr_data = (void *)&channels };

	return try_device(SIOCETHTOOL, &request);
}

static int try_speed(int fd UNUSED)
{
	struct ethtool_cmd speed = {
		.cmd = ETHTOOL_SSET, .speed = SPEED_100, .duplex = DUPLEX_HALF,
		.port = PORT_OTHER,
	};
	struct ifreq request = { .ifr_data = (void *)&speed };

	return try_device(SIOCETHTOOL, &request);
}

static int try_offload(int fd UNUSED)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SGSO, .data = 0 };
	struct ifreq request = { .ifr_data = (void *)&value };

	return try_device(SIOCETHTOOL, &request);
}

static int try_carrier(int fd UNUSED)
{
	char buffer[512];
	struct nlmsghdr *request = netlink_start(buffer, RTM_NEWLINK, 0, "fio0");

	mnl_attr_put_u8(request, IFLA_CARRIER, 0);
	return netlink_end(request);
}

static int try_alias(int fd UNUSED)
{
	char buffer[512];
	struct nlmsghdr *request = netlink_start(buffer, RTM_NEWLINK, 0, "fio0");

	mnl_attr_put_strz(request, IFLA_IFALIAS, "to the lab");
	return netlink_end(request);
}

/* Into a namespace that belongs to the same user namespace. */
static int try_move(int fd UNUSED)
{
	char buffer[512];
	struct nlmsghdr *request = netlink_start(buffer, RTM_NEWLINK, 0, "fio0");

	mnl_attr_put_u32(request, IFLA_NET_NS_FD, netns_away());
	return netlink_end(request);
}

static int try_list(int fd UNUSED)
{
	struct frameio_info info;
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)&info,
		.fl_count = 1,
	};

	if (ioctl(guest_control(), FRAMEIO_LIST, &list))
		return errno;
	ck_assert_uint_eq(list.fl_count, 1);
	ck_assert_str_eq(info.fi_name, "fio0");
	return if_nametoindex("fio0") == info.fi_ifindex ? 0 : ENODEV;
}

static int try_look(int fd)
{
	struct frameio_queue_pair pair = { .fp_name = "fio0" };

	if (ioctl(control_or(fd), FRAMEIO_QUEUE_PAIR, &pair))
		return errno;
	ck_assert_uint_eq(pair.fp_open, 1);
	ck_assert_uint_eq(pair.fp_read_limit, LIMIT);
	return 0;
}

static int try_counters(int fd UNUSED)
{
	union {
		struct ethtool_stats stats;
		unsigned char space[sizeof(struct ethtool_stats) + 256 * 64];
	} counters = { .stats = { .cmd = ETHTOOL_GSTATS, .n_stats = 64 } };
	struct ifreq request = { .ifr_data = (void *)&counters };

	if (access("/sys/class/net/fio0/statistics/rx_packets", R_OK) ||
	    access("/sys/class/net/fio0/frameio/mode", R_OK))
		return errno;
	return try_device(SIOCETHTOOL, &request);
}

static int try_sizes(int fd UNUSED)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	struct ifreq request = { .ifr_data = (void *)&ring };
	const int ret = try_device(SIOCETHTOOL, &request);

	ck_assert_uint_eq(ring.tx_pending, LIMIT);
	return ret;
}

/* With a file that was passed: a frame waits; read it, and write one. */
static int try_use(int fd)
{
	unsigned char record[RECORD];
	struct frameio_stats stats;
	uint32_t options = FRAMEIO_O_TRUNC;

	if (!(guest_poll(fd, POLLIN, -1) & POLLIN) || read(fd, record, RECORD) != RECORD)
		return errno;
	guest_check_record(record, LEN, 1, 0);
	guest_record(record, LEN, 2, 0);
	if (write(fd, record, RECORD) != RECORD)
		return errno;
	ck_assert_str_eq(guest_info(fd).fi_name, "fio0");
	if (ioctl(fd, FRAMEIO_STATS, &stats) || ioctl(fd, FRAMEIO_SET_OPTIONS, &options) ||
	    ioctl(fd, FRAMEIO_GET_OPTIONS, &options))
		return errno;
	ck_assert_uint_eq(stats.fs_read_frames[FRAMEIO_MODE_SINGLE], 1);
	ck_assert_uint_eq(options, FRAMEIO_O_TRUNC);
	return 0;
}

/* Take nothing, and then all. */
static int try_filter(int fd)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct frameio_filter filter = { .ff_insns = (uintptr_t)&insn, .ff_len = 1 };

	if (ioctl(fd, FRAMEIO_SET_FILTER, &filter))
		return errno;
	return ioctl(fd, FRAMEIO_SET_FILTER, &(struct frameio_filter) { 0 }) ? errno : 0;
}

static bool is_promiscuous(const char *name)
{
	return guest_number("/sys/class/net/%s/flags", name) & IFF_PROMISC;
}

static int try_promiscuity(int fd)
{
	const uint32_t promisc = FRAMEIO_O_PROMISC, none = 0;

	if (ioctl(fd, FRAMEIO_SET_OPTIONS, &promisc))
		return errno;
	ck_assert(is_promiscuous("fio0"));
	if (ioctl(fd, FRAMEIO_SET_OPTIONS, &none))
		return errno;
	ck_assert(!is_promiscuous("fio0"));
	return 0;
}

static int try_limits(int fd, uint32_t read_limit, uint32_t write_limit)
{
	struct frameio_limits limits = { .fq_read = read_limit, .fq_write = write_limit };

	return ioctl(fd, FRAMEIO_SET_LIMITS, &limits) ? errno : 0;
}

static int try_limits_within(int fd)
{
	const int ret = try_limits(fd, 1, 1);

	return ret ? ret : try_limits(fd, LIMIT, LIMIT);
}

static int try_read_limit_beyond(int fd)
{
	return try_limits(fd, LIMIT + 1, 0);
}

static int try_write_limit_beyond(int fd)
{
	return try_limits(fd, 0, LIMIT + 1);
}

static int try_bytes_beyond(int fd)
{
	struct frameio_limits limits = { .fq_read_bytes = FRAMEIO_BYTES_DEFAULT + 1 };

	return ioctl(fd, FRAMEIO_SET_LIMITS, &limits) ? errno : 0;
}

static int try_rings_within(int fd)
{
	return rings_try(fd, FRAMEIO_SETUP_POLL, 4096, 4096, NULL) ? errno : 0;
}

/* It is not the limit of locked memory that refuses it. */
static int try_read_ring_beyond(int fd)
{
	return rings_try(fd, 0, 2 * FRAMEIO_BYTES_DEFAULT, 0, NULL) ? errno : 0;
}

static int try_write_ring_beyond(int fd)
{
	return rings_try(fd, 0, 0, 2 * FRAMEIO_BYTES_DEFAULT, NULL) ? errno : 0;
}

/* --- the table ------------------------------------------------------------------- */

struct row {
	const char *what;
	int (*act)(int fd);
	int refusal;		/* EPERM, EACCES */
	const char *may;	/* a letter for each of users: y or n */
	bool with_file;
};

static const struct row table[] = {
	{ "create", try_create, EPERM, "yynnn", false },
	{ "create by netlink", try_netlink_create, EPERM, "yynnn", false },
	{ "delete", try_delete, EPERM, "yynnn", false },
	{ "delete by netlink", try_netlink_delete, EPERM, "yynnn", false },
	{ "set limits by netlink", try_netlink_limits, EPERM, "yynnn", false },
	{ "set limits by ethtool", try_ring, EPERM, "yynnn", false },
	{ "set queue pairs by netlink", try_netlink_queues, EPERM, "yynnn", false },
	{ "set queue pairs by ethtool", try_channels, EPERM, "yynnn", false },
	{ "set persistence", try_netlink_persist, EPERM, "yynnn", false },
	{ "up", try_up, EPERM, "yynnn", false },
	{ "down", try_down, EPERM, "yynnn", false },
	{ "mtu", try_mtu, EPERM, "yynnn", false },
	{ "rename", try_rename, EPERM, "yynnn", false },
	{ "netns", try_move, EPERM, "yynnn", false },
	{ "carrier", try_carrier, EPERM, "yynnn", false },
	{ "alias", try_alias, EPERM, "yynnn", false },
	{ "speed", try_speed, EPERM, "yynnn", false },
	{ "offloads", try_offload, EPERM, "yynnn", false },
	{ "open by name", try_open, EACCES, "yyyyn", false },
	{ "open the node", try_open_node, EACCES, "ynyyn", false },
	{ "list", try_list, EPERM, "yyyyy", false },
	{ "look at", try_look, EPERM, "yyyyy", false },
	{ "counters", try_counters, EPERM, "yyyyy", false },
	{ "sizes", try_sizes, EPERM, "yyyyy", false },
	{ "use", try_use, EPERM, "yyyyy", true },
	{ "limits within", try_limits_within, EPERM, "yyyyy", true },
	{ "read limit beyond", try_read_limit_beyond, EPERM, "yynnn", true },
	{ "write limit beyond", try_write_limit_beyond, EPERM, "yynnn", true },
	{ "bytes beyond", try_bytes_beyond, EPERM, "yynnn", true },
	{ "rings within", try_rings_within, EPERM, "yyyyy", true },
	{ "read ring beyond", try_read_ring_beyond, EPERM, "yynnn", true },
	{ "write ring beyond", try_write_ring_beyond, EPERM, "yynnn", true },
};

#define NROWS	((int)(sizeof(table) / sizeof(table[0])))

static void check_cell(const struct row *row, int i, int fd)
{
	const struct user *user = &users[i];
	const int expected = row->may[i] == 'y' ? 0 : row->refusal;
	const int result = result_as(user, row->act, row->with_file ? fd : -1);

	ck_assert_msg(result == expected, "%s, %s: errno is %d, not %d", row->what, user->name,
		      result, expected);
}

START_TEST(table_cell)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const struct row *row = &table[_i / NUSERS];
	int fd = create_port(HANDED), packet = -1;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &all), 0);
	if (row->act == try_move)
		guest_add_netns("away");
	if (row->act == try_use) {
		set_up();
		packet = guest_packet_socket("fio0");
		guest_send(packet, LEN, 1, 0);
	}
	check_cell(row, _i % NUSERS, fd);
	if (row->act == try_use)
		guest_receive(packet, LEN, 2, 0);
}
END_TEST

/* What the table has of NIC ports, or is done to them in another way than to others. */
static const struct row nic_table[] = {
	{ "attach", try_attach, EPERM, "yynnn", false },
	{ "detach", try_delete, EPERM, "yynnn", false },
	{ "open by name", try_open, EACCES, "yyyyn", false },
	{ "open the node", try_open_node, EACCES, "ynyyn", false },
	{ "list", try_list, EPERM, "yyyyy", false },
	{ "look at", try_look, EPERM, "yyyyy", false },
	{ "use", try_use, EPERM, "yyyyy", true },
	{ "filter", try_filter, EPERM, "yyyyy", true },
	{ "promiscuity", try_promiscuity, EPERM, "yyyyy", true },
	{ "limits within", try_limits_within, EPERM, "yyyyy", true },
	{ "read limit beyond", try_read_limit_beyond, EPERM, "yynnn", true },
	{ "write limit beyond", try_write_limit_beyond, EPERM, "yynnn", true },
	{ "bytes beyond", try_bytes_beyond, EPERM, "yynnn", true },
};

#define NROWS_NIC	((int)(sizeof(nic_table) / sizeof(nic_table[0])))

START_TEST(nic_table_cell)
{
	const struct row *row = &nic_table[_i / NUSERS];
	int fd, packet = -1;

	add_veth();
	fd = attach_port(HANDED);
	if (row->act == try_use) {
		set_up_nic(fd);
		packet = guest_packet_socket("fio1");
		guest_send(packet, LEN, 1, 0);
	}
	check_cell(row, _i % NUSERS, fd);
	if (row->act == try_use)
		guest_receive(packet, LEN, 2, 0);
}
END_TEST

/* The owner's and the group's rights are those of a port that has an owner, a group. */
START_TEST(table_without_owner_and_group)
{
	create_port(0);
	ck_assert_int_eq(result_as(&users[ROOT], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open_node, -1), EACCES);
}
END_TEST

/* --- the rules -------------------------------------------------------------------- */

/* Root of a user namespace, in a network namespace that does not belong to it. */
static int be_others_everywhere(int fd)
{
	enter_user_namespace(0);
	ck_assert_int_eq(try_create(-1), EPERM);
	ck_assert_int_eq(try_netlink_create(-1), EPERM);
	ck_assert_int_eq(try_delete(-1), EPERM);
	ck_assert_int_eq(try_netlink_delete(-1), EPERM);
	ck_assert_int_eq(try_netlink_limits(-1), EPERM);
	ck_assert_int_eq(try_up(-1), EPERM);
	ck_assert_int_eq(try_rename(-1), EPERM);
	ck_assert_int_eq(try_open(-1), EACCES);
	ck_assert_int_eq(try_open_node(-1), EACCES);
	ck_assert_int_eq(try_read_limit_beyond(fd), EPERM);
	ck_assert_int_eq(try_limits_within(fd), 0);
	return 0;
}

START_TEST(p1_root_of_another_user_namespace_is_one_of_the_others)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(result_as(other, be_others_everywhere, fd), 0);
	/* even if it was root */
	ck_assert_int_eq(result_as(&users[ROOT], be_others_everywhere, fd), 0);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

static int be_others_on_a_nic(int fd)
{
	enter_user_namespace(0);
	ck_assert_int_eq(try_attach(-1), EPERM);
	ck_assert_int_eq(try_delete(-1), EPERM);
	ck_assert_int_eq(try_open(-1), EACCES);
	ck_assert_int_eq(try_open_node(-1), EACCES);
	ck_assert_int_eq(try_read_limit_beyond(fd), EPERM);
	ck_assert_int_eq(try_look(-1), 0);
	/* nor with the capability in a network namespace of its own */
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(try_attach(-1), ENODEV);
	return try_read_limit_beyond(fd);
}

START_TEST(p1_the_owner_of_the_namespace_attaches)
{
	int fd;

	add_veth();
	fd = attach_port(HANDED);
	ck_assert_int_eq(result_as(other, be_others_on_a_nic, fd), EPERM);
	ck_assert_int_eq(result_as(&users[ROOT], be_others_on_a_nic, fd), EPERM);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

static int attach_at_home(int fd UNUSED)
{
	pid_t child;
	int port;

	enter_user_namespace(CLONE_NEWNET);
	add_veth();
	port = attach_port(0);
	ck_assert_int_eq(try_open(-1), 0);
	ck_assert_int_eq(try_look(-1), 0);
	ck_assert_int_eq(try_read_limit_beyond(port), 0);
	ck_assert_int_eq(try_filter(port), 0);
	ck_assert_errno(access(NODE, F_OK), ENOENT);
	child = fork();
	if (!child) {
		enter_user_namespace(0);
		ck_assert_int_eq(try_attach(-1), EPERM);
		finish(try_delete(-1));
	}
	ck_assert_int_eq(result_of(child), EPERM);
	ck_assert_int_eq(try_attach(-1), 0);
	return try_delete(-1);
}

START_TEST(p2_a_user_attaches_in_a_network_namespace_of_its_own)
{
	ck_assert_int_eq(result_as(other, attach_at_home, -1), 0);
	ck_assert_uint_eq(guest_count_ports(), 0);
}
END_TEST

static int be_admin_at_home(int fd UNUSED)
{
	pid_t child;
	int port;

	enter_user_namespace(CLONE_NEWNET);
	ck_assert_int_eq(try_netlink_create(-1), 0);
	ck_assert_int_eq(try_create(-1), EEXIST);
	port = create_port(0);
	ck_assert_int_eq(try_open(-1), 0);
	ck_assert_int_ge(guest_open("fio0", 2), 0);
	ck_assert_int_eq(try_read_limit_beyond(port), 0);
	ck_assert_int_eq(try_write_limit_beyond(port), 0);
	ck_assert_int_eq(try_netlink_limits(-1), 0);
	ck_assert_int_eq(try_mtu(-1), 0);
	ck_assert_int_eq(try_up(-1), 0);
	/* in a user namespace inside, root is one of the others again */
	child = fork();
	if (!child) {
		enter_user_namespace(0);
		finish(try_delete(-1));
	}
	ck_assert_int_eq(result_of(child), EPERM);
	return try_delete(-1);
}

START_TEST(p2_a_user_is_admin_in_a_network_namespace_of_its_own)
{
	ck_assert_int_eq(result_as(other, be_admin_at_home, -1), 0);
	ck_assert_uint_eq(guest_count_ports(), 0);
}
END_TEST

/* The nodes that there are, while another process keeps ports in its namespace. */
START_TEST(p2_such_ports_have_no_node)
{
	int sockets[2];
	pid_t child;
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		close(sockets[0]);
		become(other);
		enter_user_namespace(CLONE_NEWNET);
		guest_create("fio0", 0, 1);
		send_file(sockets[1], guest_control());
		finish(read(sockets[1], &byte, 1));
	}
	close(sockets[1]);
	close(receive_file(sockets[0]));
	ck_assert_errno(access(NODE, F_OK), ENOENT);
	/* and the name is free */
	close(create_port(0));
	close(sockets[0]);
	ck_assert_int_eq(result_of(child), 0);
	ck_assert_int_eq(access(NODE, F_OK), 0);
}
END_TEST

static int find_nothing(int control)
{
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };

	if (ioctl(control, FRAMEIO_LIST, &list))
		return errno;
	ck_assert_uint_eq(list.fl_count, 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_int_eq(try_open(control), ENODEV);
	ck_assert_int_eq(try_delete(control), ENODEV);
	ck_assert_int_eq(try_netlink_delete(-1), ENODEV);
	return 0;
}

/* A user in its own namespaces; the port is handed to that user, which is no help. */
static int find_nothing_at_home(int control)
{
	enter_user_namespace(CLONE_NEWNET);
	ck_assert_int_eq(find_nothing(control), 0);
	ck_assert_int_eq(find_nothing(guest_control()), 0);
	/* the name is free here */
	create_port(0);
	ck_assert_int_eq(try_open(-1), 0);
	return try_delete(-1);
}

START_TEST(p3_ports_of_another_namespace_are_not_there)
{
	int fd = create_port(HANDED), here = netns_here(), away;

	ck_assert_int_eq(result_as(other, find_nothing_at_home, guest_control()), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], find_nothing_at_home, guest_control()), 0);
	/* nor for root, who gets there by setns(2) */
	guest_add_netns("away");
	away = netns_away();
	enter(away);
	ck_assert_int_eq(find_nothing(guest_control()), 0);
	enter(here);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
	ck_assert_int_eq(try_open(-1), 0);
	ck_assert_int_eq(try_delete(-1), 0);
}
END_TEST

static int find_no_nic(int control)
{
	ck_assert_int_eq(try_attach(control), ENODEV);
	ck_assert_int_eq(try_look(control), ENODEV);
	return find_nothing(control);
}

static int find_no_nic_at_home(int control)
{
	enter_user_namespace(CLONE_NEWNET);
	return find_no_nic(control);
}

START_TEST(p3_interfaces_of_another_namespace_are_not_attached)
{
	int here = netns_here(), fd;

	add_veth();
	fd = attach_port(HANDED);
	ck_assert_int_eq(result_as(other, find_no_nic_at_home, guest_control()), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], find_no_nic_at_home, guest_control()), 0);
	guest_add_netns("away");
	enter(netns_away());
	ck_assert_int_eq(find_no_nic(guest_control()), 0);
	/* a name that both have is the caller's */
	add_veth();
	ck_assert_int_eq(try_look(-1), EOPNOTSUPP);
	ck_assert_int_eq(try_attach(-1), 0);
	enter(here);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

static int refuse_on_control(int control)
{
	ck_assert_int_eq(try_create(control), EPERM);
	ck_assert_int_eq(try_attach(control), EPERM);
	ck_assert_int_eq(try_delete(control), EPERM);
	return try_open(control);
}

static int open_control_and_drop_privileges(int fd UNUSED)
{
	int control = guest_control();

	become(other);
	return refuse_on_control(control);
}

START_TEST(p4_a_control_file_gives_none_of_its_openers_privileges)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(result_as(other, refuse_on_control, guest_control()), EACCES);
	ck_assert_int_eq(result_as(&users[ROOT], open_control_and_drop_privileges, -1), EACCES);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

START_TEST(p4_a_control_file_takes_none_of_its_users_privileges)
{
	int sockets[2], control;
	pid_t child;

	create_port(0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		become(other);
		enter_user_namespace(CLONE_NEWNET);
		send_file(sockets[1], guest_control());
		finish(0);
	}
	close(sockets[1]);
	control = receive_file(sockets[0]);
	ck_assert_int_eq(result_of(child), 0);
	ck_assert_int_eq(try_open(control), 0);
	ck_assert_str_eq(guest_info(control).fi_name, "fio0");
	ck_assert_int_eq(try_delete(control), 0);
}
END_TEST

/* Root of a user namespace, there and in a network namespace of its own. */
static int open_node_as_root_of_a_user_namespace(int fd UNUSED)
{
	int result;

	enter_user_namespace(0);
	result = try_open_node(-1);
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(try_open_node(-1), result);
	return result;
}

START_TEST(p5_the_node_is_not_for_root_of_a_user_namespace)
{
	int fd = create_port(0);

	/* with whom the node's owner is not mapped, and is */
	ck_assert_int_eq(result_as(other, open_node_as_root_of_a_user_namespace, -1), EACCES);
	ck_assert_int_eq(result_as(&users[ROOT], open_node_as_root_of_a_user_namespace, -1),
			 EACCES);
	ck_assert_int_eq(chown(NODE, OTHER, OTHER), 0);
	ck_assert_int_eq(result_as(other, open_node_as_root_of_a_user_namespace, -1), EACCES);
	ck_assert_int_eq(result_as(other, try_open_node, -1), 0);
	/* nor for anybody else there, whatever the mode */
	ck_assert_int_eq(chmod(NODE, 0666), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], open_node_as_root_of_a_user_namespace, -1),
			 EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), 0);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
}
END_TEST

START_TEST(p5_the_node_is_for_owner_and_group_in_any_namespace)
{
	create_port(HANDED);
	ck_assert_int_eq(result_as(&users[IS_OWNER], open_node_as_root_of_a_user_namespace, -1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], open_node_as_root_of_a_user_namespace, -1), 0);
	ck_assert_int_eq(result_as(other, open_node_as_root_of_a_user_namespace, -1), EACCES);
}
END_TEST

START_TEST(p5_the_node_opens_the_initial_namespaces_port)
{
	int fd = create_port(0), node;

	guest_add_netns("away");
	enter(netns_away());
	guest_create("fio0", 0, 2);
	node = open(NODE, O_RDWR);
	ck_assert_int_ge(node, 0);
	ck_assert_uint_eq(guest_info(node).fi_nqueues, 3);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 2);
}
END_TEST

/* Real and saved ids may be the owner's or the group's: they do not count. */
static int open_with_real_ids(int fd UNUSED)
{
	const gid_t none = OTHER;

	ck_assert_int_eq(setgroups(1, &none) || setresgid(GROUP, OTHER, GROUP) ||
			 setresuid(OWNER, OTHER, OWNER), 0);
	ck_assert_int_eq(try_open_node(-1), EACCES);
	return try_open(-1);
}

static int open_with_effective_uid(int fd UNUSED)
{
	ck_assert_int_eq(setgroups(0, NULL) || setresgid(OTHER, OTHER, OTHER) ||
			 setresuid(OTHER, OWNER, OTHER), 0);
	ck_assert_int_eq(try_open_node(-1), 0);
	return try_open(-1);
}

static int open_with_effective_gid(int fd UNUSED)
{
	ck_assert_int_eq(setgroups(0, NULL) || setresgid(OTHER, GROUP, OTHER) ||
			 setresuid(OTHER, OTHER, OTHER), 0);
	ck_assert_int_eq(try_open_node(-1), 0);
	return try_open(-1);
}

START_TEST(p6_effective_and_supplementary_ids_count)
{
	create_port(HANDED);
	ck_assert_int_eq(result_as(&users[ROOT], open_with_real_ids, -1), EACCES);
	ck_assert_int_eq(result_as(&users[ROOT], open_with_effective_uid, -1), 0);
	ck_assert_int_eq(result_as(&users[ROOT], open_with_effective_gid, -1), 0);
	/* the table's member of the group is one by a supplementary id */
	ck_assert_uint_ne(users[IN_GROUP].gid, GROUP);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), 0);
}
END_TEST

static int use_at_home(int fd)
{
	enter_user_namespace(CLONE_NEWNET);
	return try_use(fd);
}

/* What try_use() needs, and what it leaves. */
static void check_use(const struct user *user, int (*use)(int fd), int fd)
{
	int packet = guest_packet_socket("fio0");

	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(result_as(user, use, fd), 0);
	guest_receive(packet, LEN, 2, 0);
	close(packet);
}

START_TEST(p7_a_passed_file_works_in_other_namespaces)
{
	check_use(other, use_at_home, create_port_up(0));
}
END_TEST

static int drop_privileges_and_use(int fd)
{
	become(other);
	return try_use(fd);
}

START_TEST(p7_a_file_works_on_after_privileges_were_dropped)
{
	int fd = create_port_up(0);
	pid_t child;
	int packet;

	check_use(&users[ROOT], drop_privileges_and_use, fd);
	close(fd);
	/* one that was inherited, and bound by the node */
	fd = open(NODE, O_RDWR);
	ck_assert_int_ge(fd, 0);
	/* there was nobody to read it for a moment */
	guest_wait_running("fio0");
	packet = guest_packet_socket("fio0");
	guest_send(packet, LEN, 1, 0);
	child = fork();
	if (!child) {
		become(other);
		finish(read(fd, (unsigned char [RECORD]) { 0 }, RECORD) == RECORD ? 0 : errno);
	}
	ck_assert_int_eq(result_of(child), 0);
}
END_TEST

START_TEST(p7_a_file_works_on_when_the_node_is_taken_away)
{
	int fd, sockets[2], node;
	pid_t child;

	close(create_port_up(HANDED));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		become(&users[IS_OWNER]);
		node = open(NODE, O_RDWR);
		send_file(sockets[1], node);
		finish(0);
	}
	close(sockets[1]);
	fd = receive_file(sockets[0]);
	ck_assert_int_eq(result_of(child), 0);
	ck_assert_int_eq(chown(NODE, 0, 0) || chmod(NODE, 0), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), EACCES);
	check_use(&users[IS_OWNER], try_use, fd);
}
END_TEST

static int use_renamed(int fd)
{
	unsigned char record[RECORD];

	ck_assert_str_eq(guest_info(fd).fi_name, "fio7");
	return read(fd, record, RECORD) == RECORD ? 0 : errno;
}

START_TEST(p7_a_file_works_on_when_its_port_is_renamed_and_moved)
{
	int fd = create_port_up(0);

	guest_add_netns("away");
	guest_sh("ip link set fio0 name fio7 netns away");
	guest_sh("ip netns exec away sysctl -q -w net.ipv6.conf.fio7.disable_ipv6=1");
	guest_sh("ip -n away link set fio7 up");
	enter(netns_away());
	guest_send(guest_packet_socket("fio7"), LEN, 1, 0);
	ck_assert_int_eq(result_as(other, use_renamed, fd), 0);
}
END_TEST

static int write_only(int fd)
{
	unsigned char record[RECORD];

	guest_record(record, LEN, 1, 0);
	ck_assert_errno(read(fd, record, RECORD), EBADF);
	return write(fd, record, RECORD) == RECORD ? 0 : errno;
}

static int read_only(int fd)
{
	union guest_frameio fio;
	unsigned char record[RECORD];

	guest_record(record, LEN, 1, 0);
	ck_assert_errno(write(fd, record, RECORD), EBADF);
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0] = (struct framevec) { (uintptr_t)record, RECORD, 0 };
	ck_assert_errno(ioctl(fd, FRAMEIO_WRITE, &fio), EBADF);
	return read(fd, record, RECORD) == RECORD ? 0 : errno;
}

/* A control file of its own that was opened with @flags, bound to fio0. */
static int open_for(int flags)
{
	int fd = open("/dev/frameio/control", flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(try_open(fd), 0);
	return fd;
}

START_TEST(p7_a_file_does_what_it_was_opened_for)
{
	int packet, fd;

	close(create_port_up(0));
	packet = guest_packet_socket("fio0");
	fd = open(NODE, O_WRONLY);
	ck_assert_int_eq(result_as(other, write_only, fd), 0);
	guest_receive(packet, LEN, 1, 0);
	close(fd);
	fd = open_for(O_WRONLY);
	ck_assert_int_eq(result_as(other, write_only, fd), 0);
	guest_receive(packet, LEN, 1, 0);
	close(fd);
	fd = open(NODE, O_RDONLY);
	guest_wait_running("fio0");
	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(result_as(other, read_only, fd), 0);
	close(fd);
	fd = open_for(O_RDONLY);
	guest_wait_running("fio0");
	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(result_as(other, read_only, fd), 0);
}
END_TEST

static int want_more(int fd)
{
	char path[64];
	int again;

	ck_assert_int_eq(try_delete(fd), EPERM);
	ck_assert_int_eq(try_delete(-1), EPERM);
	ck_assert_int_eq(try_open(fd), EBUSY);
	ck_assert_int_eq(try_open(-1), EACCES);
	/* what /proc makes of the descriptor is another file, of the control node */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	ck_assert_int_ge(again, 0);
	ck_assert_int_eq(try_limits_within(again), ENOTCONN);
	ck_assert_int_eq(try_open(again), EACCES);
	return 0;
}

static int open_again(int fd)
{
	char path[64];

	ck_assert_int_eq(try_limits_within(fd), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR) < 0 ? errno : 0;
}

START_TEST(p8_a_bound_file_gives_no_right_to_the_port)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(result_as(other, want_more, fd), 0);
	ck_assert_int_eq(result_as(other, open_again, open(NODE, O_RDWR)), EACCES);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 2);
}
END_TEST

START_TEST(p9_owner_and_group_stay)
{
	int fd = create_port(HANDED);
	struct frameio_info info;

	ck_assert_int_eq(try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_OWNER, OTHER),
			 EOPNOTSUPP);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_GROUP, OTHER),
			 EOPNOTSUPP);
	info = guest_info(fd);
	ck_assert_uint_eq(info.fi_owner, OWNER);
	ck_assert_uint_eq(info.fi_group, GROUP);
	ck_assert_int_eq(result_as(other, try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), 0);
}
END_TEST

START_TEST(p9_the_creator_hands_a_port_over_by_netlink)
{
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "fio0",
				     IFLA_FRAMEIO_OWNER, OWNER), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), 0);
	guest_sh("ip link del fio0");
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "fio0",
				     IFLA_FRAMEIO_GROUP, GROUP), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open_node, -1), 0);
}
END_TEST

START_TEST(p9_chown_and_chmod_change_the_node_only)
{
	create_port(HANDED);
	ck_assert_int_eq(chown(NODE, OTHER, OTHER) || chmod(NODE, 0600), 0);
	ck_assert_int_eq(result_as(other, try_open_node, -1), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(other, try_open, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), 0);
	/* a new node has the port's own again */
	guest_sh("ip link set fio0 name fio5 && ip link set fio5 name fio0");
	ck_assert_int_eq(result_as(other, try_open_node, -1), EACCES);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open_node, -1), 0);
}
END_TEST

START_TEST(p10_what_netlink_gives_holds_for_open_files)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(result_as(&users[IS_OWNER], try_read_limit_beyond, fd), EPERM);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_READ_LIMIT, LIMIT + 1), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_read_limit_beyond, fd), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_write_limit_beyond, fd), EPERM);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_WRITE_LIMIT, LIMIT + 1),
			 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_write_limit_beyond, fd), 0);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, 0, "fio0", IFLA_FRAMEIO_READ_LIMIT, 2), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_limits_within, fd), EPERM);
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, 1);
	ck_assert_uint_eq(guest_info(fd).fi_write_limit, 1);
}
END_TEST

/* What root sets for a file by SET_LIMITS is not given to the port. */
START_TEST(p10_what_root_takes_is_not_given)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(try_limits(fd, 1000, 1000), 0);
	ck_assert_int_eq(result_as(other, try_read_limit_beyond, fd), EPERM);
	ck_assert_int_eq(result_as(other, try_write_limit_beyond, fd), EPERM);
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, 1000);
	ck_assert_int_eq(result_as(other, try_limits_within, fd), 0);
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, LIMIT);
	ck_assert_int_eq(result_as(other, try_read_limit_beyond, fd), EPERM);
}
END_TEST

/* An admin of a namespace of its own, with a file of a port of ours. */
static int raise_limits_from_home(int fd)
{
	enter_user_namespace(CLONE_NEWNET);
	ck_assert_int_eq(try_create(-1), 0);
	return try_read_limit_beyond(fd);
}

START_TEST(p10_the_ports_namespace_counts_not_the_callers)
{
	int fd = create_port(0);

	ck_assert_int_eq(result_as(other, raise_limits_from_home, fd), EPERM);
	ck_assert_int_eq(result_as(&users[ROOT], raise_limits_from_home, fd), EPERM);
	/* root is admin of the port's namespace wherever it is */
	guest_add_netns("away");
	enter(netns_away());
	ck_assert_int_eq(try_read_limit_beyond(fd), 0);
}
END_TEST

START_TEST(p10_the_namespace_where_the_port_is_counts)
{
	int sockets[2], fd, here = netns_here(), theirs;
	pid_t child;

	/* a port of a namespace that belongs to a user */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		become(other);
		enter_user_namespace(CLONE_NEWNET);
		fd = create_port(0);
		ck_assert_int_eq(try_limits(fd, LIMIT + 1, LIMIT + 1), 0);
		send_file(sockets[1], fd);
		send_file(sockets[1], netns_here());
		/* is told when the port is another's */
		receive_file(sockets[1]);
		ck_assert_int_eq(try_limits_within(fd), 0);
		ck_assert_int_eq(try_write_limit_beyond(fd), EPERM);
		finish(try_read_limit_beyond(fd));
	}
	close(sockets[1]);
	fd = receive_file(sockets[0]);
	theirs = receive_file(sockets[0]);
	ck_assert_int_eq(try_limits(fd, LIMIT + 2, LIMIT + 2), 0);
	enter(theirs);
	guest_sh("ip link set fio0 netns 1");
	enter(here);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	send_file(sockets[0], here);
	ck_assert_int_eq(result_of(child), EPERM);
}
END_TEST

static int give_ids_that_are_not_mapped(int fd UNUSED)
{
	struct frameio_create request = { .fc_name = "fio1", .fc_flags = FRAMEIO_PORT_OWNER };
	int control;

	enter_user_namespace(CLONE_NEWNET);
	control = guest_control();
	/* the caller's own id outside, which has another name here */
	request.fc_owner = OTHER;
	ck_assert_errno(ioctl(control, FRAMEIO_CREATE, &request), EINVAL);
	request.fc_flags = FRAMEIO_PORT_GROUP;
	request.fc_group = OTHER;
	ck_assert_errno(ioctl(control, FRAMEIO_CREATE, &request), EINVAL);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "fio0",
				     IFLA_FRAMEIO_OWNER, OTHER), EINVAL);
	ck_assert_int_eq(try_netlink(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "fio0",
				     IFLA_FRAMEIO_GROUP, OTHER), EINVAL);
	ck_assert_uint_eq(guest_count_ports(), 0);
	request.fc_flags = HANDED;
	request.fc_owner = 0;
	request.fc_group = 0;
	ck_assert_int_eq(ioctl(control, FRAMEIO_CREATE, &request), 0);
	ck_assert_uint_eq(guest_info(control).fi_owner, 0);
	ck_assert_uint_eq(guest_info(control).fi_group, 0);
	return 0;
}

START_TEST(p11_ids_that_are_not_mapped_are_refused)
{
	ck_assert_int_eq(result_as(other, give_ids_that_are_not_mapped, -1), 0);
}
END_TEST

/* The owner, whose uid is 0 there, while the group has no number. */
static int look_from_inside(int fd)
{
	struct frameio_info infos[2];
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)infos,
		.fl_count = 2,
	};

	enter_user_namespace(0);
	infos[1] = guest_info(fd);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	ck_assert_uint_eq(list.fl_count, 1);
	infos[1].fi_queue = infos[0].fi_queue;
	ck_assert_mem_eq(&infos[0], &infos[1], sizeof(infos[0]));
	ck_assert_uint_eq(infos[0].fi_group, NOBODY);
	return infos[0].fi_owner == 0 ? 0 : infos[0].fi_owner == NOBODY ? ESRCH : EINVAL;
}

START_TEST(p11_ids_are_told_as_those_of_the_caller)
{
	int fd = create_port(HANDED);

	ck_assert_int_eq(result_as(&users[IS_OWNER], look_from_inside, fd), 0);
	ck_assert_int_eq(result_as(other, look_from_inside, fd), ESRCH);
	guest_sh("ip link del fio0");
	close(fd);
	fd = create_port(0);
	ck_assert_uint_eq(guest_info(fd).fi_owner, UINT32_MAX);
	ck_assert_uint_eq(guest_info(fd).fi_group, UINT32_MAX);
}
END_TEST

static int close_last(int fd)
{
	char byte;

	/* until the creator has closed its own */
	if (read(0, &byte, 1))
		return EIO;
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	ck_assert_int_eq(try_delete(-1), EPERM);
	return close(fd) ? errno : 0;
}

START_TEST(p12_the_creators_file_takes_its_port_along)
{
	int fd = guest_create("fio0", 0, 2), opened = guest_open("fio0", 1);
	int sockets[2], pipes[2];
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	ck_assert_int_eq(pipe(pipes), 0);
	child = fork();
	if (!child) {
		close(fd);
		close(pipes[1]);
		ck_assert_int_eq(dup2(pipes[0], 0), 0);
		become(other);
		finish(close_last(receive_file(sockets[1])));
	}
	send_file(sockets[0], fd);
	close(fd);
	close(pipes[1]);
	ck_assert_int_eq(result_of(child), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert(guest_poll(opened, POLLIN, -1) & POLLHUP);
}
END_TEST

static int be_its_admin(int fd)
{
	ck_assert_int_eq(setns(fd, CLONE_NEWNET), 0);
	ck_assert_int_eq(try_open(-1), 0);
	ck_assert_int_eq(result_as(&users[IN_GROUP], try_open, -1), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), 0);
	ck_assert_int_eq(result_as(other, try_open, -1), EACCES);
	return 0;
}

START_TEST(p13_owner_and_group_go_with_a_moved_port)
{
	close(create_port(HANDED));
	guest_add_netns("away");
	guest_sh("ip link set fio0 netns away");
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), ENODEV);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), ENOENT);
	ck_assert_int_eq(result_as(&users[ROOT], be_its_admin, netns_away()), 0);
	guest_sh("ip -n away link set fio0 netns 1");
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), 0);
	ck_assert_int_eq(result_as(other, try_open_node, -1), EACCES);
}
END_TEST

/* A namespace of a user's own gets a port of ours: it is that user's from then on. */
START_TEST(p13_a_moved_port_is_its_new_admins)
{
	int fd = create_port(0), sockets[2];
	pid_t child;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	child = fork();
	if (!child) {
		become(other);
		enter_user_namespace(CLONE_NEWNET);
		ck_assert_int_eq(find_nothing(guest_control()), 0);
		send_file(sockets[1], netns_here());
		receive_file(sockets[1]);
		ck_assert_int_eq(try_open(-1), 0);
		finish(try_delete(-1));
	}
	close(sockets[1]);
	close(receive_file(sockets[0]));
	guest_sh("ip link set fio0 netns %d", (int)child);
	ck_assert_int_eq(try_delete(-1), ENODEV);
	ck_assert_errno(access(NODE, F_OK), ENOENT);
	send_file(sockets[0], 0);
	ck_assert_int_eq(result_of(child), 0);
	ck_assert(guest_poll(fd, POLLIN, -1) & POLLHUP);
}
END_TEST

static int find_no_port(int netns)
{
	ck_assert_int_eq(setns(netns, CLONE_NEWNET), 0);
	ck_assert_int_eq(try_open(-1), EOPNOTSUPP);
	ck_assert_int_eq(try_look(-1), EOPNOTSUPP);
	return result_as(&users[IS_OWNER], try_open, -1);
}

/* Neither its owner nor who has a file open hears what it receives elsewhere. */
START_TEST(p13_a_moved_nic_port_ends)
{
	int fd, netns;

	add_veth();
	fd = attach_port(HANDED);
	set_up_nic(fd);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &(uint32_t) { FRAMEIO_O_PROMISC }), 0);
	guest_add_netns("away");
	netns = netns_away();
	guest_sh("ip link set fio0 netns away");
	ck_assert(guest_poll(fd, POLLIN, -1) & POLLHUP);
	ck_assert_uint_eq(guest_count_ports(), 0);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open, -1), ENODEV);
	ck_assert_int_eq(result_as(&users[IS_OWNER], try_open_node, -1), ENOENT);
	ck_assert_int_eq(result_as(&users[ROOT], find_no_port, netns), EOPNOTSUPP);
	/* and comes back as any other interface */
	guest_sh("ip -n away link set fio0 netns 1");
	ck_assert_int_eq(try_open(-1), EOPNOTSUPP);
	ck_assert(!is_promiscuous("fio0"));
	ck_assert_errno(read(fd, &netns, sizeof(netns)), ENODEV);
}
END_TEST

static const unsigned char elsewhere[6] = { 2, 0, 0, 0, 0xe1, 0x5e };

/* Without any privilege: read what is sent to another address, and send. */
static int watch_the_wire(int packet)
{
	const uint32_t promisc = FRAMEIO_O_PROMISC;
	int fd = guest_open("fio0", 1);
	unsigned char record[RECORD], frame[LEN];

	ck_assert_int_ge(fd, 0);
	ck_assert_errno(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &promisc), 0);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	guest_fill(frame, LEN, 1, 0);
	memcpy(frame, elsewhere, sizeof(elsewhere));
	ck_assert_int_eq(send(packet, frame, LEN, 0), LEN);
	ck_assert_int_eq(read(fd, record, RECORD), RECORD);
	ck_assert_mem_eq(record + HDRLEN, frame, LEN);
	guest_record(record, LEN, 2, 0);
	return write(fd, record, RECORD) == RECORD ? 0 : errno;
}

START_TEST(p14_who_may_open_a_nic_port_has_the_wire)
{
	int fd, packet;

	add_veth();
	fd = attach_port(HANDED);
	set_up_nic(fd);
	close(fd);
	packet = guest_packet_socket("fio1");
	ck_assert_int_eq(result_as(&users[IS_OWNER], watch_the_wire, packet), 0);
	guest_receive(packet, LEN, 2, 0);
	ck_assert(!is_promiscuous("fio0"));
	ck_assert_int_eq(result_as(&users[IN_GROUP], watch_the_wire, packet), 0);
	guest_receive(packet, LEN, 2, 0);
	ck_assert_int_eq(result_as(other, try_open, -1), EACCES);
}
END_TEST

/* What a test that failed has left behind: of a NIC port the interface stays. */
static void clean_up(void)
{
	guest_delete_ports();
	guest_sh("ip link del fio0 2>/dev/null || :");
}

static void add_table_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "table", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_loop_test(tcase, table_cell, 0, NROWS * NUSERS);
	tcase_add_test(tcase, table_without_owner_and_group);
}

static void add_nic_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "nic", 120, clean_up, clean_up);

	tcase_add_loop_test(tcase, nic_table_cell, 0, NROWS_NIC * NUSERS);
	tcase_add_test(tcase, p1_the_owner_of_the_namespace_attaches);
	tcase_add_test(tcase, p2_a_user_attaches_in_a_network_namespace_of_its_own);
	tcase_add_test(tcase, p3_interfaces_of_another_namespace_are_not_attached);
	tcase_add_test(tcase, p13_a_moved_nic_port_ends);
	tcase_add_test(tcase, p14_who_may_open_a_nic_port_has_the_wire);
}

static void add_rule_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "rules", 120, guest_delete_ports, guest_delete_ports);

	tcase_add_test(tcase, p1_root_of_another_user_namespace_is_one_of_the_others);
	tcase_add_test(tcase, p2_a_user_is_admin_in_a_network_namespace_of_its_own);
	tcase_add_test(tcase, p2_such_ports_have_no_node);
	tcase_add_test(tcase, p3_ports_of_another_namespace_are_not_there);
	tcase_add_test(tcase, p4_a_control_file_gives_none_of_its_openers_privileges);
	tcase_add_test(tcase, p4_a_control_file_takes_none_of_its_users_privileges);
	tcase_add_test(tcase, p5_the_node_is_not_for_root_of_a_user_namespace);
	tcase_add_test(tcase, p5_the_node_is_for_owner_and_group_in_any_namespace);
	tcase_add_test(tcase, p5_the_node_opens_the_initial_namespaces_port);
	tcase_add_test(tcase, p6_effective_and_supplementary_ids_count);
	tcase_add_test(tcase, p7_a_passed_file_works_in_other_namespaces);
	tcase_add_test(tcase, p7_a_file_works_on_after_privileges_were_dropped);
	tcase_add_test(tcase, p7_a_file_works_on_when_the_node_is_taken_away);
	tcase_add_test(tcase, p7_a_file_works_on_when_its_port_is_renamed_and_moved);
	tcase_add_test(tcase, p7_a_file_does_what_it_was_opened_for);
	tcase_add_test(tcase, p8_a_bound_file_gives_no_right_to_the_port);
	tcase_add_test(tcase, p9_owner_and_group_stay);
	tcase_add_test(tcase, p9_the_creator_hands_a_port_over_by_netlink);
	tcase_add_test(tcase, p9_chown_and_chmod_change_the_node_only);
	tcase_add_test(tcase, p10_what_netlink_gives_holds_for_open_files);
	tcase_add_test(tcase, p10_what_root_takes_is_not_given);
	tcase_add_test(tcase, p10_the_ports_namespace_counts_not_the_callers);
	tcase_add_test(tcase, p10_the_namespace_where_the_port_is_counts);
	tcase_add_test(tcase, p11_ids_that_are_not_mapped_are_refused);
	tcase_add_test(tcase, p11_ids_are_told_as_those_of_the_caller);
	tcase_add_test(tcase, p12_the_creators_file_takes_its_port_along);
	tcase_add_test(tcase, p13_owner_and_group_go_with_a_moved_port);
	tcase_add_test(tcase, p13_a_moved_port_is_its_new_admins);
}

int main(void)
{
	Suite *suite = suite_create("privilege");

	add_table_tests(suite);
	add_nic_tests(suite);
	add_rule_tests(suite);
	return guest_run(suite);
}
