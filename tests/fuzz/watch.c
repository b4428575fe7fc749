/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "link.h"
#include "record.h"
#include "watch.h"

#define CANARY		"canary0"
#define SINK		"sink0"
#define CANARY_LEN	300
#define CANARY_WAIT_MS	20000
#define HDRLEN		sizeof(struct frameio_hdr)
#define PORTS_MAX	256
#define IFINDEXES_MAX	64

static int netns_fds[EXECUTE_NETNS];
/* The interfaces of each that stay: those it had before the first program. */
static unsigned int ifindexes[EXECUTE_NETNS][IFINDEXES_MAX];
static int log_fd, canary_fd, packet_fd, sink_fd;

static int open_or_die(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

/* Set a switch of the kernel's, if it has it. */
static void set(const char *path, const char *value)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && (write(fd, value, strlen(value)) < 0 || close(fd)))
		warn("%s", path);
}

/* A port of our own, in the way of nobody. */
static int make_port(const char *name, uint32_t flags, int *ifindex)
{
	struct frameio_create create = { .fc_flags = flags };
	const int fd = open_or_die("/dev/frameio/control", O_RDWR | O_NONBLOCK);

	memcpy(create.fc_name, name, strlen(name));
	if (ioctl(fd, FRAMEIO_CREATE, &create))
		err(2, "FRAMEIO_CREATE");
	*ifindex = create.fc_ifindex;
	return fd;
}

/*
 * Packets to RECORD_NETWORK4 and 6 are routed to a port that nobody else uses.
 * So the kernel takes what was written at its word: it finishes checksums and
 * cuts segments.
 */
static void make_sink(void)
{
	int ifindex;

	sink_fd = make_port(SINK, FRAMEIO_PORT_L3, &ifindex);
	set("/proc/sys/net/ipv4/ip_forward", "1");
	set("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	if (system("ip address add " RECORD_NETWORK4 "1/24 dev " SINK) ||
	    system("ip -6 address add " RECORD_NETWORK6 "1/64 dev " SINK " nodad"))
		errx(2, "no address for " SINK);
	link_up(SINK, 1);
}

static void drain_sink(void)
{
	static unsigned char record[70 << 10];

	while (read(sink_fd, record, sizeof(record)) > 0)
		;
}

static void make_canary(void)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int one = 1;

	canary_fd = make_port(CANARY, 0, &address.sll_ifindex);
	set("/proc/sys/net/ipv6/conf/" CANARY "/disable_ipv6", "1");
	link_up(CANARY, 1);
	packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packet_fd < 0 ||
	    setsockopt(packet_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(packet_fd, (void *)&address, sizeof(address)))
		err(2, "packet socket");
}

static void enter(unsigned int netns)
{
	if (setns(netns_fds[netns], CLONE_NEWNET))
		err(2, "setns");
}

/* Have @visit see each interface of a namespace, which this thread is in. */
static void for_each_interface(unsigned int netns,
			       void (*visit)(unsigned int netns, const struct if_nameindex *, unsigned int n))
{
	struct if_nameindex *interfaces = if_nameindex();
	unsigned int i;

	for (i = 0; interfaces && interfaces[i].if_index; i++)
		visit(netns, &interfaces[i], i);
	if_freenameindex(interfaces);
}

static void keep_interface(unsigned int netns, const struct if_nameindex *interface, unsigned int n)
{
	if (n >= IFINDEXES_MAX)
		errx(2, "too many interfaces");
	ifindexes[netns][n] = interface->if_index;
}

static void delete_interface(unsigned int netns, const struct if_nameindex *interface,
			     unsigned int n)
{
	for (n = 0; n < IFINDEXES_MAX; n++)
		if (ifindexes[netns][n] == interface->if_index)
			return;
	link_delete(interface->if_name);
}

void watch_init(int netns[EXECUTE_NETNS])
{
	unsigned int i;

	/* kinds of interfaces that are attached to, before nothing is loaded any more */
	if (system("modprobe -qa veth dummy bridge"))
		warnx("not all kinds of interfaces are there");
	/* most of the time would go there: grace periods, and modprobe for each unknown name */
	set("/sys/kernel/rcu_expedited", "1");
	set("/proc/sys/kernel/modprobe", "\n");
	netns_fds[0] = open_or_die("/proc/self/ns/net", O_RDONLY);
	for (i = 1; i < EXECUTE_NETNS; i++) {
		if (unshare(CLONE_NEWNET))
			err(2, "unshare");
		netns_fds[i] = open_or_die("/proc/self/ns/net", O_RDONLY);
	}
	if (setns(netns_fds[0], CLONE_NEWNET))
		err(2, "setns");
	memcpy(netns, netns_fds, sizeof(netns_fds));
	log_fd = open_or_die("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(log_fd, 0, SEEK_END);
	make_sink();
	make_canary();
	for (i = EXECUTE_NETNS; i--;) {
		enter(i);
		for_each_interface(i, keep_interface);
	}
}

/* The line's text, as "priority,number,time,flags;text" has it, begins a report. */
static bool is_report(const char *line)
{
	static const char *const starts[] = {
		"BUG", "WARNING", "UBSAN", "KASAN", "KCSAN", "Oops", "general protection fault",
		"kernel BUG", "stack segment", "INFO: ", "rcu: INFO: ", "watchdog: ", "refcount_t: ",
		"list_add corruption", "list_del corruption", "unregister_netdevice: waiting",
		"ODEBUG: ", "page_owner", "ref_tracker: ", "leaked reference",
	};
	const char *text = strchr(line, ';');
	unsigned int i;

	for (i = 0; text && i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strncmp(text + 1, starts[i], strlen(starts[i])))
			return true;
	return false;
}

bool watch_log(void)
{
	bool clean = true;
	char line[8192];
	ssize_t len;

	for (;;) {
		len = read(log_fd, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;	/* some were overwritten before we came */
		if (len <= 0)
			return clean;
		line[len] = 0;
		line[strcspn(line, "\n")] = 0;
		if (clean && is_report(line)) {
			execute_found("the kernel reported: %s", strchr(line, ';') + 1);
			clean = false;
		}
	}
}

static void fill_canary(unsigned char *frame, uint32_t number)
{
	struct ether_header ether = { .ether_type = htons(0x88b5) };
	uint32_t i;

	for (i = 0; i < CANARY_LEN; i++)
		frame[i] = random_mix(number + i) >> 24;
	memset(ether.ether_dhost, 0xff, sizeof(ether.ether_dhost));
	memcpy(frame, &ether, sizeof(ether));
}

static bool wait_for(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, CANARY_WAIT_MS) == 1;
}

static bool watch_canary_read(const unsigned char *frame)
{
	unsigned char record[HDRLEN + 2 * CANARY_LEN];
	ssize_t len;

	if (send(packet_fd, frame, CANARY_LEN, 0) != CANARY_LEN || !wait_for(canary_fd)) {
		execute_found("another port transmits no more (%s)", strerror(errno));
		return false;
	}
	len = read(canary_fd, record, sizeof(record));
	if (len == (ssize_t)HDRLEN + CANARY_LEN && !memcmp(record + HDRLEN, frame, CANARY_LEN))
		return true;
	execute_found("another port gave a frame that nobody sent, %zd bytes", len);
	return false;
}

static bool watch_canary_write(const unsigned char *frame)
{
	unsigned char record[HDRLEN + CANARY_LEN], received[2 * CANARY_LEN];
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.len = CANARY_LEN,
	};
	ssize_t len;

	memcpy(record, &hdr, sizeof(hdr));
	memcpy(record + HDRLEN, frame, CANARY_LEN);
	if (write(canary_fd, record, sizeof(record)) != sizeof(record) || !wait_for(packet_fd)) {
		execute_found("another port receives no more (%s)", strerror(errno));
		return false;
	}
	len = recv(packet_fd, received, sizeof(received), MSG_DONTWAIT);
	if (len == CANARY_LEN && !memcmp(received, frame, CANARY_LEN))
		return true;
	execute_found("another port received a frame that nobody wrote, %zd bytes", len);
	return false;
}

bool watch_canary(void)
{
	unsigned char frame[CANARY_LEN];
	static uint32_t number;

	drain_sink();
	fill_canary(frame, ++number);
	return watch_canary_read(frame) && watch_canary_write(frame);
}

/* The ports of this namespace except our own; how many there are. */
static unsigned int list_ports(struct frameio_info *ports)
{
	struct frameio_list list = {
		.fl_size = sizeof(struct frameio_info),
		.fl_ports = (uintptr_t)ports,
		.fl_count = PORTS_MAX,
	};
	unsigned int i, n = 0;

	if (ioctl(canary_fd, FRAMEIO_LIST, &list))
		err(2, "FRAMEIO_LIST");
	for (i = 0; i < list.fl_count && i < PORTS_MAX; i++)
		if (strcmp(ports[i].fi_name, CANARY) && strcmp(ports[i].fi_name, SINK))
			ports[n++] = ports[i];
	return n;
}

static bool watch_leftovers_here(void)
{
	static struct frameio_info ports[PORTS_MAX];
	struct frameio_delete delete = { .fd_name = "" };
	unsigned int n = list_ports(ports), i;
	bool good = true;

	for (i = 0; i < n; i++) {
		if (!(ports[i].fi_flags & FRAMEIO_PORT_PERSIST) || ports[i].fi_nopen) {
			execute_found("port %s, flags %#x, %u open, is still there with no file left",
				      ports[i].fi_name, ports[i].fi_flags, ports[i].fi_nopen);
			good = false;
		}
		memcpy(delete.fd_name, ports[i].fi_name, sizeof(delete.fd_name));
		if (ioctl(canary_fd, FRAMEIO_DELETE, &delete)) {
			execute_found("port %s cannot be deleted (%s)", delete.fd_name,
				      strerror(errno));
			good = false;
		}
	}
	if (list_ports(ports)) {
		execute_found("port %s was deleted, but is there", ports[0].fi_name);
		good = false;
	}
	return good;
}

bool watch_leftovers(void)
{
	bool good = true;
	unsigned int i;

	for (i = EXECUTE_NETNS; i--;) {
		enter(i);
		good &= watch_leftovers_here();
		for_each_interface(i, delete_interface);
	}
	return good;
}

/* Namespaces that programs made go at the kernel's leisure, and with them their ports. */
static bool remove_module(void)
{
	unsigned int tries;

	for (tries = 0; tries < 30; tries++) {
		if (!syscall(SYS_delete_module, "frameio", O_NONBLOCK))
			return true;
		sleep(1);
	}
	execute_found("the module cannot be removed (%s)", strerror(errno));
	return false;
}

bool watch_end(void)
{
	char leak[2048];
	ssize_t len;
	int fd;

	close(packet_fd);
	close(canary_fd);
	close(sink_fd);
	if (!remove_module() || !watch_log())
		return false;
	fd = open("/sys/kernel/debug/kmemleak", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	/* what is younger than 5 s is not looked at, and what was found once not trusted */
	set("/sys/kernel/debug/kmemleak", "scan");
	sleep(6);
	set("/sys/kernel/debug/kmemleak", "scan");
	len = read(fd, leak, sizeof(leak) - 1);
	close(fd);
	if (len <= 0)
		return watch_log();
	leak[len] = 0;
	warnx("kmemleak:\n%s", leak);
	execute_found("memory was leaked");
	return false;
}
