#include "kernel/window.h"

#include <stdio.h>

#include "check.h"
#include "kernel/window_merge.h"
#include "window_oracle.h"

#define FLOAT64 ASOF_TYPE(ASOF_TYPE_FLOAT64)

static void
assert_as_expected(const struct asof_value *value, const struct oracle_value *expected)
{
	assert_true(asof_type_equal(value->type, expected->value.type));
	if (expected->tolerance == 0 || value->is_null || expected->value.is_null ||
	    !isfinite(expected->value.float64)) {
		assert_int_equal(asof_value_compare(value, &expected->value), 0);
		return;
	}
	assert_true(fabs(value->float64 - expected->value.float64) <= expected->tolerance);
}

struct answer {
	enum asof_status status;
	bool has_row;
	int64_t event_us;
	struct asof_value values[CASE_OUTPUTS_MAX];
	bool is_empty[CASE_OUTPUTS_MAX];
	struct asof_error err;
};

static void
eval(const struct kernel_case *c, const struct asof_tiles *tiles, int64_t at_us,
     struct asof_arena *arena, struct answer *answer)
{
	*answer = (struct answer){ .event_us = 77 };
	struct asof_window_result result = { .values = answer->values,
					     .is_empty = answer->is_empty };
	answer->status = asof_window_eval_into(&c->view, &c->layout, tiles, at_us, arena, &result,
					       &answer->err);
	answer->has_row = result.has_row;
	answer->event_us = result.event_us;
}

/* Against the oracle; false where a sum does not fit, which the oracle must say too. */
static bool
check_answer(const struct kernel_case *c, int64_t at_us, const struct answer *answer)
{
	int64_t newest_us = 0;
	bool has_row = oracle_newest(c, at_us, &newest_us);
	bool is_limit = false;
	if (!has_row) {
		assert_ok(answer->status, answer->err);
		assert_false(answer->has_row);
		return true;
	}
	for (size_t i = 0; i < c->view.output_count; i++) {
		struct oracle_value expected = oracle_output(c, &c->outputs[i], at_us);
		is_limit = is_limit || expected.status == ASOF_LIMIT;
	}
	assert_int_equal(answer->status, is_limit ? ASOF_LIMIT : ASOF_OK);
	if (is_limit)
		return false;
	assert_true(answer->has_row);
	assert_int_equal(answer->event_us, newest_us);
	for (size_t i = 0; i < c->view.output_count; i++) {
		struct oracle_value expected = oracle_output(c, &c->outputs[i], at_us);
		assert_as_expected(&answer->values[i], &expected);
		assert_int_equal(answer->is_empty[i], expected.is_empty);
	}
	return true;
}

/* Bit for bit; but deviations below what 106 bits of their squares hold differ by that rounding. */
static void
check_same(const struct kernel_case *c, int64_t at_us, const struct answer *a,
	   const struct answer *b)
{
	for (size_t i = 0; i < c->view.output_count; i++) {
		if (oracle_is_same(&a->values[i], &b->values[i]))
			continue;
		struct oracle_value expected = oracle_output(c, &c->outputs[i], at_us);
		assert_true(c->outputs[i].agg == ASOF_AGG_STD || c->outputs[i].agg == ASOF_AGG_VAR);
		assert_true(expected.tolerance > 1.001e-12 * expected.value.float64);
		assert_as_expected(&b->values[i], &expected);
	}
}

static void
check_case(struct random *r, int64_t step_us, enum case_taste taste)
{
	struct kernel_case c;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	int64_t unit_us = step_us == ASOF_STEP_EVENT ? 7 : step_us;
	case_init(&c, step_us);
	case_add_random_outputs(r, &c, 1 + random_below(r, 12), unit_us);
	case_make_layout(&c);
	case_make_events(r, &c, random_below(r, 30), random_below(r, 2) ? 100 : 25, taste);
	struct asof_tiles tiles = case_make_tiles(r, &c);
	struct asof_tiles split = case_make_tiles(r, &c);
	for (int i = 0; i < 6; i++) {
		int64_t at_us = random_between(r, -130, 130);
		if (step_us > 0)
			at_us = at_us / step_us * step_us;
		struct answer answer;
		struct answer other;
		eval(&c, &tiles, at_us, &arena, &answer);
		eval(&c, &split, at_us, &arena, &other);
		if (check_answer(&c, at_us, &answer) && answer.has_row)
			check_same(&c, at_us, &answer, &other);
	}
	case_done(&c);
}

static void
tiled_windows_equal_the_oracle_however_they_are_split(void **state)
{
	(void)state;
	struct random r = { 31 };
	for (size_t i = 0; i < random_cases(700); i++) {
		check_case(&r, 10, TASTE_TAME);
		check_case(&r, 10, TASTE_WILD);
		check_case(&r, 1 + (int64_t)random_below(&r, 30), TASTE_LARGE);
	}
}

static void
event_windows_equal_the_oracle(void **state)
{
	(void)state;
	struct random r = { 32 };
	for (size_t i = 0; i < random_cases(700); i++) {
		check_case(&r, ASOF_STEP_EVENT, TASTE_TAME);
		check_case(&r, ASOF_STEP_EVENT, TASTE_WILD);
		check_case(&r, ASOF_STEP_EVENT, TASTE_LARGE);
	}
}

/* A case with events of one column at 1, 2, 3, ...; everything else is NULL. */
static void
case_of_values(struct kernel_case *c, int64_t step_us, const char *column,
	       const struct asof_value *values, size_t count)
{
	case_init(c, step_us);
	c->event_count = count;
	for (size_t i = 0; i < count; i++) {
		struct case_event *event = &c->events[i];
		event->event_us = (int64_t)i + 1;
		event->order = (int64_t)i;
		for (size_t j = 0; j < CASE_COLUMNS; j++)
			event->values[j] = asof_value_null(case_types[j]);
		event->values[case_column_index(column)] = values[i];
	}
}

/* One aggregate over all of `values`, as tiles of `step_us`. */
static struct answer
aggregate(int64_t step_us, enum asof_agg_kind agg, const char *column,
	  const struct asof_value *values, size_t count)
{
	struct random r = { 33 };
	struct kernel_case c;
	struct answer answer;
	case_of_values(&c, step_us, column, values, count);
	assert_true(case_add_output(&c, agg, column, 1000, 0.5));
	case_make_layout(&c);
	struct asof_tiles tiles = case_make_tiles(&r, &c);
	eval(&c, &tiles, 1000, &c.arena, &answer);
	case_done(&c);
	return answer;
}

static double
aggregate_doubles(enum asof_agg_kind agg, const double *numbers, size_t count)
{
	struct asof_value values[CASE_EVENTS_MAX];
	for (size_t i = 0; i < count; i++)
		values[i] = case_of_double(numbers[i]);
	struct answer tiled = aggregate(10, agg, "x", values, count);
	struct answer exact = aggregate(ASOF_STEP_EVENT, agg, "x", values, count);
	assert_ok(tiled.status, tiled.err);
	assert_ok(exact.status, exact.err);
	assert_false(tiled.values[0].is_null);
	assert_true(oracle_is_same(&tiled.values[0], &exact.values[0]));
	return tiled.values[0].float64;
}

static void
variance_around_a_large_mean_does_not_cancel(void **state)
{
	(void)state;
	double numbers[CASE_EVENTS_MAX];
	for (size_t i = 0; i < CASE_EVENTS_MAX; i++)
		numbers[i] = 1e9 + (i % 2 ? 1 : -1);
	double variance = aggregate_doubles(ASOF_AGG_VAR, numbers, CASE_EVENTS_MAX);
	double expected = (double)CASE_EVENTS_MAX / (CASE_EVENTS_MAX - 1);
	assert_true(fabs(variance - expected) <= 1e-14);
}

static void
equal_values_have_no_variance(void **state)
{
	(void)state;
	struct random r = { 34 };
	for (int i = 0; i < 200; i++) {
		double numbers[CASE_EVENTS_MAX];
		double number =
			(random_unit(&r) - 0.5) * pow(10, (double)random_between(&r, -20, 20));
		for (size_t j = 0; j < CASE_EVENTS_MAX; j++)
			numbers[j] = number;
		size_t count = 2 + random_below(&r, CASE_EVENTS_MAX - 1);
		assert_true(aggregate_doubles(ASOF_AGG_STD, numbers, count) == 0);
	}
}

static void
small_addends_survive_large_ones(void **state)
{
	(void)state;
	static const double numbers[] = { 1e16, 1, -1e16, 0x1p-40 };
	assert_true(aggregate_doubles(ASOF_AGG_SUM, numbers, 4) == 1 + 0x1p-40);
	static const double tenths[] = { 0.1, 0.2, 0.3 };
	assert_true(aggregate_doubles(ASOF_AGG_MEAN, tenths, 3) == 0.2);
}

static void
nan_is_a_value_and_the_greatest(void **state)
{
	(void)state;
	static const double numbers[] = { 1, NAN, 3, 2 };
	assert_true(isnan(aggregate_doubles(ASOF_AGG_SUM, numbers, 4)));
	assert_true(isnan(aggregate_doubles(ASOF_AGG_MEAN, numbers, 4)));
	assert_true(isnan(aggregate_doubles(ASOF_AGG_VAR, numbers, 4)));
	assert_true(isnan(aggregate_doubles(ASOF_AGG_STD, numbers, 4)));
	assert_true(isnan(aggregate_doubles(ASOF_AGG_MAX, numbers, 4)));
	assert_true(aggregate_doubles(ASOF_AGG_MIN, numbers, 4) == 1);
	assert_true(aggregate_doubles(ASOF_AGG_MEDIAN, numbers, 4) == 2.5);
	assert_true(aggregate_doubles(ASOF_AGG_LAST, numbers, 4) == 2);
}

static void
infinities_follow_ieee(void **state)
{
	(void)state;
	static const double one_sided[] = { INFINITY, 1, INFINITY };
	static const double both[] = { INFINITY, 1, -INFINITY };
	assert_true(aggregate_doubles(ASOF_AGG_SUM, one_sided, 3) == INFINITY);
	assert_true(aggregate_doubles(ASOF_AGG_MEAN, one_sided, 3) == INFINITY);
	assert_true(isnan(aggregate_doubles(ASOF_AGG_VAR, one_sided, 3)));
	assert_true(aggregate_doubles(ASOF_AGG_MEDIAN, one_sided, 3) == INFINITY);
	assert_true(isnan(aggregate_doubles(ASOF_AGG_SUM, both, 3)));
	assert_true(aggregate_doubles(ASOF_AGG_MEDIAN, both, 3) == 1);
	static const double halves[] = { -INFINITY, 1 };
	assert_true(aggregate_doubles(ASOF_AGG_MEDIAN, halves, 2) == -INFINITY);
}

static void
negative_zero_is_zero(void **state)
{
	(void)state;
	static const double numbers[] = { -0.0, 0.0, -0.0 };
	assert_false(signbit(aggregate_doubles(ASOF_AGG_MIN, numbers, 3)));
	assert_false(signbit(aggregate_doubles(ASOF_AGG_MAX, numbers, 1)));
	struct asof_value values[] = { case_of_double(-0.0), case_of_double(0.0),
				       case_of_double(NAN), case_of_double(-NAN) };
	struct answer answer = aggregate(10, ASOF_AGG_COUNT_DISTINCT, "x", values, 4);
	assert_int_equal(answer.values[0].int64, 2);
}

static void
an_integer_sum_that_leaves_int64_is_an_error(void **state)
{
	(void)state;
	static const int64_t steps[] = { 10, 1, ASOF_STEP_EVENT };
	struct asof_value values[] = { case_of_int64(ASOF_TYPE_INT64, INT64_MAX),
				       case_of_int64(ASOF_TYPE_INT64, 1),
				       case_of_int64(ASOF_TYPE_INT64, -3),
				       case_of_int64(ASOF_TYPE_INT64, INT64_MIN),
				       case_of_int64(ASOF_TYPE_INT64, INT64_MIN) };
	for (size_t i = 0; i < ASOF_COUNTOF(steps); i++) {
		struct answer answer = aggregate(steps[i], ASOF_AGG_SUM, "n", values, 2);
		assert_int_equal(answer.status, ASOF_LIMIT);
		assert_string_equal(answer.err.message, "sum of 'n' leaves int64");
		answer = aggregate(steps[i], ASOF_AGG_SUM, "n", values, 5);
		assert_int_equal(answer.status, ASOF_LIMIT);
		/* Only the whole sum counts, and the mean has no such bound. */
		answer = aggregate(steps[i], ASOF_AGG_SUM, "n", values, 3);
		assert_ok(answer.status, answer.err);
		assert_int_equal(answer.values[0].int64, INT64_MAX - 2);
		answer = aggregate(steps[i], ASOF_AGG_MEAN, "n", values, 2);
		assert_ok(answer.status, answer.err);
		assert_true(answer.values[0].float64 == 0x1p62);
	}
}

static struct asof_value
decimal(struct asof_type type, int64_t leading)
{
	asof_int128 unscaled = leading;
	for (int i = 0; i < 36; i++)
		unscaled *= 10;
	return (struct asof_value){ .type = type, .decimal = unscaled };
}

/* decimal(38,2) as a column of its own: its sums leave even 128 bits. */
static struct answer
sum_decimals(enum asof_agg_kind agg, const int64_t *leading, size_t count)
{
	struct asof_type type = { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 };
	struct asof_value values[8];
	for (size_t i = 0; i < count; i++)
		values[i] = decimal(type, leading[i]);
	struct kernel_case c;
	struct answer answer;
	struct random r = { 35 };
	case_of_values(&c, ASOF_STEP_EVENT, "d", values, count);
	c.fields[case_column_index("d")].type = type;
	assert_true(case_add_output(&c, agg, "d", 1000, 0.5));
	case_make_layout(&c);
	struct asof_tiles tiles = case_make_tiles(&r, &c);
	eval(&c, &tiles, 1000, &c.arena, &answer);
	case_done(&c);
	return answer;
}

static void
a_decimal_sum_is_exact_or_an_error(void **state)
{
	(void)state;
	static const int64_t fits[] = { 60, 39 };
	static const int64_t too_large[] = { 60, 40 };
	static const int64_t wraps[] = { 99, 99, 99, 99, -99, -99, -99 };
	struct asof_type type = { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 };
	struct answer answer = sum_decimals(ASOF_AGG_SUM, fits, 2);
	struct asof_value expected = decimal(type, 99);
	assert_ok(answer.status, answer.err);
	assert_int_equal(asof_value_compare(&answer.values[0], &expected), 0);
	answer = sum_decimals(ASOF_AGG_SUM, too_large, 2);
	assert_int_equal(answer.status, ASOF_LIMIT);
	assert_string_equal(answer.err.message, "sum of 'd' leaves decimal(38,2)");
	answer = sum_decimals(ASOF_AGG_SUM, wraps, 4);
	assert_int_equal(answer.status, ASOF_LIMIT);
	answer = sum_decimals(ASOF_AGG_SUM, wraps, 7);
	assert_ok(answer.status, answer.err);
	assert_int_equal(asof_value_compare(&answer.values[0], &expected), 0);
	answer = sum_decimals(ASOF_AGG_MEAN, wraps, 4);
	assert_ok(answer.status, answer.err);
	assert_true(fabs(answer.values[0].float64 - 99e34) <= 1e21);
	answer = sum_decimals(ASOF_AGG_MEDIAN, wraps, 7);
	assert_ok(answer.status, answer.err);
	assert_true(answer.values[0].float64 == 99e34);
	answer = sum_decimals(ASOF_AGG_VAR, fits, 2);
	assert_ok(answer.status, answer.err);
	assert_true(fabs(answer.values[0].float64 / 220.5e68 - 1) <= 1e-15);
}

static void
sums_of_many_tiles_meet_infinities_too(void **state)
{
	(void)state;
	struct random r = { 39 };
	for (int i = 0; i < 300; i++) {
		double highs[CASE_EVENTS_MAX];
		double lows[CASE_EVENTS_MAX];
		size_t from = random_below(&r, 10);
		size_t to = from + random_below(&r, CASE_EVENTS_MAX - from);
		quad expected = 0;
		for (size_t j = 0; j < CASE_EVENTS_MAX; j++) {
			quad exact = (quad)case_double(&r, TASTE_TAME) / 3;
			highs[j] = (double)exact;
			lows[j] = (double)(exact - (quad)highs[j]);
			if (i % 4 == 0 && random_below(&r, 40) == 0) {
				highs[j] = random_below(&r, 2) ? INFINITY : -INFINITY;
				lows[j] = 0;
			}
			if (j >= from && j < to)
				expected += (quad)highs[j] + (quad)lows[j];
		}
		struct asof_column high = { .type = FLOAT64, .data = highs };
		struct asof_column low = { .type = FLOAT64, .data = lows };
		struct asof_dd sum = asof_dd_sum(&high, &low, from, to);
		struct asof_value got = case_of_double(sum.hi);
		struct asof_value wanted = case_of_double((double)expected);
		assert_int_equal(asof_value_compare(&got, &wanted), 0);
		assert_true(isfinite(sum.hi) || sum.lo == 0);
	}
}

static void
powers_of_ten_are_rounded_correctly(void **state)
{
	(void)state;
	for (unsigned exponent = 0; exponent <= 76; exponent++) {
		char text[16];
		double expected;
		(void)snprintf(text, sizeof(text), "1e%u", exponent);
		assert_true(asof_double_parse(asof_str_from(text), &expected));
		assert_true(asof_power_of_ten(exponent) == expected);
	}
}

static void
without_a_tile_there_is_no_row(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct random r = { 36 };
	struct kernel_case c;
	struct asof_value one = case_of_double(1);
	case_of_values(&c, 10, "x", &one, 1);
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "x", 10, 0));
	case_make_layout(&c);
	struct asof_tiles tiles = case_make_tiles(&r, &c);
	bool has_row = true;
	int64_t event_us = 5;
	struct asof_value value = case_of_double(7);
	assert_ok(asof_window_eval(&c.view, &c.layout, &tiles, 0, &c.arena, &has_row, &event_us,
				   &value, &err),
		  err);
	assert_false(has_row);
	assert_int_equal(event_us, 5);
	assert_true(value.float64 == 7);
	assert_ok(asof_window_eval(&c.view, &c.layout, &tiles, 10, &c.arena, &has_row, &event_us,
				   &value, &err),
		  err);
	assert_true(has_row);
	assert_int_equal(event_us, 10);
	assert_true(value.float64 == 1);
	case_done(&c);
}

static void
without_created_time_and_order_the_place_decides(void **state)
{
	(void)state;
	struct random r = { 40 };
	struct kernel_case c;
	struct answer answer;
	const struct asof_value values[] = { case_of_double(1), case_of_double(2),
					     case_of_double(3) };
	case_of_values(&c, ASOF_STEP_EVENT, "x", values, 3);
	for (size_t i = 0; i < 3; i++)
		c.events[i].event_us = 5;
	assert_true(case_add_output(&c, ASOF_AGG_FIRST, "x", 10, 0));
	assert_true(case_add_output(&c, ASOF_AGG_LAST, "x", 10, 0));
	case_make_layout(&c);
	struct asof_tiles tiles = case_make_tiles(&r, &c);
	tiles.created_us = NULL;
	tiles.order = NULL;
	eval(&c, &tiles, 5, &c.arena, &answer);
	assert_true(answer.values[0].float64 == 1);
	assert_true(answer.values[1].float64 == 3);
	case_done(&c);
}

static void
an_output_without_aggregate_is_our_bug(void **state)
{
	(void)state;
	struct asof_value one = case_of_double(1);
	struct answer answer = aggregate(10, ASOF_AGG_NONE, "x", &one, 1);
	assert_int_equal(answer.status, ASOF_INTERNAL);
}

static void
instants_are_steps_after_what_is_available(void **state)
{
	(void)state;
	struct asof_view view = { .step_us = 10, .available_after_us = 3 };
	assert_int_equal(asof_window_instant(&view, 23), 20);
	assert_int_equal(asof_window_instant(&view, 22), 10);
	assert_int_equal(asof_window_instant(&view, 2), -10);
	assert_int_equal(asof_window_instant(&view, INT64_MIN + 1), INT64_MIN);
	view.step_us = ASOF_STEP_EVENT;
	assert_int_equal(asof_window_instant(&view, 23), 20);
	assert_int_equal(asof_window_instant(&view, 22), 19);
}

/* Does any window hold other tiles at `b` than at `a`, or is another tile the newest? */
static bool
differs(const struct kernel_case *c, const struct asof_tiles *tiles, int64_t a_us, int64_t b_us)
{
	for (size_t i = 0; i < tiles->count; i++) {
		int64_t end_us = tiles->end_us[i];
		if ((end_us <= a_us) != (end_us <= b_us))
			return true;
		for (size_t j = 0; j < c->view.output_count; j++) {
			int64_t length_us = c->outputs[j].window_us;
			bool in_a = end_us <= a_us && end_us > a_us - length_us;
			bool in_b = end_us <= b_us && end_us > b_us - length_us;
			if (in_a != in_b)
				return true;
		}
	}
	return false;
}

static void
outputs_hold_exactly_until_a_tile_enters_or_leaves(void **state)
{
	(void)state;
	struct random r = { 37 };
	for (size_t i = 0; i < random_cases(400); i++) {
		struct kernel_case c;
		int64_t step_us = random_below(&r, 2) ? ASOF_STEP_EVENT : 5;
		int64_t unit_us = step_us > 0 ? step_us : 1;
		case_init(&c, step_us);
		case_add_random_outputs(&r, &c, 1 + random_below(&r, 4), 5);
		case_make_layout(&c);
		case_make_events(&r, &c, random_below(&r, 6), 60, TASTE_TAME);
		struct asof_tiles tiles = case_make_tiles(&r, &c);
		int64_t at_us = random_between(&r, -80, 120) / unit_us * unit_us;
		int64_t until_us = asof_window_holds_until(&c.view, &tiles, at_us);
		int64_t expected_us = at_us + unit_us;
		while (expected_us < 400 && !differs(&c, &tiles, at_us, expected_us))
			expected_us += unit_us;
		assert_int_equal(until_us, expected_us < 400 ? expected_us : INT64_MAX);
		case_done(&c);
	}
}

static void
far_ends_do_not_overflow(void **state)
{
	(void)state;
	static const int64_t end_us[] = { INT64_MIN, INT64_MAX - 5 };
	struct asof_output output = { .window_us = 10 };
	struct asof_view view = { .outputs = &output,
				  .output_count = 1,
				  .step_us = ASOF_STEP_EVENT };
	struct asof_tiles tiles = { .count = 2, .end_us = end_us };
	assert_int_equal(asof_window_holds_until(&view, &tiles, INT64_MAX - 5), INT64_MAX);
	assert_int_equal(asof_window_holds_until(&view, &tiles, INT64_MIN + 20), INT64_MAX - 5);
}

/* An arena that ends at every size in turn. */
static void
every_arena_limit_is_survived(void **state)
{
	(void)state;
	struct random r = { 38 };
	for (int i = 0; i < 20; i++) {
		struct kernel_case c;
		case_init(&c, i % 2 ? ASOF_STEP_EVENT : 10);
		case_add_random_outputs(&r, &c, 12, 10);
		case_make_layout(&c);
		case_make_events(&r, &c, 20, 50, TASTE_TAME);
		struct asof_tiles tiles = case_make_tiles(&r, &c);
		for (size_t max = 16;; max += 16) {
			ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(max);
			struct answer answer;
			eval(&c, &tiles, 40, &small, &answer);
			if (answer.status == ASOF_OK)
				break;
			assert_int_equal(answer.status, ASOF_NO_MEMORY);
			assert_true(answer.err.message[0] != '\0');
			assert_false(answer.has_row);
		}
		case_done(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiled_windows_equal_the_oracle_however_they_are_split),
		cmocka_unit_test(event_windows_equal_the_oracle),
		cmocka_unit_test(variance_around_a_large_mean_does_not_cancel),
		cmocka_unit_test(equal_values_have_no_variance),
		cmocka_unit_test(small_addends_survive_large_ones),
		cmocka_unit_test(nan_is_a_value_and_the_greatest),
		cmocka_unit_test(infinities_follow_ieee),
		cmocka_unit_test(negative_zero_is_zero),
		cmocka_unit_test(an_integer_sum_that_leaves_int64_is_an_error),
		cmocka_unit_test(a_decimal_sum_is_exact_or_an_error),
		cmocka_unit_test(sums_of_many_tiles_meet_infinities_too),
		cmocka_unit_test(powers_of_ten_are_rounded_correctly),
		cmocka_unit_test(without_a_tile_there_is_no_row),
		cmocka_unit_test(without_created_time_and_order_the_place_decides),
		cmocka_unit_test(an_output_without_aggregate_is_our_bug),
		cmocka_unit_test(instants_are_steps_after_what_is_available),
		cmocka_unit_test(outputs_hold_exactly_until_a_tile_enters_or_leaves),
		cmocka_unit_test(far_ends_do_not_overflow),
		cmocka_unit_test(every_arena_limit_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
