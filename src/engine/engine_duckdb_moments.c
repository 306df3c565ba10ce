/*
 * engine_duckdb_moments.c - what follows from double-double sums, as scalar functions.
 *
 *   asof_sum_value(hi, lo) -> BIGINT; an error where the integer leaves int64
 *   asof_mean(hi, lo, n BIGINT) -> DOUBLE; NULL for n < 1
 *   asof_variance(sum_hi, sum_lo, squares_hi, squares_lo, n BIGINT) -> DOUBLE; NULL for n < 2
 */
#include <assert.h>

#include "engine/duckdb_impl.h"
#include "kernel/dd.h"

#define ARGUMENTS_MAX 5

/* The arguments of a call as flat arrays. */
struct arguments {
	const void *data[ARGUMENTS_MAX];
	uint64_t *validity[ARGUMENTS_MAX];
	size_t count;
	idx_t row_count;
};

static struct arguments
arguments_of(duckdb_data_chunk chunk, size_t count)
{
	struct arguments arguments = {
		.count = count,
		.row_count = duckdb_data_chunk_get_size(chunk),
	};

	assert(duckdb_data_chunk_get_column_count(chunk) == count);

	for (size_t i = 0; i < arguments.count; i++) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);

		arguments.data[i] = duckdb_vector_get_data(vector);
		arguments.validity[i] = duckdb_vector_get_validity(vector);
	}
	return arguments;
}

static bool
has_null(const struct arguments *arguments, idx_t row)
{
	for (size_t i = 0; i < arguments->count; i++) {
		if (arguments->validity[i] &&
		    !duckdb_validity_row_is_valid(arguments->validity[i], row))
			return true;
	}
	return false;
}

static struct asof_dd
pair_at(const struct arguments *arguments, size_t first, idx_t row)
{
	return (struct asof_dd){ ((const double *)arguments->data[first])[row],
				 ((const double *)arguments->data[first + 1])[row] };
}

static int64_t
count_at(const struct arguments *arguments, size_t index, idx_t row)
{
	return ((const int64_t *)arguments->data[index])[row];
}

static void
set_null(duckdb_vector output, idx_t row)
{
	duckdb_vector_ensure_validity_writable(output);
	duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

static void
sum_value(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
	struct arguments arguments = arguments_of(chunk, 2);
	int64_t *out = duckdb_vector_get_data(output);

	for (idx_t i = 0; i < arguments.row_count; i++) {
		asof_int128 value;

		out[i] = 0;
		if (has_null(&arguments, i)) {
			set_null(output, i);
			continue;
		}
		if (!asof_dd_to_int128(pair_at(&arguments, 0, i), &value) || value > INT64_MAX ||
		    value < INT64_MIN) {
			duckdb_scalar_function_set_error(info, "sum leaves int64");
			return;
		}
		out[i] = (int64_t)value;
	}
}

static void
mean(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
	struct arguments arguments = arguments_of(chunk, 3);
	double *out = duckdb_vector_get_data(output);

	(void)info;
	for (idx_t i = 0; i < arguments.row_count; i++) {
		out[i] = 0;
		if (has_null(&arguments, i) || count_at(&arguments, 2, i) < 1)
			set_null(output, i);
		else
			out[i] =
				asof_dd_mean(pair_at(&arguments, 0, i), count_at(&arguments, 2, i));
	}
}

static void
variance(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
	struct arguments arguments = arguments_of(chunk, 5);
	double *out = duckdb_vector_get_data(output);

	(void)info;
	for (idx_t i = 0; i < arguments.row_count; i++) {
		out[i] = 0;
		if (has_null(&arguments, i) || count_at(&arguments, 4, i) < 2)
			set_null(output, i);
		else
			out[i] = asof_dd_variance(pair_at(&arguments, 0, i),
						  pair_at(&arguments, 2, i),
						  count_at(&arguments, 4, i));
	}
}

struct scalar {
	const char *name;
	duckdb_type result;
	size_t double_count; /* of the arguments; then, where has_count, a BIGINT */
	bool has_count;
	duckdb_scalar_function_t function;
};

static const struct scalar scalars[] = {
	{ "asof_sum_value", DUCKDB_TYPE_BIGINT, 2, false, sum_value },
	{ "asof_mean", DUCKDB_TYPE_DOUBLE, 2, true, mean },
	{ "asof_variance", DUCKDB_TYPE_DOUBLE, 4, true, variance },
};

static enum asof_status
register_scalar(duckdb_connection connection, const struct scalar *scalar, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type count = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type result = duckdb_create_logical_type(scalar->result);

	duckdb_scalar_function_set_name(function, scalar->name);
	for (size_t i = 0; i < scalar->double_count; i++)
		duckdb_scalar_function_add_parameter(function, number);
	if (scalar->has_count)
		duckdb_scalar_function_add_parameter(function, count);
	duckdb_scalar_function_set_return_type(function, result);
	duckdb_scalar_function_set_function(function, scalar->function);
	if (duckdb_register_scalar_function(connection, function) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register %s", scalar->name);
	return ASOF_OK;
}

enum asof_status
asof_duckdb_register_moments(duckdb_connection connection, struct asof_error *err)
{
	for (size_t i = 0; i < ASOF_COUNTOF(scalars); i++)
		ASOF_TRY(register_scalar(connection, &scalars[i], err));
	return ASOF_OK;
}
