/* cmd_materialize.c - asof materialize: offline to online. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	struct asof_str at = asof_result_str(root, "at");
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_json *view = &views->items[i];
		struct asof_str name = asof_result_str(view, "view");
		struct asof_str version = asof_result_str(view, "version");
		if (!asof_result_bool(view, "written")) {
			(void)fprintf(cli->out, "kept %.*s %.*s: nothing new\n", ASOF_STR_ARG(name),
				      ASOF_STR_ARG(version));
			continue;
		}
		(void)fprintf(cli->out, "materialized %.*s %.*s at %.*s: %s in %s, %s",
			      ASOF_STR_ARG(name), ASOF_STR_ARG(version), ASOF_STR_ARG(at),
			      asof_human_counted(asof_result_int(view, "rows"), "row").text,
			      asof_human_seconds(asof_result_double(view, "seconds")).text,
			      asof_human_bytes(asof_result_int(view, "bytes")).text);
		int64_t resumed = asof_result_int(view, "resumed_rows");
		if (resumed > 0)
			(void)fprintf(cli->out, "; gone on behind the %s of a run before it",
				      asof_human_counted(resumed, "row").text);
		(void)fputc('\n', cli->out);
	}
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	struct asof_materialize_options materialize = {
		.views = cli->args.words,
		.view_count = cli->args.word_count,
	};
	ASOF_TRY(asof_arguments_time(&cli->args, "at", &materialize.has_at, &materialize.at_us,
				     err));
	cli->reason = asof_arguments_value(&cli->args, "reason");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_materialize(cli->session, &materialize, &json, err));
	return asof_cli_report(cli, json, render, err);
}

static const struct asof_option options[] = {
	{ .name = "at", .metavar = "T", .about = "as the world was at T (default: now)" },
	ASOF_REASON_OPTION,
};

const struct asof_command asof_command_materialize = {
	.name = "materialize",
	.usage = "[VIEW..] [--at T] [--reason R]",
	.summary = "bring views from the lake to the online store",
	.about =
		"Writes the newest state of every key of the views named, or of all, to the online "
		"store. A\nlate or repeated run changes nothing that is newer there. One that is "
		"interrupted or killed\nleaves what is online as it was; the next with the same "
		"--at "
		"goes on behind its rows.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "every view, as of now", "asof materialize" },
		      { "one view, as of an instant",
			"asof materialize departures --at 2001-06-30T00:00:00Z" } },
	.run = run,
};
