/* random.h - repeatable random numbers for property tests (xorshift64*, S. Vigna 2016). */
#ifndef ASOF_TEST_RANDOM_H
#define ASOF_TEST_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* not 0 */
};

static inline uint64_t
random_bits(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545F4914F6CDD1D;
}

/* 0 .. limit - 1 */
static inline uint64_t
random_below(struct random *r, uint64_t limit)
{
	return random_bits(r) % limit;
}

#endif
