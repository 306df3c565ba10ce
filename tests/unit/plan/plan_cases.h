/* plan_cases.h - a project from YAML with its types, and everything that is planned for its views.
 */
#ifndef ASOF_TESTS_PLAN_CASES_H
#define ASOF_TESTS_PLAN_CASES_H

#include "check.h"
#include "define/define.h"
#include "plan/plan.h"
#include "plan/sql.h"

#define PLAN_VIEWS   4
#define PLAN_OUTPUTS 64
#define PLAN_TZ      "TIMESTAMP WITH TIME ZONE"
#define PLAN_HOUR_US INT64_C(3600000000)
#define PLAN_TIME_US INT64_C(993859200000000) /* 2001-06-30T00:00:00Z */

/* A statement to be planned for the project's first view, or for all of them in a join. */
enum plan_what {
	PLAN_BUILD,
	PLAN_FED,
	PLAN_SPLICE,
	PLAN_TOUCHED,
	PLAN_CURSOR,
	PLAN_WATERMARK,
	PLAN_TOUCHED_FILES,
	PLAN_REPLACE,
	PLAN_PROFILE,
	PLAN_BAD_ROWS,
	PLAN_FILES,
	PLAN_ROWS,
	PLAN_ROWS_UNFILTERED,
	PLAN_TABLE,
	PLAN_TABLE_EMPTY,
	PLAN_MERGED,
	PLAN_FOLDED,
	PLAN_FOLDABLE,
	PLAN_VALUES,
	PLAN_JOIN,
	PLAN_INSTANTS,
	PLAN_JOIN_TILES,
	PLAN_ONLINE,
	PLAN_ONLINE_PARTIAL,
	PLAN_STRADDLING,
	PLAN_SPINE_ENDS,
	PLAN_SPINE_SCAN,
	PLAN_SPINE_ROWS,
	PLAN_ROW_GROUPS,
	PLAN_ROWS_SCAN,
	PLAN_TILES_SCAN,
	PLAN_SOURCE_SCAN,
	PLAN_SHARED_SCAN, /* of all views over the first view's source */
};

struct plan_order {
	const char *name; /* of its golden file */
	const char *yaml;
	enum plan_what what;
	const char *time_type; /* of event_time; NULL: with time zone */
	enum asof_plan_known_at known_at;
	int64_t us; /* known at; materialized at; oldest instant */
	bool has_range;
	bool has_ordinals;
	bool has_answers;
	struct asof_plan_scan scan;
	bool has_wide_integers; /* int64 columns are what JSON files may be taken for */
};

struct plan_case {
	struct asof_arena arena;
	struct asof_project *project;
	struct asof_tile_layout layouts[PLAN_VIEWS];
	struct asof_plan_table tables[PLAN_VIEWS];
	struct asof_plan_build builds[PLAN_VIEWS];
	struct asof_field key_types[PLAN_VIEWS][8];
	const struct asof_output *outputs[PLAN_VIEWS][PLAN_OUTPUTS];
	struct asof_plan_join_view views[PLAN_VIEWS];
	struct asof_plan_join_column columns[PLAN_VIEWS * PLAN_OUTPUTS];
	struct asof_plan_join join;
};

static const char *const plan_source_paths[] = { "/p/data/a.parquet", "/p/data/it's.parquet" };
static const int64_t plan_ordinals[] = { 7, 3 };
static const char *const plan_table_paths[] = { "/lake/v/1.parquet", "/lake/v/2.parquet" };

static inline void
plan_case_done(struct plan_case *c)
{
	asof_project_free(c->project);
	asof_arena_done(&c->arena);
}

static inline void
plan_parse(struct plan_case *c, const char *yaml)
{
	ASOF_AUTO(asof_mistakes_done) struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 20);
	struct asof_error err = { 0 };
	assert_ok(asof_define_parse(asof_str_from(yaml), "asof.yaml", NULL, &mistakes, &c->project,
				    &err),
		  err);
	asof_mistakes_write(&mistakes, &text);
	assert_string_equal(asof_buf_cstr(&text), "");
	assert_true(c->project->view_count > 0 && c->project->view_count <= PLAN_VIEWS);
}

/* The engine's names of the types; a text says "timestamp" for the zoned ones. */
static inline void
plan_name_types(struct plan_case *c)
{
	for (size_t s = 0; s < c->project->source_count; s++) {
		struct asof_source *source = &c->project->sources[s];
		for (size_t i = 0; i < source->field_count; i++) {
			struct asof_field *field = &source->fields[i];
			ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(256);
			asof_sql_type(&text, field->type);
			field->type_text =
				field->type.kind == ASOF_TYPE_TIMESTAMP
					? PLAN_TZ
					: asof_arena_copy(&c->arena, asof_buf_view(&text));
			assert_non_null(field->type_text);
		}
	}
}

static inline void
plan_key_types(struct plan_case *c, size_t v)
{
	const struct asof_view *view = &c->project->views[v];
	struct asof_plan_source *source = &c->builds[v].source;
	if (view->source->format != ASOF_FORMAT_CSV)
		return;
	for (size_t k = 0; k < view->entity->key_count; k++)
		c->key_types[v][k] = (struct asof_field){ .name = view->key_columns[k].text,
							  .type = view->entity->keys[k].type };
	source->key_types = c->key_types[v];
	source->key_type_count = view->entity->key_count;
}

static inline void
plan_view(struct plan_case *c, size_t v, const struct plan_order *order)
{
	const struct asof_view *view = &c->project->views[v];
	const struct asof_tile_layout *layout = NULL;
	struct asof_error err = { 0 };
	if (asof_view_is_windowed(view)) {
		assert_ok(asof_tile_layout_make(view, &c->arena, &c->layouts[v], &err), err);
		layout = &c->layouts[v];
	}
	c->builds[v] = (struct asof_plan_build){
		.view = view,
		.layout = layout,
		.source = { .source = view->source,
			    .paths = plan_source_paths,
			    .path_count = ASOF_COUNTOF(plan_source_paths),
			    .ordinals = order->has_ordinals ? plan_ordinals : NULL,
			    .event_time_type = order->time_type ? order->time_type : PLAN_TZ,
			    .created_time_type = view->source->created_time.text ? PLAN_TZ : NULL },
		.range = { .has_from = order->has_range,
			   .has_to = order->has_range,
			   .from_us = PLAN_TIME_US + 1,
			   .to_us = PLAN_TIME_US + 24 * PLAN_HOUR_US + 1 },
		.commit_us = PLAN_TIME_US + 48 * PLAN_HOUR_US,
	};
	plan_key_types(c, v);
	bool is_empty = order->what == PLAN_TABLE_EMPTY;
	struct asof_plan_table *table = &c->tables[v];
	*table = (struct asof_plan_table){ .view = view,
					   .layout = layout,
					   .paths = is_empty ? NULL : plan_table_paths,
					   .path_count = is_empty ? 0 : 2 };
	assert_ok(asof_plan_table_fields(view, layout, &c->arena, &table->fields,
					 &table->field_count, &err),
		  err);
}

static inline void
plan_widen(struct plan_case *c)
{
	struct asof_source *source = &c->project->sources[0];
	for (size_t i = 0; i < source->field_count; i++) {
		struct asof_field *field = &source->fields[i];
		if (field->type.kind == ASOF_TYPE_INT64)
			field->type_text = "HUGEINT";
		else if (field->type.element == ASOF_TYPE_INT64)
			field->type_text = "UBIGINT[]";
	}
}

/* All outputs of all views, onto a spine whose time is `order->time_type`. */
static inline void
plan_join(struct plan_case *c, const struct plan_order *order)
{
	static const struct asof_field spine[] = { { .name = "id" }, { .name = "a \"label\"" } };
	size_t count = 0;
	for (size_t v = 0; v < c->project->view_count; v++) {
		const struct asof_view *view = &c->project->views[v];
		assert_true(view->output_count <= PLAN_OUTPUTS);
		for (size_t i = 0; i < view->output_count; i++) {
			c->outputs[v][i] = &view->outputs[i];
			c->columns[count++] = (struct asof_plan_join_column){ v, i };
		}
		c->views[v] = (struct asof_plan_join_view){
			.table = c->tables[v],
			.outputs = c->outputs[v],
			.output_count = view->output_count,
			.answers = order->has_answers ? "asof_answers" : NULL,
		};
	}
	c->join = (struct asof_plan_join){
		.spine_sql = "read_parquet('/p/spine.parquet')",
		.spine_row = "file_row_number",
		.spine_fields = spine,
		.spine_field_count = ASOF_COUNTOF(spine),
		.time_column = "the \"time\"",
		.time_type = order->time_type ? order->time_type : PLAN_TZ,
		.views = c->views,
		.view_count = c->project->view_count,
		.columns = c->columns,
		.column_count = count,
		.known_at = order->known_at,
		.known_at_us = order->us,
	};
}

static inline void
plan_case_make(struct plan_case *c, const struct plan_order *order)
{
	*c = (struct plan_case){ 0 };
	plan_parse(c, order->yaml);
	plan_name_types(c);
	if (order->has_wide_integers)
		plan_widen(c);
	for (size_t v = 0; v < c->project->view_count; v++)
		plan_view(c, v, order);
	plan_join(c, order);
}

static inline enum asof_status
plan_write_shared(const struct plan_case *c, struct asof_buf *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t **columns = NULL;
	return asof_plan_shared_scan_sql(c->builds, c->project->view_count, &arena, &columns, sql,
					 err);
}

/* What the kernels read. */
static inline enum asof_status
plan_write_scan(const struct plan_case *c, const struct plan_order *order, struct asof_buf *sql,
		struct asof_error *err)
{
	const struct asof_plan_scan *scan = &order->scan;
	switch (order->what) {
	case PLAN_SPINE_ENDS:
		return asof_plan_spine_ends_sql(&c->join, c->project->views[0].entity, sql, err);
	case PLAN_ROW_GROUPS:
		return asof_plan_row_groups_sql(&c->tables[0], scan, sql, err);
	case PLAN_SPINE_SCAN:
		return asof_plan_spine_scan_sql(&c->join, c->project->views[0].entity, 1000, 500,
						sql, err);
	case PLAN_SPINE_ROWS:
		return asof_plan_spine_rows_sql(&c->join, 1000, 500, sql, err);
	case PLAN_ROWS_SCAN:
		return asof_plan_rows_scan_sql(&c->views[0], scan, sql, err);
	case PLAN_TILES_SCAN:
		return asof_plan_tiles_scan_sql(&c->tables[0], scan, sql, err);
	case PLAN_SOURCE_SCAN:
		return asof_plan_source_scan_sql(&c->builds[0], scan, sql, err);
	default:
		return plan_write_shared(c, sql, err);
	}
}

/* The rows behind a watermark, of a source whose cursor is the event time. */
static inline enum asof_status
plan_write_cursor(const struct asof_plan_build *build, const struct plan_order *order,
		  struct asof_buf *sql, struct asof_error *err)
{
	struct asof_source source = *build->source.source;
	struct asof_plan_source plan = build->source;
	source.cursor = ASOF_SOURCE_CURSOR_EVENT;
	plan.source = &source;
	plan.cursor = (struct asof_plan_cursor){ .is_set = order->what == PLAN_CURSOR,
						 .after_us = PLAN_TIME_US,
						 .to_us = PLAN_TIME_US + PLAN_HOUR_US,
						 .has_timeless = true };
	if (order->what == PLAN_WATERMARK)
		return asof_plan_watermark_sql(&plan, sql, err);
	asof_plan_source_rows(sql, &plan, true);
	return asof_buf_status(sql, err);
}

/* What a change of the source's rows touches, and what takes its place. */
static inline enum asof_status
plan_write_change(const struct plan_case *c, const struct plan_order *order, struct asof_buf *sql,
		  struct asof_error *err)
{
	struct asof_plan_build build = c->builds[0];
	const struct asof_plan_change change = { .build = &build,
						 .table = &c->tables[0],
						 .removed_sql = "SELECT * FROM gone",
						 .added_sql = "SELECT * FROM come" };
	build.touched = "asof_touched";
	if (order->what == PLAN_TOUCHED)
		return asof_plan_touched_sql(&change, sql, err);
	if (order->what == PLAN_TOUCHED_FILES)
		return asof_plan_touched_files_sql(&change, build.range.from_us, build.range.to_us,
						   sql, err);
	return asof_plan_replace_sql(&c->tables[0], &build, sql, err);
}

/* What this ends with is in `sql` only where the status is ASOF_OK. */
static inline enum asof_status
plan_write(const struct plan_case *c, const struct plan_order *order, struct asof_buf *sql,
	   struct asof_error *err)
{
	const struct asof_plan_build *build = &c->builds[0];
	const struct asof_plan_table *table = &c->tables[0];
	switch (order->what) {
	case PLAN_BUILD:
		return asof_plan_build_sql(build, sql, err);
	case PLAN_FED:
		return asof_plan_fed_sql(build, sql, err);
	case PLAN_SPLICE:
		return asof_plan_splice_sql(table, build, sql, err);
	case PLAN_CURSOR:
	case PLAN_WATERMARK:
		return plan_write_cursor(build, order, sql, err);
	case PLAN_TOUCHED:
	case PLAN_TOUCHED_FILES:
	case PLAN_REPLACE:
		return plan_write_change(c, order, sql, err);
	case PLAN_PROFILE:
		return asof_plan_profile_sql(build, sql, err);
	case PLAN_BAD_ROWS:
		return asof_plan_bad_rows_sql(build, sql, err);
	case PLAN_VALUES:
		return asof_plan_values_sql(table, sql, err);
	case PLAN_JOIN:
		return asof_plan_join_sql(&c->join, sql, err);
	case PLAN_INSTANTS:
		return asof_plan_instants_sql(&c->join, 0, sql, err);
	case PLAN_JOIN_TILES:
		return asof_plan_join_tiles_sql(&c->join, 0, order->us, sql, err);
	case PLAN_ONLINE:
		return asof_plan_online_sql(table, order->us, NULL, sql, err);
	case PLAN_ONLINE_PARTIAL:
		return asof_plan_online_sql(table, order->us, build, sql, err);
	case PLAN_FILES:
		asof_plan_files(sql, &build->source);
		break;
	case PLAN_ROWS:
	case PLAN_ROWS_UNFILTERED:
		asof_plan_source_rows(sql, &build->source, order->what == PLAN_ROWS);
		break;
	case PLAN_TABLE:
	case PLAN_TABLE_EMPTY:
		asof_plan_table_sql(sql, table);
		break;
	case PLAN_MERGED:
	case PLAN_FOLDED:
		return asof_plan_compact_sql(table, order->what == PLAN_FOLDED, order->us, sql,
					     err);
	case PLAN_FOLDABLE:
		return asof_plan_foldable_sql(table, order->us, sql, err);
	case PLAN_STRADDLING:
		asof_plan_straddling_sql(table, order->us, sql);
		break;
	default:
		return plan_write_scan(c, order, sql, err);
	}
	return asof_buf_status(sql, err);
}

#endif
