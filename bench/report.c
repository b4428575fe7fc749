/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static bool is_reference(const struct result *result)
{
	const struct workload *workload = &workloads[result->workload];

	return !result->skipped && result->npairs == 1 &&
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
	else
		snprintf(text, size, "%s", result->path->name);
}

static void print_result(const struct settings *settings, const struct result *result,
			 double reference)
{
	char path[64];

	describe_path(path, sizeof(path), result);
	printf("  %-8s %-24s %5u %12.*f", result->peer->name, path, result->path->batch,
	       settings->counts_instructions ? 0 : 1, result->cost);
	if (reference > 0)
		printf(" %11.0f%%", 100 * result->cost / reference);
	if (result->p99 > 0)
		printf("   p99 %.0f", result->p99);
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

void report_table(const struct settings *settings, const struct result *results, size_t n)
{
	const char *unit = settings->counts_instructions ? "instructions" : "ns";
	const double reference = reference_cost(results, n);
	const struct workload *workload;
	double source = 0;
	size_t i;

	if (!n)
		return;
	workload = &workloads[results->workload];
	printf("%s; %zu-byte frames\n  %-8s %-24s %5s %12s", workload->title, results->len,
	       "peer", "path", "batch", unit);
	if (reference > 0)
		printf(" %12s", "of reference");
	putchar('\n');
	for (i = 0; i < n; i++) {
		if (!results[i].skipped)
			print_result(settings, &results[i], reference);
		if (results[i].source > 0)
			source = results[i].source;
	}
	if (source > 0)
		printf("  without the source, a packet socket's send: %.0f\n", source);
	if (reference > 0)
		printf("  reference: %s %s\n", workload->reference_peer, workload->reference_path);
	putchar('\n');
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
	if (result->workload == QUEUE_PAIRS)
		json_object_object_add(object, "pairs", json_object_new_int(result->npairs));
	if (result->skipped) {
		json_object_object_add(object, "skipped", json_object_new_string(result->skipped));
		return object;
	}
	json_object_object_add(object, "cost", number(result->cost));
	if (result->p99 > 0)
		json_object_object_add(object, "p99", number(result->p99));
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
