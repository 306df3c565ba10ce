/* upstream.c - sources that are views: their rows, and which version they are of. */
#include "job/upstream.h"

#include "job/bind.h"
#include "job/version_set.h"
#include "plan/sql.h"

#define SQL_TEXT_MAX (256u << 20)

static enum asof_status
no_memory(const struct asof_source *source, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", source->location.text);
}

static struct asof_bound_source *
bound_of(struct asof_session *session, const struct asof_source *source)
{
	return &session->bound[source - session->project->sources];
}

/* ---- the version ---- */

static enum asof_status
find_version(struct asof_session *session, const struct asof_source *source, const char *wanted,
	     struct asof_version *ret_version, struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	struct asof_error why = { 0 };
	const char *name = source->location.text;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	enum asof_status status = asof_catalog_find_version(catalog, name, wanted, &session->arena,
							    ret_version, &why);
	if (status == ASOF_NOT_FOUND && !*wanted)
		return ASOF_FAIL(err, status,
				 "upstream '%s' has no published version: run `asof build %s` "
				 "first, or build with --upstream",
				 name, name);
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

/* What the version offers under the name, or NULL. */
static const struct asof_type *
offered_type(const struct asof_view *view, const char *name)
{
	static const struct asof_type time = { .kind = ASOF_TYPE_TIMESTAMP };
	for (size_t i = 0; i < view->entity->key_count; i++) {
		if (strcmp(view->entity->keys[i].name, name) == 0)
			return &view->entity->keys[i].type;
	}
	const struct asof_output *output = asof_view_output(view, asof_str_from(name));
	if (output)
		return &output->type;
	bool is_time = strcmp(name, "event_time") == 0 || strcmp(name, "created_time") == 0;
	return is_time ? &time : NULL;
}

/* The reader is typed by what the upstream's definition says today; the version may be older. */
static enum asof_status
check_columns(const struct asof_version_table *table, const struct asof_source *source,
	      const struct asof_view *reader, struct asof_error *err)
{
	size_t column_count = source->field_count;
	for (size_t i = 0; reader && i < column_count; i++) {
		const struct asof_field *field = &source->fields[i];
		const struct asof_type *type = offered_type(table->view, field->name);
		char have[ASOF_TYPE_TEXT_MAX];
		char want[ASOF_TYPE_TEXT_MAX];
		bool is_select = false;
		for (size_t s = 0; s < source->select_count; s++)
			is_select = is_select || strcmp(source->selects[s].name, field->name) == 0;
		if (is_select || (type && asof_type_equal(*type, field->type)) ||
		    !asof_define_uses_column(reader, field->name))
			continue;
		const char *name = source->location.text;
		if (!type)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "upstream '%s' %s has no column '%s', its definition of "
					 "today has: run `asof build %s` first, or "
					 "`asof build %s --upstream`",
					 name, table->version_text, field->name, name,
					 reader->name);
		return ASOF_FAIL(err, ASOF_INVALID,
				 "upstream '%s' %s has '%s' as %s, its definition of today as %s: "
				 "run `asof build %s` first, or `asof build %s --upstream`",
				 name, table->version_text, field->name,
				 asof_type_text(*type, have), asof_type_text(field->type, want),
				 name, reader->name);
	}
	return ASOF_OK;
}

/* ---- its rows ---- */

/* The files of the table as a source's: what a cursor remembers of them. */
static enum asof_status
list_files(struct asof_session *session, const struct asof_source *source,
	   const struct asof_version_table *table, struct asof_bound_source *bound,
	   struct asof_error *err)
{
	size_t count = table->snapshot.file_count;
	struct asof_source_file *files = asof_arena_array(&session->arena, count, sizeof(*files));
	const char **paths = asof_arena_array(&session->arena, count, sizeof(*paths));
	if (!files || !paths)
		return no_memory(source, err);
	for (size_t i = 0; i < count; i++) {
		const struct asof_table_file *file = &table->snapshot.files[i];
		files[i].name = asof_arena_printf(&session->arena, "%s/%s", source->location.text,
						  file->name);
		files[i].path = asof_arena_copy(&session->arena, asof_str_from(file->path));
		files[i].size_bytes = file->size_bytes;
		paths[i] = files[i].path;
		if (!files[i].name || !files[i].path)
			return no_memory(source, err);
	}
	bound->files = files;
	bound->file_count = count;
	bound->paths = paths;
	return ASOF_OK;
}

static enum asof_status
use_table(struct asof_session *session, const struct asof_source *source,
	  const struct asof_version_table *table, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SQL_TEXT_MAX);
	struct asof_bound_source *bound = bound_of(session, source);
	ASOF_TRY(asof_plan_view_rows_sql(&table->plan, NULL, &sql, err));
	const char *rows = asof_arena_copy(&session->arena, asof_buf_view(&sql));
	const char *version = asof_arena_printf(&session->arena, "%s@%s", source->location.text,
						table->version_text);
	if (!rows || !version)
		return no_memory(source, err);
	ASOF_TRY(list_files(session, source, table, bound, err));
	ASOF_TRY(asof_bind_view_times(session, source, table->view->available_after_us, err));
	bound->rows_sql = rows;
	bound->upstream_version = version;
	bound->upstream_at = table->snapshot.version;
	return ASOF_OK;
}

static enum asof_status
use_version(struct asof_session *session, const struct asof_source *source, const char *wanted,
	    const struct asof_view *reader, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
	struct asof_version version;
	ASOF_TRY(find_version(session, source, wanted, &version, err));
	ASOF_TRY(asof_version_table_open(session, &version, &arena, &table, err));
	ASOF_TRY(check_columns(&table, source, reader, err));
	return use_table(session, source, &table, err);
}

enum asof_status
asof_upstream_use(struct asof_session *session, const struct asof_source *source,
		  const struct asof_view *reader, struct asof_error *err)
{
	return source->kind == ASOF_SOURCE_VIEW ? use_version(session, source, "", reader, err)
						: ASOF_OK;
}

enum asof_status
asof_upstream_use_version(struct asof_session *session, const struct asof_source *source,
			  const char *version, struct asof_error *err)
{
	const char *at = strchr(version, '@');
	return use_version(session, source, at ? at + 1 : version, NULL, err);
}

/* Two tables of one: the files for which is_new[i], and the others. */
static enum asof_status
split_table(const struct asof_version_table *table, const bool *is_new, struct asof_arena *arena,
	    struct asof_plan_table *added, struct asof_plan_table *older, struct asof_error *err)
{
	size_t count = table->snapshot.file_count;
	const char **new_paths = asof_arena_array(arena, count, sizeof(*new_paths));
	const char **old_paths = asof_arena_array(arena, count, sizeof(*old_paths));
	if (!new_paths || !old_paths)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", count);
	*added = *older = table->plan;
	added->path_count = older->path_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_new[i])
			new_paths[added->path_count++] = table->plan.paths[i];
		else
			old_paths[older->path_count++] = table->plan.paths[i];
	}
	added->paths = new_paths;
	older->paths = old_paths;
	return ASOF_OK;
}

/* Windows' rows have no order of their own between two keys of the upstream: a reader must have
 * these keys in its own, or read everything. */
static bool
has_keys_of(const struct asof_view *reader, const struct asof_entity *entity)
{
	for (size_t k = 0; k < entity->key_count; k++) {
		size_t i = 0;
		while (i < reader->entity->key_count &&
		       strcmp(reader->key_columns[i].text, entity->keys[k].name) != 0)
			i++;
		if (i == reader->entity->key_count)
			return false;
	}
	return true;
}

static enum asof_status
added_rows(struct asof_session *session, const struct asof_version_table *table, const bool *is_new,
	   struct asof_arena *arena, const char **ret_sql, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SQL_TEXT_MAX);
	struct asof_engine *engine = NULL;
	struct asof_plan_table added;
	struct asof_plan_table older;
	int64_t overlap = 0;
	ASOF_TRY(asof_session_engine(session, &engine, err));
	ASOF_TRY(split_table(table, is_new, arena, &added, &older, err));
	asof_plan_view_overlap_sql(&older, &added, &sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_query_ints(engine, asof_buf_cstr(&sql), &overlap, 1, err));
	if (overlap > 0)
		return ASOF_OK;
	asof_buf_clear(&sql);
	ASOF_TRY(asof_plan_view_rows_sql(&table->plan, &added, &sql, err));
	*ret_sql = asof_arena_copy(arena, asof_buf_view(&sql));
	return *ret_sql ? ASOF_OK
			: ASOF_FAIL(err, ASOF_NO_MEMORY, "rows of '%s'", table->view->name);
}

enum asof_status
asof_upstream_added(struct asof_session *session, const struct asof_view *reader,
		    const bool *is_new, struct asof_arena *arena, const char **ret_sql,
		    struct asof_error *err)
{
	ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
	const struct asof_source *source = reader->source;
	const char *version_text = strchr(bound_of(session, source)->upstream_version, '@') + 1;
	struct asof_version version;
	*ret_sql = NULL;
	ASOF_TRY(find_version(session, source, version_text, &version, err));
	ASOF_TRY(asof_version_table_open(session, &version, arena, &table, err));
	if (asof_view_is_windowed(table.view) && !has_keys_of(reader, table.view->entity))
		return ASOF_OK;
	return added_rows(session, &table, is_new, arena, ret_sql, err);
}

/* ---- order ---- */

static bool
is_in(const struct asof_view *const *views, size_t count, const struct asof_view *view)
{
	for (size_t i = 0; i < count; i++) {
		if (views[i] == view)
			return true;
	}
	return false;
}

/* Those that `view` reads and that are to be built, too, then itself. */
static void
place(const struct asof_view *view, const struct asof_view *const *wanted, size_t wanted_count,
      bool is_with_upstream, const struct asof_view **ordered, size_t *count)
{
	const struct asof_view *upstream = asof_upstream_of(view);
	if (is_in(ordered, *count, view))
		return;
	if (upstream)
		place(upstream, wanted, wanted_count, is_with_upstream, ordered, count);
	if (is_with_upstream || is_in(wanted, wanted_count, view))
		ordered[(*count)++] = view;
}

static size_t
depth_of(const struct asof_view *view)
{
	size_t depth = 1;
	while ((view = asof_upstream_of(view)))
		depth++;
	return depth;
}

enum asof_status
asof_upstream_order(const struct asof_view ***views, size_t *count, bool is_with_upstream,
		    struct asof_arena *arena, struct asof_error *err)
{
	size_t room = 0;
	size_t placed = 0;
	for (size_t i = 0; i < *count; i++)
		room += depth_of((*views)[i]);
	const struct asof_view **ordered = asof_arena_array(arena, room, sizeof(*ordered));
	if (!ordered)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", room);
	for (size_t i = 0; i < *count; i++)
		place((*views)[i], *views, *count, is_with_upstream, ordered, &placed);
	*views = ordered;
	*count = placed;
	return ASOF_OK;
}
