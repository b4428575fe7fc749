/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frameio - make, change and watch ports: see frameio(8).
 *
 * This file has the command line; link.c talks to the kernel.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "nic.h"
#include "number.h"
#include "settings.h"
#include "tool.h"

struct command_options command_options;

static void usage(void)
{
	puts("usage: frameio [OPTION...] COMMAND\n"
	     "\n"
	     "  add NAME [l2|l3] [queues N] [numqueues N] [owner USER] [group GROUP]\n"
	     "      [readlimit FRAMES] [writelimit FRAMES] [readbytes SIZE] [writebytes SIZE]\n"
	     "      [mtu N] [address LLADDR] [offload] [up]\n"
	     "                                          make a port\n"
	     "  del NAME                                delete a port\n"
	     "  show [NAME]                             what ports are, and who holds them\n"
	     "  set NAME [queues N] [readlimit FRAMES] [writelimit FRAMES] [readbytes SIZE]\n"
	     "      [writebytes SIZE] [persist on|off] [mtu N] [up|down] [carrier on|off]\n"
	     "      [name NEW]                          change a port\n"
	     "  attach NAME [queues N] [steer hash|cpu] [owner USER] [group GROUP]\n"
	     "      [readlimit FRAMES] [writelimit FRAMES] [readbytes SIZE] [writebytes SIZE]\n"
	     "                                          make an Ethernet interface a NIC port\n"
	     "  detach NAME                             let it go again\n"
	     "  tstamp NAME [rx on|off|FILTER] [tx on|off|TYPE]\n"
	     "                                          time stamps of an interface\n"
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

/* --- finding ports --------------------------------------------------- */

const char *command_explain(int error)
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
	case ENOENT:
	case ENXIO:
		return "there is no " CONTROL_NODE " here, which tells of NIC ports";
	case EACCES:
		return "not permitted to open " CONTROL_NODE ", which tells of NIC ports";
	case ENOTTY:
		return "the loaded module is of an older version; 'frameio version' tells which";
	default:
		return strerror(error);
	}
}

/*
 * Whether what came of asking the module means that there are no NIC ports: there is no
 * module. Where it is loaded, its control file is only out of our reach.
 */
static bool means_no_nic_ports(int error)
{
	return !error || (!command_module_is_loaded() &&
			  (error == ENOENT || error == ENXIO || error == ENODEV));
}

int command_complete_port(struct link *link)
{
	int err = link->port == LINK_NO_PORT ? nic_complete(link) : 0;

	if (!means_no_nic_ports(-err))
		return err;
	return link->port == LINK_NO_PORT ? -EOPNOTSUPP : 0;
}

void command_get_port(const char *doing, const char *name, struct link *link)
{
	int err = link_get(name, link);

	if (!err)
		err = command_complete_port(link);
	if (err)
		tool_die(TOOL_FAILED, "cannot %s port '%s': %s", doing, name,
			 command_explain(-err));
}

/* Virtual ports are told without the module's control file, which a container may lack. */
int command_list_ports(struct link **links)
{
	static bool warned;
	int count = link_list(LINK_KIND, links), all;

	if (count < 0)
		tool_die(TOOL_FAILED, "cannot list the ports: %s", command_explain(-count));
	all = nic_list(links, count);
	if (all >= 0)
		return all;
	if (!means_no_nic_ports(-all) && !warned)
		tool_warn("NIC ports are left out: %s", command_explain(-all));
	warned = true;
	return count;
}

void command_get_queues(struct link *links, int count)
{
	int err, i;

	for (i = 0; i < count; i++) {
		err = links[i].port == LINK_NIC_PORT ? nic_get_queues(&links[i]) :
						       link_get_queues(&links[i]);
		if (err && err != -ENODEV)
			tool_die(TOOL_FAILED, "cannot list the queue pairs of the ports: %s",
				 command_explain(-err));
	}
}

bool command_module_is_loaded(void)
{
	return !access("/sys/module/frameio", F_OK);
}

/* To somebody who looks for a port, silence does not tell that, or why, there is none. */
static void warn_of_none(void)
{
	if (!command_module_is_loaded())
		tool_warn("there are no ports; " HINT_LOAD);
	else
		tool_warn("there are no ports in this network namespace; "
			  "'--netns' looks into another");
}

void command_warn_of_no_module(void)
{
	if (!command_module_is_loaded())
		tool_warn("there are no ports yet; " HINT_LOAD);
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
	*links = tool_allocate(1, sizeof(**links));
	command_get_port(doing, name, *links);
	return 1;
}

/* --- add, set and del ------------------------------------------------ */

/* The hint for what was refused, if there can be no doubt what that was. */
static const char *hint_for(const struct link_settings *settings, int refused, int error)
{
	const char *hint = NULL;
	int i;

	if (refused >= 0)
		return settings_hints[refused];
	/* not for what it was, but for want of memory, say */
	if (error != EINVAL && error != ERANGE && error != EADDRNOTAVAIL && error != EOPNOTSUPP)
		return NULL;
	for (i = 0; i < LINK_NSETTINGS; i++) {
		if (!settings->given[i] || !settings_hints[i])
			continue;
		if (hint && strcmp(hint, settings_hints[i]))
			return NULL;
		hint = settings_hints[i];
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

/* A port that was changed, as it is now; nothing, if it has gone already. */
void command_print_result(const char *name, int err, struct link *link)
{
	if (!err)
		err = command_complete_port(link);
	if (err && err != -ENODEV)
		tool_die(TOOL_FAILED, "it was done, but port '%s' cannot be shown: %s", name,
			 command_explain(-err));
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
	settings_require_name(*words);
	if (settings_is_keyword(*words))
		tool_misused("'add' takes a name first, and '%s' is a keyword", *words);
	settings_parse(words + 1, SETTINGS_ADD, &settings);
	if (settings.given[LINK_ADDRESS] && settings.value[LINK_LAYER] == 3)
		tool_misused("an L3 port has no link-layer address: leave out 'address' or 'l3'");
	err = link_add(*words, &settings, &refusal);
	take_answer(&asked, err, &refusal);
	if (command_options.json)
		command_print_result(*words, link_get(*words, &link), &link);
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
	settings_parse(words + 1, SETTINGS_SET, &settings);
	command_get_port("set", *words, &link);
	if (link.port == LINK_NIC_PORT)
		tool_die(TOOL_FAILED, "cannot set port '%s': it is a NIC port, which stays as it "
			 "was attached; 'ip link' and 'ethtool' change the interface", *words);
	err = link_set(&link, &settings, &refusal);
	take_answer(&asked, err, &refusal);
	if (command_options.json)
		command_print_result(*words, link_get_by_index(link.ifindex, &link), &link);
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
	if (link.port == LINK_NIC_PORT)
		tool_die(TOOL_FAILED, "cannot delete port '%s': it is a NIC port, whose interface "
			 "stays; 'frameio detach' lets it go", *words);
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

/* Whether the module does what this library asks of it; 0: nobody knows. */
enum { FITS = 1, FITS_NOT = -1 };

static int ask_whether_it_fits(void)
{
	struct frameio_info *ports;
	const int n = frameio_list(NULL, &ports);

	free(ports);
	/* one that speaks another ABI has other numbers: VERSIONS of frameio(4) */
	if (n == -ENOTTY || n == -EINVAL)
		return FITS_NOT;
	return n >= 0 ? FITS : 0;
}

static void print_fit(int fits, const char *module, const char *library)
{
	if (fits == FITS_NOT)
		puts("they do not fit: the module does not know the library's calls");
	else if (fits == FITS && strverscmp(module, library) < 0)
		puts("they fit, but the module refuses what is newer than itself");
	else if (fits == FITS)
		puts("they fit");
}

static int command_version(char **words)
{
	char module[64];
	const char *library = frameio_version();
	const bool loaded = read_module_version(module, sizeof(module));
	const bool differ = strcmp(library, PACKAGE_VERSION) ||
			    (loaded && strcmp(module, PACKAGE_VERSION));
	struct json_object *object;
	int fits;

	if (*words)
		tool_misused("'version' takes nothing, not '%s'", *words);
	fits = loaded ? ask_whether_it_fits() : 0;
	if (command_options.json) {
		object = json_object_new_object();
		object_add_text(object, "tool", PACKAGE_VERSION);
		object_add_text(object, "library", library);
		object_add_text(object, "module", loaded ? module : NULL);
		object_add_bool(object, "differ", differ);
		if (fits)
			object_add_bool(object, "fit", fits == FITS);
		else
			object_add_text(object, "fit", NULL);
		object_print(stdout, object, false);
		return 0;
	}
	printf("tool %s\nlibrary %s\nmodule %s\n", PACKAGE_VERSION, library,
	       loaded ? module : "not loaded");
	if (!loaded)
		puts(HINT_LOAD);
	if (differ)
		puts("they differ: load or install those of one version");
	if (differ || fits == FITS_NOT)
		print_fit(fits, module, library);
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
	{ "attach", command_attach },
	{ "delete", command_delete },
	{ "detach", command_detach },
	{ "help", run_help },
	{ "list", run_show },	/* as ip says */
	{ "monitor", run_monitor },
	{ "set", command_set },
	{ "show", run_show },
	{ "stat", run_stat },
	{ "tstamp", command_tstamp },
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
	const int fd = tool_open_netns(netns);

	if (!*netns || (fd < 0 && errno == ENAMETOOLONG))
		tool_misused("'%s' is no network namespace: --netns takes a name or a path", netns);
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
		case 'j':
			command_options.json = true;
			break;
		case 'n':
			netns = optarg;
			break;
		case OPTION_PROMETHEUS:
			command_options.prometheus = true;
			break;
		case 'w':
			/* the next word, if it can be a number of seconds */
			if (!optarg && optind < argc &&
			    !argv[optind][strspn(argv[optind], "0123456789.")])
				optarg = argv[optind++];
			command_options.interval = optarg ?
				number_option_seconds("--watch", optarg, 86400) : 1;
			break;
		default:
			tool_take_option(option, usage);
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

	tool_start("frameio", argv);
	first = parse_options(argc, argv);
	if (first == argc)
		tool_misused("takes a command");
	command = find_command(argv[first]);
	require_options_of(command);
	return tool_finish(command->run(skip_dev(argv + first + 1)));
}
