/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The control calls: FRAMEIO_CREATE, OPEN, DELETE, LIST, INFO and the options. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"

#define NOBODY	65534
#define OWNER	1000
#define GROUP	2000

/* A request for a port of that name and nothing particular. */
static struct frameio_create create_request(const char *name)
{
	struct frameio_create request = { .fc_flags = 0 };

	memcpy(request.fc_name, name, strnlen(name, sizeof(request.fc_name)));
	return request;
}

static struct frameio_open open_request(const char *name, uint32_t queue)
{
	struct frameio_open request = { .fo_queue = queue };

	memcpy(request.fo_name, name, strnlen(name, sizeof(request.fo_name)));
	return request;
}

static struct frameio_delete delete_request(const char *name)
{
	struct frameio_delete request = { .fd_reserved = { 0 } };

	memcpy(request.fd_name, name, strnlen(name, sizeof(request.fd_name)));
	return request;
}

static struct frameio_info get_info(int fd)
{
	struct frameio_info info;

	memset(&info, 0xee, sizeof(info));
	ck_assert_int_eq(ioctl(fd, FRAMEIO_INFO, &info), 0);
	return info;
}

/* FRAMEIO_CREATE, which must be refused and leave nothing behind. */
static void refuse_create(const struct frameio_create *refused, int error)
{
	struct frameio_create request = *refused;
	uint32_t before = guest_count_ports();
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), -1);
	ck_assert_msg(errno == error, "name '%.16s': errno is %d, not %d", refused->fc_name,
		      errno, error);
	ck_assert_uint_eq(guest_count_ports(), before);
	/* and the file is still unbound */
	request = create_request("unbound");
	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
	close(fd);
}

static void make_persistent(const char *name, uint32_t nqueues)
{
	close(guest_create(name, FRAMEIO_PORT_PERSIST, nqueues));
}

static void delete_port(const char *name)
{
	struct frameio_delete request = delete_request(name);
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	close(fd);
}

/* The errno of @call when another user makes it. */
static int error_as(uid_t uid, gid_t gid, const gid_t *more, int (*call)(void))
{
	pid_t child = fork();

	if (child)
		return guest_wait(child);
	if (setgroups(more ? 1 : 0, more) || setgid(gid) || setuid(uid))
		_exit(255);
	errno = 0;
	_exit(call() < 0 ? errno : 0);
}

static int call_create(void)
{
	struct frameio_create request = create_request("fio7");

	return ioctl(guest_control(), FRAMEIO_CREATE, &request);
}

static int call_open(void)
{
	return guest_open("fio0", FRAMEIO_QUEUE_ANY);
}

static int call_delete(void)
{
	struct frameio_delete request = delete_request("fio0");

	return ioctl(guest_control(), FRAMEIO_DELETE, &request);
}

static int call_list(void)
{
	struct frameio_list request = { .fl_size = sizeof(struct frameio_info) };

	return ioctl(guest_control(), FRAMEIO_LIST, &request);
}

/* Memory that can be read and not written, with a request in it. */
static void *read_only(const void *request, size_t len)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	memcpy(page, request, len);
	ck_assert_int_eq(mprotect(page, 4096, PROT_READ), 0);
	return page;
}

START_TEST(create_makes_an_interface)
{
	struct frameio_create request = create_request("fio0");
	int fd = guest_control();
	struct frameio_info info;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
	ck_assert_str_eq(request.fc_name, "fio0");
	ck_assert_uint_eq(request.fc_ifindex, if_nametoindex("fio0"));
	info = get_info(fd);
	ck_assert_str_eq(info.fi_name, "fio0");
	ck_assert_uint_eq(info.fi_ifindex, request.fc_ifindex);
	ck_assert_uint_eq(info.fi_flags, 0);
	ck_assert_uint_eq(info.fi_nqueues, 1);
	ck_assert_uint_eq(info.fi_nopen, 1);
	ck_assert_uint_eq(info.fi_queue, 0);
	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(info.fi_frame_min, 14);
	ck_assert_uint_eq(info.fi_frame_max, 1514);
	ck_assert_uint_eq(info.fi_owner, ~0U);
	ck_assert_uint_eq(info.fi_group, ~0U);
	ck_assert_uint_eq(info.fi_nqueues_max, 1);
	ck_assert_uint_eq(info.fi_read_bytes, FRAMEIO_BYTES_DEFAULT);
	ck_assert_uint_eq(info.fi_write_bytes, FRAMEIO_BYTES_DEFAULT);
}
END_TEST

START_TEST(create_takes_every_field)
{
	struct frameio_create request = create_request("fio0");
	struct frameio_info info;
	int fd = guest_control();

	request.fc_flags = FRAMEIO_PORT_L3 | FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP;
	request.fc_nqueues = FRAMEIO_NQUEUES_MAX;
	request.fc_read_limit = FRAMEIO_LIMIT_MIN;
	request.fc_write_limit = FRAMEIO_LIMIT_MAX;
	request.fc_read_bytes = 1;
	request.fc_write_bytes = FRAMEIO_BYTES_MAX;
	request.fc_owner = OWNER;
	request.fc_group = GROUP;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
	info = get_info(fd);
	ck_assert_uint_eq(info.fi_flags, request.fc_flags);
	ck_assert_uint_eq(info.fi_nqueues, FRAMEIO_NQUEUES_MAX);
	ck_assert_uint_eq(info.fi_read_limit, FRAMEIO_LIMIT_MIN);
	ck_assert_uint_eq(info.fi_nqueues_max, FRAMEIO_NQUEUES_MAX);
	ck_assert_uint_eq(info.fi_write_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(info.fi_read_bytes, 1);
	ck_assert_uint_eq(info.fi_write_bytes, FRAMEIO_BYTES_MAX);
	ck_assert_uint_eq(info.fi_frame_min, 20);
	ck_assert_uint_eq(info.fi_frame_max, 1500);
	ck_assert_uint_eq(info.fi_owner, OWNER);
	ck_assert_uint_eq(info.fi_group, GROUP);
}
END_TEST

START_TEST(create_numbers_a_template)
{
	struct frameio_create first = create_request("fio%d"), second = first, third = first;
	int one = guest_control(), two = guest_control(), three = guest_control();

	ck_assert_int_eq(ioctl(one, FRAMEIO_CREATE, &first), 0);
	ck_assert_str_eq(first.fc_name, "fio0");
	ck_assert_int_eq(ioctl(two, FRAMEIO_CREATE, &second), 0);
	ck_assert_str_eq(second.fc_name, "fio1");
	ck_assert_uint_eq(second.fc_ifindex, if_nametoindex("fio1"));
	close(one);
	ck_assert_int_eq(ioctl(three, FRAMEIO_CREATE, &third), 0);
	ck_assert_str_eq(third.fc_name, "fio0");
}
END_TEST

START_TEST(create_takes_a_name_of_15_bytes)
{
	struct frameio_create request = create_request("abcdefghijklmno");

	ck_assert_int_eq(ioctl(guest_control(), FRAMEIO_CREATE, &request), 0);
	ck_assert_uint_ne(if_nametoindex("abcdefghijklmno"), 0);
}
END_TEST

START_TEST(create_refuses_a_name_that_is_none)
{
	static const char *const names[] = {
		"abcdefghijklmnop", "", ".", "..", "a/b", "/", "a b", "a:b", "a\nb",
		"%s%n", "%n", "fio%s", "fio%d%d", "fio%", "fio%5d", "%%",
	};
	struct frameio_create request;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		request = create_request(names[i]);
		refuse_create(&request, EINVAL);
	}
}
END_TEST

START_TEST(create_refuses_a_name_that_is_taken)
{
	struct frameio_create request = create_request("lo");

	refuse_create(&request, EEXIST);
	make_persistent("fio0", 1);
	request = create_request("fio0");
	refuse_create(&request, EEXIST);
	delete_port("fio0");
}
END_TEST

START_TEST(create_refuses_numbers_out_of_range)
{
	struct frameio_create request = create_request("fio0");

	request.fc_nqueues = FRAMEIO_NQUEUES_MAX + 1;
	refuse_create(&request, EINVAL);
	request.fc_nqueues = ~0U;
	refuse_create(&request, EINVAL);
	request = create_request("fio0");
	request.fc_read_limit = FRAMEIO_LIMIT_MAX + 1;
	refuse_create(&request, EINVAL);
	request = create_request("fio0");
	request.fc_write_limit = ~0U;
	refuse_create(&request, EINVAL);
}
END_TEST

START_TEST(create_refuses_what_it_does_not_know)
{
	struct frameio_create request;
	int i;

	for (i = 4; i < 32; i++) {
		if (1U << i == FRAMEIO_PORT_OFFLOAD)
			continue;
		request = create_request("fio0");
		request.fc_flags = 1U << i;
		refuse_create(&request, EINVAL);
	}
	for (i = 0; i < 3; i++) {
		request = create_request("fio0");
		request.fc_reserved[i] = 1;
		refuse_create(&request, EINVAL);
	}
}
END_TEST

START_TEST(create_refuses_an_owner_that_is_nobody)
{
	struct frameio_create request = create_request("fio0");

	request.fc_owner = request.fc_group = ~0U;
	request.fc_flags = FRAMEIO_PORT_OWNER;
	refuse_create(&request, EINVAL);
	request.fc_flags = FRAMEIO_PORT_GROUP;
	refuse_create(&request, EINVAL);
}
END_TEST

START_TEST(create_needs_the_privilege)
{
	ck_assert_int_eq(error_as(NOBODY, NOBODY, NULL, call_create), EPERM);
	ck_assert_uint_eq(guest_count_ports(), 0);
	ck_assert_int_eq(error_as(0, 0, NULL, call_create), 0);
}
END_TEST

START_TEST(create_refuses_bad_memory)
{
	struct frameio_create request = create_request("fio0");
	int fd = guest_control();

	ck_assert_errno(ioctl(fd, FRAMEIO_CREATE, NULL), EFAULT);
	ck_assert_errno(ioctl(fd, FRAMEIO_CREATE, read_only(&request, sizeof(request))), EFAULT);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_uint_eq(guest_count_ports(), 0);
	ck_assert_int_ne(access("/dev/frameio/fio0", F_OK), 0);
	/* not bound, and the name is free */
	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
}
END_TEST

START_TEST(a_bound_file_is_not_bound_again)
{
	struct frameio_create create = create_request("fio1");
	struct frameio_open open = open_request("fio0", FRAMEIO_QUEUE_ANY);
	int creator = guest_create("fio0", 0, 4), opener;

	ck_assert_errno(ioctl(creator, FRAMEIO_CREATE, &create), EBUSY);
	ck_assert_errno(ioctl(creator, FRAMEIO_OPEN, &open), EBUSY);
	opener = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	ck_assert_int_ge(opener, 0);
	ck_assert_errno(ioctl(opener, FRAMEIO_CREATE, &create), EBUSY);
	ck_assert_errno(ioctl(opener, FRAMEIO_OPEN, &open), EBUSY);
	ck_assert_uint_eq(get_info(creator).fi_nopen, 2);
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

START_TEST(a_port_goes_with_the_file_that_created_it)
{
	int creator = guest_create("fio0", 0, 2);
	int opener = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	char byte[64];

	ck_assert_int_ge(opener, 0);
	close(creator);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_errno(read(opener, byte, sizeof(byte)), ENODEV);
	ck_assert_errno(guest_open("fio0", FRAMEIO_QUEUE_ANY), ENODEV);
}
END_TEST

START_TEST(a_port_outlives_a_file_that_only_opened_it)
{
	int creator = guest_create("fio0", 0, 2);
	int opener = guest_open("fio0", FRAMEIO_QUEUE_ANY);

	ck_assert_uint_eq(get_info(opener).fi_queue, 1);
	ck_assert_uint_eq(get_info(creator).fi_nopen, 2);
	close(opener);
	ck_assert_uint_eq(get_info(creator).fi_nopen, 1);
}
END_TEST

START_TEST(a_persistent_port_stays_until_it_is_deleted)
{
	int fd;

	make_persistent("fio0", 1);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	fd = guest_open("fio0", 0);
	ck_assert_uint_eq(get_info(fd).fi_flags, FRAMEIO_PORT_PERSIST);
	close(fd);
	ck_assert_uint_ne(if_nametoindex("fio0"), 0);
	delete_port("fio0");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
}
END_TEST

START_TEST(open_gives_each_file_a_queue_pair_of_its_own)
{
	int fds[FRAMEIO_NQUEUES_MAX];
	struct frameio_open request;
	int i;

	make_persistent("fio0", FRAMEIO_NQUEUES_MAX);
	for (i = 0; i < FRAMEIO_NQUEUES_MAX; i++) {
		request = open_request("fio0", FRAMEIO_QUEUE_ANY);
		fds[i] = guest_control();
		ck_assert_int_eq(ioctl(fds[i], FRAMEIO_OPEN, &request), 0);
		ck_assert_uint_eq(request.fo_queue, i);
		ck_assert_uint_eq(get_info(fds[i]).fi_queue, i);
		ck_assert_uint_eq(get_info(fds[i]).fi_nopen, i + 1);
	}
	ck_assert_errno(guest_open("fio0", FRAMEIO_QUEUE_ANY), EBUSY);
	ck_assert_errno(guest_open("fio0", 17), EBUSY);
	close(fds[17]);
	fds[17] = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	ck_assert_int_ge(fds[17], 0);
	ck_assert_uint_eq(get_info(fds[17]).fi_queue, 17);
	ck_assert_errno(guest_open("fio0", FRAMEIO_QUEUE_ANY), EBUSY);
	delete_port("fio0");
}
END_TEST

START_TEST(open_takes_the_queue_pair_asked_for)
{
	int fd;

	guest_create("fio0", 0, 4);
	fd = guest_open("fio0", 3);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(get_info(fd).fi_queue, 3);
	ck_assert_errno(guest_open("fio0", 3), EBUSY);
	ck_assert_errno(guest_open("fio0", 0), EBUSY);
	close(fd);
	ck_assert_int_ge(guest_open("fio0", 3), 0);
}
END_TEST

START_TEST(open_refuses_a_queue_pair_there_is_not)
{
	guest_create("fio0", 0, 4);
	ck_assert_errno(guest_open("fio0", 4), EINVAL);
	ck_assert_errno(guest_open("fio0", FRAMEIO_NQUEUES_MAX), EINVAL);
	ck_assert_errno(guest_open("fio0", FRAMEIO_QUEUE_ANY - 1), EINVAL);
}
END_TEST

START_TEST(open_refuses_what_is_no_port)
{
	struct frameio_open request = open_request("abcdefghijklmnop", 0);

	ck_assert_errno(guest_open("fio0", 0), ENODEV);
	ck_assert_errno(guest_open("lo", 0), EOPNOTSUPP);
	ck_assert_errno(ioctl(guest_control(), FRAMEIO_OPEN, &request), EINVAL);
}
END_TEST

START_TEST(open_refuses_reserved_fields)
{
	struct frameio_open request;
	int fd = guest_control();
	int i;

	guest_create("fio0", 0, 2);
	for (i = 0; i < 3; i++) {
		request = open_request("fio0", 1);
		request.fo_reserved[i] = 1;
		ck_assert_errno(ioctl(fd, FRAMEIO_OPEN, &request), EINVAL);
	}
	request = open_request("fio0", 1);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_OPEN, &request), 0);
}
END_TEST

START_TEST(open_refuses_bad_memory)
{
	struct frameio_open request = open_request("fio0", 1);
	int creator = guest_create("fio0", 0, 2);
	int fd = guest_control();

	ck_assert_errno(ioctl(fd, FRAMEIO_OPEN, NULL), EFAULT);
	ck_assert_errno(ioctl(fd, FRAMEIO_OPEN, read_only(&request, sizeof(request))), EFAULT);
	ck_assert_uint_eq(get_info(creator).fi_nopen, 1);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_OPEN, &request), 0);
}
END_TEST

/* A persistent port fio0 of an owner and a group. */
static void make_owned(uint32_t flags)
{
	struct frameio_create request = create_request("fio0");
	int fd = guest_control();

	request.fc_flags = FRAMEIO_PORT_PERSIST | flags;
	request.fc_owner = OWNER;
	request.fc_group = GROUP;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_CREATE, &request), 0);
	close(fd);
}

START_TEST(open_is_for_the_owner_and_the_group)
{
	const gid_t group = GROUP;

	make_owned(FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP);
	ck_assert_int_eq(error_as(NOBODY, NOBODY, NULL, call_open), EACCES);
	ck_assert_int_eq(error_as(NOBODY, OWNER, NULL, call_open), EACCES);
	ck_assert_int_eq(error_as(OWNER, NOBODY, NULL, call_open), 0);
	ck_assert_int_eq(error_as(NOBODY, GROUP, NULL, call_open), 0);
	ck_assert_int_eq(error_as(NOBODY, NOBODY, &group, call_open), 0);
	ck_assert_int_eq(error_as(0, 0, NULL, call_open), 0);
	delete_port("fio0");
}
END_TEST

static int set_limits(uint32_t read_limit, uint32_t write_limit)
{
	struct frameio_limits limits = { .fq_read = read_limit, .fq_write = write_limit };

	return ioctl(guest_open("fio0", FRAMEIO_QUEUE_ANY), FRAMEIO_SET_LIMITS, &limits);
}

static int call_set_limits_as_given(void)
{
	return set_limits(FRAMEIO_LIMIT_DEFAULT, FRAMEIO_LIMIT_DEFAULT);
}

static int call_raise_read_limit(void)
{
	return set_limits(FRAMEIO_LIMIT_DEFAULT + 1, 0);
}

static int call_raise_write_limit(void)
{
	return set_limits(0, FRAMEIO_LIMIT_DEFAULT + 1);
}

START_TEST(an_owner_keeps_to_the_limits_that_the_port_was_given)
{
	make_owned(FRAMEIO_PORT_OWNER);
	ck_assert_int_eq(error_as(OWNER, OWNER, NULL, call_set_limits_as_given), 0);
	ck_assert_int_eq(error_as(OWNER, OWNER, NULL, call_raise_read_limit), EPERM);
	ck_assert_int_eq(error_as(OWNER, OWNER, NULL, call_raise_write_limit), EPERM);
	ck_assert_int_eq(error_as(0, 0, NULL, call_raise_read_limit), 0);
	delete_port("fio0");
}
END_TEST

START_TEST(an_owner_or_group_without_its_flag_is_none)
{
	make_owned(0);
	ck_assert_int_eq(error_as(OWNER, GROUP, NULL, call_open), EACCES);
	delete_port("fio0");
	make_owned(FRAMEIO_PORT_OWNER);
	ck_assert_int_eq(error_as(NOBODY, GROUP, NULL, call_open), EACCES);
	delete_port("fio0");
	make_owned(FRAMEIO_PORT_GROUP);
	ck_assert_int_eq(error_as(OWNER, NOBODY, NULL, call_open), EACCES);
	delete_port("fio0");
}
END_TEST

START_TEST(delete_takes_the_port_from_its_users)
{
	struct frameio_delete request = delete_request("fio0");
	int fd = guest_create("fio0", 0, 1);
	unsigned char record[HDRLEN + 60];
	struct frameio_info info;

	/* on any file: on the port's own, too */
	ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	ck_assert_errno(read(fd, record, sizeof(record)), ENODEV);
	guest_record(record, 60, 1, 0);
	ck_assert_errno(write(fd, record, sizeof(record)), ENODEV);
	ck_assert_errno(ioctl(fd, FRAMEIO_INFO, &info), ENODEV);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, &request), ENODEV);
}
END_TEST

START_TEST(delete_refuses_what_is_no_port)
{
	struct frameio_delete request = delete_request("fio0");
	int fd = guest_control();
	int i;

	ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, &request), ENODEV);
	request = delete_request("lo");
	ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, &request), EOPNOTSUPP);
	request = delete_request("abcdefghijklmnop");
	ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, &request), EINVAL);
	ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, NULL), EFAULT);
	guest_create("fio0", 0, 1);
	for (i = 0; i < 4; i++) {
		request = delete_request("fio0");
		request.fd_reserved[i] = 1;
		ck_assert_errno(ioctl(fd, FRAMEIO_DELETE, &request), EINVAL);
	}
	ck_assert_uint_eq(guest_count_ports(), 1);
}
END_TEST

START_TEST(delete_needs_the_privilege)
{
	make_owned(FRAMEIO_PORT_OWNER);
	ck_assert_int_eq(error_as(OWNER, OWNER, NULL, call_delete), EPERM);
	ck_assert_uint_eq(guest_count_ports(), 1);
	delete_port("fio0");
}
END_TEST

START_TEST(list_counts_and_fills)
{
	struct frameio_info ports[4];
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)ports,
	};
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	ck_assert_uint_eq(list.fl_count, 0);
	guest_create("fio0", 0, 1);
	guest_create("fio1", 0, 1);
	guest_create("fio2", 0, 1);
	list.fl_ports = 0;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	ck_assert_uint_eq(list.fl_count, 3);

	/* too small, exact, and more than enough */
	for (list.fl_count = 2; list.fl_count <= 4; ) {
		uint32_t room = list.fl_count, stored = room < 3 ? room : 3, i;

		memset(ports, 0xee, sizeof(ports));
		list.fl_ports = (uintptr_t)ports;
		ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
		ck_assert_uint_eq(list.fl_count, 3);
		for (i = 0; i < stored; i++)
			ck_assert_uint_eq(ports[i].fi_ifindex, if_nametoindex(ports[i].fi_name));
		ck_assert_uint_ne(ports[0].fi_ifindex, ports[1].fi_ifindex);
		ck_assert_uint_eq(ports[stored].fi_ifindex, 0xeeeeeeee);
		list.fl_count = room + 1;
	}
}
END_TEST

START_TEST(list_tells_what_a_port_is)
{
	struct frameio_info port;
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)&port,
		.fl_count = 1,
	};

	make_owned(FRAMEIO_PORT_OWNER | FRAMEIO_PORT_L3);
	ck_assert_int_eq(ioctl(guest_control(), FRAMEIO_LIST, &list), 0);
	ck_assert_uint_eq(list.fl_count, 1);
	ck_assert_str_eq(port.fi_name, "fio0");
	ck_assert_uint_eq(port.fi_flags,
			  FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OWNER | FRAMEIO_PORT_L3);
	ck_assert_uint_eq(port.fi_nqueues, 1);
	ck_assert_uint_eq(port.fi_nopen, 0);
	ck_assert_uint_eq(port.fi_queue, FRAMEIO_QUEUE_ANY);
	ck_assert_uint_eq(port.fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(port.fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(port.fi_frame_min, 20);
	ck_assert_uint_eq(port.fi_frame_max, 1500);
	ck_assert_uint_eq(port.fi_owner, OWNER);
	ck_assert_uint_eq(port.fi_group, ~0U);
	ck_assert_int_eq(error_as(NOBODY, NOBODY, NULL, call_list), 0);
	delete_port("fio0");
}
END_TEST

START_TEST(list_refuses_what_it_does_not_know)
{
	struct frameio_list list = { .fl_size = 0 };
	int fd = guest_create("fio0", 0, 1);

	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, &list), EINVAL);
	list.fl_size = FRAMEIO_INFO_SIZE_MIN - 1;
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, &list), EINVAL);
	list.fl_size = ~0U;
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, &list), EINVAL);
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, NULL), EFAULT);
	list = (struct frameio_list) {
		.fl_size = sizeof(struct frameio_info),
		.fl_count = 1,
		.fl_ports = 8,
	};
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, &list), EFAULT);
	list.fl_count = 0;
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, read_only(&list, sizeof(list))), EFAULT);
	/* however many are asked for */
	list.fl_count = ~0U;
	ck_assert_errno(ioctl(fd, FRAMEIO_LIST, &list), EFAULT);
}
END_TEST

START_TEST(info_follows_the_interface)
{
	int fd = guest_create("fio0", 0, 1);

	guest_sh("ip link set fio0 mtu 9000 && ip link set fio0 name fio9");
	ck_assert_uint_eq(get_info(fd).fi_frame_max, 9014);
	ck_assert_str_eq(get_info(fd).fi_name, "fio9");
	guest_sh("ip link del fio9");
	ck_assert_errno(ioctl(fd, FRAMEIO_INFO, &(struct frameio_info) { 0 }), ENODEV);
}
END_TEST

/* A command of an older or newer program, whose struct has another size. */
static unsigned int resize(unsigned int command, size_t size)
{
	return _IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command), size);
}

static void check_sizes(int fd, unsigned int command, size_t size, size_t stable)
{
	unsigned char whole[1024], other[1024];
	size_t i;

	ck_assert_int_eq(ioctl(fd, command, whole), 0);
	memset(other, 0xee, sizeof(other));
	ck_assert_int_eq(ioctl(fd, resize(command, stable), other), 0);
	ck_assert_mem_eq(other, whole, stable);
	for (i = stable; i < sizeof(other); i++)
		ck_assert_uint_eq(other[i], 0xee);
	memset(other, 0xee, sizeof(other));
	ck_assert_int_eq(ioctl(fd, resize(command, size + 40), other), 0);
	ck_assert_mem_eq(other, whole, size);
	for (i = size; i < size + 40; i++)
		ck_assert_uint_eq(other[i], 0);
	ck_assert_uint_eq(other[size + 40], 0xee);
	ck_assert_errno(ioctl(fd, command, 8), EFAULT);
	ck_assert_errno(ioctl(fd, resize(command, size + 40), 8), EFAULT);
}

START_TEST(info_and_stats_fit_older_and_newer_programs)
{
	int fd = guest_create("fio0", 0, 1);

	check_sizes(fd, FRAMEIO_INFO, sizeof(struct frameio_info), 24);
	check_sizes(fd, FRAMEIO_STATS, sizeof(struct frameio_stats), 16);
}
END_TEST

#if defined(__x86_64__) || defined(__aarch64__)
/*
 * A program from before the structures grew, with the numbers and offsets of its time and
 * nothing of today's header: see VERSIONS of frameio(4).
 */
START_TEST(a_program_of_the_first_version_goes_on)
{
	uint32_t create[16] = { 0 }, info[18], limits[2] = { 7, 9 }, newer[6] = { 8, 9 };
	struct { uint64_t ports; uint32_t count, size; } list = { (uintptr_t)info, 1, 64 };
	unsigned char record[100] = { 1, 40, 0, 0, 60 }, room[2048];
	int fd = guest_control(), packet;

	memcpy(create, "fio0", 5);
	ck_assert_int_eq(ioctl(fd, 0xc040fb10, create), 0);
	ck_assert_int_eq(ioctl(fd, 0x4008fb15, limits), 0);
	memset(info, 0xee, sizeof(info));
	ck_assert_int_eq(ioctl(fd, 0x8040fb14, info), 0);
	ck_assert_str_eq((char *)info, "fio0");
	ck_assert_uint_eq(info[9], 7);
	ck_assert_uint_eq(info[10], 9);
	ck_assert_uint_eq(info[16], 0xeeeeeeee);
	memset(info, 0xee, sizeof(info));
	ck_assert_int_eq(ioctl(fd, 0xc010fb13, &list), 0);
	ck_assert_str_eq((char *)info, "fio0");
	ck_assert_uint_eq(info[16], 0xeeeeeeee);

	/* a newer one, as long as it asks for nothing that is not known here */
	ck_assert_int_eq(ioctl(fd, 0x4018fb15, newer), 0);
	newer[5] = 1;
	ck_assert_errno(ioctl(fd, 0x4018fb15, newer), EINVAL);

	guest_set_up("fio0", 1500);
	packet = guest_packet_socket("fio0");
	guest_fill(record + 40, 60, 1, 0);
	ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
	guest_receive(packet, 60, 1, 0);
	guest_send(packet, 60, 2, 0);
	do
		ck_assert_int_gt(read(fd, room, sizeof(room)), 40);
	while (memcmp(room + room[1], record + 40, 6) || room[room[1] + 12] != 0x88);
	ck_assert_uint_eq(room[0], 1);
	ck_assert_uint_eq(room[4], 60);
	close(packet);
}
END_TEST
#else
START_TEST(a_program_of_the_first_version_goes_on)
{
}
END_TEST
#endif

START_TEST(an_unbound_file_moves_and_tells_nothing)
{
	int fd = guest_control();
	union guest_frameio fio;
	unsigned char bytes[1024] = { 0 };
	struct frameio_limits limits = { .fq_read = 1, .fq_write = 1 };
	uint32_t options = 0;

	guest_frameio_init(&fio, 1, 1);
	ck_assert_errno(read(fd, bytes, sizeof(bytes)), ENOTCONN);
	ck_assert_errno(write(fd, bytes, sizeof(bytes)), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_READ, &fio), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_WRITE, &fio), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_INFO, bytes), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_STATS, bytes), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), ENOTCONN);
	ck_assert_errno(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), ENOTCONN);
}
END_TEST

START_TEST(an_unknown_command_is_refused)
{
	int unbound = guest_control(), bound = guest_create("fio0", 0, 1);
	unsigned char bytes[1024];

	ck_assert_errno(ioctl(bound, _IO(FRAMEIO_IOC, 0xff), bytes), ENOTTY);
	ck_assert_errno(ioctl(bound, _IOW(FRAMEIO_IOC, 0x10, char), bytes), ENOTTY);
	ck_assert_errno(ioctl(bound, FIONREAD, bytes), ENOTTY);
	ck_assert_errno(ioctl(unbound, FIONREAD, bytes), ENOTTY);
	ck_assert_errno(ioctl(unbound, _IO(FRAMEIO_IOC, 0xff), bytes), ENOTTY);
}
END_TEST

START_TEST(options_belong_to_the_file)
{
	int fd = guest_create("fio0", 0, 2), other = guest_open("fio0", 1);
	uint32_t options = FRAMEIO_O_TRUNC;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
	options = 7;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, FRAMEIO_O_TRUNC);
	ck_assert_int_eq(ioctl(other, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, 0);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
	options = 7;
	ck_assert_int_eq(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, 0);
}
END_TEST

START_TEST(options_that_are_not_known_are_refused)
{
	int fd = guest_create("fio0", 0, 1);
	uint32_t options;
	int i;

	for (i = 1; i < 32; i++) {
		if (1U << i == FRAMEIO_O_PACKED)
			continue;
		options = FRAMEIO_O_TRUNC | 1U << i;
		ck_assert_errno(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), EINVAL);
	}
	ck_assert_int_eq(ioctl(fd, FRAMEIO_GET_OPTIONS, &options), 0);
	ck_assert_uint_eq(options, 0);
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_OPTIONS, NULL), EFAULT);
	ck_assert_errno(ioctl(fd, FRAMEIO_GET_OPTIONS, NULL), EFAULT);
}
END_TEST

START_TEST(limits_go_with_the_file_that_set_them)
{
	int fd;

	fd = guest_create("fio0", FRAMEIO_PORT_PERSIST, 1);
	guest_set_limits(fd, 5, FRAMEIO_LIMIT_MAX);
	close(fd);
	fd = guest_open("fio0", 0);
	ck_assert_uint_eq(get_info(fd).fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	ck_assert_uint_eq(get_info(fd).fi_write_limit, FRAMEIO_LIMIT_DEFAULT);
	delete_port("fio0");
}
END_TEST

START_TEST(limits_of_a_port_that_is_gone)
{
	struct frameio_limits limits = { .fq_read = FRAMEIO_LIMIT_DEFAULT };
	int fd = guest_create("fio0", 0, 1);

	delete_port("fio0");
	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	limits.fq_read++;
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), ENODEV);
}
END_TEST

START_TEST(limits_are_set_for_the_file)
{
	int fd = guest_create("fio0", 0, 2), other = guest_open("fio0", 1);
	struct frameio_limits limits = {
		.fq_read = FRAMEIO_LIMIT_MAX,
		.fq_write = FRAMEIO_LIMIT_MIN,
	};

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
	ck_assert_uint_eq(get_info(fd).fi_read_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(get_info(fd).fi_write_limit, FRAMEIO_LIMIT_MIN);
	ck_assert_uint_eq(get_info(other).fi_read_limit, FRAMEIO_LIMIT_DEFAULT);
	guest_set_limits(fd, 0, 5);
	ck_assert_uint_eq(get_info(fd).fi_read_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(get_info(fd).fi_write_limit, 5);
	limits = (struct frameio_limits) { .fq_read = 6, .fq_write = FRAMEIO_LIMIT_MAX + 1 };
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), EINVAL);
	limits = (struct frameio_limits) { .fq_read = ~0U, .fq_write = 6 };
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), EINVAL);
	ck_assert_errno(ioctl(fd, FRAMEIO_SET_LIMITS, NULL), EFAULT);
	ck_assert_uint_eq(get_info(fd).fi_read_limit, FRAMEIO_LIMIT_MAX);
	ck_assert_uint_eq(get_info(fd).fi_write_limit, 5);
}
END_TEST

static void add_create_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "create", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, create_makes_an_interface);
	tcase_add_test(tcase, create_takes_every_field);
	tcase_add_test(tcase, create_numbers_a_template);
	tcase_add_test(tcase, create_takes_a_name_of_15_bytes);
	tcase_add_test(tcase, create_refuses_a_name_that_is_none);
	tcase_add_test(tcase, create_refuses_a_name_that_is_taken);
	tcase_add_test(tcase, create_refuses_numbers_out_of_range);
	tcase_add_test(tcase, create_refuses_what_it_does_not_know);
	tcase_add_test(tcase, create_refuses_an_owner_that_is_nobody);
	tcase_add_test(tcase, create_needs_the_privilege);
	tcase_add_test(tcase, create_refuses_bad_memory);
	tcase_add_test(tcase, a_bound_file_is_not_bound_again);
	tcase_add_test(tcase, a_port_goes_with_the_file_that_created_it);
	tcase_add_test(tcase, a_port_outlives_a_file_that_only_opened_it);
	tcase_add_test(tcase, a_persistent_port_stays_until_it_is_deleted);
}

static void add_open_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "open", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, open_gives_each_file_a_queue_pair_of_its_own);
	tcase_add_test(tcase, open_takes_the_queue_pair_asked_for);
	tcase_add_test(tcase, open_refuses_a_queue_pair_there_is_not);
	tcase_add_test(tcase, open_refuses_what_is_no_port);
	tcase_add_test(tcase, open_refuses_reserved_fields);
	tcase_add_test(tcase, open_refuses_bad_memory);
	tcase_add_test(tcase, open_is_for_the_owner_and_the_group);
	tcase_add_test(tcase, an_owner_keeps_to_the_limits_that_the_port_was_given);
	tcase_add_test(tcase, an_owner_or_group_without_its_flag_is_none);
	tcase_add_test(tcase, delete_takes_the_port_from_its_users);
	tcase_add_test(tcase, delete_refuses_what_is_no_port);
	tcase_add_test(tcase, delete_needs_the_privilege);
}

static void add_info_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "info", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, list_counts_and_fills);
	tcase_add_test(tcase, list_tells_what_a_port_is);
	tcase_add_test(tcase, list_refuses_what_it_does_not_know);
	tcase_add_test(tcase, info_follows_the_interface);
	tcase_add_test(tcase, info_and_stats_fit_older_and_newer_programs);
	tcase_add_test(tcase, a_program_of_the_first_version_goes_on);
	tcase_add_test(tcase, an_unbound_file_moves_and_tells_nothing);
	tcase_add_test(tcase, an_unknown_command_is_refused);
	tcase_add_test(tcase, options_belong_to_the_file);
	tcase_add_test(tcase, options_that_are_not_known_are_refused);
	tcase_add_test(tcase, limits_are_set_for_the_file);
	tcase_add_test(tcase, limits_go_with_the_file_that_set_them);
	tcase_add_test(tcase, limits_of_a_port_that_is_gone);
}

int main(void)
{
	Suite *suite = suite_create("control");

	add_create_tests(suite);
	add_open_tests(suite);
	add_info_tests(suite);
	return guest_run(suite);
}
