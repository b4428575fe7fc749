/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Filter expressions, as pcap-filter(7) has them.
 *
 * An expression means the same wherever it is run: it is asked of the frame as a file
 * has it, with its VLAN tag inside. "vlan 5 and ip" so takes a tagged frame and "ip"
 * does not, as "tcpdump -r" would have it.
 *
 * The kernel runs it for NIC ports. There the tag is beside the frame, so that the
 * program would look at the wrong bytes: the kernel is given a program that runs it for
 * frames without a tag only. A tap copies all others, and user space looks at them
 * again. Who takes frames from the stack cannot give them back, and so takes no others.
 */
#ifndef FRAMEIO_FILTER_H
#define FRAMEIO_FILTER_H

#include <pcap/pcap.h>
#include <stdbool.h>

#include <libframeio/libframeio.h>

#include "savefile.h"

struct filter {
	struct bpf_program program;
};

/* Which of a port's frames are for one of several taps, each of which is offered all. */
struct filter_share {
	unsigned int index, count;
	bool by_cpu;	/* that received it; else by flow */
};

/* Compile an expression; exits with a sentence if it is none. */
void filter_compile(struct filter *filter, const char *expression,
		    enum savefile_linktype linktype);

void filter_free(struct filter *filter);

/* Does the expression ask for VLAN tags? */
bool filter_names_vlan(const char *expression);

/*
 * Have the kernel leave out frames: those that do not match @filter, as far as it can
 * tell (NULL: all match), and those of other shares.
 *
 * Return: 0 or a negative errno; -EINVAL: the kernel does not take a program so long.
 */
int filter_install(const struct filter *filter, const struct filter_share *share, bool tap,
		   struct frameio_qp *qp);

/* Does the frame match, which is there whole? */
bool filter_matches(const struct filter *filter, const struct savefile_frame *frame);

#endif
