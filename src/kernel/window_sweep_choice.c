/* window_sweep_choice.c - min, max, first and last in sliding windows: the tile that holds each. */
#include "kernel/window_sweep_pass.h"

#define CHUNK 64
#define NONE  UINT32_MAX

/* Tiles that may yet be chosen: each beats those after it, so the first is the choice. */
struct queue {
	uint32_t *rows;
	uint64_t *keys; /* of ordinals */
	size_t head;
	size_t tail;
	size_t end; /* tiles before it have been seen */
};

struct choice {
	const struct asof_sweep_run *run;
	const struct asof_sweep_pass *pass;
	const struct asof_column *column; /* where values are read */
	enum asof_state_kind kind;
	const uint32_t *begins;
	struct queue queue;
	uint32_t chosen[CHUNK];
};

static inline void
skip_to(struct queue *queue, size_t begin)
{
	if (begin < queue->end)
		return;
	queue->head = 0;
	queue->tail = 0;
	queue->end = begin;
}

static inline uint32_t
front_from(struct queue *queue, size_t begin)
{
	while (queue->head < queue->tail && queue->rows[queue->head] < begin)
		queue->head++;
	return queue->head < queue->tail ? queue->rows[queue->head] : NONE;
}

/* Of what becomes integers; the least is the greatest of the complements. Of equals the newest. */
static inline __attribute__((always_inline)) void
choose_ordinals(struct choice *c, enum asof_type_kind kind, size_t from, size_t to)
{
	const struct asof_column *column = c->column;
	uint64_t flip = c->kind == ASOF_STATE_MAX ? 0 : UINT64_MAX;
	struct queue queue = c->queue;
	for (size_t i = from; i < to; i++) {
		size_t begin = c->begins[i];
		size_t end = c->run->ends[i];
		skip_to(&queue, begin);
		for (; queue.end < end; queue.end++) {
			if (asof_column_is_null(column, queue.end))
				continue;
			uint64_t key = asof_ordinal_at(kind, column->data, queue.end) ^ flip;
			while (queue.tail > queue.head && queue.keys[queue.tail - 1] <= key)
				queue.tail--;
			queue.rows[queue.tail] = (uint32_t)queue.end;
			queue.keys[queue.tail++] = key;
		}
		c->chosen[i - from] = front_from(&queue, begin);
	}
	c->queue = queue;
}

/* Is the tile at `old` never chosen once that at `next` is there? */
static bool
is_beaten(const struct choice *c, size_t old, size_t next)
{
	if (c->kind == ASOF_STATE_FIRST || c->kind == ASOF_STATE_LAST) {
		int order = asof_merge_edge_compare(&c->run->merge, c->pass->column, c->kind, old,
						    next);
		return c->kind == ASOF_STATE_LAST ? order <= 0 : order > 0;
	}
	struct asof_item a = asof_item_at(c->column, old);
	struct asof_item b = asof_item_at(c->column, next);
	int order = asof_item_compare(asof_item_kind_of(c->column->type), &a, &b);
	return c->kind == ASOF_STATE_MAX ? order <= 0 : order >= 0;
}

static void
choose_compared(struct choice *c, size_t from, size_t to)
{
	struct queue *queue = &c->queue;
	for (size_t i = from; i < to; i++) {
		size_t begin = c->begins[i];
		skip_to(queue, begin);
		for (; queue->end < c->run->ends[i]; queue->end++) {
			if (asof_column_is_null(c->column, queue->end))
				continue;
			while (queue->tail > queue->head &&
			       is_beaten(c, queue->rows[queue->tail - 1], queue->end))
				queue->tail--;
			queue->rows[queue->tail++] = (uint32_t)queue->end;
		}
		c->chosen[i - from] = front_from(queue, begin);
	}
}

/* Events that stand in their order: the first from the window's begin on that is not NULL. */
static void
choose_first(struct choice *c, size_t from, size_t to)
{
	size_t row = c->queue.end;
	for (size_t i = from; i < to; i++) {
		size_t end = c->run->ends[i];
		if (row < c->begins[i])
			row = c->begins[i];
		while (row < end && asof_column_is_null(c->column, row))
			row++;
		c->chosen[i - from] = row < end ? (uint32_t)row : NONE;
	}
	c->queue.end = row;
}

/* The last before the window's end that is not NULL. */
static void
choose_last(struct choice *c, size_t from, size_t to)
{
	struct queue *queue = &c->queue;
	for (size_t i = from; i < to; i++) {
		size_t begin = c->begins[i];
		if (queue->end < begin)
			queue->end = begin;
		for (; queue->end < c->run->ends[i]; queue->end++) {
			if (!asof_column_is_null(c->column, queue->end))
				queue->tail = queue->end + 1;
		}
		c->chosen[i - from] = queue->tail > begin ? (uint32_t)(queue->tail - 1) : NONE;
	}
}

static bool
is_in_order(const struct asof_sweep_run *run)
{
	return asof_merge_is_event(&run->merge) && !run->merge.tiles->order;
}

static void
choose(struct choice *c, size_t from, size_t to)
{
	enum asof_type_kind kind = (enum asof_type_kind)c->column->type.kind;
	bool is_edge = c->kind == ASOF_STATE_FIRST || c->kind == ASOF_STATE_LAST;
	bool is_compared = is_edge ? !is_in_order(c->run)
				   : asof_item_kind_of(c->column->type) != ASOF_ITEM_ORDINAL;
	if (is_compared)
		choose_compared(c, from, to);
	else if (c->kind == ASOF_STATE_FIRST)
		choose_first(c, from, to);
	else if (c->kind == ASOF_STATE_LAST)
		choose_last(c, from, to);
	else if (kind == ASOF_TYPE_FLOAT64) /* the usual ones have a loop of their own */
		choose_ordinals(c, ASOF_TYPE_FLOAT64, from, to);
	else if (kind == ASOF_TYPE_INT64)
		choose_ordinals(c, ASOF_TYPE_INT64, from, to);
	else
		choose_ordinals(c, kind, from, to);
}

/* Lists are copied, item by item. */
static enum asof_status
put_lists(const struct choice *c, const struct asof_sweep_target *target, size_t from, size_t to)
{
	const struct asof_sweep_run *run = c->run;
	struct asof_arena *arena = &run->scratch->arena;
	for (size_t i = from; i < to; i++) {
		struct asof_value value;
		if (c->chosen[i - from] == NONE)
			continue;
		asof_arena_reset(arena);
		ASOF_TRY(
			asof_column_value(c->column, c->chosen[i - from], arena, &value, run->err));
		ASOF_TRY(asof_block_set(run->block, run->first_column + target->column,
					run->first_row + i, &value, run->err));
	}
	return ASOF_OK;
}

static inline __attribute__((always_inline)) void
copy_values(const struct choice *c, size_t count, size_t width, char *data)
{
	const char *values = c->column->data;
	for (size_t i = 0; i < count; i++) {
		size_t tile = c->chosen[i] == NONE ? 0 : c->chosen[i]; /* of NULL anything */
		memcpy(data + i * width, values + tile * width, width);
	}
}

/* -0.0 is 0.0: which of two equal values was met first does not show. */
static void
drop_negative_zeros(enum asof_type_kind kind, size_t count, void *data)
{
	for (size_t i = 0; kind == ASOF_TYPE_FLOAT64 && i < count; i++)
		((double *)data)[i] += 0.0;
	for (size_t i = 0; kind == ASOF_TYPE_FLOAT32 && i < count; i++)
		((float *)data)[i] += 0.0F;
}

static void
put_values(const struct choice *c, const struct asof_sweep_target *target, size_t from, size_t to)
{
	const struct asof_sweep_run *run = c->run;
	size_t width = asof_column_width(c->column->type);
	char *data = run->block->data[run->first_column + target->column];
	data += (run->first_row + from) * width;
	switch (width) {
	case 1:
		copy_values(c, to - from, 1, data);
		break;
	case 4:
		copy_values(c, to - from, 4, data);
		break;
	case 8:
		copy_values(c, to - from, 8, data);
		break;
	default:
		copy_values(c, to - from, 16, data);
	}
	if (c->kind == ASOF_STATE_MIN || c->kind == ASOF_STATE_MAX)
		drop_negative_zeros((enum asof_type_kind)c->column->type.kind, to - from, data);
}

static enum asof_status
put_choices(const struct choice *c, const struct asof_sweep_target *target, size_t from, size_t to)
{
	enum asof_type_kind kind = (enum asof_type_kind)c->column->type.kind;
	uint64_t all = asof_sweep_bits(to - from);
	uint64_t held = 0;
	for (size_t i = 0; i < to - from; i++)
		held |= (uint64_t)(c->chosen[i] != NONE) << i;
	if (kind == ASOF_TYPE_LIST || kind == ASOF_TYPE_VECTOR) {
		ASOF_TRY(put_lists(c, target, from, to));
	} else {
		put_values(c, target, from, to);
		asof_sweep_mark(c->run, target, from, held);
	}
	if (held != all && target->output->has_default)
		return asof_sweep_set_defaults(c->run, target, from, all & ~held);
	return ASOF_OK;
}

enum asof_status
asof_sweep_choice(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	static const enum asof_state_kind kinds[] = { [ASOF_SWEEP_MIN] = ASOF_STATE_MIN,
						      [ASOF_SWEEP_MAX] = ASOF_STATE_MAX,
						      [ASOF_SWEEP_FIRST] = ASOF_STATE_FIRST,
						      [ASOF_SWEEP_LAST] = ASOF_STATE_LAST };
	struct asof_sweep_scratch *scratch = run->scratch;
	size_t reach = asof_sweep_reach(run, pass->window);
	ASOF_TRY(asof_mem_reserve((void **)&scratch->queue, &scratch->queue_capacity, reach,
				  sizeof(*scratch->queue), run->err));
	ASOF_TRY(asof_mem_reserve((void **)&scratch->queue_keys, &scratch->queue_key_capacity,
				  reach, sizeof(*scratch->queue_keys), run->err));
	struct choice c = {
		.run = run,
		.pass = pass,
		.column = asof_merge_choice_column(&run->merge, pass->column, kinds[pass->kind]),
		.kind = kinds[pass->kind],
		.begins = run->begins[pass->window],
		.queue = { .rows = scratch->queue, .keys = scratch->queue_keys },
	};
	for (size_t from = run->first; from < run->count; from += CHUNK) {
		size_t to = run->count - from < CHUNK ? run->count : from + CHUNK;
		choose(&c, from, to);
		for (size_t i = 0; i < pass->target_count; i++)
			ASOF_TRY(put_choices(&c, &pass->targets[i], from, to));
	}
	return ASOF_OK;
}
