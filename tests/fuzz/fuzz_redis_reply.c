/* fuzz_redis_reply.c - whatever comes instead of a server's replies is read within bounds, and is
 * the same when it is read again. */
#include <stdlib.h>

#include "store/store_redis_link.h"

#define REPLIES_MAX 8
#define DEPTH_MAX   10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

/* Touch all of it. */
static size_t
walk(const struct asof_redis_reply *reply, int depth)
{
	size_t sum = (size_t)reply->number;
	check(depth < DEPTH_MAX && reply->kind <= ASOF_REDIS_ERROR);
	for (size_t i = 0; i < reply->text.len; i++)
		sum += (unsigned char)reply->text.ptr[i];
	if (reply->kind == ASOF_REDIS_ERROR) {
		bool ignored;
		struct asof_error err = { 0 };
		check(asof_redis_fail(reply, &ignored, &err) != ASOF_OK);
		check(err.message[0] != '\0');
	}
	for (size_t i = 0; i < reply->count; i++)
		sum += walk(&reply->items[i], depth + 1);
	return sum;
}

static size_t
parse(struct asof_str bytes, size_t *ret_done)
{
	struct asof_redis_reply replies[REPLIES_MAX] = { 0 };
	struct asof_error err = { 0 };
	size_t sum = 0;
	*ret_done = 0;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA((size_t)64 << 20);
	enum asof_status status =
		asof_redis_parse(bytes, replies, REPLIES_MAX, &arena, ret_done, &err);
	check(status == ASOF_OK || status == ASOF_IO || status == ASOF_NO_MEMORY);
	for (size_t i = 0; i < *ret_done; i++)
		sum += walk(&replies[i], 0);
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t done;
	size_t again;
	struct asof_str bytes = { (const char *)data, size };
	size_t sum = parse(bytes, &done);
	check(parse(bytes, &again) == sum && again == done);
	if (size > 0) {
		bytes.len = size / 2;
		(void)parse(bytes, &again);
		check(again <= done || done == 0);
	}
	return 0;
}
