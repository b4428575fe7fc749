// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that wait to be read were allocated by whoever sent them, and let go of
 * their socket. They are charged to the memory cgroup of the program that opened
 * the queue pair, as memory of sockets, which is what the kernel lets a module
 * charge: each open queue pair has a socket that is nothing but such an account.
 *
 * What is written needs none of this: its memory is allocated by the writer, with
 * GFP_KERNEL_ACCOUNT; or, of what is in a write ring, which is charged itself, for a
 * moment in softirq, before the stack or a driver has it.
 */
#include <linux/module.h>

#include "charge.h"
#include "compat.h"

/* Nothing but the cgroups limits these accounts together. Linux 5.10 multiplies the limits. */
#define FRAMEIO_CHARGE_NO_LIMIT	(LONG_MAX >> 8)

static long frameio_charge_limits[3] = {
	FRAMEIO_CHARGE_NO_LIMIT, FRAMEIO_CHARGE_NO_LIMIT, FRAMEIO_CHARGE_NO_LIMIT,
};

static int frameio_charge_buffers[3];
static atomic_long_t frameio_charge_allocated;
static DEFINE_PER_CPU(int, frameio_charge_reserve);

static struct proto frameio_charge_proto = {
	.name = "FRAMEIO",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct sock),
	.memory_allocated = &frameio_charge_allocated,
	.sysctl_mem = frameio_charge_limits,
	.sysctl_rmem = frameio_charge_buffers,
	.sysctl_wmem = frameio_charge_buffers,
};

/**
 * frameio_charge_open() - open an account for the calling process
 *
 * Return: the account, or NULL if there is no memory.
 */
struct sock *frameio_charge_open(void)
{
	struct sock *account;

	/* a kernel socket, which does not keep its namespace */
	account = sk_alloc(&init_net, PF_UNSPEC, GFP_KERNEL_ACCOUNT, &frameio_charge_proto, 1);
	/* what a stream has to send is charged even beyond the limit of a cgroup */
	if (account)
		account->sk_type = SOCK_STREAM;
	return account;
}

/**
 * frameio_charge_close() - close an account
 * @account: on which nothing is charged; or NULL
 */
void frameio_charge_close(struct sock *account)
{
	if (account)
		sk_free(account);
}

/**
 * frameio_charge_add() - charge memory
 * @account: one call at a time
 * @bytes: how much, a multiple of PAGE_SIZE
 *
 * A cgroup may pass its limit by this, as far as the limits of queues let it; its
 * processes, when they want memory the next time, reclaim it or are killed.
 *
 * Return: false if it was not charged.
 */
bool frameio_charge_add(struct sock *account, u32 bytes)
{
	return __sk_mem_schedule(account, bytes, SK_MEM_SEND);
}

/**
 * frameio_charge_sub() - give memory back
 * @account: one call at a time
 * @bytes: how much, a multiple of PAGE_SIZE
 */
void frameio_charge_sub(struct sock *account, u32 bytes)
{
	__sk_mem_reclaim(account, bytes);
}

/**
 * frameio_charge_init() - let accounts be opened
 *
 * Return: 0 or -errno.
 */
int frameio_charge_init(void)
{
	frameio_proto_set_reserve(&frameio_charge_proto, &frameio_charge_reserve);
	return proto_register(&frameio_charge_proto, 0);
}

/**
 * frameio_charge_exit() - all accounts are closed
 */
void frameio_charge_exit(void)
{
	proto_unregister(&frameio_charge_proto);
}
