/* s3_xml.h - the XML documents of an object store. Pure; fuzzed. */
#ifndef ASOF_LAKE_S3_XML_H
#define ASOF_LAKE_S3_XML_H

#include "lake/blob.h"

/* The text of the first element called `name`, at any depth; empty where there is none, or the
 * text is no XML. */
struct asof_str asof_s3_xml_find(struct asof_str xml, const char *name, struct asof_arena *arena);

/*
 * One page of ListObjectsV2: visit each object, its name as the store has it; *ret_next, in
 * `arena`, is the token of the next page or empty. ASOF_CORRUPT where it does not parse.
 */
ASOF_NODISCARD enum asof_status asof_s3_xml_list(struct asof_str xml, asof_blob_visit_fn *visit,
						 void *arg, struct asof_arena *arena,
						 struct asof_str *ret_next, struct asof_error *err);

#endif
