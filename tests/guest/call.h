/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Calls that sleep: made by a thread of their own, which can be seen to sleep,
 * and what makes a writer sleep.
 */
#ifndef FRAMEIO_GUEST_CALL_H
#define FRAMEIO_GUEST_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "guest.h"

/* Between two looks at what gives no event: the CPU is others' meanwhile. */
void guest_pause(void);

/* A call that another thread makes; the function's own arguments are in @fd and @arg. */
struct guest_call {
	ssize_t (*function)(int fd, void *arg);
	int fd;
	void *arg;
	pthread_t thread;
	_Atomic pid_t tid;
};

/* Have a thread make the call. */
void guest_call_start(struct guest_call *call, ssize_t (*function)(int, void *), int fd, void *arg);

/* Wait until it sleeps in system call @number (SYS_read ...). */
void guest_call_wait_asleep(struct guest_call *call, long number);

/* Wait for its end; its result, and its errno. */
ssize_t guest_call_join(struct guest_call *call);

/* The same, for a call that must fail; its errno. */
int guest_call_join_error(struct guest_call *call);

/* Send a signal to the thread. */
void guest_call_signal(struct guest_call *call, int number);

/*
 * Have the write queues of an interface drained by threads of the kernel (Linux
 * 5.12 and later; before, the softirq goes on doing it).
 */
void guest_receive_threaded(const char *name);

/*
 * Hold what drains the write queues: what is written stays in the queue until
 * guest_receive_release(). The calling thread, and those it makes, keep to one
 * CPU from then on; nothing else runs on CPU 1.
 */
void guest_receive_hold(const char *name);
void guest_receive_release(void);

/*
 * Take the calling thread off the held CPU, whose workers the kernel needs for
 * what it does on that CPU's behalf: to take an interface down, for one.
 */
void guest_receive_elsewhere(void);

/* A frame that carries its number, and the check that it arrived as it was made. */
#define GUEST_NUMBERED_MIN	18
void guest_fill_numbered(void *frame, size_t len, uint32_t number);
size_t guest_record_numbered(void *record, size_t len, uint32_t number);
uint32_t guest_check_numbered(const void *frame, size_t len);

/* Delete every port: a fixture against what a test that failed has left behind. */
void guest_delete_ports(void);

/*
 * Have interfaces made from now on keep what they cannot send yet in a plain
 * FIFO: others, fq_codel for one, drop what has waited for long.
 */
void guest_use_fifo(void);

/* Wait until an interface whose carrier came on is used by the stack. */
void guest_wait_running(const char *name);

/*
 * An interface to be a NIC port, fionic, and the wire at its other end, fiopeer: a veth
 * pair that is up, on which the kernel sends nothing of its own.
 */
void guest_add_nic(void);
void guest_delete_nic(void);

/*
 * Have frames arrive in the order in which they were sent, whatever CPU sent them: a
 * veth pair leaves each to the CPU that it was sent on.
 */
void guest_keep_nic_order(void);

/* What a child process returned, once it has ended. */
int guest_wait(pid_t child);

#endif
