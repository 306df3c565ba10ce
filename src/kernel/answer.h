/*
 * answer.h - one online answer: a stored row, a clock, and the rules of SEMANTICS "Online". Pure.
 */
#ifndef ASOF_KERNEL_ANSWER_H
#define ASOF_KERNEL_ANSWER_H

#include "codec/row.h"
#include "kernel/window.h"

enum asof_value_status {
	ASOF_VALUE_PRESENT,
	ASOF_VALUE_NULL,            /* "NULL_VALUE" */
	ASOF_VALUE_NOT_FOUND,       /* no such key, or no row of it yet */
	ASOF_VALUE_OUTSIDE_MAX_AGE, /* withheld */
};
const char *asof_value_status_text(enum asof_value_status status);

struct asof_answer {
	bool has_row; /* event_us is meaningful, also where the value is withheld */
	int64_t event_us;
	struct asof_value *values;        /* per output, defaults applied */
	enum asof_value_status *statuses; /* per output */
};

/*
 * Everything needed to read a view's stored rows; made once per view, immutable, thread-safe.
 * shape.values are the outputs' types, then one bool per std and var of a windowed view: whether
 * its window was empty (else its NULL is a deviation of one value). shape.entries are the tiles'
 * states, with `step: event` then created_us and order; or a plain view's outputs. Where a plain
 * view's source has a created_time (has_created), its values and its entries end with it: rows that
 * come later are compared by it.
 */
struct asof_answer_plan {
	const struct asof_view *view;
	struct asof_tile_layout layout; /* of a windowed view */
	struct asof_row_shape shape;
	bool has_created;
};
ASOF_NODISCARD enum asof_status asof_answer_plan_make(const struct asof_view *view,
						      struct asof_arena *arena,
						      struct asof_answer_plan *ret_plan,
						      struct asof_error *err);

/*
 * Build what is to be stored of one key, materialized at `at_us`, from its history.
 * Windowed: `events` are its tiles (END > S - longest window, and always the newest END <= S), S =
 * asof_window_instant(at_us). Plain: its rows by ascending event time, the winner per event time
 * only; the last with event + available_after <= at_us is in effect, later ones become entries.
 * ret_row borrows from inputs and arena.
 */
ASOF_NODISCARD enum asof_status asof_answer_make_row(const struct asof_answer_plan *plan,
						     const struct asof_tiles *events, int64_t at_us,
						     struct asof_arena *arena,
						     struct asof_row *ret_row,
						     struct asof_error *err);

/* The answer of a row at a clock from its from_us on and before its until_us. Values borrow from
 * the row and arena. */
ASOF_NODISCARD enum asof_status asof_answer_of_row(const struct asof_answer_plan *plan,
						   const struct asof_row *row, int64_t clock_us,
						   struct asof_arena *arena,
						   struct asof_answer *ret_answer,
						   struct asof_error *err);

/*
 * The answer at `clock_us` from a stored row (empty `bytes`: key not found). A clock before the
 * row's from_us counts as that. Values borrow from bytes and arena.
 */
ASOF_NODISCARD enum asof_status
asof_answer_read(const struct asof_answer_plan *plan, struct asof_str bytes, int64_t clock_us,
		 struct asof_arena *arena, struct asof_answer *ret_answer, struct asof_error *err);

#endif
