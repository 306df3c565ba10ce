/*
 * store_bench.c - an LMDB store: loads of ascending keys, and random gets by LMDB alone and past
 * it.
 *
 *   store_bench DIR ROWS GETS ROUNDS
 *
 * Keys are 8 bytes, values 100. A line per arm and round; every value is looked at, and a wrong one
 * ends the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/store.h"
#include "timing.h"

#define VALUE_BYTES 100
#define LOAD_ROWS   512
#define KEYS_MAX    100

const char bench_name[] = "store_bench";

/* Big endian, so that numbers ascend as bytes do. */
static void
write_key(uint64_t number, char out[8])
{
	uint64_t swapped = __builtin_bswap64(number);
	memcpy(out, &swapped, sizeof(swapped));
}

static void
write_value(uint64_t number, char out[VALUE_BYTES])
{
	memset(out, (int)(number % 251), VALUE_BYTES);
	memcpy(out, &number, sizeof(number));
}

static struct asof_store *
opened(const char *dir, const char *name, const char *more)
{
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	char uri[4200];
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/%s%s", dir, name, more);
	if (asof_store_open(uri, &store, &err) != ASOF_OK)
		die("open", &err);
	return store;
}

static void
load_rows(struct asof_store_load *load, size_t rows)
{
	static char keys[LOAD_ROWS][8];
	static char values[LOAD_ROWS][VALUE_BYTES];
	static struct asof_store_row batch[LOAD_ROWS];
	struct asof_error err = { 0 };
	for (size_t first = 0; first < rows; first += LOAD_ROWS) {
		size_t count = rows - first < LOAD_ROWS ? rows - first : LOAD_ROWS;
		for (size_t i = 0; i < count; i++) {
			write_key(first + i, keys[i]);
			write_value(first + i, values[i]);
			batch[i] = (struct asof_store_row){ .key = { keys[i], 8 },
							    .value = { values[i], VALUE_BYTES },
							    .event_us = 1 };
		}
		if (asof_store_load_put(load, batch, count, &err) != ASOF_OK)
			die("load", &err);
	}
}

static void
load(struct asof_store *store, size_t rows)
{
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	if (asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, &err) != ASOF_OK)
		die("begin", &err);
	load_rows(load, rows);
	if (asof_store_load_commit(load, (struct asof_str){ "", 0 },
				   (struct asof_store_position){ 0 }, NULL, &err) != ASOF_OK)
		die("commit", &err);
}

struct seen {
	const uint64_t *numbers;
	size_t count;
	size_t wrong;
};

static enum asof_status
look(void *arg, size_t index, struct asof_str value, struct asof_error *err)
{
	struct seen *seen = arg;
	(void)err;
	seen->count++;
	seen->wrong += value.len != VALUE_BYTES || memcmp(value.ptr, &seen->numbers[index], 8) != 0;
	return ASOF_OK;
}

static void
get(struct asof_store *store, size_t rows, size_t gets, size_t at_once)
{
	struct asof_error err = { 0 };
	uint64_t random = 20010629;
	char bytes[KEYS_MAX][8];
	uint64_t numbers[KEYS_MAX];
	struct asof_str keys[KEYS_MAX];
	struct seen seen = { numbers, 0, 0 };
	for (size_t done = 0; done < gets; done += at_once) {
		for (size_t i = 0; i < at_once; i++) {
			numbers[i] = random_bits(&random) % rows;
			write_key(numbers[i], bytes[i]);
			keys[i] = (struct asof_str){ bytes[i], 8 };
		}
		if (asof_store_get_many(store, "t", keys, at_once, look, &seen, &err) != ASOF_OK)
			die("get", &err);
	}
	if (seen.wrong > 0 || seen.count < gets) {
		fprintf(stderr, "store_bench: %zu gets of %zu found, %zu wrong\n", seen.count, gets,
			seen.wrong);
		exit(1);
	}
}

static void
print(const char *arm, size_t round, struct cost cost, size_t count)
{
	printf("{\"arm\": \"%s\", \"round\": %zu, \"seconds\": %.6f, \"cpu\": %.6f, "
	       "\"per_second\": %.0f}\n",
	       arm, round, cost.seconds, cost.cpu, (double)count / cost.seconds);
	(void)fflush(stdout);
}

static void
time_load(const char *arm, struct asof_store *store, size_t round, size_t rows)
{
	struct cost cost = { 0 };
	struct cost begin = cost_begin();
	load(store, rows);
	cost_end(&cost, begin);
	print(arm, round, cost, rows);
}

static void
time_gets(const char *arm, struct asof_store *store, size_t round, size_t rows, size_t gets,
	  size_t at_once)
{
	struct cost cost = { 0 };
	get(store, rows, gets / 10, at_once); /* warm */
	struct cost begin = cost_begin();
	get(store, rows, gets, at_once);
	cost_end(&cost, begin);
	print(arm, round, cost, gets);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(stderr, "usage: store_bench DIR [ROWS [GETS [ROUNDS]]]\n");
		return 2;
	}
	size_t rows = argument(argc, argv, 2, 1000000);
	size_t gets = argument(argc, argv, 3, 1000000);
	size_t rounds = argument(argc, argv, 4, 3);
	struct asof_store *plain = opened(argv[1], "plain", "?front=off");
	struct asof_store *front = opened(argv[1], "front", "");
	for (size_t round = 0; round < rounds; round++) {
		time_load("load, LMDB alone", plain, round, rows);
		time_load("load", front, round, rows);
		time_gets("get 100, LMDB alone", plain, round, rows, gets, 100);
		time_gets("get 100", front, round, rows, gets, 100);
		time_gets("get 1, LMDB alone", plain, round, rows, gets, 1);
		time_gets("get 1", front, round, rows, gets, 1);
	}
	asof_store_free(plain);
	asof_store_free(front);
	return 0;
}
