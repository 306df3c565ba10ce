/* json_body.c - is what came with a request a body of JSON? */
#include "http/route.h"

/* Cut the next ";name=value" off the parameters of a media type. */
static struct asof_str
next_parameter(struct asof_str *rest)
{
	const char *mark = rest->len > 0 ? memchr(rest->ptr, ';', rest->len) : NULL;
	size_t len = mark ? (size_t)(mark - rest->ptr) : rest->len;
	struct asof_str text = { rest->ptr, len };
	rest->ptr += len + (mark ? 1 : 0);
	rest->len -= len + (mark ? 1 : 0);
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
	if (!asof_token_equal(next_parameter(&type), "application/json"))
		return false;
	while (type.len > 0) {
		struct asof_str parameter = next_parameter(&type);
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
