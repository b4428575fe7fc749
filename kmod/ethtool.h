/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What "ethtool" shows and sets of a port.
 */
#ifndef _FRAMEIO_ETHTOOL_H
#define _FRAMEIO_ETHTOOL_H

extern const struct ethtool_ops frameio_ethtool_ops;

#endif /* _FRAMEIO_ETHTOOL_H */
