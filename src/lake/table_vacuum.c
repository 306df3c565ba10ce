/*
 * table_vacuum.c - removing what no version within a retention needs.
 *
 * The data files are listed before the log is read: one that is published in between is in the log
 * that is read then, and stays.
 */
#include <assert.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/number.h"
#include "lake/delta_snapshot.h"
#include "lake/table_upkeep.h"
#include "model/duration.h"

#define LOG_PROPERTY     "delta.logRetentionDuration"
#define LOG_RETENTION_US (30 * 24 * 3600 * ASOF_US_PER_SECOND)

struct object {
	enum asof_vacuum_kind kind;
	struct asof_blob_info info; /* its name in the arena */
};

struct vacuum {
	struct asof_blob *lake;
	const char *table;
	const struct asof_vacuum_rules *rules;
	struct asof_arena arena;
	size_t prefix_len;          /* of "<table>/" in names */
	int64_t old_us;             /* what was written after it stays */
	enum asof_vacuum_kind kind; /* of what is being listed */
	struct object *objects;     /* owned */
	size_t count;
	size_t capacity;
	struct asof_map needed; /* names of data files */
	struct asof_delta_log log;
	int64_t kept;     /* the oldest version within the retention */
	int64_t log_kept; /* the oldest that must stay readable */
};

static void
vacuum_done(struct vacuum *v)
{
	asof_mem_free(v->objects);
	asof_map_done(&v->needed);
	asof_arena_done(&v->arena);
}

/* --- what there is -----------------------------------------------------------------------------
 */

static enum asof_status
add_object(struct vacuum *v, enum asof_vacuum_kind kind, const struct asof_blob_info *info,
	   struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve((void **)&v->objects, &v->capacity, v->count + 1,
				  sizeof(*v->objects), err));
	struct object *object = &v->objects[v->count];
	*object = (struct object){ kind, *info };
	object->info.name.ptr = asof_arena_copy(&v->arena, info->name);
	if (!object->info.name.ptr)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
	v->count++;
	return ASOF_OK;
}

/* Names that begin with "_" or ".", at any depth, are not data: the log, and what others keep. */
static bool
is_data(struct asof_str name)
{
	for (size_t i = 0; i < name.len; i++) {
		bool begins = i == 0 || name.ptr[i - 1] == '/';
		if (begins && (name.ptr[i] == '_' || name.ptr[i] == '.'))
			return false;
	}
	return name.len > 0;
}

static enum asof_status
note_object(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct vacuum *v = arg;
	struct asof_str name = { info->name.ptr + v->prefix_len, info->name.len - v->prefix_len };
	bool is_wanted = v->kind == ASOF_VACUUM_TEMPORARY || is_data(name);
	if (!is_wanted || info->modified_us >= v->old_us)
		return ASOF_OK;
	return add_object(v, v->kind, info, err);
}

static enum asof_status
list_old_objects(struct vacuum *v, struct asof_error *err)
{
	char prefix[ASOF_DELTA_NAME_MAX];
	int len = snprintf(prefix, sizeof(prefix), "%s/", v->table);
	if (len < 0 || (size_t)len >= sizeof(prefix))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is no name of a table", v->table);
	v->prefix_len = (size_t)len;
	v->kind = ASOF_VACUUM_DATA;
	ASOF_TRY(asof_blob_list(v->lake, prefix, note_object, v, err));
	v->kind = ASOF_VACUUM_TEMPORARY;
	return asof_blob_list_temporary(v->lake, prefix, note_object, v, err);
}

/* --- what is needed ----------------------------------------------------------------------------
 */

/* The newest version not committed after `at_us`, or the oldest there is. */
static enum asof_status
find_version(struct vacuum *v, int64_t at_us, int64_t *ret_version, struct asof_error *err)
{
	int64_t oldest = asof_delta_log_oldest(&v->log, v->rules->io != NULL);
	int64_t version;
	struct asof_error why = { 0 };
	enum asof_status status = asof_table_find_version(v->lake, v->table, at_us, &version, &why);
	if (status != ASOF_OK && status != ASOF_NOT_FOUND)
		return ASOF_FAIL(err, status, "%s", why.message);
	bool is_found = status == ASOF_OK && version > oldest;
	*ret_version = is_found ? version : oldest;
	if (*ret_version > v->log.newest)
		*ret_version = v->log.newest; /* reading it says what is wrong */
	return ASOF_OK;
}

static enum asof_status
note_added(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct vacuum *v = arg;
	if (action->kind != ASOF_DELTA_ADD)
		return ASOF_OK;
	return asof_map_put(&v->needed, action->add.name, NULL, err);
}

static enum asof_status
need_version(struct vacuum *v, int64_t version, struct asof_delta_state *ret_state,
	     struct asof_error *err)
{
	ASOF_TRY(asof_delta_state_read(v->lake, &v->log, version, NULL, v->rules->io, &v->arena,
				       ret_state, err));
	for (size_t i = 0; i < ret_state->snapshot.file_count; i++)
		ASOF_TRY(asof_map_put(&v->needed, asof_str_from(ret_state->snapshot.files[i].name),
				      NULL, err));
	return ASOF_OK;
}

/* What is pinned and is there no more cannot be kept. */
static enum asof_status
need_pinned(struct vacuum *v, struct asof_error *err)
{
	int64_t oldest = asof_delta_log_oldest(&v->log, v->rules->io != NULL);
	for (size_t i = 0; i < v->rules->pinned_count; i++) {
		struct asof_delta_state state;
		int64_t version = v->rules->pinned[i];
		if (version < oldest || version > v->log.newest)
			continue;
		ASOF_TRY(need_version(v, version, &state, err));
		if (version < v->log_kept)
			v->log_kept = version;
	}
	return ASOF_OK;
}

/* The files of the oldest version kept, and all that came later. */
static enum asof_status
find_needed(struct vacuum *v, struct asof_delta_state *ret_state, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	ASOF_TRY(find_version(v, v->old_us, &v->kept, err));
	v->log_kept = v->kept;
	ASOF_TRY(need_version(v, v->kept, ret_state, err));
	ASOF_TRY(need_pinned(v, err));
	for (int64_t version = v->kept + 1; version <= v->log.newest; version++)
		ASOF_TRY(asof_delta_entry_read(v->lake, v->table, version, &buf, note_added, v,
					       err));
	return ASOF_OK;
}

/* --- the log -----------------------------------------------------------------------------------
 */

/* "30d", or as others write it: "interval 30 days". */
static int64_t
log_retention_us(const struct asof_table_snapshot *snapshot)
{
	const char *text =
		asof_property_find(snapshot->properties, snapshot->property_count, LOG_PROPERTY);
	static const char start[] = "interval ";
	char shortened[48];
	int64_t span_us;
	if (!text)
		return LOG_RETENTION_US;
	if (strncmp(text, start, sizeof(start) - 1) == 0) {
		const char *count = text + sizeof(start) - 1;
		size_t digits = strspn(count, "0123456789");
		char unit = count[digits] == ' ' ? count[digits + 1] : '\0';
		(void)snprintf(shortened, sizeof(shortened), "%.*s%c",
			       (int)(digits < 20 ? digits : 20), count, unit);
		text = shortened;
	}
	bool is_good = asof_duration_parse(asof_str_from(text), &span_us, NULL) == ASOF_OK;
	return is_good ? span_us : LOG_RETENTION_US;
}

static enum asof_status
look(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	(void)arg;
	(void)action;
	(void)err;
	return ASOF_OK;
}

static bool
has_version(const struct asof_delta_versions *versions, int64_t version)
{
	for (size_t i = 0; i < versions->count; i++) {
		if (versions->items[i] == version)
			return true;
	}
	return false;
}

/* The newest version up to `most` that stands without the entries before it, for us and for other
 * readers; 0: none. */
static enum asof_status
find_cover(struct vacuum *v, int64_t most, int64_t *ret_version, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4 * ASOF_DELTA_LOG_BYTES_MAX);
	*ret_version = 0;
	for (size_t i = v->log.snapshots.count; i-- > 0;) {
		int64_t version = v->log.snapshots.items[i];
		char name[ASOF_DELTA_NAME_MAX];
		if (version > most || version < v->log.first ||
		    !has_version(&v->log.checkpoints, version))
			continue;
		ASOF_TRY(asof_delta_log_name(v->table, version, ASOF_DELTA_SNAPSHOT, name, err));
		asof_buf_clear(&buf);
		ASOF_TRY(asof_blob_read(v->lake, name, &buf, err));
		struct asof_error why = { 0 };
		enum asof_status status =
			asof_delta_snapshot_read(asof_buf_view(&buf), version, look, NULL, &why);
		if (status == ASOF_NO_MEMORY)
			return ASOF_FAIL(err, status, "%s", why.message);
		if (status != ASOF_OK)
			continue;
		*ret_version = version;
		return ASOF_OK;
	}
	return ASOF_OK;
}

struct log_sweep {
	struct vacuum *v;
	int64_t cover; /* what is older goes */
	size_t prefix_len;
};

static enum asof_status
note_log_object(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct log_sweep *sweep = arg;
	struct asof_str name = { info->name.ptr + sweep->prefix_len,
				 info->name.len - sweep->prefix_len };
	size_t digits = 0;
	int64_t version;
	while (digits < name.len && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
		digits++;
	if (digits != 20 || !asof_int64_parse((struct asof_str){ name.ptr, digits }, &version) ||
	    version >= sweep->cover)
		return ASOF_OK;
	return add_object(sweep->v, ASOF_VACUUM_LOG, info, err);
}

/* Names ascend, so that the log is shortened from its beginning. */
static enum asof_status
list_old_log(struct vacuum *v, const struct asof_table_snapshot *snapshot, struct asof_error *err)
{
	struct log_sweep sweep = { .v = v };
	int64_t old = 0;
	char prefix[ASOF_DELTA_NAME_MAX];
	int64_t since_us = asof_us_sub(v->rules->now_us, log_retention_us(snapshot));
	ASOF_TRY(find_version(v, since_us, &old, err));
	ASOF_TRY(find_cover(v, old < v->log_kept ? old : v->log_kept, &sweep.cover, err));
	if (sweep.cover == 0)
		return ASOF_OK;
	int len = snprintf(prefix, sizeof(prefix), "%s/_delta_log/", v->table);
	assert(len > 0 && (size_t)len < sizeof(prefix));
	sweep.prefix_len = (size_t)len;
	return asof_blob_list(v->lake, prefix, note_log_object, &sweep, err);
}

/* --- removing ----------------------------------------------------------------------------------
 */

static bool
is_needed(const struct vacuum *v, const struct object *object)
{
	struct asof_str name = { object->info.name.ptr + v->prefix_len,
				 object->info.name.len - v->prefix_len };
	return object->kind == ASOF_VACUUM_DATA && asof_map_find(&v->needed, name, NULL);
}

static enum asof_status
remove_object(struct vacuum *v, const struct object *object, struct asof_error *err)
{
	if (v->rules->visit)
		ASOF_TRY(v->rules->visit(v->rules->arg, object->kind, &object->info, err));
	if (v->rules->is_dry_run)
		return ASOF_OK;
	ASOF_TRY(asof_fault_point("lake.vacuum.before_remove", err));
	struct asof_error why = { 0 };
	enum asof_status status = asof_blob_remove(v->lake, object->info.name.ptr, &why);
	if (status != ASOF_OK && status != ASOF_NOT_FOUND) /* another one was faster */
		return ASOF_FAIL(err, status, "%s", why.message);
	return asof_fault_point("lake.vacuum.after_remove", err);
}

static enum asof_status
run(struct vacuum *v, int64_t *ret_kept, struct asof_error *err)
{
	struct asof_delta_state state;
	ASOF_TRY(list_old_objects(v, err));
	ASOF_TRY(asof_delta_log_list(v->lake, v->table, &v->arena, &v->log, err));
	if (v->log.newest < 0) {
		*ret_kept = -1; /* whatever lies there is not ours to remove */
		return ASOF_OK;
	}
	ASOF_TRY(find_needed(v, &state, err));
	ASOF_TRY(list_old_log(v, &state.snapshot, err));
	for (size_t i = 0; i < v->count; i++) {
		if (!is_needed(v, &v->objects[i]))
			ASOF_TRY(remove_object(v, &v->objects[i], err));
	}
	*ret_kept = v->kept;
	return ASOF_OK;
}

enum asof_status
asof_table_vacuum(struct asof_blob *lake, const char *table, const struct asof_vacuum_rules *rules,
		  int64_t *ret_kept, struct asof_error *err)
{
	assert(lake && table && rules && rules->retention_us >= 0 && ret_kept);
	ASOF_AUTO(vacuum_done)
	struct vacuum v = { .lake = lake,
			    .table = table,
			    .rules = rules,
			    .old_us = asof_us_sub(rules->now_us, rules->retention_us) };
	enum asof_status status = run(&v, ret_kept, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "vacuum table '%s'", table);
	return ASOF_OK;
}

/* --- what is left ------------------------------------------------------------------------------
 */

struct names {
	struct asof_map *map;
	size_t prefix_len;
};

static enum asof_status
note_name(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct names *names = arg;
	struct asof_str name = { info->name.ptr + names->prefix_len,
				 info->name.len - names->prefix_len };
	return asof_map_put(names->map, name, NULL, err);
}

enum asof_status
asof_table_list_files(struct asof_blob *lake, const char *table, struct asof_map *map,
		      struct asof_error *err)
{
	char prefix[ASOF_DELTA_NAME_MAX];
	int len = snprintf(prefix, sizeof(prefix), "%s/", table);
	if (len < 0 || (size_t)len >= sizeof(prefix))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is no name of a table", table);
	struct names names = { map, (size_t)len };
	return asof_blob_list(lake, prefix, note_name, &names, err);
}

const char *
asof_table_find_missing(const struct asof_table_snapshot *snapshot, const struct asof_map *names)
{
	for (size_t i = 0; i < snapshot->file_count; i++) {
		if (!asof_map_find(names, asof_str_from(snapshot->files[i].name), NULL))
			return snapshot->files[i].name;
	}
	return NULL;
}
