/* budget.c - counted memory. */
#include "kernel/budget.h"

static enum asof_status
charge(struct asof_budget *budget, uint64_t bytes, struct asof_error *err)
{
	uint64_t used = atomic_fetch_add_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
	if (budget->max_bytes == 0 ||
	    (used <= budget->max_bytes && bytes <= budget->max_bytes - used))
		return ASOF_OK;
	atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
	return ASOF_FAIL(err, ASOF_LIMIT, "%s takes more than %llu bytes", budget->what,
			 (unsigned long long)budget->max_bytes);
}

static void
discharge(struct asof_budget *budget, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&budget->used_bytes, bytes, memory_order_relaxed);
}

enum asof_status
asof_budget_alloc(struct asof_budget *budget, size_t count, size_t elem_size, void **ret_array,
		  struct asof_error *err)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, elem_size, &bytes))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu elements of %zu bytes", count,
				 elem_size);
	ASOF_TRY(charge(budget, bytes, err));
	void *array = asof_mem_alloc(bytes);
	if (!array) {
		discharge(budget, bytes);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", bytes);
	}
	/* The caller's pointer has another type than void *: copy its bytes, do not alias it. */
	memcpy((void *)ret_array, &array, sizeof(array));
	return ASOF_OK;
}

void
asof_budget_free(struct asof_budget *budget, void *array, size_t count, size_t elem_size)
{
	if (!array)
		return;
	discharge(budget, (uint64_t)count * elem_size);
	asof_mem_free(array);
}

void *
asof_budget_shrink(struct asof_budget *budget, void *array, size_t old_count, size_t count,
		   size_t elem_size)
{
	void *moved = asof_mem_resize(array, count * elem_size);
	if (!moved)
		return array;
	discharge(budget, (uint64_t)(old_count - count) * elem_size);
	return moved;
}
