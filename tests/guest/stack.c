/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * A port below and beside what the kernel builds on interfaces: bridges, bonds,
 * VLAN devices, queueing disciplines, packet filters, captures. Each is set up and
 * looked at by the tool that administrators have for it.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"

#define LEN	100

static void write_frame(int fd, uint32_t seed)
{
	unsigned char record[HDRLEN + LEN];

	ck_assert_int_eq(write(fd, record, guest_record(record, LEN, seed, 0)), sizeof(record));
}

/* The next frame that is ours; the stack may send some of its own. */
static void read_frame(int fd, uint32_t seed)
{
	unsigned char record[2048];
	ssize_t len;

	do {
		ck_assert_int_ne(guest_poll(fd, POLLIN, 10000) & POLLIN, 0);
		len = read(fd, record, sizeof(record));
		ck_assert_int_ge(len, 0);
	} while (len != HDRLEN + LEN);
	guest_check_record(record, LEN, seed, 0);
}

static void check_no_frame(int fd)
{
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
}

START_TEST(a_bridge_of_two_ports)
{
	int left, right;

	guest_sh("ip link add br0 type bridge");
	guest_write_file("1", "/proc/sys/net/ipv6/conf/br0/disable_ipv6");
	left = guest_create_up("fio0", 0, 1, 0);
	right = guest_create_up("fio1", 0, 1, 0);
	guest_sh("ip link set fio0 master br0 && ip link set fio1 master br0 && ip link set br0 up");
	guest_sh("bridge link show dev fio0 | grep -q 'master br0 state forwarding'");
	write_frame(left, 1);
	read_frame(right, 1);
	write_frame(right, 2);
	read_frame(left, 2);
	/* the sender's address was learnt: it is guest_fill()'s */
	guest_sh("bridge fdb show br br0 | grep -q '02:00:00:00:00:01 dev fio'");
	guest_sh("bridge link set dev fio1 isolated on && bridge link set dev fio0 isolated on");
	write_frame(left, 3);
	guest_sh("bridge link set dev fio1 isolated off");
	write_frame(left, 4);
	read_frame(right, 4);
	guest_sh("ip link set fio0 nomaster");
	guest_sh("ip link del br0");
}
END_TEST

START_TEST(a_bond_of_two_ports)
{
	int active, backup, packet;

	guest_sh("modprobe -q bonding max_bonds=0; ip link add bond9 type bond mode active-backup miimon 100");
	guest_write_file("1", "/proc/sys/net/ipv6/conf/bond9/disable_ipv6");
	active = guest_create("fio0", 0, 1);
	backup = guest_create("fio1", 0, 1);
	guest_sh("ip link set fio0 master bond9 && ip link set fio1 master bond9 && ip link set bond9 up");
	guest_wait_running("bond9");
	guest_sh("grep -q 'Currently Active Slave: fio0' /proc/net/bonding/bond9");
	packet = guest_packet_socket("bond9");
	guest_send(packet, LEN, 1, 0);
	read_frame(active, 1);
	write_frame(active, 2);
	guest_receive(packet, LEN, 2, 0);
	/* a carrier that goes is a link that failed */
	guest_sh("ip link set fio0 carrier off");
	guest_sh("for i in $(seq 100); do grep -q 'Currently Active Slave: fio1' /proc/net/bonding/bond9 && exit; sleep 0.1; done; false");
	guest_send(packet, LEN, 3, 0);
	read_frame(backup, 3);
	guest_sh("ip link del bond9");
}
END_TEST

START_TEST(vlan_devices_on_a_port)
{
	int fd = guest_create_up("fio0", 0, 1, 0), five, six;
	unsigned char record[2048], frame[LEN];

	guest_sh("modprobe -q 8021q; ip link add link fio0 name fio0.5 type vlan id 5");
	guest_sh("ip link add link fio0 name fio0.6 type vlan id 6 protocol 802.1ad");
	guest_write_file("1", "/proc/sys/net/ipv6/conf/fio0.5/disable_ipv6");
	guest_write_file("1", "/proc/sys/net/ipv6/conf/fio0.6/disable_ipv6");
	guest_sh("ip link set fio0.5 up && ip link set fio0.6 up");
	five = guest_packet_socket("fio0.5");
	six = guest_packet_socket("fio0.6");
	guest_fill(frame, LEN, 1, 0);
	guest_send(five, LEN, 1, 0);
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN + 4);
	ck_assert_mem_eq(record + HDRLEN, frame, 12);
	ck_assert_mem_eq(record + HDRLEN + 12, "\x81\0\0\x05", 4);
	ck_assert_mem_eq(record + HDRLEN + 16, frame + 12, LEN - 12);
	/* the tag goes on its way in again */
	ck_assert_int_eq(write(fd, record, HDRLEN + LEN + 4), HDRLEN + LEN + 4);
	guest_receive(five, LEN, 1, 0);
	guest_send(six, LEN, 2, 0);
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN + 4);
	ck_assert_mem_eq(record + HDRLEN + 12, "\x88\xa8\0\x06", 4);
	ck_assert_int_eq(write(fd, record, HDRLEN + LEN + 4), HDRLEN + LEN + 4);
	guest_receive(six, LEN, 2, 0);
	guest_sh("ip -d link show fio0.5 | grep -q 'vlan protocol 802.1Q id 5'");
}
END_TEST

/*
 * All that iproute2 and the kernels have, but for those that are for other things: etf
 * sends at times that a socket gave, teql joins interfaces, ingress and clsact hold
 * filters; dsmark and cbq are gone since 6.3. "$q" in a class is the discipline's handle.
 */
static const struct {
	const char *qdisc;
	const char *class;	/* that takes all frames, or NULL */
} qdiscs[] = {
	{ "bfifo", NULL },
	{ "cake", NULL },
	{ "cbs idleslope 98688 sendslope -901312 hicredit 153 locredit -1389 offload 0", NULL },
	{ "choke limit 1000 bandwidth 10mbit", NULL },
	{ "codel", NULL },
	{ "drr", "drr" },
	{ "ets bands 4", NULL },
	{ "fq", NULL },
	{ "fq_codel", NULL },
	{ "fq_pie", NULL },
	{ "gred setup DPs 2 default 0", NULL },
	{ "hfsc default 1", "hfsc sc rate 100mbit ul rate 100mbit" },
	{ "hhf", NULL },
	{ "htb default 1", "htb rate 100mbit" },
	{ "mq", NULL },
	{ "mqprio num_tc 2 map 0 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 queues 1@0 1@1 hw 0", NULL },
	{ "multiq", NULL },
	{ "netem delay 1ms", NULL },
	{ "noqueue", NULL },
	{ "pfifo", NULL },
	{ "pfifo_fast", NULL },
	{ "pfifo_head_drop", NULL },
	{ "pie", NULL },
	{ "plug limit 100000", NULL },
	{ "prio", NULL },
	{ "qfq", "qfq weight 10" },
	{ "red limit 400000 avpkt 1000 bandwidth 10mbit", NULL },
	{ "sfb", NULL },
	{ "sfq", NULL },
	{ "skbprio", NULL },
	{ "taprio num_tc 1 map 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 queues 1@0 base-time 0 "
	  "sched-entry S 01 1000000 clockid CLOCK_TAI", NULL },
	{ "tbf rate 100mbit burst 20kb latency 50ms", NULL },
};

START_TEST(a_queueing_discipline)
{
	int fd = guest_create_up("fio0", 0, 2, 0), packet;
	const char *qdisc = qdiscs[_i].qdisc;
	unsigned char record[2048];
	unsigned int i;

	guest_sh("tc qdisc replace dev fio0 root %s", qdisc);
	guest_sh("tc qdisc show dev fio0 | grep -q '^qdisc %.*s .* root'", (int)strcspn(qdisc, " "),
		 qdisc);
	if (qdiscs[_i].class)
		guest_sh("q=$(tc qdisc show dev fio0 | sed -n 's/.* \\([0-9a-f]*:\\) root.*/\\1/p') && "
			 "tc class add dev fio0 parent $q classid ${q}1 %s && "
			 "tc filter add dev fio0 parent $q protocol all matchall classid ${q}1",
			 qdiscs[_i].class);
	if (!strncmp(qdisc, "gred", 4))
		guest_sh("tc qdisc change dev fio0 root gred limit 400kb min 90kb max 270kb burst 120 "
			 "avpkt 1000 bandwidth 10mbit DP 0 probability 0.02");
	packet = guest_packet_socket("fio0");
	for (i = 0; i < 100; i++)
		guest_send(packet, LEN, i, 0);
	if (!strncmp(qdisc, "plug", 4))
		guest_sh("tc qdisc change dev fio0 root plug release_indefinite");
	for (i = 0; i < 100; i++) {
		ck_assert_int_ne(guest_poll(fd, POLLIN, 10000) & POLLIN, 0);
		ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + LEN);
		guest_check_record(record, LEN, i, 0);
	}
}
END_TEST

START_TEST(filters_of_tc)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	unsigned char frame[LEN];

	guest_sh("tc qdisc add dev fio0 clsact");
	guest_sh("tc filter add dev fio0 egress protocol 0x88b5 matchall action drop");
	guest_fill(frame, LEN, 1, 0);
	ck_assert_errno(send(packet, frame, LEN, 0), ENOBUFS);
	check_no_frame(fd);
	guest_sh("tc -s filter show dev fio0 egress | grep -q 'Sent 100 bytes 1 pkt'");
	guest_sh("tc filter del dev fio0 egress");
	guest_send(packet, LEN, 2, 0);
	read_frame(fd, 2);
	guest_sh("tc filter add dev fio0 ingress matchall action drop");
	write_frame(fd, 3);
	guest_sh("tc -s filter show dev fio0 ingress | grep -q ' 1 pkt'");
}
END_TEST

START_TEST(filters_of_nftables)
{
	int fd = guest_create_up("fio0", FRAMEIO_PORT_L3, 1, 0);
	unsigned char record[2048];

	guest_sh("ip addr add 10.9.0.1/24 dev fio0");
	guest_sh("printf '%%s\\n' "
		 "'add table inet t' 'add counter inet t in' 'add counter inet t out' "
		 "'add chain inet t input { type filter hook input priority 0; }' "
		 "'add chain inet t output { type filter hook output priority 0; }' "
		 "'add rule inet t input iifname fio0 counter name in drop' "
		 "'add rule inet t output oifname fio0 udp dport 9 counter name out drop' | nft -f -");
	/* what guest_fill() makes is for 10.0.0.2: it is dropped by nobody before routing */
	guest_sh("ip addr add 10.0.0.2/32 dev fio0");
	ck_assert_int_eq(write(fd, record, guest_record(record, LEN, 1, FRAMEIO_PORT_L3)),
			 HDRLEN + LEN);
	guest_sh("nft list counter inet t in | grep -q 'packets 1 bytes 100'");
	guest_sh("echo frame | socat - udp:10.9.0.2:9 2>/dev/null; true");
	guest_sh("nft list counter inet t out | grep -q 'packets 1 '");
	check_no_frame(fd);
	guest_sh("nft delete table inet t");
	guest_sh("echo frame | socat - udp:10.9.0.2:9");
	ck_assert_int_eq(read(fd, record, sizeof(record)), HDRLEN + 20 + 8 + 6);
}
END_TEST

START_TEST(a_capture_sees_both_ways)
{
	int fd = guest_create_up("fio0", 0, 1, 0), packet = guest_packet_socket("fio0");
	unsigned int i;

	guest_sh("tcpdump -Z root -i fio0 -w /run/stack.pcap -U --immediate-mode -c 20 ether proto 0x88b5 2>/run/stack.err & "
		 "for i in $(seq 100); do grep -q 'listening on' /run/stack.err && exit; sleep 0.1; done; false");
	for (i = 0; i < 10; i++) {
		guest_send(packet, LEN, i, 0);
		read_frame(fd, i);
		write_frame(fd, i);
		guest_receive(packet, LEN, i, 0);
	}
	guest_sh("for i in $(seq 100); do grep -q '20 packets captured' /run/stack.err && break; sleep 0.1; done; "
		 "test $(tcpdump -r /run/stack.pcap 2>/dev/null | grep -c 'length 100') = 20");
}
END_TEST

static void add_stack_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "stack", 120, guest_delete_ports, NULL);

	tcase_add_test(tcase, a_bridge_of_two_ports);
	tcase_add_test(tcase, a_bond_of_two_ports);
	tcase_add_test(tcase, vlan_devices_on_a_port);
	tcase_add_loop_test(tcase, a_queueing_discipline, 0, sizeof(qdiscs) / sizeof(qdiscs[0]));
	tcase_add_test(tcase, filters_of_tc);
	tcase_add_test(tcase, filters_of_nftables);
	tcase_add_test(tcase, a_capture_sees_both_ways);
}

int main(void)
{
	Suite *suite = suite_create("stack");

	add_stack_tests(suite);
	return guest_run(suite);
}
