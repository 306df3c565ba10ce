/* loop.h - one thread of the server. */
#ifndef ASOF_HTTP_LOOP_H
#define ASOF_HTTP_LOOP_H

#include "http/exchange.h"
#include "http/live.h"
#include "http/server.h"

/* What a loop serves; borrowed while it does, but for the descriptors, which it closes. */
struct asof_loop_job {
	const struct asof_server_options *options; /* defaults filled in */
	struct asof_reader *reader;
	struct asof_live *live;
	const atomic_bool *is_closing;
	struct asof_budget *budget;
	const struct asof_metrics *metrics;
	struct asof_worker_pool *workers; /* NULL: the loop reads rows itself */
	struct asof_meter *meter;         /* of this loop */
	int listen_fd;
	int stop_fd; /* readable for good once the server is stopped */
	int wake_fd; /* eventfd of this loop's own */
	uint64_t id_seed;
};

/* Once before any loop. */
void asof_loop_prepare(void);
/* Serve until stopped and drained. */
void asof_loop_serve(const struct asof_loop_job *job);

#endif
