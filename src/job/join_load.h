/*
 * join_load.h - what the kernels hold of a range of the spine: its indexes, and of each view the
 * answers or what gives them.
 *
 * Everything counts towards the kernels' share of the memory bound. One thread at a time (the
 * engine's workers feed it).
 */
#ifndef ASOF_JOB_JOIN_LOAD_H
#define ASOF_JOB_JOIN_LOAD_H

#include "job/join_fill.h"

/* One index per distinct key: views of one entity share it. */
struct asof_join_index {
	const struct asof_entity *entity;
	struct asof_spine_index *index; /* of the range at hand, else NULL */
};

struct asof_join_loaded {
	size_t index; /* into indexes */
	struct asof_pit *pit;
	struct asof_tile_store *store;
	struct asof_window_join *windows;
};

struct asof_join_load {
	struct asof_join_run *run;
	struct asof_arena arena;
	uint64_t max_bytes;
	uint64_t used_bytes;
	struct asof_join_index *indexes;
	size_t index_count;
	struct asof_join_loaded *views;    /* beside run->tables */
	struct asof_join_answers *answers; /* the same, for the fill */
	/* After ASOF_LIMIT: the view that did not fit, NULL for the spine; so many rows may fit (0:
	 * unknown); whether a shorter range would help. */
	const char *failed_view;
	size_t fitting_rows;
	bool can_shrink;
};

ASOF_NODISCARD enum asof_status
asof_join_load_init(struct asof_join_load *load, struct asof_join_run *run, struct asof_error *err);
/* All-zero is a no-op. */
void asof_join_load_done(struct asof_join_load *load);
/* How many rows to try first, of so many. */
size_t asof_join_load_first_guess(const struct asof_join_load *load, uint64_t spine_rows);
/* Read everything for spine rows [first_row, first_row + row_count). ASOF_LIMIT where it does not
 * fit: clear, and try less. */
ASOF_NODISCARD enum asof_status asof_join_load_range(struct asof_join_load *load, int64_t first_row,
						     size_t row_count, struct asof_error *err);
/* Let the range go. */
void asof_join_load_clear(struct asof_join_load *load);
/* What the range holds now, answers of windows included. */
uint64_t asof_join_load_bytes(const struct asof_join_load *load);

/* Bytes of a view's kernel for so many slots, without text and lists; 0 for windows. `index` of
 * run->tables. */
uint64_t asof_join_view_bytes(const struct asof_join_run *run, size_t index, size_t slot_count);
/* Whether rows of one key and event time may differ in when they were created. */
bool asof_join_has_created(const struct asof_join_run *run, size_t index);

#endif
