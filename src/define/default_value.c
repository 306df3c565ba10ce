/* default_value.c - a YAML scalar as a typed default. */
#include "define/default_value.h"

#include <math.h>

#include "base/number.h"
#include "model/duration.h"

#define UUID_BYTES 16

static bool
convert_bool(const char *text, struct asof_value *value)
{
	value->boolean = strcmp(text, "true") == 0;
	return value->boolean || strcmp(text, "false") == 0;
}

/* "1.0" is the integer 1, "1.5" is none. */
static bool
convert_int(struct asof_str text, struct asof_value *value)
{
	asof_int128 whole;
	bool is_small = value->type.kind == ASOF_TYPE_INT32;
	if (!asof_decimal_parse(text, 38, 0, &whole))
		return false;
	if (whole < (is_small ? INT32_MIN : INT64_MIN) ||
	    whole > (is_small ? INT32_MAX : INT64_MAX))
		return false;
	if (is_small)
		value->int32 = (int32_t)whole;
	else
		value->int64 = (int64_t)whole;
	return true;
}

static bool
parse_double(struct asof_str text, double *ret_value)
{
	static const struct {
		const char *text;
		double value;
	} specials[] = { { ".nan", (double)NAN },
			 { ".inf", (double)INFINITY },
			 { "-.inf", -(double)INFINITY } };
	for (size_t i = 0; i < ASOF_COUNTOF(specials); i++) {
		if (asof_str_equal(text, asof_str_from(specials[i].text))) {
			*ret_value = specials[i].value;
			return true;
		}
	}
	return asof_double_parse(text, ret_value);
}

static bool
convert_float(struct asof_str text, bool is_quoted, struct asof_value *value)
{
	double number;
	if (!parse_double(text, &number) || (is_quoted && isfinite(number)))
		return false;
	if (value->type.kind == ASOF_TYPE_FLOAT64) {
		value->float64 = number;
		return true;
	}
	value->float32 = (float)number;
	return isfinite(number) == isfinite((double)value->float32);
}

/* `count` digits at *at, which moves behind them; -1 where there are fewer. */
static int
take_digits(struct asof_str *at, size_t count)
{
	int number = 0;
	for (size_t i = 0; i < count; i++) {
		if (at->len == 0 || at->ptr[0] < '0' || at->ptr[0] > '9')
			return -1;
		number = number * 10 + (at->ptr[0] - '0');
		*at = (struct asof_str){ at->ptr + 1, at->len - 1 };
	}
	return number;
}

static bool
take_char(struct asof_str *at, const char *any)
{
	if (at->len == 0 || !strchr(any, at->ptr[0]))
		return false;
	*at = (struct asof_str){ at->ptr + 1, at->len - 1 };
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (H. Hinnant's days_from_civil). */
static int32_t
days_since_epoch(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int era = (y >= 0 ? y : y - 399) / 400;
	int year_of_era = y - era * 400;
	int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return (int32_t)(era * 146097 + day_of_era - 719468);
}

/* YYYY-MM-DD */
static bool
take_date(struct asof_str *at, int32_t *ret_days)
{
	int year = take_digits(at, 4);
	if (year < 0 || !take_char(at, "-"))
		return false;
	int month = take_digits(at, 2);
	if (month < 1 || month > 12 || !take_char(at, "-"))
		return false;
	int day = take_digits(at, 2);
	if (day < 1 || day > days_in_month(year, month))
		return false;
	*ret_days = days_since_epoch(year, month, day);
	return true;
}

/* Up to six digits behind a point, as microseconds; -1 where there is none or more. */
static int64_t
take_fraction(struct asof_str *at)
{
	int64_t us = 0;
	int64_t unit = 100000;
	size_t count = 0;
	for (; count < 6 && at->len > 0 && at->ptr[0] >= '0' && at->ptr[0] <= '9'; count++) {
		us += take_digits(at, 1) * unit;
		unit /= 10;
	}
	return count == 0 ? -1 : us;
}

/* YYYY-MM-DD[(T| )HH:MM[:SS[.ffffff]][Z]]: UTC. */
static bool
convert_timestamp(struct asof_str at, struct asof_value *value)
{
	int32_t days;
	int second = 0;
	int64_t fraction_us = 0;
	if (!take_date(&at, &days))
		return false;
	value->int64 = days * INT64_C(86400) * ASOF_US_PER_SECOND;
	if (at.len == 0)
		return true;
	if (!take_char(&at, "T "))
		return false;
	int hour = take_digits(&at, 2);
	if (hour < 0 || hour > 23 || !take_char(&at, ":"))
		return false;
	int minute = take_digits(&at, 2);
	if (minute < 0 || minute > 59)
		return false;
	if (take_char(&at, ":"))
		second = take_digits(&at, 2);
	if (second < 0 || second > 59)
		return false;
	if (take_char(&at, "."))
		fraction_us = take_fraction(&at);
	(void)take_char(&at, "Z");
	value->int64 += (hour * 3600 + minute * 60 + second) * ASOF_US_PER_SECOND + fraction_us;
	return fraction_us >= 0 && at.len == 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
convert_uuid(struct asof_str text, char *bytes, struct asof_value *value)
{
	size_t digits = 0;
	if (text.len != 36)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = is_dash ? 0 : hex_digit(text.ptr[i]);
		if (digit < 0 || is_dash != (text.ptr[i] == '-'))
			return false;
		if (is_dash)
			continue;
		char *byte = &bytes[digits++ / 2];
		*byte = (char)(*byte << 4 | digit);
	}
	value->str = (struct asof_str){ bytes, UUID_BYTES };
	return true;
}

static bool
convert_date(struct asof_str text, struct asof_value *value)
{
	return take_date(&text, &value->int32) && text.len == 0;
}

/* `bytes` has room for a uuid. */
static bool
convert(const struct asof_default *given, char *bytes, struct asof_value *value)
{
	struct asof_str text = asof_str_from(given->text);
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		return !given->is_quoted && convert_bool(given->text, value);
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
		return !given->is_quoted && convert_int(text, value);
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_FLOAT64:
		return convert_float(text, given->is_quoted, value);
	case ASOF_TYPE_DECIMAL:
		return asof_decimal_parse(text, value->type.precision, value->type.scale,
					  &value->decimal);
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
		value->str = text;
		return true;
	case ASOF_TYPE_DATE:
		return convert_date(text, value);
	case ASOF_TYPE_TIMESTAMP:
		return convert_timestamp(text, value);
	case ASOF_TYPE_UUID:
		return convert_uuid(text, bytes, value);
	case ASOF_TYPE_NONE:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		break;
	}
	return false;
}

enum asof_status
asof_default_convert(const struct asof_default *given, struct asof_type type,
		     struct asof_arena *arena, struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value = { .type = type };
	char text[ASOF_TYPE_TEXT_MAX];
	char *bytes = asof_arena_alloc(arena, UUID_BYTES);
	if (!bytes)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "default");
	if (type.kind >= ASOF_TYPE_JSON)
		return ASOF_FAIL(err, ASOF_INVALID, "a %s takes no default",
				 asof_type_text(type, text));
	if (!convert(given, bytes, &value))
		return ASOF_FAIL(err, ASOF_INVALID, "default %s%.100s%s is no %s",
				 given->is_quoted ? "\"" : "", given->text,
				 given->is_quoted ? "\"" : "", asof_type_text(type, text));
	*ret_value = value;
	return ASOF_OK;
}
