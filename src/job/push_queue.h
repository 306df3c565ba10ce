/* push_queue.h - between the queue of pushes (push.c) and what is done with a group of them. */
#ifndef ASOF_JOB_PUSH_QUEUE_H
#define ASOF_JOB_PUSH_QUEUE_H

#include "job/push.h"

struct asof_push {
	struct asof_pusher *pusher;
	struct asof_bytes source;
	struct asof_bytes request_id;
	struct asof_bytes body;
	struct asof_arena arena; /* of the result */
	struct asof_push_result result;
	struct asof_push *next; /* in the queue */
	bool is_done;
	bool is_abandoned; /* nobody waits for it */
	void (*wake)(void *arg);
	void *wake_arg;
};

struct asof_push_work;

/* Brings every online view up to what was pushed before. Used by one thread at a time. */
ASOF_NODISCARD enum asof_status asof_push_work_open(struct asof_reader *reader,
						    struct asof_push_work **ret_work,
						    struct asof_error *err);
void asof_push_work_free(struct asof_push_work *work);
/* Set the result of each push of a group, which is of one source. */
void asof_push_work_do(struct asof_push_work *work, struct asof_push **group, size_t count);

#endif
