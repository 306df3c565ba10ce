/* test_server.c - connections of a server: kept, refused, drained, too many, gone. */
#include "http/server.h"

#include <poll.h>

#include "unit/http/threaded_server.h"

/* Longer than anything here takes; a test that would wait so long has failed. */
#define PATIENCE_MS 20000
#define TEXT_BYTES  ((size_t)1 << 20)

static void
say(int fd, const char *text)
{
	size_t len = strlen(text);
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Read until `ending` stands at the end, or, where it is NULL, until the server closes. */
static const char *
hear(int fd, const char *ending)
{
	static char text[TEXT_BYTES];
	size_t len = 0;
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
		ssize_t count = recv(fd, text + len, TEXT_BYTES - 1 - len, 0);
		assert_true(count >= 0);
		len += (size_t)count;
		text[len] = '\0';
		size_t tail = ending ? strlen(ending) : 0;
		if (count == 0 && ending)
			fail_msg("closed after '%s'", text);
		if (count == 0 || (ending && len >= tail && strcmp(text + len - tail, ending) == 0))
			return text;
	}
}

static bool
answers_health(int fd)
{
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	return strncmp(hear(fd, "{\"status\":\"ok\"}"), "HTTP/1.1 200 OK\r\n", 17) == 0;
}

static void
a_connection_is_kept_until_the_server_stops(void **state)
{
	(void)state;
	start((struct asof_server_options){ .threads = 2 });
	int fd = dial();
	assert_true(answers_health(fd));
	assert_true(answers_health(fd));
	stop();
	assert_string_equal(hear(fd, NULL), "");
	assert_int_equal(dial(), -1);
	assert_int_equal(close(fd), 0);
}

static void
a_request_that_was_begun_is_finished(void **state)
{
	(void)state;
	start((struct asof_server_options){ .threads = 1 });
	int fd = dial();
	/* The interim answer proves that the server has the first half. */
	say(fd, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
		"Expect: 100-continue\r\n\r\n");
	assert_string_equal(hear(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
	asof_server_stop(fixture.server);
	int late;
	while ((late = dial()) >= 0) /* until it has stopped accepting */
		assert_int_equal(close(late), 0);
	say(fd, "ab");
	const char *answer = hear(fd, NULL);
	assert_int_equal(close(fd), 0);
	assert_non_null(strstr(answer, "HTTP/1.1 404 "));
	assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
	await_end();
}

static void
a_stop_before_the_run_ends_the_run(void **state)
{
	(void)state;
	struct asof_server_options options = { .listen = "127.0.0.1:0", .threads = 2 };
	ASOF_AUTO(asof_server_free_auto) struct asof_server *server = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_server_new(NULL, &options, &server, &err), err);
	asof_server_stop(server);
	asof_server_stop(server);
	assert_ok(asof_server_run(server, &err), err);
}

static void
a_half_request_is_answered_408(void **state)
{
	(void)state;
	start((struct asof_server_options){ .threads = 1, .read_timeout_ms = 30 });
	int fd = dial();
	say(fd, "GET /healthz HT");
	const char *answer = hear(fd, NULL);
	assert_non_null(strstr(answer, "HTTP/1.1 408 "));
	assert_non_null(strstr(answer, "\"code\":\"request_timeout\""));
	assert_int_equal(close(fd), 0);
	stop();
}

static void
a_silent_connection_is_closed(void **state)
{
	(void)state;
	start((struct asof_server_options){ .threads = 1, .idle_timeout_ms = 30 });
	int fd = dial();
	assert_string_equal(hear(fd, NULL), "");
	assert_int_equal(close(fd), 0);
	stop();
}

static void
connections_past_the_limit_wait_for_their_turn(void **state)
{
	(void)state;
	start((struct asof_server_options){ .threads = 1, .connection_max = 1 });
	int first = dial();
	assert_true(answers_health(first));
	int second = dial();
	say(second, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(answers_health(first));
	struct pollfd wait = { .fd = second, .events = POLLIN };
	assert_int_equal(poll(&wait, 1, 0), 0);
	assert_int_equal(close(first), 0);
	assert_non_null(strstr(hear(second, "{\"status\":\"ok\"}"), "200 OK"));
	assert_int_equal(close(second), 0);
	stop();
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	(void)state;
	enum { REQUESTS = 500 };
	ASOF_AUTO(asof_buf_done) struct asof_buf requests = ASOF_BUF(TEXT_BYTES);
	for (int i = 0; i < REQUESTS; i++)
		asof_buf_printf(&requests,
				"GET /no HTTP/1.1\r\nHost: x\r\nX-Request-ID: n%d.\r\n\r\n", i);
	asof_buf_add_cstr(&requests, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	start((struct asof_server_options){ .threads = 1 });
	int fd = dial();
	say(fd, asof_buf_cstr(&requests));
	const char *at = hear(fd, "{\"status\":\"ok\"}");
	for (int i = 0; i < REQUESTS; i++) {
		char id[32];
		(void)snprintf(id, sizeof(id), "X-Request-ID: n%d.", i);
		at = strstr(at, id);
		assert_non_null(at);
	}
	assert_int_equal(close(fd), 0);
	stop();
}

/* The client is still sending when it is refused: the answer must not be lost to a reset. */
static void
a_refusal_reaches_a_client_that_is_still_sending(void **state)
{
	(void)state;
	static char body[400000];
	start((struct asof_server_options){ .threads = 1, .body_max_bytes = 1000 });
	memset(body, 'x', sizeof(body) - 1);
	int fd = dial();
	say(fd, "POST /features/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n");
	say(fd, body);
	assert_non_null(strstr(hear(fd, NULL), "\"code\":\"body_too_large\""));
	assert_int_equal(close(fd), 0);
	stop();
}

static void
clients_that_vanish_leave_nothing_behind(void **state)
{
	(void)state;
	static const char *const openings[] = {
		"",
		"GET /heal",
		"POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
		"GET /no HTTP/1.1\r\nHost: x\r\n\r\nGET /no HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	size_t before = asof_mem_live();
	start((struct asof_server_options){ .threads = 2 });
	for (size_t i = 0; i < 200; i++) {
		int fd = dial();
		say(fd, openings[i % ASOF_COUNTOF(openings)]);
		if (i % 3 == 0)
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		assert_int_equal(close(fd), 0);
	}
	int fd = dial();
	assert_true(answers_health(fd));
	assert_int_equal(close(fd), 0);
	stop();
	assert_int_equal(asof_mem_live(), before);
}

static void
an_address_that_cannot_be_had_is_named(void **state)
{
	(void)state;
	static const char *const wrong[] = { "",
					     "8080",
					     "127.0.0.1",
					     "127.0.0.1:x",
					     "127.0.0.1:-1",
					     "127.0.0.1:65536",
					     "127.0.0.1:80a",
					     "::1:80",
					     "300.0.0.1:80" };
	for (size_t i = 0; i < ASOF_COUNTOF(wrong); i++) {
		struct asof_server_options options = { .listen = wrong[i] };
		struct asof_server *server = NULL;
		struct asof_error err = { 0 };
		assert_int_equal(asof_server_new(NULL, &options, &server, &err), ASOF_INVALID);
		assert_non_null(strstr(err.message, wrong[i]));
	}

	start((struct asof_server_options){ .threads = 1 });
	char taken[32];
	(void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", fixture.port);
	struct asof_server_options options = { .listen = taken };
	struct asof_server *server = NULL;
	struct asof_error err = { 0 };
	assert_int_equal(asof_server_new(NULL, &options, &server, &err), ASOF_IO);
	assert_non_null(strstr(err.message, taken));
	assert_null(server);
	stop();
}

static void
a_server_that_cannot_be_made_leaks_nothing(void **state)
{
	(void)state;
	struct asof_server_options options = { .listen = "127.0.0.1:0", .threads = 1 };
	size_t before = asof_mem_live();
	struct asof_server *server = NULL;
	struct asof_error err = { 0 };
	asof_mem_fail_at(1);
	assert_int_equal(asof_server_new(NULL, &options, &server, &err), ASOF_NO_MEMORY);
	asof_mem_fail_at(0);
	assert_ok(asof_server_new(NULL, &options, &server, &err), err);
	asof_mem_fail_at(1);
	assert_int_equal(asof_server_run(server, &err), ASOF_NO_MEMORY);
	asof_mem_fail_at(0);
	asof_server_free(server);
	assert_int_equal(asof_mem_live(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_kept_until_the_server_stops),
		cmocka_unit_test(a_request_that_was_begun_is_finished),
		cmocka_unit_test(a_stop_before_the_run_ends_the_run),
		cmocka_unit_test(a_half_request_is_answered_408),
		cmocka_unit_test(a_silent_connection_is_closed),
		cmocka_unit_test(connections_past_the_limit_wait_for_their_turn),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_refusal_reaches_a_client_that_is_still_sending),
		cmocka_unit_test(clients_that_vanish_leave_nothing_behind),
		cmocka_unit_test(an_address_that_cannot_be_had_is_named),
		cmocka_unit_test(a_server_that_cannot_be_made_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
