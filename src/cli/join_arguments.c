#include "cli/join_arguments.h"

static enum asof_status
read_known_at(const struct asof_arguments *args, struct asof_join_options *join,
	      struct asof_error *err)
{
	const char *known_at = asof_arguments_value(args, "known-at");
	if (!known_at)
		return ASOF_OK;
	if (strcmp(known_at, "label") == 0) {
		join->known_at = ASOF_KNOWN_AT_LABEL;
		return ASOF_OK;
	}
	bool is_given = false;
	join->known_at = ASOF_KNOWN_AT_TIME;
	enum asof_status status =
		asof_arguments_time(args, "known-at", &is_given, &join->known_at_us, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "neither 'label' nor a time");
	return ASOF_OK;
}

enum asof_status
asof_join_arguments_engine(const struct asof_arguments *args, struct asof_join_options *join,
			   struct asof_error *err)
{
	const char *engine = asof_arguments_value(args, "engine");
	join->is_sql = engine && strcmp(engine, "sql") == 0;
	if (engine && !join->is_sql && strcmp(engine, "kernel") != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "option '--engine': '%s' is neither 'kernel' nor 'sql'", engine);
	return ASOF_OK;
}

static enum asof_status
read_features(struct asof_arguments *args, struct asof_join_options *join, struct asof_error *err)
{
	join->service = asof_arguments_value(args, "service");
	ASOF_TRY(asof_arguments_list(args, "features", &join->features, &join->feature_count, err));
	if (!join->service && join->feature_count == 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "one of the options '--service' and '--features' is needed");
	if (join->service && join->feature_count > 0)
		return ASOF_FAIL(
			err, ASOF_INVALID,
			"options '--service' and '--features' cannot go together: give one of "
			"them");
	return ASOF_OK;
}

enum asof_status
asof_join_arguments_read(struct asof_arguments *args, struct asof_join_options *ret_join,
			 struct asof_error *err)
{
	struct asof_join_options join = *ret_join;
	ASOF_TRY(asof_join_arguments_engine(args, &join, err));
	join.spine = asof_arguments_value(args, "spine");
	if (!join.spine)
		return ASOF_FAIL(err, ASOF_INVALID, "option '--spine' is missing");
	ASOF_TRY(read_features(args, &join, err));
	join.time_column = asof_arguments_value(args, "time-column");
	join.is_direct = asof_arguments_has(args, "direct");
	if (join.is_direct && asof_arguments_has(args, "as-of"))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "option '--as-of' cannot go with '--direct', which reads no "
				 "versions");
	ASOF_TRY(read_known_at(args, &join, err));
	ASOF_TRY(asof_arguments_time(args, "as-of", &join.has_as_of, &join.as_of_us, err));
	*ret_join = join;
	return ASOF_OK;
}
