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
	const char *path; /* absolute; of an object "s3://bucket/key", as `name` */
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

/* Whether it names objects of a bucket: "s3://bucket/key". */
bool asof_source_is_object(const struct asof_source *source);

typedef enum asof_status asof_source_object_fn(void *arg, struct asof_str key, uint64_t size_bytes,
					       int64_t modified_us, struct asof_error *err);
/* What can list the source's bucket: visit at least every object whose key begins with `prefix`. */
struct asof_source_objects {
	enum asof_status (*list)(void *arg, struct asof_str prefix, asof_source_object_fn *visit,
				 void *visit_arg, struct asof_error *err);
	void *arg;
};
/*
 * asof_source_list() for objects of a bucket: by the same rules, a key's parts between slashes
 * taken for directories; name and path are "s3://bucket/key".
 */
ASOF_NODISCARD enum asof_status asof_source_list_objects(const struct asof_source *source,
							 const struct asof_source_objects *objects,
							 struct asof_arena *arena,
							 const struct asof_source_file **ret_files,
							 size_t *ret_count, struct asof_error *err);

#endif
