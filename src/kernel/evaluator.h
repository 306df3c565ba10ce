/*
 * evaluator.h - on-demand expressions computed row by row, as DuckDB computes them. Pure.
 *
 * What stands in the table of functions is what an on-demand expression may call, and all of it:
 * docs/reference/on-demand.md has the same list. Results equal DuckDB's bit for bit, errors
 * included; tests/property holds one against the other. Thread-safe.
 */
#ifndef ASOF_KERNEL_EVALUATOR_H
#define ASOF_KERNEL_EVALUATOR_H

#include "base/arena.h"
#include "model/expression.h"

/* What a function is called with while it runs. */
struct asof_call {
	const struct asof_value *args; /* none is NULL, but where takes_null */
	size_t arg_count;
	enum asof_time_part part;
	struct asof_arena *arena; /* of strings that are made */
};

/* *ret_value has its type already and is NULL: what a function leaves so is NULL. */
typedef enum asof_status asof_function_fn(const struct asof_call *call,
					  struct asof_value *ret_value, struct asof_error *err);

/*
 * A function or operator under the name that DuckDB's parser gives it. `signatures`: "ii:i ll:l",
 * types by letter (asof_expression_letter()), '*' after a letter for one or more of it; 'p' first
 * where the first argument names a part of a time, which must be a constant; 'L' is an int64 that
 * is a constant, and not below 0.
 */
struct asof_function {
	const char *name;
	const char *signatures;
	asof_function_fn *run;
	bool takes_null;
};

const struct asof_function *asof_function_at(size_t index); /* NULL behind the last */
/* By name; NULL where there is none. */
const struct asof_function *asof_function_find(struct asof_str name);
/* The letter of what it gives for arguments of these letters (without 'p'); 0: it takes others. */
char asof_function_result(const struct asof_function *function, const char *letters);
bool asof_function_takes_part(const struct asof_function *function);
/* "day", "days", "d" ..; false where it is no part, or none that `function` takes. */
bool asof_function_part(const struct asof_function *function, struct asof_str text,
			enum asof_time_part *ret_part);
/* The nearest name in the table, or NULL. */
const char *asof_function_suggest(struct asof_str name);

/* b i(nt32) l(int64) f(loat32) d(float64) m (decimal) s(tring) D(ate) T(imestamp); 0 for others. */
char asof_expression_letter(struct asof_type type);
/* Whether a value of letter `from` can be cast to `to`; 'y' is an int32 that DuckDB holds in a
 * byte. */
bool asof_expression_casts(char from, char to);

/*
 * The value of `expression` over `inputs` (indexed as its INPUT nodes are, each of its type).
 * ASOF_INVALID where DuckDB would fail: an overflow, a root of a negative number. Strings live in
 * `arena` or where the inputs' do.
 */
ASOF_NODISCARD enum asof_status asof_expression_value(const struct asof_expression *expression,
						      const struct asof_value *inputs,
						      struct asof_arena *arena,
						      struct asof_value *ret_value,
						      struct asof_error *err);

#endif
