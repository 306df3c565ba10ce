/* source_found.h - the files of a source while they are found, and what their names tell. */
#ifndef ASOF_SOURCE_FOUND_H
#define ASOF_SOURCE_FOUND_H

#include "source/source.h"

struct asof_source_found {
	struct asof_arena *arena;
	struct asof_source_file *files; /* owned */
	size_t count;
	size_t capacity;
};

void asof_source_found_done(struct asof_source_found *found);

/* `file->path` is copied; its name is what follows its first `name_at` bytes. */
ASOF_NODISCARD enum asof_status asof_source_found_add(struct asof_source_found *found,
						      const struct asof_source_file *file,
						      size_t name_at, struct asof_error *err);

/* In order, each once, in the arena. ASOF_NOT_FOUND where there is none. */
ASOF_NODISCARD enum asof_status asof_source_found_end(struct asof_source_found *found,
						      const struct asof_source *source,
						      const struct asof_source_file **ret_files,
						      size_t *ret_count, struct asof_error *err);

/* By the name's ending, a packed one (.gz, .zst) looked through. */
bool asof_source_has_format(const char *name, enum asof_file_format format);

#endif
