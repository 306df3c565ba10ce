/* join_by_sql.c - a join by the reference statement, windows answered by the kernel where wanted.
 */
#include "job/join_run.h"
#include "job/window_answers.h"
#include "plan/sql.h"

#define JOINED "asof_joined"

/* A label's own known-at is the reference's. */
static enum asof_status
answer_windows(struct asof_join_run *run, struct asof_error *err)
{
	uint64_t max_bytes = asof_session_answer_bytes(run->session);
	for (size_t i = 0; i < run->table_count; i++) {
		struct asof_plan_join_view *view = &run->views[i];
		if (!asof_view_is_windowed(view->table.view))
			continue;
		const char *name = asof_arena_printf(&run->arena, "asof_answers_%zu", i);
		if (!name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
		asof_session_stage(run->session, "windows of '%s'", view->table.view->name);
		bool is_made = false;
		ASOF_TRY(asof_window_answers(run->engine, &run->plan, i, name, max_bytes, &is_made,
					     err));
		view->answers = is_made ? name : NULL;
	}
	return ASOF_OK;
}

/* With on-demand features the file lacks columns by which matches are counted. */
static enum asof_status
join_into_table(struct asof_join_run *run, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE TEMP TABLE " JOINED " AS ");
	ASOF_TRY(asof_plan_join_sql(&run->plan, &sql, err));
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_run(run->engine, asof_buf_cstr(&sql), NULL, err);
}

/* What is computed on demand is computed as it is written, as a server does. */
static enum asof_status
run_as_written(struct asof_join_run *run, const char *sql, uint64_t *ret_rows,
	       struct asof_error *err)
{
	ASOF_TRY(asof_engine_keep_expressions(run->engine, true, err));
	enum asof_status status = asof_engine_run(run->engine, sql, ret_rows, err);
	enum asof_status restored =
		asof_engine_keep_expressions(run->engine, false, status == ASOF_OK ? err : NULL);
	return status == ASOF_OK ? restored : status;
}

/* Snappy, because every reader of Parquet has it. */
static enum asof_status
write_file(struct asof_join_run *run, const char *path, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	uint64_t rows = 0;
	const char *head = NULL;
	const char *tail = NULL;
	ASOF_TRY(asof_join_on_demand_sql(run, &head, &tail, err));
	if (head)
		ASOF_TRY(join_into_table(run, err));
	asof_buf_add_cstr(&sql, "COPY (");
	if (head)
		asof_buf_printf(&sql, "%s(SELECT * FROM " JOINED ")%s", head, tail);
	else
		ASOF_TRY(asof_plan_join_sql(&run->plan, &sql, err));
	asof_buf_add_cstr(&sql, ") TO ");
	asof_sql_text(&sql, path);
	asof_buf_add_cstr(&sql, asof_join_is_csv(run->out)
					? " (FORMAT csv, HEADER true)"
					: " (FORMAT parquet, COMPRESSION snappy)");
	ASOF_TRY(asof_buf_status(&sql, err));
	if (head)
		ASOF_TRY(run_as_written(run, asof_buf_cstr(&sql), &rows, err));
	else
		ASOF_TRY(asof_engine_run(run->engine, asof_buf_cstr(&sql), &rows, err));
	run->row_count = (int64_t)rows;
	return ASOF_OK;
}

/* "the row has something of this view": a value, or where every output has a default another value
 * than that. */
static enum asof_status
add_is_matched(struct asof_buf *sql, const struct asof_plan_join_view *view, struct asof_error *err)
{
	bool has_plain = false;
	bool is_first = true;
	for (size_t i = 0; i < view->output_count; i++)
		has_plain = has_plain || !view->outputs[i]->has_default;
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = view->outputs[i];
		if (has_plain && output->has_default)
			continue;
		asof_buf_printf(sql, "%s\"%s__%s\" IS NOT NULL", is_first ? "" : " OR ",
				view->table.view->name, output->name);
		is_first = false;
		if (has_plain)
			continue;
		asof_buf_printf(sql, " AND \"%s__%s\" <> ", view->table.view->name, output->name);
		ASOF_TRY(asof_sql_value(sql, output->default_value, err));
	}
	return ASOF_OK;
}

/* How many rows were matched by each view: the first thing to look at in a training set. */
static enum asof_status
count_matches(struct asof_join_run *run, const char *path, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&sql, "SELECT ");
	for (size_t v = 0; v < run->table_count; v++) {
		asof_buf_add_cstr(&sql, v ? ", count(*) FILTER (" : "count(*) FILTER (");
		ASOF_TRY(add_is_matched(&sql, &run->views[v], err));
		asof_buf_add_char(&sql, ')');
	}
	asof_buf_add_cstr(&sql, run->on_demand               ? " FROM " JOINED
				: asof_join_is_csv(run->out) ? " FROM read_csv("
							     : " FROM read_parquet(");
	if (!run->on_demand) {
		asof_sql_text(&sql, path);
		asof_buf_add_char(&sql, ')');
	}
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(run->engine, asof_buf_cstr(&sql), run->matched, run->table_count,
			       err);
}

enum asof_status
asof_join_by_sql(struct asof_join_run *run, bool uses_kernel, const char *path,
		 struct asof_error *err)
{
	if (run->is_direct)
		ASOF_TRY(asof_join_direct_build(run, err));
	if (uses_kernel && run->manifest.known_at != ASOF_KNOWN_AT_LABEL)
		ASOF_TRY(answer_windows(run, err));
	asof_session_stage(run->session, "join %zu views", run->table_count);
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(write_file(run, path, err));
	ASOF_TRY(
		asof_join_stage_add(run, "join", NULL, start_us, (uint64_t)run->row_count, 0, err));
	if (run->table_count == 0) /* on-demand features of nothing but the request */
		return ASOF_OK;
	return count_matches(run, path, err);
}
