/* tls_channel.c - TLS on one connection, by OpenSSL between two buffers. */
#include "http/tls_channel.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct asof_tls_channel {
	SSL *ssl;
	BIO *in; /* both the SSL's */
	BIO *out;
	enum asof_tls_state state;
};

struct asof_tls_channel *
asof_tls_channel_new(struct ssl_ctx_st *tls)
{
	struct asof_tls_channel *channel = asof_mem_alloc(sizeof(*channel));
	if (!channel)
		return NULL;
	channel->ssl = SSL_new(tls);
	channel->in = BIO_new(BIO_s_mem());
	channel->out = BIO_new(BIO_s_mem());
	if (!channel->ssl || !channel->in || !channel->out) {
		SSL_free(channel->ssl);
		(void)BIO_free(channel->in);
		(void)BIO_free(channel->out);
		asof_mem_free(channel);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(channel->ssl, channel->in, channel->out);
	SSL_set_accept_state(channel->ssl);
	return channel;
}

void
asof_tls_channel_free(struct asof_tls_channel *channel)
{
	if (!channel)
		return;
	SSL_free(channel->ssl);
	asof_mem_free(channel);
}

enum asof_tls_state
asof_tls_channel_state(const struct asof_tls_channel *channel)
{
	return channel->state;
}

/* What came of a call that did not do all it should. */
static void
take_result(struct asof_tls_channel *channel, int rc)
{
	int why = SSL_get_error(channel->ssl, rc);
	if (why == SSL_ERROR_ZERO_RETURN)
		channel->state = ASOF_TLS_ENDED;
	else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		channel->state = ASOF_TLS_BROKEN;
	ERR_clear_error();
}

static void
shake_hands(struct asof_tls_channel *channel)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(channel->ssl);
	if (rc == 1)
		channel->state = ASOF_TLS_ESTABLISHED;
	else
		take_result(channel, rc);
}

enum asof_tls_state
asof_tls_channel_feed(struct asof_tls_channel *channel, struct asof_str bytes)
{
	while (bytes.len > 0) {
		int len = bytes.len < INT_MAX ? (int)bytes.len : INT_MAX;
		if (BIO_write(channel->in, bytes.ptr, len) != len) {
			channel->state = ASOF_TLS_BROKEN;
			ERR_clear_error();
			return channel->state;
		}
		bytes.ptr += len;
		bytes.len -= (size_t)len;
	}
	if (channel->state == ASOF_TLS_SHAKING)
		shake_hands(channel);
	return channel->state;
}

size_t
asof_tls_channel_read(struct asof_tls_channel *channel, char *out, size_t room)
{
	size_t count = 0;
	if (channel->state != ASOF_TLS_ESTABLISHED)
		return 0;
	ERR_clear_error();
	int rc = SSL_read_ex(channel->ssl, out, room, &count);
	if (rc == 1)
		return count;
	take_result(channel, rc);
	return 0;
}

bool
asof_tls_channel_is_http2(const struct asof_tls_channel *channel)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	SSL_get0_alpn_selected(channel->ssl, &name, &len);
	return len == 2 && memcmp(name, "h2", 2) == 0;
}

bool
asof_tls_channel_seal(struct asof_tls_channel *channel, struct asof_str clear)
{
	size_t written = 0;
	if (clear.len == 0)
		return channel->state == ASOF_TLS_ESTABLISHED;
	ERR_clear_error();
	if (channel->state == ASOF_TLS_ESTABLISHED &&
	    SSL_write_ex(channel->ssl, clear.ptr, clear.len, &written) == 1 && written == clear.len)
		return true;
	channel->state = ASOF_TLS_BROKEN;
	ERR_clear_error();
	return false;
}

void
asof_tls_channel_seal_goodbye(struct asof_tls_channel *channel)
{
	if (channel->state != ASOF_TLS_ESTABLISHED && channel->state != ASOF_TLS_ENDED)
		return;
	(void)SSL_shutdown(channel->ssl);
	ERR_clear_error();
}

struct asof_str
asof_tls_channel_output(const struct asof_tls_channel *channel)
{
	char *bytes = NULL;
	long len = BIO_get_mem_data(channel->out, &bytes);
	return (struct asof_str){ bytes, len > 0 ? (size_t)len : 0 };
}

void
asof_tls_channel_sent(struct asof_tls_channel *channel)
{
	(void)BIO_reset(channel->out);
}
