/* timing.h - what the programs that time kernels share: clocks, random bits, memory, giving up. */
#ifndef ASOF_BENCH_TIMING_H
#define ASOF_BENCH_TIMING_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
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

/* Seconds of processor that the process has taken. */
static inline double
cpu_now(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
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
