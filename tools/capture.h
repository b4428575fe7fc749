/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Reading frames from ports, with a thread for each queue pair.
 *
 * A thread fills batches, which the main thread takes in the order in which they were
 * filled, and gives back. So a queue pair's frames stay in order; those of several may
 * be out of order by as long as a batch takes. While all of a thread's batches wait for
 * a slow file, nothing is read; the read queue fills, and the kernel drops frames of a
 * NIC port, which it counts, and stops the senders of a virtual port.
 *
 * Each tap of a NIC port is offered every frame. Several of them share the frames out
 * by what they filter: see filter.h.
 */
#ifndef FRAMEIO_CAPTURE_H
#define FRAMEIO_CAPTURE_H

#include <pthread.h>
#include <stdbool.h>

#include "filter.h"
#include "savefile.h"
#include "tool.h"
#include "transfer.h"

struct capture_reader;

/* Frames that were read, and wanted. The main thread's from _next() to _release(). */
struct capture_batch {
	struct capture_batch *next;
	struct capture_reader *reader;
	struct transfer *transfer;
	struct savefile_frame *frames;
	unsigned int count;
};

/* A port, for as long as it is captured. */
struct capture_port {
	struct tool_port name;
	struct savefile_interface *interface;
	bool nic, l3, by_cpu;
	bool filtered;			/* @filter is set, and asked in user space */
	struct filter filter;
	struct capture_reader *readers;
	unsigned int nreaders;
	uint64_t dropped_full, dropped_nomem;
};

/* How to capture. */
struct capture_config {
	enum transfer_way way;
	const char *expression;		/* NULL: all frames */
	uint32_t snaplen;
	unsigned int nthreads;		/* of each port; 0: one, or all that are free */
	uint32_t read_bytes;		/* memory of each read queue; 0: as it is */
	bool take;			/* NIC ports: from the stack, instead of copying */
	bool promiscuous;
};

enum capture_state {
	CAPTURE_RUNNING,
	CAPTURE_DRAINING,	/* what waits in the read queues is still wanted */
	CAPTURE_ABANDONED,	/* nothing is */
};

struct capture {
	struct capture_config config;
	struct capture_port *ports;
	unsigned int nports;
	struct savefile_interface *interfaces;	/* of each port */

	pthread_mutex_t lock;		/* protects what follows, and readers' free batches */
	pthread_cond_t freed;		/* a batch, or the state has changed */
	enum capture_state state;
	struct capture_batch *filled, **filled_end;
	unsigned int nrunning;		/* threads */
	bool failed;			/* a port is gone, or cannot be read */

	int filled_fd;			/* an eventfd: there are batches, or a thread has ended */
	int stop_fd;			/* an eventfd: the state has changed */
};

/* Open ports, which are not read yet; exits with a sentence where that fails. */
void capture_open(struct capture *capture, const struct capture_config *config,
		  const char *const *ports, unsigned int nports);

/* Start reading. Signals have been caught, so that no thread gets them. */
void capture_start(struct capture *capture);

/* Can be read when there is a batch, or a thread has ended. */
int capture_fd(const struct capture *capture);

/* The next batch, or NULL. */
struct capture_batch *capture_next(struct capture *capture);
void capture_release(struct capture *capture, struct capture_batch *batch);

/* Stop reading, once there is nothing more that is wanted. */
void capture_stop(struct capture *capture, enum capture_state state);

/* Will there be more batches? */
bool capture_is_running(struct capture *capture);

/* Ask the kernel what arrived and what was dropped, for the ports and their interfaces. */
void capture_count(struct capture *capture);

/* Wait for the threads of a capture that was stopped, and close the ports. */
void capture_close(struct capture *capture);

#endif
