/* source_sql.c - the rows of a source: its files read, numbered, extended and filtered. */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

/* The column of a table's rows that names their file. */
#define ASOF_TABLE_FILE "_asof_file"

static void
add_key_types(struct asof_buf *sql, const struct asof_plan_source *source)
{
	if (source->key_type_count == 0)
		return;
	asof_buf_add_cstr(sql, ", types = {");
	for (size_t i = 0; i < source->key_type_count; i++) {
		if (i > 0)
			asof_buf_add_cstr(sql, ", ");
		asof_sql_text(sql, source->key_types[i].name);
		asof_buf_add_cstr(sql, ": '");
		asof_sql_type(sql, source->key_types[i].type);
		asof_buf_add_char(sql, '\'');
	}
	asof_buf_add_char(sql, '}');
}

static void
add_reader(struct asof_buf *sql, const struct asof_plan_source *source)
{
	static const char *const readers[] = { [ASOF_FORMAT_PARQUET] = "read_parquet(",
					       [ASOF_FORMAT_CSV] = "read_csv(",
					       [ASOF_FORMAT_JSON] = "read_json(" };
	asof_buf_add_cstr(sql, readers[source->source->format]);
	asof_sql_text_list(sql, source->paths, source->path_count);
	asof_buf_add_cstr(sql, ", union_by_name = true");
	if (source->source->format == ASOF_FORMAT_CSV) {
		/* The whole file decides on types, so that they do not hang on a sample. */
		asof_buf_add_cstr(sql, ", header = true, sample_size = -1, "
				       "allow_quoted_nulls = false");
		add_key_types(sql, source);
	} else if (source->source->format == ASOF_FORMAT_JSON) {
		asof_buf_add_cstr(sql, ", sample_size = -1");
	}
	asof_buf_add_char(sql, ')');
}

/* Ordinals that follow each other are added to; a list of them is looked up for every row. */
static bool
is_consecutive(const struct asof_plan_source *source)
{
	for (size_t i = 1; source->ordinals && i < source->path_count; i++) {
		if (source->ordinals[i] != source->ordinals[0] + (int64_t)i)
			return false;
	}
	return source->path_count > 0;
}

/* Where a row stands: ordinal of its file << 40 | its number. Only Parquet numbers rows per file by
 * itself; the others are numbered through all files in their order, which orders rows of one file
 * just the same. */
static void
add_order(struct asof_buf *sql, const struct asof_plan_source *source)
{
	bool is_first_file = !source->ordinals || source->ordinals[0] == 0;
	if (source->path_count == 1 && is_first_file &&
	    source->source->format == ASOF_FORMAT_PARQUET) {
		asof_buf_add_cstr(sql, "file_row_number");
		return;
	}
	asof_buf_add_char(sql, '(');
	if (source->ordinals && is_consecutive(source)) {
		asof_buf_printf(sql, "(file_index::BIGINT + %" PRId64 ")", source->ordinals[0]);
	} else if (source->ordinals) {
		asof_buf_add_char(sql, '[');
		for (size_t i = 0; i < source->path_count; i++)
			asof_buf_printf(sql, "%s%" PRId64, i ? ", " : "", source->ordinals[i]);
		asof_buf_add_cstr(sql, "][file_index::BIGINT + 1]");
	} else {
		asof_buf_add_cstr(sql, "file_index");
	}
	asof_buf_printf(sql, "::BIGINT << %d) + ", ASOF_ORDER_ROW_BITS);
	asof_buf_add_cstr(sql, source->source->format == ASOF_FORMAT_PARQUET
				       ? "file_row_number"
				       : "row_number() OVER ()");
}

/* The engine passes over files that this excludes, but types columns by all of them: rows of a new
 * file must not depend on what is read beside it. */
static void
add_picks(struct asof_buf *sql, const struct asof_plan_source *source)
{
	const char *separator = " WHERE file_index IN (";
	for (size_t i = 0; i < source->path_count; i++) {
		if (!source->picks[i])
			continue;
		asof_buf_printf(sql, "%s%zu", separator, i);
		separator = ", ";
	}
	asof_buf_add_cstr(sql, separator[0] == ',' ? ")" : " WHERE false");
}

/* JSON's integers are int64, whatever width the engine took from what the files happen to hold. */
static void
add_json_integers(struct asof_buf *sql, const struct asof_source *source)
{
	bool is_first = true;
	for (size_t i = 0; source->format == ASOF_FORMAT_JSON && i < source->field_count; i++) {
		const struct asof_field *field = &source->fields[i];
		bool is_list = field->type.kind == ASOF_TYPE_LIST;
		bool is_wide = strncmp(field->type_text, "HUGEINT", 7) == 0 ||
			       strncmp(field->type_text, "UBIGINT", 7) == 0;
		if (!is_wide)
			continue;
		asof_buf_add_cstr(sql, is_first ? " REPLACE (CAST(" : ", CAST(");
		is_first = false;
		asof_sql_name(sql, field->name);
		asof_buf_add_cstr(sql, is_list ? " AS BIGINT[]) AS " : " AS BIGINT) AS ");
		asof_sql_name(sql, field->name);
	}
	if (!is_first)
		asof_buf_add_char(sql, ')');
}

/* The table function that gives the rows of a table at its version, and the column that
 * names the file of a row: one that we name where that works. Iceberg's fails on partitioned
 * tables where it is named, which is why no column of such a source may be called "filename". */
static const char *
add_table(struct asof_buf *sql, const struct asof_plan_source *source)
{
	bool is_delta = source->source->format == ASOF_FORMAT_DELTA;
	asof_buf_add_cstr(sql, is_delta ? "delta_scan(" : "iceberg_scan(");
	asof_sql_text(sql, source->table);
	if (source->table_version >= 0)
		asof_buf_printf(sql, ", %s = %" PRId64, is_delta ? "version" : "snapshot_from_id",
				source->table_version);
	asof_buf_add_cstr(sql, is_delta ? ", filename = '" ASOF_TABLE_FILE "')" : ")");
	return is_delta ? ASOF_TABLE_FILE : "filename";
}

/* Data files and their ordinals: those to be read. The one without a name makes the list typed. */
static void
add_table_files(struct asof_buf *sql, const struct asof_plan_source *source)
{
	asof_buf_add_cstr(sql, "(VALUES ('', 0::BIGINT)");
	for (size_t i = 0; i < source->path_count; i++) {
		if (source->picks && !source->picks[i])
			continue;
		asof_buf_add_cstr(sql, ", (");
		asof_sql_text(sql, source->paths[i]);
		asof_buf_printf(sql, ", %" PRId64 ")",
				source->ordinals ? source->ordinals[i] : (int64_t)i);
	}
	asof_buf_add_cstr(sql, ")");
}

/* Rows of a table: which files have them, which of their rows are deleted and what their columns
 * are called is the table function's to know; we number them by file and row in it. */
static void
add_table_rows(struct asof_buf *sql, const struct asof_plan_source *source)
{
	bool is_delta = source->source->format == ASOF_FORMAT_DELTA;
	asof_buf_printf(sql,
			"SELECT asof_t.*%s, (asof_f.asof_n << %d) + asof_t.file_row_number "
			"AS " ASOF_SOURCE_ORDER " FROM ",
			is_delta ? " EXCLUDE (\"" ASOF_TABLE_FILE "\")" : "", ASOF_ORDER_ROW_BITS);
	const char *file = add_table(sql, source);
	asof_buf_add_cstr(sql, " AS asof_t JOIN ");
	add_table_files(sql, source);
	asof_buf_printf(sql, " AS asof_f(asof_p, asof_n) ON asof_t.\"%s\" = asof_f.asof_p", file);
}

/* The engine's type of a source's column, as a source of ours gives it. */
static const char *
column_type(const struct asof_source *source, const struct asof_field *field)
{
	if (source->format != ASOF_FORMAT_JSON)
		return field->type_text;
	if (field->type.kind == ASOF_TYPE_INT64)
		return "BIGINT";
	bool is_list = field->type.kind == ASOF_TYPE_LIST;
	return is_list && field->type.element == ASOF_TYPE_INT64 ? "BIGINT[]" : field->type_text;
}

/* A column of pushed rows as the files have it. Instants become the local times that they were. */
static void
add_pushed_column(struct asof_buf *sql, const struct asof_source *source,
		  const struct asof_field *field, bool is_there)
{
	const char *type = column_type(source, field);
	bool is_local = strncmp(type, "TIMESTAMP", 9) == 0 &&
			strcmp(type, "TIMESTAMP WITH TIME ZONE") != 0 && !strchr(type, '[');
	asof_buf_add_cstr(sql, "CAST(");
	if (is_there && is_local) {
		asof_buf_add_cstr(sql, "timezone(");
		asof_sql_text(sql, source->time_zone ? source->time_zone : "UTC");
		asof_buf_add_cstr(sql, ", ");
	}
	if (is_there)
		asof_sql_name(sql, field->name);
	else
		asof_buf_add_cstr(sql, "NULL");
	if (is_there && is_local)
		asof_buf_add_char(sql, ')');
	asof_buf_printf(sql, " AS %s) AS ", type);
	asof_sql_name(sql, field->name);
	asof_buf_add_cstr(sql, ", ");
}

/* The rows of those files from `first` on that are picked. */
static void
add_pushed(struct asof_buf *sql, const struct asof_plan_source *source, size_t first)
{
	bool is_first = true;
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < source->own_field_count; i++)
		add_pushed_column(sql, source->source, &source->source->fields[i],
				  source->is_pushed_column[i]);
	asof_buf_add_cstr(sql, "([");
	for (size_t i = first; i < source->path_count; i++) {
		if (source->picks && !source->picks[i])
			continue;
		asof_sql_comma(sql, &is_first);
		asof_buf_printf(sql, "%" PRId64,
				source->ordinals ? source->ordinals[i] : (int64_t)i);
	}
	asof_buf_printf(sql,
			"][file_index::BIGINT + 1]::BIGINT << %d) + file_row_number "
			"AS " ASOF_SOURCE_ORDER " FROM read_parquet([",
			ASOF_ORDER_ROW_BITS);
	is_first = true;
	for (size_t i = first; i < source->path_count; i++) {
		if (source->picks && !source->picks[i])
			continue;
		asof_sql_comma(sql, &is_first);
		asof_sql_text(sql, source->paths[i]);
	}
	asof_buf_add_cstr(sql, "], union_by_name = true)");
}

static bool
has_picks(const struct asof_plan_source *source, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (!source->picks || source->picks[i])
			return true;
	}
	return false;
}

/* The files' rows, then those that were pushed. Where only those are read, the files, whose columns
 * are known, stay closed. */
static void
add_files_and_pushed(struct asof_buf *sql, const struct asof_plan_source *source)
{
	struct asof_plan_source files = *source;
	files.path_count -= source->pushed_count;
	files.pushed_count = 0;
	bool has_pushed = has_picks(source, files.path_count, source->path_count);
	bool has_files =
		files.path_count > 0 && (has_picks(source, 0, files.path_count) || !has_pushed);
	if (has_files && has_pushed)
		asof_buf_add_cstr(sql, "SELECT * FROM (");
	if (has_files)
		asof_plan_files(sql, &files);
	if (has_files && has_pushed)
		asof_buf_add_cstr(sql, ") UNION ALL BY NAME ");
	if (has_pushed)
		add_pushed(sql, source, files.path_count);
}

void
asof_plan_files(struct asof_buf *sql, const struct asof_plan_source *source)
{
	if (source->rows_sql) {
		asof_buf_add_cstr(sql, source->rows_sql);
		return;
	}
	if (source->table) {
		add_table_rows(sql, source);
		return;
	}
	if (source->pushed_count > 0) {
		add_files_and_pushed(sql, source);
		return;
	}
	asof_buf_add_cstr(sql, "SELECT *");
	add_json_integers(sql, source->source);
	asof_buf_add_cstr(sql, ", ");
	add_order(sql, source);
	asof_buf_add_cstr(sql, " AS " ASOF_SOURCE_ORDER " FROM ");
	add_reader(sql, source);
	if (source->picks)
		add_picks(sql, source);
}

static void
add_selects(struct asof_buf *sql, const struct asof_plan_source *source)
{
	asof_buf_add_cstr(sql, "SELECT *");
	for (size_t i = 0; i < source->source->select_count; i++) {
		const struct asof_select *select = &source->source->selects[i];
		asof_buf_printf(sql, ", (%s) AS ", select->expression.text);
		asof_sql_name(sql, select->name);
	}
	asof_buf_add_cstr(sql, " FROM (");
	asof_plan_files(sql, source);
	asof_buf_add_cstr(sql, ")");
}

void
asof_plan_source_rows(struct asof_buf *sql, const struct asof_plan_source *source, bool is_filtered)
{
	const char *filter = is_filtered ? source->source->filter.text : NULL;
	if (source->cursor.is_set)
		asof_buf_add_cstr(sql, "SELECT * FROM (");
	if (filter)
		asof_buf_add_cstr(sql, "SELECT * FROM (");
	add_selects(sql, source);
	if (filter)
		asof_buf_printf(sql, ") WHERE (%s)", filter);
	if (source->cursor.is_set) {
		asof_buf_add_char(sql, ')');
		asof_plan_cursor_bounds(sql, source);
	}
}

void
asof_plan_event_us(struct asof_buf *sql, const struct asof_plan_source *source)
{
	asof_sql_time_us(sql, source->source->event_time.text, source->event_time_type,
			 source->source->time_zone);
}

void
asof_plan_created_us(struct asof_buf *sql, const struct asof_plan_build *build)
{
	const struct asof_plan_source *source = &build->source;
	if (!source->created_time_type) {
		asof_buf_printf(sql, "%" PRId64 "::BIGINT", build->commit_us);
		return;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf created = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf event = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_sql_time_us(&created, source->source->created_time.text, source->created_time_type,
			 source->source->time_zone);
	asof_plan_event_us(&event, source);
	asof_buf_printf(sql, "coalesce(CASE WHEN (%s) <= (%s) THEN %s ELSE %s END, %" PRId64 ")",
			asof_buf_cstr(&created), asof_buf_cstr(&event), asof_buf_cstr(&event),
			asof_buf_cstr(&created), build->commit_us);
	asof_sql_carry(sql, &created);
	asof_sql_carry(sql, &event);
}

/* The columns of the source that the view's features read, each once. */
static bool
is_first_use(const struct asof_view *view, size_t feature)
{
	const char *column = view->features[feature].column.text;
	for (size_t i = 0; i < feature; i++) {
		const char *other = view->features[i].column.text;
		if (other && strcmp(other, column) == 0)
			return false;
	}
	return true;
}

void
asof_plan_key_name(struct asof_buf *sql, const struct asof_view *view, size_t key)
{
	asof_sql_name(sql, view->entity->keys[key].name);
}

void
asof_plan_key_column(struct asof_buf *sql, const struct asof_view *view, size_t key)
{
	const char *path = view->key_columns[key].text;
	const struct asof_field *field = asof_source_field(view->source, asof_str_from(path));
	ASOF_AUTO(asof_buf_done) struct asof_buf expr = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_sql_path(&expr, path);
	asof_sql_carry(sql, &expr);
	asof_sql_column(sql, asof_buf_cstr(&expr), field ? field->type_text : "",
			view->entity->keys[key].type, view->source->time_zone);
}

static void
add_bare_value(struct asof_buf *sql, const struct asof_source *source,
	       const struct asof_field *field, const char *column)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf expr = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_sql_name(&expr, column);
	asof_sql_carry(sql, &expr);
	asof_sql_column(sql, asof_buf_cstr(&expr), field->type_text, field->type,
			source->time_zone);
}

void
asof_plan_value_column(struct asof_buf *sql, const struct asof_source *source, const char *column)
{
	const struct asof_field *field = asof_source_field(source, asof_str_from(column));
	add_bare_value(sql, source, field, column);
	/* -0.0 is 0.0: which of the two is kept would hang on what else is in a file. */
	if (field->type.kind == ASOF_TYPE_FLOAT32)
		asof_buf_add_cstr(sql, " + 0::FLOAT");
	else if (field->type.kind == ASOF_TYPE_FLOAT64)
		asof_buf_add_cstr(sql, " + 0::DOUBLE");
}

static void
add_row_columns(struct asof_buf *sql, const struct asof_plan_build *build, bool is_bare)
{
	const struct asof_view *view = build->view;
	const struct asof_source *source = build->source.source;
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_column(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	for (size_t i = 0; i < view->feature_count; i++) {
		const char *column = view->features[i].column.text;
		if (!column || !is_first_use(view, i))
			continue;
		if (is_bare)
			add_bare_value(sql, source,
				       asof_source_field(source, asof_str_from(column)), column);
		else
			asof_plan_value_column(sql, source, column);
		asof_buf_add_cstr(sql, " AS ");
		asof_plan_value_name(sql, column);
		asof_buf_add_cstr(sql, ", ");
	}
}

/* A column's name inside our statements: no column of the user's can meet k0, event_us ... */
void
asof_plan_value_name(struct asof_buf *sql, const char *column)
{
	asof_sql_prefixed_name(sql, "c_", column);
}

/* What follows the columns of keys and values. */
static void
add_rows_from(struct asof_buf *sql, const struct asof_plan_build *build)
{
	asof_buf_add_cstr(sql, " AS event_us, ");
	asof_plan_created_us(sql, build);
	asof_buf_add_cstr(sql, " AS created_us, " ASOF_SOURCE_ORDER " AS row_order\nFROM (");
	asof_plan_source_rows(sql, &build->source, true);
	asof_buf_add_char(sql, ')');
}

void
asof_plan_rows(struct asof_buf *sql, const struct asof_plan_build *build)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_row_columns(sql, build, false);
	asof_plan_event_us(sql, &build->source);
	add_rows_from(sql, build);
}

void
asof_plan_bare_rows(struct asof_buf *sql, const struct asof_plan_build *build, bool is_bare_time)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_row_columns(sql, build, true);
	if (is_bare_time)
		asof_buf_printf(sql, "(%s)", build->source.source->event_time.text);
	else
		asof_plan_event_us(sql, &build->source);
	add_rows_from(sql, build);
}

/* Rows that count: in range, with a time and a whole key; touched ones, where that is said. */
void
asof_plan_good_rows(struct asof_buf *sql, const struct asof_plan_build *build)
{
	if (build->touched)
		asof_buf_add_cstr(sql, "SELECT r.* FROM (");
	asof_buf_add_cstr(sql, "SELECT * FROM (");
	asof_plan_rows(sql, build);
	asof_plan_range_bounds(sql, build);
	asof_buf_add_cstr(sql, ")\nWHERE event_us IS NOT NULL");
	for (size_t i = 0; i < build->view->entity->key_count; i++)
		asof_buf_printf(sql, " AND k%zu IS NOT NULL", i);
	if (build->range.has_from)
		asof_buf_printf(sql, " AND event_us >= %" PRId64, build->range.from_us);
	if (build->range.has_to)
		asof_buf_printf(sql, " AND event_us < %" PRId64, build->range.to_us);
	if (build->touched) {
		asof_buf_add_char(sql, ')');
		asof_plan_touched_rows(sql, build);
	}
}

enum asof_status
asof_plan_profile_sql(const struct asof_plan_build *build, struct asof_buf *sql,
		      struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT count(*) AS rows, "
			       "count(*) FILTER (event_us IS NULL) AS bad_rows, "
			       "count(*) FILTER (");
	for (size_t i = 0; i < build->view->entity->key_count; i++)
		asof_buf_printf(sql, "%sk%zu IS NULL", i ? " OR " : "", i);
	asof_buf_add_cstr(sql, ") AS null_key_rows, ");
	asof_buf_add_cstr(sql, "min(row_order) FILTER (event_us IS NULL) AS first_bad_order, "
			       "count(*) FILTER (is_floored) AS floored_rows\nFROM (SELECT ");
	const struct asof_view *view = build->view;
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_sql_path(sql, view->key_columns[i].text);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_plan_event_us(sql, &build->source);
	asof_buf_add_cstr(sql, " AS event_us, " ASOF_SOURCE_ORDER " AS row_order, ");
	if (strcmp(build->source.event_time_type, "TIMESTAMP_NS") == 0)
		asof_buf_printf(sql, "epoch_ns(%s) %% 1000 <> 0",
				build->source.source->event_time.text);
	else
		asof_buf_add_cstr(sql, "false");
	asof_buf_add_cstr(sql, " AS is_floored\nFROM (");
	asof_plan_source_rows(sql, &build->source, true);
	asof_buf_add_cstr(sql, "))");
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_times_sql(const struct asof_plan_build *build, struct asof_buf *sql,
		    struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT coalesce(min(event_us), 0), coalesce(max(event_us), 0)\n"
			       "FROM (SELECT ");
	asof_plan_event_us(sql, &build->source);
	asof_buf_add_cstr(sql, " AS event_us\nFROM (");
	asof_plan_source_rows(sql, &build->source, true);
	asof_buf_add_cstr(sql, "))");
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_bad_rows_sql(const struct asof_plan_build *build, struct asof_buf *sql,
		       struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT * FROM (");
	asof_plan_source_rows(sql, &build->source, true);
	asof_buf_add_cstr(sql, ") WHERE (");
	asof_plan_event_us(sql, &build->source);
	asof_buf_add_cstr(sql, ") IS NULL");
	return asof_buf_status(sql, err);
}
