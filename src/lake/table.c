/* table.c - reading our tables: snapshots, history, names for new files. */
#include "lake/table.h"

#include <assert.h>

#include "lake/delta_state.h"
#include "lake/delta_stats.h"
#include "lake/unique.h"

#define READS_MAX 3

const char *
asof_property_find(const struct asof_property *properties, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(properties[i].name, name) == 0)
			return properties[i].value;
	}
	return NULL;
}

static enum asof_status
read_listed(struct asof_blob *lake, const char *table, int64_t version,
	    const struct asof_checkpoint_io *io, struct asof_arena *arena,
	    struct asof_table_snapshot *ret_snapshot, struct asof_error *err)
{
	struct asof_delta_log log;
	struct asof_delta_state state;
	ASOF_TRY(asof_delta_log_list(lake, table, arena, &log, err));
	if (version > log.newest)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "table '%s' has no version %lld (newest: %lld)", table,
				 (long long)version, (long long)log.newest);
	if (log.newest < 0) {
		*ret_snapshot = (struct asof_table_snapshot){ .table = log.table, .version = -1 };
		return ASOF_OK;
	}
	ASOF_TRY(asof_delta_state_read(lake, &log, version < 0 ? log.newest : version, NULL, io,
				       arena, &state, err));
	*ret_snapshot = state.snapshot;
	return ASOF_OK;
}

/* What was listed may have been cleaned up before it was read: then the list is another. */
enum asof_status
asof_table_read_by(struct asof_blob *lake, const char *table, int64_t version,
		   const struct asof_checkpoint_io *io, struct asof_arena *arena,
		   struct asof_table_snapshot *ret_snapshot, struct asof_error *err)
{
	assert(lake && table && version >= -1 && arena && ret_snapshot);
	enum asof_status status = ASOF_NOT_FOUND;
	for (int i = 0; i < READS_MAX && status == ASOF_NOT_FOUND; i++)
		status = read_listed(lake, table, version, io, arena, ret_snapshot, err);
	return status;
}

enum asof_status
asof_table_read(struct asof_blob *lake, const char *table, int64_t version,
		struct asof_arena *arena, struct asof_table_snapshot *ret_snapshot,
		struct asof_error *err)
{
	return asof_table_read_by(lake, table, version, NULL, arena, ret_snapshot, err);
}

enum asof_status
asof_table_file_read_stats(struct asof_table_file *file, struct asof_arena *arena,
			   struct asof_error *err)
{
	if (file->stats || file->stats_text.len == 0)
		return ASOF_OK;
	enum asof_status status = asof_delta_stats_read(file->stats_text, arena, file, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "file '%s'", file->name);
	return ASOF_OK;
}

enum asof_status
asof_table_find_version(struct asof_blob *lake, const char *table, int64_t at_us,
			int64_t *ret_version, struct asof_error *err)
{
	assert(lake && table && ret_version);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	struct asof_delta_log log;
	ASOF_TRY(asof_delta_log_list(lake, table, &arena, &log, err));
	if (log.newest < 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "table '%s' does not exist", table);
	/* Times ascend: the last one not after at_us lies before `end`. */
	int64_t begin = log.first;
	int64_t end = log.newest + 1;
	while (begin < end) {
		int64_t middle = begin + (end - begin) / 2;
		int64_t committed_us;
		ASOF_TRY(asof_delta_commit_time(lake, &log, middle, &buf, &committed_us, err));
		if (committed_us <= at_us)
			begin = middle + 1;
		else
			end = middle;
	}
	if (begin == log.first)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "table '%s': its oldest known version, %lld, is younger than that",
				 table, (long long)log.first);
	*ret_version = begin - 1;
	return ASOF_OK;
}

enum asof_status
asof_table_new_file_in(struct asof_blob *lake, const char *table, const char *directory,
		       struct asof_arena *arena, const char **ret_name, const char **ret_path,
		       struct asof_error *err)
{
	assert(lake && table && directory && arena && ret_name && ret_path);
	char unique[ASOF_UNIQUE_TEXT_MAX];
	ASOF_TRY(asof_unique_text(unique, err));
	const char *name = asof_arena_printf(arena, "%spart-%s.parquet", directory, unique);
	const char *object =
		asof_arena_printf(arena, "%s/%spart-%s.parquet", table, directory, unique);
	if (!name || !object)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "file of '%s'", table);
	ASOF_TRY(asof_blob_locate(lake, object, arena, ret_path, err));
	*ret_name = name;
	return ASOF_OK;
}

enum asof_status
asof_table_new_file(struct asof_blob *lake, const char *table, struct asof_arena *arena,
		    const char **ret_name, const char **ret_path, struct asof_error *err)
{
	return asof_table_new_file_in(lake, table, "", arena, ret_name, ret_path, err);
}

/* What is told of one commit; lives in `arena` until the next. */
struct told {
	struct asof_arena arena;
	int64_t committed_us;
	const char *operation;
	struct asof_property *info;
	size_t info_count;
};

static void
told_done(struct told *told)
{
	asof_arena_done(&told->arena);
}

static enum asof_status
hear(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct told *told = arg;
	if (action->kind != ASOF_DELTA_COMMIT_INFO)
		return ASOF_OK;
	const struct asof_delta_commit_info *commit = &action->commit;
	if (commit->committed_us >= 0)
		told->committed_us = commit->committed_us;
	told->operation = asof_arena_copy(&told->arena, commit->operation);
	told->info =
		asof_arena_array(&told->arena, commit->info_count, sizeof(struct asof_property));
	if (!told->operation || !told->info)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "commit");
	for (size_t i = 0; i < commit->info_count; i++) {
		struct asof_property *copy = &told->info[i];
		copy->name = asof_arena_copy(&told->arena, asof_str_from(commit->info[i].name));
		copy->value = asof_arena_copy(&told->arena, asof_str_from(commit->info[i].value));
		if (!copy->name || !copy->value)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "commit");
	}
	told->info_count = commit->info_count;
	return ASOF_OK;
}

enum asof_status
asof_table_history(struct asof_blob *lake, const char *table, asof_table_history_fn *visit,
		   void *arg, struct asof_error *err)
{
	assert(lake && table && visit);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	ASOF_AUTO(told_done) struct told told = { 0 };
	struct asof_delta_log log;
	ASOF_TRY(asof_delta_log_list(lake, table, &arena, &log, err));
	for (int64_t version = log.newest; version >= log.first; version--) {
		asof_arena_reset(&told.arena);
		told = (struct told){ .arena = told.arena,
				      .committed_us = log.modified_us[version - log.first],
				      .operation = "" };
		enum asof_status status =
			asof_delta_entry_read(lake, table, version, &buf, hear, &told, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "table '%s'", table);
		ASOF_TRY(visit(arg, version, told.committed_us, told.operation, told.info,
			       told.info_count, err));
	}
	return ASOF_OK;
}
