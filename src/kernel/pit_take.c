/*
 * pit_take.c - feature rows put before the slots that see them first.
 *
 * A batch goes through in chunks, and a chunk in steps: each step looks at one kind of memory and
 * asks for what the next step needs, so that the waits of many rows overlap.
 */
#include "kernel/pit_impl.h"

#include <assert.h>
#include <sched.h>

#include "kernel/spine_index_impl.h"
#include "model/duration.h"

#define ROUNDS_MAX 16
#define LINE_TIMES 8 /* in a line of a cache */

/* Rows of a chunk that are still in question, in order. */
struct candidates {
	size_t count;
	uint32_t rows[ASOF_PIT_CHUNK_ROWS];  /* of the batch */
	uint32_t begin[ASOF_PIT_CHUNK_ROWS]; /* of the entity's slots; later a row that is held */
	uint32_t end[ASOF_PIT_CHUNK_ROWS];   /* of them; later that row's slot */
	uint32_t slots[ASOF_PIT_CHUNK_ROWS];
};

static int64_t
number_at(const struct asof_column *column, size_t row)
{
	if (asof_column_is_null(column, row))
		return INT64_MIN;
	return ((const int64_t *)column->data)[row];
}

static int64_t
event_at(const struct asof_pit_columns *columns, size_t row)
{
	return ((const int64_t *)columns->event->data)[row];
}

/* All of a few times, else the one that is looked at first. */
static void
prefetch_times(const int64_t *times_us, uint32_t count)
{
	if (count > 2 * LINE_TIMES) {
		__builtin_prefetch(times_us + count / 2 - 1);
		return;
	}
	__builtin_prefetch(times_us);
	__builtin_prefetch(times_us + count - 1);
}

/* Rows whose key is asked for, with the slots of their entity. */
static void
find_entities(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t first,
	      size_t count, struct candidates *found)
{
	uint32_t entities[ASOF_PIT_CHUNK_ROWS];
	const struct asof_spine_slots *slots = pit->slots;
	asof_spine_index_find_some(pit->spine, columns->keys, first, count, entities);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		found->rows[kept] = (uint32_t)(first + i);
		found->slots[kept] = entities[i];
		kept += entities[i] != ASOF_NO_ENTITY &&
			!asof_column_is_null(columns->event, first + i);
	}
	found->count = kept;
	for (size_t i = 0; i < kept; i++)
		__builtin_prefetch(&slots->entity_begin[found->slots[i]]);
	for (size_t i = 0; i < kept; i++) {
		uint32_t begin = slots->entity_begin[found->slots[i]];
		uint32_t end = slots->entity_begin[found->slots[i] + 1];
		found->begin[i] = begin;
		found->end[i] = end;
		prefetch_times(slots->times_us + begin, end - begin);
	}
}

/* How many of `times_us` are before `time_us`. Without branches but for the loop's: which way each
 * step goes is a coin's toss. */
static uint32_t
lower_bound(const int64_t *times_us, uint32_t count, int64_t time_us)
{
	uint32_t base = 0;
	while (count > 1) {
		uint32_t half = count / 2;
		base += half & -(uint32_t)(times_us[base + half - 1] < time_us);
		count -= half;
	}
	return base + (times_us[base] < time_us);
}

/* The slot that is first to see each row; rows that none sees, or only when too old, go. */
static void
find_slots(const struct asof_pit *pit, const struct asof_pit_columns *columns,
	   struct candidates *found)
{
	const int64_t *times_us = pit->slots->times_us;
	uint64_t max_age = pit->max_age_us > 0 ? (uint64_t)pit->max_age_us : UINT64_MAX;
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		uint32_t row = found->rows[i];
		int64_t event_us = event_at(columns, row);
		int64_t known_us = asof_us_add(event_us, pit->available_after_us);
		if (pit->is_label && columns->created) {
			int64_t created_us = number_at(columns->created, row);
			known_us = created_us > known_us ? created_us : known_us;
		}
		uint32_t begin = found->begin[i];
		uint32_t slot =
			begin + lower_bound(times_us + begin, found->end[i] - begin, known_us);
		if (slot == found->end[i] ||
		    (uint64_t)times_us[slot] - (uint64_t)event_us > max_age)
			continue;
		__builtin_prefetch(&pit->heads[slot], 1);
		found->rows[kept] = row;
		found->slots[kept] = slot;
		kept++;
	}
	found->count = kept;
}

static void
ties_of(const struct asof_pit_columns *columns, size_t row, int64_t ret_ties[ASOF_PIT_TIES_MAX])
{
	size_t count = 0;
	if (columns->created)
		ret_ties[count++] = number_at(columns->created, row);
	if (columns->order)
		ret_ties[count] = number_at(columns->order, row);
}

static bool
is_row_better(const struct asof_pit *pit, const struct asof_pit_columns *columns, size_t row,
	      size_t than)
{
	int64_t event_us = event_at(columns, row);
	int64_t other_us = event_at(columns, than);
	if (event_us != other_us || pit->tie_count == 0)
		return event_us > other_us;
	int64_t ties[ASOF_PIT_TIES_MAX] = { 0 };
	int64_t other_ties[ASOF_PIT_TIES_MAX] = { 0 };
	ties_of(columns, row, ties);
	ties_of(columns, than, other_ties);
	return asof_pit_compare_ties(ties, other_ties, pit->tie_count) > 0;
}

/* Of neighbours for one slot the best; and none that is older than what the slot has. That may be
 * looked at without holding it: its event only grows. */
static void
drop_older(const struct asof_pit *pit, const struct asof_pit_columns *columns,
	   struct candidates *found)
{
	size_t kept = 0;
	for (size_t i = 0; i < found->count; i++) {
		uint32_t row = found->rows[i];
		uint32_t slot = found->slots[i];
		if (kept > 0 && found->slots[kept - 1] == slot) {
			if (is_row_better(pit, columns, row, found->rows[kept - 1]))
				found->rows[kept - 1] = row;
			continue;
		}
		uint64_t event =
			atomic_load_explicit(&pit->heads[slot].event, memory_order_relaxed);
		if (event > asof_pit_biased(event_at(columns, row)))
			continue;
		const char *payload = pit->payloads + slot * pit->payload_bytes;
		__builtin_prefetch(payload, 1);
		__builtin_prefetch(payload + pit->payload_bytes - 1, 1);
		found->rows[kept] = row;
		found->slots[kept] = slot;
		kept++;
	}
	found->count = kept;
}

/* What the slot was, EMPTY or SET, or HELD by somebody, who may be ourselves. */
static uint32_t
try_to_hold(const struct asof_pit *pit, struct asof_pit_head *head)
{
	if (pit->worker_count > 1)
		return atomic_exchange_explicit(&head->state, ASOF_PIT_HELD, memory_order_acquire);
	uint32_t state = atomic_load_explicit(&head->state, memory_order_relaxed);
	atomic_store_explicit(&head->state, ASOF_PIT_HELD, memory_order_relaxed);
	return state;
}

static void
release(struct asof_pit_head *head, uint32_t state)
{
	atomic_store_explicit(&head->state, state, memory_order_release);
}

static bool
is_better(const struct asof_pit *pit, uint32_t slot, uint64_t event, const int64_t *ties)
{
	uint64_t other = atomic_load_explicit(&pit->heads[slot].event, memory_order_relaxed);
	if (event != other || pit->tie_count == 0)
		return event > other;
	const int64_t *other_ties = pit->ties + slot * pit->tie_count;
	return asof_pit_compare_ties(ties, other_ties, pit->tie_count) > 0;
}

enum claim { CLAIM_HELD, CLAIM_LOST, CLAIM_BUSY };

/* Hold the slot, and make the row its best, if it is. */
static enum claim
claim(struct asof_pit *pit, const struct asof_pit_columns *columns, uint32_t slot, uint32_t row)
{
	struct asof_pit_head *head = &pit->heads[slot];
	uint64_t event = asof_pit_biased(event_at(columns, row));
	int64_t ties[ASOF_PIT_TIES_MAX] = { 0 };
	if (pit->tie_count > 0)
		ties_of(columns, row, ties);
	uint32_t state = try_to_hold(pit, head);
	if (state == ASOF_PIT_HELD)
		return CLAIM_BUSY;
	if (state == ASOF_PIT_SET && !is_better(pit, slot, event, ties)) {
		release(head, state);
		return CLAIM_LOST;
	}
	for (size_t i = 0; i < pit->tie_count && i < ASOF_PIT_TIES_MAX; i++)
		pit->ties[slot * pit->tie_count + i] = ties[i];
	atomic_store_explicit(&head->event, event, memory_order_relaxed);
	return CLAIM_HELD;
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
		enum claim how = claim(pit, columns, slot, row);
		if (how == CLAIM_HELD) {
			found->begin[held] = row;
			found->end[held++] = slot;
		} else if (how == CLAIM_BUSY) {
			found->rows[busy] = row;
			found->slots[busy++] = slot;
		}
	}
	enum asof_status status = ASOF_OK;
	for (size_t i = 0; i < held && status == ASOF_OK; i++)
		status = asof_pit_write(pit, &worker->pool, found->end[i], columns, found->begin[i],
					err);
	for (size_t i = 0; i < held; i++)
		release(&pit->heads[found->end[i]], ASOF_PIT_SET);
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
	for (size_t first = 0; first < batch->row_count; first += ASOF_PIT_CHUNK_ROWS) {
		size_t count = batch->row_count - first;
		if (count > ASOF_PIT_CHUNK_ROWS)
			count = ASOF_PIT_CHUNK_ROWS;
		find_entities(pit, &columns, first, count, &found);
		self->asked_count += found.count;
		find_slots(pit, &columns, &found);
		drop_older(pit, &columns, &found);
		ASOF_TRY(offer_all(pit, self, &columns, &found, err));
	}
	return ASOF_OK;
}
