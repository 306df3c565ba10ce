/* test_cursor.c - which files a table was made from, and what has become of them. */
#include "job/cursor.h"
#include "job_samples.h"

static struct asof_cursor_file known_files[] = { { "a.csv", 10, 100, 0 }, { "b.csv", 20, 200, 1 } };
static const struct asof_cursor known = { .files = known_files,
					  .file_count = 2,
					  .next_ordinal = 2 };

static struct asof_source_file
there(const char *name, uint64_t size_bytes, int64_t modified_us)
{
	return (struct asof_source_file){ name, name, size_bytes, modified_us };
}

struct comparison {
	struct asof_cursor now;
	bool is_new[4];
	enum asof_cursor_difference difference;
	const char *changed;
};

static struct comparison
compare(const struct asof_cursor *cursor, const struct asof_source_file *files, size_t count,
	struct asof_arena *arena)
{
	struct comparison c = { 0 };
	struct asof_error err = { 0 };
	assert_true(count <= ASOF_COUNTOF(c.is_new));
	assert_ok(asof_cursor_compare(cursor, files, count, arena, &c.now, c.is_new, &c.difference,
				      &c.changed, &err),
		  err);
	assert_int_equal(c.now.file_count, count);
	return c;
}

static void
no_text_is_the_cursor_of_no_table(void **state)
{
	(void)state;
	const char *const texts[] = { NULL, "" };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_cursor cursor = known;
		assert_ok(asof_cursor_read(texts[i], NULL, &cursor, &err), err);
		assert_int_equal(cursor.file_count, 0);
		assert_int_equal(cursor.next_ordinal, 0);
		assert_int_equal(cursor.range_count, 0);
	}
}

static void
a_watermark_is_read_back(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	const char *open[] = { "part-1.parquet", "part \"2\".parquet" };
	struct asof_cursor cursor = known;
	cursor.watermark = (struct asof_cursor_watermark){ .by = ASOF_SOURCE_CURSOR_EVENT,
							   .watermark_us = INT64_MAX,
							   .settled_us = INT64_MIN,
							   .open = open,
							   .open_count = 2 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	struct asof_cursor back = { 0 };
	asof_cursor_write(&cursor, &text);
	assert_ok(asof_cursor_read(asof_buf_cstr(&text), &arena, &back, &err), err);
	assert_int_equal(back.watermark.by, ASOF_SOURCE_CURSOR_EVENT);
	assert_true(back.watermark.watermark_us == INT64_MAX);
	assert_true(back.watermark.settled_us == INT64_MIN);
	assert_int_equal(back.watermark.open_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(back.watermark.open[i], open[i]);
	const char *json = asof_buf_cstr(&text);
	assert_true(asof_cursor_is_open_file(json, "part-1.parquet"));
	assert_false(asof_cursor_is_open_file(json, "part-2.parquet"));
	assert_false(asof_cursor_is_open_file(json, "art-1.parquet"));
	assert_false(asof_cursor_is_open_file(json, "a.csv")); /* a file of the source */
	assert_false(asof_cursor_is_open_file(NULL, "part-1.parquet"));
}

static void
what_is_written_is_read_back(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_cursor_file files[] = { { "a \"b\"\\\n\xc3\xa9.csv", INT64_MAX, INT64_MIN, 7 },
					    { "", 0, INT64_MAX, INT64_MAX - 1 } };
	struct asof_plan_range ranges[] = { { true, true, INT64_MIN, -1 }, { true, true, 0, 5 } };
	const struct asof_cursor cursor = { .files = files,
					    .file_count = 2,
					    .next_ordinal = INT64_MAX,
					    .ranges = ranges,
					    .range_count = 2,
					    .table_id = "an \"id\"",
					    .table_version = 12,
					    .table_deletes = "0f" };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	struct asof_cursor back = { 0 };

	asof_cursor_write(&cursor, &text);
	assert_ok(asof_buf_status(&text, &err), err);
	assert_ok(asof_cursor_read(asof_buf_cstr(&text), &arena, &back, &err), err);
	asof_buf_clear(&text);

	assert_int_equal(back.next_ordinal, INT64_MAX);
	assert_int_equal(back.file_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(back.files[i].name, files[i].name);
		assert_true(back.files[i].size_bytes == files[i].size_bytes);
		assert_true(back.files[i].modified_us == files[i].modified_us);
		assert_true(back.files[i].ordinal == files[i].ordinal);
	}
	assert_int_equal(back.range_count, 2);
	assert_string_equal(back.table_id, "an \"id\"");
	assert_int_equal(back.table_version, 12);
	assert_string_equal(back.table_deletes, "0f");
	for (size_t i = 0; i < 2; i++) {
		assert_true(back.ranges[i].has_from && back.ranges[i].has_to);
		assert_true(back.ranges[i].from_us == ranges[i].from_us);
		assert_true(back.ranges[i].to_us == ranges[i].to_us);
	}
}

static void
the_text_is_what_older_tables_hold(void **state)
{
	(void)state;
	struct asof_plan_range range = { true, true, 3, 4 };
	struct asof_cursor cursor = { .files = known_files,
				      .file_count = 1,
				      .next_ordinal = 2,
				      .ranges = &range,
				      .range_count = 1 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	asof_cursor_write(&cursor, &text);
	assert_string_equal(asof_buf_cstr(&text),
			    "{\"files\":[{\"name\":\"a.csv\",\"size_bytes\":10,"
			    "\"modified_us\":100,\"ordinal\":0}],\"next_ordinal\":2,"
			    "\"ranges\":[{\"from_us\":3,\"to_us\":4}]}");
	asof_buf_clear(&text);
	asof_cursor_write(&(struct asof_cursor){ 0 }, &text);
	assert_string_equal(asof_buf_cstr(&text), "{\"files\":[],\"next_ordinal\":0}");
}

static void
text_that_does_not_decode_is_corrupt(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{",
		"[]",
		"{}",
		"null",
		"{\"files\":[]}",
		"{\"next_ordinal\":1}",
		"{\"files\":{},\"next_ordinal\":1}",
		"{\"files\":[],\"next_ordinal\":\"1\"}",
		"{\"files\":[],\"next_ordinal\":1.5}",
		"{\"files\":[1],\"next_ordinal\":1}",
		"{\"files\":[{}],\"next_ordinal\":1}",
		"{\"files\":[{\"name\":1,\"size_bytes\":1,\"modified_us\":1,\"ordinal\":0}],"
		"\"next_ordinal\":1}",
		"{\"files\":[{\"name\":\"a\",\"modified_us\":1,\"ordinal\":0}],\"next_ordinal\":1}",
		"{\"files\":[{\"name\":\"a\",\"size_bytes\":1,\"ordinal\":0}],\"next_ordinal\":1}",
		"{\"files\":[{\"name\":\"a\",\"size_bytes\":1,\"modified_us\":1}],"
		"\"next_ordinal\":1}",
		"{\"files\":[],\"next_ordinal\":1,\"ranges\":[{}]}",
		"{\"files\":[],\"next_ordinal\":1,\"ranges\":[{\"from_us\":1}]}",
		"{\"files\":[],\"next_ordinal\":1} x",
	};
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_cursor cursor = known;
		if (asof_cursor_read(texts[i], &arena, &cursor, &err) != ASOF_CORRUPT)
			fail_msg("%s: '%s'", texts[i], err.message);
		assert_non_null(strstr(err.message, "cursor of the last build: "));
		assert_memory_equal(&cursor, &known, sizeof(known));
	}
}

static void
the_same_files_in_any_order_are_no_difference(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file files[] = { there("b.csv", 20, 200),
						  there("a.csv", 10, 100) };
	struct comparison c = compare(&known, files, 2, &arena);
	assert_int_equal(c.difference, ASOF_CURSOR_SAME);
	assert_null(c.changed);
	assert_false(c.is_new[0] || c.is_new[1]);
	assert_int_equal(c.now.files[0].ordinal, 1);
	assert_int_equal(c.now.files[1].ordinal, 0);
	assert_int_equal(c.now.next_ordinal, 2);
}

static void
a_new_file_gets_the_next_ordinal(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file files[] = { there("0.csv", 1, 1), there("a.csv", 10, 100),
						  there("b.csv", 20, 200), there("c.csv", 2, 2) };
	struct comparison c = compare(&known, files, 4, &arena);
	assert_int_equal(c.difference, ASOF_CURSOR_GROWN);
	assert_null(c.changed);
	assert_true(c.is_new[0] && !c.is_new[1] && !c.is_new[2] && c.is_new[3]);
	assert_int_equal(c.now.files[0].ordinal, 2);
	assert_int_equal(c.now.files[1].ordinal, 0);
	assert_int_equal(c.now.files[2].ordinal, 1);
	assert_int_equal(c.now.files[3].ordinal, 3);
	assert_int_equal(c.now.next_ordinal, 4);
	assert_int_equal(known.next_ordinal, 2);
}

static void
another_size_or_time_is_a_change_that_keeps_the_ordinal(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file changed[] = { there("b.csv", 21, 200),
						    there("b.csv", 20, 201),
						    there("b.csv", 20, 199) };
	for (size_t i = 0; i < ASOF_COUNTOF(changed); i++) {
		const struct asof_source_file files[] = { there("a.csv", 10, 100), changed[i] };
		struct comparison c = compare(&known, files, 2, &arena);
		assert_int_equal(c.difference, ASOF_CURSOR_CHANGED);
		assert_string_equal(c.changed, "b.csv");
		assert_false(c.is_new[1]);
		assert_int_equal(c.now.files[1].ordinal, 1);
		assert_true(c.now.files[1].size_bytes == changed[i].size_bytes);
		assert_true(c.now.files[1].modified_us == changed[i].modified_us);
	}
}

static void
a_change_outweighs_new_files_before_and_after_it(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file files[] = { there("0.csv", 1, 1), there("a.csv", 11, 100),
						  there("b.csv", 20, 200), there("c.csv", 1, 1) };
	struct comparison c = compare(&known, files, 4, &arena);
	assert_int_equal(c.difference, ASOF_CURSOR_CHANGED);
	assert_string_equal(c.changed, "a.csv");
	assert_int_equal(c.now.next_ordinal, 4);
}

static void
a_file_that_is_gone_is_a_change(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file files[] = { there("b.csv", 20, 200), there("c.csv", 1, 1) };
	struct comparison c = compare(&known, files, 2, &arena);
	assert_int_equal(c.difference, ASOF_CURSOR_CHANGED);
	assert_string_equal(c.changed, "a.csv");
	c = compare(&known, NULL, 0, &arena);
	assert_int_equal(c.difference, ASOF_CURSOR_CHANGED);
	assert_int_equal(c.now.next_ordinal, 2);
}

static void
the_ordinal_of_a_file_that_went_is_never_given_again(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file first[] = { there("a.csv", 10, 100) };
	struct comparison gone = compare(&known, first, 1, &arena);
	assert_int_equal(gone.now.next_ordinal, 2);

	const struct asof_source_file again[] = { there("a.csv", 10, 100),
						  there("b.csv", 20, 200) };
	struct comparison back = compare(&gone.now, again, 2, &arena);
	assert_int_equal(back.difference, ASOF_CURSOR_GROWN);
	assert_true(back.is_new[1]);
	assert_int_equal(back.now.files[1].ordinal, 2);
	assert_int_equal(back.now.next_ordinal, 3);
}

static void
ranges_outlive_a_comparison(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_plan_range range = { true, true, 3, 4 };
	struct asof_cursor cursor = known;
	const struct asof_source_file files[] = { there("c.csv", 1, 1) };
	cursor.ranges = &range;
	cursor.range_count = 1;
	struct comparison c = compare(&cursor, files, 1, &arena);
	assert_int_equal(c.now.range_count, 1);
	assert_int_equal(c.now.ranges[0].from_us, 3);
	assert_int_equal(c.now.ranges[0].to_us, 4);
}

static enum asof_status
round_trip(void *arg, struct asof_error *err)
{
	(void)arg;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	struct asof_cursor cursor;
	struct asof_cursor now;
	bool is_new[2];
	enum asof_cursor_difference difference;
	const char *changed;
	const struct asof_source_file files[] = { there("a.csv", 1, 1), there("d.csv", 1, 1) };
	asof_cursor_write(&known, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	ASOF_TRY(asof_cursor_read(asof_buf_cstr(&text), &arena, &cursor, err));
	return asof_cursor_compare(&cursor, files, 2, &arena, &now, is_new, &difference, &changed,
				   err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	assert_survives(round_trip, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_is_the_cursor_of_no_table),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_watermark_is_read_back),
		cmocka_unit_test(the_text_is_what_older_tables_hold),
		cmocka_unit_test(text_that_does_not_decode_is_corrupt),
		cmocka_unit_test(the_same_files_in_any_order_are_no_difference),
		cmocka_unit_test(a_new_file_gets_the_next_ordinal),
		cmocka_unit_test(another_size_or_time_is_a_change_that_keeps_the_ordinal),
		cmocka_unit_test(a_change_outweighs_new_files_before_and_after_it),
		cmocka_unit_test(a_file_that_is_gone_is_a_change),
		cmocka_unit_test(the_ordinal_of_a_file_that_went_is_never_given_again),
		cmocka_unit_test(ranges_outlive_a_comparison),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
