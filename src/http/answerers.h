/*
 * answerers.h - the workers that answer requests whose rows are far away.
 *
 * Thread-safe.
 */
#ifndef ASOF_HTTP_ANSWERERS_H
#define ASOF_HTTP_ANSWERERS_H

#include "http/live.h"
#include "http/routes.h"
#include "http/worker_pool.h"

struct asof_answerers;

/* They answer as `routes` do, with the tokens that `live` has in force; all is borrowed. Threads
 * start, with the caller's signal mask. */
ASOF_NODISCARD enum asof_status asof_answerers_open(const struct asof_server_options *options,
						    const struct asof_routes *routes,
						    struct asof_live *live,
						    struct asof_answerers **ret_answerers,
						    struct asof_error *err);
/* No errand is out. NULL is a no-op. */
void asof_answerers_close(struct asof_answerers *answerers);
/* For asof_errands_init(). NULL without answerers. */
struct asof_worker_pool *asof_answerers_pool(const struct asof_answerers *answerers);

#endif
