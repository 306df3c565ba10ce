/* test_describe.c - declared things as JSON. */
#include "job/describe.h"
#include "job_samples.h"

static const char text[] =
	"entities:\n"
	"  e: {keys: {k: string, n: int64}, description: who, owner: me, tags: [a, b]}\n"
	"sources:\n"
	"  bare: {path: b.csv, event_time: t, types: {k: string, n: int64, t: timestamp, x: "
	"int64}}\n"
	"  full: {path: 'c/*.csv', event_time: t, created_time: c, filter: x > 0, time_zone: "
	"Europe/Berlin, select: {z: x + 1}, description: rows, types: {k: string, n: int64, t: "
	"timestamp, x: 'decimal(10,2)'}}\n"
	"views:\n"
	"  plain: {entity: e, source: bare, features: {x: {column: x, default: 5, description: "
	"said}}}\n"
	"  tiled: {entity: e, source: full, step: 1h, max_age: 30d, available_after: 90s, "
	"features: "
	"{n: {agg: count, windows: [24h]}, x: {column: x, agg: quantile(0.9), windows: [1h]}}}\n"
	"  exact: {entity: e, source: bare, step: event, features: {n: {agg: count, windows: "
	"[1h]}}}\n"
	"services:\n"
	"  m: {features: [plain.x, tiled@1.2.n_count_24h], owner: you}\n";

struct fixture {
	struct asof_project *project;
	struct asof_buf buf;
	struct asof_json_writer w;
};

static int
set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	f->project = sample_project(text);
	f->buf = ASOF_BUF(65536);
	f->w = asof_json_writer_to(&f->buf);
	asof_json_begin_object(&f->w);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_project_free(f->project);
	asof_buf_done(&f->buf);
	test_free(f);
	return 0;
}

/* What has been written, as one object; the next one begins. */
static void
assert_written(struct fixture *f, const char *want)
{
	struct asof_error err = { 0 };
	asof_json_end_object(&f->w);
	assert_ok(asof_buf_status(&f->buf, &err), err);
	assert_string_equal(asof_buf_cstr(&f->buf), want);
	asof_buf_clear(&f->buf);
	f->w = asof_json_writer_to(&f->buf);
	asof_json_begin_object(&f->w);
}

static const struct asof_view *
view_named(const struct fixture *f, const char *name)
{
	const struct asof_view *view = asof_project_view(f->project, asof_str_from(name));
	assert_non_null(view);
	return view;
}

static void
an_entity_has_its_keys_in_order_and_what_is_said_of_it(void **state)
{
	struct fixture *f = *state;
	asof_describe_entity(&f->w, &f->project->entities[0]);
	assert_written(f, "{\"name\":\"e\",\"keys\":{\"k\":\"string\",\"n\":\"int64\"},"
			  "\"description\":\"who\",\"owner\":\"me\",\"tags\":[\"a\",\"b\"]}");
}

static void
what_was_not_said_is_left_out(void **state)
{
	struct fixture *f = *state;
	const struct asof_about nothing = { 0 };
	asof_describe_about(&f->w, &nothing);
	assert_written(f, "{}");
}

static void
a_source_has_its_columns_where_they_are_known(void **state)
{
	struct fixture *f = *state;
	struct asof_source *source = &f->project->sources[0];
	asof_describe_source(&f->w, source);
	assert_written(f,
		       "{\"name\":\"bare\",\"path\":\"b.csv\",\"event_time\":\"t\",\"columns\":"
		       "{\"k\":\"string\",\"n\":\"int64\",\"t\":\"timestamp\",\"x\":\"int64\"}}");

	/* A type that is not ours goes by the engine's name of it. */
	source->field_count = 2;
	source->fields[1] = (struct asof_field){ .name = "n", .type_text = "INTERVAL" };
	asof_describe_source(&f->w, source);
	assert_written(f, "{\"name\":\"bare\",\"path\":\"b.csv\",\"event_time\":\"t\",\"columns\":"
			  "{\"k\":\"string\",\"n\":\"INTERVAL\"}}");
	source->field_count = 0;
	asof_describe_source(&f->w, source);
	assert_written(f, "{\"name\":\"bare\",\"path\":\"b.csv\",\"event_time\":\"t\"}");
}

static void
a_source_has_every_expression_as_written(void **state)
{
	struct fixture *f = *state;
	struct asof_source *source = &f->project->sources[1];
	source->field_count = 0;
	asof_describe_source(&f->w, source);
	assert_written(f,
		       "{\"name\":\"full\",\"path\":\"c/*.csv\",\"event_time\":\"t\","
		       "\"created_time\":\"c\",\"filter\":\"x > 0\",\"time_zone\":"
		       "\"Europe/Berlin\",\"select\":{\"z\":\"x + 1\"},\"description\":\"rows\"}");
}

static void
a_view_has_its_durations_or_null(void **state)
{
	struct fixture *f = *state;
	asof_describe_view(&f->w, view_named(f, "plain"));
	assert_written(f, "{\"name\":\"plain\",\"entity\":\"e\",\"keys\":{\"k\":\"string\",\"n\":"
			  "\"int64\"},\"source\":\"bare\",\"step\":null,\"max_age\":null,"
			  "\"available_after\":null}");
	asof_describe_view(&f->w, view_named(f, "tiled"));
	assert_written(f, "{\"name\":\"tiled\",\"entity\":\"e\",\"keys\":{\"k\":\"string\",\"n\":"
			  "\"int64\"},\"source\":\"full\",\"step\":\"1h\",\"max_age\":\"30d\","
			  "\"available_after\":\"90s\"}");
	asof_describe_duration(&f->w, "step", view_named(f, "exact")->step_us);
	assert_written(f, "{\"step\":\"event\"}");
}

static void
an_output_has_its_window_as_its_name_has_it(void **state)
{
	struct fixture *f = *state;
	const struct asof_view *tiled = view_named(f, "tiled");
	asof_describe_output(&f->w, &tiled->outputs[0]);
	assert_written(f, "{\"name\":\"n_count_24h\",\"type\":\"int64\",\"aggregate\":\"count\","
			  "\"window\":\"24h\"}");
	asof_describe_output(&f->w, &tiled->outputs[1]);
	assert_written(f, "{\"name\":\"x_p90_1h\",\"type\":\"float64\",\"aggregate\":\"quantile\","
			  "\"window\":\"1h\",\"column\":\"x\"}");
	asof_describe_output(&f->w, &view_named(f, "plain")->outputs[0]);
	assert_written(f, "{\"name\":\"x\",\"type\":\"int64\",\"column\":\"x\",\"default\":5,"
			  "\"description\":\"said\"}");
}

static void
an_output_of_no_known_type_has_null(void **state)
{
	struct fixture *f = *state;
	struct asof_output output = view_named(f, "exact")->outputs[0];
	output.type = ASOF_TYPE(ASOF_TYPE_NONE);
	asof_describe_output(&f->w, &output);
	assert_written(f, "{\"name\":\"n_count_1h\",\"type\":null,\"aggregate\":\"count\","
			  "\"window\":\"1h\"}");
}

static void
a_service_has_its_references_with_the_versions_it_pins(void **state)
{
	struct fixture *f = *state;
	asof_describe_service(&f->w, &f->project->services[0]);
	assert_written(f, "{\"name\":\"m\",\"features\":[\"plain.x\",\"tiled@1.2.n_count_24h\"],"
			  "\"owner\":\"you\"}");
}

static void
a_time_is_rfc_3339(void **state)
{
	struct fixture *f = *state;
	asof_describe_time(&f->w, "at", SAMPLE_NOW_US);
	assert_written(f, "{\"at\":\"2023-11-14T22:13:20Z\"}");
}

static enum asof_status
describe_all(void *arg, struct asof_error *err)
{
	const struct fixture *f = arg;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(65536);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_object(&w);
	asof_describe_service(&w, &f->project->services[0]);
	asof_describe_output(&w, &f->project->views[0].outputs[0]);
	asof_json_end_object(&w);
	return asof_buf_status(&buf, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	assert_survives(describe_all, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_entity_has_its_keys_in_order_and_what_is_said_of_it),
		TEST(what_was_not_said_is_left_out),
		TEST(a_source_has_its_columns_where_they_are_known),
		TEST(a_source_has_every_expression_as_written),
		TEST(a_view_has_its_durations_or_null),
		TEST(an_output_has_its_window_as_its_name_has_it),
		TEST(an_output_of_no_known_type_has_null),
		TEST(a_service_has_its_references_with_the_versions_it_pins),
		TEST(a_time_is_rfc_3339),
		TEST(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
