/*
 * test_scan_tiles_sql.c - what the kernels read of windowed views: tiles, events, and a source for
 * several views at once, held equal to what builds store. ASOF_CASES: how many random views.
 */
#include <inttypes.h>

#include "tiled_case.h"

#define COMMIT_US INT64_C(4000000000000000)

struct world {
	struct asof_engine *engine;
	char dir[TEMPDIR_MAX];
	char tiles_path[TEMPDIR_MAX + 32];
	struct tiled_case c;
	/* The same view as events. */
	struct asof_view event_view;
	struct asof_tile_layout event_layout;
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

static void
make_case(struct random *r, struct world *w, size_t number)
{
	struct asof_error err = { 0 };
	*r = (struct random){ .state = number * 7919 };
	tiled_make(r, &w->c, w->engine, w->dir);
	w->event_view = *tiled_view(&w->c);
	w->event_view.step_us = ASOF_STEP_EVENT;
	assert_ok(asof_tile_layout_make(&w->event_view, &w->c.arena, &w->event_layout, &err), err);
}

static struct asof_plan_build
build_of(const struct world *w, const char **paths, int64_t *ordinals)
{
	const struct tiled_case *c = &w->c;
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
		.commit_us = COMMIT_US,
	};
}

static struct asof_plan_scan
random_scan(struct random *r, const struct world *w)
{
	int64_t base_us = w->c.base_us;
	struct asof_plan_scan scan = { .has_created = true,
				       .has_order = true,
				       .is_known = random_below(r, 2),
				       .has_range = random_below(r, 3) };
	scan.known_us = base_us + random_between(r, -40, w->c.range_us);
	scan.from_us = base_us + random_between(r, -w->c.range_us, w->c.range_us);
	scan.to_us = random_below(r, 3) ? scan.from_us + random_between(r, 0, 2 * w->c.range_us)
					: INT64_MAX;
	scan.is_label = random_below(r, 2);
	return scan;
}

/* A condition on `event` and `created`, which are expressions of microseconds. */
static void
add_condition(struct asof_buf *sql, const struct asof_plan_scan *scan, bool is_older)
{
	asof_buf_add_cstr(sql, " WHERE true");
	if (scan->is_known)
		asof_buf_printf(sql, " AND created_us <= %" PRId64, scan->known_us);
	if (is_older)
		asof_buf_printf(sql, " AND event_us < %" PRId64, scan->from_us);
	else if (scan->has_range)
		asof_buf_printf(sql, " AND event_us >= %" PRId64 " AND event_us <= %" PRId64,
				scan->from_us, scan->to_us);
}

/* What is stored, k0, k1, event_us, created_us, row_order, then `count` values; what lies before a
 * range by a window over it. */
static void
ask_stored(struct world *w, const char *stored, const struct asof_plan_scan *scan, size_t count,
	   struct bench_rows *ret_rows)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_printf(&sql, "WITH stored AS (%s)\nSELECT * FROM stored", stored);
	add_condition(&sql, scan, false);
	if (scan->has_range) {
		asof_buf_printf(&sql, "\nUNION ALL SELECT k0, k1, event_us, %s",
				scan->is_label ? "created_us, row_order" : "0, 0");
		for (size_t i = 0; i < count; i++)
			asof_buf_add_cstr(&sql, ", NULL");
		asof_buf_add_cstr(&sql, " FROM stored");
		add_condition(&sql, scan, true);
		if (!scan->is_label)
			asof_buf_add_cstr(&sql, " QUALIFY row_number() OVER (PARTITION BY k0, k1 "
						"ORDER BY event_us DESC) = 1");
	}
	bench_ask_sorted(w->engine, &sql, ret_rows);
}

/* The table of a build as a statement, its columns named as ask_stored() has them. */
static void
name_stored(struct asof_buf *sql, const struct asof_view *view,
	    const struct asof_tile_layout *layout, const char *from)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t k = 0; k < TILED_KEYS; k++) {
		asof_sql_name(sql, view->entity->keys[k].name);
		asof_buf_printf(sql, " AS k%zu, ", k);
	}
	asof_buf_printf(sql,
			"epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "
			"%s AS row_order",
			view->step_us > 0 ? "0::BIGINT" : "_order");
	for (size_t i = 0; i < layout->state_count; i++) {
		asof_buf_add_cstr(sql, ", CAST(");
		asof_sql_name(sql, layout->states[i].name);
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_type(sql, layout->states[i].type);
		asof_buf_printf(sql, ") AS s%zu", i);
	}
	asof_buf_printf(sql, " FROM %s", from);
}

static void
check_tiles(struct world *w, const struct asof_plan_scan *scan)
{
	const char *path = w->tiles_path;
	struct asof_plan_table table = { .view = tiled_view(&w->c),
					 .layout = &w->c.of[0].layout,
					 .paths = &path,
					 .path_count = 1 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf stored = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf from = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows want = { 0 };
	ASOF_AUTO(bench_rows_done) struct bench_rows have = { 0 };
	assert_ok(asof_plan_table_fields(table.view, table.layout, &w->c.arena, &table.fields,
					 &table.field_count, &err),
		  err);
	asof_sql_text(&from, path);
	name_stored(&stored, table.view, table.layout, asof_buf_cstr(&from));
	ask_stored(w, asof_buf_cstr(&stored), scan, table.layout->state_count, &want);
	assert_ok(asof_plan_tiles_scan_sql(&table, scan, &sql, &err), err);
	bench_ask_taken(w->engine, &sql, TILED_KEYS, &have);
	bench_expect_rows_same(&have, &want, "tiles");
}

static void
check_events(struct world *w, const struct asof_plan_scan *scan)
{
	const char *paths[TILED_FILES];
	int64_t ordinals[TILED_FILES];
	struct asof_plan_build build = build_of(w, paths, ordinals);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf stored = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf from = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(bench_rows_done) struct bench_rows want = { 0 };
	ASOF_AUTO(bench_rows_done) struct bench_rows have = { 0 };
	/* The scan is of the view as it is, the reference of the same as events. */
	assert_ok(asof_plan_source_scan_sql(&build, scan, &sql, &err), err);
	build.view = &w->event_view;
	build.layout = &w->event_layout;
	asof_buf_add_char(&from, '(');
	assert_ok(asof_plan_build_sql(&build, &from, &err), err);
	asof_buf_add_char(&from, ')');
	name_stored(&stored, build.view, build.layout, asof_buf_cstr(&from));
	ask_stored(w, asof_buf_cstr(&stored), scan, build.layout->state_count, &want);
	bench_ask_sorted(w->engine, &sql, &have);
	bench_expect_rows_same(&have, &want, "events");
}

static void
scans_of_windowed_views_give_what_a_build_stores(void **state)
{
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(8); number++) {
		struct random r;
		const char *paths[TILED_FILES];
		int64_t ordinals[TILED_FILES];
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		make_case(&r, w, number);
		struct asof_plan_build build = build_of(w, paths, ordinals);
		assert_ok(asof_plan_build_sql(&build, &sql, &err), err);
		bench_store(w->engine, &sql, w->tiles_path);
		for (size_t i = 0; i < 3; i++) {
			struct asof_plan_scan scan = random_scan(&r, w);
			check_tiles(w, &scan);
			check_events(w, &scan);
		}
		tiled_done(&w->c);
	}
}

/* ---- one scan for several views ---- */

#define SHARED_VIEWS 3

struct shared_views {
	struct asof_view views[SHARED_VIEWS];
	struct asof_entity entity;
	struct asof_output outputs[2];
	struct asof_plan_build builds[SHARED_VIEWS];
};

/* The windowed view, the same as events, and a plain one of the first key and two columns. */
static void
make_shared(struct random *r, struct world *w, const struct asof_plan_build *build,
	    struct shared_views *s)
{
	struct asof_plan_range range = { .has_from = random_below(r, 2),
					 .has_to = random_below(r, 2),
					 .from_us = w->c.base_us - 20,
					 .to_us = w->c.base_us + w->c.range_us / 2 };
	static struct asof_feature features[2];
	for (size_t i = 0; i < SHARED_VIEWS; i++) {
		s->builds[i] = *build;
		s->builds[i].range = range;
		s->builds[i].view = &s->views[i];
	}
	s->views[0] = *tiled_view(&w->c);
	s->views[1] = w->event_view;
	s->builds[1].layout = &w->event_layout;
	s->entity = w->c.entity;
	s->entity.key_count = 1;
	for (size_t i = 0; i < 2; i++) {
		const struct asof_field *field =
			&w->c.of[0].source.fields[random_below(r, CASE_COLUMNS)];
		features[i] = (struct asof_feature){ .name = field->name,
						     .column = { .text = field->name } };
		s->outputs[i] = (struct asof_output){ .name = i ? "second" : "first",
						      .feature = &features[i],
						      .type = field->type };
	}
	s->views[2] = (struct asof_view){ .name = "plain",
					  .entity = &s->entity,
					  .source = build->view->source,
					  .key_columns = w->c.key_columns,
					  .features = features,
					  .feature_count = 2,
					  .outputs = s->outputs,
					  .output_count = 2 };
	s->builds[2].layout = NULL;
}

/* A view's part of the shared scan, its rows without a time or a whole key left out. */
static void
ask_part(struct world *w, const struct shared_views *s, size_t b, struct bench_rows *ret_rows)
{
	const struct asof_plan_build *build = &s->builds[b];
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf shared = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_result_schema schema = { 0 };
	struct asof_error err = { 0 };
	size_t **columns = NULL;
	size_t key_count = build->view->entity->key_count;
	size_t value_count =
		build->layout ? build->layout->column_count : build->view->output_count;
	assert_ok(
		asof_plan_shared_scan_sql(s->builds, SHARED_VIEWS, &arena, &columns, &shared, &err),
		err);
	assert_ok(asof_engine_describe(w->engine, asof_buf_cstr(&shared), &arena, &schema, &err),
		  err);
	asof_buf_add_cstr(&sql, "SELECT ");
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(&sql, "%s, ", schema.fields[columns[b][i]].name);
	/* As its kernel takes it: an infinite time is none. */
	const char *event = schema.fields[0].type.kind == ASOF_TYPE_TIMESTAMP ? "epoch_us(event_us)"
									      : "event_us";
	asof_buf_printf(&sql, "%s, created_us, row_order", event);
	for (size_t i = 0; i < value_count; i++)
		asof_buf_printf(&sql, ", %s AS v%zu", schema.fields[columns[b][key_count + i]].name,
				i);
	asof_buf_printf(&sql, " FROM (%s) WHERE %s IS NOT NULL", asof_buf_cstr(&shared), event);
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(&sql, " AND %s IS NOT NULL", schema.fields[columns[b][i]].name);
	bench_ask_sorted(w->engine, &sql, ret_rows);
}

static void
a_scan_for_several_views_has_the_rows_of_each(void **state)
{
	static const struct asof_plan_scan all = { .has_created = true, .has_order = true };
	struct world *w = *state;
	for (size_t number = 1; number <= random_cases(8); number++) {
		struct random r;
		struct shared_views s = { 0 };
		const char *paths[TILED_FILES];
		int64_t ordinals[TILED_FILES];
		make_case(&r, w, number + 5000);
		struct asof_plan_build build = build_of(w, paths, ordinals);
		make_shared(&r, w, &build, &s);
		for (size_t b = 0; b < SHARED_VIEWS; b++) {
			struct asof_error err = { 0 };
			ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
			ASOF_AUTO(bench_rows_done) struct bench_rows alone = { 0 };
			ASOF_AUTO(bench_rows_done) struct bench_rows part = { 0 };
			assert_ok(asof_plan_source_scan_sql(&s.builds[b], &all, &sql, &err), err);
			bench_ask_taken(w->engine, &sql, s.builds[b].view->entity->key_count,
					&alone);
			ask_part(w, &s, b, &part);
			bench_expect_rows_same(&part, &alone, s.views[b].name);
		}
		tiled_done(&w->c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scans_of_windowed_views_give_what_a_build_stores),
		cmocka_unit_test(a_scan_for_several_views_has_the_rows_of_each),
	};
	return cmocka_run_group_tests(tests, open_world, close_world);
}
