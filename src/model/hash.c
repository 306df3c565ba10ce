#include "model/hash.h"

#include <xxhash.h>

uint64_t
asof_hash64(struct asof_str bytes)
{
	return XXH3_64bits(bytes.len ? bytes.ptr : "", bytes.len);
}

void
asof_hash128_text(struct asof_str bytes, char out[33])
{
	static const char digits[] = "0123456789abcdef";
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.len ? bytes.ptr : "", bytes.len));
	for (size_t i = 0; i < sizeof(canonical.digest); i++) {
		out[2 * i] = digits[canonical.digest[i] >> 4];
		out[2 * i + 1] = digits[canonical.digest[i] & 15];
	}
	out[32] = '\0';
}
