/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What frameio(8) understands of netlink messages, whatever their bytes are, against
 * a kernel whose answers are made here.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/link.h"

/* --- the kernel ------------------------------------------------------ */

#define ANSWERS		256
#define PORTID		4711

/* What it answers, in their order, and what it was asked. */
static struct answer {
	unsigned char *bytes;
	size_t len;
} answers[ANSWERS];

static unsigned int nanswers, nread, nopened, nclosed;
static unsigned char asked[4096];

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);
int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid);
int __wrap_mnl_socket_close(struct mnl_socket *socket);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value,
				 socklen_t len);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *bytes, size_t len);

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags)
{
	(void)flags;
	ck_assert_int_eq(bus, NETLINK_ROUTE);
	nopened++;
	return (void *)asked;
}

int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket, (void)groups, (void)pid;
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	nclosed++;
	return 0;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value,
				 socklen_t len)
{
	(void)socket, (void)type, (void)value, (void)len;
	return 0;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return PORTID;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t len)
{
	(void)socket;
	ck_assert_uint_le(len, sizeof(asked));
	memcpy(asked, bytes, len);
	return len;
}

/* A question too many would wait for ever. */
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *bytes, size_t len)
{
	const struct answer *answer = &answers[nread];
	struct nlmsghdr header;

	(void)socket;
	ck_assert_msg(nread < nanswers, "waited for an answer that never comes");
	nread++;
	ck_assert_uint_le(answer->len, len);
	memcpy(bytes, answer->bytes, answer->len);
	/* as if it were the answer to this question */
	if (answer->len >= sizeof(header)) {
		memcpy(&header, bytes, sizeof(header));
		header.nlmsg_seq = ((struct nlmsghdr *)asked)->nlmsg_seq;
		header.nlmsg_pid = PORTID;
		memcpy(bytes, &header, sizeof(header));
	}
	return answer->len;
}

static void answer(const void *bytes, size_t len)
{
	ck_assert_uint_lt(nanswers, ANSWERS);
	answers[nanswers].bytes = malloc(len ? len : 1);
	memcpy(answers[nanswers].bytes, bytes, len);
	answers[nanswers++].len = len;
}

static void answer_message(const struct nlmsghdr *message)
{
	answer(message, message->nlmsg_len);
}

static void forget_answers(void)
{
	while (nanswers)
		free(answers[--nanswers].bytes);
	nread = 0;
}

/* Everything was read, and every socket closed. */
static void end_answers(void)
{
	ck_assert_uint_eq(nread, nanswers);
	ck_assert_uint_eq(nopened, nclosed);
	forget_answers();
}

/* --- messages -------------------------------------------------------- */

static _Alignas(8) unsigned char space[65536];

static struct nlmsghdr *start_message(int type, int flags)
{
	struct nlmsghdr *message;

	memset(space, 0, sizeof(space));
	message = mnl_nlmsg_put_header(space);
	message->nlmsg_type = type;
	message->nlmsg_flags = flags;
	return message;
}

static void put_queue(struct nlmsghdr *message, uint32_t index)
{
	struct nlattr *nest = mnl_attr_nest_start(message, IFLA_FRAMEIO_QUEUE);
	unsigned int type;

	for (type = IFLA_FRAMEIO_QUEUE_INDEX; type <= IFLA_FRAMEIO_QUEUE_MAX; type++)
		if (type == IFLA_FRAMEIO_QUEUE_MODE)
			mnl_attr_put_strz(message, type, "readwrite");
		else
			mnl_attr_put_u32(message, type,
					 type == IFLA_FRAMEIO_QUEUE_INDEX ? index : 100 + type);
	mnl_attr_nest_end(message, nest);
}

/* A port with everything that there can be, told by RTM_NEWLINK. */
static struct nlmsghdr *port_message(int flags, int family, const char *kind)
{
	struct nlmsghdr *message = start_message(RTM_NEWLINK, flags);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct nlattr *info, *port;
	unsigned int type;

	header->ifi_family = family;
	header->ifi_index = 7;
	header->ifi_flags = IFF_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, "fifteen-letters");
	mnl_attr_put(message, IFLA_ADDRESS, 6, "\x02\0\0\0\0\x07");
	mnl_attr_put_u32(message, IFLA_MTU, 1400);
	mnl_attr_put_u32(message, IFLA_NUM_TX_QUEUES, 64);
	mnl_attr_put_u8(message, IFLA_CARRIER, 1);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	port = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	for (type = IFLA_FRAMEIO_FLAGS; type <= IFLA_FRAMEIO_NOPEN; type++)
		mnl_attr_put_u32(message, type, type == IFLA_FRAMEIO_FLAGS ?
				 FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST : 200 + type);
	/* from a kernel of tomorrow */
	mnl_attr_put_u32(message, IFLA_FRAMEIO_MAX + 1, 1);
	mnl_attr_nest_end(message, port);
	mnl_attr_nest_end(message, info);
	return message;
}

/* Its queue pairs. */
static struct nlmsghdr *queues_message(unsigned int nqueues)
{
	struct nlmsghdr *message = start_message(RTM_NEWSTATS, 0);
	struct if_stats_msg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	struct nlattr *nest;
	unsigned int i;

	header->ifindex = 7;
	nest = mnl_attr_nest_start(message, IFLA_STATS_LINK_XSTATS);
	for (i = 0; i < nqueues; i++)
		put_queue(message, i);
	mnl_attr_nest_end(message, nest);
	return message;
}

static struct nlmsghdr *end_message(int flags, int error)
{
	struct nlmsghdr *message = start_message(NLMSG_DONE, NLM_F_MULTI | flags);

	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(error)), &error, sizeof(error));
	return message;
}

/* An acknowledgment, with the request's payload unless it is capped. */
static struct nlmsghdr *ack_message(int flags, int error, const char *text, uint32_t offset)
{
	struct nlmsghdr *message = start_message(NLMSG_ERROR, flags);
	struct nlmsgerr *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->error = -error;
	header->msg.nlmsg_len = sizeof(header->msg) + 32;
	if (!(flags & NLM_F_CAPPED))
		mnl_nlmsg_put_extra_header(message, 32);
	if (text)
		mnl_attr_put_strz(message, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(message, NLMSGERR_ATTR_OFFS, offset);
	return message;
}

static void check_port(const struct link *link)
{
	ck_assert_int_eq(link->port, LINK_VIRTUAL_PORT);
	ck_assert_str_eq(link->kind, "frameio");
	ck_assert_int_eq(link->ifindex, 7);
	ck_assert_str_eq(link->name, "fifteen-letters");
	ck_assert(link->up && link->carrier);
	ck_assert_uint_eq(link->mtu, 1400);
	ck_assert_uint_eq(link->address_len, 6);
	ck_assert_mem_eq(link->address, "\x02\0\0\0\0\x07", 6);
	ck_assert_uint_eq(link->flags, FRAMEIO_PORT_L3 | FRAMEIO_PORT_PERSIST |
			  FRAMEIO_PORT_OWNER | FRAMEIO_PORT_GROUP);
	ck_assert_uint_eq(link->nqueues_max, 64);
	ck_assert_uint_eq(link->nqueues, 200 + IFLA_FRAMEIO_NQUEUES);
	ck_assert_uint_eq(link->nopen, 200 + IFLA_FRAMEIO_NOPEN);
	ck_assert_uint_eq(link->owner, 200 + IFLA_FRAMEIO_OWNER);
	ck_assert_uint_eq(link->group, 200 + IFLA_FRAMEIO_GROUP);
	ck_assert_uint_eq(link->read_limit, 200 + IFLA_FRAMEIO_READ_LIMIT);
	ck_assert_uint_eq(link->write_limit, 200 + IFLA_FRAMEIO_WRITE_LIMIT);
	ck_assert_uint_eq(link->read_bytes, 200 + IFLA_FRAMEIO_READ_BYTES);
	ck_assert_uint_eq(link->write_bytes, 200 + IFLA_FRAMEIO_WRITE_BYTES);
}

static void check_queues(const struct link *link, unsigned int nqueues)
{
	unsigned int i;

	ck_assert_uint_eq(link->nrows, nqueues);
	for (i = 0; i < nqueues; i++) {
		ck_assert_uint_eq(link->queues[i].index, i);
		ck_assert(link->queues[i].open);
		ck_assert_str_eq(link->queues[i].mode, "readwrite");
		ck_assert_uint_eq(link->queues[i].read_len, 100 + IFLA_FRAMEIO_QUEUE_READ_LEN);
		ck_assert_uint_eq(link->queues[i].write_bytes,
				  100 + IFLA_FRAMEIO_QUEUE_WRITE_BYTES);
	}
}

/* --- understanding --------------------------------------------------- */

/* Understand a copy, beyond which is nothing of ours; what comes of it is in bounds. */
static void understand(const void *bytes, size_t len)
{
	struct nlmsghdr *message = malloc(len);
	struct link link;
	unsigned int i;
	int ret;

	memcpy(message, bytes, len);
	if (mnl_nlmsg_ok(message, len)) {
		ret = link_parse(message, &link);
		ck_assert(ret == 1 || ret == 0 || ret == -EBADMSG);
		if (ret == 1) {
			ck_assert_uint_lt(strnlen(link.name, sizeof(link.name)), sizeof(link.name));
			ck_assert_uint_lt(strnlen(link.kind, sizeof(link.kind)), sizeof(link.kind));
			ck_assert_uint_le(link.address_len, LINK_ADDRESS_MAX);
		}
		ret = link_parse_queues(message, &link);
		ck_assert(ret == 1 || ret == 0 || ret == -EBADMSG);
		if (ret == 1) {
			ck_assert_uint_le(link.nrows, FRAMEIO_NQUEUES_MAX);
			for (i = 0; i < link.nrows; i++)
				ck_assert_uint_lt(strnlen(link.queues[i].mode, LINK_MODE_SIZE),
						  LINK_MODE_SIZE);
		}
	}
	free(message);
}

START_TEST(a_port_is_understood_whole)
{
	struct link link;

	ck_assert_int_eq(link_parse(port_message(0, AF_UNSPEC, "frameio"), &link), 1);
	check_port(&link);
	ck_assert_int_eq(link_parse_queues(queues_message(64), &link), 1);
	check_queues(&link, 64);
}
END_TEST

/* An interface that is no port, on another one, and in a bridge. */
static struct nlmsghdr *interface_message(uint32_t netnsid)
{
	struct nlmsghdr *message = start_message(RTM_NEWLINK, 0);
	struct ifinfomsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ifi_index = 7;
	header->ifi_type = ARPHRD_ETHER;
	mnl_attr_put_strz(message, IFLA_IFNAME, "fifteen-letters");
	mnl_attr_put_u32(message, IFLA_MASTER, 8);
	mnl_attr_put_u32(message, IFLA_LINK, 9);
	if (netnsid)
		mnl_attr_put_u32(message, IFLA_LINK_NETNSID, netnsid);
	return message;
}

static void check_interface(const struct link *link)
{
	ck_assert_int_eq(link->port, LINK_NO_PORT);
	ck_assert_int_eq(link->ifindex, 7);
	ck_assert_str_eq(link->name, "fifteen-letters");
	ck_assert_uint_eq(link->flags, 0);
	ck_assert_uint_eq(link->nqueues, 0);
}

START_TEST(what_is_no_port_is_left_alone)
{
	struct link link;
	struct nlmsghdr *message;

	ck_assert_int_eq(link_parse(port_message(0, AF_UNSPEC, "frameiox"), &link), 1);
	check_interface(&link);
	ck_assert_str_eq(link.kind, "frameiox");
	ck_assert_int_eq(link_parse(interface_message(0), &link), 1);
	check_interface(&link);
	ck_assert_str_eq(link.kind, "");
	ck_assert(link.ethernet && !link.loopback);
	ck_assert_int_eq(link.master, 8);
	ck_assert_int_eq(link.lower, 9);
	/* one whose lower one is elsewhere, where its number is another's */
	ck_assert_int_eq(link_parse(interface_message(3), &link), 1);
	ck_assert_int_eq(link.lower, 0);
	ck_assert_int_eq(link_parse(port_message(0, AF_BRIDGE, "frameio"), &link), 0);
	message = port_message(0, AF_UNSPEC, "frameio");
	message->nlmsg_type = RTM_NEWADDR;
	ck_assert_int_eq(link_parse(message, &link), 0);
}
END_TEST

START_TEST(more_queue_pairs_than_can_be_are_refused)
{
	struct link link;

	ck_assert_int_eq(link_parse_queues(queues_message(65), &link), -EBADMSG);
}
END_TEST

/* The two that are understood. */
static struct nlmsghdr *any_message(int number)
{
	return number ? queues_message(2) : port_message(0, AF_UNSPEC, "frameio");
}

START_TEST(a_message_may_end_anywhere)
{
	struct nlmsghdr *message = any_message(_i);
	const size_t whole = message->nlmsg_len;
	size_t len;

	for (len = sizeof(*message); len <= whole; len++) {
		/* one that says so, and one that does not */
		message->nlmsg_len = len;
		understand(message, len);
		message->nlmsg_len = whole;
		understand(message, len);
	}
}
END_TEST

START_TEST(a_message_may_hold_anything)
{
	static const unsigned char values[] = { 0, 1, 4, 0x7f, 0x80, 0xff };
	struct nlmsghdr *message = any_message(_i);
	unsigned char *bytes = (unsigned char *)message;
	const size_t len = message->nlmsg_len;
	unsigned char before;
	size_t i, j;

	for (i = 4; i < len; i++) {
		before = bytes[i];
		for (j = 0; j < sizeof(values); j++) {
			bytes[i] = values[j];
			understand(message, len);
		}
		bytes[i] = before;
	}
	srandom(1);
	/* under valgrind each takes long, and it has been tried under the sanitizers */
	for (i = 0; i < (getenv("FRAMEIO_UNIT_SLOW") ? 1000 : 20000); i++) {
		j = 4 + random() % (len - 4);
		before = bytes[j];
		bytes[j] = random();
		understand(message, len);
		/* a few of them stay */
		if (random() % 16)
			bytes[j] = before;
		if (!(i % 500))
			any_message(_i);
	}
}
END_TEST

/* --- asking ---------------------------------------------------------- */

START_TEST(a_port_is_found_by_its_name)
{
	struct link link;

	answer_message(port_message(0, AF_UNSPEC, "frameio"));
	answer_message(ack_message(NLM_F_CAPPED, 0, NULL, 0));
	ck_assert_int_eq(link_get("fifteen-letters", &link), 0);
	check_port(&link);
	end_answers();
	answer_message(queues_message(3));
	answer_message(ack_message(NLM_F_CAPPED, 0, NULL, 0));
	ck_assert_int_eq(link_get_queues(&link), 0);
	check_queues(&link, 3);
	end_answers();
	answer_message(ack_message(NLM_F_CAPPED, ENODEV, NULL, 0));
	ck_assert_int_eq(link_get_queues(&link), -ENODEV);
	ck_assert_uint_eq(link.nrows, 0);
	end_answers();
	answer_message(port_message(0, AF_UNSPEC, "dummy"));
	answer_message(ack_message(NLM_F_CAPPED, 0, NULL, 0));
	ck_assert_int_eq(link_get("fifteen-letters", &link), 0);
	check_interface(&link);
	end_answers();
	answer_message(ack_message(NLM_F_CAPPED, ENODEV, NULL, 0));
	ck_assert_int_eq(link_get("fio9", &link), -ENODEV);
	end_answers();
}
END_TEST

START_TEST(an_answer_that_ends_too_soon_is_no_answer)
{
	struct nlmsghdr *message;
	struct link link, *links;
	size_t len;

	message = ack_message(NLM_F_CAPPED, ENODEV, NULL, 0);
	for (len = 0; len < sizeof(*message) + sizeof(struct nlmsgerr); len++) {
		answer(message, len);
		ck_assert_int_eq(link_get("fio0", &link), -EBADMSG);
		end_answers();
	}
	/* the second of two, of which the first is whole */
	message = port_message(NLM_F_MULTI, AF_UNSPEC, "frameio");
	len = message->nlmsg_len;
	memcpy((unsigned char *)message + len, message, len);
	answer(message, 2 * len - 4);
	ck_assert_int_eq(link_list("frameio", &links), -EBADMSG);
	end_answers();
}
END_TEST

START_TEST(an_interrupted_dump_is_begun_again)
{
	struct link *links;
	int i;

	for (i = 0; i < 3; i++)
		answer_message(port_message(NLM_F_MULTI | NLM_F_DUMP_INTR, AF_UNSPEC, "frameio"));
	/* one that is known to be interrupted only at its end */
	answer_message(port_message(NLM_F_MULTI, AF_UNSPEC, "frameio"));
	answer_message(end_message(NLM_F_DUMP_INTR, 0));
	answer_message(port_message(NLM_F_MULTI, AF_UNSPEC, "frameio"));
	answer_message(port_message(NLM_F_MULTI, AF_UNSPEC, "veth"));
	answer_message(end_message(0, 0));
	ck_assert_int_eq(link_list("frameio", &links), 1);
	check_port(links);
	free(links);
	end_answers();
}
END_TEST

START_TEST(a_dump_that_never_ends_well_ends)
{
	struct link *links;
	int i;

	for (i = 0; i < 100; i++)
		answer_message(end_message(NLM_F_DUMP_INTR, 0));
	ck_assert_int_eq(link_list("frameio", &links), -EINTR);
	ck_assert_ptr_null(links);
	end_answers();
}
END_TEST

START_TEST(a_dump_tells_its_error_at_the_end)
{
	struct nlmsghdr *message;
	struct link *links;
	struct nlattr *name;

	answer_message(port_message(NLM_F_MULTI, AF_UNSPEC, "frameio"));
	answer_message(end_message(0, -EMSGSIZE));
	ck_assert_int_eq(link_list("frameio", &links), -EMSGSIZE);
	end_answers();
	/* a port without a name */
	message = port_message(NLM_F_MULTI, AF_UNSPEC, "frameio");
	name = mnl_nlmsg_get_payload_offset(message, sizeof(struct ifinfomsg));
	*(char *)mnl_attr_get_payload(name) = '\0';
	answer_message(message);
	ck_assert_int_eq(link_list("frameio", &links), -EBADMSG);
	end_answers();
}
END_TEST

/* Where in the last request an attribute of that type is, at the first level of the port's. */
static uint32_t offset_of(int type)
{
	struct nlmsghdr *request = (struct nlmsghdr *)asked;
	const struct nlattr *attr, *info, *port;

	mnl_attr_for_each(attr, request, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			mnl_attr_for_each_nested(info, attr)
				if (mnl_attr_get_type(info) == IFLA_INFO_DATA)
					mnl_attr_for_each_nested(port, info)
						if (mnl_attr_get_type(port) == type)
							return (const unsigned char *)port - asked;
	ck_abort_msg("attribute %d is not in the request", type);
}

START_TEST(a_refusal_tells_what_was_refused)
{
	static const int flags[] = { NLM_F_ACK_TLVS | NLM_F_CAPPED, NLM_F_ACK_TLVS };
	struct link_settings settings = {
		.given = { [LINK_READ_LIMIT] = true, [LINK_WRITE_LIMIT] = true, [LINK_MTU] = true },
	};
	struct link_refusal refusal;
	uint32_t offset;

	answer_message(ack_message(NLM_F_CAPPED, EPERM, NULL, 0));
	ck_assert_int_eq(link_add("fio0", &settings, &refusal), -EPERM);
	ck_assert_str_eq(refusal.message, "");
	ck_assert_int_eq(refusal.setting, -1);
	end_answers();
	offset = offset_of(IFLA_FRAMEIO_WRITE_LIMIT);
	answer_message(ack_message(flags[_i], ERANGE, "integer out of range", offset));
	ck_assert_int_eq(link_add("fio0", &settings, &refusal), -ERANGE);
	ck_assert_str_eq(refusal.message, "integer out of range");
	ck_assert_int_eq(refusal.setting, LINK_WRITE_LIMIT);
	end_answers();
}
END_TEST

START_TEST(a_warning_is_no_refusal)
{
	struct link_settings settings = { .value = { 0 } };
	struct link_refusal refusal;

	answer_message(ack_message(NLM_F_ACK_TLVS | NLM_F_CAPPED, 0, "that was unwise", 0));
	ck_assert_int_eq(link_add("fio0", &settings, &refusal), 0);
	ck_assert_str_eq(refusal.message, "that was unwise");
	end_answers();
}
END_TEST

START_TEST(a_number_that_is_no_error_is_no_answer)
{
	static const int numbers[] = { INT_MIN, -4096, 1, INT_MAX };
	struct link_settings settings = { .value = { 0 } };
	struct link_refusal refusal;
	struct nlmsghdr *message;
	struct link *links;

	message = ack_message(NLM_F_CAPPED, 0, NULL, 0);
	((struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error = numbers[_i];
	answer_message(message);
	ck_assert_int_eq(link_add("fio0", &settings, &refusal), -EBADMSG);
	end_answers();
	if (numbers[_i] > 0)
		return;
	answer_message(end_message(0, numbers[_i]));
	ck_assert_int_eq(link_list("frameio", &links), -EBADMSG);
	end_answers();
}
END_TEST

START_TEST(a_refusal_may_end_anywhere_and_say_anything)
{
	struct link_settings settings = { .value = { 0 } };
	struct nlmsghdr *message = ack_message(NLM_F_ACK_TLVS, ERANGE, "integer out of range", 99);
	unsigned char *bytes = (unsigned char *)message;
	const size_t whole = message->nlmsg_len;
	struct link_refusal refusal;
	unsigned char before;
	size_t i, len;

	for (len = sizeof(*message) + sizeof(struct nlmsgerr); len < whole; len++) {
		message->nlmsg_len = len;
		answer(message, len);
		ck_assert_int_eq(link_add("fio0", &settings, &refusal), -ERANGE);
		forget_answers();
	}
	message->nlmsg_len = whole;
	for (i = sizeof(*message) + sizeof(int); i < whole; i++) {
		before = bytes[i];
		bytes[i] ^= 0xff;
		answer(message, whole);
		ck_assert_int_eq(link_add("fio0", &settings, &refusal), -ERANGE);
		ck_assert_uint_lt(strnlen(refusal.message, sizeof(refusal.message)),
				  sizeof(refusal.message));
		ck_assert_int_lt(refusal.setting, LINK_NSETTINGS);
		forget_answers();
		bytes[i] = before;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netlink");
	TCase *tcase = tcase_create("netlink");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_port_is_understood_whole);
	tcase_add_test(tcase, what_is_no_port_is_left_alone);
	tcase_add_test(tcase, more_queue_pairs_than_can_be_are_refused);
	tcase_add_loop_test(tcase, a_message_may_end_anywhere, 0, 2);
	tcase_add_loop_test(tcase, a_message_may_hold_anything, 0, 2);
	tcase_add_test(tcase, a_port_is_found_by_its_name);
	tcase_add_test(tcase, an_answer_that_ends_too_soon_is_no_answer);
	tcase_add_test(tcase, an_interrupted_dump_is_begun_again);
	tcase_add_test(tcase, a_dump_that_never_ends_well_ends);
	tcase_add_test(tcase, a_dump_tells_its_error_at_the_end);
	tcase_add_loop_test(tcase, a_refusal_tells_what_was_refused, 0, 2);
	tcase_add_test(tcase, a_warning_is_no_refusal);
	tcase_add_loop_test(tcase, a_number_that_is_no_error_is_no_answer, 0, 4);
	tcase_add_test(tcase, a_refusal_may_end_anywhere_and_say_anything);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
