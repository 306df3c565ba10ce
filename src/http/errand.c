#include "http/errand.h"

#include <assert.h>
#include <stddef.h>

struct asof_errand {
	struct asof_task task;
	struct asof_errands *home;
	size_t held_bytes;        /* of the budget */
	struct asof_errand *next; /* among those that have come back */
	/* Of the loop: */
	void *owner; /* who waits; NULL: nobody any more */
	bool is_back;
	/* Of whoever has it: the request, whose text is in `bytes`, and its answer. */
	struct asof_request request;
	struct asof_reply reply;
	struct asof_buf body;
	enum asof_status status;
	struct asof_problem problem;
	char bytes[];
};

static struct asof_errand *
errand_of(struct asof_task *task)
{
	return (struct asof_errand *)((char *)task - offsetof(struct asof_errand, task));
}

void
asof_errands_init(struct asof_errands *errands, struct asof_worker_pool *pool,
		  struct asof_budget *budget, void (*wake)(void *arg), void *wake_arg)
{
	*errands = (struct asof_errands){
		.pool = pool, .budget = budget, .wake = wake, .wake_arg = wake_arg
	};
	(void)pthread_mutex_init(&errands->lock, NULL);
	errands->last = &errands->first;
}

void
asof_errands_done(struct asof_errands *errands)
{
	assert(errands->out_count == 0);
	(void)pthread_mutex_destroy(&errands->lock);
}

static void
errand_destroy(struct asof_errand *errand)
{
	asof_budget_release(errand->home->budget, &errand->held_bytes);
	asof_buf_done(&errand->body);
	asof_mem_free(errand);
}

/* --- on the loop -------------------------------------------------------------------------------
 */

static struct asof_str
copy_to(char **at, struct asof_str text)
{
	struct asof_str copy = { *at, text.len };
	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

static struct asof_errand *
errand_new(struct asof_errands *errands, const struct asof_request *request)
{
	size_t size = request->head_bytes.len + request->body.len + request->id.len;
	struct asof_errand *errand = asof_mem_alloc(sizeof(*errand) + size);
	if (!errand)
		return NULL;
	char *at = errand->bytes;
	errand->home = errands;
	errand->request.head_bytes = copy_to(&at, request->head_bytes);
	errand->request.body = copy_to(&at, request->body);
	errand->request.id = copy_to(&at, request->id);
	return errand;
}

static enum asof_status
submit(struct asof_errand *errand, struct asof_problem *problem)
{
	struct asof_errands *errands = errand->home;
	ASOF_TRY(asof_budget_hold(errands->budget, errand->request.body.len, &errand->held_bytes,
				  &problem->err));
	if (!asof_worker_pool_submit(errands->pool, &errand->task))
		return ASOF_REFUSE(problem, ASOF_PROBLEM_TOO_MANY_REQUESTS,
				   "too many requests wait for the online store: try again later");
	return ASOF_OK;
}

enum asof_status
asof_errand_send(struct asof_errands *errands, const struct asof_request *request,
		 const struct asof_reply *reply, struct asof_problem *problem)
{
	struct asof_buf *body = reply->body;
	struct asof_errand *errand = errand_new(errands, request);
	if (!errand)
		return ASOF_FAIL(&problem->err, ASOF_NO_MEMORY, "a request");
	errand->owner = reply->pending->owner;
	errand->reply = *reply;
	errand->reply.pending = NULL;
	errand->reply.body = &errand->body;
	errand->body = *body; /* the worker's from submit() on */
	enum asof_status status = submit(errand, problem);
	if (status != ASOF_OK) {
		errand->body = (struct asof_buf){ 0 };
		errand_destroy(errand);
		return status;
	}
	*body = ASOF_BUF(body->max_bytes);
	errands->out_count++;
	reply->pending->errand = errand;
	return ASOF_OK;
}

bool
asof_errand_is_back(const struct asof_errand *errand)
{
	return errand->is_back;
}

enum asof_status
asof_errand_take(struct asof_errand *errand, struct asof_reply *reply, size_t *held_bytes,
		 struct asof_problem *problem)
{
	struct asof_buf body = errand->body;
	assert(errand->is_back);
	errand->body = *reply->body;
	*reply->body = body;
	reply->content_type = errand->reply.content_type;
	reply->route = errand->reply.route;
	*held_bytes += errand->held_bytes;
	errand->held_bytes = 0;
	*problem = errand->problem;
	return errand->status;
}

void
asof_errand_free(struct asof_errand *errand)
{
	if (!errand)
		return;
	struct asof_errands *errands = errand->home;
	if (errand->is_back) {
		errand_destroy(errand);
	} else if (asof_worker_pool_withdraw(errands->pool, &errand->task)) {
		errands->out_count--;
		errand_destroy(errand);
	} else {
		errand->owner = NULL; /* destroyed when it is collected */
	}
}

static struct asof_errand *
take_first(struct asof_errands *errands)
{
	ASOF_HOLD(held, &errands->lock);
	struct asof_errand *errand = errands->first;
	if (!errand)
		return NULL;
	errands->first = errand->next;
	if (!errands->first)
		errands->last = &errands->first;
	return errand;
}

void
asof_errands_collect(struct asof_errands *errands, void (*wake_owner)(void *owner))
{
	struct asof_errand *errand;
	while ((errand = take_first(errands))) {
		errands->out_count--;
		errand->is_back = true;
		if (errand->owner)
			wake_owner(errand->owner);
		else
			errand_destroy(errand);
	}
}

/* --- with a worker -----------------------------------------------------------------------------
 */

/* The loop may take it from here on, and be gone once the lock is. */
static void
send_back(struct asof_errand *errand)
{
	struct asof_errands *errands = errand->home;
	ASOF_HOLD(held, &errands->lock);
	bool was_empty = !errands->first;
	*errands->last = errand;
	errands->last = &errand->next;
	if (was_empty)
		errands->wake(errands->wake_arg);
}

static enum asof_status
answer(struct asof_errand *errand, const struct asof_routes *routes, struct asof_scratch *scratch)
{
	struct asof_head head;
	struct asof_request *request = &errand->request;
	struct asof_problem *problem = &errand->problem;
	ASOF_TRY(asof_head_parse(request->head_bytes, &head, problem));
	request->head = &head;
	ASOF_TRY(asof_routes_answer(routes, request, scratch, &errand->reply, problem));
	return asof_budget_hold(errand->home->budget, request->body.len + errand->body.len,
				&errand->held_bytes, &problem->err);
}

void
asof_errand_answer(struct asof_task *task, const struct asof_routes *routes,
		   struct asof_scratch *scratch)
{
	struct asof_errand *errand = errand_of(task);
	asof_scratch_reset(scratch);
	errand->status = answer(errand, routes, scratch);
	errand->request.head = NULL;
	send_back(errand);
}

void
asof_errand_refuse(struct asof_task *task)
{
	struct asof_errand *errand = errand_of(task);
	errand->status = ASOF_FAIL(&errand->problem.err, ASOF_UNAVAILABLE,
				   "waited too long for the online store");
	send_back(errand);
}
