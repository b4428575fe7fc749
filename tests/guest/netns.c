/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Network namespaces, user namespaces, and the life of the module. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"

#define NOBODY	65534
#define LEN	60
#define RECORD	((ssize_t)(HDRLEN + LEN))

static int home, away;

/* The namespaces of the tests: the initial one, and one called away. */
static void make_away(void)
{
	guest_add_netns("away");
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	away = open("/run/netns/away", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(home, 0);
	ck_assert_int_ge(away, 0);
	guest_delete_ports();
}

static void enter(int netns)
{
	ck_assert_int_eq(setns(netns, CLONE_NEWNET), 0);
}

/* Bind an unbound control file to the port fio0; 0 or the errno. */
static int error_of_open(int control)
{
	struct frameio_open request = { .fo_name = "fio0", .fo_queue = FRAMEIO_QUEUE_ANY };

	return ioctl(control, FRAMEIO_OPEN, &request) ? errno : 0;
}

static int error_of_create(int control)
{
	struct frameio_create request = { .fc_name = "fio0" };

	return ioctl(control, FRAMEIO_CREATE, &request) ? errno : 0;
}

static int error_of_delete(int control)
{
	struct frameio_delete request = { .fd_name = "fio0" };

	return ioctl(control, FRAMEIO_DELETE, &request) ? errno : 0;
}

static uint32_t count_ports(int control)
{
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };

	ck_assert_int_eq(ioctl(control, FRAMEIO_LIST, &list), 0);
	return list.fl_count;
}

static ssize_t call_read(int fd, void *record)
{
	return read(fd, record, RECORD);
}

/* A frame goes each way between the file and a socket of the current namespace. */
static void check_moves_frames(int fd, const char *name)
{
	int packet = guest_packet_socket(name);
	unsigned char record[RECORD];

	guest_send(packet, LEN, 1, 0);
	ck_assert_int_eq(read(fd, record, RECORD), RECORD);
	guest_check_record(record, LEN, 1, 0);
	guest_record(record, LEN, 2, 0);
	ck_assert_int_eq(write(fd, record, RECORD), RECORD);
	guest_receive(packet, LEN, 2, 0);
	close(packet);
}

START_TEST(a_port_is_found_in_its_namespace_only)
{
	int control, fd;

	enter(away);
	fd = guest_create_up("fio0", 0, 2, 0);
	enter(home);
	ck_assert_int_eq(error_of_open(guest_control()), ENODEV);
	ck_assert_int_eq(error_of_delete(guest_control()), ENODEV);
	ck_assert_uint_eq(count_ports(guest_control()), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_errno(access("/dev/frameio/fio0", F_OK), ENOENT);
	enter(away);
	control = guest_control();
	ck_assert_int_eq(error_of_open(control), 0);
	ck_assert_uint_eq(count_ports(control), 1);
	/* so that every frame comes to the other queue pair */
	close(control);
	check_moves_frames(fd, "fio0");
}
END_TEST

START_TEST(names_are_the_callers_whoever_opened_the_file)
{
	int from_home = guest_control(), from_away, port;

	enter(away);
	port = guest_create("fio0", 0, 3);
	from_away = guest_control();
	ck_assert_uint_eq(count_ports(from_home), 1);
	enter(home);
	ck_assert_uint_eq(count_ports(from_away), 0);
	ck_assert_int_eq(error_of_open(from_away), ENODEV);
	ck_assert_int_eq(error_of_delete(from_away), ENODEV);
	/* the name is free here, for a file from there, too */
	ck_assert_int_eq(error_of_create(from_away), 0);
	ck_assert_uint_eq(guest_info(from_away).fi_ifindex, if_nametoindex("fio0"));
	enter(away);
	ck_assert_int_eq(error_of_open(from_home), 0);
	ck_assert_uint_eq(guest_info(from_home).fi_ifindex, if_nametoindex("fio0"));
	ck_assert_uint_eq(guest_info(port).fi_nopen, 2);
	close(from_away);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(a_file_works_on_when_its_port_moves)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[RECORD];

	guest_send(packet, LEN, 7, 0);
	close(packet);
	guest_sh("ip link set fio0 netns away");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_int_eq(read(fd, record, RECORD), RECORD);
	guest_check_record(record, LEN, 7, 0);
	ck_assert_str_eq(guest_info(fd).fi_name, "fio0");
	ck_assert_errno(write(fd, record, RECORD), ENETDOWN);

	enter(away);
	guest_sh("sysctl -q -w net.ipv6.conf.fio0.disable_ipv6=1 && ip link set fio0 up");
	check_moves_frames(fd, "fio0");
	guest_sh("ip link set fio0 name fio3 netns 1");
	enter(home);
	guest_sh("sysctl -q -w net.ipv6.conf.fio3.disable_ipv6=1 && ip link set fio3 up");
	ck_assert_str_eq(guest_info(fd).fi_name, "fio3");
	check_moves_frames(fd, "fio3");
}
END_TEST

START_TEST(a_reader_sleeps_on_while_its_port_moves)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	unsigned char record[RECORD];
	struct guest_call call;

	guest_call_start(&call, call_read, fd, record);
	guest_call_wait_asleep(&call, SYS_read);
	guest_sh("ip link set fio0 netns away");
	guest_call_wait_asleep(&call, SYS_read);
	enter(away);
	guest_sh("sysctl -q -w net.ipv6.conf.fio0.disable_ipv6=1 && ip link set fio0 up");
	guest_send(guest_packet_socket("fio0"), LEN, 7, 0);
	ck_assert_int_eq(guest_call_join(&call), RECORD);
	guest_check_record(record, LEN, 7, 0);
}
END_TEST

START_TEST(closing_deletes_the_port_wherever_it_is)
{
	int fd = guest_create("fio0", 0, 1);

	guest_sh("ip link set fio0 netns away");
	guest_sh("ip -n away link show fio0 >/dev/null");
	close(fd);
	guest_sh("! ip -n away link show fio0 2>/dev/null");
}
END_TEST

START_TEST(a_port_goes_with_its_namespace)
{
	unsigned char record[RECORD];
	struct guest_call call;
	int fd, other;

	enter(away);
	fd = guest_create_up("fio0", 0, 2, 0);
	other = guest_open("fio0", 1);
	enter(home);
	guest_call_start(&call, call_read, fd, record);
	guest_call_wait_asleep(&call, SYS_read);
	close(away);
	guest_sh("ip netns del away");
	ck_assert_int_eq(guest_call_join_error(&call), ENODEV);
	ck_assert_int_eq(guest_poll(other, POLLIN, -1) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_uint_eq(count_ports(guest_control()), 0);
	close(fd);
	close(other);
}
END_TEST

START_TEST(a_frame_in_a_queue_does_not_keep_its_namespace)
{
	int fd, packet;

	enter(away);
	fd = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 1, 0);
	packet = guest_packet_socket("fio0");
	guest_send(packet, LEN, 1, 0);
	close(packet);
	enter(home);
	close(away);
	guest_sh("ip netns del away");
	while (!(guest_poll(fd, 0, -1) & POLLHUP))
		;
	close(fd);
}
END_TEST

/* As an unprivileged user who is root in a user namespace of his own. */
static void become_root_of_a_user_namespace(int more)
{
	ck_assert_int_eq(setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY), 0);
	ck_assert_int_eq(error_of_create(guest_control()), EPERM);
	ck_assert_int_eq(unshare(CLONE_NEWUSER | more), 0);
	/* who changed his uid may not write to these files otherwise */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
	guest_write_file("deny", "/proc/self/setgroups");
	guest_write_file("0 65534 1", "/proc/self/uid_map");
	guest_write_file("0 65534 1", "/proc/self/gid_map");
}

START_TEST(a_user_namespace_gives_no_way_to_the_initial_namespace)
{
	int fd = guest_create("fio0", 0, 2);
	pid_t child = fork();

	if (!child) {
		become_root_of_a_user_namespace(0);
		ck_assert_int_eq(error_of_create(guest_control()), EPERM);
		ck_assert_int_eq(error_of_delete(guest_control()), EPERM);
		ck_assert_int_eq(error_of_open(guest_control()), EACCES);
		_exit(0);
	}
	ck_assert_int_eq(guest_wait(child), 0);
	ck_assert_uint_eq(guest_info(fd).fi_nopen, 1);
}
END_TEST

/* What root of a user namespace may, in a network namespace that belongs to it. */
static void use_own_namespace(void)
{
	struct frameio_create request = {
		.fc_name = "fio1",
		.fc_flags = FRAMEIO_PORT_OWNER,
		.fc_owner = 5,
	};
	int control = guest_control(), fd = guest_control(), i;
	unsigned char record[RECORD];

	/* a uid that it has no name for */
	ck_assert_errno(ioctl(control, FRAMEIO_CREATE, &request), EINVAL);
	request.fc_owner = 0;
	request.fc_nqueues = 2;
	ck_assert_int_eq(ioctl(control, FRAMEIO_CREATE, &request), 0);
	ck_assert_uint_eq(guest_info(control).fi_owner, 0);
	guest_sh("ip link set fio1 up");
	ck_assert_int_ge(guest_open("fio1", 1), 0);
	guest_record(record, LEN, 1, 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(write(control, record, RECORD), RECORD);
	ck_assert_int_eq(error_of_create(fd), 0);
	ck_assert_int_eq(error_of_delete(fd), 0);
}

START_TEST(a_user_makes_ports_in_a_namespace_of_his_own)
{
	pid_t child = fork();

	if (!child) {
		become_root_of_a_user_namespace(CLONE_NEWNET);
		use_own_namespace();
		_exit(0);
	}
	ck_assert_int_eq(guest_wait(child), 0);
	ck_assert_errno(access("/dev/frameio/fio1", F_OK), ENOENT);
}
END_TEST

START_TEST(the_privilege_counts_where_the_caller_is)
{
	int control;
	pid_t child;

	/* a file that root opened, and a namespace that is root's */
	control = guest_control();
	child = fork();
	if (!child) {
		become_root_of_a_user_namespace(0);
		ck_assert_int_eq(error_of_create(control), EPERM);
		_exit(0);
	}
	ck_assert_int_eq(guest_wait(child), 0);
	ck_assert_uint_eq(count_ports(control), 0);
}
END_TEST

static int delete_module(void)
{
	return syscall(SYS_delete_module, "frameio", O_NONBLOCK);
}

START_TEST(the_module_stays_while_a_file_is_open)
{
	int control = guest_control(), port = guest_create("fio0", 0, 1);

	ck_assert_errno(delete_module(), EWOULDBLOCK);
	close(port);
	ck_assert_errno(delete_module(), EWOULDBLOCK);
	ck_assert_int_eq(count_ports(control), 0);
}
END_TEST

START_TEST(the_module_takes_its_ports_along)
{
	int packet, fd;

	fd = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 4, 0);
	packet = guest_packet_socket("fio0");
	guest_send(packet, LEN, 1, 0);
	close(fd);
	guest_sh("ip -n away link add fio1 type frameio && ip -n away link set fio1 up");
	ck_assert_int_eq(delete_module(), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	guest_sh("! ip -n away link show fio1 2>/dev/null");
	ck_assert_errno(access("/dev/frameio/control", F_OK), ENOENT);
	ck_assert_errno(access("/dev/frameio/fio0", F_OK), ENOENT);
	ck_assert_int_ne(access("/sys/module/frameio", F_OK), 0);
	/* and comes back; $ko is the module of this run of the machine, see tests/vm/init */
	guest_sh(". /run/vm/call && insmod \"$ko\"");
	close(packet);
	fd = guest_create_up("fio0", 0, 1, 0);
	check_moves_frames(fd, "fio0");
}
END_TEST

static void add_net_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "net", 120, make_away, NULL);

	tcase_add_test(tcase, a_port_is_found_in_its_namespace_only);
	tcase_add_test(tcase, names_are_the_callers_whoever_opened_the_file);
	tcase_add_test(tcase, a_file_works_on_when_its_port_moves);
	tcase_add_test(tcase, a_reader_sleeps_on_while_its_port_moves);
	tcase_add_test(tcase, closing_deletes_the_port_wherever_it_is);
	tcase_add_test(tcase, a_port_goes_with_its_namespace);
	tcase_add_test(tcase, a_frame_in_a_queue_does_not_keep_its_namespace);
}

static void add_user_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "user", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, a_user_namespace_gives_no_way_to_the_initial_namespace);
	tcase_add_test(tcase, a_user_makes_ports_in_a_namespace_of_his_own);
	tcase_add_test(tcase, the_privilege_counts_where_the_caller_is);
}

static void add_module_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "module", 120, make_away, NULL);

	tcase_add_test(tcase, the_module_stays_while_a_file_is_open);
	tcase_add_test(tcase, the_module_takes_its_ports_along);
}

int main(void)
{
	Suite *suite = suite_create("netns");

	add_net_tests(suite);
	add_user_tests(suite);
	add_module_tests(suite);
	return guest_run(suite);
}
