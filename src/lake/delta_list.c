/* delta_list.c - a table's log as files. */
#include "lake/delta_list.h"

#include <assert.h>
#include <stdio.h>

#include "base/number.h"

#define VERSION_DIGITS 20
#define LISTS_MAX      5

static enum asof_status
check_table(const char *table, struct asof_error *err)
{
	size_t len = strnlen(table, ASOF_DELTA_NAME_MAX);
	if (len == 0 || len > ASOF_DELTA_NAME_MAX - 64 || table[0] == '/' || table[len - 1] == '/')
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is no name of a table", table);
	return ASOF_OK;
}

enum asof_status
asof_delta_log_name(const char *table, int64_t version, const char *ending,
		    char out[ASOF_DELTA_NAME_MAX], struct asof_error *err)
{
	ASOF_TRY(check_table(table, err));
	int len = snprintf(out, ASOF_DELTA_NAME_MAX, "%s/_delta_log/%0*lld%s", table,
			   VERSION_DIGITS, (long long)version, ending);
	assert(len > 0 && len < ASOF_DELTA_NAME_MAX);
	return ASOF_OK;
}

struct version_list {
	int64_t *items; /* owned */
	size_t count;
	size_t capacity;
};

struct listing {
	size_t prefix_len;
	struct version_list entries;     /* those without a gap to the last one */
	struct version_list modified_us; /* theirs */
	struct version_list snapshots;
	struct version_list checkpoints;
	int64_t gap; /* the last version that is missing below an entry; -1: none */
	bool has_checkpoint;
};

static void
listing_done(struct listing *listing)
{
	asof_mem_free(listing->entries.items);
	asof_mem_free(listing->modified_us.items);
	asof_mem_free(listing->snapshots.items);
	asof_mem_free(listing->checkpoints.items);
}

static enum asof_status
add_version(struct version_list *list, int64_t version, struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve((void **)&list->items, &list->capacity, list->count + 1,
				  sizeof(*list->items), err));
	list->items[list->count++] = version;
	return ASOF_OK;
}

static enum asof_status
add_entry(struct listing *listing, int64_t version, int64_t modified_us, struct asof_error *err)
{
	struct version_list *entries = &listing->entries;
	int64_t next = entries->count > 0 ? entries->items[entries->count - 1] + 1 : 0;
	if (version != next) {
		listing->gap = version - 1;
		entries->count = 0;
		listing->modified_us.count = 0;
	}
	ASOF_TRY(add_version(entries, version, err));
	return add_version(&listing->modified_us, modified_us, err);
}

/* Names ascend, so versions do. */
static enum asof_status
note_object(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	struct listing *listing = arg;
	struct asof_str name = { info->name.ptr + listing->prefix_len,
				 info->name.len - listing->prefix_len };
	if (asof_str_equal(name, asof_str_from("_last_checkpoint")))
		listing->has_checkpoint = true;
	int64_t version;
	if (name.len <= VERSION_DIGITS ||
	    !asof_int64_parse((struct asof_str){ name.ptr, VERSION_DIGITS }, &version) ||
	    version < 0)
		return ASOF_OK;
	struct asof_str ending = { name.ptr + VERSION_DIGITS, name.len - VERSION_DIGITS };
	static const char checkpoint[] = ".checkpoint.";
	if (ending.len >= sizeof(checkpoint) &&
	    memcmp(ending.ptr, checkpoint, sizeof(checkpoint) - 1) == 0)
		listing->has_checkpoint = true;
	if (asof_str_equal(ending, asof_str_from(ASOF_DELTA_SNAPSHOT)))
		return add_version(&listing->snapshots, version, err);
	if (asof_str_equal(ending, asof_str_from(ASOF_DELTA_CHECKPOINT)))
		return add_version(&listing->checkpoints, version, err);
	if (asof_str_equal(ending, asof_str_from(ASOF_DELTA_ENTRY)))
		return add_entry(listing, version, info->modified_us, err);
	return ASOF_OK;
}

/* The first of them from which entries lead on; -1: none. */
static int64_t
first_covering(const struct asof_delta_versions *versions, const struct asof_delta_log *log)
{
	for (size_t i = 0; i < versions->count; i++) {
		if (versions->items[i] >= log->first - 1 && versions->items[i] <= log->newest)
			return versions->items[i];
	}
	return -1;
}

int64_t
asof_delta_log_oldest(const struct asof_delta_log *log, bool has_io)
{
	if (log->newest < 0 || log->first == 0)
		return 0;
	int64_t snapshot = first_covering(&log->snapshots, log);
	int64_t checkpoint = has_io ? first_covering(&log->checkpoints, log) : -1;
	if (snapshot < 0 && checkpoint < 0)
		return log->newest + 1;
	bool is_snapshot = checkpoint < 0 || (snapshot >= 0 && snapshot < checkpoint);
	return is_snapshot ? snapshot : checkpoint;
}

static enum asof_status
keep_versions(const struct version_list *list, struct asof_arena *arena,
	      struct asof_delta_versions *ret_versions, struct asof_error *err)
{
	int64_t *items = asof_arena_array(arena, list->count, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	*ret_versions = (struct asof_delta_versions){ items, list->count };
	return ASOF_OK;
}

static enum asof_status
list_once(struct asof_blob *lake, const char *prefix, struct asof_arena *arena,
	  struct asof_delta_log *log, int64_t *ret_gap, struct asof_error *err)
{
	ASOF_AUTO(listing_done)
	struct listing listing = { .prefix_len = strlen(prefix), .gap = -1 };
	struct asof_delta_versions modified_us;
	ASOF_TRY(asof_blob_list(lake, prefix, note_object, &listing, err));
	ASOF_TRY(keep_versions(&listing.modified_us, arena, &modified_us, err));
	ASOF_TRY(keep_versions(&listing.snapshots, arena, &log->snapshots, err));
	ASOF_TRY(keep_versions(&listing.checkpoints, arena, &log->checkpoints, err));
	size_t count = listing.entries.count;
	log->first = count > 0 ? listing.entries.items[0] : 0;
	log->newest = count > 0 ? listing.entries.items[count - 1] : -1;
	log->modified_us = modified_us.items;
	log->has_checkpoint = listing.has_checkpoint;
	*ret_gap = listing.gap;
	return ASOF_OK;
}

/*
 * A directory may be listed while entries are added and removed, so that a later one shows and an
 * earlier one does not: what seems to be missing is looked for again.
 */
enum asof_status
asof_delta_log_list(struct asof_blob *lake, const char *table, struct asof_arena *arena,
		    struct asof_delta_log *ret_log, struct asof_error *err)
{
	ASOF_TRY(check_table(table, err));
	char prefix[ASOF_DELTA_NAME_MAX];
	int len = snprintf(prefix, sizeof(prefix), "%s/_delta_log/", table);
	assert(len > 0 && (size_t)len < sizeof(prefix));
	struct asof_delta_log log = { .table = asof_arena_copy(arena, asof_str_from(table)) };
	if (!log.table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log of '%s'", table);
	int64_t gap = -1;
	for (int i = 0; i < LISTS_MAX; i++) {
		ASOF_TRY(list_once(lake, prefix, arena, &log, &gap, err));
		if (gap < 0 || asof_delta_log_oldest(&log, true) <= log.newest) {
			*ret_log = log;
			return ASOF_OK;
		}
	}
	if (log.has_checkpoint) {
		*ret_log = log; /* of a kind that may be read elsewhere: who reads it says so */
		return ASOF_OK;
	}
	return ASOF_FAIL(err, ASOF_CORRUPT, "table '%s': version %lld is missing in its log", table,
			 (long long)gap);
}
