/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Memory that cannot be had, and user memory that cannot be copied: each call
 * is made with its first allocation or copy failing, then its second, and so on.
 * It succeeds nevertheless or fails for the right reason, loses no frame and
 * leaves nothing behind, and the port works on.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call.h"
#include "inject.h"
#include "rings.h"

#define PORT		"fio0"
#define NIC		"fionic"	/* an end of a veth pair, and */
#define PEER		"fiopeer"	/* the other, which is the wire */
#define NODE(name)	"/dev/frameio/" name
#define NFRAMES		32
#define SLOT		65600
#define N(array)	((int)(sizeof(array) / sizeof(*(array))))

static int control, inet;

/* What would grow if something were left behind. */
struct census {
	int refcnt, ports, interfaces, devices, nodes, files;
};

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static struct census take_census(void)
{
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };
	struct census census = {
		.refcnt = guest_number("/sys/module/frameio/refcnt"),
		.interfaces = count_entries("/sys/class/net"),
		.devices = count_entries("/sys/class/frameio"),
		.nodes = count_entries("/dev/frameio"),
		.files = count_entries("/proc/self/fd"),
	};

	ck_assert_int_eq(ioctl(control, FRAMEIO_LIST, &list), 0);
	census.ports = list.fl_count;
	return census;
}

static void check_census(const struct census *before)
{
	const struct census now = take_census();

	ck_assert_int_eq(now.refcnt, before->refcnt);
	ck_assert_int_eq(now.ports, before->ports);
	ck_assert_int_eq(now.interfaces, before->interfaces);
	ck_assert_int_eq(now.devices, before->devices);
	ck_assert_int_eq(now.nodes, before->nodes);
	ck_assert_int_eq(now.files, before->files);
}

/* The kernel sends nothing of its own, and making and deleting ports takes less long. */
static bool set_quiet(bool quiet)
{
	static const char *const settings[] = {
		"/proc/sys/net/ipv6/conf/default/disable_ipv6",
		"/sys/kernel/rcu_expedited",
	};
	bool done = true;
	int fd, i;

	for (i = 0; i < 2; i++) {
		fd = open(settings[i], O_WRONLY | O_CLOEXEC);
		done &= write(fd, quiet ? "1" : "0", 1) == 1;
		close(fd);
	}
	return done;
}

static void setup(void)
{
	ck_assert(set_quiet(true));
	guest_delete_ports();
	if (if_nametoindex(NIC))
		guest_sh("ip link del " NIC);
	inject_setup();
	control = guest_control();
	inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(inet, 0);
}

static int interface_flags(const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };

	strcpy(request.ifr_name, name);
	return ioctl(inet, SIOCGIFFLAGS, &request) ? -1 : request.ifr_flags;
}

static void set_up(const char *name, bool up)
{
	struct ifreq request = { .ifr_flags = up ? IFF_UP : 0 };

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(inet, SIOCSIFFLAGS, &request), 0);
}

static void set_mtu(const char *name, int mtu)
{
	struct ifreq request = { .ifr_mtu = mtu };

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(inet, SIOCSIFMTU, &request), 0);
}

static int get_mtu(const char *name)
{
	struct ifreq request = { .ifr_mtu = 0 };

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(inet, SIOCGIFMTU, &request), 0);
	return request.ifr_mtu;
}

static int packet_socket(const char *name)
{
	const struct timeval patience = { .tv_sec = 60 };
	int fd = guest_packet_socket(name);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* Read the next record, which was sent already; the frame must be the one of @seed. */
static void read_next(int fd, size_t len, uint32_t seed, uint32_t flags)
{
	static unsigned char record[SLOT];

	ck_assert_int_eq(guest_poll(fd, POLLIN, 60000), POLLIN);
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + len);
	guest_check_record(record, len, seed, flags);
}

/* A known frame goes each way, and no other was there before it. */
static void check_moves(int fd, int packet, uint32_t flags)
{
	const size_t len = 60;
	unsigned char record[HDRLEN + len];

	guest_send(packet, len, 0xf00d, flags);
	read_next(fd, len, 0xf00d, flags);
	guest_record(record, len, 0xbeef, flags);
	ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
	guest_receive(packet, len, 0xbeef, flags);
}

/* The port of a bound file works, as nothing but a port that works would. */
static void check_works(int fd)
{
	const struct frameio_info info = guest_info(fd);
	int packet;

	set_up(info.fi_name, true);
	packet = packet_socket(info.fi_name);
	check_moves(fd, packet, info.fi_flags & FRAMEIO_PORT_L3);
	close(packet);
}

/*
 * A port has its node under its own name or, for want of memory, none at all, and
 * what has no port has no node.
 */
static void check_node(const char *name, bool is_port)
{
	char node[64], device[64], astray[64];

	snprintf(node, sizeof(node), NODE("%s"), name);
	snprintf(device, sizeof(device), "/sys/class/frameio/%s", name);
	snprintf(astray, sizeof(astray), "/dev/%s", name);
	ck_assert_int_ne(access(astray, F_OK), 0);
	ck_assert_int_eq(access(node, F_OK), access(device, F_OK));
	if (!is_port)
		ck_assert_errno(access(node, F_OK), ENOENT);
}

static int create_port(const char *name, uint32_t flags, uint32_t nqueues)
{
	int fd = guest_create(name, flags, nqueues);

	guest_set_nonblock(fd, true);
	return fd;
}

/* An interface of somebody else's, which is no port yet */

static void add_veth(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[1024] = { 0 };
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nlattr *info, *nest, *peer;

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, NIC);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	nest = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(message, IFLA_IFNAME, PEER);
	mnl_attr_nest_end(message, peer);
	mnl_attr_nest_end(message, nest);
	mnl_attr_nest_end(message, info);
	ck_assert_ptr_nonnull(socket);
	ck_assert_int_gt(mnl_socket_sendto(socket, message, message->nlmsg_len), 0);
	mnl_socket_close(socket);
	set_up(NIC, true);
	set_up(PEER, true);
}

static void request_attach(struct frameio_create *create, uint32_t flags, uint32_t nqueues)
{
	*create = (struct frameio_create) {
		.fc_name = NIC, .fc_flags = flags, .fc_nqueues = nqueues,
	};
}

/* Have a file take what comes from now on. */
static void begin_to_read(int fd)
{
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
}

static int attach_nic(uint32_t flags, uint32_t nqueues)
{
	struct frameio_create create;
	int fd = guest_control();

	request_attach(&create, flags, nqueues);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &create), 0);
	guest_set_nonblock(fd, true);
	return fd;
}

static bool is_nic_port(void)
{
	struct frameio_queue_pair pair = { .fp_name = NIC };

	if (ioctl(control, FRAMEIO_QUEUE_PAIR, &pair) == 0)
		return true;
	ck_assert_int_eq(errno, EOPNOTSUPP);
	return false;
}

static void check_nic_works(int fd)
{
	int packet;

	begin_to_read(fd);
	packet = packet_socket(PEER);
	check_moves(fd, packet, 0);
	close(packet);
}

/* Opening and closing */

struct opening {
	const char *path;
	struct census census;
	int fd;
};

static ssize_t call_open(void *arg)
{
	struct opening *opening = arg;

	opening->fd = open(opening->path, O_RDWR | O_CLOEXEC);
	return opening->fd;
}

static void check_open(void *arg, const struct inject_attempt *attempt)
{
	struct opening *opening = arg;
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };

	if (attempt->ret < 0) {
		inject_check_error(attempt);
	} else {
		ck_assert_int_eq(ioctl(opening->fd, FRAMEIO_LIST, &list), 0);
		close(opening->fd);
	}
	check_census(&opening->census);
}

START_TEST(opening_the_control_node)
{
	const struct inject_call call = {
		.name = "open control", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.call = call_open, .check = check_open,
	};
	struct opening opening = { .path = NODE("control"), .census = take_census() };

	inject_each(&call, &opening);
}
END_TEST

static void check_open_port(void *arg, const struct inject_attempt *attempt)
{
	struct opening *opening = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
	} else {
		ck_assert_uint_eq(guest_info(opening->fd).fi_nopen, 1);
		check_works(opening->fd);
		close(opening->fd);
	}
	check_census(&opening->census);
}

START_TEST(opening_the_node_of_a_port)
{
	const struct inject_call call = {
		.name = "open node", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.call = call_open, .check = check_open_port,
	};
	struct opening opening = { .path = NODE(PORT) };

	close(create_port(PORT, FRAMEIO_PORT_PERSIST, 1));
	opening.census = take_census();
	inject_each(&call, &opening);
}
END_TEST

static void prepare_close(void *arg)
{
	struct opening *opening = arg;

	opening->fd = create_port(PORT, 0, 1);
	set_up(PORT, true);
}

static ssize_t call_close(void *arg)
{
	struct opening *opening = arg;

	return close(opening->fd);
}

static void check_close(void *arg, const struct inject_attempt *attempt)
{
	struct opening *opening = arg;

	ck_assert_int_eq(attempt->ret, 0);
	ck_assert_uint_eq(if_nametoindex(PORT), 0);
	check_node(PORT, false);
	check_census(&opening->census);
}

START_TEST(closing_deletes_the_port)
{
	const struct inject_call call = {
		.name = "close of the creator", .met = INJECT_ALLOCATION,
		.dense = 256,
		.prepare = prepare_close, .call = call_close, .check = check_close,
	};
	struct opening opening = { .census = take_census() };

	inject_each(&call, &opening);
}
END_TEST

/* The control ioctls */

struct creation {
	const char *name;
	uint32_t flags, nqueues;
	unsigned int dense;
};

static const struct creation creations[] = {
	{ "FRAMEIO_CREATE L2", 0, 1, 256 },
	{ "FRAMEIO_CREATE L3", FRAMEIO_PORT_L3, 1, 16 },
	{ "FRAMEIO_CREATE persistent, 3 queue pairs", FRAMEIO_PORT_PERSIST, 3, 8 },
	{ "FRAMEIO_CREATE L3, 64 queue pairs", FRAMEIO_PORT_L3, 64, 2 },
};

struct control_call {
	const struct creation *creation;
	struct frameio_create create;
	struct frameio_open open;
	struct frameio_delete delete;
	struct census census;
	int fd;
};

static void prepare_create(void *arg)
{
	struct control_call *call = arg;

	call->fd = guest_control();
	guest_set_nonblock(call->fd, true);
	call->create = (struct frameio_create) {
		.fc_name = PORT,
		.fc_flags = call->creation->flags,
		.fc_nqueues = call->creation->nqueues,
	};
}

static ssize_t call_create(void *arg)
{
	struct control_call *call = arg;

	return ioctl(call->fd, FRAMEIO_CREATE, &call->create);
}

static void check_create(void *arg, const struct inject_attempt *attempt)
{
	struct frameio_delete delete = { .fd_name = PORT };
	struct control_call *call = arg;

	check_node(PORT, attempt->ret >= 0);
	if (attempt->ret < 0) {
		inject_check_error(attempt);
		ck_assert_uint_eq(if_nametoindex(PORT), 0);
		/* the file is as it was: unbound */
		ck_assert_errno(ioctl(call->fd, FRAMEIO_INFO, &(struct frameio_info) { 0 }),
				ENOTCONN);
	} else {
		ck_assert_uint_eq(guest_info(call->fd).fi_ifindex, call->create.fc_ifindex);
		ck_assert_uint_eq(guest_info(call->fd).fi_nqueues, call->creation->nqueues);
		check_works(call->fd);
		if (call->creation->flags & FRAMEIO_PORT_PERSIST)
			ck_assert_int_eq(ioctl(call->fd, FRAMEIO_DELETE, &delete), 0);
	}
	close(call->fd);
	check_census(&call->census);
}

START_TEST(creating_a_port)
{
	const struct creation *creation = &creations[_i];
	const struct inject_call call = {
		.name = creation->name,
		.met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = creation->dense,
		.prepare = prepare_create, .call = call_create, .check = check_create,
	};
	struct control_call state = { .creation = creation, .census = take_census() };

	inject_each(&call, &state);
}
END_TEST

static void prepare_open(void *arg)
{
	struct control_call *call = arg;

	call->fd = guest_control();
	guest_set_nonblock(call->fd, true);
	call->open = (struct frameio_open) { .fo_name = PORT, .fo_queue = FRAMEIO_QUEUE_ANY };
}

static ssize_t call_open_by_name(void *arg)
{
	struct control_call *call = arg;

	return ioctl(call->fd, FRAMEIO_OPEN, &call->open);
}

static void check_open_by_name(void *arg, const struct inject_attempt *attempt)
{
	struct control_call *call = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		prepare_open((close(call->fd), call));
		ck_assert_int_eq(call_open_by_name(call), 0);
	}
	ck_assert_uint_eq(call->open.fo_queue, 0);
	ck_assert_uint_eq(guest_info(call->fd).fi_nopen, 1);
	check_works(call->fd);
	close(call->fd);
	check_census(&call->census);
}

START_TEST(opening_a_port_by_name)
{
	const struct inject_call call = {
		.name = "FRAMEIO_OPEN", .met = INJECT_USERCOPY,
		.prepare = prepare_open, .call = call_open_by_name, .check = check_open_by_name,
	};
	struct control_call state = { .census = { 0 } };

	close(create_port(PORT, FRAMEIO_PORT_PERSIST, 1));
	state.census = take_census();
	inject_each(&call, &state);
}
END_TEST

static void prepare_delete(void *arg)
{
	struct control_call *call = arg;

	call->fd = create_port(PORT, 0, 2);
	set_up(PORT, true);
	call->delete = (struct frameio_delete) { .fd_name = PORT };
}

static ssize_t call_delete(void *arg)
{
	struct control_call *call = arg;

	return ioctl(call->fd, FRAMEIO_DELETE, &call->delete);
}

static void check_delete(void *arg, const struct inject_attempt *attempt)
{
	struct control_call *call = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		check_works(call->fd);
		ck_assert_int_eq(call_delete(call), 0);
	}
	ck_assert_int_eq(guest_poll(call->fd, 0, 0) & POLLHUP, POLLHUP);
	check_node(PORT, false);
	close(call->fd);
	check_census(&call->census);
}

START_TEST(deleting_a_port)
{
	const struct inject_call call = {
		.name = "FRAMEIO_DELETE", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 8,
		.prepare = prepare_delete, .call = call_delete, .check = check_delete,
	};
	struct control_call state = { .census = take_census() };

	inject_each(&call, &state);
}
END_TEST

struct asking {
	int fd;
	struct frameio_info infos[3];
	struct frameio_list list;
	struct frameio_stats stats;
	struct frameio_limits limits;
	uint32_t limit;
};

static void prepare_list(void *arg)
{
	struct asking *asking = arg;

	memset(asking->infos, 0, sizeof(asking->infos));
	asking->list = (struct frameio_list) {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)asking->infos,
		.fl_count = 3,
	};
}

static ssize_t call_list(void *arg)
{
	struct asking *asking = arg;

	return ioctl(asking->fd, FRAMEIO_LIST, &asking->list);
}

static void check_list(void *arg, const struct inject_attempt *attempt)
{
	struct asking *asking = arg;
	int i;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		return;
	}
	ck_assert_uint_eq(asking->list.fl_count, 3);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(asking->infos[i].fi_ifindex,
				  if_nametoindex(asking->infos[i].fi_name));
}

START_TEST(listing_ports)
{
	const struct inject_call call = {
		.name = "FRAMEIO_LIST", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.prepare = prepare_list, .call = call_list, .check = check_list,
	};
	struct asking asking = { .fd = create_port("fio0", 0, 1) };
	struct census census;

	create_port("fio1", 0, 1);
	create_port("fio2", 0, 1);
	census = take_census();
	inject_each(&call, &asking);
	check_census(&census);
}
END_TEST

static ssize_t call_info(void *arg)
{
	struct asking *asking = arg;

	return ioctl(asking->fd, FRAMEIO_INFO, asking->infos);
}

static void check_info(void *arg, const struct inject_attempt *attempt)
{
	struct asking *asking = arg;

	if (attempt->ret < 0)
		inject_check_error(attempt);
	else
		ck_assert_str_eq(asking->infos->fi_name, PORT);
}

static ssize_t call_stats(void *arg)
{
	struct asking *asking = arg;

	return ioctl(asking->fd, FRAMEIO_STATS, &asking->stats);
}

static void check_stats(void *arg, const struct inject_attempt *attempt)
{
	struct asking *asking = arg;

	if (attempt->ret < 0)
		inject_check_error(attempt);
	else
		ck_assert_uint_eq(asking->stats.fs_read_queued, 1);
}

static void prepare_limits(void *arg)
{
	struct asking *asking = arg;

	asking->limits.fq_read = asking->limits.fq_write = guest_info(asking->fd).fi_read_limit + 1;
}

static ssize_t call_limits(void *arg)
{
	struct asking *asking = arg;

	return ioctl(asking->fd, FRAMEIO_SET_LIMITS, &asking->limits);
}

static void check_limits(void *arg, const struct inject_attempt *attempt)
{
	struct asking *asking = arg;
	const struct frameio_info info = guest_info(asking->fd);

	if (attempt->ret < 0)
		inject_check_error(attempt);
	ck_assert_uint_eq(info.fi_read_limit, asking->limits.fq_read - (attempt->ret < 0));
	ck_assert_uint_eq(info.fi_write_limit, asking->limits.fq_write - (attempt->ret < 0));
}

START_TEST(asking_and_setting)
{
	static const struct inject_call calls[] = {
		{ "FRAMEIO_INFO", INJECT_USERCOPY, 0, NULL, call_info, check_info },
		{ "FRAMEIO_STATS", INJECT_USERCOPY, 0, NULL, call_stats, check_stats },
		{ "FRAMEIO_SET_LIMITS", INJECT_USERCOPY, 0, prepare_limits, call_limits,
		  check_limits },
	};
	struct asking asking = { .fd = create_port(PORT, 0, 1) };
	uint32_t *closed = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t options = FRAMEIO_O_TRUNC;
	int i;

	check_works(asking.fd);
	for (i = 0; i < N(calls); i++)
		inject_each(&calls[i], &asking);
	/* get_user() and put_user() know no injection */
	ck_assert_int_eq(ioctl(asking.fd, FRAMEIO_SET_OPTIONS, &options), 0);
	ck_assert_errno(ioctl(asking.fd, FRAMEIO_SET_OPTIONS, closed), EFAULT);
	ck_assert_errno(ioctl(asking.fd, FRAMEIO_GET_OPTIONS, closed), EFAULT);
	options = 0;
	ck_assert_int_eq(ioctl(asking.fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, FRAMEIO_O_TRUNC);
	inject_count("FRAMEIO_SET_OPTIONS, bad address", INJECT_COPY, 1);
	inject_count("FRAMEIO_GET_OPTIONS, bad address", INJECT_COPY, 1);
	check_works(asking.fd);
}
END_TEST

/* Reading and writing */

struct shape {
	const char *name;
	char direction;		/* 'r' or 'w'; 'R' or 'W': in packed mode */
	unsigned int nframes;
	unsigned int nvpf;	/* vectors per frame of the ioctls; 0: read, readv, write, writev */
	size_t len;		/* of each frame */
	unsigned int met;	/* INJECT_* */
	uint16_t hdr_flags;	/* FRAMEIO_F_* of what is written */
	uint32_t port_flags;	/* FRAMEIO_PORT_L3, or FRAMEIO_PORT_NIC */
};

#define ALLOCATIONS	INJECT_ALLOCATION
#define COPIES		INJECT_USERCOPY
#define OFFLOADS	(FRAMEIO_F_VLAN | FRAMEIO_F_CSUM_PARTIAL | FRAMEIO_F_CSUM_VALID)

/* Short records, up to 256 bytes, are copied by no function that knows injection. */
static const struct shape shapes[] = {
	{ "read, long", 'r', 1, 0, 1500, COPIES, 0, 0 },
	{ "read, many pages", 'r', 1, 0, 30000, COPIES, 0, 0 },
	{ "read, L3", 'r', 1, 0, 1400, COPIES, 0, FRAMEIO_PORT_L3 },
	{ "readv, 2 long", 'r', 2, 0, 1500, COPIES, 0, 0 },
	{ "readv, 32 short", 'r', 32, 0, 60, COPIES | ALLOCATIONS, 0, 0 },
	{ "readv, 32 long", 'r', 32, 0, 1500, COPIES | ALLOCATIONS, 0, 0 },
	{ "readv, 3 of many pages", 'r', 3, 0, 20000, COPIES, 0, 0 },
	{ "FRAMEIO_READ, 1 short", 'r', 1, 1, 60, COPIES, 0, 0 },
	{ "FRAMEIO_READ, 32 long", 'r', 32, 1, 1500, COPIES, 0, 0 },
	{ "FRAMEIO_READ, 17 short of 2 vectors", 'r', 17, 2, 60, COPIES | ALLOCATIONS, 0, 0 },
	{ "FRAMEIO_READ, 5 long of 7 vectors", 'r', 5, 7, 1500, COPIES | ALLOCATIONS, 0, 0 },
	{ "FRAMEIO_READ, 4 L3 of 3 vectors", 'r', 4, 3, 900, COPIES, 0, FRAMEIO_PORT_L3 },
	{ "packed read, 32 short", 'R', 32, 0, 61, 0, 0, 0 },
	{ "packed read, 20 long", 'R', 20, 0, 1501, COPIES, 0, 0 },
	{ "packed write, 32 short", 'W', 32, 0, 61, ALLOCATIONS, 0, 0 },
	{ "packed write, 20 long", 'W', 20, 0, 1501, COPIES | ALLOCATIONS, 0, 0 },
	{ "write, short", 'w', 1, 0, 60, 0, 0, 0 },
	{ "write, long", 'w', 1, 0, 1500, COPIES, 0, 0 },
	{ "write, many pages", 'w', 1, 0, 30000, COPIES | ALLOCATIONS, 0, 0 },
	{ "write, offloads", 'w', 1, 0, 1500, COPIES | ALLOCATIONS, OFFLOADS, 0 },
	{ "write, L3", 'w', 1, 0, 1400, COPIES, 0, FRAMEIO_PORT_L3 },
	{ "writev, 32 short", 'w', 32, 0, 60, COPIES | ALLOCATIONS, 0, 0 },
	{ "writev, 32 long", 'w', 32, 0, 1500, COPIES | ALLOCATIONS, 0, 0 },
	{ "writev, 3 of many pages", 'w', 3, 0, 20000, COPIES | ALLOCATIONS, 0, 0 },
	{ "writev, 32 offloads", 'w', 32, 0, 100, COPIES | ALLOCATIONS, OFFLOADS, 0 },
	{ "FRAMEIO_WRITE, 1 short", 'w', 1, 1, 60, COPIES, 0, 0 },
	{ "FRAMEIO_WRITE, 32 long", 'w', 32, 1, 1500, COPIES | ALLOCATIONS, 0, 0 },
	{ "FRAMEIO_WRITE, 17 short of 2 vectors", 'w', 17, 2, 60, COPIES | ALLOCATIONS, 0, 0 },
	{ "FRAMEIO_WRITE, 5 long of 7 vectors", 'w', 5, 7, 5000, COPIES | ALLOCATIONS, 0, 0 },
	{ "FRAMEIO_WRITE, 32 L3", 'w', 32, 1, 900, COPIES | ALLOCATIONS, 0, FRAMEIO_PORT_L3 },
	{ "NIC port: read, long", 'r', 1, 0, 1500, COPIES, 0, FRAMEIO_PORT_NIC },
	{ "NIC port: readv, 32 short", 'r', 32, 0, 60, COPIES | ALLOCATIONS, 0, FRAMEIO_PORT_NIC },
	{ "NIC port: readv, 3 of many pages", 'r', 3, 0, 20000, COPIES, 0, FRAMEIO_PORT_NIC },
	{ "NIC port: FRAMEIO_READ, 5 long of 7 vectors", 'r', 5, 7, 1500, COPIES | ALLOCATIONS, 0,
	  FRAMEIO_PORT_NIC },
	{ "NIC port: write, long", 'w', 1, 0, 1500, COPIES, 0, FRAMEIO_PORT_NIC },
	{ "NIC port: writev, 32 long", 'w', 32, 0, 1500, COPIES | ALLOCATIONS, 0,
	  FRAMEIO_PORT_NIC },
	{ "NIC port: writev, 3 of many pages", 'w', 3, 0, 20000, COPIES | ALLOCATIONS, 0,
	  FRAMEIO_PORT_NIC },
	{ "NIC port: writev, 32 offloads", 'w', 32, 0, 100, COPIES | ALLOCATIONS, OFFLOADS,
	  FRAMEIO_PORT_NIC },
	{ "NIC port: FRAMEIO_WRITE, 17 short of 2 vectors", 'w', 17, 2, 60, COPIES | ALLOCATIONS, 0,
	  FRAMEIO_PORT_NIC },
};

struct moving {
	const struct shape *shape;
	int fd, packet;
	uint32_t seed;		/* of the first frame of the call */
	union guest_frameio fio;
	struct iovec iov[NFRAMES];
	unsigned char *slots;	/* of SLOT bytes each */
};

static size_t record_len(const struct moving *moving)
{
	return HDRLEN + moving->shape->len;
}

static bool is_packed(const struct shape *shape)
{
	return isupper((unsigned char)shape->direction);
}

static bool is_read(const struct shape *shape)
{
	return tolower((unsigned char)shape->direction) == 'r';
}

/* From a slot to the next; those of a row are at multiples of 8. */
static size_t stride(const struct moving *moving)
{
	return is_packed(moving->shape) ? (record_len(moving) + 7) / 8 * 8 : SLOT;
}

static unsigned char *slot(const struct moving *moving, unsigned int i)
{
	return moving->slots + i * stride(moving);
}

static void set_packed(const struct moving *moving, bool packed)
{
	const uint32_t options = packed ? FRAMEIO_O_PACKED : 0;

	ck_assert_int_eq(ioctl(moving->fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

/* Each record in one piece of memory, of which the vectors are parts. */
static void point_vectors(struct moving *moving)
{
	const struct shape *shape = moving->shape;
	unsigned int i, j;

	if (shape->nvpf)
		guest_frameio_init(&moving->fio, shape->nframes * shape->nvpf, shape->nvpf);
	for (i = 0; i < shape->nframes; i++) {
		struct framevec *vecs = &moving->fio.fio.fio_vecs[i * shape->nvpf];
		unsigned char *next = slot(moving, i);
		size_t left = record_len(moving);

		moving->iov[i] = (struct iovec) { .iov_base = next, .iov_len = left };
		for (j = 0; j < shape->nvpf; j++) {
			size_t len = j + 1 == shape->nvpf ? left : j ? left / 3 : HDRLEN;

			vecs[j] = (struct framevec) { (uintptr_t)next, len, 0 };
			next += len;
			left -= len;
		}
	}
}

static int open_moving_nic(void)
{
	int fd;

	add_veth();
	set_mtu(NIC, 40000);
	set_mtu(PEER, 40000);
	fd = attach_nic(0, 1);
	begin_to_read(fd);
	return fd;
}

static int open_moving_port(uint32_t flags)
{
	int fd = create_port(PORT, flags, 1);

	set_mtu(PORT, 40000);
	set_up(PORT, true);
	return fd;
}

static void moving_init(struct moving *moving, const struct shape *shape)
{
	const bool nic = shape->port_flags & FRAMEIO_PORT_NIC;

	*moving = (struct moving) {
		.shape = shape,
		.fd = nic ? open_moving_nic() : open_moving_port(shape->port_flags),
		.seed = 1,
	};
	moving->packet = packet_socket(nic ? PEER : PORT);
	moving->slots = mmap(NULL, NFRAMES * SLOT, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ck_assert_ptr_ne(moving->slots, MAP_FAILED);
}

/* Up to the end of the last of @n records. */
static size_t row_len(const struct moving *moving, unsigned int n)
{
	return (n - 1) * stride(moving) + record_len(moving);
}

static ssize_t call_move(void *arg)
{
	struct moving *moving = arg;
	const struct shape *shape = moving->shape;

	if (shape->nvpf)
		return ioctl(moving->fd, is_read(shape) ? FRAMEIO_READ : FRAMEIO_WRITE,
			     &moving->fio);
	if (shape->direction == 'R')
		return read(moving->fd, moving->slots, row_len(moving, shape->nframes));
	if (shape->direction == 'W')
		return write(moving->fd, moving->slots, row_len(moving, shape->nframes));
	if (shape->nframes == 1 && shape->direction == 'r')
		return read(moving->fd, slot(moving, 0), record_len(moving));
	if (shape->nframes == 1)
		return write(moving->fd, slot(moving, 0), record_len(moving));
	if (shape->direction == 'r')
		return readv(moving->fd, moving->iov, shape->nframes);
	return writev(moving->fd, moving->iov, shape->nframes);
}

/* The bytes of frame @i that the ioctl says it moved. */
static size_t actual_len(const struct moving *moving, unsigned int i)
{
	const unsigned int nvpf = moving->shape->nvpf;
	size_t sum = 0;
	unsigned int j;

	for (j = 0; j < nvpf; j++)
		sum += moving->fio.fio.fio_vecs[i * nvpf + j].fv_actlen;
	return sum;
}

/* How many frames the call says it moved. */
static unsigned int count_moved(const struct moving *moving, const struct inject_attempt *attempt)
{
	const unsigned int nvpf = moving->shape->nvpf;
	unsigned int n, i;

	if (attempt->ret < 0)
		return 0;
	if (is_packed(moving->shape)) {
		n = (attempt->ret + stride(moving) - 1) / stride(moving);
		/* where the last one ends, or of a write, the next one starts */
		if (is_read(moving->shape) || n == moving->shape->nframes)
			ck_assert_uint_eq(attempt->ret, row_len(moving, n));
		else
			ck_assert_uint_eq(attempt->ret, n * stride(moving));
	} else if (!nvpf) {
		ck_assert_uint_eq(attempt->ret % record_len(moving), 0);
		n = attempt->ret / record_len(moving);
	} else {
		ck_assert_uint_eq(moving->fio.fio.fio_nvecs % nvpf, 0);
		n = moving->fio.fio.fio_nvecs / nvpf;
		for (i = 0; i < n; i++)
			ck_assert_uint_eq(actual_len(moving, i), record_len(moving));
	}
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_le(n, moving->shape->nframes);
	if (attempt->kind == INJECT_NONE)
		ck_assert_uint_eq(n, moving->shape->nframes);
	return n;
}

static void wait_until_queued(int fd, uint64_t n)
{
	struct frameio_stats stats;

	do
		guest_stats(fd, &stats);
	while (stats.fs_read_queued < n);
}

static void prepare_read(void *arg)
{
	struct moving *moving = arg;
	const struct shape *shape = moving->shape;
	unsigned int i;

	set_packed(moving, is_packed(shape));
	point_vectors(moving);
	for (i = 0; i < shape->nframes; i++) {
		memset(slot(moving, i), 0xa5, record_len(moving));
		guest_send(moving->packet, shape->len, moving->seed + i, shape->port_flags);
	}
	/* a wire takes its time */
	wait_until_queued(moving->fd, moving->seed - 1 + shape->nframes);
}

/* What was read is right, what was not read comes next, and nothing comes twice. */
static void check_read(void *arg, const struct inject_attempt *attempt)
{
	struct moving *moving = arg;
	const struct shape *shape = moving->shape;
	const unsigned int moved = count_moved(moving, attempt);
	unsigned int i;

	set_packed(moving, false);
	if (attempt->ret < 0)
		inject_check_error(attempt);
	for (i = 0; i < moved; i++)
		guest_check_record(slot(moving, i), shape->len, moving->seed + i,
				   shape->port_flags);
	for (; i < shape->nframes; i++)
		read_next(moving->fd, shape->len, moving->seed + i, shape->port_flags);
	ck_assert_errno(read(moving->fd, slot(moving, 0), SLOT), EAGAIN);
	moving->seed += shape->nframes;
}

static void prepare_write(void *arg)
{
	struct moving *moving = arg;
	const struct shape *shape = moving->shape;
	unsigned int i;

	set_packed(moving, is_packed(shape));
	point_vectors(moving);
	for (i = 0; i < shape->nframes; i++) {
		struct frameio_hdr *hdr = (void *)slot(moving, i);

		guest_record(hdr, shape->len, moving->seed + i, shape->port_flags);
		hdr->flags = shape->hdr_flags;
		if (shape->hdr_flags) {
			hdr->vlan_proto = 0x8100;
			hdr->vlan_tci = 7;
			hdr->csum_start = 34;
			hdr->csum_offset = 16;
		}
	}
}

/* What was accepted arrives; what was not is still the caller's, and is accepted then. */
static void check_write(void *arg, const struct inject_attempt *attempt)
{
	struct moving *moving = arg;
	const struct shape *shape = moving->shape;
	const unsigned int moved = count_moved(moving, attempt);
	unsigned int i;

	set_packed(moving, false);
	if (attempt->ret < 0)
		inject_check_error(attempt);
	for (i = moved; i < shape->nframes; i++)
		ck_assert_int_eq(write(moving->fd, slot(moving, i), record_len(moving)),
				 record_len(moving));
	for (i = 0; i < shape->nframes; i++)
		guest_receive(moving->packet, shape->len, moving->seed + i, shape->port_flags);
	moving->seed += shape->nframes;
}

/* What the counters say must be what the test did. */
static void check_counters(const struct moving *moving)
{
	struct frameio_stats stats;

	guest_stats(moving->fd, &stats);
	ck_assert_uint_eq(stats.fs_read_drop_nomem, 0);
	ck_assert_uint_eq(stats.fs_read_queued, stats.fs_read_frames[FRAMEIO_MODE_SINGLE] +
						stats.fs_read_frames[FRAMEIO_MODE_VECTOR] +
						stats.fs_read_frames[FRAMEIO_MODE_FRAMEIO] +
						stats.fs_read_frames[FRAMEIO_MODE_PACKED]);
	ck_assert_uint_eq(stats.fs_write_received, stats.fs_write_frames[FRAMEIO_MODE_SINGLE] +
						   stats.fs_write_frames[FRAMEIO_MODE_VECTOR] +
						   stats.fs_write_frames[FRAMEIO_MODE_FRAMEIO] +
						   stats.fs_write_frames[FRAMEIO_MODE_PACKED]);
	ck_assert_uint_eq(is_read(moving->shape) ? stats.fs_read_queued : stats.fs_write_received,
			  moving->seed - 1);
}

START_TEST(reading_and_writing)
{
	const struct shape *shape = &shapes[_i];
	const bool reads = is_read(shape);
	const struct inject_call call = {
		.name = shape->name,
		.met = shape->met,
		.prepare = reads ? prepare_read : prepare_write,
		.call = call_move,
		.check = reads ? check_read : check_write,
	};
	struct moving moving;
	struct census census;

	moving_init(&moving, shape);
	census = take_census();
	inject_each(&call, &moving);
	check_counters(&moving);
	check_moves(moving.fd, moving.packet, shape->port_flags);
	check_census(&census);
}
END_TEST

/* The same calls on memory of which the last bytes of one record cannot be touched. */
static const struct shape short_shapes[] = {
	{ "read, short, bad address", 'r', 1, 0, 60, 0, 0, 0 },
	{ "readv, 3 short, bad address", 'r', 3, 0, 77, 0, 0, 0 },
	{ "FRAMEIO_READ, 3 short, bad address", 'r', 3, 1, 61, 0, 0, 0 },
	{ "FRAMEIO_READ, 3 of 3 vectors, bad address", 'r', 3, 3, 200, 0, 0, 0 },
	{ "write, short, bad address", 'w', 1, 0, 60, 0, 0, 0 },
	{ "writev, 3 short, bad address", 'w', 3, 0, 77, 0, 0, 0 },
	{ "FRAMEIO_WRITE, 3 short, bad address", 'w', 3, 1, 61, 0, 0, 0 },
	{ "FRAMEIO_WRITE, 3 of 3 vectors, bad address", 'w', 3, 3, 200, 0, 0, 0 },
};

/* Have record @bad end @missing bytes behind the end of accessible memory. */
static void misplace(struct moving *moving, unsigned char *end, unsigned int bad, size_t missing)
{
	const struct shape *shape = moving->shape;
	unsigned char *base = end - (record_len(moving) - missing);
	unsigned int j;

	memcpy(base, slot(moving, bad), record_len(moving) - missing);
	moving->iov[bad].iov_base = base;
	for (j = 0; j < shape->nvpf; j++) {
		struct framevec *vec = &moving->fio.fio.fio_vecs[bad * shape->nvpf + j];

		vec->fv_buf = (uintptr_t)base;
		base += vec->fv_buflen;
	}
}

static void fail_at(struct moving *moving, unsigned char *end, unsigned int bad, size_t missing)
{
	const struct shape *shape = moving->shape;
	const bool reads = shape->direction == 'r';
	struct inject_attempt attempt = { .kind = INJECT_COPY };

	(reads ? prepare_read : prepare_write)(moving);
	misplace(moving, end, bad, missing);
	errno = 0;
	if (shape->nframes > 1 || shape->nvpf)
		attempt.ret = call_move(moving);
	else if (reads)
		attempt.ret = read(moving->fd, moving->iov[0].iov_base, record_len(moving));
	else
		attempt.ret = write(moving->fd, moving->iov[0].iov_base, record_len(moving));
	attempt.error = errno;
	ck_assert_uint_eq(count_moved(moving, &attempt), bad);
	(reads ? check_read : check_write)(moving, &attempt);
	inject_count(shape->name, INJECT_COPY, 1);
}

START_TEST(reading_and_writing_short_records)
{
	unsigned char *end = (unsigned char *)guest_guarded(4096) + 4096;
	unsigned int bad;
	struct moving moving;
	size_t missing;

	moving_init(&moving, &short_shapes[_i]);
	for (bad = 0; bad < moving.shape->nframes; bad++) {
		for (missing = 1; missing < record_len(&moving); missing += 7)
			fail_at(&moving, end, bad, missing);
		fail_at(&moving, end, bad, record_len(&moving));
	}
	check_counters(&moving);
	check_moves(moving.fd, moving.packet, 0);
}
END_TEST

/* What the ioctls store at the end must be known to be storable at the start. */
START_TEST(an_ioctl_whose_counts_cannot_be_stored_moves_nothing)
{
	static const struct shape two[] = {
		{ "FRAMEIO_READ, struct not writable", 'r', 2, 1, 60, 0, 0, 0 },
		{ "FRAMEIO_WRITE, struct not writable", 'w', 2, 1, 60, 0, 0, 0 },
	};
	const struct inject_attempt attempt = { .ret = -1, .error = EFAULT, .kind = INJECT_COPY };
	const struct shape *shape = &two[_i];
	struct moving moving;
	void *copy;

	moving_init(&moving, shape);
	(_i ? prepare_write : prepare_read)(&moving);
	copy = mmap(NULL, sizeof(moving.fio), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ck_assert_ptr_ne(copy, MAP_FAILED);
	memcpy(copy, &moving.fio, sizeof(moving.fio));
	ck_assert_int_eq(mprotect(copy, sizeof(moving.fio), PROT_READ), 0);
	ck_assert_errno(ioctl(moving.fd, _i ? FRAMEIO_WRITE : FRAMEIO_READ, copy), EFAULT);
	(_i ? check_write : check_read)(&moving, &attempt);
	inject_count(shape->name, INJECT_COPY, 1);
	check_counters(&moving);
	check_moves(moving.fd, moving.packet, 0);
}
END_TEST

/* Not one failure, but the first so many in a row: beyond what has a second way. */
static const struct shape run_shapes[] = {
	{ "writev, 32 short, failures in a row", 'w', 32, 0, 60, 0, 0, 0 },
	{ "writev, 32 long, failures in a row", 'w', 32, 0, 1500, 0, 0, 0 },
	{ "writev, 3 of many pages, failures in a row", 'w', 3, 0, 20000, 0, 0, 0 },
	{ "FRAMEIO_WRITE, 32 offloads, failures in a row", 'w', 32, 2, 300, 0, OFFLOADS, 0 },
	{ "NIC port: writev, 32 short, failures in a row", 'w', 32, 0, 60, 0, 0, FRAMEIO_PORT_NIC },
};

static unsigned long fail_in_a_row(struct moving *moving, bool slab, bool page, unsigned int times)
{
	struct inject_random random[2] = {
		{ INJECT_SLAB, slab ? 100 : 0, times, true },
		{ INJECT_PAGE, page ? 100 : 0, times, true },
	};
	struct inject_attempt attempt = { .kind = INJECT_SLAB };
	unsigned long n[2];

	prepare_write(moving);
	inject_random_begin(random, 2);
	errno = 0;
	attempt.ret = call_move(moving);
	attempt.error = errno;
	n[0] = inject_random_end(INJECT_SLAB);
	n[1] = inject_random_end(INJECT_PAGE);
	if (n[0] + n[1] == 0)
		attempt.kind = INJECT_NONE;
	check_write(moving, &attempt);
	inject_count(moving->shape->name, INJECT_SLAB, n[0]);
	inject_count(moving->shape->name, INJECT_PAGE, n[1]);
	return n[0] + n[1];
}

START_TEST(writing_when_allocations_fail_in_a_row)
{
	static const unsigned int times[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, 1000000 };
	unsigned long met = 0;
	struct moving moving;
	int i;

	moving_init(&moving, &run_shapes[_i]);
	for (i = 0; i < N(times); i++) {
		met += fail_in_a_row(&moving, false, true, times[i]);
		met += fail_in_a_row(&moving, true, false, times[i]);
		met += fail_in_a_row(&moving, true, true, times[i]);
	}
	ck_assert_uint_gt(met, 0);
	check_counters(&moving);
	check_moves(moving.fd, moving.packet, 0);
}
END_TEST

/* Waiting */

struct waiting {
	int fd, epoll;
	struct pollfd pollfds[200];
};

static ssize_t call_poll(void *arg)
{
	struct waiting *waiting = arg;

	return poll(waiting->pollfds, N(waiting->pollfds), 0);
}

static void set_events(struct waiting *waiting, short events)
{
	int i;

	for (i = 0; i < N(waiting->pollfds); i++)
		waiting->pollfds[i] = (struct pollfd) { waiting->fd, events, 0 };
}

static void prepare_poll(void *arg)
{
	set_events(arg, POLLIN | POLLOUT);
}

static void check_poll(void *arg, const struct inject_attempt *attempt)
{
	struct waiting *waiting = arg;
	int i;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		return;
	}
	ck_assert_int_eq(attempt->ret, N(waiting->pollfds));
	for (i = 0; i < N(waiting->pollfds); i++)
		ck_assert_int_eq(waiting->pollfds[i].revents, POLLOUT);
}

/* Only a poll that may sleep enters itself in the wait queues. */
static void prepare_poll_asleep(void *arg)
{
	set_events(arg, POLLIN);
}

static ssize_t call_poll_asleep(void *arg)
{
	struct waiting *waiting = arg;

	return poll(waiting->pollfds, N(waiting->pollfds), 1);
}

static void check_poll_asleep(void *arg, const struct inject_attempt *attempt)
{
	(void)arg;
	if (attempt->ret < 0)
		inject_check_error(attempt);
	else
		ck_assert_int_eq(attempt->ret, 0);
}

static ssize_t call_epoll(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct waiting *waiting = arg;

	return epoll_ctl(waiting->epoll, EPOLL_CTL_ADD, waiting->fd, &event);
}

static void check_epoll(void *arg, const struct inject_attempt *attempt)
{
	struct waiting *waiting = arg;
	struct epoll_event event = { .events = EPOLLIN };
	int packet = packet_socket(PORT);

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		ck_assert_int_eq(call_epoll(waiting), 0);
	}
	guest_send(packet, 60, 1, 0);
	ck_assert_int_eq(epoll_wait(waiting->epoll, &event, 1, 60000), 1);
	ck_assert_uint_eq(event.events, EPOLLIN);
	read_next(waiting->fd, 60, 1, 0);
	ck_assert_int_eq(epoll_ctl(waiting->epoll, EPOLL_CTL_DEL, waiting->fd, &event), 0);
	close(packet);
}

START_TEST(waiting_for_events)
{
	static const struct inject_call calls[] = {
		{ "poll", INJECT_ALLOCATION | INJECT_USERCOPY, 0, prepare_poll, call_poll,
		  check_poll },
		{ "poll, asleep", INJECT_ALLOCATION | INJECT_USERCOPY, 0, prepare_poll_asleep,
		  call_poll_asleep, check_poll_asleep },
		{ "epoll_ctl", INJECT_ALLOCATION | INJECT_USERCOPY, 0, NULL, call_epoll, check_epoll },
	};
	struct waiting waiting = { .fd = create_port(PORT, 0, 1) };
	struct census census;
	int i;

	set_up(PORT, true);
	waiting.epoll = epoll_create1(EPOLL_CLOEXEC);
	ck_assert_int_ge(waiting.epoll, 0);
	census = take_census();
	for (i = 0; i < N(calls); i++)
		inject_each(&calls[i], &waiting);
	check_census(&census);
	check_works(waiting.fd);
}
END_TEST

/* The interface: netlink and ethtool */

/* A request by netlink. Its answer is 0, an errno, or lost: ENOBUFS on the socket. */
#define LOST	(-1)

struct request {
	struct mnl_socket *socket;
	char buffer[1024];
	struct nlmsghdr *message;
	struct census census;
	char name[IFNAMSIZ];	/* the new one, of a rename */
	unsigned int n;
	int fd;
};

static void open_request(struct request *request)
{
	request->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	ck_assert_ptr_nonnull(request->socket);
	ck_assert_int_eq(mnl_socket_bind(request->socket, 0, MNL_SOCKET_AUTOPID), 0);
}

static void put_header(struct request *request, int type, int flags, const char *name)
{
	struct ifinfomsg *header;

	open_request(request);
	memset(request->buffer, 0, sizeof(request->buffer));
	request->message = mnl_nlmsg_put_header(request->buffer);
	request->message->nlmsg_type = type;
	request->message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header = mnl_nlmsg_put_extra_header(request->message, sizeof(*header));
	header->ifi_index = flags & NLM_F_CREATE ? 0 : if_nametoindex(name);
}

static ssize_t call_request(void *arg)
{
	struct request *request = arg;

	return mnl_socket_sendto(request->socket, request->message, request->message->nlmsg_len);
}

/* The answer was there when sending returned. */
static int get_answer(struct request *request, const struct inject_attempt *attempt)
{
	const struct nlmsgerr *answer;
	const struct nlmsghdr *message;
	char buffer[8192];
	int error, len;

	if (attempt->ret < 0) {
		error = attempt->error;
	} else {
		do {
			len = recv(mnl_socket_get_fd(request->socket), buffer, sizeof(buffer),
				   MSG_DONTWAIT);
			message = (void *)buffer;
		} while (len > 0 && message->nlmsg_type != NLMSG_ERROR);
		answer = mnl_nlmsg_get_payload(message);
		error = len < 0 ? LOST : -answer->error;
		ck_assert(len >= 0 || errno == ENOBUFS);
	}
	mnl_socket_close(request->socket);
	if (attempt->kind == INJECT_NONE)
		ck_assert_int_eq(error, 0);
	if (error > 0 && error != ENOBUFS)
		ck_assert_msg(error == (attempt->kind == INJECT_COPY ? EFAULT : ENOMEM),
			      "the answer is %s", strerror(error));
	return error;
}

static void prepare_newlink(void *arg)
{
	struct request *request = arg;
	struct nlattr *info, *nest;

	put_header(request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, PORT);
	mnl_attr_put_strz(request->message, IFLA_IFNAME, PORT);
	mnl_attr_put_u32(request->message, IFLA_NUM_TX_QUEUES, 3);
	mnl_attr_put_u32(request->message, IFLA_NUM_RX_QUEUES, 3);
	info = mnl_attr_nest_start(request->message, IFLA_LINKINFO);
	mnl_attr_put_strz(request->message, IFLA_INFO_KIND, "frameio");
	nest = mnl_attr_nest_start(request->message, IFLA_INFO_DATA);
	mnl_attr_put_u32(request->message, IFLA_FRAMEIO_NQUEUES, 2);
	mnl_attr_put_u32(request->message, IFLA_FRAMEIO_READ_LIMIT, 77);
	mnl_attr_put_u32(request->message, IFLA_FRAMEIO_WRITE_LIMIT, 78);
	mnl_attr_put_u32(request->message, IFLA_FRAMEIO_OWNER, 5);
	mnl_attr_nest_end(request->message, nest);
	mnl_attr_nest_end(request->message, info);
}

static void check_newlink(void *arg, const struct inject_attempt *attempt)
{
	struct frameio_delete delete = { .fd_name = PORT };
	struct request *request = arg;
	const int answer = get_answer(request, attempt);
	struct frameio_info info;
	int fd;

	if (answer != LOST)
		ck_assert_int_eq(if_nametoindex(PORT) != 0, answer == 0);
	check_node(PORT, if_nametoindex(PORT) != 0);
	if (if_nametoindex(PORT)) {
		fd = guest_open(PORT, 0);
		guest_set_nonblock(fd, true);
		info = guest_info(fd);
		ck_assert_uint_eq(info.fi_nqueues, 2);
		ck_assert_uint_eq(info.fi_read_limit, 77);
		ck_assert_uint_eq(info.fi_write_limit, 78);
		ck_assert_uint_eq(info.fi_owner, 5);
		check_works(fd);
		close(fd);
		ck_assert_int_eq(ioctl(control, FRAMEIO_DELETE, &delete), 0);
	}
	check_census(&request->census);
}

START_TEST(ip_link_add)
{
	const struct inject_call call = {
		.name = "ip link add", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 16,
		.prepare = prepare_newlink, .call = call_request, .check = check_newlink,
	};
	struct request request = { .census = take_census() };

	inject_each(&call, &request);
}
END_TEST

static void prepare_dellink(void *arg)
{
	struct request *request = arg;

	request->fd = create_port(PORT, 0, 1);
	set_up(PORT, true);
	put_header(request, RTM_DELLINK, 0, PORT);
}

static void check_dellink(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;
	const int answer = get_answer(request, attempt);

	if (answer != LOST)
		ck_assert_int_eq(if_nametoindex(PORT) == 0, answer == 0);
	if (if_nametoindex(PORT))
		check_works(request->fd);
	else
		ck_assert_int_eq(guest_poll(request->fd, 0, 0) & POLLHUP, POLLHUP);
	close(request->fd);
	check_node(PORT, false);
	check_census(&request->census);
}

START_TEST(ip_link_del)
{
	const struct inject_call call = {
		.name = "ip link del", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 8,
		.prepare = prepare_dellink, .call = call_request, .check = check_dellink,
	};
	struct request request = { .census = take_census() };

	inject_each(&call, &request);
}
END_TEST

/* To another name each time: see check_rename(). */
static void prepare_rename(void *arg)
{
	struct request *request = arg;

	snprintf(request->name, sizeof(request->name), "renamed%u", request->n++);
	request->fd = create_port(PORT, 0, 1);
	put_header(request, RTM_NEWLINK, 0, PORT);
	mnl_attr_put_strz(request->message, IFLA_IFNAME, request->name);
}

static void check_rename(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;
	const int answer = get_answer(request, attempt);
	const bool renamed = if_nametoindex(request->name) != 0;
	struct stat status;
	char link[64];

	ck_assert_int_eq(if_nametoindex(PORT) == 0, renamed);
	if (answer != LOST)
		ck_assert_int_eq(renamed, answer == 0);
	ck_assert_str_eq(guest_info(request->fd).fi_name, renamed ? request->name : PORT);
	check_node(PORT, !renamed);
	check_node(request->name, renamed);
	check_works(request->fd);
	close(request->fd);
	check_node(PORT, false);
	check_node(request->name, false);
	/* device_rename() itself, as of Linux 6.1, leaves the new link where it fails after it */
	snprintf(link, sizeof(link), "/sys/class/net/%s", request->name);
	request->census.interfaces += attempt->kind != INJECT_NONE && !renamed &&
				      lstat(link, &status) == 0;
	check_census(&request->census);
}

START_TEST(ip_link_set_name)
{
	const struct inject_call call = {
		.name = "ip link set name", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 64,
		.prepare = prepare_rename, .call = call_request, .check = check_rename,
	};
	struct request request = { .census = take_census() };

	inject_each(&call, &request);
}
END_TEST

static void prepare_mtu(void *arg)
{
	struct request *request = arg;

	set_mtu(PORT, 1500);
	put_header(request, RTM_NEWLINK, 0, PORT);
	mnl_attr_put_u32(request->message, IFLA_MTU, 9000);
}

static void check_mtu(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;
	const int answer = get_answer(request, attempt);

	if (answer == 0)
		ck_assert_int_eq(get_mtu(PORT), 9000);
	ck_assert_uint_eq(guest_info(request->fd).fi_frame_max, get_mtu(PORT) + 14);
	check_works(request->fd);
	check_census(&request->census);
}

START_TEST(ip_link_set_mtu)
{
	const struct inject_call call = {
		.name = "ip link set mtu", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 8,
		.prepare = prepare_mtu, .call = call_request, .check = check_mtu,
	};
	struct request request = { .fd = create_port(PORT, 0, 2) };

	request.census = take_census();
	inject_each(&call, &request);
}
END_TEST

static void prepare_up(void *arg)
{
	struct request *request = arg;
	struct ifinfomsg *header;

	set_up(PORT, false);
	put_header(request, RTM_NEWLINK, 0, PORT);
	header = mnl_nlmsg_get_payload(request->message);
	header->ifi_flags = header->ifi_change = IFF_UP;
}

static void prepare_down(void *arg)
{
	struct request *request = arg;
	struct ifinfomsg *header;

	prepare_up(arg);
	set_up(PORT, true);
	header = mnl_nlmsg_get_payload(request->message);
	header->ifi_flags = 0;
}

static void check_up_or_down(struct request *request, const struct inject_attempt *attempt, int up)
{
	const int answer = get_answer(request, attempt);
	unsigned char record[HDRLEN + 60];
	int is_up = interface_flags(PORT) & IFF_UP;

	if (answer == 0)
		ck_assert_int_eq(is_up, up);
	guest_record(record, 60, 1, 0);
	if (is_up)
		ck_assert_int_eq(write(request->fd, record, sizeof(record)), sizeof(record));
	else
		ck_assert_errno(write(request->fd, record, sizeof(record)), ENETDOWN);
	check_works(request->fd);
	check_census(&request->census);
}

static void check_up(void *arg, const struct inject_attempt *attempt)
{
	check_up_or_down(arg, attempt, IFF_UP);
}

static void check_down(void *arg, const struct inject_attempt *attempt)
{
	check_up_or_down(arg, attempt, 0);
}

START_TEST(ip_link_set_up_and_down)
{
	static const struct inject_call calls[] = {
		{ "ip link set up", INJECT_ALLOCATION | INJECT_USERCOPY, 8, prepare_up, call_request,
		  check_up },
		{ "ip link set down", INJECT_ALLOCATION | INJECT_USERCOPY, 8,
		  prepare_down,
		  call_request, check_down },
	};
	struct request request = { .fd = create_port(PORT, 0, 2) };

	request.census = take_census();
	inject_each(&calls[0], &request);
	inject_each(&calls[1], &request);
}
END_TEST

static void prepare_limit_by_link(void *arg)
{
	struct request *request = arg;
	struct nlattr *info, *nest;

	guest_set_limits(request->fd, 1000, 0);
	put_header(request, RTM_NEWLINK, 0, PORT);
	info = mnl_attr_nest_start(request->message, IFLA_LINKINFO);
	mnl_attr_put_strz(request->message, IFLA_INFO_KIND, "frameio");
	nest = mnl_attr_nest_start(request->message, IFLA_INFO_DATA);
	mnl_attr_put_u32(request->message, IFLA_FRAMEIO_READ_LIMIT, 99);
	mnl_attr_nest_end(request->message, nest);
	mnl_attr_nest_end(request->message, info);
}

static void check_limit_by_link(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;
	const int answer = get_answer(request, attempt);
	const uint32_t limit = guest_info(request->fd).fi_read_limit;

	ck_assert(limit == 99 || limit == 1000);
	if (answer != LOST)
		ck_assert_int_eq(limit == 99, answer == 0);
	check_works(request->fd);
	check_census(&request->census);
}

static void prepare_getlink(void *arg)
{
	struct request *request = arg;

	put_header(request, RTM_GETLINK, 0, PORT);
}

static void check_getlink(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;

	get_answer(request, attempt);
	check_works(request->fd);
	check_census(&request->census);
}

START_TEST(ip_link_change_and_show)
{
	static const struct inject_call calls[] = {
		{ "ip link set, a limit", INJECT_ALLOCATION | INJECT_USERCOPY, 8,
		  prepare_limit_by_link, call_request, check_limit_by_link },
		{ "ip link show", INJECT_ALLOCATION | INJECT_USERCOPY, 8, prepare_getlink,
		  call_request, check_getlink },
	};
	struct request request = { .fd = create_port(PORT, 0, 2) };

	request.census = take_census();
	inject_each(&calls[0], &request);
	inject_each(&calls[1], &request);
}
END_TEST

struct ethtool_call {
	struct ifreq request;
	uint32_t cmd;
	union {
		uint32_t cmd;
		struct ethtool_drvinfo drvinfo;
		struct ethtool_value value;
		struct ethtool_ts_info ts_info;
		struct ethtool_gstrings strings;
		struct ethtool_stats stats;
		unsigned char space[16384];
	} u;
};

static void prepare_ethtool(void *arg)
{
	struct ethtool_call *call = arg;

	memset(&call->u, 0, sizeof(call->u));
	call->u.cmd = call->cmd;
	if (call->cmd == ETHTOOL_GSTRINGS)
		call->u.strings.string_set = ETH_SS_STATS;
	strcpy(call->request.ifr_name, PORT);
	call->request.ifr_data = (void *)&call->u;
}

static ssize_t call_ethtool(void *arg)
{
	struct ethtool_call *call = arg;

	return ioctl(inet, SIOCETHTOOL, &call->request);
}

static void check_ethtool(void *arg, const struct inject_attempt *attempt)
{
	struct ethtool_call *call = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		return;
	}
	switch (call->cmd) {
	case ETHTOOL_GDRVINFO:
		ck_assert_str_eq(call->u.drvinfo.driver, "frameio");
		break;
	case ETHTOOL_GSTRINGS:
		ck_assert_str_eq((char *)call->u.strings.data, "q0_read_queued");
		break;
	case ETHTOOL_GSTATS:
		ck_assert_uint_eq(call->u.stats.data[0], 1);
		break;
	}
}

START_TEST(asking_by_ethtool)
{
	static const struct {
		const char *name;
		uint32_t cmd;
		unsigned int met;
	} asked[] = {
		{ "ethtool -i", ETHTOOL_GDRVINFO, INJECT_USERCOPY },
		{ "ethtool -T", ETHTOOL_GET_TS_INFO, INJECT_USERCOPY },
		{ "ethtool link", ETHTOOL_GLINK, INJECT_USERCOPY },
		{ "ethtool -S, names", ETHTOOL_GSTRINGS, INJECT_USERCOPY | INJECT_ALLOCATION },
		{ "ethtool -S, values", ETHTOOL_GSTATS, INJECT_USERCOPY | INJECT_ALLOCATION },
	};
	static struct ethtool_call state;
	int fd = create_port(PORT, 0, 3);
	struct census census;
	int i;

	check_works(fd);
	census = take_census();
	for (i = 0; i < N(asked); i++) {
		const struct inject_call call = {
			.name = asked[i].name, .met = asked[i].met,
			.prepare = prepare_ethtool, .call = call_ethtool, .check = check_ethtool,
		};

		state.cmd = asked[i].cmd;
		inject_each(&call, &state);
	}
	check_census(&census);
}
END_TEST

/* Transmitting: frames whose memory is the sender's are copied by the port */

#define RING_FRAMES	32
#define RING_FRAME_SIZE	4096
#define RING_LEN	1500

struct transmission {
	int fd, ring;
	unsigned char *map;
	unsigned int n;		/* frames of each call */
	uint32_t sent, nread;
};

static void open_ring(struct transmission *transmission)
{
	const struct tpacket_req request = {
		.tp_block_size = RING_FRAME_SIZE,
		.tp_block_nr = RING_FRAMES,
		.tp_frame_size = RING_FRAME_SIZE,
		.tp_frame_nr = RING_FRAMES,
	};
	const int version = TPACKET_V2;
	int ring;

	transmission->fd = create_port(PORT, 0, 1);
	set_up(PORT, true);
	ring = guest_packet_socket(PORT);
	ck_assert_int_eq(setsockopt(ring, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)),
			 0);
	ck_assert_int_eq(setsockopt(ring, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)),
			 0);
	transmission->map = mmap(NULL, RING_FRAMES * RING_FRAME_SIZE, PROT_READ | PROT_WRITE,
				 MAP_SHARED, ring, 0);
	ck_assert_ptr_ne(transmission->map, MAP_FAILED);
	transmission->ring = ring;
}

static volatile struct tpacket2_hdr *ring_frame(struct transmission *transmission, uint32_t i)
{
	return (void *)(transmission->map + i % RING_FRAMES * RING_FRAME_SIZE);
}

static void prepare_transmit(void *arg)
{
	struct transmission *transmission = arg;
	uint32_t i;

	for (i = 0; i < transmission->n; i++) {
		const uint32_t number = transmission->sent + i;
		volatile struct tpacket2_hdr *hdr = ring_frame(transmission, number);

		ck_assert_uint_eq(hdr->tp_status, TP_STATUS_AVAILABLE);
		guest_fill_numbered((unsigned char *)hdr + TPACKET2_HDRLEN -
				    sizeof(struct sockaddr_ll), RING_LEN, number);
		hdr->tp_len = RING_LEN;
		hdr->tp_status = TP_STATUS_SEND_REQUEST;
	}
}

static ssize_t call_transmit(void *arg)
{
	struct transmission *transmission = arg;

	return send(transmission->ring, NULL, 0, MSG_DONTWAIT);
}

/* Every frame that was sent is read, in order, or was counted as dropped. */
static void check_transmitted(struct transmission *transmission)
{
	static unsigned char record[SLOT];
	uint32_t next = transmission->sent, number;
	struct frameio_stats stats;

	transmission->sent += transmission->n;
	do {
		while (read(transmission->fd, record, sizeof(record)) > 0) {
			number = guest_check_numbered(record + HDRLEN, RING_LEN);
			ck_assert_uint_ge(number, next);
			ck_assert_uint_lt(number, transmission->sent);
			next = number + 1;
			transmission->nread++;
		}
		ck_assert_int_eq(errno, EAGAIN);
		guest_stats(transmission->fd, &stats);
	} while (transmission->nread + stats.fs_read_drop_nomem < transmission->sent);
	ck_assert_uint_eq(transmission->nread + stats.fs_read_drop_nomem, transmission->sent);
	ck_assert_uint_eq(transmission->nread, stats.fs_read_queued);
}

static void check_transmit(void *arg, const struct inject_attempt *attempt)
{
	struct transmission *transmission = arg;

	if (attempt->ret < 0)
		ck_assert_int_eq(attempt->error, ENOBUFS);
	/* what the socket had no memory for is still in the ring */
	ck_assert_int_ge(call_transmit(transmission), 0);
	check_transmitted(transmission);
}

static void check_transmission(struct transmission *transmission)
{
	struct frameio_stats stats;
	int packet;

	guest_stats(transmission->fd, &stats);
	/* the copy of a frame had no memory, for one */
	ck_assert_uint_gt(stats.fs_read_drop_nomem, 0);
	ck_assert_uint_gt(stats.fs_read_queued, 0);
	packet = packet_socket(PORT);
	check_moves(transmission->fd, packet, 0);
	close(packet);
}

START_TEST(transmitting)
{
	const struct inject_call call = {
		.name = "transmit, the sender's memory",
		.met = INJECT_ALLOCATION | INJECT_EACH_PAGE,
		.prepare = prepare_transmit, .call = call_transmit, .check = check_transmit,
	};
	struct transmission transmission = { .n = 4 };

	open_ring(&transmission);
	inject_each(&call, &transmission);
	check_transmission(&transmission);
}
END_TEST

/* The same from softirq: the read queue is small, and reading has the rest transmitted. */
START_TEST(transmitting_held_back_frames)
{
	const struct inject_random random = { INJECT_PAGE, 30, 1000000, false };
	struct transmission transmission = { .n = RING_FRAMES };
	unsigned long failures;
	int round;

	open_ring(&transmission);
	guest_set_limits(transmission.fd, 4, 0);
	for (round = 0; round < 10; round++) {
		prepare_transmit(&transmission);
		inject_random_begin(&random, 1);
		/* the first few may fail in the sender's context, the socket's own alike */
		while (call_transmit(&transmission) < 0)
			ck_assert_int_eq(errno, ENOBUFS);
		check_transmitted(&transmission);
		failures = inject_random_end(INJECT_PAGE);
		inject_count("transmit, from softirq", INJECT_PAGE, failures);
	}
	check_transmission(&transmission);
}
END_TEST

/* Receiving: of two sockets one gets a clone, for which there may be no memory */

#define ROUNDS	40
#define NUMBERED_LEN	200

/* Write numbered frames, from @number on, until all of them have been accepted. */
static void write_all(int fd, uint32_t number)
{
	static unsigned char records[NFRAMES][HDRLEN + NUMBERED_LEN];
	struct iovec iov[NFRAMES];
	unsigned int i, done = 0;
	ssize_t ret;

	for (i = 0; i < NFRAMES; i++) {
		guest_record_numbered(records[i], NUMBERED_LEN, number + i);
		iov[i] = (struct iovec) { records[i], sizeof(records[i]) };
	}
	while (done < NFRAMES) {
		ret = writev(fd, &iov[done], NFRAMES - done);
		if (ret < 0)
			ck_assert_int_eq(errno, ENOMEM);
		else
			done += ret / sizeof(records[0]);
	}
}

/* What a socket got is in order, and what it did not get it counted. Returns the drops. */
static unsigned int check_received(int packet, uint32_t total)
{
	unsigned char frame[NUMBERED_LEN + 1];
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	uint32_t next = 0, number, n = 0;

	while (recv(packet, frame, sizeof(frame), MSG_DONTWAIT) == NUMBERED_LEN) {
		number = guest_check_numbered(frame, NUMBERED_LEN);
		ck_assert_uint_ge(number, next);
		ck_assert_uint_lt(number, total);
		next = number + 1;
		n++;
	}
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(getsockopt(packet, SOL_PACKET, PACKET_STATISTICS, &stats, &len), 0);
	ck_assert_uint_eq(n + stats.tp_drops, total);
	return stats.tp_drops;
}

START_TEST(receiving)
{
	const struct inject_random random = { INJECT_SLAB, 20, 1000000, false };
	int fd = create_port(PORT, 0, 1), packets[2];
	struct frameio_stats stats;
	unsigned long failures;
	int round;

	set_up(PORT, true);
	packets[0] = packet_socket(PORT);
	packets[1] = packet_socket(PORT);
	inject_random_begin(&random, 1);
	for (round = 0; round < ROUNDS; round++)
		write_all(fd, round * NFRAMES);
	failures = inject_random_end(INJECT_SLAB);
	inject_count("writev, and receive", INJECT_SLAB, failures);
	do
		guest_stats(fd, &stats);
	while (stats.fs_write_received < ROUNDS * NFRAMES);
	ck_assert_uint_eq(stats.fs_write_received, ROUNDS * NFRAMES);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_VECTOR] +
			  stats.fs_write_frames[FRAMEIO_MODE_SINGLE], ROUNDS * NFRAMES);
	ck_assert_uint_gt(stats.fs_write_errors, 0);
	ck_assert_uint_gt(check_received(packets[0], ROUNDS * NFRAMES) +
			  check_received(packets[1], ROUNDS * NFRAMES), 0);
	close(packets[1]);
	check_moves(fd, packets[0], 0);
}
END_TEST

/* Rings */

static const struct ring_shape {
	const char *name;
	uint32_t flags, read_size, write_size;
} ring_shapes[] = {
	{ "FRAMEIO_RING_SETUP", 0, RINGS_SIZE, RINGS_SIZE },
	{ "FRAMEIO_RING_SETUP, polled", FRAMEIO_SETUP_POLL, 0, RINGS_SIZE },
};

struct ringing {
	const struct ring_shape *shape;
	struct frameio_ring_setup setup;
	struct census census;
	void *map;
	int fd, packet;
};

static ssize_t call_ring_setup(void *arg)
{
	struct ringing *ringing = arg;

	return ioctl(ringing->fd, FRAMEIO_RING_SETUP, &ringing->setup);
}

static void prepare_ring_setup(void *arg)
{
	struct ringing *ringing = arg;

	ringing->fd = open(NODE(PORT), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(ringing->fd, 0);
	ringing->setup = (struct frameio_ring_setup) {
		.frr_flags = ringing->shape->flags,
		.frr_read_size = ringing->shape->read_size,
		.frr_write_size = ringing->shape->write_size,
	};
}

/* A known frame goes through each ring that there is. */
static void check_ring_moves(const struct ringing *ringing)
{
	const size_t len = 60;
	struct rings rings;

	rings_map(&rings, ringing->fd, ringing->shape->read_size, ringing->shape->write_size);
	if (rings.read.size) {
		guest_send(ringing->packet, len, 0xf00d, 0);
		rings_expect(&rings, len, 0xf00d, 0);
	}
	if (rings.write.size) {
		rings_write(&rings, len, 0xbeef, 0);
		guest_receive(ringing->packet, len, 0xbeef, 0);
	}
	rings_unmap(&rings);
}

/* There are rings only where all of it was done, but for telling of it. */
static void check_ring_setup(void *arg, const struct inject_attempt *attempt)
{
	struct ringing *ringing = arg;
	bool are_there = attempt->ret == 0;

	if (!are_there) {
		inject_check_error(attempt);
		are_there = ioctl(ringing->fd, FRAMEIO_KICK) == 0;
		ck_assert(!are_there || attempt->kind == INJECT_COPY);
	}
	if (!are_there) {
		check_moves(ringing->fd, ringing->packet, 0);
		ck_assert_int_eq(call_ring_setup(ringing), 0);
	}
	check_ring_moves(ringing);
	close(ringing->fd);
	check_census(&ringing->census);
}

START_TEST(making_rings)
{
	struct ringing ringing = { .shape = &ring_shapes[_i] };
	const struct inject_call call = {
		.name = ringing.shape->name, .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 32, .prepare = prepare_ring_setup, .call = call_ring_setup,
		.check = check_ring_setup,
	};

	close(create_port(PORT, FRAMEIO_PORT_PERSIST, 1));
	set_up(PORT, true);
	ringing.packet = packet_socket(PORT);
	ringing.census = take_census();
	inject_each(&call, &ringing);
}
END_TEST

static ssize_t call_map(void *arg)
{
	struct ringing *ringing = arg;

	ringing->map = mmap(NULL, ringing->setup.frr_write_map, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, ringing->fd, FRAMEIO_RING_WRITE_OFFSET);
	return ringing->map == MAP_FAILED ? -1 : 0;
}

static void check_map(void *arg, const struct inject_attempt *attempt)
{
	struct ringing *ringing = arg;

	if (attempt->ret < 0)
		inject_check_error(attempt);
	else
		ck_assert_int_eq(munmap(ringing->map, ringing->setup.frr_write_map), 0);
}

START_TEST(mapping_rings)
{
	const struct inject_call call = {
		"mmap of a ring", INJECT_ALLOCATION, 16, NULL, call_map, check_map,
	};
	struct ringing ringing = { .shape = &ring_shapes[0] };

	close(create_port(PORT, FRAMEIO_PORT_PERSIST, 1));
	set_up(PORT, true);
	ringing.packet = packet_socket(PORT);
	prepare_ring_setup(&ringing);
	ck_assert_int_eq(call_ring_setup(&ringing), 0);
	ringing.census = take_census();
	inject_each(&call, &ringing);
	check_census(&ringing.census);
	check_ring_moves(&ringing);
}
END_TEST

/* What there is no memory for stays in the ring, and the frames keep their order. */
START_TEST(writing_over_a_ring)
{
	static const struct inject_random random[] = {
		{ INJECT_SLAB, 20, 1000000, false }, { INJECT_PAGE, 20, 1000000, false },
	};
	int fd = create_port(PORT, 0, 1), packet;
	struct frameio_stats stats;
	unsigned char *record;
	struct rings rings;
	unsigned int i;

	set_up(PORT, true);
	packet = packet_socket(PORT);
	rings_make(&rings, fd, 0, 0, RINGS_SIZE, 0);
	inject_random_begin(random, N(random));
	for (i = 0; i < ROUNDS * NFRAMES; i++) {
		while (!(record = rings_room(&rings, HDRLEN + NUMBERED_LEN)))
			rings_wait_room(&rings, HDRLEN + NUMBERED_LEN, 60000);
		guest_record_numbered(record, NUMBERED_LEN, i);
		rings_put(&rings, HDRLEN + NUMBERED_LEN);
		rings_commit(&rings);
	}
	rings_drain(&rings);
	inject_count("write ring, from softirq", INJECT_SLAB, inject_random_end(INJECT_SLAB));
	inject_count("write ring, from softirq", INJECT_PAGE, inject_random_end(INJECT_PAGE));
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_write_received, ROUNDS * NFRAMES);
	ck_assert_uint_eq(stats.fs_write_frames[FRAMEIO_MODE_RING], ROUNDS * NFRAMES);
	ck_assert_uint_eq(stats.fs_write_errors, 0);
	check_received(packet, ROUNDS * NFRAMES);
	rings_unmap(&rings);
}
END_TEST

/* NIC ports */

static const struct creation attachments[] = {
	{ "FRAMEIO_ATTACH", 0, 1, 16 },
	{ "FRAMEIO_ATTACH persistent, 64 queue pairs", FRAMEIO_PORT_PERSIST, 64, 4 },
};

static void prepare_attach(void *arg)
{
	struct control_call *call = arg;

	call->fd = guest_control();
	guest_set_nonblock(call->fd, true);
	request_attach(&call->create, call->creation->flags, call->creation->nqueues);
}

static ssize_t call_attach(void *arg)
{
	struct control_call *call = arg;

	return ioctl(call->fd, FRAMEIO_ATTACH, &call->create);
}

static void detach(void)
{
	struct frameio_delete delete = { .fd_name = NIC };

	ck_assert_int_eq(ioctl(control, FRAMEIO_DELETE, &delete), 0);
}

static void check_attach(void *arg, const struct inject_attempt *attempt)
{
	struct control_call *call = arg;

	check_node(NIC, attempt->ret >= 0);
	if (attempt->ret < 0) {
		inject_check_error(attempt);
		ck_assert_errno(ioctl(call->fd, FRAMEIO_INFO, &(struct frameio_info) { 0 }),
				ENOTCONN);
	} else {
		ck_assert_uint_eq(guest_info(call->fd).fi_ifindex, call->create.fc_ifindex);
		ck_assert_uint_eq(guest_info(call->fd).fi_nqueues, call->creation->nqueues);
		check_nic_works(call->fd);
		if (call->creation->flags & FRAMEIO_PORT_PERSIST)
			detach();
	}
	close(call->fd);
	ck_assert(!is_nic_port());
	check_census(&call->census);
}

START_TEST(attaching_to_an_interface)
{
	const struct creation *creation = &attachments[_i];
	const struct inject_call call = {
		.name = creation->name,
		.met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = creation->dense,
		.prepare = prepare_attach, .call = call_attach, .check = check_attach,
	};
	struct control_call state = { .creation = creation };

	add_veth();
	state.census = take_census();
	inject_each(&call, &state);
}
END_TEST

static void prepare_detach(void *arg)
{
	struct control_call *call = arg;

	call->fd = attach_nic(0, 2);
	begin_to_read(call->fd);
	ck_assert_int_eq(ioctl(call->fd, FRAMEIO_SET_OPTIONS, &(uint32_t) { FRAMEIO_O_PROMISC }),
			 0);
	call->delete = (struct frameio_delete) { .fd_name = NIC };
}

static void check_detach(void *arg, const struct inject_attempt *attempt)
{
	struct control_call *call = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		check_nic_works(call->fd);
		detach();
	}
	ck_assert_int_eq(guest_poll(call->fd, 0, 0) & POLLHUP, POLLHUP);
	ck_assert(!is_nic_port());
	check_node(NIC, false);
	close(call->fd);
	check_census(&call->census);
}

static ssize_t call_close_nic(void *arg)
{
	struct control_call *call = arg;

	return close(call->fd);
}

static void check_close_nic(void *arg, const struct inject_attempt *attempt)
{
	struct control_call *call = arg;

	ck_assert_int_eq(attempt->ret, 0);
	ck_assert(!is_nic_port());
	check_node(NIC, false);
	check_census(&call->census);
}

START_TEST(detaching_from_an_interface)
{
	static const struct inject_call calls[] = {
		{ "FRAMEIO_DELETE, NIC port", INJECT_ALLOCATION | INJECT_USERCOPY, 8, prepare_detach,
		  call_delete, check_detach },
		{ "close of who attached", INJECT_ALLOCATION, 8, prepare_detach, call_close_nic,
		  check_close_nic },
	};
	struct control_call state;

	add_veth();
	state.census = take_census();
	inject_each(&calls[_i], &state);
	ck_assert_int_eq(interface_flags(NIC) & IFF_UP, IFF_UP);
}
END_TEST

/* The interface itself goes, with its port. */
static void prepare_delete_nic(void *arg)
{
	struct request *request = arg;

	if (!if_nametoindex(NIC))
		add_veth();
	request->fd = attach_nic(FRAMEIO_PORT_PERSIST, 2);
	begin_to_read(request->fd);
	put_header(request, RTM_DELLINK, 0, NIC);
}

static void check_delete_nic(void *arg, const struct inject_attempt *attempt)
{
	struct request *request = arg;
	const int answer = get_answer(request, attempt);

	if (answer != LOST)
		ck_assert_int_eq(if_nametoindex(NIC) == 0, answer == 0);
	if (if_nametoindex(NIC)) {
		check_nic_works(request->fd);
		detach();
	}
	ck_assert_int_eq(guest_poll(request->fd, 0, 0) & POLLHUP, POLLHUP);
	close(request->fd);
	check_node(NIC, false);
	ck_assert_int_eq(take_census().refcnt, request->census.refcnt);
	ck_assert_int_eq(take_census().ports, 0);
}

START_TEST(deleting_an_interface_that_is_attached)
{
	const struct inject_call call = {
		.name = "ip link del, NIC port", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 4,
		.prepare = prepare_delete_nic, .call = call_request, .check = check_delete_nic,
	};
	struct request request = { .census = take_census() };

	inject_each(&call, &request);
}
END_TEST

struct filtering {
	int fd, packet, stack;
	struct frameio_filter filter;
	struct frameio_queue_pair pair;
	uint32_t options;
	uint32_t seed;
};

/* Take frames of the tests, or none. */
static const struct sock_filter takes_tests[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GUEST_ETHERTYPE, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, ~0U),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static const struct sock_filter takes_none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

static void set_filter(struct filtering *filtering, const struct sock_filter *insns, int n)
{
	filtering->filter = (struct frameio_filter) { .ff_insns = (uintptr_t)insns, .ff_len = n };
}

static ssize_t call_set_filter(void *arg)
{
	struct filtering *filtering = arg;

	return ioctl(filtering->fd, FRAMEIO_SET_FILTER, &filtering->filter);
}

static void prepare_set_filter(void *arg)
{
	struct filtering *filtering = arg;

	set_filter(filtering, takes_none, N(takes_none));
	ck_assert_int_eq(call_set_filter(filtering), 0);
	set_filter(filtering, takes_tests, N(takes_tests));
}

/* The new filter, or still the old one, by which the frame goes on to the stack. */
static void check_set_filter(void *arg, const struct inject_attempt *attempt)
{
	struct filtering *filtering = arg;

	filtering->seed++;
	guest_send(filtering->packet, 60, filtering->seed, 0);
	if (attempt->ret < 0) {
		inject_check_error(attempt);
		guest_receive(filtering->stack, 60, filtering->seed, 0);
	} else {
		read_next(filtering->fd, 60, filtering->seed, 0);
	}
}

/* To take the filter away takes no memory. */
static void prepare_no_filter(void *arg)
{
	struct filtering *filtering = arg;

	set_filter(filtering, takes_none, N(takes_none));
	ck_assert_int_eq(call_set_filter(filtering), 0);
	set_filter(filtering, NULL, 0);
}

static ssize_t call_queue_pair(void *arg)
{
	struct filtering *filtering = arg;

	filtering->pair = (struct frameio_queue_pair) { .fp_name = NIC };
	return ioctl(filtering->fd, FRAMEIO_QUEUE_PAIR, &filtering->pair);
}

static void check_queue_pair(void *arg, const struct inject_attempt *attempt)
{
	struct filtering *filtering = arg;

	if (attempt->ret < 0) {
		inject_check_error(attempt);
		return;
	}
	ck_assert_uint_eq(filtering->pair.fp_open, 1);
	ck_assert_uint_eq(filtering->pair.fp_stats.fs_read_queued, 0);
}

static ssize_t call_options(void *arg)
{
	struct filtering *filtering = arg;

	return ioctl(filtering->fd, FRAMEIO_SET_OPTIONS, &filtering->options);
}

static void prepare_options(void *arg)
{
	struct filtering *filtering = arg;

	filtering->options = 0;
	ck_assert_int_eq(call_options(filtering), 0);
	filtering->options = FRAMEIO_O_TAP | FRAMEIO_O_PROMISC | FRAMEIO_O_TSTAMP;
}

/* Who is told of it by netlink may miss it, but all of it is done. */
static void check_options(void *arg, const struct inject_attempt *attempt)
{
	struct filtering *filtering = arg;
	uint32_t options;

	ck_assert_int_eq(attempt->ret, 0);
	ck_assert_int_eq(ioctl(filtering->fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, filtering->options);
	guest_sh("test $(($(cat /sys/class/net/" NIC "/flags) & %d)) -ne 0", IFF_PROMISC);
}

START_TEST(filters_and_options)
{
	static const struct inject_call calls[] = {
		{ "FRAMEIO_QUEUE_PAIR", INJECT_USERCOPY, 0, NULL, call_queue_pair,
		  check_queue_pair },
		{ "FRAMEIO_SET_FILTER", INJECT_ALLOCATION | INJECT_USERCOPY, 0, prepare_set_filter,
		  call_set_filter, check_set_filter },
		{ "FRAMEIO_SET_FILTER, none", INJECT_USERCOPY, 0, prepare_no_filter, call_set_filter,
		  check_set_filter },
		{ "FRAMEIO_SET_OPTIONS, NIC port", INJECT_ALLOCATION, 8, prepare_options,
		  call_options, check_options },
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(GUEST_ETHERTYPE),
	};
	struct filtering filtering = { .seed = 1 };
	struct census census;
	int i;

	add_veth();
	filtering.fd = attach_nic(0, 1);
	filtering.packet = packet_socket(PEER);
	/* hears of the frames of its protocol only what the stack gets */
	filtering.stack = packet_socket(NIC);
	address.sll_ifindex = if_nametoindex(NIC);
	ck_assert_int_eq(bind(filtering.stack, (void *)&address, sizeof(address)), 0);
	begin_to_read(filtering.fd);
	census = take_census();
	for (i = 0; i < N(calls); i++)
		inject_each(&calls[i], &filtering);
	check_census(&census);
}
END_TEST

/* Segments are made where the driver makes none, and that takes memory. */

#define MSS		500
#define NSEGMENTS	5
#define HEADERS		(sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct tcphdr))
#define LARGE_LEN	(HEADERS + NSEGMENTS * MSS)

/* TCP of several segments, without its checksum. */
static void fill_large(unsigned char *frame)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
		.tot_len = htons(LARGE_LEN - sizeof(struct ether_header)),
		.saddr = htonl(0x0a090002), .daddr = htonl(0x0a090001),
	};
	const struct tcphdr tcp = { .source = htons(1), .dest = htons(2), .doff = 5, .ack = 1 };

	guest_fill(frame, LARGE_LEN, 1, 0);
	frame[12] = ETHERTYPE_IP >> 8;
	frame[13] = ETHERTYPE_IP & 0xff;
	ip.check = htons(~guest_sum16(0, (const void *)&ip, sizeof(ip)));
	memcpy(frame + sizeof(struct ether_header), &ip, sizeof(ip));
	memcpy(frame + sizeof(struct ether_header) + sizeof(ip), &tcp, sizeof(tcp));
}

struct segmentation {
	int fd, packet;
	uint64_t accepted, received;
	union {
		struct frameio_hdr hdr;
		unsigned char bytes[HDRLEN + LARGE_LEN];
	} record;
};

static ssize_t call_write_large(void *arg)
{
	struct segmentation *segmentation = arg;

	return write(segmentation->fd, &segmentation->record, HDRLEN + LARGE_LEN);
}

/* All the segments of a record arrive, or it is counted. */
static void check_write_large(void *arg, const struct inject_attempt *attempt)
{
	struct segmentation *segmentation = arg;
	unsigned char frame[HEADERS + MSS + 1];
	struct frameio_stats stats;
	int i;

	if (attempt->ret < 0)
		inject_check_error(attempt);
	else
		segmentation->accepted++;
	do
		guest_stats(segmentation->fd, &stats);
	while (stats.fs_write_received + stats.fs_write_drop_invalid < segmentation->accepted);
	ck_assert_uint_eq(stats.fs_write_received + stats.fs_write_drop_invalid,
			  segmentation->accepted);
	if (attempt->kind == INJECT_NONE)
		ck_assert_uint_gt(stats.fs_write_received, segmentation->received);
	for (; segmentation->received < stats.fs_write_received; segmentation->received++)
		for (i = 0; i < NSEGMENTS; i++)
			ck_assert_int_eq(recv(segmentation->packet, frame, sizeof(frame), 0),
					 HEADERS + MSS);
	ck_assert_errno(recv(segmentation->packet, frame, sizeof(frame), MSG_DONTWAIT), EAGAIN);
}

START_TEST(writing_segments)
{
	const struct inject_call call = {
		.name = "NIC port: write, 5 segments", .met = INJECT_ALLOCATION,
		.call = call_write_large, .check = check_write_large,
	};
	struct segmentation segmentation = { .accepted = 0 };
	struct frameio_hdr *hdr = &segmentation.record.hdr;
	struct frameio_stats stats;

	add_veth();
	guest_sh("ethtool -K " NIC " tso off");
	segmentation.fd = attach_nic(0, 1);
	segmentation.packet = packet_socket(PEER);
	guest_header(hdr, LARGE_LEN);
	fill_large(segmentation.record.bytes + HDRLEN);
	hdr->flags = FRAMEIO_F_CSUM_PARTIAL;
	hdr->csum_start = HEADERS - sizeof(struct tcphdr);
	hdr->csum_offset = 16;
	hdr->gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	hdr->gso_size = MSS;
	hdr->gso_hdrlen = HEADERS;
	inject_each(&call, &segmentation);
	guest_stats(segmentation.fd, &stats);
	ck_assert_uint_gt(stats.fs_write_drop_invalid, 0);
}
END_TEST

/* What a file of a NIC port has read, and what it says it missed. */
struct hearing {
	int fd;
	uint32_t next;
	uint64_t nread, missed;
};

static void hear(struct hearing *hearing)
{
	unsigned char record[HDRLEN + NUMBERED_LEN];
	struct frameio_stats stats;
	uint32_t number;

	while (read(hearing->fd, record, sizeof(record)) > 0) {
		number = guest_check_numbered(record + HDRLEN, NUMBERED_LEN);
		if (number < hearing->next)
			ck_abort_msg("frame %u after %u", number, hearing->next - 1);
		hearing->next = number + 1;
		hearing->nread++;
	}
	ck_assert_int_eq(errno, EAGAIN);
	guest_stats(hearing->fd, &stats);
	hearing->missed = stats.fs_read_drop_nomem;
	ck_assert_uint_eq(stats.fs_read_drop_full, 0);
}

/* Of a frame that is taken a tap gets a clone, for which there may be no memory. */
START_TEST(receiving_from_the_wire)
{
	const struct inject_random random = { INJECT_SLAB, 20, 1000000, false };
	unsigned char frame[NUMBERED_LEN];
	struct hearing taker, tap;
	uint32_t sent = 0;
	int packet;

	add_veth();
	taker = (struct hearing) { .fd = attach_nic(0, 2) };
	tap = (struct hearing) { .fd = guest_open(NIC, 1) };
	guest_set_nonblock(tap.fd, true);
	ck_assert_int_eq(ioctl(tap.fd, FRAMEIO_SET_OPTIONS, &(uint32_t) { FRAMEIO_O_TAP }), 0);
	begin_to_read(taker.fd);
	begin_to_read(tap.fd);
	packet = packet_socket(PEER);
	while (sent < ROUNDS * NFRAMES) {
		inject_random_begin(&random, 1);
		do {
			guest_fill_numbered(frame, NUMBERED_LEN, sent);
			sent += send(packet, frame, NUMBERED_LEN, 0) == NUMBERED_LEN;
		} while (sent % NFRAMES);
		inject_count("NIC port: receive from softirq", INJECT_SLAB,
			     inject_random_end(INJECT_SLAB));
		do {
			hear(&taker);
			hear(&tap);
		} while (taker.nread + taker.missed < sent || tap.nread + tap.missed < sent);
		ck_assert_uint_eq(taker.nread, sent);
		ck_assert_uint_eq(tap.nread + tap.missed, sent);
	}
	ck_assert_uint_gt(tap.missed, 0);
	ck_assert_uint_gt(tap.nread, 0);
	ck_assert_int_eq(ioctl(tap.fd, FRAMEIO_SET_OPTIONS, &(uint32_t) { 0 }), 0);
	close(tap.fd);
	check_moves(taker.fd, packet, 0);
}
END_TEST

static void send_large(int packet)
{
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = MSS, .hdr_len = HEADERS,
		.csum_start = HEADERS - sizeof(struct tcphdr), .csum_offset = 16,
	};
	unsigned char frame[LARGE_LEN];
	struct iovec iov[2] = { { &vnet, sizeof(vnet) }, { frame, sizeof(frame) } };

	fill_large(frame);
	while (writev(packet, iov, 2) < 0)
		ck_assert_int_eq(errno, ENOBUFS);
}

/* What comes joined is cut, for which there may be no memory, too. */
START_TEST(receiving_joined_frames)
{
	const struct inject_random random = { INJECT_SLAB, 5, 1000000, false };
	unsigned char record[HDRLEN + HEADERS + MSS + 1];
	const int on = 1;
	struct frameio_stats stats;
	uint64_t sent = 0, nread = 0;
	int fd, packet;

	add_veth();
	fd = attach_nic(0, 1);
	begin_to_read(fd);
	packet = packet_socket(PEER);
	ck_assert_int_eq(setsockopt(packet, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), 0);
	while (sent < ROUNDS * 8) {
		inject_random_begin(&random, 1);
		send_large(packet);
		inject_count("NIC port: receive joined frames", INJECT_SLAB,
			     inject_random_end(INJECT_SLAB));
		sent++;
		do {
			while (read(fd, record, sizeof(record)) == HDRLEN + HEADERS + MSS)
				nread++;
			ck_assert_int_eq(errno, EAGAIN);
			guest_stats(fd, &stats);
		} while (nread + stats.fs_read_drop_nomem < sent * NSEGMENTS);
		ck_assert_uint_eq(nread % NSEGMENTS, 0);
		ck_assert_uint_eq(nread + stats.fs_read_drop_nomem, sent * NSEGMENTS);
	}
	ck_assert_uint_gt(nread, 0);
	ck_assert_uint_gt(stats.fs_read_drop_nomem, 0);
	close(packet);
	check_nic_works(fd);
}
END_TEST

/* Loading the module */

static ssize_t call_load(void *arg)
{
	const int *file = arg;

	return syscall(SYS_finit_module, *file, "", 0);
}

static void unload(void)
{
	ck_assert_int_eq(syscall(SYS_delete_module, "frameio", O_NONBLOCK), 0);
}

static bool is_registered(void)
{
	char line[64];
	FILE *file = fopen("/proc/devices", "re");
	bool found = false;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		found |= strstr(line, "frameio") != NULL;
	fclose(file);
	return found;
}

static void check_no_module(void)
{
	ck_assert_int_ne(access("/sys/module/frameio", F_OK), 0);
	ck_assert_int_ne(access("/sys/class/frameio", F_OK), 0);
	ck_assert_int_ne(access(NODE("control"), F_OK), 0);
	ck_assert_int_ne(access("/dev/control", F_OK), 0);
	ck_assert(!is_registered());
}

/* A module that is loaded works; one that is not has left nothing, or the next could not be. */
static void check_load(void *arg, const struct inject_attempt *attempt)
{
	int fd;

	(void)arg;
	if (attempt->ret < 0) {
		inject_check_error(attempt);
		check_no_module();
		return;
	}
	ck_assert_int_ne(access("/dev/control", F_OK), 0);
	fd = create_port(PORT, 0, 1);
	check_works(fd);
	close(fd);
	unload();
	check_no_module();
}

START_TEST(loading_the_module)
{
	const struct inject_call call = {
		.name = "finit_module", .met = INJECT_ALLOCATION | INJECT_USERCOPY,
		.dense = 256,
		.call = call_load, .check = check_load,
	};
	struct census census = take_census();
	int file;

	/* $ko is the module of this run of the machine, see tests/vm/init */
	guest_sh(". /run/vm/call && cp \"$ko\" /dev/shm/faults.ko");
	file = open("/dev/shm/faults.ko", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(file, 0);
	close(control);
	unload();
	check_no_module();
	inject_each(&call, &file);
	ck_assert_int_eq(call_load(&file), 0);
	close(file);
	unlink("/dev/shm/faults.ko");
	control = guest_control();
	check_census(&census);
}
END_TEST

static void scan_for_leaks(void)
{
	guest_sh("echo scan >/sys/kernel/debug/kmemleak");
}

/* A scan tells of what is older than 5 seconds, and did not change since the one before. */
START_TEST(nothing_has_leaked)
{
	bool leaked = false;
	char line[256];
	FILE *file;

	scan_for_leaks();
	sleep(6);
	scan_for_leaks();
	file = fopen("/sys/kernel/debug/kmemleak", "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file)) {
		leaked = true;
		fputs(line, stderr);
	}
	fclose(file);
	ck_assert(!leaked);
}
END_TEST

static void add_calls(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "calls", 120, setup, NULL);

	tcase_add_test(tcase, opening_the_control_node);
	tcase_add_test(tcase, opening_the_node_of_a_port);
	tcase_add_test(tcase, closing_deletes_the_port);
	tcase_add_loop_test(tcase, creating_a_port, 0, N(creations));
	tcase_add_test(tcase, opening_a_port_by_name);
	tcase_add_test(tcase, deleting_a_port);
	tcase_add_test(tcase, listing_ports);
	tcase_add_test(tcase, asking_and_setting);
	tcase_add_test(tcase, waiting_for_events);
}

static void add_frames(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "frames", 120, setup, NULL);

	tcase_add_loop_test(tcase, reading_and_writing, 0, N(shapes));
	tcase_add_loop_test(tcase, reading_and_writing_short_records, 0, N(short_shapes));
	tcase_add_loop_test(tcase, an_ioctl_whose_counts_cannot_be_stored_moves_nothing, 0, 2);
	tcase_add_loop_test(tcase, writing_when_allocations_fail_in_a_row, 0, N(run_shapes));
	tcase_add_test(tcase, transmitting);
	tcase_add_test(tcase, transmitting_held_back_frames);
	tcase_add_test(tcase, receiving);
}

static void add_rings(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "rings", 120, setup, NULL);

	tcase_add_loop_test(tcase, making_rings, 0, N(ring_shapes));
	tcase_add_test(tcase, mapping_rings);
	tcase_add_test(tcase, writing_over_a_ring);
}

static void add_interface(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "interface", 120, setup, NULL);

	tcase_add_test(tcase, ip_link_add);
	tcase_add_test(tcase, ip_link_del);
	tcase_add_test(tcase, ip_link_set_name);
	tcase_add_test(tcase, ip_link_set_mtu);
	tcase_add_test(tcase, ip_link_set_up_and_down);
	tcase_add_test(tcase, ip_link_change_and_show);
	tcase_add_test(tcase, asking_by_ethtool);
}

static void add_nic(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "nic", 120, setup, NULL);

	tcase_add_loop_test(tcase, attaching_to_an_interface, 0, N(attachments));
	tcase_add_loop_test(tcase, detaching_from_an_interface, 0, 2);
	tcase_add_test(tcase, deleting_an_interface_that_is_attached);
	tcase_add_test(tcase, filters_and_options);
	tcase_add_test(tcase, writing_segments);
	tcase_add_test(tcase, receiving_from_the_wire);
	tcase_add_test(tcase, receiving_joined_frames);
}

/* The last ones: a leak of any other test is seen here. */
static void add_module(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "module", 120, setup, NULL);

	tcase_add_test(tcase, loading_the_module);
	tcase_add_test(tcase, nothing_has_leaked);
}

int main(void)
{
	Suite *suite = suite_create("faults");
	int status;

	inject_init();
	add_calls(suite);
	add_frames(suite);
	add_rings(suite);
	add_interface(suite);
	add_nic(suite);
	add_module(suite);
	status = guest_run(suite);
	return set_quiet(false) && inject_print() ? status : EXIT_FAILURE;
}
