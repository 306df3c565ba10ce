/* diff.c - how two versions of a view differ: definition, columns, rows, values. */
#include "base/json_writer.h"
#include "codec/value_text.h"
#include "job/describe.h"
#include "job/version_set.h"
#include "plan/sql.h"

#define FIGURES 5 /* of a column: count, min, max, mean, distinct */

struct column {
	const char *name;
	const char *type;
	const char *figures; /* JSON members; NULL: there are no data */
};

/* A version, or the definition as it stands. */
struct side {
	const char *text; /* "1.0.3"; NULL: as it stands */
	struct asof_version_table table;
	const struct asof_project *project;
	const struct asof_view *view;
	struct column *columns;
	size_t column_count;
	int64_t row_count;
};

struct diff {
	struct asof_session *session;
	struct asof_arena arena;
	struct asof_version_set set;
	const char *name;
	struct side from;
	struct side to;
};

static void
diff_done(struct diff *diff)
{
	asof_version_table_done(&diff->from.table);
	asof_version_table_done(&diff->to.table);
	asof_version_set_done(&diff->set);
	asof_arena_done(&diff->arena);
}

/* --- the columns, and figures of their values --- */

static enum asof_status
add_column(struct diff *diff, struct side *side, const char *name, struct asof_type type,
	   struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	struct column *column = &side->columns[side->column_count++];
	column->name = asof_arena_copy(&diff->arena, asof_str_from(name));
	column->type = asof_arena_copy(&diff->arena, asof_str_from(asof_type_text(type, text)));
	return column->name && column->type ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
}

static enum asof_status
list_columns(struct diff *diff, struct side *side, struct asof_error *err)
{
	const struct asof_view *view = side->view;
	const struct asof_entity *entity = view->entity;
	side->columns = asof_arena_array(&diff->arena, entity->key_count + view->output_count,
					 sizeof(*side->columns));
	if (!side->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < entity->key_count; i++)
		ASOF_TRY(add_column(diff, side, entity->keys[i].name, entity->keys[i].type, err));
	for (size_t i = 0; i < view->output_count; i++)
		ASOF_TRY(add_column(diff, side, view->outputs[i].name, view->outputs[i].type, err));
	return ASOF_OK;
}

static bool
is_numeric(const struct side *side, size_t index)
{
	size_t keys = side->view->entity->key_count;
	return asof_type_is_numeric(index < keys ? side->view->entity->keys[index].type
						 : side->view->outputs[index - keys].type);
}

static enum asof_status
write_figures_sql(const struct side *side, struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT count(*)");
	for (size_t i = 0; i < side->column_count; i++) {
		static const char *const calls[FIGURES] = { "count(", "min(", "max(", "avg(",
							    "approx_count_distinct(" };
		for (size_t j = 0; j < FIGURES; j++) {
			if (j == 3 && !is_numeric(side, i)) {
				asof_buf_add_cstr(sql, ", CAST(NULL AS DOUBLE)");
				continue;
			}
			asof_buf_printf(sql, ", %s%s", calls[j], j == 3 ? "CAST(" : "");
			asof_sql_name(sql, side->columns[i].name);
			asof_buf_add_cstr(sql, j == 3 ? " AS DOUBLE))" : ")");
		}
	}
	asof_buf_add_cstr(sql, " FROM (");
	ASOF_TRY(asof_plan_values_sql(&side->table.plan, sql, err));
	asof_buf_add_char(sql, ')');
	return asof_buf_status(sql, err);
}

struct reading {
	struct side *side;
	struct asof_arena *arena;
};

static enum asof_status
read_int(const struct asof_batch *batch, size_t column, int64_t *ret_number, struct asof_error *err)
{
	struct asof_value value;
	ASOF_TRY(asof_column_value(&batch->columns[column], 0, NULL, &value, err));
	*ret_number = value.is_null ? 0 : value.int64;
	return ASOF_OK;
}

/* The figures of column `index` as the text of a JSON object's members. */
static enum asof_status
read_figures(struct reading *reading, const struct asof_batch *batch, size_t index,
	     struct asof_buf *text, struct asof_error *err)
{
	static const char *const names[] = { "min", "max", "mean" };
	struct asof_json_writer w = asof_json_writer_to(text);
	size_t first = 1 + index * FIGURES;
	int64_t count = 0;
	int64_t distinct = 0;
	ASOF_TRY(read_int(batch, first, &count, err));
	ASOF_TRY(read_int(batch, first + 4, &distinct, err));
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "type", reading->side->columns[index].type);
	asof_json_member_int(&w, "count", count);
	asof_json_member_int(&w, "nulls", reading->side->row_count - count);
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		struct asof_value value;
		ASOF_TRY(asof_column_value(&batch->columns[first + 1 + i], 0, reading->arena,
					   &value, err));
		asof_json_key_cstr(&w, names[i]);
		asof_value_write_json(&w, &value);
	}
	asof_json_member_int(&w, "distinct", distinct);
	asof_json_end_object(&w);
	return asof_buf_status(text, err);
}

static enum asof_status
take_figures(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	     struct asof_error *err)
{
	struct reading *reading = arg;
	struct side *side = reading->side;
	(void)schema;
	ASOF_TRY(read_int(batch, 0, &side->row_count, err));
	for (size_t i = 0; i < side->column_count; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 20);
		ASOF_TRY(read_figures(reading, batch, i, &text, err));
		side->columns[i].figures = asof_arena_copy(reading->arena, asof_buf_view(&text));
		if (!side->columns[i].figures)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "figures of columns");
	}
	return ASOF_OK;
}

static enum asof_status
compute_figures(struct diff *diff, struct side *side, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_engine *engine = NULL;
	struct reading reading = { side, &diff->arena };
	asof_session_stage(diff->session, "read '%s' %s", diff->name, side->text);
	ASOF_TRY(asof_session_engine(diff->session, &engine, err));
	ASOF_TRY(write_figures_sql(side, &sql, err));
	return asof_engine_query(engine, asof_buf_cstr(&sql), take_figures, &reading, err);
}

/* --- the two sides --- */

static enum asof_status
open_side(struct diff *diff, const char *wanted, struct side *side, struct asof_error *err)
{
	if (!wanted) {
		ASOF_TRY(asof_session_bind(diff->session, err));
		ASOF_TRY(asof_session_find_view(diff->session, asof_str_from(diff->name),
						&side->view, err));
		side->project = diff->session->project;
		return list_columns(diff, side, err);
	}
	const struct asof_version *version = NULL;
	ASOF_TRY(asof_version_set_find(&diff->set, diff->name, wanted, false, 0, &version, err));
	ASOF_TRY(asof_version_table_open(diff->session, version, &diff->arena, &side->table, err));
	side->text = side->table.version_text;
	side->project = side->table.project;
	side->view = side->table.view;
	ASOF_TRY(list_columns(diff, side, err));
	return compute_figures(diff, side, err);
}

/* "NAME" or "NAME@VERSION". */
static enum asof_status
split(struct diff *diff, const char *text, const char **ret_name, const char **ret_wanted,
      struct asof_error *err)
{
	size_t len = strcspn(text, "@");
	*ret_name = asof_arena_copy(&diff->arena, (struct asof_str){ text, len });
	*ret_wanted = text[len] ? text + len + 1 : NULL;
	return *ret_name ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
}

static enum asof_status
open_diff(struct diff *diff, const char *from, const char *to, struct asof_error *err)
{
	const char *to_name = NULL;
	const char *from_wanted = NULL;
	const char *to_wanted = NULL;
	ASOF_TRY(split(diff, from, &diff->name, &from_wanted, err));
	if (to)
		ASOF_TRY(split(diff, to, &to_name, &to_wanted, err));
	if (to && strcmp(diff->name, to_name) != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s' and '%s' are two views: give two versions of one", from, to);
	ASOF_TRY(asof_version_set_read(diff->session, &diff->arena, &diff->set, err));
	ASOF_TRY(open_side(diff, from_wanted, &diff->from, err));
	return open_side(diff, to_wanted, &diff->to, err);
}

/* --- the document --- */

static enum asof_status
write_definition(struct asof_json_writer *w, const struct diff *diff, struct asof_error *err)
{
	static const char *const names[] = { [ASOF_CHANGE_NONE] = "none",
					     [ASOF_CHANGE_MINOR] = "minor",
					     [ASOF_CHANGE_MAJOR] = "major" };
	ASOF_AUTO(asof_buf_done) struct asof_buf reasons = ASOF_BUF(1u << 20);
	enum asof_change change = ASOF_CHANGE_NONE;
	ASOF_TRY(asof_define_compare(diff->from.view, diff->from.project, diff->to.view,
				     diff->to.project, &change, &reasons, err));
	asof_json_member_cstr(w, "change", names[change]);
	asof_json_key_cstr(w, "reasons");
	asof_json_begin_array(w);
	for (const char *rest = asof_buf_cstr(&reasons); *rest;) {
		size_t len = strcspn(rest, "\n");
		asof_json_str(w, (struct asof_str){ rest, len });
		rest += len + (rest[len] == '\n');
	}
	asof_json_end_array(w);
	return ASOF_OK;
}

static const struct column *
find_column(const struct side *side, const char *name)
{
	for (size_t i = 0; i < side->column_count; i++) {
		if (strcmp(side->columns[i].name, name) == 0)
			return &side->columns[i];
	}
	return NULL;
}

static void
write_side_of_column(struct asof_json_writer *w, const char *key, const struct column *column)
{
	asof_json_key_cstr(w, key);
	if (column && column->figures) {
		asof_json_raw(w, asof_str_from(column->figures));
	} else if (column) {
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "type", column->type);
		asof_json_end_object(w);
	} else {
		asof_json_null(w);
	}
}

static void
write_column(struct asof_json_writer *w, const struct column *from, const struct column *to)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "name", from ? from->name : to->name);
	asof_json_member_cstr(w, "change",
			      !from                          ? "added"
			      : !to                          ? "removed"
			      : strcmp(from->type, to->type) ? "type"
							     : "none");
	write_side_of_column(w, "from", from);
	write_side_of_column(w, "to", to);
	asof_json_end_object(w);
}

static void
write_side(struct asof_json_writer *w, const char *key, const struct side *side)
{
	asof_json_key_cstr(w, key);
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "version");
	if (side->text) {
		asof_json_cstr(w, side->text);
		asof_describe_time(w, "published", side->table.version->published_us);
		asof_json_member_int(w, "rows", side->row_count);
	} else {
		asof_json_null(w);
	}
	asof_json_end_object(w);
}

enum asof_status
asof_diff(struct asof_session *session, const char *from, const char *to, char **ret_json,
	  struct asof_error *err)
{
	ASOF_AUTO(diff_done) struct diff diff = { .session = session };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(open_diff(&diff, from, to, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "view", diff.name);
	write_side(&w, "from", &diff.from);
	write_side(&w, "to", &diff.to);
	ASOF_TRY(write_definition(&w, &diff, err));
	asof_json_key_cstr(&w, "columns");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < diff.from.column_count; i++)
		write_column(&w, &diff.from.columns[i],
			     find_column(&diff.to, diff.from.columns[i].name));
	for (size_t i = 0; i < diff.to.column_count; i++) {
		if (!find_column(&diff.from, diff.to.columns[i].name))
			write_column(&w, NULL, &diff.to.columns[i]);
	}
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
