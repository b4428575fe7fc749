/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The programs of examples/: those that answer pings, each in the mode that it is an
 * example of; others, each with what it is an example of; and the commands of frameio(7) and
 * of docs/nic.md.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "command.h"

#define BUILT	"../examples/"
#define SOURCE	GUEST_SRCDIR "/examples/"

static const struct example {
	const char *path;
	const char *mode;
	const char *counter;	/* of ethtool's, of the frames that it reads */
} examples[] = {
	{ BUILT "echo-single", "readwrite", "single" },
	{ BUILT "echo-vector", "readwrite", "vector" },
	{ BUILT "echo-batch", "frameio", "frameio" },
	{ BUILT "echo-packed", "packed", "packed" },
	{ SOURCE "echo-packed.py", "packed", "packed" },
	{ BUILT "echo-packed-go", "packed", "packed" },
	{ BUILT "echo-ring", "ring", "ring" },
};
#define NEXAMPLES	((int)(sizeof(examples) / sizeof(*examples)))

/* It looks at what comes back. */
#define PING	"ping -qi 0.01 -W 20 192.0.2.2 >/dev/null "

static pid_t start_echo(const char *path)
{
	pid_t child;

	ck_assert_msg(access(path, X_OK) == 0, "%s: %s%s", path, strerror(errno),
		      strstr(path, "-go") ? "; without Go it is not built: install the Debian "
		      "package golang-go, and run make -C tests programs" : "");
	child = fork();
	if (!child) {
		execl(path, path, "fioecho", NULL);
		_exit(127);
	}
	while (!if_nametoindex("fioecho")) {
		ck_assert_msg(waitpid(child, NULL, WNOHANG) == 0, "%s ended", path);
		guest_pause();
	}
	return child;
}

/* Many packets wait for it, so that it gets them in as few calls as it can. */
static void ping_at_once(pid_t child)
{
	const uint64_t sent = guest_link_counter("fioecho", "tx_packets");
	pid_t ping;
	int status;

	ck_assert_int_eq(kill(child, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(child, &status, WUNTRACED), child);
	ping = fork();
	if (!ping) {
		execl("/bin/sh", "sh", "-c", PING "-fc 40 -l 40 -w 60", NULL);
		_exit(127);
	}
	while (guest_link_counter("fioecho", "tx_packets") < sent + 40)
		guest_pause();
	ck_assert_int_eq(kill(child, SIGCONT), 0);
	ck_assert_int_eq(waitpid(ping, &status, 0), ping);
	ck_assert_int_eq(status, 0);
}

START_TEST(each_answers_pings)
{
	const struct example *example = &examples[_i];
	pid_t child = start_echo(example->path);
	int status;

	guest_sh("sysctl -qw net.ipv6.conf.fioecho.disable_ipv6=1 && "
		 "ip address add 192.0.2.1 peer 192.0.2.2 dev fioecho && ip link set fioecho up");
	/* of several lengths, and many at once */
	guest_sh(PING "-c 2 -s 1472 && " PING "-c 2 -s 9 -p ff");
	ping_at_once(child);
	/* what is none is left alone, and in nobody's way */
	guest_sh("bash -c 'for i in 1 2 3; do echo >/dev/udp/192.0.2.2/9; done'; "
		 "ping -qc 1 -s 5000 -W 0.2 192.0.2.2 | grep -q ' 0 received' && " PING "-c 2");
	/* after it was down */
	guest_sh("ip link set fioecho down && ip link set fioecho up && "
		 "ip route replace 192.0.2.2 dev fioecho && " PING "-c 2");
	guest_sh("grep -qx %s /sys/class/net/fioecho/frameio/mode", example->mode);
	/* an answer that is alone in its writev is counted as one of write */
	guest_sh("ethtool -S fioecho | awk '/q0_(read|write)_frames_%s:/ && $2 >= 10 { n++ } "
		 "END { exit n != 2 }'", example->counter);
	ck_assert_int_eq(kill(child, SIGTERM), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert_uint_eq(if_nametoindex("fioecho"), 0);
}
END_TEST

START_TEST(each_tells_what_is_wrong)
{
	const char *path = examples[_i].path;

	guest_sh("! %s lo 2>/run/complaint && grep -qi 'file exists' /run/complaint", path);
}
END_TEST

/* --- those of what people build ---------------------------------------------- */

static void end_by(struct process *process, int number)
{
	int status;

	ck_assert_int_eq(kill(process->pid, number), 0);
	ck_assert_int_eq(waitpid(process->pid, &status, 0), process->pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == number);
	fclose(process->output);
	fclose(process->errors);
}

static void hold(const struct process *process)
{
	int status;

	ck_assert_int_eq(kill(process->pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(process->pid, &status, WUNTRACED), process->pid);
}

/* Until a thread of it sleeps in a call, whose second argument this is; 0: any. */
static void wait_calling(const struct process *process, long number, unsigned long second)
{
	unsigned long argument = 0;
	char path[64];
	long call = -1;

	snprintf(path, sizeof(path), "/proc/%d/syscall", process->pid);
	while (call != number || (second && argument != second)) {
		FILE *file;

		ck_assert_msg(!has_ended(process), "%s has ended", process->words);
		guest_pause();
		file = fopen(path, "r");
		ck_assert_ptr_nonnull(file);
		if (fscanf(file, "%ld %*x %lx", &call, &argument) != 2)
			call = -1;
		fclose(file);
	}
}

/*
 *	here: fiotun 10.9.0.1                  far (a network namespace): fiotun 10.9.0.2
 *	      fiowire @.1 ------------------------------------------- wire @.2
 */
static void add_hosts(void)
{
	guest_add_netns("far");
	guest_sh("ip link add fiowire type veth peer name wire netns far && "
		 "ip address add 198.51.100.1/24 dev fiowire && "
		 "ip address add fd00::1/64 dev fiowire nodad && ip link set fiowire up && "
		 "ip -n far address add 198.51.100.2/24 dev wire && "
		 "ip -n far address add fd00::2/64 dev wire nodad && ip -n far link set wire up");
	/* here somebody may open a port that there is, over there root makes one */
	guest_sh("frameio add fiotun l3 owner nobody mtu 1420 up && "
		 "ip address add 10.9.0.1/24 dev fiotun");
}

static void delete_hosts(void)
{
	guest_sh("ip netns del far 2>/dev/null; ip link del fiowire 2>/dev/null; "
		 "ip link del fiotun 2>/dev/null; :");
}

#define TUNNEL	BUILT "udp-tunnel fiotun %s 5555"

static struct process start_here(const char *peer)
{
	struct process tunnel = start_command(AS_NOBODY TUNNEL, peer);

	wait_calling(&tunnel, SYS_recvmmsg, 0);
	return tunnel;
}

static struct process start_far(const char *peer)
{
	struct process tunnel = start_command("ip netns exec far " TUNNEL, peer);

	wait_calling(&tunnel, SYS_recvmmsg, 0);
	guest_sh("ip -n far link set fiotun mtu 1420 up && "
		 "ip -n far address add 10.9.0.2/24 dev fiotun");
	return tunnel;
}

#define TUNNEL_PING	"ping -qi 0.01 -W 20 10.9.0.2 >/dev/null "

/* What waits for one side, and then for the other, is taken in a few calls by each. */
static void cross_at_once(struct process *here, struct process *far)
{
	const uint64_t read = guest_link_counter("fiotun", "tx_packets");
	const uint64_t sent = guest_link_counter("fiowire", "tx_packets");
	struct process ping;

	hold(here);
	hold(far);
	ping = start_command(TUNNEL_PING "-fc 40 -l 40 -w 60");
	while (guest_link_counter("fiotun", "tx_packets") < read + 40)
		guest_pause();
	ck_assert_int_eq(kill(here->pid, SIGCONT), 0);
	while (guest_link_counter("fiowire", "tx_packets") < sent + 40)
		guest_pause();
	ck_assert_int_eq(kill(far->pid, SIGCONT), 0);
	end_well(&ping);
	guest_sh("ethtool -S fiotun | awk '/q0_read_frames_frameio/ { f = $2 } "
		 "/q0_read_calls_frameio/ { c = $2 } END { exit f < 40 || f < c + 30 }'");
	guest_sh("ip netns exec far ethtool -S fiotun | awk '/q0_write_frames_frameio/ { f = $2 } "
		 "/q0_write_calls_frameio/ { c = $2 } END { exit f < 40 || f < c + 30 }'");
}

START_TEST(a_tunnel_joins_two_hosts)
{
	struct process here, far;

	add_hosts();
	here = start_here("198.51.100.2");
	far = start_far("198.51.100.1");
	cross_at_once(&here, &far);
	guest_sh(TUNNEL_PING "-c 2 -s 1392");

	/* the other side is away, and there is what is no packet, and nothing, in its place */
	end_by(&far, SIGTERM);
	guest_sh("! ping -qc 3 -i 0.01 -W 0.1 10.9.0.2 >/dev/null");
	guest_sh("echo nonsense | ip netns exec far socat -u - "
		 "UDP:198.51.100.1:5555,bind=:5555,shut-null");
	far = start_far("198.51.100.1");
	guest_sh(TUNNEL_PING "-c 2");
	guest_sh("ethtool -S fiotun | grep -q 'q0_write_errors: 2$'");
	end_by(&here, SIGTERM);
	end_by(&far, SIGTERM);

	/* the other version of IP around the same packets */
	here = start_here("fd00::2");
	far = start_far("fd00::1");
	guest_sh(TUNNEL_PING "-c 2");
	/* a port that goes away ends it */
	guest_sh("ip link del fiotun");
	ck_assert_int_eq(wait_for_end(&here), 1);
	has(complaint, "cannot read from fiotun: No such device");
	end_by(&far, SIGTERM);
}
END_TEST

START_TEST(a_tap_tells_what_its_filter_chooses)
{
	int wire, stack;
	struct process tap;

	guest_add_nic();
	wire = guest_packet_socket("fiopeer");
	stack = guest_packet_socket("fionic");
	tap = start(BUILT "tap-filter", "fionic", "ether proto 0x88b5 and greater 100");
	wait_calling(&tap, SYS_ioctl, FRAMEIO_READ);
	guest_send(wire, 60, 1, 0);
	guest_send(wire, 200, 2, 0);
	has_line_in(next_line(&tap), "^[0-9]{10}\\.[0-9]{9} [0-9a-f:]{17} ff:ff:ff:ff:ff:ff "
		    "type 88b5, 200 bytes$");
	/* and whoever they are for */
	guest_receive(stack, 60, 1, 0);
	guest_receive(stack, 200, 2, 0);
	end_by(&tap, SIGTERM);
	ck_assert_uint_eq(guest_count_ports(), 0);

	ck_assert_int_eq(run(BUILT "tap-filter fionic 'no such thing'"), 2);
	has(complaint, "cannot take the filter 'no such thing': ");
	ck_assert_int_eq(run(BUILT "tap-filter lo ip"), 1);
	has(complaint, "cannot attach to lo: Operation not supported");
	close(wire);
	close(stack);
	guest_delete_nic();
}
END_TEST

static void add_pingable(const char *name, int net)
{
	guest_sh("sysctl -qw net.ipv6.conf.%s.disable_ipv6=1 && ethtool -G %s rx 1 && "
		 "ip address add 192.0.%d.1 peer 192.0.%d.2 dev %s && ip link set %s up",
		 name, name, net, net, name, name);
}

START_TEST(a_loop_serves_several_ports)
{
	struct process loop;

	guest_use_fifo();
	loop = start(BUILT "epoll-ports", "fioone", "fiotwo");
	while (!if_nametoindex("fiotwo")) {
		ck_assert_msg(!has_ended(&loop), "%s has ended", loop.words);
		guest_pause();
	}
	add_pingable("fioone", 2);
	add_pingable("fiotwo", 3);
	/* the second goes on while the first has more answers than there is room for */
	guest_sh("ping -qfc 100 -l 40 -w 60 192.0.2.2 >/dev/null & "
		 "ping -qfc 100 -l 40 -w 60 192.0.3.2 >/dev/null && wait $!");
	guest_sh("ip link set fioone down && ip link set fioone up && "
		 "ip route replace 192.0.2.2 dev fioone");
	guest_sh("for net in 2 3; do "
		 "ping -qc 2 -i 0.01 -W 20 192.0.$net.2 >/dev/null || exit; done");

	guest_sh("ip link del fioone");
	wait_told(&loop, "fioone: No such device");
	guest_sh("ping -qc 2 -i 0.01 -W 20 192.0.3.2 >/dev/null");
	ck_assert_int_eq(kill(loop.pid, SIGTERM), 0);
	ck_assert_int_eq(wait_for_end(&loop), 0);
	ck_assert_uint_eq(if_nametoindex("fiotwo"), 0);

	ck_assert_int_eq(run(BUILT "epoll-ports lo"), 1);
	has(complaint, "cannot make the port lo: File exists");
}
END_TEST

START_TEST(the_examples_of_the_overview_work)
{
	FILE *page = open_examples("frameio.7");
	const char *text;
	int n;

	for (n = 0; (text = next_example(page)); n++)
		ck_assert_msg(run("set -e\n%s", text) == 0, "%s: %s", text, complaint);
	ck_assert_int_eq(n, 2);
	has(printed, "3 packets transmitted, 3 received, 0% packet loss");
	ck_assert_uint_eq(guest_count_ports(), 0);
}
END_TEST

/*
 * The commands, with what goes on for long ended by Ctrl-C; but those for a card's clock.
 */
START_TEST(the_commands_for_a_card_work)
{
	guest_free_name("eth0");
	guest_free_name("eth1");
	guest_sh("ip link add eth0 type veth peer name eth1 && ip link set eth0 up && "
		 "ip link set eth1 up");
	guest_wait_running("eth0");
	make_ended("framegen framecap frameio", "INT");
	guest_sh("sed -n '/^\t.*\\(----\\|tstamp\\)/d;s/^\t//p' " GUEST_SRCDIR "/docs/nic.md "
		 ">/run/nic.sh && test $(grep -c . /run/nic.sh) -ge 8");
	guest_sh("cd /run && PATH=" ENDED ":$PATH && export PATH && "
		 "sh -ex nic.sh >nic.out 2>nic.err || { cat nic.err; exit 1; }");
	guest_sh("grep -q 'received' /run/nic.out && test -s /run/wire.pcap && "
		 "ip link del eth0");
	ck_assert_uint_eq(guest_count_ports(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("examples");
	TCase *tcase = guest_tcase(suite, "examples", 120, NULL, NULL);

	find_tools("frameio");
	tcase_add_loop_test(tcase, each_answers_pings, 0, NEXAMPLES);
	tcase_add_loop_test(tcase, each_tells_what_is_wrong, 0, NEXAMPLES);
	tcase = guest_tcase(suite, "built", 120, NULL, delete_hosts);
	tcase_add_test(tcase, a_tunnel_joins_two_hosts);
	tcase_add_test(tcase, a_tap_tells_what_its_filter_chooses);
	tcase_add_test(tcase, a_loop_serves_several_ports);
	tcase_add_test(tcase, the_examples_of_the_overview_work);
	tcase_add_test(tcase, the_commands_for_a_card_work);
	return guest_run(suite);
}
