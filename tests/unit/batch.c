/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* Batches: what they hold, and what the kernel gets to see of them. */
#include <limits.h>

#include "kernel.h"

#define HDRLEN		sizeof(struct frameio_hdr)
#define FRAME_SIZE	61	/* odd, so that records need to be aligned */

static struct frameio_batch *batch_of(unsigned int nframes)
{
	struct frameio_batch *batch;

	ck_assert_int_eq(frameio_batch_alloc(&batch, nframes, FRAME_SIZE), 0);
	return batch;
}

static struct frameio_qp *qp_open(void)
{
	struct frameio_qp *qp;

	ck_assert_int_eq(frameio_open(&qp, NULL, "fio0", FRAMEIO_QUEUE_ANY), 0);
	return qp;
}

/* A frame whose bytes all depend on @seed. */
static void fill(unsigned char *frame, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		frame[i] = seed * 31 + i * 7 + len;
}

static void append(struct frameio_batch *batch, size_t len, unsigned int seed)
{
	unsigned char frame[FRAME_SIZE];

	fill(frame, len, seed);
	ck_assert_int_eq(frameio_batch_append(batch, frame, len), 0);
}

/* Is the record a writer's, with nothing in its header but what a writer sets? */
static bool is_record(const struct frameio_hdr *hdr, size_t len, unsigned int seed)
{
	const struct frameio_hdr expected = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = HDRLEN,
		.len = len,
	};
	unsigned char frame[FRAME_SIZE];

	fill(frame, len, seed);
	return hdr && !memcmp(hdr, &expected, sizeof(expected)) &&
	       !memcmp(frameio_hdr_frame(hdr), frame, len);
}

static void assert_record(const struct frameio_hdr *hdr, size_t len, unsigned int seed)
{
	ck_assert(is_record(hdr, len, seed));
}

START_TEST(alloc_takes_1_to_32_frames_of_1_byte_and_more)
{
	struct frameio_batch *const untouched = (void *)&kernel;
	struct frameio_batch *batch = untouched;

	ck_assert_int_eq(frameio_batch_alloc(&batch, 0, 64), -EINVAL);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 33, 64), -EINVAL);
	ck_assert_int_eq(frameio_batch_alloc(&batch, UINT_MAX, 64), -EINVAL);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, 0), -EINVAL);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, (size_t)INT_MAX + 1), -EINVAL);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, SIZE_MAX), -EINVAL);
	ck_assert_ptr_eq(batch, untouched);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 1, 1), 0);
	ck_assert_uint_eq(frameio_batch_room(batch), 1);
	frameio_batch_free(batch);
	ck_assert_int_eq(frameio_batch_alloc(&batch, 32, 65535 + 18), 0);
	ck_assert_uint_eq(frameio_batch_room(batch), 32);
	frameio_batch_free(batch);
	frameio_batch_free(NULL);
}
END_TEST

START_TEST(alloc_without_memory_leaks_nothing)
{
	struct frameio_batch *batch = NULL;
	int err, n = 0;

	do {
		kernel.alloc_countdown = ++n;
		kernel_watch_memory();
		err = frameio_batch_alloc(&batch, 4, 64);
		kernel_unwatch_memory();
		if (err) {
			ck_assert_int_eq(err, -ENOMEM);
			ck_assert_int_eq(kernel.nblocks, 0);
		}
	} while (err);
	ck_assert_int_gt(n, 1);
	kernel.alloc_countdown = 0;
	kernel_watch_memory();
	frameio_batch_free(batch);
	kernel_unwatch_memory();
	ck_assert_int_eq(kernel.nblocks, 0);
}
END_TEST

START_TEST(empty_batch_has_nothing)
{
	struct frameio_batch *batch = batch_of(3);
	struct frameio_qp *qp = qp_open();
	unsigned int calls = kernel.nioctls;

	ck_assert_uint_eq(frameio_batch_count(batch), 0);
	ck_assert_uint_eq(frameio_batch_room(batch), 3);
	ck_assert_ptr_null(frameio_batch_hdr(batch, 0));
	ck_assert_ptr_null(frameio_batch_hdr(batch, UINT_MAX));
	frameio_batch_drop(batch, 0);
	frameio_batch_drop(batch, 5);
	frameio_batch_clear(batch);
	ck_assert_int_eq(frameio_batch_write(batch, qp), 0);
	ck_assert_uint_eq(kernel.nioctls, calls);
	ck_assert_uint_eq(frameio_batch_room(batch), 3);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

START_TEST(append_copies_the_frame_behind_a_clean_header)
{
	struct frameio_batch *batch = batch_of(2);

	/* what was there before must not show */
	append(batch, FRAME_SIZE, 9);
	memset(frameio_batch_hdr(batch, 0), 0xff, HDRLEN);
	frameio_batch_clear(batch);
	append(batch, 17, 1);
	append(batch, FRAME_SIZE, 2);
	ck_assert_uint_eq(frameio_batch_count(batch), 2);
	assert_record(frameio_batch_hdr(batch, 0), 17, 1);
	assert_record(frameio_batch_hdr(batch, 1), FRAME_SIZE, 2);
	ck_assert_ptr_null(frameio_batch_hdr(batch, 2));
	frameio_batch_free(batch);
}
END_TEST

START_TEST(append_refuses_what_does_not_fit)
{
	static const unsigned char frame[FRAME_SIZE + 1];
	struct frameio_batch *batch = batch_of(1);

	ck_assert_int_eq(frameio_batch_append(batch, frame, 0), -EINVAL);
	ck_assert_int_eq(frameio_batch_append(batch, frame, FRAME_SIZE + 1), -EMSGSIZE);
	ck_assert_int_eq(frameio_batch_append(batch, frame, SIZE_MAX), -EMSGSIZE);
	ck_assert_uint_eq(frameio_batch_count(batch), 0);
	append(batch, 5, 1);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 5), -ENOBUFS);
	ck_assert_int_eq(frameio_batch_append(batch, frame, 0), -EINVAL);
	ck_assert_uint_eq(frameio_batch_count(batch), 1);
	assert_record(frameio_batch_hdr(batch, 0), 5, 1);
	frameio_batch_free(batch);
}
END_TEST

START_TEST(reserve_gives_memory_for_the_frame)
{
	struct frameio_batch *batch = batch_of(2);
	unsigned char *frame;

	ck_assert_ptr_null(frameio_batch_reserve(batch, 0));
	ck_assert_ptr_null(frameio_batch_reserve(batch, FRAME_SIZE + 1));
	ck_assert_ptr_null(frameio_batch_reserve(batch, SIZE_MAX));
	ck_assert_uint_eq(frameio_batch_count(batch), 0);
	frame = frameio_batch_reserve(batch, 20);
	ck_assert_ptr_nonnull(frame);
	ck_assert_ptr_eq(frame, frameio_hdr_frame(frameio_batch_hdr(batch, 0)));
	fill(frame, 20, 3);
	assert_record(frameio_batch_hdr(batch, 0), 20, 3);
	ck_assert_ptr_nonnull(frameio_batch_reserve(batch, 1));
	ck_assert_ptr_null(frameio_batch_reserve(batch, 1));
	ck_assert_uint_eq(frameio_batch_count(batch), 2);
	frameio_batch_free(batch);
}
END_TEST

START_TEST(records_are_aligned_and_apart)
{
	struct frameio_batch *batch = batch_of(32);
	unsigned int i;

	for (i = 0; i < 32; i++)
		fill(frameio_batch_reserve(batch, FRAME_SIZE), FRAME_SIZE, i);
	for (i = 0; i < 32; i++) {
		const struct frameio_hdr *hdr = frameio_batch_hdr(batch, i);

		ck_assert_uint_eq((uintptr_t)hdr % FRAMEIO_RECORD_ALIGN, 0);
		assert_record(hdr, FRAME_SIZE, i);
	}
	frameio_batch_free(batch);
}
END_TEST

/* --- what is in the batch, after calls in any order ------------------------ */

static struct {
	size_t len;
	unsigned int seed;
} model[FRAMEIO_NFRAMES_MAX];
static unsigned int model_count;

static void model_drop(unsigned int n)
{
	if (n > model_count)
		n = model_count;
	model_count -= n;
	memmove(model, model + n, model_count * sizeof(*model));
}

static unsigned int accept_count;	/* records that FRAMEIO_WRITE accepts */

static int answer_write(unsigned long request, void *argument)
{
	struct frameio *fio = argument;

	if (request != FRAMEIO_WRITE)
		return 0;
	ck_assert_uint_eq(fio->fio_nvecs, model_count);
	if (!accept_count)
		return EAGAIN;
	if (fio->fio_nvecs > accept_count)
		fio->fio_nvecs = accept_count;
	return 0;
}

static void random_step(struct frameio_batch *batch, struct frameio_qp *qp, unsigned int nframes,
			unsigned int seed)
{
	const size_t len = rand() % FRAME_SIZE + 1;
	const unsigned int n = rand() % (nframes + 2);
	int expected;

	switch (rand() % 16) {
	case 0:
		frameio_batch_clear(batch);
		model_count = 0;
		break;
	case 1 ... 3:
		frameio_batch_drop(batch, n);
		model_drop(n);
		break;
	case 4 ... 5:
		accept_count = n;
		expected = n > model_count ? model_count : n;
		if (model_count && !n)
			expected = -EAGAIN;
		ck_assert_int_eq(frameio_batch_write(batch, qp), expected);
		model_drop(n);
		break;
	case 6 ... 9:
		if (model_count == nframes)
			break;
		fill(frameio_batch_reserve(batch, len), len, seed);
		model[model_count].len = len;
		model[model_count++].seed = seed;
		break;
	default:
		if (model_count == nframes)
			break;
		append(batch, len, seed);
		model[model_count].len = len;
		model[model_count++].seed = seed;
	}
}

START_TEST(contents_survive_any_order_of_calls)
{
	const unsigned int nframes = _i;
	struct frameio_batch *batch = batch_of(nframes);
	struct frameio_qp *qp = qp_open();
	unsigned int step, i;
	bool right = true;

	kernel.answer = answer_write;
	srand(nframes);
	/* an assertion for each record would take most of the time */
	for (step = 0; step < 3000 && right; step++) {
		random_step(batch, qp, nframes, step);
		right = frameio_batch_count(batch) == model_count &&
			frameio_batch_room(batch) == nframes - model_count &&
			!frameio_batch_hdr(batch, model_count);
		for (i = 0; i < model_count; i++)
			right = right && is_record(frameio_batch_hdr(batch, i), model[i].len,
						   model[i].seed);
	}
	ck_assert_msg(right, "wrong after step %u", step);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* --- what the kernel sees -------------------------------------------------- */

static unsigned int give_count;		/* records that FRAMEIO_READ gives */

/* Check a whole struct frameio for reading, and put records into it. */
static int answer_read(unsigned long request, void *argument)
{
	struct frameio *fio = argument;
	unsigned int i, j;

	ck_assert_uint_eq(request, FRAMEIO_READ);
	ck_assert_uint_eq(fio->fio_version, 1);
	ck_assert_uint_eq(fio->fio_nvpf, 1);
	ck_assert_uint_eq(fio->fio_nvecs, 8);
	ck_assert_uint_eq(fio->fio_flags, 0);
	for (i = 0; i < fio->fio_nvecs; i++) {
		ck_assert_uint_eq(fio->fio_vecs[i].fv_buflen, HDRLEN + FRAME_SIZE);
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(fio->fio_vecs[i].fv_buf, fio->fio_vecs[j].fv_buf);
	}
	if (!give_count)
		return EAGAIN;
	for (i = 0; i < give_count; i++) {
		unsigned char *record = (void *)(uintptr_t)fio->fio_vecs[i].fv_buf;
		const struct frameio_hdr hdr = {
			.version = FRAMEIO_HDR_VERSION,
			.hdrlen = HDRLEN,
			.flags = FRAMEIO_F_HASH,
			.len = FRAME_SIZE - i,
			.wirelen = FRAME_SIZE - i,
			.hash = i + 1,
			.queue = 3,
		};

		memcpy(record, &hdr, sizeof(hdr));
		fill(record + sizeof(hdr), hdr.len, i);
		fio->fio_vecs[i].fv_actlen = sizeof(hdr) + hdr.len;
	}
	fio->fio_nvecs = give_count;
	return 0;
}

static void assert_as_given(const struct frameio_hdr *hdr, unsigned int i)
{
	unsigned char frame[FRAME_SIZE];

	fill(frame, FRAME_SIZE - i, i);
	ck_assert_uint_eq(hdr->len, FRAME_SIZE - i);
	ck_assert_uint_eq(hdr->hash, i + 1);
	ck_assert_uint_eq(hdr->flags, FRAMEIO_F_HASH);
	ck_assert_uint_eq(hdr->queue, 3);
	ck_assert_mem_eq(frameio_hdr_frame(hdr), frame, FRAME_SIZE - i);
}

START_TEST(read_offers_the_whole_batch)
{
	struct frameio_batch *batch = batch_of(8);
	struct frameio_qp *qp = qp_open();
	unsigned int i;

	kernel.answer = answer_read;
	for (give_count = 1; give_count <= 8; give_count++) {
		ck_assert_int_eq(frameio_batch_read(batch, qp), give_count);
		ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
		ck_assert_uint_eq(frameio_batch_count(batch), give_count);
		ck_assert_uint_eq(frameio_batch_room(batch), 8 - give_count);
		for (i = 0; i < give_count; i++)
			assert_as_given(frameio_batch_hdr(batch, i), i);
		ck_assert_ptr_null(frameio_batch_hdr(batch, give_count));
		/* what was held, and in which place, must not matter to the next */
		frameio_batch_drop(batch, give_count / 2);
	}
	give_count = 0;
	ck_assert_int_eq(frameio_batch_read(batch, qp), -EAGAIN);
	ck_assert_uint_eq(frameio_batch_count(batch), 0);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* What a kernel reports that is not in its right mind, of 8 records read or written. */
static const struct nonsense {
	uint32_t nvecs;
	unsigned int hdrlen;
	uint32_t len;
	int expected;		/* of reading */
} nonsense[] = {
	{ 8, HDRLEN, FRAME_SIZE, 8 },
	{ 8, HDRLEN + 1, FRAME_SIZE - 1, 8 },
	{ 0, HDRLEN, FRAME_SIZE, -EBADMSG },
	{ 9, HDRLEN, FRAME_SIZE, -EBADMSG },
	{ UINT32_MAX, HDRLEN, FRAME_SIZE, -EBADMSG },
	{ 8, HDRLEN - 1, FRAME_SIZE, -EBADMSG },
	{ 8, 0, FRAME_SIZE, -EBADMSG },
	{ 8, HDRLEN + 1, FRAME_SIZE, -EBADMSG },
	{ 8, 255, 0, -EBADMSG },
	{ 8, HDRLEN, FRAME_SIZE + 1, -EBADMSG },
	{ 8, HDRLEN, INT32_MAX, -EBADMSG },
	{ 8, HDRLEN, UINT32_MAX - HDRLEN + 1, -EBADMSG },
	{ 8, HDRLEN, UINT32_MAX, -EBADMSG },
};

static const struct nonsense *reported;

/* Only the last record is wrong. */
static int answer_nonsense(unsigned long request, void *argument)
{
	struct frameio *fio = argument;
	struct frameio_hdr *hdr;

	if (request == FRAMEIO_READ) {
		give_count = 8;
		answer_read(request, argument);
		hdr = (void *)(uintptr_t)fio->fio_vecs[7].fv_buf;
		hdr->hdrlen = reported->hdrlen;
		hdr->len = reported->len;
	}
	fio->fio_nvecs = reported->nvecs;
	return 0;
}

START_TEST(what_a_read_reports_is_checked)
{
	struct frameio_batch *batch = batch_of(8);
	struct frameio_qp *qp = qp_open();

	kernel.answer = answer_nonsense;
	reported = &nonsense[_i];
	ck_assert_int_eq(frameio_batch_read(batch, qp), reported->expected);
	ck_assert_uint_eq(frameio_batch_count(batch), reported->expected < 0 ? 0 : 8);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

START_TEST(what_a_write_reports_is_checked)
{
	static const struct nonsense counts[] = { { .nvecs = 0 }, { .nvecs = 3 },
						  { .nvecs = UINT32_MAX } };
	struct frameio_batch *batch = batch_of(8);
	struct frameio_qp *qp = qp_open();

	append(batch, 17, 1);
	append(batch, 18, 2);
	kernel.answer = answer_nonsense;
	reported = &counts[_i];
	ck_assert_int_eq(frameio_batch_write(batch, qp), -EBADMSG);
	ck_assert_uint_eq(frameio_batch_count(batch), 2);
	assert_record(frameio_batch_hdr(batch, 0), 17, 1);
	assert_record(frameio_batch_hdr(batch, 1), 18, 2);
	/* one of the two, of which no more can be accepted */
	ck_assert_int_eq(frameio_batch_write_some(batch, 2, qp), -EBADMSG);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

/* Check a struct frameio for writing 8 records as answer_read() gave them, from number @first. */
static void assert_write(const struct frameio *fio, unsigned int first)
{
	unsigned int i;

	ck_assert_uint_eq(fio->fio_version, 1);
	ck_assert_uint_eq(fio->fio_nvpf, 1);
	ck_assert_uint_eq(fio->fio_nvecs, 8 - first);
	ck_assert_uint_eq(fio->fio_flags, 0);
	for (i = 0; i < fio->fio_nvecs; i++) {
		ck_assert_uint_eq(fio->fio_vecs[i].fv_buflen, HDRLEN + FRAME_SIZE - first - i);
		assert_as_given((void *)(uintptr_t)fio->fio_vecs[i].fv_buf, first + i);
	}
}

static unsigned int written;

/* Accept 3 of 8, then refuse, then accept 1 and the last 4. */
static int answer_write_in_parts(unsigned long request, void *argument)
{
	struct frameio *fio = argument;
	static unsigned int call;

	if (request == FRAMEIO_READ)
		return answer_read(request, argument);
	ck_assert_uint_eq(request, FRAMEIO_WRITE);
	assert_write(fio, written);
	switch (call++) {
	case 0:
		fio->fio_nvecs = 3;
		break;
	case 1:
		return EINVAL;
	case 2:
		fio->fio_nvecs = 1;
		break;
	}
	written += fio->fio_nvecs;
	return 0;
}

START_TEST(write_hands_on_what_was_read_and_keeps_what_was_not_accepted)
{
	static const int returns[] = { 3, -EINVAL, 1, 4, 0 };
	struct frameio_batch *batch = batch_of(8);
	struct frameio_qp *qp = qp_open();
	unsigned int i, step;

	kernel.answer = answer_write_in_parts;
	give_count = 8;
	ck_assert_int_eq(frameio_batch_read(batch, qp), 8);
	for (step = 0; step < 5; step++) {
		ck_assert_int_eq(frameio_batch_write(batch, qp), returns[step]);
		ck_assert_uint_eq(frameio_batch_count(batch), 8 - written);
		for (i = 0; i < 8 - written; i++)
			assert_as_given(frameio_batch_hdr(batch, i), written + i);
	}
	ck_assert_uint_eq(written, 8);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

static uint32_t chosen;			/* of 8 records, those to be written */
static int refusal;			/* of FRAMEIO_WRITE; 0: it accepts accept_count */

/* Check a struct frameio for writing some of the records that answer_read() gave. */
static int answer_write_of_some(unsigned long request, void *argument)
{
	struct frameio *fio = argument;
	unsigned int i, n = 0;

	if (request == FRAMEIO_READ)
		return answer_read(request, argument);
	ck_assert_uint_eq(request, FRAMEIO_WRITE);
	ck_assert_uint_eq(fio->fio_version, 1);
	ck_assert_uint_eq(fio->fio_nvpf, 1);
	ck_assert_uint_eq(fio->fio_flags, 0);
	for (i = 0; i < 8; i++) {
		if (!(chosen & (1U << i)))
			continue;
		ck_assert_uint_lt(n, fio->fio_nvecs);
		ck_assert_uint_eq(fio->fio_vecs[n].fv_buflen, HDRLEN + FRAME_SIZE - i);
		assert_as_given((void *)(uintptr_t)fio->fio_vecs[n++].fv_buf, i);
	}
	ck_assert_uint_eq(fio->fio_nvecs, n);
	if (!refusal)
		fio->fio_nvecs = accept_count;
	return refusal;
}

START_TEST(some_records_are_written_from_where_they_are)
{
	static const uint32_t sets[] = { 0x01, 0x80, 0xa5, 0xff, UINT32_MAX };
	struct frameio_batch *batch = batch_of(8);
	struct frameio_qp *qp = qp_open();
	unsigned int i, calls;

	kernel.answer = answer_read;
	give_count = 8;
	ck_assert_int_eq(frameio_batch_read(batch, qp), 8);
	kernel.answer = answer_write_of_some;
	for (i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		chosen = sets[i];
		refusal = 0;
		for (accept_count = 1;
		     accept_count <= (unsigned int)__builtin_popcount(chosen & 0xff);
		     accept_count++)
			ck_assert_int_eq(frameio_batch_write_some(batch, chosen, qp),
					 accept_count);
		ck_assert_int_eq(kernel.ioctl_fd, frameio_fd(qp));
		refusal = EINVAL;
		ck_assert_int_eq(frameio_batch_write_some(batch, chosen, qp), -EINVAL);
		refusal = EAGAIN;
		ck_assert_int_eq(frameio_batch_write_some(batch, chosen, qp), -EAGAIN);
	}
	calls = kernel.nioctls;
	ck_assert_int_eq(frameio_batch_write_some(batch, 0, qp), 0);
	ck_assert_int_eq(frameio_batch_write_some(batch, ~0xffU, qp), 0);
	ck_assert_uint_eq(kernel.nioctls, calls);
	/* the batch has them all still, in order */
	ck_assert_uint_eq(frameio_batch_count(batch), 8);
	for (i = 0; i < 8; i++)
		assert_as_given(frameio_batch_hdr(batch, i), i);
	/* what has left it is not written */
	frameio_batch_drop(batch, 7);
	ck_assert_int_eq(frameio_batch_write_some(batch, ~1U, qp), 0);
	frameio_batch_free(batch);
	frameio_close(qp);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("batch");
	TCase *tcase = tcase_create("batch");

	tcase_add_test(tcase, alloc_takes_1_to_32_frames_of_1_byte_and_more);
	tcase_add_test(tcase, alloc_without_memory_leaks_nothing);
	tcase_add_test(tcase, empty_batch_has_nothing);
	tcase_add_test(tcase, append_copies_the_frame_behind_a_clean_header);
	tcase_add_test(tcase, append_refuses_what_does_not_fit);
	tcase_add_test(tcase, reserve_gives_memory_for_the_frame);
	tcase_add_test(tcase, records_are_aligned_and_apart);
	tcase_add_loop_test(tcase, contents_survive_any_order_of_calls, 1, 33);
	tcase_add_test(tcase, read_offers_the_whole_batch);
	tcase_add_loop_test(tcase, what_a_read_reports_is_checked, 0,
			    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_loop_test(tcase, what_a_write_reports_is_checked, 0, 3);
	tcase_add_test(tcase, write_hands_on_what_was_read_and_keeps_what_was_not_accepted);
	tcase_add_test(tcase, some_records_are_written_from_where_they_are);
	suite_add_tcase(suite, tcase);
	return kernel_run(suite);
}
