/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include "pace.h"

#define NS_PER_SECOND	1e9

void pace_init(struct pace *pace, const struct rate *rate, uint32_t burst, uint32_t overhead,
	       unsigned int thread, unsigned int nthreads)
{
	const double gap = rate->per_second ? NS_PER_SECOND / rate->per_second : 0;

	*pace = (struct pace) { .burst = burst, .overhead = overhead };
	if (rate->bits)
		pace->ns_per_byte = 8 * gap * nthreads;
	else
		pace->ns_per_frame = gap * nthreads;
	/* of bits it is not known yet how long that takes */
	if (!rate->bits)
		pace->due = thread * gap * burst;
}

void pace_begin(struct pace *pace, double now)
{
	const double late = now - pace->due - NS_PER_SECOND;

	if (late > 0) {
		pace->due += late;
		pace->forgiven += late;
	}
	if (pace->earliest < pace->before)
		pace->earliest = pace->before;
	pace->before = now;
}

bool pace_ready(const struct pace *pace, double now)
{
	return pace->in_burst || pace_next(pace) <= now;
}

void pace_charge(struct pace *pace, uint32_t len)
{
	const double gap = pace->ns_per_frame + pace->ns_per_byte * (len + pace->overhead);

	pace->due += gap;
	pace->earliest += gap / 2;
	pace->in_burst++;
	if (pace->in_burst >= pace->burst)
		pace->in_burst = 0;
}

double pace_next(const struct pace *pace)
{
	return pace->due > pace->earliest ? pace->due : pace->earliest;
}
