/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The device nodes: /dev/frameio/control, and one for each port. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "call.h"

#define NOBODY	65534
#define OWNER	1000
#define GROUP	2000

#define NODE(name)	"/dev/frameio/" name

static bool is_there(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0)
		return true;
	ck_assert_int_eq(errno, ENOENT);
	return false;
}

static void check_node(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat status;

	ck_assert_msg(stat(path, &status) == 0, "%s: %s", path, strerror(errno));
	ck_assert(S_ISCHR(status.st_mode));
	ck_assert_msg((status.st_mode & 07777) == mode, "%s has mode %o", path,
		      status.st_mode & 07777);
	ck_assert_uint_eq(status.st_uid, uid);
	ck_assert_uint_eq(status.st_gid, gid);
}

/* A port of OWNER and GROUP, where @flags say so. */
static int create_owned(const char *name, uint32_t flags)
{
	struct frameio_create request = {
		.fc_flags = flags,
		.fc_owner = OWNER,
		.fc_group = GROUP,
	};
	int fd = guest_control();

	strcpy(request.fc_name, name);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
	return fd;
}

static uint32_t queue_of(int fd)
{
	struct frameio_info info;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_INFO, &info), 0);
	return info.fi_queue;
}

/* The errno of opening a node as another user. */
static int error_of_open_as(const char *path, uid_t uid, gid_t gid)
{
	pid_t child = fork();

	if (child)
		return guest_wait(child);
	if (setgroups(0, NULL) || setgid(gid) || setuid(uid))
		_exit(255);
	errno = 0;
	_exit(open(path, O_RDWR) < 0 ? errno : 0);
}

START_TEST(the_control_node_is_for_everybody)
{
	check_node(NODE("control"), 0666, 0, 0);
	ck_assert_int_eq(error_of_open_as(NODE("control"), NOBODY, NOBODY), 0);
}
END_TEST

START_TEST(the_node_of_a_port_is_its_owners)
{
	guest_create("fio0", 0, 1);
	check_node(NODE("fio0"), 0600, 0, 0);
	create_owned("fio1", FRAMEIO_PORT_OWNER);
	check_node(NODE("fio1"), 0600, OWNER, 0);
	create_owned("fio2", FRAMEIO_PORT_GROUP);
	check_node(NODE("fio2"), 0660, 0, GROUP);
	create_owned("fio3", FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP);
	check_node(NODE("fio3"), 0660, OWNER, GROUP);
}
END_TEST

START_TEST(the_node_is_opened_by_owner_and_group_only)
{
	close(create_owned("fio0", FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP |
			   FRAMEIO_PORT_PERSIST));
	ck_assert_int_eq(error_of_open_as(NODE("fio0"), NOBODY, NOBODY), EACCES);
	ck_assert_int_eq(error_of_open_as(NODE("fio0"), OWNER, NOBODY), 0);
	ck_assert_int_eq(error_of_open_as(NODE("fio0"), NOBODY, GROUP), 0);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(opening_the_node_binds_the_next_free_queue_pair)
{
	int zero, one;

	guest_sh("ip link add fio0 numtxqueues 2 numrxqueues 2 type frameio");
	zero = open(NODE("fio0"), O_RDWR);
	ck_assert_uint_eq(queue_of(zero), 0);
	one = open(NODE("fio0"), O_RDWR);
	ck_assert_uint_eq(queue_of(one), 1);
	ck_assert_errno(open(NODE("fio0"), O_RDWR), EBUSY);
	close(zero);
	zero = open(NODE("fio0"), O_RDWR);
	ck_assert_uint_eq(queue_of(zero), 0);
	ck_assert_errno(open(NODE("fio0"), O_RDWR), EBUSY);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(a_file_of_the_node_moves_frames)
{
	unsigned char record[HDRLEN + 60], received[128];
	int packet, fd;

	guest_create_up("fio0", 0, 2, 0);
	packet = guest_packet_socket("fio0");
	fd = open(NODE("fio0"), O_RDWR);
	guest_record(record, 60, 1, 0);
	ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), 60);
	ck_assert_mem_eq(received, record + HDRLEN, 60);
}
END_TEST

START_TEST(a_file_of_the_node_is_bound)
{
	struct frameio_open request = { .fo_name = "fio0", .fo_queue = FRAMEIO_QUEUE_ANY };
	struct frameio_create create = { .fc_name = "fio1" };
	int fd;

	guest_create("fio0", 0, 4);
	fd = open(NODE("fio0"), O_RDWR);
	ck_assert_errno(ioctl(fd, FRAMEIO_OPEN, &request), EBUSY);
	ck_assert_errno(ioctl(fd, FRAMEIO_CREATE, &create), EBUSY);
	/* and does not take the port along */
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(the_node_follows_a_rename)
{
	int fd;

	create_owned("fio0", FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP);
	guest_sh("ip link set fio0 name fio9");
	ck_assert(!is_there(NODE("fio0")));
	check_node(NODE("fio9"), 0660, OWNER, GROUP);
	ck_assert_errno(open(NODE("fio9"), O_RDWR), EBUSY);
	fd = guest_create("fio0", 0, 1);
	check_node(NODE("fio0"), 0600, 0, 0);
	close(fd);
	ck_assert(is_there(NODE("fio9")));
}
END_TEST

/* A port whose name is that of a node of frameio itself. */
static void check_reserved_name(const char *name)
{
	struct frameio_info info;
	struct stat before, after;
	int fd;

	ck_assert_int_eq(stat(NODE("control"), &before), 0);
	guest_create(name, 0, 2);
	ck_assert(!is_there(NODE("tun")));
	fd = guest_open(name, 1);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_INFO, &info), 0);
	ck_assert_str_eq(info.fi_name, name);
	ck_assert_int_eq(stat(NODE("control"), &after), 0);
	ck_assert_uint_eq(after.st_rdev, before.st_rdev);
	ck_assert_uint_eq(after.st_mode, before.st_mode);

	guest_sh("ip link set %s name fio0", name);
	ck_assert(is_there(NODE("fio0")));
	ck_assert(is_there(NODE("control")));
	guest_sh("ip link set fio0 name %s", name);
	ck_assert(!is_there(NODE("fio0")));
	ck_assert(!is_there(NODE("tun")));
	guest_sh("ip link del %s", name);
	close(guest_create("fio0", 0, 1));
	check_node(NODE("control"), 0666, 0, 0);
}

START_TEST(a_port_called_control_has_no_node)
{
	check_reserved_name("control");
}
END_TEST

START_TEST(a_port_called_tun_has_no_node)
{
	check_reserved_name("tun");
}
END_TEST

START_TEST(the_node_goes_with_the_port)
{
	int fd = guest_create("fio0", 0, 1);

	close(fd);
	ck_assert(!is_there(NODE("fio0")));
	fd = guest_create("fio0", 0, 1);
	guest_sh("ip link del fio0");
	ck_assert(!is_there(NODE("fio0")));
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(the_node_is_of_the_initial_namespace)
{
	guest_add_netns("away");
	create_owned("fio0", FRAMEIO_PORT_OWNER);
	guest_sh("ip link set fio0 netns away");
	ck_assert(!is_there(NODE("fio0")));
	guest_sh("ip -n away link set fio0 name fio5");
	ck_assert(!is_there(NODE("fio5")));
	guest_sh("ip -n away link set fio5 netns 1");
	check_node(NODE("fio5"), 0600, OWNER, 0);
	guest_sh("ip -n away link add fio6 type frameio");
	ck_assert(!is_there(NODE("fio6")));
	guest_sh("ip netns del away");
}
END_TEST

START_TEST(a_stale_node_leads_nowhere)
{
	struct stat status;
	int fd;

	fd = guest_create("fio0", 0, 2);
	ck_assert_int_eq(stat(NODE("fio0"), &status), 0);
	unlink("/dev/shm/stale");
	ck_assert_int_eq(mknod("/dev/shm/stale", S_IFCHR | 0600, status.st_rdev), 0);
	/* of the same device, so a way to the port as long as that is there */
	ck_assert_uint_eq(queue_of(open("/dev/shm/stale", O_RDWR)), 1);
	close(fd);
	ck_assert_errno(open("/dev/shm/stale", O_RDWR), ENODEV);
	unlink("/dev/shm/stale");
}
END_TEST

START_TEST(a_node_for_reading_only_does_not_write)
{
	unsigned char record[HDRLEN + 60];
	int fd;

	guest_not_over_rings("rings are of a file for reading and writing");
	guest_create_up("fio0", 0, 2, 0);
	guest_record(record, 60, 1, 0);
	fd = open(NODE("fio0"), O_RDONLY);
	ck_assert_errno(write(fd, record, sizeof(record)), EBADF);
	close(fd);
	fd = open(NODE("fio0"), O_WRONLY);
	ck_assert_errno(read(fd, record, sizeof(record)), EBADF);
	ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node");
	TCase *tcase = guest_tcase(suite, "node", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, the_control_node_is_for_everybody);
	tcase_add_test(tcase, the_node_of_a_port_is_its_owners);
	tcase_add_test(tcase, the_node_is_opened_by_owner_and_group_only);
	tcase_add_test(tcase, opening_the_node_binds_the_next_free_queue_pair);
	tcase_add_test(tcase, a_file_of_the_node_moves_frames);
	tcase_add_test(tcase, a_file_of_the_node_is_bound);
	tcase_add_test(tcase, the_node_follows_a_rename);
	tcase_add_test(tcase, a_port_called_control_has_no_node);
	tcase_add_test(tcase, a_port_called_tun_has_no_node);
	tcase_add_test(tcase, the_node_goes_with_the_port);
	tcase_add_test(tcase, the_node_is_of_the_initial_namespace);
	tcase_add_test(tcase, a_stale_node_leads_nowhere);
	tcase_add_test(tcase, a_node_for_reading_only_does_not_write);
	return guest_run(suite);
}
