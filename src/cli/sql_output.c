/* sql_output.c - rows of a query as they arrive. */
#include "cli/sql_output.h"

#include <assert.h>

#include "cli/human.h"
#include "cli/result.h"

#define CHUNK_ROWS     1000 /* of a table: their widths are kept for the rest */
#define NAME_BYTES_MAX 8192

void
asof_sql_output_done(struct asof_sql_output *output)
{
	asof_text_table_done(&output->table);
	asof_arena_done(&output->arena);
	asof_arena_done(&output->row);
	*output = (struct asof_sql_output){ 0 };
}

static enum asof_status
check_stream(const struct asof_sql_output *output, struct asof_error *err)
{
	if (ferror(output->out))
		return ASOF_FAIL(err, ASOF_IO, "write to standard output");
	return ASOF_OK;
}

/* ---- names ---- */

static bool
is_taken(const struct asof_sql_output *output, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(output->names[i], name) == 0)
			return true;
	}
	return false;
}

/* A second column "a" is "a_1": an object has a name once. */
static enum asof_status
name_column(struct asof_sql_output *output, size_t index, const char *name, struct asof_error *err)
{
	const char *own = asof_arena_copy(&output->arena, asof_str_from(name));
	for (unsigned n = 1; own && is_taken(output, index, own); n++)
		own = asof_arena_printf(&output->arena, "%s_%u", name, n);
	if (!own)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "column names");
	output->names[index] = own;
	return ASOF_OK;
}

static enum asof_status
print_json_text(const char *text, FILE *out, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(NAME_BYTES_MAX * 6 + 2);
	struct asof_json_writer writer = asof_json_writer_to(&buf);
	asof_json_cstr(&writer, text);
	ASOF_TRY(asof_buf_status(&buf, err));
	(void)fwrite(buf.ptr, 1, buf.len, out);
	return ASOF_OK;
}

/* ---- CSV ---- */

static void
print_csv_text(struct asof_str text, FILE *out)
{
	bool is_quoted = text.len == 0;
	for (size_t i = 0; i < text.len && !is_quoted; i++)
		is_quoted = memchr(",\"\r\n", text.ptr[i], 4) != NULL;
	if (!is_quoted) {
		(void)fwrite(text.ptr, 1, text.len, out);
		return;
	}
	(void)fputc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			(void)fputc('"', out);
		(void)fputc(text.ptr[i], out);
	}
	(void)fputc('"', out);
}

/* ---- columns ---- */

static enum asof_status
print_json_columns(struct asof_sql_output *output, const char *const *types, struct asof_error *err)
{
	(void)fputs("{\"columns\": [", output->out);
	for (size_t i = 0; i < output->column_count; i++) {
		(void)fputs(i > 0 ? ", {\"name\": " : "{\"name\": ", output->out);
		ASOF_TRY(print_json_text(output->names[i], output->out, err));
		(void)fputs(", \"type\": ", output->out);
		ASOF_TRY(print_json_text(types[i], output->out, err));
		(void)fputc('}', output->out);
	}
	(void)fputs("], \"rows\": [", output->out);
	return ASOF_OK;
}

enum asof_status
asof_sql_output_columns(struct asof_sql_output *output, const char *const *names,
			const char *const *types, size_t count, struct asof_error *err)
{
	output->names = asof_arena_array(&output->arena, count + 1, sizeof(*output->names));
	if (!output->names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", count);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(name_column(output, i, names[i], err));
	output->column_count = count;
	switch (output->form) {
	case ASOF_SQL_TABLE:
		return asof_text_table_init(&output->table, output->names, count, err);
	case ASOF_SQL_CSV:
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				(void)fputc(',', output->out);
			print_csv_text(asof_str_from(output->names[i]), output->out);
		}
		(void)fputc('\n', output->out);
		return check_stream(output, err);
	case ASOF_SQL_JSON:
		ASOF_TRY(print_json_columns(output, types, err));
		return check_stream(output, err);
	}
	return ASOF_FAIL(err, ASOF_INTERNAL, "form %d of output", (int)output->form);
}

/* ---- rows ---- */

static enum asof_status
print_json_row(struct asof_sql_output *output, const char *const *json, struct asof_error *err)
{
	(void)fputs(output->row_count > 0 ? ",\n{" : "\n{", output->out);
	for (size_t i = 0; i < output->column_count; i++) {
		if (i > 0)
			(void)fputs(", ", output->out);
		ASOF_TRY(print_json_text(output->names[i], output->out, err));
		(void)fprintf(output->out, ": %s", json[i]);
	}
	(void)fputc('}', output->out);
	return ASOF_OK;
}

static enum asof_status
read_value(struct asof_sql_output *output, const char *json, enum asof_cell_kind *ret_kind,
	   struct asof_str *ret_text, struct asof_error *err)
{
	const struct asof_json *value = NULL;
	struct asof_str text = asof_str_from(json);
	ASOF_TRY(asof_json_read(text, &output->row, &value, err));
	if (value->kind == ASOF_JSON_ARRAY || value->kind == ASOF_JSON_OBJECT ||
	    value->kind == ASOF_JSON_BOOL) {
		*ret_kind = ASOF_CELL_TEXT;
		*ret_text = text;
		return ASOF_OK;
	}
	return asof_result_cell(value, &output->row, ret_kind, ret_text, err);
}

static enum asof_status
print_csv_row(struct asof_sql_output *output, const char *const *json, struct asof_error *err)
{
	for (size_t i = 0; i < output->column_count; i++) {
		enum asof_cell_kind kind = ASOF_CELL_ABSENT;
		struct asof_str text = { 0 };
		ASOF_TRY(read_value(output, json[i], &kind, &text, err));
		if (i > 0)
			(void)fputc(',', output->out);
		if (kind != ASOF_CELL_ABSENT)
			print_csv_text(text, output->out);
	}
	(void)fputc('\n', output->out);
	return ASOF_OK;
}

/* Numbers that JSON has only as texts: they do not make a column one of texts. */
static bool
is_special_number(struct asof_str text)
{
	return asof_str_equal(text, asof_str_from("NaN")) ||
	       asof_str_equal(text, asof_str_from("Infinity")) ||
	       asof_str_equal(text, asof_str_from("-Infinity"));
}

static enum asof_status
add_table_row(struct asof_sql_output *output, const char *const *json, struct asof_error *err)
{
	for (size_t i = 0; i < output->column_count; i++) {
		enum asof_cell_kind kind = ASOF_CELL_ABSENT;
		struct asof_str text = { 0 };
		ASOF_TRY(read_value(output, json[i], &kind, &text, err));
		if (kind == ASOF_CELL_ABSENT)
			text = asof_str_from("NULL");
		else if (kind == ASOF_CELL_TEXT && is_special_number(text))
			kind = ASOF_CELL_ABSENT;
		ASOF_TRY(asof_text_table_add(&output->table, kind, text, err));
	}
	if (asof_text_table_row_count(&output->table) == CHUNK_ROWS)
		asof_text_table_print(&output->table, &output->style, output->out);
	return ASOF_OK;
}

enum asof_status
asof_sql_output_row(struct asof_sql_output *output, const char *const *json, size_t count,
		    struct asof_error *err)
{
	assert(count == output->column_count);
	(void)count;

	switch (output->form) {
	case ASOF_SQL_TABLE:
		ASOF_TRY(add_table_row(output, json, err));
		break;
	case ASOF_SQL_CSV:
		ASOF_TRY(print_csv_row(output, json, err));
		break;
	case ASOF_SQL_JSON:
		ASOF_TRY(print_json_row(output, json, err));
		break;
	}
	output->row_count++;
	asof_arena_reset(&output->row);
	return check_stream(output, err);
}

void
asof_sql_output_end(struct asof_sql_output *output)
{
	if (output->form == ASOF_SQL_JSON)
		(void)fputs(output->row_count > 0 ? "\n]}\n" : "]}\n", output->out);
	if (output->form != ASOF_SQL_TABLE || output->column_count == 0)
		return;
	asof_text_table_print(&output->table, &output->style, output->out);
	if (output->style.width > 0)
		(void)fprintf(output->out, "(%s)\n",
			      asof_human_counted((int64_t)output->row_count, "row").text);
}
