#include "postgres/postgres_link.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"

#define CONNECT_TIMEOUT_US INT64_C(10000000)
#define ANSWER_TIMEOUT_US  INT64_C(40000000) /* longer than the statement_timeout below */
#define COPY_SLICE_BYTES   ((size_t)256 << 10)
#define SETTINGS_BYTES_MAX 8192

/* Durable when it returns, and no wait without an end. */
static const char session_settings[] = "set statement_timeout to '30s'; set lock_timeout to '20s';"
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
	  ": check the user, and the password: password_env= of the URI, PGPASSWORD or ~/.pgpass" },
	{ "3D000", ASOF_NOT_FOUND, false, ": make it with `createdb`, or name another" },
	{ "40001", ASOF_UNAVAILABLE, true, "" }, /* could not be serialized */
	{ "40P01", ASOF_UNAVAILABLE, true, "" }, /* deadlock */
	{ "53300", ASOF_UNAVAILABLE, true, ": its max_connections are in use" },
	{ "53", ASOF_UNAVAILABLE, false, "" },
	{ "55P03", ASOF_UNAVAILABLE, false, ": another program holds it" },
	{ "57014", ASOF_TIMEOUT, false, "" },
	{ "57P01", ASOF_UNAVAILABLE, true, "" }, /* shuts down */
	{ "57P02", ASOF_UNAVAILABLE, true, "" }, /* crashes */
	{ "57P03", ASOF_UNAVAILABLE, true, "" }, /* starts, or recovers */
	{ "57P05", ASOF_UNAVAILABLE, true, "" }, /* idle too long */
	{ "25006", ASOF_UNSUPPORTED, false, ": name a server that can be written" },
	{ "42501", ASOF_INVALID, false, NULL }, /* the link's own */
	{ "2BP01", ASOF_CONFLICT, false, ": drop first what needs it" },
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

static enum asof_status
fail_with(struct asof_postgres_link *link, const struct state *state, const char *code,
	  struct asof_str message, struct asof_error *err)
{
	const char *remedy = state->remedy;
	if (!remedy)
		remedy = link->rights ? link->rights : "";
	memset(link->code, 0, sizeof(link->code));
	memcpy(link->code, code, strnlen(code, sizeof(link->code) - 1));
	link->may_retry = state->may_retry;
	return ASOF_FAIL(err, state->status, "%.*s%s", ASOF_STR_ARG(message), remedy);
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
	if (line.len == 0)
		line = asof_str_from("the connection was lost");
	return fail_with(link, &state, code ? code : "", line, err);
}

static enum asof_status
fail_result(struct asof_postgres_link *link, const PGresult *result, struct asof_error *err)
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!code || !message)
		return fail_link(link, err);
	struct state state = state_of(code);
	return fail_with(link, &state, code, asof_str_from(message), err);
}

bool
asof_postgres_link_failed_with(const struct asof_postgres_link *link, const char *code)
{
	return strcmp(link->code, code) == 0;
}

/* --- waiting -----------------------------------------------------------------------------------
 */

void
asof_postgres_link_close(struct asof_postgres_link *link)
{
	PQfinish(link->conn);
	link->conn = NULL;
}

/* When an answer is late. A patient link waits as long as the server's host is there. */
static int64_t
answer_deadline_us(const struct asof_postgres_link *link)
{
	return link->is_patient ? INT64_MAX : asof_monotonic_us() + ANSWER_TIMEOUT_US;
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
		int64_t left_ms = left_us / 1000 + 1;
		int ready = poll(&waited, 1, left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
		if (ready != 0)
			return true; /* errors show in the next call of libpq */
	}
}

static enum asof_status
fail_late(struct asof_postgres_link *link, const char *what, struct asof_error *err)
{
	asof_postgres_link_close(link);
	link->may_retry = false;
	link->code[0] = '\0';
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
set_session(struct asof_postgres_link *link, const struct asof_postgres_place *place,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SETTINGS_BYTES_MAX);
	asof_buf_add_cstr(&sql, session_settings);
	if (place->settings)
		asof_buf_printf(&sql, ";%s", place->settings);
	if (place->schema) {
		char *quoted = PQescapeIdentifier(link->conn, place->schema, strlen(place->schema));
		if (!quoted)
			return fail_link(link, err);
		asof_buf_printf(&sql, ";set search_path to %s", quoted);
		PQfreemem(quoted);
	}
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_postgres_run(link, asof_buf_cstr(&sql), err);
}

static enum asof_status
connect_to(struct asof_postgres_link *link, const struct asof_postgres_place *place,
	   struct asof_error *err)
{
	/* What stands before the URI it may change, what stands behind it not. */
	static const char *const names[] = {
		"fallback_application_name", "tcp_user_timeout", "keepalives_idle",
		"keepalives_interval",       "keepalives_count", "dbname",
		"client_encoding",           "password",         NULL
	};
	const char *const values[] = { "asof", "30000",         "30", "10", "3", place->uri,
				       "UTF8", place->password, NULL };
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
	return set_session(link, place, err);
}

static void
be_silent(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

enum asof_status
asof_postgres_link_open(struct asof_postgres_link *link, const struct asof_postgres_place *place,
			struct asof_error *err)
{
	link->may_retry = false;
	link->rights = place->rights;
	enum asof_status status = connect_to(link, place, err);
	if (status != ASOF_OK) {
		asof_postgres_link_close(link);
		return status;
	}
	(void)PQsetNoticeReceiver(link->conn, be_silent, NULL);
	return ASOF_OK;
}

void
asof_postgres_link_recover(struct asof_postgres_link *link)
{
	struct asof_postgres_link failed = *link;
	if (!link->conn)
		return;
	if (PQtransactionStatus(link->conn) != PQTRANS_IDLE &&
	    asof_postgres_run(link, "rollback", NULL) != ASOF_OK)
		asof_postgres_link_close(link);
	if (link->conn && PQstatus(link->conn) != CONNECTION_OK)
		asof_postgres_link_close(link);
	link->may_retry = failed.may_retry;
	memcpy(link->code, failed.code, sizeof(link->code));
}

/* --- statements --------------------------------------------------------------------------------
 */

/* Until all is sent; what comes meanwhile is kept. */
static enum asof_status
send_all(struct asof_postgres_link *link, int64_t deadline_us, struct asof_error *err)
{
	for (;;) {
		int unsent = PQflush(link->conn);
		if (unsent == 0)
			return ASOF_OK;
		if (unsent < 0)
			return fail_link(link, err);
		if (!wait_for(link, POLLIN | POLLOUT, deadline_us))
			return fail_late(link, "take what was sent", err);
		if (!PQconsumeInput(link->conn))
			return fail_link(link, err);
	}
}

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

static bool
is_good(const PGresult *result)
{
	ExecStatusType is = result ? PQresultStatus(result) : PGRES_FATAL_ERROR;
	return is == PGRES_COMMAND_OK || is == PGRES_TUPLES_OK;
}

/* The answer to what was just sent (`is_sent`: what the PQsend function said), or its error. */
static enum asof_status
take_answer(struct asof_postgres_link *link, int is_sent, struct asof_postgres_answer *ret_answer,
	    struct asof_error *err)
{
	int64_t deadline_us = answer_deadline_us(link);
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer last = { 0 };
	link->may_retry = false;
	if (!is_sent)
		return fail_link(link, err);
	for (;;) {
		ASOF_TRY(wait_for_result(link, deadline_us, err));
		PGresult *next = PQgetResult(link->conn);
		if (!next)
			break;
		if (last.result && PQresultStatus(last.result) == PGRES_FATAL_ERROR) {
			PQclear(next); /* the first error counts */
			continue;
		}
		PQclear(last.result);
		last.result = next;
	}
	if (!is_good(last.result))
		return fail_result(link, last.result, err);
	if (ret_answer) {
		asof_postgres_answer_done(ret_answer);
		ret_answer->result = ASOF_STEAL(last.result);
	}
	return ASOF_OK;
}

enum asof_status
asof_postgres_ask(struct asof_postgres_link *link, const char *sql,
		  struct asof_postgres_answer *ret_answer, struct asof_error *err)
{
	return take_answer(link, PQsendQuery(link->conn, sql), ret_answer, err);
}

enum asof_status
asof_postgres_run(struct asof_postgres_link *link, const char *sql, struct asof_error *err)
{
	return asof_postgres_ask(link, sql, NULL, err);
}

enum asof_status
asof_postgres_ask_with(struct asof_postgres_link *link, const char *sql,
		       const struct asof_postgres_values *values,
		       struct asof_postgres_answer *ret_answer, struct asof_error *err)
{
	int is_sent = PQsendQueryParams(link->conn, sql, (int)values->count, NULL, values->bytes,
					values->lengths, values->formats, 0);
	return take_answer(link, is_sent, ret_answer, err);
}

enum asof_status
asof_postgres_prepare(struct asof_postgres_link *link, const char *name, const char *sql,
		      const uint32_t *types, size_t type_count, struct asof_error *err)
{
	int is_sent = PQsendPrepare(link->conn, name, sql, (int)type_count, types);
	return take_answer(link, is_sent, NULL, err);
}

enum asof_status
asof_postgres_execute(struct asof_postgres_link *link, const char *name,
		      const struct asof_postgres_values *values, bool wants_binary,
		      struct asof_postgres_answer *ret_answer, struct asof_error *err)
{
	int is_sent = PQsendQueryPrepared(link->conn, name, (int)values->count, values->bytes,
					  values->lengths, values->formats, wants_binary ? 1 : 0);
	return take_answer(link, is_sent, ret_answer, err);
}

/* --- pipelines ---------------------------------------------------------------------------------
 */

enum asof_status
asof_postgres_pipe_begin(struct asof_postgres_link *link, struct asof_error *err)
{
	link->may_retry = false;
	return PQenterPipelineMode(link->conn) ? ASOF_OK : fail_link(link, err);
}

enum asof_status
asof_postgres_pipe_add(struct asof_postgres_link *link, const char *name,
		       const struct asof_postgres_values *values, bool wants_binary,
		       struct asof_error *err)
{
	int is_sent = PQsendQueryPrepared(link->conn, name, (int)values->count, values->bytes,
					  values->lengths, values->formats, wants_binary ? 1 : 0);
	return is_sent ? send_all(link, answer_deadline_us(link), err) : fail_link(link, err);
}

enum asof_status
asof_postgres_pipe_add_sql(struct asof_postgres_link *link, const char *sql, struct asof_error *err)
{
	int is_sent = PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
	return is_sent ? ASOF_OK : fail_link(link, err);
}

/* The first failure counts; all answers up to the mark are taken off the connection. */
static enum asof_status
drain_pipe(struct asof_postgres_link *link, asof_postgres_take_fn *take, void *arg,
	   struct asof_error *err)
{
	int64_t deadline_us = answer_deadline_us(link);
	enum asof_status status = ASOF_OK;
	for (size_t index = 0;;) {
		ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
		struct asof_error ignored;
		enum asof_status lost =
			wait_for_result(link, deadline_us, status == ASOF_OK ? err : &ignored);
		if (lost != ASOF_OK)
			return status == ASOF_OK ? lost : status;
		answer.result = PQgetResult(link->conn);
		if (!answer.result && PQstatus(link->conn) == CONNECTION_BAD)
			return status == ASOF_OK ? fail_link(link, err) : status;
		if (!answer.result)
			continue;
		if (PQresultStatus(answer.result) == PGRES_PIPELINE_SYNC)
			return status;
		if (status == ASOF_OK && !is_good(answer.result))
			status = fail_result(link, answer.result, err);
		else if (status == ASOF_OK && take)
			status = take(arg, index++, &answer, err);
	}
}

enum asof_status
asof_postgres_pipe_read(struct asof_postgres_link *link, asof_postgres_take_fn *take, void *arg,
			struct asof_error *err)
{
	if (!PQpipelineSync(link->conn))
		return fail_link(link, err);
	return drain_pipe(link, take, arg, err);
}

void
asof_postgres_pipe_end(struct asof_postgres_link *link)
{
	if (!link->conn || PQexitPipelineMode(link->conn))
		return;
	/* Something was added and not read. */
	struct asof_error ignored;
	bool may_retry = link->may_retry;
	enum asof_status status = asof_postgres_pipe_read(link, NULL, NULL, &ignored);
	if (link->conn && (status != ASOF_OK || !PQexitPipelineMode(link->conn)))
		asof_postgres_link_close(link);
	link->may_retry = may_retry;
}

/* --- bulk --------------------------------------------------------------------------------------
 */

static enum asof_status
begin_copy(struct asof_postgres_link *link, const char *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	link->may_retry = false;
	if (!PQsendQuery(link->conn, sql))
		return fail_link(link, err);
	ASOF_TRY(wait_for_result(link, answer_deadline_us(link), err));
	answer.result = PQgetResult(link->conn);
	if (answer.result && PQresultStatus(answer.result) == PGRES_COPY_IN)
		return ASOF_OK;
	enum asof_status status = fail_result(link, answer.result, err);
	struct asof_error ignored;
	(void)!take_answer(link, 1, NULL, &ignored);
	return status;
}

static enum asof_status
copy_slice(struct asof_postgres_link *link, struct asof_str slice, struct asof_error *err)
{
	for (;;) {
		int is_queued = PQputCopyData(link->conn, slice.ptr, (int)slice.len);
		if (is_queued < 0)
			return fail_link(link, err);
		ASOF_TRY(send_all(link, answer_deadline_us(link), err));
		if (is_queued > 0)
			return ASOF_OK;
	}
}

enum asof_status
asof_postgres_copy(struct asof_postgres_link *link, const char *sql, struct asof_str bytes,
		   struct asof_error *err)
{
	ASOF_TRY(begin_copy(link, sql, err));
	for (size_t at = 0; at < bytes.len; at += COPY_SLICE_BYTES) {
		size_t rest = bytes.len - at;
		struct asof_str slice = { bytes.ptr + at,
					  rest < COPY_SLICE_BYTES ? rest : COPY_SLICE_BYTES };
		ASOF_TRY(copy_slice(link, slice, err));
	}
	int is_ended = PQputCopyEnd(link->conn, NULL);
	while (is_ended == 0) {
		ASOF_TRY(send_all(link, answer_deadline_us(link), err));
		is_ended = PQputCopyEnd(link->conn, NULL);
	}
	return take_answer(link, is_ended > 0, NULL, err);
}

/* --- answers -----------------------------------------------------------------------------------
 */

void
asof_postgres_answer_done(struct asof_postgres_answer *answer)
{
	PQclear(answer->result);
	answer->result = NULL;
}

size_t
asof_postgres_row_count(const struct asof_postgres_answer *answer)
{
	return (size_t)PQntuples(answer->result);
}

size_t
asof_postgres_column_count(const struct asof_postgres_answer *answer)
{
	return (size_t)PQnfields(answer->result);
}

const char *
asof_postgres_column_name(const struct asof_postgres_answer *answer, size_t column)
{
	return PQfname(answer->result, (int)column);
}

uint32_t
asof_postgres_column_type(const struct asof_postgres_answer *answer, size_t column)
{
	return PQftype(answer->result, (int)column);
}

struct asof_str
asof_postgres_cell(const struct asof_postgres_answer *answer, size_t row, size_t column)
{
	return (struct asof_str){ PQgetvalue(answer->result, (int)row, (int)column),
				  (size_t)PQgetlength(answer->result, (int)row, (int)column) };
}

bool
asof_postgres_is_null(const struct asof_postgres_answer *answer, size_t row, size_t column)
{
	return PQgetisnull(answer->result, (int)row, (int)column) != 0;
}

int64_t
asof_postgres_changed(const struct asof_postgres_answer *answer)
{
	int64_t count = 0;
	return asof_int64_parse(asof_str_from(PQcmdTuples(answer->result)), &count) ? count : 0;
}
