/* build_sql.c - what a build stores: a plain view's rows, or the tiles of a windowed one (a
 * group-by). */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

void
asof_plan_keys(struct asof_buf *sql, const char *prefix, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(sql, "%s%sk%zu", i ? ", " : "", prefix, i);
}

void
asof_plan_keys_equal(struct asof_buf *sql, const char *left, const char *right, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++)
		asof_buf_printf(sql, "%s%sk%zu = %sk%zu", i ? " AND " : "", left, i, right, i);
}

void
asof_plan_keys_equal_asof(struct asof_buf *sql, const char *left, const char *right,
			  const struct asof_entity *entity)
{
	for (size_t i = 0; i < entity->key_count; i++) {
		bool is_bytes = entity->keys[i].type.kind == ASOF_TYPE_BYTES;
		asof_buf_printf(sql, is_bytes ? "%shex(%sk%zu) = hex(%sk%zu)" : "%s%sk%zu = %sk%zu",
				i ? " AND " : "", left, i, right, i);
	}
}

/* k0 AS "origin", make_timestamptz(..) AS event_time, ... AS created_time */
static void
add_table_head(struct asof_buf *sql, const struct asof_view *view, const char *event_us)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_printf(sql, "k%zu AS ", i);
		asof_plan_key_name(sql, view, i);
		asof_buf_add_cstr(sql, ", ");
	}
	asof_buf_printf(sql,
			"make_timestamptz(%s) AS event_time, "
			"make_timestamptz(created_us) AS created_time",
			event_us);
}

void
asof_plan_table_order(struct asof_buf *sql, const struct asof_view *view)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_add_cstr(sql, ", ");
	}
	asof_buf_printf(sql, "event_time, created_time, \"%s\"",
			view->step_us > 0 ? "_last_event" : "_order");
}

void
asof_plan_order_by(struct asof_buf *sql, const struct asof_view *view)
{
	asof_buf_add_cstr(sql, "\nORDER BY ");
	asof_plan_table_order(sql, view);
}

/* Delta has no uuid, json or vector: they are stored as text and lists. */
static bool
is_stored_otherwise(struct asof_type type)
{
	uint8_t kind = type.kind == ASOF_TYPE_LIST ? type.element : type.kind;
	return kind == ASOF_TYPE_UUID || kind == ASOF_TYPE_JSON || kind == ASOF_TYPE_VECTOR;
}

static const char *
stored_type(struct asof_type type)
{
	if (type.kind == ASOF_TYPE_VECTOR)
		return "FLOAT[]";
	return type.kind == ASOF_TYPE_LIST ? "VARCHAR[]" : "VARCHAR";
}

bool
asof_plan_replacements(struct asof_buf *sql, const struct asof_field *fields, size_t count)
{
	bool is_first = true;
	for (size_t i = 0; i < count; i++) {
		if (!is_stored_otherwise(fields[i].type))
			continue;
		asof_buf_add_cstr(sql, is_first ? "SELECT * REPLACE (" : ", ");
		is_first = false;
		asof_buf_add_cstr(sql, "CAST(");
		asof_sql_name(sql, fields[i].name);
		asof_buf_printf(sql, " AS %s) AS ", stored_type(fields[i].type));
		asof_sql_name(sql, fields[i].name);
	}
	if (!is_first)
		asof_buf_add_cstr(sql, ") FROM (");
	return !is_first;
}

static void
add_plain(const struct asof_plan_build *build, struct asof_buf *sql)
{
	const struct asof_view *view = build->view;
	asof_buf_add_cstr(sql, "SELECT ");
	add_table_head(sql, view, "event_us");
	for (size_t i = 0; i < view->output_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_plan_value_name(sql, view->outputs[i].feature->column.text);
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_name(sql, view->outputs[i].name);
	}
	asof_buf_add_cstr(sql, ", row_order AS \"_order\"\nFROM (");
	asof_plan_good_rows(sql, build);
	asof_buf_add_char(sql, ')');
}

/* `step: event`: a tile is an event, and holds its values. */
static void
add_events(const struct asof_plan_build *build, struct asof_buf *sql)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_table_head(sql, build->view, "event_us");
	for (size_t i = 0; i < build->layout->state_count; i++) {
		const struct asof_state *state = &build->layout->states[i];
		asof_buf_add_cstr(sql, ", ");
		asof_plan_value_name(sql, build->layout->columns[state->column].name);
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_name(sql, state->name);
	}
	asof_buf_add_cstr(sql, ", row_order AS \"_order\"\nFROM (");
	asof_plan_good_rows(sql, build);
	asof_buf_add_char(sql, ')');
}

/* The value as sums take it: integers and bool as BIGINT, floats as DOUBLE. */
static void
add_addend(struct asof_buf *sql, const struct asof_tile_column *column)
{
	bool is_float =
		column->type.kind == ASOF_TYPE_FLOAT32 || column->type.kind == ASOF_TYPE_FLOAT64;
	asof_plan_value_name(sql, column->name);
	asof_buf_add_cstr(sql, is_float ? "::DOUBLE" : "::BIGINT");
}

static void
add_edge(struct asof_buf *sql, const struct asof_tile_column *column, const char *direction)
{
	asof_buf_add_cstr(sql, "first({value: ");
	asof_plan_value_name(sql, column->name);
	asof_buf_printf(
		sql,
		", event_us: event_us, created_us: created_us, row_order: row_order} ORDER BY "
		"event_us %s, created_us %s, row_order %s) FILTER (",
		direction, direction, direction);
	asof_plan_value_name(sql, column->name);
	asof_buf_add_cstr(sql, " IS NOT NULL)");
}

static void
add_squares(struct asof_buf *sql, const struct asof_tile_column *column)
{
	asof_buf_add_cstr(sql, "asof_sum_squares(");
	if (column->type.kind == ASOF_TYPE_DECIMAL) {
		asof_buf_add_char(sql, '(');
		asof_plan_value_name(sql, column->name);
		asof_sql_unscale(sql, column->type.scale);
	} else {
		add_addend(sql, column);
	}
	asof_buf_add_char(sql, ')');
}

/* The aggregate behind a state; nothing for the states that share the aggregate of another (SUM_LO,
 * FIRST_AT ...). */
static bool
add_aggregate(struct asof_buf *sql, const struct asof_tile_column *column,
	      enum asof_state_kind kind)
{
	switch (kind) {
	case ASOF_STATE_COUNT:
		asof_buf_add_cstr(sql, "count(");
		asof_plan_value_name(sql, column->name);
		break;
	case ASOF_STATE_SUM:
		if (column->type.kind == ASOF_TYPE_DECIMAL) {
			asof_buf_add_cstr(sql, "sum(");
			asof_plan_value_name(sql, column->name);
		} else {
			asof_buf_add_cstr(sql, "asof_sum(");
			add_addend(sql, column);
		}
		break;
	case ASOF_STATE_SQUARES:
		add_squares(sql, column);
		return true;
	case ASOF_STATE_MIN:
	case ASOF_STATE_MAX:
		asof_buf_add_cstr(sql, kind == ASOF_STATE_MIN ? "min(" : "max(");
		asof_plan_value_name(sql, column->name);
		break;
	case ASOF_STATE_FIRST:
	case ASOF_STATE_LAST:
		add_edge(sql, column, kind == ASOF_STATE_FIRST ? "ASC" : "DESC");
		return true;
	case ASOF_STATE_VALUES:
	case ASOF_STATE_DISTINCT:
		asof_buf_add_cstr(sql, kind == ASOF_STATE_VALUES ? "list_sort(list("
								 : "list_sort(list(DISTINCT ");
		asof_plan_value_name(sql, column->name);
		asof_buf_add_cstr(sql, ") FILTER (");
		asof_plan_value_name(sql, column->name);
		asof_buf_add_cstr(sql, " IS NOT NULL)");
		break;
	default:
		return false;
	}
	asof_buf_add_char(sql, ')');
	return true;
}

/* How a state is read from its aggregate, which carries the name a<index of the state that made
 * it>. */
static void
add_state(struct asof_buf *sql, const struct asof_tile_layout *layout, size_t index)
{
	static const struct {
		enum asof_state_kind made_by;
		const char *field;
		bool is_time;
	} parts[] = {
		[ASOF_STATE_SUM] = { ASOF_STATE_SUM, ".hi", false },
		[ASOF_STATE_SUM_LO] = { ASOF_STATE_SUM, ".lo", false },
		[ASOF_STATE_SQUARES] = { ASOF_STATE_SQUARES, ".hi", false },
		[ASOF_STATE_SQUARES_LO] = { ASOF_STATE_SQUARES, ".lo", false },
		[ASOF_STATE_FIRST] = { ASOF_STATE_FIRST, ".value", false },
		[ASOF_STATE_FIRST_AT] = { ASOF_STATE_FIRST, ".event_us", true },
		[ASOF_STATE_FIRST_CREATED] = { ASOF_STATE_FIRST, ".created_us", true },
		[ASOF_STATE_FIRST_ORDER] = { ASOF_STATE_FIRST, ".row_order", false },
		[ASOF_STATE_LAST] = { ASOF_STATE_LAST, ".value", false },
		[ASOF_STATE_LAST_AT] = { ASOF_STATE_LAST, ".event_us", true },
		[ASOF_STATE_LAST_CREATED] = { ASOF_STATE_LAST, ".created_us", true },
		[ASOF_STATE_LAST_ORDER] = { ASOF_STATE_LAST, ".row_order", false },
		[ASOF_STATE_VALUE] = { 0, NULL, false },
	};
	const struct asof_state *state = &layout->states[index];
	const struct asof_tile_column *column =
		state->column == SIZE_MAX ? NULL : &layout->columns[state->column];
	const char *field = parts[state->kind].field;
	bool is_decimal_sum =
		column && state->kind == ASOF_STATE_SUM && column->type.kind == ASOF_TYPE_DECIMAL;
	if (!column || !field || is_decimal_sum)
		asof_buf_printf(sql, "a%zu", index);
	else
		asof_buf_printf(sql,
				parts[state->kind].is_time ? "make_timestamptz(a%zu%s)" : "a%zu%s",
				column->state[parts[state->kind].made_by], field);
	asof_buf_add_cstr(sql, " AS ");
	asof_sql_name(sql, state->name);
}

static void
add_tile_aggregates(struct asof_buf *sql, const struct asof_tile_layout *layout)
{
	for (size_t i = 0; i < layout->state_count; i++) {
		const struct asof_state *state = &layout->states[i];
		size_t before = sql->len;
		asof_buf_add_cstr(sql, ",\n\t");
		if (state->kind == ASOF_STATE_ROWS)
			asof_buf_add_cstr(sql, "count(*)");
		else if (!add_aggregate(sql, &layout->columns[state->column], state->kind)) {
			asof_buf_truncate(sql, before);
			continue;
		}
		asof_buf_printf(sql, " AS a%zu", i);
	}
}

/* Events created outside of their step (late, or by a commit before them) stand in tiles of their
 * own, so that known-at is exact: between two ENDs nothing else becomes known. */
static void
add_tiles(const struct asof_plan_build *build, struct asof_buf *sql)
{
	const struct asof_view *view = build->view;
	size_t key_count = view->entity->key_count;
	bool has_created = build->source.created_time_type != NULL;

	asof_buf_add_cstr(sql, "SELECT ");
	add_table_head(sql, view, "end_us");
	for (size_t i = 0; i < build->layout->state_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		add_state(sql, build->layout, i);
	}
	asof_buf_add_cstr(sql, ", make_timestamptz(last_us) AS \"_last_event\"\nFROM (SELECT ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", end_us, max(created_us) AS created_us, max(event_us) AS last_us");
	add_tile_aggregates(sql, build->layout);
	asof_buf_add_cstr(sql, "\nFROM (SELECT *, ");
	if (has_created)
		asof_buf_printf(sql,
				"CASE WHEN created_us > end_us OR created_us <= end_us - %" PRId64
				" THEN created_us END AS apart_us FROM (SELECT *, ",
				view->step_us);
	asof_sql_step_end(sql, "event_us", view->step_us);
	asof_buf_add_cstr(sql, " AS end_us FROM (");
	asof_plan_good_rows(sql, build);
	asof_buf_add_cstr(sql, has_created ? ")))\nGROUP BY " : "))\nGROUP BY ");
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, has_created ? ", end_us, apart_us)" : ", end_us)");
}

enum asof_status
asof_plan_build_sql(const struct asof_plan_build *build, struct asof_buf *sql,
		    struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	ASOF_TRY(asof_plan_table_fields(build->view, build->layout, &arena, &fields, &field_count,
					err));

	bool is_replaced = asof_plan_replacements(sql, fields, field_count);
	if (!asof_view_is_windowed(build->view))
		add_plain(build, sql);
	else if (build->view->step_us == ASOF_STEP_EVENT)
		add_events(build, sql);
	else
		add_tiles(build, sql);
	if (is_replaced)
		asof_buf_add_char(sql, ')');
	asof_plan_order_by(sql, build->view);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_fed_sql(const struct asof_plan_build *build, struct asof_buf *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	ASOF_TRY(asof_plan_table_fields(build->view, build->layout, &arena, &fields, &field_count,
					err));
	bool is_replaced = asof_plan_replacements(sql, fields, field_count);
	asof_buf_add_cstr(sql,
			  is_replaced ? "SELECT * FROM asof_feed())" : "SELECT * FROM asof_feed()");
	return asof_buf_status(sql, err);
}

/* Stored rows that stay, of the view's own types, and those of the build beside them. */
static enum asof_status
add_beside(struct asof_buf *sql, const struct asof_plan_build *build, const struct asof_buf *stays,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	ASOF_TRY(asof_plan_table_fields(build->view, build->layout, &arena, &fields, &field_count,
					err));
	asof_buf_add_cstr(sql, "SELECT * FROM (");
	bool is_replaced = asof_plan_replacements(sql, fields, field_count);
	asof_buf_add_str(sql, asof_buf_view(stays));
	asof_sql_carry(sql, stays);
	if (is_replaced)
		asof_buf_add_char(sql, ')');
	asof_buf_add_cstr(sql, "\nUNION ALL BY NAME (");
	ASOF_TRY(asof_plan_build_sql(build, sql, err));
	asof_buf_add_cstr(sql, "))");
	asof_plan_order_by(sql, build->view);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_splice_sql(const struct asof_plan_table *table, const struct asof_plan_build *build,
		     struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_plan_range *range = &build->range;
	ASOF_AUTO(asof_buf_done) struct asof_buf stays = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&stays, "SELECT * FROM (");
	asof_plan_table_sql(&stays, table);
	/* A tile stands at its END: events in [from, to) of whole steps are tiles in (from - 1, to
	 * - 1]. */
	asof_buf_printf(&stays,
			") WHERE epoch_us(event_time) < %" PRId64
			" OR epoch_us(event_time) >= %" PRId64,
			range->from_us, range->to_us);
	return add_beside(sql, build, &stays, err);
}

enum asof_status
asof_plan_replace_sql(const struct asof_plan_table *table, const struct asof_plan_build *build,
		      struct asof_buf *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf stays = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_plan_untouched_rows(&stays, table, build);
	return add_beside(sql, build, &stays, err);
}
