/*
 * reader.h - online reads for `get` and the server: many rows of one view at one clock.
 *
 * A reader knows what was materialized from the store's own descriptions, and looks at them again
 * at most ten times a second: a view that is materialized anew is served, under its new version and
 * definition, without a restart. Thread-safe: per-call memory comes from the caller's arena.
 */
#ifndef ASOF_JOB_READER_H
#define ASOF_JOB_READER_H

#include <stdatomic.h>

#include "base/clock.h"
#include "job/reader_row.h"
#include "kernel/answer.h"
#include "model/project.h"

struct asof_reader;
struct asof_served;
struct asof_session;
struct asof_store;

/* What reads of a view came to, since the reader was opened; under whichever version. */
struct asof_read_counts {
	atomic_uint_fast64_t found;
	atomic_uint_fast64_t missing; /* no such key, or nothing of it yet */
	atomic_uint_fast64_t expired; /* older than max_age: withheld */
};

/* A view as it is online. Once another takes its place it lives on for ten minutes, or until the
 * reader closes. */
struct asof_reader_view {
	const char *name;
	const char *version; /* "1.0.3" */
	const char *table;   /* in the store */
	const char *definition_hash;
	int64_t materialized_at_us;
	const struct asof_view *view; /* bound; entity keys, outputs, types, defaults */
	struct asof_answer_plan plan;
	struct asof_row_text text;
	struct asof_read_counts *reads; /* lives as long as the reader */
	/* Of a view that is computed from others (view->on_demand): there is no table, its entity's
	 * first keys are keys, those behind them values of the request, which may be NULL. */
	size_t key_count;
};

static inline bool
asof_reader_view_is_on_demand(const struct asof_reader_view *view)
{
	return view->view->on_demand != NULL;
}

/* Stored views; they become more, never fewer. */
size_t asof_reader_view_count(const struct asof_reader *reader);
const struct asof_reader_view *asof_reader_view_at(const struct asof_reader *reader, size_t index);
/* NULL where no such view is online. "name", "name@1", "name@1.0.3" where that is the version
 * online. */
const struct asof_reader_view *asof_reader_find_view(const struct asof_reader *reader,
						     struct asof_str name);
/* The same among stored views only. By bare name. */
const struct asof_reader_view *asof_reader_find_stored(const struct asof_reader *reader,
						       struct asof_str name);
/* Whether that name means this view. */
bool asof_reader_view_is(const struct asof_reader_view *view, struct asof_str name);
/*
 * Definitions and on-demand views (job/served.h): those of the session, until others take their
 * place; they live on for ten minutes then, or until the reader closes. A request that looks for
 * more than one thing asks once, and sees one state.
 */
const struct asof_served *asof_reader_served(const struct asof_reader *reader);
/* asof_reader_find_view() in that state. */
const struct asof_reader_view *asof_reader_find_view_in(const struct asof_reader *reader,
							const struct asof_served *served,
							struct asof_str name);
/* How many views and outputs a request can name. */
void asof_reader_count(const struct asof_reader *reader, const struct asof_served *served,
		       size_t *ret_views, size_t *ret_outputs);
/*
 * Read the project's files anew, and its on-demand views from the catalog, without serving them.
 * ASOF_INVALID with the first mistake at its place; an on-demand view that was never registered as
 * it is written is one. Free with asof_served_free().
 */
ASOF_NODISCARD enum asof_status asof_reader_read_served(const struct asof_reader *reader,
							struct asof_served **ret_served,
							struct asof_error *err);
/* Answer with it from now on; the reader owns it. */
void asof_reader_take_served(struct asof_reader *reader, struct asof_served *served);
/* Names for "did you mean"; NULL where none is near. */
const char *asof_reader_suggest_view(const struct asof_reader *reader, struct asof_str name);

/* Look at the store now. */
void asof_reader_refresh(const struct asof_reader *reader);
/* What it reads from: both outlive it. */
struct asof_session *asof_reader_session(const struct asof_reader *reader);
struct asof_store *asof_reader_store(const struct asof_reader *reader);

/* Whether reads wait for a server, perhaps for long. */
bool asof_reader_is_remote(const struct asof_reader *reader);

int64_t asof_reader_now_us(const struct asof_reader *reader);
/* Calls that the store has failed since the reader was opened. */
uint64_t asof_reader_store_errors(const struct asof_reader *reader);

/*
 * The answers of `row_count` keys at `clock_us`, in order. keys: row_count x key_count values in
 * entity key order, of the keys' types, none NULL. ret_answers[i].values has one per output of the
 * view. All memory from `arena`.
 */
ASOF_NODISCARD enum asof_status
asof_reader_rows(struct asof_reader *reader, const struct asof_reader_view *view,
		 const struct asof_value *keys, size_t row_count, int64_t clock_us,
		 struct asof_arena *arena, struct asof_answer *ret_answers, struct asof_error *err);

#endif
