/* asof.h - the public API. (Only the error part is shown in this model.) */
#ifndef ASOF_H
#define ASOF_H

#include <stdbool.h>

#define ASOF_API       __attribute__((visibility("default")))
#define ASOF_NODISCARD __attribute__((warn_unused_result))

/*
 * Why a call failed. Few on purpose: a new code needs a caller that would act on it;
 * everything else is message text. Values are ABI: append only.
 */
enum asof_status {
	ASOF_OK = 0,
	ASOF_INVALID = 1,     /* the caller's argument, definition or file is wrong */
	ASOF_NOT_FOUND = 2,   /* the named thing does not exist */
	ASOF_CONFLICT = 3,    /* it exists already, or changed meanwhile */
	ASOF_LIMIT = 4,       /* a documented limit would be exceeded */
	ASOF_UNSUPPORTED = 5, /* this engine, store or source cannot do that */
	ASOF_UNAVAILABLE = 6, /* a service is down or busy; retrying may help */
	ASOF_TIMEOUT = 7,     /* the deadline passed; retrying may help */
	ASOF_IO = 8,          /* the operating system or a disk said no */
	ASOF_CORRUPT = 9,     /* stored bytes do not decode */
	ASOF_NO_MEMORY = 10,
	ASOF_INTERNAL = 11,     /* a bug in this library */
	ASOF_CANCELLED = 12,    /* asked to stop by the caller */
	ASOF_CHECK_FAILED = 13, /* a check failed, or a difference was found */
};

/* Caller-allocated, zero-initialised, usually on the stack. Holds nothing to free. */
struct asof_error {
	enum asof_status status;
	char message[1020]; /* UTF-8, NUL-terminated, "outer: inner: cause" */
};

ASOF_API const char *asof_status_text(enum asof_status status);
ASOF_API bool asof_status_is_retryable(enum asof_status status);

#endif
