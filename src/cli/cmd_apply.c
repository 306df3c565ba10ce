/* cmd_apply.c - asof apply: register the definitions. */
#include "cli/changes.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	cli->reason = asof_arguments_value(&cli->args, "reason");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	bool allows_major = asof_arguments_has(&cli->args, "yes");
	ASOF_TRY(asof_apply(cli->session, allows_major, &json, err));
	return asof_cli_report(cli, json, asof_changes_render, err);
}

static const struct asof_option options[] = {
	{ .name = "yes", .about = "also changes that break readers (a new MAJOR version)" },
	ASOF_REASON_OPTION,
};

const struct asof_command asof_command_apply = {
	.name = "apply",
	.usage = "[--yes] [--reason R]",
	.summary = "register the definitions",
	.about = "Registers what 'asof plan' shows. A change that breaks readers (a feature "
		 "disappears or changes\nits type, or the key changes) is refused with 3 unless "
		 "--yes is given.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "register, unless readers would break", "asof apply" },
		      { "register whatever it is", "asof apply --yes" } },
	.run = run,
};
