/*
 * engine.h - runs SQL over files and hands columns to and from our code.
 *
 * Two primitives carry the data: `scan` hands a query's columns, in parallel and batch by batch, to
 * a sink; `feed` takes columns from a source of ours into a query. Nothing is materialized in
 * between. Threads: an engine is used by one thread at a time (it runs its own workers);
 * asof_cancel may be requested from any thread and ends the running statement within a second.
 * Session settings: time zone UTC, binary collation, no extension installed from the network.
 */
#ifndef ASOF_ENGINE_H
#define ASOF_ENGINE_H

#include "base/arena.h"
#include "base/cancel.h"
#include "model/column.h"
#include "model/project.h"

struct asof_engine;

struct asof_engine_options {
	unsigned threads;      /* 0: one per CPU */
	uint64_t memory_bytes; /* 0: 80 % of the machine's; see docs/design/engine.md on what it
				  bounds */
	const char *temp_dir;  /* below which it spills into a directory of its own; NULL: TMPDIR.
				  What a killed process left there is removed on opening */
	const char *extension_dir; /* NULL: beside the library, else the cache; used by
				      asof_engine_load() */
	/* What was read of a file is not kept for the next read: where new files are read all the
	 * time it would only be kept. */
	bool forgets_files;
	const struct asof_cancel *cancel; /* NULL: none */
	/* Called about ten times a second from another thread while a statement runs; fraction is
	 * in [0, 1] or < 0 where unknown. NULL: none. */
	void (*progress)(void *arg, double fraction);
	void *progress_arg;
};

ASOF_NODISCARD enum asof_status asof_engine_open(const struct asof_engine_options *options,
						 struct asof_engine **ret_engine,
						 struct asof_error *err);
/* NULL is a no-op. */
void asof_engine_free(struct asof_engine *engine);
ASOF_DEFINE_AUTOFREE(struct asof_engine, asof_engine_free)

unsigned asof_engine_threads(const struct asof_engine *engine);
/*
 * Whether expressions are computed as they are written, each where it stands, until it is told
 * otherwise. At first they are not: rewriting them is faster, and then some fail that would not,
 * some do not that would, and a TRY_CAST below a comparison may give a value that it has not
 * (docs/design/on-demand.md).
 */
ASOF_NODISCARD enum asof_status asof_engine_keep_expressions(struct asof_engine *engine, bool on,
							     struct asof_error *err);

/* One of our types, or NONE with the engine's own name of it in type_text. */
struct asof_result_schema {
	const struct asof_field *fields;
	size_t field_count;
};

/* Run statements (separated by ";") for their effect. ret_rows, where not NULL: rows changed or
 * copied by the last one. */
ASOF_NODISCARD enum asof_status asof_engine_run(struct asof_engine *engine, const char *sql,
						uint64_t *ret_rows, struct asof_error *err);

/* The columns that `sql` would return, without running it; lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_engine_describe(struct asof_engine *engine, const char *sql,
						     struct asof_arena *arena,
						     struct asof_result_schema *ret_schema,
						     struct asof_error *err);

/* Visit the result in its order, on the calling thread. The batch dies with the callback. */
typedef enum asof_status asof_engine_visit_fn(void *arg, const struct asof_result_schema *schema,
					      const struct asof_batch *batch,
					      struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_engine_query(struct asof_engine *engine, const char *sql,
						  asof_engine_visit_fn *visit, void *arg,
						  struct asof_error *err);

/*
 * Hand the result to a sink, called by several workers at once, each with its own number in
 * [0, asof_engine_threads()); no order is promised: a query that needs one selects what tells it.
 * The first failure stops the scan and is returned. Columns of types NONE are refused with
 * ASOF_UNSUPPORTED.
 */
typedef enum asof_status asof_engine_sink_fn(void *arg, unsigned worker,
					     const struct asof_batch *batch,
					     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_engine_scan(struct asof_engine *engine, const char *sql,
						 asof_engine_sink_fn *sink, void *arg,
						 struct asof_error *err);

/*
 * A source of ours for the engine: fill at most `capacity` rows of columns that the callee owns
 * (valid until the same worker's next call); *ret_batch of 0 rows ends that worker. With
 * max_workers 1 the rows keep their order.
 */
struct asof_feed {
	const struct asof_field *fields; /* name and type of each column */
	size_t field_count;
	unsigned max_workers;
	enum asof_status (*pull)(void *arg, unsigned worker, size_t capacity,
				 struct asof_batch *ret_batch, struct asof_error *err);
	void *arg;
};
/* Run `sql` (one statement), in which the table function asof_feed() reads from `feed`. With
 * max_workers > 1 rows of one worker keep their order among themselves. */
ASOF_NODISCARD enum asof_status asof_engine_feed(struct asof_engine *engine, const char *sql,
						 const struct asof_feed *feed, uint64_t *ret_rows,
						 struct asof_error *err);

/*
 * Columns of ours beside those of a query: fill the columns for rows of the given numbers (any of
 * the query's, ascending within a call), at most asof_engine_vector_rows() at once. The callee owns
 * the columns (valid until the same worker's next call). Called by several workers at once, each
 * with its own number in [0, asof_engine_threads()), and for every row of the query once.
 */
struct asof_mapped {
	const struct asof_field *fields; /* name and type of each column */
	size_t field_count;
	enum asof_status (*fill)(void *arg, unsigned worker, const int64_t *rows, size_t count,
				 struct asof_batch *ret_batch, struct asof_error *err);
	void *arg;
	/* What is written is `head`, all of that as a SELECT in brackets, `tail`: a SELECT that
	 * keeps its rows and their order. NULL: all of that as it is. */
	const char *head;
	const char *tail;
};
size_t asof_engine_vector_rows(void);

/* What a training set is written as. */
struct asof_file_form {
	enum asof_file_format format; /* Parquet or CSV */
	uint64_t memory_bytes; /* what writing may take, 1 MiB a column at least; 0: no bound. One
				  thread and shorter row groups keep it */
	uint64_t batch_rows;   /* rows of a row group of what `select` scans, which each thread
				  holds at once; 0: ASOF_ROW_GROUP_ROWS */
};
/*
 * Write the columns of `select` but the last one, then those of `map`, to the file `path`, in
 * `select`'s order. The last column of `select`, BIGINT NOT NULL, numbers the rows for `map`.
 * Parallel where the order can be kept so (a scan of Parquet). Nothing is left behind on failure.
 */
ASOF_NODISCARD enum asof_status
asof_engine_write_mapped(struct asof_engine *engine, const char *select,
			 const struct asof_mapped *map, const struct asof_file_form *form,
			 const char *path, uint64_t *ret_rows, struct asof_error *err);

/*
 * Check that `text` is one scalar SQL expression: no aggregate, window, subquery, table function,
 * file function, parameter, `;`. *ret_columns: the column names that it refers to, in `arena`.
 * ASOF_INVALID says what is not allowed; *ret_offset (may be NULL) is the byte in `text` where, or
 * 0.
 */
ASOF_NODISCARD enum asof_status
asof_engine_check_expression(struct asof_engine *engine, const char *text, struct asof_arena *arena,
			     const char ***ret_columns, size_t *ret_column_count,
			     size_t *ret_offset, struct asof_error *err);

/*
 * The names that `text`, one scalar expression by the same rules, refers to: "now",
 * "users.signed_up", as written but unquoted.
 */
ASOF_NODISCARD enum asof_status
asof_engine_expression_names(struct asof_engine *engine, const char *text, struct asof_arena *arena,
			     const char ***ret_names, size_t *ret_name_count, size_t *ret_offset,
			     struct asof_error *err);

/*
 * The tree of an on-demand expression over `inputs` (those of one view stand together), for
 * kernel/evaluator.h; its type is the result's. ASOF_INVALID says what is not computed on demand;
 * *ret_offset is the byte in `text` where.
 */
ASOF_NODISCARD enum asof_status
asof_engine_bind_expression(struct asof_engine *engine, const char *text,
			    const struct asof_operand *inputs, size_t input_count,
			    struct asof_arena *arena, const struct asof_expression **ret_expression,
			    size_t *ret_offset, struct asof_error *err);

/* Load an extension ("delta") from the extension directory. ASOF_NOT_FOUND says how to get it. */
ASOF_NODISCARD enum asof_status asof_engine_load(struct asof_engine *engine, const char *name,
						 struct asof_error *err);

/* Where objects "s3://bucket/..." are, and as whom they are read and written. */
struct asof_engine_s3 {
	const char *scope;    /* "s3://bucket/": those that begin so */
	const char *endpoint; /* "https://host" or "http://host:port" */
	const char *region;
	bool is_path_style; /* endpoint/bucket/key, not bucket.endpoint/key */
	const char *key_id;
	const char *secret;
	const char *token; /* of temporary credentials; NULL: none */
};
/*
 * Paths of that scope may be read and written from now on; the extension httpfs is loaded at first.
 * They are names, never patterns. What the store or the network fails at is tried again for about
 * three seconds. Secrets are in no message.
 */
ASOF_NODISCARD enum asof_status asof_engine_use_s3(struct asof_engine *engine,
						   const struct asof_engine_s3 *s3,
						   struct asof_error *err);

/* Statistics of a file that the engine has written. */
struct asof_column_stats {
	const char *name;
	struct asof_value min; /* NULL value: unknown */
	struct asof_value max;
	int64_t null_count; /* -1: unknown */
};
struct asof_file_stats {
	const char *path;
	uint64_t size_bytes;
	uint64_t row_count;
	struct asof_column_stats *columns;
	size_t column_count;
};
/*
 * COPY (`select`) TO the Parquet file `path`: lz4_raw, statistics, `select`'s order kept.
 * *ret_stats lives in `arena`. Timestamps are written as UTC instants (isAdjustedToUTC). Nothing is
 * left behind on failure.
 */
ASOF_NODISCARD enum asof_status asof_engine_write_parquet(struct asof_engine *engine,
							  const char *select, const char *path,
							  struct asof_arena *arena,
							  struct asof_file_stats *ret_stats,
							  struct asof_error *err);

/*
 * The same from `feed` (asof_feed() in `select`), whose workers write in parallel: rows of one
 * worker keep their order and, as far as a worker pulls whole row groups of
 * ASOF_ROW_GROUP_ROWS, stand together.
 */
#define ASOF_ROW_GROUP_ROWS 122880
ASOF_NODISCARD enum asof_status
asof_engine_write_fed(struct asof_engine *engine, const char *select, const struct asof_feed *feed,
		      const char *path, struct asof_arena *arena, struct asof_file_stats *ret_stats,
		      struct asof_error *err);

/* What a Parquet file's footer says. */
struct asof_parquet_facts {
	uint64_t row_count;
	uint64_t row_group_count;
	uint64_t size_bytes; /* of the files; of chosen row groups, their columns' compressed bytes
			      */
};
/* Row groups that a reader of rows with `column` in [min_us, max_us] (microseconds of a TIMESTAMP
 * column) would read; column NULL: all. Files without statistics count whole. */
ASOF_NODISCARD enum asof_status
asof_engine_parquet_facts(struct asof_engine *engine, const char *const *paths, size_t path_count,
			  const char *column, int64_t min_us, int64_t max_us,
			  struct asof_parquet_facts *ret_all, struct asof_parquet_facts *ret_read,
			  struct asof_error *err);

#endif
