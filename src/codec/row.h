/*
 * row.h - what the online store keeps per key: an answer in effect, until when, and what comes
 * next. Pure; fuzzed.
 *
 * A packed row: header (magic, format version, shape hash, sizes), the answer's values, the entries
 * that still matter (tiles of a windowed view, rows not yet available of a plain one), each with
 * NULL bitmaps, and XXH3 checksums over all of it. The shape (types) is not repeated in the row;
 * its hash is, so that a row is never read with another's shape.
 */
#ifndef ASOF_CODEC_ROW_H
#define ASOF_CODEC_ROW_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/column.h"

/* The types in a row: of its values (the view's outputs) and of its entries' columns (tile states,
 * or outputs again). */
struct asof_row_shape {
	const struct asof_type *values;
	size_t value_count;
	const struct asof_type *entries;
	size_t entry_column_count;
};

/* What is known of a key between two materializations. */
struct asof_row {
	bool has_answer;  /* false: known, but nothing in effect yet */
	int64_t event_us; /* of the answer */
	int64_t from_us;  /* clock from which the answer holds (what it was materialized at) */
	int64_t until_us; /* first clock at which it may differ; INT64_MAX: never */
	const struct asof_value *values; /* shape.value_count, or NULL without answer */
	/* What comes next, ascending by event time; a tile's END, or a row's event time. */
	size_t entry_count;
	const int64_t *entry_event_us;
	const struct asof_column
		*entries; /* shape.entry_column_count columns of entry_count rows */
};

/* Append the packed row. ASOF_LIMIT past the buffer's maximum; ASOF_INVALID where entries are out
 * of order or a vector has another size or a NULL. */
ASOF_NODISCARD enum asof_status asof_row_encode(const struct asof_row_shape *shape,
						const struct asof_row *row, struct asof_buf *buf,
						struct asof_error *err);

/*
 * ASOF_CORRUPT for anything but what asof_row_encode() wrote with an equal shape (the checksum is
 * checked first). Arrays live in `arena`, strings borrow from `bytes`. With `wants_entries` false
 * the entries are skipped, their bytes unseen (entry_count 0): the fast path while the clock is
 * before until_us.
 */
ASOF_NODISCARD enum asof_status asof_row_decode(struct asof_str bytes,
						const struct asof_row_shape *shape,
						bool wants_entries, struct asof_arena *arena,
						struct asof_row *ret_row, struct asof_error *err);

/* The same, with the entries where clock_us >= ret_row->until_us: one pass for a look-up. */
ASOF_NODISCARD enum asof_status
asof_row_decode_at(struct asof_str bytes, const struct asof_row_shape *shape, int64_t clock_us,
		   struct asof_arena *arena, struct asof_row *ret_row, struct asof_error *err);

#endif
