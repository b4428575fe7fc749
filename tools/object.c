/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <stdlib.h>

#include "object.h"
#include "tool.h"

void object_add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

void object_add_number(struct json_object *object, const char *key, uint64_t value)
{
	object_add(object, key, json_object_new_uint64(value));
}

void object_add_bool(struct json_object *object, const char *key, bool value)
{
	object_add(object, key, json_object_new_boolean(value));
}

void object_add_fraction(struct json_object *object, const char *key, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	object_add(object, key, json_object_new_double_s(value, text));
}

void object_add_text(struct json_object *object, const char *key, const char *value)
{
	char *text = value ? tool_utf8(value) : NULL;

	object_add(object, key, text ? json_object_new_string(text) : NULL);
	free(text);
}

void object_print(FILE *file, struct json_object *object, bool one_line)
{
	const int how = one_line ? JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY;

	fprintf(file, "%s\n", json_object_to_json_string_ext(object, how |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
