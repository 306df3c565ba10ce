/* join_arguments.h - the options that `join` and `explain` share. */
#ifndef ASOF_CLI_JOIN_ARGUMENTS_H
#define ASOF_CLI_JOIN_ARGUMENTS_H

#include "cli/options.h"

/* Table entries of both. */
#define ASOF_JOIN_ARGUMENTS                                                                   \
	{ .name = "spine",                                                                    \
	  .metavar = "FILE",                                                                  \
	  .about = "the rows (key, time, labels) to join onto: Parquet, CSV or JSON",         \
	  .hint = ASOF_HINT_FILE },                                                           \
		{ .name = "service",                                                          \
		  .metavar = "S",                                                             \
		  .about = "the features of this service",                                    \
		  .hint = ASOF_HINT_SERVICE },                                                \
		{ .name = "features",                                                         \
		  .metavar = "F,..",                                                          \
		  .about = "these features: view.feature, view.*, view@1.2.3.feature",        \
		  .is_list = true },                                                          \
		{ .name = "time-column",                                                      \
		  .metavar = "C",                                                             \
		  .about = "the spine's time (default: event_time, or the only timestamp)" }, \
		{ .name = "known-at",                                                         \
		  .metavar = "label|T",                                                       \
		  .about = "only what was known by the row's own time, or by T" },            \
		{ .name = "as-of",                                                            \
		  .metavar = "T",                                                             \
		  .about = "the versions that were current at T" },                           \
		{ .name = "direct",                                                           \
		  .about = "compute from the sources as they are now, without a build" },     \
	{                                                                                     \
		.name = "engine", .metavar = "kernel|sql",                                    \
		.about = "what joins: the kernels (default) or the reference SQL"             \
	}

/* --engine alone. */
ASOF_NODISCARD enum asof_status asof_join_arguments_engine(const struct asof_arguments *args,
							   struct asof_join_options *join,
							   struct asof_error *err);
/* Everything but --out and --from-manifest. Values live as long as `args`. */
ASOF_NODISCARD enum asof_status asof_join_arguments_read(struct asof_arguments *args,
							 struct asof_join_options *ret_join,
							 struct asof_error *err);

#endif
