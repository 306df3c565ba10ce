/* replace_sql.c - what a change of a source's rows touches, and the rows that take its place. */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

/* Whether stored rows stand for one row of the source each. */
static bool
is_row_by_row(const struct asof_view *view)
{
	return view->step_us <= 0;
}

/* A tile's first and last value is chosen by the order of rows, which shows in no other column. */
static bool
has_edges(const struct asof_tile_layout *layout)
{
	for (size_t i = 0; layout && i < layout->state_count; i++) {
		if (layout->states[i].kind == ASOF_STATE_FIRST ||
		    layout->states[i].kind == ASOF_STATE_LAST)
			return true;
	}
	return false;
}

/* Good rows of one side, all but their order: equal ones are told apart by that alone. */
static void
add_side(struct asof_buf *sql, const struct asof_plan_build *build, const char *name,
	 const char *rows_sql)
{
	struct asof_plan_build side = *build;
	side.source.rows_sql = rows_sql;
	side.range = (struct asof_plan_range){ 0 };
	side.touched = NULL;
	asof_buf_printf(sql, "%s AS (SELECT * EXCLUDE (row_order) FROM (", name);
	asof_plan_good_rows(sql, &side);
	asof_buf_add_cstr(sql, "))");
}

static void
add_changed(struct asof_buf *sql, const struct asof_plan_change *change)
{
	if (!change->added_sql) {
		asof_buf_add_cstr(sql, "FROM removed");
		return;
	}
	asof_buf_add_cstr(sql,
			  has_edges(change->build->layout) && !is_row_by_row(change->build->view)
				  ? "FROM removed UNION ALL FROM added"
				  : "(FROM removed EXCEPT ALL FROM added) UNION ALL "
				    "(FROM added EXCEPT ALL FROM removed)");
}

/* Of rows that moved, stored beside others of their key and time: who wins is for the order to
 * say, which moved with them. */
static void
add_moved_ties(struct asof_buf *sql, const struct asof_plan_change *change)
{
	const struct asof_view *view = change->build->view;
	size_t key_count = view->entity->key_count;
	asof_buf_add_cstr(sql, "\nUNION SELECT ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", at_us FROM (SELECT ");
	for (size_t i = 0; i < key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(sql, "epoch_us(event_time) AS at_us FROM (");
	asof_plan_table_sql(sql, change->table);
	asof_buf_add_cstr(sql, ")) s SEMI JOIN removed r ON ");
	asof_plan_keys_equal(sql, "s.", "r.", key_count);
	asof_buf_add_cstr(sql, " AND s.at_us = r.event_us\nGROUP BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", at_us HAVING count(*) > 1");
}

enum asof_status
asof_plan_touched_sql(const struct asof_plan_change *change, struct asof_buf *sql,
		      struct asof_error *err)
{
	const struct asof_plan_build *build = change->build;
	const struct asof_view *view = build->view;
	asof_buf_printf(sql, "CREATE OR REPLACE TEMP TABLE %s AS\nWITH ", build->touched);
	add_side(sql, build, "removed", change->removed_sql);
	if (change->added_sql) {
		asof_buf_add_cstr(sql, ",\n");
		add_side(sql, build, "added", change->added_sql);
	}
	asof_buf_add_cstr(sql, "\nSELECT DISTINCT ");
	asof_plan_keys(sql, "", view->entity->key_count);
	asof_buf_add_cstr(sql, ", ");
	if (view->step_us > 0)
		asof_sql_step_end(sql, "event_us", view->step_us);
	else
		asof_buf_add_cstr(sql, "event_us");
	asof_buf_add_cstr(sql, " AS at_us FROM (");
	add_changed(sql, change);
	asof_buf_add_char(sql, ')');
	if (change->added_sql && is_row_by_row(view) && change->table->path_count > 0)
		add_moved_ties(sql, change);
	return asof_buf_status(sql, err);
}

/* "s JOIN touched t ON" the stored row's key and time. */
static void
add_stored_join(struct asof_buf *sql, const struct asof_plan_build *build, const char *kind)
{
	const struct asof_view *view = build->view;
	asof_buf_printf(sql, " s %s JOIN %s t ON ", kind, build->touched);
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_add_cstr(sql, "s.");
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " = t.k%zu AND ", i);
	}
	asof_buf_add_cstr(sql, "epoch_us(s.event_time) = t.at_us");
}

/* Key, event time and file of the stored rows. */
static void
add_stored_places(struct asof_buf *sql, const struct asof_plan_table *table)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < table->view->entity->key_count + 1; i++) {
		asof_buf_add_cstr(sql, "CAST(");
		asof_sql_name(sql, table->fields[i].name);
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_type(sql, table->fields[i].type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, table->fields[i].name);
		asof_buf_add_cstr(sql, ", ");
	}
	asof_buf_add_cstr(sql, "file_index AS asof_file FROM read_parquet(");
	asof_sql_text_list(sql, table->paths, table->path_count);
	asof_buf_add_cstr(sql, ", union_by_name = true, hive_partitioning = false)");
}

enum asof_status
asof_plan_touched_files_sql(const struct asof_plan_change *change, int64_t from_us, int64_t to_us,
			    struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT DISTINCT s.asof_file::BIGINT FROM (SELECT * FROM (");
	add_stored_places(sql, change->table);
	asof_buf_printf(sql,
			") WHERE event_time >= make_timestamptz(%" PRId64
			") AND event_time <= make_timestamptz(%" PRId64 "))",
			from_us, to_us);
	add_stored_join(sql, change->build, "SEMI");
	asof_buf_add_cstr(sql, "\nORDER BY 1");
	return asof_buf_status(sql, err);
}

void
asof_plan_untouched_rows(struct asof_buf *sql, const struct asof_plan_table *table,
			 const struct asof_plan_build *build)
{
	asof_buf_add_cstr(sql, "SELECT s.* FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_char(sql, ')');
	add_stored_join(sql, build, "ANTI");
}

void
asof_plan_touched_rows(struct asof_buf *sql, const struct asof_plan_build *build)
{
	const struct asof_view *view = build->view;
	asof_buf_printf(sql, " r SEMI JOIN %s t ON ", build->touched);
	asof_plan_keys_equal(sql, "r.", "t.", view->entity->key_count);
	asof_buf_add_cstr(sql, " AND ");
	if (view->step_us > 0)
		asof_sql_step_end(sql, "r.event_us", view->step_us);
	else
		asof_buf_add_cstr(sql, "r.event_us");
	asof_buf_add_cstr(sql, " = t.at_us");
}
