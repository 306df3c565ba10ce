/* test_bind.c - definitions against the sources' real columns, with an engine and files. */
#include "job/bind.h"
#include "job_samples.h"

#define PROJECT "project: p\nlake: ./lake\nonline: memory\ncatalog: memory\n"

static const char csv[] = "k,n,t,loaded,amount,order\n"
			  "007,1,2024-01-01 00:00:00,2024-01-02,1.5,a\n"
			  "008,2,2024-01-01 01:00:00,2024-01-02,,b\n";

struct fixture {
	char dir[TEMPDIR_MAX];
	struct asof_session *session;
};

static int
set_up(void **state)
{
	static struct fixture f;
	f = (struct fixture){ 0 };
	tempdir_make(f.dir);
	sample_file(f.dir, "a.csv", csv);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_session_close(f->session);
	tempdir_remove(f->dir);
	return 0;
}

/* Open a project of `definitions` and bind it. */
static enum asof_status
bind_text(struct fixture *f, const char *definitions, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(65536);
	struct asof_session_options options = { .dir = f->dir, .threads = 1 };
	asof_buf_printf(&text, PROJECT "%s", definitions);
	sample_file(f->dir, "asof.yaml", asof_buf_cstr(&text));
	asof_session_close(ASOF_STEAL(f->session));
	assert_ok(asof_session_open(&options, &f->session, err), *err);
	return asof_session_bind(f->session, err);
}

/* Each definition has one mistake: its text, from its line on. */
static void
assert_mistake(struct fixture *f, const char *definitions, const char *mistake)
{
	struct asof_error err = { 0 };
	if (bind_text(f, definitions, &err) != ASOF_INVALID)
		fail_msg("%s: taken, '%s'", definitions, err.message);
	assert_string_equal(asof_session_mistakes(f->session), mistake);
	/* Asked again, the answer is the same. */
	assert_int_equal(asof_session_check_text(f->session, &err), ASOF_INVALID);
	assert_string_equal(asof_session_mistakes(f->session), mistake);
}

static void
assert_field(const struct asof_source *source, const char *name, const char *type)
{
	char text[ASOF_TYPE_TEXT_MAX];
	const struct asof_field *field = asof_source_field(source, asof_str_from(name));
	if (!field)
		fail_msg("no column '%s'", name);
	else
		assert_string_equal(asof_type_text(field->type, text), type);
}

#define ENTITY "entities: {e: {keys: {k: string}}}\n"
#define VIEW   "views: {v: {entity: e, source: s, features: [amount]}}\n"

static void
a_bound_source_has_its_columns_and_types(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_ok(bind_text(f,
			    ENTITY
			    "sources: {s: {path: a.csv, event_time: t, created_time: loaded, "
			    "filter: amount > 0, select: {twice: amount * 2, big: amount > "
			    "1}}}\n"
			    "views: {v: {entity: e, source: s, features: [amount, twice, "
			    "big]}}\n",
			    &err),
		  err);
	const struct asof_source *source = &f->session->project->sources[0];
	const struct asof_bound_source *bound = &f->session->bound[0];
	assert_true(bound->is_bound);
	assert_int_equal(bound->file_count, 1);
	assert_string_equal(bound->files[0].name, "a.csv");
	assert_non_null(bound->event_time_type);
	assert_string_equal(bound->created_time_type, "DATE");
	assert_field(source, "k", "string");
	assert_field(source, "n", "int64");
	assert_field(source, "amount", "float64");
	assert_field(source, "twice", "float64");
	assert_field(source, "big", "bool");
	assert_null(asof_source_field(source, asof_str_from("_order")));

	const struct asof_view *view = &f->session->project->views[0];
	assert_int_equal(view->outputs[1].type.kind, ASOF_TYPE_FLOAT64);
	assert_int_equal(view->outputs[2].type.kind, ASOF_TYPE_BOOL);

	struct asof_plan_source plan = asof_session_plan_source(f->session, source);
	assert_ptr_equal(plan.source, source);
	assert_int_equal(plan.path_count, 1);
	assert_ptr_equal(plan.event_time_type, bound->event_time_type);
	assert_ptr_equal(plan.created_time_type, bound->created_time_type);
	assert_int_equal(plan.key_type_count, 1);
}

static void
a_csv_key_has_the_type_that_it_is_declared_with(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_ok(bind_text(f,
			    "entities: {e: {keys: {k: string}}, i: {keys: {k: int64}}, "
			    "m: {keys: {id: string, k: string}}}\n"
			    "sources: {s: {path: a.csv, event_time: t}, again: {path: a.csv, "
			    "event_time: t}}\n"
			    "views: {v: {entity: e, source: s, features: [amount]}, w: {entity: m, "
			    "source: s, keys: {id: n}, features: [amount]}, x: {entity: i, source: "
			    "again, features: [amount]}}\n",
			    &err),
		  err);
	const struct asof_project *project = f->session->project;
	const struct asof_bound_source *bound = f->session->bound;
	assert_field(&project->sources[0], "k", "string");
	assert_field(&project->sources[0], "n", "string");
	assert_field(&project->sources[1], "k", "int64");
	assert_int_equal(bound[0].key_type_count, 2); /* k once */
	assert_string_equal(bound[0].key_types[0].name, "k");
	assert_string_equal(bound[0].key_types[1].name, "n");
	assert_int_equal(bound[1].key_type_count, 1);
}

static void
many_csv_keys_are_all_typed(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	sample_file(f->dir, "wide.csv",
		    "t,a,b,c,d,e,f,g,h,i,j,x\n2024-01-01,1,2,3,4,5,6,7,8,9,0,1\n");
	assert_ok(bind_text(f,
			    "entities: {e: {keys: {a: string, b: string, c: string, d: string, e: "
			    "string, f: string, g: string, h: string, i: string, j: string}}}\n"
			    "sources: {s: {path: wide.csv, event_time: t}}\n"
			    "views: {v: {entity: e, source: s, features: [x]}}\n",
			    &err),
		  err);
	assert_int_equal(f->session->bound[0].key_type_count, 10);
	const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++)
		assert_field(&f->session->project->sources[0], names[i], "string");
}

static void
integers_of_json_are_int64_whatever_the_file_holds(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	sample_file(f->dir, "a.json",
		    "{\"k\": \"a\", \"t\": \"2024-01-01T00:00:00Z\", \"small\": 1, \"large\": "
		    "9223372036854775807, \"unsigned\": 9223372036854775808, \"list\": [1, "
		    "9223372036854775808], \"real\": 1.5}\n");
	assert_ok(bind_text(f,
			    ENTITY "sources: {s: {path: a.json, event_time: t}}\n"
				   "views: {v: {entity: e, source: s, features: [small, large]}}\n",
			    &err),
		  err);
	const struct asof_source *source = &f->session->project->sources[0];
	assert_field(source, "small", "int64");
	assert_field(source, "large", "int64");
	assert_field(source, "unsigned", "int64");
	assert_field(source, "list", "list<int64>");
	assert_field(source, "real", "float64");
	assert_int_equal(f->session->bound[0].key_type_count, 0); /* JSON has types of its own */
}

static void
a_column_whose_name_is_a_word_of_sql_is_that_column(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_ok(bind_text(f,
			    ENTITY
			    "sources: {s: {path: a.csv, event_time: t, select: {o: order}}}\n"
			    "views: {v: {entity: e, source: s, features: [o]}}\n",
			    &err),
		  err);
	assert_field(&f->session->project->sources[0], "o", "string");
}

static void
a_column_that_is_not_there_is_said_at_its_place(void **state)
{
	struct fixture *f = *state;
	assert_mistake(f, ENTITY "sources: {s: {path: a.csv, event_time: tt}}\n" VIEW,
		       "asof.yaml:6:40: no column 'tt' in source 's' (did you mean 't'?)\n");
	assert_mistake(f,
		       ENTITY "sources: {s: {path: a.csv, event_time: t, filter: "
			      "amuont > 1}}\n" VIEW,
		       "asof.yaml:6:51: no column 'amuont' in source 's' (did you mean "
		       "'amount'?)\n");
	assert_mistake(f,
		       ENTITY "sources: {s: {path: a.csv, event_time: t}}\n"
			      "views: {v: {entity: e, source: s, features: [unlike]}}\n",
		       "asof.yaml:7:46: no column 'unlike' in source 's' (have: k, n, t, loaded, "
		       "amount, order)\n");
	assert_mistake(f,
		       ENTITY "sources: {s: {path: a.csv, event_time: t, select: {z: unlike + "
			      "1}}}\n" VIEW,
		       "asof.yaml:6:55: no column 'unlike' in source 's' (have: k, n, t, loaded, "
		       "amount, order)\n");
}

static void
a_select_may_not_hide_a_column(void **state)
{
	struct fixture *f = *state;
	assert_mistake(
		f, ENTITY "sources: {s: {path: a.csv, event_time: t, select: {AMOUNT: n}}}\n" VIEW,
		"asof.yaml:6:60: source 's' has a column 'AMOUNT' already\n");
}

static void
a_time_that_is_none_says_how_to_read_it(void **state)
{
	struct fixture *f = *state;
	assert_mistake(
		f, ENTITY "sources: {s: {path: a.csv, event_time: n}}\n" VIEW,
		"asof.yaml:6:40: event_time is a BIGINT, not a time: say how to read it, as in "
		"\"to_timestamp(n)\" or \"strptime(n, '%Y-%m-%d')\"\n");
	assert_mistake(
		f, ENTITY "sources: {s: {path: a.csv, event_time: t, created_time: amount}}\n" VIEW,
		"asof.yaml:6:57: created_time is a DOUBLE, not a time: say how to read it, as "
		"in \"to_timestamp(amount)\" or \"strptime(amount, '%Y-%m-%d')\"\n");
}

static void
a_filter_that_is_no_condition_is_a_mistake(void **state)
{
	struct fixture *f = *state;
	assert_mistake(f,
		       ENTITY "sources: {s: {path: a.csv, event_time: t, filter: amount}}\n" VIEW,
		       "asof.yaml:6:51: filter is a DOUBLE, not a condition\n");
}

static void
what_is_no_expression_is_a_mistake_at_its_place(void **state)
{
	struct fixture *f = *state;
	static const char *const filters[] = { "amount >", "sum(amount) > 1", "no_such(amount)",
					       "amount > 1; select 1", "k - t" };
	for (size_t i = 0; i < ASOF_COUNTOF(filters); i++) {
		struct asof_error err = { 0 };
		char text[512];
		(void)snprintf(text, sizeof(text),
			       ENTITY
			       "sources: {s: {path: a.csv, event_time: t, filter: \"%s\"}}\n" VIEW,
			       filters[i]);
		if (bind_text(f, text, &err) != ASOF_INVALID)
			fail_msg("'%s' is taken: %s", filters[i], err.message);
		const char *mistakes = asof_session_mistakes(f->session);
		assert_memory_equal(mistakes, "asof.yaml:6:", 12);
		size_t column = strtoul(mistakes + 12, NULL, 10);
		assert_true(column >= 52 && column <= 52 + strlen(filters[i]));
		assert_int_equal(f->session->mistakes.count, 1);
		assert_false(f->session->bound[0].is_bound);
	}
}

static void
a_key_of_another_type_is_a_mistake(void **state)
{
	struct fixture *f = *state;
	sample_file(f->dir, "a.json",
		    "{\"k\": 7, \"t\": \"2024-01-01T00:00:00Z\", \"amount\": 1}\n");
	assert_mistake(
		f, ENTITY "sources: {s: {path: a.json, event_time: t}}\n" VIEW,
		"asof.yaml:7:21: key 'k' of entity 'e' is string, but column 'k' of source 's' "
		"is int64\n");
}

static void
a_csv_column_is_a_key_of_one_type(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_int_equal(bind_text(f,
				   "entities: {e: {keys: {k: string}}, i: {keys: {k: int64}}}\n"
				   "sources: {s: {path: a.csv, event_time: t}}\n"
				   "views:\n"
				   "  v: {entity: e, source: s, features: [amount]}\n"
				   "  w: {entity: i, source: s, features: [amount]}\n",
				   &err),
			 ASOF_INVALID);
	assert_non_null(strstr(asof_session_mistakes(f->session),
			       "asof.yaml:9:3: column 'k' of source 's' is a key of two types\n"));
}

static void
a_path_that_matches_nothing_is_a_mistake(void **state)
{
	struct fixture *f = *state;
	assert_mistake(f, ENTITY "sources: {s: {path: none/*.csv, event_time: t}}\n" VIEW,
		       "asof.yaml:6:21: path 'none/*.csv' matches no file\n");
}

static void
all_mistakes_are_said_at_once(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_int_equal(bind_text(f,
				   ENTITY
				   "sources:\n"
				   "  s: {path: a.csv, event_time: tt, filter: amuont > 0}\n"
				   "  r: {path: none.csv, event_time: t}\n"
				   "  q: {path: a.csv, event_time: t, filtre: x}\n"
				   "views: {v: {entity: f, source: s, features: [amount]}}\n",
				   &err),
			 ASOF_INVALID);
	const char *mistakes = asof_session_mistakes(f->session);
	static const char *const wanted[] = { "asof.yaml:7:32: no column 'tt'",
					      "asof.yaml:7:44: no column 'amuont'",
					      "asof.yaml:8:13: path 'none.csv' matches no file",
					      "asof.yaml:9:35: ", "asof.yaml:10:21: " };
	const char *last = mistakes;
	for (size_t i = 0; i < ASOF_COUNTOF(wanted); i++) {
		const char *found = strstr(mistakes, wanted[i]);
		if (!found || found < last)
			fail_msg("no '%s' in its place in:\n%s", wanted[i], mistakes);
		last = found;
	}
	assert_non_null(strstr(err.message, "(and 4 more)"));
}

static void
a_file_that_does_not_decode_is_the_worlds_fault(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	sample_file(f->dir, "a.parquet", "this is no Parquet file at all");
	enum asof_status status =
		bind_text(f, ENTITY "sources: {s: {path: a.parquet, event_time: t}}\n" VIEW, &err);
	assert_true(status != ASOF_OK && status != ASOF_INVALID && status != ASOF_NOT_FOUND);
	assert_non_null(strstr(err.message, "read source 's': "));
	assert_non_null(strstr(err.message, "a.parquet"));
}

static void
views_are_picked_by_name_in_the_order_asked(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_ok(bind_text(f,
			    ENTITY "sources: {s: {path: a.csv, event_time: t}}\n"
				   "views: {v: {entity: e, source: s, features: [amount]}, w: "
				   "{entity: e, source: s, features: [n]}}\n",
			    &err),
		  err);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	static const char *const names[] = { "w", "v", "w" };
	static const char *const wrong[] = { "v", "W" };
	const struct asof_view **views = NULL;
	size_t count = 0;
	assert_ok(asof_session_pick_views(f->session, names, 3, &arena, &views, &count, &err), err);
	assert_int_equal(count, 2);
	assert_string_equal(views[0]->name, "w");
	assert_string_equal(views[1]->name, "v");
	assert_ok(asof_session_pick_views(f->session, NULL, 0, &arena, &views, &count, &err), err);
	assert_int_equal(count, 2);
	assert_string_equal(views[0]->name, "v");
	assert_int_equal(
		asof_session_pick_views(f->session, wrong, 2, &arena, &views, &count, &err),
		ASOF_NOT_FOUND);
	assert_string_equal(err.message, "no view 'W' (did you mean 'w'?)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bound_source_has_its_columns_and_types),
		TEST(a_csv_key_has_the_type_that_it_is_declared_with),
		TEST(many_csv_keys_are_all_typed),
		TEST(integers_of_json_are_int64_whatever_the_file_holds),
		TEST(a_column_whose_name_is_a_word_of_sql_is_that_column),
		TEST(a_column_that_is_not_there_is_said_at_its_place),
		TEST(a_select_may_not_hide_a_column),
		TEST(a_time_that_is_none_says_how_to_read_it),
		TEST(a_filter_that_is_no_condition_is_a_mistake),
		TEST(what_is_no_expression_is_a_mistake_at_its_place),
		TEST(a_key_of_another_type_is_a_mistake),
		TEST(a_csv_column_is_a_key_of_one_type),
		TEST(a_path_that_matches_nothing_is_a_mistake),
		TEST(all_mistakes_are_said_at_once),
		TEST(a_file_that_does_not_decode_is_the_worlds_fault),
		TEST(views_are_picked_by_name_in_the_order_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
