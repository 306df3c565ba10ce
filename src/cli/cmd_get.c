/* cmd_get.c - asof get: one online row. */
#include "cli/cli.h"
#include "cli/commands.h"

ASOF_DEFINE_AUTOFREE(struct asof_reader, asof_reader_close)

/* The words behind the view, "name=value", in two columns. */
struct key_words {
	const char **names;
	const char **values;
	size_t count;
};

static enum asof_status
split_keys(struct asof_arguments *args, struct key_words *ret_keys, struct asof_error *err)
{
	size_t count = args->word_count - 1;
	const char **names = asof_arena_array(&args->arena, count + 1, sizeof(*names));
	const char **values = asof_arena_array(&args->arena, count + 1, sizeof(*values));
	if (!names || !values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu keys", count);
	for (size_t i = 0; i < count; i++) {
		const char *word = args->words[i + 1];
		const char *equals = strchr(word, '=');
		if (!equals || equals == word)
			return ASOF_FAIL(err, ASOF_INVALID, "'%s' is not of the form key=value",
					 word);
		struct asof_str name = { word, (size_t)(equals - word) };
		names[i] = asof_arena_copy(&args->arena, name);
		if (!names[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu keys", count);
		values[i] = equals + 1;
	}
	*ret_keys = (struct key_words){ names, values, count };
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	struct key_words keys = { 0 };
	ASOF_TRY(split_keys(&cli->args, &keys, err));
	struct asof_reader_options options = { .is_clock_held = true };
	ASOF_TRY(asof_arguments_time(&cli->args, "at", &options.has_clock, &options.clock_us, err));
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_reader_close_auto) struct asof_reader *reader = NULL;
	ASOF_TRY(asof_reader_open(cli->session, &options, &reader, err));
	ASOF_AUTO(asof_text_free_auto) char *json = NULL;
	ASOF_TRY(asof_reader_get(reader, cli->args.words[0], keys.names, keys.values, keys.count,
				 &json, err));
	asof_cli_print(cli, json);
	return ASOF_OK;
}

static const struct asof_option options[] = {
	{ .name = "at", .metavar = "T", .about = "with the clock standing at T (default: now)" },
};

const struct asof_command asof_command_get = {
	.name = "get",
	.usage = "VIEW key=value.. [--at T]",
	.summary = "print one online row as JSON",
	.about = "The row of one key as the server would answer it: values, a status for each, and "
		 "the time of\nthe event behind them. A key that does not exist is an answer too "
		 "(NOT_FOUND).",
	.words = { .min = 2,
		   .max = SIZE_MAX,
		   .missing = "a view and its key: VIEW key=value..",
		   .hint = ASOF_HINT_VIEW },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "one airport, now", "asof get departures origin=ABE" },
		      { "one route, at an instant",
			"asof get routes origin=ABE destination=ORD --at 2001-06-30T12:00:00Z" } },
	.run = run,
};
