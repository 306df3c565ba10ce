/* partition_choice.c - what a build keeps the rows of its table apart by, and why. */
#include "job/partition_choice.h"

#include <inttypes.h>

#include "model/duration.h"
#include "model/partition.h"

#define DAY_US (24 * 3600 * ASOF_US_PER_SECOND)

uint64_t
asof_partition_files(const struct asof_partition_facts *facts)
{
	double bytes = (double)facts->row_count * (double)facts->row_bytes;
	return (uint64_t)(bytes / (double)facts->file_bytes) + 1;
}

/* ---- auto ---- */

static enum asof_status
choose_none(struct asof_arena *arena, struct asof_partition_choice *choice, uint64_t files,
	    const char *why, struct asof_error *err)
{
	choice->count = 0;
	choice->reason = asof_arena_printf(arena, "about %" PRIu64 " files: %s", files, why);
	return choice->reason ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
}

enum asof_status
asof_partition_choose(const struct asof_partition_facts *facts, struct asof_arena *arena,
		      struct asof_partition_choice *choice, struct asof_error *err)
{
	static const struct {
		enum asof_partition_kind kind;
		int64_t length_us;
		const char *name;
	} parts[] = { { ASOF_PARTITION_DAY, DAY_US, "days" },
		      { ASOF_PARTITION_MONTH, 30 * DAY_US, "months" },
		      { ASOF_PARTITION_YEAR, 365 * DAY_US, "years" } };
	uint64_t files = asof_partition_files(facts);
	*choice = (struct asof_partition_choice){ 0 };
	if (files < ASOF_PARTITION_FILES_LEAST)
		return choose_none(arena, choice, files,
				   "they are told apart by their statistics and their order", err);
	if (!facts->has_times)
		return choose_none(arena, choice, files, "it is decided when all are written", err);
	for (size_t i = 0; i < ASOF_COUNTOF(parts); i++) {
		int64_t span_us = asof_us_sub(facts->last_us, facts->first_us);
		uint64_t count = (uint64_t)(span_us / parts[i].length_us) + 1;
		if (count < 2 || count > ASOF_PARTITION_AUTO_MOST ||
		    count * ASOF_PARTITION_FILES_EACH > files)
			continue;
		choice->partitions[0].kind = parts[i].kind;
		choice->count = 1;
		choice->reason =
			asof_arena_printf(arena, "about %" PRIu64 " files of %" PRIu64 " %s", files,
					  count, parts[i].name);
		return choice->reason ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
	}
	return choose_none(arena, choice, files,
			   "no part of the event time would have four files or more", err);
}

/* ---- of a table ---- */

static enum asof_status
read_part(struct asof_str text, const struct asof_view *view, struct asof_partition *part,
	  struct asof_error *err)
{
	if (asof_partition_of_time(text, &part->kind))
		return ASOF_OK;
	for (size_t i = 0; i < view->entity->key_count; i++) {
		const char *name = view->entity->keys[i].name;
		if (!asof_str_equal(text, asof_str_from(name)))
			continue;
		*part = (struct asof_partition){ .kind = ASOF_PARTITION_KEY, .key = name };
		return ASOF_OK;
	}
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "table '%s' is partitioned by '%.*s', which is no key of '%s': "
			 "`asof build --full` writes it anew",
			 view->name, ASOF_STR_ARG(text), view->entity->name);
}

enum asof_status
asof_partition_of_table(const struct asof_table_snapshot *snapshot, const struct asof_view *view,
			struct asof_partition_choice *ret_choice, struct asof_error *err)
{
	const char *text = asof_property_find(snapshot->properties, snapshot->property_count,
					      ASOF_TABLE_PARTITION);
	struct asof_partition_choice choice = { .reason = "as the table is" };
	if (!text || snapshot->partition_column_count == 0) {
		*ret_choice = choice;
		return ASOF_OK;
	}
	while (*text) {
		size_t len = strcspn(text, ",");
		if (choice.count == ASOF_PARTITIONS_MAX)
			return ASOF_FAIL(err, ASOF_CORRUPT, "table '%s' has too many partitions",
					 view->name);
		ASOF_TRY(read_part((struct asof_str){ text, len }, view,
				   &choice.partitions[choice.count], err));
		choice.count++;
		text += len + strspn(text + len, ", ");
	}
	*ret_choice = choice;
	return ASOF_OK;
}
