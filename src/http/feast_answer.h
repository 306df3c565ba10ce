/* feast_answer.h - online features as Feast's server answers them: column by column. */
#ifndef ASOF_HTTP_FEAST_ANSWER_H
#define ASOF_HTTP_FEAST_ANSWER_H

#include "http/feast_request.h"
#include "http/routes.h"

/*
 * {"results": [{"values": [..], "statuses": [..], "event_timestamps": [..]}, ..], "metadata":
 * {"feature_names": [..]}}: the keys, then what was asked for, one entry per row in each list; all
 * rows at one clock.
 *
 * Rows are read slice by slice. What is kept of them until the last is read is the text of their
 * values, a byte per value and an instant per row and view: together less than the answer, which
 * has a limit. Refused at once where the answer cannot stay below it.
 */
ASOF_NODISCARD enum asof_status
asof_feast_answer(struct asof_reader *reader, const struct asof_feast_request *request,
		  struct asof_scratch *scratch, struct asof_buf *buf, struct asof_problem *problem);

#endif
