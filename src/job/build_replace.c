/* build_replace.c - rows and tiles that are no longer as the source has them are computed again. */
#include "job/build_replace.h"

/* An ordinary append reads the added rows as it would read new files. */
void
asof_build_choose_change(struct asof_view_build *b, const struct asof_source_change *change,
			 const char *reason)
{
	b->change = change;
	b->report.reason = reason;
	b->has_work = true;
	if (!change->removed_sql) {
		b->report.mode = "append";
		b->plan.source.rows_sql = change->added_sql;
		return;
	}
	b->report.mode = "replace";
}
