/* spine_index_sort.c - sorting of (time, row) by time. */
#include "kernel/spine_index_sort.h"

#include <stdbool.h>
#include <string.h>

#define INSERTION_MAX 48
#define DIGITS        8
#define DIGIT_VALUES  256

struct pairs {
	int64_t *times_us;
	uint32_t *rows;
};

static bool
is_sorted(const int64_t *times_us, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (times_us[i - 1] > times_us[i])
			return false;
	}
	return true;
}

static void
sort_by_insertion(struct pairs pairs, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		int64_t time_us = pairs.times_us[i];
		uint32_t row = pairs.rows[i];
		size_t j = i;
		for (; j > 0 && pairs.times_us[j - 1] > time_us; j--) {
			pairs.times_us[j] = pairs.times_us[j - 1];
			pairs.rows[j] = pairs.rows[j - 1];
		}
		pairs.times_us[j] = time_us;
		pairs.rows[j] = row;
	}
}

/* Ascending as numbers without sign. */
static uint64_t
biased(int64_t time_us)
{
	return (uint64_t)time_us ^ UINT64_C(1) << 63;
}

static size_t
digit_of(int64_t time_us, size_t digit)
{
	return biased(time_us) >> (digit * 8) & (DIGIT_VALUES - 1);
}

static void
sort_by_digit(struct pairs from, struct pairs to, size_t count, size_t digit, size_t *counts)
{
	size_t begin = 0;
	for (size_t value = 0; value < DIGIT_VALUES; value++) {
		size_t some = counts[value];
		counts[value] = begin;
		begin += some;
	}
	for (size_t i = 0; i < count; i++) {
		size_t place = counts[digit_of(from.times_us[i], digit)]++;
		to.times_us[place] = from.times_us[i];
		to.rows[place] = from.rows[i];
	}
}

static void
sort_by_digits(struct pairs pairs, size_t count, struct pairs spare)
{
	size_t counts[DIGITS][DIGIT_VALUES] = { 0 };
	for (size_t i = 0; i < count; i++) {
		for (size_t digit = 0; digit < DIGITS; digit++)
			counts[digit][digit_of(pairs.times_us[i], digit)]++;
	}
	struct pairs from = pairs;
	struct pairs to = spare;
	for (size_t digit = 0; digit < DIGITS; digit++) {
		if (counts[digit][digit_of(pairs.times_us[0], digit)] == count)
			continue;
		sort_by_digit(from, to, count, digit, counts[digit]);
		struct pairs last = from;
		from = to;
		to = last;
	}
	if (from.times_us == pairs.times_us)
		return;
	memcpy(pairs.times_us, from.times_us, count * sizeof(*pairs.times_us));
	memcpy(pairs.rows, from.rows, count * sizeof(*pairs.rows));
}

void
asof_spine_sort(int64_t *times_us, uint32_t *rows, size_t count, int64_t *spare_times_us,
		uint32_t *spare_rows)
{
	struct pairs pairs = { times_us, rows };
	if (count <= INSERTION_MAX)
		sort_by_insertion(pairs, count);
	else if (!is_sorted(times_us, count))
		sort_by_digits(pairs, count, (struct pairs){ spare_times_us, spare_rows });
}
