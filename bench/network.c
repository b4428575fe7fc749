/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* What Ethernet has, unless frames are longer: what fits one page is cheaper with some peers. */
#define MTU		1500U
#define HEADER_LEN	14	/* of Ethernet, which an MTU does not count */

#define SEND_BUFFER	(64 << 20)

/* Namespaces: ours, and of the host far away. */
static int near, far;

/* Have ip(8) do what is said, a line each. */
__attribute__((format(printf, 1, 2)))
static void configure(const char *format, ...)
{
	FILE *ip = popen("ip -batch -", "w");
	va_list arguments;

	fail_unless(ip != NULL, "ip");
	va_start(arguments, format);
	vfprintf(ip, format, arguments);
	va_end(arguments);
	if (pclose(ip))
		die("ip(8) could not do what is told above; the kernel needs dummy and veth");
}

/* Interfaces are made without IPv6: its neighbour discovery would send frames of its own. */
static void silence(void)
{
	const int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY);

	if (fd < 0 && errno == ENOENT)
		return;
	fail_unless(fd >= 0 && write(fd, "1", 1) == 1, "disable_ipv6");
	close(fd);
}

/* Leave for a new one, silent, and return it. */
static int unshare_network(void)
{
	int fd;

	fail_unless(!unshare(CLONE_NEWNET), "a network namespace");
	silence();
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fail_unless(fd >= 0, "/proc/self/ns/net");
	return fd;
}

void network_enter(void)
{
	far = unshare_network();
	near = unshare_network();
}

void network_go_far(void)
{
	fail_unless(!setns(far, CLONE_NEWNET), "setns");
}

void network_come_back(void)
{
	fail_unless(!setns(near, CLONE_NEWNET), "setns");
}

void network_move_far(const char *name)
{
	configure("link set %s netns /proc/%d/fd/%d\n", name, (int)getpid(), far);
}

void network_make_sink(void)
{
	configure("link add " SINK_NAME " type dummy\n");
}

#define WITH_WIRE	(WORKLOADS_NIC & WORKLOADS_IN)
#define WITH_DUMMY	(WORKLOADS_NIC & WORKLOADS_OUT)

void network_make_nics(unsigned int workload)
{
	if (workload & WITH_WIRE) {
		configure("link add " IN_NAME " type veth peer name " WIRE_NAME "\n"
			  "link set " WIRE_NAME " up\n");
		network_bring_up(IN_NAME);
		network_bring_up(WIRE_NAME);
	}
	if (workload & WITH_DUMMY) {
		configure("link add " OUT_NAME " type dummy\n");
		network_bring_up(OUT_NAME);
	}
}

void network_delete_nics(unsigned int workload)
{
	if (workload & WITH_WIRE)
		configure("link delete " IN_NAME "\n");
	if (workload & WITH_DUMMY)
		configure("link delete " OUT_NAME "\n");
}

/*
 * An interface is running once its carrier was seen, and until then it drops what is sent.
 * The MTU is set last, as it waits for a lock that whoever sees the carrier holds.
 */
void network_bring_up(const char *name)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	fail_unless(fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &ifr), name);
	ifr.ifr_flags |= IFF_UP;
	fail_unless(!ioctl(fd, SIOCSIFFLAGS, &ifr), name);
	while (!(ifr.ifr_flags & IFF_RUNNING)) {
		usleep(1000);
		fail_unless(!ioctl(fd, SIOCGIFFLAGS, &ifr), name);
	}
	ifr.ifr_mtu = burst.len > MTU + HEADER_LEN ? burst.len - HEADER_LEN : MTU;
	fail_unless(!ioctl(fd, SIOCSIFMTU, &ifr), name);
	close(fd);
}

void network_set_address(const char *name, const char *address)
{
	configure("address add %s dev %s\n", address, name);
}

const char *network_set_qdisc(const char *name, const char *qdisc, unsigned int nqueues)
{
	static char refused[128];
	/* to have none is an interface's choice, not a queue's */
	const bool whole = nqueues == 1 || !strcmp(qdisc, "noqueue");
	FILE *tc = popen("tc -batch - 2>/dev/null", "w");
	unsigned int i;

	fail_unless(tc != NULL, "tc");
	if (whole)
		fprintf(tc, "qdisc replace dev %s root %s\n", name, qdisc);
	else
		fprintf(tc, "qdisc replace dev %s root handle 1: mq\n", name);
	for (i = 1; !whole && i <= nqueues; i++)
		fprintf(tc, "qdisc replace dev %s parent 1:%x %s\n", name, i, qdisc);
	if (!pclose(tc))
		return NULL;
	snprintf(refused, sizeof(refused), "tc(8) cannot set the queueing discipline '%s'", qdisc);
	return refused;
}

/* The last line is that of a queue, where there are several. */
void network_get_qdisc(const char *name, char *qdisc, size_t size)
{
	char command[64], line[256], kind[32] = "";
	FILE *tc;

	snprintf(command, sizeof(command), "tc qdisc show dev %s", name);
	tc = popen(command, "re");
	fail_unless(tc != NULL, "tc");
	while (fgets(line, sizeof(line), tc))
		sscanf(line, "qdisc %31s", kind);
	pclose(tc);
	snprintf(qdisc, size, "%s", kind);
}

static int open_packet(const char *name, unsigned short protocol)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(name),
	};
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	fail_unless(fd >= 0 && !bind(fd, (const void *)&address, sizeof(address)), name);
	return fd;
}

int network_open_sender(const char *name)
{
	return open_packet(name, 0);
}

int network_open_source(const char *name)
{
	const int fd = network_open_sender(name), size = SEND_BUFFER;

	fail_unless(!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), name);
	return fd;
}

int network_open_pinger(const char *name)
{
	return open_packet(name, ETHERTYPE);
}
