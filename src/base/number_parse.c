/* number_parse.c - text to numbers without surprises: the whole text or nothing, no locale. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

__extension__ typedef unsigned __int128 uint128;

/* No double lies between two decimals that differ only behind their 768th significant digit. */
#define SIGNIFICANT_DIGITS_MAX 800

/* Exponents beyond it overflow or vanish, whatever the digits. Far below INT64_MAX: sums are safe.
 */
#define EXPONENT_MAX INT64_C(1000000000000000)

/* -? whole . fraction * 10^exponent. Every digit is one. */
struct number {
	bool is_negative;
	struct asof_str whole;
	struct asof_str fraction;
	int64_t exponent;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cut the digits off the front of *text. */
static struct asof_str
take_digits(struct asof_str *text)
{
	size_t len = 0;
	while (len < text->len && is_digit(text->ptr[len]))
		len++;
	struct asof_str digits = { text->ptr, len };
	*text = (struct asof_str){ text->ptr ? text->ptr + len : NULL, text->len - len };
	return digits;
}

/* Cut `c` off the front of *text, if it is there. */
static bool
take_char(struct asof_str *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c)
		return false;
	*text = (struct asof_str){ text->ptr + 1, text->len - 1 };
	return true;
}

/* All of `digits` as a number, or false where it is past `max`. */
static bool
uint_of(struct asof_str digits, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return true;
}

bool
asof_uint64_parse(struct asof_str text, uint64_t *ret_value)
{
	struct asof_str digits = take_digits(&text);
	return digits.len > 0 && text.len == 0 && uint_of(digits, UINT64_MAX, ret_value);
}

bool
asof_int64_parse(struct asof_str text, int64_t *ret_value)
{
	bool is_negative = take_char(&text, '-');
	struct asof_str digits = take_digits(&text);
	uint64_t max = (uint64_t)INT64_MAX + is_negative;
	uint64_t value;
	if (digits.len == 0 || text.len != 0 || !uint_of(digits, max, &value))
		return false;
	*ret_value = (int64_t)(is_negative ? 0 - value : value);
	return true;
}

static bool
take_exponent(struct asof_str *text, int64_t *ret_exponent)
{
	if (!take_char(text, 'e') && !take_char(text, 'E'))
		return true;

	bool is_negative = take_char(text, '-');
	if (!is_negative)
		(void)take_char(text, '+');
	struct asof_str digits = take_digits(text);
	uint64_t value;
	if (digits.len == 0)
		return false;
	if (!uint_of(digits, (uint64_t)EXPONENT_MAX, &value))
		value = (uint64_t)EXPONENT_MAX;
	*ret_exponent = is_negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool
scan(struct asof_str text, struct number *ret_number)
{
	struct number n = { 0 };
	n.is_negative = take_char(&text, '-');
	n.whole = take_digits(&text);
	if (n.whole.len == 0)
		return false;
	if (take_char(&text, '.')) {
		n.fraction = take_digits(&text);
		if (n.fraction.len == 0)
			return false;
	}
	if (!take_exponent(&text, &n.exponent) || text.len != 0)
		return false;
	*ret_number = n;
	return true;
}

static size_t
digit_count(const struct number *n)
{
	return n->whole.len + n->fraction.len;
}

/* The i-th digit, the point ignored; 0 behind the last. */
static char
digit_at(const struct number *n, size_t i)
{
	if (i < n->whole.len)
		return n->whole.ptr[i];
	i -= n->whole.len;
	return i < n->fraction.len ? n->fraction.ptr[i] : '0';
}

/* [*ret_first, *ret_end) are the digits from the first to the last that is not 0; false if none. */
static bool
significant_digits(const struct number *n, size_t *ret_first, size_t *ret_end)
{
	size_t first = 0;
	size_t end = digit_count(n);
	while (first < end && digit_at(n, first) == '0')
		first++;
	while (end > first && digit_at(n, end - 1) == '0')
		end--;
	*ret_first = first;
	*ret_end = end;
	return first < end;
}

/*
 * Few digits and a small power of ten are exact doubles, so that one operation rounds once
 * (W. Clinger 1990).
 */
static bool
parse_exactly(const struct number *n, size_t first, size_t end, int64_t exponent, double *ret_value)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	_Static_assert(FLT_EVAL_METHOD == 0, "double arithmetic rounds to double");

	if (end - first > 15 || exponent < -22 || exponent > 22)
		return false;
	int64_t digits = 0;
	for (size_t i = first; i < end; i++)
		digits = digits * 10 + (digit_at(n, i) - '0');
	*ret_value = exponent < 0 ? (double)digits / powers[-exponent]
				  : (double)digits * powers[exponent];
	return true;
}

/* Written again as digits and exponent: bounded, and without a point that a locale could change. */
static double
parse_by_libc(const struct number *n, size_t first, size_t end, int64_t exponent)
{
	char text[SIGNIFICANT_DIGITS_MAX + 32];
	size_t len = 0;
	size_t kept = end - first;
	if (kept > SIGNIFICANT_DIGITS_MAX)
		kept = SIGNIFICANT_DIGITS_MAX;
	for (size_t i = 0; i < kept; i++)
		text[len++] = digit_at(n, first + i);
	exponent += (int64_t)(end - first - kept);
	if (kept < end - first) {
		text[len++] = '1'; /* what was cut is more than nothing */
		exponent--;
	}
	int bounded = exponent < -9999 ? -9999 : exponent > 9999 ? 9999 : (int)exponent;
	(void)snprintf(text + len, sizeof(text) - len, "e%d", bounded);
	return strtod(text, NULL);
}

bool
asof_double_parse(struct asof_str text, double *ret_value)
{
	struct number n;
	if (!scan(text, &n)) {
		bool is_negative = take_char(&text, '-');
		if (asof_str_equal(text, asof_str_from("Infinity")))
			*ret_value = is_negative ? -(double)INFINITY : (double)INFINITY;
		else if (!is_negative && asof_str_equal(text, asof_str_from("NaN")))
			*ret_value = (double)NAN;
		else
			return false;
		return true;
	}

	double value = 0;
	size_t first;
	size_t end;
	if (significant_digits(&n, &first, &end)) {
		int64_t exponent = n.exponent + (int64_t)n.whole.len - (int64_t)end;
		if (!parse_exactly(&n, first, end, exponent, &value))
			value = parse_by_libc(&n, first, end, exponent);
	}
	if (isinf(value))
		return false;
	*ret_value = n.is_negative ? -value : value;
	return true;
}

bool
asof_decimal_parse(struct asof_str text, unsigned precision, unsigned scale,
		   asof_int128 *ret_unscaled)
{
	assert(precision <= 38); /* 10^38 < 2^127 */
	struct number n;
	if (!scan(text, &n))
		return false;

	uint128 unscaled = 0;
	size_t first;
	size_t end;
	if (significant_digits(&n, &first, &end)) {
		/* Digits before the unscaled number's end, wherever the text ends. */
		int64_t last = n.exponent + (int64_t)n.whole.len + scale;
		if (last < (int64_t)end || last - (int64_t)first > precision)
			return false;
		for (size_t i = first; i < (size_t)last; i++)
			unscaled = unscaled * 10 + (unsigned)(digit_at(&n, i) - '0');
	}
	*ret_unscaled = n.is_negative ? -(asof_int128)unscaled : (asof_int128)unscaled;
	return true;
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The factor that a unit stands for; 0 where it is none. */
static uint64_t
unit_factor(struct asof_str unit)
{
	if (unit.len == 0 || (unit.len == 1 && upper(unit.ptr[0]) == 'B'))
		return 1;

	static const char prefixes[] = { 'K', 'M', 'G', 'T' };
	bool is_decimal = unit.len == 2 && upper(unit.ptr[1]) == 'B';
	bool is_binary = unit.len == 1 ||
			 (unit.len == 3 && upper(unit.ptr[1]) == 'I' && upper(unit.ptr[2]) == 'B');
	if (!is_decimal && !is_binary)
		return 0;
	uint64_t factor = 1;
	for (size_t i = 0; i < ASOF_COUNTOF(prefixes); i++) {
		factor *= is_decimal ? 1000 : 1024;
		if (upper(unit.ptr[0]) == prefixes[i])
			return factor;
	}
	return 0;
}

bool
asof_size_parse(struct asof_str text, uint64_t *ret_bytes)
{
	struct asof_str digits = take_digits(&text);
	uint64_t value;
	if (digits.len == 0 || !uint_of(digits, UINT64_MAX, &value))
		return false;
	bool is_spaced = take_char(&text, ' ');
	uint64_t factor = unit_factor(text);
	if (factor == 0 || (is_spaced && text.len == 0))
		return false;
	return !__builtin_mul_overflow(value, factor, ret_bytes);
}
