/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The ways in which frames are sent and received: the same workload over each, to compare.
 *
 * Whatever the way, a frame lies in memory behind a record's header, of which version,
 * hdrlen and len are set. A way that the kernel has more of is a struct io_way in io.c.
 */
#ifndef FRAMEIO_IO_H
#define FRAMEIO_IO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

/* The interface, as it is before the first frame. */
struct io_interface {
	unsigned int index;
	unsigned int mtu;
	unsigned char address[6];
	bool ethernet;		/* frames; otherwise IP packets */
	bool is_virtual;	/* a virtual port of frameio */
	bool up, running;
};

struct io;

/* Called by one thread. Of the calls that move frames, none waits. */
struct io_way {
	const char *name;
	/* Exits with a sentence if it cannot be had. */
	void (*open)(struct io *io);
	void (*close)(struct io *io);
	/* How many of @n frames were accepted, at least 1; or -EAGAIN, -ENOBUFS, others. */
	int (*write)(struct io *io, struct frameio_hdr **records, unsigned int n);
	/*
	 * How many of @n were filled, as io->frame_max allows; likewise. Where one has the
	 * frames in memory of its own, until it is called again, it changes @records.
	 */
	int (*read)(struct io *io, struct frameio_hdr **records, unsigned int n);
};

/* For all threads' alike. */
struct io_config {
	const struct io_way *way;
	struct tool_port port;
	struct io_interface interface;
	bool receive;
	bool filter;		/* receive framegen's own frames only, where it can be had */
	bool promiscuous;
	unsigned int nthreads;
	uint32_t limit;		/* frames that a queue is to hold; 0: as many as it does */
	/* --io udp: where to bind and connect to; family 0: nowhere */
	union io_address {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} local, remote;
	unsigned int headers;	/* --io udp: bytes of a frame that the kernel makes */
};

#define IO_BATCH_MAX	FRAMEIO_NFRAMES_MAX

/* What a thread sends or receives through. */
struct io {
	const struct io_config *config;
	unsigned int thread;
	int fd;			/* to poll */
	uint32_t frame_max;	/* bytes of the longest frame that is read whole */
	bool payload_only;	/* what is read begins with the payload */
	struct frameio_qp *qp;	/* of the ways of frameio */
	void *vectors;		/* what a call is given */
	bool same_call;		/* what was read last came by the call before */
};

/* By its name, or NULL; and all names, with commas between them. */
const struct io_way *io_find(const char *name);
const char *io_names(void);

/* The limit that is in bytes, for so many frames as long as the interface has them. */
uint32_t io_bytes(const struct io_config *config);

/* Find out about the interface; exits with a sentence if there is none. */
void io_look_up(struct io_config *config);

/* Open as many as there are threads; exits with a sentence if that cannot be. */
void io_open_all(struct io *ios, const struct io_config *config);
void io_close_all(struct io *ios, unsigned int n);

/* Bytes of the longest frame that can be written; the first VLAN tag does not count. */
uint32_t io_most(const struct io_config *config);

/* Is the interface up, with or without a carrier; is it gone? Any thread may ask. */
bool io_is_up(const struct io_config *config);
bool io_is_gone(const struct io_config *config);

/* Frames that were accepted and have not left yet; or -ENODEV, the port is gone. */
int io_waiting(const struct io *io);

/* A sentence for why a thread cannot go on. */
const char *io_explain(const struct io_config *config, int error);

#endif
