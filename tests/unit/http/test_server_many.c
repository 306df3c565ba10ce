/* test_server_many.c - many clients at once, of HTTP/1.1 and HTTP/2, plain and over TLS, while what
 * a server reads is read anew: every request is answered. */
#include <fcntl.h>

#include "http/server.h"
#include "tempdir.h"
#include "unit/http/frames.h"
#include "unit/http/threaded_server.h"
#include "unit/http/tls_peer.h"

#define CLIENTS    8
#define ROUNDS     25
#define REQUESTS   4 /* on each connection */
#define RELOADS    20
#define TEXT_BYTES ((size_t)1 << 16)

/* A connection as a client has it. */
struct wire {
	int fd;
	bool is_tls;
	struct peer peer;
};

struct client {
	pthread_t thread;
	bool is_tls;
	bool is_http2;
	size_t answered;
};

static bool
wire_open(struct wire *wire, const struct client *client)
{
	const char *alpn = client->is_http2 ? PEER_ALPN_HTTP2 : PEER_ALPN_HTTP1;
	*wire = (struct wire){ .fd = dial(), .is_tls = client->is_tls };
	return wire->fd >= 0 && (!wire->is_tls || peer_dial(&wire->peer, wire->fd, alpn));
}

static void
wire_close(struct wire *wire)
{
	if (wire->is_tls)
		peer_end(&wire->peer);
	(void)close(wire->fd);
}

static bool
wire_say(struct wire *wire, struct asof_str bytes)
{
	if (wire->is_tls) {
		peer_say(&wire->peer, bytes);
		return true;
	}
	return send(wire->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len;
}

/* At least a byte, behind what is there; false at the end. */
static bool
wire_hear(struct wire *wire, struct asof_buf *text)
{
	char bytes[4096];
	ssize_t len = wire->is_tls ? (ssize_t)peer_read_some(&wire->peer, bytes, sizeof(bytes))
				   : recv(wire->fd, bytes, sizeof(bytes), 0);
	if (len > 0)
		asof_buf_add(text, bytes, (size_t)len);
	return len > 0;
}

static size_t
count_of(const struct asof_buf *text, const char *words)
{
	size_t count = 0;
	const char *at = text->len > 0 ? asof_buf_cstr(text) : "";
	while ((at = strstr(at, words))) {
		count++;
		at += strlen(words);
	}
	return count;
}

/* Pipelined: how many were answered. */
static size_t
ask_http1(struct wire *wire)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(TEXT_BYTES);
	bool is_open = true;
	for (size_t i = 0; i < REQUESTS; i++)
		is_open = is_open && wire_say(wire, asof_str_from(request));
	while (is_open && count_of(&text, "{\"status\":\"ok\"}") < REQUESTS)
		is_open = wire_hear(wire, &text);
	return count_of(&text, "HTTP/1.1 200 OK\r\n");
}

/* Each on a stream of its own. */
static size_t
ask_http2(struct wire *wire)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(TEXT_BYTES);
	struct hearing hearing;
	asof_buf_add_cstr(&text, PREFACE);
	add_frame(&text, TYPE_OF(SETTINGS), 0, 0, (struct asof_str){ NULL, 0 });
	for (uint32_t i = 0; i < REQUESTS; i++)
		add_headers(&text, END_STREAM, 1 + 2 * i,
			    ":method=GET;:scheme=http;:authority=x;:path=/healthz");
	bool is_open = wire_say(wire, asof_buf_view(&text));
	asof_buf_clear(&text);
	hearing_begin(&hearing);
	size_t heard = 0;
	while (is_open && count_of(&hearing.lines, " END\n") < REQUESTS) {
		is_open = wire_hear(wire, &text);
		struct asof_str rest = { text.ptr + heard, text.len - heard };
		rest.len = whole_frames(rest);
		hear(&hearing, rest);
		heard += rest.len;
	}
	size_t answered = count_of(&hearing.lines, " :status: 200\n");
	hearing_end(&hearing);
	return answered;
}

static void *
keep_asking(void *arg)
{
	struct client *client = arg;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct wire wire;
		if (wire_open(&wire, client))
			client->answered += client->is_http2 ? ask_http2(&wire) : ask_http1(&wire);
		wire_close(&wire);
	}
	return NULL;
}

static void
assert_all_are_answered(const struct asof_server_options *options)
{
	struct client clients[CLIENTS];
	start(*options);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ .is_tls = options->tls_cert_path != NULL,
					      .is_http2 = i % 2 == 0 };
		assert_int_equal(pthread_create(&clients[i].thread, NULL, keep_asking, &clients[i]),
				 0);
	}
	for (size_t i = 0; i < RELOADS; i++)
		asof_server_reload(fixture.server);
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
		assert_int_equal(clients[i].answered, ROUNDS * REQUESTS);
		asof_server_reload(fixture.server);
	}
	stop();
}

/* Each request is a line, written by the thread that answered it. */
static void
assert_log_has_each(const char *path)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF((size_t)4 << 20);
	char bytes[4096];
	size_t len;
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
		asof_buf_add(&text, bytes, len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(count_of(&text, "\"route\":\"healthz\""), CLIENTS * ROUNDS * REQUESTS);
}

static void
clients_are_all_answered_while_it_is_reloaded(void **state)
{
	char dir[TEMPDIR_MAX];
	char paths[3][TEMPDIR_MAX + 16];
	size_t before = asof_mem_live();
	(void)state;
	tempdir_make(dir);
	(void)snprintf(paths[0], sizeof(paths[0]), "%s/cert", dir);
	(void)snprintf(paths[1], sizeof(paths[1]), "%s/key", dir);
	(void)snprintf(paths[2], sizeof(paths[2]), "%s/log", dir);
	assert_true(peer_write_certificate(paths[0], paths[1]));
	for (int is_tls = 0; is_tls < 2; is_tls++) {
		int fd = open(paths[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		const struct asof_log log = { .fd = fd, .level = ASOF_LOG_INFO, .is_json = true };
		struct asof_server_options options = { .threads = 3,
						       .speaks_http2 = true,
						       .tls_cert_path = is_tls ? paths[0] : NULL,
						       .tls_key_path = is_tls ? paths[1] : NULL,
						       .log = &log,
						       .logs_requests = true };
		assert_all_are_answered(&options);
		assert_int_equal(close(fd), 0);
		assert_log_has_each(paths[2]);
	}
	tempdir_remove(dir);
	assert_int_equal(asof_mem_live(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_all_answered_while_it_is_reloaded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
