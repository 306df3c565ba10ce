/* number.h - numbers to their shortest text, and text to numbers without surprises. Pure. */
#ifndef ASOF_NUMBER_H
#define ASOF_NUMBER_H

#include "base/base.h"

/* ISO C has no name for it; -Wpedantic accepts this one. */
__extension__ typedef __int128 asof_int128;

/* More than the longest text (24 bytes): the printer writes in blocks. */
#define ASOF_DOUBLE_TEXT_MAX 48
#define ASOF_INT128_TEXT_MAX 48

/*
 * The shortest decimal text that reads back as the same value, as JSON writes numbers: "0.1",
 * "100", "1e+21" style exponents only outside 1e-6 <= |x| < 1e21, "-0" for negative zero; "NaN",
 * "Infinity", "-Infinity" otherwise (unquoted). Returns the length; no NUL. (Schubfach, R.
 * Giulietti 2021)
 */
size_t asof_double_text(double value, char out[ASOF_DOUBLE_TEXT_MAX]);
size_t asof_float_text(float value, char out[ASOF_DOUBLE_TEXT_MAX]);
size_t asof_int64_text(int64_t value, char out[ASOF_DOUBLE_TEXT_MAX]);
size_t asof_uint64_text(uint64_t value, char out[ASOF_DOUBLE_TEXT_MAX]);
/* Decimal text of a 128-bit integer with `scale` <= 38 digits behind the point: (12345, 2) is
 * "123.45". */
size_t asof_decimal_text(asof_int128 unscaled, unsigned scale, char out[ASOF_INT128_TEXT_MAX]);

/* The whole text, or false: no spaces, no '+', no overflow, no partial reads. A number is
 * "-"? digits ("." digits)? ([eE] [+-]? digits)?, where leading zeros are fine. */
bool asof_int64_parse(struct asof_str text, int64_t *ret_value);
bool asof_uint64_parse(struct asof_str text, uint64_t *ret_value);
/* Correctly rounded; accepts "NaN", "Infinity", "-Infinity". No hexadecimal. */
bool asof_double_parse(struct asof_str text, double *ret_value);
/* Decimal text, exponents too, that fits (precision <= 38, scale) without rounding. */
bool asof_decimal_parse(struct asof_str text, unsigned precision, unsigned scale,
			asof_int128 *ret_unscaled);

/* "1GiB", "512 MiB", "4096", "2G": bytes, in any case. Powers of 1024 for K M G T with or without
 * "iB", of 1000 for "KB MB GB TB". */
bool asof_size_parse(struct asof_str text, uint64_t *ret_bytes);

#endif
