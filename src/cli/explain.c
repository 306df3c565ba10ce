/* explain.c - why a run failed: text for people, JSON or log lines for machines. */
#include "cli/cli.h"

#include "cli/exit_status.h"
#include "cli/text_width.h"

#define EXPLAIN_MAX (4 * 1024 * 1024)

/* The mistakes in the definitions, where those are why the run failed; "" otherwise. */
static const char *
mistakes_of(const struct asof_cli *cli, const struct asof_error *err)
{
	if (!cli->session || err->status != ASOF_INVALID)
		return "";
	return asof_session_mistakes(cli->session);
}

static void
write_mistakes(struct asof_json_writer *writer, const char *lines)
{
	asof_json_key_cstr(writer, "mistakes");
	asof_json_begin_array(writer);
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		asof_json_str(writer, (struct asof_str){ lines, len });
		lines += len + (lines[len] == '\n');
	}
	asof_json_end_array(writer);
}

static void
explain_json(struct asof_cli *cli, const struct asof_error *err, const char *mistakes)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(EXPLAIN_MAX);
	struct asof_json_writer writer = asof_json_writer_to(&buf);
	asof_json_begin_object(&writer);
	asof_json_key_cstr(&writer, "error");
	asof_json_begin_object(&writer);
	asof_json_member_cstr(&writer, "code", asof_status_code(err->status));
	asof_json_member_cstr(&writer, "message", err->message);
	if (*mistakes)
		write_mistakes(&writer, mistakes);
	asof_json_end_object(&writer);
	asof_json_end_object(&writer);
	(void)fprintf(cli->err, "%s\n", asof_buf_cstr(&buf));
}

/* Where it was interrupted is of no use to who did it; what was saved from it is. */
static const char *
what_is_kept(const struct asof_error *err)
{
	const char *found = strstr(err->message, "interrupted");
	return found ? found : "interrupted";
}

static void
explain_text(struct asof_cli *cli, const struct asof_error *err, bool is_usage)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf clean = ASOF_BUF(EXPLAIN_MAX);
	const char *message = err->status == ASOF_CANCELLED ? what_is_kept(err) : err->message;
	asof_text_clean(asof_str_from(message), &clean);
	(void)fprintf(cli->err, "%s: %s\n", cli->program->name, asof_buf_cstr(&clean));
	if (is_usage && cli->command)
		(void)fprintf(cli->err, "'%s %s --help' explains it\n", cli->program->name,
			      cli->command->name);
	else if (is_usage)
		(void)fprintf(cli->err, "'%s --help' lists the commands\n", cli->program->name);
}

void
asof_cli_explain(struct asof_cli *cli, const struct asof_error *err, bool is_usage)
{
	const char *mistakes = mistakes_of(cli, err);
	/* What was printed before comes before, also where both streams are one. */
	(void)fflush(cli->out);
	if (cli->wants_json)
		explain_json(cli, err, mistakes);
	else if (*mistakes)
		(void)fputs(mistakes, cli->err);
	else if (cli->log.is_json)
		asof_log_write(&cli->log, ASOF_LOG_ERROR, asof_str_from(err->message), NULL, 0);
	else
		explain_text(cli, err, is_usage);
}
