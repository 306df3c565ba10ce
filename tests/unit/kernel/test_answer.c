#include "kernel/answer.h"

#include "check.h"
#include "window_oracle.h"

#define ROW_MAX ((size_t)1 << 20)

static const struct asof_value seven = { .type = { .kind = ASOF_TYPE_INT64 }, .int64 = 7 };

/* What an answer must be: like asof_answer, in arrays of its own. */
struct expected {
	bool has_row;
	int64_t event_us;
	struct asof_value values[CASE_OUTPUTS_MAX];
	enum asof_value_status statuses[CASE_OUTPUTS_MAX];
};

static void
expect_without(const struct asof_view *view, enum asof_value_status status, struct expected *e)
{
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		e->values[i] = output->has_default ? *output->default_value
						   : asof_value_null(output->type);
		e->statuses[i] = status;
	}
}

static bool
is_stale(const struct asof_view *view, int64_t event_us, int64_t clock_us)
{
	return view->max_age_us != 0 && event_us < clock_us - view->max_age_us;
}

/* The windows over all tiles at the clock, and the rules of defaults. */
static void
expect_windowed(struct kernel_case *c, const struct asof_tiles *tiles, int64_t clock_us,
		struct expected *e)
{
	struct asof_error err = { 0 };
	bool is_empty[CASE_OUTPUTS_MAX];
	struct asof_window_result result = { .values = e->values, .is_empty = is_empty };
	int64_t instant_us = clock_us - c->view.available_after_us;
	while (c->view.step_us > 0 && instant_us % c->view.step_us != 0)
		instant_us--;
	assert_ok(asof_window_eval_into(&c->view, &c->layout, tiles, instant_us, &c->arena, &result,
					&err),
		  err);
	e->has_row = result.has_row;
	e->event_us = result.event_us;
	for (size_t i = 0; e->has_row && i < c->view.output_count; i++) {
		if (e->values[i].is_null && is_empty[i] && c->outputs[i].has_default)
			e->values[i] = *c->outputs[i].default_value;
		e->statuses[i] = e->values[i].is_null ? ASOF_VALUE_NULL : ASOF_VALUE_PRESENT;
	}
}

static void
expect_plain(struct kernel_case *c, const struct asof_tiles *rows, int64_t clock_us,
	     struct expected *e)
{
	struct asof_error err = { 0 };
	for (size_t row = 0; row < rows->count; row++) {
		if (rows->end_us[row] + c->view.available_after_us > clock_us)
			continue;
		e->has_row = true;
		e->event_us = rows->end_us[row];
		for (size_t i = 0; i < c->view.output_count; i++) {
			assert_ok(asof_column_value(&rows->states[i], row, &c->arena, &e->values[i],
						    &err),
				  err);
			e->statuses[i] =
				e->values[i].is_null ? ASOF_VALUE_NULL : ASOF_VALUE_PRESENT;
		}
	}
}

static struct expected
expect(struct kernel_case *c, const struct asof_tiles *history, int64_t clock_us)
{
	struct expected e = { .has_row = false };
	if (asof_view_is_windowed(&c->view))
		expect_windowed(c, history, clock_us, &e);
	else
		expect_plain(c, history, clock_us, &e);
	if (!e.has_row)
		expect_without(&c->view, ASOF_VALUE_NOT_FOUND, &e);
	else if (is_stale(&c->view, e.event_us, clock_us))
		expect_without(&c->view, ASOF_VALUE_OUTSIDE_MAX_AGE, &e);
	return e;
}

static void
assert_answer(const struct asof_view *view, const struct asof_answer *answer,
	      const struct expected *e)
{
	assert_int_equal(answer->has_row, e->has_row);
	if (e->has_row)
		assert_int_equal(answer->event_us, e->event_us);
	for (size_t i = 0; i < view->output_count; i++) {
		assert_int_equal(answer->statuses[i], e->statuses[i]);
		assert_true(asof_type_equal(answer->values[i].type, view->outputs[i].type));
		assert_int_equal(asof_value_compare(&answer->values[i], &e->values[i]), 0);
	}
}

/* Rows of a plain view: one per event time. */
static struct asof_tiles
make_rows(struct kernel_case *c)
{
	struct asof_column *columns = case_alloc(&c->arena, CASE_OUTPUTS_MAX, sizeof(*columns));
	int64_t *event_us = case_alloc(&c->arena, CASE_EVENTS_MAX, sizeof(*event_us));
	size_t picked[CASE_EVENTS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < c->event_count; i++) {
		if (i + 1 < c->event_count && c->events[i].event_us == c->events[i + 1].event_us)
			continue;
		event_us[count] = c->events[i].event_us;
		picked[count++] = i;
	}
	for (size_t i = 0; i < c->view.output_count; i++) {
		struct asof_value *values = case_alloc(&c->arena, count, sizeof(*values));
		size_t column = case_column_index(c->features[i].column.text);
		for (size_t j = 0; j < count; j++)
			values[j] = c->events[picked[j]].values[column];
		columns[i] = case_column(c->outputs[i].type, values, count, &c->arena);
	}
	return (struct asof_tiles){ .count = count, .end_us = event_us, .states = columns };
}

/* Tiles [first, count): what materialize hands over. */
static struct asof_tiles
tiles_from(struct kernel_case *c, const struct asof_tiles *tiles, size_t first)
{
	struct asof_error err = { 0 };
	struct asof_tiles rest = *tiles;
	struct asof_column *states = case_alloc(&c->arena, c->layout.state_count, sizeof(*states));
	rest.count -= first;
	for (size_t i = 0; i < c->layout.state_count; i++) {
		struct asof_value *values = case_alloc(&c->arena, rest.count, sizeof(*values));
		for (size_t j = 0; j < rest.count; j++)
			assert_ok(asof_column_value(&tiles->states[i], first + j, &c->arena,
						    &values[j], &err),
				  err);
		states[i] = case_column(c->layout.states[i].type, values, rest.count, &c->arena);
	}
	rest.end_us += first;
	rest.created_us = tiles->created_us ? tiles->created_us + first : NULL;
	rest.order = tiles->order ? tiles->order + first : NULL;
	rest.states = states;
	return rest;
}

/* The first tile that matters at `at_us`. */
static size_t
first_that_matters(const struct kernel_case *c, const struct asof_tiles *tiles, int64_t at_us)
{
	int64_t instant_us = asof_window_instant(&c->view, at_us);
	int64_t longest_us = asof_view_longest_window_us(&c->view);
	int64_t newest_us = INT64_MIN;
	size_t first = 0;
	for (size_t i = 0; i < tiles->count && tiles->end_us[i] <= instant_us; i++)
		newest_us = tiles->end_us[i];
	while (first < tiles->count && tiles->end_us[first] <= instant_us - longest_us &&
	       tiles->end_us[first] != newest_us)
		first++;
	return first;
}

static void
add_defaults(struct random *r, struct kernel_case *c)
{
	for (size_t i = 0; i < c->view.output_count; i++) {
		struct asof_value *value = case_alloc(&c->arena, 1, sizeof(*value));
		*value = case_value(r, c->outputs[i].type, TASTE_TAME, &c->arena);
		value->is_null = random_below(r, 5) == 0;
		c->outputs[i].default_value = value;
		c->outputs[i].has_default = random_below(r, 2);
	}
}

static void
make_view(struct random *r, struct kernel_case *c)
{
	static const int64_t steps[] = { ASOF_STEP_NONE, ASOF_STEP_EVENT, 10 };
	case_init(c, steps[random_below(r, 3)]);
	c->view.available_after_us = random_below(r, 2) ? random_between(r, 0, 40) : 0;
	c->view.max_age_us = random_below(r, 2) ? random_between(r, 1, 60) : 0;
	size_t count = 1 + random_below(r, 6);
	if (c->view.step_us != ASOF_STEP_NONE)
		case_add_random_outputs(r, c, count, 10);
	while (c->view.output_count < count)
		(void)case_add_output(c, ASOF_AGG_NONE, case_names[random_below(r, CASE_COLUMNS)],
				      0, 0);
	if (c->view.step_us != ASOF_STEP_NONE)
		case_make_layout(c);
	case_make_events(r, c, random_below(r, 14), 60, TASTE_WILD);
	add_defaults(r, c);
}

/* Store the history at `at_us`; the bytes live in the case's arena. */
static struct asof_str
store(struct kernel_case *c, const struct asof_answer_plan *plan, const struct asof_tiles *history,
      int64_t at_us)
{
	struct asof_error err = { 0 };
	struct asof_row row;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	assert_ok(asof_answer_make_row(plan, history, at_us, &c->arena, &row, &err), err);
	assert_ok(asof_row_encode(&plan->shape, &row, &buf, &err), err);
	assert_int_equal(row.from_us, at_us);
	assert_true(row.until_us > at_us);
	char *copy = asof_arena_copy(&c->arena, asof_buf_view(&buf));
	assert_non_null(copy);
	return (struct asof_str){ copy, buf.len };
}

/* Sums of tame integers fit: no case fails. */
static void
answers_equal_direct_evaluation_at_every_clock(void **state)
{
	(void)state;
	struct random r = { 41 };
	for (size_t i = 0; i < random_cases(1500); i++) {
		struct asof_error err = { 0 };
		struct kernel_case c;
		struct asof_answer_plan plan;
		make_view(&r, &c);
		assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
		bool is_windowed = asof_view_is_windowed(&c.view);
		struct asof_tiles history = is_windowed ? case_make_tiles(&r, &c) : make_rows(&c);
		int64_t at_us = random_between(&r, -70, 70);
		struct asof_tiles known = history;
		if (is_windowed && random_below(&r, 2))
			known = tiles_from(&c, &history, first_that_matters(&c, &history, at_us));
		struct asof_str bytes = store(&c, &plan, &known, at_us);
		for (int64_t clock_us = at_us - 10; clock_us < at_us + 160;
		     clock_us += random_between(&r, 1, 9)) {
			struct asof_answer answer;
			int64_t counts_as_us = clock_us < at_us ? at_us : clock_us;
			struct expected expected = expect(&c, &history, counts_as_us);
			assert_ok(asof_answer_read(&plan, bytes, clock_us, &c.arena, &answer, &err),
				  err);
			assert_answer(&c.view, &answer, &expected);
		}
		case_done(&c);
	}
}

static void
a_missing_key_is_not_found_with_its_defaults(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_answer answer;
	case_init(&c, 10);
	assert_true(case_add_output(&c, ASOF_AGG_COUNT, NULL, 10, 0));
	assert_true(case_add_output(&c, ASOF_AGG_COUNT, NULL, 20, 0));
	struct asof_value value = seven;
	c.outputs[1].has_default = true;
	c.outputs[1].default_value = &value;
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	assert_ok(asof_answer_read(&plan, (struct asof_str){ 0 }, 0, &c.arena, &answer, &err), err);
	assert_false(answer.has_row);
	assert_true(answer.values[0].is_null);
	assert_int_equal(answer.values[1].int64, 7);
	assert_int_equal(answer.statuses[0], ASOF_VALUE_NOT_FOUND);
	assert_int_equal(answer.statuses[1], ASOF_VALUE_NOT_FOUND);
	case_done(&c);
}

/* Two events of one entity: x = 4 at 5, NULL at 15; as tiles that end at 10 and 20. */
static struct asof_tiles
two_events(struct random *r, struct kernel_case *c)
{
	c->event_count = 2;
	for (size_t i = 0; i < 2; i++) {
		c->events[i] =
			(struct case_event){ .event_us = 5 + 10 * (int64_t)i, .order = (int64_t)i };
		for (size_t j = 0; j < CASE_COLUMNS; j++)
			c->events[i].values[j] = asof_value_null(case_types[j]);
	}
	c->events[0].values[case_column_index("x")] = case_of_double(4);
	return case_make_tiles(r, c);
}

static void
four_kinds_of_nothing_are_told_apart(void **state)
{
	(void)state;
	struct random r = { 42 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_answer answer;
	struct asof_value fallback = case_of_double(-1);
	case_init(&c, 10);
	c.view.max_age_us = 100;
	static const enum asof_agg_kind aggs[] = { ASOF_AGG_MEAN, ASOF_AGG_STD, ASOF_AGG_MEAN };
	for (size_t i = 0; i < 3; i++) {
		assert_true(case_add_output(&c, aggs[i], "x", 20, 0));
		c.outputs[i].has_default = i < 2;
		c.outputs[i].default_value = &fallback;
	}
	assert_true(case_add_output(&c, ASOF_AGG_COUNT, "x", 20, 0));
	case_make_layout(&c);
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles tiles = two_events(&r, &c);
	struct asof_str bytes = store(&c, &plan, &tiles, 10);

	/* One value: a mean, but no deviation, for which no default stands. */
	assert_ok(asof_answer_read(&plan, bytes, 10, &c.arena, &answer, &err), err);
	assert_true(answer.values[0].float64 == 4);
	assert_true(answer.values[1].is_null);
	assert_int_equal(answer.statuses[1], ASOF_VALUE_NULL);

	/* At 30 the window holds a NULL only: it is empty. */
	assert_ok(asof_answer_read(&plan, bytes, 30, &c.arena, &answer, &err), err);
	assert_int_equal(answer.event_us, 20);
	for (size_t i = 0; i < 2; i++) {
		assert_true(answer.values[i].float64 == -1);
		assert_int_equal(answer.statuses[i], ASOF_VALUE_PRESENT);
	}
	assert_true(answer.values[2].is_null);
	assert_int_equal(answer.statuses[2], ASOF_VALUE_NULL);
	assert_int_equal(answer.values[3].int64, 0);
	assert_int_equal(answer.statuses[3], ASOF_VALUE_PRESENT);

	/* The newest END is 20: 120 is its last moment. */
	assert_ok(asof_answer_read(&plan, bytes, 120, &c.arena, &answer, &err), err);
	assert_int_equal(answer.statuses[3], ASOF_VALUE_PRESENT);
	assert_ok(asof_answer_read(&plan, bytes, 121, &c.arena, &answer, &err), err);
	assert_true(answer.has_row);
	assert_int_equal(answer.event_us, 20);
	assert_int_equal(answer.statuses[0], ASOF_VALUE_OUTSIDE_MAX_AGE);
	assert_true(answer.values[0].float64 == -1);
	assert_true(answer.values[3].is_null);
	case_done(&c);
}

static void
a_null_of_the_source_stays_null_in_a_plain_view(void **state)
{
	(void)state;
	struct random r = { 43 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_answer answer;
	struct asof_value fallback = case_of_double(-1);
	case_init(&c, ASOF_STEP_EVENT); /* for two_events() */
	(void)two_events(&r, &c);
	c.view.step_us = ASOF_STEP_NONE;
	assert_true(case_add_output(&c, ASOF_AGG_NONE, "x", 0, 0));
	c.outputs[0].has_default = true;
	c.outputs[0].default_value = &fallback;
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles rows = make_rows(&c);
	struct asof_str bytes = store(&c, &plan, &rows, 10);
	assert_ok(asof_answer_read(&plan, bytes, 14, &c.arena, &answer, &err), err);
	assert_true(answer.values[0].float64 == 4);
	assert_ok(asof_answer_read(&plan, bytes, 15, &c.arena, &answer, &err), err);
	assert_true(answer.values[0].is_null);
	assert_int_equal(answer.statuses[0], ASOF_VALUE_NULL);

	bytes = store(&c, &plan, &rows, 4); /* known, but not yet */
	assert_ok(asof_answer_read(&plan, bytes, 4, &c.arena, &answer, &err), err);
	assert_int_equal(answer.statuses[0], ASOF_VALUE_NOT_FOUND);
	assert_true(answer.values[0].float64 == -1);
	case_done(&c);
}

static void
latest_keeps_only_the_values(void **state)
{
	(void)state;
	struct random r = { 44 };
	static const int64_t steps[] = { ASOF_STEP_NONE, 10 };
	for (size_t i = 0; i < ASOF_COUNTOF(steps); i++) {
		struct asof_error err = { 0 };
		struct kernel_case c;
		struct asof_answer_plan plan;
		struct asof_answer answer;
		struct asof_row row;
		bool is_windowed = steps[i] != ASOF_STEP_NONE;
		case_init(&c, steps[i]);
		c.view.online = ASOF_ONLINE_LATEST;
		assert_true(case_add_output(&c, is_windowed ? ASOF_AGG_SUM : ASOF_AGG_NONE, "x", 10,
					    0));
		if (is_windowed)
			case_make_layout(&c);
		else
			c.view.step_us = ASOF_STEP_EVENT;
		struct asof_tiles tiles = two_events(&r, &c);
		c.view.step_us = steps[i];
		if (!is_windowed)
			tiles = make_rows(&c);
		assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
		assert_ok(asof_answer_make_row(&plan, &tiles, 10, &c.arena, &row, &err), err);
		assert_int_equal(row.entry_count, 0);
		assert_int_equal(row.until_us, INT64_MAX);
		struct asof_str bytes = store(&c, &plan, &tiles, 10);
		assert_ok(asof_answer_read(&plan, bytes, INT64_MAX, &c.arena, &answer, &err), err);
		assert_true(answer.values[0].float64 == 4);
		case_done(&c);
	}
}

static void
only_tiles_that_still_matter_are_kept(void **state)
{
	(void)state;
	struct random r = { 45 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_row row;
	case_init(&c, 10);
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "x", 10, 0));
	case_make_layout(&c);
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles tiles = two_events(&r, &c);
	assert_ok(asof_answer_make_row(&plan, &tiles, 10, &c.arena, &row, &err), err);
	assert_int_equal(row.entry_count, 2);
	assert_int_equal(row.until_us, 20);
	assert_ok(asof_answer_make_row(&plan, &tiles, 20, &c.arena, &row, &err), err);
	assert_int_equal(row.entry_count, 1);
	assert_int_equal(row.until_us, 30);
	assert_ok(asof_answer_make_row(&plan, &tiles, 500, &c.arena, &row, &err), err);
	assert_int_equal(row.entry_count, 1); /* it dates the answer */
	assert_int_equal(row.until_us, INT64_MAX);
	case_done(&c);
}

static void
what_is_not_available_yet_enters_later(void **state)
{
	(void)state;
	struct random r = { 46 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_row row;
	case_init(&c, 10);
	c.view.available_after_us = 7;
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "x", 10, 0));
	case_make_layout(&c);
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles tiles = two_events(&r, &c);
	assert_ok(asof_answer_make_row(&plan, &tiles, 16, &c.arena, &row, &err), err);
	assert_false(row.has_answer);
	assert_int_equal(row.until_us, 17);
	assert_ok(asof_answer_make_row(&plan, &tiles, 17, &c.arena, &row, &err), err);
	assert_true(row.has_answer);
	assert_int_equal(row.event_us, 10);
	assert_int_equal(row.until_us, 27);
	case_done(&c);
}

static void
events_without_created_time_and_order_keep_none(void **state)
{
	(void)state;
	struct random r = { 47 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_answer answer;
	case_init(&c, ASOF_STEP_EVENT);
	assert_true(case_add_output(&c, ASOF_AGG_LAST, "x", 100, 0));
	case_make_layout(&c);
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles tiles = two_events(&r, &c);
	tiles.created_us = NULL;
	tiles.order = NULL;
	struct asof_str bytes = store(&c, &plan, &tiles, 10);
	assert_ok(asof_answer_read(&plan, bytes, 50, &c.arena, &answer, &err), err);
	assert_true(answer.values[0].float64 == 4);
	assert_int_equal(answer.event_us, 15);
	case_done(&c);
}

static void
statuses_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(asof_value_status_text(ASOF_VALUE_PRESENT), "PRESENT");
	assert_string_equal(asof_value_status_text(ASOF_VALUE_NULL), "NULL_VALUE");
	assert_string_equal(asof_value_status_text(ASOF_VALUE_NOT_FOUND), "NOT_FOUND");
	assert_string_equal(asof_value_status_text(ASOF_VALUE_OUTSIDE_MAX_AGE), "OUTSIDE_MAX_AGE");
}

static void
bytes_of_another_view_are_corrupt(void **state)
{
	(void)state;
	struct random r = { 48 };
	struct asof_error err = { 0 };
	struct kernel_case c;
	struct asof_answer_plan plan;
	struct asof_answer_plan other;
	struct asof_answer answer;
	case_init(&c, 10);
	assert_true(case_add_output(&c, ASOF_AGG_SUM, "x", 10, 0));
	case_make_layout(&c);
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &plan, &err), err);
	struct asof_tiles tiles = two_events(&r, &c);
	struct asof_str bytes = store(&c, &plan, &tiles, 10);
	assert_true(case_add_output(&c, ASOF_AGG_MAX, "x", 10, 0));
	assert_ok(asof_answer_plan_make(&c.view, &c.arena, &other, &err), err);
	assert_int_equal(asof_answer_read(&other, bytes, 10, &c.arena, &answer, &err),
			 ASOF_CORRUPT);
	case_done(&c);
}

static enum asof_status
store_and_read(const struct kernel_case *c, const struct asof_tiles *history, int64_t clock_us,
	       struct asof_arena *arena, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ROW_MAX);
	struct asof_answer_plan plan;
	struct asof_row row;
	struct asof_answer answer;
	ASOF_TRY(asof_answer_plan_make(&c->view, arena, &plan, err));
	ASOF_TRY(asof_answer_make_row(&plan, history, 0, arena, &row, err));
	ASOF_TRY(asof_row_encode(&plan.shape, &row, &buf, err));
	ASOF_TRY(asof_answer_read(&plan, asof_buf_view(&buf), clock_us, arena, &answer, err));
	return ASOF_OK;
}

/* An arena that ends at every size in turn, then every allocation failed in turn. */
static void
every_way_out_of_memory_is_survived(void **state)
{
	(void)state;
	struct random r = { 49 };
	for (int i = 0; i < 60; i++) {
		struct kernel_case c;
		make_view(&r, &c);
		bool is_windowed = asof_view_is_windowed(&c.view);
		struct asof_tiles history = is_windowed ? case_make_tiles(&r, &c) : make_rows(&c);
		int64_t clock_us = random_between(&r, 0, 80);
		for (size_t max = 16;; max += 16) {
			struct asof_error err = { 0 };
			ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(max);
			enum asof_status status =
				store_and_read(&c, &history, clock_us, &small, &err);
			if (status == ASOF_OK)
				break;
			assert_int_equal(status, ASOF_NO_MEMORY);
			assert_true(err.message[0] != '\0');
		}
		for (size_t n = 1;; n++) {
			struct asof_error err = { 0 };
			ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
			asof_mem_fail_at(n);
			enum asof_status status =
				store_and_read(&c, &history, clock_us, &arena, &err);
			asof_mem_fail_at(0);
			if (status == ASOF_OK)
				break;
			assert_int_equal(status, ASOF_NO_MEMORY);
		}
		case_done(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_equal_direct_evaluation_at_every_clock),
		cmocka_unit_test(a_missing_key_is_not_found_with_its_defaults),
		cmocka_unit_test(four_kinds_of_nothing_are_told_apart),
		cmocka_unit_test(a_null_of_the_source_stays_null_in_a_plain_view),
		cmocka_unit_test(latest_keeps_only_the_values),
		cmocka_unit_test(only_tiles_that_still_matter_are_kept),
		cmocka_unit_test(what_is_not_available_yet_enters_later),
		cmocka_unit_test(events_without_created_time_and_order_keep_none),
		cmocka_unit_test(statuses_have_their_names),
		cmocka_unit_test(bytes_of_another_view_are_corrupt),
		cmocka_unit_test(every_way_out_of_memory_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
