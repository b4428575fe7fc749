/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* framehub's table of stations: who is known, until when, and who gives way. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "../../tools/stations.h"

#define LIFETIME	1000

static struct stations *table(unsigned int room)
{
	struct stations *stations = stations_new(room, LIFETIME);

	ck_assert_ptr_nonnull(stations);
	return stations;
}

START_TEST(an_address_is_read_in_order)
{
	static const unsigned char bytes[] = { 0x01, 0x80, 0xc2, 0xff, 0x00, 0x0e };

	ck_assert_uint_eq(stations_address(bytes), 0x0180c2ff000e);
}
END_TEST

START_TEST(who_was_heard_is_found_for_so_long)
{
	struct stations *stations = table(8);

	ck_assert_int_eq(stations_find(stations, 5, 0), -1);
	stations_learn(stations, 5, 65534, 10);
	ck_assert_int_eq(stations_find(stations, 5, 10), 65534);
	ck_assert_int_eq(stations_find(stations, 6, 10), -1);
	ck_assert_int_eq(stations_find(stations, 5, 10 + LIFETIME - 1), 65534);
	ck_assert_int_eq(stations_find(stations, 5, 10 + LIFETIME), -1);
	stations_learn(stations, 5, 65534, 500);
	ck_assert_int_eq(stations_find(stations, 5, 500 + LIFETIME - 1), 65534);
	/* of the clock of a thread that looked at it earlier */
	ck_assert_int_eq(stations_find(stations, 5, 499), 65534);
	stations_learn(stations, 5, 65534, 5000);
	ck_assert_int_eq(stations_find(stations, 5, 5999), 65534);
	ck_assert_uint_eq(stations_moves(stations), 0);
	stations_free(stations);
	stations_free(NULL);
}
END_TEST

START_TEST(without_a_lifetime_nobody_is_known)
{
	struct stations *stations = stations_new(8, 0);

	stations_learn(stations, 5, 1, 10);
	stations_learn(stations, 5, 2, 10);
	ck_assert_int_eq(stations_find(stations, 5, 10), -1);
	ck_assert_uint_eq(stations_list(stations, 10, NULL, 0), 0);
	ck_assert_uint_eq(stations_moves(stations), 0);
	ck_assert_uint_eq(stations_displaced(stations), 0);
	stations_free(stations);
}
END_TEST

START_TEST(a_station_is_where_it_was_heard_last)
{
	struct stations *stations = table(8);

	stations_learn(stations, 5, 1, 10);
	stations_learn(stations, 5, 2, 20);
	ck_assert_int_eq(stations_find(stations, 5, 20), 2);
	stations_learn(stations, 5, 0, 30);
	ck_assert_int_eq(stations_find(stations, 5, 30), 0);
	ck_assert_uint_eq(stations_moves(stations), 2);
	ck_assert_uint_eq(stations_list(stations, 30, NULL, 0), 1);
	/* where it was is forgotten by now */
	stations_learn(stations, 5, 1, 30 + LIFETIME);
	ck_assert_int_eq(stations_find(stations, 5, 30 + LIFETIME), 1);
	ck_assert_uint_eq(stations_moves(stations), 2);
	stations_free(stations);
}
END_TEST

START_TEST(those_behind_a_port_are_forgotten)
{
	struct stations *stations = table(64);
	uint64_t address;

	for (address = 1; address <= 12; address++)
		stations_learn(stations, address, address % 3, 10);
	stations_forget(stations, 1);
	for (address = 1; address <= 12; address++)
		ck_assert_int_eq(stations_find(stations, address, 10),
				 address % 3 == 1 ? -1 : (int)(address % 3));
	stations_forget(stations, 7);
	ck_assert_uint_eq(stations_list(stations, 10, NULL, 0), 8);
	stations_free(stations);
}
END_TEST

START_TEST(they_are_listed)
{
	struct stations *stations = table(8);
	struct station list[2] = { { .address = 77 }, { .address = 77 } };

	stations_learn(stations, 5, 1, 10);
	stations_learn(stations, 6, 2, 500);
	ck_assert_uint_eq(stations_list(stations, 510, list, 1), 2);
	ck_assert_uint_eq(list[1].address, 77);
	ck_assert_uint_eq(stations_list(stations, 510, list, 2), 2);
	ck_assert_uint_eq(list[0].address + list[1].address, 11);
	ck_assert_uint_eq(list[0].port, list[0].address - 4);
	ck_assert_uint_eq(list[0].age_ms, list[0].address == 5 ? 500 : 10);
	ck_assert_uint_eq(stations_list(stations, 10 + LIFETIME, list, 2), 1);
	ck_assert_uint_eq(list[0].address, 6);
	stations_free(stations);
}
END_TEST

/* Who talks stays known however many others are heard, but for those of its own moment. */
START_TEST(there_is_an_end_to_it)
{
	struct stations *stations = table(64);
	const uint64_t talker = 0x020000000001;
	unsigned int i, known;

	for (i = 1; i <= 10000; i++) {
		stations_learn(stations, talker, 3, i);
		stations_learn(stations, 0x060000000000 + i * 7919, 1, i);
		if (stations_find(stations, talker, i) != 3)
			ck_abort_msg("forgotten after %u others", i);
	}
	known = stations_list(stations, 10000, NULL, 0);
	ck_assert_uint_le(known, 64);
	ck_assert_uint_ge(known, 32);
	ck_assert_uint_gt(stations_displaced(stations), 5000);
	ck_assert_uint_le(stations_displaced(stations), 10001 - known);
	stations_free(stations);
}
END_TEST

/* All of a table is used: addresses that differ little do not share buckets. */
START_TEST(stations_are_spread)
{
	struct stations *stations = table(1024);
	uint64_t i;

	for (i = 0; i < 256; i++)
		stations_learn(stations, 0x020000000000 + (i << (_i * 5)), 1, 1);
	ck_assert_uint_ge(stations_list(stations, 1, NULL, 0), 240);
	stations_free(stations);
}
END_TEST

#define NADDRESSES	200

/* A station is behind one of two ports, and some have to give way. */
static void *use(void *argument)
{
	struct stations *stations = argument;
	unsigned int seed = (uintptr_t)&seed, i;

	for (i = 0; i < 200000; i++) {
		const uint64_t address = rand_r(&seed) % NADDRESSES + 1;
		const unsigned int port = 2 * address + rand_r(&seed) % 2;
		int found;

		if (i % 5000 == 0)
			stations_forget(stations, port);
		stations_learn(stations, address, port, i / 1000);
		found = stations_find(stations, address, i / 1000);
		if (found >= 0 && found / 2 != (int)address)
			ck_abort_msg("address %d is behind port %d", (int)address, found);
	}
	return NULL;
}

START_TEST(threads_share_a_table)
{
	struct stations *stations = table(128);
	struct station list[129];
	unsigned int n, i, j;
	pthread_t threads[4];

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use, stations), 0);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	n = stations_list(stations, 200, list, 129);
	ck_assert_uint_le(n, 128);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			if (list[i].address == list[j].address)
				ck_abort_msg("a station is known twice");
	stations_free(stations);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stations");
	TCase *tcase = tcase_create("stations");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, an_address_is_read_in_order);
	tcase_add_test(tcase, who_was_heard_is_found_for_so_long);
	tcase_add_test(tcase, without_a_lifetime_nobody_is_known);
	tcase_add_test(tcase, a_station_is_where_it_was_heard_last);
	tcase_add_test(tcase, those_behind_a_port_are_forgotten);
	tcase_add_test(tcase, they_are_listed);
	tcase_add_test(tcase, there_is_an_end_to_it);
	tcase_add_loop_test(tcase, stations_are_spread, 0, 8);
	tcase_add_test(tcase, threads_share_a_table);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
