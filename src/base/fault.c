/* fault.c - named points at which a test makes the world fail or the process die. */
#include "base/fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/number.h"

#define POINTS_MAX     16
#define NAME_MAX_BYTES 63

struct armed_point {
	char name[NAME_MAX_BYTES + 1];
	unsigned left; /* passings until it fires; 0: the place is free */
	enum asof_fault_action action;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards `points` */
static struct armed_point points[POINTS_MAX];
static atomic_uint armed_count; /* written with the lock held, read without */

/* Caller holds the lock. */
static struct armed_point *
find_point(struct asof_str name)
{
	for (size_t i = 0; i < POINTS_MAX; i++) {
		if (points[i].left > 0 && asof_str_equal(asof_str_from(points[i].name), name))
			return &points[i];
	}
	return NULL;
}

/* Caller holds the lock. */
static struct armed_point *
free_point(void)
{
	for (size_t i = 0; i < POINTS_MAX; i++) {
		if (points[i].left == 0)
			return &points[i];
	}
	return NULL;
}

static enum asof_status
pass(const char *name, struct asof_error *err)
{
	ASOF_HOLD(held, &lock);
	struct armed_point *point = find_point(asof_str_from(name));
	if (!point || --point->left > 0)
		return ASOF_OK;

	atomic_fetch_sub_explicit(&armed_count, 1, memory_order_relaxed);
	if (point->action == ASOF_FAULT_KILL)
		(void)kill(getpid(), SIGKILL);
	if (point->action == ASOF_FAULT_INTERRUPT)
		return raise(SIGINT) == 0 ? ASOF_OK : ASOF_FAIL(err, ASOF_IO, "raise");
	return ASOF_FAIL(err, ASOF_IO, "injected fault at '%s'", name);
}

enum asof_status
asof_fault_point(const char *name, struct asof_error *err)
{
	if (atomic_load_explicit(&armed_count, memory_order_relaxed) == 0)
		return ASOF_OK;
	return pass(name, err);
}

static enum asof_status
arm(struct asof_str name, unsigned nth, enum asof_fault_action action, struct asof_error *err)
{
	if (name.len == 0 || name.len > NAME_MAX_BYTES)
		return ASOF_FAIL(err, ASOF_INVALID, "fault point '%.*s': 1 to %d bytes",
				 ASOF_STR_ARG(name), NAME_MAX_BYTES);
	if (nth == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "fault point '%.*s': passings count from 1",
				 ASOF_STR_ARG(name));

	ASOF_HOLD(held, &lock);
	if (find_point(name))
		return ASOF_FAIL(err, ASOF_CONFLICT, "fault point '%.*s' is armed already",
				 ASOF_STR_ARG(name));
	struct armed_point *point = free_point();
	if (!point)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than %d fault points", POINTS_MAX);

	*point = (struct armed_point){ .left = nth, .action = action };
	memcpy(point->name, name.ptr, name.len);
	atomic_fetch_add_explicit(&armed_count, 1, memory_order_relaxed);
	return ASOF_OK;
}

enum asof_status
asof_fault_arm(const char *name, unsigned nth, enum asof_fault_action action,
	       struct asof_error *err)
{
	return arm(asof_str_from(name), nth, action, err);
}

/* Cut *text before and behind the first `c`; all of it and nothing where there is none. */
static struct asof_str
take_until(struct asof_str *text, char c)
{
	const char *found = text->len ? memchr(text->ptr, c, text->len) : NULL;
	size_t len = found ? (size_t)(found - text->ptr) : text->len;
	struct asof_str front = { text->ptr, len };
	size_t skipped = found ? len + 1 : len;
	*text = (struct asof_str){ text->ptr + skipped, text->len - skipped };
	return front;
}

/* `item` is "name=action" or "name:nth=action". */
static enum asof_status
arm_item(struct asof_str item, struct asof_error *err)
{
	struct asof_str action = item;
	struct asof_str point = take_until(&action, '=');
	struct asof_str times = point;
	struct asof_str name = take_until(&times, ':');

	uint64_t nth = 1;
	bool is_counted = name.len < point.len;
	if (is_counted && (!asof_uint64_parse(times, &nth) || nth > UINT32_MAX))
		return ASOF_FAIL(err, ASOF_INVALID, "ASOF_FAULT: no number in '%.*s'",
				 ASOF_STR_ARG(item));
	if (asof_str_equal(action, asof_str_from("fail")))
		return arm(name, (unsigned)nth, ASOF_FAULT_FAIL, err);
	if (asof_str_equal(action, asof_str_from("kill")))
		return arm(name, (unsigned)nth, ASOF_FAULT_KILL, err);
	if (asof_str_equal(action, asof_str_from("interrupt")))
		return arm(name, (unsigned)nth, ASOF_FAULT_INTERRUPT, err);
	return ASOF_FAIL(err, ASOF_INVALID,
			 "ASOF_FAULT: neither 'fail' nor 'kill' nor 'interrupt' in '%.*s'",
			 ASOF_STR_ARG(item));
}

enum asof_status
asof_fault_arm_from_env(struct asof_error *err)
{
	const char *env = getenv("ASOF_FAULT");
	if (!env)
		return ASOF_OK;

	struct asof_str rest = asof_str_from(env);
	while (rest.len > 0)
		ASOF_TRY(arm_item(take_until(&rest, ','), err));
	return ASOF_OK;
}

void
asof_fault_disarm_all(void)
{
	ASOF_HOLD(held, &lock);
	memset(points, 0, sizeof(points));
	atomic_store_explicit(&armed_count, 0, memory_order_relaxed);
}
