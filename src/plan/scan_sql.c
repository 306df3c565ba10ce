/* scan_sql.c - what the kernels read: a spine, stored rows and tiles, a source's own rows; in any
 * order, nothing sorted or joined. */
#include <inttypes.h>

#include "model/duration.h"
#include "plan/rows_sql.h"
#include "plan/sql.h"

/* The engine's instants; one that is out of them bounds nothing. */
#define INSTANT_MIN INT64_C(-9223372022400000000)
#define INSTANT_MAX INT64_C(9223372036854775806)
#define DAY_US      INT64_C(86400000000)

/* ---- conditions ---- */

/* " WHERE " before the first condition, " AND " before the others. */
static void
add_where(struct asof_buf *sql, bool *is_first)
{
	asof_buf_add_cstr(sql, *is_first ? " WHERE " : " AND ");
	*is_first = false;
}

/* A stored instant >= the bound; nothing where all are. */
static void
add_from(struct asof_buf *sql, const char *column, int64_t from_us, bool *is_first)
{
	if (from_us <= INSTANT_MIN)
		return;
	add_where(sql, is_first);
	asof_buf_printf(sql, "%s >= make_timestamptz(%" PRId64 ")", column,
			from_us > INSTANT_MAX ? INSTANT_MAX : from_us);
}

static void
add_to(struct asof_buf *sql, const char *column, int64_t to_us, bool *is_first)
{
	if (to_us >= INSTANT_MAX)
		return;
	add_where(sql, is_first);
	asof_buf_printf(sql, "%s <= make_timestamptz(%" PRId64 ")", column,
			to_us < INSTANT_MIN ? INSTANT_MIN : to_us);
}

/* ---- the spine ---- */

static void
add_spine_range(struct asof_buf *sql, const struct asof_plan_join *join, int64_t first_row,
		int64_t row_count)
{
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_plan_spine_rows(sql, join);
	asof_buf_printf(sql, ")\nWHERE asof_row >= %" PRId64 " AND asof_row < %" PRId64, first_row,
			first_row + row_count);
}

enum asof_status
asof_plan_spine_scan_sql(const struct asof_plan_join *join, const struct asof_entity *entity,
			 int64_t first_row, int64_t row_count, struct asof_buf *sql,
			 struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT * FROM (SELECT asof_row AS row, asof_time_us AS time_us");
	for (size_t i = 0; i < entity->key_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_plan_spine_key(sql, entity, i);
		asof_buf_printf(sql, " AS k%zu", i);
	}
	add_spine_range(sql, join, first_row, row_count);
	asof_buf_add_cstr(sql, ")\nWHERE time_us IS NOT NULL");
	for (size_t i = 0; i < entity->key_count; i++)
		asof_buf_printf(sql, " AND k%zu IS NOT NULL", i);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_spine_rows_sql(const struct asof_plan_join *join, int64_t first_row, int64_t row_count,
			 struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < join->spine_field_count; i++) {
		asof_sql_name(sql, join->spine_fields[i].name);
		asof_buf_add_cstr(sql, ", ");
	}
	asof_buf_add_cstr(sql, "asof_row");
	add_spine_range(sql, join, first_row, row_count);
	return asof_buf_status(sql, err);
}

/* ---- stored rows and tiles ---- */

/* k0.., event_us and what of created_us and row_order is wanted; stepped tiles have no place. An
 * instant is its microseconds already: rows go to their kernel as they are. */
static void
add_stored_head(struct asof_buf *sql, const struct asof_view *view,
		const struct asof_plan_scan *scan)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		asof_plan_key_name(sql, view, i);
		asof_buf_printf(sql, " AS k%zu, ", i);
	}
	asof_buf_add_cstr(sql, "event_time AS event_us");
	if (scan->has_created)
		asof_buf_add_cstr(sql, ", created_time AS created_us");
	if (scan->has_order)
		asof_buf_add_cstr(sql, view->step_us > 0 ? ", 0::BIGINT AS row_order"
							 : ", \"_order\" AS row_order");
}

/* A filter that every row passes costs little, one on the bare column skips row groups. */
static void
add_key_range(struct asof_buf *sql, const struct asof_view *view, const struct asof_plan_scan *scan,
	      bool *is_first)
{
	if (!scan->key_from)
		return;
	add_where(sql, is_first);
	asof_plan_key_name(sql, view, 0);
	asof_buf_add_cstr(sql, " BETWEEN ");
	enum asof_status status = asof_sql_value(sql, scan->key_from, NULL);
	asof_buf_add_cstr(sql, " AND ");
	if (status == ASOF_OK)
		status = asof_sql_value(sql, scan->key_to, NULL);
	if (status != ASOF_OK)
		sql->status = status;
}

static void
add_stored_from(struct asof_buf *sql, const struct asof_plan_table *table,
		const struct asof_plan_scan *scan, int64_t from_us, int64_t to_us)
{
	bool is_first = true;
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_plan_table_sql(sql, table);
	asof_buf_add_char(sql, ')');
	add_from(sql, "event_time", from_us, &is_first);
	add_to(sql, "event_time", to_us, &is_first);
	if (scan->is_known)
		add_to(sql, "created_time", scan->known_us, &is_first);
	add_key_range(sql, table->view, scan, &is_first);
}

enum asof_status
asof_plan_rows_scan_sql(const struct asof_plan_join_view *item, const struct asof_plan_scan *scan,
			struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_stored_head(sql, item->table.view, scan);
	for (size_t i = 0; i < item->output_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_sql_name(sql, item->outputs[i]->name);
		asof_buf_printf(sql, " AS f%zu", i);
	}
	add_stored_from(sql, &item->table, scan, scan->has_range ? scan->from_us : INT64_MIN,
			scan->has_range ? scan->to_us : INT64_MAX);
	return asof_buf_status(sql, err);
}

static void
add_nulls(struct asof_buf *sql, size_t count)
{
	for (size_t i = 0; i < count; i++)
		asof_buf_add_cstr(sql, ", NULL");
}

/* What stands for the rows before a range, whose head is k0.., event_us ..: the newest of each key.
 * `zero`: for created_us, of its type. */
static void
add_newest_head(struct asof_buf *sql, size_t key_count, const struct asof_plan_scan *scan,
		const char *zero)
{
	asof_plan_keys(sql, "", key_count);
	asof_buf_add_cstr(sql, ", max(event_us)");
	if (scan->has_created)
		asof_buf_printf(sql, ", %s", zero);
	if (scan->has_order)
		asof_buf_add_cstr(sql, ", 0");
}

static void
add_group_by(struct asof_buf *sql, size_t key_count)
{
	asof_buf_add_cstr(sql, "\nGROUP BY ");
	asof_plan_keys(sql, "", key_count);
}

static void
add_older_tiles(struct asof_buf *sql, const struct asof_plan_table *table,
		const struct asof_plan_scan *scan)
{
	const struct asof_plan_scan times = { .has_created = scan->is_label && scan->has_created,
					      .has_order = scan->is_label && scan->has_order,
					      .is_known = scan->is_known,
					      .known_us = scan->known_us,
					      .key_from = scan->key_from,
					      .key_to = scan->key_to };
	size_t key_count = table->view->entity->key_count;
	asof_buf_add_cstr(sql, "\nUNION ALL SELECT ");
	if (!scan->is_label) {
		add_newest_head(sql, key_count, scan, "make_timestamptz(0)");
		add_nulls(sql, table->layout->state_count);
		asof_buf_add_cstr(sql, " FROM (SELECT ");
	}
	add_stored_head(sql, table->view, &times);
	if (scan->is_label)
		add_nulls(sql, table->layout->state_count);
	add_stored_from(sql, table, &times, INT64_MIN, asof_us_sub(scan->from_us, 1));
	if (!scan->is_label) {
		asof_buf_add_char(sql, ')');
		add_group_by(sql, key_count);
	}
}

enum asof_status
asof_plan_tiles_scan_sql(const struct asof_plan_table *table, const struct asof_plan_scan *scan,
			 struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	add_stored_head(sql, table->view, scan);
	for (size_t i = 0; i < table->layout->state_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_sql_name(sql, table->layout->states[i].name);
		asof_buf_printf(sql, " AS f%zu", i);
	}
	add_stored_from(sql, table, scan, scan->has_range ? scan->from_us : INT64_MIN,
			scan->has_range ? scan->to_us : INT64_MAX);
	if (scan->has_range && scan->from_us > INSTANT_MIN)
		add_older_tiles(sql, table, scan);
	return asof_buf_status(sql, err);
}

/* ---- a source's own rows ---- */

/* Event times wanted, both ends in. */
struct bounds {
	int64_t from_us;
	int64_t to_us;
};

static struct bounds
bounds_of(const struct asof_plan_build *build, const struct asof_plan_scan *scan)
{
	const struct asof_plan_range *range = &build->range;
	struct bounds bounds = { .from_us = range->has_from ? range->from_us : INT64_MIN,
				 .to_us =
					 range->has_to ? asof_us_sub(range->to_us, 1) : INT64_MAX };
	if (scan->has_range && scan->from_us > bounds.from_us)
		bounds.from_us = scan->from_us;
	if (scan->has_range && scan->to_us < bounds.to_us)
		bounds.to_us = scan->to_us;
	return bounds;
}

/* How the time expression itself is compared, so that a column's statistics can answer. */
struct comparison {
	const char *type; /* of the engine's */
	const char *make; /* from microseconds .. */
	int64_t scale;    /* .. times this */
};

static const struct comparison comparisons[] = {
	{ "TIMESTAMP WITH TIME ZONE", "make_timestamptz", 1 },
	{ "TIMESTAMP", "make_timestamp", 1 },
	{ "TIMESTAMP_NS", "make_timestamp_ns", 1000 },
};

/* Only Parquet has statistics; NULL where they cannot help. */
static const struct comparison *
find_comparison(const struct asof_plan_source *source)
{
	for (size_t i = 0; i < ASOF_COUNTOF(comparisons); i++) {
		if (asof_format_is_parquet(source->source->format) &&
		    strcmp(source->event_time_type, comparisons[i].type) == 0)
			return &comparisons[i];
	}
	return NULL;
}

/* Clocks are less than a day from UTC. */
static bool
is_off_utc(const struct asof_plan_source *source, const struct comparison *by)
{
	const char *zone = source->source->time_zone;
	return by != comparisons && zone && strcmp(zone, "UTC") != 0;
}

/* A bound in the comparison's unit; false: it excludes nothing that the unit can hold. */
static bool
scale_bound(int64_t us, int64_t scale, int64_t more, int64_t *ret_bound)
{
	if (us < INSTANT_MIN / scale || us >= INSTANT_MAX / scale)
		return false;
	*ret_bound = us * scale + more;
	return true;
}

static void
add_event_bounds(struct asof_buf *sql, const struct asof_plan_source *source, struct bounds bounds)
{
	const struct comparison *by = find_comparison(source);
	const char *separator = " WHERE ";
	int64_t bound = 0;
	if (!by)
		return;
	if (is_off_utc(source, by)) {
		bounds.from_us = asof_us_sub(bounds.from_us, DAY_US);
		bounds.to_us = asof_us_add(bounds.to_us, DAY_US);
	}
	if (scale_bound(bounds.from_us, by->scale, 0, &bound)) {
		asof_buf_printf(sql, "%s(%s) >= %s(%" PRId64 ")", separator,
				source->source->event_time.text, by->make, bound);
		separator = " AND ";
	}
	if (scale_bound(bounds.to_us, by->scale, by->scale - 1, &bound))
		asof_buf_printf(sql, "%s(%s) <= %s(%" PRId64 ")", separator,
				source->source->event_time.text, by->make, bound);
}

void
asof_plan_range_bounds(struct asof_buf *sql, const struct asof_plan_build *build)
{
	static const struct asof_plan_scan everything = { 0 };
	if (build->range.has_from || build->range.has_to)
		add_event_bounds(sql, &build->source, bounds_of(build, &everything));
}

/* What of the bounds the comparison of the expression itself has not made sure of. */
static struct bounds
bounds_left(const struct asof_plan_source *source, struct bounds bounds)
{
	const struct comparison *by = find_comparison(source);
	int64_t scale = by && !is_off_utc(source, by) ? by->scale : 0;
	int64_t bound = 0;
	if (scale > 0 && scale_bound(bounds.from_us, scale, 0, &bound))
		bounds.from_us = INT64_MIN;
	if (scale > 0 && scale_bound(bounds.to_us, scale, 0, &bound))
		bounds.to_us = INT64_MAX;
	return bounds;
}

static void
add_bounds(struct asof_buf *sql, const struct asof_plan_source *source, const struct bounds *bounds)
{
	struct bounds left = bounds_left(source, *bounds);
	if (left.from_us > INT64_MIN)
		asof_buf_printf(sql, " AND event_us >= %" PRId64, left.from_us);
	if (left.to_us < INT64_MAX)
		asof_buf_printf(sql, " AND event_us <= %" PRId64, left.to_us);
}

static void
add_known(struct asof_buf *sql, const struct asof_plan_scan *scan)
{
	if (scan->is_known)
		asof_buf_printf(sql, " AND created_us <= %" PRId64, scan->known_us);
}

/* Whether the event time is an instant whose microseconds may be taken as they are, nothing being
 * left to compare it with. */
static bool
is_bare_time(const struct asof_plan_source *source, const struct bounds *bounds)
{
	struct bounds left = bounds_left(source, *bounds);
	const char *zone = source->source->time_zone;
	bool is_zoned = strcmp(source->event_time_type, "TIMESTAMP WITH TIME ZONE") == 0;
	bool is_utc = !zone || strcmp(zone, "UTC") == 0;
	return left.from_us == INT64_MIN && left.to_us == INT64_MAX &&
	       (is_zoned || (is_utc && strcmp(source->event_time_type, "TIMESTAMP") == 0));
}

/* A plain view's rows, which the join's kernel takes as they are: it passes over those without a
 * key or a time, and makes -0.0 0.0 where it keeps one. An infinite time stays one. */
static void
add_bare_from(struct asof_buf *sql, const struct asof_plan_build *build,
	      const struct asof_plan_scan *scan, const struct bounds *bounds)
{
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_plan_bare_rows(sql, build, is_bare_time(&build->source, bounds));
	add_event_bounds(sql, &build->source, *bounds);
	asof_buf_add_char(sql, ')');
	struct bounds left = bounds_left(&build->source, *bounds);
	if (left.from_us == INT64_MIN && left.to_us == INT64_MAX && !scan->is_known)
		return;
	asof_buf_add_cstr(sql, "\nWHERE true");
	add_bounds(sql, &build->source, bounds);
	add_known(sql, scan);
}

static void
add_good_from(struct asof_buf *sql, const struct asof_plan_build *build,
	      const struct asof_plan_scan *scan, const struct bounds *bounds)
{
	if (!build->layout) {
		add_bare_from(sql, build, scan, bounds);
		return;
	}
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_plan_rows(sql, build);
	add_event_bounds(sql, &build->source, *bounds);
	asof_buf_add_cstr(sql, ")\nWHERE event_us IS NOT NULL");
	for (size_t i = 0; i < build->view->entity->key_count; i++)
		asof_buf_printf(sql, " AND k%zu IS NOT NULL", i);
	add_bounds(sql, &build->source, bounds);
	add_known(sql, scan);
}

static void
add_source_head(struct asof_buf *sql, size_t key_count, const struct asof_plan_scan *scan)
{
	asof_plan_keys(sql, "", key_count);
	asof_buf_printf(sql, ", event_us%s%s", scan->has_created ? ", created_us" : "",
			scan->has_order ? ", row_order" : "");
}

/* The columns whose values a view is made of. */
static size_t
value_count_of(const struct asof_plan_build *build)
{
	return build->layout ? build->layout->column_count : build->view->output_count;
}

static const char *
value_of(const struct asof_plan_build *build, size_t index)
{
	return build->layout ? build->layout->columns[index].name
			     : build->view->outputs[index].feature->column.text;
}

static void
add_older_events(struct asof_buf *sql, const struct asof_plan_build *build,
		 const struct asof_plan_scan *scan, struct bounds bounds)
{
	size_t key_count = build->view->entity->key_count;
	bounds.from_us = build->range.has_from ? build->range.from_us : INT64_MIN;
	if (bounds.to_us >= scan->from_us)
		bounds.to_us = asof_us_sub(scan->from_us, 1);
	asof_buf_add_cstr(sql, "\nUNION ALL SELECT ");
	if (scan->is_label)
		add_source_head(sql, key_count, scan);
	else
		add_newest_head(sql, key_count, scan, "0");
	add_nulls(sql, value_count_of(build));
	add_good_from(sql, build, scan, &bounds);
	if (!scan->is_label)
		add_group_by(sql, key_count);
}

enum asof_status
asof_plan_source_scan_sql(const struct asof_plan_build *build, const struct asof_plan_scan *scan,
			  struct asof_buf *sql, struct asof_error *err)
{
	struct bounds bounds = bounds_of(build, scan);
	asof_buf_add_cstr(sql, "SELECT ");
	add_source_head(sql, build->view->entity->key_count, scan);
	for (size_t i = 0; i < value_count_of(build); i++) {
		asof_buf_add_cstr(sql, ", ");
		asof_plan_value_name(sql, value_of(build, i));
		asof_buf_printf(sql, " AS f%zu", i);
	}
	add_good_from(sql, build, scan, &bounds);
	if (build->layout && scan->has_range && scan->from_us > INT64_MIN)
		add_older_events(sql, build, scan, bounds);
	return asof_buf_status(sql, err);
}

/* ---- one scan for several builds ---- */

/* The distinct columns of a shared scan: the first `head` are event_us, created_us, row_order. */
#define SHARED_HEAD 3

struct shared {
	struct asof_buf *sql;
	const struct asof_plan_build *builds;
	size_t build_count;
	size_t column_count;
	size_t **columns; /* per build */
};

static bool
is_same_key(const struct asof_view *a, size_t i, const struct asof_view *b, size_t j)
{
	return strcmp(a->key_columns[i].text, b->key_columns[j].text) == 0 &&
	       asof_type_equal(a->entity->keys[i].type, b->entity->keys[j].type);
}

/* Where the key stands already, in this build or one before it; SIZE_MAX. */
static size_t
find_key(const struct shared *s, size_t build, size_t key)
{
	const struct asof_view *view = s->builds[build].view;
	for (size_t b = 0; b <= build; b++) {
		const struct asof_view *other = s->builds[b].view;
		size_t count = b < build ? other->entity->key_count : key;
		for (size_t k = 0; k < count; k++) {
			if (is_same_key(other, k, view, key))
				return s->columns[b][k];
		}
	}
	return SIZE_MAX;
}

static size_t
find_value(const struct shared *s, size_t build, size_t value)
{
	const char *column = value_of(&s->builds[build], value);
	for (size_t b = 0; b <= build; b++) {
		const struct asof_plan_build *other = &s->builds[b];
		size_t count = b < build ? value_count_of(other) : value;
		for (size_t v = 0; v < count; v++) {
			if (strcmp(value_of(other, v), column) == 0)
				return s->columns[b][other->view->entity->key_count + v];
		}
	}
	return SIZE_MAX;
}

static void
add_shared_key(struct shared *s, size_t build, size_t key)
{
	size_t found = find_key(s, build, key);
	s->columns[build][key] = found == SIZE_MAX ? s->column_count : found;
	if (found != SIZE_MAX)
		return;
	asof_buf_add_cstr(s->sql, ",\n\t");
	asof_plan_key_column(s->sql, s->builds[build].view, key);
	asof_buf_printf(s->sql, " AS g%zu", s->column_count++);
}

static void
add_shared_value(struct shared *s, size_t build, size_t value)
{
	const struct asof_plan_build *of = &s->builds[build];
	size_t found = find_value(s, build, value);
	s->columns[build][of->view->entity->key_count + value] =
		found == SIZE_MAX ? s->column_count : found;
	if (found != SIZE_MAX)
		return;
	asof_buf_add_cstr(s->sql, ",\n\t");
	asof_plan_value_column(s->sql, of->source.source, value_of(of, value));
	asof_buf_printf(s->sql, " AS g%zu", s->column_count++);
}

static void
add_shared_columns(struct shared *s)
{
	for (size_t b = 0; b < s->build_count; b++) {
		for (size_t k = 0; k < s->builds[b].view->entity->key_count; k++)
			add_shared_key(s, b, k);
		for (size_t v = 0; v < value_count_of(&s->builds[b]); v++)
			add_shared_value(s, b, v);
	}
}

static enum asof_status
init_shared(struct shared *s, struct asof_arena *arena, struct asof_error *err)
{
	s->columns = asof_arena_array(arena, s->build_count, sizeof(*s->columns));
	if (!s->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of %zu views", s->build_count);
	for (size_t b = 0; b < s->build_count; b++) {
		size_t count = s->builds[b].view->entity->key_count + value_count_of(&s->builds[b]);
		s->columns[b] = asof_arena_array(arena, count, sizeof(**s->columns));
		if (!s->columns[b])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'",
					 s->builds[b].view->name);
	}
	return ASOF_OK;
}

enum asof_status
asof_plan_shared_scan_sql(const struct asof_plan_build *builds, size_t build_count,
			  struct asof_arena *arena, size_t ***ret_columns, struct asof_buf *sql,
			  struct asof_error *err)
{
	static const struct asof_plan_scan everything = { 0 };
	struct shared s = { .sql = sql,
			    .builds = builds,
			    .build_count = build_count,
			    .column_count = SHARED_HEAD };
	struct bounds bounds = bounds_of(&builds[0], &everything);
	ASOF_TRY(init_shared(&s, arena, err));
	bool has_range = builds[0].range.has_from || builds[0].range.has_to;
	asof_buf_add_cstr(sql, has_range ? "SELECT * FROM (SELECT " : "SELECT ");
	/* An infinite time stays one, which the kernel takes for none. */
	if (!has_range && is_bare_time(&builds[0].source, &bounds))
		asof_buf_printf(sql, "(%s)", builds[0].source.source->event_time.text);
	else
		asof_plan_event_us(sql, &builds[0].source);
	asof_buf_add_cstr(sql, " AS event_us, ");
	asof_plan_created_us(sql, &builds[0]);
	asof_buf_add_cstr(sql, " AS created_us, " ASOF_SOURCE_ORDER " AS row_order");
	add_shared_columns(&s);
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_plan_source_rows(sql, &builds[0].source, true);
	asof_buf_add_char(sql, ')');
	if (has_range) {
		add_event_bounds(sql, &builds[0].source, bounds);
		asof_buf_add_cstr(sql, ")\nWHERE event_us IS NOT NULL");
		add_bounds(sql, &builds[0].source, &bounds);
	}
	ASOF_TRY(asof_buf_status(sql, err));
	*ret_columns = s.columns;
	return ASOF_OK;
}
