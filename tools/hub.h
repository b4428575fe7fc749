/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Ports that are joined: two of them by a pipe, more by a learning switch.
 */
#ifndef FRAMEIO_HUB_H
#define FRAMEIO_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "stations.h"
#include "tool.h"
#include "transfer.h"

#define HUB_PORTS_MAX	256
#define HUB_FOREVER	(-1)

struct hub;

struct hub_settings {
	enum transfer_way way;
	unsigned int batch_size;	/* frames moved per call */
	unsigned int nthreads;
	unsigned int nstations;		/* as stations_new() has it */
	uint64_t lifetime_ms;		/* of a station; 0: every frame is flooded */
	int64_t wait_ms;		/* for a port that is full; HUB_FOREVER */
	bool reserved;			/* pass on what is for bridges themselves */
	bool exit_when_gone;
};

/* What is counted of a port. */
enum hub_counter {
	HUB_IN_FRAMES,
	HUB_IN_BYTES,
	HUB_IN_CALLS,
	HUB_FLOODED,	/* of those in: for all other ports */
	HUB_FILTERED,	/* of those in: for a station behind this port */
	HUB_RESERVED,	/* of those in: for bridges themselves, and dropped */
	HUB_OUT_FRAMES,
	HUB_OUT_BYTES,
	HUB_OUT_CALLS,
	/* What should have gone out, and was dropped because the port ... */
	HUB_REFUSED,	/* does not take such a frame */
	HUB_DOWN,
	HUB_FULL,	/* was full for too long */
	HUB_GONE,
	HUB_NCOUNTERS
};

/* Open the ports, and attach to interfaces that are none; exits with a sentence if that fails. */
struct hub *hub_open(const struct tool_port *ports, unsigned int nports,
		     const struct hub_settings *settings);

/* Begin to move frames, in threads that take no signal which is blocked now. */
void hub_start(struct hub *hub);

/* Can be read once it has ended by itself, which it has told why. */
int hub_ended_fd(const struct hub *hub);

/* Stop moving frames. Returns false if it had ended by itself. */
bool hub_stop(struct hub *hub);

void hub_close(struct hub *hub);

/* May be asked at any time from hub_open() to hub_close(). */
unsigned int hub_nports(const struct hub *hub);
const char *hub_port_name(const struct hub *hub, unsigned int port);
bool hub_port_is_there(const struct hub *hub, unsigned int port);
uint64_t hub_count(const struct hub *hub, unsigned int port, enum hub_counter counter);

/* The stations that it knows; NULL: a pipe has no use for them. */
const struct stations *hub_stations(const struct hub *hub);

/* The clock that stations are heard by. */
uint64_t hub_now_ms(void);

#endif
