/* test_dd.c - double-double arithmetic against 128-bit integers. */
#include "check.h"
#include "kernel/dd.h"
#include "seeded.h"

#define INT128_MAX ((((asof_int128)1 << 126) - 1) * 2 + 1)
#define ROUNDS     200000

/* An integer of up to `bits` bits, either sign, of any size. */
static asof_int128
random_integer(struct random *random, unsigned bits)
{
	unsigned drop = 127 - bits + (unsigned)random_below(random, bits);
	asof_int128 high = (asof_int128)(random_u64(random) >> 1) * ((asof_int128)1 << 64);
	asof_int128 value = (high + (asof_int128)random_u64(random)) >> drop;

	return random_below(random, 2) ? value : -value;
}

static bool
is_same(struct asof_dd a, struct asof_dd b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void
integers_survive_the_round_trip(void **state)
{
	static const int64_t ends[] = { 0,
					1,
					-1,
					INT64_MAX,
					INT64_MIN,
					INT64_MAX - 511,
					INT64_MAX - 512,
					INT64_MAX - 513,
					INT64_MIN + 1 };
	struct random random = { 1 };

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		asof_int128 back = 0;
		asof_int128 wide = random_integer(&random, 106);
		int64_t narrow = i < ASOF_COUNTOF(ends) ? ends[i] : (int64_t)random_u64(&random);

		assert_true(asof_dd_to_int128(asof_dd_from_int128(wide), &back) && back == wide);
		assert_true(asof_dd_to_int128(asof_dd_from_int64(narrow), &back) && back == narrow);
		assert_true(is_same(asof_dd_from_int64(narrow),
				    asof_dd_from_int128((asof_int128)narrow)));
	}
}

static void
what_is_no_integer_or_too_large_is_told(void **state)
{
	asof_int128 kept = 77;

	(void)state;
	assert_false(asof_dd_to_int128(asof_dd_from_double(0.5), &kept));
	assert_false(asof_dd_to_int128((struct asof_dd){ 1e16, 0.5 }, &kept));
	assert_false(asof_dd_to_int128(asof_dd_from_double(1e39), &kept));
	assert_false(asof_dd_to_int128(asof_dd_from_double((double)NAN), &kept));
	assert_false(asof_dd_to_int128(asof_dd_from_double((double)INFINITY), &kept));
	assert_true(kept == 77);
	assert_true(asof_dd_from_int128(INT128_MAX).hi == 0x1p127);
	assert_true(asof_dd_from_int128(INT128_MAX).lo == -1);
	assert_true(asof_dd_from_int128(-INT128_MAX - 1).hi == -0x1p127);
}

static void
sums_and_differences_of_integers_are_exact(void **state)
{
	struct random random = { 2 };

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		asof_int128 a = random_integer(&random, 103);
		asof_int128 b = random_integer(&random, 103);
		struct asof_dd x = asof_dd_from_int128(a);
		struct asof_dd y = asof_dd_from_int128(b);
		asof_int128 sum = 0;
		asof_int128 difference = 0;

		assert_true(asof_dd_to_int128(asof_dd_add(x, y), &sum) && sum == a + b);
		assert_true(asof_dd_to_int128(asof_dd_sub(x, y), &difference) &&
			    difference == a - b);
		assert_true(is_same(asof_dd_add(x, y), asof_dd_add(y, x)));
	}
}

static void
products_and_quotients_of_integers_are_exact_where_they_fit(void **state)
{
	struct random random = { 3 };

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		asof_int128 a = random_integer(&random, 50);
		asof_int128 b = random_integer(&random, 50);
		struct asof_dd x = asof_dd_from_int128(a);
		struct asof_dd product = asof_dd_mul(x, asof_dd_from_int128(b));
		asof_int128 back = 0;

		assert_true(asof_dd_to_int128(product, &back) && back == a * b);
		assert_true(asof_two_prod((double)a, (double)b).hi == product.hi);
		assert_true(asof_two_prod((double)a, (double)b).lo == product.lo);
		if (b == 0)
			continue;
		assert_true(
			asof_dd_to_int128(asof_dd_div(product, asof_dd_from_int128(b)), &back) &&
			back == a);
	}
}

static void
nothing_but_rounding_separates_two_groupings(void **state)
{
	struct random random = { 4 };
	struct asof_dd forward = { 0, 0 };
	struct asof_dd parts[7] = { { 0, 0 } };

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		double value = ldexp((double)(int64_t)random_u64(&random), -(int)(i % 60));

		forward = asof_dd_add(forward, asof_dd_from_double(value));
		parts[i % 7] = asof_dd_add(parts[i % 7], asof_dd_from_double(value));
	}
	struct asof_dd merged = { 0, 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(parts); i++)
		merged = asof_dd_add(merged, parts[i]);
	assert_true(merged.hi == forward.hi);
}

static void
infinities_and_nan_leave_no_low_part(void **state)
{
	const struct asof_dd inf = asof_dd_from_double((double)INFINITY);
	const struct asof_dd one = asof_dd_from_double(1);
	const struct asof_dd huge = asof_dd_from_double(1.7e308);
	const struct asof_dd nan = asof_dd_sub(inf, inf);

	(void)state;
	assert_true(isnan(nan.hi) && nan.lo == 0);
	assert_true(is_same(nan, asof_dd_from_double(-(double)NAN)));
	assert_true(is_same(asof_dd_add(nan, one), nan));
	assert_true(is_same(asof_dd_mul(nan, one), nan));
	assert_true(is_same(asof_dd_add(inf, one), inf));
	assert_true(is_same(asof_dd_add(huge, huge), inf));
	assert_true(is_same(asof_dd_mul(huge, huge), inf));
	assert_true(is_same(asof_dd_div(one, asof_dd_from_double(0)), inf));
	assert_true(isnan(asof_dd_variance(nan, nan, 3)));
}

/* Mean and variance of `count` values that `value_of` gives. */
static double
variance_of(double (*value_of)(int), int count, double *ret_mean)
{
	struct asof_dd sum = { 0, 0 };
	struct asof_dd squares = { 0, 0 };

	for (int i = 0; i < count; i++) {
		sum = asof_dd_add(sum, asof_dd_from_double(value_of(i)));
		squares = asof_dd_add(squares, asof_two_prod(value_of(i), value_of(i)));
	}
	*ret_mean = asof_dd_mean(sum, count);
	return asof_dd_variance(sum, squares, count);
}

static double
tenth(int i)
{
	(void)i;
	return 0.1;
}

static double
zero(int i)
{
	(void)i;
	return 0;
}

static double
far_from_zero(int i)
{
	return 1e9 + i % 2;
}

static double
next_to_one(int i)
{
	return i % 2 ? 1 + 0x1p-52 : 1;
}

static void
variance_does_not_cancel(void **state)
{
	double mean;

	(void)state;
	assert_true(variance_of(tenth, 1000000, &mean) == 0 && mean == 0.1);
	assert_true(variance_of(zero, 10, &mean) == 0 && mean == 0);
	assert_true(variance_of(far_from_zero, 2, &mean) == 0.5 && mean == 1e9 + 0.5);
	assert_true(fabs(variance_of(far_from_zero, 100000, &mean) / (25000.0 / 99999) - 1) <
		    1e-15);
	assert_true(variance_of(next_to_one, 2, &mean) >= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_survive_the_round_trip),
		cmocka_unit_test(what_is_no_integer_or_too_large_is_told),
		cmocka_unit_test(sums_and_differences_of_integers_are_exact),
		cmocka_unit_test(products_and_quotients_of_integers_are_exact_where_they_fit),
		cmocka_unit_test(nothing_but_rounding_separates_two_groupings),
		cmocka_unit_test(infinities_and_nan_leave_no_low_part),
		cmocka_unit_test(variance_does_not_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
