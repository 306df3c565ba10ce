/* engine_bench.h - an engine for a test, and results of queries as one text. */
#ifndef ASOF_TEST_ENGINE_BENCH_H
#define ASOF_TEST_ENGINE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "codec/value_text.h"
#include "engine/engine.h"

static inline struct asof_engine *
bench_open(unsigned threads)
{
	const struct asof_engine_options options = {
		.threads = threads,
		.memory_bytes = (uint64_t)1 << 30,
		.extension_dir = getenv("ASOF_EXT_DIR"),
	};
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	assert_ok(asof_engine_open(&options, &engine, &err), err);
	return engine;
}

/* Every value as JSON, "," between columns and "\n" behind rows. */
static inline enum asof_status
bench_add_rows(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	       struct asof_error *err)
{
	struct asof_buf *buf = arg;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);

	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++) {
		for (size_t i = 0; i < batch->column_count; i++) {
			struct asof_json_writer w = asof_json_writer_to(buf);
			struct asof_value value;

			ASOF_TRY(asof_column_value(&batch->columns[i], row, &arena, &value, err));
			asof_buf_add_cstr(buf, i > 0 ? "," : "");
			asof_value_write_json(&w, &value);
		}
		asof_buf_add_char(buf, '\n');
	}
	return asof_buf_status(buf, err);
}

/* The rows of a query that must succeed. Freed by the caller. */
static inline struct asof_buf
bench_ask(struct asof_engine *engine, const char *sql)
{
	struct asof_buf buf = ASOF_BUF(SIZE_MAX);
	struct asof_error err = { 0 };

	assert_ok(asof_engine_query(engine, sql, bench_add_rows, &buf, &err), err);
	return buf;
}

static inline void
bench_expect(struct asof_engine *engine, const char *sql, const char *rows)
{
	struct asof_buf buf = bench_ask(engine, sql);

	assert_string_equal(asof_buf_cstr(&buf), rows);
	asof_buf_done(&buf);
}

static inline void
bench_run(struct asof_engine *engine, const char *sql)
{
	struct asof_error err = { 0 };

	assert_ok(asof_engine_run(engine, sql, NULL, &err), err);
}

/* A directory of this test's own; removed with its files by bench_remove_dir(). */
static inline const char *
bench_make_dir(char path[64])
{
	(void)snprintf(path, 64, "%s", "/tmp/asof-test-engine-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void
bench_remove_dir(const char *path)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

#endif
