#include "plan/sql.h"

#include <inttypes.h>

/* Quotes inside are doubled. */
static void
add_inside(struct asof_buf *sql, struct asof_str text, char quote)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == quote)
			asof_buf_add_char(sql, quote);
		asof_buf_add_char(sql, text.ptr[i]);
	}
}

static void
add_quoted(struct asof_buf *sql, struct asof_str text, char quote)
{
	asof_buf_add_char(sql, quote);
	add_inside(sql, text, quote);
	asof_buf_add_char(sql, quote);
}

void
asof_sql_name(struct asof_buf *sql, const char *name)
{
	add_quoted(sql, asof_str_from(name), '"');
}

void
asof_sql_prefixed_name(struct asof_buf *sql, const char *prefix, const char *name)
{
	asof_buf_printf(sql, "\"%s", prefix);
	add_inside(sql, asof_str_from(name), '"');
	asof_buf_add_char(sql, '"');
}

void
asof_sql_path(struct asof_buf *sql, const char *path)
{
	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		add_quoted(sql, (struct asof_str){ path, (size_t)(dot - path) }, '"');
		asof_buf_add_char(sql, '.');
	}
	asof_sql_name(sql, path);
}

void
asof_sql_text(struct asof_buf *sql, const char *text)
{
	add_quoted(sql, asof_str_from(text), '\'');
}

void
asof_sql_text_list(struct asof_buf *sql, const char *const *texts, size_t count)
{
	asof_buf_add_char(sql, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			asof_buf_add_cstr(sql, ", ");
		asof_sql_text(sql, texts[i]);
	}
	asof_buf_add_char(sql, ']');
}

void
asof_sql_carry(struct asof_buf *sql, const struct asof_buf *part)
{
	if (sql->status == ASOF_OK)
		sql->status = part->status;
}

void
asof_sql_comma(struct asof_buf *sql, bool *is_first)
{
	if (!*is_first)
		asof_buf_add_cstr(sql, ", ");
	*is_first = false;
}

static const char *const scalar_types[] = {
	[ASOF_TYPE_NONE] = "VARCHAR",    [ASOF_TYPE_BOOL] = "BOOLEAN",
	[ASOF_TYPE_INT32] = "INTEGER",   [ASOF_TYPE_INT64] = "BIGINT",
	[ASOF_TYPE_FLOAT32] = "FLOAT",   [ASOF_TYPE_FLOAT64] = "DOUBLE",
	[ASOF_TYPE_STRING] = "VARCHAR",  [ASOF_TYPE_BYTES] = "BLOB",
	[ASOF_TYPE_DATE] = "DATE",       [ASOF_TYPE_TIMESTAMP] = "TIMESTAMPTZ",
	[ASOF_TYPE_UUID] = "UUID",       [ASOF_TYPE_JSON] = "JSON",
	[ASOF_TYPE_DECIMAL] = "DECIMAL",
};

void
asof_sql_type(struct asof_buf *sql, struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_DECIMAL:
		asof_buf_printf(sql, "DECIMAL(%u,%u)", type.precision, type.scale);
		return;
	case ASOF_TYPE_LIST:
		asof_sql_type(sql, asof_type_element(type));
		asof_buf_add_cstr(sql, "[]");
		return;
	case ASOF_TYPE_VECTOR:
		asof_buf_printf(sql, "FLOAT[%" PRIu32 "]", type.size);
		return;
	default:
		asof_buf_add_cstr(sql, scalar_types[type.kind]);
	}
}

bool
asof_sql_is_time(const char *type_text)
{
	static const char *const known[] = { "TIMESTAMP",    "TIMESTAMP WITH TIME ZONE",
					     "TIMESTAMP_S",  "TIMESTAMP_MS",
					     "TIMESTAMP_NS", "DATE" };
	for (size_t i = 0; i < ASOF_COUNTOF(known); i++) {
		if (strcmp(type_text, known[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_zoned(const char *type_text)
{
	return strcmp(type_text, "TIMESTAMP WITH TIME ZONE") == 0;
}

/* Microseconds of a time as its clock shows them; nanoseconds are floored. */
static void
add_clock_us(struct asof_buf *sql, const char *expr, const char *type_text)
{
	if (strcmp(type_text, "TIMESTAMP_NS") == 0)
		/* A cast would cut towards zero, which is up before 1970. */
		asof_buf_printf(sql,
				"(epoch_ns(%s) - (epoch_ns(%s) %% 1000 + 1000) %% 1000) // 1000",
				expr, expr);
	else
		asof_buf_printf(sql, "epoch_us(%s)", expr);
}

/* Microseconds since the epoch, UTC. The calendar is asked only where a zone is to be taken off: it
 * is slow. */
static void
add_instant_us(struct asof_buf *sql, const char *expr, const char *type_text, const char *time_zone)
{
	bool is_utc = is_zoned(type_text) || !time_zone || strcmp(time_zone, "UTC") == 0;
	if (is_utc) {
		add_clock_us(sql, expr, type_text);
		return;
	}
	asof_buf_add_cstr(sql, "epoch_us(timezone(");
	asof_sql_text(sql, time_zone);
	asof_buf_add_cstr(sql, ", make_timestamp(");
	add_clock_us(sql, expr, type_text);
	asof_buf_add_cstr(sql, ")))");
}

void
asof_sql_time_us(struct asof_buf *sql, const char *expr, const char *type_text,
		 const char *time_zone)
{
	/* epoch_us() of an infinite time is NULL, epoch_ns() is not. */
	bool is_guarded = strcmp(type_text, "TIMESTAMP_NS") == 0;
	if (is_guarded)
		asof_buf_printf(sql, "CASE WHEN isfinite(%s) THEN ", expr);
	add_instant_us(sql, expr, type_text, time_zone);
	if (is_guarded)
		asof_buf_add_cstr(sql, " END");
}

void
asof_sql_column(struct asof_buf *sql, const char *expr, const char *type_text,
		struct asof_type type, const char *time_zone)
{
	if (type.kind == ASOF_TYPE_TIMESTAMP && asof_sql_is_time(type_text)) {
		asof_buf_add_cstr(sql, "make_timestamptz(");
		asof_sql_time_us(sql, expr, type_text, time_zone);
		asof_buf_add_char(sql, ')');
		return;
	}
	asof_buf_printf(sql, "CAST(%s AS ", expr);
	asof_sql_type(sql, type);
	asof_buf_add_char(sql, ')');
}

void
asof_sql_step_end(struct asof_buf *sql, const char *us_expr, int64_t step_us)
{
	asof_buf_printf(sql, "%s + (%" PRId64 " - %s %% %" PRId64 ") %% %" PRId64, us_expr, step_us,
			us_expr, step_us, step_us);
}

void
asof_sql_step_floor(struct asof_buf *sql, const char *us_expr, int64_t step_us)
{
	asof_buf_printf(sql, "%s - (%s %% %" PRId64 " + %" PRId64 ") %% %" PRId64, us_expr, us_expr,
			step_us, step_us, step_us);
}

void
asof_sql_unscale(struct asof_buf *sql, unsigned scale)
{
	asof_buf_printf(sql, "::DECIMAL(38,%u) * 1", scale);
	for (unsigned i = 0; i < scale; i++)
		asof_buf_add_char(sql, '0');
	asof_buf_add_cstr(sql, ")::HUGEINT");
}
