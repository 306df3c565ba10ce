/* test_store.c - what every online store promises of puts and gets. */
#include "conformance/store_fixture.h"

static void
put_replaces_the_old_value(void **state)
{
	struct asof_store *store = store_of(state);
	assert_int_equal(put_one(store, "t", row(S("k"), S("old"), 1, 1)), 1);
	assert_int_equal(put_one(store, "t", row(S("k"), S("new"), 2, 0)), 1);
	assert_reads(store, "t", S("k"), S("new"));
	assert_int_equal(put_one(store, "t", row(S("k"), S("equal times"), 2, 0)), 1);
	assert_reads(store, "t", S("k"), S("equal times"));
}

static void
an_older_row_changes_nothing(void **state)
{
	struct asof_store *store = store_of(state);
	(void)put_one(store, "t", row(S("k"), S("v"), 5, 5));
	assert_int_equal(put_one(store, "t", row(S("k"), S("older event"), 4, 9)), 0);
	assert_int_equal(put_one(store, "t", row(S("k"), S("older created"), 5, 4)), 0);
	assert_int_equal(put_one(store, "t", tombstone(S("k"), 5, 4)), 0);
	assert_reads(store, "t", S("k"), S("v"));
	assert_int_equal(put_one(store, "t", row(S("k"), S("w"), INT64_MAX, INT64_MIN)), 1);
	assert_int_equal(put_one(store, "t", row(S("k"), S("x"), INT64_MIN, INT64_MAX)), 0);
	assert_reads(store, "t", S("k"), S("w"));
}

static void
a_tombstone_reads_as_missing_and_keeps_older_rows_out(void **state)
{
	struct asof_store *store = store_of(state);
	(void)put_one(store, "t", row(S("k"), S("v"), 5, 5));
	assert_int_equal(put_one(store, "t", tombstone(S("k"), 5, 5)), 1);
	assert_missing(store, "t", S("k"));
	assert_int_equal(put_one(store, "t", row(S("k"), S("late"), 5, 4)), 0);
	assert_missing(store, "t", S("k"));
	assert_int_equal(put_one(store, "t", row(S("k"), S("newer"), 5, 6)), 1);
	assert_reads(store, "t", S("k"), S("newer"));
}

static void
rows_of_one_put_follow_the_write_rule_among_themselves(void **state)
{
	struct asof_store *store = store_of(state);
	const struct asof_store_row rows[] = {
		row(S("k"), S("first"), 3, 0),
		row(S("k"), S("older"), 2, 0),
		row(S("k"), S("newest"), 4, 0),
		row(S("other"), S(""), 1, 1),
	};
	assert_int_equal(put_rows(store, "t", rows, ASOF_COUNTOF(rows)), 3);
	assert_reads(store, "t", S("k"), S("newest"));
	assert_reads(store, "t", S("other"), S(""));
}

static void
missing_tables_and_keys_are_no_error(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	assert_missing(store, "no table", S("k"));
	(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
	assert_missing(store, "t", S("K"));
	assert_missing(store, "T", S("k"));
	assert_ok(asof_store_drop(store, "no table", &err), err);
	assert_int_equal(put_rows(store, "t", NULL, 0), 0);
}

static void
each_requested_index_is_visited_once(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	(void)put_one(store, "t", row(S("b"), S("1"), 1, 1));
	(void)put_one(store, "t", row(S("a"), S("1"), 1, 1));
	const struct asof_str keys[] = { S("a"), S("none"), S("b"), S("a") };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	assert_ok(asof_store_get_many(store, "t", keys, 4, remember, &seen, &err), err);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.index_sum, 0 + 2 + 3);
	assert_ok(asof_store_get_many(store, "t", NULL, 0, remember, &seen, &err), err);
	assert_int_equal(seen.count, 3);
}

static enum asof_status
refuse(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	(void)key_index;
	(void)value;
	++*(int *)arg;
	return ASOF_FAIL(err, ASOF_CANCELLED, "enough");
}

static void
a_visitor_that_fails_ends_the_visit(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
	const struct asof_str keys[] = { S("k"), S("k") };
	int visits = 0;
	assert_int_equal(asof_store_get_many(store, "t", keys, 2, refuse, &visits, &err),
			 ASOF_CANCELLED);
	assert_int_equal(visits, 1);
	assert_non_null(strstr(err.message, "enough"));
	assert_reads(store, "t", S("k"), S("v"));
}

static void
arguments_are_checked_before_anything_is_written(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	size_t written;
	char *big = calloc(1, (size_t)ASOF_STORE_VALUE_MAX + 1);
	assert_non_null(big);
	struct asof_store_row rows[] = { row(S("good"), S("v"), 1, 1), row(S(""), S("v"), 1, 1) };
	assert_int_equal(asof_store_put(store, ASOF_STORE_NAMED("t"), rows, 2, &written, &err),
			 ASOF_INVALID);
	rows[1].key = (struct asof_str){ big, ASOF_STORE_KEY_MAX + 1 };
	assert_int_equal(asof_store_put(store, ASOF_STORE_NAMED("t"), rows, 2, &written, &err),
			 ASOF_LIMIT);
	rows[1] = row(S("k"), (struct asof_str){ big, (size_t)ASOF_STORE_VALUE_MAX + 1 }, 1, 1);
	assert_int_equal(asof_store_put(store, ASOF_STORE_NAMED("t"), rows, 2, &written, &err),
			 ASOF_LIMIT);
	assert_missing(store, "t", S("good"));

	memset(big, 'n', ASOF_STORE_TABLE_MAX + 1);
	assert_int_equal(asof_store_put(store, ASOF_STORE_NAMED(big), rows, 1, &written, &err),
			 ASOF_LIMIT);
	assert_int_equal(asof_store_put(store, ASOF_STORE_NAMED(""), rows, 1, &written, &err),
			 ASOF_INVALID);
	big[ASOF_STORE_TABLE_MAX] = '\0';
	assert_int_equal(put_rows(store, big, rows, 1), 1);
	assert_reads(store, big, S("good"), S("v"));
	free(big);
}

/* Keys that differ in their last byte or in their length only. */
static void
keys_of_any_length_stay_apart(void **state)
{
	static const size_t lengths[] = { 1,   2,   499, 500, 501,  502,  503,
					  504, 510, 511, 512, 1000, 1001, ASOF_STORE_KEY_MAX };
	struct asof_store *store = store_of(state);
	static char bytes[ASOF_STORE_KEY_MAX];
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ASOF_COUNTOF(lengths) * 2; i++) {
			size_t len = lengths[i / 2];
			bytes[len - 1] = (char)(i % 2);
			struct asof_str key = { bytes, len };
			char value[VALUE_BYTES];
			int value_len = snprintf(value, sizeof(value), "%zu", i);
			struct asof_str expected = { value, (size_t)value_len };
			if (pass == 0)
				assert_int_equal(put_one(store, "t", row(key, expected, 1, 1)), 1);
			else
				assert_reads(store, "t", key, expected);
			bytes[len - 1] = 0;
		}
	}
	struct asof_str longest = { bytes, ASOF_STORE_KEY_MAX };
	assert_int_equal(put_one(store, "t", row(longest, S("late"), 0, 9)), 0);
	assert_int_equal(put_one(store, "t", tombstone(longest, 2, 0)), 1);
	assert_missing(store, "t", longest);
	assert_reads(store, "t", (struct asof_str){ bytes, 1001 }, S("24"));
	assert_int_equal(put_one(store, "t", row(longest, S("again"), 3, 0)), 1);
	assert_reads(store, "t", longest, S("again"));
}

static void
large_values_come_back_whole(void **state)
{
	struct asof_store *store = store_of(state);
	const size_t len = (size_t)9 << 20;
	char *bytes = malloc(len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 2654435761U >> 13);
	for (int i = 0; i < 3; i++) {
		char key[] = { 'k', (char)i };
		(void)put_one(store, "t",
			      row((struct asof_str){ key, 2 },
				  (struct asof_str){ bytes, len - (size_t)i }, 1, 1));
	}
	assert_reads(store, "t", S("k\1"), (struct asof_str){ bytes, len - 1 });
	assert_reads(store, "t", S("k\2"), (struct asof_str){ bytes, len - 2 });
	free(bytes);
}

int
main(void)
{
	struct CMUnitTest tests[] = {
		STORE_TEST(put_replaces_the_old_value),
		STORE_TEST(an_older_row_changes_nothing),
		STORE_TEST(a_tombstone_reads_as_missing_and_keeps_older_rows_out),
		STORE_TEST(rows_of_one_put_follow_the_write_rule_among_themselves),
		STORE_TEST(missing_tables_and_keys_are_no_error),
		STORE_TEST(each_requested_index_is_visited_once),
		STORE_TEST(a_visitor_that_fails_ends_the_visit),
		STORE_TEST(arguments_are_checked_before_anything_is_written),
		STORE_TEST(keys_of_any_length_stay_apart),
		STORE_TEST(large_values_come_back_whole),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
