/* exit_status.c - the one switch between asof_status and exit codes. */
#include "cli/exit_status.h"

const struct asof_exit_text asof_exit_texts[6] = {
	{ ASOF_EXIT_DONE, "done" },
	{ ASOF_EXIT_FAILED, "the world failed: a file, a service, memory" },
	{ ASOF_EXIT_WRONG, "the input is wrong: command line, definitions, names" },
	{ ASOF_EXIT_DIFFERENT, "a check failed, or a difference was found" },
	{ ASOF_EXIT_CONFLICT,
	  "conflict: it exists already, or somebody else changed it meanwhile" },
	{ ASOF_EXIT_INTERRUPTED, "interrupted; nothing was published" },
};

enum asof_exit
asof_exit_of(enum asof_status status)
{
	switch (status) {
	case ASOF_OK:
		return ASOF_EXIT_DONE;
	case ASOF_INVALID:
	case ASOF_NOT_FOUND:
	case ASOF_UNSUPPORTED:
		return ASOF_EXIT_WRONG;
	case ASOF_CHECK_FAILED:
		return ASOF_EXIT_DIFFERENT;
	case ASOF_CONFLICT:
		return ASOF_EXIT_CONFLICT;
	case ASOF_CANCELLED:
		return ASOF_EXIT_INTERRUPTED;
	case ASOF_LIMIT:
	case ASOF_UNAVAILABLE:
	case ASOF_TIMEOUT:
	case ASOF_IO:
	case ASOF_CORRUPT:
	case ASOF_NO_MEMORY:
	case ASOF_INTERNAL:
		break;
	}
	return ASOF_EXIT_FAILED;
}

const char *
asof_status_code(enum asof_status status)
{
	static const char *const codes[] = {
		[ASOF_OK] = "ok",
		[ASOF_INVALID] = "invalid",
		[ASOF_NOT_FOUND] = "not_found",
		[ASOF_CONFLICT] = "conflict",
		[ASOF_LIMIT] = "limit",
		[ASOF_UNSUPPORTED] = "unsupported",
		[ASOF_UNAVAILABLE] = "unavailable",
		[ASOF_TIMEOUT] = "timeout",
		[ASOF_IO] = "io",
		[ASOF_CORRUPT] = "corrupt",
		[ASOF_NO_MEMORY] = "no_memory",
		[ASOF_INTERNAL] = "internal",
		[ASOF_CANCELLED] = "cancelled",
		[ASOF_CHECK_FAILED] = "check_failed",
	};
	return (size_t)status < sizeof(codes) / sizeof(codes[0]) ? codes[status] : "unknown";
}
