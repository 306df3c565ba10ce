/*
 * store_postgres_value.h - values as PostgreSQL sends and takes them in binary. Pure.
 *
 * What PostgreSQL cannot hold is shown as near as it can: text without NUL and only of UTF-8 (else
 * U+FFFD), times out of its range as infinity, JSON that is none as null.
 */
#ifndef ASOF_STORE_POSTGRES_VALUE_H
#define ASOF_STORE_POSTGRES_VALUE_H

#include "base/buf.h"
#include "model/value.h"

#define ASOF_POSTGRES_TYPE_MAX 32

/* "bigint", "numeric(10,2)", "text[]"; returns `out`. NULL for a type that cannot be shown. */
const char *asof_postgres_type_name(struct asof_type type, char out[ASOF_POSTGRES_TYPE_MAX]);
/* How many bytes of a row of a table it takes at most there, where the rest is stored elsewhere. */
size_t asof_postgres_type_width(struct asof_type type);

/* Append a field: int32 length (-1: null) and the bytes. A NULL `value` is null. */
void asof_postgres_add_value(struct asof_buf *buf, const struct asof_value *value);
void asof_postgres_add_bytes(struct asof_buf *buf, struct asof_str bytes);
void asof_postgres_add_int64(struct asof_buf *buf, int64_t number);
void asof_postgres_add_bool(struct asof_buf *buf, bool boolean);
void asof_postgres_add_null(struct asof_buf *buf);

/* The bytes of hexadecimal digits, as a column of a text answer can be without doubt about its
 * form.
 */
void asof_postgres_add_hex(struct asof_buf *buf, struct asof_str digits);

/* Parts of a larger whole: big-endian, without a length. */
void asof_postgres_add_raw16(struct asof_buf *buf, uint16_t number);
void asof_postgres_add_raw32(struct asof_buf *buf, uint32_t number);
/* The big-endian number at `bytes`. */
uint32_t asof_postgres_raw32(const char *bytes);
uint64_t asof_postgres_raw64(const char *bytes);

#endif
