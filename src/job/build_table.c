/*
 * build_table.c - what a build reads of a table that others write, which has moved on since.
 *
 * Its log says which files came and went. Files that only came are appended; where rows were
 * deleted or changed, the rows of the files that went, and of those that came for them, are the
 * change. Whatever is not told so is read anew, with the reason.
 */
#include <inttypes.h>

#include "base/map.h"
#include "job/build_replace.h"
#include "job/foreign_table.h"
#include "plan/sql.h"

struct table_change {
	const struct asof_foreign_table *table;
	const struct asof_cursor *old;
	const struct asof_foreign_action *actions;
	size_t count;
};

static enum asof_status
choose_nothing(struct asof_view_build *b, const char *reason)
{
	b->report.mode = "none";
	b->report.reason = reason;
	b->has_work = false;
	return ASOF_OK;
}

static enum asof_status
choose_append(struct asof_view_build *b, const bool *picks, struct asof_error *err)
{
	b->report.mode = "append";
	b->report.reason = "new files";
	return asof_build_read_files(b, picks, err);
}

/* Read everything; a reason that memory did not suffice for is NULL. */
static enum asof_status
choose_full(struct asof_view_build *b, struct asof_error *err, const char *reason)
{
	return reason ? asof_build_choose_full(b, reason, err)
		      : asof_build_no_memory(err, "reason");
}

/* ---- Delta ---- */

/* What kinds of actions there are between the versions. */
struct actions_seen {
	int64_t table_version; /* at which the table itself was changed; -1: it was not */
	bool has_adds;         /* of rows */
	bool has_removes;      /* of rows */
};

static struct actions_seen
look_at(const struct table_change *change)
{
	struct actions_seen seen = { .table_version = -1 };
	for (size_t i = 0; i < change->count; i++) {
		const struct asof_foreign_action *action = &change->actions[i];
		if (!action->path)
			seen.table_version = action->version;
		else if (action->has_data && action->is_add)
			seen.has_adds = true;
		else if (action->has_data)
			seen.has_removes = true;
	}
	return seen;
}

/* Files of the cursor by the path that the engine knows them by. */
static enum asof_status
index_files(struct asof_map *map, const struct asof_view_build *b, const struct asof_cursor *cursor,
	    const char **paths, struct asof_error *err)
{
	const char *dir = b->session->project->dir;
	for (size_t i = 0; i < cursor->file_count; i++) {
		paths[i] = asof_foreign_file_path(cursor->files[i].name, dir, b->arena);
		if (!paths[i])
			return asof_build_no_memory(err, "paths");
		ASOF_TRY(asof_map_put(map, asof_str_from(paths[i]), &cursor->files[i], err));
	}
	return ASOF_OK;
}

/* Choose the files that are added with rows, and are still there; false where one is not. */
static enum asof_status
pick_added(const struct asof_view_build *b, const struct table_change *change, bool *picks,
	   bool *ret_are_there, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map now = { 0 };
	const char **paths = asof_arena_array(b->arena, b->cursor.file_count, sizeof(*paths));
	if (!paths)
		return asof_build_no_memory(err, "paths");
	ASOF_TRY(index_files(&now, b, &b->cursor, paths, err));
	memset(picks, 0, b->cursor.file_count * sizeof(*picks));
	*ret_are_there = true;
	for (size_t i = 0; i < change->count; i++) {
		const struct asof_foreign_action *action = &change->actions[i];
		void *file = NULL;
		if (!action->is_add || !action->has_data)
			continue;
		if (asof_map_find(&now, asof_str_from(action->path), &file))
			picks[(struct asof_cursor_file *)file - b->cursor.files] = true;
		else
			*ret_are_there = false;
	}
	return ASOF_OK;
}

/* SELECT of the rows, at a version, of those files of `cursor` that the actions name. */
static enum asof_status
write_rows(const struct asof_view_build *b, const struct table_change *change,
	   const struct asof_cursor *cursor, int64_t version, const char **ret_sql,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_map_done) struct asof_map named = { 0 };
	struct asof_plan_source source = b->plan.source;
	const char **paths = asof_arena_array(b->arena, cursor->file_count, sizeof(*paths));
	int64_t *ordinals = asof_arena_array(b->arena, cursor->file_count, sizeof(*ordinals));
	bool *picks = asof_arena_array(b->arena, cursor->file_count, sizeof(*picks));
	if (!paths || !ordinals || !picks)
		return asof_build_no_memory(err, "paths");
	ASOF_TRY(index_files(&named, b, cursor, paths, err));
	for (size_t i = 0; i < change->count; i++) {
		void *file = NULL;
		if (asof_map_find(&named, asof_str_from(change->actions[i].path), &file))
			picks[(struct asof_cursor_file *)file - cursor->files] = true;
	}
	for (size_t i = 0; i < cursor->file_count; i++)
		ordinals[i] = cursor->files[i].ordinal;
	source.paths = paths;
	source.path_count = cursor->file_count;
	source.ordinals = ordinals;
	source.picks = picks;
	source.table_version = version;
	asof_plan_files(&sql, &source);
	ASOF_TRY(asof_buf_status(&sql, err));
	*ret_sql = asof_arena_copy(b->arena, asof_buf_view(&sql));
	return *ret_sql ? ASOF_OK : asof_build_no_memory(err, "rows");
}

/* Are the rows that are gone still to be had? A vacuum takes their files. */
static enum asof_status
try_rows(const struct asof_view_build *b, const char *rows_sql, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t count = 0;
	asof_buf_printf(&sql, "SELECT count(" ASOF_SOURCE_ORDER ") FROM (%s)", rows_sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(b->engine, asof_buf_cstr(&sql), &count, 1, err);
}

static enum asof_status
choose_replacement(struct asof_view_build *b, const struct table_change *change,
		   struct asof_error *err)
{
	struct asof_source_change *rows = asof_arena_alloc(b->arena, sizeof(*rows));
	struct asof_error why = { 0 };
	if (!rows)
		return asof_build_no_memory(err, "change");
	ASOF_TRY(asof_build_read_files(b, NULL, err));
	ASOF_TRY(write_rows(b, change, change->old, change->old->table_version, &rows->removed_sql,
			    err));
	ASOF_TRY(write_rows(b, change, &b->cursor, change->table->version, &rows->added_sql, err));
	enum asof_status status = try_rows(b, rows->removed_sql, &why);
	if (status == ASOF_CANCELLED || status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, status, "%s", why.message);
	if (status != ASOF_OK)
		return choose_full(b, err,
				   asof_arena_printf(b->arena,
						     "rows were deleted or changed, and those of "
						     "version %" PRId64 " can no longer be read",
						     change->old->table_version));
	asof_build_choose_change(b, rows, "rows were deleted or changed");
	return ASOF_OK;
}

static enum asof_status
choose_delta(struct asof_view_build *b, struct table_change *change, bool *is_new,
	     struct asof_error *err)
{
	const struct asof_foreign_table *table = change->table;
	int64_t from = change->old->table_version;
	struct asof_error why = { 0 };
	if (table->version < from)
		return choose_full(b, err,
				   asof_arena_printf(b->arena,
						     "'%s' is at version %" PRId64 ", and %" PRId64
						     " was read",
						     table->name, table->version, from));
	enum asof_status status =
		asof_foreign_log_actions(b->engine, table, from, table->version, b->arena,
					 &change->actions, &change->count, &why);
	if (status == ASOF_NOT_FOUND)
		return choose_full(b, err, asof_arena_copy(b->arena, asof_str_from(why.message)));
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);

	struct actions_seen seen = look_at(change);
	if (seen.table_version >= 0)
		return choose_full(b, err,
				   asof_arena_printf(b->arena,
						     "version %" PRId64
						     " of '%s' changes the table "
						     "itself, not only its rows",
						     seen.table_version, table->name));
	if (!seen.has_adds && !seen.has_removes)
		return choose_nothing(b, "nothing new");
	bool are_there = false;
	ASOF_TRY(pick_added(b, change, is_new, &are_there, err));
	if (!seen.has_removes && are_there)
		return choose_append(b, is_new, err);
	return choose_replacement(b, change, err);
}

/* ---- Iceberg ---- */

static enum asof_status
choose_iceberg(struct asof_view_build *b, const struct table_change *change, const bool *is_new,
	       enum asof_cursor_difference difference, struct asof_error *err)
{
	bool has_deletes = strcmp(change->old->table_deletes, change->table->deletes) != 0;
	if (difference == ASOF_CURSOR_CHANGED || has_deletes)
		return choose_full(b, err,
				   asof_arena_printf(b->arena,
						     "rows of '%s' were deleted or changed since "
						     "snapshot %" PRId64,
						     change->table->name,
						     change->old->table_version));
	if (difference == ASOF_CURSOR_GROWN)
		return choose_append(b, is_new, err);
	return choose_nothing(b, "nothing new");
}

enum asof_status
asof_build_choose_table(struct asof_view_build *b, const struct asof_cursor *old, bool *is_new,
			enum asof_cursor_difference difference, struct asof_error *err)
{
	const struct asof_source *source = b->state.view->source;
	const struct asof_bound_source *bound =
		&b->session->bound[source - b->session->project->sources];
	struct table_change change = { .table = bound->table, .old = old };
	if (!old->table_id || strcmp(old->table_id, bound->table->id) != 0)
		return choose_full(b, err,
				   asof_arena_printf(b->arena, "'%s' is another table now",
						     bound->table->name));
	if (old->table_version == bound->table->version)
		return choose_nothing(b, "nothing new");
	if (source->format == ASOF_FORMAT_DELTA)
		return choose_delta(b, &change, is_new, err);
	return choose_iceberg(b, &change, is_new, difference, err);
}
