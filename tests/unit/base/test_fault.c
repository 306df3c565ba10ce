#include "base/fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int
disarm(void **state)
{
	(void)state;
	asof_fault_disarm_all();
	return unsetenv("ASOF_FAULT");
}

static void
nothing_fails_while_nothing_is_armed(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_fault_point("a.b", &err), err);
	assert_ok(asof_fault_arm_from_env(&err), err);
	assert_ok(asof_fault_point("a.b", &err), err);
}

static void
the_nth_passing_fails_and_no_other(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_fault_arm("a.b", 3, ASOF_FAULT_FAIL, &err), err);
	for (int i = 1; i <= 6; i++) {
		assert_ok(asof_fault_point("a", &err), err);
		assert_ok(asof_fault_point("a.b.c", &err), err);
		assert_int_equal(asof_fault_point("a.b", &err), i == 3 ? ASOF_IO : ASOF_OK);
	}
	assert_string_equal(err.message, "injected fault at 'a.b'");
	assert_ok(asof_fault_arm("a.b", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_fault_point("a.b", NULL), ASOF_IO);
}

static void
disarming_forgets_all(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_fault_arm("a", 1, ASOF_FAULT_FAIL, &err), err);
	assert_ok(asof_fault_arm("b", 1, ASOF_FAULT_KILL, &err), err);
	asof_fault_disarm_all();
	assert_ok(asof_fault_point("a", &err), err);
	assert_ok(asof_fault_point("b", &err), err);
}

static void
what_cannot_be_armed_is_refused(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	char name[65];
	memset(name, 'n', 64);
	name[64] = '\0';
	assert_int_equal(asof_fault_arm("", 1, ASOF_FAULT_FAIL, &err), ASOF_INVALID);
	assert_int_equal(asof_fault_arm(name, 1, ASOF_FAULT_FAIL, &err), ASOF_INVALID);
	assert_int_equal(asof_fault_arm("a", 0, ASOF_FAULT_FAIL, &err), ASOF_INVALID);
	assert_ok(asof_fault_arm("a", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_fault_arm("a", 2, ASOF_FAULT_FAIL, &err), ASOF_CONFLICT);
	assert_string_equal(err.message, "fault point 'a' is armed already");

	name[63] = '\0';
	assert_ok(asof_fault_arm(name, 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_fault_point(name, &err), ASOF_IO);

	enum asof_status status = ASOF_OK;
	int armed = 1;
	while (status == ASOF_OK && armed < 100) {
		char many[32];
		(void)snprintf(many, sizeof(many), "point%d", armed);
		status = asof_fault_arm(many, 1, ASOF_FAULT_FAIL, &err);
		armed += status == ASOF_OK;
	}
	assert_int_equal(status, ASOF_LIMIT);
	assert_int_equal(armed, 16);
}

static void
the_environment_arms(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_int_equal(setenv("ASOF_FAULT", "a.b=fail,c:2=fail", 1), 0);
	assert_ok(asof_fault_arm_from_env(&err), err);
	assert_int_equal(asof_fault_point("a.b", &err), ASOF_IO);
	assert_ok(asof_fault_point("c", &err), err);
	assert_int_equal(asof_fault_point("c", &err), ASOF_IO);
}

static void
a_wrong_environment_is_told(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"a",
		"a=",
		"a=explode",
		"=fail",
		"a:=fail",
		"a:x=fail",
		"a:0=fail",
		":1=fail",
		"a:5000000000=fail",
		"a=fail,a=kill",
		"a=fail,,b=fail",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(wrong); i++) {
		struct asof_error err = { 0 };
		asof_fault_disarm_all();
		assert_int_equal(setenv("ASOF_FAULT", wrong[i], 1), 0);
		if (asof_fault_arm_from_env(&err) == ASOF_OK)
			fail_msg("'%s' was taken", wrong[i]);
		assert_true(err.message[0] != '\0');
	}
	assert_int_equal(setenv("ASOF_FAULT", "", 1), 0);
	assert_int_equal(asof_fault_arm_from_env(NULL), ASOF_OK);
}

static void
kill_dies_without_a_word(void **state)
{
	(void)state;
	assert_int_equal(setenv("ASOF_FAULT", "lake.commit:2=kill", 1), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (asof_fault_arm_from_env(NULL) != ASOF_OK)
			_exit(1);
		if (asof_fault_point("lake.commit", NULL) != ASOF_OK)
			_exit(2);
		(void)!asof_fault_point("lake.commit", NULL);
		_exit(3);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static volatile sig_atomic_t interrupted;

static void
note_signal(int number)
{
	interrupted = number;
}

static void
interrupt_tells_who_handles_the_signal_and_passes(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct sigaction note = { .sa_handler = note_signal };
	struct sigaction before;
	(void)sigemptyset(&note.sa_mask);
	assert_int_equal(sigaction(SIGINT, &note, &before), 0);
	assert_int_equal(setenv("ASOF_FAULT", "a:2=interrupt", 1), 0);
	assert_ok(asof_fault_arm_from_env(&err), err);
	assert_ok(asof_fault_point("a", &err), err);
	assert_int_equal(interrupted, 0);
	assert_ok(asof_fault_point("a", &err), err);
	assert_int_equal(interrupted, SIGINT);
	assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
}

enum { THREADS = 4, PASSINGS = 2000 };

static void *
pass_often(void *arg)
{
	size_t *failures = arg;
	for (int i = 0; i < PASSINGS; i++)
		*failures += asof_fault_point("shared", NULL) != ASOF_OK;
	return NULL;
}

static void
one_passing_of_all_threads_fails(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_fault_arm("shared", THREADS * PASSINGS, ASOF_FAULT_FAIL, &err), err);
	pthread_t threads[THREADS];
	size_t failures[THREADS] = { 0 };
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, pass_often, &failures[i]), 0);
	size_t total = 0;
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		total += failures[i];
	}
	assert_int_equal(total, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_fails_while_nothing_is_armed, disarm),
		cmocka_unit_test_teardown(the_nth_passing_fails_and_no_other, disarm),
		cmocka_unit_test_teardown(disarming_forgets_all, disarm),
		cmocka_unit_test_teardown(what_cannot_be_armed_is_refused, disarm),
		cmocka_unit_test_teardown(the_environment_arms, disarm),
		cmocka_unit_test_teardown(a_wrong_environment_is_told, disarm),
		cmocka_unit_test_teardown(kill_dies_without_a_word, disarm),
		cmocka_unit_test_teardown(interrupt_tells_who_handles_the_signal_and_passes,
					  disarm),
		cmocka_unit_test_teardown(one_passing_of_all_threads_fails, disarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
