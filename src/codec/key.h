/*
 * key.h - entity keys as bytes: typed, unambiguous, and ordered as the values are. Pure.
 *
 * Per component a tag byte of its type, then: bool 1 byte; int32, date 4 and int64, timestamp 8
 * bytes big-endian with the sign bit flipped; decimal 16 bytes likewise; uuid 16 bytes; string and
 * bytes with 00 written as 00 FF, ended by 00 01. memcmp() of two keys of one entity orders them as
 * asof_value_compare() does, component by component. Tags keep an int 1 and a string "1" apart.
 */
#ifndef ASOF_CODEC_KEY_H
#define ASOF_CODEC_KEY_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/project.h"

/* Append the key. ASOF_INVALID where a component is NULL or of a type that is no key. */
ASOF_NODISCARD enum asof_status asof_key_encode(const struct asof_value *values, size_t count,
						struct asof_buf *buf, struct asof_error *err);

/* Exactly `count` components of the types of `keys`, or ASOF_CORRUPT with the offset. Strings are
 * copied into `arena`. */
ASOF_NODISCARD enum asof_status asof_key_decode(struct asof_str bytes, const struct asof_key *keys,
						size_t count, struct asof_arena *arena,
						struct asof_value *ret_values,
						struct asof_error *err);

/*
 * The key as people read it, appended; two keys never have one text. Components are separated by
 * ",": an int64 as 42, an int32 as 42i, a decimal as its unscaled digits and d, true, false, dates
 * and times as everywhere, a uuid, bytes as 0x00ff, and a string as it is, with what is in the way
 * as %XX, and behind a ' where it would look like one of the others. Bytes that are no key: a % and
 * the bytes.
 */
void asof_key_write_text(struct asof_str bytes, struct asof_buf *buf);
/* A name or a string as it stands there: `%`, `,`, `:`, quotes, spaces and control characters as
 * %XX. */
void asof_key_write_name(struct asof_str name, struct asof_buf *buf);

#endif
