#include "model/tile.h"

#include <stdio.h>

#include "check.h"

#define OUTPUTS_MAX 8

/* A view over columns i (int64), d (decimal), s (string), t (list): outputs are added to it. */
struct fixture {
	struct asof_field fields[4];
	struct asof_source source;
	struct asof_feature features[OUTPUTS_MAX];
	struct asof_output outputs[OUTPUTS_MAX];
	struct asof_view view;
	struct asof_arena arena;
};

static void
fixture_init(struct fixture *f, int64_t step_us)
{
	*f = (struct fixture){
		.fields = { { "i", ASOF_TYPE(ASOF_TYPE_INT64), "" },
			    { "d", { .kind = ASOF_TYPE_DECIMAL, .precision = 10, .scale = 2 }, "" },
			    { "s", ASOF_TYPE(ASOF_TYPE_STRING), "" },
			    { "t", { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT32 }, "" } },
	};
	f->source = (struct asof_source){ .name = "src", .fields = f->fields, .field_count = 4 };
	f->view = (struct asof_view){
		.name = "v", .source = &f->source, .step_us = step_us, .outputs = f->outputs
	};
}

static void
fixture_done(struct fixture *f)
{
	asof_arena_done(&f->arena);
}

/* column NULL: a count of rows */
static void
add(struct fixture *f, const char *column, enum asof_agg_kind agg)
{
	size_t i = f->view.output_count++;
	f->features[i] = (struct asof_feature){ .column.text = column };
	f->outputs[i] = (struct asof_output){ .feature = &f->features[i], .agg = agg };
}

/* The states as "name type, ...". */
static void
assert_layout(struct fixture *f, const char *want)
{
	struct asof_error err = { 0 };
	struct asof_tile_layout layout;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	assert_ok(asof_tile_layout_make(&f->view, &f->arena, &layout, &err), err);
	for (size_t i = 0; i < layout.state_count; i++) {
		const struct asof_state *state = &layout.states[i];
		char text[ASOF_TYPE_TEXT_MAX];
		asof_buf_printf(&buf, "%s%s %s", i ? ", " : "", state->name,
				asof_type_text(state->type, text));
		if (state->kind == ASOF_STATE_ROWS)
			assert_true(i == 0 && state->column == SIZE_MAX);
		else
			assert_int_equal(layout.columns[state->column].state[state->kind], i);
	}
	assert_string_equal(asof_buf_cstr(&buf), want);
	assert_true(layout.step_us == f->view.step_us);
	for (size_t i = 0; i < f->view.output_count; i++) {
		const char *column = f->features[i].column.text;
		size_t index = layout.output_columns[i];
		assert_true((index == SIZE_MAX) == (column == NULL));
		if (column)
			assert_string_equal(layout.columns[index].name, column);
	}
}

static void
every_aggregate_has_its_states(void **state)
{
	(void)state;
	static const struct {
		const char *column;
		enum asof_agg_kind agg;
		const char *states;
	} cases[] = {
		{ NULL, ASOF_AGG_COUNT, "" },
		{ "s", ASOF_AGG_COUNT, ", s__count int64" },
		{ "i", ASOF_AGG_SUM, ", i__count int64, i__sum float64, i__sum_lo float64" },
		{ "i", ASOF_AGG_MEAN, ", i__count int64, i__sum float64, i__sum_lo float64" },
		{ "d", ASOF_AGG_MEAN, ", d__count int64, d__sum decimal(38,2)" },
		{ "i", ASOF_AGG_STD,
		  ", i__count int64, i__sum float64, i__sum_lo float64, i__squares float64, "
		  "i__squares_lo float64" },
		{ "d", ASOF_AGG_VAR,
		  ", d__count int64, d__sum decimal(38,2), d__squares float64, d__squares_lo "
		  "float64" },
		{ "s", ASOF_AGG_MIN, ", s__min string" },
		{ "d", ASOF_AGG_MAX, ", d__max decimal(10,2)" },
		{ "d", ASOF_AGG_MEDIAN, ", d__values list<decimal(10,2)>" },
		{ "i", ASOF_AGG_QUANTILE, ", i__values list<int64>" },
		{ "s", ASOF_AGG_COUNT_DISTINCT, ", s__distinct list<string>" },
		{ "t", ASOF_AGG_FIRST,
		  ", t__first list<int32>, t__first_at timestamp, t__first_created timestamp, "
		  "t__first_order int64" },
		{ "s", ASOF_AGG_LAST,
		  ", s__last string, s__last_at timestamp, s__last_created timestamp, "
		  "s__last_order int64" },
		{ "s", ASOF_AGG_NONE, "" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(fixture_done) struct fixture f;
		char want[400];
		fixture_init(&f, 10);
		add(&f, cases[i].column, cases[i].agg);
		(void)snprintf(want, sizeof(want), "_count int64%s", cases[i].states);
		assert_layout(&f, want);
	}
}

static void
states_are_shared_and_in_one_order(void **state)
{
	(void)state;
	static const char want[] = "_count int64, d__max decimal(10,2), i__count int64, i__sum "
				   "float64, i__sum_lo float64, i__squares float64, i__squares_lo "
				   "float64, s__count int64";
	ASOF_AUTO(fixture_done) struct fixture f;
	fixture_init(&f, 10);
	add(&f, "s", ASOF_AGG_COUNT);
	add(&f, "i", ASOF_AGG_STD);
	add(&f, NULL, ASOF_AGG_COUNT);
	add(&f, "i", ASOF_AGG_MEAN);
	add(&f, "d", ASOF_AGG_MAX);
	assert_layout(&f, want);

	ASOF_AUTO(fixture_done) struct fixture other;
	fixture_init(&other, 10);
	add(&other, "d", ASOF_AGG_MAX);
	add(&other, "i", ASOF_AGG_VAR);
	add(&other, "s", ASOF_AGG_COUNT);
	assert_layout(&other, want);
}

static void
a_tile_of_one_event_holds_the_value(void **state)
{
	(void)state;
	ASOF_AUTO(fixture_done) struct fixture f;
	fixture_init(&f, ASOF_STEP_EVENT);
	add(&f, "s", ASOF_AGG_LAST);
	add(&f, NULL, ASOF_AGG_COUNT);
	add(&f, "i", ASOF_AGG_STD);
	add(&f, "i", ASOF_AGG_MEDIAN);
	assert_layout(&f, "i__value int64, s__value string");

	ASOF_AUTO(fixture_done) struct fixture rows;
	fixture_init(&rows, ASOF_STEP_EVENT);
	add(&rows, NULL, ASOF_AGG_COUNT);
	assert_layout(&rows, "");
}

static void
a_column_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_tile_layout layout;
	ASOF_AUTO(fixture_done) struct fixture f;
	fixture_init(&f, 10);
	add(&f, "nope", ASOF_AGG_SUM);
	assert_int_equal(asof_tile_layout_make(&f.view, &f.arena, &layout, &err), ASOF_INVALID);
	assert_string_equal(err.message, "view 'v': source 'src' has no 'nope'");
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	/* The arena's limit stands for allocations: each is one too many in turn. */
	for (size_t limit = 1;; limit += 16) {
		struct asof_error err = { 0 };
		struct asof_tile_layout layout;
		ASOF_AUTO(fixture_done) struct fixture f;
		fixture_init(&f, 10);
		f.arena = ASOF_ARENA(limit);
		add(&f, "s", ASOF_AGG_LAST);
		add(&f, "i", ASOF_AGG_STD);
		enum asof_status status = asof_tile_layout_make(&f.view, &f.arena, &layout, &err);
		if (status == ASOF_OK)
			break;
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(limit < 100000);
	}
	assert_int_equal(asof_mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_aggregate_has_its_states),
		cmocka_unit_test(states_are_shared_and_in_one_order),
		cmocka_unit_test(a_tile_of_one_event_holds_the_value),
		cmocka_unit_test(a_column_that_is_not_there_is_told),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
