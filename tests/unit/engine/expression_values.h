/*
 * expression_values.h - random values of the types that on-demand expressions compute with: the
 * ends of each, leap days, texts of all alphabets.
 */
#ifndef ASOF_TEST_EXPRESSION_VALUES_H
#define ASOF_TEST_EXPRESSION_VALUES_H

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "check.h"
#include "plan/sql.h"
#include "seeded.h"

static const struct {
	char letter;
	char column; /* its columns are called by, as names know no case */
	const char *sql;
	struct asof_type type;
} maker_kinds[] = {
	{ 'b', 'b', "BOOLEAN", { .kind = ASOF_TYPE_BOOL } },
	{ 'i', 'i', "INTEGER", { .kind = ASOF_TYPE_INT32 } },
	{ 'l', 'l', "BIGINT", { .kind = ASOF_TYPE_INT64 } },
	{ 'f', 'f', "FLOAT", { .kind = ASOF_TYPE_FLOAT32 } },
	{ 'd', 'd', "DOUBLE", { .kind = ASOF_TYPE_FLOAT64 } },
	{ 'm', 'm', "DECIMAL(9,2)", { .kind = ASOF_TYPE_DECIMAL, .precision = 9, .scale = 2 } },
	{ 's', 's', "VARCHAR", { .kind = ASOF_TYPE_STRING } },
	{ 'D', 'e', "DATE", { .kind = ASOF_TYPE_DATE } },
	{ 'T', 't', "TIMESTAMP", { .kind = ASOF_TYPE_TIMESTAMP } },
};

static inline size_t
maker_kind_of(char letter)
{
	size_t k = 0;
	while (maker_kinds[k].letter != letter)
		k++;
	return k;
}

static inline int64_t
maker_int(struct random *r, int64_t least, int64_t most)
{
	switch (random_below(r, 10)) {
	case 0:
		return least + (int64_t)random_below(r, 2);
	case 1:
		return most - (int64_t)random_below(r, 2);
	case 2:
		return 0;
	case 3:
		return -1;
	case 4:
		return random_between(r, least / 2, most / 2);
	case 5: {
		int64_t power = INT64_C(1) << random_below(r, 63);
		power = power - 1 + random_between(r, 0, 2);
		return power > most ? most : random_below(r, 2) ? power : -power;
	}
	default:
		return random_between(r, -20, 20);
	}
}

static inline double
maker_real(struct random *r)
{
	static const double specials[] = { 0.0,
					   -0.0,
					   1.0,
					   -1.0,
					   0.5,
					   -0.5,
					   1.5,
					   2.5,
					   -2.5,
					   0.1,
					   1e300,
					   1e-300,
					   1e18,
					   2147483646.5,
					   2147483647.4,
					   2147483647.5,
					   -2147483648.0,
					   -2147483648.5,
					   9223372036854774784.0,
					   9223372036854775808.0,
					   -9223372036854775808.0,
					   16777217.0,
					   4503599627370497.5,
					   3.4028234663852886e38,
					   3.4028235677973366e38,
					   DBL_MAX,
					   DBL_MIN,
					   DBL_TRUE_MIN,
					   FLT_MIN,
					   NAN,
					   INFINITY,
					   -INFINITY,
					   1.005,
					   12345.678 };
	if (random_below(r, 2))
		return specials[random_below(r, ASOF_COUNTOF(specials))];
	return (double)random_between(r, -100000, 100000) / (double)random_between(r, 1, 64);
}

static inline asof_int128
maker_decimal(struct random *r, struct asof_type type)
{
	asof_int128 most = 1;
	for (int i = 0; i < type.precision; i++)
		most *= 10;
	most -= 1;
	switch (random_below(r, 5)) {
	case 0:
		return most;
	case 1:
		return -most;
	case 2:
		return ((asof_int128)(int64_t)random_u64(r) * (int64_t)random_u64(r)) % most;
	default:
		return random_between(r, -2000, 2000) % most;
	}
}

static inline struct asof_str
maker_text(struct random *r)
{
	static const char *const texts[] = {
		"",
		"a",
		"A",
		"abc",
		"aBc abc",
		"  a ",
		"é",
		"Éa\xCC\x81",
		"ß",
		"ẞ",
		"😀x",
		"x😀y😀",
		"%",
		"_b%",
		"a_c",
		"ab%",
		"%bc",
		"\xC2\xA0 x",
		"İıſ",
		"ǅ",
		"12",
		"abcabcabc",
		"ΟΔΥΣΣΕΥΣ ς",
		"Привет, мир!",
		"日本語のテキスト",
		"ﬀ ŉ K Å Ω",
		"\xE2\x80\x8D\xEF\xBB\xBF",
		"\xF4\x8F\xBF\xBF",
		"\xE3\x80\x80 wide \xE2\x80\x83",
		"a text that is longer than any that stands in a string's own bytes",
		"\t\n x \r",
		"O'Neil \"q\" \\",
		"aaaaaaaaaaaaaaaaaaaaab",
	};
	return asof_str_from(texts[random_below(r, ASOF_COUNTOF(texts))]);
}

/* Leap days, ends of years and the weeks about them, the ends of the calendar. */
static inline int32_t
maker_date(struct random *r)
{
	static const int32_t days[] = {
		19782,       /* 2024-02-29 */
		19783,       /* 2024-03-01 */
		11016,       /* 2000-02-29 */
		-25509,      /* 1900-02-28 */
		-25508,      /* 1900-03-01 */
		47540,       /* 2100-02-28 */
		18627,       /* 2020-12-31, of week 53 */
		18628,       /* 2021-01-01, too */
		18631,       /* 2021-01-04 */
		19722,       /* 2023-12-31 */
		20088,       /* 2024-12-31, of week 1 */
		0,           /* 1970-01-01 */
		-1,          /* 1969-12-31 */
		-719528,     /* 0000-01-01 */
		-719163,     /* 0001-01-01 */
		-719469,     /* 0000-02-29 */
		2932896,     /* 9999-12-31 */
		2932897,     /* 10000-01-01 */
		106751991,   /* 294247-01-10, the last day of a timestamp */
		106751990,   /* the day before */
		-106751991,  /* 290309-12-22 (BC), the first of one */
		2147483646,  /* 5881580-07-10 */
		-2147483646, /* 5877642-06-25 (BC) */
	};
	if (random_below(r, 2))
		return days[random_below(r, ASOF_COUNTOF(days))];
	return (int32_t)random_between(r, -60000, 60000);
}

/* The same, and where clocks are put forward and back somewhere. */
static inline int64_t
maker_time(struct random *r)
{
	static const int64_t times[] = {
		INT64_C(1711846800000000),     /* 2024-03-31T01:00:00Z */
		INT64_C(1729990800000000),     /* 2024-10-27T01:00:00Z */
		INT64_C(1710054000000000),     /* 2024-03-10T07:00:00Z */
		INT64_C(1709164800000000),     /* 2024-02-29T00:00:00Z */
		INT64_C(1709251200000000),     /* 2024-03-01T00:00:00Z */
		INT64_C(951782400000000),      /* 2000-02-29T00:00:00Z */
		INT64_C(1483228800000000),     /* 2017-01-01T00:00:00Z, behind a leap second */
		INT64_C(-62135596800000000),   /* 0001-01-01T00:00:00Z */
		INT64_C(-62162208000000000),   /* 0000-02-29T00:00:00Z */
		INT64_C(253402300800000000),   /* 10000-01-01T00:00:00Z */
		INT64_C(9223372036854775805),  /* the last but one */
		INT64_C(-9223372022399999999), /* the first but one */
		0,
	};
	switch (random_below(r, 3)) {
	case 0:
		return times[random_below(r, ASOF_COUNTOF(times))] + random_between(r, -1, 1);
	case 1:
		return random_between(r, -2000000, 2000000);
	default:
		return random_between(r, -4000000000000000, 4000000000000000);
	}
}

static inline struct asof_value
maker_value(struct random *r, struct asof_type type)
{
	struct asof_value value = { .type = type };
	value.is_null = random_below(r, 6) == 0;
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = random_below(r, 2);
		break;
	case ASOF_TYPE_INT32:
		value.int32 = (int32_t)maker_int(r, INT32_MIN, INT32_MAX);
		break;
	case ASOF_TYPE_INT64:
		value.int64 = maker_int(r, INT64_MIN, INT64_MAX);
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)maker_real(r);
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = maker_real(r);
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = maker_decimal(r, type);
		break;
	case ASOF_TYPE_STRING:
		value.str = maker_text(r);
		break;
	case ASOF_TYPE_DATE:
		value.int32 = maker_date(r);
		break;
	default:
		value.int64 = maker_time(r);
		break;
	}
	return value;
}

/* As DuckDB reads it, whatever is around it. */
static inline void
maker_add_value(struct asof_buf *sql, const struct asof_value *value)
{
	struct asof_error err = { 0 };
	bool is_date = value->type.kind == ASOF_TYPE_DATE;
	bool is_time = value->type.kind == ASOF_TYPE_TIMESTAMP;
	asof_buf_add_cstr(sql, "CAST(");
	if (value->is_null)
		asof_buf_add_cstr(sql, "NULL");
	else if (is_date)
		asof_buf_printf(sql, "DATE '1970-01-01' + (%" PRId32 ")", value->int32);
	else if (is_time)
		asof_buf_printf(sql, "make_timestamp(%" PRId64 ")", value->int64);
	else
		assert_ok(asof_sql_value(sql, value, &err), err);
	asof_buf_add_cstr(sql, " AS ");
	if (is_time)
		asof_buf_add_cstr(sql, "TIMESTAMP");
	else
		asof_sql_type(sql, value->type);
	asof_buf_add_char(sql, ')');
}

#endif
