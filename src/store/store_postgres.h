/*
 * store_postgres.h - what the files store_postgres*.c share: connections, and tables in the
 * database.
 *
 * The schema holds, for a view "v":
 *   online_v                 a view for people: keys, values in effect, event_time, created_time
 *   asof_online              one row per table: its generation, the one being loaded, its meta;
 *                            how far the load is, for the next to go on (load_*)
 *   asof_online_generation   one row per generation: the fields that it shows
 *   asof_online_g17          the rows of generation 17 (never changed to hold those of another)
 *   asof_online_g17_log      while it is loaded: writes that come in no order, merged at its end
 *
 * Locks of the server, by a hash of schema and table ("advisory"): a put holds `table_lock` shared
 * until its commit, who changes what is current holds it alone; a load holds `load_lock` on its own
 * connection, with which it falls. Readers hold none: one statement reads the record and the rows.
 */
#ifndef ASOF_STORE_POSTGRES_H
#define ASOF_STORE_POSTGRES_H

#include "base/map.h"
#include "model/project.h"
#include "postgres/postgres_link.h"
#include "store/store_impls.h"

#define ASOF_POSTGRES_NAME_MAX 64 /* of an identifier, with NUL */
#define ASOF_POSTGRES_SQL_MAX  (1u << 20)
#define ASOF_POSTGRES_ROW_HEAD 5 /* key, event_us, created_us, is_tombstone, row */

/* A column that is shown, in the order of the table's. */
struct asof_postgres_column {
	const char *name;              /* as people see it */
	const char *field;             /* as the field is called */
	char type[ASOF_TYPE_TEXT_MAX]; /* asof's */
	char sql_type[32];
};

/* What a generation shows. Immutable once made; lives in its arena. */
struct asof_postgres_shape {
	struct asof_arena arena;
	struct asof_postgres_column *columns;
	size_t count;
};

void asof_postgres_shape_done(struct asof_postgres_shape *shape);
/* Those fields of a table that can be shown, under names that are unambiguous. */
ASOF_NODISCARD enum asof_status asof_postgres_shape_make(struct asof_postgres_shape *shape,
							 const struct asof_store_table *table,
							 struct asof_error *err);
/* As the database keeps it, and back. */
void asof_postgres_shape_write(const struct asof_postgres_shape *shape, struct asof_buf *text);
ASOF_NODISCARD enum asof_status asof_postgres_shape_read(struct asof_postgres_shape *shape,
							 struct asof_str text,
							 struct asof_error *err);
bool asof_postgres_shape_equal(const struct asof_postgres_shape *a,
			       const struct asof_postgres_shape *b);
/* Which of the table's keys and values each column shows; SIZE_MAX: none. `ret_fields` has room
 * for shape->count. */
void asof_postgres_shape_match(const struct asof_postgres_shape *shape,
			       const struct asof_store_table *table, size_t *ret_fields);

/* The name of the view for people: online_<table>, shortened without ambiguity where it is long. */
ASOF_NODISCARD enum asof_status asof_postgres_view_name(const char *table,
							char out[ASOF_POSTGRES_NAME_MAX],
							struct asof_error *err);
/* Append an identifier in quotes. */
void asof_postgres_add_name(struct asof_buf *sql, const char *name);

/* Statements, appended. */
void asof_postgres_add_rows_table(struct asof_buf *sql, int64_t generation,
				  const struct asof_postgres_shape *shape, bool is_log);
void asof_postgres_add_columns(struct asof_buf *sql, const struct asof_postgres_shape *shape);
enum asof_postgres_write {
	ASOF_POSTGRES_UPSERT, /* under the write rule */
	ASOF_POSTGRES_SET,    /* whatever is there */
	ASOF_POSTGRES_LOG,
};
void asof_postgres_add_write(struct asof_buf *sql, int64_t generation,
			     const struct asof_postgres_shape *shape,
			     enum asof_postgres_write write);
void asof_postgres_add_merge(struct asof_buf *sql, int64_t generation,
			     const struct asof_postgres_shape *shape);
/* With `is_current`: only if it is the one that is read. */
void asof_postgres_add_get(struct asof_buf *sql, int64_t generation, bool is_current);
/* The same, if it is the one that is read, with a single key for $1. */
void asof_postgres_add_get_one(struct asof_buf *sql, int64_t generation);
void asof_postgres_add_view(struct asof_buf *sql, const char *view_name, int64_t generation,
			    const struct asof_postgres_shape *shape);

/* The key as it is stored: itself, or, where it is too long for an index, its beginning and
 * SHA-256, written to `room`. */
#define ASOF_POSTGRES_KEY_MAX 1024
ASOF_NODISCARD enum asof_status asof_postgres_stored_key(struct asof_str key,
							 char room[ASOF_POSTGRES_KEY_MAX],
							 struct asof_str *ret_key,
							 struct asof_error *err);
/* Append a row's fields, as COPY and parameters have them. */
ASOF_NODISCARD enum asof_status asof_postgres_add_row(struct asof_buf *buf,
						      const struct asof_store_row *row,
						      const size_t *fields, size_t field_count,
						      struct asof_error *err);

/* --- connections --- */

/* A generation as a connection knows it. */
struct asof_postgres_known {
	int64_t generation; /* 0: none */
	bool has_shape;
	bool has_get[2];   /* statements that are prepared; [1]: of a single key */
	bool has_write[3]; /* by enum asof_postgres_write */
	struct asof_postgres_shape shape;
};

/* A table as a connection knows it: its generation, and the one being loaded. */
struct asof_postgres_table {
	struct asof_postgres_known current;
	struct asof_postgres_known loading;
};

struct asof_postgres_conn {
	struct asof_postgres_link link;
	struct asof_postgres_conn *next; /* idle */
	bool is_checked;                 /* the schema's number */
	bool is_whole;                   /* and that nothing lacks for writing */
	bool has_record;                 /* statements that are prepared */
	struct asof_map tables;          /* name -> struct asof_postgres_table */
};

/* Forgets what the connection knows, as it is a new one or ends. */
void asof_postgres_conn_forget(struct asof_postgres_conn *conn);
void asof_postgres_conn_free(struct asof_postgres_conn *conn);
ASOF_DEFINE_AUTOFREE(struct asof_postgres_conn, asof_postgres_conn_free)
/* The table's entry, made when there is none. Lives until the connection forgets. */
ASOF_NODISCARD enum asof_status asof_postgres_conn_table(struct asof_postgres_conn *conn,
							 const char *name,
							 struct asof_postgres_table **ret_table,
							 struct asof_error *err);
/* Make `known` the generation's, dropping what was prepared for another. */
ASOF_NODISCARD enum asof_status asof_postgres_know(struct asof_postgres_conn *conn,
						   struct asof_postgres_known *known,
						   int64_t generation, struct asof_error *err);
/* Read its shape, once. */
ASOF_NODISCARD enum asof_status asof_postgres_know_shape(struct asof_postgres_conn *conn,
							 struct asof_postgres_known *known,
							 struct asof_error *err);

struct asof_postgres_store {
	struct asof_store base; /* must be first */
	struct asof_arena arena;
	struct asof_postgres_place place;
	struct asof_postgres_place load_place; /* the same, with a load's settings */
	unsigned conn_max;
	pthread_mutex_t lock; /* guards what is below it */
	pthread_cond_t is_free;
	struct asof_postgres_conn *idle;
	unsigned conn_count; /* idle or in use */
};

typedef enum asof_status asof_postgres_attempt_fn(struct asof_postgres_conn *conn, void *arg,
						  struct asof_error *err);

/* Run `attempt` on a connection of the store's, which it has alone; again, on a new connection, in
 * ever longer pauses, where the server was away. So it must be one that may be repeated. */
ASOF_NODISCARD enum asof_status asof_postgres_with(struct asof_postgres_store *store,
						   asof_postgres_attempt_fn *attempt, void *arg,
						   struct asof_error *err);
/* A connection of the caller's own, for a load. */
ASOF_NODISCARD enum asof_status asof_postgres_conn_new(struct asof_postgres_store *store,
						       struct asof_postgres_conn **ret_conn,
						       struct asof_error *err);

/* --- tables --- */

/* A table's record. */
struct asof_postgres_record {
	bool is_found;
	struct asof_store_mark mark; /* generation 0: there is no table */
	int64_t loading;             /* 0: none that lives or may be gone on with */
	int64_t shown;               /* what the view for people shows; 0: there is none */
};

/* Of the columns generation, log, position of an answer's first row, from `column` on. */
struct asof_store_mark asof_postgres_mark_of(const struct asof_postgres_answer *answer,
					     size_t column);
/* Are asof's tables there? Looked at once per connection, and that this program reads them. */
ASOF_NODISCARD enum asof_status asof_postgres_find_tables(struct asof_postgres_conn *conn,
							  bool *ret_is_there,
							  struct asof_error *err);

enum asof_postgres_lock { ASOF_POSTGRES_SHARED, ASOF_POSTGRES_ALONE };

/* Begin a transaction with the table's lock held, and read its record. The caller commits. Makes
 * asof's own tables where they are missing. */
ASOF_NODISCARD enum asof_status asof_postgres_begin(struct asof_postgres_store *store,
						    struct asof_postgres_conn *conn,
						    const char *table, enum asof_postgres_lock lock,
						    struct asof_postgres_record *ret_record,
						    struct asof_error *err);
/* The lock that a load of the table holds. */
int64_t asof_postgres_load_lock(const struct asof_postgres_store *store, const char *table);
/* Within a transaction: make the tables of a new generation; a log where it is to be loaded, an
 * index where not. */
ASOF_NODISCARD enum asof_status
asof_postgres_make_generation(struct asof_postgres_conn *conn, const char *table,
			      const struct asof_postgres_shape *shape, bool is_load,
			      int64_t *ret_generation, struct asof_error *err);
/* Within a transaction: have the view for people show `generation` instead of `shown`. */
ASOF_NODISCARD enum asof_status asof_postgres_show(struct asof_postgres_conn *conn,
						   const char *table, int64_t shown,
						   int64_t generation,
						   const struct asof_postgres_shape *shape,
						   struct asof_error *err);
/* May it be shown? ASOF_CONFLICT where the name is another's, or somebody's views need columns
 * that change. */
ASOF_NODISCARD enum asof_status asof_postgres_check_shown(struct asof_postgres_conn *conn,
							  const char *table, int64_t shown,
							  const struct asof_postgres_shape *shape,
							  struct asof_error *err);
/* Remove what no record speaks of any more, as far as nobody reads it now. */
void asof_postgres_sweep(struct asof_postgres_conn *conn, const char *table);

/* The answer, in text, to a statement with parameters of text. */
ASOF_NODISCARD enum asof_status asof_postgres_ask_texts(struct asof_postgres_conn *conn,
							const char *sql, const char *const *texts,
							size_t count,
							struct asof_postgres_answer *ret_answer,
							struct asof_error *err);
/* The number in a cell; 0 where it is null. */
int64_t asof_postgres_number(const struct asof_postgres_answer *answer, size_t row, size_t column);

/* --- how far a load is --- */

struct asof_postgres_progress {
	int64_t generation; /* being filled; 0: none of the tag */
	int64_t row_count;
	uint64_t size_bytes;
	bool is_indexed;             /* it has its index */
	struct asof_buf last_key;    /* of what was put */
	struct asof_buf last_copied; /* as stored: the highest one in the table, without the log */
};

#define ASOF_POSTGRES_PROGRESS                                                      \
	((struct asof_postgres_progress){ .last_key = ASOF_BUF(ASOF_STORE_KEY_MAX), \
					  .last_copied = ASOF_BUF(ASOF_POSTGRES_KEY_MAX) })

void asof_postgres_progress_done(struct asof_postgres_progress *progress);
/* What a load of this tag left that shows the same; all else of *progress as it was. */
ASOF_NODISCARD enum asof_status asof_postgres_progress_find(struct asof_postgres_conn *conn,
							    const char *table, const char *tag,
							    const struct asof_postgres_shape *shape,
							    struct asof_postgres_progress *progress,
							    struct asof_error *err);
/* Within the transaction of the rows. */
ASOF_NODISCARD enum asof_status
asof_postgres_progress_write(struct asof_postgres_conn *conn, const char *table,
			     const struct asof_postgres_progress *progress, struct asof_error *err);
/* Within a transaction: nobody goes on with the load. */
ASOF_NODISCARD enum asof_status asof_postgres_progress_delete(struct asof_postgres_conn *conn,
							      const char *table,
							      struct asof_error *err);

/* --- rows --- */

struct asof_postgres_rows {
	const struct asof_store_row *items;
	size_t count;
	const size_t *order;  /* by key, so that two transactions never wait in a circle */
	const size_t *fields; /* which of a row's shown values each column has */
};

/* The places of keys in their order; equal ones stay as they are. */
ASOF_NODISCARD enum asof_status asof_postgres_order_keys(const struct asof_str *keys, size_t count,
							 struct asof_arena *arena,
							 const size_t **ret_order,
							 struct asof_error *err);
/* The same for rows: sets `order`. */
ASOF_NODISCARD enum asof_status asof_postgres_order_rows(struct asof_postgres_rows *rows,
							 struct asof_arena *arena,
							 struct asof_error *err);
/* Within a transaction: the rows to one generation. *ret_written: how many changed something. */
ASOF_NODISCARD enum asof_status
asof_postgres_write_rows(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
			 enum asof_postgres_write write, const struct asof_postgres_rows *rows,
			 size_t *ret_written, struct asof_error *err);
/* Rows of a generation that may be one that is being loaded. */
ASOF_NODISCARD enum asof_status
asof_postgres_visit_generation(struct asof_postgres_conn *conn, int64_t generation,
			       const struct asof_str *keys, size_t key_count,
			       asof_store_visit_fn *visit, void *arg, struct asof_error *err);

/* --- callbacks of the store --- */

ASOF_NODISCARD enum asof_status asof_postgres_put(struct asof_store *store,
						  const struct asof_store_table *table,
						  const struct asof_store_row *rows,
						  size_t row_count, size_t *ret_written,
						  struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_postgres_update(struct asof_store *store, const struct asof_store_table *table,
		     const struct asof_store_mark *mark, struct asof_store_position position,
		     const struct asof_store_row *rows, size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_get_many(struct asof_store *store, const char *table,
						       const struct asof_str *keys,
						       size_t key_count, asof_store_visit_fn *visit,
						       void *arg, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_begin(struct asof_store *store,
							 const struct asof_store_table *table,
							 struct asof_store_load **ret_load,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_resume(struct asof_store *store,
							  const struct asof_store_table *table,
							  struct asof_store_resume *resume,
							  struct asof_store_load **ret_load,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_put(struct asof_store_load *base,
						       const struct asof_store_row *rows,
						       size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_update(struct asof_store_load *base,
							  const struct asof_store_row *rows,
							  size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_get_many(struct asof_store_load *base,
							    const struct asof_str *keys,
							    size_t key_count,
							    asof_store_visit_fn *visit, void *arg,
							    struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_load_commit(struct asof_store_load *base,
							  struct asof_str meta,
							  struct asof_store_position position,
							  const struct asof_store_mark *mark,
							  struct asof_error *err);
void asof_postgres_load_abort(struct asof_store_load *base);
int64_t asof_postgres_load_leave(struct asof_store_load *base);

#endif
