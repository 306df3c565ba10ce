/* cmd_diff.c - asof diff: how two versions of a view differ. */
#include "cli/cli.h"
#include "cli/commands.h"

static const char *const heads[] = { "column", "type", "count", "nulls",
				     "min",    "max",  "mean",  "distinct" };

/* What both sides have, or "a -> b". */
static enum asof_status
add_cell(struct asof_text_table *table, const struct asof_json *column, const char *name,
	 struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *const sides[] = { "from", "to" };
	enum asof_cell_kind kinds[2] = { ASOF_CELL_ABSENT, ASOF_CELL_ABSENT };
	struct asof_str texts[2] = { { 0 }, { 0 } };
	for (size_t i = 0; i < 2; i++) {
		const struct asof_json *side = asof_json_member(column, sides[i]);
		const struct asof_json *value = side && side->kind == ASOF_JSON_OBJECT
							? asof_json_member(side, name)
							: NULL;
		ASOF_TRY(asof_result_cell(value, &arena, &kinds[i], &texts[i], err));
		if (texts[i].len == 0)
			texts[i] = asof_str_from("-");
	}
	if (asof_str_equal(texts[0], texts[1]))
		return asof_text_table_add(table, kinds[0], texts[0], err);
	const char *both = asof_arena_printf(&arena, "%.*s -> %.*s", ASOF_STR_ARG(texts[0]),
					     ASOF_STR_ARG(texts[1]));
	if (!both)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
	return asof_text_table_add(table, ASOF_CELL_TEXT, asof_str_from(both), err);
}

static struct asof_str
version_of(const struct asof_json *root, const char *side)
{
	struct asof_str text = asof_result_str(asof_json_member(root, side), "version");
	return text.len ? text : asof_str_from("as defined");
}

static void
print_head(const struct asof_json *root, FILE *out)
{
	const struct asof_json *reasons = asof_result_list(root, "reasons");
	struct asof_str from = version_of(root, "from");
	struct asof_str to = version_of(root, "to");
	(void)fprintf(out, "%.*s: %.*s -> %.*s, definition: %.*s, rows: %lld -> %lld\n",
		      ASOF_STR_ARG(asof_result_str(root, "view")), ASOF_STR_ARG(from),
		      ASOF_STR_ARG(to), ASOF_STR_ARG(asof_result_str(root, "change")),
		      (long long)asof_result_int(asof_json_member(root, "from"), "rows"),
		      (long long)asof_result_int(asof_json_member(root, "to"), "rows"));
	for (size_t i = 0; i < reasons->count; i++)
		(void)fprintf(out, "- %.*s\n", ASOF_STR_ARG(reasons->items[i].text));
}

static enum asof_status
render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	const struct asof_json *columns = asof_result_list(root, "columns");
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < columns->count; i++) {
		const struct asof_json *column = &columns->items[i];
		ASOF_TRY(asof_text_table_add(&table, ASOF_CELL_TEXT,
					     asof_result_str(column, "name"), err));
		for (size_t j = 1; j < ASOF_COUNTOF(heads); j++)
			ASOF_TRY(add_cell(&table, column, heads[j], err));
	}
	print_head(root, cli->out);
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	asof_text_table_print(&table, &style, cli->out);
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const char *to = cli->args.word_count > 1 ? cli->args.words[1] : NULL;
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_diff(cli->session, cli->args.words[0], to, &json, err));
	return asof_cli_answer(cli, json, render, err);
}

const struct asof_command asof_command_diff = {
	.name = "diff",
	.usage = "NAME@VERSION [NAME[@VERSION]]",
	.summary = "show how two versions of a view differ: definition, columns, rows, values",
	.about = "Compares two published versions, or one with the definition as it stands, which "
		 "has "
		 "no data yet.\nOf every column: its type, how many values and NULLs, minimum, "
		 "maximum, mean, and about how many\nare distinct. Values of a view with windows "
		 "are "
		 "those at the end of each step.",
	.words = { .min = 1, .max = 2, .missing = "NAME@VERSION", .hint = ASOF_HINT_NAME },
	.examples = { { "two versions", "asof diff departures@1.0.2 departures@1.1.0" },
		      { "what the files would change", "asof diff departures@1.0.2" } },
	.run = run,
};
