/* sql_bench.h - engines for a test, columns written to Parquet, results of queries as values. */
#ifndef ASOF_TESTS_SQL_BENCH_H
#define ASOF_TESTS_SQL_BENCH_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/value_text.h"
#include "engine/engine.h"
#include "plan/plan.h"
#include "plan/sql.h"
#include "tempdir.h"

static inline struct asof_engine *
bench_engine(unsigned threads)
{
	const struct asof_engine_options options = { .threads = threads,
						     .memory_bytes = (uint64_t)1 << 30 };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	return engine;
}

static inline void *
bench_array(struct asof_arena *arena, size_t count, size_t size)
{
	void *array = asof_arena_array(arena, count, size);
	assert_non_null(array);
	return array;
}

/* ---- columns to files ---- */

struct bench_feed {
	struct asof_batch batch;
	bool is_done;
};

static inline enum asof_status
bench_pull(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	   struct asof_error *err)
{
	struct bench_feed *feed = arg;
	(void)worker;
	if (feed->batch.row_count > capacity)
		return ASOF_FAIL(err, ASOF_LIMIT, "%zu rows", feed->batch.row_count);
	*ret_batch = feed->is_done ? (struct asof_batch){ 0 } : feed->batch;
	feed->is_done = true;
	return ASOF_OK;
}

/* At most 2048 rows, in their order. */
static inline void
bench_write(struct asof_engine *engine, const struct asof_field *fields,
	    const struct asof_batch *batch, const char *path)
{
	struct bench_feed feed = { .batch = *batch };
	const struct asof_feed source = { .fields = fields,
					  .field_count = batch->column_count,
					  .max_workers = 1,
					  .pull = bench_pull,
					  .arg = &feed };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(8192);
	asof_buf_add_cstr(&sql, "COPY (SELECT * FROM asof_feed()) TO ");
	asof_sql_text(&sql, path);
	asof_buf_add_cstr(&sql, " (FORMAT parquet)");
	assert_ok(asof_engine_feed(engine, asof_buf_cstr(&sql), &source, NULL, &err), err);
}

/* ---- results ---- */

struct bench_rows {
	struct asof_arena arena;   /* of texts and lists */
	struct asof_value *values; /* row by row */
	size_t capacity;
	size_t count; /* of values */
	size_t row_count;
	size_t column_count;
};

static inline void
bench_rows_done(struct bench_rows *rows)
{
	asof_mem_free(rows->values);
	asof_arena_done(&rows->arena);
}

static inline const struct asof_value *
bench_at(const struct bench_rows *rows, size_t row, size_t column)
{
	assert_true(row < rows->row_count && column < rows->column_count);
	return &rows->values[row * rows->column_count + column];
}

static inline bool
bench_is_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	       type.kind == ASOF_TYPE_JSON || type.kind == ASOF_TYPE_UUID;
}

/* A value that outlives its batch; lists are in the arena already, their texts are not. */
static inline struct asof_value
bench_keep(struct asof_arena *arena, struct asof_value value)
{
	if (value.is_null)
		return value;
	if (bench_is_text(value.type))
		value.str.ptr = asof_arena_copy(arena, value.str);
	if (value.type.kind == ASOF_TYPE_LIST && bench_is_text(asof_type_element(value.type))) {
		struct asof_value *items = bench_array(arena, value.list.count, sizeof(*items));
		for (size_t i = 0; i < value.list.count; i++)
			items[i] = bench_keep(arena, value.list.items[i]);
		value.list.items = items;
	}
	return value;
}

static inline enum asof_status
bench_visit(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct bench_rows *rows = arg;
	void *values = rows->values;
	rows->column_count = schema->field_count;
	ASOF_TRY(asof_mem_reserve(&values, &rows->capacity,
				  rows->count + batch->row_count * batch->column_count,
				  sizeof(*rows->values), err));
	rows->values = values;
	for (size_t row = 0; row < batch->row_count; row++) {
		for (size_t i = 0; i < batch->column_count; i++) {
			struct asof_value value;
			ASOF_TRY(asof_column_value(&batch->columns[i], row, &rows->arena, &value,
						   err));
			rows->values[rows->count++] = bench_keep(&rows->arena, value);
		}
	}
	rows->row_count += batch->row_count;
	return ASOF_OK;
}

/* The rows of a query; the message says which query failed. */
static inline void
bench_ask(struct asof_engine *engine, const struct asof_buf *sql, struct bench_rows *ret_rows)
{
	struct asof_error err = { 0 };
	assert_ok(asof_buf_status(sql, &err), err);
	*ret_rows = (struct bench_rows){ 0 };
	if (asof_engine_query(engine, asof_buf_cstr(sql), bench_visit, ret_rows, &err) != ASOF_OK)
		fail_msg("%s in\n%s", err.message, asof_buf_cstr(sql));
}

/* The rows of a query whose order does not matter, sorted. */
static inline void
bench_ask_sorted(struct asof_engine *engine, const struct asof_buf *sql,
		 struct bench_rows *ret_rows)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sorted = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error err = { 0 };
	assert_ok(asof_buf_status(sql, &err), err);
	asof_buf_add_cstr(&sorted, "SELECT * FROM (");
	asof_buf_add(&sorted, sql->ptr, sql->len);
	asof_buf_add_cstr(&sorted, ") ORDER BY ALL");
	bench_ask(engine, &sorted, ret_rows);
}

/* A column as a kernel takes it: instants are their microseconds, -0.0 is 0.0. */
static inline void
bench_add_taken(struct asof_buf *sql, const struct asof_field *field)
{
	bool is_us = strcmp(field->name, "event_us") == 0 || strcmp(field->name, "created_us") == 0;
	const char *name = field->name;
	if (is_us && field->type.kind == ASOF_TYPE_TIMESTAMP)
		asof_buf_printf(sql, "epoch_us(%s) AS %s", name, name);
	else if (field->type.kind == ASOF_TYPE_FLOAT64)
		asof_buf_printf(sql, "%s + 0::DOUBLE AS %s", name, name);
	else if (field->type.kind == ASOF_TYPE_FLOAT32)
		asof_buf_printf(sql, "%s + 0::FLOAT AS %s", name, name);
	else
		asof_buf_add_cstr(sql, name);
}

/* The rows of a scan, k0.., event_us .., that its kernel does not pass over, sorted. */
static inline void
bench_ask_taken(struct asof_engine *engine, const struct asof_buf *scan, size_t key_count,
		struct bench_rows *ret_rows)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_result_schema schema = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_buf_status(scan, &err), err);
	assert_ok(asof_engine_describe(engine, asof_buf_cstr(scan), &arena, &schema, &err), err);
	for (size_t i = 0; i < schema.field_count; i++) {
		asof_buf_add_cstr(&sql, i ? ", " : "SELECT * FROM (SELECT ");
		bench_add_taken(&sql, &schema.fields[i]);
	}
	asof_buf_printf(&sql, " FROM (%s)) WHERE event_us IS NOT NULL", asof_buf_cstr(scan));
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(&sql, " AND k%zu IS NOT NULL", i);
	bench_ask_sorted(engine, &sql, ret_rows);
}

/* Write what a query returns, as a build does. */
static inline void
bench_store(struct asof_engine *engine, const struct asof_buf *sql, const char *path)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_file_stats stats;
	struct asof_error err = { 0 };
	assert_ok(asof_buf_status(sql, &err), err);
	if (asof_engine_write_parquet(engine, asof_buf_cstr(sql), path, &arena, &stats, &err) !=
	    ASOF_OK)
		fail_msg("%s in\n%s", err.message, asof_buf_cstr(sql));
}

/* ---- comparing ---- */

static inline double
bench_double(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT32 ? (double)value->float32 : value->float64;
}

static inline bool
bench_is_float(struct asof_type type)
{
	return type.kind == ASOF_TYPE_FLOAT32 || type.kind == ASOF_TYPE_FLOAT64;
}

/* Bit for bit, but that every NaN is one. */
static inline bool
bench_is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (!asof_type_equal(a->type, b->type) || asof_value_compare(a, b) != 0)
		return false;
	return a->is_null || !bench_is_float(a->type) || isnan(bench_double(a)) ||
	       signbit(bench_double(a)) == signbit(bench_double(b));
}

/* The same within `tolerance`, where both are finite numbers. */
static inline bool
bench_is_near(const struct asof_value *a, const struct asof_value *b, double tolerance)
{
	if (bench_is_same(a, b))
		return true;
	if (a->is_null || b->is_null || !bench_is_float(a->type) ||
	    !asof_type_equal(a->type, b->type))
		return false;
	return fabs(bench_double(a) - bench_double(b)) <= tolerance;
}

static inline const char *
bench_text(const struct asof_value *value, struct asof_arena *arena)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 20);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_value_write_json(&w, value);
	return asof_arena_copy(arena, asof_buf_view(&text));
}

static inline void
bench_expect_same(const struct asof_value *a, const struct asof_value *b, const char *what)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	if (!bench_is_same(a, b))
		fail_msg("%s: %s is not %s", what, bench_text(a, &arena), bench_text(b, &arena));
}

static inline void
bench_expect_rows_same(const struct bench_rows *a, const struct bench_rows *b, const char *what)
{
	assert_int_equal(a->row_count, b->row_count);
	assert_true(a->row_count == 0 || a->column_count == b->column_count);
	for (size_t i = 0; i < a->count; i++)
		bench_expect_same(&a->values[i], &b->values[i], what);
}

#endif
