/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio - make, change and watch ports: see frameio(8).
 *
 * This file has the command line; link.c talks to the kernel.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "tool.h"

struct command_options command_options;

static void usage(void)
{
	puts("usage: frameio [OPTION...] COMMAND\n"
	     "\n"
	     "  add NAME [l2|l3] [queues N] [numqueues N] [owner USER] [group GROUP]\n"
	     "      [readlimit FRAMES] [writelimit FRAMES] [readbytes SIZE] [writebytes SIZE]\n"
	     "      [mtu N] [address LLADDR] [up]       make a port\n"
	     "  del NAME                                delete a port\n"
	     "  show [NAME]                             what ports are, and who holds them\n"
	     "  set NAME [queues N] [readlimit FRAMES] [writelimit FRAMES] [readbytes SIZE]\n"
	     "      [writebytes SIZE] [persist on|off] [mtu N] [up|down] [carrier on|off]\n"
	     "      [name NEW]                          change a port\n"
	     "  stat [NAME] [-w [SECONDS]] [--prometheus]\n"
	     "                                          what ports counted\n"
	     "  monitor                                 what happens to ports\n"
	     "  version                                 of this tool and of the module\n"
	     "\n"
	     "A command may be cut short as long as only one begins like that. 'queues' are the\n"
	     "queue pairs in use, 1 to 64, and 'numqueues' how many there can ever be. FRAMES is\n"
	     "1 to 65536, for each queue; SIZE is in bytes, or with K, M or G.\n"
	     "\n"
	     "  -j, --json              print JSON\n"
	     "  -n, --netns NETNS       in that network namespace: a name, or a path with a slash\n"
	     "  -w, --watch[=SECONDS]   stat: rates, again and again (default: every second)\n"
	     "      --prometheus        stat: for the textfile collector of node_exporter\n"
	     "  -h, --help              print this\n"
	     "  -V, --version           print the version\n"
	     "\n"
	     "frameio(8) tells the rest, with examples.");
}

/* --- JSON ------------------------------------------------------------ */

void report_member(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

void report_number(struct json_object *object, const char *key, uint64_t value)
{
	report_member(object, key, json_object_new_uint64(value));
}

void report_bool(struct json_object *object, const char *key, bool value)
{
	report_member(object, key, json_object_new_boolean(value));
}

void report_text(struct json_object *object, const char *key, const char *value)
{
	char text[256];

	report_member(object, key, value ?
		      json_object_new_string(tool_utf8(text, sizeof(text), value)) : NULL);
}

void report_print(struct json_object *object, bool one_line)
{
	const int how = one_line ? JSON_C_TO_STRING_PLAIN : JSON_C_TO_STRING_PRETTY;

	puts(json_object_to_json_string_ext(object, how | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* --- finding ports --------------------------------------------------- */

/* A sentence for why a port cannot be had. */
static const char *explain(int error)
{
	switch (error) {
	case ENODEV:
		return "there is no such interface; 'frameio show' lists the ports";
	case EOPNOTSUPP:
		return "the interface is no frameio port; 'frameio show' lists the ports";
	case EINTR:
		return "interfaces change too fast; try again";
	case EBADMSG:
		return "the kernel's answer cannot be understood; 'frameio version' tells whether "
		       "the module is of another version";
	default:
		return strerror(error);
	}
}

void command_get_port(const char *doing, const char *name, struct link *link)
{
	int err = link_get(name, link);

	if (err)
		tool_die(TOOL_FAILED, "cannot %s port '%s': %s", doing, name, explain(-err));
}

int command_list_ports(struct link **links)
{
	int count = link_list(links);

	if (count < 0)
		tool_die(TOOL_FAILED, "cannot list the ports: %s", explain(-count));
	return count;
}

void command_get_queues(struct link *links, int count)
{
	int err, i;

	for (i = 0; i < count; i++) {
		err = link_get_queues(&links[i]);
		if (err && err != -ENODEV)
			tool_die(TOOL_FAILED, "cannot list the queue pairs of the ports: %s",
				 explain(-err));
	}
}

bool command_module_is_loaded(void)
{
	return !access("/sys/module/frameio", F_OK);
}

#define HINT_LOAD	"load the module: 'modprobe frameio'"

/* To somebody who looks for a port, silence does not tell that, or why, there is none. */
static void warn_of_none(void)
{
	if (!command_module_is_loaded())
		tool_warn("there are no ports; " HINT_LOAD);
	else
		tool_warn("there are no ports in this network namespace; "
			  "'--netns' looks into another");
}

int command_choose_ports(const char *doing, const char *name, struct link **links)
{
	int count;

	if (!name) {
		count = command_list_ports(links);
		if (!count && !command_options.json && !command_options.prometheus &&
		    !command_options.interval)
			warn_of_none();
		return count;
	}
	*links = malloc(sizeof(**links));
	if (!*links)
		tool_die(TOOL_FAILED, "out of memory");
	command_get_port(doing, name, *links);
	return 1;
}

/* --- add, set and del ------------------------------------------------ */

enum {
	FOR_ADD = 1,
	FOR_SET = 2,
};

/* What follows a keyword. */
enum value {
	VALUE_NONE,	/* the word says it all */
	VALUE_NUMBER,
	VALUE_SIZE,
	VALUE_SWITCH,
	VALUE_USER,
	VALUE_GROUP,
	VALUE_ADDRESS,
	VALUE_NAME,
};

static const struct keyword {
	const char *word;
	enum link_setting setting;
	enum value value;
	unsigned int commands;
	uint32_t says;		/* of VALUE_NONE */
} keywords[] = {
	{ "l2", LINK_LAYER, VALUE_NONE, FOR_ADD, 2 },
	{ "l3", LINK_LAYER, VALUE_NONE, FOR_ADD, 3 },
	{ "queues", LINK_QUEUES, VALUE_NUMBER, FOR_ADD | FOR_SET, 0 },
	{ "numqueues", LINK_NUMQUEUES, VALUE_NUMBER, FOR_ADD, 0 },
	{ "numtxqueues", LINK_NUMQUEUES, VALUE_NUMBER, FOR_ADD, 0 },	/* as ip says */
	{ "owner", LINK_OWNER, VALUE_USER, FOR_ADD, 0 },
	{ "group", LINK_GROUP, VALUE_GROUP, FOR_ADD, 0 },
	{ "readlimit", LINK_READ_LIMIT, VALUE_NUMBER, FOR_ADD | FOR_SET, 0 },
	{ "writelimit", LINK_WRITE_LIMIT, VALUE_NUMBER, FOR_ADD | FOR_SET, 0 },
	{ "readbytes", LINK_READ_BYTES, VALUE_SIZE, FOR_ADD | FOR_SET, 0 },
	{ "writebytes", LINK_WRITE_BYTES, VALUE_SIZE, FOR_ADD | FOR_SET, 0 },
	{ "mtu", LINK_MTU, VALUE_NUMBER, FOR_ADD | FOR_SET, 0 },
	{ "address", LINK_ADDRESS, VALUE_ADDRESS, FOR_ADD, 0 },
	{ "up", LINK_UP, VALUE_NONE, FOR_ADD | FOR_SET, 1 },
	{ "down", LINK_UP, VALUE_NONE, FOR_SET, 0 },
	{ "persist", LINK_PERSIST, VALUE_SWITCH, FOR_SET, 0 },
	{ "carrier", LINK_CARRIER, VALUE_SWITCH, FOR_SET, 0 },
	{ "name", LINK_NAME, VALUE_NAME, FOR_SET, 0 },
};

#define NKEYWORDS	(sizeof(keywords) / sizeof(*keywords))

#define HINT_QUEUES	"'queues' takes 1 to 64, and no more than 'numqueues'"

/* What can be done about a setting that the kernel does not take. */
static const char *const hints[LINK_NSETTINGS] = {
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

/* The hint for what was refused, if there can be no doubt what that was. */
static const char *hint_for(const struct link_settings *settings, int refused, int error)
{
	const char *hint = NULL;
	int i;

	if (refused >= 0)
		return hints[refused];
	/* not for what it was, but for want of memory, say */
	if (error != EINVAL && error != ERANGE && error != EADDRNOTAVAIL && error != EOPNOTSUPP)
		return NULL;
	for (i = 0; i < LINK_NSETTINGS; i++) {
		if (!settings->given[i] || !hints[i])
			continue;
		if (hint && strcmp(hint, hints[i]))
			return NULL;
		hint = hints[i];
	}
	return hint;
}

/* What was asked of the kernel. */
struct asked {
	const char *doing, *name;
	const struct link_settings *settings;	/* NULL: to delete it */
	const struct link *link;		/* as it was before; NULL: to make it */
};

/* Which numbers of queue pairs a port takes, or who is in the way of fewer. */
static const char *hint_for_queues(const struct asked *asked, int error)
{
	static char hint[128];

	if (error == EBUSY)
		snprintf(hint, sizeof(hint), "the queue pairs from %" PRIu32 " on would go, and "
			 "'frameio show' tells who holds them", asked->settings->value[LINK_QUEUES]);
	else
		snprintf(hint, sizeof(hint), "'queues' takes 1 to %" PRIu32 " here, the 'numqueues' "
			 "that the port was made with", asked->link->nqueues_max);
	return hint;
}

/* Of several changes, those that the kernel made before one that it refused have been made. */
static bool is_partial(const struct asked *asked, int error)
{
	int i, n = 0;

	/* these come before any */
	if (error == EPERM || error == ENODEV)
		return false;
	for (i = 0; asked->settings && asked->link && i < LINK_NSETTINGS; i++)
		n += asked->settings->given[i];
	return n > 1;
}

/* The kernel refused: tell what, in its words or ours why, and what can be done. */
static void __attribute__((noreturn))
refused(const struct asked *asked, int error, const struct link_refusal *refusal)
{
	const struct link_settings *settings = asked->settings;
	const char *why = strerror(error);
	const char *hint = settings ? hint_for(settings, refusal->setting, error) : NULL;

	switch (error) {
	case EPERM:
		why = "not permitted";
		hint = "it takes root, or CAP_NET_ADMIN in this network namespace";
		break;
	case EEXIST:
		why = "there is an interface of that name";
		hint = "choose another name, or see 'ip link'";
		break;
	case ENODEV:
		why = "the interface is gone";
		hint = "'frameio show' lists the ports";
		break;
	case EBUSY:
		why = "it is in use";
		hint = "'frameio show' tells who holds which queue pair";
		/* of queue pairs, the kernel says something */
		if (settings && settings->given[LINK_NAME] && !*refusal->message) {
			why = "an interface that is up has a name that cannot change";
			hint = "set it 'down' before, by a command of its own";
		}
		break;
	case EOPNOTSUPP:
		if (!command_module_is_loaded())
			hint = HINT_LOAD;
		break;
	}
	if (asked->link && settings && refusal->setting == LINK_QUEUES)
		hint = hint_for_queues(asked, error);
	if (*refusal->message)
		why = refusal->message;
	tool_die(TOOL_FAILED, "cannot %s port '%s': %s%s%s%s", asked->doing, asked->name, why,
		 hint ? "; " : "", hint ? hint : "",
		 is_partial(asked, error) ? "; 'frameio show' tells which of the changes were made" : "");
}

/* A number, and what follows it; false if it is none or too large. */
static bool parse_number(const char *text, uint64_t *number, const char **end)
{
	char *rest;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &rest, 10);
	*end = rest;
	return !errno;
}

static bool parse_u32(const char *text, uint32_t *value)
{
	const char *end;
	uint64_t number;

	if (!parse_number(text, &number, &end) || *end || number > UINT32_MAX)
		return false;
	*value = number;
	return true;
}

static bool parse_size(const char *text, uint32_t *value)
{
	static const char suffixes[] = "KMG";
	const char *end, *suffix;
	uint64_t number;
	int shift = 0;

	if (!parse_number(text, &number, &end))
		return false;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return false;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (number > UINT32_MAX >> shift)
		return false;
	*value = number << shift;
	return true;
}

static bool parse_switch(const char *text, uint32_t *value)
{
	*value = !strcmp(text, "on");
	return *value || !strcmp(text, "off");
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
	unsigned int n = 0;

	do {
		if (n == sizeof(settings->address) || !isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]))
			return false;
		sscanf(text, "%2hhx", &settings->address[n++]);
		text += 2;
	} while (*text++ == ':');
	settings->address_len = n;
	return !text[-1];
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

static void require_name(const char *text)
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
		[VALUE_SIZE] = "a number of bytes below 4G, such as 4096 or 16M",
		[VALUE_SWITCH] = "'on' or 'off'",
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
		good = parse_switch(text, value);
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
		require_name(text);
		settings->name = text;
		good = true;
		break;
	}
	if (!good && keyword->value == VALUE_NUMBER && *text && !text[strspn(text, "0123456789")])
		tool_misused("'%s' is too large: %s", text, hints[keyword->setting]);
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

static const struct keyword *require_keyword(const char *word, unsigned int command)
{
	const struct keyword *keyword = find_keyword(word);

	if (!keyword)
		tool_misused("'%s' is nothing that '%s' knows", word,
			     command == FOR_ADD ? "add" : "set");
	if (!(keyword->commands & command))
		tool_misused(command == FOR_ADD ? "'%s' can be given to 'set' only" :
			     "'%s' can be given to 'add' only, and stays as it is", word);
	return keyword;
}

static void parse_settings(char **words, unsigned int command, struct link_settings *settings)
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

/* A port that was changed, as it is now; nothing, if it has gone already. */
static void print_result(const char *name, int err, struct link *link)
{
	if (err && err != -ENODEV)
		tool_die(TOOL_FAILED, "it was done, but port '%s' cannot be shown: %s", name,
			 explain(-err));
	if (!err)
		command_get_queues(link, 1);
	show_json(link, !err);
}

/* The kernel refused, or it did not but has something to say. */
static void take_answer(const struct asked *asked, int err, const struct link_refusal *refusal)
{
	if (err)
		refused(asked, -err, refusal);
	if (*refusal->message)
		tool_warn("port '%s': %s", asked->name, refusal->message);
}

static int command_add(char **words)
{
	struct link_settings settings;
	const struct asked asked = { .doing = "add", .name = *words, .settings = &settings };
	struct link_refusal refusal;
	struct link link;
	int err;

	if (!*words)
		tool_misused("'add' takes the name of the port to make");
	require_name(*words);
	if (find_keyword(*words))
		tool_misused("'add' takes a name first, and '%s' is a keyword", *words);
	parse_settings(words + 1, FOR_ADD, &settings);
	if (settings.given[LINK_ADDRESS] && settings.value[LINK_LAYER] == 3)
		tool_misused("an L3 port has no link-layer address: leave out 'address' or 'l3'");
	err = link_add(*words, &settings, &refusal);
	take_answer(&asked, err, &refusal);
	if (command_options.json)
		print_result(*words, link_get(*words, &link), &link);
	return 0;
}

static int command_set(char **words)
{
	struct link_settings settings;
	struct link_refusal refusal;
	struct link link;
	const struct asked asked = {
		.doing = "set", .name = *words, .settings = &settings, .link = &link,
	};
	int err;

	if (!*words || !words[1])
		tool_misused("'set' takes the name of a port and what to change");
	parse_settings(words + 1, FOR_SET, &settings);
	command_get_port("set", *words, &link);
	err = link_set(&link, &settings, &refusal);
	take_answer(&asked, err, &refusal);
	if (command_options.json)
		print_result(*words, link_get_by_index(link.ifindex, &link), &link);
	return 0;
}

static int command_delete(char **words)
{
	struct link_refusal refusal;
	struct link link;
	const struct asked asked = { .doing = "delete", .name = *words, .link = &link };
	int err;

	if (!*words || words[1])
		tool_misused("'del' takes the name of one port");
	command_get_port("delete", *words, &link);
	err = link_delete(&link, &refusal);
	take_answer(&asked, err, &refusal);
	if (command_options.json)
		show_json(NULL, 0);
	return 0;
}

/* --- version --------------------------------------------------------- */

/* The loaded module's, or false. */
static bool read_module_version(char *to, size_t size)
{
	FILE *file = fopen("/sys/module/frameio/version", "re");
	bool good;

	if (!file)
		return false;
	good = fgets(to, size, file);
	fclose(file);
	if (good)
		to[strcspn(to, "\n")] = '\0';
	return good;
}

static int command_version(char **words)
{
	char module[64];
	const char *library = frameio_version();
	const bool loaded = read_module_version(module, sizeof(module));
	const bool differ = strcmp(library, PACKAGE_VERSION) ||
			    (loaded && strcmp(module, PACKAGE_VERSION));
	struct json_object *object;

	if (*words)
		tool_misused("'version' takes nothing, not '%s'", *words);
	if (command_options.json) {
		object = json_object_new_object();
		report_text(object, "tool", PACKAGE_VERSION);
		report_text(object, "library", library);
		report_text(object, "module", loaded ? module : NULL);
		report_bool(object, "differ", differ);
		report_print(object, false);
		return 0;
	}
	printf("tool %s\nlibrary %s\nmodule %s\n", PACKAGE_VERSION, library,
	       loaded ? module : "not loaded");
	if (differ)
		puts("they differ: load or install those of one version");
	return 0;
}

/* --- the command line ------------------------------------------------ */

/* The only argument of a command, or none. */
static const char *only_name(const char *command, char **words)
{
	if (*words && words[1])
		tool_misused("'%s' takes at most one port, not '%s'", command, words[1]);
	return *words;
}

static int run_show(char **words)
{
	return command_show(only_name("show", words));
}

static int run_stat(char **words)
{
	return command_stat(only_name("stat", words));
}

static int run_monitor(char **words)
{
	if (*words)
		tool_misused("'monitor' takes nothing, not '%s'", *words);
	return command_monitor();
}

static int run_help(char **words)
{
	(void)words;
	usage();
	return 0;
}

static const struct command {
	const char *name;
	int (*run)(char **words);
} commands[] = {
	{ "add", command_add },
	{ "delete", command_delete },
	{ "help", run_help },
	{ "list", run_show },	/* as ip says */
	{ "monitor", run_monitor },
	{ "set", command_set },
	{ "show", run_show },
	{ "stat", run_stat },
	{ "version", command_version },
};

#define NCOMMANDS	(sizeof(commands) / sizeof(*commands))

static const struct command *find_command(const char *word)
{
	const struct command *found = NULL;
	char names[128] = "";
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < NCOMMANDS; i++) {
		if (!*word || strncmp(commands[i].name, word, strlen(word)))
			continue;
		found = &commands[i];
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s'%s'",
			 n++ ? " or " : "", found->name);
	}
	if (!n)
		tool_misused("'%s' is no command", word);
	if (n > 1)
		tool_misused("'%s' may be %s", word, names);
	return found;
}

/* A command's words, without the "dev" that ip lets stand before a name. */
static char **skip_dev(char **words)
{
	return *words && words[1] && !strcmp(*words, "dev") ? words + 1 : words;
}

/* Everything that follows is done there, in a process of one thread. */
static void enter_netns(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	if (!*netns || snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/",
				netns) >= (int)sizeof(path))
		tool_misused("'%s' is no network namespace: --netns takes a name or a path", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		tool_die(TOOL_FAILED, "cannot enter network namespace '%s': %s", netns,
			 errno == ENOENT ? "there is none; 'ip netns' lists them" :
					   strerror(errno));
	if (setns(fd, CLONE_NEWNET))
		tool_die(TOOL_FAILED, "cannot enter network namespace '%s': %s", netns,
			 errno == EPERM ? "not permitted; it takes root" :
			 errno == EINVAL ? "the file is none; 'ip netns' lists them" :
					   strerror(errno));
	close(fd);
}

/* What the seconds of --watch are made of. */
#define NUMBER	"0123456789."

static double parse_interval(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (text[strspn(text, NUMBER)] || *end || !(seconds >= 0.01 && seconds <= 86400))
		tool_misused("--watch takes 0.01 to 86400 seconds, not '%s'", text);
	return seconds;
}

enum {
	OPTION_PROMETHEUS = 256,
};

/* Options may stand anywhere; returns where the other arguments begin. */
static int parse_options(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'n' },
		{ "prometheus", no_argument, NULL, OPTION_PROMETHEUS },
		{ "version", no_argument, NULL, 'V' },
		{ "watch", optional_argument, NULL, 'w' },
		{ 0 }
	};
	const char *netns = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "hjn:Vw::", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			usage();
			exit(tool_finish(0));
		case 'j':
			command_options.json = true;
			break;
		case 'n':
			netns = optarg;
			break;
		case OPTION_PROMETHEUS:
			command_options.prometheus = true;
			break;
		case 'V':
			tool_print_version();
			exit(tool_finish(0));
		case 'w':
			/* the next word, if it can be a number of seconds */
			if (!optarg && optind < argc &&
			    !argv[optind][strspn(argv[optind], NUMBER)])
				optarg = argv[optind++];
			command_options.interval = optarg ? parse_interval(optarg) : 1;
			break;
		default:
			fprintf(stderr, "Try 'frameio --help'.\n");
			exit(TOOL_MISUSED);
		}
	}
	if (netns)
		enter_netns(netns);
	command_options.netns = netns;
	return optind;
}

static void require_options_of(const struct command *command)
{
	if ((command_options.interval || command_options.prometheus) && command->run != run_stat)
		tool_misused("--watch and --prometheus are options of 'stat', not of '%s'",
			     command->name);
	if (command_options.prometheus && (command_options.interval || command_options.json))
		tool_misused("--prometheus excludes --watch and --json");
}

int main(int argc, char **argv)
{
	const struct command *command;
	int first;

	tool_start("frameio");
	/* so that getopt's messages begin like ours */
	argv[0] = "frameio";
	/* a reader that has gone is seen where its output is written */
	signal(SIGPIPE, SIG_IGN);
	first = parse_options(argc, argv);
	if (first == argc)
		tool_misused("takes a command");
	command = find_command(argv[first]);
	require_options_of(command);
	return tool_finish(command->run(skip_dev(argv + first + 1)));
}
