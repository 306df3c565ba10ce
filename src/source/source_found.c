/* source_found.c - files found: kept, put in order, told by their names. */
#include "source/source_found.h"

#include <stdlib.h>

static bool
ends_with(const char *name, size_t len, const char *ending)
{
	size_t ending_len = strlen(ending);
	return len >= ending_len && memcmp(name + len - ending_len, ending, ending_len) == 0;
}

bool
asof_source_has_format(const char *name, enum asof_file_format format)
{
	static const char *const endings[][4] = {
		[ASOF_FORMAT_PARQUET] = { ".parquet", ".pq" },
		[ASOF_FORMAT_CSV] = { ".csv", ".tsv" },
		[ASOF_FORMAT_JSON] = { ".json", ".jsonl", ".ndjson" },
	};
	size_t len = strlen(name);
	if (ends_with(name, len, ".gz"))
		len -= 3;
	else if (ends_with(name, len, ".zst"))
		len -= 4;
	for (size_t i = 0; i < 4 && endings[format][i]; i++) {
		if (ends_with(name, len, endings[format][i]))
			return true;
	}
	return false;
}

void
asof_source_found_done(struct asof_source_found *found)
{
	asof_mem_free(found->files);
}

enum asof_status
asof_source_found_add(struct asof_source_found *found, const struct asof_source_file *file,
		      size_t name_at, struct asof_error *err)
{
	if (found->count == ASOF_SOURCE_FILES_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than %d files", ASOF_SOURCE_FILES_MAX);
	void *files = found->files;
	ASOF_TRY(asof_mem_reserve(&files, &found->capacity, found->count + 1, sizeof(*found->files),
				  err));
	found->files = files;

	char *copy = asof_arena_copy(found->arena, asof_str_from(file->path));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path '%s'", file->path);
	struct asof_source_file *kept = &found->files[found->count++];
	*kept = *file;
	kept->path = copy;
	kept->name = copy + name_at;
	return ASOF_OK;
}

static int
by_path(const void *a, const void *b)
{
	const struct asof_source_file *left = a;
	const struct asof_source_file *right = b;
	return strcmp(left->path, right->path);
}

/* `**` may reach a file by more than one way. */
static void
sort_unique(struct asof_source_found *found)
{
	qsort(found->files, found->count, sizeof(*found->files), by_path);
	size_t kept = 1;
	for (size_t i = 1; i < found->count; i++) {
		if (strcmp(found->files[i].path, found->files[kept - 1].path) != 0)
			found->files[kept++] = found->files[i];
	}
	found->count = kept;
}

enum asof_status
asof_source_found_end(struct asof_source_found *found, const struct asof_source *source,
		      const struct asof_source_file **ret_files, size_t *ret_count,
		      struct asof_error *err)
{
	if (found->count == 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "path '%s' matches no file",
				 source->location.text);
	sort_unique(found);
	struct asof_source_file *files =
		asof_arena_array(found->arena, found->count, sizeof(*files));
	if (!files)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", found->count);
	memcpy(files, found->files, found->count * sizeof(*files));
	*ret_files = files;
	*ret_count = found->count;
	return ASOF_OK;
}
