/* catalog_sql.c - the text of the SQLite catalog: its tables and its statements. */
#include "catalog/catalog_sql.h"

const char asof_catalog_schema[] =
	"create table definition ("
	"  kind text not null, name text not null, hash text not null, json text not null,"
	"  major integer not null, minor integer not null, registered_us integer not null,"
	"  primary key (kind, name)) strict, without rowid;"
	"create table version ("
	"  view text not null, major integer not null, minor integer not null,"
	"  patch integer not null, definition_hash text not null, definition_json text not null,"
	"  table_version integer not null, row_count integer not null,"
	"  published_us integer not null, run_id text not null, tag text not null,"
	"  primary key (view, major, minor, patch)) strict, without rowid;"
	"create table current_version ("
	"  view text primary key not null, major integer not null, minor integer not null,"
	"  patch integer not null,"
	"  foreign key (view, major, minor, patch) references version) strict, without rowid;"
	"create table run ("
	"  id text primary key not null, job text not null, name text not null,"
	"  state integer not null check (state between 0 and 2), started_us integer not null,"
	"  finished_us integer not null, row_count integer not null, message text not null,"
	"  version text not null) strict, without rowid;"
	"create index run_by_start on run (started_us desc, id desc);"
	"create table materialization ("
	"  view text primary key not null, version text not null, at_us integer not null,"
	"  row_count integer not null, done_us integer not null) strict, without rowid;"
	"pragma user_version = 1;";
_Static_assert(ASOF_CATALOG_SCHEMA_VERSION == 1, "the last line of the schema says so");

const char *const asof_catalog_sql[ASOF_SQL_STATEMENT_COUNT] = {
	[ASOF_SQL_BEGIN_WRITE] = "begin immediate",
	[ASOF_SQL_COMMIT] = "commit",
	[ASOF_SQL_ROLLBACK] = "rollback",
	[ASOF_SQL_DEFINE] = "insert into definition values (?, ?, ?, ?, ?, ?, ?)"
			    " on conflict (kind, name) do update set hash = excluded.hash,"
			    " json = excluded.json, major = excluded.major, minor = excluded.minor,"
			    " registered_us = excluded.registered_us",
	[ASOF_SQL_FORGET] = "delete from definition where kind = ? and name = ?",
	[ASOF_SQL_DEFINITIONS] =
		"select kind, name, hash, json, major, minor, registered_us"
		" from definition where ?1 is null or kind = ?1 order by kind, name",
	[ASOF_SQL_VERSION_RUN] = "select run_id from version"
				 " where view = ? and major = ? and minor = ? and patch = ?",
	[ASOF_SQL_ADD_VERSION] = "insert into version values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ASOF_SQL_SET_CURRENT] = "insert into current_version values (?, ?, ?, ?)"
				 " on conflict (view) do update set major = excluded.major,"
				 " minor = excluded.minor, patch = excluded.patch",
	[ASOF_SQL_VERSIONS] =
		"select v.view, v.major, v.minor, v.patch, v.definition_hash,"
		" v.definition_json, v.table_version, v.row_count, v.published_us, v.run_id,"
		" v.tag, c.view is not null from version v left join current_version c"
		" using (view, major, minor, patch) where ?1 is null or v.view = ?1"
		" order by v.view, v.major desc, v.minor desc, v.patch desc",
	[ASOF_SQL_PUT_RUN] =
		"insert into run values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" on conflict (id) do update set job = excluded.job, name = excluded.name,"
		" state = excluded.state, started_us = excluded.started_us,"
		" finished_us = excluded.finished_us, row_count = excluded.row_count,"
		" message = excluded.message, version = excluded.version",
	[ASOF_SQL_RUNS] =
		"select id, job, name, state, started_us, finished_us, row_count, message, version"
		" from run order by started_us desc, id desc limit ?",
	[ASOF_SQL_PUT_MATERIALIZATION] =
		"insert into materialization values (?, ?, ?, ?, ?)"
		" on conflict (view) do update set version = excluded.version,"
		" at_us = excluded.at_us, row_count = excluded.row_count,"
		" done_us = excluded.done_us",
	[ASOF_SQL_FIND_MATERIALIZATION] = "select view, version, at_us, row_count, done_us"
					  " from materialization where view = ?",
};
