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
		die("ip(8) could not do what is told above");
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

void network_enter(void)
{
	fail_unless(!unshare(CLONE_NEWNET), "a network namespace");
	silence();
}

void network_make_sink(void)
{
	configure("link add " SINK_NAME " type dummy\n");
}

void network_make_nics(unsigned int workload)
{
	if (workload & (WORKLOAD(NIC_RECEIVE) | WORKLOAD(NIC_FORWARD))) {
		configure("link add " IN_NAME " type veth peer name " WIRE_NAME "\n"
			  "link set " WIRE_NAME " up\n");
		network_bring_up(IN_NAME);
		network_bring_up(WIRE_NAME);
	}
	if (workload & (WORKLOAD(NIC_SEND) | WORKLOAD(NIC_FORWARD))) {
		configure("link add " OUT_NAME " type dummy\n");
		network_bring_up(OUT_NAME);
	}
}

void network_delete_nics(unsigned int workload)
{
	if (workload & (WORKLOAD(NIC_RECEIVE) | WORKLOAD(NIC_FORWARD)))
		configure("link delete " IN_NAME "\n");
	if (workload & (WORKLOAD(NIC_SEND) | WORKLOAD(NIC_FORWARD)))
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

static int open_packet(const char *name, unsigned short protocol)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(name),
	};
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), size = SEND_BUFFER;

	fail_unless(fd >= 0 && !bind(fd, (const void *)&address, sizeof(address)), name);
	fail_unless(!setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), name);
	return fd;
}

int network_open_source(const char *name)
{
	return open_packet(name, 0);
}

int network_open_pinger(const char *name)
{
	return open_packet(name, ETHERTYPE);
}
