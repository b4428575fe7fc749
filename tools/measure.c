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

static void add_to_sum(struct histogram *histogram, double value)
{
	const double sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);

	atomic_store_explicit(&histogram->sum, sum + value, memory_order_relaxed);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	if (value > HISTOGRAM_VALUE_MAX)
		value = HISTOGRAM_VALUE_MAX;
	tool_count(&histogram->buckets[bucket_of(value)], 1);
	tool_count(&histogram->count, 1);
	add_to_sum(histogram, value);
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
	add_to_sum(to, from->sum);
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
	add_to_sum(histogram, -before->sum);
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

static uint64_t *seen_word(struct stream_window *window, uint64_t number)
{
	return &window->seen[number % STREAM_WINDOW / 64];
}

static uint64_t seen_bit(uint64_t number)
{
	return UINT64_C(1) << (number % 64);
}

/* Numbers are counted on beyond 32 bits, from one that leaves room for some before it. */
#define NUMBER_BASE	(UINT64_C(1) << 32)

struct stream *stream_new(uint32_t sequence, unsigned int nthreads)
{
	struct stream *stream = calloc(1, sizeof(*stream) + nthreads * sizeof(*stream->windows));

	if (!stream)
		return NULL;
	stream->first = NUMBER_BASE + sequence;
	stream->next = stream->first;
	stream->end = UINT64_MAX;
	stream->nthreads = nthreads;
	return stream;
}

/* Forget what was seen where the numbers up to @number, and that, will be noted. */
static void make_room(struct stream_window *window, uint64_t number)
{
	if (number - window->next >= STREAM_WINDOW) {
		memset(window->seen, 0, sizeof(window->seen));
		return;
	}
	for (; window->next <= number; window->next++)
		*seen_word(window, window->next) &= ~seen_bit(window->next);
}

static bool is_late(const struct stream_window *window, uint64_t number)
{
	return number < window->next && window->next - number > STREAM_WINDOW;
}

/* A flow may move from one thread to another, and a duplicate come to another one. */
static bool is_duplicate(struct stream *stream, uint64_t number)
{
	struct stream_window *window;

	for (window = stream->windows; window < stream->windows + stream->nthreads; window++)
		if (number < window->next && !is_late(window, number) &&
		    *seen_word(window, number) & seen_bit(number))
			return true;
	return false;
}

/* Note a number in the window of the thread that has received it. */
static void note(struct stream *stream, struct stream_window *window, uint64_t number)
{
	if (number >= window->next) {
		make_room(window, number);
		window->next = number + 1;
	} else {
		stream->reordered++;
	}
	*seen_word(window, number) |= seen_bit(number);
}

void stream_add(struct stream *stream, unsigned int thread, uint32_t sequence)
{
	/* the one of these numbers that is closest to the next one */
	const uint64_t number = stream->next + (int32_t)(sequence - (uint32_t)stream->next);
	struct stream_window *window = &stream->windows[thread];

	if (is_late(window, number)) {
		stream->late++;
		return;
	}
	if (number < stream->next && is_duplicate(stream, number)) {
		stream->duplicates++;
		return;
	}
	note(stream, window, number);
	stream->distinct++;
	stream->beyond += number >= stream->end;
	if (number < stream->first)
		stream->first = number;
	if (number >= stream->next)
		stream->next = number + 1;
}

uint64_t stream_lost(const struct stream *stream)
{
	const uint64_t end = stream->end < stream->next ? stream->end : stream->next;
	const uint64_t sent = end > stream->first ? end - stream->first : 0;
	const uint64_t received = stream->distinct - stream->beyond;

	/* a duplicate that was far behind in another thread is taken for one more */
	return sent > received ? sent - received : 0;
}

void measure_init(struct measure *measure, unsigned int nthreads)
{
	memset(measure, 0, sizeof(*measure));
	pthread_mutex_init(&measure->lock, NULL);
	measure->nthreads = nthreads;
}

void measure_free(struct measure *measure)
{
	unsigned int i;

	for (i = 0; i < measure->nstreams; i++)
		free(measure->streams[measure->numbers[i]]);
	pthread_mutex_destroy(&measure->lock);
}

/* The stream of a frame; NULL: it is not followed. */
static struct stream *find_stream(struct measure *measure, const struct probe *probe)
{
	struct stream **stream = &measure->streams[probe->stream];

	if (*stream || measure->nstreams == MEASURE_STREAMS_MAX)
		return *stream;
	*stream = stream_new(probe->sequence, measure->nthreads);
	if (!*stream)
		return NULL;
	if (measure->is_ending)
		(*stream)->end = 0;
	measure->numbers[measure->nstreams++] = probe->stream;
	return *stream;
}

void measure_add(struct measure *measure, unsigned int thread, const struct probe *probes,
		 unsigned int n)
{
	struct stream *stream;
	unsigned int i;

	pthread_mutex_lock(&measure->lock);
	for (i = 0; i < n; i++) {
		stream = find_stream(measure, &probes[i]);
		if (stream)
			stream_add(stream, thread, probes[i].sequence);
		else
			measure->untracked++;
	}
	pthread_mutex_unlock(&measure->lock);
}

void measure_end(struct measure *measure)
{
	struct stream *stream;
	unsigned int i;

	/* one thread has them in order, and misses none before its last */
	if (measure->nthreads == 1)
		return;
	pthread_mutex_lock(&measure->lock);
	for (i = 0; !measure->is_ending && i < measure->nstreams; i++) {
		stream = measure->streams[measure->numbers[i]];
		stream->end = stream->next;
	}
	measure->is_ending = true;
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
