/* cmd_serve.c - asof serve: online features over HTTP. */
#include <malloc.h>

#include "base/number.h"
#include "cli/cli.h"
#include "cli/clock_text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "http/server.h"
#include "job/push.h"
#include "model/duration.h"

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define MAPPED_BYTES   (1 << 20)
#define TIMEOUT_MAX_US INT64_C(86400000000)

ASOF_DEFINE_AUTOFREE(struct asof_reader, asof_reader_close)
ASOF_DEFINE_AUTOFREE(struct asof_pusher, asof_pusher_close)

/* Tells whoever started it, at once, that requests may be sent. */
static void
say_ready(void *arg, const char *address, uint16_t port)
{
	struct asof_cli *cli = arg;
	asof_progress_done(&cli->progress);
	bool is_v6 = strchr(address, ':') != NULL;
	(void)fprintf(cli->err, "listening on %s%s%s:%u\n", is_v6 ? "[" : "", address,
		      is_v6 ? "]" : "", (unsigned)port);
	(void)fflush(cli->err);
	if (cli->wants_json)
		(void)fprintf(cli->out, "{\"host\": \"%s\", \"port\": %u}\n", address,
			      (unsigned)port);
	(void)fflush(cli->out);
}

static void
stop_server(void *server)
{
	asof_server_stop(server);
}

static enum asof_status
refuse_limit(const char *name, const char *text, const char *what, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID, "option '--%s': '%s' is no %s", name, text, what);
}

/* `*ret` stays where the option is not given. */
static enum asof_status
read_count(const struct asof_cli *cli, const char *name, size_t *ret, struct asof_error *err)
{
	const char *text = asof_arguments_value(&cli->args, name);
	uint64_t count;
	if (!text)
		return ASOF_OK;
	if (!asof_uint64_parse(asof_str_from(text), &count) || count == 0 || count > UINT32_MAX)
		return refuse_limit(name, text, "number from 1", err);
	*ret = (size_t)count;
	return ASOF_OK;
}

static enum asof_status
read_size(const struct asof_cli *cli, const char *name, size_t *ret, struct asof_error *err)
{
	const char *text = asof_arguments_value(&cli->args, name);
	uint64_t bytes;
	if (!text)
		return ASOF_OK;
	if (!asof_size_parse(asof_str_from(text), &bytes) || bytes == 0 || bytes > UINT32_MAX)
		return refuse_limit(name, text, "size below 4GiB: write 1MiB or the like", err);
	*ret = (size_t)bytes;
	return ASOF_OK;
}

static enum asof_status
read_time(const struct asof_cli *cli, const char *name, unsigned *ret_ms, struct asof_error *err)
{
	const char *text = asof_arguments_value(&cli->args, name);
	struct asof_error why = { 0 };
	int64_t us;
	if (!text)
		return ASOF_OK;
	if (asof_duration_parse(asof_str_from(text), &us, &why) != ASOF_OK || us > TIMEOUT_MAX_US)
		return refuse_limit(name, text, "time up to 1d: write 30s or the like", err);
	*ret_ms = (unsigned)(us / 1000);
	return ASOF_OK;
}

static enum asof_status
read_workers(const struct asof_cli *cli, unsigned *ret, struct asof_error *err)
{
	size_t count = 0;
	ASOF_TRY(read_count(cli, "workers", &count, err));
	if (count > ASOF_SERVER_WORKERS_MAX)
		return refuse_limit("workers", asof_arguments_value(&cli->args, "workers"),
				    "number up to 64", err);
	*ret = (unsigned)count;
	return ASOF_OK;
}

static enum asof_status
read_limits(const struct asof_cli *cli, struct asof_server_options *options, struct asof_error *err)
{
	ASOF_TRY(read_size(cli, "max-body", &options->body_max_bytes, err));
	ASOF_TRY(read_size(cli, "max-memory", &options->memory_max_bytes, err));
	ASOF_TRY(read_count(cli, "max-entities", &options->entity_max, err));
	ASOF_TRY(read_count(cli, "max-connections", &options->connection_max, err));
	ASOF_TRY(read_workers(cli, &options->workers, err));
	ASOF_TRY(read_count(cli, "max-queue", &options->queue_max, err));
	ASOF_TRY(read_time(cli, "queue-timeout", &options->queue_timeout_ms, err));
	ASOF_TRY(read_time(cli, "read-timeout", &options->read_timeout_ms, err));
	return read_time(cli, "idle-timeout", &options->idle_timeout_ms, err);
}

static void
reload_server(void *server)
{
	asof_server_reload(server);
}

static enum asof_status
serve(struct asof_cli *cli, struct asof_reader *reader, struct asof_pusher *pusher,
      struct asof_error *err)
{
	const char *address = asof_arguments_value(&cli->args, "listen");
	bool logs_requests = asof_arguments_has(&cli->args, "access-log");
	if (logs_requests && cli->log.level < ASOF_LOG_INFO)
		cli->log.level = ASOF_LOG_INFO;
	struct asof_server_options options = {
		.listen = address ? address : LISTEN_DEFAULT,
		.tokens_path = asof_arguments_value(&cli->args, "tokens"),
		.tls_cert_path = asof_arguments_value(&cli->args, "tls-cert"),
		.tls_key_path = asof_arguments_value(&cli->args, "tls-key"),
		.speaks_http2 = asof_arguments_has(&cli->args, "http2"),
		.threads = cli->threads,
		.log = &cli->log,
		.logs_requests = logs_requests || cli->log.level >= ASOF_LOG_DEBUG,
		.pusher = pusher,
		.ready = say_ready,
		.ready_arg = cli,
	};
	ASOF_TRY(read_limits(cli, &options, err));
	ASOF_AUTO(asof_server_free_auto) struct asof_server *server = NULL;
	ASOF_TRY(asof_server_new(reader, &options, &server, err));
	asof_interrupt_watch(stop_server, server, false);
	asof_interrupt_reload_with(reload_server, server);
	enum asof_status status = asof_server_run(server, err);
	asof_interrupt_reload_with(NULL, NULL);
	asof_interrupt_unwatch();
	return status;
}

/*
 * Memory of this size and more goes back to the system where it is freed. Left to itself the
 * allocator maps only what is larger than the largest block that was ever freed, and the heap of a
 * server that runs for weeks keeps the holes between.
 */
static void
return_large_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	return_large_memory();
	struct asof_reader_options options = { 0 };
	const char *clock = asof_arguments_value(&cli->args, "clock");
	if (clock) {
		enum asof_status status = asof_clock_text_parse(clock, &options, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "option '--clock'");
	}
	/* A terminal that goes away does not take the server with it. */
	asof_interrupt_reload_with(NULL, NULL);
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_reader_close_auto) struct asof_reader *reader = NULL;
	ASOF_TRY(asof_reader_open(cli->session, &options, &reader, err));
	ASOF_AUTO(asof_pusher_close_auto) struct asof_pusher *pusher = NULL;
	ASOF_TRY(asof_pusher_open(reader, &pusher, err));
	return serve(cli, reader, pusher, err);
}

static const struct asof_option options[] = {
	{ .name = "listen",
	  .metavar = "ADDR",
	  .about = "host:port; port 0 picks one (default: " LISTEN_DEFAULT ")" },
	{ .name = "tokens",
	  .metavar = "FILE",
	  .about = "who may ask for what; without it only this machine may ask" },
	{ .name = "tls-cert",
	  .metavar = "FILE",
	  .about = "speak TLS with this certificate, PEM, with those above it" },
	{ .name = "tls-key", .metavar = "FILE", .about = "its key, PEM without a password" },
	{ .name = "http2",
	  .about = "speak HTTP/2, too: agreed on by TLS, or with prior knowledge" },
	{ .name = "max-body", .metavar = "SIZE", .about = "of one request (default: 16MiB)" },
	{ .name = "max-memory",
	  .metavar = "SIZE",
	  .about = "of bodies and answers together; what has no room is 503 (default: 1GiB)" },
	{ .name = "max-entities", .metavar = "N", .about = "of one request (default: 100000)" },
	{ .name = "max-connections",
	  .metavar = "N",
	  .about = "at once; more wait until one is closed (default: 10000)" },
	{ .name = "read-timeout",
	  .metavar = "D",
	  .about = "from a request's first byte to its last, TLS's too (default: 30s)" },
	{ .name = "idle-timeout",
	  .metavar = "D",
	  .about = "between requests, and for a client that does not read (default: 75s)" },
	{ .name = "workers",
	  .metavar = "N",
	  .about = "that ask a store on a server, Redis or PostgreSQL (default: 16)" },
	{ .name = "max-queue",
	  .metavar = "N",
	  .about = "of requests that wait for a worker; more are 429 (default: 1024)" },
	{ .name = "queue-timeout",
	  .metavar = "D",
	  .about = "what waited longer for a worker is 503 (default: 5s)" },
	{ .name = "clock",
	  .metavar = "T",
	  .about = "start the clock at T and let it run; T! holds it there" },
	{ .name = "access-log",
	  .about = "a line per request on standard error (JSON with --log-format json)" },
};

const struct asof_command asof_command_serve = {
	.name = "serve",
	.usage =
		"[--listen ADDR] [--tokens FILE] [--tls-cert FILE --tls-key FILE]\n"
		"            [--http2] [--max-body SIZE] [--max-entities N] [--max-connections N]\n"
		"            [--max-memory SIZE] [--read-timeout D] [--idle-timeout D]\n"
		"            [--workers N] [--max-queue N] [--queue-timeout D]\n"
		"            [--threads N] [--clock T] [--access-log]",
	.summary = "answer online features over HTTP",
	.about = "Serves what was materialized. Says 'listening on HOST:PORT' on standard error "
		 "once "
		 "requests are\nanswered. SIGTERM or Ctrl-C: no new connections, running requests "
		 "are finished, exit 0.\nSIGHUP: definitions, tokens and certificate are read "
		 "anew; what is wrong is logged and\nchanges nothing.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "on this machine", "asof serve --listen 127.0.0.1:8080" },
		      { "on the network, for those who have a token",
			"asof serve --listen :8080 --tokens tokens.yaml" } },
	.run = run,
};
