/* target.c - a request's target: path segments and query parameters. */
#include "http/target.h"

#include "base/utf8.h"
#include "http/head.h"

/* What stands before the first `mark`; *rest is what stands behind it, empty without one. */
static struct asof_str
cut(struct asof_str text, char mark, struct asof_str *rest)
{
	const char *found = text.len > 0 ? memchr(text.ptr, mark, text.len) : NULL;
	if (!found) {
		*rest = (struct asof_str){ text.ptr + text.len, 0 };
		return text;
	}
	size_t len = (size_t)(found - text.ptr);
	*rest = (struct asof_str){ found + 1, text.len - len - 1 };
	return (struct asof_str){ text.ptr, len };
}

/* An absolute URI is answered as its path. */
static struct asof_str
without_authority(struct asof_str text)
{
	static const char *const schemes[] = { "http://", "https://" };
	for (size_t i = 0; i < ASOF_COUNTOF(schemes); i++) {
		size_t len = strlen(schemes[i]);
		if (text.len < len ||
		    !asof_token_equal((struct asof_str){ text.ptr, len }, schemes[i]))
			continue;
		size_t at = len;
		while (at < text.len && text.ptr[at] != '/' && text.ptr[at] != '?')
			at++;
		return (struct asof_str){ text.ptr + at, text.len - at };
	}
	return text;
}

enum asof_status
asof_target_split(struct asof_str text, struct asof_target *ret_target,
		  struct asof_problem *problem)
{
	struct asof_target target = { .segment_count = 0 };
	struct asof_str path = cut(without_authority(text), '?', &target.query);
	if (path.len == 0 || path.ptr[0] != '/')
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "the request's target is no path");

	const char *end = path.ptr + path.len;
	const char *start = path.ptr + 1;
	while (target.segment_count <= ASOF_SEGMENTS_MAX) {
		const char *slash = start < end ? memchr(start, '/', (size_t)(end - start)) : NULL;
		const char *stop = slash ? slash : end;
		if (target.segment_count < ASOF_SEGMENTS_MAX)
			target.segments[target.segment_count] =
				(struct asof_str){ start, (size_t)(stop - start) };
		target.segment_count++;
		if (!slash)
			break;
		start = slash + 1;
	}
	*ret_target = target;
	return ASOF_OK;
}

/* Decode into `out`, which has room for text.len bytes. */
static enum asof_status
decode(struct asof_str text, bool is_query, char *out, size_t *ret_len,
       struct asof_problem *problem)
{
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%') {
			int high = text.len - i > 2 ? asof_hex_value(text.ptr[i + 1]) : -1;
			int low = text.len - i > 2 ? asof_hex_value(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
						   "a '%%' in the target is not followed by two "
						   "hexadecimal digits");
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		out[len++] = c;
	}
	*ret_len = len;
	return ASOF_OK;
}

static bool
is_encoded(struct asof_str text, bool is_query)
{
	return text.len > 0 &&
	       (memchr(text.ptr, '%', text.len) || (is_query && memchr(text.ptr, '+', text.len)));
}

enum asof_status
asof_target_decode(struct asof_str text, bool is_query, struct asof_arena *arena,
		   struct asof_str *ret_text, struct asof_problem *problem)
{
	struct asof_str decoded = text;
	if (is_encoded(text, is_query)) {
		char *out = asof_arena_alloc(arena, text.len);
		if (!out)
			return ASOF_FAIL(&problem->err, ASOF_NO_MEMORY, "a target");
		ASOF_TRY(decode(text, is_query, out, &decoded.len, problem));
		decoded.ptr = out;
	}
	if (asof_utf8_valid_prefix(decoded) != decoded.len)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST, "the target is not UTF-8");
	*ret_text = decoded;
	return ASOF_OK;
}

bool
asof_query_next(struct asof_str *query, struct asof_str *ret_name, struct asof_str *ret_value)
{
	while (query->len > 0) {
		struct asof_str rest;
		struct asof_str pair = cut(*query, '&', &rest);
		*query = rest;
		if (pair.len == 0)
			continue;
		*ret_name = cut(pair, '=', ret_value);
		return true;
	}
	return false;
}
