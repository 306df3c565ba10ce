/*
 * test_scan_sql.c - what the kernels read of a spine and of plain views, held equal to the rows
 * that were written and to what a build stores. ASOF_CASES: how many random projects.
 */
#include <inttypes.h>

#include "plain_case.h"

#define COMMIT_US INT64_C(4000000000000000)

struct world {
	struct asof_engine *engine;
	char dir[TEMPDIR_MAX];
	char spine_path[TEMPDIR_MAX + 32];
	char table_path[TEMPDIR_MAX + 32];
	struct project p;
};

static int
open_world(void **state)
{
	static struct world world;
	world.engine = bench_engine(2);
	tempdir_make(world.dir);
	(void)snprintf(world.spine_path, sizeof(world.spine_path), "%s/spine", world.dir);
	(void)snprintf(world.table_path, sizeof(world.table_path), "%s/table.parquet", world.dir);
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

static void
make_project(struct random *r, struct world *w, size_t number)
{
	struct project *p = &w->p;
	*r = (struct random){ .state = number * 104729 };
	asof_arena_reset(&p->arena);
	make_model(r, p);
	make_rows(r, p, random_below(r, 2) ? 0 : INT64_C(981173106123456));
	for (size_t f = 0; f < FILES; f++)
		write_rows(w->engine, p, p->rows[f], p->row_counts[f], HEAD + VALUES, p->files[f]);
	write_rows(w->engine, p, p->spine, SPINE_ROWS, KEYS + 1, w->spine_path);
}

/* ---- the spine ---- */

static const struct asof_field spine_fields[] = { { .name = "t" },
						  { .name = "other" },
						  { .name = "k" } };

/* Of a Parquet file, and of what only a window numbers. */
static struct asof_plan_join
spine_of(const struct world *w, bool is_parquet, struct asof_buf *from)
{
	asof_buf_add_cstr(from, "(SELECT key AS k, number::VARCHAR AS other, t, file_row_number "
				"AS n FROM read_parquet(");
	asof_sql_text(from, w->spine_path);
	asof_buf_add_cstr(from, "))");
	return (struct asof_plan_join){
		.spine_sql = asof_buf_cstr(from),
		.spine_row = is_parquet ? "n" : "row_number() OVER () - 1",
		.spine_fields = spine_fields,
		.spine_field_count = ASOF_COUNTOF(spine_fields),
		.time_column = "t",
		.time_type = TZ,
	};
}

static void
check_spine_scan(struct world *w, const struct asof_plan_join *join, const struct asof_entity *e,
		 size_t first, size_t count)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	struct asof_error err = { 0 };
	size_t seen = 0;
	assert_ok(asof_plan_spine_scan_sql(join, e, (int64_t)first, (int64_t)count, &sql, &err),
		  err);
	bench_ask_sorted(w->engine, &sql, &rows);
	for (size_t i = first; i < first + count && i < SPINE_ROWS; i++) {
		const struct row *row = &w->p.spine[i];
		bool is_whole = row->has_time && !row->keys[0].is_null &&
				(e->key_count == 1 || !row->keys[1].is_null);
		if (!is_whole)
			continue;
		assert_int_equal(bench_at(&rows, seen, 0)->int64, i);
		assert_int_equal(bench_at(&rows, seen, 1)->int64, row->event_us);
		for (size_t k = 0; k < e->key_count; k++)
			bench_expect_same(bench_at(&rows, seen, 2 + k), &row->keys[k], "key");
		seen++;
	}
	assert_int_equal(rows.row_count, seen);
}

static void
check_spine_rows(struct world *w, const struct asof_plan_join *join, size_t first, size_t count)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	struct asof_error err = { 0 };
	size_t end = first + count < SPINE_ROWS ? first + count : SPINE_ROWS;
	assert_ok(asof_plan_spine_rows_sql(join, (int64_t)first, (int64_t)count, &sql, &err), err);
	bench_ask(w->engine, &sql, &rows);
	assert_int_equal(rows.row_count, first < end ? end - first : 0);
	for (size_t i = 0; i < rows.row_count; i++) {
		const struct row *row = &w->p.spine[first + i];
		struct asof_value time = time_value(row->has_time, row->event_us);
		bench_expect_same(bench_at(&rows, i, 0), &time, "time");
		assert_int_equal(bench_at(&rows, i, 1)->is_null, row->keys[1].is_null);
		bench_expect_same(bench_at(&rows, i, 2), &row->keys[0], "key");
		assert_int_equal(bench_at(&rows, i, 3)->int64, first + i);
	}
}

static void
ranges_of_a_spine_are_its_rows_of_those_numbers(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(6); number++) {
		struct random r;
		make_project(&r, w, number);
		for (size_t i = 0; i < 4; i++) {
			ASOF_AUTO(asof_buf_done) struct asof_buf from = ASOF_BUF(4096);
			struct asof_plan_join join = spine_of(w, i % 2, &from);
			size_t first = i < 2 ? 0 : random_below(&r, SPINE_ROWS + 5);
			size_t count = i < 2 ? SPINE_ROWS : random_below(&r, SPINE_ROWS);
			check_spine_scan(w, &join, &w->p.entities[i / 2 % VIEWS], first, count);
			check_spine_rows(w, &join, first, count);
		}
	}
}

/* ---- rows ---- */

static struct asof_plan_build
build_of(const struct world *w, size_t v, const char **paths)
{
	/* Not in their order: what ties are broken by is the ordinal. */
	static const int64_t ordinals[FILES] = { 7, 3, 5 };
	for (size_t f = 0; f < FILES; f++)
		paths[f] = w->p.files[f];
	return (struct asof_plan_build){
		.view = &w->p.views[v],
		.source = { .source = &w->p.source,
			    .paths = paths,
			    .path_count = FILES,
			    .ordinals = ordinals,
			    .event_time_type = TZ,
			    .created_time_type = w->p.source.created_time.text ? TZ : NULL },
		.commit_us = COMMIT_US,
	};
}

static struct asof_plan_scan
random_scan(struct random *r)
{
	int64_t at_us = random_below(r, 2) ? 0 : INT64_C(981173106123456);
	struct asof_plan_scan scan = { .has_created = random_below(r, 2),
				       .has_order = random_below(r, 2),
				       .is_known = random_below(r, 2),
				       .has_range = random_below(r, 3) };
	scan.known_us = random_below(r, 4) ? at_us + random_between(r, -40, 60) : COMMIT_US;
	scan.from_us = random_below(r, 3) ? at_us + random_between(r, -40, 20) : INT64_MIN;
	scan.to_us = random_below(r, 3) ? at_us + random_between(r, -20, 40) : INT64_MAX;
	return scan;
}

/* The same by plain SQL over what a build stores, its columns in the order of a scan. */
static void
ask_stored(struct world *w, const struct asof_plan_build *build, const struct asof_plan_scan *scan,
	   struct bench_rows *ret_rows)
{
	const struct asof_view *view = build->view;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	asof_buf_add_cstr(&sql, "SELECT ");
	for (size_t k = 0; k < view->entity->key_count; k++) {
		asof_sql_name(&sql, view->entity->keys[k].name);
		asof_buf_add_cstr(&sql, ", ");
	}
	asof_buf_printf(&sql, "epoch_us(event_time)%s%s",
			scan->has_created ? ", epoch_us(created_time)" : "",
			scan->has_order ? ", _order" : "");
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_add_cstr(&sql, ", CAST(");
		asof_sql_name(&sql, view->outputs[i].name);
		asof_buf_add_cstr(&sql, " AS ");
		asof_sql_type(&sql, view->outputs[i].type);
		asof_buf_add_char(&sql, ')');
	}
	asof_buf_add_cstr(&sql, " FROM (");
	assert_ok(asof_plan_build_sql(build, &sql, &err), err);
	asof_buf_add_cstr(&sql, ") WHERE true");
	if (scan->is_known)
		asof_buf_printf(&sql, " AND epoch_us(created_time) <= %" PRId64, scan->known_us);
	if (scan->has_range)
		asof_buf_printf(&sql,
				" AND epoch_us(event_time) BETWEEN %" PRId64 "::HUGEINT AND "
				"%" PRId64 "::HUGEINT",
				scan->from_us, scan->to_us);
	bench_ask_sorted(w->engine, &sql, ret_rows);
}

static void
check_rows_scan(struct world *w, const struct asof_plan_build *build,
		const struct asof_plan_scan *scan, const struct bench_rows *want)
{
	const struct asof_output *outputs[VALUES];
	const char *path = w->table_path;
	struct asof_plan_join_view item = {
		.table = { .view = build->view, .paths = &path, .path_count = 1 },
		.outputs = outputs,
		.output_count = build->view->output_count
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf stored = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	for (size_t i = 0; i < item.output_count; i++)
		outputs[i] = &build->view->outputs[i];
	assert_ok(asof_plan_table_fields(build->view, NULL, &w->p.arena, &item.table.fields,
					 &item.table.field_count, &err),
		  err);
	assert_ok(asof_plan_build_sql(build, &stored, &err), err);
	bench_store(w->engine, &stored, w->table_path);
	assert_ok(asof_plan_rows_scan_sql(&item, scan, &sql, &err), err);
	bench_ask_taken(w->engine, &sql, build->view->entity->key_count, &rows);
	bench_expect_rows_same(&rows, want, "stored rows");
}

static void
check_source_scan(struct world *w, const struct asof_plan_build *build,
		  const struct asof_plan_scan *scan, const struct bench_rows *want)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
	assert_ok(asof_plan_source_scan_sql(build, scan, &sql, &err), err);
	bench_ask_taken(w->engine, &sql, build->view->entity->key_count, &rows);
	bench_expect_rows_same(&rows, want, "the source's rows");
}

static void
scans_of_rows_give_what_a_build_stores(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(6); number++) {
		struct random r;
		make_project(&r, w, number + 1000);
		for (size_t v = 0; v < VIEWS; v++) {
			const char *paths[FILES];
			struct asof_plan_build build = build_of(w, v, paths);
			struct asof_plan_scan scan = random_scan(&r);
			ASOF_AUTO(bench_rows_done) struct bench_rows want = { 0 };
			ask_stored(w, &build, &scan, &want);
			check_rows_scan(w, &build, &scan, &want);
			check_source_scan(w, &build, &scan, &want);
		}
	}
}

/* ---- event times of every type ---- */

struct clock {
	const char *type;
	const char *event; /* `t` as that type */
	const char *zone;
};

/* Bounds around an event: right on it, and one off. */
static void
check_clock(struct random *r, struct world *w, const struct clock *clock)
{
	const char *paths[FILES];
	w->p.source.event_time.text = clock->event;
	w->p.source.time_zone = clock->zone;
	struct asof_plan_build build = build_of(w, 0, paths);
	build.source.event_time_type = clock->type;
	const struct asof_plan_scan all = { 0 };
	ASOF_AUTO(bench_rows_done) struct bench_rows every = { 0 };
	ask_stored(w, &build, &all, &every);
	for (size_t i = 0; i < 2 && every.row_count > 0; i++) {
		size_t from = random_below(r, every.row_count);
		size_t to = random_below(r, every.row_count);
		size_t event = build.view->entity->key_count;
		struct asof_plan_scan scan = {
			.has_range = true,
			.from_us = bench_at(&every, from, event)->int64 + random_between(r, -1, 1),
			.to_us = bench_at(&every, to, event)->int64 + random_between(r, -1, 1),
		};
		ASOF_AUTO(bench_rows_done) struct bench_rows want = { 0 };
		build.range = (struct asof_plan_range){ 0 };
		ask_stored(w, &build, &scan, &want);
		check_source_scan(w, &build, &scan, &want);
		build.range = (struct asof_plan_range){ .has_from = true,
							.has_to = true,
							.from_us = scan.from_us,
							.to_us = scan.to_us + 1 };
		check_source_scan(w, &build, &all, &want);
	}
}

static void
bounds_are_exact_whatever_the_time_is_in(void **state)
{
	static const struct clock clocks[] = {
		{ TZ, "t", NULL },
		{ "TIMESTAMP", "timezone('UTC', t)", NULL },
		{ "TIMESTAMP", "timezone('UTC', t)", "America/New_York" },
		{ "TIMESTAMP_NS", "make_timestamp_ns(epoch_us(t) * 1000 + 999)", NULL },
		{ "TIMESTAMP_NS", "make_timestamp_ns(epoch_us(t) * 1000 - 1)", "Asia/Tokyo" },
		{ "TIMESTAMP_S", "CAST(timezone('UTC', t) AS TIMESTAMP_S)", NULL },
		{ "DATE", "CAST(timezone('UTC', t) AS DATE)", "Europe/Berlin" },
	};
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(2); number++) {
		struct random r;
		make_project(&r, w, number + 2000);
		for (size_t i = 0; i < ASOF_COUNTOF(clocks); i++)
			check_clock(&r, w, &clocks[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_a_spine_are_its_rows_of_those_numbers),
		cmocka_unit_test(scans_of_rows_give_what_a_build_stores),
		cmocka_unit_test(bounds_are_exact_whatever_the_time_is_in),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
