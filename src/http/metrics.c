/* metrics.c - counters of the server, as Prometheus reads them. */
#include "http/metrics.h"

#include <assert.h>

#include "asof.h"
#include "base/number.h"
#include "http/exchange.h"

#define ANSWERS "asof_http_requests_total"
#define TIMES   "asof_http_request_duration_seconds"
#define SENT    "asof_http_response_bytes_total"

static const int codes[ASOF_METER_CODES] = { 200, 400, 401, 403, 404, 405, 408, 409, 411,
					     413, 415, 417, 422, 429, 431, 500, 503 };

/* Upper bounds in microseconds: a row takes tens of them, a batch of 10,000 tens of thousands. */
static const int64_t bounds_us[ASOF_METER_BUCKETS] = { 25,    50,     100,     250,     500,
						       1000,  2500,   5000,    10000,   25000,
						       50000, 100000, 1000000, 10000000 };

/* A meter has one writer: no need to lock the bus. */
static void
add(atomic_uint_fast64_t *counter, uint64_t more)
{
	uint64_t was = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, was + more, memory_order_relaxed);
}

static size_t
code_index(int http_status)
{
	size_t i = 0;
	while (i < ASOF_METER_CODES && codes[i] != http_status)
		i++;
	assert(i < ASOF_METER_CODES);
	return i;
}

static size_t
route_index(const struct asof_route *route)
{
	size_t count = 0;
	const struct asof_route *all = asof_routes_all(&count);
	assert(count < ASOF_METER_ROUTES);
	return route ? (size_t)(route - all) : ASOF_METER_ROUTES - 1;
}

void
asof_meter_count(struct asof_meter *meter, const struct asof_route *route, int http_status,
		 int64_t took_us, size_t sent_bytes)
{
	struct asof_route_meter *of_route = &meter->routes[route_index(route)];
	size_t bucket = 0;
	while (bucket < ASOF_METER_BUCKETS && took_us > bounds_us[bucket])
		bucket++;
	add(&of_route->by_code[code_index(http_status)], 1);
	add(&of_route->by_time[bucket], 1);
	add(&of_route->total_us, (uint64_t)took_us);
	add(&of_route->sent_bytes, sent_bytes);
}

void
asof_meter_connection(struct asof_meter *meter, bool is_opened)
{
	if (is_opened)
		add(&meter->connections_accepted, 1);
	add(&meter->connections_open, is_opened ? 1 : UINT64_MAX);
}

static uint64_t
read_of(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
add_route(struct asof_route_meter *total, const struct asof_route_meter *one)
{
	for (size_t i = 0; i < ASOF_METER_CODES; i++)
		add(&total->by_code[i], read_of(&one->by_code[i]));
	for (size_t i = 0; i <= ASOF_METER_BUCKETS; i++)
		add(&total->by_time[i], read_of(&one->by_time[i]));
	add(&total->total_us, read_of(&one->total_us));
	add(&total->sent_bytes, read_of(&one->sent_bytes));
}

static void
add_meter(struct asof_meter *total, const struct asof_meter *one)
{
	for (size_t i = 0; i < ASOF_METER_ROUTES; i++)
		add_route(&total->routes[i], &one->routes[i]);
	add(&total->connections_accepted, read_of(&one->connections_accepted));
	add(&total->connections_open, read_of(&one->connections_open));
}

static void
add_number(struct asof_buf *buf, double value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_buf_add(buf, text, asof_double_text(value, text));
}

static void
add_count(struct asof_buf *buf, uint64_t value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_buf_add_cstr(buf, " ");
	asof_buf_add(buf, text, asof_uint64_text(value, text));
	asof_buf_add_cstr(buf, "\n");
}

static void
begin_family(struct asof_buf *buf, const char *name, const char *type, const char *about)
{
	asof_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, about, name, type);
}

/* The name of a route, or of what came by none. */
static const char *
name_of(size_t index)
{
	size_t count = 0;
	const struct asof_route *all = asof_routes_all(&count);
	if (index < count)
		return all[index].name;
	return index == ASOF_METER_ROUTES - 1 ? "none" : NULL;
}

static void
write_answers(const struct asof_meter *total, struct asof_buf *buf)
{
	begin_family(buf, ANSWERS, "counter", "Answers by route and status code.");
	for (size_t i = 0; i < ASOF_METER_ROUTES; i++) {
		const char *name = name_of(i);
		for (size_t j = 0; name && j < ASOF_METER_CODES; j++) {
			uint64_t count = read_of(&total->routes[i].by_code[j]);
			if (count == 0)
				continue;
			asof_buf_printf(buf, ANSWERS "{route=\"%s\",code=\"%d\"}", name, codes[j]);
			add_count(buf, count);
		}
	}
	begin_family(buf, SENT, "counter", "Bytes of answers' bodies, by route.");
	for (size_t i = 0; i < ASOF_METER_ROUTES; i++) {
		const char *name = name_of(i);
		if (!name)
			continue;
		asof_buf_printf(buf, SENT "{route=\"%s\"}", name);
		add_count(buf, read_of(&total->routes[i].sent_bytes));
	}
}

static void
write_times_of(const struct asof_route_meter *of_route, const char *name, struct asof_buf *buf)
{
	uint64_t count = 0;
	for (size_t i = 0; i <= ASOF_METER_BUCKETS; i++) {
		count += read_of(&of_route->by_time[i]);
		asof_buf_printf(buf, TIMES "_bucket{route=\"%s\",le=\"", name);
		if (i < ASOF_METER_BUCKETS)
			add_number(buf, (double)bounds_us[i] / 1e6);
		else
			asof_buf_add_cstr(buf, "+Inf");
		asof_buf_add_cstr(buf, "\"}");
		add_count(buf, count);
	}
	asof_buf_printf(buf, TIMES "_sum{route=\"%s\"} ", name);
	add_number(buf, (double)read_of(&of_route->total_us) / 1e6);
	asof_buf_printf(buf, "\n" TIMES "_count{route=\"%s\"}", name);
	add_count(buf, count);
}

static void
write_times(const struct asof_meter *total, struct asof_buf *buf)
{
	begin_family(buf, TIMES, "histogram",
		     "Seconds from a whole request to its answer, without the network.");
	for (size_t i = 0; i < ASOF_METER_ROUTES; i++) {
		const char *name = name_of(i);
		if (name)
			write_times_of(&total->routes[i], name, buf);
	}
}

static void
write_rows(struct asof_reader *reader, struct asof_buf *buf)
{
	size_t count = asof_reader_view_count(reader);
	begin_family(buf, "asof_rows_total", "counter",
		     "Rows asked for, by view: found, missing (no such key), expired (max_age).");
	for (size_t i = 0; i < count; i++) {
		const struct asof_reader_view *view = asof_reader_view_at(reader, i);
		const struct {
			const char *result;
			const atomic_uint_fast64_t *counter;
		} of[] = { { "found", &view->reads->found },
			   { "missing", &view->reads->missing },
			   { "expired", &view->reads->expired } };
		for (size_t j = 0; j < ASOF_COUNTOF(of); j++) {
			asof_buf_printf(buf, "asof_rows_total{view=\"%s\",result=\"%s\"}",
					view->name, of[j].result);
			add_count(buf, read_of(of[j].counter));
		}
	}
}

static void
write_ages(struct asof_reader *reader, struct asof_buf *buf)
{
	size_t count = asof_reader_view_count(reader);
	int64_t now_us = asof_reader_now_us(reader);
	begin_family(buf, "asof_view_age_seconds", "gauge",
		     "Time since the instant that the online rows of a view were made for.");
	for (size_t i = 0; i < count; i++) {
		const struct asof_reader_view *view = asof_reader_view_at(reader, i);
		asof_buf_printf(buf, "asof_view_age_seconds{view=\"%s\",version=\"%s\"} ",
				view->name, view->version);
		add_number(buf, (double)(now_us - view->materialized_at_us) / 1e6);
		asof_buf_add_cstr(buf, "\n");
	}
	begin_family(buf, "asof_store_errors_total", "counter",
		     "Look-ups that the online store could not answer.");
	asof_buf_add_cstr(buf, "asof_store_errors_total");
	add_count(buf, asof_reader_store_errors(reader));
}

static void
write_workers(struct asof_worker_pool *workers, struct asof_buf *buf)
{
	struct asof_worker_pool_counts counts = { 0 };
	if (workers)
		counts = asof_worker_pool_counts(workers);
	begin_family(buf, "asof_workers_busy", "gauge", "Workers that ask the online store now.");
	asof_buf_add_cstr(buf, "asof_workers_busy");
	add_count(buf, counts.running);
	begin_family(buf, "asof_queue_requests", "gauge", "Requests that wait for a worker now.");
	asof_buf_add_cstr(buf, "asof_queue_requests");
	add_count(buf, counts.waiting);
	begin_family(buf, "asof_queue_refused_total", "counter",
		     "Requests refused: full (429), late (503: waited too long).");
	asof_buf_add_cstr(buf, "asof_queue_refused_total{reason=\"full\"}");
	add_count(buf, counts.full);
	asof_buf_add_cstr(buf, "asof_queue_refused_total{reason=\"late\"}");
	add_count(buf, counts.late);
}

static void
write_server(const struct asof_metrics *metrics, const struct asof_meter *total,
	     struct asof_buf *buf)
{
	begin_family(buf, "asof_connections_total", "counter", "Connections accepted.");
	asof_buf_add_cstr(buf, "asof_connections_total");
	add_count(buf, read_of(&total->connections_accepted));
	begin_family(buf, "asof_connections", "gauge", "Connections open now.");
	asof_buf_add_cstr(buf, "asof_connections");
	add_count(buf, read_of(&total->connections_open));
	begin_family(buf, "asof_request_memory_bytes", "gauge",
		     "Memory that large bodies and answers hold now.");
	asof_buf_add_cstr(buf, "asof_request_memory_bytes");
	add_count(buf, atomic_load_explicit(&metrics->budget->used_bytes, memory_order_relaxed));
	begin_family(buf, "process_start_time_seconds", "gauge", "When the server started.");
	asof_buf_add_cstr(buf, "process_start_time_seconds ");
	add_number(buf, (double)metrics->started_us / 1e6);
	asof_buf_add_cstr(buf, "\n");
	begin_family(buf, "asof_build_info", "gauge", "Always 1.");
	asof_buf_printf(buf, "asof_build_info{version=\"%s\"} 1\n", asof_version());
}

void
asof_metrics_write(const struct asof_metrics *metrics, struct asof_reader *reader,
		   struct asof_buf *buf)
{
	struct asof_meter total = { 0 };
	for (size_t i = 0; i < metrics->meter_count; i++)
		add_meter(&total, &metrics->meters[i]);
	write_answers(&total, buf);
	write_times(&total, buf);
	write_rows(reader, buf);
	write_ages(reader, buf);
	write_workers(metrics->workers, buf);
	write_server(metrics, &total, buf);
}

enum asof_status
asof_route_metrics(struct asof_call *call)
{
	call->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	asof_metrics_write(call->routes->metrics, call->routes->reader, call->reply->body);
	return asof_buf_status(call->reply->body, &call->problem->err);
}
