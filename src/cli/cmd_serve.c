/* cmd_serve.c - asof serve: online features over HTTP. */
#include "cli/cli.h"
#include "cli/clock_text.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "http/server.h"

#define LISTEN_DEFAULT "127.0.0.1:8080"

ASOF_DEFINE_AUTOFREE(struct asof_reader, asof_reader_close)

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

static void
reload_server(void *server)
{
	asof_server_reload(server);
}

static enum asof_status
serve(struct asof_cli *cli, struct asof_reader *reader, struct asof_error *err)
{
	const char *address = asof_arguments_value(&cli->args, "listen");
	bool logs_requests = asof_arguments_has(&cli->args, "access-log");
	if (logs_requests && cli->log.level < ASOF_LOG_INFO)
		cli->log.level = ASOF_LOG_INFO;
	struct asof_server_options options = {
		.listen = address ? address : LISTEN_DEFAULT,
		.tokens_path = asof_arguments_value(&cli->args, "tokens"),
		.threads = cli->threads,
		.log = &cli->log,
		.logs_requests = logs_requests || cli->log.level >= ASOF_LOG_DEBUG,
		.ready = say_ready,
		.ready_arg = cli,
	};
	ASOF_AUTO(asof_server_free_auto) struct asof_server *server = NULL;
	ASOF_TRY(asof_server_new(reader, &options, &server, err));
	asof_interrupt_watch(stop_server, server, false);
	asof_interrupt_reload_with(reload_server, server);
	enum asof_status status = asof_server_run(server, err);
	asof_interrupt_reload_with(NULL, NULL);
	asof_interrupt_unwatch();
	return status;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
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
	return serve(cli, reader, err);
}

static const struct asof_option options[] = {
	{ .name = "listen",
	  .metavar = "ADDR",
	  .about = "host:port; port 0 picks one (default: " LISTEN_DEFAULT ")" },
	{ .name = "tokens",
	  .metavar = "FILE",
	  .about = "who may ask for what; without it only this machine may ask" },
	{ .name = "clock",
	  .metavar = "T",
	  .about = "start the clock at T and let it run; T! holds it there" },
	{ .name = "access-log",
	  .about = "a line per request on standard error (JSON with --log-format json)" },
};

const struct asof_command asof_command_serve = {
	.name = "serve",
	.usage = "[--listen ADDR] [--tokens FILE] [--threads N] [--clock T]\n"
		 "            [--access-log]",
	.summary = "answer online features over HTTP",
	.about = "Serves what was materialized. Says 'listening on HOST:PORT' on standard error "
		 "once "
		 "requests are\nanswered. SIGTERM or Ctrl-C: no new connections, running requests "
		 "are finished, exit 0.\nSIGHUP: definitions and tokens are read anew; mistakes "
		 "are logged, and what was in force stays.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "on this machine", "asof serve --listen 127.0.0.1:8080" },
		      { "on the network, for those who have a token",
			"asof serve --listen :8080 --tokens tokens.yaml" } },
	.run = run,
};
