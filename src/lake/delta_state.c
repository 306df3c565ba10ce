/* delta_state.c - a table's log as files, and what it says at one version. */
#include "lake/delta_state.h"

#include <assert.h>
#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "lake/delta_schema.h"
#include "lake/delta_stats.h"

#define VERSION_DIGITS 20
#define MIN_READER     1

/* --- the files ---------------------------------------------------------------------------------
 */

static enum asof_status
check_table(const char *table, struct asof_error *err)
{
	size_t len = strnlen(table, ASOF_DELTA_NAME_MAX);
	if (len == 0 || len > ASOF_DELTA_NAME_MAX - 64 || table[0] == '/' || table[len - 1] == '/')
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is no name of a table", table);
	return ASOF_OK;
}

enum asof_status
asof_delta_log_name(const char *table, int64_t version, char out[ASOF_DELTA_NAME_MAX],
		    struct asof_error *err)
{
	ASOF_TRY(check_table(table, err));
	int len = snprintf(out, ASOF_DELTA_NAME_MAX, "%s/_delta_log/%0*lld.json", table,
			   VERSION_DIGITS, (long long)version);
	assert(len > 0 && len < ASOF_DELTA_NAME_MAX);
	return ASOF_OK;
}

struct listing {
	size_t prefix_len;
	int64_t *modified_us; /* owned */
	size_t count;
	size_t capacity;
	int64_t gap; /* the first version that is missing; -1: none */
	bool has_checkpoint;
};

static void
listing_done(struct listing *listing)
{
	asof_mem_free(listing->modified_us);
}

static bool
is_version(struct asof_str name, int64_t *ret_version)
{
	struct asof_str end = { name.ptr + VERSION_DIGITS, name.len - VERSION_DIGITS };
	return name.len > VERSION_DIGITS && asof_str_equal(end, asof_str_from(".json")) &&
	       asof_int64_parse((struct asof_str){ name.ptr, VERSION_DIGITS }, ret_version) &&
	       *ret_version >= 0;
}

/* Names ascend, so versions do. */
static enum asof_status
note_object(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct listing *listing = arg;
	struct asof_str name = { info->name.ptr + listing->prefix_len,
				 info->name.len - listing->prefix_len };
	int64_t version;
	if (asof_str_equal(name, asof_str_from("_last_checkpoint")))
		listing->has_checkpoint = true;
	if (!is_version(name, &version))
		return ASOF_OK;
	if (version != (int64_t)listing->count) {
		if (listing->gap < 0)
			listing->gap = (int64_t)listing->count;
		return ASOF_OK;
	}
	ASOF_TRY(asof_mem_reserve((void **)&listing->modified_us, &listing->capacity,
				  listing->count + 1, sizeof(*listing->modified_us), err));
	listing->modified_us[listing->count++] = info->modified_us;
	return ASOF_OK;
}

enum asof_status
asof_delta_log_list(struct asof_blob *lake, const char *table, struct asof_arena *arena,
		    struct asof_delta_log *ret_log, struct asof_error *err)
{
	ASOF_TRY(check_table(table, err));
	char prefix[ASOF_DELTA_NAME_MAX];
	int len = snprintf(prefix, sizeof(prefix), "%s/_delta_log/", table);
	assert(len > 0 && (size_t)len < sizeof(prefix));
	ASOF_AUTO(listing_done) struct listing listing = { .prefix_len = (size_t)len, .gap = -1 };
	ASOF_TRY(asof_blob_list(lake, prefix, note_object, &listing, err));
	if (listing.gap == 0 && listing.has_checkpoint)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "table '%s': its log begins with a checkpoint", table);
	if (listing.gap >= 0)
		return ASOF_FAIL(err, ASOF_CORRUPT,
				 "table '%s': version %lld is missing in its log", table,
				 (long long)listing.gap);

	struct asof_delta_log log = { .newest = (int64_t)listing.count - 1 };
	int64_t *modified_us = asof_arena_array(arena, listing.count, sizeof(*modified_us));
	log.table = asof_arena_copy(arena, asof_str_from(table));
	if (!modified_us || !log.table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log of '%s'", table);
	if (listing.count > 0)
		memcpy(modified_us, listing.modified_us, listing.count * sizeof(*modified_us));
	log.modified_us = modified_us;
	*ret_log = log;
	return ASOF_OK;
}

static struct asof_str
take_line(struct asof_str *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct asof_str line = { rest->ptr, len };
	size_t skipped = end ? len + 1 : len;
	*rest = (struct asof_str){ rest->ptr + skipped, rest->len - skipped };
	return line;
}

static bool
is_blank(struct asof_str line)
{
	return line.len == 0 || (line.len == 1 && line.ptr[0] == '\r');
}

enum asof_status
asof_delta_entry_read(struct asof_blob *lake, const char *table, int64_t version,
		      struct asof_buf *buf, asof_delta_action_fn *visit, void *arg,
		      struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_TRY(asof_delta_log_name(table, version, name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_blob_read(lake, name, buf, err));
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	struct asof_str rest = asof_buf_view(buf);
	for (size_t number = 1; rest.len > 0; number++) {
		struct asof_str line = take_line(&rest);
		if (is_blank(line))
			continue;
		struct asof_delta_action action;
		asof_arena_reset(&scratch);
		enum asof_status status = asof_delta_line_read(line, &scratch, &action, err);
		if (status == ASOF_OK)
			status = visit(arg, &action, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "'%s' line %zu", name, number);
	}
	return ASOF_OK;
}

/* --- the state ---------------------------------------------------------------------------------
 */

/* A file that was added, its strings in the caller's arena. */
struct file {
	const char *name;
	struct asof_str stats;
	uint64_t size_bytes;
	bool is_active;
};

struct replay {
	struct asof_arena *arena;
	struct asof_delta_state state;
	const char *run_id;
	int64_t version; /* being read */
	bool has_protocol;
	bool has_commit_info;
	struct file *files; /* owned, in the order added */
	size_t file_count;
	size_t file_capacity;
	struct asof_map places; /* name -> its index in `files` + 1, while active */
};

static void
replay_done(struct replay *replay)
{
	asof_mem_free(replay->files);
	asof_map_done(&replay->places);
}

static void
forget_file(struct replay *replay, struct asof_str name)
{
	void *place;
	if (!asof_map_find(&replay->places, name, &place))
		return;
	replay->files[(uintptr_t)place - 1].is_active = false;
	(void)asof_map_remove(&replay->places, name);
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
keep_file(struct replay *replay, const struct asof_delta_add *add, struct asof_error *err)
{
	forget_file(replay, add->name);
	ASOF_TRY(asof_mem_reserve((void **)&replay->files, &replay->file_capacity,
				  replay->file_count + 1, sizeof(*replay->files), err));
	struct file file = { .size_bytes = (uint64_t)add->size_bytes, .is_active = true };
	const char *stats = NULL;
	ASOF_TRY(keep_str(replay->arena, add->name, &file.name, err));
	ASOF_TRY(keep_str(replay->arena, add->stats, &stats, err));
	file.stats = (struct asof_str){ stats, add->stats.len };
	ASOF_TRY(asof_map_put(&replay->places, add->name,
			      (void *)(uintptr_t)(replay->file_count + 1), err));
	replay->files[replay->file_count++] = file;
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
keep_protocol(struct replay *replay, const struct asof_delta_protocol *protocol,
	      struct asof_error *err)
{
	if (protocol->min_reader > MIN_READER)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the table wants a reader of protocol %lld, this is one of %d",
				 (long long)protocol->min_reader, MIN_READER);
	replay->has_protocol = true;
	replay->state.min_writer = protocol->min_writer;
	return ASOF_OK;
}

static enum asof_status
keep_metadata(struct replay *replay, const struct asof_delta_metadata *metadata,
	      struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	if (metadata->partition_column_count > 0)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED, "the table is partitioned");
	ASOF_TRY(keep_str(replay->arena, metadata->id, &replay->state.table_id, err));
	ASOF_TRY(asof_delta_schema_read(metadata->schema, replay->arena, &snapshot->fields,
					&snapshot->field_count, err));
	ASOF_TRY(keep_properties(replay->arena, metadata->properties, metadata->property_count,
				 &snapshot->properties, err));
	snapshot->property_count = metadata->property_count;
	return ASOF_OK;
}

/* Only the last version's is looked at. */
static enum asof_status
keep_commit_info(struct replay *replay, const struct asof_delta_commit_info *commit,
		 struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	if (replay->version != snapshot->version)
		return ASOF_OK;
	if (commit->committed_us >= 0) {
		snapshot->committed_us = commit->committed_us;
		replay->has_commit_info = true;
	}
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
		return keep_protocol(replay, &action->protocol, err);
	case ASOF_DELTA_METADATA:
		return keep_metadata(replay, &action->metadata, err);
	case ASOF_DELTA_ADD:
		return keep_file(replay, &action->add, err);
	case ASOF_DELTA_REMOVE:
		forget_file(replay, action->removed);
		return ASOF_OK;
	case ASOF_DELTA_TXN:
		if (replay->run_id && asof_str_equal(action->run_id, asof_str_from(replay->run_id)))
			replay->state.run_version = replay->version;
		return ASOF_OK;
	case ASOF_DELTA_COMMIT_INFO:
		return keep_commit_info(replay, &action->commit, err);
	case ASOF_DELTA_OTHER:
		break;
	}
	return ASOF_OK;
}

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

static enum asof_status
finish_file(const struct replay *replay, const struct file *from, struct asof_str directory,
	    struct asof_table_file *ret_file, struct asof_error *err)
{
	struct asof_table_file file = { .name = from->name,
					.size_bytes = from->size_bytes,
					.row_count = -1 };
	file.path = asof_arena_printf(replay->arena, "%.*s%s", ASOF_STR_ARG(directory), from->name);
	if (!file.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	enum asof_status status =
		from->stats.len > 0 ? asof_delta_stats_read(from->stats, replay->arena, &file, err)
				    : ASOF_OK;
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "file '%s'", from->name);
	*ret_file = file;
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
		ASOF_TRY(finish_file(replay, &replay->files[i], directory, file, err));
		snapshot->file_count++;
		bool is_known = snapshot->row_count >= 0 && file->row_count >= 0;
		if (!is_known || __builtin_add_overflow(snapshot->row_count, file->row_count,
							&snapshot->row_count))
			snapshot->row_count = -1;
	}
	snapshot->files = files;
	return ASOF_OK;
}

static enum asof_status
replay_log(struct replay *replay, struct asof_blob *lake, const struct asof_delta_log *log,
	   struct asof_error *err)
{
	struct asof_table_snapshot *snapshot = &replay->state.snapshot;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	for (; replay->version <= snapshot->version; replay->version++)
		ASOF_TRY(asof_delta_entry_read(lake, log->table, replay->version, &buf, apply,
					       replay, err));
	if (!replay->has_protocol || !replay->state.table_id)
		return ASOF_FAIL(err, ASOF_CORRUPT, "its log has no %s",
				 replay->has_protocol ? "metaData" : "protocol");
	if (!replay->has_commit_info)
		snapshot->committed_us = log->modified_us[snapshot->version];
	return finish_files(replay, lake, err);
}

enum asof_status
asof_delta_state_read(struct asof_blob *lake, const struct asof_delta_log *log, int64_t version,
		      const char *run_id, struct asof_arena *arena,
		      struct asof_delta_state *ret_state, struct asof_error *err)
{
	assert(version >= 0 && version <= log->newest);
	ASOF_AUTO(replay_done)
	struct replay replay = {
		.arena = arena,
		.run_id = run_id,
		.state = { .run_version = -1,
			   .snapshot = { .table = log->table, .version = version } },
	};
	enum asof_status status = replay_log(&replay, lake, log, err);
	if (status == ASOF_NOT_FOUND) /* it was listed a moment ago */
		status = ASOF_CORRUPT;
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "table '%s'", log->table);
	*ret_state = replay.state;
	return ASOF_OK;
}
