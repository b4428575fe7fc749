/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Traffic through one port at a time, in both directions and by every kind of
 * call, each frame of which is accounted for.
 *
 * A frame carries the number of its port, its flow, and its number in the flow,
 * from which all its bytes follow. A number is used up by the frame that was
 * accepted: one that was refused is tried again under the same number. So a
 * frame that arrives has been accepted, arrives once and as it was, and in the
 * order of its flow among those that one thread gets from one queue pair; what
 * has been accepted and does not arrive must be found in a counter of drops.
 */
#ifndef FRAMEIO_GUEST_TRAFFIC_H
#define FRAMEIO_GUEST_TRAFFIC_H

#include <pthread.h>

#include "guest.h"

#define TRAFFIC_QUEUES	4
#define TRAFFIC_MTU_MIN	400
#define TRAFFIC_MTU_MAX	1500

/*
 * Seconds that nothing may take longer than without any frame arriving: a minute,
 * times CK_TIMEOUT_MULTIPLIER as for Check's own limits.
 */
double traffic_stall_s(void);

/* Fail the test; unlike ck_assert() it costs nothing where all is well. */
#define require(condition, ...) do {				\
	if (!(condition))					\
		ck_abort_msg(__VA_ARGS__);			\
} while (0)

/* Pseudo-random numbers, of a thread each. */
struct traffic_random {
	uint64_t state;
};

/* All of them follow from the seed: FRAMEIO_STRESS_SEED, or of the clock; it is printed. */
void traffic_seed(void);
void traffic_random_init(struct traffic_random *random);
uint32_t traffic_below(struct traffic_random *random, uint32_t n);
bool traffic_one_in(struct traffic_random *random, uint32_t n);

/* Where a port may be; the workers have sockets there. */
enum traffic_place { TRAFFIC_HOME, TRAFFIC_AWAY, TRAFFIC_PLACES };

/*
 * What moves frames. Senders and receivers are packet sockets; a direct sender
 * goes around the queueing discipline, so that what is accepted has been given
 * to the port. Readers and writers end when the port does. A switcher reads and
 * writes, and closes its file and opens it again now and then.
 */
enum traffic_kind {
	TRAFFIC_SENDER, TRAFFIC_DIRECT_SENDER, TRAFFIC_READER, TRAFFIC_WRITER, TRAFFIC_SWITCHER,
	TRAFFIC_RECEIVER, TRAFFIC_KINDS
};

/* The port that traffic goes through from now on; each queue pair has a file. */
void traffic_begin(const int *fds, uint32_t nqueues);

/* Where it is; senders go there. */
void traffic_move(enum traffic_place place, unsigned int ifindex);

/* Start a worker; of a sender or receiver, the sockets are made in these namespaces. */
void traffic_start(enum traffic_kind kind, uint32_t queue);
void traffic_start_sockets(enum traffic_kind kind, const int netns[TRAFFIC_PLACES]);

/* Ask the workers of a kind to end, and wait until they have. */
void traffic_stop(enum traffic_kind kind);

/* Wait until switchers keep their files, and write no more. */
void traffic_settle_switchers(void);

/* Wait for workers that end with the port. */
void traffic_join(enum traffic_kind kind);

/* The same, while all calls on the file of queue pair 0 are interrupted. */
void traffic_join_interrupted(enum traffic_kind kind);

/* Interrupt calls of switchers that are not settled; false if there is none. */
bool traffic_interrupt_switchers(void);

/*
 * Keep senders out of the queueing discipline, and wait until it is empty:
 * taking it away loses what it holds, without a count.
 */
void traffic_hold_senders(void);
void traffic_release_senders(void);

/*
 * Go on for a moment with queues that hold one frame, which each frame fills and
 * each call empties: nothing else wakes whoever waits for that.
 */
void traffic_squeeze(void);

/* Wait until every frame has arrived or was counted as dropped. */
void traffic_drain(void);

/*
 * Each frame accepted has arrived or was counted as dropped. @exactly: waits for
 * it, as a namespace ends in its own time and calls return before its ports are
 * gone; else there may be more of them, in counters that are out of reach.
 * @received: what the kernel received counts as arrived, as the socket may have
 * been closed.
 */
void traffic_account(bool exactly, bool received);

/* The kernel's counters of the interface say the same. */
void traffic_account_link(const char *name);

/* Each kind of call moved frames, both ways. */
void traffic_check_ways(void);

/* The figures of all ports since the start of the program, a line each. */
void traffic_print(const char *title);

#endif
