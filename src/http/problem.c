/* problem.c - why a request is refused, as HTTP status, code and JSON. */
#include "http/problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json_writer.h"

struct face {
	int http_status;
	const char *code;
};

static const struct face faces[] = {
	[ASOF_PROBLEM_NONE] = { 200, "ok" },
	[ASOF_PROBLEM_BAD_REQUEST] = { 400, "bad_request" },
	[ASOF_PROBLEM_MALFORMED_JSON] = { 400, "malformed_json" },
	[ASOF_PROBLEM_UNAUTHORIZED] = { 401, "unauthorized" },
	[ASOF_PROBLEM_FORBIDDEN] = { 403, "forbidden" },
	[ASOF_PROBLEM_UNKNOWN_ROUTE] = { 404, "unknown_route" },
	[ASOF_PROBLEM_UNKNOWN_VIEW] = { 404, "unknown_view" },
	[ASOF_PROBLEM_UNKNOWN_SERVICE] = { 404, "unknown_service" },
	[ASOF_PROBLEM_UNKNOWN_SOURCE] = { 404, "unknown_source" },
	[ASOF_PROBLEM_NOT_FOUND] = { 404, "not_found" },
	[ASOF_PROBLEM_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed" },
	[ASOF_PROBLEM_REQUEST_TIMEOUT] = { 408, "request_timeout" },
	[ASOF_PROBLEM_CONFLICT] = { 409, "conflict" },
	[ASOF_PROBLEM_LENGTH_REQUIRED] = { 411, "length_required" },
	[ASOF_PROBLEM_BODY_TOO_LARGE] = { 413, "body_too_large" },
	[ASOF_PROBLEM_TOO_MANY_ENTITIES] = { 413, "too_many_entities" },
	[ASOF_PROBLEM_LIMIT_EXCEEDED] = { 413, "limit_exceeded" },
	[ASOF_PROBLEM_UNSUPPORTED_MEDIA_TYPE] = { 415, "unsupported_media_type" },
	[ASOF_PROBLEM_EXPECTATION_FAILED] = { 417, "expectation_failed" },
	[ASOF_PROBLEM_INVALID_BODY] = { 422, "invalid_body" },
	[ASOF_PROBLEM_INVALID_KEY] = { 422, "invalid_key" },
	[ASOF_PROBLEM_MISSING_KEY] = { 422, "missing_key" },
	[ASOF_PROBLEM_UNEQUAL_LENGTHS] = { 422, "unequal_lengths" },
	[ASOF_PROBLEM_UNKNOWN_FEATURE] = { 422, "unknown_feature" },
	[ASOF_PROBLEM_NAME_COLLISION] = { 422, "name_collision" },
	[ASOF_PROBLEM_INVALID] = { 422, "invalid" },
	[ASOF_PROBLEM_TOO_MANY_REQUESTS] = { 429, "too_many_requests" },
	[ASOF_PROBLEM_HEADERS_TOO_LARGE] = { 431, "headers_too_large" },
	[ASOF_PROBLEM_INTERNAL] = { 500, "internal_error" },
	[ASOF_PROBLEM_UNAVAILABLE] = { 503, "unavailable" },
};
_Static_assert(ASOF_COUNTOF(faces) == ASOF_PROBLEM_UNAVAILABLE + 1, "one face per kind");

void
asof_problem_set(struct asof_problem *problem, enum asof_problem_kind kind, const char *fmt, ...)
{
	if (!problem)
		return;

	va_list ap;
	va_start(ap, fmt);
	problem->kind = kind;
	problem->err.status = ASOF_INVALID;
	(void)vsnprintf(problem->err.message, sizeof(problem->err.message), fmt, ap);
	va_end(ap);
}

void
asof_problem_clear(struct asof_problem *problem)
{
	problem->kind = ASOF_PROBLEM_NONE;
	problem->allow = NULL;
	problem->challenge = NULL;
	problem->err.status = ASOF_OK;
	problem->err.message[0] = '\0';
}

static enum asof_problem_kind
kind_of(enum asof_status status)
{
	switch (status) {
	case ASOF_OK:
		return ASOF_PROBLEM_NONE;
	case ASOF_INVALID:
	case ASOF_UNSUPPORTED:
	case ASOF_CHECK_FAILED:
		return ASOF_PROBLEM_INVALID;
	case ASOF_NOT_FOUND:
		return ASOF_PROBLEM_NOT_FOUND;
	case ASOF_CONFLICT:
		return ASOF_PROBLEM_CONFLICT;
	case ASOF_LIMIT:
		return ASOF_PROBLEM_LIMIT_EXCEEDED;
	case ASOF_UNAVAILABLE:
	case ASOF_TIMEOUT:
	case ASOF_NO_MEMORY:
	case ASOF_CANCELLED:
		return ASOF_PROBLEM_UNAVAILABLE;
	case ASOF_IO:
	case ASOF_CORRUPT:
	case ASOF_INTERNAL:
		return ASOF_PROBLEM_INTERNAL;
	}
	return ASOF_PROBLEM_INTERNAL;
}

void
asof_problem_settle(struct asof_problem *problem, enum asof_status status)
{
	if (problem->kind == ASOF_PROBLEM_NONE)
		problem->kind = kind_of(status);
}

int
asof_problem_http_status(enum asof_problem_kind kind)
{
	assert((size_t)kind < ASOF_COUNTOF(faces));
	return faces[kind].http_status;
}

const char *
asof_problem_code(enum asof_problem_kind kind)
{
	assert((size_t)kind < ASOF_COUNTOF(faces));
	return faces[kind].code;
}

bool
asof_problem_is_retryable(enum asof_problem_kind kind)
{
	return kind == ASOF_PROBLEM_UNAVAILABLE || kind == ASOF_PROBLEM_TOO_MANY_REQUESTS;
}

static const char *
public_message(const struct asof_problem *problem)
{
	switch (problem->kind) {
	case ASOF_PROBLEM_INTERNAL:
		return "internal error: the server's log has the reason under this request_id";
	case ASOF_PROBLEM_UNAVAILABLE:
		return "temporarily unavailable: try again later";
	default:
		return problem->err.message;
	}
}

void
asof_problem_write(const struct asof_problem *problem, struct asof_str request_id,
		   struct asof_buf *buf)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "error");
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "code", asof_problem_code(problem->kind));
	asof_json_member_cstr(&w, "message", public_message(problem));
	asof_json_member_str(&w, "request_id", request_id);
	asof_json_end_object(&w);
	asof_json_end_object(&w);
}
