/* compact_groups.c - which files of a table become one. */
#include "job/compact_groups.h"

#include <stdlib.h>

#include "base/buf.h"
#include "job/cursor.h"
#include "job/versions.h"

#define PARTITION_BYTES_MAX (1u << 20)

struct asof_compact_file {
	const char *partition; /* its values, one text */
	const struct asof_table_file *file;
};

static int
compare(const void *left, const void *right)
{
	const struct asof_compact_file *a = left;
	const struct asof_compact_file *b = right;
	int difference = strcmp(a->partition, b->partition);
	if (difference != 0)
		return difference;
	return (a->file > b->file) - (a->file < b->file); /* both are of the snapshot's array */
}

/* The values in the order of the columns, told apart by their lengths. */
static enum asof_status
write_partition(const struct asof_table_snapshot *snapshot, const struct asof_table_file *file,
		struct asof_arena *arena, const char **ret_text, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(PARTITION_BYTES_MAX);
	asof_buf_add_cstr(&text, "");
	for (size_t i = 0; i < snapshot->partition_column_count; i++) {
		const char *value = asof_property_find(file->partition, file->partition_count,
						       snapshot->partition_columns[i]);
		if (value)
			asof_buf_printf(&text, "%zu:%s", strlen(value), value);
		else
			asof_buf_add_cstr(&text, "-");
	}
	ASOF_TRY(asof_buf_status(&text, err));
	*ret_text = asof_arena_copy(arena, asof_buf_view(&text));
	return *ret_text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "partitions of files");
}

static bool
is_small(const struct asof_table_file *file, uint64_t target_bytes)
{
	return file->size_bytes < target_bytes / 2;
}

bool
asof_compact_is_open(const struct asof_table_snapshot *snapshot, const struct asof_table_file *file)
{
	return asof_cursor_is_open_file(
		asof_property_find(snapshot->info, snapshot->info_count, ASOF_INFO_CURSOR),
		file->name);
}

enum asof_status
asof_compact_groups_init(const struct asof_table_snapshot *snapshot, uint64_t target_bytes,
			 struct asof_arena *arena, struct asof_compact_groups *ret_groups,
			 struct asof_error *err)
{
	size_t count = 0;
	struct asof_compact_file *files =
		asof_arena_array(arena, snapshot->file_count, sizeof(*files));
	if (!files)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", snapshot->file_count);
	for (size_t i = 0; i < snapshot->file_count; i++) {
		const struct asof_table_file *file = &snapshot->files[i];
		if (!is_small(file, target_bytes) || asof_compact_is_open(snapshot, file))
			continue;
		files[count].file = file;
		ASOF_TRY(write_partition(snapshot, file, arena, &files[count].partition, err));
		count++;
	}
	if (count > 1)
		qsort(files, count, sizeof(*files), compare);
	*ret_groups = (struct asof_compact_groups){ .files = files,
						    .file_count = count,
						    .target_bytes = target_bytes };
	return ASOF_OK;
}

/* From file `next` on; where one is alone, too. */
static size_t
take_group(struct asof_compact_groups *groups, const struct asof_table_file **group)
{
	const char *partition = groups->files[groups->next].partition;
	size_t count = 0;
	uint64_t bytes = 0;
	for (; groups->next < groups->file_count && bytes < groups->target_bytes; groups->next++) {
		const struct asof_compact_file *candidate = &groups->files[groups->next];
		if (strcmp(candidate->partition, partition) != 0)
			break;
		if (group)
			group[count] = candidate->file;
		count++;
		bytes += candidate->file->size_bytes;
	}
	return count;
}

size_t
asof_compact_groups_next(struct asof_compact_groups *groups, const struct asof_table_file **group)
{
	while (groups->next < groups->file_count) {
		size_t count = take_group(groups, group);
		if (count >= 2)
			return count;
	}
	return 0;
}

enum asof_status
asof_compact_count(const struct asof_table_snapshot *snapshot, uint64_t target_bytes,
		   struct asof_arena *arena, size_t *ret_merged, size_t *ret_made,
		   struct asof_error *err)
{
	struct asof_compact_groups groups;
	size_t merged = 0;
	size_t made = 0;
	ASOF_TRY(asof_compact_groups_init(snapshot, target_bytes, arena, &groups, err));
	for (size_t count; (count = asof_compact_groups_next(&groups, NULL)) > 0; made++)
		merged += count;
	*ret_merged = merged;
	*ret_made = made;
	return ASOF_OK;
}
