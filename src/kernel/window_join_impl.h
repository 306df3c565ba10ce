/* window_join_impl.h - what the files of the join with windows share. */
#ifndef ASOF_KERNEL_WINDOW_JOIN_IMPL_H
#define ASOF_KERNEL_WINDOW_JOIN_IMPL_H

#include <stdatomic.h>

#include "kernel/window_join.h"
#include "kernel/window_join_record.h"
#include "kernel/window_sweep.h"

/* Ranges are whole blocks of rows. */
#define ASOF_WINDOW_BLOCK_ROWS ((size_t)65536)

/* Answers of a range; used again for another one. */
struct asof_window_answers {
	struct asof_window_answers *next; /* of those that are free */
	unsigned char *records;
	size_t record_bytes;
	uint32_t *ranks; /* per row of the range: its record; ASOF_NO_SLOT. NULL: the slot's number
			  */
	size_t rank_count;
	struct asof_arena *arenas; /* per worker: items of lists */
	unsigned worker_count;
};

enum asof_window_range_state {
	ASOF_WINDOW_RANGE_EMPTY,
	ASOF_WINDOW_RANGE_BUSY, /* somebody evaluates it */
	ASOF_WINDOW_RANGE_READY,
};

/* Guarded by the join's lock; what is READY is read without. */
struct asof_window_range {
	enum asof_window_range_state state;
	size_t rows_left; /* to be read */
	struct asof_window_answers *answers;
};

/* Slots that one worker evaluates at a time: positions [first, first + count) of the range's,
 * the first of entity `entity`. */
struct asof_window_unit {
	size_t first;
	size_t count;
	uint32_t entity;
};

/* Scratch of the tiles that were known at an instant. */
struct asof_window_known {
	struct asof_tile_slice all;
	int64_t *late_us; /* when late tiles became known, ascending */
	size_t late_capacity;
	uint32_t *rows;
	size_t row_capacity;
	struct asof_column *columns;
	struct asof_arena arena;
};

/* What a worker evaluates with; kept from range to range. */
struct asof_window_worker {
	struct asof_window_sweep *sweep;
	struct asof_tile_slice slice;
	struct asof_block block;
	int64_t *known_us; /* the rows' times; these four of the block's capacity */
	int64_t *at_us;
	int64_t *event_us;
	bool *is_matched;
	struct asof_window_known known;
};

/* One that evaluates a range: on its own thread, or on several. Kept from range to range. */
struct asof_window_evaluator {
	struct asof_window_evaluator *next; /* of those that are free */
	uint64_t *is_asked;                 /* per slot: whether it is of the range */
	uint32_t *word_ranks;
	uint32_t *positions; /* slots of the range, ascending; NULL where it has all */
	struct asof_window_unit *units;
	size_t unit_capacity;
	size_t unit_count;
	_Atomic size_t next_unit;
	struct asof_window_worker *workers;
	unsigned worker_count;
};

struct asof_window_join {
	struct asof_window_join_options options;
	const struct asof_spine_slots *slots;
	int64_t first_row;
	size_t *wanted;
	int64_t longest_us; /* of the wanted windows */
	struct asof_record_layout layout;
	struct asof_arena arena;

	size_t range_rows;
	size_t range_count;
	struct asof_window_range *ranges;

	bool has_lock;
	pthread_mutex_t lock; /* guards what follows, and the ranges */
	pthread_cond_t is_changed;
	struct asof_window_answers *free_answers;
	struct asof_window_evaluator *free_evaluators;
	size_t live_count;  /* ranges whose answers are there, or soon will be */
	size_t next_range;  /* all before have been begun */
	pthread_t *readers; /* threads that have read, `workers` at most */
	unsigned reader_count;
	enum asof_status failure; /* of any range: all readers get it */
	struct asof_error failure_err;
	struct asof_window_join_counts counts;
	uint64_t bytes; /* of all answers there are */
};

/* Rows of a range: window_join_ranges.c. */
ASOF_NODISCARD enum asof_status asof_window_range_rows(const struct asof_window_join *join,
						       size_t *ret_rows, struct asof_error *err);

/* The slots of a range, ascending. */
struct asof_window_slots {
	const struct asof_spine_slots *slots;
	const uint32_t *positions; /* NULL: slot i at i */
	size_t count;
};

/* Each slot once, in slot order, however often and in which order rows have it; which of them each
 * row has goes to answers->ranks. window_join_slots.c. */
ASOF_NODISCARD enum asof_status
asof_window_slots_of(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
		     size_t range, struct asof_window_answers *answers,
		     struct asof_window_slots *ret_slots, struct asof_error *err);

/* All answers of a range into `answers`, on so many threads; *ret_instants: how many. */
ASOF_NODISCARD enum asof_status asof_window_evaluate(const struct asof_window_join *join,
						     struct asof_window_evaluator *evaluator,
						     size_t range, unsigned threads,
						     struct asof_window_answers *answers,
						     size_t *ret_instants, struct asof_error *err);
/* NULL is a no-op. */
void asof_window_evaluator_free(struct asof_window_evaluator *evaluator);

/* As asof_window_sweep_run() at instants of `entity`, of the tiles created up to known_us[i] (not
 * descending, at or after at_us[i]) only. */
ASOF_NODISCARD enum asof_status asof_window_known_run(const struct asof_window_join *join,
						      struct asof_window_worker *worker,
						      uint32_t entity, const int64_t *at_us,
						      const int64_t *known_us, size_t count,
						      size_t first_row, struct asof_error *err);
void asof_window_known_done(struct asof_window_known *known);

#endif
