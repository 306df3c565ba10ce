/* build_view.c - a view's build from beginning to commit. */
#include "job/build_replace.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/fault.h"
#include "job/build_cursor.h"
#include "job/checkpoint.h"
#include "job/compact_groups.h"
#include "job/compact_view.h"
#include "job/renamed.h"
#include "job/upstream.h"
#include "model/partition.h"

/* So many small files, before this build's, are worth a hint. */
#define COMPACTION_FILES 16

/* The texts that travel with the commit, from which the catalog can be made again. */
static enum asof_status
commit_info(struct asof_view_build *b, int64_t total_rows, const char *version,
	    struct asof_property *info, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf cursor = ASOF_BUF(64u << 20);
	asof_cursor_write(&b->cursor, &cursor);
	ASOF_TRY(asof_buf_status(&cursor, err));
	const char *cursor_text = asof_arena_copy(b->arena, asof_buf_view(&cursor));
	const char *rows = asof_arena_printf(b->arena, "%" PRId64, total_rows);
	if (!cursor_text || !rows)
		return asof_build_no_memory(err, "commit");
	const struct asof_property all[] = {
		{ ASOF_INFO_VERSION, version },
		{ ASOF_INFO_HASH, b->state.hash },
		{ ASOF_INFO_DEFINITION, b->state.json },
		{ ASOF_INFO_RUN, b->run_id },
		{ ASOF_INFO_TAG, b->options->tag ? b->options->tag : "" },
		{ ASOF_INFO_MADE_BY, b->session->made_by },
		{ ASOF_INFO_REASON, b->session->reason },
		{ ASOF_INFO_CURSOR, cursor_text },
		{ ASOF_INFO_ROWS, rows },
	};
	memcpy(info, all, sizeof(all));
	return ASOF_OK;
}
#define INFO_COUNT 9

/* NULL: it is not worth while. */
static const char *
compaction_hint(const struct asof_view_build *b)
{
	size_t merged = 0;
	size_t made = 0;
	if (asof_compact_count(&b->base, b->session->project->file_bytes, b->arena, &merged, &made,
			       NULL) != ASOF_OK)
		return NULL; /* the build stands */
	if (merged < COMPACTION_FILES || merged < 4 * made)
		return NULL;
	return asof_arena_printf(b->arena, "%zu small files: `asof compact %s` makes %zu of them",
				 merged, b->state.view->name, made);
}

/* The columns that only the log has, and by which they come to be. */
static enum asof_status
partition_columns(const struct asof_view_build *b, const char *const **ret_columns,
		  const char **ret_text, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	size_t count = b->partition.count;
	const char **columns = asof_arena_array(b->arena, count, sizeof(*columns));
	if (!columns)
		return asof_build_no_memory(err, "partition");
	for (size_t i = 0; i < count; i++) {
		columns[i] = asof_partition_column(&b->partition.partitions[i], b->arena);
		if (!columns[i])
			return asof_build_no_memory(err, "partition");
	}
	asof_partitions_text(b->partition.partitions, count, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	*ret_text = asof_arena_copy(b->arena, asof_buf_view(&text));
	*ret_columns = columns;
	return *ret_text ? ASOF_OK : asof_build_no_memory(err, "partition");
}

/* Of a table that is written anew: its columns, what keeps its rows apart, and what it is told by.
 */
static enum asof_status
describe_table(const struct asof_view_build *b, struct asof_table_change *change,
	       struct asof_error *err)
{
	const char *partition = NULL;
	size_t count = 0;
	struct asof_property *properties = asof_arena_array(b->arena, 3, sizeof(*properties));
	if (!properties)
		return asof_build_no_memory(err, "properties");
	ASOF_TRY(asof_plan_table_fields(b->state.view, b->plan.layout, b->arena, &change->fields,
					&change->field_count, err));
	ASOF_TRY(partition_columns(b, &change->partition_columns, &partition, err));
	properties[count++] = (struct asof_property){ "asof.view", b->state.view->name };
	if (b->partition.count > 0)
		properties[count++] = (struct asof_property){ ASOF_TABLE_PARTITION, partition };
	/* A range is spliced into rows that were folded, perhaps. */
	const char *known_from =
		asof_property_find(b->base.properties, b->base.property_count, ASOF_KNOWN_AT_FROM);
	if (b->is_splice && known_from)
		properties[count++] = (struct asof_property){ ASOF_KNOWN_AT_FROM, known_from };
	change->properties = properties;
	change->property_count = count;
	change->partition_column_count = b->partition.count;
	return ASOF_OK;
}

/* Rows are added to a table as it is, but for names that its columns have now. */
static enum asof_status
change_schema(const struct asof_view_build *b, struct asof_table_change *change,
	      struct asof_error *err)
{
	if (b->base.version < 0 || b->is_overwrite)
		return describe_table(b, change, err);
	if (!b->has_renamed)
		return ASOF_OK;
	change->fields = b->columns;
	change->field_count = b->base.field_count;
	change->partition_columns = b->base.partition_columns;
	change->partition_column_count = b->base.partition_column_count;
	change->properties = b->base.properties;
	change->property_count = b->base.property_count;
	return ASOF_OK;
}

static enum asof_status
publish(struct asof_view_build *b, const struct asof_table_files *files, struct asof_error *err)
{
	struct asof_property info[INFO_COUNT];
	int64_t total = (b->is_overwrite ? 0 : b->base.row_count - b->removed_row_count) +
			(files ? files->row_count : 0);
	struct asof_version version = { .view = b->state.view->name,
					.major = b->state.major,
					.minor = b->state.minor,
					.patch = b->state.next_patch,
					.definition_hash = b->state.hash,
					.definition_json = b->state.json,
					.row_count = total,
					.published_us = b->now_us,
					.run_id = b->run_id,
					.tag = b->options->tag ? b->options->tag : "",
					.made_by = b->session->made_by,
					.reason = b->session->reason,
					.is_current = true };
	b->report.version = asof_version_text(&version, b->arena);
	if (!b->report.version)
		return asof_build_no_memory(err, "version");
	ASOF_TRY(commit_info(b, total, b->report.version, info, err));
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(b->session);
	struct asof_table_change change = {
		.base_version = b->base.version,
		.is_overwrite = b->is_overwrite && b->base.version >= 0,
		.removed = b->removed,
		.removed_count = b->removed_count,
		.added = files ? files->items : NULL,
		.added_count = files ? files->count : 0,
		.info = info,
		.info_count = INFO_COUNT,
		.operation = "WRITE",
		.run_id = b->run_id,
		.now_us = b->now_us,
		.io = &io,
	};
	ASOF_TRY(change_schema(b, &change, err));
	ASOF_TRY(asof_table_commit(b->lake, b->state.view->name, &change, &version.table_version,
				   err));
	b->report.is_published = true;
	b->report.total_row_count = total;
	if (!b->is_overwrite)
		b->report.compaction = compaction_hint(b);
	ASOF_TRY(asof_fault_point("build.after_commit", err));
	ASOF_TRY(asof_catalog_publish(b->session->catalog, &version, err));
	b->report.warning = asof_checkpoint_after_commit(b->session, version.view,
							 version.table_version, b->arena);
	return ASOF_OK;
}

/* A table without new data gets a version of its own only where the definition moved on. */
static enum asof_status
finish_without_work(struct asof_view_build *b, struct asof_error *err)
{
	const struct asof_version *newest = &b->state.newest;
	b->report.total_row_count = b->base.row_count;
	if (newest->major == b->state.major && newest->minor == b->state.minor &&
	    strcmp(newest->definition_hash, b->state.hash) == 0) {
		b->report.version = asof_version_text(newest, b->arena);
		return b->report.version ? ASOF_OK : asof_build_no_memory(err, "version");
	}
	b->report.reason = "the definition has changed, the data serves";
	return publish(b, NULL, err);
}

static enum asof_status
open_view(struct asof_view_build *b, struct asof_error *err)
{
	const struct asof_view *view = b->state.view;
	ASOF_TRY(asof_session_engine(b->session, &b->engine, err));
	ASOF_TRY(asof_session_lake(b->session, &b->lake, err));
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(b->session);
	ASOF_TRY(asof_table_read_by(b->lake, view->name, -1, &io, b->arena, &b->base, err));
	if (b->base.version >= 0 &&
	    (!b->state.has_newest || b->base.version != b->state.newest.table_version))
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was published meanwhile", view->name);

	/* A commit is later than the one before it, whatever the clock says. */
	b->now_us = asof_session_now_us(b->session);
	if (b->base.version >= 0 && b->now_us <= b->base.committed_us)
		b->now_us = b->base.committed_us + 1000;
	b->run_id = asof_arena_printf(b->arena, "%" PRIx64 "-%x", (uint64_t)b->now_us,
				      (unsigned)getpid());
	if (!b->run_id)
		return asof_build_no_memory(err, "run");
	b->plan.view = view;
	b->plan.commit_us = b->now_us;
	if (asof_view_is_windowed(view)) {
		ASOF_TRY(asof_tile_layout_make(view, b->arena, &b->layout, err));
		b->plan.layout = &b->layout;
	}
	return ASOF_OK;
}

enum asof_status
asof_view_build_begin(struct asof_session *session, const struct asof_view *view,
		      const struct asof_build_options *options, struct asof_arena *arena,
		      struct asof_view_build *b, struct asof_error *err)
{
	*b = (struct asof_view_build){ .session = session, .options = options, .arena = arena };
	ASOF_TRY(asof_upstream_use(session, view->source, view, err));
	ASOF_TRY(asof_view_state_find_published(session, view, arena, &b->state, err));
	ASOF_TRY(open_view(b, err));
	if (asof_upstream_of(view))
		b->report.upstream =
			session->bound[view->source - session->project->sources].upstream_version;
	ASOF_TRY(asof_upstream_behind(session, view, arena, &b->report.upstream_note, err));
	ASOF_TRY(asof_renamed_fields(&b->base, view, arena, &b->columns, &b->has_renamed, err));
	return asof_build_choose_mode(b, err);
}

void
asof_view_build_done(struct asof_view_build *b)
{
	if (!b->tiles)
		return;
	asof_tile_build_free(ASOF_STEAL(b->tiles));
	asof_mem_trim();
}

void
asof_view_build_name_engine(struct asof_view_build *b)
{
	b->report.engine = "sql";
	if (b->options->is_sql)
		b->report.engine_reason = "asked for";
	if (b->is_splice)
		b->report.engine_reason = "a range is spliced into the table";
	if (asof_build_is_replacing(b))
		b->report.engine_reason = "rows and tiles are replaced";
}

/* By the kernel where it can, else by SQL. */
static enum asof_status
compute(struct asof_view_build *b, uint64_t max_bytes, struct asof_error *err)
{
	asof_view_build_name_engine(b);
	if (!asof_view_build_is_by_kernel(b))
		return ASOF_OK;
	if (!b->tiles && !b->is_too_large) {
		enum asof_status status = asof_view_build_scan(&b, 1, max_bytes, err);
		if (status != ASOF_OK && status != ASOF_LIMIT)
			return status;
	}
	if (b->tiles)
		b->report.engine = "kernel";
	else
		b->report.engine_reason = "memory";
	return ASOF_OK;
}

static enum asof_status
write_pass(struct asof_view_build *b, uint64_t max_bytes, struct asof_table_files *ret_files,
	   struct asof_error *err)
{
	ASOF_TRY(compute(b, max_bytes, err));
	ASOF_TRY(asof_build_profile(b, err));
	ASOF_TRY(asof_fault_point("build.before_write", err));
	ASOF_TRY(asof_build_write(b, ret_files, err));
	asof_view_build_done(b); /* memory for those that wait */
	return ASOF_OK;
}

static enum asof_status
add_files(struct asof_table_files *files, const struct asof_table_files *more,
	  struct asof_error *err)
{
	size_t count = files->count + more->count;
	struct asof_table_file *items = asof_arena_array(files->arena, count, sizeof(*items));
	if (!items)
		return asof_build_no_memory(err, "files");
	if (files->count > 0)
		memcpy(items, files->items, files->count * sizeof(*items));
	if (more->count > 0)
		memcpy(items + files->count, more->items, more->count * sizeof(*items));
	files->items = items;
	files->count = files->capacity = count;
	files->row_count += more->row_count;
	files->size_bytes += more->size_bytes;
	return ASOF_OK;
}

/* What is open, behind what is settled. */
static enum asof_status
write_second_pass(struct asof_view_build *b, uint64_t max_bytes, struct asof_table_files *files,
		  struct asof_error *err)
{
	const struct asof_build_report first = b->report;
	struct asof_table_files more;
	b->plan.source.cursor = b->passes[1];
	ASOF_TRY(write_pass(b, max_bytes, &more, err));
	b->report.source_row_count += first.source_row_count;
	b->report.bad_row_count += first.bad_row_count;
	b->report.null_key_row_count += first.null_key_row_count;
	b->report.floored_row_count += first.floored_row_count;
	enum asof_status status = asof_build_cursor_note(b, more.items, more.count, err);
	if (status == ASOF_OK)
		status = add_files(files, &more, err);
	if (status != ASOF_OK)
		asof_table_files_remove(&more);
	return status;
}

static enum asof_status
write_passes(struct asof_view_build *b, uint64_t max_bytes, struct asof_table_files *ret_files,
	     struct asof_error *err)
{
	ASOF_TRY(write_pass(b, max_bytes, ret_files, err));
	enum asof_status status = ASOF_OK;
	if (b->pass_count == 2)
		status = write_second_pass(b, max_bytes, ret_files, err);
	else if (b->pass_count == 1 && b->open_pass == 0)
		status = asof_build_cursor_note(b, ret_files->items, ret_files->count, err);
	if (status != ASOF_OK)
		asof_table_files_remove(ret_files);
	return status;
}

static enum asof_status
compute_and_publish(struct asof_view_build *b, uint64_t max_bytes, struct asof_error *err)
{
	struct asof_table_files files;
	ASOF_TRY(write_passes(b, max_bytes, &files, err));
	b->report.row_count = files.row_count;
	b->report.size_bytes = files.size_bytes;
	b->report.file_count = files.count;
	enum asof_status status = asof_cancel_check(&b->session->cancel, err);
	if (status == ASOF_OK)
		status = asof_fault_point("build.before_commit", err);
	bool is_tried = status == ASOF_OK;
	if (is_tried)
		status = publish(b, &files, err);
	/* A commit that failed may stand all the same: its files go only where it surely does not.
	 */
	if (!b->report.is_published && (!is_tried || status == ASOF_CONFLICT))
		asof_table_files_remove(&files);
	return status;
}

static enum asof_status
replace_and_publish(struct asof_view_build *b, uint64_t max_bytes, struct asof_error *err)
{
	enum asof_status status = asof_build_replace_begin(b, err);
	if (status == ASOF_OK)
		status = compute_and_publish(b, max_bytes, err);
	asof_build_replace_end(b);
	return status;
}

enum asof_status
asof_view_build_finish(struct asof_view_build *b, uint64_t max_bytes, struct asof_error *err)
{
	if (b->state.change != ASOF_VIEW_SAME)
		ASOF_TRY(asof_view_state_register(b->session, &b->state, err));
	if (!b->has_work)
		return finish_without_work(b, err);
	if (asof_build_is_replacing(b))
		return replace_and_publish(b, max_bytes, err);
	return compute_and_publish(b, max_bytes, err);
}
