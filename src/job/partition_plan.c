/* partition_plan.c - what `partition: auto` would make of a view's rows, before they are built. */
#include "job/partition_plan.h"

#include "codec/time_text.h"
#include "job/build_view.h"
#include "job/checkpoint.h"
#include "job/upstream.h"
#include "plan/sql.h"

/* ---- of a published table ---- */

static bool
read_time(const char *json, int64_t *ret_us)
{
	struct asof_str text = asof_str_from(json ? json : "");
	if (text.len < 2)
		return false;
	text = (struct asof_str){ text.ptr + 1, text.len - 2 }; /* its quotes */
	return asof_timestamp_parse(text, ret_us, NULL) == ASOF_OK;
}

/* The first and the last event time of a file; false: its statistics do not tell. */
static enum asof_status
find_file_times(const struct asof_table_file *file, struct asof_arena *arena, int64_t times[2],
		bool *ret_is_told, struct asof_error *err)
{
	struct asof_table_file copy = *file;
	ASOF_TRY(asof_table_file_read_stats(&copy, arena, err));
	*ret_is_told = false;
	for (size_t i = 0; i < copy.stats_count; i++) {
		const struct asof_table_stats *stats = &copy.stats[i];
		if (strcmp(stats->column, "event_time") == 0)
			*ret_is_told = read_time(stats->min_json, &times[0]) &&
				       read_time(stats->max_json, &times[1]);
	}
	return ASOF_OK;
}

static enum asof_status
find_table_times(struct asof_session *session, const struct asof_version *version,
		 struct asof_arena *arena, struct asof_partition_facts *facts,
		 struct asof_error *err)
{
	struct asof_table_snapshot snapshot;
	struct asof_blob *lake = NULL;
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	ASOF_TRY(asof_session_lake(session, &lake, err));
	ASOF_TRY(asof_table_read_by(lake, version->view, version->table_version, &io, arena,
				    &snapshot, err));
	facts->has_times = snapshot.file_count > 0;
	for (size_t i = 0; i < snapshot.file_count && facts->has_times; i++) {
		int64_t times[2] = { 0 };
		ASOF_TRY(find_file_times(&snapshot.files[i], arena, times, &facts->has_times, err));
		if (i == 0 || times[0] < facts->first_us)
			facts->first_us = times[0];
		if (i == 0 || times[1] > facts->last_us)
			facts->last_us = times[1];
	}
	return ASOF_OK;
}

static enum asof_status
choose_by_table(struct asof_session *session, const struct asof_version *version,
		struct asof_partition_facts *facts, struct asof_arena *arena,
		struct asof_partition_choice *ret_choice, struct asof_error *err)
{
	facts->row_count = (uint64_t)version->row_count;
	if (asof_partition_files(facts) >= ASOF_PARTITION_FILES_LEAST)
		ASOF_TRY(find_table_times(session, version, arena, facts, err));
	return asof_partition_choose(facts, arena, ret_choice, err);
}

/* ---- of a source ---- */

static enum asof_status
count_rows(const struct asof_view_build *build, struct asof_arena *arena, uint64_t *ret_count,
	   struct asof_error *err)
{
	const struct asof_plan_source *source = &build->plan.source;
	struct asof_parquet_facts all = { 0 };
	struct asof_parquet_facts ignored;
	size_t count = 0;
	const char **paths = asof_arena_array(arena, source->path_count, sizeof(*paths));
	if (!paths)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "paths");
	for (size_t i = 0; i < source->path_count; i++) {
		if (!source->picks || source->picks[i])
			paths[count++] = source->paths[i];
	}
	if (count > 0)
		ASOF_TRY(asof_engine_parquet_facts(build->engine, paths, count, NULL, 0, 0, &all,
						   &ignored, err));
	*ret_count = all.row_count;
	return ASOF_OK;
}

static enum asof_status
find_source_times(const struct asof_view_build *build, struct asof_partition_facts *facts,
		  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t times[2];
	ASOF_TRY(asof_plan_times_sql(&build->plan, &sql, err));
	ASOF_TRY(asof_query_ints(build->engine, asof_buf_cstr(&sql), times, 2, err));
	facts->has_times = true;
	facts->first_us = times[0];
	facts->last_us = times[1];
	return ASOF_OK;
}

/* Rows that a filter leaves out, and those that share a tile, are known once they are read. */
static bool
has_fewer_rows(const struct asof_view *view)
{
	return view->step_us > 0 || view->source->filter.text;
}

static enum asof_status
choose_by_source(const struct asof_view_build *build, struct asof_partition_facts *facts,
		 struct asof_arena *arena, struct asof_partition_choice *choice,
		 struct asof_error *err)
{
	if (build->plan.source.source->format != ASOF_FORMAT_PARQUET || build->plan.source.rows_sql)
		return ASOF_OK;
	ASOF_TRY(count_rows(build, arena, &facts->row_count, err));
	if (asof_partition_files(facts) >= ASOF_PARTITION_FILES_LEAST) {
		if (has_fewer_rows(build->state.view))
			return ASOF_OK;
		ASOF_TRY(find_source_times(build, facts, err));
	}
	return asof_partition_choose(facts, arena, choice, err);
}

static enum asof_status
plan_first_build(struct asof_session *session, const struct asof_view *view,
		 struct asof_partition_facts *facts, struct asof_arena *arena,
		 struct asof_partition_choice *choice, struct asof_error *err)
{
	const struct asof_build_options options = { 0 };
	struct asof_view_build build = { 0 };
	if (asof_upstream_of(view)) /* perhaps not built either */
		return ASOF_OK;
	enum asof_status status =
		asof_view_build_begin(session, view, &options, arena, &build, err);
	if (status == ASOF_OK)
		status = choose_by_source(&build, facts, arena, choice, err);
	asof_view_build_done(&build);
	return status;
}

enum asof_status
asof_partition_plan(struct asof_session *session, const struct asof_view_state *state,
		    struct asof_arena *arena, struct asof_partition_choice *ret_choice,
		    struct asof_error *err)
{
	const struct asof_view *view = state->view;
	struct asof_tile_layout layout;
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	bool is_windowed = asof_view_is_windowed(view);
	if (is_windowed)
		ASOF_TRY(asof_tile_layout_make(view, arena, &layout, err));
	ASOF_TRY(asof_plan_table_fields(view, is_windowed ? &layout : NULL, arena, &fields,
					&field_count, err));
	struct asof_partition_facts facts = {
		.row_bytes = asof_table_files_guess(fields, field_count),
		.file_bytes = session->project->file_bytes,
	};
	struct asof_partition_choice choice = { .reason = "decided by its first build" };
	if (state->has_newest)
		ASOF_TRY(choose_by_table(session, &state->newest, &facts, arena, &choice, err));
	else
		ASOF_TRY(plan_first_build(session, view, &facts, arena, &choice, err));
	*ret_choice = choice;
	return ASOF_OK;
}
