/* tls.c - a server's certificate, by OpenSSL. */
#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* What OpenSSL found wrong first. */
static const char *
first_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	if (code && !reason && ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	ERR_clear_error();
	return reason ? reason : "it cannot be used";
}

/* A server has nobody to ask. */
static int
refuse_password(char *buf, int size, int is_writing, void *arg)
{
	bool *is_encrypted = arg;
	(void)buf;
	(void)size;
	(void)is_writing;
	*is_encrypted = true;
	return -1;
}

static enum asof_status
load(SSL_CTX *ctx, const char *cert_path, const char *key_path, struct asof_error *err)
{
	bool is_encrypted = false;
	SSL_CTX_set_default_passwd_cb(ctx, refuse_password);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &is_encrypted);
	int has_cert = SSL_CTX_use_certificate_chain_file(ctx, cert_path);
	if (has_cert != 1)
		return ASOF_FAIL(err, ASOF_INVALID, "certificate '%s': %s", cert_path,
				 first_reason());
	int has_key = SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb(ctx, NULL);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (is_encrypted) {
		ERR_clear_error();
		return ASOF_FAIL(err, ASOF_INVALID,
				 "key '%s' has a password: give one without, in a file that only "
				 "the server may read",
				 key_path);
	}
	if (has_key != 1)
		return ASOF_FAIL(err, ASOF_INVALID, "key '%s' of certificate '%s': %s", key_path,
				 cert_path, first_reason());
	return ASOF_OK;
}

/* The server's first that the client speaks, too. Without any in common they could not talk. */
static int
select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		const unsigned char *offered, unsigned offered_len, void *arg)
{
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";
	const size_t h2_len = 3;
	const bool *offers_http2 = arg;
	size_t skipped = offers_http2 && *offers_http2 ? 0 : h2_len;
	unsigned char *chosen;
	(void)ssl;
	if (SSL_select_next_proto(&chosen, out_len, protocols + skipped,
				  (unsigned)(sizeof(protocols) - 1 - skipped), offered,
				  offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_policy(SSL_CTX *ctx, bool offers_http2)
{
	static bool yes = true;
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					       SSL_OP_CIPHER_SERVER_PREFERENCE);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(ctx, select_protocol, offers_http2 ? &yes : NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1;
}

void
asof_tls_free(struct ssl_ctx_st *tls)
{
	SSL_CTX_free(tls);
}

enum asof_status
asof_tls_open(const char *cert_path, const char *key_path, bool offers_http2,
	      struct ssl_ctx_st **ret_tls, struct asof_error *err)
{
	ERR_clear_error();
	ASOF_AUTO(asof_tls_free_auto) struct ssl_ctx_st *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "TLS: %s", first_reason());
	if (!set_policy(ctx, offers_http2))
		return ASOF_FAIL(err, ASOF_INTERNAL, "TLS: %s", first_reason());
	ASOF_TRY(load(ctx, cert_path, key_path, err));
	*ret_tls = ASOF_STEAL(ctx);
	return ASOF_OK;
}
