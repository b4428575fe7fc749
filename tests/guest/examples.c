/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The programs of examples/: each answers pings, in the mode that it is an example of. */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"

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

static pid_t start(const char *path)
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
	pid_t child = start(example->path);
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

int main(void)
{
	Suite *suite = suite_create("examples");
	TCase *tcase = guest_tcase(suite, "examples", 120, NULL, NULL);

	tcase_add_loop_test(tcase, each_answers_pings, 0, NEXAMPLES);
	tcase_add_loop_test(tcase, each_tells_what_is_wrong, 0, NEXAMPLES);
	return guest_run(suite);
}
