/* cmd_plan.c - asof plan: what the definitions change. */
#include "cli/changes.h"
#include "cli/commands.h"

static enum asof_status
check(const char *json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = NULL;
	ASOF_TRY(asof_json_read(asof_str_from(json), &arena, &root, err));
	if (asof_result_bool(root, "is_different"))
		return ASOF_FAIL(err, ASOF_CHECK_FAILED,
				 "the definitions differ from what is registered");
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_plan(cli->session, &json, err));
	ASOF_TRY(asof_cli_report(cli, json, asof_changes_render, err));
	return asof_arguments_has(&cli->args, "check") ? check(json, err) : ASOF_OK;
}

static const struct asof_option options[] = {
	{ .name = "check", .about = "exit with 3 if there is a difference" },
};

const struct asof_command asof_command_plan = {
	.name = "plan",
	.usage = "[--check]",
	.summary = "show what the definitions change: versions, data, who is affected",
	.about =
		"Compares the definitions with what is registered, and says for each view and "
		"service what its\nversion would become, whether data must be computed, and which "
		"services are affected.\nNothing is changed. Comments, order, descriptions, owners "
		"and tags make no difference.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "what would change", "asof plan" },
		      { "fail in continuous integration if something would",
			"asof plan --check" } },
	.run = run,
};
