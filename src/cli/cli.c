/* cli.c - the session, and results in the form that was asked for. */
#include "cli/cli.h"

#include <stdlib.h>

#include "cli/interrupt.h"

static void
stop_session(void *session)
{
	asof_session_cancel(session);
}

enum asof_status
asof_cli_open(struct asof_cli *cli, struct asof_error *err)
{
	struct asof_session_options options = {
		.profile = asof_arguments_value(&cli->args, "profile"),
		.threads = cli->threads,
		.memory_bytes = cli->memory_bytes,
	};
	if (cli->progress.is_on) {
		options.progress = asof_progress_report;
		options.progress_arg = &cli->progress;
	}
	/* As if it had been said there: the library reads both alike. */
	if (cli->reason && setenv("ASOF_REASON", cli->reason, 1) != 0)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "option '--reason'");
	ASOF_TRY(asof_session_open(&options, &cli->session, err));
	asof_interrupt_watch(stop_session, cli->session, true);
	return ASOF_OK;
}

void
asof_cli_print(struct asof_cli *cli, const char *text)
{
	asof_progress_done(&cli->progress);
	size_t len = strlen(text);
	bool is_ended = len > 0 && text[len - 1] == '\n';
	(void)fprintf(cli->out, "%s%s", text, is_ended ? "" : "\n");
}

enum asof_status
asof_cli_answer(struct asof_cli *cli, const char *json, asof_render_fn *render,
		struct asof_error *err)
{
	if (cli->wants_json) {
		asof_cli_print(cli, json);
		return ASOF_OK;
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = NULL;
	enum asof_status status = asof_json_read(asof_str_from(json), &arena, &root, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status == ASOF_INVALID ? ASOF_INTERNAL : status,
				 "result of '%s'", cli->command->name);
	asof_progress_done(&cli->progress);
	return render(cli, root, err);
}

enum asof_status
asof_cli_report(struct asof_cli *cli, const char *json, asof_render_fn *render,
		struct asof_error *err)
{
	if (cli->is_quiet && !cli->wants_json)
		return ASOF_OK;
	return asof_cli_answer(cli, json, render, err);
}

enum asof_status
asof_cli_render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	return asof_result_print(root, &style, cli->out, err);
}
