/* routes.c - what the server answers to. */
#include "http/routes.h"

#include "http/batch_answer.h"
#include "http/batch_request.h"
#include "http/entity_keys.h"
#include "http/target.h"

/* One request being answered. */
struct call {
	const struct asof_routes *routes;
	const struct asof_request *request;
	struct asof_target target;
	struct asof_scratch *scratch;
	struct asof_buf *body;
	struct asof_problem *problem;
};

static bool
segment_is(const struct call *call, size_t index, const char *text)
{
	return asof_str_equal(call->target.segments[index], asof_str_from(text));
}

static bool
is_read(const struct call *call)
{
	enum asof_method method = call->request->head->method;
	return method == ASOF_METHOD_GET || method == ASOF_METHOD_HEAD;
}

static enum asof_status
refuse_method(const struct call *call, const char *allow)
{
	call->problem->allow = allow;
	return ASOF_REFUSE(call->problem, ASOF_PROBLEM_METHOD_NOT_ALLOWED,
			   "this route answers to %s", allow);
}

static enum asof_status
write_status(const struct call *call, const char *status)
{
	struct asof_json_writer w = asof_json_writer_to(call->body);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "status", status);
	asof_json_end_object(&w);
	return asof_buf_status(call->body, &call->problem->err);
}

static enum asof_status
answer_healthz(const struct call *call)
{
	return is_read(call) ? write_status(call, "ok") : refuse_method(call, "GET, HEAD");
}

static enum asof_status
answer_readyz(const struct call *call)
{
	if (!is_read(call))
		return refuse_method(call, "GET, HEAD");
	if (atomic_load_explicit(call->routes->is_closing, memory_order_relaxed))
		return ASOF_FAIL(&call->problem->err, ASOF_UNAVAILABLE, "shutting down");
	return write_status(call, "ready");
}

static enum asof_status
find_view(const struct call *call, const struct asof_reader_view **ret_view)
{
	struct asof_str name;
	ASOF_TRY(asof_target_decode(call->target.segments[1], false, &call->scratch->request, &name,
				    call->problem));
	const struct asof_reader_view *view = asof_reader_find_view(call->routes->reader, name);
	if (view) {
		*ret_view = view;
		return ASOF_OK;
	}
	const char *near = asof_reader_suggest_view(call->routes->reader, name);
	int shown = (int)(name.len < ASOF_NAME_MAX ? name.len : ASOF_NAME_MAX);
	return ASOF_REFUSE(call->problem, ASOF_PROBLEM_UNKNOWN_VIEW,
			   "no view '%.*s' is online%s%s%s", shown, name.ptr,
			   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum asof_status
read_key(const struct call *call, const struct asof_entity *entity, struct asof_value *ret_key)
{
	struct asof_arena *arena = &call->scratch->request;
	if (call->target.segment_count == 2)
		return asof_entity_keys_from_query(entity, call->target.query, arena, ret_key,
						   call->problem);
	ASOF_TRY(asof_entity_keys_refuse_query(entity, call->target.query, arena, call->problem));
	return asof_entity_keys_from_path(entity, call->target.segments[2], arena, ret_key,
					  call->problem);
}

static enum asof_status
answer_row(const struct call *call)
{
	const struct asof_reader_view *view;
	ASOF_TRY(find_view(call, &view));
	const struct asof_entity *entity = view->view->entity;
	struct asof_arena *arena = &call->scratch->request;
	struct asof_value *key = asof_arena_array(arena, entity->key_count, sizeof(*key));
	if (!key)
		return ASOF_FAIL(&call->problem->err, ASOF_NO_MEMORY, "a key");
	ASOF_TRY(read_key(call, entity, key));

	struct asof_reader *reader = call->routes->reader;
	struct asof_answer answer = { 0 };
	ASOF_TRY(asof_reader_rows(reader, view, key, 1, asof_reader_now_us(reader), arena, &answer,
				  &call->problem->err));
	struct asof_json_writer w = asof_json_writer_to(call->body);
	asof_reader_write_row(&w, view, key, NULL, 0, &answer);
	return asof_buf_status(call->body, &call->problem->err);
}

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

static enum asof_status
check_body(const struct call *call)
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

static enum asof_status
answer_view_batch(const struct call *call)
{
	const struct asof_reader_view *view;
	struct asof_batch_request batch;
	ASOF_TRY(find_view(call, &view));
	ASOF_TRY(check_body(call));
	ASOF_TRY(asof_batch_read_view(view, call->request->body, call->routes->entity_max,
				      &call->scratch->request, &batch, call->problem));
	return asof_batch_answer_view(call->routes->reader, &batch, &call->scratch->rows,
				      call->body, &call->problem->err);
}

static enum asof_status
answer_batch(const struct call *call)
{
	struct asof_batch_request batch;
	ASOF_TRY(check_body(call));
	ASOF_TRY(asof_batch_read(call->routes->reader, call->request->body,
				 call->routes->entity_max, &call->scratch->request, &batch,
				 call->problem));
	return asof_batch_answer(call->routes->reader, &batch, &call->scratch->rows, call->body,
				 &call->problem->err);
}

/* /features/{view} by query, and /features/batch. */
static enum asof_status
answer_view_route(const struct call *call)
{
	bool is_batch = segment_is(call, 1, "batch");
	if (is_batch && call->request->head->method == ASOF_METHOD_POST)
		return answer_batch(call);
	if (!is_read(call))
		return refuse_method(call, is_batch ? "GET, HEAD, POST" : "GET, HEAD");
	if (is_batch && !asof_reader_find_view(call->routes->reader, asof_str_from("batch")))
		return refuse_method(call, "POST");
	return answer_row(call);
}

/* /features/{view}/{key}, where "batch" is a key to GET and a route to POST. */
static enum asof_status
answer_key_route(const struct call *call)
{
	bool is_batch = segment_is(call, 2, "batch");
	if (is_batch && call->request->head->method == ASOF_METHOD_POST)
		return answer_view_batch(call);
	if (!is_read(call))
		return refuse_method(call, is_batch ? "GET, HEAD, POST" : "GET, HEAD");
	return answer_row(call);
}

enum asof_status
asof_routes_answer(const struct asof_routes *routes, const struct asof_request *request,
		   struct asof_scratch *scratch, struct asof_buf *body,
		   struct asof_problem *problem)
{
	struct call call = {
		.routes = routes,
		.request = request,
		.scratch = scratch,
		.body = body,
		.problem = problem,
	};
	ASOF_TRY(asof_target_split(request->head->target, &call.target, problem));
	if (call.target.segment_count == 1 && segment_is(&call, 0, "healthz"))
		return answer_healthz(&call);
	if (call.target.segment_count == 1 && segment_is(&call, 0, "readyz"))
		return answer_readyz(&call);
	if (call.target.segment_count == 2 && segment_is(&call, 0, "features") &&
	    call.target.segments[1].len > 0)
		return answer_view_route(&call);
	if (call.target.segment_count == 3 && segment_is(&call, 0, "features") &&
	    call.target.segments[1].len > 0)
		return answer_key_route(&call);
	return ASOF_REFUSE(problem, ASOF_PROBLEM_UNKNOWN_ROUTE, "no such route");
}
