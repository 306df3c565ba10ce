#include "base/utf8.h"

#include "check.h"
#include "seeded.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

/* The oracle: every code point encoded by the book, compared with the bytes. */
static size_t
encode(uint32_t point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xC0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3F));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xE0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3F));
		out[2] = (char)(0x80 | (point & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3F));
	out[2] = (char)(0x80 | (point >> 6 & 0x3F));
	out[3] = (char)(0x80 | (point & 0x3F));
	return 4;
}

static void
every_code_point_is_valid_but_surrogates(void **state)
{
	(void)state;
	for (uint32_t point = 0; point < 0x1FFFFF; point++) {
		char text[4];
		size_t len = encode(point, text);
		bool is_valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
		size_t prefix = asof_utf8_valid_prefix((struct asof_str){ text, len });
		if (prefix != (is_valid ? len : 0))
			fail_msg("U+%04X: %zu of %zu bytes", point, prefix, len);
		/* Cut short, it is nothing. */
		for (size_t cut = 1; cut < len; cut++) {
			if (asof_utf8_valid_prefix((struct asof_str){ text, cut }) != 0)
				fail_msg("U+%04X cut to %zu bytes", point, cut);
		}
	}
}

/* There are exactly as many valid sequences of two and three bytes as code points that need them.
 */
static void
nothing_but_the_shortest_form_is_valid(void **state)
{
	(void)state;
	size_t two = 0;
	size_t three = 0;
	for (uint32_t bits = 0; bits < 0x1000000; bits++) {
		char text[3] = { (char)(bits >> 16), (char)(bits >> 8), (char)bits };
		if ((unsigned char)text[0] < 0x80)
			continue;
		size_t prefix = asof_utf8_valid_prefix((struct asof_str){ text, 3 });
		three += prefix == 3 && (unsigned char)text[0] >= 0xE0;
		two += prefix == 2 && text[2] == '\xFF';
	}
	assert_int_equal(two, 0x800 - 0x80);
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
	assert_int_equal(asof_utf8_valid_prefix(S("\xF0\x8F\xBF\xBF")), 0);
	assert_int_equal(asof_utf8_valid_prefix(S("\xF4\x90\x80\x80")), 0);
	assert_int_equal(asof_utf8_valid_prefix(S("\xF5\x80\x80\x80")), 0);
}

static void
the_prefix_ends_at_the_first_fault(void **state)
{
	(void)state;
	assert_int_equal(asof_utf8_valid_prefix((struct asof_str){ NULL, 0 }), 0);
	assert_int_equal(asof_utf8_valid_prefix(S("plain text, longer than a word")), 30);
	assert_int_equal(asof_utf8_valid_prefix(S("abc\x80xyz")), 3);
	assert_int_equal(asof_utf8_valid_prefix(S("\xC3\xA9\xC3")), 2);

	struct random r = { 3 };
	for (int round = 0; round < 20000; round++) {
		char text[64];
		size_t len = 0;
		while (len < 50) {
			uint32_t point = (uint32_t)random_below(&r, 0xD800);
			if (random_below(&r, 2))
				point &= 0x7F;
			len += encode(point, text + len);
		}
		assert_int_equal(asof_utf8_valid_prefix((struct asof_str){ text, len }), len);
		size_t at = random_below(&r, len);
		text[at] = '\xFF';
		size_t prefix = asof_utf8_valid_prefix((struct asof_str){ text, len });
		assert_true(prefix <= at && at - prefix <= 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_is_valid_but_surrogates),
		cmocka_unit_test(nothing_but_the_shortest_form_is_valid),
		cmocka_unit_test(the_prefix_ends_at_the_first_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
