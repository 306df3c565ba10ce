/* push.c - the queue of pushes, and the thread that empties it. */
#include "job/push.h"

#include "job/push_queue.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "push");
}

struct asof_pusher {
	struct asof_push_work *work; /* of the thread */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards everything below, and every push's `is_done` and `wake` */
	pthread_cond_t has_more;
	struct asof_push *first; /* the queue, in order of arrival */
	struct asof_push **last;
	size_t count;
	size_t bytes;
	bool is_closing;
};

static void
push_destroy(struct asof_push *push)
{
	asof_bytes_free(&push->source);
	asof_bytes_free(&push->request_id);
	asof_bytes_free(&push->body);
	asof_arena_done(&push->arena);
	asof_mem_free(push);
}

const struct asof_push_result *
asof_push_result(struct asof_push *push)
{
	ASOF_HOLD(held, &push->pusher->lock);
	return push->is_done ? &push->result : NULL;
}

void
asof_push_free(struct asof_push *push)
{
	if (!push)
		return;
	bool is_done;
	{
		ASOF_HOLD(held, &push->pusher->lock);
		is_done = push->is_done;
		push->is_abandoned = true;
	}
	if (is_done)
		push_destroy(push);
}

/* The caller holds the lock. */
static enum asof_status
check_room(const struct asof_pusher *pusher, size_t bytes, struct asof_error *err)
{
	if (pusher->is_closing)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "the server is closing");
	if (pusher->count >= ASOF_PUSH_QUEUE_MAX || pusher->bytes + bytes > ASOF_PUSH_QUEUE_BYTES)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "%zu pushes wait already", pusher->count);
	return ASOF_OK;
}

static enum asof_status
enqueue(struct asof_pusher *pusher, struct asof_push *push, struct asof_error *err)
{
	ASOF_HOLD(held, &pusher->lock);
	ASOF_TRY(check_room(pusher, push->body.len, err));
	*pusher->last = push;
	pusher->last = &push->next;
	pusher->count++;
	pusher->bytes += push->body.len;
	(void)pthread_cond_signal(&pusher->has_more);
	return ASOF_OK;
}

enum asof_status
asof_pusher_submit(struct asof_pusher *pusher, struct asof_str source, struct asof_str request_id,
		   struct asof_str body, void (*wake)(void *arg), void *wake_arg,
		   struct asof_push **ret_push, struct asof_error *err)
{
	struct asof_push *push = asof_mem_alloc(sizeof(*push));
	if (!push)
		return no_memory(err);
	push->pusher = pusher;
	push->wake = wake;
	push->wake_arg = wake_arg;
	enum asof_status status = asof_bytes_copy(source, &push->source, err);
	if (status == ASOF_OK)
		status = asof_bytes_copy(request_id, &push->request_id, err);
	if (status == ASOF_OK)
		status = asof_bytes_copy(body, &push->body, err);
	if (status == ASOF_OK)
		status = enqueue(pusher, push, err);
	if (status != ASOF_OK) {
		push_destroy(push);
		return status;
	}
	*ret_push = push;
	return ASOF_OK;
}

/* Take the oldest request and those for the same source behind it out of the queue. The caller
 * holds the lock. */
static size_t
take_group(struct asof_pusher *pusher, struct asof_push **group)
{
	size_t count = 0;
	struct asof_str source = asof_bytes_view(pusher->first->source);
	struct asof_push **link = &pusher->first;
	while (*link && count < ASOF_PUSH_GROUP_MAX) {
		struct asof_push *push = *link;
		if (!asof_str_equal(asof_bytes_view(push->source), source)) {
			link = &push->next;
			continue;
		}
		*link = push->next;
		push->next = NULL;
		pusher->count--;
		pusher->bytes -= push->body.len;
		group[count++] = push;
	}
	for (link = &pusher->first; *link;)
		link = &(*link)->next;
	pusher->last = link;
	return count;
}

static void
finish(struct asof_pusher *pusher, struct asof_push *push)
{
	bool is_abandoned;
	{
		ASOF_HOLD(held, &pusher->lock);
		is_abandoned = push->is_abandoned;
		push->is_done = true;
		if (!is_abandoned)
			push->wake(push->wake_arg);
	}
	if (is_abandoned)
		push_destroy(push);
}

/* Waits for requests; 0: the pusher is closing, and none is left. */
static size_t
next_group(struct asof_pusher *pusher, struct asof_push **group)
{
	ASOF_HOLD(held, &pusher->lock);
	while (!pusher->first && !pusher->is_closing)
		(void)pthread_cond_wait(&pusher->has_more, &pusher->lock);
	return pusher->first ? take_group(pusher, group) : 0;
}

static void *
run(void *arg)
{
	struct asof_pusher *pusher = arg;
	struct asof_push *group[ASOF_PUSH_GROUP_MAX];
	size_t count;
	while ((count = next_group(pusher, group)) > 0) {
		asof_push_work_do(pusher->work, group, count);
		for (size_t i = 0; i < count; i++)
			finish(pusher, group[i]);
	}
	return NULL;
}

static enum asof_status
start(struct asof_pusher *pusher, struct asof_reader *reader, struct asof_error *err)
{
	ASOF_TRY(asof_push_work_open(reader, &pusher->work, err));
	int rc = pthread_create(&pusher->thread, NULL, run, pusher);
	if (rc != 0)
		return ASOF_FAIL(err, ASOF_IO, "thread of pushes: %s", strerror(rc));
	pusher->has_thread = true;
	return ASOF_OK;
}

enum asof_status
asof_pusher_open(struct asof_reader *reader, struct asof_pusher **ret_pusher,
		 struct asof_error *err)
{
	struct asof_pusher *pusher = asof_mem_alloc(sizeof(*pusher));
	if (!pusher)
		return no_memory(err);
	(void)pthread_mutex_init(&pusher->lock, NULL);
	(void)pthread_cond_init(&pusher->has_more, NULL);
	pusher->last = &pusher->first;
	enum asof_status status = start(pusher, reader, err);
	if (status != ASOF_OK) {
		asof_pusher_close(pusher);
		return status;
	}
	*ret_pusher = pusher;
	return ASOF_OK;
}

void
asof_pusher_close(struct asof_pusher *pusher)
{
	if (!pusher)
		return;
	{
		ASOF_HOLD(held, &pusher->lock);
		pusher->is_closing = true;
		(void)pthread_cond_signal(&pusher->has_more);
	}
	if (pusher->has_thread)
		(void)pthread_join(pusher->thread, NULL);
	asof_push_work_free(pusher->work);
	(void)pthread_cond_destroy(&pusher->has_more);
	(void)pthread_mutex_destroy(&pusher->lock);
	asof_mem_free(pusher);
}
