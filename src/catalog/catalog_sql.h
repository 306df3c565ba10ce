/* catalog_sql.h - the text of the SQLite catalog: its tables and its statements. Immutable. */
#ifndef ASOF_CATALOG_SQL_H
#define ASOF_CATALOG_SQL_H

#define ASOF_CATALOG_SCHEMA_VERSION 1 /* pragma user_version */

/* Makes all tables and sets the version. */
extern const char asof_catalog_schema[];

enum asof_catalog_statement {
	ASOF_SQL_BEGIN_WRITE,
	ASOF_SQL_COMMIT,
	ASOF_SQL_ROLLBACK,
	ASOF_SQL_DEFINE,
	ASOF_SQL_FORGET,
	ASOF_SQL_DEFINITIONS,
	ASOF_SQL_VERSION_RUN,
	ASOF_SQL_ADD_VERSION,
	ASOF_SQL_SET_CURRENT,
	ASOF_SQL_VERSIONS,
	ASOF_SQL_PUT_RUN,
	ASOF_SQL_RUNS,
	ASOF_SQL_PUT_MATERIALIZATION,
	ASOF_SQL_FIND_MATERIALIZATION,
	ASOF_SQL_STATEMENT_COUNT,
};

extern const char *const asof_catalog_sql[];

#endif
