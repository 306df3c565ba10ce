/* read_partition.c - `partition: auto`, `partition: [month(event_time), origin]`. */
#include "define/read.h"
#include "model/partition.h"

static const struct asof_key *
find_key(const struct asof_entity *entity, const char *name)
{
	for (size_t i = 0; entity && i < entity->key_count; i++) {
		if (strcmp(entity->keys[i].name, name) == 0)
			return &entity->keys[i];
	}
	return NULL;
}

static void
refuse(struct asof_reading *r, const struct asof_yaml *node, const struct asof_view *view)
{
	const char *names[ASOF_KEYS_MAX];
	size_t count = view->entity ? view->entity->key_count : 0;
	for (size_t i = 0; i < count; i++)
		names[i] = view->entity->keys[i].name;
	asof_mistakes_add(r->mistakes, node->place,
			  "partition: '%s' is neither year(event_time), month(event_time) nor "
			  "day(event_time), nor a key of entity '%s'%s",
			  node->text, view->entity->name,
			  asof_reading_hint(r, node->text, names, count));
}

/* A part of the event time, each at most once, or a key. */
static void
read_part(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view)
{
	struct asof_partition part = { .place = node->place };
	const char *text = asof_read_text(r, node, "partition");
	if (!text)
		return;
	if (!asof_partition_of_time(asof_str_from(text), &part.kind)) {
		const struct asof_key *key = find_key(view->entity, text);
		if (!key) {
			if (view->entity)
				refuse(r, node, view);
			return;
		}
		part.kind = ASOF_PARTITION_KEY;
		part.key = key->name;
	}
	for (size_t i = 0; i < view->partition_count; i++) {
		if (asof_partitions_equal(&view->partitions[i], 1, &part, 1)) {
			asof_mistakes_add(r->mistakes, node->place,
					  "partition: '%s' is given twice", text);
			return;
		}
	}
	view->partitions[view->partition_count++] = part;
}

void
asof_read_partition(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view)
{
	if (!node)
		return;
	if (node->kind == ASOF_YAML_SCALAR && strcmp(node->text, "none") == 0)
		return;
	if (node->kind == ASOF_YAML_SCALAR && strcmp(node->text, "auto") == 0) {
		view->is_partition_auto = true;
		return;
	}
	if (!asof_read_is_list(r, node,
			       "none, auto, or a list as [month(event_time)] for 'partition'"))
		return;
	if (node->count == 0 || node->count > ASOF_PARTITIONS_MAX) {
		asof_mistakes_add(r->mistakes, node->place,
				  "partition: from 1 to %d parts, not %zu", ASOF_PARTITIONS_MAX,
				  node->count);
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		read_part(r, node->items[i], view);
}
