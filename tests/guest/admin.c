/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What an administrator does with a port, by the tools for every interface: ip,
 * ethtool, sysfs and the tracepoints. What is set by one is read back by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

/* A line of what "ethtool OPTION fio0" prints, in its second part: the current settings. */
static void check_ethtool(const char *option, const char *line)
{
	guest_sh("ethtool %s fio0 | sed -n '/^Current/,$p' | grep -qx '%s' || { ethtool %s fio0; false; }",
		 option, line, option);
}

/* Is the first line of a file of the interface in sysfs this text? */
static void check_sysfs(const char *name, const char *text)
{
	guest_sh("test \"$(head -n1 /sys/class/net/fio0/%s)\" = '%s'", name, text);
}

static unsigned int read_all(int fd)
{
	unsigned char record[2048];
	unsigned int n = 0;

	guest_set_nonblock(fd, true);
	while (read(fd, record, sizeof(record)) > 0)
		n++;
	ck_assert_int_eq(errno, EAGAIN);
	guest_set_nonblock(fd, false);
	return n;
}

START_TEST(the_carrier_follows_the_administrator_and_the_readers)
{
	int fd;

	guest_sh("ip link add fio0 type frameio && ip link set fio0 up");
	check_sysfs("carrier", "0");
	/* without a reader there is none, whatever is wanted */
	guest_sh("ip link set fio0 carrier on");
	check_sysfs("carrier", "0");
	guest_sh("ip link set fio0 carrier off");
	fd = guest_open("fio0", FRAMEIO_QUEUE_ANY);
	check_sysfs("carrier", "0");
	guest_sh("ip link set fio0 carrier on");
	check_sysfs("carrier", "1");
	guest_sh("ip link set fio0 carrier off");
	check_sysfs("carrier", "0");
	guest_sh("ethtool fio0 | grep -q 'Link detected: no'");
	guest_sh("ip link set fio0 carrier on");
	close(fd);
	check_sysfs("carrier", "0");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(names_other_names_and_aliases)
{
	int fd = guest_create("fio0", 0, 1);

	guest_sh("ip link set fio0 alias 'the wire to the lab'");
	guest_sh("ip link show fio0 | grep -q 'alias the wire to the lab'");
	guest_sh("ip link property add dev fio0 altname laboratory");
	guest_sh("ip link show laboratory | grep -q 'fio0:'");
	guest_sh("ip link set fio0 name fiolab");
	guest_sh("test -c /dev/frameio/fiolab && test ! -e /dev/frameio/fio0");
	ck_assert_str_eq(guest_info(fd).fi_name, "fiolab");
	close(fd);
}
END_TEST

START_TEST(ethtool_sets_the_queue_sizes)
{
	int fd = guest_create("fio0", 0, 2), other = guest_open("fio0", 1);

	guest_sh("ethtool -g fio0 | sed '/^Current/q' | grep -qx 'TX:.*65536'");
	check_ethtool("-g", "RX:.*1024");
	check_ethtool("-g", "TX:.*1024");
	guest_sh("ethtool -G fio0 rx 7 tx 65536");
	check_ethtool("-g", "RX:.*7");
	check_ethtool("-g", "TX:.*65536");
	ck_assert_uint_eq(guest_info(fd).fi_write_limit, 7);
	ck_assert_uint_eq(guest_info(other).fi_read_limit, 65536);
	guest_sh("ethtool -G fio0 tx 1");
	check_ethtool("-g", "RX:.*7");
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, 1);
	guest_refuse_sh("ethtool -G fio0 tx 0 2>/dev/null");
	guest_refuse_sh("ethtool -G fio0 rx 65537 2>/dev/null");
	guest_refuse_sh("ethtool -G fio0 rx-mini 1 2>/dev/null");
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, 1);
}
END_TEST

/* The queue holds 20 frames and the qdisc the others, while its size goes down and up. */
START_TEST(ethtool_resizes_without_losing_a_frame)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct frameio_stats stats;
	unsigned char record[256];
	unsigned int i;

	guest_sh("tc qdisc replace dev fio0 root pfifo limit 1000");
	guest_set_limits(fd, 20, 0);
	for (i = 0; i < 40; i++)
		guest_send(packet, 60, i, 0);
	guest_sh("ethtool -G fio0 tx 1");
	for (; i < 80; i++)
		guest_send(packet, 60, i, 0);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 60);
		guest_check_record(record, 60, i, 0);
	}
	guest_sh("ethtool -G fio0 tx 64");
	for (; i < 80; i++) {
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 60);
		guest_check_record(record, 60, i, 0);
	}
	ck_assert_uint_eq(read_all(fd), 0);
	guest_stats(fd, &stats);
	ck_assert_uint_eq(stats.fs_read_queued, 80);
	ck_assert_uint_eq(stats.fs_read_drop_closed, 0);
	guest_sh("tc -s qdisc show dev fio0 | grep -q 'dropped 0,'");
}
END_TEST

START_TEST(ethtool_sets_the_number_of_queue_pairs)
{
	int two;

	guest_sh("ip link add fio0 numtxqueues 4 type frameio");
	guest_sh("ethtool -l fio0 | sed '/^Current/q' | grep -qx 'Combined:.*4'");
	check_ethtool("-l", "Combined:.*4");
	two = guest_open("fio0", 2);
	guest_refuse_sh("ethtool -L fio0 combined 2 2>/dev/null");
	check_ethtool("-l", "Combined:.*4");
	guest_sh("ethtool -L fio0 combined 3");
	check_ethtool("-l", "Combined:.*3");
	guest_sh("test ! -e /sys/class/net/fio0/queues/tx-3");
	ck_assert_uint_eq(guest_info(two).fi_nqueues, 3);
	ck_assert_errno(guest_open("fio0", 3), EINVAL);
	guest_sh("ethtool -L fio0 combined 4");
	close(guest_open("fio0", 3));
	guest_refuse_sh("ethtool -L fio0 combined 5 2>/dev/null");
	guest_refuse_sh("ethtool -L fio0 combined 0 2>/dev/null");
	guest_refuse_sh("ethtool -L fio0 rx 1 2>/dev/null");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(ethtool_sets_what_others_take_the_wire_for)
{
	guest_sh("ip link add fio0 type frameio && ip link set fio0 up");
	guest_sh("ethtool fio0 | grep -q 'Speed: 10000Mb/s'");
	guest_sh("ethtool fio0 | grep -q 'Duplex: Full'");
	guest_sh("ethtool -s fio0 speed 100 duplex half autoneg off");
	guest_sh("ethtool fio0 | grep -q 'Speed: 100Mb/s'");
	guest_sh("ethtool fio0 | grep -q 'Duplex: Half'");
	guest_refuse_sh("ethtool -s fio0 autoneg on 2>/dev/null");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(ethtool_refuses_to_coalesce)
{
	guest_sh("ip link add fio0 type frameio");
	guest_refuse_sh("ethtool -c fio0 2>/dev/null");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(ethtool_turns_offloads_off_and_on)
{
	guest_sh("ip link add fio0 type frameio");
	guest_sh("ethtool -k fio0 | grep -qx 'scatter-gather: on'");
	guest_sh("ethtool -K fio0 sg off");
	guest_sh("ethtool -k fio0 | grep -qx 'scatter-gather: off'");
	guest_sh("ethtool -K fio0 sg on");
	guest_sh("ethtool -k fio0 | grep -qx 'scatter-gather: on'");
	guest_sh("ip link del fio0");
}
END_TEST

/* How queue pair 1 of 2 was used, and what tells of it. */
static void check_mode(int fd, const char *mode)
{
	char modes[64];

	snprintf(modes, sizeof(modes), "none %s", mode);
	check_sysfs("frameio/mode", modes);
	guest_sh("grep -qx 'frameio-mode:\t%s' /proc/%d/fdinfo/%d", mode, getpid(), fd);
}

START_TEST(the_mode_is_seen)
{
	int zero = guest_create_up("fio0", 0, 2, 0), one = guest_open("fio0", 1);
	unsigned char record[256];
	union guest_frameio fio;

	check_mode(one, "none");
	ck_assert_int_eq(write(one, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	check_mode(one, "readwrite");
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)record;
	fio.fio.fio_vecs[0].fv_buflen = HDRLEN + 60;
	ck_assert_int_eq(ioctl(one, FRAMEIO_WRITE, &fio), 0);
	check_mode(one, "frameio");
	guest_sh("grep -qx 'frameio-queue:\t1' /proc/%d/fdinfo/%d", getpid(), one);
	guest_sh("grep -qx \"frameio-ifindex:\t$(cat /sys/class/net/fio0/ifindex)\" /proc/%d/fdinfo/%d",
		 getpid(), one);
	guest_sh("grep -qx \"frameio-netns:\t$(stat -L -c %%i /proc/self/ns/net)\" /proc/%d/fdinfo/%d",
		 getpid(), one);
	close(one);
	check_sysfs("frameio/mode", "none none");
	close(zero);
}
END_TEST

#define TRACING	"/sys/kernel/tracing"

START_TEST(the_tracepoints_tell_of_frames)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	unsigned char record[256];
	unsigned int i;

	guest_sh("echo > " TRACING "/trace && echo 1 > " TRACING "/events/frameio/enable");
	guest_set_limits(fd, 2, 0);
	for (i = 0; i < 3; i++)
		guest_send(packet, 60, i, 0);
	ck_assert_uint_eq(read_all(fd), 3);
	ck_assert_int_eq(write(fd, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	guest_receive(packet, 60, 1, 0);
	guest_send(packet, 60, 0, 0);
	close(fd);
	guest_sh("echo 0 > " TRACING "/events/frameio/enable");
	guest_sh("grep -q 'frameio_enqueue: dev=fio0 pair=0 queue=read frames=1 held=1 limit=2' "
		 TRACING "/trace");
	guest_sh("grep -q 'frameio_stop: dev=fio0 pair=0 queue=read held=2 limit=2' " TRACING "/trace");
	guest_sh("grep -q 'frameio_wake: dev=fio0 pair=0 queue=read held=[01] limit=2' " TRACING "/trace");
	guest_sh("grep -q 'frameio_dequeue: dev=fio0 pair=0 queue=read frames=1' " TRACING "/trace");
	guest_sh("grep -q 'frameio_enqueue: dev=fio0 pair=0 queue=write frames=1' " TRACING "/trace");
	guest_sh("grep -q 'frameio_dequeue: dev=fio0 pair=0 queue=write frames=1' " TRACING "/trace");
	guest_sh("grep -q 'frameio_drop: dev=[^ ]* pair=0 queue=read frames=1 reason=closed' "
		 TRACING "/trace");
}
END_TEST

#define CGROUP	"/sys/fs/cgroup/frameio"

/* Bytes of sockets that the cgroup is charged for. */
static unsigned long charged(void)
{
	FILE *file = fopen(CGROUP "/memory.stat", "r");
	unsigned long bytes = ~0UL;
	char line[128];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "sock %lu", &bytes) == 1)
			break;
	fclose(file);
	ck_assert_uint_ne(bytes, ~0UL);
	return bytes;
}

/*
 * Before 5.16 each of the two CPUs may keep 32 pages to itself. Later kernels sum these
 * counters up every two seconds.
 */
#define SLACK	(2 * 32 * 4096UL)

static void wait_charged(unsigned long least, unsigned long most)
{
	unsigned int tries;

	for (tries = 0; tries < 300; tries++) {
		if (charged() >= least && charged() <= most)
			return;
		usleep(100 * 1000);
	}
	ck_abort_msg("%lu bytes are charged, not %lu to %lu", charged(), least, most);
}

START_TEST(frames_that_wait_are_charged_to_who_opened_the_port)
{
	unsigned int i;
	int packet, fd;

	guest_sh("ip link add fio0 type frameio");
	guest_sh("echo +memory >/sys/fs/cgroup/cgroup.subtree_control && mkdir " CGROUP);
	guest_sh("echo %d >" CGROUP "/cgroup.procs", getpid());
	fd = guest_open("fio0", 0);
	guest_set_limits(fd, 2000, 0);
	guest_sh("echo %d >/sys/fs/cgroup/cgroup.procs", getpid());
	guest_write_file("1", "/proc/sys/net/ipv6/conf/fio0/disable_ipv6");
	guest_set_up("fio0", 1500);
	packet = guest_packet_socket("fio0");
	wait_charged(0, 0);
	for (i = 0; i < 1000; i++)
		guest_send(packet, 1400, i, 0);
	/* a frame of 1400 bytes takes 2048 and its sk_buff */
	wait_charged(1000 * 2048 - SLACK, 1000 * 4096);
	/* beyond its limit, too */
	guest_sh("echo 1M >" CGROUP "/memory.max");
	for (i = 0; i < 500; i++)
		guest_send(packet, 1400, i, 0);
	wait_charged(1500 * 2048 - SLACK, 1500 * 4096);
	guest_sh("echo max >" CGROUP "/memory.max");
	ck_assert_uint_eq(read_all(fd), 1500);
	wait_charged(0, SLACK + 2 * 65536);
	for (i = 0; i < 1000; i++)
		guest_send(packet, 1400, i, 0);
	wait_charged(1000 * 2048 - SLACK, 1000 * 4096);
	close(fd);
	wait_charged(0, SLACK);
	guest_sh("rmdir " CGROUP " && ip link del fio0");
}
END_TEST

START_TEST(ethtool_leaves_alone_what_it_does_not_set)
{
	int fd = guest_create("fio0", 0, 1);

	guest_set_limits(fd, 0, 10);
	guest_sh("ethtool -G fio0 tx 100");
	ck_assert_uint_eq(guest_info(fd).fi_read_limit, 100);
	ck_assert_uint_eq(guest_info(fd).fi_write_limit, 10);
}
END_TEST

static void add_admin_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "admin", 120, NULL, NULL);

	tcase_add_test(tcase, the_carrier_follows_the_administrator_and_the_readers);
	tcase_add_test(tcase, names_other_names_and_aliases);
	tcase_add_test(tcase, ethtool_sets_the_queue_sizes);
	tcase_add_test(tcase, ethtool_resizes_without_losing_a_frame);
	tcase_add_test(tcase, ethtool_leaves_alone_what_it_does_not_set);
	tcase_add_test(tcase, ethtool_sets_the_number_of_queue_pairs);
	tcase_add_test(tcase, ethtool_sets_what_others_take_the_wire_for);
	tcase_add_test(tcase, ethtool_refuses_to_coalesce);
	tcase_add_test(tcase, ethtool_turns_offloads_off_and_on);
	tcase_add_test(tcase, the_mode_is_seen);
	tcase_add_test(tcase, the_tracepoints_tell_of_frames);
	tcase_add_test(tcase, frames_that_wait_are_charged_to_who_opened_the_port);
}

int main(void)
{
	Suite *suite = suite_create("admin");

	add_admin_tests(suite);
	return guest_run(suite);
}
