/* rows_sql.h - what the statements of this folder share: a source's rows, named so that nothing of
 * the user's collides. */
#ifndef ASOF_PLAN_ROWS_SQL_H
#define ASOF_PLAN_ROWS_SQL_H

#include "plan/plan.h"

/* Columns k0 k1 .. (keys), "c_<column>" (values), event_us, created_us, row_order. */
void asof_plan_rows(struct asof_buf *sql, const struct asof_plan_build *build);
/* The same with values as they are, -0.0 too, and, where `is_bare_time`, the event time itself. */
void asof_plan_bare_rows(struct asof_buf *sql, const struct asof_plan_build *build,
			 bool is_bare_time);
/* Those with a time, a whole key, and in range. */
void asof_plan_good_rows(struct asof_buf *sql, const struct asof_plan_build *build);
/* Behind build->range, which has both ends: " WHERE" on the event time expression itself, so that
 * a column's statistics can answer; it may let more through, or be nothing. */
void asof_plan_range_bounds(struct asof_buf *sql, const struct asof_plan_build *build);
/* " WHERE" a source's rows are between the bounds of its cursor. */
void asof_plan_cursor_bounds(struct asof_buf *sql, const struct asof_plan_source *source);
/* Behind rows (k0.., event_us): those that build->touched has. And the stored rows that it has not.
 */
void asof_plan_touched_rows(struct asof_buf *sql, const struct asof_plan_build *build);
void asof_plan_untouched_rows(struct asof_buf *sql, const struct asof_plan_table *table,
			      const struct asof_plan_build *build);
/* The event time expression in microseconds. */
void asof_plan_event_us(struct asof_buf *sql, const struct asof_plan_source *source);
/* created_us of a row: its own, not before its event; the commit's where it has none. */
void asof_plan_created_us(struct asof_buf *sql, const struct asof_plan_build *build);
/* A view's key, and a column of the source, as their types of ours. */
void asof_plan_key_column(struct asof_buf *sql, const struct asof_view *view, size_t key);
void asof_plan_value_column(struct asof_buf *sql, const struct asof_source *source,
			    const char *column);
/* "c_<column>" */
void asof_plan_value_name(struct asof_buf *sql, const char *column);
void asof_plan_key_name(struct asof_buf *sql, const struct asof_view *view, size_t key);

/* A spine's key as the entity's type; NULL where its value is none. */
void asof_plan_spine_key(struct asof_buf *sql, const struct asof_entity *entity, size_t key);
/* SELECT of the spine with its rows numbered, asof_row, and their times, asof_time_us. */
void asof_plan_spine_rows(struct asof_buf *sql, const struct asof_plan_join *join);

/* k0, k1 .. with a prefix: "s.k0, s.k1". */
void asof_plan_keys(struct asof_buf *sql, const char *prefix, size_t key_count);
/* "a.k0 = b.k0 AND ..." */
void asof_plan_keys_equal(struct asof_buf *sql, const char *left, const char *right,
			  size_t key_count);
/* The same for an ASOF JOIN, which takes bytes for equal that agree up to a NUL. */
void asof_plan_keys_equal_asof(struct asof_buf *sql, const char *left, const char *right,
			       const struct asof_entity *entity);

/* ORDER BY what stored files are clustered by. */
void asof_plan_order_by(struct asof_buf *sql, const struct asof_view *view);
/* SELECT * REPLACE (CAST("id" AS VARCHAR) AS "id", ...) FROM (, for what Delta does not have: false
 * where nothing needs it. */
bool asof_plan_replacements(struct asof_buf *sql, const struct asof_field *fields, size_t count);

#endif
