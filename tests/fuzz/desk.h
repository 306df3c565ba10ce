/* desk.h - what answers in the fuzzers of connections: routes without features behind them, for
 * clients whose tokens are not known. */
#ifndef ASOF_TESTS_FUZZ_DESK_H
#define ASOF_TESTS_FUZZ_DESK_H

#include <stdlib.h>

#include "http/exchange.h"

#define DESK_HEAD_BYTES   ((size_t)4096)
#define DESK_BODY_BYTES   ((size_t)1 << 20)
#define DESK_ANSWER_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct desk_case {
	struct asof_desk desk;
	struct asof_budget budget;
	struct asof_meter meter;
	struct asof_tokens tokens; /* none */
	atomic_bool is_closing;
};

static inline void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static inline void
desk_begin(struct desk_case *c)
{
	*c = (struct desk_case){ .budget.max_bytes = DESK_BODY_BYTES };
	c->desk = (struct asof_desk){
		.routes = { .entity_max = 10, .is_closing = &c->is_closing, .tokens = &c->tokens },
		.header_max_bytes = DESK_HEAD_BYTES,
		.body_max_bytes = DESK_BODY_BYTES,
		.budget = &c->budget,
		.meter = &c->meter,
		.id_seed = 42,
	};
}

/* Nothing of the budget is held any more. */
static inline void
desk_end(struct desk_case *c)
{
	check(atomic_load(&c->budget.used_bytes) == 0);
	asof_desk_done(&c->desk);
}

#endif
