/* media_type.c - what a request's body is said to be, and what its answer should be. */
#include "http/batch_arrow.h"
#include "http/route.h"

/* Cut what stands before the next `mark` off, without spaces around it. */
static struct asof_str
next_part(struct asof_str *rest, char mark)
{
	const char *end = rest->len > 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct asof_str text = { rest->ptr, len };
	rest->ptr += len + (end ? 1 : 0);
	rest->len -= len + (end ? 1 : 0);
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static bool
is_json_type(struct asof_str type)
{
	if (!asof_token_equal(next_part(&type, ';'), "application/json"))
		return false;
	while (type.len > 0) {
		struct asof_str parameter = next_part(&type, ';');
		bool is_charset =
			parameter.len >= 8 &&
			asof_token_equal((struct asof_str){ parameter.ptr, 8 }, "charset=");
		if (is_charset && !asof_token_equal(parameter, "charset=utf-8") &&
		    !asof_token_equal(parameter, "charset=\"utf-8\""))
			return false;
	}
	return true;
}

enum asof_status
asof_call_check_json(const struct asof_call *call)
{
	const struct asof_head *head = call->request->head;
	if (head->framing == ASOF_FRAMING_NONE)
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_LENGTH_REQUIRED,
				   "a POST needs a content-length or chunks");
	if (head->content_type.ptr && !is_json_type(head->content_type))
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
				   "content-type is not application/json in UTF-8");
	if (head->content_encoding.ptr && !asof_token_equal(head->content_encoding, "identity"))
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_UNSUPPORTED_MEDIA_TYPE,
				   "an encoded body is not read: send it as it is");
	return ASOF_OK;
}

bool
asof_call_wants_arrow(const struct asof_call *call)
{
	struct asof_str rest = call->request->head->accept;
	while (rest.len > 0) {
		struct asof_str range = next_part(&rest, ',');
		if (asof_token_equal(next_part(&range, ';'), ASOF_ARROW_MEDIA_TYPE))
			return true;
	}
	return false;
}
