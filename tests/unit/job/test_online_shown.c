/* test_online_shown.c - what people see of a row is what a reader gets at the instant that it was
 * made at. */
#include "check.h"
#include "job/online_shown.h"

static struct asof_key keys[] = { { .name = "id", .type = { .kind = ASOF_TYPE_INT64 } } };
static struct asof_entity entity = { .name = "user", .keys = keys, .key_count = 1 };
static struct asof_value five = { .type = { .kind = ASOF_TYPE_FLOAT64 }, .float64 = 5 };
static struct asof_output outputs[] = {
	{ .name = "x",
	  .type = { .kind = ASOF_TYPE_FLOAT64 },
	  .has_default = true,
	  .default_value = &five },
	{ .name = "s", .type = { .kind = ASOF_TYPE_STRING } },
};
static const struct asof_view view = {
	.name = "v",
	.entity = &entity,
	.step_us = ASOF_STEP_NONE,
	.max_age_us = INT64_C(86400000000),
	.outputs = outputs,
	.output_count = 2,
};

static void
a_table_has_the_keys_and_outputs_of_its_view(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_store_table table;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_ok(asof_online_table("t", &view, &arena, &table, &err), err);
	assert_string_equal(table.name, "t");
	assert_int_equal(table.key_count, 1);
	assert_string_equal(table.keys[0].name, "id");
	assert_int_equal(table.keys[0].type.kind, ASOF_TYPE_INT64);
	assert_int_equal(table.value_count, 2);
	assert_string_equal(table.values[0].name, "x");
	assert_string_equal(table.values[1].name, "s");
	assert_int_equal(table.values[1].type.kind, ASOF_TYPE_STRING);
}

static void
a_row_shows_what_a_reader_gets(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_answer_plan plan;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena shown_arena = { 0 };
	assert_ok(asof_answer_plan_make(&view, &arena, &plan, &err), err);
	const struct asof_value key = { .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = 42 };
	char letters[] = "abc";
	struct asof_value values[] = {
		{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = 2.5 },
		{ .type = ASOF_TYPE(ASOF_TYPE_STRING), .str = { letters, 3 } },
	};
	struct asof_row row = { .has_answer = true,
				.event_us = 10,
				.from_us = 20,
				.until_us = INT64_MAX,
				.values = values };
	const struct asof_value *shown = NULL;
	assert_ok(asof_online_shown(&plan, &key, &row, 20, &shown_arena, &shown, &err), err);
	letters[0] = 'x'; /* nothing is borrowed */
	assert_int_equal(shown[0].int64, 42);
	assert_true(shown[1].float64 == 2.5);
	assert_memory_equal(shown[2].str.ptr, "abc", 3);

	/* Past max_age, and without an answer: defaults, else NULL. */
	int64_t day_us = INT64_C(86400000000);
	for (int pass = 0; pass < 2; pass++) {
		row.has_answer = pass == 0;
		assert_ok(asof_online_shown(&plan, &key, &row, 11 + day_us, &shown_arena, &shown,
					    &err),
			  err);
		assert_int_equal(shown[0].int64, 42);
		assert_true(shown[1].float64 == 5);
		assert_true(shown[2].is_null);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_the_keys_and_outputs_of_its_view),
		cmocka_unit_test(a_row_shows_what_a_reader_gets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
