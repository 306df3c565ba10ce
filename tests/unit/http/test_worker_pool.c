#include "http/worker_pool.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "check.h"
#include "unit/http/gate.h"

#define HOUR_US   INT64_C(3600000000)
#define ITEMS_MAX 16

struct item {
	struct asof_task task;
	unsigned run_count; /* guarded by the gate's lock while workers run */
	atomic_uint refused_count;
	unsigned place; /* in the order in which items were begun, from 1 */
};

/* A pool whose workers stop at a gate before each item. */
struct shop {
	struct asof_worker_pool *pool;
	struct gate gate;
	atomic_uint begun;
	struct item items[ITEMS_MAX];
};

static struct item *
item_of(struct asof_task *task)
{
	return (struct item *)((char *)task - offsetof(struct item, task));
}

static void
run(void *arg, unsigned worker, struct asof_task *task)
{
	struct shop *shop = arg;
	struct item *item = item_of(task);
	(void)worker;
	item->place = atomic_fetch_add(&shop->begun, 1) + 1;
	gate_pass(&shop->gate);
	ASOF_HOLD(held, &shop->gate.lock);
	item->run_count++;
	(void)pthread_cond_broadcast(&shop->gate.changed);
}

static void
refuse(void *arg, struct asof_task *task)
{
	(void)arg;
	atomic_fetch_add(&item_of(task)->refused_count, 1);
}

static void
open_shop(struct shop *shop, unsigned workers, size_t queue_max, unsigned passes)
{
	struct asof_error err = { 0 };
	*shop = (struct shop){ 0 };
	gate_init(&shop->gate, passes);
	struct asof_worker_pool_options options = { .worker_count = workers,
						    .queue_max = queue_max,
						    .wait_max_us = HOUR_US,
						    .run = run,
						    .refuse = refuse,
						    .arg = shop };
	assert_ok(asof_worker_pool_open(&options, &shop->pool, &err), err);
}

/* Whatever waits is done. */
static void
close_shop(struct shop *shop)
{
	gate_let(&shop->gate, GATE_OPEN);
	asof_worker_pool_close(shop->pool);
	gate_done(&shop->gate);
}

static bool
submit(struct shop *shop, size_t item)
{
	return asof_worker_pool_submit(shop->pool, &shop->items[item].task);
}

static void
tasks_begin_in_the_order_in_which_they_came(void **state)
{
	struct shop shop;
	(void)state;
	open_shop(&shop, 1, ITEMS_MAX, 0);
	for (size_t i = 0; i < ITEMS_MAX; i++)
		assert_true(submit(&shop, i));
	close_shop(&shop);
	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		assert_int_equal(shop.items[i].place, i + 1);
		assert_int_equal(shop.items[i].run_count, 1);
	}
}

static void
as_many_run_at_once_as_there_are_workers(void **state)
{
	struct shop shop;
	(void)state;
	open_shop(&shop, 4, ITEMS_MAX, 0);
	for (size_t i = 0; i < 5; i++)
		assert_true(submit(&shop, i));
	gate_await(&shop.gate, 4);
	struct asof_worker_pool_counts counts = asof_worker_pool_counts(shop.pool);
	assert_int_equal(counts.running, 4);
	assert_int_equal(counts.waiting, 1);
	close_shop(&shop);
	assert_int_equal(shop.items[4].run_count, 1);
}

static void
a_queue_that_is_full_takes_no_more_until_there_is_room(void **state)
{
	struct shop shop;
	(void)state;
	open_shop(&shop, 1, 2, 0);
	assert_true(submit(&shop, 0));
	gate_await(&shop.gate, 1);
	assert_true(submit(&shop, 1));
	assert_true(submit(&shop, 2));
	assert_false(submit(&shop, 3));
	assert_int_equal(asof_worker_pool_counts(shop.pool).full, 1);
	gate_let(&shop.gate, 1);
	gate_await(&shop.gate, 2);
	assert_true(submit(&shop, 3));
	close_shop(&shop);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(shop.items[i].run_count, 1);
}

static void
what_has_not_begun_can_be_withdrawn(void **state)
{
	struct shop shop;
	(void)state;
	open_shop(&shop, 1, 3, 0);
	assert_true(submit(&shop, 0));
	gate_await(&shop.gate, 1);
	for (size_t i = 1; i < 4; i++)
		assert_true(submit(&shop, i));
	assert_false(asof_worker_pool_withdraw(shop.pool, &shop.items[0].task));
	assert_true(asof_worker_pool_withdraw(shop.pool, &shop.items[2].task));
	assert_true(asof_worker_pool_withdraw(shop.pool, &shop.items[3].task));
	assert_false(asof_worker_pool_withdraw(shop.pool, &shop.items[3].task));
	assert_true(submit(&shop, 4)); /* behind item 1, although those that were last are gone */
	close_shop(&shop);
	static const unsigned places[] = { 1, 2, 0, 0, 3 };
	for (size_t i = 0; i < ASOF_COUNTOF(places); i++)
		assert_int_equal(shop.items[i].place, places[i]);
}

static void
what_waits_too_long_is_refused_while_all_workers_hang(void **state)
{
	struct shop shop;
	(void)state;
	open_shop(&shop, 1, 3, 0);
	assert_true(submit(&shop, 0));
	gate_await(&shop.gate, 1);
	assert_true(submit(&shop, 1));
	assert_true(submit(&shop, 2));
	asof_worker_pool_expire(shop.pool, shop.items[1].task.submitted_us + HOUR_US);
	assert_int_equal(shop.items[1].refused_count, 0);
	asof_worker_pool_expire(shop.pool, asof_monotonic_us() + HOUR_US + 1);
	assert_int_equal(shop.items[0].refused_count, 0);
	assert_int_equal(shop.items[1].refused_count, 1);
	assert_int_equal(shop.items[2].refused_count, 1);
	assert_int_equal(asof_worker_pool_counts(shop.pool).late, 2);
	assert_int_equal(asof_worker_pool_counts(shop.pool).waiting, 0);
	close_shop(&shop);
	assert_int_equal(shop.items[0].run_count, 1);
	assert_int_equal(shop.items[1].run_count, 0);
}

#define CLIENTS 4
#define ROUNDS  500

struct client {
	struct shop *shop;
	pthread_t thread;
	unsigned withdrawn;
	unsigned ended;
	unsigned full;
};

static void
await_run(struct shop *shop, const struct item *item, unsigned run_count)
{
	ASOF_HOLD(held, &shop->gate.lock);
	while (item->run_count < run_count)
		(void)pthread_cond_wait(&shop->gate.changed, &shop->gate.lock);
}

/* Submits one item again and again, and takes it back as often as it can. */
static void *
be_client(void *arg)
{
	struct client *client = arg;
	struct item item = { 0 };
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!asof_worker_pool_submit(client->shop->pool, &item.task)) {
			client->full++;
			continue;
		}
		if (i % 2 == 0 && asof_worker_pool_withdraw(client->shop->pool, &item.task)) {
			client->withdrawn++;
			continue;
		}
		await_run(client->shop, &item, ++client->ended);
	}
	return NULL;
}

static void
each_task_is_run_once_or_comes_back(void **state)
{
	struct shop shop;
	struct client clients[CLIENTS] = { 0 };
	unsigned ended = 0;
	(void)state;
	open_shop(&shop, 2, 2, GATE_OPEN);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i].shop = &shop;
		assert_int_equal(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]),
				 0);
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
		const struct client *client = &clients[i];
		assert_int_equal(client->withdrawn + client->ended + client->full, ROUNDS);
		ended += client->ended;
	}
	assert_int_equal(atomic_load(&shop.begun), ended);
	assert_int_equal(asof_worker_pool_counts(shop.pool).waiting, 0);
	close_shop(&shop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_begin_in_the_order_in_which_they_came),
		cmocka_unit_test(as_many_run_at_once_as_there_are_workers),
		cmocka_unit_test(a_queue_that_is_full_takes_no_more_until_there_is_room),
		cmocka_unit_test(what_has_not_begun_can_be_withdrawn),
		cmocka_unit_test(what_waits_too_long_is_refused_while_all_workers_hang),
		cmocka_unit_test(each_task_is_run_once_or_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
