/*
 * lmdb_front.h - a generation of an LMDB table again, as a hash file that is read past the B-tree.
 *
 * Two files beside the environment, named by the table's hash and a random id that the table's
 * record repeats:
 *   .rows   a page of header; the load's packed rows (lmdb_format.h), each once or, where the load
 *           gave a key twice, more often; an index of slots: 16 bits of the key's hash, and the 48
 *           bits of the offset of the row that counts. Open addressing, at most 3/4 full.
 *   .marks  a page of header and a bit per ASOF_FRONT_MARKS-th of all hashes: "rows of such keys
 *           were written since the load: ask LMDB".
 * What is in the files never changes but for marks, which are only ever set.
 *
 * The rule that makes it right: whoever changes a row of the generation sets the key's mark,
 * durably, before the change is committed. So in any snapshot of LMDB taken before a mark is looked
 * at, a row whose mark is not set is the row of the file. Lost or damaged files cost speed and
 * nothing else: without .rows LMDB is read, and who finds no .marks takes the front out of the
 * table's record in the same transaction.
 *
 * Keys too long to be stored as they are (ASOF_LMDB_SHORT_KEY_MAX) are not in the index. No LMDB in
 * here. A struct asof_front is thread-safe; a writer is used by one thread at a time.
 */
#ifndef ASOF_LMDB_FRONT_H
#define ASOF_LMDB_FRONT_H

#include <limits.h>

#include "store/lmdb_format.h"

#define ASOF_FRONT_MARKS    (UINT64_C(1) << 26)
#define ASOF_FRONT_PATH_MAX (PATH_MAX + 64)

/* Which front: `table` is the hash of its name; id 0 is none. */
struct asof_front_name {
	const char *dir;
	uint64_t table;
	uint64_t id;
};

/* ---- Reading ---- */

struct asof_front {
	uint64_t id;
	const char *rows; /* the whole .rows file */
	size_t rows_size;
	size_t rows_end; /* of the packed rows */
	const uint64_t *slots;
	uint64_t slot_mask;
	const unsigned char *marks; /* the whole .marks file */
};

/* ASOF_NOT_FOUND without the files, ASOF_CORRUPT where they are not whole. */
ASOF_NODISCARD enum asof_status
asof_front_open(struct asof_front_name name, struct asof_front **ret_front, struct asof_error *err);
/* NULL is a no-op. */
void asof_front_close(struct asof_front *front);
ASOF_DEFINE_AUTOFREE(struct asof_front, asof_front_close)

/* Has a row of such a key been written since the load, or is the key not of those that are indexed?
 * Then LMDB is to be asked. `hash` is asof_hash64() of the key. */
bool asof_front_is_marked(const struct asof_front *front, struct asof_str key, uint64_t hash);

enum asof_front_answer {
	ASOF_FRONT_FOUND,   /* *ret_entry is the key's entry */
	ASOF_FRONT_MISSING, /* no such key in the generation */
	ASOF_FRONT_DAMAGED, /* LMDB is to be asked */
};
/* Of a key that is not marked. The entry is borrowed from the front. */
enum asof_front_answer asof_front_find(const struct asof_front *front, struct asof_str key,
				       uint64_t hash, struct asof_str *ret_entry);
/* Two steps ahead of asof_front_find(), so that the memory is there: first the slot of a key, then
 * the row that the slot names. */
void asof_front_prefetch_slot(const struct asof_front *front, uint64_t hash);
void asof_front_prefetch_row(const struct asof_front *front, uint64_t hash);

/* ---- Writing ---- */

/*
 * Set the marks of the packed rows' keys and wait until they are on the disk. Any failure means
 * that the front may no longer be read.
 */
ASOF_NODISCARD enum asof_status asof_front_mark(struct asof_front_name name, struct asof_str packed,
						struct asof_error *err);

struct asof_front_writer {
	struct asof_front_name name;
	int fd;
	uint64_t rows_end;
	uint64_t row_count;
	uint64_t first_unsent; /* the disk has not been asked to write what is behind it */
	bool is_sealed;        /* with all rows in it */
};

/* A new front with no rows, its marks durable. `name.dir` is borrowed. */
ASOF_NODISCARD enum asof_status asof_front_create(struct asof_front_name name,
						  struct asof_front_writer *ret_writer,
						  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_front_append(struct asof_front_writer *writer,
						  struct asof_str packed, struct asof_error *err);
/* Forget all rows. */
void asof_front_rewind(struct asof_front_writer *writer);
/* Index the rows and make the file durable: it may be read. More rows may be appended, and sealed
 * again; without any this is nothing. */
ASOF_NODISCARD enum asof_status asof_front_seal(struct asof_front_writer *writer,
						struct asof_error *err);
/* Close the file. */
void asof_front_writer_done(struct asof_front_writer *writer);

/* Delete the files of one front, or of all fronts of `name.table` but `name.id` and `also_kept`.
 * What readers have mapped stays until they end. */
void asof_front_remove(struct asof_front_name name);
void asof_front_remove_others(struct asof_front_name name, uint64_t also_kept);

/* ---- The files, for the .c files ---- */

#define ASOF_FRONT_PAGE 4096

struct asof_front_head {
	uint64_t magic;
	uint64_t id;
	uint64_t rows_end;
	uint64_t index_at;
	uint64_t slot_count; /* a power of two */
	uint64_t checksum;   /* of what is before it */
};
_Static_assert(sizeof(struct asof_front_head) == 48, "no padding in what is checked");

struct asof_front_marks_head {
	uint64_t magic;
	uint64_t id;
	unsigned char is_marked; /* 0: no bit is set */
	unsigned char reserved[7];
};

#define ASOF_FRONT_ROWS_MAGIC  UINT64_C(0x31776f7266736f61)
#define ASOF_FRONT_MARKS_MAGIC UINT64_C(0x316b726d66736f61)
#define ASOF_FRONT_MARKS_SIZE  (ASOF_FRONT_PAGE + ASOF_FRONT_MARKS / 8)
#define ASOF_FRONT_OFFSET_BITS 48
#define ASOF_FRONT_OFFSET_MASK ((UINT64_C(1) << ASOF_FRONT_OFFSET_BITS) - 1)

void asof_front_path(struct asof_front_name name, const char *suffix,
		     char ret_path[ASOF_FRONT_PATH_MAX]);
uint64_t asof_front_head_checksum(const struct asof_front_head *head);

static inline uint64_t
asof_front_tag(uint64_t hash)
{
	return hash & ~ASOF_FRONT_OFFSET_MASK;
}

/* Other bits than a slot's tag and, mostly, its place. */
static inline uint64_t
asof_front_mark_bit(uint64_t hash)
{
	return (hash >> 20) % ASOF_FRONT_MARKS;
}

#endif
