#include "plan/window_sql.h"

#include <assert.h>
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

/* One output being written: its column's states and the window they are merged over. */
struct merge {
	struct asof_buf *sql;
	const struct asof_tile_layout *layout;
	const struct asof_tile_column *column; /* NULL: count of rows */
	const struct asof_output *output;
	bool is_event; /* tiles are events, with the one state VALUE */
};

void
asof_plan_tiles(struct asof_buf *sql, const char *prefix, const struct asof_plan_table *table,
		bool is_known, int64_t known_us)
{
	const struct asof_view *view = table->view;
	/* Without the keys' own names, which may be ours: k1, end_us. States have "__" in theirs.
	 */
	asof_buf_printf(sql, "%stiles AS (SELECT * EXCLUDE (", prefix);
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_buf_add_cstr(sql, i ? ", " : "");
		asof_plan_key_name(sql, view, i);
	}
	asof_buf_add_cstr(sql, "), ");
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(sql, "epoch_us(event_time) AS end_us, epoch_us(created_time) AS "
			       "created_us FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_char(sql, ')');
	if (is_known)
		asof_buf_printf(sql, " WHERE epoch_us(created_time) <= %" PRId64, known_us);
	asof_buf_add_char(sql, ')');
}

/* The tile's column that holds a state: t."delay__sum". */
static void
add_state(const struct merge *m, enum asof_state_kind kind)
{
	assert(m->column);
	asof_buf_add_cstr(m->sql, "t.");
	asof_sql_name(m->sql, m->layout->states[m->column->state[kind]].name);
}

/* FILTER (WHERE the tile lies in the window (S - W, S]); an extra condition when `also` is not
 * NONE. */
static void
add_filter(const struct merge *m, enum asof_state_kind also)
{
	asof_buf_printf(m->sql, " FILTER (t.end_us > n.at_us - %" PRId64, m->output->window_us);
	if (also != ASOF_STATE_ROWS) {
		asof_buf_add_cstr(m->sql, " AND ");
		add_state(m, also);
		asof_buf_add_cstr(m->sql, " IS NOT NULL");
	}
	asof_buf_add_char(m->sql, ')');
}

static void
add_rows(const struct merge *m)
{
	if (m->is_event) {
		asof_buf_add_cstr(m->sql, "count(t.end_us)");
		add_filter(m, ASOF_STATE_ROWS);
		return;
	}
	asof_buf_add_cstr(m->sql, "coalesce(sum(t.\"_count\")");
	add_filter(m, ASOF_STATE_ROWS);
	asof_buf_add_cstr(m->sql, ", 0)::BIGINT");
}

/* How many non-NULL values there are. */
static void
add_count(const struct merge *m)
{
	asof_buf_add_cstr(m->sql, m->is_event ? "count(" : "coalesce(sum(");
	add_state(m, m->is_event ? ASOF_STATE_VALUE : ASOF_STATE_COUNT);
	asof_buf_add_char(m->sql, ')');
	add_filter(m, ASOF_STATE_ROWS);
	if (!m->is_event)
		asof_buf_add_cstr(m->sql, ", 0)::BIGINT");
}

static bool
is_decimal(const struct merge *m)
{
	return m->column->type.kind == ASOF_TYPE_DECIMAL;
}

/* A decimal as its unscaled integer. */
static void
add_unscaled(const struct merge *m, enum asof_state_kind kind)
{
	add_state(m, kind);
	asof_sql_unscale(m->sql, m->column->type.scale);
}

static void
add_addend(const struct merge *m)
{
	uint8_t kind = m->column->type.kind;
	add_state(m, ASOF_STATE_VALUE);
	asof_buf_add_cstr(m->sql, kind == ASOF_TYPE_FLOAT32 || kind == ASOF_TYPE_FLOAT64
					  ? "::DOUBLE"
					  : "::BIGINT");
}

/* The pair (hi, lo) of a merged SUM or SQUARES state: a STRUCT, to be followed by .hi or .lo. */
static void
add_pair(const struct merge *m, enum asof_state_kind high, enum asof_state_kind low)
{
	bool is_squares = high == ASOF_STATE_SQUARES;
	asof_buf_add_char(m->sql, '(');
	if (!m->is_event) {
		asof_buf_add_cstr(m->sql, "asof_sum_merge(");
		add_state(m, high);
		asof_buf_add_cstr(m->sql, ", ");
		add_state(m, low);
	} else if (is_squares && is_decimal(m)) {
		asof_buf_add_cstr(m->sql, "asof_sum_squares((");
		add_unscaled(m, ASOF_STATE_VALUE);
	} else {
		asof_buf_add_cstr(m->sql, is_squares ? "asof_sum_squares(" : "asof_sum(");
		add_addend(m);
	}
	asof_buf_add_char(m->sql, ')');
	add_filter(m, ASOF_STATE_ROWS);
	asof_buf_add_char(m->sql, ')');
}

static void
add_decimal_sum(const struct merge *m)
{
	asof_buf_add_cstr(m->sql, "sum(");
	add_state(m, m->is_event ? ASOF_STATE_VALUE : ASOF_STATE_SUM);
	asof_buf_add_char(m->sql, ')');
	add_filter(m, ASOF_STATE_ROWS);
}

/* "hi, lo" of the sum; of a decimal's unscaled sum. */
static void
add_sum_parts(const struct merge *m)
{
	if (!is_decimal(m)) {
		add_pair(m, ASOF_STATE_SUM, ASOF_STATE_SUM_LO);
		asof_buf_add_cstr(m->sql, ".hi, ");
		add_pair(m, ASOF_STATE_SUM, ASOF_STATE_SUM_LO);
		asof_buf_add_cstr(m->sql, ".lo");
		return;
	}
	for (int part = 0; part < 2; part++) {
		asof_buf_add_cstr(m->sql, part ? ", (asof_sum((" : "(asof_sum((");
		add_unscaled(m, m->is_event ? ASOF_STATE_VALUE : ASOF_STATE_SUM);
		asof_buf_add_char(m->sql, ')');
		add_filter(m, ASOF_STATE_ROWS);
		asof_buf_add_cstr(m->sql, part ? ").lo" : ").hi");
	}
}

static void
add_sum(const struct merge *m)
{
	if (is_decimal(m)) {
		add_decimal_sum(m);
	} else if (m->output->type.kind == ASOF_TYPE_FLOAT64) {
		add_pair(m, ASOF_STATE_SUM, ASOF_STATE_SUM_LO);
		asof_buf_add_cstr(m->sql, ".hi");
	} else {
		asof_buf_add_cstr(m->sql, "asof_sum_value(");
		add_sum_parts(m);
		asof_buf_add_char(m->sql, ')');
	}
}

static void
add_mean(const struct merge *m)
{
	asof_buf_add_cstr(m->sql, "asof_mean(");
	add_sum_parts(m);
	asof_buf_add_cstr(m->sql, ", ");
	add_count(m);
	asof_buf_add_char(m->sql, ')');
	if (is_decimal(m))
		asof_buf_printf(m->sql, " / 1e%u", m->column->type.scale);
}

static void
add_variance(const struct merge *m)
{
	asof_buf_add_cstr(m->sql, "asof_variance(");
	add_sum_parts(m);
	asof_buf_add_cstr(m->sql, ", ");
	add_pair(m, ASOF_STATE_SQUARES, ASOF_STATE_SQUARES_LO);
	asof_buf_add_cstr(m->sql, ".hi, ");
	add_pair(m, ASOF_STATE_SQUARES, ASOF_STATE_SQUARES_LO);
	asof_buf_add_cstr(m->sql, ".lo, ");
	add_count(m);
	asof_buf_add_char(m->sql, ')');
	if (is_decimal(m))
		asof_buf_printf(m->sql, " / 1e%u", 2u * m->column->type.scale);
}

/* A float without its negative zero. */
static void
add_ordered(const struct merge *m, enum asof_state_kind kind)
{
	add_state(m, kind);
	if (m->column->type.kind == ASOF_TYPE_FLOAT32)
		asof_buf_add_cstr(m->sql, " + 0::FLOAT");
	else if (m->column->type.kind == ASOF_TYPE_FLOAT64)
		asof_buf_add_cstr(m->sql, " + 0::DOUBLE");
}

static void
add_extreme(const struct merge *m, enum asof_state_kind kind)
{
	asof_buf_add_cstr(m->sql, kind == ASOF_STATE_MIN ? "min(" : "max(");
	add_ordered(m, m->is_event ? ASOF_STATE_VALUE : kind);
	asof_buf_add_char(m->sql, ')');
	add_filter(m, ASOF_STATE_ROWS);
}

/* first or last: by event time, then created time, then place in the source. */
static void
add_edge(const struct merge *m, enum asof_state_kind kind)
{
	const char *direction = kind == ASOF_STATE_FIRST ? "ASC" : "DESC";
	asof_buf_add_cstr(m->sql, "first(");
	add_state(m, m->is_event ? ASOF_STATE_VALUE : kind);
	asof_buf_add_cstr(m->sql, " ORDER BY ");
	for (int part = 1; part <= 3; part++) {
		static const char *const event[] = { "", "t.end_us", "t.created_us",
						     "t.\"_order\"" };
		asof_buf_add_cstr(m->sql, part > 1 ? ", " : "");
		if (m->is_event)
			asof_buf_add_cstr(m->sql, event[part]);
		else
			add_state(m, (enum asof_state_kind)((int)kind + part));
		asof_buf_printf(m->sql, " %s", direction);
	}
	asof_buf_add_char(m->sql, ')');
	add_filter(m, m->is_event ? ASOF_STATE_VALUE : kind);
}

/* All values in the window as one list. */
static void
add_values(const struct merge *m, enum asof_state_kind kind)
{
	enum asof_state_kind leaf = m->is_event ? ASOF_STATE_VALUE : kind;
	asof_buf_add_cstr(m->sql, m->is_event ? "(list(" : "flatten(list(");
	if (m->is_event)
		add_ordered(m, leaf);
	else
		add_state(m, leaf);
	asof_buf_add_char(m->sql, ')');
	add_filter(m, leaf);
	asof_buf_add_char(m->sql, ')');
}

static void
add_quantile(const struct merge *m)
{
	asof_buf_add_cstr(m->sql, "list_aggregate(CAST(");
	add_values(m, ASOF_STATE_VALUES);
	asof_buf_printf(m->sql, " AS DOUBLE[]), 'quantile_cont', '%.17g'::DOUBLE)",
			m->output->quantile);
}

/* list_distinct() holds every NaN for another: floats are told apart by their texts. */
static void
add_count_distinct(const struct merge *m)
{
	uint8_t kind = m->column->type.kind;
	bool is_float = kind == ASOF_TYPE_FLOAT32 || kind == ASOF_TYPE_FLOAT64;
	asof_buf_add_cstr(m->sql, is_float ? "coalesce(len(list_distinct(CAST("
					   : "coalesce(len(list_distinct((");
	add_values(m, ASOF_STATE_DISTINCT);
	asof_buf_add_cstr(m->sql, is_float ? " AS VARCHAR[]))), 0)::BIGINT" : "))), 0)::BIGINT");
}

static void
add_value(const struct merge *m)
{
	if (!m->column) {
		add_rows(m); /* only a count has no column */
		return;
	}
	switch (m->output->agg) {
	case ASOF_AGG_COUNT:
		add_count(m);
		return;
	case ASOF_AGG_SUM:
		add_sum(m);
		return;
	case ASOF_AGG_MEAN:
		add_mean(m);
		return;
	case ASOF_AGG_VAR:
		add_variance(m);
		return;
	case ASOF_AGG_STD:
		asof_buf_add_cstr(m->sql, "sqrt(");
		add_variance(m);
		asof_buf_add_char(m->sql, ')');
		return;
	case ASOF_AGG_MIN:
	case ASOF_AGG_MAX:
		add_extreme(m, m->output->agg == ASOF_AGG_MIN ? ASOF_STATE_MIN : ASOF_STATE_MAX);
		return;
	case ASOF_AGG_FIRST:
	case ASOF_AGG_LAST:
		add_edge(m, m->output->agg == ASOF_AGG_FIRST ? ASOF_STATE_FIRST : ASOF_STATE_LAST);
		return;
	case ASOF_AGG_MEDIAN:
	case ASOF_AGG_QUANTILE:
		add_quantile(m);
		return;
	case ASOF_AGG_COUNT_DISTINCT:
		add_count_distinct(m);
		return;
	case ASOF_AGG_NONE:
		return;
	}
}

/* The default stands for an empty window; a deviation of one value is NULL all the same. */
static enum asof_status
add_output(const struct merge *m, struct asof_error *err)
{
	bool is_count =
		m->output->agg == ASOF_AGG_COUNT || m->output->agg == ASOF_AGG_COUNT_DISTINCT;
	bool is_spread = m->output->agg == ASOF_AGG_STD || m->output->agg == ASOF_AGG_VAR;
	asof_buf_add_cstr(m->sql, "CAST(");
	if (is_count || !m->output->has_default) {
		add_value(m);
	} else if (is_spread) {
		asof_buf_add_cstr(m->sql, "CASE WHEN ");
		add_count(m);
		asof_buf_add_cstr(m->sql, " > 0 THEN ");
		add_value(m);
		asof_buf_add_cstr(m->sql, " ELSE ");
		ASOF_TRY(asof_sql_value(m->sql, m->output->default_value, err));
		asof_buf_add_cstr(m->sql, " END");
	} else {
		asof_buf_add_cstr(m->sql, "coalesce(");
		add_value(m);
		asof_buf_add_cstr(m->sql, ", ");
		ASOF_TRY(asof_sql_value(m->sql, m->output->default_value, err));
		asof_buf_add_char(m->sql, ')');
	}
	asof_buf_add_cstr(m->sql, " AS ");
	asof_sql_type(m->sql, m->output->type);
	asof_buf_add_char(m->sql, ')');
	return ASOF_OK;
}

/* The newest tile at or before each instant: without one there is no row, however old it may be. */
static void
add_newest(struct asof_buf *sql, const char *prefix, const struct asof_entity *entity,
	   bool is_label)
{
	asof_buf_printf(sql, ",\n%snewest AS (SELECT i.*, ", prefix);
	asof_buf_add_cstr(sql, is_label ? "max(t.end_us)" : "t.end_us");
	asof_buf_printf(sql, " AS event_us\nFROM %sinstants i %s %stiles t ON ", prefix,
			is_label ? "JOIN" : "ASOF JOIN", prefix);
	asof_plan_keys_equal_asof(sql, "i.", "t.", entity);
	asof_buf_add_cstr(sql, " AND i.at_us >= t.end_us");
	if (is_label)
		asof_buf_add_cstr(sql, " AND t.created_us <= i.known_us GROUP BY ALL");
	asof_buf_add_char(sql, ')');
}

static const struct asof_tile_column *
column_of(const struct asof_plan_table *table, const struct asof_output *output)
{
	size_t index = table->layout->output_columns[output - table->view->outputs];
	return index == SIZE_MAX ? NULL : &table->layout->columns[index];
}

/*
 * Tiles meet instants by key and by bucket: time cut into pieces as long as the longest window, so
 * that (S - W, S] touches two of them and a join on equality does the work.
 */
enum asof_status
asof_plan_windows(struct asof_buf *sql, const char *prefix, const struct asof_plan_table *table,
		  const struct asof_output *const *outputs, size_t output_count, bool is_label,
		  struct asof_error *err)
{
	size_t key_count = table->view->entity->key_count;
	int64_t longest_us = asof_view_longest_window_us(table->view);
	const char *known = is_label ? ", n.known_us" : "";

	add_newest(sql, prefix, table->view->entity, is_label);
	asof_buf_printf(sql, ",\n%sanswers AS (SELECT ", prefix);
	asof_plan_keys(sql, "n.", key_count);
	asof_buf_printf(sql, ", n.at_us%s, any_value(n.event_us) AS event_us", known);
	for (size_t i = 0; i < output_count; i++) {
		struct merge m = { .sql = sql,
				   .layout = table->layout,
				   .column = column_of(table, outputs[i]),
				   .output = outputs[i],
				   .is_event = table->view->step_us == ASOF_STEP_EVENT };
		asof_buf_add_cstr(sql, ",\n\t");
		ASOF_TRY(add_output(&m, err));
		asof_buf_printf(sql, " AS f%zu", i);
	}
	asof_buf_add_cstr(sql, "\nFROM (SELECT *, unnest([bucket_us, bucket_us - ");
	asof_buf_printf(sql, "%" PRId64 "]) AS bucket FROM (SELECT *, ", longest_us);
	asof_sql_step_floor(sql, "at_us", longest_us);
	asof_buf_printf(sql, " AS bucket_us FROM %snewest)) n\nLEFT JOIN (SELECT *, ", prefix);
	asof_sql_step_floor(sql, "end_us", longest_us);
	asof_buf_printf(sql, " AS bucket FROM %stiles) t\nON ", prefix);
	asof_plan_keys_equal(sql, "n.", "t.", key_count);
	asof_buf_printf(sql,
			" AND n.bucket = t.bucket AND t.end_us > n.at_us - %" PRId64
			" AND t.end_us <= n.at_us",
			longest_us);
	if (is_label)
		asof_buf_add_cstr(sql, " AND t.created_us <= n.known_us");
	asof_buf_add_cstr(sql, "\nGROUP BY ");
	asof_plan_keys(sql, "n.", key_count);
	asof_buf_printf(sql, ", n.at_us%s)", known);
	return ASOF_OK;
}
