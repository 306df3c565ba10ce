/* engine_duckdb_stats.c - what DuckDB says of a Parquet file it has written, as values. */
#include "engine/duckdb_impl.h"
#include "plan/sql.h"

/* Minima and maxima of texts are cut to 256 bytes: what is nearly as long may have been. */
#define EXACT_TEXT_MAX 250

/* ---- texts, by the column's quoted name ---- */

struct column_texts {
	struct asof_str min;
	struct asof_str max;
	struct asof_str null_count;
	bool has_nan;
};

static struct asof_str
text_at(duckdb_vector vector, idx_t row)
{
	uint64_t *validity = duckdb_vector_get_validity(vector);
	duckdb_string_t *texts = duckdb_vector_get_data(vector);

	if (validity && !duckdb_validity_row_is_valid(validity, row))
		return (struct asof_str){ NULL, 0 };
	return (struct asof_str){ duckdb_string_t_data(&texts[row]),
				  duckdb_string_t_length(texts[row]) };
}

static struct column_texts
texts_of(duckdb_vector statistics, duckdb_list_entry span)
{
	duckdb_vector entries = duckdb_list_vector_get_child(statistics);
	duckdb_vector names = duckdb_struct_vector_get_child(entries, 0);
	duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
	struct column_texts texts = { 0 };

	for (idx_t i = span.offset; i < span.offset + span.length; i++) {
		struct asof_str name = text_at(names, i);
		struct asof_str value = text_at(values, i);

		if (asof_str_equal(name, asof_str_from("min")))
			texts.min = value;
		else if (asof_str_equal(name, asof_str_from("max")))
			texts.max = value;
		else if (asof_str_equal(name, asof_str_from("null_count")))
			texts.null_count = value;
		else if (asof_str_equal(name, asof_str_from("has_nan")))
			texts.has_nan = asof_str_equal(value, asof_str_from("true"));
	}
	return texts;
}

/* The statistics of the column called `quoted` in row 0 of a MAP column; zero where there are none.
 */
static struct column_texts
find_texts(duckdb_vector map, struct asof_str quoted)
{
	duckdb_list_entry columns = ((duckdb_list_entry *)duckdb_vector_get_data(map))[0];
	duckdb_vector entries = duckdb_list_vector_get_child(map);
	duckdb_vector names = duckdb_struct_vector_get_child(entries, 0);
	duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
	const duckdb_list_entry *spans = duckdb_vector_get_data(values);

	for (idx_t i = columns.offset; i < columns.offset + columns.length; i++) {
		if (asof_str_equal(text_at(names, i), quoted))
			return texts_of(values, spans[i]);
	}
	return (struct column_texts){ 0 };
}

/* The text if it is the value itself, else nothing. */
static struct asof_str
exact(const struct column_texts *texts, struct asof_str text, struct asof_type type)
{
	size_t max = type.kind == ASOF_TYPE_BYTES ? 2 * EXACT_TEXT_MAX : EXACT_TEXT_MAX;

	return texts->has_nan || text.len >= max ? (struct asof_str){ NULL, 0 } : text;
}

/* ---- from texts to values: DuckDB reads what it wrote ---- */

/* SELECT of all minima and maxima, from parameters. */
static enum asof_status
values_sql(const struct asof_duckdb_schema *schema, struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < 2 * schema->count; i++) {
		struct asof_type type = schema->fields[i / 2].type;

		asof_buf_add_cstr(sql, i > 0 ? ", " : "");
		if (type.kind == ASOF_TYPE_BYTES) {
			asof_buf_printf(sql, "from_hex(CAST($%zu AS VARCHAR))", i + 1);
			continue;
		}
		asof_buf_printf(sql, "TRY_CAST(CAST($%zu AS VARCHAR) AS ", i + 1);
		asof_sql_type(sql, type);
		asof_buf_add_char(sql, ')');
	}
	return asof_buf_status(sql, err);
}

struct values_visit {
	struct asof_arena *arena;
	struct asof_file_stats *stats;
	const struct asof_duckdb_schema *schema;
};

/* A value that outlives the batch. */
static enum asof_status
keep_value(const struct asof_column *column, struct asof_type type, struct asof_arena *arena,
	   struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value;

	ASOF_TRY(asof_column_value(column, 0, arena, &value, err));
	bool is_text = type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
		       type.kind == ASOF_TYPE_JSON || type.kind == ASOF_TYPE_UUID;
	if (is_text && !value.is_null) {
		value.str.ptr = asof_arena_copy(arena, value.str);
		if (!value.str.ptr)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	}
	value.type = type;
	*ret_value = value;
	return ASOF_OK;
}

static enum asof_status
take_values(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct values_visit *visit = arg;

	(void)schema;
	for (size_t i = 0; i < visit->stats->column_count; i++) {
		struct asof_column_stats *column = &visit->stats->columns[i];
		struct asof_type type = visit->schema->fields[i].type;

		ASOF_TRY(keep_value(&batch->columns[2 * i], type, visit->arena, &column->min, err));
		ASOF_TRY(keep_value(&batch->columns[2 * i + 1], type, visit->arena, &column->max,
				    err));
	}
	return ASOF_OK;
}

static enum asof_status
read_columns(struct asof_engine *engine, const struct asof_duckdb_schema *schema, duckdb_vector map,
	     struct asof_arena *arena, struct asof_file_stats *stats, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(SIZE_MAX);
	struct asof_str *texts = asof_arena_array(arena, 2 * schema->count, sizeof(*texts));
	struct values_visit visit = { arena, stats, schema };

	if (!texts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	for (size_t i = 0; i < schema->count; i++) {
		const struct asof_field *field = &schema->fields[i];

		asof_buf_clear(&name);
		asof_sql_name(&name, field->name);
		ASOF_TRY(asof_buf_status(&name, err));

		struct column_texts found = find_texts(map, asof_buf_view(&name));
		texts[2 * i] = exact(&found, found.min, field->type);
		texts[2 * i + 1] = exact(&found, found.max, field->type);
		stats->columns[i].name = field->name;
		if (!found.null_count.ptr ||
		    !asof_int64_parse(found.null_count, &stats->columns[i].null_count))
			stats->columns[i].null_count = -1;
	}
	ASOF_TRY(values_sql(schema, &sql, err));
	return asof_duckdb_ask(engine, asof_buf_cstr(&sql), texts, 2 * schema->count, take_values,
			       &visit, err);
}

/* ---- the file ---- */

/* What RETURN_STATS gives: filename, count, file_size_bytes, footer_size_bytes, column_statistics.
 */
enum asof_status
asof_duckdb_read_stats(struct asof_engine *engine, const struct asof_duckdb_schema *schema,
		       duckdb_result *result, struct asof_arena *arena,
		       struct asof_file_stats *stats, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_data_chunk) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
	if (!chunk || duckdb_data_chunk_get_size(chunk) != 1 ||
	    duckdb_data_chunk_get_column_count(chunk) < 5)
		return ASOF_FAIL(err, ASOF_INTERNAL, "no statistics of the file written");

	const uint64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
	const uint64_t *bytes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 2));
	stats->row_count = rows[0];
	stats->size_bytes = bytes[0];
	stats->column_count = schema->count;
	stats->columns = asof_arena_array(arena, schema->count, sizeof(*stats->columns));
	if (!stats->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	return read_columns(engine, schema, duckdb_data_chunk_get_vector(chunk, 4), arena, stats,
			    err);
}
