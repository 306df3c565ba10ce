#include "base/base.h"
#include "base/utf8.h"

#include "check.h"

static enum asof_status
fail_with(struct asof_error *err, const char *name)
{
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%s'", name);
}

static enum asof_status
pass_on(struct asof_error *err)
{
	ASOF_TRY(fail_with(err, "v"));
	return ASOF_OK;
}

static void
a_failure_keeps_its_status_and_text(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_int_equal(pass_on(&err), ASOF_NOT_FOUND);
	assert_int_equal(err.status, ASOF_NOT_FOUND);
	assert_string_equal(err.message, "no view 'v'");
}

static void
context_goes_in_front(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	enum asof_status status = pass_on(&err);
	assert_int_equal(ASOF_WRAP(&err, status, "build '%s'", "b"), ASOF_NOT_FOUND);
	assert_string_equal(err.message, "build 'b': no view 'v'");
	assert_int_equal(ASOF_WRAP(&err, ASOF_IO, "read"), ASOF_IO);
	assert_int_equal(err.status, ASOF_IO);
	assert_string_equal(err.message, "read: build 'b': no view 'v'");
}

static void
nobody_has_to_ask_for_the_text(void **state)
{
	(void)state;
	assert_int_equal(fail_with(NULL, "v"), ASOF_NOT_FOUND);
	assert_int_equal(ASOF_WRAP(NULL, ASOF_IO, "read"), ASOF_IO);
}

static void
a_long_message_loses_its_end(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	char name[2000];
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	(void)fail_with(&err, name);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	(void)ASOF_WRAP(&err, ASOF_IO, "outer");
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	assert_memory_equal(err.message, "outer: no view 'xxx", 19);
	(void)ASOF_WRAP(&err, ASOF_IO, "%s", name);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	assert_memory_equal(err.message, "xxx", 3);
}

/* Whatever the byte at which a message is cut, what is left is UTF-8. */
static void
a_cut_never_splits_a_character(void **state)
{
	(void)state;
	static const char *const characters[] = { "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
	for (size_t c = 0; c < ASOF_COUNTOF(characters); c++) {
		for (size_t front = 0; front < 5; front++) {
			char text[2000] = "aaaa";
			text[front] = '\0';
			while (strlen(text) < 1100)
				memcpy(text + strlen(text), characters[c],
				       strlen(characters[c]) + 1);

			struct asof_error err = { 0 };
			(void)ASOF_FAIL(&err, ASOF_IO, "%s", text);
			struct asof_str message = asof_str_from(err.message);
			assert_true(message.len > sizeof(err.message) - 5);
			assert_int_equal(asof_utf8_valid_prefix(message), message.len);

			(void)ASOF_WRAP(&err, ASOF_IO, "outer");
			message = asof_str_from(err.message);
			assert_true(message.len > sizeof(err.message) - 5);
			assert_int_equal(asof_utf8_valid_prefix(message), message.len);
		}
	}
}

static void
a_message_that_is_no_utf8_is_kept(void **state)
{
	(void)state;
	char text[1100];
	memset(text, 0x80, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	struct asof_error err = { 0 };
	(void)ASOF_FAIL(&err, ASOF_IO, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void
every_status_has_a_text(void **state)
{
	(void)state;
	for (int s = ASOF_OK; s <= ASOF_CHECK_FAILED; s++)
		assert_true(strlen(asof_status_text((enum asof_status)s)) > 0);
	assert_string_equal(asof_status_text(ASOF_CANCELLED), "interrupted");
	assert_string_equal(asof_status_text((enum asof_status)999), "unknown");
}

static void
only_passing_trouble_is_retryable(void **state)
{
	(void)state;
	for (int s = ASOF_OK; s <= ASOF_CHECK_FAILED; s++)
		assert_int_equal(asof_status_is_retryable((enum asof_status)s),
				 s == ASOF_UNAVAILABLE || s == ASOF_TIMEOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_keeps_its_status_and_text),
		cmocka_unit_test(context_goes_in_front),
		cmocka_unit_test(nobody_has_to_ask_for_the_text),
		cmocka_unit_test(a_long_message_loses_its_end),
		cmocka_unit_test(a_cut_never_splits_a_character),
		cmocka_unit_test(a_message_that_is_no_utf8_is_kept),
		cmocka_unit_test(every_status_has_a_text),
		cmocka_unit_test(only_passing_trouble_is_retryable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
