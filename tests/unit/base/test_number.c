#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "seeded.h"

static const char *
text_of(double value)
{
	static char text[ASOF_DOUBLE_TEXT_MAX + 1];
	size_t len = asof_double_text(value, text);
	assert_true(len > 0 && len <= 25);
	text[len] = '\0';
	return text;
}

static const char *
text_of_float(float value)
{
	static char text[ASOF_DOUBLE_TEXT_MAX + 1];
	size_t len = asof_float_text(value, text);
	assert_true(len > 0 && len <= 25);
	text[len] = '\0';
	return text;
}

static double
double_of_bits(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static float
float_of_bits(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static bool
reads_back(const char *text, double value, bool is_float)
{
	return is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/*
 * The oracle for what is shortest: the first precision at which a decimal reads back. glibc's %e
 * is the nearest of its length; above a power of two, where the interval is lopsided, the nearest
 * may be outside and its neighbour inside.
 */
static void
search_shortest(double value, bool is_float, char out[64])
{
	for (int precision = 0; precision <= 17; precision++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "%.*e", precision, fabs(value));
		(void)snprintf(out, 64, "%.*e", precision, value);
		if (reads_back(out, value, is_float))
			return;

		char *e = strchr(text, 'e');
		assert_non_null(e);
		long exponent = strtol(e + 1, NULL, 10) - precision;
		*e = '\0';
		if (precision > 0)
			memmove(text + 1, text + 2, strlen(text + 2) + 1);
		long long digits = strtoll(text, NULL, 10);
		for (long long step = -1; step <= 1; step += 2) {
			(void)snprintf(out, 64, "%s%llde%ld", signbit(value) ? "-" : "",
				       digits + step, exponent);
			if (reads_back(out, value, is_float))
				return;
		}
	}
}

/* A long double tells any two decimals of 17 digits apart: equal values have equal digits. */
static void
check_shortest(const char *text, double value, bool is_float)
{
	char shortest[64];
	search_shortest(value, is_float, shortest);
	if (!reads_back(text, value, is_float) || strtold(text, NULL) != strtold(shortest, NULL))
		fail_msg("%.17g is printed as %s, shortest is %s", value, text, shortest);
}

static void
check_double(double value)
{
	if (isfinite(value))
		check_shortest(text_of(value), value, false);
}

static void
check_float(float value)
{
	if (isfinite(value))
		check_shortest(text_of_float(value), (double)value, true);
}

static void
texts_are_those_of_json(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ -1, "-1" },
		{ 100, "100" },
		{ 0.1, "0.1" },
		{ -12.5, "-12.5" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 123456.789, "123456.789" },
		{ 1e20, "100000000000000000000" },
		{ 1e21, "1e+21" },
		{ 1.5e21, "1.5e+21" },
		{ 999999999999999900000.0, "999999999999999900000" },
		{ 123456789012345680.0, "123456789012345680" },
		{ 9007199254740992.0, "9007199254740992" },
		{ 9007199254740994.0, "9007199254740994" },
		{ 1e23, "1e+23" },
		{ 9.5e-3, "0.0095" },
		{ 1e-6, "0.000001" },
		{ 1.25e-6, "0.00000125" },
		{ 9.99e-7, "9.99e-7" },
		{ 1e-7, "1e-7" },
		{ -1.5e-10, "-1.5e-10" },
		{ 5e-324, "5e-324" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 2.225073858507201e-308, "2.225073858507201e-308" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ -DBL_MAX, "-1.7976931348623157e+308" },
		{ -1.2345678901234568e-300, "-1.2345678901234568e-300" },
		{ 2e-44, "2e-44" },
		{ -0.0000012345678901234567, "-0.0000012345678901234567" },
		{ (double)INFINITY, "Infinity" },
		{ -(double)INFINITY, "-Infinity" },
		{ (double)NAN, "NaN" },
		{ -(double)NAN, "NaN" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++)
		assert_string_equal(text_of(cases[i].value), cases[i].text);
}

static void
floats_have_their_own_shortest_text(void **state)
{
	(void)state;
	static const struct {
		float value;
		const char *text;
	} cases[] = {
		{ 0.1f, "0.1" },
		{ -0.0f, "-0" },
		{ 16777216, "16777216" },
		{ 1e10f, "10000000000" },
		{ 3.4028235e38f, "3.4028235e+38" },
		{ 1.1754944e-38f, "1.1754944e-38" },
		{ 1e-45f, "1e-45" },
		{ 1.0f / 3, "0.33333334" },
		{ INFINITY, "Infinity" },
		{ -INFINITY, "-Infinity" },
		{ NAN, "NaN" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++)
		assert_string_equal(text_of_float(cases[i].value), cases[i].text);
}

static void
random_doubles_are_shortest_and_read_back(void **state)
{
	(void)state;
	struct random r = { 2021 };
	for (int i = 0; i < 15000; i++)
		check_double(double_of_bits(random_u64(&r)));
	/* Values as people have them: few decimals. */
	for (int i = 0; i < 8000; i++) {
		double value = (double)(int64_t)random_below(&r, 100000000);
		check_double(value / 100);
		check_double(value / 1000 - 3000);
	}
	/* Integers around 2^53, where they stop being exact. */
	for (int i = 0; i < 5000; i++)
		check_double((double)(random_u64(&r) >> random_below(&r, 20)));
}

/* Where the interval is lopsided, and one step to each side of it. */
static void
powers_of_two_and_ten_and_their_neighbours_are_shortest(void **state)
{
	(void)state;
	for (int e = -1074; e <= 1023; e++) {
		double value = ldexp(1, e);
		check_double(value);
		check_double(-value);
		check_double(nextafter(value, 0));
		check_double(nextafter(value, (double)INFINITY));
	}
	for (int e = -323; e <= 308; e++) {
		char text[16];
		(void)snprintf(text, sizeof(text), "1e%d", e);
		double value = strtod(text, NULL);
		check_double(value);
		check_double(nextafter(value, 0));
		check_double(nextafter(value, (double)INFINITY));
	}
}

static void
subnormals_are_shortest(void **state)
{
	(void)state;
	struct random r = { 7 };
	for (uint64_t bits = 1; bits < 3000; bits++)
		check_double(double_of_bits(bits));
	for (int i = 0; i < 4000; i++)
		check_double(double_of_bits(random_u64(&r) >> (12 + random_below(&r, 50))));
}

/* A prime step visits all exponents and both signs; the whole range takes minutes. */
static void
a_sample_of_all_floats_is_shortest(void **state)
{
	(void)state;
	for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 160001)
		check_float(float_of_bits((uint32_t)bits));
	for (uint32_t exponent = 0; exponent < 255; exponent++) {
		for (uint32_t step = 0; step < 3; step++)
			check_float(float_of_bits((exponent << 23) + step - 1));
	}
}

static void
integers_are_their_digits(void **state)
{
	(void)state;
	struct random r = { 9 };
	for (int i = 0; i < 20000; i++) {
		char text[ASOF_DOUBLE_TEXT_MAX + 1];
		char expected[32];
		int64_t value = (int64_t)(random_u64(&r) >> random_below(&r, 64));
		value = i == 0   ? INT64_MIN
			: i == 1 ? INT64_MAX
			: i == 2 ? 0
			: i % 2  ? value
				 : -value;
		text[asof_int64_text(value, text)] = '\0';
		(void)snprintf(expected, sizeof(expected), "%lld", (long long)value);
		assert_string_equal(text, expected);
		text[asof_uint64_text((uint64_t)value, text)] = '\0';
		(void)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
		assert_string_equal(text, expected);
	}
	/* Every number of digits, at its first and last number. */
	uint64_t power = 1;
	for (size_t digits = 1; digits <= 20; digits++) {
		char text[ASOF_DOUBLE_TEXT_MAX];
		assert_int_equal(asof_uint64_text(power, text), digits);
		if (digits > 1)
			assert_int_equal(asof_uint64_text(power - 1, text), digits - 1);
		power *= 10;
	}
}

static void
decimals_have_all_digits_behind_the_point(void **state)
{
	(void)state;
	asof_int128 ten_to_37 = 1;
	for (int i = 0; i < 37; i++)
		ten_to_37 *= 10;
	const asof_int128 min = (asof_int128)1 << 126;
	const struct {
		asof_int128 unscaled;
		unsigned scale;
		const char *text;
	} cases[] = {
		{ 12345, 2, "123.45" },
		{ -12345, 2, "-123.45" },
		{ 0, 0, "0" },
		{ 0, 3, "0.000" },
		{ 5, 1, "0.5" },
		{ -5, 3, "-0.005" },
		{ 100, 0, "100" },
		{ 100, 2, "1.00" },
		{ ten_to_37 * 10 - 1, 0, "99999999999999999999999999999999999999" },
		{ -ten_to_37, 38, "-0.10000000000000000000000000000000000000" },
		{ 1, 38, "0.00000000000000000000000000000000000001" },
		{ -min - min, 0, "-170141183460469231731687303715884105728" },
		{ -min - min, 38, "-1.70141183460469231731687303715884105728" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char text[ASOF_INT128_TEXT_MAX + 1];
		text[asof_decimal_text(cases[i].unscaled, cases[i].scale, text)] = '\0';
		assert_string_equal(text, cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_those_of_json),
		cmocka_unit_test(floats_have_their_own_shortest_text),
		cmocka_unit_test(random_doubles_are_shortest_and_read_back),
		cmocka_unit_test(powers_of_two_and_ten_and_their_neighbours_are_shortest),
		cmocka_unit_test(subnormals_are_shortest),
		cmocka_unit_test(a_sample_of_all_floats_is_shortest),
		cmocka_unit_test(integers_are_their_digits),
		cmocka_unit_test(decimals_have_all_digits_behind_the_point),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
