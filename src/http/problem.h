/*
 * problem.h - why a request is refused: one kind per error code that clients see. Pure.
 *
 * Functions of this folder that can refuse take a `struct asof_problem *` last instead of an error.
 * Calls into other folders pass &problem->err and leave the kind NONE: asof_problem_settle()
 * derives it from the status, in the one switch between asof_status and HTTP.
 */
#ifndef ASOF_HTTP_PROBLEM_H
#define ASOF_HTTP_PROBLEM_H

#include "base/base.h"
#include "base/buf.h"

enum asof_problem_kind {
	ASOF_PROBLEM_NONE,
	ASOF_PROBLEM_BAD_REQUEST,
	ASOF_PROBLEM_MALFORMED_JSON,
	ASOF_PROBLEM_UNAUTHORIZED,
	ASOF_PROBLEM_FORBIDDEN,
	ASOF_PROBLEM_UNKNOWN_ROUTE,
	ASOF_PROBLEM_UNKNOWN_VIEW,
	ASOF_PROBLEM_UNKNOWN_SERVICE,
	ASOF_PROBLEM_UNKNOWN_SOURCE,
	ASOF_PROBLEM_NOT_FOUND,
	ASOF_PROBLEM_METHOD_NOT_ALLOWED,
	ASOF_PROBLEM_REQUEST_TIMEOUT,
	ASOF_PROBLEM_CONFLICT,
	ASOF_PROBLEM_LENGTH_REQUIRED,
	ASOF_PROBLEM_BODY_TOO_LARGE,
	ASOF_PROBLEM_TOO_MANY_ENTITIES,
	ASOF_PROBLEM_LIMIT_EXCEEDED,
	ASOF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
	ASOF_PROBLEM_EXPECTATION_FAILED,
	ASOF_PROBLEM_INVALID_BODY,
	ASOF_PROBLEM_INVALID_KEY,
	ASOF_PROBLEM_MISSING_KEY,
	ASOF_PROBLEM_UNEQUAL_LENGTHS,
	ASOF_PROBLEM_UNKNOWN_FEATURE,
	ASOF_PROBLEM_NAME_COLLISION,
	ASOF_PROBLEM_INVALID,
	ASOF_PROBLEM_TOO_MANY_REQUESTS,
	ASOF_PROBLEM_HEADERS_TOO_LARGE,
	ASOF_PROBLEM_INTERNAL,
	ASOF_PROBLEM_UNAVAILABLE,
};

struct asof_problem {
	enum asof_problem_kind kind;
	const char *allow;     /* of METHOD_NOT_ALLOWED: the Allow header's value */
	const char *challenge; /* of UNAUTHORIZED: that of WWW-Authenticate */
	struct asof_error err;
};

/* return ASOF_REFUSE(problem, ASOF_PROBLEM_UNKNOWN_VIEW, "no view '%s'", name); */
#define ASOF_REFUSE(problem, why, ...) \
	(asof_problem_set((problem), (why), __VA_ARGS__), ASOF_INVALID)

/* A NULL problem is accepted. */
void asof_problem_set(struct asof_problem *problem, enum asof_problem_kind kind, const char *fmt,
		      ...) ASOF_PRINTF(3, 4);
/* Forget it, so that it can be set again. */
void asof_problem_clear(struct asof_problem *problem);
/* Give a failure that came from another folder its kind. */
void asof_problem_settle(struct asof_problem *problem, enum asof_status status);

int asof_problem_http_status(enum asof_problem_kind kind);  /* 404 */
const char *asof_problem_code(enum asof_problem_kind kind); /* "unknown_view" */
/* Whether the client may try again later: Retry-After is due. */
bool asof_problem_is_retryable(enum asof_problem_kind kind);

/* {"error": {"code": .., "message": .., "request_id": ..}}. What the server's own trouble is stays
 * in its log: a 5xx message is generic. */
void asof_problem_write(const struct asof_problem *problem, struct asof_str request_id,
			struct asof_buf *buf);

#endif
