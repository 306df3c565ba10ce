/* error.c - status texts and the one message that travels up with a failure. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const status_text[] = {
	[ASOF_OK] = "ok",
	[ASOF_INVALID] = "invalid argument",
	[ASOF_NOT_FOUND] = "not found",
	[ASOF_CONFLICT] = "conflict",
	[ASOF_LIMIT] = "limit exceeded",
	[ASOF_UNSUPPORTED] = "unsupported",
	[ASOF_UNAVAILABLE] = "unavailable",
	[ASOF_TIMEOUT] = "timed out",
	[ASOF_IO] = "input/output error",
	[ASOF_CORRUPT] = "corrupt data",
	[ASOF_NO_MEMORY] = "out of memory",
	[ASOF_INTERNAL] = "internal error",
	[ASOF_CANCELLED] = "interrupted",
	[ASOF_CHECK_FAILED] = "check failed",
};
_Static_assert(ASOF_COUNTOF(status_text) == ASOF_CHECK_FAILED + 1, "one text per status");

/* A message that was cut must not end within a character: take its first bytes back. */
static void
drop_partial_character(char *message, size_t len)
{
	size_t start = len;
	while (start > 0 && len - start < 3 && ((unsigned char)message[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0 || (unsigned char)message[start - 1] < 0xC0)
		return;

	unsigned char lead = (unsigned char)message[start - 1];
	size_t wanted = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
	if (len - (start - 1) < wanted)
		message[start - 1] = '\0';
}

/* Longer messages are cut, never rejected: the outermost context comes first. */
static void
append(struct asof_error *err, const char *text)
{
	size_t used = strlen(err->message);
	size_t room = sizeof(err->message) - 1 - used;
	size_t len = strnlen(text, room);
	memcpy(err->message + used, text, len);
	err->message[used + len] = '\0';
	if (text[len] != '\0')
		drop_partial_character(err->message, used + len);
}

static void ASOF_PRINTF(2, 0) format(struct asof_error *err, const char *fmt, va_list ap)
{
	int len = vsnprintf(err->message, sizeof(err->message), fmt, ap);
	if (len >= (int)sizeof(err->message))
		drop_partial_character(err->message, sizeof(err->message) - 1);
}

const char *
asof_status_text(enum asof_status status)
{
	return (size_t)status < ASOF_COUNTOF(status_text) ? status_text[status] : "unknown";
}

bool
asof_status_is_retryable(enum asof_status status)
{
	return status == ASOF_UNAVAILABLE || status == ASOF_TIMEOUT;
}

void
asof_error_set(struct asof_error *err, enum asof_status status, const char *fmt, ...)
{
	if (!err)
		return;

	va_list ap;
	va_start(ap, fmt);
	err->status = status;
	format(err, fmt, ap);
	va_end(ap);
}

void
asof_error_prepend(struct asof_error *err, enum asof_status status, const char *fmt, ...)
{
	if (!err)
		return;

	char inner[sizeof(err->message)];
	memcpy(inner, err->message, sizeof(inner));

	va_list ap;
	va_start(ap, fmt);
	format(err, fmt, ap);
	va_end(ap);

	err->status = status;
	append(err, ": ");
	append(err, inner);
}
