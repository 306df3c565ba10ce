#include "store/redis_uri.h"

#include <stdlib.h>

#include "base/number.h"

#define DEFAULT_PORT   "6379"
#define DEFAULT_PREFIX "asof"
#define SECONDS_MAX    3600

struct reader {
	struct asof_arena *arena;
	struct asof_redis_target *target;
	const char *password_env;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "redis URI");
}

/* Cut what stands before `c` off *rest, and `c`; all of it where there is no `c`. */
static struct asof_str
cut(struct asof_str *rest, char c, bool *ret_is_found)
{
	const char *at = rest->len ? memchr(rest->ptr, c, rest->len) : NULL;
	struct asof_str head = { rest->ptr, at ? (size_t)(at - rest->ptr) : rest->len };
	size_t used = head.len + (at ? 1 : 0);
	*rest = (struct asof_str){ rest->len ? rest->ptr + used : NULL, rest->len - used };
	*ret_is_found = at != NULL;
	return head;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum asof_status
decode(struct reader *r, struct asof_str text, const char **ret_text, struct asof_error *err)
{
	char *out = asof_arena_alloc(r->arena, text.len + 1);
	size_t len = 0;
	if (!out)
		return no_memory(err);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%') {
			out[len++] = text.ptr[i];
			continue;
		}
		bool is_whole = text.len - i > 2;
		int high = is_whole ? hex_digit(text.ptr[i + 1]) : -1;
		int low = is_whole ? hex_digit(text.ptr[i + 2]) : -1;
		if (high < 0 || low < 0 || high * 16 + low == 0)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "a %% of the URI is not followed by two hexadecimal "
					 "digits: write %%25 for a %% itself");
		out[len++] = (char)(high * 16 + low);
		i += 2;
	}
	*ret_text = out;
	return ASOF_OK;
}

static enum asof_status
read_number(struct asof_str name, const char *text, int64_t most, int64_t *ret_number,
	    struct asof_error *err)
{
	int64_t number;
	if (!asof_int64_parse(asof_str_from(text), &number) || number < 0 || number > most)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "%.*s '%s' of the URI is no number from 0 to %lld",
				 ASOF_STR_ARG(name), text, (long long)most);
	*ret_number = number;
	return ASOF_OK;
}

static enum asof_status
read_seconds(struct asof_str name, const char *text, int64_t unit, int64_t *ret_time,
	     struct asof_error *err)
{
	int64_t seconds;
	ASOF_TRY(read_number(name, text, SECONDS_MAX, &seconds, err));
	if (seconds == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "%.*s of the URI is at least 1 second",
				 ASOF_STR_ARG(name));
	*ret_time = seconds * unit;
	return ASOF_OK;
}

static enum asof_status
read_prefix(const char *text, const char **ret_prefix, struct asof_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	size_t len = strlen(text);
	if (len == 0 || len > ASOF_REDIS_PREFIX_MAX || strspn(text, allowed) != len)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "prefix '%s' of the URI: 1 to %d letters, digits, '_', '.', '-'",
				 text, ASOF_REDIS_PREFIX_MAX);
	*ret_prefix = text;
	return ASOF_OK;
}

static enum asof_status
read_option(struct reader *r, struct asof_str name, const char *text, struct asof_error *err)
{
	struct asof_redis_target *target = r->target;
	const struct {
		const char *name;
		const char **field;
	} texts[] = {
		{ "password_env", &r->password_env },
		{ "ca", &target->ca_file },
		{ "cert", &target->cert_file },
		{ "key", &target->key_file },
	};
	const struct {
		const char *name;
		int64_t unit;
		int64_t *field;
	} times[] = {
		{ "connect_timeout", 1000000, &target->connect_timeout_us },
		{ "timeout", 1000000, &target->answer_timeout_us },
		{ "lease", 1000, &target->lease_ms },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		if (asof_str_equal(name, asof_str_from(texts[i].name))) {
			*texts[i].field = text;
			return ASOF_OK;
		}
	}
	for (size_t i = 0; i < ASOF_COUNTOF(times); i++) {
		if (asof_str_equal(name, asof_str_from(times[i].name)))
			return read_seconds(name, text, times[i].unit, times[i].field, err);
	}
	if (asof_str_equal(name, asof_str_from("prefix")))
		return read_prefix(text, &target->prefix, err);
	if (asof_str_equal(name, asof_str_from("db")))
		return read_number(name, text, INT32_MAX, &target->db, err);
	return ASOF_FAIL(err, ASOF_INVALID,
			 "unknown option '%.*s' of the URI (have: password_env, prefix, db, ca, "
			 "cert, key, connect_timeout, timeout, lease)",
			 ASOF_STR_ARG(name));
}

static enum asof_status
read_options(struct reader *r, struct asof_str query, struct asof_error *err)
{
	while (query.len > 0) {
		bool is_found;
		const char *text = NULL;
		struct asof_str value = cut(&query, '&', &is_found);
		struct asof_str name = cut(&value, '=', &is_found);
		ASOF_TRY(decode(r, value, &text, err));
		ASOF_TRY(read_option(r, name, text, err));
	}
	return ASOF_OK;
}

static enum asof_status
read_user(struct reader *r, struct asof_str userinfo, struct asof_error *err)
{
	bool has_password;
	struct asof_str user = cut(&userinfo, ':', &has_password);
	if (user.len > 0)
		ASOF_TRY(decode(r, user, &r->target->user, err));
	if (has_password)
		ASOF_TRY(decode(r, userinfo, &r->target->password, err));
	return ASOF_OK;
}

static enum asof_status
read_password_env(struct reader *r, struct asof_error *err)
{
	struct asof_redis_target *target = r->target;
	if (r->password_env && target->password)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "the URI has a password and password_env: leave one out");
	if (r->password_env) {
		const char *value = getenv(r->password_env);
		if (!value)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "environment variable '%s', named by password_env, is "
					 "not set",
					 r->password_env);
		target->password = asof_arena_copy(r->arena, asof_str_from(value));
		if (!target->password)
			return no_memory(err);
	}
	if (target->user && !target->password)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "user '%s' has no password: add it behind a colon, or "
				 "?password_env=NAME",
				 target->user);
	return ASOF_OK;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static enum asof_status
read_host(struct reader *r, struct asof_str text, struct asof_error *err)
{
	struct asof_redis_target *target = r->target;
	bool is_found = false;
	bool is_v6 = text.len > 0 && text.ptr[0] == '[';
	struct asof_str host;
	struct asof_str port = { NULL, 0 };
	if (is_v6) {
		struct asof_str rest = { text.ptr + 1, text.len - 1 };
		host = cut(&rest, ']', &is_found);
		if (is_found && rest.len > 0 && rest.ptr[0] == ':')
			port = (struct asof_str){ rest.ptr + 1, rest.len - 1 };
		else if (!is_found || rest.len > 0)
			host.len = 0;
	} else {
		port = text;
		host = cut(&port, ':', &is_found);
	}
	uint64_t number = 0;
	if (host.len == 0)
		return ASOF_FAIL(
			err, ASOF_INVALID,
			"no host: like redis://HOST:PORT/DB, or redis://USER:PASSWORD@HOST");
	if (port.len > 0 && (!asof_uint64_parse(port, &number) || number == 0 || number > 65535))
		return ASOF_FAIL(err, ASOF_INVALID, "'%.*s' of the URI is no port",
				 ASOF_STR_ARG(port));
	target->host = asof_arena_copy(r->arena, host);
	target->port = port.len > 0 ? asof_arena_copy(r->arena, port) : DEFAULT_PORT;
	if (!target->host || !target->port)
		return no_memory(err);
	target->place = asof_arena_printf(r->arena, is_v6 ? "[%s]:%s" : "%s:%s", target->host,
					  target->port);
	return target->place ? ASOF_OK : no_memory(err);
}

static enum asof_status
read_path(struct reader *r, struct asof_str path, struct asof_error *err)
{
	struct asof_redis_target *target = r->target;
	if (target->transport == ASOF_REDIS_UNIX) {
		ASOF_TRY(decode(r, path, &target->socket, err));
		target->place = target->socket;
		if (path.len > 1)
			return ASOF_OK;
		return ASOF_FAIL(err, ASOF_INVALID, "no path: like redis+unix:///run/redis.sock");
	}
	if (path.len <= 1)
		return ASOF_OK;
	char *number = asof_arena_copy(r->arena, (struct asof_str){ path.ptr + 1, path.len - 1 });
	if (!number)
		return no_memory(err);
	return read_number(asof_str_from("database"), number, INT32_MAX, &target->db, err);
}

enum asof_status
asof_redis_target_read(enum asof_redis_transport transport, struct asof_str location,
		       struct asof_arena *arena, struct asof_redis_target *ret_target,
		       struct asof_error *err)
{
	struct asof_redis_target target = { .transport = transport,
					    .prefix = DEFAULT_PREFIX,
					    .connect_timeout_us = 5000000,
					    .answer_timeout_us = 15000000,
					    .lease_ms = 30000 };
	struct reader r = { .arena = arena, .target = &target };
	bool is_found;
	if (location.len < 2 || memcmp(location.ptr, "//", 2) != 0)
		return ASOF_FAIL(err, ASOF_INVALID, "malformed: like redis://HOST:PORT/DB");
	struct asof_str query = { location.ptr + 2, location.len - 2 };
	struct asof_str rest = cut(&query, '?', &is_found);
	size_t slash = 0;
	while (slash < rest.len && rest.ptr[slash] != '/')
		slash++;
	struct asof_str authority = { rest.ptr, slash };
	struct asof_str path = { rest.ptr + slash, rest.len - slash };
	size_t at = authority.len;
	while (at > 0 && authority.ptr[at - 1] != '@')
		at--;
	if (at > 0)
		ASOF_TRY(read_user(&r, (struct asof_str){ authority.ptr, at - 1 }, err));
	if (transport != ASOF_REDIS_UNIX)
		ASOF_TRY(read_host(&r, (struct asof_str){ authority.ptr + at, authority.len - at },
				   err));
	ASOF_TRY(read_path(&r, path, err));
	ASOF_TRY(read_options(&r, query, err));
	ASOF_TRY(read_password_env(&r, err));
	*ret_target = target;
	return ASOF_OK;
}
