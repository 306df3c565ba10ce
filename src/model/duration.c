/* duration.c - spans of time and the grid of steps. */
#include "model/duration.h"

#include <stdio.h>

#include "base/number.h"

#define DURATION_MAX_US (INT64_C(36525) * 86400 * ASOF_US_PER_SECOND)

struct unit {
	char letter;
	int64_t us;
};

/* Largest first. */
static const struct unit units[] = {
	{ 'w', 604800 * ASOF_US_PER_SECOND }, { 'd', 86400 * ASOF_US_PER_SECOND },
	{ 'h', 3600 * ASOF_US_PER_SECOND },   { 'm', 60 * ASOF_US_PER_SECOND },
	{ 's', ASOF_US_PER_SECOND },
};

static int64_t
unit_us(char letter)
{
	for (size_t i = 0; i < ASOF_COUNTOF(units); i++) {
		if (units[i].letter == letter)
			return units[i].us;
	}
	return 0;
}

enum asof_status
asof_duration_parse(struct asof_str text, int64_t *ret_us, struct asof_error *err)
{
	uint64_t count = 0;
	int64_t unit = text.len > 1 ? unit_us(text.ptr[text.len - 1]) : 0;
	if (unit == 0 || !asof_uint64_parse((struct asof_str){ text.ptr, text.len - 1 }, &count))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%.*s' is no duration (a whole number and one of s m h d w: "
				 "90s 15m 1h 7d 4w)",
				 ASOF_STR_ARG(text));
	if (count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "duration '%.*s' is not positive",
				 ASOF_STR_ARG(text));
	if (count > (uint64_t)(DURATION_MAX_US / unit))
		return ASOF_FAIL(err, ASOF_INVALID, "duration '%.*s' is more than 100 years",
				 ASOF_STR_ARG(text));
	*ret_us = (int64_t)count * unit;
	return ASOF_OK;
}

const char *
asof_duration_text(int64_t us, char out[ASOF_DURATION_TEXT_MAX])
{
	for (size_t i = 0; i < ASOF_COUNTOF(units); i++) {
		if (us != 0 && us % units[i].us == 0) {
			(void)snprintf(out, ASOF_DURATION_TEXT_MAX, "%lld%c",
				       (long long)(us / units[i].us), units[i].letter);
			return out;
		}
	}
	(void)snprintf(out, ASOF_DURATION_TEXT_MAX, us ? "%lldus" : "%llds", (long long)us);
	return out;
}

/* How far event_us lies behind the last multiple of the step: in [0, step_us). */
static int64_t
into_step(int64_t event_us, int64_t step_us)
{
	int64_t rest = event_us % step_us;
	return rest < 0 ? rest + step_us : rest;
}

int64_t
asof_step_floor(int64_t event_us, int64_t step_us)
{
	int64_t start;
	if (__builtin_sub_overflow(event_us, into_step(event_us, step_us), &start))
		return INT64_MIN;
	return start;
}

int64_t
asof_step_end(int64_t event_us, int64_t step_us)
{
	int64_t rest = into_step(event_us, step_us);
	int64_t end;
	if (__builtin_add_overflow(event_us, rest ? step_us - rest : 0, &end))
		return INT64_MAX;
	return end;
}
