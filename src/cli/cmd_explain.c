/* cmd_explain.c - asof explain: how a join or a build is done, and why. */
#include "cli/build_arguments.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/join_arguments.h"
#include "cli/text_table.h"

static enum asof_status
add_text(struct asof_text_table *table, struct asof_str text, struct asof_error *err)
{
	enum asof_cell_kind kind = text.len ? ASOF_CELL_TEXT : ASOF_CELL_ABSENT;
	return asof_text_table_add(table, kind, text.len ? text : asof_str_from("-"), err);
}

static enum asof_status
add_number(struct asof_text_table *table, struct asof_human number, struct asof_error *err)
{
	return asof_text_table_add(table, ASOF_CELL_NUMBER, asof_str_from(number.text), err);
}

/* "1 of 3" */
static enum asof_status
add_part(struct asof_text_table *table, const struct asof_json *view, const char *part,
	 const char *whole, struct asof_error *err)
{
	char text[2 * ASOF_HUMAN_MAX + 8];
	(void)snprintf(text, sizeof(text), "%s of %s",
		       asof_human_count(asof_result_int(view, part)).text,
		       asof_human_count(asof_result_int(view, whole)).text);
	return asof_text_table_add(table, ASOF_CELL_NUMBER, asof_str_from(text), err);
}

static enum asof_status
print_views(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const char *const heads[] = { "view",  "version",    "algorithm",
					     "files", "row groups", "why" };
	const struct asof_json *views = asof_result_list(root, "views");
	const struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_json *view = &views->items[i];
		struct asof_str version = asof_result_str(view, "version");
		if (version.len == 0)
			version = asof_str_from("direct");
		ASOF_TRY(add_text(&table, asof_result_str(view, "view"), err));
		ASOF_TRY(add_text(&table, version, err));
		ASOF_TRY(add_text(&table, asof_result_str(view, "algorithm"), err));
		ASOF_TRY(add_part(&table, view, "files_read", "files", err));
		ASOF_TRY(add_part(&table, view, "row_groups_read", "row_groups", err));
		ASOF_TRY(add_text(&table, asof_result_str(view, "reason"), err));
	}
	asof_text_table_print(&table, &style, cli->out);
	return ASOF_OK;
}

static enum asof_status
add_reads(struct asof_text_table *table, const struct asof_json *feature, struct asof_error *err)
{
	const struct asof_json *reads = asof_result_list(feature, "reads");
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(1u << 20);
	for (size_t i = 0; i < reads->count; i++) {
		asof_buf_add_cstr(&names, i > 0 ? ", " : "");
		asof_buf_add_str(&names, reads->items[i].text);
	}
	ASOF_TRY(asof_buf_status(&names, err));
	return add_text(table, asof_buf_view(&names), err);
}

/* What is computed from what was joined. */
static enum asof_status
print_on_demand(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const char *const heads[] = { "on demand", "version", "feature",
					     "type",      "of",      "expression" };
	const struct asof_json *features = asof_result_list(root, "on_demand");
	const struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < features->count; i++) {
		const struct asof_json *feature = &features->items[i];
		struct asof_str version = asof_result_str(feature, "version");
		if (version.len == 0)
			version = asof_str_from("direct");
		ASOF_TRY(add_text(&table, asof_result_str(feature, "view"), err));
		ASOF_TRY(add_text(&table, version, err));
		ASOF_TRY(add_text(&table, asof_result_str(feature, "feature"), err));
		ASOF_TRY(add_text(&table, asof_result_str(feature, "type"), err));
		ASOF_TRY(add_reads(&table, feature, err));
		ASOF_TRY(add_text(&table, asof_result_str(feature, "expr"), err));
	}
	if (asof_result_list(root, "views")->count > 0)
		(void)fputc('\n', cli->out);
	asof_text_table_print(&table, &style, cli->out);
	(void)fputs(
		"\nOn-demand features are computed by one SELECT around the joined rows; values "
		"of the request are\ncolumns of the spine. A server computes the same when it "
		"is asked, by an evaluator of its own.\n",
		cli->out);
	return ASOF_OK;
}

/* "departures, airports" of a stage of a build, its one view of a join's. */
static enum asof_status
add_stage_views(struct asof_text_table *table, const struct asof_json *stage,
		struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(1u << 20);
	const struct asof_json *views = asof_json_member(stage, "views");
	if (!views)
		return add_text(table, asof_result_str(stage, "view"), err);
	for (size_t i = 0; i < views->count; i++) {
		asof_buf_add_cstr(&names, i > 0 ? ", " : "");
		asof_buf_add_str(&names, views->items[i].text);
	}
	ASOF_TRY(asof_buf_status(&names, err));
	return add_text(table, asof_buf_view(&names), err);
}

static enum asof_status
print_stages(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const char *const heads[] = { "stage", "view", "rows", "bytes", "seconds" };
	const struct asof_json *stages = asof_result_list(root, "stages");
	const struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < stages->count; i++) {
		const struct asof_json *stage = &stages->items[i];
		int64_t bytes = asof_result_int(stage, "bytes");
		double seconds = asof_result_double(stage, "seconds");
		struct asof_human none = { "-" };
		ASOF_TRY(add_text(&table, asof_result_str(stage, "stage"), err));
		ASOF_TRY(add_stage_views(&table, stage, err));
		ASOF_TRY(add_number(&table, asof_human_count(asof_result_int(stage, "rows")), err));
		ASOF_TRY(add_number(&table, bytes > 0 ? asof_human_bytes(bytes) : none, err));
		ASOF_TRY(add_number(&table, asof_human_seconds(seconds), err));
	}
	(void)fputc('\n', cli->out);
	asof_text_table_print(&table, &style, cli->out);
	return ASOF_OK;
}

static void
print_sum(struct asof_cli *cli, const struct asof_json *root)
{
	(void)fprintf(cli->out, "\n%s, %s in %s; kernels took up to %s\n",
		      asof_human_counted(asof_result_int(root, "rows"), "row").text,
		      asof_human_bytes(asof_result_int(root, "bytes")).text,
		      asof_human_seconds(asof_result_double(root, "seconds")).text,
		      asof_human_bytes(asof_result_int(root, "kernel_peak_bytes")).text);
}

static void
print_head(struct asof_cli *cli, const struct asof_json *root)
{
	const struct asof_json *spine = asof_json_member(root, "spine");
	const struct asof_json *memory = asof_json_member(root, "memory");
	struct asof_str from = asof_result_str(spine, "from");
	struct asof_str reason = asof_result_str(root, "reason");
	struct asof_str engine = asof_result_str(root, "engine");
	(void)fprintf(cli->out, "spine   %.*s: %s, time '%.*s'",
		      ASOF_STR_ARG(asof_result_str(spine, "path")),
		      asof_human_counted(asof_result_int(spine, "rows"), "row").text,
		      ASOF_STR_ARG(asof_result_str(spine, "time_column")));
	if (from.len > 0)
		(void)fprintf(cli->out, " from %.*s to %.*s", ASOF_STR_ARG(from),
			      ASOF_STR_ARG(asof_result_str(spine, "to")));
	(void)fprintf(cli->out, "\nengine  %.*s%s%.*s\n", ASOF_STR_ARG(engine),
		      reason.len ? ": " : "", ASOF_STR_ARG(reason));
	(void)fprintf(cli->out,
		      "memory  %s for the spine and plain views of %s for kernels, %s\n\n",
		      asof_human_bytes(asof_result_int(memory, "planned_bytes")).text,
		      asof_human_bytes(asof_result_int(memory, "kernel_bytes")).text,
		      asof_human_counted(asof_result_int(root, "ranges"), "range").text);
}

static void
print_statements(struct asof_cli *cli, const struct asof_json *root)
{
	const struct asof_json *views = asof_result_list(root, "views");
	for (size_t i = 0; i < views->count; i++) {
		struct asof_str sql = asof_result_str(&views->items[i], "sql");
		if (sql.len > 0)
			(void)fprintf(cli->out, "\n-- %.*s\n%.*s\n",
				      ASOF_STR_ARG(asof_result_str(&views->items[i], "view")),
				      ASOF_STR_ARG(sql));
	}
	const struct asof_json *around = asof_json_member(root, "on_demand_sql");
	if (around)
		(void)fprintf(cli->out, "\n-- on demand\n%.*s(the joined rows)%.*s\n",
			      ASOF_STR_ARG(asof_result_str(around, "before")),
			      ASOF_STR_ARG(asof_result_str(around, "behind")));
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	print_head(cli, root);
	if (asof_result_list(root, "views")->count > 0)
		ASOF_TRY(print_views(cli, root, err));
	if (asof_json_member(root, "on_demand"))
		ASOF_TRY(print_on_demand(cli, root, err));
	if (asof_json_member(root, "stages")) {
		ASOF_TRY(print_stages(cli, root, err));
		print_sum(cli, root);
	}
	if (asof_arguments_has(&cli->args, "verbose"))
		print_statements(cli, root);
	return ASOF_OK;
}

/* ---- builds ---- */

/* "first build; rows merged into tiles as they come, scan 1" */
static enum asof_status
add_why(struct asof_text_table *table, const struct asof_json *view, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf why = ASOF_BUF(64u << 10);
	struct asof_str algorithm = asof_result_str(view, "algorithm");
	struct asof_str reason = asof_result_str(view, "engine_reason");
	bool is_memory = asof_str_equal(reason, asof_str_from("memory"));
	asof_buf_add_str(&why, asof_result_str(view, "reason"));
	if (algorithm.len > 0)
		asof_buf_printf(&why, "; %.*s", ASOF_STR_ARG(algorithm));
	if (is_memory)
		asof_buf_add_cstr(&why, ": the kernel needs more memory than --memory leaves");
	else if (reason.len > 0)
		asof_buf_printf(&why, ": %.*s", ASOF_STR_ARG(reason));
	ASOF_TRY(asof_buf_status(&why, err));
	return add_text(table, asof_buf_view(&why), err);
}

/* A number that is not always known. */
static struct asof_human
number_of(const struct asof_json *view, const char *name,
	  struct asof_human (*print)(int64_t number))
{
	struct asof_human none = { "-" };
	const struct asof_json *number = asof_json_member(view, name);
	return number && number->kind == ASOF_JSON_NUMBER ? print(asof_result_int(view, name))
							  : none;
}

static enum asof_status
print_builds(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const char *const heads[] = { "view",  "mode", "engine", "scan",
					     "files", "rows", "memory", "why" };
	const struct asof_json *views = asof_result_list(root, "views");
	const struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < views->count; i++) {
		const struct asof_json *view = &views->items[i];
		struct asof_human rows = number_of(view, "rows", asof_human_count);
		struct asof_human bytes = number_of(view, "planned_bytes", asof_human_bytes);
		ASOF_TRY(add_text(&table, asof_result_str(view, "view"), err));
		ASOF_TRY(add_text(&table, asof_result_str(view, "mode"), err));
		ASOF_TRY(add_text(&table, asof_result_str(view, "engine"), err));
		ASOF_TRY(add_number(&table, number_of(view, "scan", asof_human_count), err));
		ASOF_TRY(add_part(&table, view, "files_read", "files", err));
		ASOF_TRY(add_number(&table, rows, err));
		ASOF_TRY(add_number(&table, bytes, err));
		ASOF_TRY(add_why(&table, view, err));
	}
	asof_text_table_print(&table, &style, cli->out);
	return ASOF_OK;
}

static enum asof_status
render_build(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	const struct asof_json *memory = asof_json_member(root, "memory");
	(void)fprintf(cli->out,
		      "memory  %s for the kernel; a view that needs more is done by sql\n\n",
		      asof_human_bytes(asof_result_int(memory, "kernel_bytes")).text);
	ASOF_TRY(print_builds(cli, root, err));
	if (!asof_json_member(root, "stages"))
		return ASOF_OK;
	ASOF_TRY(print_stages(cli, root, err));
	(void)fprintf(cli->out, "\n%s in all, nothing published\n",
		      asof_human_seconds(asof_result_double(root, "seconds")).text);
	return ASOF_OK;
}

/* Options of the one that are given with the other. */
static enum asof_status
refuse_others(const struct asof_arguments *args, const char *const *names, size_t count,
	      const char *belongs, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (asof_arguments_has(args, names[i]))
			return ASOF_FAIL(err, ASOF_INVALID, "option '--%s' is for %s", names[i],
					 belongs);
	}
	return ASOF_OK;
}

static enum asof_status
run_build(struct asof_cli *cli, struct asof_error *err)
{
	static const char *const others[] = { "spine",    "service", "features", "time-column",
					      "known-at", "as-of",   "direct" };
	struct asof_build_options build = { .views = cli->args.words + 1,
					    .view_count = cli->args.word_count - 1 };
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(refuse_others(&cli->args, others, ASOF_COUNTOF(others),
			       "joins: leave it out, or the word 'build'", err));
	ASOF_TRY(asof_build_arguments_read(&cli->args, &build, err));
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_TRY(asof_explain_build(cli->session, &build, asof_arguments_has(&cli->args, "analyze"),
				    &json, err));
	return asof_cli_answer(cli, json, render_build, err);
}

/* ---- both ---- */

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	static const char *const others[] = { "full", "from", "to" };
	struct asof_join_options join = { 0 };
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	if (cli->args.word_count > 0 && strcmp(cli->args.words[0], "build") == 0)
		return run_build(cli, err);
	if (cli->args.word_count > 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s' is not explained: say 'build', or --spine for a join",
				 cli->args.words[0]);
	ASOF_TRY(refuse_others(&cli->args, others, ASOF_COUNTOF(others),
			       "builds: say 'asof explain build'", err));
	ASOF_TRY(asof_join_arguments_read(&cli->args, &join, err));
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_TRY(asof_explain(cli->session, &join, asof_arguments_has(&cli->args, "analyze"), &json,
			      err));
	return asof_cli_answer(cli, json, render, err);
}

static const struct asof_option options[] = {
	ASOF_JOIN_ARGUMENTS,
	ASOF_BUILD_ARGUMENTS,
	{ .name = "analyze",
	  .about = "do it, into files that are thrown away, and say what each stage took" },
};

const struct asof_command asof_command_explain = {
	.name = "explain",
	.usage = "--spine FILE (--service S | --features F,..) [--analyze] [--time-column C]\n"
		 "            [--known-at label|T] [--as-of T] [--direct] [--engine kernel|sql]\n"
		 "       asof explain build [VIEW..] [--analyze] [--full] [--from T --to T]\n"
		 "            [--engine kernel|sql]",
	.summary = "show how a join or a build is done: what is read, how, in what memory",
	.about = "The options are those of 'asof join', or after the word 'build' those of 'asof "
		 "build'. Of a join,\nfiles and row groups that cannot hold a row of use are not "
		 "read; with -v the statement that reads\neach view is printed, too. Of a build, "
		 "views with the same scan are made from one reading of\ntheir source. Nothing is "
		 "written.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "where the time of a join goes",
			"asof explain --spine june.parquet --service delay_model --analyze" },
		      { "why a build computes everything", "asof explain build departures" } },
	.run = run,
};
