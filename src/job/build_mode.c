/* build_mode.c - what a build is to compute: everything, a range, what is in new files, nothing. */
#include "codec/time_text.h"
#include "job/build_cursor.h"
#include "job/foreign_table.h"
#include "job/upstream.h"
#include "model/duration.h"

/* Does the table of the newest version serve the new definition as it stands? */
static enum asof_status
is_same_table(const struct asof_view_build *b, bool *ret_is_same, struct asof_error *err)
{
	*ret_is_same = true;
	if (strcmp(b->state.newest.definition_hash, b->state.hash) == 0)
		return ASOF_OK;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *old_view = NULL;
	ASOF_TRY(asof_version_project(&b->state.newest, &project, &old_view, err));
	*ret_is_same = asof_define_same_table(old_view, b->state.view);
	return ASOF_OK;
}

/* The whole steps that hold the events of [from, to). */
static struct asof_plan_range
widened_range(const struct asof_view_build *b)
{
	struct asof_plan_range range = { .has_from = true,
					 .has_to = true,
					 .from_us = b->options->from_us,
					 .to_us = b->options->to_us };
	int64_t step_us = b->state.view->step_us;
	if (step_us > 0) {
		range.from_us = asof_step_end(range.from_us, step_us) - step_us + 1;
		range.to_us = asof_step_end(range.to_us - 1, step_us) + 1;
	}
	return range;
}

static enum asof_status
add_range(struct asof_view_build *b, struct asof_error *err)
{
	struct asof_plan_range *ranges =
		asof_arena_array(b->arena, b->cursor.range_count + 1, sizeof(*ranges));
	if (!ranges)
		return asof_build_no_memory(err, "ranges");
	if (b->cursor.range_count > 0)
		memcpy(ranges, b->cursor.ranges, b->cursor.range_count * sizeof(*ranges));
	ranges[b->cursor.range_count++] = b->plan.range;
	b->cursor.ranges = ranges;
	return ASOF_OK;
}

static const struct asof_bound_source *
bound_source(const struct asof_view_build *b)
{
	return &b->session->bound[b->state.view->source - b->session->project->sources];
}

enum asof_status
asof_build_read_files(struct asof_view_build *b, const bool *picks, struct asof_error *err)
{
	const struct asof_source_file *files = bound_source(b)->files;
	const struct asof_cursor *cursor = &b->cursor;
	const char **paths = asof_arena_array(b->arena, cursor->file_count, sizeof(*paths));
	int64_t *ordinals = asof_arena_array(b->arena, cursor->file_count, sizeof(*ordinals));
	if (!paths || !ordinals)
		return asof_build_no_memory(err, "paths");
	for (size_t i = 0; i < cursor->file_count; i++) {
		paths[i] = files[i].path;
		ordinals[i] = cursor->files[i].ordinal;
	}
	b->plan.source = asof_session_plan_source(b->session, b->state.view->source);
	b->plan.source.paths = paths;
	b->plan.source.path_count = cursor->file_count;
	b->plan.source.ordinals = ordinals;
	b->plan.source.picks = picks;
	return ASOF_OK;
}

/* A view that is read has only added to its rows, or everything is computed again. */
static enum asof_status
choose_added_rows(struct asof_view_build *b, const bool *is_new, struct asof_error *err)
{
	const char *rows = NULL;
	ASOF_TRY(asof_upstream_added(b->session, b->state.view, is_new, b->arena, &rows, err));
	if (!rows)
		return asof_build_choose_full(b, "upstream has changed earlier rows", err);
	b->report.mode = "append";
	b->report.reason = "new rows of upstream";
	ASOF_TRY(asof_build_read_files(b, is_new, err));
	b->plan.source.rows_sql = rows;
	return ASOF_OK;
}

enum asof_status
asof_build_choose_full(struct asof_view_build *b, const char *reason, struct asof_error *err)
{
	b->is_overwrite = true;
	b->cursor.range_count = 0;
	b->report.mode = "full";
	b->report.reason = reason;
	b->cursor.watermark = (struct asof_cursor_watermark){ 0 };
	ASOF_TRY(asof_build_read_files(b, NULL, err));
	if (b->state.view->source->cursor == ASOF_SOURCE_CURSOR_FILES)
		return ASOF_OK;
	return asof_build_cursor_divide(b, NULL, true, err);
}

/* A range of events: spliced into the table that is there, or the only thing in a new one. */
static enum asof_status
choose_range(struct asof_view_build *b, const struct asof_cursor *old, bool *is_new, bool is_same,
	     struct asof_error *err)
{
	const struct asof_foreign_table *table = bound_source(b)->table;
	b->is_splice = b->base.version >= 0 && is_same;
	if (b->is_splice && table && old->table_version != table->version)
		return asof_build_choose_full(
			b, "a range was asked for, and the source has moved on since", err);
	b->is_overwrite = true;
	b->plan.range = widened_range(b);
	b->report.mode = "range";
	b->report.reason =
		b->is_splice ? "a range was asked for" : "a range of a table that is new";
	if (!b->is_splice) {
		b->cursor.range_count = 0;
		ASOF_TRY(asof_build_read_files(b, NULL, err));
		return add_range(b, err);
	}
	/* Files that the table has not read yet wait for an ordinary build. */
	for (size_t i = 0; i < b->cursor.file_count; i++)
		is_new[i] = !is_new[i];
	ASOF_TRY(asof_build_read_files(b, is_new, err));
	b->cursor = *old;
	/* So do rows that a cursor has not come to. */
	if (old->watermark.by != ASOF_SOURCE_CURSOR_FILES)
		b->plan.source.cursor =
			(struct asof_plan_cursor){ .is_set = true,
						   .after_us = INT64_MIN,
						   .to_us = old->watermark.watermark_us,
						   .has_timeless = old->watermark.open_count > 0 };
	return old->range_count > 0 ? add_range(b, err) : ASOF_OK;
}

/* What is behind the last watermark, less the lateness; files may have changed as they like. */
static enum asof_status
choose_cursor(struct asof_view_build *b, const struct asof_cursor *old, const bool *is_new,
	      struct asof_error *err)
{
	const struct asof_source *source = b->state.view->source;
	char after[ASOF_TIME_TEXT_MAX];
	size_t len = asof_timestamp_text(old->watermark.settled_us, after);
	b->report.mode = "cursor";
	b->report.reason = old->watermark.settled_us == INT64_MIN
				   ? "no row was read before"
				   : asof_arena_printf(b->arena, "rows with %s after %.*s",
						       asof_source_cursor_text(source->cursor),
						       (int)len, after);
	if (!b->report.reason)
		return asof_build_no_memory(err, "reason");
	ASOF_TRY(asof_build_read_files(b, NULL, err));
	ASOF_TRY(asof_build_cursor_divide(b, old, false, err));
	return asof_build_cursor_count_late(b, is_new, err);
}

/* The version of a table of others goes with its files. */
static void
take_table(struct asof_view_build *b, const struct asof_foreign_table *table)
{
	if (!table)
		return;
	b->cursor.table_id = table->id;
	b->cursor.table_version = table->version;
	b->cursor.table_deletes = table->deletes;
}

/* *ret_lost: why the table cannot be gone on from, else NULL. */
static enum asof_status
read_old_cursor(const struct asof_view_build *b, struct asof_cursor *ret_old, const char **ret_lost,
		struct asof_error *err)
{
	struct asof_error why = { 0 };
	const char *name = b->state.view->name;
	*ret_old = (struct asof_cursor){ 0 };
	*ret_lost = NULL;
	enum asof_status status = asof_cursor_of_table(&b->base, b->arena, ret_old, &why);
	if (status == ASOF_OK)
		return ASOF_OK;
	if (status != ASOF_CORRUPT)
		return ASOF_FAIL(err, status, "%s", why.message);
	if (b->options->has_range)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "%s: run `asof build %s --full` first, then build the range",
				 why.message, name);
	*ret_lost = asof_arena_copy(b->arena, asof_str_from(why.message));
	return *ret_lost ? ASOF_OK : asof_build_no_memory(err, "reason");
}

/* Why everything has to be read where a table is there, else NULL. */
static const char *
full_reason(const struct asof_view_build *b, const struct asof_cursor *old, const char *lost,
	    bool is_same)
{
	if (b->options->is_full)
		return "asked for";
	if (lost)
		return lost;
	if (!is_same)
		return "the definition has changed";
	if (old->range_count > 0)
		return "only ranges were built before";
	return asof_build_cursor_obstacle(b, old);
}

/* What is to be computed: everything, a range, what is new, or nothing. */
enum asof_status
asof_build_choose_mode(struct asof_view_build *b, struct asof_error *err)
{
	const struct asof_view *view = b->state.view;
	const struct asof_bound_source *bound = bound_source(b);
	struct asof_cursor old;
	const char *lost = NULL;
	ASOF_TRY(read_old_cursor(b, &old, &lost, err));
	bool *is_new = asof_arena_array(b->arena, bound->file_count, sizeof(*is_new));
	if (!is_new)
		return asof_build_no_memory(err, "files");
	enum asof_cursor_difference difference;
	const char *changed = NULL;
	ASOF_TRY(asof_cursor_compare(&old, bound->files, bound->file_count, b->arena, &b->cursor,
				     is_new, &difference, &changed, err));
	if (difference == ASOF_CURSOR_CHANGED && view->source->kind == ASOF_SOURCE_VIEW)
		ASOF_TRY(asof_upstream_moved(b->session, view->source, &old, is_new, &difference,
					     err));
	take_table(b, bound->table);
	bool is_same = false;
	if (b->base.version >= 0 && b->state.has_newest)
		ASOF_TRY(is_same_table(b, &is_same, err));

	b->has_work = true;
	b->cursor.upstream = bound->upstream_version;
	b->cursor.upstream_at = bound->upstream_at;
	if (b->options->has_range && b->base.version >= 0 && difference != ASOF_CURSOR_SAME &&
	    view->source->kind == ASOF_SOURCE_VIEW)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "upstream '%s' has published since '%s' was built: run "
				 "`asof build %s` first, then build the range",
				 view->source->location.text, view->name, view->name);
	if (b->options->has_range)
		return choose_range(b, &old, is_new, is_same, err);
	if (b->base.version < 0)
		return asof_build_choose_full(b, "first build", err);
	const char *full = full_reason(b, &old, lost, is_same);
	if (full)
		return asof_build_choose_full(b, full, err);
	bool has_moved = difference != ASOF_CURSOR_SAME ||
			 (bound->table && old.table_version != bound->table->version);
	if (view->source->cursor != ASOF_SOURCE_CURSOR_FILES && has_moved)
		return choose_cursor(b, &old, is_new, err);
	if (bound->table)
		return asof_build_choose_table(b, &old, is_new, difference, err);
	if (difference == ASOF_CURSOR_CHANGED) {
		const char *reason =
			asof_arena_printf(b->arena, "'%s' has changed or is gone", changed);
		return asof_build_choose_full(b, reason ? reason : "a file has changed", err);
	}
	if (difference == ASOF_CURSOR_GROWN && view->source->kind == ASOF_SOURCE_VIEW)
		return choose_added_rows(b, is_new, err);
	if (difference == ASOF_CURSOR_GROWN) {
		b->report.mode = "append";
		b->report.reason = "new files";
		return asof_build_read_files(b, is_new, err);
	}
	b->report.mode = "none";
	b->report.reason = "nothing new";
	b->has_work = false;
	return ASOF_OK;
}
