/* push_log.c - the log of a source's pushed rows, read. */
#include "job/push_log.h"

#include "job/checkpoint.h"
#include "model/hash.h"

static enum asof_status
no_memory(const struct asof_source *source, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows pushed into '%s'", source->name);
}

const char *
asof_push_log_obstacle(const struct asof_source *source)
{
	if (source->kind == ASOF_SOURCE_VIEW)
		return "it is a view: push into the source that the view reads";
	if (asof_format_is_table(source->format))
		return "it is a table that others write: write to that table";
	if (source->cursor != ASOF_SOURCE_CURSOR_FILES)
		return "its cursor is a time, by which builds pass over rows that come late: "
		       "pushed rows want `cursor: files`";
	return NULL;
}

bool
asof_push_log_takes(const struct asof_source *source, const struct asof_field *field)
{
	/* Local times within lists have no cast that knows the zone. */
	return field->type.kind != ASOF_TYPE_NONE &&
	       !(field->type.kind == ASOF_TYPE_LIST && field->type.element == ASOF_TYPE_TIMESTAMP &&
		 source->time_zone);
}

bool
asof_push_log_is_file(const char *name)
{
	return strncmp(name, ASOF_PUSH_FILE_PREFIX, strlen(ASOF_PUSH_FILE_PREFIX)) == 0;
}

/* Every commit adds one file. */
static enum asof_status
check_log(const struct asof_push_log *log, const char *id, struct asof_error *err)
{
	if (id && *id && (int64_t)log->snapshot.file_count == log->snapshot.version + 1)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "'%s' of the lake is not as pushes write it: %zu files at version %lld",
			 log->table, log->snapshot.file_count, (long long)log->snapshot.version);
}

enum asof_status
asof_push_log_read(struct asof_session *session, const struct asof_source *source,
		   struct asof_arena *arena, struct asof_push_log *ret_log, struct asof_error *err)
{
	struct asof_blob *lake = NULL;
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	struct asof_push_log log = { .table = asof_arena_printf(arena, ASOF_PUSH_TABLE_PREFIX "%s",
								source->name) };
	if (!log.table)
		return no_memory(source, err);
	ASOF_TRY(asof_session_lake(session, &lake, err));
	ASOF_TRY(asof_table_read_by(lake, log.table, -1, &io, arena, &log.snapshot, err));
	if (log.snapshot.version >= 0) {
		const char *id = asof_property_find(log.snapshot.properties,
						    log.snapshot.property_count, ASOF_PUSH_LOG_ID);
		ASOF_TRY(check_log(&log, id, err));
		log.id = asof_hash64(asof_str_from(id)) | 1; /* never 0 */
	}
	*ret_log = log;
	return ASOF_OK;
}

static enum asof_status
add_files(struct asof_session *session, const struct asof_source *source,
	  const struct asof_push_log *log, struct asof_bound_source *bound, struct asof_error *err)
{
	struct asof_arena *arena = &session->arena;
	size_t pushed = log->snapshot.file_count;
	size_t count = bound->file_count + pushed;
	struct asof_source_file *files = asof_arena_array(arena, count, sizeof(*files));
	const char **paths = asof_arena_array(arena, count, sizeof(*paths));
	if (!files || !paths)
		return no_memory(source, err);
	memcpy(files, bound->files, bound->file_count * sizeof(*files));
	memcpy(paths, bound->paths, bound->file_count * sizeof(*paths));
	for (size_t i = 0; i < pushed; i++) {
		const struct asof_table_file *file = &log->snapshot.files[i];
		struct asof_source_file *to = &files[bound->file_count + i];
		*to = (struct asof_source_file){
			.name = asof_arena_printf(arena, ASOF_PUSH_FILE_PREFIX "%s", file->name),
			.path = file->path,
			.size_bytes = file->size_bytes,
		};
		if (!to->name)
			return no_memory(source, err);
		paths[bound->file_count + i] = to->path;
	}
	bound->files = files;
	bound->paths = paths;
	bound->file_count = count;
	bound->pushed_count = pushed;
	return ASOF_OK;
}

enum asof_status
asof_push_log_columns(const struct asof_push_log *log, const struct asof_source *source,
		      size_t own_field_count, struct asof_arena *arena, const bool **ret_columns,
		      struct asof_error *err)
{
	bool *columns = asof_arena_array(arena, own_field_count, sizeof(*columns));
	if (!columns)
		return no_memory(source, err);
	for (size_t i = 0; i < own_field_count; i++) {
		const struct asof_field *field = &source->fields[i];
		for (size_t f = 0; f < log->snapshot.field_count; f++) {
			if (asof_push_log_takes(source, field) &&
			    strcmp(log->snapshot.fields[f].name, field->name) == 0)
				columns[i] = true;
		}
	}
	*ret_columns = columns;
	return ASOF_OK;
}

enum asof_status
asof_push_log_bind(struct asof_session *session, const struct asof_source *source,
		   struct asof_bound_source *bound, struct asof_error *err)
{
	struct asof_push_log log;
	enum asof_status status = asof_push_log_read(session, source, &session->arena, &log, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read what was pushed into '%s'", source->name);
	bound->own_field_count = source->field_count;
	ASOF_TRY(asof_push_log_columns(&log, source, bound->own_field_count, &session->arena,
				       &bound->is_pushed_column, err));
	return add_files(session, source, &log, bound, err);
}
