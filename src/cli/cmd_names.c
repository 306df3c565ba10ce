/* cmd_names.c - asof names: the names of one kind, one a line, for completion. Hidden. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	const struct asof_json *items = asof_result_list(root, cli->args.words[0]);
	for (size_t i = 0; i < items->count; i++)
		(void)fprintf(cli->out, "%.*s\n",
			      ASOF_STR_ARG(asof_result_str(&items->items[i], "name")));
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_list(cli->session, cli->args.words[0], &json, err));
	return asof_cli_answer(cli, json, render, err);
}

const struct asof_command asof_command_names = {
	.name = "names",
	.usage = "KIND",
	.summary = "print the names of one kind, one a line",
	.about = "What completion asks for.",
	.words = { .min = 1,
		   .max = 1,
		   .missing = "a kind",
		   .hint = ASOF_HINT_CHOICE,
		   .choices = "views entities sources services",
		   .label = "kind" },
	.examples = { { "every view", "asof names views" },
		      { "every service", "asof names services" } },
	.is_hidden = true,
	.run = run,
};
