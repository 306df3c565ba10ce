#include "codec/row.h"

#include <stdio.h>

#include "check.h"
#include "model/hash.h"
#include "row_samples.h"

#define ROW_MAX      ((size_t)1 << 20)
#define HEADER_SIZE  64
#define HEAD_SIZE_AT 16 /* where the header says how long it and the values are */

static void
assert_same_column(const struct asof_column *a, const struct asof_column *b, size_t count)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_true(asof_type_equal(a->type, b->type));
	for (size_t i = 0; i < count; i++) {
		struct asof_value left;
		struct asof_value right;
		assert_ok(asof_column_value(a, i, &arena, &left, &err), err);
		assert_ok(asof_column_value(b, i, &arena, &right, &err), err);
		assert_int_equal(asof_value_compare(&left, &right), 0);
	}
}

static void
assert_same_row(const struct row_sample *sample, const struct asof_row *row)
{
	assert_int_equal(row->has_answer, sample->row.has_answer);
	assert_int_equal(row->event_us, sample->row.event_us);
	assert_int_equal(row->from_us, sample->row.from_us);
	assert_int_equal(row->until_us, sample->row.until_us);
	for (size_t i = 0; row->has_answer && i < sample->shape.value_count; i++) {
		assert_true(asof_type_equal(row->values[i].type, sample->shape.values[i]));
		assert_int_equal(asof_value_compare(&row->values[i], &sample->row.values[i]), 0);
	}
	assert_int_equal(row->entry_count, sample->row.entry_count);
	for (size_t i = 0; i < row->entry_count; i++)
		assert_int_equal(row->entry_event_us[i], sample->row.entry_event_us[i]);
	for (size_t i = 0; row->entry_count > 0 && i < sample->shape.entry_column_count; i++)
		assert_same_column(&row->entries[i], &sample->row.entries[i], row->entry_count);
}

static void
encode(const struct row_sample *sample, struct asof_buf *buf)
{
	struct asof_error err = { 0 };
	asof_buf_clear(buf);
	assert_ok(asof_row_encode(&sample->shape, &sample->row, buf, &err), err);
}

static void
rows_of_every_shape_read_back(void **state)
{
	(void)state;
	struct random r = { 11 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf again = ASOF_BUF(ROW_MAX);
	for (int i = 0; i < 1500; i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct row_sample sample;
		struct asof_row row;
		row_sample_make(&r, &arena, &sample);
		encode(&sample, &buf);
		assert_ok(asof_row_decode(asof_buf_view(&buf), &sample.shape, true, &arena, &row,
					  &err),
			  err);
		assert_same_row(&sample, &row);

		asof_buf_clear(&again);
		assert_ok(asof_row_encode(&sample.shape, &row, &again, &err), err);
		assert_true(asof_str_equal(asof_buf_view(&buf), asof_buf_view(&again)));
	}
}

static void
entries_are_read_when_they_are_due(void **state)
{
	(void)state;
	struct random r = { 12 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	struct row_sample sample = { 0 };
	while (sample.row.entry_count == 0)
		row_sample_make(&r, &arena, &sample);
	sample.row.until_us = 1000;
	encode(&sample, &buf);
	struct asof_str bytes = asof_buf_view(&buf);
	struct asof_row row;
	assert_ok(asof_row_decode(bytes, &sample.shape, false, &arena, &row, &err), err);
	assert_int_equal(row.entry_count, 0);
	assert_int_equal(row.until_us, 1000);
	assert_ok(asof_row_decode_at(bytes, &sample.shape, 999, &arena, &row, &err), err);
	assert_int_equal(row.entry_count, 0);
	assert_ok(asof_row_decode_at(bytes, &sample.shape, 1000, &arena, &row, &err), err);
	assert_int_equal(row.entry_count, sample.row.entry_count);
}

/* A row with an answer and entries, in memory of its own exact size. */
static struct asof_str
sample_bytes(struct random *r, struct asof_arena *arena, struct row_sample *sample)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	do
		row_sample_make(r, arena, sample);
	while (!sample->row.has_answer || sample->row.entry_count == 0);
	encode(sample, &buf);
	char *copy = asof_arena_copy(arena, asof_buf_view(&buf));
	assert_non_null(copy);
	return (struct asof_str){ copy, buf.len };
}

static void
assert_corrupt(struct asof_str bytes, const struct asof_row_shape *shape, const char *message)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_row row = { .event_us = 7 };
	assert_int_equal(asof_row_decode(bytes, shape, true, &arena, &row, &err), ASOF_CORRUPT);
	assert_non_null(strstr(err.message, message));
	assert_int_equal(row.event_us, 7);
}

static void
every_changed_byte_is_detected(void **state)
{
	(void)state;
	struct random r = { 13 };
	for (int i = 0; i < 20; i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct row_sample sample;
		struct asof_str bytes = sample_bytes(&r, &arena, &sample);
		char *changed = asof_arena_copy(&arena, bytes);
		assert_non_null(changed);
		for (size_t at = 0; at < bytes.len; at++) {
			changed[at] = (char)(changed[at] ^ (1 << random_below(&r, 8)));
			assert_corrupt((struct asof_str){ changed, bytes.len }, &sample.shape,
				       "row of");
			changed[at] = bytes.ptr[at];
		}
	}
}

static void
every_truncation_and_extension_is_detected(void **state)
{
	(void)state;
	struct random r = { 14 };
	for (int i = 0; i < 20; i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct row_sample sample;
		struct asof_str bytes = sample_bytes(&r, &arena, &sample);
		for (size_t len = 0; len < bytes.len; len++)
			assert_corrupt((struct asof_str){ bytes.ptr, len }, &sample.shape,
				       "row of");
		assert_corrupt((struct asof_str){ bytes.ptr, bytes.len + 1 }, &sample.shape,
			       "it has another size");
	}
}

static void
sign(char *bytes, size_t from, size_t to)
{
	uint64_t checksum = asof_hash64((struct asof_str){ bytes + from, to - from });
	memcpy(bytes + to, &checksum, sizeof(checksum));
}

static void
sign_again(char *bytes, size_t len)
{
	uint64_t head_size;
	memcpy(&head_size, bytes + HEAD_SIZE_AT, sizeof(head_size));
	if (head_size > len - 16)
		return;
	sign(bytes, 0, head_size);
	sign(bytes, head_size + 8, len - 8);
}

/* With a checksum that is right, other bytes still are not believed: an error, or a row that
 * encodes to them. */
static void
signed_nonsense_is_corrupt_or_a_row(void **state)
{
	(void)state;
	struct random r = { 15 };
	size_t refused = 0;
	ASOF_AUTO(asof_buf_done) struct asof_buf again = ASOF_BUF(ROW_MAX);
	for (int i = 0; i < 3000; i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA((size_t)64 << 20);
		struct row_sample sample;
		struct asof_str bytes = sample_bytes(&r, &arena, &sample);
		char *changed = asof_arena_copy(&arena, bytes);
		assert_non_null(changed);
		size_t at = HEADER_SIZE - 8 + random_below(&r, bytes.len - HEADER_SIZE);
		changed[at] = (char)(changed[at] + 1 + (int)random_below(&r, 255));
		sign_again(changed, bytes.len);
		struct asof_row row;
		struct asof_str given = { changed, bytes.len };
		enum asof_status status =
			asof_row_decode(given, &sample.shape, true, &arena, &row, &err);
		if (status != ASOF_OK) {
			assert_true(status == ASOF_CORRUPT || status == ASOF_NO_MEMORY);
			refused++;
			continue;
		}
		asof_buf_clear(&again);
		assert_ok(asof_row_encode(&sample.shape, &row, &again, &err), err);
		assert_true(asof_str_equal(given, asof_buf_view(&again)));
	}
	assert_true(refused > 100);
}

static void
what_the_header_cannot_say_is_corrupt(void **state)
{
	(void)state;
	struct random r = { 16 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct row_sample sample;
	struct asof_str bytes = sample_bytes(&r, &arena, &sample);
	static const struct {
		size_t at;
		const char *message;
	} cases[] = {
		{ 0, "no row of this format" },
		{ 3, "no row of this format" },
		{ 4, "unknown flags" },
		{ 8, "columns of another definition" },
		{ HEAD_SIZE_AT + 7, "it has another size" },
		{ HEAD_SIZE_AT + 15, "it has another size" },
		{ HEADER_SIZE - 1, "an impossible count" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char *changed = asof_arena_copy(&arena, bytes);
		assert_non_null(changed);
		changed[cases[i].at] = (char)(changed[cases[i].at] ^ 0x40);
		sign_again(changed, bytes.len);
		assert_corrupt((struct asof_str){ changed, bytes.len }, &sample.shape,
			       cases[i].message);
	}
}

static void
a_row_is_not_read_with_another_shape(void **state)
{
	(void)state;
	struct random r = { 17 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct row_sample sample;
	struct asof_str bytes;
	do
		bytes = sample_bytes(&r, &arena, &sample);
	while (sample.shape.value_count == 0 || sample.shape.entry_column_count == 0);
	struct asof_row_shape shape = sample.shape;
	shape.value_count--;
	assert_corrupt(bytes, &shape, "columns of another definition");
	shape = sample.shape;
	shape.entry_column_count--;
	assert_corrupt(bytes, &shape, "columns of another definition");
	shape = sample.shape;
	sample.types[1][0].scale++;
	assert_corrupt(bytes, &shape, "columns of another definition");
	sample.types[1][0].scale--;
	struct asof_row row;
	assert_ok(asof_row_decode(bytes, &shape, true, &arena, &row, &err), err);
}

static const struct asof_type vector_3 = { .kind = ASOF_TYPE_VECTOR,
					   .element = ASOF_TYPE_FLOAT32,
					   .size = 3 };

static void
assert_refused(const struct asof_row_shape *shape, const struct asof_row *row, const char *message)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	asof_buf_add_cstr(&buf, "before");
	assert_int_equal(asof_row_encode(shape, row, &buf, &err), ASOF_INVALID);
	assert_string_equal(err.message, message);
	assert_string_equal(asof_buf_cstr(&buf), "before");
}

static void
vectors_have_their_size_and_no_nulls(void **state)
{
	(void)state;
	const struct asof_value items[] = {
		{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT32) },
		{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT32) },
		{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT32), .is_null = true },
	};
	struct asof_row_shape shape = { .values = &vector_3, .value_count = 1 };
	struct asof_value value = { .type = vector_3, .list = { items, 2 } };
	struct asof_row row = { .has_answer = true, .values = &value };
	assert_refused(&shape, &row, "2 values in a vector<float32,3>");
	value.list.count = 3;
	assert_refused(&shape, &row, "NULL within a vector<float32,3>");

	static const float floats[3] = { 1, 2, 3 };
	static const uint64_t validity = 5;
	const int64_t event_us = 0;
	struct asof_column child = { .type = items[0].type, .data = floats };
	struct asof_span span = { 0, 2 };
	struct asof_column column = { .type = vector_3, .data = &span, .child = &child };
	shape = (struct asof_row_shape){ .entries = &vector_3, .entry_column_count = 1 };
	row = (struct asof_row){ .entry_count = 1,
				 .entry_event_us = &event_us,
				 .entries = &column };
	assert_refused(&shape, &row, "2 values in a vector<float32,3>");
	span.length = 3;
	child.validity = &validity;
	assert_refused(&shape, &row, "NULL within a vector<float32,3>");
}

static void
entries_out_of_order_are_refused(void **state)
{
	(void)state;
	static const int64_t event_us[] = { 1, 3, 2 };
	struct asof_row_shape shape = { 0 };
	struct asof_row row = { .entry_count = 3, .entry_event_us = event_us };
	assert_refused(&shape, &row, "entry 2 is before the one before it");
}

/* Every byte of small rows of single columns is set to every value, and signed. */
static void
no_signed_byte_is_believed(void **state)
{
	(void)state;
	struct random r = { 18 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf again = ASOF_BUF(ROW_MAX);
	for (int kind = 0; kind < 120; kind++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct row_sample sample;
		do
			row_sample_make(&r, &arena, &sample);
		while (sample.row.entry_count > 5 || sample.shape.entry_column_count > 2);
		encode(&sample, &buf);
		for (size_t at = HEADER_SIZE; at + 8 < buf.len; at++) {
			char was = buf.ptr[at];
			static const int steps[] = { 1, 2, 3, 5, 16, 127, 128, 255 };
			for (size_t i = 0; i < ASOF_COUNTOF(steps); i++) {
				struct asof_error err = { 0 };
				ASOF_AUTO(asof_arena_done)
				struct asof_arena scratch = ASOF_ARENA((size_t)1 << 20);
				struct asof_row row;
				buf.ptr[at] = (char)(was + steps[i]);
				sign_again(buf.ptr, buf.len);
				enum asof_status status =
					asof_row_decode(asof_buf_view(&buf), &sample.shape, true,
							&scratch, &row, &err);
				if (status != ASOF_OK)
					continue;
				asof_buf_clear(&again);
				assert_ok(asof_row_encode(&sample.shape, &row, &again, &err), err);
				assert_true(
					asof_str_equal(asof_buf_view(&buf), asof_buf_view(&again)));
			}
			buf.ptr[at] = was;
		}
	}
}

static enum asof_status
encode_and_decode(const struct row_sample *sample, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	struct asof_row row;
	ASOF_TRY(asof_row_encode(&sample->shape, &sample->row, &buf, err));
	return asof_row_decode(asof_buf_view(&buf), &sample->shape, true, &arena, &row, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	struct random r = { 19 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct row_sample sample;
	(void)sample_bytes(&r, &arena, &sample);
	size_t live = asof_mem_live();
	for (size_t n = 1;; n++) {
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = encode_and_decode(&sample, &err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), live);
		if (status == ASOF_OK) {
			assert_true(n > 2);
			break;
		}
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(n < 1000);
	}
}

static void
every_arena_limit_is_survived(void **state)
{
	(void)state;
	struct random r = { 20 };
	for (int i = 0; i < 60; i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct row_sample sample;
		struct asof_str bytes;
		do
			bytes = sample_bytes(&r, &arena, &sample);
		while (bytes.len > 1000);
		for (size_t max = 16;; max += 16) {
			struct asof_error err = { 0 };
			ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(max);
			struct asof_row row;
			enum asof_status status =
				asof_row_decode(bytes, &sample.shape, true, &small, &row, &err);
			if (status == ASOF_OK)
				break;
			assert_int_equal(status, ASOF_NO_MEMORY);
		}
	}
}

static void
a_row_past_the_buffers_maximum_is_a_limit(void **state)
{
	(void)state;
	struct random r = { 21 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct row_sample sample;
	struct asof_str bytes = sample_bytes(&r, &arena, &sample);
	for (size_t max = 0; max < bytes.len; max++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(max);
		assert_int_equal(asof_row_encode(&sample.shape, &sample.row, &buf, &err),
				 ASOF_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_every_shape_read_back),
		cmocka_unit_test(entries_are_read_when_they_are_due),
		cmocka_unit_test(every_changed_byte_is_detected),
		cmocka_unit_test(every_truncation_and_extension_is_detected),
		cmocka_unit_test(signed_nonsense_is_corrupt_or_a_row),
		cmocka_unit_test(what_the_header_cannot_say_is_corrupt),
		cmocka_unit_test(a_row_is_not_read_with_another_shape),
		cmocka_unit_test(vectors_have_their_size_and_no_nulls),
		cmocka_unit_test(entries_out_of_order_are_refused),
		cmocka_unit_test(no_signed_byte_is_believed),
		cmocka_unit_test(every_allocation_failure_is_survived),
		cmocka_unit_test(every_arena_limit_is_survived),
		cmocka_unit_test(a_row_past_the_buffers_maximum_is_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
