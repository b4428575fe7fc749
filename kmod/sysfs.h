/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sysfs tells of a port, beside what it tells of any interface.
 */
#ifndef _FRAMEIO_SYSFS_H
#define _FRAMEIO_SYSFS_H

#include <linux/sysfs.h>

extern const struct attribute_group frameio_sysfs_group;

#endif /* _FRAMEIO_SYSFS_H */
