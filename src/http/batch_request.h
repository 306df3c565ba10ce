/*
 * batch_request.h - the body of a batch request: which rows of which views, which features. Pure;
 * fuzzed.
 */
#ifndef ASOF_HTTP_BATCH_REQUEST_H
#define ASOF_HTTP_BATCH_REQUEST_H

#include "codec/json_reader.h"
#include "http/problem.h"
#include "job/reader.h"

/* Features that one request may list, before duplicates are dropped. */
#define ASOF_BATCH_FEATURES_MAX 10000

/* The values of one key, converted; row_count of them, NULL allowed. */
struct asof_batch_column {
	const char *name;
	struct asof_type type;
	struct asof_value *values;
	const struct asof_json *given; /* among the members of "entities" */
	bool is_request;               /* no key: of "request", for on-demand views */
};

/* One view of the request. */
struct asof_batch_part {
	const struct asof_reader_view *view;
	const struct asof_batch_column **columns; /* per key of the view's entity */
	size_t *outputs;                          /* as asked for, each once */
	size_t output_count;
	bool *is_asked; /* per output of the view */
};

/* A feature of the answer, in request order. */
struct asof_batch_item {
	size_t part;
	size_t output;
	const char *name; /* "view.feature" */
};

struct asof_batch_request {
	size_t row_count;
	struct asof_batch_part *parts;
	size_t part_count;
	struct asof_batch_column *columns; /* one per key and type */
	size_t column_count;
	struct asof_batch_item *items;
	size_t item_count;
	const struct asof_served *served; /* that it was looked up in; NULL: it is of one view */
};

/*
 * {"entities": {"key": [..]}, "features": ["f"]} of one view; without features all outputs: then
 * parts[0].outputs is NULL. Borrowed from `body`, `arena` and the view. Limits: entity_max rows.
 */
ASOF_NODISCARD enum asof_status asof_batch_read_view(const struct asof_reader_view *view,
						     struct asof_str body, size_t entity_max,
						     struct asof_arena *arena,
						     struct asof_batch_request *ret_batch,
						     struct asof_problem *problem);

/* {"entities": {..}, "service": "s"} or "features": ["view.feature", "view.*"] of any views. */
ASOF_NODISCARD enum asof_status asof_batch_read(const struct asof_reader *reader,
						struct asof_str body, size_t entity_max,
						struct asof_arena *arena,
						struct asof_batch_request *ret_batch,
						struct asof_problem *problem);

#endif
