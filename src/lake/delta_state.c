/* delta_state.c - what a table's log says at one version: a snapshot or checkpoint, and the entries
 * after it. */
#include "lake/delta_state.h"

#include <assert.h>
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "lake/delta_schema.h"
#include "lake/delta_snapshot.h"
#include "lake/delta_stats.h"
#include "lake/table_mapping.h"

/* --- the state ---------------------------------------------------------------------------------
 */

struct file {
	struct asof_table_file file; /* strings in the caller's arena; no path yet */
	bool is_active;
};

struct replay {
	struct asof_arena *arena;
	struct asof_delta_state state;
	const char *run_id;
	int64_t version;  /* being read */
	bool is_snapshot; /* not an entry */
	bool has_protocol;
	bool has_commit_info;
	struct file *files; /* owned, in the order added */
	size_t file_count;
	size_t file_capacity;
	struct asof_map places;      /* name -> its index in `files` + 1, while active */
	struct asof_delta_txn *txns; /* owned */
	size_t txn_count;
	size_t txn_capacity;
	struct asof_delta_remove *removed; /* owned */
	size_t removed_count;
	size_t removed_capacity;
};

static void
replay_done(struct replay *replay)
{
	asof_mem_free(replay->files);
	asof_mem_free(replay->txns);
	asof_mem_free(replay->removed);
	asof_map_done(&replay->places);
}

static bool
forget_file(struct replay *replay, struct asof_str name)
{
	void *place;
	if (!asof_map_find(&replay->places, name, &place))
		return false;
	replay->files[(uintptr_t)place - 1].is_active = false;
	return asof_map_remove(&replay->places, name);
}

static enum asof_status
keep_str(struct asof_arena *arena, struct asof_str text, const char **ret_copy,
	 struct asof_error *err)
{
	const char *copy = asof_arena_copy(arena, text);
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	*ret_copy = copy;
	return ASOF_OK;
}

static enum asof_status
keep_text(struct asof_arena *arena, struct asof_str text, struct asof_str *ret_text,
	  struct asof_error *err)
{
	const char *copy = NULL;
	ASOF_TRY(keep_str(arena, text, &copy, err));
	*ret_text = (struct asof_str){ copy, text.len };
	return ASOF_OK;
}

static enum asof_status
keep_properties(struct asof_arena *arena, const struct asof_property *from, size_t count,
		const struct asof_property **ret_properties, struct asof_error *err)
{
	struct asof_property *copies = asof_arena_array(arena, count, sizeof(*copies));
	if (!copies)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "properties");
	for (size_t i = 0; i < count; i++) {
		ASOF_TRY(keep_str(arena, asof_str_from(from[i].name), &copies[i].name, err));
		ASOF_TRY(keep_str(arena, asof_str_from(from[i].value), &copies[i].value, err));
	}
	*ret_properties = copies;
	return ASOF_OK;
}

static enum asof_status
keep_file(struct replay *replay, const struct asof_delta_add *add, struct asof_error *err)
{
	(void)forget_file(replay, add->name);
	ASOF_TRY(asof_mem_reserve((void **)&replay->files, &replay->file_capacity,
				  replay->file_count + 1, sizeof(*replay->files), err));
	struct file file = { .file = { .size_bytes = (uint64_t)add->size_bytes,
				       .modified_ms = add->modified_ms,
				       .row_count = add->row_count },
			     .is_active = true };
	ASOF_TRY(keep_str(replay->arena, add->name, &file.file.name, err));
	ASOF_TRY(keep_text(replay->arena, add->stats, &file.file.stats_text, err));
	ASOF_TRY(keep_properties(replay->arena, add->partition, add->partition_count,
				 &file.file.partition, err));
	file.file.partition_count = add->partition_count;
	ASOF_TRY(asof_map_put(&replay->places, add->name,
			      (void *)(uintptr_t)(replay->file_count + 1), err));
	replay->files[replay->file_count++] = file;
	return ASOF_OK;
}

static enum asof_status
keep_removed(struct replay *replay, const struct asof_delta_remove *remove, struct asof_error *err)
{
	if (!forget_file(replay, remove->name) && !replay->is_snapshot)
		return ASOF_OK;
	ASOF_TRY(asof_mem_reserve((void **)&replay->removed, &replay->removed_capacity,
				  replay->removed_count + 1, sizeof(*replay->removed), err));
	struct asof_delta_remove *copy = &replay->removed[replay->removed_count];
	*copy = *remove;
	ASOF_TRY(keep_text(replay->arena, remove->name, &copy->name, err));
	replay->removed_count++;
	return ASOF_OK;
}

static enum asof_status
keep_txn(struct replay *replay, const struct asof_delta_txn *txn, struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve((void **)&replay->txns, &replay->txn_capacity,
				  replay->txn_count + 1, sizeof(*replay->txns), err));
	struct asof_delta_txn *copy = &replay->txns[replay->txn_count];
	*copy = *txn;
	ASOF_TRY(keep_text(replay->arena, txn->id, &copy->id, err));
	replay->txn_count++;
	if (replay->run_id && asof_str_equal(txn->id, asof_str_from(replay->run_id)))
		replay->state.run_version = replay->is_snapshot ? txn->version : replay->version;
	return ASOF_OK;
}

/* A reader reads no table of a later protocol; by name, what it would have to know. */
static enum asof_status
refuse_protocol(const struct asof_delta_protocol *protocol, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(4096);
	for (size_t i = 0; i < protocol->reader_feature_count; i++)
		asof_buf_printf(&names, "%s%s", i ? ", " : ": ", protocol->reader_features[i]);
	return ASOF_FAIL(err, ASOF_UNSUPPORTED,
			 "the table wants a reader of protocol %lld, this is one of %d%s",
			 (long long)protocol->min_reader, ASOF_MAPPING_READER,
			 asof_buf_cstr(&names));
}

static enum asof_status
keep_protocol(struct replay *replay, const struct asof_delta_action *action, struct asof_error *err)
{
	const struct asof_delta_protocol *protocol = &action->protocol;
	if (protocol->min_reader > ASOF_MAPPING_READER)
		return refuse_protocol(protocol, err);
	replay->has_protocol = true;
	replay->state.min_writer = protocol->min_writer;
	return keep_text(replay->arena, action->line, &replay->state.protocol_line, err);
}

static bool
is_partition_column(const struct asof_table_snapshot *snapshot, const char *name)
{
	for (size_t i = 0; i < snapshot->partition_column_count; i++) {
		if (strcmp(snapshot->partition_columns[i], name) == 0)
			return true;
	}
	return false;
}

/* Stored names and numbers count only where the table is mapped by name. */
static enum asof_status
keep_columns(struct replay *replay, const struct asof_delta_metadata *metadata,
	     struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	const struct asof_field *fields = NULL;
	size_t count = 0;
	bool is_mapped = false;
	ASOF_TRY(
		asof_mapping_read(metadata->properties, metadata->property_count, &is_mapped, err));
	ASOF_TRY(asof_delta_schema_read(metadata->schema, replay->arena, &fields, &count, err));
	struct asof_field *columns = asof_arena_array(replay->arena, count, sizeof(*columns));
	if (!columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < count; i++) {
		columns[i] = fields[i];
		if (!is_mapped) {
			columns[i].stored = NULL;
			columns[i].id = 0;
		}
	}
	replay->state.columns = snapshot->fields = columns;
	replay->state.column_count = snapshot->field_count = count;
	return ASOF_OK;
}

/* Files of ours hold all that is read of them; those of others leave out what they are partitioned
 * by. */
static enum asof_status
keep_partition_columns(struct replay *replay, const struct asof_delta_metadata *metadata,
		       struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	size_t count = metadata->partition_column_count;
	const char **names = asof_arena_array(replay->arena, count, sizeof(*names));
	struct asof_field *fields =
		asof_arena_array(replay->arena, snapshot->field_count, sizeof(*fields));
	if (!names || !fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(keep_str(replay->arena, asof_str_from(metadata->partition_columns[i]),
				  &names[i], err));
	snapshot->partition_columns = names;
	snapshot->partition_column_count = count;
	size_t kept = 0;
	for (size_t i = 0; i < snapshot->field_count; i++) {
		if (!is_partition_column(snapshot, snapshot->fields[i].name))
			fields[kept++] = snapshot->fields[i];
	}
	snapshot->fields = fields;
	snapshot->field_count = kept;
	return ASOF_OK;
}

static enum asof_status
keep_metadata(struct replay *replay, const struct asof_delta_action *action, struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	const struct asof_delta_metadata *metadata = &action->metadata;
	if (metadata->partition_column_count > 0 &&
	    !asof_property_find(metadata->properties, metadata->property_count,
				ASOF_TABLE_PARTITION))
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the table is partitioned by '%s', and not by asof",
				 metadata->partition_columns[0]);
	ASOF_TRY(keep_str(replay->arena, metadata->id, &replay->state.table_id, err));
	ASOF_TRY(keep_text(replay->arena, action->line, &replay->state.metadata_line, err));
	ASOF_TRY(keep_columns(replay, metadata, err));
	ASOF_TRY(keep_properties(replay->arena, metadata->properties, metadata->property_count,
				 &snapshot->properties, err));
	snapshot->property_count = metadata->property_count;
	return keep_partition_columns(replay, metadata, err);
}

/* Only the last version's is looked at. */
static enum asof_status
keep_commit_info(struct replay *replay, const struct asof_delta_action *action,
		 struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	const struct asof_delta_commit_info *commit = &action->commit;
	if (replay->version != snapshot->version)
		return ASOF_OK;
	if (commit->committed_us >= 0) {
		snapshot->committed_us = commit->committed_us;
		replay->has_commit_info = true;
	}
	ASOF_TRY(keep_text(replay->arena, action->line, &replay->state.commit_line, err));
	ASOF_TRY(keep_properties(replay->arena, commit->info, commit->info_count, &snapshot->info,
				 err));
	snapshot->info_count = commit->info_count;
	return ASOF_OK;
}

static enum asof_status
apply(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct replay *replay = arg;
	switch (action->kind) {
	case ASOF_DELTA_PROTOCOL:
		return keep_protocol(replay, action, err);
	case ASOF_DELTA_METADATA:
		return keep_metadata(replay, action, err);
	case ASOF_DELTA_ADD:
		return keep_file(replay, &action->add, err);
	case ASOF_DELTA_REMOVE:
		return keep_removed(replay, &action->remove, err);
	case ASOF_DELTA_TXN:
		return keep_txn(replay, &action->txn, err);
	case ASOF_DELTA_COMMIT_INFO:
		return keep_commit_info(replay, action, err);
	case ASOF_DELTA_OTHER:
		break;
	}
	return ASOF_OK;
}

static enum asof_status
apply_commit_info(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	return action->kind == ASOF_DELTA_COMMIT_INFO ? keep_commit_info(arg, action, err)
						      : ASOF_OK;
}

/* --- its end -----------------------------------------------------------------------------------
 */

/* How the engine names the table's directory, with "/" behind it. */
static enum asof_status
locate_table(struct asof_blob *lake, const char *table, struct asof_arena *arena,
	     struct asof_str *ret_directory, struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	const char *path = NULL;
	int len = snprintf(name, sizeof(name), "%s/x", table);
	assert(len > 0 && (size_t)len < sizeof(name));
	ASOF_TRY(asof_blob_locate(lake, name, arena, &path, err));
	*ret_directory = (struct asof_str){ path, strlen(path) - 1 };
	return ASOF_OK;
}

/* Ours begin with the number of rows; others' are read for it. */
static enum asof_status
find_row_count(struct asof_table_file *file, struct asof_error *err)
{
	static const char start[] = "{\"numRecords\":";
	struct asof_str text = file->stats_text;
	if (text.len == 0 || file->row_count >= 0)
		return ASOF_OK;
	if (text.len > sizeof(start) && memcmp(text.ptr, start, sizeof(start) - 1) == 0) {
		struct asof_str digits = { text.ptr + sizeof(start) - 1, 0 };
		size_t most = text.len - (sizeof(start) - 1);
		while (digits.len < most && digits.ptr[digits.len] >= '0' &&
		       digits.ptr[digits.len] <= '9')
			digits.len++;
		if (asof_int64_parse(digits, &file->row_count))
			return ASOF_OK;
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	struct asof_table_file parsed = { 0 };
	ASOF_TRY(asof_delta_stats_read(text, &scratch, &parsed, err));
	file->row_count = parsed.row_count;
	return ASOF_OK;
}

static enum asof_status
finish_file(struct asof_table_file *file, struct asof_str directory, struct asof_arena *arena,
	    struct asof_error *err)
{
	size_t name_len = strlen(file->name);
	char *path = asof_arena_alloc(arena, directory.len + name_len + 1);
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	memcpy(path, directory.ptr, directory.len);
	memcpy(path + directory.len, file->name, name_len);
	file->path = path;
	enum asof_status status = find_row_count(file, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "file '%s'", file->name);
	return ASOF_OK;
}

static enum asof_status
finish_files(struct replay *replay, struct asof_blob *lake, struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	struct asof_str directory;
	ASOF_TRY(locate_table(lake, snapshot->table, replay->arena, &directory, err));
	struct asof_table_file *files =
		asof_arena_array(replay->arena, replay->places.count, sizeof(*files));
	if (!files)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", replay->places.count);
	for (size_t i = 0; i < replay->file_count; i++) {
		if (!replay->files[i].is_active)
			continue;
		struct asof_table_file *file = &files[snapshot->file_count];
		*file = replay->files[i].file;
		ASOF_TRY(finish_file(file, directory, replay->arena, err));
		snapshot->file_count++;
		bool is_known = snapshot->row_count >= 0 && file->row_count >= 0;
		if (!is_known || __builtin_add_overflow(snapshot->row_count, file->row_count,
							&snapshot->row_count))
			snapshot->row_count = -1;
	}
	snapshot->files = files;
	return ASOF_OK;
}

/* What came back after it was removed is no tombstone. */
static enum asof_status
finish_rest(struct replay *replay, struct asof_error *err)
{
	struct asof_delta_state *state = &replay->state;
	struct asof_delta_txn *txns =
		asof_arena_array(replay->arena, replay->txn_count, sizeof(*txns));
	struct asof_delta_remove *removed =
		asof_arena_array(replay->arena, replay->removed_count, sizeof(*removed));
	if (!txns || !removed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	if (replay->txn_count > 0)
		memcpy(txns, replay->txns, replay->txn_count * sizeof(*txns));
	state->txns = txns;
	state->txn_count = replay->txn_count;
	for (size_t i = 0; i < replay->removed_count; i++) {
		if (!asof_map_find(&replay->places, replay->removed[i].name, NULL))
			removed[state->removed_count++] = replay->removed[i];
	}
	state->removed = removed;
	return ASOF_OK;
}

/* --- its beginning -----------------------------------------------------------------------------
 */

static struct replay
begin_replay(const struct asof_delta_log *log, int64_t version, const char *run_id,
	     struct asof_arena *arena)
{
	return (struct replay){
		.arena = arena,
		.run_id = run_id,
		.state = { .run_version = -1,
			   .snapshot = { .table = log->table, .version = version } },
	};
}

/* Nothing of it stays where it cannot be used. */
static void
forget_all(struct replay *replay)
{
	struct replay fresh = { .arena = replay->arena,
				.run_id = replay->run_id,
				.state = { .run_version = -1 } };
	fresh.state.snapshot.table = replay->state.snapshot.table;
	fresh.state.snapshot.version = replay->state.snapshot.version;
	replay_done(replay);
	*replay = fresh;
}

static enum asof_status
load_snapshot(struct replay *replay, struct asof_blob *lake, int64_t version, struct asof_buf *buf,
	      struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_TRY(asof_delta_log_name(replay->state.snapshot.table, version, ASOF_DELTA_SNAPSHOT,
				     name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_blob_read(lake, name, buf, err));
	return asof_delta_snapshot_read(asof_buf_view(buf), version, apply, replay, err);
}

static enum asof_status
load_checkpoint(struct replay *replay, struct asof_blob *lake, int64_t version,
		const struct asof_checkpoint_io *io, struct asof_buf *buf, struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_AUTO(asof_buf_done) struct asof_buf lines = ASOF_BUF(4 * ASOF_DELTA_LOG_BYTES_MAX);
	ASOF_TRY(asof_delta_log_name(replay->state.snapshot.table, version, ASOF_DELTA_CHECKPOINT,
				     name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_blob_read(lake, name, buf, err));
	enum asof_status status = io->read(io->arg, asof_buf_view(buf), &lines, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "'%s'", name);
	return asof_delta_lines_read(asof_buf_view(&lines), name, apply, replay, err);
}

/* Begin with the newest snapshot of ours that is whole; true: the entries after it are next. */
static enum asof_status
begin_with_snapshot(struct replay *replay, struct asof_blob *lake, const struct asof_delta_log *log,
		    struct asof_buf *buf, bool *ret_has_begun, struct asof_error *err)
{
	replay->is_snapshot = true;
	for (size_t i = log->snapshots.count; i-- > 0 && !*ret_has_begun;) {
		int64_t version = log->snapshots.items[i];
		if (version > replay->state.snapshot.version || version < log->first - 1)
			continue;
		struct asof_error ignored = { 0 };
		replay->version = version;
		enum asof_status status = load_snapshot(replay, lake, version, buf, &ignored);
		if (status == ASOF_NO_MEMORY)
			return ASOF_FAIL(err, status, "%s", ignored.message);
		*ret_has_begun =
			status == ASOF_OK && replay->has_protocol && replay->state.table_id;
		if (!*ret_has_begun) {
			forget_all(replay);
			replay->is_snapshot = true;
		}
	}
	return ASOF_OK;
}

static enum asof_status
begin_with_checkpoint(struct replay *replay, struct asof_blob *lake,
		      const struct asof_delta_log *log, const struct asof_checkpoint_io *io,
		      struct asof_buf *buf, struct asof_error *err)
{
	int64_t wanted = replay->state.snapshot.version;
	for (size_t i = log->checkpoints.count; io && i-- > 0;) {
		int64_t version = log->checkpoints.items[i];
		if (version > wanted || version < log->first - 1)
			continue;
		replay->version = version;
		ASOF_TRY(load_checkpoint(replay, lake, version, io, buf, err));
		/* A checkpoint has no commitInfo; its entry, which may still be there, does. */
		if (version < log->first)
			return ASOF_OK;
		return asof_delta_entry_read(lake, log->table, version, buf, apply_commit_info,
					     replay, err);
	}
	int64_t oldest = asof_delta_log_oldest(log, true);
	if (oldest <= log->newest && wanted < oldest)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "version %lld was vacuumed (kept: %lld to %lld)",
				 (long long)wanted, (long long)oldest, (long long)log->newest);
	if (log->has_checkpoint)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED, "its log begins with a checkpoint");
	return ASOF_FAIL(err, ASOF_CORRUPT, "version %lld is missing in its log",
			 (long long)log->first - 1);
}

static enum asof_status
begin(struct replay *replay, struct asof_blob *lake, const struct asof_delta_log *log,
      const struct asof_checkpoint_io *io, struct asof_buf *buf, struct asof_error *err)
{
	bool has_begun = false;
	ASOF_TRY(begin_with_snapshot(replay, lake, log, buf, &has_begun, err));
	if (!has_begun && log->first > 0) {
		ASOF_TRY(begin_with_checkpoint(replay, lake, log, io, buf, err));
		has_begun = true;
	}
	replay->version = has_begun ? replay->version + 1 : 0;
	replay->is_snapshot = false;
	return ASOF_OK;
}

static enum asof_status
replay_log(struct replay *replay, struct asof_blob *lake, const struct asof_delta_log *log,
	   const struct asof_checkpoint_io *io, struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	ASOF_TRY(begin(replay, lake, log, io, &buf, err));
	for (; replay->version <= snapshot->version; replay->version++)
		ASOF_TRY(asof_delta_entry_read(lake, log->table, replay->version, &buf, apply,
					       replay, err));
	if (!replay->has_protocol || !replay->state.table_id)
		return ASOF_FAIL(err, ASOF_CORRUPT, "its log has no %s",
				 replay->has_protocol ? "metaData" : "protocol");
	if (!replay->has_commit_info && snapshot->version >= log->first)
		snapshot->committed_us = log->modified_us[snapshot->version - log->first];
	ASOF_TRY(finish_files(replay, lake, err));
	return finish_rest(replay, err);
}

enum asof_status
asof_delta_state_read(struct asof_blob *lake, const struct asof_delta_log *log, int64_t version,
		      const char *run_id, const struct asof_checkpoint_io *io,
		      struct asof_arena *arena, struct asof_delta_state *ret_state,
		      struct asof_error *err)
{
	assert(version >= 0 && version <= log->newest);
	ASOF_AUTO(replay_done) struct replay replay = begin_replay(log, version, run_id, arena);
	enum asof_status status = replay_log(&replay, lake, log, io, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "table '%s'", log->table);
	*ret_state = replay.state;
	return ASOF_OK;
}
