/* seeded.h - numbers that look random and are the same in every run: splitmix64 (S. Vigna). */
#ifndef ASOF_TESTS_SEEDED_H
#define ASOF_TESTS_SEEDED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct random {
	uint64_t state;
};

/* How many random cases: `usual`, or what ASOF_CASES says. */
static inline size_t
random_cases(size_t usual)
{
	const char *text = getenv("ASOF_CASES");
	return text ? strtoul(text, NULL, 10) : usual;
}

/* The number of the first of them: 0, or what ASOF_FIRST says, so that many are done in parts. */
static inline size_t
random_first(void)
{
	const char *text = getenv("ASOF_FIRST");
	return text ? strtoul(text, NULL, 10) : 0;
}

static inline uint64_t
random_u64(struct random *r)
{
	uint64_t z = (r->state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* In [0, bound). */
static inline uint64_t
random_below(struct random *r, uint64_t bound)
{
	return random_u64(r) % bound;
}

/* In [low, high]. */
static inline int64_t
random_between(struct random *r, int64_t low, int64_t high)
{
	return low + (int64_t)random_below(r, (uint64_t)(high - low) + 1);
}

/* In [0, 1). */
static inline double
random_unit(struct random *r)
{
	return (double)(random_u64(r) >> 11) * 0x1p-53;
}

#endif
