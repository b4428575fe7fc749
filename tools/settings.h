/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What can be said of a port on the command line: keywords, most of which a value follows.
 */
#ifndef FRAMEIO_SETTINGS_H
#define FRAMEIO_SETTINGS_H

#include <stdbool.h>

#include "link.h"

/* The commands that take them. */
enum settings_command {
	SETTINGS_ADD = 1,
	SETTINGS_SET = 2,
	SETTINGS_ATTACH = 4,
};

/* Understand the words of a command, up to a NULL, or the end with a sentence. */
void settings_parse(char **words, enum settings_command command, struct link_settings *settings);

/* A name that a new interface could have, or the end. */
void settings_require_name(const char *text);

bool settings_is_keyword(const char *word);

/* What can be done about a setting that the kernel does not take; or NULL. */
extern const char *const settings_hints[LINK_NSETTINGS];

#endif
