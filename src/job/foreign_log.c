/* foreign_log.c - what a Delta log says was done between two versions. */
#include <inttypes.h>
#include <stdio.h>

#include "job/foreign_table.h"
#include "plan/sql.h"

#define NAME_BYTES 64

const struct asof_source_file *
asof_foreign_log_entry(const struct asof_foreign_table *table, int64_t version)
{
	char name[NAME_BYTES];
	(void)snprintf(name, sizeof(name), "/%020" PRId64 ".json", version);
	size_t name_len = strlen(name);
	for (size_t i = 0; i < table->log_count; i++) {
		size_t len = strlen(table->log[i].path);
		if (len > name_len && strcmp(table->log[i].path + len - name_len, name) == 0)
			return &table->log[i];
	}
	return NULL;
}

struct taking {
	struct asof_arena *arena;
	struct asof_foreign_action *actions;
	size_t count;
	size_t capacity;
};

static enum asof_status
reserve(struct taking *taking, size_t wanted, struct asof_error *err)
{
	if (wanted <= taking->capacity)
		return ASOF_OK;
	size_t capacity = 2 * wanted;
	struct asof_foreign_action *more = asof_arena_array(taking->arena, capacity, sizeof(*more));
	if (!more)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu actions", wanted);
	if (taking->count > 0)
		memcpy(more, taking->actions, taking->count * sizeof(*more));
	taking->actions = more;
	taking->capacity = capacity;
	return ASOF_OK;
}

static enum asof_status
take_actions(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	     struct asof_error *err)
{
	struct taking *taking = arg;
	struct asof_value values[4]; /* path, version, whether it adds, whether it has data */
	if (schema->field_count != ASOF_COUNTOF(values))
		return ASOF_FAIL(err, ASOF_INTERNAL, "expected actions of a log");
	ASOF_TRY(reserve(taking, taking->count + batch->row_count, err));
	for (size_t row = 0; row < batch->row_count; row++) {
		for (size_t i = 0; i < ASOF_COUNTOF(values); i++)
			ASOF_TRY(asof_column_value(&batch->columns[i], row, NULL, &values[i], err));
		struct asof_foreign_action *action = &taking->actions[taking->count++];
		*action = (struct asof_foreign_action){ .version = values[1].int64,
							.is_add = values[2].boolean,
							.has_data = values[3].boolean };
		if (values[0].is_null)
			continue;
		action->path = asof_arena_copy(taking->arena, values[0].str);
		if (!action->path)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	}
	return ASOF_OK;
}

static enum asof_status
add_entries(struct asof_buf *sql, const struct asof_foreign_table *table, int64_t from_version,
	    int64_t to_version, struct asof_error *err)
{
	for (int64_t version = from_version + 1; version <= to_version; version++) {
		const struct asof_source_file *entry = asof_foreign_log_entry(table, version);
		if (!entry)
			return ASOF_FAIL(err, ASOF_NOT_FOUND,
					 "version %" PRId64 " is not in the log of '%s' any more",
					 version, table->name);
		asof_buf_add_cstr(sql, version > from_version + 1 ? ", " : "");
		asof_sql_text(sql, entry->path);
	}
	return ASOF_OK;
}

/* A schema that is changed, or other partitions, are a line without a path. */
static enum asof_status
write_sql(struct asof_buf *sql, const struct asof_foreign_table *table, int64_t from_version,
	  int64_t to_version, struct asof_error *err)
{
	asof_buf_add_cstr(sql,
			  "WITH asof_log AS (SELECT \"add\" AS a, \"remove\" AS r, \"metaData\" AS "
			  "m, parse_filename(filename, true)::BIGINT AS version FROM read_json([");
	ASOF_TRY(add_entries(sql, table, from_version, to_version, err));
	asof_buf_add_cstr(
		sql, "], filename = true, format = 'newline_delimited', maximum_object_size = "
		     "268435456, columns = {'add': 'STRUCT(path VARCHAR, \"dataChange\" BOOLEAN)', "
		     "'remove': 'STRUCT(path VARCHAR, \"dataChange\" BOOLEAN)', "
		     "'metaData': 'STRUCT(id VARCHAR)'})) "
		     "SELECT CASE WHEN path IS NULL OR path LIKE '/%' OR path LIKE '%://%' THEN '' "
		     "ELSE ");
	asof_sql_text(sql, table->location);
	asof_buf_add_cstr(
		sql,
		" || '/' END || url_decode(path), version, is_add, has_data FROM ("
		"SELECT a.path AS path, version, true AS is_add, coalesce(a.\"dataChange\", true) "
		"AS has_data FROM asof_log WHERE a IS NOT NULL UNION ALL "
		"SELECT r.path, version, false, coalesce(r.\"dataChange\", true) FROM asof_log "
		"WHERE r IS NOT NULL UNION ALL "
		"SELECT NULL, version, false, true FROM asof_log WHERE m IS NOT NULL) "
		"ORDER BY version");
	return asof_buf_status(sql, err);
}

enum asof_status
asof_foreign_log_actions(struct asof_engine *engine, const struct asof_foreign_table *table,
			 int64_t from_version, int64_t to_version, struct asof_arena *arena,
			 const struct asof_foreign_action **ret_actions, size_t *ret_count,
			 struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct taking taking = { .arena = arena };
	ASOF_TRY(write_sql(&sql, table, from_version, to_version, err));
	enum asof_status status =
		asof_engine_query(engine, asof_buf_cstr(&sql), take_actions, &taking, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read the log of the Delta table '%s'", table->name);
	*ret_actions = taking.actions;
	*ret_count = taking.count;
	return ASOF_OK;
}
