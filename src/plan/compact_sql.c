/* compact_sql.c - stored rows again: clustered, and folded where nobody needs them apart any more.
 */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

/* The table that is folded, and its tiles. */
struct fold {
	struct asof_buf *sql;
	const struct asof_plan_table *table;
	int64_t before_us;
};

static void
add_keys(const struct fold *f)
{
	for (size_t i = 0; i < f->table->view->entity->key_count; i++) {
		asof_buf_add_cstr(f->sql, "t.");
		asof_plan_key_name(f->sql, f->table->view, i);
		asof_buf_add_cstr(f->sql, ", ");
	}
}

static void
add_is_old(const struct fold *f)
{
	asof_buf_printf(f->sql, "epoch_us(t.created_time) < %" PRId64, f->before_us);
}

/* t."delay__sum" */
static void
add_state(const struct fold *f, size_t index)
{
	asof_buf_add_cstr(f->sql, "t.");
	asof_sql_name(f->sql, f->table->layout->states[index].name);
}

static void
add_around(const struct fold *f, const char *before, size_t index, const char *after)
{
	asof_buf_add_cstr(f->sql, before);
	add_state(f, index);
	asof_buf_add_cstr(f->sql, after);
}

/* The states of an edge stand together: value, event time, created time, order. */
static void
add_edge(const struct fold *f, size_t index, const char *direction)
{
	static const char *const names[] = { "first({v: ", ", e: ", ", c: ", ", o: " };
	for (size_t i = 0; i < 4; i++)
		add_around(f, names[i], index + i, "");
	for (size_t i = 1; i < 4; i++) {
		add_around(f, i == 1 ? "} ORDER BY " : ", ", index + i, "");
		asof_buf_printf(f->sql, " %s", direction);
	}
	add_around(f, ") FILTER (", index, " IS NOT NULL)");
}

static void
add_list(const struct fold *f, size_t index, bool is_distinct)
{
	add_around(f,
		   is_distinct ? "list_sort(list_distinct(flatten(list("
			       : "list_sort(flatten(list(",
		   index, "");
	add_around(f, ") FILTER (", index, is_distinct ? " IS NOT NULL))))" : " IS NOT NULL)))");
}

static bool
is_decimal(const struct fold *f, const struct asof_state *state)
{
	return state->column != SIZE_MAX &&
	       f->table->layout->columns[state->column].type.kind == ASOF_TYPE_DECIMAL;
}

/* The aggregate that folds a state, and those that follow it of the same thing; a decimal's sum is
 * exact, others are pairs. */
static void
add_fold(const struct fold *f, size_t index)
{
	const struct asof_state *state = &f->table->layout->states[index];
	switch (state->kind) {
	case ASOF_STATE_ROWS:
	case ASOF_STATE_COUNT:
		add_around(f, "sum(", index, ")::BIGINT");
		return;
	case ASOF_STATE_SUM:
		if (is_decimal(f, state)) {
			add_around(f, "sum(", index, ")");
			return;
		}
		break;
	case ASOF_STATE_MIN:
	case ASOF_STATE_MAX:
		add_around(f, state->kind == ASOF_STATE_MIN ? "min(" : "max(", index, ")");
		return;
	case ASOF_STATE_FIRST:
	case ASOF_STATE_LAST:
		add_edge(f, index, state->kind == ASOF_STATE_FIRST ? "ASC" : "DESC");
		return;
	case ASOF_STATE_VALUES:
	case ASOF_STATE_DISTINCT:
		add_list(f, index, state->kind == ASOF_STATE_DISTINCT);
		return;
	default:
		break;
	}
	add_around(f, "asof_sum_merge(", index, "");
	add_around(f, ", ", index + 1, ")");
}

/* How many states back the aggregate stands that a state is a part of, and which part it is; NULL:
 * it is the whole of its own. */
static const char *
part_of(const struct fold *f, const struct asof_state *state, size_t *ret_back)
{
	static const struct {
		size_t back;
		const char *part;
	} parts[] = {
		[ASOF_STATE_SUM] = { 0, ".hi" },          [ASOF_STATE_SUM_LO] = { 1, ".lo" },
		[ASOF_STATE_SQUARES] = { 0, ".hi" },      [ASOF_STATE_SQUARES_LO] = { 1, ".lo" },
		[ASOF_STATE_FIRST] = { 0, ".v" },         [ASOF_STATE_FIRST_AT] = { 1, ".e" },
		[ASOF_STATE_FIRST_CREATED] = { 2, ".c" }, [ASOF_STATE_FIRST_ORDER] = { 3, ".o" },
		[ASOF_STATE_LAST] = { 0, ".v" },          [ASOF_STATE_LAST_AT] = { 1, ".e" },
		[ASOF_STATE_LAST_CREATED] = { 2, ".c" },  [ASOF_STATE_LAST_ORDER] = { 3, ".o" },
		[ASOF_STATE_VALUE] = { 0, NULL },
	};
	*ret_back = parts[state->kind].back;
	if (state->kind == ASOF_STATE_SUM && is_decimal(f, state))
		return NULL;
	return parts[state->kind].part;
}

/* SELECT keys, END, folded states of the old tiles: one row of a (key, step). */
static void
add_folded_tiles(const struct fold *f)
{
	const struct asof_tile_layout *layout = f->table->layout;
	size_t key_count = f->table->view->entity->key_count;
	size_t back = 0;
	asof_buf_add_cstr(f->sql, "SELECT ");
	for (size_t i = 0; i < key_count; i++) {
		asof_buf_printf(f->sql, "g.k%zu AS ", i);
		asof_plan_key_name(f->sql, f->table->view, i);
		asof_buf_add_cstr(f->sql, ", ");
	}
	asof_buf_add_cstr(f->sql, "g.e AS event_time, g.c AS created_time, ");
	for (size_t i = 0; i < layout->state_count; i++) {
		const char *part = part_of(f, &layout->states[i], &back);
		asof_buf_printf(f->sql, "g.a%zu%s AS ", i - back, part ? part : "");
		asof_sql_name(f->sql, layout->states[i].name);
		asof_buf_add_cstr(f->sql, ", ");
	}
	asof_buf_add_cstr(f->sql, "g.l AS \"_last_event\"\nFROM (SELECT ");
	for (size_t i = 0; i < key_count; i++) {
		asof_buf_add_cstr(f->sql, "t.");
		asof_plan_key_name(f->sql, f->table->view, i);
		asof_buf_printf(f->sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(f->sql, "t.event_time AS e, max(t.created_time) AS c, "
				  "max(t.\"_last_event\") AS l");
	for (size_t i = 0; i < layout->state_count; i++) {
		(void)part_of(f, &layout->states[i], &back);
		if (back > 0)
			continue;
		asof_buf_add_cstr(f->sql, ",\n\t");
		add_fold(f, i);
		asof_buf_printf(f->sql, " AS a%zu", i);
	}
	asof_buf_add_cstr(f->sql, "\nFROM (");
	asof_plan_table_sql(f->sql, f->table);
	asof_buf_add_cstr(f->sql, ") t WHERE ");
	add_is_old(f);
	asof_buf_add_cstr(f->sql, "\nGROUP BY ");
	add_keys(f);
	asof_buf_add_cstr(f->sql, "t.event_time) g");
}

static void
add_tiles(const struct fold *f)
{
	asof_buf_add_cstr(f->sql, "SELECT * FROM (SELECT * FROM (");
	asof_plan_table_sql(f->sql, f->table);
	asof_buf_add_cstr(f->sql, ") t WHERE NOT ");
	add_is_old(f);
	asof_buf_add_cstr(f->sql, "\nUNION ALL BY NAME (");
	add_folded_tiles(f);
	asof_buf_add_cstr(f->sql, "))");
}

/* Of old rows of one (key, event_time) the one that counts; younger ones stay, and with them the
 * old one, which counts for whoever looks from before they were created. */
static void
add_plain(const struct fold *f)
{
	asof_buf_add_cstr(f->sql, "SELECT t.* FROM (");
	asof_plan_table_sql(f->sql, f->table);
	asof_buf_add_cstr(f->sql, ") t QUALIFY NOT ");
	add_is_old(f);
	asof_buf_add_cstr(f->sql, " OR row_number() OVER (PARTITION BY ");
	add_keys(f);
	asof_buf_add_cstr(f->sql, "t.event_time, ");
	add_is_old(f);
	asof_buf_add_cstr(f->sql, " ORDER BY t.created_time DESC, t.\"_order\" DESC) = 1");
}

enum asof_status
asof_plan_compact_sql(const struct asof_plan_table *table, bool folds, int64_t before_us,
		      struct asof_buf *sql, struct asof_error *err)
{
	const struct fold f = { sql, table, before_us };
	bool is_replaced = asof_plan_replacements(sql, table->fields, table->field_count);
	if (folds && table->view->step_us == ASOF_STEP_NONE)
		add_plain(&f);
	else if (folds && table->view->step_us > 0)
		add_tiles(&f);
	else
		asof_plan_table_sql(sql, table);
	if (is_replaced)
		asof_buf_add_char(sql, ')');
	asof_plan_order_by(sql, table->view);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_foldable_sql(const struct asof_plan_table *table, int64_t before_us, struct asof_buf *sql,
		       struct asof_error *err)
{
	const struct fold f = { sql, table, before_us };
	if (table->view->step_us == ASOF_STEP_EVENT) {
		asof_buf_add_cstr(sql, "SELECT 0::BIGINT");
		return asof_buf_status(sql, err);
	}
	asof_buf_add_cstr(sql, "SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n "
			       "FROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_cstr(sql, ") t WHERE ");
	add_is_old(&f);
	asof_buf_add_cstr(sql, " GROUP BY ");
	add_keys(&f);
	asof_buf_add_cstr(sql, "t.event_time HAVING count(*) > 1)");
	return asof_buf_status(sql, err);
}
