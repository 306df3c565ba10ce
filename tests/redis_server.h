/* redis_server.h - a Redis of a test's own, and what people see who look into it by redis-cli. */
#ifndef ASOF_TESTS_REDIS_SERVER_H
#define ASOF_TESTS_REDIS_SERVER_H

#include "real_server.h"

#define REDIS_PASSWORD     "s3cret/pass" /* of tests/servers/redis.sh */
#define REDIS_PASSWORD_URI "s3cret%2Fpass"
#define REDIS_TEXT_MAX     8192

static inline bool
redis_start(struct server *server)
{
	return server_start(server, "redis");
}

/* What `redis-cli` prints for a command, quoted as the shell wants it. */
static inline void
redis_cli(const struct server *server, const char *command, char out[REDIS_TEXT_MAX])
{
	char line[REDIS_TEXT_MAX];
	(void)snprintf(line, sizeof(line), "redis-cli -h 127.0.0.1 -p %d %s 2>&1", server->port,
		       command);
	FILE *pipe = popen(line, "r");
	assert_non_null(pipe);
	size_t len = fread(out, 1, REDIS_TEXT_MAX - 1, pipe);
	out[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
}

static inline void
assert_redis_prints(const struct server *server, const char *command, const char *expected)
{
	char out[REDIS_TEXT_MAX];
	redis_cli(server, command, out);
	assert_string_equal(out, expected);
}

#endif
