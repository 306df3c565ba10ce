/*
 * test_online_sql.c - what materialize stores, chosen by SQL, and what is then answered at any
 * later clock: as if no source row after the materialization existed. ASOF_CASES: how many random
 * views.
 */
#include "kernel/answer.h"
#include "tiled_case.h"

#define COMMIT_US INT64_C(4000000000000000)
#define CLOCKS    6

struct world {
	struct asof_engine *engine;
	char dir[TEMPDIR_MAX];
	char tiles_path[TEMPDIR_MAX + 32];
	struct tiled_case c;
	struct kernel_case selected;
	struct asof_answer_plan plan;
	size_t number;
};

static int
open_world(void **state)
{
	static struct world world;
	world.engine = bench_engine(2);
	tempdir_make(world.dir);
	(void)snprintf(world.tiles_path, sizeof(world.tiles_path), "%s/tiles.parquet", world.dir);
	*state = &world;
	return 0;
}

static int
close_world(void **state)
{
	struct world *world = *state;
	asof_engine_free(world->engine);
	tempdir_remove(world->dir);
	asof_arena_done(&world->c.arena);
	return 0;
}

/* Of all files; the events of [from_us, to_us) only, where there is a range. */
static struct asof_plan_build
build_of(struct world *w, struct asof_plan_range range)
{
	struct tiled_case *c = &w->c;
	const char **paths = bench_array(&c->arena, TILED_FILES, sizeof(*paths));
	int64_t *ordinals = bench_array(&c->arena, TILED_FILES, sizeof(*ordinals));
	for (size_t f = 0; f < TILED_FILES; f++) {
		paths[f] = c->files[f].path;
		ordinals[f] = c->files[f].ordinal;
	}
	return (struct asof_plan_build){
		.view = tiled_view(c),
		.layout = &c->of[0].layout,
		.source = { .source = &c->of[0].source,
			    .paths = paths,
			    .path_count = TILED_FILES,
			    .ordinals = ordinals,
			    .event_time_type = TILED_TZ,
			    .created_time_type = c->has_created ? TILED_TZ : NULL },
		.range = range,
		.commit_us = COMMIT_US,
	};
}

static int64_t
count_straddling(struct world *w, const struct asof_plan_table *table, int64_t at_us)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	asof_plan_straddling_sql(table, at_us, &sql);
	bench_ask(w->engine, &sql, &rows);
	return bench_at(&rows, 0, 0)->int64;
}

/* The rows that are stored at `at_us`: keys, event, created, order, states. */
static void
ask_online(struct world *w, int64_t at_us, struct bench_rows *ret_rows)
{
	const struct asof_view *view = tiled_view(&w->c);
	const char *path = w->tiles_path;
	struct asof_plan_table table = {
		.view = view, .layout = &w->c.of[0].layout, .paths = &path, .path_count = 1
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	assert_ok(asof_plan_table_fields(view, table.layout, &w->c.arena, &table.fields,
					 &table.field_count, &err),
		  err);
	bool is_inside = view->step_us > 0 && tiled_floor(at_us, view->step_us) != at_us;
	bool needs_partial = is_inside && count_straddling(w, &table, at_us) > 0;
	struct asof_plan_build partial = { 0 };
	if (needs_partial)
		partial = build_of(w, (struct asof_plan_range){
					      .has_from = true,
					      .has_to = true,
					      .from_us = tiled_floor(at_us, view->step_us) + 1,
					      .to_us = at_us + 1 });
	assert_ok(asof_plan_online_sql(&table, at_us, needs_partial ? &partial : NULL, &sql, &err),
		  err);
	bench_ask(w->engine, &sql, ret_rows);
}

static bool
is_of_entity(const struct bench_rows *rows, size_t row, size_t entity)
{
	struct asof_value key[] = { tiled_key(entity, 0), tiled_key(entity, 1) };
	return asof_value_compare(bench_at(rows, row, 0), &key[0]) == 0 &&
	       asof_value_compare(bench_at(rows, row, 1), &key[1]) == 0;
}

/* The stored row of one entity; empty where it has none. */
static void
store_entity(struct world *w, const struct bench_rows *rows, size_t entity, int64_t at_us,
	     struct asof_buf *bytes)
{
	struct asof_arena *arena = &w->c.arena;
	const struct asof_tile_layout *layout = &w->c.of[0].layout;
	int64_t *times[3];
	size_t *picks = bench_array(arena, rows->row_count, sizeof(*picks));
	struct asof_column *states = bench_array(arena, layout->state_count, sizeof(*states));
	struct asof_value *values = bench_array(arena, rows->row_count, sizeof(*values));
	size_t count = 0;
	for (size_t row = 0; row < rows->row_count; row++) {
		if (is_of_entity(rows, row, entity))
			picks[count++] = row;
	}
	if (count == 0)
		return;
	for (size_t t = 0; t < 3; t++) {
		times[t] = bench_array(arena, count, sizeof(int64_t));
		for (size_t i = 0; i < count; i++)
			times[t][i] = bench_at(rows, picks[i], TILED_KEYS + t)->int64;
	}
	for (size_t s = 0; s < layout->state_count; s++) {
		for (size_t i = 0; i < count; i++)
			values[i] = *bench_at(rows, picks[i], TILED_KEYS + 3 + s);
		states[s] = case_column(layout->states[s].type, values, count, arena);
	}
	struct asof_tiles tiles = { count, times[0], times[1], times[2], states };
	struct asof_row packed;
	struct asof_error err = { 0 };
	assert_ok(asof_answer_make_row(&w->plan, &tiles, at_us, arena, &packed, &err), err);
	assert_ok(asof_row_encode(&w->plan.shape, &packed, bytes, &err), err);
}

static void
check_answer(struct world *w, size_t entity, int64_t at_us, int64_t clock_us,
	     const struct asof_buf *bytes)
{
	const struct asof_view *view = tiled_view(&w->c);
	struct asof_answer answer;
	struct asof_error err = { 0 };
	struct tiled_known known = { .commits_us = { COMMIT_US, COMMIT_US, COMMIT_US },
				     .until_us = at_us };
	assert_ok(asof_answer_read(&w->plan, asof_buf_view(bytes), clock_us, &w->c.arena, &answer,
				   &err),
		  err);
	tiled_select(&w->c, entity, &known, &w->selected);
	int64_t now_us = clock_us > at_us ? clock_us : at_us;
	int64_t newest_us = 0;
	bool has_row = oracle_newest(&w->selected, tiled_instant(view, now_us), &newest_us);
	assert_int_equal(answer.has_row, has_row);
	if (has_row)
		assert_int_equal(answer.event_us, newest_us);
	for (size_t o = 0; o < view->output_count; o++) {
		const struct asof_output *output = &view->outputs[o];
		struct oracle_value want = tiled_expected(&w->c, &w->selected, output, now_us);
		if (bench_is_near(&answer.values[o], &want.value, want.tolerance) ||
		    asof_value_compare(&answer.values[o], &want.value) == 0)
			continue;
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		fail_msg("case %zu, step %lld, %s of %s over %lld, stored at %lld, at %lld: "
			 "%s is not %s",
			 w->number, (long long)view->step_us, asof_agg_text(output->agg),
			 output->feature->column.text ? output->feature->column.text : "rows",
			 (long long)output->window_us, (long long)at_us, (long long)clock_us,
			 bench_text(&answer.values[o], &arena), bench_text(&want.value, &arena));
	}
}

static void
check_instant(struct random *r, struct world *w, int64_t at_us)
{
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	ask_online(w, at_us, &rows);
	for (size_t e = 0; e < TILED_ENTITIES; e++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf bytes = ASOF_BUF(1 << 20);
		store_entity(w, &rows, e, at_us, &bytes);
		check_answer(w, e, at_us, at_us, &bytes);
		check_answer(w, e, at_us, at_us - 10, &bytes);
		for (int i = 0; i < CLOCKS; i++)
			check_answer(w, e, at_us, at_us + random_between(r, 0, 260), &bytes);
	}
}

static void
an_answer_is_the_join_as_if_nothing_came_after_materializing(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(15); number++) {
		struct random r = { .state = number * 15485863 };
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		w->number = number;
		tiled_make(&r, &w->c, w->engine, w->dir);
		struct asof_plan_build build = build_of(w, (struct asof_plan_range){ 0 });
		assert_ok(asof_plan_build_sql(&build, &sql, &err), err);
		bench_store(w->engine, &sql, w->tiles_path);
		assert_ok(asof_answer_plan_make(tiled_view(&w->c), &w->c.arena, &w->plan, &err),
			  err);
		for (int i = 0; i < 3; i++)
			check_instant(&r, w,
				      w->c.base_us + random_between(&r, -w->c.range_us - 10,
								    w->c.range_us + 60));
		tiled_done(&w->c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_the_join_as_if_nothing_came_after_materializing),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
