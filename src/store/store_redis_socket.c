#include "store/store_redis_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define TLS_BYTES       (16 * 1024) /* of one read of the socket, and of one record */
#define TLS_PENDING_MAX (256 * 1024)

/*
 * TLS works on memory (two BIOs), never on the socket: sending is ours, without SIGPIPE and with
 * our deadlines.
 */
struct asof_redis_socket {
	const struct asof_redis_target *target;
	int fd;
	SSL_CTX *tls_context;
	SSL *tls;      /* NULL: plain */
	BIO *received; /* owned by tls */
	BIO *sending;  /* owned by tls */
	char *sealed;  /* of `sending`, not sent yet */
	size_t sealed_at;
	size_t sealed_len;
};

void
asof_redis_socket_close(struct asof_redis_socket *self)
{
	if (!self)
		return;
	SSL_free(self->tls);
	SSL_CTX_free(self->tls_context);
	if (self->fd >= 0)
		(void)close(self->fd);
	asof_mem_free(self->sealed);
	asof_mem_free(self);
}
ASOF_DEFINE_AUTOFREE(struct asof_redis_socket, asof_redis_socket_close)

static enum asof_status
lost(int cause, struct asof_error *err)
{
	if (cause == 0)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "the server closed the connection");
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "%s", strerror(cause));
}

/* Until the socket is ready for one of `events`. */
static enum asof_status
wait_for(int fd, short events, int64_t deadline_us, const char *what, struct asof_error *err)
{
	struct pollfd waited = { .fd = fd, .events = events };
	for (;;) {
		int64_t left_us = deadline_us - asof_monotonic_us();
		if (left_us <= 0)
			return ASOF_FAIL(err, ASOF_TIMEOUT, "the server did not %s in time", what);
		int ready = poll(&waited, 1, (int)(left_us / 1000) + 1);
		if (ready > 0)
			return ASOF_OK;
		if (ready < 0 && errno != EINTR)
			return lost(errno, err);
	}
}

/* --- plain -------------------------------------------------------------------------------------
 */

/* How many bytes went; 0: none now. */
static enum asof_status
send_some(int fd, struct asof_str bytes, size_t *ret_sent, struct asof_error *err)
{
	*ret_sent = 0;
	ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	if (sent >= 0)
		*ret_sent = (size_t)sent;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return lost(errno, err);
	return ASOF_OK;
}

/* How many bytes came; 0: none now. */
static enum asof_status
receive_some(int fd, char *room, size_t room_bytes, size_t *ret_read, struct asof_error *err)
{
	*ret_read = 0;
	ssize_t got = recv(fd, room, room_bytes, 0);
	if (got == 0)
		return lost(0, err);
	if (got > 0)
		*ret_read = (size_t)got;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return lost(errno, err);
	return ASOF_OK;
}

static enum asof_status
plain_turn(struct asof_redis_socket *self, struct asof_str *unsent, char *room, size_t room_bytes,
	   size_t *ret_read, int64_t deadline_us, struct asof_error *err)
{
	size_t sent = 0;
	if (unsent->len > 0)
		ASOF_TRY(send_some(self->fd, *unsent, &sent, err));
	*unsent = (struct asof_str){ unsent->len ? unsent->ptr + sent : NULL, unsent->len - sent };
	if (sent > 0)
		return ASOF_OK;
	short events = (short)(POLLIN | (unsent->len > 0 ? POLLOUT : 0));
	ASOF_TRY(wait_for(self->fd, events, deadline_us, "answer", err));
	return receive_some(self->fd, room, room_bytes, ret_read, err);
}

/* --- TLS ---------------------------------------------------------------------------------------
 */

static enum asof_status
fail_tls(struct asof_redis_socket *self, struct asof_error *err)
{
	long verified = self->tls ? SSL_get_verify_result(self->tls) : X509_V_OK;
	unsigned long cause = ERR_peek_last_error();
	const char *reason = cause ? ERR_reason_error_string(cause) : NULL;
	ERR_clear_error();
	if (verified != X509_V_OK)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "the server's certificate is not trusted: %s (give the "
				 "authority's with ?ca=FILE)",
				 X509_verify_cert_error_string(verified));
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "TLS: %s (does the server speak TLS on that port?)",
			 reason ? reason : "the connection was lost");
}

/* What TLS wants to be sent, as far as the socket takes it. */
static enum asof_status
flush_sealed(struct asof_redis_socket *self, struct asof_error *err)
{
	for (;;) {
		size_t sent = 0;
		if (self->sealed_at == self->sealed_len) {
			int got = BIO_read(self->sending, self->sealed, TLS_BYTES);
			if (got <= 0)
				return ASOF_OK;
			self->sealed_at = 0;
			self->sealed_len = (size_t)got;
		}
		struct asof_str rest = { self->sealed + self->sealed_at,
					 self->sealed_len - self->sealed_at };
		ASOF_TRY(send_some(self->fd, rest, &sent, err));
		self->sealed_at += sent;
		if (sent < rest.len)
			return ASOF_OK;
	}
}

static bool
has_sealed(struct asof_redis_socket *self)
{
	return self->sealed_at < self->sealed_len || BIO_ctrl_pending(self->sending) > 0;
}

/* Wait, and hand TLS what came. */
static enum asof_status
feed_tls(struct asof_redis_socket *self, int64_t deadline_us, struct asof_error *err)
{
	char bytes[TLS_BYTES];
	size_t got = 0;
	short events = (short)(POLLIN | (has_sealed(self) ? POLLOUT : 0));
	ASOF_TRY(wait_for(self->fd, events, deadline_us, "answer", err));
	ASOF_TRY(receive_some(self->fd, bytes, sizeof(bytes), &got, err));
	if (got > 0 && BIO_write(self->received, bytes, (int)got) != (int)got)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "TLS");
	return ASOF_OK;
}

/* Encrypt of *unsent what there is room for. */
static enum asof_status
seal(struct asof_redis_socket *self, struct asof_str *unsent, struct asof_error *err)
{
	while (unsent->len > 0 && BIO_ctrl_pending(self->sending) < TLS_PENDING_MAX) {
		int len = unsent->len < TLS_BYTES ? (int)unsent->len : TLS_BYTES;
		if (SSL_write(self->tls, unsent->ptr, len) != len)
			return fail_tls(self, err);
		*unsent = (struct asof_str){ unsent->ptr + len, unsent->len - (size_t)len };
	}
	return ASOF_OK;
}

static enum asof_status
open_sealed(struct asof_redis_socket *self, char *room, size_t room_bytes, size_t *ret_read,
	    struct asof_error *err)
{
	int most = room_bytes < TLS_BYTES ? (int)room_bytes : TLS_BYTES;
	int got = SSL_read(self->tls, room, most);
	*ret_read = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return ASOF_OK;
	int why = SSL_get_error(self->tls, got);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return ASOF_OK;
	if (why == SSL_ERROR_ZERO_RETURN)
		return lost(0, err);
	return fail_tls(self, err);
}

static enum asof_status
tls_turn(struct asof_redis_socket *self, struct asof_str *unsent, char *room, size_t room_bytes,
	 size_t *ret_read, int64_t deadline_us, struct asof_error *err)
{
	size_t before = unsent->len;
	ASOF_TRY(seal(self, unsent, err));
	ASOF_TRY(flush_sealed(self, err));
	if (unsent->len < before)
		return ASOF_OK;
	ASOF_TRY(open_sealed(self, room, room_bytes, ret_read, err));
	if (*ret_read > 0)
		return ASOF_OK;
	ASOF_TRY(feed_tls(self, deadline_us, err));
	return open_sealed(self, room, room_bytes, ret_read, err);
}

enum asof_status
asof_redis_socket_turn(struct asof_redis_socket *self, struct asof_str *unsent, char *room,
		       size_t room_bytes, size_t *ret_read, int64_t deadline_us,
		       struct asof_error *err)
{
	*ret_read = 0;
	return self->tls ? tls_turn(self, unsent, room, room_bytes, ret_read, deadline_us, err)
			 : plain_turn(self, unsent, room, room_bytes, ret_read, deadline_us, err);
}

/* --- connecting --------------------------------------------------------------------------------
 */

static enum asof_status
fail_file(const char *what, const char *path, struct asof_error *err)
{
	unsigned long cause = ERR_peek_last_error();
	const char *reason = cause ? ERR_reason_error_string(cause) : NULL;
	ERR_clear_error();
	return ASOF_FAIL(err, ASOF_INVALID, "%s '%s': %s", what, path,
			 reason ? reason : "cannot be used");
}

static enum asof_status
load_certificates(struct asof_redis_socket *self, struct asof_error *err)
{
	const struct asof_redis_target *target = self->target;
	SSL_CTX *context = self->tls_context;
	if (target->ca_file && SSL_CTX_load_verify_file(context, target->ca_file) != 1)
		return fail_file("certificates of 'ca'", target->ca_file, err);
	if (!target->ca_file && SSL_CTX_set_default_verify_paths(context) != 1)
		return ASOF_FAIL(err, ASOF_INVALID, "the system's certificates cannot be read");
	if (target->cert_file &&
	    SSL_CTX_use_certificate_chain_file(context, target->cert_file) != 1)
		return fail_file("certificate of 'cert'", target->cert_file, err);
	if (target->key_file &&
	    SSL_CTX_use_PrivateKey_file(context, target->key_file, SSL_FILETYPE_PEM) != 1)
		return fail_file("private key of 'key'", target->key_file, err);
	return ASOF_OK;
}

static bool
is_address(const char *host)
{
	struct in6_addr room;
	return inet_pton(AF_INET, host, &room) == 1 || inet_pton(AF_INET6, host, &room) == 1;
}

/* The certificate must be of the host that we asked for. */
static bool
expect_host(SSL *tls, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) == 1;
	return SSL_set1_host(tls, host) == 1 && SSL_set_tlsext_host_name(tls, host) == 1;
}

static enum asof_status
start_tls(struct asof_redis_socket *self, struct asof_error *err)
{
	ERR_clear_error();
	self->tls_context = SSL_CTX_new(TLS_client_method());
	self->sealed = asof_mem_alloc(TLS_BYTES);
	if (!self->tls_context || !self->sealed ||
	    SSL_CTX_set_min_proto_version(self->tls_context, TLS1_2_VERSION) != 1)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "TLS");
	ASOF_TRY(load_certificates(self, err));
	SSL_CTX_set_verify(self->tls_context, SSL_VERIFY_PEER, NULL);
	self->tls = SSL_new(self->tls_context);
	self->received = BIO_new(BIO_s_mem());
	self->sending = BIO_new(BIO_s_mem());
	if (!self->tls || !self->received || !self->sending) {
		BIO_free(self->received);
		BIO_free(self->sending);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "TLS");
	}
	SSL_set_bio(self->tls, self->received, self->sending);
	SSL_set_connect_state(self->tls);
	if (!expect_host(self->tls, self->target->host))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "TLS");
	return ASOF_OK;
}

static enum asof_status
shake_hands(struct asof_redis_socket *self, int64_t deadline_us, struct asof_error *err)
{
	ASOF_TRY(start_tls(self, err));
	for (;;) {
		int done = SSL_do_handshake(self->tls);
		int why = SSL_get_error(self->tls, done);
		ASOF_TRY(flush_sealed(self, err));
		if (done == 1)
			return ASOF_OK;
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return fail_tls(self, err);
		ASOF_TRY(feed_tls(self, deadline_us, err));
	}
}

/* A socket that is connected within the deadline, in *ret_fd. */
static enum asof_status
connect_to(int family, const struct sockaddr *address, socklen_t len, int64_t deadline_us,
	   int *ret_fd, struct asof_error *err)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "socket: %s", strerror(errno));
	enum asof_status status = ASOF_OK;
	int cause = 0;
	socklen_t cause_len = sizeof(cause);
	if (connect(fd, address, len) != 0) {
		cause = errno;
		if (cause == EINPROGRESS) {
			status = wait_for(fd, POLLOUT, deadline_us, "let us in", err);
			cause = 0;
			if (status == ASOF_OK)
				(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &cause_len);
		}
	}
	if (status == ASOF_OK && cause != 0)
		status = ASOF_FAIL(err, ASOF_UNAVAILABLE, "%s (is the server running?)",
				   strerror(cause));
	if (status != ASOF_OK) {
		(void)close(fd);
		return status;
	}
	*ret_fd = fd;
	return ASOF_OK;
}

static enum asof_status
connect_path(struct asof_redis_socket *self, int64_t deadline_us, struct asof_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(self->target->socket);
	if (len >= sizeof(address.sun_path))
		return ASOF_FAIL(err, ASOF_LIMIT, "a socket's path of %zu bytes, at most %zu", len,
				 sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, self->target->socket, len);
	return connect_to(AF_UNIX, (const struct sockaddr *)&address, sizeof(address), deadline_us,
			  &self->fd, err);
}

static void
free_addresses(struct addrinfo **addresses)
{
	if (*addresses)
		freeaddrinfo(*addresses);
}

/* The first of the host's addresses that lets us in. */
static enum asof_status
connect_host(struct asof_redis_socket *self, int64_t deadline_us, struct asof_error *err)
{
	const struct asof_redis_target *target = self->target;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	ASOF_AUTO(free_addresses) struct addrinfo *addresses = NULL;
	int rc = getaddrinfo(target->host, target->port, &hints, &addresses);
	if (rc != 0)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "host '%s': %s", target->host,
				 gai_strerror(rc));
	enum asof_status status = ASOF_UNAVAILABLE;
	for (const struct addrinfo *a = addresses; a && status == ASOF_UNAVAILABLE; a = a->ai_next)
		status = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, deadline_us, &self->fd,
				    err);
	if (status != ASOF_OK)
		return status;
	int yes = 1;
	(void)setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(self->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	return ASOF_OK;
}

enum asof_status
asof_redis_socket_open(const struct asof_redis_target *target,
		       struct asof_redis_socket **ret_socket, struct asof_error *err)
{
	ASOF_AUTO(asof_redis_socket_close_auto)
	struct asof_redis_socket *self = asof_mem_alloc(sizeof(*self));
	int64_t deadline_us = asof_monotonic_us() + target->connect_timeout_us;
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
	self->target = target;
	self->fd = -1;
	if (target->transport == ASOF_REDIS_UNIX)
		ASOF_TRY(connect_path(self, deadline_us, err));
	else
		ASOF_TRY(connect_host(self, deadline_us, err));
	if (target->transport == ASOF_REDIS_TLS)
		ASOF_TRY(shake_hands(self, deadline_us, err));
	*ret_socket = ASOF_STEAL(self);
	return ASOF_OK;
}
