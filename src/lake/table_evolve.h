/* table_evolve.h - which schemas a table's files can be read by. Pure. */
#ifndef ASOF_LAKE_TABLE_EVOLVE_H
#define ASOF_LAKE_TABLE_EVOLVE_H

#include "model/project.h"

/* Columns may be added at the end, types may widen. ASOF_INVALID names the column that does not. */
ASOF_NODISCARD enum asof_status asof_table_check_evolution(const struct asof_field *from,
							   size_t from_count,
							   const struct asof_field *to,
							   size_t to_count, struct asof_error *err);

#endif
