/* cmd_compact.c - asof compact: the same rows in fewer files. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "model/duration.h"

static void
print_view(const struct asof_json *view, FILE *out)
{
	int64_t before = asof_result_int(view, "files_before");
	int64_t after = asof_result_int(view, "files_after");
	int64_t folded = asof_result_int(view, "rows_folded");
	struct asof_str version = asof_result_str(view, "version");
	struct asof_str from = asof_result_str(view, "known_at_from");
	struct asof_str reason = asof_result_str(view, "reason");
	(void)fprintf(out, "%.*s", ASOF_STR_ARG(asof_result_str(view, "view")));
	if (version.len == 0) {
		(void)fputs(": nothing is built yet\n", out);
		return;
	}
	(void)fprintf(out, "@%.*s: ", ASOF_STR_ARG(version));
	if (asof_result_int(view, "files_merged") == 0 && folded == 0)
		(void)fprintf(out, "nothing to do, %s", asof_human_counted(after, "file").text);
	else
		(void)fprintf(out, "%s (%s), before %s (%s)",
			      asof_human_counted(after, "file").text,
			      asof_human_bytes(asof_result_int(view, "bytes_after")).text,
			      asof_human_counted(before, "file").text,
			      asof_human_bytes(asof_result_int(view, "bytes_before")).text);
	if (folded > 0)
		(void)fprintf(out, "; %s folded, known-at is exact from %.*s on",
			      asof_human_counted(folded, "row").text, ASOF_STR_ARG(from));
	if (reason.len > 0)
		(void)fprintf(out, "; nothing folded: %.*s", ASOF_STR_ARG(reason));
	(void)fputc('\n', out);
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++) {
		struct asof_str warning = asof_result_str(&views->items[i], "warning");
		print_view(&views->items[i], cli->out);
		if (warning.len > 0)
			(void)fprintf(cli->out, "  warning: %.*s\n", ASOF_STR_ARG(warning));
	}
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const struct asof_arguments *args = &cli->args;
	struct asof_compact_options compact = { .views = args->words,
						.view_count = args->word_count };
	const char *target = asof_arguments_value(args, "target-size");
	if (target && asof_size_parse_text(target, &compact.target_bytes, err) != ASOF_OK)
		return ASOF_WRAP(err, ASOF_INVALID, "option '--target-size'");
	if (target && compact.target_bytes == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--target-size': a file of 0 bytes");
	cli->reason = asof_arguments_value(&cli->args, "reason");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_compact(cli->session, &compact, &json, err));
	return asof_cli_report(cli, json, render, err);
}

static const struct asof_option options[] = {
	{ .name = "target-size",
	  .metavar = "SIZE",
	  .about = "merge small files into ones of about SIZE, like 64MiB (default: file_size)" },
	ASOF_REASON_OPTION,
};

const struct asof_command asof_command_compact = {
	.name = "compact",
	.usage = "[VIEW..] [--target-size SIZE] [--reason R]",
	.summary = "merge the small files of views' tables",
	.about =
		"Merges files of less than half the target size, for the views named or for all. "
		"Rows stay as they\nare, and no version is made: 'view@1.0.5' means the merged "
		"files from then on. Builds and joins\nmay run meanwhile. The files before go "
		"with 'asof vacuum', after its retention.\nOf a view with known_at_retention, rows "
		"that need not be told apart any more are folded first,\nwhich makes a PATCH "
		"version: joins give the same, but '--known-at' before that instant is refused.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "every view", "asof compact" },
		      { "larger files of one view",
			"asof compact departures --target-size 512MiB" } },
	.run = run,
};
