/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Fuzzing of what the library makes of bytes that others wrote: rows of records,
 * and what the kernel reports of reads, writes and ports. No kernel is needed:
 * unit/kernel.c stands in for it, and answers as the input says.
 *
 *	make -C tests fuzz/records		builds it, with clang's libFuzzer
 *						and its address and undefined
 *						behaviour sanitizers
 *	make -C tests fuzz-records		fuzzes for FUZZ_SECONDS (600);
 *						what it finds is in fuzz/found/
 *	tests/fuzz/records FILE			does one input again
 *
 * fuzz/corpus/records holds inputs that together reach all that is known to be
 * reachable; check-unit does each of them again, compiled by the compiler of the
 * rest (fuzz/replay.c). To add to it after a change, let fuzz-records run for
 * some minutes and then
 *
 *	tests/fuzz/records -merge=1 CORPUS tests/fuzz/found/corpus
 *
 * An input's first byte chooses one of five:
 *
 *	row	the rest is a row of records, at any alignment: what a walk finds
 *		lies inside of it, in order, and a walk ends
 *	round	the rest says which records to make a row of: a walk finds these
 *	lie	likewise, and one of them says a length that cannot be: a walk
 *		ends before it
 *	batch	the rest is calls on a batch and the kernel's answers: the batch
 *		always holds what a model says, or what can be read without harm
 *	calls	one frame, a list of ports, names: likewise
 *
 * Whatever the kernel answers must do no harm; where it keeps to the ABI, the
 * results are checked as well. must() is what is checked, beyond what the
 * sanitizers see. Bytes after the input's end are 0.
 */
#include <limits.h>
#include <stdio.h>

#include "../unit/kernel.h"

#define HDRLEN		sizeof(struct frameio_hdr)
#define ROW_MAX		8192
#define FRAME_MAX	512

#define must(condition) do {								\
	if (!(condition)) {								\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);	\
		abort();								\
	}										\
} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the input -------------------------------------------------------------------- */

static const uint8_t *input, *input_end;

static uint8_t take8(void)
{
	return input < input_end ? *input++ : 0;
}

static uint16_t take16(void)
{
	const uint16_t low = take8();

	return low | take8() << 8;
}

static uint32_t take32(void)
{
	const uint32_t low = take16();

	return low | (uint32_t)take16() << 16;
}

static size_t input_left(void)
{
	return input_end - input;
}

/* A frame whose bytes all depend on @seed. */
static void fill(unsigned char *frame, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		frame[i] = seed * 31 + i * 7 + len;
}

static bool is_filled(const unsigned char *frame, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (frame[i] != (unsigned char)(seed * 31 + i * 7 + len))
			return false;
	return true;
}

/* Have the sanitizers see each byte. */
static void look_at(const unsigned char *bytes, size_t len)
{
	static volatile unsigned char sink;

	while (len--)
		sink = *bytes++;
	(void)sink;
}

/* --- rows ------------------------------------------------------------------------- */

/* Walk; how many records there are, what ends it and where the last of them ends. */
static unsigned int walk(const unsigned char *row, size_t size, int *end, size_t *reached)
{
	const struct frameio_hdr *hdr, *const none = (const void *)&input;
	const unsigned char *frame, *last = row;
	struct frameio_records records;
	unsigned int n = 0;
	size_t sum = 0;

	frameio_records_init(&records, row, size);
	while ((*end = frameio_records_next(&records, &hdr)) == 1) {
		must((uintptr_t)hdr % FRAMEIO_RECORD_ALIGN == 0);
		must((const unsigned char *)hdr >= last);
		must((const unsigned char *)hdr - last < FRAMEIO_RECORD_ALIGN);
		must(hdr->version == FRAMEIO_HDR_VERSION && hdr->hdrlen >= HDRLEN);
		frame = frameio_hdr_frame(hdr);
		must(frame <= row + size);
		must(hdr->len <= (size_t)(row + size - frame));
		look_at((const void *)hdr, hdr->hdrlen);
		look_at(frame, hdr->len);
		last = frame + hdr->len;
		sum += hdr->hdrlen + (size_t)hdr->len;
		must(sum <= size);
		must(++n <= size / HDRLEN);
	}
	must(*end == 0 || *end == -EBADMSG);
	must(*end || (size_t)(row + size - last) < FRAMEIO_RECORD_ALIGN);
	*reached = last - row;
	/* and it stays at the end */
	hdr = none;
	must(frameio_records_next(&records, &hdr) == *end && hdr == none);
	return n;
}

/* The records that were found are a row of their own, and no longer all if a byte is missing. */
static void check_prefixes(const unsigned char *row, unsigned int n, size_t reached)
{
	size_t size;
	int end;

	must(walk(row, reached, &end, &size) == n && !end && size == reached);
	if (n)
		must(walk(row, reached - 1, &end, &size) == n - 1 && end == -EBADMSG);
}

/* In memory that ends with the row. */
static void fuzz_row(void)
{
	const size_t shift = take8() % 16 ? 0 : take8() % 8, size = input_left();
	unsigned char *memory = malloc(shift + size + !size);
	unsigned int n;
	size_t reached;
	int end;

	must(memory);
	memcpy(memory + shift, input, size);
	n = walk(memory + shift, size, &end, &reached);
	must(!shift || !n);
	if (!shift)
		check_prefixes(memory, n, reached);
	free(memory);
}

/* A row of records as the input says: their headers, and where they start. */
struct made_row {
	_Alignas(8) unsigned char bytes[ROW_MAX];
	size_t size;
	unsigned int n;
	struct frameio_hdr hdrs[64];
	size_t starts[64];
};

static void make_row(struct made_row *row)
{
	struct frameio_hdr *hdr;
	size_t at = 0;

	row->size = 0;
	for (row->n = 0; row->n < 64 && input_left(); row->n++) {
		hdr = &row->hdrs[row->n];
		*hdr = (struct frameio_hdr) {
			.version = FRAMEIO_HDR_VERSION,
			.hdrlen = HDRLEN + take8() % (256 - HDRLEN),
			.flags = take16(),
			.len = take16() % (FRAME_MAX + 1),
			.hash = row->n,
		};
		if (at + hdr->hdrlen + hdr->len > ROW_MAX)
			break;
		row->starts[row->n] = at;
		memset(row->bytes + at, 0xee, hdr->hdrlen);
		memcpy(row->bytes + at, hdr, HDRLEN);
		fill(row->bytes + at + hdr->hdrlen, hdr->len, row->n);
		row->size = at + hdr->hdrlen + hdr->len;
		at = (row->size + FRAMEIO_RECORD_ALIGN - 1) / FRAMEIO_RECORD_ALIGN *
		     FRAMEIO_RECORD_ALIGN;
	}
}

/* A copy in memory that ends with the row. */
static unsigned char *copy_row(const struct made_row *row)
{
	unsigned char *copy = malloc(row->size + !row->size);

	must(copy);
	memcpy(copy, row->bytes, row->size);
	return copy;
}

static void fuzz_round(void)
{
	static struct made_row made;
	const struct frameio_hdr *hdr;
	struct frameio_records records;
	unsigned char *row;
	unsigned int i;

	make_row(&made);
	row = copy_row(&made);
	frameio_records_init(&records, row, made.size);
	for (i = 0; i < made.n; i++) {
		must(frameio_records_next(&records, &hdr) == 1);
		must(!memcmp(hdr, &made.hdrs[i], HDRLEN));
		must(is_filled(frameio_hdr_frame(hdr), hdr->len, i));
	}
	must(frameio_records_next(&records, &hdr) == 0);
	free(row);
}

/* A length that is more than there is, of those that are easily miscounted. */
static uint32_t lie_about(uint64_t room)
{
	const uint32_t beyond = take8();

	switch (take8() % 4) {
	case 0:
		return UINT32_MAX - beyond;
	case 1:
		return 0x7fffff80 + beyond;
	case 2:
		return room + 1 + beyond;
	default:
		return UINT32_MAX - take32() % 0x7fffffff;
	}
}

static void fuzz_lie(void)
{
	static struct made_row made;
	const unsigned int which = take8();
	const bool is_short = take8() % 4 == 0;
	const uint8_t short_hdrlen = take8() % HDRLEN;
	const uint8_t *const lie = input;
	unsigned char *row;
	unsigned int at;
	size_t reached;
	int end;

	/* what the lie is made of is also the first of the records */
	make_row(&made);
	if (!made.n)
		return;
	at = which % made.n;
	input = lie;
	if (is_short)
		made.hdrs[at].hdrlen = short_hdrlen;
	else
		made.hdrs[at].len = lie_about(made.size - made.starts[at] - made.hdrs[at].hdrlen);
	memcpy(made.bytes + made.starts[at], &made.hdrs[at], HDRLEN);
	row = copy_row(&made);
	must(walk(row, made.size, &end, &reached) == at && end == -EBADMSG);
	free(row);
}

/* --- the kernel ------------------------------------------------------------------- */

/* What the next call is about, for the kernel to check. */
static struct {
	unsigned int nframes;
	size_t frame_size;
	unsigned int count;
	struct { uint32_t len, seed; bool any; } records[FRAMEIO_NFRAMES_MAX];
} model;

static bool honest;	/* the kernel keeps to the ABI */
static uint32_t next_seed;

/* All of the memory that is offered belongs to the program. */
static void put_record(const struct framevec *vec, uint32_t *len, uint32_t seed)
{
	unsigned char *record = (void *)(uintptr_t)vec->fv_buf;
	struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.flags = FRAMEIO_F_HASH,
		.hash = seed,
	};

	memset(record, 0xdd, vec->fv_buflen);
	if (honest) {
		hdr.len = 1 + take16() % (vec->fv_buflen - HDRLEN);
		fill(record + HDRLEN, hdr.len, seed);
	} else {
		hdr.version = take8();
		hdr.hdrlen = take8() % 4 ? HDRLEN + take8() % 4 : take8();
		hdr.len = take8() % 4 ? take16() % (vec->fv_buflen + 1) : take32();
	}
	hdr.wirelen = hdr.len;
	memcpy(record, &hdr, HDRLEN);
	*len = hdr.len;
}

static int kernel_reads(struct frameio *fio)
{
	const unsigned int n = 1 + take8() % model.nframes;
	unsigned int i;

	must(fio->fio_nvecs == model.nframes);
	for (i = 0; i < fio->fio_nvecs; i++) {
		must(fio->fio_vecs[i].fv_buf % FRAMEIO_RECORD_ALIGN == 0);
		must(fio->fio_vecs[i].fv_buflen == HDRLEN + model.frame_size);
	}
	for (i = 0; i < n; i++) {
		model.records[i].seed = next_seed++;
		model.records[i].any = !honest;
		put_record(&fio->fio_vecs[i], &model.records[i].len, model.records[i].seed);
		fio->fio_vecs[i].fv_actlen = HDRLEN + model.records[i].len;
	}
	/* records that the kernel may only say to have stored are what was there before */
	for (; i < model.nframes; i++) {
		model.records[i].len = ((struct frameio_hdr *)(uintptr_t)fio->fio_vecs[i].fv_buf)->len;
		model.records[i].any = true;
	}
	fio->fio_nvecs = honest ? n : take8() % 4 ? n : take32();
	return 0;
}

static int kernel_writes(struct frameio *fio)
{
	const struct frameio_hdr *hdr;
	unsigned int i;

	must(fio->fio_nvecs == model.count);
	for (i = 0; i < fio->fio_nvecs; i++) {
		hdr = (const void *)(uintptr_t)fio->fio_vecs[i].fv_buf;
		must(fio->fio_vecs[i].fv_buflen == (uint64_t)hdr->hdrlen + hdr->len);
		look_at((const void *)hdr, fio->fio_vecs[i].fv_buflen);
	}
	fio->fio_nvecs = honest ? 1 + take8() % model.count : take32();
	return 0;
}

static int kernel_lists(struct frameio_list *list)
{
	const bool absurd = !honest && take8() % 4 == 0;
	const uint32_t there = absurd ? take32() | 0x80000000 : take8();
	uint32_t i;

	for (i = 0; i < there && i < list->fl_count; i++)
		memset((struct frameio_info *)(uintptr_t)list->fl_ports + i, i,
		       sizeof(struct frameio_info));
	list->fl_count = there;
	return 0;
}

/* FRAMEIO_READ and FRAMEIO_WRITE of one frame. */
static int kernel_moves_one(unsigned long request, struct frameio *fio)
{
	struct frameio_hdr *hdr = (void *)(uintptr_t)fio->fio_vecs[0].fv_buf;
	unsigned char *frame = (void *)(uintptr_t)fio->fio_vecs[1].fv_buf;

	must(fio->fio_nvpf == 2 && fio->fio_nvecs == 2);
	must(fio->fio_vecs[0].fv_buflen == HDRLEN);
	must(fio->fio_vecs[1].fv_buflen == model.frame_size);
	if (request == FRAMEIO_WRITE) {
		must(hdr->version == FRAMEIO_HDR_VERSION && hdr->hdrlen == HDRLEN);
		must(hdr->len == model.frame_size && is_filled(frame, hdr->len, 1));
		return 0;
	}
	memset(frame, 0xdd, model.frame_size);
	*hdr = (struct frameio_hdr) { .version = FRAMEIO_HDR_VERSION, .hdrlen = HDRLEN };
	if (honest) {
		hdr->len = 1 + take16() % model.frame_size;
	} else {
		hdr->hdrlen = take8() % 4 ? HDRLEN : take8();
		hdr->len = take8() % 4 ? take16() : take32();
	}
	model.records[0].len = hdr->len;
	if (!honest && take8() % 4 == 0)
		fio->fio_nvecs = take32();
	return 0;
}

static int answer(unsigned long request, void *argument)
{
	struct frameio *fio = argument;

	honest = take8() % 2;
	/* an error, but none that the library itself gives */
	if (take8() % 8 == 7)
		return 1 + take8() % 64;
	switch (request) {
	case FRAMEIO_READ:
	case FRAMEIO_WRITE:
		must(fio->fio_version == FRAMEIO_VERSION && !fio->fio_flags);
		if (fio->fio_nvpf == 1)
			return request == FRAMEIO_READ ? kernel_reads(fio) : kernel_writes(fio);
		return kernel_moves_one(request, fio);
	case FRAMEIO_LIST:
		return kernel_lists(argument);
	default:
		return 0;
	}
}

/* --- batches ---------------------------------------------------------------------- */

/* The batch holds what the model says. */
static void check_batch(const struct frameio_batch *batch)
{
	const struct frameio_hdr *hdr;
	unsigned int i;

	must(frameio_batch_count(batch) == model.count);
	must(frameio_batch_room(batch) == model.nframes - model.count);
	must(!frameio_batch_hdr(batch, model.count));
	for (i = 0; i < model.count; i++) {
		hdr = frameio_batch_hdr(batch, i);
		must(hdr && (uintptr_t)hdr % FRAMEIO_RECORD_ALIGN == 0);
		must(hdr->len == model.records[i].len);
		must((uint64_t)hdr->hdrlen + hdr->len <= HDRLEN + model.frame_size);
		if (model.records[i].any)
			look_at(frameio_hdr_frame(hdr), hdr->len);
		else
			must(is_filled(frameio_hdr_frame(hdr), hdr->len, model.records[i].seed));
	}
}

static void batch_append(struct frameio_batch *batch, bool reserve)
{
	const size_t len = take8() % 8 ? take16() % (model.frame_size + 2) : take32();
	const bool full = model.count == model.nframes;
	unsigned char frame[FRAME_MAX] = { 0 }, *to;
	const uint32_t seed = next_seed++;
	int ret;

	if (len <= model.frame_size)
		fill(frame, len, seed);
	if (reserve) {
		to = frameio_batch_reserve(batch, len);
		must(!to == (full || !len || len > model.frame_size));
		if (to)
			memcpy(to, frame, len);
		ret = to ? 0 : -1;
	} else {
		ret = frameio_batch_append(batch, frame, len);
		must(ret == (!len ? -EINVAL : full ? -ENOBUFS :
			     len > model.frame_size ? -EMSGSIZE : 0));
	}
	if (ret)
		return;
	model.records[model.count].len = len;
	model.records[model.count].seed = seed;
	model.records[model.count++].any = false;
}

static void model_drop(unsigned int n)
{
	if (n > model.count)
		n = model.count;
	model.count -= n;
	memmove(model.records, model.records + n, model.count * sizeof(model.records[0]));
}

static void batch_read(struct frameio_batch *batch, struct frameio_qp *qp)
{
	const int ret = frameio_batch_read(batch, qp);

	must(ret < 0 || (ret >= 1 && (unsigned int)ret <= model.nframes));
	must(ret != -EBADMSG || !honest);
	model.count = ret < 0 ? 0 : ret;
}

static void batch_write(struct frameio_batch *batch, struct frameio_qp *qp)
{
	const unsigned int calls = kernel.nioctls;
	const int ret = frameio_batch_write(batch, qp);

	must(kernel.nioctls - calls == !!model.count);
	must(ret <= (int)model.count && (ret || !model.count));
	if (ret > 0)
		model_drop(ret);
}

static void batch_step(struct frameio_batch *batch, struct frameio_qp *qp)
{
	unsigned int n;

	switch (take8() % 8) {
	case 0:
	case 1:
		batch_append(batch, false);
		break;
	case 2:
		batch_append(batch, true);
		break;
	case 3:
		n = take8() % 4 ? take8() % 40 : take32();
		frameio_batch_drop(batch, n);
		model_drop(n);
		break;
	case 4:
		frameio_batch_clear(batch);
		model.count = 0;
		break;
	case 5:
		batch_write(batch, qp);
		break;
	default:
		batch_read(batch, qp);
		break;
	}
}

static void fuzz_batch(void)
{
	const unsigned int nframes = take8() % (FRAMEIO_NFRAMES_MAX + 2);
	const size_t frame_size = take16() % (FRAME_MAX + 1);
	struct frameio_batch *batch;
	struct frameio_qp *qp;
	int err;

	kernel_watch_memory();
	kernel.alloc_countdown = take8() % 8;
	err = frameio_batch_alloc(&batch, nframes, frame_size);
	must(err == 0 || err == -EINVAL || err == -ENOMEM);
	must((err == -EINVAL) == (!nframes || nframes > FRAMEIO_NFRAMES_MAX || !frame_size));
	if (err) {
		must(!kernel.nblocks);
		return;
	}
	kernel.alloc_countdown = 0;
	must(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY) == 0);
	kernel.answer = answer;
	model.nframes = nframes;
	model.frame_size = frame_size;
	model.count = 0;
	check_batch(batch);
	while (input_left()) {
		batch_step(batch, qp);
		check_batch(batch);
	}
	frameio_batch_free(batch);
	frameio_close(qp);
}

/* --- other calls ------------------------------------------------------------------ */

static void one_frame(struct frameio_qp *qp)
{
	unsigned char *frame;
	struct frameio_hdr hdr;
	ssize_t len;

	model.frame_size = 1 + take16() % FRAME_MAX;
	frame = malloc(model.frame_size);
	must(frame);
	len = frameio_recv(qp, take8() % 2 ? &hdr : NULL, frame, model.frame_size);
	must(len <= (ssize_t)model.frame_size);
	must(len < 0 || (size_t)len == model.records[0].len);
	must(len != -EBADMSG || !honest);
	fill(frame, model.frame_size, 1);
	must(frameio_send(qp, frame, model.frame_size) <= 0);
	free(frame);
}

/* What another kernel than an absurd one lists is at most 255 ports. */
static void list_ports(void)
{
	struct frameio_info *ports;
	const int n = frameio_list(take8() % 4 ? NULL : KERNEL_NETNS, &ports);

	must(n < 256 && !ports == (n <= 0));
	if (n > 0)
		look_at((const void *)ports, n * sizeof(*ports));
	free(ports);
}

/* A name of any bytes and length, that ends where its memory does. */
static void use_name(void)
{
	const size_t len = take8() % 32;
	char *name = malloc(len + 1);
	struct frameio_qp *qp = NULL;
	size_t i;
	int ret;

	must(name);
	for (i = 0; i < len; i++)
		name[i] = take8() ?: 'x';
	name[len] = 0;
	ret = frameio_open(&qp, NULL, name, take32());
	must(len < FRAMEIO_NAMESIZE ? ret <= 0 : ret == -EINVAL);
	must(!qp == !!ret);
	frameio_close(qp);
	ret = frameio_create(&qp, NULL, &(struct frameio_port_config) { .name = name });
	must(len < FRAMEIO_NAMESIZE ? ret <= 0 : ret == -EINVAL);
	if (!ret)
		frameio_close(qp);
	ret = frameio_delete(NULL, name);
	must(len < FRAMEIO_NAMESIZE ? ret <= 0 : ret == -EINVAL);
	free(name);
}

static void fuzz_calls(void)
{
	struct frameio_qp *qp;

	must(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY) == 0);
	kernel_watch_memory();
	kernel.nblocks = 1;
	kernel.answer = answer;
	while (input_left()) {
		switch (take8() % 3) {
		case 0:
			one_frame(qp);
			break;
		case 1:
			list_ports();
			break;
		default:
			use_name();
			break;
		}
	}
	frameio_close(qp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(void) = {
		fuzz_row, fuzz_round, fuzz_lie, fuzz_batch, fuzz_calls
	};

	memset(&kernel, 0, sizeof(kernel));
	input = data;
	input_end = data + size;
	next_seed = 0;
	kinds[take8() % 5]();
	kernel_unwatch_memory();
	/* nothing is left behind */
	must(!kernel.nfiles && !kernel.nblocks);
	return 0;
}
