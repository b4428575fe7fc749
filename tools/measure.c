/* SPDX-License-Identifier: MIT OR GPL-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "tool.h"

/* --- latency --------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void histogram_init(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	atomic_init(&histogram->least, UINT64_MAX);
}

/* Values below two times 64 have a bucket each. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value >> HISTOGRAM_PRECISION == 0)
		return value;
	shift = 63 - __builtin_clzll(value) - HISTOGRAM_PRECISION;
	return (shift << HISTOGRAM_PRECISION) + (value >> shift);
}

/* The highest value of a bucket. */
static uint64_t bucket_value(unsigned int bucket)
{
	unsigned int shift = bucket >> HISTOGRAM_PRECISION;

	if (!shift)
		return bucket;
	shift--;
	return ((((uint64_t)bucket - (shift << HISTOGRAM_PRECISION)) + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	if (value > HISTOGRAM_VALUE_MAX)
		value = HISTOGRAM_VALUE_MAX;
	tool_count(&histogram->buckets[bucket_of(value)], 1);
	tool_count(&histogram->count, 1);
	tool_count(&histogram->sum, value);
	if (value < load(&histogram->least))
		atomic_store_explicit(&histogram->least, value, memory_order_relaxed);
	if (value > load(&histogram->most))
		atomic_store_explicit(&histogram->most, value, memory_order_relaxed);
}

/* The count is of the buckets, so that the two agree. */
void histogram_merge(struct histogram *to, const struct histogram *from)
{
	uint64_t n, count = 0;
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n = load(&from->buckets[i]);
		tool_count(&to->buckets[i], n);
		count += n;
	}
	tool_count(&to->count, count);
	tool_count(&to->sum, load(&from->sum));
	if (load(&from->least) < load(&to->least))
		to->least = load(&from->least);
	if (load(&from->most) > load(&to->most))
		to->most = load(&from->most);
}

void histogram_subtract(struct histogram *histogram, const struct histogram *before)
{
	unsigned int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] -= before->buckets[i];
	histogram->count -= before->count;
	histogram->sum -= before->sum;
	histogram->least = 0;
	histogram->most = HISTOGRAM_VALUE_MAX;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	const uint64_t count = load(&histogram->count);
	uint64_t value, found = 0;
	uint64_t wanted;
	unsigned int i;

	if (!count)
		return 0;
	wanted = ceil(count * percent / 100);
	if (!wanted)
		wanted = 1;
	for (i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		found += load(&histogram->buckets[i]);
		if (found >= wanted)
			break;
	}
	value = bucket_value(i);
	return value < load(&histogram->most) ? value : load(&histogram->most);
}

/* --- loss ------------------------------------------------------------ */

static uint64_t *seen_word(struct stream *stream, uint64_t number)
{
	return &stream->seen[number % STREAM_WINDOW / 64];
}

static uint64_t seen_bit(uint64_t number)
{
	return UINT64_C(1) << (number % 64);
}

/* Numbers are counted on beyond 32 bits, from one that leaves room for some before it. */
#define NUMBER_BASE	(UINT64_C(1) << 32)

void stream_init(struct stream *stream, uint32_t sequence)
{
	*stream = (struct stream) {
		.first = NUMBER_BASE + sequence,
		.next = NUMBER_BASE + sequence,
	};
	stream_add(stream, sequence);
}

/* Forget what was seen where the numbers up to @number, and that, will be noted. */
static void make_room(struct stream *stream, uint64_t number)
{
	if (number - stream->next >= STREAM_WINDOW) {
		memset(stream->seen, 0, sizeof(stream->seen));
		return;
	}
	for (; stream->next <= number; stream->next++)
		*seen_word(stream, stream->next) &= ~seen_bit(stream->next);
}

void stream_add(struct stream *stream, uint32_t sequence)
{
	/* the one of these numbers that is closest to the next one */
	const uint64_t number = stream->next + (int32_t)(sequence - (uint32_t)stream->next);

	if (number >= stream->next) {
		make_room(stream, number);
		stream->next = number + 1;
	} else if (stream->next - number > STREAM_WINDOW) {
		stream->late++;
		return;
	} else if (*seen_word(stream, number) & seen_bit(number)) {
		stream->duplicates++;
		return;
	} else {
		stream->reordered++;
		if (number < stream->first)
			stream->first = number;
	}
	*seen_word(stream, number) |= seen_bit(number);
	stream->distinct++;
}

uint64_t stream_lost(const struct stream *stream)
{
	return stream->next - stream->first - stream->distinct;
}

void measure_init(struct measure *measure)
{
	memset(measure, 0, sizeof(*measure));
	pthread_mutex_init(&measure->lock, NULL);
}

void measure_free(struct measure *measure)
{
	unsigned int i;

	for (i = 0; i < measure->nstreams; i++)
		free(measure->streams[measure->numbers[i]]);
	pthread_mutex_destroy(&measure->lock);
}

static void add_probe(struct measure *measure, const struct probe *probe)
{
	struct stream *stream = measure->streams[probe->stream];

	if (stream) {
		stream_add(stream, probe->sequence);
		return;
	}
	if (measure->nstreams < MEASURE_STREAMS_MAX)
		stream = malloc(sizeof(*stream));
	if (!stream) {
		measure->untracked++;
		return;
	}
	stream_init(stream, probe->sequence);
	measure->streams[probe->stream] = stream;
	measure->numbers[measure->nstreams++] = probe->stream;
}

void measure_add(struct measure *measure, const struct probe *probes, unsigned int n)
{
	unsigned int i;

	pthread_mutex_lock(&measure->lock);
	for (i = 0; i < n; i++)
		add_probe(measure, &probes[i]);
	pthread_mutex_unlock(&measure->lock);
}

struct measure_loss measure_loss(struct measure *measure)
{
	struct measure_loss loss = { 0 };
	const struct stream *stream;
	unsigned int i;

	pthread_mutex_lock(&measure->lock);
	for (i = 0; i < measure->nstreams; i++) {
		stream = measure->streams[measure->numbers[i]];
		loss.distinct += stream->distinct;
		loss.lost += stream_lost(stream);
		loss.duplicates += stream->duplicates;
		loss.reordered += stream->reordered;
		loss.late += stream->late;
	}
	loss.nstreams = measure->nstreams;
	loss.untracked = measure->untracked;
	pthread_mutex_unlock(&measure->lock);
	return loss;
}
