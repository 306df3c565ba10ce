/*
 * test_window_sql.c - tiles built and windows evaluated by SQL, held equal to the kernel on the
 * same tiles and to plain loops over the events. ASOF_CASES: how many random views.
 */
#include "tiled_case.h"

#include "codec/row.h"
#include "kernel/answer.h"

#define SPINE_ROWS   24
#define ENGINE_COUNT 3
#define COMMIT_US    INT64_C(4000000000000000)

static const unsigned engine_threads[ENGINE_COUNT] = { 1, 2, 8 };

struct spine_row {
	int64_t time_us;
	size_t entity; /* TILED_ENTITIES: one that has no events */
	bool has_no_time;
	bool has_no_key;
};

struct world {
	struct asof_engine *engines[ENGINE_COUNT];
	char dir[TEMPDIR_MAX];
	struct tiled_case c;
	struct kernel_case selected;
	struct spine_row spine[SPINE_ROWS];
	char spine_path[TEMPDIR_MAX + 32];
	char tiles_path[TEMPDIR_MAX + 32];
	char more_path[TEMPDIR_MAX + 32];
	size_t number; /* of the case, for messages */
};

static int
open_world(void **state)
{
	static struct world world;
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		world.engines[i] = bench_engine(engine_threads[i]);
	tempdir_make(world.dir);
	(void)snprintf(world.spine_path, sizeof(world.spine_path), "%s/spine.parquet", world.dir);
	(void)snprintf(world.tiles_path, sizeof(world.tiles_path), "%s/tiles.parquet", world.dir);
	(void)snprintf(world.more_path, sizeof(world.more_path), "%s/more.parquet", world.dir);
	*state = &world;
	return 0;
}

static int
close_world(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		asof_engine_free(world->engines[i]);
	tempdir_remove(world->dir);
	asof_arena_done(&world->c.arena);
	return 0;
}

/* ---- building ---- */

/* The files of `picks` (bits), in the order of `first`, first + 1 ... */
static void
build_into(struct world *w, struct asof_engine *engine, unsigned picks, size_t first,
	   int64_t commit_us, const char *path)
{
	struct tiled_case *c = &w->c;
	const char *paths[TILED_FILES];
	int64_t ordinals[TILED_FILES];
	size_t count = 0;
	for (size_t i = 0; i < TILED_FILES; i++) {
		size_t f = (first + i) % TILED_FILES;
		if (!(picks >> f & 1))
			continue;
		paths[count] = c->files[f].path;
		ordinals[count++] = c->files[f].ordinal;
	}
	const struct asof_plan_build build = {
		.view = tiled_view(c),
		.layout = &c->of[0].layout,
		.source = { .source = &c->of[0].source,
			    .paths = paths,
			    .path_count = count,
			    .ordinals = ordinals,
			    .event_time_type = TILED_TZ,
			    .created_time_type = c->has_created ? TILED_TZ : NULL },
		.commit_us = commit_us,
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	assert_ok(asof_plan_build_sql(&build, &sql, &err), err);
	bench_store(engine, &sql, path);
}

static struct asof_plan_table
table_of(struct world *w, const char *const *paths, size_t path_count)
{
	struct asof_plan_table table = { .view = tiled_view(&w->c),
					 .layout = &w->c.of[0].layout,
					 .paths = paths,
					 .path_count = path_count };
	struct asof_error err = { 0 };
	assert_ok(asof_plan_table_fields(table.view, table.layout, &w->c.arena, &table.fields,
					 &table.field_count, &err),
		  err);
	return table;
}

static void
read_table(struct world *w, const char *path, struct bench_rows *ret_rows)
{
	struct asof_plan_table table = table_of(w, &path, 1);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_plan_table_sql(&sql, &table);
	asof_buf_add_cstr(&sql, " ORDER BY file_row_number");
	bench_ask(w->engines[0], &sql, ret_rows);
}

/* Bit for bit, but the low parts of sums: what is left there below 106 bits depends on grouping. */
static void
expect_same_tiles(const struct world *w, const struct bench_rows *a, const struct bench_rows *b)
{
	const struct asof_tile_layout *layout = &w->c.of[0].layout;
	assert_int_equal(a->row_count, b->row_count);
	for (size_t row = 0; row < a->row_count; row++) {
		for (size_t i = 0; i < a->column_count; i++) {
			const struct asof_value *left = bench_at(a, row, i);
			const struct asof_value *right = bench_at(b, row, i);
			bool is_state = i >= 4 && i - 4 < layout->state_count;
			bool is_low =
				is_state && (layout->states[i - 4].kind == ASOF_STATE_SUM_LO ||
					     layout->states[i - 4].kind == ASOF_STATE_SQUARES_LO);
			double tolerance = 0;
			if (is_low && !left->is_null)
				tolerance = 0x1p-98 * fabs(bench_at(a, row, i - 1)->float64);
			if (!bench_is_near(left, right, tolerance))
				bench_expect_same(left, right, "tiles");
		}
	}
}

/* ---- a spine ---- */

static void
make_spine(struct random *r, struct world *w)
{
	struct tiled_case *c = &w->c;
	struct asof_value values[4][SPINE_ROWS];
	struct asof_column columns[4];
	static const struct asof_field fields[] = {
		{ .name = "id", .type = { .kind = ASOF_TYPE_INT64 } },
		{ .name = "k1", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "k0", .type = { .kind = ASOF_TYPE_INT32 } },
		{ .name = "at", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
	};
	for (size_t i = 0; i < SPINE_ROWS; i++) {
		struct spine_row *row = &w->spine[i];
		*row = (struct spine_row){
			.time_us = c->base_us +
				   random_between(r, -c->range_us - 20, c->range_us + 260),
			.entity = random_below(r, TILED_ENTITIES + 1),
			.has_no_time = random_below(r, 16) == 0,
			.has_no_key = random_below(r, 16) == 0,
		};
		values[0][i] = case_of_int64(ASOF_TYPE_INT64, (int64_t)i / 2);
		values[1][i] = tiled_key(row->entity, 0);
		values[2][i] = tiled_key(row->entity, 1);
		if (row->entity == TILED_ENTITIES)
			values[2][i].int32 = 77;
		values[1][i].is_null = row->has_no_key;
		values[3][i] = tiled_time(row->has_no_time, row->time_us);
	}
	for (size_t i = 0; i < 4; i++)
		columns[i] = case_column(fields[i].type, values[i], SPINE_ROWS, &c->arena);
	bench_write(w->engines[0], fields, &(struct asof_batch){ columns, 4, SPINE_ROWS },
		    w->spine_path);
}

/* The spine joined with all outputs: id, k1, k0, at, then them. */
static void
join_spine(struct world *w, const char *const *paths, size_t path_count,
	   enum asof_plan_known_at known_at, int64_t known_us, struct bench_rows *ret_rows)
{
	const struct asof_view *view = tiled_view(&w->c);
	const struct asof_output *outputs[CASE_OUTPUTS_MAX];
	struct asof_plan_join_column columns[CASE_OUTPUTS_MAX];
	static const struct asof_field fields[] = {
		{ .name = "id" }, { .name = "k1" }, { .name = "k0" }, { .name = "at" }
	};
	for (size_t i = 0; i < view->output_count; i++) {
		outputs[i] = &view->outputs[i];
		columns[i] = (struct asof_plan_join_column){ 0, i };
	}
	const struct asof_plan_join_view views[] = { {
		.table = table_of(w, paths, path_count),
		.outputs = outputs,
		.output_count = view->output_count,
	} };
	ASOF_AUTO(asof_buf_done) struct asof_buf from = ASOF_BUF(4096);
	asof_buf_add_cstr(&from, "read_parquet(");
	asof_sql_text(&from, w->spine_path);
	asof_buf_add_char(&from, ')');
	const struct asof_plan_join join = {
		.spine_sql = asof_buf_cstr(&from),
		.spine_row = "file_row_number",
		.spine_fields = fields,
		.spine_field_count = ASOF_COUNTOF(fields),
		.time_column = "at",
		.time_type = TILED_TZ,
		.views = views,
		.view_count = 1,
		.columns = columns,
		.column_count = view->output_count,
		.known_at = known_at,
		.known_at_us = known_us,
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	assert_ok(asof_plan_join_sql(&join, &sql, &err), err);
	bench_ask(w->engines[1], &sql, ret_rows);
	assert_int_equal(ret_rows->row_count, SPINE_ROWS);
}

/* ---- checking ---- */

static void
fail_value(const struct world *w, const char *what, const struct asof_output *output,
	   int64_t time_us, const struct asof_value *have, const struct asof_value *want)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *column = output->feature->column.text;
	fail_msg("%s: case %zu, step %lld, %s(%s) over %lld at %lld: %s is not %s", what, w->number,
		 (long long)tiled_view(&w->c)->step_us, asof_agg_text(output->agg),
		 column ? column : "", (long long)output->window_us, (long long)time_us,
		 bench_text(have, &arena), bench_text(want, &arena));
}

/* The answer of one spine row by SQL against the loops. */
static void
check_row(struct world *w, const struct bench_rows *joined, size_t i,
	  const struct tiled_known *known, const char *what)
{
	const struct asof_view *view = tiled_view(&w->c);
	const struct spine_row *row = &w->spine[i];
	bool can_match = !row->has_no_key && !row->has_no_time;
	assert_int_equal(bench_at(joined, i, 0)->int64, i / 2);
	w->selected.event_count = 0;
	w->selected.view.step_us = view->step_us;
	if (row->entity < TILED_ENTITIES)
		tiled_select(&w->c, row->entity, known, &w->selected);
	for (size_t o = 0; o < view->output_count; o++) {
		const struct asof_output *output = &view->outputs[o];
		const struct asof_value *have = bench_at(joined, i, 4 + o);
		struct oracle_value want = { .value = asof_value_null(output->type) };
		if (can_match)
			want = tiled_expected(&w->c, &w->selected, output, row->time_us);
		if (!bench_is_near(have, &want.value, want.tolerance) &&
		    asof_value_compare(have, &want.value) != 0)
			fail_value(w, what, output, row->time_us, have, &want.value);
	}
}

static void
check_join(struct world *w, const char *const *paths, size_t path_count,
	   enum asof_plan_known_at known_at, struct tiled_known known, const char *what)
{
	ASOF_AUTO(bench_rows_done) struct bench_rows joined = { 0 };
	const struct asof_view *view = tiled_view(&w->c);
	join_spine(w, paths, path_count, known_at, known.known_us, &joined);
	known.has_known = known_at != ASOF_PLAN_KNOWN_NONE;
	known.until_us = INT64_MAX;
	if (known_at == ASOF_PLAN_KNOWN_TIME && w->c.has_created && view->step_us > 0)
		known.known_us = tiled_floor(known.known_us, view->step_us);
	for (size_t i = 0; i < SPINE_ROWS; i++) {
		if (known_at == ASOF_PLAN_KNOWN_LABEL)
			known.known_us = w->spine[i].time_us;
		check_row(w, &joined, i, &known, what);
	}
}

/* One entity's rows of a table in (key, time) order as the kernel takes them. */
static struct asof_tiles
tiles_of(struct world *w, const struct bench_rows *table, size_t entity)
{
	const struct asof_tile_layout *layout = &w->c.of[0].layout;
	struct asof_arena *arena = &w->c.arena;
	bool is_event = tiled_view(&w->c)->step_us == ASOF_STEP_EVENT;
	struct asof_value key[] = { tiled_key(entity, 0), tiled_key(entity, 1) };
	int64_t *times[3];
	for (size_t i = 0; i < 3; i++)
		times[i] = bench_array(arena, table->row_count, sizeof(int64_t));
	struct asof_column *states = bench_array(arena, layout->state_count, sizeof(*states));
	struct asof_value *values = bench_array(arena, table->row_count, sizeof(*values));
	size_t count = 0;
	for (size_t s = 0; s <= layout->state_count; s++) {
		count = 0;
		for (size_t row = 0; row < table->row_count; row++) {
			if (asof_value_compare(bench_at(table, row, 0), &key[0]) != 0 ||
			    asof_value_compare(bench_at(table, row, 1), &key[1]) != 0)
				continue;
			times[0][count] = bench_at(table, row, 2)->int64;
			times[1][count] = bench_at(table, row, 3)->int64;
			times[2][count] = bench_at(table, row, table->column_count - 1)->int64;
			if (s < layout->state_count)
				values[count] = *bench_at(table, row, 4 + s);
			count++;
		}
		if (s < layout->state_count)
			states[s] = case_column(layout->states[s].type, values, count, arena);
	}
	return (struct asof_tiles){ .count = count,
				    .end_us = times[0],
				    .created_us = is_event ? times[1] : NULL,
				    .order = is_event ? times[2] : NULL,
				    .states = states };
}

static bool
is_rounded(const struct asof_output *output)
{
	return output->agg == ASOF_AGG_SUM || output->agg == ASOF_AGG_MEAN ||
	       output->agg == ASOF_AGG_STD || output->agg == ASOF_AGG_VAR;
}

/* Bit for bit; 1e-12 of it where floats are added up. */
static void
check_kernel_value(const struct world *w, const struct asof_output *output, int64_t time_us,
		   const struct asof_value *by_sql, const struct asof_value *by_kernel)
{
	double tolerance = 0;
	if (output->type.kind == ASOF_TYPE_FLOAT64 && is_rounded(output) && !by_kernel->is_null)
		tolerance = 1e-12 * fabs(by_kernel->float64);
	if (!bench_is_near(by_sql, by_kernel, tolerance))
		fail_value(w, "kernel", output, time_us, by_sql, by_kernel);
}

/* The windows of the same tiles in C: at the spine's times, as the join has them. */
static void
check_kernel(struct world *w, const struct bench_rows *table, const struct bench_rows *joined)
{
	const struct asof_view *view = tiled_view(&w->c);
	struct asof_value values[CASE_OUTPUTS_MAX];
	bool is_empty[CASE_OUTPUTS_MAX];
	struct asof_error err = { 0 };
	for (size_t i = 0; i < SPINE_ROWS; i++) {
		const struct spine_row *row = &w->spine[i];
		if (row->entity == TILED_ENTITIES || row->has_no_key || row->has_no_time)
			continue;
		struct asof_tiles tiles = tiles_of(w, table, row->entity);
		struct asof_window_result result = { .values = values, .is_empty = is_empty };
		int64_t at_us = asof_window_instant(view, row->time_us);
		assert_ok(asof_window_eval_into(view, &w->c.of[0].layout, &tiles, at_us,
						&w->c.arena, &result, &err),
			  err);
		bool is_old =
			view->max_age_us > 0 && result.event_us < row->time_us - view->max_age_us;
		for (size_t o = 0; o < view->output_count; o++) {
			const struct asof_output *output = &view->outputs[o];
			bool is_absent = !result.has_row || is_old ||
					 (is_empty[o] && !tiled_is_count(output));
			if (is_absent)
				values[o] = tiled_absent(output).value;
			check_kernel_value(w, output, row->time_us, bench_at(joined, i, 4 + o),
					   &values[o]);
		}
	}
}

/* What `asof sql` shows: the windows at each tile's END, as the kernel has them there. */
static void
check_values(struct world *w, const struct bench_rows *table)
{
	const struct asof_view *view = tiled_view(&w->c);
	const char *path = w->tiles_path;
	struct asof_plan_table plan = table_of(w, &path, 1);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows shown = { 0 };
	asof_buf_add_cstr(&sql, "SELECT * FROM (");
	assert_ok(asof_plan_values_sql(&plan, &sql, &err), err);
	asof_buf_add_cstr(&sql, ") ORDER BY 1, 2, 3");
	bench_ask(w->engines[1], &sql, &shown);

	size_t seen = 0;
	for (size_t e = 0; e < TILED_ENTITIES; e++) {
		struct asof_tiles tiles = tiles_of(w, table, e);
		for (size_t i = 0; i < tiles.count; i++) {
			struct asof_value values[CASE_OUTPUTS_MAX];
			bool is_empty[CASE_OUTPUTS_MAX];
			struct asof_window_result result = { .values = values,
							     .is_empty = is_empty };
			int64_t end_us = tiles.end_us[i];
			if (i + 1 < tiles.count && tiles.end_us[i + 1] == end_us)
				continue;
			assert_ok(asof_window_eval_into(view, plan.layout, &tiles, end_us,
							&w->c.arena, &result, &err),
				  err);
			struct asof_value key = tiled_key(e, 1);
			bench_expect_same(bench_at(&shown, seen, 1), &key, "key");
			assert_int_equal(bench_at(&shown, seen, 2)->int64, end_us);
			for (size_t o = 0; o < view->output_count; o++) {
				if (is_empty[o] && !tiled_is_count(&view->outputs[o]))
					values[o] = tiled_absent(&view->outputs[o]).value;
				check_kernel_value(w, &view->outputs[o], end_us,
						   bench_at(&shown, seen, 4 + o), &values[o]);
			}
			seen++;
		}
	}
	assert_int_equal(seen, shown.row_count);
}

/* ---- claims ---- */

static void
make_case(struct random *r, struct world *w, size_t number)
{
	*r = (struct random){ .state = number * 7919 };
	w->number = number;
	tiled_make(r, &w->c, w->engines[0], w->dir);
	make_spine(r, w);
}

static struct tiled_known
all_known(int64_t commit_us)
{
	struct tiled_known known = { .until_us = INT64_MAX };
	for (size_t f = 0; f < TILED_FILES; f++)
		known.commits_us[f] = commit_us;
	return known;
}

static void
windows_by_sql_equal_the_kernel_and_the_events(void **state)
{
	struct world *w = *state;
	const char *path = w->tiles_path;
	for (size_t number = 1; number <= random_cases(10); number++) {
		struct random r;
		ASOF_AUTO(bench_rows_done) struct bench_rows table = { 0 };
		ASOF_AUTO(bench_rows_done) struct bench_rows joined = { 0 };
		make_case(&r, w, number);
		build_into(w, w->engines[0], 7, 0, COMMIT_US, w->tiles_path);
		read_table(w, path, &table);
		join_spine(w, &path, 1, ASOF_PLAN_KNOWN_NONE, 0, &joined);
		check_join(w, &path, 1, ASOF_PLAN_KNOWN_NONE, all_known(COMMIT_US), "join");
		check_kernel(w, &table, &joined);
		check_values(w, &table);
		tiled_done(&w->c);
	}
}

static void
tiles_depend_neither_on_threads_nor_on_the_order_of_files(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(10); number++) {
		struct random r;
		ASOF_AUTO(bench_rows_done) struct bench_rows first = { 0 };
		make_case(&r, w, number + 10000);
		build_into(w, w->engines[0], 7, 0, COMMIT_US, w->tiles_path);
		read_table(w, w->tiles_path, &first);
		for (size_t i = 0; i < ENGINE_COUNT; i++) {
			ASOF_AUTO(bench_rows_done) struct bench_rows again = { 0 };
			build_into(w, w->engines[i], 7, (i + 1) % TILED_FILES, COMMIT_US,
				   w->more_path);
			read_table(w, w->more_path, &again);
			expect_same_tiles(w, &again, &first);
		}
		tiled_done(&w->c);
	}
}

static void
several_builds_give_the_windows_of_one(void **state)
{
	struct world *w = *state;
	const char *const paths[] = { w->tiles_path, w->more_path };
	for (size_t number = 1; number <= random_cases(10); number++) {
		struct random r;
		ASOF_AUTO(bench_rows_done) struct bench_rows whole = { 0 };
		ASOF_AUTO(bench_rows_done) struct bench_rows parts = { 0 };
		make_case(&r, w, number + 20000);
		unsigned early = random_below(&r, 2) ? 1 : 3;
		build_into(w, w->engines[0], 7, 0, COMMIT_US, w->tiles_path);
		join_spine(w, paths, 1, ASOF_PLAN_KNOWN_NONE, 0, &whole);
		build_into(w, w->engines[0], early, 0, COMMIT_US, w->tiles_path);
		build_into(w, w->engines[0], 7 & ~early, 0, COMMIT_US, w->more_path);
		join_spine(w, paths, 2, ASOF_PLAN_KNOWN_NONE, 0, &parts);
		bench_expect_rows_same(&parts, &whole, "windows");
		tiled_done(&w->c);
	}
}

/* The times of two commits, one among the events and one behind. */
static void
check_known(struct world *w, size_t number)
{
	const char *const paths[] = { w->tiles_path, w->more_path };
	struct random r;
	make_case(&r, w, number);
	int64_t middle_us = w->c.base_us + random_between(&r, 0, w->c.range_us);
	struct tiled_known known = { .commits_us = { middle_us, COMMIT_US, COMMIT_US } };
	build_into(w, w->engines[0], 1, 0, middle_us, w->tiles_path);
	build_into(w, w->engines[0], 6, 0, COMMIT_US, w->more_path);
	check_join(w, paths, 2, ASOF_PLAN_KNOWN_NONE, known, "all");
	check_join(w, paths, 2, ASOF_PLAN_KNOWN_LABEL, known, "label");
	for (int i = 0; i < 4; i++) {
		known.known_us =
			w->c.base_us + random_between(&r, -w->c.range_us, w->c.range_us + 30);
		check_join(w, paths, 2, ASOF_PLAN_KNOWN_TIME, known, "known at");
	}
	tiled_done(&w->c);
}

static void
what_was_known_when_is_exact(void **state)
{
	for (size_t number = 1; number <= random_cases(10); number++)
		check_known(*state, number + 30000);
}

/* Events of a step of which some were known by a commit before it, in the case that showed it. */
static void
events_known_before_their_step_are_seen(void **state)
{
	check_known(*state, 30282);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_by_sql_equal_the_kernel_and_the_events),
		cmocka_unit_test(tiles_depend_neither_on_threads_nor_on_the_order_of_files),
		cmocka_unit_test(several_builds_give_the_windows_of_one),
		cmocka_unit_test(what_was_known_when_is_exact),
		cmocka_unit_test(events_known_before_their_step_are_seen),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
