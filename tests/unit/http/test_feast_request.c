#include "http/feast_request.h"

#include "unit/http/batch_case.h"

static const struct asof_entity airport = { .name = "airport", .keys = keys, .key_count = 1 };
static const struct asof_view view_of_one_key = {
	.name = "v", .entity = &airport, .outputs = outputs, .output_count = ASOF_COUNTOF(outputs)
};
static const struct asof_reader_view online_of_one_key = { .name = "v",
							   .version = "1.0.0",
							   .view = &view_of_one_key };

static enum asof_status
read_of(const struct asof_reader_view *only, struct asof_str body, struct asof_arena *arena,
	struct asof_feast_request *ret_request, struct asof_problem *problem)
{
	struct asof_batch_reading reading = {
		.only = only, .entity_max = ENTITY_MAX, .arena = arena, .problem = problem
	};
	return asof_feast_read(&reading, body, ret_request);
}

#define OK_ENTITIES "\"entities\": {\"id\": [1, 2], \"x\": 7, \"origin\": [\"a\", null]}"

static void
keys_are_in_the_order_of_the_request(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_feast_request request;
	struct asof_problem problem = { 0 };
	assert_ok(read_of(&online, S("{\"features\": [\"v:price\"], " OK_ENTITIES "}"), &arena,
			  &request, &problem),
		  problem.err);
	assert_int_equal(request.key_count, 2);
	assert_string_equal(request.keys[0]->name, "id");
	assert_string_equal(request.keys[1]->name, "origin");
	assert_true(request.keys[1]->values[1].is_null);
	assert_int_equal(request.batch.row_count, 2);
	assert_false(request.tells_versions);
}

static void
features_are_named_as_asked_for_and_once(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_feast_request request;
	struct asof_problem problem = { 0 };
	assert_ok(read_of(&online,
			  S("{\"features\": [\"v:count\", \"v:price\", \"v:count\"], " OK_ENTITIES
			    ", \"include_feature_view_version_metadata\": true}"),
			  &arena, &request, &problem),
		  problem.err);
	assert_int_equal(request.batch.item_count, 2);
	assert_string_equal(request.batch.items[0].name, "count");
	assert_string_equal(request.batch.items[1].name, "price");
	assert_true(request.tells_versions);
	assert_ok(read_of(&online,
			  S("{\"features\": [\"v:*\"], " OK_ENTITIES
			    ", \"full_feature_names\": true}"),
			  &arena, &request, &problem),
		  problem.err);
	assert_int_equal(request.batch.item_count, 3);
	assert_string_equal(request.batch.items[0].name, "v__price");
	assert_string_equal(request.batch.items[2].name, "v__id");
}

static void
a_column_may_be_called_as_an_entity_of_one_key(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_feast_request request;
	struct asof_problem problem = { 0 };
	assert_ok(read_of(&online_of_one_key,
			  S("{\"features\": [\"v:price\"], \"entities\": {\"airport\": [\"a\"]}}"),
			  &arena, &request, &problem),
		  problem.err);
	assert_int_equal(request.key_count, 1);
	assert_string_equal(request.keys[0]->name, "origin");
	assert_true(asof_str_equal(request.keys[0]->values[0].str, S("a")));
}

/* Of "1.0.0"; a version is its numbers, and not what a text begins with. */
static void
a_view_may_be_named_with_its_version(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool is_there;
	} names[] = {
		{ "v", true },
		{ "v@1", true },
		{ "v@v1", true },
		{ "v@1.0", true },
		{ "v@1.0.0", true },
		{ "v@latest", true },
		{ "v@v1.0.0", true },
		{ "v@", false },
		{ "v@v", false },
		{ "v@1.", false },
		{ "v@1.0.0.0", false },
		{ "v@10", false },
		{ "v@2", false },
		{ "v@vlatest", false },
		{ "v@1.0.0\\u0000", false },
		{ "v@1.0.0\\u0000and more than any version has", false },
		{ "v@1@1", false },
		{ "v\\u0000", false },
		{ "V", false },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
		struct asof_feast_request request;
		struct asof_problem problem = { 0 };
		const char *body = asof_arena_printf(
			&arena, "{\"features\": [\"%s:price\"], " OK_ENTITIES "}", names[i].name);
		assert_non_null(body);
		enum asof_status status =
			read_of(&online, asof_str_from(body), &arena, &request, &problem);
		if ((status == ASOF_OK) != names[i].is_there ||
		    problem.kind !=
			    (names[i].is_there ? ASOF_PROBLEM_NONE : ASOF_PROBLEM_UNKNOWN_VIEW))
			fail_msg("'%s': %s", names[i].name, problem.err.message);
	}
}

static const struct wrong_body wrong[] = {
	{ T(""), ASOF_PROBLEM_MALFORMED_JSON, "body: " },
	{ T("[]"), ASOF_PROBLEM_INVALID_BODY, "object" },
	{ T("{}"), ASOF_PROBLEM_INVALID_BODY, "neither feature_service nor features" },
	{ T("{" OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "neither" },
	{ T("{\"features\": null, " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "neither" },
	{ T("{\"features\": [], " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "empty" },
	{ T("{\"features\": \"v:price\", " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY,
	  "no list of names" },
	{ T("{\"features\": [1], " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY, "features[0]" },
	{ T("{\"features\": [\"\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "'' is not of the form view:feature" },
	{ T("{\"features\": [\"v.price\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "'v.price' is not of the form view:feature" },
	{ T("{\"features\": [\"v:\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "view 'v' has no feature ''" },
	{ T("{\"features\": [\"v:prise\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "did you mean 'price'?" },
	{ T("{\"features\": [\"v:price:x\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_FEATURE,
	  "'price:x'" },
	{ T("{\"features\": [\":price\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_VIEW,
	  "no view ''" },
	{ T("{\"features\": [\"w:price\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_VIEW,
	  "no view 'w'" },
	{ T("{\"features\": [\"v@v2:price\"], " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_VIEW,
	  "no view 'v@2'" },
	{ T("{\"feature_service\": \"s\", " OK_ENTITIES "}"), ASOF_PROBLEM_UNKNOWN_SERVICE, "'s'" },
	{ T("{\"feature_service\": 1, " OK_ENTITIES "}"), ASOF_PROBLEM_INVALID_BODY,
	  "feature_service is no string" },
	{ T("{\"features\": [\"v:price\"], " OK_ENTITIES ", \"full_feature_names\": \"true\"}"),
	  ASOF_PROBLEM_INVALID_BODY, "full_feature_names is neither true nor false" },
	{ T("{\"features\": [\"v:price\", \"v:id\"], " OK_ENTITIES "}"),
	  ASOF_PROBLEM_NAME_COLLISION, "'id' of view 'v' is called as a key" },
	{ T("{\"features\": [\"v:price\"]}"), ASOF_PROBLEM_INVALID_BODY, "entities" },
	{ T("{\"features\": [\"v:price\"], \"entities\": {\"id\": [1]}}"), ASOF_PROBLEM_MISSING_KEY,
	  "'origin', a key of view 'v'" },
	{ T("{\"features\": [\"v:price\"], \"entities\": {\"route\": [1]}}"),
	  ASOF_PROBLEM_MISSING_KEY, "'origin'" },
	{ T("{\"features\": [\"v:price\"], \"entities\": {\"id\": [1], \"origin\": []}}"),
	  ASOF_PROBLEM_UNEQUAL_LENGTHS, "entities.id has 1 values" },
	{ T("{\"features\": [\"v:price\"], \"entities\": {\"origin\": [1, 2, 3, 4, 5]}}"),
	  ASOF_PROBLEM_TOO_MANY_ENTITIES, "5 entities, at most 4" },
};

static enum asof_status
read_any(struct asof_str body, struct asof_arena *arena, struct asof_problem *problem)
{
	struct asof_feast_request request;
	return read_of(&online, body, arena, &request, problem);
}

static void
wrong_bodies_are_refused_with_their_kind(void **state)
{
	(void)state;
	assert_bodies_are_refused(read_any, wrong, ASOF_COUNTOF(wrong));
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	assert_allocation_failures_are_survived(
		read_any, S("{\"features\": [\"v:price\", \"v:count\"], " OK_ENTITIES
			    ", \"full_feature_names\": true}"));
}

/* Past any limit of the arena as past the heap's end: what is half made is not used. */
static void
every_limit_of_memory_is_survived(void **state)
{
	(void)state;
	struct asof_str body = S("{\"features\": [\"v@v1:price\"], " OK_ENTITIES "}");
	size_t refused = 0;
	for (size_t max = 16; max < 8192; max += 16) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(max);
		struct asof_feast_request request;
		struct asof_problem problem = { 0 };
		enum asof_status status = read_of(&online, body, &arena, &request, &problem);
		asof_problem_settle(&problem, status);
		refused += problem.kind == ASOF_PROBLEM_UNAVAILABLE;
		assert_int_equal(problem.kind,
				 status == ASOF_OK ? ASOF_PROBLEM_NONE : ASOF_PROBLEM_UNAVAILABLE);
	}
	assert_true(refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_in_the_order_of_the_request),
		cmocka_unit_test(features_are_named_as_asked_for_and_once),
		cmocka_unit_test(a_column_may_be_called_as_an_entity_of_one_key),
		cmocka_unit_test(a_view_may_be_named_with_its_version),
		cmocka_unit_test(wrong_bodies_are_refused_with_their_kind),
		cmocka_unit_test(every_allocation_failure_is_survived),
		cmocka_unit_test(every_limit_of_memory_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
