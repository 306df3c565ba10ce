/* skip_sql.c - what tells which files and row groups a join may pass over. */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

enum asof_status
asof_plan_spine_ends_sql(const struct asof_plan_join *join, const struct asof_entity *entity,
			 struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT min(k0), max(k0) FROM (SELECT ");
	asof_plan_spine_key(sql, entity, 0);
	asof_buf_printf(sql, " AS k0 FROM %s)", join->spine_sql);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_spine_start_sql(const struct asof_plan_join *join, struct asof_buf *sql,
			  struct asof_error *err)
{
	asof_buf_printf(sql, "SELECT coalesce(min(asof_time_us), %" PRId64 ")::BIGINT FROM (",
			INT64_MAX);
	asof_plan_spine_rows(sql, join);
	asof_buf_add_char(sql, ')');
	return asof_buf_status(sql, err);
}

static void
add_time_ends(struct asof_buf *sql)
{
	asof_buf_add_cstr(sql, ",\n\tmax(epoch_us(TRY_CAST(stats_min_value AS TIMESTAMPTZ))) "
			       "FILTER (path_in_schema = 'event_time') AS low_us,\n"
			       "\tmax(epoch_us(TRY_CAST(stats_max_value AS TIMESTAMPTZ))) "
			       "FILTER (path_in_schema = 'event_time') AS high_us");
}

static void
add_key_end(struct asof_buf *sql, const struct asof_key *key, const char *end, const char *name)
{
	asof_buf_printf(sql, ",\n\tmax(TRY_CAST(stats_%s_value AS ", end);
	asof_sql_type(sql, key->type);
	asof_buf_add_cstr(sql, ")) FILTER (path_in_schema = ");
	asof_sql_text(sql, key->name);
	asof_buf_printf(sql, ") AS %s_key", name);
}

enum asof_status
asof_plan_row_groups_sql(const struct asof_plan_table *table, const struct asof_plan_scan *scan,
			 struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_key *key = &table->view->entity->keys[0];
	asof_buf_add_cstr(sql, "SELECT count(*) FROM (SELECT file_name, row_group_id");
	add_time_ends(sql);
	if (scan->key_from) {
		add_key_end(sql, key, "min", "low");
		add_key_end(sql, key, "max", "high");
	}
	asof_buf_add_cstr(sql, "\nFROM parquet_metadata(");
	asof_sql_text_list(sql, table->paths, table->path_count);
	asof_buf_add_cstr(sql, ")\nGROUP BY file_name, row_group_id)\nWHERE true");
	if (scan->has_range)
		asof_buf_printf(sql,
				" AND coalesce(low_us <= %" PRId64 ", true)"
				" AND coalesce(high_us >= %" PRId64 ", true)",
				scan->to_us, scan->from_us);
	if (scan->key_from) {
		asof_buf_add_cstr(sql, " AND coalesce(low_key <= ");
		ASOF_TRY(asof_sql_value(sql, scan->key_to, err));
		asof_buf_add_cstr(sql, ", true) AND coalesce(high_key >= ");
		ASOF_TRY(asof_sql_value(sql, scan->key_from, err));
		asof_buf_add_cstr(sql, ", true)");
	}
	return asof_buf_status(sql, err);
}
