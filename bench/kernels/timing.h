/*
 * timing.h - what the programs that time kernels share: clocks, random bits, memory, giving up.
 *
 * Cycles are those of the time stamp counter, whose speed is the processor's nominal one: where
 * counters of events are not to be had, as in most virtual machines, they are what there is.
 */
#ifndef ASOF_BENCH_TIMING_H
#define ASOF_BENCH_TIMING_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

/* The program's name, for its last words. */
extern const char bench_name[];

static inline void
die(const char *what, const struct asof_error *err)
{
	fprintf(stderr, "%s: %s: %s\n", bench_name, what, err->message);
	exit(1);
}

static inline double
seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds of processor that the process has taken, on all threads. */
static inline double
cpu_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#if defined(__x86_64__)
static inline uint64_t
cycles_now(void)
{
	return __builtin_ia32_rdtsc();
}
#else
/* None to be had. */
static inline uint64_t
cycles_now(void)
{
	return 0;
}
#endif

/* What a stage took, and since when one is under way. */
struct cost {
	double seconds;
	double cpu;
};

static inline struct cost
cost_begin(void)
{
	return (struct cost){ seconds_now(), cpu_now() };
}

static inline void
cost_end(struct cost *cost, struct cost begin)
{
	cost->seconds += seconds_now() - begin.seconds;
	cost->cpu += cpu_now() - begin.cpu;
}

/* "ns_per_row" and "cycles_per_row", the one of time, the other of all processors' together. */
static inline void
print_costs(const char *const *names, const struct cost *costs, const size_t *rows, size_t count,
	    double cycles_per_second)
{
	printf(", \"ns_per_row\": {");
	for (size_t i = 0; i < count; i++)
		printf("%s\"%s\": %.2f", i ? ", " : "", names[i],
		       costs[i].seconds * 1e9 / (double)rows[i]);
	printf("}");
	if (cycles_per_second <= 0)
		return;
	printf(", \"cycles_per_row\": {");
	for (size_t i = 0; i < count; i++)
		printf("%s\"%s\": %.0f", i ? ", " : "", names[i],
		       costs[i].cpu * cycles_per_second / (double)rows[i]);
	printf("}");
}

/* xorshift64*: the same rows on every machine. */
static inline uint64_t
random_bits(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545F4914F6CDD1D);
}

/* Zeroed; there is no going on without it. */
static inline void *
allocate(size_t count, size_t size)
{
	void *array = asof_mem_alloc(count * size);
	if (!array) {
		fprintf(stderr, "%s: no memory for %zu rows\n", bench_name, count);
		exit(1);
	}
	return array;
}

/* Argument i as a number, or what is usual. */
static inline size_t
argument(int argc, char **argv, int i, size_t otherwise)
{
	return argc > i ? (size_t)strtoull(argv[i], NULL, 10) : otherwise;
}

#endif
