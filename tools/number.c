/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "tool.h"

/* --- parts of a text ------------------------------------------------- */

bool number_parse(const char **text, uint64_t most, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return !errno && *number <= most;
}

bool number_parse_range(const char **text, uint64_t least, uint64_t most, uint64_t *first,
			uint64_t *last)
{
	if (!number_parse(text, most, first))
		return false;
	*last = *first;
	if (**text == '-') {
		++*text;
		if (!number_parse(text, most, last))
			return false;
	}
	return *first >= least && *last >= *first;
}

/* strtod() takes more than that. */
bool number_parse_decimal(const char **text, double *number)
{
	const size_t len = strspn(*text, "0123456789.");
	char *end;

	*number = strtod(*text, &end);
	if (!len || end != *text + len)
		return false;
	*text = end;
	return true;
}

/* The power of @base that a letter stands for, in either case; 1: there is no such letter. */
static uint64_t parse_prefix(const char **text, uint64_t base)
{
	static const char letters[] = "kmg";
	const char *letter = **text ? strchr(letters, tolower((unsigned char)**text)) : NULL;
	uint64_t factor = 1;

	if (!letter)
		return 1;
	++*text;
	for (; letter >= letters; letter--)
		factor *= base;
	return factor;
}

bool number_parse_amount(const char **text, double *amount)
{
	if (!number_parse_decimal(text, amount))
		return false;
	*amount *= parse_prefix(text, 1000);
	return *amount < 1e18;
}

bool number_parse_size(const char **text, uint64_t unit, uint64_t most, uint64_t *bytes)
{
	uint64_t factor;

	if (!number_parse(text, most, bytes))
		return false;
	factor = parse_prefix(text, 1024);
	if (factor == 1)
		factor = unit;
	if (*bytes > most / factor)
		return false;
	*bytes *= factor;
	return true;
}

/* --- options --------------------------------------------------------- */

uint64_t number_option(const char *option, const char *text, uint64_t least, uint64_t most)
{
	const char *end = text;
	uint64_t number;

	if (!number_parse(&end, most, &number) || *end || number < least)
		tool_misused("%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", option,
			     least, most, text);
	return number;
}

uint64_t number_option_amount(const char *option, const char *text, double least, double most)
{
	const char *end = text;
	double amount, off;
	uint64_t whole;

	if (!number_parse_amount(&end, &amount))
		amount = -1;
	/* in binary, 2.01 times 1000 is not quite 2010 */
	whole = amount < 0 ? 0 : amount + 0.5;
	off = amount > whole ? amount - whole : whole - amount;
	if (amount < 0 || *end || whole < least || whole > most || off > amount * 1e-14)
		tool_misused("%s takes a number from %.0f to %.0f, not '%s'", option, least, most,
			     text);
	return whole;
}

double number_option_seconds(const char *option, const char *text, double most)
{
	const char *end = text;
	double seconds;

	if (!number_parse_decimal(&end, &seconds) || *end || seconds < 0.01 || seconds > most)
		tool_misused("%s takes 0.01 to %.0f seconds, not '%s'", option, most, text);
	return seconds;
}

/* --- for people ------------------------------------------------------ */

const char *number_amount(char to[NUMBER_TEXT_SIZE], double amount)
{
	static const char prefixes[] = " kMGTPE";
	int decimals, i = 0;

	while (amount >= 999.5 && prefixes[i + 1]) {
		amount /= 1000;
		i++;
	}
	decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
	if (i)
		snprintf(to, NUMBER_TEXT_SIZE, "%.*f %c", decimals, amount, prefixes[i]);
	else if (amount && amount < 0.01)
		strcpy(to, "<0.01");
	else
		snprintf(to, NUMBER_TEXT_SIZE, "%.*f", amount == (int)amount ? 0 : decimals, amount);
	return to;
}

const char *number_size(char to[NUMBER_TEXT_SIZE], uint32_t bytes)
{
	static const char prefixes[][2] = { "", "K", "M", "G" };
	int i = 0;

	while (bytes && bytes % 1024 == 0 && i < 3) {
		bytes /= 1024;
		i++;
	}
	snprintf(to, NUMBER_TEXT_SIZE, "%" PRIu32 "%s", bytes, prefixes[i]);
	return to;
}

const char *number_duration(char to[NUMBER_TEXT_SIZE], uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	char text[NUMBER_TEXT_SIZE];
	double amount = ns;
	int i = 0;

	while (amount >= 999.5 && i < 3) {
		amount /= 1000;
		i++;
	}
	snprintf(to, NUMBER_TEXT_SIZE, "%.12s %s", number_amount(text, amount), units[i]);
	return to;
}
