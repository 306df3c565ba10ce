/* explain_join.c - how a join is done: what is read, by which algorithm and why, in what memory. */
#include "base/json_writer.h"
#include "codec/time_text.h"
#include "codec/value_text.h"
#include "job/describe.h"
#include "job/join_load.h"
#include "job/join_on_demand.h"
#include "plan/sql.h"

#define INDEX_ROW_BYTES 48 /* about, of a spine row in an index */

struct explaining {
	struct asof_join_run run;
	int64_t spine[3]; /* rows that can match, their least and greatest time */
	int64_t spine_rows;
	uint64_t planned_bytes;
	bool is_analyzed;
	int64_t elapsed_us;
};

static void
explaining_done(struct explaining *e)
{
	asof_join_run_done(&e->run);
}

/* ---- finding out ---- */

static enum asof_status
look_at_spine(struct explaining *e, struct asof_error *err)
{
	struct asof_join_run *run = &e->run;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_printf(&sql, "SELECT count(*) FROM %s", run->spine.sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_query_ints(run->engine, asof_buf_cstr(&sql), &e->spine_rows, 1, err));
	if (run->table_count == 0) /* on-demand features of nothing but the request */
		return ASOF_OK;
	const struct asof_entity *entity = run->tables[0].view->entity;
	asof_buf_clear(&sql);
	asof_buf_add_cstr(&sql, "SELECT count(*), coalesce(min(time_us), 0), "
				"coalesce(max(time_us), 0) FROM (");
	ASOF_TRY(asof_plan_spine_scan_sql(&run->plan, entity, 0, e->spine_rows, &sql, err));
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(run->engine, asof_buf_cstr(&sql), e->spine, ASOF_COUNTOF(e->spine),
			       err);
}

/* As many slots as rows is the most that there can be. */
static void
plan_memory(struct explaining *e)
{
	const struct asof_join_run *run = &e->run;
	size_t slot_count = (size_t)e->spine[0];
	e->planned_bytes = asof_join_fill_bytes(run) + slot_count * INDEX_ROW_BYTES;
	for (size_t i = 0; i < run->table_count; i++)
		e->planned_bytes += asof_join_view_bytes(run, i, slot_count);
}

/* Into a file that goes with the run. */
static enum asof_status
analyze(struct explaining *e, struct asof_error *err)
{
	struct asof_join_run *run = &e->run;
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(asof_join_temp_open(&run->temp, err));
	run->out = asof_temp_dir_file(&run->temp, &run->arena, "analyzed.parquet");
	if (!run->out)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "explain");
	ASOF_TRY(asof_join_run_write(run, err));
	e->elapsed_us = asof_monotonic_us() - start_us;
	return ASOF_OK;
}

/* ---- telling ---- */

static bool
is_by_sql(const struct explaining *e)
{
	return e->is_analyzed ? e->run.is_by_sql : e->run.is_sql || e->spine_rows == 0;
}

/* What was done is known; what would be done is asked for, or forced by an empty spine. */
static const char *
reason_of(const struct explaining *e)
{
	if (!is_by_sql(e))
		return NULL;
	if (e->is_analyzed)
		return e->run.reason;
	return e->run.is_sql ? "asked for" : "the spine is empty";
}

static size_t
range_count(const struct explaining *e)
{
	uint64_t max_bytes = asof_session_kernel_bytes(e->run.session);
	if (e->is_analyzed || is_by_sql(e))
		return e->run.range_count;
	return (size_t)((e->planned_bytes + max_bytes - 1) / max_bytes);
}

static void
write_spine(struct asof_json_writer *w, const struct explaining *e)
{
	asof_json_key_cstr(w, "spine");
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "path", e->run.spine.path);
	asof_json_member_int(w, "rows", e->spine_rows);
	asof_json_member_cstr(w, "time_column", e->run.spine.time_column);
	if (e->spine[0] > 0) {
		asof_describe_time(w, "from", e->spine[1]);
		asof_describe_time(w, "to", e->spine[2]);
	}
	asof_json_end_object(w);
}

static void
write_memory(struct asof_json_writer *w, const struct explaining *e)
{
	uint64_t bound = e->run.session->options.memory_bytes;
	asof_json_key_cstr(w, "memory");
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "bound_bytes");
	if (bound > 0)
		asof_json_uint(w, bound);
	else
		asof_json_null(w);
	asof_json_member_int(w, "kernel_bytes", (int64_t)asof_session_kernel_bytes(e->run.session));
	asof_json_member_int(w, "planned_bytes", (int64_t)e->planned_bytes);
	asof_json_end_object(w);
}

/* Why a view is computed as it is. */
static const char *
view_reason(const struct explaining *e, const struct asof_view *view)
{
	if (is_by_sql(e))
		return reason_of(e);
	if (view->step_us == ASOF_STEP_EVENT)
		return "windows end at the row's own time: its events, once over each entity";
	if (asof_view_is_windowed(view))
		return "windows end at steps: its tiles, once over each entity";
	return "plain columns: the rows stream past the spine, the newest of each time stay";
}

/* With keys and times at once. */
static enum asof_status
count_row_groups(struct asof_join_run *run, size_t index, const struct asof_join_reading *reading,
		 uint64_t *ret_count, struct asof_error *err)
{
	struct asof_plan_table table = run->views[index].table;
	struct asof_plan_scan scan = asof_join_scan_of(run, index, reading);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t count = 0;
	table.paths = reading->paths;
	table.path_count = reading->path_count;
	ASOF_TRY(asof_plan_row_groups_sql(&table, &scan, &sql, err));
	ASOF_TRY(asof_query_ints(run->engine, asof_buf_cstr(&sql), &count, 1, err));
	*ret_count = (uint64_t)count;
	return ASOF_OK;
}

/* Of all files, and of those to be read in the range. */
static enum asof_status
find_facts(struct explaining *e, size_t index, const struct asof_join_reading *reading,
	   struct asof_parquet_facts *all, struct asof_parquet_facts *read, struct asof_error *err)
{
	struct asof_join_run *run = &e->run;
	struct asof_parquet_facts ignored;
	const char *column = "event_time";
	const char *const *paths = run->tables[index].plan.paths;
	size_t path_count = run->tables[index].plan.path_count;
	if (run->is_direct) {
		const struct asof_plan_source *source = &run->directs[index].build.source;
		if (source->source->format != ASOF_FORMAT_PARQUET)
			return ASOF_OK;
		column = asof_join_direct_time_column(run, index);
		paths = source->paths;
		path_count = source->path_count;
	}
	ASOF_TRY(asof_engine_parquet_facts(run->engine, paths, path_count, NULL, 0, 0, all,
					   &ignored, err));
	if (reading->keys.is_known)
		return count_row_groups(run, index, reading, &read->row_group_count, err);
	return asof_engine_parquet_facts(run->engine, reading->paths, reading->path_count,
					 reading->has_range ? column : NULL, reading->from_us,
					 reading->to_us, &ignored, read, err);
}

static void
write_times(struct asof_json_writer *w, const struct asof_join_reading *reading)
{
	if (reading->has_range && reading->from_us > ASOF_JOIN_TIME_MIN_US)
		asof_describe_time(w, "from", reading->from_us);
	else
		asof_json_member_text(w, "from", NULL);
	if (reading->has_range)
		asof_describe_time(w, "to", reading->to_us);
	else
		asof_json_member_text(w, "to", NULL);
}

/* Why files are not read, and which keys are looked for in the others. */
static void
write_skipping(struct asof_json_writer *w, const struct asof_view *view,
	       const struct asof_join_reading *reading)
{
	asof_json_key_cstr(w, "skipped");
	asof_json_begin_object(w);
	asof_json_member_int(w, "by_time", (int64_t)reading->skipped_by_time);
	asof_json_member_int(w, "by_key", (int64_t)reading->skipped_by_key);
	asof_json_end_object(w);
	asof_json_key_cstr(w, "keys");
	if (!reading->keys.is_known) {
		asof_json_null(w);
		return;
	}
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "column", view->entity->keys[0].name);
	asof_json_key_cstr(w, "from");
	asof_value_write_json(w, &reading->keys.min);
	asof_json_key_cstr(w, "to");
	asof_value_write_json(w, &reading->keys.max);
	asof_json_end_object(w);
}

static enum asof_status
write_view(struct asof_json_writer *w, struct explaining *e, size_t index, struct asof_error *err)
{
	struct asof_join_run *run = &e->run;
	const struct asof_view *view = run->tables[index].view;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_join_reading reading = { 0 };
	struct asof_parquet_facts all = { 0 };
	struct asof_parquet_facts read = { 0 };
	ASOF_TRY(asof_join_reading_choose(run, index, e->spine[1], e->spine[2], &reading, err));
	ASOF_TRY(find_facts(e, index, &reading, &all, &read, err));
	ASOF_TRY(asof_join_scan_sql(run, index, &reading, asof_join_has_created(run, index), true,
				    &sql, err));
	asof_json_begin_object(w);
	asof_join_write_version(w, run, index);
	asof_json_member_cstr(w, "algorithm",
			      is_by_sql(e)                  ? "reference sql"
			      : asof_view_is_windowed(view) ? "window sweep"
							    : "point-in-time stream");
	asof_json_member_cstr(w, "reason", view_reason(e, view));
	size_t skipped_count = reading.skipped_by_time + reading.skipped_by_key;
	asof_json_member_int(w, "files", (int64_t)(reading.path_count + skipped_count));
	asof_json_member_int(w, "files_read", (int64_t)reading.path_count);
	asof_json_member_int(w, "row_groups", (int64_t)all.row_group_count);
	asof_json_member_int(w, "row_groups_read", (int64_t)read.row_group_count);
	asof_json_member_int(w, "rows", (int64_t)all.row_count);
	write_times(w, &reading);
	write_skipping(w, view, &reading);
	const char *scan = run->scans[index] ? run->scans[index] : asof_buf_cstr(&sql);
	asof_json_member_text(w, "sql", is_by_sql(e) ? NULL : scan);
	asof_json_end_object(w);
	return ASOF_OK;
}

static void
write_analysis(struct asof_json_writer *w, const struct explaining *e)
{
	asof_json_key_cstr(w, "stages");
	asof_json_begin_array(w);
	for (size_t i = 0; i < e->run.stage_count; i++) {
		const struct asof_join_stage *stage = &e->run.stages[i];
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "stage", stage->name);
		asof_json_member_text(w, "view", stage->view);
		asof_json_member_int(w, "rows", (int64_t)stage->row_count);
		asof_json_member_int(w, "bytes", (int64_t)stage->bytes);
		asof_json_key_cstr(w, "seconds");
		asof_json_double(w, (double)stage->elapsed_us / 1e6);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
	asof_json_member_int(w, "rows", e->run.row_count);
	asof_json_member_int(w, "bytes", (int64_t)e->run.size_bytes);
	asof_json_member_int(w, "kernel_peak_bytes", (int64_t)e->run.peak_bytes);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)e->elapsed_us / 1e6);
}

static enum asof_status
write_all(struct asof_json_writer *w, struct explaining *e, struct asof_error *err)
{
	asof_json_begin_object(w);
	write_spine(w, e);
	asof_json_member_cstr(w, "engine", is_by_sql(e) ? "sql" : "kernels");
	asof_json_member_text(w, "reason", reason_of(e));
	asof_json_member_int(w, "ranges", (int64_t)range_count(e));
	write_memory(w, e);
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < e->run.table_count; i++)
		ASOF_TRY(write_view(w, e, i, err));
	asof_json_end_array(w);
	ASOF_TRY(asof_explain_on_demand(w, &e->run, err));
	if (e->is_analyzed)
		write_analysis(w, e);
	asof_json_end_object(w);
	return ASOF_OK;
}

enum asof_status
asof_explain(struct asof_session *session, const struct asof_join_options *options,
	     bool is_analyzed, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(explaining_done)
	struct explaining e = { .run = { .session = session, .options = options },
				.is_analyzed = is_analyzed };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(asof_join_run_open(&e.run, false, err));
	ASOF_TRY(look_at_spine(&e, err));
	plan_memory(&e);
	if (is_analyzed)
		ASOF_TRY(analyze(&e, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	ASOF_TRY(write_all(&w, &e, err));
	return asof_result_text(&json, ret_json, err);
}
