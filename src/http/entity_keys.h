/* entity_keys.h - one entity's key from a path segment or a query. Pure; fuzzed. */
#ifndef ASOF_HTTP_ENTITY_KEYS_H
#define ASOF_HTTP_ENTITY_KEYS_H

#include "http/target.h"
#include "model/project.h"

/*
 * `segment` as sent: the whole of it is the key of an entity with one key; of several it is split
 * at commas first, each part decoded after. ret_values has one per key of the entity, in order,
 * borrowed from `segment` or `arena`.
 */
ASOF_NODISCARD enum asof_status asof_entity_keys_from_path(const struct asof_entity *entity,
							   struct asof_str segment,
							   struct asof_arena *arena,
							   struct asof_value *ret_values,
							   struct asof_problem *problem);

/* "name=value&..", every key once; other names are ignored. */
ASOF_NODISCARD enum asof_status asof_entity_keys_from_query(const struct asof_entity *entity,
							    struct asof_str query,
							    struct asof_arena *arena,
							    struct asof_value *ret_values,
							    struct asof_problem *problem);

/* Refused where `query` names a key: for requests that have it in their path. */
ASOF_NODISCARD enum asof_status asof_entity_keys_refuse_query(const struct asof_entity *entity,
							      struct asof_str query,
							      struct asof_arena *arena,
							      struct asof_problem *problem);

#endif
