/* cmd_build.c - asof build: compute and publish. */
#include "cli/build_arguments.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

/* "2 rows left out: without a key", where there are any. */
static void
print_skipped(const struct asof_json *view, const char *member, const char *noun, FILE *out)
{
	int64_t count = asof_result_int(view, member);
	if (count > 0)
		(void)fprintf(out, "  %s %s\n", asof_human_counted(count, "row").text, noun);
}

/* The usual engine is named only where somebody wants to know, another one where it is news. */
static void
print_engine(const struct asof_cli *cli, const struct asof_json *view)
{
	struct asof_str engine = asof_result_str(view, "engine");
	struct asof_str reason = asof_result_str(view, "engine_reason");
	bool is_news = asof_str_equal(reason, asof_str_from("memory"));
	if (engine.len == 0 || (!is_news && !asof_arguments_has(&cli->args, "verbose")))
		return;
	(void)fprintf(cli->out, "  by %.*s", ASOF_STR_ARG(engine));
	if (is_news)
		(void)fprintf(cli->out, ": the kernel needs more memory than --memory leaves");
	else if (reason.len > 0)
		(void)fprintf(cli->out, ": %.*s", ASOF_STR_ARG(reason));
	(void)fputc('\n', cli->out);
}

static void
print_view(const struct asof_cli *cli, const struct asof_json *view)
{
	FILE *out = cli->out;
	struct asof_str name = asof_result_str(view, "view");
	struct asof_str version = asof_result_str(view, "version");
	struct asof_str reason = asof_result_str(view, "reason");
	struct asof_str note = asof_result_str(view, "upstream_note");
	if (!asof_result_bool(view, "published")) {
		(void)fprintf(out, "kept %.*s %.*s: %.*s\n", ASOF_STR_ARG(name),
			      ASOF_STR_ARG(version),
			      ASOF_STR_ARG(reason.len > 0 ? reason : asof_str_from("nothing new")));
		if (note.len > 0)
			(void)fprintf(out, "  %.*s\n", ASOF_STR_ARG(note));
		return;
	}
	(void)fprintf(out, "built %.*s %.*s: %s in %s, %s\n", ASOF_STR_ARG(name),
		      ASOF_STR_ARG(version),
		      asof_human_counted(asof_result_int(view, "rows"), "row").text,
		      asof_human_seconds(asof_result_double(view, "seconds")).text,
		      asof_human_bytes(asof_result_int(view, "bytes")).text);
	print_engine(cli, view);
	print_skipped(view, "bad_rows", "left out: without an event time", out);
	print_skipped(view, "null_key_rows", "left out: without a key", out);
	print_skipped(view, "floored_rows", "with nanoseconds: floored to microseconds", out);
	if (note.len > 0)
		(void)fprintf(out, "  %.*s\n", ASOF_STR_ARG(note));
	struct asof_str warning = asof_result_str(view, "warning");
	if (warning.len > 0)
		(void)fprintf(out, "  warning: %.*s\n", ASOF_STR_ARG(warning));
	struct asof_str compaction = asof_result_str(view, "compaction");
	if (compaction.len > 0)
		(void)fprintf(out, "  %.*s\n", ASOF_STR_ARG(compaction));
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++)
		print_view(cli, &views->items[i]);
	if (views->count > 1)
		(void)fprintf(cli->out, "%s in %s\n",
			      asof_human_counted((int64_t)views->count, "view").text,
			      asof_human_seconds(asof_result_double(root, "seconds")).text);
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	struct asof_build_options build = { 0 };
	build.views = cli->args.words;
	build.view_count = cli->args.word_count;
	build.tag = asof_arguments_value(&cli->args, "tag");
	build.is_with_upstream = asof_arguments_has(&cli->args, "upstream");
	ASOF_TRY(asof_build_arguments_read(&cli->args, &build, err));
	cli->reason = asof_arguments_value(&cli->args, "reason");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_build(cli->session, &build, &json, err));
	return asof_cli_report(cli, json, render, err);
}

static const struct asof_option options[] = {
	{ .name = "tag", .metavar = "T", .about = "keep T with the versions that are published" },
	ASOF_REASON_OPTION,
	ASOF_BUILD_ARGUMENTS,
	{ .name = "upstream", .about = "first the views that these read, and what those read" },
	{ .name = "engine",
	  .metavar = "E",
	  .about = "kernel (the usual), or sql: the reference, which gives the same" },
};

const struct asof_command asof_command_build = {
	.name = "build",
	.usage = "[VIEW..] [--tag T] [--full] [--upstream] [--from T --to T] [--engine E]\n"
		 "            [--reason R]",
	.summary = "compute views and publish them; incremental unless --full",
	.about = "Computes the views named, or all, from what is new in their sources, and "
		 "publishes "
		 "each by one\natomic commit. A build that finds nothing new publishes nothing. An "
		 "interrupted one leaves what\nwas published before; the next one finishes the "
		 "work. "
		 "Changes that break readers are refused\nwith 3: 'asof apply --yes' registers "
		 "them.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "every view, from what is new", "asof build" },
		      { "one view, one month of events",
			"asof build departures --from 2001-06-01 --to 2001-07-01" } },
	.run = run,
};
