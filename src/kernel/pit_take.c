/*
 * pit_take.c - feature rows put before the slots that see them first.
 *
 * A batch goes through in chunks, and a chunk in steps: each step looks at one kind of memory and
 * asks for what the next step needs, so that the waits of many rows overlap.
 */
#include "kernel/pit_impl.h"

#include <assert.h>
#include <sched.h>

#include "model/duration.h"

#define ROUNDS_MAX 16
#define LONG_CELLS 64 /* an entity of more is searched side by side with others */
#define LINE_CELLS (64 / sizeof(struct asof_pit_cell))
/* What an engine has for a time before all others, which is none; the one after all is not seen. */
#define MINUS_INFINITY_US (-INT64_MAX)

/* Rows of a chunk that are still in question, in order. */
struct candidates {
	size_t count;
	uint32_t rows[ASOF_PIT_CHUNK_ROWS];  /* of the batch */
	uint32_t begin[ASOF_PIT_CHUNK_ROWS]; /* of the entity's slots; later a row that is held */
	uint32_t end[ASOF_PIT_CHUNK_ROWS];   /* of them; later that row's slot */
	uint32_t limit[ASOF_PIT_CHUNK_ROWS]; /* the end of the entity's slots */
	uint32_t slots[ASOF_PIT_CHUNK_ROWS];
	uint32_t heads[ASOF_PIT_CHUNK_ROWS]; /* what the slot's is to be: the event in ticks */
};

static int64_t
event_at(const struct asof_pit_columns *columns, size_t row)
{
	return ((const int64_t *)columns->event->data)[row];
}

/* All of a few cells, else those that are looked at first. */
static void
prefetch_cells(const struct asof_pit_cell *cells, uint32_t count)
{
	__builtin_prefetch(cells);
	__builtin_prefetch(cells + count / 2);
	__builtin_prefetch(cells + count - 1);
}

/* The slots of each row's entity: none where nobody asks for it. */
static void
find_entities(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t first,
	      size_t count, struct candidates *found)
{
	asof_spine_index_find_slots(pit->spine, columns->keys, first, count, found->begin,
				    found->end);
	for (size_t i = 0; columns->event->validity && i < count; i++) {
		if (asof_column_is_null(columns->event, first + i))
			found->end[i] = found->begin[i];
	}
	for (size_t i = 0; i < count; i++)
		prefetch_cells(pit->cells + found->begin[i], found->end[i] - found->begin[i]);
	memcpy(found->limit, found->end, count * sizeof(*found->end));
	found->count = count;
}

/* How many of `cells` are before `ticks`. Without branches but for the loop's: which way each step
 * goes is a coin's toss. */
static uint32_t
cells_before(const struct asof_pit_cell *cells, uint32_t count, uint32_t ticks)
{
	uint32_t base = 0;
	while (count > 1) {
		uint32_t half = count / 2;
		base += half & -(uint32_t)(cells[base + half - 1].time < ticks);
		count -= half;
	}
	return base + (cells[base].time < ticks);
}

/* The same of times, where ticks are equal. */
static uint32_t
times_before(const int64_t *times_us, uint32_t count, int64_t time_us)
{
	uint32_t begin = 0;
	while (begin < count) {
		uint32_t middle = begin + (count - begin) / 2;
		if (times_us[middle] < time_us)
			begin = middle + 1;
		else
			count = middle;
	}
	return begin;
}

/* When the row becomes known. */
static int64_t
known_at(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t row)
{
	int64_t known_us = asof_us_add(event_at(columns, row), pit->available_after_us);
	if (pit->is_label && columns->created) {
		int64_t created_us = asof_pit_number_at(columns->created, row);
		known_us = created_us > known_us ? created_us : known_us;
	}
	return known_us;
}

/* Searches that are long, and not behind a row of the same entity that is known no later. */
static size_t
choose_long(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t first,
	    const struct candidates *found, uint32_t *ret_rows, uint32_t *ret_ticks)
{
	size_t count = 0;
	uint32_t entity = ASOF_NO_SLOT;
	int64_t before_us = 0;
	for (size_t i = 0; i < found->count; i++) {
		if (found->end[i] - found->begin[i] <= LONG_CELLS)
			continue;
		int64_t known_us = known_at(pit, columns, first + i);
		bool is_behind = found->begin[i] == entity && known_us >= before_us;
		entity = found->begin[i];
		before_us = known_us;
		if (is_behind || known_us > pit->slots->max_us || known_us < pit->slots->min_us)
			continue;
		ret_rows[count] = (uint32_t)i;
		ret_ticks[count++] = asof_pit_ticks(&pit->clock, known_us);
	}
	return count;
}

/*
 * Search the cells of long entities down to a line of the cache: a step of each in turn, which asks
 * for the cell of its next one, so that they wait for memory together. What a row looks for is left
 * in [begin, end), or is its entity's end.
 */
static void
narrow(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t first,
       struct candidates *found)
{
	uint32_t rows[ASOF_PIT_CHUNK_ROWS];
	uint32_t ticks[ASOF_PIT_CHUNK_ROWS];
	size_t count = choose_long(pit, columns, first, found, rows, ticks);
	while (count > 0) {
		size_t left = 0;
		for (size_t i = 0; i < count; i++) {
			uint32_t row = rows[i];
			uint32_t begin = found->begin[row];
			uint32_t length = found->end[row] - begin;
			uint32_t half = length / 2;
			begin += half & -(uint32_t)(pit->cells[begin + half - 1].time < ticks[i]);
			length -= half;
			found->begin[row] = begin;
			found->end[row] = begin + length;
			__builtin_prefetch(&pit->cells[begin + length / 2 - 1]);
			rows[left] = row;
			ticks[left] = ticks[i];
			left += length > LINE_CELLS;
		}
		count = left;
	}
}

/* The first of the slots [begin, end) that sees what becomes known then; end: none. Slots of the
 * entity follow up to `limit`. Rows of one entity often stand together, ascending: `hint` is the
 * slot of the one before. */
static uint32_t
find_slot(const struct asof_pit *pit, uint32_t begin, uint32_t end, uint32_t limit, uint32_t hint,
	  int64_t known_us)
{
	const struct asof_pit_cell *cells = pit->cells;
	if (known_us > pit->slots->max_us)
		return limit;
	if (known_us < pit->slots->min_us)
		return begin;
	uint32_t ticks = asof_pit_ticks(&pit->clock, known_us);
	if (hint >= begin && hint < end && ticks < cells[hint].time &&
	    (hint == begin || cells[hint - 1].time < ticks))
		return hint;
	uint32_t slot = begin + cells_before(cells + begin, end - begin, ticks);
	if (slot < limit && cells[slot].time == ticks)
		slot += times_before(pit->slots->times_us + slot, limit - slot, known_us);
	return slot;
}

static bool
is_row_better(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t row,
	      size_t than)
{
	int64_t record[1 + ASOF_PIT_TIES_MAX] = { event_at(columns, row) };
	int64_t other[1 + ASOF_PIT_TIES_MAX] = { event_at(columns, than) };
	if (record[0] == other[0]) {
		asof_pit_ties_of(columns, row, record + 1);
		asof_pit_ties_of(columns, than, other + 1);
	}
	return asof_pit_compare_rows(record, other, pit->tie_count) > 0;
}

/* The slot that is first to see each row; rows that none sees, or only when too old, go. Of
 * neighbours for one slot the best stays. How many are asked for. */
static size_t
find_slots(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t first,
	   struct candidates *found)
{
	size_t asked_count = 0;
	size_t kept = 0;
	uint32_t hint = 0;
	for (size_t i = 0; i < found->count; i++) {
		uint32_t begin = found->begin[i];
		uint32_t end = found->end[i];
		size_t row = first + i;
		if (begin == end)
			continue;
		asked_count++;
		uint32_t limit = found->limit[i];
		uint32_t slot =
			find_slot(pit, begin, end, limit, hint, known_at(pit, columns, row));
		int64_t event_us = event_at(columns, row);
		if (slot == limit || event_us == MINUS_INFINITY_US)
			continue;
		uint32_t ticks = asof_pit_ticks(&pit->clock, event_us);
		if (asof_pit_is_too_old(pit, slot, ticks, &event_us))
			continue;
		hint = slot;
		if (kept > 0 && found->slots[kept - 1] == slot) {
			if (is_row_better(pit, columns, row, found->rows[kept - 1])) {
				found->rows[kept - 1] = (uint32_t)row;
				found->heads[kept - 1] = ticks;
			}
			continue;
		}
		found->rows[kept] = (uint32_t)row;
		found->slots[kept] = slot;
		found->heads[kept] = ticks;
		kept++;
	}
	found->count = kept;
	return asked_count;
}

/* None that is older than what the slot has. That may be looked at without holding it: its event
 * only grows. */
static void
drop_older(const struct asof_pit *pit, struct candidates *found)
{
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		uint32_t slot = found->slots[i];
		uint32_t head = atomic_load_explicit(&pit->cells[slot].head, memory_order_relaxed);
		found->rows[kept] = found->rows[i];
		found->slots[kept] = slot;
		found->heads[kept] = found->heads[i];
		kept += (head & ~ASOF_PIT_HELD) <= found->heads[i];
	}
	found->count = kept;
	for (size_t i = 0; i < kept; i++) {
		const char *record = pit->records + found->slots[i] * pit->record_bytes;
		__builtin_prefetch(record, 1);
		__builtin_prefetch(record + pit->record_bytes - 1, 1);
	}
}

/* Put `wanted` in place of what the head is; false: it is something else by now. */
static bool
try_to_change(const struct asof_pit *pit, struct asof_pit_cell *cell, uint32_t is, uint32_t wanted)
{
	if (pit->worker_count > 1)
		return atomic_compare_exchange_strong_explicit(
			&cell->head, &is, wanted, memory_order_acquire, memory_order_relaxed);
	atomic_store_explicit(&cell->head, wanted, memory_order_relaxed);
	return true;
}

static void
release(struct asof_pit_cell *cell, uint32_t head)
{
	atomic_store_explicit(&cell->head, head, memory_order_release);
}

static bool
is_better(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t row,
	  uint32_t slot)
{
	int64_t record[1 + ASOF_PIT_TIES_MAX] = { event_at(columns, row) };
	asof_pit_ties_of(columns, row, record + 1);
	return asof_pit_compare_rows(record, asof_pit_record(pit, slot), pit->tie_count) > 0;
}

enum claim { CLAIM_HELD, CLAIM_LOST, CLAIM_BUSY };

/* Hold the slot, if the row is its best. */
static enum claim
claim(struct asof_pit *pit, const struct asof_pit_columns *columns, uint32_t slot, uint32_t row,
      uint32_t ticks)
{
	struct asof_pit_cell *cell = &pit->cells[slot];
	uint32_t head = atomic_load_explicit(&cell->head, memory_order_relaxed);
	if ((head & ~ASOF_PIT_HELD) > ticks)
		return CLAIM_LOST;
	if (head & ASOF_PIT_HELD || !try_to_change(pit, cell, head, ticks | ASOF_PIT_HELD))
		return CLAIM_BUSY;
	if (head != ticks || is_better(pit, columns, row, slot))
		return CLAIM_HELD;
	release(cell, head);
	return CLAIM_LOST;
}

/*
 * Take the slots that nobody holds, write, let go; then the others. Between taking and letting go
 * there is no waiting, so that nobody waits for long, nor two for each other; and no write that
 * misses the caches is waited for by the next slot's locked instruction.
 */
static enum asof_status
offer(struct asof_pit *pit, struct asof_pit_worker *worker, const struct asof_pit_columns *columns,
      struct candidates *found, struct asof_error *err)
{
	size_t held = 0;
	size_t busy = 0;
	for (size_t i = 0; i < found->count; i++) {
		uint32_t row = found->rows[i];
		uint32_t slot = found->slots[i];
		uint32_t head = found->heads[i];
		enum claim how = claim(pit, columns, slot, row, head);
		if (how == CLAIM_HELD) {
			found->begin[held] = row;
			found->end[held++] = slot;
		} else if (how == CLAIM_BUSY) {
			found->rows[busy] = row;
			found->slots[busy] = slot;
			found->heads[busy++] = head;
		}
	}
	enum asof_status status = ASOF_OK;
	for (size_t i = 0; i < held && status == ASOF_OK; i++)
		status = asof_pit_write(pit, &worker->pool, found->end[i], columns, found->begin[i],
					err);
	for (size_t i = 0; i < held; i++) {
		struct asof_pit_cell *cell = &pit->cells[found->end[i]];
		uint32_t head = atomic_load_explicit(&cell->head, memory_order_relaxed);
		release(cell, head & ~ASOF_PIT_HELD);
	}
	worker->kept_count += held;
	found->count = busy;
	return status;
}

static enum asof_status
offer_all(struct asof_pit *pit, struct asof_pit_worker *worker,
	  const struct asof_pit_columns *columns, struct candidates *found, struct asof_error *err)
{
	for (unsigned rounds = 0; found->count > 0; rounds++) {
		if (rounds >= ROUNDS_MAX)
			sched_yield();
		ASOF_TRY(offer(pit, worker, columns, found, err));
	}
	return ASOF_OK;
}

static struct asof_pit_columns
columns_of(const struct asof_pit *pit, const struct asof_batch *batch)
{
	const struct asof_column *next = batch->columns;
	struct asof_pit_columns columns = { .keys = next, .event = next + pit->key_count };
	next = columns.event + 1;
	if (pit->has_created)
		columns.created = next++;
	if (pit->has_order)
		columns.order = next++;
	columns.values = next;
	assert((size_t)(next - batch->columns) + pit->place_count <= batch->column_count);
	for (size_t i = 0; i < pit->place_count; i++)
		columns.has_nulls = columns.has_nulls || next[i].validity;
	return columns;
}

enum asof_status
asof_pit_take(struct asof_pit *pit, unsigned worker, const struct asof_batch *batch,
	      struct asof_error *err)
{
	assert(!pit->is_finished && worker < pit->worker_count && batch->row_count <= UINT32_MAX);
	struct asof_pit_worker *self = &pit->workers[worker];
	struct asof_pit_columns columns = columns_of(pit, batch);
	struct candidates found;
	self->row_count += batch->row_count;
	if (pit->slots->slot_count == 0)
		return ASOF_OK;
	for (size_t first = 0; first < batch->row_count; first += ASOF_PIT_CHUNK_ROWS) {
		size_t count = batch->row_count - first;
		if (count > ASOF_PIT_CHUNK_ROWS)
			count = ASOF_PIT_CHUNK_ROWS;
		find_entities(pit, &columns, first, count, &found);
		narrow(pit, &columns, first, &found);
		self->asked_count += find_slots(pit, &columns, first, &found);
		drop_older(pit, &found);
		ASOF_TRY(offer_all(pit, self, &columns, &found, err));
	}
	return ASOF_OK;
}
