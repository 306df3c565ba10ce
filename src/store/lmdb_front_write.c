/* lmdb_front_write.c - hash files of generations: written, marked, removed. */
#define _GNU_SOURCE /* sync_file_range */
#include "store/lmdb_front.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fault.h"
#include "model/hash.h"

#define READ_BYTES  ((size_t)4 << 20) /* of rows while they are indexed */
#define SEND_BYTES  ((uint64_t)32 << 20)
#define SLOTS_MIN   1024
#define AHEAD       16 /* rows between the fetching of a slot and its use */
#define ROW_HEAD    8  /* lengths of key and entry */
#define ENTRY_TIMES 16 /* event_us, created_us */

_Static_assert((AHEAD & (AHEAD - 1)) == 0, "a ring");

static enum asof_status
io_failed(struct asof_front_name name, const char *doing, struct asof_error *err)
{
	int cause = errno;
	return ASOF_FAIL(err, ASOF_IO, "%s front %016llx in '%s': %s", doing,
			 (unsigned long long)name.id, name.dir, strerror(cause));
}

static bool
write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
	const char *at = bytes;
	while (len > 0) {
		ssize_t done = pwrite(fd, at, len, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		at += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return true;
}

/* What is missing at the end of the file is an error. */
static bool
read_at(int fd, void *bytes, size_t len, uint64_t offset)
{
	char *at = bytes;
	while (len > 0) {
		ssize_t done = pread(fd, at, len, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return false;
		at += done;
		len -= (size_t)done;
		offset += (uint64_t)done;
	}
	return true;
}

static void
close_file(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* ---- Marks ---- */

static bool
set_bits(int fd, uint64_t offset, unsigned char bits, bool *has_changed)
{
	unsigned char byte;
	if (!read_at(fd, &byte, 1, offset))
		return false;
	if ((byte & bits) == bits)
		return true;
	byte |= bits;
	*has_changed = true;
	return write_at(fd, &byte, 1, offset);
}

static bool
set_marks(int fd, struct asof_str packed)
{
	bool has_changed = false;
	struct asof_str key;
	struct asof_str entry;
	/* LMDB's writer lock is held: nobody else sets marks meanwhile. */
	if (!set_bits(fd, offsetof(struct asof_front_marks_head, is_marked), 1, &has_changed))
		return false;
	while (asof_lmdb_unpack(&packed, &key, &entry)) {
		uint64_t bit = asof_front_mark_bit(asof_hash64(key));
		if (!set_bits(fd, ASOF_FRONT_PAGE + bit / 8, (unsigned char)(1U << (bit % 8)),
			      &has_changed))
			return false;
	}
	return !has_changed || fdatasync(fd) == 0;
}

enum asof_status
asof_front_mark(struct asof_front_name name, struct asof_str packed, struct asof_error *err)
{
	if (packed.len == 0)
		return ASOF_OK;
	char path[ASOF_FRONT_PATH_MAX];
	asof_front_path(name, ".marks", path);
	ASOF_AUTO(close_file) int fd = open(path, O_RDWR | O_CLOEXEC);
	struct asof_front_marks_head head;
	if (fd < 0 || !read_at(fd, &head, sizeof(head), 0))
		return io_failed(name, "mark rows of", err);
	if (head.magic != ASOF_FRONT_MARKS_MAGIC || head.id != name.id)
		return ASOF_FAIL(err, ASOF_CORRUPT, "'%s' are no marks of this front", path);
	return set_marks(fd, packed) ? ASOF_OK : io_failed(name, "mark rows of", err);
}

/* ---- Rows and index ---- */

static enum asof_status
create_marks(struct asof_front_name name, struct asof_error *err)
{
	char path[ASOF_FRONT_PATH_MAX];
	asof_front_path(name, ".marks", path);
	struct asof_front_marks_head head = { .magic = ASOF_FRONT_MARKS_MAGIC, .id = name.id };
	ASOF_AUTO(close_file) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, (off_t)ASOF_FRONT_MARKS_SIZE) != 0 ||
	    !write_at(fd, &head, sizeof(head), 0) || fsync(fd) != 0)
		return io_failed(name, "make", err);
	return ASOF_OK;
}

enum asof_status
asof_front_create(struct asof_front_name name, struct asof_front_writer *ret_writer,
		  struct asof_error *err)
{
	char path[ASOF_FRONT_PATH_MAX];
	ASOF_TRY(create_marks(name, err));
	asof_front_path(name, ".rows", path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return io_failed(name, "make", err);
	enum asof_status status = asof_dir_sync_above(path, err);
	if (status != ASOF_OK) {
		close_file(&fd);
		return status;
	}
	*ret_writer = (struct asof_front_writer){
		.name = name, .fd = fd, .rows_end = ASOF_FRONT_PAGE, .first_unsent = ASOF_FRONT_PAGE
	};
	return ASOF_OK;
}

void
asof_front_writer_done(struct asof_front_writer *writer)
{
	close_file(&writer->fd);
	writer->fd = -1;
}

static uint64_t
count_rows(struct asof_str packed)
{
	struct asof_str key;
	struct asof_str entry;
	uint64_t count = 0;
	while (asof_lmdb_unpack(&packed, &key, &entry))
		count++;
	return count;
}

enum asof_status
asof_front_append(struct asof_front_writer *writer, struct asof_str packed, struct asof_error *err)
{
	if (!write_at(writer->fd, packed.ptr, packed.len, writer->rows_end))
		return io_failed(writer->name, "write", err);
	writer->rows_end += packed.len;
	writer->is_sealed = false;
	writer->row_count += count_rows(packed);
	if (writer->rows_end > ASOF_FRONT_OFFSET_MASK)
		return ASOF_FAIL(err, ASOF_LIMIT, "a front of more than 2^48 bytes");
	/* The disk writes while more rows come, not all of them in the end. */
	uint64_t unsent = writer->rows_end - writer->first_unsent;
	if (unsent >= SEND_BYTES) {
		(void)sync_file_range(writer->fd, (off_t)writer->first_unsent, (off_t)unsent,
				      SYNC_FILE_RANGE_WRITE);
		writer->first_unsent = writer->rows_end;
	}
	return ASOF_OK;
}

void
asof_front_rewind(struct asof_front_writer *writer)
{
	writer->rows_end = ASOF_FRONT_PAGE;
	writer->first_unsent = ASOF_FRONT_PAGE;
	writer->row_count = 0;
	writer->is_sealed = false;
}

/* The rows read in order, the slots of some fetched ahead of their use. */
struct indexing {
	struct asof_front_writer *writer;
	uint64_t *slots;
	uint64_t mask;
	struct ahead {
		uint64_t hash;
		uint64_t offset;
		size_t key_len;
		const char *row;
	} ring[AHEAD];
	size_t ring_count; /* of rows that ever went in */
};

/* Is the row at `offset` one of the same key, and which of the two counts? */
static bool
compare_with(const struct indexing *x, const struct ahead *row, uint64_t offset, bool *ret_is_same,
	     bool *ret_wins)
{
	char stored[ROW_HEAD + ASOF_LMDB_KEY_MAX + ENTRY_TIMES];
	uint32_t key_len;
	int fd = x->writer->fd;
	*ret_is_same = false;
	if (!read_at(fd, stored, ROW_HEAD, offset))
		return false;
	memcpy(&key_len, stored, sizeof(key_len));
	if (key_len != row->key_len)
		return true;
	size_t len = ROW_HEAD + key_len + ENTRY_TIMES;
	if (!read_at(fd, stored, len, offset))
		return false;
	*ret_is_same = memcmp(stored + ROW_HEAD, row->row + ROW_HEAD, key_len) == 0;
	int64_t old[2];
	int64_t fresh[2];
	memcpy(old, stored + ROW_HEAD + key_len, sizeof(old));
	memcpy(fresh, row->row + ROW_HEAD + key_len, sizeof(fresh));
	*ret_wins = asof_store_wins(fresh[0], fresh[1], old[0], old[1]);
	return true;
}

static bool
insert(struct indexing *x, const struct ahead *row)
{
	uint64_t tag = asof_front_tag(row->hash);
	for (uint64_t at = row->hash;; at++) {
		uint64_t *slot = &x->slots[at & x->mask];
		bool is_same = false;
		bool wins = true;
		if (*slot != 0 && asof_front_tag(*slot) == tag &&
		    !compare_with(x, row, *slot & ASOF_FRONT_OFFSET_MASK, &is_same, &wins))
			return false;
		if (*slot != 0 && !is_same)
			continue;
		if (wins)
			*slot = tag | row->offset;
		return true;
	}
}

static bool
take_row(struct indexing *x, const char *at, size_t key_len, uint64_t offset)
{
	struct ahead *place = &x->ring[x->ring_count % AHEAD];
	if (x->ring_count >= AHEAD && !insert(x, place))
		return false;
	uint64_t hash = asof_hash64((struct asof_str){ at + ROW_HEAD, key_len });
	*place = (struct ahead){ hash, offset, key_len, at };
	__builtin_prefetch(&x->slots[hash & x->mask], 1);
	x->ring_count++;
	return true;
}

static bool
drain(struct indexing *x)
{
	size_t waiting = x->ring_count < AHEAD ? x->ring_count : AHEAD;
	for (size_t i = x->ring_count - waiting; i < x->ring_count; i++) {
		if (!insert(x, &x->ring[i % AHEAD]))
			return false;
	}
	x->ring_count = 0;
	return true;
}

/* Index the rows that are whole in `bytes`, which begins at `offset` of the file. */
static bool
index_block(struct indexing *x, struct asof_str bytes, uint64_t offset, size_t *ret_used)
{
	size_t used = 0;
	while (bytes.len - used >= ROW_HEAD) {
		uint32_t lengths[2];
		memcpy(lengths, bytes.ptr + used, sizeof(lengths));
		size_t whole = ROW_HEAD + (size_t)lengths[0] + lengths[1];
		if (whole > bytes.len - used)
			break;
		bool is_indexed = lengths[0] <= ASOF_LMDB_SHORT_KEY_MAX;
		if (is_indexed && !take_row(x, bytes.ptr + used, lengths[0], offset + used))
			return false;
		used += whole;
	}
	*ret_used = used;
	return drain(x);
}

static enum asof_status
index_rows(struct indexing *x, struct asof_error *err)
{
	struct asof_front_writer *writer = x->writer;
	ASOF_AUTO(asof_buf_done)
	struct asof_buf block = ASOF_BUF(READ_BYTES + ASOF_STORE_VALUE_MAX * 2);
	size_t want = READ_BYTES;
	for (uint64_t offset = ASOF_FRONT_PAGE; offset < writer->rows_end;) {
		uint64_t rest = writer->rows_end - offset;
		size_t len = rest < want ? (size_t)rest : want;
		asof_buf_clear(&block);
		char *bytes = asof_buf_reserve(&block, len);
		if (!bytes)
			return asof_buf_status(&block, err);
		size_t used = 0;
		if (!read_at(writer->fd, bytes, len, offset) ||
		    !index_block(x, (struct asof_str){ bytes, len }, offset, &used))
			return io_failed(writer->name, "index", err);
		if (used == 0 && len == rest)
			return ASOF_FAIL(err, ASOF_CORRUPT, "the last row of front %016llx is cut",
					 (unsigned long long)writer->name.id);
		want = used == 0 ? want * 2 : READ_BYTES; /* a row larger than the block */
		offset += used;
	}
	return ASOF_OK;
}

struct mapped {
	void *ptr;
	size_t size;
};

static void
unmap(struct mapped *map)
{
	if (map->ptr)
		(void)munmap(map->ptr, map->size);
}

/* The file has room for its index, on the disk too: a full disk is an error here, not a signal when
 * the map is written to. */
static enum asof_status
build_index(struct asof_front_writer *writer, const struct asof_front_head *head,
	    struct asof_error *err)
{
	size_t size = head->slot_count * sizeof(uint64_t);
	if (ftruncate(writer->fd, (off_t)head->rows_end) != 0)
		return io_failed(writer->name, "make room for the index of", err);
	errno = posix_fallocate(writer->fd, (off_t)head->index_at, (off_t)size);
	if (errno != 0)
		return io_failed(writer->name, "make room for the index of", err);
	void *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, writer->fd,
			   (off_t)head->index_at);
	if (slots == MAP_FAILED)
		return io_failed(writer->name, "map the index of", err);
	ASOF_AUTO(unmap) struct mapped map = { slots, size };
	struct indexing x = { .writer = writer, .slots = slots, .mask = head->slot_count - 1 };
	return index_rows(&x, err);
}

enum asof_status
asof_front_seal(struct asof_front_writer *writer, struct asof_error *err)
{
	if (writer->is_sealed)
		return ASOF_OK;
	struct asof_front_head head = { .magic = ASOF_FRONT_ROWS_MAGIC,
					.id = writer->name.id,
					.rows_end = writer->rows_end,
					.slot_count = SLOTS_MIN };
	while (head.slot_count / 4 * 3 < writer->row_count)
		head.slot_count *= 2;
	head.index_at = (head.rows_end + ASOF_FRONT_PAGE - 1) / ASOF_FRONT_PAGE * ASOF_FRONT_PAGE;
	head.checksum = asof_front_head_checksum(&head);

	ASOF_TRY(build_index(writer, &head, err));
	ASOF_TRY(asof_fault_point("store.front.indexed", err));
	if (!write_at(writer->fd, &head, sizeof(head), 0) || fsync(writer->fd) != 0)
		return io_failed(writer->name, "finish", err);
	writer->is_sealed = true;
	return asof_fault_point("store.front.sealed", err);
}

/* ---- Removing ---- */

void
asof_front_remove(struct asof_front_name name)
{
	char path[ASOF_FRONT_PATH_MAX];
	asof_front_path(name, ".rows", path);
	(void)unlink(path);
	asof_front_path(name, ".marks", path);
	(void)unlink(path);
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* The sixteen digits at `text`. */
static bool
read_hex(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 16; i++) {
		const char *digits = "0123456789abcdef";
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			return false;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	*ret_value = value;
	return true;
}

/* "front-TABLE-ID.KIND" */
static bool
read_name(const char *text, uint64_t *ret_table, uint64_t *ret_id)
{
	return strncmp(text, "front-", 6) == 0 && read_hex(text + 6, ret_table) &&
	       text[22] == '-' && read_hex(text + 23, ret_id) && text[39] == '.';
}

void
asof_front_remove_others(struct asof_front_name name, uint64_t also_kept)
{
	ASOF_AUTO(close_dir) DIR *dir = opendir(name.dir);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)) != NULL) {
		uint64_t table;
		uint64_t id;
		if (read_name(entry->d_name, &table, &id) && table == name.table && id != name.id &&
		    id != also_kept)
			asof_front_remove((struct asof_front_name){ name.dir, table, id });
	}
}
