/* test_online_meta.c - what a table of the store says about itself. */
#include "codec/json_reader.h"
#include "job/materialize_view.h"
#include "job_samples.h"

static const struct asof_online_meta meta = {
	.view = "v",
	.version = "1.0.3",
	.definition_hash = "0123456789abcdef0123456789abcdef",
	.definition_json = "{\"views\":{\"v\":{\"d\":\"\\\"\xc3\xa9\\n\"}}}",
	.at_us = INT64_MIN,
	.row_count = INT64_MAX,
};

static void
what_is_written_is_read_back(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_online_meta back = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_online_meta_write(&meta, &text);
	assert_ok(asof_buf_status(&text, &err), err);
	assert_ok(asof_online_meta_read(asof_buf_view(&text), &arena, &back, &err), err);
	asof_buf_done(&text); /* nothing is borrowed from the text */
	assert_string_equal(back.view, meta.view);
	assert_string_equal(back.version, meta.version);
	assert_string_equal(back.definition_hash, meta.definition_hash);
	assert_string_equal(back.definition_json, meta.definition_json);
	assert_true(back.at_us == meta.at_us);
	assert_true(back.row_count == meta.row_count);
}

/* Each member left out, and each of another kind. */
static void
a_member_that_lacks_or_is_of_another_kind_is_corrupt(void **state)
{
	(void)state;
	static const char *const members[] = {
		"\"view\":\"v\"",        "\"version\":\"1.0.0\"", "\"definition_hash\":\"h\"",
		"\"definition\":\"{}\"", "\"at_us\":1",           "\"rows\":2"
	};
	for (size_t bad = 0; bad < ASOF_COUNTOF(members); bad++) {
		for (int is_left_out = 0; is_left_out < 2; is_left_out++) {
			struct asof_error err = { 0 };
			struct asof_online_meta back = meta;
			ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
			ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
			asof_buf_add_cstr(&text, "{\"more\":null");
			for (size_t i = 0; i < ASOF_COUNTOF(members); i++) {
				size_t name_len = (size_t)(strchr(members[i], ':') - members[i]);
				if (i != bad)
					asof_buf_printf(&text, ",%s", members[i]);
				else if (!is_left_out)
					asof_buf_printf(&text, ",%.*s:[]", (int)name_len,
							members[i]);
			}
			asof_buf_add_char(&text, '}');
			assert_int_equal(
				asof_online_meta_read(asof_buf_view(&text), &arena, &back, &err),
				ASOF_CORRUPT);
			assert_non_null(strstr(err.message, "online table's description: "));
			assert_memory_equal(&back, &meta, sizeof(meta));
		}
	}
}

static void
bytes_that_are_no_json_are_corrupt(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "{", "[]", "1", "{\"view\":\"\xff\"}" };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_online_meta back;
		assert_int_equal(
			asof_online_meta_read(asof_str_from(texts[i]), &arena, &back, &err),
			ASOF_CORRUPT);
	}
}

static enum asof_status
round_trip(void *arg, struct asof_error *err)
{
	(void)arg;
	struct asof_online_meta back;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_online_meta_write(&meta, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	return asof_online_meta_read(asof_buf_view(&text), &arena, &back, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	assert_survives(round_trip, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_member_that_lacks_or_is_of_another_kind_is_corrupt),
		cmocka_unit_test(bytes_that_are_no_json_are_corrupt),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
