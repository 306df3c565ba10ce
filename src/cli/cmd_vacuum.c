/* cmd_vacuum.c - asof vacuum: remove what no version within a retention needs. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

static void
print_part(const struct asof_json *view, const char *count, const char *bytes, const char *noun,
	   const char **separator, FILE *out)
{
	int64_t number = asof_result_int(view, count);
	if (number == 0)
		return;
	(void)fprintf(out, "%s%s (%s)", *separator, asof_human_counted(number, noun).text,
		      asof_human_bytes(asof_result_int(view, bytes)).text);
	*separator = ", ";
}

static void
print_lost(const struct asof_json *view, bool is_dry_run, FILE *out)
{
	const struct asof_json *sets = asof_result_list(view, "training_sets");
	for (size_t i = 0; i < sets->count; i++)
		(void)fprintf(out, "  training set %.*s %s be made again: it is of version %.*s\n",
			      ASOF_STR_ARG(asof_result_str(&sets->items[i], "path")),
			      is_dry_run ? "could not" : "cannot",
			      ASOF_STR_ARG(asof_result_str(&sets->items[i], "version")));
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	bool is_dry_run = asof_result_bool(root, "dry_run");
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_json *view = &views->items[i];
		struct asof_str name = asof_result_str(view, "view");
		struct asof_str kept = asof_result_str(view, "kept_from");
		const char *separator = is_dry_run ? ": would remove " : ": removed ";
		(void)fprintf(cli->out, "%.*s", ASOF_STR_ARG(name));
		if (asof_result_list(view, "removed")->count == 0)
			(void)fputs(": nothing to remove", cli->out);
		print_part(view, "data_files", "data_bytes", "data file", &separator, cli->out);
		print_part(view, "log_files", "log_bytes", "log file", &separator, cli->out);
		print_part(view, "temporary_files", "temporary_bytes", "temporary file", &separator,
			   cli->out);
		if (kept.len > 0)
			(void)fprintf(cli->out, "; kept from %.*s on", ASOF_STR_ARG(kept));
		(void)fputc('\n', cli->out);
		print_lost(view, is_dry_run, cli->out);
	}
	(void)fprintf(cli->out, "%s%s with a retention of %.*s\n",
		      asof_human_bytes(asof_result_int(root, "bytes")).text,
		      is_dry_run ? " would be freed" : " freed",
		      ASOF_STR_ARG(asof_result_str(root, "retention")));
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const struct asof_arguments *args = &cli->args;
	struct asof_vacuum_options vacuum = {
		.views = args->words,
		.view_count = args->word_count,
		.has_retention = asof_arguments_has(args, "retention"),
		.is_dry_run = asof_arguments_has(args, "dry-run"),
		.is_forced = asof_arguments_has(args, "force"),
	};
	if (vacuum.has_retention &&
	    asof_duration_parse_text(asof_arguments_value(args, "retention"), &vacuum.retention_us,
				     err) != ASOF_OK)
		return ASOF_WRAP(err, ASOF_INVALID, "option '--retention'");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_vacuum(cli->session, &vacuum, &json, err));
	return asof_cli_report(cli, json, render, err);
}

static const struct asof_option options[] = {
	{ .name = "retention",
	  .metavar = "D",
	  .about = "keep every version that was the newest within D, like 12h (default: 7d)" },
	{ .name = "dry-run", .about = "say what would be removed, and remove nothing" },
	{ .name = "force", .about = "allow a retention of less than an hour" },
};

const struct asof_command asof_command_vacuum = {
	.name = "vacuum",
	.usage = "[VIEW..] [--retention D] [--dry-run] [--force]",
	.summary = "remove files that no version within a retention needs",
	.about = "Removes from the lake, for the views named or for all: data files that only "
		 "versions older than\nthe retention have, files that runs which died have left, "
		 "and log entries that a checkpoint\nstands for and that are older than 30 days. "
		 "The current version always stays. Older versions\nstay in the catalog; reading "
		 "one says that it was vacuumed. A running build is safe as long as\nit takes less "
		 "than the retention.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "what a week's retention would free", "asof vacuum --dry-run" },
		      { "keep a month of one view", "asof vacuum departures --retention 30d" } },
	.run = run,
};
