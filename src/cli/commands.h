/* commands.h - every command, one per cmd_<name>.c. Immutable. */
#ifndef ASOF_CLI_COMMANDS_H
#define ASOF_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct asof_command asof_command_init;
extern const struct asof_command asof_command_plan;
extern const struct asof_command asof_command_apply;
extern const struct asof_command asof_command_build;
extern const struct asof_command asof_command_join;
extern const struct asof_command asof_command_explain;
extern const struct asof_command asof_command_materialize;
extern const struct asof_command asof_command_get;
extern const struct asof_command asof_command_serve;
extern const struct asof_command asof_command_list;
extern const struct asof_command asof_command_show;
extern const struct asof_command asof_command_rollback;
extern const struct asof_command asof_command_diff;
extern const struct asof_command asof_command_search;
extern const struct asof_command asof_command_lineage;
extern const struct asof_command asof_command_sql;
extern const struct asof_command asof_command_validate;
extern const struct asof_command asof_command_compact;
extern const struct asof_command asof_command_vacuum;
extern const struct asof_command asof_command_doctor;
extern const struct asof_command asof_command_schema;
extern const struct asof_command asof_command_version;
extern const struct asof_command asof_command_completion;
extern const struct asof_command asof_command_manual;
extern const struct asof_command asof_command_names;

#endif
