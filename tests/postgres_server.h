/* postgres_server.h - a PostgreSQL of a test's own, with an empty database "asof". */
#ifndef ASOF_TESTS_POSTGRES_SERVER_H
#define ASOF_TESTS_POSTGRES_SERVER_H

#include "base/clock.h"
#include "real_server.h"

#define POSTGRES_AT_ONCE_US   INT64_C(8000000) /* on a machine that is busy: no retries */
#define POSTGRES_PASSWORD     "s3cret/pass"    /* of tests/servers/postgres.sh */
#define POSTGRES_PASSWORD_URI "s3cret%2Fpass"

static inline bool
postgres_start(struct server *server)
{
	return server_start(server, "postgres");
}

/* In good order: its directory may be removed then. */
static inline void
postgres_stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	assert_int_equal(kill(server->pid, SIGINT), 0);
	assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
	server->pid = 0;
	tempdir_remove(server->dir);
}

static inline void
postgres_uri(const struct server *server, char *out, size_t size)
{
	(void)snprintf(out, size, "postgres://asof:%s@127.0.0.1:%d/asof", POSTGRES_PASSWORD_URI,
		       server->port);
}

/* Open what is at `uri` and let it go again. */
typedef enum asof_status postgres_open_fn(const char *uri, struct asof_error *err);

/* As `userinfo`, "user:password", at `rest`, "database?options": refused without retries, and
 * without a word of the password. */
static inline void
assert_postgres_refuses(const struct server *server, postgres_open_fn *open, const char *userinfo,
			const char *rest, enum asof_status status, const char *said)
{
	char uri[256];
	struct asof_error err = { 0 };
	int64_t start_us = asof_monotonic_us();
	(void)snprintf(uri, sizeof(uri), "postgres://%s@127.0.0.1:%d/%s", userinfo, server->port,
		       rest);
	assert_int_equal(open(uri, &err), status);
	assert_true(asof_monotonic_us() - start_us < POSTGRES_AT_ONCE_US);
	if (!strstr(err.message, said))
		fail_msg("'%s' does not say '%s'", err.message, said);
	assert_null(strstr(err.message, "hunter2"));
	assert_null(strstr(err.message, POSTGRES_PASSWORD_URI));
}

/* Run a statement as somebody else would: as the owner of all, by psql. It may wait until the
 * server is there. */
static inline void
postgres_sql(const struct server *server, const char *sql)
{
	char command[2048];
	int status = -1;
	(void)snprintf(command, sizeof(command),
		       "PGPASSWORD=%s psql -h 127.0.0.1 -p %d -U asof -d asof -v ON_ERROR_STOP=1"
		       " -qAtc \"set client_min_messages to error\" -c \"%s\" > /dev/null 2>&1",
		       POSTGRES_PASSWORD, server->port, sql);
	for (int i = 0; i < 200 && status != 0; i++) {
		if (i > 0)
			server_pause(50);
		status = system(command);
	}
	assert_int_equal(status, 0);
}

#endif
