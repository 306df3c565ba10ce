/* value.h - one typed value. Plain data; what it points to is borrowed. */
#ifndef ASOF_MODEL_VALUE_H
#define ASOF_MODEL_VALUE_H

#include "base/arena.h"
#include "base/number.h"
#include "model/type.h"

struct asof_value {
	struct asof_type type;
	bool is_null;
	union {
		bool boolean;
		int32_t int32; /* also date */
		int64_t int64; /* also timestamp */
		float float32;
		double float64;
		__extension__ __int128 decimal; /* unscaled */
		struct asof_str str;            /* string, bytes, json; for uuid the 16 bytes */
		struct {
			const struct asof_value *items;
			size_t count;
		} list; /* list and vector */
	};
};

static inline struct asof_value
asof_value_null(struct asof_type type)
{
	return (struct asof_value){ .type = type, .is_null = true };
}

/*
 * Total order of two values of one type: NULL last, NaN above all numbers and equal to itself,
 * -0.0 equal to 0.0, strings and bytes by bytes, lists element by element. < 0, 0 or > 0.
 */
int asof_value_compare(const struct asof_value *a, const struct asof_value *b);

/* The value with all that it points to, in `arena`: ASOF_OK or ASOF_NO_MEMORY. */
ASOF_NODISCARD enum asof_status asof_value_copy(const struct asof_value *value,
						struct asof_arena *arena,
						struct asof_value *ret_value,
						struct asof_error *err);

#endif
