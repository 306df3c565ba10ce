/* answerers.c - what each worker answers with. */
#include "http/answerers.h"

#include "http/errand.h"

struct desk {
	struct asof_routes routes;
	struct asof_scratch scratch;
	struct asof_live_state *held; /* what is in force, as last seen */
};

struct asof_answerers {
	struct asof_worker_pool *pool;
	struct asof_live *live;
	struct desk *desks; /* one per worker */
	unsigned count;
};

static void
run(void *arg, unsigned worker, struct asof_task *task)
{
	const struct asof_answerers *answerers = arg;
	struct desk *desk = &answerers->desks[worker];
	asof_live_hold(answerers->live, &desk->held);
	desk->routes.tokens = desk->held->tokens;
	asof_errand_answer(task, &desk->routes, &desk->scratch);
}

static void
refuse(void *arg, struct asof_task *task)
{
	(void)arg;
	asof_errand_refuse(task);
}

static enum asof_status
make_desks(struct asof_answerers *answerers, const struct asof_routes *routes,
	   struct asof_error *err)
{
	answerers->desks = asof_mem_alloc(answerers->count * sizeof(*answerers->desks));
	if (!answerers->desks)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%u workers", answerers->count);
	for (unsigned i = 0; i < answerers->count; i++) {
		answerers->desks[i].routes = *routes;
		answerers->desks[i].scratch = asof_scratch_make();
	}
	return ASOF_OK;
}

ASOF_DEFINE_AUTOFREE(struct asof_answerers, asof_answerers_close)

enum asof_status
asof_answerers_open(const struct asof_server_options *options, const struct asof_routes *routes,
		    struct asof_live *live, struct asof_answerers **ret_answerers,
		    struct asof_error *err)
{
	ASOF_AUTO(asof_answerers_close_auto)
	struct asof_answerers *answerers = asof_mem_alloc(sizeof(*answerers));
	if (!answerers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers");
	struct asof_worker_pool_options pool = {
		.worker_count = options->workers,
		.queue_max = options->queue_max,
		.wait_max_us = (int64_t)options->queue_timeout_ms * 1000,
		.run = run,
		.refuse = refuse,
		.arg = answerers,
	};
	answerers->live = live;
	answerers->count = options->workers;
	ASOF_TRY(make_desks(answerers, routes, err));
	ASOF_TRY(asof_worker_pool_open(&pool, &answerers->pool, err));
	*ret_answerers = ASOF_STEAL(answerers);
	return ASOF_OK;
}

void
asof_answerers_close(struct asof_answerers *answerers)
{
	if (!answerers)
		return;
	asof_worker_pool_close(answerers->pool);
	for (unsigned i = 0; answerers->desks && i < answerers->count; i++) {
		asof_scratch_done(&answerers->desks[i].scratch);
		asof_live_release(&answerers->desks[i].held);
	}
	asof_mem_free(answerers->desks);
	asof_mem_free(answerers);
}

struct asof_worker_pool *
asof_answerers_pool(const struct asof_answerers *answerers)
{
	return answerers ? answerers->pool : NULL;
}
