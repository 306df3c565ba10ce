/* join_direct.c - views computed from their sources as they are now, without a build. */
#include <inttypes.h>

#include "job/foreign_table.h"
#include "job/join_run.h"
#include "job/upstream.h"
#include "model/hash.h"
#include "plan/sql.h"

/* Before every label: rows without a created_time were always known. Midnight of year 1. */
#define ALWAYS_KNOWN_US INT64_C(-62135596800000000)

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "direct join");
}

static enum asof_status
read_definition(struct asof_join_run *run, const struct asof_view *view,
		struct asof_join_direct *direct, struct asof_error *err)
{
	const struct asof_project *project = run->session->project;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_FILE_BYTES_MAX * 16);
	char hash[33];
	ASOF_TRY(asof_upstream_use(run->session, view->source, view, err));
	ASOF_TRY(asof_upstream_settle(run->session, view, ASOF_UPSTREAM_PUBLISHED, err));
	ASOF_TRY(asof_define_canonical(project, view, true, &buf, err));
	asof_hash128_text(asof_buf_view(&buf), hash);
	asof_buf_clear(&buf);
	ASOF_TRY(asof_define_canonical(project, view, false, &buf, err));
	direct->hash = asof_arena_copy(&run->arena, asof_str_from(hash));
	direct->definition_json = asof_arena_copy(&run->arena, asof_buf_view(&buf));
	return direct->hash && direct->definition_json ? ASOF_OK : no_memory(err);
}

/* What a manifest of a direct join was made with must still be what is defined. */
static enum asof_status
check_hash(const struct asof_join_run *run, const struct asof_view *view, const char *hash,
	   struct asof_error *err)
{
	const struct asof_manifest *manifest = &run->manifest;
	for (size_t i = 0; i < manifest->view_count; i++) {
		const struct asof_manifest_view *recorded = &manifest->views[i];
		if (strcmp(recorded->view, view->name) == 0 && strcmp(recorded->hash, hash) != 0)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "the definition of view '%s' is no longer the one of the "
					 "manifest, and a direct join has no versions",
					 view->name);
	}
	return ASOF_OK;
}

enum asof_status
asof_join_direct_open(struct asof_join_run *run, const struct asof_view *view, size_t index,
		      struct asof_error *err)
{
	struct asof_join_direct *direct = &run->directs[index];
	struct asof_version *version = asof_arena_alloc(&run->arena, sizeof(*version));
	if (!version)
		return no_memory(err);
	ASOF_TRY(read_definition(run, view, direct, err));
	ASOF_TRY(check_hash(run, view, direct->hash, err));
	*version = (struct asof_version){ .view = view->name,
					  .definition_hash = direct->hash,
					  .definition_json = direct->definition_json,
					  .table_version = -1 };
	run->tables[index] =
		(struct asof_version_table){ .version = version, .view = view, .plan.view = view };
	return ASOF_OK;
}

enum asof_status
asof_join_direct_plan(struct asof_join_run *run, size_t index, struct asof_error *err)
{
	struct asof_join_direct *direct = &run->directs[index];
	struct asof_plan_table *table = &run->views[index].table;
	const struct asof_view *view = table->view;
	bool has_known_at = run->manifest.known_at != ASOF_KNOWN_AT_NONE;
	direct->build = (struct asof_plan_build){
		.view = view,
		.layout = table->layout,
		.source = asof_session_plan_source(run->session, view->source),
	};
	direct->is_always_known = !direct->build.source.created_time_type;
	direct->build.commit_us =
		has_known_at && direct->is_always_known ? ALWAYS_KNOWN_US : run->now_us;
	ASOF_TRY(asof_plan_table_fields(view, table->layout, &run->arena, &table->fields,
					&table->field_count, err));
	if (!asof_view_is_windowed(view))
		return ASOF_OK;
	direct->event_view = *view;
	direct->event_view.step_us = ASOF_STEP_EVENT;
	ASOF_TRY(asof_tile_layout_make(&direct->event_view, &run->arena, &direct->event_layout,
				       err));
	direct->event_build = direct->build;
	direct->event_build.view = &direct->event_view;
	direct->event_build.layout = &direct->event_layout;
	return ASOF_OK;
}

/* ---- files ---- */

/* The sources of all views, each once; false where tables[index] has one that was met before. */
static bool
is_first_of_source(const struct asof_join_run *run, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (run->tables[i].view->source == run->tables[index].view->source)
			return false;
	}
	return true;
}

static const struct asof_bound_source *
bound_source(const struct asof_join_run *run, const struct asof_source *source)
{
	const struct asof_session *session = run->session;
	return &session->bound[source - session->project->sources];
}

static bool
is_same_file(const struct asof_manifest_file *a, const struct asof_manifest_file *b)
{
	return strcmp(a->source, b->source) == 0 && strcmp(a->name, b->name) == 0 &&
	       a->size_bytes == b->size_bytes && a->modified_us == b->modified_us;
}

/* A table of others keeps its versions: the join can be made again after it has moved on. */
static enum asof_status
record_tables(struct asof_join_run *run, struct asof_error *err)
{
	struct asof_table_pin *tables =
		asof_arena_array(&run->arena, run->table_count, sizeof(*tables));
	size_t count = 0;
	if (!tables)
		return no_memory(err);
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_source *source = run->tables[i].view->source;
		const struct asof_foreign_table *table = bound_source(run, source)->table;
		if (table && table->version >= 0 && is_first_of_source(run, i))
			tables[count++] = (struct asof_table_pin){ source->name, table->version };
	}
	run->manifest.tables = tables;
	run->manifest.table_count = count;
	return ASOF_OK;
}

enum asof_status
asof_join_direct_record(struct asof_join_run *run, struct asof_error *err)
{
	ASOF_TRY(record_tables(run, err));
	struct asof_manifest old = run->manifest;
	size_t count = 0;
	for (size_t i = 0; i < run->table_count; i++) {
		if (is_first_of_source(run, i))
			count += bound_source(run, run->tables[i].view->source)->file_count;
	}
	struct asof_manifest_file *files = asof_arena_array(&run->arena, count, sizeof(*files));
	if (!files)
		return no_memory(err);
	count = 0;
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_source *source = run->tables[i].view->source;
		const struct asof_bound_source *bound = bound_source(run, source);
		for (size_t f = 0; is_first_of_source(run, i) && f < bound->file_count; f++)
			files[count++] =
				(struct asof_manifest_file){ source->name, bound->files[f].name,
							     bound->files[f].size_bytes,
							     bound->files[f].modified_us };
	}
	run->manifest.files = files;
	run->manifest.file_count = count;
	if (!run->options->from_manifest)
		return ASOF_OK;
	run->has_changed_files = old.file_count != count;
	for (size_t i = 0; i < count && !run->has_changed_files; i++)
		run->has_changed_files = !is_same_file(&old.files[i], &files[i]);
	return ASOF_OK;
}

/* ---- bad rows ---- */

/* The files' own column that is the event time; NULL where it is an expression. */
static const char *
time_column(const struct asof_plan_source *source, struct asof_arena *arena)
{
	struct asof_str name = asof_str_from(source->source->event_time.text);
	if (name.len > 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
		name = (struct asof_str){ name.ptr + 1, name.len - 2 };
	if (!asof_source_field(source->source, name))
		return NULL;
	for (size_t i = 0; i < source->source->select_count; i++) {
		if (asof_str_equal(asof_str_from(source->source->selects[i].name), name))
			return NULL;
	}
	return asof_arena_copy(arena, name);
}

const char *
asof_join_direct_time_column(struct asof_join_run *run, size_t index)
{
	const struct asof_plan_source *source = &run->directs[index].build.source;
	bool is_instant = strcmp(source->event_time_type, "TIMESTAMP") == 0 ||
			  strcmp(source->event_time_type, "TIMESTAMP WITH TIME ZONE") == 0;
	if (source->source->format != ASOF_FORMAT_PARQUET || !is_instant ||
	    source->source->time_zone)
		return NULL;
	return time_column(source, &run->arena);
}

/* Whether Parquet's statistics say that every row has a finite time. */
static enum asof_status
are_all_good(struct asof_join_run *run, const struct asof_plan_source *source, bool *ret_are_good,
	     struct asof_error *err)
{
	*ret_are_good = false;
	if (source->source->format != ASOF_FORMAT_PARQUET)
		return ASOF_OK;
	const char *column = time_column(source, &run->arena);
	if (!column)
		return ASOF_OK;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&sql, "SELECT count(*), count(*) FILTER (stats_null_count = 0 AND "
				"stats_max_value NOT LIKE '%inf%' AND stats_min_value NOT LIKE "
				"'%inf%') FROM parquet_metadata(");
	asof_sql_text_list(&sql, source->paths, source->path_count);
	asof_buf_add_cstr(&sql, ") WHERE path_in_schema = ");
	asof_sql_text(&sql, column);
	ASOF_TRY(asof_buf_status(&sql, err));
	int64_t counts[2] = { 0 };
	ASOF_TRY(asof_query_ints(run->engine, asof_buf_cstr(&sql), counts, 2, err));
	*ret_are_good = counts[0] > 0 && counts[0] == counts[1];
	return ASOF_OK;
}

/* "'data/orders.csv' row 12" of an order number. */
static const char *
place_of_row(struct asof_join_run *run, const struct asof_plan_source *source, int64_t order)
{
	const struct asof_bound_source *bound = bound_source(run, source->source);
	size_t file = (size_t)(order >> ASOF_ORDER_ROW_BITS);
	int64_t row = order & ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1);
	bool counts_from_0 = asof_format_is_parquet(source->source->format);
	const char *name = file < bound->file_count ? bound->files[file].name : "?";
	const char *place =
		asof_arena_printf(&run->arena, "'%s' row %" PRId64, name, row + counts_from_0);
	return place ? place : name;
}

static enum asof_status
check_source(struct asof_join_run *run, struct asof_join_direct *direct, struct asof_error *err)
{
	const struct asof_source *source = direct->build.source.source;
	bool are_good = false;
	ASOF_TRY(are_all_good(run, &direct->build.source, &are_good, err));
	if (are_good)
		return ASOF_OK;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t counts[5]; /* rows, bad, without key, the first bad one's order, floored */
	ASOF_TRY(asof_plan_profile_sql(&direct->build, &sql, err));
	ASOF_TRY(asof_query_ints(run->engine, asof_buf_cstr(&sql), counts, ASOF_COUNTOF(counts),
				 err));
	direct->bad_row_count = counts[1];
	if (counts[1] == 0 || source->on_bad_row != ASOF_BAD_ROW_FAIL)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "source '%s': %" PRId64 " rows without event_time, the first is %s "
			 "(say `on_bad_row: skip` or `quarantine` to go on without them)",
			 source->name, counts[1],
			 place_of_row(run, &direct->build.source, counts[3]));
}

enum asof_status
asof_join_direct_check(struct asof_join_run *run, struct asof_error *err)
{
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_source *source = run->tables[i].view->source;
		if (!is_first_of_source(run, i))
			continue;
		asof_session_stage(run->session, "look at source '%s'", source->name);
		enum asof_status status = check_source(run, &run->directs[i], err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "read source '%s'", source->name);
	}
	return ASOF_OK;
}

/* ---- tables of the reference ---- */

static enum asof_status
build_table(struct asof_join_run *run, size_t index, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	const char *name = asof_arena_printf(&run->arena, "view-%zu.parquet", index);
	const char **paths = asof_arena_array(&run->arena, 1, sizeof(*paths));
	struct asof_file_stats stats;
	if (!name || !paths)
		return no_memory(err);
	paths[0] = asof_temp_dir_file(&run->temp, &run->arena, name);
	if (!paths[0])
		return no_memory(err);
	ASOF_TRY(asof_plan_build_sql(&run->directs[index].build, &sql, err));
	ASOF_TRY(asof_engine_write_parquet(run->engine, asof_buf_cstr(&sql), paths[0], &run->arena,
					   &stats, err));
	run->views[index].table.paths = paths;
	run->views[index].table.path_count = 1;
	return ASOF_OK;
}

enum asof_status
asof_join_direct_build(struct asof_join_run *run, struct asof_error *err)
{
	ASOF_TRY(asof_join_temp_open(&run->temp, err));
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_view *view = run->tables[i].view;
		asof_session_stage(run->session, "compute '%s'", view->name);
		enum asof_status status = build_table(run, i, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "compute '%s' from source '%s'", view->name,
					 view->source->name);
	}
	return ASOF_OK;
}
