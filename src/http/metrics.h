/*
 * metrics.h - what the server counts, and its text for Prometheus (exposition format 0.0.4).
 *
 * Each thread counts in a meter of its own; whoever is asked adds them up. Counters only grow while
 * the server lives. Thread-safe: a meter is written by its thread only, and read by all.
 */
#ifndef ASOF_HTTP_METRICS_H
#define ASOF_HTTP_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "http/route.h"
#include "http/worker_pool.h"

#define ASOF_METER_ROUTES  32 /* the last is for requests of no route */
#define ASOF_METER_CODES   24
#define ASOF_METER_BUCKETS 14

struct asof_route_meter {
	atomic_uint_fast64_t by_code[ASOF_METER_CODES];       /* as asof_problem_http_status_at() */
	atomic_uint_fast64_t by_time[ASOF_METER_BUCKETS + 1]; /* answered within; the last: later */
	atomic_uint_fast64_t total_us;
	atomic_uint_fast64_t sent_bytes; /* of bodies */
};

struct asof_meter {
	struct asof_route_meter routes[ASOF_METER_ROUTES];
	atomic_uint_fast64_t connections_accepted;
	atomic_uint_fast64_t connections_open;
};

/* All of a server's; borrowed, like the reader that is asked for its views. */
struct asof_metrics {
	const struct asof_meter *meters;
	size_t meter_count;
	const struct asof_budget *budget;
	struct asof_worker_pool *workers; /* NULL: none */
	int64_t started_us;               /* wall clock */
};

/* One more answer. `route` NULL: none was found. */
void asof_meter_count(struct asof_meter *meter, const struct asof_route *route, int http_status,
		      int64_t took_us, size_t sent_bytes);
void asof_meter_connection(struct asof_meter *meter, bool is_opened);

void asof_metrics_write(const struct asof_metrics *metrics, struct asof_reader *reader,
			struct asof_buf *buf);

#endif
