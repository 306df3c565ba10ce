/* clock.h - where time comes from, so that it can be passed in. Immutable, thread-safe. */
#ifndef ASOF_CLOCK_H
#define ASOF_CLOCK_H

#include "base/base.h"

struct asof_clock {
	bool is_held;      /* stands still at origin_us */
	int64_t origin_us; /* the clock's time when it was made */
	int64_t made_us;   /* monotonic time when it was made */
	bool is_system;    /* the system's UTC clock; the rest is unused */
};

struct asof_clock asof_clock_system(void);
/* Starts at `event_us` and runs. */
struct asof_clock asof_clock_from(int64_t event_us);
/* Stands at `event_us`. */
struct asof_clock asof_clock_held(int64_t event_us);
/* Microseconds since the Unix epoch, UTC. */
int64_t asof_clock_now_us(const struct asof_clock *clock);
/* Monotonic microseconds for measuring durations. */
int64_t asof_monotonic_us(void);

#endif
