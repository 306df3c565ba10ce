/* catalog_sql.c - the text of the SQL catalogs: their tables and their statements. */
#include "catalog/catalog_sql.h"

const char *const asof_catalog_sqlite_schema[ASOF_CATALOG_SCHEMA_NUMBER] = {
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
	"pragma user_version = 1;",
	"create table training_set ("
	"  path text primary key not null, spine text not null, service text not null,"
	"  views text not null, features text not null, row_count integer not null,"
	"  made_us integer not null, made_by text not null) strict, without rowid;"
	"create index training_set_by_time on training_set (made_us desc, path);"
	"pragma user_version = 2;",
	"alter table version add column made_by text not null default '';"
	"alter table version add column reason text not null default '';"
	"alter table run add column made_by text not null default '';"
	"alter table run add column reason text not null default '';"
	"pragma user_version = 3;",
};

/* Texts are ordered by their bytes, as everywhere else. */
const char *const asof_catalog_postgres_schema[ASOF_CATALOG_SCHEMA_NUMBER] = {
	"create schema if not exists asof;"
	"create table asof.schema_number ("
	"  is_only boolean primary key default true check (is_only), number integer not null);"
	"insert into asof.schema_number (number) values (1);"
	"create table asof.definition ("
	"  kind text collate \"C\" not null, name text collate \"C\" not null,"
	"  hash text not null, json text not null, major integer not null,"
	"  minor integer not null, registered_us bigint not null, primary key (kind, name));"
	"create table asof.version ("
	"  view text collate \"C\" not null, major integer not null, minor integer not null,"
	"  patch integer not null, definition_hash text not null, definition_json text not null,"
	"  table_version bigint not null, row_count bigint not null, published_us bigint not null,"
	"  run_id text not null, tag text not null, primary key (view, major, minor, patch));"
	"create table asof.current_version ("
	"  view text collate \"C\" primary key, major integer not null, minor integer not null,"
	"  patch integer not null,"
	"  foreign key (view, major, minor, patch) references asof.version);"
	"create table asof.run ("
	"  id text collate \"C\" primary key, job text not null, name text not null,"
	"  state integer not null check (state between 0 and 2), started_us bigint not null,"
	"  finished_us bigint not null, row_count bigint not null, message text not null,"
	"  version text not null);"
	"create index run_by_start on asof.run (started_us desc, id desc);"
	"create table asof.materialization ("
	"  view text collate \"C\" primary key, version text not null, at_us bigint not null,"
	"  row_count bigint not null, done_us bigint not null);",
	"create table asof.training_set ("
	"  path text collate \"C\" primary key, spine text not null, service text not null,"
	"  views text not null, features text not null, row_count bigint not null,"
	"  made_us bigint not null, made_by text not null);"
	"create index training_set_by_time on asof.training_set (made_us desc, path);"
	"update asof.schema_number set number = 2;",
	"alter table asof.version add column made_by text not null default '';"
	"alter table asof.version add column reason text not null default '';"
	"alter table asof.run add column made_by text not null default '';"
	"alter table asof.run add column reason text not null default '';"
	"update asof.schema_number set number = 3;",
};
_Static_assert(ASOF_CATALOG_SCHEMA_NUMBER == 3, "the last line of each schema says so");

/* Columns are named: an older program still writes after a newer one has added some. */
const char *const asof_catalog_sql[ASOF_SQL_STATEMENT_COUNT] = {
	[ASOF_SQL_DEFINE] = "insert into definition"
			    " (kind, name, hash, json, major, minor, registered_us)"
			    " values ($1, $2, $3, $4, $5, $6, $7)"
			    " on conflict (kind, name) do update set hash = excluded.hash,"
			    " json = excluded.json, major = excluded.major, minor = excluded.minor,"
			    " registered_us = excluded.registered_us",
	[ASOF_SQL_FORGET] = "delete from definition where kind = $1 and name = $2",
	[ASOF_SQL_DEFINITIONS] =
		"select kind, name, hash, json, major, minor, registered_us from definition"
		" where cast($1 as text) is null or kind = $1 order by kind, name",
	[ASOF_SQL_VERSION_RUN] = "select run_id from version"
				 " where view = $1 and major = $2 and minor = $3 and patch = $4",
	[ASOF_SQL_ADD_VERSION] = "insert into version (view, major, minor, patch, definition_hash,"
				 " definition_json, table_version, row_count, published_us, run_id,"
				 " tag, made_by, reason) values"
				 " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
				 " on conflict do nothing",
	[ASOF_SQL_SET_CURRENT] = "insert into current_version (view, major, minor, patch)"
				 " select view, major, minor, patch from version"
				 " where view = $1 and major = $2 and minor = $3 and patch = $4"
				 " on conflict (view) do update set major = excluded.major,"
				 " minor = excluded.minor, patch = excluded.patch",
	[ASOF_SQL_MOVE_VERSION] = "update version set table_version ="
				  " case when table_version < $1 then $1 else table_version end"
				  " where view = $2 and major = $3 and minor = $4 and patch = $5",
	[ASOF_SQL_VERSIONS] =
		"select v.view, v.major, v.minor, v.patch, v.definition_hash,"
		" v.definition_json, v.table_version, v.row_count, v.published_us, v.run_id,"
		" v.tag, v.made_by, v.reason, case when c.view is null then 0 else 1 end"
		" from version v left join current_version c on c.view = v.view and"
		" c.major = v.major and c.minor = v.minor and c.patch = v.patch"
		" where cast($1 as text) is null or v.view = $1"
		" order by v.view, v.major desc, v.minor desc, v.patch desc",
	[ASOF_SQL_PUT_RUN] =
		"insert into run (id, job, name, state, started_us, finished_us, row_count,"
		" message, version, made_by, reason)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
		" on conflict (id) do update set job = excluded.job, name = excluded.name,"
		" state = excluded.state, started_us = excluded.started_us,"
		" finished_us = excluded.finished_us, row_count = excluded.row_count,"
		" message = excluded.message, version = excluded.version,"
		" made_by = excluded.made_by, reason = excluded.reason",
	[ASOF_SQL_RUNS] =
		"select id, job, name, state, started_us, finished_us, row_count, message, version,"
		" made_by, reason from run order by started_us desc, id desc limit $1",
	[ASOF_SQL_PUT_MATERIALIZATION] =
		"insert into materialization (view, version, at_us, row_count, done_us)"
		" values ($1, $2, $3, $4, $5)"
		" on conflict (view) do update set version = excluded.version,"
		" at_us = excluded.at_us, row_count = excluded.row_count,"
		" done_us = excluded.done_us",
	[ASOF_SQL_FIND_MATERIALIZATION] = "select view, version, at_us, row_count, done_us"
					  " from materialization where view = $1",
	[ASOF_SQL_PUT_TRAINING_SET] =
		"insert into training_set"
		" (path, spine, service, views, features, row_count, made_us, made_by)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8)"
		" on conflict (path) do update set spine = excluded.spine,"
		" service = excluded.service, views = excluded.views,"
		" features = excluded.features, row_count = excluded.row_count,"
		" made_us = excluded.made_us, made_by = excluded.made_by",
	[ASOF_SQL_TRAINING_SETS] =
		"select path, spine, service, views, features, row_count, made_us, made_by"
		" from training_set order by made_us desc, path limit $1",
};
