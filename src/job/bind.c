#include "job/bind.h"

#include <strings.h>

#include "base/suggest.h"
#include "job/foreign_table.h"
#include "job/objects.h"
#include "job/on_demand.h"
#include "job/push_log.h"
#include "plan/sql.h"

/* One source being bound. */
struct binding {
	struct asof_session *session;
	struct asof_engine *engine;
	struct asof_source *source;
	struct asof_bound_source *bound;
	struct asof_plan_source plan;
};

/* A CSV column that is a key is read with the key's declared type; two views must agree on it. */
static enum asof_status
collect_key_types(const struct binding *b, struct asof_error *err)
{
	struct asof_project *project = b->session->project;
	struct asof_bound_source *bound = b->bound;
	size_t capacity = 0;
	if (b->source->format != ASOF_FORMAT_CSV)
		return ASOF_OK;

	for (size_t v = 0; v < project->view_count; v++) {
		const struct asof_view *view = &project->views[v];
		if (view->source != b->source || !view->entity || !view->key_columns)
			continue;
		for (size_t k = 0; k < view->entity->key_count; k++) {
			const char *column = view->key_columns[k].text;
			const struct asof_key *key = &view->entity->keys[k];
			size_t i = 0;
			while (i < bound->key_type_count &&
			       strcmp(bound->key_types[i].name, column) != 0)
				i++;
			if (i < bound->key_type_count) {
				if (!asof_type_equal(bound->key_types[i].type, key->type))
					asof_mistakes_add(&b->session->mistakes, view->place,
							  "column '%s' of source '%s' is a key of "
							  "two types",
							  column, b->source->name);
				continue;
			}
			if (i == capacity) {
				capacity = capacity ? 2 * capacity : 8;
				struct asof_field *more = asof_arena_array(&b->session->arena,
									   capacity, sizeof(*more));
				if (!more)
					return ASOF_FAIL(err, ASOF_NO_MEMORY, "key types");
				if (i > 0)
					memcpy(more, bound->key_types, i * sizeof(*more));
				bound->key_types = more;
			}
			bound->key_types[bound->key_type_count++] =
				(struct asof_field){ .name = column, .type = key->type };
		}
	}
	return ASOF_OK;
}

static enum asof_status
list_files(const struct binding *b, bool *ret_found, struct asof_error *err)
{
	struct asof_bound_source *bound = b->bound;
	struct asof_session *session = b->session;
	enum asof_status status = ASOF_OK;
	if (b->source->format == ASOF_FORMAT_FOUND)
		status = asof_foreign_find_format(session, b->source, err);
	if (status == ASOF_OK && asof_format_is_table(b->source->format))
		status = asof_foreign_open(session, b->engine, b->source, bound, err);
	else if (status == ASOF_OK)
		status = asof_objects_list(session, b->source, &bound->files, &bound->file_count,
					   err);
	*ret_found = status == ASOF_OK;
	if (status == ASOF_NOT_FOUND || status == ASOF_UNSUPPORTED) {
		asof_mistakes_add(&session->mistakes, b->source->location.place, "%s",
				  err ? err->message : "no such file");
		return ASOF_OK;
	}
	ASOF_TRY(status);
	if (bound->table)
		return ASOF_OK;

	bound->paths = asof_arena_array(&session->arena, bound->file_count, sizeof(*bound->paths));
	if (!bound->paths)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu paths", bound->file_count);
	for (size_t i = 0; i < bound->file_count; i++)
		bound->paths[i] = bound->files[i].path;
	return ASOF_OK;
}

/* The columns of a view that is read, as defined now; false where not all of them are known. */
static enum asof_status
list_columns(const struct binding *b, bool *ret_found, struct asof_error *err)
{
	const struct asof_view *upstream = b->source->upstream;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	*ret_found = upstream && upstream->entity && upstream->output_count > 0;
	for (size_t i = 0; *ret_found && i < upstream->entity->key_count; i++)
		*ret_found = upstream->entity->keys[i].type.kind != ASOF_TYPE_NONE;
	for (size_t i = 0; *ret_found && i < upstream->output_count; i++)
		*ret_found = upstream->outputs[i].type.kind != ASOF_TYPE_NONE;
	if (!*ret_found)
		return ASOF_OK;
	asof_plan_view_columns_sql(upstream, &sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	b->bound->rows_sql = asof_arena_copy(&b->session->arena, asof_buf_view(&sql));
	return b->bound->rows_sql
		       ? ASOF_OK
		       : ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", upstream->name);
}

static bool
has_column(const struct asof_source *source, const char *name)
{
	for (size_t i = 0; i < source->field_count; i++) {
		if (strcasecmp(source->fields[i].name, name) == 0)
			return true;
	}
	return false;
}

/* "no column 'x' (did you mean 'y'?)", or what there is. */
static void
add_unknown_column(const struct binding *b, struct asof_place place, const char *name)
{
	const struct asof_source *source = b->source;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf have = ASOF_BUF(400);
	const char **names = asof_arena_array(&arena, source->field_count, sizeof(*names));
	for (size_t i = 0; names && i < source->field_count; i++) {
		names[i] = source->fields[i].name;
		asof_buf_printf(&have, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near =
		names ? asof_suggest(asof_str_from(name), names, source->field_count) : NULL;
	if (near)
		asof_mistakes_add(&b->session->mistakes, place,
				  "no column '%s' in source '%s' (did you mean '%s'?)", name,
				  source->name, near);
	else
		asof_mistakes_add(&b->session->mistakes, place,
				  "no column '%s' in source '%s' (have: %s)", name, source->name,
				  asof_buf_cstr(&have));
}

/* The type of an expression over the files' columns, and over `select`'s where `sees_selects`;
 * *ret_field.name is NULL where it is a mistake, which is noted. */
static enum asof_status
type_expression(const struct binding *b, struct asof_text *expression, bool sees_selects,
		struct asof_field *ret_field, struct asof_error *err)
{
	struct asof_session *session = b->session;
	const char **columns = NULL;
	size_t column_count = 0;
	size_t offset = 0;
	struct asof_error why = { 0 };
	*ret_field = (struct asof_field){ 0 };

	enum asof_status status =
		asof_engine_check_expression(b->engine, expression->text, &session->arena, &columns,
					     &column_count, &offset, &why);
	if (status == ASOF_INVALID &&
	    asof_source_field(b->source, asof_str_from(expression->text))) {
		/* A column whose name is a word of SQL: what is meant is clear. */
		expression->text = asof_arena_printf(&session->arena, "\"%s\"", expression->text);
		if (!expression->text)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "expression");
		status = asof_engine_check_expression(b->engine, expression->text, &session->arena,
						      &columns, &column_count, &offset, &why);
	}
	struct asof_place place = expression->place;
	place.column += (uint32_t)offset;
	if (status == ASOF_INVALID) {
		asof_mistakes_add(&session->mistakes, place, "%s", why.message);
		return ASOF_OK;
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	for (size_t i = 0; i < column_count; i++) {
		if (!has_column(b->source, columns[i])) {
			add_unknown_column(b, expression->place, columns[i]);
			return ASOF_OK;
		}
	}

	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_printf(&sql, "SELECT (%s) AS value FROM (", expression->text);
	if (sees_selects)
		asof_plan_source_rows(&sql, &b->plan, false);
	else
		asof_plan_files(&sql, &b->plan);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	struct asof_result_schema schema;
	status = asof_engine_describe(b->engine, asof_buf_cstr(&sql), &session->arena, &schema,
				      &why);
	if (status == ASOF_INVALID) {
		asof_mistakes_add(&session->mistakes, expression->place, "%s", why.message);
		return ASOF_OK;
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	*ret_field = schema.fields[0];
	return ASOF_OK;
}

/* JSON's integers are int64 whatever the file happens to hold: the engine looks at signs and sizes.
 */
static void
settle_json_integer(struct asof_field *field)
{
	const char *text = field->type_text;
	bool is_wide = strncmp(text, "HUGEINT", 7) == 0 || strncmp(text, "UBIGINT", 7) == 0;
	if (is_wide && strcmp(text + 7, "[]") == 0)
		field->type =
			(struct asof_type){ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 };
	else if (is_wide && text[7] == '\0')
		field->type = ASOF_TYPE(ASOF_TYPE_INT64);
}

static enum asof_status
describe(const struct binding *b, struct asof_result_schema *ret_schema, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_plan_files(&sql, &b->plan);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_describe(b->engine, asof_buf_cstr(&sql), &b->session->arena, ret_schema,
				    err);
}

/* A key may be a column of `select`, or a mistake: only what the files have is given a type. */
static enum asof_status
drop_absent_keys(struct binding *b, struct asof_error *err)
{
	struct asof_bound_source *bound = b->bound;
	struct asof_result_schema schema;
	b->plan.key_type_count = 0;
	enum asof_status status = describe(b, &schema, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'", b->source->name);

	size_t kept = 0;
	for (size_t i = 0; i < bound->key_type_count; i++) {
		for (size_t f = 0; f < schema.field_count; f++) {
			if (strcasecmp(schema.fields[f].name, bound->key_types[i].name) == 0) {
				bound->key_types[kept++] = bound->key_types[i];
				break;
			}
		}
	}
	bound->key_type_count = kept;
	b->plan.key_type_count = kept;
	return ASOF_OK;
}

/* Columns that the engine numbers rows by: one of a file would decide on ties in their place. */
static void
refuse_taken_names(const struct binding *b)
{
	static const char *const taken[] = { "file_row_number", "file_index", "_asof_order",
					     "_asof_file", "filename" };
	for (size_t i = 0; i < ASOF_COUNTOF(taken); i++) {
		bool is_free = strcmp(taken[i], "filename") == 0 &&
			       b->source->format != ASOF_FORMAT_ICEBERG;
		if (!is_free && has_column(b->source, taken[i]))
			asof_mistakes_add(&b->session->mistakes, b->source->location.place,
					  "source '%s' has a column '%s', a name that numbers its "
					  "rows: rename it",
					  b->source->name, taken[i]);
	}
}

/* source->fields: the files' columns, with room for those of `select`. */
static enum asof_status
describe_files(struct binding *b, struct asof_error *err)
{
	struct asof_result_schema schema;
	enum asof_status status = describe(b, &schema, err);
	if (status == ASOF_INVALID && b->bound->key_type_count > 0) {
		ASOF_TRY(drop_absent_keys(b, err));
		status = describe(b, &schema, err);
	}
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'", b->source->name);

	size_t file_fields = schema.field_count - 1; /* the last one is our _order */
	struct asof_source *source = b->source;
	source->fields = asof_arena_array(&b->session->arena, file_fields + source->select_count,
					  sizeof(*source->fields));
	if (!source->fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", source->name);
	memcpy(source->fields, schema.fields, file_fields * sizeof(*source->fields));
	source->field_count = file_fields;
	for (size_t i = 0; i < file_fields && source->format == ASOF_FORMAT_JSON; i++)
		settle_json_integer(&source->fields[i]);
	refuse_taken_names(b);
	if (source->kind == ASOF_SOURCE_VIEW || b->bound->table)
		return ASOF_OK;
	return asof_push_log_bind(b->session, source, b->bound, err);
}

static enum asof_status
bind_selects(const struct binding *b, struct asof_error *err)
{
	struct asof_source *source = b->source;
	size_t file_fields = source->field_count;
	size_t kept = 0;
	struct asof_field field;
	for (size_t i = 0; i < source->select_count; i++) {
		struct asof_select *select = &source->selects[i];
		if (has_column(source, select->name)) {
			asof_mistakes_add(&b->session->mistakes, select->expression.place,
					  "source '%s' has a column '%s' already", source->name,
					  select->name);
			continue;
		}
		ASOF_TRY(type_expression(b, &select->expression, false, &field, err));
		if (!field.name)
			continue;
		field.name = select->name;
		source->fields[file_fields + kept++] = field;
	}
	source->field_count = file_fields + kept;
	return ASOF_OK;
}

static enum asof_status
bind_time(const struct binding *b, struct asof_text *expression, const char *what,
	  const char **ret_type, struct asof_error *err)
{
	struct asof_field field;
	ASOF_TRY(type_expression(b, expression, true, &field, err));
	if (!field.name)
		return ASOF_OK;
	if (!asof_sql_is_time(field.type_text)) {
		asof_mistakes_add(&b->session->mistakes, expression->place,
				  "%s is a %s, not a time: say how to read it, as in "
				  "\"to_timestamp(%s)\" or \"strptime(%s, '%%Y-%%m-%%d')\"",
				  what, field.type_text, expression->text, expression->text);
		return ASOF_OK;
	}
	*ret_type = field.type_text;
	return ASOF_OK;
}

static enum asof_status
bind_filter(const struct binding *b, struct asof_error *err)
{
	struct asof_field field;
	struct asof_text *filter = &b->source->filter;
	if (!filter->text)
		return ASOF_OK;
	ASOF_TRY(type_expression(b, filter, true, &field, err));
	if (field.name && field.type.kind != ASOF_TYPE_BOOL)
		asof_mistakes_add(&b->session->mistakes, filter->place,
				  "filter is a %s, not a condition", field.type_text);
	return ASOF_OK;
}

static enum asof_status
bind_source(struct binding *b, struct asof_error *err)
{
	struct asof_source *source = b->source;
	size_t mistakes_before = b->session->mistakes.count;
	bool is_found = false;
	if (!source->location.text || !source->event_time.text)
		return ASOF_OK; /* a mistake already */

	if (source->kind == ASOF_SOURCE_VIEW)
		ASOF_TRY(list_columns(b, &is_found, err));
	else
		ASOF_TRY(list_files(b, &is_found, err));
	if (!is_found)
		return ASOF_OK;
	ASOF_TRY(collect_key_types(b, err));
	b->plan = (struct asof_plan_source){ .source = source,
					     .paths = b->bound->paths,
					     .path_count = b->bound->file_count,
					     .rows_sql = b->bound->rows_sql,
					     .key_types = b->bound->key_types,
					     .key_type_count = b->bound->key_type_count };
	if (b->bound->table) {
		b->plan.table = b->bound->table->location;
		b->plan.table_version = b->bound->table->version;
	}
	ASOF_TRY(describe_files(b, err));
	ASOF_TRY(bind_selects(b, err));
	if (b->session->mistakes.count == mistakes_before) {
		/* These see the columns of `select`, which must be right first. */
		ASOF_TRY(bind_time(b, &source->event_time, "event_time", &b->bound->event_time_type,
				   err));
		if (source->created_time.text)
			ASOF_TRY(bind_time(b, &source->created_time, "created_time",
					   &b->bound->created_time_type, err));
		ASOF_TRY(bind_filter(b, err));
	}
	b->bound->is_bound = b->session->mistakes.count == mistakes_before;
	if (source->kind != ASOF_SOURCE_VIEW || !b->bound->is_bound)
		return ASOF_OK;
	b->bound->user_event_type = b->bound->event_time_type;
	b->bound->user_created_type = b->bound->created_time_type;
	return asof_bind_view_times(b->session, source, source->upstream->available_after_us, err);
}

enum asof_status
asof_bind_view_times(struct asof_session *session, const struct asof_source *source,
		     int64_t available_after_us, struct asof_error *err)
{
	struct asof_bound_source *bound = &session->bound[source - session->project->sources];
	struct asof_source *timed = asof_arena_alloc(&session->arena, sizeof(*timed));
	ASOF_AUTO(asof_buf_done) struct asof_buf event = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf created = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_plan_view_event_time(&event, source, bound->user_event_type, available_after_us);
	asof_plan_view_created_time(&created, source, bound->user_created_type);
	ASOF_TRY(asof_buf_status(&event, err));
	ASOF_TRY(asof_buf_status(&created, err));
	if (!timed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "source '%s'", source->name);
	*timed = *source;
	timed->event_time.text = asof_arena_copy(&session->arena, asof_buf_view(&event));
	timed->created_time.text = asof_arena_copy(&session->arena, asof_buf_view(&created));
	if (!timed->event_time.text || !timed->created_time.text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "times of '%s'", source->name);
	bound->timed = timed;
	bound->event_time_type = bound->created_time_type = "TIMESTAMP WITH TIME ZONE";
	return ASOF_OK;
}

static enum asof_status bind_once(struct binding *b, size_t index, bool *is_typed,
				  struct asof_error *err);

/* Bind what the view `index` reads, and what that reads, and type it. A source and a view are met
 * once; a circle has been taken apart. */
static enum asof_status
bind_view(struct binding *b, size_t index, bool *is_typed, struct asof_error *err)
{
	struct asof_project *project = b->session->project;
	struct asof_view *view = &project->views[index];
	if (is_typed[index] || !view->source)
		return ASOF_OK;
	is_typed[index] = true;
	size_t source = (size_t)(view->source - project->sources);
	ASOF_TRY(bind_once(b, source, is_typed, err));
	if (view->source->field_count > 0) /* else the source is at fault, which was told */
		return asof_define_check_view_types(project, view, &b->session->mistakes, err);
	return ASOF_OK;
}

static enum asof_status
bind_once(struct binding *b, size_t index, bool *is_typed, struct asof_error *err)
{
	struct asof_project *project = b->session->project;
	struct asof_source *source = &project->sources[index];
	if (b->session->bound[index].is_met)
		return ASOF_OK;
	b->session->bound[index].is_met = true;
	if (source->upstream)
		ASOF_TRY(bind_view(b, (size_t)(source->upstream - project->views), is_typed, err));
	b->source = source;
	b->bound = &b->session->bound[index];
	return bind_source(b, err);
}

enum asof_status
asof_bind_sources(struct asof_session *session, struct asof_error *err)
{
	struct asof_project *project = session->project;
	struct binding b = { .session = session };
	ASOF_TRY(asof_session_engine(session, &b.engine, err));
	asof_session_stage(session, "read sources");
	session->bound =
		asof_arena_array(&session->arena, project->source_count, sizeof(*session->bound));
	if (!session->bound)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu sources", project->source_count);
	bool *is_typed = asof_arena_array(&session->arena, project->view_count, sizeof(*is_typed));
	if (!is_typed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", project->view_count);
	for (size_t i = 0; i < project->source_count; i++)
		ASOF_TRY(bind_once(&b, i, is_typed, err));
	for (size_t i = 0; i < project->view_count; i++)
		ASOF_TRY(bind_view(&b, i, is_typed, err));
	return asof_bind_on_demand(session, err);
}

struct asof_plan_source
asof_session_plan_source(const struct asof_session *session, const struct asof_source *source)
{
	const struct asof_bound_source *bound = &session->bound[source - session->project->sources];
	const struct asof_foreign_table *table = bound->table;
	return (struct asof_plan_source){ .source = bound->timed ? bound->timed : source,
					  .paths = bound->paths,
					  .path_count = bound->file_count,
					  .rows_sql = bound->rows_sql,
					  .event_time_type = bound->event_time_type,
					  .created_time_type = bound->created_time_type,
					  .key_types = bound->key_types,
					  .key_type_count = bound->key_type_count,
					  .pushed_count = bound->pushed_count,
					  .own_field_count = bound->own_field_count,
					  .is_pushed_column = bound->is_pushed_column,
					  .table = table ? table->location : NULL,
					  .table_version = table ? table->version : -1 };
}
