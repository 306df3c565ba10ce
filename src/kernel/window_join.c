/* window_join.c - ranges of answers: evaluated by who needs one first, let go when read. */
#include <assert.h>

#include "kernel/window_join_impl.h"

static void
free_answers(struct asof_window_answers *answers)
{
	if (!answers)
		return;
	for (unsigned i = 0; answers->arenas && i < answers->worker_count; i++)
		asof_arena_done(&answers->arenas[i]);
	asof_mem_free(answers->arenas);
	asof_mem_free(answers->records);
	asof_mem_free(answers->ranks);
	asof_mem_free(answers);
}

void
asof_window_join_free(struct asof_window_join *join)
{
	if (!join)
		return;
	for (size_t i = 0; join->ranges && i < join->range_count; i++)
		free_answers(join->ranges[i].answers);
	asof_mem_free(join->ranges);
	while (join->free_answers) {
		struct asof_window_answers *next = join->free_answers->next;
		free_answers(join->free_answers);
		join->free_answers = next;
	}
	while (join->free_evaluators) {
		struct asof_window_evaluator *next = join->free_evaluators->next;
		asof_window_evaluator_free(join->free_evaluators);
		join->free_evaluators = next;
	}
	asof_mem_free(join->readers);
	if (join->has_lock) {
		pthread_cond_destroy(&join->is_changed);
		pthread_mutex_destroy(&join->lock);
	}
	asof_arena_done(&join->arena);
	asof_mem_free(join);
}

static enum asof_status
copy_wanted(struct asof_window_join *join, struct asof_error *err)
{
	const struct asof_window_join_options *options = &join->options;
	join->wanted = asof_arena_array(&join->arena, options->wanted_count, sizeof(*join->wanted));
	if (!join->wanted)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu outputs", options->wanted_count);
	for (size_t i = 0; i < options->wanted_count; i++) {
		int64_t length_us = options->view->outputs[options->wanted[i]].window_us;
		join->wanted[i] = options->wanted[i];
		if (length_us > join->longest_us)
			join->longest_us = length_us;
	}
	return ASOF_OK;
}

static enum asof_status
make_ranges(struct asof_window_join *join, struct asof_error *err)
{
	size_t row_count = join->slots->row_count;
	ASOF_TRY(asof_window_range_rows(join, &join->range_rows, err));
	join->range_count = (row_count + join->range_rows - 1) / join->range_rows;
	join->ranges = asof_mem_alloc(join->range_count * sizeof(*join->ranges));
	join->readers = asof_mem_alloc(join->options.workers * sizeof(*join->readers));
	if (!join->ranges || !join->readers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu ranges of answers", join->range_count);
	for (size_t i = 0; i < join->range_count; i++) {
		size_t left = row_count - i * join->range_rows;
		join->ranges[i].rows_left = left < join->range_rows ? left : join->range_rows;
	}
	return ASOF_OK;
}

static enum asof_status
make_lock(struct asof_window_join *join, struct asof_error *err)
{
	if (pthread_mutex_init(&join->lock, NULL) != 0)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a lock");
	if (pthread_cond_init(&join->is_changed, NULL) != 0) {
		pthread_mutex_destroy(&join->lock);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a condition");
	}
	join->has_lock = true;
	return ASOF_OK;
}

enum asof_status
asof_window_join_new(const struct asof_window_join_options *options,
		     struct asof_window_join **ret_join, struct asof_error *err)
{
	assert(options->workers >= 1);
	ASOF_AUTO(asof_window_join_free_auto)
	struct asof_window_join *join = asof_mem_alloc(sizeof(*join));
	if (!join)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", options->view->name);
	join->options = *options;
	join->slots = asof_spine_index_slots(options->spine);
	join->first_row = join->slots->first_row;
	ASOF_TRY(copy_wanted(join, err));
	ASOF_TRY(asof_record_layout_make(options->view, join->wanted, options->wanted_count,
					 &join->arena, &join->layout, err));
	ASOF_TRY(make_ranges(join, err));
	ASOF_TRY(make_lock(join, err));
	*ret_join = ASOF_STEAL(join);
	return ASOF_OK;
}

static uint64_t
bytes_of(const struct asof_window_answers *answers)
{
	uint64_t bytes = answers->record_bytes + answers->rank_count * sizeof(*answers->ranks);
	for (unsigned i = 0; i < answers->worker_count; i++)
		bytes += answers->arenas[i].used_bytes;
	return bytes;
}

/* Memory for another range's answers. */
static enum asof_status
make_answers(const struct asof_window_join *join, struct asof_window_answers **ret_answers,
	     struct asof_error *err)
{
	struct asof_window_answers *answers = asof_mem_alloc(sizeof(*answers));
	if (!answers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a range of answers");
	answers->worker_count = join->options.workers;
	answers->arenas = asof_mem_alloc(answers->worker_count * sizeof(*answers->arenas));
	if (!answers->arenas) {
		asof_mem_free(answers);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a range of answers");
	}
	*ret_answers = answers;
	return ASOF_OK;
}

/* By the one that evaluates, without the lock. Those that are NULL are made: there were none to be
 * used again. */
static enum asof_status
evaluate(struct asof_window_join *join, size_t range, unsigned threads,
	 struct asof_window_evaluator **evaluator, struct asof_window_answers **answers,
	 size_t *ret_instants, struct asof_error *err)
{
	if (!*answers)
		ASOF_TRY(make_answers(join, answers, err));
	if (!*evaluator)
		*evaluator = asof_mem_alloc(sizeof(**evaluator));
	if (!*evaluator)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a range of answers");
	return asof_window_evaluate(join, *evaluator, range, threads, *answers, ret_instants, err);
}

static void
count_bytes(struct asof_window_join *join, uint64_t before, uint64_t after)
{
	join->bytes += after - before;
	if (join->bytes > join->counts.bytes)
		join->counts.bytes = join->bytes;
}

/* Every reader evaluates by itself; one alone has the other threads do it with it, and a range that
 * is all there is has no other to be evaluated meanwhile. */
static unsigned
threads_of(const struct asof_window_join *join)
{
	unsigned workers = join->options.workers;
	return join->range_count == 1 ? workers : workers - join->reader_count + 1;
}

/* With the lock held, which it lets go meanwhile. */
static void
evaluate_range(struct asof_window_join *join, size_t index)
{
	struct asof_window_range *range = &join->ranges[index];
	struct asof_window_answers *answers = join->free_answers;
	struct asof_window_evaluator *evaluator = join->free_evaluators;
	uint64_t before = answers ? bytes_of(answers) : 0;
	unsigned threads = threads_of(join);
	if (answers)
		join->free_answers = answers->next;
	if (evaluator)
		join->free_evaluators = evaluator->next;
	range->state = ASOF_WINDOW_RANGE_BUSY;
	join->live_count++;
	pthread_mutex_unlock(&join->lock);
	struct asof_error err = { 0 };
	size_t instants = 0;
	enum asof_status status =
		evaluate(join, index, threads, &evaluator, &answers, &instants, &err);
	pthread_mutex_lock(&join->lock);
	range->answers = answers;
	range->state = ASOF_WINDOW_RANGE_READY;
	if (answers)
		count_bytes(join, before, bytes_of(answers));
	if (evaluator) {
		evaluator->next = join->free_evaluators;
		join->free_evaluators = evaluator;
	}
	if (status == ASOF_OK) {
		join->counts.ranges++;
		join->counts.instants += instants;
	} else {
		join->failure = status;
		join->failure_err = err;
	}
	pthread_cond_broadcast(&join->is_changed);
}

/* What a reader that would wait does instead: the next range that nobody has begun, where there is
 * room for it. With the lock held. */
static bool
evaluate_ahead(struct asof_window_join *join)
{
	while (join->next_range < join->range_count &&
	       join->ranges[join->next_range].state != ASOF_WINDOW_RANGE_EMPTY)
		join->next_range++;
	if (join->next_range == join->range_count || join->live_count > join->options.workers)
		return false;
	evaluate_range(join, join->next_range);
	return true;
}

static void
note_reader(struct asof_window_join *join)
{
	pthread_t self = pthread_self();
	for (unsigned i = 0; i < join->reader_count; i++) {
		if (pthread_equal(join->readers[i], self))
			return;
	}
	if (join->reader_count < join->options.workers)
		join->readers[join->reader_count++] = self;
}

/* The answers of a range, when they are there. */
static enum asof_status
find_answers(struct asof_window_join *join, size_t index,
	     const struct asof_window_answers **ret_answers, struct asof_error *err)
{
	ASOF_HOLD(held, &join->lock);
	struct asof_window_range *range = &join->ranges[index];
	note_reader(join);
	while (join->failure == ASOF_OK && range->state != ASOF_WINDOW_RANGE_READY) {
		if (range->state == ASOF_WINDOW_RANGE_EMPTY)
			evaluate_range(join, index);
		else if (!evaluate_ahead(join))
			pthread_cond_wait(&join->is_changed, &join->lock);
	}
	if (join->failure != ASOF_OK) {
		if (err)
			*err = join->failure_err;
		return join->failure;
	}
	*ret_answers = range->answers;
	return ASOF_OK;
}

/* So many rows of a range have been read: with the last its memory is for another. */
static void
let_go(struct asof_window_join *join, size_t index, size_t count)
{
	ASOF_HOLD(held, &join->lock);
	struct asof_window_range *range = &join->ranges[index];
	assert(range->rows_left >= count);
	range->rows_left -= count;
	if (range->rows_left > 0)
		return;
	range->answers->next = join->free_answers;
	join->free_answers = range->answers;
	range->answers = NULL;
	join->live_count--;
}

/* Where the records of up to 64 rows are; rows without a slot have none. */
static void
find_records(const struct asof_window_join *join, const struct asof_window_answers *answers,
	     size_t row, size_t count, const unsigned char **records)
{
	size_t stride = join->layout.stride;
	const uint32_t *places = answers->ranks ? answers->ranks + row % join->range_rows
						: join->slots->row_slots + row;
	for (size_t i = 0; i < count; i++) {
		const unsigned char *record = places[i] == ASOF_NO_SLOT
						      ? join->layout.none
						      : answers->records + places[i] * stride;
		for (size_t at = 0; at < stride; at += 64)
			__builtin_prefetch(record + at);
		records[i] = record;
	}
}

/* How many of the rows from `row` on, `count` at most, are of one range. */
static size_t
rows_of_range(const struct asof_window_join *join, size_t row, size_t count)
{
	size_t rows = join->range_rows - row % join->range_rows;
	return rows < count ? rows : count;
}

enum asof_status
asof_window_join_read(struct asof_window_join *join, int64_t first_row, size_t count,
		      struct asof_block *block, size_t first_column, uint64_t *ret_matched,
		      struct asof_error *err)
{
	const unsigned char *records[ASOF_FIND_ROWS_MAX];
	size_t row = (size_t)(first_row - join->first_row);
	assert(count <= ASOF_FIND_ROWS_MAX && row + count <= join->slots->row_count);
	uint64_t matched = 0;
	size_t done = 0;
	while (done < count) {
		size_t range = (row + done) / join->range_rows;
		size_t rows = rows_of_range(join, row + done, count - done);
		const struct asof_window_answers *answers = NULL;
		ASOF_TRY(find_answers(join, range, &answers, err));
		find_records(join, answers, row + done, rows, records + done);
		done += rows;
	}
	for (size_t first = 0; first < count; first += 64) {
		size_t rows = count - first < 64 ? count - first : 64;
		ASOF_TRY(asof_records_unpack(&join->layout, records + first, rows, block,
					     first_column, first, &matched, err));
	}
	for (done = 0; done < count;) {
		size_t rows = rows_of_range(join, row + done, count - done);
		let_go(join, (row + done) / join->range_rows, rows);
		done += rows;
	}
	*ret_matched += matched;
	return ASOF_OK;
}

struct asof_window_join_counts
asof_window_join_counts(const struct asof_window_join *join)
{
	return join->counts;
}
