#include "codec/value_text.h"

#include <math.h>
#include <stdio.h>

#include "check.h"
#include "seeded.h"

#define BOOL      ASOF_TYPE(ASOF_TYPE_BOOL)
#define INT32     ASOF_TYPE(ASOF_TYPE_INT32)
#define INT64     ASOF_TYPE(ASOF_TYPE_INT64)
#define FLOAT32   ASOF_TYPE(ASOF_TYPE_FLOAT32)
#define FLOAT64   ASOF_TYPE(ASOF_TYPE_FLOAT64)
#define STRING    ASOF_TYPE(ASOF_TYPE_STRING)
#define BYTES     ASOF_TYPE(ASOF_TYPE_BYTES)
#define DATE      ASOF_TYPE(ASOF_TYPE_DATE)
#define TIMESTAMP ASOF_TYPE(ASOF_TYPE_TIMESTAMP)
#define UUID      ASOF_TYPE(ASOF_TYPE_UUID)
#define JSON      ASOF_TYPE(ASOF_TYPE_JSON)

static const struct asof_type decimal_10_2 = { .kind = ASOF_TYPE_DECIMAL,
					       .precision = 10,
					       .scale = 2 };
static const struct asof_type int64_list = { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 };
static const struct asof_type decimal_list = {
	.kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_DECIMAL, .precision = 10, .scale = 2
};
static const struct asof_type vector_2 = { .kind = ASOF_TYPE_VECTOR,
					   .element = ASOF_TYPE_FLOAT32,
					   .size = 2 };

static enum asof_status
from_json(const char *text, struct asof_type type, struct asof_arena *arena,
	  struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_json *json;
	ASOF_TRY(asof_json_read(asof_str_from(text), arena, &json, err));
	return asof_value_from_json(json, type, arena, ret_value, err);
}

/* JSON in, JSON out. */
static void
assert_json(const char *in, struct asof_type type, const char *out)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	struct asof_value value;
	assert_ok(from_json(in, type, &arena, &value, &err), err);
	assert_true(asof_type_equal(value.type, type));
	asof_value_write_json(&w, &value);
	assert_string_equal(asof_buf_cstr(&buf), out);
}

static void
assert_json_refused(const char *in, struct asof_type type, const char *message)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value value = { .type = INT64, .int64 = 7 };
	assert_int_equal(from_json(in, type, &arena, &value, &err), ASOF_INVALID);
	assert_string_equal(err.message, message);
	assert_int_equal(value.int64, 7);
}

/* Text in, text out. */
static void
assert_text(const char *in, struct asof_type type, const char *out)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	struct asof_value value;
	assert_ok(asof_value_from_text(asof_str_from(in), type, &arena, &value, &err), err);
	assert_false(value.is_null);
	asof_value_write_text(&buf, &value);
	assert_string_equal(asof_buf_cstr(&buf), out);
}

static void
assert_text_refused(const char *in, struct asof_type type, const char *message)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value value = { .type = INT64, .int64 = 7 };
	assert_int_equal(asof_value_from_text(asof_str_from(in), type, &arena, &value, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, message);
	assert_int_equal(value.int64, 7);
}

static void
every_type_has_one_json_form(void **state)
{
	(void)state;
	assert_json("true", BOOL, "true");
	assert_json("-2147483648", INT32, "-2147483648");
	assert_json("9223372036854775807", INT64, "9223372036854775807");
	assert_json("0.10000000149011612", FLOAT32, "0.10000000149011612");
	assert_json("0.1", FLOAT64, "0.1");
	assert_json("1.5", decimal_10_2, "1.50");
	assert_json("\"d\\u00e9j\\u00e0\"", STRING, "\"d\xC3\xA9j\xC3\xA0\"");
	assert_json("\"AAEC/w==\"", BYTES, "\"AAEC/w==\"");
	assert_json("\"2001-06-30\"", DATE, "\"2001-06-30\"");
	assert_json("\"2001-06-30T02:00:00+02:00\"", TIMESTAMP, "\"2001-06-30T00:00:00Z\"");
	assert_json("\"123E4567-e89b-12d3-a456-426614174000\"", UUID,
		    "\"123e4567-e89b-12d3-a456-426614174000\"");
	assert_json("{\"a\": [1.50, null]}", JSON, "{\"a\":[1.50,null]}");
	assert_json("[1, null, \"3\"]", int64_list, "[1,null,3]");
	assert_json("[1.5]", decimal_list, "[1.50]");
	assert_json("[]", int64_list, "[]");
	assert_json("[1, 2.5]", vector_2, "[1,2.5]");
}

static void
numbers_that_json_lacks_are_strings(void **state)
{
	(void)state;
	assert_json("\"NaN\"", FLOAT64, "\"NaN\"");
	assert_json("\"Infinity\"", FLOAT64, "\"Infinity\"");
	assert_json("\"-Infinity\"", FLOAT32, "\"-Infinity\"");
}

static void
null_is_null_in_every_type(void **state)
{
	(void)state;
	assert_json("null", INT64, "null");
	assert_json("null", JSON, "null");
	assert_json("null", int64_list, "null");
	assert_json("null", STRING, "null");
}

static void
json_converts_where_nothing_is_lost(void **state)
{
	(void)state;
	assert_json("1.0", INT64, "1");
	assert_json("1e3", INT32, "1000");
	assert_json("\"5\"", INT64, "5");
	assert_json("5", STRING, "\"5\"");
	assert_json("-5", STRING, "\"-5\"");
	assert_json("0", STRING, "\"0\"");
	assert_json("\"1.25\"", decimal_10_2, "1.25");
	assert_json("\"true\"", BOOL, "true");
	assert_json("3", FLOAT64, "3");
}

static void
json_that_would_lose_something_is_refused(void **state)
{
	(void)state;
	assert_json_refused("1.5", INT64, "'1.5' is no int64");
	assert_json_refused("\"abc\"", INT64, "'abc' is no int64");
	assert_json_refused("\"\"", INT64, "'' is no int64");
	assert_json_refused("9223372036854775808", INT64, "'9223372036854775808' is no int64");
	assert_json_refused("2147483648", INT32, "'2147483648' is no int32");
	assert_json_refused("1e400", FLOAT64, "'1e400' is no float64");
	assert_json_refused("1e39", FLOAT32, "'1e39' is no float32");
	assert_json_refused("1.234", decimal_10_2, "'1.234' is no decimal(10,2)");
	assert_json_refused("123456789", decimal_10_2, "'123456789' is no decimal(10,2)");
	assert_json_refused("1.0", STRING, "'1.0' is no string");
	assert_json_refused("-0", STRING, "'-0' is no string");
	assert_json_refused("1", BOOL, "'1' is no bool");
	assert_json_refused("true", INT64, "'true' is no int64");
	assert_json_refused("false", STRING, "'false' is no string");
	assert_json_refused("[1]", INT64, "an array is no int64");
	assert_json_refused("{}", STRING, "an object is no string");
	assert_json_refused("1", DATE, "'1' is no date");
	assert_json_refused("1", int64_list, "'1' is no list<int64>");
	assert_json_refused("[1,\"x\"]", int64_list, "'x' is no int64");
	assert_json_refused("[1]", vector_2, "an array of 1 is no vector<float32,2>");
	assert_json_refused("[1,null]", vector_2, "null within a vector<float32,2>");
}

static void
text_reads_and_writes_every_type(void **state)
{
	(void)state;
	assert_text("false", BOOL, "false");
	assert_text("-7", INT32, "-7");
	assert_text("1e2", INT64, "100");
	assert_text("0.1", FLOAT32, "0.1");
	assert_text("NaN", FLOAT64, "NaN");
	assert_text("-Infinity", FLOAT64, "-Infinity");
	assert_text("-1.5", decimal_10_2, "-1.50");
	assert_text("", STRING, "");
	assert_text("it's \"x\"", STRING, "it's \"x\"");
	assert_text("", BYTES, "");
	assert_text("QQ==", BYTES, "QQ==");
	assert_text("QUI=", BYTES, "QUI=");
	assert_text("+/+/", BYTES, "+/+/");
	assert_text("2001-06-30", DATE, "2001-06-30");
	assert_text("2001-06-30 12:00", TIMESTAMP, "2001-06-30T12:00:00Z");
	assert_text("123e4567-e89b-12d3-a456-426614174000", UUID,
		    "123e4567-e89b-12d3-a456-426614174000");
	assert_text("{\"a\": 1}", JSON, "{\"a\": 1}");
	assert_text("null", JSON, "null");
	assert_text("[1, null]", int64_list, "[1,null]");
	assert_text("[1, 2]", vector_2, "[1,2]");
}

static void
text_that_is_not_of_the_type_is_refused(void **state)
{
	(void)state;
	assert_text_refused("", INT64, "'' is no int64");
	assert_text_refused(" 1", INT64, "' 1' is no int64");
	assert_text_refused("yes", BOOL, "'yes' is no bool");
	assert_text_refused("0x10", FLOAT64, "'0x10' is no float64");
	assert_text_refused("\xFF", STRING, "'\xFF' is no string");
	assert_text_refused("QQ=", BYTES, "'QQ=' is no bytes");
	assert_text_refused("QR==", BYTES, "'QR==' is no bytes");
	assert_text_refused("Q===", BYTES, "'Q===' is no bytes");
	assert_text_refused("QQ==QUJD", BYTES, "'QQ==QUJD' is no bytes");
	assert_text_refused("Q Q=", BYTES, "'Q Q=' is no bytes");
	assert_text_refused("123e4567", UUID, "'123e4567' is no uuid");
	assert_text_refused("123e4567+e89b-12d3-a456-426614174000", UUID,
			    "'123e4567+e89b-12d3-a456-426614174000' is no uuid");
	assert_text_refused("g23e4567-e89b-12d3-a456-426614174000", UUID,
			    "'g23e4567-e89b-12d3-a456-426614174000' is no uuid");
	assert_text_refused("{", JSON,
			    "no json: line 1 column 2: expected a member's name in quotes");
	assert_text_refused("null", int64_list, "'null' is no list<int64>");
	assert_text_refused("1", int64_list, "'1' is no list<int64>");
	assert_text_refused("x", ASOF_TYPE(ASOF_TYPE_NONE), "'x' is no none");
}

static void
a_null_is_empty_text_and_no_type_is_null(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(64);
	struct asof_value null = asof_value_null(INT64);
	asof_value_write_text(&buf, &null);
	assert_int_equal(buf.len, 0);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	struct asof_value none = { 0 };
	asof_value_write_json(&w, &none);
	assert_string_equal(asof_buf_cstr(&buf), "null");
}

static void
long_input_is_cut_between_characters(void **state)
{
	(void)state;
	char text[300];
	for (size_t i = 0; i + 1 < sizeof(text); i += 2) {
		text[i] = (char)0xC3;
		text[i + 1] = (char)0xA9;
	}
	text[0] = 'x';
	text[1] = 'y';
	text[299] = '\0';
	text[298] = 'z';
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value value;
	struct asof_str odd = { text + 1, 297 };
	assert_int_equal(asof_value_from_text(odd, INT64, &arena, &value, &err), ASOF_INVALID);
	assert_true(strlen(err.message) < 120);
	assert_non_null(strstr(err.message, "\xA9...' is no int64"));
}

static struct asof_value
random_value(struct random *r, struct asof_type type, char bytes[16])
{
	struct asof_value value = { .type = type };
	uint64_t bits = random_u64(r);
	for (size_t i = 0; i < 16; i++)
		bytes[i] = (char)random_u64(r);
	switch (type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = bits & 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = (int32_t)bits;
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = (int64_t)bits;
		break;
	case ASOF_TYPE_FLOAT32:
		memcpy(&value.float32, &bits, sizeof(value.float32));
		break;
	case ASOF_TYPE_FLOAT64:
		memcpy(&value.float64, &bits, sizeof(value.float64));
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = (int64_t)(bits % UINT64_C(10000000000));
		break;
	default:
		value.str =
			(struct asof_str){ bytes, type.kind == ASOF_TYPE_UUID ? 16 : bits % 17 };
	}
	return value;
}

static void
every_scalar_survives_json_and_text(void **state)
{
	(void)state;
	const struct asof_type types[] = { BOOL,         INT32, INT64, FLOAT32,   FLOAT64,
					   decimal_10_2, BYTES, DATE,  TIMESTAMP, UUID };
	struct random r = { 5 };
	for (int i = 0; i < 20000; i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
		struct asof_json_writer w = asof_json_writer_to(&buf);
		char bytes[16];
		struct asof_type type = types[random_below(&r, ASOF_COUNTOF(types))];
		struct asof_value value = random_value(&r, type, bytes);
		struct asof_value again;
		asof_value_write_json(&w, &value);
		assert_ok(from_json(asof_buf_cstr(&buf), type, &arena, &again, &err), err);
		assert_int_equal(asof_value_compare(&value, &again), 0);

		asof_buf_clear(&buf);
		asof_value_write_text(&buf, &value);
		assert_ok(asof_value_from_text(asof_buf_view(&buf), type, &arena, &again, &err),
			  err);
		assert_int_equal(asof_value_compare(&value, &again), 0);
	}
}

static enum asof_status
convert_everything(struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_value value;
	char base64[8001];
	memset(base64, 'A', sizeof(base64) - 1);
	base64[sizeof(base64) - 1] = '\0';
	ASOF_TRY(asof_value_from_text(asof_str_from(base64), BYTES, &arena, &value, err));
	ASOF_TRY(asof_value_from_text(asof_str_from("123e4567-e89b-12d3-a456-426614174000"), UUID,
				      &arena, &value, err));
	char list[6001] = "[1";
	for (size_t i = 2; i + 2 < sizeof(list) - 1; i += 2)
		memcpy(list + i, ",1", 2);
	list[sizeof(list) - 3] = ']';
	ASOF_TRY(asof_value_from_text(asof_str_from(list), int64_list, &arena, &value, err));
	return from_json(list, JSON, &arena, &value, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = convert_everything(&err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), 0);
		if (status == ASOF_OK) {
			assert_true(n > 10);
			break;
		}
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(n < 1000);
	}
}

/* An arena that ends at every size in turn: each way out of memory is taken. */
static void
every_arena_limit_is_survived(void **state)
{
	(void)state;
	static const char *const texts[] = { "\"AAEC\"", "\"123e4567-e89b-12d3-a456-426614174000\"",
					     "[1,2]", "[1,2]" };
	const struct asof_type types[] = { BYTES, UUID, int64_list, JSON };
	for (size_t i = 0; i < ASOF_COUNTOF(types); i++) {
		size_t refused = 0;
		for (size_t max = 16;; max += 16) {
			struct asof_error err = { 0 };
			ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(max);
			struct asof_value value;
			enum asof_status status =
				from_json(texts[i], types[i], &arena, &value, &err);
			if (status == ASOF_OK)
				break;
			assert_int_equal(status, ASOF_NO_MEMORY);
			refused++;
		}
		assert_true(refused > 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_one_json_form),
		cmocka_unit_test(numbers_that_json_lacks_are_strings),
		cmocka_unit_test(null_is_null_in_every_type),
		cmocka_unit_test(json_converts_where_nothing_is_lost),
		cmocka_unit_test(json_that_would_lose_something_is_refused),
		cmocka_unit_test(text_reads_and_writes_every_type),
		cmocka_unit_test(text_that_is_not_of_the_type_is_refused),
		cmocka_unit_test(a_null_is_empty_text_and_no_type_is_null),
		cmocka_unit_test(long_input_is_cut_between_characters),
		cmocka_unit_test(every_scalar_survives_json_and_text),
		cmocka_unit_test(every_allocation_failure_is_survived),
		cmocka_unit_test(every_arena_limit_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
