/* shop.h - a reader of the sample project's online store, at an instant that is held. */
#ifndef ASOF_TESTS_HTTP_SHOP_H
#define ASOF_TESTS_HTTP_SHOP_H

#include "check.h"
#include "job/reader.h"
#include "tempdir.h"

#define SHOP_AT_US     INT64_C(1706745600000000) /* 2024-02-01: its orders are of January */
#define SHOP_CUSTOMERS ((size_t)25)              /* 20 of them order */

struct shop {
	char dir[TEMPDIR_MAX];
	size_t live_before;
	struct asof_session *session;
	struct asof_reader *reader;
};

static inline void
shop_prepare(struct shop *shop)
{
	struct asof_error err = { 0 };
	char *json = NULL;
	assert_ok(asof_init(shop->dir, &json, &err), err);
	asof_mem_free(ASOF_STEAL(json));
	struct asof_session_options options = { .dir = shop->dir, .threads = 1 };
	assert_ok(asof_session_open(&options, &shop->session, &err), err);
	struct asof_build_options build = { .is_full = true };
	assert_ok(asof_build(shop->session, &build, &json, &err), err);
	asof_mem_free(ASOF_STEAL(json));
	struct asof_materialize_options at = { .has_at = true, .at_us = SHOP_AT_US };
	assert_ok(asof_materialize(shop->session, &at, &json, &err), err);
	asof_mem_free(json);
	struct asof_reader_options clock = { .has_clock = true,
					     .clock_us = SHOP_AT_US,
					     .is_clock_held = true };
	assert_ok(asof_reader_open(shop->session, &clock, &shop->reader, &err), err);
}

/* Of a group of tests: it is made once. */
static inline int
shop_up(void **state)
{
	static struct shop shop;
	shop = (struct shop){ .live_before = asof_mem_live() };
	tempdir_make(shop.dir);
	shop_prepare(&shop);
	*state = &shop;
	return 0;
}

static inline int
shop_down(void **state)
{
	struct shop *shop = *state;
	asof_reader_close(shop->reader);
	asof_session_close(shop->session);
	tempdir_remove(shop->dir);
	return asof_mem_live() == shop->live_before ? 0 : -1;
}

#endif
