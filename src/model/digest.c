#include "model/digest.h"

#include <openssl/evp.h>

struct asof_sha256 {
	EVP_MD_CTX *context;
};

enum asof_status
asof_sha256_new(struct asof_sha256 **ret_sha256, struct asof_error *err)
{
	ASOF_AUTO(asof_sha256_free_auto)
	struct asof_sha256 *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "SHA-256");
	self->context = EVP_MD_CTX_new();
	if (!self->context || EVP_DigestInit_ex(self->context, EVP_sha256(), NULL) != 1)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "SHA-256");
	*ret_sha256 = ASOF_STEAL(self);
	return ASOF_OK;
}

void
asof_sha256_free(struct asof_sha256 *self)
{
	if (!self)
		return;
	EVP_MD_CTX_free(self->context);
	asof_mem_free(self);
}

enum asof_status
asof_sha256_add(struct asof_sha256 *self, struct asof_str bytes, struct asof_error *err)
{
	if (EVP_DigestUpdate(self->context, bytes.len ? bytes.ptr : "", bytes.len) != 1)
		return ASOF_FAIL(err, ASOF_INTERNAL, "SHA-256");
	return ASOF_OK;
}

static void
write_digits(const unsigned char *digest, unsigned len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < len; i++) {
		*out++ = digits[digest[i] >> 4];
		*out++ = digits[digest[i] & 15];
	}
	*out = '\0';
}

enum asof_status
asof_sha256_end(struct asof_sha256 *self, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (EVP_DigestFinal_ex(self->context, digest, &len) != 1)
		return ASOF_FAIL(err, ASOF_INTERNAL, "SHA-256");
	write_digits(digest, len, out);
	return ASOF_OK;
}

enum asof_status
asof_sha1_text(struct asof_str bytes, char out[ASOF_SHA1_TEXT_MAX], struct asof_error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (EVP_Digest(bytes.len ? bytes.ptr : "", bytes.len, digest, &len, EVP_sha1(), NULL) != 1)
		return ASOF_FAIL(err, ASOF_INTERNAL, "SHA-1");
	write_digits(digest, len, out);
	return ASOF_OK;
}

enum asof_status
asof_sha256_text(struct asof_str bytes, char out[ASOF_SHA256_TEXT_MAX], struct asof_error *err)
{
	ASOF_AUTO(asof_sha256_free_auto) struct asof_sha256 *sha256 = NULL;
	ASOF_TRY(asof_sha256_new(&sha256, err));
	ASOF_TRY(asof_sha256_add(sha256, bytes, err));
	return asof_sha256_end(sha256, out, err);
}
