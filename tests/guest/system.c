/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What is installed beside the programs: the rule for udev, with the rules of the
 * system's own around it, the unit for systemd, with a systemd around it, and the examples
 * for modprobe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"

static void start_udev(void)
{
	guest_sh("mkdir -p /run/udev/rules.d && "
		 "cp " GUEST_SRCDIR "/system/60-frameio.rules /run/udev/rules.d && "
		 "/lib/systemd/systemd-udevd --daemon && "
		 "udevadm trigger --action=add --subsystem-match=frameio && "
		 "udevadm settle --timeout=100");
}

static void end_udev(void)
{
	guest_sh("udevadm control --exit --timeout=100");
}

static void settle(const char *command)
{
	guest_sh("%s && udevadm settle --timeout=100", command);
}

START_TEST(udev_leaves_a_node_to_the_kernel)
{
	guest_sh("test \"$(stat -c '%%a %%U %%G' /dev/frameio/control)\" = '666 root root'");
	settle("ip link add fio0 type frameio");
	guest_sh("test \"$(stat -c '%%a %%U %%G' /dev/frameio/fio0)\" = '600 root root'");
	settle("../tools/frameio add fio1 owner nobody group nogroup");
	guest_sh("test \"$(stat -c '%%a %%U %%G' /dev/frameio/fio1)\" = '660 nobody nogroup'");
	settle("ip link set fio1 name fio2");
	guest_sh("test ! -e /dev/frameio/fio1");
	guest_sh("test \"$(stat -c '%%a %%U %%G' /dev/frameio/fio2)\" = '660 nobody nogroup'");
	settle("ip link del fio2");
	guest_sh("test ! -e /dev/frameio/fio2");
	settle("ip link del fio0");
	guest_sh("test \"$(ls /dev/frameio)\" = control");
}
END_TEST

START_TEST(a_unit_can_wait_for_a_node)
{
	settle("ip link add fio0 type frameio");
	guest_sh("udevadm info --query=property /dev/frameio/fio0 | grep -q '^TAGS=.*:systemd:'");
	guest_sh("udevadm info --query=property /dev/frameio/control | grep -q '^TAGS=.*:systemd:'");
	settle("ip link del fio0");
}
END_TEST

/* Modules as depmod finds them where the module is installed. */
#define MODPROBE	"modprobe -d /run/installed --show-depends "

static void install_module(void)
{
	guest_sh(". /run/vm/call && dir=/run/installed/lib/modules/$(uname -r) && "
		 "mkdir -p $dir/updates /run/modprobe.d && "
		 "cp \"$ko\" $dir/updates/frameio.ko && "
		 ": >$dir/modules.order && : >$dir/modules.builtin && : >$dir/modules.builtin.modinfo && "
		 "depmod -b /run/installed $(uname -r)");
}

START_TEST(the_kind_of_interface_loads_the_module)
{
	guest_sh(MODPROBE "-C /run/modprobe.d rtnl-link-frameio | grep -q '/frameio\\.ko *$'");
}
END_TEST

START_TEST(the_example_keeps_others_from_loading_it)
{
	guest_sh("mkdir -p /run/modprobe.example && "
		 "cp " GUEST_SRCDIR "/system/modprobe.conf /run/modprobe.example/frameio.conf");
	guest_sh("modules=$(" MODPROBE "-C /run/modprobe.example rtnl-link-frameio) && "
		 "test -z \"$modules\"");
	guest_sh(MODPROBE "-C /run/modprobe.example frameio | grep -q '/frameio\\.ko *$'");
}
END_TEST

START_TEST(the_example_loads_it_at_the_start)
{
	guest_sh("names=$(grep -v '^[#;]' " GUEST_SRCDIR "/system/modules-load.conf) && "
		 "test \"$names\" && for name in $names; do "
		 MODPROBE "-C /run/modprobe.d \"$name\" || exit 1; done");
}
END_TEST

/* --- the unit of systemd, with a systemd of its own -------------------------------------- */

#define UNITS		"/etc/frameio/units"
#define CGROUP		"/sys/fs/cgroup/fiosystemd"
#define SYSTEMCTL	"nsenter -t $(pgrep -f '^/lib/systemd/systemd --unit') -p -m -C systemctl "

/* The unit, where its programs are found; and nothing of the machine's own units. */
static void install_unit(void)
{
	guest_sh("useradd --system --shell /usr/sbin/nologin frameio-tunnel && "
		 "mkdir -p " UNITS "/frameio-tunnel@.service.d /usr/local/lib /usr/local/bin && "
		 "cp '" GUEST_SRCDIR "/system/frameio-tunnel@.service' "
		 "/lib/systemd/system/modprobe@.service " UNITS " && "
		 "for target in sysinit basic shutdown network-online; do "
		 "printf '[Unit]\nDefaultDependencies=no\n' >" UNITS "/$target.target; done && "
		 "printf '[Service]\nEnvironment=LD_LIBRARY_PATH=/usr/local/lib\n' "
		 ">" UNITS "/frameio-tunnel@.service.d/library.conf");
	guest_sh("cp ../libframeio/.libs/libframeio.so.* /usr/local/lib && "
		 "for program in ../tools/frameio ../examples/udp-tunnel; do "
		 "built=${program%%/*}/.libs/${program##*/}; [ -x $built ] || built=$program; "
		 "cp $built /usr/local/bin || exit; done");
}

/* Namespaces of its own for what it changes, but for that of the network. */
static void start_systemd(void)
{
	if (access("/lib/systemd/systemd", X_OK))
		ck_abort_msg("there is no systemd to try the unit with: install the Debian package "
			     "systemd");
	install_unit();
	guest_sh("mkdir -p " CGROUP " && echo 0 >" CGROUP "/cgroup.procs && "
		 "unshare --pid --fork --mount --mount-proc --cgroup --uts --ipc sh -c "
		 "'umount /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && "
		 "mount -t tmpfs none /run && "
		 "exec env -i PATH=$PATH container=test SYSTEMD_UNIT_PATH=" UNITS
		 " /lib/systemd/systemd --unit=basic.target' >/run/systemd.log 2>&1 & "
		 "echo $! >/run/systemd.pid");
	guest_sh("for i in $(seq 300); do " SYSTEMCTL "show -p Version >/dev/null 2>&1 && exit; "
		 "kill -0 $(cat /run/systemd.pid) || break; sleep 0.1; done; "
		 "cat /run/systemd.log; exit 1");
}

static void end_systemd(void)
{
	guest_sh("pkill -KILL -f '^/lib/systemd/systemd --unit'; "
		 "while pgrep -f '^/lib/systemd/systemd --unit' >/dev/null; do sleep 0.1; done; "
		 "find " CGROUP " -depth -type d -exec rmdir {} +; :");
}

START_TEST(a_tunnel_is_a_service_without_privileges)
{
	guest_sh("ip link add fiowire type dummy && "
		 "sysctl -qw net.ipv6.conf.fiowire.disable_ipv6=1 && ip link set fiowire up && "
		 "ip address add 192.0.2.1/24 dev fiowire && "
		 "printf 'PEER=192.0.2.7\nPORT=5555\nADDRESS=10.9.0.1/24\n' "
		 ">/etc/frameio/fiotun.tunnel");
	guest_sh(SYSTEMCTL "start frameio-tunnel@fiotun || { cat /run/systemd.log; exit 1; }");
	guest_wait_running("fiotun");
	guest_sh("cd /proc/$(pgrep -x udp-tunnel) && "
		 "grep -q \"^Uid:.$(id -u frameio-tunnel)\" status && "
		 "grep -q 'CapEff:.0000000000000000' status && "
		 "grep -q 'CapBnd:.0000000000000000' status && "
		 "grep -q 'NoNewPrivs:.1' status && grep -q 'Seccomp:.2' status && "
		 "! touch root/usr/lib/here 2>/dev/null");
	/* it carries what it is for */
	guest_sh("! ping -c 1 -W 0.1 10.9.0.2 >/dev/null");
	while (guest_link_counter("fiowire", "tx_packets") < 1)
		guest_pause();
	guest_sh(SYSTEMCTL "stop frameio-tunnel@fiotun");
	guest_sh("test ! -e /sys/class/net/fiotun && ip link del fiowire");
}
END_TEST

static void add_udev_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "udev", 120, guest_delete_ports, NULL);

	tcase_add_unchecked_fixture(tcase, start_udev, end_udev);
	tcase_add_test(tcase, udev_leaves_a_node_to_the_kernel);
	tcase_add_test(tcase, a_unit_can_wait_for_a_node);
}

static void add_modprobe_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "modprobe", 30, NULL, NULL);

	tcase_add_unchecked_fixture(tcase, install_module, NULL);
	tcase_add_test(tcase, the_kind_of_interface_loads_the_module);
	tcase_add_test(tcase, the_example_keeps_others_from_loading_it);
	tcase_add_test(tcase, the_example_loads_it_at_the_start);
}

static void add_systemd_tests(Suite *suite)
{
	TCase *tcase = guest_tcase(suite, "systemd", 120, NULL, NULL);

	tcase_add_unchecked_fixture(tcase, start_systemd, end_systemd);
	tcase_add_test(tcase, a_tunnel_is_a_service_without_privileges);
}

int main(void)
{
	Suite *suite = suite_create("system");

	add_systemd_tests(suite);
	add_udev_tests(suite);
	add_modprobe_tests(suite);
	return guest_run(suite);
}
