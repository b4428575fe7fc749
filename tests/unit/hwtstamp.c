/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What frameio(8) asks a driver about time stamps, and what it makes of the answers,
 * against a driver that is made here.
 */
#include <check.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/hwtstamp.h"

/* --- the driver ------------------------------------------------------ */

static struct driver {
	struct ethtool_ts_info can;
	struct hwtstamp_config set;	/* now */
	int info_error, get_error, set_error;
	unsigned int chosen;		/* the filter that it sets instead; 0: what is asked for */
	struct hwtstamp_config asked;
	unsigned int nsets;
} driver;

int __wrap_ioctl(int fd, unsigned long number, ...);

static int answer(unsigned long number, void *argument)
{
	struct hwtstamp_config *config = argument;

	switch (number) {
	case SIOCETHTOOL:
		ck_assert_uint_eq(((struct ethtool_ts_info *)argument)->cmd, ETHTOOL_GET_TS_INFO);
		memcpy(argument, &driver.can, sizeof(driver.can));
		return driver.info_error;
	case SIOCGHWTSTAMP:
		*config = driver.set;
		return driver.get_error;
	case SIOCSHWTSTAMP:
		driver.nsets++;
		driver.asked = *config;
		if (driver.chosen)
			config->rx_filter = driver.chosen;
		driver.set = *config;
		return driver.set_error;
	default:
		ck_abort_msg("an ioctl that was not expected: %#lx", number);
	}
}

int __wrap_ioctl(int fd, unsigned long number, ...)
{
	struct ifreq *request;
	va_list args;

	va_start(args, number);
	request = va_arg(args, struct ifreq *);
	va_end(args);
	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(request->ifr_name, "fifteen-letters");
	errno = answer(number, request->ifr_data);
	return errno ? -1 : 0;
}

/* --- */

START_TEST(what_the_driver_can_is_told)
{
	struct hwtstamp hwtstamp;

	driver.can = (struct ethtool_ts_info) {
		.so_timestamping = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE |
				   SOF_TIMESTAMPING_RAW_HARDWARE,
		.phc_index = 3,
		.rx_filters = 1U << HWTSTAMP_FILTER_NONE | 1U << 31,
		.tx_types = 1U << HWTSTAMP_TX_ON,
	};
	driver.set.rx_filter = HWTSTAMP_FILTER_PTP_V2_EVENT;
	driver.set.tx_type = HWTSTAMP_TX_ON;
	ck_assert_int_eq(hwtstamp_get("fifteen-letters", &hwtstamp), 0);
	ck_assert(hwtstamp.software_receive && !hwtstamp.software_transmit);
	ck_assert(!hwtstamp.hardware_receive && hwtstamp.hardware_transmit);
	ck_assert_int_eq(hwtstamp.phc_index, 3);
	ck_assert_uint_eq(hwtstamp.rx_filters, 0x80000001);
	ck_assert_uint_eq(hwtstamp.tx_types, 2);
	ck_assert(hwtstamp.is_told);
	ck_assert_uint_eq(hwtstamp.setting.rx_filter, HWTSTAMP_FILTER_PTP_V2_EVENT);
	ck_assert_uint_eq(hwtstamp.setting.tx_type, HWTSTAMP_TX_ON);
	driver.can.so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_HARDWARE;
	driver.can.phc_index = -1;
	ck_assert_int_eq(hwtstamp_get("fifteen-letters", &hwtstamp), 0);
	ck_assert(!hwtstamp.software_receive && hwtstamp.software_transmit);
	ck_assert(hwtstamp.hardware_receive && !hwtstamp.hardware_transmit);
	ck_assert_int_eq(hwtstamp.phc_index, -1);
	ck_assert_uint_eq(driver.nsets, 0);
}
END_TEST

/* Older ones cannot, and each refuses as its author thought right. */
START_TEST(a_driver_may_not_tell_what_is_set)
{
	static const int errors[] = { EOPNOTSUPP, EINVAL, ENODEV, EFAULT };
	struct hwtstamp hwtstamp;

	driver.get_error = errors[_i];
	ck_assert_int_eq(hwtstamp_get("fifteen-letters", &hwtstamp), 0);
	ck_assert(!hwtstamp.is_told);
}
END_TEST

START_TEST(an_interface_that_is_gone_is_an_error)
{
	struct hwtstamp hwtstamp;

	driver.info_error = ENODEV;
	ck_assert_int_eq(hwtstamp_get("fifteen-letters", &hwtstamp), -ENODEV);
}
END_TEST

START_TEST(the_driver_has_the_last_word)
{
	struct hwtstamp_setting setting = {
		.rx_filter = HWTSTAMP_FILTER_PTP_V2_SYNC, .tx_type = HWTSTAMP_TX_ON,
	};

	ck_assert_int_eq(hwtstamp_set("fifteen-letters", &setting), 0);
	ck_assert_int_eq(driver.asked.flags, 0);
	ck_assert_int_eq(driver.asked.rx_filter, HWTSTAMP_FILTER_PTP_V2_SYNC);
	ck_assert_int_eq(driver.asked.tx_type, HWTSTAMP_TX_ON);
	ck_assert_uint_eq(setting.rx_filter, HWTSTAMP_FILTER_PTP_V2_SYNC);
	driver.chosen = HWTSTAMP_FILTER_ALL;
	ck_assert_int_eq(hwtstamp_set("fifteen-letters", &setting), 0);
	ck_assert_uint_eq(setting.rx_filter, HWTSTAMP_FILTER_ALL);
	ck_assert_uint_eq(setting.tx_type, HWTSTAMP_TX_ON);
	/* what it refuses stays what was wanted */
	driver.chosen = HWTSTAMP_FILTER_SOME;
	driver.set_error = ERANGE;
	ck_assert_int_eq(hwtstamp_set("fifteen-letters", &setting), -ERANGE);
	ck_assert_uint_eq(setting.rx_filter, HWTSTAMP_FILTER_ALL);
}
END_TEST

START_TEST(names_are_those_of_values)
{
	char text[HWTSTAMP_NAME_SIZE];
	unsigned int i, value;

	for (i = 0; i <= HWTSTAMP_FILTER_NTP_ALL; i++) {
		ck_assert(hwtstamp_find_filter(hwtstamp_filter_name(text, i), &value));
		ck_assert_uint_eq(value, i);
	}
	for (i = 0; i <= HWTSTAMP_TX_ONESTEP_P2P; i++) {
		ck_assert(hwtstamp_find_type(hwtstamp_type_name(text, i), &value));
		ck_assert_uint_eq(value, i);
	}
	ck_assert(hwtstamp_find_filter("ptpv2-l4-event", &value));
	ck_assert_uint_eq(value, HWTSTAMP_FILTER_PTP_V2_L4_EVENT);
	ck_assert(hwtstamp_find_filter("all", &value));
	ck_assert_uint_eq(value, HWTSTAMP_FILTER_ALL);
	ck_assert(hwtstamp_find_type("on", &value));
	ck_assert_uint_eq(value, HWTSTAMP_TX_ON);
	/* of tomorrow */
	ck_assert_str_eq(hwtstamp_filter_name(text, 31), "31");
	ck_assert_str_eq(hwtstamp_type_name(text, UINT32_MAX), "4294967295");
	ck_assert(!hwtstamp_find_filter("31", &value));
	ck_assert(!hwtstamp_find_filter("", &value));
	ck_assert(!hwtstamp_find_type("none", &value));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hwtstamp");
	TCase *tcase = tcase_create("hwtstamp");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, what_the_driver_can_is_told);
	tcase_add_loop_test(tcase, a_driver_may_not_tell_what_is_set, 0, 4);
	tcase_add_test(tcase, an_interface_that_is_gone_is_an_error);
	tcase_add_test(tcase, the_driver_has_the_last_word);
	tcase_add_test(tcase, names_are_those_of_values);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
