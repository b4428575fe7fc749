/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * NIC ports, which rtnetlink has as interfaces like others: the module itself tells
 * which they are, and what they are besides.
 *
 * Functions that can fail return a negative errno value: -ENOTTY, the module is of an
 * older version; -ENOENT and the like, its control file cannot be opened.
 */
#ifndef FRAMEIO_NIC_H
#define FRAMEIO_NIC_H

#include "link.h"

/* Fill in what port it is, if an interface is a NIC port. */
int nic_complete(struct link *link);

/* Add the NIC ports to an array of so many; returns how many there are then. */
int nic_list(struct link **links, int count);

/* Ask for the queue pairs of a NIC port; -ENODEV, it is none any more. */
int nic_get_queues(struct link *link);

/* What a queue pair of a NIC port has counted; likewise. */
int nic_get_stats(const struct link *link, uint32_t queue, struct frameio_stats *stats);

/* Has the interface still the name by which it was asked for? */
bool nic_has_name(const struct link *link);

#endif
