/* compact_view.c - one view's table in fewer files, and folded. */
#include "job/compact_view.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/number.h"
#include "codec/time_text.h"
#include "job/checkpoint.h"
#include "job/compact_groups.h"
#include "job/partition_choice.h"
#include "job/table_files.h"
#include "model/duration.h"
#include "model/partition.h"
#include "plan/sql.h"

#define ATTEMPTS_MAX 5
#define COMMITS_MAX  10

struct compaction {
	struct asof_session *session;
	const struct asof_view *view; /* of today */
	uint64_t target_bytes;
	struct asof_arena *arena;
	struct asof_engine *engine;
	struct asof_blob *lake;
	struct asof_checkpoint_io io;
	const char *run_id;
	/* The newest version, and its table. */
	bool has_version;
	struct asof_version version;
	int32_t next_patch;
	struct asof_version_table table;        /* closed: all zero */
	struct asof_partition_choice partition; /* of that table */
	/* What was written for a commit. */
	struct asof_table_files added;
	const char **removed;
	size_t removed_count;
	bool is_tried; /* to commit it: it may stand even where that failed */
	struct asof_compact_report *report;
};

static void
compaction_done(struct compaction *c)
{
	asof_version_table_done(&c->table);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "compaction");
}

/* ---- where the view stands ---- */

static enum asof_status
take_version(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct compaction *c = arg;
	if (c->has_version && version->table_version <= c->version.table_version)
		return ASOF_OK;
	c->has_version = true;
	return asof_version_copy(c->arena, version, &c->version, err);
}

static enum asof_status
take_patch(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct compaction *c = arg;
	(void)err;
	if (version->major == c->version.major && version->minor == c->version.minor &&
	    version->patch >= c->next_patch)
		c->next_patch = version->patch + 1;
	return ASOF_OK;
}

/* The newest version as the catalog and the lake have it now. */
static enum asof_status
open_newest(struct compaction *c, struct asof_error *err)
{
	asof_version_table_done(&c->table);
	c->has_version = false;
	c->next_patch = 0;
	c->added = (struct asof_table_files){ .engine = c->engine,
					      .lake = c->lake,
					      .arena = c->arena,
					      .table = c->view->name,
					      .file_bytes = c->target_bytes };
	c->removed_count = 0;
	c->is_tried = false;
	ASOF_TRY(asof_versions_sync(c->session, err));
	ASOF_TRY(asof_catalog_versions(c->session->catalog, c->view->name, take_version, c, err));
	if (!c->has_version)
		return ASOF_OK;
	ASOF_TRY(asof_catalog_versions(c->session->catalog, c->view->name, take_patch, c, err));
	ASOF_TRY(asof_version_table_open(c->session, &c->version, c->arena, &c->table, err));
	c->added.columns = c->table.snapshot.fields;
	c->added.column_count = c->table.snapshot.field_count;
	size_t most = c->table.snapshot.file_count;
	ASOF_TRY(asof_partition_of_table(&c->table.snapshot, c->table.view, &c->partition, err));
	c->added.view = c->table.view;
	c->added.partitions = c->partition.partitions;
	c->added.partition_count = c->partition.count;
	c->removed = asof_arena_array(c->arena, most, sizeof(*c->removed));
	c->run_id =
		asof_arena_printf(c->arena, "compact-%" PRIx64 "-%x",
				  (uint64_t)asof_session_now_us(c->session), (unsigned)getpid());
	return c->removed && c->run_id ? ASOF_OK : no_memory(err);
}

/* ---- writing ---- */

/* The table with files [0, count) of `files` only, which leave it. */
static enum asof_status
take_files(struct compaction *c, const struct asof_table_file *const *files, size_t count,
	   struct asof_plan_table *ret_table, struct asof_error *err)
{
	const char **paths = asof_arena_array(c->arena, count, sizeof(*paths));
	if (!paths)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		paths[i] = files[i]->path;
		c->removed[c->removed_count++] = files[i]->name;
	}
	*ret_table = c->table.plan;
	ret_table->paths = paths;
	ret_table->path_count = count;
	return ASOF_OK;
}

/* What the rows of `file` are kept apart by, in the order of `added.partitions`. */
static enum asof_status
partition_of(const struct compaction *c, const struct asof_table_file *file,
	     const struct asof_property **ret_values, struct asof_error *err)
{
	struct asof_property *values =
		asof_arena_array(c->arena, c->partition.count, sizeof(*values));
	if (!values)
		return no_memory(err);
	for (size_t i = 0; i < c->partition.count; i++) {
		values[i].name = asof_partition_column(&c->partition.partitions[i], c->arena);
		if (!values[i].name)
			return no_memory(err);
		values[i].value =
			asof_property_find(file->partition, file->partition_count, values[i].name);
		if (!values[i].value)
			return ASOF_FAIL(err, ASOF_CORRUPT,
					 "file '%s' has no value of the partition '%s': "
					 "`asof build %s --full` writes the table anew",
					 file->name, values[i].name, c->view->name);
	}
	*ret_values = values;
	return ASOF_OK;
}

/* Their rows into one file, of the partition that they are of, with columns too that the definition
 * has not any more. */
static enum asof_status
write_merged(struct compaction *c, const struct asof_table_file *const *files, size_t count,
	     struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf rows = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_table table;
	struct asof_file_stats stats;
	const struct asof_property *partition = NULL;
	const char *path = NULL;
	ASOF_TRY(take_files(c, files, count, &table, err));
	ASOF_TRY(partition_of(c, files[0], &partition, err));
	table.fields = c->table.snapshot.fields;
	table.field_count = c->table.snapshot.field_count;
	ASOF_TRY(asof_plan_compact_sql(&table, false, 0, &rows, err));
	ASOF_TRY(asof_table_files_sql(&c->added, asof_buf_cstr(&rows), &sql, err));
	ASOF_TRY(asof_fault_point("compact.before_write", err));
	ASOF_TRY(asof_table_files_begin(&c->added, partition, &path, err));
	ASOF_TRY(asof_engine_write_parquet(c->engine, asof_buf_cstr(&sql), path, c->arena, &stats,
					   err));
	return asof_table_files_note(&c->added, &stats, err);
}

/* Their rows, folded, into as many files as they fill. */
static enum asof_status
write_folded(struct compaction *c, const struct asof_table_file *const *files, size_t count,
	     int64_t before_us, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_table table;
	uint64_t rows = 0;
	uint64_t bytes = 0;
	ASOF_TRY(take_files(c, files, count, &table, err));
	for (size_t i = 0; i < count; i++) {
		rows += files[i]->row_count > 0 ? (uint64_t)files[i]->row_count : 0;
		bytes += files[i]->size_bytes;
	}
	c->added.row_bytes = rows > 0 ? bytes / rows + 1 : 1;
	ASOF_TRY(asof_plan_compact_sql(&table, true, before_us, &sql, err));
	ASOF_TRY(asof_fault_point("compact.before_write", err));
	return asof_table_files_write(&c->added, asof_buf_cstr(&sql), NULL, rows, err);
}

/* ---- committing ---- */

/* The texts of the table's commit again, but for those in `changed`, which are put in their places
 * or behind; a NULL value: without it. */
static enum asof_status
copy_info(const struct compaction *c, const struct asof_table_snapshot *snapshot,
	  const struct asof_property *changed, size_t changed_count,
	  const struct asof_property **ret_info, size_t *ret_count, struct asof_error *err)
{
	size_t count = 0;
	struct asof_property *info =
		asof_arena_array(c->arena, snapshot->info_count + changed_count, sizeof(*info));
	if (!info)
		return no_memory(err);
	for (size_t i = 0; i < snapshot->info_count; i++) {
		bool is_changed = false;
		for (size_t k = 0; k < changed_count; k++)
			is_changed =
				is_changed || strcmp(snapshot->info[i].name, changed[k].name) == 0;
		if (!is_changed)
			info[count++] = snapshot->info[i];
	}
	for (size_t k = 0; k < changed_count; k++) {
		if (changed[k].value)
			info[count++] = changed[k];
	}
	*ret_info = info;
	*ret_count = count;
	return ASOF_OK;
}

static enum asof_status
commit(struct compaction *c, const struct asof_table_snapshot *snapshot,
       struct asof_table_change *change, int64_t *ret_version, struct asof_error *err)
{
	c->io = asof_session_checkpoint_io(c->session);
	change->base_version = snapshot->version;
	change->removed = c->removed;
	change->removed_count = c->removed_count;
	change->added = c->added.items;
	change->added_count = c->added.count;
	change->run_id = c->run_id;
	change->now_us = asof_session_now_us(c->session);
	change->io = &c->io;
	ASOF_TRY(asof_cancel_check(&c->session->cancel, err));
	ASOF_TRY(asof_fault_point("compact.before_commit", err));
	c->is_tried = true;
	ASOF_TRY(asof_table_commit(c->lake, c->view->name, change, ret_version, err));
	c->added.count = 0; /* they are the table's now */
	return asof_fault_point("compact.after_commit", err);
}

/* Are all files that were merged among `names`? */
static bool
has_all(const struct asof_map *names, const struct compaction *c)
{
	for (size_t i = 0; i < c->removed_count; i++) {
		if (!asof_map_find(names, asof_str_from(c->removed[i]), NULL))
			return false;
	}
	return true;
}

/* The table as it stands now, if the files that were merged are still in it: builds that only added
 * files have not disturbed. */
static enum asof_status
look_again(struct compaction *c, struct asof_table_snapshot *ret_snapshot, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(c->session);
	ASOF_TRY(asof_table_read_by(c->lake, c->view->name, -1, &io, c->arena, ret_snapshot, err));
	ASOF_TRY(asof_versions_sync(c->session, err));
	for (size_t i = 0; i < ret_snapshot->file_count; i++)
		ASOF_TRY(asof_map_put(&names, asof_str_from(ret_snapshot->files[i].name), NULL,
				      err));
	if (!has_all(&names, c) || ret_snapshot->field_count != c->table.snapshot.field_count)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "others have rewritten what was to be merged (version %" PRId64
				 " of the table)",
				 ret_snapshot->version);
	return ASOF_OK;
}

/* ---- merging ---- */

static enum asof_status
commit_merged(struct compaction *c, struct asof_table_snapshot *snapshot, struct asof_error *err)
{
	int64_t table_version = 0;
	int32_t numbers[3];
	const char *published = asof_arena_printf(c->arena, "%" PRId64, c->version.published_us);
	const char *text =
		asof_property_find(snapshot->info, snapshot->info_count, ASOF_INFO_VERSION);
	const char *moved =
		asof_property_find(snapshot->info, snapshot->info_count, ASOF_INFO_MOVED);
	if (!published)
		return no_memory(err);
	if (!text || !asof_version_parse(text, &numbers[0], &numbers[1], &numbers[2]))
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "version %" PRId64 " of its table was written by another program: "
				 "`asof build --full` makes it whole again",
				 snapshot->version);
	if (snapshot->version != c->version.table_version && !moved) /* a build was faster */
		published = asof_arena_printf(c->arena, "%" PRId64, snapshot->committed_us);
	const struct asof_property changed[] = { { ASOF_INFO_MOVED, moved ? moved : published } };
	struct asof_table_change change = { .is_rearrangement = true, .operation = "OPTIMIZE" };
	if (!changed[0].value)
		return no_memory(err);
	ASOF_TRY(copy_info(c, snapshot, changed, 1, &change.info, &change.info_count, err));
	ASOF_TRY(commit(c, snapshot, &change, &table_version, err));
	ASOF_TRY(asof_catalog_move_version(c->session->catalog, c->view->name, numbers[0],
					   numbers[1], numbers[2], table_version, err));
	c->report->warning =
		asof_checkpoint_after_commit(c->session, c->view->name, table_version, c->arena);
	return ASOF_OK;
}

/* Builds that came in between are gone behind. */
static enum asof_status
publish_merged(struct compaction *c, struct asof_error *err)
{
	struct asof_table_snapshot snapshot = c->table.snapshot;
	struct asof_error why = { 0 };
	enum asof_status status = commit_merged(c, &snapshot, &why);
	for (int i = 1; i < COMMITS_MAX && status == ASOF_CONFLICT; i++) {
		ASOF_TRY(look_again(c, &snapshot, err));
		status = commit_merged(c, &snapshot, &why);
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

static enum asof_status
merge_files(struct compaction *c, struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	const struct asof_table_file **group =
		asof_arena_array(c->arena, snapshot->file_count, sizeof(*group));
	struct asof_compact_groups groups;
	if (!group)
		return no_memory(err);
	ASOF_TRY(asof_compact_groups_init(snapshot, c->target_bytes, c->arena, &groups, err));
	for (size_t count; (count = asof_compact_groups_next(&groups, group)) > 0;) {
		ASOF_TRY(asof_cancel_check(&c->session->cancel, err));
		ASOF_TRY(write_merged(c, group, count, err));
	}
	if (c->added.count == 0)
		return ASOF_OK;
	size_t merged = c->removed_count;
	ASOF_TRY(publish_merged(c, err));
	c->report->moved_file_count += merged;
	return ASOF_OK;
}

/* ---- folding ---- */

/* What was created before this instant is folded: an END of the view's steps. */
static int64_t
fold_before_us(const struct compaction *c)
{
	int64_t before_us =
		asof_us_sub(asof_session_now_us(c->session), c->view->known_at_retention_us);
	int64_t step_us = c->table.view->step_us;
	return step_us > 0 ? asof_step_floor(before_us, step_us) : before_us;
}

/* May a row of the file have been created before? */
static enum asof_status
is_old_file(const struct compaction *c, const struct asof_table_file *file, int64_t before_us,
	    bool *ret_is_old, struct asof_error *err)
{
	struct asof_table_file copy = *file;
	ASOF_TRY(asof_table_file_read_stats(&copy, c->arena, err));
	*ret_is_old = true;
	for (size_t i = 0; i < copy.stats_count; i++) {
		const struct asof_table_stats *stats = &copy.stats[i];
		struct asof_str text = asof_str_from(stats->min_json ? stats->min_json : "");
		int64_t min_us;
		if (strcmp(stats->column, "created_time") != 0 || text.len < 2)
			continue;
		text = (struct asof_str){ text.ptr + 1, text.len - 2 }; /* its quotes */
		if (asof_timestamp_parse(text, &min_us, NULL) == ASOF_OK)
			*ret_is_old = min_us < before_us;
	}
	return ASOF_OK;
}

static enum asof_status
count_foldable(struct compaction *c, const struct asof_table_file *const *files, size_t count,
	       int64_t before_us, int64_t *ret_rows, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_table table = c->table.plan;
	const char **paths = asof_arena_array(c->arena, count, sizeof(*paths));
	if (!paths)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		paths[i] = files[i]->path;
	table.paths = paths;
	table.path_count = count;
	ASOF_TRY(asof_plan_foldable_sql(&table, before_us, &sql, err));
	return asof_query_ints(c->engine, asof_buf_cstr(&sql), ret_rows, 1, err);
}

/* The table's properties with ASOF_KNOWN_AT_FROM. */
static enum asof_status
fold_properties(const struct compaction *c, const char *from, struct asof_table_change *change,
		struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	struct asof_property *properties =
		asof_arena_array(c->arena, snapshot->property_count + 1, sizeof(*properties));
	if (!properties)
		return no_memory(err);
	for (size_t i = 0; i < snapshot->property_count; i++) {
		if (strcmp(snapshot->properties[i].name, ASOF_KNOWN_AT_FROM) != 0)
			properties[change->property_count++] = snapshot->properties[i];
	}
	properties[change->property_count++] = (struct asof_property){ ASOF_KNOWN_AT_FROM, from };
	change->properties = properties;
	change->fields = snapshot->fields;
	change->field_count = snapshot->field_count;
	change->partition_columns = snapshot->partition_columns;
	change->partition_column_count = snapshot->partition_column_count;
	return ASOF_OK;
}

static enum asof_status
publish_folded(struct compaction *c, int64_t before_us, int64_t folded, struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	struct asof_version version = c->version;
	struct asof_table_change change = { .operation = "OPTIMIZE" };
	version.patch = c->next_patch;
	version.row_count = snapshot->row_count - folded;
	version.run_id = c->run_id;
	version.tag = "";
	version.made_by = c->session->made_by;
	version.reason = c->session->reason;
	const char *text = asof_version_text(&version, c->arena);
	const char *from = asof_arena_printf(c->arena, "%" PRId64, before_us);
	const char *rows = asof_arena_printf(c->arena, "%" PRId64, version.row_count);
	if (!text || !from || !rows)
		return no_memory(err);
	const struct asof_property changed[] = {
		{ ASOF_INFO_VERSION, text },
		{ ASOF_INFO_RUN, c->run_id },
		{ ASOF_INFO_TAG, "" },
		{ ASOF_INFO_ROWS, rows },
		{ ASOF_INFO_MOVED, NULL },
		{ ASOF_INFO_FOLDED, from },
		{ ASOF_INFO_MADE_BY, version.made_by },
		{ ASOF_INFO_REASON, version.reason },
	};
	ASOF_TRY(copy_info(c, snapshot, changed, ASOF_COUNTOF(changed), &change.info,
			   &change.info_count, err));
	ASOF_TRY(fold_properties(c, from, &change, err));
	ASOF_TRY(commit(c, snapshot, &change, &version.table_version, err));
	struct asof_table_snapshot made;
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(c->session);
	ASOF_TRY(asof_table_read_by(c->lake, c->view->name, version.table_version, &io, c->arena,
				    &made, err));
	version.published_us = made.committed_us;
	ASOF_TRY(asof_catalog_publish(c->session->catalog, &version, err));
	c->report->published = text;
	c->report->folded_row_count = folded;
	c->report->warning = asof_checkpoint_after_commit(c->session, c->view->name,
							  version.table_version, c->arena);
	return ASOF_OK;
}

/* Not of a view that was rolled back: a new version would be the current one. */
static enum asof_status
fold_rows(struct compaction *c, struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	const struct asof_table_file **old =
		asof_arena_array(c->arena, snapshot->file_count, sizeof(*old));
	int64_t before_us = fold_before_us(c);
	int64_t folded = 0;
	size_t count = 0;
	if (!old)
		return no_memory(err);
	for (size_t i = 0; i < snapshot->file_count; i++) {
		bool is_old = false;
		ASOF_TRY(is_old_file(c, &snapshot->files[i], before_us, &is_old, err));
		if (is_old && !asof_compact_is_open(snapshot, &snapshot->files[i]))
			old[count++] = &snapshot->files[i];
	}
	if (count == 0)
		return ASOF_OK;
	ASOF_TRY(count_foldable(c, old, count, before_us, &folded, err));
	if (folded == 0)
		return ASOF_OK;
	if (!c->version.is_current) {
		c->report->reason = "the view was rolled back: its newest version stays as it is";
		return ASOF_OK;
	}
	ASOF_TRY(write_folded(c, old, count, before_us, err));
	return publish_folded(c, before_us, folded, err);
}

/* ---- a view ---- */

/* Again while others are faster; what was written for nothing goes. */
static enum asof_status
repeat(struct compaction *c, enum asof_status (*work)(struct compaction *, struct asof_error *),
       struct asof_error *err)
{
	enum asof_status status = ASOF_CONFLICT;
	struct asof_error why = { 0 };
	for (int i = 0; i < ATTEMPTS_MAX && status == ASOF_CONFLICT; i++) {
		ASOF_TRY(open_newest(c, err));
		if (!c->has_version)
			return ASOF_OK;
		status = work(c, &why);
		/* A commit that failed may stand all the same, unless it met another. */
		if (status != ASOF_OK && (!c->is_tried || status == ASOF_CONFLICT))
			asof_table_files_remove(&c->added);
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

static void
count_files(const struct compaction *c, size_t *ret_count, uint64_t *ret_bytes)
{
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	*ret_count = snapshot->file_count;
	*ret_bytes = 0;
	for (size_t i = 0; i < snapshot->file_count; i++)
		*ret_bytes += snapshot->files[i].size_bytes;
}

static enum asof_status
report_after(struct compaction *c, struct asof_error *err)
{
	struct asof_compact_report *report = c->report;
	const struct asof_table_snapshot *snapshot = &c->table.snapshot;
	ASOF_TRY(open_newest(c, err));
	count_files(c, &report->files_after, &report->bytes_after);
	report->row_count = snapshot->row_count;
	report->version = asof_version_text(&c->version, c->arena);
	const char *from = asof_property_find(snapshot->properties, snapshot->property_count,
					      ASOF_KNOWN_AT_FROM);
	report->has_known_at_from =
		from && asof_int64_parse(asof_str_from(from), &report->known_at_from_us);
	return report->version ? ASOF_OK : no_memory(err);
}

enum asof_status
asof_compact_view(struct asof_session *session, const struct asof_view *view, uint64_t target_bytes,
		  struct asof_arena *arena, struct asof_compact_report *report,
		  struct asof_error *err)
{
	*report = (struct asof_compact_report){ .version = "" };
	ASOF_AUTO(compaction_done)
	struct compaction c = { .session = session,
				.view = view,
				.target_bytes = target_bytes,
				.arena = arena,
				.report = report };
	ASOF_TRY(asof_session_engine(session, &c.engine, err));
	ASOF_TRY(asof_session_lake(session, &c.lake, err));
	ASOF_TRY(open_newest(&c, err));
	if (!c.has_version)
		return ASOF_OK;
	count_files(&c, &report->files_before, &report->bytes_before);
	if (view->known_at_retention_us > 0)
		ASOF_TRY(repeat(&c, fold_rows, err));
	ASOF_TRY(repeat(&c, merge_files, err));
	return report_after(&c, err);
}
