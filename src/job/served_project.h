/*
 * served_project.h - the definitions that a reader answers with, replaced while it does.
 * Thread-safe.
 */
#ifndef ASOF_JOB_SERVED_PROJECT_H
#define ASOF_JOB_SERVED_PROJECT_H

#include <stdatomic.h>

#include "base/base.h"
#include "model/project.h"

struct asof_served_project {
	_Atomic(const struct asof_project *) current;
	pthread_mutex_t lock;             /* guards `owned` */
	struct asof_owned_project *owned; /* the newest first */
};

/* `project` is borrowed; it outlives the other. */
void asof_served_project_init(struct asof_served_project *served,
			      const struct asof_project *project);
void asof_served_project_done(struct asof_served_project *served);

const struct asof_project *asof_served_project_get(const struct asof_served_project *served);
/* Serve `project` from now on, and own it whatever happens. The one before lives on for ten
 * minutes: requests hold pointers into it. */
ASOF_NODISCARD enum asof_status asof_served_project_take(struct asof_served_project *served,
							 struct asof_project *project,
							 struct asof_error *err);

#endif
