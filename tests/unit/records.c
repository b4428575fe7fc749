/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The walk over a row of records, whatever its bytes are, and the making of one. */
#include <errno.h>

#include "kernel.h"

#define HDRLEN	sizeof(struct frameio_hdr)

/* A row under construction; exactly as much memory as its size, to be had by row_of(). */
static _Alignas(8) unsigned char build[4096];
static size_t built;

static void row_start(void)
{
	memset(build, 0xee, sizeof(build));
	built = 0;
}

/* Append a header of @hdrlen bytes that claims @claimed bytes of frame, and @len bytes. */
static void row_add(unsigned int hdrlen, uint32_t claimed, size_t len)
{
	const struct frameio_hdr hdr = {
		.version = FRAMEIO_HDR_VERSION,
		.hdrlen = hdrlen,
		.len = claimed,
	};
	const size_t room = hdrlen > HDRLEN ? hdrlen : HDRLEN;

	built = (built + 7) / 8 * 8;
	memcpy(build + built, &hdr, sizeof(hdr));
	memset(build + built + room, (int)(claimed & 0xff), len);
	built += room + len;
}

/* The first @size bytes of the row, in memory that ends there: a walk beyond is seen. */
static unsigned char *row_of(size_t size)
{
	unsigned char *row = malloc(size ? size : 1);

	ck_assert_ptr_nonnull(row);
	memcpy(row, build, size);
	return row;
}

/* Walk: @count records and then @end, again and again. */
static void assert_walk(const void *row, size_t size, unsigned int count, int end)
{
	const struct frameio_hdr *const untouched = (const void *)&built;
	const struct frameio_hdr *hdr = untouched;
	const unsigned char *last = row;
	struct frameio_records records;
	unsigned int i;

	frameio_records_init(&records, row, size);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(frameio_records_next(&records, &hdr), 1);
		ck_assert((const unsigned char *)hdr >= last);
		last = (const unsigned char *)frameio_hdr_frame(hdr) + hdr->len;
		ck_assert(last <= (const unsigned char *)row + size);
	}
	hdr = untouched;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(frameio_records_next(&records, &hdr), end);
	ck_assert_ptr_eq(hdr, untouched);
}

static void assert_built_walk(unsigned int count, int end)
{
	unsigned char *row = row_of(built);

	assert_walk(row, built, count, end);
	free(row);
}

START_TEST(empty_row_has_no_record)
{
	row_start();
	assert_built_walk(0, 0);
	assert_walk(NULL, 0, 0, 0);
}
END_TEST

START_TEST(records_of_all_lengths_are_found)
{
	struct frameio_records records;
	const struct frameio_hdr *hdr;
	unsigned char *row;
	uint32_t len, i;

	row_start();
	for (len = 0; len <= 33; len++)
		row_add(HDRLEN, len, len);
	row = row_of(built);
	frameio_records_init(&records, row, built);
	for (len = 0; len <= 33; len++) {
		ck_assert_int_eq(frameio_records_next(&records, &hdr), 1);
		ck_assert_uint_eq(hdr->len, len);
		ck_assert_ptr_eq(frameio_hdr_frame(hdr), (const void *)(hdr + 1));
		for (i = 0; i < len; i++)
			ck_assert_uint_eq(((unsigned char *)frameio_hdr_frame(hdr))[i], len);
	}
	ck_assert_int_eq(frameio_records_next(&records, &hdr), 0);
	free(row);
}
END_TEST

START_TEST(last_record_need_not_be_filled_up)
{
	unsigned char *row;
	size_t size;

	for (size = 1; size <= 8; size++) {
		row_start();
		row_add(HDRLEN, 3, 3);
		row_add(HDRLEN, size, size);
		assert_built_walk(2, 0);
		/* and may be, with whatever bytes */
		built = (built + 7) / 8 * 8;
		assert_built_walk(2, 0);
	}
	/* in part */
	row_start();
	row_add(HDRLEN, 1, 1);
	row = row_of(built + 3);
	assert_walk(row, built + 3, 1, 0);
	free(row);
}
END_TEST

START_TEST(zero_length_frames_are_records)
{
	row_start();
	row_add(HDRLEN, 0, 0);
	row_add(HDRLEN, 0, 0);
	assert_built_walk(2, 0);
}
END_TEST

START_TEST(unaligned_row_is_no_record)
{
	unsigned char *row;
	int shift;

	row_start();
	row_add(HDRLEN, 8, 8);
	row = malloc(built + 8);
	for (shift = 1; shift < 8; shift++) {
		memcpy(row + shift, build, built);
		assert_walk(row + shift, built, 0, -EBADMSG);
	}
	free(row);
}
END_TEST

START_TEST(truncated_header_is_no_record)
{
	unsigned char *row;
	size_t left;

	row_start();
	row_add(HDRLEN, 8, 8);
	row_add(HDRLEN, 0, 0);
	for (left = 1; left < HDRLEN; left++) {
		row = row_of(HDRLEN + 8 + left);
		assert_walk(row, HDRLEN + 8 + left, 1, -EBADMSG);
		free(row);
	}
}
END_TEST

START_TEST(truncated_frame_is_no_record)
{
	unsigned char *row;
	size_t left;

	row_start();
	row_add(HDRLEN, 20, 20);
	for (left = 0; left < 20; left++) {
		row = row_of(HDRLEN + left);
		assert_walk(row, HDRLEN + left, 0, -EBADMSG);
		free(row);
	}
}
END_TEST

/* Lengths that are more than there is; some wrap round when rounded or added in 32 bits. */
START_TEST(len_that_lies_is_no_record)
{
	static const uint32_t lies[] = {
		17, 24, 0x7fffffff, 0x80000000, 0xffffffff - HDRLEN - 8, 0xffffffff - HDRLEN - 7,
		0xffffffff - HDRLEN, 0xffffffff - HDRLEN + 1, 0xfffffff8, 0xffffffff,
	};

	row_start();
	row_add(HDRLEN, 16, 16);
	row_add(HDRLEN, lies[_i], 16);
	assert_built_walk(1, -EBADMSG);
}
END_TEST

START_TEST(hdrlen_too_small_is_no_record)
{
	unsigned int hdrlen;

	for (hdrlen = 0; hdrlen < HDRLEN; hdrlen++) {
		row_start();
		row_add(HDRLEN, 16, 16);
		row_add(hdrlen, 16, 16);
		assert_built_walk(1, -EBADMSG);
	}
}
END_TEST

static void assert_larger_header(unsigned int hdrlen)
{
	struct frameio_records records;
	const struct frameio_hdr *hdr;
	unsigned char *row;

	row_start();
	row_add(hdrlen, 5, 5);
	row_add(HDRLEN, 6, 6);
	row = row_of(built);
	frameio_records_init(&records, row, built);
	ck_assert_int_eq(frameio_records_next(&records, &hdr), 1);
	ck_assert_mem_eq(frameio_hdr_frame(hdr), "\5\5\5\5\5", 5);
	ck_assert_int_eq(frameio_records_next(&records, &hdr), 1);
	ck_assert_uint_eq(hdr->len, 6);
	ck_assert_int_eq(frameio_records_next(&records, &hdr), 0);
	/* one that goes past the end, with its frame or by itself */
	assert_walk(row, hdrlen + 4, 0, -EBADMSG);
	assert_walk(row, HDRLEN, 0, -EBADMSG);
	free(row);
}

START_TEST(larger_header_is_skipped_over)
{
	unsigned int hdrlen;

	for (hdrlen = HDRLEN; hdrlen <= 255; hdrlen++)
		assert_larger_header(hdrlen);
}
END_TEST

START_TEST(other_version_is_no_record)
{
	unsigned int version;

	row_start();
	row_add(HDRLEN, 16, 16);
	for (version = 0; version < 256; version++) {
		build[0] = version;
		if (version != FRAMEIO_HDR_VERSION)
			assert_built_walk(0, -EBADMSG);
	}
}
END_TEST

/* @size bytes, most of them random, with some plausible headers among them. */
static unsigned char *random_row(size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		build[i] = rand() % 4 ? rand() : rand() % 64;
	for (i = 0; i + HDRLEN < size; i += rand() % 12 * 8 + 8)
		memcpy(build + i, "\1\50\0\0\0\0\0\0", 8);
	return row_of(size);
}

/* What is returned lies in the row, and the walk ends. */
START_TEST(random_rows_stay_inside)
{
	const struct frameio_hdr *hdr;
	struct frameio_records records;
	unsigned char *row;
	int i, n, ret;
	size_t size;

	srand(1);
	for (i = 0; i < 2000; i++) {
		size = rand() % 512;
		row = random_row(size);
		frameio_records_init(&records, row, size);
		for (n = 0; (ret = frameio_records_next(&records, &hdr)) == 1; n++) {
			const unsigned char *frame = frameio_hdr_frame(hdr);

			ck_assert((const unsigned char *)hdr >= row);
			ck_assert(frame <= row + size);
			ck_assert_uint_le(hdr->len, (size_t)(row + size - frame));
			ck_assert_int_lt(n, 512 / (int)HDRLEN);
		}
		ck_assert(ret == 0 || ret == -EBADMSG);
		free(row);
	}
}
END_TEST

/* --- appending ------------------------------------------------------- */

/* Frames of all lengths in memory that ends with the row: what a walk finds is what was put in. */
START_TEST(what_is_appended_is_found)
{
	unsigned char frame[40], *row;
	const struct frameio_hdr *hdr;
	struct frameio_records records;
	size_t size = 0, expected = 0, len, i;

	for (len = 1; len <= sizeof(frame); len++)
		expected = (expected + 7) / 8 * 8 + HDRLEN + len;
	row = malloc(expected);
	memset(row, 0xee, expected);
	for (len = 1; len <= sizeof(frame); len++) {
		memset(frame, (int)len, sizeof(frame));
		ck_assert_int_eq(frameio_records_append(row, expected, &size, frame, len), 0);
	}
	ck_assert_uint_eq(size, expected);
	frameio_records_init(&records, row, size);
	for (len = 1; len <= sizeof(frame); len++) {
		const struct frameio_hdr header = {
			.version = FRAMEIO_HDR_VERSION,
			.hdrlen = HDRLEN,
			.len = len,
		};

		ck_assert_int_eq(frameio_records_next(&records, &hdr), 1);
		ck_assert_mem_eq(hdr, &header, HDRLEN);
		memset(frame, (int)len, sizeof(frame));
		ck_assert_mem_eq(frameio_hdr_frame(hdr), frame, len);
		/* no stale bytes go out between two records */
		for (i = HDRLEN + len; i % 8 && len < sizeof(frame); i++)
			ck_assert_uint_eq(((const unsigned char *)hdr)[i], 0);
	}
	ck_assert_int_eq(frameio_records_next(&records, &hdr), 0);
	free(row);
}
END_TEST

/* A record of 48 bytes and one of 43, with room for all of both but @_i bytes. */
START_TEST(append_without_room_changes_nothing)
{
	const size_t room = 48 + 43 - _i;
	unsigned char *row = malloc(room), before[48 + 43];
	size_t size = 0;

	memset(row, 0xee, room);
	ck_assert_int_eq(frameio_records_append(row, room, &size, "12345", 5), 0);
	ck_assert_uint_eq(size, 45);
	memcpy(before, row, room);
	ck_assert_int_eq(frameio_records_append(row, room, &size, "abc", 3), _i ? -ENOBUFS : 0);
	ck_assert_uint_eq(size, _i ? 45 : 91);
	if (_i)
		ck_assert_mem_eq(row, before, room);
	free(row);
}
END_TEST

START_TEST(append_refuses_what_cannot_be)
{
	static const size_t longer[] = {
		SIZE_MAX, SIZE_MAX - HDRLEN, SIZE_MAX - 7, 0x100000000, 0xffffffff, 25,
	};
	_Alignas(8) unsigned char row[HDRLEN + 24];
	size_t size = 0, i;

	memset(row, 0xee, sizeof(row));
	ck_assert_int_eq(frameio_records_append(row, sizeof(row), &size, row, 0), -EINVAL);
	for (i = 1; i < 8; i++)
		ck_assert_int_eq(frameio_records_append(row + i, HDRLEN + 1, &size, "a", 1),
				 -EINVAL);
	for (i = 0; i < sizeof(longer) / sizeof(*longer); i++)
		ck_assert_int_eq(frameio_records_append(row, sizeof(row), &size, "a", longer[i]),
				 -EMSGSIZE);
	for (i = 0; i <= HDRLEN; i++)
		ck_assert_int_eq(frameio_records_append(row, i, &size, "a", 1), -EMSGSIZE);
	ck_assert_uint_eq(size, 0);
	for (i = 0; i < sizeof(row); i++)
		ck_assert_uint_eq(row[i], 0xee);
	size = sizeof(row) + 1;
	ck_assert_int_eq(frameio_records_append(row, sizeof(row), &size, "a", 1), -EINVAL);
	size = sizeof(row);
	ck_assert_int_eq(frameio_records_append(row, sizeof(row), &size, "a", 1), -ENOBUFS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("records");
	TCase *tcase = tcase_create("records");

	tcase_add_test(tcase, empty_row_has_no_record);
	tcase_add_test(tcase, records_of_all_lengths_are_found);
	tcase_add_test(tcase, last_record_need_not_be_filled_up);
	tcase_add_test(tcase, zero_length_frames_are_records);
	tcase_add_test(tcase, unaligned_row_is_no_record);
	tcase_add_test(tcase, truncated_header_is_no_record);
	tcase_add_test(tcase, truncated_frame_is_no_record);
	tcase_add_loop_test(tcase, len_that_lies_is_no_record, 0, 10);
	tcase_add_test(tcase, hdrlen_too_small_is_no_record);
	tcase_add_test(tcase, larger_header_is_skipped_over);
	tcase_add_test(tcase, other_version_is_no_record);
	tcase_add_test(tcase, random_rows_stay_inside);
	tcase_add_test(tcase, what_is_appended_is_found);
	tcase_add_loop_test(tcase, append_without_room_changes_nothing, 0, 8);
	tcase_add_test(tcase, append_refuses_what_cannot_be);
	suite_add_tcase(suite, tcase);
	return kernel_run(suite);
}
