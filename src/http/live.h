/*
 * live.h - what a running server reads anew when it is told to: definitions with on-demand views,
 * tokens, certificate.
 *
 * A reload takes all of it or nothing. Thread-safe.
 */
#ifndef ASOF_HTTP_LIVE_H
#define ASOF_HTTP_LIVE_H

#include <stdatomic.h>

#include "http/server.h"
#include "model/tokens.h"

struct asof_live;

/* Immutable while it is held. */
struct asof_live_state {
	struct asof_tokens *tokens; /* NULL: none are asked for */
	struct ssl_ctx_st *tls;     /* NULL: plain HTTP */
	atomic_size_t holders;
};

/* Options and reader are borrowed; without a reader (tests) tokens are limited to nothing. */
ASOF_NODISCARD enum asof_status asof_live_open(const struct asof_server_options *options,
					       struct asof_reader *reader,
					       struct asof_live **ret_live, struct asof_error *err);
/* NULL is a no-op. */
void asof_live_free(struct asof_live *live);

/* Read everything anew. A failure leaves things as they were and says why, with the place. */
ASOF_NODISCARD enum asof_status asof_live_reload(struct asof_live *live, struct asof_error *err);

/*
 * Make *held what is in force: at first NULL, and whenever nothing is used of it any more. Costs
 * one atomic read where it still is. Ends with asof_live_release().
 */
void asof_live_hold(struct asof_live *live, struct asof_live_state **held);
void asof_live_release(struct asof_live_state **held);

#endif
