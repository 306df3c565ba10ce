/* cmd_completion.c - asof completion: completion scripts for shells. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion.h"

#define SCRIPT_BYTES_MAX (1024 * 1024)

static void
print_script(const struct asof_program *program, const char *shell, FILE *out)
{
	if (strcmp(shell, "bash") == 0)
		asof_completion_bash(program, out);
	else if (strcmp(shell, "zsh") == 0)
		asof_completion_zsh(program, out);
	else
		asof_completion_fish(program, out);
}

/* {"shell": "bash", "script": ".."} */
static enum asof_status
print_json(const char *shell, struct asof_str script, FILE *out, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(SCRIPT_BYTES_MAX);
	struct asof_json_writer writer = asof_json_writer_to(&buf);
	asof_json_begin_object(&writer);
	asof_json_member_cstr(&writer, "shell", shell);
	asof_json_member_str(&writer, "script", script);
	asof_json_end_object(&writer);
	ASOF_TRY(asof_buf_status(&buf, err));
	(void)fprintf(out, "%s\n", buf.ptr);
	return ASOF_OK;
}

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	const char *shell = cli->args.words[0];
	if (!cli->wants_json) {
		print_script(cli->program, shell, cli->out);
		return ASOF_OK;
	}
	char *script = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&script, &len);
	if (!memory)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "script");
	print_script(cli->program, shell, memory);
	enum asof_status status = ASOF_OK;
	if (fclose(memory) == 0)
		status = print_json(shell, (struct asof_str){ script, len }, cli->out, err);
	else
		status = ASOF_FAIL(err, ASOF_NO_MEMORY, "script");
	free(script);
	return status;
}

const struct asof_command asof_command_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.summary = "print a completion script for a shell",
	.about =
		"'make install' puts the scripts where the shells look for them; this is for those "
		"who cannot.\nNeeds no project.",
	.words = { .min = 1,
		   .max = 1,
		   .missing = "a shell: bash, zsh or fish",
		   .hint = ASOF_HINT_CHOICE,
		   .choices = "bash zsh fish",
		   .label = "shell" },
	.examples = { { "in this bash", "eval \"$(asof completion bash)\"" },
		      { "for every fish to come",
			"asof completion fish > ~/.config/fish/completions/asof.fish" } },
	.run = run,
};
