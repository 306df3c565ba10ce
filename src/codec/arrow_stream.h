/*
 * arrow_stream.h - rows as an Arrow IPC stream: a schema, record batches, the end. Pure.
 *
 * Of the format (Arrow columnar format 1.5, metadata version V5) what flat answers need: no
 * compression, little-endian, one dictionary. Errors are the buffer's.
 */
#ifndef ASOF_CODEC_ARROW_STREAM_H
#define ASOF_CODEC_ARROW_STREAM_H

#include "base/arena.h"
#include "model/value.h"

/*
 * A column. bool, int32, int64, float32, float64, decimal128, utf8 (string, json), binary,
 * date32, timestamp[us, UTC], fixed_size_binary(16) for uuid, list, fixed_size_list; all may be
 * NULL. has_words: a dictionary column, its values int32 indices into the schema's words.
 */
struct asof_arrow_field {
	const char *name;
	struct asof_type type;
	bool has_words;
};

struct asof_arrow_schema {
	const struct asof_arrow_field *fields;
	size_t field_count;
	const char *const *words; /* of all columns that have them; at most 127 */
	size_t word_count;
	const char *const *metadata; /* names and texts in turn */
	size_t metadata_count;       /* of pairs */
};

/* The value at (column, row), which stays until the batch is written. */
typedef const struct asof_value *asof_arrow_cell_fn(const void *arg, size_t column, size_t row);

/* The schema, and the words. `buf` is empty, or as long as a multiple of eight. */
void asof_arrow_begin(const struct asof_arrow_schema *schema, struct asof_buf *buf);
/* `arena` holds a column's cells while they are written. ASOF_LIMIT past 2 GiB of one column. */
ASOF_NODISCARD enum asof_status asof_arrow_batch(const struct asof_arrow_schema *schema,
						 asof_arrow_cell_fn *cell, const void *arg,
						 size_t row_count, struct asof_arena *arena,
						 struct asof_buf *buf, struct asof_error *err);
void asof_arrow_end(struct asof_buf *buf);

#endif
