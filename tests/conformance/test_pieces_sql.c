/* test_pieces_sql.c - literals, times and steps as the engine understands them. ASOF_CASES: how
 * many random values of each type. */
#include <inttypes.h>

#include "model/duration.h"
#include "seeded.h"
#include "sql_bench.h"

static int
open_engine(void **state)
{
	*state = bench_engine(1);
	return 0;
}

static int
close_engine(void **state)
{
	asof_engine_free(*state);
	return 0;
}

/* ---- literals ---- */

static const char *
random_text(struct random *r, size_t len, bool is_ascii, struct asof_arena *arena)
{
	char *text = bench_array(arena, len + 1, 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(is_ascii ? random_between(r, 1, 127) : random_between(r, 0, 255));
	return text;
}

static double
random_double(struct random *r)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, -0.0, 0.1, 5e-324, -1.7e308 };
	double number;
	uint64_t bits = random_u64(r);
	if (random_below(r, 3) == 0)
		return odd[random_below(r, ASOF_COUNTOF(odd))];
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static struct asof_value
random_scalar(struct random *r, struct asof_type type, struct asof_arena *arena)
{
	struct asof_value value = { .type = type, .int64 = 0 };
	size_t len = random_below(r, 12);
	switch (type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = random_below(r, 2);
		break;
	case ASOF_TYPE_INT32:
		value.int32 = (int32_t)random_u64(r);
		break;
	case ASOF_TYPE_DATE: /* years 1 to 9999 */
		value.int32 = (int32_t)random_between(r, -719162, 2932896);
		break;
	case ASOF_TYPE_INT64:
		value.int64 = (int64_t)random_u64(r);
		break;
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = random_between(r, -62135596800000000, 253402300799999999);
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)random_double(r);
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = random_double(r);
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = (asof_int128)(int64_t)random_u64(r) * 1000000007;
		break;
	case ASOF_TYPE_JSON:
		value.str = asof_str_from("{\"it's\": [1, null]}");
		break;
	case ASOF_TYPE_UUID:
		value.str = (struct asof_str){ random_text(r, 16, false, arena), 16 };
		break;
	default:
		value.str = (struct asof_str){
			random_text(r, len, type.kind == ASOF_TYPE_STRING, arena), len
		};
	}
	return value;
}

static struct asof_value
random_value(struct random *r, struct asof_type type, struct asof_arena *arena)
{
	if (random_below(r, 10) == 0)
		return asof_value_null(type);
	bool is_vector = type.kind == ASOF_TYPE_VECTOR;
	if (!is_vector && type.kind != ASOF_TYPE_LIST)
		return random_scalar(r, type, arena);
	size_t count = is_vector ? type.size : random_below(r, 4);
	struct asof_value *items = bench_array(arena, count + 1, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = random_scalar(r, asof_type_element(type), arena);
	return (struct asof_value){ .type = type, .list = { items, count } };
}

static void
literals_of_every_type_come_back(void **state)
{
	static const char *const types[] = { "bool",
					     "int32",
					     "int64",
					     "float32",
					     "float64",
					     "decimal(38,7)",
					     "string",
					     "bytes",
					     "date",
					     "timestamp",
					     "uuid",
					     "json",
					     "list<date>",
					     "list<string>",
					     "list<decimal(38,0)>",
					     "vector<float32,3>" };
	struct random r = { .state = 1 };
	for (size_t i = 0; i < ASOF_COUNTOF(types); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
		size_t count = random_cases(50);
		struct asof_value *values = bench_array(&arena, count, sizeof(*values));
		struct asof_type type;
		struct asof_error err = { 0 };
		assert_ok(asof_type_parse(asof_str_from(types[i]), &type, &err), err);
		for (size_t n = 0; n < count; n++) {
			values[n] = random_value(&r, type, &arena);
			asof_buf_add_cstr(&sql, n ? ", " : "SELECT ");
			assert_ok(asof_sql_value(&sql, &values[n], &err), err);
		}
		bench_ask(*state, &sql, &rows);
		assert_int_equal(rows.column_count, count);
		for (size_t n = 0; n < count; n++)
			bench_expect_same(bench_at(&rows, 0, n), &values[n], types[i]);
	}
}

/* ---- times ---- */

static void
times_are_utc_microseconds_whatever_they_are_in(void **state)
{
	static const struct {
		const char *expr;
		const char *type;
		const char *zone;
		bool is_null;
		int64_t us;
	} times[] = {
		{ "TIMESTAMPTZ '2001-07-01 00:00:00+02'", "TIMESTAMP WITH TIME ZONE", NULL, false,
		  993938400000000 },
		{ "TIMESTAMPTZ '2001-07-01 00:00:00+02'", "TIMESTAMP WITH TIME ZONE", "Asia/Tokyo",
		  false, 993938400000000 },
		{ "TIMESTAMP '2001-07-01 00:00:00.000001'", "TIMESTAMP", NULL, false,
		  993945600000001 },
		{ "TIMESTAMP '2001-07-01 00:00:00'", "TIMESTAMP", "UTC", false, 993945600000000 },
		{ "TIMESTAMP '2001-07-01 00:00:00'", "TIMESTAMP", "Europe/Berlin", false,
		  993938400000000 },
		{ "TIMESTAMP '2001-01-01 00:00:00'", "TIMESTAMP", "Europe/Berlin", false,
		  978303600000000 },
		{ "TIMESTAMP_S '1969-12-31 23:59:59'", "TIMESTAMP_S", NULL, false, -1000000 },
		{ "TIMESTAMP_MS '1969-12-31 23:59:59.999'", "TIMESTAMP_MS", NULL, false, -1000 },
		{ "TIMESTAMP_NS '1970-01-01 00:00:00.000001999'", "TIMESTAMP_NS", NULL, false, 1 },
		{ "TIMESTAMP_NS '1969-12-31 23:59:59.999999999'", "TIMESTAMP_NS", NULL, false, -1 },
		{ "TIMESTAMP_NS '1969-12-31 23:59:59.999999000'", "TIMESTAMP_NS", NULL, false, -1 },
		{ "TIMESTAMP_NS '2001-07-01 00:00:00.0000019'", "TIMESTAMP_NS", "Europe/Berlin",
		  false, 993938400000001 },
		{ "DATE '1969-12-31'", "DATE", NULL, false, -86400000000 },
		{ "DATE '2001-07-01'", "DATE", "Europe/Berlin", false, 993938400000000 },
		{ "TIMESTAMP 'infinity'", "TIMESTAMP", NULL, true, 0 },
		{ "TIMESTAMPTZ '-infinity'", "TIMESTAMP WITH TIME ZONE", NULL, true, 0 },
		{ "TIMESTAMP 'infinity'", "TIMESTAMP", "Europe/Berlin", true, 0 },
		{ "DATE 'infinity'", "DATE", NULL, true, 0 },
		{ "NULL::TIMESTAMP", "TIMESTAMP", "Europe/Berlin", true, 0 },
		{ "NULL::TIMESTAMP_NS", "TIMESTAMP_NS", NULL, true, 0 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(times); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
		struct asof_value want = { .type = ASOF_TYPE(ASOF_TYPE_INT64),
					   .is_null = times[i].is_null,
					   .int64 = times[i].us };
		asof_buf_add_cstr(&sql, "SELECT ");
		asof_sql_time_us(&sql, "t", times[i].type, times[i].zone);
		asof_buf_add_cstr(&sql, ", ");
		asof_sql_column(&sql, "t", times[i].type, ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				times[i].zone);
		asof_buf_printf(&sql, " FROM (SELECT %s AS t)", times[i].expr);
		bench_ask(*state, &sql, &rows);
		bench_expect_same(bench_at(&rows, 0, 0), &want, times[i].expr);
		want.type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
		bench_expect_same(bench_at(&rows, 0, 1), &want, times[i].expr);
	}
}

/* ---- steps ---- */

static void
steps_are_the_kernels_before_the_epoch_too(void **state)
{
	static const int64_t steps_us[] = { 1, 7, 1000, 3600000000, 604800000000 };
	struct random r = { .state = 2 };
	for (size_t i = 0; i < ASOF_COUNTOF(steps_us); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		ASOF_AUTO(bench_rows_done) struct bench_rows rows = { 0 };
		asof_buf_add_cstr(&sql, "SELECT us, ");
		asof_sql_step_end(&sql, "us", steps_us[i]);
		asof_buf_add_cstr(&sql, ", ");
		asof_sql_step_floor(&sql, "us", steps_us[i]);
		asof_buf_add_cstr(&sql, " FROM (SELECT unnest([0::BIGINT");
		for (int64_t n = -3; n <= 3; n++) {
			for (int64_t d = -1; d <= 1; d++)
				asof_buf_printf(&sql, ", %" PRId64, n * steps_us[i] + d);
		}
		for (size_t n = 0; n < random_cases(50); n++)
			asof_buf_printf(&sql, ", %" PRId64,
					random_between(&r, -62135596800000000, 253402300799999999));
		asof_buf_add_cstr(&sql, "]) AS us)");
		bench_ask(*state, &sql, &rows);
		for (size_t row = 0; row < rows.row_count; row++) {
			int64_t us = bench_at(&rows, row, 0)->int64;
			assert_int_equal(bench_at(&rows, row, 1)->int64,
					 asof_step_end(us, steps_us[i]));
			assert_int_equal(bench_at(&rows, row, 2)->int64,
					 asof_step_floor(us, steps_us[i]));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_of_every_type_come_back),
		cmocka_unit_test(times_are_utc_microseconds_whatever_they_are_in),
		cmocka_unit_test(steps_are_the_kernels_before_the_epoch_too),
	};
	return cmocka_run_group_tests(tests, open_engine, close_engine);
}
