/* cmd_manual.c - asof manual: the manual pages, for those who keep them. Hidden. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/manual.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	(void)err;
	if (strcmp(cli->args.words[0], "man") == 0)
		asof_manual_man(cli->program, cli->out);
	else
		asof_manual_markdown(cli->program, cli->out);
	return ASOF_OK;
}

const struct asof_command asof_command_manual = {
	.name = "manual",
	.usage = "man|markdown",
	.summary = "print the manual page or the reference page",
	.about = "What docs/man/asof.1 and docs/reference/cli.md are made of.",
	.words = { .min = 1,
		   .max = 1,
		   .missing = "a form: man or markdown",
		   .hint = ASOF_HINT_CHOICE,
		   .choices = "man markdown",
		   .label = "form" },
	.examples = { { "the manual page", "asof manual man > docs/man/asof.1" },
		      { "the reference page", "asof manual markdown > docs/reference/cli.md" } },
	.is_hidden = true,
	.run = run,
};
