#include "base/number_table.h"

#include "check.h"

/* The oracle: 10^k or 2^n / 10^-k on plain arrays of 32-bit words, lowest first. */
#define WORDS 48

static void
multiply(uint32_t number[WORDS], uint32_t by)
{
	uint64_t carry = 0;
	for (int i = 0; i < WORDS; i++) {
		carry += (uint64_t)number[i] * by;
		number[i] = (uint32_t)carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

/* The remainder is dropped, and floor(floor(x / 10) / 10) = floor(x / 100). */
static void
divide(uint32_t number[WORDS], uint32_t by)
{
	uint64_t rest = 0;
	for (int i = WORDS - 1; i >= 0; i--) {
		rest = rest << 32 | number[i];
		number[i] = (uint32_t)(rest / by);
		rest %= by;
	}
}

static int
bit(const uint32_t number[WORDS], int i)
{
	return i < 0 ? 0 : (int)(number[i / 32] >> (i % 32) & 1);
}

/* The 128 bits from the highest one on, plus 1. */
static void
top_bits_plus_one(const uint32_t number[WORDS], uint64_t ret_halves[2])
{
	int top = WORDS * 32 - 1;
	while (!bit(number, top))
		top--;
	ret_halves[0] = 0;
	ret_halves[1] = 0;
	for (int i = 0; i < 128; i++)
		ret_halves[i / 64] = ret_halves[i / 64] << 1 | (uint64_t)bit(number, top - i);
	ret_halves[1]++;
	ret_halves[0] += ret_halves[1] == 0;
}

static void
every_power_is_what_long_division_says(void **state)
{
	(void)state;
	for (int k = ASOF_POW10_MIN; k <= ASOF_POW10_MAX; k++) {
		uint32_t number[WORDS] = { 0 };
		if (k >= 0)
			number[0] = 1;
		else
			number[WORDS - 1] = 1; /* enough bits behind the point: 1504 - 970 > 128 */
		for (int i = 0; i < k; i++)
			multiply(number, 10);
		for (int i = 0; i > k; i--)
			divide(number, 10);

		uint64_t expected[2];
		top_bits_plus_one(number, expected);
		const uint64_t *got = asof_pow10_table[k - ASOF_POW10_MIN];
		if (got[0] != expected[0] || got[1] != expected[1])
			fail_msg("10^%d: %016llx %016llx", k, (unsigned long long)expected[0],
				 (unsigned long long)expected[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_power_is_what_long_division_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
