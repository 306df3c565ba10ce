#include "base/buf.h"

#include "check.h"
#include "seeded.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static void
appends_follow_each_other(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(100);
	assert_string_equal(asof_buf_cstr(&buf), "");
	asof_buf_add(&buf, "ab", 2);
	asof_buf_add_str(&buf, S("cd"));
	asof_buf_add_str(&buf, (struct asof_str){ NULL, 0 });
	asof_buf_add_cstr(&buf, "ef");
	asof_buf_add_char(&buf, 'g');
	asof_buf_printf(&buf, "%d-%s", 42, "h");
	asof_buf_printf(&buf, "%s", "");
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), "abcdefg42-h");
	assert_int_equal(asof_buf_view(&buf).len, 11);
	assert_ptr_equal(asof_buf_view(&buf).ptr, asof_buf_cstr(&buf));
}

static void
a_buffer_takes_its_maximum_and_no_byte_more(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	for (size_t max = 0; max < 200; max++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(max);
		for (size_t i = 0; i < max; i++)
			asof_buf_add_char(&buf, 'x');
		assert_ok(asof_buf_status(&buf, &err), err);
		assert_int_equal(buf.len, max);
		assert_true(buf.capacity <= max + 1);

		asof_buf_add_char(&buf, 'y');
		assert_int_equal(asof_buf_status(&buf, &err), ASOF_LIMIT);
		assert_int_equal(buf.len, max);
		assert_int_equal(strlen(asof_buf_cstr(&buf)), max);
	}
	assert_string_equal(err.message, "more than 199 bytes");
}

static void
the_first_error_sticks_until_cleared(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4);
	asof_buf_add_cstr(&buf, "abc");
	asof_buf_add_cstr(&buf, "too long");
	asof_buf_add_char(&buf, 'd'); /* would fit, but comes behind a hole */
	assert_null(asof_buf_reserve(&buf, 1));
	assert_int_equal(asof_buf_status(&buf, &err), ASOF_LIMIT);
	assert_string_equal(asof_buf_cstr(&buf), "abc");
	struct asof_bytes bytes = { 0 };
	assert_int_equal(asof_buf_steal(&buf, &bytes, &err), ASOF_LIMIT);
	assert_null(bytes.ptr);

	asof_buf_clear(&buf);
	assert_string_equal(asof_buf_cstr(&buf), "");
	asof_buf_add_cstr(&buf, "new");
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), "new");
}

static void
truncating_never_lengthens(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(100);
	asof_buf_truncate(&buf, 0);
	asof_buf_add_cstr(&buf, "abcdef");
	asof_buf_truncate(&buf, 10);
	assert_string_equal(asof_buf_cstr(&buf), "abcdef");
	asof_buf_truncate(&buf, 2);
	assert_string_equal(asof_buf_cstr(&buf), "ab");
	asof_buf_add_char(&buf, 'X');
	assert_string_equal(asof_buf_cstr(&buf), "abX");
}

static void
reserved_room_is_written_by_hand(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	char *room = asof_buf_reserve(&buf, 500);
	assert_non_null(room);
	memset(room, 'r', 500);
	asof_buf_grow(&buf, 3);
	assert_string_equal(asof_buf_cstr(&buf), "rrr");
	assert_non_null(asof_buf_reserve(&buf, 0));
	assert_null(asof_buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(asof_buf_status(&buf, NULL), ASOF_LIMIT);
}

static void
stolen_contents_are_the_callers(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(100);
	ASOF_AUTO(asof_bytes_free) struct asof_bytes bytes = { 0 };
	assert_ok(asof_buf_steal(&buf, &bytes, &err), err);
	assert_int_equal(bytes.len, 0);

	asof_buf_add_cstr(&buf, "abc");
	assert_ok(asof_buf_steal(&buf, &bytes, &err), err);
	assert_string_equal(bytes.ptr, "abc");
	assert_int_equal(bytes.len, 3);
	assert_int_equal(buf.len, 0);
	asof_buf_add_cstr(&buf, "def");
	assert_string_equal(bytes.ptr, "abc");
	assert_string_equal(asof_buf_cstr(&buf), "def");
}

static void
random_appends_equal_one_long_copy(void **state)
{
	(void)state;
	enum { MAX = 5000 };
	struct random r = { 11 };
	char source[256];
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (char)i;
	for (int round = 0; round < 200; round++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(MAX);
		char model[MAX];
		size_t model_len = 0;
		while (buf.status == ASOF_OK) {
			size_t len = random_below(&r, sizeof(source));
			asof_buf_add(&buf, source, len);
			if (model_len + len > MAX)
				continue;
			memcpy(model + model_len, source, len);
			model_len += len;
			if (random_below(&r, 10) == 0) {
				model_len = random_below(&r, model_len + 1);
				asof_buf_truncate(&buf, model_len);
			}
		}
		assert_int_equal(buf.len, model_len);
		if (model_len > 0)
			assert_memory_equal(buf.ptr, model, model_len);
	}
}

/* Fail allocation 1, then 2, ... until the scenario gets through. */
static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		enum asof_status status;
		struct asof_error err = { 0 };
		size_t before = asof_mem_live();
		{
			ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(100000);
			asof_mem_fail_at(n);
			for (int i = 0; i < 1000; i++)
				asof_buf_printf(&buf, "%d,", i);
			asof_mem_fail_at(0);
			status = asof_buf_status(&buf, &err);
			if (status == ASOF_OK)
				assert_int_equal(buf.len, 3890);
			else
				assert_true(buf.len == 0 || buf.ptr[buf.len - 1] == ',');
		}
		assert_int_equal(asof_mem_live(), before);
		if (status == ASOF_OK) {
			assert_true(n > 3);
			break;
		}
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(n < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_follow_each_other),
		cmocka_unit_test(a_buffer_takes_its_maximum_and_no_byte_more),
		cmocka_unit_test(the_first_error_sticks_until_cleared),
		cmocka_unit_test(truncating_never_lengthens),
		cmocka_unit_test(reserved_room_is_written_by_hand),
		cmocka_unit_test(stolen_contents_are_the_callers),
		cmocka_unit_test(random_appends_equal_one_long_copy),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
