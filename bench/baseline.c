/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The baseline: what each of frameio's paths cost when somebody last agreed to it. A line has
 * the workload, the bytes of a frame, the path, its batch, and instructions per frame,
 * with a tab between them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

/* How much dearer a path may be; figures differ by up to 2% from run to run. */
#define TOLERANCE	0.03
#define TRIALS		3

#define KERNEL_LINE	"# Linux "
#define ADVICE		"If that is meant, change the baseline in the same commit: " \
			"make -C bench baseline"

/* A line of the file. */
struct entry {
	char workload[32];
	size_t len;
	char path[64];
	unsigned int batch;
	double cost;
};

static bool belongs(const struct result *result)
{
	return result->peer == &peer_frameio && !result->skipped;
}

static const char *kernel(void)
{
	static struct utsname name;

	uname(&name);
	return name.release;
}

void baseline_print(const struct results *results)
{
	const struct result *result;
	size_t i;

	puts("# SPDX-License-Identifier: MIT OR GPL-2.0\n"
	     "# Instructions per frame of frameio's paths, by \"make -C bench baseline\"; see README");
	printf(KERNEL_LINE "%s\n", kernel());
	for (i = 0; i < results->n; i++) {
		result = &results->all[i];
		if (belongs(result))
			printf("%s\t%zu\t%s\t%u\t%.0f\n", workloads[result->workload].name,
			       result->len, result->path->name, result->path->batch, result->cost);
	}
}

static bool is_of(const struct result *result, const struct entry *entry)
{
	return belongs(result) && result->len == entry->len &&
	       result->path->batch == entry->batch && !strcmp(result->path->name, entry->path) &&
	       !strcmp(workloads[result->workload].name, entry->workload);
}

static double excess(const struct result *result, const struct entry *entry)
{
	return result->cost / entry->cost - 1;
}

/* What is too dear is measured again, in case that no round has met the good case. */
static bool agree(const struct settings *settings, struct result *result,
		  const struct entry *entry)
{
	unsigned int i;
	double more;

	for (i = 0; i < TRIALS && excess(result, entry) > TOLERANCE; i++)
		measure_again(settings, result);
	more = excess(result, entry);
	if (more > TOLERANCE) {
		printf("FAILED: %s, %s x%u, %zu bytes: %.0f instructions per frame, %.1f%% more "
		       "than the baseline's %.0f\n", entry->workload, entry->path, entry->batch,
		       entry->len, result->cost, 100 * more, entry->cost);
		return false;
	}
	if (more < -TOLERANCE)
		printf("note: %s, %s x%u, %zu bytes: %.0f instructions per frame, %.1f%% less than "
		       "the baseline's %.0f\n", entry->workload, entry->path, entry->batch,
		       entry->len, result->cost, -100 * more, entry->cost);
	return true;
}

/* Hold an entry against the results; those that it is of are marked in @seen. */
static bool check_entry(const struct settings *settings, const struct entry *entry,
			struct results *results, bool *seen)
{
	size_t i;

	for (i = 0; i < results->n; i++) {
		if (!is_of(&results->all[i], entry))
			continue;
		seen[i] = true;
		return agree(settings, &results->all[i], entry);
	}
	printf("FAILED: %s, %s x%u, %zu bytes: is in the baseline, and was not measured\n",
	       entry->workload, entry->path, entry->batch, entry->len);
	return false;
}

/* Those that the baseline does not have. Returns how many. */
static unsigned int count_unseen(const struct results *results, const bool *seen)
{
	const struct result *result;
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < results->n; i++) {
		result = &results->all[i];
		if (!belongs(result) || seen[i])
			continue;
		printf("FAILED: %s, %s x%u, %zu bytes: is not in the baseline\n",
		       workloads[result->workload].name, result->path->name, result->path->batch,
		       result->len);
		n++;
	}
	return n;
}

/* A line that is not a remark. */
static void parse(const char *file, const char *line, struct entry *entry)
{
	if (sscanf(line, "%31[^\t]\t%zu\t%63[^\t]\t%u\t%lf", entry->workload, &entry->len,
		   entry->path, &entry->batch, &entry->cost) != 5 || entry->cost <= 0)
		die("%s: this is no line of a baseline: %s", file, line);
}

/* A remark: it may tell the kernel, which is the other thing that may have changed. */
static void note_kernel(const char *line)
{
	const size_t len = strlen(KERNEL_LINE);

	if (!strncmp(line, KERNEL_LINE, len) && strcmp(line + len, kernel()))
		printf("note: the baseline is of Linux %s, and this is %s\n", line + len, kernel());
}

bool baseline_check(const char *file, const struct settings *settings, struct results *results)
{
	unsigned int passed = 0, failed = 0;
	bool *seen = calloc(results->n + 1, sizeof(*seen));
	FILE *stream = fopen(file, "re");
	struct entry entry;
	char line[256];

	if (!seen || !stream)
		die("cannot read the baseline '%s': %s", file, strerror(errno));
	while (fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '#') {
			note_kernel(line);
			continue;
		}
		parse(file, line, &entry);
		if (check_entry(settings, &entry, results, seen))
			passed++;
		else
			failed++;
	}
	fclose(stream);
	failed += count_unseen(results, seen);
	free(seen);
	if (failed)
		puts(ADVICE);
	printf("%u passed, %u failed\n", passed, failed);
	return !failed;
}
