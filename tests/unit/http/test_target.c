#include "http/entity_keys.h"

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
/* In static tables. */
#define T(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static void
a_target_is_split_into_segments_and_query(void **state)
{
	(void)state;
	static const struct {
		struct asof_str text;
		size_t count;
		struct asof_str last;
		struct asof_str query;
	} cases[] = {
		{ T("/"), 1, T(""), T("") },
		{ T("/healthz"), 1, T("healthz"), T("") },
		{ T("/features/v/"), 3, T(""), T("") },
		{ T("/features/v/a%2Fb"), 3, T("a%2Fb"), T("") },
		{ T("/features/v?a=b?c"), 2, T("v"), T("a=b?c") },
		{ T("http://host:1/features/v?x"), 2, T("v"), T("x") },
		{ T("HTTPS://host/healthz"), 1, T("healthz"), T("") },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_target target;
		struct asof_problem problem = { 0 };
		assert_int_equal(asof_target_split(cases[i].text, &target, &problem), ASOF_OK);
		assert_int_equal(target.segment_count, cases[i].count);
		assert_true(
			asof_str_equal(target.segments[target.segment_count - 1], cases[i].last));
		assert_true(asof_str_equal(target.query, cases[i].query));
	}
}

static void
more_segments_than_any_route_are_counted_only(void **state)
{
	(void)state;
	struct asof_target target;
	struct asof_problem problem = { 0 };
	assert_int_equal(asof_target_split(S("/a/b/c/d/e/f"), &target, &problem), ASOF_OK);
	assert_int_equal(target.segment_count, ASOF_SEGMENTS_MAX + 1);
}

static void
what_is_no_path_is_refused(void **state)
{
	(void)state;
	static const struct asof_str cases[] = { T("*"), T("host:80"), T("?a=b"), T("http://host"),
						 T("http://host?x") };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_target target;
		struct asof_problem problem = { 0 };
		assert_int_equal(asof_target_split(cases[i], &target, &problem), ASOF_INVALID);
		assert_int_equal(problem.kind, ASOF_PROBLEM_BAD_REQUEST);
	}
}

static void
percent_and_plus_are_decoded_where_they_mean_something(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	static const struct {
		struct asof_str text;
		bool is_query;
		struct asof_str decoded;
	} cases[] = {
		{ T(""), false, T("") },
		{ T("plain"), false, T("plain") },
		{ T("a+b"), false, T("a+b") },
		{ T("a+b"), true, T("a b") },
		{ T("%41%2c%2F%25"), false, T("A,/%") },
		{ T("%C3%A9\xc3\xa9"), false, T("\xc3\xa9\xc3\xa9") },
		{ T("%00"), true, T("\0") },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_str decoded;
		struct asof_problem problem = { 0 };
		assert_ok(asof_target_decode(cases[i].text, cases[i].is_query, &arena, &decoded,
					     &problem),
			  problem.err);
		assert_true(asof_str_equal(decoded, cases[i].decoded));
	}
}

static void
bad_escapes_and_bytes_are_refused(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	static const struct asof_str cases[] = { T("%"),   T("%4"),  T("a%"),   T("%zz"),
						 T("%4g"), T("%ff"), T("\xff"), T("%ed%a0%80") };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_str decoded;
		struct asof_problem problem = { 0 };
		assert_int_equal(asof_target_decode(cases[i], false, &arena, &decoded, &problem),
				 ASOF_INVALID);
		assert_int_equal(problem.kind, ASOF_PROBLEM_BAD_REQUEST);
	}
}

static struct asof_key keys[] = {
	{ .name = "origin", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "id", .type = { .kind = ASOF_TYPE_INT64 } },
};
static const struct asof_entity airport = { .name = "airport", .keys = keys, .key_count = 1 };
static const struct asof_entity route = { .name = "route", .keys = keys, .key_count = 2 };

static void
a_single_key_is_the_whole_segment(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value value;
	struct asof_problem problem = { 0 };
	assert_ok(asof_entity_keys_from_path(&airport, S("a,b%2Cc+d"), &arena, &value, &problem),
		  problem.err);
	assert_true(asof_str_equal(value.str, S("a,b,c+d")));
}

static void
several_keys_are_split_before_they_are_decoded(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value values[2];
	struct asof_problem problem = { 0 };
	assert_ok(asof_entity_keys_from_path(&route, S("a%2Cb,%2D7"), &arena, values, &problem),
		  problem.err);
	assert_true(asof_str_equal(values[0].str, S("a,b")));
	assert_int_equal(values[1].int64, -7);
}

static void
a_query_names_its_keys_in_any_order(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value values[2];
	struct asof_problem problem = { 0 };
	assert_ok(asof_entity_keys_from_query(&route, S("&x=1&id=1.0&or%69gin=a,/b&y"), &arena,
					      values, &problem),
		  problem.err);
	assert_true(asof_str_equal(values[0].str, S("a,/b")));
	assert_int_equal(values[1].int64, 1);
	assert_ok(asof_entity_keys_from_query(&airport, S("origin="), &arena, values, &problem),
		  problem.err);
	assert_int_equal(values[0].str.len, 0);
}

static void
wrong_keys_are_refused_with_their_kind(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	static const struct {
		const struct asof_entity *entity;
		struct asof_str text;
		bool is_query;
		enum asof_problem_kind kind;
		const char *mentions;
	} cases[] = {
		{ &airport, T(""), false, ASOF_PROBLEM_INVALID_KEY, "?origin=" },
		{ &airport, T("%"), false, ASOF_PROBLEM_BAD_REQUEST, "hexadecimal" },
		{ &route, T("a"), false, ASOF_PROBLEM_INVALID_KEY, "2 keys" },
		{ &route, T("a,1,2"), false, ASOF_PROBLEM_INVALID_KEY, "3 parts" },
		{ &route, T(",1"), false, ASOF_PROBLEM_INVALID_KEY, "origin" },
		{ &route, T("a,"), false, ASOF_PROBLEM_INVALID_KEY, "id" },
		{ &route, T("a,x"), false, ASOF_PROBLEM_INVALID_KEY, "'x' is no int64" },
		{ &route, T("a,1.5"), false, ASOF_PROBLEM_INVALID_KEY, "'1.5' is no int64" },
		{ &route, T("origin=a"), true, ASOF_PROBLEM_MISSING_KEY, "'id'" },
		{ &route, T("origin=a&id="), true, ASOF_PROBLEM_INVALID_KEY, "'id'" },
		{ &airport, T("origin=a&origin=a"), true, ASOF_PROBLEM_INVALID_KEY, "2 times" },
		{ &airport, T(""), true, ASOF_PROBLEM_MISSING_KEY, "'origin'" },
		{ &airport, T("a%=1&origin=a"), true, ASOF_PROBLEM_BAD_REQUEST, "hexadecimal" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_value values[2];
		struct asof_problem problem = { 0 };
		enum asof_status status =
			cases[i].is_query
				? asof_entity_keys_from_query(cases[i].entity, cases[i].text,
							      &arena, values, &problem)
				: asof_entity_keys_from_path(cases[i].entity, cases[i].text, &arena,
							     values, &problem);
		assert_int_equal(status, ASOF_INVALID);
		assert_int_equal(problem.kind, cases[i].kind);
		if (!strstr(problem.err.message, cases[i].mentions))
			fail_msg("case %zu: %s", i, problem.err.message);
	}
}

static void
a_key_in_path_and_query_is_refused(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_problem problem = { 0 };
	assert_ok(asof_entity_keys_refuse_query(&route, S("_=1"), &arena, &problem), problem.err);
	assert_int_equal(asof_entity_keys_refuse_query(&route, S("id=1"), &arena, &problem),
			 ASOF_INVALID);
	assert_int_equal(problem.kind, ASOF_PROBLEM_INVALID_KEY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_split_into_segments_and_query),
		cmocka_unit_test(more_segments_than_any_route_are_counted_only),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(percent_and_plus_are_decoded_where_they_mean_something),
		cmocka_unit_test(bad_escapes_and_bytes_are_refused),
		cmocka_unit_test(a_single_key_is_the_whole_segment),
		cmocka_unit_test(several_keys_are_split_before_they_are_decoded),
		cmocka_unit_test(a_query_names_its_keys_in_any_order),
		cmocka_unit_test(wrong_keys_are_refused_with_their_kind),
		cmocka_unit_test(a_key_in_path_and_query_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
