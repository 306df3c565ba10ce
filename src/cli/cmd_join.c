/* cmd_join.c - asof join: a training set. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/join_arguments.h"

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	struct asof_str out = asof_result_str(root, "out");
	int64_t row_count = asof_result_int(root, "rows");
	(void)fprintf(cli->out, "joined %.*s: %s, %s in %s, %s\n", ASOF_STR_ARG(out),
		      asof_human_counted(row_count, "row").text,
		      asof_human_counted(asof_result_int(root, "columns"), "column").text,
		      asof_human_seconds(asof_result_double(root, "seconds")).text,
		      asof_human_bytes(asof_result_int(root, "bytes")).text);
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_json *view = &views->items[i];
		int64_t matched = asof_result_int(view, "matched");
		struct asof_str version = asof_result_str(view, "version");
		if (version.len == 0)
			version = asof_str_from("direct");
		(void)fprintf(cli->out, "  %.*s %.*s: %s matched (%.1f %%)\n",
			      ASOF_STR_ARG(asof_result_str(view, "view")), ASOF_STR_ARG(version),
			      asof_human_counted(matched, "row").text,
			      row_count > 0 ? 100.0 * (double)matched / (double)row_count : 0.0);
	}
	const struct asof_json *notes = asof_result_list(root, "notes");
	for (size_t i = 0; i < notes->count; i++)
		(void)fprintf(cli->out, "  note: %.*s\n", ASOF_STR_ARG(notes->items[i].text));
	return ASOF_OK;
}

/* A manifest says everything but where the result goes. */
static enum asof_status
check_manifest(const struct asof_arguments *args, struct asof_error *err)
{
	static const char *const others[] = { "spine",    "service", "features", "time-column",
					      "known-at", "as-of",   "direct" };
	for (size_t i = 0; i < ASOF_COUNTOF(others); i++) {
		if (asof_arguments_has(args, others[i]))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "option '--%s' cannot go with '--from-manifest', which "
					 "says it",
					 others[i]);
	}
	return ASOF_OK;
}

static enum asof_status
read_options(struct asof_arguments *args, struct asof_join_options *join, struct asof_error *err)
{
	join->out = asof_arguments_value(args, "out");
	if (!join->out)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--out' is missing");
	join->from_manifest = asof_arguments_value(args, "from-manifest");
	if (!join->from_manifest)
		return asof_join_arguments_read(args, join, err);
	ASOF_TRY(asof_join_arguments_engine(args, join, err));
	return check_manifest(args, err);
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	struct asof_join_options join = { 0 };
	ASOF_TRY(read_options(&cli->args, &join, err));
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_join(cli->session, &join, &json, err));
	return asof_cli_report(cli, json, render, err);
}

static const struct asof_option options[] = {
	ASOF_JOIN_ARGUMENTS,
	{ .name = "out",
	  .metavar = "FILE",
	  .about = "where the training set goes: Parquet or CSV, by its ending",
	  .hint = ASOF_HINT_FILE },
	{ .name = "from-manifest",
	  .metavar = "FILE",
	  .about = "repeat what FILE.asof.json records; only --out goes with it",
	  .hint = ASOF_HINT_FILE },
};

const struct asof_command asof_command_join = {
	.name = "join",
	.usage = "--spine FILE (--service S | --features F,..) --out FILE [--time-column C]\n"
		 "            [--known-at label|T] [--as-of T] [--direct] [--engine kernel|sql]\n"
		 "       asof join --from-manifest FILE.asof.json --out FILE",
	.summary = "join features onto a spine as they were at each row's time",
	.about =
		"Every row of the spine, in its order, with the features as they were at its time. "
		"Beside FILE\nstands FILE.asof.json with versions, hashes and definitions: "
		"--from-manifest makes the same\nfile again, byte for byte.\n\n"
		"--direct needs no build: features are computed from the sources as they are now, "
		"by "
		"the\ndefinitions as they stand. The values are those of a build made now, but "
		"nothing "
		"is kept that\nthe file could be made from again.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "a training set of one model", "asof join --spine june.parquet --service "
						       "delay_model --out train.parquet" },
		      { "the same once more",
			"asof join --from-manifest train.parquet.asof.json --out again.parquet" } },
	.run = run,
};
