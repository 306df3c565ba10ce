/*
 * engine_duckdb_casts.c - DOUBLE to INTEGER, in place of DuckDB's: that looks at the number before
 * it is rounded, and 2147483647.6 becomes the least integer of all, on some processors.
 */
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "engine/duckdb_impl.h"

#define INTEGER_END 2147483648.0

/* To the nearest, of two the even one; false where that is none of 32 bits. */
static bool
round_to_integer(double number, int32_t *ret_integer)
{
	double nearest = nearbyint(number);

	if (!(nearest >= -INTEGER_END && nearest < INTEGER_END))
		return false;
	*ret_integer = (int32_t)nearest;
	return true;
}

/* In DuckDB's words. A TRY_CAST makes it NULL. */
static void
fail_row(duckdb_function_info info, double number, idx_t row, duckdb_vector output)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	char why[256];
	size_t len = asof_double_text(number, text);

	(void)snprintf(why, sizeof(why),
		       "Type DOUBLE with value %.*s can't be cast because the value is out of "
		       "range for the destination type INT32",
		       (int)len, text);
	duckdb_cast_function_set_row_error(info, why, row, output);
}

static bool
cast_double(duckdb_function_info info, idx_t count, duckdb_vector input, duckdb_vector output)
{
	const double *in = duckdb_vector_get_data(input);
	int32_t *out = duckdb_vector_get_data(output);
	uint64_t *validity = duckdb_vector_get_validity(input);
	bool is_try = duckdb_cast_function_get_cast_mode(info) == DUCKDB_CAST_TRY;
	bool is_done = true;

	duckdb_vector_ensure_validity_writable(output);
	for (idx_t i = 0; i < count; i++) {
		if (validity && !duckdb_validity_row_is_valid(validity, i)) {
			duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), i);
			continue;
		}
		if (round_to_integer(in[i], &out[i]))
			continue;
		is_done = false;
		fail_row(info, in[i], i, output);
		if (!is_try)
			return false;
	}
	return is_done;
}

enum asof_status
asof_duckdb_register_casts(duckdb_connection connection, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_cast_function)
	duckdb_cast_function function = duckdb_create_cast_function();
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type from = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type to = duckdb_create_logical_type(DUCKDB_TYPE_INTEGER);

	duckdb_cast_function_set_source_type(function, from);
	duckdb_cast_function_set_target_type(function, to);
	duckdb_cast_function_set_implicit_cast_cost(function, -1); /* only where it is said */
	duckdb_cast_function_set_function(function, cast_double);
	if (duckdb_register_cast_function(connection, function) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register a cast");
	return ASOF_OK;
}
