/* map.c - a hash map from byte strings to pointers: open addressing, linear probing. */
#include "base/map.h"

#include <sys/random.h>

#include "base/clock.h"

#define FIRST_SLOT_COUNT 16

struct asof_map_slot {
	struct asof_bytes key; /* ptr is NULL where the slot is free */
	uint64_t hash;
	void *value;
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed[2]; /* constant after draw_seed() */

static void
draw_seed(void)
{
	/* Where there is no entropy, the time and where we were loaded must do. */
	seed[0] = (uint64_t)asof_monotonic_us();
	seed[1] = (uint64_t)(uintptr_t)&seed;
	(void)!getrandom(seed, sizeof(seed), 0);
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein 2012): cannot be aimed at without the seed. */
static uint64_t
hash_of(struct asof_str key)
{
	(void)pthread_once(&seed_once, draw_seed);
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };

	size_t at = 0;
	for (; key.len - at >= 8; at += 8) {
		uint64_t word;
		memcpy(&word, key.ptr + at, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	uint64_t last = (uint64_t)key.len << 56;
	for (size_t i = 0; at + i < key.len; i++)
		last |= (uint64_t)(unsigned char)key.ptr[at + i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;

	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot of `key`, or the free slot where it would go. Never full: see put. */
static struct asof_map_slot *
probe(const struct asof_map *map, struct asof_str key, uint64_t hash)
{
	size_t mask = map->slot_count - 1;
	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct asof_map_slot *slot = &map->slots[i];
		if (!slot->key.ptr)
			return slot;
		if (slot->hash == hash && asof_str_equal(asof_bytes_view(slot->key), key))
			return slot;
	}
}

void
asof_map_done(struct asof_map *map)
{
	for (size_t i = 0; i < map->slot_count; i++)
		asof_bytes_free(&map->slots[i].key);
	asof_mem_free(map->slots);
	*map = (struct asof_map){ 0 };
}

static enum asof_status
grow(struct asof_map *map, struct asof_error *err)
{
	struct asof_map bigger = { .slot_count =
					   map->slot_count ? map->slot_count * 2 : FIRST_SLOT_COUNT,
				   .count = map->count };
	size_t bytes;
	if (!__builtin_mul_overflow(bigger.slot_count, sizeof(*bigger.slots), &bytes))
		bigger.slots = asof_mem_alloc(bytes);
	if (!bigger.slots)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "map of %zu slots", bigger.slot_count);

	for (size_t i = 0; i < map->slot_count; i++) {
		const struct asof_map_slot *slot = &map->slots[i];
		if (slot->key.ptr)
			*probe(&bigger, asof_bytes_view(slot->key), slot->hash) = *slot;
	}
	asof_mem_free(map->slots);
	*map = bigger;
	return ASOF_OK;
}

enum asof_status
asof_map_put(struct asof_map *map, struct asof_str key, void *value, struct asof_error *err)
{
	uint64_t hash = hash_of(key);
	if (map->count > 0) {
		struct asof_map_slot *slot = probe(map, key, hash);
		if (slot->key.ptr) {
			slot->value = value;
			return ASOF_OK;
		}
	}

	/* At most three quarters full: probes stay short and always end. */
	if (map->count + 1 > map->slot_count / 4 * 3)
		ASOF_TRY(grow(map, err));
	struct asof_bytes copy;
	ASOF_TRY(asof_bytes_copy(key, &copy, err));
	*probe(map, key, hash) = (struct asof_map_slot){ copy, hash, value };
	map->count++;
	return ASOF_OK;
}

bool
asof_map_find(const struct asof_map *map, struct asof_str key, void **ret_value)
{
	if (map->count == 0)
		return false;
	const struct asof_map_slot *slot = probe(map, key, hash_of(key));
	if (!slot->key.ptr)
		return false;
	if (ret_value)
		*ret_value = slot->value;
	return true;
}

/*
 * Close the hole at `hole`: pull back what lies behind it and may sit there, so that probing
 * needs no tombstones.
 */
static void
close_hole(struct asof_map *map, size_t hole)
{
	size_t mask = map->slot_count - 1;
	for (size_t i = (hole + 1) & mask; map->slots[i].key.ptr; i = (i + 1) & mask) {
		size_t home = (size_t)map->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct asof_map_slot){ 0 };
}

bool
asof_map_remove(struct asof_map *map, struct asof_str key)
{
	if (map->count == 0)
		return false;
	struct asof_map_slot *slot = probe(map, key, hash_of(key));
	if (!slot->key.ptr)
		return false;

	asof_bytes_free(&slot->key);
	close_hole(map, (size_t)(slot - map->slots));
	map->count--;
	return true;
}

bool
asof_map_next(const struct asof_map *map, size_t *position, struct asof_str *ret_key,
	      void **ret_value)
{
	while (*position < map->slot_count) {
		const struct asof_map_slot *slot = &map->slots[(*position)++];
		if (!slot->key.ptr)
			continue;
		if (ret_key)
			*ret_key = asof_bytes_view(slot->key);
		if (ret_value)
			*ret_value = slot->value;
		return true;
	}
	return false;
}
