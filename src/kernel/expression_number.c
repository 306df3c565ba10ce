/* expression_number.c - arithmetic as DuckDB does it: what leaves its type is an error. */
#include <inttypes.h>
#include <math.h>

#include "kernel/expression_impl.h"

static enum asof_status
overflow(const char *what, int64_t left, int64_t right, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID, "overflow in %s of %" PRId64 " and %" PRId64, what,
			 left, right);
}

/* 10 to the power of the digits that DuckDB keeps a decimal of this precision in. */
static asof_int128
decimal_bound(struct asof_type type)
{
	asof_int128 bound = 1;
	int digits = type.precision <= 4    ? 4
		     : type.precision <= 9  ? 9
		     : type.precision <= 18 ? 18
					    : 38;
	for (int i = 0; i < digits; i++)
		bound *= 10;
	return bound;
}

static enum asof_status
take_decimal(asof_int128 number, bool has_overflowed, const char *what,
	     struct asof_value *ret_value, struct asof_error *err)
{
	asof_int128 bound = decimal_bound(ret_value->type);
	if (has_overflowed || number >= bound || number <= -bound)
		return ASOF_FAIL(err, ASOF_INVALID, "overflow in %s of decimals", what);
	ret_value->is_null = false;
	ret_value->decimal = number;
	return ASOF_OK;
}

static enum asof_status
take_int(int64_t number, bool has_overflowed, const char *what, const struct asof_call *call,
	 struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *left = &call->args[0];
	const struct asof_value *right = &call->args[call->arg_count - 1];
	ret_value->is_null = false;
	if (ret_value->type.kind == ASOF_TYPE_INT64) {
		if (has_overflowed)
			return overflow(what, left->int64, right->int64, err);
		ret_value->int64 = number;
		return ASOF_OK;
	}
	if (has_overflowed || number < INT32_MIN || number > INT32_MAX)
		return overflow(what, left->int32, right->int32, err);
	ret_value->int32 = (int32_t)number;
	return ASOF_OK;
}

static int64_t
int_of(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_INT64 ? value->int64 : value->int32;
}

static enum asof_status
take_real(struct asof_value *ret_value, double number)
{
	ret_value->is_null = false;
	ret_value->float64 = number;
	return ASOF_OK;
}

static enum asof_status
take_short_real(struct asof_value *ret_value, float number)
{
	ret_value->is_null = false;
	ret_value->float32 = number;
	return ASOF_OK;
}

static enum asof_status
take_bool(struct asof_value *ret_value, bool is_true)
{
	ret_value->is_null = false;
	ret_value->boolean = is_true;
	return ASOF_OK;
}

/* Days behind a date. Two numbers are infinities to DuckDB; the one below the least of them is not.
 */
static enum asof_status
add_days(int32_t date, int64_t days, struct asof_value *ret_value, struct asof_error *err)
{
	int64_t sum = date + days;
	if (sum < INT32_MIN || sum == -INT32_MAX || sum >= INT32_MAX)
		return ASOF_FAIL(err, ASOF_INVALID, "date out of range");
	ret_value->is_null = false;
	ret_value->int32 = (int32_t)sum;
	return ASOF_OK;
}

enum asof_status
asof_run_add(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	const struct asof_value *b = &call->args[1];
	int64_t sum;
	asof_int128 decimal;
	switch ((enum asof_type_kind)ret_value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		return take_short_real(ret_value, a->float32 + b->float32);
	case ASOF_TYPE_FLOAT64:
		return take_real(ret_value, a->float64 + b->float64);
	case ASOF_TYPE_DECIMAL: {
		bool is_over = __builtin_add_overflow(a->decimal, b->decimal, &decimal);
		return take_decimal(decimal, is_over, "addition", ret_value, err);
	}
	case ASOF_TYPE_DATE:
		return add_days(a->int32, b->int32, ret_value, err);
	default: {
		bool is_over = __builtin_add_overflow(int_of(a), int_of(b), &sum);
		return take_int(sum, is_over, "addition", call, ret_value, err);
	}
	}
}

static enum asof_status
negate(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	int64_t number;
	switch ((enum asof_type_kind)ret_value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		return take_short_real(ret_value, -a->float32);
	case ASOF_TYPE_FLOAT64:
		return take_real(ret_value, -a->float64);
	case ASOF_TYPE_DECIMAL:
		return take_decimal(-a->decimal, false, "negation", ret_value, err);
	default: {
		bool is_over = __builtin_sub_overflow((int64_t)0, int_of(a), &number);
		return take_int(number, is_over, "negation", call, ret_value, err);
	}
	}
}

enum asof_status
asof_run_subtract(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	const struct asof_value *b = &call->args[1];
	int64_t number;
	asof_int128 decimal;
	if (call->arg_count == 1)
		return negate(call, ret_value, err);
	switch ((enum asof_type_kind)ret_value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		return take_short_real(ret_value, a->float32 - b->float32);
	case ASOF_TYPE_FLOAT64:
		return take_real(ret_value, a->float64 - b->float64);
	case ASOF_TYPE_DECIMAL: {
		bool is_over = __builtin_sub_overflow(a->decimal, b->decimal, &decimal);
		return take_decimal(decimal, is_over, "subtraction", ret_value, err);
	}
	case ASOF_TYPE_DATE:
		return add_days(a->int32, -(int64_t)b->int32, ret_value, err);
	default: {
		bool is_over = __builtin_sub_overflow(int_of(a), int_of(b), &number);
		return take_int(number, is_over, "subtraction", call, ret_value, err);
	}
	}
}

enum asof_status
asof_run_multiply(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	const struct asof_value *b = &call->args[1];
	int64_t number;
	asof_int128 decimal;
	switch ((enum asof_type_kind)ret_value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		return take_short_real(ret_value, a->float32 * b->float32);
	case ASOF_TYPE_FLOAT64:
		return take_real(ret_value, a->float64 * b->float64);
	case ASOF_TYPE_DECIMAL: {
		bool is_over = __builtin_mul_overflow(a->decimal, b->decimal, &decimal);
		return take_decimal(decimal, is_over, "multiplication", ret_value, err);
	}
	default: {
		bool is_over = __builtin_mul_overflow(int_of(a), int_of(b), &number);
		return take_int(number, is_over, "multiplication", call, ret_value, err);
	}
	}
}

enum asof_status
asof_run_divide(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	const struct asof_value *b = &call->args[1];
	(void)err;
	if (ret_value->type.kind == ASOF_TYPE_FLOAT32)
		return take_short_real(ret_value, a->float32 / b->float32);
	return take_real(ret_value, a->float64 / b->float64);
}

/* By zero: NULL. The one quotient that has no place in its type is an error. */
static enum asof_status
check_divisor(const struct asof_call *call, struct asof_value *ret_value, bool *ret_is_null,
	      struct asof_error *err)
{
	int64_t a = int_of(&call->args[0]);
	int64_t b = int_of(&call->args[1]);
	int64_t least = ret_value->type.kind == ASOF_TYPE_INT64 ? INT64_MIN : INT32_MIN;
	*ret_is_null = b == 0;
	return a == least && b == -1 ? overflow("division", a, b, err) : ASOF_OK;
}

enum asof_status
asof_run_quotient(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	bool is_null = false;
	ASOF_TRY(check_divisor(call, ret_value, &is_null, err));
	if (is_null)
		return ASOF_OK;
	return take_int(int_of(&call->args[0]) / int_of(&call->args[1]), false, "division", call,
			ret_value, err);
}

enum asof_status
asof_run_remainder(const struct asof_call *call, struct asof_value *ret_value,
		   struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	const struct asof_value *b = &call->args[1];
	bool is_null = false;
	if (ret_value->type.kind == ASOF_TYPE_FLOAT32)
		return take_short_real(ret_value, fmodf(a->float32, b->float32));
	if (ret_value->type.kind == ASOF_TYPE_FLOAT64)
		return take_real(ret_value, fmod(a->float64, b->float64));
	ASOF_TRY(check_divisor(call, ret_value, &is_null, err));
	if (is_null)
		return ASOF_OK;
	return take_int(int_of(a) % int_of(b), false, "division", call, ret_value, err);
}

enum asof_status
asof_run_abs(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	switch ((enum asof_type_kind)ret_value->type.kind) {
	case ASOF_TYPE_FLOAT32:
		return take_short_real(ret_value, fabsf(a->float32));
	case ASOF_TYPE_FLOAT64:
		return take_real(ret_value, fabs(a->float64));
	case ASOF_TYPE_DECIMAL:
		return take_decimal(a->decimal < 0 ? -a->decimal : a->decimal, false, "abs",
				    ret_value, err);
	default:
		if (int_of(a) < 0)
			return negate(call, ret_value, err);
		return take_int(int_of(a), false, "abs", call, ret_value, err);
	}
}

/* To digits behind the point, or before it; where that cannot be told the number itself. */
static double
round_to(double number, int32_t digits)
{
	double power;
	double rounded;
	if (digits < 0) {
		power = pow(10, -(double)digits);
		rounded = round(number / power) * power;
		return isfinite(rounded) ? rounded : 0;
	}
	power = pow(10, (double)digits);
	rounded = round(number * power) / power;
	return isfinite(rounded) ? rounded : number;
}

static float
round_short_to(float number, int32_t digits)
{
	double power;
	float rounded;
	if (digits < 0) {
		power = pow(10, -(double)digits);
		rounded = (float)(round((double)number / power) * power);
		return isfinite(rounded) ? rounded : 0;
	}
	power = pow(10, (double)digits);
	rounded = (float)(round((double)number * power) / power);
	return isfinite(rounded) ? rounded : number;
}

enum asof_status
asof_run_round(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	(void)err;
	if (ret_value->type.kind == ASOF_TYPE_FLOAT32)
		return take_short_real(ret_value,
				       call->arg_count == 1
					       ? roundf(a->float32)
					       : round_short_to(a->float32, call->args[1].int32));
	return take_real(ret_value, call->arg_count == 1
					    ? round(a->float64)
					    : round_to(a->float64, call->args[1].int32));
}

#define REAL_FUNCTION(name, of_float, of_double)                                               \
	enum asof_status asof_run_##name(const struct asof_call *call,                         \
					 struct asof_value *ret_value, struct asof_error *err) \
	{                                                                                      \
		(void)err;                                                                     \
		if (ret_value->type.kind == ASOF_TYPE_FLOAT32)                                 \
			return take_short_real(ret_value, of_float(call->args[0].float32));    \
		return take_real(ret_value, of_double(call->args[0].float64));                 \
	}

REAL_FUNCTION(floor, floorf, floor)
REAL_FUNCTION(ceil, ceilf, ceil)
REAL_FUNCTION(trunc, truncf, trunc)

enum asof_status
asof_run_sqrt(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	double number = call->args[0].float64;
	if (number < 0)
		return ASOF_FAIL(err, ASOF_INVALID, "the square root of a negative number");
	return take_real(ret_value, sqrt(number));
}

static enum asof_status
check_logarithm(double number, struct asof_error *err)
{
	if (number < 0)
		return ASOF_FAIL(err, ASOF_INVALID, "the logarithm of a negative number");
	if (number == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "the logarithm of zero");
	return ASOF_OK;
}

enum asof_status
asof_run_ln(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	ASOF_TRY(check_logarithm(call->args[0].float64, err));
	return take_real(ret_value, log(call->args[0].float64));
}

enum asof_status
asof_run_log10(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	ASOF_TRY(check_logarithm(call->args[0].float64, err));
	return take_real(ret_value, log10(call->args[0].float64));
}

enum asof_status
asof_run_log2(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	ASOF_TRY(check_logarithm(call->args[0].float64, err));
	return take_real(ret_value, log2(call->args[0].float64));
}

enum asof_status
asof_run_exp(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return take_real(ret_value, exp(call->args[0].float64));
}

enum asof_status
asof_run_pow(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return take_real(ret_value, pow(call->args[0].float64, call->args[1].float64));
}

/* NaN has none: 0. */
enum asof_status
asof_run_sign(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_value *a = &call->args[0];
	(void)err;
	ret_value->is_null = false;
	switch ((enum asof_type_kind)a->type.kind) {
	case ASOF_TYPE_FLOAT32:
		ret_value->int32 = (a->float32 > 0) - (a->float32 < 0);
		return ASOF_OK;
	case ASOF_TYPE_FLOAT64:
		ret_value->int32 = (a->float64 > 0) - (a->float64 < 0);
		return ASOF_OK;
	case ASOF_TYPE_DECIMAL:
		ret_value->int32 = (a->decimal > 0) - (a->decimal < 0);
		return ASOF_OK;
	default:
		ret_value->int32 = (int_of(a) > 0) - (int_of(a) < 0);
		return ASOF_OK;
	}
}

static double
real_of(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT32 ? (double)value->float32 : value->float64;
}

enum asof_status
asof_run_isnan(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, isnan(real_of(&call->args[0])));
}

enum asof_status
asof_run_isinf(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, isinf(real_of(&call->args[0])));
}

enum asof_status
asof_run_isfinite(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, isfinite(real_of(&call->args[0])));
}

/* NULLs are passed over; of equals the first. */
static void
take_extreme(const struct asof_call *call, int direction, struct asof_value *ret_value)
{
	for (size_t i = 0; i < call->arg_count; i++) {
		const struct asof_value *value = &call->args[i];
		if (!value->is_null &&
		    (ret_value->is_null || asof_value_compare(value, ret_value) * direction > 0))
			*ret_value = *value;
	}
	/* Several float32 DuckDB compares by sort keys, which know one zero. */
	if (ret_value->type.kind == ASOF_TYPE_FLOAT32 && call->arg_count > 1 &&
	    !ret_value->is_null && ret_value->float32 == 0)
		ret_value->float32 = 0;
}

enum asof_status
asof_run_greatest(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	(void)err;
	take_extreme(call, 1, ret_value);
	return ASOF_OK;
}

enum asof_status
asof_run_least(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	take_extreme(call, -1, ret_value);
	return ASOF_OK;
}
