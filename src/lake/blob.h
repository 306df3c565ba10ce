/*
 * blob.h - named byte objects below a root: a directory, later a bucket.
 *
 * Names are relative, with "/" between parts; no "..", no leading "/". Threads: thread-safe.
 */
#ifndef ASOF_LAKE_BLOB_H
#define ASOF_LAKE_BLOB_H

#include "base/arena.h"
#include "base/buf.h"

struct asof_blob;

struct asof_blob_info {
	struct asof_str name; /* borrowed while visited */
	uint64_t size_bytes;
	int64_t modified_us;
};
typedef enum asof_status asof_blob_visit_fn(void *arg, const struct asof_blob_info *info,
					    struct asof_error *err);

struct asof_blob_ops {
	const char *scheme; /* "file" */
	enum asof_status (*open)(struct asof_str location, struct asof_blob **ret_blob,
				 struct asof_error *err);
	void (*close)(struct asof_blob *blob);
	/* The whole object. ASOF_NOT_FOUND; ASOF_LIMIT past the buffer's maximum. */
	enum asof_status (*read)(struct asof_blob *blob, const char *name, struct asof_buf *buf,
				 struct asof_error *err);
	/* Create durably and atomically: never seen half-written. ASOF_CONFLICT where it exists. */
	enum asof_status (*put_if_absent)(struct asof_blob *blob, const char *name,
					  struct asof_str bytes, struct asof_error *err);
	/* Create or replace durably and atomically. */
	enum asof_status (*put)(struct asof_blob *blob, const char *name, struct asof_str bytes,
				struct asof_error *err);
	/* Make an object that others wrote below the root durable (fsync of file and directory). */
	enum asof_status (*sync)(struct asof_blob *blob, const char *name, struct asof_error *err);
	enum asof_status (*remove)(struct asof_blob *blob, const char *name,
				   struct asof_error *err);
	/* Objects whose name begins with `prefix` (a directory, ending in "/", or ""), ascending by
	 * bytes. None is no error. */
	enum asof_status (*list)(struct asof_blob *blob, const char *prefix,
				 asof_blob_visit_fn *visit, void *arg, struct asof_error *err);
	/* The same for what writes that died have left, under names that list() does not show and
	 * remove() takes. NULL: nothing of the kind. */
	enum asof_status (*list_temporary)(struct asof_blob *blob, const char *prefix,
					   asof_blob_visit_fn *visit, void *arg,
					   struct asof_error *err);
	/* How the engine names the object: a path or URI; directories above it exist afterwards. */
	enum asof_status (*locate)(struct asof_blob *blob, const char *name,
				   struct asof_arena *arena, const char **ret_path,
				   struct asof_error *err);
};

struct asof_blob {
	const struct asof_blob_ops *ops;
};

/* `uri`: a directory (absolute or relative to the working directory) or "file:" and one. */
ASOF_NODISCARD enum asof_status asof_blob_open(const char *uri, struct asof_blob **ret_blob,
					       struct asof_error *err);
void asof_blob_free(struct asof_blob *blob);
ASOF_DEFINE_AUTOFREE(struct asof_blob, asof_blob_free)

ASOF_NODISCARD enum asof_status asof_blob_read(struct asof_blob *blob, const char *name,
					       struct asof_buf *buf, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_put_if_absent(struct asof_blob *blob, const char *name,
							struct asof_str bytes,
							struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_put(struct asof_blob *blob, const char *name,
					      struct asof_str bytes, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_sync(struct asof_blob *blob, const char *name,
					       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_remove(struct asof_blob *blob, const char *name,
						 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_list(struct asof_blob *blob, const char *prefix,
					       asof_blob_visit_fn *visit, void *arg,
					       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_list_temporary(struct asof_blob *blob, const char *prefix,
							 asof_blob_visit_fn *visit, void *arg,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_blob_locate(struct asof_blob *blob, const char *name,
						 struct asof_arena *arena, const char **ret_path,
						 struct asof_error *err);

#endif
