#include "job/push_ids.h"

#include <assert.h>

#include "codec/json_reader.h"

struct reading {
	int64_t since;  /* commits up to here are known */
	int64_t newest; /* what others commit meanwhile is for the next time */
	struct asof_arena *arena;
	const struct asof_json **commits; /* the requests of each, newest first */
	size_t count;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "ids of pushes");
}

static void
forget(struct asof_push_ids *ids)
{
	for (size_t i = 0; ids->ring && i < ids->count; i++)
		asof_mem_free(ids->ring[i]);
	asof_mem_free(ids->ring);
	asof_map_done(&ids->rows);
	*ids = (struct asof_push_ids){ .version = -1 };
}

void
asof_push_ids_done(struct asof_push_ids *ids)
{
	forget(ids);
}

/* ASOF_CANCELLED: older ones need not be seen. */
static enum asof_status
note_commit(void *arg, int64_t version, int64_t committed_us, const char *operation,
	    const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	struct reading *reading = arg;
	(void)committed_us;
	(void)operation;
	if (version > reading->newest)
		return ASOF_OK;
	if (version <= reading->since || reading->count == ASOF_PUSH_COMMITS_MAX)
		return ASOF_FAIL(err, ASOF_CANCELLED, "enough");
	const char *text = asof_property_find(info, info_count, ASOF_INFO_REQUESTS);
	const char *copy = asof_arena_copy(reading->arena, asof_str_from(text ? text : "[]"));
	if (!copy)
		return no_memory(err);
	return asof_json_read(asof_str_from(copy), reading->arena,
			      &reading->commits[reading->count++], err);
}

static enum asof_status
add(struct asof_push_ids *ids, struct asof_str id, int64_t rows, struct asof_error *err)
{
	char *copy = asof_mem_alloc(id.len + 1);
	if (!copy)
		return no_memory(err);
	memcpy(copy, id.ptr, id.len);
	enum asof_status status = asof_map_put(&ids->rows, id, (void *)(uintptr_t)(rows + 1), err);
	if (status != ASOF_OK) {
		asof_mem_free(copy);
		return status;
	}
	if (ids->count < ASOF_PUSH_IDS_MAX) {
		ids->ring[ids->count++] = copy;
		return ASOF_OK;
	}
	(void)asof_map_remove(&ids->rows, asof_str_from(ids->ring[ids->next]));
	asof_mem_free(ids->ring[ids->next]);
	ids->ring[ids->next] = copy;
	ids->next = (ids->next + 1) % ASOF_PUSH_IDS_MAX;
	return ASOF_OK;
}

static enum asof_status
add_commit(struct asof_push_ids *ids, const struct asof_json *requests, struct asof_error *err)
{
	if (requests->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_CORRUPT, "a commit without a list of requests");
	for (size_t i = 0; i < requests->count; i++) {
		struct asof_str id;
		int64_t rows = 0;
		ASOF_TRY(asof_json_member_read_str(&requests->items[i], "id", &id, err));
		ASOF_TRY(asof_json_member_read_int(&requests->items[i], "rows", &rows, err));
		ASOF_TRY(add(ids, id, rows, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_push_ids_take(struct asof_push_ids *ids, const struct asof_table_snapshot *commit,
		   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *requests = NULL;
	const char *text = asof_property_find(commit->info, commit->info_count, ASOF_INFO_REQUESTS);
	assert(commit->version == ids->version + 1);
	ASOF_TRY(asof_json_read(asof_str_from(text ? text : "[]"), &arena, &requests, err));
	ASOF_TRY(add_commit(ids, requests, err));
	ids->version = commit->version;
	return ASOF_OK;
}

static enum asof_status
read_commits(struct asof_push_ids *ids, struct asof_session *session,
	     const struct asof_push_log *log, struct asof_arena *arena, struct asof_error *err)
{
	struct reading reading = { .since = ids->version,
				   .newest = log->snapshot.version,
				   .arena = arena };
	struct asof_error why = { 0 };
	size_t most = ASOF_PUSH_COMMITS_MAX;
	if (log->snapshot.version - ids->version < (int64_t)most)
		most = (size_t)(log->snapshot.version - ids->version);
	reading.commits = asof_arena_array(arena, most + 1, sizeof(*reading.commits));
	if (!reading.commits)
		return no_memory(err);
	enum asof_status status =
		asof_table_history(session->lake, log->table, note_commit, &reading, &why);
	if (status != ASOF_OK && status != ASOF_CANCELLED)
		return ASOF_FAIL(err, status, "%s", why.message);
	for (size_t i = reading.count; i-- > 0;)
		ASOF_TRY(add_commit(ids, reading.commits[i], err));
	return ASOF_OK;
}

enum asof_status
asof_push_ids_read(struct asof_push_ids *ids, struct asof_session *session,
		   const struct asof_push_log *log, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	if (log->id != ids->log || log->snapshot.version < ids->version)
		forget(ids);
	if (log->id == 0)
		return ASOF_OK;
	if (!ids->ring)
		ids->ring = asof_mem_alloc(ASOF_PUSH_IDS_MAX * sizeof(*ids->ring));
	if (!ids->ring)
		return no_memory(err);
	ids->log = log->id;
	if (ids->version == log->snapshot.version)
		return ASOF_OK;
	enum asof_status status = read_commits(ids, session, log, &arena, err);
	if (status != ASOF_OK) {
		forget(ids);
		return ASOF_WRAP(err, status, "read which requests '%s' has", log->table);
	}
	ids->version = log->snapshot.version;
	return ASOF_OK;
}

bool
asof_push_ids_find(const struct asof_push_ids *ids, struct asof_str id, int64_t *ret_row_count)
{
	void *rows = NULL;
	if (!asof_map_find(&ids->rows, id, &rows))
		return false;
	*ret_row_count = (int64_t)(uintptr_t)rows - 1;
	return true;
}
