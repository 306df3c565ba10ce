/*
 * engine_duckdb_form.c - how a training set is written: options, and threads that a bound allows.
 *
 * Measured, with doubles: several threads keep their order by holding batches, each a row group of
 * what is scanned, about twice per thread, and at least six MiB per column and thread before the
 * first of them waits. One thread holds less than three times the row group that it writes, and
 * blocks of 256 KiB per column: about a MiB per column is the least.
 */
#include "engine/duckdb_impl.h"

#define COLUMN_BYTES   ((uint64_t)6 << 20) /* per thread */
#define BATCH_COPIES   2.5                 /* per thread */
#define GROUP_COPIES   3.0
#define BLOCK_BYTES    ((uint64_t)384 << 10) /* per column */
#define GROUP_ROWS_MIN 8192                  /* shorter ones take up to four times the time */
#define VECTOR_ROWS    2048
#define TEXT_BYTES     48 /* of a text: 16 of its view, and what it points to */
#define LIST_VALUES    8
#define FIXED_BYTES    ((uint64_t)8 << 20)

static uint64_t
value_bytes(struct asof_type type)
{
	switch (type.kind) {
	case ASOF_TYPE_LIST:
		return asof_column_width(type) + LIST_VALUES * value_bytes(asof_type_element(type));
	case ASOF_TYPE_VECTOR:
		return asof_column_width(type) + type.size * sizeof(float);
	case ASOF_TYPE_NONE:
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		return TEXT_BYTES;
	default:
		return asof_column_width(type);
	}
}

static uint64_t
row_bytes(const struct asof_duckdb_schema *schema, const struct asof_mapped *map)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < schema->count; i++)
		bytes += value_bytes(schema->fields[i].type);
	for (size_t i = 0; i < map->field_count; i++)
		bytes += value_bytes(map->fields[i].type);
	return bytes;
}

struct asof_duckdb_form
asof_duckdb_form_of(const struct asof_file_form *wanted, const struct asof_duckdb_schema *schema,
		    const struct asof_mapped *map, unsigned threads)
{
	uint64_t width = row_bytes(schema, map);
	uint64_t batch_rows = wanted->batch_rows ? wanted->batch_rows : ASOF_ROW_GROUP_ROWS;
	struct asof_duckdb_form form = {
		.is_csv = wanted->format == ASOF_FORMAT_CSV,
		.threads = threads,
		.group_rows = ASOF_ROW_GROUP_ROWS,
	};

	if (batch_rows < ASOF_ROW_GROUP_ROWS)
		batch_rows = ASOF_ROW_GROUP_ROWS;
	double columns = (double)(COLUMN_BYTES * (schema->count + map->field_count)) * threads;
	double batches = BATCH_COPIES * (double)width * (double)batch_rows * threads;
	double need = columns > batches ? columns : batches;
	if (wanted->memory_bytes == 0 || need <= (double)wanted->memory_bytes)
		return form;

	form.threads = 1;
	uint64_t fixed = FIXED_BYTES + BLOCK_BYTES * (schema->count + map->field_count);
	uint64_t rest = wanted->memory_bytes > fixed ? wanted->memory_bytes - fixed : 0;
	double rows = (double)rest / (GROUP_COPIES * (double)width);
	if (rows < ASOF_ROW_GROUP_ROWS)
		form.group_rows = (uint64_t)rows / VECTOR_ROWS * VECTOR_ROWS;
	if (form.group_rows < GROUP_ROWS_MIN)
		form.group_rows = GROUP_ROWS_MIN;
	return form;
}

/* Snappy and the plain encodings, because every reader of Parquet has them. */
void
asof_duckdb_add_form(struct asof_buf *sql, const struct asof_duckdb_form *form)
{
	if (form->is_csv)
		asof_buf_add_cstr(sql, " (FORMAT csv, HEADER true, USE_TMP_FILE false)");
	else
		asof_buf_printf(sql,
				" (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE "
				"%llu, " ASOF_DUCKDB_PARQUET_OPTIONS ")",
				(unsigned long long)form->group_rows);
}
