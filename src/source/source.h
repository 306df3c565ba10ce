/*
 * source.h - where rows come from: the files behind a source, in the order in which they are read.
 *
 * Pure listing: no file is opened. One thread at a time per arena.
 */
#ifndef ASOF_SOURCE_H
#define ASOF_SOURCE_H

#include "base/arena.h"
#include "model/project.h"

#define ASOF_SOURCE_FILES_MAX 1000000

struct asof_source_file {
	/* From the project's directory where the source's path is relative or lies below it, else
	 * absolute. */
	const char *name;
	const char *path; /* absolute */
	uint64_t size_bytes;
	int64_t modified_us;
};

/*
 * The files that `source->location` names now, each once, ascending by the bytes of `path`: a file,
 * a directory (all files of the source's format below it), or a pattern with * ? [] and ** for any
 * number of directories. No pattern matches a name that begins with a dot; below a directory and
 * with ** those that begin with _ are passed over too, and links to directories are not followed.
 * ASOF_NOT_FOUND where there is none; ASOF_INVALID for what is neither file nor directory;
 * ASOF_UNSUPPORTED for a source that is no path.
 */
ASOF_NODISCARD enum asof_status asof_source_list(const struct asof_source *source,
						 const char *project_dir, struct asof_arena *arena,
						 const struct asof_source_file **ret_files,
						 size_t *ret_count, struct asof_error *err);

#endif
