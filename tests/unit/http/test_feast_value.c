#include "http/feast_value.h"

#include <float.h>
#include <math.h>

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static void
check_text(struct asof_value value, const char *expected)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)1 << 16);
	struct asof_error err;
	asof_feast_write_value(&buf, &value);
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), expected);
}

static struct asof_value
float64(double value)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = value };
}

static struct asof_value
float32(float value)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT32), .float32 = value };
}

static struct asof_value
int64_of(enum asof_type_kind kind, int64_t value)
{
	return (struct asof_value){ .type = ASOF_TYPE((uint8_t)kind), .int64 = value };
}

static struct asof_value
int32_of(enum asof_type_kind kind, int32_t value)
{
	return (struct asof_value){ .type = ASOF_TYPE((uint8_t)kind), .int32 = value };
}

static struct asof_value
text_of(enum asof_type_kind kind, struct asof_str text)
{
	return (struct asof_value){ .type = ASOF_TYPE((uint8_t)kind), .str = text };
}

static void
a_float_is_always_seen_to_be_one(void **state)
{
	(void)state;
	check_text(float64(2.0), "2.0");
	check_text(float64(-0.0), "-0.0");
	check_text(float64(0.1), "0.1");
	check_text(float64(123456789012345678.0), "123456789012345680.0");
	check_text(float64(5e-324), "5e-324");
	check_text(float64(1e21), "1e+21");
	check_text(float64(DBL_MAX), "1.7976931348623157e+308");
	check_text(float32(0.1f), "0.10000000149011612");
	check_text(float32(-3.0f), "-3.0");
}

static void
what_is_no_number_is_null_or_a_text(void **state)
{
	(void)state;
	check_text(float64((double)NAN), "null");
	check_text(float32(NAN), "null");
	check_text(float64((double)INFINITY), "\"Infinity\"");
	check_text(float32(-INFINITY), "\"-Infinity\"");
	check_text(asof_value_null(ASOF_TYPE(ASOF_TYPE_FLOAT64)), "null");
	check_text(asof_value_null(ASOF_TYPE(ASOF_TYPE_STRING)), "null");
}

static void
a_list_says_nan(void **state)
{
	(void)state;
	const struct asof_value items[] = { float64((double)NAN), float64(1.0),
					    asof_value_null(ASOF_TYPE(ASOF_TYPE_FLOAT64)) };
	struct asof_value list = { .type = { .kind = ASOF_TYPE_LIST,
					     .element = ASOF_TYPE_FLOAT64 } };
	list.list.items = items;
	list.list.count = 3;
	check_text(list, "[\"NaN\",1.0,null]");
	list.list.count = 0;
	check_text(list, "[]");
}

static void
times_are_whole_seconds(void **state)
{
	(void)state;
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, INT64_C(1704164645678901)), "1704164645");
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, 0), "0");
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, -1), "-1");
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, -1000000), "-1");
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, -1000001), "-2");
	check_text(int64_of(ASOF_TYPE_TIMESTAMP, INT64_MIN), "-9223372036855");
	check_text(int32_of(ASOF_TYPE_DATE, 1), "86400");
	check_text(int32_of(ASOF_TYPE_DATE, INT32_MIN), "-185542587187200");
}

static void
others_are_as_on_all_routes_but_texts_of_decimals_and_json(void **state)
{
	(void)state;
	struct asof_value decimal = {
		.type = { .kind = ASOF_TYPE_DECIMAL, .precision = 10, .scale = 2 }, .decimal = -150
	};
	check_text(decimal, "\"-1.50\"");
	check_text(text_of(ASOF_TYPE_JSON, S("{\"a\": [1]}")), "\"{\\\"a\\\": [1]}\"");
	check_text(text_of(ASOF_TYPE_STRING, S("\"\n")), "\"\\\"\\n\"");
	check_text(text_of(ASOF_TYPE_BYTES, S("\0\xff")), "\"AP8=\"");
	check_text(int64_of(ASOF_TYPE_INT64, INT64_MIN), "-9223372036854775808");
	check_text(int32_of(ASOF_TYPE_INT32, -3), "-3");
	struct asof_value boolean = { .type = ASOF_TYPE(ASOF_TYPE_BOOL), .boolean = true };
	check_text(boolean, "true");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_float_is_always_seen_to_be_one),
		cmocka_unit_test(what_is_no_number_is_null_or_a_text),
		cmocka_unit_test(a_list_says_nan),
		cmocka_unit_test(times_are_whole_seconds),
		cmocka_unit_test(others_are_as_on_all_routes_but_texts_of_decimals_and_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
