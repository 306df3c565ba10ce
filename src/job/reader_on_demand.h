/*
 * reader_on_demand.h - on-demand views as a reader serves them: computed from what is online.
 *
 * To whoever asks, such a view is one more reader view whose keys are those of all that it reads,
 * and behind them the values of the request. Immutable once opened, then thread-safe.
 */
#ifndef ASOF_JOB_READER_ON_DEMAND_H
#define ASOF_JOB_READER_ON_DEMAND_H

#include "job/reader.h"

struct asof_reader_on_demands;

/* Those of the project, as the catalog has them; NULL where the project has none. */
ASOF_NODISCARD enum asof_status
asof_reader_on_demands_open(struct asof_session *session, struct asof_reader_on_demands **ret_views,
			    struct asof_error *err);
/* NULL is a no-op. */
void asof_reader_on_demands_free(struct asof_reader_on_demands *views);

size_t asof_reader_on_demands_count(const struct asof_reader_on_demands *views);
const struct asof_reader_view *asof_reader_on_demands_at(const struct asof_reader_on_demands *views,
							 size_t index);

/* asof_reader_rows() of such a view; request values may be NULL, and keys too: then nothing is
 * found of what they are keys of. */
ASOF_NODISCARD enum asof_status
asof_reader_on_demand_rows(struct asof_reader *reader, const struct asof_reader_view *view,
			   const struct asof_value *keys, size_t row_count, int64_t clock_us,
			   struct asof_arena *arena, struct asof_answer *ret_answers,
			   struct asof_error *err);

#endif
