/* digest.h - SHA-256 and SHA-1, by OpenSSL: where others demand them. Our own hashes are in hash.h.
 * Pure. */
#ifndef ASOF_MODEL_DIGEST_H
#define ASOF_MODEL_DIGEST_H

#include "base/base.h"

#define ASOF_SHA256_TEXT_MAX 65

/* 64 hexadecimal digits, lower case, and NUL. */
ASOF_NODISCARD enum asof_status
asof_sha256_text(struct asof_str bytes, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err);

#define ASOF_SHA1_TEXT_MAX 41

/* The name that Redis gives a script; 40 digits, lower case, and NUL. */
ASOF_NODISCARD enum asof_status asof_sha1_text(struct asof_str bytes, char out[ASOF_SHA1_TEXT_MAX],
					       struct asof_error *err);

/* The same of bytes that come in pieces. One thread at a time. */
struct asof_sha256;
ASOF_NODISCARD enum asof_status asof_sha256_new(struct asof_sha256 **ret_sha256,
						struct asof_error *err);
void asof_sha256_free(struct asof_sha256 *sha256); /* NULL is a no-op */
ASOF_DEFINE_AUTOFREE(struct asof_sha256, asof_sha256_free)
ASOF_NODISCARD enum asof_status asof_sha256_add(struct asof_sha256 *sha256, struct asof_str bytes,
						struct asof_error *err);
/* The end: nothing may be added any more. */
ASOF_NODISCARD enum asof_status
asof_sha256_end(struct asof_sha256 *sha256, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err);

#endif
