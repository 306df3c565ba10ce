#include "postgres/postgres_place.h"

#include <libpq-fe.h>
#include <stdlib.h>

#include "base/buf.h"

#define URI_BYTES_MAX        8192
#define IDENTIFIER_BYTES_MAX 63

static enum asof_status
fail_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "URI of a database");
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* With %XX replaced; NULL on exhaustion. */
static const char *
decoded(struct asof_str text, struct asof_arena *arena)
{
	char *out = asof_arena_alloc(arena, text.len + 1);
	char *at = out;
	for (size_t i = 0; out && i < text.len; i++) {
		bool is_coded = text.ptr[i] == '%' && i + 2 < text.len &&
				hex_digit(text.ptr[i + 1]) >= 0 && hex_digit(text.ptr[i + 2]) >= 0;
		if (is_coded) {
			*at++ = (char)(hex_digit(text.ptr[i + 1]) * 16 +
				       hex_digit(text.ptr[i + 2]));
			i += 2;
		} else {
			*at++ = text.ptr[i];
		}
	}
	return out;
}

static bool
take_name(struct asof_str *parameter, const char *name)
{
	size_t len = strlen(name);
	if (parameter->len < len || memcmp(parameter->ptr, name, len) != 0)
		return false;
	*parameter = (struct asof_str){ parameter->ptr + len, parameter->len - len };
	return true;
}

/* One of ours; *ret_is_ours says whether it is. */
static enum asof_status
take_parameter(struct asof_str parameter, struct asof_arena *arena,
	       struct asof_postgres_place *place, bool *ret_is_ours, struct asof_error *err)
{
	*ret_is_ours = true;
	if (take_name(&parameter, "password_env=")) {
		const char *name = decoded(parameter, arena);
		if (!name)
			return fail_memory(err);
		place->password = getenv(name);
		if (!place->password)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "password_env names %s, which is not set: export it, or "
					 "name another",
					 name[0] ? name : "nothing");
	} else if (take_name(&parameter, "schema=")) {
		place->schema = decoded(parameter, arena);
		if (!place->schema)
			return fail_memory(err);
		if (!place->schema[0] || strlen(place->schema) > IDENTIFIER_BYTES_MAX)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "a schema's name has 1 to %d bytes, not %zu",
					 IDENTIFIER_BYTES_MAX, strlen(place->schema));
	} else {
		*ret_is_ours = false;
	}
	return ASOF_OK;
}

/* What is libpq's goes to `uri`. */
static enum asof_status
split_parameters(struct asof_str rest, struct asof_arena *arena, struct asof_postgres_place *place,
		 struct asof_buf *uri, struct asof_error *err)
{
	char before = '?';
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '&', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
		struct asof_str parameter = { rest.ptr, len };
		bool is_ours = false;
		ASOF_TRY(take_parameter(parameter, arena, place, &is_ours, err));
		if (!is_ours) {
			asof_buf_add_char(uri, before);
			asof_buf_add_str(uri, parameter);
			before = '&';
		}
		len += end != NULL;
		rest = (struct asof_str){ rest.ptr + len, rest.len - len };
	}
	return asof_buf_status(uri, err);
}

static const char *
option_of(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (strcmp(o->keyword, keyword) == 0 && o->val && o->val[0])
			return o->val;
	}
	return NULL;
}

/* The text of libpq's complaint may hold the password, as may a "port": a password with a "/" in it
 * becomes one. Neither is told. */
static enum asof_status
check_uri(struct asof_postgres_place *place, struct asof_arena *arena, struct asof_error *err)
{
	char *message = NULL;
	PQconninfoOption *options = PQconninfoParse(place->uri, &message);
	const char *host = options ? option_of(options, "host") : NULL;
	const char *port = options ? option_of(options, "port") : NULL;
	bool is_good = options && (!port || strspn(port, "0123456789,") == strlen(port));
	if (is_good)
		place->shown = asof_arena_printf(arena, "%s:%s", host ? host : "localhost",
						 port ? port : "5432");
	PQfreemem(message);
	PQconninfoFree(options);
	if (!is_good)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "malformed: like postgres://USER@HOST:PORT/DATABASE, where / @ : "
				 "%% of a password are written %%2F %%40 %%3A %%25");
	return place->shown ? ASOF_OK : fail_memory(err);
}

enum asof_status
asof_postgres_place_read(struct asof_str location, struct asof_arena *arena,
			 struct asof_postgres_place *ret_place, struct asof_error *err)
{
	if (location.len < 2 || location.len > URI_BYTES_MAX || memcmp(location.ptr, "//", 2) != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "no server: postgres://USER@HOST:PORT/DATABASE");
	struct asof_postgres_place place = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf uri = ASOF_BUF(URI_BYTES_MAX + 32);
	const char *query = memchr(location.ptr, '?', location.len);
	size_t len = query ? (size_t)(query - location.ptr) : location.len;
	asof_buf_add_cstr(&uri, "postgresql:");
	asof_buf_add(&uri, location.ptr, len);
	len += query != NULL;
	struct asof_str parameters = { location.ptr + len, location.len - len };
	ASOF_TRY(split_parameters(parameters, arena, &place, &uri, err));
	place.uri = asof_arena_copy(arena, asof_buf_view(&uri));
	if (!place.uri)
		return fail_memory(err);
	ASOF_TRY(check_uri(&place, arena, err));
	*ret_place = place;
	return ASOF_OK;
}
