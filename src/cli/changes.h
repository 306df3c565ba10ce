/* changes.h - what plan and apply print. */
#ifndef ASOF_CLI_CHANGES_H
#define ASOF_CLI_CHANGES_H

#include "cli/cli.h"

/* The changes of asof_plan()'s result as a table, with the reasons below it. */
enum asof_status asof_changes_render(struct asof_cli *cli, const struct asof_json *root,
				     struct asof_error *err);

#endif
