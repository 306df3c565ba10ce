/* arrow_body.h - the buffers of Arrow columns, for arrow_stream.c. Pure. */
#ifndef ASOF_CODEC_ARROW_BODY_H
#define ASOF_CODEC_ARROW_BODY_H

#include "base/arena.h"
#include "codec/flat_table.h"
#include "model/value.h"

/* What a record batch says of its body: per column, and per child of a column, a node; the buffers
 * of all of them in order. */
struct asof_arrow_body {
	struct asof_buf bytes;
	struct asof_flat_pair *nodes; /* length, NULLs */
	size_t node_count;
	struct asof_flat_pair *buffers; /* offset, length */
	size_t buffer_count;
};

#define ASOF_ARROW_NODES_MAX   2 /* of one column */
#define ASOF_ARROW_BUFFERS_MAX 5

/* Add a column of `count` cells of one type. */
ASOF_NODISCARD enum asof_status asof_arrow_add_column(struct asof_arrow_body *body,
						      struct asof_type type,
						      const struct asof_value *const *cells,
						      size_t count, struct asof_arena *arena,
						      struct asof_error *err);
/* The same of int32 values that are written as int8. */
void asof_arrow_add_indices(struct asof_arrow_body *body, const struct asof_value *const *cells,
			    size_t count);

#endif
