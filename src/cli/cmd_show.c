/* cmd_show.c - asof show: everything about one thing. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_show(cli->session, cli->args.words[0], &json, err));
	return asof_cli_answer(cli, json, asof_cli_render, err);
}

const struct asof_command asof_command_show = {
	.name = "show",
	.usage = "NAME[@VERSION]",
	.summary = "show everything about a view, entity, source or service",
	.about = "The definition, version, features and data of NAME, as they are or as they were "
		 "at "
		 "VERSION\n(1.2.7, 1 or latest).",
	.words = { .min = 1, .max = 1, .missing = "a name", .hint = ASOF_HINT_NAME },
	.examples = { { "a view as it is", "asof show departures" },
		      { "a view as it was, for a program", "asof show departures@1.0.2 --json" } },
	.run = run,
};
