/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Programs: sequences of calls, as text and in memory.
 *
 * A line is a call, its name and then its arguments as name=value, where a value
 * of 0 need not be written:
 *
 *	control
 *	create name=fz0 nqueues=2
 *	up on=1
 *	& read len=2000		(by a thread of its own, which is not waited for)
 *
 * Any number is a value that any argument can have; what makes no sense is
 * brought into range where the call is made.
 */
#ifndef FRAMEIO_FUZZ_PROGRAM_H
#define FRAMEIO_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "random.h"

#define PROGRAM_CALLS_MAX	32
#define CALL_ARGS_MAX		14

enum call_op {
	OP_CONTROL, OP_NODE, OP_CLOSE, OP_DUP,
	OP_CREATE, OP_ATTACH, OP_BIND, OP_DELETE, OP_LIST, OP_INFO, OP_STATS, OP_LIMITS, OP_OPTIONS,
	OP_GETOPTIONS, OP_FILTER, OP_QUEUE_PAIR, OP_IOCTL,
	OP_RECORD, OP_READ, OP_READV, OP_WRITE, OP_WRITEROW, OP_WRITEV, OP_FREAD, OP_FWRITE,
	OP_POLL, OP_EPOLL, OP_MMAP, OP_NONBLOCK, OP_SPLICE,
	OP_FORK, OP_WAIT, OP_SCRIBBLE, OP_PROTECT,
	OP_NEWLINK, OP_FOREIGN, OP_DELLINK, OP_UP, OP_MTU, OP_RENAME, OP_MOVE, OP_SYSFS, OP_ETHTOOL,
	OP_SEND, OP_SETNS, OP_UNSHARE, OP_USER,
	OP_COUNT
};

/* The words of the arguments that have some, in the order of their numbers. */
enum { NAME_COUNT = 22, NAME_LO = 16, NAME_NIC0 = 19, NAME_NIC1, NAME_NIC2 };
enum foreign { FOREIGN_VETH, FOREIGN_DUMMY, FOREIGN_BRIDGE, FOREIGN_COUNT };
enum filter {
	FILTER_ALL, FILTER_NONE, FILTER_IP, FILTER_LENGTH, FILTER_EXTENSION, FILTER_HEADER,
	FILTER_MEMORY, FILTER_RANDOM,
	FILTER_COUNT
};
enum place {
	PLACE_GOOD,		/* memory of its own */
	PLACE_UNALIGNED,	/* the same, at an odd address */
	PLACE_END,		/* its last byte is the last before a page without access */
	PLACE_SHORT,		/* the same, 4 bytes too far */
	PLACE_READONLY,
	PLACE_SHARED,		/* what scribble and protect change at the same time */
	PLACE_SELF,		/* the struct that the address is in */
	PLACE_NULL, PLACE_UNMAPPED, PLACE_TOP, PLACE_NONCANONICAL, PLACE_KERNEL, PLACE_WRAP,
	PLACE_COUNT
};
enum frame {
	FRAME_TEST, FRAME_TCP4, FRAME_UDP4, FRAME_TCP6, FRAME_UDP6, FRAME_ICMP4, FRAME_ICMP6,
	FRAME_ARP, FRAME_FRAGMENT4, FRAME_OPTIONS4, FRAME_EXTENDED6, FRAME_IPIP, FRAME_GRE,
	FRAME_VLAN, FRAME_QINQ, FRAME_ZERO, FRAME_RANDOM,
	FRAME_COUNT
};

struct call {
	enum call_op op;
	bool async;
	uint64_t args[CALL_ARGS_MAX];
};

struct program {
	unsigned int n;
	struct call calls[PROGRAM_CALLS_MAX];
};

void program_generate(struct program *program, struct random *random);

/* Change a program a little, or join it with @other. */
void program_mutate(struct program *program, const struct program *other, struct random *random);

void program_remove(struct program *program, unsigned int first, unsigned int n);

/* @file's lines; false, and a message in @error, if they are no program. */
bool program_parse(struct program *program, FILE *file, char *error, size_t size);
void program_print(const struct program *program, FILE *file);
uint64_t program_hash(const struct program *program);

unsigned int call_nargs(enum call_op op);
const char *call_name(enum call_op op);

#endif
