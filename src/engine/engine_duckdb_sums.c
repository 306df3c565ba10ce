/*
 * engine_duckdb_sums.c - aggregates that carry sums in double-double (kernel/dd.h), so that the
 * order in which DuckDB's workers add does not show.
 *
 *   asof_sum(DOUBLE | BIGINT | HUGEINT) -> STRUCT(hi DOUBLE, lo DOUBLE), NULL without values
 *   asof_sum_squares(the same)          -> STRUCT(hi, lo), of the squares
 *   asof_sum_merge(hi DOUBLE, lo DOUBLE) -> STRUCT(hi, lo), of such pairs
 */
#include "engine/duckdb_impl.h"
#include "kernel/dd.h"

struct sum_state {
	struct asof_dd sum;
	uint64_t count;
};

static idx_t
state_size(duckdb_function_info info)
{
	(void)info;
	return sizeof(struct sum_state);
}

static struct sum_state *
state_at(duckdb_aggregate_state *states, idx_t i)
{
	return (struct sum_state *)states[i];
}

static void
state_init(duckdb_function_info info, duckdb_aggregate_state state)
{
	(void)info;
	*(struct sum_state *)state = (struct sum_state){ 0 };
}

static void
state_add(struct sum_state *state, struct asof_dd value)
{
	state->sum = asof_dd_add(state->sum, value);
	state->count++;
}

static void
state_combine(duckdb_function_info info, duckdb_aggregate_state *source,
	      duckdb_aggregate_state *target, idx_t count)
{
	(void)info;
	for (idx_t i = 0; i < count; i++) {
		const struct sum_state *from = state_at(source, i);
		struct sum_state *to = state_at(target, i);

		if (from->count == 0)
			continue;
		to->sum = asof_dd_add(to->sum, from->sum);
		to->count += from->count;
	}
}

static void
state_finalize(duckdb_function_info info, duckdb_aggregate_state *source, duckdb_vector result,
	       idx_t count, idx_t offset)
{
	duckdb_vector hi = duckdb_struct_vector_get_child(result, 0);
	duckdb_vector lo = duckdb_struct_vector_get_child(result, 1);

	(void)info;
	for (idx_t i = 0; i < count; i++) {
		const struct sum_state *state = state_at(source, i);
		const duckdb_vector all[] = { result, hi, lo };

		((double *)duckdb_vector_get_data(hi))[offset + i] = state->sum.hi;
		((double *)duckdb_vector_get_data(lo))[offset + i] = state->sum.lo;
		for (size_t v = 0; state->count == 0 && v < ASOF_COUNTOF(all); v++) {
			duckdb_vector_ensure_validity_writable(all[v]);
			duckdb_validity_set_row_invalid(duckdb_vector_get_validity(all[v]),
							offset + i);
		}
	}
}

/* ---- updates: one per type of argument ---- */

static inline struct asof_dd
dd_of_double(const void *data, idx_t row)
{
	return asof_dd_from_double(((const double *)data)[row]);
}

static inline struct asof_dd
dd_of_bigint(const void *data, idx_t row)
{
	return asof_dd_from_int64(((const int64_t *)data)[row]);
}

static inline struct asof_dd
dd_of_hugeint(const void *data, idx_t row)
{
	asof_int128 value;

	memcpy(&value, (const char *)data + row * sizeof(value), sizeof(value));
	return asof_dd_from_int128(value);
}

static inline struct asof_dd
itself(struct asof_dd value)
{
	return value;
}

static inline struct asof_dd
double_squared(struct asof_dd value)
{
	return asof_two_prod(value.hi, value.hi);
}

static inline struct asof_dd
squared(struct asof_dd value)
{
	return asof_dd_mul(value, value);
}

#define DEFINE_UPDATE(name, read, map)                                              \
	static void name(duckdb_function_info info, duckdb_data_chunk input,        \
			 duckdb_aggregate_state *states)                            \
	{                                                                           \
		duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);      \
		const void *data = duckdb_vector_get_data(vector);                  \
		uint64_t *validity = duckdb_vector_get_validity(vector);            \
		idx_t count = duckdb_data_chunk_get_size(input);                    \
                                                                                    \
		(void)info;                                                         \
		for (idx_t i = 0; i < count; i++) {                                 \
			if (!validity || duckdb_validity_row_is_valid(validity, i)) \
				state_add(state_at(states, i), map(read(data, i))); \
		}                                                                   \
	}

DEFINE_UPDATE(sum_doubles, dd_of_double, itself)
DEFINE_UPDATE(sum_bigints, dd_of_bigint, itself)
DEFINE_UPDATE(sum_hugeints, dd_of_hugeint, itself)
DEFINE_UPDATE(square_doubles, dd_of_double, double_squared)
DEFINE_UPDATE(square_bigints, dd_of_bigint, squared)
DEFINE_UPDATE(square_hugeints, dd_of_hugeint, squared)

static void
merge_pairs(duckdb_function_info info, duckdb_data_chunk input, duckdb_aggregate_state *states)
{
	duckdb_vector hi = duckdb_data_chunk_get_vector(input, 0);
	duckdb_vector lo = duckdb_data_chunk_get_vector(input, 1);
	const double *his = duckdb_vector_get_data(hi);
	const double *los = duckdb_vector_get_data(lo);
	uint64_t *hi_validity = duckdb_vector_get_validity(hi);
	uint64_t *lo_validity = duckdb_vector_get_validity(lo);
	idx_t count = duckdb_data_chunk_get_size(input);

	(void)info;
	for (idx_t i = 0; i < count; i++) {
		bool is_null = (hi_validity && !duckdb_validity_row_is_valid(hi_validity, i)) ||
			       (lo_validity && !duckdb_validity_row_is_valid(lo_validity, i));

		if (!is_null)
			state_add(state_at(states, i), (struct asof_dd){ his[i], los[i] });
	}
}

/* ---- registration ---- */

struct aggregate {
	const char *name;
	duckdb_type argument;
	size_t argument_count;
	duckdb_aggregate_update_t update;
};

static const struct aggregate sums[] = {
	{ "asof_sum", DUCKDB_TYPE_DOUBLE, 1, sum_doubles },
	{ "asof_sum", DUCKDB_TYPE_BIGINT, 1, sum_bigints },
	{ "asof_sum", DUCKDB_TYPE_HUGEINT, 1, sum_hugeints },
};
static const struct aggregate squares[] = {
	{ "asof_sum_squares", DUCKDB_TYPE_DOUBLE, 1, square_doubles },
	{ "asof_sum_squares", DUCKDB_TYPE_BIGINT, 1, square_bigints },
	{ "asof_sum_squares", DUCKDB_TYPE_HUGEINT, 1, square_hugeints },
};
static const struct aggregate merges[] = {
	{ "asof_sum_merge", DUCKDB_TYPE_DOUBLE, 2, merge_pairs },
};

static duckdb_logical_type
pair_type(void)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type part = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
	duckdb_logical_type parts[] = { part, part };
	const char *names[] = { "hi", "lo" };

	return duckdb_create_struct_type(parts, names, ASOF_COUNTOF(parts));
}

static bool
add_overload(duckdb_aggregate_function_set set, const struct aggregate *aggregate)
{
	ASOF_AUTO(duckdb_destroy_aggregate_function)
	duckdb_aggregate_function function = duckdb_create_aggregate_function();
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type argument = duckdb_create_logical_type(aggregate->argument);
	ASOF_AUTO(duckdb_destroy_logical_type) duckdb_logical_type result = pair_type();

	duckdb_aggregate_function_set_name(function, aggregate->name);
	for (size_t i = 0; i < aggregate->argument_count; i++)
		duckdb_aggregate_function_add_parameter(function, argument);
	duckdb_aggregate_function_set_return_type(function, result);
	duckdb_aggregate_function_set_functions(function, state_size, state_init, aggregate->update,
						state_combine, state_finalize);
	return duckdb_add_aggregate_function_to_set(set, function) == DuckDBSuccess;
}

static enum asof_status
register_aggregate(duckdb_connection connection, const struct aggregate *overloads, size_t count,
		   struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_aggregate_function_set)
	duckdb_aggregate_function_set set = duckdb_create_aggregate_function_set(overloads->name);
	bool is_added = true;

	for (size_t i = 0; i < count; i++)
		is_added = is_added && add_overload(set, &overloads[i]);
	if (!is_added || duckdb_register_aggregate_function_set(connection, set) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register %s", overloads->name);
	return ASOF_OK;
}

enum asof_status
asof_duckdb_register_sums(duckdb_connection connection, struct asof_error *err)
{
	ASOF_TRY(register_aggregate(connection, sums, ASOF_COUNTOF(sums), err));
	ASOF_TRY(register_aggregate(connection, squares, ASOF_COUNTOF(squares), err));
	return register_aggregate(connection, merges, ASOF_COUNTOF(merges), err);
}
