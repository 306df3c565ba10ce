#include "base/base.h"

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static void
memory_is_zeroed_and_counted(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	unsigned char *p = asof_mem_alloc(100);
	assert_non_null(p);
	assert_int_equal(asof_mem_live(), before + 1);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	asof_mem_free(p);
	asof_mem_free(NULL);
	assert_int_equal(asof_mem_live(), before);
}

static void
nothing_can_be_allocated(void **state)
{
	(void)state;
	void *p = asof_mem_alloc(0);
	void *q = asof_mem_resize(NULL, 0);
	assert_non_null(p);
	assert_non_null(q);
	asof_mem_free(p);
	asof_mem_free(q);
}

static void
resizing_keeps_contents_and_counts_once(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	char *p = asof_mem_resize(NULL, 4);
	assert_non_null(p);
	memcpy(p, "abc", 4);
	p = asof_mem_resize(p, 100000);
	assert_non_null(p);
	assert_string_equal(p, "abc");
	assert_int_equal(asof_mem_live(), before + 1);
	p = asof_mem_resize(p, 2);
	assert_non_null(p);
	assert_memory_equal(p, "ab", 2);
	asof_mem_free(p);
	assert_int_equal(asof_mem_live(), before);
}

static void
the_nth_allocation_fails_once(void **state)
{
	(void)state;
	asof_mem_fail_at(3);
	char *a = asof_mem_alloc(1);
	char *b = asof_mem_resize(NULL, 1);
	assert_non_null(a);
	assert_non_null(b);
	b[0] = 'b';
	assert_null(asof_mem_resize(b, 1000));
	assert_int_equal(b[0], 'b');
	void *c = asof_mem_alloc(1);
	assert_non_null(c);
	asof_mem_free(a);
	asof_mem_free(b);
	asof_mem_free(c);

	asof_mem_fail_at(1);
	asof_mem_fail_at(0);
	a = asof_mem_alloc(1);
	assert_non_null(a);
	asof_mem_free(a);
}

static void
reserve_doubles_and_zeroes(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	void *array = NULL;
	size_t capacity = 0;
	assert_ok(asof_mem_reserve(&array, &capacity, 0, sizeof(int64_t), &err), err);
	assert_null(array);

	size_t growths = 0;
	for (size_t count = 1; count <= 10000; count++) {
		size_t old = capacity;
		assert_ok(asof_mem_reserve(&array, &capacity, count, sizeof(int64_t), &err), err);
		assert_true(capacity >= count);
		growths += capacity != old;
		int64_t *numbers = array;
		for (size_t i = old; i < capacity; i++)
			assert_int_equal(numbers[i], 0);
		numbers[count - 1] = (int64_t)count;
	}
	assert_true(growths <= 12);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(((int64_t *)array)[i], i + 1);

	assert_ok(asof_mem_reserve(&array, &capacity, 1000000, sizeof(int64_t), &err), err);
	assert_true(capacity >= 1000000);
	asof_mem_free(array);
}

static void
reserve_failing_leaves_the_array_alone(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	void *array = NULL;
	size_t capacity = 0;
	assert_ok(asof_mem_reserve(&array, &capacity, 3, 1, &err), err);
	memcpy(array, "abc", 3);
	void *old = array;
	size_t old_capacity = capacity;

	asof_mem_fail_at(1);
	assert_int_equal(asof_mem_reserve(&array, &capacity, 100, 1, &err), ASOF_NO_MEMORY);
	asof_mem_fail_at(0);
	assert_ptr_equal(array, old);
	assert_int_equal(asof_mem_reserve(&array, &capacity, SIZE_MAX / 2, 16, &err),
			 ASOF_NO_MEMORY);
	assert_ptr_equal(array, old);
	assert_int_equal(capacity, old_capacity);
	assert_memory_equal(array, "abc", 3);
	asof_mem_free(array);

	/* An array so large that it cannot be doubled. */
	array = NULL;
	capacity = SIZE_MAX / 2 + 1;
	assert_int_equal(asof_mem_reserve(&array, &capacity, capacity + 1, 2, &err),
			 ASOF_NO_MEMORY);
	assert_null(array);
}

static void
bytes_are_copied(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_bytes copy = { 0 };
	assert_ok(asof_bytes_copy(S("a\0b"), &copy, &err), err);
	assert_true(asof_str_equal(asof_bytes_view(copy), S("a\0b")));
	asof_bytes_free(&copy);
	assert_null(copy.ptr);
	assert_int_equal(copy.len, 0);

	assert_ok(asof_bytes_copy((struct asof_str){ NULL, 0 }, &copy, &err), err);
	assert_int_equal(copy.len, 0);
	asof_bytes_free(&copy);

	asof_mem_fail_at(1);
	assert_int_equal(asof_bytes_copy(S("abc"), &copy, &err), ASOF_NO_MEMORY);
	asof_mem_fail_at(0);
	assert_string_equal(err.message, "3 bytes");
	assert_null(copy.ptr);
}

static void
strings_order_by_bytes_and_prefixes_come_first(void **state)
{
	(void)state;
	static const struct asof_str ordered[] = {
		{ NULL, 0 }, { "\0", 1 }, { "a", 1 },    { "a\0", 2 },
		{ "ab", 2 }, { "b", 1 },  { "\x7f", 1 }, { "\xff", 1 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(ordered); i++) {
		for (size_t j = 0; j < ASOF_COUNTOF(ordered); j++) {
			int order = asof_str_compare(ordered[i], ordered[j]);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(asof_str_equal(ordered[i], ordered[j]), i == j);
		}
	}
}

static void
a_held_mutex_is_free_behind_its_scope(void **state)
{
	(void)state;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	{
		ASOF_HOLD(held, &lock);
		assert_int_not_equal(pthread_mutex_trylock(&lock), 0);
	}
	assert_int_equal(pthread_mutex_trylock(&lock), 0);
	pthread_mutex_unlock(&lock);
}

static void
free_bytes(struct asof_bytes *bytes)
{
	if (!bytes)
		return;
	asof_bytes_free(bytes);
	asof_mem_free(bytes);
}
ASOF_DEFINE_AUTOFREE(struct asof_bytes, free_bytes)

static void
what_is_stolen_is_not_freed(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	struct asof_bytes *kept = NULL;
	{
		ASOF_AUTO(free_bytes_auto)
		struct asof_bytes *dropped = asof_mem_alloc(sizeof(*dropped));
		ASOF_AUTO(free_bytes_auto)
		struct asof_bytes *given = asof_mem_alloc(sizeof(*given));
		assert_non_null(dropped);
		assert_non_null(given);
		kept = ASOF_STEAL(given);
		assert_null(given);
	}
	assert_int_equal(asof_mem_live(), before + 1);
	free_bytes(kept);
	assert_int_equal(asof_mem_live(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_counted),
		cmocka_unit_test(nothing_can_be_allocated),
		cmocka_unit_test(resizing_keeps_contents_and_counts_once),
		cmocka_unit_test(the_nth_allocation_fails_once),
		cmocka_unit_test(reserve_doubles_and_zeroes),
		cmocka_unit_test(reserve_failing_leaves_the_array_alone),
		cmocka_unit_test(bytes_are_copied),
		cmocka_unit_test(strings_order_by_bytes_and_prefixes_come_first),
		cmocka_unit_test(a_held_mutex_is_free_behind_its_scope),
		cmocka_unit_test(what_is_stolen_is_not_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
