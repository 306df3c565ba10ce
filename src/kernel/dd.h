/*
 * dd.h - double-double arithmetic: numbers as unevaluated sums hi + lo of two doubles. Pure.
 *
 * Always hi = fl(hi + lo), so hi alone is the value rounded to double; about 106 bits. Integers
 * below 2^104 add without any error. Where hi is not finite, lo is 0 and every NaN is the same one.
 * Every product is an explicit fma(), so that no compiler's contraction changes a bit.
 *
 * Algorithms: Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building blocks
 * of double-word arithmetic", ACM TOMS 44(2), 2017: AccurateDWPlusDW, DWTimesDW3, DWDivDW2.
 */
#ifndef ASOF_KERNEL_DD_H
#define ASOF_KERNEL_DD_H

#include <math.h>

#include "base/number.h"

struct asof_dd {
	double hi;
	double lo;
};

/* What overflowed or met an infinity or a NaN. */
static inline struct asof_dd
asof_dd_not_finite(double hi)
{
	return (struct asof_dd){ isnan(hi) ? (double)NAN : hi, 0 };
}

static inline struct asof_dd
asof_dd_from_double(double x)
{
	return isfinite(x) ? (struct asof_dd){ x, 0 } : asof_dd_not_finite(x);
}

/* a + b without error, for finite sums (Knuth). */
static inline struct asof_dd
asof_two_sum(double a, double b)
{
	double sum = a + b;
	double b_part = sum - a;
	double a_part = sum - b_part;

	return (struct asof_dd){ sum, (a - a_part) + (b - b_part) };
}

/* As above where |a| >= |b| or a is 0 (Dekker). */
static inline struct asof_dd
asof_fast_two_sum(double a, double b)
{
	double sum = a + b;

	return (struct asof_dd){ sum, b - (sum - a) };
}

/* a * b without error but for underflow. */
static inline struct asof_dd
asof_two_prod(double a, double b)
{
	double product = a * b;

	if (!isfinite(product))
		return asof_dd_not_finite(product);
	return (struct asof_dd){ product, fma(a, b, -product) };
}

/* The last step of an operation: a sum whose parts may have overflowed. */
static inline struct asof_dd
asof_dd_normal(double hi, double lo)
{
	struct asof_dd z = asof_fast_two_sum(hi, lo);

	return isfinite(z.hi) ? z : asof_dd_not_finite(z.hi);
}

static inline struct asof_dd
asof_dd_add(struct asof_dd x, struct asof_dd y)
{
	struct asof_dd high = asof_two_sum(x.hi, y.hi);

	if (!isfinite(high.hi))
		return asof_dd_not_finite(high.hi);

	struct asof_dd low = asof_two_sum(x.lo, y.lo);
	struct asof_dd v = asof_fast_two_sum(high.hi, high.lo + low.hi);

	return asof_dd_normal(v.hi, low.lo + v.lo);
}

static inline struct asof_dd
asof_dd_negate(struct asof_dd x)
{
	return (struct asof_dd){ -x.hi, -x.lo };
}

static inline struct asof_dd
asof_dd_sub(struct asof_dd x, struct asof_dd y)
{
	return asof_dd_add(x, asof_dd_negate(y));
}

static inline struct asof_dd
asof_dd_mul(struct asof_dd x, struct asof_dd y)
{
	struct asof_dd c = asof_two_prod(x.hi, y.hi);

	if (!isfinite(c.hi))
		return c;
	return asof_dd_normal(c.hi, c.lo + fma(x.lo, y.hi, fma(x.hi, y.lo, x.lo * y.lo)));
}

static inline struct asof_dd
asof_dd_div(struct asof_dd x, struct asof_dd y)
{
	double quotient = x.hi / y.hi;

	if (!isfinite(quotient))
		return asof_dd_not_finite(quotient);

	struct asof_dd back = asof_dd_mul(y, asof_dd_from_double(quotient));
	struct asof_dd rest = asof_dd_sub(x, back);

	return asof_dd_normal(quotient, rest.hi / y.hi);
}

/* Exact up to 2^106, rounded beyond. */
static inline struct asof_dd
asof_dd_from_int128(asof_int128 value)
{
	double hi = (double)value;
	/* 2^127 does not fit where we subtract it from: take one less, and give it back. */
	asof_int128 max = (((asof_int128)1 << 126) - 1) * 2 + 1;
	bool is_past_max = hi >= 0x1p127;
	asof_int128 rest = value - (is_past_max ? max : (asof_int128)hi) - (is_past_max ? 1 : 0);

	return asof_fast_two_sum(hi, (double)rest);
}

/* Exact. */
static inline struct asof_dd
asof_dd_from_int64(int64_t value)
{
	double hi = (double)value;

	/* 2^63 does not fit int64: subtract one less, and give it back. */
	if (hi >= 0x1p63)
		return (struct asof_dd){ hi, (double)(value - INT64_MAX) - 1 };
	return (struct asof_dd){ hi, (double)(value - (int64_t)hi) };
}

/* True and *ret_value when x is an integer that fits; false leaves *ret_value alone. */
static inline bool
asof_dd_to_int128(struct asof_dd x, asof_int128 *ret_value)
{
	/* Beyond 2^126 hi + lo might overflow; NaN fails the comparison. */
	if (!(fabs(x.hi) <= 0x1p126) || trunc(x.hi) != x.hi || trunc(x.lo) != x.lo)
		return false;
	*ret_value = (asof_int128)x.hi + (asof_int128)x.lo;
	return true;
}

/* Mean of n > 0 values. */
static inline double
asof_dd_mean(struct asof_dd sum, int64_t n)
{
	return asof_dd_div(sum, asof_dd_from_int64(n)).hi;
}

/*
 * Sample variance of n > 1 values, >= 0 or NaN: (n * squares - sum^2) / (n * (n - 1)), every
 * product exact, large ones first, so that nothing is lost but what the sums themselves lack: up to
 * 2^-105 of the squares for each addition. What is left after the subtraction is noise when it is
 * below that: equal values have variance 0. Where squares leave double (values past about 1e145):
 * infinity or NaN.
 */
static inline double
asof_dd_variance(struct asof_dd sum, struct asof_dd squares, int64_t n)
{
	double count = (double)n;
	struct asof_dd whole = asof_two_prod(count, squares.hi);
	struct asof_dd rest = asof_dd_sub(whole, asof_two_prod(sum.hi, sum.hi));

	rest = asof_dd_add(rest, asof_two_prod(count, squares.lo));
	rest = asof_dd_sub(rest, asof_two_prod(2 * sum.hi, sum.lo));
	rest = asof_dd_sub(rest, asof_two_prod(sum.lo, sum.lo));
	if (isfinite(rest.hi) && rest.hi <= whole.hi * count * 0x1p-104)
		return 0;
	return asof_dd_div(rest, asof_dd_from_int128((asof_int128)n * (n - 1))).hi;
}

#endif
