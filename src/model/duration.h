/* duration.h - spans of time as users write them: 90s 15m 1h 7d 4w. Pure. */
#ifndef ASOF_MODEL_DURATION_H
#define ASOF_MODEL_DURATION_H

#include "base/base.h"

#define ASOF_US_PER_SECOND INT64_C(1000000)

/* A positive whole number and one of s m h d w, at most 100 years. Microseconds. */
ASOF_NODISCARD enum asof_status asof_duration_parse(struct asof_str text, int64_t *ret_us,
						    struct asof_error *err);

#define ASOF_DURATION_TEXT_MAX 32
/* The largest unit that divides it: 86400000000 is "1d". Returns `out`. */
const char *asof_duration_text(int64_t us, char out[ASOF_DURATION_TEXT_MAX]);

/* The last multiple of `step_us` since the epoch that is <= event_us, also before the epoch. */
int64_t asof_step_floor(int64_t event_us, int64_t step_us);
/* The END of the step (START, END] in which event_us lies: the first multiple that is >= event_us.
 */
int64_t asof_step_end(int64_t event_us, int64_t step_us);

/* Sums and differences of instants and spans that stop at the ends of int64 instead of wrapping. */
static inline int64_t
asof_us_add(int64_t a, int64_t b)
{
	int64_t sum;
	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b > 0 ? INT64_MAX : INT64_MIN;
}

static inline int64_t
asof_us_sub(int64_t a, int64_t b)
{
	int64_t difference;
	if (!__builtin_sub_overflow(a, b, &difference))
		return difference;
	return b > 0 ? INT64_MIN : INT64_MAX;
}

#endif
