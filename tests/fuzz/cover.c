/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <err.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cover.h"
#include "random.h"

#define COVER_WORDS	(1 << 18)
#define COVER_THREADS	16

static struct {
	int fd;
	uint64_t *area;		/* a count, then so many places */
} threads[COVER_THREADS];
static unsigned int nthreads;
static uint64_t module_start, module_end;

static bool find_module(void)
{
	FILE *file = fopen("/proc/modules", "re");
	unsigned long long size, start;
	char line[1024], name[64];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %llu %*s %*s %*s %llx", name, &size, &start) == 3 &&
		    !strcmp(name, "frameio")) {
			module_start = start;
			module_end = start + size;
		}
	}
	if (file)
		fclose(file);
	return module_start;
}

bool cover_init(unsigned int n)
{
	unsigned int i;

	if (!find_module())
		return false;

	for (i = 0; i < n; i++) {
		const int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

		if (fd < 0)
			return false;
		/* out of the way of what programs open */
		threads[i].fd = fcntl(fd, F_DUPFD_CLOEXEC, 200);
		close(fd);
		if (ioctl(threads[i].fd, KCOV_INIT_TRACE, (unsigned long)COVER_WORDS))
			err(2, "KCOV_INIT_TRACE");
		threads[i].area = mmap(NULL, COVER_WORDS * sizeof(uint64_t),
				       PROT_READ | PROT_WRITE, MAP_SHARED, threads[i].fd, 0);
		if (threads[i].area == MAP_FAILED)
			err(2, "kcov");
	}
	nthreads = n;
	return true;
}

void cover_reset(void)
{
	unsigned int i;

	for (i = 0; i < nthreads; i++)
		threads[i].area[0] = 0;
}

void cover_finish(void)
{
	unsigned int i;
	uint64_t j, n;

	for (i = 0; i < nthreads; i++) {
		uint64_t *area = threads[i].area;

		for (n = 0, j = 1; j <= area[0]; j++)
			if (area[j] >= module_start && area[j] < module_end)
				area[++n] = area[j];
		area[0] = n;
	}
}

void cover_start(unsigned int thread)
{
	if (thread < nthreads)
		ioctl(threads[thread].fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

void cover_stop(unsigned int thread)
{
	if (thread < nthreads)
		ioctl(threads[thread].fd, KCOV_DISABLE, 0);
}

void cover_set_init(struct cover_set *set)
{
	set->size = 1 << 18;
	set->values = calloc(set->size, sizeof(set->values[0]));
	if (!set->values)
		err(2, "coverage");
	set->n = 0;
	set->nplaces = 0;
}

void cover_set_clear(struct cover_set *set)
{
	memset(set->values, 0, set->size * sizeof(set->values[0]));
	set->n = 0;
	set->nplaces = 0;
}

static size_t cover_set_find(const struct cover_set *set, uint64_t value)
{
	size_t i = random_mix(value) & (set->size - 1);

	while (set->values[i] && set->values[i] != value)
		i = (i + 1) & (set->size - 1);
	return i;
}

static bool cover_set_add(struct cover_set *set, uint64_t value)
{
	const size_t i = cover_set_find(set, value);

	if (set->values[i] || set->n > set->size / 2)
		return false;
	set->values[i] = value;
	set->n++;
	return true;
}

void cover_collect(struct cover_set *set, size_t *places, size_t *steps)
{
	unsigned int thread;
	uint64_t i, last;

	*places = 0;
	*steps = 0;
	for (thread = 0; thread < nthreads; thread++) {
		last = 0;
		for (i = 1; i <= threads[thread].area[0]; i++) {
			const uint64_t place = threads[thread].area[i];

			*places += cover_set_add(set, place);
			*steps += cover_set_add(set, random_mix(last) ^ place);
			last = place;
		}
	}
	set->nplaces += *places;
}

size_t cover_new_places(const struct cover_set *set, uint64_t *places, size_t max)
{
	unsigned int thread;
	uint64_t i;
	size_t n = 0, j;

	for (thread = 0; thread < nthreads; thread++) {
		for (i = 1; i <= threads[thread].area[0] && n < max; i++) {
			const uint64_t place = threads[thread].area[i];

			if (set->values[cover_set_find(set, place)])
				continue;
			for (j = 0; j < n && places[j] != place; j++)
				;
			if (j == n)
				places[n++] = place;
		}
	}
	return n;
}

static bool cover_has_place(uint64_t place)
{
	unsigned int thread;
	uint64_t i;

	for (thread = 0; thread < nthreads; thread++)
		for (i = 1; i <= threads[thread].area[0]; i++)
			if (threads[thread].area[i] == place)
				return true;
	return false;
}

bool cover_has_places(const uint64_t *places, size_t n)
{
	while (n--)
		if (!cover_has_place(places[n]))
			return false;
	return true;
}
