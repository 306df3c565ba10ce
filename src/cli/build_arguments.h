/* build_arguments.h - the options that `build` and `explain build` share. */
#ifndef ASOF_CLI_BUILD_ARGUMENTS_H
#define ASOF_CLI_BUILD_ARGUMENTS_H

#include "cli/options.h"

/* Table entries of both, beside --engine. */
#define ASOF_BUILD_ARGUMENTS                                                                     \
	{ .name = "full", .about = "compute everything again" },                                 \
		{ .name = "from", .metavar = "T", .about = "only events from T on; with --to" }, \
	{                                                                                        \
		.name = "to", .metavar = "T", .about = "only events before T; with --from"       \
	}

/* --full, --from and --to, --engine; views and tag are the caller's. */
ASOF_NODISCARD enum asof_status asof_build_arguments_read(const struct asof_arguments *args,
							  struct asof_build_options *ret_build,
							  struct asof_error *err);

#endif
