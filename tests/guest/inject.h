/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Failures of memory and of user memory, made by the kernel's fault injection:
 * Documentation/fault-injection of a kernel with CONFIG_FAULT_INJECTION.
 */
#ifndef FRAMEIO_GUEST_INJECT_H
#define FRAMEIO_GUEST_INJECT_H

#include <stdbool.h>
#include <sys/types.h>

enum inject_kind {
	INJECT_SLAB,
	INJECT_PAGE,
	INJECT_COPY,
	INJECT_NKINDS,
	INJECT_NONE = INJECT_NKINDS
};

/* What a call with a failure in it did. @kind: what failed, or INJECT_NONE. */
struct inject_attempt {
	ssize_t ret;
	int error;
	enum inject_kind kind;
};

/* What a kind of call must meet, or the test does nothing. */
#define INJECT_ALLOCATION	1
#define INJECT_USERCOPY		2
/* Of a short call: no failure of a page is left out, however few others are tried. */
#define INJECT_EACH_PAGE	4

/*
 * A kind of call. @prepare, which may be NULL, makes the state that @call starts
 * from; @check looks at what it did, and leaves nothing behind. If @dense is not
 * 0, more and more is left out once so many failures have been made: for a call
 * that spends most of its memory elsewhere in the kernel. In a short run it is an
 * eighth of that.
 */
struct inject_call {
	const char *name;
	unsigned int met;	/* INJECT_* */
	unsigned int dense;
	void (*prepare)(void *arg);
	ssize_t (*call)(void *arg);
	void (*check)(void *arg, const struct inject_attempt *attempt);
};

/* Room for the counts, which the processes of the tests share; before any test. */
void inject_init(void);

/* Be ready to inject, which takes a kernel that can; a fixture of each test. */
void inject_setup(void);

/* Make a call with its 1st, 2nd, 3rd ... allocation or copy failing, until it met none. */
void inject_each(const struct inject_call *call, void *arg);

/* Assert that a call that failed did so with the errno of what failed. */
void inject_check_error(const struct inject_attempt *attempt);

/* Count failures that came in another way. */
void inject_count(const char *name, enum inject_kind kind, unsigned long n);

/* What is asked of random failures; @times: how many at most. */
struct inject_random {
	enum inject_kind kind;
	unsigned int percent;
	unsigned int times;
	bool this_task;		/* of this thread only, sleeping allocations as well */
};

/* Begin random failures, and end them; returns how many there were. */
void inject_random_begin(const struct inject_random *random, unsigned int n);
unsigned long inject_random_end(enum inject_kind kind);

/* Print all counts; returns false if there are none. */
bool inject_print(void);

#endif
