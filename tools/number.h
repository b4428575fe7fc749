/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Numbers as people write them on a command line, and as they read them.
 */
#ifndef FRAMEIO_NUMBER_H
#define FRAMEIO_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * These read what @text begins with, and move it behind that. Return: false if it is no
 * such number, or out of range; then nothing else of it is to be used.
 */

/* Digits. */
bool number_parse(const char **text, uint64_t most, uint64_t *number);

/* FIRST or FIRST-LAST. */
bool number_parse_range(const char **text, uint64_t least, uint64_t most, uint64_t *first,
			uint64_t *last);

/* Digits, with a point. */
bool number_parse_decimal(const char **text, double *number);

/* An amount such as 0.5, 250k, 1.5M or 2G: thousands, millions, thousands of millions. */
bool number_parse_amount(const char **text, double *amount);

/* Bytes: so many @unit, or with K, M or G so many KiB, MiB or GiB. */
bool number_parse_size(const char **text, uint64_t unit, uint64_t most, uint64_t *bytes);

/* The whole value of an option; these exit with a sentence if it is out of range or none. */
uint64_t number_option(const char *option, const char *text, uint64_t least, uint64_t most);
uint64_t number_option_amount(const char *option, const char *text, double least, double most);
double number_option_seconds(const char *option, const char *text, double most);

/* These write a number for people, and return @to. */
#define NUMBER_TEXT_SIZE	16

/* With three digits, and a unit's prefix: "1.23 G". */
const char *number_amount(char to[NUMBER_TEXT_SIZE], double amount);

/* Bytes, exactly, as number_parse_size() takes them: "16M". */
const char *number_size(char to[NUMBER_TEXT_SIZE], uint32_t bytes);

/* Nanoseconds, with three digits: "12.3 us". */
const char *number_duration(char to[NUMBER_TEXT_SIZE], uint64_t ns);

#endif
