/* join_sql.c - the point-in-time join of several views onto a spine, and finished values for
 * reading. */
#include <inttypes.h>
#include <stdio.h>

#include "model/duration.h"
#include "plan/rows_sql.h"
#include "plan/sql.h"
#include "plan/window_sql.h"

#define PREFIX_MAX 32

int64_t
asof_plan_known_us(const struct asof_plan_join *join, const struct asof_view *view)
{
	/* Between two ENDs a tile may hold both sides of TIME: round down, see SEMANTICS "Windows".
	 */
	if (view->step_us > 0 && view->source->created_time.text)
		return asof_step_floor(join->known_at_us, view->step_us);
	return join->known_at_us;
}

void
asof_plan_spine_key(struct asof_buf *sql, const struct asof_entity *entity, size_t key)
{
	asof_buf_add_cstr(sql, "TRY_CAST(");
	asof_sql_name(sql, entity->keys[key].name);
	asof_buf_add_cstr(sql, " AS ");
	asof_sql_type(sql, entity->keys[key].type);
	asof_buf_add_char(sql, ')');
}

/* "<prefix>spine": asof_row, k0.., time_us of the spine rows that can match. */
static void
add_spine(struct asof_buf *sql, const char *prefix, const struct asof_view *view)
{
	size_t key_count = view->entity->key_count;
	asof_buf_printf(sql,
			",\n%sspine AS (SELECT * FROM (SELECT asof_row, asof_time_us AS time_us",
			prefix);
	for (size_t i = 0; i < key_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_plan_spine_key(sql, view->entity, i);
		asof_buf_printf(sql, " AS k%zu", i);
	}
	asof_buf_add_cstr(sql, " FROM asof_spine) WHERE time_us IS NOT NULL");
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(sql, " AND k%zu IS NOT NULL", i);
	asof_buf_add_char(sql, ')');
}

/* "<prefix>rows": a plain view's rows with k0.., event_us, created_us, row_order, f0 ... */
static void
add_rows(struct asof_buf *sql, const char *prefix, const struct asof_plan_table *table,
	 const struct asof_output *const *outputs, size_t output_count)
{
	const struct asof_view *view = table->view;
	asof_buf_printf(sql, "%srows AS (SELECT ", prefix);
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(sql, "epoch_us(event_time) AS event_us, epoch_us(created_time) AS "
			       "created_us, \"_order\" AS row_order");
	for (size_t i = 0; i < output_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_sql_name(sql, outputs[i]->name);
		asof_buf_printf(sql, " AS f%zu", i);
	}
	asof_buf_add_cstr(sql, " FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_cstr(sql, "))");
}

/* "<prefix>best": of rows with one (key, event time) the one that counts: created last, then read
 * last. */
static void
add_best(struct asof_buf *sql, const char *prefix, size_t key_count, bool is_known,
	 int64_t known_us)
{
	asof_buf_printf(sql, ",\n%sbest AS (SELECT * FROM %srows", prefix, prefix);
	if (is_known)
		asof_buf_printf(sql, " WHERE created_us <= %" PRId64, known_us);
	asof_buf_add_cstr(sql, "\nQUALIFY row_number() OVER (PARTITION BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", event_us ORDER BY created_us DESC, row_order DESC) = 1)");
}

/* "<prefix>match": per spine row event_us and f0.. of the newest row available at its time. */
static void
add_match(struct asof_buf *sql, const char *prefix, const struct asof_view *view,
	  size_t output_count)
{
	asof_buf_printf(sql, ",\n%smatch AS (SELECT s.asof_row, s.time_us, r.event_us", prefix);
	for (size_t i = 0; i < output_count; i++)
		asof_buf_printf(sql, ", r.f%zu", i);
	asof_buf_printf(sql, "\nFROM %sspine s ASOF LEFT JOIN %sbest r ON ", prefix, prefix);
	asof_plan_keys_equal_asof(sql, "s.", "r.", view->entity);
	asof_buf_printf(sql, " AND s.time_us - %" PRId64 " >= r.event_us)",
			view->available_after_us);
}

/* The same where a row counts only if it was created by the spine row's own time. */
static void
add_match_known_at_label(struct asof_buf *sql, const char *prefix, const struct asof_view *view,
			 size_t output_count)
{
	asof_buf_printf(sql, ",\n%smatch AS (SELECT asof_row, time_us, m.event_us", prefix);
	for (size_t i = 0; i < output_count; i++)
		asof_buf_printf(sql, ", m.f%zu", i);
	asof_buf_add_cstr(sql, "\nFROM (SELECT s.asof_row, any_value(s.time_us) AS time_us, "
			       "arg_max({event_us: r.event_us");
	for (size_t i = 0; i < output_count; i++)
		asof_buf_printf(sql, ", f%zu: r.f%zu", i, i);
	asof_buf_printf(sql,
			"}, {e: r.event_us, c: r.created_us, o: r.row_order}) "
			"FILTER (r.event_us IS NOT NULL) AS m\nFROM %sspine s LEFT JOIN %srows r "
			"ON ",
			prefix, prefix);
	asof_plan_keys_equal(sql, "s.", "r.", view->entity->key_count);
	asof_buf_printf(sql,
			" AND r.event_us <= s.time_us - %" PRId64 " AND r.created_us <= s.time_us",
			view->available_after_us);
	asof_buf_add_cstr(sql, "\nGROUP BY s.asof_row))");
}

/* "<prefix>at": the spine with S of each row. */
static void
add_at(struct asof_buf *sql, const char *prefix, const struct asof_view *view, bool is_label)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf available = ASOF_BUF(128);
	asof_buf_printf(&available, "(time_us - %" PRId64 ")", view->available_after_us);
	asof_sql_carry(sql, &available);
	asof_buf_printf(sql, ",\n%sat AS (SELECT *, ", prefix);
	if (view->step_us == ASOF_STEP_EVENT)
		asof_buf_add_cstr(sql, asof_buf_cstr(&available));
	else
		asof_sql_step_floor(sql, asof_buf_cstr(&available), view->step_us);
	asof_buf_printf(sql, " AS at_us%s FROM %sspine)", is_label ? ", time_us AS known_us" : "",
			prefix);
}

/* "<prefix>answers": the windows at every S, each once. */
static enum asof_status
add_answers(struct asof_buf *sql, const char *prefix, const struct asof_plan_join *join,
	    const struct asof_plan_join_view *item, bool is_label, struct asof_error *err)
{
	const struct asof_view *view = item->table.view;
	asof_buf_add_cstr(sql, ",\n");
	asof_plan_tiles(sql, prefix, &item->table, join->known_at == ASOF_PLAN_KNOWN_TIME,
			asof_plan_known_us(join, view));
	asof_buf_printf(sql, ",\n%sinstants AS (SELECT DISTINCT ", prefix);
	asof_plan_keys(sql, "", view->entity->key_count);
	asof_buf_printf(sql, ", at_us%s FROM %sat)", is_label ? ", known_us" : "", prefix);
	return asof_plan_windows(sql, prefix, &item->table, item->outputs, item->output_count,
				 is_label, err);
}

/* "<prefix>match" of a windowed view: the answers at S of each spine row. */
static enum asof_status
add_match_windows(struct asof_buf *sql, const char *prefix, const struct asof_plan_join *join,
		  const struct asof_plan_join_view *item, struct asof_error *err)
{
	const struct asof_view *view = item->table.view;
	bool is_label = join->known_at == ASOF_PLAN_KNOWN_LABEL;
	add_at(sql, prefix, view, is_label);
	if (!item->answers)
		ASOF_TRY(add_answers(sql, prefix, join, item, is_label, err));

	asof_buf_printf(sql, ",\n%smatch AS (SELECT s.asof_row, s.time_us, a.event_us", prefix);
	for (size_t i = 0; i < item->output_count; i++)
		asof_buf_printf(sql, ", a.f%zu", i);
	asof_buf_printf(sql, "\nFROM %sat s LEFT JOIN ", prefix);
	if (item->answers)
		asof_sql_name(sql, item->answers);
	else
		asof_buf_printf(sql, "%sanswers", prefix);
	asof_buf_add_cstr(sql, " a ON ");
	asof_plan_keys_equal(sql, "s.", "a.", view->entity->key_count);
	asof_buf_printf(sql, " AND s.at_us = a.at_us%s)",
			is_label ? " AND s.known_us = a.known_us" : "");
	return ASOF_OK;
}

/* A feature of the row that was found; no row, or one too old, gives the default. */
static enum asof_status
add_found(struct asof_buf *sql, const struct asof_view *view, const struct asof_output *output,
	  size_t index, struct asof_error *err)
{
	/* The engine's CASE takes lists, but no arrays. */
	bool is_vector = output->type.kind == ASOF_TYPE_VECTOR;
	asof_buf_add_cstr(sql, is_vector ? "CAST(CASE WHEN event_us IS NOT NULL"
					 : "CASE WHEN event_us IS NOT NULL");
	if (view->max_age_us > 0)
		asof_buf_printf(sql, " AND event_us >= time_us - %" PRId64, view->max_age_us);
	asof_buf_printf(sql, " THEN f%zu%s", index, is_vector ? "::FLOAT[]" : "");
	if (output->has_default) {
		asof_buf_add_cstr(sql, " ELSE ");
		ASOF_TRY(asof_sql_value(sql, output->default_value, err));
	}
	asof_buf_add_cstr(sql, " END");
	if (is_vector) {
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_type(sql, output->type);
		asof_buf_add_char(sql, ')');
	}
	return ASOF_OK;
}

/* "<prefix>result": asof_row and f0.. of each spine row that can match. */
static enum asof_status
add_result(struct asof_buf *sql, const char *prefix, const struct asof_plan_join_view *item,
	   struct asof_error *err)
{
	asof_buf_printf(sql, ",\n%sresult AS (SELECT asof_row", prefix);
	for (size_t i = 0; i < item->output_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		ASOF_TRY(add_found(sql, item->table.view, item->outputs[i], i, err));
		asof_buf_printf(sql, " AS f%zu", i);
	}
	asof_buf_printf(sql, " FROM %smatch)", prefix);
	return ASOF_OK;
}

static enum asof_status
add_view(struct asof_buf *sql, const char *prefix, const struct asof_plan_join *join,
	 const struct asof_plan_join_view *item, struct asof_error *err)
{
	const struct asof_view *view = item->table.view;
	bool is_known = join->known_at == ASOF_PLAN_KNOWN_TIME;
	int64_t known_us = asof_plan_known_us(join, view);

	add_spine(sql, prefix, view);
	if (asof_view_is_windowed(view)) {
		ASOF_TRY(add_match_windows(sql, prefix, join, item, err));
	} else {
		asof_buf_add_cstr(sql, ",\n");
		add_rows(sql, prefix, &item->table, item->outputs, item->output_count);
		if (join->known_at == ASOF_PLAN_KNOWN_LABEL) {
			add_match_known_at_label(sql, prefix, view, item->output_count);
		} else {
			add_best(sql, prefix, view->entity->key_count, is_known, known_us);
			add_match(sql, prefix, view, item->output_count);
		}
	}
	return add_result(sql, prefix, item, err);
}

static void
add_final(struct asof_buf *sql, const struct asof_plan_join *join)
{
	asof_buf_add_cstr(sql, "\nSELECT ");
	bool is_first = true;
	for (size_t i = 0; i < join->spine_field_count; i++) {
		asof_sql_comma(sql, &is_first);
		asof_buf_add_cstr(sql, "p.");
		asof_sql_name(sql, join->spine_fields[i].name);
	}
	for (size_t i = 0; i < join->column_count; i++) {
		const struct asof_plan_join_column *column = &join->columns[i];
		const struct asof_plan_join_view *item = &join->views[column->view];
		asof_sql_comma(sql, &is_first);
		asof_buf_printf(sql, "\n\tv%zu_result.f%zu AS \"%s__%s\"", column->view,
				column->output, item->table.view->name,
				item->outputs[column->output]->name);
	}
	asof_buf_add_cstr(sql, "\nFROM asof_spine p");
	for (size_t v = 0; v < join->view_count; v++)
		asof_buf_printf(sql, "\nLEFT JOIN v%zu_result ON v%zu_result.asof_row = p.asof_row",
				v, v);
	asof_buf_add_cstr(sql, "\nORDER BY p.asof_row");
}

void
asof_plan_spine_rows(struct asof_buf *sql, const struct asof_plan_join *join)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf time = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_sql_name(&time, join->time_column);
	asof_sql_carry(sql, &time);
	asof_buf_printf(sql, "SELECT *, %s AS asof_row, ", join->spine_row);
	asof_sql_time_us(sql, asof_buf_cstr(&time), join->time_type, NULL);
	asof_buf_printf(sql, " AS asof_time_us FROM %s", join->spine_sql);
}

static void
add_input(struct asof_buf *sql, const struct asof_plan_join *join)
{
	asof_buf_add_cstr(sql, "WITH asof_spine AS (");
	asof_plan_spine_rows(sql, join);
	asof_buf_add_char(sql, ')');
}

enum asof_status
asof_plan_instants_sql(const struct asof_plan_join *join, size_t index, struct asof_buf *sql,
		       struct asof_error *err)
{
	const struct asof_view *view = join->views[index].table.view;
	size_t key_count = view->entity->key_count;
	add_input(sql, join);
	add_spine(sql, "v_", view);
	add_at(sql, "v_", view, false);
	asof_buf_add_cstr(sql, "\nSELECT DISTINCT ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", at_us FROM v_at ORDER BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", at_us");
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_join_tiles_sql(const struct asof_plan_join *join, size_t index, int64_t from_us,
			 struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_plan_table *table = &join->views[index].table;
	size_t key_count = table->view->entity->key_count;
	int64_t oldest_us = asof_us_sub(from_us, asof_view_longest_window_us(table->view));

	asof_buf_add_cstr(sql, "WITH ");
	asof_plan_tiles(sql, "", table, join->known_at == ASOF_PLAN_KNOWN_TIME,
			asof_plan_known_us(join, table->view));
	asof_buf_add_cstr(sql, "\nSELECT ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_printf(sql, ", end_us AS event_us, created_us, %s AS row_order",
			table->view->step_us > 0 ? "0::BIGINT" : "\"_order\"");
	for (size_t i = 0; i < table->layout->state_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_sql_name(sql, table->layout->states[i].name);
		asof_buf_printf(sql, " AS f%zu", i);
	}
	asof_buf_printf(sql, " FROM tiles WHERE end_us > %" PRId64 "\nUNION ALL SELECT ",
			oldest_us);
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", max(end_us), 0, 0");
	for (size_t i = 0; i < table->layout->state_count; i++)
		asof_buf_add_cstr(sql, ", NULL");
	asof_buf_printf(sql, " FROM tiles WHERE end_us <= %" PRId64 " GROUP BY ", oldest_us);
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, "\nORDER BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", event_us");
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_join_sql(const struct asof_plan_join *join, struct asof_buf *sql, struct asof_error *err)
{
	add_input(sql, join);
	for (size_t v = 0; v < join->view_count; v++) {
		char prefix[PREFIX_MAX];
		(void)snprintf(prefix, sizeof(prefix), "v%zu_", v);
		ASOF_TRY(add_view(sql, prefix, join, &join->views[v], err));
	}
	add_final(sql, join);
	return asof_buf_status(sql, err);
}

static void
add_values_head(struct asof_buf *sql, const struct asof_view *view, const char *prefix)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_printf(sql, "%sk%zu AS ", prefix, i);
		asof_plan_key_name(sql, view, i);
		asof_buf_add_cstr(sql, ", ");
	}
}

enum asof_status
asof_plan_values_sql(const struct asof_plan_table *table, struct asof_buf *sql,
		     struct asof_error *err)
{
	const struct asof_view *view = table->view;
	size_t key_count = view->entity->key_count;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_output **outputs = asof_view_all_outputs(view, &arena);
	if (!outputs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "outputs of '%s'", view->name);

	asof_buf_add_cstr(sql, "WITH ");
	if (asof_view_is_windowed(view)) {
		asof_plan_tiles(sql, "", table, false, 0);
		asof_buf_add_cstr(sql, ",\ninstants AS (SELECT ");
		asof_plan_keys(sql, "", key_count);
		asof_buf_add_cstr(sql, ", end_us AS at_us, max(created_us) AS created_us FROM "
				       "tiles GROUP BY ");
		asof_plan_keys(sql, "", key_count);
		asof_buf_add_cstr(sql, ", end_us)");
		ASOF_TRY(
			asof_plan_windows(sql, "", table, outputs, view->output_count, false, err));
		asof_buf_add_cstr(sql, "\nSELECT ");
		add_values_head(sql, view, "a.");
		asof_buf_add_cstr(sql, "make_timestamptz(a.at_us) AS event_time, "
				       "make_timestamptz(i.created_us) AS created_time");
	} else {
		add_rows(sql, "", table, outputs, view->output_count);
		add_best(sql, "", key_count, false, 0);
		asof_buf_add_cstr(sql, "\nSELECT ");
		add_values_head(sql, view, "");
		asof_buf_add_cstr(sql, "make_timestamptz(event_us) AS event_time, "
				       "make_timestamptz(created_us) AS created_time");
	}
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_printf(sql, ", f%zu AS ", i);
		asof_sql_name(sql, view->outputs[i].name);
	}
	if (asof_view_is_windowed(view)) {
		asof_buf_add_cstr(sql, " FROM answers a JOIN instants i ON i.at_us = a.at_us AND ");
		asof_plan_keys_equal(sql, "i.", "a.", key_count);
	} else {
		asof_buf_add_cstr(sql, " FROM best");
	}
	return asof_buf_status(sql, err);
}
