/* sql.h - pieces of DuckDB SQL: names, literals, types, times. Pure; append to a buffer. */
#ifndef ASOF_PLAN_SQL_H
#define ASOF_PLAN_SQL_H

#include "base/buf.h"
#include "model/project.h"

#define ASOF_SQL_BYTES_MAX (256u << 20)

/* A quoted identifier: "a""b". */
void asof_sql_name(struct asof_buf *sql, const char *name);
/* The same with our `prefix`, which has no quotes, before the name: "c_a""b". */
void asof_sql_prefixed_name(struct asof_buf *sql, const char *prefix, const char *name);
/* A path of a struct: customer.id is "customer"."id". */
void asof_sql_path(struct asof_buf *sql, const char *path);
/* A quoted text literal: 'it''s'. */
void asof_sql_text(struct asof_buf *sql, const char *text);
/* ['a', 'b'] */
void asof_sql_text_list(struct asof_buf *sql, const char *const *texts, size_t count);
/* The engine's type that holds `type`: BIGINT, DECIMAL(10,2), TIMESTAMPTZ, FLOAT[8]. */
void asof_sql_type(struct asof_buf *sql, struct asof_type type);
/* A typed literal of a scalar or list: CAST('2001-01-01' AS DATE); NULL included. */
ASOF_NODISCARD enum asof_status asof_sql_value(struct asof_buf *sql, const struct asof_value *value,
					       struct asof_error *err);

/*
 * Microseconds since the epoch (BIGINT) of the time expression `expr`, whose engine type is
 * `type_text`; naive times are in `time_zone` (NULL: UTC), nanoseconds are floored, infinite times
 * are NULL.
 */
void asof_sql_time_us(struct asof_buf *sql, const char *expr, const char *type_text,
		      const char *time_zone);
/* Whether an expression of that engine type is a time that asof_sql_time_us() takes. */
bool asof_sql_is_time(const char *type_text);
/* A source's column as the asof type `type`: timestamps become UTC instants, small integers int32,
 * and so on. */
void asof_sql_column(struct asof_buf *sql, const char *expr, const char *type_text,
		     struct asof_type type, const char *time_zone);

/* The END of the step in which `us_expr` lies, and the last multiple of the step <= it.
 * Microseconds in and out. */
void asof_sql_step_end(struct asof_buf *sql, const char *us_expr, int64_t step_us);
void asof_sql_step_floor(struct asof_buf *sql, const char *us_expr, int64_t step_us);

/* Behind "(x": "::DECIMAL(38,2) * 100)::HUGEINT", the unscaled integer of a decimal with `scale`
 * digits. */
void asof_sql_unscale(struct asof_buf *sql, unsigned scale);

/* What has failed in a part of the statement, written apart, has failed in the whole. */
void asof_sql_carry(struct asof_buf *sql, const struct asof_buf *part);

/* `, ` before every item but the first: asof_sql_comma(sql, &is_first). */
void asof_sql_comma(struct asof_buf *sql, bool *is_first);

#endif
