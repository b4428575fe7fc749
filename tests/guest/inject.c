/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "inject.h"

/* As many times as will never be reached: what is left of them counts the failures. */
#define UNLIMITED	1000000000

static const char *const capabilities[INJECT_NKINDS] = {
	[INJECT_SLAB] = "failslab",
	[INJECT_PAGE] = "fail_page_alloc",
	[INJECT_COPY] = "fail_usercopy",
};

struct tally {
	char name[64];
	unsigned long failures[INJECT_NKINDS];
};

static struct {
	unsigned int n;
	struct tally tallies[128];
} *counts;

static unsigned long granted[INJECT_NKINDS];
static bool begun;
static int nth = -1, make_it_fail = -1;

void inject_init(void)
{
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (counts == MAP_FAILED)
		abort();
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "no fault injection here: %s: %s", path, strerror(errno));
	ck_assert_msg(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path,
		      strerror(errno));
	close(fd);
}

static void set(enum inject_kind kind, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", capabilities[kind], name);
	write_file(path, value);
}

static void set_number(enum inject_kind kind, const char *name, unsigned long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", value);
	set(kind, name, text);
}

static void set_off(enum inject_kind kind)
{
	set(kind, "probability", "0");
	set(kind, "interval", "1");
	set(kind, "space", "0");
	set(kind, "verbose", "0");
	set(kind, "task-filter", "N");
	set_number(kind, "times", UNLIMITED);
	if (kind != INJECT_COPY)
		set(kind, "ignore-gfp-wait", "N");
}

static unsigned long times_left(enum inject_kind kind)
{
	char path[128];
	unsigned long left;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/times", capabilities[kind]);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(fscanf(file, "%lu", &left), 1);
	fclose(file);
	return left;
}

void inject_setup(void)
{
	int kind;

	for (kind = 0; kind < INJECT_NKINDS; kind++)
		set_off(kind);
	set(INJECT_PAGE, "ignore-gfp-highmem", "N");
	set(INJECT_PAGE, "min-order", "0");
	set(INJECT_SLAB, "cache-filter", "N");
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ck_assert_msg(nth >= 0, "no fault injection here: fail-nth: %s", strerror(errno));
	make_it_fail = open("/proc/self/make-it-fail", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(make_it_fail, 0);
	/* no page of this program shall be missing while a call is made */
	ck_assert_int_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
}

/* Nothing may come between this and the call: an assertion of Check's writes to a pipe. */
static bool arm(unsigned int number)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", number);

	return pwrite(nth, text, len, 0) == len;
}

/*
 * Returns true if the failure came. Otherwise it may still come to what is done
 * here, which copies as well.
 */
static bool disarm(void)
{
	char text[16] = "";

	if (pread(nth, text, sizeof(text) - 1, 0) < 0)
		return false;
	if (atoi(text) == 0)
		return true;
	while (pwrite(nth, "0", 1, 0) < 0)
		;
	return false;
}

static void make_attempt(const struct inject_call *call, void *arg, unsigned int number,
			 struct inject_attempt *attempt)
{
	unsigned long before[INJECT_NKINDS];
	bool armed, failed;
	int kind;

	for (kind = 0; kind < INJECT_NKINDS; kind++)
		before[kind] = times_left(kind);
	armed = arm(number);
	errno = 0;
	attempt->ret = call->call(arg);
	attempt->error = attempt->ret < 0 ? errno : 0;
	attempt->kind = INJECT_NONE;
	failed = disarm();
	ck_assert(armed);
	if (!failed)
		return;
	for (kind = 0; kind < INJECT_NKINDS; kind++)
		if (times_left(kind) != before[kind])
			attempt->kind = kind;
	ck_assert_int_ne(attempt->kind, INJECT_NONE);
}

static struct tally *find_tally(const char *name)
{
	struct tally *tally = counts->tallies;

	while (tally < counts->tallies + counts->n && strcmp(tally->name, name))
		tally++;
	if (tally == counts->tallies + counts->n) {
		counts->n++;
		ck_assert_uint_le(counts->n, sizeof(counts->tallies) / sizeof(*tally));
		snprintf(tally->name, sizeof(tally->name), "%s", name);
	}
	return tally;
}

void inject_count(const char *name, enum inject_kind kind, unsigned long n)
{
	find_tally(name)->failures[kind] += n;
}

static void try_each(const struct inject_call *call, void *arg, unsigned int dense,
		     unsigned long *met)
{
	struct inject_attempt attempt;
	unsigned int number = 1;

	do {
		if (call->prepare)
			call->prepare(arg);
		make_attempt(call, arg, number, &attempt);
		ck_assert_msg(attempt.kind != INJECT_NONE || attempt.ret >= 0,
			      "%s fails without a failure: %s", call->name,
			      strerror(attempt.error));
		call->check(arg, &attempt);
		met[attempt.kind]++;
		number += dense ? 1 + number / dense : 1;
	} while (attempt.kind != INJECT_NONE);
}

void inject_each(const struct inject_call *call, void *arg)
{
	const unsigned int usual = guest_setting("FRAMEIO_FAULTS_DENSE", 0);
	const unsigned int own = usual && call->dense ? (call->dense + 7) / 8 : call->dense;
	const unsigned int dense = own ? own : usual;
	unsigned long met[INJECT_NKINDS + 1] = { 0 };
	int kind;

	/*
	 * First without pages, which are allocated or not as the caches need them:
	 * then a number means the same allocation in each attempt, and none is missed.
	 */
	set(INJECT_PAGE, "min-order", "20");
	try_each(call, arg, dense, met);
	set(INJECT_PAGE, "min-order", "0");
	try_each(call, arg, dense && !(call->met & INJECT_EACH_PAGE) ? 4 : 0, met);
	for (kind = 0; kind < INJECT_NKINDS; kind++)
		inject_count(call->name, kind, met[kind]);
	ck_assert_msg(!(call->met & INJECT_ALLOCATION) || met[INJECT_SLAB] + met[INJECT_PAGE],
		      "%s met no allocation that failed", call->name);
	ck_assert_msg(!(call->met & INJECT_USERCOPY) || met[INJECT_COPY],
		      "%s met no copy that failed", call->name);
}

void inject_check_error(const struct inject_attempt *attempt)
{
	const int error = attempt->kind == INJECT_COPY ? EFAULT : ENOMEM;

	ck_assert_int_lt(attempt->ret, 0);
	ck_assert_msg(attempt->error == error, "%s: errno is %d (%s)",
		      capabilities[attempt->kind], attempt->error, strerror(attempt->error));
}

void inject_random_begin(const struct inject_random *random, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		set(random[i].kind, "task-filter", random[i].this_task ? "Y" : "N");
		set(random[i].kind, "ignore-gfp-wait", random[i].this_task ? "N" : "Y");
		granted[random[i].kind] = random[i].times;
		set_number(random[i].kind, "times", random[i].times);
		set_number(random[i].kind, "probability", random[i].percent);
	}
	/* the last thing: an assertion of Check's writes to a pipe, which takes memory */
	begun = pwrite(make_it_fail, "1", 1, 0) == 1;
}

unsigned long inject_random_end(enum inject_kind kind)
{
	unsigned long left;

	while (pwrite(make_it_fail, "0", 1, 0) != 1)
		;
	ck_assert(begun);
	left = times_left(kind);
	set_off(kind);
	return granted[kind] - left;
}

bool inject_print(void)
{
	unsigned long allocations = 0, copies = 0;
	const struct tally *tally;

	for (tally = counts->tallies; tally < counts->tallies + counts->n; tally++) {
		const unsigned long *failures = tally->failures;

		printf("%-44s %5lu allocations %5lu copies\n", tally->name,
		       failures[INJECT_SLAB] + failures[INJECT_PAGE], failures[INJECT_COPY]);
		allocations += failures[INJECT_SLAB] + failures[INJECT_PAGE];
		copies += failures[INJECT_COPY];
	}
	printf("faults: %lu allocation failures, %lu copy failures injected\n", allocations,
	       copies);
	return allocations && copies;
}
