#include "model/digest.h"

#include <openssl/evp.h>

enum asof_status
asof_sha256_text(struct asof_str bytes, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, digest, &len, EVP_sha256(), NULL) !=
	    1)
		return ASOF_FAIL(err, ASOF_INTERNAL, "SHA-256");
	for (unsigned i = 0; i < len; i++) {
		*out++ = digits[digest[i] >> 4];
		*out++ = digits[digest[i] & 15];
	}
	*out = '\0';
	return ASOF_OK;
}
