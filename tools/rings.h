/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* --io ring: what the tools that have it share. */
#ifndef FRAMEIO_RINGS_H
#define FRAMEIO_RINGS_H

#include <stddef.h>

#include <libframeio/libframeio.h>

/* Bytes of a ring that nobody has said otherwise of: a burst of the longest frames. */
#define RINGS_SIZE	(1u << 20)

/* The size of a ring that holds at least so many bytes, as far as one can. */
unsigned int rings_size(size_t bytes);

/*
 * Have a queue pair move its frames through rings of these sizes; 0: no such ring. Returns 0
 * or a negative errno of frameio_ring_setup(), for which there is a sentence.
 */
int rings_set_up(struct frameio_qp *qp, unsigned int read_size, unsigned int write_size);
const char *rings_explain(int err);

#endif
