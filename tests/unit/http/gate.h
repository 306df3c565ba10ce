/* gate.h - where threads of a test wait until it lets them go on, and say that they are there. */
#ifndef ASOF_TESTS_HTTP_GATE_H
#define ASOF_TESTS_HTTP_GATE_H

#include "check.h"

struct gate {
	pthread_mutex_t lock; /* guards what is below */
	pthread_cond_t changed;
	unsigned arrived; /* so far */
	unsigned passes;  /* that may still go through */
};

#define GATE_OPEN UINT32_MAX

static inline void
gate_init(struct gate *gate, unsigned passes)
{
	*gate = (struct gate){ .passes = passes };
	(void)pthread_mutex_init(&gate->lock, NULL);
	(void)pthread_cond_init(&gate->changed, NULL);
}

static inline void
gate_done(struct gate *gate)
{
	(void)pthread_cond_destroy(&gate->changed);
	(void)pthread_mutex_destroy(&gate->lock);
}

static inline void
gate_pass(struct gate *gate)
{
	ASOF_HOLD(held, &gate->lock);
	gate->arrived++;
	(void)pthread_cond_broadcast(&gate->changed);
	while (gate->passes == 0)
		(void)pthread_cond_wait(&gate->changed, &gate->lock);
	if (gate->passes != GATE_OPEN)
		gate->passes--;
}

static inline void
gate_await(struct gate *gate, unsigned arrived)
{
	ASOF_HOLD(held, &gate->lock);
	while (gate->arrived < arrived)
		(void)pthread_cond_wait(&gate->changed, &gate->lock);
}

static inline void
gate_let(struct gate *gate, unsigned passes)
{
	ASOF_HOLD(held, &gate->lock);
	gate->passes = passes;
	(void)pthread_cond_broadcast(&gate->changed);
}

#endif
