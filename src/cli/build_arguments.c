#include "cli/build_arguments.h"

enum asof_status
asof_build_arguments_read(const struct asof_arguments *args, struct asof_build_options *ret_build,
			  struct asof_error *err)
{
	struct asof_build_options build = *ret_build;
	build.is_full = asof_arguments_has(args, "full");
	const char *engine = asof_arguments_value(args, "engine");
	build.is_sql = engine && strcmp(engine, "sql") == 0;
	if (engine && !build.is_sql && strcmp(engine, "kernel") != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "option '--engine': '%s' is neither 'kernel' nor 'sql'", engine);
	bool has_from = false;
	bool has_to = false;
	ASOF_TRY(asof_arguments_time(args, "from", &has_from, &build.from_us, err));
	ASOF_TRY(asof_arguments_time(args, "to", &has_to, &build.to_us, err));
	if (has_from != has_to)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--%s' needs '--%s' beside it",
				 has_from ? "from" : "to", has_from ? "to" : "from");
	if (has_from && build.from_us >= build.to_us)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--from' is not before '--to'");
	build.has_range = has_from;
	*ret_build = build;
	return ASOF_OK;
}
