/* mem.c - the allocator behind everything, counted and failing on request. */
#include "base/base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FIRST_CAPACITY 8
#define LARGE_PAGE     ((uintptr_t)2 << 20)

static atomic_size_t live;
static atomic_size_t fail_countdown; /* 0: nothing to fail */

static bool
should_fail(void)
{
	size_t left = atomic_load(&fail_countdown);
	while (left > 0) {
		if (atomic_compare_exchange_weak(&fail_countdown, &left, left - 1))
			return left == 1;
	}
	return false;
}

void *
asof_mem_alloc(size_t size)
{
	if (should_fail())
		return NULL;

	void *ptr = calloc(1, size ? size : 1);
	if (ptr)
		atomic_fetch_add(&live, 1);
	return ptr;
}

void *
asof_mem_resize(void *ptr, size_t size)
{
	if (should_fail())
		return NULL;

	void *moved = realloc(ptr, size ? size : 1);
	if (moved && !ptr)
		atomic_fetch_add(&live, 1);
	return moved;
}

void
asof_mem_free(void *ptr)
{
	if (!ptr)
		return;
	atomic_fetch_sub(&live, 1);
	free(ptr);
}

/* Of the C library where it has it. */
int malloc_trim(size_t pad) __attribute__((weak));

void
asof_mem_trim(void)
{
	if (malloc_trim)
		(void)malloc_trim(0);
}

#if defined(MADV_HUGEPAGE)
void
asof_mem_prefer_large_pages(void *ptr, size_t size)
{
	uintptr_t begin = ((uintptr_t)ptr + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	uintptr_t end = ((uintptr_t)ptr + size) / LARGE_PAGE * LARGE_PAGE;
	if (begin < end)
		(void)madvise((char *)ptr + (begin - (uintptr_t)ptr), end - begin, MADV_HUGEPAGE);
}
#else
void
asof_mem_prefer_large_pages(void *ptr, size_t size)
{
	(void)ptr;
	(void)size;
}
#endif

enum asof_status
asof_mem_reserve(void **array, size_t *capacity, size_t need, size_t elem_size,
		 struct asof_error *err)
{
	if (need <= *capacity)
		return ASOF_OK;

	size_t room = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
	if (room < FIRST_CAPACITY)
		room = FIRST_CAPACITY;
	if (room < need)
		room = need;

	size_t bytes;
	if (__builtin_mul_overflow(room, elem_size, &bytes))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu elements of %zu bytes", room, elem_size);

	/* The caller's pointer has another type than void *: copy its bytes, do not alias it. */
	char *old;
	memcpy(&old, (const void *)array, sizeof(old));
	char *grown = asof_mem_resize(old, bytes);
	if (!grown)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", bytes);

	size_t kept = *capacity * elem_size;
	memset(grown + kept, 0, bytes - kept);
	memcpy((void *)array, &grown, sizeof(grown));
	*capacity = room;
	return ASOF_OK;
}

enum asof_status
asof_bytes_copy(struct asof_str src, struct asof_bytes *ret_copy, struct asof_error *err)
{
	char *ptr = asof_mem_alloc(src.len);
	if (!ptr)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", src.len);
	if (src.len > 0)
		memcpy(ptr, src.ptr, src.len);
	*ret_copy = (struct asof_bytes){ ptr, src.len };
	return ASOF_OK;
}

void
asof_bytes_free(struct asof_bytes *bytes)
{
	asof_mem_free(bytes->ptr);
	*bytes = (struct asof_bytes){ NULL, 0 };
}

void
asof_mem_fail_at(size_t n)
{
	atomic_store(&fail_countdown, n);
}

size_t
asof_mem_live(void)
{
	return atomic_load(&live);
}
