/* pit_read.c - the rows that slots see, as columns. */
#include "kernel/pit_impl.h"

#include <assert.h>

#define WORD_BITS   64
#define CHUNK_WORDS (ASOF_PIT_CHUNK_ROWS / WORD_BITS)

/* What the rows of a chunk see. */
struct seen {
	size_t first; /* its row in the block; a multiple of WORD_BITS */
	size_t count;
	uint32_t slots[ASOF_PIT_CHUNK_ROWS]; /* whose payload: any where `is_found` is 0 */
	uint64_t is_found[CHUNK_WORDS];      /* a bit per row */
	uint64_t is_defaulted[CHUNK_WORDS];  /* has a slot that sees nothing */
	uint64_t found_count;
};

static void
see(const struct asof_pit *pit, const uint32_t *row_slots, struct seen *seen)
{
	memset(seen->is_found, 0, sizeof(seen->is_found));
	memset(seen->is_defaulted, 0, sizeof(seen->is_defaulted));
	seen->found_count = 0;
	for (size_t i = 0; i < seen->count; i++) {
		if (row_slots[i] != ASOF_NO_SLOT)
			__builtin_prefetch(&pit->winners[row_slots[i]]);
	}
	for (size_t i = 0; i < seen->count; i++) {
		uint32_t slot = row_slots[i];
		bool has_slot = slot != ASOF_NO_SLOT;
		uint32_t winner = has_slot ? pit->winners[slot] : ASOF_NO_SLOT;
		bool is_found = winner != ASOF_NO_SLOT;
		seen->is_found[i / WORD_BITS] |= (uint64_t)is_found << (i % WORD_BITS);
		seen->is_defaulted[i / WORD_BITS] |= (uint64_t)(has_slot && !is_found)
						     << (i % WORD_BITS);
		seen->slots[i] = is_found ? winner : 0;
		seen->found_count += is_found;
		const char *payload = pit->records + seen->slots[i] * pit->record_bytes;
		__builtin_prefetch(payload);
		__builtin_prefetch(payload + pit->record_bytes - 1);
	}
}

/* The rows that found something, less those that found NULL. */
static void
find_values(const struct asof_pit *pit, const struct seen *seen, size_t output,
	    uint64_t ret_has_value[CHUNK_WORDS])
{
	memcpy(ret_has_value, seen->is_found, sizeof(seen->is_found));
	if (!atomic_load_explicit(&pit->has_nulls, memory_order_relaxed))
		return;
	for (size_t i = 0; i < seen->count; i++) {
		const uint8_t *bits = pit->nulls + seen->slots[i] * pit->null_bytes;
		uint64_t is_null = bits[output / 8] >> (output % 8) & 1;
		ret_has_value[i / WORD_BITS] &= ~(is_null << (i % WORD_BITS));
	}
}

/* Where nothing is found, what stands in `to` does not matter. */
static void
copy_fixed(const struct asof_pit *pit, const struct seen *seen, size_t offset, size_t width,
	   char *to)
{
	const char *from = pit->records + offset;
	size_t stride = pit->record_bytes;
	for (size_t i = 0; i < seen->count; i++) {
		const char *value = from + seen->slots[i] * stride;
		switch (width) {
		case 1:
			to[i] = *value;
			break;
		case 4:
			memcpy(to + i * 4, value, 4);
			break;
		case 8:
			memcpy(to + i * 8, value, 8);
			break;
		default:
			memcpy(to + i * 16, value, 16);
			break;
		}
	}
}

static enum asof_status
copy_texts(const struct asof_pit *pit, const struct seen *seen, const struct asof_pit_place *place,
	   const uint64_t *has_value, struct asof_block *block, size_t column,
	   struct asof_error *err)
{
	for (size_t i = 0; i < seen->count; i++) {
		if (!(has_value[i / WORD_BITS] >> (i % WORD_BITS) & 1))
			continue;
		const char *payload = pit->records + seen->slots[i] * pit->record_bytes;
		struct asof_str bytes = asof_pit_text_view(
			(const struct asof_pit_text *)(const void *)(payload + place->offset));
		size_t row = seen->first + i;
		if (place->form == ASOF_PIT_LIST)
			ASOF_TRY(asof_pit_read_list(bytes, block, column, row, err));
		else
			((struct asof_str *)block->data[column])[row] = bytes;
	}
	return ASOF_OK;
}

static enum asof_status
set_defaults(const struct seen *seen, const struct asof_value *value, struct asof_block *block,
	     size_t column, struct asof_error *err)
{
	for (size_t word = 0; value && word < CHUNK_WORDS; word++) {
		for (uint64_t bits = seen->is_defaulted[word]; bits != 0; bits &= bits - 1) {
			size_t row = seen->first + word * WORD_BITS + (size_t)__builtin_ctzll(bits);
			ASOF_TRY(asof_block_set(block, column, row, value, err));
		}
	}
	return ASOF_OK;
}

static enum asof_status
read_output(const struct asof_pit *pit, const struct seen *seen, size_t output,
	    struct asof_block *block, size_t column, struct asof_error *err)
{
	static const size_t widths[] = { [ASOF_PIT_FIXED_1] = 1,
					 [ASOF_PIT_FIXED_4] = 4,
					 [ASOF_PIT_FIXED_8] = 8,
					 [ASOF_PIT_FIXED_16] = 16 };
	const struct asof_pit_place *place = &pit->places[output];
	if (seen->found_count > 0) {
		uint64_t has_value[CHUNK_WORDS];
		find_values(pit, seen, output, has_value);
		if (place->form == ASOF_PIT_TEXT || place->form == ASOF_PIT_LIST) {
			ASOF_TRY(copy_texts(pit, seen, place, has_value, block, column, err));
		} else {
			size_t width = widths[place->form];
			copy_fixed(pit, seen, place->offset, width,
				   (char *)block->data[column] + seen->first * width);
		}
		size_t word_count = (seen->count + WORD_BITS - 1) / WORD_BITS;
		for (size_t i = 0; i < word_count; i++)
			block->validity[column][seen->first / WORD_BITS + i] |= has_value[i];
	}
	return set_defaults(seen, place->output.default_value, block, column, err);
}

enum asof_status
asof_pit_read(const struct asof_pit *pit, int64_t first_row, size_t count, struct asof_block *block,
	      size_t first_column, uint64_t *ret_matched, struct asof_error *err)
{
	assert(pit->is_finished && count <= block->capacity);
	size_t place = (size_t)(first_row - pit->slots->first_row);
	assert(place <= pit->slots->row_count && count <= pit->slots->row_count - place);
	uint64_t matched = 0;
	struct seen seen;
	for (size_t first = 0; first < count; first += ASOF_PIT_CHUNK_ROWS) {
		seen.first = first;
		seen.count = count - first;
		if (seen.count > ASOF_PIT_CHUNK_ROWS)
			seen.count = ASOF_PIT_CHUNK_ROWS;
		see(pit, pit->slots->row_slots + place + first, &seen);
		for (size_t i = 0; i < pit->place_count; i++)
			ASOF_TRY(read_output(pit, &seen, i, block, first_column + i, err));
		matched += seen.found_count;
	}
	*ret_matched += matched;
	return ASOF_OK;
}
