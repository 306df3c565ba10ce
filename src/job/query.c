/* query.c - queries over sources and views by name. */
#define _GNU_SOURCE /* strcasestr */
#include <string.h>

#include "codec/value_text.h"
#include "job/upstream.h"
#include "job/version_set.h"
#include "plan/sql.h"

#define CELL_BYTES_MAX (64u << 20)

/* The rows of a query as JSON texts, column by column. */
struct printing {
	const struct asof_sql_visitor *visitor;
	struct asof_arena arena; /* of one row */
	struct asof_buf text;    /* of one row, cells separated by NULs */
	bool has_columns;
};

static void
printing_done(struct printing *p)
{
	asof_arena_done(&p->arena);
	asof_buf_done(&p->text);
}

static enum asof_status
tell_columns(struct printing *p, const struct asof_result_schema *schema, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, schema->field_count, sizeof(*names));
	const char **types = asof_arena_array(&arena, schema->field_count, sizeof(*types));
	if (!names || !types)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < schema->field_count; i++) {
		char text[ASOF_TYPE_TEXT_MAX];
		const struct asof_field *field = &schema->fields[i];
		names[i] = field->name;
		types[i] =
			field->type.kind == ASOF_TYPE_NONE
				? field->type_text
				: asof_arena_copy(&arena,
						  asof_str_from(asof_type_text(field->type, text)));
		if (!types[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	}
	p->has_columns = true;
	return p->visitor->columns(p->visitor->arg, names, types, schema->field_count, err);
}

static enum asof_status
print_row(struct printing *p, const struct asof_batch *batch, size_t row, struct asof_error *err)
{
	asof_arena_reset(&p->arena);
	asof_buf_clear(&p->text);
	size_t *offsets = asof_arena_array(&p->arena, batch->column_count, sizeof(*offsets));
	const char **cells = asof_arena_array(&p->arena, batch->column_count, sizeof(*cells));
	if (!offsets || !cells)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "row");
	for (size_t i = 0; i < batch->column_count; i++) {
		struct asof_value value;
		struct asof_json_writer w = asof_json_writer_to(&p->text);
		offsets[i] = p->text.len;
		ASOF_TRY(asof_column_value(&batch->columns[i], row, &p->arena, &value, err));
		asof_value_write_json(&w, &value);
		asof_buf_add_char(&p->text, '\0');
	}
	ASOF_TRY(asof_buf_status(&p->text, err));
	for (size_t i = 0; i < batch->column_count; i++)
		cells[i] = p->text.ptr + offsets[i];
	return p->visitor->row(p->visitor->arg, cells, batch->column_count, err);
}

static enum asof_status
print_batch(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct printing *p = arg;
	if (!p->has_columns)
		ASOF_TRY(tell_columns(p, schema, err));
	for (size_t row = 0; row < batch->row_count; row++)
		ASOF_TRY(print_row(p, batch, row, err));
	return ASOF_OK;
}

static enum asof_status
create_view(struct asof_engine *engine, const char *schema, const char *name, const char *suffix,
	    const struct asof_buf *select, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf full = ASOF_BUF(1024);
	asof_buf_printf(&full, "%s%s", name, suffix);
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE VIEW ");
	if (schema)
		asof_buf_printf(&sql, "%s.", schema);
	asof_sql_name(&sql, asof_buf_cstr(&full));
	asof_buf_printf(&sql, " AS %s", asof_buf_cstr(select));
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_run(engine, asof_buf_cstr(&sql), NULL, err);
}

/* Defining a name opens its files: only those that the query may mean are, or all where it asks
 * what there is. */
static bool
is_mentioned(const char *query, const char *name)
{
	static const char *const listings[] = { "show",    "describe",   "information_schema",
						"duckdb_", "pg_catalog", "summarize" };
	for (size_t i = 0; i < ASOF_COUNTOF(listings); i++) {
		if (strcasestr(query, listings[i]))
			return true;
	}
	return strcasestr(query, name) != NULL;
}

/* A view: finished values under its name; what is stored under <name>__tiles, where that is
 * something else. */
static enum asof_status
show_view(struct asof_session *session, struct asof_engine *engine,
	  const struct asof_version *version, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf select = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(asof_version_table_open(session, version, &arena, &table, err));
	ASOF_TRY(asof_plan_values_sql(&table.plan, &select, err));
	ASOF_TRY(create_view(engine, NULL, version->view, "", &select, err));
	if (!asof_view_is_windowed(table.view))
		return ASOF_OK;
	asof_buf_clear(&select);
	asof_plan_table_sql(&select, &table.plan);
	return create_view(engine, NULL, version->view, "__tiles", &select, err);
}

/* Sources stand in the schema `source`, and under their bare name where no view has it. */
static enum asof_status
show_sources(struct asof_session *session, struct asof_engine *engine, const char *query,
	     struct asof_error *err)
{
	const struct asof_project *project = session->project;
	ASOF_TRY(asof_engine_run(engine, "CREATE SCHEMA IF NOT EXISTS source", NULL, err));
	for (size_t i = 0; i < project->source_count; i++) {
		const struct asof_source *source = &project->sources[i];
		if (source->is_implicit || !is_mentioned(query, source->name))
			continue;
		ASOF_TRY(asof_upstream_use(session, source, NULL, err));
		struct asof_plan_source plan = asof_session_plan_source(session, source);
		ASOF_AUTO(asof_buf_done) struct asof_buf rows = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		asof_buf_add_cstr(&rows, "SELECT * EXCLUDE (" ASOF_SOURCE_ORDER ") FROM (");
		asof_plan_source_rows(&rows, &plan, true);
		asof_buf_add_char(&rows, ')');
		ASOF_TRY(create_view(engine, "source", source->name, "", &rows, err));
		ASOF_TRY(create_view(engine, NULL, source->name, "", &rows, err));
	}
	return ASOF_OK;
}

static enum asof_status
show_views(struct asof_session *session, struct asof_engine *engine, const char *query,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	for (size_t i = 0; i < set.count; i++) {
		if (set.items[i].is_current && !asof_version_is_on_demand(&set.items[i]) &&
		    is_mentioned(query, set.items[i].view))
			ASOF_TRY(show_view(session, engine, &set.items[i], err));
	}
	return ASOF_OK;
}

/* A view that the query means and that was never built, or NULL: what a failing query is about. */
static const char *
unbuilt_view(const struct asof_session *session, const char *query)
{
	const struct asof_project *project = session->project;
	for (size_t i = 0; i < project->view_count; i++) {
		const char *name = project->views[i].name;
		struct asof_arena arena = { 0 };
		struct asof_version version;
		struct asof_error ignored = { 0 };
		bool is_built = asof_catalog_find_version(session->catalog, name, "", &arena,
							  &version, &ignored) == ASOF_OK;
		asof_arena_done(&arena);
		if (!is_built && strcasestr(query, name) &&
		    !asof_project_source(project, asof_str_from(name)))
			return name;
	}
	return NULL;
}

enum asof_status
asof_sql(struct asof_session *session, const char *query, const struct asof_sql_visitor *visitor,
	 struct asof_error *err)
{
	struct asof_engine *engine = NULL;
	ASOF_TRY(asof_session_bind(session, err));
	ASOF_TRY(asof_session_engine(session, &engine, err));
	ASOF_TRY(show_sources(session, engine, query, err));
	ASOF_TRY(show_views(session, engine, query, err));

	ASOF_AUTO(printing_done)
	struct printing p = { .visitor = visitor, .text = ASOF_BUF(CELL_BYTES_MAX) };
	struct asof_result_schema schema = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	asof_session_stage(session, "query");
	enum asof_status status = asof_engine_query(engine, query, print_batch, &p, err);
	const char *unbuilt = status == ASOF_INVALID ? unbuilt_view(session, query) : NULL;
	if (unbuilt)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "view '%s' has no published version: run `asof build %s` first",
				 unbuilt, unbuilt);
	ASOF_TRY(status);
	if (p.has_columns)
		return ASOF_OK;
	/* No row, but perhaps columns. */
	struct asof_error ignored = { 0 };
	if (asof_engine_describe(engine, query, &arena, &schema, &ignored) != ASOF_OK)
		schema.field_count = 0;
	return tell_columns(&p, &schema, err);
}
