/*
 * tile_build_impl.h - what the files of tile_build share: memory that is counted, entities, and
 * rows or tiles in partitions by the hash of the entity.
 */
#ifndef ASOF_KERNEL_TILE_BUILD_IMPL_H
#define ASOF_KERNEL_TILE_BUILD_IMPL_H

#include <stdatomic.h>

#include "kernel/dd.h"
#include "kernel/item.h"
#include "kernel/tile_build.h"

#define ASOF_BUILD_PARTS 256 /* by the highest bits of the hash */

/* Decimals and uuids as unsigned numbers of the same order. */
__extension__ typedef unsigned __int128 asof_build_wide;
#define ASOF_BUILD_WIDE_SIGN ((asof_build_wide)1 << 127)

/* ---- memory ---- */

struct asof_build_memory {
	_Atomic uint64_t used_bytes;
	uint64_t max_bytes; /* 0: no bound */
};

/* An array that grows; `room_bytes` are counted. */
struct asof_build_array {
	void *data;
	size_t room_bytes;
};
/* Room for `need_bytes`; what is new is zero. */
ASOF_NODISCARD enum asof_status asof_build_reserve(struct asof_build_memory *memory,
						   struct asof_build_array *array,
						   size_t need_bytes, struct asof_error *err);
void asof_build_release(struct asof_build_memory *memory, struct asof_build_array *array);

/* Bytes that stay until the end, of one worker. */
struct asof_build_store {
	struct asof_build_memory *memory;
	struct asof_build_chunk *chunks; /* newest first */
	struct asof_str *cache;          /* texts stored lately, by hash */
};
void asof_build_store_done(struct asof_build_store *store);
/* Aligned to 16. */
ASOF_NODISCARD enum asof_status asof_build_store_alloc(struct asof_build_store *store, size_t size,
						       char **ret_ptr, struct asof_error *err);
/* A copy; texts that come often are stored once. */
ASOF_NODISCARD enum asof_status asof_build_store_text(struct asof_build_store *store,
						      struct asof_str text,
						      struct asof_str *ret_copy,
						      struct asof_error *err);

/* Text, or a list in one piece; room for longer ones is used again. */
struct asof_build_slot {
	char *ptr;
	uint32_t size;
	uint32_t room;
};
/* Text or list at a row that is not NULL. */
ASOF_NODISCARD enum asof_status asof_build_slot_set(struct asof_build_store *store,
						    struct asof_build_slot *slot,
						    const struct asof_column *column, size_t row,
						    struct asof_error *err);
/* Write it to a block's row. */
ASOF_NODISCARD enum asof_status asof_build_slot_read(const struct asof_build_slot *slot,
						     struct asof_block *block, size_t column,
						     size_t row, struct asof_error *err);

static inline bool
asof_build_is_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	       type.kind == ASOF_TYPE_JSON;
}

static inline bool
asof_build_is_list(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

/* Rows [first, first + count) are not NULL. */
static inline void
asof_build_mark(uint64_t *validity, size_t first, size_t count)
{
	for (size_t end = first + count; first < end;) {
		size_t bit = first % 64;
		size_t bits = 64 - bit < end - first ? 64 - bit : end - first;
		validity[first / 64] |= (bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1)
					<< bit;
		first += bits;
	}
}

/* ---- sorting ---- */

struct asof_build_item {
	int64_t first;   /* compared first */
	const char *rec; /* then what tie() says of these */
};
typedef int asof_build_tie_fn(const void *context, const char *a, const char *b);
/* Stable; quick where runs are in order already. `spare` has room for `count`, too. */
void asof_build_sort(struct asof_build_item *items, struct asof_build_item *spare, size_t count,
		     asof_build_tie_fn *tie, const void *context);

/* ---- entities ---- */

/*
 * Entity records: 8 bytes of hash (after finish(): part and row), then per key 8 bytes (what
 * asof_ordinal has) or 16 (decimal, uuid, struct asof_str).
 */
struct asof_build_keys {
	const struct asof_key *keys;
	size_t count;
	size_t offsets[64];
	size_t width;
};

struct asof_build_part {
	struct asof_build_array slots; /* uint64_t: tag << 32 | entity + 1; a power of two */
	size_t slot_count;
	struct asof_build_array entities;
	size_t entity_count;
	struct asof_build_array records; /* rows or tiles */
	size_t record_count;
	struct asof_build_array tile_slots; /* as slots, of tiles */
	size_t tile_slot_count;
};

static inline uint64_t
asof_build_mix(uint64_t a, uint64_t b)
{
	asof_build_wide product = (asof_build_wide)(a ^ UINT64_C(0x9E3779B97F4A7C15)) *
				  (b ^ UINT64_C(0xBF58476D1CE4E5B9));
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline size_t
asof_build_part_of(uint64_t hash)
{
	return hash >> 56;
}

static inline uint64_t
asof_build_tag(uint64_t hash)
{
	return (hash >> 20) << 32;
}

ASOF_NODISCARD enum asof_status asof_build_keys_init(struct asof_build_keys *keys,
						     const struct asof_entity *entity,
						     struct asof_error *err);
void asof_build_hash_rows(const struct asof_build_keys *keys, const struct asof_column *columns,
			  const uint32_t *rows, size_t count, uint64_t *hashes);
/* Room for `more` entities and their slots. */
ASOF_NODISCARD enum asof_status asof_build_reserve_entities(struct asof_build_memory *memory,
							    const struct asof_build_keys *keys,
							    struct asof_build_part *part,
							    size_t more, struct asof_error *err);
/* Slots for `need` records, of which `count` are there; they begin with their hashes. */
ASOF_NODISCARD enum asof_status
asof_build_reserve_slots(struct asof_build_memory *memory, struct asof_build_array *slots,
			 size_t *slot_count, size_t need, const struct asof_build_array *records,
			 size_t count, size_t width, struct asof_error *err);
/* The entity of a row, added where it is new; room has been reserved. */
ASOF_NODISCARD enum asof_status
asof_build_find_entity(const struct asof_build_keys *keys, struct asof_build_part *part,
		       struct asof_build_store *store, const struct asof_column *columns,
		       size_t row, uint64_t hash, uint32_t *ret_entity, struct asof_error *err);
/* The same for an entity of another worker's. */
uint32_t asof_build_merge_entity(const struct asof_build_keys *keys, struct asof_build_part *part,
				 const char *entity);
int asof_build_compare_keys(const void *keys, const char *a, const char *b);
/* What sorts entities first. */
int64_t asof_build_key_prefix(const struct asof_build_keys *keys, const char *entity);
/* The keys of an entity into rows [first, first + count). */
void asof_build_read_keys(const struct asof_build_keys *keys, const char *entity,
			  struct asof_block *block, size_t first, size_t count);

/* ---- a batch under way, of one worker ---- */

struct asof_build_batch {
	const struct asof_batch *batch;
	const struct asof_column *values; /* of the batch */
	const int64_t *event_us;
	const int64_t *created_us;
	const int64_t *orders;
	size_t count;       /* rows that count */
	uint32_t *rows;     /* which rows of the batch; these and the rest by number of them */
	uint64_t *hashes;   /* of their entities */
	uint32_t *entities; /* in their parts */
	char **records;     /* rows or tiles */
	uint32_t *valid;    /* spare: those of a column that are not NULL */
};

struct asof_build_worker {
	struct asof_build_store store;
	struct asof_build_part *parts; /* ASOF_BUILD_PARTS */
	struct asof_build_array scratch;
	uint64_t null_keys;
	uint64_t null_times;
	int64_t created_us; /* of a row */
	bool has_rows;
};

/* ---- rows as they are: plain, step: event ---- */

struct asof_build_field {
	struct asof_type type;
	size_t offset; /* in a record */
	size_t width;
};

struct asof_build_rows {
	struct asof_build_field *fields;
	size_t count;
	bool has_created;
	size_t valid_words; /* uint32_t each, behind the entity's number */
	size_t event_offset;
	size_t width;
};

/* What has become of a part. */
struct asof_build_result {
	struct asof_build_array columns_memory;
	size_t row_count;
	/* Rows: columns. */
	const int64_t *event_us;
	const int64_t *created_us; /* NULL: the same for all */
	const int64_t *orders;
	const char **columns;
	const uint64_t **validity; /* NULL: no NULL */
	/* Tiles. */
	struct asof_build_array tiles_memory;
	const char **tiles;
};

/* Rows [at, at + count) of a part, to become rows from `first` on of a block, the event time in
 * `column`. */
struct asof_build_piece {
	size_t at;
	size_t count;
	size_t first;
	size_t column;
	int64_t created_us; /* where it is the same for all */
};

ASOF_NODISCARD enum asof_status asof_build_rows_init(struct asof_build_rows *rows,
						     const struct asof_tile_build_options *options,
						     struct asof_arena *arena,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_build_rows_take(const struct asof_build_rows *rows,
						     struct asof_build_worker *worker,
						     const struct asof_build_batch *batch,
						     struct asof_error *err);
int asof_build_rows_compare(const void *rows, const char *a, const char *b);
/* Columns of the records in the order of `items`. */
ASOF_NODISCARD enum asof_status asof_build_rows_finish(const struct asof_build_rows *rows,
						       struct asof_build_memory *memory,
						       const struct asof_build_item *items,
						       struct asof_build_result *result,
						       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_build_rows_read(const struct asof_build_rows *rows,
						     const struct asof_build_result *result,
						     const struct asof_build_piece *piece,
						     struct asof_block *block,
						     struct asof_error *err);

/* ---- tiles ---- */

/* Where a column's states stand in a tile; 0: none. All-zero is the state of no values. */
struct asof_build_states {
	struct asof_type type;
	bool is_float; /* sums are double-doubles, not whole numbers */
	bool is_text;
	bool is_wide;  /* decimal, uuid */
	bool is_small; /* int32, bool: sums fit int64, and squares a whole number */
	size_t count;  /* always there */
	size_t sum;
	size_t squares;
	size_t min; /* of the complement the greatest; text: a slot */
	size_t max;
	size_t first;
	size_t last;
	size_t values;
	size_t distinct;
};

/* The first value or the last. */
struct asof_build_edge {
	int64_t event_us;
	int64_t created_us;
	int64_t order;
	bool has_value;
	union {
		char bytes[16];
		struct asof_build_slot slot; /* text, list */
	};
};

/* Values: ordinals, wide ones, or texts. */
struct asof_build_list {
	char *ptr;
	uint32_t count;
	uint32_t room;
};

struct asof_build_tiles {
	const struct asof_tile_layout *layout;
	struct asof_build_states *columns;
	int64_t step_us;
	bool has_created;
	size_t width;
};

struct asof_build_tile {
	uint64_t hash;
	int64_t end_us;
	int64_t created_us; /* the greatest; where it is apart, of all */
	int64_t last_us;
	int64_t rows;
	uint32_t entity;
	bool is_apart; /* of events created outside of their step */
};

ASOF_NODISCARD enum asof_status asof_build_tiles_init(struct asof_build_tiles *tiles,
						      const struct asof_tile_build_options *options,
						      struct asof_arena *arena,
						      struct asof_error *err);
/* Find the tiles of the rows; room for them has been reserved. */
void asof_build_tiles_find(const struct asof_build_tiles *tiles, struct asof_build_part *parts,
			   const struct asof_build_batch *batch);
ASOF_NODISCARD enum asof_status asof_build_tiles_add(const struct asof_build_tiles *tiles,
						     struct asof_build_worker *worker,
						     const struct asof_build_batch *batch,
						     struct asof_error *err);
/* Merge the tiles of `from` into `into`; remap[entity of from] is that of `into`. */
ASOF_NODISCARD enum asof_status
asof_build_tiles_merge(const struct asof_build_tiles *tiles, struct asof_build_store *store,
		       struct asof_build_part *into, struct asof_build_part *from,
		       const uint32_t *remap, struct asof_error *err);
int asof_build_tiles_compare(const void *tiles, const char *a, const char *b);
/* Sort what is listed in a tile. */
void asof_build_tiles_seal(const struct asof_build_tiles *tiles, char *tile);
ASOF_NODISCARD enum asof_status asof_build_tiles_read(const struct asof_build_tiles *tiles,
						      const struct asof_build_result *result,
						      const struct asof_build_piece *piece,
						      struct asof_block *block,
						      struct asof_error *err);

/* The same of one column's states. */
ASOF_NODISCARD enum asof_status asof_build_states_add(const struct asof_build_states *states,
						      struct asof_build_store *store,
						      const struct asof_build_batch *batch,
						      const struct asof_column *column,
						      struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_build_states_merge(const struct asof_build_states *states,
							struct asof_build_store *store, char *into,
							const char *from, struct asof_error *err);
void asof_build_states_seal(const struct asof_build_states *states, char *tile);
ASOF_NODISCARD enum asof_status
asof_build_states_read(const struct asof_build_states *states, enum asof_state_kind kind,
		       const char *const *list, const struct asof_build_piece *piece, size_t column,
		       struct asof_block *block, struct asof_error *err);

#endif
