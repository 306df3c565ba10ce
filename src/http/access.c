/* access.c - who may ask for what. */
#include "http/access.h"

#include "job/served.h"

#define SCHEME     "bearer "
#define SCHEME_LEN (sizeof(SCHEME) - 1)

/* The token of "Bearer TOKEN", or { NULL, 0 }. */
static struct asof_str
bearer_of(struct asof_str authorization)
{
	struct asof_str scheme = { authorization.ptr, SCHEME_LEN };
	if (authorization.len <= SCHEME_LEN || !asof_token_equal(scheme, SCHEME))
		return (struct asof_str){ NULL, 0 };
	struct asof_str token = { authorization.ptr + SCHEME_LEN, authorization.len - SCHEME_LEN };
	while (token.len > 0 && token.ptr[0] == ' ') {
		token.ptr++;
		token.len--;
	}
	return token;
}

static enum asof_status
refuse_stranger(struct asof_str secret, struct asof_problem *problem)
{
	problem->challenge = secret.len > 0 ? "Bearer realm=\"asof\", error=\"invalid_token\""
					    : "Bearer realm=\"asof\"";
	if (secret.len > 0)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_UNAUTHORIZED,
				   "the token is none of this server's");
	return ASOF_REFUSE(problem, ASOF_PROBLEM_UNAUTHORIZED,
			   "this server asks for a token: send 'Authorization: Bearer TOKEN'");
}

enum asof_status
asof_access_check(const struct asof_tokens *tokens, const struct asof_head *head,
		  const struct asof_route *route, const struct asof_token **ret_token,
		  struct asof_problem *problem)
{
	const struct asof_token *token = NULL;
	if (!tokens || route->right == ASOF_RIGHT_NONE) {
		*ret_token = NULL;
		return ASOF_OK;
	}
	struct asof_str secret = bearer_of(head->authorization);
	if (secret.len > 0)
		ASOF_TRY(asof_tokens_find(tokens, secret, &token, &problem->err));
	if (!token)
		return refuse_stranger(secret, problem);
	if (!token->rights[route->right])
		return ASOF_REFUSE(problem, ASOF_PROBLEM_FORBIDDEN,
				   "token '%s' lacks the right '%s'", token->name,
				   asof_right_text(route->right));
	*ret_token = token;
	return ASOF_OK;
}

static bool
is_limited(const struct asof_call *call)
{
	return call->token && call->token->services.is_limited;
}

/* Note which outputs of `view` the service lists. */
static void
mark_outputs(const struct asof_service *service, const struct asof_view *view, bool *is_readable)
{
	for (size_t i = 0; i < service->item_count; i++) {
		const struct asof_service_item *item = &service->items[i];
		if (strcmp(item->view->name, view->name) != 0)
			continue;
		const struct asof_output *output =
			asof_view_output(view, asof_str_from(item->output->name));
		if (output)
			is_readable[output - view->outputs] = true;
	}
}

/* One per output of `view`; NULL on exhaustion. */
static bool *
readable_outputs(const struct asof_call *call, const struct asof_served *served,
		 const struct asof_view *view)
{
	const struct asof_token_scope *scope = &call->token->services;
	bool *is_readable =
		asof_arena_array(&call->scratch->request, view->output_count, sizeof(*is_readable));
	for (size_t i = 0; is_readable && i < scope->count; i++) {
		const struct asof_service *service =
			asof_project_service(served->project, asof_str_from(scope->names[i]));
		if (service)
			mark_outputs(service, view, is_readable);
	}
	return is_readable;
}

static enum asof_status
no_memory(const struct asof_call *call)
{
	return ASOF_FAIL(&call->problem->err, ASOF_NO_MEMORY, "rights of a token");
}

enum asof_status
asof_access_outputs(const struct asof_call *call, const struct asof_served *served,
		    const struct asof_view *view, size_t **ret_outputs, size_t *ret_count)
{
	if (!is_limited(call)) {
		*ret_outputs = NULL;
		*ret_count = view->output_count;
		return ASOF_OK;
	}
	const bool *is_readable = readable_outputs(call, served, view);
	size_t *outputs =
		asof_arena_array(&call->scratch->request, view->output_count, sizeof(*outputs));
	if (!is_readable || !outputs)
		return no_memory(call);
	size_t count = 0;
	for (size_t i = 0; i < view->output_count; i++) {
		if (is_readable[i])
			outputs[count++] = i;
	}
	if (count == 0)
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_FORBIDDEN,
				   "token '%s' may not read view '%s': none of its services has "
				   "features of it",
				   call->token->name, view->name);
	*ret_outputs = outputs;
	*ret_count = count;
	return ASOF_OK;
}

static enum asof_status
check_part(const struct asof_call *call, const struct asof_served *served,
	   struct asof_batch_part *part)
{
	const struct asof_view *view = part->view->view;
	if (!part->outputs)
		return asof_access_outputs(call, served, view, &part->outputs, &part->output_count);
	const bool *is_readable = readable_outputs(call, served, view);
	if (!is_readable)
		return no_memory(call);
	for (size_t i = 0; i < part->output_count; i++) {
		if (!is_readable[part->outputs[i]])
			return ASOF_REFUSE(call->problem, ASOF_PROBLEM_FORBIDDEN,
					   "token '%s' may not read '%s.%s': none of its services "
					   "has it",
					   call->token->name, view->name,
					   view->outputs[part->outputs[i]].name);
	}
	return ASOF_OK;
}

enum asof_status
asof_access_batch(const struct asof_call *call, const struct asof_served *served,
		  struct asof_batch_request *batch)
{
	for (size_t i = 0; is_limited(call) && i < batch->part_count; i++)
		ASOF_TRY(check_part(call, served, &batch->parts[i]));
	return ASOF_OK;
}

enum asof_status
asof_access_source(const struct asof_call *call, struct asof_str source)
{
	if (!call->token || asof_token_scope_has(&call->token->sources, source))
		return ASOF_OK;
	return ASOF_REFUSE(call->problem, ASOF_PROBLEM_FORBIDDEN,
			   "token '%s' may not push to this source", call->token->name);
}
