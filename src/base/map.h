/*
 * map.h - a hash map from byte strings to pointers. Keys are copied. One thread at a time.
 *
 * All-zero is a valid empty map. The seed of the hash is drawn once per process, so that keys
 * from outside cannot be chosen to collide.
 */
#ifndef ASOF_MAP_H
#define ASOF_MAP_H

#include "base/base.h"

struct asof_map_slot;

struct asof_map {
	struct asof_map_slot *slots;
	size_t slot_count; /* a power of two, or 0 */
	size_t count;
};

void asof_map_done(struct asof_map *map);
/* Set the value of `key`, which may exist. `value` is borrowed, may be NULL. */
ASOF_NODISCARD enum asof_status asof_map_put(struct asof_map *map, struct asof_str key, void *value,
					     struct asof_error *err);
/* True and *ret_value when there is such a key; ret_value may be NULL. */
bool asof_map_find(const struct asof_map *map, struct asof_str key, void **ret_value);
/* True when there was such a key. */
bool asof_map_remove(struct asof_map *map, struct asof_str key);
/* Walk in no particular order: start with *position = 0; false at the end. The map must not change
 * meanwhile but for values of keys it has; the key is borrowed until it is removed; both outputs
 * may be NULL. */
bool asof_map_next(const struct asof_map *map, size_t *position, struct asof_str *ret_key,
		   void **ret_value);

#endif
