/*
 * number.c - numbers to their shortest text.
 *
 * Doubles follow "The Schubfach way to render doubles" (R. Giulietti 2021) in the form of A. Bolz's
 * Drachennest: of the decimals within the rounding interval of v = c * 2^q take the shortest, and
 * of those the nearest. One power of ten and three multiplications decide. Floats go the same way
 * with their own c, q and interval: the table is more exact than they need.
 */
#include "base/number.h"

#include <assert.h>
#include <math.h>

#include "base/number_table.h"

__extension__ typedef unsigned __int128 uint128;

/* Plain text up to here: JavaScript's Number::toString. */
#define PLAIN_POINT_MAX 21
#define PLAIN_POINT_MIN (-5)

#define PADDED_DIGITS 24
#define ASCII_ZEROS   0x3030303030303030
#define TEN_TO_8      UINT64_C(100000000)

/* A finite number: digits * 10^exponent. */
struct decimal {
	uint64_t digits;
	int exponent;
};

/* The 8 digits of `value` < 10^8, all at once in the bytes of a word. */
static void
put_eight_digits(uint32_t value, char *out)
{
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first digit is lowest");

	/* Halve three times: two fields of four digits, four of two, eight of one. */
	uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
	uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007f;
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000f;
	uint64_t ones = tens | (twos - 10 * tens) << 8;
	ones |= ASCII_ZEROS;
	memcpy(out, &ones, sizeof(ones));
}

static int
digit_count(uint64_t value)
{
	static const uint64_t powers[] = { 0,
					   10,
					   100,
					   1000,
					   10000,
					   100000,
					   1000000,
					   10000000,
					   100000000,
					   1000000000,
					   10000000000,
					   100000000000,
					   1000000000000,
					   10000000000000,
					   100000000000000,
					   1000000000000000,
					   10000000000000000,
					   100000000000000000,
					   1000000000000000000,
					   10000000000000000000U };
	/* floor(log10) from floor(log2), which is one too small at most */
	int guess = (64 - __builtin_clzll(value | 1)) * 1233 >> 12;
	return guess + (value >= powers[guess]);
}

/* All digits of `value`, zeros in front. Returns the place of the first that counts. */
static const char *
write_padded(uint64_t value, char out[PADDED_DIGITS])
{
	memset(out, '0', PADDED_DIGITS - 8);
	uint64_t high = value / TEN_TO_8;
	put_eight_digits((uint32_t)(value % TEN_TO_8), out + 16);
	if (high > 0) { /* most integers are short */
		put_eight_digits((uint32_t)(high % TEN_TO_8), out + 8);
		put_eight_digits((uint32_t)(high / TEN_TO_8), out);
	}
	return out + PADDED_DIGITS - digit_count(value);
}

/* How many digits written by write_padded() are zeros at the end. */
static size_t
trailing_zeros(const char padded[PADDED_DIGITS])
{
	uint64_t word = 0;
	size_t zeros = 0;
	for (size_t end = PADDED_DIGITS; word == 0 && end > 0; end -= sizeof(word)) {
		memcpy(&word, padded + end - sizeof(word), sizeof(word));
		word ^= ASCII_ZEROS;
		zeros += word ? (size_t)__builtin_clzll(word) / 8 : sizeof(word);
	}
	return zeros;
}

/* The digits of `value`, no sign, no leading zeros ("0" for 0). Returns how many. */
static size_t
write_digits(uint64_t value, char *out)
{
	char padded[PADDED_DIGITS];
	const char *first = write_padded(value, padded);
	size_t count = (size_t)(padded + PADDED_DIGITS - first);
	memcpy(out, first, count);
	return count;
}

/* floor(log10(2^e)) */
static int
floor_log10_pow2(int e)
{
	return (e * 1262611) >> 22;
}

/* floor(log10(3/4 * 2^e)) */
static int
floor_log10_three_quarters_pow2(int e)
{
	return (e * 1262611 - 524031) >> 22;
}

/* floor(log2(10^e)) */
static int
floor_log2_pow10(int e)
{
	return (e * 1741647) >> 19;
}

/* floor(g * cp / 2^128), its last bit set when something was cut: enough to compare with. */
static uint64_t
round_to_odd(const uint64_t g[2], uint64_t cp)
{
	uint64_t low = (uint64_t)(((uint128)g[1] * cp) >> 64);
	uint128 high = (uint128)g[0] * cp + low;
	/* g is rounded up, hence 1 in the cut part is no remainder. */
	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/*
 * The shortest decimal that reads back as c * 2^q. The interval's lower half is half as wide
 * (`is_lower_closer`) where c is a power of two, since the exponent below is smaller.
 */
static struct decimal
shortest(uint64_t c, int q, bool is_lower_closer)
{
	int k = is_lower_closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
	int h = q + floor_log2_pow10(-k) + 1;
	const uint64_t *g = asof_pow10_table[-k - ASOF_POW10_MIN];

	/* v and the interval's ends, times 4 / 10^k. Even c own their ends: ties go to even. */
	uint64_t v = round_to_odd(g, (4 * c) << h);
	uint64_t lower = round_to_odd(g, (4 * c - 2 + is_lower_closer) << h) + (c & 1);
	uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - (c & 1);

	/* One digit less: at most one of its two neighbours of v lies inside. */
	uint64_t s = v / 4;
	if (s >= 10) {
		uint64_t tens = s / 10;
		bool is_down_inside = lower <= 40 * tens;
		bool is_up_inside = 40 * tens + 40 <= upper;
		if (is_down_inside != is_up_inside)
			return (struct decimal){ tens + is_up_inside, k + 1 };
	}
	bool is_down_inside = lower <= 4 * s;
	bool is_up_inside = 4 * s + 4 <= upper;
	if (is_down_inside != is_up_inside)
		return (struct decimal){ s + is_up_inside, k };

	uint64_t middle = 4 * s + 2;
	bool is_round_up = v > middle || (v == middle && (s & 1));
	return (struct decimal){ s + is_round_up, k };
}

static size_t
write_exponent(int exponent, char *out)
{
	out[0] = 'e';
	out[1] = exponent < 0 ? '-' : '+';
	return 2 + write_digits((uint64_t)(exponent < 0 ? -exponent : exponent), out + 2);
}

/*
 * A decimal of at most 17 digits. Copies have fixed sizes, which is why `out` needs more room
 * than the text: what lies behind the returned length is rubbish.
 */
static size_t
write_decimal(struct decimal d, char *out)
{
	char padded[2 * PADDED_DIGITS];
	memset(padded + PADDED_DIGITS, '0', PADDED_DIGITS);
	const char *digits = write_padded(d.digits, padded);
	size_t count = (size_t)(padded + PADDED_DIGITS - digits);
	int point = (int)count + d.exponent; /* how many digits stand before it */
	count -= trailing_zeros(padded);

	if (point > PLAIN_POINT_MAX || point < PLAIN_POINT_MIN) {
		out[0] = digits[0];
		out[1] = '.';
		memcpy(out + 2, digits + 1, PADDED_DIGITS);
		size_t len = count > 1 ? count + 1 : 1;
		return len + write_exponent(point - 1, out + len);
	}
	if (point <= 0) {
		size_t zeros = (size_t)-point;
		memcpy(out, "0.00000", 8);
		memcpy(out + 2 + zeros, digits, PADDED_DIGITS);
		return 2 + zeros + count;
	}
	size_t whole = (size_t)point;
	memcpy(out, digits, PADDED_DIGITS);
	if (whole >= count)
		return whole;
	memcpy(out + whole + 1, digits + whole, PADDED_DIGITS);
	out[whole] = '.';
	return count + 1;
}

/* An IEEE 754 number taken apart. */
struct binary {
	uint64_t fraction;
	unsigned exponent;      /* biased */
	unsigned fraction_bits; /* of the format */
	int bias;               /* of the format, for an integer significand */
};

static size_t
write_finite(struct binary b, char *out)
{
	if (b.exponent == 0 && b.fraction == 0) {
		out[0] = '0';
		return 1;
	}
	if (b.exponent == 0)
		return write_decimal(shortest(b.fraction, 1 - b.bias, false), out);

	uint64_t c = b.fraction | (uint64_t)1 << b.fraction_bits;
	int q = (int)b.exponent - b.bias;
	/* Integers below 2^53 (2^24) are their own shortest text. */
	if (q <= 0 && -q <= (int)b.fraction_bits && (c & (((uint64_t)1 << -q) - 1)) == 0)
		return write_decimal((struct decimal){ c >> -q, 0 }, out);
	return write_decimal(shortest(c, q, b.fraction == 0 && b.exponent > 1), out);
}

static size_t
write_text(const char *text, char *out)
{
	size_t len = strlen(text);
	memcpy(out, text, len);
	return len;
}

size_t
asof_double_text(double value, char out[ASOF_DOUBLE_TEXT_MAX])
{
	if (isnan(value))
		return write_text("NaN", out);

	size_t len = 0;
	if (signbit(value))
		out[len++] = '-';
	if (isinf(value))
		return len + write_text("Infinity", out + len);

	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	struct binary b = { .fraction = bits & (((uint64_t)1 << 52) - 1),
			    .exponent = (unsigned)(bits >> 52) & 0x7ff,
			    .fraction_bits = 52,
			    .bias = 1023 + 52 };
	return len + write_finite(b, out + len);
}

size_t
asof_float_text(float value, char out[ASOF_DOUBLE_TEXT_MAX])
{
	if (!isfinite(value))
		return asof_double_text((double)value, out);

	size_t len = 0;
	if (signbit(value))
		out[len++] = '-';
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	struct binary b = { .fraction = bits & (((uint32_t)1 << 23) - 1),
			    .exponent = (bits >> 23) & 0xff,
			    .fraction_bits = 23,
			    .bias = 127 + 23 };
	return len + write_finite(b, out + len);
}

size_t
asof_int64_text(int64_t value, char out[ASOF_DOUBLE_TEXT_MAX])
{
	if (value >= 0)
		return write_digits((uint64_t)value, out);
	out[0] = '-';
	return 1 + write_digits(0 - (uint64_t)value, out + 1);
}

size_t
asof_uint64_text(uint64_t value, char out[ASOF_DOUBLE_TEXT_MAX])
{
	return write_digits(value, out);
}

size_t
asof_decimal_text(asof_int128 unscaled, unsigned scale, char out[ASOF_INT128_TEXT_MAX])
{
	assert(scale <= 38);
	uint128 rest = unscaled < 0 ? 0 - (uint128)unscaled : (uint128)unscaled;
	char text[ASOF_INT128_TEXT_MAX];
	size_t at = sizeof(text);
	for (unsigned written = 0; rest > 0 || written <= scale; written++) {
		if (scale > 0 && written == scale)
			text[--at] = '.';
		text[--at] = (char)('0' + (char)(rest % 10));
		rest /= 10;
	}
	if (unscaled < 0)
		text[--at] = '-';
	memcpy(out, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}
