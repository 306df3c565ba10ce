/*
 * duckdb_impl.h - what the files of the DuckDB engine share. Only they include it, or duckdb.h.
 *
 * Errors: one translator, asof_duckdb_failed(). Threads: an engine is entered by one thread at a
 * time (asof_duckdb_enter); DuckDB's workers come in through the sink and the feed only.
 */
#ifndef ASOF_ENGINE_DUCKDB_IMPL_H
#define ASOF_ENGINE_DUCKDB_IMPL_H

#include <duckdb.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/number.h"
#include "base/temp_dir.h"
#include "engine/engine.h"

/* ---- errors ---- */

/* The status and message of what DuckDB says ("Binder Error: ..."), or of a NULL message. */
ASOF_NODISCARD enum asof_status asof_duckdb_failed(const char *message, struct asof_error *err);

/* ---- the watch: a thread that interrupts and reports progress ---- */

struct asof_duckdb_watch {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows and duckdb_interrupt() */
	pthread_cond_t changed;
	bool is_started;
	bool is_stopping;
	bool is_running; /* a statement runs */
	duckdb_connection connection;
	const struct asof_cancel *cancel;
	void (*progress)(void *arg, double fraction);
	void *progress_arg;
};

/* `watch` is zeroed but for cancel and progress; without both no thread is started. */
ASOF_NODISCARD enum asof_status asof_duckdb_watch_init(struct asof_duckdb_watch *watch,
						       duckdb_connection connection,
						       struct asof_error *err);
void asof_duckdb_watch_done(struct asof_duckdb_watch *watch);
void asof_duckdb_watch_running(struct asof_duckdb_watch *watch, bool is_running);

/* ---- the engine ---- */

struct asof_duckdb_scan;
struct asof_duckdb_feed;
struct asof_duckdb_map;

struct asof_engine {
	duckdb_database database;
	duckdb_connection connection;
	struct asof_duckdb_watch watch;
	unsigned threads;
	struct asof_temp_dir temp; /* where it spills; private */
	char *extension_dir;       /* never NULL */
	bool is_entered;
	struct asof_duckdb_scan *scan; /* the one that runs, else NULL */
	struct asof_duckdb_feed *feed;
	struct asof_duckdb_map *map;
	uint64_t buffer_bytes;     /* DuckDB's memory_limit */
	size_t s3_count;           /* places of objects that it knows */
	struct asof_map functions; /* of check_expression: name -> struct asof_duckdb_function */
	struct asof_arena arena;   /* of `functions` */
	/* Of write_mapped: types -> the number, as a pointer, of the function asof_mapped_<number>
	 * that returns them. */
	struct asof_map mapped;
	size_t mapped_count;
};

/* A statement begins: ASOF_CANCELLED when that was asked for already. Leave by ASOF_AUTO. */
ASOF_NODISCARD enum asof_status asof_duckdb_enter(struct asof_engine *engine,
						  struct asof_engine **ret_entered,
						  struct asof_error *err);
void asof_duckdb_leave(struct asof_engine **entered);

/* Run statements of our own while entered. */
ASOF_NODISCARD enum asof_status asof_duckdb_run(struct asof_engine *engine, const char *sql,
						uint64_t *ret_rows, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_duckdb_prepare(struct asof_engine *engine, const char *sql,
						    duckdb_prepared_statement *ret_statement,
						    struct asof_error *err);
/* The same where asof_feed() is of `feed`, to be described only. */
ASOF_NODISCARD enum asof_status asof_duckdb_prepare_fed(struct asof_engine *engine, const char *sql,
							const struct asof_feed *feed,
							duckdb_prepared_statement *ret_statement,
							struct asof_error *err);
/* Run one statement in which asof_feed() reads from `feed`; *ret_result is the caller's to destroy,
 * also on failure. While entered. */
ASOF_NODISCARD enum asof_status asof_duckdb_run_fed(struct asof_engine *engine, const char *sql,
						    const struct asof_feed *feed,
						    duckdb_result *ret_result,
						    struct asof_error *err);
/* Rows that a statement changed or copied. */
uint64_t asof_duckdb_rows_of(duckdb_result *result);

/* ---- calls from DuckDB's workers ---- */

struct asof_duckdb_busy {
	atomic_bool flag;
	char padding[63]; /* about a line each */
};

/* A worker's number is held by one call at a time; the first failure ends the statement. */
struct asof_duckdb_calls {
	struct asof_duckdb_busy *is_busy; /* per worker */
	unsigned worker_count;
	atomic_uint next_hint;
	atomic_bool has_failed;
	const struct asof_cancel *cancel;
	pthread_mutex_t lock;    /* guards `error` */
	struct asof_error error; /* the first failure */
};

/* `calls` is zeroed. */
ASOF_NODISCARD enum asof_status asof_duckdb_calls_init(struct asof_duckdb_calls *calls,
						       const struct asof_engine *engine,
						       struct asof_error *err);
void asof_duckdb_calls_done(struct asof_duckdb_calls *calls);
/* A free number, `hint` if possible: its memory is warm. There are as many as threads of DuckDB's,
 * so that one is free. */
unsigned asof_duckdb_calls_claim(struct asof_duckdb_calls *calls, unsigned hint);
void asof_duckdb_calls_release(struct asof_duckdb_calls *calls, unsigned number);
void asof_duckdb_calls_fail(struct asof_duckdb_calls *calls, enum asof_status status,
			    const struct asof_error *cause);
/* What a statement ended with: the first failure of a call, else `status`, which set `err`. What
 * the calls wrote may be read from here on. */
ASOF_NODISCARD enum asof_status asof_duckdb_calls_result(const struct asof_duckdb_calls *calls,
							 enum asof_status status,
							 struct asof_error *err);

/* ---- types ---- */

/* How a vector of DuckDB's becomes a column of ours. */
struct asof_duckdb_shape {
	struct asof_type type;
	duckdb_type physical; /* of the values; a decimal's integer type */
	duckdb_type element;  /* the same of a list's or array's elements */
};

struct asof_duckdb_schema {
	struct asof_field *fields;
	struct asof_duckdb_shape *shapes;
	size_t count;
};

/* type NONE where we have none. */
struct asof_duckdb_shape asof_duckdb_shape_of(duckdb_logical_type logical);
/* To be destroyed; NULL on exhaustion. */
duckdb_logical_type asof_duckdb_logical_of(struct asof_type type);
/* DuckDB's name of the type: "STRUCT(a INTEGER)[]". */
void asof_duckdb_type_text(duckdb_logical_type logical, struct asof_buf *text);
/* What a prepared statement returns; lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_duckdb_schema_of(duckdb_prepared_statement statement,
						      struct asof_arena *arena,
						      struct asof_duckdb_schema *ret_schema,
						      struct asof_error *err);
/* `query` without the semicolons and spaces at its end, as a FROM item t with the columns c0, c1 ..
 * (its own names where column_count is 0). */
void asof_duckdb_add_subquery(struct asof_buf *sql, const char *query, size_t column_count);

/* ---- vectors to columns ---- */

struct asof_duckdb_scratch {
	void *ptr;
	size_t capacity_bytes;
};

/* Converts chunk after chunk of one shape into memory that is used again. */
struct asof_duckdb_reader {
	const struct asof_duckdb_schema *schema;
	struct asof_column *columns;
	struct asof_column *children;
	struct asof_duckdb_scratch *scratch; /* two per column: itself, its child */
};

/* `reader` is zeroed; it borrows `schema`. */
ASOF_NODISCARD enum asof_status asof_duckdb_reader_init(struct asof_duckdb_reader *reader,
							const struct asof_duckdb_schema *schema,
							struct asof_error *err);
void asof_duckdb_reader_done(struct asof_duckdb_reader *reader);
/* Borrowed from `chunk` and `reader`. */
ASOF_NODISCARD enum asof_status asof_duckdb_read(struct asof_duckdb_reader *reader,
						 duckdb_data_chunk chunk,
						 struct asof_batch *ret_batch,
						 struct asof_error *err);

/* ---- columns to vectors ---- */

/* `batch` has the columns of `fields`, and at most `row_max` rows; else ASOF_INTERNAL. */
ASOF_NODISCARD enum asof_status asof_duckdb_check_batch(const struct asof_batch *batch,
							const struct asof_field *fields,
							size_t field_count, size_t row_max,
							struct asof_error *err);

/* Write the first `count` rows of `column`, whose type is that of the vector. */
ASOF_NODISCARD enum asof_status asof_duckdb_write(const struct asof_column *column, size_t count,
						  duckdb_vector vector, struct asof_error *err);

/* ---- files ---- */

/* The one row that COPY .. RETURN_STATS gives. */
ASOF_NODISCARD enum asof_status
asof_duckdb_read_stats(struct asof_engine *engine, const struct asof_duckdb_schema *schema,
		       duckdb_result *result, struct asof_arena *arena,
		       struct asof_file_stats *stats, struct asof_error *err);

/* How a file is written within a bound. */
struct asof_duckdb_form {
	bool is_csv;
	unsigned threads;
	uint64_t group_rows;
};

/* Dictionaries of texts and of numbers of few values pay, larger ones cost a quarter of the time.
 */
#define ASOF_DUCKDB_PARQUET_OPTIONS \
	"WRITE_BLOOM_FILTER false, DICTIONARY_SIZE_LIMIT 8192, USE_TMP_FILE false"

/* Of rows of the columns of `schema` and `map`. */
struct asof_duckdb_form asof_duckdb_form_of(const struct asof_file_form *wanted,
					    const struct asof_duckdb_schema *schema,
					    const struct asof_mapped *map, unsigned threads);
/* " (FORMAT parquet, ..)" */
void asof_duckdb_add_form(struct asof_buf *sql, const struct asof_duckdb_form *form);

/* ---- streaming results ---- */

/* Bind texts to $1.. (NULL ptr: NULL), run, visit chunk by chunk. While entered. */
ASOF_NODISCARD enum asof_status asof_duckdb_visit(duckdb_prepared_statement statement,
						  const struct asof_duckdb_schema *schema,
						  const struct asof_str *texts, size_t text_count,
						  asof_engine_visit_fn *visit, void *arg,
						  struct asof_error *err);
/* Prepare and visit, for queries of our own. */
ASOF_NODISCARD enum asof_status asof_duckdb_ask(struct asof_engine *engine, const char *sql,
						const struct asof_str *texts, size_t text_count,
						asof_engine_visit_fn *visit, void *arg,
						struct asof_error *err);

/* ---- the functions that SQL knows, for check_expression ---- */

enum asof_duckdb_function_flags {
	ASOF_DUCKDB_SCALAR = 1,
	ASOF_DUCKDB_AGGREGATE = 2,
	ASOF_DUCKDB_MACRO = 4,
	ASOF_DUCKDB_TABLE = 8,
	ASOF_DUCKDB_UNSTABLE = 16, /* not the same each time: random(), now() */
};

struct asof_duckdb_macro {
	const struct asof_duckdb_macro *next;
	const char *definition;
};

struct asof_duckdb_function {
	unsigned flags; /* of all overloads */
	const struct asof_duckdb_macro *macros;
};

/* Asked of DuckDB once per engine. While entered. */
ASOF_NODISCARD enum asof_status asof_duckdb_load_functions(struct asof_engine *engine,
							   struct asof_error *err);
/* By name in any case; NULL: there is none. */
const struct asof_duckdb_function *asof_duckdb_find_function(const struct asof_engine *engine,
							     struct asof_str name);
/* The nearest name of a scalar function, or NULL. */
const char *asof_duckdb_suggest_function(struct asof_engine *engine, struct asof_str name);

/* ---- functions of ours, registered when an engine opens ---- */

ASOF_NODISCARD enum asof_status asof_duckdb_register_sink(struct asof_engine *engine,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_duckdb_register_feed(struct asof_engine *engine,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_duckdb_register_sums(duckdb_connection connection,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_duckdb_register_casts(duckdb_connection connection,
							   struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_duckdb_register_moments(duckdb_connection connection,
							     struct asof_error *err);

#endif
