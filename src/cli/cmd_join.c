/* cmd_join.c - asof join: a training set. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

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
		(void)fprintf(cli->out, "  %.*s %.*s: %s matched (%.1f %%)\n",
			      ASOF_STR_ARG(asof_result_str(view, "view")),
			      ASOF_STR_ARG(asof_result_str(view, "version")),
			      asof_human_counted(matched, "row").text,
			      row_count > 0 ? 100.0 * (double)matched / (double)row_count : 0.0);
	}
	const struct asof_json *notes = asof_result_list(root, "notes");
	for (size_t i = 0; i < notes->count; i++)
		(void)fprintf(cli->out, "  note: %.*s\n", ASOF_STR_ARG(notes->items[i].text));
	return ASOF_OK;
}

static enum asof_status
read_known_at(const struct asof_arguments *args, struct asof_join_options *join,
	      struct asof_error *err)
{
	const char *known_at = asof_arguments_value(args, "known-at");
	if (!known_at)
		return ASOF_OK;
	if (strcmp(known_at, "label") == 0) {
		join->known_at = ASOF_KNOWN_AT_LABEL;
		return ASOF_OK;
	}
	bool is_given = false;
	join->known_at = ASOF_KNOWN_AT_TIME;
	enum asof_status status =
		asof_arguments_time(args, "known-at", &is_given, &join->known_at_us, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "neither 'label' nor a time");
	return ASOF_OK;
}

static enum asof_status
read_engine(const struct asof_arguments *args, struct asof_join_options *join,
	    struct asof_error *err)
{
	const char *engine = asof_arguments_value(args, "engine");
	join->is_sql = engine && strcmp(engine, "sql") == 0;
	if (engine && !join->is_sql && strcmp(engine, "kernel") != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "option '--engine': '%s' is neither 'kernel' nor 'sql'", engine);
	return ASOF_OK;
}

/* A manifest says everything but where the result goes. */
static enum asof_status
check_manifest(const struct asof_arguments *args, struct asof_error *err)
{
	static const char *const others[] = { "spine",       "service",  "features",
					      "time-column", "known-at", "as-of" };
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
	ASOF_TRY(read_engine(args, join, err));
	join->from_manifest = asof_arguments_value(args, "from-manifest");
	if (join->from_manifest)
		return check_manifest(args, err);
	join->spine = asof_arguments_value(args, "spine");
	if (!join->spine)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--spine' is missing");
	join->service = asof_arguments_value(args, "service");
	ASOF_TRY(asof_arguments_list(args, "features", &join->features, &join->feature_count, err));
	if (!join->service && join->feature_count == 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "one of the options '--service' and '--features' is needed");
	if (join->service && join->feature_count > 0)
		return ASOF_FAIL(
			err, ASOF_INVALID,
			"options '--service' and '--features' cannot go together: give one of "
			"them");
	join->time_column = asof_arguments_value(args, "time-column");
	ASOF_TRY(read_known_at(args, join, err));
	return asof_arguments_time(args, "as-of", &join->has_as_of, &join->as_of_us, err);
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
	{ .name = "spine",
	  .metavar = "FILE",
	  .about = "the rows (key, time, labels) to join onto: Parquet, CSV or JSON",
	  .hint = ASOF_HINT_FILE },
	{ .name = "service",
	  .metavar = "S",
	  .about = "the features of this service",
	  .hint = ASOF_HINT_SERVICE },
	{ .name = "features",
	  .metavar = "F,..",
	  .about = "these features: view.feature, view.*, view@1.2.3.feature",
	  .is_list = true },
	{ .name = "out",
	  .metavar = "FILE",
	  .about = "where the training set goes: Parquet or CSV, by its ending",
	  .hint = ASOF_HINT_FILE },
	{ .name = "time-column",
	  .metavar = "C",
	  .about = "the spine's time (default: event_time, or the only timestamp)" },
	{ .name = "known-at",
	  .metavar = "label|T",
	  .about = "only what was known by the row's own time, or by T" },
	{ .name = "as-of", .metavar = "T", .about = "the versions that were current at T" },
	{ .name = "engine",
	  .metavar = "kernel|sql",
	  .about = "what evaluates windows: the kernel (default) or the reference SQL" },
	{ .name = "from-manifest",
	  .metavar = "FILE",
	  .about = "repeat what FILE.asof.json records; only --out goes with it",
	  .hint = ASOF_HINT_FILE },
};

const struct asof_command asof_command_join = {
	.name = "join",
	.usage = "--spine FILE (--service S | --features F,..) --out FILE [--time-column C]\n"
		 "            [--known-at label|T] [--as-of T] [--engine kernel|sql]\n"
		 "       asof join --from-manifest FILE.asof.json --out FILE",
	.summary = "join features onto a spine as they were at each row's time",
	.about =
		"Every row of the spine, in its order, with the features as they were at its time. "
		"Beside FILE\nstands FILE.asof.json with versions, hashes and definitions: "
		"--from-manifest makes the same\nfile again, byte for byte.",
	.options = ASOF_OPTION_SET(options),
	.examples = { { "a training set of one model", "asof join --spine june.parquet --service "
						       "delay_model --out train.parquet" },
		      { "the same once more",
			"asof join --from-manifest train.parquet.asof.json --out again.parquet" } },
	.run = run,
};
