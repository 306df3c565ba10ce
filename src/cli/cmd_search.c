/* cmd_search.c - asof search: definitions that say something. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	const struct asof_json *found = asof_result_list(root, "found");
	struct asof_str near = asof_result_str(root, "suggestion");
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	if (found->count > 0)
		return asof_result_print_rows(found, &style, cli->out, err);
	if (near.len > 0)
		(void)fprintf(cli->out, "nothing found (did you mean '%.*s'?)\n",
			      ASOF_STR_ARG(near));
	else
		(void)fputs("nothing found\n", cli->out);
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_search(cli->session, cli->args.words[0], &json, err));
	return asof_cli_answer(cli, json, render, err);
}

const struct asof_command asof_command_search = {
	.name = "search",
	.usage = "TEXT",
	.summary = "find views, features, entities, sources and services by any of their texts",
	.about = "Looks in the names, descriptions, owners, tags, columns and expressions of what "
		 "is "
		 "registered\n('asof apply' or 'asof build'), in either case. Names come first, "
		 "then "
		 "whole words.",
	.words = { .min = 1, .max = 1, .missing = "TEXT" },
	.examples = { { "a word", "asof search delay" },
		      { "whose it is, for a program", "asof search me@example.com --json" } },
	.run = run,
};
