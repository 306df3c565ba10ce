#include "job/run_record.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"

#define HOST_MAX 256

/* One line of text, as it is shown in tables and stored in logs. */
static enum asof_status
check_line(const char *what, const char *text, size_t max, struct asof_error *err)
{
	struct asof_str str = asof_str_from(text);
	if (str.len > max)
		return ASOF_FAIL(err, ASOF_INVALID, "%s has %zu bytes, %zu may be", what, str.len,
				 max);
	if (asof_utf8_valid_prefix(str) != str.len)
		return ASOF_FAIL(err, ASOF_INVALID, "%s is not UTF-8", what);
	for (size_t i = 0; i < str.len; i++) {
		if ((unsigned char)str.ptr[i] < 0x20 || str.ptr[i] == 0x7f)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "%s has a control character at byte %zu: write it on one "
					 "line",
					 what, i + 1);
	}
	return ASOF_OK;
}

/* Nobody's name is worth failing for: what cannot be used is passed over. */
static const char *
login_name(void)
{
	static const char *const variables[] = { "USER", "LOGNAME" };
	struct asof_error ignored = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(variables); i++) {
		const char *name = getenv(variables[i]);
		if (name && *name &&
		    check_line(variables[i], name, ASOF_MADE_BY_BYTES_MAX, &ignored) == ASOF_OK)
			return name;
	}
	return NULL;
}

static const char *
user_at_host(struct asof_arena *arena)
{
	char host[HOST_MAX] = { 0 };
	const char *name = login_name();
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if (name)
		return asof_arena_printf(arena, "%s@%s", name, host);
	return asof_arena_printf(arena, "uid %lu@%s", (unsigned long)getuid(), host);
}

enum asof_status
asof_session_find_author(struct asof_session *session, struct asof_error *err)
{
	const char *user = getenv("ASOF_USER");
	const char *reason = getenv("ASOF_REASON");
	if (user && *user) {
		ASOF_TRY(check_line("the environment variable 'ASOF_USER'", user,
				    ASOF_MADE_BY_BYTES_MAX, err));
		session->made_by = asof_arena_copy(&session->arena, asof_str_from(user));
	} else {
		session->made_by = user_at_host(&session->arena);
	}
	if (!reason)
		reason = "";
	ASOF_TRY(check_line("the reason", reason, ASOF_REASON_BYTES_MAX, err));
	session->reason = asof_arena_copy(&session->arena, asof_str_from(reason));
	if (!session->made_by || !session->reason)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "author");
	return ASOF_OK;
}

enum asof_status
asof_run_record(struct asof_session *session, const struct asof_run *run, struct asof_error *err)
{
	struct asof_run record = *run;
	record.made_by = session->made_by;
	record.reason = session->reason;
	return asof_catalog_put_run(session->catalog, &record, err);
}
