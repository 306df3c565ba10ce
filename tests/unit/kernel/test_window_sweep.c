/* test_window_sweep.c - many instants in one sweep equal each instant evaluated by itself. */
#include "kernel/window_sweep.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "window_oracle.h"

#define FLOAT64      ASOF_TYPE(ASOF_TYPE_FLOAT64)
#define INSTANTS_MAX 200
#define CAPACITY     256
#define FIRST_COLUMN 1
#define FIRST_ROW    3

/* A case swept: outputs `wanted` at instants. */
struct swept {
	size_t wanted[CASE_OUTPUTS_MAX];
	size_t wanted_count;
	int64_t at_us[INSTANTS_MAX];
	size_t count;
	struct asof_block block;
	int64_t event_us[INSTANTS_MAX];
	enum asof_status status;
	struct asof_error err;
};

static void
init_block(const struct kernel_case *c, struct swept *s)
{
	struct asof_type types[FIRST_COLUMN + CASE_OUTPUTS_MAX] = { ASOF_TYPE(ASOF_TYPE_BOOL) };
	for (size_t i = 0; i < s->wanted_count; i++)
		types[FIRST_COLUMN + i] = c->outputs[s->wanted[i]].type;
	assert_ok(asof_block_init(&s->block, types, FIRST_COLUMN + s->wanted_count, CAPACITY,
				  &s->err),
		  s->err);
	asof_block_reset(&s->block, CAPACITY);
}

static void
run(struct asof_window_sweep *sweep, const struct kernel_case *c, const struct asof_tiles *tiles,
    struct swept *s)
{
	init_block(c, s);
	s->status = asof_window_sweep_run(sweep, tiles, s->at_us, s->count, &s->block, FIRST_COLUMN,
					  FIRST_ROW, s->event_us, &s->err);
}

static void
sweep_once(const struct kernel_case *c, const struct asof_tiles *tiles, struct swept *s)
{
	ASOF_AUTO(asof_window_sweep_free_auto) struct asof_window_sweep *sweep = NULL;
	assert_ok(asof_window_sweep_new(&c->view, &c->layout, s->wanted, s->wanted_count, &sweep,
					&s->err),
		  s->err);
	run(sweep, c, tiles, s);
	assert_ok(s->status, s->err);
}

static void
want_some(struct random *r, const struct kernel_case *c, struct swept *s)
{
	s->wanted_count = 0;
	for (size_t i = 0; i < c->view.output_count; i++) {
		if (random_below(r, 8) > 0)
			s->wanted[s->wanted_count++] = i;
	}
	for (size_t i = s->wanted_count; i > 1; i--) {
		size_t j = random_below(r, i);
		size_t moved = s->wanted[i - 1];
		s->wanted[i - 1] = s->wanted[j];
		s->wanted[j] = moved;
	}
}

static int
compare_times(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static void
ask_some(struct random *r, struct swept *s, size_t count, int64_t range, int64_t unit_us)
{
	s->count = count;
	for (size_t i = 0; i < count; i++)
		s->at_us[i] = random_between(r, -range, range) / unit_us * unit_us;
	qsort(s->at_us, count, sizeof(s->at_us[0]), compare_times);
}

/* Some outputs get a default. */
static void
give_defaults(struct random *r, struct kernel_case *c)
{
	for (size_t i = 0; i < c->view.output_count; i++) {
		struct asof_output *output = &c->outputs[i];
		if (random_below(r, 3) > 0)
			continue;
		output->default_value = case_alloc(&c->arena, 1, sizeof(*output->default_value));
		*output->default_value = case_value(r, output->type, TASTE_TAME, &c->arena);
		output->has_default = true;
	}
}

static struct asof_value
value_at(const struct swept *s, size_t column, size_t i, struct asof_arena *arena)
{
	struct asof_value value;
	struct asof_error err = { 0 };
	assert_ok(asof_column_value(&s->block.columns[FIRST_COLUMN + column], FIRST_ROW + i, arena,
				    &value, &err),
		  err);
	return value;
}

static double
ulps_between(double a, double b)
{
	return fabs(a - b) / (nextafter(fabs(a), INFINITY) - fabs(a));
}

/* Sums of floats that 106 bits do not hold may differ in the last place; deviations of such squares
 * by what the squares lack. */
static void
assert_close(const struct kernel_case *c, size_t output, int64_t at_us, enum case_taste taste,
	     const struct asof_value *value, const struct asof_value *expected)
{
	enum asof_agg_kind agg = c->outputs[output].agg;
	struct asof_type type = c->layout.columns[c->layout.output_columns[output]].type;
	bool is_float = type.kind == ASOF_TYPE_FLOAT32 || type.kind == ASOF_TYPE_FLOAT64;
	assert_false(value->is_null || expected->is_null);
	assert_int_equal(value->type.kind, ASOF_TYPE_FLOAT64);
	if (agg == ASOF_AGG_STD || agg == ASOF_AGG_VAR) {
		struct oracle_value wanted = oracle_output(c, &c->outputs[output], at_us);
		assert_true(is_float || taste == TASTE_LARGE);
		assert_true(fabs(value->float64 - wanted.value.float64) <= wanted.tolerance);
		assert_true(ulps_between(value->float64, expected->float64) <= 1 ||
			    wanted.tolerance > 1.001e-12 * wanted.value.float64);
		return;
	}
	assert_true(is_float && taste == TASTE_WILD);
	assert_true(agg == ASOF_AGG_SUM || agg == ASOF_AGG_MEAN);
	assert_true(ulps_between(value->float64, expected->float64) <= 1);
}

/* Is it the message of one of the sums that do not fit? NULL: is there any? */
static bool
names_a_sum(const struct kernel_case *c, const struct swept *s, const char *message)
{
	for (size_t i = 0; i < s->wanted_count; i++) {
		const struct asof_output *output = &c->outputs[s->wanted[i]];
		for (size_t j = 0; output->agg == ASOF_AGG_SUM && j < s->count; j++) {
			char text[100];
			if (oracle_output(c, output, s->at_us[j]).status != ASOF_LIMIT)
				continue;
			(void)snprintf(text, sizeof(text), "sum of '%s' leaves int64",
				       output->feature->column.text);
			if (!message || strcmp(message, text) == 0)
				return true;
		}
	}
	return false;
}

/* What row i should hold, or false: no tile yet. */
static bool
expect(const struct kernel_case *c, const struct asof_tiles *tiles, int64_t at_us,
       struct asof_arena *arena, int64_t *ret_event_us, struct asof_value *values)
{
	struct asof_error err = { 0 };
	bool is_empty[CASE_OUTPUTS_MAX];
	struct asof_window_result result = { .values = values, .is_empty = is_empty };
	enum asof_status status =
		asof_window_eval_into(&c->view, &c->layout, tiles, at_us, arena, &result, &err);
	if (status == ASOF_LIMIT) { /* of an output that was not asked for */
		*ret_event_us = INT64_MAX;
		return true;
	}
	assert_ok(status, err);
	for (size_t i = 0; result.has_row && i < c->view.output_count; i++) {
		const struct asof_output *output = &c->outputs[i];
		if (values[i].is_null && is_empty[i] && output->has_default)
			values[i] = *output->default_value;
	}
	*ret_event_us = result.has_row ? result.event_us : INT64_MIN;
	return result.has_row;
}

static void
check_row(const struct kernel_case *c, const struct asof_tiles *tiles, const struct swept *s,
	  size_t i, enum case_taste taste)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value expected[CASE_OUTPUTS_MAX];
	int64_t event_us;
	bool has_row = expect(c, tiles, s->at_us[i], &arena, &event_us, expected);
	if (event_us == INT64_MAX)
		return;
	assert_int_equal(s->event_us[i], event_us);
	for (size_t j = 0; j < s->wanted_count; j++) {
		struct asof_value value = value_at(s, j, i, &arena);
		if (!has_row) {
			assert_true(value.is_null);
			continue;
		}
		size_t output = s->wanted[j];
		if (!oracle_is_same(&value, &expected[output]))
			assert_close(c, output, s->at_us[i], taste, &value, &expected[output]);
	}
}

/* Nothing outside the rows and columns asked for has been touched. */
static void
check_edges(const struct swept *s)
{
	for (size_t column = 0; column < s->block.column_count; column++) {
		for (size_t row = 0; row < CAPACITY; row++) {
			if (column < FIRST_COLUMN || row < FIRST_ROW || row >= FIRST_ROW + s->count)
				assert_true(asof_column_is_null(&s->block.columns[column], row));
		}
	}
}

static void
check_swept(const struct kernel_case *c, const struct asof_tiles *tiles, const struct swept *s,
	    enum case_taste taste)
{
	if (names_a_sum(c, s, NULL)) {
		assert_int_equal(s->status, ASOF_LIMIT);
		assert_true(names_a_sum(c, s, s->err.message));
		return;
	}
	assert_ok(s->status, s->err);
	check_edges(s);
	for (size_t i = 0; i < s->count; i++)
		check_row(c, tiles, s, i, taste);
}

static void
check_case(struct random *r, int64_t step_us, enum case_taste taste)
{
	static struct kernel_case c;
	static struct swept s;
	struct asof_error err = { 0 };
	int64_t unit_us = step_us == ASOF_STEP_EVENT ? 7 : step_us;
	case_init(&c, step_us);
	case_add_random_outputs(r, &c, 1 + random_below(r, 20), unit_us);
	give_defaults(r, &c);
	case_make_layout(&c);
	want_some(r, &c, &s);
	ASOF_AUTO(asof_window_sweep_free_auto) struct asof_window_sweep *sweep = NULL;
	assert_ok(asof_window_sweep_new(&c.view, &c.layout, s.wanted, s.wanted_count, &sweep, &err),
		  err);
	for (int i = 0; i < 4; i++) { /* entities, with one sweep */
		bool is_dense = random_below(r, 2);
		case_make_events(r, &c, random_below(r, is_dense ? 60 : 8),
				 random_below(r, 2) ? 100 : 25, taste);
		struct asof_tiles tiles = case_make_tiles(r, &c);
		ask_some(r, &s, random_below(r, is_dense ? 100 : 4), 130,
			 step_us > 0 ? step_us : 1);
		if (step_us == ASOF_STEP_EVENT && random_below(r, 2))
			tiles.order = NULL; /* they stand in order */
		run(sweep, &c, &tiles, &s);
		check_swept(&c, &tiles, &s, taste);
		asof_block_done(&s.block);
	}
	case_done(&c);
}

static void
tiles_swept_equal_each_instant_by_itself(void **state)
{
	(void)state;
	struct random r = { 51 };
	for (size_t i = 0; i < random_cases(120); i++) {
		check_case(&r, 10, TASTE_TAME);
		check_case(&r, 10, TASTE_WILD);
		check_case(&r, 1 + (int64_t)random_below(&r, 30), TASTE_LARGE);
	}
}

static void
events_swept_equal_each_instant_by_itself(void **state)
{
	(void)state;
	struct random r = { 52 };
	for (size_t i = 0; i < random_cases(120); i++) {
		check_case(&r, ASOF_STEP_EVENT, TASTE_TAME);
		check_case(&r, ASOF_STEP_EVENT, TASTE_WILD);
		check_case(&r, ASOF_STEP_EVENT, TASTE_LARGE);
	}
}

/* Against the oracle, which knows no tiles. */
static void
swept_values_equal_the_oracle(void **state)
{
	(void)state;
	struct random r = { 53 };
	static struct kernel_case c;
	static struct swept s;
	for (int i = 0; i < 60; i++) {
		int64_t step_us = i % 2 ? ASOF_STEP_EVENT : 10;
		case_init(&c, step_us);
		case_add_random_outputs(&r, &c, 12, step_us > 0 ? step_us : 7);
		case_make_layout(&c);
		case_make_events(&r, &c, 40, 60, TASTE_TAME);
		struct asof_tiles tiles = case_make_tiles(&r, &c);
		want_some(&r, &c, &s);
		ask_some(&r, &s, 60, 130, 10);
		sweep_once(&c, &tiles, &s);
		for (size_t row = 0; row < s.count; row++) {
			int64_t newest_us = INT64_MIN;
			bool has_row = oracle_newest(&c, s.at_us[row], &newest_us);
			assert_int_equal(s.event_us[row], newest_us);
			for (size_t j = 0; has_row && j < s.wanted_count; j++) {
				struct oracle_value expected =
					oracle_output(&c, &c.outputs[s.wanted[j]], s.at_us[row]);
				struct asof_value value = value_at(&s, j, row, &c.arena);
				bool is_close = expected.tolerance > 0 && !value.is_null &&
						fabs(value.float64 - expected.value.float64) <=
							expected.tolerance;
				assert_true(is_close ||
					    asof_value_compare(&value, &expected.value) == 0);
			}
		}
		asof_block_done(&s.block);
		case_done(&c);
	}
}

/* Every aggregate over one column of doubles. */
static void
case_of_doubles(struct kernel_case *c, int64_t unit_us)
{
	case_init(c, ASOF_STEP_EVENT);
	for (int w = 0; w < 3; w++) {
		int64_t window_us = unit_us * (int64_t[]){ 1, 10, 200 }[w];
		for (int agg = ASOF_AGG_COUNT; agg <= ASOF_AGG_COUNT_DISTINCT; agg++)
			assert_true(
				case_add_output(c, (enum asof_agg_kind)agg, "x", window_us, 0.3));
	}
	case_make_layout(c);
}

struct events {
	int64_t *end_us;
	double *values;
	uint64_t *validity;
	struct asof_column column;
	struct asof_tiles tiles;
};

/* Quarters, so that all sums are exact. */
static void
make_events(struct random *r, size_t count, int64_t range, struct asof_arena *arena,
	    struct events *e)
{
	e->end_us = case_alloc(arena, count, sizeof(*e->end_us));
	e->values = case_alloc(arena, count, sizeof(*e->values));
	e->validity = case_alloc(arena, count / 64 + 1, sizeof(*e->validity));
	for (size_t i = 0; i < count; i++) {
		e->end_us[i] = random_between(r, -range, range);
		e->values[i] = (double)random_between(r, -400, 400) / 4;
		if (random_below(r, 10) > 0)
			e->validity[i / 64] |= UINT64_C(1) << (i % 64);
	}
	qsort(e->end_us, count, sizeof(*e->end_us), compare_times);
	e->column =
		(struct asof_column){ .type = FLOAT64, .validity = e->validity, .data = e->values };
	e->tiles = (struct asof_tiles){ .count = count, .end_us = e->end_us, .states = &e->column };
}

static void
want_all(const struct kernel_case *c, struct swept *s)
{
	s->wanted_count = c->view.output_count;
	for (size_t i = 0; i < s->wanted_count; i++)
		s->wanted[i] = i;
}

static void
check_long(struct random *r, size_t event_count, size_t instant_count, int64_t range)
{
	static struct kernel_case c;
	static struct swept s;
	struct events events;
	case_of_doubles(&c, range / 100);
	make_events(r, event_count, range, &c.arena, &events);
	want_all(&c, &s);
	ask_some(r, &s, instant_count, range + range / 8, 1);
	sweep_once(&c, &events.tiles, &s);
	for (size_t i = 0; i < s.count; i++)
		check_row(&c, &events.tiles, &s, i, TASTE_TAME);
	asof_block_done(&s.block);
	case_done(&c);
}

static void
long_histories_equal_each_instant_by_itself(void **state)
{
	(void)state;
	struct random r = { 54 };
	for (int i = 0; i < 10; i++) {
		check_long(&r, 1 + random_below(&r, 1500), 150, 100000);
		check_long(&r, 1500, 1 + random_below(&r, 5), 100000);
		check_long(&r, 300, 150, 200); /* many at one instant */
		check_long(&r, 1 + random_below(&r, 3), 150, 400);
	}
}

static void
all_null_and_empty_histories_have_no_values(void **state)
{
	(void)state;
	struct random r = { 55 };
	static struct kernel_case c;
	static struct swept s;
	struct asof_error err = { 0 };
	struct events events;
	case_of_doubles(&c, 10);
	make_events(&r, 100, 50, &c.arena, &events);
	memset(events.validity, 0, sizeof(*events.validity) * 2);
	want_all(&c, &s);
	ask_some(&r, &s, 100, 70, 1);
	ASOF_AUTO(asof_window_sweep_free_auto) struct asof_window_sweep *sweep = NULL;
	assert_ok(asof_window_sweep_new(&c.view, &c.layout, s.wanted, s.wanted_count, &sweep, &err),
		  err);
	run(sweep, &c, &events.tiles, &s);
	check_swept(&c, &events.tiles, &s, TASTE_TAME);
	asof_block_done(&s.block);

	events.tiles.count = 0;
	run(sweep, &c, &events.tiles, &s);
	check_swept(&c, &events.tiles, &s, TASTE_TAME);
	assert_int_equal(s.event_us[s.count - 1], INT64_MIN);
	asof_block_done(&s.block);

	s.count = 0;
	run(sweep, &c, &events.tiles, &s);
	assert_ok(s.status, s.err);
	asof_block_done(&s.block);
	case_done(&c);
}

static void
ends_of_time_do_not_overflow(void **state)
{
	(void)state;
	static const int64_t far[] = { INT64_MIN, INT64_MIN + 1, INT64_MIN + 9, -3,       0,
				       4,         INT64_MAX - 9, INT64_MAX - 1, INT64_MAX };
	struct random r = { 56 };
	static struct kernel_case c;
	static struct swept s;
	for (int round = 0; round < 200; round++) {
		struct events events;
		case_of_doubles(&c, round % 2 ? 5 : INT64_MAX / 200);
		make_events(&r, random_below(&r, 20), 5, &c.arena, &events);
		for (size_t i = 0; i < events.tiles.count; i++)
			events.end_us[i] = far[random_below(&r, ASOF_COUNTOF(far))];
		qsort(events.end_us, events.tiles.count, sizeof(int64_t), compare_times);
		want_all(&c, &s);
		ask_some(&r, &s, 12, 5, 1);
		for (size_t i = 0; i < s.count; i++)
			s.at_us[i] = far[random_below(&r, ASOF_COUNTOF(far))];
		qsort(s.at_us, s.count, sizeof(int64_t), compare_times);
		sweep_once(&c, &events.tiles, &s);
		for (size_t i = 0; i < s.count; i++)
			check_row(&c, &events.tiles, &s, i, TASTE_TAME);
		asof_block_done(&s.block);
		case_done(&c);
	}
}

/* Deviations about a large mean, windows that slide over what would cancel. */
static void
variance_around_a_large_mean_does_not_cancel(void **state)
{
	(void)state;
	struct random r = { 57 };
	static struct kernel_case c;
	static struct swept s;
	struct events events;
	case_init(&c, ASOF_STEP_EVENT);
	assert_true(case_add_output(&c, ASOF_AGG_VAR, "x", 40, 0));
	case_make_layout(&c);
	make_events(&r, 1000, 500, &c.arena, &events);
	events.column.validity = NULL;
	for (size_t i = 0; i < 1000; i++)
		events.values[i] = i == 300 ? 1e15 : 1e9 + (random_below(&r, 2) ? 1 : -1);
	want_all(&c, &s);
	ask_some(&r, &s, INSTANTS_MAX, 490, 1);
	sweep_once(&c, &events.tiles, &s);
	for (size_t i = 50; i < s.count; i++) {
		struct asof_value value = value_at(&s, 0, i, &c.arena);
		int64_t at_us = s.at_us[i];
		bool has_large = at_us >= events.end_us[300] && at_us < events.end_us[300] + 40;
		check_row(&c, &events.tiles, &s, i, TASTE_TAME);
		assert_true(has_large ? value.float64 > 1e20
				      : value.float64 > 0.5 && value.float64 < 1.2);
	}
	asof_block_done(&s.block);
	case_done(&c);
}

/* Single bits up to 2^top, whose sums are exact however they are found: as integers, or where those
 * become too wide, as pairs. */
static void
check_bits(struct random *r, unsigned top, bool has_squares)
{
	static struct kernel_case c;
	static struct swept s;
	struct events events;
	case_init(&c, ASOF_STEP_EVENT);
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "x", 40, 0));
	assert_true(case_add_output(&c, ASOF_AGG_MEAN, "x", 15, 0));
	assert_true(!has_squares || case_add_output(&c, ASOF_AGG_VAR, "x", 25, 0));
	case_make_layout(&c);
	make_events(r, 300, 300, &c.arena, &events);
	for (size_t i = 0; i < 300; i++)
		events.values[i] = ldexp(random_below(r, 2) ? 1 : -1,
					 (int)random_below(r, top + 1) - (int)(top / 2));
	want_all(&c, &s);
	ask_some(r, &s, 150, 320, 1);
	sweep_once(&c, &events.tiles, &s);
	for (size_t i = 0; i < s.count; i++)
		check_row(&c, &events.tiles, &s, i, TASTE_TAME);
	asof_block_done(&s.block);
	case_done(&c);
}

static void
exact_sums_are_equal_however_wide_they_are(void **state)
{
	(void)state;
	struct random r = { 60 };
	for (unsigned top = 0; top < 96; top++)
		check_bits(&r, top, top < 46);
}

/* What is not finite leaves with its event. */
static void
nan_and_infinity_leave_with_their_events(void **state)
{
	(void)state;
	struct random r = { 58 };
	static struct kernel_case c;
	static struct swept s;
	static const double odd[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, -0.0, 5e-324 };
	for (int round = 0; round < 60; round++) {
		struct events events;
		case_of_doubles(&c, 3);
		make_events(&r, 200, 200, &c.arena, &events);
		for (size_t i = 0; i < 4; i++)
			events.values[random_below(&r, 200)] =
				odd[random_below(&r, round % 2 ? ASOF_COUNTOF(odd) : 3)];
		want_all(&c, &s);
		ask_some(&r, &s, 180, 220, 1);
		sweep_once(&c, &events.tiles, &s);
		for (size_t i = 0; round % 2 == 0 && i < s.count; i++)
			check_row(&c, &events.tiles, &s, i, TASTE_TAME);
		struct asof_value last = value_at(&s, 1, s.count - 1, &c.arena);
		assert_true(last.is_null || isfinite(last.float64));
		asof_block_done(&s.block);
		case_done(&c);
	}
}

static void
decimal_sums_are_exact_or_an_error(void **state)
{
	(void)state;
	static struct kernel_case c;
	static struct swept s;
	asof_int128 huge = (asof_int128)1000000000000000000 * 1000000000000000000 * 99;
	asof_int128 data[] = { huge, -huge, huge, 1 };
	int64_t end_us[] = { 1, 2, 3, 4 };
	struct asof_type type = { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 };
	struct asof_column column = { .type = type, .data = data };
	struct asof_tiles tiles = { .count = 4, .end_us = end_us, .states = &column };
	struct asof_error err = { 0 };
	case_init(&c, ASOF_STEP_EVENT);
	c.fields[case_column_index("d")].type = type;
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "d", 3, 0));
	assert_true(case_add_output(&c, ASOF_AGG_MEAN, "d", 2, 0));
	case_make_layout(&c);
	want_all(&c, &s);
	s.count = 4;
	memcpy(s.at_us, end_us, sizeof(end_us));
	ASOF_AUTO(asof_window_sweep_free_auto) struct asof_window_sweep *sweep = NULL;
	assert_ok(asof_window_sweep_new(&c.view, &c.layout, s.wanted, 2, &sweep, &err), err);
	run(sweep, &c, &tiles, &s);
	assert_ok(s.status, s.err);
	for (size_t i = 0; i < s.count; i++)
		check_row(&c, &tiles, &s, i, TASTE_TAME);
	asof_block_done(&s.block);
	data[1] = huge;
	run(sweep, &c, &tiles, &s);
	assert_int_equal(s.status, ASOF_LIMIT);
	assert_string_equal(s.err.message, "sum of 'd' leaves decimal(38,2)");
	asof_block_done(&s.block);
	case_done(&c);
}

static void
an_output_without_aggregate_is_our_bug(void **state)
{
	(void)state;
	static struct kernel_case c;
	struct asof_error err = { 0 };
	struct asof_window_sweep *sweep = NULL;
	size_t wanted = 0;
	case_of_doubles(&c, 3);
	c.outputs[0].agg = ASOF_AGG_NONE;
	assert_int_equal(asof_window_sweep_new(&c.view, &c.layout, &wanted, 1, &sweep, &err),
			 ASOF_INTERNAL);
	assert_null(sweep);
	case_done(&c);
}

/* Failed allocations leave a sweep that works once there is memory. */
static void
every_failed_allocation_is_survived(void **state)
{
	(void)state;
	struct random r = { 59 };
	static struct kernel_case c;
	static struct swept s;
	for (int i = 0; i < 20; i++) {
		struct asof_error err = { 0 };
		int64_t step_us = i % 2 ? ASOF_STEP_EVENT : 10;
		case_init(&c, step_us);
		case_add_random_outputs(&r, &c, 20, 10);
		case_make_layout(&c);
		case_make_events(&r, &c, 60, 100, TASTE_TAME);
		struct asof_tiles tiles = case_make_tiles(&r, &c);
		want_all(&c, &s);
		ask_some(&r, &s, 1 + 60 * (size_t)(i % 3), 110, 10);
		struct asof_window_sweep *sweep = NULL;
		for (size_t n = 1; !sweep; n++) {
			size_t live = asof_mem_live();
			asof_mem_fail_at(n);
			enum asof_status status = asof_window_sweep_new(
				&c.view, &c.layout, s.wanted, s.wanted_count, &sweep, &err);
			asof_mem_fail_at(0);
			assert_int_equal(status, sweep ? ASOF_OK : ASOF_NO_MEMORY);
			assert_true(sweep || asof_mem_live() == live);
		}
		s.status = ASOF_NO_MEMORY;
		for (size_t n = 1; s.status != ASOF_OK; n++) {
			init_block(&c, &s);
			asof_mem_fail_at(n);
			s.status =
				asof_window_sweep_run(sweep, &tiles, s.at_us, s.count, &s.block,
						      FIRST_COLUMN, FIRST_ROW, s.event_us, &s.err);
			asof_mem_fail_at(0);
			if (s.status == ASOF_OK)
				check_swept(&c, &tiles, &s, TASTE_TAME);
			else
				assert_int_equal(s.status, ASOF_NO_MEMORY);
			asof_block_done(&s.block);
		}
		asof_window_sweep_free(sweep);
		case_done(&c);
	}
	asof_window_sweep_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiles_swept_equal_each_instant_by_itself),
		cmocka_unit_test(events_swept_equal_each_instant_by_itself),
		cmocka_unit_test(swept_values_equal_the_oracle),
		cmocka_unit_test(long_histories_equal_each_instant_by_itself),
		cmocka_unit_test(all_null_and_empty_histories_have_no_values),
		cmocka_unit_test(ends_of_time_do_not_overflow),
		cmocka_unit_test(variance_around_a_large_mean_does_not_cancel),
		cmocka_unit_test(exact_sums_are_equal_however_wide_they_are),
		cmocka_unit_test(nan_and_infinity_leave_with_their_events),
		cmocka_unit_test(decimal_sums_are_exact_or_an_error),
		cmocka_unit_test(an_output_without_aggregate_is_our_bug),
		cmocka_unit_test(every_failed_allocation_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
