#include "base/cancel.h"
#include "base/clock.h"

#include <signal.h>
#include <time.h>

#include "check.h"

static void
a_held_clock_stands_still(void **state)
{
	(void)state;
	struct asof_clock clock = asof_clock_held(993859200000000);
	assert_int_equal(asof_clock_now_us(&clock), 993859200000000);
	assert_int_equal(asof_clock_now_us(&clock), 993859200000000);
	clock = asof_clock_held(-5);
	assert_int_equal(asof_clock_now_us(&clock), -5);
}

static void
a_started_clock_runs_with_the_monotonic_one(void **state)
{
	(void)state;
	int64_t before = asof_monotonic_us();
	struct asof_clock clock = asof_clock_from(1000000);
	int64_t last = asof_clock_now_us(&clock);
	assert_true(last >= 1000000);
	while (asof_monotonic_us() < before + 2000) {
		int64_t now = asof_clock_now_us(&clock);
		assert_true(now >= last);
		last = now;
	}
	assert_true(asof_clock_now_us(&clock) > 1000000);
	assert_true(asof_clock_now_us(&clock) - 1000000 <= asof_monotonic_us() - before);
}

static void
the_system_clock_is_the_time_of_day(void **state)
{
	(void)state;
	struct asof_clock clock = asof_clock_system();
	int64_t before_s = (int64_t)time(NULL);
	int64_t now_us = asof_clock_now_us(&clock);
	int64_t after_s = (int64_t)time(NULL);
	assert_true(now_us / 1000000 >= before_s - 1 && now_us / 1000000 <= after_s + 1);
}

static struct asof_cancel cancel_of_signal;

static void
on_signal(int number)
{
	(void)number;
	asof_cancel_request(&cancel_of_signal); /* NOLINT(bugprone-signal-handler): one store */
}

static void
a_request_to_stop_is_seen(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_false(asof_cancel_is_requested(NULL));
	assert_ok(asof_cancel_check(NULL, &err), err);
	assert_ok(asof_cancel_check(&cancel_of_signal, &err), err);

	assert_true(signal(SIGUSR1, on_signal) != SIG_ERR);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_true(asof_cancel_is_requested(&cancel_of_signal));
	assert_int_equal(asof_cancel_check(&cancel_of_signal, &err), ASOF_CANCELLED);
	assert_string_equal(err.message, "interrupted");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_clock_stands_still),
		cmocka_unit_test(a_started_clock_runs_with_the_monotonic_one),
		cmocka_unit_test(the_system_clock_is_the_time_of_day),
		cmocka_unit_test(a_request_to_stop_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
