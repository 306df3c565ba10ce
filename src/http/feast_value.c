/* feast_value.c - a value as Feast's server writes it. */
#include "http/feast_value.h"

#include <math.h>

#include "codec/value_text.h"

#define US_PER_S  INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define NULL_TEXT "null", 4

static void
write_float(struct asof_buf *buf, double value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	size_t len = asof_double_text(value, text);
	if (!isfinite(value)) {
		asof_buf_add_char(buf, '"');
		asof_buf_add(buf, text, len);
		asof_buf_add_char(buf, '"');
		return;
	}
	asof_buf_add(buf, text, len);
	if (!memchr(text, '.', len) && !memchr(text, 'e', len))
		asof_buf_add(buf, ".0", 2);
}

/* A scalar of a feature: NaN is null there. */
static void
write_scalar_float(struct asof_buf *buf, double value)
{
	if (isnan(value))
		asof_buf_add(buf, NULL_TEXT);
	else
		write_float(buf, value);
}

static void
write_int(struct asof_buf *buf, int64_t value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_buf_add(buf, text, asof_int64_text(value, text));
}

static int64_t
floor_seconds(int64_t us)
{
	return us / US_PER_S - (us % US_PER_S < 0);
}

static void
write_decimal(struct asof_buf *buf, const struct asof_value *value)
{
	char text[ASOF_INT128_TEXT_MAX];
	asof_buf_add_char(buf, '"');
	asof_buf_add(buf, text, asof_decimal_text(value->decimal, value->type.scale, text));
	asof_buf_add_char(buf, '"');
}

static void
write_json(struct asof_buf *buf, const struct asof_value *value)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_str(&w, value->str);
}

static void
write_as_elsewhere(struct asof_buf *buf, const struct asof_value *value)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_value_write_json(&w, value);
}

static void
write_element(struct asof_buf *buf, const struct asof_value *value)
{
	if (!value->is_null && value->type.kind == ASOF_TYPE_FLOAT32)
		write_float(buf, (double)value->float32);
	else if (!value->is_null && value->type.kind == ASOF_TYPE_FLOAT64)
		write_float(buf, value->float64);
	else
		asof_feast_write_value(buf, value);
}

static void
write_list(struct asof_buf *buf, const struct asof_value *value)
{
	asof_buf_add_char(buf, '[');
	for (size_t i = 0; i < value->list.count; i++) {
		if (i > 0)
			asof_buf_add_char(buf, ',');
		write_element(buf, &value->list.items[i]);
	}
	asof_buf_add_char(buf, ']');
}

void
asof_feast_write_value(struct asof_buf *buf, const struct asof_value *value)
{
	if (value->is_null) {
		asof_buf_add(buf, NULL_TEXT);
		return;
	}
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		write_scalar_float(buf, (double)value->float32);
		break;
	case ASOF_TYPE_FLOAT64:
		write_scalar_float(buf, value->float64);
		break;
	case ASOF_TYPE_INT32:
		write_int(buf, value->int32);
		break;
	case ASOF_TYPE_INT64:
		write_int(buf, value->int64);
		break;
	case ASOF_TYPE_DATE:
		write_int(buf, value->int32 * S_PER_DAY);
		break;
	case ASOF_TYPE_TIMESTAMP:
		write_int(buf, floor_seconds(value->int64));
		break;
	case ASOF_TYPE_DECIMAL:
		write_decimal(buf, value);
		break;
	case ASOF_TYPE_JSON:
		write_json(buf, value);
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		write_list(buf, value);
		break;
	default:
		write_as_elsewhere(buf, value);
	}
}
