/* test_manual.c - help, manual, completion and checks come from one table. */
#include "check.h"

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "printed.h"

static const struct asof_option global_options[] = {
	{ .name = "quiet", .letter = 'q', .about = "say less" },
	{ .name = "format",
	  .metavar = "F",
	  .about = "how",
	  .hint = ASOF_HINT_CHOICE,
	  .choices = "text json" },
};
static const struct asof_option own_options[] = {
	{ .name = "at",
	  .metavar = "label|T",
	  .about = "it's [when]: `now` or T_0",
	  .hint = ASOF_HINT_SERVICE },
};
static const struct asof_command build = {
	.name = "build",
	.usage = "[VIEW..] [--at T]",
	.summary = "compute it's views",
	.about = ".a line that begins with a dot\n\nand a \\ paragraph",
	.words = { .max = SIZE_MAX, .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(own_options),
	.examples = { { "all of them", "asof build" }, { "one", "asof build v" } },
};
static const struct asof_command list = {
	.name = "list",
	.usage = "KIND",
	.summary = "list things",
	.about = "Lists.",
	.words = { .min = 1,
		   .max = 1,
		   .missing = "a kind",
		   .choices = "views runs",
		   .hint = ASOF_HINT_CHOICE,
		   .label = "kind" },
	.examples = { { "views", "asof list views" }, { "runs", "asof list runs" } },
};
static const struct asof_command secret = {
	.name = "secret",
	.usage = "",
	.summary = "hidden",
	.about = "Hidden.",
	.examples = { { "a", "b" }, { "c", "d" } },
	.is_hidden = true,
};
static const struct asof_command *const commands[] = { &build, &list, &secret };
static const struct asof_program program = {
	.name = "asof",
	.summary = "features",
	.about = "About.",
	.commands = commands,
	.command_count = ASOF_COUNTOF(commands),
	.global = ASOF_OPTION_SET(global_options),
};

static void
assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no '%s' in:\n%s", what, text);
}

static void
help_of_a_command_has_usage_options_examples_and_exits(void **state)
{
	(void)state;
	struct printed printed;
	printed_begin(&printed);
	asof_help_command(&program, &build, printed.stream);
	char *text = printed_end(&printed);
	assert_has(text, "usage: asof build [VIEW..] [--at T] [OPTION..]\n");
	assert_has(text, "\n      --at label|T  it's [when]: `now` or T_0\n");
	assert_has(text, "\n  -q, --quiet     say less\n");
	assert_has(text, "\n  asof build v\n      one\n");
	assert_has(text, "\n  130  interrupted");
	free(text);
}

static void
help_of_the_program_lists_what_is_not_hidden(void **state)
{
	(void)state;
	struct printed printed;
	printed_begin(&printed);
	asof_help_program(&program, printed.stream);
	char *text = printed_end(&printed);
	assert_has(text, "\n  build   compute it's views\n");
	assert_has(text, "\n  list    list things\n");
	assert_null(strstr(text, "hidden"));
	free(text);
}

static void
the_manual_page_escapes_what_roff_would_read(void **state)
{
	(void)state;
	struct printed printed;
	printed_begin(&printed);
	asof_manual_man(&program, printed.stream);
	char *text = printed_end(&printed);
	assert_has(text, "\n\\&.a line that begins with a dot\n.PP\nand a \\e paragraph\n");
	assert_has(text, "\\fB\\-\\-at\\fR \\fIlabel|T\\fR\n");
	assert_has(text, "\nit\\(aqs [when]");
	assert_null(strstr(text, "idden"));
	free(text);
}

static void
the_reference_page_escapes_what_markdown_would_read(void **state)
{
	(void)state;
	struct printed printed;
	printed_begin(&printed);
	asof_manual_markdown(&program, printed.stream);
	char *text = printed_end(&printed);
	assert_has(text, "| `--at label\\|T` | it's \\[when\\]: \\`now\\` or T\\_0 |\n");
	assert_has(text, "| [`build`](#build) | compute it's views |\n");
	assert_has(text, "\n## list\n");
	assert_null(strstr(text, "idden"));
	free(text);
}

static void
completions_know_commands_options_and_kinds(void **state)
{
	(void)state;
	static void (*const shells[])(const struct asof_program *, FILE *) = {
		asof_completion_bash,
		asof_completion_zsh,
		asof_completion_fish,
	};
	for (size_t i = 0; i < ASOF_COUNTOF(shells); i++) {
		struct printed printed;
		printed_begin(&printed);
		shells[i](&program, printed.stream);
		char *text = printed_end(&printed);
		assert_has(text, "build");
		assert_has(text, "quiet");
		assert_has(text, "text json");
		assert_has(text, "views runs");
		assert_has(text, "services");
		assert_null(strstr(text, "secret"));
		free(text);
	}
}

static void
a_command_checks_its_words(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	const char *words[] = { "views", "more" };
	assert_ok(asof_command_check_words(&list, words, 1, &err), err);
	assert_int_equal(asof_command_check_words(&list, words, 0, &err), ASOF_INVALID);
	assert_string_equal(err.message, "'list' needs a kind");
	assert_int_equal(asof_command_check_words(&list, words, 2, &err), ASOF_INVALID);
	assert_string_equal(err.message, "'list' does not take 'more'");
	words[0] = "veiws";
	assert_int_equal(asof_command_check_words(&list, words, 1, &err), ASOF_INVALID);
	assert_string_equal(err.message, "unknown kind 'veiws'; did you mean 'views'?");
}

static void
an_unknown_command_is_told_the_nearest(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ptr_equal(asof_program_find(&program, "build"), &build);
	assert_null(asof_program_find(&program, "biuld"));
	assert_int_equal(asof_program_fail_unknown(&program, "biuld", &err), ASOF_INVALID);
	assert_string_equal(err.message, "unknown command 'biuld'; did you mean 'build'?");
	assert_int_equal(asof_program_fail_unknown(&program, "secrets", &err), ASOF_INVALID);
	assert_string_equal(err.message, "unknown command 'secrets'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_of_a_command_has_usage_options_examples_and_exits),
		cmocka_unit_test(help_of_the_program_lists_what_is_not_hidden),
		cmocka_unit_test(the_manual_page_escapes_what_roff_would_read),
		cmocka_unit_test(the_reference_page_escapes_what_markdown_would_read),
		cmocka_unit_test(completions_know_commands_options_and_kinds),
		cmocka_unit_test(a_command_checks_its_words),
		cmocka_unit_test(an_unknown_command_is_told_the_nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
