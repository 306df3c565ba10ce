/* window_join_slots.c - the slots that the rows of a range ask for, each once. */
#include "kernel/window_join_impl.h"

static enum asof_status
out_of_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "a range of answers");
}

static void
mark_slots(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
	   size_t first_row, size_t row_count)
{
	const uint32_t *row_slots = join->slots->row_slots + first_row;
	memset(evaluator->is_asked, 0,
	       (join->slots->slot_count + 63) / 64 * sizeof(*evaluator->is_asked));
	for (size_t i = 0; i < row_count; i++) {
		if (row_slots[i] != ASOF_NO_SLOT)
			evaluator->is_asked[row_slots[i] / 64] |= UINT64_C(1)
								  << (row_slots[i] % 64);
	}
}

/* How many slots are asked for before each word's; returns how many in all. */
static size_t
rank_words(const struct asof_window_join *join, struct asof_window_evaluator *evaluator)
{
	uint32_t rank = 0;
	for (size_t i = 0; i < (join->slots->slot_count + 63) / 64; i++) {
		evaluator->word_ranks[i] = rank;
		rank += (uint32_t)__builtin_popcountll(evaluator->is_asked[i]);
	}
	return rank;
}

static void
list_positions(const struct asof_window_join *join, struct asof_window_evaluator *evaluator)
{
	size_t count = 0;
	for (size_t i = 0; i < (join->slots->slot_count + 63) / 64; i++) {
		for (uint64_t word = evaluator->is_asked[i]; word; word &= word - 1)
			evaluator->positions[count++] =
				(uint32_t)(i * 64 + (size_t)__builtin_ctzll(word));
	}
}

static void
rank_rows(const struct asof_window_join *join, const struct asof_window_evaluator *evaluator,
	  size_t first_row, size_t row_count, uint32_t *ranks)
{
	const uint32_t *row_slots = join->slots->row_slots + first_row;
	for (size_t i = 0; i < row_count; i++) {
		uint32_t slot = row_slots[i];
		ranks[i] = ASOF_NO_SLOT;
		if (slot == ASOF_NO_SLOT)
			continue;
		uint64_t below = (UINT64_C(1) << (slot % 64)) - 1;
		ranks[i] = evaluator->word_ranks[slot / 64] +
			   (uint32_t)__builtin_popcountll(evaluator->is_asked[slot / 64] & below);
	}
}

static enum asof_status
reserve_slots(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
	      struct asof_window_answers *answers, struct asof_error *err)
{
	size_t words = join->slots->slot_count / 64 + 1;
	if (!evaluator->is_asked)
		evaluator->is_asked = asof_mem_alloc(words * sizeof(*evaluator->is_asked));
	if (!evaluator->word_ranks)
		evaluator->word_ranks = asof_mem_alloc(words * sizeof(*evaluator->word_ranks));
	if (!evaluator->positions)
		evaluator->positions =
			asof_mem_alloc(join->range_rows * sizeof(*evaluator->positions));
	if (!answers->ranks)
		answers->ranks = asof_mem_alloc(join->range_rows * sizeof(*answers->ranks));
	if (!evaluator->is_asked || !evaluator->word_ranks || !evaluator->positions ||
	    !answers->ranks)
		return out_of_memory(err);
	answers->rank_count = join->range_rows;
	return ASOF_OK;
}

enum asof_status
asof_window_slots_of(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
		     size_t range, struct asof_window_answers *answers,
		     struct asof_window_slots *ret_slots, struct asof_error *err)
{
	*ret_slots = (struct asof_window_slots){ .slots = join->slots,
						 .count = join->slots->slot_count };
	if (join->range_count == 1)
		return ASOF_OK;
	size_t first_row = range * join->range_rows;
	size_t row_count = join->slots->row_count - first_row;
	row_count = row_count < join->range_rows ? row_count : join->range_rows;
	ASOF_TRY(reserve_slots(join, evaluator, answers, err));
	mark_slots(join, evaluator, first_row, row_count);
	ret_slots->count = rank_words(join, evaluator);
	list_positions(join, evaluator);
	ret_slots->positions = evaluator->positions;
	rank_rows(join, evaluator, first_row, row_count, answers->ranks);
	return ASOF_OK;
}
