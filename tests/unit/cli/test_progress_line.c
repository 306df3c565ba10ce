/* test_progress_line.c - the line that says how far a job is. */
#include "check.h"

#include <math.h>

#include "cli/progress_line.h"
#include "cli/text_width.h"

static void
assert_line(struct asof_progress_state state, size_t width, bool is_utf8, const char *expected)
{
	struct asof_buf buf = ASOF_BUF(1024);
	asof_progress_line(&state, width, is_utf8, &buf);
	assert_string_equal(asof_buf_cstr(&buf), expected);
	asof_buf_done(&buf);
}

static struct asof_progress_state
state_of(const char *stage, double fraction, double elapsed_s)
{
	return (struct asof_progress_state){ asof_str_from(stage), fraction, elapsed_s };
}

static void
a_line_has_stage_bar_per_cent_elapsed_and_time_left(void **state)
{
	(void)state;
	assert_line(state_of("build 'v'", 0.5, 10), 80, false,
		    "build 'v'  [###############---------------]   50%  10.0 s  left 10.0 s");
	assert_line(state_of("build 'v'", 1, 2), 80, false,
		    "build 'v'  [##############################]  100%  2.00 s  left 0 ms");
}

static void
a_terminal_of_utf8_gets_blocks(void **state)
{
	(void)state;
	assert_line(state_of("b", 0.5, 0.5), 26, true,
		    "b  [\u2588\u2588\u2588\u2591\u2591\u2591\u2591]   50%  0.50 s");
}

static void
an_early_estimate_is_not_shown(void **state)
{
	(void)state;
	assert_line(state_of("b", 0.5, 0.5), 26, false, "b  [###----]   50%  0.50 s");
	assert_line(state_of("b", 0.001, 50), 26, false, "b  [-------]    0%  50.0 s");
}

static void
an_unknown_fraction_has_no_bar(void **state)
{
	(void)state;
	assert_line(state_of("read", -1, 3), 80, false, "read  3.00 s");
	assert_line(state_of("read", (double)NAN, 3), 80, false, "read  3.00 s");
}

static void
no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	static const char *const stages[] = { "", "b", "build 'departures'",
					      "publish '\u6771\u4eac\u6771\u4eac\u6771\u4eac'" };
	static const double fractions[] = { -1, 0, 0.3333, 1, 2 };
	for (size_t width = 0; width < 120; width++) {
		for (size_t i = 0; i < ASOF_COUNTOF(stages) * ASOF_COUNTOF(fractions); i++) {
			struct asof_buf buf = ASOF_BUF(1024);
			struct asof_progress_state line =
				state_of(stages[i % ASOF_COUNTOF(stages)],
					 fractions[i / ASOF_COUNTOF(stages)], 3723);
			asof_progress_line(&line, width, i % 2 == 0, &buf);
			assert_int_equal(buf.status, ASOF_OK);
			assert_true(asof_text_width(asof_buf_view(&buf)) <= width);
			asof_buf_done(&buf);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_stage_bar_per_cent_elapsed_and_time_left),
		cmocka_unit_test(a_terminal_of_utf8_gets_blocks),
		cmocka_unit_test(an_early_estimate_is_not_shown),
		cmocka_unit_test(an_unknown_fraction_has_no_bar),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
