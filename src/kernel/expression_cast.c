/* expression_cast.c - values from one type to another, as DuckDB's CAST has it. */
#include <inttypes.h>
#include <math.h>

#include "base/number.h"
#include "kernel/expression_impl.h"

#define DAY_US INT64_C(86400000000)

static asof_int128
power_of_ten(unsigned exponent)
{
	asof_int128 power = 1;
	for (unsigned i = 0; i < exponent; i++)
		power *= 10;
	return power;
}

static enum asof_status
out_of_range(const struct asof_value *to, struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	return ASOF_FAIL(err, ASOF_INVALID, "a value that no %s can hold",
			 asof_type_text(to->type, text));
}

/* Half away from zero. */
static asof_int128
divide_rounded(asof_int128 number, asof_int128 divisor)
{
	asof_int128 half = divisor / 2;
	return (number + (number < 0 ? -half : half)) / divisor;
}

static enum asof_status
take_text(const char *text, size_t len, struct asof_arena *arena, struct asof_value *to,
	  struct asof_error *err)
{
	to->str = (struct asof_str){ asof_arena_copy(arena, (struct asof_str){ text, len }), len };
	return to->str.ptr ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "a text");
}

static enum asof_status
int_to_decimal(asof_int128 number, struct asof_value *to, struct asof_error *err)
{
	asof_int128 bound = power_of_ten(to->type.precision - to->type.scale);
	if (number >= bound || number <= -bound)
		return out_of_range(to, err);
	to->decimal = number * power_of_ten(to->type.scale);
	return ASOF_OK;
}

static enum asof_status
from_int(const struct asof_value *from, struct asof_arena *arena, struct asof_value *to,
	 struct asof_error *err)
{
	int64_t number = from->type.kind == ASOF_TYPE_BOOL    ? from->boolean
			 : from->type.kind == ASOF_TYPE_INT64 ? from->int64
							      : from->int32;
	char text[ASOF_DOUBLE_TEXT_MAX];
	switch ((enum asof_type_kind)to->type.kind) {
	case ASOF_TYPE_BOOL:
		to->boolean = number != 0;
		return ASOF_OK;
	case ASOF_TYPE_INT32:
		to->int32 = (int32_t)number;
		return to->int32 == number ? ASOF_OK : out_of_range(to, err);
	case ASOF_TYPE_INT64:
		to->int64 = number;
		return ASOF_OK;
	case ASOF_TYPE_FLOAT32:
		to->float32 = (float)number;
		return ASOF_OK;
	case ASOF_TYPE_FLOAT64:
		to->float64 = (double)number;
		return ASOF_OK;
	case ASOF_TYPE_DECIMAL:
		return int_to_decimal(number, to, err);
	default:
		if (from->type.kind == ASOF_TYPE_BOOL)
			return take_text(number ? "true" : "false", number ? 4 : 5, arena, to, err);
		return take_text(text, asof_int64_text(number, text), arena, to, err);
	}
}

static enum asof_status
from_real(const struct asof_value *from, struct asof_value *to, struct asof_error *err)
{
	bool is_short = from->type.kind == ASOF_TYPE_FLOAT32;
	double number = is_short ? (double)from->float32 : from->float64;
	switch ((enum asof_type_kind)to->type.kind) {
	case ASOF_TYPE_BOOL:
		to->boolean = number != 0;
		return ASOF_OK;
	case ASOF_TYPE_INT32:
		number = nearbyint(number); /* of two the even one */
		if (!(number >= -2147483648.0 && number < 2147483648.0))
			return out_of_range(to, err);
		to->int32 = (int32_t)number;
		return ASOF_OK;
	case ASOF_TYPE_INT64:
		if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0))
			return out_of_range(to, err);
		to->int64 = (int64_t)nearbyint(number);
		return ASOF_OK;
	case ASOF_TYPE_FLOAT32:
		to->float32 = (float)number;
		return isfinite(to->float32) || !isfinite(number) ? ASOF_OK : out_of_range(to, err);
	default:
		to->float64 = number;
		return ASOF_OK;
	}
}

/* In one division where the digits fit a mantissa, else whole and rest apart: as DuckDB does. */
static double
decimal_to_double(const struct asof_value *from)
{
	asof_int128 power = power_of_ten(from->type.scale);
	asof_int128 exact = (asof_int128)1 << 53;
	if ((from->decimal <= exact && from->decimal >= -exact) || from->type.scale == 0)
		return (double)from->decimal / (double)power;
	asof_int128 whole = from->decimal / power;
	asof_int128 rest = from->decimal % power;
	return (double)whole + (double)rest / (double)power;
}

static float
decimal_to_float(const struct asof_value *from)
{
	asof_int128 power = power_of_ten(from->type.scale);
	asof_int128 exact = (asof_int128)1 << 24;
	if ((from->decimal <= exact && from->decimal >= -exact) || from->type.scale == 0)
		return (float)from->decimal / (float)power;
	asof_int128 whole = from->decimal / power;
	asof_int128 rest = from->decimal % power;
	return (float)whole + (float)rest / (float)power;
}

static enum asof_status
decimal_to_decimal(const struct asof_value *from, struct asof_value *to, struct asof_error *err)
{
	asof_int128 number = from->decimal;
	asof_int128 bound = power_of_ten(to->type.precision);
	if (to->type.scale < from->type.scale)
		number = divide_rounded(number,
					power_of_ten((unsigned)from->type.scale - to->type.scale));
	else if (__builtin_mul_overflow(number,
					power_of_ten((unsigned)to->type.scale - from->type.scale),
					&number))
		return out_of_range(to, err);
	if (number >= bound || number <= -bound)
		return out_of_range(to, err);
	to->decimal = number;
	return ASOF_OK;
}

/* DuckDB writes no zero before the point of a decimal that has no digits there. */
static size_t
decimal_text(const struct asof_value *from, char out[ASOF_INT128_TEXT_MAX])
{
	size_t len = asof_decimal_text(from->decimal, from->type.scale, out);
	size_t zero = from->decimal < 0;
	if (from->type.precision > from->type.scale)
		return len;
	memmove(out + zero, out + zero + 1, len - zero - 1);
	return len - 1;
}

static enum asof_status
from_decimal(const struct asof_value *from, struct asof_arena *arena, struct asof_value *to,
	     struct asof_error *err)
{
	char text[ASOF_INT128_TEXT_MAX];
	asof_int128 whole;
	switch ((enum asof_type_kind)to->type.kind) {
	case ASOF_TYPE_DECIMAL:
		return decimal_to_decimal(from, to, err);
	case ASOF_TYPE_FLOAT32:
		to->float32 = decimal_to_float(from);
		return ASOF_OK;
	case ASOF_TYPE_FLOAT64:
		to->float64 = decimal_to_double(from);
		return ASOF_OK;
	case ASOF_TYPE_STRING:
		return take_text(text, decimal_text(from, text), arena, to, err);
	case ASOF_TYPE_INT32:
		whole = divide_rounded(from->decimal, power_of_ten(from->type.scale));
		to->int32 = (int32_t)whole;
		return to->int32 == whole ? ASOF_OK : out_of_range(to, err);
	default:
		whole = divide_rounded(from->decimal, power_of_ten(from->type.scale));
		to->int64 = (int64_t)whole;
		return to->int64 == whole ? ASOF_OK : out_of_range(to, err);
	}
}

static enum asof_status
from_time(const struct asof_value *from, struct asof_arena *arena, struct asof_value *to,
	  struct asof_error *err)
{
	char text[ASOF_EXPRESSION_TIME_MAX];
	bool is_date = from->type.kind == ASOF_TYPE_DATE;
	switch ((enum asof_type_kind)to->type.kind) {
	case ASOF_TYPE_DATE:
		to->int32 = is_date ? from->int32 : asof_expression_days(from->int64);
		return ASOF_OK;
	case ASOF_TYPE_TIMESTAMP:
		if (!is_date) {
			to->int64 = from->int64;
			return ASOF_OK;
		}
		return __builtin_mul_overflow((int64_t)from->int32, DAY_US, &to->int64)
			       ? out_of_range(to, err)
			       : ASOF_OK;
	default:
		return take_text(text,
				 is_date ? asof_expression_date_text(from->int32, text)
					 : asof_expression_time_text(from->int64, text),
				 arena, to, err);
	}
}

enum asof_status
asof_expression_cast(const struct asof_value *from, struct asof_arena *arena,
		     struct asof_value *ret_value, struct asof_error *err)
{
	ret_value->is_null = false;
	switch ((enum asof_type_kind)from->type.kind) {
	case ASOF_TYPE_BOOL:
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
		return from_int(from, arena, ret_value, err);
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_FLOAT64:
		return from_real(from, ret_value, err);
	case ASOF_TYPE_DECIMAL:
		return from_decimal(from, arena, ret_value, err);
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_TIMESTAMP:
		return from_time(from, arena, ret_value, err);
	default:
		*ret_value = *from;
		return ASOF_OK;
	}
}
