/* push_rows.h - the rows of a push, from JSON to columns of their source's types. Pure. */
#ifndef ASOF_JOB_PUSH_ROWS_H
#define ASOF_JOB_PUSH_ROWS_H

#include "codec/json_reader.h"
#include "job/entry_table.h"
#include "model/project.h"

#define ASOF_PUSH_ROWS_MAX 100000 /* of one request */

/* What pushed rows of a bound source may have. Immutable. */
struct asof_push_shape {
	const struct asof_source *source;
	const struct asof_field *fields; /* of the log: the source's own columns that it takes */
	size_t field_count;
};
ASOF_NODISCARD enum asof_status asof_push_shape_make(const struct asof_source *source,
						     size_t own_field_count,
						     struct asof_arena *arena,
						     struct asof_push_shape *ret_shape,
						     struct asof_error *err);

/*
 * `root` is {"rows": [{column: value, ...}, ...]}: add them to `table`, which has the shape's
 * columns. A value becomes the column's type where nothing is lost; a column that is not named is
 * NULL. ASOF_INVALID says where: "rows[2].delay: 'x' is no int64".
 */
ASOF_NODISCARD enum asof_status asof_push_rows_read(const struct asof_push_shape *shape,
						    const struct asof_json *root,
						    struct asof_entry_table *table,
						    struct asof_error *err);

#endif
