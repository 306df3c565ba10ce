/* build_cursor.c - what of a source is settled, and what may still change. */
#include "job/build_cursor.h"

#include "model/duration.h"
#include "plan/sql.h"

static const struct asof_table_file *
find_file(const struct asof_table_snapshot *base, const char *name)
{
	for (size_t i = 0; i < base->file_count; i++) {
		if (strcmp(base->files[i].name, name) == 0)
			return &base->files[i];
	}
	return NULL;
}

const char *
asof_build_cursor_obstacle(const struct asof_view_build *b, const struct asof_cursor *old)
{
	if (old->watermark.by != b->state.view->source->cursor)
		return "the source's cursor has changed";
	for (size_t i = 0; i < old->watermark.open_count; i++) {
		if (!find_file(&b->base, old->watermark.open[i]))
			return "rows that may still change do not stand apart any more";
	}
	return NULL;
}

static enum asof_status
remove_open(struct asof_view_build *b, const struct asof_cursor *old, struct asof_error *err)
{
	const struct asof_cursor_watermark *watermark = &old->watermark;
	b->removed = asof_arena_array(b->arena, watermark->open_count, sizeof(*b->removed));
	if (!b->removed)
		return asof_build_no_memory(err, "files that leave");
	for (size_t i = 0; i < watermark->open_count; i++) {
		const struct asof_table_file *file = find_file(&b->base, watermark->open[i]);
		b->removed[b->removed_count++] = file->name;
		b->removed_row_count += file->row_count;
	}
	b->report.replaced_count = b->removed_count;
	return ASOF_OK;
}

/* One pass at least, so that the cursor moves on with the files. */
static void
set_passes(struct asof_view_build *b, int64_t from_us, const struct asof_cursor_watermark *now,
	   bool has_timeless)
{
	const struct asof_plan_cursor settled = { .is_set = true,
						  .after_us = from_us,
						  .to_us = now->settled_us };
	const struct asof_plan_cursor open = { .is_set = true,
					       .after_us = now->settled_us,
					       .to_us = now->watermark_us,
					       .has_timeless = has_timeless };
	bool has_open = has_timeless || now->watermark_us > now->settled_us;
	b->pass_count = 0;
	if (now->settled_us > from_us || !has_open)
		b->passes[b->pass_count++] = settled;
	b->open_pass = has_open ? b->pass_count : SIZE_MAX;
	if (has_open)
		b->passes[b->pass_count++] = open;
	b->plan.source.cursor = b->passes[0];
}

enum asof_status
asof_build_cursor_divide(struct asof_view_build *b, const struct asof_cursor *old, bool is_full,
			 struct asof_error *err)
{
	const struct asof_source *source = b->state.view->source;
	struct asof_cursor_watermark now = { .by = source->cursor,
					     .watermark_us = INT64_MIN,
					     .settled_us = INT64_MIN };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t found[3] = { 0 }; /* rows, their latest time, rows without */
	if (!is_full) {
		now.watermark_us = old->watermark.watermark_us;
		now.settled_us = old->watermark.settled_us;
		ASOF_TRY(remove_open(b, old, err));
	}
	int64_t from_us = now.settled_us;
	b->plan.source.cursor = (struct asof_plan_cursor){ .after_us = from_us };
	ASOF_TRY(asof_plan_watermark_sql(&b->plan.source, &sql, err));
	enum asof_status status =
		asof_query_ints(b->engine, asof_buf_cstr(&sql), found, ASOF_COUNTOF(found), err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'", source->name);
	if (found[0] > 0 && found[1] > now.watermark_us)
		now.watermark_us = found[1];
	int64_t settled_us = now.watermark_us == INT64_MIN
				     ? INT64_MIN
				     : asof_us_sub(now.watermark_us, source->lateness_us);
	if (settled_us > now.settled_us)
		now.settled_us = settled_us;
	b->cursor.watermark = now;
	set_passes(b, from_us, &now, found[2] > 0);
	return ASOF_OK;
}

enum asof_status
asof_build_cursor_count_late(struct asof_view_build *b, const bool *picks, struct asof_error *err)
{
	bool has_picks = false;
	for (size_t i = 0; i < b->cursor.file_count; i++)
		has_picks = has_picks || picks[i];
	int64_t settled_us = b->passes[0].after_us;
	if (!has_picks || settled_us == INT64_MIN)
		return ASOF_OK;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_source late = b->plan.source;
	late.picks = picks;
	late.cursor = (struct asof_plan_cursor){ .is_set = true,
						 .after_us = INT64_MIN,
						 .to_us = settled_us };
	ASOF_TRY(asof_plan_count_sql(&late, &sql, err));
	return asof_query_ints(b->engine, asof_buf_cstr(&sql), &b->report.late_row_count, 1, err);
}

enum asof_status
asof_build_cursor_note(struct asof_view_build *b, const struct asof_table_file *files,
		       size_t file_count, struct asof_error *err)
{
	const char **open = asof_arena_array(b->arena, file_count, sizeof(*open));
	if (!open)
		return asof_build_no_memory(err, "open files");
	for (size_t i = 0; i < file_count; i++)
		open[i] = files[i].name;
	b->cursor.watermark.open = open;
	b->cursor.watermark.open_count = file_count;
	return ASOF_OK;
}
