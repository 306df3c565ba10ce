/* test_text_table.c - tables for people. */
#include "check.h"

#include "cli/text_table.h"
#include "printed.h"

static const char *const heads[] = { "name", "rows" };

static void
add(struct asof_text_table *table, enum asof_cell_kind kind, const char *text)
{
	struct asof_error err = { 0 };
	assert_ok(asof_text_table_add(table, kind, asof_str_from(text), &err), err);
}

static void
make(struct asof_text_table *table)
{
	struct asof_error err = { 0 };
	assert_ok(asof_text_table_init(table, heads, ASOF_COUNTOF(heads), &err), err);
}

static void
numbers_are_aligned_to_the_right_and_texts_to_the_left(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	add(&table, ASOF_CELL_TEXT, "departures");
	add(&table, ASOF_CELL_NUMBER, "7");
	add(&table, ASOF_CELL_TEXT, "\u6771\u4eac");
	add(&table, ASOF_CELL_NUMBER, "12345");
	add(&table, ASOF_CELL_TEXT, "v");
	add(&table, ASOF_CELL_ABSENT, "-");
	struct printed printed;
	printed_begin(&printed);
	asof_text_table_print(&table, &(struct asof_text_style){ 0 }, printed.stream);
	assert_printed(printed, "name         rows\n"
				"departures      7\n"
				"\u6771\u4eac        12345\n"
				"v               -\n");
	asof_text_table_done(&table);
}

static void
a_text_among_numbers_keeps_its_column_to_the_left(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	add(&table, ASOF_CELL_TEXT, "a");
	add(&table, ASOF_CELL_NUMBER, "7");
	add(&table, ASOF_CELL_TEXT, "b");
	add(&table, ASOF_CELL_TEXT, "many more");
	struct printed printed;
	printed_begin(&printed);
	asof_text_table_print(&table, &(struct asof_text_style){ 0 }, printed.stream);
	assert_printed(printed, "name  rows\na     7\nb     many more\n");
	asof_text_table_done(&table);
}

static void
nothing_is_cut_where_the_stream_has_no_width(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	char text[3000];
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	add(&table, ASOF_CELL_TEXT, text);
	add(&table, ASOF_CELL_NUMBER, "1");
	struct printed printed;
	printed_begin(&printed);
	asof_text_table_print(&table, &(struct asof_text_style){ 0 }, printed.stream);
	char *out = printed_end(&printed);
	assert_non_null(strstr(out, text));
	free(out);
	asof_text_table_done(&table);
}

static void
a_terminal_gets_the_widest_columns_cut(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	add(&table, ASOF_CELL_TEXT, "a name that is long");
	add(&table, ASOF_CELL_NUMBER, "123456");
	struct printed printed;
	printed_begin(&printed);
	struct asof_text_style style = { .width = 20, .is_utf8 = true };
	asof_text_table_print(&table, &style, printed.stream);
	assert_printed(printed, "name            rows\n"
				"a name that\u2026  123456\n");
	asof_text_table_done(&table);
}

static void
columns_that_find_no_room_are_marked(void **state)
{
	(void)state;
	static const char *const many[] = { "aaaaaaaa", "bbbbbbbb", "cccccccc" };
	struct asof_text_table table;
	struct asof_error err = { 0 };
	assert_ok(asof_text_table_init(&table, many, 3, &err), err);
	for (int i = 0; i < 3; i++)
		add(&table, ASOF_CELL_NUMBER, "1");
	struct printed printed;
	printed_begin(&printed);
	struct asof_text_style style = { .width = 22 };
	asof_text_table_print(&table, &style, printed.stream);
	assert_printed(printed, "aaaaaaaa  bbbbbbbb  ~\n"
				"       1         1  ~\n");
	asof_text_table_done(&table);
}

static void
heads_are_bold_only_with_colour(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	struct printed printed;
	printed_begin(&printed);
	struct asof_text_style style = { .width = 80, .has_colour = true };
	asof_text_table_print(&table, &style, printed.stream);
	assert_printed(printed, "\033[1mname  rows\033[0m\n");
	asof_text_table_done(&table);
}

static void
later_parts_keep_the_widths_and_have_no_heads(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	struct printed printed;
	printed_begin(&printed);
	struct asof_text_style style = { 0 };
	add(&table, ASOF_CELL_TEXT, "ab");
	add(&table, ASOF_CELL_NUMBER, "10");
	assert_int_equal(asof_text_table_row_count(&table), 1);
	asof_text_table_print(&table, &style, printed.stream);
	assert_int_equal(asof_text_table_row_count(&table), 0);
	add(&table, ASOF_CELL_TEXT, "longer than before");
	add(&table, ASOF_CELL_NUMBER, "2");
	asof_text_table_print(&table, &style, printed.stream);
	assert_printed(printed, "name  rows\nab      10\nlonger than before     2\n");
	asof_text_table_done(&table);
}

static void
cells_cannot_steer_a_terminal(void **state)
{
	(void)state;
	struct asof_text_table table;
	make(&table);
	add(&table, ASOF_CELL_TEXT, "a\nb\033[2J");
	add(&table, ASOF_CELL_NUMBER, "1");
	struct printed printed;
	printed_begin(&printed);
	asof_text_table_print(&table, &(struct asof_text_style){ 0 }, printed.stream);
	assert_printed(printed, "name         rows\na\\nb\\x1b[2J     1\n");
	asof_text_table_done(&table);
}

static enum asof_status
fill(struct asof_text_table *table)
{
	ASOF_TRY(asof_text_table_init(table, heads, ASOF_COUNTOF(heads), NULL));
	for (int i = 0; i < 40; i++)
		ASOF_TRY(asof_text_table_add(table, ASOF_CELL_TEXT, asof_str_from("cell"), NULL));
	return ASOF_OK;
}

static void
every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
	(void)state;
	size_t live = asof_mem_live();
	size_t failed = 0;
	for (size_t n = 1;; n++) {
		struct asof_text_table table = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = fill(&table);
		asof_mem_fail_at(0);
		asof_text_table_done(&table);
		assert_int_equal(asof_mem_live(), live);
		if (status == ASOF_OK)
			break;
		assert_int_equal(status, ASOF_NO_MEMORY);
		failed++;
	}
	assert_true(failed > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_aligned_to_the_right_and_texts_to_the_left),
		cmocka_unit_test(a_text_among_numbers_keeps_its_column_to_the_left),
		cmocka_unit_test(nothing_is_cut_where_the_stream_has_no_width),
		cmocka_unit_test(a_terminal_gets_the_widest_columns_cut),
		cmocka_unit_test(columns_that_find_no_room_are_marked),
		cmocka_unit_test(heads_are_bold_only_with_colour),
		cmocka_unit_test(later_parts_keep_the_widths_and_have_no_heads),
		cmocka_unit_test(cells_cannot_steer_a_terminal),
		cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
