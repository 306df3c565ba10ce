/* foreign_table.c - what is alike for tables of all kinds: found, listed, told in messages. */
#include "job/foreign_table.h"

#include "job/objects.h"

/* "data/orders/" as "data/orders". */
static size_t
bare_length(const char *path)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

enum asof_status
asof_foreign_list(struct asof_session *session, const struct asof_source *source,
		  const char *pattern, const struct asof_source_file **ret_files, size_t *ret_count,
		  struct asof_error *err)
{
	struct asof_source listed = *source;
	struct asof_error why = { 0 };
	const char *path = source->location.text;
	listed.format = ASOF_FORMAT_PARQUET; /* of directories below, which no pattern here names */
	listed.location.text =
		asof_arena_printf(&session->arena, "%.*s%s", (int)bare_length(path), path, pattern);
	if (!listed.location.text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	enum asof_status status = asof_objects_list(session, &listed, ret_files, ret_count, &why);
	if (status == ASOF_NOT_FOUND) {
		*ret_files = NULL;
		*ret_count = 0;
		return ASOF_OK;
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

enum asof_status
asof_foreign_find_format(struct asof_session *session, struct asof_source *source,
			 struct asof_error *err)
{
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	ASOF_TRY(asof_foreign_list(session, source, "/_delta_log/*", &files, &count, err));
	if (count > 0) {
		source->format = ASOF_FORMAT_DELTA;
		return ASOF_OK;
	}
	ASOF_TRY(asof_foreign_list(session, source, "/metadata/*.metadata.json", &files, &count,
				   err));
	if (count > 0) {
		source->format = ASOF_FORMAT_ICEBERG;
		return ASOF_OK;
	}
	return ASOF_FAIL(err, ASOF_NOT_FOUND,
			 "the name '%s' does not tell what it holds, and it is no table (it has no "
			 "_delta_log/ and no metadata/): add 'format: parquet', csv or json",
			 source->location.text);
}

const char *
asof_foreign_file_name(const char *path, const char *project_dir)
{
	size_t len = strlen(project_dir);
	bool is_below = strncmp(path, project_dir, len) == 0 && path[len] == '/';
	return is_below ? path + len + 1 : path;
}

const char *
asof_foreign_file_path(const char *name, const char *project_dir, struct asof_arena *arena)
{
	bool is_whole = name[0] == '/' || strstr(name, "://");
	return is_whole ? name : asof_arena_printf(arena, "%s/%s", project_dir, name);
}

/* ---- data files ---- */

static enum asof_status
add_file(struct asof_foreign_files *files, const struct asof_source_file *file, bool is_delete,
	 struct asof_error *err)
{
	struct asof_source_file **list = is_delete ? &files->deletes : &files->data;
	size_t *count = is_delete ? &files->delete_count : &files->data_count;
	size_t *capacity = is_delete ? &files->delete_capacity : &files->data_capacity;
	if (*count == ASOF_SOURCE_FILES_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than %d files", ASOF_SOURCE_FILES_MAX);
	if (*count == *capacity) {
		size_t wanted = *capacity ? 2 * *capacity : 64;
		struct asof_source_file *more =
			asof_arena_array(files->arena, wanted, sizeof(*more));
		if (!more)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", wanted);
		if (*count > 0)
			memcpy(more, *list, *count * sizeof(*more));
		*list = more;
		*capacity = wanted;
	}
	(*list)[(*count)++] = *file;
	return ASOF_OK;
}

static enum asof_status
take_files(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct asof_foreign_files *files = arg;
	struct asof_value values[5];
	if (schema->field_count != ASOF_COUNTOF(values))
		return ASOF_FAIL(err, ASOF_INTERNAL, "expected data files");
	for (size_t row = 0; row < batch->row_count; row++) {
		for (size_t i = 0; i < ASOF_COUNTOF(values); i++)
			ASOF_TRY(asof_column_value(&batch->columns[i], row, NULL, &values[i], err));
		const char *path = asof_arena_copy(files->arena, values[0].str);
		if (!files->id && !values[4].is_null)
			files->id = asof_arena_copy(files->arena, values[4].str);
		if (!path)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "path of a data file");
		const struct asof_source_file file = {
			.name = asof_foreign_file_name(path, files->project_dir),
			.path = path,
			.size_bytes = (uint64_t)values[1].int64,
			.modified_us = values[2].int64 * 1000,
		};
		ASOF_TRY(add_file(files, &file, values[3].boolean, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_foreign_ask_files(struct asof_engine *engine, const char *sql,
		       struct asof_foreign_files *files, struct asof_error *err)
{
	return asof_engine_query(engine, sql, take_files, files, err);
}

static enum asof_status
set_files(struct asof_foreign_opening *o, struct asof_error *err)
{
	struct asof_bound_source *bound = o->bound;
	bound->paths =
		asof_arena_array(&o->session->arena, bound->file_count, sizeof(*bound->paths));
	if (!bound->paths)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu paths", bound->file_count);
	for (size_t i = 0; i < bound->file_count; i++)
		bound->paths[i] = bound->files[i].path;
	bound->table = o->table;
	return ASOF_OK;
}

bool
asof_foreign_wants_version(const struct asof_foreign_opening *o, int64_t *ret_version)
{
	const struct asof_session *session = o->session;
	for (size_t i = 0; i < session->pin_count; i++) {
		if (strcmp(session->pins[i].source, o->source->name) != 0)
			continue;
		*ret_version = session->pins[i].version;
		return true;
	}
	if (o->source->has_version)
		*ret_version = o->source->version;
	return o->source->has_version;
}

enum asof_status
asof_foreign_open(struct asof_session *session, struct asof_engine *engine,
		  const struct asof_source *source, struct asof_bound_source *bound,
		  struct asof_error *err)
{
	struct asof_foreign_table *table = asof_arena_alloc(&session->arena, sizeof(*table));
	if (!table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
	table->name = source->location.text;
	table->id = "";
	table->deletes = "";
	struct asof_foreign_opening o = { session, engine, source, table, bound };
	enum asof_status status = source->format == ASOF_FORMAT_DELTA
					  ? asof_foreign_open_delta(&o, err)
					  : asof_foreign_open_iceberg(&o, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", source->name);
	return set_files(&o, err);
}
