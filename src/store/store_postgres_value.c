#include "store/store_postgres_value.h"

#include <stdio.h>

#include "base/utf8.h"
#include "codec/json_reader.h"

#define REPLACEMENT       "\xef\xbf\xbd"
#define EPOCH_DAYS        10957 /* 2000-01-01, from which PostgreSQL counts */
#define EPOCH_US          INT64_C(946684800000000)
#define TIME_MIN_US       INT64_C(-211813488000000000) /* 4714-11-24 BC, counted from 2000 */
#define DATE_MIN          INT32_C(-2451507)
#define DATE_END          INT32_C(2145031949)
#define DECIMAL_DIGITS    40
#define NUMERIC_NEGATIVE  0x4000
#define JSON_SCRATCH_MAX  ((size_t)256 << 20)
#define POINTER_BYTES_MAX 24 /* of what is stored elsewhere, aligned */

struct shown_type {
	const char *name;
	uint32_t oid;
	uint32_t array_oid;
	size_t width; /* 0: of any length */
};

/* By enum asof_type_kind; oids never change. */
static const struct shown_type shown_types[] = {
	[ASOF_TYPE_BOOL] = { "boolean", 16, 1000, 1 },
	[ASOF_TYPE_INT32] = { "integer", 23, 1007, 4 },
	[ASOF_TYPE_INT64] = { "bigint", 20, 1016, 8 },
	[ASOF_TYPE_FLOAT32] = { "real", 700, 1021, 4 },
	[ASOF_TYPE_FLOAT64] = { "double precision", 701, 1022, 8 },
	[ASOF_TYPE_DECIMAL] = { "numeric", 1700, 1231, 0 },
	[ASOF_TYPE_STRING] = { "text", 25, 1009, 0 },
	[ASOF_TYPE_BYTES] = { "bytea", 17, 1001, 0 },
	[ASOF_TYPE_DATE] = { "date", 1082, 1182, 4 },
	[ASOF_TYPE_TIMESTAMP] = { "timestamptz", 1184, 1185, 8 },
	[ASOF_TYPE_UUID] = { "uuid", 2950, 2951, 16 },
	[ASOF_TYPE_JSON] = { "json", 114, 199, 0 },
	[ASOF_TYPE_LIST] = { NULL, 0, 0, 0 },
	[ASOF_TYPE_VECTOR] = { NULL, 0, 0, 0 },
};

static bool
is_array(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

static const struct shown_type *
scalar_of(struct asof_type type)
{
	struct asof_type scalar = is_array(type) ? asof_type_element(type) : type;
	const struct shown_type *found =
		scalar.kind < ASOF_COUNTOF(shown_types) ? &shown_types[scalar.kind] : NULL;
	return found && found->name ? found : NULL;
}

const char *
asof_postgres_type_name(struct asof_type type, char out[ASOF_POSTGRES_TYPE_MAX])
{
	const struct shown_type *scalar = scalar_of(type);
	struct asof_type element = is_array(type) ? asof_type_element(type) : type;
	char digits[16] = "";
	if (!scalar)
		return NULL;
	if (element.kind == ASOF_TYPE_DECIMAL)
		(void)snprintf(digits, sizeof(digits), "(%u,%u)", element.precision, element.scale);
	(void)snprintf(out, ASOF_POSTGRES_TYPE_MAX, "%s%s%s", scalar->name, digits,
		       is_array(type) ? "[]" : "");
	return out;
}

size_t
asof_postgres_type_width(struct asof_type type)
{
	const struct shown_type *scalar = scalar_of(type);
	bool is_fixed = scalar && scalar->width > 0 && !is_array(type);
	return is_fixed ? (scalar->width + 7) / 8 * 8 : POINTER_BYTES_MAX;
}

/* --- bytes -------------------------------------------------------------------------------------
 */

void
asof_postgres_add_raw16(struct asof_buf *buf, uint16_t number)
{
	const unsigned char bytes[] = { (unsigned char)(number >> 8), (unsigned char)number };
	asof_buf_add(buf, bytes, sizeof(bytes));
}

void
asof_postgres_add_raw32(struct asof_buf *buf, uint32_t number)
{
	const unsigned char bytes[] = { (unsigned char)(number >> 24),
					(unsigned char)(number >> 16), (unsigned char)(number >> 8),
					(unsigned char)number };
	asof_buf_add(buf, bytes, sizeof(bytes));
}

static void
add_raw64(struct asof_buf *buf, uint64_t number)
{
	asof_postgres_add_raw32(buf, (uint32_t)(number >> 32));
	asof_postgres_add_raw32(buf, (uint32_t)number);
}

uint32_t
asof_postgres_raw32(const char *bytes)
{
	uint32_t number = 0;
	for (size_t i = 0; i < 4; i++)
		number = number << 8 | (unsigned char)bytes[i];
	return number;
}

uint64_t
asof_postgres_raw64(const char *bytes)
{
	return (uint64_t)asof_postgres_raw32(bytes) << 32 | asof_postgres_raw32(bytes + 4);
}

void
asof_postgres_add_bytes(struct asof_buf *buf, struct asof_str bytes)
{
	asof_postgres_add_raw32(buf, (uint32_t)bytes.len);
	asof_buf_add_str(buf, bytes);
}

void
asof_postgres_add_int64(struct asof_buf *buf, int64_t number)
{
	asof_postgres_add_raw32(buf, 8);
	add_raw64(buf, (uint64_t)number);
}

void
asof_postgres_add_bool(struct asof_buf *buf, bool boolean)
{
	asof_postgres_add_raw32(buf, 1);
	asof_buf_add_char(buf, boolean ? 1 : 0);
}

void
asof_postgres_add_null(struct asof_buf *buf)
{
	asof_postgres_add_raw32(buf, UINT32_MAX);
}

/* --- values ------------------------------------------------------------------------------------
 */

static void
add_text(struct asof_buf *buf, struct asof_str text)
{
	while (text.len > 0) {
		size_t valid = asof_utf8_valid_prefix(text);
		const char *nul = memchr(text.ptr, '\0', valid);
		if (nul)
			valid = (size_t)(nul - text.ptr);
		asof_buf_add(buf, text.ptr, valid);
		if (valid == text.len)
			return;
		asof_buf_add_cstr(buf, REPLACEMENT);
		text = (struct asof_str){ text.ptr + valid + 1, text.len - valid - 1 };
	}
}

/* The server refuses a whole COPY for a value that is none. */
static bool
is_json(struct asof_str text)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(JSON_SCRATCH_MAX);
	const struct asof_json *root;
	return asof_json_read(text, &arena, &root, NULL) == ASOF_OK;
}

static int64_t
shown_time(int64_t us)
{
	if (us < TIME_MIN_US + EPOCH_US)
		return INT64_MIN; /* PostgreSQL's "-infinity" */
	return us - EPOCH_US;     /* the last one that an int64 holds has room */
}

static int32_t
shown_date(int32_t days)
{
	if (days < DATE_MIN + EPOCH_DAYS)
		return INT32_MIN;
	int32_t since = days - EPOCH_DAYS;
	return since < DATE_END ? since : INT32_MAX;
}

__extension__ typedef unsigned __int128 asof_postgres_u128;

/* The digits of `value`, at least `at_least`; how many. */
static int
decimal_digits(asof_postgres_u128 value, int at_least, char out[DECIMAL_DIGITS])
{
	char reversed[DECIMAL_DIGITS];
	int count = 0;
	while (value > 0 || count < at_least) {
		reversed[count++] = (char)(value % 10);
		value /= 10;
	}
	for (int i = 0; i < count; i++)
		out[i] = reversed[count - 1 - i];
	return count;
}

/* Groups of four digits around the point, without zero groups at either end. */
static void
add_numeric(struct asof_buf *buf, const struct asof_value *number)
{
	char digits[DECIMAL_DIGITS];
	uint16_t groups[DECIMAL_DIGITS];
	int scale = number->type.scale;
	bool is_negative = number->decimal < 0;
	asof_postgres_u128 value = (asof_postgres_u128)number->decimal;
	if (is_negative)
		value = -value;
	int count = decimal_digits(value, scale + 1, digits);
	int whole = count - scale;
	int whole_groups = (whole + 3) / 4;
	int group_count = whole_groups + (scale + 3) / 4;
	int first = group_count;
	int last = 0;
	for (int g = 0; g < group_count; g++) {
		int group = 0;
		for (int i = 0; i < 4; i++) {
			int at = g * 4 + i - (whole_groups * 4 - whole);
			group = group * 10 + (at >= 0 && at < count ? digits[at] : 0);
		}
		groups[g] = (uint16_t)group;
		if (group != 0) {
			first = g < first ? g : first;
			last = g + 1;
		}
	}
	int shown = last > first ? last - first : 0;
	asof_postgres_add_raw16(buf, (uint16_t)shown);
	asof_postgres_add_raw16(buf, (uint16_t)(shown > 0 ? whole_groups - 1 - first : 0));
	asof_postgres_add_raw16(buf, is_negative ? NUMERIC_NEGATIVE : 0);
	asof_postgres_add_raw16(buf, (uint16_t)scale);
	for (int g = 0; g < shown; g++)
		asof_postgres_add_raw16(buf, groups[first + g]);
}

static void
add_array(struct asof_buf *buf, const struct asof_value *value)
{
	bool has_null = false;
	for (size_t i = 0; i < value->list.count; i++)
		has_null = has_null || value->list.items[i].is_null;
	asof_postgres_add_raw32(buf, value->list.count > 0); /* dimensions */
	asof_postgres_add_raw32(buf, has_null);
	asof_postgres_add_raw32(buf, scalar_of(value->type)->oid);
	if (value->list.count == 0)
		return;
	asof_postgres_add_raw32(buf, (uint32_t)value->list.count);
	asof_postgres_add_raw32(buf, 1); /* the first one's index */
	for (size_t i = 0; i < value->list.count; i++)
		asof_postgres_add_value(buf, &value->list.items[i]);
}

static void
add_float64(struct asof_buf *buf, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof(bits));
	add_raw64(buf, bits);
}

static void
add_float32(struct asof_buf *buf, float number)
{
	uint32_t bits;
	memcpy(&bits, &number, sizeof(bits));
	asof_postgres_add_raw32(buf, bits);
}

static void
add_inside(struct asof_buf *buf, const struct asof_value *value)
{
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		asof_buf_add_char(buf, value->boolean ? 1 : 0);
		break;
	case ASOF_TYPE_INT32:
		asof_postgres_add_raw32(buf, (uint32_t)value->int32);
		break;
	case ASOF_TYPE_INT64:
		add_raw64(buf, (uint64_t)value->int64);
		break;
	case ASOF_TYPE_FLOAT32:
		add_float32(buf, value->float32);
		break;
	case ASOF_TYPE_FLOAT64:
		add_float64(buf, value->float64);
		break;
	case ASOF_TYPE_DECIMAL:
		add_numeric(buf, value);
		break;
	case ASOF_TYPE_STRING:
		add_text(buf, value->str);
		break;
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
		asof_buf_add_str(buf, value->str);
		break;
	case ASOF_TYPE_DATE:
		asof_postgres_add_raw32(buf, (uint32_t)shown_date(value->int32));
		break;
	case ASOF_TYPE_TIMESTAMP:
		add_raw64(buf, (uint64_t)shown_time(value->int64));
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		add_array(buf, value);
		break;
	case ASOF_TYPE_NONE:
		break;
	}
}

static bool
can_be_shown(const struct asof_value *value)
{
	if (!value || value->is_null || !scalar_of(value->type))
		return false;
	return value->type.kind != ASOF_TYPE_JSON || is_json(value->str);
}

void
asof_postgres_add_value(struct asof_buf *buf, const struct asof_value *value)
{
	if (!can_be_shown(value)) {
		asof_postgres_add_null(buf);
		return;
	}
	size_t start = buf->len;
	asof_postgres_add_raw32(buf, 0);
	add_inside(buf, value);
	if (buf->status != ASOF_OK)
		return;
	uint32_t len = (uint32_t)(buf->len - start - 4);
	for (size_t i = 0; i < 4; i++)
		buf->ptr[start + i] = (char)(unsigned char)(len >> (24 - 8 * i));
}

static int
hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

void
asof_postgres_add_hex(struct asof_buf *buf, struct asof_str digits)
{
	for (size_t i = 0; i + 1 < digits.len; i += 2)
		asof_buf_add_char(
			buf, (char)(hex_digit(digits.ptr[i]) * 16 + hex_digit(digits.ptr[i + 1])));
}
