/* changes.c - what plan and apply print. */
#include "cli/changes.h"

static const char *const heads[] = { "change", "kind", "name", "from", "to", "data", "services" };

static bool
is_change(const struct asof_json *item)
{
	return !asof_str_equal(asof_result_str(item, "change"), asof_str_from("none"));
}

static enum asof_status
add_change(struct asof_text_table *table, const struct asof_json *item, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(heads); i++) {
		enum asof_cell_kind kind = ASOF_CELL_ABSENT;
		struct asof_str text = { 0 };
		ASOF_TRY(asof_result_cell(asof_json_member(item, heads[i]), &arena, &kind, &text,
					  err));
		if (text.len == 0)
			text = asof_str_from("-");
		ASOF_TRY(asof_text_table_add(table, ASOF_CELL_TEXT, text, err));
	}
	return ASOF_OK;
}

/* Why, and what was made from it before. */
static void
print_reasons(const struct asof_json *item, FILE *out)
{
	const struct asof_json *reasons = asof_result_list(item, "reasons");
	const struct asof_json *sets = asof_result_list(item, "training_sets");
	struct asof_str name = asof_result_str(item, "name");
	struct asof_str partition = asof_result_str(item, "partition");
	struct asof_str why = asof_result_str(item, "partition_reason");
	for (size_t i = 0; i < reasons->count; i++)
		(void)fprintf(out, "%.*s: %.*s\n", ASOF_STR_ARG(name),
			      ASOF_STR_ARG(reasons->items[i].text));
	if (partition.len > 0)
		(void)fprintf(out, "%.*s: partition auto is %.*s now: %.*s\n", ASOF_STR_ARG(name),
			      ASOF_STR_ARG(partition), ASOF_STR_ARG(why));
	for (size_t i = 0; i < sets->count; i++)
		(void)fprintf(out, "%.*s: training set %.*s\n", ASOF_STR_ARG(name),
			      ASOF_STR_ARG(sets->items[i].text));
}

/* A view that is behind what it reads: nobody's definition has changed, but there is work. */
static void
print_stale(const struct asof_json *changes, FILE *out)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct asof_str why = asof_result_str(&changes->items[i], "stale");
		struct asof_str name = asof_result_str(&changes->items[i], "name");
		if (why.len > 0)
			(void)fprintf(out, "%.*s: stale, %.*s: `asof build %.*s` follows\n",
				      ASOF_STR_ARG(name), ASOF_STR_ARG(why), ASOF_STR_ARG(name));
	}
}

enum asof_status
asof_changes_render(struct asof_cli *cli, const struct asof_json *root, struct asof_error *err)
{
	const struct asof_json *changes = asof_result_list(root, "changes");
	ASOF_AUTO(asof_text_table_done) struct asof_text_table table = { 0 };
	ASOF_TRY(asof_text_table_init(&table, heads, ASOF_COUNTOF(heads), err));
	for (size_t i = 0; i < changes->count; i++) {
		if (is_change(&changes->items[i]))
			ASOF_TRY(add_change(&table, &changes->items[i], err));
	}
	if (asof_text_table_row_count(&table) == 0) {
		(void)fputs("no changes\n", cli->out);
		print_stale(changes, cli->out);
		return ASOF_OK;
	}
	struct asof_text_style style = asof_terminal_style(&cli->out_terminal);
	asof_text_table_print(&table, &style, cli->out);
	for (size_t i = 0; i < changes->count; i++) {
		if (is_change(&changes->items[i]))
			print_reasons(&changes->items[i], cli->out);
	}
	print_stale(changes, cli->out);
	return ASOF_OK;
}
