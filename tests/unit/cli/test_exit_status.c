/* test_exit_status.c - every status has its exit code and its word. */
#include "check.h"

#include <string.h>

#include "cli/exit_status.h"

static void
each_status_has_the_exit_that_the_design_gives_it(void **state)
{
	(void)state;
	static const struct {
		enum asof_status status;
		int code;
	} cases[] = {
		{ ASOF_OK, 0 },          { ASOF_INVALID, 2 },      { ASOF_NOT_FOUND, 2 },
		{ ASOF_CONFLICT, 4 },    { ASOF_LIMIT, 1 },        { ASOF_UNSUPPORTED, 2 },
		{ ASOF_UNAVAILABLE, 1 }, { ASOF_TIMEOUT, 1 },      { ASOF_IO, 1 },
		{ ASOF_CORRUPT, 1 },     { ASOF_NO_MEMORY, 1 },    { ASOF_INTERNAL, 1 },
		{ ASOF_CANCELLED, 130 }, { ASOF_CHECK_FAILED, 3 },
	};
	assert_int_equal(sizeof(cases) / sizeof(cases[0]), ASOF_CHECK_FAILED + 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(asof_exit_of(cases[i].status), cases[i].code);
}

static void
each_status_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i <= ASOF_CHECK_FAILED; i++) {
		const char *word = asof_status_code((enum asof_status)i);
		assert_string_not_equal(word, "unknown");
		assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz_"), strlen(word));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(word, asof_status_code((enum asof_status)j));
	}
	assert_string_equal(asof_status_code((enum asof_status)99), "unknown");
}

static void
every_exit_code_is_explained(void **state)
{
	(void)state;
	for (int i = 0; i <= ASOF_CHECK_FAILED; i++) {
		bool is_found = false;
		for (size_t j = 0; j < sizeof(asof_exit_texts) / sizeof(asof_exit_texts[0]); j++)
			is_found = is_found ||
				   asof_exit_texts[j].code == asof_exit_of((enum asof_status)i);
		assert_true(is_found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_the_exit_that_the_design_gives_it),
		cmocka_unit_test(each_status_has_a_word_of_its_own),
		cmocka_unit_test(every_exit_code_is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
