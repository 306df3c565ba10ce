/*
 * push.h - rows pushed into sources while online features are served.
 *
 * One thread takes what is queued for a source, writes it to the source's log by one commit, and
 * brings the online views of the source up to it. A push is done when both have happened. Requests
 * are told apart by their ids: one that the log has already is only waited for.
 *
 * Thread-safe.
 */
#ifndef ASOF_JOB_PUSH_H
#define ASOF_JOB_PUSH_H

#include "job/reader.h"

#define ASOF_PUSH_QUEUE_MAX   1000 /* requests that wait */
#define ASOF_PUSH_QUEUE_BYTES ((size_t)64 << 20)
#define ASOF_PUSH_GROUP_MAX   500 /* of one commit */

struct asof_pusher;
struct asof_push; /* one request */

/* How a push ended. */
struct asof_push_result {
	enum asof_status status; /* and why, in `err` */
	struct asof_error err;
	bool is_malformed;  /* the body is no JSON */
	int64_t row_count;  /* accepted */
	const char *behind; /* ASOF_OK: what of the online views does not have them, or NULL */
};

/* Brings every online view up to what was pushed before. The reader outlives the pusher. */
ASOF_NODISCARD enum asof_status asof_pusher_open(struct asof_reader *reader,
						 struct asof_pusher **ret_pusher,
						 struct asof_error *err);
/* What is queued is done first. NULL is a no-op. */
void asof_pusher_close(struct asof_pusher *pusher);

/*
 * Queue a push of the JSON `body` into `source`; all is copied. ASOF_UNAVAILABLE where too much
 * waits. `wake` is called once, from another thread, when it is done. *ret_push is to be given back
 * by asof_push_free(), done or not.
 */
ASOF_NODISCARD enum asof_status
asof_pusher_submit(struct asof_pusher *pusher, struct asof_str source, struct asof_str request_id,
		   struct asof_str body, void (*wake)(void *arg), void *wake_arg,
		   struct asof_push **ret_push, struct asof_error *err);
/* Its result, or NULL while it is not done. Lives as long as the push. */
const struct asof_push_result *asof_push_result(struct asof_push *push);
/* `wake` is not called any more once this returns. NULL is a no-op. */
void asof_push_free(struct asof_push *push);

#endif
