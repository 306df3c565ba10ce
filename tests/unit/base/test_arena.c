#include "base/arena.h"

#include <stdalign.h>

#include "check.h"
#include "seeded.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static bool
is_zero(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

/* Every piece is filled with a byte of its own; at the end all of them must still hold it. */
static void
pieces_are_aligned_zeroed_and_apart(void **state)
{
	(void)state;
	enum { PIECES = 3000 };
	static struct {
		unsigned char *ptr;
		size_t size;
	} pieces[PIECES];
	struct random r = { 5 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < PIECES; i++) {
			size_t size = random_below(&r, i % 100 == 0 ? 200000 : 200);
			unsigned char *ptr = asof_arena_alloc(&arena, size);
			assert_non_null(ptr);
			assert_int_equal((uintptr_t)ptr % alignof(max_align_t), 0);
			assert_true(is_zero(ptr, size));
			memset(ptr, (int)(i % 255) + 1, size);
			pieces[i].ptr = ptr;
			pieces[i].size = size;
		}
		for (size_t i = 0; i < PIECES; i++) {
			for (size_t b = 0; b < pieces[i].size; b += 17)
				assert_int_equal(pieces[i].ptr[b], i % 255 + 1);
		}
		asof_arena_reset(&arena);
		assert_int_equal(arena.used_bytes, 0);
	}
}

static void
reset_keeps_one_block(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	struct asof_arena arena = { 0 };
	asof_arena_reset(&arena);
	for (int i = 0; i < 1000; i++)
		assert_non_null(asof_arena_alloc(&arena, 100));
	assert_true(asof_mem_live() > before + 1);
	asof_arena_reset(&arena);
	assert_int_equal(asof_mem_live(), before + 1);
	assert_non_null(asof_arena_alloc(&arena, 100));
	assert_int_equal(asof_mem_live(), before + 1);
	asof_arena_done(&arena);
	assert_int_equal(asof_mem_live(), before);
	asof_arena_done(&arena);
}

static void
many_small_pieces_take_few_blocks(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (int i = 0; i < 100000; i++)
		assert_non_null(asof_arena_alloc(&arena, 16));
	assert_true(asof_mem_live() - before <= 12);
}

static void
a_large_piece_does_not_waste_the_open_block(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	char *first = asof_arena_alloc(&arena, 16);
	assert_non_null(first);
	assert_non_null(asof_arena_alloc(&arena, 1 << 20));
	char *second = asof_arena_alloc(&arena, 16);
	assert_ptr_equal(second, first + 16);
}

static void
the_limit_holds(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(1000);
	assert_null(asof_arena_alloc(&arena, 1001));
	size_t got = 0;
	while (asof_arena_alloc(&arena, 32))
		got += 32;
	assert_int_equal(got, 992);
	assert_int_equal(arena.used_bytes, 992);
	assert_null(asof_arena_alloc(&arena, 9));
	assert_null(asof_arena_copy(&arena, S("0123456789")));
	asof_arena_reset(&arena);
	assert_non_null(asof_arena_alloc(&arena, 900));
}

static void
impossible_sizes_are_refused(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_null(asof_arena_alloc(&arena, SIZE_MAX));
	assert_null(asof_arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(asof_arena_array(&arena, SIZE_MAX / 2, 3));
	assert_null(asof_arena_copy(&arena, (struct asof_str){ "", SIZE_MAX }));
	assert_int_equal(arena.used_bytes, 0);
}

static void
arrays_copies_and_texts_are_handed_out(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	int64_t *numbers = asof_arena_array(&arena, 10, sizeof(*numbers));
	assert_non_null(numbers);
	assert_int_equal(numbers[9], 0);
	assert_string_equal(asof_arena_copy(&arena, S("copy")), "copy");
	assert_string_equal(asof_arena_copy(&arena, (struct asof_str){ NULL, 0 }), "");
	assert_string_equal(asof_arena_printf(&arena, "%s-%d", "text", 7), "text-7");
	assert_string_equal(asof_arena_printf(&arena, "%s", ""), "");
	assert_ptr_not_equal(asof_arena_alloc(&arena, 0), asof_arena_alloc(&arena, 0));
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		size_t before = asof_mem_live();
		struct asof_arena arena = { 0 };
		size_t failures = 0;
		asof_mem_fail_at(n);
		for (int i = 0; i < 1000; i++) {
			char *text = asof_arena_printf(&arena, "text %d", i);
			failures += text == NULL;
			if (text)
				assert_memory_equal(text, "text ", 5);
		}
		failures += asof_arena_copy(&arena, S("copy")) == NULL;
		failures += asof_arena_array(&arena, 1 << 16, 8) == NULL;
		asof_mem_fail_at(0);
		asof_arena_done(&arena);
		assert_int_equal(asof_mem_live(), before);
		if (failures == 0) {
			assert_true(n > 2);
			break;
		}
		assert_int_equal(failures, 1); /* the next piece finds memory again */
		assert_true(n < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
		cmocka_unit_test(reset_keeps_one_block),
		cmocka_unit_test(many_small_pieces_take_few_blocks),
		cmocka_unit_test(a_large_piece_does_not_waste_the_open_block),
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(arrays_copies_and_texts_are_handed_out),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
