/* time_text.c - dates and instants as text, in the proleptic Gregorian calendar. */
#include "codec/time_text.h"

#include "base/number.h"

#define DAY_US       (INT64_C(86400) * 1000000)
#define YEAR_DIGITS  4
#define YEAR_LONG    6 /* digits of a year with a sign, at least */
#define YEAR_LONGEST 7
#define QUOTED_MAX   80 /* bytes of bad input that a message shows */

struct civil {
	int64_t year;
	int64_t month; /* 1-12 */
	int64_t day;   /* 1-31 */
};

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days since the epoch to a date and back (H. Hinnant, "chrono-compatible date algorithms"): years
 * begin in March, so that a leap day is the last. */
static struct civil
civil_from_days(int64_t days)
{
	days += 719468;
	int64_t era = floor_div(days, 146097);
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	return (struct civil){
		.year = year_of_era + era * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = day_of_year - (153 * month + 2) / 5 + 1,
	};
}

static int64_t
days_from_civil(struct civil date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = floor_div(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
	int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return days[month - 1] + (month == 2 && is_leap(year));
}

/* `value` >= 0 with at least `width` digits; returns behind them. */
static char *
put_digits(char *out, int64_t value, size_t width)
{
	char reversed[20];
	size_t len = 0;
	for (; value > 0 || len < width; value /= 10)
		reversed[len++] = (char)('0' + value % 10);
	while (len > 0)
		*out++ = reversed[--len];
	return out;
}

static char *
put_date(char *out, struct civil date)
{
	if (date.year >= 0 && date.year <= 9999) {
		out = put_digits(out, date.year, YEAR_DIGITS);
	} else {
		*out++ = date.year < 0 ? '-' : '+';
		out = put_digits(out, date.year < 0 ? -date.year : date.year, YEAR_LONG);
	}
	*out++ = '-';
	out = put_digits(out, date.month, 2);
	*out++ = '-';
	return put_digits(out, date.day, 2);
}

size_t
asof_date_text(int32_t days, char out[ASOF_TIME_TEXT_MAX])
{
	return (size_t)(put_date(out, civil_from_days(days)) - out);
}

size_t
asof_timestamp_text(int64_t event_us, char out[ASOF_TIME_TEXT_MAX])
{
	int64_t days = floor_div(event_us, DAY_US);
	int64_t us = event_us % DAY_US;
	if (us < 0)
		us += DAY_US;
	int64_t seconds = us / 1000000;
	int64_t fraction = us % 1000000;

	char *end = put_date(out, civil_from_days(days));
	*end++ = 'T';
	end = put_digits(end, seconds / 3600, 2);
	*end++ = ':';
	end = put_digits(end, seconds / 60 % 60, 2);
	*end++ = ':';
	end = put_digits(end, seconds % 60, 2);
	if (fraction > 0) {
		*end++ = '.';
		end = put_digits(end, fraction, 6);
		while (end[-1] == '0')
			end--;
	}
	*end++ = 'Z';
	return (size_t)(end - out);
}

/* What is not yet read. The functions below cut their part off its front, and return what is wrong
 * with it, or NULL. */
struct rest {
	const char *at;
	const char *end;
};

static bool
is_at_digit(const struct rest *rest)
{
	return rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9';
}

static bool
take_char(struct rest *rest, char c)
{
	if (rest->at == rest->end || *rest->at != c)
		return false;
	rest->at++;
	return true;
}

/* From `least` to `most` digits, as many as there are. */
static bool
take_digits(struct rest *rest, size_t least, size_t most, int64_t *ret_value)
{
	int64_t value = 0;
	size_t count = 0;
	for (; count < most && is_at_digit(rest); count++)
		value = value * 10 + (*rest->at++ - '0');
	*ret_value = value;
	return count >= least;
}

static const char *
take_year(struct rest *rest, int64_t *ret_year)
{
	bool is_negative = take_char(rest, '-');
	bool is_signed = is_negative || take_char(rest, '+');
	if (!is_signed)
		return take_digits(rest, YEAR_DIGITS, YEAR_DIGITS, ret_year)
			       ? NULL
			       : "no year of four digits";
	if (!take_digits(rest, YEAR_LONG, YEAR_LONGEST, ret_year))
		return "a year with a sign has six digits";
	if (is_negative && *ret_year == 0)
		return "there is no year -0";
	if (is_negative)
		*ret_year = -*ret_year;
	return NULL;
}

static const char *
take_date(struct rest *rest, struct civil *ret_date)
{
	struct civil date;
	const char *wrong = take_year(rest, &date.year);
	if (wrong)
		return wrong;
	if (!take_char(rest, '-') || !take_digits(rest, 2, 2, &date.month))
		return "no month of two digits behind the year";
	if (date.month < 1 || date.month > 12)
		return "months are 01 to 12";
	if (!take_char(rest, '-') || !take_digits(rest, 2, 2, &date.day))
		return "no day of two digits behind the month";
	if (date.day < 1 || date.day > days_in_month(date.year, date.month))
		return "no such day in that month";
	*ret_date = date;
	return NULL;
}

/* ":SS" and a fraction, both optional. */
static const char *
take_seconds(struct rest *rest, int64_t *ret_us)
{
	int64_t seconds = 0;
	int64_t us = 0;
	if (take_char(rest, ':')) {
		if (!take_digits(rest, 2, 2, &seconds) || seconds > 59)
			return "seconds are 00 to 59";
		if (take_char(rest, '.')) {
			if (!is_at_digit(rest))
				return "no digits behind the point";
			for (int64_t unit = 100000; is_at_digit(rest); unit /= 10)
				us += (*rest->at++ - '0') * unit;
		}
	}
	*ret_us = seconds * 1000000 + us;
	return NULL;
}

/* "HH:MM", with seconds. */
static const char *
take_time(struct rest *rest, int64_t *ret_us)
{
	int64_t hours;
	int64_t minutes;
	int64_t us;
	if (!take_digits(rest, 2, 2, &hours) || hours > 23)
		return "hours are 00 to 23";
	if (!take_char(rest, ':') || !take_digits(rest, 2, 2, &minutes) || minutes > 59)
		return "minutes are 00 to 59, behind a ':'";
	const char *wrong = take_seconds(rest, &us);
	if (wrong)
		return wrong;
	*ret_us = (hours * 60 + minutes) * 60 * 1000000 + us;
	return NULL;
}

/* "Z", "+02:00" or nothing: what is east of UTC. */
static const char *
take_zone(struct rest *rest, int64_t *ret_us)
{
	*ret_us = 0;
	if (rest->at == rest->end || take_char(rest, 'Z') || take_char(rest, 'z'))
		return NULL;
	bool is_west = take_char(rest, '-');
	if (!is_west && !take_char(rest, '+'))
		return "a zone is 'Z' or like '+02:00'";
	int64_t hours;
	int64_t minutes;
	if (!take_digits(rest, 2, 2, &hours) || hours > 23 || !take_char(rest, ':') ||
	    !take_digits(rest, 2, 2, &minutes) || minutes > 59)
		return "a zone is 'Z' or like '+02:00'";
	int64_t us = (hours * 60 + minutes) * 60 * 1000000;
	*ret_us = is_west ? -us : us;
	return NULL;
}

static const char *
parse_timestamp(struct rest rest, int64_t *ret_us)
{
	struct civil date;
	int64_t us = 0;
	int64_t zone_us = 0;
	const char *wrong = take_date(&rest, &date);
	if (wrong)
		return wrong;
	if (rest.at < rest.end) {
		if (!take_char(&rest, 'T') && !take_char(&rest, 't') && !take_char(&rest, ' '))
			return "a 'T' or a space stands between date and time";
		wrong = take_time(&rest, &us);
		if (!wrong)
			wrong = take_zone(&rest, &zone_us);
		if (wrong)
			return wrong;
		if (rest.at < rest.end)
			return "something stands behind the zone";
	}

	asof_int128 total = (asof_int128)days_from_civil(date) * DAY_US + us - zone_us;
	if (total < INT64_MIN || total > INT64_MAX)
		return "outside the years -290308 to 294247 that microseconds reach";
	*ret_us = (int64_t)total;
	return NULL;
}

static const char *
parse_date(struct rest rest, int32_t *ret_days)
{
	struct civil date;
	const char *wrong = take_date(&rest, &date);
	if (wrong)
		return wrong;
	if (rest.at < rest.end)
		return "something stands behind the date";
	int64_t days = days_from_civil(date);
	if (days < INT32_MIN || days > INT32_MAX)
		return "outside the years that 32 bits of days reach";
	*ret_days = (int32_t)days;
	return NULL;
}

static struct rest
rest_of(struct asof_str text)
{
	static const char nothing[1];
	const char *at = text.ptr ? text.ptr : nothing;
	return (struct rest){ at, at + text.len };
}

static enum asof_status
fail(struct asof_str text, const char *what, const char *wrong, struct asof_error *err)
{
	if (text.len > QUOTED_MAX)
		text.len = QUOTED_MAX;
	return ASOF_FAIL(err, ASOF_INVALID, "'%.*s' is no %s: %s", ASOF_STR_ARG(text), what, wrong);
}

enum asof_status
asof_timestamp_parse(struct asof_str text, int64_t *ret_us, struct asof_error *err)
{
	const char *wrong = parse_timestamp(rest_of(text), ret_us);
	return wrong ? fail(text, "timestamp", wrong, err) : ASOF_OK;
}

enum asof_status
asof_date_parse(struct asof_str text, int32_t *ret_days, struct asof_error *err)
{
	const char *wrong = parse_date(rest_of(text), ret_days);
	return wrong ? fail(text, "date", wrong, err) : ASOF_OK;
}
