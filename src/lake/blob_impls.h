/* blob_impls.h - the list of implementations, for blob.c alone. */
#ifndef ASOF_LAKE_BLOB_IMPLS_H
#define ASOF_LAKE_BLOB_IMPLS_H

#include "lake/blob.h"

extern const struct asof_blob_ops asof_blob_file_ops;
extern const struct asof_blob_ops asof_blob_s3_ops;

#endif
