/* cmd_version.c - asof version. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	(void)err;
	if (cli->wants_json)
		(void)fprintf(cli->out, "{\"version\": \"%s\"}\n", asof_version());
	else
		(void)fprintf(cli->out, "%s %s\n", cli->program->name, asof_version());
	return ASOF_OK;
}

const struct asof_command asof_command_version = {
	.name = "version",
	.usage = "",
	.summary = "print the version",
	.about = "The version of the program. Needs no project.",
	.examples = { { "for people", "asof version" },
		      { "for a program", "asof version --json" } },
	.run = run,
};
