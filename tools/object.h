/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * JSON as the tools print it: objects and their members.
 */
#ifndef FRAMEIO_OBJECT_H
#define FRAMEIO_OBJECT_H

#include <json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void object_add(struct json_object *object, const char *key, struct json_object *value);
void object_add_number(struct json_object *object, const char *key, uint64_t value);
void object_add_bool(struct json_object *object, const char *key, bool value);

/* With three digits after the point; json-c would print all that a double has. */
void object_add_fraction(struct json_object *object, const char *key, double value);

/* A text of others' choice, as tool_utf8() has it; NULL: null. */
void object_add_text(struct json_object *object, const char *key, const char *value);

/* Print it, or an array, and let go of it: on one line, or several. */
void object_print(FILE *file, struct json_object *object, bool one_line);

#endif
