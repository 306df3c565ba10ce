/* cmd_list.c - asof list: what there is. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const char *kind = cli->args.word_count > 0 ? cli->args.words[0] : NULL;
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_list(cli->session, kind, &json, err));
	return asof_cli_answer(cli, json, asof_cli_render, err);
}

const struct asof_command asof_command_list = {
	.name = "list",
	.usage = "[KIND]",
	.summary =
		"list views, features, entities, sources, services, versions, runs, training sets",
	.about = "Everything of one kind, or an overview. KIND is views, features, entities, "
		 "sources, services,\nversions, runs or training-sets.",
	.words = { .max = 1,
		   .hint = ASOF_HINT_CHOICE,
		   .choices =
			   "views features entities sources services versions runs training-sets",
		   .label = "kind" },
	.examples = { { "an overview", "asof list" },
		      { "every feature, for a program", "asof list features --json" } },
	.run = run,
};
