/* cmd_rollback.c - asof rollback: another published version becomes the current one. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	cli->reason = asof_arguments_value(&cli->args, "reason");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_rollback(cli->session, cli->args.words[0], &json, err));
	return asof_cli_report(cli, json, asof_cli_render, err);
}

static const struct asof_option options[] = { ASOF_REASON_OPTION };

const struct asof_command asof_command_rollback = {
	.name = "rollback",
	.usage = "NAME@VERSION [--reason R]",
	.summary = "make another published version of a view the current one",
	.about = "From then on NAME without a version means VERSION (1.2.7, 1.2 or 1), older or "
		 "newer, to joins\nand to the next materialize. No version is made or lost, and "
		 "the definitions stay as they are:\n'asof plan --check' exits with 3 until the "
		 "newest version is current again, by rollback or by the\nnext build.",
	.words = { .min = 1, .max = 1, .missing = "NAME@VERSION", .hint = ASOF_HINT_NAME },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "back", "asof rollback departures@1.0.2" },
		      { "and forth", "asof rollback departures@1.1" } },
	.run = run,
};
