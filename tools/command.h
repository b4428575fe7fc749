/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The commands of frameio(8), and what they share.
 */
#ifndef FRAMEIO_COMMAND_H
#define FRAMEIO_COMMAND_H

#include <json.h>
#include <stdbool.h>
#include <stdint.h>

#include "link.h"

/* Options that several commands take. */
struct command_options {
	bool json;
	bool prometheus;
	double interval;	/* seconds between two tables; 0: one table */
	const char *netns;	/* which was entered, as it was given; NULL: none */
};

extern struct command_options command_options;

/* @name: one port, or NULL for all. They return the exit code. */
int command_show(const char *name);
int command_stat(const char *name);
int command_monitor(void);

/* A port, or the end with a sentence: "cannot DO port 'NAME': there is no such interface". */
void command_get_port(const char *doing, const char *name, struct link *link);

/* All ports, in an array to be freed, or the end. */
int command_list_ports(struct link **links);

bool command_module_is_loaded(void);

/* The ports that are asked for: one, or all; where there are none, people are told. */
int command_choose_ports(const char *doing, const char *name, struct link **links);

/* What their queue pairs are doing; nothing, of a port that has gone; or the end. */
void command_get_queues(struct link *links, int count);

/* JSON: add a member to an object. */
void report_member(struct json_object *object, const char *key, struct json_object *value);
void report_number(struct json_object *object, const char *key, uint64_t value);
void report_bool(struct json_object *object, const char *key, bool value);
/* A text of others' choice, as tool_utf8() has it; NULL: null. */
void report_text(struct json_object *object, const char *key, const char *value);

/* Print it and let go of it: over several lines, or one. */
void report_print(struct json_object *object, bool one_line);

/* Print ports as "show -j" does. */
void show_json(const struct link *links, int count);

/* "02:00:00:00:00:01"; an address's text has 3 characters for each byte. */
#define ADDRESS_TEXT_SIZE	(3 * LINK_ADDRESS_MAX)
char *show_address(char *to, const struct link *link);

/* Bytes as the command line takes them: "16M". @to has room for 16. */
char *show_size(char *to, uint32_t bytes);

#endif
