#include "base/pause.h"

#include "check.h"

static const struct asof_pause pause_of_50 = { .first_ms = 50, .most_ms = 1600 };

static void
a_pause_doubles_up_to_the_most(void **state)
{
	(void)state;
	static const uint32_t wanted[] = { 50, 100, 200, 400, 800, 1600, 1600 };
	for (unsigned i = 0; i < ASOF_COUNTOF(wanted); i++)
		assert_int_equal(asof_pause_ms(pause_of_50, i, 0), wanted[i]);
	assert_int_equal(asof_pause_ms(pause_of_50, UINT32_MAX, 0), 1600);
	const struct asof_pause longest = { UINT32_MAX, UINT32_MAX };
	assert_int_equal(asof_pause_ms(longest, 31, 0), UINT32_MAX);
}

static void
chance_takes_less_than_half_of_it(void **state)
{
	(void)state;
	const struct asof_pause shortest = { 1, 1 };
	for (uint32_t random = 0; random <= UINT16_MAX; random++) {
		uint32_t ms = asof_pause_ms(pause_of_50, 2, (uint16_t)random);
		assert_true(ms > 100 && ms <= 200);
		assert_int_equal(asof_pause_ms(shortest, 0, (uint16_t)random), 1);
	}
	assert_int_equal(asof_pause_ms(pause_of_50, 2, UINT16_MAX), 101);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_doubles_up_to_the_most),
		cmocka_unit_test(chance_takes_less_than_half_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
