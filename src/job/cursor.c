#include "job/cursor.h"

#include "base/map.h"
#include "codec/json_reader.h"
#include "job/versions.h"

static enum asof_status
read_file(const struct asof_json *json, struct asof_arena *arena, struct asof_cursor_file *ret_file,
	  struct asof_error *err)
{
	struct asof_str name;
	int64_t size = 0;
	ASOF_TRY(asof_json_member_read_str(json, "name", &name, err));
	ASOF_TRY(asof_json_member_read_int(json, "size_bytes", &size, err));
	ASOF_TRY(asof_json_member_read_int(json, "modified_us", &ret_file->modified_us, err));
	ASOF_TRY(asof_json_member_read_int(json, "ordinal", &ret_file->ordinal, err));
	ret_file->size_bytes = (uint64_t)size;
	ret_file->name = asof_arena_copy(arena, name);
	return ret_file->name ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor");
}

static enum asof_status
read_range(const struct asof_json *json, struct asof_plan_range *ret_range, struct asof_error *err)
{
	*ret_range = (struct asof_plan_range){ .has_from = true, .has_to = true };
	ASOF_TRY(asof_json_member_read_int(json, "from_us", &ret_range->from_us, err));
	return asof_json_member_read_int(json, "to_us", &ret_range->to_us, err);
}

/* Nothing where the source is files. */
static enum asof_status
read_table(const struct asof_json *root, struct asof_arena *arena, struct asof_cursor *ret_cursor,
	   struct asof_error *err)
{
	const struct asof_json *table = asof_json_member(root, "table");
	struct asof_str id;
	struct asof_str deletes;
	if (!table)
		return ASOF_OK;
	ASOF_TRY(asof_json_member_read_str(table, "id", &id, err));
	ASOF_TRY(asof_json_member_read_int(table, "version", &ret_cursor->table_version, err));
	ASOF_TRY(asof_json_member_read_str(table, "deletes", &deletes, err));
	ret_cursor->table_id = asof_arena_copy(arena, id);
	ret_cursor->table_deletes = asof_arena_copy(arena, deletes);
	if (!ret_cursor->table_id || !ret_cursor->table_deletes)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor");
	return ASOF_OK;
}

static enum asof_status
read_watermark(const struct asof_json *json, struct asof_arena *arena,
	       struct asof_cursor_watermark *ret_watermark, struct asof_error *err)
{
	struct asof_str by;
	const struct asof_json *open = asof_json_member(json, "open");
	ASOF_TRY(asof_json_member_read_str(json, "by", &by, err));
	ASOF_TRY(
		asof_json_member_read_int(json, "watermark_us", &ret_watermark->watermark_us, err));
	ASOF_TRY(asof_json_member_read_int(json, "settled_us", &ret_watermark->settled_us, err));
	if (!open || open->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_INVALID, "no list of open files");
	ret_watermark->by = asof_str_equal(by, asof_str_from("created_time"))
				    ? ASOF_SOURCE_CURSOR_CREATED
				    : ASOF_SOURCE_CURSOR_EVENT;
	ret_watermark->open = asof_arena_array(arena, open->count, sizeof(*ret_watermark->open));
	if (!ret_watermark->open)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor of %zu files", open->count);
	for (size_t i = 0; i < open->count; i++) {
		const struct asof_json *name = &open->items[i];
		if (name->kind != ASOF_JSON_STRING)
			return ASOF_FAIL(err, ASOF_INVALID, "an open file without a name");
		ret_watermark->open[i] = asof_arena_copy(arena, name->text);
		if (!ret_watermark->open[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor");
	}
	ret_watermark->open_count = open->count;
	return ASOF_OK;
}

/* Nothing where the source is no view. */
static enum asof_status
read_upstream(const struct asof_json *root, struct asof_arena *arena,
	      struct asof_cursor *ret_cursor, struct asof_error *err)
{
	struct asof_str upstream;
	ret_cursor->upstream_at = -1;
	if (!asof_json_member(root, "upstream"))
		return ASOF_OK;
	ASOF_TRY(asof_json_member_read_str(root, "upstream", &upstream, err));
	if (asof_json_member(root, "upstream_at"))
		ASOF_TRY(asof_json_member_read_int(root, "upstream_at", &ret_cursor->upstream_at,
						   err));
	ret_cursor->upstream = asof_arena_copy(arena, upstream);
	return ret_cursor->upstream ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor");
}

static enum asof_status
read_root(const struct asof_json *root, struct asof_arena *arena, struct asof_cursor *ret_cursor,
	  struct asof_error *err)
{
	ASOF_TRY(asof_json_member_read_int(root, "next_ordinal", &ret_cursor->next_ordinal, err));
	const struct asof_json *files = asof_json_member(root, "files");
	ASOF_TRY(read_upstream(root, arena, ret_cursor, err));
	const struct asof_json *ranges = asof_json_member(root, "ranges");
	if (!files || files->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_INVALID, "no list of files");

	ret_cursor->file_count = files->count;
	ret_cursor->files = asof_arena_array(arena, files->count, sizeof(*ret_cursor->files));
	ret_cursor->range_count = ranges && ranges->kind == ASOF_JSON_ARRAY ? ranges->count : 0;
	ret_cursor->ranges =
		asof_arena_array(arena, ret_cursor->range_count, sizeof(*ret_cursor->ranges));
	if (!ret_cursor->files || !ret_cursor->ranges)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor of %zu files", files->count);
	for (size_t i = 0; i < files->count; i++)
		ASOF_TRY(read_file(&files->items[i], arena, &ret_cursor->files[i], err));
	for (size_t i = 0; i < ret_cursor->range_count; i++)
		ASOF_TRY(read_range(&ranges->items[i], &ret_cursor->ranges[i], err));
	const struct asof_json *watermark = asof_json_member(root, "watermark");
	if (watermark)
		ASOF_TRY(read_watermark(watermark, arena, &ret_cursor->watermark, err));
	return read_table(root, arena, ret_cursor, err);
}

enum asof_status
asof_cursor_read(const char *json, struct asof_arena *arena, struct asof_cursor *ret_cursor,
		 struct asof_error *err)
{
	struct asof_cursor cursor = { 0 };
	if (json && *json) {
		const struct asof_json *root = NULL;
		enum asof_status status = asof_json_read(asof_str_from(json), arena, &root, err);
		if (status == ASOF_OK)
			status = read_root(root, arena, &cursor, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status == ASOF_NO_MEMORY ? status : ASOF_CORRUPT,
					 "cursor of the last build");
	}
	*ret_cursor = cursor;
	return ASOF_OK;
}

enum asof_status
asof_cursor_of_table(const struct asof_table_snapshot *table, struct asof_arena *arena,
		     struct asof_cursor *ret_cursor, struct asof_error *err)
{
	const char *json = asof_property_find(table->info, table->info_count, ASOF_INFO_CURSOR);
	if (table->version >= 0 && (!json || !*json))
		return ASOF_FAIL(err, ASOF_CORRUPT,
				 "the last commit does not say what the table was made from");
	return asof_cursor_read(json, arena, ret_cursor, err);
}

bool
asof_cursor_is_open_file(const char *json, const char *name)
{
	size_t len = strlen(name);
	const char *at = json ? strstr(json, "\"watermark\":") : NULL;
	for (at = at ? strstr(at, name) : NULL; at; at = strstr(at + 1, name)) {
		if (at[-1] == '"' && at[len] == '"')
			return true;
	}
	return false;
}

static void
write_watermark(struct asof_json_writer *w, const struct asof_cursor_watermark *watermark)
{
	asof_json_key_cstr(w, "watermark");
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "by", asof_source_cursor_text(watermark->by));
	asof_json_member_int(w, "watermark_us", watermark->watermark_us);
	asof_json_member_int(w, "settled_us", watermark->settled_us);
	asof_json_key_cstr(w, "open");
	asof_json_begin_array(w);
	for (size_t i = 0; i < watermark->open_count; i++)
		asof_json_cstr(w, watermark->open[i]);
	asof_json_end_array(w);
	asof_json_end_object(w);
}

void
asof_cursor_write(const struct asof_cursor *cursor, struct asof_buf *buf)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "files");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < cursor->file_count; i++) {
		const struct asof_cursor_file *file = &cursor->files[i];
		asof_json_begin_object(&w);
		asof_json_member_cstr(&w, "name", file->name);
		asof_json_member_int(&w, "size_bytes", (int64_t)file->size_bytes);
		asof_json_member_int(&w, "modified_us", file->modified_us);
		asof_json_member_int(&w, "ordinal", file->ordinal);
		asof_json_end_object(&w);
	}
	asof_json_end_array(&w);
	asof_json_member_int(&w, "next_ordinal", cursor->next_ordinal);
	if (cursor->range_count > 0) {
		asof_json_key_cstr(&w, "ranges");
		asof_json_begin_array(&w);
		for (size_t i = 0; i < cursor->range_count; i++) {
			asof_json_begin_object(&w);
			asof_json_member_int(&w, "from_us", cursor->ranges[i].from_us);
			asof_json_member_int(&w, "to_us", cursor->ranges[i].to_us);
			asof_json_end_object(&w);
		}
		asof_json_end_array(&w);
	}
	if (cursor->watermark.by != ASOF_SOURCE_CURSOR_FILES)
		write_watermark(&w, &cursor->watermark);
	if (cursor->upstream) {
		asof_json_member_cstr(&w, "upstream", cursor->upstream);
		asof_json_member_int(&w, "upstream_at", cursor->upstream_at);
	}
	if (cursor->table_id) {
		asof_json_key_cstr(&w, "table");
		asof_json_begin_object(&w);
		asof_json_member_cstr(&w, "id", cursor->table_id);
		asof_json_member_int(&w, "version", cursor->table_version);
		asof_json_member_cstr(&w, "deletes", cursor->table_deletes);
		asof_json_end_object(&w);
	}
	asof_json_end_object(&w);
}

/* One file that is there now, against what is remembered of it. */
static void
compare_file(const struct asof_cursor_file *known, const struct asof_source_file *file,
	     struct asof_cursor *now, bool *ret_is_new, enum asof_cursor_difference *difference,
	     const char **changed)
{
	struct asof_cursor_file *next = &now->files[now->file_count++];
	*next = (struct asof_cursor_file){ file->name, file->size_bytes, file->modified_us, 0 };
	*ret_is_new = known == NULL;
	if (!known) {
		next->ordinal = now->next_ordinal++;
		if (*difference == ASOF_CURSOR_SAME)
			*difference = ASOF_CURSOR_GROWN;
		return;
	}
	next->ordinal = known->ordinal;
	if (known->size_bytes != file->size_bytes || known->modified_us != file->modified_us) {
		*difference = ASOF_CURSOR_CHANGED;
		*changed = file->name;
	}
}

static enum asof_status
compare_all(const struct asof_cursor *cursor, struct asof_map *known,
	    const struct asof_source_file *files, size_t file_count, struct asof_cursor *now,
	    bool *is_new, enum asof_cursor_difference *ret_difference, const char **ret_changed,
	    struct asof_error *err)
{
	for (size_t i = 0; i < cursor->file_count; i++)
		ASOF_TRY(asof_map_put(known, asof_str_from(cursor->files[i].name),
				      &cursor->files[i], err));
	*ret_difference = ASOF_CURSOR_SAME;
	*ret_changed = NULL;
	for (size_t i = 0; i < file_count; i++) {
		void *found = NULL;
		(void)asof_map_find(known, asof_str_from(files[i].name), &found);
		compare_file(found, &files[i], now, &is_new[i], ret_difference, ret_changed);
		(void)asof_map_remove(known, asof_str_from(files[i].name));
	}
	for (size_t i = 0; i < cursor->file_count; i++) {
		if (asof_map_find(known, asof_str_from(cursor->files[i].name), NULL)) {
			*ret_difference = ASOF_CURSOR_CHANGED;
			*ret_changed = cursor->files[i].name;
		}
	}
	return ASOF_OK;
}

enum asof_status
asof_cursor_compare(const struct asof_cursor *cursor, const struct asof_source_file *files,
		    size_t file_count, struct asof_arena *arena, struct asof_cursor *ret_now,
		    bool *is_new, enum asof_cursor_difference *ret_difference,
		    const char **ret_changed, struct asof_error *err)
{
	struct asof_cursor now = { .next_ordinal = cursor->next_ordinal,
				   .ranges = cursor->ranges,
				   .range_count = cursor->range_count };
	now.files = asof_arena_array(arena, file_count, sizeof(*now.files));
	if (!now.files)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "cursor of %zu files", file_count);
	ASOF_AUTO(asof_map_done) struct asof_map known = { 0 };
	ASOF_TRY(compare_all(cursor, &known, files, file_count, &now, is_new, ret_difference,
			     ret_changed, err));
	*ret_now = now;
	return ASOF_OK;
}
