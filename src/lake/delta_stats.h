/* delta_stats.h - the statistics of a file as the text that the log keeps. Pure; fuzzed. */
#ifndef ASOF_LAKE_DELTA_STATS_H
#define ASOF_LAKE_DELTA_STATS_H

#include "lake/table.h"

/*
 * Statistics of columns that are not in `fields`, or whose type has none in Delta (bool, bytes,
 * json, lists), are left out; so are texts over 256 bytes, NaN and infinities, and times outside
 * the years 1-9999. Times are in milliseconds: a minimum is rounded down, a maximum up. Nothing is
 * written where nothing is known.
 */
void asof_delta_stats_write(const struct asof_table_file *file, const struct asof_field *fields,
			    size_t field_count, struct asof_buf *buf);
/* Sets row_count, stats and stats_count of *file, in `arena`. ASOF_CORRUPT. */
ASOF_NODISCARD enum asof_status asof_delta_stats_read(struct asof_str text,
						      struct asof_arena *arena,
						      struct asof_table_file *file,
						      struct asof_error *err);

#endif
