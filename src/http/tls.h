/*
 * tls.h - a certificate and its key as what a server's handshakes need. Immutable, thread-safe.
 *
 * TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only, no renegotiation; ALPN.
 */
#ifndef ASOF_HTTP_TLS_H
#define ASOF_HTTP_TLS_H

#include "base/base.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* PEM files: the certificate with those above it behind, and its key without a password.
 * ASOF_INVALID names the file and says what is wrong with it. offers_http2: "h2" before "http/1.1".
 */
ASOF_NODISCARD enum asof_status asof_tls_open(const char *cert_path, const char *key_path,
					      bool offers_http2, struct ssl_ctx_st **ret_tls,
					      struct asof_error *err);
/* Handshakes that were begun with it go on. NULL is a no-op. */
void asof_tls_free(struct ssl_ctx_st *tls);
ASOF_DEFINE_AUTOFREE(struct ssl_ctx_st, asof_tls_free)

#endif
