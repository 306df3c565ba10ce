/* hash.h - the hashes in use, by xxHash (XXH3, seed 0). Pure. */
#ifndef ASOF_MODEL_HASH_H
#define ASOF_MODEL_HASH_H

#include "base/base.h"

/* Of keys, shapes and checksums. */
uint64_t asof_hash64(struct asof_str bytes);
/* Of definitions: XXH3-128 as 32 hexadecimal digits (canonical order) and NUL. */
void asof_hash128_text(struct asof_str bytes, char out[33]);

#endif
