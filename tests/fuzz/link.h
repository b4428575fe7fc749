/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Links by netlink, sysfs and ethtool. What these return is the kernel's own.
 */
#ifndef FRAMEIO_FUZZ_LINK_H
#define FRAMEIO_FUZZ_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "program.h"

/* @args: those of the call "newlink". */
void link_new(const char *name, const uint64_t *args, int netns);
/* An interface of another kind than ours; of a veth pair the other end, @peer, in @netns. */
void link_foreign(enum foreign kind, const char *name, const char *peer, uint32_t nqueues,
		  int netns);
void link_delete(const char *name);
void link_up(const char *name, int on);
/* To the Ethernet address that frames are made for. */
void link_set_address(const char *name);
void link_set_mtu(const char *name, uint32_t mtu);
void link_rename(const char *name, const char *to);
void link_move(const char *name, int netns);
void link_sysfs(const char *name, unsigned int file, uint64_t value);
void link_ethtool(const char *name, unsigned int command, uint32_t value);

#endif
