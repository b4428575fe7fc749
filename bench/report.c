/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static bool is_reference(const struct result *result)
{
	const struct workload *workload = &workloads[result->workload];

	return !result->skipped && result->npairs == 1 && workload->reference_peer &&
	       !strcmp(result->peer->name, workload->reference_peer) &&
	       !strcmp(result->path->name, workload->reference_path);
}

/* What the others' costs are told in parts of; or 0. */
static double reference_cost(const struct result *results, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (is_reference(&results[i]))
			return results[i].cost;
	return 0;
}

static void describe_path(char *text, size_t size, const struct result *result)
{
	if (result->npairs > 1)
		snprintf(text, size, "%s, %u pairs", result->path->name, result->npairs);
	else if (result->nframes)
		snprintf(text, size, "%s, %u frames", result->path->name, result->nframes);
	else
		snprintf(text, size, "%s", result->path->name);
}

/* How many times as many frames go by several queue pairs as by one; or 0. */
static double gain_of_pairs(const struct result *result, const struct result *results, size_t n)
{
	size_t i;

	for (i = 0; i < n && result->npairs > 1; i++)
		if (results[i].path == result->path && results[i].npairs == 1 &&
		    !results[i].skipped)
			return results[i].cost / result->cost;
	return 0;
}

static int decimals(const struct settings *settings, const struct result *result)
{
	return settings->counts_instructions && !workloads[result->workload].unit ? 0 : 1;
}

/* What belongs to some workloads only. */
static void print_remarks(const struct settings *settings, const struct result *result, double gain)
{
	if (result->p99 > 0)
		printf("   p99 %.0f", result->p99);
	if (result->lost > 0)
		printf(", %.1f%% lost", result->lost);
	if (result->segment && !settings->counts_instructions)
		printf("   %.0f MB/s", 1000 * result->segment / result->cost);
	if (gain > 0)
		printf("   %.2f times one pair's frames", gain);
}

static void print_result(const struct settings *settings, const struct result *result,
			 double reference, double gain)
{
	char path[64];

	describe_path(path, sizeof(path), result);
	printf("  %-8s %-26s %5u %12.*f", result->peer->name, path, result->path->batch,
	       decimals(settings, result), result->cost);
	if (reference > 0)
		printf(" %11.0f%%", 100 * result->cost / reference);
	print_remarks(settings, result, gain);
	putchar('\n');
}

void report_skipped(const struct result *results, size_t n)
{
	char path[64];
	size_t i;

	for (i = 0; i < n; i++) {
		if (!results[i].skipped)
			continue;
		describe_path(path, sizeof(path), &results[i]);
		fprintf(stderr, "framebench: %s, %zu bytes: no %s, %s x%u: %s\n",
			workloads[results[i].workload].name, results[i].len,
			results[i].peer->name, path, results[i].path->batch, results[i].skipped);
	}
}

static const char *unit_of(const struct settings *settings, const struct workload *workload)
{
	if (workload->unit)
		return workload->unit;
	return settings->counts_instructions ? "instructions" : "ns";
}

/* That of the virtual ports' interfaces; those of others have none. */
static const char *qdisc_of(const struct result *results, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (*results[i].qdisc)
			return results[i].qdisc;
	return NULL;
}

static void print_head(const struct settings *settings, const struct result *results, size_t n,
		       double reference)
{
	const struct workload *workload = &workloads[results->workload];
	const char *qdisc = qdisc_of(results, n);

	printf("%s; %zu-byte frames", workload->title, results->len);
	if (qdisc)
		printf("; %s", qdisc);
	printf("\n  %-8s %-26s %5s %12s", "peer", "path", "batch", unit_of(settings, workload));
	if (reference > 0)
		printf(" %12s", "of reference");
	putchar('\n');
}

static void print_foot(const struct result *results, size_t n, double reference)
{
	const struct workload *workload = &workloads[results->workload];
	unsigned int segment = 0;
	double source = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (results[i].source > 0)
			source = results[i].source;
		if (results[i].segment)
			segment = results[i].segment;
	}
	if (source > 0)
		printf("  without the source, a packet socket's send: %.0f\n", source);
	if (segment)
		printf("  per segment of %u bytes\n", segment);
	if (reference > 0)
		printf("  reference: %s %s\n", workload->reference_peer, workload->reference_path);
	putchar('\n');
}

static bool all_skipped(const struct result *results, size_t n)
{
	while (n && results[n - 1].skipped)
		n--;
	return !n;
}

void report_table(const struct settings *settings, const struct result *results, size_t n)
{
	const double reference = reference_cost(results, n);
	size_t i;

	if (all_skipped(results, n))
		return;
	print_head(settings, results, n, reference);
	for (i = 0; i < n; i++)
		if (!results[i].skipped)
			print_result(settings, &results[i], reference,
				     gain_of_pairs(&results[i], results, n));
	print_foot(results, n, reference);
	fflush(stdout);
}

static struct json_object *number(double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f", value);
	return json_object_new_double_s(value, text);
}

static struct json_object *describe_result(const struct result *result)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "workload",
			       json_object_new_string(workloads[result->workload].name));
	json_object_object_add(object, "size", json_object_new_uint64(result->len));
	json_object_object_add(object, "peer", json_object_new_string(result->peer->name));
	json_object_object_add(object, "path", json_object_new_string(result->path->name));
	json_object_object_add(object, "batch", json_object_new_int(result->path->batch));
	if (WORKLOAD(result->workload) & WORKLOADS_PAIRS)
		json_object_object_add(object, "pairs", json_object_new_int(result->npairs));
	if (result->nframes)
		json_object_object_add(object, "frames", json_object_new_int(result->nframes));
	if (*result->qdisc)
		json_object_object_add(object, "qdisc", json_object_new_string(result->qdisc));
	if (result->skipped) {
		json_object_object_add(object, "skipped", json_object_new_string(result->skipped));
		return object;
	}
	json_object_object_add(object, "cost", number(result->cost));
	if (result->p99 > 0)
		json_object_object_add(object, "p99", number(result->p99));
	if (WORKLOAD(result->workload) & WORKLOADS_ECHO)
		json_object_object_add(object, "lost", number(result->lost));
	if (result->segment)
		json_object_object_add(object, "segment", json_object_new_int(result->segment));
	json_object_object_add(object, "source", number(result->source));
	json_object_object_add(object, "reference", json_object_new_boolean(is_reference(result)));
	return object;
}

void report_json(FILE *stream, const struct settings *settings, const struct results *results)
{
	struct json_object *object = json_object_new_object(), *list = json_object_new_array();
	struct utsname name;
	size_t i;

	uname(&name);
	json_object_object_add(object, "kernel", json_object_new_string(name.release));
	json_object_object_add(object, "unit", json_object_new_string(
		settings->counts_instructions ? "instructions" : "ns"));
	json_object_object_add(object, "rounds", json_object_new_int(settings->nrounds));
	for (i = 0; i < results->n; i++)
		json_object_array_add(list, describe_result(&results->all[i]));
	json_object_object_add(object, "results", list);
	fprintf(stream, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
	json_object_put(object);
}
