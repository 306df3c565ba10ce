/*
 * pit_impl.h - what the files of the point-in-time join share.
 *
 * A slot has a head (the best row's event and a lock), its ties (created and order, as far as the
 * rows have them), a payload of fixed width, and a bit per output for NULL. They are arrays of
 * their own: heads and ties are looked at often and are gone after finish(); payloads are written
 * when a row is kept; the pages of bits are not touched as long as nothing is NULL.
 */
#ifndef ASOF_KERNEL_PIT_IMPL_H
#define ASOF_KERNEL_PIT_IMPL_H

#include "kernel/budget.h"
#include "kernel/pit.h"

#define ASOF_PIT_CHUNK_ROWS 128
#define ASOF_PIT_CLASSES    48
#define ASOF_PIT_TIES_MAX   2

enum asof_pit_state {
	ASOF_PIT_EMPTY = 0,
	ASOF_PIT_HELD, /* somebody changes the slot */
	ASOF_PIT_SET,
};

struct asof_pit_head {
	/* Of the best row, ascending as numbers without sign; it only ever grows, from 0. */
	_Atomic uint64_t event;
	_Atomic uint32_t state; /* enum asof_pit_state */
};

/* Text, or a list as bytes, in a payload. */
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
	size_t offset; /* in the payload */
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
	size_t payload_bytes; /* of a slot */
	size_t null_bytes;    /* of a slot */
	bool is_all_8;        /* every output is a FIXED_8, in order */

	struct asof_pit_head *heads;
	int64_t *ties; /* tie_count per slot */
	char *payloads;
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

/* Write a row of `columns` over the payload of a slot that the caller holds. */
ASOF_NODISCARD enum asof_status asof_pit_write(struct asof_pit *pit, struct asof_pit_pool *pool,
					       size_t slot, const struct asof_pit_columns *columns,
					       size_t row, struct asof_error *err);
void asof_pit_pool_done(struct asof_pit_pool *pool);

/* The bytes of a text or list. Borrowed from the payload. */
struct asof_str asof_pit_text_view(const struct asof_pit_text *text);
/* What a list's bytes hold, as `row` of a column of `block`. */
ASOF_NODISCARD enum asof_status asof_pit_read_list(struct asof_str bytes, struct asof_block *block,
						   size_t column, size_t row,
						   struct asof_error *err);

static inline uint64_t
asof_pit_biased(int64_t event_us)
{
	return (uint64_t)event_us ^ UINT64_C(1) << 63;
}

/* -1, 0, 1: how the ties of two rows of one event compare. */
static inline int
asof_pit_compare_ties(const int64_t *a, const int64_t *b, size_t tie_count)
{
	for (size_t i = 0; i < tie_count && i < ASOF_PIT_TIES_MAX; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

#endif
