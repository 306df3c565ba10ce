/*
 * batch_reading.h - the steps by which the body of a batch is read: what is asked for, and of which
 * keys. For the files that read a body: batch_request.c ours, feast_request.c Feast's.
 *
 * One thread at a time. What is read borrows from the body, the arena and the views.
 */
#ifndef ASOF_HTTP_BATCH_READING_H
#define ASOF_HTTP_BATCH_READING_H

#include "http/batch_request.h"

struct asof_batch_reading {
	const struct asof_reader *reader;    /* that knows views and services, or */
	const struct asof_reader_view *only; /* the one view that there is */
	const struct asof_json *root;        /* of the body, once it is read */
	size_t entity_max;
	bool takes_entity_names; /* a column may be named after an entity that has one key */
	struct asof_arena *arena;
	struct asof_batch_request *batch;
	size_t part_max; /* that there is room for */
	size_t item_max;
	struct asof_problem *problem;
};

/* A body that is a JSON object, of not too many values. */
ASOF_NODISCARD enum asof_status asof_batch_read_root(struct asof_batch_reading *reading,
						     struct asof_str body);
/* A member that is there and not null, else NULL. */
const struct asof_json *asof_batch_find_given(const struct asof_json *object, const char *name);

/* Room for every part and item that there can be: what is served now is what the request sees. */
ASOF_NODISCARD enum asof_status asof_batch_make_room(struct asof_batch_reading *reading);

/* A list of strings, neither empty nor too long. */
ASOF_NODISCARD enum asof_status asof_batch_check_features(struct asof_batch_reading *reading,
							  const struct asof_json *features);
/* Ask for a feature, or with "*" for all of them; each once. */
ASOF_NODISCARD enum asof_status asof_batch_add_feature(struct asof_batch_reading *reading,
						       const struct asof_reader_view *view,
						       struct asof_str name);
/* The same of the view that is online under that name: "view", "view@1.2". */
ASOF_NODISCARD enum asof_status asof_batch_add_feature_of(struct asof_batch_reading *reading,
							  struct asof_str view_name,
							  struct asof_str name);
/* `member`: what the client calls it. */
ASOF_NODISCARD enum asof_status asof_batch_add_service(struct asof_batch_reading *reading,
						       const struct asof_json *given,
						       const char *member);

/* The columns of all keys of all parts. */
ASOF_NODISCARD enum asof_status asof_batch_read_entities(struct asof_batch_reading *reading);

/* As much of a client's text as a message shows. */
struct asof_str asof_batch_shown(struct asof_str text);

#endif
