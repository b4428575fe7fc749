/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The command frameio(8) on interfaces that are not ours: NIC ports and time stamps. The
 * NIC is one end of a veth pair, fionic, whose other end, fiopeer, is the wire.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

#define LEN	100

static void setup(void)
{
	guest_sh("for name in fiobr fiobond fiodummy fiotun; do "
		 "[ ! -e /sys/class/net/$name ] || ip link del $name || :; done");
	guest_add_nic();
	guest_delete_ports();
}

/* --- attach and detach ----------------------------------------------- */

START_TEST(attach_takes_the_defaults)
{
	struct json_object *ports;

	good("frameio attach fionic");
	ck_assert_str_eq(printed, "");
	ports = json("show");
	has_defaults(ports, "fionic");
	is_text(ports, "/0/kind", "nic");
	is_text(ports, "/0/driver", "veth");
	is_text(ports, "/0/steer", "hash");
	is_bool(ports, "/0/up", true);
	is_bool(ports, "/0/carrier", true);
	is_text(ports, "/0/queue_pairs/0/mode", "none");
	is_bool(ports, "/0/queue_pairs/0/open", false);

	good("frameio detach fionic");
	ck_assert_str_eq(printed, "");
	ck_assert_uint_ne(if_nametoindex("fionic"), 0);
	has_length(json("show"), "", 0);
}
END_TEST

START_TEST(attach_takes_everything)
{
	struct json_object *ports;

	ports = json("attach dev fionic queues 3 steer cpu owner nobody group 4242 readlimit 7 "
		     "writelimit 65536 readbytes 3M writebytes 1g");
	has_length(ports, "", 1);
	is_text(ports, "/0/steer", "cpu");
	is_number(ports, "/0/queues", 3);
	is_number(ports, "/0/num_queues", 3);
	is_number(ports, "/0/read_limit", 7);
	is_number(ports, "/0/write_limit", 65536);
	is_number(ports, "/0/read_bytes_limit", 3 << 20);
	is_number(ports, "/0/write_bytes_limit", 1 << 30);
	is_text(ports, "/0/owner", "nobody");
	is_number(ports, "/0/owner_uid", 65534);
	is_text(ports, "/0/group", "4242");
	is_number(ports, "/0/group_gid", 4242);
	has_length(ports, "/0/queue_pairs", 3);
	is_number(ports, "/0/queue_pairs/2/queue", 2);
	is_number(ports, "/0/queue_pairs/2/read/limit", 7);
	is_number(ports, "/0/queue_pairs/2/read/bytes_limit", 3 << 20);
	is_number(ports, "/0/queue_pairs/2/write/limit", 65536);
	is_number(ports, "/0/queue_pairs/2/write/bytes_limit", 1 << 30);
	guest_sh("test $(stat -c %%a:%%u:%%g /dev/frameio/fionic) = 660:65534:4242");

	good("frameio show fionic");
	has_line("^fionic: nic up, carrier on, ifindex [0-9]+, mtu 1500, address [0-9a-f:]{17}, "
		 "driver veth$");
	has_line("^    queues 3 of numqueues 3, 0 open, steer cpu$");
	has_line("^    readlimit 7 readbytes 3M, writelimit 65536 writebytes 1G$");
	has_line("^    owner nobody, group 4242, persist on$");
	has_line("^        2  none       closed               0/7           0/65536  -$");
	has_length(json("detach fionic"), "", 0);
}
END_TEST

/* By a name that no interface's own could be. */
START_TEST(another_name_is_the_interface_s)
{
	guest_sh("ip link property add dev fionic altname the-wire-to-the-laboratory altname lab");
	is_text(json("attach the-wire-to-the-laboratory"), "/0/name", "fionic");
	is_text(json("show lab"), "/0/kind", "nic");
	good("frameio detach the-wire-to-the-laboratory");
	is_text(json("attach lab"), "/0/name", "fionic");
	good("frameio stat the-wire-to-the-laboratory");
	has_line("^fionic ");
	good("frameio det lab");
}
END_TEST

/* There are fio0, a virtual port, fionic, a NIC port, and fiodummy, which is none. */
static const struct refusal refusals[] = {
	{ 1, "cannot attach to interface 'fio9': there is no such interface; 'ip link' lists",
	  "attach fio9" },
	{ 1, "there is no such interface; ", "attach a-name-that-no-interface-has" },
	{ 1, "'fionic': it is a NIC port already; 'frameio show' tells who uses it, and 'frameio "
	     "detach' lets it go", "attach fionic" },
	{ 1, "'fio0': it is a virtual port, which programs can open as it is; ", "attach fio0" },
	{ 1, "'lo': it is the loopback interface, which has no wire; ", "attach lo" },
	{ 1, "'fiotun': it is no Ethernet interface; attach one", "attach fiotun" },
	{ 1, "cannot detach port 'fio0': it is a virtual port; 'frameio del' deletes it",
	  "detach fio0" },
	{ 1, "cannot detach port 'fiodummy': the interface is no frameio port; ",
	  "detach fiodummy" },
	{ 1, "cannot detach port 'fio9': there is no such interface; ", "detach fio9" },
	{ 1, "cannot delete port 'fionic': it is a NIC port, whose interface stays; 'frameio "
	     "detach' lets it go", "del fionic" },
	{ 1, "cannot set port 'fionic': it is a NIC port, which stays as it was attached; 'ip",
	  "set fionic mtu 1400" },
	{ 1, "cannot show port 'fiodummy': the interface is no frameio port; ", "show fiodummy" },
	{ 1, "cannot read the counters of port 'fiodummy': the interface is no",
	  "stat fiodummy" },
	{ 1, "cannot attach to interface 'fiodummy': 'owner' takes a user of this user namespace",
	  "attach fiodummy owner 4294967295" },
	{ 1, "'group' takes a group of this user namespace", "attach fiodummy group 4294967295" },
	/* misuse */
	{ 2, "'attach' takes the name of an interface", "attach" },
	{ 2, "'attach' takes the name of an interface", "attach ''" },
	{ 2, "'detach' takes the name of one NIC port", "detach" },
	{ 2, "'detach' takes the name of one NIC port", "detach fionic fio0" },
	{ 2, "'l2' can be given to 'add' only", "attach fiodummy l2" },
	{ 2, "'mtu' can be given to 'add' and 'set' only", "attach fiodummy mtu 1400" },
	{ 2, "'persist' can be given to 'set' only", "attach fiodummy persist on" },
	{ 2, "'colour' is nothing that 'attach' knows", "attach fiodummy colour blue" },
	{ 2, "'steer' takes 'hash' or 'cpu', not 'rss'", "attach fiodummy steer rss" },
	{ 2, "'steer' takes 'hash' or 'cpu'", "attach fiodummy steer" },
	{ 2, "'queues' takes 1 to 64, not '0'", "attach fiodummy queues 0" },
	{ 2, "'queues' takes 1 to 64, not '65'", "attach fiodummy queues 65" },
	{ 2, "'readlimit' takes 1 to 65536 frames, not '65537'",
	  "attach fiodummy readlimit 65537" },
	{ 2, "'writelimit' takes 1 to 65536 frames, not '0'", "attach fiodummy writelimit 0" },
	{ 2, "'readbytes' takes 1 to 1G, not '2147483648'", "attach fiodummy readbytes 2G" },
	{ 2, "'writebytes' takes 1 to 1G, not '0'", "attach fiodummy writebytes 0" },
	{ 2, "'queues' is given twice", "attach fiodummy queues 1 queues 2" },
};

START_TEST(refusals_are_sentences)
{
	struct json_object *ports;
	size_t i;

	guest_sh("ip link add fiodummy type dummy && modprobe tun && "
		 "ip tuntap add fiotun mode tun");
	good("frameio attach fionic && frameio add fio0");
	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		bad(refusals[i].status, refusals[i].text, "frameio %s", refusals[i].words);
	ports = json("show");
	has_length(ports, "", 2);
	is_number(ports, "/0/queues", 1);
	is_number(ports, "/1/mtu", 1500);
	guest_sh("ip link del fiodummy && ip link del fiotun && ip link del fio0");
}
END_TEST

/* Who takes what the interface receives, and the command that frees it. */
static const struct {
	const char *take;
	const char *sentence;
	const char *release;
} takers[] = {
	{ "ip link add fiobr type bridge && ip link set fionic master fiobr",
	  "the bridge 'fiobr' takes what it receives; 'ip link set dev fionic nomaster' frees it",
	  "ip link set dev fionic nomaster" },
	{ "ip link add fiobond type bond && ip link set fionic down && "
	  "ip link set fionic master fiobond",
	  "the bond 'fiobond' takes what it receives; 'ip link set dev fionic nomaster' frees it",
	  "ip link set dev fionic nomaster" },
	{ "ip link add fiomac link fionic type macvlan",
	  "the macvlan 'fiomac' on it takes what it receives; 'ip link del dev fiomac' frees it",
	  "ip link del dev fiomac" },
	/* out of sight */
	{ "ip netns add toolnic && ip link add fiomac link fionic netns toolnic type macvlan",
	  "something takes what it receives already, such as a bridge, a bond or macvlan; 'ip -d",
	  "ip -n toolnic link del fiomac && ip netns del toolnic" },
};

START_TEST(who_has_the_interface_is_told)
{
	guest_sh("ip netns del toolnic 2>/dev/null || :");
	guest_sh("%s", takers[_i].take);
	bad(1, takers[_i].sentence, "frameio attach fionic");
	guest_sh("%s", takers[_i].release);
	good("frameio attach fionic");
	guest_sh("ip link del fiobr 2>/dev/null || ip link del fiobond 2>/dev/null || :");
}
END_TEST

START_TEST(everybody_may_look)
{
	good("frameio attach fionic owner nobody");
	good(AS_NOBODY "frameio show");
	has_line("^fionic: nic up");
	good(AS_NOBODY "frameio -j stat fionic");
	is_text(parse(printed), "/0/kind", "nic");
	bad(1, "cannot attach to interface 'fiopeer': not permitted; it takes root, or",
	    AS_NOBODY "frameio attach fiopeer");
	bad(1, "cannot detach port 'fionic': not permitted; it takes root, or CAP_NET_ADMIN",
	    AS_NOBODY "frameio detach fionic");
}
END_TEST

/* Without the module, without its file, and with a file that is not for everybody. */
START_TEST(without_the_control_file_virtual_ports_are_shown)
{
	good("frameio attach fionic && frameio add fio0");
	bad(1, "there is no /dev/frameio/control; load the module: 'modprobe frameio'",
	    "unshare -m sh -c 'mount -t tmpfs none /sys/module && "
	    "mount -t tmpfs none /dev/frameio && frameio attach fiopeer'");
	bad(1, "there is no /dev/frameio/control here; make it visible",
	    "unshare -m sh -c 'mount -t tmpfs none /dev/frameio && frameio attach fiopeer'");
	bad(0, "NIC ports are left out: there is no /dev/frameio/control here",
	    "unshare -m sh -c 'mount -t tmpfs none /dev/frameio && frameio show'");
	has_line("^fio0: l2 down");
	ck_assert_ptr_null(strstr(printed, "fionic"));
	bad(1, "cannot show port 'fionic': there is no /dev/frameio/control here",
	    "unshare -m sh -c 'mount -t tmpfs none /dev/frameio && frameio show fionic'");
	good("unshare -m sh -c 'mount -t tmpfs none /sys/module && "
	     "mount -t tmpfs none /dev/frameio && frameio show'");
	ck_assert_int_eq(run("chmod 600 /dev/frameio/control && " AS_NOBODY "frameio -j show"), 0);
	guest_sh("chmod 666 /dev/frameio/control");
	has(complaint, "NIC ports are left out: not permitted to open");
	has_length(parse(printed), "", 1);
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(another_namespace_is_entered)
{
	guest_add_netns("toolnic");
	bad(1, "there is no such interface", "frameio -n toolnic attach fionic");
	guest_sh("ip link set fionic netns toolnic");
	is_text(json("-n toolnic attach fionic"), "/0/kind", "nic");
	has_length(json("show"), "", 0);
	bad(1, "there is no such interface", "frameio detach fionic");
	/* one that leaves is let go */
	guest_sh("ip -n toolnic link set fionic netns 1");
	has_length(json("-n toolnic show"), "", 0);
	has_length(json("show"), "", 0);
	bad(1, "is no frameio port", "frameio detach fionic");
	guest_sh("ip netns del toolnic");
}
END_TEST

/* --- show and stat --------------------------------------------------- */

static int attach(uint32_t nqueues)
{
	struct frameio_create request = { .fc_name = "fionic", .fc_nqueues = nqueues };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	/* it takes nothing before it reads or polls */
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	return fd;
}

/* What it is next asked for it moves in rows. */
static void set_packed(int fd)
{
	const uint32_t options = FRAMEIO_O_PACKED;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_OPTIONS, &options), 0);
}

START_TEST(show_tells_who_holds_a_queue_pair)
{
	int peer = guest_packet_socket("fiopeer"), fd = attach(2);
	unsigned char record[HDRLEN + LEN];
	struct json_object *ports;

	guest_send(peer, LEN, 0, 0);
	ck_assert_int_eq(read(fd, record, sizeof(record)), sizeof(record));
	guest_send(peer, LEN, 1, 0);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 20000) & POLLIN, POLLIN);
	ports = json("show fionic");
	is_number(ports, "/0/num_open", 1);
	is_bool(ports, "/0/persist", false);
	is_bool(ports, "/0/queue_pairs/0/open", true);
	is_text(ports, "/0/queue_pairs/0/mode", "readwrite");
	is_number(ports, "/0/queue_pairs/0/read/waiting", 1);
	is_number(ports, "/0/queue_pairs/0/write/waiting", 0);
	is_number(ports, "/0/queue_pairs/0/holders/0/pid", getpid());
	is_text(ports, "/0/queue_pairs/0/holders/0/command", "toolnic");
	is_bool(ports, "/0/queue_pairs/1/open", false);
	is_text(ports, "/0/queue_pairs/1/mode", "none");
	good("frameio show");
	has_line("^        0  readwrite  open              1/1024            0/1024  "
		 "[0-9]+ \\(toolnic, root\\)$");
	set_packed(fd);
	ck_assert_int_eq(read(fd, record, sizeof(record)), sizeof(record));
	good("frameio show");
	has_line("^        0  packed     open              0/1024            0/1024  ");
	guest_set_limits(fd, 2, 0);
	guest_send(peer, LEN, 2, 0);
	good("frameio show");
	has_line("^        0  packed     open                 1/2            0/1024  ");
	guest_send(peer, LEN, 3, 0);
	good("frameio show");
	has_line("^        0  packed     open            2/2 full            0/1024  ");
	is_bool(json("show fionic"), "/0/queue_pairs/0/read/stopped", false);
	close(fd);
	has_length(json("show"), "", 0);
}
END_TEST

/* Three frames to the program, of which two are read, and one too many; one from it. */
static void move_frames(int fd, int peer)
{
	unsigned char record[HDRLEN + LEN];
	union guest_frameio fio;
	uint32_t i;

	guest_set_limits(fd, 3, 0);
	for (i = 0; i < 4; i++)
		guest_send(peer, LEN, i, 0);
	ck_assert_int_eq(read(fd, record, sizeof(record)), sizeof(record));
	guest_frameio_init(&fio, 1, 1);
	fio.fio.fio_vecs[0].fv_buf = (uintptr_t)record;
	fio.fio.fio_vecs[0].fv_buflen = sizeof(record);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_READ, &fio), 0);
	set_packed(fd);
	ck_assert_int_eq(write(fd, record, guest_record(record, 60, 1, 0)), HDRLEN + 60);
	guest_receive(peer, 60, 1, 0);
	ck_assert_errno(write(fd, record, 1), EINVAL);
}

static void check_counters(struct json_object *row)
{
	is_number(row, "/read/queued", 3);
	is_number(row, "/read/queued_bytes", 3 * LEN);
	is_number(row, "/read/frames/single", 1);
	is_number(row, "/read/frames/vector", 0);
	is_number(row, "/read/frames/frameio", 1);
	is_number(row, "/read/calls/single", 1);
	is_number(row, "/read/calls/frameio", 1);
	is_number(row, "/read/bytes", 2 * LEN);
	is_number(row, "/read/stops", 0);
	is_number(row, "/read/wakes", 0);
	is_number(row, "/read/errors", 0);
	is_number(row, "/read/drops/closed", 0);
	is_number(row, "/read/drops/invalid", 0);
	is_number(row, "/read/drops/nomem", 0);
	is_number(row, "/read/drops/full", 1);
	is_number(row, "/write/frames/single", 0);
	is_number(row, "/write/frames/packed", 1);
	is_number(row, "/write/calls/packed", 1);
	is_number(row, "/write/bytes", 60);
	is_number(row, "/write/received", 1);
	is_number(row, "/write/received_bytes", 60);
	is_number(row, "/write/stalls", 0);
	is_number(row, "/write/errors", 1);
	is_number(row, "/write/drops/closed", 0);
	is_number(row, "/write/drops/invalid", 0);
}

START_TEST(stat_counts_what_was_moved)
{
	int peer = guest_packet_socket("fiopeer"), fd = attach(1);
	struct json_object *ports;

	guest_sh("ip link add fio0 type frameio");
	move_frames(fd, peer);
	ports = json("stat");
	has_length(ports, "", 2);
	/* by their numbers */
	is_text(ports, "/0/name", "fionic");
	is_text(ports, "/0/kind", "nic");
	is_number(ports, "/0/ifindex", if_nametoindex("fionic"));
	has_length(ports, "/0/queue_pairs", 1);
	is_number(ports, "/0/queue_pairs/0/queue", 0);
	check_counters(at(ports, "/0/queue_pairs/0"));
	check_counters(at(ports, "/0/total"));
	is_text(ports, "/1/name", "fio0");
	is_text(ports, "/1/kind", "virtual");
	good("frameio stat fionic");
	has_line("^fionic +frames in +frames out +bytes +calls +per call +stops +wakes +drops "
		 "+errors$");
	has_line("^  queue 0 read +3 +2 +200 +2 +1\\.0 +0 +0 +1 +0$");
	has_line("^    by frameio +1 +1 +1\\.0$");
	has_line("^    dropped: full +1$");
	has_line("^  queue 0 write +1 +1 +60 +1 +1\\.0 +0 +0 +1$");
	has_line("^    by packed +1 +1 +1\\.0$");

	good("frameio stat --prometheus");
	has_line("^frameio_ports 2$");
	has_line("^frameio_read_frames_total\\{interface=\"fionic\",queue=\"0\","
		 "mode=\"single\"\\} 1$");
	has_line("^frameio_read_frames_total\\{interface=\"fio0\",queue=\"0\","
		 "mode=\"single\"\\} 0$");
	has_line("^frameio_read_drops_total\\{interface=\"fionic\",queue=\"0\","
		 "reason=\"full\"\\} 1$");
	has_line("^frameio_write_drops_total\\{interface=\"fionic\",queue=\"0\","
		 "reason=\"invalid\"\\} 0$");
	has_line("^frameio_up\\{interface=\"fionic\"\\} 1$");
	has_line("^frameio_read_queue_frames\\{interface=\"fionic\",queue=\"0\"\\} 1$");
	has_line("^frameio_read_queue_limit_frames\\{interface=\"fionic\",queue=\"0\"\\} 3$");
	guest_sh("ip link del fio0");
}
END_TEST

START_TEST(stat_watches)
{
	int peer = guest_packet_socket("fiopeer"), fd = attach(1);
	struct process watch = start("frameio", "-j", "stat", "fionic", "-w", "0.2");
	struct json_object *object;
	double frames = 0;
	uint32_t i;

	wait_asleep(&watch);
	for (i = 0; i < 200; i++)
		guest_send(peer, LEN, i, 0);
	while (frames < 199.5) {
		object = parse(next_line(&watch));
		has_length(object, "/ports", 1);
		is_text(object, "/ports/0/kind", "nic");
		frames += json_object_get_double(at(object, "/ports/0/seconds")) *
			  json_object_get_double(at(object, "/ports/0/total/read/queued"));
		ck_assert_double_lt(frames, 200.5);
	}
	interrupt(&watch);
	/* it is let go */
	watch = start("sh", "-c", "frameio stat fionic -w 0.1 2>&1");
	next_line(&watch);
	close(fd);
	while (!strstr(next_line(&watch), "fionic': "))
		;
	ck_assert_int_eq(wait_for_end(&watch), 1);
}
END_TEST

/* --- monitor --------------------------------------------------------- */

static const char *attached_line(const char *name, const char *rest)
{
	static char line[128];

	snprintf(line, sizeof(line), "%s: attached %s ifindex %u", name, rest,
		 if_nametoindex(name));
	return line;
}

START_TEST(monitor_tells_what_happens)
{
	struct process monitor;
	int fd;

	guest_add_netns("toolnic");
	monitor = start("frameio", "monitor");
	wait_asleep(&monitor);
	/* not about ports */
	guest_sh("ip link set fionic mtu 1400 && ip link add fiodummy type dummy");
	good("frameio attach fionic queues 2 steer cpu");
	expect_line(&monitor, attached_line("fionic", "queues 2 steer cpu"));
	expect_line(&monitor, "fionic: up");
	expect_line(&monitor, "fionic: carrier on");
	guest_sh("ip link set fionic mtu 1300");
	expect_line(&monitor, "fionic: mtu 1300");
	guest_sh("ip link set fiopeer down");
	expect_line(&monitor, "fionic: carrier off");
	guest_sh("ip link set fionic down");
	expect_line(&monitor, "fionic: down");
	guest_sh("ip link set fionic name fionew");
	expect_line(&monitor, "fionic: renamed fionew");
	guest_sh("ip link set fionew name fionic up && ip link set fiopeer up");
	expect_line(&monitor, "fionew: renamed fionic");
	expect_line(&monitor, "fionic: up");
	expect_line(&monitor, "fionic: carrier on");
	good("frameio detach fionic");
	expect_line(&monitor, "fionic: detached");
	/* a program's, which goes with it */
	fd = attach(1);
	expect_line(&monitor, attached_line("fionic", "queues 1 steer hash"));
	expect_line(&monitor, "fionic: up");
	expect_line(&monitor, "fionic: carrier on");
	close(fd);
	expect_line(&monitor, "fionic: detached");
	/* where the interface itself goes, no more is told than that */
	good("frameio attach fiodummy");
	expect_line(&monitor, attached_line("fiodummy", "queues 1 steer hash"));
	expect_line(&monitor, "fiodummy: carrier on");
	guest_sh("ip link del fiodummy");
	expect_line(&monitor, "fiodummy: deleted");
	good("frameio attach fionic");
	has(next_line(&monitor), "fionic: attached ");
	expect_line(&monitor, "fionic: up");
	expect_line(&monitor, "fionic: carrier on");
	guest_sh("ip link set fionic netns toolnic");
	/* it may also be seen to go down before */
	while (strcmp(next_line(&monitor), "fionic: moved to another network namespace"))
		;
	interrupt(&monitor);
	guest_sh("ip netns del toolnic");
}
END_TEST

static struct json_object *next_event(struct process *monitor, const char *event)
{
	struct json_object *object = parse(next_line(monitor));

	is_text(object, "/event", event);
	is_text(object, "/name", "fionic");
	is_number(object, "/ifindex", if_nametoindex("fionic"));
	return object;
}

START_TEST(monitor_tells_as_json)
{
	struct process monitor = start("frameio", "-j", "monitor");
	struct json_object *object;

	wait_asleep(&monitor);
	good("frameio attach fionic queues 2");
	object = next_event(&monitor, "attached");
	is_number(object, "/queues", 2);
	is_text(object, "/steer", "hash");
	next_event(&monitor, "up");
	is_bool(next_event(&monitor, "carrier"), "/carrier", true);
	good("frameio detach fionic");
	next_event(&monitor, "detached");
	interrupt(&monitor);
}
END_TEST

START_TEST(monitor_goes_on_after_it_lost_events)
{
	struct process monitor;
	unsigned int i;

	guest_sh("ip link add fiodummy type dummy");
	good("frameio attach fionic && frameio attach fiodummy && frameio add fio0");
	monitor = start("frameio", "monitor");
	wait_asleep(&monitor);
	kill(monitor.pid, SIGSTOP);
	for (i = 0; i < 3000; i++)
		guest_set_up("fio0", 1400 + i);
	good("frameio detach fionic && ip link del fiodummy && frameio attach fiopeer");
	kill(monitor.pid, SIGCONT);
	while (strncmp(next_line(&monitor), "events were lost; ", 18))
		;
	expect_line(&monitor, "fiodummy: deleted");
	expect_line(&monitor, "fionic: detached");
	while (strcmp(next_line(&monitor), "fio0: mtu 4399"))
		;
	expect_line(&monitor, "fio0: up");
	interrupt(&monitor);
	guest_sh("ip link del fio0");
}
END_TEST

/* --- time stamps ----------------------------------------------------- */

static const struct refusal stamp_refusals[] = {
	{ 1, "cannot show the time stamps of interface 'fio9': there is no such interface; 'ip",
	  "tstamp fio9" },
	{ 1, "there is no such interface; ", "tstamp fio9 rx on tx on" },
	{ 1, "cannot set the time stamps of interface 'fionic': its driver makes none in hardware; "
	     "those of the kernel need no setting", "tstamp fionic rx on" },
	{ 1, "its driver makes none in hardware; ", "tstamp lo rx off tx off" },
	{ 2, "'tstamp' takes the name of an interface", "tstamp" },
	{ 2, "'tstamp' takes the name of an interface", "tstamp ''" },
	{ 2, "'on' is nothing that 'tstamp' knows", "tstamp fionic on" },
	{ 2, "'rx' is given twice", "tstamp fionic rx on rx off" },
	{ 2, "'tx' takes 'on', 'off' or more", "tstamp fionic rx on tx" },
	{ 2, "'rx' takes 'on', 'off' or a filter such as 'ptpv2-event', not 'ptp'",
	  "tstamp fionic rx ptp" },
	{ 2, "'tx' takes 'on', 'off' or a type such as 'onestep-sync', not 'all'",
	  "tstamp fionic tx all" },
};

/* Of an interface without a clock of its own, be it a port or not. */
START_TEST(tstamp_tells_what_there_is)
{
	struct json_object *object;
	size_t i;

	good("frameio tstamp fionic");
	has_line("^fionic: driver veth$");
	has_line("^    software receive transmit, hardware -$");
	has_line("^    rx and tx cannot be set$");
	good("frameio attach fionic");
	object = json("tstamp fionic");
	is_text(object, "/name", "fionic");
	is_number(object, "/ifindex", if_nametoindex("fionic"));
	is_text(object, "/driver", "veth");
	is_bool(object, "/software/receive", true);
	is_bool(object, "/software/transmit", true);
	is_bool(object, "/hardware/receive", false);
	is_bool(object, "/hardware/transmit", false);
	is_null(object, "/phc_index");
	has_length(object, "/rx_filters", 0);
	has_length(object, "/tx_types", 0);
	is_null(object, "/rx_filter");
	is_null(object, "/tx_type");
	for (i = 0; i < sizeof(stamp_refusals) / sizeof(*stamp_refusals); i++)
		bad(stamp_refusals[i].status, stamp_refusals[i].text, "frameio %s",
		    stamp_refusals[i].words);
	good(AS_NOBODY "frameio t dev lo");
	has_line("^lo: driver -$");
}
END_TEST

START_TEST(interfaces_that_come_and_go_do_no_harm)
{
	struct json_object *ports;
	struct process churn;
	int i;

	good("frameio attach fionic");
	churn = start("sh", "-c",
		      "while :; do ip link add fio1 type dummy; frameio attach fio1 queues 8; "
		      "ip link set fio1 name fio2; ip link add fio1 type frameio; "
		      "ip link del fio1; frameio detach fio2; ip link del fio2; done 2>&1");
	for (i = 0; i < 4; i++) {
		ports = json(i & 1 ? "stat" : "show");
		is_text(ports, "/0/name", "fionic");
		is_text(ports, "/0/kind", "nic");
		ck_assert_int_le(run("frameio stat fio1"), 1);
		ck_assert_int_le(run("frameio show fio2"), 1);
		ck_assert_int_le(run("frameio detach fio2"), 1);
	}
	kill(churn.pid, SIGKILL);
	waitpid(churn.pid, NULL, 0);
	run("ip link del fio1; ip link del fio2");
}
END_TEST

/* --- */

static void add_nic_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "NIC ports", 240, setup, guest_delete_nic);

	tcase_add_test(tcase, attach_takes_the_defaults);
	tcase_add_test(tcase, attach_takes_everything);
	tcase_add_test(tcase, another_name_is_the_interface_s);
	tcase_add_test(tcase, refusals_are_sentences);
	tcase_add_loop_test(tcase, who_has_the_interface_is_told, 0,
			    sizeof(takers) / sizeof(*takers));
	tcase_add_test(tcase, everybody_may_look);
	tcase_add_test(tcase, without_the_control_file_virtual_ports_are_shown);
	tcase_add_test(tcase, another_namespace_is_entered);
	tcase_add_test(tcase, show_tells_who_holds_a_queue_pair);
	tcase_add_test(tcase, stat_counts_what_was_moved);
	tcase_add_test(tcase, stat_watches);
	tcase_add_test(tcase, monitor_tells_what_happens);
	tcase_add_test(tcase, monitor_tells_as_json);
	tcase_add_test(tcase, monitor_goes_on_after_it_lost_events);
	tcase_add_test(tcase, tstamp_tells_what_there_is);
	tcase_add_test(tcase, interfaces_that_come_and_go_do_no_harm);
}

int main(void)
{
	Suite *suite = suite_create("toolnic");

	find_tools("frameio");
	add_nic_tests(suite);
	return guest_run(suite);
}
