/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <frameio/frameio.h>

#include "cover.h"
#include "execute.h"
#include "link.h"
#include "memory.h"
#include "record.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define HDRLEN		sizeof(struct frameio_hdr)
#define NSLOTS		8
#define NRECORDS	4
/* Slots are descriptors of their own: what a race mistakes for another is a slot, too. */
#define SLOT_BASE	100
#define VECTORS_MAX	1026	/* one more than the kernel takes, and one */
#define FRAMEIO_VECTORS	264	/* likewise, of a struct frameio */
#define UNTOUCHED	0xa5
/* Nothing blocks for longer. */
#define INTERRUPT_NS	25000000

/* A thread, and what it makes its calls with. */
struct worker {
	unsigned int number;
	struct memory memory;
	pthread_t thread;
	bool started;
	_Atomic bool done;
	struct call call;
	unsigned char record[HDRLEN + RECORD_FRAME_MAX];
	unsigned char gathered[HDRLEN + RECORD_FRAME_MAX];
	unsigned char row[2 * (HDRLEN + RECORD_FRAME_MAX)];
	struct iovec iov[VECTORS_MAX];
	union {
		struct frameio fio;
		unsigned char bytes[sizeof(struct frameio) +
				    FRAMEIO_VECTORS * sizeof(struct framevec)];
	} given, back;
};

static struct worker workers[EXECUTE_THREADS];
static uint64_t records[NRECORDS][CALL_ARGS_MAX];
static int netns_fds[EXECUTE_NETNS];
static struct report *report;

void execute_found(const char *format, ...)
{
	unsigned int first = 0;
	va_list args;

	if (!atomic_compare_exchange_strong(&report->found, &first, 1))
		return;
	va_start(args, format);
	vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
	atomic_store(&report->found, 2);
}

/* The errors that frameio(4) has for each call, and those of any call. */
#define READ_ERRORS	EAGAIN, EFAULT, EINTR, EINVAL, EMSGSIZE, ENODEV, ENOTCONN
#define WRITE_ERRORS	EAGAIN, EFAULT, EINTR, EINVAL, ENETDOWN, ENODEV, ENOMEM, ENOTCONN
#define CREATE_ERRORS	EBUSY, EEXIST, EFAULT, EINTR, EINVAL, ENFILE, ENOMEM, EPERM
#define ATTACH_ERRORS	EBUSY, EFAULT, EINTR, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EPERM
#define BIND_ERRORS	EACCES, EBUSY, EFAULT, EINTR, EINVAL, ENODEV, EOPNOTSUPP
#define ERRORS_MAX	24

static const int permitted_errors[OP_COUNT][ERRORS_MAX] = {
	[OP_CONTROL] = { EACCES, ENOMEM },
	/* EISDIR and ENOTDIR: names that are not in one directory */
	[OP_NODE] = { EACCES, EBUSY, ENODEV, ENOENT, ENOMEM, EISDIR, ENOTDIR },
	[OP_CREATE] = { CREATE_ERRORS },
	[OP_ATTACH] = { ATTACH_ERRORS },
	[OP_BIND] = { BIND_ERRORS },
	[OP_DELETE] = { EFAULT, EINVAL, ENODEV, EOPNOTSUPP, EPERM },
	[OP_LIST] = { EFAULT, EINVAL, ENOMEM },
	[OP_INFO] = { EFAULT, ENODEV, ENOTCONN },
	[OP_STATS] = { EFAULT, ENOTCONN },
	[OP_LIMITS] = { EFAULT, EINVAL, ENODEV, ENOTCONN, EPERM },
	[OP_OPTIONS] = { EFAULT, EINVAL, ENOTCONN },
	[OP_GETOPTIONS] = { EFAULT, ENOTCONN },
	[OP_FILTER] = { EFAULT, EINVAL, ENOMEM, ENOTCONN, EOPNOTSUPP },
	[OP_QUEUE_PAIR] = { EFAULT, EINVAL, ENODEV, EOPNOTSUPP },
	[OP_IOCTL] = { READ_ERRORS, ENETDOWN, ENOMEM, EEXIST, ENFILE, EPERM, EACCES, EBUSY,
		       EOPNOTSUPP, ENOTTY },
	[OP_READ] = { READ_ERRORS },
	/* preadv2 and pwritev2: an offset, flags */
	[OP_READV] = { READ_ERRORS, ESPIPE, EOPNOTSUPP },
	[OP_WRITE] = { WRITE_ERRORS },
	[OP_WRITEROW] = { WRITE_ERRORS },
	[OP_WRITEV] = { WRITE_ERRORS, ESPIPE, EOPNOTSUPP },
	[OP_FREAD] = { READ_ERRORS, ENOMEM },
	[OP_FWRITE] = { WRITE_ERRORS },
	[OP_MMAP] = { ENODEV, EACCES, EINVAL, ENOMEM, EOVERFLOW, EPERM, EOPNOTSUPP },
	[OP_SPLICE] = { EINVAL, EAGAIN },
};

/* A call must succeed, or fail with one of its errors; true: it succeeded. */
static bool check_result(enum call_op op, long ret)
{
	const int error = errno;
	unsigned int i;

	if (ret >= 0)
		return true;
	/* no descriptor, or a close in between */
	if (error == EBADF)
		return false;
	for (i = 0; i < ERRORS_MAX; i++)
		if (permitted_errors[op][i] == error)
			return false;
	execute_found("%s failed with %s, which is not documented", call_name(op),
		      strerrorname_np(error));
	return false;
}

/* Names, in the order of their words in program.c; each has a field of 16 bytes. */
static const char names[NAME_COUNT][FRAMEIO_NAMESIZE + 1] = {
	"fz0", "fz1", "fz2", "fz3", "fz%d", "control", "tun", "fz3456789012345",
	"fz34567890123456", "", ".", "..", "fz/0", "fz 0", "fz:1", "%s%n%d", "lo", "fz\xff\x01",
	"fz*", "nic0", "nic1", "nic2",
};

static const char *name_of(uint64_t arg)
{
	return names[arg % NAME_COUNT];
}

/* For what would break the guest's own interface. */
static const char *link_name_of(uint64_t arg)
{
	return name_of(arg % NAME_COUNT == NAME_LO ? 0 : arg);
}

static int slot_of(uint64_t arg)
{
	return SLOT_BASE + arg % NSLOTS;
}

static const uint64_t *record_of(uint64_t arg)
{
	return records[arg % NRECORDS];
}

static enum place place_of(uint64_t arg)
{
	return arg % PLACE_COUNT;
}

static void sleep_us(uint64_t us)
{
	const struct timespec time = { .tv_nsec = us % 50000 * 1000 };

	nanosleep(&time, NULL);
}

static uint64_t now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000ull + time.tv_nsec / 1000;
}

/* Files */

static void open_slot(enum call_op op, uint64_t slot, const char *path, uint64_t flags)
{
	static const int open_flags[] = {
		O_RDWR, O_RDWR | O_NONBLOCK, O_RDONLY, O_WRONLY, O_RDONLY | O_NONBLOCK,
		O_WRONLY | O_NONBLOCK, O_RDWR | O_APPEND, O_PATH,
	};
	const int fd = open(path, open_flags[flags % 8] | O_CLOEXEC);
	struct stat stat;

	if (!check_result(op, fd))
		return;
	if (!fstat(fd, &stat) && S_ISCHR(stat.st_mode))
		dup3(fd, slot_of(slot), O_CLOEXEC);
	close(fd);
}

static void do_control(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	open_slot(OP_CONTROL, args[0], "/dev/frameio/control", args[1]);
}

static void do_node(struct worker *worker, const uint64_t *args)
{
	char path[64];

	(void)worker;
	snprintf(path, sizeof(path), "/dev/frameio/%s", name_of(args[1]));
	open_slot(OP_NODE, args[0], path, args[2]);
}

static void do_close(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	close(slot_of(args[0]));
}

static void do_dup(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	dup3(slot_of(args[1]), slot_of(args[0]), O_CLOEXEC);
}

/* The ioctls but FRAMEIO_READ and FRAMEIO_WRITE */

/* An ioctl with a struct at a place; what comes back is at the alias, if there is one. */
static bool ioctl_at(struct worker *worker, enum call_op op, uint64_t slot, unsigned int number,
		     uint64_t place, void *argument, size_t size, uint64_t tweak)
{
	const uint64_t at = memory_place(&worker->memory, place_of(place), size, 0);
	unsigned char *alias;
	size_t room;

	if (size)
		((unsigned char *)argument)[(tweak >> 8) % size] ^= tweak;
	memory_put(&worker->memory, at, argument, size);
	if (!check_result(op, ioctl(slot_of(slot), number, at)))
		return false;
	if (!memory_is_own(place_of(place), size))
		return false;
	alias = memory_alias(&worker->memory, at, &room);
	memcpy(argument, alias, size);
	return true;
}

/* FRAMEIO_CREATE or FRAMEIO_ATTACH; true: it succeeded, and what came back is in @create. */
static bool make_port(struct worker *worker, enum call_op op, unsigned int number,
		      const uint64_t *args, struct frameio_create *create)
{
	*create = (struct frameio_create) {
		.fc_flags = args[2],
		.fc_nqueues = args[3],
		.fc_read_limit = args[4],
		.fc_write_limit = args[5],
		.fc_owner = args[6],
		.fc_group = args[7],
	};

	memcpy(create->fc_name, name_of(args[1]), sizeof(create->fc_name));
	if (!ioctl_at(worker, op, args[0], number, args[8], create, sizeof(*create), args[9]))
		return false;
	if (create->fc_ifindex && create->fc_name[0] && !strchr(create->fc_name, '%'))
		return true;
	execute_found("%s told neither name nor number", call_name(op));
	return false;
}

static void do_create(struct worker *worker, const uint64_t *args)
{
	struct frameio_create create;

	if (make_port(worker, OP_CREATE, FRAMEIO_CREATE, args, &create) &&
	    !(create.fc_flags & FRAMEIO_PORT_L3))
		link_set_address(create.fc_name);
}

static void do_attach(struct worker *worker, const uint64_t *args)
{
	struct frameio_create create;

	make_port(worker, OP_ATTACH, FRAMEIO_ATTACH, args, &create);
}

static void do_bind(struct worker *worker, const uint64_t *args)
{
	struct frameio_open open = { .fo_queue = args[2] };

	memcpy(open.fo_name, name_of(args[1]), sizeof(open.fo_name));
	if (ioctl_at(worker, OP_BIND, args[0], FRAMEIO_OPEN, args[3], &open, sizeof(open),
		     args[4]) &&
	    open.fo_queue >= FRAMEIO_NQUEUES_MAX)
		execute_found("bind gave queue pair %u", open.fo_queue);
}

static void do_delete(struct worker *worker, const uint64_t *args)
{
	struct frameio_delete delete = { .fd_name = "" };

	memcpy(delete.fd_name, name_of(args[1]), sizeof(delete.fd_name));
	ioctl_at(worker, OP_DELETE, args[0], FRAMEIO_DELETE, args[2], &delete, sizeof(delete),
		 args[3]);
}

/* What follows the ports that were stored, in @each bytes, must be as it was. */
static void check_list(struct worker *worker, uint64_t ports, size_t each, uint32_t room,
		       uint32_t n)
{
	const size_t stored = (n < room ? n : room) * each;
	unsigned char *bytes;
	size_t left;

	bytes = memory_alias(&worker->memory, ports, &left);
	if (bytes && stored < left && bytes[stored] != UNTOUCHED)
		execute_found("list of %u ports into room for %u wrote %zu bytes or more", n, room,
			      stored + 1);
}

static void do_list(struct worker *worker, const uint64_t *args)
{
	const uint32_t each = sizeof(struct frameio_info) + args[2];
	const uint64_t size = (uint32_t)args[1] * (uint64_t)each;
	const uint64_t ports = memory_place(&worker->memory, place_of(args[4]), size + 1, 0);
	struct frameio_list list = {
		.fl_ports = ports,
		.fl_count = args[1],
		.fl_size = each,
	};

	memory_set(&worker->memory, ports, UNTOUCHED, size + 1);
	if (ioctl_at(worker, OP_LIST, args[0], FRAMEIO_LIST, args[3], &list, sizeof(list), 0) &&
	    memory_is_own(place_of(args[4]), size + 1) && !worker->memory.overlaps)
		check_list(worker, ports, each, args[1], list.fl_count);
}

static unsigned int resized(unsigned int number, uint64_t size)
{
	return _IOC(_IOC_DIR(number), _IOC_TYPE(number), _IOC_NR(number),
		    size ? size & _IOC_SIZEMASK : _IOC_SIZE(number));
}

/* FRAMEIO_INFO or FRAMEIO_STATS, of any size: no byte more is written. */
static bool get_sized(struct worker *worker, enum call_op op, const uint64_t *args,
		      unsigned int number, void *to, size_t size)
{
	const unsigned int request = resized(number, args[1]);
	static __thread unsigned char bytes[_IOC_SIZEMASK + 2];
	const size_t given = _IOC_SIZE(request);

	memset(bytes, UNTOUCHED, given + 1);
	if (!ioctl_at(worker, op, args[0], request, args[2], bytes, given + 1, 0))
		return false;
	if (bytes[given] != UNTOUCHED)
		execute_found("%s of %zu bytes wrote more", call_name(op), given);
	if (given < size)
		return false;
	memcpy(to, bytes, size);
	return true;
}

static void do_info(struct worker *worker, const uint64_t *args)
{
	struct frameio_info info;

	if (get_sized(worker, OP_INFO, args, FRAMEIO_INFO, &info, sizeof(info)) &&
	    (info.fi_queue >= info.fi_nqueues || info.fi_nqueues > FRAMEIO_NQUEUES_MAX ||
	     info.fi_nopen > info.fi_nqueues || !info.fi_ifindex ||
	     info.fi_nqueues > info.fi_nqueues_max ||
	     strnlen(info.fi_name, FRAMEIO_NAMESIZE) == FRAMEIO_NAMESIZE))
		execute_found("info makes no sense: queue %u of %u, %u open, ifindex %u",
			      info.fi_queue, info.fi_nqueues, info.fi_nopen, info.fi_ifindex);
}

static void do_stats(struct worker *worker, const uint64_t *args)
{
	struct frameio_stats stats;

	get_sized(worker, OP_STATS, args, FRAMEIO_STATS, &stats, sizeof(stats));
}

static void do_limits(struct worker *worker, const uint64_t *args)
{
	struct frameio_limits limits = { .fq_read = args[1], .fq_write = args[2] };

	ioctl_at(worker, OP_LIMITS, args[0], FRAMEIO_SET_LIMITS, args[3], &limits,
		 sizeof(limits), 0);
}

static void do_options(struct worker *worker, const uint64_t *args)
{
	uint32_t options = args[1];

	/* before it is: other threads look at what they have moved then */
	if (options & FRAMEIO_O_PACKED)
		atomic_store(&report->packed, true);
	ioctl_at(worker, OP_OPTIONS, args[0], FRAMEIO_SET_OPTIONS, args[2], &options,
		 sizeof(options), 0);
}

static void do_getoptions(struct worker *worker, const uint64_t *args)
{
	uint32_t options = ~0u;

	if (ioctl_at(worker, OP_GETOPTIONS, args[0], FRAMEIO_GET_OPTIONS, args[1], &options,
		     sizeof(options), 0) &&
	    (options & ~(FRAMEIO_O_TRUNC | FRAMEIO_O_TAP | FRAMEIO_O_PROMISC | FRAMEIO_O_TSTAMP)))
		execute_found("getoptions gave %#x", options);
}

#define INSNS_MAX	(BPF_MAXINSNS + 1)

/* Put a program of a kind into @insns; its length. @k: a number in it. */
static unsigned int make_filter(enum filter filter, uint32_t k, struct sock_filter *insns)
{
	const struct sock_filter start[FILTER_COUNT] = {
		[FILTER_ALL] = BPF_STMT(BPF_LD | BPF_IMM, 1),
		[FILTER_NONE] = BPF_STMT(BPF_LD | BPF_IMM, 0),
		[FILTER_IP] = BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		[FILTER_LENGTH] = BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		[FILTER_EXTENSION] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + k % 80),
		[FILTER_HEADER] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
					   (k & 1 ? SKF_NET_OFF : SKF_LL_OFF) + k),
		[FILTER_MEMORY] = BPF_STMT(BPF_LD | BPF_MEM, k),
		[FILTER_RANDOM] = { random_mix(k), k, k >> 8, random_mix(k) >> 32 },
	};
	unsigned int n = 0;

	if (filter == FILTER_MEMORY)
		insns[n++] = (struct sock_filter) BPF_STMT(BPF_ST, k % BPF_MEMWORDS);
	insns[n++] = start[filter];
	if (filter == FILTER_IP)
		insns[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 1, 0);
	if (filter == FILTER_IP)
		insns[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_IMM, 0);
	/* which divides by 0 as often as X is */
	if (filter == FILTER_EXTENSION || filter == FILTER_RANDOM)
		insns[n++] = (struct sock_filter) BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0);
	insns[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_A, 0);
	return n;
}

/* A program, behind what makes it longer and does nothing. */
static void do_filter(struct worker *worker, const uint64_t *args)
{
	static __thread struct sock_filter insns[INSNS_MAX];
	struct sock_filter program[8];
	const unsigned int n = make_filter(args[1] % FILTER_COUNT, args[3], program);
	const unsigned int total = args[2] > n && args[2] < INSNS_MAX ? args[2] : n;
	const uint64_t at = memory_place(&worker->memory, place_of(args[6]),
					 total * sizeof(*insns), 0);
	struct frameio_filter filter = {
		.ff_insns = at,
		.ff_len = args[2] ? args[2] : args[1] ? n : 0,
		.ff_reserved = { 0, args[4], 0 },
	};
	unsigned int i;

	for (i = 0; i < total - n; i++)
		insns[i] = (struct sock_filter) BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, i);
	memcpy(insns + i, program, n * sizeof(*insns));
	((unsigned char *)(insns + i))[(args[7] >> 8) % (n * sizeof(*insns))] ^= args[7];
	memory_put(&worker->memory, at, insns, total * sizeof(*insns));
	ioctl_at(worker, OP_FILTER, args[0], FRAMEIO_SET_FILTER, args[5], &filter, sizeof(filter),
		 0);
}

/* Of any size, too. */
static void do_queue_pair(struct worker *worker, const uint64_t *args)
{
	const unsigned int request = resized(FRAMEIO_QUEUE_PAIR, args[3]);
	const size_t given = _IOC_SIZE(request), asked = offsetof(struct frameio_queue_pair, fp_open);
	struct frameio_queue_pair pair = { .fp_queue = args[2] };
	static __thread unsigned char bytes[_IOC_SIZEMASK + 2];

	memcpy(pair.fp_name, name_of(args[1]), sizeof(pair.fp_name));
	memset(bytes, UNTOUCHED, given + 1);
	memcpy(bytes, &pair, given < asked ? given : asked);
	if (!ioctl_at(worker, OP_QUEUE_PAIR, args[0], request, args[4], bytes, given + 1, 0))
		return;
	if (bytes[given] != UNTOUCHED)
		execute_found("queue_pair of %zu bytes wrote more", given);
	if (given < sizeof(pair))
		return;
	memcpy(&pair, bytes, sizeof(pair));
	if (pair.fp_open > 1 || pair.fp_mode > FRAMEIO_NMODES || pair.fp_queue != (uint32_t)args[2] ||
	    pair.fp_queue >= FRAMEIO_NQUEUES_MAX || pair.fp_read_limit > FRAMEIO_LIMIT_MAX ||
	    pair.fp_write_limit > FRAMEIO_LIMIT_MAX ||
	    pair.fp_flags >= FRAMEIO_QP_WRITE_RING << 1 ||
	    ((pair.fp_flags & FRAMEIO_QP_READ_RING) && pair.fp_read_used > pair.fp_read_bytes) ||
	    ((pair.fp_flags & FRAMEIO_QP_WRITE_RING) && pair.fp_write_used > pair.fp_write_bytes))
		execute_found("queue_pair makes no sense: queue %u, open %u, mode %u", pair.fp_queue,
			      pair.fp_open, pair.fp_mode);
}

static void do_ioctl(struct worker *worker, const uint64_t *args)
{
	static __thread unsigned char bytes[_IOC_SIZEMASK + 1];
	const unsigned int type = args[2] ? args[2] & 0xff : FRAMEIO_IOC;
	const unsigned int size = args[4] & _IOC_SIZEMASK;

	memset(bytes, args[6], sizeof(bytes));
	/* as a struct frameio or a name this may be taken further */
	if (args[6] & 0x100)
		memcpy(bytes, names[0], FRAMEIO_NAMESIZE);
	ioctl_at(worker, OP_IOCTL, args[0], _IOC(args[1] & 3, type, args[3] & 0xff, size),
		 args[5], bytes, sizeof(bytes), 0);
}

/* Reading and writing */

static void do_record(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	memcpy(records[args[0] % NRECORDS], args, sizeof(records[0]));
}

static bool is_untouched(const unsigned char *bytes, size_t len)
{
	while (len--)
		if (*bytes++ != UNTOUCHED)
			return false;
	return true;
}

/* What the kernel may say of a frame; of a virtual port's it says less. */
#define READ_FLAGS	(FRAMEIO_F_HASH | FRAMEIO_F_TRUNC | FRAMEIO_F_VLAN | FRAMEIO_F_CSUM_VALID | \
			 FRAMEIO_F_TSTAMP_SW)

/* A time of the system's clock, and not of another one: it is later than 2020. */
static bool is_time(const struct frameio_hdr *hdr)
{
	return hdr->flags & FRAMEIO_F_TSTAMP_SW ? hdr->tstamp > 1577836800000000000 : !hdr->tstamp;
}

/* The bytes of a record that was read into room for @room bytes; 0: it is none. */
static size_t check_read_record(enum call_op op, const unsigned char *bytes, size_t room)
{
	struct frameio_hdr hdr;

	memcpy(&hdr, bytes, room < sizeof(hdr) ? room : sizeof(hdr));
	if (room < sizeof(hdr) || hdr.version != FRAMEIO_HDR_VERSION || hdr.hdrlen != HDRLEN ||
	    hdr.len > room - HDRLEN || hdr.wirelen < hdr.len || hdr.reserved ||
	    (hdr.flags & ~READ_FLAGS) || !is_time(&hdr) ||
	    !(hdr.flags & FRAMEIO_F_TRUNC) != (hdr.len == hdr.wirelen)) {
		execute_found("%s gave a record with hdrlen %u, len %u, wirelen %u, flags %#x "
			      "in %zu bytes", call_name(op), hdr.hdrlen, hdr.len, hdr.wirelen,
			      hdr.flags, room);
		return 0;
	}
	return HDRLEN + hdr.len;
}

/* What is between two records of a row, or behind it, is as it was. */
static bool check_gap(enum call_op op, const unsigned char *bytes, size_t from, size_t to)
{
	if (is_untouched(bytes + from, to - from))
		return true;
	execute_found("%s wrote behind a record that ends at %zu", call_name(op), from);
	return false;
}

/* Memory of our own into which a row of records was read, or one. */
static void check_read_row(struct worker *worker, enum call_op op, size_t ret)
{
	const size_t size = worker->iov[0].iov_len;
	size_t room, at, len, end = 0;
	unsigned char *bytes;

	bytes = memory_alias(&worker->memory, (uintptr_t)worker->iov[0].iov_base, &room);
	for (at = 0; at < ret; at = (end + 7) & ~(size_t)7) {
		len = check_read_record(op, bytes + at, size - at);
		if (!len || !check_gap(op, bytes, end, at))
			return;
		end = at + len;
	}
	if (end != ret)
		execute_found("%s returned %zu, and its records end at %zu", call_name(op), ret,
			      end);
	else
		check_gap(op, bytes, end, size);
}

/* Vectors of our own into which @ret bytes of records were read. */
static void check_read(struct worker *worker, enum call_op op, unsigned int n, size_t ret)
{
	unsigned char *bytes;
	size_t len, room;
	unsigned int i;

	if (n == 1 && atomic_load(&report->packed)) {
		check_read_row(worker, op, ret);
		return;
	}
	for (i = 0; i < n; i++) {
		bytes = memory_alias(&worker->memory, (uintptr_t)worker->iov[i].iov_base, &room);
		len = ret ? check_read_record(op, bytes, worker->iov[i].iov_len) : 0;
		if (ret && !len)
			return;
		if (len > ret) {
			execute_found("%s returned less than its records have", call_name(op));
			return;
		}
		ret -= len;
		if (!is_untouched(bytes + len, worker->iov[i].iov_len - len)) {
			execute_found("%s wrote behind a record of %zu bytes", call_name(op), len);
			return;
		}
	}
	if (ret)
		execute_found("%s returned %zu bytes more than its records have", call_name(op),
			      ret);
}

/* Place @n vectors for reading; true: they are our own and can be checked afterwards. */
static bool place_read(struct worker *worker, unsigned int n, const uint64_t *args)
{
	bool own = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		const bool odd = args[3] && i == args[3] - 1;
		const enum place place = place_of(odd ? args[4] : args[1]);
		const uint64_t len = odd ? args[5] : args[2];

		worker->iov[i].iov_base = (void *)(uintptr_t)
			memory_place(&worker->memory, place, len, (uintptr_t)worker->iov);
		worker->iov[i].iov_len = len;
		own = own && memory_is_own(place, len);
	}
	if (!own || worker->memory.overlaps)
		return false;
	for (i = 0; i < n; i++)
		memory_set(&worker->memory, (uintptr_t)worker->iov[i].iov_base, UNTOUCHED,
			   worker->iov[i].iov_len);
	return true;
}

static size_t iov_total(const struct iovec *iov, unsigned int n)
{
	size_t total = 0;

	while (n--)
		total += iov[n].iov_len;
	return total;
}

static void do_read(struct worker *worker, const uint64_t *args)
{
	const uint64_t vector[] = { 1, args[1], args[2], 0, 0, 0 };
	const bool checkable = place_read(worker, 1, vector);
	const ssize_t ret = read(slot_of(args[0]), worker->iov[0].iov_base, args[2]);

	if (!check_result(OP_READ, ret))
		return;
	if ((uint64_t)ret > args[2] || (!ret && args[2]))
		execute_found("read of %llu bytes returned %zd", (unsigned long long)args[2], ret);
	else if (checkable)
		check_read(worker, OP_READ, 1, ret);
}

static void do_readv(struct worker *worker, const uint64_t *args)
{
	const unsigned int n = args[1] % VECTORS_MAX;
	const bool checkable = place_read(worker, n, args + 1);
	const size_t total = iov_total(worker->iov, n);
	ssize_t ret;

	if (args[7] || args[8])
		ret = preadv2(slot_of(args[0]), worker->iov, n, (off_t)args[8] - 1, args[7]);
	else
		ret = readv(slot_of(args[0]), worker->iov, n);
	if (!check_result(OP_READV, ret))
		return;
	if ((size_t)ret > total || (!ret && total))
		execute_found("readv of %zu bytes returned %zd", total, ret);
	else if (checkable)
		check_read(worker, OP_READV, n, ret);
}

/* A record at a place; its length, changed by @delta. */
static struct iovec place_record(struct worker *worker, uint64_t record, uint64_t place,
				 uint64_t delta, uint64_t self)
{
	const size_t len = HDRLEN + record_frame_len(record_of(record));
	const uint64_t at = memory_place(&worker->memory, place_of(place), len, self);

	record_make(record_of(record), worker->record);
	if (place_of(place) != PLACE_SELF)
		memory_put(&worker->memory, at, worker->record, len);
	return (struct iovec) { (void *)(uintptr_t)at, len + delta };
}

/* All of the buffer was accepted, or of a row a part, up to where a record starts. */
static void check_write(enum call_op op, size_t size, size_t ret)
{
	const bool part = atomic_load(&report->packed) && ret && ret < size && ret % 8 == 0;

	if (ret != size && !part)
		execute_found("%s of %zu bytes returned %zu", call_name(op), size, ret);
}

static void do_write(struct worker *worker, const uint64_t *args)
{
	const struct iovec iov = place_record(worker, args[1], args[2], args[3], 0);
	const ssize_t ret = write(slot_of(args[0]), iov.iov_base, iov.iov_len);

	if (check_result(OP_WRITE, ret))
		check_write(OP_WRITE, iov.iov_len, ret);
}

/* A row of two records in turns, @n in all as far as there is room; its length, changed. */
static void do_writerow(struct worker *worker, const uint64_t *args)
{
	const uint64_t n = args[3];
	size_t size = 0, start, len;
	uint64_t at, i;
	ssize_t ret;

	for (i = 0; i < n; i++) {
		const uint64_t *record = record_of(args[1 + i % 2]);

		start = (size + 7) & ~(size_t)7;
		len = HDRLEN + record_frame_len(record);
		if (start + len > sizeof(worker->row))
			break;
		memset(worker->row + size, UNTOUCHED, start - size);
		record_make(record, worker->row + start);
		size = start + len;
	}
	at = memory_place(&worker->memory, place_of(args[4]), size, 0);
	memory_put(&worker->memory, at, worker->row, size);
	size += args[5];
	ret = write(slot_of(args[0]), (void *)(uintptr_t)at, size);
	if (check_result(OP_WRITEROW, ret))
		check_write(OP_WRITEROW, size, ret);
}

static void check_writev(const struct iovec *iov, unsigned int n, size_t ret)
{
	const size_t total = iov_total(iov, n);
	size_t left = ret;

	if (n == 1 && ret) {
		check_write(OP_WRITEV, total, ret);
		return;
	}
	for (; n && left >= iov->iov_len; n--, iov++)
		left -= iov->iov_len;
	if (left || (!ret && total))
		execute_found("writev returned %zu, which is no row of its records", ret);
}

static void do_writev(struct worker *worker, const uint64_t *args)
{
	const unsigned int n = args[1] % VECTORS_MAX;
	const struct iovec iov = place_record(worker, args[2], args[3], 0,
					      (uintptr_t)worker->iov);
	unsigned int i;
	ssize_t ret;

	for (i = 0; i < n; i++)
		worker->iov[i] = iov;
	if (args[4] && args[4] - 1 < n)
		worker->iov[args[4] - 1] = place_record(worker, args[5], args[6], args[7],
							(uintptr_t)worker->iov);
	if (args[8] || args[9])
		ret = pwritev2(slot_of(args[0]), worker->iov, n, (off_t)args[9] - 1, args[8]);
	else
		ret = writev(slot_of(args[0]), worker->iov, n);
	if (check_result(OP_WRITEV, ret))
		check_writev(worker->iov, n, ret);
}

/* FRAMEIO_READ and FRAMEIO_WRITE: in their numbers anything may be; so many are there. */
static unsigned int frameio_nvecs(uint32_t nframes, uint32_t nvpf)
{
	const uint64_t n = (uint64_t)nframes * nvpf;

	return n < FRAMEIO_VECTORS ? n : FRAMEIO_VECTORS;
}

/* Where the pieces of a record of @total bytes end, in @nvpf vectors. */
static uint64_t piece_len(uint64_t total, uint32_t nvpf, uint32_t piece)
{
	const uint64_t before = piece ? HDRLEN + 7 * (piece - 1) : 0;
	const uint64_t len = piece ? 7 : HDRLEN;

	if (before >= total)
		return 0;
	if (piece == nvpf - 1 || total - before < len)
		return total - before;
	return len;
}

static void frameio_fill(struct frameio *fio, const uint64_t *args, uint64_t version,
			 uint64_t more, uint64_t flags)
{
	fio->fio_version = FRAMEIO_VERSION + version;
	fio->fio_nvpf = args[2];
	fio->fio_nvecs = (uint32_t)args[1] * (uint32_t)args[2] + more;
	fio->fio_flags = flags;
}

/*
 * Make the call with worker->given; what came of it is in worker->back then.
 * True: it succeeded, and is all there.
 */
static bool frameio_call(struct worker *worker, enum call_op op, uint64_t slot, uint64_t place,
			 uint64_t at, unsigned int n)
{
	const unsigned int number = op == OP_FREAD ? FRAMEIO_READ : FRAMEIO_WRITE;
	const size_t size = sizeof(struct frameio) + n * sizeof(struct framevec);
	const bool own = memory_is_own(place_of(place), size) && !worker->memory.overlaps;
	unsigned char *alias;
	size_t room;
	long ret;

	memory_put(&worker->memory, at, worker->given.bytes, size);
	ret = ioctl(slot_of(slot), number, at);
	if (ret > 0)
		execute_found("%s returned %ld", call_name(op), ret);
	check_result(op, ret);
	if (!own)
		return false;
	alias = memory_alias(&worker->memory, at, &room);
	memcpy(worker->back.bytes, alias, size);
	if (ret && memcmp(worker->back.bytes, worker->given.bytes, size))
		execute_found("%s failed, but changed its struct", call_name(op));
	return !ret;
}

/* What must be true of the counts after success. */
static bool check_frameio(struct worker *worker, enum call_op op)
{
	const struct frameio *given = &worker->given.fio, *back = &worker->back.fio;
	uint32_t i;

	if (!back->fio_nvecs || back->fio_nvecs > given->fio_nvecs ||
	    back->fio_nvecs % given->fio_nvpf || back->fio_nvpf != given->fio_nvpf ||
	    back->fio_version != given->fio_version || back->fio_flags != given->fio_flags) {
		execute_found("%s used %u of %u vectors, %u per frame", call_name(op),
			      back->fio_nvecs, given->fio_nvecs, given->fio_nvpf);
		return false;
	}
	for (i = 0; i < given->fio_nvecs; i++) {
		if (back->fio_vecs[i].fv_buf != given->fio_vecs[i].fv_buf ||
		    back->fio_vecs[i].fv_buflen != given->fio_vecs[i].fv_buflen ||
		    (i < back->fio_nvecs ?
		     back->fio_vecs[i].fv_actlen > given->fio_vecs[i].fv_buflen :
		     back->fio_vecs[i].fv_actlen != given->fio_vecs[i].fv_actlen)) {
			execute_found("%s changed vector %u, %u used", call_name(op), i,
				      back->fio_nvecs);
			return false;
		}
	}
	return true;
}

/* A record that was read into the @nvpf vectors from @vecs on. */
static void check_fread_record(struct worker *worker, const struct framevec *vecs, uint32_t nvpf)
{
	size_t len = 0, space;
	bool ended = false;
	uint32_t i;

	for (i = 0; i < nvpf; i++) {
		const unsigned char *bytes = memory_alias(&worker->memory, vecs[i].fv_buf, &space);

		if ((ended && vecs[i].fv_actlen) ||
		    len + vecs[i].fv_actlen > sizeof(worker->gathered)) {
			execute_found("fread left a gap between vectors");
			return;
		}
		memcpy(worker->gathered + len, bytes, vecs[i].fv_actlen);
		len += vecs[i].fv_actlen;
		ended = vecs[i].fv_actlen < vecs[i].fv_buflen;
		if (!is_untouched(bytes + vecs[i].fv_actlen,
				  vecs[i].fv_buflen - vecs[i].fv_actlen)) {
			execute_found("fread wrote behind fv_actlen");
			return;
		}
	}
	if (check_read_record(OP_FREAD, worker->gathered, len) != len)
		execute_found("fread used more of its vectors than the record has");
}

static void do_fread(struct worker *worker, const uint64_t *args)
{
	const uint32_t nvpf = args[2];
	const unsigned int n = frameio_nvecs(args[1], nvpf);
	const uint64_t at = memory_place(&worker->memory, place_of(args[11]),
					 sizeof(struct frameio) + n * sizeof(struct framevec), 0);
	struct framevec *vecs = worker->given.fio.fio_vecs;
	bool own = true;
	unsigned int i;

	frameio_fill(&worker->given.fio, args, args[8], args[9], args[10]);
	for (i = 0; i < n; i++) {
		const bool odd = args[5] && i == args[5] - 1;
		const enum place place = place_of(odd ? args[6] : args[3]);
		const uint64_t len = odd ? args[7] : piece_len(args[4], nvpf, i % nvpf);

		vecs[i].fv_buf = memory_place(&worker->memory, place, len, at);
		vecs[i].fv_buflen = len;
		vecs[i].fv_actlen = 0x5555;
		own = own && memory_is_own(place, len);
	}
	own = own && !worker->memory.overlaps;
	for (i = 0; own && i < n; i++)
		memory_set(&worker->memory, vecs[i].fv_buf, UNTOUCHED, vecs[i].fv_buflen);
	/* with vectors that are not ours the struct may be among what they hit */
	if (!own) {
		check_result(OP_FREAD, (memory_put(&worker->memory, at, worker->given.bytes,
						   sizeof(struct frameio) + n * sizeof(*vecs)),
					ioctl(slot_of(args[0]), FRAMEIO_READ, at)));
		return;
	}
	if (!frameio_call(worker, OP_FREAD, args[0], args[11], at, n) ||
	    !check_frameio(worker, OP_FREAD))
		return;
	for (i = 0; i < worker->back.fio.fio_nvecs; i += nvpf)
		check_fread_record(worker, &worker->back.fio.fio_vecs[i], nvpf);
}

static void do_fwrite(struct worker *worker, const uint64_t *args)
{
	const uint32_t nvpf = args[2];
	const unsigned int n = frameio_nvecs(args[1], nvpf);
	const uint64_t at = memory_place(&worker->memory, place_of(args[11]),
					 sizeof(struct frameio) + n * sizeof(struct framevec), 0);
	const struct iovec iov = place_record(worker, args[3], args[4], 0, at);
	struct framevec *vecs = worker->given.fio.fio_vecs;
	uint64_t offset = 0;
	unsigned int i;

	frameio_fill(&worker->given.fio, args, args[8], args[9], args[10]);
	for (i = 0; i < n; i++) {
		if (i % nvpf == 0)
			offset = 0;
		vecs[i].fv_buf = (uintptr_t)iov.iov_base + offset;
		vecs[i].fv_buflen = piece_len(iov.iov_len, nvpf, i % nvpf);
		vecs[i].fv_actlen = 0x5555;
		offset += vecs[i].fv_buflen;
		if (args[5] && i == args[5] - 1) {
			vecs[i].fv_buf = memory_place(&worker->memory, place_of(args[6]),
						      vecs[i].fv_buflen, at);
			vecs[i].fv_buflen += args[7];
		}
	}
	if (frameio_call(worker, OP_FWRITE, args[0], args[11], at, n))
		check_frameio(worker, OP_FWRITE);
}

/* Waiting, and what else can be done to a file */

static void do_poll(struct worker *worker, const uint64_t *args)
{
	struct pollfd pollfd = { .fd = slot_of(args[0]), .events = args[1] };
	const struct timespec time = { .tv_nsec = args[2] % 50000 * 1000 };

	(void)worker;
	ppoll(&pollfd, 1, &time, NULL);
}

static void do_epoll(struct worker *worker, const uint64_t *args)
{
	struct epoll_event event = { .events = args[1] };
	const int fd = epoll_create1(EPOLL_CLOEXEC);

	(void)worker;
	epoll_ctl(fd, EPOLL_CTL_ADD, slot_of(args[0]), &event);
	epoll_wait(fd, &event, 1, args[2] % 50000 / 1000);
	close(fd);
}

static void do_mmap(struct worker *worker, const uint64_t *args)
{
	/* nothing of ours shall be replaced */
	const int flags = args[3] & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS);
	void *map = mmap(NULL, args[1], args[2] & 7, flags, slot_of(args[0]), args[4] & ~4095ull);

	(void)worker;
	if (check_result(OP_MMAP, map == MAP_FAILED ? -1 : 0))
		execute_found("mmap succeeded");
}

static void do_nonblock(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	fcntl(slot_of(args[0]), F_SETFL, args[1] & 1 ? O_NONBLOCK : 0);
}

static void do_splice(struct worker *worker, const uint64_t *args)
{
	int ends[2];

	(void)worker;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return;
	if (args[1] & 1)
		check_result(OP_SPLICE, splice(slot_of(args[0]), NULL, ends[1], NULL, 4096,
					       SPLICE_F_NONBLOCK));
	else
		check_result(OP_SPLICE, splice(ends[0], NULL, slot_of(args[0]), NULL, 4096,
					       SPLICE_F_NONBLOCK));
	close(ends[0]);
	close(ends[1]);
}

/* A process that keeps the files for a while. */
static void do_fork(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	if (fork() == 0) {
		sleep_us(args[0]);
		_exit(0);
	}
}

static void do_wait(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	sleep_us(args[0]);
}

static void do_scribble(struct worker *worker, const uint64_t *args)
{
	const uint64_t end = now_us() + args[0] % 50000;
	uint64_t round = args[1];

	(void)worker;
	do
		memory_shared_scribble(round++);
	while (now_us() < end);
}

static void do_protect(struct worker *worker, const uint64_t *args)
{
	const uint64_t end = now_us() + args[0] % 50000;

	(void)worker;
	do {
		memory_shared_protect(true);
		memory_shared_protect(false);
	} while (now_us() < end);
}

/* Links, namespaces, users */

static void do_newlink(struct worker *worker, const uint64_t *args)
{
	const unsigned int netns = args[6] % EXECUTE_NETNS;

	(void)worker;
	link_new(link_name_of(args[0]), args, netns ? netns_fds[netns] : -1);
}

static void do_foreign(struct worker *worker, const uint64_t *args)
{
	const unsigned int netns = args[4] % EXECUTE_NETNS;

	(void)worker;
	link_foreign(args[0] % FOREIGN_COUNT, link_name_of(args[1]), link_name_of(args[2]), args[3],
		     netns ? netns_fds[netns] : -1);
}

static void do_dellink(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_delete(link_name_of(args[0]));
}

static void do_up(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_up(link_name_of(args[0]), args[1] & 1);
}

static void do_mtu(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_set_mtu(link_name_of(args[0]), args[1]);
}

static void do_rename(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_rename(link_name_of(args[0]), link_name_of(args[1]));
}

static void do_move(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_move(link_name_of(args[0]), netns_fds[args[1] % EXECUTE_NETNS]);
}

static void do_sysfs(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_sysfs(link_name_of(args[0]), args[1], args[2]);
}

static void do_ethtool(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	link_ethtool(link_name_of(args[0]), args[1], args[2]);
}

/* Have the kernel transmit on a port: frames, or with their offload fields what they ask for. */
static void do_send(struct worker *worker, const uint64_t *args)
{
	const uint64_t *record = record_of(args[1]);
	const size_t len = record_frame_len(record);
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct virtio_net_hdr vnet = {
		.flags = record[4] & FRAMEIO_F_CSUM_PARTIAL ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
		.gso_type = record[5],
		.gso_size = record[6],
		.hdr_len = record[7],
		.csum_start = record[8],
		.csum_offset = record[9],
	};
	struct iovec iov[2] = { { &vnet, sizeof(vnet) }, { worker->record, len } };
	struct msghdr message = { .msg_name = &address, .msg_namelen = sizeof(address) };
	int offload = args[3] & 1;
	unsigned int i;

	record_make_frame(record, worker->record);
	address.sll_ifindex = if_nametoindex(link_name_of(args[0]));
	if (offload)
		setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &offload, sizeof(offload));
	message.msg_iov = offload ? iov : iov + 1;
	message.msg_iovlen = offload ? 2 : 1;
	for (i = 0; i < args[2] % VECTORS_MAX; i++)
		if (sendmsg(fd, &message, MSG_DONTWAIT) < 0)
			break;
	close(fd);
}

static void do_setns(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	setns(netns_fds[args[0] % EXECUTE_NETNS], CLONE_NEWNET);
}

static void do_unshare(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	(void)args;
	unshare(CLONE_NEWNET);
}

/* Of this thread alone, which the C library's function would not do. */
static void do_user(struct worker *worker, const uint64_t *args)
{
	(void)worker;
	syscall(SYS_setresuid, -1, args[0] ? 65534 : 0, -1);
}

static void (*const functions[OP_COUNT])(struct worker *worker, const uint64_t *args) = {
	[OP_CONTROL] = do_control, [OP_NODE] = do_node, [OP_CLOSE] = do_close, [OP_DUP] = do_dup,
	[OP_CREATE] = do_create, [OP_ATTACH] = do_attach, [OP_BIND] = do_bind, [OP_DELETE] = do_delete,
	[OP_LIST] = do_list, [OP_INFO] = do_info, [OP_STATS] = do_stats,
	[OP_LIMITS] = do_limits, [OP_OPTIONS] = do_options, [OP_GETOPTIONS] = do_getoptions,
	[OP_FILTER] = do_filter, [OP_QUEUE_PAIR] = do_queue_pair,
	[OP_IOCTL] = do_ioctl, [OP_RECORD] = do_record, [OP_READ] = do_read,
	[OP_READV] = do_readv, [OP_WRITE] = do_write, [OP_WRITEV] = do_writev,
	[OP_WRITEROW] = do_writerow,
	[OP_FREAD] = do_fread, [OP_FWRITE] = do_fwrite, [OP_POLL] = do_poll,
	[OP_EPOLL] = do_epoll, [OP_MMAP] = do_mmap, [OP_NONBLOCK] = do_nonblock,
	[OP_SPLICE] = do_splice, [OP_FORK] = do_fork, [OP_WAIT] = do_wait,
	[OP_SCRIBBLE] = do_scribble, [OP_PROTECT] = do_protect, [OP_NEWLINK] = do_newlink,
	[OP_FOREIGN] = do_foreign,
	[OP_DELLINK] = do_dellink, [OP_UP] = do_up, [OP_MTU] = do_mtu,
	[OP_RENAME] = do_rename, [OP_MOVE] = do_move, [OP_SYSFS] = do_sysfs,
	[OP_ETHTOOL] = do_ethtool, [OP_SEND] = do_send, [OP_SETNS] = do_setns,
	[OP_UNSHARE] = do_unshare, [OP_USER] = do_user,
};

/* Calls that may sleep until a signal comes. Others, as fork(2), may never end with one. */
static bool call_may_sleep(enum call_op op)
{
	switch (op) {
	case OP_CREATE:
	case OP_ATTACH:
	case OP_BIND:
	case OP_IOCTL:
	case OP_READ:
	case OP_READV:
	case OP_WRITE:
	case OP_WRITEROW:
	case OP_WRITEV:
	case OP_FREAD:
	case OP_FWRITE:
	case OP_POLL:
	case OP_EPOLL:
		return true;
	default:
		return false;
	}
}

static void set_interrupts(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

static void make_call(struct worker *worker, const struct call *call)
{
	memory_reset(&worker->memory);
	if (call_may_sleep(call->op))
		set_interrupts(SIG_UNBLOCK);
	functions[call->op](worker, call->args);
	set_interrupts(SIG_BLOCK);
	atomic_fetch_add(&report->ncalls, 1);
}

/* Have the calling thread interrupted again and again, where it does not block that. */
static void start_interrupts(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
	};
	const struct itimerspec interval = {
		.it_interval.tv_nsec = INTERRUPT_NS,
		.it_value.tv_nsec = INTERRUPT_NS,
	};
	timer_t timer;

	event.sigev_notify_thread_id = gettid();
	if (!timer_create(CLOCK_MONOTONIC, &event, &timer))
		timer_settime(timer, 0, &interval, NULL);
}

static void on_interrupt(int number)
{
	(void)number;
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;

	start_interrupts();
	cover_start(worker->number);
	make_call(worker, &worker->call);
	cover_stop(worker->number);
	atomic_store(&worker->done, true);
	return NULL;
}

static struct worker *find_idle_worker(void)
{
	unsigned int i;

	for (i = 1; i < EXECUTE_THREADS; i++) {
		if (!workers[i].started)
			return &workers[i];
		if (atomic_load(&workers[i].done)) {
			pthread_join(workers[i].thread, NULL);
			workers[i].started = false;
			return &workers[i];
		}
	}
	return NULL;
}

static bool make_async_call(const struct call *call)
{
	struct worker *worker = find_idle_worker();

	if (!worker)
		return false;
	worker->call = *call;
	atomic_store(&worker->done, false);
	worker->started = !pthread_create(&worker->thread, NULL, worker_run, worker);
	return worker->started;
}

void execute_init(const int netns[EXECUTE_NETNS], struct report *shared)
{
	unsigned int i;

	memcpy(netns_fds, netns, sizeof(netns_fds));
	report = shared;
	for (i = 0; i < EXECUTE_THREADS; i++) {
		workers[i].number = i;
		memory_init(&workers[i].memory);
	}
	memory_shared_init();
}

void execute_run(const struct program *program)
{
	const struct sigaction action = { .sa_handler = on_interrupt };
	unsigned int i;

	sigaction(SIGUSR1, &action, NULL);
	set_interrupts(SIG_BLOCK);
	start_interrupts();
	cover_start(0);
	for (i = 0; i < program->n; i++)
		if (!program->calls[i].async || !make_async_call(&program->calls[i]))
			make_call(&workers[0], &program->calls[i]);
	for (i = 1; i < EXECUTE_THREADS; i++)
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);
	/* as the last user of the files, so that what closing them does is covered */
	for (i = 0; i < NSLOTS; i++)
		close(slot_of(i));
	cover_stop(0);
}
