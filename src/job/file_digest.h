/* file_digest.h - what tells one file's bytes from another's, cheaply where they are many. */
#ifndef ASOF_JOB_FILE_DIGEST_H
#define ASOF_JOB_FILE_DIGEST_H

#include "base/cancel.h"
#include "model/digest.h"

/* Of a larger file, its size and this many bytes of it are hashed: its beginning, its end, and
 * pieces between at equal distances. */
#define ASOF_FILE_DIGEST_WHOLE_MAX ((uint64_t)64 << 20)

struct asof_file_digest {
	uint64_t size_bytes;
	bool is_of_parts; /* of a file larger than ASOF_FILE_DIGEST_WHOLE_MAX */
	char sha256[ASOF_SHA256_TEXT_MAX];
};

/* ASOF_NOT_FOUND, ASOF_IO with the path. */
ASOF_NODISCARD enum asof_status asof_file_digest(const char *path, const struct asof_cancel *cancel,
						 struct asof_file_digest *ret_digest,
						 struct asof_error *err);

static inline bool
asof_file_digest_equal(const struct asof_file_digest *a, const struct asof_file_digest *b)
{
	return a->size_bytes == b->size_bytes && a->is_of_parts == b->is_of_parts &&
	       strcmp(a->sha256, b->sha256) == 0;
}

#endif
