/*
 * test_tile_build_sql.c - what the kernel makes of a source, held equal to what the reference SQL
 * makes: the same rows in the same order, by any number of threads. ASOF_CASES: how many random
 * views.
 */
#include "kernel/tile_build.h"
#include "plain_case.h"
#include "tiled_case.h"

#define COMMIT_US    INT64_C(4000000000000000)
#define ENGINE_COUNT 4
#define BUILDS_MAX   2

static const unsigned engine_threads[ENGINE_COUNT] = { 1, 2, 3, 8 };

struct world {
	struct asof_engine *engines[ENGINE_COUNT];
	char dir[TEMPDIR_MAX];
	char sql_path[TEMPDIR_MAX + 32];
	char kernel_path[TEMPDIR_MAX + 32];
	struct tiled_case c;
	struct project p;
	size_t number; /* of the case */
};

static int
open_world(void **state)
{
	static struct world world;
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		world.engines[i] = bench_engine(engine_threads[i]);
	tempdir_make(world.dir);
	(void)snprintf(world.sql_path, sizeof(world.sql_path), "%s/sql.parquet", world.dir);
	(void)snprintf(world.kernel_path, sizeof(world.kernel_path), "%s/kernel.parquet",
		       world.dir);
	for (size_t f = 0; f < FILES; f++)
		(void)snprintf(world.p.files[f], sizeof(world.p.files[f]), "%s/plain%zu.parquet",
			       world.dir, f);
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
	asof_arena_done(&world->p.arena);
	return 0;
}

/* ---- by the kernel ---- */

struct taking {
	const struct asof_plan_build *builds;
	size_t count;
	size_t **columns;
	struct asof_tile_build *made[BUILDS_MAX];
};

static size_t
value_count_of(const struct asof_plan_build *build)
{
	return build->layout ? build->layout->column_count : build->view->output_count;
}

static enum asof_status
take_rows(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	struct taking *taking = arg;
	for (size_t b = 0; b < taking->count; b++) {
		struct asof_column columns[KEYS + 3 + CASE_COLUMNS + VALUES];
		const struct asof_plan_build *build = &taking->builds[b];
		const size_t *from = taking->columns[b];
		size_t keys = build->view->entity->key_count;
		size_t count = 0;
		for (size_t i = 0; i < keys; i++)
			columns[count++] = batch->columns[from[i]];
		for (size_t i = 0; i < 3; i++)
			columns[count++] = batch->columns[i];
		for (size_t i = 0; i < value_count_of(build); i++)
			columns[count++] = batch->columns[from[keys + i]];
		const struct asof_batch own = { columns, count, batch->row_count };
		ASOF_TRY(asof_tile_build_take(taking->made[b], worker, &own, err));
	}
	return ASOF_OK;
}

struct reading {
	const struct asof_tile_build *made;
	struct asof_block block;
	uint64_t done;
};

static enum asof_status
pull_rows(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	  struct asof_error *err)
{
	struct reading *reading = arg;
	uint64_t left = asof_tile_build_rows(reading->made) - reading->done;
	size_t count = left < capacity ? (size_t)left : capacity;
	(void)worker;
	asof_block_reset(&reading->block, count);
	if (count > 0)
		ASOF_TRY(asof_tile_build_read(reading->made, reading->done, count, &reading->block,
					      err));
	reading->done += count;
	*ret_batch =
		(struct asof_batch){ reading->block.columns, reading->block.column_count, count };
	return ASOF_OK;
}

/* To a file, as the job writes it. */
static void
store_made(struct asof_engine *engine, const struct asof_plan_build *build,
	   const struct asof_plan_table *table, const struct asof_tile_build *made,
	   const char *path)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct reading reading = { .made = made };
	struct asof_file_stats stats;
	struct asof_error err = { 0 };
	struct asof_type *types = bench_array(&arena, table->field_count, sizeof(*types));
	for (size_t i = 0; i < table->field_count; i++)
		types[i] = table->fields[i].type;
	assert_ok(asof_block_init(&reading.block, types, table->field_count,
				  asof_engine_vector_rows(), &err),
		  err);
	assert_ok(asof_plan_fed_sql(build, &sql, &err), err);
	const struct asof_feed feed = { .fields = table->fields,
					.field_count = table->field_count,
					.max_workers = 1,
					.pull = pull_rows,
					.arg = &reading };
	assert_ok(asof_engine_write_fed(engine, asof_buf_cstr(&sql), &feed, path, &arena, &stats,
					&err),
		  err);
	assert_int_equal(stats.row_count, asof_tile_build_rows(made));
	asof_block_done(&reading.block);
}

/* ---- comparing ---- */

static void
read_table(struct world *w, struct asof_plan_table *table, const char *path,
	   struct bench_rows *ret_rows)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	table->paths = &path;
	table->path_count = 1;
	asof_plan_table_sql(&sql, table);
	asof_buf_add_cstr(&sql, " ORDER BY file_row_number");
	bench_ask(w->engines[0], &sql, ret_rows);
}

/* Bit for bit, but the low parts of sums: what is left there below 106 bits depends on grouping. */
static void
expect_same_rows(const struct world *w, const struct asof_plan_table *table,
		 const struct bench_rows *have, const struct bench_rows *want)
{
	size_t head = table->view->entity->key_count + 2;
	char what[64];
	(void)snprintf(what, sizeof(what), "case %zu", w->number);
	assert_int_equal(have->row_count, want->row_count);
	for (size_t row = 0; row < have->row_count; row++) {
		for (size_t i = 0; i < have->column_count; i++) {
			const struct asof_value *left = bench_at(have, row, i);
			const struct asof_value *right = bench_at(want, row, i);
			bool is_state =
				table->layout && i >= head && i < head + table->layout->state_count;
			enum asof_state_kind kind =
				is_state ? table->layout->states[i - head].kind : ASOF_STATE_VALUE;
			double tolerance = 0;
			if (kind == ASOF_STATE_SUM_LO || kind == ASOF_STATE_SQUARES_LO)
				tolerance = 0x1p-98 * fabs(bench_at(have, row, i - 1)->float64);
			if (!bench_is_near(left, right, tolerance))
				bench_expect_same(left, right, what);
		}
	}
}

static void
check_view(struct world *w, struct asof_engine *engine, const struct asof_plan_build *build,
	   const struct asof_tile_build *made)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows have = { 0 };
	ASOF_AUTO(bench_rows_done) struct bench_rows want = { 0 };
	struct asof_plan_table table = { .view = build->view, .layout = build->layout };
	struct asof_error err = { 0 };
	assert_ok(asof_plan_table_fields(build->view, build->layout, &arena, &table.fields,
					 &table.field_count, &err),
		  err);
	assert_ok(asof_plan_build_sql(build, &sql, &err), err);
	bench_store(engine, &sql, w->sql_path);
	store_made(engine, build, &table, made, w->kernel_path);
	read_table(w, &table, w->sql_path, &want);
	read_table(w, &table, w->kernel_path, &have);
	expect_same_rows(w, &table, &have, &want);
}

/* One scan for all; then each against the reference. */
static void
check_builds(struct world *w, const struct asof_plan_build *builds, size_t count)
{
	struct asof_engine *engine = w->engines[w->number % ENGINE_COUNT];
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct taking taking = { .builds = builds, .count = count };
	struct asof_error err = { 0 };
	assert_ok(asof_plan_shared_scan_sql(builds, count, &arena, &taking.columns, &sql, &err),
		  err);
	for (size_t b = 0; b < count; b++) {
		const struct asof_tile_build_options options = {
			.view = builds[b].view,
			.layout = builds[b].layout,
			.workers = asof_engine_threads(engine),
		};
		assert_ok(asof_tile_build_new(&options, &taking.made[b], &err), err);
	}
	if (asof_engine_scan(engine, asof_buf_cstr(&sql), take_rows, &taking, &err) != ASOF_OK)
		fail_msg("case %zu: %s", w->number, err.message);
	for (size_t b = 0; b < count; b++) {
		assert_ok(asof_tile_build_finish(taking.made[b], &err), err);
		check_view(w, engine, &builds[b], taking.made[b]);
		asof_tile_build_free(taking.made[b]);
	}
}

/* ---- claims ---- */

static struct asof_plan_range
random_range(struct random *r, int64_t base_us, int64_t range_us)
{
	struct asof_plan_range range = { .has_from = random_below(r, 4) == 0,
					 .has_to = random_below(r, 4) == 0,
					 .from_us = base_us - range_us / 2,
					 .to_us = base_us + range_us / 2 };
	return range;
}

static void
tiles_and_events_equal_those_of_the_reference(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(20); number++) {
		struct random r = { .state = number * 104729 };
		struct tiled_case *c = &w->c;
		const char *paths[TILED_FILES];
		int64_t ordinals[TILED_FILES];
		w->number = number;
		tiled_make(&r, c, w->engines[0], w->dir);
		for (size_t f = 0; f < TILED_FILES; f++) {
			paths[f] = c->files[f].path;
			ordinals[f] = c->files[f].ordinal;
		}
		const struct asof_plan_build build = {
			.view = tiled_view(c),
			.layout = &c->of[0].layout,
			.source = { .source = &c->of[0].source,
				    .paths = paths,
				    .path_count = TILED_FILES,
				    .ordinals = ordinals,
				    .event_time_type = TILED_TZ,
				    .created_time_type = c->has_created ? TILED_TZ : NULL },
			.range = random_range(&r, c->base_us, c->range_us),
			.commit_us = random_below(&r, 2) ? COMMIT_US : c->base_us,
		};
		check_builds(w, &build, 1);
		tiled_done(c);
	}
}

static void
rows_of_several_plain_views_equal_those_of_the_reference(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(20); number++) {
		struct random r = { .state = number * 130363 };
		struct project *p = &w->p;
		const char *paths[FILES];
		const int64_t ordinals[FILES] = { 0, 2, 4 };
		struct asof_plan_build builds[VIEWS];
		int64_t base_us = random_below(&r, 2) ? 0 : INT64_C(981173106123456);
		asof_arena_reset(&p->arena);
		memset(p->views, 0, sizeof(p->views));
		w->number = number;
		make_model(&r, p);
		make_rows(&r, p, base_us);
		for (size_t f = 0; f < FILES; f++) {
			write_rows(w->engines[0], p, p->rows[f], p->row_counts[f], HEAD + VALUES,
				   p->files[f]);
			paths[f] = p->files[f];
		}
		const struct asof_plan_range range = random_range(&r, base_us, 30);
		for (size_t v = 0; v < VIEWS; v++)
			builds[v] = (struct asof_plan_build){
				.view = &p->views[v],
				.source = { .source = &p->source,
					    .paths = paths,
					    .path_count = FILES,
					    .ordinals = ordinals,
					    .event_time_type = TZ,
					    .created_time_type =
						    p->source.created_time.text ? TZ : NULL },
				.range = range,
				.commit_us = COMMIT_US,
			};
		check_builds(w, builds, VIEWS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiles_and_events_equal_those_of_the_reference),
		cmocka_unit_test(rows_of_several_plain_views_equal_those_of_the_reference),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
