/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hwtstamp.h"

static const char *const filter_names[] = {
	[HWTSTAMP_FILTER_NONE] = "none",
	[HWTSTAMP_FILTER_ALL] = "all",
	[HWTSTAMP_FILTER_SOME] = "some",
	[HWTSTAMP_FILTER_PTP_V1_L4_EVENT] = "ptpv1-l4-event",
	[HWTSTAMP_FILTER_PTP_V1_L4_SYNC] = "ptpv1-l4-sync",
	[HWTSTAMP_FILTER_PTP_V1_L4_DELAY_REQ] = "ptpv1-l4-delay-req",
	[HWTSTAMP_FILTER_PTP_V2_L4_EVENT] = "ptpv2-l4-event",
	[HWTSTAMP_FILTER_PTP_V2_L4_SYNC] = "ptpv2-l4-sync",
	[HWTSTAMP_FILTER_PTP_V2_L4_DELAY_REQ] = "ptpv2-l4-delay-req",
	[HWTSTAMP_FILTER_PTP_V2_L2_EVENT] = "ptpv2-l2-event",
	[HWTSTAMP_FILTER_PTP_V2_L2_SYNC] = "ptpv2-l2-sync",
	[HWTSTAMP_FILTER_PTP_V2_L2_DELAY_REQ] = "ptpv2-l2-delay-req",
	[HWTSTAMP_FILTER_PTP_V2_EVENT] = "ptpv2-event",
	[HWTSTAMP_FILTER_PTP_V2_SYNC] = "ptpv2-sync",
	[HWTSTAMP_FILTER_PTP_V2_DELAY_REQ] = "ptpv2-delay-req",
	[HWTSTAMP_FILTER_NTP_ALL] = "ntp-all",
};

static const char *const type_names[] = {
	[HWTSTAMP_TX_OFF] = "off",
	[HWTSTAMP_TX_ON] = "on",
	[HWTSTAMP_TX_ONESTEP_SYNC] = "onestep-sync",
	[HWTSTAMP_TX_ONESTEP_P2P] = "onestep-p2p",
};

#define NFILTERS	(sizeof(filter_names) / sizeof(*filter_names))
#define NTYPES		(sizeof(type_names) / sizeof(*type_names))

static const char *name_of(char to[HWTSTAMP_NAME_SIZE], const char *const *names, size_t nnames,
			   unsigned int value)
{
	if (value < nnames)
		return names[value];
	snprintf(to, HWTSTAMP_NAME_SIZE, "%u", value);
	return to;
}

const char *hwtstamp_filter_name(char to[HWTSTAMP_NAME_SIZE], unsigned int rx_filter)
{
	return name_of(to, filter_names, NFILTERS, rx_filter);
}

const char *hwtstamp_type_name(char to[HWTSTAMP_NAME_SIZE], unsigned int tx_type)
{
	return name_of(to, type_names, NTYPES, tx_type);
}

static bool find_name(const char *name, const char *const *names, size_t nnames,
		      unsigned int *value)
{
	for (*value = 0; *value < nnames; (*value)++)
		if (!strcmp(names[*value], name))
			return true;
	return false;
}

bool hwtstamp_find_filter(const char *name, unsigned int *rx_filter)
{
	return find_name(name, filter_names, NFILTERS, rx_filter);
}

bool hwtstamp_find_type(const char *name, unsigned int *tx_type)
{
	return find_name(name, type_names, NTYPES, tx_type);
}

/* An ioctl on an interface. */
static int call(unsigned long number, const char *interface, void *argument)
{
	struct ifreq request = { .ifr_data = argument };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	strcpy(request.ifr_name, interface);
	if (ioctl(fd, number, &request))
		err = -errno;
	close(fd);
	return err;
}

int hwtstamp_get(const char *interface, struct hwtstamp *hwtstamp)
{
	struct ethtool_ts_info can = { .cmd = ETHTOOL_GET_TS_INFO };
	struct hwtstamp_config config = { .flags = 0 };
	int err = call(SIOCETHTOOL, interface, &can);

	if (err)
		return err;
	*hwtstamp = (struct hwtstamp) {
		.software_receive = can.so_timestamping & SOF_TIMESTAMPING_RX_SOFTWARE,
		.software_transmit = can.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE,
		.hardware_receive = can.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE,
		.hardware_transmit = can.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE,
		.phc_index = can.phc_index,
		.rx_filters = can.rx_filters,
		.tx_types = can.tx_types,
	};
	/* older drivers can be set only, and others refuse in ways of their own */
	hwtstamp->is_told = !call(SIOCGHWTSTAMP, interface, &config);
	hwtstamp->setting.rx_filter = config.rx_filter;
	hwtstamp->setting.tx_type = config.tx_type;
	return 0;
}

int hwtstamp_set(const char *interface, struct hwtstamp_setting *setting)
{
	struct hwtstamp_config config = {
		.tx_type = setting->tx_type,
		.rx_filter = setting->rx_filter,
	};
	int err = call(SIOCSHWTSTAMP, interface, &config);

	if (!err)
		*setting = (struct hwtstamp_setting) {
			.rx_filter = config.rx_filter,
			.tx_type = config.tx_type,
		};
	return err;
}
