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

/* Run a shell command, which must succeed. */
void guest_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One that must fail. */
void guest_refuse_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Write a text to a file of the kernel's. */
void guest_write_file(const char *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Set an interface's MTU, and it up: as ip does, but no program has to be started. */
void guest_set_up(const char *name, unsigned int mtu);

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

/* Run the suite, each test in a process of its own; the exit status for main(). */
int guest_run(Suite *suite);

#endif
