/* cmd_init.c - asof init: a project that works. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	struct asof_str dir = asof_result_str(root, "dir");
	const struct asof_json *files = asof_result_list(root, "files");
	(void)fprintf(cli->out, "made a project in %.*s:\n", ASOF_STR_ARG(dir));
	for (size_t i = 0; i < files->count; i++)
		(void)fprintf(cli->out, "  %.*s\n", ASOF_STR_ARG(files->items[i].text));
	if (asof_str_equal(dir, asof_str_from(".")))
		(void)fputs("next: asof build\n", cli->out);
	else
		(void)fprintf(cli->out, "next: asof -C %.*s build\n", ASOF_STR_ARG(dir));
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const char *dir = cli->args.word_count > 0 ? cli->args.words[0] : ".";
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_init(dir, &json, err));
	return asof_cli_report(cli, json, render, err);
}

const struct asof_command asof_command_init = {
	.name = "init",
	.usage = "[DIR]",
	.summary = "make a project that works, with a small source of its own",
	.about = "Makes a project in DIR, by default the working directory: definitions, a small "
		 "CSV "
		 "file as\nsource, and a view that can be built at once. A file that exists is "
		 "never "
		 "overwritten.",
	.words = { .max = 1, .hint = ASOF_HINT_DIR },
	.examples = { { "a project in a new directory", "asof init shop" },
		      { "a project here", "asof init" } },
	.run = run,
};
