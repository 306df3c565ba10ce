/* cmd_schema.c - asof schema: the JSON Schema of the definitions. */
#include "cli/cli.h"
#include "cli/commands.h"

static enum asof_status
run(struct asof_cli *cli, struct asof_error *err)
{
	(void)err;
	asof_cli_print(cli, asof_schema());
	return ASOF_OK;
}

const struct asof_command asof_command_schema = {
	.name = "schema",
	.usage = "",
	.summary = "print the JSON Schema of the definitions, for editors",
	.about =
		"The JSON Schema of asof.yaml and of the files that it includes. Needs no project.",
	.examples = { { "keep it for an editor", "asof schema > asof.schema.json" },
		      { "the names that asof.yaml may have",
			"asof schema | jq '.properties | keys'" } },
	.run = run,
};
