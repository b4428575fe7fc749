/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays for the memory of frames that wait to be read.
 */
#ifndef _FRAMEIO_CHARGE_H
#define _FRAMEIO_CHARGE_H

#include <net/sock.h>

struct sock *frameio_charge_open(void);
void frameio_charge_close(struct sock *account);
bool frameio_charge_add(struct sock *account, u32 bytes);
void frameio_charge_sub(struct sock *account, u32 bytes);
int frameio_charge_init(void);
void frameio_charge_exit(void);

#endif /* _FRAMEIO_CHARGE_H */
