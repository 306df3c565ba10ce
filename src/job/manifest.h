/*
 * manifest.h - FILE.asof.json: what a training set was made from, exactly enough to make it again.
 */
#ifndef ASOF_JOB_MANIFEST_H
#define ASOF_JOB_MANIFEST_H

#include "job/feature_refs.h"
#include "job/file_digest.h"
#include "job/version_set.h"

/* Of a direct join: what a view was defined as. */
struct asof_manifest_view {
	const char *view;
	const char *hash;
};

/* Of a direct join: a file that was read. */
struct asof_manifest_file {
	const char *source;
	const char *name; /* asof_source_file's */
	uint64_t size_bytes;
	int64_t modified_us;
};

struct asof_manifest {
	const char *spine; /* absolute */
	const char *time_column;
	const char *service;           /* NULL: a list of features */
	struct asof_feature_ref *refs; /* versions pinned */
	size_t ref_count;
	enum asof_known_at known_at;
	int64_t known_at_us;
	/* Computed from sources as they were: there are no versions to repeat it from. */
	bool is_direct;
	struct asof_manifest_view *views; /* direct, and read from a file */
	size_t view_count;
	struct asof_manifest_file *files; /* direct */
	size_t file_count;
	struct asof_table_pin *tables; /* direct: at which versions tables of others were read */
	size_t table_count;
	/* How the file was written: where its row groups end hangs on these, so that byte for byte
	 * the same file is made with the same. */
	bool is_sql;
	unsigned threads;
	uint64_t memory_bytes; /* --memory; 0: none given */
	/* The bytes of the spine, and of what was made of it; of a program that did not write them
	 * yet: none. */
	bool has_digests;
	struct asof_file_digest spine_digest;
	struct asof_file_digest result_digest;
};

#define ASOF_MANIFEST_ENDING ".asof.json"

/* "<out>.asof.json" in the arena; NULL on exhaustion. */
const char *asof_manifest_path(const char *out, struct asof_arena *arena);

/* Written at once and durably. `tables` are the views' versions (direct: definitions), `row_count`
 * of the training set. */
ASOF_NODISCARD enum asof_status
asof_manifest_write(const struct asof_manifest *manifest, const struct asof_version_table *tables,
		    size_t table_count, const char *out, int64_t row_count, int64_t now_us,
		    struct asof_arena *arena, struct asof_error *err);

ASOF_NODISCARD enum asof_status asof_manifest_read(const char *path, struct asof_arena *arena,
						   struct asof_manifest *ret_manifest,
						   struct asof_error *err);

#endif
