/* progress_line.h - one line that says how far a job is. Pure. */
#ifndef ASOF_CLI_PROGRESS_LINE_H
#define ASOF_CLI_PROGRESS_LINE_H

#include "base/buf.h"

struct asof_progress_state {
	struct asof_str stage;
	double fraction;  /* of the stage, in [0, 1]; < 0: unknown */
	double elapsed_s; /* since the stage began */
};

/*
 * "build 'departures'  [########--------]  52%  3.1 s  left 2.9 s" within `width` columns: what is
 * least telling goes first where they are few. Nothing is appended for a width of 0.
 */
void asof_progress_line(const struct asof_progress_state *state, size_t width, bool is_utf8,
			struct asof_buf *buf);

#endif
