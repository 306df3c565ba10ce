/* clock.c - where time comes from. */
#include "base/clock.h"

#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec now;
	(void)clock_gettime(id, &now); /* cannot fail for the two clocks that we read */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct asof_clock
asof_clock_system(void)
{
	return (struct asof_clock){ .is_system = true };
}

struct asof_clock
asof_clock_from(int64_t event_us)
{
	return (struct asof_clock){ .origin_us = event_us, .made_us = asof_monotonic_us() };
}

struct asof_clock
asof_clock_held(int64_t event_us)
{
	return (struct asof_clock){ .is_held = true, .origin_us = event_us };
}

int64_t
asof_clock_now_us(const struct asof_clock *clock)
{
	if (clock->is_system)
		return read_us(CLOCK_REALTIME);
	if (clock->is_held)
		return clock->origin_us;
	return clock->origin_us + (asof_monotonic_us() - clock->made_us);
}

int64_t
asof_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}
