/* cmd_lineage.c - asof lineage: what is made from what. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/lineage_drawing.h"

static enum asof_status
print_list(struct asof_cli *cli, const struct asof_json *root, const char *name, const char *title,
	   struct asof_error *err)
{
	const struct asof_json *items = asof_result_list(root, name);
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	if (items->count == 0)
		return ASOF_OK;
	(void)fprintf(cli->out, "\n%s\n", title);
	return asof_result_print_rows(items, &style, cli->out, err);
}

static void
print_head(struct asof_cli *cli, const struct asof_json *root)
{
	struct asof_str version = asof_result_str(root, "version");
	struct asof_str kind = asof_result_str(root, "kind");
	bool is_set = asof_str_equal(kind, asof_str_from("training_set"));
	(void)fprintf(cli->out, "%.*s %.*s",
		      ASOF_STR_ARG(is_set ? asof_str_from("training set") : kind),
		      ASOF_STR_ARG(asof_result_str(root, "name")));
	if (version.len > 0)
		(void)fprintf(cli->out, ", version %.*s", ASOF_STR_ARG(version));
	(void)fputc('\n', cli->out);
}

static enum asof_status
render_paths(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	print_head(cli, root);
	ASOF_TRY(print_list(cli, root, "upstream", "made from", err));
	return print_list(cli, root, "downstream", "what is made from it", err);
}

static enum asof_status
render_impact(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const struct {
		const char *list;
		const char *noun;
	} parts[] = { { "features", "feature" },
		      { "views", "view" },
		      { "services", "service" },
		      { "training_sets", "training set" } };
	print_head(cli, root);
	(void)fputs("what depends on it: ", cli->out);
	for (size_t i = 0; i < ASOF_COUNTOF(parts); i++) {
		int64_t count = (int64_t)asof_result_list(root, parts[i].list)->count;
		(void)fprintf(cli->out, "%s%s", i ? ", " : "",
			      asof_human_counted(count, parts[i].noun).text);
	}
	(void)fputc('\n', cli->out);
	ASOF_TRY(print_list(cli, root, "features", "features", err));
	ASOF_TRY(print_list(cli, root, "views", "views", err));
	const struct asof_json *services = asof_result_list(root, "services");
	if (services->count > 0)
		(void)fputs("\nservices\n", cli->out);
	for (size_t i = 0; i < services->count; i++)
		(void)fprintf(cli->out, "%.*s\n", ASOF_STR_ARG(services->items[i].text));
	return print_list(cli, root, "training_sets", "training sets", err);
}

static enum asof_status
render_dot(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	asof_lineage_draw_dot(root, cli->out);
	return ASOF_OK;
}

static enum asof_status
render_mermaid(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	asof_lineage_draw_mermaid(root, cli->out);
	return ASOF_OK;
}

static enum asof_status
render_export(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	(void)err;
	(void)fprintf(cli->out, "%s of %s to %.*s\n",
		      asof_human_counted(asof_result_int(root, "events"), "event").text,
		      asof_human_counted(asof_result_int(root, "runs"), "run").text,
		      ASOF_STR_ARG(asof_result_str(root, "to")));
	return ASOF_OK;
}

static enum asof_status
export_events(struct asof_cli *cli, const char *to, struct asof_error *err)
{
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	const struct asof_openlineage_options export = {
		.to = to, .token_env = asof_arguments_value(&cli->args, "token-env")
	};
	if (cli->args.word_count > 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "--openlineage exports all runs: it takes no name");
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_TRY(asof_openlineage(cli->session, &export, &json, err));
	return asof_cli_report(cli, json, render_export, err);
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const struct asof_arguments *args = &cli->args;
	const char *format = asof_arguments_value(args, "format");
	bool is_impact = asof_arguments_has(args, "impact");
	asof_render_fn *render = is_impact ? render_impact : render_paths;
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	if (asof_arguments_has(args, "openlineage"))
		return export_events(cli, asof_arguments_value(args, "openlineage"), err);
	if (args->word_count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "say of what: a name is missing");
	if (format && is_impact)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "--format draws no impact: leave one of them out");
	if (format && strcmp(format, "table") != 0)
		render = strcmp(format, "dot") == 0 ? render_dot : render_mermaid;
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_TRY(asof_lineage(cli->session, args->words[0], is_impact, &json, err));
	return asof_cli_answer(cli, json, render, err);
}

static const struct asof_option options[] = {
	{ .name = "impact",
	  .about = "everything that depends on NAME, with versions and what is online" },
	{ .name = "format",
	  .metavar = "FORMAT",
	  .about = "table (the default), or a drawing: dot or mermaid",
	  .hint = ASOF_HINT_CHOICE,
	  .choices = "table dot mermaid" },
	{ .name = "openlineage",
	  .metavar = "FILE|URL",
	  .about = "export all runs as OpenLineage events: JSON lines, or one POST each" },
	{ .name = "token-env",
	  .metavar = "VAR",
	  .about = "the environment variable that holds the bearer token for URL" },
};

const struct asof_command asof_command_lineage = {
	.name = "lineage",
	.usage = "NAME [--impact] [--format F] | --openlineage TO [--token-env VAR]",
	.summary = "show what a thing is made from and what is made from it, down to columns",
	.about =
		"NAME is a view, view.feature, service, source, source.column or the file of a "
		"training set;\nview@1.2.3 is the view by that version's own definition. Roles say "
		"what a column is for: value,\ntime, filter or key. Columns are found in the "
		"expressions' syntax trees; no data is read.",
	.words = { .max = 1, .hint = ASOF_HINT_NAME },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "what a feature is made from", "asof lineage departures.delay_mean_1d" },
		      { "what a change of a column would touch",
			"asof lineage --impact flights.delay" } },
	.run = run,
};
