/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The command frameio(8): every command and refusal, as a user meets them. What it
 * prints as JSON is read with json-c.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "guest.h"
#include "rings.h"

/* --- add, show, set, del --------------------------------------------- */

START_TEST(add_takes_the_defaults)
{
	struct json_object *ports;

	good("frameio add fio0");
	ck_assert_str_eq(printed, "");
	guest_sh("ip -d link show type frameio | grep -q fio0");
	ports = json("show");
	has_defaults(ports, "fio0");
	is_bool(ports, "/0/up", false);
	is_bool(ports, "/0/carrier", false);
	good("frameio del fio0");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	has_length(json("show"), "", 0);
	bad(0, "there are no ports", "frameio show");
	ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(add_takes_everything)
{
	struct json_object *ports;

	ports = json("add fio0 l3 queues 2 numqueues 4 owner nobody group 4242 readlimit 7 "
		     "writelimit 65536 readbytes 3M writebytes 1g mtu 65535 up");
	is_text(ports, "/0/name", "fio0");
	is_text(ports, "/0/layer", "l3");
	is_bool(ports, "/0/up", true);
	is_null(ports, "/0/address");
	is_number(ports, "/0/mtu", 65535);
	is_number(ports, "/0/queues", 2);
	is_number(ports, "/0/num_queues", 4);
	is_number(ports, "/0/read_limit", 7);
	is_number(ports, "/0/write_limit", 65536);
	is_number(ports, "/0/read_bytes_limit", 3 << 20);
	is_number(ports, "/0/write_bytes_limit", 1 << 30);
	is_text(ports, "/0/owner", "nobody");
	is_number(ports, "/0/owner_uid", 65534);
	is_text(ports, "/0/group", "4242");
	is_number(ports, "/0/group_gid", 4242);
	has_length(ports, "/0/queue_pairs", 2);
	is_number(ports, "/0/queue_pairs/1/queue", 1);
	is_text(ports, "/0/queue_pairs/1/mode", "none");
	is_bool(ports, "/0/queue_pairs/1/open", false);
	is_number(ports, "/0/queue_pairs/1/read/waiting", 0);
	is_number(ports, "/0/queue_pairs/1/read/limit", 7);
	is_number(ports, "/0/queue_pairs/1/read/bytes_limit", 3 << 20);
	is_number(ports, "/0/queue_pairs/1/write/limit", 65536);
	guest_sh("test $(stat -c %%a:%%u:%%g /dev/frameio/fio0) = 660:65534:4242");

	good("frameio show fio0");
	has_line("^fio0: l3 up, carrier off, ifindex [0-9]+, mtu 65535$");
	has_line("^    queues 2 of numqueues 4, 0 open$");
	has_line("^    readlimit 7 readbytes 3M, writelimit 65536 writebytes 1G$");
	has_line("^    owner nobody, group 4242, persist on$");
	has_line("^        1  none       closed               0/7           0/65536  -$");

	is_bool(ports, "/0/offload", false);
	ports = json("add fio1 l2 address 02:00:00:00:00:07 numqueues 3 offload");
	is_text(ports, "/0/address", "02:00:00:00:00:07");
	is_number(ports, "/0/queues", 3);
	is_bool(ports, "/0/offload", true);
	good("frameio show fio1");
	has_line("^    owner -, group -, persist on, offload$");
	/* by their numbers */
	ports = json("show");
	has_length(ports, "", 2);
	is_text(ports, "/0/name", "fio0");
	is_text(ports, "/1/name", "fio1");
	has_length(json("del fio1"), "", 0);
	has_length(json("show"), "", 1);
}
END_TEST

START_TEST(set_changes_everything)
{
	struct json_object *ports;
	int fd = guest_create("fio0", 0, 4);

	ports = json("set fio0 queues 2 readlimit 5 writelimit 6 readbytes 4K writebytes 12345 "
		     "persist on mtu 9000 name fio7 up");
	is_text(ports, "/0/name", "fio7");
	is_number(ports, "/0/queues", 2);
	is_number(ports, "/0/num_queues", 4);
	is_number(ports, "/0/read_limit", 5);
	is_number(ports, "/0/write_limit", 6);
	is_number(ports, "/0/read_bytes_limit", 4096);
	is_number(ports, "/0/write_bytes_limit", 12345);
	is_bool(ports, "/0/persist", true);
	is_number(ports, "/0/mtu", 9000);
	is_bool(ports, "/0/up", true);
	is_bool(ports, "/0/carrier", true);
	is_bool(json("set fio7 carrier off"), "/0/carrier", false);
	is_bool(json("set fio7 carrier on"), "/0/carrier", true);
	is_bool(json("set fio7 down"), "/0/up", false);
	is_bool(json("set fio7 persist off"), "/0/persist", false);
	good("frameio set fio7 persist on");
	close(fd);
	is_text(json("show"), "/0/name", "fio7");
	/* by another name, too, that no interface's own could be */
	guest_sh("ip link property add dev fio7 altname the-wire-to-the-laboratory");
	is_number(json("set the-wire-to-the-laboratory readlimit 9"), "/0/read_limit", 9);
	good("frameio del the-wire-to-the-laboratory");
}
END_TEST

START_TEST(commands_are_cut_short)
{
	good("frameio ad fio0");
	good("frameio se fio0 up");
	good("frameio sh");
	has_line("^fio0: l2 up");
	good("frameio st");
	has_line("^fio0 ");
	good("frameio v");
	good("frameio h");
	has_line("^usage: frameio");
	good("frameio del fio0");
	good("frameio add fio0 && frameio delete fio0");
	/* and as ip has them */
	good("frameio add dev fio0 numtxqueues 3 && frameio set dev fio0 up");
	good("frameio list dev fio0");
	has_line("^    queues 3 of numqueues 3, ");
	good("frameio stat dev fio0");
	good("frameio del dev fio0");
	good("frameio --help");
	good("frameio show -j");
	good("frameio -V");
	has_line("^frameio \\(frameio\\) ");
}
END_TEST

/* There are fio0, an L2 port that is up and has 2 of 2 queue pairs, the second open, and fio1. */
static const struct refusal refusals[] = {
	/* the kernel's words */
	{ 1, "cannot add port 'fio2': a port has at most 64 queue pairs; ", "add fio2 queues 65" },
	{ 1, "more queue pairs than numtxqueues; 'queues' takes 1 to 64",
	  "add fio2 queues 5 numqueues 4" },
	{ 1, "transmit queues; 'queues' takes", "add fio2 queues 0" },
	{ 1, "integer out of range; 'readlimit' takes 1 to 65536",
	  "add fio2 readlimit 0 writelimit 1 mtu 1500" },
	{ 1, "integer out of range; 'writebytes' takes 1 to 1G", "add fio2 writebytes 0" },
	{ 1, "queue limit is above 65536 frames or 1 GiB; 'readbytes'", "add fio2 readbytes 2G" },
	{ 1, "queue limit is above", "add fio2 readlimit 65537" },
	{ 1, "mtu less than device minimum; 'mtu' takes 68 to", "add fio2 mtu 67" },
	{ 1, "'mtu' takes 68 to 65521", "add fio2 mtu 65522" },
	{ 1, "address is not a unicast Ethernet address; 'address' takes",
	  "add fio2 address 01:00:00:00:00:07" },
	{ 1, "address is not 6 bytes long; ", "add fio2 address 02:00" },
	{ 1, "no such uid; ", "add fio2 owner 4294967295" },
	{ 1, "no such gid; ", "add fio2 group 4294967295" },
	{ 1, "cannot set port 'fio0': more queue pairs than numtxqueues; ", "set fio0 queues 3" },
	{ 1, "that would go; the queue pairs from 1 on would go, and 'frameio show' tells who",
	  "set fio0 queues 1" },
	{ 1, "more queue pairs than numtxqueues; 'queues' takes 1 to 2 here, ", "set fio0 queues 64" },
	{ 1, "mtu less than device minimum; 'frameio show' tells which of the changes were made",
	  "set fio1 readlimit 1024 mtu 67" },
	{ 1, "no file is open with which the port could go; 'frameio del'",
	  "set fio1 persist off" },
	{ 1, "mtu greater than device maximum; ", "set fio1 mtu 65522" },
	/* ours */
	{ 1, "there is an interface of that name; ", "add lo" },
	{ 1, "there is an interface of that name; ", "set fio1 name lo" },
	{ 1, "cannot delete port 'lo': the interface is no frameio port; ", "del lo" },
	{ 1, "cannot set port 'lo': the interface is no frameio port; ", "set lo up" },
	{ 1, "cannot show port 'lo': the interface is no frameio port; ", "show lo" },
	{ 1, "cannot read the counters of port 'lo': the interface is no", "stat lo" },
	{ 1, "there is no such interface; ", "del fio2" },
	{ 1, "there is no such interface; ", "set fio2 up" },
	{ 1, "there is no such interface; ", "show fio2" },
	{ 1, "there is no such interface; ", "stat fio2" },
	{ 1, "there is no such interface; ", "stat -w fio2" },
	{ 1, "cannot enter network namespace 'nowhere': there is none; ", "-n nowhere show" },
	{ 1, "the file is none; ", "-n /etc/passwd show" },
	/* misuse */
	{ 2, "takes a command", "" },
	{ 2, "'x' is no command", "x" },
	{ 2, "'' is no command", "''" },
	{ 2, "'s' may be 'set' or 'show' or 'stat'", "s" },
	{ 2, "'a' may be 'add' or 'attach'", "a fio2" },
	{ 2, "'de' may be 'delete' or 'detach'", "de fio0" },
	{ 2, "'add' takes the name", "add" },
	{ 2, "'a/b' is no interface name", "add a/b" },
	{ 2, "'sixteen-letters-' is no interface name", "add sixteen-letters-" },
	{ 2, "'fio%d' is no interface name", "add fio%d" },
	{ 2, "'' is no interface name", "add ''" },
	{ 2, "'..' is no interface name", "set fio0 name .." },
	{ 2, "'color' is nothing that 'add' knows", "add fio2 color blue" },
	{ 2, "'owner' can be given to 'add' and 'attach' only, and stays as it is",
	  "set fio0 owner root" },
	{ 2, "'carrier' can be given to 'set' only\n", "add fio2 carrier on" },
	{ 2, "'steer' can be given to 'attach' only\n", "add fio2 steer cpu" },
	{ 2, "'steer' can be given to 'attach' only, and stays", "set fio0 steer cpu" },
	{ 2, "'add' takes a name first, and 'l3' is a keyword", "add l3 queues 4" },
	{ 2, "'add' takes a name first, and 'up' is a keyword", "add dev up" },
	{ 2, "'mtu' takes a number", "add fio2 mtu" },
	{ 2, "'mtu' takes a number, not '15oo'", "add fio2 mtu 15oo" },
	{ 2, "'mtu' takes a number, not ''", "add fio2 mtu ''" },
	{ 2, "'4294967296' is too large: 'mtu' takes 68 to 65521", "add fio2 mtu 4294967296" },
	{ 2, "'99999999999999999999' is too large: 'queues' takes 1 to 64",
	  "add fio2 queues 99999999999999999999" },
	{ 2, "'readbytes' takes a number of bytes up to 1G", "add fio2 readbytes 4G" },
	{ 2, "'readbytes' takes a number of bytes up to 1G", "add fio2 readbytes 1T" },
	{ 2, "'readbytes' takes a number of bytes up to 1G", "add fio2 readbytes 1KK" },
	{ 2, "'owner' takes a user's name or number, not 'no-one'", "add fio2 owner no-one" },
	{ 2, "'group' takes a group's name or number, not 'x'", "add fio2 group x" },
	{ 2, "'address' takes an address such as", "add fio2 address 02:0" },
	{ 2, "'address' takes an address such as", "add fio2 address 02:00:" },
	{ 2, "an L3 port has no link-layer address", "add fio2 l3 address 02:00:00:00:00:07" },
	{ 2, "'persist' takes 'on' or 'off', not 'yes'", "set fio0 persist yes" },
	{ 2, "'up' and 'down' exclude each other", "set fio0 up down" },
	{ 2, "'l2' and 'l3' exclude each other", "add fio2 l2 l3" },
	{ 2, "'mtu' is given twice", "add fio2 mtu 1500 mtu 1600" },
	{ 2, "'numqueues' and 'numtxqueues' exclude", "add fio2 numqueues 2 numtxqueues 2" },
	{ 2, "'set' takes the name of a port and what to change", "set fio0" },
	{ 2, "'del' takes the name of one port", "del" },
	{ 2, "'del' takes the name of one port", "del fio0 fio1" },
	{ 2, "'show' takes at most one port, not 'fio1'", "show fio0 fio1" },
	{ 2, "'stat' takes at most one port, not 'fio1'", "stat fio0 fio1" },
	{ 2, "'monitor' takes nothing, not 'fio0'", "monitor fio0" },
	{ 2, "'version' takes nothing, not 'x'", "version x" },
	{ 2, "--watch takes 0.01 to 86400 seconds, not '0'", "stat -w 0" },
	{ 2, "--watch takes 0.01 to 86400 seconds, not 'x'", "stat --watch=x" },
	{ 2, "--watch takes 0.01 to 86400 seconds, not '1.2.3'", "stat -w 1.2.3" },
	{ 2, "are options of 'stat', not of 'show'", "show -w" },
	{ 2, "are options of 'stat', not of 'monitor'", "monitor --prometheus" },
	{ 2, "--prometheus excludes --watch and --json", "stat --prometheus -w" },
	{ 2, "--prometheus excludes --watch and --json", "stat --prometheus -j" },
	{ 2, "invalid option -- 'x'", "-x show" },
	{ 2, "'' is no network namespace", "-n '' show" },
};

/* In one go: each is a line to run. */
START_TEST(refusals_are_sentences)
{
	int fd = guest_create_up("fio0", 0, 2, 0);
	struct json_object *ports;
	size_t i;

	ck_assert_int_ge(guest_open("fio0", 1), 0);
	good("frameio add fio1");
	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		bad(refusals[i].status, refusals[i].text, "frameio %s", refusals[i].words);
	ports = json("show");
	has_length(ports, "", 2);
	is_number(ports, "/0/queues", 2);
	is_number(ports, "/1/mtu", 1500);
	/* old kernels only, and without a word of theirs */
	if (run("frameio set fio0 queues 2 name fio3")) {
		has(complaint, "a name that cannot change; set it 'down'");
		ck_assert_uint_eq(if_nametoindex("fio3"), 0);
	}
	close(fd);
}
END_TEST

START_TEST(a_name_is_taken_as_it_is)
{
	struct json_object *ports;

	close(guest_create("a\"\\\033[2J", FRAMEIO_PORT_PERSIST, 1));
	good("frameio show");
	ck_assert_ptr_null(strchr(printed, '\033'));
	has_line("^a\"\\\\\\?\\[2J: ");
	good("frameio stat");
	ck_assert_ptr_null(strchr(printed, '\033'));
	ports = json("show");
	is_text(ports, "/0/name", "a\"\\\033[2J");
	good("frameio stat --prometheus");
	has_line("^frameio_up\\{interface=\"a\\\\\"\\\\\\\\\\\\\\\\x1b\\[2J\"\\} 0$");
	/* others remain others */
	close(guest_create("b\001", FRAMEIO_PORT_PERSIST, 1));
	close(guest_create("b\377", FRAMEIO_PORT_PERSIST, 1));
	good("frameio stat --prometheus");
	has_line("^frameio_up\\{interface=\"b\\\\\\\\x01\"\\} 0$");
	has_line("^frameio_up\\{interface=\"b\\\\\\\\xff\"\\} 0$");
	ports = json("show");
	is_text(ports, "/1/name", "b\001");
	is_text(ports, "/2/name", "b\\xff");
	good("frameio del \"$(printf 'a\"\\\\\\033[2J')\"");
}
END_TEST

/* --- show ------------------------------------------------------------ */

START_TEST(show_tells_who_holds_a_queue_pair)
{
	int zero = guest_create_up("fio0", 0, 2, 0), one = guest_open("fio0", 1);
	unsigned char record[256];
	struct json_object *ports;
	int packet = guest_packet_socket("fio0"), other;
	struct process child;

	guest_send(packet, 60, 1, 0);
	ck_assert_int_eq(write(one, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	guest_receive(packet, 60, 1, 0);
	ports = json("show fio0");
	is_number(ports, "/0/num_open", 2);
	has_length(ports, "/0/queue_pairs/0/holders", 1);
	is_number(ports, "/0/queue_pairs/0/holders/0/pid", getpid());
	is_text(ports, "/0/queue_pairs/0/holders/0/command", "tool");
	is_text(ports, "/0/queue_pairs/0/holders/0/user", "root");
	is_number(ports, "/0/queue_pairs/0/holders/0/uid", 0);
	is_number(ports, "/0/queue_pairs/1/holders/0/pid", getpid());
	is_bool(ports, "/0/queue_pairs/1/open", true);
	is_text(ports, "/0/queue_pairs/1/mode", "readwrite");
	ck_assert_int_eq(number(ports, "/0/queue_pairs/0/read/waiting") +
			 number(ports, "/0/queue_pairs/1/read/waiting"), 1);

	/* another descriptor of the same file, and another process with it */
	other = dup(one);
	ck_assert_int_ge(other, 0);
	fcntl(one, F_SETFD, 0);
	child = start("cat", "/dev/ptmx");
	run("frameio show fio0");
	while (!strstr(printed, "(cat, root)"))
		run("frameio show fio0");
	has_line("^        1  readwrite  open  .*  [0-9]+ \\(tool, root\\), [0-9]+ \\(cat, root\\)");
	kill(child.pid, SIGKILL);
	waitpid(child.pid, NULL, 0);
	fcntl(one, F_SETFD, FD_CLOEXEC);

	/* who may not look sees only that it is held */
	good(AS_NOBODY "frameio show fio0");
	has_line("^        1  readwrite  open  .* a process that cannot be seen from here$");

	/* the limits of a file go with it */
	guest_set_limits(one, 16, 0);
	is_number(json("show fio0"), "/0/queue_pairs/1/read/limit", 16);
	close(other);
	is_number(json("show fio0"), "/0/queue_pairs/1/read/limit", 16);
	close(one);
	is_number(json("show fio0"), "/0/queue_pairs/1/read/limit", FRAMEIO_LIMIT_DEFAULT);
	close(zero);
}
END_TEST

START_TEST(show_tells_who_waits_for_room)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	struct json_object *ports;
	unsigned char record[256];
	unsigned int i;

	guest_set_limits(fd, 4, 0);
	for (i = 0; i < 5; i++)
		guest_send(packet, 60, i, 0);
	good("frameio show fio0");
	has_line("^        0  none       open         4/4 stopped            0/1024  ");
	ports = json("show fio0");
	ck_assert_int_gt(number(ports, "/0/queue_pairs/0/read/bytes"), 4 * 60);
	is_bool(ports, "/0/queue_pairs/0/read/ring", false);
	is_bool(ports, "/0/queue_pairs/0/read/stopped", true);
	is_bool(ports, "/0/queue_pairs/0/write/stalled", false);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 60);
	ports = json("show fio0");
	is_number(ports, "/0/queue_pairs/0/read/bytes", 0);
	is_bool(ports, "/0/queue_pairs/0/read/stopped", false);
}
END_TEST

START_TEST(show_tells_how_full_rings_are)
{
	const unsigned int nframes = RINGS_SIZE / 1024;
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	struct json_object *ports;
	struct rings rings;
	unsigned int i;

	rings_make(&rings, fd, 0, RINGS_SIZE, RINGS_SIZE, 0);
	good("frameio show fio0");
	has_line("^        0  ring       open             ring 0%           ring 0%  ");
	for (i = 0; i < nframes; i++)
		guest_send(packet, 1400, i, 0);
	good("frameio show fio0");
	has_line("^        0  ring       open    ring 9[0-9]% stopped           ring 0%  ");
	ports = json("show fio0");
	ck_assert_int_gt(number(ports, "/0/queue_pairs/0/read/bytes"), RINGS_SIZE - 2 * 1500);
	is_number(ports, "/0/queue_pairs/0/read/bytes_limit", RINGS_SIZE);
	is_bool(ports, "/0/queue_pairs/0/read/ring", true);
	is_bool(ports, "/0/queue_pairs/0/read/stopped", true);
	is_bool(ports, "/0/queue_pairs/0/write/ring", true);
	for (i = 0; i < nframes; i++)
		rings_expect(&rings, 1400, i, 0);
	good("frameio show fio0");
	has_line("^        0  ring       open             ring 0%           ring 0%  ");

	/* a program may say what it likes; nobody has looked at the ring since */
	rings_store(&rings.read.page->rg_consumer, 12345678);
	rings_store(&rings.write.page->rg_producer, -1);
	ports = json("show fio0");
	is_number(ports, "/0/queue_pairs/0/read/bytes", RINGS_SIZE);
	is_number(ports, "/0/queue_pairs/0/write/bytes", RINGS_SIZE);
	rings_unmap(&rings);
	close(fd);
}
END_TEST

/* --- stat ------------------------------------------------------------ */

/* Frames into queue pair 0 and out of it by both ways to call, and one the other way. */
static void move_frames(int fd, int packet, unsigned int nframes)
{
	unsigned char record[256];
	union guest_frameio fio;
	unsigned int i;

	for (i = 0; i < nframes; i++) {
		guest_send(packet, 100, i, 0);
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 100);
	}
	guest_send(packet, 100, i, 0);
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)record;
	fio.fio.fio_vecs[0].fv_buflen = sizeof(record);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_READ, &fio), 0);
	ck_assert_int_eq(write(fd, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	guest_receive(packet, 60, 1, 0);
}

static void check_counters(struct json_object *row)
{
	is_number(row, "/read/queued", 3);
	is_number(row, "/read/queued_bytes", 300);
	is_number(row, "/read/frames/single", 2);
	is_number(row, "/read/frames/vector", 0);
	is_number(row, "/read/frames/frameio", 1);
	is_number(row, "/read/calls/single", 2);
	is_number(row, "/read/calls/frameio", 1);
	is_number(row, "/read/bytes", 300);
	is_number(row, "/read/stops", 0);
	is_number(row, "/read/wakes", 0);
	is_number(row, "/read/drops/closed", 0);
	is_number(row, "/read/errors", 1);
	is_number(row, "/write/frames/single", 1);
	is_number(row, "/write/calls/single", 1);
	is_number(row, "/write/bytes", 60);
	is_number(row, "/write/received", 1);
	is_number(row, "/write/received_bytes", 60);
	is_number(row, "/write/stalls", 0);
	is_number(row, "/write/errors", 1);
	is_number(row, "/write/drops/closed", 0);
}

START_TEST(stat_counts_what_was_moved)
{
	int fd = guest_create_up("fio0", 0, 1, 0);
	int packet = guest_packet_socket("fio0");
	struct json_object *ports;
	char byte[1] = { 0 };

	ck_assert_int_lt(write(fd, byte, 1), 0);
	guest_send(packet, 100, 0, 0);
	ck_assert_errno(read(fd, byte, 1), EMSGSIZE);
	/* the one that stayed is the first of these */
	ck_assert_int_gt(read(fd, printed, sizeof(printed)), 0);
	move_frames(fd, packet, 1);
	ports = json("stat");
	has_length(ports, "", 1);
	is_text(ports, "/0/name", "fio0");
	is_number(ports, "/0/ifindex", if_nametoindex("fio0"));
	has_length(ports, "/0/queue_pairs", 1);
	is_number(ports, "/0/queue_pairs/0/queue", 0);
	check_counters(at(ports, "/0/queue_pairs/0"));
	check_counters(at(ports, "/0/total"));
	good("frameio stat fio0");
	has_line("^fio0 +frames in +frames out +bytes +calls +per call +stops +wakes +drops "
		 "+errors$");
	has_line("^  queue 0 read +3 +3 +300 +3 +1\\.0 +0 +0 +0 +1$");
	has_line("^    by single +2 +2 +1\\.0$");
	has_line("^    by frameio +1 +1 +1\\.0$");
	has_line("^  queue 0 write +1 +1 +60 +1 +1\\.0 +0 +0 +1$");
	has_line("^  total read +3 +3 +300 ");
}
END_TEST

START_TEST(stat_tells_the_reasons_of_drops)
{
	int zero = guest_create_up("fio0", 0, 2, 0), one;
	int packet = guest_packet_socket("fio0");
	struct json_object *ports;

	guest_sh("frameio set fio0 queues 1");
	guest_send(packet, 60, 0, 0);
	guest_send(packet, 60, 1, 0);
	guest_sh("frameio set fio0 queues 2");
	one = guest_open("fio0", 1);
	guest_sh("frameio set fio0 persist on");
	close(zero);
	ports = json("stat fio0");
	is_number(ports, "/0/queue_pairs/0/read/drops/closed", 2);
	is_number(ports, "/0/queue_pairs/1/read/drops/closed", 0);
	is_number(ports, "/0/total/read/drops/closed", 2);
	good("frameio stat fio0");
	has_line("^    dropped: closed +2$");
	/* one that is out of use stays as long as it has counted something */
	close(one);
	guest_sh("frameio set fio0 queues 1");
	has_length(json("stat fio0"), "/0/queue_pairs", 1);
}
END_TEST

START_TEST(stat_watches_in_a_pipe)
{
	int fd = guest_create_up("fio0", 0, 2, 0);
	int packet = guest_packet_socket("fio0");
	struct process watch = start("frameio", "-j", "stat", "fio0", "-w", "0.2");
	struct json_object *object;
	double seconds, frames = 0;
	unsigned int without;
	const char *text;

	wait_asleep(&watch);
	guest_sh("tc qdisc replace dev fio0 root pfifo limit 1000");
	guest_sh("frameio set fio0 queues 1");
	move_frames(fd, packet, 199);
	while (frames < 199.5) {
		object = parse(next_line(&watch));
		has_length(object, "/ports", 1);
		is_text(object, "/ports/0/name", "fio0");
		seconds = json_object_get_double(at(object, "/ports/0/seconds"));
		/* one that was late makes the next one shorter */
		ck_assert_double_gt(seconds, 0);
		frames += seconds *
			  json_object_get_double(at(object, "/ports/0/total/read/queued"));
		ck_assert_double_lt(frames, 200.5);
	}
	/* and then there were none */
	object = parse(next_line(&watch));
	ck_assert_double_eq(json_object_get_double(at(object, "/ports/0/total/read/queued")), 0);
	interrupt(&watch);

	watch = start("frameio", "stat", "--watch=0.1");
	has(next_line(&watch), "fio0/s ");
	while (*next_line(&watch))
		;
	has(next_line(&watch), "fio0/s ");
	/* a port that is made is seen, one that goes is not missed */
	guest_sh("frameio add fio1");
	while (!strstr(next_line(&watch), "fio1/s "))
		;
	guest_sh("frameio del fio1");
	for (without = 0; without < 2;) {
		text = next_line(&watch);
		if (strstr(text, "fio1/s "))
			without = 0;
		else if (strstr(text, "fio0/s "))
			without++;
	}
	ck_assert_int_eq(end_of_reader(&watch), 0);
	watch = start_service("frameio", "stat", "--watch=86400");
	wait_asleep(&watch);
	ck_assert_int_eq(end_of_reader(&watch), 0);
	/* that one goes away */
	watch = start("sh", "-c", "frameio stat fio0 -w 0.1 2>&1");
	next_line(&watch);
	close(fd);
	while (!strstr(next_line(&watch), "fio0': "))
		;
	ck_assert_int_eq(wait_for_end(&watch), 1);
}
END_TEST

START_TEST(stat_shows_what_is_rare)
{
	int zero = guest_create_up("fio0", FRAMEIO_PORT_PERSIST, 2, 0);
	struct process table, array;
	struct json_object *object;
	double drops;
	const char *line;

	guest_sh("frameio set fio0 queues 1");
	guest_send(guest_packet_socket("fio0"), 60, 0, 0);
	guest_sh("frameio set fio0 queues 2");
	table = start("frameio", "stat", "-w", "3");
	array = start("frameio", "-j", "stat", "-w", "3");
	wait_asleep(&table);
	wait_asleep(&array);
	/* and with it what nobody has read */
	close(zero);
	do {
		object = at(parse(next_line(&array)), "/ports/0");
		drops = json_object_get_double(at(object, "/total/read/drops/closed"));
	} while (!drops);
	drops *= json_object_get_double(at(object, "/seconds"));
	ck_assert_double_eq_tol(drops, 1, 1e-6);
	do
		line = next_line(&table);
	while (!strstr(line, "    dropped: closed "));
	ck_assert_msg(strstr(line, " 0."), "%s", line);
	interrupt(&table);
	interrupt(&array);
}
END_TEST

START_TEST(stat_redraws_on_a_terminal)
{
	struct process watch;
	const char *line;
	unsigned int row;

	good("frameio add fio0 queues 8");
	watch = start_on_terminal(60, (char *[]){ "frameio", "stat", "-w", ".1", NULL });
	line = next_line(&watch);
	for (row = 1; row < 12; row++) {
		ck_assert_msg((row == 1) == !strncmp(line, "\033[H\033[J", 6), "row %u: %s", row,
			      line);
		ck_assert_uint_le(strcspn(line, "\r"), 60 + (row == 1 ? 6 : 0));
		if (row == 4)
			has(line, "  total read ");
		line = next_line(&watch);
	}
	ck_assert_int_eq(strncmp(line, "\033[H\033[J", 6), 0);
	interrupt(&watch);
}
END_TEST

/* The metric of a line: up to its first brace or space. */
static size_t metric_len(const char *line)
{
	return strcspn(line, "{ ");
}

/* A sample with that value; @labels come after the interface's. */
static void has_sample(const char *metric, const char *interface, const char *labels, int value)
{
	char pattern[256];

	snprintf(pattern, sizeof(pattern), "^frameio_%s\\{interface=\"%s\"%s%s\\} %d$", metric,
		 interface, *labels ? "," : "", labels, value);
	has_line(pattern);
}

START_TEST(stat_prints_for_prometheus)
{
	static const char *const sample =
		"^frameio_[a-z_]+(\\{interface=\"[a-z0-9]+\"(,queue=\"[0-9]+\")?"
		"(,(mode|reason)=\"[a-z]+\")?\\})? [0-9]+$";
	int fd = guest_create_up("fio0", 0, 2, 0);
	char metric[128] = "", *line, *rest;
	regex_t regex;

	good("frameio add fio1 && frameio set fio0 queues 1");
	move_frames(fd, guest_packet_socket("fio0"), 4);
	good("frameio stat --prometheus");
	has_sample("read_frames_total", "fio0", "queue=\"0\",mode=\"single\"", 4);
	has_sample("read_frames_total", "fio0", "queue=\"0\",mode=\"frameio\"", 1);
	has_sample("read_bytes_total", "fio0", "queue=\"0\"", 500);
	has_sample("read_drops_total", "fio0", "queue=\"0\",reason=\"closed\"", 0);
	has_sample("write_received_total", "fio0", "queue=\"0\"", 1);
	has_sample("read_frames_total", "fio1", "queue=\"0\",mode=\"single\"", 0);
	has_sample("up", "fio0", "", 1);
	has_sample("up", "fio1", "", 0);
	has_sample("read_queue_limit_frames", "fio1", "queue=\"0\"", 1024);
	has_sample("read_queue_limit_bytes", "fio1", "queue=\"0\"", FRAMEIO_BYTES_DEFAULT);
	has_sample("write_queue_limit_bytes", "fio1", "queue=\"0\"", FRAMEIO_BYTES_DEFAULT);
	has_sample("queue_open", "fio0", "queue=\"0\"", 1);
	has_line("^frameio_ports 2$");
	has_line("^frameio_module_loaded 1$");

	/* HELP, TYPE and all samples of a metric follow one another, once */
	ck_assert_int_eq(regcomp(&regex, sample, REG_EXTENDED | REG_NOSUB), 0);
	for (line = strtok_r(printed, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "# HELP ", 7)) {
			snprintf(metric, sizeof(metric), "%.*s", (int)metric_len(line + 7),
				 line + 7);
			line = strtok_r(NULL, "\n", &rest);
			ck_assert_msg(!strncmp(line, "# TYPE ", 7), "%s", line);
			ck_assert_msg(!strncmp(line + 7, metric, strlen(metric)), "%s", line);
			ck_assert_msg(!strcmp(strrchr(line, ' '), strstr(metric, "_total") ?
					      " counter" : " gauge"), "%s", line);
			snprintf(complaint, sizeof(complaint), "# HELP %s ", metric);
			ck_assert_msg(!strstr(rest, complaint), "%s twice", metric);
			continue;
		}
		ck_assert_msg(!regexec(&regex, line, 0, NULL, 0), "%s", line);
		ck_assert_msg(metric_len(line) == strlen(metric) &&
			      !strncmp(line, metric, strlen(metric)), "%s under %s", line, metric);
	}
	regfree(&regex);
	guest_sh("ip link del fio0 && ip link del fio1");
	good("frameio stat --prometheus");
	has_line("^frameio_ports 0$");
	ck_assert_ptr_null(strstr(printed, "fio0"));
	good("unshare -m sh -c 'mount -t tmpfs none /sys/module && frameio stat --prometheus'");
	has_line("^frameio_module_loaded 0$");
	bad(0, "there are no ports; load the module: 'modprobe frameio'",
	    "unshare -m sh -c 'mount -t tmpfs none /sys/module && frameio show'");
}
END_TEST

/* --- monitor --------------------------------------------------------- */

START_TEST(monitor_tells_what_happens)
{
	struct process monitor;
	char line[128];
	int fd;

	guest_add_netns("tool");
	good("frameio add fio9");
	monitor = start("frameio", "monitor");
	wait_asleep(&monitor);
	/* not about ports */
	guest_sh("ip link add dummy9 type dummy && ip link del dummy9");
	good("frameio add fio0 l3 queues 2 numqueues 4");
	snprintf(line, sizeof(line), "fio0: created l3 queues 2 numqueues 4 ifindex %u",
		 if_nametoindex("fio0"));
	expect_line(&monitor, line);
	good("frameio set fio0 name fio1");
	expect_line(&monitor, "fio0: renamed fio1");
	good("frameio set fio1 up");
	expect_line(&monitor, "fio1: up");
	fd = guest_open("fio1", 0);
	expect_line(&monitor, "fio1: carrier on");
	good("frameio set fio1 queues 3 readlimit 7 writebytes 1M mtu 1400");
	expect_line(&monitor, "fio1: queues 3");
	expect_line(&monitor, "fio1: readlimit 7 readbytes 16M writelimit 1024 writebytes 1M");
	expect_line(&monitor, "fio1: mtu 1400");
	guest_sh("ethtool -G fio1 tx 8");
	expect_line(&monitor, "fio1: readlimit 8 readbytes 16M writelimit 1024 writebytes 1M");
	guest_sh("ethtool -L fio1 combined 4");
	expect_line(&monitor, "fio1: queues 4");
	guest_sh("ethtool -L fio1 combined 3");
	expect_line(&monitor, "fio1: queues 3");
	close(fd);
	expect_line(&monitor, "fio1: carrier off");
	good("frameio set fio1 down");
	expect_line(&monitor, "fio1: down");
	guest_sh("ip link set fio1 netns tool");
	expect_line(&monitor, "fio1: moved to another network namespace");
	guest_sh("ip link set fio9 address 02:00:00:00:00:09");
	expect_line(&monitor, "fio9: address 02:00:00:00:00:09");
	/* a bridge tells of its ports as if they were deleted */
	guest_sh("ip link add br9 type bridge && ip link set fio9 master br9");
	guest_sh("ip link set fio9 nomaster && ip link del br9");
	good("frameio del fio9");
	expect_line(&monitor, "fio9: deleted");
	good("frameio -n tool set fio1 name fio2");
	guest_sh("ip -n tool link set fio2 netns 1");
	snprintf(line, sizeof(line), "fio2: created l3 queues 3 numqueues 4 ifindex %u",
		 if_nametoindex("fio2"));
	expect_line(&monitor, line);
	interrupt(&monitor);
	guest_sh("ip netns del tool");
}
END_TEST

static struct json_object *next_event(struct process *monitor, const char *event)
{
	struct json_object *object = parse(next_line(monitor));

	is_text(object, "/event", event);
	is_text(object, "/name", "fio0");
	is_number(object, "/ifindex", 77);
	return object;
}

START_TEST(monitor_tells_as_json)
{
	struct process monitor = start("frameio", "-j", "monitor");
	struct json_object *object;
	int fd;

	guest_add_netns("tool");
	wait_asleep(&monitor);
	guest_sh("ip link add fio7 index 77 numtxqueues 3 type frameio");
	next_line(&monitor);
	good("frameio set fio7 name fio0");
	object = next_event(&monitor, "renamed");
	is_text(object, "/old_name", "fio7");
	good("frameio set fio0 up");
	next_event(&monitor, "up");
	fd = guest_open("fio0", 0);
	is_bool(next_event(&monitor, "carrier"), "/carrier", true);
	good("frameio set fio0 queues 2 writelimit 9 mtu 1300");
	is_number(next_event(&monitor, "queues"), "/queues", 2);
	object = next_event(&monitor, "limits");
	is_number(object, "/read_limit", 1024);
	is_number(object, "/write_limit", 9);
	is_number(object, "/read_bytes_limit", FRAMEIO_BYTES_DEFAULT);
	is_number(next_event(&monitor, "mtu"), "/mtu", 1300);
	close(fd);
	is_bool(next_event(&monitor, "carrier"), "/carrier", false);
	good("frameio set fio0 down");
	next_event(&monitor, "down");
	guest_sh("ip link set fio0 address 02:00:00:00:00:09");
	is_text(next_event(&monitor, "address"), "/address", "02:00:00:00:00:09");
	good("ip link set fio0 netns tool");
	at(next_event(&monitor, "moved"), "/netnsid");
	good("ip -n tool link set fio0 netns 1");
	object = next_event(&monitor, "created");
	is_text(object, "/layer", "l2");
	is_number(object, "/queues", 2);
	is_number(object, "/num_queues", 3);
	good("frameio del fio0");
	next_event(&monitor, "deleted");
	interrupt(&monitor);
	guest_sh("ip netns del tool");
}
END_TEST

START_TEST(monitor_goes_on_after_it_lost_events)
{
	struct process monitor;
	unsigned int i;

	good("frameio add fio0 && frameio add fio1 && frameio add fio2");
	monitor = start("frameio", "monitor");
	wait_asleep(&monitor);
	kill(monitor.pid, SIGSTOP);
	for (i = 0; i < 3000; i++)
		guest_set_up("fio0", 1400 + i);
	good("frameio set fio1 mtu 1234 && frameio del fio2 && frameio add fio3");
	kill(monitor.pid, SIGCONT);
	while (strncmp(next_line(&monitor), "events were lost; ", 18))
		;
	expect_line(&monitor, "fio2: deleted");
	while (strcmp(next_line(&monitor), "fio0: mtu 4399"))
		;
	expect_line(&monitor, "fio0: up");
	expect_line(&monitor, "fio1: mtu 1234");
	has(next_line(&monitor), "fio3: created ");
	good("frameio del fio1");
	expect_line(&monitor, "fio1: deleted");
	interrupt(&monitor);
}
END_TEST

/* Let a process that is traced go on until it has made that system call. */
static void trace_until(pid_t pid, uint64_t call)
{
	struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
	bool entered = false;
	int status;

	while (info.op != PTRACE_SYSCALL_INFO_EXIT || !entered) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSTOPPED(status));
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entered = info.entry.nr == call;
	}
}

START_TEST(monitor_tells_nothing_that_it_listed)
{
	struct process monitor;

	good("frameio add fio0");
	monitor = start("sh", "-c", "kill -STOP $$; exec frameio monitor");
	ck_assert_int_eq(waitpid(monitor.pid, NULL, WUNTRACED), monitor.pid);
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, monitor.pid, NULL, PTRACE_O_TRACESYSGOOD), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, monitor.pid, NULL, NULL), 0);
	kill(monitor.pid, SIGCONT);
	/* it listens, and has not asked yet */
	trace_until(monitor.pid, SYS_bind);
	good("frameio set fio0 name fio9 && frameio set fio9 up mtu 1400");
	good("frameio set fio9 down && frameio set fio9 name fio0");
	ck_assert_int_eq(ptrace(PTRACE_DETACH, monitor.pid, NULL, NULL), 0);
	wait_asleep(&monitor);
	good("frameio set fio0 mtu 1300");
	expect_line(&monitor, "fio0: mtu 1300");
	interrupt(&monitor);
}
END_TEST

START_TEST(monitor_ends_with_its_reader)
{
	struct process monitor = start("frameio", "monitor");

	wait_asleep(&monitor);
	ck_assert_int_eq(end_of_reader(&monitor), 0);
	monitor = start_service("frameio", "monitor");
	wait_asleep(&monitor);
	ck_assert_int_eq(end_of_reader(&monitor), 0);
	monitor = start("sh", "-c", "trap '' PIPE; frameio -j monitor | head -n1");
	while (run("pgrep -x head"))
		;
	good("frameio add fio0 up && frameio del fio0");
	has(next_line(&monitor), "created");
	ck_assert_int_eq(wait_for_end(&monitor), 0);
}
END_TEST

/* --- elsewhere, and as others ---------------------------------------- */

START_TEST(another_namespace_is_entered)
{
	struct json_object *ports;
	struct process monitor;

	guest_add_netns("tool");
	monitor = start("frameio", "--netns", "tool", "monitor");
	wait_asleep(&monitor);
	good("frameio -n tool add fio0 up");
	has(next_line(&monitor), "fio0: created l2");
	expect_line(&monitor, "fio0: up");
	ck_assert_uint_eq(if_nametoindex("fio0"), 0);
	bad(0, "there are no ports in this network namespace; '--netns'", "frameio show");
	ck_assert_str_eq(printed, "");
	bad(0, "there are no ports in this network namespace; '--netns'", "frameio stat");
	good("frameio -n /run/netns/tool set fio0 mtu 1400");
	ports = json("--netns=tool show fio0");
	is_number(ports, "/0/mtu", 1400);
	ports = json("-n tool stat");
	is_text(ports, "/0/name", "fio0");
	good("frameio -n tool stat fio0 --prometheus");
	ck_assert_ptr_null(strstr(printed, "frameio_ports"));
	good("frameio -n tool stat --prometheus");
	has_line("^frameio_ports\\{netns=\"tool\"\\} 1$");
	has_line("^frameio_up\\{netns=\"tool\",interface=\"fio0\"\\} 1$");
	bad(1, "there is no such interface", "frameio stat fio0");
	interrupt(&monitor);

	/* who holds a port there, and not who holds one of the same number here */
	guest_sh("ip -n tool link del fio0 && ip -n tool link add fio0 index 4242 type frameio");
	guest_sh("ip link add fio0 index 4242 type frameio");
	ck_assert_int_ge(guest_open("fio0", 0), 0);
	has_length(json("-n tool show"), "/0/queue_pairs/0/holders", 0);
	has_length(json("show"), "/0/queue_pairs/0/holders", 1);
	guest_sh("ip netns del tool");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(everybody_may_look)
{
	struct process monitor;

	good("frameio add fio0 owner nobody");
	good(AS_NOBODY "frameio show");
	has_line("^fio0: ");
	good(AS_NOBODY "frameio -j show fio0");
	is_text(parse(printed), "/0/owner", "nobody");
	good(AS_NOBODY "frameio stat fio0");
	has_line("^  total read ");
	good(AS_NOBODY "frameio stat --prometheus");
	has_line("^frameio_up");
	good(AS_NOBODY "frameio version");
	monitor = start("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
			"frameio", "monitor");
	wait_asleep(&monitor);
	good("frameio set fio0 up");
	expect_line(&monitor, "fio0: up");
	interrupt(&monitor);
	bad(1, "cannot add port 'fio1': not permitted; it takes root, or CAP_NET_ADMIN",
	    AS_NOBODY "frameio add fio1");
	bad(1, "or CAP_NET_ADMIN in this network namespace\n",
	    AS_NOBODY "frameio set fio0 mtu 1400 up");
	bad(1, "cannot delete port 'fio0': not permitted; ", AS_NOBODY "frameio del fio0");
	guest_add_netns("tool");
	bad(1, "cannot enter network namespace 'tool': not permitted; it takes root",
	    AS_NOBODY "frameio -n tool show");
	guest_sh("ip netns del tool");
}
END_TEST

START_TEST(version_tells_what_differs)
{
	struct json_object *object;

	good("frameio version");
	has_line("^tool ");
	has_line("^library ");
	has_line("^module ");
	ck_assert_ptr_null(strstr(printed, "differ"));
	object = json("version");
	guest_sh("grep -qx %s /sys/module/frameio/version",
		 json_object_get_string(at(object, "/module")));
	is_text(object, "/tool", json_object_get_string(at(object, "/library")));
	is_bool(object, "/differ", false);
	is_bool(object, "/fit", true);
	good("unshare -m sh -c 'echo 0.0.9 >/run/version; "
	     "mount --bind /run/version /sys/module/frameio/version && frameio version'");
	has_line("^module 0\\.0\\.9$");
	has_line("^they differ: ");
	has_line("^they fit, but the module refuses what is newer than itself$");
	good("unshare -m sh -c 'echo 99.1 >/run/version; "
	     "mount --bind /run/version /sys/module/frameio/version && frameio version'");
	has_line("^they differ: ");
	has_line("^they fit$");
	/* a module that knows none of our ioctls */
	good("unshare -m sh -c 'mount --bind /dev/null /dev/frameio/control && frameio version'");
	has_line("^they do not fit: ");
	good("unshare -m sh -c 'mount --bind /dev/null /dev/frameio/control && "
	     "frameio -j version'");
	object = parse(printed);
	is_bool(object, "/fit", false);
	good("unshare -m sh -c 'mount -t tmpfs none /sys/module && frameio version && "
	     "frameio -j version'");
	has_line("^module not loaded$");
	has(printed, "load the module");
	object = parse(strchr(printed, '{'));
	is_null(object, "/module");
	is_null(object, "/fit");
	is_bool(object, "/differ", false);
}
END_TEST

/* --- trouble --------------------------------------------------------- */

START_TEST(what_cannot_be_printed_is_a_failure)
{
	static const char *const commands[] = {
		"frameio show", "frameio -j show", "frameio stat", "frameio -j stat",
		"frameio stat --prometheus", "frameio stat -w 0.01", "frameio -j set fio0 up",
		"frameio version", "frameio --help", "frameio -V",
	};
	struct process monitor;
	size_t i;

	good("frameio add fio0 queues 64");
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		bad(1, "cannot write to standard output: No space left on device", "%s >/dev/full",
		    commands[i]);
	ck_assert_int_eq(run("framehub --help >/dev/full"), 1);
	has(complaint, "framehub: cannot write to standard output: ");
	ck_assert_int_eq(run("framehub -V >/dev/full"), 1);
	good("frameio set fio0 down >/dev/full");
	good("frameio show | head -n1");
	good("frameio set fio0 up >&-");
	bad(1, "cannot write to standard output", "frameio show >&-");
	monitor = start("sh", "-c", "exec frameio monitor 2>&1 >&-");
	wait_asleep(&monitor);
	good("frameio set fio0 mtu 1400");
	expect_line(&monitor, "frameio: cannot write to standard output: Bad file descriptor");
	ck_assert_int_eq(wait_for_end(&monitor), 1);
	monitor = start("sh", "-c", "exec frameio monitor 2>&1 >/dev/full");
	wait_asleep(&monitor);
	good("frameio set fio0 down");
	expect_line(&monitor,
		    "frameio: cannot write to standard output: No space left on device");
	ck_assert_int_eq(wait_for_end(&monitor), 1);
}
END_TEST

/* One that takes nothing, and is there still. */
START_TEST(a_signal_ends_what_waits_for_its_reader)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct process watch;

	good("frameio add fio0 queues 64");
	watch = start("frameio", "-j", "stat", "-w", "0.01");
	/* for its output only */
	wait_polling(&watch, 1);
	kill(watch.pid, signals[_i]);
	ck_assert_int_eq(wait_for_end(&watch), 0);
}
END_TEST

START_TEST(what_nohup_started_goes_on)
{
	struct process monitor = start("sh", "-c", "trap '' HUP; exec frameio monitor");

	wait_asleep(&monitor);
	kill(monitor.pid, SIGHUP);
	good("frameio add fio0");
	has(next_line(&monitor), "fio0: created ");
	interrupt(&monitor);
}
END_TEST

START_TEST(ports_that_come_and_go_do_no_harm)
{
	struct process churn, watch;
	int i;

	good("frameio add fio0");
	churn = start("sh", "-c",
		      "while :; do ip link add fio1 numtxqueues 8 type frameio; "
		      "ip link set fio1 up; ip link set fio1 mtu 1400; "
		      "ip link set fio1 down; ip link set fio1 name fio2; "
		      "ip link add fio1 type dummy; ip link del fio2; ip link del fio1; done");
	watch = start("frameio", "-j", "stat", "-w", "0.1");
	for (i = 0; i < 2; i++) {
		is_text(json("show"), "/0/name", "fio0");
		is_text(json("stat"), "/0/name", "fio0");
		ck_assert_int_le(run("frameio stat fio1"), 1);
		ck_assert_int_le(run("frameio show fio1"), 1);
		ck_assert_int_le(run("frameio set fio1 mtu 1300"), 1);
		parse(next_line(&watch));
	}
	interrupt(&watch);
	kill(churn.pid, SIGKILL);
	waitpid(churn.pid, NULL, 0);
	run("ip link del fio1");
}
END_TEST

/* --- completion and the manual page ---------------------------------- */

/* What bash offers for the last of some words, separated by spaces. */
static const struct {
	const char *words;
	const char *offered;
} completions[] = {
	{ "frameio \"\"",
	  "add attach delete detach help list monitor set show stat tstamp version" },
	{ "frameio s", "set show stat" },
	{ "frameio -j mo", "monitor" },
	{ "frameio --n", "--netns" },
	{ "frameio stat -", "--json --netns --help --version --watch --prometheus" },
	{ "frameio show fio", "fio0 fio1" },
	{ "frameio del f", "fio0 fio1 fi\\$\\(exit\\)\\`id\\`" },
	{ "frameio detach f", "fidummy" },
	{ "frameio show f", "fio0 fio1 fi\\$\\(exit\\)\\`id\\` fidummy" },
	{ "frameio attach f", "fidummy" },
	{ "frameio attach l", "" },
	{ "frameio attach eth0 st", "steer" },
	{ "frameio attach eth0 queues 2 steer \"\"", "hash cpu" },
	{ "frameio attach eth0 l", "" },
	{ "frameio tstamp l", "lo" },
	{ "frameio tstamp lo \"\"", "rx tx" },
	{ "frameio tstamp lo rx o", "on off" },
	{ "frameio tstamp lo rx ptpv2-l2", "ptpv2-l2-event ptpv2-l2-sync ptpv2-l2-delay-req" },
	{ "frameio tstamp lo rx on tx onestep-s", "onestep-sync" },
	{ "frameio add f", "" },
	{ "frameio -n tool-", "tool-lab" },
	{ "frameio -n tool-lab set \"\"", "a\\\"b\\\\ fiolab" },
	{ "frameio -n nowhere set \"\"", "" },
	{ "frameio -ntool-lab show fio", "fiolab" },
	{ "frameio -jn tool-lab show fio", "fiolab" },
	{ "frameio -jn tool-", "tool-lab" },
	{ "frameio --netns = tool-lab show fio", "fiolab" },
	{ "frameio --netns = tool-", "tool-lab" },
	{ "frameio --netns =", "tool-lab" },
	{ "frameio stat -w 2 fio", "fio0 fio1" },
	{ "frameio -w 2 stat fio", "fio0 fio1" },
	{ "frameio --watch = 2 stat fio", "fio0 fio1" },
	{ "frameio stat -w fio", "fio0 fio1" },
	{ "frameio sh fio", "fio0 fio1" },
	{ "frameio se fio0 per", "persist" },
	{ "frameio s fio", "" },
	{ "frameio show dev fio", "fio0 fio1" },
	{ "frameio add dev fio2 l", "l2 l3" },
	{ "frameio add fio2 l", "l2 l3" },
	{ "frameio add fio2 l3 q", "queues" },
	{ "frameio add fio2 owner nob", "nobody" },
	{ "frameio add fio2 group nogr", "nogroup" },
	{ "frameio add fio2 mtu 1", "" },
	{ "frameio set fio0 re", "readlimit readbytes" },
	{ "frameio set fio0 persist \"\"", "on off" },
	{ "frameio set fio0 carrier o", "on off" },
	{ "frameio set persist \"\"",
	  "queues readlimit writelimit readbytes writebytes mtu up down persist "
	  "carrier name" },
	{ "frameio show fio0 \"\"", "" },
};

START_TEST(bash_completes)
{
	FILE *script = fopen("/run/tool.bash", "w");
	char *line, *rest;
	size_t i;

	guest_add_netns("tool-lab");
	good("frameio add fio0 && frameio add fio1 && frameio -n tool-lab add 'a\"b\\' && "
	     "frameio -n tool-lab add fiolab");
	/* nothing of it is run */
	close(guest_create("fi$(exit)`id`", FRAMEIO_PORT_PERSIST, 1));
	guest_sh("ip link add fidummy type dummy");
	good("frameio attach fidummy");
	fputs("source " GUEST_SRCDIR "/completion/frameio.bash\n", script);
	for (i = 0; i < sizeof(completions) / sizeof(*completions); i++)
		fprintf(script, "COMP_WORDS=(%s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _frameio\n"
			"echo \":${COMPREPLY[*]}\"\n", completions[i].words);
	fclose(script);
	good("bash /run/tool.bash");
	line = strtok_r(printed, "\n", &rest);
	for (i = 0; i < sizeof(completions) / sizeof(*completions); i++) {
		ck_assert_ptr_nonnull(line);
		ck_assert_msg(!strcmp(line + 1, completions[i].offered),
			      "'%s' is completed to '%s', not '%s'", completions[i].words, line + 1,
			      completions[i].offered);
		line = strtok_r(NULL, "\n", &rest);
	}
	guest_sh("ip link del fidummy && ip netns del tool-lab");
}
END_TEST

/* Those that go on for ever are ended by Ctrl-C. */
START_TEST(the_examples_of_the_manual_page_work)
{
	FILE *page = open_examples("frameio.8");
	char prometheus[2048] = "";
	unsigned int n = 0;
	const char *text;

	guest_sh("mkdir -p /run/tool.bin /var/lib/prometheus/node-exporter");
	guest_sh("printf '#!/bin/sh\\n[ \"$(id -un)\" = nobody ] && frameio show fio0\\n' "
		 ">/run/tool.bin/program && chmod 755 /run/tool.bin/program");
	guest_sh("ip netns del lab 2>/dev/null || :");
	make_ended("frameio", "INT");
	guest_sh("[ -e /sys/class/net/eth0 ] || ip link add eth0 type dummy");
	for (; (text = next_example(page)); n++) {
		good("set -e\nPATH=" ENDED ":/run/tool.bin:$PATH\n(\n%s)", text);
		if (strstr(text, "--prometheus"))
			strcpy(prometheus, text);
	}
	ck_assert_uint_ge(n, 7);
	guest_sh("printf '#!/bin/sh\\necho partial; exit 1\\n' >/run/tool.bin/frameio && "
		 "chmod 755 /run/tool.bin/frameio");
	ck_assert_int_ne(run("PATH=/run/tool.bin:$PATH\n(\n%s)", prometheus), 0);
	guest_sh("grep -q '^frameio_read_frames_total' "
		 "/var/lib/prometheus/node-exporter/frameio.prom");
	guest_sh("ip netns del lab");
	has_length(json("show"), "", 0);
	run("ip link del eth0");
}
END_TEST

/* Write the programs of frameio(4) into files: /run/tool.1.py and so on. */
static void write_programs(void)
{
	FILE *page = fopen(GUEST_SRCDIR "/man/frameio.4", "r"), *program = NULL;
	char line[256], path[32], *escape;
	int n = 0;

	ck_assert_ptr_nonnull(page);
	while (fgets(line, sizeof(line), page)) {
		if (!strcmp(line, "#!/usr/bin/env python3\n")) {
			snprintf(path, sizeof(path), "/run/tool.%d.py", ++n);
			program = fopen(path, "w");
			ck_assert_ptr_nonnull(program);
		} else if (program && !strcmp(line, ".Ed\n")) {
			fclose(program);
			program = NULL;
		}
		/* a backslash is "\e" there */
		while ((escape = strstr(line, "\\e")))
			memmove(escape + 1, escape + 2, strlen(escape + 1));
		if (program)
			fputs(line, program);
	}
	fclose(page);
	ck_assert_int_eq(n, 2);
	/* and the first one with the lines that replace its last ones */
	guest_sh("awk '/^#!/ && !n++ { on = 1 } /^slots =/ || /^\\.Ed/ { on = 0 } "
		 "/^FRAMEIO_SET_OPTIONS, / { on = 1 } on' " GUEST_SRCDIR "/man/frameio.4 | "
		 "sed 's/[\\]e/\\\\/g' >/run/tool.packed.py && "
		 "grep -q FRAMEIO_CREATE /run/tool.packed.py && "
		 "grep -q FRAMEIO_O_PACKED /run/tool.packed.py && "
		 "! grep -q readv /run/tool.packed.py");
}

/* They go on until a signal ends them. */
static void stop(struct process *process)
{
	int status;

	kill(process->pid, SIGTERM);
	ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
	ck_assert(WIFSIGNALED(status));
	fclose(process->output);
}

/* A program that is the host 192.0.2.2. */
static struct process start_host(char *path)
{
	struct process program = start("/usr/bin/python3", path);

	while (run("ip address show dev fio0 up | grep -q 192.0.2.1"))
		ck_assert(!has_ended(&program));
	good("ping -i 0.1 -c 3 -W 20 192.0.2.2");
	return program;
}

START_TEST(the_programs_of_the_manual_page_work)
{
	struct process program, programs[2];
	int i;

	write_programs();
	program = start_host("/run/tool.1.py");
	has(next_line(&program), "read a frame of ");
	stop(&program);
	program = start_host("/run/tool.packed.py");
	stop(&program);

	good("frameio add fio1 l3 queues 2 owner nobody up && "
	     "ip address add 192.0.2.1/24 dev fio1");
	for (i = 0; i < 2; i++) {
		programs[i] = start("setpriv", "--reuid=nobody", "--regid=nogroup",
				    "--clear-groups", "/usr/bin/python3", "/run/tool.2.py");
		while (number(json("show fio1"), "/0/num_open") == i)
			ck_assert(!has_ended(&programs[i]));
	}
	/* flows enough that each gets some */
	guest_sh("bash -c 'for i in {2..40}; do echo >/dev/udp/192.0.2.$i/7; done'");
	while (strcmp(next_line(&programs[0]), "queue pair 0: 29 bytes of IPv4"))
		;
	while (strcmp(next_line(&programs[1]), "queue pair 1: 29 bytes of IPv4"))
		;
	stop(&programs[0]);
	stop(&programs[1]);
	good("frameio del fio1");
}
END_TEST

/* --- */

/* Those that a test leaves behind. */
static void delete_ports(void)
{
	guest_sh("for path in /sys/class/net/*/frameio; do "
		 "path=${path%%/frameio}; [ -d \"$path\" ] || continue; "
		 "ip link del \"${path##*/}\" || :; done; ip link del fidummy 2>/dev/null || :");
}

static void add_tool_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "tool", 240, delete_ports, NULL);

	tcase_add_test(tcase, add_takes_the_defaults);
	tcase_add_test(tcase, add_takes_everything);
	tcase_add_test(tcase, set_changes_everything);
	tcase_add_test(tcase, commands_are_cut_short);
	tcase_add_test(tcase, refusals_are_sentences);
	tcase_add_test(tcase, a_name_is_taken_as_it_is);
	tcase_add_test(tcase, show_tells_who_holds_a_queue_pair);
	tcase_add_test(tcase, show_tells_who_waits_for_room);
	tcase_add_test(tcase, show_tells_how_full_rings_are);
	tcase_add_test(tcase, stat_counts_what_was_moved);
	tcase_add_test(tcase, stat_tells_the_reasons_of_drops);
	tcase_add_test(tcase, stat_watches_in_a_pipe);
	tcase_add_test(tcase, stat_shows_what_is_rare);
	tcase_add_test(tcase, stat_redraws_on_a_terminal);
	tcase_add_test(tcase, stat_prints_for_prometheus);
	tcase_add_test(tcase, monitor_tells_what_happens);
	tcase_add_test(tcase, monitor_tells_as_json);
	tcase_add_test(tcase, monitor_goes_on_after_it_lost_events);
	tcase_add_test(tcase, monitor_tells_nothing_that_it_listed);
	tcase_add_test(tcase, monitor_ends_with_its_reader);
	tcase_add_test(tcase, another_namespace_is_entered);
	tcase_add_test(tcase, everybody_may_look);
	tcase_add_test(tcase, version_tells_what_differs);
	tcase_add_test(tcase, what_cannot_be_printed_is_a_failure);
	tcase_add_loop_test(tcase, a_signal_ends_what_waits_for_its_reader, 0, 2);
	tcase_add_test(tcase, what_nohup_started_goes_on);
	tcase_add_test(tcase, ports_that_come_and_go_do_no_harm);
	tcase_add_test(tcase, bash_completes);
	tcase_add_test(tcase, the_examples_of_the_manual_page_work);
	tcase_add_test(tcase, the_programs_of_the_manual_page_work);
}

int main(void)
{
	Suite *suite = suite_create("tool");

	find_tools("frameio");
	add_tool_tests(suite);
	return guest_run(suite);
}
