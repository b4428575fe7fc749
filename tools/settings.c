/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <ctype.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "settings.h"
#include "tool.h"

/* What follows a keyword. */
enum value {
	VALUE_NONE,	/* the word says it all */
	VALUE_NUMBER,
	VALUE_SIZE,
	VALUE_SWITCH,
	VALUE_STEER,
	VALUE_USER,
	VALUE_GROUP,
	VALUE_ADDRESS,
	VALUE_NAME,
};

#define ALL	(SETTINGS_ADD | SETTINGS_SET | SETTINGS_ATTACH)

static const struct keyword {
	const char *word;
	enum link_setting setting;
	enum value value;
	unsigned int commands;
	uint32_t says;		/* of VALUE_NONE */
} keywords[] = {
	{ "l2", LINK_LAYER, VALUE_NONE, SETTINGS_ADD, 2 },
	{ "l3", LINK_LAYER, VALUE_NONE, SETTINGS_ADD, 3 },
	{ "offload", LINK_OFFLOAD, VALUE_NONE, SETTINGS_ADD, 1 },
	{ "queues", LINK_QUEUES, VALUE_NUMBER, ALL, 0 },
	{ "numqueues", LINK_NUMQUEUES, VALUE_NUMBER, SETTINGS_ADD, 0 },
	{ "numtxqueues", LINK_NUMQUEUES, VALUE_NUMBER, SETTINGS_ADD, 0 },	/* as ip says */
	{ "owner", LINK_OWNER, VALUE_USER, SETTINGS_ADD | SETTINGS_ATTACH, 0 },
	{ "group", LINK_GROUP, VALUE_GROUP, SETTINGS_ADD | SETTINGS_ATTACH, 0 },
	{ "readlimit", LINK_READ_LIMIT, VALUE_NUMBER, ALL, 0 },
	{ "writelimit", LINK_WRITE_LIMIT, VALUE_NUMBER, ALL, 0 },
	{ "readbytes", LINK_READ_BYTES, VALUE_SIZE, ALL, 0 },
	{ "writebytes", LINK_WRITE_BYTES, VALUE_SIZE, ALL, 0 },
	{ "mtu", LINK_MTU, VALUE_NUMBER, SETTINGS_ADD | SETTINGS_SET, 0 },
	{ "address", LINK_ADDRESS, VALUE_ADDRESS, SETTINGS_ADD, 0 },
	{ "up", LINK_UP, VALUE_NONE, SETTINGS_ADD | SETTINGS_SET, 1 },
	{ "down", LINK_UP, VALUE_NONE, SETTINGS_SET, 0 },
	{ "persist", LINK_PERSIST, VALUE_SWITCH, SETTINGS_SET, 0 },
	{ "carrier", LINK_CARRIER, VALUE_SWITCH, SETTINGS_SET, 0 },
	{ "name", LINK_NAME, VALUE_NAME, SETTINGS_SET, 0 },
	{ "steer", LINK_STEER_CPU, VALUE_STEER, SETTINGS_ATTACH, 0 },
};

#define NKEYWORDS	(sizeof(keywords) / sizeof(*keywords))

#define HINT_QUEUES	"'queues' takes 1 to 64, and no more than 'numqueues'"

const char *const settings_hints[LINK_NSETTINGS] = {
	[LINK_QUEUES] = HINT_QUEUES,
	[LINK_NUMQUEUES] = HINT_QUEUES,
	[LINK_OWNER] = "'owner' takes a user of this user namespace",
	[LINK_GROUP] = "'group' takes a group of this user namespace",
	[LINK_READ_LIMIT] = "'readlimit' takes 1 to 65536 frames",
	[LINK_WRITE_LIMIT] = "'writelimit' takes 1 to 65536 frames",
	[LINK_READ_BYTES] = "'readbytes' takes 1 to 1G",
	[LINK_WRITE_BYTES] = "'writebytes' takes 1 to 1G",
	[LINK_MTU] = "'mtu' takes 68 to 65521 on an L2 port, 68 to 65535 on an L3 port",
	[LINK_ADDRESS] = "'address' takes a unicast one of 6 bytes, such as 02:00:00:00:00:01",
	[LINK_PERSIST] = "'frameio del' deletes a port",
	[LINK_NAME] = "a name is free, has 1 to 15 characters, and no slash, colon or space",
};

static bool parse_u32(const char *text, uint32_t *value)
{
	uint64_t number;

	if (!number_parse(&text, UINT32_MAX, &number))
		return false;
	*value = number;
	return !*text;
}

static bool parse_size(const char *text, uint32_t *value)
{
	uint64_t bytes;

	if (!number_parse_size(&text, 1, UINT32_MAX, &bytes))
		return false;
	*value = bytes;
	return !*text;
}

/* Of two words, the one that means 1 or the one that means 0. */
static bool parse_choice(const char *text, const char *one, const char *zero, uint32_t *value)
{
	*value = !strcmp(text, one);
	return *value || !strcmp(text, zero);
}

static bool parse_user(const char *text, uint32_t *value)
{
	const struct passwd *user = getpwnam(text);

	if (!user)
		return parse_u32(text, value);
	*value = user->pw_uid;
	return true;
}

static bool parse_group(const char *text, uint32_t *value)
{
	const struct group *group = getgrnam(text);

	if (!group)
		return parse_u32(text, value);
	*value = group->gr_gid;
	return true;
}

static bool parse_address(const char *text, struct link_settings *settings)
{
	settings->address_len = tool_parse_address(&text, settings->address,
						   sizeof(settings->address));
	return settings->address_len && !*text;
}

/* An interface's name, as the kernel wants it; a '%' would ask it to choose a number. */
static bool is_name(const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if (isspace((unsigned char)*c) || strchr("/:%", *c))
			return false;
	return *text && strlen(text) < IF_NAMESIZE && strcmp(text, ".") && strcmp(text, "..");
}

void settings_require_name(const char *text)
{
	if (!is_name(text))
		tool_misused("'%s' is no interface name: one has 1 to %d characters, and no slash, "
			     "colon, percent sign or space", text, IF_NAMESIZE - 1);
}

static void parse_value(const struct keyword *keyword, const char *text,
			struct link_settings *settings)
{
	static const char *const wanted[] = {
		[VALUE_NUMBER] = "a number",
		[VALUE_SIZE] = "a number of bytes up to 1G, such as 4096 or 16M",
		[VALUE_SWITCH] = "'on' or 'off'",
		[VALUE_STEER] = "'hash' or 'cpu'",
		[VALUE_USER] = "a user's name or number",
		[VALUE_GROUP] = "a group's name or number",
		[VALUE_ADDRESS] = "an address such as 02:00:00:00:00:01",
		[VALUE_NAME] = "a name",
	};
	uint32_t *value = &settings->value[keyword->setting];
	bool good = false;

	if (!text)
		tool_misused("'%s' takes %s", keyword->word, wanted[keyword->value]);
	switch (keyword->value) {
	case VALUE_NONE:
		break;
	case VALUE_NUMBER:
		good = parse_u32(text, value);
		break;
	case VALUE_SIZE:
		good = parse_size(text, value);
		break;
	case VALUE_SWITCH:
		good = parse_choice(text, "on", "off", value);
		break;
	case VALUE_STEER:
		good = parse_choice(text, "cpu", "hash", value);
		break;
	case VALUE_USER:
		good = parse_user(text, value);
		break;
	case VALUE_GROUP:
		good = parse_group(text, value);
		break;
	case VALUE_ADDRESS:
		good = parse_address(text, settings);
		break;
	case VALUE_NAME:
		settings_require_name(text);
		settings->name = text;
		good = true;
		break;
	}
	if (!good && keyword->value == VALUE_NUMBER && *text && !text[strspn(text, "0123456789")])
		tool_misused("'%s' is too large: %s", text, settings_hints[keyword->setting]);
	if (!good)
		tool_misused("'%s' takes %s, not '%s'", keyword->word, wanted[keyword->value],
			     text);
}

static const struct keyword *find_keyword(const char *word)
{
	size_t i;

	for (i = 0; i < NKEYWORDS; i++)
		if (!strcmp(keywords[i].word, word))
			return &keywords[i];
	return NULL;
}

bool settings_is_keyword(const char *word)
{
	return find_keyword(word);
}

static const struct {
	enum settings_command command;
	const char *name;
} commands[] = {
	{ SETTINGS_ADD, "add" },
	{ SETTINGS_SET, "set" },
	{ SETTINGS_ATTACH, "attach" },
};

#define NCOMMANDS	(sizeof(commands) / sizeof(*commands))

/* "'add'", or "'add' and 'attach'". */
static const char *command_names(unsigned int which)
{
	static char names[64];
	size_t i, len = 0;

	for (i = 0; i < NCOMMANDS; i++)
		if (which & commands[i].command)
			len += snprintf(names + len, sizeof(names) - len, "%s'%s'",
					len ? " and " : "", commands[i].name);
	return names;
}

static const struct keyword *require_keyword(const char *word, enum settings_command command)
{
	const struct keyword *keyword = find_keyword(word);

	if (!keyword)
		tool_misused("'%s' is nothing that %s knows", word, command_names(command));
	if (!(keyword->commands & command))
		tool_misused("'%s' can be given to %s only%s", word,
			     command_names(keyword->commands),
			     command == SETTINGS_SET ? ", and stays as it is" : "");
	return keyword;
}

void settings_parse(char **words, enum settings_command command, struct link_settings *settings)
{
	const struct keyword *given[LINK_NSETTINGS] = { NULL };
	const struct keyword *keyword;

	memset(settings, 0, sizeof(*settings));
	while (*words) {
		keyword = require_keyword(*words++, command);
		if (given[keyword->setting] == keyword)
			tool_misused("'%s' is given twice", keyword->word);
		if (given[keyword->setting])
			tool_misused("'%s' and '%s' exclude each other",
				     given[keyword->setting]->word, keyword->word);
		given[keyword->setting] = keyword;
		settings->given[keyword->setting] = true;
		if (keyword->value == VALUE_NONE)
			settings->value[keyword->setting] = keyword->says;
		else
			parse_value(keyword, *words, settings);
		if (keyword->value != VALUE_NONE)
			words++;
	}
}
