#include "model/project.h"

#include "check.h"

static struct asof_str
str(const char *text)
{
	return asof_str_from(text);
}

static void
everything_is_found_by_name(void **state)
{
	(void)state;
	struct asof_entity entities[] = { { .name = "a" }, { .name = "b" } };
	struct asof_field fields[] = { { .name = "x" }, { .name = "y" } };
	struct asof_source sources[] = { { .name = "s", .fields = fields, .field_count = 2 } };
	struct asof_output outputs[] = { { .name = "o", .window_us = 5 },
					 { .name = "p", .window_us = 9 },
					 { .name = "q", .window_us = 7 } };
	struct asof_view views[] = { { .name = "v" },
				     { .name = "w", .outputs = outputs, .output_count = 3 } };
	struct asof_service services[] = { { .name = "m" } };
	const struct asof_project project = { .entities = entities,
					      .entity_count = 2,
					      .sources = sources,
					      .source_count = 1,
					      .views = views,
					      .view_count = 2,
					      .services = services,
					      .service_count = 1 };
	assert_ptr_equal(asof_project_entity(&project, str("b")), &entities[1]);
	assert_null(asof_project_entity(&project, str("ab")));
	assert_ptr_equal(asof_project_source(&project, str("s")), &sources[0]);
	assert_null(asof_project_source(&project, str("")));
	assert_ptr_equal(asof_project_view(&project, str("w")), &views[1]);
	assert_null(asof_project_view(&project, str("W")));
	assert_ptr_equal(asof_project_service(&project, str("m")), &services[0]);
	assert_null(asof_project_service(&project, str("n")));
	assert_ptr_equal(asof_view_output(&views[1], str("p")), &outputs[1]);
	assert_null(asof_view_output(&views[0], str("p")));
	assert_ptr_equal(asof_source_field(&sources[0], str("y")), &fields[1]);
	assert_null(asof_source_field(&sources[0], str("z")));
	assert_int_equal(asof_view_longest_window_us(&views[1]), 9);
	assert_int_equal(asof_view_longest_window_us(&views[0]), 0);
}

static void
a_project_is_freed_with_its_arena(void **state)
{
	(void)state;
	asof_project_free(NULL);
	struct asof_project *project = asof_mem_alloc(sizeof(*project));
	assert_non_null(project);
	project->name = asof_arena_copy(&project->arena, str("p"));
	asof_project_free(project);
	assert_int_equal(asof_mem_live(), 0);
}

static void
locations_are_shown_without_their_secrets(void **state)
{
	(void)state;
	static const struct {
		const char *uri;
		const char *shown;
	} cases[] = {
		{ "/var/lake", "/var/lake" },
		{ "memory", "memory" },
		{ "s3://bucket/a@b", "s3://bucket/a@b" },
		{ "redis://host:6379/0", "redis://host:6379/0" },
		{ "redis://:secret@host:6379/0", "redis://:***@host:6379/0" },
		{ "postgres://user@host/db", "postgres://user@host/db" },
		{ "postgres://user:p@ss:w/rd@host/db", "postgres://user:***@host/db" },
		{ "postgres://u:p@h/db?sslmode=require&password=x&Token=y&z=1",
		  "postgres://u:***@h/db?sslmode=require&password=***&Token=***&z=1" },
		{ "postgres://h/db?password_env=SHOP&note=a@b:c",
		  "postgres://h/db?password_env=SHOP&note=a@b:c" },
		{ "host=h user=u password=p dbname=d", "host=h user=u password=*** dbname=d" },
		{ "s3://b?aws_secret_access_key=a=b", "s3://b?aws_secret_access_key=***" },
		{ "?&?", "?&?" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		assert_string_equal(asof_uri_redacted(cases[i].uri, &arena), cases[i].shown);
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(1);
	assert_null(asof_uri_redacted("redis://:secret@host", &small));
}

static void
running_out_of_memory_shows_no_location(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 2; n++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		asof_mem_fail_at(n);
		assert_null(asof_uri_redacted("redis://:secret@host", &arena));
		asof_mem_fail_at(0);
	}
	assert_int_equal(asof_mem_live(), 0);
}

/* "int64" or, where the aggregate does not take the column, "". */
static void
assert_agg(enum asof_agg_kind agg, const char *column, const char *want)
{
	struct asof_error err = { 0 };
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_NONE);
	struct asof_type result = type;
	char text[ASOF_TYPE_TEXT_MAX] = "";
	if (column[0])
		assert_ok(asof_type_parse(str(column), &type, &err), err);
	enum asof_status status = asof_agg_type(agg, type, &result, &err);
	if (status == ASOF_OK)
		(void)asof_type_text(result, text);
	if (strcmp(text, want) != 0)
		fail_msg("%s(%s) is '%s', not '%s'", asof_agg_text(agg), column, text, want);
	assert_int_equal(status, want[0] ? ASOF_OK : ASOF_INVALID);
}

static void
aggregates_have_types(void **state)
{
	(void)state;
	assert_agg(ASOF_AGG_COUNT, "", "int64");
	assert_agg(ASOF_AGG_COUNT, "list<json>", "int64");
	assert_agg(ASOF_AGG_COUNT_DISTINCT, "json", "int64");
	assert_agg(ASOF_AGG_COUNT_DISTINCT, "list<int32>", "");
	assert_agg(ASOF_AGG_COUNT_DISTINCT, "", "");
	assert_agg(ASOF_AGG_SUM, "bool", "int64");
	assert_agg(ASOF_AGG_SUM, "int32", "int64");
	assert_agg(ASOF_AGG_SUM, "float32", "float64");
	assert_agg(ASOF_AGG_SUM, "decimal(10,2)", "decimal(38,2)");
	assert_agg(ASOF_AGG_SUM, "string", "");
	assert_agg(ASOF_AGG_MIN, "string", "string");
	assert_agg(ASOF_AGG_MAX, "decimal(10,2)", "decimal(10,2)");
	assert_agg(ASOF_AGG_MIN, "json", "");
	assert_agg(ASOF_AGG_MAX, "vector<float32,2>", "");
	assert_agg(ASOF_AGG_FIRST, "list<int32>", "list<int32>");
	assert_agg(ASOF_AGG_LAST, "json", "json");
	assert_agg(ASOF_AGG_LAST, "", "");
	assert_agg(ASOF_AGG_NONE, "uuid", "uuid");
	static const enum asof_agg_kind means[] = { ASOF_AGG_MEAN, ASOF_AGG_STD, ASOF_AGG_VAR,
						    ASOF_AGG_MEDIAN, ASOF_AGG_QUANTILE };
	for (size_t i = 0; i < ASOF_COUNTOF(means); i++) {
		assert_agg(means[i], "decimal(10,2)", "float64");
		assert_agg(means[i], "int32", "float64");
		assert_agg(means[i], "date", "");
	}
	struct asof_error err = { 0 };
	struct asof_type type;
	assert_int_equal(asof_agg_type(ASOF_AGG_STD, ASOF_TYPE(ASOF_TYPE_DATE), &type, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "'std' does not take date");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_found_by_name),
		cmocka_unit_test(a_project_is_freed_with_its_arena),
		cmocka_unit_test(locations_are_shown_without_their_secrets),
		cmocka_unit_test(running_out_of_memory_shows_no_location),
		cmocka_unit_test(aggregates_have_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
