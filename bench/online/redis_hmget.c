/*
 * redis_hmget.c - Redis as a feature store has it: one hash per entity, a batch is HMGETs in one
 * pipeline of one connection.
 *
 *   redis_hmget load PORT FILE
 *   redis_hmget get PORT KEYS ENTITIES FIELDS SECONDS
 *
 * Lines of FILE: key,value,value,..; the fields are f0, f1, ..
 *
 * Keys are e:000000000000 to KEYS-1, of twelve digits as redis-benchmark makes them. `get` prints a
 * JSON line; a value that is missing ends the program.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "timing.h"

#define KEY       "e:%012llu"
#define PIPELINE  500
#define TEXT_MAX  8192
#define BATCH_MAX 10000000

const char bench_name[] = "redis_hmget";

static void
give_up(const char *what)
{
	fprintf(stderr, "redis_hmget: %s\n", what);
	exit(1);
}

static redisReply *
next_reply(redisContext *redis)
{
	void *reply = NULL;
	if (redisGetReply(redis, &reply) != REDIS_OK)
		give_up(redis->errstr);
	return reply;
}

static redisContext *
opened(const char *port)
{
	redisContext *redis = redisConnect("127.0.0.1", (int)strtol(port, NULL, 10));
	if (!redis || redis->err)
		give_up(redis ? redis->errstr : "no memory");
	return redis;
}

/* "7,1.5,2" as HSET e:000000000007 f0 1.5 f1 2 */
static void
append_row(redisContext *redis, const char *line)
{
	char command[TEXT_MAX];
	size_t len =
		(size_t)snprintf(command, sizeof(command), "HSET " KEY, strtoull(line, NULL, 10));
	const char *at = line + strcspn(line, ",");
	for (int field = 0; *at == ',' && len < sizeof(command); field++) {
		int size = (int)strcspn(++at, ",\n");
		len += (size_t)snprintf(command + len, sizeof(command) - len, " f%d %.*s", field,
					size, at);
		at += size;
	}
	if (len >= sizeof(command))
		give_up("a line that is too long");
	redisAppendCommand(redis, command);
}

static void
load(redisContext *redis, const char *path)
{
	char line[TEXT_MAX];
	FILE *file = fopen(path, "r");
	if (!file)
		give_up(path);
	size_t pending = 0;
	bool has_more = true;
	while (has_more) {
		has_more = fgets(line, sizeof(line), file) != NULL;
		if (has_more) {
			append_row(redis, line);
			pending++;
		}
		while (pending > 0 && (!has_more || pending == PIPELINE)) {
			for (; pending > 0; pending--)
				freeReplyObject(next_reply(redis));
		}
	}
	(void)fclose(file);
}

static void
check(const redisReply *reply, size_t fields)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != fields)
		give_up("an answer that is no row");
	for (size_t i = 0; i < fields; i++) {
		if (reply->element[i]->type != REDIS_REPLY_STRING)
			give_up("a value is missing");
	}
}

struct batch {
	size_t keys;
	size_t entities;
	size_t fields;
	char names[TEXT_MAX]; /* " f0 f1 .." */
	uint64_t random;
};

static void
get_batch(redisContext *redis, struct batch *b)
{
	char command[TEXT_MAX + 64];
	for (size_t i = 0; i < b->entities; i++) {
		(void)snprintf(command, sizeof(command), "HMGET " KEY "%s",
			       (unsigned long long)(random_bits(&b->random) % b->keys), b->names);
		redisAppendCommand(redis, command);
	}
	for (size_t i = 0; i < b->entities; i++) {
		redisReply *reply = next_reply(redis);
		check(reply, b->fields);
		freeReplyObject(reply);
	}
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

static void
get(redisContext *redis, struct batch *b, double seconds)
{
	double *took = allocate(BATCH_MAX, sizeof(*took));
	size_t count = 0;
	double began = seconds_now();
	double now = began;
	while (now - began < seconds && count < BATCH_MAX) {
		double before = now;
		get_batch(redis, b);
		now = seconds_now();
		took[count++] = now - before;
	}
	qsort(took, count, sizeof(*took), by_value);
	printf("{\"requests\": %zu, \"seconds\": %.6f, \"p50_us\": %.1f, \"p95_us\": %.1f, "
	       "\"p99_us\": %.1f, "
	       "\"p999_us\": %.1f}\n",
	       count, now - began, took[count / 2] * 1e6, took[count * 95 / 100] * 1e6,
	       took[count * 99 / 100] * 1e6, took[count * 999 / 1000] * 1e6);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "load") == 0) {
		load(opened(argv[2]), argv[3]);
		return 0;
	}
	if (argc != 7 || strcmp(argv[1], "get") != 0) {
		fprintf(stderr, "usage: redis_hmget load PORT FILE\n"
				"       redis_hmget get PORT KEYS ENTITIES FIELDS SECONDS\n");
		return 2;
	}
	struct batch b = { .random = 20010629 };
	b.keys = argument(argc, argv, 3, 0);
	b.entities = argument(argc, argv, 4, 0);
	b.fields = argument(argc, argv, 5, 0);
	size_t len = 0;
	for (size_t i = 0; i < b.fields && len < sizeof(b.names); i++)
		len += (size_t)snprintf(b.names + len, sizeof(b.names) - len, " f%zu", i);
	get(opened(argv[2]), &b, strtod(argv[6], NULL));
	return 0;
}
