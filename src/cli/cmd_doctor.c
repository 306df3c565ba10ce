/* cmd_doctor.c - asof doctor: do catalog, lake and online store say the same? */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

static void
print_items(struct asof_cli *cli, const struct asof_json *items, const char *mark)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct asof_json *item = &items->items[i];
		bool is_repaired = asof_result_bool(item, "repaired");
		(void)fprintf(cli->out, "%s%.*s: %.*s: %.*s\n  %s: %.*s\n", mark,
			      ASOF_STR_ARG(asof_result_str(item, "what")),
			      ASOF_STR_ARG(asof_result_str(item, "where")),
			      ASOF_STR_ARG(asof_result_str(item, "detail")),
			      is_repaired ? "repaired" : "remedy",
			      ASOF_STR_ARG(asof_result_str(item, "remedy")));
	}
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	int64_t found = asof_result_int(root, "found");
	int64_t repaired = asof_result_int(root, "repaired");
	(void)err;
	print_items(cli, asof_result_list(root, "findings"), "");
	print_items(cli, asof_result_list(root, "notes"), "note: ");
	if (found == 0)
		(void)fputs("nothing is wrong\n", cli->out);
	else if (repaired == 0)
		(void)fprintf(cli->out, "%s\n", asof_human_counted(found, "finding").text);
	else
		(void)fprintf(cli->out, "%s, %lld repaired\n",
			      asof_human_counted(found, "finding").text, (long long)repaired);
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	enum asof_status status =
		asof_doctor(cli->session, asof_arguments_has(&cli->args, "repair"), &json, err);
	if (status != ASOF_OK && status != ASOF_CHECK_FAILED)
		return status;
	if (json)
		ASOF_TRY(asof_cli_report(cli, json, render, NULL));
	return status;
}

static const struct asof_option options[] = {
	{ .name = "repair", .about = "do what loses nothing; the rest is told with its remedy" },
};

const struct asof_command asof_command_doctor = {
	.name = "doctor",
	.usage = "[--repair]",
	.summary = "compare catalog, lake and online store, and say what is wrong",
	.about = "Each finding says what is wrong, where, and the remedy; notes are no mistakes. "
		 "Exits with 3\nwhere something is wrong. --repair registers versions that only "
		 "the lake knows, writes damaged\nsnapshots and checkpoints again, and makes the "
		 "newest version that is whole the current one\nwhere the current one cannot be "
		 "read.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "what is wrong", "asof doctor" },
		      { "put right what can be, for a program", "asof doctor --repair --json" } },
	.run = run,
};
