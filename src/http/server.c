/* server.c - the server's life: an address, threads, signals, the end. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "http/answerers.h"
#include "http/listen.h"
#include "http/live.h"
#include "http/loop.h"

struct asof_server {
	struct asof_server_options options; /* defaults filled in */
	struct asof_reader *reader;
	struct asof_listener listener;
	struct asof_live *live;
	int stop_fd;   /* eventfd: readable for good once stopped */
	int reload_fd; /* eventfd: readable while a reload is wanted */
	atomic_bool is_closing;
	struct asof_budget budget;
	struct asof_answerers *answerers; /* while it runs; NULL: loops read rows themselves */
	struct asof_meter *meters;        /* one per thread */
	struct asof_metrics metrics;
};

struct thread {
	struct asof_loop_job job;
	pthread_t thread;
	bool has_served; /* or does: the job's descriptors are the loop's */
};

static void *
run_thread(void *arg)
{
	const struct thread *thread = arg;
	asof_loop_serve(&thread->job);
	return NULL;
}

static size_t
or_default(size_t value, size_t otherwise)
{
	return value > 0 ? value : otherwise;
}

static struct asof_server_options
with_defaults(const struct asof_server_options *given)
{
	struct asof_server_options options = *given;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (!options.listen)
		options.listen = "127.0.0.1:8080";
	options.threads = (unsigned)or_default(options.threads, cpus > 0 ? (size_t)cpus : 1);
	options.workers = (unsigned)or_default(options.workers, 16);
	options.queue_max = or_default(options.queue_max, 1024);
	options.queue_timeout_ms = (unsigned)or_default(options.queue_timeout_ms, 5000);
	options.body_max_bytes = or_default(options.body_max_bytes, (size_t)16 << 20);
	options.header_max_bytes = or_default(options.header_max_bytes, (size_t)64 << 10);
	options.entity_max = or_default(options.entity_max, 100000);
	options.response_max_bytes = or_default(options.response_max_bytes, (size_t)256 << 20);
	options.memory_max_bytes = or_default(options.memory_max_bytes, (size_t)1 << 30);
	options.connection_max = or_default(options.connection_max, 10000);
	options.read_timeout_ms = (unsigned)or_default(options.read_timeout_ms, 30000);
	options.idle_timeout_ms = (unsigned)or_default(options.idle_timeout_ms, 75000);
	options.drain_timeout_ms = (unsigned)or_default(options.drain_timeout_ms, 30000);
	return options;
}

static enum asof_status
init_metrics(struct asof_server *server, struct asof_error *err)
{
	unsigned count = server->options.threads;
	struct asof_clock wall = asof_clock_system();
	server->meters = asof_mem_alloc(count * sizeof(*server->meters));
	if (!server->meters)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "meters of %u threads", count);
	server->metrics = (struct asof_metrics){ .meters = server->meters,
						 .meter_count = count,
						 .budget = &server->budget,
						 .started_us = asof_clock_now_us(&wall) };
	return ASOF_OK;
}

/* A client that takes nothing for so long is gone, whatever TLS still has to say to it. */
static enum asof_status
bound_unread_time(const struct asof_server *server, struct asof_error *err)
{
	unsigned limit_ms = server->options.idle_timeout_ms;
	if (setsockopt(server->listener.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms,
		       sizeof(limit_ms)) != 0)
		return ASOF_FAIL(err, ASOF_IO, "listen on '%s': %s", server->options.listen,
				 strerror(errno));
	return ASOF_OK;
}

/* What others can reach must know who asks. */
static enum asof_status
check_exposure(const struct asof_server *server, struct asof_error *err)
{
	if (server->listener.is_loopback || server->options.tokens_path)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_INVALID,
			 "listen on '%s': others reach that address, and anybody who does could "
			 "read every feature: give a file of tokens with --tokens (docs/guide/"
			 "serving-safely.md says how to make one), or listen on 127.0.0.1",
			 server->options.listen);
}

enum asof_status
asof_server_new(struct asof_reader *reader, const struct asof_server_options *options,
		struct asof_server **ret_server, struct asof_error *err)
{
	ASOF_AUTO(asof_server_free_auto)
	struct asof_server *server = asof_mem_alloc(sizeof(*server));
	if (!server)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "server");
	server->options = with_defaults(options);
	server->reader = reader;
	server->listener.fd = -1;
	server->reload_fd = -1;
	server->budget.max_bytes = server->options.memory_max_bytes;
	server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	server->reload_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (server->stop_fd < 0 || server->reload_fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "server: %s", strerror(errno));
	ASOF_TRY(init_metrics(server, err));
	if (!options->tls_cert_path != !options->tls_key_path)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "--tls-cert and --tls-key go together: one of them is missing");
	ASOF_TRY(asof_live_open(&server->options, reader, &server->live, err));
	ASOF_TRY(asof_listen(server->options.listen, &server->listener, err));
	ASOF_TRY(check_exposure(server, err));
	ASOF_TRY(bound_unread_time(server, err));
	asof_loop_prepare();
	*ret_server = ASOF_STEAL(server);
	return ASOF_OK;
}

void
asof_server_free(struct asof_server *server)
{
	if (!server)
		return;
	if (server->listener.fd >= 0)
		(void)close(server->listener.fd);
	if (server->stop_fd >= 0)
		(void)close(server->stop_fd);
	asof_mem_free(server->meters);
	if (server->reload_fd >= 0)
		(void)close(server->reload_fd);
	asof_live_free(server->live);
	asof_mem_free(server);
}

/* In a signal handler, too. Fails only where the counter is full: then it is readable already. */
static void
make_readable(int event_fd)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t done = write(event_fd, &one, sizeof(one));
	(void)done;
	errno = saved;
}

void
asof_server_stop(struct asof_server *server)
{
	atomic_store(&server->is_closing, true);
	make_readable(server->stop_fd);
}

void
asof_server_reload(struct asof_server *server)
{
	make_readable(server->reload_fd);
}

static void
reload(struct asof_server *server)
{
	struct asof_error err = { 0 };
	uint64_t count;
	if (read(server->reload_fd, &count, sizeof(count)) < 0)
		return;
	if (asof_live_reload(server->live, &err) == ASOF_OK)
		asof_log_printf(server->options.log, ASOF_LOG_INFO, "reloaded");
	else
		asof_log_printf(server->options.log, ASOF_LOG_ERROR,
				"reload: %s; everything stays as it was", err.message);
}

/* Reads files while the loops answer. */
static void *
run_reloader(void *arg)
{
	struct asof_server *server = arg;
	struct pollfd fds[] = { { .fd = server->stop_fd, .events = POLLIN },
				{ .fd = server->reload_fd, .events = POLLIN } };
	while (!atomic_load(&server->is_closing)) {
		if (poll(fds, ASOF_COUNTOF(fds), -1) > 0 && (fds[1].revents & POLLIN))
			reload(server);
	}
	return NULL;
}

static enum asof_status
init_job(struct asof_server *server, struct asof_loop_job *job, struct asof_error *err)
{
	job->options = &server->options;
	job->reader = server->reader;
	job->live = server->live;
	job->is_closing = &server->is_closing;
	job->budget = &server->budget;
	job->metrics = &server->metrics;
	job->workers = asof_answerers_pool(server->answerers);
	if (getrandom(&job->id_seed, sizeof(job->id_seed), 0) < 0)
		return ASOF_FAIL(err, ASOF_IO, "random numbers: %s", strerror(errno));
	job->listen_fd = fcntl(server->listener.fd, F_DUPFD_CLOEXEC, 3);
	job->stop_fd = fcntl(server->stop_fd, F_DUPFD_CLOEXEC, 3);
	job->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (job->listen_fd < 0 || job->stop_fd < 0 || job->wake_fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "server thread: %s", strerror(errno));
	return ASOF_OK;
}

/* All but the first, which is the caller's. */
static enum asof_status
start_threads(struct thread *threads, unsigned count, struct asof_error *err)
{
	for (unsigned i = 1; i < count; i++) {
		int rc = pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]);
		if (rc != 0)
			return ASOF_FAIL(err, ASOF_IO, "server thread: %s", strerror(rc));
		threads[i].has_served = true;
	}
	return ASOF_OK;
}

/* Wait for those that serve; what the others would have closed is closed here. */
static void
end_threads(struct thread *threads, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct thread *thread = &threads[i];
		if (i > 0 && thread->has_served)
			(void)pthread_join(thread->thread, NULL);
		if (!thread->has_served && thread->job.listen_fd >= 0)
			(void)close(thread->job.listen_fd);
		if (!thread->has_served && thread->job.stop_fd >= 0)
			(void)close(thread->job.stop_fd);
		if (!thread->has_served && thread->job.wake_fd >= 0)
			(void)close(thread->job.wake_fd);
	}
}

/* Threads of the server take no signals; writing to a closed socket must not end the program. */
static void
block_signals(sigset_t *ret_before)
{
	sigset_t all;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static void
unblock_signals_but_pipe(const sigset_t *before)
{
	sigset_t mask = *before;
	(void)sigaddset(&mask, SIGPIPE);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void
restore_signals(const sigset_t *before)
{
	const struct timespec at_once = { 0 };
	sigset_t pipe_only;
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	if (!sigismember(before, SIGPIPE))
		(void)sigtimedwait(&pipe_only, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* A store that is far away would hold up everybody on a loop that asks it. */
static enum asof_status
open_answerers(struct asof_server *server, struct asof_error *err)
{
	const struct asof_routes routes = {
		.reader = server->reader,
		.entity_max = server->options.entity_max,
		.is_closing = &server->is_closing,
		.metrics = &server->metrics,
	};
	if (!server->reader || !asof_reader_is_remote(server->reader))
		return ASOF_OK;
	sigset_t before;
	block_signals(&before);
	enum asof_status status = asof_answerers_open(&server->options, &routes, server->live,
						      &server->answerers, err);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	ASOF_TRY(status);
	server->metrics.workers = asof_answerers_pool(server->answerers);
	return ASOF_OK;
}

static enum asof_status
start_reloader(struct asof_server *server, pthread_t *ret_thread, struct asof_error *err)
{
	int rc = pthread_create(ret_thread, NULL, run_reloader, server);
	if (rc != 0)
		return ASOF_FAIL(err, ASOF_IO, "server thread: %s", strerror(rc));
	return ASOF_OK;
}

static void
warn_of_plain_tokens(const struct asof_server *server)
{
	if (server->options.tokens_path && !server->options.tls_cert_path &&
	    !server->listener.is_loopback)
		asof_log_printf(server->options.log, ASOF_LOG_WARN,
				"tokens and features travel unencrypted: give --tls-cert and "
				"--tls-key, or have a proxy on this machine speak TLS");
}

static enum asof_status
serve(struct asof_server *server, struct thread *threads, struct asof_error *err)
{
	unsigned count = server->options.threads;
	ASOF_TRY(open_answerers(server, err));
	for (unsigned i = 0; i < count; i++) {
		threads[i].job.meter = &server->meters[i];
		ASOF_TRY(init_job(server, &threads[i].job, err));
	}

	sigset_t before;
	block_signals(&before);
	pthread_t reloader;
	enum asof_status status = start_reloader(server, &reloader, err);
	bool reloads = status == ASOF_OK;
	if (status == ASOF_OK)
		status = start_threads(threads, count, err);
	unblock_signals_but_pipe(&before);
	if (status == ASOF_OK) {
		warn_of_plain_tokens(server);
		if (server->options.ready)
			server->options.ready(server->options.ready_arg, server->listener.address,
					      server->listener.port);
		threads[0].has_served = true;
		asof_loop_serve(&threads[0].job);
	} else {
		asof_server_stop(server);
	}
	if (reloads)
		(void)pthread_join(reloader, NULL);
	restore_signals(&before);
	return status;
}

static void
threads_free_auto(struct thread **threads)
{
	asof_mem_free(*threads);
}

enum asof_status
asof_server_run(struct asof_server *server, struct asof_error *err)
{
	unsigned count = server->options.threads;
	ASOF_AUTO(threads_free_auto)
	struct thread *threads = asof_mem_alloc(count * sizeof(*threads));
	if (!threads)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%u server threads", count);
	for (unsigned i = 0; i < count; i++) {
		threads[i].job.listen_fd = -1;
		threads[i].job.stop_fd = -1;
		threads[i].job.wake_fd = -1;
	}
	enum asof_status status = serve(server, threads, err);
	end_threads(threads, count);
	server->metrics.workers = NULL;
	asof_answerers_close(ASOF_STEAL(server->answerers));
	return status;
}
