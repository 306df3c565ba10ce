/* route_features.c - rows of one view, and of several at once. */
#include "http/access.h"
#include "http/batch_answer.h"
#include "http/batch_arrow.h"
#include "http/batch_request.h"
#include "http/entity_keys.h"
#include "http/route.h"

static enum asof_status
find_view(const struct asof_call *call, const struct asof_served *served,
	  const struct asof_reader_view **ret_view)
{
	struct asof_str name;
	ASOF_TRY(asof_target_decode(call->target.segments[1], false, &call->scratch->request, &name,
				    call->problem));
	const struct asof_reader_view *view =
		asof_reader_find_view_in(call->routes->reader, served, name);
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

/* /features/age/7?now=..: keys in the path, values of the request behind it. */
static enum asof_status
read_on_demand_key(const struct asof_call *call, const struct asof_reader_view *view,
		   struct asof_value *ret_key)
{
	struct asof_arena *arena = &call->scratch->request;
	struct asof_entity keys = *view->view->entity;
	struct asof_entity request = keys;
	keys.key_count = view->key_count;
	request.keys += view->key_count;
	request.key_count -= view->key_count;
	if (keys.key_count == 0)
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_INVALID_KEY,
				   "on-demand view '%s' has no key: ask with ?name=value",
				   view->name);
	ASOF_TRY(asof_entity_keys_refuse_query(&keys, call->target.query, arena, call->problem));
	ASOF_TRY(asof_entity_keys_from_path(&keys, call->target.segments[2], arena, ret_key,
					    call->problem));
	return asof_entity_keys_from_query(&request, call->target.query, arena,
					   ret_key + view->key_count, call->problem);
}

static enum asof_status
read_key(const struct asof_call *call, const struct asof_reader_view *view,
	 struct asof_value *ret_key)
{
	const struct asof_entity *entity = view->view->entity;
	struct asof_arena *arena = &call->scratch->request;
	if (asof_reader_view_is_on_demand(view) && call->target.segment_count > 2)
		return read_on_demand_key(call, view, ret_key);
	if (call->target.segment_count == 2)
		return asof_entity_keys_from_query(entity, call->target.query, arena, ret_key,
						   call->problem);
	ASOF_TRY(asof_entity_keys_refuse_query(entity, call->target.query, arena, call->problem));
	return asof_entity_keys_from_path(entity, call->target.segments[2], arena, ret_key,
					  call->problem);
}

static enum asof_status
answer_row(const struct asof_call *call)
{
	const struct asof_served *served = asof_reader_served(call->routes->reader);
	const struct asof_reader_view *view;
	ASOF_TRY(find_view(call, served, &view));
	const struct asof_entity *entity = view->view->entity;
	struct asof_arena *arena = &call->scratch->request;
	struct asof_value *key = asof_arena_array(arena, entity->key_count, sizeof(*key));
	if (!key)
		return ASOF_FAIL(&call->problem->err, ASOF_NO_MEMORY, "a key");
	size_t *outputs;
	size_t output_count;
	ASOF_TRY(asof_access_outputs(call, served, view->view, &outputs, &output_count));
	ASOF_TRY(read_key(call, view, key));

	struct asof_reader *reader = call->routes->reader;
	struct asof_answer answer = { 0 };
	ASOF_TRY(asof_reader_rows(reader, view, key, 1, asof_reader_now_us(reader), arena, &answer,
				  &call->problem->err));
	struct asof_json_writer w = asof_json_writer_to(call->reply->body);
	asof_reader_write_row(&w, view, key, outputs, output_count, &answer);
	return asof_buf_status(call->reply->body, &call->problem->err);
}

static enum asof_status
answer_arrow(struct asof_call *call, const struct asof_batch_request *batch, bool has_bare_names)
{
	call->reply->content_type = ASOF_ARROW_MEDIA_TYPE;
	return asof_batch_answer_arrow(call->routes->reader, batch, has_bare_names, call->scratch,
				       call->reply->body, &call->problem->err);
}

enum asof_status
asof_route_view_batch(struct asof_call *call)
{
	const struct asof_served *served = asof_reader_served(call->routes->reader);
	const struct asof_reader_view *view;
	struct asof_batch_request batch;
	ASOF_TRY(find_view(call, served, &view));
	ASOF_TRY(asof_call_check_json(call));
	ASOF_TRY(asof_batch_read_view(view, call->request->body, call->routes->entity_max,
				      &call->scratch->request, &batch, call->problem));
	ASOF_TRY(asof_access_batch(call, served, &batch));
	if (asof_call_wants_arrow(call))
		return answer_arrow(call, &batch, true);
	return asof_batch_answer_view(call->routes->reader, &batch, &call->scratch->rows,
				      call->reply->body, &call->problem->err);
}

enum asof_status
asof_route_batch(struct asof_call *call)
{
	struct asof_batch_request batch;
	ASOF_TRY(asof_call_check_json(call));
	ASOF_TRY(asof_batch_read(call->routes->reader, call->request->body,
				 call->routes->entity_max, &call->scratch->request, &batch,
				 call->problem));
	ASOF_TRY(asof_access_batch(call, batch.served, &batch));
	if (asof_call_wants_arrow(call))
		return answer_arrow(call, &batch, false);
	return asof_batch_answer(call->routes->reader, &batch, &call->scratch->rows,
				 call->reply->body, &call->problem->err);
}

enum asof_status
asof_route_key_row(struct asof_call *call)
{
	return answer_row(call);
}

/* A view may be called "batch": to whoever has none, that path is for POST. */
enum asof_status
asof_route_view_row(struct asof_call *call)
{
	struct asof_str batch = asof_str_from("batch");
	if (asof_str_equal(call->target.segments[1], batch) &&
	    !asof_reader_find_view(call->routes->reader, batch)) {
		call->problem->allow = "POST";
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_METHOD_NOT_ALLOWED,
				   "this route answers to POST");
	}
	return answer_row(call);
}
