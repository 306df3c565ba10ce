#include "base/map.h"

#include <stdio.h>

#include "check.h"
#include "seeded.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static int values[1000]; /* only their addresses matter */

static void
an_empty_map_has_nothing(void **state)
{
	(void)state;
	struct asof_map map = { 0 };
	size_t position = 0;
	assert_false(asof_map_find(&map, S("a"), NULL));
	assert_false(asof_map_remove(&map, S("a")));
	assert_false(asof_map_next(&map, &position, NULL, NULL));
	asof_map_done(&map);
}

static void
put_replaces_the_old_value(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_map_done) struct asof_map map = { 0 };
	void *value = NULL;
	assert_ok(asof_map_put(&map, S("k"), &values[1], &err), err);
	assert_ok(asof_map_put(&map, S("k"), &values[2], &err), err);
	assert_int_equal(map.count, 1);
	assert_true(asof_map_find(&map, S("k"), &value));
	assert_ptr_equal(value, &values[2]);
}

static void
keys_are_copied_bytes_of_any_kind(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_map_done) struct asof_map map = { 0 };
	char key[] = "key";
	assert_ok(asof_map_put(&map, asof_str_from(key), &values[0], &err), err);
	key[0] = 'X';
	assert_true(asof_map_find(&map, S("key"), NULL));
	assert_false(asof_map_find(&map, S("Xey"), NULL));

	assert_ok(asof_map_put(&map, (struct asof_str){ NULL, 0 }, &values[3], &err), err);
	assert_ok(asof_map_put(&map, S("\0"), &values[4], &err), err);
	assert_ok(asof_map_put(&map, S("\0\0"), NULL, &err), err);
	void *value = &values[9];
	assert_true(asof_map_find(&map, S(""), &value));
	assert_ptr_equal(value, &values[3]);
	assert_true(asof_map_find(&map, S("\0"), &value));
	assert_ptr_equal(value, &values[4]);
	assert_true(asof_map_find(&map, S("\0\0"), &value));
	assert_null(value);
	assert_int_equal(map.count, 4);
}

/* The oracle: an array indexed by what the key says. */
struct model {
	void *value[300];
	bool is_there[300];
	size_t count;
};

static struct asof_str
key_of(size_t i, char out[64])
{
	/* Lengths from 1 to 40, around the hash's words of eight bytes. */
	int len = snprintf(out, 64, "%zu", i);
	while (len < (int)(i % 40))
		out[len++] = '.';
	return (struct asof_str){ out, (size_t)len };
}

static void
check_equal(const struct asof_map *map, const struct model *model)
{
	char text[64];
	assert_int_equal(map->count, model->count);
	for (size_t i = 0; i < ASOF_COUNTOF(model->value); i++) {
		void *value = NULL;
		assert_int_equal(asof_map_find(map, key_of(i, text), &value), model->is_there[i]);
		assert_ptr_equal(value, model->is_there[i] ? model->value[i] : NULL);
	}

	bool was_seen[ASOF_COUNTOF(model->value)] = { false };
	size_t seen = 0;
	size_t position = 0;
	struct asof_str key;
	void *value;
	while (asof_map_next(map, &position, &key, &value)) {
		size_t i = 0;
		for (size_t d = 0; d < key.len && key.ptr[d] != '.'; d++)
			i = i * 10 + (size_t)(key.ptr[d] - '0');
		assert_true(i < ASOF_COUNTOF(was_seen) && !was_seen[i]);
		was_seen[i] = true;
		assert_true(model->is_there[i]);
		assert_ptr_equal(value, model->value[i]);
		seen++;
	}
	assert_int_equal(seen, model->count);
}

static void
random_operations_equal_a_plain_array(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct random r = { 42 };
	for (int round = 0; round < 20; round++) {
		ASOF_AUTO(asof_map_done) struct asof_map map = { 0 };
		struct model model = { 0 };
		uint64_t key_limit = 1 + random_below(&r, ASOF_COUNTOF(model.value));
		uint64_t put_share = 1 + random_below(&r, 9);
		for (int step = 0; step < 2000; step++) {
			size_t i = random_below(&r, key_limit);
			char text[64];
			struct asof_str key = key_of(i, text);
			if (random_below(&r, 10) < put_share) {
				void *value = &values[random_below(&r, ASOF_COUNTOF(values))];
				assert_ok(asof_map_put(&map, key, value, &err), err);
				model.count += !model.is_there[i];
				model.is_there[i] = true;
				model.value[i] = value;
			} else {
				assert_int_equal(asof_map_remove(&map, key), model.is_there[i]);
				model.count -= model.is_there[i];
				model.is_there[i] = false;
			}
			if (step % 100 == 0)
				check_equal(&map, &model);
		}
		check_equal(&map, &model);
	}
}

static void
an_emptied_map_does_not_grow(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_map_done) struct asof_map map = { 0 };
	for (size_t i = 0; i < 10000; i++) {
		char text[64];
		assert_ok(asof_map_put(&map, key_of(i, text), NULL, &err), err);
		assert_true(asof_map_remove(&map, key_of(i, text)));
	}
	assert_int_equal(map.count, 0);
	assert_true(map.slot_count <= 16);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		struct asof_error err = { 0 };
		size_t before = asof_mem_live();
		struct asof_map map = { 0 };
		enum asof_status status = ASOF_OK;
		size_t added = 0;
		char text[64];
		asof_mem_fail_at(n);
		while (status == ASOF_OK && added < 40) {
			status = asof_map_put(&map, key_of(added, text), &values[added], &err);
			added += status == ASOF_OK;
		}
		asof_mem_fail_at(0);

		/* What was put before is there, and what failed is not. */
		assert_int_equal(map.count, added);
		for (size_t i = 0; i < 40; i++)
			assert_int_equal(asof_map_find(&map, key_of(i, text), NULL), i < added);
		asof_map_done(&map);
		assert_int_equal(asof_mem_live(), before);
		if (status == ASOF_OK) {
			assert_true(n > 40);
			break;
		}
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(n < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(put_replaces_the_old_value),
		cmocka_unit_test(keys_are_copied_bytes_of_any_kind),
		cmocka_unit_test(random_operations_equal_a_plain_array),
		cmocka_unit_test(an_emptied_map_does_not_grow),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
