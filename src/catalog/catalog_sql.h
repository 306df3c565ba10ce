/*
 * catalog_sql.h - a catalog in an SQL database: its statements, and the calls over a connection
 * that runs them.
 *
 * A database (catalog_sqlite.c, catalog_postgres.c) brings how to open it, its schema and a driver;
 * the calls and the statements are the same for all. Thread-safe as far as `perform` is.
 */
#ifndef ASOF_CATALOG_SQL_H
#define ASOF_CATALOG_SQL_H

#include "catalog/catalog_impls.h"

/* Values are $1, $2, ... in the order of their first use, as all databases understand it. */
enum asof_catalog_statement {
	ASOF_SQL_DEFINE,
	ASOF_SQL_FORGET,
	ASOF_SQL_DEFINITIONS,
	ASOF_SQL_VERSION_RUN,
	ASOF_SQL_ADD_VERSION,
	ASOF_SQL_SET_CURRENT,
	ASOF_SQL_MOVE_VERSION,
	ASOF_SQL_VERSIONS,
	ASOF_SQL_PUT_RUN,
	ASOF_SQL_RUNS,
	ASOF_SQL_PUT_MATERIALIZATION,
	ASOF_SQL_FIND_MATERIALIZATION,
	ASOF_SQL_PUT_TRAINING_SET,
	ASOF_SQL_TRAINING_SETS,
	ASOF_SQL_STATEMENT_COUNT,
};
extern const char *const asof_catalog_sql[];

/* What brings a schema from number i to i + 1: several statements in one text. */
#define ASOF_CATALOG_SCHEMA_NUMBER 3
extern const char *const asof_catalog_sqlite_schema[ASOF_CATALOG_SCHEMA_NUMBER];
extern const char *const asof_catalog_postgres_schema[ASOF_CATALOG_SCHEMA_NUMBER];

enum asof_sql_cell_kind { ASOF_SQL_NULL, ASOF_SQL_TEXT, ASOF_SQL_INT };

/* A value of a statement, or of a row. Texts are borrowed. */
struct asof_sql_cell {
	enum asof_sql_cell_kind kind;
	const char *text;
	int64_t number;
};

#define ASOF_SQL_CELLS_MAX 16

struct asof_sql_cells {
	struct asof_sql_cell items[ASOF_SQL_CELLS_MAX];
	size_t count;
};

struct asof_sql_catalog;

/* Texts of the row live until it returns. */
typedef enum asof_status asof_sql_row_fn(void *arg, const struct asof_sql_cell *row,
					 struct asof_error *err);
typedef enum asof_status asof_sql_work_fn(struct asof_sql_catalog *catalog, void *arg,
					  struct asof_error *err);

struct asof_sql_driver {
	/* Run `work` alone on the connection; as a transaction, all of it or nothing. It may be run
	 * again from its beginning where the connection was lost. */
	enum asof_status (*perform)(struct asof_sql_catalog *catalog, bool is_transaction,
				    asof_sql_work_fn *work, void *arg, struct asof_error *err);
	/* Within `perform`: one statement. `take` gets its rows (NULL: there are none),
	 * *ret_changed (or NULL) how many rows it changed. */
	enum asof_status (*run)(struct asof_sql_catalog *catalog,
				enum asof_catalog_statement statement,
				const struct asof_sql_cells *values, asof_sql_row_fn *take,
				void *arg, int64_t *ret_changed, struct asof_error *err);
};

/* What such a catalog begins with. */
struct asof_sql_catalog {
	struct asof_catalog base; /* must be first */
	const struct asof_sql_driver *driver;
};

/*
 * The callbacks of asof_catalog_ops. Each call that writes may be repeated: what it says is then
 * said again. Fault points: catalog.before_write, catalog.before_commit (of a transaction),
 * catalog.after_write.
 */
enum asof_status asof_catalog_sql_define(struct asof_catalog *catalog,
					 const struct asof_definition *definitions, size_t count,
					 const struct asof_definition *removed,
					 size_t removed_count, struct asof_error *err);
enum asof_status asof_catalog_sql_definitions(struct asof_catalog *catalog, const char *kind,
					      asof_definition_fn *visit, void *arg,
					      struct asof_error *err);
enum asof_status asof_catalog_sql_publish(struct asof_catalog *catalog,
					  const struct asof_version *version,
					  struct asof_error *err);
enum asof_status asof_catalog_sql_versions(struct asof_catalog *catalog, const char *view,
					   asof_version_fn *visit, void *arg,
					   struct asof_error *err);
enum asof_status asof_catalog_sql_set_current(struct asof_catalog *catalog, const char *view,
					      int32_t major, int32_t minor, int32_t patch,
					      struct asof_error *err);
enum asof_status asof_catalog_sql_move_version(struct asof_catalog *catalog, const char *view,
					       int32_t major, int32_t minor, int32_t patch,
					       int64_t table_version, struct asof_error *err);
enum asof_status asof_catalog_sql_put_run(struct asof_catalog *catalog, const struct asof_run *run,
					  struct asof_error *err);
enum asof_status asof_catalog_sql_runs(struct asof_catalog *catalog, size_t limit,
				       asof_run_fn *visit, void *arg, struct asof_error *err);
enum asof_status
asof_catalog_sql_put_materialization(struct asof_catalog *catalog,
				     const struct asof_materialization *materialization,
				     struct asof_error *err);
enum asof_status asof_catalog_sql_find_materialization(
	struct asof_catalog *catalog, const char *view, struct asof_arena *arena,
	struct asof_materialization *ret_materialization, struct asof_error *err);
enum asof_status asof_catalog_sql_put_training_set(struct asof_catalog *catalog,
						   const struct asof_training_set *training_set,
						   struct asof_error *err);
enum asof_status asof_catalog_sql_training_sets(struct asof_catalog *catalog, size_t limit,
						asof_training_set_fn *visit, void *arg,
						struct asof_error *err);

/* All of them, for a table of functions. */
#define ASOF_CATALOG_SQL_CALLS                                                              \
	.define = asof_catalog_sql_define, .definitions = asof_catalog_sql_definitions,     \
	.publish = asof_catalog_sql_publish, .versions = asof_catalog_sql_versions,         \
	.set_current = asof_catalog_sql_set_current,                                        \
	.move_version = asof_catalog_sql_move_version, .put_run = asof_catalog_sql_put_run, \
	.runs = asof_catalog_sql_runs,                                                      \
	.put_materialization = asof_catalog_sql_put_materialization,                        \
	.find_materialization = asof_catalog_sql_find_materialization,                      \
	.put_training_set = asof_catalog_sql_put_training_set,                              \
	.training_sets = asof_catalog_sql_training_sets

#endif
