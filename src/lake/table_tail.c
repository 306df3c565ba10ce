#include "lake/table_tail.h"

#include <assert.h>

#include "lake/delta_state.h"
#include "model/hash.h"

/* One entry, as far as it adds files. */
struct entry {
	struct asof_blob *lake;
	struct asof_arena arena;
	struct asof_buf text;
	struct asof_table_snapshot commit;
	struct asof_table_file *files;
	size_t capacity;
	bool does_more; /* than to add files */
};

static void
entry_done(struct entry *entry)
{
	asof_mem_free(entry->files);
	asof_buf_done(&entry->text);
	asof_arena_done(&entry->arena);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "commit");
}

static enum asof_status
take_file(struct entry *entry, const struct asof_delta_add *add, struct asof_error *err)
{
	size_t count = entry->commit.file_count;
	struct asof_table_file file = { .size_bytes = (uint64_t)add->size_bytes,
					.row_count = add->row_count,
					.modified_ms = add->modified_ms };
	ASOF_TRY(asof_mem_reserve((void **)&entry->files, &entry->capacity, count + 1,
				  sizeof(*entry->files), err));
	file.name = asof_arena_copy(&entry->arena, add->name);
	const char *stats = asof_arena_copy(&entry->arena, add->stats);
	const char *object =
		asof_arena_printf(&entry->arena, "%s/%s", entry->commit.table, file.name);
	if (!file.name || !object || !stats)
		return no_memory(err);
	file.stats_text = (struct asof_str){ stats, add->stats.len };
	ASOF_TRY(asof_blob_locate(entry->lake, object, &entry->arena, &file.path, err));
	ASOF_TRY(asof_table_file_read_stats(&file, &entry->arena, err));
	entry->files[count] = file;
	entry->commit.files = entry->files;
	entry->commit.file_count++;
	return ASOF_OK;
}

static enum asof_status
take_info(struct entry *entry, const struct asof_delta_commit_info *info, struct asof_error *err)
{
	struct asof_property *texts =
		asof_arena_array(&entry->arena, info->info_count, sizeof(*texts));
	if (!texts)
		return no_memory(err);
	for (size_t i = 0; i < info->info_count; i++) {
		texts[i].name = asof_arena_copy(&entry->arena, asof_str_from(info->info[i].name));
		texts[i].value = asof_arena_copy(&entry->arena, asof_str_from(info->info[i].value));
		if (!texts[i].name || !texts[i].value)
			return no_memory(err);
	}
	entry->commit.committed_us = info->committed_us;
	entry->commit.info = texts;
	entry->commit.info_count = info->info_count;
	return ASOF_OK;
}

static enum asof_status
take_action(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct entry *entry = arg;
	switch (action->kind) {
	case ASOF_DELTA_ADD:
		return take_file(entry, &action->add, err);
	case ASOF_DELTA_COMMIT_INFO:
		return take_info(entry, &action->commit, err);
	case ASOF_DELTA_PROTOCOL:
	case ASOF_DELTA_METADATA:
	case ASOF_DELTA_REMOVE:
		entry->does_more = true;
		break;
	case ASOF_DELTA_TXN:
	case ASOF_DELTA_OTHER:
		break;
	}
	return ASOF_OK;
}

/* *ret_is_there: whether there is such an entry. */
static enum asof_status
read_entry(struct entry *entry, int64_t version, bool *ret_is_there, struct asof_error *err)
{
	struct asof_error why = { 0 };
	asof_arena_reset(&entry->arena);
	entry->commit = (struct asof_table_snapshot){ .table = entry->commit.table,
						      .version = version,
						      .committed_us = -1 };
	enum asof_status status = asof_delta_entry_read(entry->lake, entry->commit.table, version,
							&entry->text, take_action, entry, &why);
	*ret_is_there = status == ASOF_OK;
	return status == ASOF_OK || status == ASOF_NOT_FOUND
		       ? ASOF_OK
		       : ASOF_FAIL(err, status, "%s", why.message);
}

enum asof_status
asof_table_tail_begin(struct asof_blob *lake, const char *table, int64_t version,
		      struct asof_table_tail *ret_tail, struct asof_error *err)
{
	assert(lake && table && version >= -1 && ret_tail);
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	struct asof_table_tail tail = { .version = version };
	if (version >= 0) {
		ASOF_TRY(asof_delta_log_name(table, version, ASOF_DELTA_ENTRY, name, err));
		ASOF_TRY(asof_blob_read(lake, name, &text, err));
		asof_hash128_text(asof_buf_view(&text), tail.sum);
	}
	*ret_tail = tail;
	return ASOF_OK;
}

/* Is the entry up to which the table was read still the same? */
static enum asof_status
is_same_table(struct entry *entry, const struct asof_table_tail *tail, bool *ret_is_same,
	      struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	char sum[33];
	struct asof_error why = { 0 };
	*ret_is_same = tail->version < 0;
	if (tail->version < 0)
		return ASOF_OK;
	ASOF_TRY(asof_delta_log_name(entry->commit.table, tail->version, ASOF_DELTA_ENTRY, name,
				     err));
	enum asof_status status = asof_blob_read(entry->lake, name, &entry->text, &why);
	if (status == ASOF_NOT_FOUND)
		return ASOF_OK;
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	asof_hash128_text(asof_buf_view(&entry->text), sum);
	*ret_is_same = strcmp(sum, tail->sum) == 0;
	return ASOF_OK;
}

/* The log is shortened from its beginning: where the entry before is there, so is every other. */
enum asof_status
asof_table_tail_read(struct asof_blob *lake, const char *table, struct asof_table_tail *tail,
		     asof_table_tail_fn *visit, void *arg, bool *ret_is_lost,
		     struct asof_error *err)
{
	assert(lake && table && tail && visit && ret_is_lost);
	ASOF_AUTO(entry_done)
	struct entry entry = { .lake = lake,
			       .text = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX),
			       .commit = { .table = table } };
	bool is_same = false;
	ASOF_TRY(is_same_table(&entry, tail, &is_same, err));
	*ret_is_lost = !is_same;
	while (!*ret_is_lost) {
		bool is_there = false;
		ASOF_TRY(read_entry(&entry, tail->version + 1, &is_there, err));
		if (!is_there)
			return ASOF_OK;
		*ret_is_lost = entry.does_more || entry.commit.committed_us < 0;
		if (*ret_is_lost)
			return ASOF_OK;
		ASOF_TRY(visit(arg, &entry.commit, err));
		tail->version++;
		asof_hash128_text(asof_buf_view(&entry.text), tail->sum);
	}
	return ASOF_OK;
}
