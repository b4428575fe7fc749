/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Time stamps of an interface: which ones are made, and what its driver is set to.
 *
 * Functions that can fail return a negative errno value.
 */
#ifndef FRAMEIO_HWTSTAMP_H
#define FRAMEIO_HWTSTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HWTSTAMP_NAME_SIZE	24

/* What a driver is set to. */
struct hwtstamp_setting {
	unsigned int rx_filter;		/* HWTSTAMP_FILTER_*: the frames that get one on arrival */
	unsigned int tx_type;		/* HWTSTAMP_TX_* */
};

struct hwtstamp {
	bool software_receive, software_transmit;
	bool hardware_receive, hardware_transmit;
	int phc_index;			/* of the clock /dev/ptp*; below 0: none */
	uint32_t rx_filters, tx_types;	/* bits that say which values the driver takes */
	bool is_told;			/* the next member means something */
	struct hwtstamp_setting setting;
};

/* An interface's, by its name. */
int hwtstamp_get(const char *interface, struct hwtstamp *hwtstamp);

/* Set it; @setting: what is wanted, then what the driver has chosen, which may be more. */
int hwtstamp_set(const char *interface, struct hwtstamp_setting *setting);

/* "ptpv2-l4-event", as ethtool has it; of one that is not known, its number. */
const char *hwtstamp_filter_name(char to[HWTSTAMP_NAME_SIZE], unsigned int rx_filter);
const char *hwtstamp_type_name(char to[HWTSTAMP_NAME_SIZE], unsigned int tx_type);

/* The value of a name; false if there is none of it. */
bool hwtstamp_find_filter(const char *name, unsigned int *rx_filter);
bool hwtstamp_find_type(const char *name, unsigned int *tx_type);

#endif
