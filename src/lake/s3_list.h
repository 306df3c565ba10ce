/* s3_list.h - the objects of a bucket. As thread-safe as the client. */
#ifndef ASOF_LAKE_S3_LIST_H
#define ASOF_LAKE_S3_LIST_H

#include "lake/blob.h"
#include "lake/s3_client.h"

/* Visit every object whose key begins with `prefix` (any text), ascending by bytes, its name the
 * whole key; those that others make to show a directory, ending in "/", too. */
ASOF_NODISCARD enum asof_status asof_s3_list(struct asof_s3_client *client, struct asof_str prefix,
					     asof_blob_visit_fn *visit, void *arg,
					     struct asof_error *err);

#endif
