/*
 * table_commit.c - publishing: one log entry, put if absent.
 *
 * Before each try it is read what others have committed since the base: a change that depends on
 * the base ends there, unless others have only moved rows into other files; a blind one goes
 * through at the next version if nothing it needs has moved.
 */
#include <assert.h>

#include "base/fault.h"
#include "base/map.h"
#include "base/pause.h"
#include "lake/delta_schema.h"
#include "lake/delta_state.h"
#include "lake/table_evolve.h"
#include "lake/table_mapping.h"
#include "lake/table_tail.h"
#include "lake/unique.h"

#define US_PER_MS INT64_C(1000)
#define TRIES_MAX 10

static const struct asof_pause retry_pause = { .first_ms = 4, .most_ms = 200 };

struct commit {
	struct asof_blob *lake;
	const char *table;
	const struct asof_table_change *change;
	struct asof_arena arena;
	struct asof_buf buf;
	struct asof_delta_state base;
	const struct asof_table_file **removed;
	size_t removed_count;
	struct asof_map leaving; /* their names, where others may not remove them first */
	/* What others have done since. */
	int64_t version;      /* the newest that was looked at */
	int64_t committed_us; /* its time */
	int64_t run_version;  /* at which this very run has committed; -1 */
	bool is_table_changed;
	bool has_other_rows;    /* something was added or removed, not only moved */
	bool has_other_version; /* without a file */
	/* Of the entry that is being read. */
	bool has_files;
	bool has_rows;    /* that were not there before, or are not any more */
	const char *lost; /* a file of `leaving` that is gone */
};

static void
commit_done(struct commit *c)
{
	asof_map_done(&c->leaving);
	asof_buf_done(&c->buf);
	asof_arena_done(&c->arena);
}

/* Later than the commit before by a millisecond at least, since that is what the log tells. */
static int64_t
commit_time(const struct commit *c)
{
	int64_t now_us = c->change->now_us;
	if (c->version < 0)
		return now_us < 0 ? 0 : now_us;
	int64_t next_us = (c->committed_us / US_PER_MS + 1) * US_PER_MS;
	return now_us < next_us ? next_us : now_us;
}

/* --- the base ----------------------------------------------------------------------------------
 */

static enum asof_status
read_base(struct commit *c, struct asof_error *err)
{
	const struct asof_table_change *change = c->change;
	struct asof_delta_log log;
	ASOF_TRY(asof_delta_log_list(c->lake, c->table, &c->arena, &log, err));
	if (change->base_version > log.newest)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "table '%s' has no version %lld (newest: %lld)", c->table,
				 (long long)change->base_version, (long long)log.newest);
	c->version = change->base_version;
	if (change->base_version < 0) {
		c->base = (struct asof_delta_state){
			.snapshot = { .table = log.table, .version = -1 }, .run_version = -1
		};
		c->run_version = -1;
		return ASOF_OK;
	}
	ASOF_TRY(asof_delta_state_read(c->lake, &log, change->base_version, change->run_id,
				       change->io, &c->arena, &c->base, err));
	ASOF_TRY(asof_mapping_check_writer(&c->base, err));
	c->committed_us = c->base.snapshot.committed_us;
	c->run_version = c->base.run_version;
	return ASOF_OK;
}

static enum asof_status
take_removed(struct commit *c, struct asof_error *err)
{
	const struct asof_table_snapshot *base = &c->base.snapshot;
	ASOF_AUTO(asof_map_done) struct asof_map files = { 0 };
	for (size_t i = 0; i < base->file_count; i++)
		ASOF_TRY(asof_map_put(&files, asof_str_from(base->files[i].name),
				      (void *)(uintptr_t)(i + 1), err));
	for (size_t i = 0; i < c->change->removed_count; i++) {
		struct asof_str name = asof_str_from(c->change->removed[i]);
		void *place = NULL;
		if (!asof_map_find(&files, name, &place))
			return ASOF_FAIL(
				err, ASOF_INVALID,
				"table '%s' has no file '%s' to be removed at version %lld",
				c->table, name.ptr, (long long)base->version);
		if (asof_map_find(&c->leaving, name, NULL))
			return ASOF_FAIL(err, ASOF_INVALID, "file '%s' is removed twice", name.ptr);
		ASOF_TRY(asof_map_put(&c->leaving, name, NULL, err));
		c->removed[c->removed_count++] = &base->files[(uintptr_t)place - 1];
	}
	return ASOF_OK;
}

/* The files that leave: all, or those named. */
static enum asof_status
choose_removed(struct commit *c, struct asof_error *err)
{
	const struct asof_table_snapshot *base = &c->base.snapshot;
	assert(!c->change->is_overwrite || c->change->removed_count == 0);
	size_t most = c->change->is_overwrite ? base->file_count : c->change->removed_count;
	c->removed = asof_arena_array(&c->arena, most, sizeof(struct asof_table_file *));
	if (!c->removed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", most);
	if (!c->change->is_overwrite)
		return most > 0 ? take_removed(c, err) : ASOF_OK;
	for (size_t i = 0; i < most; i++)
		c->removed[c->removed_count++] = &base->files[i];
	return ASOF_OK;
}

static enum asof_status
check_schema(const struct commit *c, struct asof_error *err)
{
	const struct asof_table_snapshot *base = &c->base.snapshot;
	if (!c->change->fields || c->change->is_overwrite || base->version < 0)
		return ASOF_OK;
	enum asof_status status = asof_table_check_evolution(
		base->fields, base->field_count, c->change->fields, c->change->field_count, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "table '%s'", c->table);
	return ASOF_OK;
}

/* Files have a value of every partition column of the table that they are added to. */
static enum asof_status
check_partitions(const struct commit *c, struct asof_error *err)
{
	const struct asof_table_change *change = c->change;
	const struct asof_table_snapshot *base = &c->base.snapshot;
	size_t count =
		change->fields ? change->partition_column_count : base->partition_column_count;
	bool stays = base->version >= 0 && !change->is_overwrite;
	if (stays && count != base->partition_column_count)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "table '%s' is partitioned by %zu columns and is to be by %zu: "
				 "that is for a table that is overwritten",
				 c->table, base->partition_column_count, count);
	for (size_t i = 0; i < change->added_count; i++) {
		if (change->added[i].partition_count != count)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "file '%s' has %zu partition values, table '%s' has %zu "
					 "partition columns",
					 change->added[i].name, change->added[i].partition_count,
					 c->table, count);
	}
	return ASOF_OK;
}

static enum asof_status
sync_added(struct commit *c, struct asof_error *err)
{
	for (size_t i = 0; i < c->change->added_count; i++) {
		const char *name =
			asof_arena_printf(&c->arena, "%s/%s", c->table, c->change->added[i].name);
		if (!name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
		ASOF_TRY(asof_blob_sync(c->lake, name, err));
	}
	return ASOF_OK;
}

/* --- what others have committed since ----------------------------------------------------------
 */

static enum asof_status
note_action(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct commit *c = arg;
	switch (action->kind) {
	case ASOF_DELTA_PROTOCOL:
	case ASOF_DELTA_METADATA:
		c->is_table_changed = true;
		return ASOF_OK;
	case ASOF_DELTA_ADD:
		c->has_files = true;
		c->has_rows = c->has_rows || !action->add.is_rearranged;
		return ASOF_OK;
	case ASOF_DELTA_REMOVE:
		c->has_files = true;
		c->has_rows = c->has_rows || !action->remove.is_rearranged;
		if (!asof_map_find(&c->leaving, action->remove.name, NULL))
			return ASOF_OK;
		c->lost = asof_arena_copy(&c->arena, action->remove.name);
		return c->lost ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
	case ASOF_DELTA_TXN:
		if (asof_str_equal(action->txn.id, asof_str_from(c->change->run_id)))
			c->run_version = c->version;
		return ASOF_OK;
	case ASOF_DELTA_COMMIT_INFO:
		if (action->commit.committed_us >= 0)
			c->committed_us = action->commit.committed_us;
		return ASOF_OK;
	case ASOF_DELTA_OTHER:
		break;
	}
	return ASOF_OK;
}

/* ASOF_CONFLICT where the change cannot stand behind what was seen. */
static enum asof_status
judge(const struct commit *c, struct asof_error *err)
{
	bool is_only_moved = !c->has_other_rows && !c->has_other_version && !c->is_table_changed;
	if ((!c->change->is_blind && !is_only_moved) || c->change->base_version < 0)
		return ASOF_FAIL(err, ASOF_CONFLICT, "table '%s' has a version %lld already",
				 c->table, (long long)c->change->base_version + 1);
	if (c->is_table_changed)
		return ASOF_FAIL(err, ASOF_CONFLICT, "table '%s' was changed by version %lld",
				 c->table, (long long)c->version);
	if (c->lost)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "table '%s': version %lld has removed file '%s' already", c->table,
				 (long long)c->version, c->lost);
	if (c->change->is_overwrite && c->has_other_rows)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "table '%s': version %lld has changed what is to be overwritten",
				 c->table, (long long)c->version);
	return ASOF_OK;
}

/* Up to the newest version; the end where our own run is among them. */
static enum asof_status
look_at_others(struct commit *c, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_delta_log log;
	ASOF_TRY(asof_delta_log_list(c->lake, c->table, &arena, &log, err));
	while (c->version < log.newest && c->run_version < 0) {
		int64_t next = c->version + 1;
		if (next < log.first)
			return ASOF_FAIL(err, ASOF_CONFLICT,
					 "table '%s': version %lld was vacuumed meanwhile",
					 c->table, (long long)next);
		c->version = next;
		c->committed_us = log.modified_us[next - log.first];
		c->has_files = false;
		c->has_rows = false;
		ASOF_TRY(asof_delta_entry_read(c->lake, c->table, next, &c->buf, note_action, c,
					       err));
		c->has_other_rows = c->has_other_rows || c->has_rows;
		c->has_other_version = c->has_other_version || !c->has_files;
	}
	bool has_others = c->version > c->change->base_version;
	return has_others && c->run_version < 0 ? judge(c, err) : ASOF_OK;
}

/* What is overwritten stands in other files by now. */
static enum asof_status
follow_rearrangement(struct commit *c, struct asof_error *err)
{
	struct asof_delta_log log;
	if (!c->change->is_overwrite || c->version <= c->base.snapshot.version)
		return ASOF_OK;
	ASOF_TRY(asof_delta_log_list(c->lake, c->table, &c->arena, &log, err));
	ASOF_TRY(asof_delta_state_read(c->lake, &log, c->version, NULL, c->change->io, &c->arena,
				       &c->base, err));
	c->removed_count = 0;
	return choose_removed(c, err);
}

/* --- the entry ---------------------------------------------------------------------------------
 */

/* The columns of files, then those that only the log has. */
static enum asof_status
write_schema(struct commit *c, struct asof_buf *schema, int64_t *ret_max_id, struct asof_error *err)
{
	const struct asof_table_change *change = c->change;
	size_t count = change->field_count + change->partition_column_count;
	struct asof_field *fields = asof_arena_array(&c->arena, count, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", count);
	memcpy(fields, change->fields, change->field_count * sizeof(*fields));
	for (size_t i = 0; i < change->partition_column_count; i++)
		fields[change->field_count + i] =
			(struct asof_field){ .name = change->partition_columns[i],
					     .type = ASOF_TYPE(ASOF_TYPE_STRING) };
	enum asof_status status =
		asof_mapping_number(&c->base, change->is_overwrite, fields, count, ret_max_id, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "table '%s'", c->table);
	return asof_delta_schema_write(fields, count, schema, err);
}

static enum asof_status
write_entry(struct commit *c, struct asof_error *err)
{
	const struct asof_table_change *change = c->change;
	const struct asof_table_snapshot *base = &c->base.snapshot;
	ASOF_AUTO(asof_buf_done) struct asof_buf schema = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	char fresh_id[ASOF_UNIQUE_TEXT_MAX];
	ASOF_TRY(asof_unique_text(fresh_id, err));
	int64_t max_column_id = 0;
	if (change->fields)
		ASOF_TRY(write_schema(c, &schema, &max_column_id, err));
	bool was_mapped = c->base.min_writer >= ASOF_MAPPING_WRITER;
	bool is_first = base->version < 0;
	struct asof_delta_entry entry = {
		.change = change,
		.committed_us = commit_time(c),
		.version = c->version + 1,
		.has_protocol = is_first || (change->fields && was_mapped != (max_column_id > 0)),
		.max_column_id = max_column_id,
		.table_id = c->base.table_id ? c->base.table_id : fresh_id,
		.table = base->table,
		.schema = asof_buf_view(&schema),
		.fields = change->fields ? change->fields : base->fields,
		.field_count = change->fields ? change->field_count : base->field_count,
		.removed = c->removed,
		.removed_count = c->removed_count,
	};
	asof_buf_clear(&c->buf);
	asof_delta_entry_write(&entry, &c->buf);
	return asof_buf_status(&c->buf, err);
}

/* *ret_version, or ASOF_CONFLICT where somebody else took its place. */
static enum asof_status
put_entry(struct commit *c, int64_t *ret_version, struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_TRY(write_entry(c, err));
	ASOF_TRY(asof_delta_log_name(c->table, c->version + 1, ASOF_DELTA_ENTRY, name, err));
	ASOF_TRY(asof_fault_point("lake.commit.before_put", err));
	ASOF_TRY(asof_blob_put_if_absent(c->lake, name, asof_buf_view(&c->buf), err));
	ASOF_TRY(asof_fault_point("lake.commit.after_put", err));
	*ret_version = c->version + 1;
	return ASOF_OK;
}

/* Every look tells whether the place was taken by ourselves, in a try that did not hear of it. */
static enum asof_status
publish(struct commit *c, int64_t *ret_version, struct asof_error *err)
{
	enum asof_status status = ASOF_CONFLICT;
	for (int tries = 0; tries < TRIES_MAX && status == ASOF_CONFLICT; tries++) {
		if (tries > 0)
			asof_pause_before(retry_pause, (unsigned)tries - 1);
		ASOF_TRY(look_at_others(c, err));
		if (c->run_version >= 0) {
			*ret_version = c->run_version;
			return ASOF_OK;
		}
		ASOF_TRY(follow_rearrangement(c, err));
		status = put_entry(c, ret_version, err);
	}
	if (status == ASOF_CONFLICT)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "table '%s': others were faster %d times (newest: %lld)", c->table,
				 TRIES_MAX, (long long)c->version);
	return status;
}

enum asof_status
asof_table_commit(struct asof_blob *lake, const char *table, const struct asof_table_change *change,
		  int64_t *ret_version, struct asof_error *err)
{
	assert(lake && table && change && change->run_id && change->operation && ret_version);
	assert(change->base_version >= -1 && (change->base_version >= 0 || change->fields));
	ASOF_AUTO(commit_done)
	struct commit c = { .lake = lake,
			    .table = table,
			    .change = change,
			    .buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX) };
	ASOF_TRY(read_base(&c, err));
	if (c.run_version >= 0) {
		*ret_version = c.run_version;
		return ASOF_OK;
	}
	ASOF_TRY(check_schema(&c, err));
	ASOF_TRY(check_partitions(&c, err));
	ASOF_TRY(choose_removed(&c, err));
	ASOF_TRY(asof_fault_point("lake.commit.before_sync", err));
	ASOF_TRY(sync_added(&c, err));
	return publish(&c, ret_version, err);
}

/* What is known of the base says all that an entry of added files wants to know. */
static bool
is_plain_append(const struct asof_table_change *change, const struct asof_table_snapshot *base)
{
	return base->version >= 0 && !change->fields && !change->is_overwrite &&
	       change->removed_count == 0 && base->partition_column_count == 0 &&
	       !asof_property_find(base->properties, base->property_count, ASOF_MAPPING_MODE);
}

static enum asof_status
append(struct commit *c, const struct asof_table_snapshot *base, int64_t *ret_version,
       struct asof_error *err)
{
	c->base = (struct asof_delta_state){ .snapshot = *base, .run_version = -1 };
	c->version = base->version;
	c->committed_us = base->committed_us;
	ASOF_TRY(check_partitions(c, err));
	ASOF_TRY(asof_fault_point("lake.commit.before_sync", err));
	ASOF_TRY(sync_added(c, err));
	return put_entry(c, ret_version, err);
}

enum asof_status
asof_table_append(struct asof_blob *lake, const struct asof_table_snapshot *base,
		  const struct asof_table_change *change, int64_t *ret_version,
		  struct asof_error *err)
{
	assert(lake && base && change && change->run_id && change->operation && ret_version);
	assert(change->base_version == base->version);
	ASOF_AUTO(commit_done)
	struct commit c = { .lake = lake,
			    .table = base->table,
			    .change = change,
			    .buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX) };
	struct asof_error why = { 0 };
	if (!is_plain_append(change, base))
		return asof_table_commit(lake, base->table, change, ret_version, err);
	enum asof_status status = append(&c, base, ret_version, &why);
	/* Whose the entry in its place is, the log says: it may be our own. */
	if (status == ASOF_CONFLICT)
		return asof_table_commit(lake, base->table, change, ret_version, err);
	return status == ASOF_OK ? ASOF_OK : ASOF_FAIL(err, status, "%s", why.message);
}
