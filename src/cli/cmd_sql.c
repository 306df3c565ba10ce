/* cmd_sql.c - asof sql: a query over sources and views. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sql_output.h"

#define QUERY_BYTES_MAX (1024 * 1024)
#define READ_BYTES      (64 * 1024)

static enum asof_status
read_query(int fd, struct asof_buf *buf, struct asof_error *err)
{
	for (;;) {
		char *room = asof_buf_reserve(buf, READ_BYTES);
		if (!room)
			return ASOF_WRAP(err, asof_buf_status(buf, err), "query on standard input");
		ssize_t len = read(fd, room, READ_BYTES);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return ASOF_FAIL(err, ASOF_IO, "read standard input: %s", strerror(errno));
		if (len == 0)
			return ASOF_OK;
		asof_buf_grow(buf, (size_t)len);
	}
}

static enum asof_status
take_columns(void *arg, const char *const *names, const char *const *types, size_t count,
	     struct asof_error *err)
{
	struct asof_cli *cli = ((void **)arg)[0];
	asof_progress_done(&cli->progress);
	return asof_sql_output_columns(((void **)arg)[1], names, types, count, err);
}

static enum asof_status
take_row(void *arg, const char *const *json, size_t count, struct asof_error *err)
{
	return asof_sql_output_row(((void **)arg)[1], json, count, err);
}

static enum asof_sql_form
read_form(const struct asof_cli *cli)
{
	if (asof_arguments_has(&cli->args, "csv"))
		return ASOF_SQL_CSV;
	return cli->wants_json ? ASOF_SQL_JSON : ASOF_SQL_TABLE;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	if (cli->wants_json && asof_arguments_has(&cli->args, "csv"))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "options '--json' and '--csv' exclude each other");
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(QUERY_BYTES_MAX + READ_BYTES);
	const char *query = cli->args.words[0];
	if (strcmp(query, "-") == 0) {
		ASOF_TRY(read_query(STDIN_FILENO, &text, err));
		query = asof_buf_cstr(&text);
		if (strlen(query) != text.len)
			return ASOF_FAIL(err, ASOF_INVALID, "the query has a NUL byte");
	}
	ASOF_TRY(asof_cli_open(cli, err));
	ASOF_AUTO(asof_sql_output_done)
	struct asof_sql_output output = {
		.form = read_form(cli),
		.style = asof_terminal_style(&cli->out_terminal),
		.out = cli->out,
	};
	void *both[] = { cli, &output };
	struct asof_sql_visitor visitor = { take_columns, take_row, both };
	ASOF_TRY(asof_sql(cli->session, query, &visitor, err));
	asof_sql_output_end(&output);
	return ASOF_OK;
}

static const struct asof_option options[] = {
	{ .name = "csv", .about = "rows as CSV instead of a table" },
};

const struct asof_command asof_command_sql = {
	.name = "sql",
	.usage = "QUERY|- [--csv]",
	.summary = "query every source and view by name",
	.about =
		"Runs one query; '-' reads it from standard input. A source is its rows. A view is "
		"its finished\nvalues, a view with windows at each tile's END; VIEW__tiles is what "
		"is stored. --json prints\n{\"columns\": [{\"name\", \"type\"}], \"rows\": "
		"[{name: value}]}.",
	.words = { .min = 1, .max = 1, .missing = "a query, or - for standard input" },
	.options = ASOF_OPTION_SET(options),
	.examples = { { "the busiest airports", "asof sql \"select origin, count(*) n from flights "
						"group by 1 order by 2 desc\"" },
		      { "a query from a file, as CSV", "asof sql - --csv < query.sql" } },
	.run = run,
};
