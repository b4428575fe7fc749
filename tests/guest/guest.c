/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

unsigned long guest_setting(const char *name, unsigned long absent)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : absent;
}

bool guest_is_slow(void)
{
	return guest_setting("CK_TIMEOUT_MULTIPLIER", 1) >= 10;
}

bool guest_over_rings(void)
{
	return getenv("FRAMEIO_OVER") != NULL;
}

void guest_end_over_rings(const char *test, const char *why)
{
	if (!guest_over_rings())
		return;
	printf("%s: not over rings: %s\n", test, why);
	/* of the test, which has a process of its own */
	exit(EXIT_SUCCESS);
}

double guest_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static int run(const char *format, va_list args, char *command, size_t size)
{
	vsnprintf(command, size, format, args);
	return system(command);
}

void guest_sh(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, command, sizeof(command));
	va_end(args);
	ck_assert_msg(status == 0, "'%s' ended with status %#x", command, status);
}

void guest_refuse_sh(const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	status = run(format, args, command, sizeof(command));
	va_end(args);
	ck_assert_msg(status != 0, "'%s' was not refused", command);
}

void guest_write_file(const char *text, const char *format, ...)
{
	char path[256];
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		      "writing '%s' to %s: %s", text, path, strerror(errno));
	close(fd);
}

uint64_t guest_number(const char *format, ...)
{
	char path[256], text[32] = "", *end;
	uint64_t value;
	va_list args;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "reading %s: %s", path,
		      strerror(errno));
	close(fd);
	value = strtoull(text, &end, 0);
	ck_assert_msg(end != text, "%s has no number, but '%s'", path, text);
	return value;
}

uint64_t guest_link_counter(const char *name, const char *which)
{
	return guest_number("/sys/class/net/%s/statistics/%s", name, which);
}

void guest_set_up(const char *name, unsigned int mtu)
{
	struct ifreq request = { .ifr_mtu = mtu };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(fd, SIOCSIFMTU, &request), 0);
	ck_assert_int_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	ck_assert_int_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

void guest_disable_ipv6(const char *name)
{
	guest_write_file("1", "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
}

void guest_free_name(const char *name)
{
	guest_sh("[ ! -e /sys/class/net/%s ] || { ip link set %s down && "
		 "ip link set %s name machine$(cat /sys/class/net/%s/ifindex); }", name, name, name,
		 name);
}

void guest_add_netns(const char *name)
{
	guest_sh("ip netns del %s 2>/dev/null; ip netns add %s", name, name);
}

int guest_control(void)
{
	int fd = open("/dev/frameio/control", O_RDWR | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "/dev/frameio/control: %s", strerror(errno));
	return fd;
}

int guest_create(const char *name, uint32_t flags, uint32_t nqueues)
{
	struct frameio_create create = { .fc_flags = flags, .fc_nqueues = nqueues };
	int fd = guest_control();

	strcpy(create.fc_name, name);
	ck_assert_msg(ioctl(fd, FRAMEIO_CREATE, &create) == 0, "FRAMEIO_CREATE %s: %s", name,
		      strerror(errno));
	return fd;
}

int guest_create_up(const char *name, uint32_t flags, uint32_t nqueues, unsigned int mtu)
{
	int fd = guest_create(name, flags, nqueues);

	guest_disable_ipv6(name);
	guest_set_up(name, mtu ? mtu : 1500);
	return fd;
}

int guest_open(const char *name, uint32_t queue)
{
	struct frameio_open request = { .fo_queue = queue };
	int fd = guest_control();
	int error;

	strcpy(request.fo_name, name);
	if (ioctl(fd, FRAMEIO_OPEN, &request) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

void guest_set_limits(int fd, uint32_t read_limit, uint32_t write_limit)
{
	struct frameio_limits limits = { .fq_read = read_limit, .fq_write = write_limit };

	ck_assert_int_eq(ioctl(fd, FRAMEIO_SET_LIMITS, &limits), 0);
}

void guest_set_nonblock(int fd, bool nonblock)
{
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_ne(flags, -1);
	flags = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

struct frameio_info guest_info(int fd)
{
	struct frameio_info info;

	ck_assert_int_eq(ioctl(fd, FRAMEIO_INFO, &info), 0);
	return info;
}

uint32_t guest_count_ports(void)
{
	struct frameio_list list = { .fl_size = sizeof(struct frameio_info) };
	int fd = guest_control();

	ck_assert_int_eq(ioctl(fd, FRAMEIO_LIST, &list), 0);
	close(fd);
	return list.fl_count;
}

void guest_pause_at_random(unsigned int *seed)
{
	volatile unsigned int n = rand_r(seed) % (1U << rand_r(seed) % 16);

	if (rand_r(seed) % 100 == 0)
		nanosleep(&(struct timespec) { .tv_nsec = 1000 * (rand_r(seed) % 200) }, NULL);
	while (n)
		n--;
}

void guest_stats(int fd, struct frameio_stats *stats)
{
	ck_assert_int_eq(ioctl(fd, FRAMEIO_STATS, stats), 0);
}

int guest_packet_socket(const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(name),
	};
	int one = 1, room = 64 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_ne(address.sll_ifindex, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(bind(fd, (void *)&address, sizeof(address)), 0);
	return fd;
}

static void fill_ip(unsigned char *packet, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(len),
		.ttl = 64,
		.protocol = 253,	/* RFC 3692: for experiments */
		.saddr = htonl(0x0a000001),
		.daddr = htonl(0x0a000002),
	};
	const uint16_t *words = (const uint16_t *)&ip;
	uint32_t sum = 0;
	int i;

	for (i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = ~((sum & 0xffff) + (sum >> 16));
	memcpy(packet, &ip, sizeof(ip));
}

void guest_fill(void *frame, size_t len, uint32_t seed, uint32_t flags)
{
	struct ether_header ether = { .ether_type = htons(GUEST_ETHERTYPE) };
	unsigned char *bytes = frame;
	uint32_t state = seed * 2654435761u + len + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = state >> 24;
	}
	if (flags & FRAMEIO_PORT_L3) {
		ck_assert_uint_ge(len, sizeof(struct iphdr));
		fill_ip(bytes, len);
		return;
	}
	ck_assert_uint_ge(len, sizeof(ether));
	memset(ether.ether_dhost, 0xff, sizeof(ether.ether_dhost));
	memcpy(ether.ether_shost, "\x02\x00\x00\x00\x00\x01", sizeof(ether.ether_shost));
	memcpy(bytes, &ether, sizeof(ether));
}

void guest_header(void *record, size_t len)
{
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = sizeof(hdr),
		.len = len,
	};

	memcpy(record, &hdr, sizeof(hdr));
}

size_t guest_record(void *record, size_t len, uint32_t seed, uint32_t flags)
{
	guest_header(record, len);
	guest_fill((unsigned char *)record + HDRLEN, len, seed, flags);
	return HDRLEN + len;
}

void guest_send(int packet, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char frame[len];

	guest_fill(frame, len, seed, flags);
	ck_assert_int_eq(send(packet, frame, len, 0), len);
}

void guest_receive(int packet, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char expected[len], received[len + 1];

	guest_fill(expected, len, seed, flags);
	ck_assert_int_eq(recv(packet, received, sizeof(received), 0), len);
	ck_assert_mem_eq(received, expected, len);
}

void guest_check_record(const void *record, size_t len, uint32_t seed, uint32_t flags)
{
	unsigned char expected[len];
	struct frameio_hdr hdr;

	memcpy(&hdr, record, sizeof(hdr));
	ck_assert_uint_eq(hdr.version, FRAMEIO_HDR_VERSION);
	ck_assert_uint_eq(hdr.hdrlen, HDRLEN);
	ck_assert_uint_eq(hdr.flags & FRAMEIO_F_TRUNC, 0);
	ck_assert_uint_eq(hdr.len, len);
	ck_assert_uint_eq(hdr.wirelen, len);
	guest_fill(expected, len, seed, flags);
	ck_assert_mem_eq((const unsigned char *)record + HDRLEN, expected, len);
}

uint16_t guest_sum16(uint32_t sum, const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t guest_pseudo_sum(const unsigned char *ip, size_t len)
{
	return guest_sum16(ip[9] + len, ip + 12, 8);
}

void guest_record_large(void *record)
{
	static const unsigned char headers[GUEST_LARGE_HEADERS] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 0,
		/* IPv4: 2540 bytes, TCP, from 10.9.0.2 to 10.9.0.1 */
		0x45, 0, 0x09, 0xec, 0, 0, 0, 0, 64, 6, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1,
		/* TCP: from port 1 to port 2, ACK */
		0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10,
	};
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.len = GUEST_LARGE_LEN,
		.flags = FRAMEIO_F_CSUM_PARTIAL,
		.csum_start = 34,
		.csum_offset = 16,
		.gso_type = 1,
		.gso_size = GUEST_LARGE_MSS,
		.gso_hdrlen = GUEST_LARGE_HEADERS,
	};
	unsigned char *frame = (unsigned char *)record + HDRLEN;
	uint16_t sum;
	size_t i;

	memcpy(record, &hdr, sizeof(hdr));
	memcpy(frame, headers, sizeof(headers));
	for (i = sizeof(headers); i < GUEST_LARGE_LEN; i++)
		frame[i] = i * 7;
	sum = ~guest_sum16(0, frame + 14, 20);
	memcpy(frame + 24, (unsigned char[]){ sum >> 8, sum }, 2);
	sum = guest_pseudo_sum(frame + 14, GUEST_LARGE_LEN - 34);
	memcpy(frame + 50, (unsigned char[]){ sum >> 8, sum }, 2);
}

void guest_check_segment(const unsigned char *frame, unsigned int i)
{
	const unsigned int ip_len = GUEST_SEGMENT_LEN - 14;
	const unsigned char *ip = frame + 14, *tcp = ip + 20;
	unsigned char large[HDRLEN + GUEST_LARGE_LEN];

	guest_record_large(large);
	ck_assert_uint_eq(ip[2] << 8 | ip[3], ip_len);
	ck_assert_uint_eq(guest_sum16(0, ip, 20), 0xffff);
	ck_assert_uint_eq(guest_sum16(guest_pseudo_sum(ip, ip_len - 20), tcp, ip_len - 20), 0xffff);
	ck_assert_uint_eq(tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7], i * GUEST_LARGE_MSS);
	ck_assert_mem_eq(tcp + 20, large + HDRLEN + GUEST_LARGE_HEADERS + i * GUEST_LARGE_MSS,
			 GUEST_LARGE_MSS);
}

void *guest_guarded(size_t len)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t size = (len + page - 1) / page * page;
	unsigned char *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(mprotect(map + size, page, PROT_NONE), 0);
	return map + size - len;
}

void guest_frameio_init(union guest_frameio *fio, uint32_t nvecs, uint32_t nvpf)
{
	memset(fio, 0, sizeof(*fio));
	fio->fio.fio_version = FRAMEIO_VERSION;
	fio->fio.fio_nvecs = nvecs;
	fio->fio.fio_nvpf = nvpf;
}

int guest_poll(int fd, short events, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	ck_assert_int_ne(poll(&pollfd, 1, timeout_ms), -1);
	return pollfd.revents;
}

TCase *guest_tcase(Suite *suite, const char *name, unsigned int seconds, void (*setup)(void),
		   void (*teardown)(void))
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, seconds);
	/* what another program's tests have left behind */
	tcase_add_unchecked_fixture(tcase, guest_delete_ports, NULL);
	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

int guest_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	/* what a failed test of another program has left behind */
	if (system("ip -all netns del"))
		return EXIT_FAILURE;
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
