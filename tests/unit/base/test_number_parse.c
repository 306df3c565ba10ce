#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "seeded.h"

static bool
parse_double(const char *text, double *ret_value)
{
	return asof_double_parse(asof_str_from(text), ret_value);
}

static void
integers_read_whole_or_not_at_all(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool is_int64;
		bool is_uint64;
		int64_t value;
	} cases[] = {
		{ "0", true, true, 0 },
		{ "-0", true, false, 0 },
		{ "007", true, true, 7 },
		{ "-42", true, false, -42 },
		{ "9223372036854775807", true, true, INT64_MAX },
		{ "-9223372036854775808", true, false, INT64_MIN },
		{ "9223372036854775808", false, true, INT64_MIN },
		{ "-9223372036854775809", false, false, 0 },
		{ "18446744073709551615", false, true, -1 },
		{ "18446744073709551616", false, false, 0 },
		{ "99999999999999999999999", false, false, 0 },
		{ "", false, false, 0 },
		{ "-", false, false, 0 },
		{ "--1", false, false, 0 },
		{ "+1", false, false, 0 },
		{ " 1", false, false, 0 },
		{ "1 ", false, false, 0 },
		{ "1a", false, false, 0 },
		{ "1.0", false, false, 0 },
		{ "0x10", false, false, 0 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		int64_t value = 111;
		uint64_t uvalue = 222;
		struct asof_str text = asof_str_from(cases[i].text);
		assert_int_equal(asof_int64_parse(text, &value), cases[i].is_int64);
		assert_int_equal(value, cases[i].is_int64 ? cases[i].value : 111);
		assert_int_equal(asof_uint64_parse(text, &uvalue), cases[i].is_uint64);
		assert_int_equal(uvalue, cases[i].is_uint64 ? (uint64_t)cases[i].value : 222);
	}
	int64_t value;
	assert_false(asof_int64_parse((struct asof_str){ NULL, 0 }, &value));
}

static void
integers_survive_print_and_parse(void **state)
{
	(void)state;
	struct random r = { 17 };
	for (int i = 0; i < 10000; i++) {
		char text[ASOF_DOUBLE_TEXT_MAX];
		int64_t value = (int64_t)random_u64(&r) >> random_below(&r, 64);
		int64_t back;
		size_t len = asof_int64_text(value, text);
		assert_true(asof_int64_parse((struct asof_str){ text, len }, &back));
		assert_int_equal(back, value);
	}
}

static void
doubles_follow_one_grammar(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",
		"-",
		".",
		".5",
		"5.",
		"1.e5",
		"1e",
		"1e+",
		"1e-",
		"+1",
		" 1",
		"1 ",
		"0x10",
		"1,5",
		"nan",
		"-NaN",
		"inf",
		"1e400",
		"-1e400",
		"1e1.5",
		"--1",
		"infinity",
		"1_000",
		"1f",
		"1e309",
		"NaN ",
		"Infinit",
		"1.7976931348623159e308",
		"1e99999999999999999999",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(wrong); i++) {
		double value = 111;
		if (parse_double(wrong[i], &value))
			fail_msg("'%s' was read as %g", wrong[i], value);
		assert_true(value == 111);
	}

	static const struct {
		const char *text;
		double value;
	} right[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "-1.5", -1.5 },
		{ "00012.50", 12.5 },
		{ "1e3", 1000 },
		{ "1E+3", 1000 },
		{ "25e-1", 2.5 },
		{ "1e22", 1e22 },
		{ "1e23", 1e23 },
		{ "9007199254740993", 9007199254740992 },
		{ "1e-400", 0 },
		{ "0e99999999999999999999", 0 },
		{ "1e-99999999999999999999", 0 },
		{ "1.7976931348623157e308", DBL_MAX },
		{ "5e-324", 5e-324 },
		{ "2e-324", 0 },
		{ "Infinity", (double)INFINITY },
		{ "-Infinity", -(double)INFINITY },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(right); i++) {
		double value = 111;
		if (!parse_double(right[i].text, &value) || value != right[i].value)
			fail_msg("'%s' was read as %g", right[i].text, value);
	}
	double value;
	assert_true(parse_double("NaN", &value) && isnan(value));
	assert_true(parse_double("-0", &value) && value == 0 && signbit(value));
	assert_true(parse_double("-0.0e5", &value) && value == 0 && signbit(value));
}

/* The text ends where it says, not at a NUL; behind it may be more digits. */
static void
nothing_behind_the_text_is_read(void **state)
{
	(void)state;
	double value;
	assert_true(asof_double_parse((struct asof_str){ "123456", 3 }, &value) && value == 123);
	assert_true(asof_double_parse((struct asof_str){ "0.1234567890123456789", 19 }, &value));
	assert_true(value == 0.12345678901234567);
}

/* The oracle is strtod(), itself exact in glibc. */
static void
every_double_is_rounded_to_the_nearest(void **state)
{
	(void)state;
	struct random r = { 23 };
	for (int i = 0; i < 100000; i++) {
		char text[128];
		size_t len = 0;
		size_t digits = 1 + random_below(&r, i % 10 == 0 ? 60 : 18);
		size_t point = random_below(&r, 2) ? 1 + random_below(&r, digits) : 0;
		for (size_t d = 0; d < digits; d++) {
			if (d > 0 && d == point)
				text[len++] = '.';
			text[len++] = (char)('0' + random_below(&r, 10));
		}
		int range = i % 3 == 0 ? 30 : 330;
		int exponent = (int)random_below(&r, (uint64_t)range * 2) - range;
		(void)snprintf(text + len, sizeof(text) - len, "e%d", exponent);

		double value = 0;
		double expected = strtod(text, NULL);
		bool is_read = parse_double(text, &value);
		if (is_read != isfinite(expected) || (is_read && value != expected))
			fail_msg("%s: %.17g, expected %.17g", text, value, expected);
	}
}

/* Exactly between two doubles, and then a 1 far behind: no digit is without weight. */
static void
halfway_texts_of_any_length_round_right(void **state)
{
	(void)state;
	static const char half[] = "9007199254740993"; /* between ...992 and ...994 */
	char text[3000];
	double value;
	for (size_t zeros = 1; zeros < 2500; zeros += 7) {
		memcpy(text, half, sizeof(half));
		size_t len = strlen(text);
		text[len++] = '.';
		memset(text + len, '0', zeros);
		text[len + zeros] = '\0';
		assert_true(parse_double(text, &value));
		assert_true(value == 9007199254740992);
		text[len + zeros] = '1';
		text[len + zeros + 1] = '\0';
		assert_true(parse_double(text, &value));
		assert_true(value == 9007199254740994);
	}

	/* Leading zeros and zeros before the point cost nothing. */
	memset(text, '0', 2000);
	memcpy(text + 2000, "12.5", 5);
	assert_true(parse_double(text, &value) && value == 12.5);
	memcpy(text, "0.", 2);
	memcpy(text + 2000, "15e2000", 8);
	assert_true(parse_double(text, &value) && value == 15);
	text[0] = '1';
	memset(text + 1, '0', 2000);
	memcpy(text + 2001, "e-1999", 7);
	assert_true(parse_double(text, &value) && value == 10);

	/* The longest double there is, with all its 767 digits, and its neighbourhood. */
	(void)snprintf(text, sizeof(text), "%.1200e", 2.2250738585072009e-308);
	assert_true(parse_double(text, &value) && value == 2.2250738585072009e-308);
}

static void
the_locale_changes_nothing(void **state)
{
	(void)state;
	static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "" };
	for (size_t i = 0; i < ASOF_COUNTOF(locales); i++) {
		if (!setlocale(LC_ALL, locales[i]))
			continue; /* not on this machine: its comma cannot hurt here either */
		double value;
		char text[ASOF_DOUBLE_TEXT_MAX];
		assert_true(parse_double("0.1234567890123456789", &value));
		assert_true(value == 0.12345678901234568);
		assert_int_equal(asof_double_text(1.5, text), 3);
		assert_memory_equal(text, "1.5", 3);
	}
	(void)setlocale(LC_ALL, "C");
}

static void
decimals_fit_or_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned precision;
		unsigned scale;
		bool is_ok;
		int64_t unscaled;
	} cases[] = {
		{ "123.45", 5, 2, true, 12345 },
		{ "-123.45", 5, 2, true, -12345 },
		{ "123.45", 4, 2, false, 0 },
		{ "123.456", 9, 2, false, 0 },
		{ "123.450000", 5, 2, true, 12345 },
		{ "123", 5, 2, true, 12300 },
		{ "1234", 5, 2, false, 0 },
		{ "00123", 5, 2, true, 12300 },
		{ "1.2e3", 6, 2, true, 120000 },
		{ "120000e-5", 3, 1, true, 12 },
		{ "1e-3", 9, 2, false, 0 },
		{ "1e5", 6, 0, true, 100000 },
		{ "1e6", 6, 0, false, 0 },
		{ "0", 1, 0, true, 0 },
		{ "-0.000", 1, 0, true, 0 },
		{ "0e99999999999999999999", 1, 0, true, 0 },
		{ "1e99999999999999999999", 38, 0, false, 0 },
		{ "1e-99999999999999999999", 38, 38, false, 0 },
		{ "0.5", 1, 1, true, 5 },
		{ "", 5, 2, false, 0 },
		{ "1.", 5, 2, false, 0 },
		{ "abc", 5, 2, false, 0 },
		{ "NaN", 5, 2, false, 0 },
		{ "100e-2", 1, 0, true, 1 },
		{ "0.01", 1, 2, true, 1 },
		{ "0.1", 1, 2, false, 0 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		asof_int128 value = 111;
		bool is_ok = asof_decimal_parse(asof_str_from(cases[i].text), cases[i].precision,
						cases[i].scale, &value);
		if (is_ok != cases[i].is_ok || value != (is_ok ? cases[i].unscaled : 111))
			fail_msg("'%s' as decimal(%u, %u)", cases[i].text, cases[i].precision,
				 cases[i].scale);
	}
}

static void
decimals_survive_print_and_parse(void **state)
{
	(void)state;
	struct random r = { 31 };
	asof_int128 limit = 1;
	for (int i = 0; i < 38; i++)
		limit *= 10;
	for (int i = 0; i < 20000; i++) {
		asof_int128 value = (int64_t)random_u64(&r) * (asof_int128)INT64_MAX;
		value = (value * 2 + (int64_t)random_u64(&r)) % limit;
		value >>= random_below(&r, 120);
		unsigned scale = (unsigned)random_below(&r, 39);
		char text[ASOF_INT128_TEXT_MAX];
		size_t len = asof_decimal_text(value, scale, text);
		assert_true(len < ASOF_INT128_TEXT_MAX);
		asof_int128 back;
		assert_true(asof_decimal_parse((struct asof_str){ text, len }, 38, scale, &back));
		assert_true(back == value);
	}
}

static void
sizes_have_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes; /* 1: refused */
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "512B", 512 },
		{ "2G", UINT64_C(2) << 30 },
		{ "1GiB", UINT64_C(1) << 30 },
		{ "512 MiB", UINT64_C(512) << 20 },
		{ "3k", 3 << 10 },
		{ "7TiB", UINT64_C(7) << 40 },
		{ "1KB", 1000 },
		{ "5MB", 5000000 },
		{ "2gb", 2000000000 },
		{ "1 TB", 1000000000000 },
		{ "18446744073709551615", UINT64_MAX },
		{ "16777215T", UINT64_C(16777215) << 40 },
		{ "16777216T", 1 },
		{ "18446744073709551616", 1 },
		{ "", 1 },
		{ "G", 1 },
		{ "1 ", 1 },
		{ "1  G", 1 },
		{ " 1G", 1 },
		{ "1.5G", 1 },
		{ "-1G", 1 },
		{ "1X", 1 },
		{ "1XB", 1 },
		{ "1Gi", 1 },
		{ "1GiBs", 1 },
		{ "1GxB", 1 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		uint64_t bytes = 1;
		bool is_ok = asof_size_parse(asof_str_from(cases[i].text), &bytes);
		if (is_ok != (cases[i].bytes != 1) || (is_ok && bytes != cases[i].bytes))
			fail_msg("'%s'", cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_read_whole_or_not_at_all),
		cmocka_unit_test(integers_survive_print_and_parse),
		cmocka_unit_test(doubles_follow_one_grammar),
		cmocka_unit_test(nothing_behind_the_text_is_read),
		cmocka_unit_test(every_double_is_rounded_to_the_nearest),
		cmocka_unit_test(halfway_texts_of_any_length_round_right),
		cmocka_unit_test(the_locale_changes_nothing),
		cmocka_unit_test(decimals_fit_or_are_refused),
		cmocka_unit_test(decimals_survive_print_and_parse),
		cmocka_unit_test(sizes_have_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
