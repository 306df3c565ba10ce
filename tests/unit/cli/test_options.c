/* test_options.c - options and words, before and behind the command. */
#include "check.h"

#include "cli/options.h"

static const struct asof_option global_options[] = {
	{ .name = "directory", .letter = 'C', .metavar = "DIR", .about = "where" },
	{ .name = "json", .about = "machines" },
	{ .name = "quiet", .letter = 'q', .about = "less" },
	{ .name = "log-format",
	  .metavar = "FORMAT",
	  .about = "how",
	  .hint = ASOF_HINT_CHOICE,
	  .choices = "text json" },
};
static const struct asof_option own_options[] = {
	{ .name = "full", .about = "all" },
	{ .name = "features", .metavar = "F,..", .about = "which", .is_list = true },
	{ .name = "at", .metavar = "T", .about = "when" },
	{ .name = "threads", .metavar = "N", .about = "how many" },
};

struct run {
	struct asof_arguments args;
	struct asof_error err;
};

#define PARSE(run, ...) parse((run), (const char *[]){ "asof", __VA_ARGS__, NULL })

static enum asof_status
parse(struct run *run, const char *const *argv)
{
	static const struct asof_option_set global = ASOF_OPTION_SET(global_options);
	static const struct asof_option_set own = ASOF_OPTION_SET(own_options);
	int argc = 0;
	while (argv[argc])
		argc++;
	*run = (struct run){ 0 };
	enum asof_status status = asof_arguments_begin(&run->args, global, argc, argv, &run->err);
	if (status != ASOF_OK || run->args.word_count == 0)
		return status;
	return asof_arguments_finish(&run->args, own, &run->err);
}

static void
options_stand_before_and_behind_the_command(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "-C", "here", "build", "--json", "departures", "--full", "-q"),
		  run.err);
	assert_string_equal(asof_arguments_value(&run.args, "directory"), "here");
	assert_true(asof_arguments_has(&run.args, "json"));
	assert_true(asof_arguments_has(&run.args, "quiet"));
	assert_true(asof_arguments_has(&run.args, "full"));
	assert_false(asof_arguments_has(&run.args, "at"));
	assert_int_equal(run.args.word_count, 1);
	assert_string_equal(run.args.words[0], "departures");
	asof_arguments_done(&run.args);
}

static void
the_later_value_of_an_option_counts(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "--directory=a", "get", "-Cb", "v", "--directory", "c"), run.err);
	assert_string_equal(asof_arguments_value(&run.args, "directory"), "c");
	asof_arguments_done(&run.args);
}

static void
a_list_grows_with_each_use_and_drops_empty_parts(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "join", "--features", "a.x,b.*", "--features=,c.y"), run.err);
	const char *const *items = NULL;
	size_t count = 0;
	assert_ok(asof_arguments_list(&run.args, "features", &items, &count, &run.err), run.err);
	assert_int_equal(count, 3);
	assert_string_equal(items[0], "a.x");
	assert_string_equal(items[1], "b.*");
	assert_string_equal(items[2], "c.y");
	asof_arguments_done(&run.args);
}

static void
a_list_of_nothing_is_refused(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "join", "--features", ",,"), run.err);
	const char *const *items = NULL;
	size_t count = 0;
	assert_int_equal(asof_arguments_list(&run.args, "features", &items, &count, &run.err),
			 ASOF_INVALID);
	assert_string_equal(run.err.message, "option '--features' lists nothing");
	asof_arguments_done(&run.args);
}

static void
what_follows_two_dashes_is_a_word(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "sql", "--full", "--", "--full", "-"), run.err);
	assert_int_equal(run.args.word_count, 2);
	assert_string_equal(run.args.words[0], "--full");
	assert_string_equal(run.args.words[1], "-");
	asof_arguments_done(&run.args);
}

static void
a_single_dash_is_a_word(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "sql", "-", "--full"), run.err);
	assert_int_equal(run.args.word_count, 1);
	assert_string_equal(run.args.words[0], "-");
	assert_true(asof_arguments_has(&run.args, "full"));
	asof_arguments_done(&run.args);
}

static void
a_program_without_words_has_its_options(void **state)
{
	(void)state;
	struct run run;
	assert_ok(PARSE(&run, "--json"), run.err);
	assert_int_equal(run.args.word_count, 0);
	assert_true(asof_arguments_has(&run.args, "json"));
	asof_arguments_done(&run.args);
}

static void
each_mistake_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *words[3];
		const char *message;
	} cases[] = {
		{ { "build", "--ful" }, "unknown option '--ful'; did you mean '--full'?" },
		{ { "build", "--jsno=1" }, "unknown option '--jsno'; did you mean '--json'?" },
		{ { "build", "--zzzzzz" }, "unknown option '--zzzzzz'" },
		{ { "build", "-x" }, "unknown option '-x'" },
		{ { "--full", "build" }, "unknown option '--full'" },
		{ { "build", "--full=1" }, "option '--full' takes no value" },
		{ { "build", "--at" }, "option '--at' needs a value" },
		{ { "build", "-C" }, "option '-C' needs a value" },
		{ { "build", "--log-format=jsn" },
		  "unknown value of --log-format: 'jsn'; did you mean 'json'?" },
		{ { "build", "--log-format", "xml" },
		  "unknown value of --log-format: 'xml'; known are: text json" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct run run;
		assert_int_equal(
			PARSE(&run, cases[i].words[0], cases[i].words[1], cases[i].words[2]),
			ASOF_INVALID);
		assert_string_equal(run.err.message, cases[i].message);
		asof_arguments_done(&run.args);
	}
}

static void
counts_have_bounds_and_a_fallback(void **state)
{
	(void)state;
	struct run run;
	uint64_t count = 0;
	assert_ok(PARSE(&run, "build"), run.err);
	assert_ok(asof_arguments_count(&run.args, "threads", 1, 8, 5, &count, &run.err), run.err);
	assert_int_equal(count, 5);
	asof_arguments_done(&run.args);

	assert_ok(PARSE(&run, "build", "--threads", "8"), run.err);
	assert_ok(asof_arguments_count(&run.args, "threads", 1, 8, 5, &count, &run.err), run.err);
	assert_int_equal(count, 8);
	asof_arguments_done(&run.args);

	static const char *const bad[] = { "0", "9", "-1", "1.5", "", "x", "99999999999999999999" };
	for (size_t i = 0; i < ASOF_COUNTOF(bad); i++) {
		assert_ok(PARSE(&run, "build", "--threads", bad[i]), run.err);
		assert_int_equal(
			asof_arguments_count(&run.args, "threads", 1, 8, 5, &count, &run.err),
			ASOF_INVALID);
		assert_non_null(strstr(run.err.message, "is not a whole number from 1 to 8"));
		assert_int_equal(count, 8);
		asof_arguments_done(&run.args);
	}
}

static void
times_are_read_and_their_option_is_named(void **state)
{
	(void)state;
	struct run run;
	bool is_given = false;
	int64_t at_us = 7;
	assert_ok(PARSE(&run, "get"), run.err);
	assert_ok(asof_arguments_time(&run.args, "at", &is_given, &at_us, &run.err), run.err);
	assert_false(is_given);
	assert_int_equal(at_us, 7);
	asof_arguments_done(&run.args);

	assert_ok(PARSE(&run, "get", "--at", "1970-01-01T00:00:01Z"), run.err);
	assert_ok(asof_arguments_time(&run.args, "at", &is_given, &at_us, &run.err), run.err);
	assert_true(is_given);
	assert_int_equal(at_us, 1000000);
	asof_arguments_done(&run.args);

	assert_ok(PARSE(&run, "get", "--at", "noon"), run.err);
	assert_int_equal(asof_arguments_time(&run.args, "at", &is_given, &at_us, &run.err),
			 ASOF_INVALID);
	assert_int_equal(strncmp(run.err.message, "option '--at': ", 15), 0);
	asof_arguments_done(&run.args);
}

static void
choices_are_whole_words(void **state)
{
	(void)state;
	assert_true(asof_choice_has("views features", "views"));
	assert_true(asof_choice_has("views features", "features"));
	assert_false(asof_choice_has("views features", "view"));
	assert_false(asof_choice_has("views features", "views features"));
	assert_false(asof_choice_has("views features", ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_behind_the_command),
		cmocka_unit_test(the_later_value_of_an_option_counts),
		cmocka_unit_test(a_list_grows_with_each_use_and_drops_empty_parts),
		cmocka_unit_test(a_list_of_nothing_is_refused),
		cmocka_unit_test(what_follows_two_dashes_is_a_word),
		cmocka_unit_test(a_single_dash_is_a_word),
		cmocka_unit_test(a_program_without_words_has_its_options),
		cmocka_unit_test(each_mistake_is_said),
		cmocka_unit_test(counts_have_bounds_and_a_fallback),
		cmocka_unit_test(times_are_read_and_their_option_is_named),
		cmocka_unit_test(choices_are_whole_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
