/* store_postgres_shape.c - what is shown of a table: names, types, and the SQL that follows. Pure.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/utf8.h"
#include "codec/json_reader.h"
#include "model/digest.h"
#include "model/hash.h"
#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

/* A row of a table fits a page of 8 KiB without what is stored elsewhere, and has 1600 columns. */
#define SHOWN_BYTES_MAX   7000
#define SHOWN_COLUMNS_MAX 1500
#define HASH_DIGITS       16
#define SHORT_KEY_MAX     1000
#define LONG_KEY_PREFIX   (ASOF_POSTGRES_KEY_MAX - ASOF_SHA256_TEXT_MAX + 1)

void
asof_postgres_shape_done(struct asof_postgres_shape *shape)
{
	asof_arena_done(&shape->arena);
	*shape = (struct asof_postgres_shape){ 0 };
}

/* --- names -------------------------------------------------------------------------------------
 */

/* PostgreSQL cuts identifiers of more than 63 bytes: we end such a one in a hash of the whole. */
static enum asof_status
make_name(const char *prefix, const char *name, const char *suffix,
	  char out[ASOF_POSTGRES_NAME_MAX], struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf whole = ASOF_BUF(1u << 20);
	asof_buf_printf(&whole, "%s%s%s", prefix, name, suffix);
	ASOF_TRY(asof_buf_status(&whole, err));
	struct asof_str text = asof_buf_view(&whole);
	if (text.len < ASOF_POSTGRES_NAME_MAX) {
		memcpy(out, text.ptr, text.len + 1);
		return ASOF_OK;
	}
	struct asof_str start = { text.ptr, ASOF_POSTGRES_NAME_MAX - 2 - HASH_DIGITS };
	start.len = asof_utf8_valid_prefix(start);
	(void)snprintf(out, ASOF_POSTGRES_NAME_MAX, "%.*s_%016" PRIx64, ASOF_STR_ARG(start),
		       asof_hash64(text));
	return ASOF_OK;
}

enum asof_status
asof_postgres_view_name(const char *table, char out[ASOF_POSTGRES_NAME_MAX], struct asof_error *err)
{
	return make_name("online_", table, "", out, err);
}

void
asof_postgres_add_name(struct asof_buf *sql, const char *name)
{
	asof_buf_add_char(sql, '"');
	for (const char *at = name; *at; at++) {
		if (*at == '"')
			asof_buf_add_char(sql, '"');
		asof_buf_add_char(sql, *at);
	}
	asof_buf_add_char(sql, '"');
}

static bool
is_taken(const struct asof_postgres_shape *shape, const char *name)
{
	if (strcmp(name, "event_time") == 0 || strcmp(name, "created_time") == 0)
		return true;
	for (size_t i = 0; i < shape->count; i++) {
		if (strcmp(shape->columns[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A field called as another column is gets "_" at its end. */
static enum asof_status
name_column(struct asof_postgres_shape *shape, const char *field, struct asof_error *err)
{
	static const char underscores[] = "________________";
	char name[ASOF_POSTGRES_NAME_MAX];
	const char *suffix = underscores + sizeof(underscores) - 1;
	ASOF_TRY(make_name("", field, suffix, name, err));
	while (is_taken(shape, name) && suffix > underscores)
		ASOF_TRY(make_name("", field, --suffix, name, err));
	struct asof_postgres_column *column = &shape->columns[shape->count];
	column->name = asof_arena_copy(&shape->arena, asof_str_from(name));
	column->field = asof_arena_copy(&shape->arena, asof_str_from(field));
	if (!column->name || !column->field)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "column '%s'", field);
	return ASOF_OK;
}

/* --- making, writing, reading ------------------------------------------------------------------
 */

static enum asof_status
add_column(struct asof_postgres_shape *shape, const char *field, struct asof_type type,
	   size_t *used_bytes, struct asof_error *err)
{
	struct asof_postgres_column *column = &shape->columns[shape->count];
	size_t width = asof_postgres_type_width(type);
	if (!asof_postgres_type_name(type, column->sql_type) ||
	    *used_bytes + width > SHOWN_BYTES_MAX || shape->count == SHOWN_COLUMNS_MAX)
		return ASOF_OK;
	ASOF_TRY(name_column(shape, field, err));
	(void)asof_type_text(type, column->type);
	*used_bytes += width;
	shape->count++;
	return ASOF_OK;
}

enum asof_status
asof_postgres_shape_make(struct asof_postgres_shape *shape, const struct asof_store_table *table,
			 struct asof_error *err)
{
	size_t count = table->key_count > 0 ? table->key_count + table->value_count : 0;
	size_t used_bytes = 0;
	shape->columns = asof_arena_array(&shape->arena, count + 1, sizeof(*shape->columns));
	if (!shape->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", count);
	for (size_t i = 0; i < count; i++) {
		const struct asof_field *field = i < table->key_count
							 ? &table->keys[i]
							 : &table->values[i - table->key_count];
		ASOF_TRY(add_column(shape, field->name, field->type, &used_bytes, err));
	}
	return ASOF_OK;
}

void
asof_postgres_shape_write(const struct asof_postgres_shape *shape, struct asof_buf *text)
{
	struct asof_json_writer w = asof_json_writer_to(text);
	asof_json_begin_array(&w);
	for (size_t i = 0; i < shape->count; i++) {
		asof_json_begin_array(&w);
		asof_json_cstr(&w, shape->columns[i].field);
		asof_json_cstr(&w, shape->columns[i].type);
		asof_json_end_array(&w);
	}
	asof_json_end_array(&w);
}

static enum asof_status
read_column(struct asof_postgres_shape *shape, const struct asof_json *pair,
	    struct asof_arena *scratch, size_t *used_bytes, struct asof_error *err)
{
	struct asof_type type;
	bool is_pair = pair->kind == ASOF_JSON_ARRAY && pair->count == 2 &&
		       pair->items[0].kind == ASOF_JSON_STRING &&
		       pair->items[1].kind == ASOF_JSON_STRING;
	if (!is_pair)
		return ASOF_FAIL(err, ASOF_CORRUPT, "fields that are shown do not decode");
	const char *field = asof_arena_copy(scratch, pair->items[0].text);
	if (!field)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "field");
	ASOF_TRY(asof_type_parse(pair->items[1].text, &type, err));
	return add_column(shape, field, type, used_bytes, err);
}

enum asof_status
asof_postgres_shape_read(struct asof_postgres_shape *shape, struct asof_str text,
			 struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	const struct asof_json *root = NULL;
	size_t used_bytes = 0;
	ASOF_TRY(asof_json_read(text, &scratch, &root, err));
	if (root->kind != ASOF_JSON_ARRAY || root->count > SHOWN_COLUMNS_MAX)
		return ASOF_FAIL(err, ASOF_CORRUPT, "fields that are shown do not decode");
	shape->columns = asof_arena_array(&shape->arena, root->count + 1, sizeof(*shape->columns));
	if (!shape->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", root->count);
	for (size_t i = 0; i < root->count; i++)
		ASOF_TRY(read_column(shape, &root->items[i], &scratch, &used_bytes, err));
	return ASOF_OK;
}

bool
asof_postgres_shape_equal(const struct asof_postgres_shape *a, const struct asof_postgres_shape *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->columns[i].name, b->columns[i].name) != 0 ||
		    strcmp(a->columns[i].sql_type, b->columns[i].sql_type) != 0)
			return false;
	}
	return true;
}

static bool
is_field(const struct asof_postgres_column *column, const struct asof_field *field)
{
	char type[ASOF_TYPE_TEXT_MAX];
	return strcmp(column->field, field->name) == 0 &&
	       strcmp(column->type, asof_type_text(field->type, type)) == 0;
}

void
asof_postgres_shape_match(const struct asof_postgres_shape *shape,
			  const struct asof_store_table *table, size_t *ret_fields)
{
	size_t field_count = table->key_count > 0 ? table->key_count + table->value_count : 0;
	size_t at = 0; /* where the last one was: mostly both are in one order */
	for (size_t c = 0; c < shape->count; c++) {
		ret_fields[c] = SIZE_MAX;
		for (size_t i = 0; i < field_count && ret_fields[c] == SIZE_MAX; i++) {
			size_t f = (at + i) % field_count;
			const struct asof_field *field =
				f < table->key_count ? &table->keys[f]
						     : &table->values[f - table->key_count];
			if (is_field(&shape->columns[c], field))
				ret_fields[c] = f;
		}
		if (ret_fields[c] != SIZE_MAX)
			at = ret_fields[c] + 1;
	}
}

/* --- statements --------------------------------------------------------------------------------
 */

static void
add_rows_name(struct asof_buf *sql, int64_t generation, bool is_log)
{
	asof_buf_printf(sql, "asof_online_g%" PRId64 "%s", generation, is_log ? "_log" : "");
}

void
asof_postgres_add_rows_table(struct asof_buf *sql, int64_t generation,
			     const struct asof_postgres_shape *shape, bool is_log)
{
	asof_buf_add_cstr(sql, "create table ");
	add_rows_name(sql, generation, is_log);
	asof_buf_add_cstr(sql, " (key bytea not null, event_us bigint not null, created_us bigint"
			       " not null, is_tombstone boolean not null, row bytea");
	for (size_t i = 0; i < shape->count; i++)
		asof_buf_printf(sql, ", s%zu %s", i, shape->columns[i].sql_type);
	if (is_log)
		asof_buf_add_cstr(sql, ", seq bigint generated always as identity");
	asof_buf_add_cstr(sql, "); alter table ");
	add_rows_name(sql, generation, is_log);
	asof_buf_add_cstr(sql, " alter column row set storage external");
}

void
asof_postgres_add_columns(struct asof_buf *sql, const struct asof_postgres_shape *shape)
{
	asof_buf_add_cstr(sql, "key, event_us, created_us, is_tombstone, row");
	for (size_t i = 0; i < shape->count; i++)
		asof_buf_printf(sql, ", s%zu", i);
}

static void
add_conflict(struct asof_buf *sql, const struct asof_postgres_shape *shape, bool has_rule)
{
	asof_buf_add_cstr(sql, " on conflict (key) do update set event_us = excluded.event_us,"
			       " created_us = excluded.created_us, is_tombstone ="
			       " excluded.is_tombstone, row = excluded.row");
	for (size_t i = 0; i < shape->count; i++)
		asof_buf_printf(sql, ", s%zu = excluded.s%zu", i, i);
	if (has_rule)
		asof_buf_add_cstr(sql, " where (excluded.event_us, excluded.created_us) >="
				       " (g.event_us, g.created_us)");
}

void
asof_postgres_add_write(struct asof_buf *sql, int64_t generation,
			const struct asof_postgres_shape *shape, enum asof_postgres_write write)
{
	asof_buf_add_cstr(sql, "insert into ");
	add_rows_name(sql, generation, write == ASOF_POSTGRES_LOG);
	asof_buf_add_cstr(sql, " as g (");
	asof_postgres_add_columns(sql, shape);
	asof_buf_add_cstr(sql, ") values ($1");
	for (size_t i = 2; i <= ASOF_POSTGRES_ROW_HEAD + shape->count; i++)
		asof_buf_printf(sql, ", $%zu", i);
	asof_buf_add_char(sql, ')');
	if (write != ASOF_POSTGRES_LOG)
		add_conflict(sql, shape, write == ASOF_POSTGRES_UPSERT);
}

/* Of equal keys the newest, and the one that came last of those. */
void
asof_postgres_add_merge(struct asof_buf *sql, int64_t generation,
			const struct asof_postgres_shape *shape)
{
	asof_buf_add_cstr(sql, "with moved as (delete from ");
	add_rows_name(sql, generation, true);
	asof_buf_add_cstr(sql, " returning *) insert into ");
	add_rows_name(sql, generation, false);
	asof_buf_add_cstr(sql, " as g (");
	asof_postgres_add_columns(sql, shape);
	asof_buf_add_cstr(sql, ") select distinct on (key) ");
	asof_postgres_add_columns(sql, shape);
	asof_buf_add_cstr(sql,
			  " from moved order by key, event_us desc, created_us desc, seq desc");
	add_conflict(sql, shape, true);
}

/* $1: keys; $2: the table's name. The first column tells which generation is current: of another
 * one there are no rows. */
void
asof_postgres_add_get(struct asof_buf *sql, int64_t generation, bool is_current)
{
	char rows[192];
	(void)snprintf(rows, sizeof(rows),
		       "k.at, g.row from unnest($1) with ordinality k(key, at)"
		       " join asof_online_g%" PRId64 " g on g.key = k.key"
		       " where not g.is_tombstone",
		       generation);
	if (!is_current)
		asof_buf_printf(sql, "select %" PRId64 "::bigint, %s", generation, rows);
	else
		asof_buf_printf(sql,
				"select c.generation, f.at, f.row from"
				" (select generation from asof_online where name = $2) c"
				" left join lateral (select %s and c.generation = %" PRId64
				") f on true",
				rows, generation);
}

/* A third less work for the server than an array of one. */
void
asof_postgres_add_get_one(struct asof_buf *sql, int64_t generation)
{
	asof_buf_printf(sql,
			"select c.generation, case when g.key is not null then 1::bigint end, g.row"
			" from asof_online c left join asof_online_g%" PRId64 " g on g.key = $1"
			" and not g.is_tombstone and c.generation = %" PRId64 " where c.name = $2",
			generation, generation);
}

static void
add_time(struct asof_buf *sql, const char *column, const char *name)
{
	/* In two parts, as a product with a double is exact for each of them only; what is before
	 * PostgreSQL's time is infinite. */
	asof_buf_printf(sql,
			", case when %s < -210866803200000000 then '-infinity'"
			" else timestamptz 'epoch' + %s / 1000000 * interval '1 second'"
			" + %s %% 1000000 * interval '1 microsecond' end as %s",
			column, column, column, name);
}

void
asof_postgres_add_view(struct asof_buf *sql, const char *view_name, int64_t generation,
		       const struct asof_postgres_shape *shape)
{
	asof_buf_add_cstr(sql, "create or replace view ");
	asof_postgres_add_name(sql, view_name);
	asof_buf_add_cstr(sql, " as select ");
	for (size_t i = 0; i < shape->count; i++) {
		asof_buf_printf(sql, "s%zu as ", i);
		asof_postgres_add_name(sql, shape->columns[i].name);
		asof_buf_add_cstr(sql, ", ");
	}
	if (shape->count == 0)
		asof_buf_add_cstr(sql, "key, ");
	asof_buf_truncate(sql, sql->len - 2);
	add_time(sql, "event_us", "event_time");
	add_time(sql, "created_us", "created_time");
	asof_buf_add_cstr(sql, " from ");
	add_rows_name(sql, generation, false);
	asof_buf_add_cstr(sql, " where not is_tombstone");
}

/* --- rows --------------------------------------------------------------------------------------
 */

enum asof_status
asof_postgres_stored_key(struct asof_str key, char room[ASOF_POSTGRES_KEY_MAX],
			 struct asof_str *ret_key, struct asof_error *err)
{
	if (key.len <= SHORT_KEY_MAX) {
		*ret_key = key;
		return ASOF_OK;
	}
	char digest[ASOF_SHA256_TEXT_MAX];
	ASOF_TRY(asof_sha256_text(key, digest, err));
	memset(room, 0, ASOF_POSTGRES_KEY_MAX);
	memcpy(room, key.ptr, LONG_KEY_PREFIX);
	memcpy(room + LONG_KEY_PREFIX, digest, ASOF_SHA256_TEXT_MAX - 1);
	*ret_key = (struct asof_str){ room, ASOF_POSTGRES_KEY_MAX };
	return ASOF_OK;
}

enum asof_status
asof_postgres_add_row(struct asof_buf *buf, const struct asof_store_row *row, const size_t *fields,
		      size_t field_count, struct asof_error *err)
{
	char room[ASOF_POSTGRES_KEY_MAX];
	struct asof_str key;
	ASOF_TRY(asof_postgres_stored_key(row->key, room, &key, err));
	asof_postgres_add_bytes(buf, key);
	asof_postgres_add_int64(buf, row->event_us);
	asof_postgres_add_int64(buf, row->created_us);
	asof_postgres_add_bool(buf, row->is_tombstone);
	if (row->is_tombstone)
		asof_postgres_add_null(buf);
	else
		asof_postgres_add_bytes(buf, row->value);
	bool is_shown = row->shown && !row->is_tombstone;
	for (size_t i = 0; i < field_count; i++)
		asof_postgres_add_value(
			buf, is_shown && fields[i] != SIZE_MAX ? &row->shown[fields[i]] : NULL);
	return asof_buf_status(buf, err);
}
