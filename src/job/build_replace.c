/* build_replace.c - rows and tiles that are no longer as the source has them are computed again. */
#include "job/build_replace.h"

#include "base/fault.h"
#include "plan/sql.h"

#define TOUCHED "asof_touched"

/* An ordinary append reads the added rows as it would read new files. */
void
asof_build_choose_change(struct asof_view_build *b, const struct asof_source_change *change,
			 const char *reason)
{
	b->change = change;
	b->report.reason = reason;
	b->has_work = true;
	if (!change->removed_sql) {
		b->report.mode = "append";
		b->plan.source.rows_sql = change->added_sql;
		return;
	}
	b->report.mode = "replace";
}

/* The stored table with the columns that the view has now. */
static enum asof_status
open_table(struct asof_view_build *b, struct asof_error *err)
{
	const char **paths = asof_arena_array(b->arena, b->base.file_count, sizeof(*paths));
	if (!paths)
		return asof_build_no_memory(err, "paths");
	for (size_t i = 0; i < b->base.file_count; i++)
		paths[i] = b->base.files[i].path;
	b->replaced = (struct asof_plan_table){ .view = b->state.view,
						.layout = b->plan.layout,
						.paths = paths,
						.path_count = b->base.file_count };
	return asof_plan_stored_fields(b->state.view, b->plan.layout, b->columns,
				       b->base.field_count, b->arena, &b->replaced.fields,
				       &b->replaced.field_count, err);
}

/* The rows that are computed again: between the first and the last instant that is touched. */
static enum asof_status
bound_touched(struct asof_view_build *b, int64_t *ret_from_us, int64_t *ret_to_us,
	      struct asof_error *err)
{
	int64_t ends[3] = { 0 };
	ASOF_TRY(asof_query_ints(b->engine, "SELECT count(*), min(at_us), max(at_us) FROM " TOUCHED,
				 ends, ASOF_COUNTOF(ends), err));
	b->report.touched_count = ends[0];
	*ret_from_us = ends[1];
	*ret_to_us = ends[2];
	int64_t step_us = b->state.view->step_us > 0 ? b->state.view->step_us : 1;
	b->plan.range = (struct asof_plan_range){ .has_from = true,
						  .has_to = true,
						  .from_us = ends[1] - step_us + 1,
						  .to_us = ends[2] + 1 };
	return ASOF_OK;
}

static enum asof_status
take_files(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct asof_view_build *b = arg;
	(void)schema;
	if (b->removed_count + batch->row_count > b->base.file_count)
		return ASOF_FAIL(err, ASOF_INTERNAL, "more files than the table has");
	for (size_t row = 0; row < batch->row_count; row++) {
		struct asof_value value;
		ASOF_TRY(asof_column_value(&batch->columns[0], row, NULL, &value, err));
		const struct asof_table_file *file = &b->base.files[value.int64];
		b->removed_paths[b->removed_count] = file->path;
		b->removed[b->removed_count++] = file->name;
		b->removed_row_count += file->row_count;
	}
	return ASOF_OK;
}

/* From here on `replaced` is the files that leave. */
static enum asof_status
find_files(struct asof_view_build *b, const struct asof_plan_change *change, struct asof_error *err)
{
	int64_t from_us = 0;
	int64_t to_us = 0;
	ASOF_TRY(bound_touched(b, &from_us, &to_us, err));
	if (b->report.touched_count > 0 && b->base.file_count > 0) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		ASOF_TRY(asof_plan_touched_files_sql(change, from_us, to_us, &sql, err));
		ASOF_TRY(asof_engine_query(b->engine, asof_buf_cstr(&sql), take_files, b, err));
	}
	b->replaced.paths = b->removed_paths;
	b->replaced.path_count = b->removed_count;
	b->report.replaced_count = b->removed_count;
	return ASOF_OK;
}

enum asof_status
asof_build_replace_begin(struct asof_view_build *b, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(asof_fault_point("build.replace.before_touched", err));
	ASOF_TRY(open_table(b, err));
	b->removed = asof_arena_array(b->arena, b->base.file_count, sizeof(*b->removed));
	b->removed_paths =
		asof_arena_array(b->arena, b->base.file_count, sizeof(*b->removed_paths));
	if (!b->removed || !b->removed_paths)
		return asof_build_no_memory(err, "files that leave");
	b->plan.touched = TOUCHED;
	const struct asof_plan_change change = { .build = &b->plan,
						 .table = &b->replaced,
						 .removed_sql = b->change->removed_sql,
						 .added_sql = b->change->added_sql };
	ASOF_TRY(asof_plan_touched_sql(&change, &sql, err));
	enum asof_status status = asof_engine_run(b->engine, asof_buf_cstr(&sql), NULL, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "what has changed in source '%s'",
				 b->state.view->source->name);
	ASOF_TRY(find_files(b, &change, err));
	return asof_fault_point("build.replace.after_touched", err);
}

void
asof_build_replace_end(struct asof_view_build *b)
{
	struct asof_error ignored = { 0 };
	enum asof_status status =
		asof_engine_run(b->engine, "DROP TABLE IF EXISTS " TOUCHED, NULL, &ignored);
	(void)status; /* it goes with the session */
}

enum asof_status
asof_build_replace_sql(const struct asof_view_build *b, struct asof_buf *sql,
		       struct asof_error *err)
{
	if (b->replaced.path_count == 0)
		return asof_plan_build_sql(&b->plan, sql, err);
	return asof_plan_replace_sql(&b->replaced, &b->plan, sql, err);
}
