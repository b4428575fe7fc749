/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Numbers as the tools take them and show them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/number.h"
#include "../../tools/tool.h"

START_TEST(digits_are_a_number)
{
	static const struct {
		const char *text, *rest;	/* NULL: it is none */
		uint64_t most, number;
	} texts[] = {
		{ "0", "", 0, 0 },
		{ "007,8", ",8", 7, 7 },
		{ "65535", "", 65535, 65535 },
		{ "65536", NULL, 65535, 0 },
		{ "18446744073709551615", "", UINT64_MAX, UINT64_MAX },
		{ "18446744073709551616", NULL, UINT64_MAX, 0 },
		{ "0x10", "x10", 99, 0 },
		{ "1.5", ".5", 99, 1 },
		{ "", NULL, 99, 0 }, { " 1", NULL, 99, 0 }, { "+1", NULL, 99, 0 },
		{ "-1", NULL, UINT64_MAX, 0 }, { "x", NULL, 99, 0 },
	};
	const char *text;
	uint64_t number;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		text = texts[i].text;
		ck_assert_msg(number_parse(&text, texts[i].most, &number) == !!texts[i].rest,
			      "'%s'", texts[i].text);
		if (!texts[i].rest)
			continue;
		ck_assert_uint_eq(number, texts[i].number);
		ck_assert_str_eq(text, texts[i].rest);
	}
}
END_TEST

START_TEST(a_range_does_not_end_before_it_begins)
{
	static const char *const wrong[] = { "", "-", "5-", "-5", "6-5", "0-5", "5-11", "11", "a-b" };
	const char *text = "5";
	uint64_t first, last;
	size_t i;

	ck_assert(number_parse_range(&text, 1, 10, &first, &last));
	ck_assert_uint_eq(first, 5);
	ck_assert_uint_eq(last, 5);
	text = "1-10,7";
	ck_assert(number_parse_range(&text, 1, 10, &first, &last));
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(last, 10);
	ck_assert_str_eq(text, ",7");
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		text = wrong[i];
		ck_assert_msg(!number_parse_range(&text, 1, 10, &first, &last), "'%s'", wrong[i]);
	}
}
END_TEST

START_TEST(amounts_have_a_point_and_a_factor)
{
	static const struct {
		const char *text;
		double amount;
		const char *rest;
	} texts[] = {
		{ "0", 0, "" }, { "0.5", 0.5, "" }, { ".5", 0.5, "" }, { "7.", 7, "" },
		{ "250k", 250000, "" }, { "1K", 1000, "" }, { "1.1M", 1100000, "" },
		{ "0.3G", 300000000, "" }, { "1.5Gbit", 1500000000, "bit" }, { "5pps", 5, "pps" },
		{ "999999999.9G", 999999999.9e9, "" },
	};
	static const char *const wrong[] = {
		"", ".", "k", "-1", "+1", " 1", "1.2.3", "0x10", "1e3", "inf", "nan", "1000000000G",
	};
	const char *text;
	double amount;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		text = texts[i].text;
		ck_assert_msg(number_parse_amount(&text, &amount), "'%s'", texts[i].text);
		ck_assert_double_eq(amount, texts[i].amount);
		ck_assert_str_eq(text, texts[i].rest);
	}
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		text = wrong[i];
		ck_assert_msg(!number_parse_amount(&text, &amount), "'%s'", wrong[i]);
	}
}
END_TEST

START_TEST(sizes_are_in_their_unit_or_a_power_of_1024)
{
	static const struct {
		const char *text, *rest;	/* NULL: it is none, or too large */
		uint64_t unit, most, bytes;
	} texts[] = {
		{ "0", "", 1, 10, 0 },
		{ "10", "", 1, 10, 10 },
		{ "11", NULL, 1, 10, 0 },
		{ "10", "", 1000000, 10000000, 10000000 },
		{ "11", NULL, 1000000, 10000000, 0 },
		{ "2k", "", 1000000, 2048, 2048 },
		{ "2K", NULL, 1, 2047, 0 },
		{ "3m", "", 1, UINT32_MAX, 3 << 20 },
		{ "1G", "", 1, UINT32_MAX, 1 << 30 },
		{ "4G", NULL, 1, UINT32_MAX, 0 },
		{ "17179869184G", NULL, 1, UINT64_MAX, 0 },
		{ "1KK", "K", 1, 1024, 1024 },
		{ "1T", "T", 1, 1024, 1 },
		{ "1.5K", ".5K", 1, 1024, 1 },
		{ "K", NULL, 1, 1024, 0 },
	};
	const char *text;
	uint64_t bytes;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		text = texts[i].text;
		ck_assert_msg(number_parse_size(&text, texts[i].unit, texts[i].most, &bytes) ==
			      !!texts[i].rest, "'%s'", texts[i].text);
		if (!texts[i].rest)
			continue;
		ck_assert_uint_eq(bytes, texts[i].bytes);
		ck_assert_str_eq(text, texts[i].rest);
	}
}
END_TEST

static void take_option(const char *text)
{
	number_option("--count", text, 1, UINT64_MAX);
}

static void take_amount(const char *text)
{
	number_option_amount("--loop", text, 0, 1e15);
}

static void take_seconds(const char *text)
{
	number_option_seconds("--time", text, 1e9);
}

/* What a child says on standard error that takes an option's text. */
static const char *complaint(void (*take)(const char *), const char *text)
{
	static char said[256];
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		take(text);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += n;
	said[len] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), len ? TOOL_MISUSED : 0);
	return said;
}

START_TEST(an_option_takes_all_of_its_text)
{
	static const struct {
		void (*take)(const char *text);
		const char *sentence;
		const char *good[4], *bad[9];
	} options[] = {
		{ take_option, "--count takes a number from 1 to 18446744073709551615, not '%s'",
		  { "1", "18446744073709551615" }, { "", "0", "-1", "1k", "1.5", "x" } },
		{ take_amount, "--loop takes a number from 0 to 1000000000000000, not '%s'",
		  { "0", "1.5k", "1000000G" }, { "", "0.5", "1.0001k", "1000001G", "-1", "1kk" } },
		{ take_seconds, "--time takes 0.01 to 1000000000 seconds, not '%s'",
		  { "0.01", ".5", "1000000000" },
		  { "", "0", "0.001", "1000000001", "1s", "1.2.3", "inf", "nan" } },
	};
	char sentence[256];
	size_t i, j;

	tool_name = "tool";
	ck_assert_uint_eq(number_option("", "77", 0, 99), 77);
	ck_assert_uint_eq(number_option_amount("", "1.5k", 0, 9999), 1500);
	/* 2.01 has no end in binary */
	ck_assert_uint_eq(number_option_amount("", "2.01k", 0, 9999), 2010);
	ck_assert_uint_eq(number_option_amount("", "1.000001G", 0, 1e15), 1000001000);
	ck_assert_double_eq(number_option_seconds("", "0.25", 9), 0.25);
	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		for (j = 0; options[i].good[j]; j++)
			ck_assert_str_eq(complaint(options[i].take, options[i].good[j]), "");
		for (j = 0; options[i].bad[j]; j++) {
			snprintf(sentence, sizeof(sentence), options[i].sentence,
				 options[i].bad[j]);
			ck_assert_ptr_nonnull(strstr(complaint(options[i].take, options[i].bad[j]),
						     sentence));
		}
	}
}
END_TEST

START_TEST(an_amount_has_three_digits)
{
	static const struct {
		double amount;
		const char *text;
	} amounts[] = {
		{ 0, "0" }, { 0.001, "<0.01" }, { 0.01, "0.01" }, { 1, "1" }, { 1.234, "1.23" },
		{ 9.994, "9.99" }, { 9.996, "10.0" }, { 99.96, "100" }, { 999, "999" },
		{ 999.4, "999" }, { 999.6, "1.00 k" }, { 1234567, "1.23 M" }, { 45.67e9, "45.7 G" },
		{ 2e12, "2.00 T" }, { 3e15, "3.00 P" }, { 1.8e19, "18.0 E" },
	};
	char text[NUMBER_TEXT_SIZE];
	size_t i;

	for (i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		ck_assert_str_eq(number_amount(text, amounts[i].amount), amounts[i].text);
}
END_TEST

/* As it is shown, a size can be given. */
START_TEST(a_size_is_exact)
{
	static const struct {
		uint32_t bytes;
		const char *text;
	} sizes[] = {
		{ 0, "0" }, { 1, "1" }, { 1023, "1023" }, { 1024, "1K" }, { 1025, "1025" },
		{ 1536 << 10, "1536K" }, { 16 << 20, "16M" }, { 1U << 31, "2G" },
		{ UINT32_MAX, "4294967295" },
	};
	char text[NUMBER_TEXT_SIZE];
	const char *end;
	uint64_t bytes;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		end = number_size(text, sizes[i].bytes);
		ck_assert_str_eq(text, sizes[i].text);
		ck_assert(number_parse_size(&end, 1, UINT32_MAX, &bytes));
		ck_assert_uint_eq(bytes, sizes[i].bytes);
	}
}
END_TEST

START_TEST(a_duration_is_in_a_unit_of_its_size)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{ 0, "0 ns" }, { 999, "999 ns" }, { 1000, "1 us" }, { 12345, "12.3 us" },
		{ 999499, "999 us" }, { 999500, "1.00 ms" }, { 2500000, "2.50 ms" },
		{ 999999999, "1.00 s" }, { UINT64_C(61000000000), "61 s" },
	};
	char text[NUMBER_TEXT_SIZE];
	size_t i;

	for (i = 0; i < sizeof(durations) / sizeof(*durations); i++)
		ck_assert_str_eq(number_duration(text, durations[i].ns), durations[i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("number");
	TCase *tcase = tcase_create("number");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, digits_are_a_number);
	tcase_add_test(tcase, a_range_does_not_end_before_it_begins);
	tcase_add_test(tcase, amounts_have_a_point_and_a_factor);
	tcase_add_test(tcase, sizes_are_in_their_unit_or_a_power_of_1024);
	tcase_add_test(tcase, an_option_takes_all_of_its_text);
	tcase_add_test(tcase, an_amount_has_three_digits);
	tcase_add_test(tcase, a_size_is_exact);
	tcase_add_test(tcase, a_duration_is_in_a_unit_of_its_size);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
