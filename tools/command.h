/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The commands of frameio(8), and what they share.
 */
#ifndef FRAMEIO_COMMAND_H
#define FRAMEIO_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "object.h"

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

/* Those that take more: what follows them on the command line, up to a NULL. */
int command_attach(char **words);
int command_detach(char **words);
int command_tstamp(char **words);

#define CONTROL_NODE	"/dev/frameio/control"
#define HINT_LOAD	"load the module: 'modprobe frameio'"

/* A sentence for why a port cannot be had. */
const char *command_explain(int error);

/* Fill in what port an interface is; 0, -EOPNOTSUPP where it is none, or another errno. */
int command_complete_port(struct link *link);

/* A port, or the end with a sentence: "cannot DO port 'NAME': there is no such interface". */
void command_get_port(const char *doing, const char *name, struct link *link);

/* All ports, in an array to be freed, or the end. */
int command_list_ports(struct link **links);

bool command_module_is_loaded(void);

/* To somebody who waits for what ports do. */
void command_warn_of_no_module(void);

/* The ports that are asked for: one, or all; where there are none, people are told. */
int command_choose_ports(const char *doing, const char *name, struct link **links);

/* What their queue pairs are doing; nothing, of a port that has gone; or the end. */
void command_get_queues(struct link *links, int count);

/* A port that was changed, as it is now; @err: what came of looking for it; or the end. */
void command_print_result(const char *name, int err, struct link *link);

/* Print ports as "show -j" does. */
void show_json(const struct link *links, int count);

/* "virtual" or "nic". */
const char *show_port_kind(enum link_port port);

/* What chooses the queue pair that a frame of a NIC port is offered to first. */
const char *show_steer(const struct link *link);

/* The driver of an interface; false if it tells none, or the name is another's now. */
#define SHOW_DRIVER_SIZE	32
bool show_driver(const struct link *link, char to[SHOW_DRIVER_SIZE]);

/* "02:00:00:00:00:01"; an address's text has 3 characters for each byte. */
#define ADDRESS_TEXT_SIZE	(3 * LINK_ADDRESS_MAX)
char *show_address(char *to, const struct link *link);

#endif
