/*
 * value_text.h - typed values to and from JSON and plain text. Pure.
 *
 * JSON forms: bool; int32, int64 as integers; floats shortest round trip as doubles, NaN and
 * infinities as strings "NaN" "Infinity"
 * "-Infinity"; decimal as a number with all its digits ("1.50" stays 1.50); string; bytes as base64
 * text; date "2001-06-30"; timestamp RFC 3339 with Z; uuid as text; json embedded as it is; lists
 * and vectors as arrays.
 */
#ifndef ASOF_CODEC_VALUE_TEXT_H
#define ASOF_CODEC_VALUE_TEXT_H

#include "codec/json_reader.h"
#include "model/value.h"

/* NULL as null. */
void asof_value_write_json(struct asof_json_writer *w, const struct asof_value *value);

/*
 * Convert when nothing is lost (1.0 to an int, "5" to an int, an int to a string key "5" NOT: a
 * string wants a JSON string or an integer's text, see INTERFACES golden cases), else ASOF_INVALID
 * "'1.5' is no int64". JSON null gives a NULL value. Strings are borrowed from `json` or `arena`.
 */
ASOF_NODISCARD enum asof_status
asof_value_from_json(const struct asof_json *json, struct asof_type type, struct asof_arena *arena,
		     struct asof_value *ret_value, struct asof_error *err);

/* The same for text of a command line, URL or YAML scalar. Never NULL: "" is the empty string, and
 * no int64. */
ASOF_NODISCARD enum asof_status asof_value_from_text(struct asof_str text, struct asof_type type,
						     struct asof_arena *arena,
						     struct asof_value *ret_value,
						     struct asof_error *err);
/* As asof_value_from_text() reads it; for tables shown to people and SQL literals. NULL as "". */
void asof_value_write_text(struct asof_buf *buf, const struct asof_value *value);

#endif
