/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* frameio tstamp: which time stamps an interface makes, and to set its driver to make them. */
#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "hwtstamp.h"
#include "nic.h"
#include "tool.h"

/* What is asked for; NULL: it stays as it is. */
struct wanted {
	const char *rx, *tx;
	struct hwtstamp_setting setting;
};

/* --- the command line ------------------------------------------------ */

static void parse_rx(struct wanted *wanted)
{
	if (!strcmp(wanted->rx, "on"))
		wanted->setting.rx_filter = HWTSTAMP_FILTER_ALL;
	else if (!strcmp(wanted->rx, "off"))
		wanted->setting.rx_filter = HWTSTAMP_FILTER_NONE;
	else if (!hwtstamp_find_filter(wanted->rx, &wanted->setting.rx_filter))
		tool_misused("'rx' takes 'on', 'off' or a filter such as 'ptpv2-event', not '%s'",
			     wanted->rx);
}

static void parse_tx(struct wanted *wanted)
{
	if (!hwtstamp_find_type(wanted->tx, &wanted->setting.tx_type))
		tool_misused("'tx' takes 'on', 'off' or a type such as 'onestep-sync', not '%s'",
			     wanted->tx);
}

static void parse_words(char **words, struct wanted *wanted)
{
	const char **value;

	*wanted = (struct wanted) { .rx = NULL };
	for (; *words; words += 2) {
		if (strcmp(*words, "rx") && strcmp(*words, "tx"))
			tool_misused("'%s' is nothing that 'tstamp' knows", *words);
		value = **words == 'r' ? &wanted->rx : &wanted->tx;
		if (*value)
			tool_misused("'%s' is given twice", *words);
		if (!words[1])
			tool_misused("'%s' takes 'on', 'off' or more, as frameio(8) tells", *words);
		*value = words[1];
	}
	if (wanted->rx)
		parse_rx(wanted);
	if (wanted->tx)
		parse_tx(wanted);
}

/* --- showing --------------------------------------------------------- */

static const char *which(bool receive, bool transmit)
{
	if (receive)
		return transmit ? "receive transmit" : "receive";
	return transmit ? "transmit" : "-";
}

typedef const char *name_function(char to[HWTSTAMP_NAME_SIZE], unsigned int value);

#define COLUMNS	80

/* "    rx can be none all": names, on as many lines as they need. */
static void print_names(const char *label, uint32_t values, name_function *name)
{
	int column = printf("    %s can be", label);
	char text[HWTSTAMP_NAME_SIZE];
	unsigned int i;

	for (i = 0; i < 32; i++) {
		if (!(values & (uint32_t)1 << i))
			continue;
		if (column + 1 + strlen(name(text, i)) > COLUMNS)
			column = printf("\n       ") - 1;
		column += printf(" %s", name(text, i));
	}
	puts(values ? "" : " nothing that the driver tells");
}

static void print_setting(const struct hwtstamp *hwtstamp)
{
	char rx[HWTSTAMP_NAME_SIZE], tx[HWTSTAMP_NAME_SIZE];

	if (hwtstamp->is_told)
		printf("    rx %s, tx %s\n", hwtstamp_filter_name(rx, hwtstamp->setting.rx_filter),
		       hwtstamp_type_name(tx, hwtstamp->setting.tx_type));
	else
		puts("    rx and tx are not told by the driver");
	print_names("rx", hwtstamp->rx_filters, hwtstamp_filter_name);
	print_names("tx", hwtstamp->tx_types, hwtstamp_type_name);
}

static bool can_be_set(const struct hwtstamp *hwtstamp)
{
	return hwtstamp->is_told || hwtstamp->hardware_receive || hwtstamp->hardware_transmit;
}

static void print_text(const struct link *link, const struct hwtstamp *hwtstamp)
{
	char name[IF_NAMESIZE], driver[SHOW_DRIVER_SIZE], clean[SHOW_DRIVER_SIZE];

	printf("%s: driver %s", tool_clean(name, sizeof(name), link->name),
	       show_driver(link, driver) ? tool_clean(clean, sizeof(clean), driver) : "-");
	if (hwtstamp->phc_index >= 0)
		printf(", clock /dev/ptp%d", hwtstamp->phc_index);
	printf("\n    software %s, hardware %s\n",
	       which(hwtstamp->software_receive, hwtstamp->software_transmit),
	       which(hwtstamp->hardware_receive, hwtstamp->hardware_transmit));
	if (can_be_set(hwtstamp))
		print_setting(hwtstamp);
	else
		puts("    rx and tx cannot be set");
}

static struct json_object *where_json(bool receive, bool transmit)
{
	struct json_object *object = json_object_new_object();

	object_add_bool(object, "receive", receive);
	object_add_bool(object, "transmit", transmit);
	return object;
}

static struct json_object *names_json(uint32_t values, name_function *name)
{
	struct json_object *array = json_object_new_array();
	char text[HWTSTAMP_NAME_SIZE];
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (values & (uint32_t)1 << i)
			json_object_array_add(array, json_object_new_string(name(text, i)));
	return array;
}

static void print_json(const struct link *link, const struct hwtstamp *hwtstamp)
{
	struct json_object *object = json_object_new_object();
	char text[HWTSTAMP_NAME_SIZE], driver[SHOW_DRIVER_SIZE];
	const struct hwtstamp_setting *setting = &hwtstamp->setting;

	object_add_text(object, "name", link->name);
	object_add_number(object, "ifindex", link->ifindex);
	object_add_text(object, "driver", show_driver(link, driver) ? driver : NULL);
	object_add(object, "software",
		   where_json(hwtstamp->software_receive, hwtstamp->software_transmit));
	object_add(object, "hardware",
		   where_json(hwtstamp->hardware_receive, hwtstamp->hardware_transmit));
	object_add(object, "phc_index", hwtstamp->phc_index < 0 ? NULL :
		   json_object_new_int(hwtstamp->phc_index));
	object_add(object, "rx_filters", names_json(hwtstamp->rx_filters, hwtstamp_filter_name));
	object_add(object, "tx_types", names_json(hwtstamp->tx_types, hwtstamp_type_name));
	object_add_text(object, "rx_filter", hwtstamp->is_told ?
			hwtstamp_filter_name(text, setting->rx_filter) : NULL);
	object_add_text(object, "tx_type", hwtstamp->is_told ?
			hwtstamp_type_name(text, setting->tx_type) : NULL);
	object_print(stdout, object, false);
}

/* --- setting --------------------------------------------------------- */

static void __attribute__((noreturn)) cannot(const char *doing, const char *name, int error)
{
	const char *why = command_explain(error);

	switch (error) {
	case ENODEV:
		why = "there is no such interface; 'ip link' lists them";
		break;
	case EPERM:
		why = "not permitted; it takes root, or CAP_NET_ADMIN in this network namespace";
		break;
	case EOPNOTSUPP:
		why = "its driver makes none in hardware; those of the kernel need no setting";
		break;
	case EINVAL:
	case ERANGE:
		why = "its driver cannot do that; 'frameio tstamp' without 'rx' and 'tx' tells "
		      "what it can";
		break;
	}
	tool_die(TOOL_FAILED, "cannot %s the time stamps of interface '%s': %s", doing, name, why);
}

static void warn_of_choice(const struct link *link, const char *keyword, const char *wanted,
			   const char *chosen)
{
	char name[IF_NAMESIZE];

	if (strcmp(wanted, chosen))
		tool_warn("interface '%s': '%s %s' was asked for, and the driver chose '%s'",
			  tool_clean(name, sizeof(name), link->name), keyword, wanted, chosen);
}

/* One call sets both, so that what is not asked for has to be known. */
static void set(const struct link *link, const struct wanted *wanted, struct hwtstamp *hwtstamp)
{
	struct hwtstamp_setting setting = hwtstamp->setting;
	char first[HWTSTAMP_NAME_SIZE], second[HWTSTAMP_NAME_SIZE];
	int err;

	if (!can_be_set(hwtstamp))
		cannot("set", link->name, EOPNOTSUPP);
	if (!hwtstamp->is_told && !(wanted->rx && wanted->tx))
		tool_die(TOOL_FAILED, "cannot set the time stamps of interface '%s': its driver "
			 "does not tell what is set now; give both 'rx' and 'tx'", link->name);
	if (wanted->rx)
		setting.rx_filter = wanted->setting.rx_filter;
	if (wanted->tx)
		setting.tx_type = wanted->setting.tx_type;
	hwtstamp->setting = setting;
	err = hwtstamp_set(link->name, &hwtstamp->setting);
	if (err)
		cannot("set", link->name, -err);
	hwtstamp->is_told = true;
	warn_of_choice(link, "rx", hwtstamp_filter_name(first, setting.rx_filter),
		       hwtstamp_filter_name(second, hwtstamp->setting.rx_filter));
	warn_of_choice(link, "tx", hwtstamp_type_name(first, setting.tx_type),
		       hwtstamp_type_name(second, hwtstamp->setting.tx_type));
}

int command_tstamp(char **words)
{
	struct hwtstamp hwtstamp;
	struct wanted wanted;
	struct link link;
	int err;

	if (!*words || !**words)
		tool_misused("'tstamp' takes the name of an interface");
	parse_words(words + 1, &wanted);
	err = link_get(*words, &link);
	if (!err)
		err = hwtstamp_get(link.name, &hwtstamp);
	/* the name may be another's by now */
	if (!err && !nic_has_name(&link))
		err = -ENODEV;
	if (err)
		cannot("show", *words, -err);
	if (wanted.rx || wanted.tx)
		set(&link, &wanted, &hwtstamp);
	if (command_options.json)
		print_json(&link, &hwtstamp);
	else if (!wanted.rx && !wanted.tx)
		print_text(&link, &hwtstamp);
	return 0;
}
