/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * NIC ports on two veth pairs, everything at once: frames both ways while files are
 * opened and closed, filters, options and limits changed, the interfaces set down and
 * up and renamed, and in the end the port is detached, its interface moved or deleted
 * in full traffic, or the module removed.
 *
 *	queue pairs of the port -- nic0 --- wire0 -- packet sockets
 *
 * Of each frame that veth delivered the kernel has the count; the rest is told here:
 * on its way in, it was read, dropped and counted, or went on to the stack, once; on
 * its way out, what was accepted was sent or counted.
 *
 * FRAMEIO_STRESS_SECONDS bounds how long the test takes (default 20), and
 * FRAMEIO_STRESS_SEED repeats the choices of a run, as far as threads allow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

#define PAIRS		2
#define LEN		200
#define BATCH		8
#define STALL_SECONDS	(60 * guest_setting("CK_TIMEOUT_MULTIPLIER", 1))

/* What each queue pair is for. */
enum { CREATOR, MAIN, SWITCHER, TAP, NQUEUES };

/* Frames are numbered by who made them, and these from 0 on. */
#define NUMBERS		(1U << 18)
enum { SENDER, FIRST_WRITER, WRITERS = 3, MAKERS = FIRST_WRITER + WRITERS };

struct pair {
	unsigned int index;
	char nic[IF_NAMESIZE], wire[IF_NAMESIZE];
	unsigned int nic_ifindex, wire_ifindex;
	int creator, fd, packet;
	_Atomic bool stopped, switching;
	_Atomic uint64_t stack, wired;	/* frames that went on to the stack, and came out */
	struct guest_call sender, reader, switcher, tap, writers[WRITERS];
	uint64_t accepted[WRITERS];
	uint32_t next[MAKERS];		/* number; its thread's own */
	_Atomic unsigned char seen[NUMBERS];	/* of the sender's */
};

static struct pair pairs[PAIRS];
static unsigned int seed;
static double started;
static uint64_t total_in, total_out, total_dropped, total_tapped;

static unsigned int below(unsigned int n)
{
	return rand_r(&seed) % n;
}

static bool is_time_up(void)
{
	return guest_now() - started >= guest_setting("FRAMEIO_STRESS_SECONDS", 20);
}

static uint32_t make_number(const struct pair *pair, unsigned int maker, uint32_t n)
{
	return (pair->index * MAKERS + maker) * NUMBERS + n;
}

/* A frame that came in for somebody who takes it, or for the stack: once. */
static void note_arrival(struct pair *pair, const unsigned char *frame, size_t len)
{
	const uint32_t number = guest_check_numbered(frame, len);

	if (number / NUMBERS != pair->index * MAKERS + SENDER)
		ck_abort_msg("%s: a frame of another sender's: %#x", pair->nic, number);
	if (pair->seen[number % NUMBERS]++)
		ck_abort_msg("%s: frame %u comes twice", pair->nic, number % NUMBERS);
}

/* --- interfaces ------------------------------------------------------- */

static int inet;

/* What is being counted is counted before its interface's number is another's. */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

static void change_flags(const char *name, bool up)
{
	struct ifreq request = { .ifr_flags = up ? IFF_UP : 0 };

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(inet, SIOCSIFFLAGS, &request), 0);
}

static void change_mtu(const char *name, int mtu)
{
	struct ifreq request = { .ifr_mtu = mtu };

	strcpy(request.ifr_name, name);
	ck_assert_int_eq(ioctl(inet, SIOCSIFMTU, &request), 0);
}

/* Kernels before 6.2 rename no interface that is up. */
static void rename_nic(struct pair *pair)
{
	struct ifreq request = { .ifr_flags = 0 };

	change_flags(pair->nic, false);
	strcpy(request.ifr_name, pair->nic);
	snprintf(request.ifr_newname, IF_NAMESIZE, "nic%u%c", pair->index, 'a' + below(26));
	ck_assert(!ioctl(inet, SIOCSIFNAME, &request) || errno == EEXIST);
	if (if_nametoindex(request.ifr_newname) == pair->nic_ifindex)
		strcpy(pair->nic, request.ifr_newname);
	change_flags(pair->nic, true);
}

static void make_pair(struct pair *pair)
{
	snprintf(pair->nic, IF_NAMESIZE, "nic%u", pair->index);
	snprintf(pair->wire, IF_NAMESIZE, "wire%u", pair->index);
	guest_sh("ip link add %s type veth peer name %s", pair->nic, pair->wire);
	change_flags(pair->nic, true);
	change_flags(pair->wire, true);
	pthread_mutex_lock(&counting);
	pair->nic_ifindex = if_nametoindex(pair->nic);
	pair->wire_ifindex = if_nametoindex(pair->wire);
	pthread_mutex_unlock(&counting);
}

/* --- what the stack gets ---------------------------------------------- */

static _Atomic bool listening;

/* On all interfaces, so that none is missed for an interface's going down. */
static int open_stack_socket(void)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(GUEST_ETHERTYPE),
	};
	const struct timeval patience = { .tv_usec = 20000 };
	const int room = 256 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	ck_assert_int_eq(bind(fd, (const void *)&address, sizeof(address)), 0);
	return fd;
}

static ssize_t listen_to_stack(int fd, void *unused)
{
	unsigned char frame[LEN + 1];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t got;
	int i;

	(void)unused;
	while (listening) {
		got = recvfrom(fd, frame, sizeof(frame), 0, (void *)&from, &len);
		pthread_mutex_lock(&counting);
		for (i = 0; got > 0 && i < PAIRS; i++) {
			if ((unsigned int)from.sll_ifindex == pairs[i].nic_ifindex) {
				note_arrival(&pairs[i], frame, got);
				pairs[i].stack++;
			} else if ((unsigned int)from.sll_ifindex == pairs[i].wire_ifindex) {
				guest_check_numbered(frame, got);
				pairs[i].wired++;
			}
		}
		pthread_mutex_unlock(&counting);
	}
	return 0;
}

/* --- threads ---------------------------------------------------------- */

/* Send, past what the interface loses while it is down. */
static ssize_t keep_sending(int packet, void *arg)
{
	struct pair *pair = arg;
	unsigned char frame[LEN];

	while (!pair->stopped && pair->next[SENDER] < NUMBERS) {
		guest_fill_numbered(frame, LEN, make_number(pair, SENDER, pair->next[SENDER]));
		if (send(packet, frame, LEN, 0) == LEN)
			pair->next[SENDER]++;
		else
			sched_yield();
	}
	return 0;
}

/* Frames accepted, until it is stopped or the port is gone. */
static ssize_t keep_writing(int fd, void *arg)
{
	const unsigned int writer = (uintptr_t)arg % WRITERS;
	struct pair *pair = &pairs[(uintptr_t)arg / WRITERS];
	uint32_t *next = &pair->next[FIRST_WRITER + writer];
	unsigned char records[BATCH][HDRLEN + LEN];
	struct iovec iov[BATCH];
	ssize_t done = 0, ret;
	int i;

	while (!pair->stopped && *next + BATCH < NUMBERS) {
		for (i = 0; i < BATCH; i++)
			iov[i] = (struct iovec) {
				records[i],
				guest_record_numbered(records[i], LEN,
						      make_number(pair, FIRST_WRITER + writer, *next + i)),
			};
		ret = writev(fd, iov, BATCH);
		if (ret < 0 && errno == ENETDOWN)
			guest_poll(fd, POLLOUT, 20);
		else if (ret < 0 && (errno == ENODEV || errno == EBADF))
			break;
		else if (ret < 0)
			ck_abort_msg("%s: write: %s", pair->nic, strerror(errno));
		else
			done += ret / (HDRLEN + LEN);
		*next += ret < 0 ? 0 : ret / (HDRLEN + LEN);
	}
	return done;
}

/* One call's frames; -1 and errno, or how many. */
static ssize_t read_batch(struct pair *pair, int fd, bool tap)
{
	unsigned char records[BATCH][HDRLEN + LEN + 4];
	struct iovec iov[BATCH];
	ssize_t ret, i;

	for (i = 0; i < BATCH; i++)
		iov[i] = (struct iovec) { records[i], sizeof(records[i]) };
	ret = readv(fd, iov, BATCH);
	if (ret < 0)
		return -1;
	if (ret % (HDRLEN + LEN))
		ck_abort_msg("%s: %zd bytes were read", pair->nic, ret);
	ret /= HDRLEN + LEN;
	for (i = 0; i < ret; i++) {
		if (tap)
			guest_check_numbered(records[i] + HDRLEN, LEN);
		else
			note_arrival(pair, records[i] + HDRLEN, LEN);
	}
	return ret;
}

/* Frames read, until the port is gone; now and then so slowly that some are dropped. */
static ssize_t keep_reading(int fd, void *arg)
{
	unsigned int random = 1;
	ssize_t done = 0, ret;

	for (;;) {
		if (rand_r(&random) % 32 == 0)
			usleep(rand_r(&random) % 10000);
		ret = read_batch(arg, fd, false);
		if (ret < 0)
			break;
		done += ret;
	}
	if (errno != ENODEV)
		ck_abort_msg("read: %s", strerror(errno));
	return done;
}

/* All frames, those of the tests, those of them with an odd number, or none. */
static void set_filter(int fd, unsigned int choice)
{
	static struct sock_filter tests[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GUEST_ETHERTYPE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static struct sock_filter odd[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	static struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	const struct frameio_filter filters[] = {
		{ .ff_len = 0 },
		{ .ff_insns = (uintptr_t)tests, .ff_len = 4 },
		{ .ff_insns = (uintptr_t)odd, .ff_len = 3 },
		{ .ff_insns = (uintptr_t)none, .ff_len = 1 },
	};

	if (ioctl(fd, FRAMEIO_SET_FILTER, &filters[choice % 4]))
		ck_abort_msg("FRAMEIO_SET_FILTER: %s", strerror(errno));
}

static void set_options(int fd, uint32_t options)
{
	if (ioctl(fd, FRAMEIO_SET_OPTIONS, &options))
		ck_abort_msg("FRAMEIO_SET_OPTIONS: %s", strerror(errno));
}

/* Open a queue pair, want something, read some, want something else, and close, again and again. */
static ssize_t keep_switching(int queue, void *arg)
{
	static const uint32_t options[] = { 0, FRAMEIO_O_TSTAMP, FRAMEIO_O_PROMISC, 0xd };
	const uint32_t tap = queue == TAP ? FRAMEIO_O_TAP : 0;
	struct pair *pair = arg;
	unsigned int random = queue;
	ssize_t done = 0, ret;
	int fd, i;

	while (pair->switching) {
		fd = guest_open(pair->nic, queue);
		/* it is being renamed, or gone; or a child has not yet closed what it inherited */
		if (fd < 0 && errno != ENODEV && errno != EOPNOTSUPP && errno != EBUSY)
			ck_abort_msg("FRAMEIO_OPEN: %s", strerror(errno));
		if (fd < 0) {
			sched_yield();
			continue;
		}
		guest_set_nonblock(fd, true);
		set_filter(fd, rand_r(&random));
		set_options(fd, options[rand_r(&random) % 4] | tap);
		for (i = rand_r(&random) % 8; i && pair->switching; i--) {
			if (!guest_poll(fd, POLLIN, 5))
				continue;
			ret = read_batch(pair, fd, tap);
			if (ret < 0 && errno != EAGAIN)
				break;
			done += ret < 0 ? 0 : ret;
			if (rand_r(&random) % 4 == 0)
				set_filter(fd, rand_r(&random));
			if (rand_r(&random) % 4 == 0)
				set_options(fd, options[rand_r(&random) % 4] | tap);
		}
		close(fd);
	}
	return done;
}

/* --- a port's life ---------------------------------------------------- */

static int attach(const struct pair *pair, uint32_t flags)
{
	struct frameio_create request = { .fc_flags = flags, .fc_nqueues = NQUEUES };
	int fd = guest_control();

	strcpy(request.fc_name, pair->nic);
	ck_assert_int_eq(ioctl(fd, FRAMEIO_ATTACH, &request), 0);
	return fd;
}

static void start_traffic(struct pair *pair)
{
	unsigned int i;

	pair->stopped = false;
	guest_call_start(&pair->sender, keep_sending, pair->packet, pair);
	for (i = 0; i < WRITERS; i++)
		guest_call_start(&pair->writers[i], keep_writing, i ? pair->fd : pair->creator,
				 (void *)(uintptr_t)(pair->index * WRITERS + i));
}

static void stop_traffic(struct pair *pair)
{
	unsigned int i;

	pair->stopped = true;
	ck_assert_int_eq(guest_call_join(&pair->sender), 0);
	for (i = 0; i < WRITERS; i++)
		pair->accepted[i] += guest_call_join(&pair->writers[i]);
}

static void begin(struct pair *pair)
{
	make_pair(pair);
	pair->creator = attach(pair, below(2) ? FRAMEIO_PORT_STEER_CPU : 0);
	pair->fd = guest_open(pair->nic, MAIN);
	ck_assert_int_ge(pair->fd, 0);
	pair->packet = guest_packet_socket(pair->wire);
	pair->stack = pair->wired = 0;
	memset(pair->next, 0, sizeof(pair->next));
	memset((void *)pair->seen, 0, sizeof(pair->seen));
	memset(pair->accepted, 0, sizeof(pair->accepted));
	pair->switching = true;
	guest_call_start(&pair->reader, keep_reading, pair->fd, pair);
	guest_call_start(&pair->switcher, keep_switching, SWITCHER, pair);
	guest_call_start(&pair->tap, keep_switching, TAP, pair);
	start_traffic(pair);
}

static void churn(struct pair *pair)
{
	struct frameio_create request = { .fc_nqueues = 1 };
	int control;

	switch (below(10)) {
	case 0:
		guest_set_limits(pair->fd, 1 + below(8), 1 + below(8));
		break;
	case 1:
	case 2:
		set_filter(pair->fd, rand_r(&seed));
		break;
	case 3:
		set_options(pair->fd, below(2) ? FRAMEIO_O_TSTAMP : FRAMEIO_O_PROMISC);
		break;
	case 4:
		change_mtu(pair->nic, 500 + below(1000));
		break;
	case 5:
		change_flags(pair->nic, false);
		change_flags(pair->nic, true);
		break;
	case 6:
		change_flags(pair->wire, false);
		change_flags(pair->wire, true);
		break;
	case 7:
		rename_nic(pair);
		break;
	case 8:
		control = guest_control();
		strcpy(request.fc_name, pair->nic);
		ck_assert_errno(ioctl(control, FRAMEIO_ATTACH, &request), EBUSY);
		close(control);
		break;
	default:
		guest_set_limits(pair->fd, 1024, 1024);
	}
}

/* What a queue pair's counters tell of each direction. */
struct account {
	uint64_t in, dropped, out, lost, frames;
};

static struct account account_of(const struct pair *pair, uint32_t queue)
{
	struct frameio_queue_pair told = { .fp_queue = queue };
	const struct frameio_stats *stats = &told.fp_stats;
	struct account account = { .in = 0 };
	int fd = guest_control(), i;

	strcpy(told.fp_name, pair->nic);
	if (ioctl(fd, FRAMEIO_QUEUE_PAIR, &told))
		ck_abort_msg("FRAMEIO_QUEUE_PAIR: %s", strerror(errno));
	close(fd);
	for (i = 0; i < FRAMEIO_NMODES; i++) {
		account.in += stats->fs_read_frames[i];
		account.frames += stats->fs_write_frames[i];
	}
	account.in += told.fp_read_len;
	account.dropped = stats->fs_read_drop_closed + stats->fs_read_drop_full +
			  stats->fs_read_drop_nomem;
	account.out = stats->fs_write_received;
	account.lost = stats->fs_write_drop_closed + stats->fs_write_drop_invalid;
	return account;
}

/* Is each frame accounted for? @told: what was added up, for who is told that it is not. */
static bool is_quiet(const struct pair *pair, char *told, size_t size)
{
	const uint64_t delivered = guest_link_counter(pair->wire, "tx_packets");
	const uint64_t sent = guest_link_counter(pair->nic, "tx_packets");
	const uint64_t missed = guest_link_counter(pair->nic, "tx_dropped");
	uint64_t in = pair->stack, out = 0, lost = 0, frames = 0, accepted = 0;
	struct account account;
	uint32_t i;

	for (i = 0; i < NQUEUES; i++) {
		account = account_of(pair, i);
		out += account.out;
		lost += account.lost;
		frames += account.frames;
		/* a tap has copies */
		if (i != TAP)
			in += account.in + account.dropped;
	}
	for (i = 0; i < WRITERS; i++)
		accepted += pair->accepted[i];
	snprintf(told, size, "%s: %lu delivered, %lu arrived; %lu accepted, %lu and %lu counted, "
		 "%lu sent, %lu missed, %lu came out", pair->nic, delivered, in, accepted, frames,
		 out + lost, sent, missed, (uint64_t)pair->wired);
	return delivered == in && accepted == frames && accepted == out + lost &&
	       out == sent + missed && sent == pair->wired;
}

static void account(struct pair *pair)
{
	const time_t deadline = time(NULL) + STALL_SECONDS;
	char told[512];

	while (!is_quiet(pair, told, sizeof(told)))
		if (time(NULL) > deadline)
			ck_abort_msg("%s", told);
	total_in += guest_link_counter(pair->wire, "tx_packets");
	total_out += guest_link_counter(pair->nic, "tx_packets");
	total_dropped += account_of(pair, MAIN).dropped + account_of(pair, SWITCHER).dropped;
	total_tapped += account_of(pair, TAP).in;
}

/* How a port ends. */
enum end { BY_IOCTL, BY_CLOSE, BY_MOVE, BY_DELETE, ENDS };

static void end_port(struct pair *pair, enum end end)
{
	struct frameio_delete request = { .fd_reserved = { 0 } };
	int nothing;

	switch (end) {
	case BY_IOCTL:
		strcpy(request.fd_name, pair->nic);
		ck_assert_int_eq(ioctl(pair->fd, FRAMEIO_DELETE, &request), 0);
		break;
	case BY_CLOSE:
		/* another file in its place; its writer, if it is in a call, has it for so long */
		nothing = open("/", O_PATH | O_CLOEXEC);
		ck_assert_int_eq(dup3(nothing, pair->creator, O_CLOEXEC), pair->creator);
		close(nothing);
		break;
	case BY_MOVE:
		guest_sh("ip link set %s netns nicaway", pair->nic);
		break;
	default:
		guest_sh("ip link del %s", pair->nic);
	}
}

/* Nobody is stuck, and what the counters tell of a file is what was done with it. */
static void finish(struct pair *pair, enum end end)
{
	struct frameio_stats stats;
	uint64_t nread = 0, written = 0;
	ssize_t ret;
	int i;

	stop_traffic(pair);
	pair->switching = false;
	ret = guest_call_join(&pair->reader);
	guest_call_join(&pair->switcher);
	guest_call_join(&pair->tap);
	ck_assert(guest_poll(pair->fd, POLLIN, -1) & POLLHUP);
	guest_stats(pair->fd, &stats);
	for (i = 0; i < FRAMEIO_NMODES; i++) {
		nread += stats.fs_read_frames[i];
		written += stats.fs_write_frames[i];
	}
	ck_assert_uint_eq(nread, ret);
	ck_assert_uint_eq(written, pair->accepted[1] + pair->accepted[2]);
	ck_assert_uint_eq(written, stats.fs_write_received + stats.fs_write_drop_closed +
				   stats.fs_write_drop_invalid);
	close(pair->fd);
	close(pair->creator);
	close(pair->packet);
	if (end != BY_DELETE)
		guest_sh("ip link del %s", pair->wire);
}

static void live_and_die(enum end end)
{
	int i, n;

	for (i = 0; i < PAIRS; i++)
		begin(&pairs[i]);
	for (n = 5 + below(20); n; n--) {
		churn(&pairs[below(PAIRS)]);
		usleep(below(20000));
	}
	for (i = 0; i < PAIRS; i++)
		stop_traffic(&pairs[i]);
	for (i = 0; i < PAIRS; i++)
		account(&pairs[i]);
	for (i = 0; i < PAIRS; i++)
		start_traffic(&pairs[i]);
	usleep(below(50000));
	for (i = 0; i < PAIRS; i++)
		end_port(&pairs[i], end);
	for (i = 0; i < PAIRS; i++)
		finish(&pairs[i], end);
}

/* Also of what a test that failed has left behind. */
static void clean_up(void)
{
	guest_delete_ports();
	guest_sh("ip netns del nicaway 2>/dev/null; ip link del wire0 2>/dev/null; "
		 "ip link del wire1 2>/dev/null || :");
	guest_write_file("0", "/proc/sys/net/ipv6/conf/default/disable_ipv6");
}

static void setup(void)
{
	unsigned int i;

	seed = guest_setting("FRAMEIO_STRESS_SEED", time(NULL));
	printf("nicstress: FRAMEIO_STRESS_SEED=%u\n", seed);
	inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	clean_up();
	guest_add_netns("nicaway");
	/* of all to come: an MTU that IPv6 cannot use makes it forget what was said of one */
	guest_disable_ipv6("default");
	for (i = 0; i < PAIRS; i++)
		pairs[i].index = i;
}

START_TEST(everything_at_once)
{
	struct guest_call listener;
	unsigned int rounds;

	listening = true;
	guest_call_start(&listener, listen_to_stack, open_stack_socket(), NULL);
	started = guest_now();
	for (rounds = 0; rounds < ENDS || !is_time_up(); rounds++)
		live_and_die(rounds % ENDS);
	listening = false;
	guest_call_join(&listener);
	ck_assert_uint_gt(total_in, 0);
	ck_assert_uint_gt(total_out, 0);
	ck_assert_uint_gt(total_dropped, 0);
	ck_assert_uint_gt(total_tapped, 0);
	printf("nicstress: %u lives; %lu frames came, %lu of them were dropped, and %lu went\n",
	       rounds, total_in, total_dropped, total_out);
}
END_TEST

/* The module goes in full traffic, which is the stack's from then on. */
START_TEST(the_module_goes)
{
	struct pair *pair = &pairs[0];
	struct guest_call listener;
	int fd;

	make_pair(pair);
	listening = true;
	guest_call_start(&listener, listen_to_stack, open_stack_socket(), NULL);
	fd = attach(pair, FRAMEIO_PORT_PERSIST);
	ck_assert_int_eq(guest_poll(fd, POLLIN, 0) & POLLIN, 0);
	pair->packet = guest_packet_socket(pair->wire);
	guest_call_start(&pair->sender, keep_sending, pair->packet, pair);
	guest_poll(fd, POLLIN, -1);
	ck_assert_errno(syscall(SYS_delete_module, "frameio", O_NONBLOCK), EWOULDBLOCK);
	close(fd);
	ck_assert_int_eq(syscall(SYS_delete_module, "frameio", O_NONBLOCK), 0);
	guest_sh("ip link show %s >/dev/null", pair->nic);
	guest_sh(". /run/vm/call && insmod \"$ko\"");
	while (!pair->stack)
		sched_yield();
	close(attach(pair, 0));
	pair->stopped = true;
	guest_call_join(&pair->sender);
	listening = false;
	guest_call_join(&listener);
	close(pair->packet);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nicstress");
	TCase *tcase = guest_tcase(suite, "nicstress",
				   300 + guest_setting("FRAMEIO_STRESS_SECONDS", 20), setup,
				   clean_up);

	tcase_add_test(tcase, everything_at_once);
	tcase_add_test(tcase, the_module_goes);
	return guest_run(suite);
}
