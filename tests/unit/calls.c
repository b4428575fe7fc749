/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the library hands to the kernel, and what it makes of the answers. */
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "kernel.h"

#define TOO_LONG	"sixteen-letters!"
#define LONGEST		"fifteen-letters"

/* A copy of the argument of the last ioctl. */
static union {
	unsigned char bytes[1024];
	struct frameio_create create;
	struct frameio_open open;
	struct frameio_delete delete;
	struct frameio_limits limits;
	struct frameio_filter filter;
	struct frameio_queue_pair pair;
	struct frameio fio;
	uint32_t options;
} argument;

static int keep_argument(unsigned long request, void *from)
{
	size_t size = _IOC_SIZE(request);

	if (request == FRAMEIO_READ || request == FRAMEIO_WRITE)
		size += 2 * sizeof(struct framevec);
	memcpy(&argument, from, size);
	return 0;
}

static struct frameio_qp *const untouched = (void *)&kernel;

static struct frameio_qp *qp_open(void)
{
	struct frameio_qp *qp;

	ck_assert_int_eq(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY), 0);
	kernel.answer = keep_argument;
	return qp;
}

/* A name in a field of the ABI: itself, and zeroes up to the end. */
static void assert_name(const char *field, const char *name)
{
	char expected[FRAMEIO_NAMESIZE] = "";

	strcpy(expected, name);
	ck_assert_mem_eq(field, expected, sizeof(expected));
}

static void assert_zero(const void *bytes, size_t n)
{
	static const unsigned char zeroes[256];

	ck_assert_mem_eq(bytes, zeroes, n);
}

static int (*const makers[])(struct frameio_qp **qp, const char *netns,
			     const struct frameio_port_config *config) = {
	frameio_create, frameio_attach,
};

START_TEST(create_and_attach_hand_over_the_config)
{
	const struct frameio_port_config config = {
		.name = LONGEST,
		.flags = FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST | FRAMEIO_PORT_OWNER,
		.nqueues = 3,
		.read_limit = 4,
		.write_limit = 5,
		.read_bytes = 8,
		.write_bytes = 9,
		.owner = 6,
		.group = 7,
	};
	struct frameio_qp *qp = NULL;

	kernel.answer = keep_argument;
	ck_assert_int_eq(makers[_i](&qp, NULL, &config), 0);
	ck_assert_uint_eq(kernel.request, _i ? FRAMEIO_ATTACH : FRAMEIO_CREATE);
	ck_assert_uint_eq(kernel.nioctls, 1);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	ck_assert_int_eq(kernel.control_flags & O_ACCMODE, O_RDWR);
	ck_assert(kernel.control_flags & O_CLOEXEC);
	assert_name(argument.create.fc_name, LONGEST);
	ck_assert_uint_eq(argument.create.fc_flags, config.flags);
	ck_assert_uint_eq(argument.create.fc_nqueues, 3);
	ck_assert_uint_eq(argument.create.fc_read_limit, 4);
	ck_assert_uint_eq(argument.create.fc_write_limit, 5);
	ck_assert_uint_eq(argument.create.fc_read_bytes, 8);
	ck_assert_uint_eq(argument.create.fc_write_bytes, 9);
	ck_assert_uint_eq(argument.create.fc_owner, 6);
	ck_assert_uint_eq(argument.create.fc_group, 7);
	ck_assert_uint_eq(argument.create.fc_ifindex, 0);
	assert_zero(argument.create.fc_reserved, sizeof(argument.create.fc_reserved));
	frameio_close(qp);
	ck_assert_int_eq(kernel.nfiles, 0);
}
END_TEST

START_TEST(create_without_config_takes_defaults)
{
	static const struct frameio_port_config nameless = { .nqueues = 0 };
	struct frameio_qp *qp;

	kernel.answer = keep_argument;
	ck_assert_int_eq(frameio_create(&qp, NULL, _i ? &nameless : NULL), 0);
	assert_name(argument.create.fc_name, "fio%d");
	assert_zero(&argument.create.fc_flags,
		    sizeof(argument.create) - sizeof(argument.create.fc_name));
	frameio_close(qp);
}
END_TEST

/* There is no interface to choose. */
START_TEST(attach_needs_a_name)
{
	static const struct frameio_port_config nameless = { .nqueues = 1 };
	struct frameio_qp *qp = untouched;

	ck_assert_int_eq(frameio_attach(&qp, NULL, &nameless), -EINVAL);
	ck_assert_int_eq(frameio_attach(&qp, KERNEL_NETNS, NULL), -EINVAL);
	ck_assert_ptr_eq(qp, untouched);
	ck_assert_uint_eq(kernel.ncontrols, 0);
	ck_assert_uint_eq(kernel.nsetns, 0);
}
END_TEST

START_TEST(open_hands_over_name_and_queue)
{
	static const uint32_t queues[] = { 0, 63, FRAMEIO_QUEUE_ANY };
	struct frameio_qp *qp = NULL;

	kernel.answer = keep_argument;
	ck_assert_int_eq(frameio_open(&qp, NULL, "fio0", queues[_i]), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_OPEN);
	ck_assert_uint_eq(kernel.nioctls, 1);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	assert_name(argument.open.fo_name, "fio0");
	ck_assert_uint_eq(argument.open.fo_queue, queues[_i]);
	assert_zero(argument.open.fo_reserved, sizeof(argument.open.fo_reserved));
	ck_assert_int_eq(kernel.nfiles, 1);
	frameio_close(qp);
	ck_assert_int_eq(kernel.nfiles, 0);
	frameio_close(NULL);
}
END_TEST

START_TEST(delete_hands_over_the_name)
{
	kernel.answer = keep_argument;
	ck_assert_int_eq(frameio_delete(NULL, "fio0"), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_DELETE);
	ck_assert_uint_eq(kernel.nioctls, 1);
	assert_name(argument.delete.fd_name, "fio0");
	assert_zero(argument.delete.fd_reserved, sizeof(argument.delete.fd_reserved));
	ck_assert_int_eq(kernel.nfiles, 0);
}
END_TEST

static int answer_pair(unsigned long request, void *from)
{
	struct frameio_queue_pair *pair = from;

	keep_argument(request, from);
	pair->fp_open = 1;
	pair->fp_stats.fs_write_drop_invalid = 1ULL << 40;
	return 0;
}

START_TEST(queue_pair_is_asked_for_by_name_and_number)
{
	static const uint32_t queues[] = { 0, 63, UINT32_MAX };
	struct frameio_queue_pair pair;

	memset(&pair, 0x5a, sizeof(pair));
	kernel.answer = answer_pair;
	ck_assert_int_eq(frameio_get_queue_pair(NULL, LONGEST, queues[_i], &pair), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_QUEUE_PAIR);
	ck_assert_uint_eq(kernel.nioctls, 1);
	assert_name(argument.pair.fp_name, LONGEST);
	ck_assert_uint_eq(argument.pair.fp_queue, queues[_i]);
	assert_zero(&argument.pair.fp_open, offsetof(struct frameio_queue_pair, fp_stats) -
		    offsetof(struct frameio_queue_pair, fp_open));
	ck_assert_uint_eq(pair.fp_open, 1);
	ck_assert_uint_eq(pair.fp_stats.fs_write_drop_invalid, 1ULL << 40);
	ck_assert_int_eq(kernel.nfiles, 0);
}
END_TEST

START_TEST(name_too_long_is_refused_without_a_call)
{
	const struct frameio_port_config config = { .name = TOO_LONG };
	struct frameio_qp *qp = untouched;
	struct frameio_queue_pair pair;

	ck_assert_int_eq(frameio_create(&qp, NULL, &config), -EINVAL);
	ck_assert_int_eq(frameio_create(&qp, KERNEL_NETNS, &config), -EINVAL);
	ck_assert_int_eq(frameio_attach(&qp, NULL, &config), -EINVAL);
	ck_assert_int_eq(frameio_attach(&qp, KERNEL_NETNS, &config), -EINVAL);
	ck_assert_int_eq(frameio_open(&qp, NULL, TOO_LONG, 0), -EINVAL);
	ck_assert_int_eq(frameio_delete(NULL, TOO_LONG "and more"), -EINVAL);
	ck_assert_int_eq(frameio_get_queue_pair(NULL, TOO_LONG, 0, &pair), -EINVAL);
	ck_assert_ptr_eq(qp, untouched);
	ck_assert_uint_eq(kernel.ncontrols, 0);
	ck_assert_uint_eq(kernel.nioctls, 0);
	ck_assert_uint_eq(kernel.nsetns, 0);
}
END_TEST

/* --- one of the six calls that open a control file, and its failures ------- */

static int control_call(unsigned int which, const char *netns)
{
	const struct frameio_port_config config = { .name = "fio0" };
	struct frameio_info *ports = NULL;
	struct frameio_qp *qp = untouched;
	struct frameio_queue_pair pair;
	int ret;

	kernel_watch_memory();
	switch (which) {
	case 0:
	case 1:
		ret = makers[which](&qp, netns, &config);
		break;
	case 2:
		ret = frameio_open(&qp, netns, "fio0", 0);
		break;
	case 3:
		ret = frameio_delete(netns, "fio0");
		break;
	case 4:
		ret = frameio_get_queue_pair(netns, "fio0", 0, &pair);
		break;
	default:
		ret = frameio_list(netns, &ports);
	}
	if (qp != untouched)
		frameio_close(qp);
	kernel_unwatch_memory();
	ck_assert_ptr_null(ports);
	ck_assert_int_eq(qp != untouched, !ret && which < 3);
	ck_assert_int_eq(kernel.nfiles, 0);
	ck_assert_int_eq(kernel.nblocks, 0);
	return ret;
}

START_TEST(no_device_is_enoent)
{
	kernel.open_error = ENOENT;
	ck_assert_int_eq(control_call(_i, NULL), -ENOENT);
	ck_assert_int_eq(control_call(_i, KERNEL_NETNS), -ENOENT);
	kernel.open_error = EACCES;
	ck_assert_int_eq(control_call(_i, NULL), -EACCES);
	ck_assert_uint_eq(kernel.nioctls, 0);
}
END_TEST

START_TEST(refusal_by_the_kernel_is_passed_on)
{
	static const int errors[] = {
		EPERM, EEXIST, EBUSY, EINVAL, ENODEV, EOPNOTSUPP, ENOMEM, ENOTTY,
	};
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		kernel.ioctl_error = errors[i];
		ck_assert_int_eq(control_call(_i, NULL), -errors[i]);
		ck_assert_int_eq(control_call(_i, KERNEL_NETNS), -errors[i]);
	}
	ck_assert_uint_eq(kernel.nioctls, 2 * i);
}
END_TEST

START_TEST(netns_null_is_this_thread)
{
	ck_assert_int_eq(control_call(_i, NULL), 0);
	ck_assert_uint_eq(kernel.nsetns, 0);
	ck_assert_int_eq(kernel.ioctl_thread, gettid());
}
END_TEST

START_TEST(netns_is_entered_by_another_thread)
{
	static const char *const names[] = { KERNEL_NETNS, KERNEL_NETNS_PATH };
	size_t i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(control_call(_i, names[i]), 0);
		ck_assert_uint_eq(kernel.nsetns, i + 1);
		ck_assert_int_ne(kernel.setns_thread, gettid());
		ck_assert_int_eq(kernel.ioctl_thread, kernel.setns_thread);
	}
}
END_TEST

START_TEST(netns_missing_is_enoent)
{
	static const char *const names[] = { "no-such-netns", "/no/such/netns", "./no-such-netns" };
	size_t i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(control_call(_i, names[i]), -ENOENT);
	ck_assert_int_eq(control_call(_i, ""), -EINVAL);
	ck_assert_uint_eq(kernel.ncontrols, 0);
	ck_assert_uint_eq(kernel.nioctls, 0);
}
END_TEST

START_TEST(netns_too_long_is_enametoolong)
{
	char name[PATH_MAX + 8];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(control_call(_i, name), -ENAMETOOLONG);
	name[PATH_MAX - 11] = '\0';	/* with "/run/netns/" one too many */
	ck_assert_int_eq(control_call(_i, name), -ENAMETOOLONG);
}
END_TEST

START_TEST(netns_that_cannot_be_entered_is_an_error)
{
	kernel.setns_error = EPERM;
	ck_assert_int_eq(control_call(_i, KERNEL_NETNS), -EPERM);
	ck_assert_uint_eq(kernel.ncontrols, 0);
	kernel.setns_error = 0;
	kernel.thread_error = EAGAIN;
	ck_assert_int_eq(control_call(_i, KERNEL_NETNS), -EAGAIN);
	ck_assert_uint_eq(kernel.ncontrols, 0);
}
END_TEST

/* And nothing was done that the caller would have to undo. */
START_TEST(no_memory_is_enomem)
{
	kernel.alloc_countdown = 1;
	ck_assert_int_eq(control_call(_i, NULL), -ENOMEM);
	ck_assert_uint_eq(kernel.nioctls, 0);
}
END_TEST

/* --- lists ----------------------------------------------------------------- */

static unsigned int nports;	/* that there are */
static unsigned int nmore;	/* that come before each further call */
static unsigned int list_error_at; /* the so many-th call fails; 0: none */

static int answer_list(unsigned long request, void *from)
{
	struct frameio_list *list = from;
	struct frameio_info *infos = (void *)(uintptr_t)list->fl_ports;
	unsigned int i;

	ck_assert_uint_eq(request, FRAMEIO_LIST);
	ck_assert_uint_eq(list->fl_size, sizeof(struct frameio_info));
	ck_assert(list->fl_ports || !list->fl_count);
	if (kernel.nioctls > 1)
		nports += nmore;
	if (kernel.nioctls == list_error_at)
		return ENOMEM;
	for (i = 0; i < nports && i < list->fl_count; i++) {
		memset(&infos[i], 0, sizeof(infos[i]));
		snprintf(infos[i].fi_name, sizeof(infos[i].fi_name), "fio%u", i);
	}
	list->fl_count = nports;
	return 0;
}

static void assert_list(int expected)
{
	struct frameio_info *ports = (void *)untouched;
	char name[FRAMEIO_NAMESIZE];
	int i, ret;

	kernel_watch_memory();
	ret = frameio_list(NULL, &ports);
	kernel_unwatch_memory();
	ck_assert_int_eq(ret, expected);
	for (i = 0; i < expected; i++) {
		snprintf(name, sizeof(name), "fio%d", i);
		ck_assert_str_eq(ports[i].fi_name, name);
	}
	if (expected <= 0)
		ck_assert_ptr_null(ports);
	kernel_watch_memory();
	free(ports);
	kernel_unwatch_memory();
	ck_assert_int_eq(kernel.nfiles, 0);
	ck_assert_int_eq(kernel.nblocks, 0);
}

START_TEST(list_does_not_believe_everything)
{
	kernel.answer = answer_list;
	nports = UINT32_MAX;
	assert_list(-EBADMSG);
	nports = UINT32_MAX - 7;
	assert_list(-EBADMSG);
	nports = INT32_MAX;
	assert_list(-EBADMSG);
}
END_TEST

START_TEST(list_has_all_ports)
{
	unsigned int n;

	kernel.answer = answer_list;
	for (n = 0; n < 40; n++) {
		nports = n;
		assert_list(n);
	}
}
END_TEST

START_TEST(list_grows_while_ports_appear)
{
	kernel.answer = answer_list;
	nports = 1;
	nmore = 5;
	assert_list(6);		/* there was room to spare */
	kernel.nioctls = 0;
	nports = 1;
	nmore = 9;
	/* 1; 10 where there is room for 9; 19 where there is room for 18; 28 of 27: ever one more */
	list_error_at = 40;
	assert_list(-ENOMEM);
	ck_assert_uint_eq(kernel.nioctls, 40);
}
END_TEST

/* Ports that all went away between the count and the list. */
START_TEST(list_may_become_empty)
{
	kernel.answer = answer_list;
	nports = 3;
	nmore = -3;
	assert_list(0);
}
END_TEST

START_TEST(list_that_fails_leaks_nothing)
{
	kernel.answer = answer_list;
	nports = 3;
	for (list_error_at = 1; list_error_at <= 2; list_error_at++) {
		kernel.nioctls = 0;
		assert_list(-ENOMEM);
	}
	list_error_at = 0;
	kernel.nioctls = 0;
	kernel.alloc_countdown = 1;
	assert_list(-ENOMEM);
	/* the array cannot grow */
	nmore = 20;
	kernel.nioctls = 0;
	kernel.alloc_countdown = 2;
	assert_list(-ENOMEM);
}
END_TEST

/* --- calls on a queue pair ------------------------------------------------- */

START_TEST(settings_are_handed_over)
{
	struct frameio_qp *qp = qp_open();

	ck_assert_int_eq(frameio_set_options(qp, FRAMEIO_O_TRUNC), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_SET_OPTIONS);
	ck_assert_uint_eq(argument.options, FRAMEIO_O_TRUNC);
	ck_assert_int_eq(frameio_set_limits(qp, 7, 65536), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_SET_LIMITS);
	ck_assert_uint_eq(argument.limits.fq_read, 7);
	ck_assert_uint_eq(argument.limits.fq_write, 65536);
	ck_assert_uint_eq(argument.limits.fq_read_bytes, 0);
	ck_assert_uint_eq(argument.limits.fq_write_bytes, 0);
	ck_assert_int_eq(frameio_set_byte_limits(qp, 8, 1 << 30), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_SET_LIMITS);
	ck_assert_uint_eq(argument.limits.fq_read, 0);
	ck_assert_uint_eq(argument.limits.fq_write, 0);
	ck_assert_uint_eq(argument.limits.fq_read_bytes, 8);
	ck_assert_uint_eq(argument.limits.fq_write_bytes, 1 << 30);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	ck_assert_int_eq(frameio_set_options(qp, FRAMEIO_O_TAP | FRAMEIO_O_PROMISC |
					     FRAMEIO_O_TSTAMP), 0);
	ck_assert_uint_eq(argument.options, 0xe);
	kernel.ioctl_error = EINVAL;
	ck_assert_int_eq(frameio_set_options(qp, 0x80), -EINVAL);
	ck_assert_int_eq(frameio_set_limits(qp, 0, 65537), -EINVAL);
	ck_assert_int_eq(frameio_set_byte_limits(qp, 0, UINT_MAX), -EINVAL);
	frameio_close(qp);
}
END_TEST

START_TEST(filter_is_handed_over)
{
	static const struct sock_filter insns[2];
	struct frameio_qp *qp = qp_open();
	unsigned int calls;

	ck_assert_int_eq(frameio_set_filter(qp, insns, 2), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_SET_FILTER);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	ck_assert_uint_eq(argument.filter.ff_insns, (uintptr_t)insns);
	ck_assert_uint_eq(argument.filter.ff_len, 2);
	assert_zero(argument.filter.ff_reserved, sizeof(argument.filter.ff_reserved));
	ck_assert_int_eq(frameio_set_filter(qp, NULL, 0), 0);
	ck_assert_uint_eq(argument.filter.ff_len, 0);
	/* how many there can be is the kernel's to say, as far as its field can hold it */
	ck_assert_int_eq(frameio_set_filter(qp, insns, UINT16_MAX), 0);
	ck_assert_uint_eq(argument.filter.ff_len, UINT16_MAX);
	calls = kernel.nioctls;
	ck_assert_int_eq(frameio_set_filter(qp, insns, UINT16_MAX + 1), -EINVAL);
	ck_assert_int_eq(frameio_set_filter(qp, insns, UINT_MAX), -EINVAL);
	ck_assert_uint_eq(kernel.nioctls, calls);
	kernel.ioctl_error = EOPNOTSUPP;
	ck_assert_int_eq(frameio_set_filter(qp, insns, 2), -EOPNOTSUPP);
	frameio_close(qp);
}
END_TEST

static int fill_argument(unsigned long request, void *to)
{
	memset(to, 0x5a, _IOC_SIZE(request));
	return 0;
}

START_TEST(info_and_stats_are_filled_in)
{
	struct frameio_qp *qp = qp_open();
	struct frameio_stats stats = { 0 };
	struct frameio_info info = { 0 };

	kernel.answer = fill_argument;
	ck_assert_int_eq(frameio_get_info(qp, &info), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_INFO);
	ck_assert_uint_eq(info.fi_write_bytes, 0x5a5a5a5a);
	ck_assert_int_eq(frameio_get_stats(qp, &stats), 0);
	ck_assert_uint_eq(kernel.request, FRAMEIO_STATS);
	ck_assert_uint_eq(stats.fs_write_drop_closed, 0x5a5a5a5a5a5a5a5aULL);
	kernel.ioctl_error = ENODEV;
	ck_assert_int_eq(frameio_get_info(qp, &info), -ENODEV);
	ck_assert_int_eq(frameio_get_stats(qp, &stats), -ENODEV);
	frameio_close(qp);
}
END_TEST

START_TEST(nonblock_is_a_setting_of_the_file)
{
	struct frameio_qp *qp = qp_open();
	const int fd = frameio_fd(qp);
	const int others = (fcntl(fd, F_GETFL) | O_APPEND) & ~O_NONBLOCK;

	ck_assert_int_eq(fcntl(fd, F_SETFL, others), 0);
	ck_assert_int_eq(frameio_set_nonblock(qp, true), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL), others | O_NONBLOCK);
	ck_assert_int_eq(frameio_set_nonblock(qp, false), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL), others);
	frameio_close(qp);
}
END_TEST

START_TEST(wait_tells_events_time_and_errors)
{
	struct frameio_qp *qp = qp_open();

	ck_assert_int_eq(frameio_wait(qp, POLLIN, 1234), 0);
	ck_assert_int_eq(kernel.poll_fd, frameio_fd(qp));
	ck_assert_int_eq(kernel.poll_events, POLLIN);
	ck_assert_int_eq(kernel.poll_timeout, 1234);
	kernel.poll_revents = POLLOUT;
	ck_assert_int_eq(frameio_wait(qp, POLLIN | POLLOUT, -1), POLLOUT);
	ck_assert_int_eq(kernel.poll_events, POLLIN | POLLOUT);
	ck_assert_int_eq(kernel.poll_timeout, -1);
	kernel.poll_revents = POLLIN | POLLOUT | POLLHUP | POLLERR;
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 0), -ENODEV);
	kernel.poll_revents = POLLERR;
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 0), -ENODEV);
	kernel.poll_error = EINTR;
	ck_assert_int_eq(frameio_wait(qp, POLLIN, 0), -EINTR);
	frameio_close(qp);
}
END_TEST

/* The two vectors of one record. */
static void assert_one_record(unsigned long request, const void *frame, size_t len)
{
	/* behind argument.fio, but the array has no size of its own */
	const struct framevec *vecs = (const void *)(argument.bytes + sizeof(struct frameio));

	ck_assert_uint_eq(kernel.request, request);
	ck_assert_uint_eq(argument.fio.fio_version, 1);
	ck_assert_uint_eq(argument.fio.fio_nvpf, 2);
	ck_assert_uint_eq(argument.fio.fio_nvecs, 2);
	ck_assert_uint_eq(argument.fio.fio_flags, 0);
	ck_assert_uint_eq(vecs[0].fv_buflen, 40);
	ck_assert_uint_eq(vecs[1].fv_buf, (uintptr_t)frame);
	ck_assert_uint_eq(vecs[1].fv_buflen, len);
}

static struct frameio_hdr sent_hdr;

static int answer_one_record(unsigned long request, void *from)
{
	const struct framevec *vec = (const void *)((const unsigned char *)from +
						    sizeof(struct frameio));
	struct frameio_hdr *hdr = (void *)(uintptr_t)vec->fv_buf;

	keep_argument(request, from);
	if (request == FRAMEIO_WRITE)
		sent_hdr = *hdr;
	else
		*hdr = (struct frameio_hdr) { .version = 1, .hdrlen = 40, .len = 77, .queue = 5 };
	return 0;
}

/* What moves one record moves two vectors, or the kernel is none that we know. */
static int answer_no_record(unsigned long request, void *from)
{
	struct frameio *fio = from;

	(void)request;
	fio->fio_nvecs = 0;
	return 0;
}

START_TEST(recv_and_send_want_a_record_moved)
{
	struct frameio_qp *qp = qp_open();
	unsigned char frame[100] = { 0 };

	kernel.answer = answer_no_record;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EBADMSG);
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -EBADMSG);
	frameio_close(qp);
}
END_TEST

START_TEST(recv_reads_one_record)
{
	struct frameio_qp *qp = qp_open();
	unsigned char frame[100];
	struct frameio_hdr hdr;

	kernel.answer = answer_one_record;
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, sizeof(frame)), 77);
	assert_one_record(FRAMEIO_READ, frame, sizeof(frame));
	ck_assert_uint_eq(hdr.queue, 5);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, 99), 77);
	assert_one_record(FRAMEIO_READ, frame, 99);
	kernel.ioctl_error = EMSGSIZE;
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, 9), -EMSGSIZE);
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	frameio_close(qp);
}
END_TEST

/* Headers of a kernel that is not in its right mind. */
static const struct frameio_hdr nonsense[] = {
	{ .version = 1, .hdrlen = 40, .len = 101 },
	{ .version = 1, .hdrlen = 40, .len = UINT32_MAX },
	{ .version = 1, .hdrlen = 39, .len = 77 },
	{ .version = 1, .hdrlen = 48, .len = 77 },
	{ .version = 1, .hdrlen = 0, .len = 77 },
};

static const struct frameio_hdr *answer_header;

static int answer_nonsense(unsigned long request, void *from)
{
	struct framevec *vec = (void *)((unsigned char *)from + sizeof(struct frameio));

	ck_assert_uint_eq(request, FRAMEIO_READ);
	memcpy((void *)(uintptr_t)vec->fv_buf, answer_header, sizeof(*answer_header));
	return 0;
}

START_TEST(what_recv_is_told_is_checked)
{
	struct frameio_qp *qp = qp_open();
	unsigned char frame[100];
	struct frameio_hdr hdr;

	answer_header = &nonsense[_i];
	kernel.answer = answer_nonsense;
	ck_assert_int_eq(frameio_recv(qp, &hdr, frame, sizeof(frame)), -EBADMSG);
	ck_assert_int_eq(frameio_recv(qp, NULL, frame, sizeof(frame)), -EBADMSG);
	frameio_close(qp);
}
END_TEST

START_TEST(send_writes_one_record)
{
	const struct frameio_hdr expected = { .version = 1, .hdrlen = 40, .len = 60 };
	struct frameio_qp *qp = qp_open();
	unsigned char frame[60];
	unsigned int calls;

	kernel.answer = answer_one_record;
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), 0);
	assert_one_record(FRAMEIO_WRITE, frame, sizeof(frame));
	ck_assert_mem_eq(&sent_hdr, &expected, sizeof(expected));
	ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
	kernel.ioctl_error = ENETDOWN;
	ck_assert_int_eq(frameio_send(qp, frame, sizeof(frame)), -ENETDOWN);
	kernel.ioctl_error = 0;
	calls = kernel.nioctls;
	/* a length that does not fit the header's field */
	ck_assert_int_eq(frameio_send(qp, frame, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(frameio_send(qp, frame, (size_t)INT_MAX + 1), -EINVAL);
	ck_assert_uint_eq(kernel.nioctls, calls);
	frameio_close(qp);
}
END_TEST

static TCase *port_tests(void)
{
	TCase *tcase = tcase_create("ports");

	tcase_add_loop_test(tcase, create_and_attach_hand_over_the_config, 0, 2);
	tcase_add_loop_test(tcase, create_without_config_takes_defaults, 0, 2);
	tcase_add_test(tcase, attach_needs_a_name);
	tcase_add_loop_test(tcase, open_hands_over_name_and_queue, 0, 3);
	tcase_add_test(tcase, delete_hands_over_the_name);
	tcase_add_loop_test(tcase, queue_pair_is_asked_for_by_name_and_number, 0, 3);
	tcase_add_test(tcase, name_too_long_is_refused_without_a_call);
	tcase_add_loop_test(tcase, no_device_is_enoent, 0, 6);
	tcase_add_loop_test(tcase, refusal_by_the_kernel_is_passed_on, 0, 6);
	tcase_add_loop_test(tcase, netns_null_is_this_thread, 0, 6);
	tcase_add_loop_test(tcase, netns_is_entered_by_another_thread, 0, 6);
	tcase_add_loop_test(tcase, netns_missing_is_enoent, 0, 6);
	tcase_add_loop_test(tcase, netns_too_long_is_enametoolong, 0, 6);
	tcase_add_loop_test(tcase, netns_that_cannot_be_entered_is_an_error, 0, 6);
	tcase_add_loop_test(tcase, no_memory_is_enomem, 0, 3);
	tcase_add_test(tcase, list_has_all_ports);
	tcase_add_test(tcase, list_does_not_believe_everything);
	tcase_add_test(tcase, list_grows_while_ports_appear);
	tcase_add_test(tcase, list_may_become_empty);
	tcase_add_test(tcase, list_that_fails_leaks_nothing);
	return tcase;
}

static TCase *qp_tests(void)
{
	TCase *tcase = tcase_create("queue pairs");

	tcase_add_test(tcase, settings_are_handed_over);
	tcase_add_test(tcase, filter_is_handed_over);
	tcase_add_test(tcase, info_and_stats_are_filled_in);
	tcase_add_test(tcase, nonblock_is_a_setting_of_the_file);
	tcase_add_test(tcase, wait_tells_events_time_and_errors);
	tcase_add_test(tcase, recv_and_send_want_a_record_moved);
	tcase_add_test(tcase, recv_reads_one_record);
	tcase_add_loop_test(tcase, what_recv_is_told_is_checked, 0, 5);
	tcase_add_test(tcase, send_writes_one_record);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("calls");

	suite_add_tcase(suite, port_tests());
	suite_add_tcase(suite, qp_tests());
	return kernel_run(suite);
}
