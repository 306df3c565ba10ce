/*
 * type.h - the types a value may have. Immutable data, thread-safe.
 *
 *   bool int32 int64 float32 float64 decimal(p,s) string bytes date timestamp uuid json
 *   list<T> vector<float32,n>
 */
#ifndef ASOF_MODEL_TYPE_H
#define ASOF_MODEL_TYPE_H

#include "base/base.h"
#include "base/buf.h"

enum asof_type_kind {
	ASOF_TYPE_NONE = 0, /* not known yet */
	ASOF_TYPE_BOOL,
	ASOF_TYPE_INT32,
	ASOF_TYPE_INT64,
	ASOF_TYPE_FLOAT32,
	ASOF_TYPE_FLOAT64,
	ASOF_TYPE_DECIMAL,
	ASOF_TYPE_STRING,
	ASOF_TYPE_BYTES,
	ASOF_TYPE_DATE,      /* days since the Unix epoch */
	ASOF_TYPE_TIMESTAMP, /* microseconds since the Unix epoch, UTC */
	ASOF_TYPE_UUID,
	ASOF_TYPE_JSON,
	ASOF_TYPE_LIST,   /* of any kind above */
	ASOF_TYPE_VECTOR, /* `size` float32 */
};

/* Plain data, compared with asof_type_equal(). precision and scale belong to a decimal, or to the
 * decimal elements of a list. */
struct asof_type {
	uint8_t kind;    /* enum asof_type_kind */
	uint8_t element; /* of a list or vector, else NONE */
	uint8_t precision;
	uint8_t scale;
	uint32_t size; /* of a vector, else 0 */
};

#define ASOF_TYPE(k) ((struct asof_type){ .kind = (k) })

bool asof_type_equal(struct asof_type a, struct asof_type b);
/* The type of a list's or vector's elements. */
struct asof_type asof_type_element(struct asof_type type);
/* int32, int64, float32, float64, decimal or bool (counted as 0 and 1): what sums take. */
bool asof_type_is_numeric(struct asof_type type);
/* May be an entity key: every scalar but float32, float64 and json. */
bool asof_type_is_key(struct asof_type type);

/* Bytes that asof_type_text() may need, NUL included. */
#define ASOF_TYPE_TEXT_MAX 48
/* "decimal(10,2)", "list<int64>", "vector<float32,8>"; returns `out`. */
const char *asof_type_text(struct asof_type type, char out[ASOF_TYPE_TEXT_MAX]);
/* The inverse; spaces around tokens are allowed. ASOF_INVALID says what is wrong and suggests. */
ASOF_NODISCARD enum asof_status asof_type_parse(struct asof_str text, struct asof_type *ret_type,
						struct asof_error *err);

#endif
