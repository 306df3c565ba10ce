/* tls_peer.h - the other side of a TLS channel: a client in memory, and a certificate of a test's
 * own that it trusts or not. */
#ifndef ASOF_TESTS_HTTP_TLS_PEER_H
#define ASOF_TESTS_HTTP_TLS_PEER_H

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "http/tls_channel.h"

#define PEER_ALPN_HTTP1 "\x08http/1.1"
#define PEER_ALPN_HTTP2 "\x02h2"
#define PEER_DAY_S      86400L

/* Write a key and a certificate of its own for "localhost". */
static inline bool
peer_write_certificate(const char *cert_path, const char *key_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	FILE *cert_file = fopen(cert_path, "w");
	FILE *key_file = fopen(key_path, "w");
	X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
	bool is_good =
		key && cert && cert_file && key_file &&
		ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
		X509_gmtime_adj(X509_getm_notBefore(cert), -PEER_DAY_S) &&
		X509_gmtime_adj(X509_getm_notAfter(cert), PEER_DAY_S) &&
		X509_set_pubkey(cert, key) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					   (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
		X509_set_issuer_name(cert, name) == 1 && X509_sign(cert, key, EVP_sha256()) > 0 &&
		PEM_write_X509(cert_file, cert) == 1 &&
		PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1;
	is_good = (!cert_file || fclose(cert_file) == 0) && is_good;
	is_good = (!key_file || fclose(key_file) == 0) && is_good;
	X509_free(cert);
	EVP_PKEY_free(key);
	return is_good;
}

struct peer {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in; /* both the SSL's */
	BIO *out;
};

/* A client of at most `version`, that offers `alpn` (NULL: nothing). It trusts anybody. */
static inline void
peer_begin(struct peer *peer, int version, const char *alpn)
{
	peer->ctx = SSL_CTX_new(TLS_client_method());
	assert(peer->ctx && SSL_CTX_set_max_proto_version(peer->ctx, version) == 1);
	SSL_CTX_set_security_level(peer->ctx, 0);
	peer->ssl = SSL_new(peer->ctx);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	assert(peer->ssl && peer->in && peer->out);
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	if (alpn) {
		int rc = SSL_set_alpn_protos(peer->ssl, (const unsigned char *)alpn,
					     (unsigned)strlen(alpn));
		assert(rc == 0);
		(void)rc;
	}
	SSL_set_connect_state(peer->ssl);
	(void)SSL_do_handshake(peer->ssl);
}

/* The same over a socket, which stays the caller's. False where hands were not shaken. */
static inline bool
peer_dial(struct peer *peer, int fd, const char *alpn)
{
	*peer = (struct peer){ .ctx = SSL_CTX_new(TLS_client_method()) };
	peer->ssl = peer->ctx ? SSL_new(peer->ctx) : NULL;
	return peer->ssl && SSL_set_fd(peer->ssl, fd) == 1 &&
	       SSL_set_alpn_protos(peer->ssl, (const unsigned char *)alpn,
				   (unsigned)strlen(alpn)) == 0 &&
	       SSL_connect(peer->ssl) == 1;
}

static inline void
peer_end(struct peer *peer)
{
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->ctx);
}

/* What it sends next; until peer_sent(). */
static inline struct asof_str
peer_output(const struct peer *peer)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(peer->out, &bytes);
	return (struct asof_str){ bytes, len > 0 ? (size_t)len : 0 };
}

static inline void
peer_sent(struct peer *peer)
{
	(void)BIO_reset(peer->out);
}

/* It hears what the channel has to send. */
static inline void
peer_hear(struct peer *peer, struct asof_tls_channel *channel)
{
	struct asof_str bytes = asof_tls_channel_output(channel);
	if (bytes.len == 0)
		return;
	int len = BIO_write(peer->in, bytes.ptr, (int)bytes.len);
	assert(len == (int)bytes.len);
	(void)len;
	asof_tls_channel_sent(channel);
	(void)SSL_do_handshake(peer->ssl);
}

/* Both talk until neither has more to say. */
static inline enum asof_tls_state
peer_shake_hands(struct peer *peer, struct asof_tls_channel *channel)
{
	struct asof_str bytes;
	while ((bytes = peer_output(peer)).len > 0) {
		(void)asof_tls_channel_feed(channel, bytes);
		peer_sent(peer);
		peer_hear(peer, channel);
	}
	return asof_tls_channel_state(channel);
}

/* Sealed, behind what it has not sent yet. */
static inline void
peer_say(struct peer *peer, struct asof_str text)
{
	int len = SSL_write(peer->ssl, text.ptr, (int)text.len);
	assert(len == (int)text.len);
	(void)len;
}

/* Clear text that it has heard, into out of `room` bytes. */
static inline size_t
peer_read(struct peer *peer, char *out, size_t room)
{
	size_t total = 0;
	size_t len = 0;
	while (total < room && SSL_read_ex(peer->ssl, out + total, room - total, &len) == 1)
		total += len;
	return total;
}

/* What has come, at least a byte; 0 at the end. */
static inline size_t
peer_read_some(struct peer *peer, char *out, size_t room)
{
	size_t len = 0;
	return SSL_read_ex(peer->ssl, out, room, &len) == 1 ? len : 0;
}

static inline bool
peer_was_told_goodbye(const struct peer *peer)
{
	return (SSL_get_shutdown(peer->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

static inline void
peer_say_goodbye(struct peer *peer)
{
	(void)SSL_shutdown(peer->ssl);
}

#endif
