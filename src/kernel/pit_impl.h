/*
 * pit_impl.h - what the files of the point-in-time join share.
 *
 * A slot has a cell (its time and its best row's event, in ticks, and a lock), a record (that row's
 * event, its created and order as far as rows have them, its values) and a bit per output for NULL.
 * Cells of an entity are neighbours: a row is searched for its slot, and most are turned away, in a
 * line or two of the cache. Records are touched when a row is kept, or where ticks are equal; the
 * pages of bits not before something is NULL.
 *
 * Ticks are microseconds from some instant on, shifted right until they fit: of two instants of
 * different ticks the order is known, of equal ones the instants themselves are looked at.
 */
#ifndef ASOF_KERNEL_PIT_IMPL_H
#define ASOF_KERNEL_PIT_IMPL_H

#include "kernel/budget.h"
#include "kernel/pit.h"

#define ASOF_PIT_CHUNK_ROWS 128
#define ASOF_PIT_CLASSES    48
#define ASOF_PIT_TIES_MAX   2

#define ASOF_PIT_HELD      (UINT32_C(1) << 31) /* of a head: somebody changes the slot */
#define ASOF_PIT_TICKS_MAX (ASOF_PIT_HELD - 1)

struct asof_pit_cell {
	uint32_t time; /* of the slot, in ticks */
	/* Of the best row's event, in ticks: 0: there is none. It only grows, but for HELD. */
	_Atomic uint32_t head;
};

/* How instants become ticks, from 1 on. */
struct asof_pit_clock {
	int64_t base_us; /* ticks of what is before are 1 */
	unsigned shift;
	uint32_t fresh_ticks; /* an event that is fewer ticks old is not older than max_age */
};

/* Text, or a list as bytes, in a record. */
struct asof_pit_text {
	uint32_t size;
	union {
		char bytes[12]; /* where size fits */
		struct {
			uint32_t size_class;
			char pointer[sizeof(char *)]; /* to 1 << size_class bytes; not aligned */
		};
	};
};

enum asof_pit_form {
	ASOF_PIT_FIXED_1,
	ASOF_PIT_FIXED_4,
	ASOF_PIT_FIXED_8,
	ASOF_PIT_FIXED_16,
	ASOF_PIT_TEXT,
	ASOF_PIT_LIST,
};

struct asof_pit_place {
	enum asof_pit_form form;
	size_t offset;          /* in the record */
	uint64_t negative_zero; /* its bits, of a float; else 0 */
	struct asof_pit_output output;
};

/* Memory of texts, of one worker. Freed blocks are used again by whoever freed them. */
struct asof_pit_pool {
	struct asof_pit_chunk *chunks; /* newest first */
	size_t used;                   /* of the newest */
	char *free_blocks[ASOF_PIT_CLASSES];
};

struct asof_pit_worker {
	struct asof_pit_pool pool;
	uint64_t row_count;
	uint64_t asked_count;
	uint64_t kept_count;
	char padding[64]; /* workers count side by side */
};

struct asof_pit {
	const struct asof_spine_index *spine;
	const struct asof_spine_slots *slots;
	int64_t max_age_us;
	int64_t available_after_us;
	bool is_label;
	bool has_created;
	bool has_order;
	bool is_finished;
	size_t key_count;
	size_t tie_count; /* created and order: 0, 1 or 2 */
	unsigned worker_count;
	struct asof_budget budget;

	struct asof_pit_place *places; /* per output */
	size_t place_count;
	size_t record_bytes; /* of a slot */
	size_t null_bytes;   /* of a slot */
	bool is_all_8;       /* every output is a FIXED_8, in order */

	struct asof_pit_clock clock;
	struct asof_pit_cell *cells;
	char *records;
	uint8_t *nulls;
	_Atomic bool has_nulls; /* a bit of `nulls` is set, or may be soon */
	uint32_t *winners;      /* per slot: whose payload it sees; ASOF_NO_SLOT */
	struct asof_pit_worker *workers;
};

/* A batch's columns. */
struct asof_pit_columns {
	const struct asof_column *keys;
	const struct asof_column *event;
	const struct asof_column *created; /* or NULL */
	const struct asof_column *order;   /* or NULL */
	const struct asof_column *values;
	bool has_nulls; /* among values, perhaps */
};

/* Sizes and offsets, from the options. */
void asof_pit_lay_out(struct asof_pit *pit);

/* Write a row of `columns` over the record of a slot that the caller holds. */
ASOF_NODISCARD enum asof_status asof_pit_write(struct asof_pit *pit, struct asof_pit_pool *pool,
					       size_t slot, const struct asof_pit_columns *columns,
					       size_t row, struct asof_error *err);
void asof_pit_pool_done(struct asof_pit_pool *pool);

/* The bytes of a text or list. Borrowed from the record. */
struct asof_str asof_pit_text_view(const struct asof_pit_text *text);
/* What a list's bytes hold, as `row` of a column of `block`. */
ASOF_NODISCARD enum asof_status asof_pit_read_list(struct asof_str bytes, struct asof_block *block,
						   size_t column, size_t row,
						   struct asof_error *err);

/* Of an instant at or before the spine's last. */
static inline uint32_t
asof_pit_ticks(const struct asof_pit_clock *clock, int64_t us)
{
	if (us < clock->base_us)
		return 1;
	return (uint32_t)(((uint64_t)us - (uint64_t)clock->base_us) >> clock->shift) + 1;
}

/* What a slot that is set, and not held by others, has: the event of its best row, and its ties. */
static inline int64_t *
asof_pit_record(const struct asof_pit *pit, size_t slot)
{
	return (int64_t *)(void *)(pit->records + slot * pit->record_bytes);
}

/* Whether an event, of so many ticks, is older than max_age at a slot that may see it. A tick more
 * or less leaves open whether it is. */
static inline bool
asof_pit_is_too_old(const struct asof_pit *pit, size_t slot, uint32_t ticks,
		    const int64_t *event_us)
{
	uint32_t age_ticks = pit->cells[slot].time - ticks;
	if (age_ticks < pit->clock.fresh_ticks)
		return false;
	if (age_ticks - pit->clock.fresh_ticks >= 2)
		return true;
	return (uint64_t)pit->slots->times_us[slot] - (uint64_t)*event_us >
	       (uint64_t)pit->max_age_us;
}

static inline int64_t
asof_pit_number_at(const struct asof_column *column, size_t row)
{
	if (asof_column_is_null(column, row))
		return INT64_MIN;
	return ((const int64_t *)column->data)[row];
}

/* A row's created and order, as far as there are. */
static inline void
asof_pit_ties_of(const struct asof_pit_columns *columns, size_t row, int64_t *ret_ties)
{
	if (columns->created)
		*ret_ties++ = asof_pit_number_at(columns->created, row);
	if (columns->order)
		*ret_ties = asof_pit_number_at(columns->order, row);
}

/* -1, 0, 1: how two rows compare: their events, then their ties. */
static inline int
asof_pit_compare_rows(const int64_t *a, const int64_t *b, size_t tie_count)
{
	for (size_t i = 0; i <= tie_count && i <= ASOF_PIT_TIES_MAX; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

#endif
