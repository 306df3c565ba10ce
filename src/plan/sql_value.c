/* sql_value.c - typed values as SQL literals. */
#include "codec/value_text.h"
#include "plan/sql.h"

static void
add_blob(struct asof_buf *sql, struct asof_str bytes)
{
	asof_buf_add_cstr(sql, "unhex('");
	for (size_t i = 0; i < bytes.len; i++)
		asof_buf_printf(sql, "%02X", (unsigned)(unsigned char)bytes.ptr[i]);
	asof_buf_add_cstr(sql, "')");
}

static enum asof_status
add_list(struct asof_buf *sql, const struct asof_value *value, struct asof_error *err)
{
	asof_buf_add_char(sql, '[');
	for (size_t i = 0; i < value->list.count; i++) {
		if (i > 0)
			asof_buf_add_cstr(sql, ", ");
		ASOF_TRY(asof_sql_value(sql, &value->list.items[i], err));
	}
	asof_buf_add_char(sql, ']');
	return ASOF_OK;
}

static enum asof_status
add_text(struct asof_buf *sql, const struct asof_value *value, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_value_write_text(&text, value);
	ASOF_TRY(asof_buf_status(&text, err));
	asof_sql_text(sql, asof_buf_cstr(&text));
	return ASOF_OK;
}

enum asof_status
asof_sql_value(struct asof_buf *sql, const struct asof_value *value, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "CAST(");
	if (value->is_null)
		asof_buf_add_cstr(sql, "NULL");
	else if (value->type.kind == ASOF_TYPE_LIST || value->type.kind == ASOF_TYPE_VECTOR)
		ASOF_TRY(add_list(sql, value, err));
	else if (value->type.kind == ASOF_TYPE_BYTES)
		add_blob(sql, value->str);
	else
		ASOF_TRY(add_text(sql, value, err));
	asof_buf_add_cstr(sql, " AS ");
	asof_sql_type(sql, value->type);
	asof_buf_add_char(sql, ')');
	return ASOF_OK;
}
