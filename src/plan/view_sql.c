/* view_sql.c - the rows of a stored view as the source of another. */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"
#include "plan/window_sql.h"

static void
add_head(struct asof_buf *sql, const struct asof_view *view, const char *prefix)
{
	asof_buf_add_cstr(sql, "\nSELECT ");
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_printf(sql, "%sk%zu AS ", prefix, i);
		asof_plan_key_name(sql, view, i);
		asof_buf_add_cstr(sql, ", ");
	}
}

static void
add_values(struct asof_buf *sql, const struct asof_view *view, const char *prefix)
{
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_printf(sql, ", CAST(%sf%zu AS ", prefix, i);
		asof_sql_type(sql, view->outputs[i].type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, view->outputs[i].name);
	}
}

/* Rows that were superseded are in no view that stands on this one. */
static void
add_plain_rows(struct asof_buf *sql, const struct asof_plan_table *table)
{
	const struct asof_view *view = table->view;
	asof_buf_add_cstr(sql, "WITH rows AS (SELECT ");
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(sql, "event_time AS event_at, created_time AS created_at, "
			       "\"_order\" AS row_order");
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_sql_name(sql, view->outputs[i].name);
		asof_buf_printf(sql, " AS f%zu", i);
	}
	asof_buf_add_cstr(sql, " FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_cstr(sql, ")\nQUALIFY row_number() OVER (PARTITION BY ");
	asof_plan_keys(sql, "", view->entity->key_count);
	asof_buf_add_cstr(sql, ", event_at ORDER BY created_at DESC, row_order DESC) = 1)");
	add_head(sql, view, "");
	asof_buf_add_cstr(sql, "event_at AS event_time, created_at AS created_time");
	add_values(sql, view, "");
	asof_buf_add_cstr(sql, ", row_order AS " ASOF_SOURCE_ORDER " FROM rows");
}

/* The tiles' ENDs, each with the time at which its windows' values were known as they are. */
static void
add_instants(struct asof_buf *sql, const struct asof_view *view,
	     const struct asof_plan_table *added)
{
	size_t key_count = view->entity->key_count;
	asof_buf_add_cstr(sql, ",\nends AS (SELECT ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", end_us AS at_us, max(max(created_us)) OVER (PARTITION BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_printf(sql,
			" ORDER BY end_us RANGE BETWEEN %" PRId64 " PRECEDING AND CURRENT ROW) "
			"AS created_us FROM tiles GROUP BY ",
			asof_view_longest_window_us(view) - 1);
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", end_us)");
	if (added) {
		asof_buf_add_cstr(sql, ",\n");
		asof_plan_tiles(sql, "added_", added, false, 0);
	}
	asof_buf_add_cstr(sql, ",\ninstants AS (SELECT * FROM ends i");
	if (added) {
		asof_buf_add_cstr(sql, " SEMI JOIN added_tiles t ON t.end_us = i.at_us AND ");
		asof_plan_keys_equal(sql, "t.", "i.", key_count);
	}
	asof_buf_add_char(sql, ')');
}

static enum asof_status
add_window_rows(struct asof_buf *sql, const struct asof_plan_table *table,
		const struct asof_plan_table *added, struct asof_error *err)
{
	const struct asof_view *view = table->view;
	size_t key_count = view->entity->key_count;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_output **outputs = asof_view_all_outputs(view, &arena);
	if (!outputs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "outputs of '%s'", view->name);
	asof_buf_add_cstr(sql, "WITH ");
	asof_plan_tiles(sql, "", table, false, 0);
	add_instants(sql, view, added);
	ASOF_TRY(asof_plan_windows(sql, "", table, outputs, view->output_count, false, err));
	add_head(sql, view, "a.");
	asof_buf_add_cstr(sql, "make_timestamptz(a.at_us) AS event_time, "
			       "make_timestamptz(i.created_us) AS created_time");
	add_values(sql, view, "a.");
	/* Rows of two keys that become one are told apart by their own. */
	asof_buf_add_cstr(sql, ", row_number() OVER (ORDER BY ");
	asof_plan_keys(sql, "a.", key_count);
	asof_buf_add_cstr(sql, ", a.at_us) - 1 AS " ASOF_SOURCE_ORDER
			       "\nFROM answers a JOIN instants i ON i.at_us = a.at_us AND ");
	asof_plan_keys_equal(sql, "i.", "a.", key_count);
	return ASOF_OK;
}

enum asof_status
asof_plan_view_rows_sql(const struct asof_plan_table *table, const struct asof_plan_table *added,
			struct asof_buf *sql, struct asof_error *err)
{
	if (asof_view_is_windowed(table->view))
		ASOF_TRY(add_window_rows(sql, table, added, err));
	else
		add_plain_rows(sql, added ? added : table);
	return asof_buf_status(sql, err);
}

static void
add_marks(struct asof_buf *sql, const struct asof_plan_table *table, const char *time)
{
	const struct asof_view *view = table->view;
	asof_buf_add_cstr(sql, "(SELECT ");
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_printf(sql, "%s AS mark FROM (", time);
	asof_plan_table_sql(sql, table);
	asof_buf_add_char(sql, ')');
	if (asof_view_is_windowed(view))
		asof_buf_add_cstr(sql, " GROUP BY ALL");
	asof_buf_add_char(sql, ')');
}

void
asof_plan_view_overlap_sql(const struct asof_plan_table *older, const struct asof_plan_table *added,
			   struct asof_buf *sql)
{
	bool is_windowed = asof_view_is_windowed(older->view);
	asof_buf_add_cstr(sql, "SELECT count(*) FROM ");
	add_marks(sql, added, is_windowed ? "min(event_time)" : "event_time");
	asof_buf_add_cstr(sql, " n\nJOIN ");
	add_marks(sql, older, is_windowed ? "max(event_time)" : "event_time");
	asof_buf_add_cstr(sql, " o ON ");
	asof_plan_keys_equal(sql, "n.", "o.", older->view->entity->key_count);
	asof_buf_add_cstr(sql, is_windowed ? " AND n.mark <= o.mark" : " AND n.mark = o.mark");
}

void
asof_plan_view_columns_sql(const struct asof_view *view, struct asof_buf *sql)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_add_cstr(sql, "CAST(NULL AS ");
		asof_sql_type(sql, view->entity->keys[i].type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_plan_key_name(sql, view, i);
		asof_buf_add_cstr(sql, ", ");
	}
	asof_buf_add_cstr(sql, "CAST(NULL AS TIMESTAMPTZ) AS event_time, "
			       "CAST(NULL AS TIMESTAMPTZ) AS created_time");
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_add_cstr(sql, ", CAST(NULL AS ");
		asof_sql_type(sql, view->outputs[i].type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, view->outputs[i].name);
	}
	asof_buf_add_cstr(sql, ", 0::BIGINT AS " ASOF_SOURCE_ORDER " WHERE false");
}

/* "make_timestamptz(greatest(<expression>, <least>))"; NULL where the expression is, or `least`. */
static void
add_not_before(struct asof_buf *sql, const struct asof_source *source,
	       const struct asof_text *expression, const char *type_text, const char *least,
	       bool is_null_least)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf us = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_sql_time_us(&us, expression->text, type_text, source->time_zone);
	asof_sql_carry(sql, &us);
	asof_buf_add_cstr(sql, "make_timestamptz(CASE WHEN (");
	asof_buf_add_cstr(sql, asof_buf_cstr(&us));
	asof_buf_add_cstr(sql, ") > ");
	asof_buf_printf(sql, "%s THEN (%s) ", least, asof_buf_cstr(&us));
	if (!is_null_least)
		asof_buf_printf(sql, "WHEN (%s) IS NULL THEN NULL ", asof_buf_cstr(&us));
	asof_buf_printf(sql, "ELSE %s END)", least);
}

void
asof_plan_view_event_time(struct asof_buf *sql, const struct asof_source *source,
			  const char *type_text, int64_t available_after_us)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf least = ASOF_BUF(256);
	asof_buf_printf(&least, "(epoch_us(\"event_time\") + %" PRId64 ")", available_after_us);
	if (strcmp(source->event_time.text, "event_time") != 0)
		add_not_before(sql, source, &source->event_time, type_text, asof_buf_cstr(&least),
			       false);
	else if (available_after_us > 0)
		asof_buf_printf(sql, "make_timestamptz(%s)", asof_buf_cstr(&least));
	else
		asof_buf_add_cstr(sql, "(\"event_time\")");
}

void
asof_plan_view_created_time(struct asof_buf *sql, const struct asof_source *source,
			    const char *type_text)
{
	if (strcmp(source->created_time.text, "created_time") == 0)
		asof_buf_add_cstr(sql, "(\"created_time\")");
	else
		add_not_before(sql, source, &source->created_time, type_text,
			       "epoch_us(\"created_time\")", true);
}
