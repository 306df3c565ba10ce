/* partition.c - what the rows of a table are kept apart by, as texts. */
#include "model/partition.h"

static const struct {
	const char *text;
	const char *name;
} times[] = {
	[ASOF_PARTITION_YEAR] = { "year(event_time)", "event_year" },
	[ASOF_PARTITION_MONTH] = { "month(event_time)", "event_month" },
	[ASOF_PARTITION_DAY] = { "day(event_time)", "event_day" },
};

static const char *
text_of(const struct asof_partition *partition)
{
	return partition->kind == ASOF_PARTITION_KEY ? partition->key : times[partition->kind].text;
}

void
asof_partitions_text(const struct asof_partition *partitions, size_t count, struct asof_buf *buf)
{
	if (count == 0)
		asof_buf_add_cstr(buf, "none");
	for (size_t i = 0; i < count; i++)
		asof_buf_printf(buf, "%s%s", i > 0 ? ", " : "", text_of(&partitions[i]));
}

bool
asof_partitions_equal(const struct asof_partition *a, size_t a_count,
		      const struct asof_partition *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++) {
		if (a[i].kind != b[i].kind || strcmp(text_of(&a[i]), text_of(&b[i])) != 0)
			return false;
	}
	return true;
}

bool
asof_partition_of_time(struct asof_str text, enum asof_partition_kind *ret_kind)
{
	for (size_t i = 0; i < ASOF_COUNTOF(times); i++) {
		if (asof_str_equal(text, asof_str_from(times[i].text))) {
			*ret_kind = (enum asof_partition_kind)i;
			return true;
		}
	}
	return false;
}

const char *
asof_partition_name(const struct asof_partition *partition)
{
	return partition->kind == ASOF_PARTITION_KEY ? partition->key : times[partition->kind].name;
}

const char *
asof_partition_column(const struct asof_partition *partition, struct asof_arena *arena)
{
	bool is_key = partition->kind == ASOF_PARTITION_KEY;
	return asof_arena_printf(arena, is_key ? "_by_%s" : "_%s", asof_partition_name(partition));
}
