/*
 * loop_h2o.c - one thread of the server: libh2o's event loop, who is let in, and the end.
 *
 * All threads accept from one socket. A connection belongs to its loop for life.
 */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/loop_h2o.h"

/* How long a closed connection waits for its client to have read the answer. */
#define LINGER_MS 2000
/* A connection that was accepted while draining may still send its first request so long. */
#define FRESH_MS        1000
#define ACCEPT_RETRY_MS 100
#define ACCEPTS_AT_ONCE 16
/* How often errands that wait are looked at. */
#define ERRAND_TICK_MS 100

static void on_accept(h2o_socket_t *listener, const char *err);

void
asof_loop_resume_accepting(struct asof_loop *loop)
{
	if (loop->listener && !h2o_socket_is_reading(loop->listener))
		h2o_socket_read_start(loop->listener, on_accept);
}

static void
pause_accepting(struct asof_loop *loop)
{
	h2o_socket_read_stop(loop->listener);
	h2o_timeout_unlink(&loop->accept_timer);
	h2o_timeout_link(loop->h2o, &loop->accept_timeout, &loop->accept_timer);
}

static void
on_accept_timer(h2o_timeout_entry_t *timer)
{
	struct asof_loop *loop = H2O_STRUCT_FROM_MEMBER(struct asof_loop, accept_timer, timer);
	if (loop->listener && loop->connection_count < loop->connection_max)
		h2o_socket_read_start(loop->listener, on_accept);
}

static void
on_accept(h2o_socket_t *listener, const char *err)
{
	struct asof_loop *loop = listener->data;
	(void)err; /* of a listener: told by accept, too */
	for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
		if (loop->connection_count >= loop->connection_max) {
			h2o_socket_read_stop(listener); /* until one is closed */
			return;
		}
		errno = 0;
		h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
		if (!sock) {
			/* Out of descriptors: the listener stays readable and would spin. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				pause_accepting(loop);
			return;
		}
		asof_connection_open(loop, sock);
	}
}

/* Take in whoever is in the queue: to them the connection stands already. */
static void
accept_waiting(struct asof_loop *loop)
{
	size_t before;
	do {
		before = loop->connection_count;
		on_accept(loop->listener, NULL);
	} while (loop->connection_count > before);
}

/* Idle connections end; one that never asked, or whose request is on its way, gets a moment. */
static void
drain_connections(struct asof_loop *loop)
{
	h2o_linklist_t *next;
	for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
	     node = next) {
		next = node->next;
		struct asof_connection *conn =
			H2O_STRUCT_FROM_MEMBER(struct asof_connection, link, node);
		asof_connection_drain(conn);
	}
}

static void
on_stop(h2o_socket_t *stopper, const char *err)
{
	struct asof_loop *loop = stopper->data;
	(void)err;
	h2o_socket_close(stopper);
	loop->stopper = NULL;
	accept_waiting(loop);
	(void)shutdown(h2o_socket_get_fd(loop->listener), SHUT_RDWR); /* for all loops */
	h2o_socket_close(loop->listener);
	loop->listener = NULL;
	drain_connections(loop);
	h2o_timeout_link(loop->h2o, &loop->drain_timeout, &loop->drain_timer);
}

static void
on_drain_timer(h2o_timeout_entry_t *timer)
{
	struct asof_loop *loop = H2O_STRUCT_FROM_MEMBER(struct asof_loop, drain_timer, timer);
	while (!h2o_linklist_is_empty(&loop->connections))
		asof_connection_close(H2O_STRUCT_FROM_MEMBER(struct asof_connection, link,
							     loop->connections.next));
}

void
asof_loop_watch_errands(struct asof_loop *loop)
{
	if (loop->errands.out_count > 0 && !h2o_timeout_is_linked(&loop->errand_timer))
		h2o_timeout_link(loop->h2o, &loop->errand_timeout, &loop->errand_timer);
}

static void
on_errand_timer(h2o_timeout_entry_t *timer)
{
	struct asof_loop *loop = H2O_STRUCT_FROM_MEMBER(struct asof_loop, errand_timer, timer);
	asof_worker_pool_expire(loop->errands.pool, asof_monotonic_us());
	asof_loop_watch_errands(loop);
}

static void
init_timeouts(struct asof_loop *loop)
{
	const struct asof_server_options *options = loop->options;
	h2o_timeout_init(loop->h2o, &loop->read_timeout, options->read_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->idle_timeout, options->idle_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->linger_timeout, LINGER_MS);
	h2o_timeout_init(loop->h2o, &loop->fresh_timeout, FRESH_MS);
	h2o_timeout_init(loop->h2o, &loop->drain_timeout, options->drain_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->accept_timeout, ACCEPT_RETRY_MS);
	h2o_timeout_init(loop->h2o, &loop->errand_timeout, ERRAND_TICK_MS);
	loop->drain_timer.cb = on_drain_timer;
	loop->accept_timer.cb = on_accept_timer;
	loop->errand_timer.cb = on_errand_timer;
}

static void
dispose_timeouts(struct asof_loop *loop)
{
	h2o_timeout_unlink(&loop->drain_timer);
	h2o_timeout_unlink(&loop->accept_timer);
	h2o_timeout_unlink(&loop->errand_timer);
	h2o_timeout_dispose(loop->h2o, &loop->read_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->idle_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->linger_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->fresh_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->drain_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->accept_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->errand_timeout);
}

/* Called by other threads, as long as a connection waits or an errand is out. */
static void
wake(void *arg)
{
	const struct asof_loop *loop = arg;
	const uint64_t one = 1;
	/* Fails only where the counter is full: then the loop will be woken all the same. */
	ssize_t ignored = write(loop->wake_fd, &one, sizeof(one));
	(void)ignored;
}

static void
wake_for_push(void *arg)
{
	struct asof_loop *loop = arg;
	atomic_store(&loop->is_push_done, true);
	wake(loop);
}

static void
wake_connection(void *connection)
{
	asof_connection_wake(connection);
}

/* A push does not say whose it is. */
static void
wake_connections(struct asof_loop *loop)
{
	h2o_linklist_t *next;
	for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
	     node = next) {
		next = node->next;
		asof_connection_wake(H2O_STRUCT_FROM_MEMBER(struct asof_connection, link, node));
	}
}

static void
on_wake(h2o_socket_t *waker, const char *err)
{
	struct asof_loop *loop = waker->data;
	uint64_t count;
	(void)err;
	ssize_t ignored = read(loop->wake_fd, &count, sizeof(count));
	(void)ignored;
	asof_errands_collect(&loop->errands, wake_connection);
	if (atomic_exchange(&loop->is_push_done, false))
		wake_connections(loop);
}

/* A socket of this loop's own for a descriptor that all loops watch. */
static h2o_socket_t *
watch(struct asof_loop *loop, int fd, h2o_socket_cb cb)
{
	h2o_socket_t *sock = h2o_evloop_socket_create(loop->h2o, fd, H2O_SOCKET_FLAG_DONT_READ);
	sock->data = loop;
	h2o_socket_read_start(sock, cb);
	return sock;
}

/* Input buffers that libh2o keeps per thread for later. */
static void
free_kept_buffers(void)
{
	h2o_mem_recycle_t *kept = &h2o_socket_buffer_prototype.allocator;
	while (kept->cnt > 0)
		free(h2o_mem_alloc_recycle(kept, 1));
}

void
asof_loop_prepare(void)
{
	/* libh2o would keep input beyond this in files of a temporary directory. */
	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
}

static struct asof_desk
desk_of(const struct asof_loop_job *job)
{
	return (struct asof_desk){
		.routes = { .reader = job->reader,
			    .entity_max = job->options->entity_max,
			    .pusher = job->options->pusher,
			    .wake = wake_for_push,
			    .is_closing = job->is_closing,
			    .metrics = job->metrics },
		.scratch = asof_scratch_make(),
		.header_max_bytes = job->options->header_max_bytes,
		.body_max_bytes = job->options->body_max_bytes,
		.budget = job->budget,
		.log = job->options->log,
		.logs_requests = job->options->logs_requests,
		.meter = job->meter,
		.id_seed = job->id_seed,
	};
}

void
asof_loop_serve(const struct asof_loop_job *job)
{
	size_t share = job->options->connection_max / job->options->threads;
	struct asof_loop loop = {
		.options = job->options,
		.desk = desk_of(job),
		.live = job->live,
		.h2o = h2o_evloop_create(),
		.connection_max = share > 0 ? share : 1,
	};
	init_timeouts(&loop);
	h2o_linklist_init_anchor(&loop.connections);
	loop.listener = watch(&loop, job->listen_fd, on_accept);
	loop.stopper = watch(&loop, job->stop_fd, on_stop);
	loop.wake_fd = job->wake_fd;
	loop.desk.routes.wake_arg = &loop;
	asof_errands_init(&loop.errands, job->workers, job->budget, wake, &loop);
	if (job->workers)
		loop.desk.routes.errands = &loop.errands;
	loop.waker = watch(&loop, job->wake_fd, on_wake);
	while (loop.listener || loop.connection_count > 0 || loop.errands.out_count > 0)
		(void)h2o_evloop_run(loop.h2o, INT32_MAX);

	h2o_socket_close(loop.waker);
	/* A closed socket is freed by the next round. */
	(void)h2o_evloop_run(loop.h2o, 0);
	dispose_timeouts(&loop);
	h2o_evloop_destroy(loop.h2o);
	free_kept_buffers();
	asof_desk_done(&loop.desk);
	asof_errands_done(&loop.errands);
	asof_live_release(&loop.held);
}
