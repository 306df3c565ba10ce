/* digest.h - SHA-256, by OpenSSL: where others demand it. Our own hashes are in hash.h. Pure. */
#ifndef ASOF_MODEL_DIGEST_H
#define ASOF_MODEL_DIGEST_H

#include "base/base.h"

#define ASOF_SHA256_TEXT_MAX 65

/* 64 hexadecimal digits, lower case, and NUL. */
ASOF_NODISCARD enum asof_status
asof_sha256_text(struct asof_str bytes, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err);

#endif
