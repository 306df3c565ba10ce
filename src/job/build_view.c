#include "job/build_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "codec/value_text.h"
#include "model/duration.h"
#include "plan/sql.h"

/* One build under way. */
struct build {
	struct asof_session *session;
	const struct asof_view_state *state;
	const struct asof_build_options *options;
	struct asof_arena *arena;
	struct asof_engine *engine;
	struct asof_blob *lake;
	struct asof_tile_layout layout;
	struct asof_table_snapshot base;
	struct asof_cursor cursor; /* after this build */
	struct asof_plan_build plan;
	bool is_overwrite;
	bool is_splice; /* a range of a table that exists */
	const char *run_id;
	int64_t now_us;
	struct asof_build_report report;
};

static enum asof_status
no_memory(struct asof_error *err, const char *what)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "%s", what);
}

/* Does the table of the newest version serve the new definition as it stands? */
static enum asof_status
is_same_table(const struct build *b, bool *ret_is_same, struct asof_error *err)
{
	*ret_is_same = true;
	if (strcmp(b->state->newest.definition_hash, b->state->hash) == 0)
		return ASOF_OK;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *old_view = NULL;
	ASOF_TRY(asof_version_project(&b->state->newest, &project, &old_view, err));
	*ret_is_same = asof_define_same_table(old_view, b->state->view);
	return ASOF_OK;
}

/* The whole steps that hold the events of [from, to). */
static struct asof_plan_range
widened_range(const struct build *b)
{
	struct asof_plan_range range = { .has_from = true,
					 .has_to = true,
					 .from_us = b->options->from_us,
					 .to_us = b->options->to_us };
	int64_t step_us = b->state->view->step_us;
	if (step_us > 0) {
		range.from_us = asof_step_end(range.from_us, step_us) - step_us + 1;
		range.to_us = asof_step_end(range.to_us - 1, step_us) + 1;
	}
	return range;
}

static enum asof_status
add_range(struct build *b, struct asof_error *err)
{
	struct asof_plan_range *ranges =
		asof_arena_array(b->arena, b->cursor.range_count + 1, sizeof(*ranges));
	if (!ranges)
		return no_memory(err, "ranges");
	if (b->cursor.range_count > 0)
		memcpy(ranges, b->cursor.ranges, b->cursor.range_count * sizeof(*ranges));
	ranges[b->cursor.range_count++] = b->plan.range;
	b->cursor.ranges = ranges;
	return ASOF_OK;
}

/* Read the rows of those files for which `picks` is set, or of all. */
static enum asof_status
read_files(struct build *b, const struct asof_source_file *files, const bool *picks,
	   struct asof_error *err)
{
	const struct asof_cursor *cursor = &b->cursor;
	const char **paths = asof_arena_array(b->arena, cursor->file_count, sizeof(*paths));
	int64_t *ordinals = asof_arena_array(b->arena, cursor->file_count, sizeof(*ordinals));
	if (!paths || !ordinals)
		return no_memory(err, "paths");
	for (size_t i = 0; i < cursor->file_count; i++) {
		paths[i] = files[i].path;
		ordinals[i] = cursor->files[i].ordinal;
	}
	b->plan.source = asof_session_plan_source(b->session, b->state->view->source);
	b->plan.source.paths = paths;
	b->plan.source.path_count = cursor->file_count;
	b->plan.source.ordinals = ordinals;
	b->plan.source.picks = picks;
	return ASOF_OK;
}

static enum asof_status
choose_full(struct build *b, const struct asof_source_file *files, const char *reason,
	    struct asof_error *err)
{
	b->is_overwrite = true;
	b->cursor.range_count = 0;
	b->report.mode = "full";
	b->report.reason = reason;
	return read_files(b, files, NULL, err);
}

/* A range of events: spliced into the table that is there, or the only thing in a new one. */
static enum asof_status
choose_range(struct build *b, const struct asof_cursor *old, const struct asof_source_file *files,
	     bool *is_new, bool is_same, struct asof_error *err)
{
	b->is_overwrite = true;
	b->is_splice = b->base.version >= 0 && is_same;
	b->plan.range = widened_range(b);
	b->report.mode = "range";
	b->report.reason =
		b->is_splice ? "a range was asked for" : "a range of a table that is new";
	if (!b->is_splice) {
		b->cursor.range_count = 0;
		ASOF_TRY(read_files(b, files, NULL, err));
		return add_range(b, err);
	}
	/* Files that the table has not read yet wait for an ordinary build. */
	for (size_t i = 0; i < b->cursor.file_count; i++)
		is_new[i] = !is_new[i];
	ASOF_TRY(read_files(b, files, is_new, err));
	b->cursor = *old;
	return old->range_count > 0 ? add_range(b, err) : ASOF_OK;
}

/* What is to be computed: everything, a range, what is in new files, or nothing. */
static enum asof_status
choose_mode(struct build *b, bool *ret_has_work, struct asof_error *err)
{
	const struct asof_view *view = b->state->view;
	const struct asof_bound_source *bound =
		&b->session->bound[view->source - b->session->project->sources];
	struct asof_cursor old;
	ASOF_TRY(asof_cursor_read(
		asof_property_find(b->base.info, b->base.info_count, ASOF_INFO_CURSOR), b->arena,
		&old, err));
	bool *is_new = asof_arena_array(b->arena, bound->file_count, sizeof(*is_new));
	if (!is_new)
		return no_memory(err, "files");
	enum asof_cursor_difference difference;
	const char *changed = NULL;
	ASOF_TRY(asof_cursor_compare(&old, bound->files, bound->file_count, b->arena, &b->cursor,
				     is_new, &difference, &changed, err));
	bool is_same = false;
	if (b->base.version >= 0 && b->state->has_newest)
		ASOF_TRY(is_same_table(b, &is_same, err));

	*ret_has_work = true;
	if (b->options->has_range)
		return choose_range(b, &old, bound->files, is_new, is_same, err);
	if (b->base.version < 0)
		return choose_full(b, bound->files, "first build", err);
	if (b->options->is_full)
		return choose_full(b, bound->files, "asked for", err);
	if (!is_same)
		return choose_full(b, bound->files, "the definition has changed", err);
	if (old.range_count > 0)
		return choose_full(b, bound->files, "only ranges were built before", err);
	if (difference == ASOF_CURSOR_CHANGED) {
		const char *reason =
			asof_arena_printf(b->arena, "'%s' has changed or is gone", changed);
		return choose_full(b, bound->files, reason ? reason : "a file has changed", err);
	}
	if (difference == ASOF_CURSOR_GROWN) {
		b->report.mode = "append";
		b->report.reason = "new files";
		return read_files(b, bound->files, is_new, err);
	}
	b->report.mode = "none";
	b->report.reason = "nothing new";
	*ret_has_work = false;
	return ASOF_OK;
}

/* "flights.parquet row 12" of an order number. */
static const char *
place_of_row(const struct build *b, int64_t order)
{
	int64_t ordinal = order >> ASOF_ORDER_ROW_BITS;
	int64_t row = order & ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1);
	bool counts_from_0 = b->plan.source.source->format == ASOF_FORMAT_PARQUET;
	for (size_t i = 0; i < b->cursor.file_count; i++) {
		if (b->cursor.files[i].ordinal == ordinal)
			return asof_arena_printf(b->arena, "'%s' row %" PRId64,
						 b->cursor.files[i].name, row + counts_from_0);
	}
	return "an unknown file";
}

static enum asof_status
quarantine(struct build *b, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	const char *name = asof_arena_printf(b->arena, "_quarantine/%s/%s.parquet",
					     b->state->view->name, b->run_id);
	const char *path = NULL;
	struct asof_file_stats stats;
	if (!name)
		return no_memory(err, "quarantine file");
	ASOF_TRY(asof_blob_locate(b->lake, name, b->arena, &path, err));
	ASOF_TRY(asof_plan_bad_rows_sql(&b->plan, &sql, err));
	ASOF_TRY(asof_engine_write_parquet(b->engine, asof_buf_cstr(&sql), path, b->arena, &stats,
					   err));
	ASOF_TRY(asof_blob_sync(b->lake, name, err));
	b->report.quarantine = path;
	return ASOF_OK;
}

/* Count what is read; rows without an event time follow the source's on_bad_row. */
static enum asof_status
profile_source(struct build *b, struct asof_error *err)
{
	const struct asof_source *source = b->plan.source.source;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t counts[5];
	ASOF_TRY(asof_plan_profile_sql(&b->plan, &sql, err));
	enum asof_status status =
		asof_query_ints(b->engine, asof_buf_cstr(&sql), counts, ASOF_COUNTOF(counts), err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'", source->name);

	b->report.source_row_count = counts[0];
	b->report.bad_row_count = counts[1];
	b->report.null_key_row_count = counts[2];
	b->report.floored_row_count = counts[4];
	if (counts[1] == 0 || source->on_bad_row == ASOF_BAD_ROW_SKIP)
		return ASOF_OK;
	if (source->on_bad_row == ASOF_BAD_ROW_QUARANTINE)
		return quarantine(b, err);
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "source '%s': %" PRId64 " rows without event_time, the first is %s "
			 "(say `on_bad_row: skip` or `quarantine` to go on without them)",
			 source->name, counts[1], place_of_row(b, counts[3]));
}

/* Statistics of a written file, as the log has them. */
static enum asof_status log_stats(struct build *b, const struct asof_file_stats *from,
				  struct asof_table_file *file, struct asof_error *err);

static void
remove_orphan(const char *path)
{
	if (path)
		(void)unlink(path);
}

static enum asof_status
write_data(struct build *b, struct asof_table_file *ret_file, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_table table = { .view = b->state->view,
					 .layout = b->plan.layout,
					 .fields = b->base.fields,
					 .field_count = b->base.field_count };
	if (b->is_splice) {
		const char **paths = asof_arena_array(b->arena, b->base.file_count, sizeof(*paths));
		if (!paths)
			return no_memory(err, "paths");
		for (size_t i = 0; i < b->base.file_count; i++)
			paths[i] = b->base.files[i].path;
		table.paths = paths;
		table.path_count = b->base.file_count;
		ASOF_TRY(asof_plan_splice_sql(&table, &b->plan, &sql, err));
	} else {
		ASOF_TRY(asof_plan_build_sql(&b->plan, &sql, err));
	}

	struct asof_table_file file = { 0 };
	ASOF_TRY(asof_table_new_file(b->lake, b->state->view->name, b->arena, &file.name,
				     &file.path, err));
	struct asof_file_stats stats;
	enum asof_status status = asof_engine_write_parquet(b->engine, asof_buf_cstr(&sql),
							    file.path, b->arena, &stats, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", b->state->view->source->name);
	file.size_bytes = stats.size_bytes;
	file.row_count = (int64_t)stats.row_count;
	status = log_stats(b, &stats, &file, err);
	if (status != ASOF_OK) {
		remove_orphan(file.path);
		return status;
	}
	*ret_file = file;
	return ASOF_OK;
}

static const char *
stat_json(struct build *b, const struct asof_value *value)
{
	if (value->is_null)
		return NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 10);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_value_write_json(&w, value);
	return asof_arena_copy(b->arena, asof_buf_view(&text));
}

static enum asof_status
log_stats(struct build *b, const struct asof_file_stats *from, struct asof_table_file *file,
	  struct asof_error *err)
{
	struct asof_table_stats *stats =
		asof_arena_array(b->arena, from->column_count, sizeof(*stats));
	if (!stats)
		return no_memory(err, "statistics");
	for (size_t i = 0; i < from->column_count; i++) {
		const struct asof_column_stats *column = &from->columns[i];
		stats[i] = (struct asof_table_stats){ .column = column->name,
						      .min_json = stat_json(b, &column->min),
						      .max_json = stat_json(b, &column->max),
						      .null_count = column->null_count };
	}
	file->stats = stats;
	file->stats_count = from->column_count;
	return ASOF_OK;
}

/* The texts that travel with the commit, from which the catalog can be made again. */
static enum asof_status
commit_info(struct build *b, int64_t total_rows, const char *version, struct asof_property *info,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf cursor = ASOF_BUF(64u << 20);
	asof_cursor_write(&b->cursor, &cursor);
	ASOF_TRY(asof_buf_status(&cursor, err));
	const char *cursor_text = asof_arena_copy(b->arena, asof_buf_view(&cursor));
	const char *rows = asof_arena_printf(b->arena, "%" PRId64, total_rows);
	if (!cursor_text || !rows)
		return no_memory(err, "commit");
	const struct asof_property all[] = {
		{ ASOF_INFO_VERSION, version },
		{ ASOF_INFO_HASH, b->state->hash },
		{ ASOF_INFO_DEFINITION, b->state->json },
		{ ASOF_INFO_RUN, b->run_id },
		{ ASOF_INFO_TAG, b->options->tag ? b->options->tag : "" },
		{ ASOF_INFO_CURSOR, cursor_text },
		{ ASOF_INFO_ROWS, rows },
	};
	memcpy(info, all, sizeof(all));
	return ASOF_OK;
}
#define INFO_COUNT 7

static enum asof_status
publish(struct build *b, const struct asof_table_file *file, struct asof_error *err)
{
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	struct asof_property info[INFO_COUNT];
	bool has_file = file && file->row_count > 0;
	int64_t total =
		(b->is_overwrite ? 0 : b->base.row_count) + (has_file ? file->row_count : 0);
	struct asof_version version = { .view = b->state->view->name,
					.major = b->state->major,
					.minor = b->state->minor,
					.patch = b->state->next_patch,
					.definition_hash = b->state->hash,
					.definition_json = b->state->json,
					.row_count = total,
					.published_us = b->now_us,
					.run_id = b->run_id,
					.tag = b->options->tag ? b->options->tag : "",
					.is_current = true };
	b->report.version = asof_version_text(&version, b->arena);
	if (!b->report.version)
		return no_memory(err, "version");
	ASOF_TRY(asof_plan_table_fields(b->state->view, b->plan.layout, b->arena, &fields,
					&field_count, err));
	ASOF_TRY(commit_info(b, total, b->report.version, info, err));

	bool has_schema = b->base.version < 0 || b->is_overwrite;
	const struct asof_property owner = { "asof.view", b->state->view->name };
	struct asof_table_change change = {
		.base_version = b->base.version,
		.is_overwrite = b->is_overwrite && b->base.version >= 0,
		.fields = has_schema ? fields : NULL,
		.field_count = has_schema ? field_count : 0,
		.added = file,
		.added_count = has_file ? 1 : 0,
		.properties = has_schema ? &owner : NULL,
		.property_count = has_schema ? 1 : 0,
		.info = info,
		.info_count = INFO_COUNT,
		.operation = "WRITE",
		.run_id = b->run_id,
		.now_us = b->now_us,
	};
	ASOF_TRY(asof_table_commit(b->lake, b->state->view->name, &change, &version.table_version,
				   err));
	b->report.is_published = true;
	b->report.total_row_count = total;
	ASOF_TRY(asof_fault_point("build.after_commit", err));
	return asof_catalog_publish(b->session->catalog, &version, err);
}

/* A table without new data gets a version of its own only where the definition moved on. */
static enum asof_status
finish_without_work(struct build *b, struct asof_error *err)
{
	const struct asof_version *newest = &b->state->newest;
	b->report.total_row_count = b->base.row_count;
	if (newest->major == b->state->major && newest->minor == b->state->minor &&
	    strcmp(newest->definition_hash, b->state->hash) == 0) {
		b->report.version = asof_version_text(newest, b->arena);
		return b->report.version ? ASOF_OK : no_memory(err, "version");
	}
	b->report.reason = "the definition has changed, the data serves";
	return publish(b, NULL, err);
}

static enum asof_status
begin(struct build *b, struct asof_error *err)
{
	ASOF_TRY(asof_session_engine(b->session, &b->engine, err));
	ASOF_TRY(asof_session_lake(b->session, &b->lake, err));
	ASOF_TRY(asof_table_read(b->lake, b->state->view->name, -1, b->arena, &b->base, err));
	if (b->base.version >= 0 &&
	    (!b->state->has_newest || b->base.version != b->state->newest.table_version))
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was published meanwhile",
				 b->state->view->name);

	/* A commit is later than the one before it, whatever the clock says. */
	b->now_us = asof_session_now_us(b->session);
	if (b->base.version >= 0 && b->now_us <= b->base.committed_us)
		b->now_us = b->base.committed_us + 1000;
	b->run_id = asof_arena_printf(b->arena, "%" PRIx64 "-%x", (uint64_t)b->now_us,
				      (unsigned)getpid());
	if (!b->run_id)
		return no_memory(err, "run");
	b->plan.view = b->state->view;
	b->plan.commit_us = b->now_us;
	if (asof_view_is_windowed(b->state->view)) {
		ASOF_TRY(asof_tile_layout_make(b->state->view, b->arena, &b->layout, err));
		b->plan.layout = &b->layout;
	}
	return ASOF_OK;
}

static enum asof_status
compute_and_publish(struct build *b, struct asof_error *err)
{
	struct asof_table_file file;
	ASOF_TRY(profile_source(b, err));
	ASOF_TRY(write_data(b, &file, err));
	b->report.row_count = file.row_count;
	if (file.row_count > 0) {
		b->report.size_bytes = file.size_bytes;
		b->report.file_count = 1;
	}
	enum asof_status status = asof_cancel_check(&b->session->cancel, err);
	if (status == ASOF_OK)
		status = asof_fault_point("build.before_commit", err);
	bool is_tried = status == ASOF_OK;
	if (is_tried)
		status = publish(b, &file, err);
	/* A commit that failed may stand all the same: its file goes only where it surely does not.
	 */
	bool is_unpublished = !b->report.is_published && (!is_tried || status == ASOF_CONFLICT);
	if (is_unpublished || file.row_count == 0)
		remove_orphan(file.path);
	return status;
}

enum asof_status
asof_build_view(struct asof_session *session, const struct asof_view_state *state,
		const struct asof_build_options *options, struct asof_arena *arena,
		struct asof_build_report *ret_report, struct asof_error *err)
{
	struct build b = { .session = session, .state = state, .options = options, .arena = arena };
	bool has_work = false;
	ASOF_TRY(begin(&b, err));
	ASOF_TRY(choose_mode(&b, &has_work, err));
	if (has_work)
		ASOF_TRY(compute_and_publish(&b, err));
	else
		ASOF_TRY(finish_without_work(&b, err));
	*ret_report = b.report;
	return ASOF_OK;
}
