#include "catalog/catalog_postgres_link.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"

#define CONNECT_TIMEOUT_US INT64_C(10000000)
#define ANSWER_TIMEOUT_US  INT64_C(40000000) /* longer than the statement_timeout below */

/* Durable when it returns, and no wait without an end. */
static const char session_settings[] =
	"set search_path to asof; set statement_timeout to '30s'; set lock_timeout to '20s';"
	"set idle_in_transaction_session_timeout to '60s';"
	"set default_transaction_isolation to 'read committed';"
	"set standard_conforming_strings to on;"
	"select set_config('synchronous_commit', 'on', false)"
	" where current_setting('synchronous_commit') = 'off'";

/* --- errors ------------------------------------------------------------------------------------
 */

struct state {
	const char *code; /* SQLSTATE, or the beginning of one: its class */
	enum asof_status status;
	bool may_retry;
	const char *remedy;
};

/* The first that fits counts. */
static const struct state states[] = {
	{ "08", ASOF_UNAVAILABLE, true, "" },
	{ "28", ASOF_INVALID, false,
	  ": check the user, and the password: of the URI, PGPASSWORD or ~/.pgpass" },
	{ "3D000", ASOF_NOT_FOUND, false, ": make it with `createdb`, or name another" },
	{ "40001", ASOF_UNAVAILABLE, true, "" }, /* could not be serialized */
	{ "40P01", ASOF_UNAVAILABLE, true, "" }, /* deadlock */
	{ "53", ASOF_UNAVAILABLE, false, "" },
	{ "55P03", ASOF_UNAVAILABLE, false, ": another program holds it" },
	{ "57014", ASOF_TIMEOUT, false, "" },
	{ "57P01", ASOF_UNAVAILABLE, true, "" }, /* shuts down */
	{ "57P02", ASOF_UNAVAILABLE, true, "" }, /* crashes */
	{ "57P03", ASOF_UNAVAILABLE, true, "" }, /* starts, or recovers */
	{ "57P05", ASOF_UNAVAILABLE, true, "" }, /* idle too long */
	{ "25006", ASOF_UNSUPPORTED, false, ": a catalog needs a server that can be written" },
	{ "42501", ASOF_INVALID, false,
	  ": the user needs CREATE on the database once, and the schema asof" },
	{ "3F000", ASOF_CORRUPT, false, "" },
	{ "42P01", ASOF_CORRUPT, false, "" },
	{ "23", ASOF_CONFLICT, false, "" },
	{ "22", ASOF_INVALID, false, "" },
	{ "54", ASOF_LIMIT, false, "" },
	{ "XX", ASOF_CORRUPT, false, "" },
	{ "42", ASOF_INTERNAL, false, "" },
};

static struct state
state_of(const char *code)
{
	for (size_t i = 0; i < ASOF_COUNTOF(states); i++) {
		if (strncmp(code, states[i].code, strlen(states[i].code)) == 0)
			return states[i];
	}
	return (struct state){ .status = ASOF_IO, .remedy = "" };
}

/* The first line of a message, without what stands in front of "FATAL:  28P01: ". */
static struct asof_str
first_line(const char *message)
{
	return (struct asof_str){ message, strcspn(message, "\n") };
}

/* Of the message of a connection that failed, at verbosity "verbose": where ":  28P01: " begins, or
 * NULL. It is the only place of the code, and the same in every language. */
static const char *
find_code(const char *message)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *at = message;
	while ((at = strstr(at, ":  "))) {
		at += 3;
		if (strspn(at, digits) == 5 && at[5] == ':' && at[6] == ' ')
			return at;
	}
	return NULL;
}

/* What libpq says of the connection itself. */
static enum asof_status
fail_link(struct asof_postgres_link *link, struct asof_error *err)
{
	const char *message = link->conn ? PQerrorMessage(link->conn) : "";
	const char *code = find_code(message);
	struct state state = code ? state_of(code)
				  : (struct state){ .status = ASOF_UNAVAILABLE,
						    .may_retry = true,
						    .remedy = "" };
	/* Without a code it is libpq's own, which also refuses to go on without a password. */
	if (!code && link->conn && PQconnectionNeedsPassword(link->conn))
		state = state_of("28");
	struct asof_str line = first_line(code ? code + 7 : message);
	link->may_retry = state.may_retry;
	if (line.len == 0)
		line = asof_str_from("the connection was lost");
	return ASOF_FAIL(err, state.status, "%.*s%s", ASOF_STR_ARG(line), state.remedy);
}

static enum asof_status
fail_result(struct asof_postgres_link *link, const PGresult *result, struct asof_error *err)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!code || !message)
		return fail_link(link, err);
	struct state state = state_of(code);
	link->may_retry = state.may_retry;
	return ASOF_FAIL(err, state.status, "%s%s", message, state.remedy);
}

/* --- waiting -----------------------------------------------------------------------------------
 */

void
asof_postgres_link_close(struct asof_postgres_link *link)
{
	PQfinish(link->conn);
	link->conn = NULL;
}

/* Until the socket is ready; false at the deadline. */
static bool
wait_for(struct asof_postgres_link *link, short events, int64_t deadline_us)
{
	struct pollfd waited = { .fd = PQsocket(link->conn), .events = events };
	for (;;) {
		int64_t left_us = deadline_us - asof_monotonic_us();
		if (left_us <= 0)
			return false;
		int ready = poll(&waited, 1, (int)(left_us / 1000) + 1);
		if (ready != 0)
			return true; /* errors show in the next call of libpq */
	}
}

static enum asof_status
fail_late(struct asof_postgres_link *link, const char *what, struct asof_error *err)
{
	asof_postgres_link_close(link);
	link->may_retry = false;
	return ASOF_FAIL(err, ASOF_TIMEOUT, "the server did not %s in time", what);
}

/* --- connecting --------------------------------------------------------------------------------
 */

/* connect_timeout of the URI (seconds), or ours. */
static int64_t
connect_timeout_us(PGconn *conn)
{
	int64_t timeout_us = CONNECT_TIMEOUT_US;
	PQconninfoOption *options = PQconninfo(conn);
	for (PQconninfoOption *o = options; o && o->keyword; o++) {
		if (strcmp(o->keyword, "connect_timeout") == 0 && o->val && o->val[0]) {
			long seconds = strtol(o->val, NULL, 10);
			if (seconds > 0 && seconds < 3600)
				timeout_us = seconds * INT64_C(1000000);
		}
	}
	PQconninfoFree(options);
	return timeout_us;
}

static enum asof_status
check_uri(const char *uri, struct asof_error *err)
{
	char *message = NULL; /* may hold the password: not told */
	PQconninfoOption *options = PQconninfoParse(uri, &message);
	PQfreemem(message);
	if (!options)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "malformed: like postgres://USER@HOST:PORT/DATABASE, where / @ : "
				 "%% of a password are written %%2F %%40 %%3A %%25");
	PQconninfoFree(options);
	return ASOF_OK;
}

static enum asof_status
connect_within(struct asof_postgres_link *link, int64_t deadline_us, struct asof_error *err)
{
	PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
	while (polled != PGRES_POLLING_OK) {
		short events = polled == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		if (polled == PGRES_POLLING_FAILED)
			return fail_link(link, err);
		if (!wait_for(link, events, deadline_us))
			return fail_late(link, "let us in", err);
		polled = PQconnectPoll(link->conn);
	}
	return ASOF_OK;
}

static enum asof_status
connect_to(struct asof_postgres_link *link, const char *uri, struct asof_error *err)
{
	/* What stands before the URI it may change, what stands behind it not. */
	static const char *const names[] = { "fallback_application_name", "tcp_user_timeout",
					     "dbname", "client_encoding", NULL };
	const char *const values[] = { "asof", "30000", uri, "UTF8", NULL };
	link->conn = PQconnectStartParams(names, values, 1);
	if (!link->conn)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
	(void)PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
	if (PQstatus(link->conn) == CONNECTION_BAD)
		return fail_link(link, err);
	ASOF_TRY(connect_within(link, asof_monotonic_us() + connect_timeout_us(link->conn), err));
	(void)PQsetErrorVerbosity(link->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(link->conn, 1) != 0)
		return fail_link(link, err);
	return asof_postgres_link_run(link, session_settings, err);
}

static void
be_silent(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

enum asof_status
asof_postgres_link_open(struct asof_postgres_link *link, const char *uri, struct asof_error *err)
{
	link->may_retry = false;
	ASOF_TRY(check_uri(uri, err));
	enum asof_status status = connect_to(link, uri, err);
	if (status != ASOF_OK) {
		asof_postgres_link_close(link);
		return status;
	}
	(void)PQsetNoticeReceiver(link->conn, be_silent, NULL);
	return ASOF_OK;
}

/* --- statements --------------------------------------------------------------------------------
 */

/* Until all is sent and the next result is there. */
static enum asof_status
wait_for_result(struct asof_postgres_link *link, int64_t deadline_us, struct asof_error *err)
{
	for (;;) {
		int unsent = PQflush(link->conn);
		if (unsent == 0 && !PQisBusy(link->conn))
			return ASOF_OK;
		if (unsent < 0)
			return fail_link(link, err);
		short events = (short)(POLLIN | (unsent ? POLLOUT : 0));
		if (!wait_for(link, events, deadline_us))
			return fail_late(link, "answer", err);
		if (!PQconsumeInput(link->conn))
			return fail_link(link, err);
	}
}

enum asof_status
asof_postgres_link_answer(struct asof_postgres_link *link, int is_sent, PGresult **ret_result,
			  struct asof_error *err)
{
	int64_t deadline_us = asof_monotonic_us() + ANSWER_TIMEOUT_US;
	ASOF_AUTO(asof_postgres_result_free) PGresult *last = NULL;
	link->may_retry = false;
	if (!is_sent)
		return fail_link(link, err);
	for (;;) {
		ASOF_TRY(wait_for_result(link, deadline_us, err));
		PGresult *next = PQgetResult(link->conn);
		if (!next)
			break;
		ExecStatusType is = last ? PQresultStatus(last) : PGRES_EMPTY_QUERY;
		if (is == PGRES_FATAL_ERROR) {
			PQclear(next); /* the first error counts */
			continue;
		}
		PQclear(last);
		last = next;
	}
	ExecStatusType is = last ? PQresultStatus(last) : PGRES_FATAL_ERROR;
	if (is != PGRES_COMMAND_OK && is != PGRES_TUPLES_OK)
		return fail_result(link, last, err);
	*ret_result = ASOF_STEAL(last);
	return ASOF_OK;
}

enum asof_status
asof_postgres_link_run(struct asof_postgres_link *link, const char *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_result_free) PGresult *result = NULL;
	return asof_postgres_link_answer(link, PQsendQuery(link->conn, sql), &result, err);
}
