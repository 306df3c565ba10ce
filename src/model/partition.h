/* partition.h - what the rows of a table are kept apart by, as texts. Pure. */
#ifndef ASOF_MODEL_PARTITION_H
#define ASOF_MODEL_PARTITION_H

#include "base/buf.h"
#include "model/project.h"

/* "month(event_time), origin": as definitions have it; "none" for 0. */
void asof_partitions_text(const struct asof_partition *partitions, size_t count,
			  struct asof_buf *buf);
bool asof_partitions_equal(const struct asof_partition *a, size_t a_count,
			   const struct asof_partition *b, size_t b_count);

/* "year(event_time)"; false for what is none of them. */
bool asof_partition_of_time(struct asof_str text, enum asof_partition_kind *ret_kind);

/* "event_month" or the key's name: of directories. */
const char *asof_partition_name(const struct asof_partition *partition);
/* "_event_month" or "_by_<key>": of the table's column. NULL on exhaustion. */
const char *asof_partition_column(const struct asof_partition *partition, struct asof_arena *arena);

#endif
