/* expression_time.c - dates and instants of the proleptic Gregorian calendar, UTC. */
#include <inttypes.h>
#include <stdio.h>

#include "kernel/expression_impl.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

#define INSTANT_DAYS 106751990 /* as many days as have microseconds in 64 bits */

struct civil {
	int64_t year;
	int month;
	int day;
};

static int64_t
floor_divide(int64_t number, int64_t divisor)
{
	return number / divisor - (number % divisor < 0);
}

static int64_t
floor_remainder(int64_t number, int64_t divisor)
{
	int64_t rest = number % divisor;
	return rest < 0 ? rest + divisor : rest;
}

/* days since the epoch to a calendar date and back (Howard Hinnant, chrono-compatible date
 * algorithms) */
static struct civil
civil_of(int64_t days)
{
	int64_t shifted = days + 719468;
	int64_t era = floor_divide(shifted, 146097);
	int64_t of_era = shifted - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct civil civil = { .year = year + era * 400,
			       .month = (int)(month < 10 ? month + 3 : month - 9),
			       .day = (int)(of_year - (153 * month + 2) / 5 + 1) };
	civil.year += civil.month <= 2;
	return civil;
}

static int64_t
days_of(int64_t year, int month, int day)
{
	year -= month <= 2;
	int64_t era = floor_divide(year, 400);
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int32_t
asof_expression_days(int64_t us)
{
	return (int32_t)floor_divide(us, DAY_US);
}

size_t
asof_expression_date_text(int32_t days, char out[ASOF_EXPRESSION_TIME_MAX])
{
	struct civil civil = civil_of(days);
	bool is_bc = civil.year <= 0;
	int len = snprintf(out, ASOF_EXPRESSION_TIME_MAX, "%04" PRId64 "-%02d-%02d%s",
			   is_bc ? 1 - civil.year : civil.year, civil.month, civil.day,
			   is_bc ? " (BC)" : "");
	return (size_t)len;
}

size_t
asof_expression_time_text(int64_t us, char out[ASOF_EXPRESSION_TIME_MAX])
{
	int32_t days = asof_expression_days(us);
	int64_t of_day = floor_remainder(us, DAY_US);
	struct civil civil = civil_of(days);
	bool is_bc = civil.year <= 0;
	int len = snprintf(
		out, ASOF_EXPRESSION_TIME_MAX, "%04" PRId64 "-%02d-%02d%s %02d:%02d:%02d.%06d",
		is_bc ? 1 - civil.year : civil.year, civil.month, civil.day, is_bc ? " (BC)" : "",
		(int)(of_day / HOUR_US), (int)(of_day / MINUTE_US % 60),
		(int)(of_day / SECOND_US % 60), (int)(of_day % SECOND_US));
	while (out[len - 1] == '0' && of_day % SECOND_US != 0)
		len--;
	return (size_t)(of_day % SECOND_US != 0 ? len : len - 7);
}

static int64_t
days_in(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_DATE ? value->int32
						  : asof_expression_days(value->int64);
}

static int64_t
us_in(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_DATE ? value->int32 * DAY_US : value->int64;
}

/* Of a date far beyond what an instant can be there is no time of day. */
static enum asof_status
check_instants(const struct asof_call *call, struct asof_error *err)
{
	for (size_t i = 0; i < call->arg_count; i++) {
		const struct asof_value *value = &call->args[i];
		if (value->type.kind == ASOF_TYPE_DATE &&
		    (value->int32 > INSTANT_DAYS || value->int32 < -INSTANT_DAYS))
			return ASOF_FAIL(err, ASOF_INVALID, "a date beyond all timestamps");
	}
	return ASOF_OK;
}

static int64_t
monday_of(int64_t days)
{
	return days - (days + 3 - floor_divide(days + 3, 7) * 7);
}

/* ISO 8601: the week that has the year's first Thursday is its first. */
static int64_t
week_of(int64_t days)
{
	int64_t thursday = monday_of(days) + 3;
	return (thursday - days_of(civil_of(thursday).year, 1, 1)) / 7 + 1;
}

static int64_t
part_of(enum asof_time_part part, const struct asof_value *value)
{
	int64_t days = days_in(value);
	bool is_date = value->type.kind == ASOF_TYPE_DATE;
	int64_t of_day = is_date ? 0 : floor_remainder(value->int64, DAY_US);
	struct civil civil = civil_of(days);
	switch (part) {
	case ASOF_PART_YEAR:
		return civil.year;
	case ASOF_PART_QUARTER:
		return (civil.month - 1) / 3 + 1;
	case ASOF_PART_MONTH:
		return civil.month;
	case ASOF_PART_WEEK:
		return week_of(days);
	case ASOF_PART_DAY:
		return civil.day;
	case ASOF_PART_HOUR:
		return of_day / HOUR_US;
	case ASOF_PART_MINUTE:
		return of_day / MINUTE_US % 60;
	case ASOF_PART_SECOND:
		return of_day / SECOND_US % 60;
	case ASOF_PART_MILLISECOND:
		return of_day % MINUTE_US / 1000;
	case ASOF_PART_MICROSECOND:
		return of_day % MINUTE_US;
	case ASOF_PART_DAY_OF_WEEK:
		return (days - monday_of(days) + 1) % 7;
	case ASOF_PART_ISO_WEEK_DAY:
		return days - monday_of(days) + 1;
	case ASOF_PART_DAY_OF_YEAR:
		return days - days_of(civil.year, 1, 1) + 1;
	case ASOF_PART_NONE:
		break;
	}
	return 0;
}

/* The week asks for the year's first day, which the calendar's first year has not. */
static enum asof_status
take_part(const struct asof_call *call, enum asof_time_part part, struct asof_value *ret_value,
	  struct asof_error *err)
{
	if (part == ASOF_PART_WEEK)
		ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	ret_value->int64 = part_of(part, &call->args[0]);
	return ASOF_OK;
}

#define PART_FUNCTION(name, part)                                                              \
	enum asof_status asof_run_##name(const struct asof_call *call,                         \
					 struct asof_value *ret_value, struct asof_error *err) \
	{                                                                                      \
		return take_part(call, part, ret_value, err);                                  \
	}

PART_FUNCTION(date_part, call->part)
PART_FUNCTION(year, ASOF_PART_YEAR)
PART_FUNCTION(quarter, ASOF_PART_QUARTER)
PART_FUNCTION(month, ASOF_PART_MONTH)
PART_FUNCTION(week, ASOF_PART_WEEK)
PART_FUNCTION(day, ASOF_PART_DAY)
PART_FUNCTION(hour, ASOF_PART_HOUR)
PART_FUNCTION(minute, ASOF_PART_MINUTE)
PART_FUNCTION(second, ASOF_PART_SECOND)
PART_FUNCTION(day_of_week, ASOF_PART_DAY_OF_WEEK)
PART_FUNCTION(iso_week_day, ASOF_PART_ISO_WEEK_DAY)
PART_FUNCTION(day_of_year, ASOF_PART_DAY_OF_YEAR)

/* ---- differences: how often a border between two parts is crossed ---- */

static int64_t
border_of(enum asof_time_part part, const struct asof_value *value)
{
	struct civil civil = civil_of(days_in(value));
	switch (part) {
	case ASOF_PART_YEAR:
		return civil.year;
	case ASOF_PART_QUARTER:
		/* Of years before 1 DuckDB's are cut towards zero. */
		return (civil.year * 12 + civil.month - 1) / 3;
	case ASOF_PART_MONTH:
		return civil.year * 12 + civil.month;
	case ASOF_PART_HOUR:
		return floor_divide(us_in(value), HOUR_US);
	case ASOF_PART_MINUTE:
		return floor_divide(us_in(value), MINUTE_US);
	case ASOF_PART_SECOND:
		return floor_divide(us_in(value), SECOND_US);
	case ASOF_PART_MILLISECOND:
		return floor_divide(us_in(value), 1000);
	case ASOF_PART_MICROSECOND:
		return us_in(value);
	default:
		return days_in(value);
	}
}

enum asof_status
asof_run_date_diff(const struct asof_call *call, struct asof_value *ret_value,
		   struct asof_error *err)
{
	ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	if (call->part == ASOF_PART_WEEK) { /* whole weeks between, not Mondays */
		ret_value->int64 = (days_in(&call->args[1]) - days_in(&call->args[0])) / 7;
		return ASOF_OK;
	}
	if (__builtin_sub_overflow(border_of(call->part, &call->args[1]),
				   border_of(call->part, &call->args[0]), &ret_value->int64))
		return ASOF_FAIL(err, ASOF_INVALID, "overflow in date_diff");
	return ASOF_OK;
}

/* ---- truncation ---- */

static int64_t
first_day(enum asof_time_part part, int64_t days)
{
	struct civil civil = civil_of(days);
	switch (part) {
	case ASOF_PART_YEAR:
		return days_of(civil.year, 1, 1);
	case ASOF_PART_QUARTER:
		return days_of(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
	case ASOF_PART_MONTH:
		return days_of(civil.year, civil.month, 1);
	case ASOF_PART_WEEK:
		return monday_of(days);
	default:
		return days;
	}
}

enum asof_status
asof_run_date_trunc(const struct asof_call *call, struct asof_value *ret_value,
		    struct asof_error *err)
{
	static const int64_t units[] = { [ASOF_PART_HOUR] = HOUR_US,
					 [ASOF_PART_MINUTE] = MINUTE_US,
					 [ASOF_PART_SECOND] = SECOND_US,
					 [ASOF_PART_MILLISECOND] = 1000,
					 [ASOF_PART_MICROSECOND] = 1 };
	const struct asof_value *value = &call->args[0];
	ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	if (call->part >= ASOF_PART_HOUR) {
		int64_t us = us_in(value);
		return __builtin_sub_overflow(us, floor_remainder(us, units[call->part]),
					      &ret_value->int64)
			       ? ASOF_FAIL(err, ASOF_INVALID, "timestamp out of range")
			       : ASOF_OK;
	}
	if (__builtin_mul_overflow(first_day(call->part, days_in(value)), DAY_US,
				   &ret_value->int64))
		return ASOF_FAIL(err, ASOF_INVALID, "timestamp out of range");
	return ASOF_OK;
}

enum asof_status
asof_run_epoch(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	ret_value->float64 = (double)us_in(&call->args[0]) / 1e6;
	return ASOF_OK;
}

/* Cut towards the epoch, as DuckDB does. */
enum asof_status
asof_run_epoch_ms(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	ret_value->int64 = us_in(&call->args[0]) / 1000;
	return ASOF_OK;
}

enum asof_status
asof_run_epoch_us(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	ASOF_TRY(check_instants(call, err));
	ret_value->is_null = false;
	ret_value->int64 = us_in(&call->args[0]);
	return ASOF_OK;
}
