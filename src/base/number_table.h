/* number_table.h - powers of ten for number.c. Immutable. */
#ifndef ASOF_NUMBER_TABLE_H
#define ASOF_NUMBER_TABLE_H

#include <stdint.h>

#define ASOF_POW10_MIN (-292)
#define ASOF_POW10_MAX 324

/* 10^k scaled to 128 bits, rounded up; high half first. See number_table.c. */
extern const uint64_t asof_pow10_table[ASOF_POW10_MAX - ASOF_POW10_MIN + 1][2];

#endif
