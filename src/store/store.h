/*
 * store.h - online store: per view a table of packed rows (codec/row.h) by entity key.
 *
 * Opened from a URI whose scheme names the implementation ("memory", "lmdb:DIR"). All
 * implementations pass the same suite, tests/conformance/test_store.c; behaviour not tested there
 * is not promised.
 *
 * The write rule: a write replaces the stored state if and only if its (event_us, created_us) is >=
 * the stored one. A tombstone is a row without value under the same rule; it reads as missing.
 *
 * A table is written row by row (put) or as a whole (load): a load fills a new generation beside
 * the one being read and switches at once in commit; a load that is aborted or killed leaves the
 * old generation as it was. What is put meanwhile goes into both generations, so that the switch
 * loses no write. A put makes the table that it needs, with empty meta.
 *
 * Some stores show what they hold to people who look into them (Redis, Postgres): keys and values
 * in effect, beside the packed row. What is read is always the packed row, never what is shown.
 *
 * What is pushed is first a row of a log, then merged into rows here. A table has a *position*: the
 * version of that log which it contains. Position and rows change together, and only from a known
 * *mark* (compare and swap), so that each version is merged exactly once whoever comes first:
 *   update: mark, get_many, merge, update;                       ASOF_CONFLICT: again from the mark
 *   load:   ..., mark, load_get_many, merge, load_update, load_commit; the same
 * A put changes no mark: tables that are updated are not put into.
 *
 * Threads: a store may be used from many threads at once; a load by one thread at a time, one load
 * per table. Ownership: keys and values passed in are borrowed for the call only. Keys may have any
 * length from 1 byte to ASOF_STORE_KEY_MAX, values up to ASOF_STORE_VALUE_MAX.
 */
#ifndef ASOF_STORE_H
#define ASOF_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/project.h"

#define ASOF_STORE_KEY_MAX   (64 * 1024)
#define ASOF_STORE_VALUE_MAX (64 * 1024 * 1024)
#define ASOF_STORE_TABLE_MAX 255 /* bytes of a table's name, without NUL */

struct asof_store;
struct asof_store_load;

/* A table that is written to: its name, and the fields that a store may show of it. */
struct asof_store_table {
	const char *name;
	const struct asof_field *keys; /* without any: nothing is shown */
	size_t key_count;
	const struct asof_field *values;
	size_t value_count;
};

/* A table that shows nothing. */
#define ASOF_STORE_NAMED(table_name) (&(struct asof_store_table){ .name = (table_name) })

struct asof_store_row {
	struct asof_str key;
	struct asof_str value; /* ignored where is_tombstone */
	int64_t event_us;
	int64_t created_us;
	bool is_tombstone;
	/* The table's keys, then the values in effect when the row was made (in a tombstone
	 * ignored); NULL: nothing is shown of this row. */
	const struct asof_value *shown;
};

/* Which version (0, 1, ..) of which log a table contains; all zero: nothing of any. Versions of
 * different logs do not compare. */
struct asof_store_position {
	uint64_t log; /* not 0 */
	int64_t version;
};

/* What a table is at. A generation's number never comes again, also after a drop; all zero: there
 * is no such table. */
struct asof_store_mark {
	uint64_t generation;
	struct asof_store_position position;
};

/*
 * A load that may be done again: `tag` says all that its rows follow from. Where a load with an
 * equal tag was killed or left, what it had put durably is there: that many rows, the last of them
 * with last_key.
 */
struct asof_store_resume {
	struct asof_str tag;
	int64_t row_count;        /* 0: begin with the first row */
	uint64_t size_bytes;      /* of their keys and values */
	struct asof_buf last_key; /* the caller's */
};

/*
 * Called once per key found, perhaps inside a read transaction: be quick, do not call the
 * store. `value` is borrowed and dies when the callback returns.
 */
typedef enum asof_status asof_store_visit_fn(void *arg, size_t key_index, struct asof_str value,
					     struct asof_error *err);
typedef enum asof_status asof_store_table_fn(void *arg, const char *table, struct asof_str meta,
					     struct asof_error *err);

/* What an implementation provides. Never call these directly: use the asof_store_*() functions. */
struct asof_store_ops {
	const char *scheme;
	/* Does it use what rows show? NULL: no. */
	bool (*is_showing)(const struct asof_store *store);
	/* Do calls take as long as a server does to answer? NULL: no. */
	bool (*is_remote)(const struct asof_store *store);
	enum asof_status (*open)(struct asof_str location, struct asof_store **ret_store,
				 struct asof_error *err);
	void (*close)(struct asof_store *store);
	/* All rows of one call are applied together or not at all, durably. *ret_written: how many
	 * replaced. */
	enum asof_status (*put)(struct asof_store *store, const struct asof_store_table *table,
				const struct asof_store_row *rows, size_t row_count,
				size_t *ret_written, struct asof_error *err);
	/* Visit the keys that exist, in any order, all from one generation. A missing table or key
	 * is not an error. */
	enum asof_status (*get_many)(struct asof_store *store, const char *table,
				     const struct asof_str *keys, size_t key_count,
				     asof_store_visit_fn *visit, void *arg, struct asof_error *err);
	/* The meta of the table's current generation appended to `buf`; ASOF_NOT_FOUND without such
	 * a table. */
	enum asof_status (*meta)(struct asof_store *store, const char *table, struct asof_buf *buf,
				 struct asof_error *err);
	/* All zero without such a table. */
	enum asof_status (*mark)(struct asof_store *store, const char *table,
				 struct asof_store_mark *ret_mark, struct asof_error *err);
	/* The rows, whatever was there of their keys (the last one where a key comes twice), and
	 * the new position, together and durably; ASOF_CONFLICT and nothing unless the table is at
	 * `mark`. A load under way does not see them. */
	enum asof_status (*update)(struct asof_store *store, const struct asof_store_table *table,
				   const struct asof_store_mark *mark,
				   struct asof_store_position position,
				   const struct asof_store_row *rows, size_t row_count,
				   struct asof_error *err);
	/* Every table, in any order. */
	enum asof_status (*tables)(struct asof_store *store, asof_store_table_fn *visit, void *arg,
				   struct asof_error *err);
	/* A missing table is not an error. */
	enum asof_status (*drop)(struct asof_store *store, const char *table,
				 struct asof_error *err);
	/* ASOF_CONFLICT while another load of the table is under way, in any process. What
	 * the table's fields point to lives as long as the load. */
	enum asof_status (*load_begin)(struct asof_store *store,
				       const struct asof_store_table *table,
				       struct asof_store_load **ret_load, struct asof_error *err);
	/* As load_begin, and go on where a load of the same tag was killed or left; what one of
	 * another tag left is removed. A load that was updated is not gone on with. Optional:
	 * without it a load begins anew, as in memory, where nothing outlives a kill. */
	enum asof_status (*load_resume)(struct asof_store *store,
					const struct asof_store_table *table,
					struct asof_store_resume *resume,
					struct asof_store_load **ret_load, struct asof_error *err);
	/* Under the write rule among the load's own rows. Ascending keys are fastest; any order is
	 * right. */
	enum asof_status (*load_put)(struct asof_store_load *load,
				     const struct asof_store_row *rows, size_t row_count,
				     struct asof_error *err);
	/* The same without the write rule: what is there of a key is replaced. */
	enum asof_status (*load_update)(struct asof_store_load *load,
					const struct asof_store_row *rows, size_t row_count,
					struct asof_error *err);
	/* get_many among what was loaded. */
	enum asof_status (*load_get_many)(struct asof_store_load *load, const struct asof_str *keys,
					  size_t key_count, asof_store_visit_fn *visit, void *arg,
					  struct asof_error *err);
	/* Switch to what was loaded, durably; frees `load` on success. With `mark`: ASOF_CONFLICT,
	 * and the load stays usable, unless the table being read is at it. */
	enum asof_status (*load_commit)(struct asof_store_load *load, struct asof_str meta,
					struct asof_store_position position,
					const struct asof_store_mark *mark, struct asof_error *err);
	void (*load_abort)(struct asof_store_load *load);
	/* End the load as a kill would, in order: the next of its tag goes on behind the rows that
	 * are durable then, whose number is returned. 0, and aborted: where that cannot be, since
	 * it has no tag or was updated. Optional, as load_resume. */
	int64_t (*load_leave)(struct asof_store_load *load);
};

/* First member of every implementation's struct. */
struct asof_store {
	const struct asof_store_ops *ops;
};
struct asof_store_load {
	const struct asof_store_ops *ops;
};

/* "memory", "memory:", "lmdb:DIR", "postgres://USER@HOST:PORT/DATABASE". */
ASOF_NODISCARD enum asof_status asof_store_open(const char *uri, struct asof_store **ret_store,
						struct asof_error *err);
/* NULL is a no-op. */
void asof_store_free(struct asof_store *store);
ASOF_DEFINE_AUTOFREE(struct asof_store, asof_store_free)

/* Is what rows show used? Who makes rows may spare himself the work otherwise. */
bool asof_store_is_showing(const struct asof_store *store);
/* Do calls wait for a server, perhaps for long? Who has other things to do calls from elsewhere. */
bool asof_store_is_remote(const struct asof_store *store);

ASOF_NODISCARD enum asof_status asof_store_put(struct asof_store *store,
					       const struct asof_store_table *table,
					       const struct asof_store_row *rows, size_t row_count,
					       size_t *ret_written, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_get_many(struct asof_store *store, const char *table,
						    const struct asof_str *keys, size_t key_count,
						    asof_store_visit_fn *visit, void *arg,
						    struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_meta(struct asof_store *store, const char *table,
						struct asof_buf *buf, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_mark(struct asof_store *store, const char *table,
						struct asof_store_mark *ret_mark,
						struct asof_error *err);
/* `mark` is of a table that exists, `position` of a log. */
ASOF_NODISCARD enum asof_status
asof_store_update(struct asof_store *store, const struct asof_store_table *table,
		  const struct asof_store_mark *mark, struct asof_store_position position,
		  const struct asof_store_row *rows, size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_tables(struct asof_store *store,
						  asof_store_table_fn *visit, void *arg,
						  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_drop(struct asof_store *store, const char *table,
						struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_load_begin(struct asof_store *store,
						      const struct asof_store_table *table,
						      struct asof_store_load **ret_load,
						      struct asof_error *err);
/* On success resume->row_count, size_bytes and last_key say where to go on. */
ASOF_NODISCARD enum asof_status asof_store_load_resume(struct asof_store *store,
						       const struct asof_store_table *table,
						       struct asof_store_resume *resume,
						       struct asof_store_load **ret_load,
						       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_load_put(struct asof_store_load *load,
						    const struct asof_store_row *rows,
						    size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_load_update(struct asof_store_load *load,
						       const struct asof_store_row *rows,
						       size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_store_load_get_many(struct asof_store_load *load,
							 const struct asof_str *keys,
							 size_t key_count,
							 asof_store_visit_fn *visit, void *arg,
							 struct asof_error *err);
/* On success `load` is gone; on failure it still wants asof_store_load_abort(). `mark` NULL:
 * whatever the table is at. */
ASOF_NODISCARD enum asof_status asof_store_load_commit(struct asof_store_load *load,
						       struct asof_str meta,
						       struct asof_store_position position,
						       const struct asof_store_mark *mark,
						       struct asof_error *err);
/* NULL is a no-op. */
void asof_store_load_abort(struct asof_store_load *load);
ASOF_DEFINE_AUTOFREE(struct asof_store_load, asof_store_load_abort)
/* Instead of asof_store_load_abort(): what was put stays for asof_store_load_resume(). How many
 * rows; 0: none, all is as after an abort. */
int64_t asof_store_load_leave(struct asof_store_load *load);

#endif
