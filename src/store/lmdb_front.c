/* lmdb_front.c - hash files of generations: mapped and looked up. */
#include "store/lmdb_front.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/hash.h"

#define PROBES_MAX 4096 /* far beyond what a table 3/4 full needs; a damaged index ends there */
#define ROW_LINES  3    /* of 64 bytes, fetched ahead */

void
asof_front_path(struct asof_front_name name, const char *suffix, char ret_path[ASOF_FRONT_PATH_MAX])
{
	int len = snprintf(ret_path, ASOF_FRONT_PATH_MAX, "%s/front-%016llx-%016llx%s", name.dir,
			   (unsigned long long)name.table, (unsigned long long)name.id, suffix);
	assert(len > 0 && len < ASOF_FRONT_PATH_MAX);
}

uint64_t
asof_front_head_checksum(const struct asof_front_head *head)
{
	return asof_hash64((struct asof_str){ (const char *)head,
					      offsetof(struct asof_front_head, checksum) });
}

static void
close_file(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* A whole file, mapped to be read. */
static enum asof_status
map_file(struct asof_front_name name, const char *suffix, const char **ret_bytes, size_t *ret_size,
	 struct asof_error *err)
{
	char path[ASOF_FRONT_PATH_MAX];
	asof_front_path(name, suffix, path);
	ASOF_AUTO(close_file) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) != 0)
		return ASOF_FAIL(err, errno == ENOENT ? ASOF_NOT_FOUND : ASOF_IO, "open '%s': %s",
				 path, strerror(errno));
	if (info.st_size < ASOF_FRONT_PAGE)
		return ASOF_FAIL(err, ASOF_CORRUPT, "'%s' has %lld bytes", path,
				 (long long)info.st_size);
	void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return ASOF_FAIL(err, ASOF_IO, "map '%s': %s", path, strerror(errno));
	*ret_bytes = bytes;
	*ret_size = (size_t)info.st_size;
	return ASOF_OK;
}

static bool
is_whole(const struct asof_front_head *head, uint64_t id, size_t size)
{
	return head->magic == ASOF_FRONT_ROWS_MAGIC && head->id == id &&
	       head->checksum == asof_front_head_checksum(head) &&
	       head->rows_end >= ASOF_FRONT_PAGE && head->rows_end <= head->index_at &&
	       head->index_at % ASOF_FRONT_PAGE == 0 && head->slot_count > 0 &&
	       (head->slot_count & (head->slot_count - 1)) == 0 && head->index_at <= size &&
	       head->slot_count <= (size - head->index_at) / sizeof(uint64_t);
}

static enum asof_status
map_both(struct asof_front_name name, struct asof_front *front, struct asof_error *err)
{
	ASOF_TRY(map_file(name, ".rows", &front->rows, &front->rows_size, err));
	struct asof_front_head head;
	memcpy(&head, front->rows, sizeof(head));
	if (!is_whole(&head, name.id, front->rows_size))
		return ASOF_FAIL(err, ASOF_CORRUPT, "the header of front %016llx in '%s'",
				 (unsigned long long)name.id, name.dir);
	front->rows_end = head.rows_end;
	front->slots = (const uint64_t *)(const void *)(front->rows + head.index_at);
	front->slot_mask = head.slot_count - 1;

	const char *marks = NULL;
	size_t marks_size = 0;
	ASOF_TRY(map_file(name, ".marks", &marks, &marks_size, err));
	struct asof_front_marks_head marks_head;
	memcpy(&marks_head, marks, sizeof(marks_head));
	if (marks_size != ASOF_FRONT_MARKS_SIZE || marks_head.magic != ASOF_FRONT_MARKS_MAGIC ||
	    marks_head.id != name.id) {
		(void)munmap((void *)(uintptr_t)marks, marks_size);
		return ASOF_FAIL(err, ASOF_CORRUPT, "the marks of front %016llx in '%s'",
				 (unsigned long long)name.id, name.dir);
	}
	front->marks = (const unsigned char *)marks;
	return ASOF_OK;
}

enum asof_status
asof_front_open(struct asof_front_name name, struct asof_front **ret_front, struct asof_error *err)
{
	ASOF_AUTO(asof_front_close_auto) struct asof_front *front = asof_mem_alloc(sizeof(*front));
	if (!front)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "front");
	front->id = name.id;
	ASOF_TRY(map_both(name, front, err));
	*ret_front = ASOF_STEAL(front);
	return ASOF_OK;
}

void
asof_front_close(struct asof_front *front)
{
	if (!front)
		return;
	if (front->rows)
		(void)munmap((void *)(uintptr_t)front->rows, front->rows_size);
	if (front->marks)
		(void)munmap((void *)(uintptr_t)front->marks, ASOF_FRONT_MARKS_SIZE);
	asof_mem_free(front);
}

/* Other processes set marks while this one reads them. */
bool
asof_front_is_marked(const struct asof_front *front, struct asof_str key, uint64_t hash)
{
	if (key.len > ASOF_LMDB_SHORT_KEY_MAX)
		return true;
	const unsigned char *any = front->marks + offsetof(struct asof_front_marks_head, is_marked);
	if (!__atomic_load_n(any, __ATOMIC_ACQUIRE))
		return false;
	uint64_t bit = asof_front_mark_bit(hash);
	const unsigned char *byte = front->marks + ASOF_FRONT_PAGE + bit / 8;
	return (__atomic_load_n(byte, __ATOMIC_ACQUIRE) >> (bit % 8)) & 1;
}

/* False: the row does not lie in the file. */
static bool
row_at(const struct asof_front *front, uint64_t offset, struct asof_str *ret_key,
       struct asof_str *ret_entry)
{
	uint32_t lengths[2];
	if (offset < ASOF_FRONT_PAGE || offset + sizeof(lengths) > front->rows_end)
		return false;
	const char *at = front->rows + offset;
	memcpy(lengths, at, sizeof(lengths));
	at += sizeof(lengths);
	if ((uint64_t)lengths[0] + lengths[1] > front->rows_end - offset - sizeof(lengths))
		return false;
	*ret_key = (struct asof_str){ at, lengths[0] };
	*ret_entry = (struct asof_str){ at + lengths[0], lengths[1] };
	return true;
}

enum asof_front_answer
asof_front_find(const struct asof_front *front, struct asof_str key, uint64_t hash,
		struct asof_str *ret_entry)
{
	uint64_t tag = asof_front_tag(hash);
	for (uint64_t probe = 0; probe < PROBES_MAX; probe++) {
		uint64_t slot = front->slots[(hash + probe) & front->slot_mask];
		struct asof_str found;
		if (slot == 0)
			return ASOF_FRONT_MISSING;
		if (asof_front_tag(slot) != tag)
			continue;
		if (!row_at(front, slot & ASOF_FRONT_OFFSET_MASK, &found, ret_entry))
			return ASOF_FRONT_DAMAGED;
		if (asof_str_equal(found, key))
			return ASOF_FRONT_FOUND;
	}
	return ASOF_FRONT_DAMAGED;
}

void
asof_front_prefetch_slot(const struct asof_front *front, uint64_t hash)
{
	__builtin_prefetch(&front->slots[hash & front->slot_mask]);
}

void
asof_front_prefetch_row(const struct asof_front *front, uint64_t hash)
{
	uint64_t tag = asof_front_tag(hash);
	for (uint64_t probe = 0; probe < PROBES_MAX; probe++) {
		uint64_t slot = front->slots[(hash + probe) & front->slot_mask];
		if (slot == 0)
			return;
		if (asof_front_tag(slot) != tag)
			continue;
		const char *row = front->rows + (slot & ASOF_FRONT_OFFSET_MASK);
		for (size_t line = 0; line < ROW_LINES; line++)
			__builtin_prefetch(row + line * 64);
		return;
	}
}
