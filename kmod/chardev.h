/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files: what a program holds of frameio.
 */
#ifndef _FRAMEIO_CHARDEV_H
#define _FRAMEIO_CHARDEV_H

#include <linux/fs.h>

extern const struct file_operations frameio_chardev_fops;

#endif /* _FRAMEIO_CHARDEV_H */
