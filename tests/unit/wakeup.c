/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The rings' wake-up protocol, as <frameio/frameio.h> tells it: every order of the steps
 * of a producer and a consumer is tried, and in none does one of them sleep for ever.
 *
 * What a side stores stays in its store buffer for any time, until a full barrier; the
 * stores to its counter and those to its flags leave it independently of each other. That
 * is x86-TSO and weaker. A side sleeps for an event, which the other makes happen when it
 * finds NEED_WAKEUP; an event is only an edge: what the sleeper missed does not come again.
 *
 * And so that this cannot succeed for the wrong reason: with any barrier or any second look
 * left out there is an order in which a side does sleep for ever.
 */
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Records of one unit each; a ring has room for CAPACITY of them. */
#define CAPACITY	4
#define HALF		(CAPACITY / 2)
#define RECORDS		6

enum { PRODUCER, CONSUMER };

/* What is left out of the protocol, of one side: a bit each. */
enum {
	NOTHING = 0,
	BARRIER_BEFORE_LOOK = 1,	/* between its flag and its second look */
	SECOND_LOOK = 2,
	BARRIER_BEFORE_FLAG = 4,	/* between its counter and the other's flag */
	WAKE = 8,
	PUBLISH_BEFORE_SLEEP = 16,
};

struct variant {
	/* the side whose program is the library's: it lets its flag be until it finds something */
	int library;
	unsigned int without[2];
};

/* Where a side is: what it does next. */
enum step {
	LOOK, ARM, ARM_BARRIER, LOOK_AGAIN, SLEEP, MOVE, PUBLISH, WAKE_BARRIER, LOOK_AT_FLAG, END,
};

struct side {
	unsigned char step;
	unsigned char moved;	/* records produced, or consumed */
	unsigned char own;	/* of them, how many are published */
	unsigned char seen;	/* the other's counter, when it was looked at last */
	bool armed;		/* its flag is set, as it has stored it */
	bool event;
	/* what is in memory */
	unsigned char counter;
	bool flag;
	/* the store buffer: counters as bits, and how many changes of the flag */
	unsigned char counters;
	unsigned char nflags;
};

struct state {
	struct side side[2];
};

/* More changes of a flag than this wait for the first of them to be stored. */
#define MAX_FLAGS	3

/* --- the states that were seen, and those from which to go on ----------------- */

#define TABLE_SIZE	(1U << 18)

static uint64_t table[TABLE_SIZE];
static struct state stack[TABLE_SIZE];
static size_t nstates, nstack;

static uint64_t pack_side(const struct side *side)
{
	uint64_t bits = side->step;

	bits = bits << 3 | side->moved;
	bits = bits << 3 | side->own;
	bits = bits << 3 | side->seen;
	bits = bits << 1 | side->armed;
	bits = bits << 1 | side->event;
	bits = bits << 3 | side->counter;
	bits = bits << 1 | side->flag;
	bits = bits << 7 | side->counters;
	return bits << 2 | side->nflags;
}

/* 28 bits for each side; never 0, which is an empty place of the table. */
static uint64_t pack(const struct state *state)
{
	return (pack_side(&state->side[0]) << 28 | pack_side(&state->side[1])) + 1;
}

static void push(const struct state *state)
{
	const uint64_t packed = pack(state);
	uint64_t i = packed * 0x9e3779b97f4a7c15ULL >> 46;

	while (table[i] && table[i] != packed)
		i = (i + 1) % TABLE_SIZE;
	if (table[i])
		return;
	table[i] = packed;
	ck_assert_uint_lt(++nstates, TABLE_SIZE / 2);
	stack[nstack++] = *state;
}

/* --- the steps ---------------------------------------------------------------- */

static bool buffer_is_empty(const struct side *side)
{
	return !side->counters && !side->nflags;
}

/* How many records, or how much room, a side has as far as it knows. */
static int available(const struct side *side, int who)
{
	return who == PRODUCER ? CAPACITY - (side->moved - side->seen) : side->seen - side->moved;
}

static bool store_flag(struct side *side, bool value)
{
	if (side->armed == value)
		return true;
	if (side->nflags == MAX_FLAGS)
		return false;
	side->armed = value;
	side->nflags++;
	return true;
}

static bool is_without(const struct variant *variant, int who, unsigned int what)
{
	return variant->without[who] & what;
}

static void go(const struct state *from, int who, const struct side *side)
{
	struct state to = *from;

	to.side[who] = *side;
	push(&to);
}

/* It looked at the other's counter. */
static void try_looked(const struct variant *variant, const struct state *state, int who,
		       struct side side)
{
	const bool again = side.step == LOOK_AGAIN;

	side.seen = state->side[!who].counter;
	if (available(&side, who)) {
		if (!store_flag(&side, false))
			return;
		side.step = MOVE;
	} else if (again) {
		side.step = SLEEP;
	} else if (side.own != side.moved &&
		   !is_without(variant, who, PUBLISH_BEFORE_SLEEP)) {
		side.step = PUBLISH;
	} else if (side.armed) {
		/* the library has looked after it had told that it sleeps */
		side.step = SLEEP;
	} else {
		side.step = ARM;
	}
	go(state, who, &side);
}

static void try_arm(const struct variant *variant, const struct state *state, int who,
		    struct side side)
{
	/* from here on an event is not missed */
	side.event = false;
	if (!store_flag(&side, true))
		return;
	side.step = ARM_BARRIER;
	if (is_without(variant, who, BARRIER_BEFORE_LOOK))
		side.step = LOOK_AGAIN;
	if (is_without(variant, who, SECOND_LOOK))
		side.step = SLEEP;
	go(state, who, &side);
}

static void try_sleep(const struct variant *variant, const struct state *state, int who,
		      struct side side)
{
	if (!side.event)
		return;
	side.event = false;
	if (variant->library != who && !store_flag(&side, false))
		return;
	side.step = LOOK;
	go(state, who, &side);
}

/* It moves a record, and publishes it now, or together with the next. */
static void try_move(const struct state *state, int who, struct side side)
{
	side.moved++;
	side.step = PUBLISH;
	go(state, who, &side);
	if (side.moved == RECORDS)
		return;
	side.step = available(&side, who) ? MOVE : LOOK;
	go(state, who, &side);
}

static void try_publish(const struct variant *variant, const struct state *state, int who,
			struct side side)
{
	side.own = side.moved;
	side.counters |= 1U << side.own;
	side.step = WAKE_BARRIER;
	/* the kernel's consumer does not look while more than half is full for certain */
	if (who == CONSUMER && variant->library != who && side.seen - side.own > HALF)
		side.step = side.own == RECORDS ? END : LOOK;
	else if (is_without(variant, who, BARRIER_BEFORE_FLAG))
		side.step = LOOK_AT_FLAG;
	go(state, who, &side);
}

static void try_look_at_flag(const struct variant *variant, const struct state *state, int who,
			     struct side side)
{
	const struct side *other = &state->side[!who];
	struct state to = *state;
	bool wake = other->flag && !is_without(variant, who, WAKE);

	/* the producer waits for half of the ring */
	if (who == CONSUMER && other->counter - side.own > HALF)
		wake = false;
	side.step = side.own == RECORDS ? END : LOOK;
	to.side[who] = side;
	if (wake)
		to.side[!who].event = true;
	push(&to);
}

/* All that a side can do next. */
static void try_step(const struct variant *variant, const struct state *state, int who)
{
	struct side side = state->side[who];

	switch ((enum step)side.step) {
	case LOOK:
	case LOOK_AGAIN:
		try_looked(variant, state, who, side);
		break;
	case ARM:
		try_arm(variant, state, who, side);
		break;
	case ARM_BARRIER:
	case WAKE_BARRIER:
		if (!buffer_is_empty(&side))
			break;
		side.step++;
		go(state, who, &side);
		break;
	case SLEEP:
		try_sleep(variant, state, who, side);
		break;
	case MOVE:
		try_move(state, who, side);
		break;
	case PUBLISH:
		try_publish(variant, state, who, side);
		break;
	case LOOK_AT_FLAG:
		try_look_at_flag(variant, state, who, side);
		break;
	case END:
		break;
	}
}

/* A store leaves the buffer. */
static void try_store(const struct state *state, int who)
{
	struct side side = state->side[who];

	if (side.counters) {
		side.counter = __builtin_ctz(side.counters);
		side.counters &= side.counters - 1;
		go(state, who, &side);
	}
	side = state->side[who];
	if (side.nflags) {
		/* each is another than the one before */
		side.flag = !side.flag;
		side.nflags--;
		go(state, who, &side);
	}
}

/* Is there an order in which a side sleeps for ever? */
static bool is_lost(const struct variant *variant)
{
	struct state state = { 0 };
	int who;

	memset(table, 0, sizeof(table));
	nstates = 0;
	nstack = 0;
	push(&state);
	while (nstack) {
		bool stuck = true;

		state = stack[--nstack];
		for (who = PRODUCER; who <= CONSUMER; who++) {
			const struct side *side = &state.side[who];

			if (!buffer_is_empty(side) ||
			    (side->step != END && (side->step != SLEEP || side->event)))
				stuck = false;
			try_step(variant, &state, who);
			try_store(&state, who);
		}
		if (stuck && (state.side[PRODUCER].step != END || state.side[CONSUMER].step != END))
			return true;
	}
	return false;
}

START_TEST(no_wakeup_is_lost)
{
	const struct variant variant = { .library = _i };

	ck_assert(!is_lost(&variant));
	/* all was tried, not nothing */
	ck_assert_uint_gt(nstates, 1000);
}
END_TEST

static const unsigned int parts[] = {
	BARRIER_BEFORE_LOOK, SECOND_LOOK, BARRIER_BEFORE_FLAG, WAKE, PUBLISH_BEFORE_SLEEP,
};

START_TEST(every_part_is_needed)
{
	struct variant variant = { .library = _i };
	size_t i;
	int who;

	for (who = PRODUCER; who <= CONSUMER; who++) {
		for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
			variant.without[who] = parts[i];
			ck_assert_msg(is_lost(&variant), "side %d, part %u", who, parts[i]);
		}
		variant.without[who] = NOTHING;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wakeup");
	TCase *tcase = tcase_create("wakeup");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, no_wakeup_is_lost, 0, 2);
	tcase_add_loop_test(tcase, every_part_is_needed, 0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
