/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#ifndef FRAMEIO_PROMETHEUS_H
#define FRAMEIO_PROMETHEUS_H

#include "counters.h"

/* Print what ports are and counted in the text format of Prometheus; @all: they are all. */
void prometheus_print(const struct link *links, const struct counters *counters, int count,
		      bool all);

#endif
