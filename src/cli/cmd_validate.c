/* cmd_validate.c - asof validate: definitions, then checks against the data. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/human.h"

static enum asof_status
add_checks(struct asof_text_table *table, const struct asof_json *view, struct asof_error *err)
{
	const struct asof_json *checks = asof_result_list(view, "checks");
	for (size_t i = 0; i < checks->count; i++) {
		const struct asof_json *check = &checks->items[i];
		bool passed = asof_result_bool(check, "passed");
		struct asof_human bad = asof_human_count(asof_result_int(check, "bad_rows"));
		const struct {
			enum asof_cell_kind kind;
			struct asof_str text;
		} cells[] = {
			{ ASOF_CELL_TEXT, asof_result_str(view, "view") },
			{ ASOF_CELL_TEXT, asof_result_str(check, "feature") },
			{ ASOF_CELL_TEXT, asof_result_str(check, "check") },
			{ ASOF_CELL_TEXT, asof_str_from(passed ? "passed" : "FAILED") },
			{ ASOF_CELL_NUMBER, asof_str_from(bad.text) },
		};
		for (size_t j = 0; j < ASOF_COUNTOF(cells); j++)
			ASOF_TRY(asof_text_table_add(table, cells[j].kind, cells[j].text, err));
	}
	return ASOF_OK;
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	static const char *const heads[] = { "view", "feature", "check", "result", "bad rows" };
	const struct asof_json *views = asof_result_list(root, "views");
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < views->count; i++)
		ASOF_TRY(add_checks(&table, &views->items[i], err));
	size_t check_count = asof_text_table_row_count(&table);
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	if (check_count > 0)
		asof_text_table_print(&table, &style, cli->out);
	(void)fprintf(cli->out, "%s of %s: %s\n",
		      asof_human_counted((int64_t)check_count, "check").text,
		      asof_human_counted((int64_t)views->count, "view").text,
		      asof_result_bool(root, "passed") ? "passed" : "FAILED");
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	enum asof_status status =
		asof_validate(cli->session, cli->args.words, cli->args.word_count, &json, err);
	if (status != ASOF_OK && status != ASOF_CHECK_FAILED)
		return status;
	if (json)
		ASOF_TRY(asof_cli_report(cli, json, render, NULL));
	return status;
}

const struct asof_command asof_command_validate = {
	.name = "validate",
	.usage = "[VIEW..]",
	.summary = "check definitions, then the views' data against their checks",
	.about =
		"Reads the definitions, compares them with the sources' real columns, and runs the "
		"checks of the\nviews named, or of all, against the data that is published. A "
		"check "
		"that fails exits with 3.",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.examples = { { "everything", "asof validate" },
		      { "one view, for a program", "asof validate departures --json" } },
	.run = run,
};
