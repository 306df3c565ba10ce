/* table_checkpoint.c - snapshots of a table beside its log. */
#include <assert.h>

#include "base/fault.h"
#include "base/number.h"
#include "lake/delta_snapshot.h"
#include "lake/table_upkeep.h"

static bool
has_version(const struct asof_delta_versions *versions, int64_t version)
{
	for (size_t i = versions->count; i-- > 0;) {
		if (versions->items[i] == version)
			return true;
	}
	return false;
}

bool
asof_table_checkpoint_is_due(const struct asof_table_snapshot *snapshot, int64_t version)
{
	int64_t interval = ASOF_CHECKPOINT_INTERVAL;
	const char *text = asof_property_find(snapshot->properties, snapshot->property_count,
					      ASOF_TABLE_CHECKPOINT_INTERVAL);
	int64_t said;
	if (text && asof_int64_parse(asof_str_from(text), &said) && said > 0)
		interval = said;
	return version > 0 && version % interval == 0;
}

static enum asof_status
put_snapshot(struct asof_blob *lake, const struct asof_delta_state *state, struct asof_buf *buf,
	     struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_TRY(asof_delta_log_name(state->snapshot.table, state->snapshot.version,
				     ASOF_DELTA_SNAPSHOT, name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_delta_snapshot_write(state, buf, err));
	ASOF_TRY(asof_fault_point("lake.checkpoint.before_snapshot", err));
	return asof_blob_put(lake, name, asof_buf_view(buf), err);
}

static enum asof_status
put_last(struct asof_blob *lake, const struct asof_table_snapshot *snapshot, size_t count,
	 struct asof_arena *arena, struct asof_error *err)
{
	const char *name =
		asof_arena_printf(arena, "%s/_delta_log/_last_checkpoint", snapshot->table);
	const char *text = asof_arena_printf(arena, "{\"version\":%lld,\"size\":%zu}",
					     (long long)snapshot->version, count);
	if (!name || !text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checkpoint");
	ASOF_TRY(asof_fault_point("lake.checkpoint.before_last", err));
	ASOF_TRY(asof_blob_put(lake, name, asof_str_from(text), err));
	return asof_fault_point("lake.checkpoint.after_last", err);
}

static enum asof_status
put_parquet(struct asof_blob *lake, const struct asof_delta_state *state,
	    const struct asof_checkpoint_io *io, struct asof_buf *buf, struct asof_arena *arena,
	    struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	size_t count = 0;
	ASOF_AUTO(asof_buf_done) struct asof_buf parquet = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	ASOF_TRY(asof_delta_log_name(state->snapshot.table, state->snapshot.version,
				     ASOF_DELTA_CHECKPOINT, name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_delta_checkpoint_lines(state, buf, &count, err));
	ASOF_TRY(io->write(io->arg, asof_buf_view(buf), &parquet, err));
	ASOF_TRY(asof_fault_point("lake.checkpoint.before_parquet", err));
	ASOF_TRY(asof_blob_put(lake, name, asof_buf_view(&parquet), err));
	return put_last(lake, &state->snapshot, count, arena, err);
}

static enum asof_status
write_checkpoint(struct asof_blob *lake, const char *table, int64_t version,
		 const struct asof_checkpoint_io *io, bool *is_written, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4 * ASOF_DELTA_LOG_BYTES_MAX);
	struct asof_delta_log log;
	struct asof_delta_state state;
	ASOF_TRY(asof_delta_log_list(lake, table, &arena, &log, err));
	if (version < log.first || version > log.newest)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "version %lld is not in the log",
				 (long long)version);
	ASOF_TRY(asof_delta_state_read(lake, &log, version, NULL, io, &arena, &state, err));
	if (!asof_table_checkpoint_is_due(&state.snapshot, version))
		return ASOF_OK;
	if (!has_version(&log.snapshots, version)) {
		ASOF_TRY(put_snapshot(lake, &state, &buf, err));
		*is_written = true;
	}
	if (io && !has_version(&log.checkpoints, version)) {
		ASOF_TRY(put_parquet(lake, &state, io, &buf, &arena, err));
		*is_written = true;
	}
	return ASOF_OK;
}

enum asof_status
asof_table_checkpoint(struct asof_blob *lake, const char *table, int64_t version,
		      const struct asof_checkpoint_io *io, bool *ret_is_written,
		      struct asof_error *err)
{
	assert(lake && table && version >= 0);
	bool is_written = false;
	enum asof_status status = write_checkpoint(lake, table, version, io, &is_written, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "checkpoint of table '%s' at version %lld", table,
				 (long long)version);
	if (ret_is_written)
		*ret_is_written = is_written;
	return ASOF_OK;
}
