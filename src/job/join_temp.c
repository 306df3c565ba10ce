/* join_temp.c - a directory for the files of one join or conversion. */
#include "job/join_temp.h"

#include "base/fault.h"

enum asof_status
asof_join_temp_open(struct asof_temp_dir *temp, struct asof_error *err)
{
	if (temp->path)
		return ASOF_OK;
	ASOF_TRY(asof_temp_dir_open(temp, NULL, "asof-join-", err));
	enum asof_status status = asof_fault_point("join.temp.opened", err);
	if (status != ASOF_OK)
		asof_temp_dir_done(temp);
	return status;
}
