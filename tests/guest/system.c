/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What is installed beside the programs: the rule for udev, with the rules of the
 * system's own around it, and the examples for modprobe.
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

int main(void)
{
	Suite *suite = suite_create("system");

	add_udev_tests(suite);
	add_modprobe_tests(suite);
	return guest_run(suite);
}
