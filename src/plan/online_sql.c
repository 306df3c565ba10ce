/* online_sql.c - what materialize stores: the rows and tiles that matter from T on. */
#include <inttypes.h>

#include "model/duration.h"
#include "plan/rows_sql.h"
#include "plan/sql.h"

/* A column as it is meant: a build gives what the table stores of it. */
static void
add_value(struct asof_buf *sql, const char *name, struct asof_type type)
{
	asof_buf_add_cstr(sql, "CAST(");
	asof_sql_name(sql, name);
	asof_buf_add_cstr(sql, " AS ");
	asof_sql_type(sql, type);
	asof_buf_add_char(sql, ')');
}

/* Stored tiles named as the reader wants them: k0.., event_us, created_us, row_order, then states
 * or features. */
static void
add_stored(struct asof_buf *sql, const struct asof_view *view,
	   const struct asof_tile_layout *layout)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		add_value(sql, view->entity->keys[i].name, view->entity->keys[i].type);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_printf(sql,
			"epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us, "
			"%s AS row_order",
			view->step_us > 0 ? "0::BIGINT" : "\"_order\"");
	size_t count = layout ? layout->state_count : view->output_count;
	for (size_t i = 0; i < count; i++) {
		asof_buf_add_cstr(sql, ", ");
		if (layout)
			add_value(sql, layout->states[i].name, layout->states[i].type);
		else
			add_value(sql, view->outputs[i].name, view->outputs[i].type);
		asof_buf_printf(sql, " AS f%zu", i);
	}
}

/* Tile rows of events up to at_us; those of the unfinished step come from `partial`. */
static enum asof_status
add_tiles_until(struct asof_buf *sql, const struct asof_plan_table *table, int64_t at_us,
		const struct asof_plan_build *partial, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_stored(sql, table->view, table->layout);
	asof_buf_add_cstr(sql, " FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_char(sql, ')');
	if (table->view->step_us == ASOF_STEP_EVENT) {
		asof_buf_printf(sql, " WHERE epoch_us(event_time) <= %" PRId64, at_us);
		return ASOF_OK;
	}
	if (!partial) {
		asof_buf_printf(sql, " WHERE epoch_us(\"_last_event\") <= %" PRId64, at_us);
		return ASOF_OK;
	}
	asof_buf_printf(sql, " WHERE epoch_us(event_time) <= %" PRId64,
			asof_step_floor(at_us, table->view->step_us));
	asof_buf_add_cstr(sql, "\nUNION ALL BY NAME SELECT ");
	add_stored(sql, table->view, table->layout);
	asof_buf_add_cstr(sql, " FROM (");
	ASOF_TRY(asof_plan_build_sql(partial, sql, err));
	asof_buf_add_char(sql, ')');
	return ASOF_OK;
}

static void
add_order_by(struct asof_buf *sql, size_t key_count)
{
	asof_buf_add_cstr(sql, "\nORDER BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", event_us, created_us, row_order");
}

/* The newest event at or before `until_us` of each row's key. */
static void
add_newest(struct asof_buf *sql, size_t key_count, int64_t until_us)
{
	asof_buf_printf(sql, "max(event_us) FILTER (event_us <= %" PRId64 ") OVER (PARTITION BY ",
			until_us);
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_char(sql, ')');
}

static enum asof_status
add_windowed(const struct asof_plan_table *table, int64_t at_us,
	     const struct asof_plan_build *partial, struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_view *view = table->view;
	int64_t instant_us = at_us - view->available_after_us;
	if (view->step_us > 0)
		instant_us = asof_step_floor(instant_us, view->step_us);

	asof_buf_add_cstr(sql, "SELECT * FROM (");
	ASOF_TRY(add_tiles_until(sql, table, at_us, partial, err));
	asof_buf_printf(sql, ")\nQUALIFY event_us > %" PRId64 " OR event_us = ",
			instant_us - asof_view_longest_window_us(view));
	add_newest(sql, view->entity->key_count, instant_us);
	add_order_by(sql, view->entity->key_count);
	return ASOF_OK;
}

static void
add_plain(const struct asof_plan_table *table, int64_t at_us, struct asof_buf *sql)
{
	const struct asof_view *view = table->view;
	size_t key_count = view->entity->key_count;
	int64_t available_us = at_us - view->available_after_us;

	asof_buf_add_cstr(sql, "SELECT * FROM (SELECT ");
	add_stored(sql, view, NULL);
	asof_buf_add_cstr(sql, " FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_printf(sql,
			") WHERE epoch_us(event_time) <= %" PRId64 ")\nQUALIFY (event_us > "
			"%" PRId64 " OR event_us = ",
			at_us, available_us);
	add_newest(sql, key_count, available_us);
	asof_buf_add_cstr(sql, ") AND row_number() OVER (PARTITION BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", event_us ORDER BY created_us DESC, row_order DESC) = 1");
	add_order_by(sql, key_count);
}

enum asof_status
asof_plan_online_sql(const struct asof_plan_table *table, int64_t at_us,
		     const struct asof_plan_build *partial, struct asof_buf *sql,
		     struct asof_error *err)
{
	if (asof_view_is_windowed(table->view))
		ASOF_TRY(add_windowed(table, at_us, partial, sql, err));
	else
		add_plain(table, at_us, sql);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_pushed_sql(const struct asof_plan_build *build, struct asof_buf *sql,
		     struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_stored(sql, build->view, build->layout);
	asof_buf_add_cstr(sql, " FROM (");
	ASOF_TRY(asof_plan_build_sql(build, sql, err));
	asof_buf_add_char(sql, ')');
	add_order_by(sql, build->view->entity->key_count);
	return asof_buf_status(sql, err);
}

void
asof_plan_straddling_sql(const struct asof_plan_table *table, int64_t at_us, struct asof_buf *sql)
{
	asof_buf_add_cstr(sql, "SELECT count(*) AS straddling FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_printf(sql,
			") WHERE epoch_us(\"_last_event\") > %" PRId64
			" AND epoch_us(event_time) = %" PRId64,
			at_us, asof_step_end(at_us, table->view->step_us));
}
