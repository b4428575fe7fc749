/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Creating, opening, deleting and listing ports by ioctl.
 */
#ifndef _FRAMEIO_CONTROL_H
#define _FRAMEIO_CONTROL_H

#include "port.h"

struct frameio_qp *frameio_control_create(void __user *arg, bool nic);
struct frameio_qp *frameio_control_open(void __user *arg);
void frameio_control_creator_gone(struct frameio_port *port);
int frameio_control_delete(void __user *arg);
int frameio_control_list(void __user *arg);
int frameio_control_queue_pair(void __user *arg, size_t user_size);
int frameio_put_struct(void __user *arg, size_t user_size, const void *from, size_t size);
int frameio_control_info(const struct frameio_qp *qp, struct frameio_info *info);

#endif /* _FRAMEIO_CONTROL_H */
