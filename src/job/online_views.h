/*
 * online_views.h - the tables of an online store by view, kept up with the store while it is read.
 * Thread-safe.
 */
#ifndef ASOF_JOB_ONLINE_VIEWS_H
#define ASOF_JOB_ONLINE_VIEWS_H

#include "job/reader.h"
#include "store/store.h"

struct asof_online_views;

/* `store` outlives the views. */
ASOF_NODISCARD enum asof_status asof_online_views_open(struct asof_store *store,
						       struct asof_online_views **ret_views,
						       struct asof_error *err);
/* NULL is a no-op. */
void asof_online_views_free(struct asof_online_views *views);

/* Look at the store again, at most ten times a second unless `is_urgent`; while somebody does,
 * others go on with what is known. What cannot be read leaves things as they were. */
void asof_online_views_refresh(struct asof_online_views *views, bool is_urgent);

size_t asof_online_views_count(struct asof_online_views *views);
const struct asof_reader_view *asof_online_views_at(struct asof_online_views *views, size_t index);
/* By bare name; NULL where there is none. */
const struct asof_reader_view *asof_online_views_find(struct asof_online_views *views,
						      struct asof_str name);

#endif
