/* table_commit.c - publishing: one log entry, put if absent. */
#include <assert.h>

#include "base/fault.h"
#include "lake/delta_schema.h"
#include "lake/delta_state.h"
#include "lake/unique.h"

#define WRITER_VERSION 2
#define US_PER_MS      INT64_C(1000)

/* Later than the commit before by a millisecond at least, since that is what the log tells. */
static int64_t
commit_time(const struct asof_delta_state *base, int64_t now_us)
{
	if (base->snapshot.version < 0)
		return now_us < 0 ? 0 : now_us;
	int64_t next_us = (base->snapshot.committed_us / US_PER_MS + 1) * US_PER_MS;
	return now_us < next_us ? next_us : now_us;
}

static enum asof_status
read_base(struct asof_blob *lake, const char *table, const struct asof_table_change *change,
	  struct asof_arena *arena, struct asof_delta_state *ret_base, struct asof_error *err)
{
	struct asof_delta_log log;
	ASOF_TRY(asof_delta_log_list(lake, table, arena, &log, err));
	if (change->base_version > log.newest)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "table '%s' has no version %lld (newest: %lld)", table,
				 (long long)change->base_version, (long long)log.newest);
	if (change->base_version < 0) {
		*ret_base = (struct asof_delta_state){
			.snapshot = { .table = log.table, .version = -1 }, .run_version = -1
		};
		return ASOF_OK;
	}
	ASOF_TRY(asof_delta_state_read(lake, &log, change->base_version, change->run_id, arena,
				       ret_base, err));
	if (ret_base->min_writer > WRITER_VERSION)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "table '%s' wants a writer of protocol %lld, this is one of %d",
				 table, (long long)ret_base->min_writer, WRITER_VERSION);
	return ASOF_OK;
}

static enum asof_status
write_entry(const struct asof_table_change *change, const struct asof_delta_state *base,
	    struct asof_buf *buf, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf schema = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	char fresh_id[ASOF_UNIQUE_TEXT_MAX];
	ASOF_TRY(asof_unique_text(fresh_id, err));
	if (change->fields)
		ASOF_TRY(
			asof_delta_schema_write(change->fields, change->field_count, &schema, err));
	const struct asof_table_snapshot *snapshot = &base->snapshot;
	struct asof_delta_entry entry = {
		.change = change,
		.committed_us = commit_time(base, change->now_us),
		.is_first = snapshot->version < 0,
		.table_id = base->table_id ? base->table_id : fresh_id,
		.table = snapshot->table,
		.schema = asof_buf_view(&schema),
		.fields = change->fields ? change->fields : snapshot->fields,
		.field_count = change->fields ? change->field_count : snapshot->field_count,
		.removed = snapshot->files,
		.removed_count = change->is_overwrite ? snapshot->file_count : 0,
	};
	asof_delta_entry_write(&entry, buf);
	return asof_buf_status(buf, err);
}

static enum asof_status
sync_added(struct asof_blob *lake, const char *table, const struct asof_table_change *change,
	   struct asof_arena *arena, struct asof_error *err)
{
	for (size_t i = 0; i < change->added_count; i++) {
		const char *name = asof_arena_printf(arena, "%s/%s", table, change->added[i].name);
		if (!name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
		ASOF_TRY(asof_blob_sync(lake, name, err));
	}
	return ASOF_OK;
}

struct search {
	const char *run_id;
	bool is_found;
};

static enum asof_status
look_for_run(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	(void)err;
	struct search *search = arg;
	if (action->kind == ASOF_DELTA_TXN &&
	    asof_str_equal(action->run_id, asof_str_from(search->run_id)))
		search->is_found = true;
	return ASOF_OK;
}

/* The place is taken: by ourselves, when an earlier try did not hear that it had succeeded? */
static enum asof_status
find_winner(struct asof_blob *lake, const char *table, int64_t version, const char *run_id,
	    struct asof_buf *buf, struct asof_error *err)
{
	struct search search = { .run_id = run_id };
	ASOF_TRY(asof_delta_entry_read(lake, table, version, buf, look_for_run, &search, err));
	if (search.is_found)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CONFLICT, "table '%s' has a version %lld already", table,
			 (long long)version);
}

static enum asof_status
put_entry(struct asof_blob *lake, const char *table, const struct asof_table_change *change,
	  struct asof_buf *buf, struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	int64_t version = change->base_version + 1;
	ASOF_TRY(asof_delta_log_name(table, version, name, err));
	enum asof_status status = asof_blob_put_if_absent(lake, name, asof_buf_view(buf), err);
	if (status == ASOF_CONFLICT)
		return find_winner(lake, table, version, change->run_id, buf, err);
	return status;
}

enum asof_status
asof_table_commit(struct asof_blob *lake, const char *table, const struct asof_table_change *change,
		  int64_t *ret_version, struct asof_error *err)
{
	assert(lake && table && change && change->run_id && change->operation && ret_version);
	assert(change->base_version >= -1 && (change->base_version >= 0 || change->fields));
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	struct asof_delta_state base;
	ASOF_TRY(read_base(lake, table, change, &arena, &base, err));
	if (base.run_version >= 0) {
		*ret_version = base.run_version;
		return ASOF_OK;
	}
	ASOF_TRY(write_entry(change, &base, &buf, err));
	ASOF_TRY(asof_fault_point("lake.commit.before_sync", err));
	ASOF_TRY(sync_added(lake, table, change, &arena, err));
	ASOF_TRY(asof_fault_point("lake.commit.before_put", err));
	ASOF_TRY(put_entry(lake, table, change, &buf, err));
	ASOF_TRY(asof_fault_point("lake.commit.after_put", err));
	*ret_version = change->base_version + 1;
	return ASOF_OK;
}
