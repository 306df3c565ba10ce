/*
 * reader_row.h - a row of a view as JSON. What is the same in every row of the view is written
 * once, when the view is opened.
 */
#ifndef ASOF_JOB_READER_ROW_H
#define ASOF_JOB_READER_ROW_H

#include "base/arena.h"
#include "base/json_writer.h"
#include "kernel/answer.h"

struct asof_reader_view;

/* Names come quoted and escaped, with their colon. All memory is the arena's it was made in. */
struct asof_row_text {
	struct asof_str view_members;    /* "view":"v","version":"1.0.3" */
	struct asof_str *keys;           /* one per key of the view's entity */
	struct asof_str *outputs;        /* one per output of the view */
	struct asof_str statuses_as_one; /* where all outputs are PRESENT */
};

/* From the view's name, version and definition. */
ASOF_NODISCARD enum asof_status asof_row_text_make(const struct asof_reader_view *view,
						   struct asof_arena *arena,
						   struct asof_row_text *ret_text,
						   struct asof_error *err);

/* One row as INTERFACES "One row" has it. outputs: which of view->outputs, NULL for all. */
void asof_reader_write_row(struct asof_json_writer *w, const struct asof_reader_view *view,
			   const struct asof_value *key, const size_t *outputs, size_t output_count,
			   const struct asof_answer *answer);

/* Where the statuses of the row before stand in the writer's buffer; all zero: there is none. */
struct asof_last_statuses {
	const enum asof_value_status *statuses; /* of all outputs */
	size_t at;
	size_t len;
};
/* The same, for rows of one view and the same outputs, one behind another: mostly all of them have
 * the same statuses, whose text is then repeated. */
void asof_reader_write_next_row(struct asof_json_writer *w, const struct asof_reader_view *view,
				const struct asof_value *key, const size_t *outputs,
				size_t output_count, const struct asof_answer *answer,
				struct asof_last_statuses *last);

#endif
