/* window_oracle.h - the outputs of a view at an instant, straight from its events, by plain loops.
 */
#ifndef ASOF_TESTS_WINDOW_ORACLE_H
#define ASOF_TESTS_WINDOW_ORACLE_H

#include "kernel_cases.h"

struct oracle_value {
	enum asof_status status; /* ASOF_LIMIT where the sum does not fit */
	struct asof_value value;
	bool is_empty;
	double tolerance; /* absolute; 0: equal bit for bit */
};

static inline double
oracle_double(const struct asof_value *value)
{
	double number = (double)case_number(value);
	return value->type.kind == ASOF_TYPE_DECIMAL ? number / 100 : number;
}

static inline struct oracle_value
oracle_quantile(const struct case_values *taken, double p)
{
	struct case_values sorted = *taken;
	qsort(sorted.values, sorted.count, sizeof(sorted.values[0]), case_value_compare);
	double place = (double)(sorted.count - 1) * p;
	size_t below = (size_t)place;
	double part = place - (double)below;
	double low = oracle_double(sorted.values[below]);
	if (part == 0)
		return (struct oracle_value){ .value = case_of_double(low) };
	double high = oracle_double(sorted.values[below + 1]);
	return (struct oracle_value){ .value = case_of_double(low * (1 - part) + high * part),
				      .tolerance = 1e-12 * (fabs(low) + fabs(high)) };
}

/* What the sum may be off by: nothing where a quad holds every sum on the way to it. */
static inline double
oracle_rounding(const struct case_values *taken)
{
	quad sum = 0;
	quad largest = 0;
	bool is_exact = true;
	for (size_t i = 0; i < taken->count; i++) {
		quad number = case_number(taken->values[i]);
		quad next = sum + number;
		quad part = next - sum;
		is_exact = is_exact && (sum - (next - part)) + (number - part) == 0;
		sum = next;
		largest = next > largest ? next : -next > largest ? -next : largest;
	}
	return is_exact || !isfinite((double)largest) ? 0 : (double)largest * 0x1p-100 + 0x1p-1074;
}

static inline struct oracle_value
oracle_sum(const struct case_values *taken, struct asof_type type)
{
	struct oracle_value result = { .value = { .type = type } };
	asof_int128 total = 0;
	if (type.kind == ASOF_TYPE_FLOAT64) {
		result.value.float64 = (double)case_sum(taken, false);
		result.tolerance = oracle_rounding(taken);
		return result;
	}
	for (size_t i = 0; i < taken->count; i++)
		total += (asof_int128)case_number(taken->values[i]);
	if (type.kind == ASOF_TYPE_DECIMAL)
		result.value.decimal = total;
	else if (total < INT64_MIN || total > INT64_MAX)
		result.status = ASOF_LIMIT;
	else
		result.value.int64 = (int64_t)total;
	return result;
}

static inline struct oracle_value
oracle_mean(const struct case_values *taken)
{
	bool is_decimal = taken->values[0]->type.kind == ASOF_TYPE_DECIMAL;
	double mean = (double)(case_sum(taken, false) / (quad)taken->count);
	if (is_decimal)
		mean /= 100;
	return (struct oracle_value){ .value = case_of_double(mean),
				      .tolerance = oracle_rounding(taken) };
}

/* In two passes. */
static inline struct oracle_value
oracle_variance(const struct case_values *taken, bool is_root)
{
	if (taken->count < 2)
		return (struct oracle_value){ .value = asof_value_null(
						      ASOF_TYPE(ASOF_TYPE_FLOAT64)) };
	quad mean = case_sum(taken, false) / (quad)taken->count;
	quad deviation = 0;
	for (size_t i = 0; i < taken->count; i++) {
		quad d = case_number(taken->values[i]) - mean;
		deviation += d * d;
	}
	quad scale = taken->values[0]->type.kind == ASOF_TYPE_DECIMAL ? 10000 : 1;
	double variance = (double)(deviation / (quad)(taken->count - 1) / scale);
	double squares = (double)(case_sum(taken, true) / scale);
	struct oracle_value result = { .value = case_of_double(variance) };
	result.tolerance = 1e-12 * variance + squares * 0x1p-95;
	if (is_root) {
		result.value.float64 = sqrt(variance);
		result.tolerance = 1e-12 * sqrt(variance) + sqrt(squares * 0x1p-95);
	}
	return result;
}

static inline struct oracle_value
oracle_distinct(const struct case_values *taken)
{
	int64_t count = 0;
	for (size_t i = 0; i < taken->count; i++) {
		size_t j = 0;
		while (j < i && asof_value_compare(taken->values[i], taken->values[j]) != 0)
			j++;
		count += j == i;
	}
	return (struct oracle_value){ .value = case_of_int64(ASOF_TYPE_INT64, count) };
}

static inline struct oracle_value
oracle_aggregate(const struct case_values *taken, const struct asof_output *output)
{
	size_t count = output->feature->column.text ? taken->count : taken->row_count;
	switch (output->agg) {
	case ASOF_AGG_COUNT:
		return (struct oracle_value){ .value = case_of_int64(ASOF_TYPE_INT64,
								     (int64_t)count) };
	case ASOF_AGG_COUNT_DISTINCT:
		return oracle_distinct(taken);
	default:
		break;
	}
	if (count == 0)
		return (struct oracle_value){ .value = asof_value_null(output->type) };
	switch (output->agg) {
	case ASOF_AGG_SUM:
		return oracle_sum(taken, output->type);
	case ASOF_AGG_MEAN:
		return oracle_mean(taken);
	case ASOF_AGG_STD:
	case ASOF_AGG_VAR:
		return oracle_variance(taken, output->agg == ASOF_AGG_STD);
	case ASOF_AGG_MIN:
	case ASOF_AGG_MAX:
		return (struct oracle_value){ .value = case_extreme(taken,
								    output->agg == ASOF_AGG_MAX) };
	case ASOF_AGG_FIRST:
		return (struct oracle_value){ .value = *taken->values[0] };
	case ASOF_AGG_LAST:
		return (struct oracle_value){ .value = *taken->values[taken->count - 1] };
	default:
		return oracle_quantile(taken, output->quantile);
	}
}

/* Is there a tile at or before S; and the newest END. */
static inline bool
oracle_newest(const struct kernel_case *c, int64_t at_us, int64_t *ret_end_us)
{
	bool is_found = false;
	for (size_t i = 0; i < c->event_count; i++) {
		int64_t event_us = c->events[i].event_us;
		int64_t end_us = c->view.step_us == ASOF_STEP_EVENT
					 ? event_us
					 : case_step_end(event_us, c->view.step_us);
		if (end_us <= at_us)
			*ret_end_us = end_us;
		is_found = is_found || end_us <= at_us;
	}
	return is_found;
}

/* The output over (S - W, S], events in their order. */
static inline struct oracle_value
oracle_output(const struct kernel_case *c, const struct asof_output *output, int64_t at_us)
{
	const char *name = output->feature->column.text;
	struct case_values taken = { .count = 0 };
	for (size_t i = 0; i < c->event_count; i++) {
		const struct case_event *event = &c->events[i];
		if (event->event_us > at_us - output->window_us && event->event_us <= at_us)
			case_take(&taken, event, name ? case_column_index(name) : 0);
	}
	struct oracle_value result = oracle_aggregate(&taken, output);
	result.is_empty = (name ? taken.count : taken.row_count) == 0;
	return result;
}

static inline bool
oracle_is_float(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT64 || value->type.kind == ASOF_TYPE_FLOAT32;
}

static inline double
oracle_float_of(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT32 ? (double)value->float32 : value->float64;
}

/* Bit for bit, but that every NaN is one. */
static inline bool
oracle_is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (!asof_type_equal(a->type, b->type) || asof_value_compare(a, b) != 0)
		return false;
	return a->is_null || !oracle_is_float(a) || isnan(oracle_float_of(a)) ||
	       signbit(oracle_float_of(a)) == signbit(oracle_float_of(b));
}

#endif
