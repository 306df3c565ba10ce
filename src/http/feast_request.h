/*
 * feast_request.h - a request for online features in the form of Feast's server. Pure but for the
 * reader that knows the views; fuzzed.
 */
#ifndef ASOF_HTTP_FEAST_REQUEST_H
#define ASOF_HTTP_FEAST_REQUEST_H

#include "http/batch_reading.h"

struct asof_feast_request {
	struct asof_batch_request batch;       /* items are named as the answer names them */
	const struct asof_batch_column **keys; /* as "entities" has them, each name once */
	size_t key_count;
	bool tells_versions; /* include_feature_view_version_metadata */
};

/*
 * {"entities": {"key": [..]}, "features": ["view:feature", "view@1:feature"] or "feature_service":
 * "s", "full_feature_names": false}. The service wins where both are given. An item is named after
 * the feature, or "view__feature"; of two with one name, or one named as a key, the request is
 * refused. Columns of `entities` that no view has as a key are not looked at.
 *
 * `reading` has everything but root, batch and room; see asof_batch_read().
 */
ASOF_NODISCARD enum asof_status asof_feast_read(struct asof_batch_reading *reading,
						struct asof_str body,
						struct asof_feast_request *ret_request);

#endif
