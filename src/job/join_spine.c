#include "job/join_spine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/suggest.h"
#include "plan/sql.h"

static bool
ends_with(const char *text, const char *ending)
{
	size_t len = strlen(text);
	size_t ending_len = strlen(ending);
	return len >= ending_len && strcmp(text + len - ending_len, ending) == 0;
}

/* Columns of CSV files that are keys are read as the keys' types. */
static void
add_csv_types(struct asof_buf *sql, const struct asof_version_table *tables, size_t table_count)
{
	size_t start = sql->len;
	for (size_t t = 0; t < table_count; t++) {
		const struct asof_entity *entity = tables[t].view->entity;
		for (size_t k = 0; k < entity->key_count; k++) {
			bool is_repeated = false;
			for (size_t u = 0; u < t; u++) {
				const struct asof_entity *other = tables[u].view->entity;
				for (size_t j = 0; j < other->key_count; j++)
					is_repeated =
						is_repeated || strcmp(other->keys[j].name,
								      entity->keys[k].name) == 0;
			}
			if (is_repeated)
				continue;
			asof_buf_add_cstr(sql, sql->len == start ? ", types = {" : ", ");
			asof_sql_text(sql, entity->keys[k].name);
			asof_buf_add_cstr(sql, ": '");
			asof_sql_type(sql, entity->keys[k].type);
			asof_buf_add_char(sql, '\'');
		}
	}
	if (sql->len > start)
		asof_buf_add_char(sql, '}');
}

static enum asof_status
choose_reader(const char *path, const struct asof_version_table *tables, size_t table_count,
	      struct asof_arena *arena, struct asof_spine *spine, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1u << 20);
	spine->row = "row_number() OVER () - 1";
	if (ends_with(path, ".parquet") || ends_with(path, ".pq")) {
		asof_buf_add_cstr(&sql, "read_parquet(");
		asof_sql_text(&sql, path);
		spine->row = "file_row_number";
	} else if (ends_with(path, ".csv") || ends_with(path, ".csv.gz") ||
		   ends_with(path, ".tsv")) {
		asof_buf_add_cstr(&sql, "read_csv(");
		asof_sql_text(&sql, path);
		asof_buf_add_cstr(&sql, ", header = true, sample_size = -1, "
					"allow_quoted_nulls = false");
		add_csv_types(&sql, tables, table_count);
	} else if (ends_with(path, ".json") || ends_with(path, ".jsonl") ||
		   ends_with(path, ".ndjson")) {
		asof_buf_add_cstr(&sql, "read_json(");
		asof_sql_text(&sql, path);
		asof_buf_add_cstr(&sql, ", sample_size = -1");
	} else {
		return ASOF_FAIL(err, ASOF_INVALID,
				 "spine '%s': its name must end in .parquet, .csv or .json", path);
	}
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	spine->sql = asof_arena_copy(arena, asof_buf_view(&sql));
	return spine->sql ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "spine");
}

static const struct asof_field *
find_field(const struct asof_spine *spine, const char *name)
{
	for (size_t i = 0; i < spine->field_count; i++) {
		if (strcmp(spine->fields[i].name, name) == 0)
			return &spine->fields[i];
	}
	return NULL;
}

static enum asof_status
no_column(const struct asof_spine *spine, const char *name, const char *what,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf have = ASOF_BUF(400);
	const char **names = asof_arena_array(&arena, spine->field_count, sizeof(*names));
	for (size_t i = 0; names && i < spine->field_count; i++) {
		names[i] = spine->fields[i].name;
		asof_buf_printf(&have, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near =
		names ? asof_suggest(asof_str_from(name), names, spine->field_count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "spine '%s': no column '%s', which is %s (did you mean '%s'?)",
				 spine->path, name, what, near);
	return ASOF_FAIL(err, ASOF_INVALID, "spine '%s': no column '%s', which is %s (have: %s)",
			 spine->path, name, what, asof_buf_cstr(&have));
}

static enum asof_status
choose_time(struct asof_spine *spine, const char *time_column, struct asof_error *err)
{
	const struct asof_field *field = NULL;
	size_t time_count = 0;
	if (time_column) {
		field = find_field(spine, time_column);
		if (!field)
			return no_column(spine, time_column, "to be its time", err);
	} else {
		field = find_field(spine, "event_time");
		for (size_t i = 0; !field && i < spine->field_count; i++)
			time_count += asof_sql_is_time(spine->fields[i].type_text);
		for (size_t i = 0; !field && time_count == 1 && i < spine->field_count; i++) {
			if (asof_sql_is_time(spine->fields[i].type_text))
				field = &spine->fields[i];
		}
		if (!field)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': no column 'event_time', and %zu other times: "
					 "say which with --time-column",
					 spine->path, time_count);
	}
	if (!asof_sql_is_time(field->type_text))
		return ASOF_FAIL(err, ASOF_INVALID, "spine '%s': column '%s' is a %s, not a time",
				 spine->path, field->name, field->type_text);
	spine->time_column = field->name;
	spine->time_type = field->type_text;
	return ASOF_OK;
}

static bool
is_integer(struct asof_type type)
{
	return type.kind == ASOF_TYPE_INT32 || type.kind == ASOF_TYPE_INT64 ||
	       (type.kind == ASOF_TYPE_DECIMAL && type.scale == 0);
}

/* Text and numbers never meet: an int key 1 is not the string "1". */
static bool
converts(struct asof_type from, struct asof_type key)
{
	if (from.kind == key.kind && key.kind != ASOF_TYPE_DECIMAL)
		return true;
	if (is_integer(from) && is_integer(key))
		return true;
	if (from.kind == ASOF_TYPE_STRING && key.kind == ASOF_TYPE_UUID)
		return true;
	return key.kind == ASOF_TYPE_DECIMAL &&
	       (is_integer(from) || (from.kind == ASOF_TYPE_DECIMAL && from.scale <= key.scale));
}

static enum asof_status
check_keys(const struct asof_spine *spine, const struct asof_entity *entity, struct asof_error *err)
{
	for (size_t k = 0; k < entity->key_count; k++) {
		const struct asof_key *key = &entity->keys[k];
		const struct asof_field *field = find_field(spine, key->name);
		char want[ASOF_TYPE_TEXT_MAX];
		if (!field) {
			char what[160];
			(void)snprintf(what, sizeof(what), "a key of entity '%s'", entity->name);
			return no_column(spine, key->name, what, err);
		}
		bool is_all_null = strcmp(field->type_text, "\"NULL\"") == 0;
		if (!is_all_null && !converts(field->type, key->type))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': column '%s' is a %s, key '%s' of entity '%s' "
					 "a %s",
					 spine->path, key->name, field->type_text, key->name,
					 entity->name, asof_type_text(key->type, want));
	}
	return ASOF_OK;
}

static enum asof_status
describe_spine(struct asof_engine *engine, struct asof_arena *arena, struct asof_spine *spine,
	       struct asof_error *err)
{
	const char *select = asof_arena_printf(arena, "SELECT * FROM %s", spine->sql);
	struct asof_result_schema schema;
	if (!select)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "spine");
	ASOF_TRY(asof_engine_describe(engine, select, arena, &schema, err));
	spine->fields = schema.fields;
	spine->field_count = schema.field_count;
	return ASOF_OK;
}

enum asof_status
asof_spine_open(struct asof_session *session, const char *path, const char *time_column,
		const struct asof_version_table *tables, size_t table_count,
		struct asof_arena *arena, struct asof_spine *ret_spine, struct asof_error *err)
{
	struct asof_engine *engine = NULL;
	struct asof_spine spine = { 0 };
	ASOF_TRY(asof_session_engine(session, &engine, err));
	char *real = realpath(path, NULL);
	if (!real)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "spine '%s': %s", path, strerror(errno));
	spine.path = asof_arena_copy(arena, asof_str_from(real));
	free(real);
	if (!spine.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "spine");
	ASOF_TRY(choose_reader(spine.path, tables, table_count, arena, &spine, err));
	struct asof_error why = { 0 };
	enum asof_status status = describe_spine(engine, arena, &spine, &why);
	if (status == ASOF_INVALID) {
		/* Perhaps a key that has no column, which is told better below. */
		ASOF_TRY(choose_reader(spine.path, NULL, 0, arena, &spine, err));
		if (describe_spine(engine, arena, &spine, NULL) != ASOF_OK)
			return ASOF_FAIL(err, ASOF_CORRUPT, "spine '%s': %s", path, why.message);
	} else if (status != ASOF_OK) {
		return ASOF_FAIL(err, status, "spine '%s': %s", path, why.message);
	}
	ASOF_TRY(choose_time(&spine, time_column, err));
	for (size_t t = 0; t < table_count; t++)
		ASOF_TRY(check_keys(&spine, tables[t].view->entity, err));
	if (status != ASOF_OK)
		return ASOF_FAIL(err, ASOF_CORRUPT, "spine '%s': %s", path, why.message);
	*ret_spine = spine;
	return ASOF_OK;
}
