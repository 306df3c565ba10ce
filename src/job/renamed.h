/* renamed.h - a table's columns under the names that a view has for them now. Pure. */
#ifndef ASOF_JOB_RENAMED_H
#define ASOF_JOB_RENAMED_H

#include "lake/table.h"

/*
 * The columns of `base` in their places; what the view has renamed has its new name, and is stored
 * under the one that it has in the files. Only plain views store features: tiles hang on columns of
 * the source.
 */
ASOF_NODISCARD enum asof_status asof_renamed_fields(const struct asof_table_snapshot *base,
						    const struct asof_view *view,
						    struct asof_arena *arena,
						    const struct asof_field **ret_fields,
						    bool *ret_has_renamed, struct asof_error *err);

#endif
