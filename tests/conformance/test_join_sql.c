/*
 * test_join_sql.c - the point-in-time join of plain views by SQL, held equal to one loop over all
 * rows. ASOF_CASES: how many random projects.
 */
#include "plain_case.h"

struct world {
	struct asof_engine *engine;
	char dir[TEMPDIR_MAX];
	char spine_path[TEMPDIR_MAX + 32];
	char tables[VIEWS][2][TEMPDIR_MAX + 32];
	struct project p;
	size_t number;
};

static int
open_world(void **state)
{
	static struct world world;
	world.engine = bench_engine(2);
	tempdir_make(world.dir);
	(void)snprintf(world.spine_path, sizeof(world.spine_path), "%s/spine.parquet", world.dir);
	for (size_t v = 0; v < VIEWS; v++) {
		for (size_t i = 0; i < 2; i++)
			(void)snprintf(world.tables[v][i], sizeof(world.tables[v][i]),
				       "%s/table-%zu-%zu.parquet", world.dir, v, i);
	}
	for (size_t f = 0; f < FILES; f++)
		(void)snprintf(world.p.files[f], sizeof(world.p.files[f]), "%s/rows%zu.parquet",
			       world.dir, f);
	*state = &world;
	return 0;
}

static int
close_world(void **state)
{
	struct world *world = *state;
	asof_engine_free(world->engine);
	asof_arena_done(&world->p.arena);
	tempdir_remove(world->dir);
	return 0;
}

/* ---- tables ---- */

/* Build the view's table of files [first, end). */
static void
build_table(struct world *w, size_t v, size_t first, size_t end, int64_t commit_us,
	    const char *path)
{
	struct project *p = &w->p;
	const char *paths[FILES];
	int64_t ordinals[FILES];
	for (size_t f = first; f < end; f++) {
		paths[f - first] = p->files[f];
		ordinals[f - first] = (int64_t)f * 2;
	}
	const struct asof_plan_build build = {
		.view = &p->views[v],
		.source = { .source = &p->source,
			    .paths = paths,
			    .path_count = end - first,
			    .ordinals = ordinals,
			    .event_time_type = TZ,
			    .created_time_type = p->source.created_time.text ? TZ : NULL },
		.commit_us = commit_us,
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	assert_ok(asof_plan_build_sql(&build, &sql, &err), err);
	bench_store(w->engine, &sql, path);
}

/* The first file is built alone, the rest later: what was created when depends on it. */
static void
build_tables(struct world *w, const int64_t commits_us[2])
{
	struct project *p = &w->p;
	for (size_t v = 0; v < VIEWS; v++) {
		build_table(w, v, 0, 1, commits_us[0], w->tables[v][0]);
		build_table(w, v, 1, FILES, commits_us[1], w->tables[v][1]);
	}
	for (size_t f = 0; f < FILES; f++) {
		for (size_t i = 0; i < p->row_counts[f]; i++) {
			struct row *row = &p->rows[f][i];
			if (!p->source.created_time.text || !row->has_created)
				row->created_us = commits_us[f > 0];
			else if (row->created_us < row->event_us)
				row->created_us = row->event_us;
		}
	}
}

static struct asof_plan_table
table_of(struct world *w, size_t v)
{
	struct asof_plan_table table = { .view = &w->p.views[v], .path_count = 2 };
	const char **paths = bench_array(&w->p.arena, 2, sizeof(*paths));
	struct asof_error err = { 0 };
	paths[0] = w->tables[v][1];
	paths[1] = w->tables[v][0];
	table.paths = paths;
	assert_ok(asof_plan_table_fields(table.view, NULL, &w->p.arena, &table.fields,
					 &table.field_count, &err),
		  err);
	return table;
}

static void
make_project(struct random *r, struct world *w, size_t number, const int64_t commits_us[2],
	     int64_t base_us)
{
	struct project *p = &w->p;
	*r = (struct random){ .state = number * 104729 };
	w->number = number;
	asof_arena_reset(&p->arena);
	make_model(r, p);
	make_rows(r, p, base_us);
	for (size_t f = 0; f < FILES; f++)
		write_rows(w->engine, p, p->rows[f], p->row_counts[f], HEAD + VALUES, p->files[f]);
	write_rows(w->engine, p, p->spine, SPINE_ROWS, KEYS + 1, w->spine_path);
	build_tables(w, commits_us);
}

/* ---- the join ---- */

struct question {
	enum asof_plan_known_at known_at;
	int64_t known_us;
	const char *time_type;
	const char *time; /* the spine's `t` as that type */
};

/* Columns of the views in turn, from the last to the first: the order is the caller's. */
static size_t
choose_columns(const struct project *p, struct asof_plan_join_column columns[VIEWS * VALUES])
{
	size_t count = 0;
	for (size_t i = VALUES; i-- > 0;) {
		for (size_t v = 0; v < VIEWS; v++) {
			if (i < p->views[v].output_count)
				columns[count++] = (struct asof_plan_join_column){ v, i };
		}
	}
	return count;
}

static void
ask_join(struct world *w, const struct question *question,
	 const struct asof_plan_join_column *columns, size_t column_count,
	 struct bench_rows *ret_rows)
{
	const struct asof_output *outputs[VIEWS][VALUES];
	struct asof_plan_join_view views[VIEWS];
	static const struct asof_field fields[] = { { .name = "other" }, { .name = "k" } };
	for (size_t v = 0; v < VIEWS; v++) {
		for (size_t i = 0; i < w->p.views[v].output_count; i++)
			outputs[v][i] = &w->p.views[v].outputs[i];
		views[v] =
			(struct asof_plan_join_view){ .table = table_of(w, v),
						      .outputs = outputs[v],
						      .output_count = w->p.views[v].output_count };
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf from = ASOF_BUF(4096);
	asof_buf_printf(&from,
			"(SELECT key AS k, number::VARCHAR AS other, %s AS \"at\", "
			"file_row_number AS n FROM read_parquet(",
			question->time);
	asof_sql_text(&from, w->spine_path);
	asof_buf_add_cstr(&from, "))");
	const struct asof_plan_join join = {
		.spine_sql = asof_buf_cstr(&from),
		.spine_row = "n",
		.spine_fields = fields,
		.spine_field_count = ASOF_COUNTOF(fields),
		.time_column = "at",
		.time_type = question->time_type,
		.views = views,
		.view_count = VIEWS,
		.columns = columns,
		.column_count = column_count,
		.known_at = question->known_at,
		.known_at_us = question->known_us,
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	assert_ok(asof_plan_join_sql(&join, &sql, &err), err);
	bench_ask(w->engine, &sql, ret_rows);
}

/* ---- the oracle ---- */

static bool
has_keys(const struct row *row, size_t key_count)
{
	return !row->keys[0].is_null && (key_count == 1 || !row->keys[1].is_null);
}

static bool
is_of(const struct row *row, const struct row *spine, size_t key_count)
{
	return row->keeps && row->has_time && has_keys(row, key_count) &&
	       asof_value_compare(&row->keys[0], &spine->keys[0]) == 0 &&
	       (key_count == 1 || row->keys[1].int32 == spine->keys[1].int32);
}

static bool
is_later(const struct row *a, const struct row *b)
{
	if (a->event_us != b->event_us)
		return a->event_us > b->event_us;
	if (a->created_us != b->created_us)
		return a->created_us > b->created_us;
	return a->order > b->order;
}

/* The row that counts for a spine row, or NULL. */
static const struct row *
find_row(const struct project *p, const struct asof_view *view, const struct row *spine,
	 const struct question *question)
{
	const struct row *best = NULL;
	int64_t known_us = INT64_MAX;
	if (question->known_at == ASOF_PLAN_KNOWN_LABEL)
		known_us = spine->event_us;
	else if (question->known_at == ASOF_PLAN_KNOWN_TIME)
		known_us = question->known_us;
	for (size_t f = 0; f < FILES; f++) {
		for (size_t i = 0; i < p->row_counts[f]; i++) {
			const struct row *row = &p->rows[f][i];
			bool counts = is_of(row, spine, view->entity->key_count) &&
				      row->event_us + view->available_after_us <= spine->event_us &&
				      row->created_us <= known_us;
			if (counts && (!best || is_later(row, best)))
				best = row;
		}
	}
	if (best && view->max_age_us > 0 && best->event_us < spine->event_us - view->max_age_us)
		return NULL;
	return best;
}

static size_t
column_of(const struct asof_output *output)
{
	size_t i = 0;
	while (strcmp(name_of(i), output->name) != 0)
		i++;
	return i;
}

/* A source's -0.0 is stored as 0.0. */
static struct asof_value
stored_value(const struct row *row, const struct asof_output *output)
{
	struct asof_value value = row->values[column_of(output)];
	if (value.type.kind == ASOF_TYPE_FLOAT32)
		value.float32 += 0.0F;
	else if (value.type.kind == ASOF_TYPE_FLOAT64)
		value.float64 += 0.0;
	return value;
}

static struct asof_value
expected_of(const struct project *p, const struct asof_view *view, const struct asof_output *output,
	    const struct row *spine, const struct question *question)
{
	if (!spine->has_time || !has_keys(spine, view->entity->key_count))
		return asof_value_null(output->type);
	const struct row *row = find_row(p, view, spine, question);
	if (row)
		return stored_value(row, output);
	return output->has_default ? *output->default_value : asof_value_null(output->type);
}

static void
check_join(struct world *w, const struct question *question)
{
	struct project *p = &w->p;
	struct asof_plan_join_column columns[VIEWS * VALUES];
	ASOF_AUTO(bench_rows_done) struct bench_rows joined = { 0 };
	size_t column_count = choose_columns(p, columns);
	ask_join(w, question, columns, column_count, &joined);
	assert_int_equal(joined.row_count, SPINE_ROWS);
	assert_int_equal(joined.column_count, 2 + column_count);
	for (size_t i = 0; i < SPINE_ROWS; i++) {
		const struct row *spine = &p->spine[i];
		bench_expect_same(bench_at(&joined, i, 1), &spine->keys[0], "the spine's key");
		for (size_t c = 0; c < column_count; c++) {
			const struct asof_view *view = &p->views[columns[c].view];
			const struct asof_output *output = &view->outputs[columns[c].output];
			struct asof_value want = expected_of(p, view, output, spine, question);
			char what[160];
			(void)snprintf(what, sizeof(what), "case %zu, row %zu, %s__%s, known at %d",
				       w->number, i, view->name, output->name,
				       (int)question->known_at);
			bench_expect_same(bench_at(&joined, i, 2 + c), &want, what);
		}
	}
}

/* ---- claims ---- */

static void
each_spine_row_gets_the_row_that_counts_at_its_time(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(12); number++) {
		struct random r = { .state = number };
		int64_t base_us = random_below(&r, 2) ? 0 : INT64_C(981173106123456);
		const int64_t commits_us[2] = { base_us + random_between(&r, 0, 30),
						base_us + random_between(&r, 30, 50) };
		const struct question questions[] = {
			{ ASOF_PLAN_KNOWN_NONE, 0, TZ, "t" },
			{ ASOF_PLAN_KNOWN_LABEL, 0, "TIMESTAMP", "timezone('UTC', t)" },
			{ ASOF_PLAN_KNOWN_TIME, base_us + random_between(&r, -20, 60),
			  "TIMESTAMP_NS",
			  "make_timestamp_ns(epoch_us(t) * 1000 + file_row_number % 1000)" },
		};
		make_project(&r, w, number, commits_us, base_us);
		for (size_t i = 0; i < ASOF_COUNTOF(questions); i++)
			check_join(w, &questions[i]);
	}
}

static size_t
count_winners(const struct project *p, const struct asof_view *view)
{
	const struct question question = { .known_at = ASOF_PLAN_KNOWN_NONE };
	struct asof_view ageless = *view;
	size_t count = 0;
	ageless.max_age_us = 0;
	ageless.available_after_us = 0;
	for (size_t f = 0; f < FILES; f++) {
		for (size_t i = 0; i < p->row_counts[f]; i++) {
			const struct row *row = &p->rows[f][i];
			bool is_row = row->keeps && row->has_time &&
				      has_keys(row, view->entity->key_count);
			count += is_row && find_row(p, &ageless, row, &question) == row;
		}
	}
	return count;
}

static void
check_shown(struct world *w, size_t v)
{
	const struct project *p = &w->p;
	struct asof_view view = p->views[v];
	const struct question question = { .known_at = ASOF_PLAN_KNOWN_NONE };
	struct asof_plan_table table = table_of(w, v);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows shown = { 0 };
	assert_ok(asof_plan_values_sql(&table, &sql, &err), err);
	bench_ask(w->engine, &sql, &shown);
	assert_int_equal(shown.row_count, count_winners(p, &view));

	size_t key_count = view.entity->key_count;
	view.max_age_us = 0;
	view.available_after_us = 0;
	for (size_t i = 0; i < shown.row_count; i++) {
		struct row at = { .event_us = bench_at(&shown, i, key_count)->int64 };
		for (size_t k = 0; k < key_count; k++)
			at.keys[k] = *bench_at(&shown, i, k);
		const struct row *row = find_row(p, &view, &at, &question);
		assert_non_null(row);
		assert_int_equal(row->event_us, at.event_us);
		assert_int_equal(row->created_us, bench_at(&shown, i, key_count + 1)->int64);
		for (size_t o = 0; o < view.output_count; o++) {
			struct asof_value want = stored_value(row, &view.outputs[o]);
			bench_expect_same(bench_at(&shown, i, key_count + 2 + o), &want, "shown");
		}
	}
}

static void
finished_values_are_one_whole_row_per_key_and_event_time(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(12); number++) {
		struct random r;
		const int64_t commits_us[2] = { 40, 41 };
		make_project(&r, w, number + 1000, commits_us, 0);
		check_shown(w, 0);
		check_shown(w, 1);
	}
}

static void
a_table_without_files_has_columns_and_no_rows(void **state)
{
	struct world *w = *state;
	struct random r;
	const int64_t commits_us[2] = { 40, 41 };
	make_project(&r, w, 77, commits_us, 0);
	struct asof_plan_table table = table_of(w, 0);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_result_schema schema = { 0 };
	struct asof_error err = { 0 };
	table.path_count = 0;
	asof_plan_table_sql(&sql, &table);
	bench_ask(w->engine, &sql, &rows);
	assert_int_equal(rows.row_count, 0);
	assert_ok(asof_engine_describe(w->engine, asof_buf_cstr(&sql), &arena, &schema, &err), err);
	assert_int_equal(schema.field_count, table.field_count);
	for (size_t i = 0; i < table.field_count; i++) {
		assert_string_equal(schema.fields[i].name, table.fields[i].name);
		assert_true(asof_type_equal(schema.fields[i].type, table.fields[i].type));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_spine_row_gets_the_row_that_counts_at_its_time),
		cmocka_unit_test(finished_values_are_one_whole_row_per_key_and_event_time),
		cmocka_unit_test(a_table_without_files_has_columns_and_no_rows),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
