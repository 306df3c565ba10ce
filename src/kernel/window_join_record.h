/*
 * window_join_record.h - answers row by row: all outputs of a slot beside one another in memory.
 *
 * Readers want them in another order than they are evaluated in; so a row costs them a few cache
 * lines, not one per output. Text and items of lists are borrowed.
 */
#ifndef ASOF_KERNEL_WINDOW_JOIN_RECORD_H
#define ASOF_KERNEL_WINDOW_JOIN_RECORD_H

#include "kernel/block.h"
#include "model/project.h"

struct asof_record_field {
	struct asof_type type;
	uint32_t width;
	uint32_t offset;
	bool is_list;
};

struct asof_record_layout {
	struct asof_record_field *fields;
	size_t field_count;
	size_t bits;               /* offset: bit 0 is set where a row matched, bit 1 + i where
				      field i is not NULL */
	size_t stride;             /* a multiple of 8 */
	unsigned char *unmatched;  /* the record of defaults */
	const unsigned char *none; /* all NULL */
};

/* Of the outputs view->outputs[wanted[i]], whose defaults are borrowed. Lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_record_layout_make(const struct asof_view *view,
							const size_t *wanted, size_t wanted_count,
							struct asof_arena *arena,
							struct asof_record_layout *ret_layout,
							struct asof_error *err);

/* Rows [0, count) of the block into records, the unmatched ones as defaults. Items of lists go to
 * `arena`. */
ASOF_NODISCARD enum asof_status asof_records_pack(const struct asof_record_layout *layout,
						  const struct asof_block *block,
						  const bool *is_matched, size_t count,
						  unsigned char *records, struct asof_arena *arena,
						  struct asof_error *err);

/* `count` <= 64 records into rows [first_row, ..), first_row a multiple of 64, of columns
 * [first_column, ..), all NULL before. *ret_matched is increased by those that matched. */
ASOF_NODISCARD enum asof_status asof_records_unpack(const struct asof_record_layout *layout,
						    const unsigned char *const *records,
						    size_t count, struct asof_block *block,
						    size_t first_column, size_t first_row,
						    uint64_t *ret_matched, struct asof_error *err);

#endif
