#include "job/push_known.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "log of pushes");
}

void
asof_push_known_done(struct asof_push_known *known)
{
	asof_push_ids_done(&known->ids);
	asof_arena_done(&known->arena);
	asof_mem_free(known->files);
}

static enum asof_status
reserve_files(struct asof_push_known *known, size_t count, struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve((void **)&known->files, &known->file_capacity, count,
				  sizeof(*known->files), err));
	known->log.snapshot.files = known->files;
	return ASOF_OK;
}

static enum asof_status
read_all(struct asof_push_known *known, struct asof_session *session,
	 const struct asof_source *source, struct asof_error *err)
{
	struct asof_push_log *log = &known->log;
	asof_arena_reset(&known->arena);
	ASOF_TRY(asof_push_log_read(session, source, &known->arena, log, err));
	const struct asof_table_file *files = log->snapshot.files;
	ASOF_TRY(reserve_files(known, log->snapshot.file_count + 1, err));
	if (log->snapshot.file_count > 0)
		memcpy(known->files, files, log->snapshot.file_count * sizeof(*files));
	ASOF_TRY(asof_table_tail_begin(session->lake, log->table, log->snapshot.version,
				       &known->tail, err));
	return asof_push_ids_read(&known->ids, session, log, err);
}

static enum asof_status
copy_file(struct asof_push_known *known, const struct asof_table_file *file,
	  struct asof_table_file *ret_copy, struct asof_error *err)
{
	*ret_copy = (struct asof_table_file){
		.name = asof_arena_copy(&known->arena, asof_str_from(file->name)),
		.path = asof_arena_copy(&known->arena, asof_str_from(file->path)),
		.size_bytes = file->size_bytes,
		.row_count = file->row_count,
	};
	return ret_copy->name && ret_copy->path ? ASOF_OK : no_memory(err);
}

/* ASOF_CANCELLED: what pushes do not write. */
static enum asof_status
take_commit(void *arg, const struct asof_table_snapshot *commit, struct asof_error *err)
{
	struct asof_push_known *known = arg;
	struct asof_table_snapshot *snapshot = &known->log.snapshot;
	if (commit->file_count != 1)
		return ASOF_FAIL(err, ASOF_CANCELLED, "%zu files", commit->file_count);
	ASOF_TRY(reserve_files(known, snapshot->file_count + 1, err));
	ASOF_TRY(copy_file(known, commit->files, &known->files[snapshot->file_count], err));
	ASOF_TRY(asof_push_ids_take(&known->ids, commit, err));
	snapshot->file_count++;
	snapshot->version = commit->version;
	snapshot->committed_us = commit->committed_us;
	return ASOF_OK;
}

enum asof_status
asof_push_known_refresh(struct asof_push_known *known, struct asof_session *session,
			const struct asof_source *source, struct asof_error *err)
{
	struct asof_error why = { 0 };
	struct asof_blob *lake = NULL;
	bool is_lost = true;
	ASOF_TRY(asof_session_lake(session, &lake, err));
	enum asof_status status = ASOF_OK;
	if (known->is_read)
		status = asof_table_tail_read(lake, known->log.table, &known->tail, take_commit,
					      known, &is_lost, &why);
	known->is_read = false;
	if (status == ASOF_CANCELLED)
		is_lost = true;
	else if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	if (is_lost)
		ASOF_TRY(read_all(known, session, source, err));
	known->is_read = true;
	return ASOF_OK;
}
