/* spine_index_sort.h - times of one entity put in order, with the rows that they belong to. */
#ifndef ASOF_KERNEL_SPINE_INDEX_SORT_H
#define ASOF_KERNEL_SPINE_INDEX_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. Linear where the times stand in order, insertion where they are few, else a radix
 * sort over the bytes in which they differ; `spare_*` have room for as many. */
void asof_spine_sort(int64_t *times_us, uint32_t *rows, size_t count, int64_t *spare_times_us,
		     uint32_t *spare_rows);

#endif
