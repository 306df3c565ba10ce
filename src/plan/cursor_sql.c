/* cursor_sql.c - the rows of a source that are read because of a time of theirs. */
#include <inttypes.h>

#include "plan/rows_sql.h"
#include "plan/sql.h"

/* Clocks are less than a day from UTC. */
#define SLACK_US INT64_C(86400000000)
/* Instants of the engine that a day may be added to, and be taken from. */
#define BOUND_MIN INT64_C(-9223285000000000000)
#define BOUND_MAX INT64_C(9223285000000000000)

struct cursor_time {
	const char *expression;
	const char *type;
};

static struct cursor_time
time_of(const struct asof_plan_source *source)
{
	if (source->source->cursor == ASOF_SOURCE_CURSOR_CREATED)
		return (struct cursor_time){ source->source->created_time.text,
					     source->created_time_type };
	return (struct cursor_time){ source->source->event_time.text, source->event_time_type };
}

static void
add_us(struct asof_buf *sql, const struct asof_plan_source *source)
{
	struct cursor_time time = time_of(source);
	asof_buf_add_char(sql, '(');
	asof_sql_time_us(sql, time.expression, time.type, source->source->time_zone);
	asof_buf_add_char(sql, ')');
}

/* The lower bound on the expression itself, which statistics of a column can answer; it lets a day
 * more through where clocks are not UTC's. */
static void
add_bare_bound(struct asof_buf *sql, const struct asof_plan_source *source)
{
	struct cursor_time time = time_of(source);
	int64_t after_us = source->cursor.after_us;
	bool is_zoned = strcmp(time.type, "TIMESTAMP WITH TIME ZONE") == 0;
	bool is_instant = is_zoned || strcmp(time.type, "TIMESTAMP") == 0;
	if (!is_instant || after_us < BOUND_MIN || after_us > BOUND_MAX)
		return;
	if (!is_zoned && source->source->time_zone)
		after_us -= SLACK_US;
	asof_buf_printf(sql, "(%s) >= %s(%" PRId64 ") AND ", time.expression,
			is_zoned ? "make_timestamptz" : "make_timestamp", after_us);
}

void
asof_plan_cursor_bounds(struct asof_buf *sql, const struct asof_plan_source *source)
{
	const struct asof_plan_cursor *cursor = &source->cursor;
	asof_buf_add_cstr(sql, " WHERE (");
	add_bare_bound(sql, source);
	if (cursor->after_us > INT64_MIN) {
		add_us(sql, source);
		asof_buf_printf(sql, " > %" PRId64 " AND ", cursor->after_us);
	}
	add_us(sql, source);
	asof_buf_printf(sql, " <= %" PRId64 ")", cursor->to_us);
	if (cursor->has_timeless) {
		asof_buf_add_cstr(sql, " OR ");
		add_us(sql, source);
		asof_buf_add_cstr(sql, " IS NULL");
	}
}

enum asof_status
asof_plan_watermark_sql(const struct asof_plan_source *source, struct asof_buf *sql,
			struct asof_error *err)
{
	struct asof_plan_source all = *source;
	all.cursor.is_set = false;
	asof_buf_add_cstr(sql, "SELECT count(us), coalesce(max(us), 0), "
			       "count(*) FILTER (us IS NULL) FROM (SELECT ");
	add_us(sql, source);
	asof_buf_add_cstr(sql, " AS us FROM (");
	asof_plan_source_rows(sql, &all, true);
	asof_buf_add_cstr(sql, "))");
	if (source->cursor.after_us > INT64_MIN)
		asof_buf_printf(sql, " WHERE us > %" PRId64 " OR us IS NULL",
				source->cursor.after_us);
	return asof_buf_status(sql, err);
}

enum asof_status
asof_plan_count_sql(const struct asof_plan_source *source, struct asof_buf *sql,
		    struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT count(*) FROM (");
	asof_plan_source_rows(sql, source, true);
	asof_buf_add_char(sql, ')');
	return asof_buf_status(sql, err);
}
