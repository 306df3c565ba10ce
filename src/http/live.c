/* live.c - what a running server reads anew. */
#include "http/live.h"

#include "define/define.h"
#include "http/tls.h"
#include "job/served.h"

struct asof_live {
	const struct asof_server_options *options;
	struct asof_reader *reader;
	pthread_mutex_t lock; /* guards taking and replacing `current` */
	_Atomic(struct asof_live_state *) current;
};

static void
state_release(struct asof_live_state *state)
{
	if (!state || atomic_fetch_sub(&state->holders, 1) > 1)
		return;
	asof_tokens_free(state->tokens);
	asof_tls_free(state->tls);
	asof_mem_free(state);
}
ASOF_DEFINE_AUTOFREE(struct asof_live_state, state_release)

static enum asof_status
read_state(const struct asof_server_options *options, const struct asof_project *project,
	   struct asof_live_state **ret_state, struct asof_error *err)
{
	static const struct asof_project nothing;
	ASOF_AUTO(state_release_auto)
	struct asof_live_state *state = asof_mem_alloc(sizeof(*state));
	if (!state)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "server");
	atomic_init(&state->holders, 1);
	if (options->tokens_path)
		ASOF_TRY(asof_define_read_tokens(options->tokens_path, project ? project : &nothing,
						 &state->tokens, err));
	if (options->tls_cert_path)
		ASOF_TRY(asof_tls_open(options->tls_cert_path, options->tls_key_path,
				       options->speaks_http2, &state->tls, err));
	*ret_state = ASOF_STEAL(state);
	return ASOF_OK;
}

enum asof_status
asof_live_open(const struct asof_server_options *options, struct asof_reader *reader,
	       struct asof_live **ret_live, struct asof_error *err)
{
	const struct asof_project *project = reader ? asof_reader_served(reader)->project : NULL;
	ASOF_AUTO(state_release_auto) struct asof_live_state *state = NULL;
	ASOF_TRY(read_state(options, project, &state, err));
	struct asof_live *live = asof_mem_alloc(sizeof(*live));
	if (!live)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "server");
	live->options = options;
	live->reader = reader;
	(void)pthread_mutex_init(&live->lock, NULL);
	atomic_init(&live->current, ASOF_STEAL(state));
	*ret_live = live;
	return ASOF_OK;
}

void
asof_live_free(struct asof_live *live)
{
	if (!live)
		return;
	state_release(atomic_load(&live->current));
	(void)pthread_mutex_destroy(&live->lock);
	asof_mem_free(live);
}

static void
put_in_force(struct asof_live *live, struct asof_live_state *state)
{
	ASOF_HOLD(held, &live->lock);
	struct asof_live_state *before = atomic_exchange(&live->current, state);
	state_release(before);
}

enum asof_status
asof_live_reload(struct asof_live *live, struct asof_error *err)
{
	ASOF_AUTO(asof_served_free_auto) struct asof_served *served = NULL;
	ASOF_AUTO(state_release_auto) struct asof_live_state *state = NULL;
	if (live->reader)
		ASOF_TRY(asof_reader_read_served(live->reader, &served, err));
	ASOF_TRY(read_state(live->options, served ? served->project : NULL, &state, err));
	if (served)
		asof_reader_take_served(live->reader, ASOF_STEAL(served));
	put_in_force(live, ASOF_STEAL(state));
	return ASOF_OK;
}

void
asof_live_hold(struct asof_live *live, struct asof_live_state **held)
{
	if (atomic_load_explicit(&live->current, memory_order_acquire) == *held)
		return;
	asof_live_release(held);
	ASOF_HOLD(lock, &live->lock);
	*held = atomic_load(&live->current);
	atomic_fetch_add(&(*held)->holders, 1);
}

void
asof_live_release(struct asof_live_state **held)
{
	state_release(*held);
	*held = NULL;
}
