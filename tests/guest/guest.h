/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the guest tests share. The ABI is used by hand here, not through the
 * library, so that the tests see exactly what the kernel does.
 */
#ifndef FRAMEIO_GUEST_H
#define FRAMEIO_GUEST_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <frameio/frameio.h>

#define HDRLEN	((size_t)sizeof(struct frameio_hdr))

/* Ethertype for local experiments (IEEE 802): the stack has no use for it. */
#define GUEST_ETHERTYPE	0x88b5

/* Assert that a call failed with an errno. */
#define ck_assert_errno(call, error) do {						\
	errno = 0;									\
	ck_assert_int_eq((int)(call), -1);						\
	ck_assert_msg(errno == (error), "%s: errno is %d (%s), not %s", #call, errno,	\
		      strerror(errno), #error);						\
} while (0)

/* A number that the environment sets, or @absent. */
unsigned long guest_setting(const char *name, unsigned long absent);

/* May a frame take a millisecond, as on the debug kernel? */
bool guest_is_slow(void);

/* Is what moves frames by calls to do so over rings (over.c)? */
bool guest_over_rings(void);

/* A test that is about the calls themselves ends here, if so: passed, and says why. */
#define guest_not_over_rings(why)	guest_end_over_rings(__func__, why)
void guest_end_over_rings(const char *test, const char *why);

/* Seconds of a clock that nobody sets. */
double guest_now(void);

/* Run a shell command, which must succeed. */
void guest_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One that must fail. */
void guest_refuse_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write a text to a file of the kernel's. */
void guest_write_file(const char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The number in a file of the kernel's; one of an interface's counters. */
uint64_t guest_number(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t guest_link_counter(const char *name, const char *which);

/* Set an interface's MTU, and it up: as ip does, but no program has to be started. */
void guest_set_up(const char *name, unsigned int mtu);

/* Have an interface send nothing of its own accord. */
void guest_disable_ipv6(const char *name);

/* Have no interface of that name: one of the machine's gets another. */
void guest_free_name(const char *name);

/* Make a network namespace; one of that name that another test left behind goes. */
void guest_add_netns(const char *name);

/* An unbound control file. */
int guest_control(void);

/* FRAMEIO_CREATE; the file, blocking, bound to queue pair 0. The interface is down. */
int guest_create(const char *name, uint32_t flags, uint32_t nqueues);

/* The same, with IPv6 off so that the kernel sends nothing of its own, set up, at @mtu (0: 1500). */
int guest_create_up(const char *name, uint32_t flags, uint32_t nqueues, unsigned int mtu);

/* FRAMEIO_OPEN of queue pair @queue, or FRAMEIO_QUEUE_ANY; -1 and errno if that fails. */
int guest_open(const char *name, uint32_t queue);

void guest_set_limits(int fd, uint32_t read_limit, uint32_t write_limit);
void guest_set_nonblock(int fd, bool nonblock);
void guest_stats(int fd, struct frameio_stats *stats);
struct frameio_info guest_info(int fd);

/* How many ports this network namespace has. */
uint32_t guest_count_ports(void);

/*
 * Nothing, for a time that is as often short as long, and sometimes asleep: what is
 * hunted hides where the other side is at one certain point.
 */
void guest_pause_at_random(unsigned int *seed);

/* A packet socket on the interface: what it sends is read from the port, and it
 * receives what is written to the port (not what itself or others send). */
int guest_packet_socket(const char *name);

/*
 * Fill a frame whose bytes all depend on @seed: for L2 a broadcast Ethernet
 * frame of GUEST_ETHERTYPE, for L3 (@flags) an IPv4 packet, with a valid header.
 */
void guest_fill(void *frame, size_t len, uint32_t seed, uint32_t flags);

/* Put a record in front of which there is nothing: a header for @len bytes. */
void guest_header(void *record, size_t len);

/* guest_header() and guest_fill(); returns the record's length. */
size_t guest_record(void *record, size_t len, uint32_t seed, uint32_t flags);

/* Send the frame that guest_fill() makes through a packet socket. */
void guest_send(int packet, size_t len, uint32_t seed, uint32_t flags);

/* The next frame of a packet socket must be the one that guest_fill() makes. */
void guest_receive(int packet, size_t len, uint32_t seed, uint32_t flags);

/* What was read must be a whole record with the frame that guest_fill() makes. */
void guest_check_record(const void *record, size_t len, uint32_t seed, uint32_t flags);

/* The sum of 16-bit words in network order, as RFC 1071 has it, not complemented. */
uint16_t guest_sum16(uint32_t sum, const unsigned char *bytes, size_t len);

/* The sum of the pseudo-header of the @len bytes that follow an IPv4 header. */
uint16_t guest_pseudo_sum(const unsigned char *ip, size_t len);

/*
 * A record with one large frame: TCP over IPv4 of several segments, whose checksums are
 * to be made. And what becomes of it: segment @i, which is checked.
 */
#define GUEST_LARGE_MSS		500
#define GUEST_LARGE_SEGMENTS	5
#define GUEST_LARGE_HEADERS	(14 + 20 + 20)
#define GUEST_LARGE_LEN		(GUEST_LARGE_HEADERS + GUEST_LARGE_SEGMENTS * GUEST_LARGE_MSS)
#define GUEST_SEGMENT_LEN	(GUEST_LARGE_HEADERS + GUEST_LARGE_MSS)
void guest_record_large(void *record);
void guest_check_segment(const unsigned char *frame, unsigned int i);

/* @len bytes, zeroed, after which comes a page that cannot be accessed. */
void *guest_guarded(size_t len);

/* A struct frameio for up to 32 * 8 vectors. */
union guest_frameio {
	struct frameio fio;
	unsigned char space[sizeof(struct frameio) + 256 * sizeof(struct framevec)];
};

/* Set up for @nvecs vectors, whose addresses and lengths are the caller's to set. */
void guest_frameio_init(union guest_frameio *fio, uint32_t nvecs, uint32_t nvpf);

/* Wait for events on a file with poll(2); returns revents, 0 after the time. */
int guest_poll(int fd, short events, int timeout_ms);

/* A test case of so many seconds; what runs around each of its tests may be NULL. */
TCase *guest_tcase(Suite *suite, const char *name, unsigned int seconds, void (*setup)(void),
		   void (*teardown)(void));

/* Run the suite, each test in a process of its own; the exit status for main(). */
int guest_run(Suite *suite);

#endif
