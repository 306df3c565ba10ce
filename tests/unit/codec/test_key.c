#include "codec/key.h"

#include <stdlib.h>

#include "check.h"
#include "seeded.h"

#define COMPONENTS 3

static const struct asof_type key_types[] = {
	{ .kind = ASOF_TYPE_BOOL },   { .kind = ASOF_TYPE_INT32 },
	{ .kind = ASOF_TYPE_INT64 },  { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 },
	{ .kind = ASOF_TYPE_STRING }, { .kind = ASOF_TYPE_BYTES },
	{ .kind = ASOF_TYPE_DATE },   { .kind = ASOF_TYPE_TIMESTAMP },
	{ .kind = ASOF_TYPE_UUID },
};

static struct asof_value
text_value(const char *text)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_STRING),
				    .str = asof_str_from(text) };
}

static struct asof_value
int_value(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

/* Short strings over 00 01 FE FF, so that escapes and ends meet. */
static struct asof_str
random_bytes(struct random *r, struct asof_arena *arena, size_t len)
{
	static const char alphabet[] = { 0, 1, (char)0xFE, (char)0xFF, 'a' };
	char *bytes = asof_arena_alloc(arena, len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = alphabet[random_below(r, sizeof(alphabet))];
	return (struct asof_str){ bytes, len };
}

static struct asof_value
random_value(struct random *r, struct asof_type type, struct asof_arena *arena)
{
	struct asof_value value = { .type = type };
	int64_t number = (int64_t)random_u64(r) >> random_below(r, 64);
	switch (type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = number & 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = (int32_t)number;
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = number;
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = (asof_int128)number * (int64_t)random_below(r, INT64_MAX);
		break;
	case ASOF_TYPE_UUID:
		value.str = random_bytes(r, arena, 16);
		break;
	default:
		value.str = random_bytes(r, arena, random_below(r, 5));
	}
	return value;
}

static int
compare_tuples(const struct asof_value *a, const struct asof_value *b)
{
	for (size_t i = 0; i < COMPONENTS; i++) {
		int order = asof_value_compare(&a[i], &b[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

static int
sign(int number)
{
	return (number > 0) - (number < 0);
}

static void
assert_encodes(const struct asof_value *values, struct asof_buf *buf)
{
	struct asof_error err = { 0 };
	asof_buf_clear(buf);
	assert_ok(asof_key_encode(values, COMPONENTS, buf, &err), err);
}

/* Random tuples, often with a shared start, so that later components decide too. */
static void
keys_order_as_their_values_and_read_back(void **state)
{
	(void)state;
	struct random r = { 3 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf left = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf right = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf left_text = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf right_text = ASOF_BUF(4096);
	for (int i = 0; i < 30000; i++) {
		asof_arena_reset(&arena);
		struct asof_key keys[COMPONENTS] = { 0 };
		struct asof_value a[COMPONENTS];
		struct asof_value b[COMPONENTS];
		struct asof_value decoded[COMPONENTS];
		for (size_t j = 0; j < COMPONENTS; j++) {
			keys[j].type = key_types[random_below(&r, ASOF_COUNTOF(key_types))];
			a[j] = random_value(&r, keys[j].type, &arena);
			b[j] = random_below(&r, 2) ? a[j] : random_value(&r, keys[j].type, &arena);
		}
		assert_encodes(a, &left);
		assert_encodes(b, &right);
		int order = asof_str_compare(asof_buf_view(&left), asof_buf_view(&right));
		assert_int_equal(sign(order), sign(compare_tuples(a, b)));
		asof_buf_clear(&left_text);
		asof_buf_clear(&right_text);
		asof_key_write_text(asof_buf_view(&left), &left_text);
		asof_key_write_text(asof_buf_view(&right), &right_text);
		assert_int_equal(
			asof_str_equal(asof_buf_view(&left_text), asof_buf_view(&right_text)),
			order == 0);

		assert_ok(asof_key_decode(asof_buf_view(&left), keys, COMPONENTS, &arena, decoded,
					  &err),
			  err);
		assert_int_equal(compare_tuples(a, decoded), 0);
		assert_true(asof_type_equal(decoded[0].type, keys[0].type));
	}
}

static void
assert_text(struct asof_str key, const char *expected)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_key_write_text(key, &text);
	assert_string_equal(asof_buf_cstr(&text), expected);
}

static void
assert_key_text(const struct asof_value *values, size_t count, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(4096);
	assert_ok(asof_key_encode(values, count, &key, &err), err);
	assert_text(asof_buf_view(&key), expected);
}

static void
assert_string_text(const char *string, const char *expected)
{
	const struct asof_value value = text_value(string);
	assert_key_text(&value, 1, expected);
}

static void
people_can_read_keys(void **state)
{
	(void)state;
	const struct asof_value composite[] = {
		text_value("AA"),
		int_value(-42),
		{ .type = ASOF_TYPE(ASOF_TYPE_INT32), .int32 = 7 },
		{ .type = ASOF_TYPE(ASOF_TYPE_BOOL), .boolean = true },
		{ .type = ASOF_TYPE(ASOF_TYPE_DATE), .int32 = 1 },
		{ .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP), .int64 = 1000000 },
		{ .type = ASOF_TYPE(ASOF_TYPE_BYTES), .str = { "\0\xff", 2 } },
		{ .type = ASOF_TYPE(ASOF_TYPE_UUID), .str = { "0123456789abcdef", 16 } },
		{ .type = key_types[3], .decimal = -150 },
	};
	assert_key_text(composite, ASOF_COUNTOF(composite),
			"AA,-42,7i,true,1970-01-02,1970-01-01T00:00:01Z,0x00FF,"
			"30313233-3435-3637-3839-616263646566,-150d");
	assert_string_text("user_17", "user_17");
	assert_string_text("M\xc3\xbcnchen", "M\xc3\xbcnchen");
	assert_string_text("a b:c,d%'", "a%20b%3Ac%2Cd%25%27");
	assert_string_text("17", "'17");
	assert_string_text("true", "'true");
	assert_string_text("", "'");
	assert_string_text("30313233-3435-3637-3839-616263646566",
			   "'30313233-3435-3637-3839-616263646566");
	assert_text((struct asof_str){ "k:\1", 3 }, "%k%3A%01");
	assert_text((struct asof_str){ "\x51k", 2 }, "%Qk");
}

static void
assert_apart(const struct asof_value *a, size_t a_count, const struct asof_value *b, size_t b_count)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf left = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf right = ASOF_BUF(4096);
	assert_ok(asof_key_encode(a, a_count, &left, &err), err);
	assert_ok(asof_key_encode(b, b_count, &right, &err), err);
	assert_false(asof_str_equal(asof_buf_view(&left), asof_buf_view(&right)));
}

static void
different_keys_never_meet(void **state)
{
	(void)state;
	const struct asof_value colon_behind[] = { text_value("a"), text_value("b:c") };
	const struct asof_value colon_before[] = { text_value("a:b"), text_value("c") };
	const struct asof_value empty_first[] = { text_value(""), text_value("a") };
	const struct asof_value empty_last[] = { text_value("a"), text_value("") };
	const struct asof_value one = int_value(1);
	const struct asof_value one_as_text = text_value("1");
	const struct asof_value one_small = { .type = ASOF_TYPE(ASOF_TYPE_INT32), .int32 = 1 };
	assert_apart(colon_behind, 2, colon_before, 2);
	assert_apart(empty_first, 2, empty_last, 2);
	assert_apart(empty_first, 1, empty_first, 2);
	assert_apart(&one, 1, &one_as_text, 1);
	assert_apart(&one, 1, &one_small, 1);
}

static void
stored_bytes_never_change(void **state)
{
	(void)state;
	static const char expected[] = "\x51"
				       "a\x00\xFF"
				       "b\x00\x01\x21\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFE";
	const struct asof_value values[] = {
		{ .type = ASOF_TYPE(ASOF_TYPE_STRING), .str = { "a\0b", 3 } }, int_value(-2)
	};
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	assert_ok(asof_key_encode(values, 2, &buf, &err), err);
	assert_int_equal(buf.len, sizeof(expected) - 1);
	assert_memory_equal(buf.ptr, expected, buf.len);
}

static void
null_and_floats_are_no_keys(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	const struct asof_value nulls[] = { int_value(1),
					    asof_value_null(ASOF_TYPE(ASOF_TYPE_INT64)) };
	assert_int_equal(asof_key_encode(nulls, 2, &buf, &err), ASOF_INVALID);
	assert_string_equal(err.message, "component 2 of the key is NULL");
	assert_int_equal(buf.len, 0);
	const struct asof_value real = { .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = 1 };
	assert_int_equal(asof_key_encode(&real, 1, &buf, &err), ASOF_INVALID);
	assert_string_equal(err.message, "float64 is no type of a key");
}

static void
a_key_past_the_buffers_maximum_is_a_limit(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(8);
	const struct asof_value value = text_value("123456789");
	assert_int_equal(asof_key_encode(&value, 1, &buf, &err), ASOF_LIMIT);
}

static void
assert_corrupt(const char *bytes, size_t len, struct asof_type type, const char *message)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_key key = { .type = type };
	struct asof_value value;
	assert_int_equal(
		asof_key_decode((struct asof_str){ bytes, len }, &key, 1, &arena, &value, &err),
		ASOF_CORRUPT);
	assert_string_equal(err.message, message);
}

static void
bytes_that_are_no_key_are_corrupt(void **state)
{
	(void)state;
	struct asof_type string = ASOF_TYPE(ASOF_TYPE_STRING);
	assert_corrupt(NULL, 0, string, "key of 0 bytes: a component of another type at byte 0");
	assert_corrupt("\x21", 1, string, "key of 1 bytes: a component of another type at byte 1");
	assert_corrupt("\x51"
		       "a",
		       2, string, "key of 2 bytes: a string without end at byte 1");
	assert_corrupt("\x51"
		       "a\0",
		       3, string, "key of 3 bytes: a string without end at byte 1");
	assert_corrupt("\x51\0\xFF", 3, string, "key of 3 bytes: a string without end at byte 1");
	assert_corrupt("\x51\0\x02", 3, string, "key of 3 bytes: a string without end at byte 1");
	assert_corrupt("\x51\0\x01z", 4, string,
		       "key of 4 bytes: more than its components at byte 3");
	assert_corrupt("\x10\x02", 2, ASOF_TYPE(ASOF_TYPE_BOOL),
		       "key of 2 bytes: no bool at byte 2");
	assert_corrupt("\x10", 1, ASOF_TYPE(ASOF_TYPE_BOOL), "key of 1 bytes: no bool at byte 1");
	assert_corrupt("\x20zz", 3, ASOF_TYPE(ASOF_TYPE_INT32),
		       "key of 3 bytes: a number without end at byte 1");
	assert_corrupt("\x40zz", 3, ASOF_TYPE(ASOF_TYPE_UUID),
		       "key of 3 bytes: a uuid without end at byte 1");
}

/* A string and a uuid take memory when decoded, and the buffer when encoded. */
static enum asof_status
encode_and_decode(struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(65536);
	static char big[8192];
	const struct asof_key keys[] = { { .type = ASOF_TYPE(ASOF_TYPE_BYTES) },
					 { .type = ASOF_TYPE(ASOF_TYPE_UUID) } };
	const struct asof_value values[] = {
		{ .type = keys[0].type, .str = { big, sizeof(big) } },
		{ .type = keys[1].type, .str = { big, 16 } },
	};
	struct asof_value decoded[2];
	ASOF_TRY(asof_key_encode(values, 2, &buf, err));
	return asof_key_decode(asof_buf_view(&buf), keys, 2, &arena, decoded, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = encode_and_decode(&err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), 0);
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
		cmocka_unit_test(keys_order_as_their_values_and_read_back),
		cmocka_unit_test(people_can_read_keys),
		cmocka_unit_test(different_keys_never_meet),
		cmocka_unit_test(stored_bytes_never_change),
		cmocka_unit_test(null_and_floats_are_no_keys),
		cmocka_unit_test(a_key_past_the_buffers_maximum_is_a_limit),
		cmocka_unit_test(bytes_that_are_no_key_are_corrupt),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
