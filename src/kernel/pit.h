/*
 * pit.h - the point-in-time join: for each slot of a spine the newest feature row known at its
 * time.
 *
 * Feature rows are streamed past the spine once, in any order and by several workers at once; only
 * the best row of each slot is kept. SEMANTICS "Point-in-time join": of the rows of a slot's key
 * with event + available_after <= time the one with the greatest (event, created, order), if its
 * event is >= time - max_age.
 *
 * A row is first seen by the first slot at or after the time it becomes known; each slot keeps the
 * best of the rows that it is first to see, and one pass forward through an entity's slots carries
 * the best along. Sizes: O(slots) memory; O(rows) probes, and about slots * ln(rows / slots) copies
 * for rows in random order. The result does not depend on order or workers.
 */
#ifndef ASOF_KERNEL_PIT_H
#define ASOF_KERNEL_PIT_H

#include "kernel/block.h"
#include "kernel/spine_index.h"

struct asof_pit;

struct asof_pit_output {
	struct asof_type type;
	const struct asof_value *default_value; /* where no row is found; NULL: NULL */
};

struct asof_pit_options {
	const struct asof_spine_index *spine;  /* finished; outlives this */
	const struct asof_pit_output *outputs; /* copied, defaults borrowed */
	size_t output_count;
	int64_t max_age_us; /* 0: no limit */
	int64_t available_after_us;
	bool is_label; /* a row is known from its created_us on, too: --known-at label */
	/* Whether batches have created_us and row_order; without, all rows have the same. */
	bool has_created;
	bool has_order;
	unsigned workers;
	uint64_t max_bytes; /* 0: no bound; beyond it ASOF_LIMIT */
};
ASOF_NODISCARD enum asof_status asof_pit_new(const struct asof_pit_options *options,
					     struct asof_pit **ret_pit, struct asof_error *err);
/* NULL is a no-op. */
void asof_pit_free(struct asof_pit *pit);
ASOF_DEFINE_AUTOFREE(struct asof_pit, asof_pit_free)

/* Bytes that it takes for so many slots, without text and lists: to choose how much of a spine is
 * joined at once. */
uint64_t asof_pit_bytes(const struct asof_pit_options *options, size_t slot_count);

/*
 * Feature rows: columns k0 .., event_us, created_us (where has_created), row_order (where
 * has_order), f0 .. . Rows with a NULL key or event are passed over. The batch is borrowed for the
 * call.
 */
ASOF_NODISCARD enum asof_status asof_pit_take(struct asof_pit *pit, unsigned worker,
					      const struct asof_batch *batch,
					      struct asof_error *err);
/* After the last take(), on `workers` threads. */
ASOF_NODISCARD enum asof_status asof_pit_finish(struct asof_pit *pit, struct asof_error *err);

/*
 * The outputs of spine rows [first_row, first_row + count) (numbers as the spine's) into columns
 * [first_column, ..) of rows [0, count) of `block`, which has been reset. Rows without a slot stay
 * NULL. *ret_matched is increased by the rows that found a feature row. Thread-safe for different
 * blocks. Text is borrowed from `pit`.
 */
ASOF_NODISCARD enum asof_status asof_pit_read(const struct asof_pit *pit, int64_t first_row,
					      size_t count, struct asof_block *block,
					      size_t first_column, uint64_t *ret_matched,
					      struct asof_error *err);

/* What happened, for `explain --analyze`. */
struct asof_pit_counts {
	uint64_t rows;  /* taken */
	uint64_t asked; /* whose key the spine asks for */
	uint64_t kept;  /* that replaced what a slot had */
	uint64_t bytes; /* of memory */
};
struct asof_pit_counts asof_pit_counts(const struct asof_pit *pit);

#endif
