/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Everything at once: traffic by every kind of call while ports are made,
 * deleted, renamed, moved, set up and down and resized, queue pairs opened and
 * closed, namespaces destroyed, and the module unloaded and loaded again.
 *
 * FRAMEIO_STRESS_SECONDS bounds how long the tests take together (default 20);
 * FRAMEIO_STRESS_SEED repeats the choices of a run, as far as threads allow.
 *
 * WHAT IS ACCOUNTED FOR
 *
 * In both directions, frames accepted = frames that arrived + frames counted as
 * dropped; traffic.h tells how a frame is known. Accepted is what send(2) or a
 * call of frameio reported as done. Arrived is what was read from the port, or
 * from a packet socket for all interfaces of a namespace, which hears them
 * whether they are up, renamed or new. Dropped is what FRAMEIO_STATS tells, on
 * files that outlive the port, and the full sockets of PACKET_STATISTICS.
 *
 * This is exact, with two exceptions:
 *
 *  - A queueing discipline that is taken away (interface down, moved, deleted,
 *    given another txqueuelen) loses what it holds without a count. Then only
 *    direct senders go on, which give their frames to the port itself, and get
 *    an error for each that it did not take. The others wait meanwhile, once
 *    all they sent has arrived; they are never stopped by anything else.
 *  - A port that goes with the file that made it takes the counters of that
 *    file's queue pair along. Then no more may arrive than was accepted, and
 *    all that was said of the frames that do arrive holds.
 *
 * In a namespace that is being destroyed no socket is left to hear the last
 * frames: there those that arrive are at most what FRAMEIO_STATS calls received,
 * and received + dropped = accepted.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "traffic.h"

#define NAME	"stress0"
#define TESTS	4

static int netns[TRAFFIC_PLACES];
static struct mnl_socket *netlink[TRAFFIC_PLACES];
static struct traffic_random churn;
static double started;

static unsigned int get_seconds(void)
{
	return guest_setting("FRAMEIO_STRESS_SECONDS", 20);
}

/* Has this test had its share of the time? */
static bool is_time_up(void)
{
	return guest_now() - started >= get_seconds() * 1.0 / TESTS;
}

static void pause_up_to(unsigned int us)
{
	usleep(traffic_below(&churn, us));
}

static void enter(int to)
{
	ck_assert_int_eq(setns(to, CLONE_NEWNET), 0);
}

/* A netlink socket of the current namespace. */
static struct mnl_socket *open_netlink(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	ck_assert_ptr_nonnull(socket);
	ck_assert_int_eq(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), 0);
	return socket;
}

/* The interface a request is about: by its number, or 0. */
static struct nlmsghdr *start_request(char *buffer, int type, int flags, int ifindex)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	info = mnl_nlmsg_put_extra_header(request, sizeof(*info));
	info->ifi_index = ifindex;
	return request;
}

/* 0 or the errno. */
static int talk(struct mnl_socket *socket, const struct nlmsghdr *request)
{
	char buffer[8192];
	int ret;

	ck_assert_int_gt(mnl_socket_sendto(socket, request, request->nlmsg_len), 0);
	ret = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	ck_assert_int_gt(ret, 0);
	ret = mnl_cb_run(buffer, ret, 0, mnl_socket_get_portid(socket), NULL, NULL);
	return ret < 0 ? errno : 0;
}

/* What becomes of an interface; what is 0 stays. */
struct change {
	bool up, down;
	const char *name;
	uint32_t mtu, txqueuelen;
	uint32_t limit;
	int netns;
};

static int change_link(struct mnl_socket *socket, int ifindex, const struct change *change)
{
	char buffer[1024] = { 0 };
	struct nlmsghdr *request = start_request(buffer, RTM_NEWLINK, 0, ifindex);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(request);

	info->ifi_change = change->up || change->down ? IFF_UP : 0;
	info->ifi_flags = change->up ? IFF_UP : 0;
	if (change->name)
		mnl_attr_put_strz(request, IFLA_IFNAME, change->name);
	if (change->mtu)
		mnl_attr_put_u32(request, IFLA_MTU, change->mtu);
	if (change->txqueuelen)
		mnl_attr_put_u32(request, IFLA_TXQLEN, change->txqueuelen);
	if (change->netns)
		mnl_attr_put_u32(request, IFLA_NET_NS_FD, change->netns);
	if (change->limit) {
		struct nlattr *nest = mnl_attr_nest_start(request, IFLA_LINKINFO), *data;

		mnl_attr_put_strz(request, IFLA_INFO_KIND, "frameio");
		data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
		mnl_attr_put_u32(request, IFLA_FRAMEIO_READ_LIMIT, change->limit);
		mnl_attr_put_u32(request, IFLA_FRAMEIO_WRITE_LIMIT, change->limit);
		mnl_attr_nest_end(request, data);
		mnl_attr_nest_end(request, nest);
	}
	return talk(socket, request);
}

static int add_link(struct mnl_socket *socket, const char *name, uint32_t nqueues)
{
	char buffer[1024] = { 0 };
	struct nlmsghdr *request = start_request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *nest;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_NUM_TX_QUEUES, nqueues);
	mnl_attr_put_u32(request, IFLA_NUM_RX_QUEUES, nqueues);
	nest = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "frameio");
	mnl_attr_nest_end(request, nest);
	return talk(socket, request);
}

static int delete_link(struct mnl_socket *socket, int ifindex)
{
	char buffer[1024] = { 0 };

	return talk(socket, start_request(buffer, RTM_DELLINK, 0, ifindex));
}

static int error_of_delete(const char *name)
{
	struct frameio_delete request = { .fd_reserved = { 0 } };
	int fd = guest_control(), error;

	strcpy(request.fd_name, name);
	error = ioctl(fd, FRAMEIO_DELETE, &request) ? errno : 0;
	close(fd);
	return error;
}

/* IPv6 on interfaces to come in this namespace: it would send something of its own. */
static void set_ipv6(bool on)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(write(fd, on ? "0" : "1", 1), 1);
	close(fd);
}

/* Two namespaces in which nothing is sent but what the tests send. */
static void set_up(void)
{
	int i;

	traffic_seed();
	traffic_random_init(&churn);
	guest_delete_ports();
	guest_use_fifo();
	guest_add_netns("away");
	netns[TRAFFIC_HOME] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	netns[TRAFFIC_AWAY] = open("/run/netns/away", O_RDONLY | O_CLOEXEC);
	for (i = TRAFFIC_PLACES - 1; i >= 0; i--) {
		ck_assert_int_ge(netns[i], 0);
		enter(netns[i]);
		netlink[i] = open_netlink();
		set_ipv6(false);
	}
}

/* No port is left, here or there. */
static void tear_down(void)
{
	int i;

	for (i = TRAFFIC_PLACES - 1; i >= 0; i--) {
		enter(netns[i]);
		ck_assert_uint_eq(guest_count_ports(), 0);
		mnl_socket_close(netlink[i]);
		close(netns[i]);
	}
	set_ipv6(true);
	guest_sh("ip netns del away");
}

static const uint32_t limits[] = { 1, 2, 5, 32, 256, FRAMEIO_LIMIT_DEFAULT, 8192 };

static uint32_t random_limit(void)
{
	return limits[traffic_below(&churn, sizeof(limits) / sizeof(limits[0]))];
}

static uint32_t random_mtu(void)
{
	return TRAFFIC_MTU_MIN + traffic_below(&churn, TRAFFIC_MTU_MAX - TRAFFIC_MTU_MIN + 1);
}

/*
 * A bystander makes, opens, resizes, lists and deletes ports of its own.
 */
static pthread_t bystander_thread;
static atomic_bool bystander_stopped;
static atomic_uint bystander_ports;
static bool module_goes;	/* and so calls may fail */

static int bystander_create(struct traffic_random *random)
{
	struct frameio_create create = { .fc_name = "by%d" };
	int fd = open("/dev/frameio/control", O_RDWR | O_CLOEXEC);

	require(fd >= 0 || module_goes, "control: %s", strerror(errno));
	if (fd < 0)
		return -1;
	create.fc_flags = traffic_below(random, 4);	/* L3, PERSIST */
	create.fc_nqueues = 1 + traffic_below(random, traffic_one_in(random, 8) ? 64 : 4);
	require(!ioctl(fd, FRAMEIO_CREATE, &create), "FRAMEIO_CREATE: %s", strerror(errno));
	return fd;
}

static void bystander_use(struct traffic_random *random, int fd)
{
	static const struct change changes[] = {
		{ .up = true }, { .down = true }, { .name = "by-else" }, { .mtu = 1000 },
		{ .limit = 7 }
	};
	const struct frameio_info info = guest_info(fd);
	struct mnl_socket *socket = open_netlink();
	int other = -1, error;

	if (info.fi_nqueues > 1) {
		other = guest_open(info.fi_name, FRAMEIO_QUEUE_ANY);
		require(other >= 0, "FRAMEIO_OPEN: %s", strerror(errno));
	}
	error = change_link(socket, info.fi_ifindex, &changes[traffic_below(random, 5)]);
	require(!error, "changing a link: %s", strerror(error));
	ck_assert_uint_gt(guest_count_ports(), 0);
	mnl_socket_close(socket);
	if (other >= 0)
		close(other);
}

static void bystander_delete(int fd)
{
	const struct frameio_info info = guest_info(fd);

	if (info.fi_flags & FRAMEIO_PORT_PERSIST)
		ck_assert_int_eq(error_of_delete(info.fi_name), 0);
	close(fd);
}

static void *run_bystander(void *unused)
{
	struct mnl_socket *socket = open_netlink();
	struct traffic_random random;
	int fd, error;

	traffic_random_init(&random);
	while (!bystander_stopped) {
		fd = bystander_create(&random);
		if (fd >= 0) {
			if (traffic_one_in(&random, 2))
				bystander_use(&random, fd);
			bystander_delete(fd);
		}
		error = add_link(socket, "by-link", 1 + traffic_below(&random, 3));
		require(!error || module_goes, "adding a link: %s", strerror(error));
		error = delete_link(socket, if_nametoindex("by-link"));
		require(!error || module_goes, "deleting a link: %s", strerror(error));
		bystander_ports += 2;
		usleep(traffic_below(&random, 20000));
	}
	mnl_socket_close(socket);
	return unused;
}

static void start_bystander(void)
{
	bystander_stopped = false;
	ck_assert_int_eq(pthread_create(&bystander_thread, NULL, run_bystander, NULL), 0);
}

static void stop_bystander(void)
{
	struct timespec deadline;

	bystander_stopped = true;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += traffic_stall_s();
	ck_assert_int_eq(pthread_timedjoin_np(bystander_thread, NULL, &deadline), 0);
	printf("stress: %u other ports came and went meanwhile\n", bystander_ports);
}

/* Open every queue pair; that of the file @first may be bound already. */
static void open_queues(int *fds, uint32_t nqueues, const char *name)
{
	uint32_t i;

	for (i = 0; i < nqueues; i++) {
		if (fds[i] < 0)
			fds[i] = guest_open(name, i);
		require(fds[i] >= 0, "opening queue pair %u: %s", i, strerror(errno));
		guest_set_limits(fds[i], random_limit(), random_limit());
	}
}

static void close_queues(const int *fds, uint32_t nqueues)
{
	uint32_t i;

	for (i = 0; i < nqueues; i++)
		close(fds[i]);
}

/* Stop what is accepted, and see to it that all of it arrives. */
static void finish_traffic(void)
{
	traffic_settle_switchers();
	traffic_squeeze();
	traffic_stop(TRAFFIC_SENDER);
	traffic_stop(TRAFFIC_DIRECT_SENDER);
	traffic_stop(TRAFFIC_WRITER);
	traffic_drain();
}

/* Readers end with their port; then the account must still be right. */
static void finish_readers(void)
{
	traffic_join(TRAFFIC_READER);
	traffic_join(TRAFFIC_SWITCHER);
	traffic_stop(TRAFFIC_RECEIVER);
	traffic_account(true, false);
}

/* A change that keeps what the queueing discipline holds. */
static void churn_gently(struct mnl_socket *socket, int fd)
{
	static const char *const names[] = { NAME, "stress1" };
	struct change change = { .up = false };
	int error;

	switch (traffic_below(&churn, 5)) {
	case 0:
		change.mtu = random_mtu();
		break;
	case 1:
		change.limit = random_limit();
		break;
	case 2:
		change.name = names[traffic_below(&churn, 2)];
		break;
	default:
		guest_set_limits(fd, random_limit(), random_limit());
		return;
	}
	error = change_link(socket, guest_info(fd).fi_ifindex, &change);
	/* a kernel before 6.2 renames no interface that is up */
	require(!error || (change.name && error == EBUSY), "changing the port: %s",
		strerror(error));
}

START_TEST(queue_pairs_open_and_close)
{
	const int home[TRAFFIC_PLACES] = { netns[TRAFFIC_HOME], -1 };
	int fds[TRAFFIC_QUEUES] = { guest_create_up(NAME, 0, TRAFFIC_QUEUES, 0), -1, -1, -1 };
	unsigned int changes = 0;
	uint32_t i;

	if (traffic_one_in(&churn, 2))
		guest_receive_threaded(NAME);
	open_queues(fds, TRAFFIC_QUEUES, NAME);
	traffic_begin(fds, TRAFFIC_QUEUES);
	traffic_move(TRAFFIC_HOME, guest_info(fds[0]).fi_ifindex);
	traffic_start_sockets(TRAFFIC_RECEIVER, home);
	for (i = 0; i < 2; i++) {
		traffic_start(TRAFFIC_READER, 0);
		traffic_start(TRAFFIC_WRITER, 0);
		traffic_start_sockets(TRAFFIC_SENDER, home);
	}
	for (i = 1; i < TRAFFIC_QUEUES; i++)
		traffic_start(TRAFFIC_SWITCHER, i);
	traffic_start_sockets(TRAFFIC_DIRECT_SENDER, home);
	start_bystander();

	started = guest_now();
	for (; !is_time_up(); changes++) {
		churn_gently(netlink[TRAFFIC_HOME], fds[0]);
		traffic_interrupt_switchers();
		pause_up_to(8000);
	}
	finish_traffic();
	traffic_check_ways();
	traffic_account_link(guest_info(fds[0]).fi_name);
	stop_bystander();
	ck_assert_int_eq(delete_link(netlink[TRAFFIC_HOME], guest_info(fds[0]).fi_ifindex), 0);
	finish_readers();
	traffic_print("open and close");
	printf("stress: %u changes of limits, mtu and name\n", changes);
}
END_TEST

/* Where the port is, and what it is called there. */
static enum traffic_place place;

static void set_link(int fd, const struct change *change)
{
	int error = change_link(netlink[place], guest_info(fd).fi_ifindex, change);

	require(!error, "changing the port: %s", strerror(error));
}

static void move_link(int fd)
{
	const enum traffic_place to = place == TRAFFIC_HOME ? TRAFFIC_AWAY : TRAFFIC_HOME;

	set_link(fd, &(struct change) { .netns = netns[to] });
	place = to;
	set_link(fd, &(struct change) { .up = true });
	traffic_move(to, guest_info(fd).fi_ifindex);
}

/* A change that takes the queueing discipline away. */
static void churn_roughly(int fd)
{
	static const char *const names[] = { NAME, "stress1" };

	traffic_hold_senders();
	switch (traffic_below(&churn, 3)) {
	case 0:
		set_link(fd, &(struct change) { .txqueuelen = 1 + traffic_below(&churn, 1000) });
		break;
	case 1:
		move_link(fd);
		break;
	default:
		set_link(fd, &(struct change) { .down = true });
		pause_up_to(8000);
		if (traffic_one_in(&churn, 2))
			set_link(fd, &(struct change) { .name = names[traffic_below(&churn, 2)] });
		set_link(fd, &(struct change) { .up = true });
	}
	traffic_release_senders();
}

START_TEST(the_port_goes_up_and_down_and_moves)
{
	int fds[TRAFFIC_QUEUES] = { guest_create_up(NAME, 0, TRAFFIC_QUEUES, 0), -1, -1, -1 };
	unsigned int changes = 0;
	uint32_t i;

	if (traffic_one_in(&churn, 2))
		guest_receive_threaded(NAME);
	open_queues(fds, TRAFFIC_QUEUES, NAME);
	traffic_begin(fds, TRAFFIC_QUEUES);
	place = TRAFFIC_HOME;
	traffic_move(place, guest_info(fds[0]).fi_ifindex);
	traffic_start_sockets(TRAFFIC_RECEIVER, netns);
	for (i = 0; i < TRAFFIC_QUEUES; i++)
		traffic_start(TRAFFIC_READER, i);
	traffic_start(TRAFFIC_READER, 0);
	for (i = 0; i < 2; i++) {
		traffic_start(TRAFFIC_WRITER, 0);
		traffic_start(TRAFFIC_WRITER, 1);
		traffic_start_sockets(TRAFFIC_SENDER, netns);
	}
	traffic_start_sockets(TRAFFIC_DIRECT_SENDER, netns);
	start_bystander();

	started = guest_now();
	for (; !is_time_up(); changes++) {
		churn_roughly(fds[0]);
		pause_up_to(8000);
		churn_gently(netlink[place], fds[traffic_below(&churn, TRAFFIC_QUEUES)]);
		pause_up_to(8000);
	}
	finish_traffic();
	stop_bystander();
	ck_assert_int_eq(delete_link(netlink[place], guest_info(fds[0]).fi_ifindex), 0);
	finish_readers();
	close_queues(fds, TRAFFIC_QUEUES);
	traffic_print("up, down and moves");
	printf("stress: the port was set down or moved %u times\n", changes);
}
END_TEST

/* How a port ends. */
enum end { BY_IOCTL, BY_NETLINK, BY_CLOSE, BY_NETNS, ENDS };

/* Make a port in the current namespace, with each queue pair open. */
static void make_port(int *fds, uint32_t nqueues, bool by_netlink, struct mnl_socket *socket)
{
	uint32_t i;

	for (i = 0; i < nqueues; i++)
		fds[i] = -1;
	if (by_netlink)
		ck_assert_int_eq(add_link(socket, NAME, nqueues), 0);
	else
		fds[0] = guest_create(NAME, 0, nqueues);
	open_queues(fds, nqueues, NAME);
	ck_assert_int_eq(change_link(socket, guest_info(fds[0]).fi_ifindex,
				     &(struct change) { .up = true, .mtu = TRAFFIC_MTU_MAX }), 0);
}

/* Every kind of worker that ends with the port; a mask of the queue pairs that are read. */
static void start_everything(uint32_t nqueues, unsigned int readers, const int *namespaces)
{
	uint32_t i;

	traffic_start_sockets(TRAFFIC_RECEIVER, namespaces);
	for (i = 0; i < nqueues; i++) {
		traffic_start(TRAFFIC_WRITER, i);
		if (readers & 1 << i)
			traffic_start(TRAFFIC_READER, i);
	}
	if (readers & 1)
		traffic_start(TRAFFIC_READER, 0);
	traffic_start(TRAFFIC_WRITER, 0);
	traffic_start_sockets(TRAFFIC_DIRECT_SENDER, namespaces);
}

/*
 * Have a file closed while threads use it: its number stands for another file
 * from now on, which no call works on, and the last call in flight closes it.
 */
static void close_in_use(int fd)
{
	int nothing = open("/", O_PATH | O_CLOEXEC);

	ck_assert_int_eq(dup3(nothing, fd, O_CLOEXEC), fd);
	close(nothing);
}

/* Calls return when the port is going; soon it is gone. */
static void wait_gone(int fd)
{
	const time_t deadline = time(NULL) + traffic_stall_s();
	struct frameio_info info;

	while (!ioctl(fd, FRAMEIO_INFO, &info)) {
		require(time(NULL) < deadline, "the port does not go");
		usleep(1000);
	}
	require(errno == ENODEV, "FRAMEIO_INFO: %s", strerror(errno));
}

/* One port, from the cradle to the grave, in a namespace of its own if that is what ends it. */
static void live_and_die(enum end end)
{
	const uint32_t nqueues = 1 + traffic_below(&churn, TRAFFIC_QUEUES);
	const bool by_netlink = end != BY_CLOSE && traffic_one_in(&churn, 2);
	int namespaces[TRAFFIC_PLACES] = { netns[traffic_below(&churn, 2)], -1 };
	int fds[TRAFFIC_QUEUES];
	struct mnl_socket *socket;
	uint32_t i;

	if (end == BY_NETNS) {
		ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
		set_ipv6(false);
		namespaces[0] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	enter(namespaces[0]);
	socket = open_netlink();
	make_port(fds, nqueues, by_netlink, socket);
	traffic_begin(fds, nqueues);
	traffic_move(TRAFFIC_HOME, guest_info(fds[0]).fi_ifindex);
	enter(netns[TRAFFIC_HOME]);
	if (namespaces[0] == netns[TRAFFIC_HOME] && traffic_one_in(&churn, 2))
		guest_receive_threaded(NAME);
	start_everything(nqueues, traffic_below(&churn, 1 << nqueues), namespaces);
	pause_up_to(200000);
	if (traffic_one_in(&churn, 4))
		ck_assert_int_eq(change_link(socket, guest_info(fds[0]).fi_ifindex,
					     &(struct change) { .down = true }), 0);

	/*
	 * Whoever goes around the queueing discipline while an interface is unregistered may
	 * have the kernel divide by the number of its transmit queues, 0 by then, in
	 * packet_pick_tx_queue(). That frames are transmitted meanwhile is for the ordinary
	 * senders to see to, in load_and_unload().
	 */
	traffic_stop(TRAFFIC_DIRECT_SENDER);
	switch (end) {
	case BY_IOCTL:
		enter(namespaces[0]);
		ck_assert_int_eq(error_of_delete(NAME), 0);
		enter(netns[TRAFFIC_HOME]);
		break;
	case BY_NETLINK:
		ck_assert_int_eq(delete_link(socket, guest_info(fds[0]).fi_ifindex), 0);
		break;
	case BY_CLOSE:
		close_in_use(fds[0]);
		break;
	default:
		traffic_stop(TRAFFIC_RECEIVER);
		close(namespaces[0]);
	}
	mnl_socket_close(socket);
	if (end == BY_CLOSE) {
		traffic_join_interrupted(TRAFFIC_READER);
		traffic_join_interrupted(TRAFFIC_WRITER);
	} else {
		traffic_join(TRAFFIC_READER);
		traffic_join(TRAFFIC_WRITER);
	}
	traffic_account(end != BY_CLOSE, end == BY_NETNS);
	traffic_stop(TRAFFIC_RECEIVER);
	for (i = end == BY_CLOSE; i < nqueues; i++)
		wait_gone(fds[i]);
	close_queues(fds, nqueues);
}

START_TEST(ports_and_namespaces_come_and_go)
{
	unsigned int ports = 0;

	start_bystander();
	started = guest_now();
	for (; ports < ENDS || !is_time_up(); ports++)
		live_and_die(ports % ENDS);
	stop_bystander();
	traffic_print("come and go");
	printf("stress: %u ports came and went under traffic\n", ports);
}
END_TEST

static int delete_module(void)
{
	return syscall(SYS_delete_module, "frameio", O_NONBLOCK);
}

/* The module of this run of the machine: $ko, see tests/vm/init. */
static void insert_module(void)
{
	char path[4096] = "";
	FILE *pipe = popen(". /run/vm/call && printf %s \"$ko\"", "r");
	int fd;

	ck_assert_ptr_nonnull(fgets(path, sizeof(path), pipe));
	pclose(pipe);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(syscall(SYS_finit_module, fd, "", 0), 0);
	close(fd);
}

/* It goes as soon as the bystander has no file open. */
static void remove_module(void)
{
	const double deadline = guest_now() + traffic_stall_s();

	while (delete_module()) {
		require(errno == EWOULDBLOCK, "removing the module: %s", strerror(errno));
		require(guest_now() < deadline, "the module cannot be removed");
		pause_up_to(500);
	}
}

/*
 * Traffic, which holds the module; then ports that are there and sent to, but
 * not open, which it takes along.
 */
static void load_and_unload(void)
{
	const int home[TRAFFIC_PLACES] = { netns[TRAFFIC_HOME], -1 };
	int fd;

	ck_assert_int_eq(add_link(netlink[TRAFFIC_AWAY], NAME, 2), 0);
	make_port(&fd, 1, true, netlink[TRAFFIC_HOME]);
	traffic_begin(&fd, 1);
	traffic_move(TRAFFIC_HOME, guest_info(fd).fi_ifindex);
	start_everything(1, 1, home);
	pause_up_to(100000);
	ck_assert_errno(delete_module(), EWOULDBLOCK);
	finish_traffic();
	traffic_account(true, false);
	traffic_stop(TRAFFIC_RECEIVER);
	close_in_use(fd);
	traffic_join_interrupted(TRAFFIC_READER);
	close(fd);

	traffic_start_sockets(TRAFFIC_SENDER, home);
	remove_module();
	ck_assert_uint_eq(if_nametoindex(NAME), 0);
	insert_module();
	traffic_stop(TRAFFIC_SENDER);
}

START_TEST(the_module_comes_and_goes)
{
	unsigned int cycles = 0;

	/* the kernel must not load another one when a kind of link is unknown */
	guest_sh("cat /proc/sys/kernel/modprobe >/run/modprobe; echo >/proc/sys/kernel/modprobe");
	module_goes = true;
	start_bystander();
	started = guest_now();
	for (; !cycles || !is_time_up(); cycles++)
		load_and_unload();
	stop_bystander();
	guest_sh("cat /run/modprobe >/proc/sys/kernel/modprobe; rm /run/modprobe");
	traffic_print("module");
	printf("stress: the module was removed %u times\n", cycles);
}
END_TEST

START_TEST(nothing_is_left)
{
	ck_assert_uint_eq(guest_count_ports(), 0);
	guest_sh("test -z \"$(ip netns list)\"");
	guest_sh("test \"$(ls /dev/frameio)\" = control");
	guest_sh("test \"$(cat /sys/module/frameio/refcnt)\" = 0");
	ck_assert_int_eq(delete_module(), 0);
	insert_module();
}
END_TEST

/* A case for each, so that CK_RUN_CASE chooses among them. */
static void add_stress(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = guest_tcase(suite, name, 300 + get_seconds(), set_up, tear_down);

	tcase_add_test(tcase, test);
}

int main(void)
{
	Suite *suite = suite_create("stress");
	TCase *last;

	add_stress(suite, "queues", queue_pairs_open_and_close);
	add_stress(suite, "link", the_port_goes_up_and_down_and_moves);
	add_stress(suite, "ports", ports_and_namespaces_come_and_go);
	add_stress(suite, "module", the_module_comes_and_goes);
	last = guest_tcase(suite, "left", 120, NULL, NULL);
	tcase_add_test(last, nothing_is_left);
	return guest_run(suite);
}
