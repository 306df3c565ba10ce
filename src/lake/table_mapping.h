/*
 * table_mapping.h - columns whose name in files is another: Delta's column mapping by name.
 *
 * A table has it from the commit on that renames its first column, until it is overwritten. Pure.
 */
#ifndef ASOF_LAKE_TABLE_MAPPING_H
#define ASOF_LAKE_TABLE_MAPPING_H

#include "lake/delta_state.h"

#define ASOF_MAPPING           "delta.columnMapping."
#define ASOF_MAPPING_ID        ASOF_MAPPING "id"           /* of a column */
#define ASOF_MAPPING_STORED    ASOF_MAPPING "physicalName" /* the same */
#define ASOF_MAPPING_MODE      ASOF_MAPPING "mode"         /* of a table */
#define ASOF_MAPPING_MAX       ASOF_MAPPING "maxColumnId"  /* the same */
#define ASOF_MAPPING_MODE_NAME "name"
#define ASOF_MAPPING_READER    2
#define ASOF_MAPPING_WRITER    5

/* Do the properties say that columns are found by their stored names? ASOF_UNSUPPORTED: by numbers
 * in the files. */
ASOF_NODISCARD enum asof_status asof_mapping_read(const struct asof_property *properties,
						  size_t count, bool *ret_is_mapped,
						  struct asof_error *err);
/*
 * Give the columns of a table that follows `base` their numbers: a column that stays keeps its own,
 * others get one that none had before. *ret_max_id, the highest ever given, is 0 where the table is
 * plain: no column is mapped, and the base is not or leaves altogether. ASOF_INVALID: two columns
 * of one stored name.
 */
ASOF_NODISCARD enum asof_status asof_mapping_number(const struct asof_delta_state *base,
						    bool is_overwrite, struct asof_field *fields,
						    size_t count, int64_t *ret_max_id,
						    struct asof_error *err);
/* May a table of the base's protocol be written here? ASOF_UNSUPPORTED. */
ASOF_NODISCARD enum asof_status asof_mapping_check_writer(const struct asof_delta_state *base,
							  struct asof_error *err);

#endif
