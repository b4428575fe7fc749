/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

void guest_pause(void)
{
	nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
}

static void *call_thread(void *argument)
{
	struct guest_call *call = argument;
	ssize_t result;
	sigset_t set;

	/* system(3) elsewhere must not wake this thread: that would hide a wake-up that is lost */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	call->tid = gettid();
	errno = 0;
	result = call->function(call->fd, call->arg);
	return (void *)(result < 0 ? -(intptr_t)errno : result);
}

void guest_call_start(struct guest_call *call, ssize_t (*function)(int, void *), int fd, void *arg)
{
	*call = (struct guest_call) { .function = function, .fd = fd, .arg = arg };
	ck_assert_int_eq(pthread_create(&call->thread, NULL, call_thread, call), 0);
	while (!call->tid)
		guest_pause();
}

/* Of a sleeping thread /proc tells the system call; of a running one, that it runs. */
void guest_call_wait_asleep(struct guest_call *call, long number)
{
	char path[64], state = 0;
	long found = -1;

	/* who reads a ring sleeps in no other */
	if (guest_over_rings())
		number = SYS_poll;
	for (;; guest_pause()) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)call->tid);
		file = fopen(path, "r");
		ck_assert_msg(file != NULL, "the call returned instead of sleeping");
		if (fscanf(file, "%ld", &found) != 1)
			found = -1;
		fclose(file);
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)call->tid);
		file = fopen(path, "r");
		ck_assert_msg(file != NULL, "the call returned instead of sleeping");
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(file);
		if (found == number && state == 'S')
			return;
	}
}

ssize_t guest_call_join(struct guest_call *call)
{
	void *result;

	ck_assert_int_eq(pthread_join(call->thread, &result), 0);
	if ((intptr_t)result >= 0)
		return (intptr_t)result;
	errno = -(intptr_t)result;
	return -1;
}

int guest_call_join_error(struct guest_call *call)
{
	ssize_t result = guest_call_join(call);

	ck_assert_msg(result == -1, "the call returned %zd instead of an error", result);
	return errno;
}

void guest_call_signal(struct guest_call *call, int number)
{
	ck_assert_int_eq(pthread_kill(call->thread, number), 0);
}

static void keep_to_cpu(pid_t tid, int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	ck_assert_int_eq(sched_setaffinity(tid, sizeof(cpus), &cpus), 0);
}

static bool has_threads(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/class/net/%s/threaded", name);
	return access(path, F_OK) == 0;
}

void guest_receive_threaded(const char *name)
{
	if (has_threads(name))
		guest_write_file("1", "/sys/class/net/%s/threaded", name);
}

/* Keep the threads that drain the write queues of an interface to CPU 1; returns how many. */
static int keep_receive_to_cpu1(const char *name)
{
	char path[300], comm[32], prefix[32];
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	snprintf(prefix, sizeof(prefix), "napi/%s-", name);
	while ((entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = atoi(entry->d_name) ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, prefix, strlen(prefix))) {
			keep_to_cpu(atoi(entry->d_name), 1);
			n++;
		}
		fclose(file);
	}
	closedir(dir);
	return n;
}

static void set_realtime(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	ck_assert_int_eq(sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param), 0);
}

static pthread_t spinner;
static atomic_int spinning;

/* With a real-time priority, so that no thread of the kernel gets its turn. */
static void *spin(void *unused)
{
	keep_to_cpu(0, 1);
	set_realtime(50);
	spinning = 1;
	while (spinning)
		;
	return unused;
}

/* Queue more packets at once on the loopback interface than the softirq handles in its turn. */
static void flood_softirq(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	static const unsigned char datagrams[64 * 100];
	const int segment = 100;
	socklen_t len = sizeof(to);
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);

	guest_sh("ethtool -K lo tx-udp-segmentation off");
	guest_write_file("1", "/proc/sys/net/core/dev_weight");
	guest_write_file("1", "/proc/sys/net/core/netdev_budget");
	ck_assert_int_eq(bind(receiver, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(getsockname(receiver, (struct sockaddr *)&to, &len), 0);
	/* the weight holds from the turn after the next one */
	ck_assert_int_eq(sendto(sender, datagrams, segment, 0, (struct sockaddr *)&to, sizeof(to)),
			 segment);
	ck_assert_int_eq(setsockopt(sender, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	ck_assert_int_eq(sendto(sender, datagrams, sizeof(datagrams), 0, (struct sockaddr *)&to,
				sizeof(to)), sizeof(datagrams));
	close(sender);
	close(receiver);
	guest_write_file("64", "/proc/sys/net/core/dev_weight");
	guest_write_file("300", "/proc/sys/net/core/netdev_budget");
}

/*
 * Without threads the softirq drains a queue, in the writer's own call, unless
 * there was too much to do and CPU 1's ksoftirqd was woken for it: then all is
 * left to that, and the spinner keeps it from running. The writers are above both.
 */
static void hold_softirq(void)
{
	set_realtime(60);
	keep_to_cpu(0, 1);
	flood_softirq();
	guest_sh("grep -q '(ksoftirqd/1) R' /proc/$(pgrep -x ksoftirqd/1)/stat");
}

static void set_limit(const char *path, const char *limit)
{
	char now[32] = "";
	FILE *file = fopen(path, "re");

	ck_assert_msg(file && fgets(now, sizeof(now), file), "cannot read %s", path);
	fclose(file);
	now[strcspn(now, "\n")] = '\0';
	/* the same again is refused since 6.12 */
	if (strcmp(now, limit))
		guest_write_file(limit, "%s", path);
}

/* On their CPU nothing is to be left to others: by the limit, and since 6.12 by a server. */
static void let_realtime_starve(void)
{
	static const char server[] = "/sys/kernel/debug/sched/fair_server/cpu1/runtime";

	set_limit("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	if (!access(server, F_OK))
		set_limit(server, "0");
}

void guest_receive_hold(const char *name)
{
	bool threads = has_threads(name);

	guest_receive_threaded(name);
	if (threads)
		ck_assert_int_gt(keep_receive_to_cpu1(name), 0);
	/* or the spinner keeps this thread from running, too, if it meets it there */
	keep_to_cpu(0, 0);
	let_realtime_starve();
	ck_assert_int_eq(pthread_create(&spinner, NULL, spin, NULL), 0);
	while (!spinning)
		guest_pause();
	if (!threads)
		hold_softirq();
}

void guest_receive_elsewhere(void)
{
	/* in this order: without its priority the thread would never leave that CPU */
	keep_to_cpu(0, 0);
	set_realtime(0);
}

void guest_receive_release(void)
{
	spinning = 0;
	ck_assert_int_eq(pthread_join(spinner, NULL), 0);
	set_realtime(0);
}

void guest_fill_numbered(void *frame, size_t len, uint32_t number)
{
	ck_assert_uint_ge(len, GUEST_NUMBERED_MIN);
	guest_fill(frame, len, number, 0);
	memcpy((unsigned char *)frame + 14, &number, sizeof(number));
}

size_t guest_record_numbered(void *record, size_t len, uint32_t number)
{
	guest_header(record, len);
	guest_fill_numbered((unsigned char *)record + HDRLEN, len, number);
	return HDRLEN + len;
}

uint32_t guest_check_numbered(const void *frame, size_t len)
{
	unsigned char expected[2048];
	uint32_t number;

	/* an assertion of Check's is a system call, even one that holds */
	if (len < GUEST_NUMBERED_MIN || len > sizeof(expected))
		ck_abort_msg("a numbered frame of %zu bytes", len);
	memcpy(&number, (const unsigned char *)frame + 14, sizeof(number));
	guest_fill_numbered(expected, len, number);
	if (memcmp(frame, expected, len))
		ck_assert_mem_eq(frame, expected, len);
	return number;
}

void guest_delete_ports(void)
{
	struct frameio_info ports[16];
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)ports,
		.fl_count = 16,
	};
	struct frameio_delete request = { .fd_reserved = { 0 } };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	while (list.fl_count--) {
		memcpy(request.fd_name, ports[list.fl_count].fi_name, sizeof(request.fd_name));
		ck_assert_int_eq(ioctl(fd, FRAMEIO_DELETE, &request), 0);
	}
	close(fd);
}

void guest_use_fifo(void)
{
	guest_write_file("pfifo", "/proc/sys/net/core/default_qdisc");
}

void guest_wait_running(const char *name)
{
	struct ifreq request = { 0 };
	char path[64], state[16];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", name);
	do {
		/* no event tells of it without a socket; each look takes a while */
		file = fopen(path, "re");
		ck_assert_ptr_nonnull(file);
		if (!fgets(state, sizeof(state), file))
			state[0] = '\0';
		fclose(file);
	} while (strcmp(state, "up\n") && strcmp(state, "unknown\n") && !sched_yield());
	/*
	 * It says so before it gets its queueing discipline, and until then drops what is
	 * sent. To change its flags is to wait for a lock that is held until it has it.
	 */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

void guest_add_nic(void)
{
	guest_delete_nic();
	guest_sh("ip link add fionic type veth peer name fiopeer");
	guest_disable_ipv6("fionic");
	guest_disable_ipv6("fiopeer");
	guest_set_up("fionic", 1500);
	guest_set_up("fiopeer", 1500);
	guest_wait_running("fionic");
}

void guest_keep_nic_order(void)
{
	guest_write_file("1", "/sys/class/net/fionic/queues/rx-0/rps_cpus");
	guest_write_file("1", "/sys/class/net/fiopeer/queues/rx-0/rps_cpus");
}

void guest_delete_nic(void)
{
	if (!access("/sys/class/net/fionic", F_OK))
		/* it may just be going with its peer's namespace */
		guest_sh("ip link del fionic 2>/dev/null || :");
}

int guest_wait(pid_t child)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "the child ended with status %#x", status);
	return WEXITSTATUS(status);
}
