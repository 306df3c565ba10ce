#include "http/batch_request.h"

#include "unit/http/batch_case.h"

static enum asof_status
read_view(struct asof_str body, struct asof_arena *arena, struct asof_batch_request *ret_batch,
	  struct asof_problem *problem)
{
	return asof_batch_read_view(&online, body, ENTITY_MAX, arena, ret_batch, problem);
}

static void
columns_are_converted_in_order(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_batch_request batch;
	struct asof_problem problem = { 0 };
	assert_ok(read_view(S("{\"entities\": {\"id\": [1, \"2\", 3.0, null], \"x\": 7,"
			      " \"origin\": [\"a\", null, \"\", \"\\u00e9\"]}, \"more\": []}"),
			    &arena, &batch, &problem),
		  problem.err);
	assert_int_equal(batch.row_count, 4);
	assert_int_equal(batch.part_count, 1);
	assert_int_equal(batch.parts[0].output_count, 0);
	const struct asof_value *origins = batch.parts[0].columns[0]->values;
	const struct asof_value *ids = batch.parts[0].columns[1]->values;
	assert_true(asof_str_equal(origins[0].str, S("a")));
	assert_true(origins[1].is_null);
	assert_int_equal(origins[2].str.len, 0);
	assert_true(asof_str_equal(origins[3].str, S("\xc3\xa9")));
	assert_int_equal(ids[0].int64, 1);
	assert_int_equal(ids[1].int64, 2);
	assert_int_equal(ids[2].int64, 3);
	assert_true(ids[3].is_null);
}

static void
features_are_kept_in_order_and_once(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_batch_request batch;
	struct asof_problem problem = { 0 };
	assert_ok(read_view(S("{\"features\": [\"count\", \"price\", \"count\"],"
			      " \"entities\": {\"id\": [], \"origin\": []}}"),
			    &arena, &batch, &problem),
		  problem.err);
	assert_int_equal(batch.row_count, 0);
	assert_int_equal(batch.parts[0].output_count, 2);
	assert_int_equal(batch.parts[0].outputs[0], 1);
	assert_int_equal(batch.parts[0].outputs[1], 0);
}

/* Keys, and behind them the values of the request. */
static struct asof_key keys_and_request[] = {
	{ .name = "id", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "now", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
};
static const struct asof_entity asked = { .name = "age", .keys = keys_and_request, .key_count = 2 };
static struct asof_on_demand on_demand;
static const struct asof_view computed = { .name = "age",
					   .entity = &asked,
					   .outputs = outputs,
					   .output_count = ASOF_COUNTOF(outputs),
					   .on_demand = &on_demand };
static const struct asof_reader_view served = {
	.name = "age", .version = "1.0.0", .view = &computed, .key_count = 1
};

static void
a_value_of_the_request_is_one_for_all_or_one_for_each(void **state)
{
	static const struct asof_str bodies[] = {
		T("{\"entities\": {\"id\": [7, null]}, \"request\": {\"now\": "
		  "\"1970-01-01T00:00:01Z\"}}"),
		T("{\"entities\": {\"id\": [7, null]}, \"request\": {\"now\": "
		  "[\"1970-01-01T00:00:01Z\", \"1970-01-01T00:00:01Z\"]}}"),
	};
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(bodies); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
		struct asof_batch_request batch;
		struct asof_problem problem = { 0 };
		assert_ok(asof_batch_read_view(&served, bodies[i], ENTITY_MAX, &arena, &batch,
					       &problem),
			  problem.err);
		const struct asof_batch_column *column = batch.parts[0].columns[1];
		assert_true(column->is_request);
		assert_int_equal(batch.row_count, 2);
		assert_int_equal(column->values[0].int64, 1000000);
		assert_int_equal(column->values[1].int64, 1000000);
	}
}

static void
wrong_values_of_the_request_are_refused_with_their_kind(void **state)
{
	static const struct {
		struct asof_str body;
		enum asof_problem_kind kind;
	} cases[] = {
		{ T("{\"entities\": {\"id\": [7]}}"), ASOF_PROBLEM_MISSING_KEY },
		{ T("{\"entities\": {\"id\": [7], \"now\": [null]}}"), ASOF_PROBLEM_MISSING_KEY },
		{ T("{\"entities\": {\"id\": [7]}, \"request\": []}"), ASOF_PROBLEM_INVALID_BODY },
		{ T("{\"entities\": {\"id\": [7]}, \"request\": {\"now\": \"soon\"}}"),
		  ASOF_PROBLEM_INVALID_KEY },
		{ T("{\"entities\": {\"id\": [7]}, \"request\": {\"now\": [null, null]}}"),
		  ASOF_PROBLEM_UNEQUAL_LENGTHS },
		{ T("{\"entities\": {\"id\": [7]}, \"request\": {\"now\": [1, 2, 3, 4, 5]}}"),
		  ASOF_PROBLEM_TOO_MANY_ENTITIES },
	};
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
		struct asof_batch_request batch;
		struct asof_problem problem = { 0 };
		assert_int_equal(asof_batch_read_view(&served, cases[i].body, ENTITY_MAX, &arena,
						      &batch, &problem),
				 ASOF_INVALID);
		assert_int_equal(problem.kind, cases[i].kind);
	}
}

static void
features_null_is_all_of_them(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_batch_request batch;
	struct asof_problem problem = { 0 };
	assert_ok(read_view(S("{\"features\": null, \"entities\": {\"id\": [], \"origin\": []}}"),
			    &arena, &batch, &problem),
		  problem.err);
	assert_int_equal(batch.parts[0].output_count, 0);
}

#define OK_ENTITIES "\"entities\": {\"id\": [1], \"origin\": [\"a\"]}"

static const struct wrong_body wrong[] = {
	{ T(""), ASOF_PROBLEM_MALFORMED_JSON, "body: " },
	{ T("{"), ASOF_PROBLEM_MALFORMED_JSON, "line 1" },
	{ T("{\"a\": 1, \"a\": 2}"), ASOF_PROBLEM_MALFORMED_JSON, "" },
	{ T("{} {}"), ASOF_PROBLEM_MALFORMED_JSON, "" },
	{ T("{\"a\": \"\xff\"}"), ASOF_PROBLEM_MALFORMED_JSON, "" },
	{ T("{\"a\": NaN}"), ASOF_PROBLEM_MALFORMED_JSON, "" },
	{ T("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
	  ASOF_PROBLEM_MALFORMED_JSON, "" },
	{ T("[]"), ASOF_PROBLEM_INVALID_BODY, "object" },
	{ T("null"), ASOF_PROBLEM_INVALID_BODY, "object" },
	{ T("{}"), ASOF_PROBLEM_INVALID_BODY, "entities" },
	{ T("{\"entities\": null}"), ASOF_PROBLEM_INVALID_BODY, "entities" },
	{ T("{\"entities\": [{\"id\": 1}]}"), ASOF_PROBLEM_INVALID_BODY, "entities" },
	{ T("{\"entities\": {}}"), ASOF_PROBLEM_MISSING_KEY, "'origin'" },
	{ T("{\"entities\": {\"origin\": [\"a\"]}}"), ASOF_PROBLEM_MISSING_KEY, "'id'" },
	{ T("{\"entities\": {\"origin\": \"a\", \"id\": 1}}"), ASOF_PROBLEM_INVALID_BODY,
	  "entities.origin is no list" },
	{ T("{\"entities\": {\"origin\": [\"a\"], \"id\": [1, 2]}}"), ASOF_PROBLEM_UNEQUAL_LENGTHS,
	  "entities.id has 2 values, entities.origin 1" },
	{ T("{\"entities\": {\"origin\": [\"a\"], \"id\": []}}"), ASOF_PROBLEM_UNEQUAL_LENGTHS,
	  "entities.id has 0" },
	{ T("{\"entities\": {\"origin\": [\"a\"], \"id\": [1.5]}}"), ASOF_PROBLEM_INVALID_KEY,
	  "entities.id[0]: '1.5' is no int64" },
	{ T("{\"entities\": {\"origin\": [\"a\"], \"id\": [9223372036854775808]}}"),
	  ASOF_PROBLEM_INVALID_KEY, "9223372036854775808" },
	{ T("{\"entities\": {\"origin\": [{}], \"id\": [1]}}"), ASOF_PROBLEM_INVALID_KEY,
	  "entities.origin[0]" },
	{ T("{\"entities\": {\"origin\": [true], \"id\": [1]}}"), ASOF_PROBLEM_INVALID_KEY,
	  "entities.origin[0]" },
	{ T("{\"entities\": {\"origin\": [1, 2, 3, 4, 5], \"id\": [1]}}"),
	  ASOF_PROBLEM_TOO_MANY_ENTITIES, "5 entities, at most 4" },
	{ T("{\"features\": \"price\", " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "features" },
	{ T("{\"features\": [], " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "empty" },
	{ T("{\"features\": [1], " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "features[0]" },
	{ T("{\"features\": [\"prise\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "did you mean 'price'?" },
	{ T("{\"features\": [\"\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE, "''" },
};

static enum asof_status
read_any(struct asof_str body, struct asof_arena *arena, struct asof_problem *problem)
{
	struct asof_batch_request batch;
	return read_view(body, arena, &batch, problem);
}

static void
wrong_bodies_are_refused_with_their_kind(void **state)
{
	(void)state;
	assert_bodies_are_refused(read_any, wrong, ASOF_COUNTOF(wrong));
}

static void
a_body_of_too_many_values_is_too_large(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF((size_t)8 << 20);
	asof_buf_add_cstr(&body, "{\"x\": [0");
	for (int i = 0; i < 2000000; i++)
		asof_buf_add(&body, ",0", 2);
	asof_buf_add_cstr(&body, "]}");
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_batch_request batch;
	struct asof_problem problem = { 0 };
	assert_int_not_equal(read_view(asof_buf_view(&body), &arena, &batch, &problem), ASOF_OK);
	assert_int_equal(problem.kind, ASOF_PROBLEM_BODY_TOO_LARGE);
	assert_int_equal(arena.used_bytes, 0);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	assert_allocation_failures_are_survived(
		read_any, S("{\"features\": [\"price\", \"count\"], \"entities\": "
			    "{\"id\": [1, 2], \"origin\": [\"\\u00e9\", \"b\"]}}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_converted_in_order),
		cmocka_unit_test(features_are_kept_in_order_and_once),
		cmocka_unit_test(a_value_of_the_request_is_one_for_all_or_one_for_each),
		cmocka_unit_test(wrong_values_of_the_request_are_refused_with_their_kind),
		cmocka_unit_test(features_null_is_all_of_them),
		cmocka_unit_test(wrong_bodies_are_refused_with_their_kind),
		cmocka_unit_test(a_body_of_too_many_values_is_too_large),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
